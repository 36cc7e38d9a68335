//! Powers of two by the masked exponent: [`exp2`](crate::parts::exp2) has the formula and its error.
//!
//! Party 0 knows `r = factor (x_0 + x_1)`, parties 1 and 2 know `c = factor x_2 + offset`. Party 0 hands out the H vectors X_j,
//! which are zero but at the digit of r. Parties 1 and 2 multiply their parts by coefficients that both know: their summands of
//! `2^(g + t) 2^(e - bias)`, to which party 0 adds nothing. These are rescaled as those of a product are (`truncate`), always
//! stochastically.
//!
//! Security: party 0 receives nothing. Parties 1 and 2 receive the vectors masked by pads that only party 0 and the other
//! one can compute, each used once: uniform, whatever they hold. What follows is local, and then `truncate`, whose argument
//! holds for any summands: the output components are fresh. So no more is realised and no less than the function of the
//! *shares* r and c that is written down in `exp2`, followed by a stochastic truncation. Its rounding (not more than
//! the stated error) depends on r, which party 0 knows, beside x: this is again the functionality that hands party 0 its part of
//! the coin, not one with a coin unknown to all. Hence there is none for `Exact` and `Nearest`, whose result depends on x alone.

use piquet_core::{Ring, RingVec, lanes};
use piquet_secret_sharing::Rep3Party;
use zeroize::Zeroizing;

use super::party::{Rep3, Rep3Arith};
use super::piece::Piece;
use crate::Error;
use crate::engine::{Power, check_power};
use crate::parts::exp2::Exp2;
use crate::parts::words::{BLOCK, to_ring};

/// Blocks of a piece.
fn blocks(n: usize) -> impl Iterator<Item = core::ops::Range<usize>> {
    (0..n).step_by(BLOCK).map(move |i| i..n.min(i + BLOCK))
}

impl<R: Ring> Rep3<R> {
    pub(super) fn power_impl(
        &mut self,
        xs: &[&Rep3Arith<R>],
        power: &Power,
    ) -> Result<Option<Vec<Rep3Arith<R>>>, Error> {
        if xs.is_empty() {
            return Ok(None);
        }
        for x in xs {
            check_power(&x.spec, power)?;
        }
        let Some(rescale) = power.rescale() else {
            return Ok(None);
        };
        let kernel = Exp2::of(power);
        let lens: Vec<usize> = xs.iter().map(|x| x.spec.len()).collect();
        let mut summands: Vec<RingVec<R>> = lens.iter().map(|n| self.shelf.take(*n)).collect();
        for (z, n) in summands.iter_mut().zip(&lens) {
            z.resize(*n);
        }
        let known = |piece: &Piece| {
            let x = xs.get(piece.tensor).map(|x| x.share.raw_components());
            let (mine, next) = x.unwrap_or_default();
            (piece.of(mine), piece.of(next))
        };
        let factor = to_ring::<R>(&power.factor);
        let offset = to_ring::<R>(&power.offset);
        let mut y = Zeroizing::new([0u64; BLOCK]);
        let handed = |n| kernel.words() * R::BYTES * n;
        for mut piece in self.pieces(lens, 0, handed)? {
            let n = piece.len();
            if self.me == Rep3Party::P0 {
                let (x0, x1) = known(&piece);
                let mut out = RingVec::<R>::with_capacity(kernel.words() * BLOCK);
                for range in blocks(n) {
                    let (r, _) = y.split_at_mut(range.len());
                    let x0 = x0.get(range.clone()).unwrap_or_default();
                    let x1 = x1.get(range).unwrap_or_default();
                    lanes::zip2(r, x0, x1, |_, a, b| a.add(b).mul(factor).to_u64());
                    out.resize(kernel.words() * r.len());
                    kernel.give(r, out.as_mut_slice());
                    piece.hand_out(&out, R::sub)?;
                }
                self.send_hand(piece)?;
                continue;
            }
            let (mine, next) = known(&piece);
            let x2 = if self.me == Rep3Party::P1 { next } else { mine };
            self.hear_hand(&mut piece)?;
            for range in blocks(n) {
                let (c, _) = y.split_at_mut(range.len());
                let x2 = x2.get(range.clone()).unwrap_or_default();
                lanes::zip(c, x2, |_, x| x.mul(factor).add(offset).to_u64());
                let given = piece.take::<R>(kernel.words() * c.len())?;
                let all = summands.get_mut(piece.tensor).map(RingVec::as_mut_slice);
                let z = all.and_then(|z| z.get_mut(piece.range.clone()));
                let z = z.and_then(|z| z.get_mut(range)).unwrap_or_default();
                kernel.combine(c, given.as_slice(), z);
            }
        }
        let z: Vec<&[R]> = summands.iter().map(RingVec::as_slice).collect();
        let fresh = self.truncate(&z, rescale)?;
        summands.into_iter().for_each(|z| self.shelf.put(z));
        xs.iter()
            .zip(fresh)
            .map(|(x, (mine, next))| self.arith(&x.spec.shape, power.to, mine, next))
            .collect::<Result<_, _>>()
            .map(Some)
    }
}
