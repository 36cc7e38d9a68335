//! Kernels in 512-bit registers: lanes are columns, factors are broadcast, sums of a tile of outputs stay in
//! registers.
//!
//! Every output needs its factor once for each vector of columns, so that loads are few beside multiplications: with
//! twelve rows by two vectors 14 loads for 24 products. With limbs a product is 2 L - 1 multiplications: lower and
//! upper halves of 104 bits, upper halves for the limb above.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use piquet_core::cpu::{Avx2, Avx512, Ifma512};
use piquet_core::wipe;

use super::kernel::{self, Source};
use crate::native::power::{LIMB, Power};

const LANES: usize = 8;

/// What every kernel relies on: returns the width. `vectors` of columns are loaded at a time.
fn check(
    words: usize,
    rows: usize,
    vectors: usize,
    sources: &[Source<'_>],
    factors: &[u64],
    outs: &[&mut [u64]],
) -> usize {
    let width = outs.first().map_or(0, |o| o.len());
    assert!(width.is_multiple_of(vectors * LANES));
    assert!(outs.len() == rows * words && outs.iter().all(|o| o.len() == width));
    assert!(factors.len() == rows * sources.len());
    for s in sources {
        assert!(s.planes.len() >= (words - 1) * s.stride + s.at + width);
    }
    width
}

/// `tile` with L limbs, V vectors and the count of rows.
macro_rules! tiles {
    ($l:literal, $v:literal, $rows:expr, [$($n:literal)*], $args:tt) => {
        match $rows {
            $($n => tiles!(@ tile, $l, $v, $n, $args),)*
            n => unreachable!("a tile of {n} rows"),
        }
    };
    (@ $f:ident, $l:literal, $v:literal, $n:literal, ($($arg:expr),*)) => {
        $f::<$l, $v, $n>($($arg),*)
    };
}

/// [`kernel::Kernel::products`].
pub(super) fn products(_: Avx512, sources: &[Source<'_>], pairs: &mut [u64], width: usize) {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn with(sources: &[Source<'_>], pairs: &mut [u64], width: usize) {
        for pair in sources.as_chunks::<2>().0 {
            let (x, y) = (pair[0].word(0, width), pair[1].word(0, width));
            for ((p, x), y) in pairs.iter_mut().zip(x).zip(y) {
                *p = p.wrapping_add(x.wrapping_mul(*y));
            }
        }
    }
    // SAFETY: the proof.
    unsafe { with(sources, pairs, width) }
}

/// [`kernel::Kernel::tile`] modulo 2^bits in one word, by pairs of sources.
pub(super) fn word(
    _: Avx512,
    power: Power,
    sources: &[Source<'_>],
    pairs: &[u64],
    factors: &[u64],
    outs: &mut [&mut [u64]],
    rows: usize,
) {
    if rows == 0 {
        return;
    }
    let m = power.mask(0);
    // SAFETY: the proof.
    unsafe {
        match rows {
            1 => words::<1>(m, sources, pairs, factors, outs),
            2 => words::<2>(m, sources, pairs, factors, outs),
            3 => words::<3>(m, sources, pairs, factors, outs),
            4 => words::<4>(m, sources, pairs, factors, outs),
            5 => words::<5>(m, sources, pairs, factors, outs),
            6 => words::<6>(m, sources, pairs, factors, outs),
            7 => words::<7>(m, sources, pairs, factors, outs),
            8 => words::<8>(m, sources, pairs, factors, outs),
            9 => words::<9>(m, sources, pairs, factors, outs),
            10 => words::<10>(m, sources, pairs, factors, outs),
            11 => words::<11>(m, sources, pairs, factors, outs),
            12 => words::<12>(m, sources, pairs, factors, outs),
            n => unreachable!("a tile of {n} rows"),
        }
    }
}

/// The same for AVX2: what the compiler makes of the portable loop.
pub(super) fn word_avx2(
    _: Avx2,
    power: Power,
    sources: &[Source<'_>],
    factors: &[u64],
    outs: &mut [&mut [u64]],
) {
    #[target_feature(enable = "avx2,bmi1,bmi2,fma")]
    fn with(power: Power, sources: &[Source<'_>], factors: &[u64], outs: &mut [&mut [u64]]) {
        kernel::word(power, sources, factors, outs);
    }
    // SAFETY: the proof.
    unsafe { with(power, sources, factors, outs) }
}

/// [`kernel::plain_sum`].
pub(super) fn sum(_: Avx512, words: usize, sources: &[Source<'_>], sum: &mut [u64], width: usize) {
    /// So many vectors of a source are read in sequence.
    const V: usize = 8;
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    fn with(words: usize, sources: &[Source<'_>], sum: &mut [u64], width: usize) {
        for w in 0..words {
            for c in (0..width).step_by(V * LANES) {
                let mut acc = [_mm512_setzero_si512(); V];
                for s in sources {
                    let x = &s.word(w, width)[c..][..V * LANES];
                    for (v, acc) in acc.iter_mut().enumerate() {
                        // SAFETY: V vectors of words.
                        let x = unsafe { _mm512_loadu_si512(x.as_ptr().add(v * LANES).cast()) };
                        *acc = _mm512_add_epi64(*acc, x);
                    }
                }
                let sum = &mut sum[w * width + c..][..V * LANES];
                for (v, acc) in acc.into_iter().enumerate() {
                    // SAFETY: V vectors of words.
                    unsafe { _mm512_storeu_si512(sum.as_mut_ptr().add(v * LANES).cast(), acc) };
                }
            }
        }
    }
    if !width.is_multiple_of(V * LANES) {
        return kernel::plain_sum(sources, sum, width);
    }
    // SAFETY: the proof.
    unsafe { with(words, sources, sum, width) }
}

/// [`kernel::Kernel::tile`] with factors below 2^52, modulo 2^bits of 52-bit limbs or of one word of at most 52 bits.
pub(super) fn limbs(
    _: Ifma512,
    power: Power,
    sources: &[Source<'_>],
    factors: &[u64],
    outs: &mut [&mut [u64]],
    rows: usize,
) {
    if rows == 0 {
        return;
    }
    // A limb's sum takes a lower and an upper half, below 2^52 each, from every source, and what was there before.
    assert!(sources.len() < 1 << 11);
    // SAFETY: the proof.
    unsafe {
        match power.words {
            1 => tiles!(1, 2, rows, [1 2 3 4 5 6 7 8 9 10 11 12], (power, sources, factors, outs)),
            2 => tiles!(2, 2, rows, [1 2 3 4 5 6], (power, sources, factors, outs)),
            3 => tiles!(3, 1, rows, [1 2 3 4 5 6 7 8], (power, sources, factors, outs)),
            _ => tiles!(4, 1, rows, [1 2 3 4 5 6], (power, sources, factors, outs)),
        }
    }
}

/// Winograd's inner product (1968): x f + y g = (x + g)(y + f) - x y - f g. What is subtracted depends on sources
/// alone or on factors alone, and a pair of products costs one multiplication and three additions instead of two and
/// two: additions take pipes from which multiplications come, and so few leave none of them idle.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
fn words<const R: usize>(
    mask: u64,
    sources: &[Source<'_>],
    pairs: &[u64],
    factors: &[u64],
    outs: &mut [&mut [u64]],
) {
    const V: usize = 2;
    let width = check(1, R, V, sources, factors, outs);
    assert!(pairs.len() == width);
    let mask = _mm512_set1_epi64(mask.cast_signed());
    let (two, last) = sources.as_chunks::<2>();
    let mut factor_pairs = [0u64; R];
    for pair in factors.as_chunks::<R>().0.as_chunks::<2>().0 {
        for r in 0..R {
            factor_pairs[r] = factor_pairs[r].wrapping_add(pair[0][r].wrapping_mul(pair[1][r]));
        }
    }
    for c in (0..width).step_by(V * LANES) {
        let mut acc = [[_mm512_setzero_si512(); V]; R];
        let mut factor = factors.as_ptr();
        let load = |s: &Source<'_>| -> [__m512i; V] {
            core::array::from_fn(|v| {
                // SAFETY: `check` saw that `width` words follow, and c + V LANES <= width.
                unsafe { _mm512_loadu_si512(s.planes.as_ptr().add(s.at + c + v * LANES).cast()) }
            })
        };
        for [s, t] in two {
            let (x, y) = (load(s), load(t));
            for (r, acc) in acc.iter_mut().enumerate() {
                // SAFETY: `check` saw R factors for every source, and these are two.
                let (f, g) = unsafe { (*factor.add(r), *factor.add(R + r)) };
                let f = _mm512_set1_epi64(f.cast_signed());
                let g = _mm512_set1_epi64(g.cast_signed());
                for v in 0..V {
                    let (a, b) = (_mm512_add_epi64(x[v], g), _mm512_add_epi64(y[v], f));
                    acc[v] = _mm512_add_epi64(acc[v], _mm512_mullo_epi64(a, b));
                }
            }
            // SAFETY: as above; past the last it is not read.
            factor = unsafe { factor.add(2 * R) };
        }
        for s in last {
            let x = load(s);
            for (r, acc) in acc.iter_mut().enumerate() {
                // SAFETY: `check` saw R factors for every source.
                let f = _mm512_set1_epi64(unsafe { *factor.add(r) }.cast_signed());
                for v in 0..V {
                    acc[v] = _mm512_add_epi64(acc[v], _mm512_mullo_epi64(x[v], f));
                }
            }
        }
        #[allow(clippy::needless_range_loop)] // the sums are indexed the other way round
        for v in 0..V {
            // SAFETY: `pairs` has `width` words.
            let pairs = unsafe { _mm512_loadu_si512(pairs.as_ptr().add(c + v * LANES).cast()) };
            for (r, out) in outs.iter_mut().enumerate() {
                let less = _mm512_set1_epi64(factor_pairs[r].cast_signed());
                let sum = _mm512_sub_epi64(_mm512_sub_epi64(acc[r][v], pairs), less);
                // SAFETY: every output has `width` words.
                unsafe {
                    let at = out.as_mut_ptr().add(c + v * LANES);
                    let x = _mm512_add_epi64(sum, _mm512_loadu_si512(at.cast()));
                    _mm512_storeu_si512(at.cast(), _mm512_and_si512(x, mask));
                }
            }
        }
    }
    wipe(&mut factor_pairs);
}

#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx512ifma")]
fn tile<const L: usize, const V: usize, const R: usize>(
    power: Power,
    sources: &[Source<'_>],
    factors: &[u64],
    outs: &mut [&mut [u64]],
) {
    let width = check(L, R, V, sources, factors, outs);
    let masks: [__m512i; L] =
        core::array::from_fn(|w| _mm512_set1_epi64(power.mask(w).cast_signed()));
    for c in (0..width).step_by(V * LANES) {
        let mut acc = [[[_mm512_setzero_si512(); L]; V]; R];
        let mut factor = factors.as_ptr();
        for s in sources {
            let x: [[__m512i; L]; V] = core::array::from_fn(|v| {
                core::array::from_fn(|w| {
                    let at = w * s.stride + s.at + c + v * LANES;
                    // SAFETY: `check` saw L times `width` words, and c + V LANES <= width.
                    unsafe { _mm512_loadu_si512(s.planes.as_ptr().add(at).cast()) }
                })
            });
            for (r, acc) in acc.iter_mut().enumerate() {
                // SAFETY: `check` saw R factors for every source.
                let f = _mm512_set1_epi64(unsafe { *factor.add(r) }.cast_signed());
                for v in 0..V {
                    for w in 0..L {
                        acc[v][w] = _mm512_madd52lo_epu64(acc[v][w], x[v][w], f);
                    }
                    for w in 1..L {
                        acc[v][w] = _mm512_madd52hi_epu64(acc[v][w], x[v][w - 1], f);
                    }
                }
            }
            // SAFETY: as above; past the last it is not read.
            factor = unsafe { factor.add(R) };
        }
        for (out, acc) in outs.chunks_exact_mut(L).zip(&acc) {
            for (v, acc) in acc.iter().enumerate() {
                let mut carry = _mm512_setzero_si512();
                for w in 0..L {
                    // SAFETY: every output has `width` words.
                    unsafe {
                        let at = out[w].as_mut_ptr().add(c + v * LANES);
                        let x = _mm512_add_epi64(acc[w], _mm512_loadu_si512(at.cast()));
                        let x = _mm512_add_epi64(x, carry);
                        carry = _mm512_srli_epi64::<LIMB>(x);
                        _mm512_storeu_si512(at.cast(), _mm512_and_si512(x, masks[w]));
                    }
                }
            }
        }
    }
}
