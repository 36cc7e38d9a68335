//! A product between two parties as a [`Machine`], over the same states as the product of many.

use core::fmt;

use piquet_core::{
    Ring,
    wire::{Decode, DecodeError, Encode, Machine, Step},
};

use super::{BitOpening, BitPending, Opening, Pending};
use crate::{AdditiveVec, Error, Party, XorVec};

mod sealed {
    pub trait Sealed {}
    impl<R: super::Ring> Sealed for super::Pending<R> {}
    impl Sealed for super::BitPending {}
}

/// A product in progress whose parties exchange one opening each: [`Pending`] or [`BitPending`].
pub trait Exchange: sealed::Sealed + Sized {
    /// What is sent.
    type Opening: Encode;
    /// This party's share of the product.
    type Output;
    /// Who waits.
    fn party(&self) -> Party;
    /// Length of the message due from `from`.
    fn expects(&self, from: Party) -> usize;
    /// The product between two parties, from the other's message.
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::ShareSet`].
    fn finish(self, from: Party, message: &[u8]) -> Result<Self::Output, Error>;
}

impl<R: Ring> Exchange for Pending<R> {
    type Opening = Opening<R>;
    type Output = AdditiveVec<R>;
    fn party(&self) -> Party {
        Pending::party(self)
    }
    fn expects(&self, from: Party) -> usize {
        self.expect(from).encoded_len::<R>()
    }
    fn finish(self, from: Party, message: &[u8]) -> Result<AdditiveVec<R>, Error> {
        let opening = Opening::decode(&self.expect(from), message)?;
        Pending::finish(self, &[opening])
    }
}

impl Exchange for BitPending {
    type Opening = BitOpening;
    type Output = XorVec;
    fn party(&self) -> Party {
        BitPending::party(self)
    }
    fn expects(&self, from: Party) -> usize {
        self.expect(from).encoded_len()
    }
    fn finish(self, from: Party, message: &[u8]) -> Result<XorVec, Error> {
        let opening = BitOpening::decode(&self.expect(from), message)?;
        BitPending::finish(self, &[opening])
    }
}

/// Two parties' product: sends the opening, then waits for the peer's. One round.
pub struct Multiply<P: Exchange> {
    peer: Party,
    opening: Option<P::Opening>,
    pending: P,
}

impl<P: Exchange> Multiply<P> {
    /// From what `start` gave.
    ///
    /// # Errors
    /// [`Error::ShareSet`] unless there are two parties.
    pub fn new(opening: P::Opening, pending: P) -> Result<Self, Error> {
        let mut peers = pending.party().peers();
        match (peers.next(), peers.next()) {
            (Some(peer), None) => Ok(Self {
                peer,
                opening: Some(opening),
                pending,
            }),
            _ => Err(Error::ShareSet {
                want: 2,
                got: pending.party().count(),
            }),
        }
    }
}

impl<P: Exchange> Machine for Multiply<P> {
    type Output = P::Output;
    type Error = Error;

    fn expects(&self) -> usize {
        match self.opening {
            Some(_) => 0,
            None => self.pending.expects(self.peer),
        }
    }

    fn step(mut self, inbox: &[u8], out: &mut Vec<u8>) -> Result<Step<Self>, Error> {
        match self.opening.take() {
            None => Ok(Step::Done(self.pending.finish(self.peer, inbox)?)),
            Some(_) if !inbox.is_empty() => Err(DecodeError::Length {
                got: inbox.len(),
                want: 0,
            }
            .into()),
            Some(opening) => {
                opening.encode(out);
                Ok(Step::Recv(self))
            }
        }
    }
}

impl<P: Exchange> fmt::Debug for Multiply<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Multiply of {}", self.pending.party())
    }
}
