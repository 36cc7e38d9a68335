//! Comparisons from one point function, by the parity of its prefixes.
//!
//! The key of a point function of one-bit values at α answers "α ≤ y" for every y: the shares of the values at 0,
//! ..., y sum to it, and the control bits of a walk to y are the shares of whole subtrees (K. Storrier, A.
//! Vadapalli, A. Lyons, R. Henry, "Grotto", 2023/108; K. Gupta and others, "SIGMA", 2023/1269). The tree ends 7
//! levels early, so that a comparison of n bits is n - 7 corrections and a leaf: 16 (n - 6) bytes, and n - 6 AES.
//!
//! [`Compare`] has the point at the mask r and asks any number of questions about x, where x̂ = x + r modulo 2^n is
//! public. For a public c let y = x̂ - c modulo 2^n. Over the integers x - c + r is x̂ - c + 2^n \[x̂ < r\], and
//! with each of these two reduced first, y + 2^n (\[y < r\] - \[x < c\]) and y - 2^n \[x̂ < c\] + 2^n \[x̂ < r\].
//! So
//!
//! \[x < c\] = \[y < r\] + \[x̂ < c\] - \[x̂ < r\],
//!
//! and for x in an interval from a to b, the last term, which is no function of c, falls out:
//!
//! \[a ≤ x < b\] = \[x̂ - b < r\] - \[x̂ - a < r\] + \[x̂ < b\] - \[x̂ < a\].
//!
//! The first two are two walks with the key, the others public. It holds for b = 2^n, too, with \[x̂ < b\] = 1. An
//! interval that starts above its end, and goes around past 2^n - 1, is 1 more than this: so are those of numbers
//! in two's complement, from a negative one to a positive.
//!
//! Secure against one semi-honest party and a dealer that colludes with none: the points are functions of x̂ and of
//! what is public, so that a party does nothing but look at its key.

use core::marker::PhantomData;
use core::ops::Not;

use piquet_core::{BitVec, Ring};

use crate::dealer::Deal;
use crate::evaluator::Evaluator;
use crate::gates::{Gate, GateId, ids};
use crate::shape::{mask, same, within};
use crate::stream::Taken;
use crate::trees::Trees;
use crate::{Error, Role, Shape};

/// Questions about numbers of n bits, answered with shared bits.
///
/// **Keys**: 16 (n - 6) bytes for n > 7, else 16, whatever is asked. **Rounds**: none. **Cost**: n - 6 AES for each
/// different end of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compare<R: Ring> {
    shape: Shape,
    word: PhantomData<R>,
}

/// Whether a number lies in an interval: what [`Compare`] and [`crate::gates::interval`] are asked. Public.
///
/// `!question` asks for the contrary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<R: Ring> {
    from: R,
    to: R,
    outside: bool,
}

impl<R: Ring> Question<R> {
    /// Whether x is one of `from`, `from` + 1, ..., `to` modulo 2^n: `from` ≤ x ≤ `to` if they are in this order, as
    /// numbers without sign or in two's complement.
    #[must_use]
    pub fn within(from: R, to: R) -> Self {
        let outside = false;
        Self { from, to, outside }
    }
    /// Whether x < c, for numbers without sign.
    #[must_use]
    pub fn below(c: R) -> Self {
        !Self::within(c, R::ZERO.sub(R::ONE))
    }
    /// Whether x < c, for numbers of `bits` bits in two's complement.
    #[must_use]
    pub fn below_signed(c: R, bits: u32) -> Self {
        !Self::within(c, R::ONE.shl(bits.wrapping_sub(1)).sub(R::ONE))
    }
    /// The two ends for which "smaller" has to be known modulo 2^`bits`, and what to do about them.
    pub(crate) fn ends(self, bits: u32) -> Ends {
        let low = |x: R| x.to_i128() as u128 & mask(bits);
        let (from, to) = (low(self.from), low(self.to));
        Ends {
            from,
            to,
            end: low(self.to.add(R::ONE)),
            outside: self.outside,
        }
    }
}

impl<R: Ring> Not for Question<R> {
    type Output = Self;
    fn not(mut self) -> Self {
        self.outside = !self.outside;
        self
    }
}

/// A question modulo 2^n.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) from: u128,
    to: u128,
    /// `to` + 1.
    pub(crate) end: u128,
    pub(crate) outside: bool,
}

impl Ends {
    /// What is public of the answer: \[x̂ < b\] - \[x̂ < a\], and 1 if the interval goes around.
    pub(crate) fn public(self, masked: u128) -> i128 {
        let one = |b: bool| i128::from(b);
        one(masked <= self.to) - one(masked < self.from) + one(self.from > self.to)
    }
}

/// The different points of all questions, and x̂ less each.
pub(crate) struct Points {
    ends: Vec<u128>,
}

impl Points {
    pub(crate) fn of(questions: &[Ends]) -> Self {
        let mut ends: Vec<_> = questions.iter().flat_map(|q| [q.from, q.end]).collect();
        ends.sort_unstable();
        ends.dedup();
        Self { ends }
    }
    /// `f` of the paths to x̂ - c for each c.
    pub(crate) fn map<R: Ring, T, E>(
        &self,
        shape: Shape,
        masked: &[R],
        mut f: impl FnMut(&[piquet_core::Block]) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        let at = |c: &u128| {
            let c = R::from_i128(*c as i128);
            let paths: Vec<_> = masked.iter().map(|x| shape.path(x.sub(c))).collect();
            f(&paths)
        };
        self.ends.iter().map(at).collect()
    }
    /// Where the results for `c` are.
    pub(crate) fn find(&self, c: u128) -> usize {
        self.ends.partition_point(|e| *e < c)
    }
}

impl<R: Ring> Compare<R> {
    /// Numbers of `bits` bits, 1 to the width of R.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(bits: u32) -> Result<Self, Error> {
        within("bits", bits, 1, R::BITS, "1 to the width of the word")?;
        Ok(Self {
            shape: Shape::new(bits, 1)?,
            word: PhantomData,
        })
    }
}

/// One party's keys of [`Compare`]. Used once, wiped, not printed.
pub struct CompareKeys<R: Ring, P: Role> {
    trees: Trees,
    word: PhantomData<(R, P)>,
}

impl<R: Ring, P: Role> core::fmt::Debug for CompareKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "CompareKeys({} gates)", self.trees.len())
    }
}

impl<R: Ring> Gate for Compare<R> {
    type Masks<'a> = &'a [R];
    type Dealt = ();
    type Keys<P: Role> = CompareKeys<R, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: ids::COMPARE,
            parameters: [self.shape.domain(), R::BITS, 0],
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        16 * self.shape.corrections() * count
    }
    fn deal(&self, count: usize, masks: &[R], to: &mut Deal) -> Result<(), Error> {
        same("masks", masks.len(), count)?;
        to.trees(self.shape, masks, None)
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<CompareKeys<R, P>, Error> {
        Ok(CompareKeys {
            trees: from.trees(self.shape, count)?,
            word: PhantomData,
        })
    }
}

impl<R: Ring, P: Role> CompareKeys<R, P> {
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
    ) -> Result<Vec<BitVec>, E::Error> {
        same("masked values", masked.len(), self.trees.len())?;
        let shape = self.trees.shape;
        let n = shape.domain();
        let asked: Vec<Ends> = questions.iter().map(|q| q.ends(n)).collect();
        let points = Points::of(&asked);
        let bits = |b: Vec<u8>| b.iter().map(|b| *b == 1).collect::<Vec<bool>>();
        // "r ≤ y" in place of "y < r" makes no difference to a sum of two.
        let prefixes = points.map(shape, masked, |paths| {
            let own = self.trees.prefixes(e, paths)?;
            Ok::<_, E::Error>(BitVec::from_bools(&bits(own)))
        })?;
        let answer = |q: &Ends| {
            let mut out = prefixes[points.find(q.from)].duplicate();
            out.xor_assign(&prefixes[points.find(q.end)]);
            if P::INDEX == 0 {
                let public = |x: &R| {
                    let masked = x.to_i128() as u128 & mask(n);
                    (q.public(masked) & 1 == 1) ^ q.outside
                };
                let public: Vec<bool> = masked.iter().map(public).collect();
                out.xor_assign(&BitVec::from_bools(&public));
            }
            out
        };
        Ok(asked.iter().map(answer).collect())
    }
}

#[cfg(test)]
mod tests;
