//! How far noise can reach, from public bounds alone.
//!
//! Errors are drawn from the centred binomial distribution of 42 coins ([`ETA`] = 21): variance 10.5, sigma = 3.24. It is
//! a sum of 42 centred coins of half a unit, hence sub-Gaussian with its variance as parameter, and so is every sum of
//! independent errors with fixed factors: P(|sum| > z sigma |factors|) <= 2 exp(-z^2 / 2). [`TAIL`] is the z at which this is
//! 2^-60 for one coefficient. Rounding to fewer bits adds an error that is uniform over one unit (under the
//! assumption that the uniform half is), sub-Gaussian with its variance of 1/12.

/// Coins on either side of an error: e = (heads of 21) - (heads of 21 others).
pub const ETA: u32 = 21;
/// log2 of the probability that one coefficient's noise exceeds what is calculated here.
pub const FAILURE: i32 = -60;
/// log2 of the statistical distance, per coefficient, that flooding leaves.
pub const FLOODING: i32 = -40;

/// Standard deviation of an error.
#[must_use]
pub fn sigma() -> f64 {
    (f64::from(ETA) / 2.0).sqrt()
}

/// Standard deviations that are exceeded with a probability of 2^[`FAILURE`] at most: 2 exp(-z^2/2) = 2^FAILURE.
#[must_use]
pub fn tail() -> f64 {
    (2.0 * core::f64::consts::LN_2 * (1.0 - f64::from(FAILURE))).sqrt()
}

/// What a server declares of its weights, in public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bound {
    /// No weight is larger in absolute value.
    pub weight: u64,
    /// Products of a weight with an input coefficient that add up in one coefficient of a response, whether or not
    /// that input coefficient holds a message: number of input polynomials times terms of a plaintext polynomial.
    pub terms: u64,
    /// Those of them that meet a message.
    pub useful: u64,
}

/// Noise of a product before anything is added: weights times errors, and weights times the rounding of messages to the
/// ciphertext modulus (`rounded`; none where t divides q), once by the client and once by the server.
#[must_use]
pub fn product(bound: Bound, rounded: bool) -> f64 {
    let weight = bound.weight as f64;
    let errors = weight * (bound.terms as f64).sqrt() * sigma() * tail();
    let rounding = if rounded {
        weight * bound.useful as f64
    } else {
        0.0
    };
    errors + rounding
}

/// Noise of a fresh encryption of zero under the public key, e u + e_0 + e_1 s with ternary u and s, and half a unit of
/// rounding of the mask.
#[must_use]
pub fn rerandomise(degree: usize) -> f64 {
    let ternary = (degree as f64).sqrt();
    sigma() * tail() * (2.0 * ternary + 1.0) + 0.5
}

/// log2 of the half-width of the flooding that hides noise of up to `noise`: a shift by `noise` of the uniform
/// distribution over 2 F values changes it by noise / (2 F).
#[must_use]
pub fn flooding_bits(noise: f64) -> u32 {
    (noise.log2() - f64::from(FLOODING) - 1.0).ceil().max(0.0) as u32
}

/// What rounding both halves to the response's moduli adds, in units of the first half's lowest bit before its own rounding: the
/// uniform half's error meets every coefficient of the secret.
#[must_use]
pub fn response_rounding(degree: usize) -> f64 {
    tail() * (degree as f64 / 12.0).sqrt() + 0.5
}
