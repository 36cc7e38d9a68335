//! Reciprocals and quotients.
//!
//! `x = u 2^(e+1)` with `1/2 <= u < 1` ([`Normal`]; Catrina and Saxena, Secure computation with fixed-point numbers,
//! FC 2010), a polynomial of degree 8 near `1/u` by three products, and its product with `2^(-e-1)`; on demand a step
//! of Newton's method. The power of two that makes x to u is the same, so it is found once. A quotient is the product
//! of the reciprocal of u with `x 2^(-e-1)`, which keeps four bits more than the quotient.
//!
//! *Domain.* From `2^low` on, raw; all below, negative numbers too, have the reciprocal of `2^low`. With both signs
//! ([`Normal::signed`]) that holds of the absolute value. A quotient by a number below the domain is 0, as no other
//! number fits every result format. The caller declares by the result's format how large quotients are, as for every
//! product: one that is larger wraps.
//!
//! *Error.* Relative, before the last rounding, at most what [`Reciprocal::error`] says, about 2^-20 unless more is
//! asked for, of which the polynomial is 2^-21.7; of a quotient, an eighth of a unit beside. Hence within one unit of
//! the correctly rounded result, or 2^-16 of it.
//!
//! *Cost* in rep3, f = 16, 2^-10 to 2^10 and `Stochastic`: 350 bytes and 20 rounds. The places take 46 bytes and 9
//! rounds, 8 weighed bits and 3 sums 112 bytes and a round, the product of the digits' powers and u 24 bytes and a
//! round each, v, w, the polynomial and the result 36 bytes and two rounds each. With both signs 399 bytes and 21
//! rounds, a quotient 361 bytes and 22 rounds.

use crate::Error;
use crate::engine::{Rescale, Truncation};
use crate::function::Normal;
use crate::function::normal::scaled::{FEWEST, Mantissa, Power, Scaled};
use crate::function::normal::{Places, Scale, inside, together};
use crate::function::real::pow2;
use crate::layer::{Layers, only};
use crate::model::Format;

/// Bits to which results are found unless more are asked for.
pub(crate) const PRECISION: u32 = 16;
/// Fraction bits of a numerator beyond those of the quotient.
const GUARD: u32 = 4;

/// `1 / x`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reciprocal(Scaled);

impl Reciprocal {
    /// For positive numbers of `from`, as numbers of `to`, from the least power of two on whose result fits; all
    /// below, negative ones too, have the result of that one.
    ///
    /// # Errors
    /// As [`Reciprocal::with`].
    pub fn new(from: Format, to: Format) -> Result<Self, Error> {
        Self::with(Scaled::widest(Power::Reciprocal, from, to)?, to, PRECISION)
    }

    /// On a domain of the caller's, within one unit or `2^-bits` of the result.
    ///
    /// # Errors [`Error::Range`] if `to` does not hold the result at the lower end of the domain,
    /// [`Error::Unsupported`] if 64 bits do not suffice for the precision over the range.
    pub fn with(normal: Normal, to: Format, bits: u32) -> Result<Self, Error> {
        Ok(Self(Scaled::new(Power::Reciprocal, normal, to, bits)?))
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
    /// Bound on the relative error of a result, before it is rounded.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.0.error(0)
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

/// `x / y`.
#[derive(Debug, Clone, PartialEq)]
pub struct Division {
    x: Format,
    to: Format,
    places: Places,
    mantissa: Mantissa,
    /// Bits of the product of x and the scale that are dropped.
    shift: u32,
}

impl Division {
    /// For numerators of `x` and positive denominators of `y`, as numbers of `to`.
    ///
    /// # Errors
    /// As [`Division::with`].
    pub fn new(x: Format, y: Format, to: Format) -> Result<Self, Error> {
        Self::with(x, Normal::new(y)?, to, PRECISION)
    }

    /// With denominators of a domain of the caller's, within one unit or `2^-bits` of the quotient.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if 64 bits do not suffice for the precision over the range.
    pub fn with(x: Format, y: Normal, to: Format, bits: u32) -> Result<Self, Error> {
        for format in [x, to] {
            if format.width() != 64 || !crate::model::holds(format) {
                return Err(Error::Unheld { format });
            }
        }
        for newton in [false, true] {
            for (digit, _) in y.costs(1, 0) {
                let found = Self::candidate(x, y, to, digit, newton);
                // Less than two units of the numerator's are 1/8 of the quotient's.
                let near = 0.3 * pow2(-(bits as i32));
                if let Some(found) = found.filter(|f| f.mantissa.error() <= near) {
                    return Ok(found);
                }
            }
        }
        Err(Error::Unsupported {
            what: "quotients of this range are not found with this precision in 64 bits",
        })
    }

    fn candidate(x: Format, y: Normal, to: Format, digit: u32, newton: bool) -> Option<Self> {
        let from = y.from();
        // q = (x / y) 2^gain, raw; y = u 2^(e+1).
        let gain = to.frac() as i32 + from.frac() as i32 - x.frac() as i32;
        let product = [
            FEWEST as i32,
            from.bound() as i32,
            (y.low() + y.room(digit)) as i32,
            from.frac() as i32 + 2,
            gain + GUARD as i32,
        ];
        let product = product.into_iter().max()?;
        let shift = product - GUARD as i32 - gain;
        // x times the scale is below 2^(bound + guard) times 2^shift.
        if to.bound() as i32 + product - gain > 62 {
            return None;
        }
        let most = if newton { 30 } else { 24 };
        let frac = 62u32.checked_sub(to.bound() + GUARD)?.min(most);
        let first = 2 * (product - 1 - y.low() as i32);
        let label = product - 2 - from.frac() as i32;
        let places = Places {
            normal: y,
            digit,
            scales: vec![Scale::new(y, digit, first, -2, label as u32)?],
            terms: Vec::new(),
        };
        places.check().ok()?;
        Some(Self {
            x,
            to,
            places,
            mantissa: Mantissa::new(Power::Reciprocal, product as u32, frac, newton).ok()?,
            shift: shift as u32,
        })
    }

    /// What is normalised, and the domain of the denominator.
    #[must_use]
    pub fn normal(&self) -> Normal {
        self.places.normal
    }
    /// Format of the numerator.
    #[must_use]
    pub fn numerator(&self) -> Format {
        self.x
    }
    /// Format of the result.
    #[must_use]
    pub fn to(&self) -> Format {
        self.to
    }
    /// Bound on the relative error of a result, beside an eighth of a unit, before it is rounded.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.mantissa.error()
    }

    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        y: &E::Arith,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let format = engine.spec(x).format;
        if format.frac() != self.x.frac() || format.bound() > self.x.bound() {
            return Err(Error::FormatMismatch {
                op: "a quotient",
                left: format,
                right: self.x,
            });
        }
        let mode = inside(mode);
        only(together(
            engine,
            &[y],
            self.places.normal.from(),
            |engine, y| {
                let scale = only(self.places.run(engine, y)?)?;
                let reciprocal = self.mantissa.run(engine, y, &scale, mode)?;
                let scale = engine.mul_public(&scale, &[1], 2)?;
                let frac = self.to.frac() + GUARD;
                let numerator = Rescale {
                    shift: self.shift,
                    mode,
                    to: Format::z64(frac, self.to.bound() + GUARD)?,
                };
                let numerator = only(engine.mul(&[(x, &scale)], numerator)?)?;
                let quotient = Rescale {
                    shift: self.mantissa.frac() + GUARD,
                    mode,
                    to: self.to,
                };
                only(engine.mul(&[(&numerator, &reciprocal)], quotient)?)
            },
        )?)
    }
}

#[cfg(test)]
mod tests;
