//! Gates on masked bits, and the carry of a sum of a number that party 0 knows and one that parties 1 and 2 know.
//!
//! Bits are sliced: a plane holds one bit of all elements of a piece, 64 to a word, and a gate works on planes.
//!
//! *A masked bit* x is `open ^ mask`: parties 1 and 2 know `open`, party 0 knows `mask` and they each have a pad as its
//! share. It is a replicated sharing: the pads are components 1 and 0, `open` is component 2. *To mask* a bit of which parties 1
//! and 2 have summands, each adds a fresh pad and they swap: 2 bits, and nothing from party 0.
//!
//! *Lookup.* For a digit of m bits, v of party 0 and u of parties 1 and 2, party 0 hands out the one-hot vector
//! `e_j = [v = j]` but for `e_0` (they add up to 1): 2^m - 1 bits. Any function of (u, v) is then a sum of those `e_j`
//! that u selects, local to parties 1 and 2: generate `[u + v >= 2^m] = sum of e_j, j >= 2^m - u`, propagate
//! `[u + v = 2^m - 1] = e_(2^m - 1 - u)`. These are the one-time truth tables of Ishai, Kushilevitz, Meldgaard, Orlandi,
//! Paskin-Cherniavsky (TCC 2013), with party 0 as the dealer and shares of a one-hot vector in the place of a rotated table, as
//! Keller, Orsini, Rotaru, Scholl, Soria-Vazquez, Vivek have it (ACNS 2017, eprint 2017/378); the dealer knows its index.
//!
//! *Products of several masked bits* (multi-input gates of ABY2.0, eprint 2020/1225, with party 0 in the place of the set-up):
//! `prod (o_j ^ mu_j)` is a polynomial in the opened bits whose coefficients are products of masks. Party 0 hands
//! those of two and more masks out; of one mask the pads are shares. So a carry over up to four digits takes one swap:
//! `G = g_3 ^ p_3 (g_2 ^ p_2 (g_1 ^ p_1 g_0))`, `P = p_3 p_2 p_1 p_0`.
//!
//! *Security.* Party 0 receives nothing. What is handed out to party 1 (or 2) is masked by a pad that only party 0 and
//! the other one can compute; so is every swapped message. Each pad is used once, so the view of either is uniform and
//! independent of what it held before, and can be drawn by a simulator.

use piquet_core::{BitVec, Ring, RingVec, lanes};
use piquet_secret_sharing::{Rep3Bits, Rep3Party};

use super::adder::{Adder, Group};
use super::party::{Rep3, message, words};
use super::piece::{Piece, Pieces};
use crate::Error;

/// Planes as parties 1 and 2 hold them.
pub(super) struct Masked {
    pub(super) open: RingVec<u64>,
    /// This party's share of the masks.
    pub(super) pad: RingVec<u64>,
}

/// Plane `j`.
pub(super) fn plane(v: &[u64], words: usize, j: usize) -> &[u64] {
    v.get(j * words..(j + 1) * words).unwrap_or_default()
}

fn xor(out: &mut [u64], a: &[u64]) {
    lanes::zip(out, a, |o, a| o ^ a);
}

/// `a & b`
fn and(a: &[u64], b: &[u64]) -> RingVec<u64> {
    let mut out = RingVec::from(a.to_vec());
    lanes::zip(out.as_mut_slice(), b, |o, b| o & b);
    out
}

/// Parties 1 and 2: masks summands afresh and swaps them.
pub(super) fn say_masked(
    piece: &mut Piece,
    summand: RingVec<u64>,
) -> Result<(Vec<u8>, Masked), Error> {
    let pad = piece.pad::<u64>(summand.len())?;
    let mut open = summand;
    xor(open.as_mut_slice(), pad.as_slice());
    Ok((message(&open), Masked { open, pad }))
}

/// The other one's masked summands complete what was opened.
pub(super) fn hear_masked(mut ours: Masked, theirs: &[u8]) -> Masked {
    xor(ours.open.as_mut_slice(), &words::<u64>(theirs));
    ours
}

/// Party 0: the one-hot vectors of the digits of v, `e_1` to `e_(2^m - 1)` of each, lowest digit first; then `extra`.
fn one_hot(adder: &Adder, v: &[u64], words: usize, extra: &[u64]) -> RingVec<u64> {
    let mut out = RingVec::with_capacity(adder.table_planes() * words + extra.len());
    let mut first = 0;
    for &m in adder.digits() {
        // Doubling: entry j of i bits becomes entries j and j + 2^i of i + 1 bits.
        let mut entries = vec![RingVec::from(vec![u64::MAX; words])];
        for i in 0..m {
            let bit = plane(v, words, first + i);
            let upper: Vec<_> = entries.iter().map(|e| and(e.as_slice(), bit)).collect();
            for (e, u) in entries.iter_mut().zip(&upper) {
                xor(e.as_mut_slice(), u.as_slice());
            }
            entries.extend(upper);
        }
        for e in entries.iter().skip(1) {
            out.extend_from_slice(e.as_slice());
        }
        first += m;
    }
    out.extend_from_slice(extra);
    out
}

/// Parties 1 and 2: summands of generate bits of all digits, then of propagate bits of all but the lowest.
fn look_up(adder: &Adder, me: Rep3Party, tables: &[u64], u: &[u64], words: usize) -> RingVec<u64> {
    let digits = adder.digits().len();
    let mut out = RingVec::zeros((2 * digits - 1) * words);
    let (gs, ps) = out.as_mut_slice().split_at_mut(digits * words);
    let one = if me == Rep3Party::P1 { u64::MAX } else { 0 };
    let (mut first, mut entry) = (0, 0);
    for (d, &m) in adder.digits().iter().enumerate() {
        let size = 1 << m;
        let bits: Vec<&[u64]> = (0..m).map(|i| plane(u, words, first + i)).collect();
        let table: Vec<&[u64]> = (0..size - 1)
            .map(|j| plane(tables, words, entry + j))
            .collect();
        let g = gs.get_mut(d * words..(d + 1) * words).unwrap_or_default();
        let mut none = [];
        let p = match d.checked_sub(1) {
            Some(d) => ps.get_mut(d * words..(d + 1) * words).unwrap_or_default(),
            None => &mut none[..],
        };
        match m {
            1 => digit::<2>(&table, &bits, one, g, p),
            2 => digit::<4>(&table, &bits, one, g, p),
            3 => digit::<8>(&table, &bits, one, g, p),
            _ => digit::<16>(&table, &bits, one, g, p),
        }
        first += m;
        entry += size - 1;
    }
    out
}

/// One digit of `SIZE` values. `p` may be empty.
fn digit<const SIZE: usize>(
    table: &[&[u64]],
    bits: &[&[u64]],
    one: u64,
    g: &mut [u64],
    p: &mut [u64],
) {
    let at = |planes: &[&[u64]], j: usize, w: usize| {
        planes
            .get(j)
            .and_then(|p| p.get(w))
            .copied()
            .unwrap_or_default()
    };
    for w in 0..g.len() {
        let mut e = [one; SIZE];
        for j in 1..SIZE {
            e[j] = at(table, j - 1, w);
            e[0] ^= e[j];
        }
        // What u = t selects: the sum of the t highest entries, and entry 2^m - 1 - t.
        let mut generate = [0; SIZE];
        let mut propagate = [0; SIZE];
        let mut sum = 0;
        for t in 0..SIZE {
            generate[t] = sum;
            propagate[t] = e[SIZE - 1 - t];
            sum ^= propagate[t];
        }
        let mut half = SIZE / 2;
        // From the highest bit down, the half that the bit selects remains.
        for i in (0..bits.len()).rev() {
            let bit = at(bits, i, w);
            for t in 0..half {
                generate[t] ^= bit & (generate[t] ^ generate[t + half]);
                propagate[t] ^= bit & (propagate[t] ^ propagate[t + half]);
            }
            half /= 2;
        }
        if let Some(g) = g.get_mut(w) {
            *g = generate[0];
        }
        if let Some(p) = p.get_mut(w) {
            *p = propagate[0];
        }
    }
}

/// The masks of one level, or its opened bits, by digit.
struct Digits<'a> {
    planes: &'a [u64],
    words: usize,
    digits: usize,
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
fn subsets(heads: &[&[u64]]) -> Vec<RingVec<u64>> {
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

/// Party 0: the products of two and more masks that a level needs, in the order in which [`evaluate`] takes them.
fn mask_products(groups: &[Group], masks: &Digits<'_>) -> RingVec<u64> {
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

/// Parties 1 and 2: summands of the generate bits of all groups, then of the propagate bits of all but the lowest.
fn evaluate(
    groups: &[Group],
    me: Rep3Party,
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
    let constant = match me {
        Rep3Party::P1 => ones.clone(),
        Rep3Party::P0 | Rep3Party::P2 => vec![0; words],
    };
    let mut handed = products.chunks_exact(words.max(1));
    let mut next = || handed.next().unwrap_or_default();
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

/// Party 0: hands out all that the carry needs beside `v`'s planes. Of the plane `extra`, which may be
/// empty, the parties get summands beside the tables. Returns the masks of the carry: components 0 and 1.
pub(super) fn hand_out_carry(
    piece: &mut Piece,
    adder: &Adder,
    v: &[u64],
    extra: &[u64],
) -> Result<[RingVec<u64>; 2], Error> {
    let w = piece.words();
    let tables = one_hot(adder, v, w, extra);
    piece.hand_out(&tables, Ring::xor)?;
    let mut count = adder.digits().len();
    let mut pads = piece.both_pads::<u64>((2 * count - 1) * w)?;
    for groups in adder.levels() {
        let [mask, other] = &mut pads;
        xor(mask.as_mut_slice(), other.as_slice());
        let digits = Digits {
            planes: mask.as_slice(),
            words: w,
            digits: count,
        };
        piece.hand_out(&mask_products(groups, &digits), Ring::xor)?;
        count = groups.len();
        pads = piece.both_pads((2 * count - 1) * w)?;
    }
    Ok(pads)
}

/// A piece before the carry: u's planes, what is added to the carry, and what else is carried along.
pub(super) struct Before<X> {
    pub(super) u: RingVec<u64>,
    /// A plane that both know, if party 0 handed out a plane beside the tables: both are added.
    pub(super) add: Option<RingVec<u64>>,
    pub(super) along: X,
}

/// A piece on its way through the levels.
struct State<X> {
    digits: Masked,
    add: Option<RingVec<u64>>,
    along: X,
}

impl<R: Ring> Rep3<R> {
    /// Parties 1 and 2: the carry of `u + v`, in as many swaps as [`Adder::swaps`] says. `begin` also hears what party 0
    /// handed out, if that was not heard before.
    pub(super) fn carry<A, X>(
        &mut self,
        adder: &Adder,
        pieces: Pieces<A>,
        mut begin: impl FnMut(&mut Self, &mut Piece, A) -> Result<Before<X>, Error>,
    ) -> Result<Pieces<(Masked, X)>, Error> {
        let me = self.me;
        let last = |level: usize| level == adder.levels().len();
        // At the end: this party's part of what is added.
        let finish = move |summand: &mut RingVec<u64>, add: Option<RingVec<u64>>| {
            if let Some(add) = add {
                xor(summand.as_mut_slice(), add.as_slice());
            }
        };
        let mut states = self.swap(
            pieces,
            |this, piece, state| {
                let mut before = begin(this, piece, state)?;
                let w = piece.words();
                let tables = piece.take::<u64>(adder.table_planes() * w)?;
                if let Some(add) = &mut before.add {
                    if me != Rep3Party::P1 {
                        add.as_mut_slice().fill(0);
                    }
                    xor(add.as_mut_slice(), piece.take::<u64>(w)?.as_slice());
                }
                let mut summand = look_up(adder, me, tables.as_slice(), before.u.as_slice(), w);
                let mut add = before.add;
                if last(0) {
                    finish(&mut summand, add.take());
                }
                let (message, digits) = say_masked(piece, summand)?;
                Ok((message, (digits, add, before.along)))
            },
            |_, (digits, add, along), theirs| {
                Ok(State {
                    digits: hear_masked(digits, theirs),
                    add,
                    along,
                })
            },
        )?;
        let mut count = adder.digits().len();
        for (level, groups) in adder.levels().iter().enumerate() {
            let planes: usize = groups.iter().map(Group::products).sum();
            states = self.swap(
                states,
                |_, piece, mut state| {
                    let w = piece.words();
                    let products = piece.take::<u64>(planes * w)?;
                    let mut summand =
                        evaluate(groups, me, &state.digits, count, products.as_slice(), w);
                    if last(level + 1) {
                        finish(&mut summand, state.add.take());
                    }
                    let (message, digits) = say_masked(piece, summand)?;
                    Ok((message, State { digits, ..state }))
                },
                |_, state, theirs| {
                    let digits = hear_masked(state.digits, theirs);
                    Ok(State { digits, ..state })
                },
            )?;
            count = groups.len();
        }
        Ok(states
            .into_iter()
            .map(|(piece, s)| (piece, (s.digits, s.along)))
            .collect())
    }

    /// Conjunctions of bit tensors.
    pub(super) fn and_bits(
        &mut self,
        pairs: &[(&Rep3Bits, &Rep3Bits)],
    ) -> Result<Vec<Rep3Bits>, Error> {
        for (a, b) in pairs {
            if a.len() != b.len() {
                return Err(Error::Length {
                    what: "bits of a conjunction",
                    got: b.len(),
                    want: a.len(),
                });
            }
        }
        let me = self.me;
        let lens: Vec<usize> = pairs.iter().map(|(a, _)| a.len()).collect();
        let mut out = Planes::new(me, &lens);
        let pieces = self.pieces(lens.iter().copied(), 1, |n| 8 * n.div_ceil(64))?;
        let operands = |piece: &Piece| {
            let pair = pairs.get(piece.tensor);
            pair.map(|(a, b)| [bits_of(piece, a), bits_of(piece, b)])
                .unwrap_or_default()
        };
        if me == Rep3Party::P0 {
            for mut piece in pieces {
                // Masks, from components 0 and 1.
                let [(a0, a1), (b0, b1)] = operands(&piece);
                let (mut a, mut b) = (RingVec::from(a0.to_vec()), RingVec::from(b0.to_vec()));
                xor(a.as_mut_slice(), a1);
                xor(b.as_mut_slice(), b1);
                piece.hand_out(&and(a.as_slice(), b.as_slice()), Ring::xor)?;
                let pads = piece.both_pads::<u64>(piece.words())?;
                out.put(&piece, pads);
                self.send_hand(piece)?;
            }
        } else {
            let pieces = pieces.into_iter().map(|p| (p, ())).collect();
            self.swap(
                pieces,
                |this, piece, ()| {
                    let w = piece.words();
                    this.hear_hand(piece)?;
                    let mut z = piece.take::<u64>(w)?;
                    let [a, b] = operands(piece);
                    // (open, pad), as this party holds them.
                    let [(ao, ap), (bo, bp)] = match me {
                        Rep3Party::P0 | Rep3Party::P1 => [(a.1, a.0), (b.1, b.0)],
                        Rep3Party::P2 => [a, b],
                    };
                    lanes::zip4(z.as_mut_slice(), ao, ap, bo, bp, |z, ao, ap, bo, bp| {
                        z ^ (ao & bp) ^ (ap & bo)
                    });
                    if me == Rep3Party::P1 {
                        lanes::zip2(z.as_mut_slice(), ao, bo, |z, a, b| z ^ (a & b));
                    }
                    say_masked(piece, z)
                },
                |piece, ours, theirs| {
                    let z = hear_masked(ours, theirs);
                    out.put(piece, [z.pad, z.open]);
                    Ok(())
                },
            )?;
        }
        out.into_bits()
    }
}

/// Words of both components of a bit tensor that a piece covers.
pub(super) fn bits_of<'a>(piece: &Piece, b: &'a Rep3Bits) -> (&'a [u64], &'a [u64]) {
    let range = piece.range.start / 64..piece.range.end.div_ceil(64);
    let (mine, next) = b.raw_components();
    let part = |v: &'a BitVec| v.words().get(range.clone()).unwrap_or_default();
    (part(mine), part(next))
}

/// Bit tensors, put together piece by piece, in order.
pub(super) struct Planes {
    me: Rep3Party,
    tensors: Vec<(usize, [RingVec<u64>; 2])>,
}

impl Planes {
    pub(super) fn new(me: Rep3Party, lens: &[usize]) -> Self {
        let room = |n: usize| RingVec::with_capacity(n.div_ceil(64));
        Self {
            me,
            tensors: lens.iter().map(|n| (*n, [room(*n), room(*n)])).collect(),
        }
    }

    /// Party 0: components 0 and 1. Parties 1 and 2: pad, and what both know.
    pub(super) fn put(&mut self, piece: &Piece, [a, b]: [RingVec<u64>; 2]) {
        let parts = match self.me {
            Rep3Party::P0 | Rep3Party::P1 => [a, b],
            Rep3Party::P2 => [b, a],
        };
        if let Some((_, all)) = self.tensors.get_mut(piece.tensor) {
            for (all, part) in all.iter_mut().zip(parts) {
                debug_assert_eq!(64 * all.len(), piece.range.start);
                all.extend_from_slice(part.as_slice());
            }
        }
    }

    pub(super) fn into_bits(self) -> Result<Vec<Rep3Bits>, Error> {
        let me = self.me;
        self.tensors
            .into_iter()
            .map(|(n, [mine, next])| {
                let bits = |words: RingVec<u64>| BitVec::from_words(n, words.into_vec());
                let (mine, next) = (bits(mine), bits(next));
                Ok(Rep3Bits::from_raw_components(me, mine, next)?)
            })
            .collect()
    }
}
