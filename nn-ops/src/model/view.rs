//! Rearrangements of a tensor's elements: strided views and padding. They depend on shapes alone, so parties compute them
//! without talking.

use super::{ModelError, Shape, Tensor, tensor};
use serde::{Deserialize, Serialize};

/// Most nested dimensions of a [`View`].
const MAX_DIMS: usize = 8;
/// Largest padding of one side.
const MAX_PAD: usize = 1 << 12;

/// A strided view: a transpose, slice, split, broadcast, channel shuffle, reshape, or several of them at once.
///
/// Element `(i_0, i_1, ..)` of `dims` is element `offset + i_0 * strides[0] + i_1 * strides[1] + ..` of the input, both in
/// row-major order; the result has the elements in that order and the dimensions `shape`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// Nested dimensions, outermost first: one to eight.
    pub dims: Vec<usize>,
    /// How far apart neighbours along each of them are in the input; 0 repeats, negative ones run backwards.
    pub strides: Vec<i64>,
    /// The first element.
    pub offset: usize,
    /// Dimensions of the result; as many elements as `dims`.
    pub shape: Vec<usize>,
}

impl View {
    /// All elements of `from` in their order, under other dimensions.
    #[must_use]
    pub fn reshape(from: &[usize], shape: &[usize]) -> Self {
        Self {
            dims: from.to_vec(),
            strides: row_major(from),
            offset: 0,
            shape: shape.to_vec(),
        }
    }

    /// Dimension `d` of the result is dimension `permutation[d]` of `from`.
    #[must_use]
    pub fn transpose(from: &[usize], permutation: &[usize]) -> Self {
        let strides = row_major(from);
        let pick = |d: &usize| Some((*from.get(*d)?, *strides.get(*d)?));
        let (dims, strides): (Vec<_>, Vec<_>) = permutation.iter().filter_map(pick).unzip();
        Self {
            shape: dims.clone(),
            dims,
            strides,
            offset: 0,
        }
    }

    /// `len` elements along `axis` of `from`: `start`, `start + step`, and so on.
    #[must_use]
    pub fn slice(from: &[usize], axis: usize, start: usize, len: usize, step: i64) -> Self {
        let (mut dims, mut strides) = (from.to_vec(), row_major(from));
        let mut offset = 0;
        if let (Some(d), Some(s)) = (dims.get_mut(axis), strides.get_mut(axis)) {
            *d = len;
            offset = start.saturating_mul(usize::try_from(*s).unwrap_or(usize::MAX));
            *s = s.saturating_mul(step);
        }
        Self {
            shape: dims.clone(),
            dims,
            strides,
            offset,
        }
    }

    /// `from` repeated along its dimensions of 1 (and along those it lacks in front) to the dimensions `to`.
    #[must_use]
    pub fn broadcast(from: &[usize], to: &[usize]) -> Self {
        let lacking = to.len().saturating_sub(from.len());
        let own = row_major(from);
        let along = |d: usize| {
            let at = d.checked_sub(lacking)?;
            (*from.get(at)? != 1).then(|| own.get(at).copied())?
        };
        Self {
            dims: to.to_vec(),
            strides: (0..to.len()).map(|d| along(d).unwrap_or(0)).collect(),
            offset: 0,
            shape: to.to_vec(),
        }
    }

    pub(super) fn infer(&self, x: &Shape) -> Result<Shape, String> {
        let shape = Shape::new(&self.shape).map_err(|e| e.to_string())?;
        if self.dims.is_empty() || self.dims.len() > MAX_DIMS {
            return Err(format!("a view has 1 to {MAX_DIMS} nested dimensions"));
        }
        if self.dims.len() != self.strides.len() {
            return Err("a view has as many strides as dimensions".to_owned());
        }
        let elements = self.dims.iter().try_fold(1usize, |n, d| {
            n.checked_mul(*d)
                .filter(|n| (1..=tensor::MAX_ELEMENTS).contains(n))
        });
        if elements != Some(shape.elements()) {
            return Err(format!(
                "a view of dimensions {:?} does not fill the shape {shape}",
                self.dims
            ));
        }
        // The product of a dimension and a stride takes less than 31 + 64 bits, and there are at most eight.
        let (mut low, mut high) = (self.offset as i128, self.offset as i128);
        for (d, s) in self.dims.iter().zip(&self.strides) {
            let reach = (*d as i128 - 1) * i128::from(*s);
            low += reach.min(0);
            high += reach.max(0);
        }
        if low < 0 || high >= x.elements() as i128 {
            return Err(format!(
                "a view of elements {low} to {high} does not lie within {x}"
            ));
        }
        Ok(shape)
    }

    /// The view of a tensor in the clear.
    pub fn apply<T: Copy>(&self, x: &Tensor<T>) -> Result<Tensor<T>, ModelError> {
        let refuse = |reason: String| ModelError::Shape {
            dims: x.shape().dims().to_vec(),
            reason,
        };
        let shape = self.infer(x.shape()).map_err(refuse)?;
        let picked = self.sources().filter_map(|i| x.data().get(i).copied());
        Tensor::new(shape, picked.collect())
    }

    /// For each element of the result in row-major order, the element of the input that it is. For a view that is valid for
    /// its input.
    pub(crate) fn sources(&self) -> impl Iterator<Item = usize> {
        let mut at = vec![0usize; self.dims.len()];
        let mut next = self.offset as i64;
        let count = self.dims.iter().product();
        (0..count).map(move |_| {
            let here = next;
            for ((i, d), s) in at.iter_mut().zip(&self.dims).zip(&self.strides).rev() {
                *i += 1;
                next = next.wrapping_add(*s);
                if *i < *d {
                    break;
                }
                next = next.wrapping_sub(s.wrapping_mul(*i as i64));
                *i = 0;
            }
            here as usize
        })
    }
}

/// Strides of a tensor in row-major order.
fn row_major(dims: &[usize]) -> Vec<i64> {
    let mut strides = vec![1i64; dims.len()];
    let mut inner = 1i64;
    for (s, d) in strides.iter_mut().zip(dims).rev() {
        *s = inner;
        inner = inner.saturating_mul(i64::try_from(*d).unwrap_or(i64::MAX));
    }
    strides
}

/// What stands beyond the edge of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PadMode {
    /// Zeros.
    Zero,
    /// The picture mirrored at its last row or column.
    Reflect,
    /// The last row or column again.
    Edge,
}

/// More rows and columns around every channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// Top, left, bottom and right.
    pub padding: [usize; 4],
    /// What is in them.
    pub mode: PadMode,
}

impl Pad {
    pub(super) fn infer(&self, x: &Shape) -> Result<Shape, String> {
        let ([n, c, h, w], [t, l, b, r]) = (x.as_nchw(), self.padding);
        if self.padding.iter().any(|p| *p > MAX_PAD) {
            return Err(format!("a padding above {MAX_PAD}"));
        }
        if self.mode == PadMode::Reflect && (t.max(b) >= h || l.max(r) >= w) {
            return Err(format!(
                "reflected padding {:?} needs more rows and columns than {x} has",
                self.padding
            ));
        }
        Shape::nchw(n, c, h + t + b, w + l + r).map_err(|e| e.to_string())
    }

    /// Rows and columns of the input of `h` by `w` that stand in those of the result; `None` for zeros.
    pub(crate) fn sources(&self, [h, w]: [usize; 2]) -> [Vec<Option<usize>>; 2] {
        let [t, l, b, r] = self.padding;
        let side = |n: usize, before: usize, after: usize| {
            let one = |o: usize| match (o.checked_sub(before), self.mode) {
                (Some(i), _) if i < n => Some(i),
                (_, PadMode::Zero) => None,
                (None, PadMode::Edge) => Some(0),
                (None, PadMode::Reflect) => Some(before - o),
                (Some(_), PadMode::Edge) => n.checked_sub(1),
                (Some(i), PadMode::Reflect) => (2 * n).checked_sub(2 + i),
            };
            (0..before + n + after).map(one).collect()
        };
        [side(h, t, b), side(w, l, r)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn picked(view: &View, from: &[usize]) -> Vec<usize> {
        let shape = view.infer(&Shape::new(from).unwrap()).unwrap();
        let all: Vec<usize> = view.sources().collect();
        assert_eq!(all.len(), shape.elements());
        all
    }

    #[test]
    fn views_pick_what_they_say() {
        assert_eq!(
            picked(&View::transpose(&[2, 3], &[1, 0]), &[2, 3]),
            [0, 3, 1, 4, 2, 5]
        );
        assert_eq!(
            picked(&View::slice(&[2, 4], 1, 3, 2, -2), &[2, 4]),
            [3, 1, 7, 5]
        );
        assert_eq!(
            picked(&View::broadcast(&[2, 1], &[2, 2, 3]), &[2, 1]),
            [0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1]
        );
        assert_eq!(
            picked(&View::reshape(&[2, 2], &[4, 1]), &[2, 2]),
            [0, 1, 2, 3]
        );
    }

    #[test]
    fn views_beyond_their_input_are_refused() {
        let x = Shape::new(&[2, 3]).unwrap();
        let good = View::transpose(&[2, 3], &[1, 0]);
        let bad = [
            View {
                offset: 1,
                ..good.clone()
            },
            View {
                strides: vec![-1, 3],
                ..good.clone()
            },
            View {
                strides: vec![i64::MIN, i64::MAX],
                ..good.clone()
            },
            View {
                strides: vec![1],
                ..good.clone()
            },
            View {
                dims: vec![],
                strides: vec![],
                ..good.clone()
            },
            View {
                dims: vec![1; 9],
                strides: vec![1; 9],
                ..good.clone()
            },
            View {
                dims: vec![3, 0],
                ..good.clone()
            },
            View {
                dims: vec![usize::MAX, 2],
                ..good.clone()
            },
            View {
                shape: vec![7],
                ..good.clone()
            },
        ];
        for view in bad {
            assert!(view.infer(&x).is_err(), "{view:?}");
        }
        assert!(good.infer(&x).is_ok());
    }

    #[test]
    fn padding_mirrors_and_repeats() {
        let sources = |mode| {
            let pad = Pad {
                padding: [2, 0, 1, 0],
                mode,
            };
            pad.sources([3, 1])[0].clone()
        };
        let all = |v: [i32; 6]| v.map(|i| usize::try_from(i).ok()).to_vec();
        assert_eq!(sources(PadMode::Zero), all([-1, -1, 0, 1, 2, -1]));
        assert_eq!(sources(PadMode::Edge), all([0, 0, 0, 1, 2, 2]));
        assert_eq!(sources(PadMode::Reflect), all([2, 1, 0, 1, 2, 1]));
    }

    proptest! {
        #[test]
        fn a_transpose_of_a_transpose_is_the_tensor(
            dims in prop::array::uniform4(1usize..5),
            swap in (0usize..4, 0usize..4),
        ) {
            let mut permutation = [0, 1, 2, 3];
            permutation.swap(swap.0, swap.1);
            let there = View::transpose(&dims, &permutation);
            let back = View::transpose(&there.shape, &permutation);
            let there = picked(&there, &dims);
            let again: Vec<usize> = back.sources().map(|i| there[i]).collect();
            prop_assert!(again.iter().copied().eq(0..there.len()));
        }
    }
}
