//! Interval containment with a result in a ring.
//!
//! After E. Boyle, N. Chandran, N. Gilboa, D. Gupta, Y. Ishai, N. Kumar, M. Rathee, "Function Secret Sharing for
//! Mixed-Mode and Fixed-Point Secure Computation", EUROCRYPT 2021, <https://eprint.iacr.org/2020/1392>, on interval
//! containment: one comparison function at the mask, evaluated at the two ends. There the dealer also gives shares
//! of a constant; with the comparison at r itself what is left besides the two evaluations is public, see
//! [`crate::compare`]:
//!
//! \[a ≤ x < b\] = \[x̂ - b < r\] - \[x̂ - a < r\] + \[x̂ < b\] - \[x̂ < a\].
//!
//! The key does not depend on the interval, so that one answers any number of questions about x.
//!
//! Secure against one semi-honest party and a dealer that colludes with none, as [`crate::dcf`] is: the points are
//! functions of x̂ and of what is public.

use core::marker::PhantomData;

use piquet_core::{Ring, RingVec};

use super::{Gate, GateId, ids};
use crate::compare::{Ends, Points, Question};
use crate::dcf::{Dcfs, key_bytes};
use crate::dealer::{Deal, low_bits};
use crate::evaluator::Evaluator;
use crate::shape::{mask, same, within};
use crate::stream::Taken;
use crate::{Error, Role, Shape};

/// Questions about numbers of n bits in words of type R, answered with 0 or 1 shared additively modulo 2^k, in words
/// of type V.
///
/// **Keys**: those of a comparison function ([`key_bytes`]), whatever is asked: 16 n + k (n - 1) / 8 bytes for k of
/// 43 to 64. **Rounds**: none. **Cost**: as many evaluations of it as there are different ends of intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval<R: Ring, V: Ring> {
    shape: Shape,
    words: PhantomData<(R, V)>,
}

impl<R: Ring, V: Ring> Interval<R, V> {
    /// Numbers of `bits` bits, 1 to the width of R; results of `value` bits, 1 to the width of V.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(bits: u32, value: u32) -> Result<Self, Error> {
        let domain = "1 to the width of the word";
        within("bits", bits, 1, R::BITS, domain)?;
        within("bits of the result", value, 1, V::BITS, domain)?;
        Ok(Self {
            shape: Shape::new(bits, value)?,
            words: PhantomData,
        })
    }
}

/// One party's keys of [`Interval`]. Used once, wiped, not printed.
pub struct IntervalKeys<R: Ring, V: Ring, P: Role> {
    dcfs: Dcfs<V>,
    role: PhantomData<(R, P)>,
}

impl<R: Ring, V: Ring, P: Role> core::fmt::Debug for IntervalKeys<R, V, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "IntervalKeys({} gates)", self.dcfs.roots.len())
    }
}

impl<R: Ring, V: Ring> Gate for Interval<R, V> {
    type Masks<'a> = &'a [R];
    type Dealt = ();
    type Keys<P: Role> = IntervalKeys<R, V, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::INTERVAL,
            parameters: [
                self.shape.domain(),
                R::BITS << 8 | V::BITS,
                self.shape.value(),
            ],
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        key_bytes(self.shape, count)
    }
    fn deal(&self, count: usize, masks: &[R], to: &mut Deal) -> Result<(), Error> {
        same("masks", masks.len(), count)?;
        to.comparisons(self.shape, masks, &vec![V::ONE; count])
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<IntervalKeys<R, V, P>, Error> {
        Ok(IntervalKeys {
            dcfs: from.comparisons(self.shape, count)?,
            role: PhantomData,
        })
    }
}

impl<R: Ring, V: Ring, P: Role> IntervalKeys<R, V, P> {
    /// This party's shares of the answers to each question for all numbers, from x̂, whose bits above n are
    /// ignored. Both parties ask the same.
    ///
    /// # Errors
    /// If there are not as many values as keys, and what the evaluator fails with.
    pub fn evaluate<E: Evaluator>(
        self,
        masked: &[R],
        questions: &[Question<R>],
        e: &E,
    ) -> Result<Vec<RingVec<V>>, E::Error> {
        same("masked values", masked.len(), self.dcfs.roots.len())?;
        let shape = self.dcfs.shape;
        let asked: Vec<Ends> = questions.iter().map(|q| q.ends(shape.domain())).collect();
        let points = Points::of(&asked);
        let below = points.map(shape, masked, |paths| self.dcfs.values::<P, E>(e, paths))?;
        let answer = |q: &Ends| {
            let mut out = RingVec::from(below[points.find(q.end)].as_slice().to_vec());
            out.sub_assign(below[points.find(q.from)].as_slice());
            if P::INDEX == 0 {
                for (y, x) in out.as_mut_slice().iter_mut().zip(masked) {
                    let x = x.to_i128() as u128 & mask(shape.domain());
                    *y = y.add(V::from_i128(q.public(x)));
                }
            }
            if q.outside {
                let one = V::from_i128((P::INDEX == 0).into());
                piquet_core::lanes::map(out.as_mut_slice(), |y| one.sub(y));
            }
            low_bits(&mut out, shape.value());
            out
        };
        Ok(asked.iter().map(answer).collect())
    }
}

#[cfg(test)]
mod tests;
