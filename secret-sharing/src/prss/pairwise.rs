//! n parties with one common seed per pair: zero sharings that any n - 1 parties cannot tell from uniform.

use core::fmt;

use piquet_core::{Prg, Ring, RingVec, wire::SessionId};

use super::{SessionKey, StepPath, Used, bits, combine};
use crate::{AdditiveVec, Error, Party, XorVec};

/// One party's end of the pairwise common randomness of n parties.
pub struct PairwisePrss {
    party: Party,
    keys: Vec<(Party, SessionKey)>,
    used: Used,
}

/// The streams of one step, one per peer, not yet drawn.
#[must_use = "a step cannot be drawn again"]
pub struct PairwiseStep {
    party: Party,
    streams: Vec<PairStream>,
}

/// A bare stream that this party and one peer know.
pub struct PairStream {
    /// The peer.
    pub peer: Party,
    /// What both know.
    pub stream: Prg,
}

impl PairwisePrss {
    /// `seeds` holds what this party agreed with each peer, in the order of [`Party::peers`].
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one seed per peer.
    pub fn new(party: Party, session: &SessionId, seeds: &[[u8; 32]]) -> Result<Self, Error> {
        crate::error::same_length(seeds.len(), party.count() - 1)?;
        // Room for all at once: what grows leaves keys behind.
        let mut keys = Vec::with_capacity(seeds.len());
        for (peer, seed) in party.peers().zip(seeds) {
            keys.push((peer, SessionKey::new(session, seed)));
        }
        Ok(Self {
            party,
            keys,
            used: Used::default(),
        })
    }
    /// The streams of a step. All parties must name the same steps, in any order.
    ///
    /// # Errors
    /// [`Error::StepReused`], under `debug_assertions` only.
    pub fn step(&self, path: impl Into<StepPath>) -> Result<PairwiseStep, Error> {
        let path = path.into();
        self.used.draw(&path)?;
        Ok(PairwiseStep {
            party: self.party,
            streams: self
                .keys
                .iter()
                .map(|(peer, key)| PairStream {
                    peer: *peer,
                    stream: key.stream(&path),
                })
                .collect(),
        })
    }
}

impl PairwiseStep {
    /// A sharing of zero: the sum of the streams with higher parties minus that with lower ones.
    #[must_use]
    pub fn zero_ring<R: Ring>(mut self, len: usize) -> AdditiveVec<R> {
        let mut values = RingVec::zeros(len);
        for s in &mut self.streams {
            if s.peer.index() > self.party.index() {
                combine(&mut values, &mut s.stream, R::add);
            } else {
                combine(&mut values, &mut s.stream, R::sub);
            }
        }
        AdditiveVec::from_raw_share(self.party, values)
    }
    /// A sharing of zero bits: the XOR of all streams.
    #[must_use]
    pub fn zero_bits(mut self, len: usize) -> XorVec {
        let mut values = piquet_core::BitVec::zeros(len);
        for s in &mut self.streams {
            values.xor_assign(&bits(&mut s.stream, len));
        }
        XorVec::from_raw_share(self.party, values)
    }
    /// The bare streams in order of peers, each handed out once. Both holders of a stream must draw the same amounts in
    /// the same order.
    #[must_use]
    pub fn into_streams(self) -> Vec<PairStream> {
        self.streams
    }
}

impl fmt::Debug for PairwisePrss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PairwisePrss of {}", self.party)
    }
}
impl fmt::Debug for PairwiseStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PairwiseStep of {}", self.party)
    }
}
impl fmt::Debug for PairStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PairStream with {}", self.peer)
    }
}
