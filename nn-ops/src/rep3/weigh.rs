//! Linear combinations of bits, as integers.
//!
//! As in `select`, a bit is `b_s = beta_s + (1 - 2 beta_s) rho_s` with rho_s known to party 0 and beta_s to parties 1
//! and 2. So with public f_s, `sum of f_s b_s = sum of f_s beta_s + sum of f_s (1 - 2 beta_s) rho_s`: once party 0
//! has handed out the rho_s as integers, parties 1 and 2 have summands of every such sum, however many there are.
//! Each masks its own by a fresh pad and they swap: the pads are components 1 and 0, the sum of what was said is
//! component 2.
//!
//! Security: that of bits to arithmetic in `select`. Party 0 receives nothing; of each rho_s a party holds a half
//! that is uniform to it, and what it hears in a swap is masked by a pad that it lacks and that masks nothing else.

use core::ops::Range;

use piquet_core::{Ring, RingVec, lanes};
use piquet_secret_sharing::{Rep3Bits, Rep3Party};

use super::party::{Rep3, Rep3Arith};
use super::piece::{Piece, Shares};
use super::planes::bits_of;
use super::select::{hear_summand, negate_if, say_summand};
use crate::Error;
use crate::engine::{Weighed, check_weighed};
use crate::model::Shape;
use crate::parts::words::{BLOCK, to_ring};

/// Elements of a piece, block by block.
fn blocks(len: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len)
        .step_by(BLOCK)
        .map(move |first| first..len.min(first + BLOCK))
}

/// Masks of some elements of a plane of bits that begins with the piece. A block is a multiple of 64.
fn masks<R: Ring>(plane: &[u64], block: &Range<usize>, out: &mut RingVec<R>) {
    out.resize(block.len());
    let words = plane.get(block.start / 64..block.end.div_ceil(64));
    lanes::masks(out.as_mut_slice(), words.unwrap_or_default());
}

impl<R: Ring> Rep3<R> {
    pub(super) fn weigh_bits(
        &mut self,
        operands: &[(&[&Rep3Bits], &Shape)],
        sums: &[Weighed<'_>],
    ) -> Result<Vec<Vec<Rep3Arith<R>>>, Error> {
        for (bits, shape) in operands {
            check_weighed(bits.iter().map(|b| b.len()), shape, sums)?;
        }
        let me = self.me;
        let lens: Vec<usize> = operands.iter().map(|(_, s)| s.elements()).collect();
        let each = lens.iter().flat_map(|n| vec![*n; sums.len()]);
        let mut out = Shares::new(self, each);
        let bits = |piece: &Piece| operands.get(piece.tensor).map_or(&[][..], |(bits, _)| bits);
        let counts: Vec<usize> = operands.iter().map(|(bits, _)| bits.len()).collect();
        let handed = |tensor: usize, n: usize| {
            R::BYTES * n * counts.get(tensor).copied().unwrap_or_default()
        };
        let pieces = self.pieces_of(lens, 1, handed)?;
        if me == Rep3Party::P0 {
            for mut piece in pieces {
                let rho: Vec<RingVec<u64>> = bits(&piece)
                    .iter()
                    .map(|b| {
                        let (mine, next) = bits_of(&piece, b);
                        let mut rho = RingVec::from(mine.to_vec());
                        lanes::zip(rho.as_mut_slice(), next, |a, b| a ^ b);
                        rho
                    })
                    .collect();
                let mut integers = RingVec::<R>::default();
                for block in blocks(piece.len()) {
                    for plane in &rho {
                        masks(plane.as_slice(), &block, &mut integers);
                        lanes::map(integers.as_mut_slice(), |m: R| m.and(R::ONE));
                        piece.hand_out(&integers, R::sub)?;
                    }
                }
                let [a, b] = piece.both_pads::<R>(sums.len() * piece.len())?;
                out.put_each(&piece, sums.len(), a.as_slice(), b.as_slice());
                self.send_hand(piece)?;
            }
        } else {
            let factors: Vec<Vec<R>> = sums
                .iter()
                .map(|s| s.factors.iter().map(to_ring).collect())
                .collect();
            // Who adds what both know.
            let own = if me == Rep3Party::P1 { R::ZERO } else { R::ONE };
            let pieces = pieces.into_iter().map(|p| (p, ())).collect();
            self.swap(
                pieces,
                |this, piece, ()| {
                    this.hear_hand(piece)?;
                    let n = piece.len();
                    let beta: Vec<&[u64]> = bits(piece)
                        .iter()
                        .map(|b| match (me, bits_of(piece, b)) {
                            (Rep3Party::P2, (beta, _)) | (_, (_, beta)) => beta,
                        })
                        .collect();
                    let mut all = RingVec::<R>::zeros(factors.len() * n);
                    let mut mask = RingVec::<R>::default();
                    for block in blocks(n) {
                        for (s, plane) in beta.iter().enumerate() {
                            let mut term = piece.take::<R>(block.len())?;
                            masks(plane, &block, &mut mask);
                            lanes::zip(term.as_mut_slice(), mask.as_slice(), |rho, m| {
                                negate_if(rho, m).add(m.and(own))
                            });
                            let sums = all.as_mut_slice().chunks_exact_mut(n.max(1));
                            for (sum, factors) in sums.zip(&factors) {
                                let f = factors.get(s).copied().unwrap_or(R::ZERO);
                                let sum = sum.get_mut(block.clone()).unwrap_or_default();
                                if f == R::ONE {
                                    lanes::zip(sum, term.as_slice(), |y, b| y.add(b));
                                } else if f != R::ZERO {
                                    lanes::zip(sum, term.as_slice(), |y, b| y.add(b.mul(f)));
                                }
                            }
                        }
                    }
                    say_summand(piece, all)
                },
                |piece, ours, theirs| {
                    let [pad, open] = hear_summand(ours, theirs);
                    out.put_each(piece, sums.len(), pad.as_slice(), open.as_slice());
                    Ok(())
                },
            )?;
        }
        let specs = operands
            .iter()
            .flat_map(|(_, shape)| sums.iter().map(|s| (*shape, s.format)));
        let mut shares = self.finish_shares(specs, out)?.into_iter();
        Ok(operands
            .iter()
            .map(|_| shares.by_ref().take(sums.len()).collect())
            .collect())
    }
}
