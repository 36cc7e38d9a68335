//! Functions of fixed-point numbers: GeLU, SiLU, sigmoid, tanh, e^-x, 1/x and 1/√x, with stated errors.
//!
//! A function is a list of straight pieces with public ends and public integer coefficients, found when the gate is
//! made such that no piece is off by more than 0.45 units of the last place. With X = 2^f x, in piece i,
//!
//! > y = ⌊(a_i + b_i X) / 2^g⌋ - offset, and + X where ReLU is a part of the function,
//!
//! in which the only other error is that of rounding, 0.5: **y is within one unit of the last place of the real
//! function**, and it depends on nothing but X: masks have no influence, and both halves agree bit for bit with
//! [`Function::plain`].
//!
//! 1. **Which piece**: one point function at r gives, in bits, "r ≤ u" for every u, and so "X is at or above the
//!    joint" for all joints; their sum, each times what changes there, is the word (a, b, identity) of the piece,
//!    shared by exclusive or. After K. Storrier, A. Vadapalli, A. Lyons, R. Henry, "Grotto", 2023/108, where
//!    coefficients are found in the same way.
//! 2. **The product**: the words are opened under one-time masks S. With bit ŵ = w ⊕ s open, w = ŵ + (1 - 2 ŵ) s, and
//!    for X = x̂ - r the dealer has shared s, r and s r: a + b X is then linear, modulo 2^M, where M has one bit more
//!    than any a + b X needs.
//! 3. **Rounding**: ŷ = a + b X + ρ is opened. ⌊(ŷ - ρ) / 2^g⌋ is ⌊ŷ / 2^g⌋ - ⌊ρ / 2^g⌋ less a borrow from the low g
//!    bits, which is a comparison (a second point function) and opened under a mask as well, and 2^(M-g) if ŷ - ρ
//!    wrapped: as a + b X < 2^(M-1), just if ρ has the highest bit and ŷ has not. Exact truncation of this kind is
//!    that of K. Gupta and others, "SIGMA", 2023/1269, and E. Boyle and others, 2020/1392.
//!
//! **Security**: against one semi-honest party and a dealer that colludes with none. All that is opened - x̂, the
//! words, ŷ, a bit - is under a mask that is uniform, used once, and unknown to either party, so a simulator draws it
//! uniformly and takes the peer's message to be the difference to the party's own. Keys of point functions are
//! simulated by themselves, shared values are hidden by what the peer draws in their place; and a party's share of
//! the result contains its uniform share of ⌊ρ / 2^g⌋.
//!
//! # Errors
//!
//! Largest difference to the real function, in units of the last place of x and y, 2^-f; for f from 8 to 16 it is
//! below 1. Checked at all X where the function is curved, or, where these are more than 2^21, at the ends and in the
//! midst of all pieces.
//!
//! | function | for | f = 8 | f = 12 | f = 16 |
//! |---|---|---|---|---|
//! | GeLU | all x | 0.94 | 0.95 | 0.96 |
//! | SiLU | all x | 0.95 | 0.95 | 0.96 |
//! | sigmoid | all x | 0.94 | 0.95 | 0.96 |
//! | tanh | all x | 0.94 | 0.95 | 0.96 |
//! | e^-x | x >= 0 | 0.95 | 0.95 | 0.96 |
//! | 1/x, l = 0 | x >= 1 | 0.95 | 0.95 | 0.95 |
//! | 1/x, l = 4 | x >= 1/16 | 0.95 | 0.95 | 0.95 |
//! | 1/x, l = f | x > 0 | 0.95 | 0.95 | 0.95 |
//! | 1/√x | x > 0 | 0.95 | 0.95 | 0.95 |
//!
//! Elsewhere: e^-x is 1 for x < 0; 1/x is 2^l for x < 2^-l, also for x <= 0; 1/√x is that of 2^-f for x <= 0.
//!
//! # Costs
//!
//! Three rounds. For f = 12, a gate of a large batch: pieces; bytes of its key and AES blocks of a party, for numbers
//! of 38 and 64 bits; bits that each party sends.
//!
//! | function | pieces | bytes, n = 38 | n = 64 | AES, n = 38 | n = 64 | opened |
//! |---|---|---|---|---|---|---|
//! | GeLU | 70 | 725 | 1161 | 305 | 357 | 36 + 23 + 1 |
//! | SiLU | 94 | 731 | 1167 | 458 | 510 | 37 + 24 + 1 |
//! | sigmoid | 60 | 726 | 1152 | 351 | 403 | 37 + 26 + 1 |
//! | tanh | 83 | 740 | 1165 | 342 | 394 | 40 + 27 + 1 |
//! | e^-x | 50 | 733 | 1159 | 250 | 302 | 39 + 26 + 1 |
//! | 1/x, l = 0 | 95 | 786 | 1212 | 764 | 816 | 43 + 28 + 1 |
//! | 1/x, l = 4 | 280 | 843 | 1269 | 815 | 867 | 55 + 32 + 1 |
//! | 1/x, l = 10 | 427 | 921 | 1346 | 824 | 876 | 66 + 38 + 1 |
//! | 1/√x | 447 | 874 | 1300 | 3382 | 3467 | 62 + 34 + 1 |

use core::marker::PhantomData;
use std::sync::Arc;

use piquet_core::Ring;

use super::{Gate, GateId, ids};
use crate::dealer::Deal;
use crate::shape::{mask, within};
use crate::stream::Taken;
use crate::{Error, Role, Shape};

mod curves;
mod keys;
mod pieces;
mod real;

pub use keys::{FunctionKeys, FunctionRun, Started, Step};
use pieces::Pieces;

/// A function of fixed-point numbers of n bits in two's complement, f of them fractional; so is its result.
///
/// **Domain**: f from 8 to 16; n from M to 64 and the width of R, where M is f + g + 2 and the bits before the point
/// of the largest result: 27 or less at f = 12 for all but 1/x (28 + l) and 1/√x (34). **Keys**: with β bits of
/// slopes, 16 (n - 6) + 16 max(1, g - 6) bytes, and M + M (M + 1)/2 + β (2 M - β + 1) + 3 n - (M - g) bits, and 3 n
/// more for GeLU and SiLU, each of the elements rounded up to bytes over all gates. **Rounds**: three. **Messages**:
/// a header each, and the bits of [`Function::opened_bits`] of all gates. **Error**: see [the table](self).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function<R: Ring> {
    gate: u8,
    bits: u32,
    fraction: u32,
    low: u32,
    pieces: Arc<Pieces>,
    comparison: Shape,
    rounding: Shape,
    word: PhantomData<R>,
}

impl<R: Ring> Function<R> {
    /// x Φ(x), Φ the distribution function of a standard normal variable.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn gelu(bits: u32, fraction: u32) -> Result<Self, Error> {
        Self::new(ids::GELU, bits, fraction, 0, curves::gelu)
    }
    /// x / (1 + e^-x)
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn silu(bits: u32, fraction: u32) -> Result<Self, Error> {
        Self::new(ids::SILU, bits, fraction, 0, curves::silu)
    }
    /// 1 / (1 + e^-x)
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn sigmoid(bits: u32, fraction: u32) -> Result<Self, Error> {
        Self::new(ids::SIGMOID, bits, fraction, 0, curves::sigmoid)
    }
    /// The hyperbolic tangent.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn tanh(bits: u32, fraction: u32) -> Result<Self, Error> {
        Self::new(ids::TANH, bits, fraction, 0, curves::tanh)
    }
    /// e^-x for x >= 0, and 1 for x < 0.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn nexp(bits: u32, fraction: u32) -> Result<Self, Error> {
        Self::new(ids::EXP, bits, fraction, 0, curves::exp)
    }
    /// 1/x for x >= 2^-l, and 2^l for what is smaller. l is 0 to f: sums that are known to be 1 or more, as those of
    /// soft-max, want l = 0.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn reciprocal(bits: u32, fraction: u32, low: u32) -> Result<Self, Error> {
        let high = fraction.min(16);
        within("exponent of the smallest argument", low, 0, high, "0 to f")?;
        Self::new(ids::RECIPROCAL, bits, fraction, low, |f| {
            curves::reciprocal(f, low)
        })
    }
    /// 1/√x for x > 0; that of 2^-f for x <= 0.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn rsqrt(bits: u32, fraction: u32) -> Result<Self, Error> {
        Self::new(ids::RSQRT, bits, fraction, 0, curves::rsqrt)
    }
    fn new(
        gate: u8,
        bits: u32,
        fraction: u32,
        low: u32,
        curve: impl FnOnce(u32) -> Pieces,
    ) -> Result<Self, Error> {
        within("fractional bits", fraction, 8, 16, "8 to 16")?;
        let pieces = Arc::new(curve(fraction).within(bits.clamp(1, 64)));
        let high = R::BITS.min(64);
        let domain = "M (see there) to the width of the word, 64 at most";
        within("bits", bits, pieces.sum, high, domain)?;
        Ok(Self {
            gate,
            bits,
            fraction,
            low,
            comparison: Shape::new(bits, 1)?,
            rounding: Shape::new(pieces.guard, 1)?,
            pieces,
            word: PhantomData,
        })
    }
    /// What the gate computes, without masks: x and the result are of n bits, with the sign in the highest.
    #[must_use]
    pub fn plain(&self, x: R) -> R {
        let up = 64 - self.bits;
        let x = (x.to_u64() << up) as i64 >> up;
        let y = self.pieces.value(x) & mask(self.bits) as u64;
        R::from_u64(y)
    }
    /// Straight pieces of the function.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.pieces.list.len()
    }
    /// Bits that each party sends for a gate, in each of the three openings.
    #[must_use]
    pub fn opened_bits(&self) -> [u32; 3] {
        [self.word() as u32, self.pieces.sum, 1]
    }
    /// AES blocks that a party cannot do without for a gate: one for each node above the points that it walks to and
    /// one for each of their leaves. They depend a little on x̂; this is for one in the midst.
    #[must_use]
    pub fn aes(&self) -> usize {
        let shape = self.comparison;
        let mut points: Vec<_> = self.pieces.list.iter().map(|p| p.from as u64).collect();
        // A first piece has no joint; it stands for the walk to x̂ itself.
        let first = points.first_mut();
        first.into_iter().for_each(|p| *p = 1 << (self.bits - 1));
        let mut paths: Vec<_> = points
            .iter()
            .map(|p| {
                shape
                    .path(0x9e37_79b9_7f4a_7c15u64.wrapping_sub(*p))
                    .to_u128()
            })
            .collect();
        paths.sort_unstable();
        let distinct = |level: u32| {
            let parts = |w: &&[u128]| (w[0] ^ w[1]).leading_zeros() < level;
            1 + paths.windows(2).filter(parts).count()
        };
        let walks: usize = (0..shape.levels()).map(distinct).sum();
        walks + distinct(shape.levels()) + self.rounding.corrections()
    }
    /// Bits of a word.
    fn word(&self) -> usize {
        self.pieces.word_bits()
    }
}

impl<R: Ring> Gate for Function<R> {
    type Masks<'a> = &'a [R];
    type Dealt = ();
    type Keys<P: Role> = FunctionKeys<R, P>;

    fn id(&self) -> GateId {
        GateId {
            gate: self.gate,
            parameters: [self.bits, self.fraction | self.low << 8, R::BITS],
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        keys::key_bytes(self, count)
    }
    fn deal(&self, count: usize, masks: &[R], to: &mut Deal) -> Result<(), Error> {
        keys::deal(self, count, masks, to)
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<FunctionKeys<R, P>, Error> {
        keys::take(self, count, from)
    }
}

#[cfg(test)]
mod tests;
