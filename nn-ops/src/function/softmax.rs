//! Softmax and its logarithm.

use crate::Error;
use crate::engine::Truncation;
use crate::layer::Layers;
use crate::model::Format;

/// `e^x_i / sum e^x_j`.
#[derive(Debug, Clone, PartialEq)]
pub struct Softmax {
    from: Format,
    to: Format,
}

impl Softmax {
    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let _ = (engine, x, mode);
        Err(Error::Unsupported {
            what: "a function that is being built",
        })
    }
}
