//! Transforms with AVX-512 IFMA, for lengths from 64 up.
//!
//! A factor w lies in Montgomery's form, W = 2^52 w mod p, beside F = W / p modulo 2^52. For any y below 2^52 the
//! number m = y F mod 2^52 has m p = y W modulo 2^52: in the difference of both products the low words cancel, and
//! what is left, T = high(y W) - high(m p), is y w modulo p and lies in -p < T < p, because both high words are below
//! p. Three multiplications, nothing to be masked, and two of them can add to something else on the way.
//!
//! Forward butterflies take x and y below 4 p <= 2^52. x goes below 2 p, and x + T + p and x - T + p are then above 0
//! and below 4 p again. Inverse butterflies take and give numbers below 2 p: x + y is below 4 p and goes below 2 p, x
//! - y + 2 p is a factor above 0 and below 4 p, and T + p is above 0 and below 2 p.
//!
//! Two levels share their loads and stores; the last four or five forward levels, the first four or five inverse
//! ones, are done in registers, three of them within vectors.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use piquet_core::cpu::Ifma512;

use super::SHORTEST;

/// What kernels know of a prime and of one direction.
#[derive(Clone, Copy)]
pub(super) struct Roots<'a> {
    pub(super) p: u64,
    /// In Montgomery's form, in bit-reversed order.
    pub(super) roots: &'a [u64],
    /// Each over p modulo 2^52.
    pub(super) factors: &'a [u64],
    /// 1 / N, and the first root over N, as those: for the inverse.
    pub(super) scale: [[u64; 2]; 2],
}

/// A factor and its companion in all lanes, or lane by lane.
#[derive(Clone, Copy)]
struct Factor(__m512i, __m512i);

/// Constants in registers.
#[derive(Clone, Copy)]
struct Field {
    p: __m512i,
    twice: __m512i,
    /// -p.
    minus: __m512i,
    two: __m512i,
}

impl Field {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn new(p: u64) -> Self {
        let p = p.cast_signed();
        Self {
            p: _mm512_set1_epi64(p),
            twice: _mm512_set1_epi64(2 * p),
            minus: _mm512_set1_epi64(-p),
            two: _mm512_set1_epi64(2),
        }
    }
    /// x or x - m, whichever is not negative: x < m stays.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn below(x: __m512i, m: __m512i) -> __m512i {
        _mm512_min_epu64(x, _mm512_sub_epi64(x, m))
    }
    /// A forward butterfly; `FIRST` leaves x as it is, where it is below 2 p already.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn forward<const FIRST: bool>(&self, x: &mut __m512i, y: &mut __m512i, w: Factor) {
        let low = if FIRST {
            *x
        } else {
            Self::below(*x, self.twice)
        };
        let m = _mm512_madd52lo_epu64(_mm512_setzero_si512(), *y, w.1);
        let a = _mm512_madd52hi_epu64(low, *y, w.0);
        let b = _mm512_madd52hi_epu64(self.minus, m, self.p);
        // 2 x + 2 p in one instruction: they are what is short here, not multipliers.
        let both = _mm512_madd52lo_epu64(self.twice, low, self.two);
        *x = _mm512_sub_epi64(a, b);
        *y = _mm512_sub_epi64(both, *x);
    }
    /// y w + `BIAS` p, above (BIAS - 1) p and below (BIAS + 1) p, for y below 2^52; BIAS 0 or 1.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn product<const BIAS: bool>(&self, y: __m512i, w: Factor) -> __m512i {
        let zero = _mm512_setzero_si512();
        let m = _mm512_madd52lo_epu64(zero, y, w.1);
        let a = _mm512_madd52hi_epu64(if BIAS { self.p } else { zero }, y, w.0);
        _mm512_sub_epi64(a, _mm512_madd52hi_epu64(zero, m, self.p))
    }
    /// An inverse butterfly.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn inverse(&self, x: &mut __m512i, y: &mut __m512i, w: Factor) {
        let sum = _mm512_add_epi64(*x, *y);
        let difference = _mm512_sub_epi64(_mm512_add_epi64(*x, self.twice), *y);
        *x = Self::below(sum, self.twice);
        *y = self.product::<true>(difference, w);
    }
    /// The last inverse butterfly, with residues below p out: `one` is 1 / N, and `w` the root over N.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn inverse_last(&self, x: &mut __m512i, y: &mut __m512i, one: Factor, w: Factor) {
        let sum = _mm512_add_epi64(*x, *y);
        let difference = _mm512_sub_epi64(_mm512_add_epi64(*x, self.twice), *y);
        *x = self.residue(self.product::<false>(sum, one));
        *y = self.residue(self.product::<false>(difference, w));
    }
    /// The residue of a number above -p and below p.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn residue(&self, x: __m512i) -> __m512i {
        _mm512_min_epu64(x, _mm512_add_epi64(x, self.p))
    }
    /// The residue of a number below 4 p.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn residue_of_four(&self, x: __m512i) -> __m512i {
        Self::below(Self::below(x, self.twice), self.p)
    }
}

/// A table's values as pointers: whoever reads through them says why the places are there.
#[derive(Clone, Copy)]
struct Table(*const u64, *const u64);

impl Table {
    /// Entry `i` in all lanes.
    ///
    /// # Safety
    /// `i` is below the table's length.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    unsafe fn one(self, i: usize) -> Factor {
        // SAFETY: by the contract.
        let [w, f] = unsafe { [*self.0.add(i), *self.1.add(i)] };
        Factor(
            _mm512_set1_epi64(w.cast_signed()),
            _mm512_set1_epi64(f.cast_signed()),
        )
    }
    /// Entries `i` and `i` + 1 in four lanes each.
    ///
    /// # Safety
    /// They are below the table's length.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    unsafe fn two(self, i: usize) -> Factor {
        // SAFETY: by the contract.
        let [w, f] = unsafe { [self.0.add(i), self.1.add(i)].map(|t| _mm_loadu_si128(t.cast())) };
        let spread = |x| {
            let x = _mm512_castsi512_pd(_mm512_broadcast_i64x2(x));
            _mm512_castpd_si512(_mm512_permute_pd::<0b1111_0000>(x))
        };
        Factor(spread(w), spread(f))
    }
    /// Four entries in two lanes each, in the order 0, 2, 1, 3.
    ///
    /// # Safety
    /// They are below the table's length.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    unsafe fn four(self, i: usize) -> Factor {
        // SAFETY: by the contract.
        let [w, f] =
            unsafe { [self.0.add(i), self.1.add(i)].map(|t| _mm256_loadu_si256(t.cast())) };
        let spread = |x| {
            let x = _mm512_castsi512_pd(_mm512_broadcast_i64x4(x));
            _mm512_castpd_si512(_mm512_permute_pd::<0b1111_0000>(x))
        };
        Factor(spread(w), spread(f))
    }
    /// Eight entries in the order 0, 1, 4, 5, 2, 3, 6, 7.
    ///
    /// # Safety
    /// They are below the table's length.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    unsafe fn eight(self, i: usize) -> Factor {
        // SAFETY: by the contract.
        let [w, f] =
            unsafe { [self.0.add(i), self.1.add(i)].map(|t| _mm512_loadu_si512(t.cast())) };
        let spread = |x| _mm512_shuffle_i64x2::<0b11_01_10_00>(x, x);
        Factor(spread(w), spread(f))
    }
}

/// `N` vectors, `apart` words from one to the next.
///
/// # Safety
/// All of them lie in what `x` points into.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
unsafe fn load<const N: usize>(x: *const u64, apart: usize) -> [__m512i; N] {
    // SAFETY: by the contract.
    core::array::from_fn(|k| unsafe { _mm512_loadu_si512(x.add(k * apart).cast()) })
}

/// Writes `N` vectors.
///
/// # Safety
/// As for [`load`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
unsafe fn store<const N: usize>(x: *mut u64, apart: usize, v: [__m512i; N]) {
    for (k, v) in v.into_iter().enumerate() {
        // SAFETY: by the contract.
        unsafe { _mm512_storeu_si512(x.add(k * apart).cast(), v) };
    }
}

/// Sixteen neighbours through the last three forward levels, with residues out. `i` is the first of the pair of roots
/// of the first of these.
///
/// # Safety
/// `4 i + 7` is below the table's length.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
unsafe fn forward_16(c: &Field, t: Table, i: usize, a: &mut __m512i, b: &mut __m512i) {
    // SAFETY: by the contract.
    let [four, two, one] = unsafe { [t.two(i), t.four(2 * i), t.eight(4 * i)] };
    // Fours: a0-3 b0-3 against a4-7 b4-7.
    let mut x = _mm512_shuffle_i64x2::<0x44>(*a, *b);
    let mut y = _mm512_shuffle_i64x2::<0xee>(*a, *b);
    c.forward::<false>(&mut x, &mut y, four);
    // Pairs, of the fours 0, 2, 1, 3.
    let mut x2 = _mm512_shuffle_i64x2::<0x88>(x, y);
    let mut y2 = _mm512_shuffle_i64x2::<0xdd>(x, y);
    c.forward::<false>(&mut x2, &mut y2, two);
    // Single ones, of the pairs 0, 1, 4, 5, 2, 3, 6, 7.
    let mut x3 = _mm512_unpacklo_epi64(x2, y2);
    let mut y3 = _mm512_unpackhi_epi64(x2, y2);
    c.forward::<false>(&mut x3, &mut y3, one);
    let (x3, y3) = (c.residue_of_four(x3), c.residue_of_four(y3));
    let low = _mm512_setr_epi64(0, 8, 1, 9, 4, 12, 5, 13);
    let high = _mm512_setr_epi64(2, 10, 3, 11, 6, 14, 7, 15);
    *a = _mm512_permutex2var_epi64(x3, low, y3);
    *b = _mm512_permutex2var_epi64(x3, high, y3);
}

/// Sixteen neighbours through the first three inverse levels: [`forward_16`] backwards, residues in.
///
/// # Safety
/// `4 i + 7` is below the table's length.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
unsafe fn inverse_16(c: &Field, t: Table, i: usize, a: &mut __m512i, b: &mut __m512i) {
    // SAFETY: by the contract.
    let [four, two, one] = unsafe { [t.two(i), t.four(2 * i), t.eight(4 * i)] };
    let even = _mm512_setr_epi64(0, 2, 8, 10, 4, 6, 12, 14);
    let odd = _mm512_setr_epi64(1, 3, 9, 11, 5, 7, 13, 15);
    let mut x3 = _mm512_permutex2var_epi64(*a, even, *b);
    let mut y3 = _mm512_permutex2var_epi64(*a, odd, *b);
    c.inverse(&mut x3, &mut y3, one);
    let mut x2 = _mm512_unpacklo_epi64(x3, y3);
    let mut y2 = _mm512_unpackhi_epi64(x3, y3);
    c.inverse(&mut x2, &mut y2, two);
    let low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    let high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    let mut x = _mm512_permutex2var_epi64(x2, low, y2);
    let mut y = _mm512_permutex2var_epi64(x2, high, y2);
    c.inverse(&mut x, &mut y, four);
    *a = _mm512_shuffle_i64x2::<0x44>(x, y);
    *b = _mm512_shuffle_i64x2::<0xee>(x, y);
}

/// Two forward levels of a whole polynomial, from the one of `blocks` blocks on.
///
/// # Safety
/// `x` is good for `n` words, `n / blocks` is at least 32, and the tables have `n` entries.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
unsafe fn forward_two<const FIRST: bool>(
    c: &Field,
    t: Table,
    x: *mut u64,
    n: usize,
    blocks: usize,
) {
    let quarter = n / blocks / 4;
    for k in 0..blocks {
        // SAFETY: 2 (blocks + k) + 1 is below 4 blocks, below n.
        let [w, low, high] = unsafe {
            [
                t.one(blocks + k),
                t.one(2 * (blocks + k)),
                t.one(2 * (blocks + k) + 1),
            ]
        };
        for at in (0..quarter).step_by(8) {
            // SAFETY: the block lies within x.
            let x = unsafe { x.add(4 * k * quarter + at) };
            // SAFETY: so do four vectors, a quarter apart.
            let [mut a, mut b, mut d, mut e] = unsafe { load(x, quarter) };
            c.forward::<FIRST>(&mut a, &mut d, w);
            c.forward::<FIRST>(&mut b, &mut e, w);
            c.forward::<false>(&mut a, &mut b, low);
            c.forward::<false>(&mut d, &mut e, high);
            // SAFETY: as above.
            unsafe { store(x, quarter, [a, b, d, e]) };
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn forward_kernel(r: Roots<'_>, x: &mut [u64]) {
    let n = x.len();
    assert!(n >= SHORTEST && n.is_power_of_two());
    assert!(r.roots.len() >= n && r.factors.len() >= n);
    let c = &Field::new(r.p);
    let t = Table(r.roots.as_ptr(), r.factors.as_ptr());
    let x = x.as_mut_ptr();
    // SAFETY: lengths were just compared; n / 1 is at least 64.
    unsafe { forward_two::<true>(c, t, x, n, 1) };
    let mut blocks = 4;
    while n / blocks >= 64 {
        // SAFETY: as above.
        unsafe { forward_two::<false>(c, t, x, n, blocks) };
        blocks *= 4;
    }
    if n / blocks == 32 {
        for k in 0..blocks {
            // SAFETY: vectors of block k, of 32 words; roots up to 16 (blocks + k) + 15, below 32 blocks = n.
            unsafe {
                let at = x.add(32 * k);
                let [mut a, mut b, mut d, mut e] = load(at, 8);
                let i = blocks + k;
                let w = t.one(i);
                c.forward::<false>(&mut a, &mut d, w);
                c.forward::<false>(&mut b, &mut e, w);
                c.forward::<false>(&mut a, &mut b, t.one(2 * i));
                c.forward::<false>(&mut d, &mut e, t.one(2 * i + 1));
                forward_16(c, t, 4 * i, &mut a, &mut b);
                forward_16(c, t, 4 * i + 2, &mut d, &mut e);
                store(at, 8, [a, b, d, e]);
            }
        }
    } else {
        for k in 0..blocks {
            // SAFETY: vectors of block k, of 16 words; roots up to 8 (blocks + k) + 7, below 16 blocks = n.
            unsafe {
                let at = x.add(16 * k);
                let [mut a, mut b] = load(at, 8);
                c.forward::<false>(&mut a, &mut b, t.one(blocks + k));
                forward_16(c, t, 2 * (blocks + k), &mut a, &mut b);
                store(at, 8, [a, b]);
            }
        }
    }
}

/// Two inverse levels of a whole polynomial, up to the one of `blocks` blocks.
///
/// # Safety
/// As for [`forward_two`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
unsafe fn inverse_two(c: &Field, t: Table, x: *mut u64, n: usize, blocks: usize) {
    let quarter = n / blocks / 4;
    for k in 0..blocks {
        // SAFETY: 2 (blocks + k) + 1 is below 4 blocks, below n.
        let [w, low, high] = unsafe {
            [
                t.one(blocks + k),
                t.one(2 * (blocks + k)),
                t.one(2 * (blocks + k) + 1),
            ]
        };
        for at in (0..quarter).step_by(8) {
            // SAFETY: the block lies within x.
            let x = unsafe { x.add(4 * k * quarter + at) };
            // SAFETY: so do four vectors, a quarter apart.
            let [mut a, mut b, mut d, mut e] = unsafe { load(x, quarter) };
            c.inverse(&mut a, &mut b, low);
            c.inverse(&mut d, &mut e, high);
            c.inverse(&mut a, &mut d, w);
            c.inverse(&mut b, &mut e, w);
            // SAFETY: as above.
            unsafe { store(x, quarter, [a, b, d, e]) };
        }
    }
}

/// The last two inverse levels, with residues over N out.
///
/// # Safety
/// `x` is good for `n` words, at least 32, and the tables have `n` entries.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
unsafe fn inverse_last(c: &Field, t: Table, x: *mut u64, n: usize, scale: [[u64; 2]; 2]) {
    let quarter = n / 4;
    let [one, w] = scale.map(|s| {
        let [w, f] = s.map(|s| _mm512_set1_epi64(s.cast_signed()));
        Factor(w, f)
    });
    // SAFETY: n is at least 32.
    let [low, high] = unsafe { [t.one(2), t.one(3)] };
    for at in (0..quarter).step_by(8) {
        // SAFETY: four vectors, a quarter apart.
        unsafe {
            let x = x.add(at);
            let [mut a, mut b, mut d, mut e] = load(x, quarter);
            c.inverse(&mut a, &mut b, low);
            c.inverse(&mut d, &mut e, high);
            c.inverse_last(&mut a, &mut d, one, w);
            c.inverse_last(&mut b, &mut e, one, w);
            store(x, quarter, [a, b, d, e]);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn inverse_kernel(r: Roots<'_>, x: &mut [u64]) {
    let n = x.len();
    assert!(n >= SHORTEST && n.is_power_of_two());
    assert!(r.roots.len() >= n && r.factors.len() >= n);
    let c = &Field::new(r.p);
    let t = Table(r.roots.as_ptr(), r.factors.as_ptr());
    let x = x.as_mut_ptr();
    // As forward: lengths that are powers of four take four levels here, the others five.
    let mut blocks = if n.trailing_zeros().is_multiple_of(2) {
        n / 16
    } else {
        n / 32
    };
    if n / blocks == 32 {
        for k in 0..blocks {
            // SAFETY: vectors of block k, of 32 words; roots up to 16 (blocks + k) + 15, below 32 blocks = n.
            unsafe {
                let at = x.add(32 * k);
                let [mut a, mut b, mut d, mut e] = load(at, 8);
                let i = blocks + k;
                inverse_16(c, t, 4 * i, &mut a, &mut b);
                inverse_16(c, t, 4 * i + 2, &mut d, &mut e);
                c.inverse(&mut a, &mut b, t.one(2 * i));
                c.inverse(&mut d, &mut e, t.one(2 * i + 1));
                let w = t.one(i);
                c.inverse(&mut a, &mut d, w);
                c.inverse(&mut b, &mut e, w);
                store(at, 8, [a, b, d, e]);
            }
        }
    } else {
        for k in 0..blocks {
            // SAFETY: vectors of block k, of 16 words; roots up to 8 (blocks + k) + 7, below 16 blocks = n.
            unsafe {
                let at = x.add(16 * k);
                let [mut a, mut b] = load(at, 8);
                inverse_16(c, t, 2 * (blocks + k), &mut a, &mut b);
                c.inverse(&mut a, &mut b, t.one(blocks + k));
                store(at, 8, [a, b]);
            }
        }
    }
    while blocks > 4 {
        blocks /= 4;
        // SAFETY: lengths were compared above; n / blocks is at least 64.
        unsafe { inverse_two(c, t, x, n, blocks) };
    }
    // SAFETY: as above.
    unsafe { inverse_last(c, t, x, n, r.scale) };
}

/// From coefficients to values; all residues below p, in and out. The length is a power of two from [`SHORTEST`] up.
pub(super) fn forward(_: Ifma512, roots: Roots<'_>, x: &mut [u64]) {
    // SAFETY: the proof says that the features are there.
    unsafe { forward_kernel(roots, x) }
}

/// From values to coefficients; all residues below p, in and out. The length is that of the tables.
pub(super) fn inverse(_: Ifma512, roots: Roots<'_>, x: &mut [u64]) {
    // SAFETY: the proof says that the features are there.
    unsafe { inverse_kernel(roots, x) }
}
