//! Comparison with zero, exact on the declared window.
//!
//! |x| < 2^b, so with w = b + 1 the sign of x is bit w - 1 of `x mod 2^w`, and `x = r + c mod 2^w` where party 0 knows
//! `r = x_0 + x_1` and parties 1 and 2 know `c = x_2`: bit w - 1 of a sum of two numbers, each known to someone.
//! The carry into it comes from `bits`; the top bits of both are added to its summands (party 0 hands its own out) before
//! they are masked. Nothing is opened.

use piquet_core::{Ring, RingVec, lanes};
use piquet_secret_sharing::{Rep3Bits, Rep3Party};

use super::carry::{Before, hand_out_carry};
use super::party::{Rep3, Rep3Arith};
use super::piece::Piece;
use super::planes::Planes;
use crate::Error;
use crate::parts::adder::Adder;
use crate::parts::planes::planes;

/// Bits that a comparison looks at: a sign beside the largest bound.
pub(super) fn window(bounds: impl Iterator<Item = u32>) -> usize {
    bounds.max().unwrap_or(1).max(1) as usize + 1
}

/// Planes that party 0 hands out for a comparison on a window of bits.
pub(super) fn handed_planes(adder: &Adder) -> usize {
    adder.handed_planes() + 1
}

impl<R: Ring> Rep3<R> {
    /// One bit per element: x >= 0. Tensors share their rounds; the widest window serves all.
    pub(super) fn compare(&mut self, xs: &[&Rep3Arith<R>]) -> Result<Vec<Rep3Bits>, Error> {
        let window = window(xs.iter().map(|x| x.spec.format.bound()));
        let adder = Adder::new(window - 1);
        let lens: Vec<usize> = xs.iter().map(|x| x.spec.len()).collect();
        let mut out = Planes::new(self.me, &lens);
        let pieces = self.pieces(lens, adder.swaps().count(), |n| {
            8 * handed_planes(&adder) * n.div_ceil(64)
        })?;
        if self.me == Rep3Party::P0 {
            for mut piece in pieces {
                let v = self.known_planes(&piece, xs, window)?;
                let top = (window - 1) * piece.words();
                let (low, top) = v.as_slice().split_at_checked(top).unwrap_or_default();
                let masks = hand_out_carry(&mut piece, &adder, low, top)?;
                out.put(&piece, masks);
                self.send_hand(piece)?;
            }
        } else {
            let begin = |this: &mut Self, piece: &mut Piece, ()| {
                let u = this.known_planes(piece, xs, window)?;
                let top = (window - 1) * piece.words();
                let add = u.as_slice().get(top..).map(|top| top.to_vec().into());
                this.hear_hand(piece)?;
                Ok(Before { u, add, along: () })
            };
            let pieces = pieces.into_iter().map(|p| (p, ())).collect();
            for (piece, (sign, ())) in self.carry(&adder, pieces, begin)? {
                out.put(&piece, [sign.pad, sign.open]);
            }
        }
        let negative = out.into_bits()?;
        Ok(negative.into_iter().map(Rep3Bits::not).collect())
    }

    /// Planes of `x_0 + x_1` at party 0, of `x_2` at the others.
    pub(super) fn known_planes(
        &self,
        piece: &Piece,
        xs: &[&Rep3Arith<R>],
        window: usize,
    ) -> Result<RingVec<u64>, Error> {
        let (mine, next) = xs
            .get(piece.tensor)
            .map(|x| x.share.raw_components())
            .unwrap_or_default();
        let (mine, next) = (piece.of(mine), piece.of(next));
        planes(piece.len(), window, |known| match self.me {
            Rep3Party::P0 => lanes::zip2(known, mine, next, |_, a, b| a.add(b).to_u64()),
            Rep3Party::P1 => lanes::zip(known, next, |_, c| c.to_u64()),
            Rep3Party::P2 => lanes::zip(known, mine, |_, c| c.to_u64()),
        })
    }
}
