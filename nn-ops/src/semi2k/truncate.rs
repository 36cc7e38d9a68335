//! Division by 2^s of a value that is shared additively, |x| < 2^(k - 2) in Z_2^k.
//!
//! *No wrap* (`Exact`, `Nearest`, `Stochastic`): Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020, eprint 2020/338,
//! section 5.1; also Dalskov, Escudero, Keller, PoPETs 2020, eprint 2019/131. Let `x' = x + 2^(k - 2)`, in
//! \[0, 2^(k - 1)), and r a uniform mask. The parties open `c = x' + r`. Because x' < 2^(k - 1), the sum wraps exactly
//! if the top bit t of r is set and that of c is not, hence
//!
//! `floor(x' / 2^s) = (c >> s) - (r >> s) + (1 - c_top) t 2^(k - s) - kappa`, with `kappa = [c mod 2^s < r mod 2^s]`.
//!
//! Dealt are `-(r >> s)`, and t modulo 2^s since it is multiplied by 2^(k - s): k + \[s\] bits, where the paper has two
//! words. Leaving kappa out gives the stochastic version, local after the one opening: the result is
//! `floor((x' + rho) / 2^s)`, `rho = r mod 2^s`. Otherwise kappa is the carry of `r mod 2^s` (dealer) and
//! `2^s - 1 - (c mod 2^s)` (opened), made an integer by a dealt bit sigma in both forms: `kappa ^ sigma` is opened.
//!
//! *After a product* (`linear`, `mul`) the share of the result is `z_i + C_i`, C a dealt product of masks, and what is opened
//! is `z + C + r`. The parties expand shares of `R = C + r` instead and never see C: the dealer, who knows both R and C, deals
//! for `r = R - C`, which is uniform because R is, whatever C is. So the product's dependent vector costs nothing.
//!
//! Security: c is uniform as r is, to anyone but the dealer; a party's message is its summand and its share of R, uniform
//! by itself; likewise the bits of the carry. The stochastic version opens `x + rho mod 2^s`, uniform by itself, so what it
//! realises is the functionality that draws rho and tells this sum to the parties (and rho to the dealer, who learns
//! nothing else), not the one with a coin of which nobody learns anything.
//!
//! *Local* (SecureML, eprint 2017/396, theorem 1), for two parties: each shifts its share. Off by at most one unit unless
//! the shares wrap, with probability at most |x| / 2^(k - 1); then the result is wrong by 2^(k - s).

use piquet_core::{Ring, RingVec, lanes};

use super::carry::{begin_carry, deal_carry};
use super::hand::Hand;
use super::item::{Cut, Item};
use super::party::{Semi2k, Semi2kArith};
use super::piece::{Piece, fresh, sum, sum_bits};
use super::select::{deal_bit_words, masks_of, negate_if};
use crate::Error;
use crate::engine::{Rescale, Truncation, check_rescale};
use crate::parts::adder::Adder;
use crate::parts::gates::xor;
use crate::parts::planes::planes;
use crate::parts::words::message;

/// 2^(k - 2): what makes every value positive.
fn offset<R: Ring>() -> R {
    R::ONE.shl(R::BITS - 2)
}

/// Bit k - 1, as 0 or 1.
fn top<R: Ring>(x: R) -> R {
    x.shr(R::BITS - 1)
}

/// What is dealt for a mask r.
pub(super) fn deal_cut<R: Ring>(hand: &mut Hand, r: &[R], cut: Cut) -> Result<(), Error> {
    match cut {
        Cut::Local => Ok(()),
        Cut::Stochastic { shift } => {
            deal_quotient(hand, r, shift);
            Ok(())
        }
        Cut::Exact { shift } => {
            deal_quotient(hand, r, shift);
            let (n, words) = (r.len(), r.len().div_ceil(64));
            let low = planes(n, shift as usize, |all| {
                lanes::zip(all, r, |_, r| r.to_u64());
            })?;
            let adder = Adder::new(shift as usize);
            deal_carry(hand, &adder, low.as_slice(), &[], words);
            let sigma = hand.free_bits(words);
            deal_bit_words::<R>(hand, sigma.as_slice(), n);
            Ok(())
        }
    }
}

/// `-(r >> s)`, and the top bit of r in the narrowest word.
fn deal_quotient<R: Ring>(hand: &mut Hand, r: &[R], s: u32) {
    let mut v = RingVec::<R>::zeros(r.len());
    lanes::zip(v.as_mut_slice(), r, |_, r| r.shr(s).neg());
    hand.deal(v.as_slice());
    match s {
        0..=8 => deal_top::<R, u8>(hand, r),
        9..=16 => deal_top::<R, u16>(hand, r),
        17..=32 => deal_top::<R, u32>(hand, r),
        _ => deal_top::<R, u64>(hand, r),
    }
}

fn deal_top<R: Ring, T: Ring>(hand: &mut Hand, r: &[R]) {
    let mut t = RingVec::<T>::zeros(r.len());
    lanes::zip(t.as_mut_slice(), r, |_, r| T::from_u64(top(r).to_u64()));
    hand.deal(t.as_slice());
}

/// `(1 - c_top) t 2^(k - s) - (r >> s)`, shared; and the public quotient where `one` is set.
fn quotient<R: Ring>(
    piece: &mut Piece,
    c: &RingVec<R>,
    s: u32,
    one: bool,
) -> Result<RingVec<R>, Error> {
    let mut y = piece.batch.dependent::<R>(c.len())?;
    match s {
        0..=8 => wrap::<R, u8>(piece, &mut y, c, s)?,
        9..=16 => wrap::<R, u16>(piece, &mut y, c, s)?,
        17..=32 => wrap::<R, u32>(piece, &mut y, c, s)?,
        _ => wrap::<R, u64>(piece, &mut y, c, s)?,
    }
    if one {
        let offset = offset::<R>().shr(s);
        lanes::zip(y.as_mut_slice(), c.as_slice(), |y, c| {
            y.add(c.shr(s)).sub(offset)
        });
    }
    Ok(y)
}

fn wrap<R: Ring, T: Ring>(
    piece: &mut Piece,
    y: &mut RingVec<R>,
    c: &RingVec<R>,
    s: u32,
) -> Result<(), Error> {
    let t = piece.batch.dependent::<T>(c.len())?;
    lanes::zip2(y.as_mut_slice(), c.as_slice(), t.as_slice(), |y, c, t| {
        let wraps = R::from_u64(t.to_u64()).mul(R::ONE.sub(top(c)));
        y.add(wraps.shl(R::BITS - s))
    });
    Ok(())
}

impl<R: Ring> Semi2k<R> {
    pub(super) fn rescale_impl(
        &mut self,
        xs: &[&Semi2kArith<R>],
        r: Rescale,
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        for x in xs {
            check_rescale(x.spec.format.frac(), x.spec.format.bound(), &r)?;
        }
        let cut = Cut::of(&r, self.me.count())?;
        let z: Vec<&[R]> = xs.iter().map(|x| x.share.as_slice()).collect();
        let shares = match cut {
            Cut::Local => z.iter().map(|z| self.shift(z, r.shift)).collect(),
            _ => {
                let lens = z.iter().map(|z| z.len()).collect();
                let item = Item::Rescale { lens, cut };
                let (_, pieces) = self.begin(&item, openings(cut))?;
                self.cut(pieces, &z, cut, r.mode)?
            }
        };
        let shapes = xs.iter().map(|x| &x.spec.shape);
        self.ariths(shapes.map(|s| (s, r.to)), shares)
    }

    /// Shares of the quotients of products, from this party's summands without the product of the masks.
    pub(super) fn cut_product(
        &mut self,
        pieces: Vec<Piece>,
        mut z: Vec<RingVec<R>>,
        cut: Cut,
        r: &Rescale,
    ) -> Result<Vec<RingVec<R>>, Error> {
        if cut != Cut::Local {
            let summands: Vec<&[R]> = z.iter().map(RingVec::as_slice).collect();
            let shares = self.cut(pieces, &summands, cut, r.mode)?;
            z.into_iter().for_each(|z| self.shelf.put(z));
            return Ok(shares);
        }
        for mut piece in pieces {
            let product = piece.batch.dependent::<R>(piece.len())?;
            let part = z
                .get_mut(piece.tensor)
                .and_then(|z| z.as_mut_slice().get_mut(piece.range.clone()));
            lanes::zip(part.unwrap_or_default(), product.as_slice(), R::add);
        }
        if r.shift == 0 {
            return Ok(z);
        }
        let shares = z.iter().map(|z| self.shift(z.as_slice(), r.shift));
        Ok(shares.collect())
    }

    /// Each party shifts its share.
    fn shift(&self, z: &[R], s: u32) -> RingVec<R> {
        let mut y = self.shelf.copy(z);
        if s > 0 {
            for v in y.as_mut_slice() {
                *v = R::from_i128(v.to_i128() >> s);
            }
        }
        y
    }

    /// Shares of the quotients of values given by summands.
    pub(super) fn cut(
        &mut self,
        pieces: Vec<Piece>,
        z: &[&[R]],
        cut: Cut,
        mode: Truncation,
    ) -> Result<Vec<RingVec<R>>, Error> {
        let one = self.adds();
        let mut out = self.tensors(&z.iter().map(|z| z.len()).collect::<Vec<_>>());
        let say = |addend: R| {
            let addend = if one { addend } else { R::ZERO };
            move |piece: &mut Piece, ()| {
                let mut c = piece.batch.free::<R>(piece.len())?;
                lanes::zip(c.as_mut_slice(), piece.of(z), |r, z| r.add(z).add(addend));
                Ok((message(&c), c))
            }
        };
        match cut {
            Cut::Local => return Err(Error::Ownership("a local truncation opens nothing")),
            Cut::Stochastic { shift } => {
                self.open(fresh(pieces), say(offset()), |piece, c, theirs| {
                    let c = sum(c, theirs);
                    let y = quotient(piece, &c, shift, one)?;
                    out.put(piece, &y);
                    Ok(())
                })?;
            }
            Cut::Exact { shift } => {
                let half = match mode {
                    Truncation::Nearest => R::ONE.shl(shift - 1),
                    _ => R::ZERO,
                };
                let adder = Adder::new(shift as usize);
                let addend = offset::<R>().add(half);
                let opened = self.open(fresh(pieces), say(addend), |piece, c, theirs| {
                    let c = sum(c, theirs);
                    let y = quotient(piece, &c, shift, one)?;
                    let u = planes(c.len(), shift as usize, |all| {
                        lanes::zip(all, c.as_slice(), |_, c| !c.to_u64());
                    })?;
                    Ok((begin_carry(piece, &adder, one, u.as_slice())?, y))
                })?;
                let carried = self.carry(&adder, opened)?;
                self.open(
                    carried,
                    |piece, (kappa, y)| {
                        let mut delta = piece.batch.free::<u64>(piece.words())?;
                        xor(delta.as_mut_slice(), kappa.as_slice());
                        Ok((message(&delta), (delta, y)))
                    },
                    |piece, (delta, mut y), theirs| {
                        let delta = masks_of::<R>(sum_bits(delta, theirs).as_slice(), piece.len());
                        let sigma = piece.batch.dependent::<R>(piece.len())?;
                        let own = if one { R::ONE } else { R::ZERO };
                        lanes::zip2(
                            y.as_mut_slice(),
                            sigma.as_slice(),
                            delta.as_slice(),
                            |y, sigma, d| y.sub(negate_if(sigma, d)).sub(d.and(own)),
                        );
                        out.put(piece, &y);
                        Ok(())
                    },
                )?;
            }
        }
        Ok(out.into_tensors())
    }
}

/// Openings of a rescaling.
pub(super) fn openings(cut: Cut) -> usize {
    match cut {
        Cut::Local => 0,
        Cut::Stochastic { .. } => 1,
        Cut::Exact { shift } => 2 + Adder::new(shift as usize).levels().len(),
    }
}
