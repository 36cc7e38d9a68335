//! What one block of columns reads of every input: its shifted polynomials, those that overlap side by side.

use super::kernel::Source;
use crate::map::Map;
use crate::native::power::Power;

/// Coefficients -N..N of X^N = -1's two turns of an input, as a block of columns reads them under some exponents.
pub(super) struct Windows {
    /// Words of a plane of the copy: an odd number of cache lines, so that planes do not compete for the same ones.
    pub(super) stride: usize,
    pieces: Vec<Piece>,
    /// Where the block begins under each exponent, and whether its values are to be negated.
    places: Vec<(usize, bool)>,
    degree: usize,
}

/// Coefficients `first..first + len`, which lie at `at` in the copy; negative ones are those of X^N times them,
/// negated.
struct Piece {
    first: isize,
    len: usize,
    at: usize,
}

impl Windows {
    pub(super) fn new(exponents: &[u32], start: usize, width: usize, degree: usize) -> Self {
        let mut order: Vec<(isize, usize, bool)> = (exponents.iter().enumerate())
            .map(|(i, e)| {
                let (place, negative) = Map::place(*e, degree);
                (start as isize - place as isize, i, negative)
            })
            .collect();
        order.sort_unstable();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut places = vec![(0, false); exponents.len()];
        for (first, i, negative) in order {
            let (at, begin) = match pieces.last_mut() {
                Some(p) if first <= p.first + p.len as isize => {
                    let skipped = (first - p.first) as usize;
                    p.len = p.len.max(skipped + width);
                    (p.at + skipped, None)
                }
                last => {
                    let at = last.map_or(0, |p| p.at + p.len);
                    (at, Some(at))
                }
            };
            if let Some(at) = begin {
                pieces.push(Piece {
                    first,
                    len: width,
                    at,
                });
            }
            places[i] = (at, negative);
        }
        let len = pieces.last().map_or(0, |p| p.at + p.len);
        Self {
            stride: (len.div_ceil(8) | 1) * 8,
            pieces,
            places,
            degree,
        }
    }
    /// Copies an input's planes.
    pub(super) fn copy(&self, power: &Power, input: &[u64], buffer: &mut [u64]) {
        let n = self.degree;
        for piece in &self.pieces {
            let wrapped = (-piece.first).clamp(0, piece.len as isize) as usize;
            let planes = buffer.chunks_exact_mut(self.stride);
            for (to, plane) in planes.zip(input.chunks_exact(n)) {
                let (before, after) = to[piece.at..][..piece.len].split_at_mut(wrapped);
                if wrapped > 0 {
                    let first = (n as isize + piece.first) as usize;
                    before.copy_from_slice(&plane[first..][..wrapped]);
                }
                if !after.is_empty() {
                    let first = piece.first.max(0) as usize;
                    after.copy_from_slice(&plane[first..][..after.len()]);
                }
            }
            power.negate(buffer, self.stride, piece.at..piece.at + wrapped);
        }
    }
    /// The block under each exponent, in a copy.
    pub(super) fn sources<'a>(&self, planes: &'a [u64]) -> impl Iterator<Item = Source<'a>> {
        self.places.iter().map(move |(at, negative)| Source {
            planes,
            stride: self.stride,
            at: *at,
            negative: *negative,
        })
    }
}
