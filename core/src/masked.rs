//! Sums of what secret bits or words select of a table: the inner loop of private look-ups and of anything that
//! multiplies a vector of bits by a matrix of words.
//!
//! Constant time in the bits and in the table: every row is read whatever its bit is.
#![allow(unsafe_code)]

use crate::cpu::{self, Level};

mod sums;

pub use sums::{dot, sum_where, xor_where};

/// Adds to `acc`, by exclusive or, every row of `rows` whose bit is set. Row i is `rows[i * w..][..w]` for w =
/// `acc.len()`, its bit is bit `i % 64` of `bits[i / 64]`. Rows without a bit, bits without a row and words short of
/// a row count for nothing.
pub fn xor_select(bits: &[u64], rows: &[u64], acc: &mut [u64]) {
    xor_select_with_level(cpu::level(), bits, rows, acc);
}

/// [`xor_select`] with the kernels of `level`, or the next lower ones that this processor has.
pub fn xor_select_with_level(level: Level, bits: &[u64], rows: &[u64], acc: &mut [u64]) {
    if acc.is_empty() {
        return;
    }
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,fma")]
        fn avx512(bits: &[u64], rows: &[u64], acc: &mut [u64]) {
            // SAFETY: the features are those of this function.
            let done = unsafe {
                match acc.len() {
                    1 => x86::select::<1>(bits, rows, acc),
                    2 => x86::select::<2>(bits, rows, acc),
                    4 => x86::select::<4>(bits, rows, acc),
                    8 => x86::select::<8>(bits, rows, acc),
                    _ => 0,
                }
            };
            body(&bits[done..], &rows[done * 64 * acc.len()..], acc);
        }
        #[target_feature(enable = "avx2,bmi1,bmi2,fma")]
        fn avx2(bits: &[u64], rows: &[u64], acc: &mut [u64]) {
            body(bits, rows, acc);
        }
        if cpu::Avx512::at(level).is_some() {
            // SAFETY: `Avx512` proves the features.
            return unsafe { avx512(bits, rows, acc) };
        }
        if cpu::Avx2::at(level).is_some() {
            // SAFETY: `Avx2` proves the features.
            return unsafe { avx2(bits, rows, acc) };
        }
    }
    let _ = level;
    body(bits, rows, acc);
}

#[inline(always)]
fn body(bits: &[u64], rows: &[u64], acc: &mut [u64]) {
    match acc {
        [acc] => words(bits, rows, acc),
        _ => {
            let w = acc.len();
            for (bits, rows) in bits.iter().zip(rows.chunks(64 * w)) {
                for (i, row) in rows.chunks_exact(w).enumerate() {
                    // Hidden, or the compiler makes a branch of it around the row.
                    let all = core::hint::black_box((bits >> i & 1).wrapping_neg());
                    for (a, r) in acc.iter_mut().zip(row) {
                        *a ^= r & all;
                    }
                }
            }
        }
    }
}

/// Rows of one word, in eight sums.
#[inline(always)]
fn words(bits: &[u64], rows: &[u64], acc: &mut u64) {
    let mut sums = [0; 8];
    for (bits, rows) in bits.iter().zip(rows.chunks(64)) {
        let (eights, rest) = rows.as_chunks::<8>();
        for (i, row) in eights.iter().enumerate() {
            let bits = bits >> (8 * i);
            for (j, s) in sums.iter_mut().enumerate() {
                *s ^= row[j] & (bits >> j & 1).wrapping_neg();
            }
        }
        for (j, row) in rest.iter().enumerate() {
            *acc ^= row & (bits >> (8 * eights.len() + j) & 1).wrapping_neg();
        }
    }
    *acc = sums.iter().fold(*acc, |a, s| a ^ s);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::*;

    /// Rows of W words, W being 1, 2, 4 or 8: as many words of bits as have all 64 of their rows. Returns how many
    /// those were.
    ///
    /// # Safety
    /// The features of [`crate::cpu::Avx512`] are there.
    #[inline(always)]
    pub(super) unsafe fn select<const W: usize>(
        bits: &[u64],
        rows: &[u64],
        acc: &mut [u64],
    ) -> usize {
        // The lowest bit of the words of each row, in 64 words of the table.
        let low = u64::MAX / ((1 << W) - 1);
        let n = bits.len().min(rows.len() / (64 * W));
        // SAFETY: the features are there; every load lies in the 64 words of a part of a chunk, the store in the 8
        // words of `sums`.
        unsafe {
            let mut sum = [_mm512_setzero_si512(); 4];
            for (bits, rows) in bits[..n].iter().zip(rows.chunks_exact(64 * W)) {
                for (part, rows) in rows.chunks_exact(64).enumerate() {
                    let mine = bits >> (part * (64 / W));
                    // Every processor with AVX-512 deposits bits in constant time.
                    let mask = _pdep_u64(mine, low).wrapping_mul((1 << W) - 1);
                    for i in 0..8 {
                        let row = _mm512_loadu_epi64(rows.as_ptr().add(8 * i).cast());
                        let mask = (mask >> (8 * i)) as __mmask8;
                        let s = &mut sum[i % 4];
                        *s = _mm512_mask_xor_epi64(*s, mask, *s, row);
                    }
                }
            }
            let sum = _mm512_xor_si512(
                _mm512_xor_si512(sum[0], sum[1]),
                _mm512_xor_si512(sum[2], sum[3]),
            );
            let mut sums = [0u64; 8];
            _mm512_storeu_epi64(sums.as_mut_ptr().cast(), sum);
            for (i, s) in sums.iter().enumerate() {
                acc[i % W] ^= s;
            }
        }
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Block, Prg};

    #[test]
    fn rows_of_every_width_and_number_at_every_level() {
        let mut prg = Prg::new(Block::from_u128(4));
        for width in [1usize, 2, 3, 4, 5, 8, 9, 16] {
            for n in [0usize, 1, 2, 7, 8, 63, 64, 65, 127, 128, 129, 200, 640] {
                let mut rows = vec![0u64; n * width];
                let mut bits = vec![0u64; n.div_ceil(64)];
                prg.fill_ring(&mut rows);
                prg.fill_ring(&mut bits);
                let mut want: Vec<u64> = (0..width as u64).collect();
                for i in 0..n {
                    if bits[i / 64] >> (i % 64) & 1 == 1 {
                        for (w, r) in want.iter_mut().zip(&rows[i * width..]) {
                            *w ^= r;
                        }
                    }
                }
                for level in Level::all() {
                    let mut got: Vec<u64> = (0..width as u64).collect();
                    xor_select_with_level(level, &bits, &rows, &mut got);
                    assert_eq!(got, want, "{n} rows of {width} words at {level}");
                }
            }
        }
    }

    #[test]
    fn the_shorter_side_sets_the_number() {
        for level in Level::all() {
            for width in [1, 2, 3] {
                let rows = vec![1u64; 100 * width + width - 1];
                let mut acc = vec![0; width];
                xor_select_with_level(level, &[u64::MAX], &rows, &mut acc);
                assert!(acc.iter().all(|a| *a == 0), "64 ones");
                xor_select_with_level(level, &[u64::MAX, 1, 5], &rows, &mut acc);
                assert!(
                    acc.iter().all(|a| *a == 1),
                    "65 ones, and none past the table"
                );
                xor_select_with_level(level, &[], &rows, &mut acc);
                xor_select_with_level(level, &[7], &[], &mut acc);
                assert!(acc.iter().all(|a| *a == 1));
            }
            xor_select_with_level(level, &[7], &[7], &mut []);
        }
    }
}
