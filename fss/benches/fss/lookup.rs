//! Look-ups in tables and piecewise polynomials: one party's evaluation, a fresh key for each gate.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::wire::SessionId;
use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::gates::Gate;
use piquet_fss::gates::lookup::{Lookup, LookupBits, SignedLookup, Table as Entries};
use piquet_fss::gates::spline::Spline;
use piquet_fss::stream::KeyStream;
use piquet_fss::testing::uniform;
use piquet_fss::{Cpu, P0, P1};

const SESSION: SessionId = SessionId([7; 32]);
const GATES: usize = 512;

/// Gates a second; entries of 64 bits.
pub(crate) fn rows(t: &mut Table) {
    let aes = limits::aes_blocks(t);
    let cpu = Cpu::new();
    for bits in [8u32, 12] {
        let table = Entries::new(bits, &uniform::<u64>(64, 1 << bits, 3)).unwrap();
        let tables = [&table];
        let bytes = 8.0 * f64::from(1u32 << bits);
        let read = limits::read_bytes(t, bytes as usize);
        let limit = |blocks: u32| {
            let seconds = f64::from(blocks) / aes.per_second() + bytes / read.per_second();
            Limit::of(
                1.0 / seconds,
                "AES of the tree + reading the table, measured here",
            )
        };
        let x = uniform::<u64>(bits, GATES, 4);

        let gate = LookupBits::<u64>::new(bits).unwrap();
        let keys = Keys::new(&gate, &x);
        t.bench(&format!("lookup-bits-{bits}"))
            .work(GATES as u64)
            .bytes(gate.key_bytes(GATES) as f64 / GATES as f64)
            .limit(&limit((1 << (bits - 6)) - 1))
            .rate_of(
                || keys.take(&gate),
                |k| k.evaluate(&x, &tables, &cpu).unwrap(),
            );
        let gate = SignedLookup::<u64>::new(bits, 64, 1).unwrap();
        let keys = Keys::new(&gate, &x);
        let message = {
            let peer = KeyStream::<P1>::new(SESSION, 1, keys.dealer.seed::<P1>())
                .take(&gate, GATES, &keys.streams[1])
                .unwrap();
            peer.start(&x, &tables, &cpu).unwrap().1
        };
        t.bench(&format!("lookup-signed-{bits}"))
            .work(GATES as u64)
            .bytes(gate.key_bytes(GATES) as f64 / GATES as f64)
            .limit(&limit((1 << (bits - 6)) - 1))
            .rate_of(
                || keys.take(&gate),
                |k| {
                    k.start(&x, &tables, &cpu)
                        .unwrap()
                        .0
                        .finish(&message)
                        .unwrap()
                },
            );
        let gate = Lookup::<u64>::new(bits, 64).unwrap();
        let keys = Keys::new(&gate, &x);
        t.bench(&format!("lookup-{bits}"))
            .work(GATES as u64)
            .bytes(gate.key_bytes(GATES) as f64 / GATES as f64)
            .limit(&limit((1 << bits) - 1))
            .rate_of(
                || keys.take(&gate),
                |k| k.evaluate(&x, &tables, &cpu).unwrap(),
            );
    }
    spline(t, &aes);
}

/// 38 bits, eight knots, squares.
fn spline(t: &mut Table, aes: &Limit) {
    let cpu = Cpu::new();
    let knots: Vec<i128> = (0..8).map(|i| (i - 4) << 14).collect();
    let coefficients: Vec<i128> = (1..=27).collect();
    let pieces: Vec<_> = coefficients.chunks(3).collect();
    let gate = Spline::<u64>::new(38, 38, &knots, &pieces).unwrap();
    let x = uniform::<u64>(38, GATES, 4);
    let keys = Keys::new(&gate, &x);
    let peer = KeyStream::<P1>::new(SESSION, 1, keys.dealer.seed::<P1>())
        .take(&gate, GATES, &keys.streams[1])
        .unwrap();
    let message = peer.start(&x, &cpu).unwrap().1;
    t.bench("spline-38")
        .work(GATES as u64)
        .bytes(gate.key_bytes(GATES) as f64 / GATES as f64)
        .limit(&aes.per(9.0 * 32.0))
        .rate_of(
            || keys.take(&gate),
            |k| k.start(&x, &cpu).unwrap().0.finish(&message).unwrap(),
        );
}

/// One block of keys, which can be taken again and again.
struct Keys {
    dealer: Dealer,
    streams: [Vec<u8>; 2],
}

impl Keys {
    fn new<G>(gate: &G, masks: &[u64]) -> Self
    where
        G: for<'a> Gate<Masks<'a> = &'a [u64]>,
    {
        let mut dealer = Dealer::new(SESSION, 1, &Seed::from_bytes([1; 16]));
        let mut streams = [Vec::new(), Vec::new()];
        let [s0, s1] = &mut streams;
        dealer.deal(gate, masks.len(), masks, [s0, s1]).unwrap();
        Self { dealer, streams }
    }
    fn take<G: Gate>(&self, gate: &G) -> G::Keys<P0> {
        KeyStream::<P0>::new(SESSION, 1, self.dealer.seed::<P0>())
            .take(gate, GATES, &self.streams[0])
            .unwrap()
    }
}
