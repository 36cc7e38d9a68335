//! Selection by a bit, and bits as integers.
//!
//! A replicated bit is `b = rho ^ beta`: party 0 knows `rho = b_0 ^ b_1`, parties 1 and 2 know `beta = b_2`. As integers
//! `b = beta + (1 - 2 beta) rho`. With `x = r + c` in the same manner (r at party 0, c at parties 1 and 2),
//!
//! `b x = beta (x_0 + x_1 + c) + (1 - 2 beta) (rho r + rho c)`.
//!
//! Party 0 shares `rho r` and `rho` additively between parties 1 and 2: pads common with party 1, and the differences,
//! which party 2 gets. Then party 1 can compute `beta x_1 + (1 - 2 beta) (V_1 + rho_1 c)`, party 2 the like with `x_0 + c`,
//! and the two summands add up to `b x`. They are reshared under fresh pads `F(k_1)`, `F(k_0)` common with party 0, which
//! become components 1 and 0; the masked summands are swapped, and their sum is component 2.
//!
//! Security: party 0 receives nothing. Party 2 receives two vectors masked by pads that only parties 0 and 1 can
//! compute, and one masked by `F(k_1)`; party 1 receives one masked by `F(k_0)`: uniform, independent of everything else
//! it holds, and the output components are fresh. (ABY3's three-party OT, eprint 2018/403, section 5.4.1, does the same
//! with six messages; the shape here is that of a product whose factors are each known to someone.)

use piquet_core::{BitVec, Ring, RingVec};
use piquet_secret_sharing::{Rep3Bits, Rep3Party};

use super::party::{Rep3, Rep3Arith, draw, message, words};
use crate::Error;
use crate::model::{Format, Shape};

/// All ones where the bit is set.
pub(super) fn masks<R: Ring>(bits: &BitVec) -> impl Iterator<Item = R> + '_ {
    let n = bits.len();
    bits.words()
        .iter()
        .flat_map(|w| (0..64).map(move |i| R::ZERO.sub(R::from_u64(w >> i & 1))))
        .take(n)
}

/// `-v` where the mask is set.
fn negate_if<R: Ring>(v: R, mask: R) -> R {
    v.xor(mask).sub(mask)
}

/// The share of b that this party can use: rho at party 0, beta at the others.
fn known_bits(me: Rep3Party, b: &Rep3Bits) -> BitVec {
    let (mine, next) = b.raw_components();
    match me {
        Rep3Party::P0 => {
            let mut rho = mine.duplicate();
            rho.xor_assign(next);
            rho
        }
        Rep3Party::P1 => next.duplicate(),
        Rep3Party::P2 => mine.duplicate(),
    }
}

impl<R: Ring> Rep3<R> {
    /// Parties 1 and 2 each hold a summand; all get a fresh replicated sharing of the sum.
    ///
    /// `pads` must be at the same place at both holders of each stream.
    pub(super) fn reshare_two(
        &mut self,
        pads: &mut super::party::Pads,
        summand: Option<RingVec<R>>,
        n: usize,
    ) -> Result<(RingVec<R>, RingVec<R>), Error> {
        match self.me {
            Rep3Party::P0 => {
                let (y0, y1) = (draw(pads.zeroth(), n), draw(pads.first(), n));
                self.swap(None)?;
                Ok((y0, y1))
            }
            me @ (Rep3Party::P1 | Rep3Party::P2) => {
                let pad: RingVec<R> = if me == Rep3Party::P1 {
                    draw(pads.first(), n)
                } else {
                    draw(pads.zeroth(), n)
                };
                let mut ours = summand.unwrap_or_default();
                ours.sub_assign(pad.as_slice());
                let theirs = self.swap(Some(message(&ours)))?.unwrap_or_default();
                ours.add_assign(words::<R>(&theirs).as_slice());
                Ok(if me == Rep3Party::P1 {
                    (pad, ours)
                } else {
                    (ours, pad)
                })
            }
        }
    }

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
        let n: usize = pairs.iter().map(|(b, _)| b.len()).sum();
        let mut pads = self.pads()?;
        let summand = match self.me {
            Rep3Party::P0 => {
                let (mut v, mut r) = (draw::<R>(pads.first(), n), draw::<R>(pads.first(), n));
                let (mut vs, mut rs) = (v.as_mut_slice().iter_mut(), r.as_mut_slice().iter_mut());
                for (b, x) in pairs {
                    let (mine, next) = x.share.raw_components();
                    let rho = known_bits(self.me, b);
                    for ((m, (x0, x1)), (v, r)) in masks::<R>(&rho)
                        .zip(mine.iter().zip(next))
                        .zip(vs.by_ref().zip(rs.by_ref()))
                    {
                        *v = x0.add(*x1).and(m).sub(*v);
                        *r = m.and(R::ONE).sub(*r);
                    }
                }
                let mut out = Vec::with_capacity(2 * R::BYTES * n);
                out.extend_from_slice(v.as_bytes());
                out.extend_from_slice(r.as_bytes());
                self.hand_over(Some(out), 2 * R::BYTES * n)?;
                None
            }
            me @ (Rep3Party::P1 | Rep3Party::P2) => {
                let (v, r) = if me == Rep3Party::P1 {
                    let v = draw::<R>(pads.first(), n);
                    let r = draw::<R>(pads.first(), n);
                    self.hand_over(None, 2 * R::BYTES * n)?;
                    (v, r)
                } else {
                    let got = self.hand_over(None, 2 * R::BYTES * n)?.unwrap_or_default();
                    let (v, r) = got.split_at_checked(R::BYTES * n).unwrap_or_default();
                    (words(v), words(r))
                };
                let mut y = Vec::with_capacity(n);
                let (mut vs, mut rs) = (v.as_slice().iter(), r.as_slice().iter());
                for (b, x) in pairs {
                    let (mine, next) = x.share.raw_components();
                    let beta = known_bits(me, b);
                    let shares = mine.iter().zip(next);
                    for ((m, (a, b)), (v, r)) in masks::<R>(&beta)
                        .zip(shares)
                        .zip(vs.by_ref().zip(rs.by_ref()))
                    {
                        // Party 1 holds (x_1, c) and answers for x_1; party 2 holds (c, x_0) and answers for both.
                        let (c, own) = if me == Rep3Party::P1 {
                            (*b, *a)
                        } else {
                            (*a, a.add(*b))
                        };
                        let t = v.add(c.mul(*r));
                        y.push(own.and(m).add(negate_if(t, m)));
                    }
                }
                Some(RingVec::from(y))
            }
        };
        let (mine, next) = self.reshare_two(&mut pads, summand, n)?;
        let cuts: Vec<_> = pairs
            .iter()
            .map(|(_, x)| (&x.spec.shape, x.spec.format))
            .collect();
        self.cut(&cuts, mine, next)
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
        let n: usize = bits.iter().map(|(b, _)| b.len()).sum();
        let mut pads = self.pads()?;
        let known: Vec<BitVec> = bits.iter().map(|(b, _)| known_bits(self.me, b)).collect();
        let summand = self.bits_summand(&mut pads, known.iter().flat_map(masks), n)?;
        let (mine, next) = self.reshare_two(&mut pads, summand, n)?;
        let cuts: Vec<_> = bits.iter().map(|(_, s)| (*s, format)).collect();
        self.cut(&cuts, mine, next)
    }

    /// Summands of `b = beta + (1 - 2 beta) rho` at parties 1 and 2, from masks of rho at party 0 and of beta there.
    pub(super) fn bits_summand(
        &mut self,
        pads: &mut super::party::Pads,
        known: impl Iterator<Item = R>,
        n: usize,
    ) -> Result<Option<RingVec<R>>, Error> {
        match self.me {
            Rep3Party::P0 => {
                let mut r = draw::<R>(pads.first(), n);
                for (r, m) in r.as_mut_slice().iter_mut().zip(known) {
                    *r = m.and(R::ONE).sub(*r);
                }
                self.hand_over(Some(message(&r)), R::BYTES * n)?;
                Ok(None)
            }
            Rep3Party::P1 => {
                let mut r = draw::<R>(pads.first(), n);
                self.hand_over(None, R::BYTES * n)?;
                for (r, m) in r.as_mut_slice().iter_mut().zip(known) {
                    *r = negate_if(*r, m);
                }
                Ok(Some(r))
            }
            Rep3Party::P2 => {
                let mut r = words::<R>(&self.hand_over(None, R::BYTES * n)?.unwrap_or_default());
                for (r, m) in r.as_mut_slice().iter_mut().zip(known) {
                    *r = negate_if(*r, m).add(m.and(R::ONE));
                }
                Ok(Some(r))
            }
        }
    }

    /// Cuts concatenated shares into tensors.
    pub(super) fn cut(
        &self,
        cuts: &[(&Shape, Format)],
        mine: RingVec<R>,
        next: RingVec<R>,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        if let [(shape, format)] = cuts {
            return Ok(vec![self.arith(shape, *format, mine, next)?]);
        }
        let mut at = 0;
        cuts.iter()
            .map(|(shape, format)| {
                let range = at..at + shape.elements();
                at = range.end;
                let part = |v: &RingVec<R>| {
                    RingVec::from(v.as_slice().get(range.clone()).unwrap_or_default().to_vec())
                };
                self.arith(shape, *format, part(&mine), part(&next))
            })
            .collect()
    }
}
