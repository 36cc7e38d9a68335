//! The nodes of a program, one after the other.

use super::order::{Value, orders, reorder};
use super::{Order, Prepared};
use crate::Error;
use crate::engine::{LinearOp, MatMul, Rescale, Truncation};
use crate::layer::{Applied, Layers, Window, arrange, only};

use crate::model::{
    Arithmetic, Format, Mask, ModelError, Node, NodeId, Op, Program, Shape, Step, fill_raw,
};

/// The online phase between input and result. `progress` is told the number of nodes that are done.
pub fn evaluate<E: Layers>(
    engine: &mut E,
    program: &Program,
    prepared: &Prepared<E::Weights, E::Arith>,
    input: E::Arith,
    mode: Truncation,
    progress: &mut dyn FnMut(usize),
) -> Result<E::Arith, Error> {
    let graph = program.graph();
    let mut uses = graph.uses();
    let orders = orders(graph);
    let mut values: Vec<Option<Value<E::Arith>>> = vec![Some(Value {
        data: input,
        order: Order::Memory,
    })];
    let mut products = prepared.weights.iter();
    let mut lone = prepared.lone.iter();
    for (i, (node, step, shape)) in program.iter().enumerate().skip(1) {
        engine.begin_layer(&node.name, node.op.name());
        let order = orders.get(i).copied().unwrap_or(Order::Memory);
        let value = {
            let inputs = node
                .inputs
                .iter()
                .map(|id| values.get(id.index()).and_then(Option::as_ref))
                .collect::<Option<Vec<_>>>()
                .ok_or(Error::Length {
                    what: "values of a node",
                    got: 0,
                    want: node.inputs.len(),
                })?;
            let owned = match step.arithmetic {
                Arithmetic::Product(_) => products.next().map(Owned::Product),
                Arithmetic::Shift(_) => lone.next().map(Owned::Bias),
                Arithmetic::Norm(_) => lone.next().zip(lone.next()).map(Owned::Affine),
                _ => None,
            };
            let place = Place {
                program,
                node,
                step,
                shape,
                order,
                function: program.function(NodeId::new(i)),
                mode,
            };
            place.value(engine, &inputs, owned)?
        };
        let data = engine.declare(value, step.format)?;
        engine.end_layer();
        values.push(Some(Value { data, order }));
        for id in &node.inputs {
            // Free a value with its last use.
            if let Some(left) = uses.get_mut(id.index()) {
                *left = left.saturating_sub(1);
                if *left == 0
                    && let Some(v) = values.get_mut(id.index())
                {
                    *v = None;
                }
            }
        }
        progress(i);
    }
    let result = values.into_iter().nth(graph.output().index()).flatten();
    let result = result.ok_or(Error::Length {
        what: "results",
        got: 0,
        want: 1,
    })?;
    let ordered = reorder(engine, &result, graph.output_shape()?, Order::Memory)?;
    Ok(ordered.unwrap_or(result.data))
}

/// What the owner of the model has given for one node.
enum Owned<'a, E: Layers> {
    Product(&'a (LinearOp, E::Weights)),
    Bias(&'a E::Arith),
    Affine((&'a E::Arith, &'a E::Arith)),
}

/// A node where it stands in a program.
struct Place<'a> {
    program: &'a Program,
    node: &'a Node,
    step: &'a Step,
    shape: &'a Shape,
    /// Of the value, and of those that it is made of.
    order: Order,
    function: Option<&'a Applied>,
    mode: Truncation,
}

impl Place<'_> {
    fn input_shape(&self, at: usize) -> Result<&Shape, Error> {
        let id = self.node.inputs.get(at).ok_or_else(|| missing(self.node))?;
        Ok(self.program.graph().shape(*id)?)
    }

    fn value<E: Layers>(
        &self,
        engine: &mut E,
        inputs: &[&Value<E::Arith>],
        owned: Option<Owned<'_, E>>,
    ) -> Result<E::Arith, Error> {
        if let (Op::View(view), Some(x)) = (&self.node.op, inputs.first()) {
            if [x.order, self.order] == [Order::Memory; 2] {
                return engine.view(&x.data, view, self.shape);
            }
            let places = [(self.input_shape(0)?, x.order), (self.shape, self.order)];
            return arrange(engine, &x.data, places, view.sources());
        }
        // Rows of more dimensions than the result's are rows nevertheless.
        let rows = matches!(
            self.node.op,
            Op::MatMul(_) | Op::Softmax(_) | Op::LayerNorm(_)
        );
        let order = if rows { Order::Rows } else { self.order };
        let mut ordered = Vec::with_capacity(inputs.len());
        for (at, x) in inputs.iter().enumerate() {
            ordered.push(reorder(engine, x, self.input_shape(at)?, order)?);
        }
        let inputs: Vec<&E::Arith> = ordered
            .iter()
            .zip(inputs)
            .map(|(new, old)| new.as_ref().unwrap_or(&old.data))
            .collect();
        self.compute(engine, &inputs, owned)
    }

    fn compute<E: Layers>(
        &self,
        engine: &mut E,
        inputs: &[&E::Arith],
        owned: Option<Owned<'_, E>>,
    ) -> Result<E::Arith, Error> {
        let (node, shape, to, mode) = (self.node, self.shape, self.step.format, self.mode);
        let x = *inputs.first().ok_or_else(|| missing(node))?;
        let rescale = Rescale {
            shift: self.step.shift(),
            mode,
            to,
        };
        match (&node.op, owned) {
            (Op::Conv(_) | Op::Linear(_) | Op::ChannelAffine, Some(Owned::Product((op, w)))) => {
                return only(engine.linear(&[x], op, w, rescale)?);
            }
            (Op::ChannelShift, Some(Owned::Bias(bias))) => return engine.add_bias(x, bias),
            (Op::Offset, Some(Owned::Bias(bias))) => return engine.add(x, bias),
            (Op::LayerNorm(_), Some(Owned::Affine(affine))) => {
                if let Some(Applied::LayerNorm(f)) = self.function {
                    return engine.layer_norm(x, Some(affine), f, mode);
                }
            }
            _ => {}
        }
        match (&node.op, self.step.arithmetic) {
            (Op::Relu, _) => only(engine.relu(&[x])?),
            (Op::MaxPool(pool), _) => engine.max_pool(x, pool, shape),
            (Op::Clip(a), _) => engine.clip(x, a, to),
            (Op::LeakyRelu(_), Arithmetic::Slope(slope)) => engine.leaky_relu(x, &slope, to, mode),
            (Op::Scale(_), Arithmetic::Slope(slope)) => {
                let scaled = engine.mul_public(x, &[slope.multiplier], slope.shift)?;
                engine.rescale_one(&scaled, rescale)
            }
            (Op::Scale(_), _) => {
                let more = to.frac().saturating_sub(engine.spec(x).format.frac());
                engine.mul_public(x, &[1], more)
            }
            (Op::AvgPool(_) | Op::GlobalAvgPool, Arithmetic::Mean(mean)) => {
                let window = Window::of(node, &engine.spec(x).shape, shape)?;
                engine.avg_pool(x, &window, shape, &mean, to, mode)
            }
            (Op::Add, _) => two(inputs).and_then(|(a, b)| engine.add(a, b)),
            (Op::Sub, _) => two(inputs).and_then(|(a, b)| engine.sub(a, b)),
            (Op::Mul, _) => {
                let pair = two(inputs)?;
                only(engine.mul(&[pair], rescale)?)
            }
            (Op::MatMul(a), _) => {
                let sides = a.sides(self.input_shape(0)?, self.input_shape(1)?);
                let [batch, rows, inner, columns] = sides.ok_or_else(|| missing(node))?;
                let op = MatMul {
                    batch,
                    rows,
                    inner,
                    columns,
                    transposed: a.transposed,
                };
                only(engine.matmul(&[two(inputs)?], &op, rescale)?)
            }
            (Op::Div, _) => match (self.function, two(inputs)?) {
                (Some(Applied::Division(f)), (a, b)) => engine.divide(a, b, f, mode),
                _ => Err(self.formless()),
            },
            (Op::Fill(a), _) => self.fill(engine, x, &a.keep, a.value, to),
            (Op::Softmax(_) | Op::Function(_), _) => match self.function {
                Some(f) => f.run(engine, x, mode),
                None => Err(self.formless()),
            },
            (Op::Concat, _) => engine.concat(inputs, shape),
            (Op::Flatten, _) => engine.flatten(x, shape),
            (Op::Pad(a), _) => engine.pad(x, a, shape),
            (Op::Argmax, _) => engine.argmax(x, shape),
            _ => Err(self.formless()),
        }
    }

    /// A number where the mask does not keep the value; numbers beyond the format are its ends.
    fn fill<E: Layers>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        keep: &Mask,
        value: f32,
        to: Format,
    ) -> Result<E::Arith, Error> {
        let mut kept: Vec<bool> = keep.chosen(self.shape).collect();
        if self.order == Order::Memory && self.shape.rank() > 2 {
            kept = super::to_memory(self.shape, &kept);
        }
        let raw = fill_raw(value, to.frac(), to.bound());
        engine.fill(x, &kept, raw, to)
    }

    fn formless(&self) -> Error {
        ModelError::Node {
            node: self.node.name.clone(),
            op: self.node.op.name(),
            reason: "has no fixed-point form here".to_owned(),
        }
        .into()
    }
}

fn missing(node: &Node) -> Error {
    Error::Length {
        what: "inputs of a node",
        got: 0,
        want: node.inputs.len().max(1),
    }
}

/// Both operands of a sum, a difference or a product.
fn two<'a, T>(inputs: &[&'a T]) -> Result<(&'a T, &'a T), Error> {
    match inputs {
        [a, b] => Ok((a, b)),
        _ => Err(Error::Length {
            what: "operands of a node",
            got: inputs.len(),
            want: 2,
        }),
    }
}
