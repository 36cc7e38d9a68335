//! Bounds of this machine that several crates measure themselves against.
#![allow(unsafe_code)] // the loops need the processor's instructions

use std::hint::black_box;

use crate::{Limit, Table};

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
    #[cfg(target_arch = "x86_64")]
    if table.level() == "avx512" && std::arch::is_x86_feature_detected!("avx512dq") {
        let items = f64::from(REPEAT) * x86::CHAINS_512 as f64 * 8.0;
        return table.limit(
            "vpmullq and vpaddq zmm on registers, measured here",
            items,
            || {
                // SAFETY: the feature was just found; the level says the rest of AVX-512 is there.
                unsafe { x86::mac_u64() };
            },
        );
    }
    Limit::of(
        f64::INFINITY,
        "no 64-bit multiply instruction at this level",
    )
}

/// As [`multiply_accumulates_u64`], modulo 2^32.
pub fn multiply_accumulates_u32(table: &Table) -> Limit {
    #[cfg(target_arch = "x86_64")]
    {
        if table.level() == "avx512" && std::arch::is_x86_feature_detected!("avx512f") {
            let items = f64::from(REPEAT) * x86::CHAINS_512 as f64 * 16.0;
            return table.limit(
                "vpmulld and vpaddd zmm on registers, measured here",
                items,
                || {
                    // SAFETY: the feature was just found.
                    unsafe { x86::mac_u32() };
                },
            );
        }
        if table.level() == "avx2" && std::arch::is_x86_feature_detected!("avx2") {
            let items = f64::from(REPEAT) * x86::CHAINS_256 as f64 * 8.0;
            return table.limit(
                "vpmulld and vpaddd ymm on registers, measured here",
                items,
                || {
                    // SAFETY: the feature was just found.
                    unsafe { x86::mac_u32_avx2() };
                },
            );
        }
    }
    Limit::of(
        f64::INFINITY,
        "no 32-bit multiply instruction at this level",
    )
}

/// Bytes a second of one core when `bytes` are copied from one buffer to another again and again.
pub fn copied_bytes(table: &Table, bytes: usize) -> Limit {
    let src = vec![1u8; bytes];
    let mut dst = vec![0u8; bytes];
    table.limit("copying, measured here", bytes as f64, || {
        black_box(&mut dst).copy_from_slice(black_box(&src));
    })
}

/// Blocks, or products, in sequence in each register.
#[cfg(target_arch = "x86_64")]
const REPEAT: u32 = 64;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::REPEAT;
    use std::arch::x86_64::*;
    use std::hint::black_box;

    /// Independent accumulators, enough to hide the latency of a product.
    pub(super) const CHAINS_512: usize = 24;
    pub(super) const CHAINS_256: usize = 12;

    #[target_feature(enable = "avx512f,avx512dq")]
    pub(super) fn mac_u64() {
        let k = black_box(_mm512_set1_epi64(3));
        let mut x = [k; CHAINS_512];
        for _ in 0..REPEAT {
            for x in &mut x {
                *x = _mm512_add_epi64(_mm512_mullo_epi64(*x, k), k);
            }
        }
        black_box(x);
    }

    #[target_feature(enable = "avx512f")]
    pub(super) fn mac_u32() {
        let k = black_box(_mm512_set1_epi32(3));
        let mut x = [k; CHAINS_512];
        for _ in 0..REPEAT {
            for x in &mut x {
                *x = _mm512_add_epi32(_mm512_mullo_epi32(*x, k), k);
            }
        }
        black_box(x);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn mac_u32_avx2() {
        let k = black_box(_mm256_set1_epi32(3));
        let mut x = [k; CHAINS_256];
        for _ in 0..REPEAT {
            for x in &mut x {
                *x = _mm256_add_epi32(_mm256_mullo_epi32(*x, k), k);
            }
        }
        black_box(x);
    }

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
