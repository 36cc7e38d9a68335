//! Logarithms.
//!
//! `ln x = ln u + (e + 1) ln 2` with `x = u 2^(e+1)`, `1/2 <= u < 1` ([`Normal`]; Catrina and Saxena, Secure
//! computation with fixed-point numbers, FC 2010): a polynomial of degree 8 near `ln u` by three products. The second
//! term is a sum over weighed bits, added to the polynomial's last sum, so both are rounded as one. Nothing is
//! opened.

use core::f64::consts::LN_2;

use crate::Error;
use crate::engine::{Rescale, Truncation};
use crate::function::Normal;
use crate::function::minimax::Weight;
use crate::function::normal::octic::Octic;
use crate::function::normal::scaled::{FEWEST, MOST};
use crate::function::normal::{Places, Scale, Term};
use crate::function::real::{ln, pow2};
use crate::function::{inside, offset, together, walked};
use crate::layer::{Layers, only};
use crate::model::Format;

/// Fraction bits of the last sum, where the largest logarithm leaves so many.
const FRAC: u32 = 56;

/// The natural logarithm, as a polynomial near `ln u` plus `(e + 1) ln 2`, for `x = u 2^(e+1)` with `1/2 <= u < 1`
/// (Catrina and Saxena, FC 2010).
///
/// # Domain
/// All positive numbers, or those from `2^low` on. All below, 0 and negative ones too, have the logarithm of the
/// least one, within one ULP. With [`Normal::declared`] none is defined there.
///
/// # Error
/// Within one ULP of the correctly rounded logarithm, whatever the rounding; absolute, since logarithms near 1 have
/// no leading bits. Before the last rounding it is at most [`Log::error`], about 2^-22: that of the polynomial and
/// its two powers, 2^-22.3, and `2^(1-T)` where u is rounded to T bits; `(e + 1) ln 2` has 54 fraction bits or more,
/// which does not show. This is made to be less than 0.45 ULP, so results have up to 20 fraction bits. Less than one
/// ULP of rounding and half of one of the correctly rounded logarithm make less than two, and so at most one.
///
/// # Cost
/// That of [`Normal`] with q = 1, t = 1 and the products, as (operands, bits dropped): u (2, P - T) for P fraction
/// bits of x times its power of two, T at most 26; of the polynomial (1, 2 T - 24), (1, 24), (4, G - f) with G = 56,
/// less where logarithms have more than four whole bits, fraction bits of the last sum. In `rep3`, f = 16, numbers
/// below 2^10: 354 bytes and 19 rounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    to: Format,
    places: Places,
    poly: Octic,
    /// Fraction bits of x times its scale, and of u.
    product: u32,
    argument: u32,
    /// Logarithm of what bounds the results.
    bound: u32,
    error: f64,
}

impl Log {
    /// For positive numbers of `from`, as numbers of `to`; all others have the result of the least one.
    ///
    /// # Errors
    /// As [`Log::with`].
    pub fn new(from: Format, to: Format) -> Result<Self, Error> {
        Self::with(Normal::new(from)?, to)
    }

    /// On a domain of the caller's.
    ///
    /// # Errors
    /// [`Error::Range`] if `to` does not hold all results, [`Error::Unsupported`] if it has more fraction
    /// bits than the precision suffices for, about 20, or for numbers of both signs.
    pub fn with(normal: Normal, to: Format) -> Result<Self, Error> {
        if normal.is_signed() {
            return Err(Error::Unsupported {
                what: "logarithms of negative numbers",
            });
        }
        if to.width() != 64 || !crate::model::holds(to) {
            return Err(Error::Unheld { format: to });
        }
        let from = normal.from();
        let below = normal.low() as i32 - from.frac() as i32;
        let above = from.bound() as i32 - from.frac() as i32;
        let largest = f64::from(below.abs().max(above.abs()).max(1)) * LN_2;
        // |ln x| < 2^whole, and so are what it is rounded to and its error.
        let largest = largest + 2.0 * pow2(-(to.frac() as i32));
        let whole = (0..8).find(|w| pow2(*w) > largest).unwrap_or(8) as u32;
        let bound = to.frac() + whole;
        if bound > to.bound() {
            return Err(Error::Range {
                what: "a logarithm at an end of its domain",
                bound,
            });
        }
        for (digit, _) in normal.costs(1, 1) {
            let found = Self::candidate(normal, to, bound, whole, digit);
            // Near 1 the result has no leading bits: the error is absolute.
            let near = 0.45 * pow2(-(to.frac() as i32));
            if let Some(found) = found.filter(|f| f.error <= near && f.has_room()) {
                return Ok(found);
            }
        }
        Err(Error::Unsupported {
            what: "logarithms are not found with this precision in 64 bits",
        })
    }

    fn candidate(normal: Normal, to: Format, bound: u32, whole: u32, digit: u32) -> Option<Self> {
        let from = normal.from();
        let product = [
            FEWEST,
            from.bound(),
            normal.low() + normal.room(digit),
            from.frac() + 2,
        ];
        let product = product.into_iter().max()?;
        let argument = product.min(MOST);
        let frac = FRAC.min(60u32.checked_sub(whole)?);
        let poly = Octic::new(
            |z: f64| ln((3.0 + z) / 4.0),
            Weight::Absolute,
            argument - 2,
            frac,
        )
        .ok()?;
        let [outside, its_error] = poly.outside();
        let unit = pow2(frac as i32);
        let raw = |x: f64| (x * unit).round_ties_even() as i64;
        let from_one = |e: i32| f64::from(e - from.frac() as i32) * LN_2;
        let low = normal.low() as i32;
        let term = Term {
            first: raw(from_one(low + 1)),
            step: raw(LN_2),
            // For u = 0 the polynomial has a value of its own.
            outside: raw(from_one(low) - outside),
            format: Format::z64(frac, frac + whole + 1).ok()?,
        };
        let first = 2 * (product as i32 - 1 - low);
        let scale = Scale::new(normal, digit, first, -2, product - 2 - from.frac())?;
        let places = Places {
            normal,
            digit,
            scales: vec![scale],
            terms: vec![term],
        };
        places.check().ok()?;
        let rounded = if product > argument {
            2.0 * pow2(-(argument as i32))
        } else {
            0.0
        };
        let error =
            (poly.error() + rounded).max(if normal.is_declared() { 0.0 } else { its_error });
        Some(Self {
            to,
            places,
            poly,
            product,
            argument,
            bound,
            error,
        })
    }

    /// Whether no step exceeds 64 bits.
    fn has_room(&self) -> bool {
        let mode = Truncation::Stochastic;
        walked(self.normal().from(), |e, x| self.run(e, &[x], mode)).is_ok()
    }

    /// What is normalised, and the domain.
    #[must_use]
    pub fn normal(&self) -> Normal {
        self.places.normal
    }
    /// Format of the result.
    #[must_use]
    pub fn to(&self) -> Format {
        self.to
    }
    /// Bound on the error of a result, before it is rounded.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.error
    }

    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        xs: &[&E::Arith],
        mode: Truncation,
    ) -> Result<Vec<E::Arith>, Error> {
        let mode = inside(mode);
        let from = self.places.normal.from();
        together(engine, "log", xs, from, |engine, x| {
            let found = self.places.run(engine, x)?;
            let [scale, term] = found.as_slice() else {
                return Err(Error::Length {
                    what: "scales",
                    got: found.len(),
                    want: 2,
                });
            };
            let argument = Rescale {
                shift: self.product - self.argument,
                mode,
                to: Format::z64(self.argument - 2, self.argument + 1)?,
            };
            let u = only(engine.mul(&[(x, scale)], argument)?)?;
            let z = offset(engine, &u, -(3 << (self.argument - 2)))?;
            let to = self.to.with_bound(self.bound)?;
            let y = self.poly.run(engine, &z, Some(term), to, mode)?;
            engine.declare(y, self.to)
        })
    }
}

#[cfg(test)]
mod tests;
