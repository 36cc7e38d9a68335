//! The choice of encoding and parameters for a layer, by what they cost.

use piquet_core::linalg::ConvShape;

use super::cost::{Costs, Counts, Kind, Load};
use super::split::{Layer, Split};
use super::{Encoding, search};
use crate::noise::Bound;
use crate::params::{Fit, Traffic, fit, most_bits};
use crate::{Error, Mode, Params, PlainModulus};

/// How a layer is computed, and what that costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Where elements lie.
    pub encoding: Encoding,
    /// Under which parameters.
    pub params: Params,
    /// What the product consists of.
    pub counts: Counts,
    /// Predicted nanoseconds on one core, bytes included.
    pub time: f64,
}

/// Bits beyond the fewest that a ciphertext modulus may have, to make responses shorter.
const BEYOND: u32 = 6;
/// No prime of a ciphertext modulus has more bits, or fewer.
const PRIME_BITS: core::ops::RangeInclusive<u32> = 24..=50;

/// Weights of products with limbs are smaller.
const LIMBS_WEIGHT: u64 = 1 << 51;

/// A modulus that fits a bound.
#[derive(Debug, Clone, Copy)]
struct Choice {
    kind: Kind,
    /// Bits of a coefficient on the wire.
    bits: u32,
    fit: Fit,
}

impl Choice {
    /// All that may be best at a degree.
    fn all(
        degree: usize,
        plain: PlainModulus,
        mode: Mode,
        bound: Bound,
        positions: usize,
    ) -> Vec<Self> {
        let most = most_bits(degree);
        let fits = |log2, divides| fit(degree, plain, log2, divides, mode, bound, positions).ok();
        let words = matches!(plain, PlainModulus::Bits(_));
        let choice = |kind, bits: u32, log2, divides| {
            fits(log2, divides).map(|fit| Self { kind, bits, fit })
        };
        let mut out = Vec::new();
        let least = plain.bits() + 2;
        out.extend(
            (least.max(*PRIME_BITS.start())..=most)
                .filter_map(|bits| {
                    let count = bits.div_ceil(*PRIME_BITS.end());
                    // Primes are a little below powers of two.
                    let log2 = f64::from(bits) - f64::from(count) / 64.0;
                    choice(Kind::Primes(count.into()), bits, log2, false)
                })
                .take(BEYOND as usize),
        );
        out.extend(
            (least.max(20)..=most.min(64))
                .filter_map(|bits| choice(Kind::Word, bits, bits.into(), words))
                .take(BEYOND as usize),
        );
        out.extend(
            (2..=4)
                .filter(|l| 52 * l <= most && bound.weight < LIMBS_WEIGHT)
                .filter_map(|l| choice(Kind::Limbs(l.into()), 52 * l, (52 * l).into(), words))
                .take(1),
        );
        out
    }
    fn bytes(&self, load: &Load, degree: usize) -> u64 {
        let n = degree as u64;
        let [first, second] = [self.fit.first_bits, self.fit.second_bits].map(u64::from);
        let request = load.ins * n * u64::from(self.bits);
        (request + load.outs * n * second + load.wanted * first) / 8
    }
}

/// Choices by the number of terms of a coefficient and by how full responses are, the first rounded up a little.
struct Choices {
    degree: usize,
    plain: PlainModulus,
    mode: Mode,
    bound: Bound,
    terms: Vec<u64>,
    known: Vec<Option<Vec<Choice>>>,
}

/// Parts of a response that its positions are: 1, 1/2, 1/4, 1/8 or less.
const FULLNESS: usize = 4;

impl Choices {
    fn new(degree: usize, plain: PlainModulus, mode: Mode, bound: Bound) -> Self {
        let next = |t: &u64| Some(t + t / 8 + 1).filter(|t| *t < 1 << 48);
        let terms: Vec<u64> = core::iter::successors(Some(1), next).collect();
        Self {
            degree,
            plain,
            mode,
            bound,
            known: vec![None; terms.len() * FULLNESS],
            terms,
        }
    }
    fn of(&mut self, terms: u64, load: &Load) -> &[Choice] {
        let at = self.terms.partition_point(|t| *t < terms);
        let most = load.outs * self.degree as u64;
        let fullness = (1..FULLNESS).filter(|i| load.wanted << i <= most).count();
        let Some(terms) = self.terms.get(at) else {
            return &[];
        };
        let bound = Bound {
            terms: *terms,
            ..self.bound
        };
        let (degree, plain, mode) = (self.degree, self.plain, self.mode);
        self.known[at * FULLNESS + fullness]
            .get_or_insert_with(|| Choice::all(degree, plain, mode, bound, degree >> fullness))
    }
}

/// The cheapest way that the cost model knows to compute a layer whose weights are at most `weight` in absolute
/// value. It depends on its arguments alone: both parties find the same.
pub fn plan(
    shape: &ConvShape,
    plain: PlainModulus,
    mode: Mode,
    weight: u64,
    costs: &Costs,
) -> Result<Plan, Error> {
    let layer = Layer::new(shape)?;
    let bound = Bound {
        weight,
        terms: 1,
        useful: shape.fan_in() as u64,
    };
    let mut best: Option<(f64, usize, Split, Kind)> = None;
    for degree in [2048, 4096, 8192] {
        let mut choices = Choices::new(degree, plain, mode, bound);
        search::splits(&layer, degree, |split, numbers| {
            let load = layer.load(split, numbers);
            for choice in choices.of((numbers.ins * numbers.terms) as u64, &load) {
                let time = costs.of(&load, choice.kind, choice.bytes(&load, degree), degree);
                if best.is_none_or(|(least, ..)| time < least) {
                    best = Some((time, degree, *split, choice.kind));
                }
            }
        });
    }
    let (_, degree, split, kind) = best.ok_or(Error::Parameter {
        what: "bound on weights",
        got: weight,
        domain: "one that leaves room for the noise at degree 8192",
    })?;
    let encoding = Encoding::with_split(shape, degree, split)?;
    let bound = encoding.bound(weight);
    let load = Load::of(&encoding);
    let traffic = Traffic {
        requests: load.ins,
        responses: load.outs,
        positions: load.wanted.div_ceil(load.outs) as usize,
    };
    let params = match kind {
        Kind::Primes(_) => Params::points(degree, plain, mode, bound, traffic),
        Kind::Word | Kind::Limbs(_) => Params::shifts(degree, plain, mode, bound, traffic),
    }?;
    let counts = Counts::new(&encoding, &params);
    let time = costs.time(&encoding, &params);
    Ok(Plan {
        encoding,
        params,
        counts,
        time,
    })
}
