//! The demand of a program: dealt in advance, spent in order, refused to any other program.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "common/net.rs"]
mod net;

use piquet_core::linalg::ConvShape;
use piquet_nn_ops::deal::{self, Beaver, Correlations};
use piquet_nn_ops::engine::{LinearOp, Rescale, Truncation};
use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::model::{Calibration, Format, Program, Shape};
use piquet_nn_ops::run;
use piquet_nn_ops::walk::{Visitor, Walk};
use piquet_secret_sharing::Error;
use piquet_secret_sharing::beaver::Product;
use piquet_secret_sharing::dealer::{Demand, Item, Material, TrustedDealer};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Two parties that compute exactly, by their own account of what they need.
struct Spend {
    parties: Vec<Material>,
    refused: Option<Error>,
    taken: usize,
}

impl Spend {
    fn take(&mut self, f: impl Fn(&mut Material) -> Result<(), Error>) {
        for m in &mut self.parties {
            if self.refused.is_none() {
                self.refused = f(m).err();
            }
        }
        self.taken += usize::from(self.refused.is_none());
    }
    fn and(&mut self, planes: usize, words: usize) {
        self.take(|m| m.next_and(64 * planes * words).map(drop));
    }
    fn elements(&mut self, len: usize) {
        self.take(|m| m.next_mul::<u64>(len).map(drop));
    }
    /// Carry out of `m` positions, with generate bits of one more position for the wrap if it is wanted.
    fn carry(&mut self, mut m: usize, wrap: usize, words: usize) {
        self.and(m + wrap, words);
        while m > 1 {
            // All pairs need both ANDs but the lowest.
            let pairs = m / 2;
            self.and(pairs + pairs - 1, words);
            m -= pairs;
        }
    }
}

impl Visitor for Spend {
    fn phase(&mut self, _: Phase) {}
    fn layer(&mut self, _: &str, _: &str) {}
    fn end_layer(&mut self) {}
    fn weights(&mut self, _: &LinearOp) {}
    fn bias(&mut self, _: usize) {}
    fn input(&mut self, _: usize) {}
    fn reveal(&mut self, _: usize) {}
    fn linear(&mut self, op: &LinearOp, operands: usize, rescale: Rescale) {
        for _ in 0..operands {
            let product = Product::Conv(op.shape);
            self.take(|m| m.next_product::<u64>(product).map(drop));
        }
        self.rescale(&[op.shape.output_len() * operands], rescale);
    }
    fn mul(&mut self, operands: &[usize], rescale: Rescale) {
        self.elements(operands.iter().sum());
        self.rescale(operands, rescale);
    }
    fn rescale(&mut self, operands: &[usize], rescale: Rescale) {
        let elements: usize = operands.iter().sum();
        if rescale.shift > 0 {
            self.carry(rescale.shift as usize, 1, elements.div_ceil(64));
            self.elements(2 * elements);
        }
    }
    fn compare(&mut self, operands: &[usize], bound: u32) {
        let words = operands.iter().map(|n| n.div_ceil(64)).sum();
        self.carry(bound as usize, 0, words);
    }
    fn and(&mut self, operands: &[usize]) {
        Spend::and(self, 1, operands.iter().map(|n| n.div_ceil(64)).sum());
    }
    fn select(&mut self, operands: &[usize]) {
        self.elements(operands.iter().sum());
        self.elements(operands.iter().sum());
    }
    fn to_arith(&mut self, operands: &[usize]) {
        self.elements(operands.iter().sum());
    }
}

fn program(argmax: bool) -> Program {
    let graph = net::graph(1);
    let graph = if argmax {
        graph.with_argmax().unwrap()
    } else {
        graph
    };
    net::program(&graph, &net::params(&graph, 1), in_64_bits()).0
}

fn in_64_bits() -> Calibration {
    Calibration {
        width: Some(64),
        ..Calibration::default()
    }
}

fn spend(parties: Vec<Material>, program: &Program) -> Spend {
    let mut walk = Walk::new(Spend {
        parties,
        refused: None,
        taken: 0,
    });
    run::infer(
        &mut walk,
        program,
        None,
        None,
        Truncation::Exact,
        &mut |_| {},
    )
    .unwrap();
    walk.into_visitor()
}

#[test]
fn what_is_dealt_is_what_is_spent() {
    let program = program(true);
    let demand = deal::demand(Beaver::new(2).unwrap(), &program, Truncation::Exact).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let dealt = TrustedDealer::deal(&demand, 2, &mut rng).unwrap();
    let spent = spend(dealt, &program);
    assert_eq!(spent.refused, None);
    assert_eq!(spent.taken, demand.items().len());
    assert!(spent.parties.iter().all(|m| m.due().is_none()));
}

#[test]
fn another_program_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let demand = deal::demand(Beaver::new(2).unwrap(), &program(false), Truncation::Exact).unwrap();
    let dealt = TrustedDealer::deal(&demand, 2, &mut rng).unwrap();
    // One layer more: all goes well up to its first step, for which nothing is left.
    let spent = spend(dealt, &program(true));
    assert_eq!(spent.taken, demand.items().len());
    assert!(matches!(
        spent.refused,
        Some(Error::WrongItem { due: None, .. })
    ));
    // Other formats: the first comparison differs, and nothing of what follows is handed out.
    let graph = net::graph(1);
    let wider = Calibration {
        margin_bits: 5,
        ..in_64_bits()
    };
    let (wide, _) = net::program(&graph, &net::params(&graph, 1), wider);
    let dealt = TrustedDealer::deal(&demand, 2, &mut rng).unwrap();
    let spent = spend(dealt, &wide);
    assert!(
        matches!(spent.refused, Some(Error::WrongItem { due: Some(_), .. })),
        "{:?}",
        spent.refused
    );
    assert!(spent.taken > 0 && spent.taken < demand.items().len());
}

fn rescale(mode: Truncation, shift: u32) -> Rescale {
    Rescale {
        shift,
        mode,
        to: Format::z64(8, 20).unwrap(),
    }
}

#[test]
fn every_step_spends_what_the_table_says() {
    let spent = |parties: usize, f: &dyn Fn(&Beaver, &mut Demand)| {
        let mut to = Demand::new();
        f(&Beaver::new(parties).unwrap(), &mut to);
        to.items().to_vec()
    };
    let (and, mul) = (|n: usize| Item::and(64 * n), Item::mul::<u64>);
    let shape = ConvShape::matmul(2, 3, 4);
    let op = LinearOp {
        name: "l".into(),
        shape,
        out: Shape::new(&[2, 4]).unwrap(),
        frac: 8,
        bias: false,
    };
    // Two parties: 5 positions join as 5, 3, 2, 1.
    assert_eq!(
        spent(2, &|b, to| b.compare(&[65, 1], 5, to).unwrap()),
        [and(15), and(9), and(3), and(3)]
    );
    // Four numbers: one carry-save adder makes them three, another two.
    assert_eq!(
        spent(4, &|b, to| b.compare(&[64], 2, to).unwrap()),
        [and(2), and(2), and(2), and(1)]
    );
    assert_eq!(spent(2, &|b, to| b.and(&[1, 64], to).unwrap()), [and(2)]);
    assert_eq!(
        spent(2, &|b, to| b.select(7, to).unwrap()),
        [mul(7), mul(7)]
    );
    // Five summands, two products at once, then one, then one.
    assert_eq!(
        spent(5, &|b, to| b.to_arith(7, to).unwrap()),
        [mul(14), mul(7), mul(7)]
    );
    let r = |mode| move |b: &Beaver, to: &mut Demand| b.rescale(10, rescale(mode, 3), to).unwrap();
    for mode in [Truncation::Exact, Truncation::Nearest] {
        assert_eq!(spent(2, &r(mode)), [and(4), and(1), and(1), mul(20)]);
    }
    assert_eq!(spent(2, &r(Truncation::Stochastic)), [and(1), mul(10)]);
    assert_eq!(spent(2, &r(Truncation::Local)), []);
    assert_eq!(
        spent(3, &r(Truncation::Stochastic)),
        [and(64), and(4), and(1), and(1), mul(40), mul(40)]
    );
    let three = Beaver::new(3).unwrap();
    let local = rescale(Truncation::Local, 3);
    let e = three.rescale(1, local, &mut Demand::new()).unwrap_err();
    assert!(e.to_string().contains("local truncation"), "{e}");
    // Without a shift a product is just that.
    let none = rescale(Truncation::Local, 0);
    assert_eq!(
        spent(3, &|b, to| b.linear(&op, 2, none, to).unwrap()),
        [Item::conv::<u64>(shape), Item::conv::<u64>(shape)]
    );
    assert_eq!(spent(2, &|b, to| b.mul(9, none, to).unwrap()), [mul(9)]);
    assert!(Beaver::new(1).is_err() && Beaver::new(11).is_err());
}

#[test]
fn a_step_without_a_correlation_is_named() {
    let three = Beaver::new(3).unwrap();
    let e = deal::demand(three, &program(false), Truncation::Local).unwrap_err();
    assert!(e.to_string().contains("local truncation"), "{e}");
}

#[test]
fn programs_of_another_ring_are_refused() {
    let graph = net::graph(1);
    let narrow = Calibration {
        width: Some(32),
        ..Calibration::default()
    };
    let (program, _) = net::program(&graph, &net::params(&graph, 1), narrow);
    let e = deal::demand(Beaver::new(2).unwrap(), &program, Truncation::Exact).unwrap_err();
    assert!(e.to_string().contains("2^32"), "{e}");
}
