//! Weights in the order in which the kernels read them.

use super::words::Words;
use super::{ConvShape, ShapeError, check_len, is_depthwise};
use crate::Ring;

/// Weights in the order in which the kernels read them. Wiped when freed.
pub struct PackedWeights<R: Ring> {
    /// `[group][panel][tap][channel][PANEL]`, or `[tap][channel]` for depthwise shapes.
    data: Words<R>,
    out_channels: usize,
    fan_in: usize,
    groups: usize,
}

impl<R: Ring> core::fmt::Debug for PackedWeights<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "PackedWeights<Z_2^{}>[{} x {}]",
            R::BITS,
            self.out_channels,
            self.fan_in
        )
    }
}

impl<R: Ring> PackedWeights<R> {
    /// Packs `[out][in / groups][kh][kw]` weights for `shape`.
    pub fn pack(shape: &ConvShape, weights: &[R]) -> Result<Self, ShapeError> {
        shape.validate()?;
        check_len("weights", weights.len(), shape.weight_len())?;
        let taps = shape.kernel[0] * shape.kernel[1];
        let in_group = shape.in_channels / shape.groups;
        let out_group = shape.out_channels / shape.groups;
        let fan_in = shape.fan_in();
        let data = if is_depthwise(shape) {
            let mut data = Words::zeros(weights.len());
            let d = data.as_mut_slice();
            for (c, per_channel) in weights.chunks_exact(taps).enumerate() {
                for (t, w) in per_channel.iter().enumerate() {
                    d[t * shape.out_channels + c] = *w;
                }
            }
            data
        } else {
            let panels = out_group.div_ceil(R::PANEL);
            let mut data = Words::zeros(shape.groups * panels * fan_in * R::PANEL);
            let place = Place { taps, in_group };
            for (i, panel) in data
                .as_mut_slice()
                .chunks_exact_mut(fan_in * R::PANEL)
                .enumerate()
            {
                let (group, first) = (i / panels, i % panels * R::PANEL);
                let rows = &weights[(group * out_group + first) * fan_in..];
                let count = R::PANEL.min(out_group - first);
                pack_panel(&rows[..count * fan_in], panel, place);
            }
            data
        };
        Ok(Self {
            data,
            out_channels: shape.out_channels,
            fan_in,
            groups: shape.groups,
        })
    }

    /// Packs a row-major `k x n` matrix for `ConvShape::matmul(_, k, n)`.
    pub fn pack_matrix(k: usize, n: usize, matrix: &[R]) -> Result<Self, ShapeError> {
        let shape = ConvShape::matmul(1, k, n);
        shape.validate()?;
        check_len("matrix", matrix.len(), shape.weight_len())?;
        let panels = n.div_ceil(R::PANEL);
        let mut data = Words::zeros(panels * k * R::PANEL);
        let d = data.as_mut_slice();
        for (r, row) in matrix.chunks_exact(n).enumerate() {
            for (p, part) in row.chunks(R::PANEL).enumerate() {
                d[(p * k + r) * R::PANEL..][..part.len()].copy_from_slice(part);
            }
        }
        Ok(Self {
            data,
            out_channels: n,
            fan_in: k,
            groups: 1,
        })
    }

    /// `self += rhs`, for weights packed for the same shape.
    pub fn add_assign(&mut self, rhs: &Self) -> Result<(), ShapeError> {
        check_len("weights", rhs.data.len(), self.data.len())?;
        for (a, b) in self.data.as_mut_slice().iter_mut().zip(rhs.words()) {
            *a = a.add(*b);
        }
        Ok(())
    }

    /// The packed words.
    pub(super) fn words(&self) -> &[R] {
        self.data.as_slice()
    }

    /// Whether they were packed for a shape like this.
    pub(super) fn fits(&self, shape: &ConvShape) -> Result<(), ShapeError> {
        if self.groups != shape.groups || self.fan_in != shape.fan_in() {
            return Err(ShapeError::Buffer {
                what: "packed weights per output",
                got: self.fan_in,
                want: shape.fan_in(),
            });
        }
        check_len(
            "packed weight outputs",
            self.out_channels,
            shape.out_channels,
        )
    }
}

/// Where a weight goes: `[channel][tap]` becomes `[tap][channel]`.
#[derive(Clone, Copy)]
struct Place {
    taps: usize,
    in_group: usize,
}

/// Packs the `[fan_in]` rows of up to one panel of outputs, eight columns at a time, so that every cache line of the source is
/// read once while the lines of the destination stay near.
fn pack_panel<R: Ring>(rows: &[R], panel: &mut [R], place: Place) {
    const RUN: usize = 8;
    let fan_in = place.taps * place.in_group;
    for first in (0..fan_in).step_by(RUN) {
        let run = RUN.min(fan_in - first);
        let to: [usize; RUN] = core::array::from_fn(|j| {
            let k = first + j;
            (k % place.taps * place.in_group + k / place.taps) * R::PANEL
        });
        for (o, row) in rows.chunks_exact(fan_in).enumerate() {
            for (w, to) in row[first..first + run].iter().zip(to) {
                panel[to + o] = *w;
            }
        }
    }
}
