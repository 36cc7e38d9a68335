//! Normalisation of rows: each less its mean and over its deviation, times `gamma` plus `beta`.
//!
//! **Formula**: with `D_i = n x_i - sum x_j`, an integer, `W = sum x_i D_i = sum D_i^2 / n`, the square of n times
//! the deviation, the result is `D_i / sqrt(W + n^2 eps) gamma_i + beta_i` (Ba, Kiros, Hinton, arXiv 1607.06450).
//! Nothing is rounded before the reciprocal square root, `Root`, of one number for each row; then each element takes
//! one product with it, and one with gamma. Nothing is opened, so it is as secure as these steps.
//!
//! **Wide rows**: W has twice as many bits as D. Where it or the product has no room in 62 bits, each row is first
//! brought to a common magnitude: `E_i = D_i M / 2^t` with t public, chosen so that no row overflows at M = 1, and M
//! secret, a power of two or a number near the square root of one, as large as the row allows, found from the highest
//! bit of the sum of squares of `D_i / 2^t`. Then `D_i / sqrt(W) = sqrt(n) E_i / sqrt(sum E_j^2)`, and small rows,
//! for which M = 2^t, are not rounded at all.
//!
//! **Domain**: all rows. `eps` is taken as a multiple of `n^-2 4^-f`, f the fraction bits of the argument
//! ([`LayerNorm::eps`] says which; wide rows: `n^-3 4^-f`), at least one. So a constant row gives beta: all its `D_i`
//! are 0. By the bound of the result's format the caller declares how large results are: `sqrt(n) |gamma| + |beta|` is
//! always enough, and real rows mostly need less. Of a result that is larger the oracle reports an overflow, naming
//! the layer; the engines, which do not compare, give another number.
//!
//! **Error**, in ULP of the result, f fraction bits: `|D_i / sqrt(W)| < sqrt(n)`, and the relative error of the
//! reciprocal square root is about `2^-(p+1)` with `p = f + 2 + log2(sqrt(n) |gamma|)`, or 27 if that is less: mostly
//! 1/5 in all. With gamma the first product has bits to spare: 1/8. The last rounding adds 1, or 1/2 to nearest.
//!
//! Of wide rows, each E is off by less than a unit, and their norm is at least `19/20 2^30`: each result is off by
//! `sqrt(n) 2^(f-30)`, and by `(1 + sqrt n) / 2` times this if the roundings of a row conspire. Where that makes the
//! bound more than 2, the norm is corrected, by what was rounded off, and they cannot. A public factor `sqrt(n)` and
//! a second rounding to spare add 3/16. All but the last rounding is times the bound of |gamma|, or 1 if that is
//! more. [`LayerNorm::error`] has the sum. It is below 2 with |gamma| below 1, for n = 2 to 4096 and f = 12, 16, 20,
//! at most 1.94 (measured: 1.17); and with |gamma| below 8 for f = 12 and 16 (measured, with 20 too: 2.0). With f =
//! 20 the 27 bits of the reciprocal square root are too few for larger gammas in long rows:
//!
//! | n | gamma < 2 | < 4 | < 8 |
//! |---|---|---|---|
//! | 100 | 1.39 | 1.62 | 1.75 |
//! | 768 | 1.58 | 1.98 | 2.85 |
//! | 1024 | 1.66 | 2.12 | 3.12 |
//! | 4096 | 2.12 | 3.11 | 5.23 |
//!
//! **Refused**, when a layer is made, is what has no room in 62 bits: products, beta at their scale, long rows of
//! wide bounds.
//!
//! **Cost**: for each element one rescaling, by s bits, and with gamma a second one; wide rows take two more, by t
//! and t + 1 bits, and one more without gamma. For each row a sum of products and a reciprocal square root, in which
//! are most of the rounds; for wide rows also some bits, the highest of them, and a step of weighed bits. Bytes of an
//! element, stochastic:
//!
//! | | `rep3`, with `T(s) = 24 + 3 w`, w = 1, 2, 4 or 8 bytes for s bits | `semi2k`, P parties, times `8 P (P - 1)` |
//! |---|---|---|
//! | | `T(p + 1 + B - f)` | 4 |
//! | gamma and beta | `T(p - 2 + B - f - g) + T(f' + g + 3)` | 7 |
//! | wide | `T(t) + T(t + 1) + T(p + 32 + d - u) + T(u + v - f)` | 8 |
//! | wide, gamma and beta | `T(t) + T(t + 1) + T(p + 32 + d - u) + T(u + 3)` | 10 |
//! | corrected | the same | 2 more |
//!
//! Here 2 B are the bits of W, at least 32, f' the fraction bits of gamma and `2^g` its bound, at least 1, `u = f +
//! log2(sqrt(n)) + g + 3`, logarithms rounded up, d = u - p but at most 2, and `v = 32 + f - u`, or f + 3 if that is
//! more; where there is no room u and the last shift are less by up to 3. A row has about 1 KB in `rep3`, 1.5 KB if
//! it is wide, and 0.7 and 0.9 KB between two parties; once for all rows n products of gamma are rounded to nearest
//! if rows are wide. Rounds are at most 67 in `rep3` and 66 in `semi2k`, 88 and 85 for wide rows, and 3 and 2 more
//! for corrected ones.
//!
//! | n | f | bytes in `rep3` | rounds | between two parties | rounds |
//! |---|---|---|---|---|---|
//! | 128 | 16 | 56 | 65 | 69 | 64 |
//! | 768, gamma and beta | 16 | 86 | 67 | 112 | 66 |
//! | 1024, gamma and beta | 20 | 134 | 87 | 161 | 84 |
//! | 4096, gamma and beta, corrected | 20 | 137 | 90 | 194 | 86 |

mod scaled;

use super::root::Root;
use super::rows::{Rows, count};
use super::softmax::levels;
use super::{check_64, check_from, finer, inside, offset};
use crate::Error;
use crate::engine::{Dot, Engine, MatMul, Rescale, Spec, Truncation, check_format};
use crate::layer::{Layers, only};
use crate::model::{Format, Shape};
use crate::walk::Walk;
use scaled::Scaled;

/// Longest row.
const MAX_ROW: usize = 1 << 16;
/// Bits of a product that is rescaled.
const ROOM: u32 = 62;

/// Normalisation of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm {
    sizes: Sizes,
    way: Way,
}

#[derive(Debug, Clone, PartialEq)]
enum Way {
    Whole(Whole),
    Scaled(Scaled),
}

/// Rows whose sum of squares has room.
#[derive(Debug, Clone, PartialEq)]
struct Whole {
    /// `n^2 eps`, in units of W.
    eps: i64,
    /// Format of W and this.
    squares: Format,
    root: Root,
    /// Format of the first product: that of the result, or with gamma one with bits to spare.
    between: Format,
}

/// What both ways ask of formats: logarithms, rounded up, unless they are bits.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sizes {
    from: Format,
    to: Format,
    n: usize,
    /// Elements of a row.
    levels: u32,
    /// The largest of a normalised row.
    peak: u32,
    /// The largest factor gamma, at least 0.
    gamma: u32,
    /// Formats of factor and summand.
    affine: Option<[Format; 2]>,
    /// The result, with no larger bound than it needs.
    last: Format,
}

impl LayerNorm {
    /// Normalisation of rows of `n` values of format `from`, with gamma 1 and beta 0.
    pub fn new(from: Format, to: Format, n: usize, eps: f64) -> Result<Self, Error> {
        Self::of(from, to, n, eps, None)
    }

    /// Normalisation with a factor and a summand of these formats.
    pub fn with_affine(
        from: Format,
        to: Format,
        n: usize,
        eps: f64,
        [gamma, beta]: [Format; 2],
    ) -> Result<Self, Error> {
        Self::of(from, to, n, eps, Some([gamma, beta]))
    }

    fn of(
        from: Format,
        to: Format,
        n: usize,
        eps: f64,
        affine: Option<[Format; 2]>,
    ) -> Result<Self, Error> {
        check_64([from, to].into_iter().chain(affine.into_iter().flatten()))?;
        if !(2..=MAX_ROW).contains(&n) {
            return Err(Error::Length {
                what: "elements of a row",
                got: n,
                want: n.clamp(2, MAX_ROW),
            });
        }
        if !(eps.is_finite() && eps >= 0.0) {
            return Err(Error::Unsupported {
                what: "an epsilon that is not a number of at least zero",
            });
        }
        let sizes = Sizes::new(from, to, n, affine)?;
        let way = match Whole::new(&sizes, eps)? {
            Some(whole) => Way::Whole(whole),
            None => Way::Scaled(Scaled::new(&sizes, eps)?),
        };
        let layer = Self { sizes, way };
        layer.rehearse()?;
        Ok(layer)
    }

    /// All steps on one row of shapes, so that what does not fit is refused when the layer is made.
    fn rehearse(&self) -> Result<(), Error> {
        let Sizes {
            from, n, affine, ..
        } = self.sizes;
        let row = |format| {
            let shape = Shape::new(&[1, n])?;
            Ok::<_, Error>(Spec { shape, format })
        };
        let x = row(from)?;
        let affine = match affine {
            Some([g, b]) => Some((row(g)?, row(b)?)),
            None => None,
        };
        let affine = affine.as_ref().map(|(g, b)| (g, b));
        self.run(&mut Walk::new(()), &x, affine, Truncation::Stochastic)?;
        Ok(())
    }

    /// Format of the argument.
    #[must_use]
    pub fn from(&self) -> Format {
        self.sizes.from
    }
    /// Format of the result.
    #[must_use]
    pub fn to(&self) -> Format {
        self.sizes.to
    }
    /// Elements of a row.
    #[must_use]
    pub fn row(&self) -> usize {
        self.sizes.n
    }
    /// Whether rows are brought to a common magnitude first.
    #[must_use]
    pub fn is_wide(&self) -> bool {
        matches!(self.way, Way::Scaled(_))
    }
    /// Whether the norms of such rows are corrected, which the error would else be too large for.
    #[must_use]
    pub fn is_corrected(&self) -> bool {
        matches!(&self.way, Way::Scaled(s) if s.is_corrected())
    }
    /// What is added to the variance.
    #[must_use]
    pub fn eps(&self) -> f64 {
        let n = self.sizes.n as f64;
        let unit = power_of_two(2 * self.sizes.from.frac());
        match &self.way {
            Way::Whole(w) => w.eps as f64 / (n * n * unit),
            Way::Scaled(s) => s.eps() / (n * n * n * unit),
        }
    }
    /// Bound on the error in ULP of the result, in any mode.
    #[must_use]
    pub fn error(&self) -> f64 {
        1.0 + match &self.way {
            Way::Whole(w) => w.error(&self.sizes),
            Way::Scaled(s) => s.error(&self.sizes),
        }
    }

    /// See [`Layers::layer_norm`].
    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        affine: Option<(&E::Arith, &E::Arith)>,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let Sizes { from, to, n, .. } = self.sizes;
        let mode = inside(mode);
        let spec = engine.spec(x).clone();
        check_from("layer norm", spec.format, from)?;
        let affine = match (affine, self.sizes.affine) {
            (None, None) => None,
            (Some((gamma, beta)), Some([g, b])) => {
                for (given, declared) in [(gamma, g), (beta, b)] {
                    let given = engine.spec(given);
                    check_from("layer norm", given.format, declared)?;
                    if given.len() != n {
                        return Err(Error::Length {
                            what: "factors or summands of a row",
                            got: given.len(),
                            want: n,
                        });
                    }
                }
                Some((gamma, beta))
            }
            _ => {
                return Err(Error::Unsupported {
                    what: "a layer norm with gamma and beta that was made without, or without that was made with",
                });
            }
        };
        let rows = Rows::equal(count(&spec, n)?, n);
        let whole: Vec<u32> = (0..rows.count() as u32).collect();
        let flat = Shape::new(&[1, spec.len()])?;
        let x = engine.gather(x, n, &whole, &flat)?;
        let sum = rows.sum(engine, &x)?;
        let sum = rows.spread(engine, &sum)?;
        let all = engine.mul_public(&x, &[n as i64], 0)?;
        let centred = engine.sub(&all, &sum)?;
        let y = match &self.way {
            Way::Whole(w) => w.run(engine, self, &x, &centred, affine, mode)?,
            Way::Scaled(s) => s.run(engine, self, &centred, affine, mode)?,
        };
        let y = engine.declare(y, to)?;
        engine.gather(&y, n, &whole, &spec.shape)
    }

    /// `y gamma + beta`, rounded once.
    fn transform<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        y: &E::Arith,
        gamma: &E::Arith,
        beta: &E::Arith,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let shape = engine.spec(y).shape.clone();
        let frac = engine.spec(y).format.frac() + engine.spec(gamma).format.frac();
        let beta = match frac.checked_sub(engine.spec(beta).format.frac()) {
            Some(more) => finer(engine, beta, more)?,
            None => {
                return Err(Error::FormatMismatch {
                    op: "layer norm",
                    left: engine.spec(gamma).format,
                    right: engine.spec(beta).format,
                });
            }
        };
        let each = vec![0; shape.elements() / self.sizes.n];
        let gamma = engine.gather(gamma, self.sizes.n, &each, &shape)?;
        let beta = engine.gather(&beta, self.sizes.n, &each, &shape)?;
        let sum = Dot {
            products: vec![(y, &gamma)],
            plus: Some(&beta),
        };
        only(engine.dot(&[sum], rescale(frac, self.sizes.last, mode)?)?)
    }
}

impl Sizes {
    fn new(from: Format, to: Format, n: usize, affine: Option<[Format; 2]>) -> Result<Self, Error> {
        let levels = levels(n);
        let peak = levels.div_ceil(2);
        // D has to fit.
        check_format(from.with_bound(from.bound() + levels + 1)?)?;
        let whole = |f: Format| f.bound().saturating_sub(f.frac());
        let edge = |frac: u32| u32::from(frac <= levels);
        let gamma = affine.map_or(0, |[g, _]| whole(g));
        let bound = match affine {
            // Less than sqrt(n), by more than an error only if there are as many fraction bits.
            None => to.frac() + peak + edge(to.frac()),
            Some([_, b]) => to.frac() + (peak + gamma).max(whole(b)) + 1 + edge(to.frac()),
        };
        Ok(Self {
            from,
            to,
            n,
            levels,
            peak,
            gamma,
            affine,
            last: to.with_bound(to.bound().min(bound))?,
        })
    }

    /// Bits of the reciprocal square root that have to be right.
    fn precision(&self) -> u32 {
        self.to.frac() + 2 + self.peak + self.gamma
    }

    /// Units of the largest result.
    fn units(&self) -> f64 {
        (self.n as f64).sqrt() * power_of_two(self.to.frac() + self.gamma)
    }
}

impl Whole {
    /// `None` if there is no room.
    fn new(sizes: &Sizes, eps: f64) -> Result<Option<Self>, Error> {
        let Sizes { from, n, last, .. } = *sizes;
        let n = n as f64;
        let eps = eps * n * n * power_of_two(2 * from.frac());
        // Powers of two and the square of n are exact.
        let reach = n * n * power_of_two(2 * from.bound()) + eps + 1.0;
        if reach >= power_of_two(ROOM - 1) {
            return Ok(None);
        }
        let eps = ((eps + 0.5) as i64).max(1);
        let bits = u64::BITS - (reach as u64).leading_zeros();
        let squares = Format::new(from.width(), 2 * from.frac(), bits)?;
        let Ok(root) = Root::new(squares, eps, sizes.precision()) else {
            return Ok(None);
        };
        let frac = from.frac() + root.to().frac();
        let between = match sizes.affine {
            None => last,
            Some([gamma, beta]) => {
                let whole = |f: Format| f.bound().saturating_sub(f.frac());
                let above = whole(last).max(whole(beta)) + gamma.frac();
                let wanted = last.frac() + sizes.gamma + 3;
                let most = ROOM.saturating_sub(above).min(frac);
                // Without room for two of the bits to spare gamma has to be rounded.
                if most + 1 < wanted {
                    return Ok(None);
                }
                let spare = wanted.min(most);
                Format::new(last.width(), spare, spare + sizes.peak)?
            }
        };
        let above = between.bound().saturating_sub(between.frac());
        let room = frac + above <= ROOM && between.bound() <= ROOM;
        Ok(room.then_some(Self {
            eps,
            squares,
            root,
            between,
        }))
    }

    /// All but the last rounding, in ULP.
    fn error(&self, sizes: &Sizes) -> f64 {
        let first = match sizes.affine {
            None => 0.0,
            Some(_) => {
                power_of_two(sizes.to.frac() + sizes.gamma) / power_of_two(self.between.frac())
            }
        };
        self.root.error() * sizes.units() + first
    }

    fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        layer: &LayerNorm,
        x: &E::Arith,
        centred: &E::Arith,
        affine: Option<(&E::Arith, &E::Arith)>,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let n = layer.sizes.n;
        let sum = Rescale {
            shift: 0,
            mode: Truncation::Exact,
            to: self.squares,
        };
        let w = only(engine.row_products(&[(x, centred)], n, sum)?)?;
        let w = offset(engine, &w, self.eps)?;
        let w = engine.declare(w, self.squares)?;
        let factor = self.root.run(engine, &w)?;
        let y = times(engine, centred, &factor, n, self.between, mode)?;
        match affine {
            None => Ok(y),
            Some((gamma, beta)) => layer.transform(engine, &y, gamma, beta, mode),
        }
    }
}

/// Rows of `n` elements by one factor each, rounded once. A product that is small because the factor is fits although the
/// bounds of both have no room together, so this is a product of matrices, whose magnitude is that of the result.
pub(super) fn times<E: Engine + ?Sized>(
    engine: &mut E,
    rows: &E::Arith,
    factors: &E::Arith,
    n: usize,
    to: Format,
    mode: Truncation,
) -> Result<E::Arith, Error> {
    let frac = engine.spec(rows).format.frac() + engine.spec(factors).format.frac();
    let op = MatMul {
        batch: engine.spec(factors).len(),
        rows: n,
        inner: 1,
        columns: 1,
        transposed: false,
    };
    let y = only(engine.matmul(&[(rows, factors)], &op, rescale(frac, to, mode)?)?)?;
    let all: Vec<u32> = vec![0];
    let len = engine.spec(&y).len();
    engine.gather(&y, len, &all, &Shape::new(&[1, len])?)
}

/// From `frac` fraction bits to those of the result.
pub(super) fn rescale(frac: u32, to: Format, mode: Truncation) -> Result<Rescale, Error> {
    match frac.checked_sub(to.frac()) {
        Some(shift) => Ok(Rescale { shift, mode, to }),
        None => Err(Error::Rescale {
            frac,
            bound: to.bound(),
            shift: 0,
            to,
        }),
    }
}

/// `2^bits`, for fewer than 128.
pub(super) fn power_of_two(bits: u32) -> f64 {
    (1u128 << bits.min(127)) as f64
}
