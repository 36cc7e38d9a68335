//! How far the noise of a packed product can reach.
//!
//! Let a be the levels at inputs and b those at products, B the bound on weights, c the columns, n the rows of a
//! polynomial. Messages are scaled so that the sum over the 2^a automorphisms at inputs brings them to q / t;
//! products are made from ciphertexts that were multiplied by 2^-b modulo q, which the levels at products undo
//! exactly, for what they met. So:
//!
//! * the client's errors and both parties' roundings of x (at most one unit together) arrive as 2^a times their
//!   product with one row of weights: deviations of 2^a B sigma sqrt(n c), and 2^a B c at worst;
//! * a key switching at products leaves an error f that later levels double: every wanted coefficient meets one of
//!   them at each level, so that they add up to the deviation of f times sqrt(1 + 4 + .. + 4^(b-1));
//! * a key switching at inputs leaves an error that meets the factors F_e = sum X^(h_i) tau_e(w_i), one for every
//!   subset e of the a levels. As X^(h_i - h_j) has trace 0 for i != j, sum |F_e|^2 = 2^a sum |w_i|^2 <= 4^a n c B^2
//!   (Parseval over the levels' group). An error made at level l (from 0) meets the 2^(a-1-l) factors that follow it,
//!   with a vector whose square is at most 2^(a-1-l) times the sum of theirs (Cauchy, Schwarz); over all errors these
//!   are (2^a - 1) 4^a n c B^2.
//!
//! An error f of one key switching is sum d_i e_i / P + r_0 + r_1 s with digits d_i uniform over q_i values and
//! roundings r uniform over one unit, under the assumption that c_1 and the sums are (they are pseudorandom): both
//! are sub-Gaussian with their variances, q_i^2 / 12 and 1/12. <v, f> for a vector v of length 1 is then sub-Gaussian
//! with sum q_i^2 |e_i|^2 / (12 P^2) + (1 + |s|^2) / 12, where |s| is the largest absolute value of s at the 2 N-th
//! roots of unity. Real and imaginary part of such a value of N independent coefficients of variance V are
//! sub-Gaussian with V N / 2, so that with y = 2 ln 2 (61 + log2 N) all of them are below V N y, but for a
//! probability of 2^-60 for the key: V = 2/3 for s, 10.5 for e_i.

use super::plan::Plan;
use crate::noise::{self, Bound, Noise};

/// Square of the largest value of a random polynomial at the roots of unity, its coefficients having this variance.
fn spectrum(degree: usize, variance: f64) -> f64 {
    let n = degree as f64;
    let y = 2.0 * core::f64::consts::LN_2 * (1.0 - f64::from(noise::FAILURE) + n.log2());
    variance * n * y
}

/// Deviation of the error of one key switching, against any vector of length 1.
pub(crate) fn switch(degree: usize, primes: &[u64], special: u64) -> f64 {
    let digits: f64 = (primes.iter())
        .map(|q| (*q as f64 / special as f64).powi(2))
        .sum();
    let errors = digits * spectrum(degree, noise::sigma().powi(2));
    ((errors + 1.0 + spectrum(degree, 2.0 / 3.0)) / 12.0).sqrt()
}

/// Noise of a packed product before it is masked, for weights of at most `weight`.
pub(crate) fn product(plan: &Plan, weight: u64, primes: &[u64], special: u64) -> Noise {
    let (weight, cols) = (weight as f64, plan.cols() as f64);
    let inner = f64::from(plan.inner()).exp2();
    let outer = f64::from(plan.outer()).exp2();
    let length = inner * weight * (plan.rows_each() as f64 * cols).sqrt();
    let switch = switch(plan.degree(), primes, special);
    let at_inputs = (inner - 1.0).sqrt() * length * switch;
    // 1 + 4 + .. + 4^(b - 1)
    let at_products = ((outer * outer - 1.0) / 3.0).sqrt() * switch;
    Noise {
        worst: inner * weight * cols,
        spread: (length * noise::sigma())
            .hypot(at_inputs)
            .hypot(at_products),
    }
}

/// A bound that allows for this noise: that of a single term, by which parameters can be had for what is no product
/// of their kind.
pub(crate) fn cover(noise: Noise) -> Bound {
    Bound {
        weight: noise.worst.max(noise.spread / noise::sigma()).ceil() as u64,
        terms: 1,
        useful: 1,
    }
}
