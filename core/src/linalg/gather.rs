//! Which inputs a block of output positions reads.

use super::plan::Segment;
use super::words::LINE;
use super::{ConvShape, PackedWeights};
use crate::{Ring, RingVec};

/// Rows whose addresses differ by a multiple of this share the sets of the first-level cache, and evict one another.
const SET_PERIOD: usize = 4096;

/// Top left corner of an output position's window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Corner {
    /// In padded coordinates.
    y: usize,
    x: usize,
    /// Of its first element in the input; wraps around where that is in the padding.
    at: usize,
}

/// Corners of the output positions from `first` on, without end.
pub(super) fn corners(shape: &ConvShape, first: usize) -> impl Iterator<Item = Corner> {
    let [h, w] = shape.output();
    let mut image = first / (h * w);
    let mut row = first / w % h;
    let mut column = first % w;
    core::iter::repeat_with(move || {
        let (y, x) = (row * shape.stride[0], column * shape.stride[1]);
        let line = (image * shape.input[0] + y).wrapping_sub(shape.padding[0]);
        let pixel = line.wrapping_mul(shape.input[1]).wrapping_add(x);
        let at = pixel
            .wrapping_sub(shape.padding[1])
            .wrapping_mul(shape.in_channels);
        column += 1;
        if column == w {
            (column, row) = (0, row + 1);
        }
        if row == h {
            (row, image) = (0, image + 1);
        }
        Corner { y, x, at }
    })
}

impl Corner {
    /// Where this position reads its input under `tap`; `None` on padding.
    #[inline(always)]
    pub(super) fn source(&self, shape: &ConvShape, tap: [usize; 2]) -> Option<usize> {
        let [dy, dx] = [tap[0] * shape.dilation[0], tap[1] * shape.dilation[1]];
        let inside = within(self.y + dy, shape.padding[0], shape.input[0])
            && within(self.x + dx, shape.padding[1], shape.input[1]);
        // Wraps around with `at`, and only where that is unused.
        let offset = dy
            .wrapping_mul(shape.input[1])
            .wrapping_add(dx)
            .wrapping_mul(shape.in_channels);
        inside.then(|| self.at.wrapping_add(offset))
    }
}

/// Whether a padded coordinate is one of the input's.
#[inline(always)]
fn within(padded: usize, padding: usize, input: usize) -> bool {
    padded.wrapping_sub(padding) < input
}

/// Finds the inputs of a block, and holds the copies of those that do not lie in the input as they are needed.
pub(super) struct Gather<'a, R: Ring> {
    shape: &'a ConvShape,
    terms: &'a [(&'a [R], &'a PackedWeights<R>)],
    zeros: Vec<R>,
    copies: RingVec<R>,
    /// All runs are copied, for the sake of the cache.
    copy: bool,
}

impl<'a, R: Ring> Gather<'a, R> {
    /// For blocks of at most `block` positions and these chunks.
    pub(super) fn new(
        shape: &'a ConvShape,
        terms: &'a [(&'a [R], &'a PackedWeights<R>)],
        chunks: &[Vec<Segment>],
        block: usize,
    ) -> Self {
        let longest = chunks.iter().flatten().map(|s| s.len).max().unwrap_or(0);
        let apart = shape.in_channels.wrapping_mul(shape.stride[1] * R::BYTES);
        let copy = apart.is_multiple_of(SET_PERIOD);
        let row = chunks
            .iter()
            .map(|c| c.iter().map(|s| padded::<R>(s.len)).sum())
            .max()
            .unwrap_or(0);
        let positions = if copy {
            block
        } else {
            straddling(shape, block)
        };
        Self {
            shape,
            terms,
            zeros: vec![R::ZERO; longest],
            copies: RingVec::zeros(positions * row),
            copy,
        }
    }

    /// The table `[segment][position]` of a chunk, each entry as long as its segment.
    pub(super) fn inputs<'s>(
        &'s mut self,
        group: usize,
        chunk: &[Segment],
        corners: &[Corner],
    ) -> Vec<&'s [R]> {
        let shape = self.shape;
        let line = shape.input[1] * shape.in_channels;
        let left = shape.padding[1] * shape.in_channels;
        let right = left + line;
        let mut inputs = Vec::with_capacity(chunk.len() * corners.len());
        let mut free = self.copies.as_mut_slice();
        let zeros = &self.zeros;
        for s in chunk {
            let x = self.terms[s.term].0;
            let dy = s.tap[0] * shape.dilation[0];
            // Elements from the window's left edge to the run.
            let dx = s.tap[1] * shape.dilation[1] * shape.in_channels
                + group * (shape.in_channels / shape.groups)
                + s.first;
            let offset = dy.wrapping_mul(line).wrapping_add(dx);
            for corner in corners {
                // The run is `start..end` of a padded line, of which the input is `left..right`.
                let start = corner.x * shape.in_channels + dx;
                let end = start + s.len;
                let at = corner.at.wrapping_add(offset);
                if !within(corner.y + dy, shape.padding[0], shape.input[0])
                    || end <= left
                    || start >= right
                {
                    inputs.push(&zeros[..s.len]);
                } else if start >= left && end <= right && !self.copy {
                    inputs.push(&x[at..][..s.len]);
                } else {
                    let (row, rest) = free.split_at_mut(padded::<R>(s.len));
                    free = rest;
                    let (from, to) = (left.max(start) - start, right.min(end) - start);
                    row[..from].fill(R::ZERO);
                    row[from..to].copy_from_slice(&x[at.wrapping_add(from)..][..to - from]);
                    row[to..s.len].fill(R::ZERO);
                    inputs.push(&row[..s.len]);
                }
            }
        }
        inputs
    }
}

/// How many of `block` consecutive positions can have runs that start or end in the padding: only runs over a whole kernel
/// row do, whose taps are neighbours.
fn straddling(shape: &ConvShape, block: usize) -> usize {
    let [left, right] = [shape.padding[1], shape.padding[1] + shape.input[1]];
    let width = shape.output()[1];
    let in_line = (0..width)
        .map(|x| x * shape.stride[1])
        .filter(|x| *x < left || x + shape.kernel[1] > right)
        .count();
    in_line.saturating_mul(block / width + 2).min(block)
}

/// Elements kept for the copy of a run: an odd number of cache lines, so that copies spread over all sets.
fn padded<R: Ring>(len: usize) -> usize {
    ((len * R::BYTES).div_ceil(LINE) | 1) * LINE / R::BYTES
}
