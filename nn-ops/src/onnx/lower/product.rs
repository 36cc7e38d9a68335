//! Products with constant matrices.

use super::super::item::Item;
use super::super::layout::{Layout, broadcast};
use super::super::tensor::Const;
use super::{Args, Lazy, Lower, Outcome, Value};
use crate::model::{Linear, NodeId, Op, Role};

const NOT_CONSTANT: &str =
    "it multiplies two values by each other, and one must be a constant matrix";

impl Lower<'_> {
    pub(super) fn product(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        match item.op() {
            "Gemm" => self.gemm(item, args),
            _ => self.matmul(args),
        }
    }

    /// alpha A B + beta C, with a constant B.
    fn gemm(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        let (x, w) = operands(args)?;
        let (&[_, _], &[_, _]) = (x.layout.dims(), w.dims()) else {
            return Err("its operands are not matrices".to_owned());
        };
        let x = match item.flag("transA", false)? {
            true => Lazy {
                node: x.node,
                layout: x.layout.permute(&[1, 0]).ok_or("it is not a matrix")?,
            },
            false => x.clone(),
        };
        let transposed = item.flag("transB", false)?;
        let mut weight = self.rows(w, transposed)?;
        let alpha = item.float("alpha", 1.0)?;
        weight.1.iter_mut().for_each(|v| *v *= alpha);
        let features = weight.0[0];
        let beta = item.float("beta", 1.0)?;
        let c = match args.get(2) {
            None => None,
            Some(Value::Const(c)) => Some(c),
            Some(Value::Node(_)) => return Err("what it adds is not a constant".to_owned()),
        };
        let scaled = |c: &Const| c.reals().iter().map(|v| v * beta).collect::<Vec<f32>>();
        // A row, or one number, is a bias; anything else is added afterwards.
        let bias = c.filter(|c| match *c.dims() {
            [] | [1] | [1, 1] => true,
            [n] | [1, n] => n == features,
            _ => false,
        });
        let bias = bias.map(|c| match scaled(c).as_slice() {
            [one] => vec![*one; features],
            row => row.to_vec(),
        });
        let whole = bias.is_some();
        let rows = self.place(&x, x.layout.dims())?;
        let node = self.linear(rows, weight, bias)?;
        let y = self.whole(node);
        match c {
            Some(c) if !whole => {
                let c = Const::f32(c.dims(), scaled(c))?;
                if broadcast(&[y.layout.dims(), c.dims()]).as_deref() != Some(y.layout.dims()) {
                    return Err(format!("what it adds has dimensions {:?}", c.dims()));
                }
                self.affine(&y, None, Some(&c))
            }
            _ => Ok(y),
        }
    }

    fn matmul(&mut self, args: Args<'_>) -> Outcome<Lazy> {
        let (x, w) = operands(args)?;
        let (column, w) = match *w.dims() {
            [k] => (
                true,
                w.arranged(&Layout::row_major(&[k, 1]), &mut self.budget)?,
            ),
            [.., k, n] if w.elements() == k.saturating_mul(n) => (
                false,
                w.arranged(&Layout::row_major(&[k, n]), &mut self.budget)?,
            ),
            _ => return Err("its matrix is a batch of several".to_owned()),
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

fn operands<'a>(args: Args<'a>) -> Outcome<(&'a Lazy, &'a Const)> {
    match (args.need(0)?, args.need(1)?) {
        (Value::Node(x), Value::Const(w)) => Ok((x, w)),
        (Value::Const(_), Value::Node(_)) => {
            Err("its first operand is a constant; only the second may be".to_owned())
        }
        _ => Err(NOT_CONSTANT.to_owned()),
    }
}
