//! Prefixes of neighbouring digits or groups: polynomials of opened bits whose coefficients are dealt products of
//! masks.

use std::collections::VecDeque;

use piquet_core::{RingVec, lanes};

use super::wires::{Dealt, State, Wire, Wires};
use crate::parts::gates::{and, subsets, xor};

/// Generate and propagate bits of a digit or group; the lowest does not propagate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) generate: Wire,
    pub(super) propagate: Option<Wire>,
}

/// Neighbours, lowest first, whose prefixes are computed.
#[derive(Debug)]
pub(super) struct Run {
    links: Vec<Link>,
    /// Which prefixes longer than one are wanted.
    wanted: Vec<bool>,
}

/// Prefixes of links, in whose place they come, where they are wanted.
pub(super) fn run(
    links: Option<&mut [Link]>,
    step: usize,
    plane: &mut usize,
    wanted: impl Fn(usize) -> bool,
) -> Option<Run> {
    let links = links.filter(|l| l.len() > 1)?;
    let of = Run {
        links: links.to_vec(),
        wanted: (1..links.len()).map(wanted).collect(),
    };
    let mut next = || {
        let wire = Wire {
            step,
            plane: *plane,
        };
        *plane += 1;
        wire
    };
    let open = of.propagates();
    for (link, wanted) in links.iter_mut().skip(1).zip(&of.wanted) {
        if *wanted {
            link.generate = next();
            link.propagate = open.then(&mut next);
        }
    }
    Some(of)
}

/// A step of Horner's rule: the lower half is times subsets without the link's mask, the upper half with it.
fn times(below: &mut Vec<RingVec<u64>>, open: &[u64]) {
    let upper = below.split_off(below.len() / 2);
    for (v, w) in below.iter_mut().zip(&upper) {
        lanes::zip2(v.as_mut_slice(), open, w.as_slice(), |v, o, w| (o & v) ^ w);
    }
}

impl Run {
    /// Whether a carry can come into it.
    fn propagates(&self) -> bool {
        self.links.first().is_some_and(|l| l.propagate.is_some())
    }

    /// Dealt planes: products of two and more masks of propagate bits, and of one and more with each generate bit and
    /// with the lowest propagate bit.
    pub(super) fn products(&self) -> usize {
        let heads = self.links.len() - 1;
        let among = (1usize << heads) - 1 - heads;
        let tails: usize = (0..=heads).map(|i| (1 << i) - 1).sum();
        let lowest = if self.propagates() {
            (1 << heads) - 1
        } else {
            0
        };
        among + tails + lowest
    }

    pub(super) fn said(&self) -> usize {
        let each = if self.propagates() { 2 } else { 1 };
        each * self.wanted.iter().filter(|w| **w).count()
    }

    /// Propagate bits from the highest link down, without the lowest. A subset s of them has link k - 1 - b for bit b
    /// of s.
    fn heads<'a>(&self, of: &'a Wires) -> Vec<&'a [u64]> {
        let links = self.links.iter().skip(1).rev();
        links.map(|l| of.maybe(l.propagate)).collect()
    }

    /// What the heads above each link are multiplied with, and how many these are.
    fn tails(&self) -> Vec<(Wire, usize)> {
        let heads = self.links.len() - 1;
        let generate = self.links.iter().enumerate();
        let mut tails: Vec<_> = generate.map(|(i, l)| (l.generate, heads - i)).collect();
        tails.extend(self.lowest().map(|p| (p, heads)));
        tails
    }

    fn lowest(&self) -> Option<Wire> {
        self.links.first().and_then(|l| l.propagate)
    }

    pub(super) fn deal(&self, masks: &Wires, out: &mut RingVec<u64>) {
        let products = subsets(&self.heads(masks));
        for (s, product) in products.iter().enumerate() {
            if s.count_ones() > 1 {
                out.extend_from_slice(product.as_slice());
            }
        }
        for (tail, above) in self.tails() {
            for product in products.iter().take(1 << above).skip(1) {
                out.extend_from_slice(and(product.as_slice(), masks.get(tail)).as_slice());
            }
        }
    }

    /// Horner's rule, for every subset s of the heads above at once: shares of `m_s G_i` with `G_i = g_i ^ p_i G_(i -
    /// 1)` and `p_i = o_i ^ m_i` are `o_g m_s ^ m_s m_g ^ o_i m_s G_(i - 1) ^ m_(s with i) G_(i - 1)`. The empty
    /// subset is the prefix.
    pub(super) fn evaluate(
        &self,
        one: &[u64],
        dealt: &mut Dealt<'_>,
        state: &State,
        out: &mut RingVec<u64>,
    ) {
        let heads = self.heads(&state.pad);
        let masks: Vec<&[u64]> = (0..1usize << heads.len())
            .map(|s| match s.count_ones() {
                0 => one,
                1 => heads
                    .get(s.trailing_zeros() as usize)
                    .copied()
                    .unwrap_or_default(),
                _ => dealt.next(),
            })
            .collect();
        let mut tails: VecDeque<Vec<RingVec<u64>>> = self
            .tails()
            .into_iter()
            .map(|(tail, above)| {
                let open = state.open.get(tail);
                let products = masks.iter().take(1 << above).enumerate().map(|(s, mask)| {
                    let with = match s {
                        0 => state.pad.get(tail),
                        _ => dealt.next(),
                    };
                    let mut v = RingVec::from(with.to_vec());
                    lanes::zip2(v.as_mut_slice(), open, mask, |v, o, m| v ^ (o & m));
                    v
                });
                products.collect()
            })
            .collect();
        let mut propagate = self.lowest().and_then(|_| tails.pop_back());
        let mut generate = tails.pop_front().unwrap_or_default();
        for ((link, own), wanted) in self.links.iter().skip(1).zip(tails).zip(&self.wanted) {
            let open = state.open.maybe(link.propagate);
            times(&mut generate, open);
            for (v, own) in generate.iter_mut().zip(&own) {
                xor(v.as_mut_slice(), own.as_slice());
            }
            if let Some(propagate) = &mut propagate {
                times(propagate, open);
            }
            if *wanted {
                for of in [Some(&generate), propagate.as_ref()].into_iter().flatten() {
                    let prefix = of.first().map(RingVec::as_slice);
                    out.extend_from_slice(prefix.unwrap_or_default());
                }
            }
        }
    }
}
