//! ReLU: the sign, its bit opened under a mask, and a selection by it.
//!
//! The sign gate gives shares of d = 1{x ≥ 0}; the parties open d̂ = d ⊕ s, one bit each way, and select by it
//! ([`super::select`]). A comparison that gave d to Z_2^n at once would need no message, and n bits more in every
//! correction of the tree.
//!
//! After N. Jawalkar and others, "Orca", 2023/206, and K. Gupta and others, "SIGMA", 2023/1269; secure against one
//! semi-honest party and a dealer that colludes with none. A simulator draws x̂ and d̂, which r and s make uniform, and
//! the peer's bits of d̂ are then the difference to the party's own; keys are those of the gates within, on randomness
//! of their own.

use core::marker::PhantomData;

use piquet_core::{BitVec, Ring, RingVec};

use super::select::{Select, SelectKeys};
use super::sign::{Sign, SignKeys};
use super::{Gate, GateId, Started, ids};
use crate::dealer::Deal;
use crate::evaluator::Evaluator;
use crate::mask::{BitMask, BitMaskKeys, BitOpening};
use crate::shape::within;
use crate::stream::Taken;
use crate::{Error, Role};

mod truncate;

pub use truncate::{ReluTruncate, ReluTruncateKeys, ReluTruncatePending};

/// max(x, 0), for x of n bits in two's complement, modulo 2^n.
///
/// **Keys**: those of [`Sign`] and three times ⌈n count / 8⌉ bytes: 16 (n - 7) bytes and 3 n + 1 bits a gate for 8 < n
/// <= 64. **Rounds**: one. **Message**: a header and a bit a gate, each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relu<R: Ring> {
    bits: u32,
    word: PhantomData<R>,
}

impl<R: Ring> Relu<R> {
    /// Numbers of `bits` bits, 1 to the width of R.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(bits: u32) -> Result<Self, Error> {
        within("bits", bits, 1, R::BITS, "1 to the width of the word")?;
        Ok(Self {
            bits,
            word: PhantomData,
        })
    }
    fn parts(self) -> Result<(Sign<R>, Select<R>), Error> {
        Ok((Sign::new(self.bits)?, Select::new(self.bits)?))
    }
}

/// One party's keys of [`Relu`]. Used once, wiped, not printed.
pub struct ReluKeys<R: Ring, P: Role> {
    sign: SignKeys<R, P>,
    mask: BitMaskKeys<P>,
    select: SelectKeys<R, P>,
    count: usize,
}

impl<R: Ring, P: Role> core::fmt::Debug for ReluKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ReluKeys({} gates)", self.count)
    }
}

impl<R: Ring> Gate for Relu<R> {
    type Masks<'a> = &'a [R];
    type Dealt = ();
    type Keys<P: Role> = ReluKeys<R, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::RELU,
            parameters: [self.bits, R::BITS, 0],
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        self.parts().map_or(0, |(sign, select)| {
            sign.key_bytes(count) + select.key_bytes(count)
        })
    }
    fn deal(&self, count: usize, masks: &[R], to: &mut Deal) -> Result<(), Error> {
        let (sign, select) = self.parts()?;
        sign.deal(count, masks, to)?;
        let s: BitVec = BitMask.deal(count, (), to)?;
        select.deal(count, (&s, masks), to)
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<ReluKeys<R, P>, Error> {
        let (sign, select) = self.parts()?;
        Ok(ReluKeys {
            sign: sign.take(count, from)?,
            mask: BitMask.take(count, from)?,
            select: select.take(count, from)?,
            count,
        })
    }
}

impl<R: Ring, P: Role> ReluKeys<R, P> {
    /// Compares x̂, whose bits above n are ignored; the message goes to the other party.
    ///
    /// # Errors
    /// If there are not as many values as keys, and what the evaluator fails with.
    pub fn start<E: Evaluator>(
        self,
        masked: &[R],
        e: &E,
    ) -> Result<Started<ReluPending<R, P>>, E::Error> {
        let signs = self.sign.evaluate(masked, e)?;
        let (opening, message) = self.mask.open(&signs)?;
        let pending = ReluPending {
            masked: masked.to_vec(),
            opening,
            select: self.select,
        };
        Ok((pending, message))
    }
}

/// Waits for the other party's message.
pub struct ReluPending<R: Ring, P: Role> {
    masked: Vec<R>,
    opening: BitOpening<P>,
    select: SelectKeys<R, P>,
}

impl<R: Ring, P: Role> core::fmt::Debug for ReluPending<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ReluPending({} gates)", self.masked.len())
    }
}

impl<R: Ring, P: Role> ReluPending<R, P> {
    /// Length of the message.
    #[must_use]
    pub fn expects(&self) -> usize {
        self.opening.expects()
    }
    /// This party's shares of max(x, 0).
    ///
    /// # Errors
    /// A message that is not the one that is due.
    pub fn finish(self, message: &[u8]) -> Result<RingVec<R>, Error> {
        let opened = self.opening.finish(message)?;
        self.select.evaluate(&opened, &self.masked)
    }
}

#[cfg(test)]
mod tests;
