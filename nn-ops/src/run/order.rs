//! The orders that a tensor's elements have in memory.

use crate::Error;
use crate::layer::{Layers, arrange, rows};
use crate::model::{Graph, Op, Shape};

/// How the elements of a tensor lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// `[batch][height][width][channel]`, as convolutions take it.
    Memory,
    /// Row-major, as a matrix whose rows are the last dimension: what functions of rows and products of matrices take.
    Rows,
}

/// A value of a node on its way to those who take it.
#[derive(Debug)]
pub(super) struct Value<A> {
    pub(super) data: A,
    /// Of up to two dimensions it does not matter, and is [`Order::Memory`].
    pub(super) order: Order,
}

/// What an operator does with orders.
enum Taste {
    /// Takes and gives memory order.
    Memory,
    /// Takes and gives rows.
    Rows,
    /// Takes what comes, and gives the same.
    Either,
    /// Takes what comes, and gives what is asked for.
    View,
}

impl Taste {
    fn of(op: &Op) -> Self {
        match op {
            Op::MatMul(_) | Op::Softmax(_) | Op::LayerNorm(_) => Self::Rows,
            Op::View(_) => Self::View,
            Op::Relu
            | Op::Clip(_)
            | Op::LeakyRelu(_)
            | Op::Add
            | Op::Sub
            | Op::Mul
            | Op::Div
            | Op::Function(_)
            | Op::Scale(_)
            | Op::Fill(_) => Self::Either,
            _ => Self::Memory,
        }
    }
}

/// The order in which each node's inputs are taken and its value is given.
pub(super) fn orders(graph: &Graph) -> Vec<Order> {
    let nodes = graph.nodes();
    // Whether someone asks for rows, from the last node to the first.
    let mut asked = vec![false; nodes.len()];
    for (i, node) in nodes.iter().enumerate().rev() {
        let asks = match Taste::of(&node.op) {
            Taste::Rows => true,
            Taste::Either => asked.get(i) == Some(&true),
            Taste::Memory | Taste::View => false,
        };
        for id in node.inputs.iter().filter(|_| asks) {
            if let Some(a) = asked.get_mut(id.index()) {
                *a = true;
            }
        }
    }
    let mut orders: Vec<Order> = Vec::with_capacity(nodes.len());
    for (i, (node, shape)) in nodes.iter().zip(graph.shapes()).enumerate() {
        let mut inputs = node.inputs.iter().filter_map(|id| orders.get(id.index()));
        let rows = match Taste::of(&node.op) {
            Taste::Rows => true,
            Taste::Either => inputs.any(|o| *o == Order::Rows),
            Taste::View => asked.get(i) == Some(&true),
            Taste::Memory => false,
        };
        orders.push(match rows && shape.rank() > 2 {
            true => Order::Rows,
            false => Order::Memory,
        });
    }
    orders
}

/// The value of this shape in this order, if it is not there already.
pub(super) fn reorder<E: Layers>(
    engine: &mut E,
    value: &Value<E::Arith>,
    shape: &Shape,
    order: Order,
) -> Result<Option<E::Arith>, Error> {
    if value.order == order || shape.rank() <= 2 {
        return Ok(None);
    }
    let same_places = {
        let [_, c, h, w] = shape.as_nchw();
        c == 1 || h * w == 1
    };
    let to = match order {
        Order::Memory => shape.clone(),
        Order::Rows => rows(shape)?,
    };
    if same_places {
        // Another name for the same elements.
        return engine
            .gather(&value.data, to.elements(), &[0], &to)
            .map(Some);
    }
    let all = 0..shape.elements();
    arrange(
        engine,
        &value.data,
        [(shape, value.order), (shape, order)],
        all,
    )
    .map(Some)
}

/// A tensor's elements from logical (channel-first) to memory order.
pub fn to_memory<T: Copy>(shape: &Shape, x: &[T]) -> Vec<T> {
    let [n, c, h, w] = shape.as_nchw();
    let mut out = Vec::with_capacity(x.len());
    for image in x.chunks_exact((c * h * w).max(1)).take(n) {
        for p in 0..h * w {
            out.extend(image.iter().skip(p).step_by(h * w));
        }
    }
    out
}

/// A tensor's elements from memory to logical (channel-first) order.
pub fn to_logical<T: Copy>(shape: &Shape, x: &[T]) -> Vec<T> {
    let [n, c, h, w] = shape.as_nchw();
    let mut out = Vec::with_capacity(x.len());
    for image in x.chunks_exact((c * h * w).max(1)).take(n) {
        for k in 0..c {
            out.extend(image.iter().skip(k).step_by(c));
        }
    }
    out
}
