//! One input and one output channel per group: every channel is a lane.

use core::ops::Range;

use super::gather::corners;
use super::{ConvShape, PackedWeights};
use crate::Ring;

/// `out` holds the positions `pixels`, all channels.
pub(super) fn depthwise<R: Ring>(
    shape: &ConvShape,
    terms: &[(&[R], &PackedWeights<R>)],
    pixels: Range<usize>,
    out: &mut [R],
) {
    let channels = shape.out_channels;
    for (row, at) in out
        .chunks_exact_mut(channels)
        .zip(corners(shape, pixels.start))
    {
        row.fill(R::ZERO);
        for (x, w) in terms {
            for ky in 0..shape.kernel[0] {
                for kx in 0..shape.kernel[1] {
                    let Some(i) = at.source(shape, [ky, kx]) else {
                        continue;
                    };
                    let w = &w.words()[(ky * shape.kernel[1] + kx) * channels..][..channels];
                    for ((o, x), w) in row.iter_mut().zip(&x[i..][..channels]).zip(w) {
                        *o = o.add(x.mul(*w));
                    }
                }
            }
        }
    }
}
