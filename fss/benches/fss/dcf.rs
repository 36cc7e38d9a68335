//! Comparison functions, and the sign gate by digits.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench that fails has to stop"
)]

use std::hint::black_box;

use piquet_bench_harness::{Table, limits};
use piquet_core::wire::SessionId;
use piquet_core::{Block, Prg};
use piquet_fss::gates::Gate;
use piquet_fss::gates::digits::{DigitSign, Progress};
use piquet_fss::testing::{deal, uniform};
use piquet_fss::{Cpu, Role, Shape, dcf};

const SESSION: SessionId = SessionId([7; 32]);
/// 100 MB of keys: more than caches hold.
const KEYS: usize = 1 << 16;
const DEALT: usize = 1 << 12;
const GATES: usize = 1 << 16;

pub(crate) fn rows(t: &mut Table) {
    let aes = limits::aes_blocks(t);
    let shape = Shape::new(64, 64).unwrap();
    let bytes = dcf::key_bytes(shape, KEYS) as f64 / KEYS as f64;
    let walked = f64::from(2 * dcf::levels(shape) + 1);
    let alphas: Vec<u64> = uniform(64, KEYS, 1);
    let betas: Vec<u64> = uniform(64, KEYS, 2);
    let xs: Vec<u64> = uniform(64, KEYS, 3);
    let mut rng = Prg::new(Block::from_u128(4));
    let keys = dcf::generate(&SESSION, 0, shape, &alphas, &betas, &mut rng).unwrap();
    t.bench("dcf-eval-64")
        .work(KEYS as u64)
        .bytes(bytes)
        .limit(&aes.per(walked))
        .rate(|| keys.0.evaluate(&xs, &Cpu::new()).unwrap());
    drop(keys);
    let mut batch = 0;
    t.bench("dcf-gen-64")
        .work(DEALT as u64)
        .bytes(bytes)
        .limit(&aes.per(2.0 * walked))
        .rate(|| {
            batch += 1;
            let (a, b) = (&alphas[..DEALT], &betas[..DEALT]);
            dcf::generate(&SESSION, batch, shape, a, b, &mut rng).unwrap()
        });
    digits(t);
}

/// One party's work online, both rounds of it.
fn digits(t: &mut Table) {
    let gate = DigitSign::<u64>::new(38, 4, 4).unwrap();
    let masks: Vec<u64> = uniform(38, GATES, 5);
    let masked: Vec<u64> = uniform(38, GATES, 6);
    let mut from_peer = Vec::new();
    let ((), k0, k1) = deal(&gate, GATES, &masks);
    let mut both = (k0.evaluate(&masked).unwrap(), k1.evaluate(&masked).unwrap());
    while let (Progress::Open(p0, m0), Progress::Open(p1, m1)) = both {
        both = (p0.finish(&m1).unwrap(), p1.finish(&m0).unwrap());
        from_peer.push(m1);
    }
    t.bench("digits-38")
        .work(GATES as u64)
        .bytes(gate.key_bytes(GATES) as f64 / GATES as f64)
        .rate_of(
            || deal(&gate, GATES, &masks).1,
            |keys| finish(keys.evaluate(&masked).unwrap(), &from_peer),
        );
}

fn finish<P: Role>(mut step: Progress<P>, from_peer: &[Vec<u8>]) -> usize {
    for message in from_peer {
        let Progress::Open(pending, own) = step else {
            panic!("as many rounds as messages");
        };
        black_box(own);
        step = pending.finish(message).unwrap();
    }
    match black_box(step) {
        Progress::Done(y) => y.len(),
        Progress::Open(..) => panic!("as many messages as rounds"),
    }
}
