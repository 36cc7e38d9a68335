//! Selection by a bit, and bits as integers.
//!
//! A replicated bit is `b = rho ^ beta`: party 0 knows `rho = b_0 ^ b_1`, parties 1 and 2 know `beta = b_2`. As integers
//! `b = beta + (1 - 2 beta) rho`. With `x = r + c` in the same manner (r at party 0, c at parties 1 and 2),
//!
//! `b x = beta (x_0 + x_1 + c) + (1 - 2 beta) (rho r + rho c)`.
//!
//! Party 0 hands out `rho r` and `rho`. Then party 1 can compute `beta x_1 + (1 - 2 beta) (V_1 + rho_1 c)`, party 2 the like
//! with `x_0 + c`, and the two summands add up to `b x`. They mask them by fresh pads, which become components 1 and 0, and
//! swap them: the sum is component 2.
//!
//! Security: party 0 receives nothing. Parties 1 and 2 receive values masked by pads that only party 0 and the
//! other one can compute, each used once: uniform, independent of everything else they hold, and the output
//! components are fresh. (ABY3's three-party OT, eprint 2018/403, section 5.4.1, does the same with six messages; the shape
//! here is that of a product whose factors are each known to someone.)

use piquet_core::{Ring, RingVec, lanes};
use piquet_secret_sharing::{Rep3Bits, Rep3Party};

use super::party::{Rep3, Rep3Arith};
use super::piece::{Piece, Shares};
use super::planes::bits_of;
use crate::Error;
use crate::model::{Format, Shape};
use crate::parts::words::{message, words};

/// `-v` where the mask is set.
pub(super) fn negate_if<R: Ring>(v: R, mask: R) -> R {
    v.xor(mask).sub(mask)
}

/// Masks of the share of b that this party can use: rho at party 0, beta at the others.
fn known_masks<R: Ring>(me: Rep3Party, piece: &Piece, b: Option<&&Rep3Bits>) -> RingVec<R> {
    let mut out = RingVec::zeros(piece.len());
    let Some(b) = b else { return out };
    match (me, bits_of(piece, b)) {
        (Rep3Party::P0, (mine, next)) => {
            let mut rho = RingVec::from(mine.to_vec());
            lanes::zip(rho.as_mut_slice(), next, |a, b| a ^ b);
            lanes::masks(out.as_mut_slice(), rho.as_slice());
        }
        (Rep3Party::P1, (_, beta)) | (Rep3Party::P2, (beta, _)) => {
            lanes::masks(out.as_mut_slice(), beta);
        }
    }
    out
}

/// Parties 1 and 2: masks a summand of the result; the message is the masked summand.
pub(super) fn say_summand<R: Ring>(
    piece: &mut Piece,
    mut summand: RingVec<R>,
) -> Result<(Vec<u8>, [RingVec<R>; 2]), Error> {
    let pad = piece.pad::<R>(summand.len())?;
    summand.sub_assign(pad.as_slice());
    Ok((message(&summand), [pad, summand]))
}

/// The other one's masked summand completes component 2: `[pad, component 2]`.
pub(super) fn hear_summand<R: Ring>(
    [pad, mut open]: [RingVec<R>; 2],
    theirs: &[u8],
) -> [RingVec<R>; 2] {
    open.add_assign(&words::<R>(theirs));
    [pad, open]
}

/// Party 0: hands `rho` out as an integer.
pub(super) fn hand_out_bits<R: Ring>(piece: &mut Piece, masks: &RingVec<R>) -> Result<(), Error> {
    let mut rho = masks.duplicate();
    lanes::map(rho.as_mut_slice(), |m| m.and(R::ONE));
    piece.hand_out(&rho, R::sub)
}

/// Parties 1 and 2: this party's summand of `b = beta + (1 - 2 beta) rho`, from masks of beta.
pub(super) fn take_bits<R: Ring>(
    me: Rep3Party,
    piece: &mut Piece,
    masks: &RingVec<R>,
) -> Result<RingVec<R>, Error> {
    let mut b = piece.take::<R>(piece.len())?;
    let own = if me == Rep3Party::P1 { R::ZERO } else { R::ONE };
    lanes::zip(b.as_mut_slice(), masks.as_slice(), |rho, m| {
        negate_if(rho, m).add(m.and(own))
    });
    Ok(b)
}

impl<R: Ring> Rep3<R> {
    pub(super) fn select_impl(
        &mut self,
        pairs: &[(&Rep3Bits, &Rep3Arith<R>)],
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        for (b, x) in pairs {
            if b.len() != x.spec.len() {
                return Err(Error::Length {
                    what: "selection bits",
                    got: b.len(),
                    want: x.spec.len(),
                });
            }
        }
        let me = self.me;
        let lens: Vec<usize> = pairs.iter().map(|(_, x)| x.spec.len()).collect();
        let mut out = Shares::new(self, lens.iter().copied());
        let bits: Vec<&Rep3Bits> = pairs.iter().map(|(b, _)| *b).collect();
        let x = |piece: &Piece| {
            let (mine, next) = pairs
                .get(piece.tensor)
                .map(|(_, x)| x.share.raw_components())
                .unwrap_or_default();
            (piece.of(mine), piece.of(next))
        };
        let pieces = self.pieces(lens, 1, |n| 2 * R::BYTES * n)?;
        if me == Rep3Party::P0 {
            for mut piece in pieces {
                let m = known_masks::<R>(me, &piece, bits.get(piece.tensor));
                let (x0, x1) = x(&piece);
                let mut v = m.duplicate();
                lanes::zip2(v.as_mut_slice(), x0, x1, |m, a, b| a.add(b).and(m));
                piece.hand_out(&v, R::sub)?;
                hand_out_bits(&mut piece, &m)?;
                let [a, b] = piece.both_pads::<R>(piece.len())?;
                out.put(&piece, a.as_slice(), b.as_slice());
                self.send_hand(piece)?;
            }
        } else {
            let pieces = pieces.into_iter().map(|p| (p, ())).collect();
            self.swap(
                pieces,
                |this, piece, ()| {
                    let n = piece.len();
                    this.hear_hand(piece)?;
                    let mut y = piece.take::<R>(n)?;
                    let rho = piece.take::<R>(n)?;
                    let m = known_masks::<R>(me, piece, bits.get(piece.tensor));
                    let (mine, next) = x(piece);
                    // Party 1 holds (x_1, c) and answers for x_1; party 2 holds (c, x_0) and answers for both.
                    let (c, own, both) = match me {
                        Rep3Party::P0 | Rep3Party::P1 => (next, mine, R::ZERO),
                        Rep3Party::P2 => (mine, next, R::ONE.neg()),
                    };
                    lanes::zip4(
                        y.as_mut_slice(),
                        rho.as_slice(),
                        m.as_slice(),
                        c,
                        own,
                        |v, rho, m, c, own| {
                            let t = v.add(c.mul(rho));
                            own.add(c.and(both)).and(m).add(negate_if(t, m))
                        },
                    );
                    say_summand(piece, y)
                },
                |piece, ours, theirs| {
                    let [pad, open] = hear_summand(ours, theirs);
                    out.put(piece, pad.as_slice(), open.as_slice());
                    Ok(())
                },
            )?;
        }
        let specs = pairs.iter().map(|(_, x)| (&x.spec.shape, x.spec.format));
        self.finish_shares(specs, out)
    }

    pub(super) fn integers(
        &mut self,
        bits: &[(&Rep3Bits, &Shape)],
        format: Format,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        for (b, shape) in bits {
            if b.len() != shape.elements() {
                return Err(Error::Length {
                    what: "bits",
                    got: b.len(),
                    want: shape.elements(),
                });
            }
        }
        let me = self.me;
        let lens: Vec<usize> = bits.iter().map(|(b, _)| b.len()).collect();
        let mut out = Shares::new(self, lens.iter().copied());
        let known: Vec<&Rep3Bits> = bits.iter().map(|(b, _)| *b).collect();
        let pieces = self.pieces(lens, 1, |n| R::BYTES * n)?;
        if me == Rep3Party::P0 {
            for mut piece in pieces {
                let m = known_masks::<R>(me, &piece, known.get(piece.tensor));
                hand_out_bits(&mut piece, &m)?;
                let [a, b] = piece.both_pads::<R>(piece.len())?;
                out.put(&piece, a.as_slice(), b.as_slice());
                self.send_hand(piece)?;
            }
        } else {
            let pieces = pieces.into_iter().map(|p| (p, ())).collect();
            self.swap(
                pieces,
                |this, piece, ()| {
                    this.hear_hand(piece)?;
                    let m = known_masks::<R>(me, piece, known.get(piece.tensor));
                    let b = take_bits(me, piece, &m)?;
                    say_summand(piece, b)
                },
                |piece, ours, theirs| {
                    let [pad, open] = hear_summand(ours, theirs);
                    out.put(piece, pad.as_slice(), open.as_slice());
                    Ok(())
                },
            )?;
        }
        self.finish_shares(bits.iter().map(|(_, s)| (*s, format)), out)
    }

    /// Whole tensors from what their pieces became.
    pub(super) fn finish_shares<'a>(
        &self,
        specs: impl Iterator<Item = (&'a Shape, Format)>,
        shares: Shares<R>,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        specs
            .zip(shares.into_tensors())
            .map(|((shape, format), (mine, next))| self.arith(shape, format, mine, next))
            .collect()
    }
}
