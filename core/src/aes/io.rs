//! Where a kernel reads and writes.

use core::marker::PhantomData;

use crate::Block;

/// `n` blocks to read and `n` to write, the same or disjoint. `src` is always readable, `dst` writable; neither need be
/// aligned. Only the constructors below make one, from slices whose borrows it holds.
pub(super) struct Io<'a> {
    src: *const Block,
    dst: *mut Block,
    n: usize,
    _borrow: PhantomData<&'a mut [Block]>,
}

impl<'a> Io<'a> {
    pub(super) fn in_place(blocks: &'a mut [Block]) -> Self {
        let dst = blocks.as_mut_ptr();
        Self {
            src: dst,
            dst,
            n: blocks.len(),
            _borrow: PhantomData,
        }
    }
    pub(super) fn from_to(src: &'a [Block], dst: &'a mut [Block]) -> Self {
        Self {
            src: src.as_ptr(),
            dst: dst.as_mut_ptr(),
            n: src.len().min(dst.len()),
            _borrow: PhantomData,
        }
    }
    /// The whole blocks of `out`.
    pub(super) fn fill(out: &'a mut [u8]) -> Self {
        let dst = out.as_mut_ptr().cast::<Block>();
        Self {
            src: dst,
            dst,
            n: out.len() / size_of::<Block>(),
            _borrow: PhantomData,
        }
    }
    /// Source, destination, number of blocks.
    #[inline(always)]
    pub(super) fn parts(&self) -> (*const Block, *mut Block, usize) {
        (self.src, self.dst, self.n)
    }
}
