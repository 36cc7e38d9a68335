//! The default backend: RLWE encryption in pure Rust.
//!
//! A secret key is a ternary polynomial s. An encryption of m, coefficients modulo t, is (c_0, c_1) with c_1 uniform
//! and c_0 = round(q m / t) + e - c_1 s; it is opened as round(t (c_0 + c_1 s) / q). That is the scheme of Fan and
//! Vercauteren (eprint 2012/144) in symmetric form, with no need that t be coprime to q. Modulo primes ciphertexts
//! are points of transforms all the way; modulo a power of two they are coefficients.

pub(crate) mod ciphertext;
#[cfg(feature = "testing")]
mod door;
mod exact;
pub mod ntt;
pub(crate) mod power;
pub mod prime;
pub mod product;
mod response;
pub(crate) mod rns;
pub(crate) mod sample;
mod shifts;
mod tally;
mod taps;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;

use core::fmt;

use piquet_core::cpu::{self, Level};
use piquet_core::wire::DecodeError;
use piquet_core::{Prg, wipe, wipe_vec};

use crate::backend::{Backend, Seed};
use crate::map::Map;
use crate::noise;
use crate::{CipherModulus, Error, Mode, Params};
use ciphertext::Fresh;
pub use ciphertext::{Ciphertext, PublicKey, SecretKey};
use power::Power;
use response::{Response, negate};
use rns::Rns;
use shifts::Shifts;
use tally::Counters;
pub use tally::Tally;

/// Ciphertexts modulo primes, or modulo a power of two.
#[derive(Debug, Clone)]
enum Base {
    Primes(Rns),
    Power(Shifts),
}

/// What both kinds of ciphertexts do under the same name.
macro_rules! either {
    ($base:expr, $b:ident => $call:expr) => {
        match $base {
            Base::Primes($b) => $call,
            Base::Power($b) => $call,
        }
    };
}
#[cfg(feature = "testing")]
use either;

/// The backend for one set of parameters.
#[derive(Debug, Clone)]
pub struct Native {
    params: Params,
    base: Base,
    response: Response,
    counters: Counters,
}

/// A server's polynomials.
pub struct Weights(Prepared);

enum Prepared {
    /// For products of points.
    Dense(product::Dense),
    /// For shifted sums.
    Taps(taps::Taps),
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Weights")
    }
}

impl Native {
    /// Tables for these parameters.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self::with_level(params, cpu::level())
    }
    /// [`Native::new`] with the kernels of `level`.
    #[must_use]
    pub fn with_level(params: Params, level: Level) -> Self {
        let (degree, plain) = (params.degree(), params.plain());
        let shifts = |bits| Base::Power(Shifts::new(Power::new(bits), plain, degree, level));
        let base = match params.modulus() {
            CipherModulus::Primes(p) => Base::Primes(Rns::new(p, plain, degree, level)),
            CipherModulus::Word(b) => shifts(*b),
            CipherModulus::Limbs(l) => shifts(power::LIMB * l),
        };
        Self {
            base,
            response: Response::new(&params, level),
            counters: Counters::default(),
            params,
        }
    }
    /// What it has done so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.counters.read()
    }
    /// Primes of the transforms with which ciphertexts are made.
    fn primes(&self) -> u64 {
        either!(&self.base, b => b.primes()) as u64
    }
    /// The key that a ternary polynomial is.
    pub(crate) fn secret_key_of(&self, s: &[i8]) -> SecretKey {
        SecretKey {
            base: either!(&self.base, b => b.key(s)),
            response: self.response.key(s),
        }
    }
    /// Appends an encryption with these errors.
    fn encrypt_with(
        &self,
        key: &SecretKey,
        seed: &Seed,
        index: u64,
        message: &[u64],
        errors: &[i8],
        out: &mut Vec<u8>,
    ) {
        either!(&self.base, b => {
            let mut first = b.encode(message, errors);
            b.mask(&mut first, &b.uniform(seed, index), &key.base);
            b.write(&first, out);
        });
    }
    /// What one response draws; shares of the exact mode come with it.
    fn fresh(&self, share: &mut [u64], prg: &mut Prg) -> Fresh {
        let (n, count) = (self.params.degree(), share.len());
        let mut fresh = Fresh {
            ternary: vec![0; n],
            first: vec![0; count],
            second: vec![0; n],
            masks: Vec::new(),
            floods: Vec::new(),
        };
        sample::ternary(prg, &mut fresh.ternary);
        sample::binomial(prg, &mut fresh.first);
        sample::binomial(prg, &mut fresh.second);
        if self.params.mode() == Mode::Exact {
            let plain = self.params.plain();
            fresh.floods = sample::flood(prg, self.params.flooding(), count);
            fresh.masks = vec![0; count];
            sample::residues(prg, plain, &mut fresh.masks);
            share.copy_from_slice(&fresh.masks);
            negate(plain, share);
        }
        fresh
    }
}

impl Backend for Native {
    type SecretKey = SecretKey;
    type PublicKey = PublicKey;
    type Ciphertext = Ciphertext;
    type Weights = Weights;

    fn params(&self) -> &Params {
        &self.params
    }

    fn secret_key(&self, prg: &mut Prg) -> SecretKey {
        let mut s = vec![0; self.params.degree()];
        sample::ternary(prg, &mut s);
        let key = self.secret_key_of(&s);
        wipe(&mut s);
        self.counters.add(Tally {
            ntts: self.primes() + self.response.primes() as u64,
            ..Tally::default()
        });
        key
    }
    fn public_key_len(&self) -> usize {
        size_of::<Seed>() + self.ciphertext_len()
    }
    fn public_key(&self, key: &SecretKey, prg: &mut Prg, out: &mut Vec<u8>) {
        let mut seed = Seed::default();
        prg.fill_bytes(&mut seed);
        out.extend_from_slice(&seed);
        self.encrypt(key, &seed, 0, &vec![0; self.params.degree()], prg, out);
    }
    fn read_public_key(&self, bytes: &[u8]) -> Result<PublicKey, DecodeError> {
        let wrong = DecodeError::Length {
            got: bytes.len(),
            want: self.public_key_len(),
        };
        let (seed, rest) = bytes.split_first_chunk().ok_or(wrong)?;
        let Ciphertext { first, second } = self.read(seed, 0, rest)?;
        self.counters.add(Tally {
            // Modulo primes they are points already.
            ntts: match &self.base {
                Base::Primes(_) => 0,
                Base::Power(_) => 2 * self.primes(),
            },
            ..Tally::default()
        });
        Ok(PublicKey {
            first: either!(&self.base, b => b.public(first)),
            second: either!(&self.base, b => b.public(second)),
        })
    }

    fn ciphertext_len(&self) -> usize {
        self.params.ciphertext_len()
    }
    fn encrypt(
        &self,
        key: &SecretKey,
        seed: &Seed,
        index: u64,
        message: &[u64],
        prg: &mut Prg,
        out: &mut Vec<u8>,
    ) {
        let mut errors = vec![0; self.params.degree()];
        sample::binomial(prg, &mut errors);
        self.encrypt_with(key, seed, index, message, &errors, out);
        wipe(&mut errors);
        self.counters.add(Tally {
            // The message's, or those of the uniform half and of its product.
            ntts: match &self.base {
                Base::Primes(_) => self.primes(),
                Base::Power(_) => 2 * self.primes(),
            },
            encryptions: 1,
            ..Tally::default()
        });
    }
    fn read(&self, seed: &Seed, index: u64, bytes: &[u8]) -> Result<Ciphertext, DecodeError> {
        if bytes.len() != self.ciphertext_len() {
            return Err(DecodeError::Length {
                got: bytes.len(),
                want: self.ciphertext_len(),
            });
        }
        Ok(Ciphertext {
            first: either!(&self.base, b => b.read(bytes))?,
            second: either!(&self.base, b => b.uniform(seed, index)),
        })
    }
    fn add(&self, ciphertext: &mut Ciphertext, message: &[u64]) {
        either!(&self.base, b => {
            let mut plain = b.encode(message, &[]);
            b.add(&mut ciphertext.first, &plain);
            wipe_vec(&mut plain);
        });
        self.counters.add(Tally {
            ntts: match &self.base {
                Base::Primes(_) => self.primes(),
                Base::Power(_) => 0,
            },
            additions: 1,
            ..Tally::default()
        });
    }

    fn prepare(&self, map: &Map, values: &[i64]) -> Result<Weights, Error> {
        map.validate(self.params.degree(), values.len())?;
        let bound = self.params.bound();
        noise::refuse_beyond(bound.weight, values)?;
        let terms = map.ins as u64 * map.exponents.len() as u64;
        if terms > bound.terms {
            return Err(Error::Parameter {
                what: "terms of a coefficient",
                got: terms,
                domain: "at most the declared bound",
            });
        }
        Ok(Weights(match &self.base {
            Base::Primes(rns) => Prepared::Dense(rns.prepare(map, values)),
            Base::Power(shifts) => Prepared::Taps(shifts.prepare(map, values, bound.weight)?),
        }))
    }
    fn multiply(
        &self,
        inputs: &[Ciphertext],
        weights: &Weights,
        outs: core::ops::Range<usize>,
    ) -> Vec<Ciphertext> {
        let both: Vec<[&[u64]; 2]> = inputs.iter().map(|c| [&*c.first, &*c.second]).collect();
        let results: Vec<[Vec<u64>; 2]> = match (&self.base, &weights.0) {
            (Base::Primes(rns), Prepared::Dense(w)) => rns.multiply(&both, w, outs),
            (Base::Power(shifts), Prepared::Taps(w)) => shifts.multiply(&both, w, outs),
            _ => Vec::new(),
        };
        let pairs = (inputs.len() * results.len()) as u64;
        self.counters.add(match &weights.0 {
            Prepared::Dense(w) => Tally {
                weight_ntts: pairs * self.primes() * u64::from(w.anew()),
                products: pairs * self.primes(),
                ..Tally::default()
            },
            Prepared::Taps(w) => Tally {
                taps: pairs * w.terms() as u64,
                ..Tally::default()
            },
        });
        (results.into_iter())
            .map(|[first, second]| Ciphertext { first, second })
            .collect()
    }

    fn response_len(&self, positions: usize) -> usize {
        self.params.response_len(positions)
    }
    fn respond(
        &self,
        key: &PublicKey,
        ciphertext: Ciphertext,
        positions: &[u32],
        share: &mut [u64],
        prg: &mut Prg,
        out: &mut Vec<u8>,
    ) {
        let fresh = self.fresh(share, prg);
        let to = [self.response.first, self.response.second];
        let [mut first, second] =
            either!(&self.base, b => b.respond(key, ciphertext, positions, &fresh, to));
        if self.params.mode() == Mode::Approximate {
            self.response.pad(&mut first, share, prg);
        }
        self.response.write(&first, &second, out);
        self.counters.add(Tally {
            // The ternary polynomial's, and those of two products.
            ntts: 3 * self.primes(),
            responses: 1,
            ..Tally::default()
        });
    }
    fn decrypt(
        &self,
        key: &SecretKey,
        response: &[u8],
        positions: &[u32],
        share: &mut [u64],
    ) -> Result<(), DecodeError> {
        self.response.decrypt(key, response, positions, share)?;
        self.counters.add(Tally {
            ntts: 2 * self.response.primes() as u64,
            decryptions: 1,
            ..Tally::default()
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
