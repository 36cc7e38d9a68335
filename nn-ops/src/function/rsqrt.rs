//! Square roots and their reciprocals.
//!
//! As Keller and Sun (Secure Quantized Training for Deep Learning, arXiv 2107.00501) find them, with another
//! approximation: `x = u 2^(e+1)` with `1/2 <= u < 1` ([`Normal`]), a polynomial of degree 8 near `u^(-1/2)` or
//! `u^(1/2)` by three products, and its product with `2^(-(e+1)/2)` or `2^((e+1)/2)`, whose weights, square roots of
//! two among them, are another sum over the same bits; on demand a step of Newton's method. Nothing is opened.

use crate::Error;
use crate::engine::Truncation;
use crate::function::Normal;
use crate::function::normal::scaled::{Power, Scaled};
use crate::function::reciprocal::PRECISION;
use crate::layer::Layers;
use crate::model::Format;

/// `1 / sqrt(x)`, as `2^(-(e+1)/2)` times a polynomial near `u^(-1/2)`, for `x = u 2^(e+1)` with `1/2 <= u < 1`
/// (Keller and Sun, arXiv 2107.00501).
///
/// # Domain
/// Numbers from `2^low` on, raw ([`Normal::domain`]). All below, 0 and negative ones too, have the result of `2^low`.
/// With [`Normal::declared`] none is defined there.
///
/// # Error
/// Within max(1 ULP, `2^-bits` of the result) of the correctly rounded result, 16 bits if nothing is said, whatever
/// the rounding. Before the last rounding the relative error is at most [`Rsqrt::error`], about 2^-20 unless more is
/// asked for: that of the polynomial, 2^-23; `2^-T` where u is rounded to T bits; `2^-F` of its power with F
/// bits; and of the integer that stands for `2^(-(e+1)/2)` half a unit. A step of Newton's method squares what was
/// there before it, times 3/2. This is made to be less than 0.45 ULP, or less than `2^-(bits+1)` of results of
/// `2^(bits+1)` ULP or more, so that with less than one ULP of rounding, and half of one of the correctly rounded
/// result, the bound holds.
///
/// # Cost
/// That of [`Normal`] with q = 2, t = 1 (0 if declared) and the products, as (operands, bits dropped): u (2, P - T)
/// for P fraction bits of x times its power of two; of the polynomial (1, 2 T - 24), (1, 24), (4, 32); the result (2,
/// s). A step of Newton's method has three more and, if T > 26, a rescaling. In `rep3`, f = 16, from 2^-10 to 2^10:
/// 422 bytes and 19 rounds, 395 bytes if the domain is declared.
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
    /// # Errors
    /// [`Error::Range`] if `to` does not hold the result at the lower end of the domain,
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
        self.0.run(engine, xs, mode)
    }
}

/// `sqrt(x)`, as `2^((e+1)/2)` times a polynomial near `u^(1/2)`, for `x = u 2^(e+1)` with `1/2 <= u < 1` (Keller and
/// Sun, arXiv 2107.00501).
///
/// # Domain
/// All numbers; those that are not positive have the root 0.
///
/// # Error
/// Within max(1 ULP, 2^-16 of the root) of the correctly rounded root, whatever the rounding: [`Sqrt::error`] bounds
/// what it is before the last rounding, of the parts that [`Rsqrt`] names, and is made to be less than 0.45 ULP, or
/// less than 2^-17 of results of 2^17 ULP or more.
///
/// # Cost
/// That of [`Normal`] with q = 2, t = 0 and the products of [`Rsqrt`]. In `rep3`, f = 16, numbers below 2^10: 430
/// bytes and 21 rounds.
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
        self.0.run(engine, xs, mode)
    }
}

#[cfg(test)]
mod tests;
