//! Square roots and their reciprocals.

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
    /// For numbers of `from`, as numbers of `to`, from the least power of two on whose result fits; all below have the result of
    /// that one.
    ///
    /// # Errors
    /// As [`Rsqrt::with`].
    pub fn new(from: Format, to: Format) -> Result<Self, Error> {
        Self::with(Scaled::widest(Power::Rsqrt, from, to)?, to, PRECISION)
    }

    /// On a domain of the caller's, within one unit or `2^-bits` of the result.
    ///
    /// # Errors
    /// [`Error::Range`] if `to` does not hold the result at the lower end of the domain, [`Error::Unsupported`] if 64 bits
    /// do not suffice for the precision over the range, or for numbers of both signs.
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
