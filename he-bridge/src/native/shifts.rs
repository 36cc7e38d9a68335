//! Ciphertexts modulo a power of two: coefficients all the way.

use core::ops::Range;

use piquet_core::cpu::Level;
use piquet_core::wipe_vec;
use piquet_core::wire::DecodeError;

use super::ciphertext::{Ciphertext, Fresh, PublicKey};
use super::exact::Exact;
use super::power::{Power, Scale};
use super::sample;
use super::taps::Taps;
use crate::backend::Seed;
use crate::map::Map;
use crate::{Error, PlainModulus};

/// The modulus 2^b with what encryption and responses need.
#[derive(Debug, Clone)]
pub(crate) struct Shifts {
    power: Power,
    exact: Exact,
    scale: Scale,
    degree: usize,
    level: Level,
}

impl Shifts {
    pub(crate) fn new(power: Power, plain: PlainModulus, degree: usize, level: Level) -> Self {
        let power = power.at(level);
        Self {
            power,
            exact: Exact::new(power, degree, level),
            scale: Scale::new(power, plain),
            degree,
            level,
        }
    }
    /// Uniform half number `index` of a seed.
    pub(crate) fn uniform(&self, seed: &Seed, index: u64) -> Vec<u64> {
        let mut prg = sample::stream(seed, index);
        let mut out = vec![0; self.degree * self.power.words];
        prg.fill_ring(&mut out);
        self.power.truncate(&mut out);
        out
    }
    /// round(q m / t), plus errors where there are any.
    pub(crate) fn encode(&self, message: &[u64], errors: &[i8]) -> Vec<u64> {
        let mut out = vec![0; self.degree * self.power.words];
        self.scale.accumulate(&mut out, message);
        self.power.accumulate_small(&mut out, errors);
        self.power.carry(&mut out);
        out
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
        self.power.deduct(plain, &product);
        self.power.carry(plain);
        wipe_vec(&mut product);
    }
    /// Adds what [`Self::encode`] made.
    pub(crate) fn add(&self, first: &mut [u64], plain: &[u64]) {
        self.power.accumulate(first, plain);
        self.power.carry(first);
    }
    pub(crate) fn write(&self, planes: &[u64], out: &mut Vec<u8>) {
        self.power.pack(planes, out);
    }
    /// Reads a half from just its bytes.
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<Vec<u64>, DecodeError> {
        self.power.unpack(bytes, self.degree)
    }
    /// A server's polynomials as they multiply: terms of at most `bound` in absolute value.
    pub(crate) fn prepare(&self, map: &Map, values: &[i64], bound: u64) -> Result<Taps, Error> {
        Taps::prepare(self.power, self.level, bound, map, values)
    }
    /// Both halves of the output polynomials numbered `outs`.
    pub(crate) fn multiply(
        &self,
        inputs: &[[&[u64]; 2]],
        weights: &Taps,
        outs: Range<usize>,
    ) -> Vec<[Vec<u64>; 2]> {
        weights.multiply(inputs, outs)
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
        let Ciphertext { first, mut second } = ciphertext;
        let power = &self.power;
        let mut u = self.exact.ternary(&fresh.ternary);
        let mut one = self.exact.product(&key.second, &u);
        power.accumulate(&mut second, &one);
        power.accumulate_small(&mut second, &fresh.second);
        power.carry(&mut second);
        wipe_vec(&mut one);

        let mut zero = self.exact.product(&key.first, &u);
        wipe_vec(&mut u);
        let mut some = power.gather(&zero, positions);
        wipe_vec(&mut zero);
        power.accumulate(&mut some, &power.gather(&first, positions));
        power.accumulate_small(&mut some, &fresh.first);
        self.scale.accumulate(&mut some, &fresh.masks);
        power.accumulate_wide(&mut some, &fresh.floods);
        power.carry(&mut some);
        [
            power.round_down(some, to_first),
            power.round_down(second, to_second),
        ]
    }
}

#[cfg(feature = "testing")]
impl Shifts {
    /// Integers of least absolute value from coefficients, exact where they are below 2^127.
    pub(crate) fn integers(&self, planes: Vec<u64>) -> Vec<i128> {
        let spare = 128 - self.power.bits.min(128);
        let value = |i| (self.power.get(&planes, i) << spare).cast_signed() >> spare;
        (0..self.degree).map(value).collect()
    }
}
