//! The messages of every step, for [`crate::plan`]: the same order, senders and lengths as in the protocols' files.

use piquet_core::wire::SessionId;
use piquet_secret_sharing::Rep3Party;
use piquet_secret_sharing::fixed::local_truncation_failure;
use piquet_secret_sharing::replicated::SeededShape;

use super::compare::{handed_planes, window};
use super::conjunction::joined;
use super::decompose;
use super::linear::shared_len;
use super::piece::seeded;
use crate::engine::{LinearOp, MatMul, Power, Rescale, Truncation};
use crate::ledger::Phase;
use crate::parts::adder::Adder;
use crate::parts::pieces::{AHEAD, ranges};
use crate::plan::Plan;
use crate::walk::{Products, Visitor};

/// Index of the client among the peers of a plan.
const CLIENT: usize = 3;

/// Adds up the messages of three parties and a client.
#[derive(Debug)]
pub struct Rep3Cost {
    plan: Plan,
    /// Bytes of a ring element.
    word: usize,
    failure: f64,
    macs: u64,
    weights: u64,
    /// Most elements that a step works on beside the weights: operands and result, two components each, and summands.
    working: u64,
    /// Pads drawn.
    draws: u64,
}

/// What a party holds beside shares: code, stacks, buffers of connections, and messages that came early.
const PROCESS_BYTES: u64 = 32 << 20;

impl Rep3Cost {
    /// Nothing yet, after the handshake, for arithmetic in Z_2^width.
    #[must_use]
    pub fn new(width: u32) -> Self {
        Self {
            // The parties have agreed on seeds, a round in which the client has no part.
            plan: Plan::since(vec![1, 1, 1, 0]),
            word: width.div_ceil(8) as usize,
            failure: 0.0,
            macs: 0,
            weights: 0,
            working: 0,
            draws: 0,
        }
    }
    /// What was added up.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Bound on the probability that a local truncation wraps anywhere: the sum over all values.
    #[must_use]
    pub fn truncation_failure(&self) -> f64 {
        self.failure.min(1.0)
    }
    /// Multiply-accumulates of all parties together: five products.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.macs
    }
    /// Estimate of the memory of party 1 or 2 (party 0 needs half as much for weights): two components of all weights,
    /// packed, and what the largest step works on.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        PROCESS_BYTES + self.word as u64 * (2 * self.weights + self.working)
    }

    fn works_on(&mut self, elements: usize) {
        self.working = self.working.max(elements as u64);
    }
    /// So many planes of bits.
    fn works_on_planes(&mut self, lens: &[usize], planes: usize) {
        self.works_on(8 * joined(lens) * planes / self.word);
    }

    /// The client shares a vector.
    fn share(&mut self, len: usize) {
        let word = self.word;
        let bytes = |party: Rep3Party| {
            let shape = SeededShape {
                session: SessionId([0; 32]),
                step: 0,
                party,
                len,
            };
            let known = match word {
                4 => shape.encoded_len::<u32>(),
                _ => shape.encoded_len::<u64>(),
            };
            known.unwrap_or(usize::MAX)
        };
        let messages: Vec<_> = Rep3Party::ALL
            .iter()
            .map(|p| (CLIENT, p.index(), bytes(*p)))
            .collect();
        self.plan.step(&messages);
    }
    /// Party 0 hands out, once in a step: for each piece a message to the one of parties 1 and 2 that does not expand it.
    fn hand(&mut self, lens: &[usize], bytes: impl Fn(usize) -> usize) {
        self.hand_of(lens, |_, n| bytes(n));
    }
    /// As [`Self::hand`], where it depends on the tensor how many bytes are handed out.
    fn hand_of(&mut self, lens: &[usize], bytes: impl Fn(usize, usize) -> usize) {
        let messages: Vec<_> = ranges(lens.iter().copied())
            .zip(self.draws..)
            .map(|((tensor, range), pad)| {
                let to = seeded(pad).other().party().index();
                (0, to, bytes(tensor, range.len()))
            })
            .collect();
        self.draws += messages.len() as u64;
        self.plan.step(&messages);
    }
    /// Parties 1 and 2 swap.
    fn swap(&mut self, lens: &[usize], bytes: impl Fn(usize) -> usize) {
        let pieces: Vec<usize> = ranges(lens.iter().copied())
            .map(|(_, range)| bytes(range.len()))
            .collect();
        for window in pieces.chunks(AHEAD + 1) {
            let messages: Vec<_> = window
                .iter()
                .flat_map(|bytes| [(1, 2, *bytes), (2, 1, *bytes)])
                .collect();
            self.plan.step(&messages);
        }
    }
    fn carry(&mut self, lens: &[usize], adder: &Adder) {
        for planes in adder.swaps() {
            self.swap(lens, |n| 8 * planes * n.div_ceil(64));
        }
    }
    fn truncate(&mut self, lens: &[usize], r: Rescale) {
        let n: usize = lens.iter().sum();
        let word = self.word;
        let s = r.shift as usize;
        let narrow = match s {
            0..=8 => 1,
            9..=16 => 2,
            17..=32 => 4,
            _ => 8,
        };
        if s > 0 && r.mode == Truncation::Local {
            let before = r.to.with_bound(r.to.bound() + r.shift);
            let one = before.map_or(1.0, |f| local_truncation_failure(f, r.shift, f.width()));
            self.failure += n as f64 * one;
            for n in lens {
                let bytes = word * n;
                self.plan.step(&[(0, 1, bytes), (2, 1, bytes)]);
                self.plan.step(&[(1, 2, bytes)]);
                self.draws += 1;
            }
            return;
        }
        self.swap(lens, |n| word * n);
        match (s, r.mode) {
            (0, _) => self.hand(lens, |n| word * n),
            (_, Truncation::Stochastic | Truncation::Local) => {
                self.hand(lens, |n| (word + narrow) * n);
                self.swap(lens, |n| narrow * n);
            }
            (_, Truncation::Exact | Truncation::Nearest) => {
                let adder = Adder::new(s);
                self.hand(lens, |n| {
                    (2 * word + narrow) * n + 8 * adder.handed_planes() * n.div_ceil(64)
                });
                self.carry(lens, &adder);
                self.swap(lens, |n| word * n);
            }
        }
    }
}

impl Visitor for Rep3Cost {
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
        self.weights += shared_len(op) as u64;
        // A message, two components, and two packed: only the last stay.
        self.works_on(3 * shared_len(op));
        self.share(shared_len(op));
    }
    fn bias(&mut self, elements: usize) {
        self.weights += elements as u64;
        self.share(elements);
    }
    fn input(&mut self, elements: usize) {
        self.share(elements);
    }
    fn reveal(&mut self, elements: usize) {
        self.plan.step(&[
            (0, CLIENT, self.word * elements),
            (1, CLIENT, self.word * elements),
        ]);
    }
    fn linear(&mut self, op: &LinearOp, operands: usize, rescale: Rescale) {
        self.macs += 5 * op.shape.macs() * operands as u64;
        // Operand, summand, what was opened of it, result.
        self.works_on(operands * (2 * op.shape.input_len() + 4 * op.shape.output_len()));
        self.truncate(&vec![op.shape.output_len(); operands], rescale);
    }
    fn mul(&mut self, products: &Products, rescale: Rescale) {
        let operands = products.lens();
        self.works_on(7 * operands.iter().sum::<usize>());
        self.truncate(&operands, rescale);
    }
    fn dot(&mut self, products: &Products, rescale: Rescale) {
        let lens = products.lens();
        let reach = |(n, sum): (&usize, &Vec<_>)| n * (4 * sum.len() + 5);
        self.works_on(lens.iter().zip(products.sums()).map(reach).sum());
        self.truncate(&lens, rescale);
    }
    fn matmul(&mut self, op: &MatMul, products: &Products, rescale: Rescale) {
        let operands = products.lens().len();
        self.macs += 5 * op.macs() * operands as u64;
        let [left, right, out] = op.lens();
        // Operands, and one right matrix of each component as its kernel reads it.
        let packed = 3 * right / op.batch.max(1);
        self.works_on(operands * (2 * (left + right) + 4 * out) + packed);
        self.truncate(&vec![out; operands], rescale);
    }
    fn bits(&mut self, operands: &[usize], range: core::ops::Range<u32>) {
        let prefix = decompose::prefix(&range);
        let handed = decompose::handed_planes(&prefix);
        let said: usize = (0..prefix.steps()).map(|s| prefix.said(s)).sum();
        // What each knows, what was handed out and is kept, and two components of all that was said, the bits among it.
        self.works_on_planes(operands, range.end as usize + handed + 2 * said);
        self.hand(operands, |n| 8 * handed * n.div_ceil(64));
        for step in 0..prefix.steps() {
            self.swap(operands, |n| 8 * prefix.said(step) * n.div_ceil(64));
        }
    }
    fn weigh(&mut self, operands: &[(usize, usize)], sums: usize) {
        let word = self.word;
        let lens: Vec<usize> = operands.iter().map(|(n, _)| *n).collect();
        self.works_on(2 * sums * lens.iter().sum::<usize>());
        let bits = |tensor: usize| operands.get(tensor).map_or(0, |(_, bits)| *bits);
        self.hand_of(&lens, |tensor, n| word * n * bits(tensor));
        self.swap(&lens, |n| word * n * sums);
    }
    fn power(&mut self, operands: &[usize], power: &Power) -> bool {
        let Some(rescale) = power.rescale() else {
            return false;
        };
        self.works_on((4 + power.words()) * operands.iter().sum::<usize>());
        let bytes = power.words() * self.word;
        self.hand(operands, |n| bytes * n);
        self.truncate(operands, rescale);
        true
    }
    fn rescale(&mut self, operands: &[usize], rescale: Rescale) {
        self.works_on(4 * operands.iter().sum::<usize>());
        self.truncate(operands, rescale);
    }
    fn compare(&mut self, operands: &[usize], bound: u32) {
        let window = window(core::iter::once(bound));
        let adder = Adder::new(window - 1);
        self.works_on_planes(operands, window + handed_planes(&adder));
        self.hand(operands, |n| 8 * handed_planes(&adder) * n.div_ceil(64));
        self.carry(operands, &adder);
    }
    fn and(&mut self, operands: &[usize]) {
        let words = [joined(operands)];
        // Two components of two operands and of the result, and what was handed out.
        self.works_on_planes(operands, 7);
        self.hand(&words, |n| 8 * n);
        self.swap(&words, |n| 8 * n);
    }
    fn select(&mut self, operands: &[usize]) {
        self.works_on(4 * operands.iter().sum::<usize>());
        let word = self.word;
        self.hand(operands, |n| 2 * word * n);
        self.swap(operands, |n| word * n);
    }
    fn to_arith(&mut self, operands: &[usize]) {
        self.works_on(3 * operands.iter().sum::<usize>());
        let word = self.word;
        self.hand(operands, |n| word * n);
        self.swap(operands, |n| word * n);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Format;
    use crate::transport::frame::wire_len;

    /// Bits over all parties, and swaps.
    fn carry(m: usize) -> (usize, u32) {
        let adder = Adder::new(m);
        let swapped: usize = adder.swaps().sum();
        let bits = adder.handed_planes() + 2 * swapped;
        (bits, adder.swaps().count() as u32)
    }

    /// Payload bits per element and rounds of one step over 64 elements.
    fn cost(k: u32, step: impl Fn(&mut Rep3Cost)) -> (usize, u32) {
        let mut c = Rep3Cost::new(k);
        step(&mut c);
        let total = c.plan.total(Phase::Setup);
        let framing = total.messages * wire_len(0);
        ((total.bytes - framing) as usize * 8 / 64, total.rounds)
    }

    /// The bits, and at most the rounds: party 0 waits for less than the others do, which may save one.
    fn holds(got: (usize, u32), bits: usize, rounds: u32) {
        assert_eq!(got.0, bits);
        assert!((rounds - 1..=rounds).contains(&got.1), "{got:?} {rounds}");
    }

    /// The table on the engine's page.
    #[test]
    fn formulas_of_the_page() {
        for k in [32u32, 64] {
            let bits = k as usize;
            for s in [1usize, 8, 9, 14, 17, 30] {
                let to = Format::new(k, 0, 1).unwrap();
                let rescale = |mode| Rescale {
                    shift: s as u32,
                    mode,
                    to,
                };
                let narrow = s.next_power_of_two().max(8);
                let of = |mode| cost(k, |c| c.rescale(&[64], rescale(mode)));
                assert_eq!(of(Truncation::Stochastic), (3 * bits + 3 * narrow, 2));
                assert_eq!(of(Truncation::Local), (3 * bits, 2));
                let (carry, swaps) = carry(s);
                let exact = (6 * bits + narrow + carry, 2 + swaps);
                for mode in [Truncation::Exact, Truncation::Nearest] {
                    assert_eq!(of(mode), exact);
                }
            }
            for w in [3usize, 18, 31, 32] {
                let got = cost(k, |c| c.compare(&[64], w as u32 - 1));
                let (carry, swaps) = carry(w - 1);
                holds(got, 1 + carry, 1 + swaps);
            }
            let carries = [3, 8, 12, 16, 20, 24, 31, 40, 48, 63].map(carry);
            let page = [9, 34, 59, 91, 103, 132, 173, 228, 286, 356];
            let swaps = [1, 2, 2, 2, 3, 3, 3, 3, 3, 4];
            assert_eq!(carries.map(|c| c.0), page);
            assert_eq!(carries.map(|c| c.1), swaps);
            assert_eq!(cost(k, |c| c.select(&[64])), (4 * bits, 2));
            assert_eq!(cost(k, |c| c.to_arith(&[64])), (3 * bits, 2));
            holds(cost(k, |c| c.and(&[64])), 3, 2);
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
                let want = bits * (1 << high) + 3 * bits + 3 * narrow;
                let of = |power: &Power| cost(k, |c| assert!(c.power(&[64], power)));
                holds(of(&power), want, 3);
                let mode = Truncation::Exact;
                let none = cost(k, |c| assert!(!c.power(&[64], &Power { mode, ..power })));
                assert_eq!(none, (0, 0), "no protocol of its own");
            }
        }
    }

    /// The rest of it: what functions ask for.
    #[test]
    fn formulas_of_functions() {
        for k in [32u32, 64] {
            let bits = k as usize;
            for (m, t) in [(1, 1), (20, 3)] {
                let got = cost(k, |c| c.weigh(&[(64, m)], t));
                assert_eq!(got, ((m + 2 * t) * bits, 2));
            }
            let got = PLACES.map(|(lo, hi)| cost(k, |c| c.bits(&[64], lo..hi)));
            let page = [16, 45, 97, 118, 206, 289, 397, 485, 677, 158, 236, 546];
            let swaps = [1, 2, 2, 3, 3, 3, 4, 4, 4, 3, 3, 4];
            assert_eq!(got.map(|c| c.0), page);
            got.iter()
                .zip(swaps)
                .for_each(|(c, swaps)| holds(*c, c.0, 1 + swaps));
            let rescale = Rescale {
                shift: 12,
                mode: Truncation::Stochastic,
                to: Format::new(k, 4, 20).unwrap(),
            };
            let one = cost(k, |c| c.rescale(&[64], rescale));
            let pairs = Products::pairs(&[64]);
            assert_eq!(cost(k, |c| c.mul(&pairs, rescale)), one);
            let x = vec![0u8; 64];
            let (sum, _) = Products::of([[(&x, &x), (&x, &x)]], Vec::len);
            assert_eq!(cost(k, |c| c.dot(&sum, rescale)), one);
            let op = MatMul {
                batch: 2,
                rows: 4,
                inner: 100,
                columns: 8,
                transposed: false,
            };
            assert_eq!(cost(k, |c| c.matmul(&op, &pairs, rescale)), one);
        }
    }

    /// Ranges of bits on the engine's page.
    const PLACES: [(u32, u32); 12] = [
        (0, 4),
        (0, 8),
        (0, 12),
        (0, 16),
        (0, 24),
        (0, 30),
        (0, 40),
        (0, 48),
        (0, 63),
        (16, 24),
        (16, 30),
        (32, 63),
    ];

    /// Decompositions, comparisons and conjunctions of many need memory, for their results at least.
    #[test]
    fn bits_are_held_in_memory() {
        let n = 1 << 20;
        let memory = |step: &dyn Fn(&mut Rep3Cost)| {
            let mut c = Rep3Cost::new(64);
            step(&mut c);
            c.memory_bytes() - PROCESS_BYTES
        };
        let planes = |count: u64| count * n as u64 / 8;
        assert!(memory(&|c| c.bits(&[n], 0..63)) > planes(2 * 63));
        assert!(memory(&|c| c.compare(&[n], 40)) > planes(41));
        assert!(memory(&|c| c.and(&[n])) >= planes(6));
        assert!(memory(&|c| c.to_arith(&[n])) >= 16 * n as u64);
    }

    /// Pairs of bits join at words, whatever their number.
    #[test]
    fn conjunctions_of_many_are_few_messages() {
        let mut c = Rep3Cost::new(64);
        c.and(&[100_000; 40]);
        let total = c.plan.total(Phase::Setup);
        let words = 40 * 1563;
        assert_eq!(total.messages, 3 * 2);
        assert_eq!(total.bytes - 6 * wire_len(0), 3 * 8 * words);
    }
}
