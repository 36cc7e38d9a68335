//! Residues modulo the primes of a level: on the wire, as flooding, and as a pad that is also known modulo t.

use piquet_core::pack::{self, Packer, Unpacker};
use piquet_core::wire::DecodeError;
use piquet_core::{Prg, wipe};

use crate::native::prime::Prime;

/// The primes of a level. A polynomial is stored prime by prime.
#[derive(Debug, Clone)]
pub(super) struct Residues {
    primes: Vec<Prime>,
    /// 1 / (product of the other primes), of each prime.
    cofactors: Vec<u64>,
}

impl Residues {
    pub(super) fn new(primes: &[u64]) -> Self {
        let primes: Vec<Prime> = primes.iter().map(|p| Prime::new(*p)).collect();
        let cofactor = |p: &Prime| {
            let others = primes.iter().filter(|q| *q != p);
            p.inverse(others.fold(1, |a, q| p.mul(a, p.reduce(q.p()))))
        };
        Self {
            cofactors: primes.iter().map(cofactor).collect(),
            primes,
        }
    }
    pub(super) fn primes(&self) -> &[Prime] {
        &self.primes
    }
    /// Bytes of `n` coefficients.
    pub(super) fn packed_len(&self, n: usize) -> usize {
        (self.primes.iter())
            .map(|p| (n * bits(p) as usize).div_ceil(8))
            .sum()
    }
    /// Appends coefficients.
    pub(super) fn pack(&self, planes: &[u64], out: &mut Vec<u8>) {
        let n = planes.len() / self.primes.len();
        for (plane, p) in planes.chunks_exact(n.max(1)).zip(&self.primes) {
            let mut packer = Packer::new(out, bits(p));
            packer.push(plane);
            packer.finish();
        }
    }
    /// Reads `n` coefficients from just their bytes, each below its prime.
    pub(super) fn unpack(&self, bytes: &[u8], n: usize) -> Result<Vec<u64>, DecodeError> {
        let want = self.packed_len(n);
        if bytes.len() != want {
            return Err(DecodeError::Length {
                got: bytes.len(),
                want,
            });
        }
        let mut planes = vec![0; n * self.primes.len()];
        let mut rest = bytes;
        for (plane, p) in planes.chunks_exact_mut(n.max(1)).zip(&self.primes) {
            let (head, tail) = rest.split_at((n * bits(p) as usize).div_ceil(8));
            rest = tail;
            Unpacker::new(head, n, bits(p))?.pull(plane);
            if plane.iter().any(|x| *x >= p.p()) {
                return Err(DecodeError::Range("coefficient of a ciphertext"));
            }
        }
        Ok(planes)
    }
    /// A uniform residue modulo all primes together, prime by prime, and round(t x / q) modulo t.
    ///
    /// x / q is the sum of the fractions (x_i / (q / q_i) mod q_i) / q_i, modulo 1. With 128 bits after the point it
    /// is short by less than two units of the last for each prime (of up to eight), so that the second number may be
    /// one less than said where t x / q is within 16 x 2^60 / 2^128 = 2^-64 of a tie.
    pub(super) fn pad(&self, t: u64, prg: &mut Prg, residues: &mut [u64]) -> u64 {
        let mut fraction = 0u128;
        for ((x, p), c) in residues.iter_mut().zip(&self.primes).zip(&self.cofactors) {
            *x = below(p.p(), prg);
            fraction = fraction.wrapping_add(quotient(p, p.mul(*x, *c)));
        }
        let (high, low) = (fraction >> 64, fraction & u128::from(u64::MAX));
        // Below 2^124, as t is below 2^60.
        let scaled = high * u128::from(t) + ((low * u128::from(t)) >> 64);
        let rounded = ((scaled + (1 << 63)) >> 64) as u64;
        // It is t where the fraction is next to 1.
        let over = ((t - 1).wrapping_sub(rounded) >> 63).wrapping_neg();
        rounded - (t & over)
    }
}

/// 2^128 y / p for a residue y, one short or right. Each half is y f / 2^64 with f = floor(2^128 / p), where y f is
/// below 2^128, and short of y 2^128 / p by less than y: one short or right. What is left after the first half is
/// below 2 p, and tells which.
fn quotient(p: &Prime, y: u64) -> u128 {
    let f = u128::MAX / u128::from(p.p());
    let half = |y: u64| ((u128::from(y) * f) >> 64) as u64;
    let high = half(y);
    let left = high.wrapping_mul(p.p()).wrapping_neg();
    let rest = p.once(left);
    let high = high + u64::from(rest != left);
    (u128::from(high) << 64) | u128::from(half(rest))
}

/// Bits of a residue.
fn bits(p: &Prime) -> u32 {
    u64::BITS - p.p().leading_zeros()
}

/// Uniform below `m`: numbers of as many bits, those not below it thrown away.
pub(super) fn below(m: u64, prg: &mut Prg) -> u64 {
    let mask = pack::mask(u64::BITS - (m - 1).leading_zeros());
    loop {
        let mut x = [0u64; 1];
        prg.fill_ring(&mut x);
        let kept = x[0] & mask;
        wipe(&mut x);
        if kept < m {
            return kept;
        }
    }
}

/// A uniform integer in -2^bits..2^bits.
pub(super) fn flooding(bits: u32, prg: &mut Prg) -> i128 {
    let mut x = [0u128; 1];
    prg.fill_ring(&mut x);
    (x[0] as i128) >> (127 - bits)
}

/// The residue of a signed integer.
pub(super) fn residue(p: &Prime, x: i128) -> u64 {
    let shift = 1 << 127;
    p.sub(
        p.reduce_wide((x as u128).wrapping_add(shift)),
        p.reduce_wide(shift),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use piquet_core::Block;

    #[test]
    fn pads_are_known_modulo_t() {
        let mut prg = Prg::new(Block::from_u128(5));
        let primes = crate::native::prime::ntt_primes(4096, 31, 2);
        let r = Residues::new(&primes);
        let q = u128::from(primes[0]) * u128::from(primes[1]);
        for t in [2, 3, 256, (1 << 37) - 25, 1 << 59] {
            let mut seen = [0; 2];
            for _ in 0..1000 {
                let mut x = [0; 2];
                let rounded = r.pad(t, &mut prg, &mut x);
                // x by the Chinese remainder theorem: x_0 + p_0 ((x_1 - x_0) / p_0 mod p_1).
                let p = Prime::new(primes[1]);
                let d = p.mul(p.sub(x[1], p.reduce(x[0])), p.inverse(p.reduce(primes[0])));
                let whole = u128::from(x[0]) + u128::from(primes[0]) * u128::from(d);
                // q has 62 bits and t up to 60: their product fits.
                let want = (whole * u128::from(t) + q / 2) / q % u128::from(t);
                assert_eq!(u128::from(rounded), want);
                seen[usize::from(rounded >= t / 2)] += 1;
            }
            assert!(seen.iter().all(|s| *s > 250), "{t} {seen:?}");
        }
    }

    #[test]
    fn quotients_are_right_or_one_short() {
        for bits in [21, 35, 50] {
            let p = Prime::new(crate::native::prime::ntt_primes(4096, bits, 1)[0]);
            let m = u128::from(p.p());
            for y in [0, 1, 2, 12345, p.p() / 2, p.p() - 1] {
                let high = (u128::from(y) << 64) / m;
                let low = (((u128::from(y) << 64) % m) << 64) / m;
                let short = ((high << 64) | low) - quotient(&p, y);
                assert!(short <= 1, "{bits} {y} {short}");
            }
        }
    }

    #[test]
    fn signed_integers_have_residues() {
        let p = Prime::new(crate::native::prime::ntt_primes(4096, 50, 1)[0]);
        for x in [0, 1, -1, i128::MAX, i128::MIN, 1 << 90, -(1 << 90)] {
            assert_eq!(i128::from(residue(&p, x)), x.rem_euclid(p.p().into()));
        }
    }

    #[test]
    fn only_reduced_coefficients_are_read() {
        let r = Residues::new(&crate::native::prime::ntt_primes(4096, 30, 2));
        let p = r.primes()[1].p();
        for (x, fine) in [(0, true), (p - 1, true), (p, false), ((1 << 30) - 1, false)] {
            let mut bytes = Vec::new();
            r.pack(&[1, 2, 3, x], &mut bytes);
            assert_eq!(bytes.len(), r.packed_len(2));
            let read = r.unpack(&bytes, 2);
            if fine {
                assert_eq!(read.unwrap(), [1, 2, 3, x]);
            } else {
                assert_eq!(read, Err(DecodeError::Range("coefficient of a ciphertext")));
            }
        }
        assert!(r.unpack(&[0; 5], 2).is_err());
        assert!(r.unpack(&[], 0).unwrap().is_empty());
    }
}
