//! Rows by batches of the AES below, a piece of one leaf at a time.

use zeroize::Zeroize;

use crate::Block;
use crate::aes::{Aes128, Cr};

/// Blocks of a row that are made at a time.
const PIECE: usize = 64;

#[allow(clippy::too_many_arguments)] // the shape, once checked
pub(super) fn fold(
    aes: &Aes128,
    k: usize,
    seeds: &[Block],
    first: u64,
    onto: Option<&[u8]>,
    u: &mut [u8],
    v: &mut [u8],
    stride: usize,
) {
    for u in u.chunks_exact_mut(stride) {
        match onto {
            Some(onto) => u.copy_from_slice(onto),
            None => u.fill(0),
        }
    }
    v.fill(0);
    let trees = u
        .chunks_exact_mut(stride)
        .zip(v.chunks_exact_mut(k * stride));
    for (seeds, (u, v)) in seeds.chunks_exact(1 << k).zip(trees) {
        for (y, seed) in seeds.iter().enumerate() {
            stream(aes, *seed, first, stride, |at, r| {
                xor(&mut u[at..], r);
                scatter(y, v, stride, at, r);
            });
        }
    }
}

#[allow(clippy::too_many_arguments)] // the shape, once checked
pub(super) fn fold_punctured(
    aes: &Aes128,
    k: usize,
    seeds: &[Block],
    first: u64,
    delta: &[u8],
    c: &[u8],
    w: &mut [u8],
    stride: usize,
) {
    let trees = c.chunks_exact(stride).zip(w.chunks_exact_mut(k * stride));
    for (t, (seeds, (c, w))) in seeds.chunks_exact((1 << k) - 1).zip(trees).enumerate() {
        for (b, w) in w.chunks_exact_mut(stride).enumerate() {
            let i = t * k + b;
            let mask = (delta[i / 8] >> (i % 8) & 1).wrapping_neg();
            for (w, c) in w.iter_mut().zip(c) {
                *w = c & mask;
            }
        }
        for (y, seed) in (1..).zip(seeds) {
            stream(aes, *seed, first, stride, |at, r| {
                scatter(y, w, stride, at, r);
            });
        }
    }
}

/// Calls `f` with byte position and content of each piece of the row of `seed`.
fn stream(aes: &Aes128, seed: Block, first: u64, stride: usize, mut f: impl FnMut(usize, &[u8])) {
    let mut x = [Block::ZERO; PIECE];
    for at in (0..stride).step_by(16 * PIECE) {
        let x = &mut x[..PIECE.min((stride - at) / 16)];
        for (j, x) in (at / 16..).zip(&mut *x) {
            *x = seed ^ Block::from_u128(first.wrapping_add(j as u64).into());
        }
        aes.map_in_place::<Cr>(x, 0);
        f(at, bytemuck::must_cast_slice(x));
    }
    x.zeroize();
}

/// Adds `r` to the rows of `v` where `y` has a 1.
fn scatter(y: usize, v: &mut [u8], stride: usize, at: usize, r: &[u8]) {
    for (b, v) in v.chunks_exact_mut(stride).enumerate() {
        if y >> b & 1 == 1 {
            xor(&mut v[at..], r);
        }
    }
}

fn xor(to: &mut [u8], r: &[u8]) {
    for (to, r) in to.iter_mut().zip(r) {
        *to ^= r;
    }
}
