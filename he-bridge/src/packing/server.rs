//! The party with the weights.

use core::fmt;

use piquet_core::wire::{Encode, Machine, Reader, SessionId, Step};
use piquet_core::{Prg, RingVec};
use rand_core::CryptoRng;

use super::client;
use super::galois::{self, Work};
use super::{Matvec, Weights, header};
use crate::backend::{Backend, Seed};
use crate::linear::fresh;
use crate::native::{Ciphertext, PublicKey};
use crate::{Error, kinds};

/// A client's public key and the keys of its automorphisms, of one session and matrix: 16 N (L + 1) L bytes of memory
/// for each level, with L primes.
pub struct Keys {
    pub(crate) public: PublicKey,
    pub(crate) levels: Vec<galois::Key>,
    session: SessionId,
    tag: u64,
}

impl Keys {
    /// Reads the message of [`client::Key::new`], [`client::Key::message_len`] bytes.
    pub fn read(of: &Matvec, session: SessionId, step: u64, message: &[u8]) -> Result<Self, Error> {
        super::exactly(message, client::Key::message_len(of))?;
        let mut reader = Reader::new(header(kinds::PACKING_KEYS, session, step).check(message)?);
        if reader.u64()? != of.tag {
            return Err(Error::Mismatch("matrix or parameters"));
        }
        let public = of
            .native
            .read_public_key(reader.bytes(of.native.public_key_len())?)?;
        let seed: Seed = reader.array()?;
        let levels = (0..of.automorphisms.len())
            .map(|l| {
                let bytes = reader.bytes(of.galois.key_len())?;
                of.galois.read(&seed, l as u64, bytes)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            public,
            levels,
            session,
            tag: of.tag,
        })
    }
    /// The session in which they are used.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// One product at the server: [`Machine`] to its share of the output.
///
/// Cost: [`Matvec::transforms`], and an encryption of zero for each response.
pub struct Product<'a> {
    of: &'a Matvec,
    keys: &'a Keys,
    weights: &'a Weights,
    input: Option<&'a [u64]>,
    step: u64,
    prg: Prg,
    begun: bool,
}

impl<'a> Product<'a> {
    /// The product number `step` of the keys' session. `input` is the server's share, residues modulo t, if the
    /// client does not have the whole input.
    pub fn new<R: CryptoRng + ?Sized>(
        of: &'a Matvec,
        keys: &'a Keys,
        weights: &'a Weights,
        step: u64,
        input: Option<&'a [u64]>,
        rng: &mut R,
    ) -> Result<Self, Error> {
        input.map_or(Ok(()), |x| of.check_input(x))?;
        if keys.tag != of.tag || weights.tag != of.tag {
            return Err(Error::Foreign("key or weights"));
        }
        Ok(Self {
            of,
            keys,
            weights,
            input,
            step,
            prg: fresh(rng),
            begun: false,
        })
    }
    /// The client's encryptions, with the server's share added.
    pub(crate) fn read(&self, body: &[u8], work: &mut Work) -> Result<Vec<Ciphertext>, Error> {
        let of = self.of;
        let mut reader = Reader::new(body);
        let salt: Seed = reader.array()?;
        let seed = super::seed(&self.keys.session, self.step, &salt);
        (0..of.plan.ins())
            .map(|i| {
                let bytes = reader.bytes(of.native.ciphertext_len())?;
                let mut first = of.inputs.read(bytes)?;
                if let Some(share) = self.input {
                    let mut points = of.encode(share, i, &[]);
                    of.inputs.add(&mut first, &points);
                    piquet_core::wipe_vec(&mut points);
                    work.transforms += of.galois.primes();
                }
                let second = of.inputs.uniform(&seed, i as u64);
                Ok(Ciphertext { first, second })
            })
            .collect()
    }
    fn respond(&mut self, body: &[u8], out: &mut Vec<u8>) -> Result<RingVec<u64>, Error> {
        let (of, mut work) = (self.of, Work::default());
        let inputs = self.read(body, &mut work)?;
        let packed = of.pack(&self.keys.levels, self.weights, inputs, &mut work);
        let mut output = RingVec::zeros(of.plan.rows());
        header(kinds::PACKING_RESPONSE, self.keys.session, self.step).encode(out);
        for (r, ciphertext) in packed.into_iter().enumerate() {
            let (positions, rows) = of.plan.output(r);
            let mut share = RingVec::zeros(rows.len());
            of.native.respond(
                &self.keys.public,
                ciphertext,
                &positions,
                share.as_mut_slice(),
                &mut self.prg,
                out,
            );
            for (row, y) in rows.iter().zip(share.as_slice()) {
                output.as_mut_slice()[*row] = *y;
            }
        }
        Ok(output)
    }
}

impl Machine for Product<'_> {
    type Output = RingVec<u64>;
    type Error = Error;
    fn expects(&self) -> usize {
        if self.begun { self.of.request_len() } else { 0 }
    }
    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        super::exactly(inbox, self.expects())?;
        if !self.begun {
            self.begun = true;
            return Ok(Step::Recv(self));
        }
        let body = header(kinds::PACKING_REQUEST, self.keys.session, self.step).check(inbox)?;
        Ok(Step::Done(self.respond(body, out)?))
    }
}

impl fmt::Debug for Product<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Product")
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}
