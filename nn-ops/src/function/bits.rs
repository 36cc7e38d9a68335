//! Functions of bits.

use crate::Error;
use crate::layer::Layers;

pub(crate) fn prefix_or<E: Layers + ?Sized>(
    engine: &mut E,
    bits: &[E::Bits],
) -> Result<Vec<E::Bits>, Error> {
    let _ = (engine, bits);
    Err(Error::Unsupported {
        what: "a function that is being built",
    })
}

pub(crate) fn most_significant_one<E: Layers + ?Sized>(
    engine: &mut E,
    bits: &[E::Bits],
) -> Result<Vec<E::Bits>, Error> {
    let _ = (engine, bits);
    Err(Error::Unsupported {
        what: "a function that is being built",
    })
}

pub(crate) fn one_hot<E: Layers + ?Sized>(
    engine: &mut E,
    bits: &[E::Bits],
) -> Result<Vec<E::Bits>, Error> {
    let _ = (engine, bits);
    Err(Error::Unsupported {
        what: "a function that is being built",
    })
}
