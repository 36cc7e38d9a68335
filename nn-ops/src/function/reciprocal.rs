//! Reciprocals and quotients.
//!
//! `x = u 2^(e+1)` with `1/2 <= u < 1` ([`Normal`]; Catrina and Saxena, Secure computation with fixed-point numbers,
//! FC 2010), a polynomial of degree 8 near `1/u` by three products, and its product with `2^(-e-1)`; on demand a step
//! of Newton's method. The power of two that makes x to u is the same, so it is found once. A quotient is the product
//! of the reciprocal of u with `x 2^(-e-1)`, which keeps four bits more than the quotient. Nothing is opened.

use crate::Error;
use crate::engine::{Rescale, Spec, Truncation};
use crate::function::Normal;
use crate::function::normal::scaled::{FEWEST, MOST_BITS, Mantissa, Power, Scaled};
use crate::function::normal::{Places, Scale};
use crate::function::real::pow2;
use crate::function::{check_from, inside, together, walked};
use crate::layer::{Layers, only};
use crate::model::Format;

/// Bits to which results are found unless more are asked for.
pub(crate) const PRECISION: u32 = 16;
/// Fraction bits of a numerator beyond those of the quotient.
const GUARD: u32 = 4;

/// `1 / x`, as `2^(-e-1)` times a polynomial near `1/u`, for `x = u 2^(e+1)` with `1/2 <= u < 1` (Catrina and Saxena,
/// FC 2010).
///
/// # Domain
/// Numbers from `2^low` on, raw ([`Normal::domain`]). All below, 0 and negative ones too, have the reciprocal of
/// `2^low`. With both signs ([`Normal::signed`]) that holds of the absolute value, with the sign of x, 0 being
/// positive. With [`Normal::declared`] no result is defined below the domain.
///
/// # Error
/// Within max(1 ULP, `2^-bits` of the result) of the correctly rounded result, 16 bits if nothing is said, whatever
/// the rounding. Before the last rounding the relative error is at most [`Reciprocal::error`], about 2^-20 unless
/// more is asked for: that of the polynomial, 2^-21.7; `2^(1-T)` where u is rounded to T bits; `2^-F` of its
/// reciprocal with F bits. A step of Newton's method squares what was there before it. This is made to be less than
/// 0.45 ULP, or less than `2^-(bits+1)` of results of `2^(bits+1)` ULP or more, so that with less than one ULP of
/// rounding, and half of one of the correctly rounded result, the bound holds.
///
/// # Cost
/// That of [`Normal`] with q = 1, t = 1 (0 if declared) and the products, as (operands, bits dropped): u (2, P - T)
/// for P fraction bits of x times its power of two; of the polynomial (1, 2 T - 24), (1, 24), (4, 32); the result (2,
/// s). A step of Newton's method has two more and, if T > 26, a rescaling. In `rep3`, f = 16, from 2^-10 to 2^10: 350
/// bytes and 20 rounds, 399 and 21 with both signs.
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
    /// # Errors
    /// [`Error::Range`] if `to` does not hold the result at the lower end of the domain,
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
        self.0.run(engine, xs, mode)
    }
}

/// `x / y`, as `x 2^(-e-1)` times a polynomial near `1/u`, for `y = u 2^(e+1)` with `1/2 <= u < 1` (Catrina and
/// Saxena, FC 2010).
///
/// # Domain
/// Denominators from `2^low` on, raw ([`Normal::domain`]). A quotient by one that is below is 0, as no other number
/// fits every result format; and one by `-2^low`, if both signs are in the domain and low is not 0. With
/// [`Normal::declared`] none is defined below the domain.
///
/// By the result's format the caller declares how large quotients are, as for every product of secrets: `|x / y|` and
/// its error stay below its bound. Nothing saturates there. For a pair that breaks this the oracle reports an
/// overflow, naming the layer; the engines, which do not compare, give a number that has nothing to do with the
/// quotient.
///
/// # Error
/// Within max(1 ULP, `2^-bits` of the quotient) of the correctly rounded one, 16 bits if nothing is said, whatever
/// the rounding. Before the last rounding it is off by [`Division::error`] of itself, about 2^-20 unless more is
/// asked for (the errors of [`Reciprocal`] before its last product), and by 1/8 ULP: the numerator has four bits more
/// and is less than one unit off, and `1/u <= 2`. The former is made to be less than `0.18 2^-bits`. So a quotient of
/// `a 2^bits` ULP is less than `0.18 a + 1/8 + 3/2` from the correctly rounded one: less than 2 for a < 2, and whole
/// numbers below it are at most a from there on.
///
/// # Cost
/// That of [`Normal`] with q = 1, t = 0 and the products, as (operands, bits dropped): u (2, P - T) for P fraction
/// bits of y times its power of two; of the polynomial (1, 2 T - 24), (1, 24), (4, 32); the numerator (2, P - 4 - g),
/// where quotients are `x / y` times `2^g` in raw numbers; the quotient (2, F + 4) for F bits of `1/u`. A step of
/// Newton's method has two more and, if T > 26, a rescaling. In `rep3`, f = 16, from 2^-10 to 2^10: 361 bytes and 22
/// rounds.
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
                // The page says why.
                let near = 0.18 * pow2(-(bits.min(MOST_BITS) as i32));
                let fits = |f: &Self| f.mantissa.error() <= near && f.has_room();
                if let Some(found) = found.filter(fits) {
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

    /// Whether no step exceeds 64 bits.
    fn has_room(&self) -> bool {
        walked(self.places.normal.from(), |e, y| {
            let x = Spec {
                shape: y.shape.clone(),
                format: self.x,
            };
            self.run(e, &x, y, Truncation::Stochastic)
        })
        .is_ok()
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
        check_from("divide", engine.spec(x).format, self.x)?;
        let mode = inside(mode);
        let from = self.places.normal.from();
        only(together(engine, "divide", &[y], from, |engine, y| {
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
        })?)
    }
}

#[cfg(test)]
mod tests;
