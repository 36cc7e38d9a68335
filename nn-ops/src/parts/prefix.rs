//! Bits of a sum u + v, where a dealer knows v and those who compute know u: all carries, not the last alone.
//!
//! Digits of at most 4 bits are looked up ([`digit`](super::digit)): generate and propagate bits of each, its bits
//! without a carry into it, and which of them such a carry reaches. Generate and propagate bits are masked and
//! opened, and prefixes of up to four digits are polynomials of them whose coefficients are dealt products of masks,
//! as in [`gates`](super::gates); a second level does the same with groups of digits. The last step adds the carry c
//! into a digit to its bits, `s_i = s'_i ^ t_i c`. There c is a masked bit `o ^ mu`, so that `t_i c = o t_i ^ mu
//! t_i`, and `mu t_i` is looked up in the one-hot vector of v's digit times mu, which the dealer knows and deals. Or
//! c is not opened at all but `G ^ P C`, a prefix inside a group and the carry into the group, which takes a swap
//! less: `c = (o_G ^ o_P o_C) ^ (o_P mu_C ^ o_C mu_P ^ (mu_G ^ mu_P mu_C))`, and t_i times each of the three terms in
//! mu is looked up.
//!
//! (A prefix adder of radix 4 over one-time truth tables: Ishai, Kushilevitz, Meldgaard, Orlandi, Paskin-Cherniavsky,
//! TCC 2013; gates of several inputs as in ABY2.0, eprint 2020/1225.)
//!
//! A step is what is dealt, what each party says, and what it hears. The dealer calls [`Prefix::deal`], the others
//! [`Prefix::summand`]; both keep masks of what was said in [`Wires`]. What is said at the end are the bits. All that
//! is opened is masked by pads that mask nothing else, and all that is dealt is a function of v and of these pads.

mod run;
mod wires;

use core::ops::Range;

use piquet_core::{RingVec, lanes};

use super::digit::{Digit, through_times};
use super::gates::{and, hot, xor};
use super::planes::plane;
use run::{Link, Run, run};
use wires::{Dealt, Wire};

pub(crate) use wires::{State, Wires};

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
        0..=4 => 1,
        5..=12 => 3,
        13..=30 => 9,
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

    /// Dealer: what is dealt for a step. `v` has a plane for each place up to the last wanted; `masks` hold those of
    /// the steps before.
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

    /// This party's summand of what is said at the end of a step; `one` is set at the one who adds what is public,
    /// `u` has as many planes as v.
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
                let mut top = core::mem::take(&mut digit.generate);
                lanes::zip3(top.as_mut_slice(), v, u, one, |c, v, u, one| {
                    c ^ v ^ (u & one)
                });
                digit.sums.push(top);
                let through = core::mem::take(&mut digit.propagate);
                digit.through.push(through);
            }
            low += m;
            if low > self.first {
                state.digits.push(digit);
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
        for (digit, (d, low, wanted)) in looked_up.into_iter().zip(self.wanted()) {
            let (mut sums, through) = (digit.sums, digit.through);
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

#[cfg(test)]
mod tests;
