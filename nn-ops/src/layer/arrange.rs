//! Views and padding: which runs of memory go where.

use super::Layers;
use crate::Error;
use crate::engine::ZERO_ROW;
use crate::model::{Pad, Shape, View};
use crate::run::to_memory;

pub(super) fn view<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    view: &View,
    out: &Shape,
) -> Result<E::Arith, Error> {
    let [_, c, h, w] = engine.spec(x).shape.as_nchw();
    let [_, channels, _, _] = out.as_nchw();
    let pixels = h * w;
    // From the logical (channel-first) place of an element to that in memory.
    let place = |i: usize| (i / (c * pixels) * pixels + i % pixels) * c + i / pixels % c;
    let logical: Vec<u32> = view.sources().map(|i| place(i) as u32).collect();
    let index = to_memory(out, &logical);
    // Where channels stay together, whole rows of them move.
    let run = common_divisor(c, channels);
    let whole = |row: &[u32]| {
        let first = row.first().copied().unwrap_or(0);
        first.is_multiple_of(run as u32) && row.iter().zip(first..).all(|(a, b)| *a == b)
    };
    if run > 1 && index.chunks_exact(run).all(whole) {
        let rows = index.chunks_exact(run).flat_map(|r| r.first());
        let rows: Vec<u32> = rows.map(|i| i / run as u32).collect();
        engine.gather(x, run, &rows, out)
    } else {
        engine.gather(x, 1, &index, out)
    }
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
