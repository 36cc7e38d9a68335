//! AES-NI: eight blocks in flight cover the latency of `aesenc` (3 or 4 cycles at two a cycle).
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use zeroize::Zeroize;

use super::{Io, Kind, Op};
use crate::Block;
use crate::cpu::AesNi;

/// The eleven round keys, wiped on drop.
pub(super) struct Schedule(pub(super) [Block; 11]);

impl Drop for Schedule {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Schedule {
    pub(super) fn new(_: AesNi, key: Block) -> Self {
        // SAFETY: the proof shows that the features are there.
        unsafe { expand(key) }
    }
}

#[target_feature(enable = "aes,avx2")]
fn expand(key: Block) -> Schedule {
    #[inline(always)]
    fn next<const RCON: i32>(k: __m128i) -> __m128i {
        // SAFETY: called from `expand` only, which has the features.
        unsafe {
            let t = _mm_shuffle_epi32::<0xff>(_mm_aeskeygenassist_si128::<RCON>(k));
            let k = _mm_xor_si128(k, _mm_slli_si128::<4>(k));
            let k = _mm_xor_si128(k, _mm_slli_si128::<8>(k));
            _mm_xor_si128(k, t)
        }
    }
    let mut out = [Block::ZERO; 11];
    let mut k = load(&key);
    macro_rules! rounds {
        ($($i:literal $rcon:literal),*) => {
            store(&mut out[0], k);
            $( k = next::<$rcon>(k); store(&mut out[$i], k); )*
        };
    }
    rounds!(1 0x01, 2 0x02, 3 0x04, 4 0x08, 5 0x10, 6 0x20, 7 0x40, 8 0x80, 9 0x1b, 10 0x36);
    Schedule(out)
}

#[inline(always)]
fn load(b: &Block) -> __m128i {
    // SAFETY: SSE2 is part of x86-64; a block is 16 aligned bytes.
    unsafe { _mm_load_si128(core::ptr::from_ref(b).cast()) }
}

#[inline(always)]
fn store(b: &mut Block, v: __m128i) {
    // SAFETY: SSE2 is part of x86-64; a block is 16 aligned bytes.
    unsafe { _mm_store_si128(core::ptr::from_mut(b).cast(), v) }
}

#[inline]
pub(super) fn run<O: Op>(_: AesNi, key: &Schedule, io: Io<'_>, first: u64) {
    // SAFETY: the proof shows that the features are there; `Io` vouches for the pointers.
    unsafe { all::<O>(key, io, first) }
}

#[target_feature(enable = "aes,avx2")]
fn all<O: Op>(key: &Schedule, io: Io<'_>, first: u64) {
    let (src, dst, n) = io.parts();
    let mut k = [_mm_setzero_si128(); 11];
    for (k, b) in k.iter_mut().zip(&key.0) {
        *k = load(b);
    }
    let mut i = _mm_set_epi64x(0, first.cast_signed());
    let mut at = 0;
    while n - at >= 8 {
        // SAFETY: 8 blocks are left at `at`.
        i = unsafe { step::<O, 8>(&k, src.add(at), dst.add(at), i) };
        at += 8;
    }
    if n - at >= 4 {
        // SAFETY: 4 blocks are left at `at`.
        i = unsafe { step::<O, 4>(&k, src.add(at), dst.add(at), i) };
        at += 4;
    }
    while at < n {
        // SAFETY: 1 block is left at `at`.
        i = unsafe { step::<O, 1>(&k, src.add(at), dst.add(at), i) };
        at += 1;
    }
}

/// `N` blocks; returns the next index.
///
/// # Safety
/// `aes` and `avx2` are there; `src` is readable and `dst` writable for `N` blocks.
#[inline(always)]
unsafe fn step<O: Op, const N: usize>(
    k: &[__m128i; 11],
    src: *const Block,
    dst: *mut Block,
    i: __m128i,
) -> __m128i {
    // SAFETY: by the contract of this function.
    unsafe {
        let mut x = [_mm_setzero_si128(); N];
        let mut index = [i; N];
        for j in 0..N {
            index[j] = _mm_add_epi64(i, _mm_set_epi64x(0, j as i64));
            if O::KIND != Kind::Counter {
                x[j] = _mm_loadu_si128(src.add(j).cast());
            }
        }
        let y = match O::KIND {
            Kind::Counter => encrypt(k, index),
            Kind::Ecb => encrypt(k, x),
            Kind::Cr => xor(encrypt(k, x), x),
            Kind::Ccr => {
                let mask = _mm_set_epi64x(-1, 0);
                for x in &mut x {
                    *x = _mm_xor_si128(_mm_shuffle_epi32::<0x4e>(*x), _mm_and_si128(*x, mask));
                }
                xor(encrypt(k, x), x)
            }
            Kind::Tccr => {
                let p = encrypt(k, x);
                xor(encrypt(k, xor(p, index)), p)
            }
        };
        for (j, y) in y.into_iter().enumerate() {
            _mm_storeu_si128(dst.add(j).cast(), y);
        }
        _mm_add_epi64(i, _mm_set_epi64x(0, N as i64))
    }
}

/// # Safety
/// `aes` and `avx2` are there.
#[inline(always)]
unsafe fn encrypt<const N: usize>(k: &[__m128i; 11], mut x: [__m128i; N]) -> [__m128i; N] {
    // SAFETY: by the contract of this function.
    unsafe {
        for x in &mut x {
            *x = _mm_xor_si128(*x, k[0]);
        }
        for k in &k[1..10] {
            for x in &mut x {
                *x = _mm_aesenc_si128(*x, *k);
            }
        }
        for x in &mut x {
            *x = _mm_aesenclast_si128(*x, k[10]);
        }
    }
    x
}

/// # Safety
/// `avx2` is there.
#[inline(always)]
unsafe fn xor<const N: usize>(mut a: [__m128i; N], b: [__m128i; N]) -> [__m128i; N] {
    for j in 0..N {
        // SAFETY: by the contract of this function.
        a[j] = unsafe { _mm_xor_si128(a[j], b[j]) };
    }
    a
}
