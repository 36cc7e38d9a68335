//! One function on its operands, and whether it keeps its promise.

use crate::loopback::Failure;
use crate::operations::{Inputs, Operation};

/// Relative error that is allowed where it is more than a unit.
pub(crate) const RELATIVE: f64 = 1.0 / 65_536.0;

/// A function, its operands, and what it should give.
pub(crate) struct Job {
    pub(crate) operation: Operation,
    pub(crate) inputs: Inputs,
    /// Raw results, correctly rounded.
    pub(crate) want: Vec<i64>,
    /// Units by which a result may be off.
    pub(crate) ulp: f64,
    /// A larger error that is allowed, over the correct value.
    pub(crate) relative: f64,
}

impl Job {
    pub(crate) fn id(&self, engine: &str) -> String {
        format!("{}-{engine}-{}", self.operation.name, self.operation.size)
    }

    /// The largest error in units in the last place, and over the correct value where a unit is less than 2^-16 of it;
    /// an error if a result is off by more than was promised.
    pub(crate) fn hold(&self, got: &[i64]) -> Result<(f64, Option<f64>), Failure> {
        let name = self.operation.name;
        if got.len() != self.want.len() {
            return Err(format!("{name}: {} results", got.len()).into());
        }
        let (mut ulp, mut relative, mut large) = (0.0, 0.0, false);
        for (i, (g, w)) in got.iter().zip(&self.want).enumerate() {
            let off = g.abs_diff(*w) as f64;
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
                let x = self.inputs.values.first().and_then(|x| x.get(i));
                return Err(format!("{name} of {x:?} is {g}, not {w}").into());
            }
        }
        Ok((ulp, large.then_some(relative)))
    }
}
