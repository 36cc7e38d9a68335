//! Conjunctions: products of two masked bits, as in `bits`. Party 0 hands out the product of the masks.
//!
//! All operands of a call are one vector of words, each beginning at a word, so that many small ones share pieces.

use core::ops::Range;

use piquet_core::{BitVec, Ring, RingVec, lanes};
use piquet_secret_sharing::{Rep3Bits, Rep3Party};

use super::bits::{hear_masked, say_masked};
use super::party::Rep3;
use crate::Error;
use crate::parts::gates::{and, xor};

/// Words of operands of so many bits, together.
pub(super) fn joined(lens: &[usize]) -> usize {
    lens.iter().map(|n| n.div_ceil(64)).sum()
}

/// Some words of all operands.
fn part<'a>(operands: impl Iterator<Item = &'a BitVec>, range: &Range<usize>) -> RingVec<u64> {
    let mut out = RingVec::with_capacity(range.len());
    let mut before = 0;
    for operand in operands {
        let words = operand.words();
        let end = (before + words.len()).min(range.end);
        let first = before.max(range.start);
        if first < end {
            let part = words.get(first - before..end - before);
            out.extend_from_slice(part.unwrap_or_default());
        }
        before += words.len();
    }
    out
}

impl<R: Ring> Rep3<R> {
    /// Conjunctions of bit tensors.
    pub(super) fn and_bits(
        &mut self,
        pairs: &[(&Rep3Bits, &Rep3Bits)],
    ) -> Result<Vec<Rep3Bits>, Error> {
        for (a, b) in pairs {
            if a.len() != b.len() {
                return Err(Error::Length {
                    what: "bits of a conjunction",
                    got: b.len(),
                    want: a.len(),
                });
            }
        }
        let me = self.me;
        let lens: Vec<usize> = pairs.iter().map(|(a, _)| a.len()).collect();
        let words = joined(&lens);
        let mut out = [RingVec::with_capacity(words), RingVec::with_capacity(words)];
        let mut put = |parts: [RingVec<u64>; 2]| {
            for (all, part) in out.iter_mut().zip(&parts) {
                all.extend_from_slice(part.as_slice());
            }
        };
        // An element of a piece is a word.
        let pieces = self.pieces([words], 1, |n| 8 * n)?;
        // This party's first and second component of both factors.
        let operands = |range: &Range<usize>| {
            let a = pairs.iter().map(|(a, _)| a.raw_components());
            let b = pairs.iter().map(|(_, b)| b.raw_components());
            [
                [
                    part(a.clone().map(|a| a.0), range),
                    part(a.map(|a| a.1), range),
                ],
                [
                    part(b.clone().map(|b| b.0), range),
                    part(b.map(|b| b.1), range),
                ],
            ]
        };
        if me == Rep3Party::P0 {
            for mut piece in pieces {
                // Masks, from components 0 and 1.
                let [a, b] = operands(&piece.range).map(|[mut mask, next]| {
                    xor(mask.as_mut_slice(), next.as_slice());
                    mask
                });
                piece.hand_out(&and(a.as_slice(), b.as_slice()), Ring::xor)?;
                put(piece.both_pads::<u64>(piece.len())?);
                self.send_hand(piece)?;
            }
        } else {
            let pieces = pieces.into_iter().map(|p| (p, ())).collect();
            self.swap(
                pieces,
                |this, piece, ()| {
                    this.hear_hand(piece)?;
                    let mut z = piece.take::<u64>(piece.len())?;
                    // (open, pad), as this party holds them.
                    let [(ao, ap), (bo, bp)] =
                        operands(&piece.range).map(|[mine, next]| match me {
                            Rep3Party::P0 | Rep3Party::P1 => (next, mine),
                            Rep3Party::P2 => (mine, next),
                        });
                    let (ao, ap, bo, bp) =
                        (ao.as_slice(), ap.as_slice(), bo.as_slice(), bp.as_slice());
                    lanes::zip4(z.as_mut_slice(), ao, ap, bo, bp, |z, ao, ap, bo, bp| {
                        z ^ (ao & bp) ^ (ap & bo)
                    });
                    if me == Rep3Party::P1 {
                        lanes::zip2(z.as_mut_slice(), ao, bo, |z, a, b| z ^ (a & b));
                    }
                    say_masked(piece, z)
                },
                |_, ours, theirs| {
                    let z = hear_masked(ours, theirs);
                    put(match me {
                        Rep3Party::P0 | Rep3Party::P1 => [z.pad, z.open],
                        Rep3Party::P2 => [z.open, z.pad],
                    });
                    Ok(())
                },
            )?;
        }
        let mut first = 0;
        lens.into_iter()
            .map(|n| {
                let range = first..first + n.div_ceil(64);
                first = range.end;
                let [mine, next] = out.each_ref().map(|all| {
                    let words = all.as_slice().get(range.clone()).unwrap_or_default();
                    BitVec::from_words(n, words.to_vec())
                });
                Ok(Rep3Bits::from_raw_components(me, mine, next)?)
            })
            .collect()
    }
}
