//! Sums, differences, products and extrema of several operands, constants among them.

use super::super::fold;
use super::super::item::{Item, axis};
use super::super::layout::{Layout, broadcast, inverse};
use super::super::tensor::{Const, Data};
use super::{Args, Lazy, Lower, Outcome, Value};
use crate::model::{Function, Op};

impl Lower<'_> {
    pub(super) fn elementwise(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        let op = item.op();
        match op {
            "Neg" => self.affine(args.node(0)?, Some(&Const::f32(&[], vec![-1.0])?), None),
            "Pow" => {
                let x = args.node(0)?;
                let map = |lower: &mut Self, f| lower.map("", x, Op::Function(f));
                match args.need_constant(1)?.scalar() {
                    Some(1.0) => Ok(x.clone()),
                    Some(2.0) => self.pair("", &Op::Mul, x, x),
                    Some(3.0) => {
                        let square = self.pair("square", &Op::Mul, x, x)?;
                        self.pair("", &Op::Mul, &square, x)
                    }
                    Some(0.5) => map(self, Function::Sqrt),
                    Some(-0.5) => map(self, Function::Rsqrt),
                    Some(-1.0) => map(self, Function::Reciprocal),
                    _ => {
                        Err("of all powers, only -1, -1/2, 1/2, 1, 2 and 3 are computed".to_owned())
                    }
                }
            }
            "Add" => {
                let masked = match (args.need(0)?, args.need(1)?) {
                    (Value::Node(x), Value::Const(c)) | (Value::Const(c), Value::Node(x)) => {
                        self.masked(item, x, c)?
                    }
                    _ => None,
                };
                match masked {
                    Some(x) => Ok(x),
                    None => self.two("Add", args),
                }
            }
            "Sum" | "Mean" | "Min" | "Max" => {
                let binary = if matches!(op, "Min" | "Max") {
                    op
                } else {
                    "Add"
                };
                let mut sum = args.need(0)?.clone();
                for i in 1..args.0.len() {
                    sum = self.binary(binary, &sum, args.need(i)?)?;
                }
                let Value::Node(sum) = sum else {
                    return Err("it takes constants only".to_owned());
                };
                if op == "Mean" {
                    let share = Const::f32(&[], vec![1.0 / args.0.len() as f32])?;
                    return self.affine(&sum, Some(&share), None);
                }
                Ok(sum)
            }
            _ => self.two(op, args),
        }
    }

    fn two(&mut self, op: &str, args: Args<'_>) -> Outcome<Lazy> {
        match self.binary(op, args.need(0)?, args.need(1)?)? {
            Value::Node(x) => Ok(x),
            _ => Err("it takes constants only".to_owned()),
        }
    }

    pub(super) fn binary(&mut self, op: &str, a: &Value, b: &Value) -> Outcome<Value> {
        let number = |v: f32| Const::f32(&[], vec![v]);
        let result = match (a, b) {
            (Value::Const(a), Value::Const(b)) => {
                return fold::binary(op, a, b, &mut self.budget).map(Value::Const);
            }
            (Value::Node(x), Value::Node(y)) => match op {
                "Add" => self.pair("", &Op::Add, x, y),
                "Sub" => self.pair("", &Op::Sub, x, y),
                "Mul" => self.pair("", &Op::Mul, x, y),
                // max(x, y) = x + relu(y - x) and min(x, y) = x - relu(x - y)
                "Max" => {
                    let more = self.pair("difference", &Op::Sub, y, x)?;
                    let more = self.map("relu", &more, Op::Relu)?;
                    self.pair("", &Op::Add, x, &more)
                }
                "Min" => {
                    let more = self.pair("difference", &Op::Sub, x, y)?;
                    let more = self.map("relu", &more, Op::Relu)?;
                    self.pair("", &Op::Sub, x, &more)
                }
                // By a root: times its inverse, which fewer elements may share.
                _ if matches!(self.op(y.node), Some(Op::Function(Function::Sqrt))) => {
                    let inverse = self.map("inverse", y, Op::Function(Function::Reciprocal))?;
                    self.pair("", &Op::Mul, x, &inverse)
                }
                _ => self.pair("", &Op::Div, x, y),
            },
            (Value::Node(x), Value::Const(c)) | (Value::Const(c), Value::Node(x)) => {
                let first = matches!(a, Value::Node(_));
                match op {
                    "Add" => self.affine(x, None, Some(c)),
                    "Mul" => self.factor(x, c),
                    "Sub" if first => {
                        let minus = fold::binary("Mul", c, &number(-1.0)?, &mut self.budget)?;
                        self.affine(x, None, Some(&minus))
                    }
                    "Sub" => self.affine(x, Some(&number(-1.0)?), Some(c)),
                    "Div" if first => {
                        if matches!(c.data(), Data::F32(v) if v.contains(&0.0)) {
                            return Err("it divides by zero".to_owned());
                        }
                        let inverse = fold::binary("Div", &number(1.0)?, c, &mut self.budget)?;
                        self.factor(x, &inverse)
                    }
                    "Max" | "Min" => match c.scalar() {
                        None => Err("a bound is not a single number".to_owned()),
                        bound if op == "Max" => self.clip(x, bound, None),
                        bound => self.clip(x, None, bound),
                    },
                    _ => {
                        let inverse = self.map("inverse", x, Op::Function(Function::Reciprocal))?;
                        match c.scalar() {
                            Some(1.0) => Ok(inverse),
                            _ => self.factor(&inverse, c),
                        }
                    }
                }
            }
            _ => Err(super::TOKENS.to_owned()),
        };
        result.map(Value::Node)
    }

    /// Times a constant; one that is a single number may go elsewhere later.
    pub(super) fn factor(&mut self, x: &Lazy, c: &Const) -> Outcome<Lazy> {
        let y = self.affine(x, Some(c), None)?;
        if let (Some(_), Some(node)) = (c.scalar(), self.nodes.get(y.node.index())) {
            self.factors.insert(node.name.clone());
        }
        Ok(y)
    }

    /// An operation on the elements of two values, broadcast to each other.
    pub(super) fn pair(&mut self, part: &str, op: &Op, x: &Lazy, y: &Lazy) -> Outcome<Lazy> {
        let (xd, yd) = (x.layout.dims(), y.layout.dims());
        let dims =
            broadcast(&[xd, yd]).ok_or_else(|| format!("cannot broadcast {xd:?} and {yd:?}"))?;
        let (x, y) = (self.spread(x, &dims)?, self.spread(y, &dims)?);
        // In the order in which one of them lies.
        let whole = |v: &Lazy| v.layout.order(self.node_dims(v.node).iter().product());
        let leader = [&x, &y].into_iter().find_map(|v| Some((v.node, whole(v)?)));
        let (shape, order) = match leader {
            Some((node, order)) => (self.node_dims(node).to_vec(), order),
            None => {
                let settled = self.settle(&x)?;
                let order = (0..dims.len()).collect();
                (self.node_dims(settled).to_vec(), order)
            }
        };
        let mut placed = |v: &Lazy| {
            let layout = v.layout.permute(&order).ok_or("its axes are not its own")?;
            let node = v.node;
            self.place(&Lazy { node, layout }, &shape)
        };
        let (a, b) = (placed(&x)?, placed(&y)?);
        let node = self.emit(part, op.clone(), &[a, b])?;
        let permuted: Vec<usize> = order.iter().filter_map(|a| dims.get(*a)).copied().collect();
        let layout = Layout::row_major(&permuted).permute(&inverse(&order));
        Ok(Lazy {
            node,
            layout: layout.ok_or("its axes are not its own")?,
        })
    }

    pub(super) fn concat(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        let any = args.0.iter().flatten().find_map(|v| match v {
            Value::Node(x) => Some(x.node),
            _ => None,
        });
        let mut parts = Vec::with_capacity(args.0.len());
        for i in 0..args.0.len() {
            match (args.need(i)?, any) {
                (Value::Node(x), _) => parts.push(x.clone()),
                // What is empty changes nothing.
                (Value::Const(c), Some(_)) if c.elements() == 0 => {}
                (Value::Const(c), Some(any)) => parts.push(self.constant_node(c, any)?),
                _ => return Err(super::TOKENS.to_owned()),
            }
        }
        let first = parts.first().ok_or("it has no inputs")?.clone();
        let mut dims = first.layout.dims().to_vec();
        let at = axis(item.int("axis", 1)?, dims.len())?;
        let mut total = 0usize;
        for part in &parts {
            let d = part.layout.dims();
            let alike = d.len() == dims.len()
                && d.iter()
                    .zip(&dims)
                    .enumerate()
                    .all(|(i, (a, b))| i == at || a == b);
            if !alike {
                return Err(format!("cannot join {dims:?} and {d:?}"));
            }
            total = total.saturating_add(d.get(at).copied().unwrap_or(0));
        }
        if parts.len() == 1 {
            return Ok(first);
        }
        // In the order in which the first lies, if that has the axis in the second place; else before, axis, after.
        let base = self.node_dims(first.node);
        let (rank, all) = (base.len(), base.iter().product());
        let stride: usize = base.iter().skip(2).product();
        let lies_so = matches!(rank, 2 | 4)
            && base.get(1) == dims.get(at)
            && first.layout.stride(at) == Some(stride as i64);
        let (order, shape) = match first.layout.order(all).filter(|_| lies_so) {
            Some(order) => (order, base.to_vec()),
            None if at == 1 && matches!(dims.len(), 2 | 4) => {
                ((0..dims.len()).collect(), dims.clone())
            }
            None => {
                let before = dims.iter().take(at).product();
                let after = dims.iter().skip(at + 1).product();
                let shape = if after == 1 {
                    vec![before, 0]
                } else {
                    vec![before, 0, after, 1]
                };
                ((0..dims.len()).collect::<Vec<usize>>(), shape)
            }
        };
        let mut placed = Vec::with_capacity(parts.len());
        for part in &parts {
            let mut shape = shape.clone();
            if let (Some(s), Some(d)) = (shape.get_mut(1), part.layout.dims().get(at)) {
                *s = *d;
            }
            let layout = part
                .layout
                .permute(&order)
                .ok_or("its axes are not its own")?;
            let node = part.node;
            placed.push(self.place(&Lazy { node, layout }, &shape)?);
        }
        let node = self.emit("", Op::Concat, &placed)?;
        if let Some(d) = dims.get_mut(at) {
            *d = total;
        }
        let permuted: Vec<usize> = order.iter().filter_map(|a| dims.get(*a)).copied().collect();
        let layout = Layout::row_major(&permuted).permute(&inverse(&order));
        Ok(Lazy {
            node,
            layout: layout.ok_or("its axes are not its own")?,
        })
    }
}
