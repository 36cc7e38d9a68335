//! The reduction, cut into runs of consecutive input elements and the runs into chunks.

use super::ConvShape;
use crate::Ring;

/// Longest chunk, in bytes of one input row. Its weights for one panel stay near while a block of positions passes by.
const CHUNK_BYTES: usize = 4096;
/// Most segments of a chunk: bounds the table of inputs when runs are short.
const CHUNK_SEGMENTS: usize = 32;

/// A run of the reduction whose inputs are consecutive in memory: channels under one tap, or, where neighbouring taps
/// read neighbouring pixels, under a whole kernel row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    /// Which product.
    pub(super) term: usize,
    /// The tap `[vertical, horizontal]` on which the run starts.
    pub(super) tap: [usize; 2],
    /// First element, counted from the tap's first channel (of the group).
    pub(super) first: usize,
    /// Elements.
    pub(super) len: usize,
    /// Where its weights start within a panel, in rows.
    pub(super) weights: usize,
}

/// The chunks of all products of one group; the same for every group.
pub(super) fn segments<R: Ring>(shape: &ConvShape, terms: usize) -> Vec<Vec<Segment>> {
    let longest = CHUNK_BYTES / R::BYTES;
    let in_group = shape.in_channels / shape.groups;
    let joined = shape.groups == 1 && shape.dilation[1] == 1;
    let (starts, run) = if joined {
        (1, shape.kernel[1] * in_group)
    } else {
        (shape.kernel[1], in_group)
    };
    let pieces = run.div_ceil(longest);
    let mut chunks: Vec<Vec<Segment>> = Vec::new();
    let mut room = 0;
    for term in 0..terms {
        for ky in 0..shape.kernel[0] {
            for kx in 0..starts {
                for piece in 0..pieces {
                    let first = run * piece / pieces;
                    let len = run * (piece + 1) / pieces - first;
                    let segment = Segment {
                        term,
                        tap: [ky, kx],
                        first,
                        len,
                        weights: (ky * shape.kernel[1] + kx) * in_group + first,
                    };
                    match chunks.last_mut() {
                        Some(chunk) if len <= room && chunk.len() < CHUNK_SEGMENTS => {
                            chunk.push(segment);
                            room -= len;
                        }
                        _ => {
                            chunks.push(vec![segment]);
                            room = longest - len;
                        }
                    }
                }
            }
        }
    }
    chunks
}
