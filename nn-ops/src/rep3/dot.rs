//! Sums of elementwise products, and products of secret matrices.
//!
//! The five local products of `linear`: with `r = x_0 + x_1`, `rho = y_0 + y_1` at party 0 and `c = x_2`, `gamma =
//! y_2` at parties 1 and 2, `x y` is the sum of `r rho` (party 0), `x_1 gamma + c y_1` (party 1) and `x_0 gamma + c
//! (y_0 + gamma)` (party 2). Such summands are linear in the products, so each party adds those of all products of a
//! sum, and its first component of a value that is added; the sum is rescaled and shared afresh once. Nothing else is
//! sent: `truncate` masks whatever leaves a party, and has the argument for it.

use piquet_core::linalg::{ConvShape, PackedWeights};
use piquet_core::{Ring, RingVec, lanes};
use piquet_secret_sharing::Rep3Party;

use super::party::{Rep3, Rep3Arith};
use crate::Error;
use crate::engine::{Dot, MatMul, Rescale, check_dot, check_matmul, check_mul, matmul_shape};
use crate::model::Shape;
use crate::parts::words::BLOCK;

/// Both components of both factors, some elements of them.
type Factors<'a, R> = [&'a [R]; 4];

fn factors<'a, R: Ring>(a: &'a Rep3Arith<R>, b: &'a Rep3Arith<R>) -> Factors<'a, R> {
    let ((a0, a1), (b0, b1)) = (a.share.raw_components(), b.share.raw_components());
    [a0, a1, b0, b1]
}

/// Adds this party's summand of products.
fn add_products<R: Ring>(me: Rep3Party, z: &mut [R], [a0, a1, b0, b1]: Factors<'_, R>) {
    match me {
        Rep3Party::P0 => lanes::zip4(z, a0, a1, b0, b1, |z, a0, a1, b0, b1| {
            z.add(a0.add(a1).mul(b0.add(b1)))
        }),
        Rep3Party::P1 => lanes::zip4(z, a0, a1, b0, b1, |z, a0, a1, b0, b1| {
            z.add(a0.mul(b1)).add(a1.mul(b0))
        }),
        Rep3Party::P2 => lanes::zip4(z, a0, a1, b0, b1, |z, a0, a1, b0, b1| {
            z.add(a0.mul(b0.add(b1))).add(a1.mul(b0))
        }),
    }
}

impl<R: Ring> Rep3<R> {
    pub(super) fn mul_impl(
        &mut self,
        pairs: &[(&Rep3Arith<R>, &Rep3Arith<R>)],
        rescale: Rescale,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        for (a, b) in pairs {
            check_mul(&a.spec, &b.spec, &rescale)?;
        }
        let summands = pairs
            .iter()
            .map(|(a, b)| self.sum_of_products(&[(*a, *b)], None))
            .collect();
        let shapes = pairs.iter().map(|(a, _)| &a.spec.shape);
        self.rescaled(summands, shapes, rescale)
    }

    pub(super) fn dot_impl(
        &mut self,
        sums: &[Dot<'_, Rep3Arith<R>>],
        rescale: Rescale,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        for sum in sums {
            let specs = sum.products.iter().map(|(a, b)| (&a.spec, &b.spec));
            let specs: Vec<_> = specs.collect();
            check_dot(&specs, sum.plus.map(|p| &p.spec), &rescale)?;
        }
        let summands = sums
            .iter()
            .map(|s| self.sum_of_products(&s.products, s.plus))
            .collect();
        let firsts = sums.iter().filter_map(|s| s.products.first());
        self.rescaled(summands, firsts.map(|(a, _)| &a.spec.shape), rescale)
    }

    /// This party's summand, block by block, so that the sum stays in cache over all products.
    fn sum_of_products(
        &self,
        products: &[(&Rep3Arith<R>, &Rep3Arith<R>)],
        plus: Option<&Rep3Arith<R>>,
    ) -> RingVec<R> {
        let len = products.first().map_or(0, |(a, _)| a.spec.len());
        let products: Vec<_> = products.iter().map(|(a, b)| factors(a, b)).collect();
        let plus = plus.map(|p| p.share.raw_components().0);
        let mut z = self.shelf.take(len);
        for first in (0..len).step_by(BLOCK) {
            let range = first..len.min(first + BLOCK);
            match plus {
                Some(p) => z.extend_from_slice(p.get(range.clone()).unwrap_or_default()),
                None => z.resize(range.end),
            }
            let z = z.as_mut_slice().get_mut(range.clone()).unwrap_or_default();
            for factors in &products {
                let part = factors.map(|f| f.get(range.clone()).unwrap_or_default());
                add_products(self.me, z, part);
            }
        }
        z
    }

    /// Results of `shapes` from this party's summands.
    fn rescaled<'a>(
        &mut self,
        summands: Vec<RingVec<R>>,
        shapes: impl Iterator<Item = &'a Shape>,
        rescale: Rescale,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        let z: Vec<&[R]> = summands.iter().map(RingVec::as_slice).collect();
        let fresh = self.truncate(&z, rescale)?;
        summands.into_iter().for_each(|z| self.shelf.put(z));
        shapes
            .zip(fresh)
            .map(|(shape, (mine, next))| self.arith(shape, rescale.to, mine, next))
            .collect()
    }

    pub(super) fn matmul_impl(
        &mut self,
        pairs: &[(&Rep3Arith<R>, &Rep3Arith<R>)],
        op: &MatMul,
        rescale: Rescale,
    ) -> Result<Vec<Rep3Arith<R>>, Error> {
        let shape = matmul_shape(op)?;
        let mut summands = Vec::with_capacity(pairs.len());
        for (a, b) in pairs {
            check_matmul(&a.spec, &b.spec, op, &rescale)?;
            // A column is a row that lies transposed.
            summands.push(match (op.rows, op.columns) {
                (1, 1) => self.inner_products(factors(a, b), op.inner),
                _ => self.matrices(factors(a, b), op)?,
            });
        }
        self.rescaled(summands, pairs.iter().map(|_| &shape), rescale)
    }

    /// Inner products of rows: elementwise products of some rows at a time, added up.
    fn inner_products(&self, factors: Factors<'_, R>, inner: usize) -> RingVec<R> {
        let inner = inner.max(1);
        let len = factors.first().map_or(0, |f| f.len());
        let rows = (BLOCK / inner).max(1) * inner;
        let mut products = RingVec::zeros(rows.min(len));
        let mut z = self.shelf.take(len / inner);
        for first in (0..len).step_by(rows) {
            let range = first..len.min(first + rows);
            let part = factors.map(|f| f.get(range.clone()).unwrap_or_default());
            let products = products.as_mut_slice().get_mut(..range.len());
            let products = products.unwrap_or_default();
            products.fill(R::ZERO);
            add_products(self.me, products, part);
            for row in products.chunks_exact(inner) {
                let sum = row.iter().fold(R::ZERO, |sum, p| sum.add(*p));
                z.extend_from_slice(&[sum]);
            }
        }
        z
    }

    /// Products of matrices by the kernels of linear layers, the right one packed for each.
    fn matrices(&self, [a0, a1, b0, b1]: Factors<'_, R>, op: &MatMul) -> Result<RingVec<R>, Error> {
        let shape = ConvShape::matmul(op.rows, op.inner, op.columns);
        let [.., len] = op.lens();
        let mut z = self.shelf.take(len);
        z.resize(len);
        let pack = |w: &[R]| match op.transposed {
            true => PackedWeights::pack(&shape, w),
            false => PackedWeights::pack_matrix(op.inner, op.columns, w),
        };
        let mut sum = RingVec::<R>::default();
        let mut left = RingVec::<R>::default();
        let added = |sum: &mut RingVec<R>, a: &[R], b: &[R]| {
            sum.clear();
            sum.extend_from_slice(a);
            sum.add_assign(b);
        };
        let a = a0.chunks_exact((op.rows * op.inner).max(1));
        let a = a.zip(a1.chunks_exact((op.rows * op.inner).max(1)));
        let b = b0.chunks_exact((op.inner * op.columns).max(1));
        let b = b.zip(b1.chunks_exact((op.inner * op.columns).max(1)));
        let out = z
            .as_mut_slice()
            .chunks_exact_mut((op.rows * op.columns).max(1));
        for ((out, (a0, a1)), (b0, b1)) in out.zip(a).zip(b) {
            match self.me {
                Rep3Party::P0 => {
                    added(&mut left, a0, a1);
                    added(&mut sum, b0, b1);
                    let w = pack(sum.as_slice())?;
                    self.pool.conv2d(&shape, &[(left.as_slice(), &w)], out)?;
                }
                Rep3Party::P1 => {
                    let (w, v) = (pack(b1)?, pack(b0)?);
                    self.pool.conv2d(&shape, &[(a0, &w), (a1, &v)], out)?;
                }
                Rep3Party::P2 => {
                    added(&mut sum, b0, b1);
                    let (w, v) = (pack(sum.as_slice())?, pack(b0)?);
                    self.pool.conv2d(&shape, &[(a0, &w), (a1, &v)], out)?;
                }
            }
        }
        Ok(z)
    }
}
