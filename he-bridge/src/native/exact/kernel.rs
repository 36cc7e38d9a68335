//! Into residues modulo primes and back: choice of kernel, portable kernels.

#[cfg(target_arch = "x86_64")]
use piquet_core::cpu::Ifma512;
use piquet_core::cpu::Level;

use super::times;
use crate::native::power::{LIMB, Power};
use crate::native::prime::Prime;

/// Bits after the point of the fractions that tell v.
pub(super) const FRACTION: u32 = 49;

/// Residues modulo a prime above 2^49 of coefficients modulo a power of two.
pub(super) fn reduce(level: Level, power: Power, planes: &[u64], prime: &Prime, out: &mut [u64]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(cpu) = Ifma512::at(level)
        && out.len().is_multiple_of(8)
    {
        return super::ifma::reduce(cpu, power, planes, prime, out);
    }
    let _ = level;
    let n = out.len();
    if power.words == 1 {
        for (o, x) in out.iter_mut().zip(planes) {
            *o = prime.reduce(*x);
        }
        return;
    }
    // Horner's rule: the value so far times 2^52 is below 2^102.
    for (i, o) in out.iter_mut().enumerate() {
        let limbs = (0..power.words).rev().map(|w| planes[w * n + i]);
        *o = limbs.fold(0, |r, x| {
            prime.reduce_wide((u128::from(r) << LIMB) + u128::from(x))
        });
    }
}

/// -`one`, 0 or `one`, for a residue that is not 0.
pub(super) fn ternary(level: Level, one: u64, prime: &Prime, s: &[i8], out: &mut [u64]) {
    let minus = prime.neg(one);
    #[cfg(target_arch = "x86_64")]
    if let Some(cpu) = Ifma512::at(level)
        && out.len().is_multiple_of(8)
        && s.len() == out.len()
    {
        return super::ifma::ternary(cpu, one, minus, s, out);
    }
    let _ = level;
    for (o, s) in out.iter_mut().zip(s) {
        let s = i64::from(*s);
        let (positive, negative) = ((-s >> 63).cast_unsigned(), (s >> 63).cast_unsigned());
        *o = (one & positive) | (minus & negative);
    }
}

/// Products of residues.
pub(super) fn mul(level: Level, prime: &Prime, a: &[u64], b: &[u64], out: &mut [u64]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(cpu) = Ifma512::at(level)
        && out.len().is_multiple_of(8)
    {
        return super::ifma::mul(cpu, prime, a, b, out);
    }
    let _ = level;
    for ((o, a), b) in out.iter_mut().zip(a).zip(b) {
        *o = prime.mul(*a, *b);
    }
}

/// What leads from the y_j back to integers modulo 2^b.
#[derive(Debug, Clone)]
pub(super) struct Lift {
    pub(super) power: Power,
    /// floor(2^101 / p_j), below 2^52.
    pub(super) fractions: Vec<u64>,
    /// M / p_j modulo 2^b.
    pub(super) parts: Vec<[u64; 4]>,
    /// -M modulo 2^b.
    pub(super) whole: [u64; 4],
}

impl Lift {
    /// For primes between 2^49 and 2^50, at most 8.
    pub(super) fn new(power: Power, primes: &[u64]) -> Self {
        let one = [1, 0, 0, 0];
        let mut whole = primes.iter().fold(one, |x, p| times(power, x, *p));
        power.negate(&mut whole[..power.words], 1, 0..1);
        Self {
            power,
            fractions: primes
                .iter()
                .map(|p| ((1u128 << (LIMB + FRACTION)) / u128::from(*p)) as u64)
                .collect(),
            parts: primes
                .iter()
                .map(|p| {
                    let others = primes.iter().filter(|q| *q != p);
                    others.fold(one, |x, q| times(power, x, *q))
                })
                .collect(),
            whole,
        }
    }
    /// From all y_j, prime by prime, to the integer modulo 2^b, in place in the first planes. There are more primes
    /// than words.
    pub(super) fn lift(&self, level: Level, planes: &mut [u64], n: usize) {
        #[cfg(target_arch = "x86_64")]
        if let Some(cpu) = Ifma512::at(level)
            && n.is_multiple_of(8)
        {
            return super::ifma::lift(cpu, self, planes, n);
        }
        let _ = level;
        let words = self.power.words;
        for i in 0..n {
            // floor(y F / 2^52) is short of 2^49 y / p by less than 2: the sum, by far less than a quarter.
            let mut v = 1 << (FRACTION - 1);
            let mut sums = [0u128; 4];
            for (j, (f, part)) in self.fractions.iter().zip(&self.parts).enumerate() {
                let y = u128::from(planes[j * n + i]);
                v += ((y * u128::from(*f)) >> LIMB) as u64;
                for (sum, part) in sums.iter_mut().zip(part).take(words) {
                    // At most 8 products below 2^114, and later the one with v.
                    *sum = sum.wrapping_add(y * u128::from(*part));
                }
            }
            let v = u128::from(v >> FRACTION);
            let mut carry = 0;
            for w in 0..words {
                let x = sums[w]
                    .wrapping_add(v * u128::from(self.whole[w]))
                    .wrapping_add(carry);
                planes[w * n + i] = x as u64 & self.power.mask(w);
                carry = x >> LIMB;
            }
        }
    }
}
