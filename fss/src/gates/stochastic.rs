//! Truncation with stochastic rounding, by public coins.
//!
//! With ρ = x̂ mod 2^f, the borrow of ⌊x̂ / 2^f⌋ - ⌊r / 2^f⌋ is 1{ρ < r mod 2^f}, and as r mod 2^f = ρ - x modulo 2^f
//! it is 1{ρ < x mod 2^f}: the difference of the high parts, which exact truncation corrects ([`super::shift`]), is by
//! itself
//!
//! ⌊x / 2^f⌋ + 1{ρ < x mod 2^f} = ⌊(x + 2^f - 1 - ρ) / 2^f⌋.
//!
//! ρ is uniform, because r is: x is rounded up with probability (x mod 2^f) / 2^f, and the expectation is x / 2^f.
//!
//! **What the gate computes** is this: it draws ρ, gives it **to both parties**, and shares ⌊(x + 2^f - 1 - ρ) / 2^f⌋,
//! where the share of a corrupted party is of that party's making and the other one is what is missing. A simulator
//! that is given ρ draws the high bits of x̂, which are uniform and independent of x and ρ, and puts ρ below them; it
//! draws the party's seed and the corrections, each of which the other party's draw makes uniform; and it hands over
//! the share that these make. But for the generator behind the seeds the simulation is perfect, because the result is a
//! function of x and ρ, and the simulator did not have to choose between roundings.
//!
//! What would be **insecure** is to take the gate for one whose coins are private, in which the parties get shares of x
//! rounded at random and nothing else. They do have ρ, and ρ says how x was rounded to whoever knows x, and whether x
//! mod 2^f is above ρ to whoever learns how x was rounded. A simulator that is not given ρ has to open low bits of x̂
//! that do not fit the rounding. Where coins must not be public, take [`super::truncate`].
//!
//! After N. Jawalkar and others, "Orca", 2023/206, stochastic truncation; secure against one semi-honest party and a
//! dealer that colludes with none, for the functionality above.

use piquet_core::Ring;

use super::shift::{Local, Range, Shift, gate};
use crate::Error;
use crate::shape::within;

/// ⌊(x + 2^f - 1 - ρ) / 2^f⌋ for a uniform ρ in 0..2^f, which both parties know: x̂ mod 2^f.
///
/// **Keys**: n - f bits a gate to n - f bits, n + f bits a gate to n bits. **Rounds**: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stochastic<R: Ring>(Local<R>);

impl<R: Ring> Stochastic<R> {
    /// Numbers of n = `bits` bits, with or without a sign, shifted by f = `shift`, 1 to less than n, modulo 2^(n-f).
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn reduce(bits: u32, shift: u32) -> Result<Self, Error> {
        within("shift", shift, 1, u32::MAX, "1 to less than the bits")?;
        let to = bits.saturating_sub(shift);
        Shift::new(bits, shift, to, Range::Signed).map(|s| Self(Local(s)))
    }
    /// To `bits` bits again, of numbers -2^(`window`-1) <= x < 2^(`window`-1), `window` and `shift` + 1 less than
    /// `bits`.
    ///
    /// The window is the caller's promise: one bit that x does not need is enough. x outside of it gives a result that
    /// is off by a multiple of 2^(n-f).
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn within(bits: u32, shift: u32, window: u32) -> Result<Self, Error> {
        within("shift", shift, 1, u32::MAX, "1 to less than the bits")?;
        Shift::new(bits, shift, bits, Range::SignedWithin(window)).map(|s| Self(Local(s)))
    }
}

gate!(Stochastic, STOCHASTIC, LocalKeys);

#[cfg(test)]
mod tests;
