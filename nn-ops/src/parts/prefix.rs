//! Bits of a sum u + v, where a dealer knows v and those who compute know u: all carries, not the last alone.
//!
//! Digits of at most 4 bits are looked up ([`digit`](super::digit)): generate and propagate bits of each, its bits without a carry
//! into it, and which of them such a carry reaches. Generate and propagate bits are masked and opened, and prefixes of up to
//! four digits are polynomials of them whose coefficients are dealt products of masks, as in [`gates`](super::gates); a second
//! level does the same with groups of digits. The last step adds the carry c into a digit to its bits, `s_i = s'_i ^ t_i c`. There
//! c is a masked bit `o ^ mu`, so that `t_i c = o t_i ^ mu t_i`, and `mu t_i` is looked up in the one-hot vector of v's
//! digit times mu, which the dealer knows and deals. Or c is not opened at all but `G ^ P C`, a prefix inside a group and
//! the carry into the group, which takes a swap less: `c = (o_G ^ o_P o_C) ^ (o_P mu_C ^ o_C mu_P ^ (mu_G ^ mu_P mu_C))`, and t_i times
//! each of the three terms in mu is looked up.
//!
//! (A prefix adder of radix 4 over one-time truth tables: Ishai, Kushilevitz, Meldgaard, Orlandi, Paskin-Cherniavsky, TCC 2013;
//! gates of several inputs as in ABY2.0, eprint 2020/1225.)
//!
//! A step is what is dealt, what each party says, and what it hears. The dealer calls [`Prefix::deal`], the others
//! [`Prefix::summand`]; both keep masks of what was said in [`Wires`]. What is said at the end are the bits. All that is
//! opened is masked by pads that mask nothing else, and all that is dealt is a function of v and of these pads.

use core::ops::Range;
use std::collections::VecDeque;

use piquet_core::{RingVec, lanes};

use super::digit::{Digit, through_times};
use super::gates::{Masked, and, hot, subsets, xor};
use super::planes::plane;

/// A bit that was opened under a mask: what step said it, and where among what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wire {
    step: usize,
    plane: usize,
}

/// Generate and propagate bits of a digit or group; the lowest does not propagate.
#[derive(Debug, Clone, Copy)]
struct Link {
    generate: Wire,
    propagate: Option<Wire>,
}

/// Neighbours, lowest first, whose prefixes are computed.
#[derive(Debug)]
struct Run {
    links: Vec<Link>,
    /// Which prefixes longer than one are wanted.
    wanted: Vec<bool>,
}

/// The carry into a digit.
#[derive(Debug, Clone, Copy)]
enum Carry {
    None,
    Is(Wire),
    /// Out of a prefix, into which goes a carry.
    Through(Link, Wire),
}

/// How some bits of a sum are computed.
#[derive(Debug)]
pub(crate) struct Prefix {
    digits: Vec<usize>,
    /// First wanted place.
    first: usize,
    levels: Vec<Vec<Run>>,
    /// Into every digit; of those below the first wanted place it is not asked.
    carries: Vec<Carry>,
}

/// Most links of a run.
const RADIX: usize = 4;

/// `n` split as evenly as it goes into `parts`, the larger first.
fn even(n: usize, parts: usize) -> impl Iterator<Item = usize> {
    (0..parts).map(move |i| n / parts + usize::from(i < n % parts))
}

/// Digits for so many places: of 3 bits, which are the cheapest, or of 4 where they save a swap.
fn count(places: usize) -> usize {
    let most = match places {
        ..=4 => 1,
        ..=12 => 3,
        ..=30 => 9,
        _ => 21,
    };
    places.div_ceil(3).min(most)
}

impl Prefix {
    /// For the bits of these places, at most 64.
    pub(crate) fn new(places: Range<usize>) -> Self {
        let digits: Vec<usize> = even(places.end, count(places.end)).collect();
        // Digits that a carry leaves, and the first whose carry is wanted.
        let n = digits.len() - 1;
        let mut below = 0;
        let holds_first = |m: &usize| {
            below += m;
            below > places.start
        };
        let first_digit = digits.iter().position(holds_first).unwrap_or(0);
        let wanted = first_digit.saturating_sub(1);
        let mut links: Vec<Link> = (0..n)
            .map(|i| {
                let at = |plane| Wire { step: 0, plane };
                Link {
                    generate: at(i),
                    propagate: (i > 0).then(|| at(n + i - 1)),
                }
            })
            .collect();
        let size = if n < 3 { 1 } else { RADIX };
        let groups: Vec<Range<usize>> = (0..n.div_ceil(size))
            .map(|i| i * size..((i + 1) * size).min(n))
            .collect();
        let mut levels = Vec::new();
        if size > 1 {
            let step = levels.len() + 1;
            let mut plane = 0;
            let mut runs = Vec::new();
            for (j, group) in groups.iter().enumerate() {
                let last = group.end - 1;
                let needed = |i: usize| i >= wanted || (i == last && j + 1 < groups.len());
                if let Some(run) = run(links.get_mut(group.clone()), step, &mut plane, |i| {
                    needed(group.start + i)
                }) {
                    runs.push(run);
                }
            }
            levels.push(runs);
        }
        // Carries out of groups, but the last.
        let mut out: Vec<Link> = groups
            .iter()
            .rev()
            .skip(1)
            .rev()
            .filter_map(|g| links.get(g.end - 1).copied())
            .collect();
        let goes_into = |j: usize| groups.get(j + 1).is_some_and(|g| g.end > wanted);
        let (step, mut plane) = (levels.len() + 1, 0);
        if let Some(run) = run(Some(&mut out), step, &mut plane, goes_into) {
            levels.push(vec![run]);
        }
        let mut carries = vec![Carry::None];
        for (j, group) in groups.iter().enumerate() {
            for i in group.clone() {
                let link = links.get(i).copied();
                let into = j.checked_sub(1).and_then(|j| out.get(j));
                let after = match (link, into, out.get(j)) {
                    (_, _, Some(all)) if i + 1 == group.end => Carry::Is(all.generate),
                    (Some(link), Some(into), _) => Carry::Through(link, into.generate),
                    (Some(link), None, _) => Carry::Is(link.generate),
                    (None, ..) => Carry::None,
                };
                carries.push(after);
            }
        }
        Self {
            digits,
            first: places.start,
            levels,
            carries,
        }
    }

    /// Bits that are asked for.
    pub(crate) fn places(&self) -> usize {
        self.digits.iter().sum::<usize>() - self.first
    }

    /// Digits that have wanted places: which one, its lowest place, and the first wanted of its places.
    fn wanted(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let mut below = 0;
        self.digits.iter().enumerate().filter_map(move |(d, m)| {
            let low = below;
            below += m;
            (below > self.first).then(|| (d, low, self.first.saturating_sub(low)))
        })
    }

    /// Steps, each with one opening at the end.
    pub(crate) fn steps(&self) -> usize {
        match self.digits.len() {
            1 => 1,
            _ => self.levels.len() + 2,
        }
    }

    /// Planes that are dealt for a step.
    pub(crate) fn dealt(&self, step: usize) -> usize {
        let mut planes = 0;
        if step == 0 {
            let lower = self.digits.iter().map(|m| (1 << m) - 1).sum::<usize>();
            planes += lower - (1 << (self.size(self.digits.len() - 1) - 1)) + 1;
        }
        if let Some(runs) = step.checked_sub(1).and_then(|l| self.levels.get(l)) {
            planes += runs.iter().map(Run::products).sum::<usize>();
        }
        if step + 1 == self.steps() {
            planes += self
                .wanted()
                .map(|(d, ..)| {
                    let table = (1 << (self.size(d) - 1)) - 1;
                    match self.carry(d) {
                        Carry::None => 0,
                        Carry::Is(_) => table,
                        Carry::Through(..) => 3 * table + 1,
                    }
                })
                .sum::<usize>();
        }
        planes
    }

    /// Planes that are said at the end of a step. In the last they are the bits.
    pub(crate) fn said(&self, step: usize) -> usize {
        if step + 1 == self.steps() {
            return self.places();
        }
        match step.checked_sub(1).and_then(|l| self.levels.get(l)) {
            Some(runs) => runs.iter().map(Run::said).sum(),
            None => 2 * (self.digits.len() - 1) - 1,
        }
    }

    fn size(&self, digit: usize) -> usize {
        self.digits.get(digit).copied().unwrap_or(1)
    }

    fn carry(&self, digit: usize) -> Carry {
        self.carries.get(digit).copied().unwrap_or(Carry::None)
    }

    /// Dealer: what is dealt for a step. `v` has a plane for each place up to the last wanted; `masks` hold those of the steps before.
    pub(crate) fn deal(&self, step: usize, v: &[u64], masks: &Wires) -> RingVec<u64> {
        let words = masks.words;
        let mut out = RingVec::with_capacity(self.dealt(step) * words);
        if step == 0 {
            let (mut low, last) = (0, self.digits.len() - 1);
            for (d, &m) in self.digits.iter().enumerate() {
                if d < last {
                    hot(v, words, low..low + m, &mut out);
                } else {
                    // No carry leaves the highest place, so that v's bit there suffices.
                    hot(v, words, low..low + m - 1, &mut out);
                    out.extend_from_slice(plane(v, words, low + m - 1));
                }
                low += m;
            }
        }
        if let Some(runs) = step.checked_sub(1).and_then(|l| self.levels.get(l)) {
            for run in runs {
                run.deal(masks, &mut out);
            }
        }
        if step + 1 == self.steps() {
            let mut table = RingVec::zeros(0);
            for (d, low, _) in self.wanted() {
                table.clear();
                hot(v, words, low..low + self.size(d) - 1, &mut table);
                let mut times = |bit: &[u64]| {
                    for e in table.as_slice().chunks_exact(words.max(1)) {
                        out.extend_from_slice(and(e, bit).as_slice());
                    }
                };
                match self.carry(d) {
                    Carry::None => {}
                    Carry::Is(c) => times(masks.get(c)),
                    Carry::Through(link, c) => {
                        let c = masks.get(c);
                        let p = masks.maybe(link.propagate);
                        times(c);
                        times(p);
                        let mut rest = and(p, c);
                        xor(rest.as_mut_slice(), masks.get(link.generate));
                        times(rest.as_slice());
                        out.extend_from_slice(rest.as_slice());
                    }
                }
            }
        }
        out
    }

    /// This party's summand of what is said at the end of a step; `one` is set at the one who adds what is public, `u` has as
    /// many planes as v.
    pub(crate) fn summand(
        &self,
        step: usize,
        one: bool,
        u: &[u64],
        dealt: &[u64],
        state: &mut State,
    ) -> RingVec<u64> {
        let words = state.open.words;
        let one = vec![if one { u64::MAX } else { 0 }; words];
        let mut dealt = Dealt { dealt, words };
        if step == 0 {
            let said = self.look_up(u, &one, &mut dealt, state);
            if self.steps() > 1 {
                return said;
            }
        }
        let mut out = RingVec::with_capacity(self.said(step) * words);
        match step.checked_sub(1).and_then(|l| self.levels.get(l)) {
            Some(runs) => {
                for run in runs {
                    run.evaluate(&one, &mut dealt, state, &mut out);
                }
            }
            None => self.finish(u, &one, &mut dealt, state, &mut out),
        }
        out
    }

    /// Generate bits of all digits but the highest, then propagate bits of those but the lowest.
    fn look_up(
        &self,
        u: &[u64],
        one: &[u64],
        dealt: &mut Dealt<'_>,
        state: &mut State,
    ) -> RingVec<u64> {
        let words = one.len();
        let left = self.digits.len() - 1;
        let mut generate = RingVec::with_capacity((2 * left.max(1) - 1) * words);
        let mut propagate = RingVec::with_capacity(left * words);
        let mut low = 0;
        for (d, &m) in self.digits.iter().enumerate() {
            let looked_up = if d < left { m } else { m - 1 };
            let table: Vec<&[u64]> = (1..1 << looked_up).map(|_| dealt.next()).collect();
            let bits: Vec<&[u64]> = (low..low + looked_up).map(|i| plane(u, words, i)).collect();
            let wanted = self.first.saturating_sub(low);
            let mut digit = Digit::look_up(&table, &bits, wanted, one);
            if d < left {
                generate.extend_from_slice(digit.generate.as_slice());
                if d > 0 {
                    propagate.extend_from_slice(digit.propagate.as_slice());
                }
            } else {
                let (u, v) = (plane(u, words, low + m - 1), dealt.next());
                let mut top = digit.generate;
                lanes::zip3(top.as_mut_slice(), v, u, one, |c, v, u, one| {
                    c ^ v ^ (u & one)
                });
                digit.sums.push(top);
                digit.through.push(digit.propagate);
            }
            low += m;
            if low > self.first {
                state.digits.push((digit.sums, digit.through));
            }
        }
        generate.extend_from_slice(propagate.as_slice());
        generate
    }

    /// Adds the carries to the bits.
    fn finish(
        &self,
        u: &[u64],
        one: &[u64],
        dealt: &mut Dealt<'_>,
        state: &mut State,
        out: &mut RingVec<u64>,
    ) {
        let words = one.len();
        let looked_up = core::mem::take(&mut state.digits);
        let (open, pad) = (&state.open, &state.pad);
        for ((mut sums, through), (d, low, wanted)) in looked_up.into_iter().zip(self.wanted()) {
            let count = (1 << (self.size(d) - 1)) - 1;
            let table = |dealt: &mut Dealt<'_>| -> Vec<RingVec<u64>> {
                (0..count)
                    .map(|_| RingVec::from(dealt.next().to_vec()))
                    .collect()
            };
            // What is public of the carry; this party's share of the rest; and of the rest times the one-hot vector.
            let (public, hidden, times) = match self.carry(d) {
                Carry::None => {
                    sums.iter()
                        .for_each(|s| out.extend_from_slice(s.as_slice()));
                    continue;
                }
                Carry::Is(c) => (
                    RingVec::from(open.get(c).to_vec()),
                    RingVec::from(pad.get(c).to_vec()),
                    table(dealt),
                ),
                Carry::Through(link, c) => {
                    let (oc, op) = (open.get(c), open.maybe(link.propagate));
                    let (mut by_c, by_p, rest) = (table(dealt), table(dealt), table(dealt));
                    for ((e, p), rest) in by_c.iter_mut().zip(&by_p).zip(&rest) {
                        let (p, rest) = (p.as_slice(), rest.as_slice());
                        lanes::zip4(e.as_mut_slice(), op, oc, p, rest, |e, op, oc, p, rest| {
                            (op & e) ^ (oc & p) ^ rest
                        });
                    }
                    let mut hidden = RingVec::from(dealt.next().to_vec());
                    let (mc, mp) = (pad.get(c), pad.maybe(link.propagate));
                    lanes::zip4(
                        hidden.as_mut_slice(),
                        op,
                        mc,
                        oc,
                        mp,
                        |h, op, mc, oc, mp| h ^ (op & mc) ^ (oc & mp),
                    );
                    let mut public = RingVec::from(open.get(link.generate).to_vec());
                    lanes::zip2(public.as_mut_slice(), op, oc, |g, op, oc| g ^ (op & oc));
                    (public, hidden, by_c)
                }
            };
            let times: Vec<&[u64]> = times.iter().map(RingVec::as_slice).collect();
            let bits: Vec<&[u64]> = (low..low + self.size(d) - 1)
                .map(|i| plane(u, words, i))
                .collect();
            let reached = through_times(&times, &bits, hidden.as_slice());
            let reached = core::iter::once(&hidden).chain(&reached).skip(wanted);
            for ((sum, through), hidden) in sums.iter_mut().zip(&through).zip(reached) {
                let (through, hidden) = (through.as_slice(), hidden.as_slice());
                lanes::zip3(
                    sum.as_mut_slice(),
                    public.as_slice(),
                    through,
                    hidden,
                    |s, o, t, h| s ^ (o & t) ^ h,
                );
                out.extend_from_slice(sum.as_slice());
            }
        }
    }
}

/// Prefixes of links, in whose place they come, where they are wanted.
fn run(
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

impl Run {
    /// Whether a carry can come into it.
    fn propagates(&self) -> bool {
        self.links.first().is_some_and(|l| l.propagate.is_some())
    }

    /// Dealt planes: products of two and more masks of propagate bits, and of one and more with each generate bit and with the
    /// lowest propagate bit.
    fn products(&self) -> usize {
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

    fn said(&self) -> usize {
        let each = if self.propagates() { 2 } else { 1 };
        each * self.wanted.iter().filter(|w| **w).count()
    }

    /// Propagate bits from the highest link down, without the lowest. A subset s of them has link k - 1 - b for bit b of s.
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

    fn deal(&self, masks: &Wires, out: &mut RingVec<u64>) {
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

    /// Horner's rule, for every subset s of the heads above at once: shares of `m_s G_i` with `G_i = g_i ^ p_i G_(i - 1)` and
    /// `p_i = o_i ^ m_i` are `o_g m_s ^ m_s m_g ^ o_i m_s G_(i - 1) ^ m_(s with i) G_(i - 1)`. The empty subset is the prefix.
    fn evaluate(&self, one: &[u64], dealt: &mut Dealt<'_>, state: &State, out: &mut RingVec<u64>) {
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
                let times = masks.iter().take(1 << above).enumerate().map(|(s, mask)| {
                    let with = match s {
                        0 => state.pad.get(tail),
                        _ => dealt.next(),
                    };
                    let mut v = RingVec::from(with.to_vec());
                    lanes::zip2(v.as_mut_slice(), open, mask, |v, o, m| v ^ (o & m));
                    v
                });
                times.collect()
            })
            .collect();
        let mut propagate = self.lowest().and_then(|_| tails.pop_back());
        let mut generate = tails.pop_front().unwrap_or_default();
        for ((link, own), wanted) in self.links.iter().skip(1).zip(tails).zip(&self.wanted) {
            let open = state.open.maybe(link.propagate);
            let step = |below: Vec<RingVec<u64>>| {
                let with = below.len() / 2;
                let mut below = below;
                let upper = below.split_off(with);
                for (v, w) in below.iter_mut().zip(&upper) {
                    lanes::zip2(v.as_mut_slice(), open, w.as_slice(), |v, o, w| (o & v) ^ w);
                }
                below
            };
            generate = step(generate);
            for (v, own) in generate.iter_mut().zip(&own) {
                xor(v.as_mut_slice(), own.as_slice());
            }
            propagate = propagate.map(step);
            if *wanted {
                for of in [Some(&generate), propagate.as_ref()].into_iter().flatten() {
                    let prefix = of.first().map(RingVec::as_slice);
                    out.extend_from_slice(prefix.unwrap_or_default());
                }
            }
        }
    }
}

/// Planes of what was said, step by step.
#[derive(Debug)]
pub(crate) struct Wires {
    words: usize,
    steps: Vec<RingVec<u64>>,
}

impl Wires {
    /// None yet, of planes of so many words.
    pub(crate) fn new(words: usize) -> Self {
        Self {
            words,
            steps: Vec::new(),
        }
    }
    /// Those of the next step.
    pub(crate) fn push(&mut self, planes: RingVec<u64>) {
        self.steps.push(planes);
    }
    fn get(&self, wire: Wire) -> &[u64] {
        let step = self.steps.get(wire.step).map(RingVec::as_slice);
        plane(step.unwrap_or_default(), self.words, wire.plane)
    }
    fn maybe(&self, wire: Option<Wire>) -> &[u64] {
        wire.map(|w| self.get(w)).unwrap_or_default()
    }
}

/// One of those who compute, between two steps.
#[derive(Debug)]
pub(crate) struct State {
    open: Wires,
    pad: Wires,
    /// Of digits with wanted places: bits without a carry into the digit, and whether one reaches them.
    digits: Vec<(Vec<RingVec<u64>>, Vec<RingVec<u64>>)>,
}

impl State {
    /// At the beginning.
    pub(crate) fn new(words: usize) -> Self {
        Self {
            open: Wires::new(words),
            pad: Wires::new(words),
            digits: Vec::new(),
        }
    }
    /// What a step opened, and this party's share of its mask.
    pub(crate) fn hear(&mut self, said: Masked) {
        self.open.push(said.open);
        self.pad.push(said.pad);
    }
}

/// This party's shares of dealt planes, in order.
struct Dealt<'a> {
    dealt: &'a [u64],
    words: usize,
}

impl<'a> Dealt<'a> {
    fn next(&mut self) -> &'a [u64] {
        let (first, rest) = self.dealt.split_at_checked(self.words).unwrap_or_default();
        self.dealt = rest;
        first
    }
}

#[cfg(test)]
mod tests;
