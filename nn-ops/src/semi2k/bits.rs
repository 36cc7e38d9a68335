//! Bits of a value in two's complement.
//!
//! Bits lo to hi of x depend on x modulo 2^hi alone. The parties open `c = x - r` modulo the width of the narrowest
//! word of hi bits and more, r a mask that the dealer knows: then x is the sum of a number that is public and one
//! that the dealer knows, and its bits are those of that sum, by `parts::prefix`. That is the bit decomposition by
//! masked opening of Escudero, Ghosh, Keller, Rachuri, Scholl, CRYPTO 2020, eprint 2020/338, with an adder for a
//! dealer who knows the mask.
//!
//! Security: c is uniform to any n - 1 parties whatever x is, as r is; it says nothing of the upper bits of x, whose
//! shares are not sent. Tables, masks and products of masks are functions of what the dealer knows, and of each the
//! n - 1 parties that collude lack a share. What each step of the adder opens is masked by free bits that mask nothing
//! else. The bits stay shared.

use core::ops::Range;

use piquet_core::{Ring, RingVec, lanes};
use piquet_secret_sharing::XorVec;

use super::hand::Hand;
use super::item::{Item, narrow};
use super::party::{Semi2k, Semi2kArith};
use super::piece::{Piece, Planes, fresh, sum, sum_bits};
use crate::Error;
use crate::engine::check_bits;
use crate::parts::gates::{Masked, xor};
use crate::parts::planes::{plane, planes};
use crate::parts::prefix::{Prefix, State, Wires};
use crate::parts::words::message;

/// How bits of these places are computed.
pub(super) fn adder(range: &Range<u32>) -> Prefix {
    Prefix::new(range.start as usize..range.end as usize)
}

/// Dealer: what bits of n values take.
pub(super) fn deal_bits(hand: &mut Hand, n: usize, range: &Range<u32>) -> Result<(), Error> {
    match narrow(range.end) {
        1 => deal_bits_in::<u8>(hand, n, range),
        2 => deal_bits_in::<u16>(hand, n, range),
        4 => deal_bits_in::<u32>(hand, n, range),
        _ => deal_bits_in::<u64>(hand, n, range),
    }
}

fn deal_bits_in<T: Ring>(hand: &mut Hand, n: usize, range: &Range<u32>) -> Result<(), Error> {
    let (adder, words) = (adder(range), n.div_ceil(64));
    let r = hand.free::<T>(n);
    let v = planes_of(&r, range)?;
    let mut masks = Wires::new(words);
    for step in 0..adder.steps() {
        hand.deal_bits(adder.deal(step, v.as_slice(), &masks).as_slice());
        if step + 1 < adder.steps() {
            masks.push(hand.free_bits(adder.said(step) * words));
        }
    }
    Ok(())
}

/// The planes that bits of these places depend on.
fn planes_of<T: Ring>(v: &RingVec<T>, range: &Range<u32>) -> Result<RingVec<u64>, Error> {
    planes(v.len(), range.end as usize, |all| {
        lanes::zip(all, v.as_slice(), |_, v| v.to_u64());
    })
}

/// A piece between two steps of the adder.
struct Sum {
    /// Planes of what was opened.
    u: RingVec<u64>,
    state: State,
    /// This party's summand of what is to be said.
    said: RingVec<u64>,
}

impl Sum {
    fn step(
        &mut self,
        piece: &mut Piece,
        adder: &Prefix,
        step: usize,
        one: bool,
    ) -> Result<(), Error> {
        let planes = adder.dealt(step) * piece.words();
        let dealt = piece.batch.dependent::<u64>(planes)?;
        let (u, dealt) = (self.u.as_slice(), dealt.as_slice());
        self.said = adder.summand(step, one, u, dealt, &mut self.state);
        Ok(())
    }
}

impl<R: Ring> Semi2k<R> {
    pub(super) fn bits_impl(
        &mut self,
        xs: &[&Semi2kArith<R>],
        range: &Range<u32>,
    ) -> Result<Vec<Vec<XorVec>>, Error> {
        if xs.is_empty() {
            return Ok(Vec::new());
        }
        for x in xs {
            check_bits(&x.spec, range)?;
        }
        match narrow(range.end) {
            1 => self.bits_in::<u8>(xs, range),
            2 => self.bits_in::<u16>(xs, range),
            4 => self.bits_in::<u32>(xs, range),
            _ => self.bits_in::<u64>(xs, range),
        }
    }

    /// The same, opened in T.
    fn bits_in<T: Ring>(
        &mut self,
        xs: &[&Semi2kArith<R>],
        range: &Range<u32>,
    ) -> Result<Vec<Vec<XorVec>>, Error> {
        let one = self.adds();
        let adder = adder(range);
        let x: Vec<&[R]> = xs.iter().map(|x| x.share.as_slice()).collect();
        let lens: Vec<usize> = x.iter().map(|x| x.len()).collect();
        let mut places: Vec<Planes> = range.clone().map(|_| Planes::new(self.me, &lens)).collect();
        let range = range.clone();
        let item = Item::Bits {
            lens,
            range: range.clone(),
        };
        let (_, pieces) = self.begin(&item, adder.steps())?;
        let mut sums = self.open(
            fresh(pieces),
            |piece, ()| {
                let mut c = piece.batch.free::<T>(piece.len())?;
                lanes::zip(c.as_mut_slice(), piece.of(&x), |r, x| {
                    T::from_u64(x.to_u64()).sub(r)
                });
                Ok((message(&c), c))
            },
            |piece, c, theirs| {
                let mut adding = Sum {
                    u: planes_of(&sum(c, theirs), &range)?,
                    state: State::new(piece.words()),
                    said: RingVec::zeros(0),
                };
                adding.step(piece, &adder, 0, one)?;
                Ok(adding)
            },
        )?;
        for step in 1..adder.steps() {
            sums = self.open(
                sums,
                |piece, mut adding| {
                    let pad = piece.batch.free::<u64>(adding.said.len())?;
                    let mut open = core::mem::take(&mut adding.said);
                    xor(open.as_mut_slice(), pad.as_slice());
                    Ok((message(&open), (adding, Masked { open, pad })))
                },
                |piece, (mut adding, masked), theirs| {
                    let Masked { open, pad } = masked;
                    let open = sum_bits(open, theirs);
                    adding.state.hear(Masked { open, pad });
                    adding.step(piece, &adder, step, one)?;
                    Ok(adding)
                },
            )?;
        }
        for (piece, Sum { said, .. }) in &sums {
            for (j, place) in places.iter_mut().enumerate() {
                place.put(piece, plane(said.as_slice(), piece.words(), j));
            }
        }
        // By operand, and then by place.
        let mut out: Vec<Vec<XorVec>> = xs.iter().map(|_| Vec::new()).collect();
        for place in places {
            for (of_operand, bits) in out.iter_mut().zip(place.into_bits()) {
                of_operand.push(bits);
            }
        }
        Ok(out)
    }
}
