//! Elementary functions, the same on every machine.
//!
//! Constants that all parties derive must be equal at all of them, to the last bit, and the functions of `std`
//! promise no such thing. These use addition, multiplication, division and the square root of IEEE 754 alone, which
//! are correctly rounded everywhere, in a written order, and bit patterns; nothing is left to a library or to the
//! compiler.
//!
//! They serve to derive constants: a few units of 2^-53 wrong, relative to the result where nothing else is said, and
//! far too slow for data.

mod pow;
mod turn;

pub use pow::pow;
pub use turn::{MAX_ANGLE, cos, sin};

use core::f64::consts::{FRAC_2_SQRT_PI, FRAC_PI_2, LN_2, LOG2_E, PI, SQRT_2};

/// ln 2 in two parts; the first has so many zeros at its end that its products with exponents are exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// From here on erf is computed from its complement.
const ERF_SERIES: f64 = 2.0;

/// 2^n, exactly; 0 below the subnormal numbers, infinite above all.
#[must_use]
pub fn pow2(n: i32) -> f64 {
    match n {
        -1022..=1023 => f64::from_bits(((n + 1023) as u64) << 52),
        1024.. => f64::INFINITY,
        -1074..-1022 => f64::from_bits(1 << (n + 1074)),
        _ => 0.0,
    }
}

/// `x 2^n`, rounded once unless it is subnormal.
fn scale(x: f64, n: i32) -> f64 {
    let half = n / 2;
    x * pow2(half) * pow2(n - half)
}

/// The sum of `c_k x^k`, ascending.
#[must_use]
pub fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |y, c| y * x + c)
}

/// `e^x - 1` for |x| < 0.35: the series, summed from its end.
fn exp_m1_small(x: f64) -> f64 {
    // 0.35^16 / 16! < 2^-68
    let tail = (2..16).rev().fold(1.0, |y, k| 1.0 + y * x / f64::from(k));
    x * tail
}

/// `e^x`
#[must_use]
pub fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let n = (x * LOG2_E).round().clamp(-1100.0, 1100.0);
    if n.abs() >= 1100.0 {
        return if x > 0.0 { f64::INFINITY } else { 0.0 };
    }
    let rest = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    scale(1.0 + exp_m1_small(rest), n as i32)
}

/// `e^x - 1`, also near 0.
#[must_use]
pub fn exp_m1(x: f64) -> f64 {
    if x.abs() < 0.34 {
        exp_m1_small(x)
    } else {
        exp(x) - 1.0
    }
}

/// `2^x`
#[must_use]
pub fn exp2(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let n = x.round().clamp(-1100.0, 1100.0);
    if n.abs() >= 1100.0 {
        return if x > 0.0 { f64::INFINITY } else { 0.0 };
    }
    scale(1.0 + exp_m1_small((x - n) * LN_2), n as i32)
}

/// `(m, e)` with `x = m 2^e` and `m` between `sqrt(1/2)` and `sqrt(2)`, for positive finite `x`.
fn split(x: f64) -> (f64, i32) {
    // A subnormal number is made a normal one.
    let (x, shift) = match x < pow2(-1022) {
        true => (x * pow2(54), 54),
        false => (x, 0),
    };
    let bits = x.to_bits();
    let e = (bits >> 52) as i32 - 1023;
    let m = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    match m > SQRT_2 {
        true => (m / 2.0, e + 1 - shift),
        false => (m, e - shift),
    }
}

/// `ln m` for `m` between `sqrt(1/2)` and `sqrt(2)`: twice the series of the inverse hyperbolic tangent of
/// `(m - 1) / (m + 1)`.
fn ln_near_one(m: f64) -> f64 {
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    // 0.1716^25 / 25 < 2^-68
    let tail = (1..12)
        .rev()
        .fold(0.0, |y, k| (y + 1.0 / f64::from(2 * k + 1)) * square);
    2.0 * s + 2.0 * s * tail
}

/// What a logarithm gives where there is none.
fn no_ln(x: f64) -> Option<f64> {
    if x.is_nan() || x < 0.0 {
        Some(f64::NAN)
    } else if x == 0.0 {
        Some(f64::NEG_INFINITY)
    } else {
        x.is_infinite().then_some(x)
    }
}

/// The natural logarithm.
#[must_use]
pub fn ln(x: f64) -> f64 {
    if let Some(special) = no_ln(x) {
        return special;
    }
    let (m, e) = split(x);
    let e = f64::from(e);
    e * LN_2_HIGH + (e * LN_2_LOW + ln_near_one(m))
}

/// The logarithm to base 2; exact at powers of two.
#[must_use]
pub fn log2(x: f64) -> f64 {
    if let Some(special) = no_ln(x) {
        return special;
    }
    let (m, e) = split(x);
    f64::from(e) + ln_near_one(m) * LOG2_E
}

/// `cos(pi t)` for `0 <= t <= 1`.
#[must_use]
pub fn cos_pi(t: f64) -> f64 {
    // The sine of what is left of a quarter turn, at most pi / 2; (pi/2)^25 / 25! < 2^-67
    let y = PI * (0.5 - t);
    let square = y * y;
    let tail = (1..12).rev().fold(1.0, |s, k| {
        1.0 - s * square / (f64::from(2 * k) * f64::from(2 * k + 1))
    });
    debug_assert!(y.abs() <= FRAC_PI_2);
    y * tail
}

/// The error function.
#[must_use]
pub fn erf(x: f64) -> f64 {
    let a = x.abs();
    let y = match a < ERF_SERIES {
        true => erf_series(a),
        false => 1.0 - erfc_fraction(a),
    };
    if x < 0.0 { -y } else { y }
}

/// The complement of the error function, `1 - erf(x)`. For `x > 2` it is right to about `x^2 2^-52` of itself; below,
/// to 2^-52.
#[must_use]
pub fn erfc(x: f64) -> f64 {
    if x >= ERF_SERIES {
        erfc_fraction(x)
    } else {
        1.0 - erf(x)
    }
}

/// `2 / sqrt(pi) e^(-x^2) sum 2^n x^(2n+1) / (1 3 5 .. (2n+1))`, whose terms are positive; for `0 <= x < 2`.
fn erf_series(x: f64) -> f64 {
    let square = x * x;
    // At x = 2 the term 50 is below 2^-90.
    let sum = (1..50)
        .rev()
        .fold(1.0, |s, n| 1.0 + s * 2.0 * square / f64::from(2 * n + 1));
    FRAC_2_SQRT_PI * x * exp(-square) * sum
}

/// `e^(-x^2) / sqrt(pi) / (x + 1/2 / (x + 2/2 / (x + 3/2 / (x + ..))))` for `x >= 2`.
fn erfc_fraction(x: f64) -> f64 {
    if x > 30.0 {
        return 0.0;
    }
    let below = (1..90).rev().fold(x, |y, k| x + f64::from(k) / 2.0 / y);
    exp(-x * x) * (FRAC_2_SQRT_PI / 2.0) / below
}

/// The distribution function of the standard normal distribution.
#[must_use]
pub fn phi(x: f64) -> f64 {
    erfc(-x / SQRT_2) / 2.0
}

/// The hyperbolic tangent.
#[must_use]
pub fn tanh(x: f64) -> f64 {
    let a = x.abs();
    // Above 20 it is 1 in 53 bits.
    let y = match a < 20.0 {
        true => {
            let e = exp_m1(2.0 * a);
            e / (e + 2.0)
        }
        false if a.is_nan() => a,
        false => 1.0,
    };
    if x < 0.0 { -y } else { y }
}

/// `1 / (1 + e^-x)`
#[must_use]
pub fn sigmoid(x: f64) -> f64 {
    if x < 0.0 {
        let e = exp(x);
        e / (1.0 + e)
    } else {
        1.0 / (1.0 + exp(-x))
    }
}

#[cfg(test)]
mod tests;
