//! Decoding, the map and batched encoding: RFC 9496, sections 4.3.1 and 4.3.4; the batch after `curve25519-dalek`'s
//! notes on ristretto (the encoding of 2 P is a rational function of P and an inverse, without a square root).

use super::field::{Fe, Limbs, ONE, SQRT_M1};
use super::point::Point;
use super::{Group, LANES};

const D: Limbs = [
    0x34dc_a135_978a3,
    0x1a82_83b1_56ebd,
    0x5e7a_2600_1c029,
    0x739c_663a_03cbb,
    0x5203_6cee_2b6ff,
];
/// 1 - d².
const ONE_MINUS_D_SQ: Limbs = [
    0x409c_1945_fc176,
    0x719a_bc6a_1fc4f,
    0x1c37_f90b_20684,
    0x6bcc_ca55_eedf,
    0x2907_2a8b_2b3e,
];
/// (d - 1)².
const D_MINUS_ONE_SQ: Limbs = [
    0x55aa_a44e_d4d20,
    0x5960_3c33_32635,
    0x26d3_baf4_a7928,
    0x120a_66e6_997a9,
    0x5968_b37a_f66c2,
];
/// sqrt(-d - 1), the odd root.
const SQRT_AD_MINUS_ONE: Limbs = [
    0x7f6a_0497_b2e1b,
    0x1836_f0a9_7afd2,
    0x7d74_7f6b_e7638,
    0x4560_79e7_e6498,
    0x3769_31bf_2b834,
];
/// 1 / sqrt(-1 - d), the even root.
const INVSQRT_A_MINUS_D: Limbs = [
    0xfdaa_805d_40ea,
    0x2eb4_82e5_7d339,
    0x7610_274bc58,
    0x6510_b613_dc8ff,
    0x786c_8905_cfaff,
];

/// Groups that share one inversion.
pub(super) const BATCH: usize = 8;

/// Eight points; `None` if one encoding is bad or the identity.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
pub(super) fn decode(bytes: &[[u8; 32]; LANES]) -> Option<Group> {
    let s = Fe::from_bytes(bytes);
    let one = Fe::splat(ONE);
    // Below p, top bit clear.
    let canonical = s.to_bytes() == *bytes;
    let ss = s.square();
    let u1 = one.sub(&ss);
    let u2 = one.add(&ss);
    let u2_sq = u2.square();
    let v = Fe::splat(D).mul(&u1.square()).neg().sub(&u2_sq);
    let (square, root) = Fe::sqrt_ratio(&one, &v.mul(&u2_sq));
    let dx = root.mul(&u2);
    let dy = root.mul(&dx).mul(&v);
    let x = s.add(&s).mul(&dx).abs();
    let y = u1.mul(&dy);
    let t = x.mul(&y);
    let bad = !square | s.is_negative() | s.is_zero() | t.is_negative() | y.is_zero();
    let z = one;
    (canonical && bad == 0).then(|| Point { x, y, z, t }.store())
}

/// The Elligator map of each 32 bytes.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
pub(super) fn map(bytes: &[[u8; 32]; LANES]) -> Group {
    let (one, d) = (Fe::splat(ONE), Fe::splat(D));
    let t = Fe::from_bytes(bytes);
    let r = Fe::splat(SQRT_M1).mul(&t.square());
    let u = r.add(&one).mul(&Fe::splat(ONE_MINUS_D_SQ));
    let v = one.neg().sub(&r.mul(&d)).mul(&r.add(&d));
    let (square, s) = Fe::sqrt_ratio(&u, &v);
    let other = s.mul(&t).abs().neg();
    let s = other.select(&s, square);
    let c = r.select(&one.neg(), square);
    let n = c.mul(&r.sub(&one)).mul(&Fe::splat(D_MINUS_ONE_SQ)).sub(&v);
    let ss = s.square();
    let w0 = s.add(&s).mul(&v);
    let w1 = n.mul(&Fe::splat(SQRT_AD_MINUS_ONE));
    let w2 = one.sub(&ss);
    let w3 = one.add(&ss);
    Point {
        x: w0.mul(&w3),
        y: w2.mul(&w1),
        z: w1.mul(&w3),
        t: w0.mul(&w2),
    }
    .store()
}

/// The factors of 2 P = (e f : g h : f g : e h).
#[derive(Clone, Copy)]
struct Doubled {
    e: Fe,
    f: Fe,
    g: Fe,
    h: Fe,
    eg: Fe,
    fh: Fe,
}

/// Appends the encodings of twice the points of at most [`BATCH`] groups.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
pub(super) fn double_and_encode(groups: &[Group], out: &mut Vec<[u8; 32]>) {
    let one = Fe::splat(ONE);
    let empty = Doubled {
        e: one,
        f: one,
        g: one,
        h: one,
        eg: one,
        fh: one,
    };
    let mut doubled = [empty; BATCH];
    let mut factors = [one; BATCH];
    let mut before = [one; BATCH]; // product of the factors before
    let mut product = one;
    let mut zero = [0; BATCH];
    for (k, g) in groups.iter().enumerate() {
        let p = Point::load(g);
        let zz = p.z.square();
        let dtt = Fe::splat(D).mul(&p.t.square());
        let e = p.x.mul(&p.y.add(&p.y));
        let (f, h) = (zz.add(&dtt), zz.sub(&dtt));
        let g = p.y.square().add(&p.x.square());
        let (eg, fh) = (e.mul(&g), f.mul(&h));
        doubled[k] = Doubled { e, f, g, h, eg, fh };
        // A point whose double is the identity gives 0, which must not reach the others.
        let efgh = eg.mul(&fh);
        zero[k] = efgh.is_zero();
        factors[k] = efgh.select(&one, zero[k]);
        before[k] = product;
        product = product.mul(&factors[k]);
    }
    let mut inverse = product.invert();
    let mut encodings = [[[0; 32]; LANES]; BATCH];
    for k in (0..groups.len()).rev() {
        let inv = inverse.mul(&before[k]);
        inverse = inverse.mul(&factors[k]);
        let inv = inv.select(&Fe::splat([0; 5]), zero[k]);
        encodings[k] = encode(&doubled[k], &inv).to_bytes();
    }
    out.extend(encodings[..groups.len()].as_flattened());
}

/// The field element that stands for a double, from the inverse of e f g h.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
fn encode(d: &Doubled, inverse: &Fe) -> Fe {
    let i = Fe::splat(SQRT_M1);
    let z_inv = d.eg.mul(inverse);
    let t_inv = d.fh.mul(inverse);
    let rotate = d.eg.mul(&z_inv).is_negative();
    let e = d.e.select(&d.g, rotate);
    let g = d.g.select(&d.e.neg(), rotate);
    let h = d.h.select(&d.f.mul(&i), rotate);
    let magic = Fe::splat(INVSQRT_A_MINUS_D).select(&i, rotate);
    let g = g.negate_where(h.mul(&e).mul(&z_inv).is_negative());
    h.sub(&g).mul(&magic).mul(&g.mul(&t_inv)).abs()
}
