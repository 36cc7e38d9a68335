//! Linear combinations of bits as integers.
//!
//! For each bit b of an element a random bit sigma is dealt in both forms, shared by exclusive or and additively (a
//! daBit of Rotaru, Wood, INDOCRYPT 2019, eprint 2019/207). The parties open all `delta = b ^ sigma`; then
//! `b = delta + (1 - 2 delta) sigma` as an integer, linear in what is shared, and so is every sum `f_1 b_1 + ... + f_m b_m` with
//! public factors: one round and m bits to each party for any number of sums.
//!
//! Security: every delta is masked by a sigma of its own, uniform to any n - 1 parties; each message by its sender's
//! own shares of them. The sums stay shared.

use piquet_core::{Ring, RingVec, lanes};
use piquet_secret_sharing::XorVec;

use super::hand::Hand;
use super::item::Item;
use super::party::{Semi2k, Semi2kArith};
use super::piece::{Tensors, fresh, sum_bits};
use super::select::{deal_bit_words, masks_of, negate_if};
use crate::Error;
use crate::engine::{Weighed, check_weighed};
use crate::model::Shape;
use crate::parts::gates::xor;
use crate::parts::planes::plane;
use crate::parts::words::{message, to_ring};

/// Dealer: so many bits of n elements, in both forms.
pub(super) fn deal_weigh<R: Ring>(hand: &mut Hand, n: usize, bits: usize) {
    let words = n.div_ceil(64);
    let sigma = hand.free_bits(bits * words);
    for j in 0..bits {
        deal_bit_words::<R>(hand, plane(sigma.as_slice(), words, j), n);
    }
}

impl<R: Ring> Semi2k<R> {
    pub(super) fn weigh_impl(
        &mut self,
        bits: &[(&[&XorVec], &Shape)],
        sums: &[Weighed<'_>],
    ) -> Result<Vec<Vec<Semi2kArith<R>>>, Error> {
        for (bits, shape) in bits {
            check_weighed(bits.iter().map(|b| b.len()), shape, sums)?;
        }
        let one = if self.adds() { R::ONE } else { R::ZERO };
        let factors: Vec<Vec<R>> = sums
            .iter()
            .map(|s| s.factors.iter().map(to_ring::<R>).collect())
            .collect();
        let count = bits.first().map_or(0, |(b, _)| b.len());
        let lens: Vec<usize> = bits.iter().map(|(_, s)| s.elements()).collect();
        let mut out: Vec<Tensors<R>> = sums.iter().map(|_| self.tensors(&lens)).collect();
        let (_, pieces) = self.begin(&Item::Weigh { lens, bits: count }, 1)?;
        self.open(
            fresh(pieces),
            |piece, ()| {
                let mut delta = piece.batch.free::<u64>(count * piece.words())?;
                let planes = bits.get(piece.tensor).map_or(&[][..], |(b, _)| b);
                let words = piece.words().max(1);
                for (delta, b) in delta.as_mut_slice().chunks_exact_mut(words).zip(planes) {
                    xor(
                        delta,
                        b.raw_share()
                            .words()
                            .get(piece.word_range())
                            .unwrap_or_default(),
                    );
                }
                Ok((message(&delta), delta))
            },
            |piece, delta, theirs| {
                let (n, words) = (piece.len(), piece.words());
                let delta = sum_bits(delta, theirs);
                let mut parts: Vec<RingVec<R>> = sums.iter().map(|_| RingVec::zeros(n)).collect();
                for j in 0..count {
                    let sigma = piece.batch.dependent::<R>(n)?;
                    let d = masks_of::<R>(plane(delta.as_slice(), words, j), n);
                    let (sigma, d) = (sigma.as_slice(), d.as_slice());
                    for (part, factors) in parts.iter_mut().zip(&factors) {
                        let f = factors.get(j).copied().unwrap_or(R::ZERO);
                        if f != R::ZERO {
                            lanes::zip2(part.as_mut_slice(), sigma, d, |z, sigma, d| {
                                z.add(negate_if(sigma, d).add(d.and(one)).mul(f))
                            });
                        }
                    }
                }
                for (out, part) in out.iter_mut().zip(&parts) {
                    out.put(piece, part);
                }
                Ok(())
            },
        )?;
        let mut of_sums = out
            .into_iter()
            .map(Tensors::into_tensors)
            .collect::<Vec<_>>();
        let mut results = Vec::with_capacity(bits.len());
        for (i, (_, shape)) in bits.iter().enumerate() {
            let shares = of_sums
                .iter_mut()
                .map(|s| s.get_mut(i).map(core::mem::take).unwrap_or_default());
            let specs = sums.iter().map(|s| (*shape, s.format));
            results.push(self.ariths(specs, shares.collect())?);
        }
        Ok(results)
    }
}
