//! From real numbers to fixed point: ranges from samples, formats from ranges, raw weights from weights.
//!
//! All activations share one number of bits behind the point, so that additions and concatenations need no rescale;
//! weights have their own. Biases are added before the rescale, at the sum of both.

mod convert;
mod steps;

use std::borrow::Cow;

use super::format::{WIDTHS, exp2};
use super::program::{Arithmetic, Program};
use super::{Graph, ModelError, Node, Op, ParamMap, Params, TensorF32, passes, reference};
use crate::layer::needs_64_bits;
use convert::{bias_bound, check_norm, worst_bound};
use steps::in_ring;

/// Parameters as raw fixed-point numbers, whose formats the [`Program`] tells.
pub type QuantizedParams = ParamMap<i64>;

/// Least bound of any value, for those that calibration saw as almost zero.
const MIN_BOUND: u32 = 4;

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
    /// Bits behind the point of the input, where it has others than activations: 0 for unit vectors, such as tokens, whose product
    /// with weights is then exact. Such an input gets no margin.
    pub input_frac: Option<u32>,
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
            input_frac: None,
            disclose_positive_scales: false,
        }
    }
}

impl Calibration {
    /// What suits a graph: more bits where functions need the large ring anyway. For weights they cost nothing there, and for
    /// activations little: four of them a tenth to a fifth of BERT's time, for errors that are seven times smaller and more.
    #[must_use]
    pub fn of(graph: &Graph) -> Self {
        let plain = Self::default();
        match needs_64_bits(graph) {
            false => plain,
            true => Self {
                frac: 16,
                weight_frac: 18,
                ..plain
            },
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
    let maps = |op: &Op| matches!(op, Op::BatchNorm(_) | Op::ChannelAffine | Op::ChannelShift);
    // Parameters are large; they are copied only if they change.
    let mut params = Cow::Borrowed(params);
    let mut graph = match graph.nodes().iter().any(|n| maps(&n.op)) {
        true => {
            let (rewritten, changed) = passes::all(graph, &params)?;
            params = Cow::Owned(changed);
            rewritten
        }
        false => passes::pool_before_relu(graph)?,
    };
    if graph.nodes().iter().any(|n| n.op == Op::ChannelAffine) {
        let limits = Ranges::observed(&graph, &params, samples)?.limits(&calibration);
        let disclose = calibration.disclose_positive_scales;
        let (rewritten, changed) = passes::affine_into_conv(&graph, &params, &limits, disclose)?;
        (graph, params) = (rewritten, Cow::Owned(changed));
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
    let fracs = [c.frac, c.weight_frac, c.input_frac.unwrap_or(1).max(1)];
    if fracs.iter().any(|f| !(1..=30).contains(f)) || c.margin_bits > 16 {
        return Err(ModelError::Calibration(format!(
            "{c:?} is out of range: 1 to 30 bits behind the point, a margin of 0 to 16 bits"
        )));
    }
    match c.width {
        Some(width) => in_ring(graph, params, ranges, c, width),
        None if needs_64_bits(graph) => in_ring(graph, params, ranges, c, 64),
        None => {
            in_ring(graph, params, ranges, c, 32).or_else(|_| in_ring(graph, params, ranges, c, 64))
        }
    }
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
            if let Arithmetic::Norm(norm) = step.arithmetic {
                check_norm(node, self, &norm)?;
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

#[cfg(test)]
mod tests;
