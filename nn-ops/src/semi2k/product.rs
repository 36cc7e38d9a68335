//! Sums of products of values that are all secret, element by element or of matrices (Beaver, CRYPTO 1991).
//!
//! Every operand x of a step is masked by one fresh free vector A, and `E = x - A` is opened; the products that it is
//! a factor of share both. With `y = B + F` likewise, and `*` elementwise or of matrices,
//!
//! `x * y = E * B + A * F + E * F + A * B`.
//!
//! Party i computes the sum of `E * B_i + A_i * F`, one party with `B_i + F` in the place of `B_i`, and adds its
//! share of what is to be added. The dealer knows all masks, and deals for each sum what follows from `sum A * B`: a
//! share of it if nothing is to be rescaled, else what `truncate` says under *after a product*, which hides it. So a
//! sum costs no more than one product but for the openings of its operands, and a square opens one.
//!
//! Security: an operand is opened once under a mask that masks nothing else, so all that is opened is uniform and
//! independent to any n - 1 parties. What is dealt of the products of these masks is, for each sum, under fresh
//! randomness of its own: shares of which they lack one, or the mask R of the rescaling. How many products have a
//! factor in common does therefore not matter.

use piquet_core::linalg::{ConvShape, PackedWeights};
use piquet_core::{Ring, RingVec, lanes};

use super::item::{Cut, Form, Item};
use super::party::{Semi2k, Semi2kArith};
use super::piece::{fresh, sum};
use super::truncate::openings;
use crate::Error;
use crate::engine::{Dot, MatMul, Rescale, check_dot, check_matmul, check_mul, matmul_shape};
use crate::model::Shape;
use crate::parts::pieces::covered;
use crate::parts::words::message;
use crate::pool::Pool;
use crate::walk::Products;

/// A left and a right factor.
type Factors<'a, R> = (&'a [R], &'a [R]);

/// Adds the sum of the products of factors to `out`.
pub(super) fn accumulate<R: Ring>(
    pool: &Pool,
    form: &Form,
    factors: &[Factors<'_, R>],
    out: &mut [R],
) -> Result<(), Error> {
    match form {
        Form::Elements => {
            for two in factors.chunks(2) {
                match two {
                    [(a, b), (c, d)] => lanes::zip4(out, a, b, c, d, |z, a, b, c, d| {
                        z.add(a.mul(b)).add(c.mul(d))
                    }),
                    _ => {
                        for (a, b) in two {
                            lanes::zip2(out, a, b, |z, a, b| z.add(a.mul(b)));
                        }
                    }
                }
            }
            Ok(())
        }
        Form::Matrices(op) => matrices(pool, op, factors, out),
    }
}

/// The same for matrices.
fn matrices<R: Ring>(
    pool: &Pool,
    op: &MatMul,
    factors: &[Factors<'_, R>],
    out: &mut [R],
) -> Result<(), Error> {
    let [left, right, product] = [
        op.rows * op.inner,
        op.inner * op.columns,
        op.rows * op.columns,
    ];
    let mut sum = RingVec::<R>::zeros(product);
    for (i, out) in out.chunks_exact_mut(product.max(1)).enumerate() {
        if op.columns == 1 || (op.rows == 1 && op.transposed) {
            // Inner products of one vector with the rows of the other factor.
            for (a, b) in factors {
                let a = matrix(a, left, i);
                let b = matrix(b, right, i);
                let (rows, vector) = if op.columns == 1 { (a, b) } else { (b, a) };
                for (z, row) in out.iter_mut().zip(rows.chunks_exact(op.inner.max(1))) {
                    let products = row.iter().zip(vector).map(|(a, b)| a.mul(*b));
                    *z = products.fold(*z, R::add);
                }
            }
            continue;
        }
        let shape = ConvShape::matmul(op.rows, op.inner, op.columns);
        let packed = factors
            .iter()
            .map(|(_, b)| {
                let b = matrix(b, right, i);
                match op.transposed {
                    true => PackedWeights::pack(&shape, b),
                    false => PackedWeights::pack_matrix(op.inner, op.columns, b),
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        let terms: Vec<_> = factors
            .iter()
            .zip(&packed)
            .map(|((a, _), b)| (matrix(a, left, i), b))
            .collect();
        pool.conv2d(&shape, &terms, sum.as_mut_slice())?;
        lanes::zip(out, sum.as_slice(), R::add);
    }
    Ok(())
}

/// Matrix `i` of a batch of matrices of so many elements.
fn matrix<R>(all: &[R], len: usize, i: usize) -> &[R] {
    all.get(i * len..(i + 1) * len).unwrap_or_default()
}

/// One of some vectors.
fn part<'a, R>(all: &[&'a [R]], i: usize) -> &'a [R] {
    all.get(i).copied().unwrap_or_default()
}

/// Where each of some vectors lies among them joined.
fn split<'a, R>(lens: &[usize], joined: &'a [R]) -> Vec<&'a [R]> {
    let mut rest = joined;
    let mut next = |n: &usize| {
        let (part, after) = rest.split_at_checked(*n).unwrap_or_default();
        rest = after;
        part
    };
    lens.iter().map(&mut next).collect()
}

/// The next elements of some vectors of these lengths, which lie one after the other.
fn append<R: Ring>(vectors: &mut [RingVec<R>], lens: &[usize], mut next: &[R]) {
    for (v, len) in vectors.iter_mut().zip(lens) {
        let room = len.saturating_sub(v.len()).min(next.len());
        let (now, later) = next.split_at(room);
        v.extend_from_slice(now);
        next = later;
    }
}

/// Dealer: the sums of products of masks, from the masks of all operands joined.
pub(super) fn products_of_masks<R: Ring>(
    pool: &Pool,
    item: &Item,
    masks: &RingVec<R>,
) -> Result<Vec<RingVec<R>>, Error> {
    let Item::Products { products, form, .. } = item else {
        return Ok(Vec::new());
    };
    let masks = split(products.operands(), masks.as_slice());
    let mut out = Vec::new();
    for (factors, len) in products.sums().iter().zip(item.lens()) {
        let factors: Vec<_> = factors
            .iter()
            .map(|(i, j)| (part(&masks, *i), part(&masks, *j)))
            .collect();
        let mut sum = RingVec::zeros(len);
        accumulate(pool, form, &factors, sum.as_mut_slice())?;
        out.push(sum);
    }
    Ok(out)
}

impl<R: Ring> Semi2k<R> {
    /// Elementwise products.
    pub(super) fn mul_impl(
        &mut self,
        pairs: &[(&Semi2kArith<R>, &Semi2kArith<R>)],
        rescale: Rescale,
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        for (x, y) in pairs {
            check_mul(&x.spec, &y.spec, &rescale)?;
        }
        let (products, operands) = Products::of(pairs.iter().map(|p| [*p]), |x| x.spec.len());
        let results: Vec<_> = pairs.iter().map(|(x, _)| (&x.spec.shape, None)).collect();
        self.products(products, &operands, Form::Elements, &results, rescale)
    }

    /// Sums of them.
    pub(super) fn dot_impl(
        &mut self,
        sums: &[Dot<'_, Semi2kArith<R>>],
        rescale: Rescale,
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        let mut results = Vec::with_capacity(sums.len());
        for sum in sums {
            let specs: Vec<_> = sum
                .products
                .iter()
                .map(|(a, b)| (&a.spec, &b.spec))
                .collect();
            check_dot(&specs, sum.plus.map(|p| &p.spec), &rescale)?;
            if let Some((a, _)) = sum.products.first() {
                results.push((&a.spec.shape, sum.plus));
            }
        }
        let factors = sums.iter().map(|s| s.products.iter().copied());
        let (products, operands) = Products::of(factors, |x| x.spec.len());
        self.products(products, &operands, Form::Elements, &results, rescale)
    }

    /// Products of matrices.
    pub(super) fn matmul_impl(
        &mut self,
        pairs: &[(&Semi2kArith<R>, &Semi2kArith<R>)],
        op: &MatMul,
        rescale: Rescale,
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        let shape = matmul_shape(op)?;
        for (x, y) in pairs {
            check_matmul(&x.spec, &y.spec, op, &rescale)?;
        }
        let (products, operands) = Products::of(pairs.iter().map(|p| [*p]), |x| x.spec.len());
        let results: Vec<_> = pairs.iter().map(|_| (&shape, None)).collect();
        self.products(products, &operands, Form::Matrices(*op), &results, rescale)
    }

    /// Sums of products, each with its shape and what is added to it before it is rescaled.
    fn products(
        &mut self,
        products: Products,
        operands: &[&Semi2kArith<R>],
        form: Form,
        results: &[(&Shape, Option<&Semi2kArith<R>>)],
        rescale: Rescale,
    ) -> Result<Vec<Semi2kArith<R>>, Error> {
        let cut = Cut::of(&rescale, self.me.count())?;
        let item = Item::Products {
            products,
            form,
            cut,
        };
        let (masked, pieces) = self.begin(&item, openings(cut))?;
        let Item::Products { products, form, .. } = &item else {
            return Ok(Vec::new());
        };
        let lens = products.operands();
        let room = || lens.iter().map(|n| self.shelf.take(*n)).collect::<Vec<_>>();
        let (mut masks, mut opened) = (room(), room());
        let x: Vec<&[R]> = operands.iter().map(|x| x.share.as_slice()).collect();
        self.open(
            fresh(masked),
            |piece, ()| {
                let mut e = piece.batch.free::<R>(piece.len())?;
                append(&mut masks, lens, e.as_slice());
                let mut rest = e.as_mut_slice();
                for x in covered(&x, piece.range.clone()) {
                    let (part, after) = rest.split_at_mut_checked(x.len()).unwrap_or_default();
                    lanes::zip(part, x, |a, x| x.sub(a));
                    rest = after;
                }
                Ok((message(&e), e))
            },
            |_, e, theirs| {
                append(&mut opened, lens, sum(e, theirs).as_slice());
                Ok(())
            },
        )?;
        let summands = self.summands(products, form, &masks, &opened, results)?;
        masks
            .into_iter()
            .chain(opened)
            .for_each(|v| self.shelf.put(v));
        let shares = self.cut_product(pieces, summands, cut, &rescale)?;
        self.ariths(results.iter().map(|(s, _)| (*s, rescale.to)), shares)
    }

    /// This party's summands of all sums but for the products of masks, from the masks of all operands and from what was
    /// opened.
    fn summands(
        &self,
        products: &Products,
        form: &Form,
        masks: &[RingVec<R>],
        opened: &[RingVec<R>],
        results: &[(&Shape, Option<&Semi2kArith<R>>)],
    ) -> Result<Vec<RingVec<R>>, Error> {
        // One party takes what was opened of a right factor with its share of the mask.
        let mut sums = Vec::new();
        if self.adds() {
            for (i, (a, e)) in masks.iter().zip(opened).enumerate() {
                let mut factors = products.sums().iter().flatten();
                sums.push(match factors.any(|(_, right)| *right == i) {
                    true => {
                        let mut sum = self.shelf.copy(a.as_slice());
                        sum.add_assign(e.as_slice());
                        sum
                    }
                    false => RingVec::zeros(0),
                });
            }
        }
        let right = if self.adds() { &sums } else { masks };
        let [a, e, b] = [masks, opened, right].map(|all| {
            let slices = all.iter().map(RingVec::as_slice);
            slices.collect::<Vec<_>>()
        });
        let mut out = Vec::with_capacity(results.len());
        for (factors, (shape, plus)) in products.sums().iter().zip(results) {
            let mut z = match plus {
                Some(plus) => self.shelf.copy(plus.share.as_slice()),
                None => {
                    let mut z = self.shelf.take(shape.elements());
                    z.resize(shape.elements());
                    z
                }
            };
            let mut terms = Vec::with_capacity(2 * factors.len());
            for (i, j) in factors {
                terms.push((part(&e, *i), part(&b, *j)));
                terms.push((part(&a, *i), part(&e, *j)));
            }
            accumulate(&self.pool, form, &terms, z.as_mut_slice())?;
            out.push(z);
        }
        sums.into_iter().for_each(|v| self.shelf.put(v));
        Ok(out)
    }
}
