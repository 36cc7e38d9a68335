//! Square roots and their reciprocals.
//!
//! As Keller and Sun (Secure Quantized Training for Deep Learning, arXiv 2107.00501) find them, with another
//! approximation: `x = u 2^(e+1)` with `1/2 <= u < 1` ([`Normal`]), a polynomial of degree 8 near `u^(-1/2)` or
//! `u^(1/2)` by three products, and its product with `2^(-(e+1)/2)` or `2^((e+1)/2)`, whose weights, square roots of
//! two among them, are another sum over the same bits; on demand a step of Newton's method.
//!
//! *Domain.* For the reciprocal root from `2^low` on, raw; all below, negative numbers too, have the result of
//! `2^low`. For the root all numbers; those that are not positive have the root 0.
//!
//! *Error.* Relative, before the last rounding, at most what [`Rsqrt::error`] says: about 2^-20 unless more is asked
//! for, of which the polynomial is 2^-23. Hence within one unit of the correctly rounded result, or 2^-16 of it.
//!
//! *Cost* in rep3, f = 16, 2^-10 to 2^10 and `Stochastic`: 422 bytes and 19 rounds, or 395 bytes if the domain is
//! declared. The places take 46 bytes and 9 rounds, 20 weighed bits and 3 sums 208 bytes and a round, u 24 and a
//! round, and v, w, the polynomial and the result 36 bytes and two rounds each. The root from 2^-16 on takes 430
//! bytes and 21 rounds.

use crate::Error;
use crate::engine::Truncation;
use crate::function::Normal;
use crate::function::normal::scaled::{Power, Scaled};
use crate::function::normal::{inside, together};
use crate::function::reciprocal::PRECISION;
use crate::layer::Layers;
use crate::model::Format;

/// `1 / sqrt(x)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rsqrt(Scaled);

impl Rsqrt {
    /// For numbers of `from`, as numbers of `to`, from the least power of two on whose result fits; all below have
    /// the result of that one.
    ///
    /// # Errors
    /// As [`Rsqrt::with`].
    pub fn new(from: Format, to: Format) -> Result<Self, Error> {
        Self::with(Scaled::widest(Power::Rsqrt, from, to)?, to, PRECISION)
    }

    /// On a domain of the caller's, within one unit or `2^-bits` of the result.
    ///
    /// # Errors [`Error::Range`] if `to` does not hold the result at the lower end of the domain,
    /// [`Error::Unsupported`] if 64 bits do not suffice for the precision over the range, or for numbers of both
    /// signs.
    pub fn with(normal: Normal, to: Format, bits: u32) -> Result<Self, Error> {
        if normal.is_signed() {
            return Err(Error::Unsupported {
                what: "square roots of negative numbers",
            });
        }
        Ok(Self(Scaled::new(Power::Rsqrt, normal, to, bits)?))
    }

    /// What is normalised, and the domain.
    #[must_use]
    pub fn normal(&self) -> Normal {
        self.0.normal()
    }
    /// Format of the result.
    #[must_use]
    pub fn to(&self) -> Format {
        self.0.to()
    }
    /// Bound on the relative error of a result of `2^bits` units or more, before it is rounded.
    #[must_use]
    pub fn error(&self, bits: u32) -> f64 {
        self.0.error(bits)
    }

    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        xs: &[&E::Arith],
        mode: Truncation,
    ) -> Result<Vec<E::Arith>, Error> {
        together(engine, xs, self.0.normal().from(), |engine, x| {
            self.0.run(engine, x, inside(mode))
        })
    }
}

/// `sqrt(x)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sqrt(Scaled);

impl Sqrt {
    /// For numbers of `from`, as numbers of `to`; 0 for those that are not positive.
    ///
    /// # Errors
    /// [`Error::Range`] if `to` does not hold the largest result, [`Error::Unsupported`] if 64 bits do not suffice.
    pub fn new(from: Format, to: Format) -> Result<Self, Error> {
        let normal = Normal::new(from)?;
        Ok(Self(Scaled::new(Power::Sqrt, normal, to, PRECISION)?))
    }

    /// What is normalised.
    #[must_use]
    pub fn normal(&self) -> Normal {
        self.0.normal()
    }
    /// Format of the result.
    #[must_use]
    pub fn to(&self) -> Format {
        self.0.to()
    }
    /// Bound on the relative error of a result of `2^bits` units or more, before it is rounded.
    #[must_use]
    pub fn error(&self, bits: u32) -> f64 {
        self.0.error(bits)
    }

    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        xs: &[&E::Arith],
        mode: Truncation,
    ) -> Result<Vec<E::Arith>, Error> {
        together(engine, xs, self.0.normal().from(), |engine, x| {
            self.0.run(engine, x, inside(mode))
        })
    }
}

#[cfg(test)]
mod tests;
