//! Maxima and means over windows.

use super::super::item::Item;
use super::conv::Window;
use super::{Args, Lazy, Lower, Outcome};
use crate::model::{AvgPool, MaxPool, Op};

impl Lower<'_> {
    pub(super) fn pool(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        let x = args.node(0)?;
        let space = x.layout.dims().get(2..).unwrap_or(&[]);
        let (line, op) = match (item.op(), space) {
            ("GlobalAveragePool", [_] | [_, _]) => (space.len() == 1, Op::GlobalAvgPool),
            ("GlobalMaxPool", [_] | [_, _]) => {
                let op = MaxPool {
                    kernel: [space[0], space.get(1).copied().unwrap_or(1)],
                    ..MaxPool::new(1, 1)
                };
                (space.len() == 1, Op::MaxPool(op))
            }
            ("GlobalAveragePool" | "GlobalMaxPool", _) => {
                return Err(format!(
                    "it takes pictures or lines, not {:?}",
                    x.layout.dims()
                ));
            }
            (kind, _) => {
                if item.named_outputs() > 1 {
                    return Err("the places of the maxima are not computed".to_owned());
                }
                let kernel = item.sizes("kernel_shape", space.len(), 0)?;
                let window = Window::new(item, x.layout.dims(), &kernel)?;
                if window.dilation != [1; 2] {
                    return Err("dilated windows are not computed yet".to_owned());
                }
                let ceil_mode = item.flag("ceil_mode", false)?;
                let op = if kind == "MaxPool" {
                    Op::MaxPool(MaxPool {
                        kernel: window.kernel,
                        stride: window.stride,
                        padding: window.padding,
                        ceil_mode,
                    })
                } else {
                    Op::AvgPool(AvgPool {
                        kernel: window.kernel,
                        stride: window.stride,
                        padding: window.padding,
                        count_include_pad: item.flag("count_include_pad", false)?,
                        ceil_mode,
                    })
                };
                (window.line, op)
            }
        };
        let node = self.picture(x)?;
        let node = self.emit("", op, &[node])?;
        self.unpicture(node, line)
    }
}
