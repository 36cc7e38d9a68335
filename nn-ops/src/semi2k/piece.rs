//! The pieces of a step, and the one move that every step is made of: to open.
//!
//! Each party sends every other one its share of a value that is masked by fresh correlated randomness, and adds up what
//! it hears: n (n - 1) messages, one round. Every message is masked by the sender's own share of a free vector that is used
//! nowhere else, so it is uniform to the others whatever it says; and what is opened is masked by the sum, which nobody
//! knows but the dealer, who hears none of it.
//!
//! Tensors are cut into pieces whose vectors fit in cache. Up to [`AHEAD`] pieces are sent before the first answer is waited
//! for: computing and sending overlap, and the messages under way stay bounded.

use core::ops::Range;
use std::collections::VecDeque;

use piquet_core::{BitVec, Ring, RingVec};
use piquet_secret_sharing::{Party, XorVec};

use super::item::Item;
use super::party::Semi2k;
use super::source::Batch;
use crate::Error;
use crate::parts::gates::xor;
use crate::parts::pieces::{AHEAD, ranges};
use crate::parts::words::words;
use crate::session::StepId;
use crate::transport::Peer;

/// Pieces of a step, and how far each has come.
pub(super) type Pieces<T> = Vec<(Piece, T)>;

/// One piece of a step: what it covers, its steps, and its correlated randomness.
pub(super) struct Piece {
    pub(super) tensor: usize,
    pub(super) range: Range<usize>,
    pub(super) batch: Batch,
    steps: VecDeque<StepId>,
}

impl Piece {
    /// Elements.
    pub(super) fn len(&self) -> usize {
        self.range.len()
    }

    /// Words of a plane of bits.
    pub(super) fn words(&self) -> usize {
        self.len().div_ceil(64)
    }

    /// What the piece covers of its tensor.
    pub(super) fn of<'a, T>(&self, tensors: &[&'a [T]]) -> &'a [T] {
        let all = tensors.get(self.tensor).copied().unwrap_or_default();
        all.get(self.range.clone()).unwrap_or_default()
    }

    /// The words of bits that it covers.
    pub(super) fn word_range(&self) -> Range<usize> {
        self.range.start / 64..self.range.end.div_ceil(64)
    }

    /// What it covers of bits, in words.
    pub(super) fn of_bits<'a>(&self, tensors: &[&'a [u64]]) -> &'a [u64] {
        let all = tensors.get(self.tensor).copied().unwrap_or_default();
        all.get(self.word_range()).unwrap_or_default()
    }
}

/// The sum of this party's share and the others'.
pub(super) fn sum<R: Ring>(mut own: RingVec<R>, theirs: &[Vec<u8>]) -> RingVec<R> {
    for theirs in theirs {
        own.add_assign(&words::<R>(theirs));
    }
    own
}

/// The exclusive or of this party's share and the others'.
pub(super) fn sum_bits(mut own: RingVec<u64>, theirs: &[Vec<u8>]) -> RingVec<u64> {
    for theirs in theirs {
        xor(own.as_mut_slice(), &words::<u64>(theirs));
    }
    own
}

impl<R: Ring> Semi2k<R> {
    /// The pieces of what an item masks before there is any result, and of its result, which takes `openings` openings.
    pub(super) fn begin(
        &mut self,
        item: &Item,
        openings: usize,
    ) -> Result<(Vec<Piece>, Vec<Piece>), Error> {
        let batches = self.source.next(item)?;
        let masked = self.pieces(ranges(item.masked()), batches.masked, 1)?;
        let pieces = self.pieces(item.ranges(), batches.pieces, openings)?;
        Ok((masked, pieces))
    }

    /// Pieces with these batches.
    fn pieces(
        &mut self,
        ranges: impl Iterator<Item = (usize, Range<usize>)>,
        batches: Vec<Batch>,
        openings: usize,
    ) -> Result<Vec<Piece>, Error> {
        let ranges: Vec<_> = ranges.collect();
        let mut steps = vec![VecDeque::with_capacity(openings); ranges.len()];
        for _ in 0..openings {
            for of_piece in &mut steps {
                of_piece.push_back(self.session.next_step()?);
            }
        }
        let pieces = ranges.into_iter().zip(batches).zip(steps);
        Ok(pieces
            .map(|(((tensor, range), batch), steps)| Piece {
                tensor,
                range,
                batch,
                steps,
            })
            .collect())
    }

    /// For every piece, `say` makes this party's message and `hear` takes the others', of equal length.
    pub(super) fn open<A, B, C>(
        &mut self,
        pieces: Pieces<A>,
        mut say: impl FnMut(&mut Piece, A) -> Result<(Vec<u8>, B), Error>,
        mut hear: impl FnMut(&mut Piece, B, &[Vec<u8>]) -> Result<C, Error>,
    ) -> Result<Pieces<C>, Error> {
        let mut done = Vec::with_capacity(pieces.len());
        let mut waiting = VecDeque::with_capacity(AHEAD + 1);
        let mut answer = |this: &mut Self, (mut piece, step, bytes, said): (Piece, _, _, B)| {
            let want: Vec<_> = this.others.iter().map(|p| (*p, bytes)).collect();
            let theirs = this.session.exchange_at(step, Vec::new(), &want)?;
            let heard = hear(&mut piece, said, &theirs)?;
            done.push((piece, heard));
            Ok::<_, Error>(())
        };
        for (mut piece, state) in pieces {
            let (message, said) = say(&mut piece, state)?;
            let step = piece.steps.pop_front().ok_or(Error::Length {
                what: "steps of a piece",
                got: 0,
                want: 1,
            })?;
            let bytes = message.len();
            let out = to_each(&self.others, message);
            self.session.exchange_at(step, out, &[])?;
            waiting.push_back((piece, step, bytes, said));
            if waiting.len() > AHEAD
                && let Some(first) = waiting.pop_front()
            {
                answer(self, first)?;
            }
        }
        for rest in waiting {
            answer(self, rest)?;
        }
        Ok(done)
    }
}

/// The same message to each, the last one without a copy.
fn to_each(peers: &[Peer], message: Vec<u8>) -> Vec<(Peer, Vec<u8>)> {
    let Some((last, others)) = peers.split_last() else {
        return Vec::new();
    };
    let mut out: Vec<_> = others.iter().map(|p| (*p, message.clone())).collect();
    out.push((*last, message));
    out
}

/// Pieces before anything was done to them.
pub(super) fn fresh(pieces: Vec<Piece>) -> Pieces<()> {
    pieces.into_iter().map(|p| (p, ())).collect()
}

/// Shares of whole tensors, put together piece by piece, in order.
pub(super) struct Tensors<R: Ring>(Vec<RingVec<R>>);

impl<R: Ring> Tensors<R> {
    pub(super) fn put(&mut self, piece: &Piece, part: &RingVec<R>) {
        if let Some(all) = self.0.get_mut(piece.tensor) {
            debug_assert_eq!(all.len(), piece.range.start);
            all.extend_from_slice(part.as_slice());
        }
    }
    pub(super) fn into_tensors(self) -> Vec<RingVec<R>> {
        self.0
    }
}

impl<R: Ring> Semi2k<R> {
    /// Room for tensors of these lengths.
    pub(super) fn tensors(&self, lens: &[usize]) -> Tensors<R> {
        Tensors(lens.iter().map(|n| self.shelf.take(*n)).collect())
    }
}

/// Bits of whole tensors, put together piece by piece, in order.
pub(super) struct Planes {
    me: Party,
    tensors: Vec<(usize, RingVec<u64>)>,
}

impl Planes {
    pub(super) fn new(me: Party, lens: &[usize]) -> Self {
        let room = |n: &usize| (*n, RingVec::with_capacity(n.div_ceil(64)));
        Self {
            me,
            tensors: lens.iter().map(room).collect(),
        }
    }
    pub(super) fn put(&mut self, piece: &Piece, part: &[u64]) {
        if let Some((_, all)) = self.tensors.get_mut(piece.tensor) {
            debug_assert_eq!(64 * all.len(), piece.range.start);
            all.extend_from_slice(part);
        }
    }
    pub(super) fn into_bits(self) -> Vec<XorVec> {
        let me = self.me;
        let bits = |(n, words): (usize, RingVec<u64>)| {
            XorVec::from_raw_share(me, BitVec::from_words(n, words.into_vec()))
        };
        self.tensors.into_iter().map(bits).collect()
    }
}
