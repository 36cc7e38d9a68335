//! The party with the key.

use core::fmt;

use piquet_core::wire::{Encode, Header, Machine, SessionId, Step};
use piquet_core::{Prg, RingVec, wipe, wipe_vec};
use rand_core::CryptoRng;

use super::{Matvec, header};
use crate::backend::{Backend, Seed};
use crate::linear::fresh;
use crate::native::{SecretKey, sample};
use crate::{Error, kinds};

/// The secret key of one session and matrix; wiped on drop.
pub struct Key {
    secret: SecretKey,
    session: SessionId,
    tag: u64,
}

impl Key {
    /// A new key, and the message that tells the server its public half and the keys of all automorphisms,
    /// [`Key::message_len`] bytes. `step` is the number of the key in its session.
    pub fn new<R: CryptoRng + ?Sized>(
        of: &Matvec,
        session: SessionId,
        step: u64,
        rng: &mut R,
        out: &mut Vec<u8>,
    ) -> Self {
        let mut prg = fresh(rng);
        let mut s = vec![0; of.plan.degree()];
        sample::ternary(&mut prg, &mut s);
        let secret = of.native.secret_key_of(&s);
        let mut points = of.galois.secret(&s);
        wipe(&mut s);
        out.reserve(Self::message_len(of));
        header(kinds::PACKING_KEYS, session, step).encode(out);
        out.extend_from_slice(&of.tag.to_le_bytes());
        of.native.public_key(&secret, &mut prg, out);
        let mut seed = Seed::default();
        prg.fill_bytes(&mut seed);
        out.extend_from_slice(&seed);
        for (l, automorphism) in of.automorphisms.iter().enumerate() {
            of.galois
                .key(&points, automorphism, &seed, l as u64, &mut prg, out);
        }
        wipe_vec(&mut points);
        Self {
            secret,
            session,
            tag: of.tag,
        }
    }
    /// Bytes of its message: a header, a tag, the public key, a seed, and for every level of the packing half of a
    /// key modulo q P for each prime of q.
    #[must_use]
    pub fn message_len(of: &Matvec) -> usize {
        let keys = of.automorphisms.len() * of.galois.key_len();
        Header::LEN + size_of::<u64>() + of.native.public_key_len() + size_of::<Seed>() + keys
    }
    /// The session in which it is used.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }
    #[cfg(test)]
    pub(crate) fn secret(&self) -> &SecretKey {
        &self.secret
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// One product at the client: [`Machine`] to its share of the output.
///
/// Cost: an encryption for each input polynomial and a decryption for each response, [`Matvec::request_len`] and
/// [`Matvec::response_len`].
pub struct Product<'a> {
    of: &'a Matvec,
    key: &'a Key,
    input: &'a [u64],
    step: u64,
    prg: Prg,
    asked: bool,
}

impl<'a> Product<'a> {
    /// The product number `step` of the key's session, of this share of the input: one residue modulo t for every
    /// column. A step is used once.
    pub fn new<R: CryptoRng + ?Sized>(
        of: &'a Matvec,
        key: &'a Key,
        step: u64,
        input: &'a [u64],
        rng: &mut R,
    ) -> Result<Self, Error> {
        of.check_input(input)?;
        if key.tag != of.tag {
            return Err(Error::Foreign("key"));
        }
        Ok(Self {
            of,
            key,
            input,
            step,
            prg: fresh(rng),
            asked: false,
        })
    }
    fn request(&mut self, out: &mut Vec<u8>) {
        let of = self.of;
        header(kinds::PACKING_REQUEST, self.key.session, self.step).encode(out);
        let mut salt = Seed::default();
        self.prg.fill_bytes(&mut salt);
        out.extend_from_slice(&salt);
        let seed = super::seed(&self.key.session, self.step, &salt);
        let mut errors = vec![0; of.plan.degree()];
        for i in 0..of.plan.ins() {
            sample::binomial(&mut self.prg, &mut errors);
            let mut first = of.encode(self.input, i, &errors);
            let uniform = of.inputs.uniform(&seed, i as u64);
            of.inputs.mask(&mut first, &uniform, &self.key.secret.base);
            of.inputs.write(&first, out);
        }
        wipe(&mut errors);
    }
    fn decrypt(&self, mut body: &[u8]) -> Result<RingVec<u64>, Error> {
        let (plan, native) = (&self.of.plan, &self.of.native);
        let mut output = RingVec::zeros(plan.rows());
        for r in 0..plan.responses() {
            let (positions, rows) = plan.output(r);
            let (head, tail) = body.split_at(native.response_len(positions.len()));
            body = tail;
            let mut share = RingVec::zeros(rows.len());
            native.decrypt(&self.key.secret, head, &positions, share.as_mut_slice())?;
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
        if self.asked {
            self.of.response_len()
        } else {
            0
        }
    }
    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        super::exactly(inbox, self.expects())?;
        if self.asked {
            let body = header(kinds::PACKING_RESPONSE, self.key.session, self.step).check(inbox)?;
            return Ok(Step::Done(self.decrypt(body)?));
        }
        self.request(out);
        self.asked = true;
        Ok(Step::Recv(self))
    }
}

impl fmt::Debug for Product<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Product")
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}
