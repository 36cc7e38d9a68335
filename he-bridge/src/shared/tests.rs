#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::*;
use crate::encoding::Encoding;
use crate::linear::tests::{oracle, prg};
use crate::{CipherModulus, Mode, Native, Params};
use piquet_core::linalg::ConvShape;
use piquet_core::wire::{SessionId, run_pair};
use rand_core::Rng;

fn run(shape: &ConvShape, t: PlainModulus, mode: Mode) {
    let mut rng = prg(9);
    let rng = &mut rng;
    let encoding = Encoding::new(shape, 8192).unwrap();
    let q = CipherModulus::primes(8192, 50, 4);
    let params = Params::new(8192, t, q, mode, encoding.bound(bound(t))).unwrap();
    let backend = Arc::new(Native::new(params));
    let layer = Layer::new(backend.clone(), encoding).unwrap();
    let session = SessionId::random(rng);
    let mut uniform = |n: usize| -> Vec<u64> {
        let most = match t {
            PlainModulus::Bits(_) => u64::MAX,
            PlainModulus::Prime(t) => t,
        };
        (0..n as u64)
            .map(|i| {
                if i < 2 {
                    t.subtract(0, 1 + i)
                } else {
                    t.reduce(rng.next_u64())
                }
            })
            .map(|x| x % most)
            .collect()
    };
    let x = [(); 2].map(|()| uniform(shape.input_len()));
    let w = [(); 2].map(|()| uniform(shape.weight_len()));
    let mut messages = [Vec::new(), Vec::new()];
    let [m0, m1] = &mut messages;
    let keys = [
        client::Key::new(&*backend, session, 0, rng, m0),
        client::Key::new(&*backend, session, 1, rng, m1),
    ];
    let public = [
        server::PublicKey::read(&*backend, session, 0, m0).unwrap(),
        server::PublicKey::read(&*backend, session, 1, m1).unwrap(),
    ];
    let weights = [0, 1].map(|p: usize| Weights::new(&layer, &w[p]).unwrap());
    let party = |p: usize| Party {
        layer: &layer,
        key: &keys[p],
        peer: &public[1 - p],
        weights: &weights[p],
    };
    let a = Product::first(party(0), 3, &x[0], rng).unwrap();
    let b = Product::second(party(1), 3, &x[1], rng).unwrap();
    let (a, b, trace) = run_pair(a, b);
    let bytes: usize = layer.bytes().iter().sum();
    assert_eq!([trace.sent_by(0), trace.sent_by(1)], [bytes; 2]);
    let sum = |[a, b]: &[Vec<u64>; 2]| -> Vec<u64> {
        a.iter().zip(b).map(|(a, b)| t.add(*a, *b)).collect()
    };
    let centred: Vec<i64> = sum(&w).into_iter().map(|w| t.centred(w)).collect();
    let want = oracle(shape, &sum(&x), &centred, t);
    let got = sum(&[a.unwrap().into_vec(), b.unwrap().into_vec()]);
    for (got, want) in got.into_iter().zip(want) {
        let off = t.centred(t.subtract(got, want)).abs();
        assert!(off <= 2 * i64::from(mode == Mode::Approximate), "{off}");
    }
}

#[test]
fn shares_add_up_to_products() {
    let prime = crate::native::prime::ntt_primes(8192, 49, 1)[0];
    let large = (0..)
        .map(|i| (1 << 60) - 1 - 2 * i)
        .find(|p| crate::native::prime::is_prime(*p));
    let matrix = ConvShape::matmul(3, 5, 2);
    for t in [
        PlainModulus::Bits(64),
        PlainModulus::Bits(38),
        PlainModulus::Prime(prime),
        PlainModulus::Prime(large.unwrap()),
    ] {
        run(&matrix, t, Mode::Exact);
        run(&matrix, t, Mode::Approximate);
    }
    let convolution = ConvShape {
        batch: 1,
        input: [6, 5],
        in_channels: 4,
        out_channels: 6,
        kernel: [3, 3],
        padding: [1; 4],
        groups: 2,
        ..matrix
    };
    run(&convolution, PlainModulus::Bits(41), Mode::Exact);
}
