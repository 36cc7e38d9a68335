//! Parameters of a product, derived from public bounds and refused where they are insecure or incorrect.
//!
//! Secrets are ternary. For 128 bits of security against classical attacks the guidelines of 2024 (Bossuat et al., eprint
//! 2024/463) allow a ciphertext modulus of at most 53, 106 and 214 bits at degrees 2048, 4096 and 8192. The errors' standard
//! deviation is 3.24, theirs 3.19.

use piquet_core::pack;

use crate::Error;
use crate::error::OrderedBits;
use crate::noise::{self, Bound};

/// The modulus t of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PlainModulus {
    /// 2^k, k in 1..=64.
    Bits(u32),
    /// A prime below 2^60.
    Prime(u64),
}

impl PlainModulus {
    fn validate(self) -> Result<(), Error> {
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
            Self::Prime(t) => x % t,
        }
    }
    /// The residue of a signed integer.
    #[must_use]
    pub fn reduce_signed(self, x: i64) -> u64 {
        match self {
            Self::Bits(k) => x as u64 & pack::mask(k),
            Self::Prime(t) => i128::from(x).rem_euclid(i128::from(t)) as u64,
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
        Self::Primes(crate::native::prime::ntt_primes(degree, bits, count))
    }
    /// log2 q.
    #[must_use]
    pub fn log2(&self) -> f64 {
        match self {
            Self::Primes(p) => p.iter().map(|p| (*p as f64).log2()).sum(),
            Self::Word(b) => f64::from(*b),
            Self::Limbs(l) => f64::from(52 * l),
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
    fn validate(&self, degree: usize) -> Result<(), Error> {
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
                        && crate::native::prime::is_prime(q)
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
                if !(20..=64).contains(b) {
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

/// How a response is masked. The two are never mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The server adds a uniform share modulo t and noise that floods what the product left: the shares add up to the product
    /// exactly, and what the client decrypts is within 2^-40 of a distribution that depends on its share alone.
    Exact,
    /// The server pads what the client decrypts uniformly, modulo the response's modulus; both round what they have. The shares
    /// add up to the product or one unit beside it, depending on the noise: that is part of the functionality.
    Approximate,
}

/// Parameters of a product. Both parties derive them from what is public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    degree: usize,
    plain: PlainModulus,
    modulus: CipherModulus,
    mode: Mode,
    bound: Bound,
    flooding: u32,
    first_bits: u32,
    second_bits: u32,
}

impl Params {
    /// Checks moduli and degree (2048, 4096 or 8192) against the guidelines, and the noise that `bound` allows against the room that they
    /// leave; chooses flooding and the response's bits.
    pub fn new(
        degree: usize,
        plain: PlainModulus,
        modulus: CipherModulus,
        mode: Mode,
        bound: Bound,
    ) -> Result<Self, Error> {
        if most_bits(degree) == 0 {
            return Err(Error::Parameter {
                what: "degree",
                got: degree as u64,
                domain: "2048, 4096 or 8192",
            });
        }
        plain.validate()?;
        modulus.validate(degree)?;
        for (what, got) in [
            ("bound on weights", bound.weight),
            ("terms of a coefficient", bound.terms),
        ] {
            if got == 0 || got > 1 << 63 {
                return Err(Error::Parameter {
                    what,
                    got,
                    domain: "1..=2^63",
                });
            }
        }
        let divides = matches!(
            (plain, &modulus),
            (
                PlainModulus::Bits(_),
                CipherModulus::Word(_) | CipherModulus::Limbs(_)
            )
        );
        let fit = fit(degree, plain, modulus.log2(), divides, mode, bound)?;
        Ok(Self {
            degree,
            plain,
            modulus,
            mode,
            bound,
            flooding: fit.flooding,
            first_bits: fit.first_bits,
            second_bits: fit.second_bits,
        })
    }

    /// Degree N of the polynomials.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.degree
    }
    /// Modulus t of messages.
    #[must_use]
    pub fn plain(&self) -> PlainModulus {
        self.plain
    }
    /// Modulus q of ciphertexts.
    #[must_use]
    pub fn modulus(&self) -> &CipherModulus {
        &self.modulus
    }
    /// How responses are masked.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }
    /// What the server declared.
    #[must_use]
    pub fn bound(&self) -> Bound {
        self.bound
    }
    /// log2 of the half-width of the flooding; without meaning in the approximate mode.
    #[must_use]
    pub fn flooding(&self) -> u32 {
        self.flooding
    }
    /// Bits of a response's coefficients in the half that holds messages.
    #[must_use]
    pub fn first_bits(&self) -> u32 {
        self.first_bits
    }
    /// Bits of a response's coefficients in the half that meets the key; the response's modulus is 2 to that.
    #[must_use]
    pub fn second_bits(&self) -> u32 {
        self.second_bits
    }
    /// Eight bytes that stand for all parameters, by which peers notice that theirs differ.
    #[must_use]
    pub fn tag(&self) -> u64 {
        let mut h = blake3::Hasher::new_derive_key("piquet 2026 he parameters");
        let plain = match self.plain {
            PlainModulus::Bits(k) => [0, k.into()],
            PlainModulus::Prime(t) => [1, t],
        };
        let modulus = match &self.modulus {
            CipherModulus::Primes(p) => p.clone(),
            CipherModulus::Word(b) => vec![0, (*b).into()],
            CipherModulus::Limbs(l) => vec![1, (*l).into()],
        };
        let Bound {
            weight,
            terms,
            useful,
        } = self.bound;
        let mode = match self.mode {
            Mode::Exact => 0,
            Mode::Approximate => 1,
        };
        for word in [self.degree as u64, mode, weight, terms, useful]
            .into_iter()
            .chain(plain)
            .chain(modulus)
        {
            h.update(&word.to_le_bytes());
        }
        let mut tag = [0; 8];
        tag.copy_from_slice(&h.finalize().as_bytes()[..8]);
        u64::from_le_bytes(tag)
    }
}

/// What follows from bounds and from the size of a ciphertext modulus alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fit {
    pub(crate) flooding: u32,
    pub(crate) first_bits: u32,
    pub(crate) second_bits: u32,
}

/// Flooding and the response's bits under a modulus of `log2` bits, of which t is a divisor or not.
pub(crate) fn fit(
    degree: usize,
    plain: PlainModulus,
    log2: f64,
    divides: bool,
    mode: Mode,
    bound: Bound,
) -> Result<Fit, Error> {
    let left = noise::product(bound, !divides) + noise::rerandomise(degree);
    let flooding = match mode {
        Mode::Exact => noise::flooding_bits(left),
        Mode::Approximate => 0,
    };
    let most = match mode {
        Mode::Exact => left + f64::from(flooding).exp2(),
        Mode::Approximate => left,
    };
    let room = log2 - plain.log2() - 1.0;
    let refuse = Error::Noise {
        noise: OrderedBits(most.log2()),
        room: OrderedBits(room),
    };
    if most.log2() >= room || flooding > 126 {
        return Err(refuse);
    }
    // The part of half a unit that noise may take before the response is rounded.
    let taken = (most.log2() - room).exp2();
    let (first_bits, second_bits) = response_bits(degree, plain, log2, taken).ok_or(refuse)?;
    Ok(Fit {
        flooding,
        first_bits,
        second_bits,
    })
}

/// Fewest bits of a response, first and second half, at which noise (the part `taken` of half a unit) and both roundings stay
/// below half a unit. A first half is taken to hold half as many coefficients as the second.
fn response_bits(degree: usize, plain: PlainModulus, log2: f64, taken: f64) -> Option<(u32, u32)> {
    let whole = log2.floor() as u32;
    let rounding = noise::response_rounding(degree);
    let mut best: Option<(u32, u32, u32)> = None;
    for second in plain.bits() + 1..=whole.min(plain.bits() + 24).min(120) {
        // In units of the second half's lowest bit.
        let half = (f64::from(second) - plain.log2() - 1.0).exp2();
        for first in plain.bits() + 1..=second {
            let dropped = (f64::from(second) - f64::from(first) - 1.0).exp2();
            if taken * half + rounding + dropped < half {
                let cost = 2 * second + first;
                if best.is_none_or(|(c, ..)| cost < c) {
                    best = Some((cost, first, second));
                }
            }
        }
    }
    best.map(|(_, first, second)| (first, second))
}
