//! The format of each value, and the arithmetic that gets there.

use super::convert::{bias_bound, bits, convert, convert_norm, worst_bound};
use super::{Calibration, MIN_BOUND, QuantizedParams, Ranges, refuse};
use crate::model::format::{exp2, max_bound};
use crate::model::program::{
    Arithmetic, Product, Program, Shift, Step, fill_bound, halvings, mean, terms,
};
use crate::model::{Format, Function, Graph, ModelError, Node, NodeId, Op, Params, Slope};

/// Weight precision that a layer of large values may give up to fit into the ring, in bits.
const YIELD: u32 = 2;

pub(super) fn in_ring(
    graph: &Graph,
    params: &Params,
    ranges: &Ranges,
    c: Calibration,
    width: u32,
) -> Result<(Program, QuantizedParams), ModelError> {
    let mut raw = QuantizedParams::new();
    let mut steps: Vec<Step> = Vec::with_capacity(graph.nodes().len());
    for (i, max) in ranges.max_abs.iter().enumerate() {
        let at = Place {
            graph,
            id: NodeId::new(i),
            node: graph.node(NodeId::new(i))?,
            max: f64::from(*max),
            c: &c,
            width,
            largest: max_bound(width),
        };
        let inputs = at.node.inputs.iter();
        let inputs: Vec<Format> = inputs
            .filter_map(|id| Some(steps.get(id.index())?.format))
            .collect();
        let step = at.step(params, &inputs, &mut raw)?;
        steps.push(step);
    }
    Ok((Program::new(graph.clone(), steps)?, raw))
}

/// A node, and what is known of it.
struct Place<'a> {
    graph: &'a Graph,
    id: NodeId,
    node: &'a Node,
    /// Largest absolute value.
    max: f64,
    c: &'a Calibration,
    width: u32,
    /// Largest bound of the ring.
    largest: u32,
}

impl Place<'_> {
    fn refuse(&self, reason: &str) -> ModelError {
        refuse(self.node, reason)
    }

    fn format(&self, frac: u32, bound: u32) -> Result<Format, ModelError> {
        Format::new(self.width, frac, bound).map_err(|e| ModelError::Calibration(e.to_string()))
    }

    fn made(&self, arithmetic: Arithmetic, frac: u32, bound: u32) -> Result<Step, ModelError> {
        Ok(Step {
            format: self.format(frac, bound)?,
            arithmetic,
        })
    }

    fn exact(&self, frac: u32, bound: u32) -> Result<Step, ModelError> {
        self.made(Arithmetic::Exact, frac, bound)
    }

    /// Bound of the values, where nothing else bounds them.
    fn seen(&self, frac: u32) -> Result<u32, ModelError> {
        let seen = self.reach(frac);
        if seen > self.largest {
            let reason = format!("has values that do not fit into {} bits", self.largest);
            return Err(self.refuse(&reason));
        }
        Ok(seen)
    }

    /// The same, however large.
    fn reach(&self, frac: u32) -> u32 {
        let seen = bits(self.max * exp2(frac)) + self.c.margin_bits;
        seen.max(MIN_BOUND)
    }

    fn step(
        &self,
        params: &Params,
        inputs: &[Format],
        raw: &mut QuantizedParams,
    ) -> Result<Step, ModelError> {
        let (c, largest) = (self.c, self.largest);
        let Some(first) = inputs.first().copied() else {
            return match c.input_frac {
                Some(frac) => self.exact(frac, bits(self.max * exp2(frac)).max(1)),
                None => self.exact(c.frac, self.seen(c.frac)?),
            };
        };
        let frac = first.frac();
        let x = inputs.iter().map(|f| f.bound()).max().unwrap_or(1);
        let first_shape = || {
            self.graph
                .shape(*self.node.inputs.first().unwrap_or(&self.id))
        };
        match &self.node.op {
            Op::Conv(_) | Op::Linear(_) | Op::ChannelAffine => self.product(params, first, raw),
            Op::AvgPool(_) | Op::GlobalAvgPool => {
                let y = self.graph.shape(self.id)?;
                let (mean, _) = mean(&self.node.op, first_shape()?, y, self.width)
                    .map_err(|reason| self.refuse(&reason))?;
                let bound = self.seen(frac)?.min(x + 1);
                self.made(Arithmetic::Mean(mean), frac, bound)
            }
            Op::ChannelShift | Op::Offset => {
                convert(self.node, params, frac, 0, raw)?;
                let shift = Shift {
                    bias_bound: bias_bound(self.node, raw)?,
                };
                let worst = shift.worst_bound(x);
                if worst > largest {
                    let reason = format!("its bias does not fit into {largest} bits");
                    return Err(self.refuse(&reason));
                }
                let bound = self.seen(frac)?.min(worst);
                self.made(Arithmetic::Shift(shift), frac, bound)
            }
            Op::Add | Op::Sub => self.exact(frac, self.seen(frac)?.min(x + 1)),
            Op::Clip(a) => {
                let reach = a.bound(self.format(frac, x)?);
                self.exact(frac, self.reach(frac).min(reach))
            }
            Op::LeakyRelu(a) => {
                let slope = self.slope(a.slope, first)?;
                let bound = self.seen(frac)?.min(slope.bound(x).max(x));
                self.made(Arithmetic::Slope(slope), frac, bound)
            }
            Op::Scale(factor) => match halvings(*factor) {
                Some(k) if self.any_frac() => self.exact(frac + k, self.reach(frac + k).min(x)),
                _ => {
                    let slope = self.slope(*factor, first)?;
                    let bound = self.seen(frac)?.min(slope.bound(x));
                    self.made(Arithmetic::Slope(slope), frac, bound)
                }
            },
            Op::Mul | Op::MatMul(_) => self.elementwise(inputs),
            Op::Function(f) => {
                let seen = self.seen(c.frac)?;
                let bound = match f {
                    Function::Sigmoid | Function::Tanh => c.frac + 1,
                    // As large as what they take, and a unit more.
                    Function::Gelu | Function::GeluTanh | Function::Silu => {
                        let bound = (x + c.frac).saturating_sub(frac) + 1;
                        bound.clamp(2, max_bound(64))
                    }
                    // Both ends of the domain have to fit: ln 2 is below 0.7.
                    Function::Log => {
                        let ends = frac.max(first.bound().saturating_sub(frac));
                        seen.max(c.frac + bits(f64::from(ends * 7 / 10 + 1)))
                    }
                    _ => seen,
                };
                self.made(Arithmetic::Function, c.frac, bound)
            }
            Op::Softmax(a) => {
                let bound = match a.log {
                    // As large as two values differ, or as the logarithm of their number.
                    true => {
                        let n = first_shape()?.last().next_power_of_two().trailing_zeros();
                        let whole = (x + 1).saturating_sub(frac.min(x)).max(n) + 1;
                        self.seen(c.frac)?.max(whole + c.frac)
                    }
                    false => c.frac + 1,
                };
                self.made(Arithmetic::Function, c.frac, bound)
            }
            Op::Div => self.made(Arithmetic::Function, c.frac, self.seen(c.frac)?),
            Op::LayerNorm(_) => {
                let norm =
                    convert_norm(self.node, params, [c.weight_frac, c.frac], self.width, raw)?;
                self.made(Arithmetic::Norm(norm), c.frac, self.seen(c.frac)?)
            }
            Op::Fill(a) => self.exact(frac, fill_bound(a.value, first)),
            Op::Argmax => self.exact(0, bits((first_shape()?.channels() - 1) as f64).max(1)),
            _ => self.exact(frac, self.reach(frac).min(x)),
        }
    }

    fn product(
        &self,
        params: &Params,
        x: Format,
        raw: &mut QuantizedParams,
    ) -> Result<Step, ModelError> {
        let (c, largest) = (self.c, self.largest);
        let seen = self.seen(c.frac)?;
        // Of an input with few bits behind the point, weights make up for them.
        let wanted = c.weight_frac.max(c.frac.saturating_sub(x.frac()));
        let weight_frac = wanted.min((largest - seen + c.frac).saturating_sub(x.frac()));
        if weight_frac == 0 || weight_frac + YIELD < wanted {
            let reason = format!("has products that do not fit into {largest} bits");
            return Err(self.refuse(&reason));
        }
        let sum = x.frac() + weight_frac;
        let Some(shift) = sum.checked_sub(c.frac) else {
            return Err(self.refuse("has too few bits behind the point"));
        };
        convert(self.node, params, x.frac(), weight_frac, raw)?;
        let worst_bound = worst_bound(self.node, raw, x.bound())?;
        if worst_bound > max_bound(64) {
            let reason =
                format!("may grow to 2^{worst_bound}, beyond 62 bits: lower the precision");
            return Err(self.refuse(&reason));
        }
        let bound = seen.min(worst_bound.saturating_sub(shift).max(1) + 1);
        let product = Product {
            weight_frac,
            worst_bound,
            accumulator: self.format(sum, worst_bound.min(bound + shift))?,
        };
        self.made(Arithmetic::Product(product), c.frac, bound)
    }

    /// Of two values, element by element or matrix by matrix.
    fn elementwise(&self, inputs: &[Format]) -> Result<Step, ModelError> {
        let (c, largest) = (self.c, self.largest);
        let terms = terms(self.graph, self.node).map_err(|e| self.refuse(&e))?;
        let worst = inputs.iter().map(|f| f.bound()).sum::<u32>() + terms;
        let frac: u32 = inputs.iter().map(|f| f.frac()).sum();
        let Some(shift) = frac.checked_sub(c.frac) else {
            return Err(self.refuse("has too few bits behind the point"));
        };
        let bound = self
            .seen(c.frac)?
            .min(worst.saturating_sub(shift).max(1) + 1);
        let product = worst.min(bound + shift);
        if product > largest || worst > max_bound(64) {
            let reason = format!("has products that do not fit into {largest} bits");
            return Err(self.refuse(&reason));
        }
        let product = self.format(frac, product)?;
        self.made(Arithmetic::Elementwise(product), c.frac, bound)
    }

    fn slope(&self, factor: f32, x: Format) -> Result<Slope, ModelError> {
        let slope = Slope::new(factor, x);
        slope.ok_or_else(|| self.refuse("has no room for its factor: lower the precision"))
    }

    /// Whether all that take this value do so with any number of bits behind the point.
    fn any_frac(&self) -> bool {
        let mut values = vec![self.id];
        let mut last = self.id;
        for (i, node) in self.graph.nodes().iter().enumerate() {
            if !node.inputs.iter().any(|id| values.contains(id)) {
                continue;
            }
            match &node.op {
                Op::Fill(_) | Op::View(_) => values.push(NodeId::new(i)),
                Op::Softmax(_) | Op::LayerNorm(_) | Op::Function(_) => {}
                _ => return false,
            }
            last = NodeId::new(i);
        }
        last != self.id && !values.contains(&self.graph.output())
    }
}
