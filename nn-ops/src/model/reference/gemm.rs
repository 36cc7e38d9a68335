//! Blocked matrix product in `f32`: the right factor is drawn from a closure, so that a convolution needs no copy of
//! its unfolded input.
//!
//! The layout follows Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008. Sums run over
//! blocks of 256 products that are then added up, which keeps the rounding error near that of pairwise summation.

/// Rows of the register block.
const MR: usize = 4;
/// Columns of the register block: two SSE registers per row.
const NR: usize = 8;
const KC: usize = 256;
const NC: usize = 256;

/// `c[m][n] += a[m][k] * b[k][n]`, where `fill(p, js, out)` writes `b[p][j]` for `j` in `js` to `out`.
pub(super) fn gemm(
    [m, k, n]: [usize; 3],
    a: &[f32],
    mut fill: impl FnMut(usize, core::ops::Range<usize>, &mut [f32]),
    c: &mut [f32],
) {
    if m == 0 || k == 0 || n == 0 {
        return;
    }
    let mut row = [0f32; NC];
    let mut packed_b: Vec<[f32; NR]> = Vec::new();
    for p0 in (0..k).step_by(KC) {
        let kc = KC.min(k - p0);
        let packed_a = pack_a(a, m, k, p0, kc);
        for j0 in (0..n).step_by(NC) {
            let nc = NC.min(n - j0);
            packed_b.clear();
            packed_b.resize(nc.div_ceil(NR) * kc, [0.0; NR]);
            for p in 0..kc {
                fill(p0 + p, j0..j0 + nc, &mut row[..nc]);
                for (panel, values) in row[..nc].chunks(NR).enumerate() {
                    packed_b[panel * kc + p][..values.len()].copy_from_slice(values);
                }
            }
            for (i, a_panel) in packed_a.chunks_exact(kc).enumerate() {
                let rows = MR.min(m - i * MR);
                for (j, b_panel) in packed_b.chunks_exact(kc).enumerate() {
                    let columns = NR.min(nc - j * NR);
                    let acc = block(a_panel, b_panel);
                    for (r, acc_row) in acc.iter().enumerate().take(rows) {
                        let start = (i * MR + r) * n + j0 + j * NR;
                        for (out, v) in c[start..start + columns].iter_mut().zip(acc_row) {
                            *out += v;
                        }
                    }
                }
            }
        }
    }
}

fn pack_a(a: &[f32], m: usize, k: usize, p0: usize, kc: usize) -> Vec<[f32; MR]> {
    let mut packed = vec![[0.0; MR]; m.div_ceil(MR) * kc];
    for (i, row) in a.chunks_exact(k).take(m).enumerate() {
        let panel = &mut packed[i / MR * kc..][..kc];
        for (cell, v) in panel.iter_mut().zip(&row[p0..]) {
            cell[i % MR] = *v;
        }
    }
    packed
}

#[inline]
fn block(a: &[[f32; MR]], b: &[[f32; NR]]) -> [[f32; NR]; MR] {
    let mut acc = [[0f32; NR]; MR];
    for (a, b) in a.iter().zip(b) {
        for (acc, a) in acc.iter_mut().zip(a) {
            for (acc, b) in acc.iter_mut().zip(b) {
                *acc += a * b;
            }
        }
    }
    acc
}

/// Inner product in eight lanes, in blocks.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut total = 0f32;
    for (a, b) in a.chunks(KC * NR).zip(b.chunks(KC * NR)) {
        let mut lanes = [0f32; NR];
        let (a8, a_rest) = a.as_chunks::<NR>();
        let (b8, b_rest) = b.as_chunks::<NR>();
        for (a, b) in a8.iter().zip(b8) {
            for ((l, a), b) in lanes.iter_mut().zip(a).zip(b) {
                *l += a * b;
            }
        }
        let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
        total += lanes.iter().sum::<f32>() + rest;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn products_are_right(m in 1usize..11, k in 1usize..600, n in 1usize..300) {
            let a: Vec<f32> = (0..m * k).map(|i| ((i * 7919) % 17) as f32 - 8.0).collect();
            let b: Vec<f32> = (0..k * n).map(|i| ((i * 104_729) % 13) as f32 - 6.0).collect();
            let mut c = vec![0f32; m * n];
            let fill = |p: usize, js: core::ops::Range<usize>, out: &mut [f32]| {
                out.copy_from_slice(&b[p * n..][js]);
            };
            gemm([m, k, n], &a, fill, &mut c);
            for (i, j) in [(0, 0), (m - 1, n - 1), (m / 2, n / 3)] {
                let column: Vec<f32> = (0..k).map(|p| b[p * n + j]).collect();
                let row = &a[i * k..][..k];
                let want: f32 = row.iter().zip(&column).map(|(x, y)| x * y).sum();
                prop_assert_eq!(c[i * n + j], want);
                prop_assert_eq!(dot(row, &column), want);
            }
        }
    }
}
