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

use core::marker::PhantomData;

use piquet_core::{Ring, RingVec};

use super::shift::{High, Range, Shift};
use super::{Gate, GateId, ids};
use crate::dealer::{Deal, low_bits};
use crate::shape::{same, within};
use crate::stream::Taken;
use crate::{Error, Role};

/// ⌊(x + 2^f - 1 - ρ) / 2^f⌋ for a uniform ρ in 0..2^f, which both parties know: x̂ mod 2^f.
///
/// **Keys**: n - f bits a gate to n - f bits, n + f bits a gate to n bits. **Rounds**: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stochastic<R: Ring>(Shift<R>);

impl<R: Ring> Stochastic<R> {
    /// Numbers of n = `bits` bits, with or without a sign, shifted by f = `shift`, 1 to less than n, modulo 2^(n-f).
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn reduce(bits: u32, shift: u32) -> Result<Self, Error> {
        within("shift", shift, 1, u32::MAX, "1 to less than the bits")?;
        Shift::new(bits, shift, bits.saturating_sub(shift), Range::Signed).map(Self)
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
        Shift::new(bits, shift, bits, Range::SignedWithin(window)).map(Self)
    }
}

/// One party's keys of [`Stochastic`]. Used once, wiped, not printed.
pub struct StochasticKeys<R: Ring, P: Role> {
    shift: Shift<R>,
    high: High<R>,
    role: PhantomData<P>,
}

impl<R: Ring, P: Role> core::fmt::Debug for StochasticKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "StochasticKeys({} gates)", self.high.len())
    }
}

impl<R: Ring> Gate for Stochastic<R> {
    type Masks<'a> = &'a [R];
    type Dealt = ();
    type Keys<P: Role> = StochasticKeys<R, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::STOCHASTIC,
            parameters: self.0.parameters(),
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        High::bytes(self.0, count)
    }
    fn deal(&self, count: usize, masks: &[R], to: &mut Deal) -> Result<(), Error> {
        same("masks", masks.len(), count)?;
        High::deal(self.0, masks, to);
        Ok(())
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<StochasticKeys<R, P>, Error> {
        Ok(StochasticKeys {
            shift: self.0,
            high: High::take(self.0, count, from)?,
            role: PhantomData,
        })
    }
}

impl<R: Ring, P: Role> StochasticKeys<R, P> {
    /// This party's shares of the result, from x̂, whose bits above n are ignored.
    ///
    /// # Errors
    /// If there are not as many values as keys.
    pub fn evaluate(self, masked: &[R]) -> Result<RingVec<R>, Error> {
        same("masked values", masked.len(), self.high.len())?;
        let (mut out, _) = self.high.linear::<P>(&self.shift.moved(masked));
        low_bits(&mut out, self.shift.to);
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
