//! Multiply-accumulates on registers alone: what one core does when nothing else stands in its way.
//!
//! The bound of every product, for `piquet bench` and, compiled from this same file, for the harness of `cargo bench`.
//! Nothing here touches secrets or memory.
#![allow(unsafe_code)] // the loops need the processor's instructions

/// Products in sequence in each register.
#[cfg(target_arch = "x86_64")]
const REPEAT: u32 = 64;

/// A loop that this processor can run.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))] // nobody makes one there
pub(crate) struct Loop {
    /// The instructions, for a person.
    pub(crate) is: &'static str,
    /// Multiply-accumulates of one call.
    pub(crate) items: f64,
    run: unsafe fn(),
}

impl Loop {
    /// Runs it once.
    pub(crate) fn run(&self) {
        // SAFETY: a loop is made below only where its instructions were found.
        unsafe { (self.run)() }
    }
}

/// Modulo 2^32, at a level of `piquet_core::cpu`; `None` if that level has no instruction for it.
pub(crate) fn modulo_32(level: &str) -> Option<Loop> {
    #[cfg(target_arch = "x86_64")]
    {
        if level == "avx512" && std::arch::is_x86_feature_detected!("avx512f") {
            return Some(Loop {
                is: "vpmulld and vpaddd zmm on registers, measured here",
                items: f64::from(REPEAT) * x86::CHAINS_512 as f64 * 16.0,
                run: x86::modulo_32,
            });
        }
        if level == "avx2" && std::arch::is_x86_feature_detected!("avx2") {
            return Some(Loop {
                is: "vpmulld and vpaddd ymm on registers, measured here",
                items: f64::from(REPEAT) * x86::CHAINS_256 as f64 * 8.0,
                run: x86::modulo_32_avx2,
            });
        }
    }
    let _ = level;
    None
}

/// As [`modulo_32`], modulo 2^64.
pub(crate) fn modulo_64(level: &str) -> Option<Loop> {
    #[cfg(target_arch = "x86_64")]
    if level == "avx512"
        && std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512dq")
    {
        return Some(Loop {
            is: "vpmullq and vpaddq zmm on registers, measured here",
            items: f64::from(REPEAT) * x86::CHAINS_512 as f64 * 8.0,
            run: x86::modulo_64,
        });
    }
    let _ = level;
    None
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::REPEAT;
    use std::arch::x86_64::*;
    use std::hint::black_box;

    /// Independent accumulators, enough to hide the latency of a product.
    pub(super) const CHAINS_512: usize = 24;
    pub(super) const CHAINS_256: usize = 12;

    #[target_feature(enable = "avx512f,avx512dq")]
    pub(super) fn modulo_64() {
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
    pub(super) fn modulo_32() {
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
    pub(super) fn modulo_32_avx2() {
        let k = black_box(_mm256_set1_epi32(3));
        let mut x = [k; CHAINS_256];
        for _ in 0..REPEAT {
            for x in &mut x {
                *x = _mm256_add_epi32(_mm256_mullo_epi32(*x, k), k);
            }
        }
        black_box(x);
    }
}
