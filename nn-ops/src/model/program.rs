//! The public fixed-point program that every party runs.
//!
//! A [`Program`] is a graph whose batch norms are gone, and for each node the [`Format`] of its value and the
//! arithmetic that gets there. Its digest goes into the handshake. What it tells beside the graph are the ranges of
//! the values: per node the bit length of the largest value seen in calibration, and per linear operator that of
//! the largest sum of absolute weights, per shift that of the largest summand.

use super::format::{self, max_bound};
use super::{Format, Graph, ModelError, Node, NodeId, Op, Shape, Slope, graph};
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
    /// A product of two values of this format, then a rescale. Its bound is the declared one, which follows from that of
    /// the output.
    Elementwise(Format),
}

/// Arithmetic of `ChannelShift`.
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
            Arithmetic::Exact | Arithmetic::Shift(_) => 0,
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
            check(&graph, &steps, node, step, shape).map_err(|reason| ModelError::Node {
                node: node.name.clone(),
                op: node.op.name(),
                reason,
            })?;
        }
        Ok(Self { graph, steps })
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

fn check(
    graph: &Graph,
    steps: &[Step],
    node: &Node,
    step: &Step,
    shape: &Shape,
) -> Result<(), String> {
    check_format(step.format)?;
    let mut inputs = Vec::with_capacity(node.inputs.len());
    for id in &node.inputs {
        let s = steps
            .get(id.index())
            .ok_or("takes a step that is missing")?;
        inputs.push(s.format);
    }
    let Some(x) = inputs.first().copied() else {
        return match step.arithmetic {
            Arithmetic::Exact => Ok(()),
            _ => Err("the input has no arithmetic".to_owned()),
        };
    };
    let y = step.format;
    if inputs.iter().any(|f| f.frac() != x.frac()) {
        return Err("its inputs differ in their bits behind the point".to_owned());
    }
    if inputs.iter().any(|f| f.width() != y.width()) {
        return Err("its inputs are in another ring than its value".to_owned());
    }
    let largest = inputs.iter().map(|f| f.bound()).max().unwrap_or(x.bound());
    match (&node.op, step.arithmetic) {
        (Op::Conv(_) | Op::Linear(_) | Op::ChannelAffine, Arithmetic::Product(p)) => {
            check_format(p.accumulator)?;
            let sum = p.accumulator.frac();
            if p.weight_frac == 0
                || x.frac().checked_add(p.weight_frac) != Some(sum)
                || y.frac() > sum
            {
                return Err(format!(
                    "{} and {} bits behind the point do not give {}, to be rescaled to {}",
                    x.frac(),
                    p.weight_frac,
                    sum,
                    y.frac()
                ));
            }
            let declared = y.bound() + step.shift();
            if p.worst_bound > max_bound(64) || p.accumulator.bound() != p.worst_bound.min(declared)
            {
                return Err(format!(
                    "an accumulator of 2^{} at worst and 2^{declared} as declared is not one of 2^{}",
                    p.worst_bound,
                    p.accumulator.bound()
                ));
            }
            Ok(())
        }
        (Op::AvgPool(_) | Op::GlobalAvgPool, Arithmetic::Mean(m)) => {
            let inner = node.inputs.first().map(|id| graph.shape(*id));
            let inner = inner.ok_or("has no input")?.map_err(|e| e.to_string())?;
            let (want, divisors) = mean(&node.op, inner, shape, x.width())?;
            let fits = x
                .with_bound(want.sum_bound(x.bound()))
                .is_ok_and(|sum| want.limbs(sum, &divisors).is_some());
            if !fits {
                return Err(format!("its sums do not fit into {} bits", x.width()));
            }
            if m != want || y.frac() != x.frac() || y.bound() > x.bound() + 1 {
                return Err("its constant or its format is not that of its window".to_owned());
            }
            Ok(())
        }
        (Op::ChannelShift, Arithmetic::Shift(s)) => {
            let worst = s.worst_bound(x.bound());
            if y.frac() == x.frac() && y.bound() <= worst && worst <= max_bound(y.width()) {
                Ok(())
            } else {
                Err(format!("a sum of 2^{worst} at worst is not {y}"))
            }
        }
        // A maximum is the one value and what the other exceeds it by: the sum has two bits more, and a sign.
        (Op::MaxPool(_) | Op::Argmax, _) if largest + 2 >= y.width() => Err(format!(
            "differences of values of 2^{largest} do not fit into {} bits",
            y.width()
        )),
        (Op::Clip(a), Arithmetic::Exact) => {
            let (widest, bound) = (a.widest(x), a.bound(x));
            if widest + 2 >= y.width() {
                return Err(format!(
                    "differences of values of 2^{widest} do not fit into {} bits",
                    y.width()
                ));
            }
            if y.frac() == x.frac() && y.bound() <= bound {
                Ok(())
            } else {
                Err(format!(
                    "values between its bounds are below 2^{bound}, not {y}"
                ))
            }
        }
        (Op::LeakyRelu(a), Arithmetic::Slope(slope)) => {
            let bound = slope.bound(x.bound()).max(x.bound());
            if Slope::new(a.slope, x) != Some(slope) || bound + 1 > max_bound(y.width()) {
                return Err("its constant is not that of its slope, or does not fit".to_owned());
            }
            if y.frac() == x.frac() && y.bound() <= bound {
                Ok(())
            } else {
                Err(format!("values of 2^{bound} at most are not {y}"))
            }
        }
        (Op::Mul, Arithmetic::Elementwise(product)) => {
            check_format(product)?;
            let worst: u32 = inputs.iter().map(|f| f.bound()).sum();
            let declared = y.bound() + step.shift();
            if product.frac() != 2 * x.frac()
                || y.frac() > product.frac()
                || worst > max_bound(64)
                || product.bound() != worst.min(declared)
            {
                return Err(format!(
                    "{inputs:?} do not give a product of {product}, to be rescaled to {y}"
                ));
            }
            Ok(())
        }
        (Op::Argmax, Arithmetic::Exact) if y.frac() == 0 => Ok(()),
        (
            Op::Relu | Op::MaxPool(_) | Op::Concat | Op::Flatten | Op::View(_) | Op::Pad(_),
            Arithmetic::Exact,
        ) if y.frac() == x.frac() && y.bound() <= largest => Ok(()),
        (Op::Add | Op::Sub, Arithmetic::Exact)
            if y.frac() == x.frac() && y.bound() <= largest + 1 =>
        {
            Ok(())
        }
        (Op::BatchNorm(_), _) => Err("a program has no batch norms".to_owned()),
        _ => Err(format!(
            "{:?} does not take {inputs:?} to {y:?}",
            step.arithmetic
        )),
    }
}

fn check_format(f: Format) -> Result<(), String> {
    if format::holds(f) {
        Ok(())
    } else {
        Err(format!(
            "{f} is refused: 32 or 64 bits, a bound of at least 1, and two bits more than the bound and than those behind the point"
        ))
    }
}
