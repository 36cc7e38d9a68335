//! Normalisation of rows: each less its mean and over its deviation, times `gamma` plus `beta`.
//!
//! **Formula**: with `D_i = n x_i - sum x_j`, an integer, `W = sum x_i D_i = sum D_i^2 / n`, the square of n times the
//! deviation, the result is `D_i / sqrt(W + n^2 eps) gamma_i + beta_i` (Ba, Kiros, Hinton, arXiv 1607.06450). Nothing is
//! rounded before the reciprocal square root, `Root`, of one number for each row; then each element takes one product with
//! it, and one with gamma. Nothing is opened, so it is as secure as these steps.
//!
//! **Wide rows**: W has twice as many bits as D. Where it or the product has no room in 62 bits, each row is first
//! brought to a common magnitude: `E_i = D_i 2^e / 2^t` with t public, chosen so that no row overflows at e = 0, and e secret,
//! as large as the row allows, found from the highest bit of the sum of squares of `D_i / 2^t`. Then
//! `D_i / sqrt(W) = sqrt(n) E_i / sqrt(sum E_j^2)`, and small rows, for which e = t, are not rounded at all.
//!
//! **Domain**: all rows. `eps` is taken as a multiple of `n^-2 4^-f`, f the fraction bits of the argument ([`LayerNorm::eps`]
//! says which; wide rows: `n^-3 4^-f`), at least one. So a constant row gives beta: all its `D_i` are 0.
//!
//! **Error**, in ULP of the result: `|D_i / sqrt(W)| < sqrt(n)`, and the relative error of the reciprocal square root is about
//! `2^-(p+1)` with `p = f + 2 + log2(sqrt(n) |gamma|)`, or 27 if that is less: mostly 1/5 in all. With gamma the first product
//! has bits to spare, 1/8. The last rounding adds 1, or 1/2 to nearest. Of wide rows, each E has an error of one unit, and
//! their norm is at least `2^29`: each result is off by `sqrt(n) 2^-29`, and by `(1 + sqrt(n)) / 4` times this if all errors of a
//! row are half a unit and conspire (random ones do not: they add up to a part in sqrt(n) of it); a public factor `sqrt(n)` and a
//! second rounding to spare add 3/8. All of this is times the bound of |gamma|. [`LayerNorm::error`] has the sum: at most 1.7 with |gamma| below 1, but for wide
//! rows with 20 fraction bits, of which the conspiracy takes 2 at n = 4096; a larger gamma has its multiple. Measured, at 12, 16 and 20 bits and n = 2 to 4096: 1.33 at most.
//!
//! **Cost**: for each element one rescaling, by 24 to 50 bits, and with gamma a second one; wide rows take two more, by t bits,
//! and one more without gamma. For each row a sum of products and a reciprocal square root, in which are most of the rounds; for
//! wide rows also some bits, the highest of them, and a step of weighed bits. In `rep3`, 128 rows, a bound of 2^(f+4), stochastic:
//!
//! | n | f | | bytes per element | rounds |
//! |---|---|---|---|---|
//! | 768 | 16 | gamma and beta | 86 | 67 |
//! | 128 | 16 | | 57 | 65 |
//! | 1024 | 20 | wide, gamma and beta | 134 | 85 |

mod scaled;

use super::root::Root;
use super::rows::{Rows, count};
use super::softmax::levels;
use super::{check_from, finer, offset};
use crate::Error;
use crate::engine::{Dot, Engine, MatMul, Rescale, Truncation, check_format};
use crate::layer::{Layers, only};
use crate::model::{Format, Shape};
use scaled::Scaled;

/// Longest row.
const MAX_ROW: usize = 1 << 16;
/// Bits of a product that is rescaled.
const ROOM: u32 = 62;

/// Normalisation of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm {
    sizes: Sizes,
    /// Formats of factor and summand.
    affine: Option<[Format; 2]>,
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
        check_format(gamma)?;
        check_format(beta)?;
        Self::of(from, to, n, eps, Some([gamma, beta]))
    }

    fn of(
        from: Format,
        to: Format,
        n: usize,
        eps: f64,
        affine: Option<[Format; 2]>,
    ) -> Result<Self, Error> {
        check_format(from)?;
        check_format(to)?;
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
        let gamma = affine.map_or(0, |[g, _]| g.bound().saturating_sub(g.frac()));
        let sizes = Sizes {
            from,
            to,
            n,
            levels: levels(n),
            peak: levels(n).div_ceil(2),
            gamma,
        };
        // D has to fit in either case.
        check_format(from.with_bound(from.bound() + sizes.levels + 1)?)?;
        let way = match Whole::new(&sizes, eps)? {
            Some(whole) => Way::Whole(whole),
            None => Way::Scaled(Scaled::new(&sizes, eps)?),
        };
        Ok(Self { sizes, affine, way })
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
        let affine = self.affine.is_some();
        1.0 + match &self.way {
            Way::Whole(w) => w.root.error() * self.sizes.units() + if affine { 0.125 } else { 0.0 },
            Way::Scaled(s) => s.error(&self.sizes, affine),
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
        // Shifts of shares wrap too often.
        let mode = match mode {
            Truncation::Local => Truncation::Stochastic,
            mode => mode,
        };
        let spec = engine.spec(x).clone();
        check_from("layer norm", spec.format, from)?;
        let affine = match (affine, self.affine) {
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
        only(engine.dot(&[sum], rescale(frac, self.sizes.to, mode)?)?)
    }
}

impl Sizes {
    /// Bits of the reciprocal square root that have to be right.
    fn precision(&self) -> u32 {
        self.to.frac() + 2 + self.peak + self.gamma
    }

    /// Units of the largest result.
    fn units(&self) -> f64 {
        power_of_two(self.to.frac() + self.peak + self.gamma)
    }
}

impl Whole {
    /// `None` if there is no room.
    fn new(sizes: &Sizes, eps: f64) -> Result<Option<Self>, Error> {
        let Sizes { from, n, .. } = *sizes;
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
        let room = from.frac() + root.to().frac() + sizes.peak <= ROOM;
        Ok(room.then_some(Self { eps, squares, root }))
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
        let Sizes {
            to,
            n,
            peak,
            gamma: whole,
            ..
        } = layer.sizes;
        let sum = Rescale {
            shift: 0,
            mode: Truncation::Exact,
            to: self.squares,
        };
        let w = only(engine.row_products(&[(x, centred)], n, sum)?)?;
        let w = offset(engine, &w, self.eps)?;
        let w = engine.declare(w, self.squares)?;
        let factor = self.root.run(engine, &w)?;
        let Some((gamma, beta)) = affine else {
            let to = to.with_bound(to.bound().min(to.frac() + peak))?;
            return times(engine, centred, &factor, n, to, mode);
        };
        let spare = to.frac() + whole + 3;
        let between = Format::new(to.width(), spare, spare + peak)?;
        let y = times(engine, centred, &factor, n, between, mode)?;
        layer.transform(engine, &y, gamma, beta, mode)
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
