//! One-time carriers of correlated randomness between two parties, typed by the adversary that made them safe.
//!
//! What makes them (base OT, OT extension, a dealer, homomorphic encryption) and what spends them (another OT extension,
//! Beaver multiplication) do not know each other; they meet here. A carrier is not `Clone`, prints no secret, is wiped
//! when it is dropped, and gives its content away by value, so that nothing is spent twice.

use core::fmt;
use core::marker::PhantomData;

use crate::{BitVec, Block, wipe, wipe_vec};

mod conv;
mod triples;

pub use conv::ConvTriple;
pub use triples::{BitTriples, MatrixShape, MatrixTriple, RingTriples};

mod sealed {
    pub trait Sealed {}
}

/// The adversary against which a correlation was made: [`SemiHonest`] or [`Malicious`].
pub trait Security: sealed::Sealed + fmt::Debug + Send + Sync + 'static {
    /// How it is written in messages, labels and reports.
    const NAME: &'static str;
    /// Whether it holds against a party that deviates from the protocol.
    const MALICIOUS: bool;
}

/// Secure if both parties follow the protocol.
#[derive(Debug, Clone, Copy)]
pub enum SemiHonest {}

/// Secure, with abort, against a party that deviates.
#[derive(Debug, Clone, Copy)]
pub enum Malicious {}

impl sealed::Sealed for SemiHonest {}
impl sealed::Sealed for Malicious {}
impl Security for SemiHonest {
    const NAME: &'static str = "semi-honest";
    const MALICIOUS: bool = false;
}
impl Security for Malicious {
    const NAME: &'static str = "malicious";
    const MALICIOUS: bool = true;
}

/// The sender's half of random OTs: two messages for each, of which the receiver knows one.
pub struct SentOts<M: Security> {
    messages: Vec<[Block; 2]>,
    security: PhantomData<M>,
}

/// The receiver's half of random OTs: a choice bit for each, and the message that it chose.
pub struct ReceivedOts<M: Security> {
    choices: BitVec,
    messages: Vec<Block>,
    security: PhantomData<M>,
}

impl<M: Security> SentOts<M> {
    /// Takes messages to be the sender's half of random OTs of security `M`. That is the caller's word: nothing can be
    /// checked here.
    #[must_use]
    pub fn from_raw(messages: Vec<[Block; 2]>) -> Self {
        Self {
            messages,
            security: PhantomData,
        }
    }
    /// Number of OTs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
    /// Both messages of each OT. Whoever uses them drops the carrier and has spent it.
    #[must_use]
    pub fn messages(&self) -> &[[Block; 2]] {
        &self.messages
    }
    /// Takes the storage out, unwiped, for a caller who spends the OTs and fills it again: fresh memory costs as much as
    /// what fills it. The caller now answers for it.
    #[must_use]
    pub fn into_raw(mut self) -> Vec<[Block; 2]> {
        core::mem::take(&mut self.messages)
    }
    /// Takes the first `n` away; `None`, and nothing happens, if there are fewer. Copies what is left: take large pieces.
    #[must_use]
    pub fn take(&mut self, n: usize) -> Option<Self> {
        let rest = self.messages.get(n..)?.to_vec();
        let mut all = core::mem::replace(&mut self.messages, rest);
        wipe(&mut all[n..]);
        all.truncate(n);
        Some(Self::from_raw(all))
    }
}

impl<M: Security> ReceivedOts<M> {
    /// Takes choices and messages, of equal number, to be the receiver's half of random OTs of security `M`; `None` if
    /// the numbers differ. The rest is the caller's word.
    #[must_use]
    pub fn from_raw(choices: BitVec, messages: Vec<Block>) -> Option<Self> {
        (choices.len() == messages.len()).then_some(Self {
            choices,
            messages,
            security: PhantomData,
        })
    }
    /// Number of OTs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
    /// The choice bits.
    #[must_use]
    pub fn choices(&self) -> &BitVec {
        &self.choices
    }
    /// The chosen message of each OT. Whoever uses them drops the carrier and has spent it.
    #[must_use]
    pub fn messages(&self) -> &[Block] {
        &self.messages
    }
    /// Takes the storage out, unwiped. See [`SentOts::into_raw`].
    #[must_use]
    pub fn into_raw(mut self) -> (BitVec, Vec<Block>) {
        (
            core::mem::take(&mut self.choices),
            core::mem::take(&mut self.messages),
        )
    }
    /// Takes the first `n` away; `None`, and nothing happens, if there are fewer. Copies what is left: take large pieces.
    #[must_use]
    pub fn take(&mut self, n: usize) -> Option<Self> {
        let rest = self.messages.get(n..)?.to_vec();
        let choices = self.choices.slice(n..self.choices.len());
        let first = self.choices.slice(0..n);
        self.choices = choices;
        let mut all = core::mem::replace(&mut self.messages, rest);
        wipe(&mut all[n..]);
        all.truncate(n);
        Self::from_raw(first, all)
    }
}

impl SentOts<Malicious> {
    /// The same OTs for a protocol that asks for less.
    #[must_use]
    pub fn weaken(mut self) -> SentOts<SemiHonest> {
        SentOts::from_raw(core::mem::take(&mut self.messages))
    }
}

impl ReceivedOts<Malicious> {
    /// The same OTs for a protocol that asks for less. Choices that are a secret of many uses, as those of an OT extension's
    /// sender, must not be used again in a protocol that asks for more: a malicious peer reads them out of the weaker one.
    #[must_use]
    pub fn weaken(mut self) -> ReceivedOts<SemiHonest> {
        ReceivedOts {
            choices: core::mem::take(&mut self.choices),
            messages: core::mem::take(&mut self.messages),
            security: PhantomData,
        }
    }
}

impl<M: Security> Drop for SentOts<M> {
    fn drop(&mut self) {
        wipe_vec(&mut self.messages);
    }
}

impl<M: Security> Drop for ReceivedOts<M> {
    fn drop(&mut self) {
        wipe_vec(&mut self.messages);
    }
}

impl<M: Security> fmt::Debug for SentOts<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SentOts({}, {})", self.len(), M::NAME)
    }
}

impl<M: Security> fmt::Debug for ReceivedOts<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceivedOts({}, {})", self.len(), M::NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(n: u128) -> Vec<Block> {
        (0..n).map(Block::from_u128).collect()
    }

    #[test]
    fn taking_splits_in_order() {
        let mut sent =
            SentOts::<Malicious>::from_raw(blocks(5).into_iter().map(|b| [b, b]).collect());
        let bits = [true, false, true, true, false];
        let mut received =
            ReceivedOts::<Malicious>::from_raw(BitVec::from_bools(&bits), blocks(5)).unwrap();
        assert!(sent.take(6).is_none() && received.take(6).is_none());
        let (s, r) = (sent.take(2).unwrap(), received.take(2).unwrap());
        assert!(s.messages()[1][0] == Block::from_u128(1) && r.messages() == blocks(2));
        assert!(r.choices().to_bools().eq([true, false]));
        assert!(received.choices().to_bools().eq([true, true, false]));
        assert_eq!((sent.len(), received.weaken().len()), (3, 3));
        assert_eq!(sent.weaken().messages()[0][0], Block::from_u128(2));
        assert!(ReceivedOts::<SemiHonest>::from_raw(BitVec::zeros(1), blocks(2)).is_none());
    }

    #[test]
    fn nothing_secret_is_printed() {
        let sent = SentOts::<SemiHonest>::from_raw(vec![[Block::from_u128(0xdead); 2]]);
        assert_eq!(format!("{sent:?}"), "SentOts(1, semi-honest)");
    }
}
