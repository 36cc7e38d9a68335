//! Parameters of a product, derived from public bounds and refused where they are insecure or incorrect.
//!
//! Secrets are ternary. For 128 bits of security against classical attacks the guidelines of 2024 (Bossuat et al.,
//! eprint 2024/463) allow a ciphertext modulus of at most 53, 106 and 214 bits at degrees 2048, 4096 and 8192. The
//! errors' standard deviation is 3.24, theirs 3.19.
//!
//! A secret belongs to one set of parameters. The guidelines' estimates are for samples modulo one q; whoever sees
//! samples under one s modulo several of them, in one product of fewest bytes and in the next, has more than what was
//! estimated. So clients make a key and a public key for every set, which costs one encryption.
//!
//! What can go wrong adds up over a network, and is to be printed: [`Params::failure_bits`] for results, and
//! [`Params::distance_bits`] for what flooding leaves.

mod choose;
mod cipher;
mod plain;

use crate::Error;
use crate::error::OrderedBits;
use crate::native::power::Power;
use crate::noise::{self, Bound, Noise};
pub use choose::Traffic;
pub use cipher::{CipherModulus, most_bits};
pub use plain::PlainModulus;

/// How a response is masked. The two are never mixed.
///
/// What follows is for a client that follows the protocol. It knows its secret s, its public key (p_0, p_1) = (e -
/// p_1 s, p_1) and all errors. With a product's ciphertext (c_0, c_1), a response is made of
///
/// ```text
/// d_1 = c_1 + p_1 u + e_1                      all coefficients, and
/// d_0 = c_0 + p_0 u + e_0 + what masks it      at the positions that are given away,
/// ```
///
/// with u, e_0, e_1 of its own. What is sent is a function of these: they are rounded. The assumption in both modes
/// is that (p_1, p_1 u + e_1) looks uniform: RLWE with a ternary secret, one polynomial a response, under the modulus
/// and degree that [`Params::new`] allows. p_1 is expanded from a seed that the client draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The server adds a uniform share r modulo t and floods the noise: the shares add up to the product exactly, and
    /// what the client decrypts is within 2^-40 a coefficient of a distribution that depends on its share alone.
    ///
    /// At a position d_0 + d_1 s = q (y + r) / t + v + f, with the product y, noise v of the product, of the
    /// encryption of zero and of rounding, and f uniform among 2 F integers. The simulator has the client's share z =
    /// y + r modulo t, which is uniform. First it takes round(q z / t) + f instead: |v| <= B but for 2^-60, F >= 2^39
    /// B, so that this changes the distribution by at most B / (2 F) + 2^-60 at each position
    /// ([`Params::distance_bits`]). Now u, e_0, e_1 and the weights occur in d_1 alone, which is c_1 and an RLWE
    /// sample: it takes a uniform polynomial for it. d_0 follows from both. (So e_0 is not needed; with it what is
    /// added is an encryption of zero as the scheme makes it.)
    Exact,
    /// The server pads what the client decrypts uniformly, modulo the response's modulus; both round what they have.
    /// The shares add up to the product or one unit beside it: which, depends on pad and noise, hence on weights and
    /// both inputs, and is part of the functionality.
    ///
    /// d_0 at the positions, rounded, is padded by a uniform number of as many bits: it is uniform whatever else is.
    /// d_1 is uniform by RLWE as before. So the client's view is uniform polynomials; there is no statistical
    /// distance. What the functionality gives away besides the product is the error: the two shares together say
    /// whether it is off by one, the client's alone does not.
    Approximate,
}

/// The largest weight that multiplies limbs: weights are made factors of 52 bits there.
const MOST_BY_LIMBS: u64 = (1 << 51) - 1;

/// Widest flooding, as log2 of its half: with errors added it still fits 128 bits.
const MOST_FLOODING: u32 = 126;

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
    /// Checks moduli and degree (2048, 4096 or 8192) against the guidelines, and the noise that `bound` allows
    /// against the room that they leave; chooses flooding and the response's bits, the fewest for responses of N / 2
    /// positions.
    pub fn new(
        degree: usize,
        plain: PlainModulus,
        modulus: CipherModulus,
        mode: Mode,
        bound: Bound,
    ) -> Result<Self, Error> {
        Self::with_traffic(degree, plain, modulus, mode, bound, None)
    }
    /// [`Params::new`] with the fewest bytes for this traffic.
    pub(crate) fn with_traffic(
        degree: usize,
        plain: PlainModulus,
        modulus: CipherModulus,
        mode: Mode,
        bound: Bound,
        traffic: Option<Traffic>,
    ) -> Result<Self, Error> {
        validate(degree, plain)?;
        modulus.validate(degree)?;
        if let (PlainModulus::Prime(t), CipherModulus::Primes(p)) = (plain, &modulus)
            && p.contains(&t)
        {
            return Err(Error::Parameter {
                what: "plaintext modulus",
                got: t,
                domain: "none of the primes of the ciphertext modulus",
            });
        }
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
        if matches!(modulus, CipherModulus::Limbs(_)) && bound.weight > MOST_BY_LIMBS {
            return Err(Error::Parameter {
                what: "bound on weights",
                got: bound.weight,
                domain: "below 2^51 where ciphertexts have limbs",
            });
        }
        let positions = traffic.map_or(degree / 2, |t| t.positions);
        let fit = fit(
            degree,
            plain,
            modulus.log2(),
            divides(plain, &modulus),
            mode,
            bound,
            positions,
        )?;
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
    /// Bytes of an encrypted polynomial.
    #[must_use]
    pub fn ciphertext_len(&self) -> usize {
        (self.modulus.word_bits().into_iter())
            .map(|k| (self.degree * k as usize).div_ceil(8))
            .sum()
    }
    /// Bytes of a response that gives `positions` coefficients away.
    #[must_use]
    pub fn response_len(&self, positions: usize) -> usize {
        Power::new(self.second_bits).packed_len(self.degree)
            + Power::new(self.first_bits).packed_len(positions)
    }
    /// The noise of a result before flooding and rounding.
    #[must_use]
    pub fn noise(&self) -> Noise {
        left(self.degree, self.bound, divides(self.plain, &self.modulus))
    }
    /// log2 of a bound on the probability that one of so many coefficients of results comes out wrong (in the
    /// approximate mode: more than one unit off), but for the events of 2^[`noise::FAILURE`], once for each key and
    /// each response, that a ternary polynomial is unusually long.
    #[must_use]
    pub fn failure_bits(&self, coefficients: u64) -> f64 {
        let second = f64::from(self.second_bits);
        let noise = (reach(self.mode, self.noise()).1)
            .scaled((second - self.modulus.log2()).exp2())
            .plus(noise::response(
                self.degree,
                self.first_bits,
                self.second_bits,
            ));
        let half = (second - self.plain.log2() - 1.0).exp2();
        (noise.failure(half) + (coefficients as f64).log2()).min(0.0)
    }
    /// log2 of a bound on the statistical distance, over so many coefficients of results, between what a client
    /// decrypts and what depends on its shares alone. In the approximate mode there is none: minus infinity.
    #[must_use]
    pub fn distance_bits(&self, coefficients: u64) -> f64 {
        match self.mode {
            Mode::Exact => {
                let each = self.noise().most() / f64::from(self.flooding + 1).exp2()
                    + f64::from(noise::FAILURE).exp2();
                (each.log2() + (coefficients as f64).log2()).min(0.0)
            }
            Mode::Approximate => f64::NEG_INFINITY,
        }
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
        let bits = [self.flooding, self.first_bits, self.second_bits];
        for word in [self.degree as u64, mode, weight, terms, useful]
            .into_iter()
            .chain(bits.map(u64::from))
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

fn validate(degree: usize, plain: PlainModulus) -> Result<(), Error> {
    if most_bits(degree) == 0 {
        return Err(Error::Parameter {
            what: "degree",
            got: degree as u64,
            domain: "2048, 4096 or 8192",
        });
    }
    plain.validate()
}

/// Whether t divides q, so that messages are not rounded.
fn divides(plain: PlainModulus, modulus: &CipherModulus) -> bool {
    let power = !matches!(modulus, CipherModulus::Primes(_));
    power && matches!(plain, PlainModulus::Bits(_))
}

/// Noise of a result before flooding and rounding.
fn left(degree: usize, bound: Bound, divides: bool) -> Noise {
    noise::product(bound, !divides).plus(noise::rerandomise(degree))
}

/// What follows from bounds and from the size of a ciphertext modulus alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fit {
    pub(crate) flooding: u32,
    pub(crate) first_bits: u32,
    pub(crate) second_bits: u32,
}

/// Flooding and the response's bits under a modulus of `log2` bits, of which t is a divisor or not; the fewest for
/// responses of so many positions.
pub(crate) fn fit(
    degree: usize,
    plain: PlainModulus,
    log2: f64,
    divides: bool,
    mode: Mode,
    bound: Bound,
    positions: usize,
) -> Result<Fit, Error> {
    let (flooding, noise) = reach(mode, left(degree, bound, divides));
    let room = log2 - plain.log2() - 1.0;
    let refuse = Error::Noise {
        noise: OrderedBits(noise.most().log2()),
        room: OrderedBits(room),
    };
    if noise.most().log2() >= room || flooding > MOST_FLOODING {
        return Err(refuse);
    }
    let bits = response_bits(degree, plain, log2, noise, positions);
    let (first_bits, second_bits) = bits.ok_or(refuse)?;
    Ok(Fit {
        flooding,
        first_bits,
        second_bits,
    })
}

/// log2 of the flooding's half-width, and noise together with it.
fn reach(mode: Mode, mut left: Noise) -> (u32, Noise) {
    if mode == Mode::Approximate {
        return (0, left);
    }
    let bits = noise::flooding_bits(left.most());
    left.worst += f64::from(bits).exp2();
    (bits, left)
}

/// Fewest bits of a response, first and second half, at which noise and both roundings stay below half a unit.
fn response_bits(
    degree: usize,
    plain: PlainModulus,
    log2: f64,
    noise: Noise,
    positions: usize,
) -> Option<(u32, u32)> {
    let whole = log2.floor() as u32;
    let least = plain.bits() + 1;
    let mut best: Option<(usize, u32, u32)> = None;
    for second in least..=whole.min(plain.bits() + 24).min(120) {
        let half = (f64::from(second) - plain.log2() - 1.0).exp2();
        let noise = noise.scaled((f64::from(second) - log2).exp2());
        for first in least..=second {
            if noise.plus(noise::response(degree, first, second)).most() < half {
                let cost = degree * second as usize + positions * first as usize;
                if best.is_none_or(|(c, ..)| cost < c) {
                    best = Some((cost, first, second));
                }
            }
        }
    }
    best.map(|(_, first, second)| (first, second))
}

#[cfg(test)]
mod tests;
