#![allow(clippy::unwrap_used)]

use super::*;
use crate::{CipherModulus, Mode, Native, Params};
use piquet_core::linalg::{ConvShape, PackedWeights, conv2d};
use piquet_core::wire::run_pair;
use rand_core::Rng;

pub(crate) fn prg(x: u128) -> Prg {
    Prg::new(Block::from_u128(x))
}

/// The layer by the definition, modulo t.
pub(crate) fn oracle(shape: &ConvShape, x: &[u64], w: &[i64], t: PlainModulus) -> Vec<u64> {
    let words: Vec<u128> = w.iter().map(|w| i128::from(*w) as u128).collect();
    let packed = PackedWeights::pack(shape, &words).unwrap();
    let x: Vec<u128> = x.iter().map(|x| u128::from(*x)).collect();
    let mut y = vec![0u128; shape.output_len()];
    conv2d(shape, &[(&x, &packed)], &mut y).unwrap();
    let reduce = |y: u128| match t {
        PlainModulus::Bits(k) => t.reduce(y as u64 & piquet_core::pack::mask(k)),
        PlainModulus::Prime(t) => (y as i128).rem_euclid(i128::from(t)) as u64,
    };
    y.into_iter().map(reduce).collect()
}

fn run(
    shape: &ConvShape,
    degree: usize,
    t: PlainModulus,
    q: CipherModulus,
    mode: Mode,
    whole: bool,
) {
    let mut rng = prg(7);
    let encoding = Encoding::new(shape, degree).unwrap();
    let params = Params::new(degree, t, q, mode, encoding.bound(127)).unwrap();
    let backend = Arc::new(Native::new(params));
    let layer = Layer::new(backend.clone(), encoding).unwrap();
    let session = SessionId::random(&mut rng);
    let mut message = Vec::new();
    let key = client::Key::new(&*backend, session, 0, &mut rng, &mut message);
    let public = server::PublicKey::read(&*backend, session, 0, &message).unwrap();
    let mut uniform = |n| -> Vec<u64> { (0..n).map(|_| t.reduce(rng.next_u64())).collect() };
    let (x0, x1) = (uniform(shape.input_len()), uniform(shape.input_len()));
    let w: Vec<i64> = (uniform(shape.weight_len()).iter())
        .map(|w| (*w % 255) as i64 - 127)
        .collect();
    let weights = server::Weights::new(&layer, &w).unwrap();
    let x = if whole {
        x0.clone()
    } else {
        x0.iter().zip(&x1).map(|(a, b)| t.add(*a, *b)).collect()
    };
    let a = client::Product::new(&layer, &key, 5, &x0, &mut rng).unwrap();
    let share = (!whole).then_some(&*x1);
    let b = server::Product::new(&layer, &public, &weights, 5, share, &mut rng).unwrap();
    let (a, b, trace) = run_pair(a, b);
    assert_eq!([0, 1].map(|p| trace.sent_by(p)), layer.bytes());
    let want = oracle(shape, &x, &w, t);
    for ((a, b), want) in a
        .unwrap()
        .as_slice()
        .iter()
        .zip(b.unwrap().as_slice())
        .zip(want)
    {
        let off = t.centred(t.subtract(t.add(*a, *b), want)).abs();
        assert!(off <= i64::from(mode == Mode::Approximate), "{off}");
    }
}

#[test]
fn shares_add_up_to_products() {
    let shape = ConvShape {
        batch: 2,
        input: [5, 6],
        in_channels: 12,
        out_channels: 20,
        kernel: [3, 2],
        stride: [2, 1],
        padding: [1, 0, 2, 1],
        dilation: [1, 2],
        groups: 1,
    };
    let two = CipherModulus::primes(4096, 50, 2);
    let t = PlainModulus::Bits(37);
    run(&shape, 4096, t, two, Mode::Exact, false);
}
