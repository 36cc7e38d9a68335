//! Base OTs on ML-KEM-768 (FIPS 203), for callers whose adversary may have a quantum computer.
//!
//! # Protocol
//! The endemic OT from a two-message key agreement of D. Masny and P. Rindal (CCS 2019, eprint 2019/706), who instantiate
//! it with Kyber, the ancestor of ML-KEM. An encapsulation key is (t, ρ): t in Z_q^768, q = 3329, and a seed ρ of the
//! matrix. H_i is a hash of x, ρ and a vector to Z_q^768.
//!
//! - Receiver with choices c_i: makes a key pair ((t_i, ρ_i), d_i), a uniform vector r_{i,1-c_i}, and
//!   r_{i,c_i} = t_i - H_i(c_i, ρ_i, r_{i,1-c_i}); sends ρ_i, r_{i,0}, r_{i,1}.
//! - Sender: encapsulates to both (r_{i,x} + H_i(x, ρ_i, r_{i,1-x}), ρ_i), each with fresh randomness; sends both
//!   ciphertexts and outputs m_{i,x} = K(i, x, shared key).
//! - Receiver: decapsulates the ciphertext of c_i with d_i and outputs m_{i,c_i} = K(i, c_i, shared key).
//!
//! As on the curve, K is keyed by a hash of the session, of n and of both messages whole. Every key gets a ciphertext
//! of its own: nothing of one instance is used in another.
//!
//! # Security
//! Endemic OT against a malicious party, as [`crate::base`]; *module LWE* with the parameters of ML-KEM-768; H, K and the
//! hashes of ML-KEM are random oracles, classical ones: a proof with quantum access to them is not claimed.
//!
//! *Corrupt sender.* Without knowing the secret, t_i looks uniform beside ρ_i, so both vectors do. The simulator makes two key
//! pairs under one ρ_i (two samples of the same matrix) and sets both values of H_i so that both keys are its own; it then
//! decapsulates both ciphertexts, whatever they are, as the receiver would have done the one.
//!
//! *Corrupt receiver.* Of the two values of H_i that make its keys, that which was asked for first is taken for the choice.
//! The vector that the second is added to is an input of an earlier query, so that a reduction that guesses it can answer
//! the second with (uniform key) - (vector). To a uniform key (t, A) a ciphertext is a sample of LWE with the matrix
//! (A, t), whatever the choice of ρ among those that were hashed; who cannot decrypt cannot ask the hash that makes the
//! shared key. The guesses cost a factor of the number of queries.
//!
//! # Costs
//! Receiver 18 + 2336 n bytes, then sender 18 + 2176 n: two rounds. n key generations, 2 n encapsulations, n
//! decapsulations. 128 OTs are 578 KB and take tens of milliseconds, most of them in `ml-kem`.
//!
//! Constant time as far as `ml-kem` and blake3 are: vectors are sampled by reducing 128 bits a coefficient (2^-116 from
//! uniform each), never by rejection, whose running time would tell the choice, and without division.

mod machine;
#[cfg(test)]
mod tests;
mod vector;

use core::fmt;

use ::ml_kem::kem::{Decapsulate, KeyExport};
use ::ml_kem::{DecapsulationKey768, EncapsulationKey768, Seed, SharedKey, ml_kem_768};
use piquet_core::BitVec;
use piquet_core::wire::{DecodeError, Encode, Header, Reader, SessionId};
use rand_core::CryptoRng;
use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, Zeroizing};

use super::bit;
use super::message::{Transcript, digest, exact};
use crate::{Error, Malicious, ReceivedOts, SentOts, kinds};
pub use machine::{ReceiverMachine, SenderMachine};
use vector::{Hash, VECTOR, Vector};

/// The largest batch: messages of 9 MiB.
pub const MAX: usize = 1 << 12;

const CIPHERTEXT: usize = 1088;
const FROM_RECEIVER: usize = 32 + 2 * VECTOR;
const FROM_SENDER: usize = 2 * CIPHERTEXT;

fn check_count(n: usize) -> Result<(), Error> {
    match n {
        0 => Err(Error::Empty),
        1..=MAX => Ok(()),
        _ => Err(Error::Parameter {
            what: "number of base OTs on ML-KEM",
            got: n as u64,
            domain: "1 to 2^12",
        }),
    }
}

fn header(session: &SessionId, kind: u8) -> Header {
    Header {
        kind,
        session: *session,
        step: 0,
    }
}

/// The sender, who waits for the receiver's keys.
pub struct Sender {
    session: SessionId,
    n: usize,
    seed: Zeroizing<[u8; 32]>,
}

impl Sender {
    /// Begins `n` OTs, from 1 to [`MAX`]. The receiver speaks first.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Parameter`].
    pub fn new<G: CryptoRng + ?Sized>(
        session: SessionId,
        n: usize,
        rng: &mut G,
    ) -> Result<Self, Error> {
        check_count(n)?;
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Ok(Self { session, n, seed })
    }

    /// Length of the receiver's message: 18 + 2336 n bytes.
    #[must_use]
    pub fn expects(&self) -> usize {
        Header::LEN + self.n * FROM_RECEIVER
    }

    /// Makes both strings of each OT from the receiver's message and appends the one to send: 18 + 2176 n bytes.
    ///
    /// # Errors
    /// [`Error::Decode`] if the message is not one of this session and length, or holds a coefficient of q or more.
    pub fn finish(self, message: &[u8], out: &mut Vec<u8>) -> Result<SentOts<Malicious>, Error> {
        exact(message, self.expects())?;
        let body = header(&self.session, kinds::MLKEM_RECEIVER).check(message)?;
        let hash = Hash::new(&self.session);
        let start = out.len();
        header(&self.session, kinds::MLKEM_SENDER).encode(out);
        let mut shared = Zeroizing::new(Vec::with_capacity(2 * self.n));
        let outcome = body.chunks_exact(FROM_RECEIVER).enumerate().try_for_each(
            |(i, item)| -> Result<(), Error> {
                let mut r = Reader::new(item);
                let rho = r.array()?;
                let encoded: [[u8; VECTOR]; 2] = [r.array()?, r.array()?];
                for x in 0..2 {
                    let mut t = Vector::decode(&encoded[x])?;
                    t.add(&hash.of(i, x as u8, &rho, &encoded[1 - x]));
                    shared.push(self.encapsulate(i, x as u8, &t, &rho, out)?);
                }
                Ok(())
            },
        );
        if let Err(e) = outcome {
            out.truncate(start);
            return Err(e);
        }
        let keys = Transcript {
            session: &self.session,
            n: self.n,
            sender: &digest(&out[start..]),
            receiver: &digest(message),
        }
        .keys();
        let pairs = shared.as_chunks::<2>().0.iter().enumerate();
        let messages = pairs
            .map(|(i, [zero, one])| [keys.derive(i, 0, zero), keys.derive(i, 1, one)])
            .collect();
        Ok(SentOts::from_raw(messages))
    }

    /// Appends the ciphertext; the shared key.
    fn encapsulate(
        &self,
        i: usize,
        x: u8,
        t: &Vector,
        rho: &[u8; 32],
        out: &mut Vec<u8>,
    ) -> Result<[u8; 32], Error> {
        let bytes = [&t.encode()[..], rho].concat();
        let range = DecodeError::Range("an encapsulation key");
        let key = bytes.as_slice().try_into().map_err(|_| range.clone())?;
        let key = EncapsulationKey768::new(key).map_err(|_| range)?;
        let mut index = [x; 9];
        index[1..].copy_from_slice(&(i as u64).to_le_bytes());
        let mut m: [u8; 32] = blake3::keyed_hash(&self.seed, &index).into();
        let (ciphertext, mut shared) = key.encapsulate_deterministic(&m.into());
        m.zeroize();
        out.extend_from_slice(&ciphertext);
        Ok(take(&mut shared))
    }
}

fn take(shared: &mut SharedKey) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(shared);
    shared.as_mut_slice().zeroize();
    key
}

/// The receiver, who has sent its keys and waits for the ciphertexts.
pub struct Receiver {
    session: SessionId,
    choices: BitVec,
    keys: Vec<DecapsulationKey768>,
    sent: [u8; 32],
}

impl Receiver {
    /// Begins one OT for each of `choices`, 1 to [`MAX`] of them, and appends the message to send: 18 + 2336 n bytes.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Parameter`].
    pub fn new<G: CryptoRng + ?Sized>(
        session: SessionId,
        choices: &BitVec,
        rng: &mut G,
        out: &mut Vec<u8>,
    ) -> Result<Self, Error> {
        let n = choices.len();
        check_count(n)?;
        let hash = Hash::new(&session);
        let start = out.len();
        out.reserve(Header::LEN + n * FROM_RECEIVER);
        header(&session, kinds::MLKEM_RECEIVER).encode(out);
        let mut keys = Vec::with_capacity(n);
        for (i, c) in choices.to_bools().enumerate() {
            let c = bit(c);
            let mut seed = Zeroizing::new([0; 64]);
            rng.fill_bytes(&mut *seed);
            let key = DecapsulationKey768::from_seed(Seed::from(*seed));
            let public = key.encapsulation_key().to_bytes();
            let mut r = Reader::new(&public);
            let (t, rho): ([u8; VECTOR], [u8; 32]) = (r.array()?, r.array()?);
            let other = Vector::random(rng).encode();
            let x = u8::conditional_select(&0, &1, c);
            let mut chosen = Vector::decode(&t)?;
            chosen.sub(&hash.of(i, x, &rho, &other));
            let chosen = chosen.encode();
            out.extend_from_slice(&rho);
            let pick = |a: &[u8; VECTOR], b: &[u8; VECTOR], c: Choice| -> [u8; VECTOR] {
                core::array::from_fn(|k| u8::conditional_select(&a[k], &b[k], c))
            };
            out.extend_from_slice(&pick(&chosen, &other, c));
            out.extend_from_slice(&pick(&other, &chosen, c));
            keys.push(key);
        }
        Ok(Self {
            session,
            choices: choices.duplicate(),
            keys,
            sent: digest(&out[start..]),
        })
    }

    /// Length of the sender's message: 18 + 2176 n bytes.
    #[must_use]
    pub fn expects(&self) -> usize {
        Header::LEN + self.keys.len() * FROM_SENDER
    }

    /// Makes the chosen string of each OT from the sender's message.
    ///
    /// # Errors
    /// [`Error::Decode`] if the message is not one of this session and length. All ciphertexts are accepted: one that the
    /// sender did not make by encapsulation gives a string of which it knows what the functionality lets it.
    pub fn finish(self, message: &[u8]) -> Result<ReceivedOts<Malicious>, Error> {
        exact(message, self.expects())?;
        let body = header(&self.session, kinds::MLKEM_SENDER).check(message)?;
        let derive = Transcript {
            session: &self.session,
            n: self.keys.len(),
            sender: &digest(message),
            receiver: &self.sent,
        }
        .keys();
        let items = body.chunks_exact(FROM_SENDER);
        let mut messages = Vec::with_capacity(self.keys.len());
        for (i, ((key, c), item)) in self
            .keys
            .iter()
            .zip(self.choices.to_bools())
            .zip(items)
            .enumerate()
        {
            let c = bit(c);
            let (zero, one) = item.split_at(CIPHERTEXT);
            let mut ciphertext = ml_kem_768::Ciphertext::default();
            for (k, b) in ciphertext.iter_mut().enumerate() {
                *b = u8::conditional_select(&zero[k], &one[k], c);
            }
            let mut shared = key.decapsulate(&ciphertext);
            ciphertext.as_mut_slice().zeroize();
            let shared = Zeroizing::new(take(&mut shared));
            messages.push(derive.derive(i, u8::conditional_select(&0, &1, c), &shared));
        }
        ReceivedOts::from_raw(self.choices, messages).ok_or(Error::Empty)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mlkem::Sender({}, {:?})", self.n, self.session)
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.choices.len();
        write!(f, "mlkem::Receiver({n}, {:?})", self.session)
    }
}
