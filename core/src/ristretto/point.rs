//! The group: -x² + y² = 1 + d x² y² in extended coordinates, x = X/Z, y = Y/Z, xy = T/Z (H. Hisil, K. Wong, G. Carter,
//! E. Dawson, ASIACRYPT 2008). Formulas are complete: no case is special.

use core::arch::x86_64::*;

use super::Group;
use super::field::{Fe, Limbs, ONE, ZERO};

/// 2 d.
const D2: Limbs = [
    0x0006_9b94_26b2_f159,
    0x0003_5050_762a_dd7a,
    0x0003_cf44_c003_8052,
    0x0006_738c_c740_7977,
    0x0002_406d_9dc5_6dff,
];

/// Eight points.
#[derive(Clone, Copy)]
pub(super) struct Point {
    pub(super) x: Fe,
    pub(super) y: Fe,
    pub(super) z: Fe,
    pub(super) t: Fe,
}

/// Eight points ready to be added: Y + X, Y - X, 2 Z, 2 d T.
#[derive(Clone, Copy)]
pub(super) struct Cached(pub(super) [Fe; 4]);

impl Point {
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn identity() -> Self {
        let (zero, one) = (Fe::splat(ZERO), Fe::splat(ONE));
        Self {
            x: zero,
            y: one,
            z: one,
            t: zero,
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn load(g: &Group) -> Self {
        Self {
            x: Fe::load(&g.0[0]),
            y: Fe::load(&g.0[1]),
            z: Fe::load(&g.0[2]),
            t: Fe::load(&g.0[3]),
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn store(&self) -> Group {
        Group([
            self.x.store(),
            self.y.store(),
            self.z.store(),
            self.t.store(),
        ])
    }

    /// 2 P. Without `T` the coordinate T of the result is not made, and must not be used.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn double<const T: bool>(&self) -> Self {
        let a = self.x.square();
        let b = self.y.square();
        let zz = self.z.square();
        let s = self.x.add(&self.y).square();
        // All four with the opposite sign of the usual, which the products do not show.
        let h = a.add(&b);
        let e = h.sub(&s);
        let g = a.sub(&b);
        let f = Fe::double_add_sub(&zz, &a, &b);
        Self {
            x: e.mul(&f),
            y: g.mul(&h),
            z: f.mul(&g),
            t: if T { e.mul(&h) } else { self.t },
        }
    }

    /// P + Q. See [`Point::double`] for `T`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn add<const T: bool>(&self, q: &Cached) -> Self {
        let [plus, minus, z2, td2] = &q.0;
        let a = self.y.sub(&self.x).mul(minus);
        let b = self.y.add(&self.x).mul(plus);
        let c = self.t.mul(td2);
        let d = self.z.mul(z2);
        let (e, f) = (b.sub(&a), d.sub(&c));
        let (g, h) = (d.add(&c), b.add(&a));
        Self {
            x: e.mul(&f),
            y: g.mul(&h),
            z: f.mul(&g),
            t: if T { e.mul(&h) } else { self.t },
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn cached(&self) -> Cached {
        Cached([
            self.y.add(&self.x),
            self.y.sub(&self.x),
            self.z.add(&self.z),
            self.t.mul(&Fe::splat(D2)),
        ])
    }

    /// `rhs` in the lanes of `m`.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn select(&self, rhs: &Self, m: __mmask8) -> Self {
        Self {
            x: self.x.select(&rhs.x, m),
            y: self.y.select(&rhs.y, m),
            z: self.z.select(&rhs.z, m),
            t: self.t.select(&rhs.t, m),
        }
    }
}

impl Cached {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn identity() -> Self {
        let one = Fe::splat(ONE);
        Self([one, one, Fe::splat([2, 0, 0, 0, 0]), Fe::splat(ZERO)])
    }

    /// -P in the lanes of `m`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn negate_where(&self, m: __mmask8) -> Self {
        let [plus, minus, z2, td2] = &self.0;
        Self([
            plus.select(minus, m),
            minus.select(plus, m),
            *z2,
            td2.negate_where(m),
        ])
    }
}

/// `a` plus `b`, or minus.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
pub(super) fn combine<const NEGATE: bool>(a: &mut Group, b: &Group) {
    let q = Point::load(b)
        .cached()
        .negate_where(if NEGATE { 0xff } else { 0 });
    *a = Point::load(a).add::<true>(&q).store();
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma")]
pub(super) fn double(g: &mut Group) {
    *g = Point::load(g).double::<true>().store();
}
