//! Which input of the file is shared, and what the others are fixed to.

use super::item::Item;
use super::names::shown;
use super::proto::{GraphProto, TensorProto, TensorTypeProto, ValueInfoProto};
use super::tensor::{Budget, Const, Type, elements};
use super::{OnnxError, Options};
use crate::model::{ModelError, Shape, TensorF32};
use core::str::FromStr;
use std::collections::{BTreeMap, BTreeSet};

/// What the network is shown.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Input {
    /// Real numbers, in the shape of the graph's input.
    #[default]
    Numbers,
    /// Numbers of tokens. The graph's input has a row for each of them, with a one at its number and zeros elsewhere.
    Tokens {
        /// Dimensions of the file's input.
        dims: Vec<usize>,
        /// Every token is below.
        vocabulary: usize,
    },
}

impl Input {
    /// The graph's input for these tokens, row-major; an error if they are not as many as the network takes, if one
    /// is not in the vocabulary, or if it takes no tokens.
    pub fn unit_vectors(&self, tokens: &[usize]) -> Result<TensorF32, ModelError> {
        let refuse = |reason: String| ModelError::Shape {
            dims: vec![tokens.len()],
            reason,
        };
        let Self::Tokens { dims, vocabulary } = self else {
            return Err(refuse("the network takes no tokens".to_owned()));
        };
        let count: usize = dims.iter().product();
        if tokens.len() != count {
            let got = tokens.len();
            return Err(refuse(format!(
                "the network takes {count} tokens, not {got}"
            )));
        }
        let shape = Shape::new(&[count, *vocabulary])?;
        let mut x = TensorF32::filled(shape, 0.0);
        for (row, token) in x.data_mut().chunks_exact_mut(*vocabulary).zip(tokens) {
            match row.get_mut(*token) {
                Some(v) => *v = 1.0,
                // Whose tokens these are may not want to read them in a message.
                None => return Err(refuse(format!("a token is not below {vocabulary}"))),
            }
        }
        Ok(x)
    }
}

/// What an input is fixed to that is no one's secret.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fixed {
    /// The same number everywhere.
    Number(f32),
    /// 0, 1, 2, .. along the last dimension.
    Places,
}

impl Fixed {
    /// For a text without padding, the inputs that exporters of transformers call so.
    fn usual(name: &str) -> Option<Self> {
        Some(match name {
            "attention_mask" | "input_mask" => Self::Number(1.0),
            "token_type_ids" | "segment_ids" => Self::Number(0.0),
            "position_ids" => Self::Places,
            _ => return None,
        })
    }
}

impl FromStr for Fixed {
    type Err = String;
    /// A number, or `places`.
    fn from_str(s: &str) -> Result<Self, String> {
        match s.parse() {
            Ok(v) => Ok(Self::Number(v)),
            Err(_) if s == "places" => Ok(Self::Places),
            Err(_) => Err("a number or `places` is needed".to_owned()),
        }
    }
}

/// The inputs of a file that are not initializers with a default value.
pub(super) struct Inputs<'a> {
    /// The one that is shared.
    pub(super) shared: &'a ValueInfoProto,
    fixed: Vec<(&'a ValueInfoProto, Fixed)>,
}

fn name(info: &ValueInfoProto) -> &str {
    info.name.as_deref().unwrap_or("")
}

fn tensor(info: &ValueInfoProto) -> Result<(&TensorTypeProto, Type), String> {
    let tensor = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let tensor = tensor.ok_or("it is not a tensor")?;
    Ok((tensor, Type::new(tensor.elem_type.unwrap_or(0).into())?))
}

impl<'a> Inputs<'a> {
    pub(super) fn new(
        graph: &'a GraphProto,
        initializers: &BTreeMap<&str, &TensorProto>,
        options: &Options,
    ) -> Result<Self, OnnxError> {
        let refuse = |reason: String| Err(OnnxError::Graph(reason));
        let all = graph.input.iter();
        let mut open: Vec<&ValueInfoProto> = all
            .filter(|i| !initializers.contains_key(name(i)))
            .collect();
        let listed = |all: &[&ValueInfoProto]| {
            let names: Vec<String> = all.iter().take(8).map(|i| shown(name(i))).collect();
            names.join(", ")
        };
        for wanted in options.fixed.keys() {
            if !open.iter().any(|i| name(i) == wanted) {
                let (wanted, there) = (shown(wanted), listed(&open));
                return refuse(format!("it has no input `{wanted}`; it has {there}"));
            }
        }
        let mut fixed = Vec::new();
        open.retain(|i| {
            let value = options.fixed.get(name(i)).copied();
            fixed.extend(value.map(|v| (*i, v)));
            value.is_none()
        });
        if open.len() > 1 {
            // Of a graph that was cut out of a larger one, some may be left over.
            let nodes = graph.node.iter().flat_map(|n| &n.input);
            let outputs = graph.output.iter().map(name);
            let used: BTreeSet<&str> = nodes.map(String::as_str).chain(outputs).collect();
            open.retain(|i| used.contains(name(i)));
        }
        if open.len() > 1 {
            open.retain(|i| {
                let value = Fixed::usual(name(i));
                fixed.extend(value.map(|v| (*i, v)));
                value.is_none()
            });
        }
        match open.as_slice() {
            [shared] => Ok(Self { shared, fixed }),
            [] => refuse("it has no input".to_owned()),
            several => refuse(format!(
                "it has {} inputs, and one is what can be shared: {}; fix the others to public values",
                several.len(),
                listed(several)
            )),
        }
    }

    pub(super) fn names(&self) -> BTreeSet<&'a str> {
        let fixed = self.fixed.iter().map(|(i, _)| name(i));
        fixed.chain([name(self.shared)]).collect()
    }

    /// Whether it is numbers of tokens that are shared.
    pub(super) fn tokens(&self) -> Result<bool, String> {
        match tensor(self.shared)?.1 {
            Type::I32 | Type::I64 => Ok(true),
            kind if kind.is_real() => Ok(false),
            _ => Err("its elements are neither real numbers nor tokens".to_owned()),
        }
    }

    /// The constants in place of the inputs that are fixed; `dims` are those of the shared one.
    pub(super) fn constants(
        &self,
        dims: &[usize],
        budget: &mut Budget,
    ) -> Result<Vec<(&'a str, Const)>, OnnxError> {
        let each = self.fixed.iter().map(|(info, value)| {
            let made = self.constant(info, *value, dims, budget);
            let named = |reason| OnnxError::Input {
                name: shown(name(info)),
                reason,
            };
            Ok((name(info), made.map_err(named)?))
        });
        each.collect()
    }

    fn constant(
        &self,
        info: &ValueInfoProto,
        value: Fixed,
        shared: &[usize],
        budget: &mut Budget,
    ) -> Result<Const, String> {
        let (own, kind) = tensor(info)?;
        let of_shared = tensor(self.shared)?.0.shape.as_ref();
        let Some(shape) = &own.shape else {
            return Err("its shape is unknown".to_owned());
        };
        let mut dims = Vec::new();
        for (i, dim) in shape.dim.iter().enumerate() {
            let stated = dim.dim_value.and_then(|v| usize::try_from(v).ok());
            // What is called the same is the same; what has no name is where it is in the input that is shared.
            let named = || {
                let mut others = of_shared?.dim.iter();
                let wanted = dim.dim_param.as_ref()?;
                let at = others.position(|d| d.dim_param.as_ref() == Some(wanted))?;
                shared.get(at).copied()
            };
            let there = || shared.get(i).filter(|_| shape.dim.len() == shared.len());
            let known = stated.filter(|d| *d > 0).or_else(named);
            let known = known.or_else(|| there().copied());
            dims.push(known.ok_or_else(|| format!("dimension {i} is not fixed"))?);
        }
        let n = elements(&dims)?;
        budget.spend(n)?;
        let last = dims.last().copied().unwrap_or(1).max(1);
        let at = |i: usize| match value {
            Fixed::Number(v) => v,
            Fixed::Places => (i % last) as f32,
        };
        let made = match kind.is_real() {
            true => Const::f32(&dims, (0..n).map(at).collect())?,
            false => Const::i64(&dims, (0..n).map(|i| at(i) as i64).collect())?,
        };
        Ok(made.public())
    }
}

/// The input's dimensions, from wherever they can be known.
pub(super) struct Dims<'a> {
    pub(super) info: &'a ValueInfoProto,
    pub(super) items: &'a [Item<'a>],
    pub(super) initializers: &'a BTreeMap<&'a str, &'a TensorProto>,
}

impl Dims<'_> {
    pub(super) fn resolve(&self, options: &Options) -> Result<Vec<usize>, String> {
        let (tensor, kind) = tensor(self.info)?;
        let given = options.input.as_deref();
        let Some(shape) = &tensor.shape else {
            let given = given.ok_or("its shape is unknown: give one")?;
            return Ok(given.to_vec());
        };
        if let Some(given) = given.filter(|g| g.len() != shape.dim.len()) {
            return Err(format!(
                "the shape {given:?} was given, and the model takes {} dimensions",
                shape.dim.len()
            ));
        }
        let mut out = Vec::new();
        for (i, dim) in shape.dim.iter().enumerate() {
            let mut known: Vec<usize> = Vec::new();
            if let Some(v) = dim.dim_value.filter(|v| *v > 0) {
                known.push(usize::try_from(v).map_err(|_| format!("dimension {i} is {v}"))?);
            }
            known.extend(given.and_then(|g| g.get(i)));
            // A single dimension of tokens is one text.
            let batch = i == 0 && (kind.is_real() || shape.dim.len() > 1);
            known.extend(options.batch.filter(|_| batch));
            if known.is_empty() {
                known.extend(if batch { Some(1) } else { self.inferred(i) });
            }
            let name = dim.dim_param.as_deref().map_or("?".to_owned(), shown);
            match known.as_slice() {
                [] => {
                    return Err(format!(
                        "dimension {i} (`{name}`) is not fixed: give its size"
                    ));
                }
                [d, rest @ ..] if rest.iter().all(|r| r == d) => out.push(*d),
                _ => return Err(format!("dimension {i} cannot be {known:?} at a time")),
            }
        }
        Ok(out)
    }
    /// Channels, where a convolution takes the input.
    fn inferred(&self, axis: usize) -> Option<usize> {
        let name = self.info.name.as_ref()?;
        let takes = |i: &&Item<'_>| i.op() == "Conv" && i.inputs().first() == Some(name);
        let conv = self.items.iter().find(takes).filter(|_| axis == 1)?;
        let weight = self.initializers.get(conv.inputs().get(1)?.as_str())?;
        let groups = usize::try_from(conv.int("group", 1).ok()?).ok()?;
        let channels = usize::try_from(*weight.dims.get(1)?).ok()?;
        channels.checked_mul(groups).filter(|c| *c > 0)
    }
}
