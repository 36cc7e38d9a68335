//! Triples of elements of Z_2^k under encryption: c = a b, a, b and c shared by addition. Semi-honest only.
//!
//! **Protocol.** After D. Rathee, T. Schneider, K. Shukla (CANS 2019, eprint 2019/577). Each party draws its shares of a and b. In
//! a b = a_0 b_0 + a_0 b_1 + b_0 a_1 + a_1 b_1 the client, who holds the keys, encrypts a_0 and b_0; the server, by two products and one
//! sum, makes an encryption of y = a_0 b_1 + b_0 a_1 and gives back y + r. All shares are taken to their representatives in
//! -2^(k-1)..2^(k-1), so that |y| <= Y = 2^(2k-1) over the integers, and what is encrypted is integers modulo T = t_1 ... t_l, [`SLOTS`] of
//! them to a block: for each prime t_j one pair of ciphertexts with plaintext modulus t_j and the residues in their slots.
//!
//! **Wrapping.** Masks are uniform modulo each t_j, so r is uniform modulo T: the client's residues join to v in 0..T, the
//! server's to s in 0..T, and v + s = y modulo T. The shares of y modulo 2^k are v and s - T. They are wrong unless
//! v + s = y + T over the integers, that is, if 0 <= s <= y or y + T < s: of the T values that s has, at most |y| + 1 do that. T >= (Y + 1)
//! 2^40, so that a triple is wrong with a probability of at most 2^-40 ([`WRAP`]), whatever a and b are. In return masks are
//! perfect, where a mask of 40 bits more than y would leave a distance of 2^-40.
//!
//! **Bytes.** The client's key message: a header, 8 bytes for each prime that stand for its parameters, a public key for each. For each
//! block a request: a header, a seed of 32 bytes, for each prime the ciphertexts of a_0 and b_0; and a response: a header, for
//! each prime one masked polynomial. [`Elements::sent`] counts them; k = 64 has 4 primes of 42 bits. Up to [`WINDOW`] blocks are in
//! flight: that many requests, then as many responses.
//!
//! **Security.** RLWE, semi-honest parties. The server sees ciphertexts and masks of its own. The client sees responses,
//! which are simulated from v by the flooding of the exact mode, within 2^-40 for each of a block's l N coefficients; and v is uniform modulo T,
//! whatever the server's shares are. Given both parties' shares of a, b and c, a simulator draws v among the integers of 0..T that
//! give the client's share of c: from the protocol's v that differs by less than 2^k / T < 2^-40. So for each triple all distances
//! together are below (l + 2) 2^-40. Both parties learn how many triples the other wants. Constant time in shares, masks and
//! keys, as far as the backend is.

mod run;
mod slots;

use core::fmt;
use std::sync::Arc;

use piquet_core::Ring;
use piquet_core::wire::{DecodeError, Encode, Header, Reader, SessionId};
use rand_core::CryptoRng;

use crate::backend::{Backend, Seed};
use crate::linear::fresh;
use crate::map::Map;
use crate::triples::width;
use crate::{Error, Native, Params, kinds};
pub use run::{ClientRun, ServerRun, WINDOW};
use slots::Field;
pub use slots::{SLOTS, WRAP};

/// Both parties' tables for triples of one width, public. Megabytes: made once and shared.
pub struct Elements<B = Native> {
    bits: u32,
    fields: Vec<Field<B>>,
    map: Map,
    positions: Vec<u32>,
}

impl Elements {
    /// Tables for elements of `bits` bits, 1 to 64.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(bits: u32) -> Result<Self, Error> {
        Self::with_backend(bits, Native::new)
    }
}

impl<B: Backend> Elements<B> {
    /// [`Elements::new`] over another backend.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn with_backend(bits: u32, backend: impl FnMut(Params) -> B) -> Result<Self, Error> {
        width::<u64>(bits)?;
        let primes = slots::primes(bits);
        let backends = slots::parameters(&primes)?.into_iter().map(backend);
        Ok(Self {
            bits,
            fields: Field::all(&primes, backends.collect()),
            map: Map {
                ins: 2,
                outs: 1,
                exponents: (0..SLOTS as u32).collect(),
            },
            positions: (0..SLOTS as u32).collect(),
        })
    }
    /// k.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }
    /// Parameters, for each prime t_j.
    pub fn params(&self) -> impl Iterator<Item = &Params> {
        self.fields.iter().map(|f| f.he.params())
    }
    /// Bytes of the client's key message.
    #[must_use]
    pub fn key_len(&self) -> usize {
        let of = |f: &Field<B>| size_of::<u64>() + f.he.public_key_len();
        Header::LEN + self.fields.iter().map(of).sum::<usize>()
    }
    /// Bytes of a request.
    #[must_use]
    pub fn request_len(&self) -> usize {
        let of = |f: &Field<B>| 2 * f.he.ciphertext_len();
        Header::LEN + size_of::<Seed>() + self.fields.iter().map(of).sum::<usize>()
    }
    /// Bytes of a response.
    #[must_use]
    pub fn response_len(&self) -> usize {
        let of = |f: &Field<B>| f.he.response_len(SLOTS);
        Header::LEN + self.fields.iter().map(of).sum::<usize>()
    }
    /// Bytes that client and server send for a number of triples, without the key message.
    #[must_use]
    pub fn sent(&self, triples: usize) -> [usize; 2] {
        let blocks = triples.div_ceil(SLOTS);
        [self.request_len(), self.response_len()].map(|len| blocks.saturating_mul(len))
    }
    fn header(&self, kind: u8, session: SessionId, step: u64) -> Header {
        Header {
            kind,
            session,
            step,
        }
    }
}

/// The party that holds the keys.
pub struct Client<B: Backend = Native> {
    elements: Arc<Elements<B>>,
    session: SessionId,
    keys: Vec<B::SecretKey>,
}

/// The other one.
pub struct Server<B: Backend = Native> {
    elements: Arc<Elements<B>>,
    session: SessionId,
    keys: Vec<B::PublicKey>,
}

impl<B: Backend> Client<B> {
    /// Draws keys, which serve for any number of runs of this session, and appends the key message.
    pub fn new<G: CryptoRng + ?Sized>(
        elements: Arc<Elements<B>>,
        session: SessionId,
        rng: &mut G,
        out: &mut Vec<u8>,
    ) -> Arc<Self> {
        let mut prg = fresh(rng);
        out.reserve(elements.key_len());
        elements
            .header(kinds::TRIPLE_KEYS, session, elements.bits.into())
            .encode(out);
        for params in elements.params() {
            out.extend_from_slice(&params.tag().to_le_bytes());
        }
        let keys = (elements.fields.iter())
            .map(|f| {
                let key = f.he.secret_key(&mut prg);
                f.he.public_key(&key, &mut prg, out);
                key
            })
            .collect();
        Arc::new(Self {
            elements,
            session,
            keys,
        })
    }
    /// Run number `instance` of the session: this party's part of `triples` triples, at least 1. A number is used once.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn run<R: Ring, G: CryptoRng + ?Sized>(
        self: &Arc<Self>,
        instance: u32,
        triples: usize,
        rng: &mut G,
    ) -> Result<ClientRun<R, B>, Error> {
        ClientRun::new(self.clone(), instance, triples, rng)
    }
}

impl<B: Backend> Server<B> {
    /// Reads the client's key message.
    ///
    /// # Errors
    /// [`Error::Message`]; [`Error::Mismatch`] if the client's parameters are others.
    pub fn new(
        elements: Arc<Elements<B>>,
        session: SessionId,
        message: &[u8],
    ) -> Result<Arc<Self>, Error> {
        if message.len() != elements.key_len() {
            let (got, want) = (message.len(), elements.key_len());
            return Err(DecodeError::Length { got, want }.into());
        }
        let header = elements.header(kinds::TRIPLE_KEYS, session, elements.bits.into());
        let mut body = Reader::new(header.check(message)?);
        for params in elements.params() {
            if body.u64()? != params.tag() {
                return Err(Error::Mismatch("parameters"));
            }
        }
        let keys = (elements.fields.iter())
            .map(|f| f.he.read_public_key(body.bytes(f.he.public_key_len())?))
            .collect::<Result<_, _>>()?;
        body.end()?;
        Ok(Arc::new(Self {
            elements,
            session,
            keys,
        }))
    }
    /// Run number `instance` of the session: this party's part of `triples` triples, at least 1. A number is used once.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn run<R: Ring, G: CryptoRng + ?Sized>(
        self: &Arc<Self>,
        instance: u32,
        triples: usize,
        rng: &mut G,
    ) -> Result<ServerRun<R, B>, Error> {
        ServerRun::new(self.clone(), instance, triples, rng)
    }
}

impl<B> fmt::Debug for Elements<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Elements<Z_2^{}>({} primes)",
            self.bits,
            self.fields.len()
        )
    }
}

impl<B: Backend> fmt::Debug for Client<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({:?})", self.elements)
    }
}

impl<B: Backend> fmt::Debug for Server<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({:?})", self.elements)
    }
}

#[cfg(test)]
mod tests;
