//! Powers of positive numbers: of `x = u 2^(e+1)` the value of a polynomial near `u^h`, times `2^(h (e + 1))`.
//!
//! The polynomial is that of [`octic`](super::octic), in `z = 4 u - 3`; the scale comes from [`Places`], with what
//! the function is outside its domain as a summand. The product with the scale is the only rescaling to the result's
//! unit. Where more is asked for than the polynomial's 20 bits, a step of Newton's method follows it, in residual
//! form so that few bits are lost:
//!
//! * `1/u`: `y' = y + y (1 - u y)`, with `delta' = -delta^2` for a relative error delta;
//! * `u^(-1/2)`: `y' = y + y (1 - u y^2) / 2`, with `delta' = -3/2 delta^2 - 1/2 delta^3`.
//!
//! *Error*, relative and before the last rounding, `t` being the fraction bits of y, `T` those of u and d = 2h: the
//! polynomial's own and that of its two powers (measured when it is made); `|d| 2^-T` if u was rounded; `2^-t` over
//! the least value of y; and that of the weight by which the place enters, which is an integer, at worst half a unit
//! of it. A function is refused unless at each place these are less than 0.45 units of the result, or `2^-(bits + 1)`
//! of it where results have `2^(bits + 1)` units or more. The last rounding adds less than a unit and the correctly
//! rounded result is half a unit off, so in the first case the result is less than two units from that one: one at
//! most. In the second, for a result of `a 2^bits` units, it is less than `a/2 + 3/2` units from it, and whole
//! numbers below that are at most a, since `a >= 2`.
//!
//! *Cost*, beside what [`Normal`] says of one scale or two and, where the domain is not declared, of a summand: the
//! products of this list, operands and bits dropped, P being the fraction bits of `x` times its scale, T those of u
//! and F those of y:
//!
//! | product | operands | bits dropped |
//! |---|---|---|
//! | u | 2 | P - T |
//! | u as the polynomial takes it, if T > 26 (a rescaling) | 0 | T - 22 |
//! | v, w of the polynomial, for T or else 22 bits of u | 1, 1 | 2 T - 24, 24 |
//! | its last sum | 4 | 32 |
//! | Newton: `y^2`, of `u^(-1/2)` alone | 1 | 2 F - 30 |
//! | Newton: the residual, G = 30 bits of `y^2` or G = F of y | 2 | T + G - 32 |
//! | Newton: the sum, and 1 more for `u^(-1/2)` | 2 | what leaves F' of F + 32 bits |
//! | result | 2 | what leaves its fraction bits |

use super::octic::Octic;
use super::{Normal, Places, Scale, Term, half_power};
use crate::Error;
use crate::engine::{Dot, Rescale, Truncation};
use crate::function::minimax::Weight;
use crate::function::real::pow2;
use crate::function::{everywhere, finer, inside, offset, together, walked};
use crate::layer::{Layers, only};
use crate::model::Format;

/// Fewest and most fraction bits of the polynomial's argument u; one that has more is rounded to the former.
pub(crate) const FEWEST: u32 = 22;
pub(crate) const MOST: u32 = 26;
/// Most fraction bits of u where Newton's method is used, and of its result.
const WIDE: u32 = 30;
/// Fraction bits of the residual in Newton's method.
const RESIDUAL: u32 = 32;
/// Bits that a rescaling in rep3 may drop at the price of four bytes.
const SHIFT: u32 = 32;
/// Units of the result that may be wrong before it is rounded.
const UNITS: f64 = 0.45;
/// More bits than these are not found: the largest that are asked for.
pub(crate) const MOST_BITS: u32 = 64;

/// Which power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    Reciprocal,
    Rsqrt,
    Sqrt,
}

impl Power {
    /// Twice the exponent.
    fn halves(self) -> i32 {
        match self {
            Self::Reciprocal => -2,
            Self::Rsqrt => -1,
            Self::Sqrt => 1,
        }
    }
    fn name(self) -> &'static str {
        match self {
            Self::Reciprocal => "reciprocal",
            Self::Rsqrt => "rsqrt",
            Self::Sqrt => "sqrt",
        }
    }
    fn at(self, u: f64) -> f64 {
        match self {
            Self::Reciprocal => 1.0 / u,
            Self::Rsqrt => 1.0 / u.sqrt(),
            Self::Sqrt => u.sqrt(),
        }
    }
}

/// The near power of u in \[1/2, 1\].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mantissa {
    power: Power,
    /// Fraction bits of x times its scale.
    product: u32,
    /// Fraction bits of u.
    argument: u32,
    /// Fraction bits of u as the polynomial takes it.
    short: u32,
    poly: Octic,
    newton: bool,
    frac: u32,
    error: f64,
}

impl Mantissa {
    /// For u with `product` fraction bits before it is rounded, and a result with `frac`.
    pub(crate) fn new(power: Power, product: u32, frac: u32, newton: bool) -> Result<Self, Error> {
        let argument = match product {
            p if p <= if newton { WIDE } else { MOST } => p,
            _ if newton => WIDE,
            _ => FEWEST,
        };
        let short = if argument > MOST { FEWEST } else { argument };
        let coarse = frac.min(24);
        let map = |z: f64| power.at((3.0 + z) / 4.0);
        let poly = Octic::new(map, Weight::Relative, short - 2, coarse + SHIFT)?;
        let unit = |from: u32, to: u32| {
            if from > to { pow2(-(to as i32)) } else { 0.0 }
        };
        let halves = f64::from(power.halves().abs());
        let last = |frac: u32| 1.5 * pow2(-(frac as i32));
        let rounded = unit(product, argument) + unit(argument, short);
        let first = poly.error() + halves * rounded + last(coarse);
        let error = if newton {
            // A unit is lost of the residual, of y^2, which only a root takes, and of the result, 1 or more.
            let square = if power == Power::Rsqrt {
                pow2(-(WIDE as i32))
            } else {
                0.0
            };
            let lost = 1.5 * pow2(-(RESIDUAL as i32)) + square + pow2(-(frac as i32));
            2.0 * first * first + lost + halves * unit(product, argument)
        } else {
            first
        };
        Ok(Self {
            power,
            product,
            argument,
            short,
            poly,
            newton,
            frac,
            error,
        })
    }

    /// Fraction bits of the result.
    pub(crate) fn frac(&self) -> u32 {
        self.frac
    }
    /// Relative error of the result.
    pub(crate) fn error(&self) -> f64 {
        self.error
    }

    /// Its products: operands of each, none if it is a mere rescaling, and bits that are dropped.
    #[cfg(test)]
    pub(crate) fn products(&self) -> Vec<(u32, u32)> {
        let mut all = vec![(2, self.product - self.argument)];
        if self.short < self.argument {
            all.push((0, self.argument - self.short));
        }
        let coarse = self.poly.frac() - SHIFT;
        all.extend(self.poly.products(coarse));
        if self.newton {
            let (near, halved) = match self.power {
                Power::Rsqrt => (WIDE, 1),
                _ => (coarse, 0),
            };
            if near == WIDE && halved == 1 {
                all.push((1, 2 * coarse - WIDE));
            }
            all.push((2, self.argument + near - RESIDUAL));
            all.push((2, coarse + RESIDUAL + halved - self.frac));
        }
        all
    }

    /// Of x and of the scale that makes it `4 u`, both with the fraction bits that this has.
    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        scale: &E::Arith,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        // Rounded up, or for a negative power of two, u may be 1.
        let part = |from: u32, frac: u32| -> Result<Rescale, Error> {
            Ok(Rescale {
                shift: from - frac,
                mode,
                to: Format::z64(frac - 2, frac + 1)?,
            })
        };
        let u = only(engine.mul(&[(x, scale)], part(self.product, self.argument)?)?)?;
        let minus_three = -(3 << (self.short - 2));
        let z = if self.short < self.argument {
            let short = engine.rescale(&[&u], part(self.argument, self.short)?)?;
            offset(engine, &only(short)?, minus_three)?
        } else {
            offset(engine, &u, minus_three)?
        };
        let coarse = self.poly.frac() - SHIFT;
        let y = Format::z64(coarse, coarse + 4)?;
        let y = self.poly.run(engine, &z, None, y, mode)?;
        if self.newton {
            self.improved(engine, &u, &y, mode)
        } else {
            Ok(y)
        }
    }

    /// A step of Newton's method, from `4 u` and y.
    fn improved<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        u: &E::Arith,
        y: &E::Arith,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let u = engine.mul_public(u, &[-1], 2)?;
        let to = |from: u32, frac: u32, whole: u32| -> Result<Rescale, Error> {
            Ok(Rescale {
                shift: from - frac,
                mode,
                to: Format::z64(frac, frac + whole)?,
            })
        };
        let coarse = engine.spec(y).format.frac();
        // 1 - u y, or 1 - u y^2 and then half of it.
        let (square, halved) = match self.power {
            Power::Rsqrt => (
                Some(only(engine.mul(&[(y, y)], to(2 * coarse, WIDE, 4)?)?)?),
                1,
            ),
            _ => (None, 0),
        };
        let near = square.as_ref().unwrap_or(y);
        let frac = self.argument + engine.spec(near).format.frac();
        let one = everywhere(engine, y, 1 << frac, frac)?;
        let residual = Dot {
            products: vec![(&u, near)],
            plus: Some(&one),
        };
        let residual = only(engine.dot(&[residual], to(frac, RESIDUAL, 2)?)?)?;
        let residual = engine.mul_public(&residual, &[1], halved)?;
        let whole = finer(engine, y, RESIDUAL + halved)?;
        let sum = Dot {
            products: vec![(y, &residual)],
            plus: Some(&whole),
        };
        let last = to(coarse + RESIDUAL + halved, self.frac, 5)?;
        only(engine.dot(&[sum], last)?)
    }
}

/// A power of numbers of a format, as numbers of another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scaled {
    power: Power,
    to: Format,
    places: Places,
    mantissa: Mantissa,
    /// Bits that are dropped last.
    shift: u32,
    /// Logarithm of what bounds the results.
    bound: u32,
}

/// Twice the logarithm of `2^(h (e + 1))` in units of the result, h the exponent, at the lowest place.
fn first(power: Power, normal: Normal, to: Format) -> i32 {
    let [from, to] = [normal.from(), to].map(|f| f.frac() as i32);
    2 * to + power.halves() * (normal.low() as i32 + 1 - from)
}

/// All results are below 2 to the power of this.
fn bound(power: Power, normal: Normal, to: Format) -> u32 {
    let first = first(power, normal, to);
    let halves = match power {
        Power::Reciprocal => first + 2,
        Power::Rsqrt => first + 1,
        Power::Sqrt => first + normal.places() as i32 - 1,
    };
    (halves.div_euclid(2) + 1).max(1) as u32
}

impl Scaled {
    /// The lowest end of the domain for which results fit.
    pub(crate) fn widest(power: Power, from: Format, to: Format) -> Result<Normal, Error> {
        let normal = Normal::new(from)?;
        let mut low = 0;
        while bound(power, normal.above(low)?, to) > to.bound() {
            low += 1;
        }
        normal.above(low)
    }

    /// Within one unit of the result or `2^-bits` of it.
    pub(crate) fn new(power: Power, normal: Normal, to: Format, bits: u32) -> Result<Self, Error> {
        let bits = bits.min(MOST_BITS);
        if to.width() != 64 || !crate::model::holds(to) {
            return Err(Error::Unheld { format: to });
        }
        let bound = bound(power, normal, to);
        if bound > to.bound() {
            return Err(Error::Range {
                what: "a function at the lower end of its domain",
                bound,
            });
        }
        let scales = if power == Power::Reciprocal { 1 } else { 2 };
        let terms = usize::from(!normal.is_declared() && power != Power::Sqrt);
        let newton: &[bool] = match power {
            Power::Sqrt => &[false],
            _ => &[false, true],
        };
        for newton in newton {
            for (digit, _) in normal.costs(scales, terms) {
                // What the product with the scale leaves of 62 bits is for both.
                let fracs: &[u32] = match (newton, digit) {
                    (true, _) => &[WIDE, WIDE - 2, WIDE - 4],
                    (false, 0) => &[24],
                    (false, _) => &[24, FEWEST],
                };
                for frac in fracs {
                    let form = (digit, *frac, *newton);
                    let found = Self::candidate(power, normal, to, bound, form);
                    if let Some(found) = found.filter(|f| f.is_near(bits) && f.has_room()) {
                        return Ok(found);
                    }
                }
            }
        }
        Err(Error::Unsupported {
            what: "results of this range are not found with this precision in 64 bits",
        })
    }

    fn candidate(
        power: Power,
        normal: Normal,
        to: Format,
        bound: u32,
        (digit, frac, newton): (u32, u32, bool),
    ) -> Option<Self> {
        let from = normal.from();
        let fracs = from.frac() + to.frac();
        let product = [
            FEWEST,
            from.bound(),
            normal.low() + normal.room(digit),
            from.frac() + 2,
        ];
        let mut product = product.into_iter().max()?;
        let room = 62u32.checked_sub(bound + u32::from(normal.is_signed()))?;
        let scale = |product: u32| {
            let first = 2 * (product as i32 - 1 - normal.low() as i32);
            Scale::new(normal, digit, first, -2, product - 2 - from.frac())
        };
        let (scales, shift, frac) = match power {
            Power::Reciprocal => {
                // The scale of the argument is that of the result.
                product = product.max(fracs.saturating_sub(FEWEST));
                let frac = (room + fracs).checked_sub(product)?.min(frac);
                let shift = (product + frac).checked_sub(fracs)?;
                (vec![scale(product)?], shift, frac)
            }
            Power::Rsqrt | Power::Sqrt => {
                let shift = match (newton, digit) {
                    (false, 0) => room.min(SHIFT),
                    _ => room,
                };
                let first = first(power, normal, to) + 2 * (shift as i32 - frac as i32);
                let label = (to.frac() + shift).checked_sub(frac)?;
                let of_result = Scale::new(normal, digit, first, power.halves(), label)?;
                (vec![scale(product)?, of_result], shift, frac)
            }
        };
        let mut terms = Vec::new();
        if !normal.is_declared() && power != Power::Sqrt {
            let halves = first(power, normal, to) - power.halves();
            let value = half_power(halves).round_ties_even() as i64;
            terms.push(Term {
                first: 0,
                step: 0,
                outside: value << shift,
                format: Format::z64(to.frac() + shift, bound + shift).ok()?,
            });
        }
        let places = Places {
            normal,
            digit,
            scales,
            terms,
        };
        places.check().ok()?;
        Some(Self {
            power,
            to,
            places,
            mantissa: Mantissa::new(power, product, frac, newton).ok()?,
            shift,
            bound,
        })
    }

    /// Whether at each place the error is small enough, as the page says.
    fn is_near(&self, bits: u32) -> bool {
        let power = self.power;
        let normal = self.places.normal;
        let first = first(power, normal, self.to);
        let [least, most] = [f64::min, f64::max].map(|f| f(power.at(0.5), 1.0));
        (0..normal.places()).all(|p| {
            let value = half_power(first + power.halves() * p as i32);
            let relative = self.relative(p);
            let many = least * value >= pow2(bits as i32 + 1);
            many && relative <= pow2(-(bits as i32 + 1)) || relative * most * value <= UNITS
        })
    }

    /// Whether no step exceeds 64 bits.
    fn has_room(&self) -> bool {
        let mode = Truncation::Stochastic;
        walked(self.normal().from(), |e, x| self.run(e, &[x], mode)).is_ok()
    }

    /// The relative error at a place.
    fn relative(&self, place: u32) -> f64 {
        let scale = self.places.scales.last();
        let scale = scale.map_or(0.0, |s| s.error(place as usize));
        (1.0 + self.mantissa.error()) * (1.0 + scale) - 1.0
    }

    /// Largest relative error at those places where results are of `2^bits` units or more.
    pub(crate) fn error(&self, bits: u32) -> f64 {
        let normal = self.places.normal;
        let first = first(self.power, normal, self.to);
        (0..normal.places())
            .filter(|p| first + self.power.halves() * *p as i32 >= 2 * bits.min(MOST_BITS) as i32)
            .map(|p| self.relative(p))
            .fold(self.mantissa.error(), f64::max)
    }

    pub(crate) fn normal(&self) -> Normal {
        self.places.normal
    }
    pub(crate) fn to(&self) -> Format {
        self.to
    }

    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        xs: &[&E::Arith],
        mode: Truncation,
    ) -> Result<Vec<E::Arith>, Error> {
        let from = self.normal().from();
        together(engine, self.power.name(), xs, from, |engine, x| {
            self.one(engine, x, inside(mode))
        })
    }

    fn one<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let mut found = self.places.run(engine, x)?.into_iter();
        let missing = Error::Length {
            what: "scales",
            got: 0,
            want: 1,
        };
        let Some(scale) = found.next() else {
            return Err(missing);
        };
        let y = self.mantissa.run(engine, x, &scale, mode)?;
        let scale = match self.power {
            Power::Reciprocal => engine.mul_public(&scale, &[1], 2)?,
            Power::Rsqrt | Power::Sqrt => found.next().ok_or(missing)?,
        };
        let outside = found.next();
        let sum = Dot {
            products: vec![(&y, &scale)],
            plus: outside.as_ref(),
        };
        let rescale = Rescale {
            shift: self.shift,
            mode,
            to: self.to.with_bound(self.bound)?,
        };
        let result = only(engine.dot(&[sum], rescale)?)?;
        engine.declare(result, self.to)
    }
}

#[cfg(test)]
mod tests;
