//! Softmax and its logarithm: the oracle against real numbers, the engines against the oracle, bytes and rounds.

use crate::common;
use crate::common::{Case, Script, plain, rep3, z64};
use crate::dealt;
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{LinearOp, Rescale, Truncation};
use piquet_nn_ops::function::{Exp, Normal, Reciprocal, Softmax};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::model::Format;
use piquet_nn_ops::plan::{Plan, PlanRow};
use piquet_nn_ops::rep3::Rep3Cost;
use piquet_nn_ops::semi2k::Semi2kCost;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Softmax of the first input.
struct Of<'a>(&'a Softmax, Truncation);

impl Script for Of<'_> {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        Ok(vec![e.softmax(&x[0], self.0, self.1)?])
    }
}

/// Rows of `n` values below `2^bound`: random ones of several widths, and the extremes.
fn rows(n: usize, frac: u32, bound: u32, seed: u64) -> Vec<Vec<i64>> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let most = (1i64 << bound) - 1;
    let mut rows = vec![
        vec![0; n],
        vec![most; n],
        vec![-most; n],
        // One that is larger than all others, first and last, by much and by little.
        (0..n).map(|i| if i == 0 { most } else { -most }).collect(),
        (0..n).map(|i| if i + 1 == n { 1 } else { 0 }).collect(),
        (0..n)
            .map(|i| if i % 2 == 1 { most } else { most - (1 << frac) })
            .collect(),
        // Most exponentials are about as small as their last place.
        (0..n)
            .map(|i| {
                if i == 0 {
                    0
                } else {
                    (-(20 << frac)).max(-most)
                }
            })
            .collect(),
        (0..n as i64)
            .map(|i| (-(i << frac) / 4).max(-most))
            .collect(),
    ];
    // Exponentials that are just below two of their last places.
    let levels = n.next_power_of_two().ilog2();
    let small =
        -(f64::from(frac + levels) * core::f64::consts::LN_2 * f64::from(1u32 << frac)) as i64;
    rows.push(
        (0..n)
            .map(|i| if i == n / 2 { 0 } else { small.max(-most) })
            .collect(),
    );
    for width in [frac / 2, frac.min(bound), (frac + 2).min(bound), bound] {
        let limit = 1u64 << (width + 1);
        let any = |rng: &mut ChaCha20Rng| (rng.next_u64() % limit) as i64 - (limit / 2) as i64;
        rows.push((0..n).map(|_| any(&mut rng).clamp(-most, most)).collect());
    }
    rows
}

/// What is right of a row.
fn softmax(row: &[i64], frac: u32, log: bool) -> Vec<f64> {
    let unit = (1u64 << frac) as f64;
    let most = *row.iter().max().unwrap();
    let below = |v: &i64| (v - most) as f64 / unit;
    let sum: f64 = row.iter().map(|v| below(v).exp()).sum();
    let of = |v| {
        if log {
            below(v) - sum.ln()
        } else {
            below(v).exp() / sum
        }
    };
    row.iter().map(of).collect()
}

/// Largest error in units of the last place, of so many fraction bits.
fn error(got: &[i64], want: &[f64], frac: u32) -> f64 {
    let unit = (1u64 << frac) as f64;
    let each = got
        .iter()
        .zip(want)
        .map(|(g, w)| (*g as f64 - w * unit).abs());
    each.fold(0.0, f64::max)
}

const MODES: [Truncation; 3] = [
    Truncation::Exact,
    Truncation::Nearest,
    Truncation::Stochastic,
];

#[test]
fn rows_are_within_two_units_and_add_up_to_one() {
    for f in [12, 16, 20] {
        for n in [1, 2, 3, 10, 64, 129, 1000] {
            let (from, to) = (z64(f, f + 5), z64(f, f + 1));
            let s = Softmax::new(from, to, n).unwrap();
            assert!(s.error() < 2.0, "{} for {n} at {f}", s.error());
            let rows = rows(n, f, f + 5, n as u64);
            let case = Case::default().input(&[rows.len(), n], from, rows.concat());
            for mode in MODES {
                let got = plain(&case, &Of(&s, mode)).unwrap().remove(0);
                let mut most = 0f64;
                for (row, got) in rows.iter().zip(got.chunks_exact(n)) {
                    most = most.max(error(got, &softmax(row, f, false), f));
                    let off = got.iter().sum::<i64>() - (1 << f);
                    assert!(2 * off.unsigned_abs() as usize <= n, "{off} for {n} at {f}");
                }
                assert!(most < s.error(), "{most} for {n} at {f}");
            }
        }
    }
}

#[test]
fn logarithms_are_within_two_units() {
    for (from, f) in [
        (z64(12, 16), 12),
        (z64(16, 20), 16),
        (z64(20, 25), 20),
        (z64(18, 22), 16),
        (z64(10, 14), 16),
    ] {
        for n in [1, 2, 3, 64, 1000] {
            let s = Softmax::log(from, z64(f, f + 12), n).unwrap();
            assert!(s.error() < 2.0);
            let rows = rows(n, from.frac(), from.bound(), n as u64);
            let case = Case::default().input(&[rows.len(), n], from, rows.concat());
            for mode in MODES {
                let got = plain(&case, &Of(&s, mode)).unwrap().remove(0);
                for (row, got) in rows.iter().zip(got.chunks_exact(n)) {
                    let most = error(got, &softmax(row, from.frac(), true), f);
                    assert!(most < s.error(), "{most} for {n} at {f}");
                }
            }
        }
    }
}

#[test]
fn what_is_masked_is_zero_and_does_not_count() {
    let (f, n) = (16, 12);
    for block in [1, 5, 12] {
        let s = Softmax::new(z64(f, 20), z64(f, f + 1), n)
            .unwrap()
            .causal(block)
            .unwrap();
        let mut rows = rows(n, f, 20, 4);
        rows.truncate(rows.len() / block * block);
        let case = Case::default().input(&[rows.len(), n], z64(f, 20), rows.concat());
        let got = plain(&case, &Of(&s, Truncation::Stochastic))
            .unwrap()
            .remove(0);
        for (i, (row, got)) in rows.iter().zip(got.chunks_exact(n)).enumerate() {
            let known = n - (block - 1 - i % block);
            assert!(got[known..].iter().all(|v| *v == 0));
            let want = softmax(&row[..known], f, false);
            assert!(error(&got[..known], &want, f) < s.error());
        }
    }
    let s = Softmax::new(z64(f, 20), z64(f, f + 1), n).unwrap();
    assert!(s.clone().causal(0).is_err());
    assert!(s.clone().causal(13).is_err());
    let log = Softmax::log(z64(f, 20), z64(f, f + 8), n).unwrap();
    assert!(log.causal(12).is_err());
    // Rows that are not blocks, values that are not rows, and another format.
    let of = |dims: &[usize], f: Format, s: &Softmax| {
        let len = dims.iter().product();
        plain(
            &Case::default().input(dims, f, vec![0; len]),
            &Of(s, Truncation::Exact),
        )
    };
    assert!(of(&[3, 12], z64(f, 20), &s.clone().causal(2).unwrap()).is_err());
    assert!(of(&[1, 13], z64(f, 20), &s).is_err());
    assert!(of(&[1, 12], z64(f, 21), &s).is_err());
    assert!(of(&[1, 12], z64(f - 1, 20), &s).is_err());
    assert!(of(&[2, 12], z64(f, 19), &s).is_ok());
}

#[test]
fn formats_that_cannot_be_served_are_refused() {
    assert!(Softmax::new(z64(16, 20), z64(16, 17), 0).is_err());
    assert!(Softmax::new(z64(16, 20), z64(16, 16), 5).is_err());
    assert!(Softmax::new(z64(16, 62), z64(16, 17), 5).is_err());
    assert!(Softmax::new(z64(16, 20), z64(30, 31), 5).is_err());
    assert!(Softmax::new(z64(16, 20), z64(20, 21), 1 << 20).is_err());
    assert!(Softmax::new(z64(16, 20), z64(16, 17), usize::MAX).is_err());
    assert!(Softmax::log(z64(16, 20), z64(16, 20), 5).is_err());
    assert!(Softmax::log(z64(60, 61), z64(16, 40), 500).is_err());
    // The words of a language model.
    assert!(Softmax::new(z64(16, 22), z64(16, 17), 50257).is_ok());
}

/// Of blocks of so many rows, or not masked; with the logarithm or not.
fn layer(f: u32, n: usize, block: Option<usize>, log: bool) -> Softmax {
    let (from, to) = (z64(f, f + 5), z64(f, f + if log { 12 } else { 1 }));
    match (block, log) {
        (Some(block), _) => Softmax::new(from, to, n).unwrap().causal(block).unwrap(),
        (None, false) => Softmax::new(from, to, n).unwrap(),
        (None, true) => Softmax::log(from, to, n).unwrap(),
    }
}

/// Three parties, and two or three with a dealer, against real numbers, and against the oracle where nothing is random.
#[test]
fn engines_are_within_two_units() {
    for f in [12, 16, 20] {
        for (n, block, log) in [
            (2, None, false),
            (3, None, false),
            (10, None, false),
            (64, None, false),
            (129, None, false),
            (1000, None, false),
            (2, None, true),
            (33, None, true),
            (1000, None, true),
            (9, Some(6), false),
            (64, Some(12), false),
        ] {
            let s = layer(f, n, block, log);
            assert!(s.error() <= 2.0);
            let mut rows = rows(n, f, f + 5, 7);
            rows.truncate(12);
            let case = Case::default().input(&[rows.len(), n], s.from(), rows.concat());
            let holds = |got: &[i64]| {
                for (i, (row, got)) in rows.iter().zip(got.chunks_exact(n)).enumerate() {
                    let known = block.map_or(n, |b| n - (b - 1 - i % b));
                    let want = softmax(&row[..known], f, log);
                    let most = error(&got[..known], &want, f);
                    assert!(most < s.error(), "{most} for {n} at {f}");
                    if !log {
                        let off = got.iter().sum::<i64>() - (1 << f);
                        assert!(2 * off.unsigned_abs() as usize <= n, "{off} for {n} at {f}");
                        assert!(got[known..].iter().all(|v| *v == 0));
                    }
                }
            };
            let script = Of(&s, Truncation::Stochastic);
            holds(&rep3(&case, &script)[0]);
            holds(&dealt::semi2k(2, &case, &script)[0]);
            if n == 10 {
                holds(&dealt::semi2k(3, &case, &script)[0]);
            }
            for mode in &MODES[..2] {
                let script = Of(&s, *mode);
                let want = plain(&case, &script).unwrap();
                holds(&want[0]);
                if n < 1000 || *mode == Truncation::Exact {
                    assert_eq!(rep3(&case, &script), want);
                    assert_eq!(dealt::semi2k(2, &case, &script), want);
                }
            }
        }
    }
}

/// A step of a softmax, alone.
enum Part {
    Maximum,
    Exp(Exp),
    Reciprocal(Reciprocal),
    Rescale(u32),
}

impl Script for Part {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        match self {
            Self::Maximum => e.max(&[(&x[0], &x[0])]),
            Self::Exp(f) => e.exp(&[&x[0]], f, Truncation::Stochastic),
            Self::Reciprocal(f) => e.reciprocal(&[&x[0]], f, Truncation::Nearest),
            Self::Rescale(shift) => {
                let frac = e.spec(&x[0]).format.frac() - shift;
                let rescale = Rescale {
                    shift: *shift,
                    mode: Truncation::Nearest,
                    to: z64(frac, frac + 1),
                };
                e.rescale(&[&x[0]], rescale)
            }
        }
    }
}

/// Bytes and rounds in `rep3`, and between two parties of `semi2k`.
fn costs(case: &Case, script: &impl Script) -> [(f64, u32); 2] {
    let row = |plan: &Plan| {
        let online = |r: &&PlanRow| r.name == "script" && r.phase == Phase::Online;
        let row = plan.rows().iter().find(online).unwrap();
        (row.bytes as f64, row.rounds)
    };
    [
        row(common::walk(Rep3Cost::new(64), case, script).plan()),
        row(common::walk(Semi2kCost::new(2, 64), case, script).plan()),
    ]
}

/// The formula of the page: what a softmax sends is what its parts send, each of them alone.
#[test]
fn costs_are_those_of_the_parts() {
    let (f, bound) = (16, 20);
    for (rows, n) in [(100, 1000), (1536, 128), (3000, 10)] {
        let levels = usize::next_power_of_two(n).ilog2();
        let wanted = f + (levels + 1).max(4);
        let g = wanted - u32::from(2 * wanted >= 62);
        let h = wanted.min(61 - g);
        let of = |n: usize, format: Format, part: Part| {
            costs(&Case::default().input(&[1, n], format, vec![0; n]), &part)
        };
        let exp = Exp::natural(z64(f, bound + 1), z64(g, g + 1)).unwrap();
        let exp = exp.with_precision(f + 2).unwrap().at_most(0.0).unwrap();
        let sum = z64(g, g + 1 + levels);
        let sums = Normal::new(sum).unwrap().above(g - 1).unwrap().declared();
        let reciprocal = Reciprocal::with(sums, z64(h, h + 2), f + 4).unwrap();
        let m = of(rows * (n - 1), z64(f, bound), Part::Maximum);
        let e = of(rows * n, z64(f, bound + 1), Part::Exp(exp));
        let r = of(rows, sum, Part::Reciprocal(reciprocal));
        let p = of(rows * n, z64(g + h, g + h + 1), Part::Rescale(g + h - f));
        let softmax = Softmax::new(z64(f, bound), z64(f, f + 1), n).unwrap();
        let case = Case::default().input(&[rows, n], z64(f, bound), vec![0; rows * n]);
        let whole = costs(&case, &Of(&softmax, Truncation::Stochastic));
        for i in 0..2 {
            let bytes = m[i].0 + e[i].0 + r[i].0 + p[i].0;
            // Two parties open both factors of the product, and the result of a rescaling alone.
            let factors = [0.0, 2.0 * 2.0 * 8.0 * (rows * n) as f64][i];
            assert!((whole[i].0 / (bytes + factors) - 1.0).abs() < 0.002);
            assert!(whole[i].1 <= levels * m[i].1 + e[i].1 + r[i].1 + p[i].1 + [0, 1][i]);
        }
    }
}

#[test]
fn costs_are_those_of_the_page() {
    // As the page says, and a little.
    for (rows, n, causal, most) in [
        (100, 1000, false, (250.0, 98)),
        (1536, 128, false, (250.0, 84)),
        (1536, 128, true, (130.0, 84)),
    ] {
        let mut s = Softmax::new(z64(16, 20), z64(16, 17), n).unwrap();
        if causal {
            s = s.causal(n).unwrap();
        }
        let case = Case::default().input(&[rows, n], z64(16, 20), vec![0; rows * n]);
        let (bytes, rounds) = common::cost(&case, &Of(&s, Truncation::Stochastic));
        let each = bytes as f64 / (rows * n) as f64;
        assert!(each < most.0 && rounds <= most.1, "{each} {rounds}");
    }
}
