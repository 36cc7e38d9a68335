//! Integers modulo p = 2^255 - 19, eight at a time: five limbs of 51 bits, one in each 64-bit lane.
//!
//! Between operations limbs are below 2^51 + 2^14. Sums of two are below 2^53 before they are carried, products of limbs
//! below 2^52 are exact in `vpmadd52`, whose upper half has weight 2^52 = 2 * 2^51. A column of a product holds at most
//! five lower and four doubled upper halves, 13 * 2^52; with the fold of 2^255 = 19 it stays below 2^60.5, and its carry
//! below 2^9.5, which times 19 is below 2^14.

use core::arch::x86_64::*;

use super::LANES;

const MASK: u64 = (1 << 51) - 1;

/// Eight field elements.
#[derive(Clone, Copy)]
pub(super) struct Fe(pub(super) [__m512i; 5]);

/// Limbs of a constant.
pub(super) type Limbs = [u64; 5];

pub(super) const ONE: Limbs = [1, 0, 0, 0, 0];
pub(super) const ZERO: Limbs = [0; 5];
/// A square root of -1.
pub(super) const SQRT_M1: Limbs = [
    0x0006_1b27_4a0e_a0b0,
    0x0000_d5a5_fc8f_189d,
    0x0007_ef5e_9cbd_0c60,
    0x0007_8595_a680_4c9e,
    0x0002_b832_4804_fc1d,
];
/// 2 p, limb by limb.
const TWO_P: Limbs = [2 * (MASK - 18), 2 * MASK, 2 * MASK, 2 * MASK, 2 * MASK];

impl Fe {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn splat(x: Limbs) -> Self {
        Self(x.map(|l| _mm512_set1_epi64(l.cast_signed())))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn load(x: &[[u64; LANES]; 5]) -> Self {
        // SAFETY: every row is 64 bytes.
        Self(core::array::from_fn(|k| unsafe {
            _mm512_loadu_si512(x[k].as_ptr().cast())
        }))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn store(&self) -> [[u64; LANES]; 5] {
        let mut x = [[0; LANES]; 5];
        for (row, v) in x.iter_mut().zip(self.0) {
            // SAFETY: every row is 64 bytes.
            unsafe { _mm512_storeu_si512(row.as_mut_ptr().cast(), v) }
        }
        x
    }

    /// Carries limbs below 2^60.5.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn carry(z: [__m512i; 5]) -> Self {
        let mask = _mm512_set1_epi64(MASK.cast_signed());
        let nineteen = _mm512_set1_epi64(19);
        let c = z.map(|z| _mm512_srli_epi64::<51>(z));
        let m = z.map(|z| _mm512_and_si512(z, mask));
        Self([
            _mm512_madd52lo_epu64(m[0], c[4], nineteen),
            _mm512_add_epi64(m[1], c[0]),
            _mm512_add_epi64(m[2], c[1]),
            _mm512_add_epi64(m[3], c[2]),
            _mm512_add_epi64(m[4], c[3]),
        ])
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn add(&self, rhs: &Self) -> Self {
        Self::carry(core::array::from_fn(|k| {
            _mm512_add_epi64(self.0[k], rhs.0[k])
        }))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn sub(&self, rhs: &Self) -> Self {
        let two_p = Self::splat(TWO_P);
        Self::carry(core::array::from_fn(|k| {
            _mm512_add_epi64(self.0[k], _mm512_sub_epi64(two_p.0[k], rhs.0[k]))
        }))
    }

    /// 2 a + b - c.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn double_add_sub(a: &Self, b: &Self, c: &Self) -> Self {
        let two_p = Self::splat(TWO_P);
        Self::carry(core::array::from_fn(|k| {
            let left = _mm512_add_epi64(_mm512_add_epi64(a.0[k], a.0[k]), b.0[k]);
            _mm512_add_epi64(left, _mm512_sub_epi64(two_p.0[k], c.0[k]))
        }))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn neg(&self) -> Self {
        Self::splat(ZERO).sub(self)
    }

    /// Columns of lower and of upper halves to a field element.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn fold(lo: [__m512i; 9], hi: [__m512i; 9]) -> Self {
        let nineteen = _mm512_set1_epi64(19);
        let twice = |x| _mm512_add_epi64(x, x);
        let mut z = [lo[0]; 10];
        for k in 1..9 {
            z[k] = _mm512_add_epi64(lo[k], twice(hi[k - 1]));
        }
        z[9] = twice(hi[8]);
        Self::carry(core::array::from_fn(|k| {
            _mm512_add_epi64(z[k], _mm512_mullo_epi64(z[k + 5], nineteen))
        }))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn mul(&self, rhs: &Self) -> Self {
        let (a, b) = (&self.0, &rhs.0);
        let mut lo = [_mm512_setzero_si512(); 9];
        let mut hi = lo;
        for i in 0..5 {
            for j in 0..5 {
                lo[i + j] = _mm512_madd52lo_epu64(lo[i + j], a[i], b[j]);
                hi[i + j] = _mm512_madd52hi_epu64(hi[i + j], a[i], b[j]);
            }
        }
        Self::fold(lo, hi)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn square(&self) -> Self {
        let a = &self.0;
        let mut lo = [_mm512_setzero_si512(); 9];
        let mut hi = lo;
        for i in 0..5 {
            for j in i + 1..5 {
                lo[i + j] = _mm512_madd52lo_epu64(lo[i + j], a[i], a[j]);
                hi[i + j] = _mm512_madd52hi_epu64(hi[i + j], a[i], a[j]);
            }
        }
        for k in 1..8 {
            lo[k] = _mm512_add_epi64(lo[k], lo[k]);
            hi[k] = _mm512_add_epi64(hi[k], hi[k]);
        }
        for i in 0..5 {
            lo[2 * i] = _mm512_madd52lo_epu64(lo[2 * i], a[i], a[i]);
            hi[2 * i] = _mm512_madd52hi_epu64(hi[2 * i], a[i], a[i]);
        }
        Self::fold(lo, hi)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn squares(&self, k: usize) -> Self {
        let mut x = *self;
        for _ in 0..k {
            x = x.square();
        }
        x
    }

    /// x^(2^250 - 1) and x^11.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn power_chain(&self) -> (Self, Self) {
        let x2 = self.square();
        let x9 = x2.squares(2).mul(self);
        let x11 = x9.mul(&x2);
        let e5 = x11.square().mul(&x9); // 2^5 - 1
        let e10 = e5.squares(5).mul(&e5);
        let e20 = e10.squares(10).mul(&e10);
        let e40 = e20.squares(20).mul(&e20);
        let e50 = e40.squares(10).mul(&e10);
        let e100 = e50.squares(50).mul(&e50);
        let e200 = e100.squares(100).mul(&e100);
        (e200.squares(50).mul(&e50), x11)
    }

    /// x^(p - 2): the inverse, 0 for 0.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn invert(&self) -> Self {
        let (e250, x11) = self.power_chain();
        e250.squares(5).mul(&x11)
    }

    /// The non-negative square root of u / v where it is a square (true), else of SQRT_M1 u / v. RFC 9496, section 4.2.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn sqrt_ratio(u: &Self, v: &Self) -> (__mmask8, Self) {
        let i = Self::splat(SQRT_M1);
        let v3 = v.square().mul(v);
        let v7 = v3.square().mul(v);
        let w = u.mul(&v7);
        let power = w.power_chain().0.squares(2).mul(&w); // w^((p - 5) / 8)
        let r = u.mul(&v3).mul(&power);
        let check = v.mul(&r.square());
        let minus_u = u.neg();
        let right = check.equals(u);
        let flipped = check.equals(&minus_u);
        let flipped_i = check.equals(&minus_u.mul(&i));
        let r = r.select(&r.mul(&i), flipped | flipped_i).abs();
        (right | flipped, r)
    }

    /// Limbs of the one representative below p.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    fn freeze(&self) -> [__m512i; 5] {
        let mask = _mm512_set1_epi64(MASK.cast_signed());
        let nineteen = _mm512_set1_epi64(19);
        let mut l = Self::carry(self.0).0;
        // 1 where the value, below 2 p, is at least p.
        let mut q = nineteen;
        for x in l {
            q = _mm512_srli_epi64::<51>(_mm512_add_epi64(x, q));
        }
        l[0] = _mm512_madd52lo_epu64(l[0], q, nineteen);
        for k in 0..4 {
            l[k + 1] = _mm512_add_epi64(l[k + 1], _mm512_srli_epi64::<51>(l[k]));
            l[k] = _mm512_and_si512(l[k], mask);
        }
        l[4] = _mm512_and_si512(l[4], mask);
        l
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn is_zero(&self) -> __mmask8 {
        let l = self.freeze();
        let or = |a, b| _mm512_or_si512(a, b);
        let any = or(or(or(l[0], l[1]), or(l[2], l[3])), l[4]);
        _mm512_testn_epi64_mask(any, any)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn equals(&self, rhs: &Self) -> __mmask8 {
        self.sub(rhs).is_zero()
    }

    /// Whether the representative is odd.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn is_negative(&self) -> __mmask8 {
        _mm512_test_epi64_mask(self.freeze()[0], _mm512_set1_epi64(1))
    }

    /// `rhs` in the lanes of `m`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn select(&self, rhs: &Self, m: __mmask8) -> Self {
        Self(core::array::from_fn(|k| {
            _mm512_mask_blend_epi64(m, self.0[k], rhs.0[k])
        }))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn negate_where(&self, m: __mmask8) -> Self {
        self.select(&self.neg(), m)
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn abs(&self) -> Self {
        self.negate_where(self.is_negative())
    }

    /// From 32 bytes a lane, their top bit ignored.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn from_bytes(bytes: &[[u8; 32]; LANES]) -> Self {
        let mut x = [[0; LANES]; 5];
        for (lane, b) in bytes.iter().enumerate() {
            let w: [u64; 4] = core::array::from_fn(|k| {
                let mut word = [0; 8];
                word.copy_from_slice(&b[8 * k..8 * k + 8]);
                u64::from_le_bytes(word)
            });
            x[0][lane] = w[0] & MASK;
            x[1][lane] = (w[0] >> 51 | w[1] << 13) & MASK;
            x[2][lane] = (w[1] >> 38 | w[2] << 26) & MASK;
            x[3][lane] = (w[2] >> 25 | w[3] << 39) & MASK;
            x[4][lane] = (w[3] >> 12) & MASK;
        }
        Self::load(&x)
    }

    /// The representatives below p.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn to_bytes(self) -> [[u8; 32]; LANES] {
        let x = Self(self.freeze()).store();
        core::array::from_fn(|lane| {
            let l = x.map(|row| row[lane]);
            let words = [
                l[0] | l[1] << 51,
                l[1] >> 13 | l[2] << 38,
                l[2] >> 26 | l[3] << 25,
                l[3] >> 39 | l[4] << 12,
            ];
            let mut b = [0; 32];
            for (b, w) in b.chunks_exact_mut(8).zip(words) {
                b.copy_from_slice(&w.to_le_bytes());
            }
            b
        })
    }
}
