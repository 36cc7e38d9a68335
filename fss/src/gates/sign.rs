//! The sign of a number: DReLU.
//!
//! With x̂ = x + r modulo 2^n, and x', r' the low n - 1 bits: msb(x) = msb(x̂) ⊕ msb(r) ⊕ (x̂' < r'). The comparison is
//! the parity of a prefix of a point function at r' ([`crate::compare`]).
//!
//! After K. Storrier and others, "Grotto", 2023/108, and K. Gupta and others, "SIGMA", 2023/1269; secure against one
//! semi-honest party and a dealer that colludes with none.

use core::marker::PhantomData;

use piquet_core::{BitVec, Ring};

use super::{Gate, GateId, ids};
use crate::bits;
use crate::dealer::Deal;
use crate::evaluator::Evaluator;
use crate::shape::{same, within};
use crate::stream::Taken;
use crate::trees::Trees;
use crate::{Error, Role, Shape};

/// x ≥ 0, for x of n bits in two's complement.
///
/// **Keys**: 16 (n - 7) bytes and a bit for n > 8, 16 bytes and a bit for n <= 8; a bit for n = 1. **Rounds**: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign<R: Ring> {
    bits: u32,
    word: PhantomData<R>,
}

impl<R: Ring> Sign<R> {
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
    /// The comparison of all bits but the highest.
    fn shape(self) -> Option<Shape> {
        Shape::new(self.bits - 1, 1).ok()
    }
}

/// One party's keys of [`Sign`]. Used once, wiped, not printed.
pub struct SignKeys<R: Ring, P: Role> {
    gate: Sign<R>,
    trees: Option<Trees>,
    /// Shares of msb(r); of its complement where there is no tree.
    top: BitVec,
    role: PhantomData<P>,
}

impl<R: Ring, P: Role> core::fmt::Debug for SignKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SignKeys({} gates)", self.top.len())
    }
}

impl<R: Ring> Gate for Sign<R> {
    type Masks<'a> = &'a [R];
    type Dealt = ();
    type Keys<P: Role> = SignKeys<R, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::SIGN,
            parameters: [self.bits, R::BITS, 0],
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        let tree = self.shape().map_or(0, |s| 16 * s.corrections());
        count * tree + count.div_ceil(8)
    }
    fn deal(&self, count: usize, masks: &[R], to: &mut Deal) -> Result<(), Error> {
        same("masks", masks.len(), count)?;
        if let Some(shape) = self.shape() {
            to.trees(shape, masks, None)?;
        }
        // 1 ⊕ msb(r) ⊕ (x̂' < r') = msb(r) ⊕ (r' <= x̂'). Without a tree the comparison is false.
        let mut top = bits::bit_of(masks, self.bits - 1);
        if self.shape().is_none() {
            top.not_assign();
        }
        to.share_bits(&top);
        Ok(())
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<SignKeys<R, P>, Error> {
        let trees = self.shape().map(|s| from.trees(s, count)).transpose()?;
        Ok(SignKeys {
            gate: *self,
            trees,
            top: from.share_bits(count)?,
            role: PhantomData,
        })
    }
}

impl<R: Ring, P: Role> SignKeys<R, P> {
    /// This party's shares of x ≥ 0, from x̂, whose bits above n are ignored.
    ///
    /// # Errors
    /// If there are not as many values as keys, and what the evaluator fails with.
    pub fn evaluate<E: Evaluator>(self, masked: &[R], e: &E) -> Result<BitVec, E::Error> {
        same("masked values", masked.len(), self.top.len())?;
        let mut out = self.top;
        if let Some(trees) = &self.trees {
            out.xor_assign(&trees.prefix_bits(e, masked)?);
        }
        if P::INDEX == 0 {
            out.xor_assign(&bits::bit_of(masked, self.gate.bits - 1));
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
