//! Products with secret weights (Beaver, CRYPTO 1991).
//!
//! Weights w are masked once: B is a free vector, and `F = w - B` is opened at set-up. For each product A is a fresh mask of
//! the operand, and `E = x - A` is opened:
//!
//! `x * w = E * B + A * F + E * F + A * B`.
//!
//! Party i computes `E * B_i + A_i * F`, one party with `B_i + F` in the place of `B_i`, in one pass over the output. The dealer
//! knows A and B, and deals what follows from `A * B`: a share of it if nothing is to be rescaled, else what `truncate` says
//! under *after a product*, which hides it. That F stays while A changes is the idea of weights that are masked
//! once for all products, as in SecureML (eprint 2017/396, section 4.1).
//!
//! Security: B is uniform and opened under no other mask, A is fresh, so F and every E are uniform and independent to any
//! n - 1 parties.

use piquet_core::linalg::PackedWeights;
use piquet_core::{Prg, Ring, RingVec, lanes};

use super::hand::{Hand, total};
use super::item::{Cut, Item};
use super::party::{Semi2k, Semi2kArith};
use super::piece::{fresh, sum};
use super::truncate::{deal_cut, openings};
use crate::Error;
use crate::engine::{LinearOp, Rescale, check_product};
use crate::parts::words::{message, words};

/// One party's share of the weights of a linear operation, packed for its kernels.
#[derive(Debug)]
pub struct Semi2kWeights<R: Ring> {
    /// Counted in the order in which they were handed over.
    index: usize,
    /// `B_i`, and F with it at one party.
    own: PackedWeights<R>,
    /// F
    opened: PackedWeights<R>,
    /// `bias_i`
    bias: RingVec<R>,
}

/// Elements that the client shares for an operation: weights, then bias.
pub(super) fn shared_len(op: &LinearOp) -> usize {
    op.shape.weight_len() + if op.bias { op.shape.out_channels } else { 0 }
}

/// Dealer: what follows from a product of masks, for a piece of it.
pub(super) fn deal_product<R: Ring>(hand: &mut Hand, c: &[R], cut: Cut) -> Result<(), Error> {
    if cut == Cut::Local {
        hand.deal(c);
        return Ok(());
    }
    let mut r = hand.free::<R>(c.len());
    r.sub_assign(c);
    deal_cut(hand, r.as_slice(), cut)
}

/// Dealer: the mask of a set of weights, from the streams of all parties.
pub(super) fn weights_mask<R: Ring>(streams: &mut [Prg], len: usize) -> RingVec<R> {
    total(streams, len, R::add)
}

impl<R: Ring> Semi2kWeights<R> {
    pub(super) fn receive(party: &mut Semi2k<R>, op: &LinearOp) -> Result<Self, Error> {
        op.shape.validate()?;
        let len = op.shape.weight_len();
        let share = party.receive(shared_len(op))?;
        let (weights, bias) = share
            .as_slice()
            .split_at_checked(len)
            .ok_or(Error::Length {
                what: "weights",
                got: share.len(),
                want: len,
            })?;
        let bias = RingVec::from(bias.to_vec());
        let index = party.weights;
        party.weights += 1;
        let mut own = party.source.weights(index)?.free::<R>(len)?;
        let mut opened = RingVec::from(weights.to_vec());
        drop(share);
        opened.sub_assign(own.as_slice());
        // One message: the links have nothing else to do, and nothing else is in memory.
        let out = party.others.iter().map(|p| (*p, message(&opened)));
        let want: Vec<_> = party.others.iter().map(|p| (*p, R::BYTES * len)).collect();
        for theirs in party.session.exchange(out.collect(), &want)? {
            opened.add_assign(&words::<R>(&theirs));
        }
        let packed = PackedWeights::pack(&op.shape, opened.as_slice())?;
        if party.adds() {
            own.add_assign(opened.as_slice());
        }
        Ok(Self {
            index,
            own: PackedWeights::pack(&op.shape, own.as_slice())?,
            opened: packed,
            bias,
        })
    }

    pub(super) fn apply(
        &self,
        party: &mut Semi2k<R>,
        xs: &[&Semi2kArith<R>],
        op: &LinearOp,
        rescale: Rescale,
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        for x in xs {
            check_product(&x.spec, op, &rescale)?;
        }
        let cut = Cut::of(&rescale, party.me.count())?;
        let item = Item::Linear {
            weights: self.index,
            shape: op.shape,
            operands: xs.len(),
            cut,
        };
        let x: Vec<&[R]> = xs.iter().map(|x| x.share.as_slice()).collect();
        let (masked, pieces) = party.begin(&item, openings(cut))?;
        let (mut masks, mut opened) =
            (party.tensors(&item.masked()), party.tensors(&item.masked()));
        party.open(
            fresh(masked),
            |piece, ()| {
                let mut e = piece.batch.free::<R>(piece.len())?;
                masks.put(piece, &e);
                lanes::zip(e.as_mut_slice(), piece.of(&x), |a, x| x.sub(a));
                Ok((message(&e), e))
            },
            |piece, e, theirs| {
                opened.put(piece, &sum(e, theirs));
                Ok(())
            },
        )?;
        let operands = masks.into_tensors().into_iter().zip(opened.into_tensors());
        let mut products = Vec::with_capacity(xs.len());
        for (a, e) in operands {
            let len = op.shape.output_len();
            let mut z = party.shelf.take(len);
            z.resize(len);
            let terms = [(e.as_slice(), &self.own), (a.as_slice(), &self.opened)];
            party.pool.conv2d(&op.shape, &terms, z.as_mut_slice())?;
            if op.bias {
                for row in z.as_mut_slice().chunks_exact_mut(op.shape.out_channels) {
                    lanes::zip(row, self.bias.as_slice(), R::add);
                }
            }
            party.shelf.put(a);
            party.shelf.put(e);
            products.push(z);
        }
        let shares = party.cut_product(pieces, products, cut, &rescale)?;
        party.ariths(xs.iter().map(|_| (&op.out, rescale.to)), shares)
    }
}
