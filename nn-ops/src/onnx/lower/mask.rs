//! Masks: what a network never lets through, whatever it is shown.
//!
//! Where a mask is comes from shapes, integers and truth values, and is public. A constant that is added counts as
//! one where it is beyond all numbers that a network works with; what else it has in it stays its owner's.

use super::super::item::Item;
use super::super::layout::{Layout, broadcast};
use super::super::tensor::{Const, Data, elements};
use super::{Args, Lazy, Lower, Outcome, Value};
use crate::model::{Fill, Mask, NodeId, Op, Role, View};

/// What stands for minus infinity before a softmax: whoever adds this or less lets nothing through.
pub(super) const LEAST: f32 = -1e4;
/// Beyond this no format goes.
const HUGE: f32 = 1e6;

impl Lower<'_> {
    /// The sum of a value and a constant that is a mask, or makes no difference; nothing if it is neither.
    pub(super) fn masked(&mut self, item: &Item<'_>, x: &Lazy, c: &Const) -> Outcome<Option<Lazy>> {
        let Data::F32(data) = c.data() else {
            return Ok(None);
        };
        self.budget.spend(data.len())?;
        if c.is_public() && data.iter().all(|v| *v == 0.0) {
            let dims =
                broadcast(&[x.layout.dims(), c.dims()]).ok_or("it cannot be broadcast so")?;
            return self.spread(x, &dims).map(Some);
        }
        let hidden = |v: &f32| *v <= LEAST;
        if !data.iter().any(hidden) {
            return Ok(None);
        }
        if !self.feeds_softmax(item) {
            return match data.iter().all(|v| v.abs() < HUGE) {
                true => Ok(None),
                false => {
                    Err("what it adds is too large for all but the mask of a softmax".to_owned())
                }
            };
        }
        self.hidden(x, c).map(Some)
    }

    /// The sum of a value and a constant on their way to a softmax.
    pub(super) fn hidden(&mut self, x: &Lazy, c: &Const) -> Outcome<Lazy> {
        let (data, hidden) = (c.reals(), |v: &f32| *v <= LEAST);
        self.budget.spend(2 * data.len())?;
        let keep = data.iter().map(|v| i64::from(!hidden(v))).collect();
        let keep = Const::i64(c.dims(), keep)?;
        let each = data.iter();
        let rest: Vec<f32> = each.map(|v| if hidden(v) { 0.0 } else { *v }).collect();
        let x = match rest.iter().all(|v| *v == 0.0) {
            true => x.clone(),
            false => self.affine(x, None, Some(&Const::f32(c.dims(), rest)?))?,
        };
        self.fill(&x, &keep, LEAST)
    }

    /// One value or another, as a constant says.
    pub(super) fn choose(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Value> {
        let (a, b) = (args.need(1)?, args.need(2)?);
        let Some(which) = args.constant(0).ok().flatten() else {
            return Err("its choice depends on values, which nobody sees".to_owned());
        };
        let all = [which.dims(), a.dims(), b.dims()];
        let dims = broadcast(&all).ok_or_else(|| format!("cannot broadcast {all:?}"))?;
        let chosen = which.integers()?;
        self.budget.spend(chosen.len())?;
        if chosen.iter().all(|w| *w != 0) {
            return self.expanded(a, &dims);
        }
        if chosen.iter().all(|w| *w == 0) {
            return self.expanded(b, &dims);
        }
        self.budget.spend(which.elements())?;
        let not = chosen.iter().map(|w| i64::from(*w == 0)).collect();
        let not = Const::i64(which.dims(), not)?;
        let (x, keep, other) = match (a, b) {
            (Value::Node(a), b) => (a, which, b),
            (a, Value::Node(b)) => (b, &not, a),
            _ => return Err(super::TOKENS.to_owned()),
        };
        let x = self.spread(x, &dims)?;
        let y = match other {
            Value::Tokens(_) => return Err(super::TOKENS.to_owned()),
            Value::Node(other) => {
                let x = self.fill(&x, keep, 0.0)?;
                let other = self.spread(other, &dims)?;
                let other = self.fill(&other, &not, 0.0)?;
                self.pair("", &Op::Add, &x, &other)?
            }
            Value::Const(c) => match c.scalar() {
                Some(v) if v <= LEAST && self.feeds_softmax(item) => self.fill(&x, keep, LEAST)?,
                Some(v) if v.abs() >= HUGE || v.is_nan() => {
                    return Err(
                        "what it fills in is too large for all but the mask of a softmax"
                            .to_owned(),
                    );
                }
                Some(v) => self.fill(&x, keep, v)?,
                None => {
                    let x = self.fill(&x, keep, 0.0)?;
                    let nothing = Const::f32(&[], vec![0.0])?;
                    let rest = super::super::fold::choose(keep, &nothing, c, &mut self.budget)?;
                    self.affine(&x, None, Some(&rest))?
                }
            },
        };
        Ok(Value::Node(y))
    }

    /// A public constant wherever `keep`, broadcast to this value, is zero.
    pub(super) fn fill(&mut self, x: &Lazy, keep: &Const, value: f32) -> Outcome<Lazy> {
        let all = [x.layout.dims(), keep.dims()];
        let dims = broadcast(&all).ok_or_else(|| format!("cannot broadcast {all:?}"))?;
        let x = self.spread(x, &dims)?;
        // The mask repeats along all axes before the first in which it varies.
        let own = keep.dims().iter().skip_while(|d| **d == 1).count();
        let repeated = dims.split_at(dims.len() - own).1;
        self.budget.spend(elements(repeated)?)?;
        let layout = Layout::row_major(keep.dims());
        let layout = (own..keep.dims().len()).try_fold(layout, |l, _| l.squeeze(0));
        let layout = layout
            .and_then(|l| l.expand(repeated))
            .ok_or("it cannot be broadcast so")?;
        let kept = layout
            .gather(keep.integers()?)
            .ok_or("its mask is not there")?;
        if kept.iter().all(|k| *k != 0) {
            return Ok(x);
        }
        let shape = match dims.as_slice() {
            [] => vec![1],
            [before @ .., m, n] if before.len() > 2 => vec![before.iter().product(), *m, *n],
            other => other.to_vec(),
        };
        let keep = mask(&kept, repeated);
        let node = self.place(&x, &shape)?;
        let node = self.emit("", Op::Fill(Fill { keep, value }), &[node])?;
        self.like(node, &dims)
    }

    /// A value repeated to larger dimensions.
    pub(super) fn spread(&mut self, x: &Lazy, dims: &[usize]) -> Outcome<Lazy> {
        match self.expanded(&Value::Node(x.clone()), dims)? {
            Value::Node(x) => Ok(x),
            _ => Err("a value became a constant".to_owned()),
        }
    }

    /// A constant as a value: public zeros, and the constant added to them. `from` is a node whose elements do not
    /// matter.
    pub(super) fn constant_node(&mut self, c: &Const, from: NodeId) -> Outcome<Lazy> {
        let shape = match c.dims() {
            [] => vec![1],
            [a, b, c, rest @ ..] => vec![*a, *b, *c, rest.iter().product()],
            few => few.to_vec(),
        };
        let n = u32::try_from(c.elements()).map_err(|_| "more than 2^32 elements".to_owned())?;
        let view = View {
            dims: vec![c.elements()],
            strides: vec![0],
            offset: 0,
            shape: shape.clone(),
        };
        let any = self.emit("shape", Op::View(view), &[from])?;
        let keep = Mask::Runs(vec![0, n]);
        let zeros = self.emit("zeros", Op::Fill(Fill { keep, value: 0.0 }), &[any])?;
        let node = self.emit("constant", Op::Offset, &[zeros])?;
        self.parameter(node, Role::Bias, &shape, c.reals().to_vec())?;
        self.like(node, c.dims())
    }

    /// Whether all that takes a node's result, but for operators that change nothing, are softmaxes.
    fn feeds_softmax(&self, item: &Item<'_>) -> bool {
        let mut next: Vec<&str> = item.outputs().iter().take(1).map(String::as_str).collect();
        // More than any exporter writes, and few enough for files that none wrote.
        for _ in 0..16 {
            let Some(name) = next.pop() else { return true };
            let users = self.users.get(name).map_or(&[][..], Vec::as_slice);
            if users.is_empty() || users.len() > 64 || name == self.source.output {
                return false;
            }
            for user in users.iter().filter_map(|i| self.source.items.get(*i)) {
                match user.op() {
                    "Softmax" | "LogSoftmax" => {}
                    // A bound below is one for what stands for minus infinity, too.
                    "Identity" | "Cast" | "Dropout" | "Reshape" | "Max" => {
                        next.extend(user.outputs().first().map(String::as_str));
                    }
                    _ => return false,
                }
            }
        }
        false
    }
}

/// The mask that keeps these elements, which have these dimensions.
fn mask(kept: &[i64], dims: &[usize]) -> Mask {
    if let [m, n] = dims
        && m == n
        && (0..m * n)
            .zip(kept)
            .all(|(i, k)| (*k != 0) == (i % n <= i / n))
    {
        return Mask::Causal;
    }
    let mut runs = vec![0];
    let mut now = true;
    for k in kept {
        if (*k != 0) != now {
            now = !now;
            runs.push(0);
        }
        if let Some(run) = runs.last_mut() {
            *run += 1;
        }
    }
    Mask::Runs(runs)
}
