//! Bits shared by exclusive or, to additive shares modulo 2^k.
//!
//! The dealer draws a bit s and shares it both by exclusive or, from the seeds, and modulo 2^k. The parties open
//! d̂ = d ⊕ s, and d = d̂ + (1 - 2 d̂) s is linear in s.
//!
//! The conversion of daBits (D. Rotaru, T. Wood, "MArBled Circuits", 2019/207), with a dealer; secure against one
//! semi-honest party and a dealer that colludes with none: s is uniform given all that one party holds, so d̂ is, and
//! the party's share of s modulo 2^k is what it drew from its seed, plus a correction that the other party's draw
//! hides.

use core::marker::PhantomData;

use piquet_core::{BitVec, Ring, RingVec, lanes};

use super::{Gate, GateId, Started, ids};
use crate::dealer::{Deal, low_bits, share_bytes};
use crate::mask::{BitMask, BitMaskKeys, BitOpening};
use crate::shape::within;
use crate::stream::Taken;
use crate::{Error, Role};

/// A bit to Z_2^k.
///
/// **Keys**: ⌈k count / 8⌉ bytes (whole bytes for each gate where k > 64). **Rounds**: one. **Message**: a header and a
/// bit a gate, each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitToRing<R: Ring> {
    bits: u32,
    word: PhantomData<R>,
}

impl<R: Ring> BitToRing<R> {
    /// To numbers of `bits` bits, 1 to the width of R.
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
}

/// One party's keys of [`BitToRing`]. Used once, wiped, not printed.
pub struct BitToRingKeys<R: Ring, P: Role> {
    bits: u32,
    mask: BitMaskKeys<P>,
    ring: RingVec<R>,
}

impl<R: Ring, P: Role> core::fmt::Debug for BitToRingKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "BitToRingKeys({} gates)", self.ring.len())
    }
}

impl<R: Ring> Gate for BitToRing<R> {
    type Masks<'a> = ();
    type Dealt = ();
    type Keys<P: Role> = BitToRingKeys<R, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::BIT_TO_RING,
            parameters: [self.bits, R::BITS, 0],
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        share_bytes(self.bits, count)
    }
    fn deal(&self, count: usize, (): (), to: &mut Deal) -> Result<(), Error> {
        let s = BitMask.deal(count, (), to)?;
        to.share(self.bits, words::<R>(&s).as_slice());
        Ok(())
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<BitToRingKeys<R, P>, Error> {
        Ok(BitToRingKeys {
            bits: self.bits,
            mask: BitMask.take(count, from)?,
            ring: from.share(self.bits, count)?,
        })
    }
}

impl<R: Ring, P: Role> BitToRingKeys<R, P> {
    /// Masks this party's shares of the bits; the message goes to the other one.
    ///
    /// # Errors
    /// If there are not as many bits as keys.
    pub fn start(self, shares: &BitVec) -> Result<Started<BitToRingPending<R, P>>, Error> {
        let (opening, message) = self.mask.open(shares)?;
        let pending = BitToRingPending {
            bits: self.bits,
            opening,
            ring: self.ring,
        };
        Ok((pending, message))
    }
}

/// Waits for the other party's message.
pub struct BitToRingPending<R: Ring, P: Role> {
    bits: u32,
    opening: BitOpening<P>,
    ring: RingVec<R>,
}

impl<R: Ring, P: Role> core::fmt::Debug for BitToRingPending<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "BitToRingPending({} gates)", self.ring.len())
    }
}

impl<R: Ring, P: Role> BitToRingPending<R, P> {
    /// Length of the message.
    #[must_use]
    pub fn expects(&self) -> usize {
        self.opening.expects()
    }
    /// This party's shares modulo 2^k.
    ///
    /// # Errors
    /// A message that is not the one that is due.
    pub fn finish(self, message: &[u8]) -> Result<RingVec<R>, Error> {
        let opened = self.opening.finish(message)?;
        let mut out = self.ring;
        let one = party_one::<R, P>();
        lanes::zip(out.as_mut_slice(), &spread(&opened), |s, d| {
            lifted(s, d, one)
        });
        low_bits(&mut out, self.bits);
        Ok(out)
    }
}

/// A share of d from one of s, where `d` is all ones if d̂ = 1, and `one` a share of 1: s, or 1 - s.
#[inline(always)]
pub(crate) fn lifted<R: Ring>(s: R, d: R, one: R) -> R {
    s.xor(d).sub(d).add(one.and(d))
}

/// Party P's share of the public 1.
pub(crate) fn party_one<R: Ring, P: Role>() -> R {
    if P::INDEX == 0 { R::ONE } else { R::ZERO }
}

/// All ones where an opened bit is set.
pub(crate) fn spread<R: Ring>(bits: &BitVec) -> Vec<R> {
    let mut out = vec![R::ZERO; bits.len()];
    lanes::masks(&mut out, bits.words());
    out
}

/// All ones where a secret bit is set.
pub(crate) fn masks<R: Ring>(bits: &BitVec) -> RingVec<R> {
    RingVec::from(spread(bits))
}

/// Secret bits as numbers.
pub(crate) fn words<R: Ring>(bits: &BitVec) -> RingVec<R> {
    let mut out = masks::<R>(bits);
    lanes::map(out.as_mut_slice(), R::neg);
    out
}

#[cfg(test)]
mod tests;
