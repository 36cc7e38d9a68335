//! A polynomial of degree eight by three products of secrets, in three steps.
//!
//! With `s = z - a`, `v = s^2`, `w = v^2` and public numbers,
//!
//! `p(z) = w (q_8 w + q_6 v + q_5 s + q_4) + (q_3 s) v + (q_2 v + q_1 s + q_0)`
//!
//! has every power but the seventh, and a polynomial has no seventh power of `s` if `a` is the mean of its zeros
//! (Tschirnhaus; Knuth, *The Art of Computer Programming*, volume 2, section 4.6.4, on adapting coefficients). `v`
//! and `w` take a product and a rescaling each, and the rest is one sum of two products that is rescaled once.
//! Horner's scheme would take eight, a Newton step (Keller and Sun, arXiv 2107.00501) on top of a polynomial of
//! degree three five.
//!
//! *Words.* Everything is at most 62 bits: with `F` fraction bits of the last sum, `v` has [`V_FRAC`] and `w` has
//! [`W_FRAC`], so what is public beside `w` has `F - W_FRAC` and `q_3` only `F - V_FRAC - frac(z)`. These few bits
//! are no loss: `a` is moved by a little until `q_3` is such a number, and what is rounded off another coefficient,
//! or left of the seventh power, is replaced by its best approximation of lower degree, a Chebyshev polynomial being
//! what remains: at most `2^(1-k)` of what was rounded off the `k`-th coefficient. The error of the polynomial with
//! its rounded coefficients is measured when it is made.

use crate::Error;
use crate::engine::{Dot, Rescale, Truncation};
use crate::function::minimax::{Weight, minimax};
use crate::function::offset;
use crate::function::real::{horner, pow2};
use crate::layer::{Layers, only};
use crate::model::Format;

/// Fraction bits of `s^2`.
const V_FRAC: u32 = 20;
/// Fraction bits of `s^4`.
const W_FRAC: u32 = 16;
/// Whole bits of `s^2` and of `s^4`, for |z| <= 3.
const V_WHOLE: u32 = 4;
const W_WHOLE: u32 = 8;
/// Values of `q_3` to either side that are tried.
const TRIES: i32 = 3;
/// Steps of the search for `a`.
const STEPS: usize = 12;
/// Points at which an error is measured.
const POINTS: i32 = 2048;

/// A polynomial in `z`, for -1 <= z <= 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Octic {
    /// Fraction bits of z.
    z_frac: u32,
    /// Fraction bits of the last sum.
    frac: u32,
    /// `a`, with the fraction bits of z.
    shift: i64,
    /// `q_0` to `q_8`, raw.
    q: [i64; 9],
    /// Largest weighed error.
    error: f64,
    /// Largest effect of a unit in the last place of v and of w, weighed.
    units: f64,
    /// Middle and half the length of the interval of what may be found for `p(-3)`.
    outside: [f64; 2],
}

/// Fraction bits of each public factor.
fn grids(z_frac: u32, frac: u32) -> Option<[u32; 9]> {
    let [beside_v, beside_w] = [frac.checked_sub(V_FRAC)?, frac.checked_sub(W_FRAC)?];
    Some([
        frac,
        frac.checked_sub(z_frac)?,
        beside_v,
        beside_v.checked_sub(z_frac)?,
        beside_w,
        beside_w.checked_sub(z_frac)?,
        beside_w.checked_sub(V_FRAC)?,
        0,
        beside_w.checked_sub(W_FRAC)?,
    ])
}

/// `x` with `frac` fraction bits.
fn rounded(x: f64, frac: u32) -> f64 {
    let unit = pow2(frac as i32);
    (x * unit).round_ties_even() / unit
}

/// Coefficients of `p(s + a)` by powers of s.
fn shifted(p: &[f64], a: f64) -> Vec<f64> {
    let mut q = p.to_vec();
    for k in 0..q.len() {
        for j in (k + 1..q.len()).rev() {
            let [low, high] = [q.get(j - 1), q.get(j)].map(|c| c.copied().unwrap_or(0.0));
            if let Some(c) = q.get_mut(j - 1) {
                *c = low + a * high;
            }
        }
    }
    q
}

/// The Chebyshev polynomials `T_k(z) / 2^(k-1)` for k = 0 to 8, by powers of z; the first is 1.
fn monic_chebyshev() -> Vec<Vec<f64>> {
    let mut all: Vec<Vec<f64>> = vec![vec![1.0], vec![0.0, 1.0]];
    for k in 2..=8 {
        // T_k = 2 z T_(k-1) - T_(k-2)
        let quarter = if k == 2 { 0.5 } else { 0.25 };
        let mut t = vec![0.0; k + 1];
        if let [.., before, last] = all.as_slice() {
            for (y, x) in t.iter_mut().skip(1).zip(last) {
                *y += x;
            }
            for (y, x) in t.iter_mut().zip(before) {
                *y -= quarter * x;
            }
        }
        all.push(t);
    }
    all
}

impl Octic {
    /// The polynomial near `f` on [-1, 1], for z with `z_frac` fraction bits and a last sum with `frac`.
    pub(crate) fn new(
        f: impl Fn(f64) -> f64 + Copy,
        weight: Weight,
        z_frac: u32,
        frac: u32,
    ) -> Result<Self, Error> {
        let refused = Error::Unsupported {
            what: "a polynomial needs more fraction bits of its argument than fit into 64 bits",
        };
        let Some(grids) = grids(z_frac, frac) else {
            return Err(refused);
        };
        let best = minimax(f, -1.0, 1.0, 8, weight).coefficients;
        let [.., p7, p8] = best.as_slice() else {
            return Err(refused);
        };
        let mean = -p7 / (8.0 * p8);
        let monic = monic_chebyshev();
        let [_, _, _, wanted, ..] = adapted(&best, mean, &grids, z_frac, &monic).0;
        let unit = pow2(-(grids[3] as i32));
        let mut found: Option<Self> = None;
        for i in -TRIES..=TRIES {
            let cubic = rounded(wanted, grids[3]) + f64::from(i) * unit;
            let candidate = Self::with_cubic(&best, mean, cubic, &grids, z_frac, frac, &monic);
            let candidate = candidate.measured(f, weight, &grids);
            if found.as_ref().is_none_or(|f| candidate.error < f.error) {
                found = Some(candidate);
            }
        }
        // Results, and what a step of Newton's method at most doubles, are declared with four whole bits.
        found
            .filter(|f| f.error.is_finite() && f.outside[0].abs() < pow2(4))
            .ok_or(refused)
    }

    /// Moves `a` until the third coefficient is the given one.
    fn with_cubic(
        best: &[f64],
        mean: f64,
        cubic: f64,
        grids: &[u32; 9],
        z_frac: u32,
        frac: u32,
        monic: &[Vec<f64>],
    ) -> Self {
        let mut a = mean;
        let mut closest = (f64::INFINITY, mean);
        for _ in 0..STEPS {
            let (q, _) = adapted(best, a, grids, z_frac, monic);
            let off = q[3] - cubic;
            if off.abs() < closest.0 {
                closest = (off.abs(), a);
            }
            a = (a - off / (4.0 * q[4])).clamp(mean - 1.0, mean + 1.0);
        }
        let (mut q, a) = adapted(best, closest.1, grids, z_frac, monic);
        let off = q[3] - cubic;
        reduce(&mut q, 3, off, a, monic);
        for (k, (c, g)) in q.iter_mut().zip(grids).enumerate() {
            *c = if k == 3 { cubic } else { rounded(*c, *g) };
        }
        let mut raw = [0; 9];
        for ((r, c), g) in raw.iter_mut().zip(&q).zip(grids) {
            *r = (c * pow2(*g as i32)) as i64;
        }
        Self {
            z_frac,
            frac,
            shift: (a * pow2(z_frac as i32)) as i64,
            q: raw,
            error: f64::INFINITY,
            units: 0.0,
            outside: [0.0; 2],
        }
    }

    /// With its error and what else is known of its values.
    fn measured(mut self, f: impl Fn(f64) -> f64, weight: Weight, grids: &[u32; 9]) -> Self {
        let mut q = [0.0; 9];
        for ((c, r), g) in q.iter_mut().zip(&self.q).zip(grids) {
            *c = *r as f64 * pow2(-(*g as i32));
        }
        let a = self.shift as f64 * pow2(-(self.z_frac as i32));
        let effect = |s: f64| {
            let (v, w) = (s * s, s * s * s * s);
            let beside_w = q[8] * w + q[6] * v + q[5] * s + q[4];
            let by_w = (beside_w + q[8] * w).abs();
            let by_v = (q[6] * w + q[3] * s + q[2]).abs() + 2.0 * v * by_w;
            by_v * pow2(-(V_FRAC as i32)) + by_w * pow2(-(W_FRAC as i32))
        };
        self.outside = at_zero(&q, -3.0 - a);
        self.error = 0.0;
        for i in -POINTS..=POINTS {
            let z = f64::from(i) / f64::from(POINTS);
            let s = z - a;
            let value = f(z);
            let one = match weight {
                Weight::Absolute => 1.0,
                Weight::Relative => value.abs(),
            };
            self.error = self.error.max((horner(&q, s) - value).abs() / one);
            self.units = self.units.max(effect(s) / one);
        }
        self
    }

    /// Largest weighed error of a result before its own rounding, of z exact: that of the polynomial, and those of two
    /// powers that are less than one unit wrong.
    pub(crate) fn error(&self) -> f64 {
        // Between the points the error may be a little larger.
        1.01 * (self.error + self.units)
    }

    /// What is found for `z = -3`, which is where `u = 0` goes: the middle, and how far from it.
    pub(crate) fn outside(&self) -> [f64; 2] {
        self.outside
    }

    /// Fraction bits of the last sum.
    pub(crate) fn frac(&self) -> u32 {
        self.frac
    }

    /// Its products, to a result with `to` fraction bits: operands of each, and bits that are dropped.
    #[cfg(test)]
    pub(crate) fn products(&self, to: u32) -> [(u32, u32); 3] {
        let last = self.frac - to;
        [
            (1, 2 * self.z_frac - V_FRAC),
            (1, 2 * V_FRAC - W_FRAC),
            (4, last),
        ]
    }

    /// `p(z) + plus` as `to`, for -3 <= z <= 1. `plus` has [`Self::frac`] fraction bits.
    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        z: &E::Arith,
        plus: Option<&E::Arith>,
        to: Format,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let [q0, q1, q2, q3, q4, q5, q6, _, q8] = self.q;
        let s = offset(engine, z, -self.shift)?;
        let s_format = Format::z64(self.z_frac, self.z_frac + 2)?;
        let s = engine.declare(s, s_format)?;
        let square = |frac: u32, whole: u32, of: u32| -> Result<Rescale, Error> {
            Ok(Rescale {
                shift: 2 * of - frac,
                mode,
                to: Format::z64(frac, frac + whole)?,
            })
        };
        let v = only(engine.mul(&[(&s, &s)], square(V_FRAC, V_WHOLE, self.z_frac)?)?)?;
        let w = only(engine.mul(&[(&v, &v)], square(W_FRAC, W_WHOLE, V_FRAC)?)?)?;
        let beside_w = Format::z64(self.frac - W_FRAC, self.frac - W_FRAC)?;
        let beside_w = engine.combine(&[(&s, q5), (&v, q6), (&w, q8)], q4, beside_w)?;
        let beside_v = engine.mul_public(&s, &[q3], self.frac - V_FRAC - self.z_frac)?;
        let rest = Format::z64(self.frac, self.frac + 5)?;
        let mut rest = engine.combine(&[(&s, q1), (&v, q2)], q0, rest)?;
        if let Some(plus) = plus {
            rest = engine.add(&rest, plus)?;
        }
        let sum = Dot {
            products: vec![(&w, &beside_w), (&beside_v, &v)],
            plus: Some(&rest),
        };
        let rescale = Rescale {
            shift: self.frac - to.frac(),
            mode,
            to,
        };
        only(engine.dot(&[sum], rescale)?)
    }
}

/// Middle and half the length of the interval of all values of the polynomial at s, whose powers are one of two numbers
/// each.
fn at_zero(q: &[f64; 9], s: f64) -> [f64; 2] {
    let neighbours = |x: f64, frac: u32| {
        let unit = pow2(frac as i32);
        let below = (x * unit).floor();
        [below / unit, (below + 1.0) / unit]
    };
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for v in neighbours(s * s, V_FRAC) {
        for w in neighbours(v * v, W_FRAC) {
            let beside_w = q[8] * w + q[6] * v + q[5] * s + q[4];
            let p = w * beside_w + q[3] * s * v + q[2] * v + q[1] * s + q[0];
            (least, most) = (least.min(p), most.max(p));
        }
    }
    [(least + most) / 2.0, (most - least) / 2.0]
}

/// Takes `off s^k` from `q` and gives the best approximation of it by a polynomial of lower degree instead.
fn reduce(q: &mut [f64; 9], k: usize, off: f64, a: f64, monic: &[Vec<f64>]) {
    if let Some(t) = monic.get(k) {
        for (c, t) in q.iter_mut().zip(shifted(t, a)) {
            *c -= off * t;
        }
    }
}

/// Coefficients by powers of `z - a` without the seventh, all above the third rounded; and `a`, rounded.
fn adapted(
    best: &[f64],
    a: f64,
    grids: &[u32; 9],
    z_frac: u32,
    monic: &[Vec<f64>],
) -> ([f64; 9], f64) {
    let a = rounded(a, z_frac);
    let mut q = [0.0; 9];
    for (q, c) in q.iter_mut().zip(shifted(best, a)) {
        *q = c;
    }
    for k in (4..=8).rev() {
        let (Some(c), Some(g)) = (q.get(k).copied(), grids.get(k)) else {
            continue;
        };
        let kept = if k == 7 { 0.0 } else { rounded(c, *g) };
        reduce(&mut q, k, c - kept, a, monic);
        if let Some(c) = q.get_mut(k) {
            *c = kept;
        }
    }
    (q, a)
}

#[cfg(test)]
mod tests;
