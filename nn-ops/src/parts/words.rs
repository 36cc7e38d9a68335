//! Vectors of words: from streams, from messages, and as messages.

use core::ops::Range;
use std::borrow::Cow;

use piquet_core::{Prg, Ring, RingVec};
use zeroize::Zeroize;

use crate::Error;

/// `n` words of a stream.
pub(crate) fn draw<R: Ring>(stream: &mut Prg, n: usize) -> RingVec<R> {
    let mut v = RingVec::with_capacity(n);
    blocks(stream, n, |_, block| v.extend_from_slice(block));
    v
}

/// Words that are drawn at a time where they are used up at once: they never leave the first-level cache.
pub(crate) const BLOCK: usize = 1024;

/// Shows the next `n` words of a stream to `f`, block by block, with their places.
pub(crate) fn blocks<R: Ring>(stream: &mut Prg, n: usize, mut f: impl FnMut(Range<usize>, &[R])) {
    let mut block = [R::ZERO; BLOCK];
    for first in (0..n).step_by(BLOCK) {
        let range = first..n.min(first + BLOCK);
        let (block, _) = block.split_at_mut(range.len());
        stream.fill_ring(block);
        f(range, block);
    }
    block.zeroize();
}

/// Ring elements of a message whose length was checked by the session, in place if they lie well.
pub(crate) fn words<R: Ring>(bytes: &[u8]) -> Cow<'_, [R]> {
    match bytemuck::try_cast_slice(bytes) {
        Ok(words) => Cow::Borrowed(words),
        Err(_) => {
            let word = |b: &[u8]| bytemuck::pod_read_unaligned(b);
            Cow::Owned(bytes.chunks_exact(R::BYTES).map(word).collect())
        }
    }
}

/// A message of ring elements.
pub(crate) fn message<R: Ring>(words: &RingVec<R>) -> Vec<u8> {
    words.as_bytes().to_vec()
}

/// Programs say in which ring they compute; an engine computes in one.
pub(crate) fn check_ring<R: Ring>(width: u32) -> Result<(), Error> {
    if width == R::BITS {
        Ok(())
    } else {
        Err(Error::Ring {
            width,
            engine: R::BITS,
        })
    }
}

/// A number of the program in the ring.
pub(crate) fn to_ring<R: Ring>(v: &i64) -> R {
    R::from_i128(i128::from(*v))
}
