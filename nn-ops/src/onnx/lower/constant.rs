//! Constants between the nodes, and shapes, which are constants here.

use super::super::fold;
use super::super::item::Item;
use super::super::tensor::{Const, read};
use super::{Args, Lower, Outcome, Value};

impl Lower<'_> {
    /// A constant: given by the node, by shapes, or by arithmetic on constants.
    pub(super) fn constant(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Option<Value>> {
        match item.op() {
            "Constant" => return Ok(Some(Value::Const(self.given(item)?))),
            "ConstantOfShape" => return Ok(Some(Value::Const(self.of_shape(item, args)?))),
            "Shape" => return Ok(Some(Value::Const(self.shape_of(item, args)?))),
            "Size" => {
                let n: usize = args.need(0)?.dims().iter().product();
                return Ok(Some(Value::Const(Const::i64(&[], vec![n as i64])?)));
            }
            // No value is: parties compute with integers.
            "IsNaN" if matches!(args.need(0)?, Value::Node(_)) => {
                let ones = vec![1; args.need(0)?.dims().len()];
                return Ok(Some(Value::Const(Const::i64(&ones, vec![0])?)));
            }
            _ => {}
        }
        let mut constants = Vec::new();
        for arg in args.0 {
            match arg {
                None => constants.push(None),
                Some(Value::Const(c)) => constants.push(Some(c)),
                Some(Value::Node(_) | Value::Tokens(_)) => return Ok(None),
            }
        }
        match fold::fold(item, &constants, &mut self.budget)? {
            Some(c) => Ok(Some(Value::Const(c))),
            None => Err("it takes constants only, and is not computed on those".to_owned()),
        }
    }

    fn given(&mut self, item: &Item<'_>) -> Outcome<Const> {
        if let Some(t) = item.tensor("value")? {
            return read(t, self.folder, &mut self.budget);
        }
        if item.has("value_float") {
            return Const::f32(&[], vec![item.float("value_float", 0.0)?]);
        }
        if item.has("value_int") {
            return Const::i64(&[], vec![item.int("value_int", 0)?]);
        }
        if let Some(list) = item.floats("value_floats")? {
            return Const::f32(&[list.len()], list.to_vec());
        }
        if let Some(list) = item.ints("value_ints")? {
            return Const::i64(&[list.len()], list.to_vec());
        }
        Err("it holds neither numbers nor a tensor of them".to_owned())
    }

    fn of_shape(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Const> {
        let value = match item.tensor("value")? {
            Some(t) => read(t, self.folder, &mut self.budget)?,
            None => Const::f32(&[], vec![0.0])?,
        };
        let dims = sizes(args.need_constant(0)?.integers()?)?;
        fold::filled(&dims, &value, &mut self.budget)
    }

    fn shape_of(&mut self, item: &Item<'_>, args: Args<'_>) -> Outcome<Const> {
        let dims = args.need(0)?.dims();
        let rank = dims.len() as i64;
        let place = |v: i64| {
            let v = if v < 0 { v.saturating_add(rank) } else { v };
            v.clamp(0, rank) as usize
        };
        let (start, end) = (place(item.int("start", 0)?), place(item.int("end", rank)?));
        let dims = dims.get(start..end.max(start)).unwrap_or(&[]);
        let data = dims.iter().map(|d| *d as i64).collect();
        Const::i64(&[dims.len()], data)
    }
}

/// Integers as dimensions.
pub(super) fn sizes(list: &[i64]) -> Outcome<Vec<usize>> {
    list.iter()
        .map(|d| usize::try_from(*d).map_err(|_| format!("there is no dimension of {d}")))
        .collect()
}
