//! Functions of fixed-point numbers: all three openings of a party, whose peer's messages are at hand. Against the
//! AES blocks of the nodes that it has to visit.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench that fails has to stop"
)]

use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::wire::SessionId;
use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::gates::Gate;
use piquet_fss::gates::functions::{Function, FunctionKeys, Step};
use piquet_fss::stream::KeyStream;
use piquet_fss::testing::{masked, sum, uniform};
use piquet_fss::{Cpu, P0, P1};

const SESSION: SessionId = SessionId([7; 32]);
const GATES: usize = 1024;
const BITS: u32 = 38;

/// 12 fractional bits.
pub(crate) fn rows(t: &mut Table) {
    let aes = limits::aes_blocks(t);
    row(t, &aes, "gelu-12", Function::gelu(BITS, 12).unwrap());
    row(t, &aes, "silu-12", Function::silu(BITS, 12).unwrap());
    row(t, &aes, "sigmoid-12", Function::sigmoid(BITS, 12).unwrap());
    row(t, &aes, "tanh-12", Function::tanh(BITS, 12).unwrap());
    row(t, &aes, "nexp-12", Function::nexp(BITS, 12).unwrap());
    row(
        t,
        &aes,
        "reciprocal-12",
        Function::reciprocal(BITS, 12, 0).unwrap(),
    );
    row(t, &aes, "rsqrt-12", Function::rsqrt(BITS, 12).unwrap());
}

/// What party 0 sends, and its shares.
fn party(keys: FunctionKeys<u64, P0>, x: &[u64], peer: &[Vec<u8>]) -> (Vec<Vec<u8>>, Vec<u64>) {
    let e = Cpu::new();
    let (mut run, message) = keys.start(x, &e).unwrap();
    let mut sent = vec![message];
    for theirs in peer {
        match run.step(theirs, &e).unwrap() {
            Step::Send(next, message) => {
                run = next;
                sent.push(message);
            }
            Step::Done(y) => return (sent, y.into_vec()),
        }
    }
    (sent, Vec::new())
}

fn row(t: &mut Table, aes: &Limit, id: &str, gate: Function<u64>) {
    let mut dealer = Dealer::new(SESSION, 1, &Seed::from_bytes([1; 16]));
    let [mut s0, mut s1] = [Vec::new(), Vec::new()];
    // Numbers of both signs, most of them where the function is curved.
    let low = u64::MAX >> (64 - BITS);
    let x: Vec<u64> = uniform::<u64>(16, GATES, 2)
        .iter()
        .map(|x| x.wrapping_sub(1 << 15) & low)
        .collect();
    let r = uniform(BITS, GATES, 1);
    let opened = masked(BITS, &x, &r);
    dealer.deal(&gate, GATES, &r, [&mut s0, &mut s1]).unwrap();
    let take = || {
        let mut stream = KeyStream::<P0>::new(SESSION, 1, dealer.seed::<P0>());
        stream.take(&gate, GATES, &s0).unwrap()
    };
    let e = Cpu::new();
    let mut stream = KeyStream::<P1>::new(SESSION, 1, dealer.seed::<P1>());
    let keys = stream.take(&gate, GATES, &s1).unwrap();
    let (mut run, first) = keys.start(&opened, &e).unwrap();
    let mut peer = vec![first];
    let y1 = loop {
        // What party 0 says next depends on what it heard before.
        let (sent, _) = party(take(), &opened, &peer[..peer.len() - 1]);
        match run.step(sent.last().unwrap(), &e).unwrap() {
            Step::Send(next, message) => {
                run = next;
                peer.push(message);
            }
            Step::Done(y) => break y,
        }
    };
    let (_, y0) = party(take(), &opened, &peer);
    for (y, x) in sum(BITS, &y0, y1.as_slice()).iter().zip(&x) {
        assert_eq!(*y, gate.plain(*x), "{id} of {x}");
    }
    let bytes = gate.key_bytes(GATES) as f64 / GATES as f64;
    let limit = aes.per(gate.aes() as f64);
    t.bench(id)
        .work(GATES as u64)
        .bytes(bytes)
        .limit(&limit)
        .rate_of(take, |keys| party(keys, &opened, &peer));
}
