//! Normalisation of channels by secret moments.
//!
//! **Formula**: `(x - mean) a + beta` with `a = gamma / sqrt(variance + eps)` (Ioffe, Szegedy, arXiv 1502.03167), where the
//! factor a takes one reciprocal square root, `Root`, and one product for each channel, and each element one product. With
//! moments that are public all this is a product with public numbers: see [`crate::model::passes`]. Nothing is opened, so it is
//! as secure as these steps.
//!
//! **Domain**: a variance of at least 0 and `|a|` below a declared power of two. `eps` is taken as a multiple of the unit of
//! the variance ([`BatchNorm::eps`] says which), at least one.
//!
//! **Error**, in ULP of the result, if it stays below its bound `2^b`: the relative error of the reciprocal square root is below
//! `2^-(b+3)`, so at most 1/4 for a product below `2^(b+1)`, and 1/16 for its last place; the factor is rounded to nearest with
//! so many fraction bits that this is 1/8. The last rounding adds 1: [`BatchNorm::error`].
//!
//! **Cost**: for each channel a reciprocal square root and a rescaling, and for each element one rescaling.

use super::layer_norm::{power_of_two, rescale, times};
use super::root::Root;
use super::{check_from, finer, offset};
use crate::Error;
use crate::engine::{Dot, Truncation, check_format};
use crate::layer::{Layers, only};
use crate::model::{Format, max_bound};

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
        for f in given.into_iter().chain(affine.into_iter().flatten()) {
            check_format(f)?;
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
        let whole = |f: Format| f.bound().saturating_sub(f.frac());
        // The difference, from the mean.
        let apart = whole(from).max(whole(mean)) + 1;
        let apart_frac = from.frac().max(mean.frac());
        check_format(Format::new(width, apart_frac, apart_frac + apart)?)?;
        let root = Root::new(sum, eps, to.bound() + 3)?;
        let factor_frac = (to.frac() + 2 + apart).max(to.frac().saturating_sub(apart_frac));
        let factor = match affine {
            None => root.to(),
            Some(_) => Format::new(width, factor_frac, factor_frac + reach.max(1))?,
        };
        check_format(factor)?;
        // The two products, before they are rescaled.
        let made = affine.map_or(0, |[g, _]| g.frac() + root.to().frac() + reach.max(1));
        let used = to.bound() + apart_frac + factor.frac() - to.frac().min(factor.frac());
        let bound = made.max(used);
        if bound > max_bound(width) {
            return Err(Error::Range {
                what: "batch norm",
                bound,
            });
        }
        Ok(Self {
            from,
            to,
            moments,
            eps,
            root,
            factor,
        })
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
        1.0 + 0.125 + self.root.error() * power_of_two(self.to.bound() + 1)
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
        // Shifts of shares wrap too often.
        let mode = match mode {
            Truncation::Local => Truncation::Stochastic,
            mode => mode,
        };
        only(engine.dot(&[sum], rescale(frac, self.to, mode)?)?)
    }
}
