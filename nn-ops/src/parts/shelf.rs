//! Room that values leave, for values to come.
//!
//! Between two layers tensors come and go by the dozen, and an allocator gives what is large back to the system, which
//! clears every page of it once more for the next tensor: up to a quarter of the time of a large batch, and half of that of a sum
//! of products. An engine keeps the last few instead, wiped, and more of them where they are short.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use piquet_core::{Ring, RingVec, lanes};

use super::words::BLOCK;

/// Vectors kept: two components of the operand and of the result of a layer, a summand, and a residual's two.
const KEPT: usize = 7;
/// Elements that may be kept in more vectors than that.
const ROOM: usize = 1 << 22;
/// Elements below which the allocator does well by itself.
const LEAST: usize = 1 << 16;

#[derive(Debug)]
pub(crate) struct Shelf<R: Ring>(Mutex<VecDeque<RingVec<R>>>);

impl<R: Ring> Shelf<R> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(VecDeque::with_capacity(KEPT)))
    }

    /// An empty vector with room for `len`, not much more than that.
    pub(crate) fn take(&self, len: usize) -> RingVec<R> {
        let fits = |v: &RingVec<R>| v.capacity() >= len && v.capacity() / 2 <= len;
        if len >= LEAST {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // The one that was used last is the likeliest to be in cache.
            if let Some(at) = kept.iter().rposition(fits)
                && let Some(v) = kept.remove(at)
            {
                return v;
            }
        }
        RingVec::with_capacity(len)
    }

    /// A copy of `of` in such room.
    pub(crate) fn copy(&self, of: &[R]) -> RingVec<R> {
        let mut v = self.take(of.len());
        v.extend_from_slice(of);
        v
    }

    /// `f` of the elements of two vectors of equal length.
    pub(crate) fn zip(&self, a: &[R], b: &[R], f: impl Fn(R, R) -> R) -> RingVec<R> {
        let mut out = self.take(a.len());
        for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
            lanes::zip(appended(&mut out, a), b, &f);
        }
        out
    }

    /// `sum factor x + constant` of vectors of equal length.
    pub(crate) fn combination(&self, terms: &[(&[R], R)], constant: R) -> RingVec<R> {
        let Some(((first, factor), rest)) = terms.split_first() else {
            return RingVec::default();
        };
        let mut out = self.take(first.len());
        for (i, first) in first.chunks(BLOCK).enumerate() {
            let sum = appended(&mut out, first);
            lanes::map(sum, |x| x.mul(*factor).add(constant));
            for (x, factor) in rest {
                let x = x.chunks(BLOCK).nth(i).unwrap_or_default();
                lanes::zip(sum, x, |sum, x| sum.add(x.mul(*factor)));
            }
        }
        out
    }

    /// Rows of equal length, each times its factor.
    pub(crate) fn scaled(&self, x: &[R], factors: &[R]) -> RingVec<R> {
        let mut out = self.take(x.len());
        let row = x.len() / factors.len().max(1);
        for (row, factor) in x.chunks(row.max(1)).zip(factors) {
            for x in row.chunks(BLOCK) {
                lanes::map(appended(&mut out, x), |x| x.mul(*factor));
            }
        }
        out
    }

    /// Wipes `v` and keeps its room; the oldest make way.
    pub(crate) fn put(&self, mut v: RingVec<R>) {
        if v.capacity() < LEAST {
            return;
        }
        v.clear();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(v);
        let mut room: usize = kept.iter().map(RingVec::capacity).sum();
        while kept.len() > KEPT
            && room > ROOM
            && let Some(oldest) = kept.pop_front()
        {
            room -= oldest.capacity();
        }
    }
}

/// Appends a block, to be worked on while it is in cache.
fn appended<'a, R: Ring>(out: &'a mut RingVec<R>, block: &[R]) -> &'a mut [R] {
    let start = out.len();
    out.extend_from_slice(block);
    out.as_mut_slice().get_mut(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_any_length() {
        let shelf = Shelf::<u64>::new();
        for n in [1, BLOCK - 1, BLOCK, 2 * BLOCK + 1] {
            let a: Vec<u64> = (0..n as u64)
                .map(|i| i.wrapping_mul(u64::MAX / 7))
                .collect();
            let b: Vec<u64> = a.iter().map(|a| a.rotate_left(9)).collect();
            let sum = shelf.combination(&[(&a, 3), (&b, u64::MAX), (&a, 1)], 9);
            let each = |i: usize| a[i].wrapping_mul(4).wrapping_sub(b[i]).wrapping_add(9);
            assert_eq!(sum.as_slice(), (0..n).map(each).collect::<Vec<_>>());
            let differences = shelf.zip(&a, &b, Ring::sub);
            let each = |i: usize| a[i].wrapping_sub(b[i]);
            assert_eq!(differences.as_slice(), (0..n).map(each).collect::<Vec<_>>());
            let rows = [a.as_slice(), b.as_slice()].concat();
            let scaled = shelf.scaled(&rows, &[5, 6]);
            let each = |i: usize| rows[i].wrapping_mul(5 + (i / n) as u64);
            assert_eq!(scaled.as_slice(), (0..2 * n).map(each).collect::<Vec<_>>());
        }
        assert!(shelf.combination(&[], 1).is_empty());
    }

    #[test]
    fn room_is_kept_and_empty() {
        let shelf = Shelf::<u32>::new();
        let n = 2 * LEAST;
        shelf.put(RingVec::from(vec![7; n]));
        let v = shelf.copy(&vec![9; n - 1]);
        assert!(v.capacity() >= n, "kept");
        assert_eq!(v.len(), n - 1);
        assert!(shelf.take(n).capacity() < n + 1, "nothing more was kept");
        // Too large for little, too small for much.
        shelf.put(v);
        assert!(shelf.take(n / 4).capacity() < n);
        assert!(shelf.take(n + 1).capacity() > n);
        for _ in 0..3 * ROOM / n {
            shelf.put(RingVec::from(vec![1; n]));
        }
        let kept = |shelf: &Shelf<u32>| shelf.0.lock().unwrap().len();
        assert_eq!(kept(&shelf), ROOM / n);
        for _ in 0..3 * KEPT {
            shelf.put(RingVec::from(vec![1; ROOM / 2]));
        }
        assert_eq!(kept(&shelf), KEPT);
    }
}
