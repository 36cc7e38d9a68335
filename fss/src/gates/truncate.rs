//! Exact truncation: ⌊x / 2^f⌋, rounded towards minus infinity, with no probability of error.
//!
//! [`TruncateReduce`] gives the n - f bits that are left, [`Truncate`] n bits again, as an arithmetic or a logical
//! shift. Formulas, argument and papers: [`super::shift`]. Secure against one semi-honest party and a dealer that
//! colludes with none.

use piquet_core::Ring;

use super::shift::{Range, Shift, gate};
use crate::Error;

/// ⌊x / 2^f⌋ modulo 2^(n-f), for x of n bits, with or without a sign.
///
/// **Keys**: 16 max(f - 6, 1) bytes and 2 (n - f) bits a gate. **Rounds**: one. **Message**: a header and a bit a gate,
/// each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TruncateReduce<R: Ring>(Shift<R>);

impl<R: Ring> TruncateReduce<R> {
    /// Numbers of `bits` bits, 2 to the width of R, shifted by `shift`, 1 to less than `bits`.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(bits: u32, shift: u32) -> Result<Self, Error> {
        positive(shift)?;
        Shift::new(bits, shift, bits.saturating_sub(shift), Range::Signed).map(Self)
    }
}

gate!(TruncateReduce, TRUNCATE_REDUCE, ShiftKeys);

/// ⌊x / 2^f⌋ modulo 2^n, for x of n bits: the arithmetic shift of a signed [`Range`], the logical one of an unsigned.
///
/// **Keys**: for every x of n bits, 16 max(f - 6, 1) + 16 max(n - 7, 1) bytes and 2 n + 3 f bits a gate; within a
/// window, where nothing is compared but the low bits, 16 max(f - 6, 1) bytes and 2 n + f bits. **Rounds**: one.
/// **Message**: a header and two bits a gate, within a window one, each way.
///
/// A window is the caller's promise: one bit that x does not need is enough, and what the window is besides changes
/// nothing. x outside of it gives a result that is off by a multiple of 2^(n-f).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncate<R: Ring>(Shift<R>);

impl<R: Ring> Truncate<R> {
    /// Numbers of `bits` bits, 2 to the width of R, shifted by `shift`: 1 to less than `bits`, for
    /// [`Range::SignedWithin`] less than `bits` - 1.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(bits: u32, shift: u32, range: Range) -> Result<Self, Error> {
        positive(shift)?;
        Shift::new(bits, shift, bits, range).map(Self)
    }
}

gate!(Truncate, TRUNCATE, ShiftKeys);

fn positive(shift: u32) -> Result<(), Error> {
    crate::shape::within("shift", shift, 1, u32::MAX, "1 to less than the bits")
}

#[cfg(test)]
mod tests;
