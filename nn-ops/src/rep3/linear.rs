//! Products with secret weights.
//!
//! With `x = r + c` and `w = rho + gamma`, r and rho (components 0 and 1) known to party 0, c and gamma (component 2) to
//! parties 1 and 2, the product is `r rho + r gamma + c rho + c gamma`. Party 0 computes the first summand, party 1
//! `x_1 gamma + c w_1`, party 2 `x_0 gamma + c (w_0 + gamma)`: five products where one that treats all parties alike takes
//! six (as in the semi-honest protocol of Trio, arXiv 2206.03776v6), each party in one pass over the output, sums of weights made once at
//! set-up. The summand never leaves the party: it goes into `truncate`, which masks whatever it sends.

use piquet_core::linalg::PackedWeights;
use piquet_core::{Ring, RingVec, lanes};
use piquet_secret_sharing::Rep3Party;

use super::party::{Rep3, Rep3Arith};
use crate::Error;
use crate::engine::{LinearOp, Rescale, check_product};

/// One party's share of the weights of a linear operation, packed for its kernels.
#[derive(Debug)]
pub struct Rep3Weights<R: Ring> {
    factors: Factors<R>,
    /// `bias_i`
    bias: RingVec<R>,
}

/// What this party multiplies by what.
#[derive(Debug)]
enum Factors<R: Ring> {
    /// Party 0: `x_0 + x_1`.
    Sum(PackedWeights<R>),
    /// Parties 1 and 2: the share's first component and its second.
    Each([PackedWeights<R>; 2]),
}

/// Elements that the client shares for an operation: weights, then bias.
pub(super) fn shared_len(op: &LinearOp) -> usize {
    op.shape.weight_len() + if op.bias { op.shape.out_channels } else { 0 }
}

impl<R: Ring> Rep3Weights<R> {
    pub(super) fn receive(party: &mut Rep3<R>, op: &LinearOp) -> Result<Self, Error> {
        op.shape.validate()?;
        let weights = op.shape.weight_len();
        let (mut mine, next) = party.receive(shared_len(op))?.into_raw_components();
        let bias = mine.as_slice().get(weights..).unwrap_or_default().to_vec();
        let pack = |w: &RingVec<R>| {
            PackedWeights::pack(&op.shape, w.as_slice().get(..weights).unwrap_or_default())
        };
        let factors = match party.me {
            Rep3Party::P0 => {
                mine.add_assign(next.as_slice());
                drop(next);
                Factors::Sum(pack(&mine)?)
            }
            // x_1 gamma + c w_1
            Rep3Party::P1 => {
                let gamma = pack(&next)?;
                drop(next);
                Factors::Each([gamma, pack(&mine)?])
            }
            // c (gamma + w_0) + x_0 gamma
            Rep3Party::P2 => {
                let gamma = pack(&mine)?;
                mine.add_assign(next.as_slice());
                drop(next);
                Factors::Each([pack(&mine)?, gamma])
            }
        };
        Ok(Self {
            factors,
            bias: bias.into(),
        })
    }

    pub(super) fn apply(
        &self,
        party: &mut Rep3<R>,
        xs: &[&Rep3Arith<R>],
        op: &LinearOp,
        rescale: Rescale,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        let len = op.shape.output_len();
        let mut summands = Vec::with_capacity(xs.len());
        for x in xs {
            check_product(&x.spec, op, &rescale)?;
            let mut z = party.shelf.take(len);
            z.resize(len);
            let (mine, next) = x.share.raw_components();
            match &self.factors {
                Factors::Sum(w) => {
                    let mut r = party.shelf.copy(mine);
                    r.add_assign(next);
                    let terms = [(r.as_slice(), w)];
                    party.pool.conv2d(&op.shape, &terms, z.as_mut_slice())?;
                    party.shelf.put(r);
                }
                Factors::Each([w, v]) => {
                    let terms = [(mine, w), (next, v)];
                    party.pool.conv2d(&op.shape, &terms, z.as_mut_slice())?;
                }
            }
            if op.bias {
                for row in z.as_mut_slice().chunks_exact_mut(op.shape.out_channels) {
                    lanes::zip(row, self.bias.as_slice(), R::add);
                }
            }
            summands.push(z);
        }
        let z: Vec<&[R]> = summands.iter().map(RingVec::as_slice).collect();
        let fresh = party.truncate(&z, rescale)?;
        summands.into_iter().for_each(|z| party.shelf.put(z));
        fresh
            .into_iter()
            .map(|(mine, next)| party.arith(&op.out, rescale.to, mine, next))
            .collect()
    }
}
