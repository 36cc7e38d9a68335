//! Functions that exporters write as several nodes: GELU by its error function or its tangent, SiLU, normalisations
//! and softmaxes by their statistics.
//!
//! What is recognised is arithmetic, not an exporter's way to write it: the argument of an error function or a
//! tangent is read as a polynomial of some earlier value x, and what becomes of the result must be x/2 times it plus
//! one, in whatever order the factors stand.

use super::item::Item;
use crate::model::Function;
use std::collections::{BTreeMap, BTreeSet};

/// Relative distance below which a constant is the one meant; files have three to seven digits of it.
const NEAR: f64 = 1e-3;
/// Most nodes between an argument and what it is made of, and between a function and the end of what it is part of.
const DEPTH: usize = 5;
/// Most values that are tried as the argument.
const CANDIDATES: usize = 8;

/// What several nodes compute together.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Whole {
    /// A function of each element.
    Function(Function),
    /// Less the mean, over the standard deviation, along these axes.
    Normalised { eps: f32, axes: Vec<i64> },
    /// Exponentials over their sum, along this axis.
    Softmax { axis: i64 },
}

/// The last node of each group, with the value that the group takes.
pub(super) type Wholes<'a> = BTreeMap<usize, (&'a str, Whole)>;

/// The nodes of a graph, by what they make and by what they take.
pub(super) struct Finder<'a> {
    items: &'a [Item<'a>],
    /// Of first results of ONNX's own operators.
    maker: BTreeMap<&'a str, usize>,
    /// Of all results.
    made: BTreeMap<&'a str, usize>,
    users: BTreeMap<&'a str, Vec<usize>>,
    numbers: BTreeMap<&'a str, f64>,
    lists: BTreeMap<&'a str, Vec<i64>>,
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= NEAR * b.abs()
}

impl<'a> Finder<'a> {
    /// `numbers` are the constants of one element, `lists` those of integers.
    pub(super) fn new(
        items: &'a [Item<'a>],
        numbers: BTreeMap<&'a str, f64>,
        lists: BTreeMap<&'a str, Vec<i64>>,
    ) -> Self {
        let (mut maker, mut made) = (BTreeMap::new(), BTreeMap::new());
        let mut users: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, item) in items.iter().enumerate() {
            if item.domain().is_empty()
                && let Some(first) = item.outputs().first()
            {
                maker.insert(first.as_str(), i);
            }
            made.extend(item.outputs().iter().map(|o| (o.as_str(), i)));
            for input in item.inputs() {
                users.entry(input).or_default().push(i);
            }
        }
        Self {
            items,
            maker,
            made,
            users,
            numbers,
            lists,
        }
    }

    /// All groups, and the nodes that are still needed for `output`.
    pub(super) fn find(&self, output: &str) -> (Wholes<'a>, BTreeSet<usize>) {
        let mut wholes = Wholes::new();
        for (i, item) in self.items.iter().enumerate() {
            if !item.domain().is_empty() {
                continue;
            }
            let found = match item.op() {
                "Erf" | "Tanh" | "Sigmoid" => self.gated(i, output),
                "Div" | "Mul" => self
                    .normalised(item)
                    .or_else(|| self.softmax(item))
                    .map(|(x, whole)| (i, x, whole)),
                _ => None,
            };
            if let Some((end, x, whole)) = found {
                wholes.insert(end, (x, whole));
            }
        }
        let mut needed = BTreeSet::new();
        let mut next: Vec<usize> = self.made.get(output).copied().into_iter().collect();
        while let Some(i) = next.pop() {
            if !needed.insert(i) {
                continue;
            }
            match (wholes.get(&i), self.items.get(i)) {
                (Some((x, _)), _) => next.extend(self.made.get(x)),
                (None, Some(item)) => {
                    let inputs = item.inputs().iter();
                    next.extend(inputs.filter_map(|n| self.made.get(n.as_str())));
                }
                _ => {}
            }
        }
        (wholes, needed)
    }

    /// The value itself, where nodes that change nothing have passed it on.
    fn origin(&self, mut name: &'a str) -> &'a str {
        for _ in 0..DEPTH {
            let Some(item) = self.maker(name) else { break };
            match (item.op(), item.inputs()) {
                ("Identity" | "Cast" | "Dropout", [from, ..]) => name = from,
                _ => break,
            }
        }
        name
    }

    fn maker(&self, name: &str) -> Option<&'a Item<'a>> {
        self.items.get(*self.maker.get(name)?)
    }

    /// What an operator with one input takes, if this is its result.
    fn one(&self, name: &'a str, ops: &[&str]) -> Option<(&'a Item<'a>, &'a str)> {
        let item = self.maker(self.origin(name))?;
        let first = item.inputs().first()?;
        ops.contains(&item.op()).then(|| (item, self.origin(first)))
    }

    /// What an operator with two inputs takes, if this is its result.
    fn two(&self, name: &'a str, op: &str) -> Option<[&'a str; 2]> {
        let item = self.maker(self.origin(name))?;
        match (item.op() == op, item.inputs()) {
            (true, [a, b]) => Some([self.origin(a), self.origin(b)]),
            _ => None,
        }
    }

    /// A value and a number that an operator joins, in either order.
    fn with_number(&self, name: &'a str, op: &str) -> Option<(&'a str, f64)> {
        let [a, b] = self.two(name, op)?;
        let number = |n| self.numbers.get(n).copied();
        number(b).map(|c| (a, c)).or_else(|| Some((b, number(a)?)))
    }

    /// The coefficients of a value as a polynomial of x, if it is one of the third degree at most.
    fn polynomial(&self, name: &'a str, x: &str, depth: usize) -> Option<[f64; 4]> {
        let name = self.origin(name);
        if name == x {
            return Some([0.0, 1.0, 0.0, 0.0]);
        }
        if let Some(c) = self.numbers.get(name) {
            return Some([*c, 0.0, 0.0, 0.0]);
        }
        let (item, below) = (self.maker(name)?, depth.checked_sub(1)?);
        let of = |i: usize| self.polynomial(item.inputs().get(i)?, x, below);
        let arity = item.inputs().len();
        let plus =
            |a: [f64; 4], b: [f64; 4], sign: f64| core::array::from_fn(|i| a[i] + sign * b[i]);
        match (item.op(), arity) {
            ("Add" | "Sum", 2) => Some(plus(of(0)?, of(1)?, 1.0)),
            ("Sub", 2) => Some(plus(of(0)?, of(1)?, -1.0)),
            ("Neg", 1) => Some(of(0)?.map(|c| -c)),
            ("Mul", 2) => times(of(0)?, of(1)?),
            ("Div", 2) => match of(1)? {
                [c, 0.0, 0.0, 0.0] if c != 0.0 => Some(of(0)?.map(|v| v / c)),
                _ => None,
            },
            ("Pow", 2) => {
                let (p, n) = (
                    of(0)?,
                    self.numbers.get(self.origin(item.inputs().get(1)?))?,
                );
                let square = times(p, p);
                match *n {
                    2.0 => square,
                    3.0 => times(p, square?),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Values that this one may be a polynomial of, the nearest first.
    fn candidates(&self, name: &'a str) -> Vec<&'a str> {
        let mut all = vec![self.origin(name)];
        let mut at = 0;
        while let Some(name) = all.get(at).copied().filter(|_| all.len() < CANDIDATES) {
            at += 1;
            let arithmetic = ["Add", "Sub", "Sum", "Neg", "Mul", "Div", "Pow"];
            let item = self.maker(name).filter(|i| arithmetic.contains(&i.op()));
            for from in item.into_iter().flat_map(|i| i.inputs()) {
                let from = self.origin(from);
                if !self.numbers.contains_key(from) && !all.contains(&from) {
                    all.push(from);
                }
            }
        }
        all
    }

    /// x times a function of x: its last node, x and what it is.
    fn gated(&self, at: usize, output: &str) -> Option<(usize, &'a str, Whole)> {
        let item = self.items.get(at)?;
        let argument = item.inputs().first()?;
        // sqrt(1/2), sqrt(2/pi), and the same times 0.044715
        const ROOT: f64 = core::f64::consts::FRAC_1_SQRT_2;
        const TANGENT: f64 = core::f64::consts::FRAC_2_SQRT_PI * ROOT;
        const CUBE: f64 = TANGENT * 0.044_715;
        self.candidates(argument).into_iter().find_map(|x| {
            let p = self.polynomial(argument, x, DEPTH)?;
            let (function, factor, summand) = match (item.op(), p) {
                ("Erf", [0.0, a, 0.0, 0.0]) if near(a, ROOT) => (Function::Gelu, 0.5, 0.5),
                ("Tanh", [0.0, a, 0.0, b]) if near(a, TANGENT) && near(b, CUBE) => {
                    (Function::GeluTanh, 0.5, 0.5)
                }
                ("Sigmoid", [0.0, a, 0.0, 0.0]) if near(a, 1.0) => (Function::Silu, 1.0, 0.0),
                _ => return None,
            };
            let end = self.climb(at, x, factor, summand, output)?;
            Some((end, x, Whole::Function(function)))
        })
    }

    /// The node behind node `at` whose result is x (`factor` t + `summand`), where t is what node `at` gives and
    /// nobody takes anything between.
    fn climb(&self, at: usize, x: &str, factor: f64, summand: f64, output: &str) -> Option<usize> {
        let (mut a, mut b, mut gated) = (1.0, 0.0, false);
        let mut name = self.items.get(at)?.outputs().first()?;
        for _ in 0..=DEPTH {
            let [user] = self.users.get(name.as_str())?.as_slice() else {
                return None;
            };
            if name == output {
                return None;
            }
            let item = self.items.get(*user)?;
            let (first, other) = match item.inputs() {
                [one] if one == name => (true, None),
                [one, other] if one == name => (true, Some(other)),
                [other, one] if one == name => (false, Some(other)),
                _ => return None,
            };
            let other = other.map(|n| self.origin(n));
            let number = other.and_then(|n| self.numbers.get(n)).copied();
            match (item.op(), number) {
                ("Identity" | "Cast", None) if other.is_none() => {}
                ("Mul", Some(c)) => (a, b) = (a * c, b * c),
                ("Div", Some(c)) if first && c != 0.0 => (a, b) = (a / c, b / c),
                ("Add", Some(c)) if !gated => b += c,
                ("Mul", None) if !gated => match self.polynomial(other?, x, DEPTH)? {
                    [0.0, c, 0.0, 0.0] => (a, b, gated) = (a * c, b * c, true),
                    _ => return None,
                },
                _ => return None,
            }
            if gated && near(a, factor) && near(b, summand) {
                return Some(*user);
            }
            name = item.outputs().first()?;
        }
        None
    }

    /// The axes of a reduction that keeps them as dimensions of one.
    fn axes(&self, item: &Item<'_>) -> Option<Vec<i64>> {
        if !item.flag("keepdims", true).ok()? {
            return None;
        }
        match item.ints("axes").ok()? {
            Some(list) => Some(list.to_vec()),
            None => self.lists.get(item.inputs().get(1)?.as_str()).cloned(),
        }
    }

    /// (x - mean) / sqrt(mean of (x - mean)^2 + eps)
    fn normalised(&self, end: &Item<'a>) -> Option<(&'a str, Whole)> {
        let [a, b] = end.inputs() else { return None };
        let (a, b) = (self.origin(a), self.origin(b));
        let [centred, variance] = if end.op() == "Div" {
            [a, self.radicand(b)?]
        } else {
            let inverse = |n| self.inverse_radicand(n);
            inverse(b)
                .map(|v| [a, v])
                .or_else(|| Some([b, inverse(a)?]))?
        };
        let (variance, eps) = self.with_number(variance, "Add")?;
        let (mean, square) = self.one(variance, &["ReduceMean"])?;
        let axes = self.axes(mean)?;
        let again = match self.with_number(square, "Pow") {
            Some((d, 2.0)) => d,
            Some(_) => return None,
            None => {
                let [d, same] = self.two(square, "Mul")?;
                (d == same).then_some(d)?
            }
        };
        let [x, mean] = self.two(centred, "Sub")?;
        let (mean, of) = self.one(mean, &["ReduceMean"])?;
        let same = centred == again || self.two(again, "Sub")? == self.two(centred, "Sub")?;
        let eps = eps as f32;
        let fits = same && of == x && self.axes(mean)? == axes;
        fits.then_some((x, Whole::Normalised { eps, axes }))
    }

    /// v, if this is its square root.
    fn radicand(&self, name: &'a str) -> Option<&'a str> {
        if let Some((_, v)) = self.one(name, &["Sqrt"]) {
            return Some(v);
        }
        match self.with_number(name, "Pow")? {
            (v, 0.5) => Some(v),
            _ => None,
        }
    }

    /// v, if this is one over its square root.
    fn inverse_radicand(&self, name: &'a str) -> Option<&'a str> {
        if let Some((_, root)) = self.one(name, &["Reciprocal"]) {
            return self.radicand(root);
        }
        if let Some([one, root]) = self.two(name, "Div") {
            let one = self.numbers.get(one)?;
            return (*one == 1.0).then(|| self.radicand(root))?;
        }
        match self.with_number(name, "Pow")? {
            (v, -0.5) => Some(v),
            _ => None,
        }
    }

    /// e^(x - max x) / sum of the same, or without the maximum.
    fn softmax(&self, end: &Item<'a>) -> Option<(&'a str, Whole)> {
        let ([power, sum], "Div") = (end.inputs(), end.op()) else {
            return None;
        };
        let (power, (sum, of)) = (self.origin(power), self.one(sum, &["ReduceSum"])?);
        let (_, mut x) = self.one(power, &["Exp"])?;
        let axes = self.axes(sum)?;
        let (&[axis], true) = (axes.as_slice(), of == power) else {
            return None;
        };
        if let Some([from, most]) = self.two(x, "Sub")
            && let Some((most, of)) = self.one(most, &["ReduceMax"])
            && of == from
            && self.axes(most)? == axes
        {
            x = from;
        }
        Some((x, Whole::Softmax { axis }))
    }
}

/// The product of two polynomials, if it is of the third degree at most.
fn times(a: [f64; 4], b: [f64; 4]) -> Option<[f64; 4]> {
    let mut out = [0.0; 4];
    for (i, a) in a.iter().enumerate() {
        for (j, b) in b.iter().enumerate().filter(|(_, b)| a * **b != 0.0) {
            *out.get_mut(i + j)? += a * b;
        }
    }
    Some(out)
}
