//! Comparison with zero, exact on the declared window, and rectification.
//!
//! |x| < 2^b, so with w = b + 1 the sign of x is bit w - 1 of `x mod 2^w`. The parties open `c = x - r`, r a mask that the
//! dealer knows: then x is the sum of a number that is public and one that the dealer knows, and bit w - 1 of it is the
//! exclusive or of both top bits and of the carry out of the lower ones (`carry`). The dealer shares the top bit of r too. That is a
//! comparison by masked opening in the manner of the truncation of Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020, eprint
//! 2020/338; the two sentences before are its proof of correctness. All of Z_2^k is opened rather than w bits of it: `max(x, 0)` is a selection by the sign of what was opened already, so
//! it takes one more bit sigma, and `sigma r` instead of a mask and an opening of its own (`select`).
//!
//! Security: c is uniform to any n - 1 parties, whatever the value; so are the bits that are opened on the way. The
//! result is shared, nothing else is opened.

use piquet_core::{Ring, RingVec, lanes};
use piquet_secret_sharing::XorVec;

use super::carry::{begin_carry, deal_carry};
use super::demand::window;
use super::hand::Hand;
use super::item::{Item, sign_adder};
use super::party::{Semi2k, Semi2kArith};
use super::piece::{Piece, Pieces, Planes, fresh, sum, sum_bits};
use super::select::{deal_select, selected};
use crate::Error;
use crate::parts::gates::xor;
use crate::parts::planes::planes;
use crate::parts::words::message;

/// Dealer: what the sign of a value masked by r needs.
pub(super) fn deal_sign<R: Ring>(hand: &mut Hand, r: &[R], window: usize) -> Result<(), Error> {
    let words = r.len().div_ceil(64);
    let v = planes(r.len(), window, |all| {
        lanes::zip(all, r, |_, r| r.to_u64());
    })?;
    let (low, top) = v
        .as_slice()
        .split_at_checked((window - 1) * words)
        .unwrap_or_default();
    deal_carry(hand, &sign_adder(window), low, top, words);
    Ok(())
}

/// Dealer: what a rectification of n elements needs.
pub(super) fn deal_relu<R: Ring>(hand: &mut Hand, n: usize, window: usize) -> Result<(), Error> {
    let r = hand.free::<R>(n);
    deal_sign(hand, r.as_slice(), window)?;
    deal_select(hand, r.as_slice());
    Ok(())
}

/// What a comparison gives for a piece.
struct Sign<R: Ring> {
    /// This party's share of `[x >= 0]`.
    bits: RingVec<u64>,
    /// `x - r`, known to all.
    c: RingVec<R>,
}

/// Openings of a comparison.
pub(super) fn openings(window: usize) -> usize {
    1 + sign_adder(window).levels().len()
}

impl<R: Ring> Semi2k<R> {
    /// One bit per element: x >= 0. Tensors share their rounds; the widest window serves all.
    pub(super) fn compare(&mut self, xs: &[&Semi2kArith<R>]) -> Result<Vec<XorVec>, Error> {
        let window = window(xs.iter().map(|x| x.spec.format.bound()));
        let x: Vec<&[R]> = xs.iter().map(|x| x.share.as_slice()).collect();
        let lens: Vec<usize> = x.iter().map(|x| x.len()).collect();
        let mut out = Planes::new(self.me, &lens);
        let (_, pieces) = self.begin(&Item::Sign { lens, window }, openings(window))?;
        for (piece, Sign { bits, .. }) in self.signs(pieces, &x, window)? {
            out.put(&piece, bits.as_slice());
        }
        Ok(out.into_bits())
    }

    /// `max(x, 0)`.
    pub(super) fn rectify(&mut self, xs: &[&Semi2kArith<R>]) -> Result<Vec<Semi2kArith<R>>, Error> {
        let window = window(xs.iter().map(|x| x.spec.format.bound()));
        let x: Vec<&[R]> = xs.iter().map(|x| x.share.as_slice()).collect();
        let lens: Vec<usize> = x.iter().map(|x| x.len()).collect();
        let mut out = self.tensors(&lens);
        let (_, pieces) = self.begin(&Item::Relu { lens, window }, openings(window) + 1)?;
        let signs = self.signs(pieces, &x, window)?;
        self.open(
            signs,
            |piece, Sign { bits, c }| {
                let mut delta = piece.batch.free::<u64>(piece.words())?;
                xor(delta.as_mut_slice(), bits.as_slice());
                Ok((message(&delta), (delta, c)))
            },
            |piece, (delta, c), theirs| {
                let delta = sum_bits(delta, theirs);
                let y = selected(piece, &x, &c, delta.as_slice())?;
                out.put(piece, &y);
                Ok(())
            },
        )?;
        let specs = xs.iter().map(|x| (&x.spec.shape, x.spec.format));
        self.ariths(specs, out.into_tensors())
    }

    /// The signs of all pieces.
    fn signs(
        &mut self,
        pieces: Vec<Piece>,
        x: &[&[R]],
        window: usize,
    ) -> Result<Pieces<Sign<R>>, Error> {
        let one = self.adds();
        let adder = sign_adder(window);
        let opened = self.open(
            fresh(pieces),
            |piece, ()| {
                let mut c = piece.batch.free::<R>(piece.len())?;
                lanes::zip(c.as_mut_slice(), piece.of(x), |r, x| x.sub(r));
                Ok((message(&c), c))
            },
            |piece, c, theirs| {
                let c = sum(c, theirs);
                let u = planes(c.len(), window, |all| {
                    lanes::zip(all, c.as_slice(), |_, c| c.to_u64());
                })?;
                let (low, top) = u
                    .as_slice()
                    .split_at_checked((window - 1) * piece.words())
                    .unwrap_or_default();
                let summand = begin_carry(piece, &adder, one, low)?;
                // Not negative: the other way round at one party.
                let mut add = piece.batch.dependent::<u64>(piece.words())?;
                if one {
                    lanes::zip(add.as_mut_slice(), top, |add, top| !(add ^ top));
                }
                Ok((summand, (add, c)))
            },
        )?;
        let carried = self.carry(&adder, opened)?;
        let signs = carried.into_iter().map(|(piece, (carry, (mut bits, c)))| {
            xor(bits.as_mut_slice(), carry.as_slice());
            (piece, Sign { bits, c })
        });
        Ok(signs.collect())
    }
}
