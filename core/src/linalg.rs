//! Matrix products and convolutions modulo 2^k.
//!
//! A convolution is a matrix product whose left rows are gathered as it goes: for every kernel row or tap, the rows of a
//! register tile are slices of the input (or zeros, where the tap falls on padding), whatever the stride, padding,
//! dilation or grouping. Copies are small and few: what straddles the edge of the padding, and what the cache could not
//! hold where it lies, of one block of output positions at a time. A matrix product is the 1x1 case.
//!
//! Where the processor is better at additions than at multiplications, products go in pairs, two for one multiplication
//! (Winograd's inner product; `tile.rs`). All versions compute the same bits: both rest on nothing but the laws of a
//! commutative ring, which the integers modulo 2^k are.
//!
//! Activations are `[batch][height][width][channel]`; weights come as `[out][in / groups][kh][kw]` and are
//! repacked once ([`PackedWeights`]). Several products into one output (`x_0 w_0 + x_1 w_1`, as a party of a
//! replicated protocol needs) run in one pass over the output.
//!
//! Time depends on shapes alone, never on values.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod depthwise;
mod gather;
mod kernel;
mod pack;
mod plan;
mod tile;
mod words;

pub use pack::PackedWeights;
pub(crate) use tile::Tiles;

use core::ops::Range;

use crate::Ring;

/// No panel has more output channels.
const MAX_PANEL: usize = 32;

/// Why a shape was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// A dimension is zero where it must not be, or a size does not fit in memory.
    #[error("{0} is zero or too large")]
    Dimension(&'static str),
    /// Channels do not split evenly.
    #[error("{groups} groups do not divide {channels} {which} channels")]
    Groups {
        /// Which side.
        which: &'static str,
        /// Number of groups.
        groups: usize,
        /// Number of channels.
        channels: usize,
    },
    /// The kernel does not fit even once.
    #[error("kernel extent {kernel} exceeds padded input extent {input}")]
    Kernel {
        /// Extent of the dilated kernel.
        kernel: usize,
        /// Extent of the padded input.
        input: usize,
    },
    /// A buffer has another length than the shape calls for.
    #[error("{what} holds {got} elements, the shape calls for {want}")]
    Buffer {
        /// Which buffer.
        what: &'static str,
        /// Its length.
        got: usize,
        /// The length due.
        want: usize,
    },
}

/// A two-dimensional convolution, sizes in elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Images.
    pub batch: usize,
    /// Input `[height, width]`.
    pub input: [usize; 2],
    /// Input channels.
    pub in_channels: usize,
    /// Output channels.
    pub out_channels: usize,
    /// Kernel `[height, width]`.
    pub kernel: [usize; 2],
    /// Stride `[vertical, horizontal]`.
    pub stride: [usize; 2],
    /// Zero padding `[top, left, bottom, right]`.
    pub padding: [usize; 4],
    /// Distance between kernel taps `[vertical, horizontal]`.
    pub dilation: [usize; 2],
    /// Channel groups.
    pub groups: usize,
}

impl ConvShape {
    /// The product of an `m x k` by a `k x n` matrix, as the convolution that it is.
    #[must_use]
    pub fn matmul(m: usize, k: usize, n: usize) -> Self {
        Self {
            batch: m,
            input: [1, 1],
            in_channels: k,
            out_channels: n,
            kernel: [1, 1],
            stride: [1, 1],
            padding: [0; 4],
            dilation: [1, 1],
            groups: 1,
        }
    }

    /// Checks every relation between the fields, and that all sizes fit in memory.
    pub fn validate(&self) -> Result<(), ShapeError> {
        let nonzero = [
            (self.batch, "batch"),
            (self.input[0], "input height"),
            (self.input[1], "input width"),
            (self.in_channels, "input channels"),
            (self.out_channels, "output channels"),
            (self.kernel[0], "kernel height"),
            (self.kernel[1], "kernel width"),
            (self.stride[0], "vertical stride"),
            (self.stride[1], "horizontal stride"),
            (self.dilation[0], "vertical dilation"),
            (self.dilation[1], "horizontal dilation"),
            (self.groups, "groups"),
        ];
        for (v, what) in nonzero {
            if v == 0 || v > 1 << 31 {
                return Err(ShapeError::Dimension(what));
            }
        }
        if self.padding.iter().any(|p| *p > 1 << 31) {
            return Err(ShapeError::Dimension("padding"));
        }
        for (which, channels) in [("input", self.in_channels), ("output", self.out_channels)] {
            if channels % self.groups != 0 {
                return Err(ShapeError::Groups {
                    which,
                    groups: self.groups,
                    channels,
                });
            }
        }
        for axis in 0..2 {
            let input = self.input[axis] + self.padding[axis] + self.padding[axis + 2];
            let kernel = (self.kernel[axis] - 1)
                .checked_mul(self.dilation[axis])
                .and_then(|e| e.checked_add(1))
                .ok_or(ShapeError::Dimension("kernel extent"))?;
            if kernel > input {
                return Err(ShapeError::Kernel { kernel, input });
            }
        }
        let product = |what, dims: &[usize]| {
            dims.iter()
                .try_fold(1usize, |a, d| a.checked_mul(*d))
                .filter(|n| *n <= isize::MAX as usize / 16)
                .ok_or(ShapeError::Dimension(what))
        };
        let [h, w] = self.output();
        product(
            "input size",
            &[self.batch, self.input[0], self.input[1], self.in_channels],
        )?;
        product("output size", &[self.batch, h, w, self.out_channels])?;
        product(
            "weight size",
            &[
                self.out_channels + MAX_PANEL * self.groups,
                self.in_channels / self.groups,
                self.kernel[0],
                self.kernel[1],
            ],
        )?;
        Ok(())
    }

    /// Output `[height, width]` of a valid shape.
    #[must_use]
    pub fn output(&self) -> [usize; 2] {
        let extent = |axis: usize| {
            (self.input[axis] + self.padding[axis] + self.padding[axis + 2]
                - (self.kernel[axis] - 1) * self.dilation[axis]
                - 1)
                / self.stride[axis]
                + 1
        };
        [extent(0), extent(1)]
    }

    /// Output positions over the whole batch.
    #[must_use]
    pub fn pixels(&self) -> usize {
        let [h, w] = self.output();
        self.batch * h * w
    }

    /// Elements of the input.
    #[must_use]
    pub fn input_len(&self) -> usize {
        self.batch * self.input[0] * self.input[1] * self.in_channels
    }

    /// Elements of the output.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.pixels() * self.out_channels
    }

    /// Elements of the weights.
    #[must_use]
    pub fn weight_len(&self) -> usize {
        self.out_channels * self.fan_in()
    }

    /// Products summed into one output element.
    #[must_use]
    pub fn fan_in(&self) -> usize {
        self.in_channels / self.groups * self.kernel[0] * self.kernel[1]
    }

    /// Multiply-accumulates of one product, taps on padding included.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.output_len() as u64 * self.fan_in() as u64
    }
}

/// One channel in, one channel out per group: vectorised over channels instead of outputs of one group.
fn is_depthwise(shape: &ConvShape) -> bool {
    shape.groups > 1 && shape.groups == shape.in_channels && shape.groups == shape.out_channels
}

fn check_len(what: &'static str, got: usize, want: usize) -> Result<(), ShapeError> {
    if got == want {
        Ok(())
    } else {
        Err(ShapeError::Buffer { what, got, want })
    }
}

/// `out = sum over terms of conv(x, w)`; `x` is `[batch][h][w][in]`, `out` is `[batch][oh][ow][out]`.
pub fn conv2d<R: Ring>(
    shape: &ConvShape,
    terms: &[(&[R], &PackedWeights<R>)],
    out: &mut [R],
) -> Result<(), ShapeError> {
    conv2d_pixels(
        shape,
        terms,
        0..shape.validate().map(|()| shape.pixels())?,
        out,
    )
}

/// The part of [`conv2d`] for the output positions `pixels` (`out` holds just these): how threads share one product.
pub fn conv2d_pixels<R: Ring>(
    shape: &ConvShape,
    terms: &[(&[R], &PackedWeights<R>)],
    pixels: Range<usize>,
    out: &mut [R],
) -> Result<(), ShapeError> {
    conv2d_at(crate::cpu::level(), shape, terms, pixels, out)
}

/// As [`conv2d_pixels`], with kernels of at most `level`: for tests and benchmarks.
#[doc(hidden)]
pub fn conv2d_at<R: Ring>(
    level: crate::cpu::Level,
    shape: &ConvShape,
    terms: &[(&[R], &PackedWeights<R>)],
    pixels: Range<usize>,
    out: &mut [R],
) -> Result<(), ShapeError> {
    shape.validate()?;
    if pixels.end > shape.pixels() {
        return Err(ShapeError::Dimension("pixel range"));
    }
    check_len("output", out.len(), pixels.len() * shape.out_channels)?;
    for (x, w) in terms {
        check_len("input", x.len(), shape.input_len())?;
        w.fits(shape)?;
    }
    if is_depthwise(shape) {
        depthwise::depthwise(shape, terms, pixels, out);
    } else {
        kernel::panels(level, shape, terms, pixels, out);
    }
    Ok(())
}

/// `out = a b` for row-major `a` (`m x k`), `b` (`k x n`), `out` (`m x n`).
pub fn matmul<R: Ring>(
    [m, k, n]: [usize; 3],
    a: &[R],
    b: &[R],
    out: &mut [R],
) -> Result<(), ShapeError> {
    let w = PackedWeights::pack_matrix(k, n, b)?;
    conv2d(&ConvShape::matmul(m, k, n), &[(a, &w)], out)
}

#[cfg(test)]
mod tests;
