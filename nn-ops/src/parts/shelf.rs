//! Room that values leave, for values to come.
//!
//! Between two layers tensors come and go by the dozen, and an allocator gives what is large back to the system, which
//! clears every page of it once more for the next tensor: up to a quarter of the time of a large batch, and half of that of a sum
//! of products. An engine keeps the last few instead, wiped, and more of them where they are short.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use piquet_core::{Ring, RingVec};

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

#[cfg(test)]
mod tests {
    use super::*;

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
