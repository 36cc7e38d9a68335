//! Square roots and their reciprocals.

use crate::Error;
use crate::engine::Truncation;
use crate::layer::Layers;
use crate::model::Format;

/// `1 / sqrt(x)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rsqrt {
    from: Format,
    to: Format,
}

impl Rsqrt {
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

/// `sqrt(x)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sqrt {
    from: Format,
    to: Format,
}

impl Sqrt {
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
