//! What a program spends, in the order of use: known before anything runs, so that it is dealt before the input is there.
//!
//! [`demand`] walks a program as [`crate::plan`] does and writes down an [`Item`] for every interactive step. A party asks its
//! source for the items that its steps need, and is refused what is not due: program and demand cannot drift apart unseen.

use super::item::{Cut, Form, Item};
use crate::Error;
use crate::engine::{LinearOp, MatMul, Power, Rescale, Truncation};
use crate::ledger::Phase;
use crate::model::Program;
use crate::walk::{Products, Visitor, Walk};

/// The items of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerDemand {
    /// Its name.
    pub name: String,
    /// What it does.
    pub op: String,
    /// In the order of use.
    pub items: Vec<Item>,
}

/// What one inference spends, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    parties: usize,
    width: u32,
    /// Sets of weights that are masked.
    weights: usize,
    layers: Vec<LayerDemand>,
}

impl Demand {
    /// How many parties it is for.
    #[must_use]
    pub fn parties(&self) -> usize {
        self.parties
    }
    /// Bits of the ring it is for.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }
    /// Sets of weights.
    #[must_use]
    pub fn weights(&self) -> usize {
        self.weights
    }
    /// By layer.
    #[must_use]
    pub fn layers(&self) -> &[LayerDemand] {
        &self.layers
    }
    /// All items.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.layers.iter().flat_map(|l| &l.items)
    }
}

/// What is told of a program whose steps have become items.
pub trait Spender {
    /// A phase begins.
    fn phase(&mut self, phase: Phase);
    /// A layer begins.
    fn layer(&mut self, name: &str, op: &str);
    /// The layer ends.
    fn end_layer(&mut self);
    /// Weights are handed over and masked.
    fn weights(&mut self, op: &LinearOp);
    /// A vector is shared.
    fn share(&mut self, elements: usize);
    /// A result goes to its owner.
    fn reveal(&mut self, elements: usize);
    /// A step is taken.
    fn item(&mut self, item: Item);
    /// Values are shifted by their holders, each from this format.
    fn local(&mut self, elements: usize, rescale: &Rescale);
}

/// Turns the steps of a program into items.
#[derive(Debug)]
pub struct Steps<S> {
    pub(super) parties: usize,
    pub(super) spender: S,
    weights: Vec<String>,
    failed: Option<Error>,
}

impl<S: Spender> Steps<S> {
    pub(super) fn of(parties: usize, spender: S) -> Self {
        Self {
            parties,
            spender,
            weights: Vec::new(),
            failed: None,
        }
    }

    fn cut(&mut self, elements: usize, rescale: &Rescale) -> Cut {
        let cut = Cut::of(rescale, self.parties).unwrap_or_else(|e| {
            self.failed.get_or_insert(e);
            Cut::Local
        });
        if cut == Cut::Local && rescale.shift > 0 {
            self.spender.local(elements, rescale);
        }
        cut
    }
}

impl<S: Spender> Steps<S> {
    fn products(&mut self, products: &Products, form: Form, rescale: &Rescale) {
        let products = products.clone();
        let mut item = Item::Products {
            products,
            form,
            cut: Cut::Local,
        };
        let of_all = self.cut(item.lens().iter().sum(), rescale);
        if let Item::Products { cut, .. } = &mut item {
            *cut = of_all;
        }
        self.spender.item(item);
    }
}

/// Bits that a comparison looks at: a sign beside the largest bound.
pub(super) fn window(bounds: impl Iterator<Item = u32>) -> usize {
    bounds.max().unwrap_or(1).max(1) as usize + 1
}

impl<S: Spender> Visitor for Steps<S> {
    fn phase(&mut self, phase: Phase) {
        self.spender.phase(phase);
    }
    fn layer(&mut self, name: &str, op: &str) {
        self.spender.layer(name, op);
    }
    fn end_layer(&mut self) {
        self.spender.end_layer();
    }
    fn weights(&mut self, op: &LinearOp) {
        self.weights.push(op.name.clone());
        self.spender.weights(op);
    }
    fn bias(&mut self, elements: usize) {
        self.spender.share(elements);
    }
    fn input(&mut self, elements: usize) {
        self.spender.share(elements);
    }
    fn reveal(&mut self, elements: usize) {
        self.spender.reveal(elements);
    }
    fn linear(&mut self, op: &LinearOp, operands: usize, rescale: Rescale) {
        let cut = self.cut(operands * op.shape.output_len(), &rescale);
        let Some(weights) = self.weights.iter().rposition(|name| *name == op.name) else {
            self.failed.get_or_insert(Error::Ownership(
                "a product with weights that nobody has handed over",
            ));
            return;
        };
        self.spender.item(Item::Linear {
            weights,
            shape: op.shape,
            operands,
            cut,
        });
    }
    fn mul(&mut self, products: &Products, rescale: Rescale) {
        self.products(products, Form::Elements, &rescale);
    }
    fn dot(&mut self, products: &Products, rescale: Rescale) {
        self.products(products, Form::Elements, &rescale);
    }
    fn matmul(&mut self, op: &MatMul, products: &Products, rescale: Rescale) {
        self.products(products, Form::Matrices(*op), &rescale);
    }
    fn bits(&mut self, operands: &[usize], range: core::ops::Range<u32>) {
        self.spender.item(Item::Bits {
            lens: operands.to_vec(),
            range,
        });
    }
    fn weigh(&mut self, operands: &[(usize, usize)], _: usize) {
        self.spender.item(Item::Weigh {
            lens: operands.iter().map(|(n, _)| *n).collect(),
            bits: operands.first().map_or(0, |(_, bits)| *bits),
        });
    }
    fn power(&mut self, operands: &[usize], power: &Power) -> bool {
        if power.rescale().is_none() {
            return false;
        }
        self.spender.item(Item::Power {
            lens: operands.to_vec(),
            power: *power,
        });
        true
    }
    fn rescale(&mut self, operands: &[usize], rescale: Rescale) {
        let cut = self.cut(operands.iter().sum(), &rescale);
        if cut != Cut::Local {
            let lens = operands.to_vec();
            self.spender.item(Item::Rescale { lens, cut });
        }
    }
    fn compare(&mut self, operands: &[usize], bound: u32) {
        self.spender.item(Item::Sign {
            lens: operands.to_vec(),
            window: window(core::iter::once(bound)),
        });
    }
    fn relu(&mut self, operands: &[usize], bound: u32) {
        self.spender.item(Item::Relu {
            lens: operands.to_vec(),
            window: window(core::iter::once(bound)),
        });
    }
    fn and(&mut self, operands: &[usize]) {
        let lens = operands.to_vec();
        self.spender.item(Item::And { lens });
    }
    fn select(&mut self, operands: &[usize]) {
        let lens = operands.to_vec();
        self.spender.item(Item::Select { lens });
    }
    fn to_arith(&mut self, operands: &[usize]) {
        let lens = operands.to_vec();
        self.spender.item(Item::Integers { lens });
    }
    fn refused(&mut self) -> Option<Error> {
        self.failed.take()
    }
}

/// Writes items down.
#[derive(Debug)]
pub struct List {
    width: u32,
    weights: usize,
    layers: Vec<LayerDemand>,
}

impl Spender for List {
    fn phase(&mut self, _: Phase) {}
    fn layer(&mut self, name: &str, op: &str) {
        self.layers.push(LayerDemand {
            name: name.to_owned(),
            op: op.to_owned(),
            items: Vec::new(),
        });
    }
    fn end_layer(&mut self) {
        if self.layers.last().is_some_and(|l| l.items.is_empty()) {
            self.layers.pop();
        }
    }
    fn weights(&mut self, _: &LinearOp) {
        self.weights += 1;
    }
    fn share(&mut self, _: usize) {}
    fn reveal(&mut self, _: usize) {}
    fn item(&mut self, item: Item) {
        if self.layers.is_empty() {
            self.layer("", "");
        }
        if let Some(layer) = self.layers.last_mut() {
            layer.items.push(item);
        }
    }
    fn local(&mut self, _: usize, _: &Rescale) {}
}

/// A visitor that writes a demand down.
pub type Demands = Steps<List>;

impl Demands {
    /// Nothing yet, for so many parties and a ring of so many bits.
    #[must_use]
    pub fn new(parties: usize, width: u32) -> Self {
        Self::of(
            parties,
            List {
                width,
                weights: 0,
                layers: Vec::new(),
            },
        )
    }
    /// All that was written down, or the first step that these parties cannot take.
    pub fn finish(self) -> Result<Demand, Error> {
        match self.failed {
            Some(e) => Err(e),
            None => Ok(Demand {
                parties: self.parties,
                width: self.spender.width,
                weights: self.spender.weights,
                layers: self.spender.layers,
            }),
        }
    }
}

/// What one inference of a program spends among so many parties.
pub fn demand(parties: usize, program: &Program, mode: Truncation) -> Result<Demand, Error> {
    let mut walk = Walk::new(Demands::new(parties, program.width()?));
    crate::run::infer(&mut walk, program, None, None, mode, &mut |_| {})?;
    walk.into_visitor().finish()
}
