//! Where correlated randomness comes from.
//!
//! A [`Source`] gives a party one [`Batch`] for each piece of each item of its demand, in order, by value. Today's one
//! is [`Dealt`]: a trusted dealer. What makes the same batches among the parties themselves, by oblivious transfer or
//! homomorphic encryption, takes its place without a change to any protocol.
//!
//! *Dealt.* The dealer has a seed in common with each party. Of every vector each party expands its share from the seed, but
//! for one party to each piece (they take turns), which hears its shares of the dependent vectors: whatever makes all
//! shares add up. So a free vector costs nothing, and of a dependent one a single share is sent, as the third party of
//! Chameleon (eprint 2017/1164) does it for two.
//!
//! Security: whoever lacks the seed of one party knows nothing of that party's free shares, so free vectors are uniform to
//! any n - 1 parties; and of a dependent vector they lack a share, so the one that is sent is uniform as well. The
//! dealer knows all of it, and hears nothing.

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
    corrections: VecDeque<RingVec<u8>>,
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
        let corrected = correctable && corrected(self.pieces, self.me.count()) == self.me.index();
        self.pieces += 1;
        let dependent = match corrected {
            true => Feed::Words {
                bytes: self.corrections.pop_front().ok_or(Error::Length {
                    what: "corrections",
                    got: 0,
                    want: 1,
                })?,
                taken: 0,
            },
            false => Feed::Stream(Box::new(dependent)),
        };
        Ok(Batch {
            free: Feed::Stream(Box::new(free)),
            dependent,
        })
    }
}

/// Which of n parties hears its dependent shares of a piece.
pub(super) fn corrected(piece: u64, parties: usize) -> usize {
    (piece % parties.max(1) as u64) as usize
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
        let mut piece = 0;
        for item in &self.demand {
            piece += pieces_of(&item.masked());
            for bytes in item.corrections(self.word) {
                let step = self.lane.next_step()?;
                if corrected(piece, self.me.count()) == self.me.index() {
                    let got = session.exchange_at(step, Vec::new(), &[(Peer::Dealer, bytes)])?;
                    self.corrections.push_back(only(got)?.into());
                }
                piece += 1;
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
        let masked = (0..pieces_of(&item.masked()))
            .map(|_| self.batch(false))
            .collect::<Result<_, _>>()?;
        let pieces = (0..pieces_of(&item.lens()))
            .map(|_| self.batch(true))
            .collect::<Result<_, _>>()?;
        Ok(Batches { masked, pieces })
    }
}

/// How many pieces there are of tensors of these lengths.
pub(super) fn pieces_of(lens: &[usize]) -> u64 {
    crate::parts::pieces::ranges(lens.iter().copied()).count() as u64
}

impl fmt::Debug for Dealt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dealt[{} items] of {}", self.demand.len(), self.me)
    }
}
