//! How a layer is cut into polynomials, and what of it can be counted without building anything.

use piquet_core::linalg::ConvShape;

use super::axis::{Axis, Line};
use super::cost::{Form, Load};
use super::search::LEAST_BLOCK;
use crate::Error;

/// Most taps of which points of weight polynomials are put together, rather than transformed; and then blocks have 16
/// times as many points at least.
const MOST_TAPS: usize = 11;

/// How a layer is cut into polynomials. All numbers are at least 1; more than there are is as good as all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Split {
    /// Groups of the layer that become one, with structural zeros between them.
    pub merge: usize,
    /// Planes of a group in one input polynomial. A plane is one phase of one channel.
    pub inputs: usize,
    /// Channels of a group in one output polynomial.
    pub outputs: usize,
    /// What a plane holds of a tile.
    pub tile: Tile,
    /// Coefficients from a plane to the next one, at least as many as a plane has.
    pub distance: usize,
}

/// What a plane holds of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tile {
    /// So many output positions, counted through images, rows and columns: for layers in which an output reads one
    /// item of each plane, as for kernels of 1x1, kernels not larger than the stride, matrix products.
    Pixels(usize),
    /// So many images, output rows and output columns, with what they read: for all other layers. Rows and columns of
    /// several images are all there are.
    Area([usize; 3]),
}

/// A layer as planes of stride 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) shape: ConvShape,
    /// Rows and columns.
    pub(super) lines: [Line; 2],
}

/// What a split makes of a layer, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Merged groups.
    pub(super) groups: usize,
    pub(super) tiles: usize,
    /// Polynomials of a group and tile.
    pub(super) ins: usize,
    pub(super) outs: usize,
    /// Terms of a plaintext polynomial.
    pub(super) terms: usize,
}

impl Layer {
    pub(super) fn new(shape: &ConvShape) -> Result<Self, Error> {
        shape.validate()?;
        Ok(Self {
            shape: *shape,
            lines: [Line::new(shape, 0), Line::new(shape, 1)],
        })
    }
    /// Whether tiles are [`Tile::Pixels`], or areas.
    pub(super) fn is_pointwise(&self) -> bool {
        self.lines.iter().all(Line::is_pointwise)
    }
    /// Phases of a channel.
    pub(super) fn phases(&self) -> usize {
        self.lines[0].phases.len() * self.lines[1].phases.len()
    }
    /// Planes of a channel's phase number `phase`: its phases along the axes.
    pub(super) fn phase(&self, phase: usize) -> [usize; 2] {
        let across = self.lines[1].phases.len();
        [phase / across % self.lines[0].phases.len(), phase % across]
    }
    /// Input planes of `merge` groups.
    pub(super) fn planes(&self, merge: usize) -> usize {
        merge * self.channels()[0] * self.phases()
    }
    /// Input and output channels of a group.
    pub(super) fn channels(&self) -> [usize; 2] {
        [self.shape.in_channels, self.shape.out_channels].map(|c| c / self.shape.groups)
    }
    /// The axes of tiles with so many output rows and columns.
    pub(super) fn axes(&self, each: [usize; 2]) -> [Axis; 2] {
        [0, 1].map(|i| {
            let line = &self.lines[i];
            Axis::new(line, each[i].clamp(1, line.outputs))
        })
    }
    /// Coefficients of a plane, and tiles.
    pub(super) fn plane(&self, tile: Tile) -> (usize, usize) {
        match tile {
            Tile::Pixels(n) => (n, self.shape.pixels().div_ceil(n.max(1))),
            Tile::Area([images, rows, columns]) => {
                let [y, x] = self.axes([rows, columns]);
                let batches = self.shape.batch.div_ceil(images.max(1));
                (
                    images.saturating_mul(y.pitch).saturating_mul(x.pitch),
                    batches * y.tiles * x.tiles,
                )
            }
        }
    }
    /// The split with nothing beyond what there is.
    pub(super) fn clamp(&self, mut split: Split) -> Split {
        split.merge = split.merge.clamp(1, self.shape.groups);
        split.inputs = split.inputs.clamp(1, self.planes(split.merge));
        split.outputs = split.outputs.clamp(1, split.merge * self.channels()[1]);
        match &mut split.tile {
            Tile::Pixels(n) => *n = (*n).clamp(1, self.shape.pixels()),
            Tile::Area([images, rows, columns]) => {
                *images = (*images).clamp(1, self.shape.batch);
                *rows = (*rows).clamp(1, self.lines[0].outputs);
                *columns = (*columns).clamp(1, self.lines[1].outputs);
            }
        }
        split
    }
    /// What a clamped split amounts to.
    pub(super) fn load(&self, split: &Split, numbers: &Numbers) -> Load {
        let [groups, tiles, ins, outs, terms] = [
            numbers.groups,
            numbers.tiles,
            numbers.ins,
            numbers.outs,
            numbers.terms,
        ]
        .map(|n| n as u64);
        let units = groups.saturating_mul(tiles);
        let ins_all = units.saturating_mul(ins);
        Load {
            ins: ins_all,
            outs: units.saturating_mul(outs),
            pairs: ins_all.saturating_mul(outs),
            terms,
            form: self.form(split),
            wanted: self.shape.output_len() as u64,
        }
    }
    /// How points of weight polynomials come about.
    fn form(&self, split: &Split) -> Form {
        let [y, x] = &self.lines;
        let taps = if self.is_pointwise() {
            1
        } else {
            y.shifts.len() * x.shifts.len()
        };
        // Exponents differ from the taps' by multiples of the distance.
        let points = match split.inputs * split.outputs {
            1 => usize::MAX,
            _ => 1 << split.distance.trailing_zeros(),
        };
        let compact = taps == 1 || taps <= MOST_TAPS && points >= 16 * taps;
        if points >= LEAST_BLOCK && compact {
            Form::Blocks { points, taps }
        } else {
            Form::Whole
        }
    }
    /// Which terms of plaintext polynomials are left out.
    pub(super) fn sparsity(&self, split: &Split) -> Sparsity {
        let one = split.inputs >= self.planes(split.merge)
            && split.outputs >= split.merge * self.channels()[1];
        if one {
            Sparsity::Exact
        } else if split.inputs.is_multiple_of(self.phases()) {
            Sparsity::Phases
        } else {
            Sparsity::None
        }
    }
    /// Counts of a clamped split, of which the tile makes so many.
    pub(super) fn numbers(&self, split: &Split, tiles: usize) -> Numbers {
        let [inputs, outputs] = self.channels();
        let [y, x] = &self.lines;
        let of_phases = y.live * x.live;
        let terms = match self.sparsity(split) {
            Sparsity::Exact => split.merge * inputs * outputs * of_phases,
            Sparsity::Phases => split.outputs * split.inputs / self.phases() * of_phases,
            Sparsity::None if self.is_pointwise() => split.inputs * split.outputs,
            Sparsity::None => split.inputs * split.outputs * y.shifts.len() * x.shifts.len(),
        };
        Numbers {
            groups: self.shape.groups.div_ceil(split.merge),
            tiles,
            ins: self.planes(split.merge).div_ceil(split.inputs),
            outs: (split.merge * outputs).div_ceil(split.outputs),
            terms,
        }
    }
}

/// Terms that no pair of polynomials has are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sparsity {
    /// One pair of polynomials: its terms, and no others.
    Exact,
    /// Every place in input polynomials belongs to one phase: the taps of that phase.
    Phases,
    /// All taps for all places.
    None,
}
