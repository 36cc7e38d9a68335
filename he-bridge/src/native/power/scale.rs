//! Messages on their way into ciphertexts: round(2^b m / t).

use super::{LIMB, Power, planes};
use crate::PlainModulus;
use piquet_core::pack;

/// Words of a factor.
const WORDS: usize = 6;

/// The scale 2^b / t.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    power: Power,
    plain: PlainModulus,
    /// floor(2^(b + 128) / t), lowest word first; 0 for powers of two.
    factor: [u64; WORDS],
}

impl Scale {
    pub(crate) fn new(power: Power, plain: PlainModulus) -> Self {
        let mut factor = [0; WORDS];
        if let PlainModulus::Prime(t) = plain {
            let (top, mut rest) = (power.bits as usize + 128, 0u128);
            for w in (0..=top / 64).rev() {
                rest <<= 64;
                if w == top / 64 {
                    rest |= 1 << (top % 64);
                }
                // A quotient of more than 6 words does not occur: t > 1 and b <= 208.
                if let Some(f) = factor.get_mut(w) {
                    *f = (rest / u128::from(t)) as u64;
                }
                rest %= u128::from(t);
            }
        }
        Self {
            power,
            plain,
            factor,
        }
    }

    /// Adds the scaled messages without carries to the first coefficients.
    pub(crate) fn accumulate(&self, planes: &mut [u64], messages: &[u64]) {
        let n = planes.len() / self.power.words;
        match self.plain {
            PlainModulus::Bits(k) => {
                let shift = (self.power.bits - k) as i32;
                for w in 0..self.power.words {
                    let plane = &mut planes[w * n..][..n];
                    let place = shift - LIMB as i32 * w as i32;
                    planes::place(self.power.level, plane, messages, place, self.power.mask(w));
                }
            }
            PlainModulus::Prime(_) => match self.power.bits.div_ceil(64) {
                1 => self.multiply::<3>(planes, messages, n),
                2 => self.multiply::<4>(planes, messages, n),
                3 => self.multiply::<5>(planes, messages, n),
                _ => self.multiply::<6>(planes, messages, n),
            },
        }
    }

    /// floor(m F / 2^128 + 1/2) modulo 2^b with the factor F, of W words as far as they count.
    ///
    /// It is round(2^b m / t): m F / 2^128 is smaller than 2^b m / t by less than m / 2^128 < 2^-68, and 2^b m / t,
    /// an integer over t, is at least 1 / 2t > 2^-61 from the middle between two integers, t being odd.
    #[inline(always)]
    fn multiply<const W: usize>(&self, planes: &mut [u64], messages: &[u64], n: usize) {
        for (i, m) in messages.iter().take(n).enumerate() {
            let (mut product, mut carry) = ([0; WORDS], 0u128);
            for (w, (p, f)) in product.iter_mut().zip(self.factor).take(W).enumerate() {
                // The half that rounds stands at bit 127.
                let half = if w == 1 { 1 << 63 } else { 0 };
                carry += u128::from(*m) * u128::from(f) + half;
                *p = carry as u64;
                carry >>= 64;
            }
            let x = &product[2..];
            if self.power.words == 1 {
                planes[i] = planes[i].wrapping_add(x[0]);
                continue;
            }
            let limbs = [
                x[0],
                x[0] >> 52 | x[1] << 12,
                x[1] >> 40 | x[2] << 24,
                x[2] >> 28 | x[3] << 36,
            ];
            for (w, limb) in limbs.into_iter().take(self.power.words).enumerate() {
                planes[w * n + i] = planes[w * n + i].wrapping_add(limb & pack::mask(LIMB));
            }
        }
    }
}
