//! The modulus of ciphertexts, and the primes that it is made of.

use std::sync::OnceLock;

use crate::Error;
use crate::native::prime;

/// The modulus q of ciphertexts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CipherModulus {
    /// A product of distinct primes of at most 50 bits, each 1 modulo 2 N.
    Primes(Vec<u64>),
    /// 2^b in one word, b <= 64.
    Word(u32),
    /// 2^(52 l) in l limbs.
    Limbs(u32),
}

impl CipherModulus {
    /// The largest `count` primes below 2^`bits` that suit a degree.
    #[must_use]
    pub fn primes(degree: usize, bits: u32, count: usize) -> Self {
        Self::Primes(prime::ntt_primes(degree, bits, count))
    }
    /// log2 q.
    #[must_use]
    pub fn log2(&self) -> f64 {
        match self {
            Self::Primes(p) => p.iter().map(|p| (*p as f64).log2()).sum(),
            Self::Word(b) => f64::from(*b),
            Self::Limbs(l) => 52.0 * f64::from(*l),
        }
    }
    /// Bits of one coefficient on the wire, word by word.
    #[must_use]
    pub fn word_bits(&self) -> Vec<u32> {
        match self {
            Self::Primes(p) => p.iter().map(|p| u64::BITS - p.leading_zeros()).collect(),
            Self::Word(b) => vec![*b],
            Self::Limbs(l) => vec![52; *l as usize],
        }
    }
    pub(super) fn validate(&self, degree: usize) -> Result<(), Error> {
        let fail = |what, got, domain| Err(Error::Parameter { what, got, domain });
        match self {
            Self::Primes(p) => {
                if p.is_empty() || p.len() > 8 {
                    return fail("number of primes", p.len() as u64, "1..=8");
                }
                for (i, &q) in p.iter().enumerate() {
                    let suits = q > 1 << 20
                        && q < 1 << 50
                        && q % (2 * degree as u64) == 1
                        && is_prime(degree, q)
                        && !p[..i].contains(&q);
                    if !suits {
                        return fail(
                            "prime of the ciphertext modulus",
                            q,
                            "distinct primes of 21 to 50 bits, 1 modulo twice the degree",
                        );
                    }
                }
            }
            Self::Word(b) => {
                if !(LEAST_WORD..=64).contains(b) {
                    return fail("bits of the ciphertext modulus", (*b).into(), "20..=64");
                }
            }
            Self::Limbs(l) => {
                if !(1..=4).contains(l) {
                    return fail("limbs of the ciphertext modulus", (*l).into(), "1..=4");
                }
            }
        }
        let most = most_bits(degree);
        if self.log2() > f64::from(most) {
            return Err(Error::Insecure {
                bits: self.log2().ceil() as u32,
                degree,
                most,
            });
        }
        Ok(())
    }
}

/// Fewest bits of a modulus of one word.
pub(super) const LEAST_WORD: u32 = 20;
/// Fewest bits of a prime.
pub(super) const LEAST_PRIME: u32 = 21;
/// Most bits of a prime.
const MOST_PRIME: u32 = 50;

/// As few primes as possible, of as even sizes as possible, that have `bits` bits on the wire altogether.
pub(super) fn primes(degree: usize, bits: u32) -> CipherModulus {
    let count = bits.div_ceil(MOST_PRIME);
    let (each, more) = (bits / count, bits % count);
    let mut found = Vec::with_capacity(count as usize);
    for (size, count) in [(each + 1, more), (each, count - more)] {
        if count > 0 {
            found.extend(known(degree, size).iter().take(count as usize));
        }
    }
    CipherModulus::Primes(found)
}

/// Whether a number that suits a degree is prime, at no cost for those that this crate chooses.
fn is_prime(degree: usize, q: u64) -> bool {
    known(degree, u64::BITS - q.leading_zeros()).contains(&q) || prime::is_prime(q)
}

/// The largest primes of a size that suit a degree, as many as anybody wants; found once.
fn known(degree: usize, bits: u32) -> &'static [u64] {
    type Table = [OnceLock<Vec<u64>>; MOST_PRIME as usize + 1];
    static TABLES: [Table; 3] = [const { [const { OnceLock::new() }; MOST_PRIME as usize + 1] }; 3];
    const COUNT: usize = 5;
    let table = &TABLES[degree.trailing_zeros().saturating_sub(11).min(2) as usize];
    table[bits as usize].get_or_init(|| prime::ntt_primes(degree, bits, COUNT))
}

/// What the guidelines of 2024 allow at a degree, in bits; 0 where they are not asked for.
#[must_use]
pub fn most_bits(degree: usize) -> u32 {
    match degree {
        2048 => 53,
        4096 => 106,
        8192 => 214,
        _ => 0,
    }
}
