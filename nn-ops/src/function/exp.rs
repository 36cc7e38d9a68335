//! Exponentials.
//!
//! *Reduction.* `e^x = 2^y` with `y = x log2 e`, and log2 e rounded to k fraction bits, so many that its error does
//! not show; y is not truncated. x is clamped only where its declared format reaches out of the domain.
//!
//! *By the engine's own power* ([`Layers::power`]), where it has one and the rounding may depend on masks: the masked
//! exponent, whose argument and error are in the engines' `power`. A step of H words, which are looked up by the high
//! bits of y, and one truncation; no polynomial.
//!
//! *By bits and a polynomial*, for every engine and every rounding (Keller, Sun, arXiv 2107.00501, split 2^y the same
//! way): the whole part of y by its bits, their unit vector, which weighed by powers of two is `2^floor(y)` and by
//! multiples is `floor(y)`; the fraction in a minimax polynomial of odd degree d, taken in pairs of coefficients by
//! Horner's scheme in the square; one last product.
//!
//! *Error*, p the precision, 16 if nothing is said: **at most max(1 ULP, 2^-p of the result)** from the correctly
//! rounded value, over the whole domain, whatever the rounding. Before the last rounding the result is off by at most
//! 1/8 ULP and 2^-(p + 2.5) of itself: of which log2 e has 2^-(p + 4) at most; the power 2^-(p + 4) + 2^-29.5 and p
//! <= 24; or the polynomial 2^-(p + 5) and its truncations 2^-(p + 4.5), with p + 6 bits behind the point, p + 5
//! after the last. Being off by less than 1/2 ULP, either neighbour of it is at most 1 ULP from the correctly rounded
//! one; being off by more, the result has more than 2^(p + 1) units, and error and rounding stay below 2^-p of it.
//!
//! *Domain*: up to where the result reaches the bound of its format, or 2^(52 - p) units, whichever is less; above,
//! the result saturates there. Down to half a unit of the result, and below, the result is 0 or one unit.
//!
//! *Cost*: on the page of [`Exp`].

mod generic;

use generic::Polynomial;

use super::real;
use super::{check_from, inside, offset, together, walked};
use crate::Error;
use crate::engine::{Power, Spec, Truncation, check_format, check_power};
use crate::layer::Layers;
use crate::model::{Format, Shape};

/// Right bits of a result if nothing is said: relative error 2^-16.
const PRECISION: u32 = 16;

/// What a clamp of the lower end may cost, in bytes and in bytes for its rounds, before a longer power is better.
const CLAMP: usize = 64;

/// `e` or 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Base {
    Natural,
    Two,
}

/// `e^x` or `2^x`, by the engine's own power of two where it has one and rounding may depend on masks, otherwise by
/// bits and a polynomial (Keller and Sun, arXiv 2107.00501).
///
/// # Domain
/// Up to where the result reaches the bound of its format, or `2^(52 - p)` units for p bits of precision, whichever
/// is less; above, the result is that of the upper end. Down to half a unit of the result; below, the result is 0 or
/// one unit.
///
/// # Error
/// Within max(1 ULP, `2^-p` of the result) of the correctly rounded one, p = 16 if nothing is said, whatever the
/// rounding. Before the last rounding it is off by at most 1/8 ULP and `2^-(p + 2.5)` of itself: `2^-(p + 4)` are
/// those of log2 e, which is rounded; the rest that of [`Power`], or of the polynomial and its truncations. Where
/// this is less than 1/2 ULP, either neighbour is at most one ULP from the correctly rounded result; where it is
/// more, the result has more than `2^(p + 1)` units, and it and both roundings stay below `2^-p` of it.
///
/// # Cost
/// Bits of each element of k = 64 bits, over all parties of `rep3`, and opened by each party to each other one in
/// `semi2k`; and rounds. Arguments of bound b are clamped at [`Exp::clamps`] ends, both in the same rounds; the
/// engine's power takes H = [`Power::words`] words and drops s = [`Power::shift`] bits:
///
/// | step, rounded stochastically | `rep3` | `semi2k` | rounds |
/// |---|---|---|---|
/// | each clamp, a ReLU | 1 + carry(b + 1) + 4 k | k + 1 + opened(b + 1) | see the engine's page |
/// | power | k H + 3 k + 3 \[s\] | 2 k | 2 |
///
/// with one round more in `rep3` for what comes first. H and s are chosen for fewest bytes; a longer power may be
/// cheaper than a clamp. With 16 bits behind the point, in `rep3`:
///
/// | x | result | H | s | clamps | bytes | rounds |
/// |---|---|---|---|---|---|---|
/// | -16 .. 0 | at most 1 | 4 | 37 | 0 | 80 | 3 |
/// | -32 .. 0 | at most 1 | 4 | 37 | 0 | 80 | 3 |
/// | any, at most 0 | at most 1 | 4 | 29 | 1 | 122 | 7 |
/// | -16 .. 16 | below 2^14 | 8 | 29 | 1 | 146 | 7 |
/// | any | below 2^14 | 8 | 29 | 2 | 208 | 7 |
///
/// Where rounding is exact or to nearest, and in an engine without a power of its own: after the clamps, with m whole
/// bits and n whole values of the exponent, a polynomial of degree d and q = p + 6 bits, and the engine's cost of
/// products of a operands that drop so many bits,
///
/// | step | cost |
/// |---|---|
/// | the exponent to q bits | a rescaling, by what leaves q bits |
/// | its whole part | bits q..q + m |
/// | its unit vector | `2^m - m - 1` conjunctions in `ceil(log2 m)` rounds |
/// | `2^floor(x)` and `floor(x)` | n weighed bits, 2 sums |
/// | the fraction's square | a = 1, q bits |
/// | the polynomial | a rescaling by q, and (d - 1) / 2 sums of a = 2, q bits, q + 1 the last |
/// | the result | a = 2, q + 2 bits |
#[derive(Debug, Clone, PartialEq)]
pub struct Exp {
    base: Base,
    from: Format,
    to: Format,
    precision: u32,
    /// Largest argument that is declared, raw.
    most: i64,
    /// Where arguments are clamped, raw.
    low: Option<i64>,
    high: Option<i64>,
    /// Ends of the domain, raw.
    ends: [i64; 2],
    power: Power,
    polynomial: Polynomial,
}

impl Exp {
    /// `e^x`.
    ///
    /// # Errors
    /// If a format has not 64 bits or leaves no room.
    pub fn natural(from: Format, to: Format) -> Result<Self, Error> {
        Self::derive(Base::Natural, from, to, PRECISION, None)
    }

    /// `2^x`.
    ///
    /// # Errors
    /// As for [`Exp::natural`].
    pub fn base2(from: Format, to: Format) -> Result<Self, Error> {
        Self::derive(Base::Two, from, to, PRECISION, None)
    }

    /// With at most 2^-`precision` of the result for an error, 8 to 24, beside one unit.
    ///
    /// # Errors
    /// As for [`Exp::natural`].
    pub fn with_precision(&self, precision: u32) -> Result<Self, Error> {
        Self::derive(self.base, self.from, self.to, precision, Some(self.most))
    }

    /// For arguments that the caller declares to be at most `x`, which saves a comparison where the format says less.
    /// What a larger one gives has nothing to do with its power.
    ///
    /// # Errors
    /// As for [`Exp::natural`].
    pub fn at_most(&self, x: f64) -> Result<Self, Error> {
        if x.is_nan() {
            return Err(Error::Unsupported {
                what: "an exponential of at most a value that is no number",
            });
        }
        let most = (x * real::pow2(self.from.frac() as i32)).floor() as i64;
        Self::derive(self.base, self.from, self.to, self.precision, Some(most))
    }

    fn derive(
        base: Base,
        from: Format,
        to: Format,
        precision: u32,
        most: Option<i64>,
    ) -> Result<Self, Error> {
        for format in [from, to] {
            check_format(format)?;
            if format.width() != 64 {
                return Err(Error::Unheld { format });
            }
        }
        let refused = |what| Err(Error::Unsupported { what });
        if !(8..=24).contains(&precision) {
            return refused("an exponential has a precision of 8 to 24 bits");
        }
        if from.bound() > 60 || to.bound() < 4 {
            return refused(
                "an exponential takes arguments below 2^60 and gives four bits or more",
            );
        }
        let reach = (1i64 << from.bound()) - 1;
        let most = most.unwrap_or(reach).min(reach);
        let per = match base {
            Base::Natural => core::f64::consts::LOG2_E,
            Base::Two => 1.0,
        };
        let unit = real::pow2(from.frac() as i32);
        let frac = f64::from(to.frac());
        // Rounding and error stay below the bound.
        let units = real::pow2(units_bound(to, precision) as i32) - 3.0;
        let largest = units * (1.0 - real::pow2(-(precision as i32) - 2));
        let high = ((real::log2(largest) - frac) / per * unit).floor() as i64;
        // The first that is not below half a unit.
        let low = (-(frac + 1.0) / per * unit).floor() as i64 + 1;
        let end = most.min(high);
        if end <= low.max(-reach) {
            return refused("an exponential without arguments between half a unit and the bound");
        }
        let mut best: Option<(usize, Power, Option<i64>, [i64; 2])> = None;
        for (whole, fraction) in (2..=7).flat_map(|w| (1..=4).map(move |l| (w, l))) {
            for clamp in [None, Some(low)] {
                let low = clamp.filter(|low| *low > -reach);
                let ends = [low.unwrap_or(-reach), end];
                let Some(power) = Self::power(base, [from, to], precision, whole, fraction, ends)
                else {
                    continue;
                };
                let narrow = power.shift().next_power_of_two() as usize;
                let clamp = if low.is_some() { CLAMP } else { 0 };
                let bytes = 8 * power.words() + 3 * narrow / 8 + clamp;
                if best.as_ref().is_none_or(|(least, ..)| bytes < *least) {
                    best = Some((bytes, power, low, ends));
                }
            }
        }
        let Some((_, power, low, ends)) = best else {
            return refused("an exponential whose formats leave no room in 64 bits");
        };
        let made = Self {
            base,
            from,
            to,
            precision,
            most,
            low,
            high: (most > high).then_some(high),
            ends,
            polynomial: Polynomial::new(&power, precision, ends),
            power,
        };
        // Also without an engine's own protocol.
        walked(from, |e, x| made.run(e, &[x], Truncation::Stochastic))?;
        Ok(made)
    }

    /// The power of two with so many whole bits of the exponent, `low` of which are not looked up, if it holds all
    /// between these arguments.
    fn power(
        base: Base,
        [from, to]: [Format; 2],
        precision: u32,
        whole: u32,
        low: u32,
        ends: [i64; 2],
    ) -> Option<Power> {
        let high = whole.checked_sub(low)?;
        // |x| is below 2^whole ln 2, and (ln 2)^2 2^(whole - k - 1) at most 2^-(precision + 4).
        let (k, factor) = match base {
            Base::Natural => {
                let k = precision + 2 + whole;
                let scaled = core::f64::consts::LOG2_E * real::pow2(k as i32);
                (k, (scaled + 0.5).floor() as i64)
            }
            Base::Two => (
                u32::from(from.frac() == 0),
                1 << u32::from(from.frac() == 0),
            ),
        };
        let frac = from.frac() + k;
        if frac + whole > 61 {
            return None;
        }
        let [least, above] = ends.map(|x| floor_exponent(x, factor, frac));
        // With 0, so that no |x| is larger than the window.
        let above = above.max(0) + 1;
        let bias = ((1i64 << whole) - (1 << low)).checked_sub(above)?;
        if least + bias < 0 {
            return None;
        }
        let power = Power {
            factor,
            offset: bias.checked_mul(1 << frac)?,
            frac,
            low,
            high,
            bias: u32::try_from(bias).ok()?,
            precision: precision + 3,
            to,
            mode: Truncation::Stochastic,
        };
        let shape = Shape::new(&[1, 1]).ok()?;
        let spec = Spec {
            shape,
            format: from,
        };
        check_power(&spec, &power).ok()?;
        Some(power)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.base {
            Base::Natural => "exp",
            Base::Two => "exp2",
        }
    }

    /// Format of arguments.
    #[must_use]
    pub fn from(&self) -> Format {
        self.from
    }

    /// Format of results.
    #[must_use]
    pub fn to(&self) -> Format {
        self.to
    }

    /// Arguments for which the result is as close as stated; below it is 0 or one unit, above that of the upper end.
    #[must_use]
    pub fn domain(&self) -> [f64; 2] {
        self.ends.map(|x| self.from.decode(x))
    }

    /// What the function is near: the real one, up to the upper end of the domain.
    #[must_use]
    pub fn reference(&self, x: f64) -> f64 {
        let [_, high] = self.domain();
        match self.base {
            Base::Natural => real::exp(x.min(high)),
            Base::Two => real::exp2(x.min(high)),
        }
    }

    /// How the engine's own protocol takes it, by whose fields its cost is given.
    #[must_use]
    pub fn as_power(&self) -> &Power {
        &self.power
    }

    /// At how many ends arguments are compared and clamped.
    #[must_use]
    pub fn clamps(&self) -> usize {
        usize::from(self.low.is_some()) + usize::from(self.high.is_some())
    }

    /// The function of each value.
    pub fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        xs: &[&E::Arith],
        mode: Truncation,
    ) -> Result<Vec<E::Arith>, Error> {
        for x in xs {
            check_from(self.name(), engine.spec(x).format, self.from)?;
        }
        let clamped = self.clamp(engine, xs)?;
        let xs: Vec<&E::Arith> = match &clamped {
            Some(all) => all.iter().collect(),
            None => xs.to_vec(),
        };
        let power = Power { mode, ..self.power };
        if let Some(ys) = engine.power(&xs, &power)? {
            return Ok(ys);
        }
        together(engine, self.name(), &xs, self.clamped(), |engine, x| {
            self.by_polynomial(engine, x, inside(mode))
        })
    }

    /// The format of arguments that are clamped, if any are.
    fn clamped(&self) -> Format {
        let largest = self.ends.map(i64::unsigned_abs).into_iter().max();
        let bits = u64::BITS - largest.unwrap_or(0).leading_zeros();
        let bound = bits.clamp(1, self.from.bound());
        match self.clamps() {
            0 => self.from,
            _ => self.from.with_bound(bound).unwrap_or(self.from),
        }
    }

    /// `low + relu(x - low) - relu(x - high)`, as far as there are ends; all comparisons share their rounds.
    fn clamp<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        xs: &[&E::Arith],
    ) -> Result<Option<Vec<E::Arith>>, Error> {
        if self.clamps() == 0 {
            return Ok(None);
        }
        let mut above = Vec::with_capacity(2 * xs.len());
        for x in xs {
            for end in self.low.iter().chain(&self.high) {
                above.push(offset(engine, x, -end)?);
            }
        }
        let excess = engine.relu(&above.iter().collect::<Vec<_>>())?;
        let mut excess = excess.into_iter();
        let format = self.clamped();
        let mut out = Vec::with_capacity(xs.len());
        for x in xs {
            let raised = match self.low {
                Some(low) => excess.next().map(|e| offset(engine, &e, low)).transpose()?,
                None => None,
            };
            let cut = match self.high.and_then(|_| excess.next()) {
                Some(e) => Some(engine.sub(raised.as_ref().unwrap_or(x), &e)?),
                None => raised,
            };
            out.extend(cut.map(|y| engine.declare(y, format)).transpose()?);
        }
        Ok(Some(out))
    }
}

/// Results are below 2 to this, in units: their format's bound, or what products in 64 bits leave.
fn units_bound(to: Format, precision: u32) -> u32 {
    to.bound().min(52 - precision)
}

/// The whole part of an exponent, rounded down.
fn floor_exponent(x: i64, factor: i64, frac: u32) -> i64 {
    ((i128::from(x) * i128::from(factor)) >> frac) as i64
}

#[cfg(test)]
mod tests;
