//! Correlated OTs: what every extension makes and everything else is made from.
//!
//! Correlation i: the sender has q_i and the one Δ, the receiver a bit b_i and t_i = q_i ⊕ b_i Δ. Every correlation has an
//! absolute index under its Δ, counted by the extension that made it and never repeated: it is the tweak of the hash.

use core::fmt;
use std::sync::Arc;

use piquet_core::wire::SessionId;
use piquet_core::{BitVec, Block};

use crate::hash::CotHash;
use crate::{Delta, Error, Malicious, Security, SemiHonest};

/// The largest number of correlations under one Δ and one hash key.
///
/// What is left of security then is in the crate's documentation; an extension refuses to go beyond it with [`Error::Spent`].
pub const MAX_COTS: u64 = 1 << 40;

/// What all correlations of one sender have in common.
pub(crate) struct SenderContext<M: Security> {
    pub(crate) session: SessionId,
    pub(crate) delta: Arc<Delta>,
    pub(crate) hash: CotHash<M>,
}

/// What all correlations of one receiver have in common.
pub(crate) struct ReceiverContext<M: Security> {
    pub(crate) session: SessionId,
    pub(crate) hash: CotHash<M>,
}

impl<M: Security> SenderContext<M> {
    pub(crate) fn new(session: SessionId, delta: Arc<Delta>) -> Arc<Self> {
        Arc::new(Self {
            session,
            delta,
            hash: CotHash::new(&session),
        })
    }
}

impl<M: Security> ReceiverContext<M> {
    pub(crate) fn new(session: SessionId) -> Arc<Self> {
        Arc::new(Self {
            session,
            hash: CotHash::new(&session),
        })
    }
}

/// The sender's half of correlated OTs of security `M`: the keys q_i, and Δ.
///
/// Spent by value: hashed into random OTs, or given to a protocol that makes something of it.
pub struct SentCots<M: Security> {
    pub(crate) context: Arc<SenderContext<M>>,
    pub(crate) first: u64,
    pub(crate) keys: Vec<Block>,
}

/// The receiver's half of correlated OTs of security `M`: choices b_i and t_i = q_i ⊕ b_i Δ.
pub struct ReceivedCots<M: Security> {
    pub(crate) context: Arc<ReceiverContext<M>>,
    pub(crate) first: u64,
    pub(crate) choices: BitVec,
    pub(crate) macs: Vec<Block>,
}

impl<M: Security> SentCots<M> {
    /// Number of correlations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
    /// Absolute index of the first under this Δ.
    #[must_use]
    pub fn first_index(&self) -> u64 {
        self.first
    }
    /// Takes the first `n` away. Copies what is left: take large pieces.
    ///
    /// # Errors
    /// [`Error::Exhausted`], and nothing happens, if there are fewer.
    pub fn take(&mut self, n: usize) -> Result<Self, Error> {
        let have = self.len();
        let rest = self
            .keys
            .get(n..)
            .ok_or(Error::Exhausted { want: n, have })?
            .to_vec();
        let mut keys = core::mem::replace(&mut self.keys, rest);
        piquet_core::wipe(&mut keys[n..]);
        keys.truncate(n);
        let first = self.first;
        self.first += n as u64;
        Ok(Self {
            context: Arc::clone(&self.context),
            first,
            keys,
        })
    }
    /// Gives the keys and Δ to a protocol outside of this crate, which has to break the correlation itself before it
    /// sends anything that depends on them.
    #[must_use]
    pub fn into_raw(mut self) -> (Vec<Block>, Arc<Delta>) {
        (
            core::mem::take(&mut self.keys),
            Arc::clone(&self.context.delta),
        )
    }
}

impl<M: Security> ReceivedCots<M> {
    /// Number of correlations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.macs.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.macs.is_empty()
    }
    /// Absolute index of the first under this Δ.
    #[must_use]
    pub fn first_index(&self) -> u64 {
        self.first
    }
    /// The choice bits.
    #[must_use]
    pub fn choices(&self) -> &BitVec {
        &self.choices
    }
    /// Takes the first `n` away. Copies what is left: take large pieces.
    ///
    /// # Errors
    /// [`Error::Exhausted`], and nothing happens, if there are fewer.
    pub fn take(&mut self, n: usize) -> Result<Self, Error> {
        let have = self.len();
        let rest = self
            .macs
            .get(n..)
            .ok_or(Error::Exhausted { want: n, have })?
            .to_vec();
        let mut macs = core::mem::replace(&mut self.macs, rest);
        piquet_core::wipe(&mut macs[n..]);
        macs.truncate(n);
        let choices = self.choices.slice(0..n);
        self.choices = self.choices.slice(n..have);
        let first = self.first;
        self.first += n as u64;
        Ok(Self {
            context: Arc::clone(&self.context),
            first,
            choices,
            macs,
        })
    }
    /// Gives choices and t_i to a protocol outside of this crate. See [`SentCots::into_raw`].
    #[must_use]
    pub fn into_raw(mut self) -> (BitVec, Vec<Block>) {
        (
            core::mem::take(&mut self.choices),
            core::mem::take(&mut self.macs),
        )
    }
}

impl SentCots<Malicious> {
    /// The same correlations for a protocol that asks for less. They keep their indices; their hash is the weaker one, under
    /// which a malicious receiver can make pads of two OTs equal. Δ stays as well hidden as it was.
    #[must_use]
    pub fn weaken(mut self) -> SentCots<SemiHonest> {
        SentCots {
            context: SenderContext::new(self.context.session, Arc::clone(&self.context.delta)),
            first: self.first,
            keys: core::mem::take(&mut self.keys),
        }
    }
}

impl ReceivedCots<Malicious> {
    /// The same correlations for a protocol that asks for less. See [`SentCots::weaken`].
    #[must_use]
    pub fn weaken(mut self) -> ReceivedCots<SemiHonest> {
        ReceivedCots {
            context: ReceiverContext::new(self.context.session),
            first: self.first,
            choices: core::mem::take(&mut self.choices),
            macs: core::mem::take(&mut self.macs),
        }
    }
}

impl<M: Security> Drop for SentCots<M> {
    fn drop(&mut self) {
        piquet_core::wipe_vec(&mut self.keys);
    }
}

impl<M: Security> Drop for ReceivedCots<M> {
    fn drop(&mut self) {
        piquet_core::wipe_vec(&mut self.macs);
    }
}

impl<M: Security> fmt::Debug for SentCots<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.first + self.len() as u64;
        write!(f, "SentCots({}..{end}, {})", self.first, M::NAME)
    }
}

impl<M: Security> fmt::Debug for ReceivedCots<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.first + self.len() as u64;
        write!(f, "ReceivedCots({}..{end}, {})", self.first, M::NAME)
    }
}
