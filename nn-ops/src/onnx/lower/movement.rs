//! Operators that move elements and compute nothing, on constants and values alike.

use super::super::item::{Item, axes, axis};
use super::super::layout::{Layout, broadcast};
use super::super::tensor::{Const, Type, elements};
use super::constant::sizes;
use super::{Args, Lazy, Lower, Outcome, Value};
use crate::model::{MAX_RANK, Op};

impl Lower<'_> {
    /// The results of an operator that only moves elements; nothing if it is another.
    pub(super) fn movement(
        &mut self,
        item: &Item<'_>,
        args: Args<'_>,
    ) -> Outcome<Option<Vec<Value>>> {
        let one = match item.op() {
            "Identity" => args.need(0)?.clone(),
            "Dropout" => {
                let training = args.constant(2)?.and_then(Const::scalar);
                if training.is_some_and(|t| t != 0.0) {
                    return Err("it is in training mode".to_owned());
                }
                args.need(0)?.clone()
            }
            "Cast" | "CastLike" => match args.need(0)? {
                Value::Node(x) => Value::Node(self.cast(item, x)?),
                Value::Const(_) => return Ok(None),
                tokens if item.op() == "Cast" => match Type::new(item.int("to", 1)?)? {
                    Type::I32 | Type::I64 => tokens.clone(),
                    _ => return Err(super::TOKENS.to_owned()),
                },
                tokens => tokens.clone(),
            },
            "Transpose" => {
                let x = args.need(0)?;
                let order = match item.ints("perm")? {
                    Some(perm) => perm
                        .iter()
                        .map(|a| axis(*a, x.dims().len()))
                        .collect::<Outcome<Vec<_>>>()?,
                    None => (0..x.dims().len()).rev().collect(),
                };
                self.seen(x, |l| l.permute(&order))?
            }
            "Reshape" => self.reshape_op(item, args)?,
            "Flatten" => {
                let x = args.need(0)?;
                let (at, rank) = (item.int("axis", 1)?, x.dims().len());
                let at = if at == rank as i64 {
                    rank
                } else {
                    axis(at, rank)?
                };
                let (rows, columns) = x.dims().split_at(at);
                let dims = [rows.iter().product(), columns.iter().product()];
                self.reshaped(x, &dims)?
            }
            "Squeeze" => squeeze(args.need(0)?, args.ints(item, "axes", 1)?, self)?,
            "Unsqueeze" => {
                let x = args.need(0)?;
                let list = args.ints(item, "axes", 1)?.ok_or("its axes are missing")?;
                let places = axes(&list, x.dims().len() + list.len())?;
                self.seen(x, |l| {
                    places.iter().try_fold(l.clone(), |l, a| l.unsqueeze(*a))
                })?
            }
            "Expand" => {
                let x = args.need(0)?;
                let dims = sizes(args.need_constant(1)?.integers()?)?;
                let dims = broadcast(&[x.dims(), &dims]).ok_or("it cannot be broadcast so")?;
                self.expanded(x, &dims)?
            }
            "Tile" => self.tile(args)?,
            "Slice" => self.slice(item, args)?,
            "Split" => return self.split(item, args).map(Some),
            "Gather" => match (args.need(0)?, args.need(1)?) {
                (Value::Node(x), Value::Const(at)) => Value::Node(Lazy {
                    node: x.node,
                    layout: pick(item, &x.layout, at)?,
                }),
                (Value::Tokens(x), Value::Const(at)) => Value::Tokens(pick(item, x, at)?),
                (Value::Const(table), Value::Tokens(x)) => {
                    Value::Node(self.look_up(item, table, x)?)
                }
                (Value::Const(_), Value::Const(_)) => return Ok(None),
                _ => return Err("it takes places that depend on values".to_owned()),
            },
            "Where" if matches!(args.get(0), Some(Value::Const(_))) => {
                match (args.need(1)?, args.need(2)?) {
                    (Value::Const(_), Value::Const(_)) => return Ok(None),
                    _ => self.choose(item, args)?,
                }
            }
            "DepthToSpace" | "SpaceToDepth" => self.blocks(item, args.need(0)?)?,
            _ => return Ok(None),
        };
        Ok(Some(vec![one]))
    }

    /// The same elements, seen through another layout.
    pub(super) fn seen(
        &mut self,
        x: &Value,
        f: impl FnOnce(&Layout) -> Option<Layout>,
    ) -> Outcome<Value> {
        let refused = || format!("dimensions {:?} do not allow it", x.dims());
        Ok(match x {
            Value::Node(x) => Value::Node(Lazy {
                node: x.node,
                layout: f(&x.layout).ok_or_else(refused)?,
            }),
            Value::Const(c) => {
                let layout = f(&Layout::row_major(c.dims())).ok_or_else(refused)?;
                Value::Const(c.arranged(&layout, &mut self.budget)?)
            }
            Value::Tokens(l) => Value::Tokens(f(l).ok_or_else(refused)?),
        })
    }

    /// The same elements in the same order.
    pub(super) fn reshaped(&mut self, x: &Value, dims: &[usize]) -> Outcome<Value> {
        if elements(dims)? != x.dims().iter().product::<usize>() {
            return Err(format!("{:?} cannot become {dims:?}", x.dims()));
        }
        if let Value::Node(lazy) = x
            && lazy.layout.reshape(dims).is_none()
        {
            let node = match dims.len() {
                1..=MAX_RANK => self.place(lazy, dims)?,
                _ => self.settle(lazy)?,
            };
            let layout = Layout::row_major(dims);
            return Ok(Value::Node(Lazy { node, layout }));
        }
        self.seen(x, |l| l.reshape(dims))
    }

    /// Repeated to larger dimensions.
    pub(super) fn expanded(&mut self, x: &Value, dims: &[usize]) -> Outcome<Value> {
        if !matches!(x, Value::Const(_)) && elements(dims)? > self.largest {
            return Err(format!(
                "its result has more than {} elements",
                self.largest
            ));
        }
        self.seen(x, |l| l.expand(dims))
    }

    fn cast(&self, item: &Item<'_>, x: &Lazy) -> Outcome<Lazy> {
        let real = match item.op() {
            "Cast" => Type::new(item.int("to", 1)?)?.is_real(),
            // Like another real number, or it would not have been exported so.
            _ => true,
        };
        if real || matches!(self.op(x.node), Some(Op::Argmax)) {
            Ok(x.clone())
        } else {
            Err("values cannot be rounded to integers or truth values".to_owned())
        }
    }

    fn reshape_op(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Value> {
        let (x, wanted) = (args.need(0)?, args.need_constant(1)?.integers()?);
        let keep_zeros = item.flag("allowzero", false)?;
        let mut dims = Vec::with_capacity(wanted.len());
        let mut open = None;
        for (i, d) in wanted.iter().enumerate() {
            dims.push(match d {
                // A factor of one until the others are known.
                -1 if open.is_none() => {
                    open = Some(i);
                    1
                }
                0 if !keep_zeros => *x.dims().get(i).ok_or("there is no dimension to keep")?,
                d => usize::try_from(*d).map_err(|_| format!("there is no dimension of {d}"))?,
            });
        }
        let known = elements(&dims)?;
        let all: usize = x.dims().iter().product();
        if let Some(d) = open.and_then(|i| dims.get_mut(i)) {
            *d = all.checked_div(known).unwrap_or(0);
        }
        self.reshaped(x, &dims)
    }

    fn tile(&mut self, args: Args<'_>) -> Outcome<Value> {
        let (x, repeats) = (args.need(0)?, sizes(args.need_constant(1)?.integers()?)?);
        if repeats.len() != x.dims().len() {
            return Err("it does not say how often to repeat each dimension".to_owned());
        }
        let mut out = x.clone();
        for (i, n) in repeats.iter().enumerate().filter(|(_, n)| **n != 1) {
            let mut dims = out.dims().to_vec();
            dims.insert(i, *n);
            out = self.seen(&out, |l| l.unsqueeze(i))?;
            out = self.expanded(&out, &dims)?;
            let d = dims.remove(i);
            if let Some(dim) = dims.get_mut(i) {
                *dim = dim.checked_mul(d).ok_or("dimensions overflow")?;
            }
            out = self.reshaped(&out, &dims)?;
        }
        Ok(out)
    }

    fn slice(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Value> {
        let x = args.need(0)?;
        let rank = x.dims().len();
        let starts = args
            .ints(item, "starts", 1)?
            .ok_or("its starts are missing")?;
        let ends = args.ints(item, "ends", 2)?.ok_or("its ends are missing")?;
        let along = args.ints(item, "axes", 3)?;
        let along = along.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = args.ints(item, "steps", 4)?;
        let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), along.len(), steps.len()] != [starts.len(); 3] {
            return Err("its starts, ends, axes and steps differ in number".to_owned());
        }
        axes(&along, rank)?;
        let mut cuts = Vec::new();
        for (((start, end), at), step) in starts.iter().zip(&ends).zip(&along).zip(&steps) {
            let at = axis(*at, rank)?;
            let n = x.dims().get(at).map_or(0, |d| *d as i64);
            cuts.push((at, span(*start, *end, *step, n)?));
        }
        self.seen(x, |l| {
            cuts.iter()
                .try_fold(l.clone(), |l, (at, (start, step, len))| {
                    l.slice(*at, *start, *step, *len)
                })
        })
    }

    fn split(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Vec<Value>> {
        let x = args.need(0)?;
        let at = axis(item.int("axis", 0)?, x.dims().len())?;
        let n = x.dims().get(at).copied().unwrap_or(0);
        let parts = match args.ints(item, "split", 1)? {
            Some(list) => sizes(&list)?,
            None => {
                let count = item.int("num_outputs", item.outputs().len() as i64)?;
                let count = usize::try_from(count).unwrap_or(0).max(1);
                if count != item.outputs().len() {
                    return Err("its results are not as many as it says".to_owned());
                }
                let each = n.div_ceil(count);
                let place = |i: usize| (i * each).min(n);
                (0..count).map(|i| place(i + 1) - place(i)).collect()
            }
        };
        let sum = parts.iter().try_fold(0usize, |s, p| s.checked_add(*p));
        if sum != Some(n) {
            return Err(format!("parts of {parts:?} do not make up {n}"));
        }
        let mut start = 0;
        let mut out = Vec::new();
        for len in parts {
            out.push(self.seen(x, |l| l.slice(at, start, 1, len))?);
            start += len;
        }
        Ok(out)
    }

    /// Blocks of pixels from channels, or the other way round.
    fn blocks(&mut self, item: &Item<'_>, x: &Value) -> Outcome<Value> {
        let [n, c, h, w] = *x.dims() else {
            return Err("it takes four dimensions".to_owned());
        };
        let b = usize::try_from(item.int("blocksize", 0)?).unwrap_or(0);
        let divides = |d: usize, by: usize| by > 0 && d.is_multiple_of(by);
        let area = b.checked_mul(b).unwrap_or(0);
        let (inner, order, outer) = if item.op() == "SpaceToDepth" {
            if !divides(h, b) || !divides(w, b) {
                return Err(format!("blocks of {b} do not divide {h} by {w}"));
            }
            let inner = [n, c, h / b, b, w / b, b];
            (inner, [0, 3, 5, 1, 2, 4], [n, c * b * b, h / b, w / b])
        } else {
            if !divides(c, area) {
                return Err(format!("blocks of {b} do not divide {c} channels"));
            }
            let outer = [n, c / area, h * b, w * b];
            match item.text("mode", "DCR")? {
                "DCR" => ([n, b, b, c / area, h, w], [0, 3, 4, 1, 5, 2], outer),
                "CRD" => ([n, c / area, b, b, h, w], [0, 1, 4, 2, 5, 3], outer),
                _ => return Err("its mode is unknown".to_owned()),
            }
        };
        let x = self.reshaped(x, &inner)?;
        let x = self.seen(&x, |l| l.permute(&order))?;
        self.reshaped(&x, &outer)
    }
}

fn squeeze(x: &Value, list: Option<Vec<i64>>, lower: &mut Lower<'_>) -> Outcome<Value> {
    let gone = match list {
        Some(list) => axes(&list, x.dims().len())?,
        None => {
            let ones = x.dims().iter().enumerate().filter(|(_, d)| **d == 1);
            ones.map(|(i, _)| i).collect()
        }
    };
    lower.seen(x, |l| {
        gone.iter().rev().try_fold(l.clone(), |l, a| l.squeeze(*a))
    })
}

/// Start, step and length of a slice as Python reads it.
fn span(start: i64, end: i64, step: i64, n: i64) -> Outcome<(usize, i64, usize)> {
    let from_front = |v: i64| if v < 0 { v.saturating_add(n) } else { v };
    let (start, end) = (from_front(start), from_front(end));
    let (start, len) = if step > 0 {
        let (start, end) = (start.clamp(0, n), end.clamp(0, n));
        (start, div_ceil((end - start).max(0), step))
    } else if step < 0 && n > 0 {
        let (start, end) = (start.clamp(0, n - 1), end.clamp(-1, n - 1));
        (start, div_ceil((start - end).max(0), step.saturating_neg()))
    } else if step < 0 {
        (0, 0)
    } else {
        return Err("its step is zero".to_owned());
    };
    Ok((start as usize, step, len as usize))
}

/// For a numerator of at least zero and a positive divisor.
fn div_ceil(n: i64, by: i64) -> i64 {
    n / by + i64::from(n % by != 0)
}

/// `Gather` of one place, or of places that are equally far apart.
fn pick(item: &Item<'_>, x: &Layout, at: &Const) -> Outcome<Layout> {
    let rank = x.rank();
    let along = axis(item.int("axis", 0)?, rank)?;
    let n = x.dims().get(along).copied().unwrap_or(0);
    let places = at.integers()?.iter().map(|i| axis(*i, n));
    let places = places.collect::<Outcome<Vec<usize>>>()?;
    let (first, step) = match places.as_slice() {
        [] => return Err("it takes nothing".to_owned()),
        [one] => (*one, 1),
        [a, b, ..] => (*a, *b as i64 - *a as i64),
    };
    let expected = |(i, p): (usize, &usize)| first as i64 + i as i64 * step == *p as i64;
    if !places.iter().enumerate().all(expected) {
        return Err("it takes places that are not equally far apart".to_owned());
    }
    let layout = x.slice(along, first, step, places.len());
    let layout = match at.dims() {
        [] => layout.and_then(|l| l.squeeze(along)),
        [_] => layout,
        _ => return Err("its places are not a list".to_owned()),
    };
    Ok(layout.ok_or("it takes places that are not there")?)
}
