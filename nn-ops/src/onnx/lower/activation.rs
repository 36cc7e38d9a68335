//! Functions of one element, made of maxima.

use super::super::item::Item;
use super::super::layout::Layout;
use super::{Args, Lazy, Lower, Outcome};
use crate::model::{Clip, LeakyRelu, NodeId, Op};

impl Lower<'_> {
    pub(super) fn activation(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        let x = args.node(0)?;
        match item.op() {
            "Relu" => self.map("", x, Op::Relu),
            "LeakyRelu" => {
                let slope = item.float("alpha", 0.01)?;
                self.map("", x, Op::LeakyRelu(LeakyRelu { slope }))
            }
            "Clip" => {
                let bound = |name: &str, i: usize| -> Outcome<Option<f32>> {
                    if item.has(name) {
                        return item.float(name, 0.0).map(Some);
                    }
                    match args.constant(i)? {
                        None => Ok(None),
                        Some(c) => match c.scalar() {
                            None => Err("a bound is not a single number".to_owned()),
                            bound => Ok(bound),
                        },
                    }
                };
                let (min, max) = (bound("min", 1)?, bound("max", 2)?);
                self.clip(x, min, max)
            }
            // relu(x) + slope * (x - relu(x))
            "PRelu" => {
                let slope = args.need_constant(1)?;
                let positive = self.map("relu", x, Op::Relu)?;
                let negative = self.pair("negative", &Op::Sub, x, &positive)?;
                let negative = self.affine(&negative, Some(slope), None)?;
                self.pair("sum", &Op::Add, &positive, &negative)
            }
            // relu(x) + (relu(x) - x)
            _ => {
                let positive = self.map("relu", x, Op::Relu)?;
                let rest = self.pair("negative", &Op::Sub, &positive, x)?;
                self.pair("", &Op::Add, &positive, &rest)
            }
        }
    }

    /// Bounds beyond all numbers are none.
    pub(super) fn clip(&mut self, x: &Lazy, min: Option<f32>, max: Option<f32>) -> Outcome<Lazy> {
        if [min, max].iter().flatten().any(|b| b.is_nan()) {
            return Err("a bound is not a number".to_owned());
        }
        let real = |b: &f32| b.abs() < f32::MAX;
        if min.is_some_and(|b| b >= f32::MAX) || max.is_some_and(|b| b <= f32::MIN) {
            return Err("its bounds leave no number".to_owned());
        }
        match (min.filter(real), max.filter(real)) {
            (None, None) => Ok(x.clone()),
            (Some(0.0), None) => self.map("", x, Op::Relu),
            (min, max) => self.map("", x, Op::Clip(Clip { min, max })),
        }
    }

    /// A function of each element: taken where they are, if all elements of the node are among them and none is there twice.
    pub(super) fn map(&mut self, part: &str, x: &Lazy, op: Op) -> Outcome<Lazy> {
        let all: usize = self.node_dims(x.node).iter().product();
        if x.layout.order(all).is_some() {
            let node = self.emit(part, op, &[x.node])?;
            let layout = x.layout.clone();
            return Ok(Lazy { node, layout });
        }
        let settled = self.settle(x)?;
        let node = self.emit(part, op, &[settled])?;
        self.like(node, x.layout.dims())
    }

    /// A node whose elements are those of these dimensions, row-major.
    pub(super) fn like(&self, node: NodeId, dims: &[usize]) -> Outcome<Lazy> {
        let layout = Layout::row_major(dims);
        if layout.elements() != self.node_dims(node).iter().product::<usize>() {
            return Err(format!("its result does not have dimensions {dims:?}"));
        }
        Ok(Lazy { node, layout })
    }
}
