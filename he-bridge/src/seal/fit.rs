//! Parameters as SEAL needs them, or why it cannot have them.

use crate::error::OrderedBits;
use crate::native::prime::ntt_primes;
use crate::noise::{self, Noise};
use crate::params::most_bits;
use crate::{CipherModulus, Error, Mode, Params, PlainModulus};

/// Bits beyond which SEAL has no plaintext modulus.
const PLAIN_BITS: u32 = 60;
/// Widest flooding, as log2 of its half, that is drawn from 128 bits.
const MOST_FLOODING: u32 = 126;

/// What follows from parameters.
pub(super) struct Fit {
    /// The plaintext modulus.
    pub(super) t: u64,
    /// The ciphertext modulus, then the prime that SEAL keeps for itself.
    pub(super) primes: Vec<u64>,
    /// log2 of the half-width of the flooding.
    pub(super) flooding: u32,
    /// Primes that are left in a response.
    pub(super) left: usize,
}

impl Fit {
    pub(super) fn new(params: &Params) -> Result<Self, Error> {
        let CipherModulus::Primes(primes) = params.modulus() else {
            return Err(Error::Parameter {
                what: "number of primes of the ciphertext modulus",
                got: 0,
                domain: "at least 1: SEAL has no power of two for a ciphertext modulus",
            });
        };
        let t = plain_modulus(params.plain())?;
        let special = special_prime(params.degree(), primes, t)?;
        let (flooding, left) = flooding_and_primes(params, primes, t)?;
        Ok(Self {
            t,
            primes: primes.iter().copied().chain([special]).collect(),
            flooding,
            left,
        })
    }
}

/// t, if SEAL has it.
fn plain_modulus(plain: PlainModulus) -> Result<u64, Error> {
    match plain {
        PlainModulus::Prime(t) => Ok(t),
        PlainModulus::Bits(k) if k < PLAIN_BITS => Ok(1 << k),
        PlainModulus::Bits(k) => Err(Error::Parameter {
            what: "bits of the plaintext modulus",
            got: k.into(),
            domain: "at most 59: SEAL's plaintext moduli are below 2^60",
        }),
    }
}

/// The prime that SEAL keeps for itself: the largest of at most 50 bits that leaves all of them together secure.
fn special_prime(degree: usize, primes: &[u64], t: u64) -> Result<u64, Error> {
    let most = most_bits(degree);
    let taken: f64 = primes.iter().map(|p| (*p as f64).log2()).sum();
    let room = (f64::from(most) - taken).floor().clamp(0.0, 50.0) as u32;
    // One more than the primes and t are enough to find one that is none of them. One of 21 bits makes SEAL's fresh
    // encryptions of zero less noisy than those without it.
    ntt_primes(degree, room, primes.len() + 2)
        .into_iter()
        .find(|p| *p > 1 << 20 && *p != t && !primes.contains(p))
        .ok_or(Error::Insecure {
            bits: taken.ceil() as u32 + 21,
            degree,
            most,
        })
}

/// What is left of noise in a product, before flooding.
///
/// As for the native backend, with errors of 3.2 for 3.24, but for two things: encodings, the mask's and the
/// simulator's are rounded by up to 1/2 + 1/(2t); and a fresh encryption of zero is made modulo a multiple of q and
/// divided by SEAL's last prime, which leaves its errors next to nothing, and rounds: the uniform half by 1/12 |s|^2
/// of variance, less than what the errors had, and the other by half a unit.
fn left(params: &Params, t: u64) -> Noise {
    let all = noise::product(params.bound(), true).plus(noise::rerandomise(params.degree()));
    Noise {
        worst: all.worst * (1.0 + 1.0 / t as f64) + 0.5,
        ..all
    }
}

/// log2 of the flooding's half-width, and the fewest primes modulo which a response is decrypted right.
///
/// What noise may take of a unit of the message (q / t before any prime is dropped) is known from the declared bound.
/// Dropping a prime rounds both halves to the units of what is left.
fn flooding_and_primes(params: &Params, primes: &[u64], t: u64) -> Result<(u32, usize), Error> {
    let mut noise = left(params, t);
    let flooding = noise::flooding_bits(noise.most());
    if params.mode() == Mode::Exact {
        noise.worst += f64::from(flooding).exp2();
    }
    // A little less than half a unit, for SEAL's last rounding: its auxiliary prime has 61 bits.
    let half = 0.5 - f64::from(-20).exp2();
    let unit = |left: usize| primes[..left].iter().map(|p| *p as f64).product::<f64>() / t as f64;
    let refuse = Error::Noise {
        noise: OrderedBits(noise.most().log2()),
        room: OrderedBits(unit(primes.len()).log2() - 1.0),
    };
    if params.mode() == Mode::Exact && flooding > MOST_FLOODING {
        return Err(refuse);
    }
    let mut taken = noise.scaled(1.0 / unit(primes.len()));
    let mut fewest = None;
    for left in (1..=primes.len()).rev() {
        if left < primes.len() {
            // A first half that is as long as the second.
            let rounding = noise::response(params.degree(), 1, 1);
            taken = taken.plus(rounding.scaled(1.0 / unit(left)));
        }
        if taken.most() < half {
            fewest = Some(left);
        }
    }
    Ok((flooding, fewest.ok_or(refuse)?))
}
