//! The parameters of fewest bytes for a product.

use super::cipher::{LEAST_PRIME, LEAST_WORD, primes};
use super::{CipherModulus, Mode, Params, PlainModulus, most_bits, reach, validate};
use crate::Error;
use crate::noise::{self, Bound};

/// How many polynomials a product sends, by which its parameters are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Encrypted polynomials.
    pub requests: u64,
    /// Responses.
    pub responses: u64,
    /// Positions that a response gives away, on average.
    pub positions: usize,
}

impl Params {
    /// The modulus 2^b, one word or limbs, at which a product is correct and secure and `traffic` takes the fewest
    /// bytes.
    pub fn shifts(
        degree: usize,
        plain: PlainModulus,
        mode: Mode,
        bound: Bound,
        traffic: Traffic,
    ) -> Result<Self, Error> {
        validate(degree, plain)?;
        let words = (plain.bits() + 1..=64).filter(|b| *b >= LEAST_WORD);
        let words = words.map(CipherModulus::Word);
        let limbs = (2..=4).map(CipherModulus::Limbs);
        let params =
            |modulus| Self::with_traffic(degree, plain, modulus, mode, bound, Some(traffic));
        Self::fewest_bytes(words.chain(limbs).map(params), traffic)
    }
    /// As few primes as possible, and of those of the fewest bytes for `traffic`, at which a product is correct and
    /// secure.
    pub fn points(
        degree: usize,
        plain: PlainModulus,
        mode: Mode,
        bound: Bound,
        traffic: Traffic,
    ) -> Result<Self, Error> {
        validate(degree, plain)?;
        let left = noise::product(bound, true).plus(noise::rerandomise(degree));
        let least = reach(mode, left).1.most().log2() + plain.log2() + 1.0;
        // One beyond the limit is refused with the reason.
        let least = (least as u32).clamp(LEAST_PRIME, most_bits(degree) + 1);
        let params = |bits| {
            let modulus = primes(degree, bits);
            Self::with_traffic(degree, plain, modulus, mode, bound, Some(traffic))
        };
        Self::fewest_bytes((least..=most_bits(degree) + 1).map(params), traffic)
    }
    /// Of the first that are not refused, with as many words, the one of the fewest bytes; or why the last one is
    /// refused.
    fn fewest_bytes(
        candidates: impl Iterator<Item = Result<Self, Error>>,
        traffic: Traffic,
    ) -> Result<Self, Error> {
        let mut refused = None;
        let mut best: Option<(u64, Self)> = None;
        for candidate in candidates {
            match (candidate, &best) {
                (Ok(params), None) => best = Some((params.bytes(traffic), params)),
                (Ok(params), Some((bytes, chosen))) => {
                    let words = |p: &Self| p.modulus.word_bits().len();
                    // More bits of q than this save none of the responses.
                    let far = params.modulus.log2() > chosen.modulus.log2() + 8.0;
                    if words(&params) > words(chosen) || far {
                        break;
                    }
                    if params.bytes(traffic) < *bytes {
                        best = Some((params.bytes(traffic), params));
                    }
                }
                (Err(_), Some(_)) => break,
                (Err(e @ Error::Insecure { .. }), None) => {
                    // Larger moduli will not do either, and what went before says more.
                    refused = refused.or(Some(e));
                    break;
                }
                (Err(e), None) => refused = Some(e),
            }
        }
        match (best, refused) {
            (Some((_, params)), _) => Ok(params),
            (None, Some(e)) => Err(e),
            (None, None) => Err(Error::Parameter {
                what: "bits of the plaintext modulus",
                got: 64,
                domain: "fewer at this degree",
            }),
        }
    }
    /// Bytes of encrypted polynomials and of responses.
    #[must_use]
    pub fn bytes(&self, traffic: Traffic) -> u64 {
        let requests = traffic.requests * self.ciphertext_len() as u64;
        requests + traffic.responses * self.response_len(traffic.positions) as u64
    }
}
