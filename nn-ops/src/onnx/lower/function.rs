//! Functions of one element that are neither linear nor maxima, and those of rows: normalisations and softmaxes.

use super::super::Ending;
use super::super::OnnxError;
use super::super::fuse::{Finder, Whole, Wholes};
use super::super::item::{Item, axes, axis};
use super::super::layout::{Layout, inverse};
use super::super::tensor::{Const, Data};
use super::{Args, Lazy, Lower, Outcome, Value};
use crate::model::{Fill, Function, LayerNorm, Mask, Op, Role, Softmax};
use std::collections::{BTreeMap, BTreeSet};

impl<'a> Lower<'a> {
    /// What several nodes compute together, and which nodes are needed then.
    pub(super) fn wholes(
        &mut self,
        items: &'a [Item<'a>],
    ) -> Result<(Wholes<'a>, BTreeSet<usize>), OnnxError> {
        let (mut numbers, mut lists) = (BTreeMap::new(), BTreeMap::new());
        for name in items.iter().flat_map(Item::inputs) {
            let tensor = self.source.initializers.get(name.as_str());
            let small = tensor.is_some_and(|t| match *t.dims.as_slice() {
                [n] => n <= 8,
                ref dims => dims.iter().all(|d| *d == 1),
            });
            if !small && !self.values.contains_key(name.as_str()) {
                continue;
            }
            if let Some(Value::Const(c)) = self.value(name)? {
                if let Some(v) = c.scalar() {
                    numbers.insert(name.as_str(), f64::from(v));
                }
                if let Data::I64(list) = c.data()
                    && list.len() <= 8
                {
                    lists.insert(name.as_str(), list.to_vec());
                }
            }
        }
        // A file may give the name of an operator a meaning of its own.
        let own = |(domain, _): &(&str, &str)| domain.is_empty();
        let items_read = match self.source.functions.iter().any(own) {
            true => &[],
            false => items,
        };
        let (wholes, needed) = Finder::new(items_read, numbers, lists).find(self.source.output);
        Ok(match items_read {
            [] => (wholes, (0..items.len()).collect()),
            _ => (wholes, needed),
        })
    }

    /// What several nodes compute together, of which `item` is the last.
    pub(super) fn fused(&mut self, item: &Item<'a>, x: &str, whole: &Whole) -> Outcome<()> {
        self.label = item.label();
        let x = match self.values.get(x).cloned().flatten() {
            Some(Value::Node(x)) => Some(x),
            Some(Value::Tokens(_)) => return Err(super::TOKENS.to_owned()),
            Some(Value::Const(_)) => return Err("it takes constants only".to_owned()),
            // It was refused before.
            None => None,
        };
        let y = match (x, whole) {
            (None, _) => None,
            (Some(x), Whole::Function(f)) => Some(self.map("", &x, Op::Function(*f))?),
            (Some(x), Whole::Normalised { eps, axes: list }) => {
                let gone = axes(list, x.layout.rank())?;
                Some(self.normalised(&x, &gone, *eps, None, None)?)
            }
            (Some(x), Whole::Softmax { axis: at }) => {
                let at = axis(*at, x.layout.rank())?;
                Some(self.softmax_of(&x, &[at], false)?)
            }
        };
        if let Some(name) = item.outputs().first() {
            self.values.insert(name, y.map(Value::Node));
        }
        Ok(())
    }

    pub(super) fn function(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        let x = args.node(0)?;
        let function = match item.op() {
            "Exp" => Function::Exp,
            "Log" => Function::Log,
            "Sqrt" => Function::Sqrt,
            "Reciprocal" => Function::Reciprocal,
            "Sigmoid" => Function::Sigmoid,
            "Tanh" => Function::Tanh,
            "Gelu" => match item.text("approximate", "none")? {
                "none" => Function::Gelu,
                "tanh" => Function::GeluTanh,
                _ => return Err("its approximation is unknown".to_owned()),
            },
            "Swish" => match item.float("alpha", 1.0)? {
                1.0 => Function::Silu,
                alpha => {
                    let part = self.affine(x, Some(&Const::f32(&[], vec![alpha])?), None)?;
                    let gate = self.map("gate", &part, Op::Function(Function::Sigmoid))?;
                    return self.pair("", &Op::Mul, x, &gate);
                }
            },
            "HardSigmoid" => {
                let (a, b) = (item.float("alpha", 0.2)?, item.float("beta", 0.5)?);
                return self.line_gate(x, a, b);
            }
            _ => {
                let gate = self.line_gate(x, 1.0 / 6.0, 0.5)?;
                return self.pair("", &Op::Mul, x, &gate);
            }
        };
        self.map("", x, Op::Function(function))
    }

    /// A line between zero and one.
    fn line_gate(&mut self, x: &Lazy, slope: f32, height: f32) -> Outcome<Lazy> {
        let number = |v: f32| Const::f32(&[], vec![v]);
        let line = self.affine(x, Some(&number(slope)?), Some(&number(height)?))?;
        self.clip(&line, Some(0.0), Some(1.0))
    }

    pub(super) fn normalisation(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        if item.named_outputs() > 1 {
            return Err("its statistics are not given".to_owned());
        }
        let x = args.node(0)?;
        let from = axis(item.int("axis", -1)?, x.layout.rank())?;
        let gone: Vec<usize> = (from..x.layout.rank()).collect();
        let eps = item.float("epsilon", 1e-5)?;
        let (scale, shift) = (args.constant(1)?, args.constant(2)?);
        if item.op() == "LayerNormalization" {
            return self.normalised(x, &gone, eps, scale, shift);
        }
        // x / sqrt(mean x^2 + eps)
        let square = self.pair("square", &Op::Mul, x, x)?;
        let mean = self.reduced("ReduceMean", &square, &gone, true)?;
        let mean = self.affine(&mean, None, Some(&Const::f32(&[], vec![eps])?))?;
        let inverse = self.map("inverse", &mean, Op::Function(Function::Rsqrt))?;
        let y = self.pair("", &Op::Mul, x, &inverse)?;
        match scale {
            Some(scale) => self.affine(&y, Some(scale), None),
            None => Ok(y),
        }
    }

    /// Less the mean and over the deviation along these axes, times and plus constants of their dimensions.
    fn normalised(
        &mut self,
        x: &Lazy,
        gone: &[usize],
        eps: f32,
        scale: Option<&Const>,
        shift: Option<&Const>,
    ) -> Outcome<Lazy> {
        let (rows, back) = self.rows_along(x, gone)?;
        let n = rows.layout.dims().last().copied().unwrap_or(1);
        let node = self.place(&rows, rows.layout.dims())?;
        let of = |axis: &usize| x.layout.dims().get(*axis).copied();
        let sides: Vec<usize> = gone.iter().filter_map(of).collect();
        let mut spread = |c: Option<&Const>, default: f32| -> Outcome<Vec<f32>> {
            self.budget.spend(n)?;
            let Some(c) = c else {
                return Ok(vec![default; n]);
            };
            let layout = Layout::row_major(c.dims()).expand(&sides);
            let layout = layout.ok_or("its scale does not fit what it normalises")?;
            Ok(c.arranged(&layout, &mut self.budget)?.reals().to_vec())
        };
        let (gamma, beta) = (spread(scale, 1.0)?, spread(shift, 0.0)?);
        let out = self.emit("", Op::LayerNorm(LayerNorm { eps }), &[node])?;
        self.parameter(out, Role::Gamma, &[n], gamma)?;
        self.parameter(out, Role::Beta, &[n], beta)?;
        Ok(Lazy {
            node: out,
            layout: back,
        })
    }

    /// Two dimensions, the second of which is all places along these axes, and the layout that undoes it.
    fn rows_along(&mut self, x: &Lazy, gone: &[usize]) -> Outcome<(Lazy, Layout)> {
        let others = (0..x.layout.rank()).filter(|a| !gone.contains(a));
        let order: Vec<usize> = others.chain(gone.iter().copied()).collect();
        let wrong = "its axes are not its own";
        let layout = x.layout.permute(&order).ok_or(wrong)?;
        let back = Layout::row_major(layout.dims()).permute(&inverse(&order));
        let of = |axis: &usize| x.layout.dims().get(*axis).copied();
        let n: usize = gone.iter().filter_map(of).product();
        let rows = layout.elements().checked_div(n).unwrap_or(0);
        let node = x.node;
        let rows = self.reshaped(&Value::Node(Lazy { node, layout }), &[rows, n])?;
        match rows {
            Value::Node(rows) => Ok((rows, back.ok_or(wrong)?)),
            _ => Err("a value became a constant".to_owned()),
        }
    }

    pub(super) fn softmax(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        let x = args.node(0)?;
        let (dims, log) = (x.layout.dims(), item.op() == "LogSoftmax");
        // Before version 13, all axes from the named one on are one.
        let along: Vec<usize> = match item.opset {
            ..13 => (axis(item.int("axis", 1)?, dims.len())?..dims.len()).collect(),
            _ => vec![axis(item.int("axis", -1)?, dims.len())?],
        };
        if let (Some(ending), true) = (ending(dims, &along, log), self.is_last(item)) {
            self.ending = ending;
            return Ok(x.clone());
        }
        self.softmax_of(x, &along, log)
    }

    pub(super) fn softmax_of(&mut self, x: &Lazy, along: &[usize], log: bool) -> Outcome<Lazy> {
        let last = x.layout.rank().checked_sub(1);
        let base = self.node_dims(x.node);
        let in_order = x.layout.is_row_major(base.iter().product());
        let own = in_order
            && (2..=4).contains(&base.len())
            && along.iter().copied().eq(last)
            && base.last() == x.layout.dims().last();
        if !own {
            let (rows, back) = self.rows_along(x, along)?;
            let node = self.place(&rows, rows.layout.dims())?;
            let op = Softmax { log, causal: false };
            let node = self.emit("", Op::Softmax(op), &[node])?;
            return Ok(Lazy { node, layout: back });
        }
        let causal = Fill {
            keep: Mask::Causal,
            value: super::mask::LEAST,
        };
        let masked = |op: &Op| !log && *op == Op::Fill(causal);
        let before = self.nodes.get(x.node.index());
        let before = before.filter(|n| masked(&n.op));
        let (causal, node) = match before.and_then(|n| n.inputs.first()) {
            Some(before) => (true, *before),
            None => (false, x.node),
        };
        let node = self.emit("", Op::Softmax(Softmax { log, causal }), &[node])?;
        let layout = x.layout.clone();
        Ok(Lazy { node, layout })
    }
}

/// A softmax that can be left off the end of a network, if it is one.
fn ending(dims: &[usize], along: &[usize], log: bool) -> Option<Ending> {
    let (first, last) = (along.first()?, dims.len().checked_sub(1)?);
    let rest = |axis: usize| dims.iter().skip(axis + 1).all(|d| *d == 1);
    // Together with axes of one, an axis is alone.
    let alone = along.len() == 1 || rest(*first);
    match (alone, *first) {
        (true, 1) => Some(if log {
            Ending::LogSoftmax
        } else {
            Ending::Softmax
        }),
        (true, axis) if axis == last && dims.len() > 1 => Some(match log {
            true => Ending::LogSoftmaxOfRows,
            false => Ending::SoftmaxOfRows,
        }),
        _ => None,
    }
}
