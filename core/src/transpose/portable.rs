//! Transposes in plain Rust, by 64 x 64 tiles: H. S. Warren, "Hacker's Delight", section 7-3.
//!
//! Always inlined, so that the AVX2 entry points compile the same code for that processor.

use crate::Block;

/// Bit j of word i to bit i of word j.
#[inline(always)]
pub(super) fn transpose64(x: &mut [u64; 64]) {
    #[inline(always)]
    fn swap<const J: usize>(x: &mut [u64; 64], mask: u64) {
        for pair in x.chunks_exact_mut(2 * J) {
            let (lo, hi) = pair.split_at_mut(J);
            for (a, b) in lo.iter_mut().zip(hi) {
                let t = ((*a >> J) ^ *b) & mask;
                *b ^= t;
                *a ^= t << J;
            }
        }
    }
    swap::<32>(x, 0x0000_0000_ffff_ffff);
    swap::<16>(x, 0x0000_ffff_0000_ffff);
    swap::<8>(x, 0x00ff_00ff_00ff_00ff);
    swap::<4>(x, 0x0f0f_0f0f_0f0f_0f0f);
    swap::<2>(x, 0x3333_3333_3333_3333);
    swap::<1>(x, 0x5555_5555_5555_5555);
}

#[inline(always)]
pub(super) fn rows_to_blocks(rows: &[u8], blocks: &mut [Block], stride: usize) {
    for (tile, out) in blocks.chunks_mut(64).enumerate() {
        let bytes = out.len() / 8;
        let mut half = [[0; 64]; 2];
        for (h, half) in half.iter_mut().enumerate() {
            for (i, x) in half.iter_mut().enumerate() {
                let src = &rows[(64 * h + i) * stride + 8 * tile..][..bytes];
                // A copy of constant length is one instruction.
                *x = if let Ok(w) = src.try_into() {
                    u64::from_le_bytes(w)
                } else {
                    let mut w = [0; 8];
                    w[..bytes].copy_from_slice(src);
                    u64::from_le_bytes(w)
                };
            }
            transpose64(half);
        }
        for (j, b) in out.iter_mut().enumerate() {
            *b = Block::from_u128((u128::from(half[1][j]) << 64) | u128::from(half[0][j]));
        }
    }
}

#[inline(always)]
pub(super) fn blocks_to_rows(blocks: &[Block], rows: &mut [u8], stride: usize) {
    for (tile, src) in blocks.chunks(64).enumerate() {
        let bytes = src.len() / 8;
        let mut half = [[0; 64]; 2];
        for (j, b) in src.iter().enumerate() {
            half[0][j] = b.to_u128() as u64;
            half[1][j] = (b.to_u128() >> 64) as u64;
        }
        for (h, half) in half.iter_mut().enumerate() {
            transpose64(half);
            for (i, x) in half.iter().enumerate() {
                let dst = &mut rows[(64 * h + i) * stride + 8 * tile..][..bytes];
                if let Ok(w) = <&mut [u8; 8]>::try_from(&mut *dst) {
                    *w = x.to_le_bytes();
                } else {
                    dst.copy_from_slice(&x.to_le_bytes()[..bytes]);
                }
            }
        }
    }
}

#[inline(always)]
pub(super) fn to_planes(words: &[u64], k: usize, planes: &mut [u64]) {
    let stride = words.len().div_ceil(64);
    for (w, src) in words.chunks(64).enumerate() {
        let mut x = [0; 64];
        x[..src.len()].copy_from_slice(src);
        transpose64(&mut x);
        for (j, x) in x[..k].iter().enumerate() {
            planes[j * stride + w] = *x;
        }
    }
}

#[inline(always)]
pub(super) fn from_planes(planes: &[u64], k: usize, words: &mut [u64]) {
    let stride = words.len().div_ceil(64);
    for (w, dst) in words.chunks_mut(64).enumerate() {
        let mut x = [0; 64];
        for (j, x) in x[..k].iter_mut().enumerate() {
            *x = planes[j * stride + w];
        }
        transpose64(&mut x);
        dst.copy_from_slice(&x[..dst.len()]);
    }
}
