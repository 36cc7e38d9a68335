//! One axis of a convolution: strides as phases, padding, and how tiles are cut.
//!
//! Output o reads input o s + a for every tap, a = k d - (padding before), s the stride and d the dilation. With
//! phase f = a mod s and shift t = floor(a / s) that is item o + t of the input's phase f, its items f, f + s, f + 2
//! s, ...: a convolution of stride 1 for each phase.

use core::ops::Range;

use piquet_core::linalg::ConvShape;

/// What an axis of a layer calls for, before it is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) stride: usize,
    pub(super) input: usize,
    pub(super) outputs: usize,
    /// Phases that are read.
    pub(super) phases: Vec<usize>,
    /// All shifts of taps, ascending.
    pub(super) shifts: Vec<isize>,
    /// Which index of the kernel has a phase's shift: `[phase][shift]`.
    pub(super) taps: Vec<Vec<Option<usize>>>,
    /// Taps over all phases.
    pub(super) live: usize,
}

impl Line {
    /// Axis 0 (rows) or 1 (columns) of a valid shape. Taps that meet nothing but padding are left out; where all of
    /// them do, the first one stays.
    pub(super) fn new(shape: &ConvShape, axis: usize) -> Self {
        let (stride, input) = (shape.stride[axis] as isize, shape.input[axis] as isize);
        let outputs = shape.output()[axis] as isize;
        let before = shape.padding[axis] as isize;
        let all = (0..shape.kernel[axis]).map(|k| {
            let a = (k * shape.dilation[axis]) as isize - before;
            (k, a.rem_euclid(stride), a.div_euclid(stride))
        });
        let meets = |(_, phase, shift): &(usize, isize, isize)| {
            // Items of the phase, and those of them that outputs read by this tap.
            let items = (input - phase + stride - 1).div_euclid(stride);
            (*shift).max(0) < items.min(outputs + shift)
        };
        let mut live: Vec<_> = all.clone().filter(meets).collect();
        if live.is_empty() {
            live.extend(all.take(1));
        }
        let mut phases: Vec<usize> = live.iter().map(|(_, f, _)| *f as usize).collect();
        phases.sort_unstable();
        phases.dedup();
        let mut shifts: Vec<isize> = live.iter().map(|(.., t)| *t).collect();
        shifts.sort_unstable();
        shifts.dedup();
        let mut taps = vec![vec![None; shifts.len()]; phases.len()];
        for (k, phase, shift) in &live {
            let phase = phases.partition_point(|f| *f < *phase as usize);
            taps[phase][shifts.partition_point(|t| t < shift)] = Some(*k);
        }
        Self {
            stride: shape.stride[axis],
            input: shape.input[axis],
            outputs: shape.output()[axis],
            phases,
            shifts,
            taps,
            live: live.len(),
        }
    }
    /// Whether every output reads one item of each phase.
    pub(super) fn is_pointwise(&self) -> bool {
        self.live == self.phases.len()
    }
    /// The input's index that is `item` of phase number `phase`, unless it is padding.
    pub(super) fn index(&self, phase: usize, item: isize) -> Option<usize> {
        let at = item * self.stride as isize + self.phases[phase] as isize;
        usize::try_from(at).ok().filter(|at| *at < self.input)
    }
    /// The item of phase number `phase` that output `o` reads, where it is one ([`Self::is_pointwise`]).
    pub(super) fn item(&self, phase: usize, o: usize) -> isize {
        let shift = self.taps[phase].iter().position(Option::is_some);
        o as isize + shift.map_or(0, |s| self.shifts[s])
    }
    fn low(&self) -> isize {
        self.shifts[0]
    }
    fn high(&self) -> isize {
        self.shifts[self.shifts.len() - 1]
    }
}

/// An axis as tiles lie along it. Place j of tile number i holds item i `each` + `base` + j of a phase, for j below
/// `extent`, and zero from there to `pitch`; output o of the tile reads places o + t - `base`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Axis {
    /// Outputs of a tile.
    pub(super) each: usize,
    pub(super) tiles: usize,
    pub(super) base: isize,
    pub(super) extent: usize,
    /// Places from one tile's first one to those of what lies beside it.
    pub(super) pitch: usize,
    outputs: usize,
}

impl Axis {
    /// Tiles of `each` outputs, the last of them perhaps fewer. A tile of them all does not store its padding: the
    /// gap behind the items, as long as the longer of both paddings, is what comes before the next items too.
    pub(super) fn new(line: &Line, each: usize) -> Self {
        let outputs = line.outputs as isize;
        let (low, high) = (line.low(), line.high());
        let tile = |base, extent: isize, gap: isize| Self {
            each,
            tiles: line.outputs.div_ceil(each),
            base,
            extent: extent as usize,
            pitch: (extent + gap).max(each as isize) as usize,
            outputs: line.outputs,
        };
        if each < line.outputs {
            return tile(low, each as isize + high - low, 0);
        }
        let base = low.max(0);
        let end = (line.phases.iter())
            .map(|f| line.input.saturating_sub(*f).div_ceil(line.stride) as isize)
            .max();
        let extent = (end.unwrap_or(0).min(outputs + high) - base).max(1);
        let before = (base - low).max(0);
        let behind = (outputs + high - base - extent).max(0);
        tile(base, extent, before.max(behind))
    }
    /// Outputs of a tile, out of all of the layer.
    pub(super) fn range(&self, tile: usize) -> Range<usize> {
        tile * self.each..((tile + 1) * self.each).min(self.outputs)
    }
    /// The item of a phase at place `j` of a tile.
    pub(super) fn item(&self, tile: usize, j: usize) -> isize {
        (tile * self.each + j) as isize + self.base
    }
}
