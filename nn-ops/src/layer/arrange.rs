//! Views and padding: which runs of memory go where.

use super::Layers;
use crate::Error;
use crate::engine::ZERO_ROW;
use crate::model::{Pad, Shape, View};
use crate::run::{Order, to_memory};

pub(super) fn view<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    view: &View,
    out: &Shape,
) -> Result<E::Arith, Error> {
    let from = engine.spec(x).shape.clone();
    let logical = view.sources();
    arrange(
        engine,
        x,
        [(&from, Order::Memory), (out, Order::Memory)],
        logical,
    )
}

/// The elements `logical` of a tensor, by their places in its row-major order, as another tensor; for both their shape, and the
/// order that they have in memory.
pub(crate) fn arrange<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    [(from, from_order), (to, to_order)]: [(&Shape, Order); 2],
    logical: impl Iterator<Item = usize>,
) -> Result<E::Arith, Error> {
    let [_, c, h, w] = from.as_nchw();
    let pixels = h * w;
    // From the logical (channel-first) place of an element to that in memory.
    let place = |i: usize| (i / (c * pixels) * pixels + i % pixels) * c + i / pixels % c;
    let index: Vec<u32> = match from_order {
        Order::Memory if pixels > 1 => logical.map(|i| place(i) as u32).collect(),
        _ => logical.map(|i| i as u32).collect(),
    };
    let (index, shape) = match to_order {
        Order::Memory => (to_memory(to, &index), to.clone()),
        Order::Rows => (index, rows(to)?),
    };
    let run = longest_run(&index, engine.spec(x).len());
    let firsts = index.iter().step_by(run);
    let runs: Vec<u32> = firsts.map(|i| i / run as u32).collect();
    engine.gather(x, run, &runs, &shape)
}

/// The matrix that a tensor is in row-major order.
pub(crate) fn rows(shape: &Shape) -> Result<Shape, Error> {
    let n = shape.last();
    Ok(Shape::new(&[shape.elements() / n.max(1), n])?)
}

/// The longest run of neighbours, from a multiple of its length on, that all indices into `of` elements consist of.
fn longest_run(index: &[u32], of: usize) -> usize {
    let mut run = common_divisor(index.len(), of).max(1);
    let mut next = None;
    for (at, i) in index.iter().enumerate() {
        if next != Some(*i) {
            for edge in [at, *i as usize] {
                if !edge.is_multiple_of(run) {
                    run = common_divisor(run, edge);
                }
            }
        }
        next = i.checked_add(1);
    }
    run
}

pub(super) fn pad<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    pad: &Pad,
    out: &Shape,
) -> Result<E::Arith, Error> {
    let [n, c, h, w] = engine.spec(x).shape.as_nchw();
    let [rows, columns] = pad.sources([h, w]);
    let mut index = Vec::with_capacity(n * rows.len() * columns.len());
    for b in 0..n {
        for row in &rows {
            index.extend(columns.iter().map(|column| match (row, column) {
                (Some(y), Some(x)) => ((b * h + y) * w + x) as u32,
                _ => ZERO_ROW,
            }));
        }
    }
    engine.gather(x, c, &index, out)
}

fn common_divisor(mut a: usize, mut b: usize) -> usize {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::longest_run;

    #[test]
    fn runs_are_as_long_as_can_be() {
        assert_eq!(longest_run(&[0, 1, 2, 3], 8), 4);
        assert_eq!(longest_run(&[4, 5, 6, 7, 0, 1, 2, 3], 8), 4);
        assert_eq!(longest_run(&[2, 3, 4, 5], 8), 2);
        assert_eq!(longest_run(&[0, 1, 3, 4], 8), 1);
        assert_eq!(longest_run(&[6, 7, 8, 0, 1, 2], 9), 3);
        assert_eq!(longest_run(&[5, 5, 5], 6), 1);
        assert_eq!(longest_run(&[0, 1, 0, 1], 2), 2);
        assert_eq!(longest_run(&[0, 1, 2, 3], 6), 2);
    }
}
