//! The negacyclic number-theoretic transform: products modulo X^N + 1 become products of points.
//!
//! Forward: a polynomial's values at the odd powers of a primitive 2 N-th root psi, in bit-reversed order: entry i is the value
//! at psi^(2 rev(i) + 1). Blocks of S = 2^s neighbouring entries are then the residues modulo X^S - zeta of one zeta, so that a
//! polynomial in X^S has one value for each block. All residues in and out are below p; what happens between is a kernel's own
//! affair. Butterflies and twiddles after Longa and Naehrig (eprint 2016/504, section 3).

use piquet_core::cpu::{self, Level};

use super::prime::Prime;

/// Tables for one prime and degree.
#[derive(Debug, Clone)]
pub struct Ntt {
    prime: Prime,
    degree: usize,
    level: Level,
    /// psi^rev(i), each with its factor.
    forward: Vec<[u64; 2]>,
    /// psi^-rev(i), each with its factor.
    inverse: Vec<[u64; 2]>,
    /// 1 / N with its factor.
    scale: [u64; 2],
}

impl Ntt {
    /// Tables for a prime that is 1 modulo twice the degree, a power of two.
    #[must_use]
    pub fn new(prime: Prime, degree: usize) -> Self {
        Self::with_level(prime, degree, cpu::level())
    }
    /// [`Ntt::new`] with the kernels of `level`.
    #[must_use]
    pub fn with_level(prime: Prime, degree: usize, level: Level) -> Self {
        let with_factor = |w: u64| [w, prime.factor(w)];
        let psi = prime.root(2 * degree as u64);
        let bits = degree.trailing_zeros();
        let table = |root: u64| {
            let mut powers = vec![[0; 2]; degree];
            let mut w = 1;
            for i in 0..degree {
                powers[i.reverse_bits() >> (usize::BITS - bits)] = with_factor(w);
                w = prime.mul(w, root);
            }
            powers
        };
        Self {
            prime,
            degree,
            level,
            forward: table(psi),
            inverse: table(prime.inverse(psi)),
            scale: with_factor(prime.inverse(degree as u64)),
        }
    }
    /// The prime.
    #[must_use]
    pub fn prime(&self) -> &Prime {
        &self.prime
    }
    /// The level whose kernels run.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }
    /// From coefficients to values, in place.
    pub fn forward(&self, x: &mut [u64]) {
        let p = &self.prime;
        let (mut blocks, mut half) = (1, self.degree / 2);
        while half > 0 {
            for (block, [w, f]) in x.chunks_exact_mut(2 * half).zip(&self.forward[blocks..]) {
                let (low, high) = block.split_at_mut(half);
                for (a, b) in low.iter_mut().zip(high) {
                    let t = p.mul_by(*b, *w, *f);
                    (*a, *b) = (p.add(*a, t), p.sub(*a, t));
                }
            }
            blocks *= 2;
            half /= 2;
        }
    }
    /// From values to coefficients, in place.
    pub fn inverse(&self, x: &mut [u64]) {
        let p = &self.prime;
        let (mut blocks, mut half) = (self.degree / 2, 1);
        while blocks > 0 {
            for (block, [w, f]) in x.chunks_exact_mut(2 * half).zip(&self.inverse[blocks..]) {
                let (low, high) = block.split_at_mut(half);
                for (a, b) in low.iter_mut().zip(high) {
                    let d = p.sub(*a, *b);
                    (*a, *b) = (p.add(*a, *b), p.mul_by(d, *w, *f));
                }
            }
            blocks /= 2;
            half *= 2;
        }
        for a in x {
            *a = p.mul_by(*a, self.scale[0], self.scale[1]);
        }
    }
}

#[cfg(test)]
mod tests;
