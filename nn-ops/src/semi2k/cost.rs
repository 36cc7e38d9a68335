//! The messages of every step, for [`crate::plan`]: the same order, senders and lengths as in the protocols' files.
//!
//! Peers are counted as parties, dealer, client. What the dealer sends for a layer stands in a row of that layer's name in the
//! offline phase.

use core::ops::Range;

use piquet_secret_sharing::fixed::local_truncation_failure;

use super::bits::adder;
use super::demand::{Spender, Steps};
use super::item::{Cut, Form, Item, narrow, sign_adder};
use super::linear::shared_len;
use super::power::cut_of;
use super::source::{SEED, Turns};
use crate::engine::{LinearOp, Rescale};
use crate::ledger::Phase;
use crate::parts::adder::Adder;
use crate::parts::pieces::{AHEAD, ranges};
use crate::plan::Plan;

/// Adds up the messages of parties, dealer and client.
pub type Semi2kCost = Steps<Costs>;

/// What [`Semi2kCost`] adds up.
#[derive(Debug)]
pub struct Costs {
    plan: Plan,
    parties: usize,
    /// Bytes of a ring element.
    word: usize,
    failure: f64,
    macs: u64,
    weights: u64,
    /// Most elements that a step works on beside the weights.
    working: u64,
    /// Bytes that the dealer sends.
    /// Of what is dealt, and of what the client shares.
    dealt: Turns,
    shared: Turns,
    sharings: u64,
}

/// What a party holds beside shares: code, stacks, buffers of connections, and messages that came early.
const PROCESS_BYTES: u64 = 32 << 20;

impl Semi2kCost {
    /// Nothing yet, after the handshake, for so many parties and arithmetic in Z_2^width.
    #[must_use]
    pub fn new(parties: usize, width: u32) -> Self {
        // The parties have agreed on seeds, a round in which dealer and client have no part.
        let mut clocks = vec![1; parties];
        clocks.extend([0, 0]);
        Self::of(
            parties,
            Costs {
                plan: Plan::since(clocks),
                parties,
                word: width.div_ceil(8) as usize,
                failure: 0.0,
                macs: 0,
                weights: 0,
                working: 0,
                dealt: Turns::new(parties),
                shared: Turns::new(parties),
                sharings: 0,
            },
        )
    }
    /// What was added up.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.spender.plan
    }
    /// Bound on the probability that a local truncation wraps anywhere: the sum over all values.
    #[must_use]
    pub fn truncation_failure(&self) -> f64 {
        self.spender.failure.min(1.0)
    }
    /// Multiply-accumulates of everyone together: two products for each party, one for the dealer.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.spender.macs
    }
    /// Estimate of the memory of a party: packed weights and their mask, what is dealt to it, and what the largest step
    /// works on.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        let Costs {
            word,
            weights,
            working,
            dealt,
            ..
        } = &self.spender;
        PROCESS_BYTES + *word as u64 * (2 * weights + working) + dealt.most()
    }
}

impl Costs {
    fn dealer(&self) -> usize {
        self.parties
    }
    fn client(&self) -> usize {
        self.parties + 1
    }

    /// Every party sends every other one so many bytes for each piece of n elements.
    fn open(&mut self, pieces: &[usize], bytes: impl Fn(usize) -> usize) {
        for window in pieces.chunks(AHEAD + 1) {
            let mut messages = Vec::new();
            for n in window {
                for from in 0..self.parties {
                    let others = (0..self.parties).filter(|to| *to != from);
                    messages.extend(others.map(|to| (from, to, bytes(*n))));
                }
            }
            self.plan.step(&messages);
        }
    }

    /// The openings of a carry.
    fn carry(&mut self, pieces: &[usize], adder: &Adder) {
        let mut count = adder.digits().len();
        for groups in adder.levels() {
            self.open(pieces, |n| 8 * (2 * count - 1) * n.div_ceil(64));
            count = groups.len();
        }
    }

    fn cut(&mut self, pieces: &[usize], cut: Cut) {
        let word = self.word;
        match cut {
            Cut::Local => {}
            Cut::Stochastic { .. } => self.open(pieces, |n| word * n),
            Cut::Exact { shift } => {
                self.open(pieces, |n| word * n);
                self.carry(pieces, &Adder::new(shift as usize));
                self.open(pieces, |n| 8 * n.div_ceil(64));
            }
        }
    }

    /// What the dealer sends.
    fn dealt(&mut self, item: &Item) {
        let mut messages = Vec::new();
        for bytes in item.corrections(self.word) {
            let to = self.dealt.next(bytes);
            messages.push((self.dealer(), to, bytes));
        }
        self.plan.step_in(Phase::Offline, &messages);
    }
}

impl Spender for Costs {
    fn phase(&mut self, phase: Phase) {
        self.plan.begin_phase(phase);
    }
    fn layer(&mut self, name: &str, op: &str) {
        self.plan.begin_layer(name, op);
    }
    fn end_layer(&mut self) {
        self.plan.end_layer();
    }
    fn weights(&mut self, op: &LinearOp) {
        self.share(shared_len(op));
        let len = op.shape.weight_len();
        self.weights += len as u64;
        // Share and mask, a copy for each other party, and the message of each.
        self.working = self.working.max(2 * self.parties as u64 * len as u64);
        let bytes = self.word * len;
        let mut messages = Vec::new();
        for from in 0..self.parties {
            let others = (0..self.parties).filter(|to| *to != from);
            messages.extend(others.map(|to| (from, to, bytes)));
        }
        self.plan.step(&messages);
    }
    fn share(&mut self, elements: usize) {
        let client = self.client();
        if self.sharings == 0 {
            let seeds: Vec<_> = (0..self.parties).map(|to| (client, to, SEED)).collect();
            self.plan.step(&seeds);
        }
        self.sharings += 1;
        let bytes = self.word * elements;
        let to = self.shared.next(bytes);
        self.plan.step(&[(client, to, bytes)]);
    }
    fn reveal(&mut self, elements: usize) {
        let client = self.client();
        let bytes = self.word * elements;
        let shares: Vec<_> = (0..self.parties)
            .map(|from| (from, client, bytes))
            .collect();
        self.plan.step(&shares);
    }
    fn item(&mut self, item: Item) {
        self.dealt(&item);
        let word = self.word;
        let elements_of = |(_, range): (usize, Range<usize>)| range.len();
        let pieces: Vec<usize> = item.ranges().map(elements_of).collect();
        let masked: Vec<usize> = ranges(item.masked()).map(elements_of).collect();
        let mut elements: usize = pieces.iter().chain(&masked).sum();
        let mut planes = 0;
        match &item {
            Item::And { .. } => elements /= 64,
            // Planes of what is opened, of all that is said, and of the bits.
            Item::Bits { range, .. } => {
                let adder = adder(range);
                let said: usize = (0..adder.steps()).map(|s| adder.said(s)).sum();
                let count = range.end as usize + 2 * said + range.len();
                planes = elements * count / (8 * self.word);
            }
            _ => {}
        }
        // Operand, mask, what was opened, result, and what waits between two openings.
        self.working = self.working.max((5 * elements + planes) as u64);
        let plane = |n: usize| 8 * n.div_ceil(64);
        match &item {
            Item::Linear {
                shape,
                operands,
                cut,
                ..
            } => {
                let products = 2 * self.parties as u64 + 1;
                self.macs += products * shape.macs() * *operands as u64;
                self.open(&masked, |n| word * n);
                self.cut(&pieces, *cut);
            }
            Item::Products {
                products,
                form,
                cut,
            } => {
                if let Form::Matrices(op) = form {
                    let one = 2 * self.parties as u64 + 1;
                    self.macs += one * op.macs() * products.sums().len() as u64;
                }
                self.open(&masked, |n| word * n);
                self.cut(&pieces, *cut);
            }
            Item::Rescale { cut, .. } => self.cut(&pieces, *cut),
            Item::Sign { window, .. } => {
                self.open(&pieces, |n| word * n);
                self.carry(&pieces, &sign_adder(*window));
            }
            Item::Bits { range, .. } => {
                self.open(&pieces, |n| narrow(range.end) * n);
                let adder = adder(range);
                for step in 1..adder.steps() {
                    self.open(&pieces, |n| adder.said(step - 1) * plane(n));
                }
            }
            Item::Relu { window, .. } => {
                self.open(&pieces, |n| word * n);
                self.carry(&pieces, &sign_adder(*window));
                self.open(&pieces, plane);
            }
            Item::And { .. } => self.open(&pieces, |n| 2 * plane(n)),
            Item::Select { .. } => self.open(&pieces, |n| word * n + plane(n)),
            Item::Integers { .. } => self.open(&pieces, plane),
            Item::Weigh { bits, .. } => self.open(&pieces, |n| bits * plane(n)),
            Item::Power { power, .. } => {
                self.open(&pieces, |n| word * n);
                self.cut(&pieces, cut_of(power));
            }
        }
    }
    fn local(&mut self, elements: usize, rescale: &Rescale) {
        let before = rescale.to.with_bound(rescale.to.bound() + rescale.shift);
        let one = before.map_or(1.0, |f| {
            local_truncation_failure(f, rescale.shift, f.width())
        });
        self.failure += elements as f64 * one;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{MatMul, Power, Truncation};
    use crate::model::Format;
    use crate::transport::frame::wire_len;
    use crate::walk::{Products, Visitor};

    /// Bits dealt, bits opened from each to each, and rounds.
    type Cost = (usize, usize, u32);

    fn carry(m: usize) -> Cost {
        let adder = Adder::new(m);
        let (mut opened, mut count) = (0, adder.digits().len());
        for groups in adder.levels() {
            opened += 2 * count - 1;
            count = groups.len();
        }
        (adder.handed_planes(), opened, adder.levels().len() as u32)
    }

    /// The ranges of bits of the page.
    fn places() -> [Range<u32>; 10] {
        let low = [4, 8, 16, 24, 32, 40, 48, 63].map(|hi| 0..hi);
        let [a, b, c, d, e, f, g, h] = low;
        [a, b, c, d, e, f, g, h, 12..40, 31..63]
    }

    fn sum(range: &Range<u32>) -> Cost {
        let adder = adder(range);
        let dealt = (0..adder.steps()).map(|i| adder.dealt(i)).sum();
        let opened = (1..adder.steps()).map(|i| adder.said(i - 1)).sum();
        (dealt, opened, adder.steps() as u32 - 1)
    }

    /// Payload bits per element and rounds of one step over 64 elements.
    fn cost(parties: usize, k: u32, step: impl Fn(&mut Semi2kCost)) -> Cost {
        let mut c = Semi2kCost::new(parties, k);
        c.phase(Phase::Online);
        step(&mut c);
        let bits = |phase| {
            let total = c.plan().total(phase);
            (total.bytes - total.messages * wire_len(0)) as usize * 8 / 64
        };
        let links = parties * (parties - 1);
        let (dealt, opened) = (bits(Phase::Offline), bits(Phase::Online));
        assert_eq!(opened % links, 0);
        (dealt, opened / links, c.plan().total(Phase::Online).rounds)
    }

    /// The tables on the engine's page.
    #[test]
    fn formulas_of_the_page() {
        for (parties, k) in [(2, 32u32), (2, 64), (3, 32), (10, 64)] {
            let bits = k as usize;
            let of = |step: &dyn Fn(&mut Semi2kCost)| cost(parties, k, step);
            for s in [0usize, 1, 8, 9, 14, 17, 30] {
                let to = Format::new(k, 0, 1).unwrap();
                let rescale = |mode| Rescale {
                    shift: s as u32,
                    mode,
                    to,
                };
                let narrow = s.next_power_of_two().max(8);
                for (_, mode) in Truncation::ALL {
                    if mode == Truncation::Local && parties > 2 {
                        continue;
                    }
                    let local = s == 0 || mode == Truncation::Local;
                    let want = match mode {
                        _ if local => (0, 0, 0),
                        Truncation::Stochastic | Truncation::Local => (bits + narrow, bits, 1),
                        Truncation::Exact | Truncation::Nearest => {
                            let (dealt, opened, rounds) = carry(s);
                            (2 * bits + narrow + dealt, bits + 1 + opened, 2 + rounds)
                        }
                    };
                    assert_eq!(of(&|c| c.rescale(&[64], rescale(mode))), want);
                    let product = if local { bits } else { want.0 };
                    let mul = of(&|c| c.mul(&Products::pairs(&[64]), rescale(mode)));
                    assert_eq!(mul, (product, 2 * bits + want.1, 1 + want.2));
                    // Three operands in six products of one sum.
                    let x = [(); 3].map(|()| vec![0u8; 64]);
                    let factors = (0..3).flat_map(|i| (0..=i).map(move |j| (i, j)));
                    let sum = [factors.map(|(i, j)| (&x[i], &x[j]))];
                    let (products, _) = Products::of(sum, Vec::len);
                    let dot = of(&|c| c.dot(&products, rescale(mode)));
                    assert_eq!(dot, (product, 3 * bits + want.1, 1 + want.2));
                    // As many elements in a result as in each operand.
                    let op = MatMul {
                        batch: 1,
                        rows: 8,
                        inner: 8,
                        columns: 8,
                        transposed: false,
                    };
                    let matmul = of(&|c| c.matmul(&op, &Products::pairs(&[64]), rescale(mode)));
                    assert_eq!(matmul, mul);
                }
            }
            for w in [3usize, 18, 31, 32] {
                let (dealt, opened, rounds) = carry(w - 1);
                let sign = of(&|c| c.compare(&[64], w as u32 - 1));
                assert_eq!(sign, (1 + dealt, bits + opened, 1 + rounds));
                let relu = of(&|c| c.relu(&[64], w as u32 - 1));
                let want = (2 * bits + 1 + dealt, bits + 1 + opened, 2 + rounds);
                assert_eq!(relu, want);
            }
            for range in places().into_iter().filter(|r| r.end < k) {
                let (dealt, opened, rounds) = sum(&range);
                let narrow = range.end.next_power_of_two().max(8) as usize;
                let got = of(&|c| c.bits(&[64], range.clone()));
                assert_eq!(got, (dealt, narrow + opened, 1 + rounds));
            }
            assert_eq!(of(&|c| c.select(&[64])), (2 * bits, bits + 1, 1));
            assert_eq!(of(&|c| c.to_arith(&[64])), (bits, 1, 1));
            assert_eq!(of(&|c| c.and(&[64])), (1, 2, 1));
            for m in [1, 5, 40] {
                assert_eq!(of(&|c| c.weigh(&[(64, m)], 3)), (m * bits, m, 1));
            }
            for (low, high) in [(3, 2), (3, 3), (1, 4)] {
                let power = Power {
                    factor: 1,
                    offset: 0,
                    frac: 40,
                    low,
                    high,
                    bias: 17,
                    precision: 19,
                    to: Format::new(k, 16, 30).unwrap(),
                    mode: Truncation::Stochastic,
                };
                let narrow = (19 + (1 << low) + 2usize).next_power_of_two();
                let got = of(&|c| assert!(c.power(&[64], &power)));
                assert_eq!(got, (bits * (1 << high) + bits + narrow, 2 * bits, 2));
                let mode = Truncation::Nearest;
                let none = of(&|c| assert!(!c.power(&[64], &Power { mode, ..power })));
                assert_eq!(none, (0, 0, 0), "no protocol of its own");
            }
        }
        let page = [
            (7, 0, 0),
            (22, 5, 1),
            (43, 7, 1),
            (75, 7, 1),
            (69, 16, 2),
            (94, 18, 2),
            (119, 26, 2),
            (158, 34, 2),
            (208, 38, 2),
            (244, 55, 3),
        ];
        assert_eq!([3, 8, 12, 16, 20, 24, 31, 40, 48, 63].map(carry), page);
        let page = [
            (8, 0, 0),
            (23, 3, 1),
            (62, 12, 2),
            (118, 20, 2),
            (171, 31, 3),
            (233, 42, 3),
            (289, 50, 3),
            (413, 69, 3),
            (224, 40, 3),
            (358, 63, 3),
        ];
        assert_eq!(places().each_ref().map(sum), page);
    }

    #[test]
    fn local_truncation_is_for_two() {
        let to = Format::z64(0, 1).unwrap();
        let mode = Truncation::Local;
        let rescale = Rescale { shift: 9, mode, to };
        let refused = |parties| {
            let mut c = Semi2kCost::new(parties, 64);
            c.rescale(&[64], rescale);
            assert!(c.truncation_failure() > 0.0);
            c.refused().map(|e| e.to_string())
        };
        assert_eq!(refused(2), None);
        assert!(refused(3).unwrap().contains("three or more"));
    }
}
