//! Reciprocals and quotients.

use crate::Error;
use crate::engine::Truncation;
use crate::layer::Layers;
use crate::model::Format;

/// `1 / x`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reciprocal {
    from: Format,
    to: Format,
}

impl Reciprocal {
    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        xs: &[&E::Arith],
        mode: Truncation,
    ) -> Result<Vec<E::Arith>, Error> {
        let _ = (engine, xs, mode);
        Err(Error::Unsupported {
            what: "a function that is being built",
        })
    }
}

/// `x / y`.
#[derive(Debug, Clone, PartialEq)]
pub struct Division {
    from: Format,
    to: Format,
}

impl Division {
    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        y: &E::Arith,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let _ = (engine, x, y, mode);
        Err(Error::Unsupported {
            what: "a function that is being built",
        })
    }
}
