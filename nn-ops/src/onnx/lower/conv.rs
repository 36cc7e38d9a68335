//! Convolutions, and the paddings that they share with pooling.

use super::super::item::Item;
use super::{Args, Lazy, Lower, Outcome};
use crate::model::{Conv, NodeId, Op, Role};

/// A window that moves over one or two dimensions; one dimension is two with a width of one.
pub(super) struct Window {
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) dilation: [usize; 2],
    /// Top, left, bottom, right.
    pub(super) padding: [usize; 4],
    /// Whether there is only one dimension.
    pub(super) line: bool,
}

impl Window {
    /// From the attributes of a node, for an input of these dimensions and a kernel of this size.
    pub(super) fn new(item: &Item<'_>, dims: &[usize], kernel: &[usize]) -> Outcome<Self> {
        let space = match dims {
            [_, _, space @ ..] if matches!(space.len(), 1 | 2) => space,
            [_, _, _, _, _, ..] => {
                return Err("it is three-dimensional, and two is the most".to_owned());
            }
            _ => return Err(format!("it takes pictures or lines, not {dims:?}")),
        };
        let n = space.len();
        if kernel.len() != n {
            return Err(format!("its kernel {kernel:?} does not fit {space:?}"));
        }
        let two = |v: &[usize], default: usize| match *v {
            [a, b] => [a, b],
            [a] => [a, default],
            _ => [default; 2],
        };
        let window = Self {
            kernel: two(kernel, 1),
            stride: two(&item.sizes("strides", n, 1)?, 1),
            dilation: two(&item.sizes("dilations", n, 1)?, 1),
            padding: [0; 4],
            line: n == 1,
        };
        let padding = match item.text("auto_pad", "NOTSET")? {
            "NOTSET" => match *item.sizes("pads", 2 * n, 0)? {
                [t, l, b, r] => [t, l, b, r],
                [t, b] => [t, 0, b, 0],
                _ => [0; 4],
            },
            "VALID" => [0; 4],
            "SAME_UPPER" => window.same(two(space, 1), false)?,
            "SAME_LOWER" => window.same(two(space, 1), true)?,
            _ => return Err("its auto_pad is unknown".to_owned()),
        };
        Ok(Self { padding, ..window })
    }
    /// As much padding as makes the result as large as the input over the stride; what is odd goes to one side.
    fn same(&self, space: [usize; 2], lower: bool) -> Outcome<[usize; 4]> {
        let side = |n: usize, i: usize| -> Option<[usize; 2]> {
            let (k, s, d) = (
                self.kernel.get(i)?,
                self.stride.get(i)?,
                self.dilation.get(i)?,
            );
            let span = k.checked_sub(1)?.checked_mul(*d)?.checked_add(1)?;
            let last = n.checked_sub(1)?.checked_div(*s)?.checked_mul(*s)?;
            let total = last.checked_add(span)?.saturating_sub(n);
            let (less, more) = (total / 2, total - total / 2);
            Some(if lower { [more, less] } else { [less, more] })
        };
        match (side(space[0], 0), side(space[1], 1)) {
            (Some([t, b]), Some([l, r])) => Ok([t, l, b, r]),
            _ => Err("a kernel or stride of zero".to_owned()),
        }
    }
}

impl Lower<'_> {
    pub(super) fn conv(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        let (x, weight) = (args.node(0)?, args.need_constant(1)?);
        let [out_channels, _, kernel @ ..] = weight.dims() else {
            return Err("its weight has less than two dimensions".to_owned());
        };
        if let Some(declared) = item.ints("kernel_shape")?
            && !declared
                .iter()
                .map(|d| usize::try_from(*d))
                .eq(kernel.iter().map(|d| Ok(*d)))
        {
            return Err(format!(
                "its kernel is not {kernel:?}, which its weight has"
            ));
        }
        let window = Window::new(item, x.layout.dims(), kernel)?;
        let bias = args.constant(2)?;
        let groups = usize::try_from(item.int("group", 1)?).unwrap_or(0);
        let node = self.picture(x)?;
        let channels = self.node_dims(node).get(1).copied().unwrap_or(0);
        if channels.checked_div(groups) != weight.dims().get(1).copied() {
            return Err(format!(
                "its weight {:?} does not fit {channels} channels in {groups} groups",
                weight.dims()
            ));
        }
        let conv = Conv {
            out_channels: *out_channels,
            kernel: window.kernel,
            stride: window.stride,
            padding: window.padding,
            dilation: window.dilation,
            groups,
            bias: bias.is_some(),
        };
        let out = self.emit("", Op::Conv(conv), &[node])?;
        let [kh, kw] = window.kernel;
        let dims = [*out_channels, channels / groups.max(1), kh, kw];
        self.parameter(out, Role::Weight, &dims, weight.reals().to_vec())?;
        if let Some(bias) = bias {
            self.parameter(out, Role::Bias, &[*out_channels], bias.reals().to_vec())?;
        }
        self.unpicture(out, window.line)
    }

    /// A node of four dimensions; a line is a picture of width one.
    pub(super) fn picture(&mut self, x: &Lazy) -> Outcome<NodeId> {
        match *x.layout.dims() {
            [n, c, l] => self.place(x, &[n, c, l, 1]),
            _ => self.place(x, x.layout.dims()),
        }
    }

    /// A picture, as a line if it is one.
    pub(super) fn unpicture(&mut self, node: NodeId, line: bool) -> Outcome<Lazy> {
        match *self.node_dims(node) {
            [n, c, l, 1] if line => self.like(node, &[n, c, l]),
            _ => Ok(self.whole(node)),
        }
    }
}
