//! The function of a node of a graph, with its constants.

use super::{Layers, only};
use crate::Error;
use crate::engine::Truncation;
use crate::function::{Division, Exp, LayerNorm, Log, Piecewise, Reciprocal, Rsqrt, Softmax, Sqrt};
use crate::model::{Arithmetic, Format, Function, Graph, Op, Step};

/// A function of one value, of two, or of rows, for the formats of a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Applied {
    Exp(Exp),
    Log(Log),
    Sqrt(Sqrt),
    Rsqrt(Rsqrt),
    Reciprocal(Reciprocal),
    Piecewise(Piecewise),
    Division(Division),
    Softmax(Softmax),
    LayerNorm(LayerNorm),
}

/// Whether a graph has a function, all of which work in Z_2^64.
pub(crate) fn needs_64_bits(graph: &Graph) -> bool {
    graph.nodes().iter().any(|n| is_function(&n.op))
}

pub(crate) fn is_function(op: &Op) -> bool {
    matches!(
        op,
        Op::Function(_) | Op::Div | Op::Softmax(_) | Op::LayerNorm(_)
    )
}

impl Applied {
    /// The function of a node of values of these formats, in rows of `n` elements; or why there is none.
    pub(crate) fn new(op: &Op, from: &[Format], n: usize, step: &Step) -> Result<Self, String> {
        let to = step.format;
        let x = from.first().copied().ok_or("has no input")?;
        let made = match (op, step.arithmetic, from) {
            (Op::Function(f), ..) => Self::of_one(*f, x, to),
            (Op::Div, _, [x, y]) => Division::new(*x, *y, to).map(Self::Division),
            (Op::Softmax(a), ..) if a.log => Softmax::log(x, to, n).map(Self::Softmax),
            (Op::Softmax(a), ..) if a.causal => Softmax::new(x, to, n)
                .and_then(|f| f.causal(n))
                .map(Self::Softmax),
            (Op::Softmax(_), ..) => Softmax::new(x, to, n).map(Self::Softmax),
            (Op::LayerNorm(a), Arithmetic::Norm(norm), _) => {
                let formats = [norm.gamma, norm.beta];
                LayerNorm::with_affine(x, to, n, f64::from(a.eps), formats).map(Self::LayerNorm)
            }
            _ => return Err("has another arithmetic than its own".to_owned()),
        };
        made.map_err(|e: Error| e.to_string())
    }

    fn of_one(f: Function, from: Format, to: Format) -> Result<Self, Error> {
        Ok(match f {
            Function::Exp => Self::Exp(Exp::natural(from, to)?),
            Function::Log => Self::Log(Log::new(from, to)?),
            Function::Sqrt => Self::Sqrt(Sqrt::new(from, to)?),
            Function::Rsqrt => Self::Rsqrt(Rsqrt::new(from, to)?),
            Function::Reciprocal => Self::Reciprocal(Reciprocal::new(from, to)?),
            Function::Sigmoid => Self::Piecewise(Piecewise::sigmoid(from, to)?),
            Function::Tanh => Self::Piecewise(Piecewise::tanh(from, to)?),
            Function::Gelu => Self::Piecewise(Piecewise::gelu(from, to)?),
            Function::GeluTanh => Self::Piecewise(Piecewise::gelu_tanh(from, to)?),
            Function::Silu => Self::Piecewise(Piecewise::silu(from, to)?),
        })
    }

    /// The function of one value.
    pub(crate) fn run<E: Layers>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        match self {
            Self::Exp(f) => only(engine.exp(&[x], f, mode)?),
            Self::Log(f) => only(engine.log(&[x], f, mode)?),
            Self::Sqrt(f) => only(engine.sqrt(&[x], f, mode)?),
            Self::Rsqrt(f) => only(engine.rsqrt(&[x], f, mode)?),
            Self::Reciprocal(f) => only(engine.reciprocal(&[x], f, mode)?),
            Self::Piecewise(f) => only(engine.piecewise(&[x], f, mode)?),
            Self::Softmax(f) => engine.softmax(x, f, mode),
            Self::Division(_) | Self::LayerNorm(_) => Err(Error::Length {
                what: "operands of a node",
                got: 1,
                want: 2,
            }),
        }
    }
}
