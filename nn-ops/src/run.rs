//! A program, run on any engine.
//!
//! The same two calls, [`prepare`] and [`evaluate`], make every interpreter: what an engine is decides whether they
//! compute, count, or take part in a protocol.

mod evaluate;
mod order;

use piquet_core::linalg::ConvShape;

use crate::Error;
use crate::engine::{LinearOp, PlainWeights, Spec, Truncation};
use crate::function::real::pow2;
use crate::layer::Layers;
use crate::ledger::Phase;
use crate::model::{
    Arithmetic, ModelError, Node, NodeId, Op, Program, QuantizedParams, Role, Shape, Step,
    TensorF32,
};
use crate::session::Agreement;

pub use evaluate::evaluate;
pub(crate) use order::Order;
pub use order::{to_logical, to_memory};

/// The product of a node with weights, of an input of shape `x`, as a convolution; `None` where there is none.
#[must_use]
pub fn product_shape(op: &Op, x: &Shape) -> Option<ConvShape> {
    let [n, c, h, w] = x.as_nchw();
    match op {
        Op::Conv(a) => Some(ConvShape {
            batch: n,
            input: [h, w],
            in_channels: c,
            out_channels: a.out_channels,
            kernel: a.kernel,
            stride: a.stride,
            padding: a.padding,
            dilation: a.dilation,
            groups: a.groups,
        }),
        Op::Linear(a) => Some(ConvShape::matmul(n, c, a.out_features)),
        // Each channel is a group of its own.
        Op::ChannelAffine => Some(ConvShape {
            input: [h, w],
            groups: c,
            ..ConvShape::matmul(n, c, c)
        }),
        _ => None,
    }
}

/// The product that a node stands for, if it is one.
pub fn linear_op(program: &Program, node: &Node, step: &Step) -> Result<Option<LinearOp>, Error> {
    let Arithmetic::Product(product) = step.arithmetic else {
        return Ok(None);
    };
    let x = program.graph().shape(first_input(node)?)?;
    let Some(shape) = product_shape(&node.op, x) else {
        return Ok(None);
    };
    let bias = match &node.op {
        Op::Conv(a) => a.bias,
        Op::Linear(a) => a.bias,
        _ => true,
    };
    shape.validate()?;
    let [n, ..] = x.as_nchw();
    let [oh, ow] = shape.output();
    let out = if x.rank() == 2 {
        Shape::new(&[n, shape.out_channels])?
    } else {
        Shape::nchw(n, shape.out_channels, oh, ow)?
    };
    Ok(Some(LinearOp {
        name: node.name.clone(),
        shape,
        out,
        frac: product.weight_frac,
        bias,
    }))
}

/// All products of a program, in order.
pub fn linear_ops(program: &Program) -> Result<Vec<LinearOp>, Error> {
    let mut ops = Vec::new();
    for (node, step, _) in program.iter() {
        ops.extend(linear_op(program, node, step)?);
    }
    Ok(ops)
}

/// All parameters that stand alone, in order: the layer's name, what they are to it, and their shape and format.
pub fn lone_params(program: &Program) -> Result<Vec<(String, Role, Spec)>, Error> {
    let mut all = Vec::new();
    for (node, step, shape) in program.iter() {
        let mut push = |role, shape, format| {
            all.push((node.name.clone(), role, Spec { shape, format }));
        };
        match (&node.op, step.arithmetic) {
            (Op::Offset, Arithmetic::Shift(shift)) => {
                let format = step.format.with_bound(shift.bias_bound.max(1))?;
                push(Role::Bias, shape.clone(), format);
            }
            (_, Arithmetic::Shift(shift)) => {
                let format = step.format.with_bound(shift.bias_bound.max(1))?;
                push(Role::Bias, Shape::new(&[1, shape.channels()])?, format);
            }
            (_, Arithmetic::Norm(norm)) => {
                let row = Shape::new(&[1, shape.last()])?;
                push(Role::Gamma, row.clone(), norm.gamma);
                push(Role::Beta, row, norm.beta);
            }
            _ => {}
        }
    }
    Ok(all)
}

/// The raw numbers of a parameter that stands alone, in memory order.
pub fn plain_param(
    params: &QuantizedParams,
    name: &str,
    role: Role,
    spec: &Spec,
) -> Result<Vec<i64>, Error> {
    let raw = params.get(name, role).map_or(&[][..], |t| t.data());
    if raw.len() == spec.len() {
        return Ok(to_memory(&spec.shape, raw));
    }
    Err(Error::Length {
        what: "parameters of a layer",
        got: raw.len(),
        want: spec.len(),
    })
}

/// Raw weights and bias of a product.
pub fn plain_weights<'a>(
    params: &'a QuantizedParams,
    op: &LinearOp,
) -> Result<PlainWeights<'a>, Error> {
    let get = |role: Role, want: usize| -> Result<&'a [i64], Error> {
        let data = params.get(&op.name, role).map_or(&[][..], |t| t.data());
        if data.len() == want {
            Ok(data)
        } else {
            Err(Error::Length {
                what: "parameters of a layer",
                got: data.len(),
                want,
            })
        }
    };
    Ok(PlainWeights {
        weights: get(Role::Weight, op.shape.weight_len())?,
        bias: match op.bias {
            true => get(Role::Bias, op.shape.out_channels)?,
            false => &[],
        },
    })
}

/// A model as an engine holds it after set-up.
#[derive(Debug)]
pub struct Prepared<W, A> {
    /// One for each product, in order.
    weights: Vec<(LinearOp, W)>,
    /// One for each parameter that stands alone, in order.
    lone: Vec<A>,
}

/// Set-up: hands over or receives the weights of all products. `params` is `Some` for the one who owns the model.
pub fn prepare<E: Layers>(
    engine: &mut E,
    program: &Program,
    params: Option<&QuantizedParams>,
) -> Result<Prepared<E::Weights, E::Arith>, Error> {
    let mut weights = Vec::new();
    for op in linear_ops(program)? {
        engine.begin_layer(&op.name, "weights");
        let plain = params.map(|p| plain_weights(p, &op)).transpose()?;
        let w = engine.prepare(&op, plain)?;
        engine.end_layer();
        weights.push((op, w));
    }
    let mut lone = Vec::new();
    for (name, role, spec) in lone_params(program)? {
        engine.begin_layer(&name, "weights");
        let plain = params.map(|p| plain_param(p, &name, role, &spec));
        lone.push(engine.prepare_bias(&spec, plain.transpose()?.as_deref())?);
        engine.end_layer();
    }
    Ok(Prepared { weights, lone })
}

/// Shape and format of a program's input.
pub fn input_spec(program: &Program) -> Result<Spec, Error> {
    Ok(Spec {
        shape: program.graph().input_shape()?.clone(),
        format: program.input_format()?,
    })
}

/// Shape and format of a program's result.
pub fn output_spec(program: &Program) -> Result<Spec, Error> {
    Ok(Spec {
        shape: program.graph().output_shape()?.clone(),
        format: program.output_format()?,
    })
}

/// What all peers must agree on to run a program with an engine.
pub fn agreement(engine: &str, program: &Program, mode: Truncation) -> Result<Agreement, Error> {
    let mut options = blake3::Hasher::new_derive_key("piquet 2026 options");
    options.update(mode.name().as_bytes());
    Ok(Agreement {
        engine: engine.to_owned(),
        program: program.digest()?,
        ring_bits: program.width()? as u16,
        options: *options.finalize().as_bytes(),
        computational_bits: 128,
        statistical_bits: 0,
    })
}

/// The input of a program as raw numbers in memory order; [`Error::Overflow`] for a number beyond its declared range.
pub fn encode(program: &Program, input: &TensorF32) -> Result<Vec<i64>, Error> {
    let spec = input_spec(program)?;
    if *input.shape() != spec.shape {
        return Err(ModelError::InputShape {
            graph: program.graph().name().to_owned(),
            got: input.shape().clone(),
            want: spec.shape,
        }
        .into());
    }
    let unit = pow2(spec.format.frac() as i32);
    let limit = pow2(spec.format.bound() as i32);
    let beyond = |v: &&f32| v.is_nan() || f64::from(v.abs()) * unit >= limit;
    if let Some(bad) = input.data().iter().find(beyond) {
        return Err(Error::Overflow {
            layer: "input".to_owned(),
            raw: (f64::from(*bad) * unit) as i64,
            bound: spec.format.bound(),
        });
    }
    let raw = |v: &f32| spec.format.encode(f64::from(*v));
    let raw: Vec<i64> = input.data().iter().map(raw).collect();
    Ok(to_memory(&spec.shape, &raw))
}

/// The result of a program, raw and in memory order, as real numbers.
pub fn decode(program: &Program, raw: &[i64]) -> Result<TensorF32, Error> {
    let spec = output_spec(program)?;
    let real: Vec<f32> = raw.iter().map(|r| spec.format.decode(*r) as f32).collect();
    let data = to_logical(&spec.shape, &real);
    Ok(TensorF32::new(spec.shape, data)?)
}

/// Set-up and one inference: what a party, the oracle and a plan all do. `params` and `input` (memory order) are `Some` for
/// whoever owns them; the result is `Some` for its owner. `progress` is told the number of nodes that are done, first that
/// none is.
pub fn infer<E: Layers>(
    engine: &mut E,
    program: &Program,
    params: Option<&QuantizedParams>,
    input: Option<&[i64]>,
    mode: Truncation,
    progress: &mut dyn FnMut(usize),
) -> Result<Option<Vec<i64>>, Error> {
    engine.begin_phase(Phase::Setup);
    let prepared = prepare(engine, program, params)?;
    engine.begin_phase(Phase::Online);
    progress(0);
    engine.begin_layer("input", "input");
    let x = engine.input(&input_spec(program)?, input)?;
    engine.end_layer();
    let y = evaluate(engine, program, &prepared, x, mode, progress)?;
    engine.begin_layer("result", "reveal");
    let result = engine.reveal(&y)?;
    engine.end_layer();
    Ok(result)
}

fn first_input(node: &Node) -> Result<NodeId, Error> {
    node.inputs.first().copied().ok_or(Error::Length {
        what: "inputs of a node",
        got: 0,
        want: 1,
    })
}
