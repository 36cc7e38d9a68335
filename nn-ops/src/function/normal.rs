//! Positive numbers as `u 2^(e+1)` with `1/2 <= u < 1`, and what depends on `e`.
//!
//! The normalisation of Catrina and Saxena (Secure computation with fixed-point numbers, FC 2010) as Keller and Sun
//! use it (Secure Quantized Training for Deep Learning, arXiv 2107.00501), with what comes after the place of the
//! highest set bit made of few words:
//!
//! 1. The bits of x above the domain's lower end, and its sign as the highest of them ([`Engine::bits`]).
//! 2. One bit for each place, set at the highest set place ([`Layers::most_significant_one`]). For x below the
//!    domain, the negative ones included, none is set: the sign comes first.
//! 3. The place in digits of base `2^d`, `p = 2^d h + l`: unit vectors of both digits are exclusive ors of places, so
//!    local. Where there are few places d = 0, and the unit vector of h is what there is.
//! 4. One step ([`Engine::weigh`]) turns these bits into all sums that are wanted. A quantity that is geometric in p
//!    is a product of a sum over the bits of h and one over those of l. So 40 places cost 12 weighed bits and a
//!    product instead of 40.
//!
//! `2^(B-1-e)` is such a quantity, and its product with x is u with B fraction bits.
//!
//! No place is set outside the domain. Then a geometric quantity is 0, u too, and a quantity that is a sum (`outside`
//! in [`Term`]) can be anything: so a function has its value at the lower end of the domain for all that is below,
//! without a comparison or a selection. A caller who declares that this does not happen ([`Normal::declared`]) saves
//! that, and one bit.
//!
//! With both signs ([`Normal::signed`]) the bits are those of `|x|`, or `|x| - 1` if x is negative: the exclusive or
//! of each with the sign. The place is the same but for `-2^k`, where u is 1 instead of 1/2, and `-2^low`, which is
//! below the domain unless low = 0. The bits of h are multiplied by the sign (an `and`), and the quantities have the
//! sign of x.
//!
//! *Security.* Steps of the engine and nothing else.
//!
//! *Cost*: on the page of [`Normal`].

pub(crate) mod octic;
pub(crate) mod scaled;

use core::f64::consts::SQRT_2;

use crate::Error;
use crate::engine::{Rescale, Truncation, Weighed};
use crate::function::offset;
use crate::function::real::pow2;
use crate::layer::{Layers, only};
use crate::model::{Format, Shape};

#[allow(unused_imports, reason = "named in the documentation")]
use crate::engine::Engine;

/// Most digits' bits that are tried.
const MOST_DIGIT_BITS: u32 = 4;
/// Bytes that a round is worth.
const ROUND: usize = 24;

/// Which numbers are normalised: positive ones of a format, from a power of two on, or also their negatives.
///
/// # Cost
/// What a function spends to find the place of the highest bit and what depends on it, and to multiply: bits of each
/// element of k = 64 bits, over all parties of `rep3`, and opened by each party to each other one in `semi2k`; and
/// rounds. The domain has n places, in blocks of `2^d` for d = 0 to 4, h of them; D is 1 if the domain is declared, S
/// if it has both signs; the function takes q quantities that are geometric in the place (`2^(-e-1)`, its root) and t
/// sums (`e ln 2`, the result outside the domain). d is the digit of fewest bytes for which the function is as
/// precise as it says, and
/// * lo = low + D, hi = bound + 1, or bound if D = 1 and S = 0;
/// * m = hi - lo - S planes, whose prefixes take as many conjunctions as the binary numbers below m have ones, in
///   `ceil(log2 m)` rounds; where S = 1 there are h - D more in one more round, and another with a round of its own if
///   D = 0 and low = 0: C altogether in R rounds;
/// * w = h - D + 2^d - 1 + S (h - D + 1) bits are weighed.
///
/// | step | `rep3` | `semi2k` | rounds |
/// |---|---|---|---|
/// | bits lo..hi | places(lo, hi) | \[hi\] + opened(lo..hi) | see the engine's page |
/// | conjunctions | 3 C | 2 C | R |
/// | weighed bits | k (w + 2 q + 2 t), and 2 k q if d > 0 | w | 1 |
/// | products of the digits' powers, if d > 0 | 3 k q | 2 k q | 1 |
/// | each product of a operands, s > 0 bits dropped | 3 k + 3 \[s\] | k (a + 1) | 2 |
/// | each product of a operands, none dropped | 3 k | k a | 1 |
///
/// The last two lines are for the products that the function's page lists. This holds where rounding is stochastic.
/// Where it is exact or to nearest, these lines are those of the engine's page for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Normal {
    from: Format,
    low: u32,
    declared: bool,
    signed: bool,
}

impl Normal {
    /// All positive numbers of a format.
    ///
    /// # Errors
    /// [`Error::Unheld`] for what is not in 64 bits, [`Error::Unsupported`] for a single place.
    pub fn new(from: Format) -> Result<Self, Error> {
        let normal = Self {
            from,
            low: 0,
            declared: false,
            signed: false,
        };
        normal.checked()
    }

    fn checked(self) -> Result<Self, Error> {
        if self.from.width() != 64 || !crate::model::holds(self.from) {
            return Err(Error::Unheld { format: self.from });
        }
        if self.low.saturating_add(2) > self.from.bound() {
            return Err(Error::Unsupported {
                what: "a domain of positive numbers has at least two powers of two",
            });
        }
        Ok(self)
    }

    /// Those of `2^low` or more, raw. All below are taken as `2^low`, negative ones too.
    ///
    /// # Errors
    /// As [`Normal::new`].
    pub fn above(self, low: u32) -> Result<Self, Error> {
        Self { low, ..self }.checked()
    }

    /// The caller declares that no others come, which saves a bit and the result outside. If one does, the oracle may
    /// report an overflow, and what the engines give has nothing to do with the function's value.
    #[must_use]
    pub fn declared(self) -> Self {
        Self {
            declared: true,
            ..self
        }
    }

    /// Both signs: `|x|` is in the domain. Those below are taken as `2^low` with their sign, 0 as positive. (`-2^low`
    /// is among them unless low is 0, which makes a difference to [`Division`](crate::function::Division) alone.)
    #[must_use]
    pub fn signed(self) -> Self {
        Self {
            signed: true,
            ..self
        }
    }

    /// The format of x.
    #[must_use]
    pub fn from(self) -> Format {
        self.from
    }
    /// The lower end of the domain is `2^low`, raw.
    #[must_use]
    pub fn low(self) -> u32 {
        self.low
    }
    /// Whether the caller declares that no number is below.
    #[must_use]
    pub fn is_declared(self) -> bool {
        self.declared
    }
    /// Whether both signs are in the domain.
    #[must_use]
    pub fn is_signed(self) -> bool {
        self.signed
    }
    /// The least and, excluded, the largest absolute value of the domain.
    #[must_use]
    pub fn domain(self) -> (f64, f64) {
        let at = |e: u32| pow2(e as i32 - self.from.frac() as i32);
        (at(self.low), at(self.from.bound()))
    }
    /// Number of places.
    pub(crate) fn places(self) -> u32 {
        self.from.bound() - self.low
    }
    /// Blocks of `2^digit` places.
    fn blocks(self, digit: u32) -> u32 {
        self.places().div_ceil(1 << digit)
    }
    /// Places of all blocks: what `B` must have above `low`.
    pub(crate) fn room(self, digit: u32) -> u32 {
        self.blocks(digit) << digit
    }

    /// Bits that are weighed.
    fn weighed(self, digit: u32) -> usize {
        let high = self.blocks(digit) - u32::from(self.declared);
        let low = (1 << digit) - 1;
        let signs = if self.signed { high + 1 } else { 0 };
        (high + low + signs) as usize
    }

    /// The digits by what they cost, least first: `(bits of a low digit, bytes in rep3 after the places are known)`,
    /// for so many geometric quantities and other sums.
    pub(crate) fn costs(self, scales: usize, terms: usize) -> Vec<(u32, usize)> {
        let mut all: Vec<(u32, usize)> = (0..=MOST_DIGIT_BITS)
            .filter(|d| self.blocks(*d) > 1)
            .map(|d| {
                let factors = if d == 0 { 1 } else { 2 };
                let products = if d == 0 { 0 } else { 24 * scales };
                let bytes = 8 * self.weighed(d) + 16 * (factors * scales + terms) + products;
                (d, bytes)
            })
            .collect();
        all.sort_by_key(|(d, bytes)| bytes + if *d == 0 { 0 } else { ROUND });
        all
    }
}

/// `2^(k / 2)`
pub(crate) fn half_power(k: i32) -> f64 {
    let whole = pow2(k.div_euclid(2));
    if k.rem_euclid(2) == 1 {
        whole * SQRT_2
    } else {
        whole
    }
}

/// A quantity that is geometric in the place p: `2^((first + step p) / 2)` as an integer, 0 outside, with the sign of
/// x.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    high: Vec<i64>,
    /// Empty if there are no low digits.
    low: Vec<i64>,
    format: Format,
    /// By place, the relative error.
    errors: Vec<f64>,
}

/// The nearest integer, if it is in range and not 0.
fn weight(x: f64) -> Option<i64> {
    let raw = x.round_ties_even();
    (raw >= 1.0 && raw < pow2(61)).then_some(raw as i64)
}

impl Scale {
    /// `None` if the numbers do not fit. Half powers with `digit = 0` may round to 0 at places where they are small.
    pub(crate) fn new(
        normal: Normal,
        digit: u32,
        first: i32,
        step: i32,
        frac: u32,
    ) -> Option<Self> {
        let places = normal.places() as i32;
        let exact = |p: i32| half_power(first + step * p);
        let (high, low): (Vec<i64>, Vec<i64>) = if digit == 0 {
            let at = |p| weight(exact(p)).or((exact(p) < 0.75).then_some(0));
            ((0..places).map(at).collect::<Option<_>>()?, Vec::new())
        } else {
            // The high digits give powers of two, from 1 on.
            let per_block = step << digit;
            let last = normal.blocks(digit) as i32 - 1;
            let least = per_block.min(0) * last;
            let high = (0..=last).map(|h| weight(half_power(per_block * h - least)));
            let low = (0..1 << digit).map(|l| weight(half_power(first + step * l + least)));
            (high.collect::<Option<_>>()?, low.collect::<Option<_>>()?)
        };
        let mut errors = Vec::with_capacity(places as usize);
        let mut largest = 0.0f64;
        for p in 0..places {
            let h = *high.get((p >> digit) as usize)? as f64;
            let l = low.get((p & ((1 << digit) - 1)) as usize);
            let value = h * l.map_or(1.0, |l| *l as f64);
            largest = largest.max(value);
            errors.push((value / exact(p) - 1.0).abs());
        }
        let bound = (1..=61).find(|b| pow2(*b) > largest)?;
        Some(Self {
            high,
            low,
            format: Format::z64(frac, bound as u32).ok()?,
            errors,
        })
    }

    /// The relative error at a place.
    pub(crate) fn error(&self, place: usize) -> f64 {
        self.errors.get(place).copied().unwrap_or(1.0)
    }
}

/// A quantity that is `first + step p`, and `outside` where no place is set; raw. With both signs it has the sign of
/// x, if its step is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Term {
    pub(crate) first: i64,
    pub(crate) step: i64,
    pub(crate) outside: i64,
    pub(crate) format: Format,
}

/// One sum of weighed bits: `constant` plus them.
struct Sum {
    factors: Vec<i64>,
    constant: i64,
    weighed: Format,
    format: Format,
}

/// What is made of the places of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Places {
    pub(crate) normal: Normal,
    pub(crate) digit: u32,
    pub(crate) scales: Vec<Scale>,
    pub(crate) terms: Vec<Term>,
}

/// The format of integers of absolute value up to `largest`.
fn within(largest: i64, frac: u32) -> Result<Format, Error> {
    let bound = (u64::BITS - largest.unsigned_abs().leading_zeros()).max(1);
    if bound > 62 {
        return Err(Error::Range {
            what: "a sum of weighed places",
            bound,
        });
    }
    Ok(Format::z64(frac, bound)?)
}

impl Places {
    /// The sum with a value for each high digit, of which one may be left out, and what each low digit adds.
    fn sum(&self, high: &[i64], low: &[i64], outside: i64, to: Format) -> Result<Sum, Error> {
        let n = self.normal;
        let base = match (n.declared, high.first()) {
            (true, Some(first)) => *first,
            _ => outside,
        };
        let kept = high.iter().skip(usize::from(n.declared));
        let kept: Vec<i64> = kept.map(|w| w - base).collect();
        // One place at most is set: the sum without the constant is this, or twice the negative of that of the place.
        let added = low.iter().map(|l| l.abs()).max().unwrap_or(0);
        let largest = kept.iter().map(|w| w.abs()).max().unwrap_or(0) + added;
        let signed = 2 * high.iter().map(|w| w.abs()).fold(base.abs(), i64::max);
        let mut factors = kept.clone();
        factors.extend_from_slice(low);
        factors.resize(kept.len() + (1 << self.digit) - 1, 0);
        if n.signed {
            factors.extend(kept.iter().map(|w| -2 * w));
            factors.push(-2 * base);
        }
        Ok(Sum {
            factors,
            constant: base,
            weighed: within(if n.signed { signed } else { largest }, to.frac())?,
            format: to,
        })
    }

    /// The sum over low digits alone.
    fn low_sum(&self, low: &[i64]) -> Result<Sum, Error> {
        let first = low.first().copied().unwrap_or(0);
        let high = self.normal.blocks(self.digit) as usize - usize::from(self.normal.declared);
        let mut factors = vec![0; high];
        factors.extend(low.iter().skip(1).map(|w| w - first));
        factors.resize(self.normal.weighed(self.digit), 0);
        let largest = low.iter().copied().max().unwrap_or(1);
        Ok(Sum {
            factors,
            constant: first,
            weighed: within(largest, 0)?,
            format: within(largest, 0)?,
        })
    }

    /// All sums, those of scales first, high digits before low ones.
    fn sums(&self) -> Result<Vec<Sum>, Error> {
        let mut sums = Vec::new();
        for s in &self.scales {
            let largest = s.high.iter().copied().max().unwrap_or(1);
            if s.low.is_empty() {
                sums.push(self.sum(&s.high, &[], 0, s.format)?);
            } else {
                sums.push(self.sum(&s.high, &[], 0, within(largest, 0)?)?);
                sums.push(self.low_sum(&s.low)?);
            }
        }
        for t in &self.terms {
            let blocks = i64::from(self.normal.blocks(self.digit));
            let high: Vec<i64> = (0..blocks)
                .map(|h| t.first + t.step * (h << self.digit))
                .collect();
            let low: Vec<i64> = (1..1 << self.digit).map(|l| t.step * l).collect();
            sums.push(self.sum(&high, &low, t.outside, t.format)?);
        }
        Ok(sums)
    }

    /// Checks that all sums fit.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.sums().map(|_| ())
    }

    /// The bits that are weighed.
    fn bits<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
    ) -> Result<Vec<E::Bits>, Error> {
        let n = self.normal;
        let first = n.low + u32::from(n.declared);
        let with_sign = n.signed || !n.declared;
        let end = n.from.bound() + u32::from(with_sign);
        let mut planes = only(engine.bits(&[x], first..end)?)?;
        let mut sign = None;
        if n.signed {
            sign = planes.pop();
        }
        if let Some(sign) = &sign {
            planes = planes
                .iter()
                .map(|p| engine.xor(p, sign))
                .collect::<Result<_, _>>()?;
            if n.low == 0 && !n.declared {
                // |x| - 1 has no bit for -1, which is in the domain: the lowest bit is set for all negative numbers.
                if let Some(lowest) = planes.first_mut() {
                    let neither = [engine.not(lowest)?, engine.not(sign)?];
                    let [a, b] = &neither;
                    let both = only(engine.and(&[(a, b)])?)?;
                    *lowest = engine.not(&both)?;
                }
            }
        }
        let mut ones = engine.most_significant_one(&planes)?;
        if with_sign && !n.signed {
            ones.pop();
        }
        // By place; the first of a declared domain is the one that is set if no other is.
        let skip = usize::from(n.declared);
        let place = |p: usize| p.checked_sub(skip).and_then(|i| ones.get(i));
        let places = n.places() as usize;
        let size = 1usize << self.digit;
        let high = (skip..n.blocks(self.digit) as usize).map(|h| {
            (h * size..((h + 1) * size).min(places))
                .filter_map(place)
                .collect()
        });
        let low = (1..size).map(|l| (l..places).step_by(size).filter_map(place).collect());
        let groups: Vec<Vec<&E::Bits>> = high.chain(low).collect();
        let mut out = Vec::with_capacity(n.weighed(self.digit));
        for group in groups {
            out.push(any(engine, &group)?);
        }
        if let Some(sign) = sign {
            let high = n.blocks(self.digit) as usize - skip;
            let pairs: Vec<_> = out.iter().take(high).map(|h| (h, &sign)).collect();
            let negative = engine.and(&pairs)?;
            out.extend(negative);
            out.push(sign);
        }
        Ok(out)
    }

    /// All scales, then all terms.
    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
    ) -> Result<Vec<E::Arith>, Error> {
        let sums = self.sums()?;
        let bits = self.bits(engine, x)?;
        let shape: Shape = engine.spec(x).shape.clone();
        let refs: Vec<&E::Bits> = bits.iter().collect();
        let weighed: Vec<Weighed<'_>> = sums
            .iter()
            .map(|s| Weighed {
                factors: &s.factors,
                format: s.weighed,
            })
            .collect();
        let found = only(engine.weigh(&[(&refs, &shape)], &weighed)?)?;
        let mut whole = Vec::with_capacity(found.len());
        for (s, y) in sums.iter().zip(found) {
            let y = if s.constant == 0 {
                y
            } else {
                offset(engine, &y, s.constant)?
            };
            whole.push(engine.declare(y, s.format)?);
        }
        if self.digit == 0 {
            return Ok(whole);
        }
        let terms = whole.split_off(2 * self.scales.len());
        let mut out = Vec::with_capacity(self.scales.len() + terms.len());
        let pairs: Vec<_> = whole
            .chunks_exact(2)
            .filter_map(|pair| match pair {
                [h, l] => Some((h, l)),
                _ => None,
            })
            .collect();
        out.extend(self.products(engine, &pairs)?);
        out.extend(terms);
        Ok(out)
    }

    /// The products of high and low sums, in the same rounds: as integers, then in the formats of the scales.
    fn products<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        pairs: &[(&E::Arith, &E::Arith)],
    ) -> Result<Vec<E::Arith>, Error> {
        let bound = self.scales.iter().map(|s| s.format.bound()).max();
        let whole = Rescale {
            shift: 0,
            mode: Truncation::Exact,
            to: Format::z64(0, bound.unwrap_or(1))?,
        };
        let products = engine.mul(pairs, whole)?;
        products
            .iter()
            .zip(&self.scales)
            .map(|(y, s)| {
                let y = engine.mul_public(y, &[1], s.format.frac())?;
                engine.declare(y, s.format)
            })
            .collect()
    }
}

/// The exclusive or of bits of which at most one is set.
fn any<E: Layers + ?Sized>(engine: &mut E, bits: &[&E::Bits]) -> Result<E::Bits, Error> {
    let mut sum: Option<E::Bits> = None;
    for b in bits {
        sum = Some(match sum {
            Some(s) => engine.xor(&s, b)?,
            None => {
                // A copy.
                let complement = engine.not(b)?;
                engine.not(&complement)?
            }
        });
    }
    sum.ok_or(Error::Length {
        what: "places of a digit",
        got: 0,
        want: 1,
    })
}

#[cfg(test)]
pub(crate) mod tests;
