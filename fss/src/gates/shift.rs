//! What truncation and extension have in common: ⌊x / 2^f⌋ of a number of n bits, to another number of bits.
//!
//! Of numbers in 0..2^n, with x̂ = x + r modulo 2^n: x = x̂ - r + 2^n w for the **wrap** w = 1{x̂ < r}; and with the
//! **carry** c = 1{x̂ mod 2^f < r mod 2^f},
//!
//! ⌊x / 2^f⌋ = ⌊x̂ / 2^f⌋ - ⌊r / 2^f⌋ - c + 2^(n-f) w,
//!
//! over the integers, hence modulo 2^k, to which w contributes nothing where k <= n - f. Numbers in two's complement
//! are moved into 0..2^n by a public offset first, and back afterwards.
//!
//! **The carry** is a comparison of f bits, its bit opened under a mask and turned into a number as in
//! [`super::bit`].
//!
//! **The wrap**, with u and m the highest bits of x̂ and r, and v = 1{x̂' < r'} for the n - 1 others, is m ∨ v where
//! u = 0 and m ∧ v where u = 1. The dealer knows m; v̂ = v ⊕ s is opened; what is left to share is m, s (1 - m) and s
//! m:
//!
//! | u, v̂ | w |
//! |---|---|
//! | 0, 0 | m + s (1 - m) |
//! | 0, 1 | 1 - s (1 - m) |
//! | 1, 0 | s m |
//! | 1, 1 | m - s m |
//!
//! modulo 2^(k-n+f), as w is multiplied by 2^(n-f). A comparison of all n bits would give w itself and save two of
//! the three, at 16 bytes more for its tree.
//!
//! **With a bit to spare**, where the offset number is below 2^(n-1), a wrap means x̂ = x + r - 2^n < x < 2^(n-1), so
//! that u = 0 and r > 2^(n-1), m = 1; and without one x̂ >= r, so that m = 1 only where u = 1. Hence w = m (1 - u),
//! and there is nothing to compare.
//!
//! After K. Gupta and others, "LLAMA", 2022/793, and "SIGMA", 2023/1269, whose truncations compare in the same
//! places; secure against one semi-honest party and a dealer that colludes with none. x̂, ĉ and v̂ are each uniform
//! given what one party holds, by masks that nothing else uses, so that a simulator draws them, and with them the
//! peer's bits; corrections are uniform by the other party's draws; and a party's share of the result follows from
//! these, the other one being what is missing.

use core::marker::PhantomData;

use piquet_core::{BitVec, Ring, RingVec, lanes};

use super::{Gate, Started, bit};
use crate::dealer::{Deal, low_bits, share_bytes};
use crate::evaluator::Evaluator;
use crate::mask::{BitMask, BitMaskKeys, BitOpening};
use crate::shape::{same, within};
use crate::stream::Taken;
use crate::trees::Trees;
use crate::{Error, Role, Shape};

/// What a wire of n bits may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Every number of n bits, in two's complement.
    Signed,
    /// Every number of n bits, from 0 up.
    Unsigned,
    /// -2^(w-1) <= x < 2^(w-1), w < n, by the caller's word. Elsewhere the result is wrong in its highest bits.
    SignedWithin(u32),
    /// 0 <= x < 2^w, w < n, by the caller's word. Elsewhere the result is wrong in its highest bits.
    UnsignedWithin(u32),
}

impl Range {
    /// Whether there is a bit to spare.
    pub(crate) fn is_within(self) -> bool {
        matches!(self, Self::SignedWithin(_) | Self::UnsignedWithin(_))
    }
    fn code(self) -> u32 {
        match self {
            Self::Signed => 0,
            Self::Unsigned => 1,
            Self::SignedWithin(w) => 2 | w << 8,
            Self::UnsignedWithin(w) => 3 | w << 8,
        }
    }
}

/// n bits, shifted by f, to k bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shift<R: Ring> {
    pub(crate) bits: u32,
    pub(crate) shift: u32,
    pub(crate) to: u32,
    pub(crate) range: Range,
    word: PhantomData<R>,
}

impl<R: Ring> Shift<R> {
    pub(crate) fn new(bits: u32, shift: u32, to: u32, range: Range) -> Result<Self, Error> {
        within("bits", bits, 1, R::BITS, "1 to the width of the word")?;
        within("shift", shift, 0, bits - 1, "less than the bits")?;
        within(
            "bits of the result",
            to,
            1,
            R::BITS,
            "1 to the width of the word",
        )?;
        let new = Self {
            bits,
            shift,
            to,
            range,
            word: PhantomData,
        };
        if let Range::SignedWithin(w) | Range::UnsignedWithin(w) = range {
            within("window", w, 1, bits - 1, "1 to less than the bits")?;
        }
        if let (Range::SignedWithin(_), 1..) = (range, new.overlap()) {
            within("shift", shift, 0, bits - 2, "two less than the bits")?;
        }
        Ok(new)
    }
    /// For the head of a block.
    pub(crate) fn parameters(self) -> [u32; 3] {
        [
            self.bits | R::BITS << 8,
            self.shift | self.to << 8,
            self.range.code(),
        ]
    }
    /// Low bits of the wrap that reach the result.
    pub(crate) fn overlap(self) -> u32 {
        self.to.saturating_sub(self.bits - self.shift)
    }
    /// What moves numbers into 0..2^n; a multiple of 2^f.
    fn offset(self) -> R {
        match self.range {
            _ if self.overlap() == 0 => R::ZERO,
            Range::Signed => R::ONE.shl(self.bits - 1),
            Range::SignedWithin(_) => R::ONE.shl(self.bits - 2),
            Range::Unsigned | Range::UnsignedWithin(_) => R::ZERO,
        }
    }
    /// The comparison of the low bits.
    pub(crate) fn carry_shape(self) -> Option<Shape> {
        Shape::new(self.shift, 1).ok()
    }
    /// The wrap is compared for.
    fn compares(self) -> bool {
        self.overlap() > 0 && !self.range.is_within()
    }
    fn wrap_shape(self) -> Option<Shape> {
        Shape::new(self.bits - 1, 1)
            .ok()
            .filter(|_| self.compares())
    }
    /// Bits that are opened for each number.
    fn opened(self) -> usize {
        usize::from(self.carry_shape().is_some()) + usize::from(self.compares())
    }
    /// x̂ moved by the offset, without the bits above.
    pub(crate) fn moved(self, masked: &[R]) -> Vec<R> {
        let (offset, above) = (self.offset(), R::BITS - self.bits);
        let mut out = masked.to_vec();
        lanes::map(&mut out, |x| x.add(offset).shl(above).shr(above));
        out
    }
}

/// One party's shares of what is linear once u is known: -⌊r / 2^f⌋ and the wrap.
pub(crate) struct High<R: Ring> {
    shift: Shift<R>,
    minus: RingVec<R>,
    /// m; empty where no wrap reaches the result.
    top: RingVec<R>,
}

impl<R: Ring> High<R> {
    pub(crate) fn bytes(shift: Shift<R>, count: usize) -> usize {
        let top = match shift.overlap() {
            0 => 0,
            k => share_bytes(k, count),
        };
        share_bytes(shift.to, count) + top
    }
    pub(crate) fn deal(shift: Shift<R>, masks: &[R], to: &mut Deal) {
        let above = R::BITS - shift.bits;
        let mut v = RingVec::from(masks.to_vec());
        lanes::map(v.as_mut_slice(), |r| {
            r.shl(above).shr(above).shr(shift.shift).neg()
        });
        to.share(shift.to, v.as_slice());
        if shift.overlap() > 0 {
            to.share(shift.overlap(), highest(shift.bits, masks).as_slice());
        }
    }
    pub(crate) fn take<P: Role>(
        shift: Shift<R>,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<Self, Error> {
        Ok(Self {
            shift,
            minus: from.share(shift.to, count)?,
            top: match shift.overlap() {
                0 => RingVec::zeros(0),
                k => from.share(k, count)?,
            },
        })
    }
    pub(crate) fn len(&self) -> usize {
        self.minus.len()
    }
    /// Shares of ⌊x / 2^f⌋ + c from moved numbers, and of m for whom it may still concern. Where the wrap is compared
    /// for it is left out.
    pub(crate) fn linear<P: Role>(self, moved: &[R]) -> (RingVec<R>, RingVec<R>) {
        let s = self.shift;
        let all = bit::party_one::<R, P>().neg();
        let back = s.offset().shr(s.shift);
        let mut out = self.minus;
        lanes::zip(out.as_mut_slice(), moved, |o, x| {
            o.add(x.shr(s.shift).sub(back).and(all))
        });
        if s.overlap() > 0 && s.range.is_within() {
            let up = s.bits - s.shift;
            lanes::zip2(out.as_mut_slice(), moved, self.top.as_slice(), |o, x, m| {
                o.add(m.and(not(x.shr(s.bits - 1).neg())).shl(up))
            });
        }
        (out, self.top)
    }
}

/// The highest of n bits, as a number.
pub(crate) fn highest<R: Ring>(bits: u32, masks: &[R]) -> RingVec<R> {
    let mut m = RingVec::from(masks.to_vec());
    lanes::map(m.as_mut_slice(), |r| r.shr(bits - 1).and(R::ONE));
    m
}

#[inline(always)]
pub(crate) fn not<R: Ring>(x: R) -> R {
    x.xor(R::ONE.neg())
}

/// This party's shares of 1{x̂ < r}, in the bits of the trees' domain.
pub(crate) fn below<R: Ring, P: Role, E: Evaluator>(
    trees: &Trees,
    masked: &[R],
    e: &E,
) -> Result<BitVec, E::Error> {
    // Those of r <= x̂; party 0 complements.
    let mut out = trees.prefix_bits(e, masked)?;
    if P::INDEX == 0 {
        out.not_assign();
    }
    Ok(out)
}

/// Makes a gate of its name and its core, a [`Shift`] or a [`Local`], which is its only field.
macro_rules! gate {
    ($name:ident, $id:ident, $keys:ident) => {
        impl<R: piquet_core::Ring> $crate::gates::Gate for $name<R> {
            type Masks<'a> = &'a [R];
            type Dealt = ();
            type Keys<P: $crate::Role> = $crate::gates::shift::$keys<R, P>;

            fn id(&self) -> $crate::gates::GateId {
                $crate::gates::GateId {
                    gate: $crate::gates::ids::$id,
                    parameters: self.0.parameters(),
                }
            }
            fn key_bytes(&self, count: usize) -> usize {
                self.0.key_bytes(count)
            }
            fn deal(
                &self,
                count: usize,
                masks: &[R],
                to: &mut $crate::dealer::Deal,
            ) -> Result<(), $crate::Error> {
                self.0.deal(count, masks, to)
            }
            fn take<P: $crate::Role>(
                &self,
                count: usize,
                from: &mut $crate::stream::Taken<'_, P>,
            ) -> Result<Self::Keys<P>, $crate::Error> {
                self.0.take(count, from)
            }
        }
    };
}
pub(crate) use gate;

/// A shift without what has to be compared for: nothing is opened. The carry is left as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Local<R: Ring>(pub(crate) Shift<R>);

impl<R: Ring> Local<R> {
    pub(crate) fn parameters(self) -> [u32; 3] {
        self.0.parameters()
    }
    pub(crate) fn key_bytes(self, count: usize) -> usize {
        High::bytes(self.0, count)
    }
    pub(crate) fn deal(self, count: usize, masks: &[R], to: &mut Deal) -> Result<(), Error> {
        same("masks", masks.len(), count)?;
        High::deal(self.0, masks, to);
        Ok(())
    }
    pub(crate) fn take<P: Role>(
        self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<LocalKeys<R, P>, Error> {
        Ok(LocalKeys {
            high: High::take(self.0, count, from)?,
            role: PhantomData,
        })
    }
}

/// One party's keys of a gate that shifts and opens nothing. Used once, wiped, not printed.
pub struct LocalKeys<R: Ring, P: Role> {
    high: High<R>,
    role: PhantomData<P>,
}

impl<R: Ring, P: Role> core::fmt::Debug for LocalKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "LocalKeys({} gates)", self.high.len())
    }
}

impl<R: Ring, P: Role> LocalKeys<R, P> {
    /// This party's shares of the result, from x̂, whose bits above n are ignored.
    ///
    /// # Errors
    /// If there are not as many values as keys.
    pub fn evaluate(self, masked: &[R]) -> Result<RingVec<R>, Error> {
        same("masked values", masked.len(), self.high.len())?;
        let shift = self.high.shift;
        let (mut out, _) = self.high.linear::<P>(&shift.moved(masked));
        low_bits(&mut out, shift.to);
        Ok(out)
    }
}

/// One party's keys of a gate that shifts. Used once, wiped, not printed.
pub struct ShiftKeys<R: Ring, P: Role> {
    shift: Shift<R>,
    carry: Option<Trees>,
    wrap: Option<Trees>,
    mask: BitMaskKeys<P>,
    lifts: Lifts<R>,
}

/// What follows the opening.
struct Lifts<R: Ring> {
    high: High<R>,
    /// s of the carry.
    carry: Option<RingVec<R>>,
    /// s (1 - m) and s m of the wrap.
    wrap: Option<[RingVec<R>; 2]>,
}

impl<R: Ring, P: Role> core::fmt::Debug for ShiftKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ShiftKeys({} gates)", self.lifts.high.len())
    }
}

impl<R: Ring> Shift<R> {
    pub(crate) fn key_bytes(self, count: usize) -> usize {
        let tree = |s: Option<Shape>| s.map_or(0, |s| 16 * s.corrections() * count);
        let mut bytes = tree(self.carry_shape()) + tree(self.wrap_shape());
        if self.carry_shape().is_some() {
            bytes += share_bytes(self.to, count);
        }
        if self.compares() {
            bytes += 2 * share_bytes(self.overlap(), count);
        }
        bytes + High::bytes(self, count)
    }
    pub(crate) fn deal(self, count: usize, masks: &[R], to: &mut Deal) -> Result<(), Error> {
        same("masks", masks.len(), count)?;
        for shape in [self.carry_shape(), self.wrap_shape()]
            .into_iter()
            .flatten()
        {
            to.trees(shape, masks, None)?;
        }
        let s: BitVec = BitMask.deal(count * self.opened(), (), to)?;
        High::deal(self, masks, to);
        if self.carry_shape().is_some() {
            to.share(self.to, bit::words::<R>(&s.slice(0..count)).as_slice());
        }
        if self.compares() {
            let s = bit::words::<R>(&s.slice(s.len() - count..s.len()));
            let mut sm = highest(self.bits, masks);
            lanes::zip(sm.as_mut_slice(), s.as_slice(), R::and);
            let mut rest = s;
            rest.sub_assign(sm.as_slice());
            to.share(self.overlap(), rest.as_slice());
            to.share(self.overlap(), sm.as_slice());
        }
        Ok(())
    }
    pub(crate) fn take<P: Role>(
        self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<ShiftKeys<R, P>, Error> {
        let carry = self.carry_shape();
        let k = self.overlap();
        Ok(ShiftKeys {
            shift: self,
            carry: carry.map(|s| from.trees(s, count)).transpose()?,
            wrap: self
                .wrap_shape()
                .map(|s| from.trees(s, count))
                .transpose()?,
            mask: BitMask.take(count * self.opened(), from)?,
            lifts: Lifts {
                high: High::take(self, count, from)?,
                carry: carry.map(|_| from.share(self.to, count)).transpose()?,
                wrap: match self.compares() {
                    true => Some([from.share(k, count)?, from.share(k, count)?]),
                    false => None,
                },
            },
        })
    }
}

impl<R: Ring, P: Role> ShiftKeys<R, P> {
    /// Compares x̂, whose bits above n are ignored; the message goes to the other party.
    ///
    /// # Errors
    /// If there are not as many values as keys, and what the evaluator fails with.
    pub fn start<E: Evaluator>(
        self,
        masked: &[R],
        e: &E,
    ) -> Result<Started<ShiftPending<R, P>>, E::Error> {
        same("masked values", masked.len(), self.lifts.high.len())?;
        let moved = self.shift.moved(masked);
        let mut bits = Vec::new();
        if let Some(trees) = &self.carry {
            bits.push(below::<R, P, E>(trees, &moved, e)?);
        }
        if self.shift.compares() {
            bits.push(match &self.wrap {
                Some(trees) => below::<R, P, E>(trees, &moved, e)?,
                // No bits but the highest: there is nothing below nothing.
                None => BitVec::zeros(moved.len()),
            });
        }
        let bits: Vec<&BitVec> = bits.iter().collect();
        let (opening, message) = self.mask.open(&BitVec::concat(&bits))?;
        let pending = ShiftPending {
            moved,
            opening,
            lifts: self.lifts,
        };
        Ok((pending, message))
    }
}

/// Waits for the other party's message.
pub struct ShiftPending<R: Ring, P: Role> {
    moved: Vec<R>,
    opening: BitOpening<P>,
    lifts: Lifts<R>,
}

impl<R: Ring, P: Role> core::fmt::Debug for ShiftPending<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ShiftPending({} gates)", self.moved.len())
    }
}

impl<R: Ring, P: Role> ShiftPending<R, P> {
    /// Length of the message.
    #[must_use]
    pub fn expects(&self) -> usize {
        self.opening.expects()
    }
    /// This party's shares of the result.
    ///
    /// # Errors
    /// A message that is not the one that is due.
    pub fn finish(self, message: &[u8]) -> Result<RingVec<R>, Error> {
        let opened = self.opening.finish(message)?;
        let (n, x) = (self.moved.len(), &self.moved);
        let shift = self.lifts.high.shift;
        let one = bit::party_one::<R, P>();
        let (mut out, top) = self.lifts.high.linear::<P>(x);
        if let Some(s) = &self.lifts.carry {
            let c = bit::spread::<R>(&opened.slice(0..n));
            lanes::zip2(out.as_mut_slice(), &c, s.as_slice(), |o, c, s| {
                o.sub(bit::lifted(s, c, one))
            });
        }
        if let Some([mut rest, sm]) = self.lifts.wrap {
            let v = bit::spread::<R>(&opened.slice(opened.len() - n..opened.len()));
            let (up, high) = (shift.bits - shift.shift, shift.bits - 1);
            lanes::zip3(
                rest.as_mut_slice(),
                sm.as_slice(),
                x,
                &v,
                |rest, sm, x, v| {
                    let u = x.shr(high).neg();
                    let s = rest.xor(rest.xor(sm).and(u));
                    s.xor(v).sub(v).add(one.and(v).and(not(u)))
                },
            );
            lanes::zip4(
                out.as_mut_slice(),
                rest.as_slice(),
                top.as_slice(),
                x,
                &v,
                |o, w, m, x, v| {
                    let u = x.shr(high).neg();
                    o.add(w.add(m.and(not(u.xor(v)))).shl(up))
                },
            );
        }
        low_bits(&mut out, shift.to);
        Ok(out)
    }
}

#[cfg(test)]
pub(crate) mod tests;
