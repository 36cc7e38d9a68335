//! Selection by a bit, and bits as integers.
//!
//! A random bit sigma is dealt in both forms, shared by exclusive or and additively (a daBit of Rotaru, Wood, INDOCRYPT 2019,
//! eprint 2019/207). The parties open `delta = b ^ sigma`; then `b = delta + (1 - 2 delta) sigma` as an integer.
//!
//! For `b x` the dealt vectors are r (free), sigma and `sigma r`, and `c = x - r` is opened beside delta:
//! `b x = delta x + (1 - 2 delta) sigma x`, where `sigma x = c sigma + sigma r`. That is a product by Beaver's method (CRYPTO
//! 1991) whose second factor is a bit: of it only one bit is opened, and it comes from the other kind of sharing. One round.
//!
//! Security: delta and c are masked by sigma and r, uniform to any n - 1 parties and used once; each message by its
//! sender's own shares of them.

use piquet_core::{Ring, RingVec, lanes};

use super::hand::Hand;
use super::item::Item;
use super::party::{Semi2k, Semi2kArith};
use super::piece::{Piece, fresh, sum_bits};
use crate::Error;
use crate::model::{Format, Shape};
use crate::parts::gates::xor;
use crate::parts::words::{message, words};
use piquet_secret_sharing::XorVec;

/// `-v` where the mask is set.
pub(super) fn negate_if<R: Ring>(v: R, mask: R) -> R {
    v.xor(mask).sub(mask)
}

/// Masks of n bits.
pub(super) fn masks_of<R: Ring>(bits: &[u64], n: usize) -> RingVec<R> {
    let mut out = RingVec::zeros(n);
    lanes::masks(out.as_mut_slice(), bits);
    out
}

/// Dealer: bits as integers.
pub(super) fn deal_bit_words<R: Ring>(hand: &mut Hand, sigma: &[u64], n: usize) {
    let mut v = masks_of::<R>(sigma, n);
    lanes::map(v.as_mut_slice(), |m| m.and(R::ONE));
    hand.deal(v.as_slice());
}

/// Dealer: what a selection of x by a bit needs, given the mask of x.
pub(super) fn deal_select<R: Ring>(hand: &mut Hand, r: &[R]) {
    let n = r.len();
    let sigma = hand.free_bits(n.div_ceil(64));
    deal_bit_words::<R>(hand, sigma.as_slice(), n);
    let mut v = masks_of::<R>(sigma.as_slice(), n);
    lanes::zip(v.as_mut_slice(), r, R::and);
    hand.deal(v.as_slice());
}

/// This party's share of `b x` from its shares of all x, from `c = x - r` and `delta = b ^ sigma`.
pub(super) fn selected<R: Ring>(
    piece: &mut Piece,
    x: &[&[R]],
    c: &RingVec<R>,
    delta: &[u64],
) -> Result<RingVec<R>, Error> {
    let n = piece.len();
    let mut y = piece.batch.dependent::<R>(n)?;
    let sigma_r = piece.batch.dependent::<R>(n)?;
    let delta = masks_of::<R>(delta, n);
    lanes::zip4(
        y.as_mut_slice(),
        sigma_r.as_slice(),
        c.as_slice(),
        delta.as_slice(),
        piece.of(x),
        |sigma, sigma_r, c, d, x| {
            let sigma_x = c.mul(sigma).add(sigma_r);
            x.and(d).add(negate_if(sigma_x, d))
        },
    );
    Ok(y)
}

impl<R: Ring> Semi2k<R> {
    pub(super) fn select_impl(
        &mut self,
        pairs: &[(&XorVec, &Semi2kArith<R>)],
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        for (b, x) in pairs {
            if b.len() != x.spec.len() {
                return Err(Error::Length {
                    what: "selection bits",
                    got: b.len(),
                    want: x.spec.len(),
                });
            }
        }
        let x: Vec<&[R]> = pairs.iter().map(|(_, x)| x.share.as_slice()).collect();
        let b: Vec<&[u64]> = pairs.iter().map(|(b, _)| b.raw_share().words()).collect();
        let lens: Vec<usize> = x.iter().map(|x| x.len()).collect();
        let mut out = self.tensors(&lens);
        let (_, pieces) = self.begin(&Item::Select { lens }, 1)?;
        self.open(
            fresh(pieces),
            |piece, ()| {
                let mut c = piece.batch.free::<R>(piece.len())?;
                lanes::zip(c.as_mut_slice(), piece.of(&x), |r, x| x.sub(r));
                let mut delta = piece.batch.free::<u64>(piece.words())?;
                xor(delta.as_mut_slice(), piece.of_bits(&b));
                let mut both = Vec::with_capacity(R::BYTES * c.len() + 8 * delta.len());
                both.extend_from_slice(c.as_bytes());
                both.extend_from_slice(delta.as_bytes());
                Ok((both, (c, delta)))
            },
            |piece, (mut c, mut delta), theirs| {
                for theirs in theirs {
                    let (words_of, bits) = theirs
                        .split_at_checked(R::BYTES * c.len())
                        .unwrap_or_default();
                    c.add_assign(&words::<R>(words_of));
                    xor(delta.as_mut_slice(), &words::<u64>(bits));
                }
                let y = selected(piece, &x, &c, delta.as_slice())?;
                out.put(piece, &y);
                Ok(())
            },
        )?;
        let specs = pairs.iter().map(|(_, x)| (&x.spec.shape, x.spec.format));
        self.ariths(specs, out.into_tensors())
    }

    pub(super) fn integers(
        &mut self,
        bits: &[(&XorVec, &Shape)],
        format: Format,
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        for (b, shape) in bits {
            if b.len() != shape.elements() {
                return Err(Error::Length {
                    what: "bits",
                    got: b.len(),
                    want: shape.elements(),
                });
            }
        }
        let one = if self.adds() { R::ONE } else { R::ZERO };
        let b: Vec<&[u64]> = bits.iter().map(|(b, _)| b.raw_share().words()).collect();
        let lens: Vec<usize> = bits.iter().map(|(b, _)| b.len()).collect();
        let mut out = self.tensors(&lens);
        let (_, pieces) = self.begin(&Item::Integers { lens }, 1)?;
        self.open(
            fresh(pieces),
            |piece, ()| {
                let mut delta = piece.batch.free::<u64>(piece.words())?;
                xor(delta.as_mut_slice(), piece.of_bits(&b));
                Ok((message(&delta), delta))
            },
            |piece, delta, theirs| {
                let delta = masks_of::<R>(sum_bits(delta, theirs).as_slice(), piece.len());
                let mut y = piece.batch.dependent::<R>(piece.len())?;
                lanes::zip(y.as_mut_slice(), delta.as_slice(), |sigma, d| {
                    negate_if(sigma, d).add(d.and(one))
                });
                out.put(piece, &y);
                Ok(())
            },
        )?;
        self.ariths(bits.iter().map(|(_, s)| (*s, format)), out.into_tensors())
    }
}
