//! Inputs of each function, over its domain, and its correctly rounded results.

use piquet_core::{Block, Prg};
use piquet_nn_ops::engine::Spec;
use piquet_nn_ops::function::real;

use crate::job::{Job, RELATIVE};
use crate::loopback::Failure;
use crate::operations::{FRAC, Inputs, Kind, N, Operation, SHIFT, column, operations};

const SEED: u128 = 2026;

/// Results, raw, and how far off they may be.
struct Right {
    want: Vec<i64>,
    ulp: f64,
    relative: f64,
}

/// All functions on their operands.
pub(crate) fn jobs() -> Result<Vec<Job>, Failure> {
    operations()?.into_iter().map(job).collect()
}

fn job(operation: Operation) -> Result<Job, Failure> {
    let inputs = inputs(&operation)?;
    let x = inputs.values.first().ok_or("a function of nothing")?;
    let rest = inputs.values.get(1..).unwrap_or_default();
    let right = match operation.operands.first() {
        Some(of) => right(&operation, of, x, rest, &inputs.table)?,
        None => return Err("a function of nothing".into()),
    };
    Ok(Job {
        operation,
        inputs,
        want: right.want,
        ulp: right.ulp,
        relative: right.relative,
    })
}

/// Operands over the domain.
fn inputs(operation: &Operation) -> Result<Inputs, Failure> {
    let operands = operation.operands.iter().zip(0u32..);
    let any = operands.map(|(spec, seed)| random(spec.len(), spec.format.bound(), seed));
    let mut values: Vec<Vec<i64>> = any.collect();
    let mut table = Vec::new();
    let top = |i: usize| -> Result<i64, Failure> {
        let spec = operation.operands.get(i).ok_or("an operand is missing")?;
        Ok((1 << spec.format.bound()) - 1)
    };
    match &operation.kind {
        // As far as results have room.
        Kind::Exp(f) => {
            let most = raw_of(f.domain()[1] - 1.0 / f64::from(1u32 << FRAC)).min(top(0)?);
            values = vec![even([-top(0)?, most])];
        }
        Kind::Piecewise(_) => values = vec![even([-top(0)?, top(0)?])],
        Kind::Log(_) | Kind::Reciprocal(_) | Kind::Sqrt(_) => {
            values = vec![ratios(N, [1, top(0)?])];
        }
        Kind::Rsqrt(_) => values = vec![ratios(N, [66, 65_536_000])],
        // Divisors of all sizes that keep quotients below 2^15.
        Kind::Division(_) => {
            values.truncate(1);
            values.push(ratios(N, [64, top(1)?]));
        }
        // Factors below 4.
        Kind::BatchNorm(_) => {
            let channels = operation.operands.get(2).map_or(0, Spec::len);
            if let Some(variance) = values.get_mut(2) {
                *variance = ratios(channels, [1 << (FRAC - 4), top(2)?]);
            }
        }
        Kind::LookUp(_) => values = vec![(0..N as i64).map(|i| i & 255).collect()],
        Kind::Embedding(op, _) => {
            let words = op.shape.in_channels as i64;
            for x in values.iter_mut().flatten() {
                *x = x.unsigned_abs() as i64 % words;
            }
            table = random(op.shape.weight_len(), FRAC + 4, 9);
        }
        Kind::ShiftLeft(most, _) | Kind::ShiftRight(most) => {
            values.truncate(1);
            values.push((0..N as i64).map(|i| i % i64::from(most + 1)).collect());
        }
        _ => {}
    }
    Ok(Inputs { values, table })
}

/// What is right for these operands: the first, and the rest.
fn right(
    operation: &Operation,
    of: &Spec,
    x: &[i64],
    rest: &[Vec<i64>],
    table: &[i64],
) -> Result<Right, Failure> {
    let n = of.shape.channels();
    let each = |f: &dyn Fn(i64) -> i64| exactly(x.iter().map(|x| f(*x)).collect());
    Ok(match (&operation.kind, rest) {
        (Kind::Exp(_), _) if operation.name == "exp2" => to_a_unit(x, f64::exp2),
        (Kind::Exp(_), _) => to_a_unit(x, f64::exp),
        (Kind::Log(_), _) => to_a_unit(x, f64::ln),
        (Kind::Reciprocal(_), _) => to_a_unit(x, |x| 1.0 / x),
        (Kind::Rsqrt(_), _) => to_a_unit(x, |x| 1.0 / x.sqrt()),
        (Kind::Sqrt(_), _) => to_a_unit(x, f64::sqrt),
        (Kind::Division(_), [y]) => {
            let pairs = x.iter().zip(y);
            let want = pairs.map(|(x, y)| raw_of(real_of(*x) / real_of(*y)));
            Right {
                relative: RELATIVE,
                ..within(1.0, want.collect())
            }
        }
        (Kind::Piecewise(_), _) => {
            let f = activation(operation.name)?;
            within(2.0, x.iter().map(|x| raw_of(f(real_of(*x)))).collect())
        }
        (Kind::Softmax(_), _) => {
            let rows = x.chunks_exact(n).enumerate();
            let causal = operation.name == "causal-softmax";
            let log = operation.name == "log-softmax";
            let of_row = |(i, row): (usize, &[i64])| {
                let known = if causal { i % n + 1 } else { n };
                let mut y = softmax(&reals(&row[..known]), log);
                y.resize(n, 0.0);
                y
            };
            within(2.0, rows.flat_map(of_row).map(raw_of).collect())
        }
        (Kind::LayerNorm(f), affine) => {
            let unit = (1u64 << of.format.frac()) as f64;
            let real = |v: &[i64]| -> Vec<f64> { v.iter().map(|x| *x as f64 / unit).collect() };
            let (gamma, beta) = match affine {
                [gamma, beta] => (real(gamma), real(beta)),
                _ => (vec![1.0; n], vec![0.0; n]),
            };
            let rows = x.chunks_exact(n);
            let y = rows.flat_map(|row| normalised(&real(row), f.eps()));
            let affine = gamma.iter().zip(&beta).cycle();
            let want = y.zip(affine).map(|(y, (g, b))| y * g + b);
            within(
                2.0,
                want.map(|y| (y * unit).round_ties_even() as i64).collect(),
            )
        }
        (Kind::BatchNorm(f), moments) => {
            let real: Vec<Vec<f64>> = moments.iter().map(|m| reals(m)).collect();
            let [mean, variance, gamma, beta] = &real[..] else {
                return Err("a moment is missing".into());
            };
            let one = |(i, x): (usize, &i64)| {
                let c = i % n;
                let scale = gamma[c] / (variance[c] + f.eps()).sqrt();
                raw_of((real_of(*x) - mean[c]) * scale + beta[c])
            };
            within(2.0, x.iter().enumerate().map(one).collect())
        }
        (Kind::LookUp(_), _) => {
            let column = column();
            each(&|x| column[x as usize])
        }
        (Kind::Embedding(op, _), _) => {
            // Weights lie by output.
            let (words, features) = (op.shape.in_channels, op.shape.out_channels);
            let row = |x: &i64| {
                let word = *x as usize;
                (0..features).map(move |j| table[j * words + word])
            };
            exactly(x.iter().flat_map(row).collect())
        }
        (Kind::Rescale(_), _) => match operation.name {
            "truncation-exact" => each(&|x| x >> SHIFT),
            "truncation-nearest" => each(&|x| nearest(x, SHIFT)),
            _ => within(1.0, x.iter().map(|x| nearest(*x, SHIFT)).collect()),
        },
        (Kind::ShiftLeft(..), [by]) => exactly(x.iter().zip(by).map(|(x, s)| x << s).collect()),
        (Kind::ShiftRight(_), [by]) => {
            let pairs = x.iter().zip(by);
            within(1.0, pairs.map(|(x, s)| nearest(*x, *s as u32)).collect())
        }
        (Kind::Bits(n), _) => each(&|x| x & ((1 << n) - 1)),
        (Kind::PrefixOr(n), _) => each(&|x| {
            let x = x & ((1 << n) - 1);
            // From the lowest bit of x on.
            if x == 0 {
                0
            } else {
                ((1 << n) - 1) & !((x & -x) - 1)
            }
        }),
        (Kind::HighestOne(n), _) => each(&|x| {
            let x = x & ((1 << n) - 1);
            if x == 0 { 0 } else { 1 << x.ilog2() }
        }),
        (Kind::OneHot(n), _) => each(&|x| 1 << (x & ((1 << n) - 1))),
        _ => return Err("an operand is missing".into()),
    })
}

fn activation(name: &str) -> Result<fn(f64) -> f64, Failure> {
    Ok(match name {
        "sigmoid" => |x| 1.0 / (1.0 + (-x).exp()),
        "tanh" => f64::tanh,
        "gelu" => |x| x * real::phi(x),
        "gelu-tanh" => |x| {
            let inner = (2.0 / core::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
            0.5 * x * (1.0 + inner.tanh())
        },
        "silu" => |x| x / (1.0 + (-x).exp()),
        _ => return Err(format!("{name} is not known").into()),
    })
}

fn exactly(want: Vec<i64>) -> Right {
    within(0.0, want)
}

fn within(ulp: f64, want: Vec<i64>) -> Right {
    Right {
        want,
        ulp,
        relative: 0.0,
    }
}

/// A unit, or [`RELATIVE`].
fn to_a_unit(x: &[i64], f: impl Fn(f64) -> f64) -> Right {
    let want = x.iter().map(|x| raw_of(f(real_of(*x)))).collect();
    Right {
        relative: RELATIVE,
        ..within(1.0, want)
    }
}

fn real_of(raw: i64) -> f64 {
    raw as f64 / f64::from(1u32 << FRAC)
}

fn reals(raw: &[i64]) -> Vec<f64> {
    raw.iter().map(|x| real_of(*x)).collect()
}

/// To the nearest.
fn raw_of(real: f64) -> i64 {
    (real * f64::from(1u32 << FRAC)).round_ties_even() as i64
}

/// `x / 2^s`, halves up.
fn nearest(x: i64, s: u32) -> i64 {
    (x + ((1 << s) >> 1)) >> s
}

/// From one end to the other in even steps.
fn even([low, high]: [i64; 2]) -> Vec<i64> {
    let step = |i: usize| (i as i128 * i128::from(high - low) / (N as i128 - 1)) as i64;
    (0..N).map(|i| low + step(i)).collect()
}

/// From one end to the other, both positive, in even ratios.
fn ratios(n: usize, [low, high]: [i64; 2]) -> Vec<i64> {
    let whole = (high as f64 / low as f64).ln();
    let at = |i: usize| low as f64 * (whole * i as f64 / (n - 1) as f64).exp();
    (0..n).map(|i| (at(i) as i64).clamp(low, high)).collect()
}

/// Uniform numbers with |v| < 2^bound.
fn random(n: usize, bound: u32, seed: u32) -> Vec<i64> {
    let mut words = vec![0u64; n];
    Prg::new(Block::from_u128(SEED + u128::from(seed))).fill_ring(&mut words);
    let least = 1 - (1i64 << bound);
    let one = |w: &u64| (*w as i64 >> (63 - bound)).max(least);
    words.iter().map(one).collect()
}

/// `e^x` over their sum, or the logarithm of that.
fn softmax(row: &[f64], log: bool) -> Vec<f64> {
    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = row.iter().map(|x| (x - most).exp()).sum();
    let less = row.iter().map(|x| x - most - sum.ln());
    less.map(|x| if log { x } else { x.exp() }).collect()
}

fn normalised(row: &[f64], eps: f64) -> Vec<f64> {
    let n = row.len() as f64;
    let mean = row.iter().sum::<f64>() / n;
    let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    let scale = 1.0 / (variance + eps).sqrt();
    row.iter().map(|x| (x - mean) * scale).collect()
}
