//! Triples of packed bits, from the pool to the AND.

use core::fmt;

use piquet_core::{
    BitVec,
    correlation::{self, Security},
    wire::{Decode, DecodeError, Encode, Header, Reader, SessionId},
};

use super::{each_peer_once, one_of_two};
use crate::{Error, Party, XorVec, error::same_length, kinds};

/// One party's pool of bit triples; hands each out once. Not `Clone`, no encoding.
pub struct BitTriples {
    party: Party,
    a: BitVec,
    b: BitVec,
    c: BitVec,
    used: usize,
}

/// One party's share of bit triples, to be spent by [`BitTripleBatch::start`].
#[must_use = "a triple taken and not used is lost"]
pub struct BitTripleBatch {
    party: Party,
    a: BitVec,
    b: BitVec,
    c: BitVec,
}

/// One party's shares of `x ^ a` and `y ^ b`: what it sends to every peer.
#[must_use = "an opening that is not sent leaves the peers waiting"]
pub struct BitOpening {
    shape: BitOpeningShape,
    d: BitVec,
    e: BitVec,
}

/// What a party knows of the opening that is due from a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitOpeningShape {
    /// Session of the product.
    pub session: SessionId,
    /// Index of the product within the session.
    pub step: u64,
    /// Who sends it.
    pub from: Party,
    /// Number of bits, not 0.
    pub len: usize,
}

/// An AND that waits for the peers' openings.
#[must_use = "a product that is not finished is lost"]
pub struct BitPending {
    batch: BitTripleBatch,
    session: SessionId,
    step: u64,
    d: BitVec,
    e: BitVec,
}

impl BitTriples {
    /// Takes three vectors to be this party's shares of triples. Only their lengths are checked.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn from_raw_shares(party: Party, a: BitVec, b: BitVec, c: BitVec) -> Result<Self, Error> {
        same_length(a.len(), b.len())?;
        same_length(a.len(), c.len())?;
        Ok(Self {
            party,
            a,
            b,
            c,
            used: 0,
        })
    }
    /// The share of one of two parties that made their triples between them, by oblivious transfer say. Products are
    /// secure against semi-honest parties, whatever the triples were.
    ///
    /// # Errors
    /// [`Error::ShareSet`] unless there are two parties.
    pub fn from_two_party<M: Security>(
        party: Party,
        triples: correlation::BitTriples<M>,
    ) -> Result<Self, Error> {
        one_of_two(party)?;
        let [a, b, c] = triples.into_parts();
        Self::from_raw_shares(party, a, b, c)
    }
    /// How many are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.a.len() - self.used
    }
    /// The next `n` triples. All parties must take the same numbers in the same order.
    ///
    /// # Errors
    /// [`Error::Empty`] for 0; [`Error::Exhausted`], and nothing is taken.
    pub fn take(&mut self, n: usize) -> Result<BitTripleBatch, Error> {
        let have = self.left();
        if n > have {
            return Err(Error::Exhausted { want: n, have });
        }
        let range = self.used..self.used + n;
        let cut = |v: &BitVec| v.slice(range.clone());
        let batch =
            BitTripleBatch::from_raw_shares(self.party, cut(&self.a), cut(&self.b), cut(&self.c))?;
        self.used += n;
        Ok(batch)
    }
}

impl BitTripleBatch {
    /// Takes three vectors to be this party's shares of triples for one AND. Only their lengths are checked.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Length`].
    pub fn from_raw_shares(party: Party, a: BitVec, b: BitVec, c: BitVec) -> Result<Self, Error> {
        if a.is_empty() {
            return Err(Error::Empty);
        }
        same_length(a.len(), b.len())?;
        same_length(a.len(), c.len())?;
        Ok(Self { party, a, b, c })
    }
    /// Number of bits, never 0.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.a.len()
    }
    /// Masks the factors. `step` numbers the products of a session: equal at all parties, never repeated.
    ///
    /// # Errors
    /// [`Error::Holder`], [`Error::Length`]; the triples are gone.
    pub fn start(
        self,
        session: SessionId,
        step: u64,
        x: &XorVec,
        y: &XorVec,
    ) -> Result<(BitOpening, BitPending), Error> {
        self.party.same(x.party())?;
        self.party.same(y.party())?;
        same_length(x.len(), self.len())?;
        same_length(y.len(), self.len())?;
        let minus = |x: &XorVec, mask: &BitVec| {
            let mut d = x.raw_share().duplicate();
            d.xor_assign(mask);
            d
        };
        let (d, e) = (minus(x, &self.a), minus(y, &self.b));
        let opening = BitOpening {
            shape: BitOpeningShape {
                session,
                step,
                from: self.party,
                len: self.len(),
            },
            d: d.duplicate(),
            e: e.duplicate(),
        };
        let pending = BitPending {
            batch: self,
            session,
            step,
            d,
            e,
        };
        Ok((opening, pending))
    }
}

impl BitPending {
    /// Who waits.
    #[must_use]
    pub fn party(&self) -> Party {
        self.batch.party
    }
    /// The shape of the message that is due from a peer.
    #[must_use]
    pub fn expect(&self, from: Party) -> BitOpeningShape {
        BitOpeningShape {
            session: self.session,
            step: self.step,
            from,
            len: self.batch.len(),
        }
    }
    /// This party's share of the AND, from one opening of every peer, in any order.
    ///
    /// # Errors
    /// [`Error::ShareSet`] unless each peer is there exactly once; [`DecodeError::Context`] for an opening of another
    /// product.
    pub fn finish(self, peers: &[BitOpening]) -> Result<XorVec, Error> {
        each_peer_once(self.party(), peers.iter().map(|o| o.shape.from))?;
        if peers.iter().any(|o| o.shape != self.expect(o.shape.from)) {
            return Err(DecodeError::Context.into());
        }
        let Self {
            batch:
                BitTripleBatch {
                    party,
                    a,
                    mut b,
                    mut c,
                },
            mut d,
            mut e,
            ..
        } = self;
        for o in peers {
            d.xor_assign(&o.d);
            e.xor_assign(&o.e);
        }
        if party.adds_constants() {
            b.xor_assign(&e); // d & b ^ d & e as one product
        }
        d.and_assign(&b);
        e.and_assign(&a);
        c.xor_assign(&d);
        c.xor_assign(&e);
        Ok(XorVec::from_raw_share(party, c))
    }
}

impl BitOpeningShape {
    fn header(&self) -> Header {
        Header {
            kind: kinds::BIT_OPENING,
            session: self.session,
            step: self.step,
        }
    }
    /// Length of the message: 19 bytes and the masked factors, each rounded up to a byte.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        Header::LEN + 1 + 2 * self.len.div_ceil(8)
    }
}

impl Encode for BitOpening {
    fn encoded_len(&self) -> usize {
        self.shape.encoded_len()
    }
    fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_len());
        self.shape.header().encode(out);
        out.push(self.shape.from.index() as u8);
        out.extend_from_slice(self.d.as_bytes());
        out.extend_from_slice(self.e.as_bytes());
    }
}

impl Decode<BitOpeningShape> for BitOpening {
    fn decode(shape: &BitOpeningShape, bytes: &[u8]) -> Result<Self, DecodeError> {
        if shape.len == 0 {
            return Err(DecodeError::Range("number of bits"));
        }
        let want = shape.encoded_len();
        if bytes.len() != want {
            return Err(DecodeError::Length {
                got: bytes.len(),
                want,
            });
        }
        let mut r = Reader::new(shape.header().check(bytes)?);
        if usize::from(r.u8()?) != shape.from.index() {
            return Err(DecodeError::Range("sender"));
        }
        let half = shape.len.div_ceil(8);
        let d = BitVec::from_bytes(shape.len, r.bytes(half)?)?;
        let e = BitVec::from_bytes(shape.len, r.bytes(half)?)?;
        r.end()?;
        Ok(Self {
            shape: *shape,
            d,
            e,
        })
    }
}

impl fmt::Debug for BitTriples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BitTriples[{}] of {}", self.left(), self.party)
    }
}
impl fmt::Debug for BitTripleBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BitTripleBatch[{}] of {}", self.len(), self.party)
    }
}
impl fmt::Debug for BitOpening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BitOpening[{}] of {}", self.shape.len, self.shape.from)
    }
}
impl fmt::Debug for BitPending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let batch = &self.batch;
        write!(f, "BitPending[{}] of {}", batch.len(), batch.party)
    }
}
