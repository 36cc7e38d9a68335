//! Transforms in plain Rust.
//!
//! Products by [`Prime`]'s factors of 64 bits are below 2 p for any factor of 64 bits, so that nothing is reduced on
//! the way: forward, a level adds at most 2 p to what was below p at first; p < 2^50 leaves room for 2^13 levels.
//! Inverse, sums double with each level: 13 of them leave sums and differences below 2^13 p < 2^63.

use super::Pairs;
use crate::native::prime::Prime;

pub(super) fn forward(p: &Prime, table: &Pairs, x: &mut [u64]) {
    let twice = 2 * p.p();
    let (mut blocks, mut half) = (1, x.len() / 2);
    while half > 0 {
        let roots = table.roots[blocks..].iter().zip(&table.factors[blocks..]);
        for (block, (w, f)) in x.chunks_exact_mut(2 * half).zip(roots) {
            let (low, high) = block.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                let t = p.mul_lazy(*b, *w, *f);
                (*a, *b) = (*a + t, *a + twice - t);
            }
        }
        blocks *= 2;
        half /= 2;
    }
    for a in x {
        *a = p.reduce(*a);
    }
}

pub(super) fn inverse(p: &Prime, table: &Pairs, scale: [[u64; 2]; 2], x: &mut [u64]) {
    // What no number is above: residues at first.
    let mut most = p.p();
    let (mut blocks, mut half) = (x.len() / 2, 1);
    while blocks > 1 {
        let roots = table.roots[blocks..].iter().zip(&table.factors[blocks..]);
        for (block, (w, f)) in x.chunks_exact_mut(2 * half).zip(roots) {
            let (low, high) = block.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, p.mul_lazy(*a + most - *b, *w, *f));
            }
        }
        most *= 2;
        blocks /= 2;
        half *= 2;
    }
    let (low, high) = x.split_at_mut(half);
    for (a, b) in low.iter_mut().zip(high) {
        let (sum, difference) = (*a + *b, *a + most - *b);
        *a = p.mul_by(sum, scale[0][0], scale[0][1]);
        *b = p.mul_by(difference, scale[1][0], scale[1][1]);
    }
}
