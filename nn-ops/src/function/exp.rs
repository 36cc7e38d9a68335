//! Exponentials.

use crate::Error;
use crate::engine::Truncation;
use crate::layer::Layers;
use crate::model::Format;

/// `e^x` or `2^x`.
#[derive(Debug, Clone, PartialEq)]
pub struct Exp {
    from: Format,
    to: Format,
}

impl Exp {
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
