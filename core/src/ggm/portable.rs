//! The walks in plain Rust, level by level, with the hash in batches: what the kernels are tested against, and what
//! runs where there are no AES instructions.

use zeroize::Zeroize;

use super::VALUE;
use crate::aes::{Aes128, Ccr};
use crate::{Block, Ring};

/// All levels of `corrections`, a row of as many as there are nodes, or of one for all.
pub(super) fn walk(
    aes: &Aes128,
    corrections: &[Block],
    one: bool,
    first: u32,
    paths: &[Block],
    nodes: &mut [Block],
    turns: &mut [Block],
) {
    let mut hashes = vec![Block::ZERO; nodes.len()];
    let row = if one { 1 } else { nodes.len() };
    for (level, c) in corrections.chunks_exact(row).enumerate() {
        step(
            aes,
            first + level as u32,
            c,
            paths,
            nodes,
            turns,
            &mut hashes,
        );
    }
    hashes.zeroize();
}

/// H(x ⊕ 2)
pub(super) fn values(aes: &Aes128, nodes: &[Block], out: &mut [Block]) {
    let n = out.len().min(nodes.len());
    for (o, x) in out.iter_mut().zip(nodes) {
        *o = *x ^ VALUE;
    }
    aes.map_in_place::<Ccr>(&mut out[..n], 0);
}

pub(super) fn deal(
    aes: &Aes128,
    first: u32,
    alphas: &[Block],
    nodes: [&mut [Block]; 2],
    corrections: &mut [Block],
) {
    let n = alphas.len();
    let [x0, x1] = nodes;
    let mut h0 = vec![Block::ZERO; n];
    let mut h1 = vec![Block::ZERO; n];
    for (level, c) in corrections.chunks_exact_mut(n).enumerate() {
        aes.map::<Ccr>(x0, &mut h0, 0);
        aes.map::<Ccr>(x1, &mut h1, 0);
        for j in 0..n {
            let right = bit(alphas[j], first + level as u32);
            let delta = x0[j] ^ x1[j];
            c[j] = h0[j] ^ h1[j] ^ (delta & !right);
            x0[j] = h0[j] ^ (x0[j] & right) ^ (c[j] & control(x0[j]));
            x1[j] = x0[j] ^ delta;
        }
    }
    h0.zeroize();
    h1.zeroize();
}

pub(super) fn walk_summing<R: Ring>(
    aes: &Aes128,
    corrections: &[Block],
    values_: &[R],
    first: u32,
    paths: &[Block],
    nodes: &mut [Block],
    sums: &mut [R],
) {
    let n = nodes.len();
    let mut hashes = vec![Block::ZERO; n];
    let mut turns = vec![Block::ZERO; n];
    let levels = corrections.chunks_exact(n).zip(values_.chunks_exact(n));
    for (level, (c, v)) in levels.enumerate() {
        let level = first + level as u32;
        values(aes, nodes, &mut hashes);
        for j in 0..n {
            let left = R::from_i128((!bit(paths[j], level)).to_u128() as i128);
            let t = R::from_i128(control(nodes[j]).to_u128() as i128);
            let w = R::from_i128(hashes[j].to_u128() as i128);
            sums[j] = sums[j].add(w.add(v[j].and(t)).and(left));
        }
        step(aes, level, c, paths, nodes, &mut turns, &mut hashes);
    }
    hashes.zeroize();
    turns.zeroize();
}

pub(super) fn deal_summing<R: Ring>(
    aes: &Aes128,
    first: u32,
    alphas: &[Block],
    betas: &[R],
    nodes: [&mut [Block]; 2],
    corrections: &mut [Block],
    values_: &mut [R],
) {
    let n = alphas.len();
    let [x0, x1] = nodes;
    let mut w0 = vec![Block::ZERO; n];
    let mut w1 = vec![Block::ZERO; n];
    let levels = corrections
        .chunks_exact_mut(n)
        .zip(values_.chunks_exact_mut(n));
    for (level, (c, v)) in levels.enumerate() {
        let level = first + level as u32;
        values(aes, x0, &mut w0);
        values(aes, x1, &mut w1);
        for j in 0..n {
            let right = R::from_i128(bit(alphas[j], level).to_u128() as i128);
            let minus = R::from_i128(control(x1[j]).to_u128() as i128);
            let w = |w: Block| R::from_i128(w.to_u128() as i128);
            let d = betas[j].and(right).sub(w(w0[j])).add(w(w1[j]));
            v[j] = d.xor(minus).sub(minus);
        }
        deal(aes, level, alphas, [&mut *x0, &mut *x1], c);
    }
    w0.zeroize();
    w1.zeroize();
}

pub(super) fn expand(aes: &Aes128, correction: Block, parents: &[Block], children: &mut [Block]) {
    let mut even = [Block::ZERO; 64];
    let parents = parents.chunks(64);
    for (parents, children) in parents.zip(children.chunks_mut(128)) {
        let n = parents.len().min(children.len() / 2);
        aes.map::<Ccr>(&parents[..n], &mut even, 0);
        for ((p, h), c) in parents.iter().zip(&even).zip(children.chunks_exact_mut(2)) {
            let left = *h ^ (correction & control(*p));
            c[0] = left;
            c[1] = left ^ *p;
        }
    }
    even.zeroize();
}

pub(super) fn expand_keys(
    aes: &Aes128,
    corrections: &[Block],
    parents: &[Block],
    children: &mut [Block],
) {
    let n = corrections.len();
    let rows = parents.chunks_exact(n);
    for (parents, children) in rows.zip(children.chunks_exact_mut(2 * n)) {
        let (left, right) = children.split_at_mut(n);
        aes.map::<Ccr>(parents, left, 0);
        for j in 0..n {
            left[j] ^= corrections[j] & control(parents[j]);
            right[j] = left[j] ^ parents[j];
        }
    }
}

/// One level; the last correction is that of all keys past it.
fn step(
    aes: &Aes128,
    level: u32,
    corrections: &[Block],
    paths: &[Block],
    nodes: &mut [Block],
    turns: &mut [Block],
    hashes: &mut [Block],
) {
    aes.map::<Ccr>(nodes, hashes, 0);
    let last = corrections.len() - 1;
    for (j, x) in nodes.iter_mut().enumerate() {
        let right = bit(paths[j], level);
        let child = hashes[j] ^ (*x & right) ^ (corrections[j.min(last)] & control(*x));
        turns[j] ^= (*x ^ child) & right;
        *x = child;
    }
}

/// All ones where bit `level` of the path, counted from the top, is set.
#[inline(always)]
fn bit(path: Block, level: u32) -> Block {
    Block::from_u128((path.to_u128() >> (127 - level) & 1).wrapping_neg())
}

/// All ones where the control bit is set.
#[inline(always)]
fn control(node: Block) -> Block {
    Block::from_u128((node.to_u128() & 1).wrapping_neg())
}
