//! Eight coefficients at a time with 52-bit multiplications, for primes between 2^49 and 2^50.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use piquet_core::cpu::Ifma512;

use super::kernel::{FRACTION, Lift};
use crate::native::power::{LIMB, Power};
use crate::native::prime::Prime;

const LANES: usize = 8;

#[inline]
#[target_feature(enable = "avx512f")]
fn splat(x: u64) -> __m512i {
    _mm512_set1_epi64(x.cast_signed())
}

/// Eight words from `at` on.
#[inline]
#[target_feature(enable = "avx512f")]
fn load(x: &[u64], at: usize) -> __m512i {
    let x = &x[at..at + LANES];
    // SAFETY: eight words.
    unsafe { _mm512_loadu_si512(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(x: &mut [u64], at: usize, v: __m512i) {
    let x = &mut x[at..at + LANES];
    // SAFETY: eight words.
    unsafe { _mm512_storeu_si512(x.as_mut_ptr().cast(), v) }
}

/// `x` - `m` if that is not negative.
#[inline]
#[target_feature(enable = "avx512f")]
fn once(x: __m512i, m: __m512i) -> __m512i {
    _mm512_min_epu64(x, _mm512_sub_epi64(x, m))
}

/// [`super::kernel::reduce`].
pub(super) fn reduce(_: Ifma512, power: Power, planes: &[u64], prime: &Prime, out: &mut [u64]) {
    // SAFETY: the proof.
    unsafe {
        match (power.words, power.bits) {
            (1, 0..=LIMB) => limbs::<1, false>(planes, prime, out),
            (1, _) => limbs::<2, true>(planes, prime, out),
            (2, _) => limbs::<2, false>(planes, prime, out),
            (3, _) => limbs::<3, false>(planes, prime, out),
            _ => limbs::<4, false>(planes, prime, out),
        }
    }
}

/// Residues of coefficients of L limbs; with `WORD` both lie in one word.
///
/// x 2^(52 w) with a limb x < 2^52 and c = 2^(52 w) mod p: the quotient floor(x floor(2^52 c / p) / 2^52) is short of
/// x c / p by less than 2, so that what is left is below 2 p < 2^51, and found modulo 2^52. L of them are below 8 p.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma")]
fn limbs<const L: usize, const WORD: bool>(planes: &[u64], prime: &Prime, out: &mut [u64]) {
    let n = out.len();
    let p = prime.p();
    let mut c = 1u64;
    let mut factors = [[_mm512_setzero_si512(); 2]; L];
    for f in &mut factors {
        let quotient = ((u128::from(c) << LIMB) / u128::from(p)) as u64;
        *f = [splat(c), splat(quotient)];
        c = prime.reduce_wide(u128::from(c) << LIMB);
    }
    let mask = splat((1 << LIMB) - 1);
    let modulus = splat(p);
    let zero = _mm512_setzero_si512();
    for i in (0..n).step_by(LANES) {
        let mut sum = zero;
        for (w, [c, f]) in factors.iter().enumerate() {
            let x = if WORD {
                let x = load(planes, i);
                if w == 0 {
                    _mm512_and_si512(x, mask)
                } else {
                    _mm512_srli_epi64::<LIMB>(x)
                }
            } else {
                load(planes, w * n + i)
            };
            let product = if w == 0 {
                x
            } else {
                _mm512_madd52lo_epu64(zero, x, *c)
            };
            let quotient = _mm512_madd52hi_epu64(zero, x, *f);
            let taken = _mm512_madd52lo_epu64(zero, quotient, modulus);
            let rest = _mm512_and_si512(_mm512_sub_epi64(product, taken), mask);
            sum = _mm512_add_epi64(sum, rest);
        }
        for shift in (0..L.next_power_of_two().trailing_zeros() + 1).rev() {
            sum = once(sum, splat(p << shift));
        }
        store(out, i, sum);
    }
}

/// [`super::kernel::ternary`].
pub(super) fn ternary(_: Ifma512, one: u64, minus: u64, s: &[i8], out: &mut [u64]) {
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma")]
    fn with(one: u64, minus: u64, s: &[i8], out: &mut [u64]) {
        let (one, minus) = (splat(one), splat(minus));
        let zero = _mm512_setzero_si512();
        for i in (0..out.len()).step_by(LANES) {
            let s = &s[i..i + LANES];
            // SAFETY: eight bytes.
            let s = _mm512_cvtepi8_epi64(unsafe { _mm_loadl_epi64(s.as_ptr().cast()) });
            let positive = _mm512_maskz_mov_epi64(_mm512_cmpgt_epi64_mask(s, zero), one);
            let negative = _mm512_cmplt_epi64_mask(s, zero);
            store(out, i, _mm512_mask_mov_epi64(positive, negative, minus));
        }
    }
    // SAFETY: the proof.
    unsafe { with(one, minus, s, out) }
}

/// Products of residues.
///
/// With the product P = a b < 2^100, t = floor(P / 2^48) and m = floor(2^100 / p) < 2^51 the quotient floor(t m /
/// 2^52) is short of P / p by less than 1 + 1 + 2^48 / p < 2.5; what is left is below 3 p < 2^52, and found modulo
/// 2^52.
pub(super) fn mul(_: Ifma512, prime: &Prime, a: &[u64], b: &[u64], out: &mut [u64]) {
    #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma")]
    fn with(p: u64, a: &[u64], b: &[u64], out: &mut [u64]) {
        let inverse = splat(((1u128 << 100) / u128::from(p)) as u64);
        let (mask, modulus) = (splat((1 << LIMB) - 1), splat(p));
        let zero = _mm512_setzero_si512();
        for i in (0..out.len()).step_by(LANES) {
            let (a, b) = (load(a, i), load(b, i));
            let low = _mm512_madd52lo_epu64(zero, a, b);
            let high = _mm512_madd52hi_epu64(zero, a, b);
            let top = _mm512_or_si512(_mm512_slli_epi64::<4>(high), _mm512_srli_epi64::<48>(low));
            let quotient = _mm512_madd52hi_epu64(zero, top, inverse);
            let taken = _mm512_madd52lo_epu64(zero, quotient, modulus);
            let rest = _mm512_and_si512(_mm512_sub_epi64(low, taken), mask);
            store(out, i, once(once(rest, modulus), modulus));
        }
    }
    // SAFETY: the proof.
    unsafe { with(prime.p(), a, b, out) }
}

/// [`Lift::lift`].
pub(super) fn lift(_: Ifma512, lift: &Lift, planes: &mut [u64], n: usize) {
    // SAFETY: the proof.
    unsafe {
        match (lift.power.words, lift.fractions.len()) {
            (1, 1) => word::<1>(lift, planes, n),
            (1, 2) => word::<2>(lift, planes, n),
            (1, _) => word::<3>(lift, planes, n),
            (2, 2) => several::<2, 2>(lift, planes, n),
            (2, _) => several::<2, 3>(lift, planes, n),
            (3, 3) => several::<3, 3>(lift, planes, n),
            (3, _) => several::<3, 4>(lift, planes, n),
            (_, 4) => several::<4, 4>(lift, planes, n),
            _ => several::<4, 5>(lift, planes, n),
        }
    }
}

/// v, from the y_j: each fraction is short by less than 2 units of 2^-49.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma")]
fn whole<const P: usize>(lift: &Lift, y: &[__m512i; P]) -> __m512i {
    let mut v = splat(1 << (FRACTION - 1));
    for (y, f) in y.iter().zip(&lift.fractions) {
        v = _mm512_madd52hi_epu64(v, *y, splat(*f));
    }
    _mm512_srli_epi64::<FRACTION>(v)
}

/// P primes, one word.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma")]
fn word<const P: usize>(lift: &Lift, planes: &mut [u64], n: usize) {
    let mask = splat(lift.power.mask(0));
    let factor = splat(lift.whole[0]);
    for i in (0..n).step_by(LANES) {
        let mut y = [_mm512_setzero_si512(); P];
        for (j, y) in y.iter_mut().enumerate() {
            *y = load(planes, j * n + i);
        }
        let mut x = _mm512_mullo_epi64(whole(lift, &y), factor);
        for (y, part) in y.iter().zip(&lift.parts) {
            x = _mm512_add_epi64(x, _mm512_mullo_epi64(*y, splat(part[0])));
        }
        store(planes, i, _mm512_and_si512(x, mask));
    }
}

/// P primes, L limbs: each sum takes at most 2 (P + 1) halves below 2^52 and a carry.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma")]
fn several<const L: usize, const P: usize>(lift: &Lift, planes: &mut [u64], n: usize) {
    for i in (0..n).step_by(LANES) {
        let mut y = [_mm512_setzero_si512(); P];
        for (j, y) in y.iter_mut().enumerate() {
            *y = load(planes, j * n + i);
        }
        let v = whole(lift, &y);
        let mut sums = [_mm512_setzero_si512(); L];
        let factors = y.iter().zip(&lift.parts).chain([(&v, &lift.whole)]);
        for (y, part) in factors {
            for w in 0..L {
                sums[w] = _mm512_madd52lo_epu64(sums[w], *y, splat(part[w]));
            }
            for w in 1..L {
                sums[w] = _mm512_madd52hi_epu64(sums[w], *y, splat(part[w - 1]));
            }
        }
        let mut carry = _mm512_setzero_si512();
        for (w, sum) in sums.into_iter().enumerate() {
            let x = _mm512_add_epi64(sum, carry);
            carry = _mm512_srli_epi64::<LIMB>(x);
            store(
                planes,
                w * n + i,
                _mm512_and_si512(x, splat(lift.power.mask(w))),
            );
        }
    }
}
