//! One small script that takes every protocol step of an engine.

#![allow(dead_code, reason = "a test need not use everything")]

use piquet_core::linalg::ConvShape;
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{Dot, LinearOp, MatMul, Power, Rescale, Truncation, Weighed};
use piquet_nn_ops::function::{Exp, Rsqrt, Softmax};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::model::{Format, MaxPool, Shape};

use crate::common::{Case, Script, z64};

/// Products with weights and each truncation, elementwise products, all layers, all gates.
pub(crate) struct Everything;

impl Script for Everything {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        w: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        run(e, w, x, &Truncation::ALL)
    }
}

/// The same without local truncation, which is for few parties.
pub(crate) struct ForMany;

impl Script for ForMany {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        w: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let [exact, nearest, stochastic, _] = Truncation::ALL;
        run(e, w, x, &[exact, nearest, stochastic])
    }
}

/// The steps that functions are made of, over operands in common.
pub(crate) struct Functions;

impl Script for Functions {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let (a, b) = (&x[0], &x[1]);
        let shape = e.spec(a).shape.clone();
        let to = z64(9, 21);
        let mut out = Vec::new();
        for mode in [Truncation::Stochastic, Truncation::Exact] {
            let r = Rescale { shift: 7, mode, to };
            let plus = e.mul_public(a, &[5], 8)?;
            let sum = |products, plus| Dot { products, plus };
            let sums = [
                sum(vec![(a, b), (a, a)], None),
                sum(vec![(b, a), (b, b)], Some(&plus)),
            ];
            out.extend(e.dot(&sums, r)?);
            let op = MatMul {
                batch: 2,
                rows: 3,
                inner: 3,
                columns: 3,
                transposed: mode == Truncation::Exact,
            };
            out.extend(e.matmul(&[(a, b), (a, a)], &op, r)?);
            out.extend(e.row_products(&[(b, b)], 9, r)?);
        }
        let bits = e.bits(&[a, b], 0..13)?;
        let high = e.bits(&[b], 9..12)?;
        let pairs: Vec<_> = bits[0]
            .iter()
            .zip(&bits[1])
            .chain([(&high[0][0], &high[0][1])])
            .collect();
        let both = e.and(&pairs)?;
        let both: Vec<_> = both.iter().collect();
        let factors: [Vec<i64>; 2] = [(0..14).map(|i| 1 << i).collect(), vec![-1; 14]];
        let sums = factors.each_ref().map(|factors| Weighed {
            factors,
            format: z64(8, 15),
        });
        out.extend(e.weigh(&[(&both[..], &shape)], &sums)?.remove(0));
        let power = Power {
            factor: 3,
            offset: 4 << 8,
            frac: 8,
            low: 2,
            high: 2,
            bias: 4,
            precision: 16,
            to: z64(8, 20),
            mode: Truncation::Stochastic,
        };
        // The oracle has none.
        out.extend(e.power(&[a, b], &power)?.unwrap_or_default());
        Ok(out)
    }
}

/// Functions as a whole: of values, of positive ones, and of rows.
pub(crate) struct Whole;

impl Script for Whole {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let (from, mode) = (e.spec(&x[0]).format, Truncation::Stochastic);
        let mut out = e.exp(&[&x[0]], &Exp::natural(from, z64(8, 34))?, mode)?;
        out.extend(e.rsqrt(&[&x[1]], &Rsqrt::new(from, z64(8, 16))?, mode)?);
        let index: Vec<u32> = (0..6).collect();
        let rows = e.gather(&x[0], 1, &index, &Shape::new(&[2, 3])?)?;
        out.push(e.softmax(&rows, &Softmax::new(from, z64(8, 9), 3)?, mode)?);
        Ok(out)
    }
}

fn run<E: Layers>(
    e: &mut E,
    w: &[(LinearOp, E::Weights)],
    x: &[E::Arith],
    modes: &[(&str, Truncation)],
) -> Result<Vec<E::Arith>, Error> {
    let rescale = |shift, frac, bound, mode| -> Result<Rescale, Error> {
        let to = Format::z64(frac - shift, bound)?;
        Ok(Rescale { shift, mode, to })
    };
    let mut out = Vec::new();
    // Shifts that need each width of the helper's word.
    for ((_, mode), shift) in modes.iter().zip([6, 9, 5, 7]) {
        let r = rescale(shift, 14, 30, *mode)?;
        out.extend(e.linear(&[&x[0], &x[1]], &w[0].0, &w[0].1, r)?);
    }
    out.extend(e.mul(
        &[(&x[0], &x[1])],
        rescale(0, 16, 24, Truncation::Stochastic)?,
    )?);
    out.extend(e.mul(
        &[(&x[1], &x[1])],
        rescale(12, 16, 24, Truncation::Stochastic)?,
    )?);
    out.extend(e.relu(&[&x[0], &x[1]])?);
    let pool = MaxPool::new(2, 1);
    out.push(e.max_pool(&x[0], &pool, &Shape::nchw(1, 2, 2, 2)?)?);
    let flat = e.flatten(&x[1], &Shape::new(&[1, 18])?)?;
    out.push(e.argmax(&flat, &Shape::new(&[1, 1])?)?);
    let bits = e.non_negative(&[&x[0], &x[1]])?;
    let both = e.and(&[(&bits[0], &bits[1])])?;
    let shape = e.spec(&x[0]).shape.clone();
    out.extend(e.to_arith(&[(&both[0], &shape)], z64(0, 1))?);
    out.extend(e.select(&[(&both[0], &x[0]), (&bits[0], &x[1])])?);
    Ok(out)
}

/// [`Everything`], and the steps that functions are made of.
pub(crate) struct WithFunctions;

impl Script for WithFunctions {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        w: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let mut out = Everything.run(e, w, x)?;
        let r = Rescale {
            shift: 5,
            mode: Truncation::Stochastic,
            to: z64(11, 26),
        };
        let products = vec![(&x[0], &x[1]), (&x[1], &x[1])];
        let sum = Dot {
            products,
            plus: None,
        };
        out.extend(e.dot(&[sum], r)?);
        let op = MatMul {
            batch: 2,
            rows: 3,
            inner: 3,
            columns: 3,
            transposed: true,
        };
        out.extend(e.matmul(&[(&x[0], &x[1])], &op, r)?);
        out.extend(e.row_products(&[(&x[0], &x[1])], 6, r)?);
        let shape = e.spec(&x[0]).shape.clone();
        // A window of every number of swaps, on which all three kinds of carries occur.
        for (window, range) in [(2, 0..3), (8, 3..9), (29, 20..30), (60, 48..61)] {
            let y = e.add(&x[0], &x[1])?;
            let y = e.declare(y, z64(8, window))?;
            let bits = e.bits(&[&y], range.clone())?;
            let [bits] = &bits[..] else {
                return Ok(out);
            };
            let refs: Vec<_> = bits.iter().collect();
            let one = vec![1; refs.len()];
            let number: Vec<i64> = (0..refs.len()).map(|i| 1 << i).collect();
            let format = z64(0, 62);
            let sums = [&one, &number].map(|factors| Weighed { factors, format });
            out.extend(e.weigh(&[(&refs, &shape)], &sums)?.into_iter().flatten());
        }
        Ok(out)
    }
}

/// What [`Everything`] works on: inputs and weights made by `value(index)`, |value| < 2^8.
pub(crate) fn case(value: impl Fn(usize) -> i64) -> Case {
    let shape = ConvShape {
        kernel: [2, 2],
        ..ConvShape::matmul(1, 2, 2)
    };
    let shape = ConvShape {
        input: [3, 3],
        ..shape
    };
    let many = |at: usize, n: usize| (at..at + n).map(&value).collect::<Vec<i64>>();
    Case::default()
        .weights(shape, &[1, 2, 2, 2], 6, many(0, 16), many(16, 2))
        .input(&[1, 2, 3, 3], z64(8, 12), many(18, 18))
        .input(&[1, 2, 3, 3], z64(8, 12), many(36, 18))
}
