//! Packing of 64-bit words to 8 to 57 bits, eight at a time: bytes are permuted across a register, and bits shifted within lanes.
//!
//! Eight elements are k whole bytes. Element e of eight begins at bit e k of them: in byte floor(e k / 8), from its bit e k mod 8 <= 7
//! on; with k <= 57 it ends within the 64 bits that begin at that byte. With k >= 8 elements e and e + 2 share no byte: the k + 1 bits
//! from the end of the one to the start of the other are more than a byte.

use core::arch::x86_64::*;

/// Widths that this is for.
pub(super) const WIDTHS: core::ops::RangeInclusive<u32> = 8..=57;

/// The first byte of element `e` and its first bit there.
fn start(e: usize, k: usize) -> (usize, u64) {
    (e * k / 8, (e * k % 8) as u64)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
fn bytes(x: &[u8; 64]) -> __m512i {
    // SAFETY: 64 bytes.
    unsafe { _mm512_loadu_si512(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
fn words(x: &[u64; 8]) -> __m512i {
    // SAFETY: 64 bytes.
    unsafe { _mm512_loadu_si512(x.as_ptr().cast()) }
}

/// The low k bits of as many words as are k / 8 times as many bytes in `out`, a multiple of eight.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
pub(super) fn pack(elements: &[u64], k: u32, out: &mut [u8]) {
    let k = k as usize;
    let shift = words(&core::array::from_fn(|e| start(e, k).1));
    let keep = _mm512_set1_epi64(super::mask(k as u32).cast_signed());
    // For every byte the one of an even element that falls there, and the one of an odd element.
    let (mut from, mut there) = ([[0u8; 64]; 2], [0u64; 2]);
    for e in 0..8 {
        let (first, bit) = start(e, k);
        for b in 0..(bit as usize + k).div_ceil(8) {
            from[e % 2][first + b] = (8 * e + b) as u8;
            there[e % 2] |= 1 << (first + b);
        }
    }
    let [even, odd] = from.map(|f| bytes(&f));
    let mut out = out;
    for eight in elements.as_chunks().0 {
        if out.len() < k {
            return;
        }
        let x = _mm512_sllv_epi64(_mm512_and_si512(words(eight), keep), shift);
        let x = _mm512_or_si512(
            _mm512_maskz_permutexvar_epi8(there[0], even, x),
            _mm512_maskz_permutexvar_epi8(there[1], odd, x),
        );
        if let Some(to) = out.first_chunk_mut::<64>() {
            // What is beyond the k bytes is written anew by the next ones.
            // SAFETY: 64 bytes.
            unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), x) }
        } else {
            let mut last = [0u8; 64];
            // SAFETY: 64 bytes.
            unsafe { _mm512_storeu_si512(last.as_mut_ptr().cast(), x) }
            out[..k].copy_from_slice(&last[..k]);
        }
        out = &mut out[k..];
    }
}

/// The inverse.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi")]
pub(super) fn unpack(packed: &[u8], k: u32, out: &mut [u64]) {
    let k = k as usize;
    let shift = words(&core::array::from_fn(|e| start(e, k).1));
    let keep = _mm512_set1_epi64(super::mask(k as u32).cast_signed());
    let from = bytes(&core::array::from_fn(|i| (start(i / 8, k).0 + i % 8) as u8));
    let mut packed = packed;
    for eight in out.as_chunks_mut::<8>().0 {
        if packed.len() < k {
            return;
        }
        let x = if let Some(x) = packed.first_chunk::<64>() {
            bytes(x)
        } else {
            let mut last = [0u8; 64];
            last[..k].copy_from_slice(&packed[..k]);
            bytes(&last)
        };
        let x = _mm512_srlv_epi64(_mm512_permutexvar_epi8(from, x), shift);
        // SAFETY: 64 bytes.
        unsafe { _mm512_storeu_si512(eight.as_mut_ptr().cast(), _mm512_and_si512(x, keep)) }
        packed = &packed[k..];
    }
}
