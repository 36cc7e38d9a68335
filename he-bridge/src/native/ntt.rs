//! The negacyclic number-theoretic transform: products modulo X^N + 1 become products of points.
//!
//! Forward: a polynomial's values at the odd powers of a primitive 2 N-th root psi, in bit-reversed order: entry i is
//! the value at psi^(2 rev(i) + 1). Blocks of S = 2^s neighbouring entries are then the residues modulo X^S - zeta of
//! one zeta, so that a polynomial in X^S has one value for each block. All residues in and out are below p; what
//! happens between is a kernel's own affair. Butterflies and twiddles after Longa and Naehrig (eprint 2016/504,
//! section 3).

#[cfg(target_arch = "x86_64")]
mod ifma;
pub mod points;
mod portable;

use piquet_core::cpu::{self, Ifma512, Level};

use super::prime::Prime;

/// The shortest transform that other kernels than the portable one do.
const SHORTEST: usize = 64;

/// Tables for one prime and degree.
#[derive(Debug, Clone)]
pub struct Ntt {
    prime: Prime,
    degree: usize,
    level: Level,
    /// Factors as [`Prime::mul_by`] wants them: all of them, or as many as the other kernels leave to these.
    portable: Roots,
    ifma: Option<(Ifma512, Roots)>,
}

/// The roots of both directions in the form of one kernel, psi^rev(i) and psi^-rev(i), each with its factor.
#[derive(Debug, Clone)]
struct Roots {
    forward: Pairs,
    inverse: Pairs,
    /// 1 / N, and the first inverse root over N.
    scale: [[u64; 2]; 2],
}

/// Roots, and the factor of each.
#[derive(Debug, Clone)]
struct Pairs {
    roots: Vec<u64>,
    factors: Vec<u64>,
}

impl Pairs {
    fn new(roots: &[u64], form: impl Fn(u64) -> [u64; 2]) -> Self {
        let (roots, factors) = roots.iter().map(|w| form(*w).into()).unzip();
        Self { roots, factors }
    }
}

impl Ntt {
    /// Tables for a prime that is 1 modulo twice the degree, a power of two from 2 to 2^13.
    #[must_use]
    pub fn new(prime: Prime, degree: usize) -> Self {
        Self::with_level(prime, degree, cpu::level())
    }
    /// [`Ntt::new`] with the kernels of `level`.
    #[must_use]
    pub fn with_level(prime: Prime, degree: usize, level: Level) -> Self {
        debug_assert!(degree.is_power_of_two() && (2..=1 << 13).contains(&degree));
        let psi = prime.root(2 * degree as u64);
        let bits = degree.trailing_zeros();
        let powers = |root: u64| {
            let mut powers = vec![0; degree];
            let mut w = 1;
            for i in 0..degree {
                powers[i.reverse_bits() >> (usize::BITS - bits)] = w;
                w = prime.mul(w, root);
            }
            powers
        };
        let (forward, inverse) = (powers(psi), powers(prime.inverse(psi)));
        let one = prime.inverse(degree as u64);
        let scale = [one, prime.mul(one, inverse[1])];
        let roots = |count: usize, form: &dyn Fn(u64) -> [u64; 2]| Roots {
            forward: Pairs::new(&forward[..count], form),
            inverse: Pairs::new(&inverse[..count], form),
            scale: scale.map(form),
        };
        let ifma = Ifma512::at(level).filter(|_| degree >= SHORTEST);
        let ifma = ifma.map(|proof| (proof, roots(degree, &|w| prime.montgomery(w))));
        let left = if ifma.is_some() { SHORTEST } else { degree };
        Self {
            prime,
            degree,
            level,
            portable: roots(left, &|w| [w, prime.factor(w)]),
            ifma,
        }
    }
    /// The prime.
    #[must_use]
    pub fn prime(&self) -> &Prime {
        &self.prime
    }
    /// N.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.degree
    }
    /// The level whose kernels run.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }
    /// From coefficients to values, in place. The length may be N / S, S a power of two: then these are the
    /// coefficients of 1, X^S, X^2S, ..., and value b is that of the S neighbours from S b on.
    ///
    /// N/2 products for each of log2 N levels.
    pub fn forward(&self, x: &mut [u64]) {
        debug_assert!(x.len().is_power_of_two() && x.len() <= self.degree);
        match &self.ifma {
            #[cfg(target_arch = "x86_64")]
            Some((proof, roots)) if x.len() >= SHORTEST => {
                ifma::forward(*proof, self.table(&roots.forward, roots.scale), x);
            }
            _ => portable::forward(&self.prime, &self.portable.forward, x),
        }
    }
    /// [`Ntt::forward`] of several polynomials of `length` coefficients, one after the other.
    pub fn forward_many(&self, x: &mut [u64], length: usize) {
        x.chunks_exact_mut(length).for_each(|x| self.forward(x));
    }
    /// From N values to coefficients, in place.
    pub fn inverse(&self, x: &mut [u64]) {
        debug_assert_eq!(x.len(), self.degree);
        match &self.ifma {
            #[cfg(target_arch = "x86_64")]
            Some((proof, roots)) => {
                ifma::inverse(*proof, self.table(&roots.inverse, roots.scale), x)
            }
            _ => portable::inverse(&self.prime, &self.portable.inverse, self.portable.scale, x),
        }
    }
    #[cfg(target_arch = "x86_64")]
    fn table<'a>(&self, pairs: &'a Pairs, scale: [[u64; 2]; 2]) -> ifma::Roots<'a> {
        ifma::Roots {
            p: self.prime.p(),
            roots: &pairs.roots,
            factors: &pairs.factors,
            scale,
        }
    }
}

#[cfg(test)]
mod tests;
