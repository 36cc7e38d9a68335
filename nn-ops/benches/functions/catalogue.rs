//! What is measured: each function with its formats, inputs over its domain, and the correctly rounded results.

use piquet_core::{Block, Prg};
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{Spec, Truncation};
use piquet_nn_ops::function::{
    Division, Exp, LayerNorm, Log, Piecewise, Reciprocal, Rsqrt, Softmax, Sqrt, real,
};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::model::{Format, Shape};

use crate::loopback::Failure;

/// Fraction bits.
const FRAC: u32 = 16;
/// Elements.
const N: usize = 100_000;
/// As users run them.
const MODE: Truncation = Truncation::Stochastic;
/// Relative error that is allowed where it is more than a unit.
const RELATIVE: f64 = 1.0 / 65_536.0;
const SEED: u128 = 2026;

/// A function of its operands.
enum Kind {
    Exp(Exp),
    Log(Log),
    Reciprocal(Reciprocal),
    Division(Division),
    Rsqrt(Rsqrt),
    Sqrt(Sqrt),
    Piecewise(Piecewise),
    Softmax(Softmax),
    LayerNorm(LayerNorm),
}

/// One function on some operands.
pub(crate) struct Job {
    name: &'static str,
    /// What the id says of the size.
    size: &'static str,
    kind: Kind,
    pub(crate) inputs: Vec<(Spec, Vec<i64>)>,
    /// Raw results, correctly rounded.
    want: Vec<i64>,
    /// Units by which a result may be off.
    ulp: f64,
    /// A larger error that is allowed, over the correct value.
    relative: f64,
}

impl Job {
    pub(crate) fn id(&self, engine: &str) -> String {
        format!("{}-{engine}-{}", self.name, self.size)
    }

    pub(crate) fn run<E: Layers>(&self, e: &mut E, x: &[E::Arith]) -> Result<E::Arith, Failure> {
        let [x, rest @ ..] = x else {
            return Err("an operand is missing".into());
        };
        let one = |all: Result<Vec<E::Arith>, Error>| -> Result<E::Arith, Failure> {
            Ok(all?.pop().ok_or("no result")?)
        };
        match &self.kind {
            Kind::Exp(f) => one(e.exp(&[x], f, MODE)),
            Kind::Log(f) => one(e.log(&[x], f, MODE)),
            Kind::Reciprocal(f) => one(e.reciprocal(&[x], f, MODE)),
            Kind::Rsqrt(f) => one(e.rsqrt(&[x], f, MODE)),
            Kind::Sqrt(f) => one(e.sqrt(&[x], f, MODE)),
            Kind::Piecewise(f) => one(e.piecewise(&[x], f, MODE)),
            Kind::Division(f) => match rest {
                [y] => Ok(e.divide(x, y, f, MODE)?),
                _ => Err("a divisor is missing".into()),
            },
            Kind::Softmax(f) => Ok(e.softmax(x, f, MODE)?),
            Kind::LayerNorm(f) => Ok(e.layer_norm(x, None, f, MODE)?),
        }
    }

    /// The largest error in units in the last place, and over the correct value where a unit is less than 2^-16 of it; an
    /// error if a result is off by more than was promised.
    pub(crate) fn hold(&self, got: &[i64]) -> Result<(f64, Option<f64>), Failure> {
        if got.len() != self.want.len() {
            return Err(format!("{}: {} results", self.name, got.len()).into());
        }
        let (mut ulp, mut relative, mut large) = (0.0, 0.0, false);
        for (i, (g, w)) in got.iter().zip(&self.want).enumerate() {
            let off = (g - w).unsigned_abs() as f64;
            let size = w.unsigned_abs() as f64;
            if size * RELATIVE >= 1.0 {
                large = true;
                relative = f64::max(relative, off / size);
            }
            // Of a large result its relative error is what counts, where one is allowed.
            if size * RELATIVE < 1.0 || self.relative == 0.0 {
                ulp = f64::max(ulp, off);
            }
            // Half a unit is the rounding of what is compared with.
            if off > self.ulp && off > self.relative * size + 0.5 {
                let x = self.inputs.first().and_then(|(_, x)| x.get(i));
                return Err(format!("{} of {x:?} is {g}, not {w}", self.name).into());
            }
        }
        Ok((ulp, large.then_some(relative)))
    }
}

fn z64(bound: u32) -> Result<Format, Failure> {
    Ok(Format::new(64, FRAC, bound)?)
}

fn real_of(raw: i64) -> f64 {
    raw as f64 / f64::from(1u32 << FRAC)
}

/// To the nearest.
fn raw_of(real: f64) -> i64 {
    (real * f64::from(1u32 << FRAC)).round_ties_even() as i64
}

/// From one end to the other in even steps.
fn even([low, high]: [i64; 2]) -> Vec<i64> {
    let step = |i: usize| (i as i128 * i128::from(high - low) / (N as i128 - 1)) as i64;
    (0..N).map(|i| low + step(i)).collect()
}

/// From one end to the other, both positive, in even ratios.
fn ratios([low, high]: [i64; 2]) -> Vec<i64> {
    let whole = (high as f64 / low as f64).ln();
    let at = |i: usize| low as f64 * (whole * i as f64 / (N - 1) as f64).exp();
    (0..N).map(|i| (at(i) as i64).clamp(low, high)).collect()
}

/// Uniform numbers with |v| < 2^bound.
fn random(n: usize, bound: u32) -> Vec<i64> {
    let mut words = vec![0u64; n];
    Prg::new(Block::from_u128(SEED)).fill_ring(&mut words);
    let least = 1 - (1i64 << bound);
    words
        .iter()
        .map(|w| (*w as i64 >> (63 - bound)).max(least))
        .collect()
}

/// A function of one value, to a unit and to 2^-16 of it, or to two units.
fn of_one(
    name: &'static str,
    kind: Kind,
    from: Format,
    x: Vec<i64>,
    ulp: f64,
    f: impl Fn(f64) -> f64,
) -> Result<Job, Failure> {
    let shape = Shape::new(&[1, x.len()])?;
    let want = x.iter().map(|x| raw_of(f(real_of(*x)))).collect();
    Ok(Job {
        name,
        size: "1e5",
        kind,
        want,
        inputs: vec![(
            Spec {
                shape,
                format: from,
            },
            x,
        )],
        ulp,
        relative: if ulp > 1.0 { 0.0 } else { RELATIVE },
    })
}

/// A function of rows of `n`.
fn of_rows(
    name: &'static str,
    size: &'static str,
    kind: Kind,
    from: Format,
    n: usize,
    f: impl Fn(&[f64]) -> Vec<f64>,
) -> Result<Job, Failure> {
    let x = random(N / n * n, from.bound());
    let shape = Shape::new(&[N / n, n])?;
    let rows = x.chunks_exact(n).map(|row| {
        let row: Vec<f64> = row.iter().map(|x| real_of(*x)).collect();
        f(&row)
    });
    let want = rows.flatten().map(raw_of).collect();
    Ok(Job {
        name,
        size,
        kind,
        want,
        inputs: vec![(
            Spec {
                shape,
                format: from,
            },
            x,
        )],
        ulp: 2.0,
        relative: 0.0,
    })
}

/// `x - max` and the logarithm of the sum of their exponentials.
fn shifted(row: &[f64]) -> (Vec<f64>, f64) {
    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let less: Vec<f64> = row.iter().map(|x| x - most).collect();
    let log = less.iter().map(|x| x.exp()).sum::<f64>().ln();
    (less, log)
}

fn normalised(row: &[f64], eps: f64) -> Vec<f64> {
    let n = row.len() as f64;
    let mean = row.iter().sum::<f64>() / n;
    let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    let scale = 1.0 / (variance + eps).sqrt();
    row.iter().map(|x| (x - mean) * scale).collect()
}

/// All of them.
pub(crate) fn jobs() -> Result<Vec<Job>, Failure> {
    // |x| < 16 and what a logarithmic scale of 10^-3 .. 10^3 and more needs.
    let (small, wide) = (z64(20)?, z64(30)?);
    let top = (1i64 << 20) - 1;
    let everywhere = || even([-top, top]);
    let positive = || ratios([1, (1 << 30) - 1]);
    let thousandths = || ratios([66, 65_536_000]);
    // As far as results have room.
    let exp = Exp::natural(small, z64(36)?)?;
    let most = raw_of(exp.domain()[1] - 1.0 / f64::from(1u32 << FRAC));
    let mut jobs = vec![
        of_one(
            "exp",
            Kind::Exp(exp),
            small,
            even([-top, most]),
            1.0,
            f64::exp,
        )?,
        of_one(
            "exp2",
            Kind::Exp(Exp::base2(small, z64(33)?)?),
            small,
            everywhere(),
            1.0,
            f64::exp2,
        )?,
        of_one(
            "log",
            Kind::Log(Log::new(wide, z64(21)?)?),
            wide,
            positive(),
            1.0,
            f64::ln,
        )?,
        of_one(
            "reciprocal",
            Kind::Reciprocal(Reciprocal::new(wide, z64(33)?)?),
            wide,
            positive(),
            1.0,
            |x| 1.0 / x,
        )?,
        of_one(
            "rsqrt",
            Kind::Rsqrt(Rsqrt::new(wide, z64(25)?)?),
            wide,
            thousandths(),
            1.0,
            |x| 1.0 / x.sqrt(),
        )?,
        of_one(
            "sqrt",
            Kind::Sqrt(Sqrt::new(wide, z64(24)?)?),
            wide,
            positive(),
            1.0,
            f64::sqrt,
        )?,
        of_one(
            "sigmoid",
            Kind::Piecewise(Piecewise::sigmoid(small, z64(17)?)?),
            small,
            everywhere(),
            2.0,
            |x| 1.0 / (1.0 + (-x).exp()),
        )?,
        of_one(
            "tanh",
            Kind::Piecewise(Piecewise::tanh(small, z64(17)?)?),
            small,
            everywhere(),
            2.0,
            f64::tanh,
        )?,
        of_one(
            "gelu",
            Kind::Piecewise(Piecewise::gelu(small, z64(21)?)?),
            small,
            everywhere(),
            2.0,
            |x| x * real::phi(x),
        )?,
        of_one(
            "gelu-tanh",
            Kind::Piecewise(Piecewise::gelu_tanh(small, z64(21)?)?),
            small,
            everywhere(),
            2.0,
            |x| {
                let inner = (2.0 / core::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
                0.5 * x * (1.0 + inner.tanh())
            },
        )?,
        of_one(
            "silu",
            Kind::Piecewise(Piecewise::silu(small, z64(21)?)?),
            small,
            everywhere(),
            2.0,
            |x| x / (1.0 + (-x).exp()),
        )?,
        of_rows(
            "softmax",
            "100x1000",
            Kind::Softmax(Softmax::new(small, z64(17)?, 1000)?),
            small,
            1000,
            |row| {
                let (less, log) = shifted(row);
                less.iter().map(|x| (x - log).exp()).collect()
            },
        )?,
        of_rows(
            "log-softmax",
            "100x1000",
            Kind::Softmax(Softmax::log(small, z64(27)?, 1000)?),
            small,
            1000,
            |row| {
                let (less, log) = shifted(row);
                less.iter().map(|x| x - log).collect()
            },
        )?,
        of_rows(
            "layer-norm",
            "125x800",
            Kind::LayerNorm(LayerNorm::new(small, z64(21)?, 800, 1e-5)?),
            small,
            800,
            |row| normalised(row, 1e-5),
        )?,
    ];
    jobs.push(quotient()?);
    Ok(jobs)
}

/// Quotients of divisors of all sizes, by dividends of both signs that keep them below 2^15.
fn quotient() -> Result<Job, Failure> {
    let (x, y, to) = (z64(20)?, z64(30)?, z64(31)?);
    let divisors = ratios([64, (1 << 30) - 1]);
    let dividends = random(N, 20);
    let quotients = dividends.iter().zip(&divisors);
    let want = quotients
        .map(|(x, y)| raw_of(real_of(*x) / real_of(*y)))
        .collect();
    let shape = Shape::new(&[1, N])?;
    let spec = |format| Spec {
        shape: shape.clone(),
        format,
    };
    Ok(Job {
        name: "division",
        size: "1e5",
        kind: Kind::Division(Division::new(x, y, to)?),
        want,
        inputs: vec![(spec(x), dividends), (spec(y), divisors)],
        ulp: 1.0,
        relative: RELATIVE,
    })
}
