//! Bounds and slopes.

use super::{Layers, only};
use crate::Error;
use crate::engine::{Rescale, Truncation};
use crate::function::offset;
use crate::model::{Clip, Format, Slope};

/// `low + relu(x - low) - relu(x - high)`, both comparisons in the same rounds.
pub(super) fn clip<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    clip: &Clip,
    to: Format,
) -> Result<E::Arith, Error> {
    let format = engine.spec(x).format;
    let [low, high] = clip.raw(format);
    // How far x is above a bound; x itself where that is zero.
    let above = |engine: &mut E, v: Option<i64>| -> Result<Option<E::Arith>, Error> {
        match v {
            None | Some(0) => Ok(None),
            Some(v) => offset(engine, x, v.saturating_neg()).map(Some),
        }
    };
    let (over_low, over_high) = (above(engine, low)?, above(engine, high)?);
    let bounded = [(low, &over_low), (high, &over_high)];
    let given = bounded.iter().filter(|(v, _)| v.is_some());
    let operands: Vec<&E::Arith> = given.map(|(_, d)| d.as_ref().unwrap_or(x)).collect();
    let mut excess = match operands.is_empty() {
        true => Vec::new(),
        false => engine.relu(&operands)?,
    }
    .into_iter();
    // From here on every value lies between the bounds, or below twice the larger of them and x.
    let widest = clip.widest(format);
    let at_most = |engine: &mut E, v: E::Arith| engine.declare(v, format.with_bound(widest + 1)?);
    let raised = low.and_then(|_| excess.next());
    let cut = match (high, excess.next()) {
        (Some(_), Some(e)) => {
            let y = engine.sub(raised.as_ref().unwrap_or(x), &e)?;
            Some(at_most(engine, y)?)
        }
        _ => raised,
    };
    let y = match (cut, low) {
        (None, _) => offset(engine, x, 0)?,
        (Some(y), None | Some(0)) => y,
        (Some(y), Some(v)) => offset(engine, &y, v)?,
    };
    engine.declare(y, to)
}

/// `relu(x) - slope * (relu(x) - x)`: one comparison, one selection, one rescaling.
pub(super) fn leaky_relu<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    slope: &Slope,
    to: Format,
    mode: Truncation,
) -> Result<E::Arith, Error> {
    let format = engine.spec(x).format;
    let positive = only(engine.relu(&[x])?)?;
    if slope.multiplier == 0 {
        return engine.declare(positive, to);
    }
    let negative = engine.sub(&positive, x)?;
    let negative = engine.declare(negative, format)?;
    let scaled = engine.mul_public(&negative, &[slope.multiplier], slope.shift)?;
    let rescale = Rescale {
        shift: slope.shift,
        mode,
        to: format.with_bound(slope.bound(format.bound()))?,
    };
    let part = engine.rescale_one(&scaled, rescale)?;
    let y = engine.sub(&positive, &part)?;
    engine.declare(y, to)
}
