//! From real numbers to fixed point: ranges from samples, formats from ranges, raw weights from weights.
//!
//! All activations share one number of bits behind the point, so that additions and concatenations need no rescale;
//! weights have their own. Biases are added before the rescale, at the sum of both.

use super::format::{WIDTHS, exp2, max_bound};
use super::program::{Arithmetic, Product, Program, Shift, Step, mean};
use super::{
    Format, Graph, ModelError, Node, NodeId, Op, ParamMap, Params, Role, Slope, Tensor, TensorF32,
    passes, reference,
};

/// Parameters as raw fixed-point numbers, whose formats the [`Program`] tells.
pub type QuantizedParams = ParamMap<i64>;

/// Least bound of any value, for those that calibration saw as almost zero.
const MIN_BOUND: u32 = 4;
/// Largest raw weight.
const MAX_WEIGHT: f64 = (1u64 << 40) as f64;

/// How to choose formats.
///
/// The default keeps the logits of ResNet-50 within a quarter of a percent of their range. Weights need more bits than
/// activations: with 12 and 12, errors come near one percent; more bits for activations alone change little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calibration {
    /// Bits behind the point of activations.
    pub frac: u32,
    /// Bits behind the point of weights.
    pub weight_frac: u32,
    /// Bits by which a declared range exceeds the largest value seen: other inputs must stay below.
    pub margin_bits: u32,
    /// Bits of the ring, 32 or 64; by default 32 where every product of every layer fits, with at most
    /// two bits of weight precision less in layers of large values, and 64 otherwise.
    pub width: Option<u32>,
    /// Whether the program may show of a layer that no factor of its batch norm is negative: one bit per layer that
    /// nobody needs to know, for fewer multiply-accumulates ([`passes::affine_into_conv`]).
    pub disclose_positive_scales: bool,
}

impl Default for Calibration {
    fn default() -> Self {
        Self {
            frac: 12,
            weight_frac: 14,
            margin_bits: 2,
            width: None,
            disclose_positive_scales: false,
        }
    }
}

/// The largest absolute value of each node of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranges {
    max_abs: Vec<f32>,
}

impl Ranges {
    /// Declared: one number for each node of the graph.
    pub fn declared(graph: &Graph, max_abs: Vec<f32>) -> Result<Self, ModelError> {
        if max_abs.len() != graph.nodes().len() {
            return Err(ModelError::Calibration(format!(
                "{} ranges for {} nodes",
                max_abs.len(),
                graph.nodes().len()
            )));
        }
        for (node, max) in graph.nodes().iter().zip(&max_abs) {
            if !max.is_finite() {
                return Err(refuse(node, "has values that are not finite"));
            }
        }
        Ok(Self { max_abs })
    }
    /// Seen when the reference evaluates some samples.
    pub fn observed(
        graph: &Graph,
        params: &Params,
        samples: &[TensorF32],
    ) -> Result<Self, ModelError> {
        if samples.is_empty() {
            return Err(ModelError::Calibration("there is no sample".to_owned()));
        }
        let mut max_abs = vec![0f32; graph.nodes().len()];
        for sample in samples {
            let mut all = max_abs.iter_mut();
            reference::run_observed(graph, params, sample, |_, y| {
                if let Some(max) = all.next() {
                    // A maximum would drop NaN; a sum keeps it.
                    let bad = y.data().iter().any(|v| !v.is_finite());
                    let (low, high) = y.range();
                    *max = if bad {
                        f32::INFINITY
                    } else {
                        max.max(high).max(-low)
                    };
                }
            })?;
        }
        Self::declared(graph, max_abs)
    }
    /// By node, more than any value may be that passes the declared bounds which follow from `c`.
    fn limits(&self, c: &Calibration) -> Vec<f32> {
        let smallest = exp2(MIN_BOUND + 1) / exp2(c.frac);
        let widened = |max: &f32| (f64::from(*max) * exp2(c.margin_bits + 1)).max(smallest) as f32;
        self.max_abs.iter().map(widened).collect()
    }
}

/// Rewrites a network by [`passes::all`] and turns it into fixed point, with ranges seen in the samples.
pub fn quantize(
    graph: &Graph,
    params: &Params,
    samples: &[TensorF32],
    calibration: Calibration,
) -> Result<(Program, QuantizedParams), ModelError> {
    let (mut graph, mut params) = passes::all(graph, params)?;
    if graph.nodes().iter().any(|n| n.op == Op::ChannelAffine) {
        let limits = Ranges::observed(&graph, &params, samples)?.limits(&calibration);
        let disclose = calibration.disclose_positive_scales;
        (graph, params) = passes::affine_into_conv(&graph, &params, &limits, disclose)?;
    }
    let ranges = Ranges::observed(&graph, &params, samples)?;
    quantize_as_is(&graph, &params, &ranges, calibration)
}

/// Turns a network without batch norms into fixed point.
pub fn quantize_as_is(
    graph: &Graph,
    params: &Params,
    ranges: &Ranges,
    calibration: Calibration,
) -> Result<(Program, QuantizedParams), ModelError> {
    params.check(graph)?;
    let c = calibration;
    if let Some(w) = c.width.filter(|w| !WIDTHS.contains(w)) {
        return Err(ModelError::Calibration(format!(
            "a ring of {w} bits; there are those of 32 and 64"
        )));
    }
    if !(1..=30).contains(&c.frac) || !(1..=30).contains(&c.weight_frac) || c.margin_bits > 16 {
        return Err(ModelError::Calibration(format!(
            "{c:?} is out of range: 1 to 30 bits behind the point, a margin of 0 to 16 bits"
        )));
    }
    match c.width {
        Some(width) => in_ring(graph, params, ranges, c, width),
        None => {
            in_ring(graph, params, ranges, c, 32).or_else(|_| in_ring(graph, params, ranges, c, 64))
        }
    }
}

/// Weight precision that a layer of large values may give up to fit into the ring, in bits.
const YIELD: u32 = 2;

fn in_ring(
    graph: &Graph,
    params: &Params,
    ranges: &Ranges,
    c: Calibration,
    width: u32,
) -> Result<(Program, QuantizedParams), ModelError> {
    let largest = max_bound(width);
    let exact = |frac, bound| exact(width, frac, bound);
    let format = |frac, bound| format(width, frac, bound);
    let mut raw = QuantizedParams::new();
    let mut steps: Vec<Step> = Vec::with_capacity(graph.nodes().len());
    for (i, (node, max)) in graph.nodes().iter().zip(&ranges.max_abs).enumerate() {
        let seen = bits(f64::from(*max) * exp2(c.frac)) + c.margin_bits;
        if seen > largest {
            let reason = format!("has values that do not fit into {largest} bits");
            return Err(refuse(node, &reason));
        }
        let seen = seen.max(MIN_BOUND);
        let inputs: Vec<u32> = node
            .inputs
            .iter()
            .filter_map(|id| Some(steps.get(id.index())?.format.bound()))
            .collect();
        let Some(x) = inputs.iter().max().copied() else {
            steps.push(exact(c.frac, seen)?);
            continue;
        };
        let shapes = |id: NodeId| graph.shape(id);
        steps.push(match &node.op {
            Op::Conv(_) | Op::Linear(_) | Op::ChannelAffine => {
                let weight_frac = c.weight_frac.min(largest - seen);
                if weight_frac == 0 || weight_frac + YIELD < c.weight_frac {
                    let reason = format!("has products that do not fit into {largest} bits");
                    return Err(refuse(node, &reason));
                }
                convert(node, params, c.frac, weight_frac, &mut raw)?;
                let worst_bound = worst_bound(node, &raw, x)?;
                if worst_bound > max_bound(64) {
                    return Err(refuse(
                        node,
                        &format!(
                            "may grow to 2^{worst_bound}, beyond 62 bits: lower the precision"
                        ),
                    ));
                }
                let bound = seen.min(worst_bound.saturating_sub(weight_frac).max(1) + 1);
                Step {
                    format: format(c.frac, bound)?,
                    arithmetic: Arithmetic::Product(Product {
                        weight_frac,
                        worst_bound,
                        accumulator: format(
                            c.frac + weight_frac,
                            worst_bound.min(bound + weight_frac),
                        )?,
                    }),
                }
            }
            Op::AvgPool(_) | Op::GlobalAvgPool => {
                let inner = shapes(node.inputs.first().copied().unwrap_or(NodeId::new(0)))?;
                let (mean, _) = mean(&node.op, inner, shapes(NodeId::new(i))?, width)
                    .map_err(|reason| refuse(node, &reason))?;
                Step {
                    format: format(c.frac, seen.min(x + 1))?,
                    arithmetic: Arithmetic::Mean(mean),
                }
            }
            Op::ChannelShift => {
                convert(node, params, c.frac, 0, &mut raw)?;
                let shift = Shift {
                    bias_bound: bias_bound(node, &raw)?,
                };
                let worst = shift.worst_bound(x);
                if worst > largest {
                    let reason = format!("its bias does not fit into {largest} bits");
                    return Err(refuse(node, &reason));
                }
                Step {
                    format: format(c.frac, seen.min(worst))?,
                    arithmetic: Arithmetic::Shift(shift),
                }
            }
            Op::Add | Op::Sub => exact(c.frac, seen.min(x + 1))?,
            Op::Clip(a) => exact(c.frac, seen.min(a.bound(format(c.frac, x)?)))?,
            Op::LeakyRelu(a) => {
                let slope = Slope::new(a.slope, format(c.frac, x)?);
                let slope = slope.ok_or_else(|| {
                    refuse(node, "has no room for its slope: lower the precision")
                })?;
                Step {
                    format: format(c.frac, seen.min(slope.bound(x).max(x)))?,
                    arithmetic: Arithmetic::Slope(slope),
                }
            }
            Op::Mul => {
                let worst: u32 = inputs.iter().sum();
                let bound = seen.min(worst.saturating_sub(c.frac).max(1) + 1);
                let product = worst.min(bound + c.frac);
                if product > largest || worst > max_bound(64) {
                    let reason = format!("has products that do not fit into {largest} bits");
                    return Err(refuse(node, &reason));
                }
                Step {
                    format: format(c.frac, bound)?,
                    arithmetic: Arithmetic::Elementwise(format(2 * c.frac, product)?),
                }
            }
            Op::Argmax => {
                let inner = shapes(node.inputs.first().copied().unwrap_or(NodeId::new(0)))?;
                exact(0, bits((inner.channels() - 1) as f64).max(1))?
            }
            _ => exact(c.frac, seen.min(x))?,
        });
    }
    Ok((Program::new(graph.clone(), steps)?, raw))
}

impl QuantizedParams {
    /// Holds them to a program: shapes, and that no accumulator can exceed what the program says of it.
    pub fn prove(&self, program: &Program) -> Result<(), ModelError> {
        self.check(program.graph())?;
        for (node, step, _) in program.iter() {
            if let Arithmetic::Shift(s) = step.arithmetic
                && bias_bound(node, self)? > s.bias_bound
            {
                return Err(refuse(node, "its bias is larger than the program says"));
            }
            if let (Arithmetic::Product(p), Some(x)) = (step.arithmetic, node.inputs.first()) {
                let worst = worst_bound(node, self, program.format(*x)?.bound())?;
                if worst > p.worst_bound {
                    return Err(refuse(
                        node,
                        &format!(
                            "may grow to 2^{worst} with these weights, and the program says 2^{}",
                            p.worst_bound
                        ),
                    ));
                }
            }
        }
        Ok(())
    }
}

fn refuse(node: &Node, reason: &str) -> ModelError {
    ModelError::Node {
        node: node.name.clone(),
        op: node.op.name(),
        reason: reason.to_owned(),
    }
}

fn exact(width: u32, frac: u32, bound: u32) -> Result<Step, ModelError> {
    Ok(Step {
        format: format(width, frac, bound)?,
        arithmetic: Arithmetic::Exact,
    })
}

fn format(width: u32, frac: u32, bound: u32) -> Result<Format, ModelError> {
    Format::new(width, frac, bound).map_err(|e| ModelError::Calibration(e.to_string()))
}

/// The least b with x < 2^b; 128 for what is beyond.
fn bits(x: f64) -> u32 {
    if x < exp2(100) {
        128 - (x as u128).leading_zeros()
    } else {
        128
    }
}

fn convert(
    node: &Node,
    params: &Params,
    input_frac: u32,
    weight_frac: u32,
    raw: &mut QuantizedParams,
) -> Result<(), ModelError> {
    for (role, frac) in [
        (Role::Weight, weight_frac),
        (Role::Bias, input_frac + weight_frac),
    ] {
        let Some(t) = params.get(&node.name, role) else {
            continue;
        };
        let limit = MAX_WEIGHT * exp2(frac - weight_frac);
        let scaled = t
            .data()
            .iter()
            .map(|v| (f64::from(*v) * exp2(frac)).round());
        let values: Option<Vec<i64>> = scaled
            .map(|v| (v.abs() < limit).then_some(v as i64))
            .collect();
        let values = values.ok_or_else(|| {
            refuse(
                node,
                &format!("its {role} is not finite, or beyond 2^40 in fixed point"),
            )
        })?;
        raw.insert(&node.name, role, Tensor::new(t.shape().clone(), values)?);
    }
    Ok(())
}

/// The least b with |bias| < 2^b.
fn bias_bound(node: &Node, raw: &QuantizedParams) -> Result<u32, ModelError> {
    let bias = raw.need(node, Role::Bias)?.data();
    let largest = bias.iter().map(|b| b.unsigned_abs()).max().unwrap_or(0);
    Ok(u64::BITS - largest.leading_zeros())
}

/// The least b with |accumulator| < 2^b for all inputs below 2^x.
fn worst_bound(node: &Node, raw: &QuantizedParams, x: u32) -> Result<u32, ModelError> {
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

#[cfg(test)]
mod tests;
