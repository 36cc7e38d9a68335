//! Automorphisms of ciphertexts, and the key switching that brings them back under their key.
//!
//! tau_g takes X to X^g, g odd. tau_g(c_0) + tau_g(c_1) tau_g(s) is the phase of the image; a switching key replaces
//! tau_g(s) by s: for every prime q_i of q it holds (k_i0, k_i1) modulo q P with k_i0 + k_i1 s = e_i + P u_i
//! tau_g(s), where u_i is 1 modulo q_i and 0 modulo the others, and P one more prime. With d_i the residues of
//! tau_g(c_1) modulo q_i, between -q_i/2 and q_i/2, the sums of d_i k_i0 and of d_i k_i1, divided by P and rounded,
//! are an encryption of tau_g(c_1) tau_g(s) whose noise is that of sum d_i e_i / P and of the rounding: what a single
//! factor of c_1 would multiply by q is multiplied by q_i / P. Residues as digits are from Bajard, Eynard, Hasan and
//! Zucca (eprint 2016/510), the factor P from Gentry, Halevi and Smart (eprint 2012/099).
//!
//! Keys hide s if RLWE with modulus q P is hard, and stays so when images of the key are encrypted under itself
//! (circular security, as for all such keys). Uniform halves k_i1 are expanded from a seed. Constant time: what is
//! computed follows from shapes.

use core::fmt;

use piquet_core::cpu::Level;
use piquet_core::wire::DecodeError;
use piquet_core::{Prg, wipe, wipe_vec};

use crate::PlainModulus;
use crate::backend::Seed;
use crate::native::Ciphertext;
use crate::native::ntt::Ntt;
use crate::native::prime::Prime;
use crate::native::rns::Rns;
use crate::native::sample;

/// What was done, to be held against what was predicted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    /// Key switchings.
    pub(crate) switches: usize,
    /// Transforms.
    pub(crate) transforms: usize,
}

/// Tables for ciphertexts modulo q and keys modulo q P.
#[derive(Debug, Clone)]
pub(crate) struct Galois {
    degree: usize,
    /// Of the primes of q, and of P.
    pub(crate) ntts: Vec<Ntt>,
    wide: Rns,
    /// P modulo q_j.
    special: Vec<u64>,
    /// 1 / P modulo q_j, with its factor.
    inverse: Vec<[u64; 2]>,
}

/// The key of one automorphism: for every digit both halves, as points modulo all primes.
pub(crate) struct Key {
    digits: Vec<[Vec<u64>; 2]>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// An automorphism on points: entry i comes from this entry.
#[derive(Debug, Clone)]
pub(crate) struct Automorphism(Vec<u32>);

impl Automorphism {
    /// Point i is the value at psi^(2 rev(i) + 1); the image's value there is the value at that to the power of g.
    pub(crate) fn new(degree: usize, g: usize) -> Self {
        let drop = usize::BITS - degree.ilog2();
        let reverse = |i: usize| i.reverse_bits() >> drop;
        Self(
            (0..degree)
                .map(|i| reverse((g * (2 * reverse(i) + 1)) % (2 * degree) / 2) as u32)
                .collect(),
        )
    }
    /// Points of the image, for any number of planes.
    pub(crate) fn apply(&self, points: &[u64]) -> Vec<u64> {
        let mut out = Vec::with_capacity(points.len());
        for plane in points.chunks_exact(self.0.len()) {
            out.extend(self.0.iter().map(|i| plane[*i as usize]));
        }
        out
    }
}

impl Galois {
    /// Tables for the primes of q followed by P.
    pub(crate) fn new(primes: &[u64], degree: usize, level: Level) -> Self {
        let ntts: Vec<Ntt> = (primes.iter())
            .map(|p| Ntt::with_level(Prime::new(*p), degree, level))
            .collect();
        let (last, rest) = primes.split_last().unwrap_or((&1, &[]));
        let special: Vec<u64> = rest.iter().map(|q| last % q).collect();
        let inverse = (ntts.iter().zip(&special))
            .map(|(ntt, special)| {
                let w = ntt.prime().inverse(*special);
                [w, ntt.prime().factor(w)]
            })
            .collect();
        Self {
            degree,
            wide: Rns::new(primes, PlainModulus::Bits(1), degree, level),
            ntts,
            special,
            inverse,
        }
    }
    /// Primes of q.
    pub(crate) fn primes(&self) -> usize {
        self.special.len()
    }
    /// Bytes of a half of one digit's key.
    fn half_len(&self) -> usize {
        let bits = |ntt: &Ntt| u64::BITS - ntt.prime().p().leading_zeros();
        (self.ntts.iter())
            .map(|ntt| (self.degree * bits(ntt) as usize).div_ceil(8))
            .sum()
    }
    /// Bytes of one automorphism's key.
    pub(crate) fn key_len(&self) -> usize {
        self.primes() * self.half_len()
    }
    /// Appends the first halves of an automorphism's key, number `index` under `seed`. `s` are the points of the
    /// secret modulo all primes.
    pub(crate) fn key(
        &self,
        s: &[u64],
        automorphism: &Automorphism,
        seed: &Seed,
        index: u64,
        prg: &mut Prg,
        out: &mut Vec<u8>,
    ) {
        let n = self.degree;
        let mut image = automorphism.apply(s);
        let mut errors = vec![0; n];
        for i in 0..self.primes() {
            sample::binomial(prg, &mut errors);
            let mut first = self.wide.encode(&vec![0; n], &errors);
            let p = self.ntts[i].prime();
            for (f, s) in first[i * n..].iter_mut().zip(&image[i * n..][..n]) {
                *f = p.add(*f, p.mul(*s, self.special[i]));
            }
            let uniform = self.wide.uniform(seed, self.stream(index, i));
            self.wide.mask(&mut first, &uniform, s);
            self.wide.write(&first, out);
        }
        wipe(&mut errors);
        wipe_vec(&mut image);
    }
    /// The secret's points modulo all primes.
    pub(crate) fn secret(&self, s: &[i8]) -> Vec<u64> {
        self.wide.key(s)
    }
    /// Every digit's uniform half has a stream of its own.
    fn stream(&self, index: u64, digit: usize) -> u64 {
        index * self.primes() as u64 + digit as u64
    }
    /// Reads what [`Self::key`] appended.
    pub(crate) fn read(&self, seed: &Seed, index: u64, bytes: &[u8]) -> Result<Key, DecodeError> {
        if bytes.len() != self.key_len() {
            return Err(DecodeError::Length {
                got: bytes.len(),
                want: self.key_len(),
            });
        }
        let digits = (bytes.chunks_exact(self.half_len()).enumerate())
            .map(|(i, half)| {
                let uniform = self.wide.uniform(seed, self.stream(index, i));
                Ok([self.wide.read(half)?, uniform])
            })
            .collect::<Result<_, DecodeError>>()?;
        Ok(Key { digits })
    }
    /// The image of a ciphertext, under the same key as it was.
    pub(crate) fn rotate(
        &self,
        key: &Key,
        automorphism: &Automorphism,
        ciphertext: &Ciphertext,
        work: &mut Work,
    ) -> Ciphertext {
        let mut first = automorphism.apply(&ciphertext.first);
        let second = automorphism.apply(&ciphertext.second);
        let [zero, one] = self.switch(key, &second, work);
        for ((f, z), ntt) in (first.chunks_exact_mut(self.degree))
            .zip(zero.chunks_exact(self.degree))
            .zip(&self.ntts)
        {
            let p = ntt.prime();
            f.iter_mut().zip(z).for_each(|(f, z)| *f = p.add(*f, *z));
        }
        Ciphertext { first, second: one }
    }
    /// An encryption of `points` times what the key replaces.
    fn switch(&self, key: &Key, points: &[u64], work: &mut Work) -> [Vec<u64>; 2] {
        let (n, primes) = (self.degree, self.primes());
        work.switches += 1;
        let mut digits = points.to_vec();
        for (digit, ntt) in digits.chunks_exact_mut(n).zip(&self.ntts) {
            ntt.inverse(digit);
            work.transforms += 1;
        }
        let mut lifted = vec![0; n * primes];
        let mut sums = [vec![0; n * (primes + 1)], vec![0; n * (primes + 1)]];
        for (j, ntt) in self.ntts.iter().enumerate() {
            let p = ntt.prime();
            for (i, lifted) in lifted.chunks_exact_mut(n).enumerate() {
                if i == j {
                    lifted.copy_from_slice(&points[i * n..][..n]);
                } else {
                    centre(self.ntts[i].prime(), p, &digits[i * n..][..n], lifted);
                    ntt.forward(lifted);
                    work.transforms += 1;
                }
            }
            for (h, sum) in sums.iter_mut().enumerate() {
                for (x, out) in sum[j * n..][..n].iter_mut().enumerate() {
                    // Below 2^100 each, and at most eight of them.
                    let wide = (key.digits.iter().enumerate())
                        .map(|(i, k)| u128::from(lifted[i * n + x]) * u128::from(k[h][j * n + x]))
                        .fold(0, u128::wrapping_add);
                    *out = p.reduce_wide(wide);
                }
            }
        }
        sums.map(|sum| self.divide(sum, work))
    }
    /// round(x / P): x minus its least residue modulo P, over P.
    fn divide(&self, mut sum: Vec<u64>, work: &mut Work) -> Vec<u64> {
        let (n, primes) = (self.degree, self.primes());
        let mut rest = sum.split_off(n * primes);
        let special = &self.ntts[primes];
        special.inverse(&mut rest);
        work.transforms += 1;
        let mut lifted = vec![0; n];
        for ((sum, ntt), [w, f]) in (sum.chunks_exact_mut(n)).zip(&self.ntts).zip(&self.inverse) {
            let p = ntt.prime();
            centre(special.prime(), p, &rest, &mut lifted);
            ntt.forward(&mut lifted);
            work.transforms += 1;
            for (s, r) in sum.iter_mut().zip(&lifted) {
                *s = p.mul_by(p.sub(*s, *r), *w, *f);
            }
        }
        sum
    }
}

/// Residues modulo `from`, taken to the representatives of least absolute value, modulo `to`.
fn centre(from: &Prime, to: &Prime, residues: &[u64], out: &mut [u64]) {
    let half = from.p() / 2;
    let negative = |x: u64| (half.wrapping_sub(x) >> 63).wrapping_neg();
    if half < to.p() {
        // Representatives are between -to and to: it is added to those below 0, after their own modulus was taken off.
        let add = to.p().wrapping_sub(from.p());
        for (o, x) in out.iter_mut().zip(residues) {
            *o = x.wrapping_add(add & negative(*x));
        }
    } else {
        let whole = to.reduce(from.p());
        for (o, x) in out.iter_mut().zip(residues) {
            *o = to.sub(to.reduce(*x), whole & negative(*x));
        }
    }
}
