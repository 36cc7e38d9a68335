//! Tensors in pieces that fit in cache.
//!
//! A step sends up to [`AHEAD`] pieces before it waits for the first answer: computing and sending overlap, and the
//! messages under way stay bounded.

use core::ops::Range;

/// Elements of a piece: a multiple of 64, so that the bits of pieces join at words.
pub(crate) const PIECE: usize = 1 << 15;
/// Pieces on their way before the first of its answers is waited for.
pub(crate) const AHEAD: usize = 32;

/// Pieces of tensors of these lengths: which tensor, and which elements of it.
pub(crate) fn ranges(
    lens: impl IntoIterator<Item = usize>,
) -> impl Iterator<Item = (usize, Range<usize>)> {
    lens.into_iter().enumerate().flat_map(|(tensor, len)| {
        (0..len)
            .step_by(PIECE)
            .map(move |first| (tensor, first..len.min(first + PIECE)))
    })
}
