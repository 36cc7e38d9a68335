//! Silent OT at 2^25 correlations. Both parties run on this core one after the other, each with its own clock; a row counts
//! with the slower one, as if each had a core, and has the set-up after the base correlations in it.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::sparse::LocalCode;
use piquet_core::wire::{Machine, SessionId, Step};
use piquet_core::{Block, Prg};
use piquet_ot::ferret::{Params, Receiver, Sender};
use piquet_ot::{Delta, Malicious, ReceivedCots, Security, SemiHonest, SentCots, ideal};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const N: usize = 1 << 25;
const SESSION: SessionId = SessionId([7; 32]);

pub(crate) fn rows(t: &mut Table) {
    let aes = limits::aes_blocks(t);
    let (standard, light) = (Params::standard(), Params::light());
    let limit = bound(t, &aes, standard);
    ferret::<SemiHonest>(t, &limit, "cot-ferret-semi", standard);
    ferret::<Malicious>(t, &limit, "cot-ferret-mal", standard);
    let limit = bound(t, &aes, light);
    ferret::<SemiHonest>(t, &limit, "cot-ferret-light-semi", light);
    ferret::<Malicious>(t, &limit, "cot-ferret-light-mal", light);
}

/// What no one can avoid: the rows of the code, from a secret of the right size, and one AES for two nodes of trees.
fn bound(t: &Table, aes: &Limit, params: Params) -> Limit {
    let mut secret = vec![Block::ZERO; params.secret_len()];
    Prg::new(Block::from_u128(2026)).fill_blocks(&mut secret);
    let code = LocalCode::new(Block::from_u128(1), secret.len()).unwrap();
    let mut out = vec![Block::ZERO; 4096];
    let mut row = 0;
    let rows = t.limit("rows of the code alone", out.len() as f64, || {
        code.xor_into(&secret, row, black_box(&mut out)).unwrap();
        row += 4096;
    });
    println!("a row of the code: {:.2} ns", 1e9 / rows.per_second());
    Limit::of(
        1.0 / (1.0 / rows.per_second() + 1.0 / aes.per_second()),
        "rows of the code + AES of the trees, measured here",
    )
}

fn timed<O>(clock: &mut Duration, f: impl FnOnce() -> O) -> O {
    let t = Instant::now();
    let o = f();
    *clock += t.elapsed();
    o
}

/// Runs two machines by turns, each on its clock; gives the bytes that were sent, too.
fn run<A: Machine, B: Machine>(
    a: A,
    b: B,
    clocks: &mut [Duration; 2],
) -> (A::Output, B::Output, usize)
where
    A::Error: std::fmt::Debug,
    B::Error: std::fmt::Debug,
{
    let [ca, cb] = clocks;
    let (mut a, mut b) = (Ok(a), Ok(b));
    let (mut to_a, mut to_b) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    // Each goes on until it has to wait, as it would on a core of its own.
    loop {
        let before = to_b.len();
        a = go(a, &mut to_a, &mut to_b, ca);
        bytes += to_b.len() - before;
        let before = to_a.len();
        b = go(b, &mut to_b, &mut to_a, cb);
        bytes += to_a.len() - before;
        match (a, b) {
            (Err(x), Err(y)) => return (x, y, bytes),
            (x, y) => (a, b) = (x, y),
        }
    }
}

/// Runs a machine until it is done (`Err`) or waits.
fn go<M: Machine>(
    mut m: Result<M, M::Output>,
    inbox: &mut Vec<u8>,
    out: &mut Vec<u8>,
    clock: &mut Duration,
) -> Result<M, M::Output>
where
    M::Error: std::fmt::Debug,
{
    let mut read = 0;
    while let Ok(x) = m {
        let want = x.expects();
        let Some(message) = inbox.get(read..read + want) else {
            inbox.drain(..read);
            return Ok(x);
        };
        read += want;
        m = match timed(clock, || x.step(message, out)).unwrap() {
            Step::Send(x) | Step::Recv(x) => Ok(x),
            Step::Done(o) => Err(o),
        };
    }
    inbox.drain(..read);
    m
}

fn check<M: Security>(sent: &SentCots<M>, received: &ReceivedCots<M>) {
    assert!(ideal::correlated(sent, received));
}

fn base<M: Security>(params: Params) -> (SentCots<M>, ReceivedCots<M>) {
    let mut rng = ChaCha20Rng::from_seed([26; 32]);
    let delta = Delta::random_odd(&mut rng);
    let n = params.base_cots::<M>();
    ideal::cots(SESSION, delta, n, &mut rng)
}

fn ferret<M: Security>(t: &mut Table, limit: &Limit, id: &str, params: Params) {
    let mut spare = None;
    let mut checked = false;
    let mut whole = |clocks: &mut [Duration; 2]| {
        let mut rng = ChaCha20Rng::from_seed([27; 32]);
        let (s, r) = base::<M>(params);
        let s = timed(&mut clocks[0], || {
            Sender::set_up(SESSION, params, s, &mut rng).unwrap()
        });
        let r = timed(&mut clocks[1], || {
            Receiver::set_up(SESSION, params, r, &mut rng).unwrap()
        });
        let (mut s, mut r, mut bytes) = run(s, r, clocks);
        if let Some((x, y)) = spare.take() {
            s.recycle(x);
            r.recycle(y);
        }
        let mut left = N;
        while left > 0 {
            let e = timed(&mut clocks[0], || s.expand().unwrap());
            let f = timed(&mut clocks[1], || r.expand().unwrap());
            let (a, b, sent) = run(e, f, clocks);
            (s, r) = (a, b);
            bytes += sent;
            let n = s.available();
            left -= n.min(left);
            let x = timed(&mut clocks[0], || s.take(n).unwrap());
            let y = timed(&mut clocks[1], || r.take(n).unwrap());
            if !checked {
                check(&x, &y);
            }
            if left > 0 {
                timed(&mut clocks[0], || s.recycle(black_box(x)));
                timed(&mut clocks[1], || r.recycle(black_box(y)));
            } else {
                spare = Some((x, y));
            }
        }
        checked = true;
        bytes
    };
    let bytes = whole(&mut [Duration::ZERO; 2]);
    let took = t
        .bench(id)
        .work(N as u64)
        .bytes(bytes as f64 / N as f64)
        .limit(limit)
        .samples(10)
        .rate_of_parties(|| {
            let mut clocks = [Duration::ZERO; 2];
            whole(&mut clocks);
            clocks
        });
    if !took[0].is_nan() {
        println!(
            "{id}: sender {:.2} ns, receiver {:.2} ns a correlation",
            took[0] * 1e9,
            took[1] * 1e9
        );
    }
}
