//! The bilinear maps over a ring that triples exist for.

use core::fmt;

use piquet_core::{
    Ring, RingVec,
    linalg::{ConvShape, PackedWeights, conv2d},
};

use crate::Error;

/// Which product, and of what sizes. All sizes are at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Product {
    /// `len` products of elements.
    Elements {
        /// Number of products.
        len: usize,
    },
    /// A row-major `m x k` by `k x n` matrix product.
    MatMul {
        /// Rows of the left factor.
        m: usize,
        /// Columns of the left factor.
        k: usize,
        /// Columns of the right factor.
        n: usize,
    },
    /// A convolution: `[batch][height][width][channel]` by `[out][in / groups][kh][kw]`.
    Conv(ConvShape),
}

impl Product {
    /// Checks that no size is 0 and that all element counts fit in memory.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::TooLarge`], [`Error::Shape`].
    pub fn validate(&self) -> Result<(), Error> {
        match self {
            Self::Elements { len: 0 } => Err(Error::Empty),
            Self::Elements { len } if *len > isize::MAX as usize / 64 => Err(Error::TooLarge),
            Self::Elements { .. } => Ok(()),
            Self::MatMul { m, k, n } => Ok(ConvShape::matmul(*m, *k, *n).validate()?),
            Self::Conv(shape) => Ok(shape.validate()?),
        }
    }
    /// Elements of the left factor of a valid product.
    #[must_use]
    pub fn left_len(&self) -> usize {
        match self {
            Self::Elements { len } => *len,
            Self::MatMul { m, k, .. } => m * k,
            Self::Conv(shape) => shape.input_len(),
        }
    }
    /// Elements of the right factor of a valid product.
    #[must_use]
    pub fn right_len(&self) -> usize {
        match self {
            Self::Elements { len } => *len,
            Self::MatMul { k, n, .. } => k * n,
            Self::Conv(shape) => shape.weight_len(),
        }
    }
    /// Elements of the result of a valid product.
    #[must_use]
    pub fn output_len(&self) -> usize {
        match self {
            Self::Elements { len } => *len,
            Self::MatMul { m, n, .. } => m * n,
            Self::Conv(shape) => shape.output_len(),
        }
    }

    /// Adds the products of the pairs to `out`.
    pub(crate) fn accumulate<R: Ring>(
        &self,
        pairs: &[(&[R], &[R])],
        out: &mut RingVec<R>,
    ) -> Result<(), Error> {
        let (shape, pack): (ConvShape, Pack<R>) = match *self {
            Self::Elements { .. } => {
                for (x, y) in pairs {
                    let factors = x.iter().zip(*y);
                    for (z, (x, y)) in out.as_mut_slice().iter_mut().zip(factors) {
                        *z = z.add(x.mul(*y));
                    }
                }
                return Ok(());
            }
            Self::MatMul { m, k, n } => (
                ConvShape::matmul(m, k, n),
                Box::new(move |y| PackedWeights::pack_matrix(k, n, y)),
            ),
            Self::Conv(shape) => (shape, Box::new(move |y| PackedWeights::pack(&shape, y))),
        };
        let packed = pairs
            .iter()
            .map(|(_, y)| pack(y))
            .collect::<Result<Vec<_>, _>>()?;
        let terms: Vec<_> = pairs.iter().map(|(x, _)| *x).zip(&packed).collect();
        let mut sum = RingVec::<R>::zeros(self.output_len());
        conv2d(&shape, &terms, sum.as_mut_slice())?;
        out.add_assign(sum.as_slice());
        Ok(())
    }
}

type Pack<R> = Box<dyn Fn(&[R]) -> Result<PackedWeights<R>, piquet_core::linalg::ShapeError>>;

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elements { len } => write!(f, "{len} products"),
            Self::MatMul { m, k, n } => write!(f, "matrix product {m}x{k} by {k}x{n}"),
            Self::Conv(s) => write!(
                f,
                "convolution {}x{}x{}x{} to {} channels, kernel {}x{}",
                s.batch,
                s.input[0],
                s.input[1],
                s.in_channels,
                s.out_channels,
                s.kernel[0],
                s.kernel[1]
            ),
        }
    }
}
