//! Bits in two's complement.
//!
//! `x = r + c mod 2^hi`, where party 0 knows `r = x_0 + x_1` and parties 1 and 2 know `c = x_2`: the wanted bits of a
//! sum of two numbers, each known to someone. [`prefix`](crate::parts::prefix) computes them, with party 0 as its
//! dealer and parties 1 and 2 as those who compute. Each step ends with a swap of summands under fresh pads, which
//! are the masks that party 0 knows; the bits themselves are what the last swap gives: the pads are components 1 and
//! 0, what was opened is component 2.
//!
//! Security: as in `bits`. Party 0 receives nothing. What it hands out are functions of r and of pads, split between
//! parties 1 and 2 with a half that is uniform to its receiver; each swapped message is masked by a pad that its
//! receiver lacks and that masks nothing else. So both views are uniform words, which a simulator draws; nothing is
//! opened but masked.

use core::ops::Range;

use piquet_core::{Ring, RingVec};
use piquet_secret_sharing::{Rep3Bits, Rep3Party};

use super::bits::{hear_masked, say_masked};
use super::party::{Rep3, Rep3Arith};
use super::planes::Planes;
use crate::Error;
use crate::engine::check_bits;
use crate::parts::gates::xor;
use crate::parts::prefix::{Prefix, State, Wires};

/// How the bits of a range are computed.
pub(super) fn prefix(range: &Range<u32>) -> Prefix {
    Prefix::new(range.start as usize..range.end as usize)
}

/// Planes that party 0 hands out.
pub(super) fn handed_planes(prefix: &Prefix) -> usize {
    (0..prefix.steps()).map(|s| prefix.dealt(s)).sum()
}

impl<R: Ring> Rep3<R> {
    /// For every operand the bits of the range, lowest first.
    pub(super) fn decompose(
        &mut self,
        xs: &[&Rep3Arith<R>],
        range: Range<u32>,
    ) -> Result<Vec<Vec<Rep3Bits>>, Error> {
        if xs.is_empty() {
            return Ok(Vec::new());
        }
        for x in xs {
            check_bits(&x.spec, &range)?;
        }
        let me = self.me;
        let window = range.end as usize;
        let prefix = prefix(&range);
        let count = prefix.places();
        let lens: Vec<usize> = xs.iter().map(|x| x.spec.len()).collect();
        let each: Vec<usize> = lens.iter().flat_map(|n| vec![*n; count]).collect();
        let mut out = Planes::new(me, &each);
        let last = |step: usize| step + 1 == prefix.steps();
        let pieces = self.pieces(lens, prefix.steps(), |n| {
            8 * handed_planes(&prefix) * n.div_ceil(64)
        })?;
        if me == Rep3Party::P0 {
            for mut piece in pieces {
                let v = self.known_planes(&piece, xs, window)?;
                let w = piece.words();
                let mut masks = Wires::new(w);
                for step in 0..prefix.steps() {
                    piece.hand_out(&prefix.deal(step, v.as_slice(), &masks), Ring::xor)?;
                    let [mut mask, other] = piece.both_pads::<u64>(prefix.said(step) * w)?;
                    if last(step) {
                        out.put_each(&piece, count, [mask, other]);
                    } else {
                        xor(mask.as_mut_slice(), other.as_slice());
                        masks.push(mask);
                    }
                }
                self.send_hand(piece)?;
            }
        } else {
            let mut states: Vec<_> = pieces
                .into_iter()
                .map(|piece| {
                    let state = State::new(piece.words());
                    (piece, (RingVec::default(), state))
                })
                .collect();
            for step in 0..prefix.steps() {
                states = self.swap(
                    states,
                    |this, piece, (mut u, mut state)| {
                        if step == 0 {
                            u = this.known_planes(piece, xs, window)?;
                            this.hear_hand(piece)?;
                        }
                        let dealt = piece.take::<u64>(prefix.dealt(step) * piece.words())?;
                        let one = me == Rep3Party::P1;
                        let (u_planes, dealt) = (u.as_slice(), dealt.as_slice());
                        let summand = prefix.summand(step, one, u_planes, dealt, &mut state);
                        let (message, said) = say_masked(piece, summand)?;
                        Ok((message, (u, state, said)))
                    },
                    |piece, (u, mut state, said), theirs| {
                        let said = hear_masked(said, theirs);
                        if last(step) {
                            out.put_each(piece, count, [said.pad, said.open]);
                        } else {
                            state.hear(said);
                        }
                        Ok((u, state))
                    },
                )?;
            }
        }
        let mut bits = out.into_bits()?.into_iter();
        Ok(xs
            .iter()
            .map(|_| bits.by_ref().take(count).collect())
            .collect())
    }
}
