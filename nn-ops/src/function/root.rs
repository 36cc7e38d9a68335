//! `1 / sqrt(w)` of few numbers of a wide range, to many bits.
//!
//! With j the highest bit of w, `k = floor((b - 1 - j) / 2)` brings `w 4^k` into `[2^(b-2), 2^b)`, two powers of two,
//! for which [`Rsqrt`] gives as many bits as are asked for; its result times `2^k`, exact, is that of w. `4^k` and
//! `2^k` are weighed bits, one for each k, of the unit vector of highest bits two by two. All steps are those of the
//! engine.
//!
//! **Domain**: `w >= least`; below, any result. **Error**: relative, that of [`Rsqrt`] to p bits, at most `2^-(p+1)`,
//! `2^-29` of rounding `w 4^k` to 30 bits, and half a unit of the last place of results that have p + 1 bits or more:
//! `2^-(p+2)`.

use super::layer_norm::times;
use super::{Normal, Rsqrt};
use crate::Error;
use crate::engine::{Spec, Truncation, Weighed, check_format};
use crate::layer::{Layers, only};
use crate::model::{Format, Shape, max_bound};

/// Bits of a number that is brought to two powers of two.
const BITS: u32 = 30;
/// Most bits of precision.
pub(super) const PRECISION: u32 = 27;

/// `1 / sqrt(w)`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Root {
    from: Format,
    to: Format,
    /// Numbers are brought below two to the power of this.
    top: u32,
    /// Most powers of four that a number is given.
    most: u32,
    rsqrt: Rsqrt,
    /// Fraction bits of it.
    near: u32,
}

impl Root {
    /// Of numbers of `least` or more, raw, to `precision` bits.
    pub(super) fn new(from: Format, least: i64, precision: u32) -> Result<Self, Error> {
        Self::with(from, least, precision, 0)
    }

    /// With so many more bits in the result, so that their last place counts for less.
    pub(super) fn with(from: Format, least: i64, precision: u32, more: u32) -> Result<Self, Error> {
        check_format(from)?;
        let precision = precision.min(PRECISION);
        // So that the square root of 2^(top - frac) is a power of two.
        let top = from.bound().max(from.frac()).max(BITS + 2);
        let top = top + (top ^ from.frac()) % 2;
        if top > max_bound(from.width()) {
            return Err(Error::Range {
                what: "reciprocal square root",
                bound: top,
            });
        }
        let first = least.max(1).ilog2();
        let most = (top - 1 - first.min(top - 1)) / 2;
        let near = precision + 1 + more;
        let frac = near + (top - from.frac()) / 2;
        let to = Format::new(from.width(), frac, near + most + 2)?;
        check_format(to)?;
        let unit = Format::new(from.width(), BITS, BITS)?;
        let normal = Normal::new(unit)?.above(BITS - 2)?.declared();
        let rsqrt = Rsqrt::with(
            normal,
            Format::new(from.width(), near, near + 2)?,
            precision,
        )?;
        Ok(Self {
            from,
            to,
            top,
            most,
            rsqrt,
            near,
        })
    }

    /// Format of what is taken.
    pub(super) fn from(&self) -> Format {
        self.from
    }

    /// Format of the result.
    pub(super) fn to(&self) -> Format {
        self.to
    }

    /// Bound on the relative error.
    pub(super) fn error(&self) -> f64 {
        let part = |bits: u32| 1.0 / (1u64 << bits) as f64;
        self.rsqrt.error(self.near) + part(29) + part(self.near + 1)
    }

    pub(super) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        w: &E::Arith,
    ) -> Result<E::Arith, Error> {
        let shape = Shape::new(&[engine.spec(w).len(), 1])?;
        let width = self.from.width();
        // The unit vector of k, without its last place: highest bits two by two, from the top down.
        let end = self.from.bound();
        let first = self.top - 2 * self.most;
        let mut places: Vec<E::Bits> = Vec::new();
        if self.most > 0 && first < end {
            let bits = only(engine.bits(&[w], first..end)?)?;
            let highest = engine.most_significant_one(&bits)?;
            let mut highest = highest.iter().zip(first..end).rev().peekable();
            while let Some((b, j)) = highest.next() {
                let k = (self.top - 1 - j) / 2;
                let with = highest.next_if(|(_, j)| (self.top - 1 - j) / 2 == k);
                places.push(match with {
                    Some((other, _)) => engine.xor(b, other)?,
                    // A copy, by two complements.
                    None => {
                        let not = engine.not(b)?;
                        engine.not(&not)?
                    }
                });
            }
        }
        // The first k of a number of this format.
        let low = (self.top - end.min(self.top)) / 2;
        let ks: Vec<u32> = (low..self.most).take(places.len()).collect();
        let last = self.most;
        let less = |of: fn(u32) -> i64| ks.iter().map(|k| of(*k) - of(last)).collect::<Vec<_>>();
        let (fours, twos) = (less(|k| 1 << (2 * k)), less(|k| 1 << k));
        let finer = self.top - self.from.frac();
        let four = Format::new(width, finer, 2 * last + 1)?;
        let two = Format::new(width, finer / 2, last + 1)?;
        let of_last = |engine: &mut E, format: Format, value: i64| {
            let shape = shape.clone();
            let spec = Spec { shape, format };
            engine.constant(&spec, &vec![value; spec.len()])
        };
        let mut four_k = of_last(engine, four, 1 << (2 * last))?;
        let mut two_k = of_last(engine, two, 1 << last)?;
        if !places.is_empty() {
            let sums = [
                Weighed {
                    factors: &fours,
                    format: four,
                },
                Weighed {
                    factors: &twos,
                    format: two,
                },
            ];
            let places: Vec<&E::Bits> = places.iter().collect();
            let found = only(engine.weigh(&[(&places, &shape)], &sums)?)?;
            let [fours, twos] = found.as_slice() else {
                return Err(Error::Length {
                    what: "weighed bits",
                    got: found.len(),
                    want: 2,
                });
            };
            four_k = engine.add(&four_k, fours)?;
            two_k = engine.add(&two_k, twos)?;
        }
        // Rounded down, so below 2^30.
        let u = times(engine, w, &four_k, 1, self.unit(), Truncation::Exact)?;
        let y = only(engine.rsqrt(&[&u], &self.rsqrt, Truncation::Nearest)?)?;
        times(engine, &y, &two_k, 1, self.to, Truncation::Exact)
    }

    /// Format of a number that was brought to two powers of two.
    fn unit(&self) -> Format {
        self.rsqrt.normal().from()
    }
}
