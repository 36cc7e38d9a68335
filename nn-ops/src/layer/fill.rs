//! A public mask over elements.

use crate::Error;
use crate::engine::{Engine, Spec, ZERO_ROW};
use crate::model::Format;

/// A public number where `keep` is false.
pub(super) fn fill<E: Engine + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    keep: &[bool],
    value: i64,
    to: Format,
) -> Result<E::Arith, Error> {
    let shape = engine.spec(x).shape.clone();
    let index: Vec<u32> = (0u32..)
        .zip(keep)
        .map(|(i, keep)| if *keep { i } else { ZERO_ROW })
        .collect();
    let kept = engine.gather(x, 1, &index, &shape)?;
    let values: Vec<i64> = keep
        .iter()
        .map(|keep| if *keep { 0 } else { value })
        .collect();
    let spec = Spec { shape, format: to };
    let rest = engine.constant(&spec, &values)?;
    let sum = engine.add(&kept, &rest)?;
    engine.declare(sum, to)
}
