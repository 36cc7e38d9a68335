//! Products with secret weights, and elementwise products.
//!
//! `x w = sum_i (x_i (w_i + w_{i+1}) + x_{i+1} w_i)`: party `i` computes summand `i` in one pass over the output, with
//! `w_i + w_{i+1}` made once at set-up (Araki et al., eprint 2016/768, section 2.2; over rings ABY3, eprint 2018/403,
//! section 3). The summand never leaves the party: it goes into `truncate`, which masks whatever it sends.

use piquet_core::linalg::PackedWeights;
use piquet_core::{Ring, RingVec};

use super::party::{Rep3, Rep3Arith};
use crate::Error;
use crate::engine::{LinearOp, Rescale, check_mul, check_product};

/// One party's share of the weights of a linear operation, packed for its kernels.
#[derive(Debug)]
pub struct Rep3Weights<R: Ring> {
    /// `w_i + w_{i+1}`, the factor of `x_i`.
    sum: PackedWeights<R>,
    /// `w_i`, the factor of `x_{i+1}`.
    mine: PackedWeights<R>,
    /// `bias_i`
    bias: RingVec<R>,
}

/// Elements that the client shares for an operation: weights, then bias.
pub(super) fn shared_len(op: &LinearOp) -> usize {
    op.shape.weight_len() + if op.bias { op.shape.out_channels } else { 0 }
}

impl<R: Ring> Rep3Weights<R> {
    pub(super) fn receive(party: &mut Rep3<R>, op: &LinearOp) -> Result<Self, Error> {
        op.shape.validate()?;
        let (mine, next) = party.receive(shared_len(op))?.into_raw_components();
        let (w, bias) = mine
            .as_slice()
            .split_at_checked(op.shape.weight_len())
            .unwrap_or_default();
        let own = PackedWeights::pack(&op.shape, w)?;
        let w_next = next
            .as_slice()
            .get(..op.shape.weight_len())
            .unwrap_or_default();
        let mut sum = PackedWeights::pack(&op.shape, w_next)?;
        sum.add_assign(&own)?;
        Ok(Self {
            sum,
            mine: own,
            bias: bias.to_vec().into(),
        })
    }

    pub(super) fn apply(
        &self,
        party: &mut Rep3<R>,
        xs: &[&Rep3Arith<R>],
        op: &LinearOp,
        rescale: Rescale,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        let per_operand = op.shape.output_len();
        let mut z = RingVec::zeros(per_operand * xs.len());
        for (x, out) in xs
            .iter()
            .zip(z.as_mut_slice().chunks_exact_mut(per_operand))
        {
            check_product(&x.spec, op, &rescale)?;
            let (mine, next) = x.share.raw_components();
            party
                .pool
                .conv2d(&op.shape, &[(mine, &self.sum), (next, &self.mine)], out)?;
            if op.bias {
                for row in out.chunks_exact_mut(op.shape.out_channels) {
                    for (y, b) in row.iter_mut().zip(self.bias.as_slice()) {
                        *y = y.add(*b);
                    }
                }
            }
        }
        let (mine, next) = party.truncate(z, rescale)?;
        let cuts: Vec<_> = xs.iter().map(|_| (&op.out, rescale.to)).collect();
        party.cut(&cuts, mine, next)
    }
}

impl<R: Ring> Rep3<R> {
    pub(super) fn mul_impl(
        &mut self,
        pairs: &[(&Rep3Arith<R>, &Rep3Arith<R>)],
        rescale: Rescale,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        let mut z = Vec::with_capacity(pairs.iter().map(|(a, _)| a.spec.len()).sum());
        for (a, b) in pairs {
            check_mul(&a.spec, &b.spec, &rescale)?;
            let ((a0, a1), (b0, b1)) = (a.share.raw_components(), b.share.raw_components());
            z.extend(
                a0.iter()
                    .zip(a1)
                    .zip(b0)
                    .zip(b1)
                    .map(|(((a0, a1), b0), b1)| a0.mul(b0.add(*b1)).add(a1.mul(*b0))),
            );
        }
        let (mine, next) = self.truncate(z.into(), rescale)?;
        let cuts: Vec<_> = pairs
            .iter()
            .map(|(a, _)| (&a.spec.shape, rescale.to))
            .collect();
        self.cut(&cuts, mine, next)
    }
}
