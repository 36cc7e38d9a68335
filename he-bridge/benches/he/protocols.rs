//! Whole products, both parties one after the other on one thread, from the shares of the input to those of the
//! output. Keys and weights were made before.
//!
//! The limit is what was counted: encryptions, additions of the server's share, responses and decryptions, times what
//! each takes by itself in this run, and the words that products of points or shifted sums multiply, at the rate of
//! the multiplier on registers.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::linalg::{ConvShape, PackedWeights, conv2d};
use piquet_core::wire::{SessionId, run_pair};
use piquet_core::{Block, Prg};
use piquet_he_bridge::encoding::{Costs, Plan, plan};
use piquet_he_bridge::linear::{Layer, client, server};
use piquet_he_bridge::{Backend, CipherModulus, Mode, Native, PlainModulus};

use super::points::ifma;

const T: PlainModulus = PlainModulus::Bits(37);
const WEIGHT: u64 = 2047;

pub(crate) fn rows(t: &mut Table) {
    let rates = Rates {
        words: limits::multiply_accumulates_u64(t).per_second(),
        halves: ifma::products(t).per_second(),
    };
    let conv = |size: usize, ins, outs, kernel: usize, stride| ConvShape {
        input: [size; 2],
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [kernel / 2; 4],
        ..ConvShape::matmul(1, ins, outs)
    };
    for (id, shape) in [
        ("matvec-4096x1000", ConvShape::matmul(1, 4096, 1000)),
        ("conv-3x3-56-64-64", conv(56, 64, 64, 3, 1)),
        ("conv-1x1-56-64-256", conv(56, 64, 256, 1, 1)),
        ("conv-3x3-7-512-512", conv(7, 512, 512, 3, 1)),
        ("conv-7x7s2-224-3-64", conv(224, 3, 64, 7, 2)),
    ] {
        for (mode, suffix) in [(Mode::Exact, ""), (Mode::Approximate, "-approximate")] {
            product(t, &format!("{id}{suffix}"), &shape, mode, &rates);
        }
    }
}

/// Multiplications a second on registers: of 64-bit words, and of 52-bit words, one half of the product.
struct Rates {
    words: f64,
    halves: f64,
}

fn product(t: &mut Table, id: &str, shape: &ConvShape, mode: Mode, rates: &Rates) {
    let plan = plan(shape, T, mode, WEIGHT, &Costs::default()).unwrap();
    let layer = Layer::new(
        Arc::new(Native::new(plan.params.clone())),
        plan.encoding.clone(),
    )
    .unwrap();
    let mut prg = Prg::new(Block::from_u128(1));
    let mut words = |n: usize| {
        let mut v = vec![0u64; n];
        prg.fill_ring(&mut v);
        v
    };
    let weights: Vec<i64> = (words(shape.weight_len()).iter())
        .map(|w| (w % (2 * WEIGHT + 1)) as i64 - WEIGHT as i64)
        .collect();
    let [a, b] = [0, 1].map(|_| {
        let share = words(shape.input_len());
        share.into_iter().map(|x| T.reduce(x)).collect::<Vec<_>>()
    });
    let session = SessionId([7; 32]);
    let mut hello = Vec::new();
    let key = layer.key(session, 0, &mut prg, &mut hello);
    let public = layer.public_key(session, 0, &hello).unwrap();
    let prepared = server::Weights::new(&layer, &weights).unwrap();
    let mut step = 0;
    let mut run = || {
        step += 1;
        let client = client::Product::new(&layer, &key, step, &a, &mut prg).unwrap();
        let server =
            server::Product::new(&layer, &public, &prepared, step, Some(&b), &mut prg).unwrap();
        let (client, server, _) = run_pair(client, server);
        (client.unwrap(), server.unwrap())
    };

    let (client, server) = run();
    let input: Vec<u64> = a.iter().zip(&b).map(|(a, b)| T.add(*a, *b)).collect();
    let raw: Vec<u64> = weights.iter().map(|w| *w as u64).collect();
    let mut want = vec![0; shape.output_len()];
    let packed = PackedWeights::pack(shape, &raw).unwrap();
    conv2d(shape, &[(&input, &packed)], &mut want).unwrap();
    for ((a, b), want) in client.as_slice().iter().zip(server.as_slice()).zip(&want) {
        let off = T.centred(T.subtract(T.add(*a, *b), T.reduce(*want)));
        assert!(off.abs() <= i64::from(mode == Mode::Approximate));
    }

    let seconds = counted(layer.backend(), &plan, rates);
    let [up, down] = layer.bytes();
    t.bench(id)
        .bytes((up + down) as f64)
        .limit(&Limit::of(1.0 / seconds, "operations counted"))
        .samples(10)
        .time(|| black_box(run()));
}

/// The shortest of several times.
fn best(mut f: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..20 {
        let begun = Instant::now();
        f();
        best = best.min(begun.elapsed().as_secs_f64());
    }
    best
}

/// What the counted operations take, each by itself.
fn counted(he: &Native, plan: &Plan, rates: &Rates) -> f64 {
    let n = he.params().degree();
    let mut prg = Prg::new(Block::from_u128(2));
    let key = he.secret_key(&mut prg);
    let mut message = Vec::new();
    he.public_key(&key, &mut prg, &mut message);
    let public = he.read_public_key(&message).unwrap();
    let plain: Vec<u64> = (0..n as u64).map(|i| T.reduce(i * i * i)).collect();
    let mut bytes = Vec::new();
    let encrypt = best(|| {
        bytes.clear();
        he.encrypt(&key, &[1; 32], 0, &plain, &mut prg, &mut bytes);
    });
    let read = best(|| {
        let mut c = he.read(&[1; 32], 0, &bytes).unwrap();
        he.add(&mut c, &plain);
        black_box(c);
    });
    let (positions, _) = plan.encoding.output(0, 0, 0);
    let mut share = vec![0; positions.len()];
    let mut response = Vec::new();
    let fresh = || he.read(&[1; 32], 0, &bytes).unwrap();
    let reading = best(|| drop(black_box(fresh())));
    let respond = best(|| {
        response.clear();
        let c = fresh();
        he.respond(&public, c, &positions, &mut share, &mut prg, &mut response);
    }) - reading;
    let decrypt = best(|| {
        he.decrypt(&key, &response, &positions, &mut share).unwrap();
    });
    let c = &plan.counts;
    let multiply = match plan.params.modulus() {
        // Both halves, a low and a high word each.
        CipherModulus::Primes(_) => c.products as f64 * 4.0 * n as f64 / rates.halves,
        CipherModulus::Word(_) => c.taps as f64 * 2.0 * n as f64 / rates.words,
        CipherModulus::Limbs(l) => {
            c.taps as f64 * 2.0 * f64::from(2 * l - 1) * n as f64 / rates.halves
        }
    };
    c.ciphertexts_in as f64 * (encrypt + read)
        + c.ciphertexts_out as f64 * (respond + decrypt)
        + multiply
}
