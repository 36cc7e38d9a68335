//! The interpreter that sees shapes alone.
//!
//! It takes every step that a party takes, in the same order, and tells a [`Visitor`] of each. A visitor that adds up
//! is `plan`: bytes and rounds before anything runs ([`crate::plan`]). A visitor that writes down correlated randomness
//! is the demand: what a dealer hands out, in order of use ([`crate::semi2k::demand`]).

mod products;

use crate::Error;
use crate::engine::{
    Dot, Engine, LinearOp, MatMul, PlainWeights, Power, Rescale, Spec, Weighed, bias_format,
    check_bits, check_combination, check_dot, check_format, check_gather, check_matmul, check_mul,
    check_power, check_product, check_rescale, check_weighed, concat_format, matmul_shape,
    scaled_format, sum_format,
};
use crate::layer::Layers;
use crate::ledger::Phase;
use crate::model::{Format, Shape};

pub use products::Products;

/// Is told of every interactive step, with shapes only.
pub trait Visitor {
    /// A phase begins.
    fn phase(&mut self, phase: Phase);
    /// A layer begins.
    fn layer(&mut self, name: &str, op: &str);
    /// The layer ends.
    fn end_layer(&mut self);
    /// The owner hands over weights.
    fn weights(&mut self, op: &LinearOp);
    /// The owner hands over a bias of its own.
    fn bias(&mut self, elements: usize);
    /// The owner hands over a value.
    fn input(&mut self, elements: usize);
    /// A result goes to its owner.
    fn reveal(&mut self, elements: usize);
    /// `operands` products with one set of weights.
    fn linear(&mut self, op: &LinearOp, operands: usize, rescale: Rescale);
    /// Elementwise products, one to a sum.
    fn mul(&mut self, products: &Products, rescale: Rescale);
    /// Sums of elementwise products.
    fn dot(&mut self, products: &Products, rescale: Rescale);
    /// Products of secret matrices, one to a sum.
    fn matmul(&mut self, op: &MatMul, products: &Products, rescale: Rescale);
    /// Bits of values; elements of each operand.
    fn bits(&mut self, operands: &[usize], range: core::ops::Range<u32>);
    /// Weighed bits; elements of each operand and bits of each element, and how many sums.
    fn weigh(&mut self, operands: &[(usize, usize)], sums: usize);
    /// Powers of two; elements of each operand. `false` if the engine has no protocol of its own for them.
    fn power(&mut self, operands: &[usize], power: &Power) -> bool {
        let _ = (operands, power);
        false
    }
    /// Division by a power of two; elements of each operand.
    fn rescale(&mut self, operands: &[usize], rescale: Rescale);
    /// Comparison with zero; elements of each operand, and the widest bound.
    fn compare(&mut self, operands: &[usize], bound: u32);
    /// Rectification; elements of each operand, and the widest bound. An engine that has no protocol of its own for it
    /// compares and selects.
    fn relu(&mut self, operands: &[usize], bound: u32) {
        self.compare(operands, bound);
        self.select(operands);
    }
    /// Conjunction; bits of each operand.
    fn and(&mut self, operands: &[usize]);
    /// Selection; elements of each operand.
    fn select(&mut self, operands: &[usize]);
    /// Bits to integers; bits of each operand.
    fn to_arith(&mut self, operands: &[usize]);
    /// Why the engine cannot run the program, if it met a step that it does not take.
    fn refused(&mut self) -> Option<Error> {
        None
    }
}

/// The engine of shapes.
#[derive(Debug)]
pub struct Walk<V> {
    visitor: V,
}

impl<V: Visitor> Walk<V> {
    /// Walks with `visitor`.
    #[must_use]
    pub fn new(visitor: V) -> Self {
        Self { visitor }
    }
    /// The visitor with what it gathered.
    #[must_use]
    pub fn into_visitor(self) -> V {
        self.visitor
    }
}

fn spec(shape: &Shape, format: Format) -> Spec {
    Spec {
        shape: shape.clone(),
        format,
    }
}

/// Elements of operands that are compared, and the widest bound.
fn compared(xs: &[&Spec]) -> (Vec<usize>, u32) {
    let bound = xs.iter().map(|x| x.format.bound()).max().unwrap_or(0);
    (xs.iter().map(|x| x.len()).collect(), bound)
}

impl<V: Visitor> Engine for Walk<V> {
    type Arith = Spec;
    /// Number of bits.
    type Bits = usize;
    type Weights = ();

    fn spec<'a>(&self, x: &'a Spec) -> &'a Spec {
        x
    }
    fn prepare(&mut self, op: &LinearOp, _: Option<PlainWeights<'_>>) -> Result<(), Error> {
        op.shape.validate()?;
        self.visitor.weights(op);
        Ok(())
    }
    fn prepare_bias(&mut self, spec: &Spec, _: Option<&[i64]>) -> Result<Spec, Error> {
        self.visitor.bias(spec.len());
        Ok(spec.clone())
    }
    fn input(&mut self, spec: &Spec, _: Option<&[i64]>) -> Result<Spec, Error> {
        check_format(spec.format)?;
        self.visitor.input(spec.len());
        Ok(spec.clone())
    }
    fn reveal(&mut self, x: &Spec) -> Result<Option<Vec<i64>>, Error> {
        self.visitor.reveal(x.len());
        Ok(None)
    }
    fn constant(&mut self, spec: &Spec, _: &[i64]) -> Result<Spec, Error> {
        check_format(spec.format)?;
        Ok(spec.clone())
    }
    fn add(&mut self, a: &Spec, b: &Spec) -> Result<Spec, Error> {
        Ok(spec(&a.shape, sum_format("add", a, b)?))
    }
    fn sub(&mut self, a: &Spec, b: &Spec) -> Result<Spec, Error> {
        Ok(spec(&a.shape, sum_format("sub", a, b)?))
    }
    fn add_bias(&mut self, x: &Spec, bias: &Spec) -> Result<Spec, Error> {
        Ok(spec(&x.shape, bias_format(x, bias)?))
    }
    fn mul_public(&mut self, x: &Spec, factors: &[i64], frac: u32) -> Result<Spec, Error> {
        Ok(spec(&x.shape, scaled_format(x, factors, frac)?))
    }
    fn combine(&mut self, terms: &[(&Spec, i64)], _: i64, to: Format) -> Result<Spec, Error> {
        Ok(spec(check_combination(terms, to)?, to))
    }
    fn gather(
        &mut self,
        x: &Spec,
        run: usize,
        index: &[u32],
        shape: &Shape,
    ) -> Result<Spec, Error> {
        check_gather(x, run, index, shape)?;
        Ok(spec(shape, x.format))
    }
    fn concat(&mut self, xs: &[&Spec], shape: &Shape) -> Result<Spec, Error> {
        Ok(spec(shape, concat_format(xs, shape)?))
    }
    fn declare(&mut self, x: Spec, format: Format) -> Result<Spec, Error> {
        check_format(format)?;
        Ok(spec(&x.shape, format))
    }
    fn xor(&mut self, a: &usize, _: &usize) -> Result<usize, Error> {
        Ok(*a)
    }
    fn not(&mut self, a: &usize) -> Result<usize, Error> {
        Ok(*a)
    }
    fn linear(
        &mut self,
        xs: &[&Spec],
        op: &LinearOp,
        (): &(),
        rescale: Rescale,
    ) -> Result<Vec<Spec>, Error> {
        for x in xs {
            check_product(x, op, &rescale)?;
        }
        self.visitor.linear(op, xs.len(), rescale);
        Ok(xs.iter().map(|_| spec(&op.out, rescale.to)).collect())
    }
    fn mul(&mut self, pairs: &[(&Spec, &Spec)], rescale: Rescale) -> Result<Vec<Spec>, Error> {
        for (a, b) in pairs {
            check_mul(a, b, &rescale)?;
        }
        let (products, _) = Products::of(pairs.iter().map(|p| [*p]), Spec::len);
        self.visitor.mul(&products, rescale);
        Ok(pairs
            .iter()
            .map(|(a, _)| spec(&a.shape, rescale.to))
            .collect())
    }
    fn dot(&mut self, sums: &[Dot<'_, Spec>], rescale: Rescale) -> Result<Vec<Spec>, Error> {
        let mut out = Vec::with_capacity(sums.len());
        for sum in sums {
            check_dot(&sum.products, sum.plus, &rescale)?;
            if let Some((a, _)) = sum.products.first() {
                out.push(spec(&a.shape, rescale.to));
            }
        }
        let factors = sums.iter().map(|s| s.products.iter().copied());
        let (products, _) = Products::of(factors, Spec::len);
        self.visitor.dot(&products, rescale);
        Ok(out)
    }
    fn matmul(
        &mut self,
        pairs: &[(&Spec, &Spec)],
        op: &MatMul,
        rescale: Rescale,
    ) -> Result<Vec<Spec>, Error> {
        let shape = matmul_shape(op)?;
        for (a, b) in pairs {
            check_matmul(a, b, op, &rescale)?;
        }
        let (products, _) = Products::of(pairs.iter().map(|p| [*p]), Spec::len);
        self.visitor.matmul(op, &products, rescale);
        Ok(pairs.iter().map(|_| spec(&shape, rescale.to)).collect())
    }
    fn bits(
        &mut self,
        xs: &[&Spec],
        range: core::ops::Range<u32>,
    ) -> Result<Vec<Vec<usize>>, Error> {
        if xs.is_empty() {
            return Ok(Vec::new());
        }
        for x in xs {
            check_bits(x, &range)?;
        }
        let operands: Vec<usize> = xs.iter().map(|x| x.len()).collect();
        self.visitor.bits(&operands, range.clone());
        Ok(operands.iter().map(|n| vec![*n; range.len()]).collect())
    }
    fn weigh(
        &mut self,
        bits: &[(&[&usize], &Shape)],
        sums: &[Weighed<'_>],
    ) -> Result<Vec<Vec<Spec>>, Error> {
        for (bits, _) in bits {
            check_weighed(bits.len(), sums)?;
        }
        let operands: Vec<_> = bits.iter().map(|(b, s)| (s.elements(), b.len())).collect();
        self.visitor.weigh(&operands, sums.len());
        let one = |shape: &Shape| sums.iter().map(|s| spec(shape, s.format)).collect();
        Ok(bits.iter().map(|(_, shape)| one(shape)).collect())
    }
    fn rescale(&mut self, xs: &[&Spec], rescale: Rescale) -> Result<Vec<Spec>, Error> {
        for x in xs {
            check_rescale(x.format.frac(), x.format.bound(), &rescale)?;
        }
        let operands: Vec<usize> = xs.iter().map(|x| x.len()).collect();
        self.visitor.rescale(&operands, rescale);
        Ok(xs.iter().map(|x| spec(&x.shape, rescale.to)).collect())
    }
    fn non_negative(&mut self, xs: &[&Spec]) -> Result<Vec<usize>, Error> {
        let (operands, bound) = compared(xs);
        self.visitor.compare(&operands, bound);
        Ok(operands)
    }
    fn and(&mut self, pairs: &[(&usize, &usize)]) -> Result<Vec<usize>, Error> {
        let operands: Vec<usize> = pairs.iter().map(|(a, _)| **a).collect();
        self.visitor.and(&operands);
        Ok(operands)
    }
    fn select(&mut self, pairs: &[(&usize, &Spec)]) -> Result<Vec<Spec>, Error> {
        let operands: Vec<usize> = pairs.iter().map(|(_, x)| x.len()).collect();
        self.visitor.select(&operands);
        Ok(pairs.iter().map(|(_, x)| (*x).clone()).collect())
    }
    fn to_arith(&mut self, bits: &[(&usize, &Shape)], format: Format) -> Result<Vec<Spec>, Error> {
        let operands: Vec<usize> = bits.iter().map(|(n, _)| **n).collect();
        self.visitor.to_arith(&operands);
        Ok(bits.iter().map(|(_, s)| spec(s, format)).collect())
    }
    fn begin_phase(&mut self, phase: Phase) {
        self.visitor.phase(phase);
    }
    fn begin_layer(&mut self, name: &str, op: &str) {
        self.visitor.layer(name, op);
    }
    fn end_layer(&mut self) {
        self.visitor.end_layer();
    }
}

impl<V: Visitor> Layers for Walk<V> {
    fn relu(&mut self, xs: &[&Spec]) -> Result<Vec<Spec>, Error> {
        let (operands, bound) = compared(xs);
        self.visitor.relu(&operands, bound);
        Ok(xs.iter().map(|x| (*x).clone()).collect())
    }

    fn power(&mut self, xs: &[&Spec], power: &Power) -> Result<Option<Vec<Spec>>, Error> {
        if xs.is_empty() {
            return Ok(None);
        }
        for x in xs {
            check_power(x, power)?;
        }
        let operands: Vec<usize> = xs.iter().map(|x| x.len()).collect();
        Ok(self
            .visitor
            .power(&operands, power)
            .then(|| xs.iter().map(|x| spec(&x.shape, power.to)).collect()))
    }
}
