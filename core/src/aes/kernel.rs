//! Kernels that do more with AES than map blocks: written once over [`Vector`], compiled for both widths.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use super::ni::Schedule;
use crate::cpu::{AesNi, Vaes512};
use crate::vector::Vector;

/// A computation over registers, compiled for both widths.
pub(crate) trait Kernel {
    /// What it gives.
    type Output;
    /// Runs it, under the round keys `k`, each in all blocks of a register. `#[inline(always)]`, as all that it calls.
    ///
    /// # Safety
    /// The features of `V` are there.
    unsafe fn run<V: Vector>(self, k: &[V; 11]) -> Self::Output;
}

pub(super) fn ni<K: Kernel>(_: AesNi, key: &Schedule, kernel: K) -> K::Output {
    #[target_feature(enable = "aes,avx2")]
    fn compiled<K: Kernel>(key: &Schedule, kernel: K) -> K::Output {
        // SAFETY: the features are there.
        unsafe { kernel.run(&keys::<__m128i>(key)) }
    }
    // SAFETY: the proof shows that the features are there.
    unsafe { compiled(key, kernel) }
}

pub(super) fn vaes<K: Kernel>(_: Vaes512, key: &Schedule, kernel: K) -> K::Output {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes")]
    fn compiled<K: Kernel>(key: &Schedule, kernel: K) -> K::Output {
        // SAFETY: the features are there.
        unsafe { kernel.run(&keys::<__m512i>(key)) }
    }
    // SAFETY: the proof shows that the features are there.
    unsafe { compiled(key, kernel) }
}

/// # Safety
/// That of [`Vector`].
#[inline(always)]
unsafe fn keys<V: Vector>(key: &Schedule) -> [V; 11] {
    // SAFETY: by the contract of this function.
    unsafe {
        let mut k = [V::zero(); 11];
        for (k, b) in k.iter_mut().zip(&key.0) {
            *k = V::splat(b);
        }
        k
    }
}

/// Rounds 1 to 9 of registers that already have key 0 added.
///
/// # Safety
/// That of [`Vector`].
#[inline(always)]
pub(crate) unsafe fn middle<V: Vector, const N: usize>(k: &[V; 11], x: &mut [V; N]) {
    for k in &k[1..10] {
        for x in &mut *x {
            // SAFETY: by the contract of this function.
            *x = unsafe { x.round(*k) };
        }
    }
}

/// [`middle`] of 4 or 8 registers round by round, where there is so much else to keep that the compiler would take one
/// after the other.
///
/// # Safety
/// That of [`Vector`].
#[inline(always)]
pub(crate) unsafe fn in_step<V: Vector, const N: usize>(k: &[V; 11], x: &mut [V; N]) {
    for k in &k[1..10] {
        // SAFETY: by the contract of this function.
        unsafe {
            for x in &mut *x {
                *x = x.round(*k);
            }
            V::at_once(x);
        }
    }
}
