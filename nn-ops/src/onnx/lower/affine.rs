//! Constants that are multiplied and added: per channel where they vary along one axis only, per element otherwise.

use super::super::item::Item;
use super::super::layout::{Layout, broadcast, inverse};
use super::super::tensor::Const;
use super::{Args, Lazy, Lower, Outcome};
use crate::model::{BatchNorm, NodeId, Op, Role};

impl Lower<'_> {
    /// `x * scale + shift`, where neither or either may be missing.
    pub(super) fn affine(
        &mut self,
        x: &Lazy,
        scale: Option<&Const>,
        shift: Option<&Const>,
    ) -> Outcome<Lazy> {
        let constants = || scale.into_iter().chain(shift);
        let mut all = vec![x.layout.dims()];
        all.extend(constants().map(Const::dims));
        let dims = broadcast(&all).ok_or_else(|| format!("cannot broadcast {all:?}"))?;
        let x = self.spread(x, &dims)?;
        let varies = |axis: &usize| {
            constants().any(|c| {
                let from_back = dims.len() - axis;
                let at = c.dims().len().checked_sub(from_back);
                at.and_then(|at| c.dims().get(at)).is_some_and(|d| *d != 1)
            })
        };
        let axes: Vec<usize> = (0..dims.len()).filter(varies).collect();
        let (node, layout) = match axes.as_slice() {
            [] => self.anywhere(&x)?,
            [axis] => self.along(&x, *axis)?,
            several => self.across(&x, several)?,
        };
        let channels = self.node_dims(node).get(1).copied().unwrap_or(1);
        let mut spread = |c: &Const| -> Outcome<Vec<f32>> {
            self.budget.spend(channels)?;
            let picked: Vec<usize> = axes.iter().filter_map(|a| dims.get(*a)).copied().collect();
            let data = c.reals();
            if let ([only], []) = (data.as_slice(), axes.as_slice()) {
                return Ok(vec![*only; channels]);
            }
            // Only the axes along which something varies; the constants have one element along the others.
            let all = Layout::row_major(c.dims());
            let mut layout = (all.rank()..dims.len())
                .try_fold(all, |l, _| l.unsqueeze(0))
                .ok_or("it has too many dimensions")?;
            for axis in (0..dims.len()).rev().filter(|a| !axes.contains(a)) {
                layout = layout.squeeze(axis).ok_or("it cannot be broadcast so")?;
            }
            let layout = layout.expand(&picked).ok_or("it cannot be broadcast so")?;
            let gathered = layout.gather(&data);
            gathered.ok_or_else(|| "it takes elements that are not there".to_owned())
        };
        let scale = scale.map(&mut spread).transpose()?;
        let shift = shift.map(&mut spread).transpose()?;
        let op = match scale {
            Some(_) => Op::ChannelAffine,
            None => Op::ChannelShift,
        };
        let out = self.emit("", op, &[node])?;
        let bias = shift.unwrap_or_else(|| vec![0.0; channels]);
        self.parameter(out, Role::Bias, &[channels], bias)?;
        if let Some(scale) = scale {
            self.parameter(out, Role::Weight, &[channels], scale)?;
        }
        Ok(Lazy { node: out, layout })
    }

    /// A node with channels, and these elements as they are in it.
    fn anywhere(&mut self, x: &Lazy) -> Outcome<(NodeId, Layout)> {
        let base = self.node_dims(x.node);
        let whole = x.layout.order(base.iter().product()).is_some();
        if whole && matches!(base.len(), 2 | 4) {
            return Ok((x.node, x.layout.clone()));
        }
        match x.layout.rank() {
            0 => self.across(x, &[]),
            1 => self.along(x, 0),
            _ => self.along(x, 1),
        }
    }

    /// A node whose channels are this axis, and these elements as they are in it.
    pub(super) fn along(&mut self, x: &Lazy, axis: usize) -> Outcome<(NodeId, Layout)> {
        let dims = x.layout.dims();
        let channels = dims.get(axis).copied().unwrap_or(1);
        let base = self.node_dims(x.node);
        let stride: usize = base.iter().skip(2).product();
        let whole = x.layout.order(base.iter().product()).is_some();
        if whole
            && matches!(base.len(), 2 | 4)
            && base.get(1) == Some(&channels)
            && (channels == 1 || x.layout.stride(axis) == Some(stride as i64))
        {
            return Ok((x.node, x.layout.clone()));
        }
        let before: usize = dims.iter().take(axis).product();
        let after: usize = dims.iter().skip(axis + 1).product();
        let shape = match (dims, after) {
            ([n, c, h, w], _) if axis == 1 => vec![*n, *c, *h, *w],
            (_, 1) => vec![before, channels],
            _ => vec![before, channels, after, 1],
        };
        let layout = Layout::row_major(dims);
        Ok((self.place(x, &shape)?, layout))
    }

    /// A node whose features are all places along these axes together, and these elements as they are in it.
    fn across(&mut self, x: &Lazy, axes: &[usize]) -> Outcome<(NodeId, Layout)> {
        let others = (0..x.layout.rank()).filter(|a| !axes.contains(a));
        let order: Vec<usize> = others.chain(axes.iter().copied()).collect();
        let layout = x.layout.permute(&order).ok_or("its axes are not its own")?;
        let features: usize = axes
            .iter()
            .filter_map(|a| x.layout.dims().get(*a))
            .product();
        let rows = layout.elements() / features.max(1);
        let back = Layout::row_major(layout.dims()).permute(&inverse(&order));
        let permuted = Lazy {
            node: x.node,
            layout,
        };
        let node = self.place(&permuted, &[rows, features])?;
        Ok((node, back.ok_or("its axes are not its own")?))
    }

    pub(super) fn batch_norm(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        if item.flag("training_mode", false)? || item.named_outputs() > 1 {
            return Err(
                "it is in training mode: its statistics depend on the values at hand".to_owned(),
            );
        }
        if !item.flag("spatial", true)? {
            return Err("its statistics are not per channel".to_owned());
        }
        let x = args.node(0)?;
        if x.layout.rank() < 2 {
            return Err("it takes two dimensions at least".to_owned());
        }
        let (node, layout) = self.along(x, 1)?;
        let channels = self.node_dims(node).get(1).copied().unwrap_or(1);
        let eps = item.float("epsilon", 1e-5)?;
        let out = self.emit("", Op::BatchNorm(BatchNorm { eps }), &[node])?;
        let roles = [Role::Gamma, Role::Beta, Role::Mean, Role::Var];
        for (i, role) in roles.into_iter().enumerate() {
            let data = args.need_constant(i + 1)?.reals();
            if role == Role::Var && data.iter().any(|v| v + eps <= 0.0) {
                return Err("a variance is not positive".to_owned());
            }
            self.parameter(out, role, &[channels], data.to_vec())?;
        }
        Ok(Lazy { node: out, layout })
    }
}
