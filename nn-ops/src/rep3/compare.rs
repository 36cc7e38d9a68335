//! Comparison with zero, exact on the declared window.
//!
//! |x| < 2^b, so with w = b + 1 the sign of x is bit w - 1 of `x mod 2^w`, and `x = r + c mod 2^w` where party 0 knows
//! `r = x_0 + x_1` and parties 1 and 2 know `c = x_2`: bit w - 1 of a sum of two numbers, each known to someone.
//! The carry into it comes from `bits`; nothing else is sent, and nothing is opened.

use piquet_core::transpose;
use piquet_core::{Ring, RingVec};
use piquet_secret_sharing::{Rep3Bits, Rep3Party};

use super::bits::Planes;
use super::party::{Rep3, Rep3Arith};
use crate::Error;

impl<R: Ring> Rep3<R> {
    /// One bit per element: x >= 0. Tensors share their rounds; the widest window serves all.
    pub(super) fn compare(&mut self, xs: &[&Rep3Arith<R>]) -> Result<Vec<Rep3Bits>, Error> {
        let window = window(xs.iter().map(|x| x.spec.format.bound()));
        // Every tensor starts at a word, so that it can be cut out again.
        let words: usize = xs.iter().map(|x| x.spec.len().div_ceil(64)).sum();
        let mut known = RingVec::<u64>::zeros(64 * words);
        let mut rest = known.as_mut_slice();
        for x in xs {
            let (out, tail) = rest.split_at_mut(x.spec.len().div_ceil(64) * 64);
            self.known_summand(x, out);
            rest = tail;
        }
        let mut planes = RingVec::zeros(window * words);
        transpose::to_planes(known.as_slice(), window as u32, planes.as_mut_slice())?;
        drop(known);
        let (mut sign, p) = self.carry(planes, words, window - 1)?;
        let top = (window - 1) * words;
        let flip = |s: &mut RingVec<u64>, p: &RingVec<u64>| {
            for (s, p) in s
                .as_mut_slice()
                .iter_mut()
                .zip(p.as_slice().iter().skip(top))
            {
                *s ^= p;
            }
        };
        let Planes { mine, next } = &mut sign;
        flip(mine, &p.mine);
        flip(next, &p.next);
        let mut at = 0;
        xs.iter()
            .map(|x| {
                let negative = sign.bits(self.me, at, x.spec.len())?;
                at += x.spec.len().div_ceil(64);
                Ok(negative.not())
            })
            .collect()
    }

    /// `x_0 + x_1` at party 0, `x_2` at the others.
    pub(super) fn known_summand(&self, x: &Rep3Arith<R>, out: &mut [u64]) {
        let (mine, next) = x.share.raw_components();
        match self.me {
            Rep3Party::P0 => {
                for ((o, a), b) in out.iter_mut().zip(mine).zip(next) {
                    *o = a.add(*b).to_u64();
                }
            }
            Rep3Party::P1 => {
                for (o, b) in out.iter_mut().zip(next) {
                    *o = b.to_u64();
                }
            }
            Rep3Party::P2 => {
                for (o, a) in out.iter_mut().zip(mine) {
                    *o = a.to_u64();
                }
            }
        }
    }
}

/// Bits that a comparison looks at: a sign beside the largest bound.
pub(super) fn window(bounds: impl Iterator<Item = u32>) -> usize {
    bounds.max().unwrap_or(1).max(1) as usize + 1
}
