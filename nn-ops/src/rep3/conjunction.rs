//! Conjunctions: products of two masked bits, as in `bits`. Party 0 hands out the product of the masks.

use piquet_core::{Ring, RingVec, lanes};
use piquet_secret_sharing::{Rep3Bits, Rep3Party};

use super::bits::{hear_masked, say_masked};
use super::party::Rep3;
use super::piece::Piece;
use super::planes::{Planes, bits_of};
use crate::Error;
use crate::parts::gates::{and, xor};

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
        let mut out = Planes::new(me, &lens);
        let pieces = self.pieces(lens.iter().copied(), 1, |n| 8 * n.div_ceil(64))?;
        let operands = |piece: &Piece| {
            let pair = pairs.get(piece.tensor);
            pair.map(|(a, b)| [bits_of(piece, a), bits_of(piece, b)])
                .unwrap_or_default()
        };
        if me == Rep3Party::P0 {
            for mut piece in pieces {
                // Masks, from components 0 and 1.
                let [(a0, a1), (b0, b1)] = operands(&piece);
                let (mut a, mut b) = (RingVec::from(a0.to_vec()), RingVec::from(b0.to_vec()));
                xor(a.as_mut_slice(), a1);
                xor(b.as_mut_slice(), b1);
                piece.hand_out(&and(a.as_slice(), b.as_slice()), Ring::xor)?;
                let pads = piece.both_pads::<u64>(piece.words())?;
                out.put(&piece, pads);
                self.send_hand(piece)?;
            }
        } else {
            let pieces = pieces.into_iter().map(|p| (p, ())).collect();
            self.swap(
                pieces,
                |this, piece, ()| {
                    let w = piece.words();
                    this.hear_hand(piece)?;
                    let mut z = piece.take::<u64>(w)?;
                    let [a, b] = operands(piece);
                    // (open, pad), as this party holds them.
                    let [(ao, ap), (bo, bp)] = match me {
                        Rep3Party::P0 | Rep3Party::P1 => [(a.1, a.0), (b.1, b.0)],
                        Rep3Party::P2 => [a, b],
                    };
                    lanes::zip4(z.as_mut_slice(), ao, ap, bo, bp, |z, ao, ap, bo, bp| {
                        z ^ (ao & bp) ^ (ap & bo)
                    });
                    if me == Rep3Party::P1 {
                        lanes::zip2(z.as_mut_slice(), ao, bo, |z, a, b| z ^ (a & b));
                    }
                    say_masked(piece, z)
                },
                |piece, ours, theirs| {
                    let z = hear_masked(ours, theirs);
                    out.put(piece, [z.pad, z.open]);
                    Ok(())
                },
            )?;
        }
        out.into_bits()
    }
}
