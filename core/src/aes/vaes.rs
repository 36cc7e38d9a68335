//! VAES-512: eight registers of four blocks in flight, less at the end, masked loads and stores at the very end.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use super::ni::Schedule;
use super::{Io, Kind, Op};
use crate::Block;
use crate::cpu::Vaes512;

#[inline]
pub(super) fn run<O: Op>(_: Vaes512, key: &Schedule, io: Io<'_>, first: u64) {
    // SAFETY: the proof shows that the features are there; `Io` vouches for the pointers.
    unsafe { all::<O>(key, io, first) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,vaes")]
fn all<O: Op>(key: &Schedule, io: Io<'_>, first: u64) {
    let (src, dst, n) = io.parts();
    let mut k = [_mm512_setzero_si512(); 11];
    for (k, b) in k.iter_mut().zip(&key.0) {
        // SAFETY: a block is 16 aligned bytes.
        *k = _mm512_broadcast_i32x4(unsafe { _mm_load_si128(core::ptr::from_ref(b).cast()) });
    }
    let mut i = _mm512_add_epi64(
        _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0),
        _mm512_maskz_set1_epi64(0b0101_0101, first.cast_signed()),
    );
    let mut at = 0;
    while n - at >= 32 {
        // SAFETY: 32 blocks are left at `at`.
        i = unsafe { step::<O, 8>(&k, src.add(at), dst.add(at), i, 0xff) };
        at += 32;
    }
    if n - at >= 16 {
        // SAFETY: 16 blocks are left at `at`.
        i = unsafe { step::<O, 4>(&k, src.add(at), dst.add(at), i, 0xff) };
        at += 16;
    }
    if n - at >= 8 {
        // SAFETY: 8 blocks are left at `at`.
        i = unsafe { step::<O, 2>(&k, src.add(at), dst.add(at), i, 0xff) };
        at += 8;
    }
    while n - at >= 4 {
        // SAFETY: 4 blocks are left at `at`.
        i = unsafe { step::<O, 1>(&k, src.add(at), dst.add(at), i, 0xff) };
        at += 4;
    }
    if at < n {
        let mask = 0xff >> (8 - 2 * (n - at));
        // SAFETY: `mask` selects the `n - at < 4` blocks that are left at `at`.
        unsafe { step::<O, 1>(&k, src.add(at), dst.add(at), i, mask) };
    }
}

/// `4 N` blocks, of the last register those that `mask` (two bits a block) selects; returns the next index.
///
/// # Safety
/// The features of [`all`] are there; `src` is readable and `dst` writable for the selected blocks.
#[inline(always)]
unsafe fn step<O: Op, const N: usize>(
    k: &[__m512i; 11],
    src: *const Block,
    dst: *mut Block,
    i: __m512i,
    mask: __mmask8,
) -> __m512i {
    // SAFETY: by the contract of this function.
    unsafe {
        let four = _mm512_set_epi64(0, 4, 0, 4, 0, 4, 0, 4);
        let mut x = [_mm512_setzero_si512(); N];
        let mut index = [i; N];
        for j in 0..N {
            if j > 0 {
                index[j] = _mm512_add_epi64(index[j - 1], four);
            }
            if O::KIND != Kind::Counter {
                let from = src.add(4 * j).cast();
                x[j] = if N > 1 {
                    _mm512_loadu_epi64(from)
                } else {
                    _mm512_maskz_loadu_epi64(mask, from)
                };
            }
        }
        let y = match O::KIND {
            Kind::Counter => encrypt(k, index),
            Kind::Ecb => encrypt(k, x),
            Kind::Cr => xor(encrypt(k, x), x),
            Kind::Ccr => {
                let high = _mm512_set_epi64(-1, 0, -1, 0, -1, 0, -1, 0);
                for x in &mut x {
                    let swapped = _mm512_shuffle_epi32::<0x4e>(*x);
                    // swapped ^ (x & high)
                    *x = _mm512_ternarylogic_epi64::<0x78>(swapped, *x, high);
                }
                xor(encrypt(k, x), x)
            }
            Kind::Tccr => {
                let p = encrypt(k, x);
                xor(encrypt(k, xor(p, index)), p)
            }
        };
        for (j, y) in y.into_iter().enumerate() {
            let to = dst.add(4 * j).cast();
            if N > 1 {
                _mm512_storeu_epi64(to, y);
            } else {
                _mm512_mask_storeu_epi64(to, mask, y);
            }
        }
        _mm512_add_epi64(index[N - 1], four)
    }
}

/// # Safety
/// The features of [`all`] are there.
#[inline(always)]
unsafe fn encrypt<const N: usize>(k: &[__m512i; 11], mut x: [__m512i; N]) -> [__m512i; N] {
    // SAFETY: by the contract of this function.
    unsafe {
        for x in &mut x {
            *x = _mm512_xor_si512(*x, k[0]);
        }
        for k in &k[1..10] {
            for x in &mut x {
                *x = _mm512_aesenc_epi128(*x, *k);
            }
        }
        for x in &mut x {
            *x = _mm512_aesenclast_epi128(*x, k[10]);
        }
    }
    x
}

/// # Safety
/// The features of [`all`] are there.
#[inline(always)]
unsafe fn xor<const N: usize>(mut a: [__m512i; N], b: [__m512i; N]) -> [__m512i; N] {
    for j in 0..N {
        // SAFETY: by the contract of this function.
        a[j] = unsafe { _mm512_xor_si512(a[j], b[j]) };
    }
    a
}
