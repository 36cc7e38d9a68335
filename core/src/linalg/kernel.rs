//! The order of work: which inputs, which weights and which outputs each register tile sees.
//!
//! Outputs go by blocks of positions, inside by chunks of the reduction, inside by panels of output channels, inside by
//! tiles of positions. What a block reads under a chunk is looked up once, before its panels: a table of slices, most of
//! them of the input itself. Copies are made only of what no slice of the input can be: runs that start or end in the
//! padding, and runs whose addresses would fight for the same cache sets.
#![allow(clippy::indexing_slicing)]

use core::ops::Range;

use super::gather::{Gather, corners};
use super::plan::{Segment, segments};
use super::tile::{Kernel, Tile};
use super::words::LINE;
use super::{ConvShape, PackedWeights};
use crate::cpu::Level;
use crate::{Ring, RingVec};

/// Positions in a block: as many as pay for a pass over the weights, few enough that what a chunk of them reads stays in
/// the second-level cache.
const BLOCK: usize = 96;
/// Fewest positions, and shortest mean run, for which products go by pairs.
const MIN_PAIRED_POSITIONS: usize = 16;
const MIN_PAIRED_RUN: usize = 8;

/// All groups and panels; `out` holds the positions `pixels`, all channels.
pub(super) fn panels<R: Ring>(
    level: Level,
    shape: &ConvShape,
    terms: &[(&[R], &PackedWeights<R>)],
    pixels: Range<usize>,
    out: &mut [R],
) {
    let chunks = segments::<R>(shape, terms.len());
    if chunks.is_empty() {
        return out.fill(R::ZERO);
    }
    let Kernel { rows, tile, pairs } = R::kernel(level);
    let pairs = pairs.filter(|_| by_pairs(&pixels, &chunks));
    let tile = pairs.as_ref().map_or(tile, |p| p.tile);
    let tiles = pixels.len().div_ceil(rows);
    // Tiles of nearly equal height instead of full ones and a rest.
    let edge = |tile: usize| pixels.len() * tile.min(tiles) / tiles;
    let block_tiles = BLOCK / rows;
    let panels = Panels::new::<R>(shape);
    let mut gather = Gather::new(shape, terms, &chunks, BLOCK.min(pixels.len()));
    // Sums of products of secrets are wiped as these are. `[group][chunk][panel][PANEL]`, and one per position.
    let panel_runs = shape.groups * chunks.len() * panels.count;
    let mut weight_pairs = RingVec::zeros(pairs.as_ref().map_or(0, |_| panel_runs * R::PANEL));
    let mut input_pairs = RingVec::zeros(BLOCK);
    for first_tile in (0..tiles).step_by(block_tiles) {
        let last_tile = (first_tile + block_tiles).min(tiles);
        let block = edge(first_tile)..edge(last_tile);
        let corners: Vec<_> = corners(shape, pixels.start + block.start)
            .take(block.len())
            .collect();
        let out = &mut out[block.start * shape.out_channels..block.end * shape.out_channels];
        for group in 0..shape.groups {
            for (n, chunk) in chunks.iter().enumerate() {
                let inputs = gather.inputs(group, chunk, &corners);
                if let Some(pairs) = &pairs {
                    (pairs.inputs)(&inputs, &mut input_pairs.as_mut_slice()[..block.len()]);
                }
                // What a tile can ask for ahead, one cache line for each pair of elements.
                let share = chunk.iter().map(|s| s.len / 2).sum::<usize>() * (LINE / R::BYTES);
                for panel in 0..panels.count {
                    let weights: Vec<&[R]> = chunk
                        .iter()
                        .map(|s| &panels.weights(terms, group, panel, s)[..s.len * R::PANEL])
                        .collect();
                    let next = if panel + 1 < panels.count {
                        panels.weights(terms, group, panel + 1, &chunk[0])
                    } else {
                        panels.weights(terms, group, 0, &chunks[(n + 1) % chunks.len()][0])
                    };
                    let mut weight_sums: &[R] = &[];
                    if let Some(pairs) = &pairs {
                        let at = ((group * chunks.len() + n) * panels.count + panel) * R::PANEL;
                        let sums = &mut weight_pairs.as_mut_slice()[at..][..R::PANEL];
                        if first_tile == 0 {
                            for w in &weights {
                                (pairs.weights)(w, sums);
                            }
                        }
                        weight_sums = sums;
                    }
                    for t in first_tile..last_tile {
                        let first = edge(t) - block.start;
                        let count = edge(t + 1) - edge(t);
                        let job = Tile {
                            weights: &weights,
                            inputs: &inputs,
                            block: block.len(),
                            first,
                            count,
                            weight_pairs: weight_sums,
                            input_pairs: input_pairs.as_slice(),
                            ahead: next.as_ptr().wrapping_add((t - first_tile) * share),
                            add: n > 0,
                            stride: shape.out_channels,
                            column: group * panels.out_group + panel * R::PANEL,
                            width: R::PANEL.min(panels.out_group - panel * R::PANEL),
                        };
                        let at = first * shape.out_channels;
                        tile(&job, &mut out[at..][..count * shape.out_channels]);
                    }
                }
            }
        }
    }
}

/// How output channels are cut into panels.
struct Panels {
    fan_in: usize,
    out_group: usize,
    /// Panels of a group.
    count: usize,
}

impl Panels {
    fn new<R: Ring>(shape: &ConvShape) -> Self {
        let out_group = shape.out_channels / shape.groups;
        Self {
            fan_in: shape.fan_in(),
            out_group,
            count: out_group.div_ceil(R::PANEL),
        }
    }

    /// The packed weights from a segment of a panel on.
    fn weights<'a, R: Ring>(
        &self,
        terms: &[(&[R], &'a PackedWeights<R>)],
        group: usize,
        panel: usize,
        s: &Segment,
    ) -> &'a [R] {
        let row = (group * self.count + panel) * self.fan_in + s.weights;
        &terms[s.term].1.words()[row * R::PANEL..]
    }
}

/// Whether what pairs of products cost besides is small: a pass over the weights, spread over the positions, and one over
/// the inputs, by runs.
fn by_pairs(pixels: &Range<usize>, chunks: &[Vec<Segment>]) -> bool {
    let segments = chunks.iter().map(Vec::len).sum::<usize>();
    let elements = chunks.iter().flatten().map(|s| s.len).sum::<usize>();
    pixels.len() >= MIN_PAIRED_POSITIONS && elements >= MIN_PAIRED_RUN * segments
}
