//! Random polynomials: uniform halves from public seeds, ternary secrets, binomial errors, flooding.
//!
//! Constant time in what is drawn, except that rejection shows which draws were thrown away, and that uniform halves are public.

use blake3::Hasher;
use piquet_core::{Block, Prg, pack};

use crate::PlainModulus;
use crate::backend::Seed;
use crate::noise::ETA;

/// The stream of uniform half number `index` under a seed.
pub(crate) fn stream(seed: &Seed, index: u64) -> Prg {
    let mut h = Hasher::new_derive_key("piquet 2026 he uniform half");
    h.update(seed);
    h.update(&index.to_le_bytes());
    let mut block = [0; 16];
    block.copy_from_slice(&h.finalize().as_bytes()[..16]);
    Prg::new(Block::from_u128(u128::from_le_bytes(block)))
}

/// Uniform residues below `p`: numbers of as many bits as p, those not below it thrown away.
pub(crate) fn uniform(prg: &mut Prg, p: u64, out: &mut [u64]) {
    let mask = pack::mask(u64::BITS - p.leading_zeros());
    let mut filled = 0;
    let mut fresh = vec![0; out.len()];
    while filled < out.len() {
        let want = out.len() - filled;
        prg.fill_ring(&mut fresh[..want]);
        for x in &fresh[..want] {
            out[filled] = x & mask;
            filled += usize::from(out[filled] < p);
            if filled == out.len() {
                break;
            }
        }
    }
}

/// Uniform coefficients in {-1, 0, 1}: two bits each, 3 thrown away.
pub(crate) fn ternary(prg: &mut Prg, out: &mut [i8]) {
    let mut filled = 0;
    while filled < out.len() {
        let mut word = [0u64; 1];
        prg.fill_ring(&mut word);
        for i in 0..32 {
            let two = (word[0] >> (2 * i)) & 3;
            if filled < out.len() {
                out[filled] = two as i8 - 1;
                filled += usize::from(two < 3);
            }
        }
    }
}

/// Errors of the centred binomial distribution of 2 x 21 coins.
pub(crate) fn binomial(prg: &mut Prg, out: &mut [i8]) {
    let mask = pack::mask(ETA);
    for e in out {
        let mut word = [0u64; 1];
        prg.fill_ring(&mut word);
        let (a, b) = (word[0] & mask, (word[0] >> 32) & mask);
        *e = (a.count_ones() as i8) - (b.count_ones() as i8);
    }
}

/// Uniform integers in -2^bits..2^bits, bits <= 126: in one word each up to 63 bits; beyond that all low words, then all high ones.
pub(crate) fn flood(prg: &mut Prg, bits: u32, count: usize) -> Vec<u64> {
    let words = 1 + usize::from(bits > 63);
    let mut out = vec![0; words * count];
    prg.fill_ring(&mut out);
    // Bits of the highest word, the sign among them.
    let high = bits + 1 - 64 * (words as u32 - 1);
    for x in &mut out[(words - 1) * count..] {
        *x = (*x as i64 >> (64 - high)) as u64;
    }
    out
}

/// Uniform residues modulo t.
pub(crate) fn residues(prg: &mut Prg, plain: PlainModulus, out: &mut [u64]) {
    match plain {
        PlainModulus::Bits(k) => {
            prg.fill_ring(out);
            out.iter_mut().for_each(|x| *x &= pack::mask(k));
        }
        PlainModulus::Prime(t) => uniform(prg, t, out),
    }
}

/// Uniform below 2^bits.
pub(crate) fn wide(prg: &mut Prg, bits: u32) -> u128 {
    let mut x = [0u128; 1];
    prg.fill_ring(&mut x);
    x[0] >> (128 - bits)
}
