//! Where the elements of a tensor are in the data of another: the algebra behind every operator that only moves
//! elements.
//!
//! Transposes, slices, splits, squeezes, broadcasts and most reshapes change a layout and touch no data; chains of
//! them become one view, and those that cancel become none.

/// Most dimensions of a tensor on its way through such operators.
pub(super) const MAX_DIMS: usize = 8;

/// Element `i_0, .., i_k` is element `offset + sum i_j * strides[j]` of the data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Layout {
    dims: Vec<usize>,
    strides: Vec<i64>,
    offset: usize,
}

impl Layout {
    /// Row-major. The product of the dimensions must have been checked.
    pub(super) fn row_major(dims: &[usize]) -> Self {
        let mut strides: Vec<i64> = Vec::with_capacity(dims.len());
        let mut stride = 1;
        for d in dims.iter().rev() {
            strides.push(stride);
            stride *= (*d).max(1) as i64;
        }
        strides.reverse();
        Self {
            dims: dims.to_vec(),
            strides,
            offset: 0,
        }
    }
    pub(super) fn dims(&self) -> &[usize] {
        &self.dims
    }
    pub(super) fn rank(&self) -> usize {
        self.dims.len()
    }
    pub(super) fn stride(&self, axis: usize) -> Option<i64> {
        self.strides.get(axis).copied()
    }
    pub(super) fn offset(&self) -> usize {
        self.offset
    }
    pub(super) fn elements(&self) -> usize {
        self.dims.iter().product()
    }
    /// Dimension j becomes what dimension `order[j]` was; `order` is a permutation.
    pub(super) fn permute(&self, order: &[usize]) -> Option<Self> {
        let mut seen = vec![false; self.rank()];
        for axis in order {
            let seen = seen.get_mut(*axis)?;
            if core::mem::replace(seen, true) {
                return None;
            }
        }
        if order.len() != self.rank() {
            return None;
        }
        let pick = |axis: &usize| Some((*self.dims.get(*axis)?, *self.strides.get(*axis)?));
        let (dims, strides) = order.iter().map(pick).collect::<Option<_>>()?;
        Some(Self {
            dims,
            strides,
            offset: self.offset,
        })
    }
    /// Of one dimension, `len` places from `start` on, `step` apart; all of them must exist.
    pub(super) fn slice(&self, axis: usize, start: usize, step: i64, len: usize) -> Option<Self> {
        let mut out = self.clone();
        let (dim, stride) = (out.dims.get_mut(axis)?, out.strides.get_mut(axis)?);
        if len > 0 {
            let start = i64::try_from(start).ok()?;
            let last = step
                .checked_mul(i64::try_from(len - 1).ok()?)?
                .checked_add(start)?;
            let size = i64::try_from(*dim).ok()?;
            if !(0..size).contains(&start) || !(0..size).contains(&last) {
                return None;
            }
            let offset = i64::try_from(out.offset).ok()? + start * *stride;
            out.offset = usize::try_from(offset).ok()?;
            // The step of a single place is of no account, and could overflow.
            *stride = if len == 1 { 0 } else { *stride * step };
        }
        *dim = len;
        Some(out)
    }
    /// Without a dimension, which must be 1.
    pub(super) fn squeeze(&self, axis: usize) -> Option<Self> {
        let mut out = self.clone();
        if out.dims.get(axis) != Some(&1) {
            return None;
        }
        out.dims.remove(axis);
        out.strides.remove(axis);
        Some(out)
    }
    /// With one more dimension of 1.
    pub(super) fn unsqueeze(&self, axis: usize) -> Option<Self> {
        if axis > self.rank() || self.rank() == MAX_DIMS {
            return None;
        }
        let mut out = self.clone();
        out.dims.insert(axis, 1);
        out.strides.insert(axis, 0);
        Some(out)
    }
    /// Repeated to these dimensions, as NumPy broadcasts.
    pub(super) fn expand(&self, dims: &[usize]) -> Option<Self> {
        let missing = dims.len().checked_sub(self.rank())?;
        let mut strides = vec![0; missing];
        for ((d, s), want) in self.dims.iter().zip(&self.strides).zip(&dims[missing..]) {
            match (d, want) {
                (d, want) if d == want => strides.push(*s),
                (1, _) => strides.push(0),
                _ => return None,
            }
        }
        Some(Self {
            dims: dims.to_vec(),
            strides,
            offset: self.offset,
        })
    }
    /// With a row of `n` elements in place of each.
    pub(super) fn rows(&self, n: usize) -> Option<Self> {
        let one = i64::try_from(n).ok()?;
        let mut out = self.clone();
        for s in &mut out.strides {
            *s = s.checked_mul(one)?;
        }
        out.offset = out.offset.checked_mul(n)?;
        out.dims.push(n);
        out.strides.push(1);
        (out.rank() <= MAX_DIMS).then_some(out)
    }
    /// The same elements in the same order under other dimensions, unless that takes a copy.
    pub(super) fn reshape(&self, dims: &[usize]) -> Option<Self> {
        if self.elements() == 0 {
            return Some(Self::row_major(dims));
        }
        let (mut sizes, mut steps) = self.runs();
        let (mut left, mut stride) = (1, 0);
        let mut strides = Vec::with_capacity(dims.len());
        for d in dims.iter().rev() {
            if *d == 1 {
                strides.push(0);
                continue;
            }
            if left == 1 {
                (left, stride) = (sizes.pop()?, steps.pop()?);
            }
            if *d == 0 || left % d != 0 {
                return None;
            }
            strides.push(stride);
            left /= d;
            stride *= *d as i64;
        }
        strides.reverse();
        (left == 1 && sizes.is_empty()).then(|| Self {
            dims: dims.to_vec(),
            strides,
            offset: self.offset,
        })
    }
    /// The fewest dimensions, and their strides, that visit the same elements in the same order.
    pub(super) fn runs(&self) -> (Vec<usize>, Vec<i64>) {
        let (mut dims, mut strides) = (Vec::<usize>::new(), Vec::<i64>::new());
        for (d, s) in self
            .dims
            .iter()
            .zip(&self.strides)
            .filter(|(d, _)| **d != 1)
        {
            match (dims.last_mut(), strides.last_mut()) {
                (Some(dim), Some(stride)) if *stride == *s * *d as i64 => {
                    *dim *= d;
                    *stride = *s;
                }
                _ => {
                    dims.push(*d);
                    strides.push(*s);
                }
            }
        }
        (dims, strides)
    }
    /// Whether this is all of `elements` elements, in order.
    pub(super) fn is_row_major(&self, elements: usize) -> bool {
        let (dims, strides) = self.runs();
        let in_order = match (dims.as_slice(), strides.as_slice()) {
            ([], []) => true,
            ([_], [s]) => *s == 1,
            _ => false,
        };
        in_order && self.offset == 0 && self.elements() == elements
    }
    /// The order of dimensions in which this is all of `elements` elements, row-major; nothing if there is none.
    pub(super) fn order(&self, elements: usize) -> Option<Vec<usize>> {
        let mut axes: Vec<usize> = (0..self.rank()).collect();
        // Dimensions of 1 go wherever they are: their strides mean nothing.
        let key = |axis: &usize| match (self.dims.get(*axis), self.strides.get(*axis)) {
            (Some(d), Some(s)) if *d != 1 => core::cmp::Reverse(*s),
            _ => core::cmp::Reverse(i64::MAX),
        };
        axes.sort_by_key(key);
        self.permute(&axes)?.is_row_major(elements).then_some(axes)
    }
    /// The elements of `data` in this order.
    pub(super) fn gather<T: Copy>(&self, data: &[T]) -> Option<Vec<T>> {
        let n = self.elements();
        let mut out = Vec::with_capacity(n);
        let mut at = vec![0; self.rank()];
        let mut from = i64::try_from(self.offset).ok()?;
        while out.len() < n {
            out.push(*data.get(usize::try_from(from).ok()?)?);
            for ((i, d), s) in at.iter_mut().zip(&self.dims).zip(&self.strides).rev() {
                *i += 1;
                from += s;
                if *i < *d {
                    break;
                }
                from -= s * *i as i64;
                *i = 0;
            }
        }
        Some(out)
    }
}

/// The order that undoes an order.
pub(super) fn inverse(order: &[usize]) -> Vec<usize> {
    let mut out = vec![0; order.len()];
    for (i, axis) in order.iter().enumerate() {
        if let Some(o) = out.get_mut(*axis) {
            *o = i;
        }
    }
    out
}

/// The dimensions that all of these can be broadcast to.
pub(super) fn broadcast(all: &[&[usize]]) -> Option<Vec<usize>> {
    let rank = all.iter().map(|d| d.len()).max()?;
    let mut out = vec![1; rank];
    for dims in all {
        for (o, d) in out.iter_mut().rev().zip(dims.iter().rev()) {
            match (*o, *d) {
                (o, d) if o == d || d == 1 => {}
                (1, d) => *o = d,
                _ => return None,
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(dims: &[usize]) -> (Layout, Vec<usize>) {
        (
            Layout::row_major(dims),
            (0..dims.iter().product()).collect(),
        )
    }

    #[test]
    fn a_transpose_and_its_inverse_are_nothing() {
        let (x, d) = data(&[2, 3, 4, 5]);
        let y = x.permute(&[0, 2, 3, 1]).unwrap();
        assert_eq!(y.gather(&d).unwrap()[..4], [0, 20, 40, 1]);
        assert_eq!(y.order(120), Some(vec![0, 3, 1, 2]));
        assert!(!y.is_row_major(120));
        assert!(y.permute(&[0, 3, 1, 2]).unwrap().is_row_major(120));
        assert_eq!(inverse(&[0, 2, 3, 1]), [0, 3, 1, 2]);
        assert!(x.permute(&[0, 0, 1, 2]).is_none() && x.permute(&[0, 1, 2]).is_none());
    }

    #[test]
    fn a_shuffle_is_one_view() {
        let (x, d) = data(&[1, 6, 2, 2]);
        let y = x.reshape(&[1, 2, 3, 2, 2]).unwrap();
        let y = y.permute(&[0, 2, 1, 3, 4]).unwrap();
        // Channels 0 3 1 4 2 5, and no way back to four dimensions without a copy.
        assert!(y.reshape(&[1, 6, 2, 2]).is_none());
        assert_eq!(y.runs(), (vec![3, 2, 4], vec![4, 12, 1]));
        assert_eq!(y.gather(&d).unwrap()[..8], [0, 1, 2, 3, 12, 13, 14, 15]);
    }

    #[test]
    fn slices_and_broadcasts() {
        let (x, d) = data(&[4, 5]);
        let y = x.slice(1, 4, -2, 3).unwrap();
        assert_eq!(y.gather(&d).unwrap()[..4], [4, 2, 0, 9]);
        assert!(x.slice(1, 4, -2, 4).is_none() && x.slice(0, 4, 1, 1).is_none());
        assert!(x.slice(0, 0, 1, 0).unwrap().gather(&d).unwrap().is_empty());
        let row = x.slice(0, 2, 1, 1).unwrap();
        let y = row.expand(&[2, 2, 5]).unwrap();
        assert_eq!(y.gather(&d).unwrap(), [10, 11, 12, 13, 14].repeat(4));
        assert_eq!(y.order(20), None);
        assert!(x.expand(&[4, 6]).is_none() && x.expand(&[5]).is_none());
        assert_eq!(broadcast(&[&[4, 1], &[3]]), Some(vec![4, 3]));
        assert_eq!(broadcast(&[&[4, 2], &[3]]), None);
    }

    #[test]
    fn reshapes_that_need_a_copy_are_told_apart() {
        let (x, _) = data(&[4, 6]);
        let t = x.permute(&[1, 0]).unwrap();
        assert!(t.reshape(&[24]).is_none());
        assert_eq!(
            t.reshape(&[2, 3, 1, 4]).unwrap().order(24),
            Some(vec![2, 3, 0, 1])
        );
        assert!(x.reshape(&[5, 5]).is_none() && x.reshape(&[4, 3]).is_none());
        assert!(x.reshape(&[2, 12, 1]).unwrap().is_row_major(24));
        let one = Layout::row_major(&[]);
        assert!(one.is_row_major(1) && one.reshape(&[1, 1]).is_some());
        assert_eq!(one.gather(&[7]), Some(vec![7]));
    }
}
