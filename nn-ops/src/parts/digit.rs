//! One digit of a sum u + v: u known to those who compute, of v the one-hot vector shared.
//!
//! From the lowest bit up: `S_a` is the share of \[the bits of v from i up are a\], and for each such a there are the
//! shares of "and the i bits below generate a carry with u's" (`G_a`) and "and they propagate one" (`P_a`). With L =
//! 2a, H = 2a + 1 and u's bit i, `G_a = u_i ? S_H ^ G_L : G_H`, `P_a = u_i ? P_L : P_H`, `S_a = S_L ^ S_H`: public
//! selections of shares. Before bit i is taken, the sum of all G is the carry into it, the sum of all P says whether
//! a carry into the digit reaches it, and the sum of the S of odd a is v's bit i.

use piquet_core::{RingVec, lanes};

use super::gates::xor;

/// Shares of what a digit makes.
#[derive(Default)]
pub(crate) struct Digit {
    /// Of each place from the first wanted: the bit of the sum without a carry into the digit.
    pub(crate) sums: Vec<RingVec<u64>>,
    /// Of each place: whether a carry into the digit reaches it.
    pub(crate) through: Vec<RingVec<u64>>,
    /// Carry out of the digit without a carry into it.
    pub(crate) generate: RingVec<u64>,
    /// Whether a carry into the digit leaves it.
    pub(crate) propagate: RingVec<u64>,
}

/// What is known of the bits from i up being a.
struct Above {
    all: RingVec<u64>,
    generate: RingVec<u64>,
    propagate: RingVec<u64>,
}

/// `b` where the bit is 1, `a` elsewhere, in the place of `a`.
fn choose(bit: &[u64], a: &mut [u64], b: &[u64]) {
    lanes::zip2(a, bit, b, |a, bit, b| a ^ (bit & (a ^ b)));
}

/// The sum of the given planes.
fn sum<'a>(words: usize, planes: impl Iterator<Item = &'a RingVec<u64>>) -> RingVec<u64> {
    let mut out = RingVec::zeros(words);
    for plane in planes {
        xor(out.as_mut_slice(), plane.as_slice());
    }
    out
}

/// The whole one-hot vector of a table that lacks its first entry; its entries add up to `total`.
fn entries(table: &[&[u64]], total: &[u64]) -> Vec<RingVec<u64>> {
    let mut first = RingVec::from(total.to_vec());
    for e in table {
        xor(first.as_mut_slice(), e);
    }
    let mut out = vec![first];
    out.extend(table.iter().map(|e| RingVec::from(e.to_vec())));
    out
}

impl Digit {
    /// Looks the bits of u up in the table (without its first entry) of those of v. Sums are wanted from place
    /// `wanted` on; `one` is this party's share of 1.
    pub(crate) fn look_up(table: &[&[u64]], bits: &[&[u64]], wanted: usize, one: &[u64]) -> Self {
        let words = one.len();
        let mut above: Vec<Above> = entries(table, one)
            .into_iter()
            .map(|all| Above {
                generate: RingVec::zeros(words),
                propagate: all.duplicate(),
                all,
            })
            .collect();
        let mut out = Self::default();
        for (i, bit) in bits.iter().enumerate() {
            if i >= wanted {
                let odd = above.iter().skip(1).step_by(2).map(|a| &a.all);
                let mut plane = sum(words, odd.chain(above.iter().map(|a| &a.generate)));
                lanes::zip2(plane.as_mut_slice(), bit, one, |s, u, one| s ^ (u & one));
                out.sums.push(plane);
                out.through
                    .push(sum(words, above.iter().map(|a| &a.propagate)));
            }
            let mut half = Vec::with_capacity(above.len() / 2);
            let mut rest = above.into_iter();
            while let (Some(mut low), Some(mut high)) = (rest.next(), rest.next()) {
                xor(low.generate.as_mut_slice(), high.all.as_slice());
                choose(bit, high.generate.as_mut_slice(), low.generate.as_slice());
                choose(bit, high.propagate.as_mut_slice(), low.propagate.as_slice());
                xor(low.all.as_mut_slice(), high.all.as_slice());
                half.push(Above {
                    all: low.all,
                    generate: high.generate,
                    propagate: high.propagate,
                });
            }
            above = half;
        }
        if let Some(last) = above.pop() {
            out.generate = last.generate;
            out.propagate = last.propagate;
        }
        out
    }
}

/// [`Digit::through`] of all places but the first, times a bit: from the products of that bit with the one-hot vector
/// of all bits of v but the highest, and from this party's share of the bit itself.
pub(crate) fn through_times(table: &[&[u64]], bits: &[&[u64]], total: &[u64]) -> Vec<RingVec<u64>> {
    let words = total.len();
    let mut above = entries(table, total);
    let mut out = Vec::with_capacity(bits.len());
    for bit in bits {
        let mut rest = above.into_iter();
        let mut half = Vec::new();
        while let (Some(low), Some(mut high)) = (rest.next(), rest.next()) {
            choose(bit, high.as_mut_slice(), low.as_slice());
            half.push(high);
        }
        above = half;
        out.push(sum(words, above.iter()));
    }
    out
}
