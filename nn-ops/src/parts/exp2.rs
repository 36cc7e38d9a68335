//! The masked exponent: powers of two of an additive sharing, by what each side can compute of its own summand.
//!
//! Let `y = r + c` modulo 2^64, where one side (party 0, or a dealer) knows r and the other side knows c, and let y's low
//! w = frac + low + high bits be the exponent `e = y / 2^frac` of a [`Power`], `0 <= e < 2^(low + high) - 2^low`. Exponents add
//! where factors multiply, so `2^e` is a product of a number of either side (Kelkar, Le, Raykova, Seth, "Secure Poisson
//! Regression", USENIX Security 2022, eprint 2021/208, use the same identity; what follows is arranged differently, so here is
//! all of it).
//!
//! *Split.* Of r mod 2^w let `v_h` be the highest `high` bits and `v_l` the others, as a number below 2^low with `frac` fraction
//! bits; likewise `u_h`, `u_l` of c. With `D = 2^low`, `H = 2^high` and `h = (u_h + v_h) mod H`, the claim is
//!
//! `2^e = 2^(v_l) 2^(u_l) 2^(D h')`, where `h' = h` but `h' = -1` for `h = H - 1`.
//!
//! If `u_l + v_l < D`, then h is the high part of e and the claim is plain; h = H - 1 is not among these cases, because
//! e < D (H - 1). If the low parts overflow, the high part of e is h + 1 and the low one is `u_l + v_l - D`, so
//! `e = u_l + v_l + D h` again; unless h = H - 1, when the high part is H mod H = 0 and `e = u_l + v_l - D`. So an overflow is
//! carried by the product itself: there is no carry to compute, and nothing to compare.
//!
//! *Look-up.* What depends on both sides beyond a product is the digit h. The side with r gives the vector
//! `X_j = [j = v_h] X`, `X = 2^(v_l)`, j < H, in shares. The other side's holders all know the public coefficients
//! `C_j = 2^(u_l + D h'_j - bias)` for `h_j = (u_h + j) mod H`, and so compute shares of `sum_j X_j C_j = 2^(e - bias)` locally.
//! In integers, X has g = `precision` fraction bits and C has `t = F + D + 2`, where F are those of the result; all that is left
//! is a rescaling by g + t - F bits, which also makes the shares fresh.
//!
//! *Error.* Before that rescaling, with ULP = 2^-F: C is rounded to the nearest multiple of 2^-t, which is multiplied by X < 2^D: at
//! most 2^(D - t - 1) = ULP / 8. X >= 1 is rounded to a multiple of 2^-g: relative 2^-(g + 1). Each side's significand
//! ([`significand`]) has a relative error below 2^-30.5. Together: **ULP / 8 and a relative error of
//! 2^-(precision + 1) + 2^-29.5**, which is less than 2^-precision up to a precision of 28. The sum is below 2^(g + t) times the
//! largest result, which [`check_power`](crate::engine::check_power) holds below 2^61. The error follows from r and c: another
//! sharing of the same value may be rounded otherwise, as it is by a stochastic truncation.
//!
//! Everything is integer arithmetic, so that all who know c have the same coefficients on every machine, without branches
//! and indices that depend on it.

use piquet_core::{Ring, lanes};
use zeroize::Zeroize;

use crate::engine::Power;
use crate::parts::words::BLOCK;

/// Degree of the polynomial q in `2^x = 1 + x q(x)`.
const DEGREE: usize = 6;

/// Where q is exact: about the nodes of Chebyshev's polynomial of degree 7 on the unit interval.
const NODES: [f64; DEGREE + 1] = [0.0125, 0.1091, 0.2831, 0.5, 0.7169, 0.8909, 0.9875];

/// Horner's scheme in integers below 2^32: `a = first`, then `a = c + (a x >> shift)` for each step; the result has 31
/// fraction bits.
struct Horner {
    first: u64,
    steps: [(u64, u32); DEGREE],
}

/// `(2^x - 1) / x` by its series.
const fn quotient(x: f64) -> f64 {
    let (mut sum, mut term, mut k) = (0.0, core::f64::consts::LN_2, 1);
    while k < 30 {
        sum += term;
        k += 1;
        term *= core::f64::consts::LN_2 * x / k as f64;
    }
    sum
}

/// Coefficients of the interpolating polynomial, lowest first.
const fn interpolate() -> [f64; DEGREE + 1] {
    let mut d = [0.0; DEGREE + 1];
    let mut i = 0;
    while i <= DEGREE {
        d[i] = quotient(NODES[i]);
        i += 1;
    }
    // Newton's divided differences, in place.
    let mut order = 1;
    while order <= DEGREE {
        let mut i = DEGREE;
        while i >= order {
            d[i] = (d[i] - d[i - 1]) / (NODES[i] - NODES[i - order]);
            i -= 1;
        }
        order += 1;
    }
    // Multiplied out.
    let mut c = [0.0; DEGREE + 1];
    let mut i = DEGREE + 1;
    while i > 0 {
        i -= 1;
        let mut k = DEGREE;
        while k > 0 {
            c[k] = c[k - 1] - NODES[i] * c[k];
            k -= 1;
        }
        c[0] = d[i] - NODES[i] * c[0];
    }
    c
}

/// The coefficients as integers. All are positive, so the value of every step is largest, and below 2^32 when its scale
/// is chosen so, at x = 1. A step rounds down: half a unit is added to its coefficient to make up for it.
const fn horner() -> Horner {
    let c = interpolate();
    let mut all = Horner {
        first: 0,
        steps: [(0, 0); DEGREE],
    };
    let (mut largest, mut above, mut k) = (0.0, 0u32, DEGREE + 1);
    while k > 0 {
        k -= 1;
        largest += c[k];
        let mut scale = 31;
        while k > 0 && largest * ((1u64 << (scale + 1)) as f64) < 4.29e9 {
            scale += 1;
        }
        let scaled = c[k] * (1u64 << scale) as f64;
        if k == DEGREE {
            all.first = (scaled + 0.5) as u64;
        } else {
            all.steps[DEGREE - 1 - k] = ((scaled + 1.0) as u64, 32 + above - scale);
        }
        above = scale;
    }
    all
}

const POLYNOMIAL: Horner = horner();
const HALF: u64 = u32::MAX as u64;

/// Fraction bits of a significand.
const BITS: u32 = 62;

/// `q(x / 2^32)` with 31 fraction bits, for x < 2^32. It rises with x, as every step does.
#[inline(always)]
const fn slope(x: u64) -> u64 {
    let mut a = POLYNOMIAL.first;
    let mut i = 0;
    while i < DEGREE {
        let (c, shift) = POLYNOMIAL.steps[i];
        // The masks say that these are products of halves.
        a = c + (((a & HALF) * (x & HALF)) >> shift);
        i += 1;
    }
    a
}

// So a significand is below 2.
const _: () = assert!(slope(HALF) <= 1 << 31);

/// `2^(x / 2^32)`, in \[1, 2), with [`BITS`] fraction bits, for x < 2^32: `1 + x q(x)`.
///
/// Errors, relative to the result: of the polynomial 2^-32.5 (an interpolation of degree 6 of (2^x - 1) / x at almost
/// Chebyshev's nodes: `(ln 2)^8 2 / 8 * 2 / 4^7 / 7! < 2^-31.5`, times `x / 2^x <= 1/2`); of the steps, whose scales fall towards the
/// last one by two bits or more each, one unit of each, `2^-31 (1 + 1/4 + 1/16 + ..)` times 1/2: 2^-31.5. A caller's
/// fraction that is cut to 32 bits is off by less than 2^-32, times ln 2: 2^-32.5. Together below 2^-30.5.
#[inline(always)]
const fn significand(x: u64) -> u64 {
    (1 << BITS) + (((slope(x) & HALF) * (x & HALF)) >> 1)
}

/// `m / 2^s` to the nearest, for 1 <= s, m < 2^63.
#[inline(always)]
fn divide(m: u64, s: u64) -> u64 {
    ((m >> (s.min(64) - 1)) + 1) >> 1
}

/// A [`Power`] as numbers to shift by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exp2 {
    frac: u32,
    low: u32,
    high: u32,
    /// Fraction bits of what is given.
    given: u64,
    /// By how much a significand is divided to make the coefficient of exponent 0, if exponents were not shifted up
    /// by D so that none is negative.
    divisor: u64,
}

impl Exp2 {
    /// For a power that was checked.
    pub(crate) fn of(power: &Power) -> Self {
        let t = u64::from(power.coefficient_frac());
        Self {
            frac: power.frac,
            low: power.low,
            high: power.high,
            given: u64::from(power.precision),
            divisor: u64::from(BITS) - t + (1 << power.low) + u64::from(power.bias),
        }
    }

    /// Words that are given for each element.
    pub(crate) fn words(self) -> usize {
        1 << self.high
    }

    /// Significands of a block of summands.
    fn significands<'a>(self, y: &[u64], room: &'a mut [u64; BLOCK]) -> &'a mut [u64] {
        let left = 64 - self.frac;
        let (m, _) = room.split_at_mut(y.len().min(BLOCK));
        lanes::zip(m, y, |_, y| significand((y << left) >> 32));
        m
    }

    /// What the side with r gives, from a block of r, which is used up: all `X_0`, then all `X_1`, and so on.
    pub(crate) fn give<R: Ring>(self, r: &mut [u64], out: &mut [R]) {
        let mut room = [0; BLOCK];
        let m = self.significands(r, &mut room);
        let (frac, low) = (self.frac, self.low);
        let (least, most) = (u64::from(BITS) - self.given, (1 << self.high) - 1);
        let whole = (1u64 << low) - 1;
        lanes::zip(m, r, |m, r| divide(m, least - ((r >> frac) & whole)));
        lanes::map(r, |r| (r >> (frac + low)) & most);
        for (j, out) in (0u64..).zip(out.chunks_exact_mut(r.len().max(1))) {
            lanes::zip2(out, m, r, |_, x, v| {
                // All ones where v = j.
                let here = ((v ^ j).wrapping_sub(1) >> 63).wrapping_neg();
                R::from_u64(x & here)
            });
        }
        room.zeroize();
    }

    /// A block of shares of the sums, from this party's shares of what was given and a block of c, which is used up.
    pub(crate) fn combine<R: Ring>(self, c: &mut [u64], given: &[R], out: &mut [R]) {
        let mut room = [0; BLOCK];
        let m = self.significands(c, &mut room);
        let frac = self.frac;
        let (digit, window) = (1u64 << self.low, (1u64 << (self.low + self.high)) - 1);
        let divisor = self.divisor;
        lanes::map(out, |_| R::ZERO);
        lanes::map(c, |c| c >> frac);
        for (j, given) in (1u64..).zip(given.chunks_exact(c.len().max(1))) {
            let up = j * digit;
            lanes::zip3(out, given, m, c, |z, x, m, e| {
                let coefficient = divide(m, divisor - ((e + up) & window));
                z.add(x.mul(R::from_u64(coefficient)))
            });
        }
        room.zeroize();
    }
}

#[cfg(test)]
mod tests;
