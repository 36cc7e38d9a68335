//! Real functions in fixed point, written once for all engines.
//!
//! A function is a value: made of the formats of its argument and of its result when a graph is built, it holds the
//! range reduction, the tables and the coefficients that every engine can use, says its domain, what it does outside,
//! and its error, and refuses formats that it cannot serve. The constants are derived when it is made ([`minimax`]),
//! in arithmetic that is the same on every machine, since all parties must have the same ones.
//!
//! # Cost
//! Bytes that all parties send for a result, with framing, and rounds, of 100,000 results or about as many with 16
//! fraction bits, rounded stochastically: in `rep3`, and online between two parties of `semi2k`. Arguments x are
//! below 2^4, y below 2^14; results fill their range. Bits of which something is made are there before.
//!
//! | function | `rep3`: bytes | rounds | `semi2k`: bytes | rounds |
//! |---|---|---|---|---|
//! | `e^x` | 210 | 7 | 52 | 6 |
//! | `2^x` | 100 | 3 | 32 | 2 |
//! | `ln y` | 371 | 20 | 280 | 19 |
//! | `1 / y` | 398 | 22 | 328 | 21 |
//! | `x / y` | 412 | 24 | 376 | 23 |
//! | `1 / sqrt y` | 466 | 22 | 360 | 21 |
//! | `sqrt y` | 450 | 22 | 360 | 21 |
//! | sigmoid, tanh | 375 | 18 | 361 | 17 |
//! | GeLU, exact and by tanh | 283 | 17 | 297 | 16 |
//! | SiLU | 451 | 23 | 473 | 20 |
//! | `x / 2^16`, exact or nearest | 61 | 4 | 18 | 3 |
//! | `x / 2^16`, stochastic | 30 | 2 | 16 | 1 |
//! | softmax of rows of 1000 | 228 | 94 | 109 | 92 |
//! | log-softmax of these | 146 | 71 | 53 | 70 |
//! | causal softmax of blocks of 128 rows of 128 | 115 | 80 | 57 | 78 |
//! | layer norm of rows of 800 | 49 | 65 | 65 | 64 |
//! | the same with gamma and beta | 85 | 67 | 113 | 66 |
//! | of rows of 1024 with these and f = 20 | 134 | 87 | 161 | 84 |
//! | batch norm by secret moments of 100 channels | 37 | 67 | 49 | 65 |
//! | row of a public table of 256 numbers of 16 bits | 242 | 7 | 130 | 8 |
//! | 768 features of one of 1000 words, for each of 128 | 57 | 39 | 22 | 38 |
//! | `x 2^s`, secret s up to 16 | 189 | 8 | 52 | 7 |
//! | `x / 2^s` | 195 | 9 | 68 | 8 |
//! | all 21 bits of x | 21 | 4 | 12 | 3 |
//! | disjunctions of the prefixes of 32 bits | 30 | 5 | 40 | 5 |
//! | highest one of 32 bits | 30 | 5 | 40 | 5 |
//! | unit vector of 5 bits | 10 | 3 | 13 | 3 |
//!
//! All work in Z_2^64. Errors are in units in the last place of the result's format (ULP), against the correctly
//! rounded value.

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
use crate::engine::{Engine, Spec, Truncation, check_format};
use crate::model::{Format, Shape, max_bound};
use crate::walk::Walk;

/// Refuses formats that words of 64 bits do not hold, and those of other words.
pub(crate) fn check_64(formats: impl IntoIterator<Item = Format>) -> Result<(), Error> {
    for format in formats {
        if format.width() != 64 {
            return Err(Error::Unheld { format });
        }
        check_format(format)?;
    }
    Ok(())
}

/// Takes the steps of a function of one value on shapes alone: an error if one of them has no room.
pub(crate) fn walked<T>(
    from: Format,
    f: impl FnOnce(&mut Walk<()>, &Spec) -> Result<T, Error>,
) -> Result<(), Error> {
    let shape = Shape::new(&[1, 1])?;
    f(
        &mut Walk::new(()),
        &Spec {
            shape,
            format: from,
        },
    )?;
    Ok(())
}

/// Refuses a value of another format, or of a wider bound, than was declared.
pub(crate) fn check_from(op: &'static str, got: Format, declared: Format) -> Result<(), Error> {
    let same = got.width() == declared.width() && got.frac() == declared.frac();
    if same && got.bound() <= declared.bound() {
        return Ok(());
    }
    Err(Error::FormatMismatch {
        op,
        left: got,
        right: declared,
    })
}

/// The rounding inside a function: shifts of shares fail too often for values as large as these.
pub(crate) fn inside(mode: Truncation) -> Truncation {
    match mode {
        Truncation::Local => Truncation::Stochastic,
        m => m,
    }
}

/// `f` of one tensor, or of several as one row, so that they share its rounds. All must be of the format `from` or
/// narrower, and are declared to be of it.
pub(crate) fn together<E: Engine + ?Sized>(
    engine: &mut E,
    op: &'static str,
    xs: &[&E::Arith],
    from: Format,
    f: impl FnOnce(&mut E, &E::Arith) -> Result<E::Arith, Error>,
) -> Result<Vec<E::Arith>, Error> {
    for x in xs {
        check_from(op, engine.spec(x).format, from)?;
    }
    if let [x] = xs {
        let x = engine.mul_public(x, &[1], 0)?;
        let x = engine.declare(x, from)?;
        return Ok(vec![f(engine, &x)?]);
    }
    if xs.is_empty() {
        return Ok(Vec::new());
    }
    let shapes: Vec<Shape> = xs.iter().map(|x| engine.spec(x).shape.clone()).collect();
    let mut rows = Vec::with_capacity(xs.len());
    for (x, shape) in xs.iter().zip(&shapes) {
        let n = shape.elements();
        rows.push(engine.gather(x, n, &[0], &Shape::new(&[1, n])?)?);
    }
    let total = shapes.iter().map(Shape::elements).sum();
    let row = engine.concat(&rows.iter().collect::<Vec<_>>(), &Shape::new(&[1, total])?)?;
    let row = engine.declare(row, from)?;
    let y = f(engine, &row)?;
    let mut first = 0;
    let part = |shape: &Shape| {
        let index: Vec<u32> = (first..).take(shape.elements()).collect();
        first += index.len() as u32;
        engine.gather(&y, 1, &index, shape)
    };
    shapes.iter().map(part).collect()
}

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
    let format = engine.spec(x).format;
    let bits = u64::BITS - value.unsigned_abs().leading_zeros();
    let sum = format.with_bound(format.bound().max(bits) + 1)?;
    engine.combine(&[(x, 1)], value, sum)
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
