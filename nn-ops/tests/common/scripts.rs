//! Scripts of one operation each, and strategies for them.

#![allow(dead_code, reason = "a test need not use everything")]

use piquet_core::linalg::ConvShape;
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{Dot, LinearOp, MatMul, Rescale, Truncation, Weighed};
use piquet_nn_ops::layer::{Layers, Window};
use piquet_nn_ops::model::{Format, MaxPool, Mean, Shape};
use proptest::prelude::*;

use crate::common::{Case, Script, fit, values, z64};

pub(crate) struct Relu;
impl Script for Relu {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let refs: Vec<_> = x.iter().collect();
        e.relu(&refs)
    }
}

pub(crate) struct RescaleBy(pub(crate) Rescale);
impl Script for RescaleBy {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let refs: Vec<_> = x.iter().collect();
        let r = fit(self.0, e.spec(&x[0]))?;
        e.rescale(&refs, r)
    }
}

pub(crate) struct Linear(pub(crate) Rescale);
impl Script for Linear {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        w: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let refs: Vec<_> = x.iter().collect();
        let r = fit(self.0, e.spec(&x[0]))?;
        e.linear(&refs, &w[0].0, &w[0].1, r)
    }
}

pub(crate) struct Pool(pub(crate) MaxPool, pub(crate) [usize; 2]);

impl Pool {
    fn side(&self, axis: usize) -> usize {
        let p = &self.0;
        let free = self.1[axis] + p.padding[axis] + p.padding[axis + 2] - p.kernel[axis];
        if p.ceil_mode {
            let o = free.div_ceil(p.stride[axis]) + 1;
            if (o - 1) * p.stride[axis] >= self.1[axis] + p.padding[axis] {
                o - 1
            } else {
                o
            }
        } else {
            free / p.stride[axis] + 1
        }
    }

    /// The definition, in memory order.
    pub(crate) fn oracle(&self, case: &Case) -> Vec<i64> {
        let (spec, v) = &case.inputs[0];
        let [n, c, h, w] = spec.shape.as_nchw();
        let p = &self.0;
        let mut out = Vec::new();
        for b in 0..n {
            for oy in 0..self.side(0) {
                for ox in 0..self.side(1) {
                    for k in 0..c {
                        let mut m = i64::MIN;
                        for ky in 0..p.kernel[0] {
                            for kx in 0..p.kernel[1] {
                                let y = (oy * p.stride[0] + ky).wrapping_sub(p.padding[0]);
                                let x = (ox * p.stride[1] + kx).wrapping_sub(p.padding[1]);
                                if y < h && x < w {
                                    m = m.max(v[((b * h + y) * w + x) * c + k]);
                                }
                            }
                        }
                        out.push(m);
                    }
                }
            }
        }
        out
    }
}

impl Script for Pool {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let [n, c, ..] = e.spec(&x[0]).shape.as_nchw();
        let out = Shape::nchw(n, c, self.side(0), self.side(1))?;
        Ok(vec![e.max_pool(&x[0], &self.0, &out)?])
    }
}

pub(crate) struct Argmax;
impl Script for Argmax {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let out = Shape::new(&[e.spec(&x[0]).shape.batch(), 1])?;
        Ok(vec![e.argmax(&x[0], &out)?])
    }
}

pub(crate) struct Avg(
    pub(crate) Window,
    pub(crate) [usize; 2],
    pub(crate) Truncation,
);
impl Script for Avg {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let spec = e.spec(&x[0]).clone();
        let [n, c, ..] = spec.shape.as_nchw();
        let out = Shape::nchw(n, c, self.1[0], self.1[1])?;
        let width = spec.format.width();
        let mean = Mean::new(self.0.kernel[0] * self.0.kernel[1], width);
        let to = spec.format.with_bound(spec.format.bound() + 1)?;
        Ok(vec![e.avg_pool(&x[0], &self.0, &out, &mean, to, self.2)?])
    }
}

pub(crate) struct Gates;
impl Script for Gates {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        // The bits of both, through every gate, as integers; and a product.
        let bits = e.non_negative(&[&x[0], &x[1]])?;
        let and = e.and(&[(&bits[0], &bits[1]), (&bits[1], &bits[1])])?;
        let xor = e.xor(&bits[0], &bits[1])?;
        let not = e.not(&xor)?;
        let shape = e.spec(&x[0]).shape.clone();
        let width = e.spec(&x[0]).format.width();
        let mut out = e.to_arith(
            &[
                (&and[0], &shape),
                (&and[1], &shape),
                (&xor, &shape),
                (&not, &shape),
            ],
            Format::new(width, 0, 1)?,
        )?;
        let to = Format::new(width, 16, 30)?;
        let rescale = Rescale {
            shift: 0,
            mode: Truncation::Exact,
            to,
        };
        out.extend(e.mul(&[(&x[0], &x[1]), (&x[0], &x[0])], rescale)?);
        Ok(out)
    }
}

pub(crate) struct Local;
impl Script for Local {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let sum = e.add(&x[0], &x[1])?;
        let difference = e.sub(&x[0], &x[1])?;
        let joined = e.concat(&[&sum, &difference, &x[0]], &Shape::nchw(2, 9, 2, 2)?)?;
        let flat = e.flatten(&joined, &Shape::new(&[2, 36])?)?;
        let scaled = e.mul_public(&x[0], &[1, -2, 3, -4, 5, -6, 7, 8], 3)?;
        let format = e.spec(&x[0]).format;
        let to = Format::new(format.width(), format.frac() + 3, format.bound() + 7)?;
        let combined = e.combine(&[(&x[0], 5), (&x[1], -8), (&x[0], 1)], -77, to)?;
        Ok(vec![sum, difference, joined, flat, scaled, combined])
    }
}

/// A sum of public multiples of all inputs, with so many fraction bits.
pub(crate) struct Combined(pub(crate) u32);
impl Script for Combined {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let terms: Vec<_> = x.iter().map(|x| (x, 3)).collect();
        Ok(vec![e.combine(&terms, 1, z64(self.0, 40))?])
    }
}

pub(crate) struct Bias;
impl Script for Bias {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        Ok(vec![e.add_bias(&x[0], &x[1])?])
    }
}

/// A square with so many bits dropped.
pub(crate) struct Square(pub(crate) u32);
impl Script for Square {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let r = Rescale {
            shift: self.0,
            mode: Truncation::Exact,
            to: Format::new(32, 40 - self.0, 2)?,
        };
        e.mul(&[(&x[0], &x[0])], r)
    }
}

pub(crate) struct Signs;
impl Script for Signs {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let shape = e.spec(&x[0]).shape.clone();
        let bits = e.non_negative(&[&x[0]])?;
        let one = Format::new(e.spec(&x[0]).format.width(), 0, 1)?;
        let mut out = e.to_arith(&[(&bits[0], &shape)], one)?;
        out.extend(e.relu(&[&x[0]])?);
        Ok(out)
    }
}

pub(crate) struct Zeros;
impl Script for Zeros {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let shape = e.spec(&x[0]).shape.clone();
        let difference = e.sub(&x[0], &x[1])?;
        let product = e.mul_public(&x[0], &[0], 0)?;
        let minus = e.mul_public(&difference, &[-1], 0)?;
        let bits = e.non_negative(&[&difference, &product, &minus])?;
        let bits: Vec<_> = bits.iter().map(|b| (b, &shape)).collect();
        let one = Format::new(e.spec(&x[0]).format.width(), 0, 1)?;
        let mut out = e.to_arith(&bits, one)?;
        out.extend(e.relu(&[&difference, &minus])?);
        Ok(out)
    }
}

pub(crate) struct Joined;
impl Script for Joined {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let [n, c, h, w] = e.spec(&x[0]).shape.as_nchw();
        let [_, d, ..] = e.spec(&x[2]).shape.as_nchw();
        let sum = e.add(&x[0], &x[1])?;
        let joined = e.concat(&[&sum, &x[2]], &Shape::nchw(n, c + d, h, w)?)?;
        let flat = e.flatten(&joined, &Shape::new(&[n, (c + d) * h * w])?)?;
        Ok(vec![sum, joined, flat])
    }
}

/// Sums of one, two and three products; the last input has the scale of products.
pub(crate) struct Dots(pub(crate) Rescale);
impl Script for Dots {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let r = fit(self.0, e.spec(&x[0]))?;
        let sums = [
            (vec![(&x[0], &x[1])], Some(&x[3])),
            (vec![(&x[0], &x[1]), (&x[2], &x[2])], None),
            (
                vec![(&x[0], &x[2]), (&x[2], &x[0]), (&x[1], &x[1])],
                Some(&x[3]),
            ),
        ];
        let sums = sums.map(|(products, plus)| Dot { products, plus });
        e.dot(&sums, r)
    }
}

pub(crate) struct Matrices(pub(crate) MatMul, pub(crate) Rescale);
impl Script for Matrices {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let r = fit(self.1, e.spec(&x[0]))?;
        e.matmul(&[(&x[0], &x[1]), (&x[2], &x[1])], &self.0, r)
    }
}

/// Inner products of rows of so many elements.
pub(crate) struct Rows(pub(crate) usize, pub(crate) Rescale);
impl Script for Rows {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let r = fit(self.1, e.spec(&x[0]))?;
        e.row_products(&[(&x[0], &x[1]), (&x[0], &x[0])], self.0, r)
    }
}

/// Some bits of all inputs, each as an integer.
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
        let planes: Vec<_> = bits
            .iter()
            .zip(&shapes)
            .flat_map(|(bits, shape)| bits.iter().map(move |b| (b, shape)))
            .collect();
        assert_eq!(planes.len(), x.len() * self.0.len());
        let one = Format::new(e.spec(&x[0]).format.width(), 0, 1)?;
        e.to_arith(&planes, one)
    }
}

/// Bits of the first input and the signs of all, weighed; another list of bits for each further input.
pub(crate) struct Weighs(pub(crate) core::ops::Range<u32>);
impl Script for Weighs {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let refs: Vec<_> = x.iter().collect();
        let width = e.spec(&x[0]).format.width();
        let signs = e.non_negative(&refs)?;
        let bits = e.bits(&refs, self.0.clone())?;
        let lists: Vec<Vec<_>> = bits
            .iter()
            .zip(&signs)
            .map(|(bits, sign)| bits.iter().chain([sign]).collect())
            .collect();
        let shapes: Vec<_> = x.iter().map(|x| e.spec(x).shape.clone()).collect();
        let operands: Vec<_> = lists
            .iter()
            .zip(&shapes)
            .map(|(bits, shape)| (bits.as_slice(), shape))
            .collect();
        let n = self.0.len();
        let number: Vec<i64> = (0..n).map(|i| 1 << i).chain([0]).collect();
        let count = vec![1; n + 1];
        let mixed: Vec<i64> = (0..=n as i64).map(|i| 1 - i * i * i).collect();
        let format = |bound| Format::new(width, 3, bound);
        let sums = [
            Weighed {
                factors: &number,
                format: format(n as u32)?,
            },
            Weighed {
                factors: &count,
                format: format(6)?,
            },
            Weighed {
                factors: &mixed,
                format: format(20)?,
            },
        ];
        let mut out = e.weigh(&operands, &sums)?;
        let nothing = Weighed {
            factors: &[],
            format: format(1)?,
        };
        out.extend(e.weigh(&[(&[], &shapes[0])], &[nothing])?);
        Ok(out.into_iter().flatten().collect())
    }
}

/// Conjunctions of many tensors of bits of different lengths.
pub(crate) struct Ands;
impl Script for Ands {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let refs: Vec<_> = x.iter().collect();
        let bits = e.bits(&refs, 0..4)?;
        let mut pairs = Vec::new();
        let mut shapes = Vec::new();
        for (bits, x) in bits.iter().zip(x) {
            for (i, j) in [(0, 1), (1, 2), (2, 3), (3, 3)] {
                pairs.push((&bits[i], &bits[j]));
                shapes.push(e.spec(x).shape.clone());
            }
        }
        let and = e.and(&pairs)?;
        let and: Vec<_> = and.iter().zip(&shapes).collect();
        let one = Format::new(e.spec(&x[0]).format.width(), 0, 1)?;
        e.to_arith(&and, one)
    }
}

pub(crate) fn conv_case(shape: ConvShape, bias: bool, operands: usize, seed: u64) -> Case {
    let [h, w] = shape.output();
    let mut case = Case::default().weights(
        shape,
        &[shape.batch, shape.out_channels, h, w],
        6,
        values(shape.weight_len(), 8, seed),
        if bias {
            values(shape.out_channels, 12, seed + 1)
        } else {
            vec![]
        },
    );
    for i in 0..operands {
        let dims = [
            shape.batch,
            shape.in_channels,
            shape.input[0],
            shape.input[1],
        ];
        case = case.input(
            &dims,
            z64(8, 12),
            values(shape.input_len(), 12, seed + 2 + i as u64),
        );
    }
    case
}

prop_compose! {
    pub(crate) fn shapes()(
        batch in 1usize..3, h in 1usize..8, w in 1usize..8, icg in 1usize..4, ocg in 1usize..5, groups in 1usize..4,
        kernel in [1usize..4, 1usize..4], stride in [1usize..3, 1usize..4],
        padding in [0usize..3, 0usize..3, 0usize..3, 0usize..3], dilation in [1usize..3, 1usize..3],
    ) -> ConvShape {
        ConvShape {
            batch, input: [h, w], in_channels: icg * groups, out_channels: ocg * groups,
            kernel, stride, padding, dilation, groups,
        }
    }
}

pub(crate) fn modes() -> impl Strategy<Value = Truncation> {
    prop_oneof![Just(Truncation::Exact), Just(Truncation::Nearest)]
}
