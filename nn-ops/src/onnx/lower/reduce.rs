//! Reductions along axes, the choice of a class, and which node is the last.

use super::super::item::{Item, axes, axis};
use super::{Args, Lazy, Lower, Outcome};
use crate::model::{MaxPool, Op};

impl Lower<'_> {
    pub(super) fn reduce(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        if item.op() == "ArgMax" {
            return self.argmax(item, args);
        }
        let x = args.node(0)?;
        let rank = x.layout.rank();
        let listed = args.ints(item, "axes", 1)?.unwrap_or_default();
        if listed.is_empty() && item.flag("noop_with_empty_axes", false)? {
            return Ok(x.clone());
        }
        let gone = match listed.as_slice() {
            [] => (0..rank).collect(),
            list => axes(list, rank)?,
        };
        self.reduced(item.op(), x, &gone, item.flag("keepdims", true)?)
    }

    /// Reduced along these axes, which stay as dimensions of one if they are to be kept.
    pub(super) fn reduced(
        &mut self,
        op: &str,
        x: &Lazy,
        gone: &[usize],
        keep: bool,
    ) -> Outcome<Lazy> {
        let dims = x.layout.dims().to_vec();
        let kept: Vec<usize> = (0..dims.len()).filter(|a| !gone.contains(a)).collect();
        let sizes = |axes: &[usize]| -> Vec<usize> {
            axes.iter().filter_map(|a| dims.get(*a)).copied().collect()
        };
        let (rows, window) = (sizes(&kept), sizes(gone));
        let order = [kept.as_slice(), gone].concat();
        let layout = x.layout.permute(&order).ok_or("its axes are not its own")?;
        let x = Lazy {
            node: x.node,
            layout,
        };
        let node = if op == "ReduceSum" {
            // A row of ones.
            let n: usize = window.iter().product();
            let rows = self.place(&x, &[rows.iter().product(), n])?;
            self.budget.spend(n)?;
            self.linear(rows, ([1, n], vec![1.0; n]), None)?
        } else {
            let (n, c) = match rows.as_slice() {
                [] => (1, 1),
                [n, c @ ..] => (*n, c.iter().product()),
            };
            let [h, w] = match *window.as_slice() {
                [h, w] => [h, w],
                _ => [window.iter().product(), 1],
            };
            let picture = self.place(&x, &[n, c, h, w])?;
            match op {
                "ReduceMean" => self.emit("", Op::GlobalAvgPool, &[picture])?,
                "ReduceMax" => {
                    let op = MaxPool {
                        kernel: [h, w],
                        ..MaxPool::new(1, 1)
                    };
                    self.emit("", Op::MaxPool(op), &[picture])?
                }
                _ => return Err("minima and products along axes are not computed yet".to_owned()),
            }
        };
        let mut out = Vec::new();
        for (i, d) in dims.iter().enumerate() {
            if !gone.contains(&i) {
                out.push(*d);
            } else if keep {
                out.push(1);
            }
        }
        self.like(node, &out)
    }

    /// The first largest along an axis; the graph has it along the second of two.
    fn argmax(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        if item.flag("select_last_index", false)? {
            return Err("of several largest it takes the last".to_owned());
        }
        let x = args.node(0)?;
        let mut dims = x.layout.dims().to_vec();
        let at = axis(item.int("axis", 0)?, dims.len())?;
        let n = dims.remove(at);
        let kept = (0..x.layout.rank()).filter(|a| *a != at);
        let order: Vec<usize> = kept.chain([at]).collect();
        let layout = x.layout.permute(&order).ok_or("its axes are not its own")?;
        let node = x.node;
        let rows = self.place(&Lazy { node, layout }, &[dims.iter().product(), n])?;
        let node = self.emit("", Op::Argmax, &[rows])?;
        if item.flag("keepdims", true)? {
            dims.insert(at, 1);
        }
        self.like(node, &dims)
    }

    /// Whether a node's result is the result of the network, but for operators that change nothing.
    pub(super) fn is_last(&self, item: &Item<'_>) -> bool {
        let mut name = item.outputs().first().map_or("", |n| n.as_str());
        for later in &self.source.items {
            if later.inputs().iter().any(|i| i == name) {
                if !matches!(later.op(), "Identity" | "Cast") || name == self.source.output {
                    return false;
                }
                name = later.outputs().first().map_or("", |n| n.as_str());
            }
        }
        name == self.source.output
    }
}
