//! Scripts of the steps that functions are made of.

#![allow(dead_code, reason = "a test need not use everything")]

use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{Dot, LinearOp, MatMul, Rescale, Weighed};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::model::Format;

use crate::common::{Script, fit};

/// Sums of products of two operands in every combination, with operands in common, and with a summand.
pub(crate) struct Dots(pub(crate) Rescale);
impl Script for Dots {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let r = fit(self.0, e.spec(&x[0]))?;
        let frac = e.spec(&x[1]).format.frac();
        let plus = e.mul_public(&x[0], &[-3], frac)?;
        let sum = |products, plus| Dot { products, plus };
        let (a, b) = (&x[0], &x[1]);
        let mut out = e.dot(
            &[
                sum(vec![(a, b)], None),
                sum(vec![(a, a), (b, b), (b, a)], Some(&plus)),
                sum(vec![(b, b)], Some(&plus)),
            ],
            r,
        )?;
        // Operands of several lengths in one step, and a square.
        if let [_, _, c] = x {
            out.extend(e.dot(&[sum(vec![(c, c)], None), sum(vec![(a, b)], None)], r)?);
        }
        out.extend(e.mul(&[(a, b), (a, a)], r)?);
        Ok(out)
    }
}

/// Products of the first two operands as matrices.
pub(crate) struct Matrices(pub(crate) MatMul, pub(crate) Rescale);
impl Script for Matrices {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let r = fit(self.1, e.spec(&x[0]))?;
        let pairs: Vec<_> = x.chunks_exact(2).map(|p| (&p[0], &p[1])).collect();
        e.matmul(&pairs, &self.0, r)
    }
}

/// Inner products of rows of so many elements: of two operands, and of one with itself.
pub(crate) struct Rows(pub(crate) usize, pub(crate) Rescale);
impl Script for Rows {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let r = fit(self.1, e.spec(&x[0]))?;
        e.row_products(&[(&x[0], &x[1]), (&x[1], &x[1])], self.0, r)
    }
}

/// Signs of all operands, weighed.
pub(crate) struct Weighs(pub(crate) Vec<Vec<i64>>);
impl Script for Weighs {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let refs: Vec<_> = x.iter().collect();
        let bits = e.non_negative(&refs)?;
        let (first, second): (Vec<_>, Vec<_>) =
            (bits.iter().collect(), bits.iter().rev().collect());
        let spec = e.spec(&x[0]).clone();
        let format = Format::new(spec.format.width(), 3, spec.format.width() - 2)?;
        let sums: Vec<_> = self
            .0
            .iter()
            .map(|factors| Weighed { factors, format })
            .collect();
        let both = [(&first[..], &spec.shape), (&second[..], &spec.shape)];
        Ok(e.weigh(&both, &sums)?.into_iter().flatten().collect())
    }
}

/// Bits of all operands as integers, one tensor for each place.
pub(crate) struct BitsOf(pub(crate) core::ops::Range<u32>);
impl Script for BitsOf {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let refs: Vec<_> = x.iter().collect();
        let bits = e.bits(&refs, self.0.clone())?;
        let shapes: Vec<_> = x.iter().map(|x| e.spec(x).shape.clone()).collect();
        let one = Format::new(e.spec(&x[0]).format.width(), 0, 1)?;
        let mut all = Vec::new();
        for (bits, shape) in bits.iter().zip(&shapes) {
            all.extend(bits.iter().map(|b| (b, shape)));
        }
        e.to_arith(&all, one)
    }
}

/// Conjunctions of the signs of neighbours, many in one call.
pub(crate) struct Ands;
impl Script for Ands {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let refs: Vec<_> = x.iter().collect();
        let bits = e.non_negative(&refs)?;
        let mut pairs = Vec::new();
        let mut shapes = Vec::new();
        for (i, a) in bits.iter().enumerate() {
            for (j, b) in bits.iter().enumerate() {
                if e.spec(&x[i]).shape == e.spec(&x[j]).shape {
                    pairs.push((a, b));
                    shapes.push(e.spec(&x[i]).shape.clone());
                }
            }
        }
        let both = e.and(&pairs)?;
        let one = Format::new(e.spec(&x[0]).format.width(), 0, 1)?;
        let both: Vec<_> = both.iter().zip(&shapes).collect();
        e.to_arith(&both, one)
    }
}
