//! Shifts by a secret amount.
//!
//! The amount goes through a public table to a power of two ([`Table`]), which is one factor of a product: `x 2^s` to
//! the left, and to the right `x 2^(most - s) / 2^most`, with one rescaling by the public `most`. So a shift to the
//! right is rounded once, from the exact product: `floor(x / 2^s)` or the nearest integer as the mode of the
//! rescaling says.
//!
//! **Domain**: integers `0 <= s <= most`; an amount with fraction bits is rounded down. A product stays below 2^62,
//! so `bound(x) + most <= 61`. What an amount outside the domain gives is what the table says: it is taken modulo
//! `2^m`, `m = ceil(log2(most + 1))` (or the whole bits of its format, if fewer), and one that is still above `most`
//! gives 0.
//!
//! **Error**: none to the left; to the right that of one rescaling, below 1 ULP for `exact` and `stochastic`, 1/2 for
//! `nearest`.
//!
//! **Cost**: that of a table of `most + 1` rows and one column, which is weighed by its rows ([`Table`]), and of an
//! elementwise product with its rescaling, by 0 to the left and by `most` to the right. With `m =
//! ceil(log2(most + 1))` and `w = most`, or one more unless `most + 1` is a power of two, in bits for each element, to
//! the left and beside the bits `0..m` of the amount:
//!
//! | | bits | rounds |
//! |---|---|---|
//! | `rep3` | 3 (2^m - m - 1) + (w + 2) k + 3 k | ceil(log2 m) + 2 |
//! | `semi2k`, from each to each | 2 (2^m - m - 1) + w + 2 k | ceil(log2 m) + 2 |
//!
//! Division by a public power of two, exact, nearest or stochastic, is [`Engine::rescale`].

use super::Table;
use crate::Error;
#[allow(unused_imports, reason = "named in the documentation")]
use crate::engine::Engine;
use crate::engine::{Rescale, Truncation};
use crate::layer::{Layers, only};
use crate::model::{Format, max_bound};

/// See [`Layers::shift_left`].
pub(crate) fn left<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    amount: &E::Arith,
    most: u32,
    to: Format,
) -> Result<E::Arith, Error> {
    let format = engine.spec(x).format;
    let factor = power(engine, amount, most, format, 0, |s| s)?;
    let r = Rescale {
        shift: 0,
        mode: Truncation::Exact,
        to,
    };
    only(engine.mul(&[(x, &factor)], r)?)
}

/// See [`Layers::shift_right`].
pub(crate) fn right<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    amount: &E::Arith,
    most: u32,
    mode: Truncation,
) -> Result<E::Arith, Error> {
    let to = engine.spec(x).format;
    let factor = power(engine, amount, most, to, most, |s| most - s)?;
    let shift = most;
    only(engine.mul(&[(x, &factor)], Rescale { shift, mode, to })?)
}

/// `2^exponent(s)` for a secret `s`, with so many fraction bits, as a factor of values of format `x`.
fn power<E: Layers + ?Sized>(
    engine: &mut E,
    s: &E::Arith,
    most: u32,
    x: Format,
    frac: u32,
    exponent: impl Fn(u32) -> u32,
) -> Result<E::Arith, Error> {
    let width = engine.spec(s).format.width();
    let bound = x.bound().saturating_add(most).saturating_add(1);
    if bound > max_bound(width) {
        return Err(Error::Range {
            what: "value shifted by a secret amount",
            bound,
        });
    }
    let powers = (0..=most).map(|s| 1 << exponent(s)).collect();
    let table = Table::new(vec![powers], Format::new(width, frac, most + 1)?)?;
    only(engine.look_up(s, &table)?)
}
