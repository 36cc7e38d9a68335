//! Real functions in fixed point, written once for all engines.
//!
//! A function is a value: made of the formats of its argument and of its result when a graph is built, it holds the range
//! reduction, the tables and the coefficients that every engine can use, says its domain, what it does outside, and its error,
//! and refuses formats that it cannot serve. The constants are derived when it is made ([`minimax`]), in arithmetic that is
//! the same on every machine, since all parties must have the same ones.
//!
//! All work in Z_2^64. Errors are in units in the last place of the result's format (ULP), against the correctly rounded value.

mod batch_norm;
pub mod bits;
mod exp;
mod layer_norm;
mod log;
pub mod minimax;
mod normal;
mod piecewise;
pub mod polynomial;
pub mod real;
mod reciprocal;
mod root;
mod rows;
mod rsqrt;
pub mod shift;
mod softmax;
pub mod table;

pub use batch_norm::{BatchNorm, MomentFormats, Moments};
pub use exp::Exp;
pub use layer_norm::LayerNorm;
pub use log::Log;
pub use normal::Normal;
pub use piecewise::{Piecewise, Tail};
pub use reciprocal::{Division, Reciprocal};
pub use rsqrt::{Rsqrt, Sqrt};
pub use softmax::Softmax;
pub use table::Table;

use crate::Error;
use crate::engine::{Engine, Spec};
use crate::model::{Format, max_bound};

/// A tensor of one public number, of the shape of `x`.
pub(crate) fn everywhere<E: Engine + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    value: i64,
    frac: u32,
) -> Result<E::Arith, Error> {
    let bits = u64::BITS - value.unsigned_abs().leading_zeros();
    let spec = Spec {
        shape: engine.spec(x).shape.clone(),
        format: Format::new(engine.spec(x).format.width(), frac, bits.max(1))?,
    };
    let values = vec![value; spec.len()];
    engine.constant(&spec, &values)
}

/// `x` plus a public number with the fraction bits of `x`.
pub(crate) fn offset<E: Engine + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    value: i64,
) -> Result<E::Arith, Error> {
    let frac = engine.spec(x).format.frac();
    let v = everywhere(engine, x, value, frac)?;
    engine.add(x, &v)
}

/// The same value with `more` fraction bits, at most 62.
pub(crate) fn finer<E: Engine + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    more: u32,
) -> Result<E::Arith, Error> {
    if more > max_bound(64) {
        return Err(Error::Range {
            what: "a value with more fraction bits",
            bound: more,
        });
    }
    engine.mul_public(x, &[1 << more], more)
}
