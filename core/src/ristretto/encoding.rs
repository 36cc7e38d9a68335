//! Decoding, the map and batched encoding: RFC 9496, sections 4.3.1 and 4.3.4; the batch after `curve25519-dalek`'s
//! notes on ristretto (the encoding of 2 P is a rational function of P and an inverse, without a square root).

use super::field::{Fe, Limbs, ONE, SQRT_M1};
use super::point::Point;
use super::{Group, LANES};

const D: Limbs = [
    0x0003_4dca_1359_78a3,
    0x0001_a828_3b15_6ebd,
    0x0005_e7a2_6001_c029,
    0x0007_39c6_63a0_3cbb,
    0x0005_2036_cee2_b6ff,
];
/// 1 - d².
const ONE_MINUS_D_SQ: Limbs = [
    0x0004_09c1_945f_c176,
    0x0007_19ab_c6a1_fc4f,
    0x0001_c37f_90b2_0684,
    0x0000_6bcc_ca55_eedf,
    0x0000_2907_2a8b_2b3e,
];
/// (d - 1)².
const D_MINUS_ONE_SQ: Limbs = [
    0x0005_5aaa_44ed_4d20,
    0x0005_9603_c333_2635,
    0x0002_6d3b_af4a_7928,
    0x0001_20a6_6e69_97a9,
    0x0005_968b_37af_66c2,
];
/// sqrt(-d - 1), the odd root.
const SQRT_AD_MINUS_ONE: Limbs = [
    0x0007_f6a0_497b_2e1b,
    0x0001_836f_0a97_afd2,
    0x0007_d747_f6be_7638,
    0x0004_5607_9e7e_6498,
    0x0003_7693_1bf2_b834,
];
/// 1 / sqrt(-1 - d), the even root.
const INVSQRT_A_MINUS_D: Limbs = [
    0x0000_fdaa_805d_40ea,
    0x0002_eb48_2e57_d339,
    0x0000_0761_0274_bc58,
    0x0006_510b_613d_c8ff,
    0x0007_86c8_905c_faff,
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
