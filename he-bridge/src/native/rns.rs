//! Coefficients modulo a product of primes, prime by prime.

use super::ntt::Ntt;
use super::power::Power;
use super::prime::Prime;
use crate::PlainModulus;
use crate::map::Map;

/// The modulus q = q_1 ... q_l with what encoding and scaling need.
#[derive(Debug, Clone)]
pub(crate) struct Rns {
    pub(crate) ntts: Vec<Ntt>,
    /// q modulo t.
    whole: u64,
    /// 1 / t modulo q_i.
    unit: Vec<u64>,
    /// 1 / (q / q_i) modulo q_i.
    cofactor: Vec<u64>,
    /// floor(2^128 / q_i).
    fraction: Vec<u128>,
    plain: PlainModulus,
    degree: usize,
}

impl Rns {
    pub(crate) fn new(
        primes: &[u64],
        plain: PlainModulus,
        degree: usize,
        level: piquet_core::cpu::Level,
    ) -> Self {
        let primes: Vec<Prime> = primes.iter().map(|p| Prime::new(*p)).collect();
        let modulo = |m: u128| primes.iter().fold(1, |a, p| a * u128::from(p.p()) % m) as u64;
        let t = match plain {
            PlainModulus::Bits(k) => 1u128 << k,
            PlainModulus::Prime(t) => t.into(),
        };
        let cofactor = |p: &Prime| {
            let others = primes.iter().filter(|q| *q != p);
            p.inverse(others.fold(1, |a, q| p.mul(a, p.reduce(q.p()))))
        };
        Self {
            whole: modulo(t),
            unit: primes.iter().map(|p| p.inverse(p.reduce_wide(t))).collect(),
            cofactor: primes.iter().map(cofactor).collect(),
            fraction: primes
                .iter()
                .map(|p| u128::MAX / u128::from(p.p()))
                .collect(),
            ntts: primes
                .into_iter()
                .map(|p| Ntt::with_level(p, degree, level))
                .collect(),
            plain,
            degree,
        }
    }
    /// round(q m / t) modulo prime i, for m below t: (q m + h - r) / t with h = floor(t/2) and r = (q m + h) mod t, where q is 0
    /// modulo q_i.
    pub(crate) fn encode(&self, i: usize, m: u64) -> u64 {
        let p = self.ntts[i].prime();
        let (half, r) = match self.plain {
            PlainModulus::Bits(k) => {
                let half = (1u64 << (k - 1)) & piquet_core::pack::mask(k);
                let r = self.whole.wrapping_mul(m).wrapping_add(half);
                (half, self.plain.reduce(r))
            }
            PlainModulus::Prime(t) => {
                let r = u128::from(self.whole) * u128::from(m) + u128::from(t / 2);
                (t / 2, (r % u128::from(t)) as u64)
            }
        };
        p.mul(p.sub(p.reduce(half), p.reduce(r)), self.unit[i])
    }
    /// Coefficients, prime by prime, scaled from q to a power of two: round(2^b c / q) modulo 2^b, one unit more or less in
    /// rare cases. c / q is the sum of the fractions (c_i / (q / q_i) mod q_i) / q_i, modulo 1.
    pub(crate) fn scale(
        &self,
        residues: &[u64],
        positions: impl Iterator<Item = usize>,
        to: Power,
    ) -> Vec<u64> {
        let n = self.degree;
        let scaled: Vec<u128> = positions
            .map(|at| {
                let sum = self.ntts.iter().enumerate().fold(0u128, |sum, (i, ntt)| {
                    let y = ntt.prime().mul(residues[i * n + at], self.cofactor[i]);
                    sum.wrapping_add(self.fraction[i].wrapping_mul(y.into()))
                });
                sum.wrapping_add(1 << (127 - to.bits)) >> (128 - to.bits)
            })
            .collect();
        let mut planes = vec![0; scaled.len() * to.words];
        for (i, x) in scaled.into_iter().enumerate() {
            to.set(&mut planes, i, x);
        }
        planes
    }
}

/// A server's polynomials: terms, transformed when they are used.
#[derive(Debug, Clone)]
pub(crate) struct Dense {
    map: Map,
    values: Vec<i64>,
}

impl Dense {
    pub(crate) fn prepare(map: &Map, values: &[i64]) -> Self {
        Self {
            map: map.clone(),
            values: values.to_vec(),
        }
    }
}

impl Rns {
    /// One output: points, prime by prime, from the points of the inputs.
    pub(crate) fn multiply(&self, inputs: &[&[u64]], weights: &Dense, out: usize) -> Vec<u64> {
        let n = self.degree;
        let map = &weights.map;
        let terms = map.exponents.len();
        let mut sum = vec![0; n * self.ntts.len()];
        for (j, ntt) in self.ntts.iter().enumerate() {
            let p = ntt.prime();
            for (i, input) in inputs.iter().enumerate() {
                let mut w = vec![0; n];
                let values = &weights.values[(out * map.ins + i) * terms..][..terms];
                for (e, v) in map.exponents.iter().zip(values) {
                    let (place, negative) = Map::place(*e, n);
                    let v = p.reduce_signed(*v);
                    w[place] = if negative { p.neg(v) } else { v };
                }
                ntt.forward(&mut w);
                for ((s, x), w) in sum[j * n..].iter_mut().zip(&input[j * n..][..n]).zip(&w) {
                    *s = p.add(*s, p.mul(*x, *w));
                }
            }
        }
        sum
    }
}
