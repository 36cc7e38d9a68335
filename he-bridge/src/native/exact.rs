//! Products modulo 2^b of a polynomial with a ternary one: exact over the integers, through enough primes.
//!
//! A product's coefficients are sums of N residues below 2^b with signs, so that |X| < N 2^b. The primes' product M
//! is at least 4 N 2^b, and X is found from its residues x_j by the fractional form of the Chinese remainder theorem:
//! with y_j = x_j (M / p_j)^-1 modulo p_j,
//!
//!   X = sum_j y_j (M / p_j) - v M,    sum_j y_j / p_j = v + X / M,    |X / M| < 1/4,
//!
//! so that v is the sum of the fractions rounded to the nearest integer, for which 49 bits of each are plenty.
//! Everything else is modulo 2^b. The factors (M / p_j)^-1 are part of the ternary polynomial's points.

#[cfg(target_arch = "x86_64")]
mod ifma;
mod kernel;

use piquet_core::cpu::Level;

use super::ntt::Ntt;
use super::power::{LIMB, Power};
use super::prime::{Prime, ntt_primes};
use kernel::Lift;

/// Transforms for products modulo 2^b at one degree.
#[derive(Debug, Clone)]
pub(crate) struct Exact {
    power: Power,
    degree: usize,
    level: Level,
    ntts: Vec<Ntt>,
    /// For prime j, (M / p_j)^-1 modulo it.
    inverses: Vec<u64>,
    lift: Lift,
}

impl Exact {
    pub(crate) fn new(power: Power, degree: usize, level: Level) -> Self {
        // All primes are above 2^49 and hardly below 2^50: one for every 50 bits, unless the last is almost needed
        // whole.
        let bits = power.bits + degree.trailing_zeros() + 2;
        let mut count = bits.div_ceil(50) as usize;
        let found = loop {
            let found = ntt_primes(degree, 50, count);
            let have: f64 = found.iter().map(|p| (*p as f64).log2()).sum();
            if have >= f64::from(bits) + 1e-6 {
                break found;
            }
            count += 1;
        };
        let primes: Vec<Prime> = found.into_iter().map(Prime::new).collect();
        let inverses = (primes.iter().enumerate())
            .map(|(j, p)| {
                let others = primes.iter().enumerate().filter(|(i, _)| *i != j);
                p.inverse(others.fold(1, |x, (_, q)| p.mul(x, p.reduce(q.p()))))
            })
            .collect();
        let moduli: Vec<u64> = primes.iter().map(Prime::p).collect();
        Self {
            power,
            degree,
            level,
            ntts: primes
                .into_iter()
                .map(|p| Ntt::with_level(p, degree, level))
                .collect(),
            inverses,
            lift: Lift::new(power, &moduli),
        }
    }
    /// Number of primes.
    pub(crate) fn primes(&self) -> usize {
        self.ntts.len()
    }
    /// Points of a polynomial modulo 2^b, prime by prime.
    pub(crate) fn points(&self, planes: &[u64]) -> Vec<u64> {
        let n = self.degree;
        let mut out = vec![0; self.ntts.len() * n];
        for (ntt, out) in self.ntts.iter().zip(out.chunks_exact_mut(n)) {
            kernel::reduce(self.level, self.power, planes, ntt.prime(), out);
            ntt.forward(out);
        }
        out
    }
    /// Points of a ternary polynomial as it multiplies, prime by prime.
    pub(crate) fn ternary(&self, s: &[i8]) -> Vec<u64> {
        let n = self.degree;
        let mut out = vec![0; self.ntts.len() * n];
        let primes = self.ntts.iter().zip(&self.inverses);
        for ((ntt, inverse), out) in primes.zip(out.chunks_exact_mut(n)) {
            kernel::ternary(self.level, *inverse, ntt.prime(), s, out);
            ntt.forward(out);
        }
        out
    }
    /// The product modulo 2^b of a polynomial with a ternary one, from the points of both.
    pub(crate) fn product(&self, a: &[u64], ternary: &[u64]) -> Vec<u64> {
        let n = self.degree;
        let mut c = vec![0; self.ntts.len() * n];
        for (j, (ntt, c)) in self.ntts.iter().zip(c.chunks_exact_mut(n)).enumerate() {
            let at = j * n..(j + 1) * n;
            kernel::mul(self.level, ntt.prime(), &a[at.clone()], &ternary[at], c);
            ntt.inverse(c);
        }
        self.lift.lift(self.level, &mut c, n);
        c.truncate(self.power.words * n);
        c
    }
}

/// Residues modulo 2^b of integers in `words` of 52 bits, or of the lowest 64 bits in one word: times `factor` <
/// 2^52.
fn times(power: Power, x: [u64; 4], factor: u64) -> [u64; 4] {
    let mut out = [0; 4];
    if power.words == 1 {
        out[0] = x[0].wrapping_mul(factor);
        return out;
    }
    let mut carry = 0u128;
    for w in 0..power.words {
        carry += u128::from(x[w]) * u128::from(factor);
        out[w] = carry as u64 & ((1 << LIMB) - 1);
        carry >>= LIMB;
    }
    out
}

#[cfg(test)]
mod tests;
