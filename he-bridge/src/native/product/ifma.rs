//! Products of points with AVX-512 IFMA.
//!
//! A product x w of x < p and w < 2^52 is added as two words, low < 2^52 and high < p < 2^50, so that after [`MOST`]
//! = 2^11 products the sums are l < 2^63 and h < 2^61. Their value V = 2^52 h + l is reduced by Montgomery's steps: m
//! = l / p modulo 2^52 has m p = l modulo 2^52, and (V - m p) / 2^52 = h + floor(l / 2^52) - high(m p), above -p and
//! below 2^62; p more is not negative, and a second step takes that to a number above -p and below 2^10, from which
//! the residue of V / 2^104 is one minimum away. Weights are stored 2^104 times too large for it.
//!
//! Weights that are put together are one such step of a sum of at most [`TAPS`](super::TAPS) = 11 products of
//! residues, plus p: h < 11 p^2 / 2^52 < 11/4 p and l < 11 2^52, so that the outcome is above 0 and below (11/4 + 1)
//! p + 11 < 4 p <= 2^52, a factor as it is. (p is more than 2^20.) The table of taps makes up for both, by 2^156.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use piquet_core::cpu::Ifma512;

use super::{BLOCK, BlockWeights, Halves, PANEL, TAPS};
use crate::native::prime::Prime;

/// Products of one sum.
const MOST: usize = 1 << 11;
/// Outputs side by side: accumulators of two words for two halves of each.
const TILE: usize = 4;

/// Constants in registers.
#[derive(Clone, Copy)]
struct Field {
    p: __m512i,
    /// 1 / p modulo 2^52.
    inverse: __m512i,
}

/// Low and high words of a sum.
type Sum = [__m512i; 2];

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn zero() -> Sum {
    [_mm512_setzero_si512(); 2]
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn add_product(sum: &mut Sum, x: __m512i, w: __m512i) {
    sum[0] = _mm512_madd52lo_epu64(sum[0], x, w);
    sum[1] = _mm512_madd52hi_epu64(sum[1], x, w);
}

impl Field {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn new(p: &Prime) -> Self {
        Self {
            p: _mm512_set1_epi64(p.p().cast_signed()),
            inverse: _mm512_set1_epi64(p.montgomery_inverse().cast_signed()),
        }
    }
    /// One step of Montgomery's, plus p.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn step(&self, [l, h]: Sum) -> __m512i {
        let zero = _mm512_setzero_si512();
        let m = _mm512_madd52lo_epu64(zero, l, self.inverse);
        let above = _mm512_add_epi64(_mm512_add_epi64(h, self.p), _mm512_srli_epi64::<52>(l));
        _mm512_sub_epi64(above, _mm512_madd52hi_epu64(zero, m, self.p))
    }
    /// The residue of a sum over 2^104.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn residue(&self, sum: Sum) -> __m512i {
        let zero = _mm512_setzero_si512();
        let once = self.step(sum);
        let m = _mm512_madd52lo_epu64(zero, once, self.inverse);
        let twice = _mm512_sub_epi64(
            _mm512_srli_epi64::<52>(once),
            _mm512_madd52hi_epu64(zero, m, self.p),
        );
        _mm512_min_epu64(twice, _mm512_add_epi64(twice, self.p))
    }
    /// Sum of residues.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn add(&self, a: __m512i, b: __m512i) -> __m512i {
        let sum = _mm512_add_epi64(a, b);
        _mm512_min_epu64(sum, _mm512_sub_epi64(sum, self.p))
    }
}

/// A vector from the start of a slice.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn load(x: &[u64]) -> __m512i {
    let x = &x[..BLOCK];
    // SAFETY: eight words are 64 bytes.
    unsafe { _mm512_loadu_si512(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn store(x: &mut [u64], v: __m512i) {
    let x = &mut x[..BLOCK];
    // SAFETY: as above.
    unsafe { _mm512_storeu_si512(x.as_mut_ptr().cast(), v) };
}

/// `T` outputs at one vector of a panel, `at` its first word, from their weights `row` words apart.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn tile<const T: usize>(
    c: &Field,
    panel: &[u64],
    at: usize,
    weights: &[u64],
    row: usize,
    taps: Option<&[__m512i]>,
) -> [[__m512i; 2]; T] {
    let ins = panel.len() / (2 * PANEL);
    let count = taps.map_or(1, <[_]>::len);
    assert!(at + PANEL + BLOCK <= 2 * PANEL && row == ins * count && weights.len() >= T * row);
    let (x, w) = (panel.as_ptr(), weights.as_ptr());
    let mut sums = [[_mm512_setzero_si512(); 2]; T];
    for start in (0..ins).step_by(MOST) {
        let mut acc = [[zero(); 2]; T];
        for i in start..ins.min(start + MOST) {
            // SAFETY: input i's 2 PANEL words have a vector at `at`, and one PANEL further.
            let x = unsafe {
                let x = x.add(2 * PANEL * i + at);
                [
                    _mm512_loadu_si512(x.cast()),
                    _mm512_loadu_si512(x.add(PANEL).cast()),
                ]
            };
            for (t, acc) in acc.iter_mut().enumerate() {
                // SAFETY: row t is within the weights, and i count + count - 1 within the row.
                let value = |k: usize| unsafe {
                    _mm512_set1_epi64((*w.add(t * row + i * count + k)).cast_signed())
                };
                let w = match taps {
                    None => value(0),
                    Some(taps) => {
                        let mut sum = zero();
                        for (k, tap) in taps.iter().enumerate() {
                            add_product(&mut sum, *tap, value(k));
                        }
                        c.step(sum)
                    }
                };
                add_product(&mut acc[0], x[0], w);
                add_product(&mut acc[1], x[1], w);
            }
        }
        for (sums, acc) in sums.iter_mut().zip(acc) {
            for (sum, acc) in sums.iter_mut().zip(acc) {
                let new = c.residue(acc);
                *sum = if start == 0 { new } else { c.add(*sum, new) };
            }
        }
    }
    sums
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn tiles<const T: usize>(
    c: &Field,
    (panel, at): (&[u64], usize),
    (weights, row): (&[u64], usize),
    taps: Option<&[__m512i]>,
    sums: &mut [[Vec<u64>; 2]],
    to: usize,
) {
    let out = tile::<T>(c, panel, at, weights, row, taps);
    for (sums, out) in sums.iter_mut().zip(out) {
        for (sum, out) in sums.iter_mut().zip(out) {
            store(&mut sum[to..], out);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn panel_kernel(
    p: &Prime,
    panel: &[u64],
    base: usize,
    start: usize,
    weights: &BlockWeights<'_>,
    sums: &mut [[Vec<u64>; 2]],
) {
    let c = &Field::new(p);
    let mut taps = [_mm512_setzero_si512(); TAPS];
    let several = weights.count > 1;
    let n = weights.taps.len() / weights.count;
    // A tile's weights stay in the nearest cache for all vectors of a block.
    for (t, sums) in sums.chunks_mut(TILE).enumerate() {
        for at in (0..PANEL).step_by(BLOCK) {
            let point = start + at;
            if several {
                for (tap, table) in taps.iter_mut().zip(weights.taps.chunks_exact(n)) {
                    *tap = load(&table[point..]);
                }
            }
            let taps = several.then_some(&taps[..weights.count]);
            let rows = &weights.of(point)[t * TILE * weights.row..];
            let (x, w, to) = ((panel, at), (rows, weights.row), base + point);
            match sums.len() {
                4 => tiles::<4>(c, x, w, taps, sums, to),
                3 => tiles::<3>(c, x, w, taps, sums, to),
                2 => tiles::<2>(c, x, w, taps, sums, to),
                _ => tiles::<1>(c, x, w, taps, sums, to),
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn points_kernel(
    p: &Prime,
    inputs: &[Halves<'_>],
    base: usize,
    weights: &[u64],
    [a, b]: [&mut [u64]; 2],
    first: bool,
) {
    let c = &Field::new(p);
    let n = a.len();
    assert!(b.len() == n && n.is_multiple_of(BLOCK) && inputs.len() <= MOST);
    assert!(weights.len() >= inputs.len() * n);
    assert!(inputs.iter().flatten().all(|x| x.len() >= base + n));
    for at in (0..n).step_by(BLOCK) {
        let mut acc = [zero(); 2];
        for (i, x) in inputs.iter().enumerate() {
            // SAFETY: lengths were compared, and at + 8 is at most n.
            let (w, x) = unsafe {
                (
                    _mm512_loadu_si512(weights.as_ptr().add(i * n + at).cast()),
                    x.map(|x| _mm512_loadu_si512(x.as_ptr().add(base + at).cast())),
                )
            };
            add_product(&mut acc[0], x[0], w);
            add_product(&mut acc[1], x[1], w);
        }
        for (sum, acc) in [&mut a[at..], &mut b[at..]].into_iter().zip(acc) {
            let new = c.residue(acc);
            let sums = if first { new } else { c.add(load(sum), new) };
            store(sum, sums);
        }
    }
}

/// As [`super::portable::panel`].
pub(super) fn panel(
    _: Ifma512,
    p: &Prime,
    panel: &[u64],
    base: usize,
    start: usize,
    weights: &BlockWeights<'_>,
    sums: &mut [[Vec<u64>; 2]],
) {
    // SAFETY: the proof says that the features are there.
    unsafe { panel_kernel(p, panel, base, start, weights, sums) }
}

/// As [`super::portable::points`].
pub(super) fn points(
    _: Ifma512,
    p: &Prime,
    inputs: &[Halves<'_>],
    base: usize,
    weights: &[u64],
    sums: [&mut [u64]; 2],
    first: bool,
) {
    // SAFETY: the proof says that the features are there.
    unsafe { points_kernel(p, inputs, base, weights, sums, first) }
}
