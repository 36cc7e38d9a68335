//! The sign gate: reading keys, evaluation and dealing, through what users call.
#![allow(clippy::unwrap_used)] // a bench that fails must stop

use std::cell::RefCell;
use std::collections::VecDeque;

use piquet_bench_harness::{Table, limits};
use piquet_core::wire::SessionId;
use piquet_core::{Block, Prg};
use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::gates::Gate;
use piquet_fss::gates::sign::{Sign, SignKeys};
use piquet_fss::stream::KeyStream;
use piquet_fss::testing::{masked, uniform};
use piquet_fss::{Cpu, P0, P1, Role};

const SESSION: SessionId = SessionId([63; 32]);
/// Gates of a block.
const GATES: usize = 4096;
/// Keys that lie between two uses of the same memory: more than a last-level cache holds.
const POOL: usize = 192 << 20;

pub(crate) fn rows(t: &mut Table) {
    let aes = limits::aes_blocks(t);
    for bits in [64, 38] {
        let blocks = f64::from(bits - 7);
        let gate = Sign::<u64>::new(bits).unwrap();
        let bytes = gate.key_bytes(GATES) as f64 / GATES as f64;
        let (x, r) = (uniform(bits, GATES, 1), uniform(bits, GATES, 2));
        let hat = masked(bits, &x, &r);
        check(&gate, bits, &x, &r, &hat);

        let seed = || Seed::random(&mut Prg::new(Block::from_u128(64)));
        let mut streams = [Vec::new(), Vec::new()];
        let [a, b] = &mut streams;
        Dealer::new(SESSION, 1, &seed())
            .deal(&gate, GATES, &r[..], [a, b])
            .unwrap();
        let own = Dealer::new(SESSION, 1, &seed()).seed::<P1>().to_bytes();
        let stream = &streams[1];
        let take = || {
            KeyStream::<P1>::new(SESSION, 1, &Seed::from_bytes(own))
                .take(&gate, GATES, stream)
                .unwrap()
        };

        // Keys wait for their turn in memory, as they do between preprocessing and use.
        let pool = RefCell::new(VecDeque::<SignKeys<u64, P1>>::new());
        let fresh = || {
            let mut pool = pool.borrow_mut();
            while pool.len() * stream.len() < POOL {
                pool.push_back(take());
            }
            pool.pop_front().unwrap()
        };
        // Levels above leaves of 128 values, and the leaf.
        t.bench(&format!("drelu-eval-{bits}"))
            .work(GATES as u64)
            .bytes(bytes)
            .limit(&aes.per(blocks))
            .rate_of(fresh, |keys| keys.evaluate(&hat, &Cpu::new()).unwrap());

        let mut out = [Vec::new(), Vec::new()];
        t.bench(&format!("drelu-gen-{bits}"))
            .work(GATES as u64)
            .bytes(bytes)
            .limit(&aes.per(2.0 * blocks))
            .rate_of(
                || Dealer::new(SESSION, 1, &seed()),
                |mut dealer| {
                    let [a, b] = &mut out;
                    a.clear();
                    b.clear();
                    dealer.deal(&gate, GATES, &r[..], [a, b]).unwrap();
                },
            );
        let read = limits::copied_bytes(t, stream.len()).per(bytes);
        t.bench(&format!("drelu-take-{bits}"))
            .work(GATES as u64)
            .bytes(bytes)
            .limit(&read)
            .rate(take);
    }
}

/// Both parties' shares of one block sum to what the gate is for.
fn check(gate: &Sign<u64>, bits: u32, x: &[u64], r: &[u64], hat: &[u64]) {
    let ((), k0, k1) = piquet_fss::testing::deal(gate, x.len(), r);
    let mut y = evaluate(k0, hat);
    y.xor_assign(&evaluate(k1, hat));
    let want = x.iter().map(|x| x >> (bits - 1) & 1 == 0);
    assert!(y.to_bools().eq(want), "{bits} bits");
}

fn evaluate<P: Role>(keys: SignKeys<u64, P>, hat: &[u64]) -> piquet_core::BitVec {
    keys.evaluate(hat, &Cpu::new()).unwrap()
}
