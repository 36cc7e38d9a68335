//! Base OTs: n random OTs from public-key cryptography on ristretto255, in one round.
//!
//! # Functionality
//! *Endemic* random OT (D. Masny, P. Rindal, CCS 2019, eprint 2019/706), n instances at once, against a malicious party,
//! with abort: of each honest OT all strings are uniform, but a corrupt sender may choose both of its strings, a corrupt
//! receiver the one that it receives (never the other). The extensions of this crate ask for no more; [`uniform`] takes
//! the choice away from a corrupt party for callers who need it.
//!
//! # Protocol
//! The batched OT from a programmable-once public function (POPF) and Diffie-Hellman of I. McQuoid, M. Rosulek, L. Roy
//! (ASIACRYPT 2021, eprint 2021/682), with their streamlined Feistel POPF. G is the base point, H_i a hash of 33 bytes to
//! the group, both sides of the equations in the group of prime order ℓ:
//!
//! - Sender: a, sends A = a G. Once, for all instances.
//! - Receiver with choices c_i: b_i, s', and T_i = b_i G - H_i(c_i, s'); sends T_i and s_i = s' ⊕ c_i enc(T_i).
//! - Point x of instance i is B_{i,x} = T_i + H_i(x, s_i ⊕ x enc(T_i)). The sender outputs
//!   m_{i,x} = K(i, x, a B_{i,x}), the receiver m_{i,c_i} = K(i, c_i, b_i A).
//!
//! K is keyed by a hash of the session, of n and of both messages whole. Neither message depends on the other, so that
//! they cross: one round. That A serves all instances is what the paper above is about: it is sound because instance
//! and x are in both hashes, so that neither a copied (T, s) nor a point used twice gives related keys.
//!
//! # Security
//! Random oracle model (H and K, programmable); *strong Diffie-Hellman* (computational Diffie-Hellman where one may ask
//! whether Z = a Y, for chosen Y and Z) for the sender, nothing for the choices. The argument, for the shape at hand:
//!
//! *Corrupt sender.* For every H, T_i is uniform because b_i is, and s_i is uniform and independent of it because s' is:
//! the choice is hidden perfectly. The simulator draws T_i, s_i, and sets both H_i(0, s_i) and H_i(1, s_i ⊕ enc(T_i)) so
//! that B_{i,x} = b_{i,x} G with known b_{i,x}; it fails only if one had been asked for before s_i, of 256 bits, was
//! sent. It then reads both strings off any A, however A was made.
//!
//! *Corrupt receiver.* Of the two values of H that make B_{i,0} and B_{i,1}, that which was asked for first is taken for
//! the choice (none: 0). When the second is asked for, T_i is fixed up to the choice among the first values: its encoding is the
//! xor of two inputs of H_i. A reduction that guesses the partner of each query answers it so that T + H_i(x, v) is
//! C + r G for the challenge C and its own r; if the receiver ever asks K for a (C + r G), recognised by the oracle, that
//! gives a C. The oracle also answers for all other keys consistently. The guess costs a factor of the number of
//! queries to one H_i. Until that query the string not chosen is uniform.
//!
//! *Hash to the group.* The paper takes H uniform in the group. Here H = 2 MAP(h), with h 32 bytes of blake3 and MAP the
//! Elligator map of RFC 9496 applied once, at half the price; its values are not uniform. They need not be: both
//! parts of the argument only ever *set* a value, to some P whose logarithm, or distance from C, they know, and may draw
//! P again. A point has at most 16 field elements that map to it, 8 on average, all easy to find; to keep a uniform P with
//! probability (their number) / 16 and to answer with a random one of them makes h uniform, up to 2^-250 for the few
//! elements with two encodings, after 2 attempts on average. Doubling permutes the group.
//!
//! # Bytes
//! The sender draws 64 bytes, the receiver 64 and 32 for s' of one OT after another; a and b_i are twice the 64 bytes,
//! little-endian, modulo ℓ. H_i(x, v) hashes i (8 bytes), x, v; K(i, x, P) hashes i, x, enc(P), its first 16 bytes.
//!
//! # Misuse
//! One run per session identifier and direction: take a [`SessionId::child`] for each.
//!
//! # Costs
//! Sender 18 + 32 bytes, receiver 18 + 64 n bytes, one round. Sender: 2 n variable-base products of one scalar, n
//! decodings, 2 n maps. Receiver: 2 n fixed-base products (G; A through a table made for it), n maps. Encodings come in
//! batches without square roots, which is what halves and doublings in the code are for: enc(2 P) of many P shares one
//! inversion.
//!
//! On processors with AVX-512 IFMA all of this is done for eight points at a time by `piquet_core::ristretto`, elsewhere by
//! `curve25519-dalek`; the bytes are the same.
//!
//! Constant time in scalars, choices and strings, as far as those two and blake3 are; they are wiped, temporary copies
//! within those crates excepted.

mod group;
mod message;
#[cfg(feature = "ml-kem")]
pub mod mlkem;
mod popf;
#[cfg(test)]
mod tests;
pub mod uniform;

use core::fmt;

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use piquet_core::BitVec;
use piquet_core::wire::{Machine, SessionId, Step};
use rand_core::CryptoRng;
use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, Zeroizing};

use crate::inbox::nothing;
use crate::{Error, Malicious, ReceivedOts, SentOts};
use group::Group;
use message::{BAD_POINT, Transcript};
use popf::Popf;

/// The largest batch: a message of 4 MiB.
pub const MAX: usize = 1 << 16;

fn check_count(n: usize) -> Result<(), Error> {
    match n {
        0 => Err(Error::Empty),
        1..=MAX => Ok(()),
        _ => Err(Error::Parameter {
            what: "number of base OTs",
            got: n as u64,
            domain: "1 to 2^16",
        }),
    }
}

fn bit(b: bool) -> Choice {
    Choice::from(u8::from(b))
}

fn random_scalar<G: CryptoRng + ?Sized>(rng: &mut G) -> Scalar {
    let mut wide = Zeroizing::new([0; 64]);
    rng.fill_bytes(&mut *wide);
    Scalar::from_bytes_mod_order_wide(&wide)
}

/// The sender, who has sent its point and waits for the receiver's message.
pub struct Sender {
    session: SessionId,
    n: usize,
    half: Scalar, // a / 2
    sent: [u8; 32],
}

impl Sender {
    /// Begins `n` OTs, from 1 to [`MAX`], and appends the message to send: 50 bytes.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Parameter`].
    pub fn new<G: CryptoRng + ?Sized>(
        session: SessionId,
        n: usize,
        rng: &mut G,
        out: &mut Vec<u8>,
    ) -> Result<Self, Error> {
        check_count(n)?;
        let half = random_scalar(rng);
        let point = RistrettoPoint::mul_base(&(half + half))
            .compress()
            .to_bytes();
        let sent = message::write_sender(&session, &point, out);
        Ok(Self {
            session,
            n,
            half,
            sent,
        })
    }

    /// The same run as a [`Machine`].
    ///
    /// # Errors
    /// As [`Sender::new`].
    pub fn machine<G: CryptoRng + ?Sized>(
        session: SessionId,
        n: usize,
        rng: &mut G,
    ) -> Result<Exchange<Self>, Error> {
        let mut message = Vec::new();
        let state = Self::new(session, n, rng, &mut message)?;
        Ok(Exchange {
            message: Some(message),
            state,
        })
    }

    /// Length of the receiver's message: 18 + 64 n bytes.
    #[must_use]
    pub fn expects(&self) -> usize {
        message::receiver_len(self.n)
    }

    /// Makes both strings of each OT from the receiver's message.
    ///
    /// # Errors
    /// [`Error::Decode`] if the message is not one of this session and length, or holds bytes that are not the canonical
    /// encoding of a point, or the identity.
    pub fn finish(self, message: &[u8]) -> Result<SentOts<Malicious>, Error> {
        let (points, masks) = message::read_receiver(&self.session, self.n, message)?;
        let popf = Popf::new(&self.session);
        let hash = |x: u8| -> Vec<_> {
            let x = Choice::from(x);
            let items = points.iter().zip(&masks).enumerate();
            items
                .map(|(i, (t, s))| popf.hash(i, x, &popf::mask(s, t, x)))
                .collect()
        };
        let shared = Group::new(self.n).share(&self.half, &points, [&hash(0), &hash(1)]);
        let [zeros, ones] = shared.ok_or(BAD_POINT)?.map(Zeroizing::new);
        let keys = Transcript {
            session: &self.session,
            n: self.n,
            sender: &self.sent,
            receiver: &message::digest(message),
        }
        .keys();
        let pairs = zeros.iter().zip(ones.iter()).enumerate();
        let messages = pairs
            .map(|(i, (zero, one))| [keys.derive(i, 0, zero), keys.derive(i, 1, one)])
            .collect();
        Ok(SentOts::from_raw(messages))
    }
}

/// The receiver, who has sent its points and waits for the sender's.
pub struct Receiver {
    session: SessionId,
    choices: BitVec,
    halves: Vec<Scalar>, // b_i / 2
    sent: [u8; 32],
}

impl Receiver {
    /// Begins one OT for each of `choices`, 1 to [`MAX`] of them, and appends the message to send: 18 + 64 n bytes.
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
        let popf = Popf::new(&session);
        let mut halves = Vec::with_capacity(n);
        let mut masks = Vec::with_capacity(n);
        let mut hashes = Zeroizing::new(Vec::with_capacity(n));
        for (i, c) in choices.to_bools().enumerate() {
            let mut s = [0; 32];
            halves.push(random_scalar(rng));
            rng.fill_bytes(&mut s);
            hashes.push(popf.hash(i, bit(c), &s));
            masks.push(s);
        }
        let points = Group::new(n).blind(&halves, &hashes);
        for ((s, t), c) in masks.iter_mut().zip(&points).zip(choices.to_bools()) {
            *s = popf::mask(s, t, bit(c));
        }
        let sent = message::write_receiver(&session, &points, &masks, out);
        Ok(Self {
            session,
            choices: choices.duplicate(),
            halves,
            sent,
        })
    }

    /// The same run as a [`Machine`].
    ///
    /// # Errors
    /// As [`Receiver::new`].
    pub fn machine<G: CryptoRng + ?Sized>(
        session: SessionId,
        choices: &BitVec,
        rng: &mut G,
    ) -> Result<Exchange<Self>, Error> {
        let mut message = Vec::new();
        let state = Self::new(session, choices, rng, &mut message)?;
        Ok(Exchange {
            message: Some(message),
            state,
        })
    }

    /// Length of the sender's message: 50 bytes.
    #[must_use]
    pub fn expects(&self) -> usize {
        message::SENDER_LEN
    }

    /// Makes the chosen string of each OT from the sender's message.
    ///
    /// # Errors
    /// [`Error::Decode`] if the message is not one of this session and length, or holds bytes that are not the canonical
    /// encoding of a point, or the identity.
    pub fn finish(mut self, message: &[u8]) -> Result<ReceivedOts<Malicious>, Error> {
        let point = message::read_sender(&self.session, message)?;
        let n = self.halves.len();
        let shared = Group::new(n).answer(&point, &self.halves);
        let shared = Zeroizing::new(shared.ok_or(BAD_POINT)?);
        let keys = Transcript {
            session: &self.session,
            n,
            sender: &message::digest(message),
            receiver: &self.sent,
        }
        .keys();
        let choices = core::mem::take(&mut self.choices);
        let messages = shared
            .iter()
            .zip(choices.to_bools())
            .enumerate()
            .map(|(i, (k, c))| keys.derive(i, u8::conditional_select(&0, &1, bit(c)), k))
            .collect();
        ReceivedOts::from_raw(choices, messages).ok_or(Error::Empty)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.half.zeroize();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.halves.zeroize();
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "base::Sender({}, {:?})", self.n, self.session)
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "base::Receiver({}, {:?})",
            self.choices.len(),
            self.session
        )
    }
}

mod sealed {
    use super::Error;

    /// One of the two parties after it has sent its message.
    pub trait Party: Sized {
        type Output;
        fn expects(&self) -> usize;
        fn finish(self, message: &[u8]) -> Result<Self::Output, Error>;
    }
}

impl sealed::Party for Sender {
    type Output = SentOts<Malicious>;
    fn expects(&self) -> usize {
        Sender::expects(self)
    }
    fn finish(self, message: &[u8]) -> Result<Self::Output, Error> {
        Sender::finish(self, message)
    }
}

impl sealed::Party for Receiver {
    type Output = ReceivedOts<Malicious>;
    fn expects(&self) -> usize {
        Receiver::expects(self)
    }
    fn finish(self, message: &[u8]) -> Result<Self::Output, Error> {
        Receiver::finish(self, message)
    }
}

/// [`Sender`] or [`Receiver`] as a [`Machine`]: sends its message, waits for the peer's, is done.
pub struct Exchange<P: sealed::Party> {
    message: Option<Vec<u8>>,
    state: P,
}

impl<P: sealed::Party> Machine for Exchange<P> {
    type Output = P::Output;
    type Error = Error;

    fn expects(&self) -> usize {
        match self.message {
            Some(_) => 0,
            None => self.state.expects(),
        }
    }

    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        match self.message.take() {
            None => Ok(Step::Done(self.state.finish(inbox)?)),
            Some(message) => {
                nothing(inbox)?;
                out.extend_from_slice(&message);
                Ok(Step::Recv(self))
            }
        }
    }
}

impl<P: sealed::Party + fmt::Debug> fmt::Debug for Exchange<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange of {:?}", self.state)
    }
}
