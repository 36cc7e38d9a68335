//! Attributes of operators that slide a window, and the places where it stands.

use crate::model::Shape;
use serde::{Deserialize, Serialize};

/// Largest kernel side, stride, padding or dilation.
const MAX_ATTRIBUTE: usize = 1 << 12;

/// Attributes of a convolution. Its weight is `[out_channels][in_channels / groups][kernel h][kernel w]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv {
    /// Output channels.
    pub out_channels: usize,
    /// Height and width.
    pub kernel: [usize; 2],
    /// Down and right.
    pub stride: [usize; 2],
    /// Zeros at top, left, bottom and right.
    pub padding: [usize; 4],
    /// Down and right.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// Whether a bias `[out_channels]` is added.
    pub bias: bool,
}

impl Conv {
    /// A square kernel with stride 1, no padding, no dilation, one group and no bias.
    #[must_use]
    pub fn new(out_channels: usize, kernel: usize) -> Self {
        Self {
            out_channels,
            kernel: [kernel; 2],
            stride: [1; 2],
            padding: [0; 4],
            dilation: [1; 2],
            groups: 1,
            bias: false,
        }
    }
    /// Both strides.
    #[must_use]
    pub fn stride(mut self, stride: usize) -> Self {
        self.stride = [stride; 2];
        self
    }
    /// All four paddings.
    #[must_use]
    pub fn padding(mut self, padding: usize) -> Self {
        self.padding = [padding; 4];
        self
    }
    /// Both dilations.
    #[must_use]
    pub fn dilation(mut self, dilation: usize) -> Self {
        self.dilation = [dilation; 2];
        self
    }
    /// The groups.
    #[must_use]
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }
    /// With a bias.
    #[must_use]
    pub fn bias(mut self) -> Self {
        self.bias = true;
        self
    }
}

/// Attributes of a maximum over windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool {
    /// Height and width.
    pub kernel: [usize; 2],
    /// Down and right.
    pub stride: [usize; 2],
    /// Top, left, bottom and right, each smaller than the kernel.
    pub padding: [usize; 4],
    /// Whether a last window may hang over the edge.
    pub ceil_mode: bool,
}

impl MaxPool {
    /// Square windows without padding, none of which hangs over.
    #[must_use]
    pub fn new(kernel: usize, stride: usize) -> Self {
        Self {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [0; 4],
            ceil_mode: false,
        }
    }
    /// All four paddings.
    #[must_use]
    pub fn padding(mut self, padding: usize) -> Self {
        self.padding = [padding; 4];
        self
    }
    /// Windows may hang over.
    #[must_use]
    pub fn ceil_mode(mut self) -> Self {
        self.ceil_mode = true;
        self
    }
}

/// Attributes of a mean over windows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool {
    /// Height and width.
    pub kernel: [usize; 2],
    /// Down and right.
    pub stride: [usize; 2],
    /// Top, left, bottom and right, each smaller than the kernel.
    pub padding: [usize; 4],
    /// Whether padding counts in the divisor.
    pub count_include_pad: bool,
    /// Whether a last window may hang over the edge.
    pub ceil_mode: bool,
}

impl AvgPool {
    /// Square windows without padding, none of which hangs over.
    #[must_use]
    pub fn new(kernel: usize, stride: usize) -> Self {
        Self {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [0; 4],
            count_include_pad: true,
            ceil_mode: false,
        }
    }
    /// What each mean is divided by, for an input of `[h, w]` and a result of `[h, w]`, row by row.
    pub(crate) fn divisors(&self, input: [usize; 2], [oh, ow]: [usize; 2]) -> Vec<u32> {
        (0..oh)
            .flat_map(|y| (0..ow).map(move |x| [y, x]))
            .map(|at| self.divisor(input, at) as u32)
            .collect()
    }
    /// What the mean at row `y` and column `x` of the output is divided by, for an input of `h` by `w`.
    #[must_use]
    pub fn divisor(&self, [h, w]: [usize; 2], [y, x]: [usize; 2]) -> usize {
        let side = |n: usize, k: usize, s: usize, before: usize, after: usize, o: usize| {
            let start = o * s;
            let end = (start + k).min(n + before + after);
            if self.count_include_pad {
                end.saturating_sub(start)
            } else {
                end.min(n + before).saturating_sub(start.max(before))
            }
        };
        let ([kh, kw], [sh, sw], [t, l, b, r]) = (self.kernel, self.stride, self.padding);
        side(h, kh, sh, t, b, y) * side(w, kw, sw, l, r, x)
    }
}

pub(super) fn pool(
    x: &Shape,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 4],
    ceil_mode: bool,
) -> Result<Shape, String> {
    let [n, c, h, w] = x.as_nchw();
    let [t, l, b, r] = padding;
    if t.max(b) >= kernel[0] || l.max(r) >= kernel[1] {
        return Err(format!(
            "padding {padding:?} is not smaller than the window {kernel:?}"
        ));
    }
    let oh = window(h, kernel[0], stride[0], 1, [t, b], ceil_mode)?;
    let ow = window(w, kernel[1], stride[1], 1, [l, r], ceil_mode)?;
    Shape::nchw(n, c, oh, ow).map_err(|e| e.to_string())
}

/// Positions of a window along one side.
pub(super) fn window(
    n: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    [before, after]: [usize; 2],
    ceil_mode: bool,
) -> Result<usize, String> {
    if kernel == 0 || stride == 0 || dilation == 0 {
        return Err("a kernel, stride or dilation of zero".to_owned());
    }
    if [kernel, stride, dilation, before, after]
        .iter()
        .any(|v| *v > MAX_ATTRIBUTE)
    {
        return Err(format!(
            "a kernel, stride, padding or dilation above {MAX_ATTRIBUTE}"
        ));
    }
    // n is at most 2^31 and every attribute at most 2^12: nothing here overflows 64 bits.
    let (padded, span) = (n + before + after, dilation * (kernel - 1) + 1);
    if span > padded {
        return Err(format!(
            "a kernel that spans {span} does not fit into {n} padded to {padded}"
        ));
    }
    let free = padded - span;
    if ceil_mode {
        let out = free.div_ceil(stride) + 1;
        // A window must start inside the input or the padding before it.
        Ok(if (out - 1) * stride >= n + before {
            out - 1
        } else {
            out
        })
    } else {
        Ok(free / stride + 1)
    }
}
