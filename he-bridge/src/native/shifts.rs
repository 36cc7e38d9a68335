//! Ciphertexts modulo a power of two: coefficients all the way.

use piquet_core::cpu::Level;
use piquet_core::wire::DecodeError;
use piquet_core::{pack, wipe_vec};

use super::ciphertext::{Ciphertext, Fresh, PublicKey};
use super::exact::Exact;
use super::power::Power;
use super::sample;
use super::taps::Taps;
use crate::PlainModulus;
use crate::backend::Seed;
use crate::map::Map;

/// The modulus 2^b with what encryption and responses need.
#[derive(Debug, Clone)]
pub(crate) struct Shifts {
    power: Power,
    exact: Exact,
    plain: PlainModulus,
    degree: usize,
}

impl Shifts {
    pub(crate) fn new(power: Power, plain: PlainModulus, degree: usize, level: Level) -> Self {
        Self {
            power,
            exact: Exact::new(power, degree, level),
            plain,
            degree,
        }
    }
    /// Uniform half number `index` of a seed.
    pub(crate) fn uniform(&self, seed: &Seed, index: u64) -> Vec<u64> {
        let mut prg = sample::stream(seed, index);
        let mut out = vec![0; self.degree * self.power.words];
        for (j, plane) in out.chunks_exact_mut(self.degree).enumerate() {
            prg.fill_ring(plane);
            let mask = pack::mask(self.power.word_bits(j));
            plane.iter_mut().for_each(|x| *x &= mask);
        }
        out
    }
    /// round(q m / t), plus errors where there are any.
    pub(crate) fn encode(&self, message: &[u64], errors: &[i8]) -> Vec<u64> {
        let mut out = vec![0; self.degree * self.power.words];
        for (i, m) in message.iter().enumerate() {
            let e = i128::from(errors.get(i).copied().unwrap_or(0)) as u128;
            self.power.set(&mut out, i, self.scaled(*m).wrapping_add(e));
        }
        out
    }
    /// round(2^b m / t).
    fn scaled(&self, m: u64) -> u128 {
        match self.plain {
            PlainModulus::Bits(k) => u128::from(m) << (self.power.bits - k),
            PlainModulus::Prime(t) => scale_down(m, self.power.bits, t),
        }
    }
    /// A ternary secret as it multiplies.
    pub(crate) fn key(&self, s: &[i8]) -> Vec<u64> {
        self.exact.ternary(s)
    }
    /// A half of a public key as it multiplies.
    pub(crate) fn public(&self, half: Vec<u64>) -> Vec<u64> {
        self.exact.points(&half)
    }
    /// Subtracts the uniform half times the secret.
    pub(crate) fn mask(&self, plain: &mut [u64], uniform: &[u64], key: &[u64]) {
        let mut product = self.exact.product(&self.exact.points(uniform), key);
        for i in 0..self.degree {
            let x = self.power.get(&product, i).wrapping_neg();
            self.power.add(plain, i, x);
        }
        wipe_vec(&mut product);
    }
    /// Adds what [`Self::encode`] made.
    pub(crate) fn add(&self, first: &mut [u64], plain: &[u64]) {
        for i in 0..self.degree {
            self.power.add(first, i, self.power.get(plain, i));
        }
    }
    pub(crate) fn write(&self, planes: &[u64], out: &mut Vec<u8>) {
        self.power.pack(planes, out);
    }
    /// Reads a half from just its bytes.
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<Vec<u64>, DecodeError> {
        self.power.unpack(bytes, self.degree)
    }
    /// A server's polynomials as they multiply.
    pub(crate) fn prepare(&self, map: &Map, values: &[i64]) -> Taps {
        Taps::prepare(map, values)
    }
    /// One half of output polynomial `out`.
    pub(crate) fn multiply(&self, inputs: &[&[u64]], weights: &Taps, out: usize) -> Vec<u64> {
        weights.multiply(self.power, inputs, out)
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
        let Ciphertext {
            mut first,
            mut second,
        } = ciphertext;
        let mut u = self.exact.ternary(&fresh.ternary);
        let zero = self.exact.product(&key.first, &u);
        let one = self.exact.product(&key.second, &u);
        wipe_vec(&mut u);
        for i in 0..self.degree {
            let e = i128::from(fresh.second[i]) as u128;
            let x = self.power.get(&one, i).wrapping_add(e);
            self.power.add(&mut second, i, x);
        }
        let at = positions.iter().map(|p| *p as usize);
        for (i, at) in at.clone().enumerate() {
            let (r, noise) = fresh.added(i);
            let x = (self.scaled(r).wrapping_add(noise as u128))
                .wrapping_add(self.power.get(&zero, at));
            self.power.add(&mut first, at, x);
        }
        [
            self.power.round_down(&first, at, to_first),
            self.power.round_down(&second, 0..self.degree, to_second),
        ]
    }
}

/// round(2^b m / t) modulo 2^b, for m < t < 2^60.
fn scale_down(m: u64, b: u32, t: u64) -> u128 {
    let (mut quotient, mut rest, mut left) = (0u128, u128::from(m), b);
    while left > 0 {
        let step = left.min(60);
        rest <<= step;
        quotient = (quotient << step).wrapping_add(rest / u128::from(t));
        rest %= u128::from(t);
        left -= step;
    }
    quotient.wrapping_add(u128::from(2 * rest >= u128::from(t)))
}
