//! From residues modulo q to a power of two.
//!
//! c / q is the sum of the fractions (c_i / (q / q_i) mod q_i) / q_i, modulo 1, and each 1 / q_i is taken to 128
//! bits, rounded down: of the sum of l <= 8 of them, times residues below 2^50, less than 2^-75 is missing. So
//! round(2^b c / q), for b up to 120, is one unit less in rare cases.

#[cfg(target_arch = "x86_64")]
mod ifma;

use piquet_core::cpu::{Ifma512, Level};
use piquet_core::pack;

use crate::native::power::{LIMB, Power};
use crate::native::prime::Prime;

/// One prime's part.
#[derive(Debug, Clone)]
pub(super) struct Part {
    prime: Prime,
    /// 1 / (q / q_i) modulo q_i.
    cofactor: u64,
    /// floor(2^128 / q_i).
    fraction: u128,
}

impl Part {
    pub(super) fn new(prime: Prime, cofactor: u64) -> Self {
        Self {
            prime,
            cofactor,
            fraction: u128::MAX / u128::from(prime.p()),
        }
    }
}

/// round(2^b c / q) modulo 2^b of coefficients of which these are the residues, one plane for each prime, to planes
/// of the same length.
pub(super) fn scale(level: Level, parts: &[Part], residues: &[&[u64]], to: Power, out: &mut [u64]) {
    let n = out.len() / to.words;
    #[cfg(target_arch = "x86_64")]
    if let Some(proof) = Ifma512::at(level).filter(|_| n >= ifma::LANES) {
        return ifma::scale(proof, parts, residues, to, out);
    }
    let _ = (level, Ifma512::at);
    for at in 0..n {
        let sum = parts.iter().zip(residues).fold(0u128, |sum, (part, c)| {
            let y = part.prime.mul(c[at], part.cofactor);
            sum.wrapping_add(part.fraction.wrapping_mul(y.into()))
        });
        let x = sum.wrapping_add(1 << (127 - to.bits)) >> (128 - to.bits);
        for (w, plane) in out.chunks_exact_mut(n).enumerate() {
            plane[at] = (x >> (LIMB * w as u32)) as u64 & pack::mask(to.word_bits(w));
        }
    }
}

#[cfg(test)]
mod tests;
