//! A number or nothing: d x for a bit d.
//!
//! From d̂ = d ⊕ s and x̂ = x + r, both opened, d x is linear in what the dealer knows:
//!
//! | d̂ | d x |
//! |---|---|
//! | 0 | s x̂ - s r |
//! | 1 | x̂ - r - (s x̂ - s r) |
//!
//! so that shares of s, s r and r are the keys. Parties that opened x themselves drew their shares of r and need no
//! third ([`super::max_pool`]).
//!
//! After N. Jawalkar and others, "Orca", 2023/206, and K. Gupta and others, "SIGMA", 2023/1269; secure against one
//! semi-honest party and a dealer that colludes with none: d̂ and x̂ are uniform, and a share is a draw from the
//! party's seed and a correction that the other party's draw hides.

use core::marker::PhantomData;

use piquet_core::{BitVec, Ring, RingVec, lanes};

use super::{Gate, GateId, bit, ids};
use crate::dealer::{Deal, low_bits, share_bytes};
use crate::shape::{same, within};
use crate::stream::Taken;
use crate::{Error, Role};

/// x or 0, for x modulo 2^k.
///
/// The dealer is given the masks of bits and those of numbers.
///
/// **Keys**: three times ⌈k count / 8⌉ bytes (whole bytes for each where k > 64). **Rounds**: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Select<R: Ring> {
    bits: u32,
    word: PhantomData<R>,
}

impl<R: Ring> Select<R> {
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
}

/// One party's keys of [`Select`]. Used once, wiped, not printed.
pub struct SelectKeys<R: Ring, P: Role> {
    bits: u32,
    products: Products<R>,
    r: RingVec<R>,
    role: PhantomData<P>,
}

impl<R: Ring, P: Role> core::fmt::Debug for SelectKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SelectKeys({} gates)", self.r.len())
    }
}

impl<R: Ring> Gate for Select<R> {
    type Masks<'a> = (&'a BitVec, &'a [R]);
    type Dealt = ();
    type Keys<P: Role> = SelectKeys<R, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::SELECT,
            parameters: [self.bits, R::BITS, 0],
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        Products::<R>::bytes(self.bits, count) + share_bytes(self.bits, count)
    }
    fn deal(&self, count: usize, (s, r): (&BitVec, &[R]), to: &mut Deal) -> Result<(), Error> {
        same("masks of bits", s.len(), count)?;
        same("masks", r.len(), count)?;
        Products::deal(self.bits, s, r, to);
        to.share(self.bits, r);
        Ok(())
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<SelectKeys<R, P>, Error> {
        Ok(SelectKeys {
            bits: self.bits,
            products: Products::take(self.bits, count, from)?,
            r: from.share(self.bits, count)?,
            role: PhantomData,
        })
    }
}

impl<R: Ring, P: Role> SelectKeys<R, P> {
    /// This party's shares of d x, from d̂ and x̂, whose bits above k are ignored.
    ///
    /// # Errors
    /// If there are not as many of both as keys.
    pub fn evaluate(self, opened: &BitVec, masked: &[R]) -> Result<RingVec<R>, Error> {
        same("opened bits", opened.len(), self.r.len())?;
        same("masked values", masked.len(), self.r.len())?;
        let mut out = self.products.select::<P>(opened, masked, self.r.as_slice());
        low_bits(&mut out, self.bits);
        Ok(out)
    }
}

/// One party's shares of s and s r, where those of r are elsewhere.
pub(crate) struct Products<R: Ring> {
    s: RingVec<R>,
    sr: RingVec<R>,
}

impl<R: Ring> Products<R> {
    pub(crate) fn bytes(bits: u32, count: usize) -> usize {
        2 * share_bytes(bits, count)
    }
    /// Of as many bits as numbers.
    pub(crate) fn deal(bits: u32, s: &BitVec, r: &[R], to: &mut Deal) {
        let mut sr = bit::masks::<R>(s);
        lanes::zip(sr.as_mut_slice(), r, R::and);
        to.share(bits, bit::words::<R>(s).as_slice());
        to.share(bits, sr.as_slice());
    }
    pub(crate) fn take<P: Role>(
        bits: u32,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<Self, Error> {
        Ok(Self {
            s: from.share(bits, count)?,
            sr: from.share(bits, count)?,
        })
    }
    /// Shares of d x; what is above the width is left with anything.
    pub(crate) fn select<P: Role>(self, opened: &BitVec, masked: &[R], r: &[R]) -> RingVec<R> {
        let all = bit::party_one::<R, P>().neg();
        let d = bit::spread::<R>(opened);
        let mut out = self.s;
        lanes::zip4(
            out.as_mut_slice(),
            masked,
            &d,
            self.sr.as_slice(),
            r,
            |s, x, d, sr, r| {
                let low = s.mul(x).sub(sr);
                low.xor(d).sub(d).add(x.and(all).sub(r).and(d))
            },
        );
        out
    }
}

#[cfg(test)]
mod tests;
