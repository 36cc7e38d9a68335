//! Multiplication triples between two parties, under encryption: c = a * b, all of them shared by addition modulo 2^k.
//!
//! [`elements`]: products of elements, many to a ciphertext. [`products`]: matrix products and convolutions. They are one-time
//! carriers of `piquet_core::correlation`, the same that other crates make from oblivious transfer, and a crate of secret
//! sharing spends them. Secure against semi-honest parties, and typed so: a server that multiplies by what it should not, or
//! a client whose ciphertexts are none, gets wrong triples or learns from whether they are noticed.

pub mod elements;
pub mod products;

use piquet_core::{Ring, RingVec, lanes, pack};

use crate::native::prime::ntt_primes;
use crate::noise::Bound;
use crate::{CipherModulus, Error, Mode, Params, PlainModulus, params};

/// Bits beyond the fewest that a ciphertext modulus may have, to make responses shorter.
const BEYOND: usize = 6;

/// Parameters of the exact mode for each plaintext modulus, all with one ciphertext modulus of primes: those with the fewest
/// bytes, where there are `requests` ciphertexts for each response of all coefficients.
fn fewest_bytes(
    degree: usize,
    plain: &[PlainModulus],
    requests: usize,
    bound: impl Fn(PlainModulus) -> Bound,
) -> Result<Vec<Params>, Error> {
    let mut last = Error::Parameter {
        what: "number of plaintext moduli",
        got: 0,
        domain: "at least 1",
    };
    let mut fits = Vec::new();
    for bits in 30..=params::most_bits(degree) {
        // As few primes as so many bits take, of sizes that differ by a bit at most.
        let count = bits.div_ceil(50);
        let (size, longer) = (bits / count, (bits % count) as usize);
        let mut primes = ntt_primes(degree, size + 1, longer);
        primes.extend(ntt_primes(degree, size, count as usize - longer));
        // A plaintext modulus is to be invertible modulo the primes of the ciphertext.
        let shared = |q: &u64| plain.contains(&PlainModulus::Prime(*q));
        if primes.iter().any(shared) {
            continue;
        }
        let modulus = CipherModulus::Primes(primes);
        let all = plain
            .iter()
            .map(|t| Params::new(degree, *t, modulus.clone(), Mode::Exact, bound(*t)));
        match all.collect::<Result<Vec<_>, _>>() {
            Ok(params) => fits.push(params),
            Err(e) => last = e,
        }
        if fits.len() > BEYOND {
            break;
        }
    }
    let bytes = |p: &Params| requests * p.ciphertext_len() + p.response_len(degree);
    fits.into_iter()
        .min_by_key(|all| all.iter().map(bytes).sum::<usize>())
        .ok_or(last)
}

/// Whether elements of `bits` bits, 1 to 64, fit into `R`.
fn width<R: Ring>(bits: u32) -> Result<(), Error> {
    if (1..=R::BITS.min(64)).contains(&bits) {
        Ok(())
    } else {
        Err(Error::Parameter {
            what: "bits of an element",
            got: bits.into(),
            domain: "1 to 64, and no more than the word has",
        })
    }
}

/// `elements` modulo 2^bits.
fn reduce<R: Ring>(elements: &mut RingVec<R>, bits: u32) {
    let mask = R::from_u64(pack::mask(bits));
    lanes::map(elements.as_mut_slice(), move |x| x.and(mask));
}

/// The same elements in words of 64 bits.
fn in_words<R: Ring>(elements: &RingVec<R>) -> RingVec<u64> {
    elements.as_slice().iter().map(|x| x.to_u64()).collect()
}
