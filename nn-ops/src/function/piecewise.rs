//! Functions made of polynomials.

use crate::Error;
use crate::engine::Truncation;
use crate::layer::Layers;
use crate::model::Format;

/// A function made of polynomials.
#[derive(Debug, Clone, PartialEq)]
pub struct Piecewise {
    from: Format,
    to: Format,
}

impl Piecewise {
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
