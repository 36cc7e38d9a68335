//! Keys without a dealer. Both parties run on this core, one after the other; the limit is the AES blocks of both.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::correlation::{ReceivedOts, SentOts};
use piquet_core::wire::{SessionId, run_pair};
use piquet_core::{BitVec, Block, Prg};
use piquet_fss::distributed::{Batch, Generator, Own, Range};
use piquet_fss::{Cpu, P0, P1, Role};

const SESSION: SessionId = SessionId([7; 32]);
const DOMAIN: u32 = 16;
const KEYS: usize = 8;

/// Keys a second, of blocks at one of 2^16 points, from random OTs that are there.
pub(crate) fn rows(t: &mut Table) {
    let batch = Batch::new(SESSION, DOMAIN, Range::Block, KEYS).unwrap();
    let aes: Limit = limits::aes_blocks(t);
    let limit = aes.per(2.0 * f64::from((2 << DOMAIN) - 1));
    check(parties(batch));
    t.bench("distributed-gen-16")
        .work(KEYS as u64)
        .bytes(2.0 * batch.bytes() as f64 / KEYS as f64)
        .limit(&limit)
        .rate_of(
            || parties(batch),
            |(p0, p1)| {
                let (k0, k1, _) = run_pair(p0, p1);
                (k0.unwrap(), k1.unwrap())
            },
        );
}

fn parties(batch: Batch) -> (Generator<P0>, Generator<P1>) {
    let mut rng = Prg::new(Block::from_u128(1));
    let n = batch.ots();
    let mut way = || {
        let pairs: Vec<_> = (0..n)
            .map(|_| [Block::random(&mut rng), Block::random(&mut rng)])
            .collect();
        let choices = BitVec::random(n, &mut rng);
        let got = pairs.iter().zip(choices.to_bools());
        let got = got.map(|(m, c)| m[usize::from(c)]).collect();
        let received = ReceivedOts::from_raw(choices, got).unwrap();
        (SentOts::from_raw(pairs), received)
    };
    let ((s0, r1), (s1, r0)) = (way(), way());
    (party(batch, 0x1234, 1, s0, r0), party(batch, 0, 2, s1, r1))
}

fn party<P: Role>(
    batch: Batch,
    alpha: u32,
    beta: u128,
    sent: SentOts<piquet_core::correlation::SemiHonest>,
    received: ReceivedOts<piquet_core::correlation::SemiHonest>,
) -> Generator<P> {
    let own = Own {
        alphas: &[alpha; KEYS],
        betas: &[beta; KEYS],
        sent,
        received,
        triples: None,
    };
    let mut rng = Prg::new(Block::from_u128(beta));
    Generator::new(batch, own, &mut rng).unwrap()
}

fn check((p0, p1): (Generator<P0>, Generator<P1>)) {
    let (k0, k1, _) = run_pair(p0, p1);
    let v0 = k0.unwrap().everywhere(KEYS - 1, &Cpu::new()).unwrap();
    let v1 = k1.unwrap().everywhere(KEYS - 1, &Cpu::new()).unwrap();
    for (x, (a, b)) in v0.iter().zip(&v1).enumerate() {
        assert_eq!(a ^ b, if x == 0x1234 { 3 } else { 0 });
    }
}
