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

/// What products of two residues need.
#[derive(Clone, Copy)]
struct Field {
    p: __m512i,
    /// 1 / p modulo 2^52.
    inverse: __m512i,
    /// 2^52, fixed.
    shift: [__m512i; 2],
}

impl Field {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn new(prime: &Prime) -> Self {
        Self {
            p: splat(prime.p()),
            inverse: splat(prime.montgomery_inverse()),
            shift: prime.montgomery(prime.reduce(1 << 52)).map(|x| splat(x)),
        }
    }
    /// x y, above -p and below p, for residues. With m = x y / p modulo 2^52, high(x y) - high(m p) is x y / 2^52 and between
    /// -p and p; p more is a factor for 2^52.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn product(&self, x: __m512i, y: __m512i) -> __m512i {
        let zero = _mm512_setzero_si512();
        let low = _mm512_madd52lo_epu64(zero, x, y);
        let m = _mm512_madd52lo_epu64(zero, low, self.inverse);
        let once = _mm512_sub_epi64(
            _mm512_madd52hi_epu64(self.p, x, y),
            _mm512_madd52hi_epu64(zero, m, self.p),
        );
        product(once, self.shift[0], self.shift[1], self.p)
    }
}

type Lanes = [u64; LANES];

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn multiply_kernel(prime: &Prime, a: &mut [Lanes], b: &[Lanes]) {
    let c = Field::new(prime);
    for (a, b) in a.iter_mut().zip(b) {
        store(a, residue(c.product(load(a), load(b)), c.p));
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn subtract_kernel(prime: &Prime, sum: &mut [Lanes], a: &[Lanes], b: &[Lanes]) {
    let c = Field::new(prime);
    for (s, (a, b)) in sum.iter_mut().zip(a.iter().zip(b)) {
        let t = c.product(load(a), load(b));
        store(s, residue(_mm512_sub_epi64(load(s), t), c.p));
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn add_kernel(prime: &Prime, sum: &mut [Lanes], a: &[Lanes], w: &[Lanes], f: &[Lanes]) {
    let p = splat(prime.p());
    for ((s, a), (w, f)) in sum.iter_mut().zip(a).zip(w.iter().zip(f)) {
        let t = product(load(a), load(w), load(f), p);
        store(s, residue(_mm512_add_epi64(load(s), t), p));
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

/// Subtracts `a` `b`.
pub(super) fn subtract_product(_: Ifma512, p: &Prime, sum: &mut [u64], a: &[u64], b: &[u64]) {
    let n = sum.len().min(a.len()).min(b.len());
    let (sum, rest) = sum[..n].as_chunks_mut();
    let [(a, a_rest), (b, b_rest)] = [a, b].map(|x| x[..n].as_chunks());
    // SAFETY: the proof says that the features are there.
    unsafe { subtract_kernel(p, sum, a, b) };
    for (s, (a, b)) in rest.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *s = p.sub(*s, p.mul(*a, *b));
    }
}

/// Adds `a` times fixed factors.
pub(super) fn multiply_add(_: Ifma512, p: &Prime, sum: &mut [u64], a: &[u64], fixed: Fixed<'_>) {
    let n = (sum.len().min(a.len())).min(fixed[0].len().min(fixed[1].len()));
    let (sum, rest) = sum[..n].as_chunks_mut();
    let [(a, a_rest), (w, w_rest), (f, f_rest)] =
        [a, fixed[0], fixed[1]].map(|x| x[..n].as_chunks());
    // What is left of a length that is no multiple of a vector's, filled up.
    let fill = |x: &[u64]| {
        let mut v = [0; LANES];
        v[..x.len()].copy_from_slice(x);
        [v]
    };
    let mut last = fill(rest);
    // SAFETY: the proof says that the features are there.
    unsafe {
        add_kernel(p, sum, a, w, f);
        add_kernel(p, &mut last, &fill(a_rest), &fill(w_rest), &fill(f_rest));
    }
    rest.copy_from_slice(&last[0][..rest.len()]);
}
