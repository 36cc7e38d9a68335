//! How far noise can reach, from public bounds alone.
//!
//! Errors are drawn from the centred binomial distribution of 42 coins ([`ETA`] = 21): variance 10.5, sigma = 3.24.
//! It is a sum of 42 independent values of +-1/2, each sub-Gaussian with its variance 1/4 as parameter (Hoeffding),
//! hence sub-Gaussian with parameter 10.5, and a sum of independent errors times fixed factors f has the parameter
//! 10.5 |f|^2: P(|sum| > z sigma |f|) <= 2 exp(-z^2 / 2). [`tail`] is the z at which this is 2^-60. What rounding to
//! fewer bits loses is uniform over one unit where the rounded polynomial is uniform; the uniform distribution is
//! sub-Gaussian with its variance 1/12 as parameter too. Sums of both kinds are taken at once, as one sub-Gaussian
//! number, and never bounded one by one.
//!
//! Ternary polynomials s and u: the number of coefficients that are not 0 is binomial with mean 2 N / 3, and above
//! [`ternary_square`] with a probability of less than 2^-60 (Hoeffding), once for each key and once for each
//! response.

use crate::Error;

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

/// Standard deviations that are exceeded with a probability of 2^[`FAILURE`] at most: 2 exp(-z^2 / 2) = 2^FAILURE.
#[must_use]
pub fn tail() -> f64 {
    (2.0 * core::f64::consts::LN_2 * (1.0 - f64::from(FAILURE))).sqrt()
}

/// What the square of the norm of a uniform ternary polynomial stays below: 2 N / 3 + x with exp(-2 x^2 / N) =
/// 2^([`FAILURE`] - 1).
#[must_use]
pub fn ternary_square(degree: usize) -> f64 {
    let n = degree as f64;
    let x = (n * core::f64::consts::LN_2 * (1.0 - f64::from(FAILURE)) / 2.0).sqrt();
    (2.0 * n / 3.0 + x).min(n)
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

/// The noise of one coefficient: a part with a bound and a sub-Gaussian part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// The one part is never larger in absolute value.
    pub worst: f64,
    /// Square root of the other part's sub-Gaussian parameter.
    pub spread: f64,
}

impl Noise {
    /// What it exceeds with a probability of 2^[`FAILURE`] at most.
    #[must_use]
    pub fn most(self) -> f64 {
        self.worst + tail() * self.spread
    }
    /// log2 of a bound on the probability that it exceeds `room`; 0 where there is none.
    #[must_use]
    pub fn failure(self, room: f64) -> f64 {
        let z = (room - self.worst).max(0.0) / self.spread;
        (1.0 - z * z / (2.0 * core::f64::consts::LN_2)).min(0.0)
    }
    /// In units of 1 / `factor`.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            worst: self.worst * factor,
            spread: self.spread * factor,
        }
    }
    /// Sum of independent ones.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            worst: self.worst + other.worst,
            spread: self.spread.hypot(other.spread),
        }
    }
}

/// Noise of a product before anything is added: weights times errors, and weights times the rounding of messages to
/// the ciphertext modulus (`rounded`; none where t divides q), by half a unit by the client and half a unit by the
/// server.
#[must_use]
pub fn product(bound: Bound, rounded: bool) -> Noise {
    let weight = bound.weight as f64;
    Noise {
        worst: if rounded {
            weight * bound.useful as f64
        } else {
            0.0
        },
        spread: weight * (bound.terms as f64).sqrt() * sigma(),
    }
}

/// Noise of a fresh encryption of zero under the public key and of the mask: e u + e_0 + e_1 s with ternary u and s,
/// half a unit of rounding of the mask, and as much of the sum of mask and result, against which a simulator measures
/// it.
#[must_use]
pub fn rerandomise(degree: usize) -> Noise {
    Noise {
        worst: 1.0,
        spread: sigma() * (2.0 * ternary_square(degree) + 1.0).sqrt(),
    }
}

/// log2 of the half-width of the flooding that hides noise of up to `noise`: a shift by `noise` of the uniform
/// distribution over 2 F integers changes it by noise / (2 F).
#[must_use]
pub fn flooding_bits(noise: f64) -> u32 {
    (noise.log2() - f64::from(FLOODING) - 1.0).ceil().max(0.0) as u32
}

/// What rounding to the response's moduli adds, in units of the second half's lowest bit: the error of the half of
/// `second` bits meets the secret; that of the first half, at its own lowest bit, is half a unit, and half a unit of
/// the lowest bit is for what scaling from a product of primes may miss.
#[must_use]
pub fn response(degree: usize, first: u32, second: u32) -> Noise {
    Noise {
        worst: (f64::from(second) - f64::from(first) - 1.0).exp2() + 0.5,
        spread: (ternary_square(degree) / 12.0).sqrt(),
    }
}

/// Refuses weights beyond the declared bound. All of them are looked at, so that time does not tell which one it is; that
/// there is one shows, here and nowhere else, and the error does not say how large it is.
#[inline(never)]
pub(crate) fn refuse_beyond(bound: u64, weights: &[i64]) -> Result<(), Error> {
    let most = weights.iter().fold(0, |m, w| m.max(w.unsigned_abs()));
    if most > bound {
        return Err(Error::Weight { bound });
    }
    Ok(())
}
