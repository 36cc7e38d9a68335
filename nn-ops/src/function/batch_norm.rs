//! Normalisation of channels by secret moments.
//!
//! **Formula**: `(x - mean) a + beta` with `a = gamma / sqrt(variance + eps)` (Ioffe, Szegedy, arXiv 1502.03167),
//! where the factor a takes one reciprocal square root, `Root`, and one product for each channel, and each element
//! one product. With moments that are public all this is a product with public numbers: see [`crate::model::passes`].
//! Nothing is opened, so it is as secure as these steps.
//!
//! **Domain**: a variance of at least 0 and `|a|` below a declared power of two. `eps` is taken as a multiple of the
//! unit of the variance ([`BatchNorm::eps`] says which), at least one.
//!
//! **Error**, in ULP of the result: results are below `2^b` units and so is the summand, or b is taken larger, so the
//! product is below `2^(b+1)`. The relative error of the reciprocal square root, `Root` to b + 3 bits, makes this 1/4
//! at most where b is at most 24, the most that `Root` serves. With gamma the factor is rounded to nearest, to so
//! many fraction bits that this is 1/8. The last rounding adds 1: [`BatchNorm::error`].
//!
//! **Refused**, when it is made, is what has no room in 62 bits: the difference, the factor, the products, beta at
//! their scale.
//!
//! **Cost**: an element is rescaled by s bits, with gamma `s = f_x + 2 + d`, f_x the fraction bits of argument or
//! mean and `2^d` the largest difference, without it those of the reciprocal square root and f_x less f. In `rep3`,
//! stochastic, that is `24 + 3 w` bytes, w = 1, 2, 4 or 8 for s bits; between P parties of `semi2k` it is `24 P (P -
//! 1)`. A channel takes a reciprocal square root, and with gamma a rescaling to nearest: about 1.1 KB in `rep3`, 0.8
//! KB between two parties. Rounds are at most 62 and 60, with gamma 67 and 65.

use super::layer_norm::{power_of_two, rescale, times};
use super::root::Root;
use super::{check_64, check_from, finer, inside, offset};
use crate::Error;
use crate::engine::{Dot, Spec, Truncation, check_format};
use crate::layer::{Layers, only};
use crate::model::{Format, Shape, max_bound};
use crate::walk::Walk;

/// What a channel is normalised by, one row of channels each.
#[derive(Debug)]
pub struct Moments<'a, A> {
    /// Mean.
    pub mean: &'a A,
    /// Variance.
    pub variance: &'a A,
    /// Factor and summand, if not 1 and 0.
    pub affine: Option<(&'a A, &'a A)>,
}

/// Formats of [`Moments`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MomentFormats {
    /// Of the mean.
    pub mean: Format,
    /// Of the variance.
    pub variance: Format,
    /// Of factor and summand.
    pub affine: Option<[Format; 2]>,
}

/// Normalisation of channels by secret moments.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNorm {
    from: Format,
    to: Format,
    moments: MomentFormats,
    /// Units of the variance.
    eps: i64,
    root: Root,
    /// Format of a factor.
    factor: Format,
}

/// Bits before the point.
fn whole(f: Format) -> u32 {
    f.bound().saturating_sub(f.frac())
}

impl BatchNorm {
    /// Normalisation of values of format `from`, by factors `|gamma| / sqrt(variance + eps)` below `2^reach`.
    pub fn new(
        from: Format,
        to: Format,
        moments: MomentFormats,
        eps: f64,
        reach: u32,
    ) -> Result<Self, Error> {
        let MomentFormats {
            mean,
            variance,
            affine,
        } = moments;
        let given = [from, to, mean, variance];
        check_64(given.into_iter().chain(affine.into_iter().flatten()))?;
        if reach > max_bound(from.width()) {
            return Err(Error::Range {
                what: "factor of a batch norm",
                bound: reach,
            });
        }
        let unit = power_of_two(variance.frac());
        if !(eps.is_finite() && eps >= 0.0 && eps * unit < power_of_two(60)) {
            return Err(Error::Unsupported {
                what: "an epsilon that is not a number of at least zero, or too large",
            });
        }
        let eps = ((eps * unit + 0.5) as i64).max(1);
        let width = from.width();
        let sum = variance.with_bound(variance.bound().max(eps.ilog2() + 1) + 1)?;
        check_format(sum)?;
        // The difference, from the mean.
        let apart = whole(from).max(whole(mean)) + 1;
        let apart_frac = from.frac().max(mean.frac());
        check_format(Format::new(width, apart_frac, apart_frac + apart)?)?;
        let root = Root::new(sum, eps, Self::product(to, affine) + 2)?;
        let factor = match affine {
            None => root.to(),
            Some([gamma, _]) => {
                let frac = to.frac() + 2 + apart;
                let frac = frac.min(gamma.frac() + root.to().frac());
                Format::new(width, frac, frac + reach.max(1))?
            }
        };
        check_format(factor)?;
        let norm = Self {
            from,
            to,
            moments,
            eps,
            root,
            factor,
        };
        norm.rehearse()?;
        Ok(norm)
    }

    /// Logarithm of what a product of difference and factor may be, in units of the result: the result less the summand.
    fn product(to: Format, affine: Option<[Format; 2]>) -> u32 {
        let beta = affine.map_or(0, |[_, beta]| to.frac() + whole(beta));
        to.bound().max(beta) + 1
    }

    /// All steps on shapes, so that what does not fit is refused when this is made.
    fn rehearse(&self) -> Result<(), Error> {
        let of = |format| {
            let shape = Shape::new(&[1, 1])?;
            Ok::<_, Error>(Spec { shape, format })
        };
        let MomentFormats {
            mean,
            variance,
            affine,
        } = self.moments;
        let (x, mean, variance) = (of(self.from)?, of(mean)?, of(variance)?);
        let affine = match affine {
            Some([gamma, beta]) => Some((of(gamma)?, of(beta)?)),
            None => None,
        };
        let moments = Moments {
            mean: &mean,
            variance: &variance,
            affine: affine.as_ref().map(|(gamma, beta)| (gamma, beta)),
        };
        self.run(&mut Walk::new(()), &x, &moments, Truncation::Stochastic)?;
        Ok(())
    }

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
    /// What is added to the variance.
    #[must_use]
    pub fn eps(&self) -> f64 {
        self.eps as f64 / power_of_two(self.moments.variance.frac())
    }
    /// Bound on the error in ULP of the result, in any mode.
    #[must_use]
    pub fn error(&self) -> f64 {
        let product = Self::product(self.to, self.moments.affine);
        let rounded = self.moments.affine.map_or(0.0, |_| 0.125);
        1.0 + rounded + self.root.error() * power_of_two(product)
    }

    /// See [`Layers::batch_norm`].
    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        moments: &Moments<'_, E::Arith>,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let spec = engine.spec(x).clone();
        check_from("batch norm", spec.format, self.from)?;
        let channels = spec.shape.channels();
        let declared = &self.moments;
        let mut rows = vec![
            (moments.mean, declared.mean),
            (moments.variance, declared.variance),
        ];
        match (moments.affine, declared.affine) {
            (None, None) => {}
            (Some((gamma, beta)), Some([g, b])) => rows.extend([(gamma, g), (beta, b)]),
            _ => {
                return Err(Error::Unsupported {
                    what: "a batch norm with gamma and beta that was made without, or the reverse",
                });
            }
        }
        for (row, declared) in rows {
            let row = engine.spec(row);
            check_from("batch norm", row.format, declared)?;
            if row.len() != channels {
                return Err(Error::Length {
                    what: "moments of channels",
                    got: row.len(),
                    want: channels,
                });
            }
        }
        let sum = offset(engine, moments.variance, self.eps)?;
        // As it was declared, if this one is narrower.
        let sum = engine.declare(sum, self.root.from())?;
        let root = self.root.run(engine, &sum)?;
        let factor = match moments.affine {
            None => root,
            Some((gamma, _)) => times(engine, gamma, &root, 1, self.factor, Truncation::Nearest)?,
        };
        let each = vec![0; spec.len() / channels];
        let mean = engine.gather(moments.mean, channels, &each, &spec.shape)?;
        let frac = self.from.frac().max(declared.mean.frac());
        let x = finer(engine, x, frac - self.from.frac())?;
        let mean = finer(engine, &mean, frac - declared.mean.frac())?;
        let apart = engine.sub(&x, &mean)?;
        let factor = engine.gather(&factor, channels, &each, &spec.shape)?;
        let frac = frac + engine.spec(&factor).format.frac();
        let beta = match moments.affine {
            None => None,
            Some((_, beta)) => {
                let more = frac.checked_sub(engine.spec(beta).format.frac());
                let more = more.ok_or(Error::FormatMismatch {
                    op: "batch norm",
                    left: self.factor,
                    right: engine.spec(beta).format,
                })?;
                let beta = finer(engine, beta, more)?;
                Some(engine.gather(&beta, channels, &each, &spec.shape)?)
            }
        };
        let sum = Dot {
            products: vec![(&apart, &factor)],
            plus: beta.as_ref(),
        };
        let mode = inside(mode);
        only(engine.dot(&[sum], rescale(frac, self.to, mode)?)?)
    }
}
