//! The real functions, in double precision and the same on every platform: only sums, products, quotients and square
//! roots, which IEEE 754 rounds in one way. Their errors are below 10^-14 of the largest value that a caller asks
//! for; the tables that are made from them need 10^-6 units of the last place.

/// ln 2 in two parts; the first has zeros at its end, so that its product with a small integer is exact.
const LN2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];

/// e^x. By e^x = 2^k e^r with |r| <= ln 2 / 2 and the series of e^r.
pub(super) fn exp(x: f64) -> f64 {
    if x < -700.0 {
        return 0.0;
    }
    let x = x.min(700.0);
    let k = (x / core::f64::consts::LN_2 + 0.5).floor();
    let r = (x - k * LN2[0]) - k * LN2[1];
    let mut sum = 1.0;
    for i in (1..=16).rev() {
        sum = 1.0 + sum * r / f64::from(i);
    }
    // k is within -1010 and 1010, so that 2^k is a normal number.
    sum * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

/// 1 / (1 + e^-x)
pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent.
pub(super) fn tanh(x: f64) -> f64 {
    1.0 - 2.0 / (1.0 + exp(2.0 * x))
}

/// The probability that a standard normal variable exceeds x >= 0.
///
/// 1/2 less the density times the sum of x^(2i + 1) / (1 · 3 · ... · (2i + 1)), whose terms are positive.
pub(super) fn normal_tail(x: f64) -> f64 {
    if x > 10.0 {
        return 0.0;
    }
    let (mut term, mut sum, mut i) = (x, x, 1.0);
    while term > 1e-18 * sum {
        i += 2.0;
        term *= x * x / i;
        sum += term;
    }
    let density = exp(-0.5 * x * x) / (2.0 * core::f64::consts::PI).sqrt();
    (0.5 - density * sum).max(0.0)
}
