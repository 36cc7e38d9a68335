//! Functions of masked bits, local but for what opens the masks: what a carry and a conjunction are made of.
//!
//! Someone knows a number v and deals; those who compute know a number u and hold exclusive-or shares of what is dealt.
//! Bits are sliced: a plane holds one bit of all elements of a piece, 64 to a word, and a gate works on planes.
//!
//! *Lookup.* For a digit of m bits, v of the one who deals and u of the others, the one-hot vector `e_j = [v = j]` is dealt
//! but for `e_0` (they add up to 1): 2^m - 1 bits. Any function of (u, v) is then a sum of those `e_j`
//! that u selects, local to whoever holds shares: generate `[u + v >= 2^m] = sum of e_j, j >= 2^m - u`, propagate
//! `[u + v = 2^m - 1] = e_(2^m - 1 - u)`. These are the one-time truth tables of Ishai, Kushilevitz, Meldgaard, Orlandi,
//! Paskin-Cherniavsky (TCC 2013), with shares of a one-hot vector in the place of a rotated table, as
//! Keller, Orsini, Rotaru, Scholl, Soria-Vazquez, Vivek have it (ACNS 2017, eprint 2017/378); the dealer knows its index.
//!
//! *Products of several masked bits* (multi-input gates of ABY2.0, eprint 2020/1225, with a dealer in the place of the set-up):
//! `prod (o_j ^ mu_j)` is a polynomial in the opened bits whose coefficients are products of masks. Those of two and more
//! masks are dealt; of one mask there are shares already. So a carry over up to four digits takes one opening:
//! `G = g_3 ^ p_3 (g_2 ^ p_2 (g_1 ^ p_1 g_0))`, `P = p_3 p_2 p_1 p_0`.
//!
//! One of the share holders adds what is public: it calls these functions with `one` set.

use core::ops::Range;

use piquet_core::{RingVec, lanes};

use super::adder::{Adder, Group};
use super::digit::Digit;
use super::planes::plane;

/// Planes of masked bits `open ^ mask`.
pub(crate) struct Masked {
    /// Known to all who hold shares.
    pub(crate) open: RingVec<u64>,
    /// This party's share of the masks.
    pub(crate) pad: RingVec<u64>,
}

pub(crate) fn xor(out: &mut [u64], a: &[u64]) {
    lanes::zip(out, a, |o, a| o ^ a);
}

/// `a & b`
pub(crate) fn and(a: &[u64], b: &[u64]) -> RingVec<u64> {
    let mut out = RingVec::from(a.to_vec());
    lanes::zip(out.as_mut_slice(), b, |o, b| o & b);
    out
}

/// Dealer: the one-hot vector of the digit of v that the planes `digit` hold, without its first entry.
pub(crate) fn hot(v: &[u64], words: usize, digit: Range<usize>, out: &mut RingVec<u64>) {
    // Doubling: entry j of i bits becomes entries j and j + 2^i of i + 1 bits.
    let mut entries = vec![RingVec::from(vec![u64::MAX; words])];
    for i in digit {
        let bit = plane(v, words, i);
        let upper: Vec<_> = entries.iter().map(|e| and(e.as_slice(), bit)).collect();
        for (e, u) in entries.iter_mut().zip(&upper) {
            xor(e.as_mut_slice(), u.as_slice());
        }
        entries.extend(upper);
    }
    for e in entries.iter().skip(1) {
        out.extend_from_slice(e.as_slice());
    }
}

/// Dealer: the one-hot vectors of the digits of v, `e_1` to `e_(2^m - 1)` of each, lowest digit first; then `extra`.
pub(crate) fn one_hot(adder: &Adder, v: &[u64], words: usize, extra: &[u64]) -> RingVec<u64> {
    let mut out = RingVec::with_capacity(adder.table_planes() * words + extra.len());
    let mut first = 0;
    for &m in adder.digits() {
        hot(v, words, first..first + m, &mut out);
        first += m;
    }
    out.extend_from_slice(extra);
    out
}

/// Summands of generate bits of all digits, then of propagate bits of all but the lowest.
pub(crate) fn look_up(
    adder: &Adder,
    one: bool,
    tables: &[u64],
    u: &[u64],
    words: usize,
) -> RingVec<u64> {
    let digits = adder.digits().len();
    let mut out = RingVec::with_capacity((2 * digits - 1) * words);
    let mut propagate = RingVec::with_capacity((digits - 1) * words);
    let one = vec![if one { u64::MAX } else { 0 }; words];
    let (mut first, mut entry) = (0, 0);
    for &m in adder.digits() {
        let entries = (1 << m) - 1;
        let bits: Vec<&[u64]> = (first..first + m).map(|i| plane(u, words, i)).collect();
        let table: Vec<&[u64]> = (entry..entry + entries)
            .map(|j| plane(tables, words, j))
            .collect();
        // No place of it is wanted.
        let digit = Digit::look_up(&table, &bits, m, &one);
        out.extend_from_slice(digit.generate.as_slice());
        if first > 0 {
            propagate.extend_from_slice(digit.propagate.as_slice());
        }
        first += m;
        entry += entries;
    }
    out.extend_from_slice(propagate.as_slice());
    out
}

/// The masks of one level, or its opened bits, by digit.
pub(crate) struct Digits<'a> {
    pub(crate) planes: &'a [u64],
    pub(crate) words: usize,
    pub(crate) digits: usize,
}

impl<'a> Digits<'a> {
    fn g(&self, i: usize) -> &'a [u64] {
        plane(self.planes, self.words, i)
    }
    /// Of every digit but the lowest.
    fn p(&self, i: usize) -> &'a [u64] {
        plane(self.planes, self.words, self.digits + i - 1)
    }
}

/// The last factors of a group's products: the generate bit of digit i after the propagate bits of the `heads` above it,
/// and the propagate bit of the lowest after those of all others, unless the group is the lowest.
fn tails<'a>(group: &Group, of: &Digits<'a>) -> Vec<(usize, &'a [u64])> {
    let k = group.size;
    let mut tails: Vec<_> = (0..k).map(|i| (k - 1 - i, of.g(group.first + i))).collect();
    if group.first > 0 {
        tails.push((k - 1, of.p(group.first)));
    }
    tails
}

/// Propagate bits of a group from the highest digit down, without the lowest.
fn heads<'a>(group: &Group, of: &Digits<'a>) -> Vec<&'a [u64]> {
    (1..group.size)
        .rev()
        .map(|i| of.p(group.first + i))
        .collect()
}

/// Products over all subsets of `heads`: entry s is the product of those whose bit is set in s, entry 0 is empty.
pub(crate) fn subsets(heads: &[&[u64]]) -> Vec<RingVec<u64>> {
    let mut out: Vec<RingVec<u64>> = vec![RingVec::zeros(0)];
    for s in 1..1usize << heads.len() {
        let head = heads
            .get(s.trailing_zeros() as usize)
            .copied()
            .unwrap_or_default();
        let rest = s & (s - 1);
        out.push(match out.get(rest) {
            Some(product) if rest != 0 => and(product.as_slice(), head),
            _ => head.to_vec().into(),
        });
    }
    out
}

/// Dealer: the products of two and more masks that a level needs, in the order in which [`evaluate`] takes them.
pub(crate) fn mask_products(groups: &[Group], masks: &Digits<'_>) -> RingVec<u64> {
    let planes: usize = groups.iter().map(Group::products).sum();
    let mut out = RingVec::with_capacity(planes * masks.words);
    for group in groups {
        let products = subsets(&heads(group, masks));
        for (s, product) in products.iter().enumerate() {
            if s.count_ones() > 1 {
                out.extend_from_slice(product.as_slice());
            }
        }
        for (above, tail) in tails(group, masks) {
            for product in products.iter().take(1 << above).skip(1) {
                out.extend_from_slice(and(product.as_slice(), tail).as_slice());
            }
        }
    }
    out
}

/// Summands of the generate bits of all groups, then of the propagate bits of all but the lowest.
pub(crate) fn evaluate(
    groups: &[Group],
    one: bool,
    digits: &Masked,
    count: usize,
    products: &[u64],
    words: usize,
) -> RingVec<u64> {
    let of = |planes| Digits {
        planes,
        words,
        digits: count,
    };
    let (open, pad) = (of(digits.open.as_slice()), of(digits.pad.as_slice()));
    let mut out = RingVec::zeros((2 * groups.len() - 1) * words);
    let (gs, ps) = out.as_mut_slice().split_at_mut(groups.len() * words);
    let ones = vec![u64::MAX; words];
    let constant = match one {
        true => ones.clone(),
        false => vec![0; words],
    };
    let mut dealt = products.chunks_exact(words.max(1));
    let mut next = || dealt.next().unwrap_or_default();
    for (n, group) in groups.iter().enumerate() {
        let opened = subsets(&heads(group, &open));
        let opened = |s: usize| match s {
            0 => &ones[..],
            s => opened.get(s).map(RingVec::as_slice).unwrap_or_default(),
        };
        // Shares of the products of the heads' masks.
        let own = heads(group, &pad);
        let masks: Vec<&[u64]> = (0..1usize << own.len())
            .map(|s| match s.count_ones() {
                0 => &constant[..],
                1 => own
                    .get(s.trailing_zeros() as usize)
                    .copied()
                    .unwrap_or_default(),
                _ => next(),
            })
            .collect();
        let tails = tails(group, &open).into_iter().zip(tails(group, &pad));
        for (i, ((above, tail), (_, tail_pad))) in tails.enumerate() {
            let all = (1usize << above) - 1;
            let sum = if i < group.size {
                gs.get_mut(n * words..(n + 1) * words)
            } else {
                ps.get_mut((n - 1) * words..n * words)
            };
            let sum = sum.unwrap_or_default();
            for (s, mask) in masks.iter().enumerate().take(all + 1) {
                // This subset of the heads gives its masks, the others what was opened.
                let with_tail = if s == 0 { tail_pad } else { next() };
                lanes::zip4(
                    sum,
                    opened(all ^ s),
                    tail,
                    mask,
                    with_tail,
                    |sum, opened, tail, mask, with_tail| {
                        sum ^ (opened & ((tail & mask) ^ with_tail))
                    },
                );
            }
        }
    }
    out
}
