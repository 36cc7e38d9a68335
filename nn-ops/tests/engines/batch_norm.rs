//! Normalisation of channels by secret moments: the oracle against real numbers, the engines against both.

use crate::common;
use crate::common::{Case, Script, plain, rep3, values, z64};
use crate::dealt;
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{LinearOp, Truncation};
use piquet_nn_ops::function::{BatchNorm, MomentFormats, Moments};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::model::Format;
use piquet_nn_ops::plan::PlanRow;
use piquet_nn_ops::semi2k::Semi2kCost;

/// Of the first input, by the others.
struct Of<'a>(&'a BatchNorm, Truncation);

impl Script for Of<'_> {
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

const MODES: [Truncation; 3] = [
    Truncation::Exact,
    Truncation::Nearest,
    Truncation::Stochastic,
];

/// Bits before the point of the argument and the mean, of the variance, of gamma, of beta and of the result.
const WHOLE: [u32; 5] = [4, 5, 1, 3, 5];

fn norm(f: u32, affine: bool) -> BatchNorm {
    let [x, variance, gamma, beta, to] = WHOLE.map(|w| z64(f, f + w));
    let formats = MomentFormats {
        mean: x,
        variance,
        affine: affine.then_some([gamma, beta]),
    };
    BatchNorm::new(x, to, formats, 1e-4, 8).unwrap()
}

/// A layer, what it works on, and what is right in units of the last place.
struct Sample {
    norm: BatchNorm,
    case: Case,
    want: Vec<f64>,
}

impl Sample {
    /// Channels with variances of every magnitude, of each three, and in each `pixels` values whose differences from the mean
    /// go up to the largest for which argument and result fit.
    fn new(f: u32, affine: bool, pixels: usize, seed: u64) -> Self {
        let norm = norm(f, affine);
        let unit = (1u64 << f) as f64;
        let [x_bound, variance_bound, gamma_bound, beta_bound, to_bound] = WHOLE.map(|w| f + w);
        let random = values(64, 20, seed);
        let mut variances = vec![0, 1];
        for (j, r) in (1..variance_bound).zip(&random) {
            let low = 1i64 << j;
            variances.extend([low - 1, low, low + r.unsigned_abs() as i64 % low]);
        }
        variances.push((1 << variance_bound) - 1);
        let c = variances.len();
        let means = values(c, x_bound, seed + 1);
        let (gammas, betas) = (
            values(c, gamma_bound, seed + 2),
            values(c, beta_bound, seed + 3),
        );
        let most = (1i64 << x_bound) - 1;
        let (mut x, mut want) = (Vec::new(), Vec::new());
        for p in 0..pixels {
            for k in 0..c {
                let deviation = (variances[k] as f64 / unit + norm.eps()).sqrt();
                let (gamma, beta) = match affine {
                    true => (gammas[k] as f64 / unit, betas[k] as f64),
                    false => (1.0, 0.0),
                };
                let room = (1u64 << to_bound) as f64 - beta.abs() - 4.0;
                let reach = (room * deviation / gamma.abs().max(1e-9)).min(4.0 * most as f64);
                let part = 2.0 * p as f64 / (pixels - 1) as f64 - 1.0;
                let v = means[k].saturating_add((part * reach) as i64);
                let v = v.clamp(-most, most);
                x.push(v);
                want.push((v - means[k]) as f64 / deviation * gamma + beta);
            }
        }
        let format = |i: usize| z64(f, f + WHOLE[i]);
        let mut case = Case::default()
            .input(&[1, c, 1, pixels], format(0), x)
            .input(&[1, c], format(0), means)
            .input(&[1, c], format(1), variances);
        if affine {
            case = case
                .input(&[1, c], format(2), gammas)
                .input(&[1, c], format(3), betas);
        }
        Self { norm, case, want }
    }

    /// Largest error in ULP.
    fn error(&self, got: &[Vec<i64>]) -> f64 {
        let each = got[0].iter().zip(&self.want);
        each.map(|(g, w)| (*g as f64 - w).abs()).fold(0.0, f64::max)
    }
}

#[test]
fn channels_are_within_two_units() {
    for f in [12, 16, 20] {
        for affine in [true, false] {
            let sample = Sample::new(f, affine, 129, u64::from(f));
            let bound = sample.norm.error();
            assert!(bound <= 2.0, "{bound} at {f}");
            for mode in MODES {
                let got = plain(&sample.case, &Of(&sample.norm, mode)).unwrap();
                let most = sample.error(&got);
                assert!(most < bound, "{most} of {bound} at {f}");
            }
        }
    }
}

#[test]
fn engines_are_within_two_units() {
    for f in [12, 16, 20] {
        for affine in [true, false] {
            let sample = Sample::new(f, affine, 9, 7);
            let script = Of(&sample.norm, Truncation::Stochastic);
            let mut all = vec![
                rep3(&sample.case, &script),
                dealt::semi2k(2, &sample.case, &script),
            ];
            if f == 16 {
                all.push(dealt::semi2k(3, &sample.case, &script));
            }
            for got in all {
                let most = sample.error(&got);
                assert!(most < sample.norm.error().min(2.0), "{most} at {f}");
            }
            for mode in &MODES[..2] {
                let script = Of(&sample.norm, *mode);
                let want = plain(&sample.case, &script).unwrap();
                assert_eq!(rep3(&sample.case, &script), want);
                assert_eq!(dealt::semi2k(2, &sample.case, &script), want);
            }
        }
    }
}

/// Formats that have no room are refused when the layer is made, with a reason, and not when it is run.
#[test]
fn formats_that_cannot_be_served_are_refused() {
    let f = z64(16, 18);
    let of = |from, to, mean, variance, affine, eps, reach| {
        let formats = MomentFormats {
            mean,
            variance,
            affine,
        };
        BatchNorm::new(from, to, formats, eps, reach)
    };
    let to = z64(16, 24);
    assert!(of(f, to, f, f, Some([f, f]), 1e-3, 8).is_ok());
    for eps in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
        assert!(of(f, to, f, f, None, eps, 8).is_err(), "{eps}");
    }
    let narrow = Format::new(32, 16, 18).unwrap();
    for (from, to, mean, variance, gamma, beta, reach) in [
        // Other rings.
        (narrow, to, f, f, f, f, 8),
        (f, narrow, f, f, f, f, 8),
        (f, to, f, narrow, f, f, 8),
        (f, to, f, f, f, narrow, 8),
        // Beta with more fraction bits than the product, or without room at its scale.
        (f, to, f, f, f, z64(61, 62), 8),
        (f, to, f, f, f, z64(0, 40), 8),
        // No room for the difference, the factor, the product.
        (z64(16, 62), to, f, f, f, f, 8),
        (f, to, z64(60, 61), f, f, f, 8),
        (f, to, f, f, z64(60, 61), f, 8),
        (f, to, f, f, f, f, 60),
        (f, to, f, f, f, f, u32::MAX),
        (f, to, f, z64(61, 62), f, f, 8),
    ] {
        let refused = of(from, to, mean, variance, Some([gamma, beta]), 1e-3, reach);
        assert!(refused.is_err(), "{mean} {variance} {gamma} {beta} {reach}");
    }
    // Other fractions than those of the result serve, and one that is coarser than all.
    let coarse = z64(0, 2);
    for (mean, gamma, beta) in [(coarse, coarse, coarse), (z64(20, 22), z64(10, 11), f)] {
        let norm = of(f, to, mean, f, Some([gamma, beta]), 1e-3, 8).unwrap();
        let case = Case::default()
            .input(&[1, 1, 1, 3], f, vec![0, 65536, -77777])
            .input(&[1, 1], mean, vec![1 << mean.frac()])
            .input(&[1, 1], f, vec![65536])
            .input(&[1, 1], gamma, vec![1 << gamma.frac()])
            .input(&[1, 1], beta, vec![1 << beta.frac()]);
        let got = plain(&case, &Of(&norm, Truncation::Stochastic)).unwrap();
        for (got, x) in got[0].iter().zip([0.0, 65536.0, -77777.0]) {
            let want = (x - 65536.0) / (1.0 + norm.eps()).sqrt() + 65536.0;
            assert!((*got as f64 - want).abs() < norm.error());
        }
    }
    // Moments of other formats or lengths, and with or without gamma and beta as it was not made.
    let norm = of(f, to, f, f, None, 1e-3, 8).unwrap();
    let run = |formats: [Format; 3], lens: [usize; 2], affine: bool| {
        let mut case = Case::default()
            .input(&[1, 4, 1, 1], formats[0], vec![0; 4])
            .input(&[1, lens[0]], formats[1], vec![0; lens[0]])
            .input(&[1, lens[1]], formats[2], vec![1; lens[1]]);
        if affine {
            case = case
                .input(&[1, 4], f, vec![0; 4])
                .input(&[1, 4], f, vec![0; 4]);
        }
        plain(&case, &Of(&norm, Truncation::Exact))
    };
    assert!(run([f; 3], [4, 4], false).is_ok());
    assert!(run([f; 3], [4, 4], true).is_err());
    assert!(run([f; 3], [3, 4], false).is_err());
    assert!(run([f; 3], [4, 5], false).is_err());
    assert!(run([f, f, z64(16, 19)], [4, 4], false).is_err());
    assert!(run([f, z64(15, 18), f], [4, 4], false).is_err());
    assert!(run([z64(16, 19), f, f], [4, 4], false).is_err());
}

/// Bytes and rounds are the formulas of the page.
#[test]
fn costs_are_those_of_the_page() {
    for f in [12, 16, 20] {
        for affine in [true, false] {
            let sample = Sample::new(f, affine, 2048, 7);
            let script = Of(&sample.norm, Truncation::Stochastic);
            let channels = sample.case.inputs[1].1.len() as u64;
            let elements = sample.want.len() as u64;
            let mut all = vec![common::cost(&sample.case, &script)];
            for parties in [2, 3] {
                let cost = Semi2kCost::new(parties, 64);
                let cost = common::walk(cost, &sample.case, &script);
                let online = |r: &&PlanRow| r.name == "script" && r.phase == Phase::Online;
                let row = cost.plan().rows().iter().find(online).unwrap();
                all.push((row.bytes, row.rounds));
            }
            let shift = match affine {
                true => f + 2 + WHOLE[0] + 1,
                false => 33,
            };
            let each = match (shift, affine, f) {
                // Few bits of a root are enough.
                (_, false, 12) => 36,
                (17..=32, ..) => 36,
                _ => 48,
            };
            for ((bytes, rounds), (each, channel, most)) in
                all.into_iter()
                    .zip([(each, 1200, 67), (48, 800, 65), (144, 2400, 65)])
            {
                let low = each * elements;
                let high = low + channel * channels;
                assert!((low..high).contains(&bytes), "{bytes} {low} {high} at {f}");
                assert!(
                    rounds <= most - if affine { 0 } else { 5 },
                    "{rounds} at {f}"
                );
            }
        }
    }
}

#[test]
fn narrower_moments_are_served() {
    let format = z64(16, 18);
    let formats = MomentFormats {
        mean: format,
        variance: format,
        affine: None,
    };
    let norm = BatchNorm::new(format, z64(16, 24), formats, 1e-3, 8).unwrap();
    let case = Case::default()
        .input(&[1, 2, 1, 3], format, values(6, 17, 1))
        .input(&[1, 2], z64(16, 16), values(2, 15, 2))
        .input(&[1, 2], z64(16, 16), vec![9, 40_000]);
    let script = Of(&norm, Truncation::Exact);
    assert_eq!(rep3(&case, &script), plain(&case, &script).unwrap());
}
