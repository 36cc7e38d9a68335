//! The modulus of messages.

use piquet_core::pack;

use crate::Error;

/// The modulus t of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlainModulus {
    /// 2^k, k in 1..=64.
    Bits(u32),
    /// A prime below 2^60.
    Prime(u64),
}

impl PlainModulus {
    pub(crate) fn validate(self) -> Result<(), Error> {
        let (what, got, domain, fine) = match self {
            Self::Bits(k) => (
                "bits of the plaintext modulus",
                k.into(),
                "1..=64",
                (1..=64).contains(&k),
            ),
            Self::Prime(t) => (
                "plaintext modulus",
                t,
                "an odd prime below 2^60",
                t < 1 << 60 && t > 2 && crate::native::prime::is_prime(t),
            ),
        };
        if fine {
            Ok(())
        } else {
            Err(Error::Parameter { what, got, domain })
        }
    }
    /// log2 t, rounded up.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::Bits(k) => k,
            Self::Prime(t) => u64::BITS - t.leading_zeros(),
        }
    }
    /// log2 t.
    #[must_use]
    pub fn log2(self) -> f64 {
        match self {
            Self::Bits(k) => k.into(),
            Self::Prime(t) => (t as f64).log2(),
        }
    }
    /// The residue of an integer below 2^64.
    #[must_use]
    pub fn reduce(self, x: u64) -> u64 {
        match self {
            Self::Bits(k) => x & pack::mask(k),
            Self::Prime(t) => remainder(x, t),
        }
    }
    /// The residue of a signed integer.
    #[must_use]
    pub fn reduce_signed(self, x: i64) -> u64 {
        match self {
            Self::Bits(k) => x as u64 & pack::mask(k),
            Self::Prime(t) => {
                let r = remainder(x.unsigned_abs(), t);
                let negative = (x >> 63) as u64;
                (r & !negative) | (self.subtract(0, r) & negative)
            }
        }
    }
    /// Sum of residues.
    #[must_use]
    pub fn add(self, a: u64, b: u64) -> u64 {
        match self {
            Self::Bits(k) => a.wrapping_add(b) & pack::mask(k),
            Self::Prime(t) => self.subtract(a, t - b),
        }
    }
    /// Difference of residues.
    #[must_use]
    pub fn subtract(self, a: u64, b: u64) -> u64 {
        match self {
            Self::Bits(k) => a.wrapping_sub(b) & pack::mask(k),
            // Both are below t < 2^60, and b may be t itself: the sign bit says which.
            Self::Prime(t) => {
                let d = a.wrapping_sub(b);
                d.wrapping_add(t & (d >> 63).wrapping_neg())
            }
        }
    }
    /// The representative of least absolute value, of a residue.
    #[must_use]
    pub fn centred(self, x: u64) -> i64 {
        match self {
            Self::Bits(k) => (x << (64 - k)) as i64 >> (64 - k),
            Self::Prime(t) => {
                let high = ((t / 2).wrapping_sub(x) >> 63).wrapping_neg();
                x.wrapping_sub(t & high) as i64
            }
        }
    }
}

/// x modulo a public t < 2^60. Divides t only: how long a division takes may depend on what is divided. As
/// floor((2^64 - 1) / t) >= 2^64 / t - 1, the quotient is short by less than 2.
fn remainder(x: u64, t: u64) -> u64 {
    let quotient = ((u128::from(x) * u128::from(u64::MAX / t)) >> 64) as u64;
    let once = |r: u64| {
        let d = r.wrapping_sub(t);
        d.wrapping_add(t & (d >> 63).wrapping_neg())
    };
    once(once(x.wrapping_sub(quotient.wrapping_mul(t))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn residues_are_those_of_division(x: u64, t in 3u64..1 << 60, small in 3u64..100) {
            for t in [t, small, (1 << 60) - 93] {
                let plain = PlainModulus::Prime(t);
                for x in [x, x % 200, u64::MAX - x % 200, t, t - 1, 2 * t] {
                    prop_assert_eq!(plain.reduce(x), x % t);
                    let signed = i128::from(x as i64).rem_euclid(t.into());
                    prop_assert_eq!(i128::from(plain.reduce_signed(x as i64)), signed);
                }
            }
        }
    }
}
