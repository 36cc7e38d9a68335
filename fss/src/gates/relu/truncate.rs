//! ReLU and truncation in one exchange.
//!
//! y = d ⌊x / 2^f⌋ for d = 1{x ≥ 0}. It is enough that the truncation is right for x in 0..2^(n-1), since nothing else
//! gets past d: there, as a number below 2^(n-1) has a bit to spare, the wrap is m (1 - u), for u and m the highest
//! bits of x̂ and r ([`super::super::shift`]), and with the carry c = 1{x̂ mod 2^f < r mod 2^f}
//!
//! T = ⌊x̂ / 2^f⌋ - ⌊r / 2^f⌋ - c + 2^(n-f) m (1 - u), and y = d T.
//!
//! d and c are opened in one exchange under masks s and t, as d̂ = d ⊕ s and ĉ = c ⊕ t. With h = ⌊r / 2^f⌋, once d̂, ĉ
//! and x̂ are public,
//!
//! - s T = s ⌊x̂ / 2^f⌋ - s h - s c + 2^(n-f) (1 - u) s m, where s c = s t, or s - s t if ĉ = 1;
//! - T is linear in h, c and m, where c = t, or 1 - t if ĉ = 1;
//! - y = s T, or T - s T if d̂ = 1,
//!
//! so that shares of s, s h, s t, h, t, and of s m and m modulo 2^(k-n+f), are all it takes. No comparison is made for
//! the wrap.
//!
//! After N. Jawalkar and others, "Orca", 2023/206, and K. Gupta and others, "SIGMA", 2023/1269, which do the two one
//! after the other; secure against one semi-honest party and a dealer that colludes with none. A simulator draws x̂, d̂
//! and ĉ, uniform by r, s and t, of which s and t mask nothing else and are otherwise only shared; corrections are
//! uniform by the other party's draws.

use piquet_core::{BitVec, Ring, RingVec, lanes};

use crate::dealer::{Deal, low_bits, share_bytes};
use crate::evaluator::Evaluator;
use crate::gates::shift::{Range, Shift, below, highest, not};
use crate::gates::sign::{Sign, SignKeys};
use crate::gates::{Gate, GateId, Started, bit, ids};
use crate::mask::{BitMask, BitMaskKeys, BitOpening};
use crate::shape::{same, within};
use crate::stream::Taken;
use crate::trees::Trees;
use crate::{Error, Role, Shape};

/// ⌊max(x, 0) / 2^f⌋, for x of n bits in two's complement, exactly, modulo 2^k.
///
/// **Keys**: those of [`Sign`], 16 max(f - 6, 1) bytes, 5 k bits, and where k > n - f two times k - n + f bits a gate.
/// **Rounds**: one. **Message**: a header and two bits a gate, each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReluTruncate<R: Ring> {
    sign: Sign<R>,
    shift: Shift<R>,
}

impl<R: Ring> ReluTruncate<R> {
    /// Numbers of `bits` bits, 2 to the width of R, shifted by `shift`, 1 to less than `bits`, to `to` bits, 1 to the
    /// width of R. Every result is below 2^(`bits` - `shift` - 1).
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(bits: u32, shift: u32, to: u32) -> Result<Self, Error> {
        within("shift", shift, 1, u32::MAX, "1 to less than the bits")?;
        Ok(Self {
            sign: Sign::new(bits)?,
            shift: Shift::new(
                bits,
                shift,
                to,
                Range::UnsignedWithin(bits.saturating_sub(1)),
            )?,
        })
    }
    fn carry(self) -> Result<Shape, Error> {
        Shape::new(self.shift.shift, 1)
    }
}

/// One party's keys of [`ReluTruncate`]. Used once, wiped, not printed.
pub struct ReluTruncateKeys<R: Ring, P: Role> {
    sign: SignKeys<R, P>,
    carry: Trees,
    mask: BitMaskKeys<P>,
    shares: Shares<R>,
}

/// One party's shares of what y is linear in.
struct Shares<R: Ring> {
    shift: Shift<R>,
    s: RingVec<R>,
    sh: RingVec<R>,
    st: RingVec<R>,
    h: RingVec<R>,
    t: RingVec<R>,
    /// s m and m, where the wrap reaches the result.
    tops: Option<[RingVec<R>; 2]>,
}

impl<R: Ring, P: Role> core::fmt::Debug for ReluTruncateKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ReluTruncateKeys({} gates)", self.shares.s.len())
    }
}

impl<R: Ring> Gate for ReluTruncate<R> {
    type Masks<'a> = &'a [R];
    type Dealt = ();
    type Keys<P: Role> = ReluTruncateKeys<R, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::RELU_TRUNCATE,
            parameters: self.shift.parameters(),
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        let tree = self.carry().map_or(0, |s| 16 * s.corrections());
        let tops = match self.shift.overlap() {
            0 => 0,
            k => 2 * share_bytes(k, count),
        };
        self.sign.key_bytes(count) + count * tree + 5 * share_bytes(self.shift.to, count) + tops
    }
    fn deal(&self, count: usize, masks: &[R], to: &mut Deal) -> Result<(), Error> {
        self.sign.deal(count, masks, to)?;
        to.trees(self.carry()?, masks, None)?;
        let bits: BitVec = BitMask.deal(2 * count, (), to)?;
        let Shift {
            bits: n,
            shift,
            to: k,
            ..
        } = self.shift;
        let (above, s) = (R::BITS - n, bit::masks::<R>(&bits.slice(0..count)));
        let t = bit::words::<R>(&bits.slice(count..2 * count));
        let mut h = RingVec::from(masks.to_vec());
        lanes::map(h.as_mut_slice(), |r| r.shl(above).shr(above).shr(shift));
        let both = |a: &RingVec<R>| {
            let mut out = a.duplicate();
            lanes::zip(out.as_mut_slice(), s.as_slice(), R::and);
            out
        };
        let mut one = s.duplicate();
        lanes::map(one.as_mut_slice(), R::neg);
        for v in [&one, &both(&h), &both(&t), &h, &t] {
            to.share(k, v.as_slice());
        }
        if self.shift.overlap() > 0 {
            let m = highest(n, masks);
            for v in [&both(&m), &m] {
                to.share(self.shift.overlap(), v.as_slice());
            }
        }
        Ok(())
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<ReluTruncateKeys<R, P>, Error> {
        let k = self.shift.to;
        Ok(ReluTruncateKeys {
            sign: self.sign.take(count, from)?,
            carry: from.trees(self.carry()?, count)?,
            mask: BitMask.take(2 * count, from)?,
            shares: Shares {
                shift: self.shift,
                s: from.share(k, count)?,
                sh: from.share(k, count)?,
                st: from.share(k, count)?,
                h: from.share(k, count)?,
                t: from.share(k, count)?,
                tops: match self.shift.overlap() {
                    0 => None,
                    k => Some([from.share(k, count)?, from.share(k, count)?]),
                },
            },
        })
    }
}

impl<R: Ring, P: Role> ReluTruncateKeys<R, P> {
    /// Compares x̂, whose bits above n are ignored; the message goes to the other party.
    ///
    /// # Errors
    /// If there are not as many values as keys, and what the evaluator fails with.
    pub fn start<E: Evaluator>(
        self,
        masked: &[R],
        e: &E,
    ) -> Result<Started<ReluTruncatePending<R, P>>, E::Error> {
        same("masked values", masked.len(), self.shares.s.len())?;
        let moved = self.shares.shift.moved(masked);
        let signs = self.sign.evaluate(&moved, e)?;
        let carries = below::<R, P, E>(&self.carry, &moved, e)?;
        let (opening, message) = self.mask.open(&BitVec::concat(&[&signs, &carries]))?;
        let pending = ReluTruncatePending {
            moved,
            opening,
            shares: self.shares,
        };
        Ok((pending, message))
    }
}

/// Waits for the other party's message.
pub struct ReluTruncatePending<R: Ring, P: Role> {
    moved: Vec<R>,
    opening: BitOpening<P>,
    shares: Shares<R>,
}

impl<R: Ring, P: Role> core::fmt::Debug for ReluTruncatePending<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ReluTruncatePending({} gates)", self.moved.len())
    }
}

impl<R: Ring, P: Role> ReluTruncatePending<R, P> {
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
        let d = bit::spread::<R>(&opened.slice(0..n));
        let c = bit::spread::<R>(&opened.slice(n..2 * n));
        let one = bit::party_one::<R, P>();
        let Shares { shift, s, .. } = self.shares;
        let (f, high, up) = (shift.shift, shift.bits - 1, shift.bits - shift.shift);
        // s T, and T.
        let mut st = s;
        lanes::zip4(
            st.as_mut_slice(),
            x,
            &c,
            self.shares.sh.as_slice(),
            self.shares.st.as_slice(),
            |s, x, c, sh, st| {
                s.mul(x.shr(f))
                    .sub(sh)
                    .sub(st.xor(st.xor(s.sub(st)).and(c)))
            },
        );
        let mut t = self.shares.t;
        lanes::zip3(
            t.as_mut_slice(),
            x,
            &c,
            self.shares.h.as_slice(),
            |t, x, c, h| x.shr(f).and(one.neg()).sub(h).sub(bit::lifted(t, c, one)),
        );
        if let Some([sm, m]) = self.shares.tops {
            let wrap = |o: R, x: R, m: R| o.add(m.and(not(x.shr(high).neg())).shl(up));
            lanes::zip2(st.as_mut_slice(), x, sm.as_slice(), wrap);
            lanes::zip2(t.as_mut_slice(), x, m.as_slice(), wrap);
        }
        lanes::zip2(st.as_mut_slice(), &d, t.as_slice(), |st, d, t| {
            st.xor(d).sub(d).add(t.and(d))
        });
        low_bits(&mut st, shift.to);
        Ok(st)
    }
}

#[cfg(test)]
mod tests;
