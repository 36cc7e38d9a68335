//! The public fixed-point program that every party runs.
//!
//! A [`Program`] is a graph whose batch norms are gone, and for each node the [`Format`] of its value and the
//! arithmetic that gets there. Its digest goes into the handshake. What it tells beside the graph are the ranges of
//! the values: per node the bit length of the largest value seen in calibration, and per linear operator that of
//! the largest sum of absolute weights, per shift that of the largest summand.

mod check;

use std::sync::Arc;

use super::format::max_bound;
use super::{Format, Graph, ModelError, Node, NodeId, Op, Shape, Slope, graph};
use crate::layer::Applied;
pub(super) use check::fill_bound;
pub(crate) use check::fill_raw;
use check::{applied, check};
pub(super) use check::{halvings, terms};
use serde::{Deserialize, Serialize};

const SCHEMA: u32 = 1;

/// How the raw value of a node comes from those of its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Arithmetic {
    /// On the raw values, without rounding.
    Exact,
    /// A product with the node's weight, then its bias, then a rescale.
    Product(Product),
    /// A sum over windows, times a public constant, then a rescale.
    Mean(Mean),
    /// The node's bias added, without rounding.
    Shift(Shift),
    /// The negative part times a public constant, then a rescale.
    Slope(Slope),
    /// A product of two values of this format, elementwise or of matrices, then a rescale. Its bound is the declared one,
    /// which follows from that of the output.
    Elementwise(Format),
    /// A function of [`crate::function`], within the error that it states.
    Function,
    /// The same, with a factor and a summand for each place of a row.
    Norm(Norm),
}

/// Arithmetic of `LayerNorm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Norm {
    /// Of the factors.
    pub gamma: Format,
    /// Of the summands.
    pub beta: Format,
}

/// Arithmetic of `ChannelShift` and `Offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// Every bias is below 2^bias_bound.
    pub bias_bound: u32,
}

impl Shift {
    /// For any input of this bound, the sum is below 2 to this.
    #[must_use]
    pub fn worst_bound(&self, input: u32) -> u32 {
        self.bias_bound.max(input).saturating_add(1)
    }
}

/// Arithmetic of `Conv`, `Linear` and `ChannelAffine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Bits behind the point of the weight.
    pub weight_frac: u32,
    /// For any input within its format, |accumulator| < 2^worst_bound. At most 62, so nothing wraps.
    pub worst_bound: u32,
    /// Product plus bias, before the rescale; its bound is the declared one, which follows from that of the output.
    pub accumulator: Format,
}

/// Arithmetic of `AvgPool` and `GlobalAvgPool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mean {
    /// How many values are summed.
    pub divisor: u32,
    /// 2^shift / divisor, to nearest; 1 if the divisor is a power of two, when only the shift is left to do.
    pub multiplier: i64,
    /// Bits that come off after the multiplication.
    pub shift: u32,
}

impl Mean {
    /// For windows that all have the same divisor, in a ring of `width` bits.
    #[must_use]
    pub fn new(divisor: usize, width: u32) -> Self {
        let uneven = Self::uneven(divisor, width);
        if uneven.divisor.is_power_of_two() {
            Self {
                multiplier: 1,
                shift: uneven.divisor.trailing_zeros(),
                ..uneven
            }
        } else {
            uneven
        }
    }

    /// For windows of which the largest divisor is this one.
    #[must_use]
    pub fn uneven(divisor: usize, width: u32) -> Self {
        let divisor = divisor.clamp(1, 1 << 31) as u32;
        // Relative error of 1/n: half a unit of 2^-bits.
        let bits = if width < 64 { 10 } else { 16 };
        let shift = divisor.next_power_of_two().trailing_zeros() + bits;
        Self {
            divisor,
            multiplier: reciprocal(divisor, shift),
            shift,
        }
    }

    /// Logarithm of a bound on the sum of so many values below `2^bound`.
    #[must_use]
    pub fn sum_bound(&self, bound: u32) -> u32 {
        bound + self.divisor.next_power_of_two().trailing_zeros()
    }

    /// The multipliers in pieces, each with its own shift, whose products with a sum of this format fit into the ring:
    /// `multiplier / 2^shift` is the sum of `piece / 2^(its shift)`. One piece if there is room for it. A piece has one
    /// factor for each of `divisors`, or one for all windows if that is empty. `None` if there is room for less than three bits
    /// at a time, or if a product's fraction bits leave the ring.
    #[must_use]
    pub fn limbs(&self, sum: Format, divisors: &[u32]) -> Option<Vec<(Vec<i64>, u32)>> {
        if sum.frac() + self.shift >= sum.width() {
            return None;
        }
        let factors: Vec<i64> = match divisors {
            [] => vec![self.multiplier],
            all => all.iter().map(|d| reciprocal(*d, self.shift)).collect(),
        };
        let room = max_bound(sum.width()).checked_sub(sum.bound())?;
        let largest = factors.iter().max().copied().unwrap_or(1);
        let bits = i64::BITS - largest.leading_zeros();
        if largest == 1 || bits <= room {
            return Some(vec![(factors, self.shift)]);
        }
        if room < 3 {
            return None;
        }
        let pieces = (0..bits).step_by(room as usize).filter_map(|low| {
            let piece = |f: &i64| (f >> low) & ((1 << room) - 1);
            let pieces: Vec<i64> = factors.iter().map(piece).collect();
            let some = pieces.iter().any(|p| *p != 0);
            (some && low <= self.shift).then(|| (pieces, self.shift - low))
        });
        Some(pieces.collect())
    }
}

/// `2^shift / n`, to nearest.
fn reciprocal(n: u32, shift: u32) -> i64 {
    let n = i64::from(n.max(1));
    ((1i64 << shift) + n / 2) / n
}

/// What is public about the value of a node, beside its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The value.
    pub format: Format,
    /// The way there.
    pub arithmetic: Arithmetic,
}

impl Step {
    /// Bits that the rescale at the end takes off; 0 if there is none.
    #[must_use]
    pub fn shift(&self) -> u32 {
        match self.arithmetic {
            Arithmetic::Exact
            | Arithmetic::Shift(_)
            | Arithmetic::Function
            | Arithmetic::Norm(_) => 0,
            Arithmetic::Product(p) => p.accumulator.frac().saturating_sub(self.format.frac()),
            Arithmetic::Mean(m) => m.shift,
            Arithmetic::Slope(s) => s.shift,
            Arithmetic::Elementwise(product) => product.frac().saturating_sub(self.format.frac()),
        }
    }
}

/// A graph with the fixed-point arithmetic of each of its nodes, checked for consistency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ProgramFile", into = "ProgramFile")]
pub struct Program {
    graph: Graph,
    steps: Vec<Step>,
    /// For each node its function with all constants, if it has one.
    functions: Vec<Option<Arc<Applied>>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramFile {
    schema: u32,
    graph: Graph,
    steps: Vec<Step>,
}

impl Program {
    /// Checks that the steps fit the graph, and each the formats of its inputs.
    pub fn new(graph: Graph, steps: Vec<Step>) -> Result<Self, ModelError> {
        if steps.len() != graph.nodes().len() {
            let reason = format!("{} steps for {} nodes", steps.len(), graph.nodes().len());
            return Err(ModelError::graph(graph.name(), reason));
        }
        for ((node, step), shape) in graph.nodes().iter().zip(&steps).zip(graph.shapes()) {
            check(&graph, &steps, node, step, shape).map_err(refuse(node))?;
        }
        let functions = applied(&graph, &steps)?;
        Ok(Self {
            graph,
            steps,
            functions,
        })
    }
    /// Reads a program from bytes that nobody vouches for.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ModelError> {
        graph::from_json("program", bytes)
    }
    /// The one JSON text of this program.
    pub fn to_json(&self) -> Result<Vec<u8>, ModelError> {
        graph::to_json("program", self)
    }
    /// Digest of the JSON text: two parties that agree on it run the same program.
    pub fn digest(&self) -> Result<[u8; 32], ModelError> {
        let mut h = blake3::Hasher::new_derive_key("piquet-nn-ops program, schema 1");
        h.update(&self.to_json()?);
        Ok(*h.finalize().as_bytes())
    }
    /// The graph, without batch norms.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }
    /// One step for each node of the graph.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
    /// Nodes with their steps and output shapes, in an order in which they can be evaluated.
    pub fn iter(&self) -> impl Iterator<Item = (&Node, &Step, &Shape)> {
        let shapes = self.graph.shapes();
        let nodes = self.graph.nodes().iter().zip(&self.steps).zip(shapes);
        nodes.map(|((n, s), y)| (n, s, y))
    }
    /// The function of a node with all its constants, if it has one.
    pub(crate) fn function(&self, id: NodeId) -> Option<&Applied> {
        self.functions.get(id.index())?.as_deref()
    }
    /// Format of the value of a node.
    pub fn format(&self, id: NodeId) -> Result<Format, ModelError> {
        self.graph.node(id)?;
        match self.steps.get(id.index()) {
            Some(s) => Ok(s.format),
            None => Err(ModelError::graph(self.graph.name(), "a step is missing")),
        }
    }
    /// Bits of the ring that all values are in.
    pub fn width(&self) -> Result<u32, ModelError> {
        Ok(self.input_format()?.width())
    }
    /// Format of the input.
    pub fn input_format(&self) -> Result<Format, ModelError> {
        self.format(NodeId::new(0))
    }
    /// Format of the result.
    pub fn output_format(&self) -> Result<Format, ModelError> {
        self.format(self.graph.output())
    }
}

impl TryFrom<ProgramFile> for Program {
    type Error = ModelError;
    fn try_from(f: ProgramFile) -> Result<Self, ModelError> {
        if f.schema != SCHEMA {
            let reason = format!("schema {} is unknown; this is schema {SCHEMA}", f.schema);
            return Err(ModelError::graph(f.graph.name(), reason));
        }
        Self::new(f.graph, f.steps)
    }
}

impl From<Program> for ProgramFile {
    fn from(p: Program) -> Self {
        Self {
            schema: SCHEMA,
            graph: p.graph,
            steps: p.steps,
        }
    }
}

/// The mean over the windows of a pooling node in a ring of `width` bits, and the divisor of each window where they differ;
/// or what is wrong.
pub(crate) fn mean(op: &Op, x: &Shape, y: &Shape, width: u32) -> Result<(Mean, Vec<u32>), String> {
    let ([_, _, h, w], [_, _, oh, ow]) = (x.as_nchw(), y.as_nchw());
    let divisors = match op {
        Op::GlobalAvgPool => return Ok((Mean::new(h * w, width), Vec::new())),
        Op::AvgPool(a) => a.divisors([h, w], [oh, ow]),
        _ => return Err("is no mean".to_owned()),
    };
    let smallest = divisors.iter().min().copied().unwrap_or(0);
    let largest = divisors.iter().max().copied().unwrap_or(0);
    if smallest == 0 {
        return Err("has a window without any element".to_owned());
    }
    Ok(match smallest == largest {
        true => (Mean::new(largest as usize, width), Vec::new()),
        false => (Mean::uneven(largest as usize, width), divisors),
    })
}

fn refuse(node: &Node) -> impl Fn(String) -> ModelError + '_ {
    |reason| ModelError::Node {
        node: node.name.clone(),
        op: node.op.name(),
        reason,
    }
}
