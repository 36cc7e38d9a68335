//! Raw weights from weights, and what they may make of values.

use super::{QuantizedParams, refuse};
use crate::model::format::{exp2, max_bound};
use crate::model::program::Norm;
use crate::model::{Format, ModelError, Node, Params, Role, Tensor};

/// Largest raw weight.
const MAX_WEIGHT: f64 = (1u64 << 40) as f64;

/// The least b with x < 2^b; 128 for what is beyond.
pub(super) fn bits(x: f64) -> u32 {
    if x < exp2(100) {
        128 - (x as u128).leading_zeros()
    } else {
        128
    }
}

pub(super) fn convert(
    node: &Node,
    params: &Params,
    input_frac: u32,
    weight_frac: u32,
    raw: &mut QuantizedParams,
) -> Result<(), ModelError> {
    scale(node, params, Role::Weight, weight_frac, MAX_WEIGHT, raw)?;
    let limit = MAX_WEIGHT * exp2(input_frac);
    scale(
        node,
        params,
        Role::Bias,
        input_frac + weight_frac,
        limit,
        raw,
    )
}

/// One parameter, if it is there.
fn scale(
    node: &Node,
    params: &Params,
    role: Role,
    frac: u32,
    limit: f64,
    raw: &mut QuantizedParams,
) -> Result<(), ModelError> {
    let Some(t) = params.get(&node.name, role) else {
        return Ok(());
    };
    let mut values = Vec::with_capacity(t.data().len());
    for v in t.data() {
        let v = (f64::from(*v) * exp2(frac)).round();
        // Not a number, too.
        if v.is_nan() || v.abs() >= limit {
            let reason = format!("its {role} is not finite, or beyond 2^40 in fixed point");
            return Err(refuse(node, &reason));
        }
        values.push(v as i64);
    }
    raw.insert(&node.name, role, Tensor::new(t.shape().clone(), values)?);
    Ok(())
}

/// Factors and summands of a normalisation, with so many bits behind the point.
pub(super) fn convert_norm(
    node: &Node,
    params: &Params,
    [gamma, beta]: [u32; 2],
    width: u32,
    raw: &mut QuantizedParams,
) -> Result<Norm, ModelError> {
    scale(node, params, Role::Gamma, gamma, MAX_WEIGHT, raw)?;
    scale(node, params, Role::Beta, beta, MAX_WEIGHT, raw)?;
    let format = |role, frac| {
        let bound = reach(raw.need(node, role)?.data()).max(1);
        Format::new(width, frac, bound).map_err(|e| refuse(node, &e.to_string()))
    };
    Ok(Norm {
        gamma: format(Role::Gamma, gamma)?,
        beta: format(Role::Beta, beta)?,
    })
}

/// Holds factors and summands of a normalisation to their formats.
pub(super) fn check_norm(
    node: &Node,
    raw: &QuantizedParams,
    norm: &Norm,
) -> Result<(), ModelError> {
    for (role, format) in [(Role::Gamma, norm.gamma), (Role::Beta, norm.beta)] {
        if reach(raw.need(node, role)?.data()) > format.bound() {
            let reason = format!("its {role} is larger than the program says");
            return Err(refuse(node, &reason));
        }
    }
    Ok(())
}

/// The least b with |x| < 2^b for all.
fn reach(raw: &[i64]) -> u32 {
    let largest = raw.iter().map(|b| b.unsigned_abs()).max().unwrap_or(0);
    u64::BITS - largest.leading_zeros()
}

/// The least b with |bias| < 2^b.
pub(super) fn bias_bound(node: &Node, raw: &QuantizedParams) -> Result<u32, ModelError> {
    Ok(reach(raw.need(node, Role::Bias)?.data()))
}

/// The least b with |accumulator| < 2^b for all inputs below 2^x.
pub(super) fn worst_bound(node: &Node, raw: &QuantizedParams, x: u32) -> Result<u32, ModelError> {
    let weight = raw.need(node, Role::Weight)?;
    let per_output = weight.data().len() / weight.shape().batch().max(1);
    let bias = raw.get(&node.name, Role::Bias).map(Tensor::data);
    let mut worst = 0u128;
    for (i, row) in weight.data().chunks(per_output.max(1)).enumerate() {
        let l1: u128 = row.iter().map(|w| u128::from(w.unsigned_abs())).sum();
        let b = bias.and_then(|b| b.get(i)).copied().unwrap_or(0);
        let top = l1.saturating_mul((1u128 << x.min(max_bound(64))) - 1);
        worst = worst.max(top.saturating_add(u128::from(b.unsigned_abs())));
    }
    Ok(128 - worst.leading_zeros())
}
