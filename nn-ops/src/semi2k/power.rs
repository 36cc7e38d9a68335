//! Powers of two by the masked exponent: [`exp2`](crate::parts::exp2) has the formula and its error.
//!
//! A uniform mask r is dealt, and the H vectors X_j that follow from it, which are zero but at its digit. The parties open
//! `c = factor x + offset - r`, multiply their shares of the vectors by coefficients that follow from c, which all know, and
//! so have shares of `2^(g + t) 2^(e - bias)`. These are rescaled as any value is (`truncate`), always stochastically.
//!
//! Security: c is uniform as r is, to anyone but the dealer, and a party's message is masked by its own share of r, which is used
//! nowhere else; of the vectors, whoever lacks one share knows nothing. What follows is local, and then `truncate`. What is
//! realised is the function of r and c that is written down in `exp2`, followed by a stochastic truncation, where r is uniform,
//! the parties are told c, and the dealer r: of the rounding (not more than the stated error) each knows its part, as of
//! the coin of that truncation. Hence there is none for `Exact` and `Nearest`, whose result depends on x alone.

use piquet_core::{Ring, RingVec, lanes};
use zeroize::Zeroize;

use super::hand::Hand;
use super::item::{Cut, Item};
use super::party::{Semi2k, Semi2kArith};
use super::piece::{fresh, sum};
use super::truncate::deal_cut;
use crate::Error;
use crate::engine::{Power, Truncation, check_power};
use crate::parts::exp2::Exp2;
use crate::parts::words::{BLOCK, message, to_ring};

/// How a power is rescaled.
pub(super) fn cut_of(power: &Power) -> Cut {
    Cut::Stochastic {
        shift: power.shift(),
    }
}

/// Dealer: what a power of n elements needs.
pub(super) fn deal_power<R: Ring>(hand: &mut Hand, n: usize, power: &Power) -> Result<(), Error> {
    let kernel = Exp2::of(power);
    let r = hand.free::<R>(n);
    let mask = hand.free::<R>(n);
    let mut block = [0u64; BLOCK];
    let mut out = RingVec::<R>::with_capacity(kernel.words() * n.min(BLOCK));
    for r in r.as_slice().chunks(BLOCK) {
        let (block, _) = block.split_at_mut(r.len());
        lanes::zip(block, r, |_, r| r.to_u64());
        out.resize(kernel.words() * r.len());
        kernel.give(block, out.as_mut_slice());
        hand.deal(out.as_slice());
    }
    block.zeroize();
    deal_cut(hand, mask.as_slice(), cut_of(power))
}

impl<R: Ring> Semi2k<R> {
    pub(super) fn power_impl(
        &mut self,
        xs: &[&Semi2kArith<R>],
        power: &Power,
    ) -> Result<Option<Vec<Semi2kArith<R>>>, Error> {
        if xs.is_empty() {
            return Ok(None);
        }
        for x in xs {
            check_power(&x.spec, power)?;
        }
        if power.rescale().is_none() {
            return Ok(None);
        }
        let kernel = Exp2::of(power);
        let x: Vec<&[R]> = xs.iter().map(|x| x.share.as_slice()).collect();
        let lens: Vec<usize> = x.iter().map(|x| x.len()).collect();
        let factor = to_ring::<R>(&power.factor);
        let offset = match self.adds() {
            true => to_ring::<R>(&power.offset),
            false => R::ZERO,
        };
        let mut products = self.tensors(&lens);
        let item = Item::Power {
            lens,
            power: *power,
        };
        let (_, pieces) = self.begin(&item, 2)?;
        let opened = self.open(
            fresh(pieces),
            |piece, ()| {
                let mut c = piece.batch.free::<R>(piece.len())?;
                lanes::zip(c.as_mut_slice(), piece.of(&x), |r, x| {
                    x.mul(factor).add(offset).sub(r)
                });
                Ok((message(&c), c))
            },
            |piece, c, theirs| {
                let c = sum(c, theirs);
                let mut z = RingVec::<R>::zeros(c.len());
                let mut block = [0u64; BLOCK];
                let blocks = c.as_slice().chunks(BLOCK);
                for (c, z) in blocks.zip(z.as_mut_slice().chunks_mut(BLOCK)) {
                    let (block, _) = block.split_at_mut(c.len());
                    lanes::zip(block, c, |_, c| c.to_u64());
                    let given = piece.batch.dependent::<R>(kernel.words() * c.len())?;
                    kernel.combine(block, given.as_slice(), z);
                }
                products.put(piece, &z);
                Ok(())
            },
        )?;
        let pieces = opened.into_iter().map(|(piece, ())| piece).collect();
        let products = products.into_tensors();
        let z: Vec<&[R]> = products.iter().map(RingVec::as_slice).collect();
        let shares = self.cut(pieces, &z, cut_of(power), Truncation::Stochastic)?;
        products.into_iter().for_each(|z| self.shelf.put(z));
        let shapes = xs.iter().map(|x| (&x.spec.shape, power.to));
        self.ariths(shapes, shares).map(Some)
    }
}
