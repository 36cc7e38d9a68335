//! Coefficients modulo a product of primes, prime by prime.

mod scale;

use core::ops::Range;

use piquet_core::wire::DecodeError;
use piquet_core::{pack, wipe_vec};

use super::ciphertext::{Ciphertext, Fresh, PublicKey};
use super::ntt::Ntt;
use super::ntt::points::Fixed;
use super::power::Power;
use super::prime::Prime;
use super::product::{Dense, Halves};
use super::sample;
use crate::PlainModulus;
use crate::backend::Seed;
use crate::map::Map;

/// The modulus q = q_1 ... q_l with what encoding and scaling need.
#[derive(Debug, Clone)]
pub(crate) struct Rns {
    ntts: Vec<Ntt>,
    /// q modulo t.
    whole: u64,
    /// 1 / t modulo q_i.
    unit: Vec<u64>,
    /// What scaling needs.
    parts: Vec<scale::Part>,
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
            parts: (primes.iter())
                .map(|p| scale::Part::new(*p, cofactor(p)))
                .collect(),
            ntts: primes
                .into_iter()
                .map(|p| Ntt::with_level(p, degree, level))
                .collect(),
            plain,
            degree,
        }
    }
    /// What is left of round(q m / t), for m below t: (q m + h - r) / t with h = floor(t/2) and r = (q m + h) mod t,
    /// where q is 0 modulo q_i. These are the r.
    fn rests(&self, message: &[u64]) -> Vec<u64> {
        let mut rests = message.to_vec();
        match self.plain {
            PlainModulus::Bits(k) => {
                let half = (1u64 << (k - 1)) & pack::mask(k);
                for m in &mut rests {
                    *m = self.whole.wrapping_mul(*m).wrapping_add(half) & pack::mask(k);
                }
            }
            PlainModulus::Prime(t) => {
                let t = Prime::new(t);
                let factor = t.factor(self.whole);
                for m in &mut rests {
                    *m = t.add(t.mul_by(*m, self.whole, factor), t.p() / 2);
                }
            }
        }
        rests
    }
    /// Sets residues modulo prime `j` to `more` and round(q m / t), from the rests of messages: (h - r) / t.
    fn scaled(&self, j: usize, rests: &[u64], more: u64, out: &mut [u64]) {
        let p = self.ntts[j].prime();
        let half = match self.plain {
            PlainModulus::Bits(k) => (1u64 << (k - 1)) & pack::mask(k),
            PlainModulus::Prime(t) => t / 2,
        };
        let unit = self.unit[j];
        out.fill(p.add(more, p.mul(p.reduce(half), unit)));
        self.ntts[j].add_multiple(out, rests, p.neg(unit));
    }
    /// Coefficients, prime by prime, scaled from q to a power of two: round(2^b c / q) modulo 2^b, one unit more or
    /// less in rare cases.
    fn scale(&self, residues: &[&[u64]], to: Power) -> Vec<u64> {
        let n = residues.first().map_or(0, |c| c.len());
        let mut out = vec![0; n * to.words];
        scale::scale(self.ntts[0].level(), &self.parts, residues, to, &mut out);
        out
    }
}

impl Rns {
    /// Number of primes.
    pub(crate) fn primes(&self) -> usize {
        self.ntts.len()
    }
    /// Uniform half number `index` of a seed, as points.
    pub(crate) fn uniform(&self, seed: &Seed, index: u64) -> Vec<u64> {
        let mut prg = sample::stream(seed, index);
        let mut out = vec![0; self.degree * self.ntts.len()];
        for (ntt, plane) in self.ntts.iter().zip(out.chunks_exact_mut(self.degree)) {
            sample::uniform(&mut prg, ntt.prime().p(), plane);
        }
        out
    }
    /// Points of round(q m / t), plus errors where there are any.
    pub(crate) fn encode(&self, message: &[u64], errors: &[i8]) -> Vec<u64> {
        let mut out = vec![0; self.degree * self.ntts.len()];
        let mut rests = self.rests(message);
        // Coefficients that are not given are 0.
        let zero = self.rests(&[0]);
        rests.extend(
            zero.iter()
                .cycle()
                .take(self.degree.saturating_sub(rests.len())),
        );
        for (j, plane) in out.chunks_exact_mut(self.degree).enumerate() {
            self.scaled(j, &rests, 0, plane);
            self.ntts[j].add_small(plane, errors);
            self.ntts[j].forward(plane);
        }
        wipe_vec(&mut rests);
        out
    }
    /// Points of a ternary secret, or of another small polynomial.
    pub(crate) fn key(&self, s: &[i8]) -> Vec<u64> {
        let mut out = vec![0; self.degree * self.ntts.len()];
        for (ntt, out) in self.ntts.iter().zip(out.chunks_exact_mut(self.degree)) {
            ntt.add_small(out, s);
            ntt.forward(out);
        }
        out
    }
    /// A half of a public key as it multiplies: fixed points, then their factors.
    pub(crate) fn public(&self, mut half: Vec<u64>) -> Vec<u64> {
        let n = self.degree;
        let words = half.len();
        half.resize(2 * words, 0);
        let (values, factors) = half.split_at_mut(words);
        let planes = values.chunks_exact_mut(n).zip(factors.chunks_exact_mut(n));
        for (ntt, (values, factors)) in self.ntts.iter().zip(planes) {
            ntt.fix(values, factors);
        }
        half
    }
    /// What [`Self::public`] made, for prime `j`.
    fn fixed<'a>(&self, j: usize, key: &'a [u64]) -> Fixed<'a> {
        let (values, factors) = key.split_at(key.len() / 2);
        [values, factors].map(|x| &x[j * self.degree..][..self.degree])
    }
    /// Subtracts the uniform half times the secret.
    pub(crate) fn mask(&self, plain: &mut [u64], uniform: &[u64], key: &[u64]) {
        let n = self.degree;
        let planes = plain.chunks_exact_mut(n).zip(uniform.chunks_exact(n));
        let planes = planes.zip(key.chunks_exact(n));
        for (ntt, ((plain, uniform), key)) in self.ntts.iter().zip(planes) {
            ntt.subtract_product(plain, uniform, key);
        }
    }
    /// Adds what [`Self::encode`] made.
    pub(crate) fn add(&self, first: &mut [u64], plain: &[u64]) {
        let n = self.degree;
        let planes = first.chunks_exact_mut(n).zip(plain.chunks_exact(n));
        for (ntt, (first, plain)) in self.ntts.iter().zip(planes) {
            ntt.add(first, plain);
        }
    }
    fn bits(&self, j: usize) -> u32 {
        u64::BITS - self.ntts[j].prime().p().leading_zeros()
    }
    pub(crate) fn write(&self, planes: &[u64], out: &mut Vec<u8>) {
        for (j, plane) in planes.chunks_exact(self.degree).enumerate() {
            let mut p = pack::Packer::new(out, self.bits(j));
            p.push(plane);
            p.finish();
        }
    }
    /// Reads a half from just its bytes.
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<Vec<u64>, DecodeError> {
        let n = self.degree;
        let mut out = vec![0; n * self.ntts.len()];
        let mut rest = bytes;
        for (j, plane) in out.chunks_exact_mut(n).enumerate() {
            let k = self.bits(j);
            let (head, tail) = rest.split_at((n * k as usize).div_ceil(8));
            rest = tail;
            pack::Unpacker::new(head, n, k)?.pull(plane);
            if plane.iter().any(|x| *x >= self.ntts[j].prime().p()) {
                return Err(DecodeError::Range("coefficient of a ciphertext"));
            }
        }
        Ok(out)
    }
    /// A server's polynomials as they multiply.
    pub(crate) fn prepare(&self, map: &Map, values: &[i64]) -> Dense {
        Dense::prepare(&self.ntts, map, values)
    }
    /// Outputs as points, both halves, from the points of the inputs.
    pub(crate) fn multiply(
        &self,
        inputs: &[Halves<'_>],
        weights: &Dense,
        outs: Range<usize>,
    ) -> Vec<[Vec<u64>; 2]> {
        weights.multiply(&self.ntts, inputs, outs)
    }
    /// Both halves of a response, the first one at the positions, with fresh randomness.
    pub(crate) fn respond(
        &self,
        key: &PublicKey,
        ciphertext: Ciphertext,
        positions: &[u32],
        fresh: &Fresh,
        [to_first, to_second]: [Power; 2],
    ) -> [Vec<u64>; 2] {
        let n = self.degree;
        let Ciphertext {
            mut first,
            mut second,
        } = ciphertext;
        let mut u = self.key(&fresh.ternary);
        // What is added at the positions: masks, and floods, the highest word of which is signed: taken as unsigned, 2^63
        // too large.
        let count = positions.len();
        let mut rests = self.rests(&fresh.masks);
        let mut floods = fresh.floods.clone();
        let low = floods.len().saturating_sub(count);
        floods[low..].iter_mut().for_each(|x| *x ^= 1 << 63);
        let (lows, highs) = floods.split_at(low);
        let weight = if lows.is_empty() { 1 } else { 1 << 64 };
        let excess = if highs.is_empty() { 0 } else { weight << 63 };
        let mut added = vec![0; count];
        let mut chosen = vec![0; count * self.ntts.len()];
        for (j, ntt) in self.ntts.iter().enumerate() {
            let p = ntt.prime();
            let range = j * n..(j + 1) * n;
            let u = &u[range.clone()];
            let (first, second) = (&mut first[range.clone()], &mut second[range]);
            ntt.multiply_add(first, u, self.fixed(j, &key.first));
            ntt.multiply_add(second, u, self.fixed(j, &key.second));
            ntt.inverse(first);
            ntt.inverse(second);
            ntt.add_small(second, &fresh.second);
            if rests.is_empty() {
                added.fill(0);
            } else {
                self.scaled(j, &rests, p.neg(p.reduce_wide(excess)), &mut added);
                ntt.add_multiple(&mut added, lows, 1);
                ntt.add_multiple(&mut added, highs, p.reduce_wide(weight));
            }
            ntt.add_small(&mut added, &fresh.first);
            let chosen = &mut chosen[j * count..][..count];
            for (c, at) in chosen.iter_mut().zip(positions) {
                *c = first[*at as usize];
            }
            ntt.add(chosen, &added);
        }
        for secret in [&mut u, &mut floods, &mut rests, &mut added] {
            wipe_vec(secret);
        }
        let planes = |x: &[u64], n: usize, to: Power| {
            let planes: Vec<&[u64]> = (0..self.ntts.len()).map(|j| &x[j * n..][..n]).collect();
            self.scale(&planes, to)
        };
        [
            planes(&chosen, count, to_first),
            planes(&second, n, to_second),
        ]
    }
}

#[cfg(feature = "testing")]
impl Rns {
    /// Integers of least absolute value from points, exact where they are below 2^127.
    pub(crate) fn integers(&self, mut planes: Vec<u64>) -> Vec<i128> {
        let n = self.degree;
        for (ntt, plane) in self.ntts.iter().zip(planes.chunks_exact_mut(n)) {
            ntt.inverse(plane);
        }
        let mut out = vec![0; n];
        for (i, out) in out.iter_mut().enumerate() {
            // Mixed radix, digit by digit; the last digit says which side of zero it is.
            let (mut value, mut radix, mut last) = (0u128, 1u128, 0);
            for (j, ntt) in self.ntts.iter().enumerate() {
                let p = ntt.prime();
                let mut digit = planes[j * n + i];
                for (k, before) in self.ntts[..j].iter().enumerate() {
                    let d = planes[k * n + i];
                    digit = p.mul(
                        p.sub(digit, p.reduce(d)),
                        p.inverse(p.reduce(before.prime().p())),
                    );
                }
                planes[j * n + i] = digit;
                value = value.wrapping_add(radix.wrapping_mul(digit.into()));
                radix = radix.wrapping_mul(p.p().into());
                last = 2 * digit / p.p();
            }
            *out = value.wrapping_sub(radix * u128::from(last)) as i128;
        }
        out
    }
}
