//! Normalisation.

use crate::Error;
use crate::engine::Truncation;
use crate::layer::Layers;
use crate::model::Format;

/// Normalisation of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerNorm {
    from: Format,
    to: Format,
}

impl LayerNorm {
    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        affine: Option<(&E::Arith, &E::Arith)>,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let _ = (engine, x, affine, mode);
        Err(Error::Unsupported {
            what: "a function that is being built",
        })
    }
}

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

/// Normalisation of channels by secret moments.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNorm {
    from: Format,
    to: Format,
}

impl BatchNorm {
    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        moments: &Moments<'_, E::Arith>,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let _ = (engine, x, moments, mode);
        Err(Error::Unsupported {
            what: "a function that is being built",
        })
    }
}
