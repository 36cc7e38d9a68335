//! Attention as one operator, as exporters write it from operator set 23 on.

use super::super::item::Item;
use super::super::tensor::{Const, Data};
use super::product::turned;
use super::{Args, Lazy, Lower, Outcome, Value};

impl Lower<'_> {
    /// softmax(scale Q K' + mask) V, for each head
    pub(super) fn attention(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Lazy> {
        if item.named_outputs() > 1 || args.0.iter().skip(4).any(Option::is_some) {
            return Err("its past is not computed with".to_owned());
        }
        if item.float("softcap", 0.0)? != 0.0 || item.int("qk_matmul_output_mode", 0)? != 0 {
            return Err("its scores are capped or given".to_owned());
        }
        let flat = args.node(0)?.layout.rank() == 3;
        let of_queries = usize::try_from(item.int("q_num_heads", 0)?).unwrap_or(0);
        let of_keys = usize::try_from(item.int("kv_num_heads", 0)?).unwrap_or(0);
        let q = self.heads(args.node(0)?, of_queries)?;
        let k = self.heads(args.node(1)?, of_keys)?;
        let v = self.heads(args.node(2)?, of_keys)?;
        let &[batch, heads, rows, width] = q.layout.dims() else {
            return Err("its queries do not have four dimensions".to_owned());
        };
        let (k, v) = (self.shared(&k, heads)?, self.shared(&v, heads)?);
        let scale = item.float("scale", 1.0 / (width as f32).sqrt())?;
        let scores = self.values_multiplied(&q, &turned(&k)?)?;
        let mut scores = self.factor(&scores, &Const::f32(&[], vec![scale])?)?;
        match args.constant(3)? {
            None => {}
            Some(c) if matches!(c.data(), Data::I64(_)) => {
                scores = self.fill(&scores, c, super::mask::LEAST)?;
            }
            Some(c) => scores = self.hidden(&scores, c)?,
        }
        if item.flag("is_causal", false)? {
            let columns = scores.layout.dims().last().copied().unwrap_or(0);
            let n = super::super::tensor::elements(&[rows, columns])?;
            self.budget.spend(n)?;
            let seen = |i: usize| i64::from(i % columns.max(1) <= i / columns.max(1));
            let keep = Const::i64(&[rows, columns], (0..n).map(seen).collect())?;
            scores = self.fill(&scores, &keep, super::mask::LEAST)?;
        }
        let weights = self.softmax_of(&scores, &[3], false)?;
        let y = self.values_multiplied(&weights, &v)?;
        if !flat {
            return Ok(y);
        }
        let node = y.node;
        let layout = y.layout.permute(&[0, 2, 1, 3]).ok_or("it has no heads")?;
        let depth: usize = y.layout.dims().iter().skip(1).step_by(2).product();
        let joined = Value::Node(Lazy { node, layout });
        match self.reshaped(&joined, &[batch, rows, depth])? {
            Value::Node(y) => Ok(y),
            _ => Err("a value became a constant".to_owned()),
        }
    }

    /// `[batch][heads][rows][width]` of `[batch][rows][heads * width]`.
    fn heads(&mut self, x: &Lazy, heads: usize) -> Outcome<Lazy> {
        let &[batch, rows, depth] = x.layout.dims() else {
            return Ok(x.clone());
        };
        let width = depth
            .checked_div(heads)
            .ok_or("it does not say how many heads it has")?;
        let x = self.reshaped(&Value::Node(x.clone()), &[batch, rows, heads, width])?;
        match self.seen(&x, |l| l.permute(&[0, 2, 1, 3]))? {
            Value::Node(x) => Ok(x),
            _ => Err("a value became a constant".to_owned()),
        }
    }

    /// As many heads as the queries have, each of these as often as it takes.
    fn shared(&mut self, x: &Lazy, heads: usize) -> Outcome<Lazy> {
        let &[batch, own, rows, width] = x.layout.dims() else {
            return Err("its keys or values do not have four dimensions".to_owned());
        };
        if own == heads {
            return Ok(x.clone());
        }
        let times = heads.checked_div(own).filter(|t| t * own == heads);
        let times = times.ok_or("its heads do not share keys evenly")?;
        let x = self.seen(&Value::Node(x.clone()), |l| l.unsqueeze(2))?;
        let x = self.expanded(&x, &[batch, own, times, rows, width])?;
        match self.reshaped(&x, &[batch, heads, rows, width])? {
            Value::Node(x) => Ok(x),
            _ => Err("a value became a constant".to_owned()),
        }
    }
}
