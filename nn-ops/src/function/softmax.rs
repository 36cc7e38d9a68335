//! Softmax of rows, and its logarithm.
//!
//! **Formula**: with `m` the largest of a row, `e_i = e^(x_i - m)` and `s = sum e_j`, the result is `e_i / s`, or
//! `x_i - m - ln s`: the way that keeps every number small, `0 < e_i <= 1 <= s <= n`. It is made of [`Layers::max`]
//! (a tournament in each row, all rows together), [`Exp`], [`Reciprocal`] or [`Log`] of one number for each row, and
//! one product for each element. Nothing is opened, so it is as secure as these.
//!
//! **Masks**: in a causal block of `t` rows, row `i` knows its first `n - t + 1 + i` elements. The others are exactly
//! 0 in the result; they enter neither the maximum nor the sum, and no work is done on them.
//!
//! **Domain**: every value of the declared format. Differences so large that `e_i` rounds to 0 give 0.
//!
//! **Error**, in ULP of the result, f fraction bits; `L = ceil(log2 n)`. Exponentials have `g` fraction bits and a
//! precision of `2^-(f+2)`, so an error of at most `9/8 2^-g + 2^-(f+4.5) e_i` ([`Exp`]), their sum so n times the
//! former and `2^-(f+4.5) s`. Since `e_i <= s` and `1 <= s`, a quotient is off by at most `9/8 (n + 1) 2^-g + 2
//! 2^-(f+4.5)`. The reciprocal has `h` fraction bits and is off by `2^-h + 2^-(f+4) / s`. The product is rounded
//! once, to nearest: half a unit. Together [`Softmax::error`]: `1/2 + 0.09 + 1/16 + 9/8 (n+1) 2^(f-g) + 2^(f-h)`,
//! where `g = h = f + L + 1` if the product fits into 62 bits, and a bit or two less otherwise; never more than 2, or
//! the formats are refused.
//!
//! **Sums**: a row adds up to 1 but for the roundings to nearest, at most n/2 ULP, and the error of the reciprocal,
//! `n 2^(f-h)` and less than half a unit. So sums that are off by at most n/2 ULP are why the last rounding is to
//! nearest in every mode: a stochastic one could be off by n. In `Stochastic` mode the parties agree with the oracle
//! within the error above.
//!
//! **The logarithm** takes `d_i = x_i - m` as it is. The relative error of the sum is the error of its logarithm;
//! with that of [`Log`] before it is rounded, and to nearest, it is at most `1/2 + Log + 0.05 + 9/8 n 2^(f-g)`. If the
//! argument has more fraction bits than the result, the first two count in its units, and one is added, since then
//! the bits behind are dropped.
//!
//! **Cost**: bytes of a row are `(n - 1) M + n (E + P) + R`: M of a maximum of two values of b bits, the argument's
//! bound, E of an exponential with g fraction bits and a precision of `2^-(f+2)`, P of a rescaling to nearest by `g +
//! h - f` bits (in `semi2k` of a product with one, which also opens two words), R of a reciprocal of numbers in `[1,
//! n]` with h fraction bits. Rounds are at most `L m + e + p + r`, with those that each takes alone. The logarithm
//! has no P, and R and r are of a logarithm of numbers in `[1, n]`; a rescaling joins if the argument has more
//! fraction bits than the result. Rows of a causal block count as long as what they know. In `rep3` with 16 fraction
//! bits, a bound of 2^20, stochastic:
//!
//! | rows | bytes per element | rounds |
//! |---|---|---|
//! | 100 of 1000 | 229 | 94 |
//! | 1536 of 128 | 225 | 80 |
//! | 1536 of 128, causal | 116 | 80 |

use super::rows::{Rows, count};
use super::{Exp, Log, Normal, Reciprocal, check_64, check_from, finer, inside};
use crate::Error;
use crate::engine::{Dot, Rescale, Spec, Truncation, check_format};
use crate::layer::{Layers, only};
use crate::model::{Format, Shape, max_bound};
use crate::walk::Walk;

/// What the exponentials' relative errors, `2^-(f + 4.5)` each of power and sum, are of a quotient, in ULP.
const RELATIVE: f64 = 0.0884;
/// Longest row.
const MAX_ROW: usize = 1 << 20;

/// `e^x_i / sum e^x_j`.
#[derive(Debug, Clone, PartialEq)]
pub struct Softmax {
    from: Format,
    to: Format,
    /// Elements of a row.
    n: usize,
    /// Rows of a causal block, if rows are masked.
    block: Option<usize>,
    exp: Exp,
    /// Format of exponentials.
    powers: Format,
    last: Last,
}

/// What comes after the exponentials.
#[derive(Debug, Clone, PartialEq)]
enum Last {
    /// Quotients; format of the reciprocal.
    Quotient(Reciprocal, Format),
    /// The logarithm of the sum; fraction bits of it.
    Logarithm(Log, u32),
}

impl Softmax {
    /// Softmax of rows of `n` values of format `from`.
    pub fn new(from: Format, to: Format, n: usize) -> Result<Self, Error> {
        let (exp, sum) = Self::sum(from, to, n)?;
        let h = wanted(to, n).min(max_bound(to.width()).saturating_sub(1 + exp.frac()));
        if h < to.frac() + 4 || to.bound() <= to.frac() {
            return Err(Error::Unsupported {
                what: "a softmax of so long rows with so many fraction bits, or one that holds no 1",
            });
        }
        // The largest power is 1 but for its error.
        let sums = Normal::new(sum)?.above(exp.frac() - 1)?.declared();
        let factor = Format::new(to.width(), h, h + 2)?;
        let reciprocal = Reciprocal::with(sums, factor, to.frac() + 4)?;
        Self::of(from, to, n, exp, Last::Quotient(reciprocal, factor))
    }

    /// Its logarithm.
    pub fn log(from: Format, to: Format, n: usize) -> Result<Self, Error> {
        let (exp, sum) = Self::sum(from, to, n)?;
        let frac = from.frac().max(to.frac());
        // |d - ln s| < 2^bound + ln n
        let reach = (from.bound() + 1 - from.frac().min(from.bound())).max(levels(n)) + 1;
        if reach + to.frac() > to.bound() {
            return Err(Error::Range {
                what: "logarithm of a softmax",
                bound: reach + to.frac(),
            });
        }
        check_format(Format::new(to.width(), frac, frac + reach)?)?;
        let bound = frac + levels(n).max(1);
        let sums = Normal::new(sum)?.above(exp.frac() - 1)?.declared();
        let log = Log::with(sums, Format::new(to.width(), frac, bound)?)?;
        Self::of(from, to, n, exp, Last::Logarithm(log, frac))
    }

    /// Format of the exponentials and of their sum.
    fn sum(from: Format, to: Format, n: usize) -> Result<(Format, Format), Error> {
        if n == 0 || n > MAX_ROW {
            return Err(Error::Length {
                what: "elements of a row",
                got: n,
                want: n.clamp(1, MAX_ROW),
            });
        }
        check_64([from, to])?;
        check_format(from.with_bound(from.bound() + 1)?)?;
        // A bit less is enough, if the product with a reciprocal of as many bits does not fit.
        let most = wanted(to, n);
        let g = most - u32::from(2 * most >= max_bound(to.width()));
        let exp = Format::new(to.width(), g, g + 1)?;
        let sum = exp.with_bound(g + 1 + levels(n))?;
        check_format(sum)?;
        Ok((exp, sum))
    }

    fn of(from: Format, to: Format, n: usize, powers: Format, last: Last) -> Result<Self, Error> {
        // What is subtracted is at least as large.
        let difference = from.with_bound(from.bound() + 1)?;
        let exp = Exp::natural(difference, powers)?
            .with_precision(to.frac().clamp(8, 22) + 2)?
            .at_most(0.0)?;
        let softmax = Self {
            from,
            to,
            n,
            block: None,
            exp,
            powers,
            last,
        };
        // All steps on one row of shapes, so that what does not fit is refused when this is made.
        let row = Spec {
            shape: Shape::new(&[1, n])?,
            format: from,
        };
        softmax.run(&mut Walk::new(()), &row, Truncation::Stochastic)?;
        Ok(softmax)
    }

    /// The same with a causal mask: of blocks of `block` rows, row `i` knows all but its last `block - 1 - i` elements.
    pub fn causal(mut self, block: usize) -> Result<Self, Error> {
        if matches!(self.last, Last::Logarithm(..)) {
            return Err(Error::Unsupported {
                what: "the logarithm of a softmax of masked rows",
            });
        }
        if block == 0 || block > self.n {
            return Err(Error::Length {
                what: "rows of a causal block",
                got: block,
                want: block.clamp(1, self.n),
            });
        }
        self.block = Some(block);
        Ok(self)
    }
}

/// `ceil(log2 n)`
pub(super) fn levels(n: usize) -> u32 {
    n.next_power_of_two().ilog2()
}

/// Fraction bits of exponentials and reciprocals that leave nothing to wish for.
fn wanted(to: Format, n: usize) -> u32 {
    to.frac() + (levels(n) + 1).max(4)
}

impl Softmax {
    /// Format of the argument.
    #[must_use]
    pub fn from(&self) -> Format {
        self.from
    }
    /// Format of the result.
    #[must_use]
    pub fn to(&self) -> Format {
        self.to
    }
    /// Elements of a row.
    #[must_use]
    pub fn row(&self) -> usize {
        self.n
    }
    /// Bound on the error in ULP of the result, in any mode.
    #[must_use]
    pub fn error(&self) -> f64 {
        let f = self.to.frac();
        let unit = |bits: u32| 1.0 / (1u64 << (bits - f)) as f64;
        match &self.last {
            Last::Quotient(_, r) => {
                let sums = 1.125 * (self.n + 1) as f64 * unit(self.exp_frac());
                0.5 + RELATIVE + 0.0625 + sums + unit(r.frac())
            }
            Last::Logarithm(log, frac) => {
                // Of the logarithm before it is rounded, in units of its own last place.
                let own = log.error() * (1u64 << frac) as f64;
                let of_sum = 1.125 * self.n as f64 * unit(self.exp_frac()) + RELATIVE / 2.0;
                let sum = 0.5 + own + of_sum * (1u64 << (frac - f)) as f64;
                if *frac > f {
                    1.0 + sum * unit(*frac)
                } else {
                    sum
                }
            }
        }
    }

    /// See [`Layers::softmax`].
    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let mode = inside(mode);
        let spec = engine.spec(x).clone();
        check_from("softmax", spec.format, self.from)?;
        let count = count(&spec, self.n)?;
        let rows = match self.block {
            None => Rows::equal(count, self.n),
            Some(block) if count.is_multiple_of(block) => Rows::causal(count, self.n, block),
            Some(block) => {
                return Err(Error::Length {
                    what: "rows of causal blocks",
                    got: count,
                    want: count.div_ceil(block) * block,
                });
            }
        };
        let flat = Shape::new(&[1, rows.len()])?;
        let known = engine.gather(x, 1, &rows.places(self.n), &flat)?;
        let most = rows.max(engine, &known)?;
        let most = rows.spread(engine, &most)?;
        let below = engine.sub(&known, &most)?;
        let below = engine.declare(below, self.from.with_bound(self.from.bound() + 1)?)?;
        let powers = only(engine.exp(&[&below], &self.exp, mode)?)?;
        let sum = rows.sum(engine, &powers)?;
        let y = match &self.last {
            Last::Quotient(reciprocal, format) => {
                let factor = only(engine.reciprocal(&[&sum], reciprocal, Truncation::Nearest)?)?;
                let factor = rows.spread(engine, &factor)?;
                let product = Dot {
                    products: vec![(&powers, &factor)],
                    plus: None,
                };
                let rescale = Rescale {
                    shift: self.exp_frac() + format.frac() - self.to.frac(),
                    mode: Truncation::Nearest,
                    // At most 1 and an error.
                    to: self.to.with_bound(self.to.frac() + 1)?,
                };
                only(engine.dot(&[product], rescale)?)?
            }
            Last::Logarithm(log, frac) => {
                let log = only(engine.log(&[&sum], log, Truncation::Nearest)?)?;
                let log = rows.spread(engine, &log)?;
                let below = match frac - self.from.frac() {
                    0 => below,
                    more => finer(engine, &below, more)?,
                };
                let y = engine.sub(&below, &log)?;
                match frac - self.to.frac() {
                    0 => y,
                    shift => {
                        let to = self.to;
                        engine.rescale_one(&y, Rescale { shift, mode, to })?
                    }
                }
            }
        };
        let y = engine.declare(y, self.to)?;
        engine.gather(&y, 1, &rows.spots(self.n), &spec.shape)
    }

    fn exp_frac(&self) -> u32 {
        self.powers.frac()
    }
}
