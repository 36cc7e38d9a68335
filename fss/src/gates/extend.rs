//! Extension: a number of n bits as one of m > n bits, with its sign or with zeros.
//!
//! x̂ - r lacks 2^n where x + r wrapped; the wrap matters modulo 2^(m-n). [`Extend`] compares for it, [`ExtendWithin`]
//! has a bit to spare and need not. Formulas, argument and papers: [`super::shift`], with f = 0. Secure against one
//! semi-honest party and a dealer that colludes with none.

use piquet_core::Ring;

use super::shift::{Local, Range, Shift, gate};
use crate::Error;
use crate::shape::within;

/// x of n bits, every one of them, modulo 2^m. The masked values' word is that of the result.
///
/// **Keys**: 16 max(n - 7, 1) bytes, none for n = 1, and m + 3 (m - n) bits a gate. **Rounds**: one. **Message**: a
/// header and a bit a gate, each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extend<R: Ring>(Shift<R>);

impl<R: Ring> Extend<R> {
    /// Numbers of `bits` bits in two's complement, to `to` bits: more, and no more than the width of R.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn signed(bits: u32, to: u32) -> Result<Self, Error> {
        extension(bits, to, Range::Signed).map(Self)
    }
    /// Numbers of `bits` bits from 0 up.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn unsigned(bits: u32, to: u32) -> Result<Self, Error> {
        extension(bits, to, Range::Unsigned).map(Self)
    }
}

fn extension<R: Ring>(bits: u32, to: u32, range: Range) -> Result<Shift<R>, Error> {
    let new = Shift::new(bits, 0, to, range)?;
    within(
        "bits of the result",
        to,
        bits + 1,
        R::BITS,
        "more bits, in the word",
    )?;
    Ok(new)
}

gate!(Extend, EXTEND, ShiftKeys);

/// x of n bits within a window, modulo 2^m. The masked values' word is that of the result.
///
/// The window is the caller's promise: one bit that x does not need is enough, and what the window is besides changes
/// nothing. x outside of it gives a result that is off by a multiple of 2^n.
///
/// **Keys**: m + (m - n) bits a gate. **Rounds**: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendWithin<R: Ring>(Local<R>);

impl<R: Ring> ExtendWithin<R> {
    /// -2^(`window`-1) <= x < 2^(`window`-1) in `bits` bits, `window` less than `bits`, to `to` bits: more, and no more
    /// than the width of R.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn signed(bits: u32, window: u32, to: u32) -> Result<Self, Error> {
        extension(bits, to, Range::SignedWithin(window)).map(|s| Self(Local(s)))
    }
    /// 0 <= x < 2^`window`.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn unsigned(bits: u32, window: u32, to: u32) -> Result<Self, Error> {
        extension(bits, to, Range::UnsignedWithin(window)).map(|s| Self(Local(s)))
    }
}

gate!(ExtendWithin, EXTEND, LocalKeys);

#[cfg(test)]
mod tests;
