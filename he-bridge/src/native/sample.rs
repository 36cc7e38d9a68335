//! Random polynomials: uniform halves from public seeds, ternary secrets, binomial errors, flooding, masks.
//!
//! All distributions are exact where the generator's bytes are uniform: nothing is reduced, and what is out of range
//! is thrown away. Constant time in what is drawn; which draws are thrown away shows, and does not depend on those
//! that are kept. Stack copies of what secrets are made from are wiped. What is drawn for a seed does not depend on
//! the kernels.

mod planes;

use blake3::Hasher;
use piquet_core::{Block, Prg, lanes, pack, wipe};

use super::power::Power;
use crate::PlainModulus;
use crate::backend::Seed;
use planes::{BLOCK, COINS, Kernels, Row};

/// The stream of uniform half number `index` under a seed: AES-128 in counter mode under a key that BLAKE3 derives
/// from both. It stands for a uniform polynomial that both parties know, as in every scheme that sends seeds for its
/// random polynomials.
pub(crate) fn stream(seed: &Seed, index: u64) -> Prg {
    let mut h = Hasher::new_derive_key("piquet 2026 he uniform half");
    h.update(seed);
    h.update(&index.to_le_bytes());
    let mut block = [0; 16];
    block.copy_from_slice(&h.finalize().as_bytes()[..16]);
    Prg::new(Block::from_u128(u128::from_le_bytes(block)))
}

/// Words of a stream, each taken through `f`: so many at a time that they are still near then.
fn draw(prg: &mut Prg, out: &mut [u64], f: impl Fn(u64) -> u64 + Copy) {
    for chunk in out.chunks_mut(BLOCK) {
        prg.fill_ring(chunk);
        lanes::map(chunk, f);
    }
}

/// Words of a stream with all but the lowest `bits` cleared.
fn masked(prg: &mut Prg, bits: u32, out: &mut [u64]) {
    let mask = pack::mask(bits);
    draw(prg, out, |x| x & mask);
}

/// Uniform residues below `p`, in 2..=2^63: words of a stream, cut to as many bits as p - 1 has, without those that
/// are not below p.
// By itself: that draws are thrown away shows, and what judges time has to know it by its name.
#[inline(never)]
pub(crate) fn uniform(prg: &mut Prg, p: u64, out: &mut [u64]) {
    let mut rest = out;
    while !rest.is_empty() {
        masked(prg, u64::BITS - (p - 1).leading_zeros(), rest);
        // The sign of p - 1 - x, of all of them.
        let beyond = rest.iter().fold(0, |any, x| any | (p - 1).wrapping_sub(*x)) >> 63;
        let kept = if beyond == 1 {
            below(p, rest)
        } else {
            rest.len()
        };
        rest = &mut rest[kept..];
    }
}

/// Moves those below `p` to the front, in order.
#[cold]
fn below(p: u64, x: &mut [u64]) -> usize {
    let mut kept = 0;
    for i in 0..x.len() {
        x[kept] = x[i];
        kept += usize::from(x[i] < p);
    }
    kept
}

/// Uniform residues modulo t.
pub(crate) fn residues(prg: &mut Prg, plain: PlainModulus, out: &mut [u64]) {
    match plain {
        PlainModulus::Bits(k) => masked(prg, k, out),
        PlainModulus::Prime(t) => uniform(prg, t, out),
    }
}

/// Uniform coefficients modulo a power of two, word-plane by word-plane.
pub(crate) fn planes(prg: &mut Prg, power: Power, count: usize) -> Vec<u64> {
    let mut out = vec![0; power.words * count];
    for (w, plane) in out.chunks_exact_mut(count.max(1)).enumerate() {
        masked(prg, power.word_bits(w), plane);
    }
    out
}

/// Uniform integers in -2^bits..2^bits, bits <= 126: in one word each up to 63 bits; beyond that all low words, then
/// all high ones.
pub(crate) fn flood(prg: &mut Prg, bits: u32, count: usize) -> Vec<u64> {
    let words = 1 + usize::from(bits > 63);
    let mut out = vec![0; words * count];
    let (low, high) = out.split_at_mut((words - 1) * count);
    prg.fill_ring(low);
    // Bits of the highest word below the sign.
    let bits = bits - 64 * (words as u32 - 1);
    let mask = pack::mask(bits + 1);
    draw(prg, high, |x| (x & mask).wrapping_sub(1 << bits));
    out
}

/// Uniform coefficients in {-1, 0, 1}: differences of two bits, pairs of ones thrown away.
#[inline(never)]
pub(crate) fn ternary(prg: &mut Prg, out: &mut [i8]) {
    ternary_with(Kernels::new(), prg, out);
}

fn ternary_with(kernels: Kernels, prg: &mut Prg, out: &mut [i8]) {
    /// Pairs of words drawn at a time.
    const PAIRS: usize = 24;
    let (mut pairs, mut next) = ([[0; 2]; PAIRS], PAIRS);
    let (mut kept, mut count) = ([[0; BLOCK / 64 + 1]; 2], 0);
    for chunk in out.chunks_mut(BLOCK) {
        while count < chunk.len() {
            if next == PAIRS {
                prg.fill_bytes(bytemuck::must_cast_slice_mut(&mut pairs));
                next = 0;
            }
            count = kernels.keep(pairs[next], &mut kept, count);
            next += 1;
        }
        kernels.differences(&kept, chunk);
        // What is beyond the block begins the next one.
        for plane in &mut kept {
            *plane = [plane[BLOCK / 64], 0, 0, 0, 0, 0, 0, 0, 0];
        }
        count = count.saturating_sub(BLOCK);
    }
    wipe(pairs.as_flattened_mut());
    wipe(kept.as_flattened_mut());
}

/// Errors of the centred binomial distribution of 2 x 21 coins: the number of heads among 42, less 21.
pub(crate) fn binomial(prg: &mut Prg, out: &mut [i8]) {
    binomial_with(Kernels::new(), prg, out);
}

fn binomial_with(kernels: Kernels, prg: &mut Prg, out: &mut [i8]) {
    let mut coins: [Row; COINS] = [[0; 8]; COINS];
    let mut block = [0; BLOCK];
    for chunk in out.chunks_mut(BLOCK) {
        prg.fill_bytes(bytemuck::must_cast_slice_mut(&mut coins));
        kernels.heads(&mut coins, &mut block);
        chunk.copy_from_slice(&block[..chunk.len()]);
    }
    wipe(coins.as_flattened_mut());
    wipe(&mut block);
}

#[cfg(test)]
mod tests;
