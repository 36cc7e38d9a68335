//! Where correlated randomness comes from.
//!
//! A [`Source`] gives a party one [`Batch`] for each piece of each item of its demand, in order, by value. Today's one
//! is [`Dealt`]: a trusted dealer. What makes the same batches among the parties themselves, by oblivious transfer or
//! homomorphic encryption, takes its place without a change to any protocol.
//!
//! *Dealt.* The dealer has a seed in common with each party. Of every vector each party expands its share from the seed, but
//! for one party to each piece (see [`Turns`]), which hears its shares of the dependent vectors: whatever makes all
//! shares add up. So a free vector costs nothing, and of a dependent one a single share is sent, as the third party of
//! Chameleon (eprint 2017/1164) does it for two.
//!
//! Security: whoever lacks the seed of one party knows nothing of that party's free shares, so free vectors are uniform to
//! any n - 1 parties; and of a dependent vector they lack a share, so the one that is sent is uniform as well. The
//! dealer knows all of it, and gets no message of the program.

use core::fmt;
use std::collections::VecDeque;

use piquet_core::wire::SessionId;
use piquet_core::{Prg, Ring, RingVec};
use piquet_secret_sharing::{PairwisePrss, Party, StepPath};
use zeroize::Zeroizing;

use super::demand::Demand;
use super::item::Item;
use crate::Error;
use crate::layer::only;
use crate::parts::pieces::ranges;
use crate::parts::words::{draw, words};
use crate::session::Session;
use crate::transport::Peer;

/// Length of a seed.
pub(super) const SEED: usize = 32;

/// What two peers can expand alike, by place.
#[derive(Debug)]
pub(super) struct Streams(PairwisePrss);

impl Streams {
    pub(super) fn new(session: &SessionId, seed: &[u8; SEED]) -> Result<Self, Error> {
        let one_of_two = Party::new(0, 2)?;
        let seeds = core::slice::from_ref(seed);
        Ok(Self(PairwisePrss::new(one_of_two, session, seeds)?))
    }
    /// From a message.
    pub(super) fn decode(session: &SessionId, message: Vec<u8>) -> Result<Self, Error> {
        let message = Zeroizing::new(message);
        let mut seed = Zeroizing::new([0; SEED]);
        if message.len() != SEED {
            return Err(Error::Length {
                what: "seed",
                got: message.len(),
                want: SEED,
            });
        }
        seed.copy_from_slice(&message);
        Self::new(session, &seed)
    }
    /// The stream of one place, drawn once.
    pub(super) fn at(&self, label: &str, index: u64) -> Result<Prg, Error> {
        let path = StepPath::root().child(label, index);
        Ok(only(self.0.step(path)?.into_streams())?.stream)
    }
    /// The streams of a piece: of its free vectors, and of its dependent ones.
    pub(super) fn piece(&self, index: u64) -> Result<[Prg; 2], Error> {
        let stream = self.at("piece", index)?;
        Ok([stream.fork(0), stream.fork(1)])
    }
    /// The stream of the mask of a set of weights.
    pub(super) fn weights(&self, index: usize) -> Result<Prg, Error> {
        self.at("weights", index as u64)
    }
}

/// Vectors of one kind, one after the other.
enum Feed {
    Stream(Box<Prg>),
    Words { bytes: RingVec<u8>, taken: usize },
}

impl Feed {
    fn take<T: Ring>(&mut self, n: usize) -> Result<RingVec<T>, Error> {
        match self {
            Self::Stream(prg) => Ok(draw(prg, n)),
            Self::Words { bytes, taken } => {
                let end = *taken + n * T::BYTES;
                let part = bytes.as_slice().get(*taken..end).ok_or(Error::Length {
                    what: "dependent words of a piece",
                    got: bytes.len(),
                    want: end,
                })?;
                let part = words(part).into_owned().into();
                *taken = end;
                Ok(part)
            }
        }
    }
}

/// This party's shares of the correlated randomness of one piece, each vector taken once.
pub(super) struct Batch {
    free: Feed,
    dependent: Feed,
}

impl Batch {
    /// The next free vector.
    pub(super) fn free<T: Ring>(&mut self, n: usize) -> Result<RingVec<T>, Error> {
        self.free.take(n)
    }
    /// The next dependent vector.
    pub(super) fn dependent<T: Ring>(&mut self, n: usize) -> Result<RingVec<T>, Error> {
        self.dependent.take(n)
    }
}

/// The batches of an item.
pub(super) struct Batches {
    /// For what is masked before there is any result.
    pub(super) masked: Vec<Batch>,
    pub(super) pieces: Vec<Batch>,
}

/// Gives batches in the order of a demand.
pub(super) trait Source: fmt::Debug + Send {
    /// Set-up: this party's share of the mask of a set of weights, a free vector.
    fn weights(&mut self, index: usize) -> Result<Batch, Error>;
    /// Offline: gets all that the demand lists.
    fn fetch(&mut self, session: &mut Session) -> Result<(), Error>;
    /// The batches of `item`; an error if something else is due.
    fn next(&mut self, item: &Item) -> Result<Batches, Error>;
    /// `Ok` if nothing is left.
    fn finish(&self) -> Result<(), Error>;
}

/// From a trusted dealer.
pub(super) struct Dealt {
    me: Party,
    /// Bytes of a ring element.
    word: usize,
    streams: Streams,
    /// Steps with the dealer.
    lane: Session,
    /// What is still to be fetched, and then what is still to be spent.
    demand: VecDeque<Item>,
    /// For each piece that has any: what was heard, if it was for this party.
    corrections: VecDeque<Option<RingVec<u8>>>,
    fetched: bool,
    pieces: u64,
}

impl Dealt {
    /// Hears this party's seed.
    pub(super) fn new(
        me: Party,
        session: &mut Session,
        mut lane: Session,
        demand: &Demand,
    ) -> Result<Self, Error> {
        let step = lane.next_step()?;
        let seed = only(session.exchange_at(step, Vec::new(), &[(Peer::Dealer, SEED)])?)?;
        Ok(Self {
            me,
            word: demand.width().div_ceil(8) as usize,
            streams: Streams::decode(&session.id(), seed)?,
            lane,
            demand: demand.items().cloned().collect(),
            corrections: VecDeque::new(),
            fetched: false,
            pieces: 0,
        })
    }

    fn batch(&mut self, correctable: bool) -> Result<Batch, Error> {
        let [free, dependent] = self.streams.piece(self.pieces)?;
        self.pieces += 1;
        let heard = match correctable {
            true => self.corrections.pop_front().ok_or(Error::Length {
                what: "corrections",
                got: 0,
                want: 1,
            })?,
            false => None,
        };
        let dependent = match heard {
            Some(bytes) => Feed::Words { bytes, taken: 0 },
            None => Feed::Stream(Box::new(dependent)),
        };
        Ok(Batch {
            free: Feed::Stream(Box::new(free)),
            dependent,
        })
    }
}

/// Who hears its share of what the others expand: whoever has heard the fewest bytes so far, of several the first. It follows
/// from shapes, so everyone knows it.
#[derive(Debug)]
pub(super) struct Turns {
    heard: Vec<u64>,
}

impl Turns {
    pub(super) fn new(parties: usize) -> Self {
        Self {
            heard: vec![0; parties],
        }
    }
    /// Whose turn it is to hear so many bytes.
    pub(super) fn next(&mut self, bytes: usize) -> usize {
        let all = self.heard.iter_mut().enumerate();
        match all.min_by_key(|(_, heard)| **heard) {
            Some((party, heard)) => {
                *heard += bytes as u64;
                party
            }
            None => 0,
        }
    }
    /// What whoever hears most has heard.
    pub(super) fn most(&self) -> u64 {
        self.heard.iter().copied().max().unwrap_or(0)
    }
}

impl Source for Dealt {
    fn weights(&mut self, index: usize) -> Result<Batch, Error> {
        Ok(Batch {
            free: Feed::Stream(Box::new(self.streams.weights(index)?)),
            dependent: Feed::Words {
                bytes: RingVec::default(),
                taken: 0,
            },
        })
    }

    fn fetch(&mut self, session: &mut Session) -> Result<(), Error> {
        if self.fetched {
            return Ok(());
        }
        let mut turns = Turns::new(self.me.count());
        for item in &self.demand {
            for bytes in item.corrections(self.word) {
                let step = self.lane.next_step()?;
                let mine = turns.next(bytes) == self.me.index();
                self.corrections.push_back(match mine {
                    true => {
                        let want = [(Peer::Dealer, bytes)];
                        Some(only(session.exchange_at(step, Vec::new(), &want)?)?.into())
                    }
                    false => None,
                });
            }
        }
        self.fetched = true;
        Ok(())
    }

    fn next(&mut self, item: &Item) -> Result<Batches, Error> {
        let due = self.demand.front();
        if !self.fetched || due != Some(item) {
            return Err(Error::Correlation {
                asked: format!("{item:?}"),
                due: match due {
                    Some(due) if self.fetched => format!("{due:?}"),
                    _ => "nothing".to_owned(),
                },
            });
        }
        self.demand.pop_front();
        let masked = ranges(item.masked())
            .map(|_| self.batch(false))
            .collect::<Result<_, _>>()?;
        let pieces = item
            .ranges()
            .map(|_| self.batch(true))
            .collect::<Result<_, _>>()?;
        Ok(Batches { masked, pieces })
    }

    fn finish(&self) -> Result<(), Error> {
        match self.demand.front() {
            None => Ok(()),
            Some(due) => Err(Error::Correlation {
                asked: "nothing more".to_owned(),
                due: format!("{due:?}"),
            }),
        }
    }
}

impl fmt::Debug for Dealt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dealt[{} items] of {}", self.demand.len(), self.me)
    }
}
