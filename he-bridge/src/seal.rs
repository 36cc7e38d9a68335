//! The second backend: Microsoft SEAL 4.0, through the crate `seal_fhe`.
//!
//! It is there to be differed from: products, masks and responses are made by another implementation of the same
//! scheme (Fan and Vercauteren, eprint 2012/144, in SEAL's full-RNS form), and have to come out as those of
//! [`Native`](crate::Native) do. For use, take that one.
//!
//! **Licence.** `seal_fhe` is AGPL-3.0-only; SEAL itself is MIT. Whoever distributes a program that has this feature
//! turned on, or lets others use it over a network, has to follow the AGPL for the whole of it. No other feature
//! turns this one on.
//!
//! **To build** it takes cmake, compilers for C and C++ and libclang, and about two minutes.
//!
//! # What fits
//! - The ciphertext modulus is a product of primes. SEAL keeps one more for key switching, of which there is none
//!   here, but which encryption under a public key needs: it counts in the 53, 106 and 214 bits that are secure at
//!   degrees 2048, 4096 and 8192. At 4096 some 54 to 85 bits are left for ciphertexts, at 2048 next to nothing. What
//!   does not fit is [`Error::Insecure`].
//! - The plaintext modulus is below 2^60.
//! - Weights are kept as points, 8 N bytes for each prime, input and output polynomial. That is for tests and
//!   comparisons, not for a network.
//!
//! # What differs from the native backend
//! - **Randomness is SEAL's own**: keys, errors, seeds of uniform halves and encryptions of zero are drawn from
//!   `/dev/urandom`, through Blake2xb. The `seed`, `index` and `prg` that are passed to keys and encryptions go
//!   unused; masks, flooding and pads come from `prg`. A message has its own 64-byte seed, so nothing ties it to its
//!   place among others, and one can be repeated: what is to be bound to a session has to be so above this trait.
//! - Errors are Gaussian with a standard deviation of 3.2, cut off at 19.2, by a sampler that is not constant time.
//! - **Little is constant time.** Products are made as points, so that a weight's value is never looked at by
//!   `multiply_plain` (which in coefficients takes another way for polynomials with one term). But SEAL is built with
//!   branches in conditional moves, takes weights to signed values by comparing them, and decrypts with a branch on
//!   coefficients that are 0. Who can time a party closely must not be its peer.
//! - A polynomial of zeros as a weight makes a product that SEAL calls transparent, and would refuse, which would
//!   tell that the weights were zeros. Its check is turned off at build time; responses are never transparent, as
//!   each gets a fresh encryption of zero under the public key.
//! - round(q m / t) is rounded up from (t - 1) / 2 on for an odd t, not from t / 2 on: encodings may differ by one
//!   from the native ones, and noise and flooding are reckoned with 1 / (2 t) more for each.
//! - SEAL overwrites secret keys and what it draws to encrypt; plaintexts (messages, masks, weights) lie in a pool
//!   that is overwritten when the backend and all that was made with it are dropped, not before; ciphertexts before
//!   their mask in memory that SEAL uses again.
//! - Responses are modulo the fewest primes that hold them, not modulo powers of two: longer by up to a prime.
//!
//! # Masking
//! As in the native backend (exact mode): the product has phase q m / t + v, |v| at most a bound that is public. The
//! server adds a fresh encryption of zero, (q / t) r for a uniform r, and flooding 2^40 times as wide as the bound.
//! The client, who knows s, sees m + r, which is uniform; the noise, which is within 2^-40 of that of zero weights;
//! and a c_1 that is pseudorandom to him under RLWE with the secret u, SEAL's division by its last prime included: it
//! is made of a pseudorandom pair modulo the larger modulus. Dropping primes and coefficients afterwards is a
//! function of what he may see. In the approximate mode the coefficients given away are padded uniformly modulo what
//! is left of q instead, and the error of at most one in the last place depends on the weights.

mod ffi;
mod fit;
mod residues;
mod saved;

use core::fmt;
use std::sync::OnceLock;

use piquet_core::wire::DecodeError;
use piquet_core::{Prg, wipe};
use seal_fhe::{BfvEncryptionParametersBuilder, Context, Modulus, SecurityLevel};

use crate::backend::{Backend, Seed};
use crate::map::Map;
use crate::{Error, Mode, Params};
use ffi::{Decryptor, Encryptor, Evaluator, KeyGenerator, Level, Plaintext, Pool, Refused};
use fit::Fit;
use residues::Residues;
use saved::{SEED, Saved};

/// The backend for one set of parameters.
pub struct Seal {
    params: Params,
    context: Context,
    evaluator: Evaluator,
    /// Where plaintexts lie.
    pool: Pool,
    /// The plaintext modulus.
    t: u64,
    /// log2 of the half-width of the flooding.
    flooding: u32,
    /// Ciphertexts, as they are encrypted.
    first: Level,
    residues: Residues,
    saved: Saved,
    /// Keys: with the last prime.
    key_residues: Residues,
    saved_key: Saved,
    /// Responses.
    last: Level,
    response: Residues,
}

/// A secret key, in what uses it; overwritten when it is dropped.
pub struct SecretKey {
    key: ffi::SecretKey,
    encryptor: Encryptor,
    decryptor: Decryptor,
}

/// A public key, in what encrypts under it.
pub struct PublicKey(Encryptor);

/// An encrypted polynomial.
pub struct Ciphertext {
    /// Its coefficients.
    whole: ffi::Ciphertext,
    /// Its points, from the first product on.
    points: OnceLock<ffi::Ciphertext>,
}

/// A server's polynomials, as points: `[outs][ins]`.
pub struct Weights {
    ins: usize,
    points: Vec<Plaintext>,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seal").field(&self.params).finish()
    }
}
/// Nothing of them is printed but what they are.
macro_rules! opaque {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}
opaque!(SecretKey PublicKey Ciphertext Weights);

impl Seal {
    /// SEAL for these parameters, its tables and a throw-away key: milliseconds. Refuses what does not
    /// [fit](self#what-fits).
    pub fn new(params: Params) -> Result<Self, Error> {
        let fit = Fit::new(&params)?;
        let degree = params.degree() as u64;
        Self::build(params, &fit).map_err(|_| Error::Parameter {
            what: "degree",
            got: degree,
            domain: "one for which SEAL takes primes and plaintext modulus",
        })
    }
    fn build(params: Params, fit: &Fit) -> Result<Self, Refused> {
        let refused = |_: seal_fhe::Error| Refused;
        let moduli: Result<Vec<Modulus>, _> = fit.primes.iter().map(|p| Modulus::new(*p)).collect();
        let wanted = BfvEncryptionParametersBuilder::new()
            .set_poly_modulus_degree(params.degree() as u64)
            .set_coefficient_modulus(moduli.map_err(refused)?)
            .set_plain_modulus_u64(fit.t)
            .build()
            .map_err(refused)?;
        let context = Context::new(&wanted, true, SecurityLevel::TC128).map_err(refused)?;
        // Refused here if SEAL finds fault with the parameters.
        let generator = KeyGenerator::new(&context)?;
        let key = generator.secret_key()?;
        let evaluator = Evaluator::new(&context)?;
        let pool = Pool::new()?;
        let primes = &fit.primes[..fit.primes.len() - 1];
        let encryptor = Encryptor::secret(&context, &key)?;
        let zero = Plaintext::of(&pool, &[0]);
        let words = params.degree() * primes.len();
        let sample = encryptor.symmetric(&zero, true, &pool).save();
        let key_sample = generator.seeded_public_key()?.save();
        // Levels are named by hashes that only SEAL knows: primes are dropped from a ciphertext to see them.
        let mut falling = encryptor.symmetric(&zero, false, &pool);
        for _ in fit.left..primes.len() {
            evaluator.drop_one(&mut falling);
        }
        Ok(Self {
            t: fit.t,
            flooding: fit.flooding,
            first: ffi::first_level(&context),
            residues: Residues::new(primes),
            saved: Saved::new(&sample, words).ok_or(Refused)?,
            key_residues: Residues::new(&fit.primes),
            saved_key: Saved::new(&key_sample, words + params.degree()).ok_or(Refused)?,
            last: falling.level(),
            response: Residues::new(&primes[..fit.left]),
            params,
            context,
            evaluator,
            pool,
        })
    }
    /// Primes that are left of the ciphertext modulus in a response.
    #[must_use]
    pub fn response_primes(&self) -> Vec<u64> {
        self.response.primes().iter().map(|p| p.p()).collect()
    }
    fn degree(&self) -> usize {
        self.params.degree()
    }
    /// A message of the caller's, as SEAL wants it.
    fn plaintext(&self, message: &[u64]) -> Plaintext {
        let plain = self.params.plain();
        let mut message: Vec<u64> = message.iter().map(|m| plain.reduce(*m)).collect();
        message.truncate(self.degree());
        let p = Plaintext::of(&self.pool, &message);
        wipe(&mut message);
        p
    }
}

impl Ciphertext {
    fn new(whole: ffi::Ciphertext) -> Self {
        Self {
            whole,
            points: OnceLock::new(),
        }
    }
}

impl Backend for Seal {
    type SecretKey = SecretKey;
    type PublicKey = PublicKey;
    type Ciphertext = Ciphertext;
    type Weights = Weights;

    fn params(&self) -> &Params {
        &self.params
    }

    /// From SEAL's own randomness, not from `prg`.
    fn secret_key(&self, _: &mut Prg) -> SecretKey {
        let made = KeyGenerator::new(&self.context).and_then(|g| {
            let key = g.secret_key()?;
            Ok(SecretKey {
                encryptor: Encryptor::secret(&self.context, &key)?,
                decryptor: Decryptor::new(&self.context, &key)?,
                key,
            })
        });
        made.unwrap_or_else(ffi::bug)
    }
    fn public_key_len(&self) -> usize {
        self.key_residues.packed_len(self.degree()) + SEED
    }
    /// From SEAL's own randomness, not from `prg`.
    fn public_key(&self, key: &SecretKey, _: &mut Prg, out: &mut Vec<u8>) {
        let made = KeyGenerator::of(&self.context, &key.key).and_then(|g| g.seeded_public_key());
        let saved = made.unwrap_or_else(ffi::bug).save();
        let (words, seed) = (self.saved_key.split(&saved)).unwrap_or_else(|| ffi::bug(Refused));
        self.key_residues.pack(&words, out);
        out.extend_from_slice(seed);
    }
    fn read_public_key(&self, bytes: &[u8]) -> Result<PublicKey, DecodeError> {
        let (words, seed) = unpack(&self.key_residues, self.degree(), bytes)?;
        let bytes = self.saved_key.join(&words, seed);
        ffi::PublicKey::load(&self.context, &bytes)
            .and_then(|key| Encryptor::public(&self.context, &key))
            .map(PublicKey)
            .map_err(|_| DecodeError::Range("public key"))
    }

    fn ciphertext_len(&self) -> usize {
        self.residues.packed_len(self.degree()) + SEED
    }
    /// Under a seed of SEAL's: `seed`, `index` and `prg` go unused.
    fn encrypt(
        &self,
        key: &SecretKey,
        _: &Seed,
        _: u64,
        message: &[u64],
        _: &mut Prg,
        out: &mut Vec<u8>,
    ) {
        let plain = self.plaintext(message);
        let saved = key.encryptor.symmetric(&plain, true, &self.pool).save();
        let (words, seed) = (self.saved.split(&saved)).unwrap_or_else(|| ffi::bug(Refused));
        self.residues.pack(&words, out);
        out.extend_from_slice(seed);
    }
    /// The seed is in the message: `seed` and `index` go unused.
    fn read(&self, _: &Seed, _: u64, bytes: &[u8]) -> Result<Ciphertext, DecodeError> {
        let (words, seed) = unpack(&self.residues, self.degree(), bytes)?;
        let bytes = self.saved.join(&words, seed);
        ffi::Ciphertext::load(&self.context, &bytes)
            .map(Ciphertext::new)
            .map_err(|_| DecodeError::Range("ciphertext"))
    }
    fn add(&self, ciphertext: &mut Ciphertext, message: &[u64]) {
        let plain = self.plaintext(message);
        ciphertext.points = OnceLock::new();
        self.evaluator.add_plain(&mut ciphertext.whole, &plain);
    }

    fn prepare(&self, map: &Map, values: &[i64]) -> Result<Weights, Error> {
        map.validate(self.degree(), values.len())?;
        let bound = self.params.bound();
        crate::noise::refuse_beyond(bound.weight, values)?;
        let terms = map.ins as u64 * map.exponents.len() as u64;
        if terms > bound.terms {
            return Err(Error::Parameter {
                what: "terms of a coefficient",
                got: terms,
                domain: "at most the declared bound",
            });
        }
        let plain = self.params.plain();
        let mut polynomial = vec![0; self.degree()];
        // SEAL has weights modulo t, and multiplies by the representative of least absolute value: no larger than the
        // weight.
        let points = (values.chunks_exact(map.exponents.len()))
            .map(|terms| {
                for (e, v) in map.exponents.iter().zip(terms) {
                    let (place, negative) = Map::place(*e, self.degree());
                    let v = plain.reduce_signed(*v);
                    polynomial[place] = if negative { plain.subtract(0, v) } else { v };
                }
                let mut p = Plaintext::of(&self.pool, &polynomial);
                self.evaluator.plain_points(&mut p, self.first, &self.pool);
                p
            })
            .collect();
        wipe(&mut polynomial);
        Ok(Weights {
            ins: map.ins,
            points,
        })
    }
    fn multiply(
        &self,
        inputs: &[Ciphertext],
        weights: &Weights,
        outs: core::ops::Range<usize>,
    ) -> Vec<Ciphertext> {
        let inputs: Vec<&ffi::Ciphertext> = (inputs.iter())
            .map(|c| {
                c.points.get_or_init(|| {
                    let mut points = c.whole.copy();
                    self.evaluator.points(&mut points);
                    points
                })
            })
            .collect();
        outs.map(|o| {
            let row = &weights.points[o * weights.ins..][..weights.ins];
            let mut products = (inputs.iter().zip(row)).map(|(x, w)| self.evaluator.multiply(x, w));
            let mut sum = products
                .next()
                .unwrap_or_else(|| ffi::Ciphertext::zero(&self.context, self.first));
            products.for_each(|p| self.evaluator.add(&mut sum, &p));
            self.evaluator.coefficients(&mut sum);
            Ciphertext::new(sum)
        })
        .collect()
    }

    fn response_len(&self, positions: usize) -> usize {
        self.response.packed_len(self.degree()) + self.response.packed_len(positions)
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
        let n = self.degree();
        let plain = self.params.plain();
        let mut it = ciphertext.whole;
        self.evaluator
            .add(&mut it, &key.0.zero(self.first, &self.pool));
        let exact = self.params.mode() == Mode::Exact;
        if exact {
            let mut mask = vec![0; n];
            for (at, s) in positions.iter().zip(share.iter_mut()) {
                let r = residues::below(self.t, prg);
                mask[*at as usize] = r;
                *s = plain.subtract(0, r);
                let flood = residues::flooding(self.flooding, prg);
                for (j, p) in self.residues.primes().iter().enumerate() {
                    let i = j * n + *at as usize;
                    it.set(i, p.add(it.get(i), residues::residue(p, flood)));
                }
            }
            self.evaluator
                .add_plain(&mut it, &Plaintext::of(&self.pool, &mask));
            wipe(&mut mask);
        }
        self.evaluator.drop_to(&mut it, self.last);
        let primes = self.response.primes();
        let second: Vec<u64> = (0..n * primes.len())
            .map(|i| it.get(n * primes.len() + i))
            .collect();
        let mut first = vec![0; positions.len() * primes.len()];
        let mut pad = vec![0; primes.len()];
        for (i, at) in positions.iter().enumerate() {
            if !exact {
                let rounded = self.response.pad(self.t, prg, &mut pad);
                share[i] = plain.subtract(0, rounded);
            }
            for (j, (p, pad)) in primes.iter().zip(&pad).enumerate() {
                first[j * positions.len() + i] = p.add(it.get(j * n + *at as usize), *pad);
            }
        }
        wipe(&mut pad);
        self.response.pack(&second, out);
        self.response.pack(&first, out);
    }
    fn decrypt(
        &self,
        key: &SecretKey,
        response: &[u8],
        positions: &[u32],
        share: &mut [u64],
    ) -> Result<(), DecodeError> {
        let n = self.degree();
        let want = self.response_len(positions.len());
        if response.len() != want {
            return Err(DecodeError::Length {
                got: response.len(),
                want,
            });
        }
        let (second, first) = response.split_at(self.response.packed_len(n));
        let second = self.response.unpack(second, n)?;
        let first = self.response.unpack(first, positions.len())?;
        let mut whole = ffi::Ciphertext::zero(&self.context, self.last);
        for (i, x) in second.iter().enumerate() {
            whole.set(second.len() + i, *x);
        }
        for (j, plane) in first.chunks_exact(positions.len().max(1)).enumerate() {
            for (at, x) in positions.iter().zip(plane) {
                whole.set(j * n + *at as usize, *x);
            }
        }
        let opened = key.decryptor.decrypt(&whole, &self.pool);
        let len = opened.len();
        for (at, s) in positions.iter().zip(share) {
            let at = *at as usize;
            *s = if at < len { opened.get(at) } else { 0 };
        }
        Ok(())
    }
}

/// Coefficients and seed of a message.
fn unpack<'a>(
    residues: &Residues,
    n: usize,
    bytes: &'a [u8],
) -> Result<(Vec<u64>, &'a [u8]), DecodeError> {
    let len = residues.packed_len(n);
    let wrong = DecodeError::Length {
        got: bytes.len(),
        want: len + SEED,
    };
    let (words, seed) = bytes.split_at_checked(len).ok_or(wrong.clone())?;
    if seed.len() != SEED {
        return Err(wrong);
    }
    Ok((residues.unpack(words, n)?, seed))
}

#[cfg(test)]
mod tests;
