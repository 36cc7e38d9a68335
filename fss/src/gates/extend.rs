//! Extension: a number of n bits as one of m > n bits, with its sign or with zeros.
//!
//! x̂ - r lacks 2^n where x + r wrapped; the wrap matters modulo 2^(m-n). [`Extend`] compares for it, [`ExtendWithin`]
//! has a bit to spare and need not. Formulas, argument and papers: [`super::shift`], with f = 0. Secure against one
//! semi-honest party and a dealer that colludes with none.

use core::marker::PhantomData;

use piquet_core::{Ring, RingVec};

use super::shift::{High, Range, Shift, ShiftKeys};
use super::{Gate, GateId, ids};
use crate::dealer::{Deal, low_bits};
use crate::shape::{same, within};
use crate::stream::Taken;
use crate::{Error, Role};

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

impl<R: Ring> Gate for Extend<R> {
    type Masks<'a> = &'a [R];
    type Dealt = ();
    type Keys<P: Role> = ShiftKeys<R, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::EXTEND,
            parameters: self.0.parameters(),
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        self.0.key_bytes(count)
    }
    fn deal(&self, count: usize, masks: &[R], to: &mut Deal) -> Result<(), Error> {
        self.0.deal(count, masks, to)
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<ShiftKeys<R, P>, Error> {
        self.0.take(count, from)
    }
}

/// x of n bits within a window, modulo 2^m. The masked values' word is that of the result.
///
/// The window is the caller's promise: one bit that x does not need is enough, and what the window is besides changes
/// nothing. x outside of it gives a result that is off by a multiple of 2^n.
///
/// **Keys**: m + (m - n) bits a gate. **Rounds**: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendWithin<R: Ring>(Shift<R>);

impl<R: Ring> ExtendWithin<R> {
    /// -2^(`window`-1) <= x < 2^(`window`-1) in `bits` bits, `window` less than `bits`, to `to` bits: more, and no more
    /// than the width of R.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn signed(bits: u32, window: u32, to: u32) -> Result<Self, Error> {
        extension(bits, to, Range::SignedWithin(window)).map(Self)
    }
    /// 0 <= x < 2^`window`.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn unsigned(bits: u32, window: u32, to: u32) -> Result<Self, Error> {
        extension(bits, to, Range::UnsignedWithin(window)).map(Self)
    }
}

/// One party's keys of [`ExtendWithin`]. Used once, wiped, not printed.
pub struct ExtendWithinKeys<R: Ring, P: Role> {
    shift: Shift<R>,
    high: High<R>,
    role: PhantomData<P>,
}

impl<R: Ring, P: Role> core::fmt::Debug for ExtendWithinKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ExtendWithinKeys({} gates)", self.high.len())
    }
}

impl<R: Ring> Gate for ExtendWithin<R> {
    type Masks<'a> = &'a [R];
    type Dealt = ();
    type Keys<P: Role> = ExtendWithinKeys<R, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::EXTEND,
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
    ) -> Result<ExtendWithinKeys<R, P>, Error> {
        Ok(ExtendWithinKeys {
            shift: self.0,
            high: High::take(self.0, count, from)?,
            role: PhantomData,
        })
    }
}

impl<R: Ring, P: Role> ExtendWithinKeys<R, P> {
    /// This party's shares of x modulo 2^m, from x̂, whose bits above n are ignored.
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
