//! Bounds of this machine that several crates measure themselves against.
#![allow(unsafe_code)] // the loops need the processor's instructions

use std::hint::black_box;

use crate::{Limit, Table, multiply};

/// AES-128 blocks a second of one core: the round instruction on registers alone, at the level of `table`.
///
/// On a level without AES instructions there is no such bound, and the figure is infinite.
pub fn aes_blocks(table: &Table) -> Limit {
    #[cfg(target_arch = "x86_64")]
    {
        if table.level() == "avx512" && std::arch::is_x86_feature_detected!("vaes") {
            return table.limit(
                "vaesenc zmm on registers, measured here",
                f64::from(REPEAT) * 12.0 * 4.0,
                || {
                    // SAFETY: the features were just found; the level says the rest of AVX-512 is there.
                    unsafe { x86::vaes() };
                },
            );
        }
        if table.level() != "portable" && std::arch::is_x86_feature_detected!("aes") {
            return table.limit(
                "aesenc on registers, measured here",
                f64::from(REPEAT) * 12.0,
                || {
                    // SAFETY: the feature was just found.
                    unsafe { x86::aes() };
                },
            );
        }
    }
    Limit::of(f64::INFINITY, "no AES instructions at this level")
}

/// Multiply-accumulates a second of one core modulo 2^64: the instructions on registers alone, at the level of `table`.
///
/// On a level without an instruction for it the figure is infinite.
pub fn multiply_accumulates_u64(table: &Table) -> Limit {
    match multiply::modulo_64(table.level()) {
        Some(l) => table.limit(l.is, l.items, || l.run()),
        None => Limit::of(
            f64::INFINITY,
            "no 64-bit multiply instruction at this level",
        ),
    }
}

/// As [`multiply_accumulates_u64`], modulo 2^32.
pub fn multiply_accumulates_u32(table: &Table) -> Limit {
    match multiply::modulo_32(table.level()) {
        Some(l) => table.limit(l.is, l.items, || l.run()),
        None => Limit::of(
            f64::INFINITY,
            "no 32-bit multiply instruction at this level",
        ),
    }
}

/// Bytes a second of one core when `bytes` are copied from one buffer to another again and again.
pub fn copied_bytes(table: &Table, bytes: usize) -> Limit {
    let src = vec![1u8; bytes];
    let mut dst = vec![0u8; bytes];
    table.limit("copying, measured here", bytes as f64, || {
        black_box(&mut dst).copy_from_slice(black_box(&src));
    })
}

/// Bytes a second of one core when `bytes` are read again and again, by the widest loads of the level of `table`.
pub fn read_bytes(table: &Table, bytes: usize) -> Limit {
    let src = vec![1u64; bytes / 8];
    table.limit("reading, measured here", (bytes / 8 * 8) as f64, || {
        let src = black_box(&src[..]);
        #[cfg(target_arch = "x86_64")]
        if table.level() == "avx512" && std::arch::is_x86_feature_detected!("avx512f") {
            // SAFETY: the feature was just found.
            black_box(unsafe { x86::read(src) });
            return;
        }
        black_box(src.iter().fold(0, |s, w| s ^ w));
    })
}

/// Blocks in sequence in each register.
#[cfg(target_arch = "x86_64")]
const REPEAT: u32 = 64;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::REPEAT;
    use std::arch::x86_64::*;
    use std::hint::black_box;

    #[target_feature(enable = "avx512f,vaes")]
    pub(super) fn vaes() {
        let k = black_box(_mm512_set1_epi8(3));
        let mut x = [k; 12];
        for _ in 0..REPEAT {
            for _ in 0..9 {
                for x in &mut x {
                    *x = _mm512_aesenc_epi128(*x, k);
                }
            }
            for x in &mut x {
                *x = _mm512_aesenclast_epi128(*x, k);
            }
        }
        black_box(x);
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn read(words: &[u64]) -> u64 {
        let mut x = [_mm512_setzero_si512(); 8];
        let (lines, rest) = words.as_chunks::<64>();
        for line in lines {
            for (x, words) in x.iter_mut().zip(line.as_chunks::<8>().0) {
                // SAFETY: eight words are 64 bytes.
                let y = unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
                *x = _mm512_xor_si512(*x, y);
            }
        }
        let sum = x
            .into_iter()
            .fold(_mm512_setzero_si512(), |a, b| _mm512_xor_si512(a, b));
        rest.iter()
            .fold(_mm512_reduce_add_epi64(sum).cast_unsigned(), |s, w| s ^ w)
    }

    #[target_feature(enable = "aes,avx")]
    pub(super) fn aes() {
        let k = black_box(_mm_set1_epi8(3));
        let mut x = [k; 12];
        for _ in 0..REPEAT {
            for _ in 0..9 {
                for x in &mut x {
                    *x = _mm_aesenc_si128(*x, k);
                }
            }
            for x in &mut x {
                *x = _mm_aesenclast_si128(*x, k);
            }
        }
        black_box(x);
    }
}
