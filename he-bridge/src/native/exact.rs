//! Products modulo 2^b of a polynomial with a ternary one: exact over the integers, through enough primes.
//!
//! Coefficients are taken to their representatives of least absolute value, so that the product's are below N 2^(b-1); the primes'
//! product is more than four times that.

use super::ntt::Ntt;
use super::power::Power;
use super::prime::{Prime, ntt_primes};

/// Transforms for products modulo 2^b at one degree.
#[derive(Debug, Clone)]
pub(crate) struct Exact {
    power: Power,
    degree: usize,
    ntts: Vec<Ntt>,
    /// For prime i: the inverses modulo it of the primes before it.
    inverses: Vec<Vec<u64>>,
}

impl Exact {
    pub(crate) fn new(power: Power, degree: usize, level: piquet_core::cpu::Level) -> Self {
        let bits = power.bits + degree.trailing_zeros() + 2;
        let count = bits.div_ceil(49) as usize;
        let primes: Vec<Prime> = ntt_primes(degree, 50, count)
            .into_iter()
            .map(Prime::new)
            .collect();
        let inverses = (primes.iter().enumerate())
            .map(|(i, p)| {
                primes[..i]
                    .iter()
                    .map(|q| p.inverse(p.reduce(q.p())))
                    .collect()
            })
            .collect();
        Self {
            power,
            degree,
            ntts: primes
                .into_iter()
                .map(|p| Ntt::with_level(p, degree, level))
                .collect(),
            inverses,
        }
    }
    /// Points of a polynomial modulo 2^b, prime by prime.
    pub(crate) fn points(&self, planes: &[u64]) -> Vec<u64> {
        let mut out = vec![0; self.ntts.len() * self.degree];
        let (half, mask) = (1u128 << (self.power.bits - 1), ones(self.power.bits));
        for (ntt, out) in self.ntts.iter().zip(out.chunks_exact_mut(self.degree)) {
            let p = ntt.prime();
            let shift = p.reduce_wide(half);
            for (i, o) in out.iter_mut().enumerate() {
                let x = self.power.get(planes, i).wrapping_add(half) & mask;
                *o = p.sub(p.reduce_wide(x), shift);
            }
            ntt.forward(out);
        }
        out
    }
    /// Points of a ternary polynomial, prime by prime.
    pub(crate) fn ternary(&self, s: &[i8]) -> Vec<u64> {
        let mut out = vec![0; self.ntts.len() * self.degree];
        for (ntt, out) in self.ntts.iter().zip(out.chunks_exact_mut(self.degree)) {
            for (o, s) in out.iter_mut().zip(s) {
                *o = ntt.prime().reduce_signed((*s).into());
            }
            ntt.forward(out);
        }
        out
    }
    /// The product modulo 2^b of two polynomials of which these are points.
    pub(crate) fn product(&self, a: &[u64], b: &[u64]) -> Vec<u64> {
        let n = self.degree;
        let mut c = vec![0; a.len()];
        for (j, ntt) in self.ntts.iter().enumerate() {
            let c = &mut c[j * n..][..n];
            for ((c, a), b) in c.iter_mut().zip(&a[j * n..]).zip(&b[j * n..]) {
                *c = ntt.prime().mul(*a, *b);
            }
            ntt.inverse(c);
        }
        self.lift(&c)
    }
    /// From residues, prime by prime, to the integer of least absolute value modulo 2^b: mixed radix (Garner).
    fn lift(&self, residues: &[u64]) -> Vec<u64> {
        let n = self.degree;
        let mut planes = vec![0; n * self.power.words];
        let whole: u128 = (self.ntts.iter()).fold(1, |a, t| a.wrapping_mul(t.prime().p().into()));
        let mut digits = vec![0; self.ntts.len()];
        for i in 0..n {
            let (mut value, mut radix) = (0u128, 1u128);
            for (j, ntt) in self.ntts.iter().enumerate() {
                let p = ntt.prime();
                let mut d = residues[j * n + i];
                for (before, inverse) in digits[..j].iter().zip(&self.inverses[j]) {
                    d = p.mul(p.sub(d, p.reduce(*before)), *inverse);
                }
                digits[j] = d;
                value = value.wrapping_add(radix.wrapping_mul(d.into()));
                radix = radix.wrapping_mul(p.p().into());
            }
            // The top digit says on which side of half the primes' product the value is: it is not near to it.
            let last = digits[digits.len() - 1];
            let half = self.ntts[digits.len() - 1].prime().p() / 2;
            let negative = u128::from(half.wrapping_sub(last) >> 63).wrapping_neg();
            self.power
                .set(&mut planes, i, value.wrapping_sub(whole & negative));
        }
        planes
    }
}

/// 2^b - 1, b in 1..=128.
fn ones(b: u32) -> u128 {
    u128::MAX >> (128 - b)
}
