//! Shapes and plaintext tensors, logically NCHW, or \[batch\]\[features\].

use super::ModelError;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Most elements of one tensor.
pub const MAX_ELEMENTS: usize = 1 << 31;
/// Most dimensions of one tensor.
pub const MAX_RANK: usize = 4;

/// Dimensions of a tensor, outermost first: one to four, none of them zero, their product at most [`MAX_ELEMENTS`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub struct Shape(Vec<usize>);

impl Shape {
    /// Checks the dimensions.
    pub fn new(dims: &[usize]) -> Result<Self, ModelError> {
        let refuse = |reason: &str| ModelError::Shape {
            dims: dims.iter().copied().take(8).collect(),
            reason: reason.to_owned(),
        };
        if dims.is_empty() || dims.len() > MAX_RANK {
            return Err(refuse("a tensor has one to four dimensions"));
        }
        if dims.contains(&0) {
            return Err(refuse("a dimension is zero"));
        }
        dims.iter()
            .try_fold(1usize, |p, d| {
                p.checked_mul(*d).filter(|p| *p <= MAX_ELEMENTS)
            })
            .ok_or_else(|| refuse("more than 2^31 elements"))?;
        Ok(Self(dims.to_vec()))
    }
    /// A batch of images.
    pub fn nchw(
        batch: usize,
        channels: usize,
        height: usize,
        width: usize,
    ) -> Result<Self, ModelError> {
        Self::new(&[batch, channels, height, width])
    }
    /// The dimensions.
    #[must_use]
    pub fn dims(&self) -> &[usize] {
        &self.0
    }
    /// Number of dimensions.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.0.len()
    }
    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.0.iter().product()
    }
    /// The first dimension.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.0.first().copied().unwrap_or(1)
    }
    /// The second dimension: channels or features; 1 if there is none.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.0.get(1).copied().unwrap_or(1)
    }
    /// The last dimension.
    #[must_use]
    pub fn last(&self) -> usize {
        self.0.last().copied().unwrap_or(1)
    }
    /// `[n, c, h, w]`, with 1 for the dimensions that are not there.
    #[must_use]
    pub fn as_nchw(&self) -> [usize; 4] {
        let mut out = [1; 4];
        for (o, d) in out.iter_mut().zip(&self.0) {
            *o = *d;
        }
        out
    }
}

impl TryFrom<Vec<usize>> for Shape {
    type Error = ModelError;
    fn try_from(dims: Vec<usize>) -> Result<Self, ModelError> {
        Self::new(&dims)
    }
}

impl From<Shape> for Vec<usize> {
    fn from(s: Shape) -> Self {
        s.0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, d) in self.0.iter().enumerate() {
            write!(f, "{}{d}", if i == 0 { "" } else { "x" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A tensor in row-major order. Its `Debug` shows the shape only, because it may hold someone's weights or picture.
#[derive(Clone, PartialEq)]
pub struct Tensor<T> {
    shape: Shape,
    data: Vec<T>,
}

/// Real numbers.
pub type TensorF32 = Tensor<f32>;
/// Raw fixed-point numbers.
pub type TensorI64 = Tensor<i64>;

impl<T> Tensor<T> {
    /// Checks that the data fill the shape.
    pub fn new(shape: Shape, data: Vec<T>) -> Result<Self, ModelError> {
        let want = shape.elements();
        if data.len() == want {
            Ok(Self { shape, data })
        } else {
            Err(ModelError::Elements {
                shape,
                want,
                got: data.len(),
            })
        }
    }
    /// All elements equal.
    #[must_use]
    pub fn filled(shape: Shape, value: T) -> Self
    where
        T: Clone,
    {
        let data = vec![value; shape.elements()];
        Self { shape, data }
    }
    /// The shape.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }
    /// The elements.
    #[must_use]
    pub fn data(&self) -> &[T] {
        &self.data
    }
    /// The elements.
    #[must_use]
    pub fn data_mut(&mut self) -> &mut [T] {
        &mut self.data
    }
    /// The elements, moved out.
    #[must_use]
    pub fn into_data(self) -> Vec<T> {
        self.data
    }
}

impl TensorF32 {
    /// Smallest and largest element.
    #[must_use]
    pub fn range(&self) -> (f32, f32) {
        self.data
            .iter()
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), x| {
                (lo.min(*x), hi.max(*x))
            })
    }
}

impl<T> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor[{}]", self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_shapes_are_refused() {
        for dims in [
            &[][..],
            &[1, 0],
            &[1; 5],
            &[1 << 16, 1 << 16],
            &[usize::MAX, usize::MAX],
        ] {
            assert!(Shape::new(dims).is_err(), "{dims:?}");
        }
        let s = Shape::nchw(2, 3, 4, 5).unwrap();
        assert_eq!((s.elements(), s.to_string().as_str()), (120, "2x3x4x5"));
        assert!(Tensor::new(s, vec![0f32; 119]).is_err());
    }

    #[test]
    fn debug_shows_no_element() {
        let t = Tensor::filled(Shape::new(&[2, 2]).unwrap(), 3.5f32);
        assert_eq!(format!("{t:?}"), "Tensor[2x2]");
    }
}
