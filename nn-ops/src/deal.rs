//! What a dealer has to hand out for a program, in the order of use.
//!
//! [`demand`] walks a program as [`crate::plan`] does and writes down the correlations that its interactive steps
//! spend, so that a [`TrustedDealer`](piquet_secret_sharing::dealer::TrustedDealer) can deal, or parties can make,
//! everything before the input is there. An engine then takes one item after the other from its
//! [`Material`](piquet_secret_sharing::dealer::Material), which refuses whoever asks for something else than what is
//! due: program and demand cannot drift apart unseen.
//!
//! Which step needs what is up to the protocol suite, and so behind [`Correlations`]. [`Beaver`] is the answer for additive
//! shares over Z_2^64 and over bits that spend triples and nothing else:
//!
//! | step | spends, in this order | free |
//! |---|---|---|
//! | weights, input, reveal, everything local | nothing | |
//! | product with weights | a convolution triple for each operand, then a rescaling | |
//! | elementwise product | a triple for each element, then a rescaling | |
//! | conjunction | an AND for each bit | |
//! | comparison | the top bit of the sum of the parties' shares in `bound + 1` bits: carry-save, then a carry tree | |
//! | bits to integers | for each bit `parties - 1` triples, in a tree | |
//! | selection | bits to integers, then a triple for each element | |
//! | rescaling, exact or nearest | carry-save, the carry out of `shift` bits and the wrap around 2^64, both as integers | rounding: a public addend |
//! | rescaling, stochastic | two parties: the wrap as an integer; more: as exact | |
//! | rescaling, local | nothing; two parties only | |
//!
//! *Carry-save* takes three numbers to two with one AND for each position, in layers while more than two are left.
//! *Carry tree* over m positions: m ANDs for the generate bits, then levels that join neighbours with two ANDs, but
//! one for the lowest pair, whose propagate bit nobody reads. The wrap takes one AND: of two numbers whose sum modulo
//! 2^64 is below 2^63 (the value plus 2^62) it is the OR of their top bits. Every carry-save carry out of the same
//! position is a wrap or a carry too, which makes `parties - 1` of each.
//! Bits come in planes of whole words, each operand beginning at a word.
//!
//! An engine is free to spend less, with its own [`Correlations`]: triples whose weight mask is opened once per model, products
//! of numbers that one party knows, dealt truncation pairs or shared bits.

use piquet_secret_sharing::MAX_PARTIES;
use piquet_secret_sharing::dealer::{Demand, Item};

use crate::Error;
use crate::engine::{LinearOp, Rescale, Truncation};
use crate::ledger::Phase;
use crate::model::Program;
use crate::walk::{Visitor, Walk};

/// What the steps of an engine spend. Steps that are not named here spend nothing.
pub trait Correlations {
    /// Bits of the ring that the correlations are for.
    fn width(&self) -> u32;
    /// Products of `operands` tensors with one set of weights, rescaled.
    fn linear(
        &self,
        op: &LinearOp,
        operands: usize,
        rescale: Rescale,
        to: &mut Demand,
    ) -> Result<(), Error>;
    /// Elementwise products, rescaled.
    fn mul(&self, elements: usize, rescale: Rescale, to: &mut Demand) -> Result<(), Error>;
    /// Division by a power of two.
    fn rescale(&self, elements: usize, rescale: Rescale, to: &mut Demand) -> Result<(), Error>;
    /// Comparison with zero; elements of each operand, and the widest bound.
    fn compare(&self, operands: &[usize], bound: u32, to: &mut Demand) -> Result<(), Error>;
    /// Conjunction; bits of each operand.
    fn and(&self, operands: &[usize], to: &mut Demand) -> Result<(), Error>;
    /// Selection.
    fn select(&self, elements: usize, to: &mut Demand) -> Result<(), Error>;
    /// Bits to integers.
    fn to_arith(&self, bits: usize, to: &mut Demand) -> Result<(), Error>;
}

/// Triples for additive shares of some parties; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beaver {
    parties: usize,
}

impl Beaver {
    /// For 2 to 10 parties.
    pub fn new(parties: usize) -> Result<Self, Error> {
        if (2..=MAX_PARTIES).contains(&parties) {
            Ok(Self { parties })
        } else {
            Err(Error::Unsupported {
                what: "additive sharing is for 2 to 10 parties",
            })
        }
    }

    /// From one number for each party to two, `planes` positions of `words` words each.
    fn carry_save(&self, planes: usize, words: usize, to: &mut Demand) -> Result<(), Error> {
        let mut numbers = self.parties;
        while numbers > 2 {
            let adders = numbers / 3;
            to.push(Item::and(64 * adders * planes * words))?;
            numbers -= adders;
        }
        Ok(())
    }
}

/// The carry out of `positions` planes of `words` words; `extra` planes of further ANDs ride on the first round.
fn carry_tree(
    mut positions: usize,
    extra: usize,
    words: usize,
    to: &mut Demand,
) -> Result<(), Error> {
    if positions + extra > 0 {
        to.push(Item::and(64 * (positions + extra) * words))?;
    }
    while positions > 1 {
        to.push(Item::and(64 * (2 * (positions / 2) - 1) * words))?;
        positions = positions.div_ceil(2);
    }
    Ok(())
}

fn words(operands: &[usize]) -> usize {
    operands.iter().map(|n| n.div_ceil(64)).sum()
}

impl Correlations for Beaver {
    fn width(&self) -> u32 {
        64
    }
    fn linear(
        &self,
        op: &LinearOp,
        operands: usize,
        rescale: Rescale,
        to: &mut Demand,
    ) -> Result<(), Error> {
        for _ in 0..operands {
            to.push(Item::conv::<u64>(op.shape))?;
        }
        self.rescale(op.shape.output_len() * operands, rescale, to)
    }

    fn mul(&self, elements: usize, rescale: Rescale, to: &mut Demand) -> Result<(), Error> {
        to.push(Item::mul::<u64>(elements))?;
        self.rescale(elements, rescale, to)
    }

    fn rescale(&self, elements: usize, rescale: Rescale, to: &mut Demand) -> Result<(), Error> {
        let (shift, words) = (rescale.shift as usize, elements.div_ceil(64));
        match (rescale.mode, self.parties) {
            _ if shift == 0 => Ok(()),
            (Truncation::Local, 2) => Ok(()),
            (Truncation::Local, _) => Err(Error::Unsupported {
                what: "local truncation of three or more additive shares is wrong with constant probability",
            }),
            (Truncation::Stochastic, 2) => {
                carry_tree(0, 1, words, to)?;
                self.to_arith(elements, to)
            }
            _ => {
                self.carry_save(64, words, to)?;
                carry_tree(shift, 1, words, to)?;
                // The bits out of the carry-save adders need no sum of their own: each is an integer, added up locally.
                self.to_arith(2 * (self.parties - 1) * elements, to)
            }
        }
    }

    fn compare(&self, operands: &[usize], bound: u32, to: &mut Demand) -> Result<(), Error> {
        let below_top = bound.max(1) as usize;
        self.carry_save(below_top, words(operands), to)?;
        carry_tree(below_top, 0, words(operands), to)
    }

    fn and(&self, operands: &[usize], to: &mut Demand) -> Result<(), Error> {
        Ok(to.push(Item::and(64 * words(operands)))?)
    }

    fn select(&self, elements: usize, to: &mut Demand) -> Result<(), Error> {
        self.to_arith(elements, to)?;
        Ok(to.push(Item::mul::<u64>(elements))?)
    }

    fn to_arith(&self, bits: usize, to: &mut Demand) -> Result<(), Error> {
        let mut summands = self.parties;
        while summands > 1 {
            to.push(Item::mul::<u64>(summands / 2 * bits))?;
            summands = summands.div_ceil(2);
        }
        Ok(())
    }
}

/// Writes down what every step spends.
#[derive(Debug)]
pub struct Deal<C> {
    correlations: C,
    demand: Result<Demand, Error>,
}

impl<C: Correlations> Deal<C> {
    /// Nothing yet.
    #[must_use]
    pub fn new(correlations: C) -> Self {
        Self {
            correlations,
            demand: Ok(Demand::new()),
        }
    }
    /// All that was written down, or the first step for which there is no correlation.
    pub fn finish(self) -> Result<Demand, Error> {
        self.demand
    }

    fn step(&mut self, f: impl FnOnce(&C, &mut Demand) -> Result<(), Error>) {
        if let Ok(demand) = &mut self.demand
            && let Err(e) = f(&self.correlations, demand)
        {
            self.demand = Err(e);
        }
    }
}

impl<C: Correlations> Visitor for Deal<C> {
    fn phase(&mut self, _: Phase) {}
    fn layer(&mut self, _: &str, _: &str) {}
    fn end_layer(&mut self) {}
    fn weights(&mut self, _: &LinearOp) {}
    fn bias(&mut self, _: usize) {}
    fn input(&mut self, _: usize) {}
    fn reveal(&mut self, _: usize) {}
    fn linear(&mut self, op: &LinearOp, operands: usize, rescale: Rescale) {
        self.step(|c, to| c.linear(op, operands, rescale, to));
    }
    fn mul(&mut self, operands: &[usize], rescale: Rescale) {
        self.step(|c, to| c.mul(operands.iter().sum(), rescale, to));
    }
    fn rescale(&mut self, operands: &[usize], rescale: Rescale) {
        self.step(|c, to| c.rescale(operands.iter().sum(), rescale, to));
    }
    fn compare(&mut self, operands: &[usize], bound: u32) {
        self.step(|c, to| c.compare(operands, bound, to));
    }
    fn and(&mut self, operands: &[usize]) {
        self.step(|c, to| c.and(operands, to));
    }
    fn select(&mut self, operands: &[usize]) {
        self.step(|c, to| c.select(operands.iter().sum(), to));
    }
    fn to_arith(&mut self, operands: &[usize]) {
        self.step(|c, to| c.to_arith(operands.iter().sum(), to));
    }
}

/// What one inference of a program spends, in order.
pub fn demand<C: Correlations>(
    correlations: C,
    program: &Program,
    mode: Truncation,
) -> Result<Demand, Error> {
    let (width, engine) = (program.width()?, correlations.width());
    if width != engine {
        return Err(Error::Ring { width, engine });
    }
    let mut walk = Walk::new(Deal::new(correlations));
    crate::run::infer(&mut walk, program, None, None, mode, &mut |_| {})?;
    walk.into_visitor().finish()
}
