//! Linear layers as products of polynomials.
//!
//! After Cheetah (eprint 2022/207, section 3): coefficients of inputs and weights are placed so that the sums of
//! products that a layer wants land on coefficients of their own. Here a polynomial holds several channels on both
//! sides, and what surrounds images is stored once between neighbours.
//!
//! **Planes.** A channel's items with row ≡ f and column ≡ g modulo the strides are one plane; a layer with
//! strides is one of stride 1 over its planes (`axis.rs`). A plane is stored row by row, `pitch` apart, and ends with
//! a gap of empty rows and columns; output o of a tile reads place o + t for every tap t, both taken as (row,
//! column).
//!
//! **Blocks.** C planes stand in an input polynomial, plane c from coefficient c D on; M outputs in an output
//! polynomial, channel m from m C D on: o at m C D + o. The weight of (m, c, t) stands at m C D - c D - t, modulo 2
//! N, where X^N = -1. All of this fits if
//!
//! > D is at least rows x columns of a plane with its gaps, and C M D <= N.
//!
//! Then nothing else lands on a wanted coefficient. A product of the input at (c', p) and the weight of (m', c, t)
//! lands at m' C D + (c' - c) D + p - t, and on wanted (m, o) only if, with k = (m' - m) C + c' - c and v = o + t, k
//! D + p - v is a multiple of N. Along an axis, v lies between -before and extent - 1 + behind, p between 0 and
//! extent - 1, and pitch >= extent + max(before, behind): so they differ by less than a pitch along each axis, and by
//! less than D as numbers. |k| <= C M - 1, hence |k D + p - v| < C M D <= N, and it is 0; as |p - v| < D, k = 0 and p
//! = v; as |c' - c| < C, m' = m and c' = c; as columns differ by less than their pitch, p and v agree in columns,
//! hence in rows. That is a product that the layer wants. (Where v is in a gap, the layer has padding, and there is
//! no p. Several images in a plane are below each other: the rows of one, with its gap, are a pitch.) For the same
//! reasons terms have exponents of their own modulo N: shifts of taps that meet data span less than a pitch.
//!
//! **Powers of two.** Modulo D exponents are those of the taps. Where D is a multiple of a power of two S, a weight
//! polynomial is a sum of X^t times polynomials in X^S, which have one value for S neighbouring points: products with
//! those are cheap, and so is their storage. A plane is rounded up where that pays.

mod axis;
mod cost;
mod input;
mod plan;
mod search;
mod split;

use core::ops::Range;

use piquet_core::linalg::ConvShape;

use crate::Error;
use crate::map::Map;
use crate::noise::Bound;
use axis::Axis;
pub use cost::{Costs, Counts};
pub use plan::{Plan, plan};
use split::{Layer, Numbers, Sparsity};
pub use split::{Split, Tile};

/// No larger degree has parameters by far; exponents fit in 32 bits.
const MOST_DEGREE: usize = 1 << 20;

/// How a layer's elements lie in polynomials. Activations are `[batch][height][width][channel]`, weights
/// `[out][in / groups][kh][kw]`, as for `piquet_core::linalg`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoding {
    layer: Layer,
    degree: usize,
    split: Split,
    numbers: Numbers,
    axes: [Axis; 2],
    map: Map,
    terms: Vec<Term>,
}

/// What a term of a plaintext polynomial stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Term {
    /// Output channel in the output polynomial.
    output: u32,
    /// Plane in the input polynomial.
    input: u32,
    /// Number of the tap: of its shifts of rows and columns, the first one's number times how many there are of the
    /// second, and the second's.
    tap: u32,
}

impl Encoding {
    /// Cuts a layer into few polynomials. [`plan()`] weighs more than their number.
    pub fn new(shape: &ConvShape, degree: usize) -> Result<Self, Error> {
        let layer = Layer::new(shape)?;
        let mut best = None;
        search::splits(&layer, degree, |split, numbers| {
            let count = numbers.groups * numbers.tiles * (numbers.ins + numbers.outs);
            if best.is_none_or(|(least, _)| count < least) {
                best = Some((count, *split));
            }
        });
        let (_, split) = best.ok_or(Error::Parameter {
            what: "degree",
            got: degree as u64,
            domain: "a power of two, with room for what an output reads",
        })?;
        Self::with_split(shape, degree, split)
    }
    /// Cuts a layer as `split` says.
    pub fn with_split(shape: &ConvShape, degree: usize, split: Split) -> Result<Self, Error> {
        let layer = Layer::new(shape)?;
        let split = layer.clamp(split);
        let refuse = |what, got, domain| {
            Err(Error::Parameter {
                what,
                got: got as u64,
                domain,
            })
        };
        let (plane, tiles) = layer.plane(split.tile);
        match split.tile {
            Tile::Pixels(n) if !layer.is_pointwise() => {
                return refuse("tile of pixels", n, "areas, for kernels beyond the stride");
            }
            Tile::Area([n, ..]) if layer.is_pointwise() => {
                return refuse(
                    "tile of an area",
                    n,
                    "pixels, for kernels within the stride",
                );
            }
            Tile::Area([n, rows, columns]) if n > 1 && [rows, columns] != shape.output() => {
                return refuse("images of a tile", n, "1, unless they are whole");
            }
            _ => {}
        }
        if split.distance < plane {
            return refuse(
                "distance of planes",
                split.distance,
                "at least the size of one",
            );
        }
        let blocks = split.inputs.saturating_mul(split.outputs);
        if blocks.saturating_mul(split.distance) > degree
            || !degree.is_power_of_two()
            || degree > MOST_DEGREE
        {
            return refuse(
                "coefficients of a product",
                blocks.saturating_mul(split.distance),
                "at most the degree",
            );
        }
        let axes = match split.tile {
            Tile::Area([_, rows, columns]) => layer.axes([rows, columns]),
            Tile::Pixels(_) => layer.axes([1, 1]),
        };
        let numbers = layer.numbers(&split, tiles);
        let mut encoding = Self {
            degree,
            split,
            numbers,
            axes,
            map: Map {
                ins: numbers.ins,
                outs: numbers.outs,
                exponents: Vec::new(),
            },
            terms: Vec::new(),
            layer,
        };
        encoding.place_terms();
        Ok(encoding)
    }

    fn place_terms(&mut self) {
        let Split {
            inputs,
            outputs,
            distance,
            ..
        } = self.split;
        let lines = &self.layer.lines;
        let pointwise = self.layer.is_pointwise();
        let (rows, columns) = match pointwise {
            true => (1, 1),
            false => (lines[0].shifts.len(), lines[1].shifts.len()),
        };
        let sparsity = self.layer.sparsity(&self.split);
        for (m, c) in (0..outputs).flat_map(|m| (0..inputs).map(move |c| (m, c))) {
            if sparsity == Sparsity::Exact && self.plane(c).0 != self.channel(m).0 {
                continue;
            }
            let phase = self.layer.phase(c);
            for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
                let absent = [y, x]
                    .iter()
                    .enumerate()
                    .any(|(i, s)| lines[i].taps[phase[i]][*s].is_none());
                if absent && !pointwise && sparsity != Sparsity::None {
                    continue;
                }
                let shift = if pointwise {
                    0
                } else {
                    let [dy, dx] = [(0, y), (1, x)]
                        .map(|(i, s): (usize, usize)| lines[i].shifts[s] - self.axes[i].base);
                    dy * self.axes[1].pitch as isize + dx
                };
                let at = ((m * inputs * distance) as isize)
                    .wrapping_sub_unsigned(c * distance)
                    .wrapping_sub(shift);
                self.map
                    .exponents
                    .push(at.rem_euclid(2 * self.degree as isize) as u32);
                self.terms.push(Term {
                    output: m as u32,
                    input: c as u32,
                    tap: (y * columns + x) as u32,
                });
            }
        }
    }
    /// Merged group's member, channel within it, and phase, of a plane of a group.
    fn plane(&self, plane: usize) -> (usize, usize, usize) {
        let (phases, inputs) = (self.layer.phases(), self.layer.channels()[0]);
        let channel = plane / phases;
        (channel / inputs, channel % inputs, plane % phases)
    }
    /// Merged group's member and channel within it, of an output channel of a group.
    fn channel(&self, channel: usize) -> (usize, usize) {
        let outputs = self.layer.channels()[1];
        (channel / outputs, channel % outputs)
    }

    /// The layer.
    #[must_use]
    pub fn shape(&self) -> &ConvShape {
        &self.layer.shape
    }
    /// Degree of the polynomials.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.degree
    }
    /// How the layer is cut.
    #[must_use]
    pub fn split(&self) -> &Split {
        &self.split
    }
    /// Groups, each with weights of its own.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.numbers.groups
    }
    /// Tiles, each multiplied by all weights.
    #[must_use]
    pub fn tiles(&self) -> usize {
        self.numbers.tiles
    }
    /// The product of one group and one tile.
    #[must_use]
    pub fn map(&self) -> &Map {
        &self.map
    }
    /// What parameters have to allow for weights of at most `weight` in absolute value.
    #[must_use]
    pub fn bound(&self, weight: u64) -> Bound {
        Bound {
            weight,
            terms: (self.map.ins * self.map.exponents.len()) as u64,
            useful: self.layer.shape.fan_in() as u64,
        }
    }

    /// Output positions of a tile of pixels.
    fn pixels(&self, tile: usize) -> Range<usize> {
        let all = self.layer.shape.pixels();
        match self.split.tile {
            Tile::Pixels(n) => (tile * n).min(all)..((tile + 1) * n).min(all),
            Tile::Area(_) => 0..0,
        }
    }
    /// Images of a tile that is an area, and its numbers along the axes.
    fn area(&self, tile: usize) -> (Range<usize>, [usize; 2]) {
        let [y, x] = &self.axes;
        let batch = self.layer.shape.batch;
        let images = match self.split.tile {
            Tile::Area([n, ..]) => n,
            Tile::Pixels(_) => 1,
        };
        let first = tile / x.tiles / y.tiles * images;
        let range = first.min(batch)..(first + images).min(batch);
        (range, [tile / x.tiles % y.tiles, tile % x.tiles])
    }

    /// The terms of a group's polynomials, as its [`Map`] wants them, from the layer's whole weights.
    #[must_use]
    pub fn weights(&self, group: usize, weights: &[i64]) -> Vec<i64> {
        let shape = &self.layer.shape;
        let (kernel, [_, outputs]) = (shape.kernel, self.layer.channels());
        let Split {
            merge,
            inputs: planes,
            outputs: channels,
            ..
        } = self.split;
        let here = |member: usize| member < merge && group * merge + member < shape.groups;
        // Member, and where its weights begin: of an output channel, and of a plane, with the plane's phase.
        let rows: Vec<(usize, usize)> = (0..self.map.outs * channels)
            .map(|k| {
                let (member, channel) = self.channel(k);
                let row = (group * merge + member) * outputs + channel;
                (member, row * shape.fan_in())
            })
            .collect();
        let columns: Vec<(usize, usize, usize)> = (0..self.map.ins * planes)
            .map(|j| {
                let (member, channel, phase) = self.plane(j);
                let member = if here(member) { member } else { usize::MAX };
                (member, channel * kernel[0] * kernel[1], phase)
            })
            .collect();
        let taps: Vec<Vec<Option<usize>>> = (0..self.layer.phases())
            .map(|phase| self.kernel_indices(phase))
            .collect();
        let mut out = Vec::with_capacity(self.map.values());
        for (rows, columns) in rows
            .chunks_exact(channels)
            .flat_map(|r| columns.chunks_exact(planes).map(move |c| (r, c)))
        {
            out.extend(self.terms.iter().map(|term| {
                let (twin, row) = rows[term.output as usize];
                let (member, column, phase) = columns[term.input as usize];
                match taps[phase][term.tap as usize] {
                    Some(tap) if member == twin => weights[row + column + tap],
                    _ => 0,
                }
            }));
        }
        out
    }
    /// Index in a kernel of every tap, for the planes of a phase.
    fn kernel_indices(&self, phase: usize) -> Vec<Option<usize>> {
        let phase = self.layer.phase(phase);
        let taps = [0, 1].map(|axis| {
            let taps = &self.layer.lines[axis].taps[phase[axis]];
            if self.layer.is_pointwise() {
                vec![taps.iter().flatten().next().copied()]
            } else {
                taps.clone()
            }
        });
        let [rows, columns] = &taps;
        let width = self.layer.shape.kernel[1];
        rows.iter()
            .flat_map(|r| columns.iter().map(|c| Some((*r)? * width + (*c)?)))
            .collect()
    }

    /// Output channels of the layer that output polynomial `o` of a group holds.
    fn channels(&self, group: usize, o: usize) -> Range<usize> {
        let (all, outputs) = (self.layer.shape.out_channels, self.split.outputs);
        let group_outputs = self.split.merge * self.layer.channels()[1];
        let first = group * group_outputs;
        let end = (first + group_outputs).min(all);
        (first + o * outputs).min(end)..(first + (o + 1) * outputs).min(end)
    }
    /// How many outputs output polynomial `o` of a group and tile holds.
    #[must_use]
    pub fn wanted(&self, group: usize, tile: usize, o: usize) -> usize {
        self.channels(group, o).len() * self.places(tile)
    }
    /// Output positions of a tile.
    fn places(&self, tile: usize) -> usize {
        match self.split.tile {
            Tile::Pixels(_) => self.pixels(tile).len(),
            Tile::Area(_) => {
                let (images, [down, across]) = self.area(tile);
                images.len() * self.axes[0].range(down).len() * self.axes[1].range(across).len()
            }
        }
    }
    /// Calls `each` with every coefficient of output polynomial `o` of a group and tile that holds an output,
    /// ascending, and with which element of the layer's whole output it is.
    pub fn each_output(
        &self,
        group: usize,
        tile: usize,
        o: usize,
        mut each: impl FnMut(u32, usize),
    ) {
        let shape = &self.layer.shape;
        let block = self.split.inputs * self.split.distance;
        for (m, channel) in self.channels(group, o).enumerate() {
            let start = m * block;
            match self.split.tile {
                Tile::Pixels(_) => {
                    for (at, pixel) in self.pixels(tile).enumerate() {
                        each((start + at) as u32, pixel * shape.out_channels + channel);
                    }
                }
                Tile::Area(_) => {
                    let (images, [down, across]) = self.area(tile);
                    let ([h, w], [y, x]) = (shape.output(), &self.axes);
                    for (b, image) in images.enumerate() {
                        for (r, row) in y.range(down).enumerate() {
                            let at = start + (b * y.pitch + r) * x.pitch;
                            let from = (image * h + row) * w;
                            for (k, column) in x.range(across).enumerate() {
                                let element = (from + column) * shape.out_channels + channel;
                                each((at + k) as u32, element);
                            }
                        }
                    }
                }
            }
        }
    }
    /// [`Self::each_output`] as two lists: coefficients, and elements.
    #[must_use]
    pub fn output(&self, group: usize, tile: usize, o: usize) -> (Vec<u32>, Vec<usize>) {
        let wanted = self.wanted(group, tile, o);
        let mut lists = (Vec::with_capacity(wanted), Vec::with_capacity(wanted));
        self.each_output(group, tile, o, |position, element| {
            lists.0.push(position);
            lists.1.push(element);
        });
        lists
    }
}

#[cfg(test)]
mod tests;
