//! The function of a node of a graph, with its constants.

use super::{Layers, only};
use crate::Error;
use crate::engine::Truncation;
use crate::function::{Division, Exp, LayerNorm, Log, Piecewise, Reciprocal, Rsqrt, Softmax, Sqrt};
use crate::model::{Format, Function, Graph, Op, fill_bound};

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

fn is_function(op: &Op) -> bool {
    matches!(
        op,
        Op::Function(_) | Op::Div | Op::Softmax(_) | Op::LayerNorm(_)
    )
}

impl Applied {
    /// The function of an operator of values of these formats, in rows of `n` elements, if it is one; or why there is none.
    pub(crate) fn new(
        op: &Op,
        from: &[Format],
        n: usize,
        to: Format,
    ) -> Result<Option<Self>, String> {
        if !is_function(op) {
            return Ok(None);
        }
        let _ = (from, n, to);
        Err("is a function that is being built".to_owned())
    }

    /// Format of values before a causal softmax, some of which are replaced by one that is far below all others.
    pub(crate) fn causal(x: Format) -> Result<Format, Error> {
        Ok(x.with_bound(fill_bound(f32::MIN, x))?)
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
