//! Products of vectors with AVX-512 IFMA; see `../ifma.rs` for the bounds of products with a fixed factor.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use piquet_core::cpu::Ifma512;

use super::Fixed;
use crate::native::prime::Prime;

/// Words of a vector.
const LANES: usize = 8;

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn splat(x: u64) -> __m512i {
    _mm512_set1_epi64(x.cast_signed())
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn load(x: &[u64; LANES]) -> __m512i {
    // SAFETY: eight words are 64 bytes.
    unsafe { _mm512_loadu_si512(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn store(x: &mut [u64; LANES], v: __m512i) {
    // SAFETY: as above.
    unsafe { _mm512_storeu_si512(x.as_mut_ptr().cast(), v) };
}

/// y w above -p and below p, for y below 2^52 and a fixed w.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn product(y: __m512i, w: __m512i, f: __m512i, p: __m512i) -> __m512i {
    let zero = _mm512_setzero_si512();
    let m = _mm512_madd52lo_epu64(zero, y, f);
    _mm512_sub_epi64(
        _mm512_madd52hi_epu64(zero, y, w),
        _mm512_madd52hi_epu64(zero, m, p),
    )
}

/// The residue of a number above -p and below 2 p.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn residue(x: __m512i, p: __m512i) -> __m512i {
    let x = _mm512_min_epu64(x, _mm512_add_epi64(x, p));
    _mm512_min_epu64(x, _mm512_sub_epi64(x, p))
}

/// A product over 2^52 is high(a b) - high(m p), m = a b / p modulo 2^52, between -p and p; p more is a factor for 2^52.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn multiply_kernel(prime: &Prime, a: &mut [[u64; LANES]], b: &[[u64; LANES]]) {
    let (p, inverse) = (splat(prime.p()), splat(prime.montgomery_inverse()));
    let [w, f] = prime.montgomery(prime.reduce(1 << 52)).map(|x| splat(x));
    let zero = _mm512_setzero_si512();
    for (a, b) in a.iter_mut().zip(b) {
        let (x, y) = (load(a), load(b));
        let m = _mm512_madd52lo_epu64(zero, _mm512_madd52lo_epu64(zero, x, y), inverse);
        let once = _mm512_sub_epi64(
            _mm512_madd52hi_epu64(p, x, y),
            _mm512_madd52hi_epu64(zero, m, p),
        );
        store(a, residue(product(once, w, f, p), p));
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn fused_kernel<const MINUS: bool>(
    prime: &Prime,
    sum: &mut [[u64; LANES]],
    a: &[[u64; LANES]],
    w: &[[u64; LANES]],
    f: &[[u64; LANES]],
) {
    let p = splat(prime.p());
    for ((s, a), (w, f)) in sum.iter_mut().zip(a).zip(w.iter().zip(f)) {
        let t = product(load(a), load(w), load(f), p);
        let t = if MINUS {
            _mm512_sub_epi64(load(s), t)
        } else {
            _mm512_add_epi64(load(s), t)
        };
        store(s, residue(t, p));
    }
}

/// `a` becomes `a` `b`.
pub(super) fn multiply(_: Ifma512, p: &Prime, a: &mut [u64], b: &[u64]) {
    let n = a.len().min(b.len());
    let ((a, rest), (b, other)) = (a[..n].as_chunks_mut(), b[..n].as_chunks());
    // SAFETY: the proof says that the features are there.
    unsafe { multiply_kernel(p, a, b) };
    rest.iter_mut()
        .zip(other)
        .for_each(|(a, b)| *a = p.mul(*a, *b));
}

/// Adds or subtracts `a` times fixed factors. Whole vectors: the rest of a length that is no multiple of theirs is filled up.
pub(super) fn fused<const MINUS: bool>(
    _: Ifma512,
    p: &Prime,
    sum: &mut [u64],
    a: &[u64],
    fixed: Fixed<'_>,
) {
    let n = sum
        .len()
        .min(a.len())
        .min(fixed[0].len())
        .min(fixed[1].len());
    let (sum, sum_rest) = sum[..n].as_chunks_mut();
    let [(a, a_rest), (w, w_rest), (f, f_rest)] =
        [a, fixed[0], fixed[1]].map(|x| x[..n].as_chunks());
    // SAFETY: the proof says that the features are there.
    unsafe { fused_kernel::<MINUS>(p, sum, a, w, f) };
    let fill = |x: &[u64]| {
        let mut v = [0; LANES];
        v[..x.len()].copy_from_slice(x);
        [v]
    };
    let mut last = fill(sum_rest);
    // SAFETY: as above.
    unsafe {
        fused_kernel::<MINUS>(p, &mut last, &fill(a_rest), &fill(w_rest), &fill(f_rest));
    }
    sum_rest.copy_from_slice(&last[0][..sum_rest.len()]);
}
