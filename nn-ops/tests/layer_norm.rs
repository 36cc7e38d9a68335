//! Normalisation of rows and of channels: the oracle against real numbers, the engines against the oracle, bytes and rounds.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "common/semi2k.rs"]
mod dealt;

use common::{Case, Script, plain, rep3, z64};
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{LinearOp, Truncation};
use piquet_nn_ops::function::{BatchNorm, LayerNorm, MomentFormats, Moments};
use piquet_nn_ops::layer::Layers;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Of the first input, by the second and third if there are any.
struct Of<'a>(&'a LayerNorm, Truncation);

impl Script for Of<'_> {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let affine = x.get(1).zip(x.get(2));
        Ok(vec![e.layer_norm(&x[0], affine, self.0, self.1)?])
    }
}

/// Rows of `n` values below `2^bound`: random ones of each magnitude, and the extremes.
fn rows(n: usize, bound: u32, seed: u64) -> Vec<Vec<i64>> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let most = (1i64 << bound) - 1;
    let at = |place: usize, high: i64, low: i64| -> Vec<i64> {
        (0..n)
            .map(|i| if i == place { high } else { low })
            .collect()
    };
    let mut rows = vec![
        vec![0; n],
        vec![-most; n],
        vec![1234.min(most); n],
        at(0, 1, 0),
        at(n - 1, most - 1, most),
        at(n / 2, most, -most),
        at(1, -most, most),
        (0..n)
            .map(|i| if i % 2 == 0 { most } else { -most })
            .collect(),
        (0..n as i64).map(|i| i.min(most)).collect(),
    ];
    for width in (2..=bound).step_by(3) {
        let limit = 1i64 << width;
        let centre = (rng.next_u64() % (1 << bound)) as i64 - (1 << (bound - 1));
        let mut any = || (rng.next_u64() % limit as u64) as i64 - limit / 2;
        rows.push(
            (0..n)
                .map(|_| (any() + centre).clamp(-most, most))
                .collect(),
        );
        // One of them far away.
        let mut row: Vec<i64> = (0..n).map(|_| any().clamp(-most, most)).collect();
        row[n / 3] = most;
        rows.push(row);
    }
    rows
}

/// What is right of a row: exact sums, and one rounding each in the rest.
fn normal(row: &[i64], frac: u32, eps: f64) -> Vec<f64> {
    let n = row.len() as i128;
    let sum: i128 = row.iter().map(|v| i128::from(*v)).sum();
    let centred: Vec<i128> = row.iter().map(|v| n * i128::from(*v) - sum).collect();
    let squares: i128 = centred.iter().map(|d| d * d).sum();
    let unit = (n * n) as f64 * 4f64.powi(frac as i32);
    let deviation = (squares as f64 / n as f64 + eps * unit).sqrt();
    let of = |d: &i128| if *d == 0 { 0.0 } else { *d as f64 / deviation };
    centred.iter().map(of).collect()
}

const MODES: [Truncation; 3] = [
    Truncation::Exact,
    Truncation::Nearest,
    Truncation::Stochastic,
];

/// Largest error in ULP over rows, and its bound.
fn largest(
    f: u32,
    whole: u32,
    n: usize,
    eps: f64,
    gamma: Option<u32>,
    modes: &[Truncation],
) -> (f64, f64) {
    let from = z64(f, f + whole);
    let (g, b) = (z64(f, f + gamma.unwrap_or(0)), z64(f, f + 3));
    let to = z64(f, f + 8 + gamma.unwrap_or(0));
    let layer = match gamma {
        None => LayerNorm::new(from, to, n, eps).unwrap(),
        Some(_) => LayerNorm::with_affine(from, to, n, eps, [g, b]).unwrap(),
    };
    let rows = rows(n, f + whole, n as u64);
    let mut case = Case::default().input(&[rows.len(), n], from, rows.concat());
    let (gammas, betas) = (
        common::values(n, g.bound(), 5),
        common::values(n, b.bound(), 6),
    );
    if gamma.is_some() {
        case = case
            .input(&[1, n], g, gammas.clone())
            .input(&[1, n], b, betas.clone());
    }
    let unit = (1u64 << f) as f64;
    let mut most = 0f64;
    for mode in modes {
        let got = plain(&case, &Of(&layer, *mode)).unwrap().remove(0);
        for (row, got) in rows.iter().zip(got.chunks_exact(n)) {
            let want = normal(row, f, layer.eps());
            for (i, (got, want)) in got.iter().zip(want).enumerate() {
                let want = match gamma {
                    None => want * unit,
                    Some(_) => want * gammas[i] as f64 + betas[i] as f64,
                };
                most = most.max((*got as f64 - want).abs());
            }
        }
    }
    (most, layer.error())
}

#[test]
fn rows_are_within_two_units() {
    for f in [12, 16, 20] {
        for n in [2, 3, 64, 100, 768, 1024, 4096] {
            for (whole, eps) in [(3, 1e-5), (6, 1e-12), (5, 0.0)] {
                let modes = if n > 1000 { &MODES[2..] } else { &MODES };
                let (most, bound) = largest(f, whole, n, eps, None, modes);
                assert!(most < 2.0 && most < bound, "{most} {bound} for {n} at {f}");
                let (most, bound) = largest(f, whole, n, eps, Some(1), modes);
                assert!(most < 2.0 && most < bound, "{most} {bound} for {n} at {f}");
            }
        }
    }
}

#[test]
fn a_constant_row_gives_beta() {
    for (f, whole, n) in [(16, 4, 64), (20, 8, 4096)] {
        let from = z64(f, f + whole);
        let beta = common::values(n, f + 2, 1);
        let formats = [z64(f, f + 1), z64(f, f + 2)];
        let layer = LayerNorm::with_affine(from, z64(f, f + 8), n, 1e-5, formats).unwrap();
        let case = Case::default()
            .input(&[1, n], from, vec![77; n])
            .input(&[1, n], formats[0], common::values(n, f + 1, 2))
            .input(&[1, n], formats[1], beta.clone());
        for mode in MODES {
            let got = plain(&case, &Of(&layer, mode)).unwrap();
            assert_eq!(got, core::slice::from_ref(&beta));
        }
    }
}

#[test]
fn layers_that_cannot_be_served_are_refused() {
    let (from, to) = (z64(16, 21), z64(16, 24));
    for (n, eps) in [
        (0, 0.1),
        (1, 0.1),
        (usize::MAX, 0.1),
        (64, f64::NAN),
        (64, -1.0),
        (64, f64::INFINITY),
        (64, 1e300),
    ] {
        assert!(LayerNorm::new(from, to, n, eps).is_err(), "{n} {eps}");
    }
    assert!(LayerNorm::new(z64(16, 60), to, 64, 1e-5).is_err());
    assert!(LayerNorm::new(z64(40, 45), to, 64, 1e-5).is_err());
    let layer = LayerNorm::new(from, to, 64, 1e-5).unwrap();
    let with = LayerNorm::with_affine(from, to, 64, 1e-5, [from, from]).unwrap();
    let zeros = |n: usize| vec![0; n];
    let of = |layer: &LayerNorm, inputs: &[usize]| {
        let case = inputs
            .iter()
            .fold(Case::default(), |c, n| c.input(&[1, *n], from, zeros(*n)));
        plain(&case, &Of(layer, Truncation::Exact))
    };
    assert!(of(&layer, &[128]).is_ok());
    assert!(of(&layer, &[63]).is_err());
    assert!(of(&layer, &[64, 64, 64]).is_err());
    assert!(of(&with, &[64]).is_err());
    assert!(of(&with, &[64, 64, 64]).is_ok());
    assert!(of(&with, &[64, 63, 64]).is_err());
}

/// Of the first input, by the others.
struct Batch<'a>(&'a BatchNorm, Truncation);

impl Script for Batch<'_> {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let moments = Moments {
            mean: &x[1],
            variance: &x[2],
            affine: x.get(3).zip(x.get(4)),
        };
        Ok(vec![e.batch_norm(&x[0], &moments, self.0, self.1)?])
    }
}

#[test]
fn channels_are_within_two_units() {
    for (f, affine) in [
        (12, true),
        (12, false),
        (16, true),
        (16, false),
        (20, true),
        (20, false),
    ] {
        let unit = (1u64 << f) as f64;
        let (c, pixels) = (40, 12);
        let (from, to) = (z64(f, f + 4), z64(f, f + 5));
        let formats = MomentFormats {
            mean: z64(f, f + 4),
            variance: z64(f, f + 5),
            affine: affine.then_some([z64(f, f + 1), z64(f, f + 3)]),
        };
        let norm = BatchNorm::new(from, to, formats, 1e-4, 8).unwrap();
        assert!(norm.error() < 2.0, "{}", norm.error());
        let mean = common::values(c, f + 4, 1);
        // Of every magnitude; the difference from the mean such that the result stays below its bound.
        let variance: Vec<i64> = (0..c as u32)
            .map(|i| (1i64 << (f + 5)) / (1 << (i * (f + 5) / 40)) - 1)
            .collect();
        let factors = common::values(c, f + 1, 2);
        let summands = common::values(c, f + 3, 3);
        let spread = common::values(c * pixels, 20, 4);
        let deviation = |k: usize| (variance[k] as f64 / unit + norm.eps()).sqrt();
        let x: Vec<i64> = (0..c * pixels)
            .map(|i| {
                let away = spread[i] as f64 / (1 << 20) as f64 * 7.0 * deviation(i % c) * unit;
                let most = (1i64 << (f + 4)) - 1;
                (mean[i % c] + away as i64).clamp(-most, most)
            })
            .collect();
        let mut case = Case::default()
            .input(&[1, c, 3, 4], from, x.clone())
            .input(&[1, c], formats.mean, mean.clone())
            .input(&[1, c], formats.variance, variance.clone());
        if let Some([g, b]) = formats.affine {
            case = case
                .input(&[1, c], g, factors.clone())
                .input(&[1, c], b, summands.clone());
        }
        for mode in MODES {
            let got = plain(&case, &Batch(&norm, mode)).unwrap().remove(0);
            for (i, (got, x)) in got.iter().zip(&x).enumerate() {
                let k = i % c;
                let want = (x - mean[k]) as f64 / deviation(k);
                let want = match affine {
                    true => want * factors[k] as f64 / unit + summands[k] as f64,
                    false => want,
                };
                let error = (*got as f64 - want).abs();
                assert!(error < norm.error(), "{error} at {f} {i}");
            }
        }
    }
}

/// Three parties, and two with a dealer, say what the oracle says, or in stochastic mode what is within the error.
#[test]
fn engines_agree() {
    // With room and wide, with and without gamma and beta.
    for (f, whole, n, affine) in [
        (16, 4, 64, true),
        (16, 4, 100, false),
        (20, 6, 70, true),
        (20, 6, 65, false),
    ] {
        let (from, g) = (z64(f, f + whole), z64(f, f + 1));
        let to = z64(f, f + 6);
        let layer = match affine {
            false => LayerNorm::new(from, to, n, 1e-5).unwrap(),
            true => LayerNorm::with_affine(from, to, n, 1e-5, [g, g]).unwrap(),
        };
        assert_eq!(layer.is_wide(), f == 20);
        let mut rows = rows(n, f + whole, 3);
        rows.truncate(14);
        let mut case = Case::default().input(&[rows.len(), n], from, rows.concat());
        if affine {
            for seed in [1, 2] {
                case = case.input(&[1, n], g, common::values(n, f + 1, seed));
            }
        }
        for mode in MODES {
            let script = Of(&layer, mode);
            let want = plain(&case, &script).unwrap();
            for got in [rep3(&case, &script), dealt::semi2k(2, &case, &script)] {
                near(&got, &want, mode, 2.0 * layer.error());
            }
        }
    }
}

#[test]
fn engines_agree_on_channels() {
    let c = 6;
    let format = z64(16, 18);
    let formats = MomentFormats {
        mean: format,
        variance: format,
        affine: Some([format; 2]),
    };
    let norm = BatchNorm::new(format, z64(16, 24), formats, 1e-3, 8).unwrap();
    let variance = vec![0, 1, 77, 1 << 10, 1 << 16, (1 << 18) - 1];
    let case = Case::default()
        .input(&[2, c, 1, 3], format, common::values(6 * c, 17, 1))
        .input(&[1, c], format, common::values(c, 17, 2))
        .input(&[1, c], format, variance)
        .input(&[1, c], format, common::values(c, 17, 3))
        .input(&[1, c], format, common::values(c, 17, 4));
    for mode in MODES {
        let script = Batch(&norm, mode);
        let want = plain(&case, &script).unwrap();
        for got in [rep3(&case, &script), dealt::semi2k(2, &case, &script)] {
            near(&got, &want, mode, 2.0 * norm.error());
        }
    }
}

/// Equal, or no further apart than this if roundings are random.
fn near(got: &[Vec<i64>], want: &[Vec<i64>], mode: Truncation, apart: f64) {
    if mode != Truncation::Stochastic {
        assert_eq!(got, want);
    }
    for (got, want) in got.concat().iter().zip(want.concat()) {
        assert!(((got - want).abs() as f64) < apart, "{got} {want}");
    }
}

/// Bytes for each element and rounds in three parties, of many rows.
#[test]
fn costs_are_those_of_the_page() {
    // As the page says, and a little.
    for (f, n, affine, most) in [
        (16, 768, true, (92.0, 72)),
        (16, 128, false, (62.0, 70)),
        (20, 1024, true, (142.0, 90)),
    ] {
        let (from, g) = (z64(f, f + 4), z64(f, f + 1));
        let to = z64(f, f + 6);
        let layer = match affine {
            false => LayerNorm::new(from, to, n, 1e-5).unwrap(),
            true => LayerNorm::with_affine(from, to, n, 1e-5, [g, g]).unwrap(),
        };
        let rows = 128;
        let mut case = Case::default().input(&[rows, n], from, vec![0; rows * n]);
        if affine {
            case = case
                .input(&[1, n], g, vec![0; n])
                .input(&[1, n], g, vec![0; n]);
        }
        let (bytes, rounds) = common::cost(&case, &Of(&layer, Truncation::Stochastic));
        let each = bytes as f64 / (rows * n) as f64;
        let (most_bytes, most_rounds): (f64, u32) = most;
        assert!(
            each < most_bytes && rounds <= most_rounds,
            "{each} {rounds}"
        );
    }
}
