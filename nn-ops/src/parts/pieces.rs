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
    ranges_of(PIECE, lens)
}

/// Pieces of at most `piece` elements, a multiple of 64.
pub(crate) fn ranges_of(
    piece: usize,
    lens: impl IntoIterator<Item = usize>,
) -> impl Iterator<Item = (usize, Range<usize>)> {
    debug_assert!(piece > 0 && piece.is_multiple_of(64));
    lens.into_iter().enumerate().flat_map(move |(tensor, len)| {
        (0..len)
            .step_by(piece)
            .map(move |first| (tensor, first..len.min(first + piece)))
    })
}

/// What a range of the concatenation of `parts` covers of each of them.
pub(crate) fn covered<'a, T>(
    parts: &[&'a [T]],
    range: Range<usize>,
) -> impl Iterator<Item = &'a [T]> {
    let mut first = 0;
    parts.iter().filter_map(move |part| {
        let start = range.start.saturating_sub(first).min(part.len());
        let end = range.end.saturating_sub(first).min(part.len());
        first += part.len();
        part.get(start..end).filter(|p| !p.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_joined_parts_is_theirs() {
        let parts: [&[u8]; 4] = [&[0, 1, 2], &[], &[3], &[4, 5, 6, 7]];
        for start in 0..=8u8 {
            for end in start..=8 {
                let got: Vec<u8> = covered(&parts, start.into()..end.into())
                    .flatten()
                    .copied()
                    .collect();
                assert_eq!(got, (start..end).collect::<Vec<_>>());
            }
        }
        assert_eq!(covered(&parts, 1..4).count(), 2);
    }
}
