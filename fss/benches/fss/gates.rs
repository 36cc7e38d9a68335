//! Gates built on them: both steps of one party, from a key that was read from its stream to shares.
#![allow(clippy::unwrap_used)] // a bench that fails must stop

use piquet_bench_harness::{Table, limits};
use piquet_core::wire::SessionId;
use piquet_core::{Block, Prg, RingVec};
use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::gates::Gate;
use piquet_fss::gates::max_pool::{MaxPool, MaxPoolKeys, MaxPoolStep};
use piquet_fss::gates::relu::{Relu, ReluTruncate};
use piquet_fss::gates::shift::Range;
use piquet_fss::gates::truncate::Truncate;
use piquet_fss::stream::KeyStream;
use piquet_fss::testing::{masked, sum, uniform};
use piquet_fss::{Cpu, P0, P1, Role};

const SESSION: SessionId = SessionId([61; 32]);
const BITS: u32 = 38;
const SHIFT: u32 = 12;
/// As many as a block has, so that keys come from memory.
const GATES: usize = 1 << 16;
/// AES blocks of a comparison of 37 bits, and of 12: a level each down to leaves of 128 values, and the leaf.
const SIGN: f64 = 31.0;
const CARRY: f64 = 6.0;

/// Two streams of one block.
struct Dealt<G: Gate> {
    gate: G,
    count: usize,
    blocks: [Vec<u8>; 2],
    seeds: [[u8; 16]; 2],
}

impl<G: Gate> Dealt<G> {
    fn new(gate: G, count: usize, masks: G::Masks<'_>) -> Self {
        let seed = Seed::random(&mut Prg::new(Block::from_u128(62)));
        let mut dealer = Dealer::new(SESSION, 1, &seed);
        let [mut a, mut b] = [Vec::new(), Vec::new()];
        dealer.deal(&gate, count, masks, [&mut a, &mut b]).unwrap();
        let seeds = [
            dealer.seed::<P0>().to_bytes(),
            dealer.seed::<P1>().to_bytes(),
        ];
        Self {
            gate,
            count,
            blocks: [a, b],
            seeds,
        }
    }
    fn take<P: Role>(&self) -> G::Keys<P> {
        let i = usize::from(P::INDEX);
        let seed = Seed::from_bytes(self.seeds[i]);
        KeyStream::<P>::new(SESSION, 1, &seed)
            .take(&self.gate, self.count, &self.blocks[i])
            .unwrap()
    }
    fn bytes(&self) -> f64 {
        self.gate.key_bytes(self.count) as f64 / self.count as f64
    }
}

/// A row of a gate that opens bits once.
macro_rules! one_exchange {
    ($t:expr, $id:literal, $gate:expr, $aes:expr, $plain:expr) => {{
        let (x, r) = (uniform::<u64>(BITS, GATES, 1), uniform(BITS, GATES, 2));
        let hat = masked(BITS, &x, &r);
        let dealt = Dealt::new($gate, GATES, &r[..]);
        let e = Cpu::new();
        let (p0, m0) = dealt.take::<P0>().start(&hat, &e).unwrap();
        let (p1, m1) = dealt.take::<P1>().start(&hat, &e).unwrap();
        let (y0, y1) = (p0.finish(&m1).unwrap(), p1.finish(&m0).unwrap());
        let want: Vec<u64> = x.iter().map($plain).collect();
        assert!(sum(BITS, y0.as_slice(), y1.as_slice()) == want);
        let limit = limits::aes_blocks($t).per($aes);
        let bytes = dealt.bytes();
        let row = $t.bench($id).work(GATES as u64).bytes(bytes).limit(&limit);
        row.rate_of(
            || dealt.take::<P0>(),
            |keys| {
                let (pending, _) = keys.start(&hat, &e).unwrap();
                pending.finish(&m1).unwrap()
            },
        );
    }};
}

fn signed(x: u64) -> i64 {
    (x << (64 - BITS)).cast_signed() >> (64 - BITS)
}

fn unsigned(x: i64) -> u64 {
    x.cast_unsigned() & ((1 << BITS) - 1)
}

/// Adds the rows of this file.
pub(crate) fn rows(t: &mut Table) {
    let relu = Relu::<u64>::new(BITS).unwrap();
    one_exchange!(t, "relu-38", relu, SIGN, |x| unsigned(signed(*x).max(0)));
    let both = ReluTruncate::<u64>::new(BITS, SHIFT, BITS).unwrap();
    one_exchange!(t, "relu-truncate-38", both, SIGN + CARRY, |x| unsigned(
        signed(*x).max(0) >> SHIFT
    ));
    let exact = Truncate::<u64>::new(BITS, SHIFT, Range::Signed).unwrap();
    one_exchange!(t, "truncate-38", exact, SIGN + CARRY, |x| unsigned(
        signed(*x) >> SHIFT
    ));
    max_pool(t);
}

/// One party's run with the other one's messages, and its own.
fn pool<P: Role>(keys: MaxPoolKeys<u64, P>, x: &[u64], theirs: &[Vec<u8>]) -> RingVec<u64> {
    let mut theirs = theirs.iter();
    let mut step = keys.start(x).unwrap();
    loop {
        step = match step {
            MaxPoolStep::Send(run, _) => run.step(theirs.next().unwrap(), &Cpu::new()).unwrap(),
            MaxPoolStep::Done(y) => return y,
        };
    }
}

fn max_pool(t: &mut Table) {
    const WINDOW: usize = 9;
    let count = GATES / (WINDOW - 1);
    let n = WINDOW * count;
    let x: Vec<u64> = uniform::<u64>(BITS - 2, n, 1);
    let a = uniform::<u64>(BITS, n, 2);
    let b: Vec<u64> = x.iter().zip(&a).map(|(x, a)| x.wrapping_sub(*a)).collect();
    let dealt = Dealt::new(MaxPool::<u64>::new(BITS, WINDOW).unwrap(), count, ());
    let mut theirs = Vec::new();
    let e = Cpu::new();
    let (k0, k1) = (dealt.take::<P0>(), dealt.take::<P1>());
    let mut steps = (k0.start(&a).unwrap(), k1.start(&b).unwrap());
    let (y0, y1) = loop {
        steps = match steps {
            (MaxPoolStep::Send(r0, m0), MaxPoolStep::Send(r1, m1)) => {
                let next = (r0.step(&m1, &e).unwrap(), r1.step(&m0, &e).unwrap());
                theirs.push(m1);
                next
            }
            (MaxPoolStep::Done(y0), MaxPoolStep::Done(y1)) => break (y0, y1),
            _ => unreachable!("the parties go in step"),
        };
    };
    let got = sum(BITS, y0.as_slice(), y1.as_slice());
    for (j, got) in got.iter().enumerate() {
        assert_eq!(Some(*got), (0..WINDOW).map(|i| x[i * count + j]).max());
    }
    let limit = limits::aes_blocks(t).per(SIGN * (WINDOW - 1) as f64);
    let bytes = dealt.bytes();
    let row = t.bench("max-pool-9").work(count as u64);
    row.bytes(bytes)
        .limit(&limit)
        .rate_of(|| dealt.take::<P0>(), |keys| pool(keys, &a, &theirs));
}
