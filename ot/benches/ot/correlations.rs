//! What is made of correlated OTs. Both parties run on this core one after the other, each with its own clock; a row
//! counts with the slower one, as if each had a core. The limit is the AES blocks of that party on registers.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::correlation::MatrixShape;
use piquet_core::wire::SessionId;
use piquet_core::{Block, RingVec};
use piquet_ot::one_of_n::{ReceivedOneOfN, SentOneOfN};
use piquet_ot::triples::{bits, gilboa, matrix};
use piquet_ot::{Delta, Malicious, ReceivedCots, Security, SemiHonest, SentCots, ideal};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

const SESSION: SessionId = SessionId([7; 32]);
/// Bits of a message of 1-out-of-N OT: what a comparison of two bits more or less wants.
const BITS: u32 = 2;

pub(crate) fn rows(t: &mut Table) {
    let aes = limits::aes_blocks(t);
    hash(t, &aes);
    one_of_n(t, &aes, 4, 1 << 14);
    one_of_n(t, &aes, 16, 1 << 13);
    one_of_n(t, &aes, 256, 1 << 10);
    bit_triples(t, &aes);
    ring_triples(t, &aes);
    matrix_triple(t, &aes, 64, 64, 64);
    matrix_triple(t, &aes, 8, 128, 512);
}

/// The bound of a party with `blocks` AES blocks for each item.
fn bound(aes: &Limit, blocks: f64) -> Limit {
    Limit::of(
        aes.per_second() / blocks,
        "AES of the slower party, measured here",
    )
}

/// Prints what each party took, against its AES blocks.
fn print(id: &str, aes: &Limit, blocks: [f64; 2], took: [f64; 2]) {
    if took[0].is_nan() {
        return; // not selected by the filter
    }
    for (who, took, blocks) in [
        ("sender", took[0], blocks[0]),
        ("receiver", took[1], blocks[1]),
    ] {
        let least = blocks / aes.per_second();
        let ratio = took / least;
        let [took, least] = [took * 1e9, least * 1e9];
        println!("{id} {who}: {took:.3} ns an item; {ratio:.2} of AES alone ({least:.3})");
    }
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([26; 32])
}

fn cots<M: Security>(n: usize) -> (SentCots<M>, ReceivedCots<M>) {
    let mut rng = rng();
    let delta = Delta::random(&mut rng);
    ideal::cots(SESSION, delta, n, &mut rng)
}

fn timed<O>(f: impl FnOnce() -> O) -> (O, Duration) {
    let t = Instant::now();
    let o = black_box(f());
    (o, t.elapsed())
}

/// Both messages of 2^22 OTs to memory, in storage that was there before.
fn hash(t: &mut Table, aes: &Limit) {
    const N: usize = 1 << 22;
    let (s, r) = cots::<Malicious>(N);
    let (s, r) = (s.into_random_ots(), r.into_random_ots());
    let pairs = s.messages().iter().zip(r.messages());
    for ((m, got), c) in pairs.zip(r.choices().to_bools()) {
        assert!(m[usize::from(c)] == *got);
    }
    let mut room = Some(s.into_raw());
    let took = t
        .bench("rot-hash-dram")
        .work(N as u64)
        .limit(&bound(aes, 4.0))
        .samples(10)
        .rate_of_parties(|| {
            let (s, r) = cots::<Malicious>(N);
            let storage = room.take().unwrap_or_default();
            let ((s, _), sent) = timed(|| s.into_random_ots_in(storage));
            room = Some(s.into_raw());
            [sent, timed(|| r.into_random_ots()).1]
        });
    print("rot-hash-dram", aes, [4.0, 2.0], took);
}

/// From correlated OTs whose choices are made to messages of two bits, semi-honest.
fn one_of_n(t: &mut Table, aes: &Limit, n: usize, ots: usize) {
    let w = n.trailing_zeros() as usize;
    let mut messages = RingVec::<u8>::zeros(n * ots);
    rng().fill_bytes(messages.as_mut_slice());
    let run = |check: bool| {
        let (s, r) = cots::<SemiHonest>(w * ots);
        let mut wire = Vec::with_capacity(n * ots);
        let ((), sent) = timed(|| {
            let s = SentOneOfN::new(s, n).unwrap();
            s.send(BITS, messages.as_slice(), &mut wire).unwrap();
        });
        let choices: Vec<_> = r.choices().to_bools().collect();
        let (got, received) = timed(|| {
            let r = ReceivedOneOfN::new(r, n).unwrap();
            r.receive::<u8>(BITS, &wire).unwrap()
        });
        for (g, got) in got.as_slice().iter().enumerate().filter(|_| check) {
            let index = (0..w).fold(0, |i, j| i | usize::from(choices[j * ots + g]) << j);
            assert_eq!(*got, messages.as_slice()[index * ots + g] & 3);
        }
        [sent, received]
    };
    run(true);
    let id = format!("ot-1of{n}");
    let took = t
        .bench(&id)
        .work(ots as u64)
        .bytes((w + n * BITS as usize) as f64 / 8.0)
        .limit(&bound(aes, n as f64))
        .rate_of_parties(|| run(false));
    print(&id, aes, [n as f64, 1.0], took);
}

fn bit_triples(t: &mut Table, aes: &Limit) {
    const N: usize = 1 << 14;
    let run = || {
        let parties = ideal::both_ways::<SemiHonest, _>(SESSION, N, &mut rng());
        parties.map(|(s, r)| timed(|| bits::from_cots(s, r).unwrap()))
    };
    let [x, y] = run().map(|(t, _)| t.into_parts());
    let mut open = [0, 1, 2].map(|i| {
        let mut v = x[i].duplicate();
        v.xor_assign(&y[i]);
        v
    });
    let [a, b, c] = &mut open;
    a.and_assign(b);
    assert_eq!(a.words(), c.words());
    let took = t
        .bench("triples-bit")
        .work(N as u64)
        .bytes(0.0)
        .limit(&bound(aes, 3.0))
        .rate_of_parties(|| run().map(|(_, t)| t));
    print("triples-bit", aes, [3.0, 3.0], took);
}

fn ring_triples(t: &mut Table, aes: &Limit) {
    let shape = gilboa::Shape {
        triples: 1 << 10,
        bits: 64,
    };
    let mut rng = rng();
    let mut run = || {
        let [(s0, r0), (s1, r1)] =
            ideal::both_ways::<SemiHonest, _>(SESSION, shape.cots().unwrap(), &mut rng);
        let len = shape.message_len().unwrap();
        let (mut w0, mut w1) = (Vec::with_capacity(len), Vec::with_capacity(len));
        let mut start = |s, r, w: &mut Vec<u8>| {
            timed(|| gilboa::start::<u64, _>(shape, s, r, &mut rng, w).unwrap())
        };
        let ((p0, s0), (p1, s1)) = (start(s0, r0, &mut w0), start(s1, r1, &mut w1));
        let (t0, f0) = timed(|| p0.finish(&w1).unwrap());
        let (t1, f1) = timed(|| p1.finish(&w0).unwrap());
        ([t0, t1], [s0 + f0, s1 + f1])
    };
    let [x, y] = run().0.map(|t| t.into_parts());
    for g in 0..shape.triples {
        let [a, b, c] = [0, 1, 2].map(|i| x[i].as_slice()[g].wrapping_add(y[i].as_slice()[g]));
        assert_eq!(a.wrapping_mul(b), c);
    }
    let took = t
        .bench("triples-ring-64")
        .work(shape.triples as u64)
        .bytes(2.0 * shape.message_len().unwrap() as f64 / shape.triples as f64)
        .limit(&bound(aes, 192.0))
        .rate_of_parties(|| run().1);
    print("triples-ring-64", aes, [192.0; 2], took);
}

/// Products of elements a second.
fn matrix_triple(t: &mut Table, aes: &Limit, m: usize, k: usize, n: usize) {
    let shape = matrix::Shape {
        matrices: MatrixShape { m, k, n },
        bits: 64,
    };
    let mut rng = rng();
    let cots = shape.cots().unwrap();
    let mut run = || {
        let [(s0, r0), (s1, r1)] = ideal::both_ways::<SemiHonest, _>(SESSION, cots, &mut rng);
        let len = shape.message_len().unwrap();
        let (mut w0, mut w1) = (Vec::with_capacity(len), Vec::with_capacity(len));
        let mut start = |s, r, w: &mut Vec<u8>| {
            timed(|| matrix::start::<u64, _>(shape, s, r, &mut rng, w).unwrap())
        };
        let ((p0, s0), (p1, s1)) = (start(s0, r0, &mut w0), start(s1, r1, &mut w1));
        let (t0, f0) = timed(|| p0.finish(&w1).unwrap());
        let (t1, f1) = timed(|| p1.finish(&w0).unwrap());
        ([t0, t1], [s0 + f0, s1 + f1])
    };
    let [x, y] = run().0.map(|t| t.into_parts());
    let [a, b, c] = [0, 1, 2].map(|i| {
        let mut v = x[i].duplicate();
        v.add_assign(y[i].as_slice());
        v
    });
    let mut want = RingVec::<u64>::zeros(m * n);
    piquet_core::linalg::matmul([m, k, n], a.as_slice(), b.as_slice(), want.as_mut_slice())
        .unwrap();
    assert!(want.as_slice() == c.as_slice());
    let blocks = size_of::<u64>() * m.max(n) / size_of::<Block>();
    let blocks = (cots * 3 * (1 + blocks)) as f64 / (m * k * n) as f64;
    let id = format!("triples-matrix-{m}x{k}x{n}");
    let took = t
        .bench(&id)
        .work((m * k * n) as u64)
        .bytes(2.0 * shape.message_len().unwrap() as f64 / (m * k * n) as f64)
        .limit(&bound(aes, blocks))
        .samples(10)
        .rate_of_parties(|| run().1);
    print(&id, aes, [blocks; 2], took);
}
