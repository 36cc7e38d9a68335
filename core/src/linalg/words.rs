//! Words that start on a cache line, so that no vector of a panel lies across two.

use crate::{Ring, RingVec};

/// Bytes of a cache line.
pub(super) const LINE: usize = 64;

/// Words from the start of a cache line on. Wiped when freed.
pub(super) struct Words<R: Ring> {
    data: RingVec<R>,
    start: usize,
    len: usize,
}

impl<R: Ring> Words<R> {
    /// `len` zeros.
    pub(super) fn zeros(len: usize) -> Self {
        let spare = LINE / R::BYTES;
        let data = RingVec::<R>::zeros(len + spare);
        // An allocation never moves, and where no offset is found none is needed for the words to be right.
        let start = data.as_slice().as_ptr().align_offset(LINE).min(spare);
        Self { data, start, len }
    }

    /// Number of words.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The words.
    #[inline(always)]
    pub(super) fn as_slice(&self) -> &[R] {
        &self.data.as_slice()[self.start..][..self.len]
    }

    /// The words.
    #[inline(always)]
    pub(super) fn as_mut_slice(&mut self) -> &mut [R] {
        &mut self.data.as_mut_slice()[self.start..][..self.len]
    }
}
