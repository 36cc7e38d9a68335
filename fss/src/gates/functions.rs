//! Functions of fixed-point numbers.

use core::marker::PhantomData;

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

pub use keys::{FunctionKeys, FunctionRun, Step};
use pieces::Pieces;

/// A function of fixed-point numbers of n bits, f of them fractional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function<R: Ring> {
    gate: u8,
    bits: u32,
    fraction: u32,
    low: u32,
    pieces: Pieces,
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
    /// e^-x for x >= 0; 1 for x < 0.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn exp(bits: u32, fraction: u32) -> Result<Self, Error> {
        Self::new(ids::EXP, bits, fraction, 0, curves::exp)
    }
    /// 1/x for x >= 2^-`low`; 2^`low` for what is smaller. `low` is 0 to f.
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
        let pieces = curve(fraction).within(bits.clamp(1, 64));
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
    /// AES blocks that a party evaluates for a gate.
    #[must_use]
    pub fn aes(&self) -> usize {
        self.pieces() * self.comparison.corrections() + self.rounding.corrections()
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
