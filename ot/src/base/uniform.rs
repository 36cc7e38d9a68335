//! From endemic to uniform OTs: a coin toss after the OTs, so that nobody has chosen its own strings.
//!
//! An endemic OT lets a corrupt party choose the strings that it learns. Most protocols do not mind, the extensions of
//! this crate among them. For those that do, D. Masny and P. Rindal (CCS 2019, eprint 2019/706) toss coins once the OTs
//! are fixed. Here: the sender commits to 32 random bytes ρ, the receiver answers with 32 bytes σ, the sender opens, and
//! string x of OT i becomes m'_{i,x} = m_{i,x} ⊕ R(ρ, σ; i, x). Commitment and R are blake3, separated by session.
//!
//! # Functionality
//! Uniform random OT with abort, in the endemic-OT-hybrid model with a programmable random oracle: all strings are drawn
//! by the functionality; a corrupt party sees its own first, and may then abort. No further assumption.
//!
//! *Argument.* When either seed is shown, the endemic strings of a corrupt party are fixed and known to the simulator:
//! m_{i,c_i} of a receiver, both m_{i,x} of a sender. The functionality says what the strings have to be; the simulator
//! sets R(ρ, σ; i, x) to the difference, and to anything else at the (i, x) that the corrupt party does not know. It may:
//! against a corrupt sender it reads ρ from the query that made the commitment (a commitment without one cannot be
//! opened, up to 2^-256 a try) and programs before it draws and shows σ; against a corrupt receiver it programs when it
//! has σ, and ρ was hidden by the oracle until then. The mask of each (i, x) is its own; one for both x would keep the
//! difference of the two strings, which is a corrupt sender's choice.
//!
//! # Costs
//! Three messages of 18 + 32 bytes, two rounds after the OTs; one blake3 block of masks for four strings.
//!
//! A bad opening is [`Error::Check`]. Seeds and masks are wiped.

mod machine;
#[cfg(test)]
mod tests;

use core::fmt;

use piquet_core::Block;
use piquet_core::wire::{Encode, Header, Reader, SessionId};
use rand_core::CryptoRng;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::message::exact;
use crate::{Error, Malicious, ReceivedOts, SentOts, kinds};
pub use machine::{ReceiverMachine, SenderMachine};

/// Every message: header and 32 bytes.
const LEN: usize = Header::LEN + 32;

fn write(session: &SessionId, kind: u8, body: &[u8; 32], out: &mut Vec<u8>) {
    Header {
        kind,
        session: *session,
        step: 0,
    }
    .encode(out);
    out.extend_from_slice(body);
}

fn read(session: &SessionId, kind: u8, message: &[u8]) -> Result<[u8; 32], Error> {
    exact(message, LEN)?;
    let header = Header {
        kind,
        session: *session,
        step: 0,
    };
    Ok(Reader::new(header.check(message)?).array()?)
}

fn commitment(session: &SessionId, seed: &[u8; 32]) -> [u8; 32] {
    let mut h = blake3::Hasher::new_derive_key("piquet 2026 uniform OT: commitment");
    h.update(&session.0);
    h.update(seed);
    let digest = *h.finalize().as_bytes();
    h.zeroize();
    digest
}

/// R(ρ, σ; i, 0), R(ρ, σ; i, 1) for i = 0, 1, 2, ...
struct Masks(blake3::OutputReader);

impl Masks {
    fn new(session: &SessionId, sender: &[u8; 32], receiver: &[u8; 32]) -> Self {
        let mut h = blake3::Hasher::new_derive_key("piquet 2026 uniform OT: masks");
        h.update(&session.0);
        h.update(sender);
        h.update(receiver);
        let masks = Self(h.finalize_xof());
        h.zeroize();
        masks
    }
    fn next(&mut self) -> [Block; 2] {
        let mut bytes = Zeroizing::new([0; 32]);
        self.0.fill(&mut *bytes);
        let mut pair = [Block::ZERO; 2];
        bytemuck::must_cast_mut::<_, [u8; 32]>(&mut pair).copy_from_slice(&*bytes);
        pair
    }
}

impl Drop for Masks {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The sender, committed, who waits for the receiver's seed.
pub struct Sender {
    session: SessionId,
    ots: SentOts<Malicious>,
    seed: Zeroizing<[u8; 32]>,
}

impl Sender {
    /// Takes endemic OTs that are finished at both sides, and appends the commitment to send: 50 bytes.
    ///
    /// # Errors
    /// [`Error::Empty`].
    pub fn new<G: CryptoRng + ?Sized>(
        session: SessionId,
        ots: SentOts<Malicious>,
        rng: &mut G,
        out: &mut Vec<u8>,
    ) -> Result<Self, Error> {
        if ots.is_empty() {
            return Err(Error::Empty);
        }
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        write(
            &session,
            kinds::UNIFORM_COMMITMENT,
            &commitment(&session, &seed),
            out,
        );
        Ok(Self { session, ots, seed })
    }
    /// Length of the receiver's seed's message: 50 bytes.
    #[must_use]
    pub fn expects(&self) -> usize {
        LEN
    }
    /// Takes the receiver's seed, appends the opening to send (50 bytes) and gives the uniform OTs.
    ///
    /// # Errors
    /// [`Error::Decode`].
    pub fn finish(self, message: &[u8], out: &mut Vec<u8>) -> Result<SentOts<Malicious>, Error> {
        let answer = read(&self.session, kinds::UNIFORM_ANSWER, message)?;
        write(&self.session, kinds::UNIFORM_OPENING, &self.seed, out);
        let mut masks = Masks::new(&self.session, &self.seed, &answer);
        let blind = |m: &[Block; 2]| {
            let r = masks.next();
            [m[0] ^ r[0], m[1] ^ r[1]]
        };
        Ok(SentOts::from_raw(
            self.ots.messages().iter().map(blind).collect(),
        ))
    }
}

/// The receiver, who waits for the commitment.
pub struct Receiver {
    session: SessionId,
    ots: ReceivedOts<Malicious>,
    seed: Zeroizing<[u8; 32]>,
}

impl Receiver {
    /// Takes endemic OTs that are finished at both sides.
    ///
    /// # Errors
    /// [`Error::Empty`].
    pub fn new<G: CryptoRng + ?Sized>(
        session: SessionId,
        ots: ReceivedOts<Malicious>,
        rng: &mut G,
    ) -> Result<Self, Error> {
        if ots.is_empty() {
            return Err(Error::Empty);
        }
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Ok(Self { session, ots, seed })
    }
    /// Length of the commitment's message: 50 bytes.
    #[must_use]
    pub fn expects(&self) -> usize {
        LEN
    }
    /// Takes the commitment and appends this party's seed: 50 bytes.
    ///
    /// # Errors
    /// [`Error::Decode`].
    pub fn answer(self, message: &[u8], out: &mut Vec<u8>) -> Result<Answered, Error> {
        let commitment = read(&self.session, kinds::UNIFORM_COMMITMENT, message)?;
        write(&self.session, kinds::UNIFORM_ANSWER, &self.seed, out);
        Ok(Answered {
            state: self,
            commitment,
        })
    }
}

/// The receiver, who has answered and waits for the opening.
pub struct Answered {
    state: Receiver,
    commitment: [u8; 32],
}

impl Answered {
    /// Length of the opening's message: 50 bytes.
    #[must_use]
    pub fn expects(&self) -> usize {
        LEN
    }
    /// Takes the opening and gives the uniform OTs.
    ///
    /// # Errors
    /// [`Error::Decode`]; [`Error::Check`] if it does not open the commitment.
    pub fn finish(self, message: &[u8]) -> Result<ReceivedOts<Malicious>, Error> {
        let Receiver { session, ots, seed } = self.state;
        let opened = read(&session, kinds::UNIFORM_OPENING, message)?;
        if !bool::from(commitment(&session, &opened).ct_eq(&self.commitment)) {
            return Err(Error::Check);
        }
        let mut masks = Masks::new(&session, &opened, &seed);
        let choices = ots.choices().duplicate();
        let blind = |(m, c): (&Block, bool)| {
            let [r0, r1] = masks.next();
            let c = Choice::from(u8::from(c));
            *m ^ Block::conditional_select(&r0, &r1, c)
        };
        let messages = ots
            .messages()
            .iter()
            .zip(choices.to_bools())
            .map(blind)
            .collect();
        ReceivedOts::from_raw(choices, messages).ok_or(Error::Empty)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uniform::Sender({}, {:?})", self.ots.len(), self.session)
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "uniform::Receiver({}, {:?})",
            self.ots.len(),
            self.session
        )
    }
}

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answered {:?}", self.state)
    }
}
