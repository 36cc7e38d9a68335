//! Normalisation of rows: the oracle against real numbers, the engines against both, bytes and rounds.

use crate::common;
use crate::common::{Case, Script, plain, rep3, z64};
use crate::dealt;
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{LinearOp, Truncation};
use piquet_nn_ops::function::LayerNorm;
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::semi2k::Semi2kCost;
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
        conspiring(n, most),
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

/// Half of the norm in one element, and others whose last bits go with their signs: so do the roundings of a wide row.
fn conspiring(n: usize, most: i64) -> Vec<i64> {
    let others = ((most as f64 / (n as f64).sqrt()) as i64).max(1);
    let of = |i: usize| match (i, i % 2) {
        (0, _) => most,
        (_, 0) => others | 1,
        _ => -(others & !1),
    };
    (0..n).map(of).collect()
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

/// Rows of `n` of `whole` bits before the point and f behind, with gammas of so many bits before the point, if any.
#[derive(Clone, Copy)]
struct Kind {
    f: u32,
    whole: u32,
    n: usize,
    gamma: Option<u32>,
}

impl Kind {
    fn layer(self, eps: f64) -> Result<LayerNorm, Error> {
        let Self { f, whole, n, gamma } = self;
        let (from, to) = (z64(f, f + whole), z64(f, f + 8 + gamma.unwrap_or(0)));
        match gamma {
            None => LayerNorm::new(from, to, n, eps),
            Some(g) => LayerNorm::with_affine(from, to, n, eps, [z64(f, f + g), z64(f, f + 3)]),
        }
    }
}

/// A layer, what it works on, and what is right in units of the last place.
struct Sample {
    layer: LayerNorm,
    case: Case,
    want: Vec<f64>,
}

impl Sample {
    fn new(kind: Kind, eps: f64, rows: &[Vec<i64>]) -> Self {
        let Kind { f, whole, n, gamma } = kind;
        let layer = kind.layer(eps).unwrap();
        let mut case = Case::default().input(&[rows.len(), n], z64(f, f + whole), rows.concat());
        let unit = (1u64 << f) as f64;
        let (mut factors, mut summands) = (vec![unit; n], vec![0.0; n]);
        if let Some(g) = gamma {
            // Two of three are as large as they may be.
            let limit = (1i64 << (f + g)) - 1;
            let mut gammas = common::values(n, f + g, 5);
            for (i, v) in gammas.iter_mut().enumerate().filter(|(i, _)| i % 3 > 0) {
                *v = if i % 3 == 1 { limit } else { -limit };
            }
            let betas = common::values(n, f + 3, 6);
            factors = gammas.iter().map(|v| *v as f64).collect();
            summands = betas.iter().map(|v| *v as f64).collect();
            case = case
                .input(&[1, n], z64(f, f + g), gammas)
                .input(&[1, n], z64(f, f + 3), betas);
        }
        let mut want = Vec::with_capacity(rows.len() * n);
        for row in rows {
            let each = normal(row, f, layer.eps()).into_iter();
            let each = each.zip(factors.iter().zip(&summands));
            want.extend(each.map(|(y, (g, b))| y * g + b));
        }
        Self { layer, case, want }
    }

    /// Largest error in ULP.
    fn error(&self, got: &[Vec<i64>]) -> f64 {
        let each = got[0].iter().zip(&self.want);
        each.map(|(g, w)| (*g as f64 - w).abs()).fold(0.0, f64::max)
    }
}

#[test]
fn two_units_are_proven() {
    for f in [12, 16, 20] {
        for n in [2, 3, 10, 64, 100, 768, 1000, 1024, 2048, 3072, 4096] {
            for whole in [3, 4, 6, 8] {
                let error = |gamma| {
                    let kind = Kind { f, whole, n, gamma };
                    kind.layer(1e-5).unwrap().error()
                };
                for gamma in [None, Some(0)] {
                    assert!(error(gamma) <= 2.0, "{} of {n} at {f}", error(gamma));
                }
                // As the page says of larger ones.
                for (gamma, most) in [(1, 2.15), (2, 3.15), (3, 5.25)] {
                    let most = if f < 20 || n <= 100 { 2.0 } else { most };
                    let error = error(Some(gamma));
                    assert!(error <= most, "{error} of {n} at {f} with {gamma} bits");
                }
            }
        }
    }
}

/// The table of the page, of 20 fraction bits.
#[test]
fn larger_gammas_have_no_more_than_the_errors_of_the_page() {
    for (n, errors) in [
        (100, [1.39, 1.62, 1.75]),
        (768, [1.58, 1.98, 2.85]),
        (1024, [1.66, 2.12, 3.12]),
        (4096, [2.12, 3.11, 5.23]),
    ] {
        for (gamma, want) in (1..).zip(errors) {
            let error = |whole| {
                let (f, gamma) = (20, Some(gamma));
                let kind = Kind { f, whole, n, gamma };
                kind.layer(1e-5).unwrap().error()
            };
            let most = [3, 4, 6, 8].map(error).into_iter().fold(0.0, f64::max);
            assert!(most < want + 0.005, "{most} of {n} with {gamma} bits");
        }
    }
}

#[test]
fn rows_are_within_their_error() {
    let mut worst = [0f64; 2];
    for f in [12, 16, 20] {
        for n in [2, 3, 64, 100, 768, 1024, 4096] {
            for (whole, eps) in [(3, 1e-5), (6, 1e-12), (5, 0.0)] {
                let modes = if n > 1000 { &MODES[2..] } else { &MODES };
                for gamma in [None, Some(0), Some(1), Some(3)] {
                    if n > 100 && gamma == Some(1) {
                        continue;
                    }
                    let kind = Kind { f, whole, n, gamma };
                    let sample = Sample::new(kind, eps, &rows(n, f + whole, n as u64));
                    let bound = sample.layer.error();
                    for mode in modes {
                        let got = plain(&sample.case, &Of(&sample.layer, *mode)).unwrap();
                        let most = sample.error(&got);
                        assert!(most < bound, "{most} {bound} for {n} at {f}, {gamma:?}");
                        let small = gamma.is_none_or(|g| g == 0);
                        assert!(most < 2.0 || !small, "{most} for {n} at {f}");
                        let worst = &mut worst[usize::from(!small)];
                        *worst = worst.max(most);
                    }
                }
            }
        }
    }
    // As the page says: small gammas, and of up to three bits.
    assert!(worst[0] < 1.17 && worst[1] < 2.0, "{worst:?}");
}

/// Dense rows of every magnitude, at every kind of layer.
#[test]
fn dense_rows_are_within_their_error() {
    for (f, whole, n) in [
        (12, 4, 10),
        (12, 12, 100),
        (16, 10, 64),
        (20, 4, 64),
        (20, 8, 128),
    ] {
        let bound = f + whole;
        let mut rng = ChaCha20Rng::seed_from_u64(n as u64);
        let mut rows = Vec::new();
        for width in 1..=bound {
            for _ in 0..8 {
                let limit = 1u64 << width;
                let any = |_| (rng.next_u64() % (2 * limit - 1)) as i64 - (limit as i64 - 1);
                rows.push((0..n).map(any).collect::<Vec<i64>>());
            }
        }
        for gamma in [None, Some(0)] {
            let sample = Sample::new(Kind { f, whole, n, gamma }, 1e-9, &rows);
            let got = plain(&sample.case, &Of(&sample.layer, Truncation::Stochastic)).unwrap();
            let most = sample.error(&got);
            assert!(most < sample.layer.error(), "{most} for {n} at {f}");
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

/// Formats that have no room are refused when the layer is made, with a reason, and not when it is run.
#[test]
fn gammas_and_betas_that_do_not_fit_are_refused() {
    let f = 16;
    let of = |n, whole, gamma, beta| {
        let (from, to) = (z64(f, f + whole), z64(f, f + 10));
        LayerNorm::with_affine(from, to, n, 1e-5, [gamma, beta])
    };
    let small = z64(f, f + 1);
    for (n, whole) in [(64, 4), (768, 8)] {
        let layer = of(n, whole, small, small).unwrap();
        assert_eq!(layer.is_wide(), n == 768);
        for (gamma, beta) in [
            // More fraction bits than the product has.
            (small, z64(60, 61)),
            (z64(0, 1), z64(55, 56)),
            // No room for the product, or for beta at its scale.
            (z64(50, 51), small),
            (z64(16, 50), small),
            (small, z64(16, 50)),
            (z64(62, 62), z64(62, 62)),
        ] {
            let refused = of(n, whole, gamma, beta);
            assert!(
                matches!(
                    refused,
                    Err(Error::Unsupported { .. }
                        | Error::Range { .. }
                        | Error::Rescale { .. }
                        | Error::FormatMismatch { .. }
                        | Error::Share(_))
                ),
                "{gamma} {beta}: {refused:?}"
            );
        }
        // Other fractions than those of the result serve.
        for (gamma, beta) in [
            (z64(0, 3), z64(0, 3)),
            (z64(3, 4), z64(12, 14)),
            (z64(20, 21), z64(24, 26)),
            (z64(24, 20), z64(10, 5)),
        ] {
            let layer = of(n, whole, gamma, beta).unwrap();
            let rows = rows(n, f + whole, 1);
            let (g, b) = (
                common::values(n, gamma.bound(), 1),
                common::values(n, beta.bound(), 2),
            );
            let case = Case::default()
                .input(&[rows.len(), n], z64(f, f + whole), rows.concat())
                .input(&[1, n], gamma, g.clone())
                .input(&[1, n], beta, b.clone());
            let got = plain(&case, &Of(&layer, Truncation::Stochastic)).unwrap();
            let real = |raw: i64, frac: u32| raw as f64 / (1u64 << frac) as f64 * 65536.0;
            for (row, got) in rows.iter().zip(got[0].chunks_exact(n)) {
                let each = normal(row, f, layer.eps()).into_iter();
                for (i, (y, got)) in each.zip(got).enumerate() {
                    let want = y * real(g[i], gamma.frac()) + real(b[i], beta.frac());
                    let error = (*got as f64 - want).abs();
                    assert!(error < layer.error(), "{error} with {gamma} {beta}");
                }
            }
        }
    }
    let narrow = piquet_nn_ops::model::Format::new(32, 16, 18).unwrap();
    assert!(of(64, 4, narrow, small).is_err());
    assert!(of(64, 4, small, narrow).is_err());
}

/// Three parties, and two or three with a dealer, against real numbers, and against the oracle where nothing is random.
#[test]
fn engines_are_within_the_error() {
    for (f, whole, n) in [
        (12, 4, 64),
        (12, 12, 768),
        (12, 4, 4096),
        (16, 4, 100),
        (16, 12, 64),
        (16, 4, 768),
        (16, 5, 4096),
        (20, 4, 64),
        (20, 6, 100),
        (20, 4, 768),
        (20, 4, 4096),
    ] {
        for gamma in [None, Some(0)] {
            let kind = Kind { f, whole, n, gamma };
            let mut rows = rows(n, f + whole, 3);
            if n > 100 {
                // The extremes, and the widest of the random ones.
                let wide = rows.split_off(rows.len() - 4);
                rows.truncate(10);
                rows.extend(wide);
            }
            let sample = Sample::new(kind, 1e-5, &rows);
            let script = Of(&sample.layer, Truncation::Stochastic);
            let mut all = vec![
                rep3(&sample.case, &script),
                dealt::semi2k(2, &sample.case, &script),
            ];
            if n == 100 {
                all.push(dealt::semi2k(3, &sample.case, &script));
            }
            for got in all {
                let most = sample.error(&got);
                assert!(most < sample.layer.error().min(2.0), "{most} of {n} at {f}");
            }
            let few = Sample::new(
                kind,
                1e-5,
                &rows[rows.len().saturating_sub(if n > 1000 { 3 } else { 14 })..],
            );
            for mode in &MODES[..2] {
                let script = Of(&few.layer, *mode);
                let want = plain(&few.case, &script).unwrap();
                assert_eq!(rep3(&few.case, &script), want);
                assert_eq!(dealt::semi2k(2, &few.case, &script), want);
            }
        }
    }
}

/// Bytes online and rounds of a layer without inputs and outputs: of three parties, then of two and three with a dealer.
fn costs(case: &Case, script: &impl Script) -> [(u64, u32); 3] {
    let semi2k = |parties| {
        let cost = common::walk(Semi2kCost::new(parties, 64), case, script);
        let rows = cost.plan().rows();
        let online =
            |r: &&piquet_nn_ops::plan::PlanRow| r.name == "script" && r.phase == Phase::Online;
        let row = rows.iter().find(online).unwrap();
        (row.bytes, row.rounds)
    };
    [common::cost(case, script), semi2k(2), semi2k(3)]
}

/// Bytes in three parties of an element that is rescaled stochastically by `s` bits.
fn rescaled(s: u32) -> u64 {
    24 + 3 * match s {
        0..=8 => 1,
        9..=16 => 2,
        17..=32 => 4,
        _ => 8,
    }
}

/// Bytes of an element by the formulas of the page: in three parties, and words between each two with a dealer.
fn formula(kind: Kind, layer: &LayerNorm) -> (u64, u64) {
    let Kind { f, whole, n, gamma } = kind;
    let (b, g) = (f + whole, gamma.unwrap_or(0));
    let peak = n.next_power_of_two().ilog2().div_ceil(2);
    let p = (f + 2 + peak + g).min(27);
    let log = (n as f64).log2();
    if !layer.is_wide() {
        let bits = ((2.0 * log + f64::from(2 * b)) as u32 + 1)
            .max(2 * f)
            .max(32);
        let root = p + 1 + bits.div_ceil(2);
        return match gamma {
            None => (rescaled(root - f), 4),
            Some(_) => (rescaled(root - f - g - 3) + rescaled(f + g + 3), 7),
        };
    }
    let t = ((3.0 * log + f64::from(2 * b) - 60.001).max(0.0) / 2.0).ceil() as u32;
    let brought = rescaled(t) + rescaled(t + 1);
    let more = if layer.is_corrected() { 2 } else { 0 };
    let unit = f + peak + g;
    let first = |u: u32| rescaled(p + 32 + u.saturating_sub(p).min(2) - u);
    match gamma {
        None => {
            let u = unit + 3;
            let root = (61 - u - peak).min((32 + f - u).max(f + 3));
            (brought + first(u) + rescaled(u + root - f), 8 + more)
        }
        Some(_) => {
            let guard = (61 - (peak + g).max(3) - unit - f).min(6);
            let u = unit + guard - guard / 2;
            (brought + first(u) + rescaled(u + guard / 2), 10 + more)
        }
    }
}

/// Bytes and rounds are the formulas of the page.
#[test]
fn costs_are_those_of_the_page() {
    for f in [12, 16, 20] {
        for (whole, n) in [(4, 64), (4, 128), (12, 100), (4, 768), (4, 1024), (4, 4096)] {
            for gamma in [None, Some(0), Some(1), Some(3)] {
                let kind = Kind { f, whole, n, gamma };
                let layer = kind.layer(1e-5).unwrap();
                // Bits of rows lie in words of 64.
                let (rows, row) = (((65_536 / n) as u64).next_multiple_of(64), n as u64);
                let len = (rows * row) as usize;
                let mut case = Case::default().input(&[len / n, n], layer.from(), vec![0; len]);
                if let Some(g) = gamma {
                    case = case.input(&[1, n], z64(f, f + g), vec![0; n]).input(
                        &[1, n],
                        z64(f, f + 3),
                        vec![0; n],
                    );
                }
                let (three, words) = formula(kind, &layer);
                // A row's bytes, those of a gamma that is rounded, and rounds.
                let (a_row, a_gamma, rounds) = match (layer.is_wide(), layer.is_corrected()) {
                    (false, _) => ([1100, 700], [0, 0], [67, 66]),
                    (true, false) => ([1600, 850], [90, 40], [88, 85]),
                    (true, true) => ([1800, 950], [90, 40], [91, 87]),
                };
                let found = costs(&case, &Of(&layer, Truncation::Stochastic));
                for (i, (bytes, took)) in found.into_iter().enumerate() {
                    let links = [0, 2, 6][i];
                    let scale = (links / 2).max(1);
                    let kind = usize::from(i > 0);
                    let low = len as u64 * if i == 0 { three } else { 8 * links * words };
                    let high = low + low / 500 + scale * (rows * a_row[kind] + row * a_gamma[kind]);
                    let name = format!("{bytes}: {low} to {high}, {n} at {f}, {gamma:?}");
                    assert!((low..high).contains(&bytes), "{name}");
                    assert!(took <= rounds[kind], "{took} rounds, {n} at {f}");
                }
            }
        }
    }
}

/// Without fraction bits a rounding may reach the next power of two.
#[test]
fn results_without_fraction_bits_fit() {
    let (from, g, b) = (z64(16, 20), z64(16, 16), z64(16, 17));
    let layer = LayerNorm::with_affine(from, z64(0, 10), 4, 1e-5, [g, b]).unwrap();
    let case = Case::default()
        .input(&[1, 4], from, vec![0, 0, 0, (1 << 20) - 1])
        .input(&[1, 4], g, vec![65_535; 4])
        .input(&[1, 4], b, vec![131_071; 4]);
    let got = plain(&case, &Of(&layer, Truncation::Nearest)).unwrap();
    assert!((got[0][3] - 4).abs() <= 1, "{got:?}");
}
