//! Products that there are triples of, and how they are layers.

use core::fmt;

use piquet_core::correlation::{ConvTriple, MatrixShape, MatrixTriple, SemiHonest};
use piquet_core::linalg::{ConvShape, ShapeError};
use piquet_core::{Ring, RingVec};

use crate::Error;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::MatrixShape {}
    impl Sealed for super::ConvShape {}
}

/// A product of which there are triples: [`MatrixShape`] or [`ConvShape`].
pub trait Shape: sealed::Sealed + Copy + fmt::Debug {
    /// What carries one party's share.
    type Triple<R: Ring>;
    /// The layers as which it can be computed, and whether factors and product are transposed there.
    #[doc(hidden)]
    fn layers(&self) -> Result<Vec<(ConvShape, bool)>, Error>;
    /// Elements of both factors.
    #[doc(hidden)]
    fn lens(&self) -> Result<[usize; 2], Error>;
    /// The layer's input and weights.
    #[doc(hidden)]
    fn place<R: Ring>(&self, transposed: bool, a: &RingVec<R>, b: &RingVec<R>) -> [RingVec<R>; 2];
    /// The product from the layer's output.
    #[doc(hidden)]
    fn output<R: Ring>(&self, transposed: bool, c: RingVec<R>) -> RingVec<R>;
    /// The carrier, if sizes agree.
    #[doc(hidden)]
    fn triple<R: Ring>(
        self,
        bits: u32,
        a: RingVec<R>,
        b: RingVec<R>,
        c: RingVec<R>,
    ) -> Option<Self::Triple<R>>;
}

impl Shape for MatrixShape {
    type Triple<R: Ring> = MatrixTriple<R, SemiHonest>;

    fn layers(&self) -> Result<Vec<(ConvShape, bool)>, Error> {
        let Self { m, k, n } = *self;
        let layers = [
            (ConvShape::matmul(m, k, n), false),
            (ConvShape::matmul(n, k, m), true),
        ];
        for (layer, _) in &layers {
            layer.validate()?;
        }
        Ok(layers.into())
    }
    fn lens(&self) -> Result<[usize; 2], Error> {
        let [a, b, _] = MatrixShape::lens(self).ok_or(ShapeError::Dimension("matrix"))?;
        Ok([a, b])
    }
    fn place<R: Ring>(&self, transposed: bool, a: &RingVec<R>, b: &RingVec<R>) -> [RingVec<R>; 2] {
        // Inputs have a row for each item of the batch, weights one for each output.
        let right = transpose(b, self.k, self.n);
        if transposed {
            [right, a.duplicate()]
        } else {
            [a.duplicate(), right]
        }
    }
    fn output<R: Ring>(&self, transposed: bool, c: RingVec<R>) -> RingVec<R> {
        if transposed {
            transpose(&c, self.n, self.m)
        } else {
            c
        }
    }
    fn triple<R: Ring>(
        self,
        bits: u32,
        a: RingVec<R>,
        b: RingVec<R>,
        c: RingVec<R>,
    ) -> Option<MatrixTriple<R, SemiHonest>> {
        MatrixTriple::from_raw(self, bits, a, b, c)
    }
}

impl Shape for ConvShape {
    type Triple<R: Ring> = ConvTriple<R, SemiHonest>;

    fn layers(&self) -> Result<Vec<(ConvShape, bool)>, Error> {
        self.validate()?;
        Ok(vec![(*self, false)])
    }
    fn lens(&self) -> Result<[usize; 2], Error> {
        Ok([self.input_len(), self.weight_len()])
    }
    fn place<R: Ring>(&self, _: bool, a: &RingVec<R>, b: &RingVec<R>) -> [RingVec<R>; 2] {
        [a.duplicate(), b.duplicate()]
    }
    fn output<R: Ring>(&self, _: bool, c: RingVec<R>) -> RingVec<R> {
        c
    }
    fn triple<R: Ring>(
        self,
        bits: u32,
        a: RingVec<R>,
        b: RingVec<R>,
        c: RingVec<R>,
    ) -> Option<ConvTriple<R, SemiHonest>> {
        ConvTriple::from_raw(self, bits, a, b, c)
    }
}

/// The transpose of a `rows` x `columns` matrix.
fn transpose<R: Ring>(x: &RingVec<R>, rows: usize, columns: usize) -> RingVec<R> {
    let mut out = RingVec::zeros(x.len());
    for (r, row) in x.as_slice().chunks_exact(columns).enumerate() {
        for (c, v) in row.iter().enumerate() {
            out.as_mut_slice()[c * rows + r] = *v;
        }
    }
    out
}
