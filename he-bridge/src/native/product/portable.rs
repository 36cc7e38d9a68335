//! Products of points in plain Rust: sums of products below 2^100, of which 128 bits hold more than there are inputs.

use super::{BLOCK, BlockWeights, Halves, PANEL};
use crate::native::prime::Prime;

/// Points `start..start + PANEL` of all outputs, at `base` + `start` in them.
pub(super) fn panel(
    p: &Prime,
    panel: &[u64],
    base: usize,
    start: usize,
    weights: &BlockWeights<'_>,
    sums: &mut [[Vec<u64>; 2]],
) {
    let n = weights.taps.len() / weights.count;
    for at in (0..PANEL).step_by(BLOCK) {
        let point = start + at;
        let rows = weights.of(point).chunks_exact(weights.row);
        for (sum, row) in sums.iter_mut().zip(rows) {
            let mut acc = [[0u128; BLOCK]; 2];
            for (x, w) in panel
                .chunks_exact(2 * PANEL)
                .zip(row.chunks_exact(weights.count))
            {
                for k in 0..BLOCK {
                    let w = if let [w] = w {
                        *w
                    } else {
                        let taps = weights.taps[point + k..].iter().step_by(n);
                        let sum =
                            (w.iter().zip(taps)).map(|(w, r)| u128::from(*w) * u128::from(*r));
                        p.reduce_wide(sum.sum())
                    };
                    for (acc, x) in acc.iter_mut().zip([x[at + k], x[PANEL + at + k]]) {
                        acc[k] += u128::from(x) * u128::from(w);
                    }
                }
            }
            for (sum, acc) in sum.iter_mut().zip(acc) {
                for (s, a) in sum[base + point..].iter_mut().zip(acc) {
                    *s = p.reduce_wide(a);
                }
            }
        }
    }
}

/// One output from a few inputs, whose points start at `base`.
pub(super) fn points(
    p: &Prime,
    inputs: &[Halves<'_>],
    base: usize,
    weights: &[u64],
    sums: [&mut [u64]; 2],
    first: bool,
) {
    for (h, sum) in sums.into_iter().enumerate() {
        let n = sum.len();
        for (k, s) in sum.iter_mut().enumerate() {
            let products = inputs
                .iter()
                .enumerate()
                .map(|(i, x)| u128::from(x[h][base + k]) * u128::from(weights[i * n + k]));
            let new = p.reduce_wide(products.sum());
            *s = if first { new } else { p.add(*s, new) };
        }
    }
}
