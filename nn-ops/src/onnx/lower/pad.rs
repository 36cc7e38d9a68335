//! Padding along any axes, two at a time.

use super::super::item::{Item, axis};
use super::super::layout::{Layout, inverse};
use super::{Args, Lazy, Lower, Outcome};
use crate::model::{Op, Pad, PadMode};

impl Lower<'_> {
    pub(super) fn pad(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        let x = args.node(0)?;
        let rank = x.layout.rank();
        let mode = match item.text("mode", "constant")? {
            "constant" => PadMode::Zero,
            "reflect" => PadMode::Reflect,
            "edge" => PadMode::Edge,
            other => {
                return Err(format!(
                    "its mode `{}` is not computed",
                    super::super::names::shown(other)
                ));
            }
        };
        let value = match args.constant(2)? {
            Some(c) => c.scalar().ok_or("its value is not a single number")?,
            None => item.float("value", 0.0)?,
        };
        if mode == PadMode::Zero && value != 0.0 {
            return Err("it pads with another constant than zero".to_owned());
        }
        let pads = args.ints(item, "pads", 1)?.ok_or("its pads are missing")?;
        let along = match args.constant(3)? {
            None => (0..rank).collect(),
            Some(list) => list
                .integers()?
                .iter()
                .map(|a| axis(*a, rank))
                .collect::<Outcome<Vec<_>>>()?,
        };
        let (before, after) = pads.split_at(pads.len() / 2);
        if before.len() != along.len() || after.len() != along.len() {
            return Err("its pads and axes differ in number".to_owned());
        }
        let mut wanted = Vec::new();
        for ((at, b), a) in along.iter().zip(before).zip(after) {
            let size = |v: i64| {
                usize::try_from(v).map_err(|_| "it cuts off instead of padding".to_owned())
            };
            let (b, a) = (size(*b)?, size(*a)?);
            if (b, a) != (0, 0) {
                wanted.push((*at, b, a));
            }
        }
        wanted.sort_unstable();
        if wanted.windows(2).any(|w| w[0].0 == w[1].0) {
            return Err("an axis is padded twice".to_owned());
        }
        let mut x = x.clone();
        for two in wanted.chunks(2) {
            x = self.pad_two(&x, two, mode)?;
        }
        Ok(x)
    }

    /// Pads one or two axes, which become the last two of a picture.
    fn pad_two(
        &mut self,
        x: &Lazy,
        sides: &[(usize, usize, usize)],
        mode: PadMode,
    ) -> Outcome<Lazy> {
        let rank = x.layout.rank();
        let mut last: Vec<usize> = sides.iter().map(|(at, _, _)| *at).collect();
        // Next to a single axis, its neighbour, so that pictures stay pictures.
        if last.len() == 1 && rank > 1 {
            let at = last.first().copied().unwrap_or(0);
            let other = if at + 1 == rank { at - 1 } else { rank - 1 };
            last.push(other);
            last.sort_unstable();
        }
        let others = (0..rank).filter(|a| !last.contains(a));
        let order: Vec<usize> = others.chain(last.iter().copied()).collect();
        let layout = x.layout.permute(&order).ok_or("its axes are not its own")?;
        let mut dims = layout.dims().to_vec();
        let [n, c, h, w] = match dims.as_slice() {
            [h] => [1, 1, *h, 1],
            [h, w] => [1, 1, *h, *w],
            [n, h, w] => [*n, 1, *h, *w],
            [n, c @ .., h, w] => [*n, c.iter().product(), *h, *w],
            [] => return Err("it pads a single number".to_owned()),
        };
        let node = x.node;
        let picture = self.place(&Lazy { node, layout }, &[n, c, h, w])?;
        let mut padding = [0; 4];
        for (at, before, after) in sides {
            let horizontal = rank > 1 && last.last() == Some(at);
            let i = usize::from(horizontal);
            padding[i] = *before;
            padding[i + 2] = *after;
            let place = order.iter().position(|a| a == at);
            if let Some(d) = place.and_then(|p| dims.get_mut(p)) {
                // A padding that overflows is refused below.
                *d = d.saturating_add(*before).saturating_add(*after);
            }
        }
        let out = self.emit("", Op::Pad(Pad { padding, mode }), &[picture])?;
        let layout = Layout::row_major(&dims).permute(&inverse(&order));
        Ok(Lazy {
            node: out,
            layout: layout.ok_or("its axes are not its own")?,
        })
    }
}
