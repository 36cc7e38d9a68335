//! The pieces of a step, and the two moves that every nonlinear step is made of.
//!
//! Party 0 knows one number (`x_0 + x_1`, or a mask it chose), parties 1 and 2 know another (`x_2`, or what the mask
//! hides). Party 0 *hands out*: it splits a vector between parties 1 and 2, one half expanded from the stream it has in
//! common with one of them, the other sent to the other one. Parties 1 and 2 *swap*: each sends the other its summand
//! of a value, masked by a pad that it has in common with party 0, so that both learn the value under a mask which
//! only party 0 knows. Party 0 hears nothing, ever: it is the helper of a computation in the preprocessing model between
//! the two others, as in the semi-honest protocols of ASTRA (eprint 2019/429) and Trio (arXiv
//! 2206.03776v6), and what it gets and sends is argued in each step's file.
//!
//! Tensors are cut into pieces whose vectors fit in cache. Each piece has pads of its own, and which of the two parties
//! hears what is handed out alternates from pad to pad, so that the links share the load over a layer or two. A swap sends up to
//! [`AHEAD`] pieces before it waits for the first answer: computing and sending overlap, and the messages under way stay bounded.

use core::ops::Range;
use std::collections::VecDeque;

use piquet_core::{Ring, RingVec, lanes};
use piquet_secret_sharing::Rep3Party;

use super::party::{Pads, Rep3};
use crate::Error;
use crate::parts::pieces::{AHEAD, ranges};
use crate::parts::words::{BLOCK, blocks, draw, words};
use crate::session::StepId;
use crate::transport::Peer;

/// Who of parties 1 and 2 expands its half of what is handed out under a pad; the other one hears it.
pub(super) fn seeded(pad: u64) -> Talker {
    match pad % 2 {
        0 => Talker::First,
        _ => Talker::Second,
    }
}

/// Party 1 or party 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Talker {
    First,
    Second,
}

impl Talker {
    pub(super) fn party(self) -> Rep3Party {
        match self {
            Self::First => Rep3Party::P1,
            Self::Second => Rep3Party::P2,
        }
    }
    pub(super) fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// Pieces of a step, and how far each has come.
pub(super) type Pieces<T> = Vec<(Piece, T)>;

/// One piece of a step: what it covers, its pads, its steps, and what was handed out for it.
pub(super) struct Piece {
    pub(super) tensor: usize,
    pub(super) range: Range<usize>,
    me: Rep3Party,
    seeded: Talker,
    pads: Pads,
    hand_step: StepId,
    swap_steps: VecDeque<StepId>,
    /// Bytes that are handed out.
    handed: usize,
    hand: Vec<u8>,
    taken: usize,
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

    /// This party's part of a tensor.
    pub(super) fn of<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        all.get(self.range.clone()).unwrap_or_default()
    }

    /// Parties 1 and 2: a pad in common with party 0 that the other one lacks.
    pub(super) fn pad<T: Ring>(&mut self, n: usize) -> Result<RingVec<T>, Error> {
        Ok(draw(self.pads.own()?, n))
    }

    /// Parties 1 and 2: shows `n` words of such a pad to `f`, block by block.
    pub(super) fn pad_blocks<T: Ring>(
        &mut self,
        n: usize,
        f: impl FnMut(Range<usize>, &[T]),
    ) -> Result<(), Error> {
        blocks(self.pads.own()?, n, f);
        Ok(())
    }

    /// Party 0: the sum of both pads, less `z`.
    pub(super) fn pads_less<T: Ring>(&mut self, z: &[T]) -> Result<RingVec<T>, Error> {
        let mut r = draw::<T>(self.pads.zeroth()?, z.len());
        let sum = r.as_mut_slice();
        blocks(self.pads.first()?, z.len(), |range, first: &[T]| {
            let z = z.get(range.clone()).unwrap_or_default();
            let sum = sum.get_mut(range).unwrap_or_default();
            lanes::zip2(sum, first, z, |zeroth, first, z| zeroth.add(first).sub(z));
        });
        Ok(r)
    }

    /// Party 0: the pads of parties 2 and 1, which are components 0 and 1 of whatever they mask.
    pub(super) fn both_pads<T: Ring>(&mut self, n: usize) -> Result<[RingVec<T>; 2], Error> {
        Ok([draw(self.pads.zeroth()?, n), draw(self.pads.first()?, n)])
    }

    /// Party 0: splits `v` between parties 1 and 2. `minus` is subtraction, or exclusive or.
    pub(super) fn hand_out<T: Ring>(
        &mut self,
        v: &RingVec<T>,
        minus: impl Fn(T, T) -> T,
    ) -> Result<(), Error> {
        let room = self.handed.saturating_sub(self.hand.len());
        self.hand.reserve_exact(room);
        let (hand, v) = (&mut self.hand, v.as_slice());
        let mut other = [T::ZERO; BLOCK];
        blocks(
            self.pads.of(self.seeded)?,
            v.len(),
            |range, seeded: &[T]| {
                let (other, _) = other.split_at_mut(range.len());
                other.copy_from_slice(v.get(range).unwrap_or_default());
                lanes::zip(other, seeded, &minus);
                hand.extend_from_slice(bytemuck::must_cast_slice(other));
            },
        );
        Ok(())
    }

    /// Party 0: as [`Piece::hand_out`], and returns the parts of parties 2 and 1, in this order: components 0 and 1.
    pub(super) fn hand_out_components<T: Ring>(
        &mut self,
        mut v: RingVec<T>,
    ) -> Result<[RingVec<T>; 2], Error> {
        let seeded = draw::<T>(self.pads.of(self.seeded)?, v.len());
        v.sub_assign(seeded.as_slice());
        self.hand.extend_from_slice(v.as_bytes());
        Ok(match self.seeded {
            Talker::First => [v, seeded],
            Talker::Second => [seeded, v],
        })
    }

    /// Parties 1 and 2: this party's part of the next `n` words that were handed out.
    pub(super) fn take<T: Ring>(&mut self, n: usize) -> Result<RingVec<T>, Error> {
        if self.me == self.seeded.party() {
            return self.pad(n);
        }
        let end = self.taken + n * T::BYTES;
        let part = self.hand.get(self.taken..end).ok_or(Error::Length {
            what: "words handed out",
            got: self.hand.len(),
            want: end,
        })?;
        let part = words(part).into_owned().into();
        self.taken = end;
        if end == self.handed {
            // A step over many pieces need not hold what is used up.
            self.hand = Vec::new();
        }
        Ok(part)
    }
}

impl<R: Ring> Rep3<R> {
    /// The pieces of a step over tensors of these lengths, with `swaps` swaps; `handed` says how many bytes party 0 hands out
    /// for so many elements.
    pub(super) fn pieces(
        &mut self,
        lens: impl IntoIterator<Item = usize>,
        swaps: usize,
        handed: impl Fn(usize) -> usize,
    ) -> Result<Vec<Piece>, Error> {
        self.pieces_of(lens, swaps, |_, n| handed(n))
    }

    /// As [`Rep3::pieces`], where it depends on the tensor how many bytes are handed out.
    pub(super) fn pieces_of(
        &mut self,
        lens: impl IntoIterator<Item = usize>,
        swaps: usize,
        handed: impl Fn(usize, usize) -> usize,
    ) -> Result<Vec<Piece>, Error> {
        let ranges: Vec<_> = ranges(lens).collect();
        let mut step = || self.session.next_step();
        let hands = ranges
            .iter()
            .map(|_| step())
            .collect::<Result<Vec<_>, _>>()?;
        let mut swap_steps = vec![VecDeque::new(); ranges.len()];
        for _ in 0..swaps {
            for of_piece in &mut swap_steps {
                of_piece.push_back(step()?);
            }
        }
        ranges
            .into_iter()
            .zip(hands)
            .zip(swap_steps)
            .map(|(((tensor, range), hand_step), swap_steps)| {
                Ok(Piece {
                    tensor,
                    me: self.me,
                    seeded: seeded(self.draws),
                    pads: self.pads()?,
                    hand_step,
                    swap_steps,
                    handed: handed(tensor, range.len()),
                    range,
                    hand: Vec::new(),
                    taken: 0,
                })
            })
            .collect()
    }

    /// Party 0: sends what was handed out for a piece, and is done with it.
    pub(super) fn send_hand(&mut self, piece: Piece) -> Result<(), Error> {
        let to = piece.seeded.other().party();
        debug_assert_eq!(piece.hand.len(), piece.handed);
        let out = vec![(peer(to), piece.hand)];
        self.session.exchange_at(piece.hand_step, out, &[])?;
        Ok(())
    }

    /// Parties 1 and 2: waits for what was handed out for a piece, if it is not expanded here.
    pub(super) fn hear_hand(&mut self, piece: &mut Piece) -> Result<(), Error> {
        if self.me != piece.seeded.party() {
            piece.hand = self.receive_at(piece.hand_step, Rep3Party::P0, piece.handed)?;
        }
        Ok(())
    }

    /// Parties 1 and 2: for every piece, `say` makes this party's message and `hear` takes the other's, of equal length.
    pub(super) fn swap<A, B, C>(
        &mut self,
        pieces: Pieces<A>,
        mut say: impl FnMut(&mut Self, &mut Piece, A) -> Result<(Vec<u8>, B), Error>,
        mut hear: impl FnMut(&mut Piece, B, &[u8]) -> Result<C, Error>,
    ) -> Result<Pieces<C>, Error> {
        let other = match self.me {
            Rep3Party::P0 => return Err(Error::Ownership("party 0 hears nothing")),
            Rep3Party::P1 => Rep3Party::P2,
            Rep3Party::P2 => Rep3Party::P1,
        };
        let mut done = Vec::with_capacity(pieces.len());
        let mut waiting = VecDeque::with_capacity(AHEAD + 1);
        let mut answer = |this: &mut Self, (mut piece, step, bytes, said): (Piece, _, _, B)| {
            let theirs = this.receive_at(step, other, bytes)?;
            let heard = hear(&mut piece, said, &theirs)?;
            done.push((piece, heard));
            Ok::<_, Error>(())
        };
        for (mut piece, state) in pieces {
            let (message, said) = say(self, &mut piece, state)?;
            let step = piece.swap_steps.pop_front().ok_or(Error::Length {
                what: "steps of a piece",
                got: 0,
                want: 1,
            })?;
            let bytes = message.len();
            self.session
                .exchange_at(step, vec![(peer(other), message)], &[])?;
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

    fn receive_at(
        &mut self,
        step: StepId,
        from: Rep3Party,
        bytes: usize,
    ) -> Result<Vec<u8>, Error> {
        let got = self
            .session
            .exchange_at(step, Vec::new(), &[(peer(from), bytes)])?;
        crate::layer::only(got)
    }
}

fn peer(p: Rep3Party) -> Peer {
    Peer::party(p.index() as u8)
}

/// Shares of whole tensors, put together piece by piece, in order.
pub(super) struct Shares<R: Ring> {
    me: Rep3Party,
    tensors: Vec<[RingVec<R>; 2]>,
}

impl<R: Ring> Shares<R> {
    pub(super) fn new(party: &Rep3<R>, lens: impl IntoIterator<Item = usize>) -> Self {
        let room = |n| [party.shelf.take(n), party.shelf.take(n)];
        Self {
            me: party.me,
            tensors: lens.into_iter().map(room).collect(),
        }
    }

    /// Party 0: components 0 and 1 of a piece. Parties 1 and 2: their pad, and what both know.
    pub(super) fn put(&mut self, piece: &Piece, a: &[R], b: &[R]) {
        self.put_each(piece, 1, a, b);
    }

    /// As [`Shares::put`] where for each operand there are `count` tensors, one after the other.
    pub(super) fn put_each(&mut self, piece: &Piece, count: usize, a: &[R], b: &[R]) {
        let (mine, next) = match self.me {
            Rep3Party::P0 | Rep3Party::P1 => (a, b),
            Rep3Party::P2 => (b, a),
        };
        let tensors = self.tensors.iter_mut().skip(piece.tensor * count);
        for (j, all) in tensors.take(count).enumerate() {
            let range = j * piece.len()..(j + 1) * piece.len();
            for (all, part) in all.iter_mut().zip([mine, next]) {
                debug_assert_eq!(all.len(), piece.range.start);
                all.extend_from_slice(part.get(range.clone()).unwrap_or_default());
            }
        }
    }

    /// (mine, next) of every tensor.
    pub(super) fn into_tensors(self) -> impl Iterator<Item = (RingVec<R>, RingVec<R>)> {
        self.tensors.into_iter().map(|[mine, next]| (mine, next))
    }
}
