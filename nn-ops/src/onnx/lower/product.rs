//! Products with constant matrices, and of two values.

use super::super::item::Item;
use super::super::layout::{Layout, broadcast};
use super::super::tensor::Const;
use super::{Args, Lazy, Lower, Outcome, Value};
use crate::model::{Linear, MatMul, NodeId, Op, Role};

impl Lower<'_> {
    pub(super) fn product(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        match item.op() {
            "Gemm" => self.gemm(item, args),
            _ => self.multiplied(args.need(0)?, args.need(1)?),
        }
    }

    /// alpha A B + beta C
    fn gemm(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        let (a, b) = (args.need(0)?, args.need(1)?);
        let (&[_, _], &[_, _]) = (a.dims(), b.dims()) else {
            return Err("its operands are not matrices".to_owned());
        };
        let (alpha, beta) = (item.float("alpha", 1.0)?, item.float("beta", 1.0)?);
        let turned = |lower: &mut Self, v: &Value, flag: &str| match item.flag(flag, false)? {
            true => lower.seen(v, |l| l.permute(&[1, 0])),
            false => Ok(v.clone()),
        };
        let a = turned(self, a, "transA")?;
        let (Value::Node(x), Value::Const(w)) = (&a, b) else {
            let b = turned(self, b, "transB")?;
            let y = self.multiplied(&a, &b)?;
            let y = match alpha {
                1.0 => y,
                alpha => self.affine(&y, Some(&Const::f32(&[], vec![alpha])?), None)?,
            };
            return self.added(&y, args.get(2), beta);
        };
        let transposed = item.flag("transB", false)?;
        let mut weight = self.rows(w, transposed)?;
        weight.1.iter_mut().for_each(|v| *v *= alpha);
        let features = weight.0[0];
        // A row, or one number, is a bias; anything else is added afterwards.
        let row = match args.get(2) {
            Some(Value::Const(c)) => Some(c).filter(|c| match *c.dims() {
                [] | [1] | [1, 1] => true,
                [n] | [1, n] => n == features,
                _ => false,
            }),
            _ => None,
        };
        let bias = row.map(|c| match c.reals().as_slice() {
            [one] => vec![*one * beta; features],
            row => row.iter().map(|v| v * beta).collect(),
        });
        let rest = args.get(2).filter(|_| bias.is_none());
        let rows = self.place(x, x.layout.dims())?;
        let node = self.linear(rows, weight, bias)?;
        let y = self.whole(node);
        self.added(&y, rest, beta)
    }

    /// Plus `beta` times what a `Gemm` adds, which must not make it larger.
    fn added(&mut self, y: &Lazy, c: Option<&Value>, beta: f32) -> Outcome<Lazy> {
        let Some(c) = c else { return Ok(y.clone()) };
        if broadcast(&[y.layout.dims(), c.dims()]).as_deref() != Some(y.layout.dims()) {
            return Err(format!("what it adds has dimensions {:?}", c.dims()));
        }
        match c {
            Value::Const(c) => {
                self.budget.spend(c.elements())?;
                let scaled = c.reals().iter().map(|v| v * beta).collect();
                self.affine(y, None, Some(&Const::f32(c.dims(), scaled)?))
            }
            Value::Node(c) => {
                let c = match beta {
                    1.0 => c.clone(),
                    beta => self.affine(c, Some(&Const::f32(&[], vec![beta])?), None)?,
                };
                self.pair("sum", &Op::Add, y, &c)
            }
            Value::Tokens(_) => Err(super::TOKENS.to_owned()),
        }
    }

    /// The product of two values, or of a value and a constant on either side.
    fn multiplied(&mut self, a: &Value, b: &Value) -> Outcome<Lazy> {
        match (a, b) {
            (Value::Node(a), Value::Node(b)) => self.values_multiplied(a, b),
            (Value::Node(a), Value::Const(b)) => match *b.dims() {
                [] => Err("it multiplies with a single number".to_owned()),
                [n] if n == b.elements() => self.with_matrix(a, b),
                [.., k, n] if b.elements() == k.saturating_mul(n) => self.with_matrix(a, b),
                _ => {
                    let b = self.constant_node(b, a.node)?;
                    self.values_multiplied(a, &b)
                }
            },
            // A x is the transpose of x' A'.
            (Value::Const(a), Value::Node(b)) => match *a.dims() {
                [m, k] if b.layout.rank() > 1 => {
                    let order = Layout::row_major(&[m, k]).permute(&[1, 0]);
                    let a = a.arranged(&order.ok_or("it is not a matrix")?, &mut self.budget)?;
                    let x = turned(b)?;
                    turned(&self.with_matrix(&x, &a)?)
                }
                _ => {
                    let a = self.constant_node(a, b.node)?;
                    self.values_multiplied(&a, b)
                }
            },
            (Value::Const(_), Value::Const(_)) => Err("it takes constants only".to_owned()),
            _ => Err(super::TOKENS.to_owned()),
        }
    }

    /// The product of two values, matrix by matrix.
    pub(super) fn values_multiplied(&mut self, a: &Lazy, b: &Lazy) -> Outcome<Lazy> {
        let fits = |what: &str| format!("{what}: {:?} and {:?}", a.layout.dims(), b.layout.dims());
        let as_matrix = |x: &Lazy, axis: usize| -> Outcome<(Lazy, bool)> {
            let layout = match x.layout.rank() {
                0 => return Err("it multiplies a single number".to_owned()),
                1 => x.layout.unsqueeze(axis),
                _ => return Ok((x.clone(), false)),
            };
            let layout = layout.ok_or("it has too many dimensions")?;
            Ok((
                Lazy {
                    node: x.node,
                    layout,
                },
                true,
            ))
        };
        let ((a, row), (b, column)) = (as_matrix(a, 0)?, as_matrix(b, 1)?);
        let ([first @ .., m, k], [second @ .., k2, n]) = (a.layout.dims(), b.layout.dims()) else {
            return Err(fits("its operands are not matrices"));
        };
        let lead = broadcast(&[first, second]).filter(|_| k == k2);
        let lead = lead.ok_or_else(|| fits("its operands do not fit"))?;
        let (m, k, n) = (*m, *k, *n);
        let x = self.spread(&a, &[lead.as_slice(), &[m, k]].concat())?;
        let y = self.spread(&b, &[lead.as_slice(), &[k, n]].concat())?;
        // As it lies, a row of the transpose may be in one piece.
        let at = y.layout.rank();
        let transposed = y.layout.stride(at - 2) == Some(1) && y.layout.stride(at - 1) != Some(1);
        let y = if transposed { turned(&y)? } else { y };
        let batch = match lead.len() {
            0..=2 => lead.clone(),
            _ => vec![lead.iter().product()],
        };
        let side = |x: &Lazy| -> Vec<usize> {
            let own = x.layout.dims().iter().skip(lead.len());
            batch.iter().chain(own).copied().collect()
        };
        let (left, right) = (side(&x), side(&y));
        let (x, y) = (self.place(&x, &left)?, self.place(&y, &right)?);
        let node = self.emit("", Op::MatMul(MatMul { transposed }), &[x, y])?;
        let mut dims = lead;
        dims.extend([m].iter().filter(|_| !row));
        dims.extend([n].iter().filter(|_| !column));
        self.like(node, &dims)
    }

    /// The product of a value and one constant matrix, or vector.
    fn with_matrix(&mut self, x: &Lazy, w: &Const) -> Outcome<Lazy> {
        let (column, w) = match *w.dims() {
            [k] => (
                true,
                w.arranged(&Layout::row_major(&[k, 1]), &mut self.budget)?,
            ),
            [.., k, n] => (
                false,
                w.arranged(&Layout::row_major(&[k, n]), &mut self.budget)?,
            ),
            [] => return Err("it multiplies with a single number".to_owned()),
        };
        let weight = self.rows(&w, false)?;
        let [features, inner] = weight.0;
        let (lead, k) = match x.layout.dims() {
            [lead @ .., k] => (lead.to_vec(), *k),
            [] => return Err("it multiplies a single number".to_owned()),
        };
        if k != inner {
            return Err(format!("{:?} does not fit {:?}", x.layout.dims(), w.dims()));
        }
        let rows = self.place(x, &[lead.iter().product(), k])?;
        let node = self.linear(rows, weight, None)?;
        let mut dims = lead;
        if !column {
            dims.push(features);
        }
        self.like(node, &dims)
    }

    /// The rows of the matrix that a linear layer takes, and their number and length.
    fn rows(&mut self, w: &Const, transposed: bool) -> Outcome<([usize; 2], Vec<f32>)> {
        let layout = Layout::row_major(w.dims());
        let order = if transposed { [0, 1] } else { [1, 0] };
        let layout = layout.permute(&order).ok_or("its weight is not a matrix")?;
        let w = w.arranged(&layout, &mut self.budget)?;
        match *w.dims() {
            [out, k] => Ok(([out, k], w.reals().to_vec())),
            _ => Err("its weight is not a matrix".to_owned()),
        }
    }

    /// A linear layer over the rows of a node of two dimensions.
    pub(super) fn linear(
        &mut self,
        rows: NodeId,
        (dims, weight): ([usize; 2], Vec<f32>),
        bias: Option<Vec<f32>>,
    ) -> Outcome<NodeId> {
        let [out_features, k] = dims;
        if self.node_dims(rows).get(1) != Some(&k) {
            return Err(format!("{:?} does not fit {dims:?}", self.node_dims(rows)));
        }
        let op = Linear {
            out_features,
            bias: bias.is_some(),
        };
        let node = self.emit("", Op::Linear(op), &[rows])?;
        self.parameter(node, Role::Weight, &dims, weight)?;
        if let Some(bias) = bias {
            self.parameter(node, Role::Bias, &[out_features], bias)?;
        }
        Ok(node)
    }
}

/// With its last two dimensions exchanged.
pub(super) fn turned(x: &Lazy) -> Outcome<Lazy> {
    let rank = x.layout.rank();
    let mut order: Vec<usize> = (0..rank).collect();
    if let Some([a, b]) = order
        .get_mut(rank.saturating_sub(2)..)
        .and_then(|l| l.as_mut_array())
    {
        core::mem::swap(a, b);
    }
    let layout = x.layout.permute(&order).ok_or("it is not a matrix")?;
    let node = x.node;
    Ok(Lazy { node, layout })
}
