//! Polynomials with public coefficients.
//!
//! A polynomial on `[low, high]` is a sum of Chebyshev's polynomials of `u = (x - middle) / half` in [-1, 1], so no
//! power is large and no coefficient cancels another: what rounding does to `T_k` counts times a coefficient that
//! is small where k is large. The multiples of public numbers are free, only products of values cost, and a sum of
//! products is rescaled once, so it is evaluated as Paterson and Stockmeyer do (SIAM J. Comput. 2, 1973). In this
//! basis, from
//! `T_(m+n) = 2 T_m T_n - T_(m-n)` come `T_2 .. T_s` and `T_2s, T_4s ..` with one product each, and
//!
//! `sum c_k T_k = T_g Q + R`, `Q = sum 2 c_(g+j) T_j`, `R = c_g T_g + sum (c_(g-j) - c_(g+j)) T_(g-j)`,
//!
//! where a Q of degree up to s is a linear combination, R is added to the same sum, and both are split in turn. The
//! products by degree: up to 4: 2, 6: 3, 9: 4, 12: 5, 16: 6, 24: 8, and more where Q has to be rescaled for its
//! products to fit.
//!
//! *Precision.* Every value has F fraction bits, every coefficient in a factor a few more. A product of values with
//! errors e and e' is wrong by `|a| e' + |b| e`, and one unit more after its truncation, whichever that is;
//! coefficients by what they were rounded. These sums are taken when the polynomial is made, for every s, F and
//! number of bits that keeps each sum of products below 2^62, and the cheapest choice that meets the accuracy asked
//! for is taken.
//!
//! *Cost* for each element: in `rep3` under stochastic truncation a product is 27, 30, 36 or 48 bytes as up to 8,
//! 16, 32 or more bits are dropped, and 2 rounds for each of about `log2 d` levels, which [`Polynomial::products`]
//! and [`Polynomial::levels`] count.

mod scheme;

use super::minimax::{self, Approximation, MAX_DEGREE, Weight};
use super::real::{horner, pow2};
use super::{everywhere, offset};
use crate::Error;
use crate::engine::{Dot, Engine, Rescale, Truncation};
use crate::layer::only;
use crate::model::Format;
use scheme::{Combination, Scheme, Sum, Wanted, bound, combined};

/// Most error by rounding inside, in units of the result's last place, where the coefficients are given.
const ROUNDING: f64 = 0.3;

/// A polynomial, made for a range of its argument and a format of its result.
#[derive(Debug, Clone, PartialEq)]
pub struct Polynomial {
    from: Format,
    to: Format,
    /// The range, raw.
    range: [i64; 2],
    middle: i64,
    /// `u = factor (x - middle)`, raw, with the fraction bits of the scheme's variable.
    factor: i64,
    /// By Chebyshev's polynomials of u.
    coefficients: Vec<f64>,
    scheme: Scheme,
    error: f64,
    rounding: f64,
}

/// The variable: `u = factor (x - middle)` has `frac` fraction bits and lies in [-1, 1].
struct Variable {
    middle: i64,
    factor: i64,
    frac: u32,
    /// The x for which u is -1 and 1.
    ends: [f64; 2],
}

impl Variable {
    fn new([low, high]: [i64; 2], from: Format) -> Result<Self, Error> {
        let most = low.unsigned_abs().max(high.unsigned_abs());
        if high <= low || most >= 1 << 50 {
            return Err(Error::Range {
                what: "the range of a polynomial",
                bound: u64::BITS - most.leading_zeros(),
            });
        }
        let middle = low + (high - low) / 2;
        let half = (high - middle).max(middle - low);
        // The least 2^m for which floor(2^m / half) loses no more than 1 part in 40.
        let fits = |m: &u32| {
            let c = (1i64 << m) / half;
            c > 0 && c * half * 40 >= (1i64 << m) * 39
        };
        let m = (0..=58).find(fits).unwrap_or(58);
        let finer = from.frac().saturating_sub(m);
        let (m, factor) = (m + finer, ((1i64 << m) / half) << finer);
        let reach = pow2(m as i32) / factor as f64;
        let unit = pow2(-(from.frac() as i32));
        Ok(Self {
            middle,
            factor,
            frac: m,
            ends: [-reach, reach].map(|r| (middle as f64 + r) * unit),
        })
    }
}

impl Polynomial {
    /// The cheapest polynomial that is within `tolerance` units of the last place of `to` of a continuous function,
    /// rounding inside included, for `x` of `from` between the raw numbers of `range`. The result itself is rounded
    /// once more.
    ///
    /// The function is asked for values a little (1 part in 40) beyond the range as well.
    pub fn near(
        f: impl Fn(f64) -> f64,
        range: [i64; 2],
        tolerance: f64,
        from: Format,
        to: Format,
    ) -> Result<Self, Error> {
        let unit = pow2(-(to.frac() as i32));
        let [low, high] = Variable::new(range, from)?.ends;
        let at = |degree: usize| minimax::chebyshev(&f, low, high, degree, Weight::Absolute);
        // At most so much of the tolerance goes to the approximation.
        let enough = |a: &Approximation| a.error <= 0.7 * tolerance * unit;
        if !enough(&at(MAX_DEGREE)) {
            return Err(Error::Unsupported {
                what: "no polynomial of degree 32 or less is near enough to the function",
            });
        }
        // The least degree that will do, by halving; one more leaves more to rounding.
        let (mut little, mut much) = (0, MAX_DEGREE);
        while little < much {
            let middle = (little + much) / 2;
            if enough(&at(middle)) {
                much = middle;
            } else {
                little = middle + 1;
            }
        }
        let of = |degree: usize| Self::chebyshev(&at(degree), tolerance, range, from, to);
        match (of(much), of(much + 1)) {
            (Ok(a), Ok(b)) if b.scheme.bytes < a.scheme.bytes => Ok(b),
            (Err(_), b) => b,
            (a, _) => a,
        }
    }

    /// The polynomial with these coefficients by ascending power of x, up to degree 32, for `x` of `from` between
    /// the raw numbers of `range`.
    pub fn new(
        coefficients: &[f64],
        range: [i64; 2],
        from: Format,
        to: Format,
    ) -> Result<Self, Error> {
        if coefficients.len() > MAX_DEGREE + 1 {
            return Err(Error::Length {
                what: "coefficients",
                got: coefficients.len(),
                want: MAX_DEGREE + 1,
            });
        }
        let [low, high] = Variable::new(range, from)?.ends;
        let degree = coefficients.len().saturating_sub(1);
        let f = |x: f64| horner(coefficients, x);
        // A polynomial is its own best approximation.
        let same = minimax::chebyshev(f, low, high, degree, Weight::Absolute);
        let unit = pow2(-(to.frac() as i32));
        Self::chebyshev(&same, same.error / unit + ROUNDING, range, from, to)
    }

    /// With what `tolerance` leaves of the error for rounding.
    fn chebyshev(
        found: &Approximation,
        tolerance: f64,
        range: [i64; 2],
        from: Format,
        to: Format,
    ) -> Result<Self, Error> {
        let ulps = pow2(to.frac() as i32);
        let Variable {
            middle,
            factor,
            frac,
            ..
        } = Variable::new(range, from)?;
        let wanted = Wanted {
            variable: frac,
            frac: to.frac(),
            error: tolerance - found.error * ulps,
        };
        let unfit = Error::Unsupported {
            what: "64 bits do not hold the products of a polynomial in this format and range",
        };
        let sound = from.width() == 64 && to.width() == 64 && found.error.is_finite();
        let Some(scheme) = sound
            .then(|| scheme::cheapest(&found.coefficients, &wanted))
            .flatten()
        else {
            return Err(unfit);
        };
        let last = scheme.nodes.last().map_or(0, scheme::Node::bound);
        if last > to.bound() {
            return Err(Error::Range {
                what: "a polynomial",
                bound: last,
            });
        }
        // u may have more fraction bits than the range asks for.
        let finer = scheme.nodes.first().map_or(0, |u| u.frac - frac);
        Ok(Self {
            from,
            to,
            range,
            middle,
            factor: factor << finer,
            coefficients: found.coefficients.clone(),
            error: (found.error + scheme.error) * ulps,
            rounding: scheme.error * ulps,
            scheme,
        })
    }

    /// The range of the argument, raw. Outside it the result is undefined.
    #[must_use]
    pub fn range(&self) -> [i64; 2] {
        self.range
    }
    /// Its degree.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.coefficients.len().saturating_sub(1)
    }
    /// Its real value at a raw number of the range.
    #[must_use]
    pub fn at(&self, x: i64) -> f64 {
        let frac = self.scheme.nodes.first().map_or(0, |u| u.frac);
        let centred = x.saturating_sub(self.middle) as f64;
        let u = centred * self.factor as f64 * pow2(-(frac as i32));
        minimax::clenshaw(&self.coefficients, u)
    }
    /// Largest distance from the function, before the result is rounded, in units of its last place.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.error
    }
    /// As much of [`Polynomial::error`] as rounding inside accounts for.
    pub(super) fn rounding(&self) -> f64 {
        self.rounding
    }
    /// Products and rescalings, for each element.
    #[must_use]
    pub fn products(&self) -> usize {
        self.scheme.nodes.len() - 1
    }
    /// Steps one after the other.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.scheme.levels.len()
    }
    /// Bytes for each element in `rep3` under stochastic truncation.
    #[must_use]
    pub fn rep3_bytes(&self) -> u32 {
        self.scheme.bytes
    }

    /// The polynomial of every element, in common rounds.
    pub fn run<E: Engine + ?Sized>(
        &self,
        engine: &mut E,
        xs: &[&E::Arith],
        mode: Truncation,
    ) -> Result<Vec<E::Arith>, Error> {
        let mut nodes = Vec::with_capacity(xs.len());
        for x in xs {
            nodes.push(vec![self.variable(engine, x)?]);
        }
        let count = self.scheme.levels.len();
        for (at, level) in self.scheme.levels.iter().enumerate() {
            let last = at + 1 == count;
            let first = nodes.first().map_or(0, Vec::len);
            let formats = level.sums.iter().zip(first..).map(|(_, k)| self.format(k));
            let formats = formats.collect::<Result<Vec<_>, _>>()?;
            let widest = formats.iter().copied().max_by_key(|f| f.bound());
            let to = match (last, widest) {
                (true, _) | (_, None) => self.to,
                (false, Some(f)) => f,
            };
            let rescale = Rescale {
                shift: level.frac.saturating_sub(to.frac()),
                mode: match mode {
                    Truncation::Local => Truncation::Stochastic,
                    mode => mode,
                },
                to,
            };
            let mut made = self
                .level(engine, &nodes, &level.sums, rescale)?
                .into_iter();
            for values in &mut nodes {
                for format in &formats {
                    let value = made.next().ok_or(Error::Ownership("a sum is missing"))?;
                    let format = if last { self.to } else { *format };
                    values.push(engine.declare(value, format)?);
                }
            }
        }
        nodes
            .into_iter()
            .map(|mut values| only(values.split_off(values.len() - 1)))
            .collect()
    }

    /// `(x - middle) / half`
    fn variable<E: Engine + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
    ) -> Result<E::Arith, Error> {
        let format = engine.spec(x).format;
        if format.frac() != self.from.frac() || format.width() != 64 {
            return Err(Error::FormatMismatch {
                op: "polynomial",
                left: format,
                right: self.from,
            });
        }
        let [low, high] = self.range;
        let half = (high - self.middle).max(self.middle - low).unsigned_abs();
        let centred = offset(engine, x, -self.middle)?;
        let bits = (u64::BITS - half.leading_zeros()).max(1);
        let centred = engine.declare(centred, format.with_bound(bits)?)?;
        let u = self.format(0)?;
        let u = engine.mul_public(&centred, &[self.factor], u.frac() - format.frac());
        engine.declare(u?, self.format(0)?)
    }

    fn format(&self, node: usize) -> Result<Format, Error> {
        let node = self.scheme.nodes.get(node);
        let node = node.ok_or(Error::Ownership("a value is missing"))?;
        Ok(Format::z64(node.frac, node.bound())?)
    }

    /// The sums of one level, of every operand in turn.
    fn level<E: Engine + ?Sized>(
        &self,
        engine: &mut E,
        nodes: &[Vec<E::Arith>],
        sums: &[Sum],
        rescale: Rescale,
    ) -> Result<Vec<E::Arith>, Error> {
        let frac = rescale.to.frac() + rescale.shift;
        // The factors of each sum, and what is added.
        let mut operands = Vec::with_capacity(nodes.len() * sums.len());
        for values in nodes {
            for sum in sums {
                let mut factors = Vec::with_capacity(sum.products.len());
                for (node, factor) in &sum.products {
                    let left = value(values, *node)?;
                    let scale = frac.saturating_sub(engine.spec(left).format.frac());
                    factors.push(self.combine(engine, values, factor, scale)?);
                }
                let plus = self.combine(engine, values, &sum.plus, frac)?;
                operands.push((values, sum, factors, plus));
            }
        }
        if sums.iter().all(|s| s.products.is_empty()) {
            let all: Vec<_> = operands.iter().map(|(.., plus)| plus).collect();
            return engine.rescale(&all, rescale);
        }
        let mut dots = Vec::with_capacity(operands.len());
        for (values, sum, factors, plus) in &operands {
            let mut products = Vec::with_capacity(factors.len());
            for ((node, _), factor) in sum.products.iter().zip(factors) {
                products.push((value(values, *node)?, factor));
            }
            dots.push(Dot {
                products,
                plus: Some(plus),
            });
        }
        engine.dot(&dots, rescale)
    }

    /// A linear combination with `frac` fraction bits, its coefficients rounded.
    fn combine<E: Engine + ?Sized>(
        &self,
        engine: &mut E,
        values: &[E::Arith],
        sum: &Combination,
        frac: u32,
    ) -> Result<E::Arith, Error> {
        let raw = |v: f64, frac: u32| (v * pow2(frac as i32)).round_ties_even() as i64;
        let bound = bound(combined(&self.scheme.nodes, sum, frac).0, frac);
        let constant = raw(sum.constant, frac);
        if sum.terms.is_empty() {
            return everywhere(engine, value(values, 0)?, constant, frac);
        }
        let mut terms = Vec::with_capacity(sum.terms.len());
        for (node, factor) in &sum.terms {
            let v = value(values, *node)?;
            let more = frac.saturating_sub(engine.spec(v).format.frac());
            terms.push((v, raw(*factor, more)));
        }
        engine.combine(&terms, constant, Format::z64(frac, bound)?)
    }
}

fn value<A>(values: &[A], node: usize) -> Result<&A, Error> {
    values
        .get(node)
        .ok_or(Error::Ownership("a value is missing"))
}

#[cfg(test)]
mod tests;
