//! Scaling with AVX-512 IFMA: 128 bits as limbs of 52, 52 and 24.
//!
//! Sums of at most eight primes' low and high words of 52 bits, two for each limb, are below 2^57: carries are taken once, at the end.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use piquet_core::cpu::Ifma512;
use piquet_core::pack;

use super::Part;
use crate::native::power::{LIMB, Power};

/// Words of a vector.
pub(super) const LANES: usize = 8;

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn splat(x: u64) -> __m512i {
    _mm512_set1_epi64(x.cast_signed())
}

/// x 2^by, by of either sign, modulo 2^64.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn shift(x: __m512i, by: i32) -> __m512i {
    if by >= 0 {
        _mm512_sll_epi64(x, _mm_cvtsi32_si128(by))
    } else {
        _mm512_srl_epi64(x, _mm_cvtsi32_si128(-by))
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn kernel(parts: &[Part], residues: &[&[u64]], to: Power, out: &mut [u64]) {
    let n = out.len() / to.words;
    assert!(n >= LANES && residues.iter().all(|c| c.len() >= n) && parts.len() <= 8);
    let zero = _mm512_setzero_si512();
    let mask = splat(pack::mask(LIMB));
    let parts: Vec<[__m512i; 6]> = (parts.iter())
        .map(|part| {
            let [w, f] = part.prime.montgomery(part.cofactor);
            let limbs = [0, 1, 2].map(|k| (part.fraction >> (LIMB * k)) as u64 & pack::mask(LIMB));
            [part.prime.p(), w, f, limbs[0], limbs[1], limbs[2]].map(|x| splat(x))
        })
        .collect();
    let half = 1u128 << (127 - to.bits);
    let half = [0, 1, 2].map(|k| splat((half >> (LIMB * k)) as u64 & pack::mask(LIMB)));
    let mut start = 0;
    while start < n {
        // The last vector begins early enough to be whole.
        let at = start.min(n - LANES);
        let mut sum = half;
        for ([p, w, f, x, y, z], c) in parts.iter().zip(residues) {
            // SAFETY: a plane has n words, and `at` + 8 is at most n.
            let c = unsafe { _mm512_loadu_si512(c.as_ptr().add(at).cast()) };
            // The residue of c times the cofactor: see the transforms' kernels.
            let m = _mm512_madd52lo_epu64(zero, c, *f);
            let t = _mm512_sub_epi64(
                _mm512_madd52hi_epu64(zero, c, *w),
                _mm512_madd52hi_epu64(zero, m, *p),
            );
            let t = _mm512_min_epu64(t, _mm512_add_epi64(t, *p));
            sum[0] = _mm512_madd52lo_epu64(sum[0], t, *x);
            sum[1] = _mm512_madd52hi_epu64(_mm512_madd52lo_epu64(sum[1], t, *y), t, *x);
            sum[2] = _mm512_madd52hi_epu64(_mm512_madd52lo_epu64(sum[2], t, *z), t, *y);
        }
        let [a, b, c] = sum;
        let b = _mm512_add_epi64(b, _mm512_srli_epi64::<52>(a));
        let c = _mm512_add_epi64(c, _mm512_srli_epi64::<52>(b));
        let limbs = [
            _mm512_and_si512(a, mask),
            _mm512_and_si512(b, mask),
            _mm512_and_si512(c, splat(pack::mask(24))),
        ];
        for word in 0..to.words {
            // The word's lowest bit among the 128; every limb's part of it is shifted into its place.
            let low = (128 - to.bits + LIMB * word as u32).cast_signed();
            let parts = [0, 1, 2].map(|k| shift(limbs[k], 52 * k as i32 - low));
            let all = _mm512_or_si512(_mm512_or_si512(parts[0], parts[1]), parts[2]);
            let all = _mm512_and_si512(all, splat(pack::mask(to.word_bits(word))));
            // SAFETY: there are `words` planes of n words.
            unsafe { _mm512_storeu_si512(out.as_mut_ptr().add(word * n + at).cast(), all) };
        }
        start += LANES;
    }
}

/// As [`super::scale`], for [`LANES`] coefficients at least.
pub(super) fn scale(_: Ifma512, parts: &[Part], residues: &[&[u64]], to: Power, out: &mut [u64]) {
    // SAFETY: the proof says that the features are there.
    unsafe { kernel(parts, residues, to, out) }
}
