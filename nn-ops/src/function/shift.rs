//! Shifts by a secret amount.

use crate::Error;
use crate::engine::Truncation;
use crate::layer::Layers;
use crate::model::Format;

pub(crate) fn left<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    amount: &E::Arith,
    most: u32,
    to: Format,
) -> Result<E::Arith, Error> {
    let _ = (engine, x, amount, most, to);
    Err(Error::Unsupported {
        what: "a function that is being built",
    })
}

pub(crate) fn right<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    amount: &E::Arith,
    most: u32,
    mode: Truncation,
) -> Result<E::Arith, Error> {
    let _ = (engine, x, amount, most, mode);
    Err(Error::Unsupported {
        what: "a function that is being built",
    })
}
