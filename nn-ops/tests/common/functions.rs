//! Functions of numbers as scripts, and what their results should be.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "a test may panic, and need not use everything"
)]

use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{LinearOp, Truncation};
use piquet_nn_ops::function::{Division, Exp, Log, Reciprocal, Rsqrt, Sqrt};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::model::Format;

use crate::common::{Case, Script};

/// A function of the first input, or of both.
#[derive(Debug, Clone)]
pub(crate) enum Function {
    Reciprocal(Reciprocal),
    Rsqrt(Rsqrt),
    Sqrt(Sqrt),
    Log(Log),
    Exp(Exp),
    Division(Division),
}

/// A function, rounded in some way.
pub(crate) struct Run(pub(crate) Function, pub(crate) Truncation);

impl Script for Run {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let mode = self.1;
        let all: Vec<_> = x.iter().collect();
        match &self.0 {
            Function::Reciprocal(f) => e.reciprocal(&[&x[0]], f, mode),
            Function::Rsqrt(f) => e.rsqrt(&[&x[0]], f, mode),
            Function::Sqrt(f) => e.sqrt(&[&x[0]], f, mode),
            Function::Log(f) => e.log(&[&x[0]], f, mode),
            Function::Exp(f) => e.exp(&all, f, mode),
            Function::Division(f) => Ok(vec![e.divide(&x[0], &x[1], f, mode)?]),
        }
    }
}

/// `2^n`
fn power(n: u32) -> f64 {
    f64::from(n).exp2()
}

impl Function {
    /// Formats of the arguments.
    pub(crate) fn from(&self) -> Vec<Format> {
        match self {
            Self::Reciprocal(f) => vec![f.normal().from()],
            Self::Rsqrt(f) => vec![f.normal().from()],
            Self::Sqrt(f) => vec![f.normal().from()],
            Self::Log(f) => vec![f.normal().from()],
            Self::Exp(f) => vec![f.from()],
            Self::Division(f) => vec![f.numerator(), f.normal().from()],
        }
    }

    /// Format of the result.
    pub(crate) fn to(&self) -> Format {
        match self {
            Self::Reciprocal(f) => f.to(),
            Self::Rsqrt(f) => f.to(),
            Self::Sqrt(f) => f.to(),
            Self::Log(f) => f.to(),
            Self::Exp(f) => f.to(),
            Self::Division(f) => f.to(),
        }
    }

    /// The correctly rounded result of raw arguments, outside of the domain what the page of the function says.
    pub(crate) fn want(&self, x: i64, y: i64) -> f64 {
        let value = |x: i64| x as f64 / power(self.from()[0].frac());
        let real = match self {
            Self::Reciprocal(f) => {
                let low = 1 << f.normal().low();
                let most = match f.normal().is_signed() && x < 0 {
                    true => x.min(-low),
                    false => x.max(low),
                };
                1.0 / value(most)
            }
            Self::Rsqrt(f) => 1.0 / value(x.max(1 << f.normal().low())).sqrt(),
            Self::Sqrt(_) => value(x.max(0)).sqrt(),
            Self::Log(f) => value(x.max(1 << f.normal().low())).ln(),
            Self::Exp(f) => {
                let x = value(x).min(f.domain()[1]);
                if f.name() == "exp" { x.exp() } else { x.exp2() }
            }
            Self::Division(f) => {
                let (n, low) = (f.normal(), 1 << f.normal().low());
                let inside = y >= low || n.is_signed() && (y < -low || y <= -1 && low == 1);
                match inside || n.is_declared() {
                    true => value(x) / (y as f64 / power(n.from().frac())),
                    false => 0.0,
                }
            }
        };
        (real * power(self.to().frac())).round_ties_even()
    }

    /// Holds results to the larger of one unit and `2^-bits` of what they should be; gives the largest error in
    /// units, and relative to what should be more than `2^bits` units.
    pub(crate) fn hold(&self, case: &Case, got: &[i64], bits: u32) -> (f64, f64) {
        let (mut units, mut relative) = (0.0f64, 0.0f64);
        let (part, most) = (power(bits).recip(), power(bits));
        let ys = case.inputs.get(1).map(|(_, y)| y.as_slice());
        let xs = case.inputs[0].1.as_slice();
        assert_eq!(xs.len(), got.len());
        for (i, (x, got)) in xs.iter().zip(got).enumerate() {
            let y = ys.map_or(1, |y| y[i]);
            let want = self.want(*x, y);
            let off = (*got as f64 - want).abs();
            assert!(
                off <= (want.abs() * part).max(1.0),
                "{self:?} of {x}, {y}: {got} for {want}"
            );
            if want.abs() > most {
                relative = relative.max(off / want.abs());
            } else {
                units = units.max(off);
            }
        }
        (units, relative)
    }
}
