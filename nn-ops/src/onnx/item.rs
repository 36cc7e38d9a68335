//! One node of the file, and its attributes by name and type.

use super::names::shown;
use super::proto::{AttributeProto, NodeProto, TensorProto};

/// A node with what is needed to read it and to speak of it.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    proto: &'a NodeProto,
    index: usize,
    /// Version of ONNX's own operators.
    pub(super) opset: i64,
}

impl<'a> Item<'a> {
    pub(super) fn new(proto: &'a NodeProto, index: usize, opset: i64) -> Self {
        Self {
            proto,
            index,
            opset,
        }
    }
    /// The operator.
    pub(super) fn op(&self) -> &'a str {
        self.proto.op_type.as_deref().unwrap_or("")
    }
    /// The operator's domain; empty for ONNX's own.
    pub(super) fn domain(&self) -> &'a str {
        own(self.proto.domain.as_deref())
    }
    /// The operator as messages show it.
    pub(super) fn full_op(&self) -> String {
        match self.domain() {
            "" => shown(self.op()),
            d => shown(&format!("{d}.{}", self.op())),
        }
    }
    /// Its name, or its operator and place if it has none.
    pub(super) fn label(&self) -> String {
        match self.proto.name.as_deref() {
            None | Some("") => format!("{}_{}", shown(self.op()), self.index),
            Some(name) => shown(name),
        }
    }
    /// Names of the values it takes; an empty one stands for an optional input that is left out.
    pub(super) fn inputs(&self) -> &'a [String] {
        &self.proto.input
    }
    /// Names of the values it gives.
    pub(super) fn outputs(&self) -> &'a [String] {
        &self.proto.output
    }
    /// How many of its values have a name, and so may be used.
    pub(super) fn named_outputs(&self) -> usize {
        self.outputs().iter().filter(|o| !o.is_empty()).count()
    }

    fn attribute(&self, name: &str, kind: i32) -> Result<Option<&'a AttributeProto>, String> {
        let mut all = self.proto.attribute.iter();
        let Some(found) = all.find(|a| a.name.as_deref() == Some(name)) else {
            return Ok(None);
        };
        match found.r#type {
            None | Some(0) => Ok(Some(found)),
            Some(k) if k == kind => Ok(Some(found)),
            Some(_) => Err(format!("attribute `{name}` has the wrong type")),
        }
    }
    pub(super) fn has(&self, name: &str) -> bool {
        let mut all = self.proto.attribute.iter();
        all.any(|a| a.name.as_deref() == Some(name))
    }
    pub(super) fn float(&self, name: &str, default: f32) -> Result<f32, String> {
        let found = self.attribute(name, 1)?;
        Ok(found.map_or(default, |a| a.f.unwrap_or(0.0)))
    }
    pub(super) fn int(&self, name: &str, default: i64) -> Result<i64, String> {
        let found = self.attribute(name, 2)?;
        Ok(found.map_or(default, |a| a.i.unwrap_or(0)))
    }
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, String> {
        Ok(self.int(name, i64::from(default))? != 0)
    }
    /// Text; an error if it is not UTF-8.
    pub(super) fn text(&self, name: &str, default: &'a str) -> Result<&'a str, String> {
        match self.attribute(name, 3)? {
            None => Ok(default),
            Some(a) => core::str::from_utf8(a.s.as_deref().unwrap_or(&[]))
                .map_err(|_| format!("attribute `{name}` is not text")),
        }
    }
    pub(super) fn tensor(&self, name: &str) -> Result<Option<&'a TensorProto>, String> {
        Ok(self.attribute(name, 4)?.and_then(|a| a.t.as_ref()))
    }
    pub(super) fn floats(&self, name: &str) -> Result<Option<&'a [f32]>, String> {
        Ok(self.attribute(name, 6)?.map(|a| a.floats.as_slice()))
    }
    pub(super) fn ints(&self, name: &str) -> Result<Option<&'a [i64]>, String> {
        Ok(self.attribute(name, 7)?.map(|a| a.ints.as_slice()))
    }
    /// A list of as many sizes as wanted, or as many defaults if it is not there.
    pub(super) fn sizes(
        &self,
        name: &str,
        count: usize,
        default: usize,
    ) -> Result<Vec<usize>, String> {
        let Some(list) = self.ints(name)? else {
            return Ok(vec![default; count]);
        };
        let sizes: Option<Vec<usize>> = list.iter().map(|v| usize::try_from(*v).ok()).collect();
        match sizes {
            Some(sizes) if sizes.len() == count => Ok(sizes),
            Some(sizes) => Err(format!(
                "attribute `{name}` has {} numbers, not {count}",
                sizes.len()
            )),
            None => Err(format!("attribute `{name}` has a negative number")),
        }
    }
}

/// A domain of operators; empty for ONNX's own, which has two names.
pub(super) fn own(domain: Option<&str>) -> &str {
    match domain {
        None | Some("ai.onnx") => "",
        Some(d) => d,
    }
}

/// An axis counted from the front; negative ones count from the back.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let from_front = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(from_front)
        .ok()
        .filter(|a| *a < rank)
        .ok_or_else(|| format!("there is no axis {axis} among {rank}"))
}

/// Different axes, in ascending order.
pub(super) fn axes(list: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let mut all = list
        .iter()
        .map(|a| axis(*a, rank))
        .collect::<Result<Vec<_>, _>>()?;
    all.sort_unstable();
    if all.windows(2).any(|w| w.first() == w.last()) {
        return Err("an axis is named twice".to_owned());
    }
    Ok(all)
}
