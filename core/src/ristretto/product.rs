//! Products with scalars, by signed digits of four bits.

use core::arch::x86_64::*;

use zeroize::Zeroize;

use super::encoding;
use super::field::Fe;
use super::point::{Cached, Point};
use super::{Group, LANES};

/// Encoding of the base point.
pub(super) const BASE_POINT: [u8; 32] = [
    0xe2, 0xf2, 0xae, 0x0a, 0x6a, 0xbc, 0x4e, 0x71, 0xa8, 0x84, 0xa9, 0x61, 0xc5, 0x00, 0x51, 0x5f,
    0x58, 0xe3, 0x0b, 0x6a, 0xa5, 0x82, 0xdd, 0x8d, 0xb6, 0xa6, 0x59, 0x45, 0xe0, 0x8d, 0x2d, 0x76,
];

/// Digits of a scalar.
const DIGITS: usize = 64;

/// Entry k - 1 of a row of a table, in lane k - 1: k times a point, as [`Cached`].
pub(super) type Window = Group;

/// d_i with sum of d_i 16^i = `scalar` < 2^253 and -8 <= d_i <= 8.
pub(super) fn digits(scalar: &[u8; 32]) -> [i8; DIGITS] {
    let mut d = [0; DIGITS];
    for (d, b) in d.chunks_exact_mut(2).zip(scalar) {
        d[0] = (b & 15).cast_signed();
        d[1] = (b >> 4).cast_signed();
    }
    for i in 0..DIGITS - 1 {
        let carry = (d[i] + 8) >> 4;
        d[i] -= carry << 4;
        d[i + 1] += carry;
    }
    d
}

/// Multiplies the points of `g` by one scalar.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
pub(super) fn mul(g: &mut Group, digits: &[i8; DIGITS]) {
    let p = Point::load(g);
    let first = p.cached();
    let mut table = [first; 8];
    let mut multiple = p.double::<true>();
    for entry in &mut table[1..7] {
        *entry = multiple.cached();
        multiple = multiple.add::<true>(&first);
    }
    table[7] = multiple.cached();

    let mut q = Point::identity();
    for d in digits.iter().rev() {
        q = q.double::<false>().double::<false>();
        q = q.double::<false>().double::<true>();
        q = q.add::<false>(&choose(&table, *d));
    }
    *g = with_t(&q).store();
}

/// T of a point without it: (X Z, Y Z, Z², X Y).
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn with_t(p: &Point) -> Point {
    Point {
        x: p.x.mul(&p.z),
        y: p.y.mul(&p.z),
        z: p.z.square(),
        t: p.x.mul(&p.y),
    }
}

/// The same multiple `d` in all lanes. Reads the whole table.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn choose(table: &[Cached; 8], d: i8) -> Cached {
    let sign = d >> 7;
    let magnitude = _mm512_set1_epi64(i64::from((d ^ sign) - sign));
    let mut chosen = Cached::identity();
    for (entry, k) in table.iter().zip(1..) {
        let m = _mm512_cmpeq_epi64_mask(magnitude, _mm512_set1_epi64(k));
        for (c, e) in chosen.0.iter_mut().zip(&entry.0) {
            *c = c.select(e, m);
        }
    }
    chosen.negate_where(sign.cast_unsigned())
}

/// A multiple `d` for each lane, by permutations within registers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn choose_lanes(window: &Window, d: __m512i) -> Cached {
    let magnitude = _mm512_abs_epi64(d);
    let index = _mm512_sub_epi64(magnitude, _mm512_set1_epi64(1)); // the permutation takes it modulo 8
    let none = _mm512_testn_epi64_mask(d, d);
    let identity = Cached::identity();
    let chosen = Cached(core::array::from_fn(|c| {
        let row = Fe::load(&window.0[c]);
        let entry = Fe(row.0.map(|limb| _mm512_permutexvar_epi64(index, limb)));
        entry.select(&identity.0[c], none)
    }));
    chosen.negate_where(_mm512_movepi64_mask(d))
}

/// Row w holds 1 to 8 times 256^w times the point, or `None` if these bytes are none.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
pub(super) fn windows(point: &[u8; 32]) -> Option<Vec<Window>> {
    let p = Point::load(&encoding::decode(&[*point; LANES])?);
    let one = p.cached();
    // Lane k - 1 shall have k times p: bits of k, highest first.
    let mut row = Point::identity();
    for lanes in [0b1000_0000, 0b0111_1000, 0b0110_0110, 0b0101_0101] {
        row = row.double::<true>();
        row = row.select(&row.add::<true>(&one), lanes);
    }
    let mut windows = Vec::with_capacity(DIGITS / 2);
    for _ in 0..DIGITS / 2 {
        let Cached([plus, minus, z2, td2]) = row.cached();
        windows.push(Group([
            plus.store(),
            minus.store(),
            z2.store(),
            td2.store(),
        ]));
        for _ in 0..8 {
            row = row.double::<true>();
        }
    }
    Some(windows)
}

/// The point of the table times each scalar.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
pub(super) fn mul_table(windows: &[Window], scalars: &[[u8; 32]; LANES]) -> Group {
    let mut lanes = scalars.each_ref().map(digits);
    let mut q = Point::identity();
    // Odd digits, times 16, then even ones: half the rows.
    for parity in [1, 0] {
        for (w, window) in windows.iter().enumerate() {
            let mut d: [i64; LANES] = lanes.each_ref().map(|l| i64::from(l[2 * w + parity]));
            // SAFETY: the array is 64 bytes.
            let v = unsafe { _mm512_loadu_si512(d.as_ptr().cast()) };
            q = q.add::<true>(&choose_lanes(window, v));
            d.zeroize();
        }
        if parity == 1 {
            q = q.double::<false>().double::<false>();
            q = q.double::<false>().double::<true>();
        }
    }
    lanes.iter_mut().for_each(Zeroize::zeroize);
    q.store()
}
