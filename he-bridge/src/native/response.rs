//! Responses: both halves modulo powers of two, whatever the ciphertexts' modulus was.
//!
//! c_1 has `second` bits a coefficient; c_0, at the positions alone, `first`: the upper ones of as many as `second`.

use piquet_core::cpu::Level;
use piquet_core::wire::DecodeError;
use piquet_core::{Prg, lanes, pack, wipe_vec};

use super::ciphertext::SecretKey;
use super::exact::Exact;
use super::power::Power;
use super::sample;
use crate::{Params, PlainModulus};

/// Form of the responses under one set of parameters.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) first: Power,
    pub(crate) second: Power,
    exact: Exact,
    plain: PlainModulus,
    degree: usize,
}

impl Response {
    pub(crate) fn new(params: &Params, level: Level) -> Self {
        let second = Power::new(params.second_bits());
        Self {
            first: Power::new(params.first_bits()),
            second,
            exact: Exact::new(second, params.degree(), level),
            plain: params.plain(),
            degree: params.degree(),
        }
    }
    pub(crate) fn len(&self, positions: usize) -> usize {
        self.second.packed_len(self.degree) + self.first.packed_len(positions)
    }
    /// The secret as it multiplies second halves.
    pub(crate) fn key(&self, s: &[i8]) -> Vec<u64> {
        self.exact.ternary(s)
    }
    /// Pads the first half uniformly; the server's shares are what the pad rounds to, negated.
    pub(crate) fn pad(&self, first: &mut [u64], share: &mut [u64], prg: &mut Prg) {
        let (power, n) = (self.first, share.len());
        let mut pads = sample::planes(prg, power, n);
        for (i, s) in share.iter_mut().enumerate() {
            *s = self.round(power.get(&pads, i), power.bits);
        }
        negate(self.plain, share);
        if power.words == 1 {
            let mask = pack::mask(power.bits);
            lanes::zip(first, &pads, |a, b| a.wrapping_add(b) & mask);
        } else {
            for i in 0..n {
                power.add(first, i, power.get(&pads, i));
            }
        }
        wipe_vec(&mut pads);
    }
    pub(crate) fn write(&self, first: &[u64], second: &[u64], out: &mut Vec<u8>) {
        self.second.pack(second, out);
        self.first.pack(first, out);
    }
    /// The client's shares of the coefficients at `positions`.
    pub(crate) fn decrypt(
        &self,
        key: &SecretKey,
        bytes: &[u8],
        positions: &[u32],
        share: &mut [u64],
    ) -> Result<(), DecodeError> {
        let mut planes = self.phases(key, bytes, positions)?;
        let bits = self.second.bits;
        match self.plain {
            // What is above the modulus of the response is above that of the share as well.
            PlainModulus::Bits(k) if bits <= 64 => {
                let (half, drop, mask) = (1 << (bits - k - 1), bits - k, pack::mask(k));
                lanes::zip(share, &planes, |_, x| x.wrapping_add(half) >> drop & mask);
            }
            _ => {
                for (i, s) in share.iter_mut().enumerate() {
                    *s = self.round(self.second.get(&planes, i), bits);
                }
            }
        }
        wipe_vec(&mut planes);
        Ok(())
    }
    /// c_0 + c_1 s at the positions, modulo 2^second.
    pub(crate) fn phases(
        &self,
        key: &SecretKey,
        bytes: &[u8],
        positions: &[u32],
    ) -> Result<Vec<u64>, DecodeError> {
        let want = self.len(positions.len());
        if bytes.len() != want {
            return Err(DecodeError::Length {
                got: bytes.len(),
                want,
            });
        }
        let (second, first) = bytes.split_at(self.second.packed_len(self.degree));
        let second = self.second.unpack(second, self.degree)?;
        let first = self.first.unpack(first, positions.len())?;
        let mut product = self
            .exact
            .product(&self.exact.points(&second), &key.response);
        let mut phases = self.second.gather(&product, positions);
        wipe_vec(&mut product);
        let dropped = self.second.bits - self.first.bits;
        if self.second.words == 1 {
            let mask = pack::mask(self.second.bits);
            lanes::zip(&mut phases, &first, |x, c| {
                x.wrapping_add(c << dropped) & mask
            });
        } else {
            for i in 0..positions.len() {
                self.second
                    .add(&mut phases, i, self.first.get(&first, i) << dropped);
            }
        }
        Ok(phases)
    }
    /// round(t x / 2^bits) modulo t.
    #[inline]
    fn round(&self, x: u128, bits: u32) -> u64 {
        match self.plain {
            PlainModulus::Bits(k) => {
                let rounded = x.wrapping_add(1 << (bits - k - 1)) >> (bits - k);
                self.plain.reduce(rounded as u64)
            }
            PlainModulus::Prime(t) => {
                // t x has up to 60 + 84 bits; where they are more than 128, the lowest 32 of x only carry.
                let (t, split) = (u128::from(t), if bits > 64 { 32 } else { 0 });
                let carry = ((x & ((1 << split) - 1)) * t) >> split;
                let (product, rest) = ((x >> split) * t + carry, bits - split);
                (((product + (1 << (rest - 1))) >> rest) % t) as u64
            }
        }
    }
}

/// -x modulo t.
pub(crate) fn negate(plain: PlainModulus, x: &mut [u64]) {
    match plain {
        PlainModulus::Bits(k) => {
            let mask = pack::mask(k);
            lanes::map(x, |x| x.wrapping_neg() & mask);
        }
        PlainModulus::Prime(_) => lanes::map(x, |x| plain.subtract(0, x)),
    }
}
