//! The graph of the file: what is an input and what a constant, and the nodes behind the result in an order in which
//! they can be evaluated.

use super::inputs::{Dims, Inputs};
use super::item::{Item, own};
use super::names::shown;
use super::proto::{GraphProto, ModelProto, TensorProto};
use super::{OPERATOR_SETS, OnnxError, Options};
use crate::model::MAX_NODES;
use core::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// A file in which every name means one thing.
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) input: &'a str,
    pub(super) dims: Vec<usize>,
    /// Whether the input is numbers of tokens.
    pub(super) tokens: bool,
    /// All inputs, those with a fixed value among them.
    pub(super) inputs: Inputs<'a>,
    pub(super) output: &'a str,
    /// The nodes that the output depends on, each after those that it depends on.
    pub(super) items: Vec<Item<'a>>,
    /// How many of them, the first, do not depend on the input.
    pub(super) constants: usize,
    pub(super) initializers: BTreeMap<&'a str, &'a TensorProto>,
    /// Operators that the file defines itself, by domain and name.
    pub(super) functions: BTreeSet<(&'a str, &'a str)>,
}

fn graph_error<T>(reason: String) -> Result<T, OnnxError> {
    Err(OnnxError::Graph(reason))
}

impl<'a> Source<'a> {
    pub(super) fn new(model: &'a ModelProto, options: &Options) -> Result<Self, OnnxError> {
        let opset = operator_set(model)?;
        let Some(graph) = &model.graph else {
            return Err(OnnxError::Format("it has no graph".to_owned()));
        };
        if graph.node.len() > MAX_NODES {
            return Err(OnnxError::Limit {
                what: "the number of its nodes",
                most: MAX_NODES as u64,
            });
        }
        if !graph.sparse_initializer.is_empty() {
            return graph_error("it has sparse initializers, which are not read".to_owned());
        }
        let initializers = initializers(graph)?;
        let inputs = Inputs::new(graph, &initializers, options)?;
        let info = inputs.shared;
        let input = info.name.as_deref().unwrap_or("");
        let output = output(graph, options)?;
        let nodes = graph.node.iter().enumerate();
        let all: Vec<Item<'a>> = nodes.map(|(i, n)| Item::new(n, i, opset)).collect();
        let items = ordered(&all, &inputs.names(), output, &initializers)?;
        let (items, constants) = constants_first(items, input);
        let dims = Dims {
            info,
            items: &items,
            initializers: &initializers,
        };
        let named = |reason| OnnxError::Input {
            name: shown(input),
            reason,
        };
        let tokens = inputs.tokens().map_err(named)?;
        let dims = dims.resolve(options).map_err(named)?;
        Ok(Self {
            name: graph.name.as_deref().unwrap_or(""),
            input,
            dims,
            tokens,
            inputs,
            output,
            items,
            constants,
            initializers,
            functions: model
                .functions
                .iter()
                .map(|f| (own(f.domain.as_deref()), f.name.as_deref().unwrap_or("")))
                .collect(),
        })
    }
}

fn operator_set(model: &ModelProto) -> Result<i64, OnnxError> {
    let mut versions = model
        .opset_import
        .iter()
        .filter(|o| own(o.domain.as_deref()).is_empty())
        .map(|o| o.version.unwrap_or(0));
    let version = versions.next().ok_or_else(|| {
        let what = if model.graph.is_some() {
            "the file does not name the version of ONNX's operators"
        } else {
            "this is no ONNX file: it names neither operators nor a graph"
        };
        OnnxError::OperatorSet(what.to_owned())
    })?;
    if versions.any(|v| v != version) {
        let reason = "the file names two versions of ONNX's operators";
        return Err(OnnxError::OperatorSet(reason.to_owned()));
    }
    if OPERATOR_SETS.contains(&version) {
        return Ok(version);
    }
    let (first, last) = (OPERATOR_SETS.start(), OPERATOR_SETS.end());
    Err(OnnxError::OperatorSet(format!(
        "version {version} is not read; {first} to {last} are"
    )))
}

fn initializers(graph: &GraphProto) -> Result<BTreeMap<&str, &TensorProto>, OnnxError> {
    let mut all = BTreeMap::new();
    for t in &graph.initializer {
        let name = t.name.as_deref().unwrap_or("");
        if all.insert(name, t).is_some() {
            return graph_error(format!("two initializers are called `{}`", shown(name)));
        }
    }
    Ok(all)
}

fn output<'a>(graph: &'a GraphProto, options: &Options) -> Result<&'a str, OnnxError> {
    let names: Vec<&str> = graph
        .output
        .iter()
        .map(|o| o.name.as_deref().unwrap_or(""))
        .collect();
    let listed = || {
        let shown: Vec<String> = names.iter().take(8).map(|n| shown(n)).collect();
        shown.join(", ")
    };
    match (&options.output, names.as_slice()) {
        (Some(wanted), _) => names.iter().find(|n| *n == wanted).copied().ok_or_else(|| {
            OnnxError::Graph(format!(
                "it has no output `{}`; it has {}",
                shown(wanted),
                listed()
            ))
        }),
        (None, [one]) => Ok(one),
        (None, []) => graph_error("it has no output".to_owned()),
        (None, several) => graph_error(format!(
            "it has {} outputs; choose one of {}",
            several.len(),
            listed()
        )),
    }
}

/// The nodes that `output` depends on; those of a file in order keep that order.
fn ordered<'a>(
    all: &[Item<'a>],
    inputs: &BTreeSet<&str>,
    output: &str,
    initializers: &BTreeMap<&str, &TensorProto>,
) -> Result<Vec<Item<'a>>, OnnxError> {
    let mut maker: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, item) in all.iter().enumerate() {
        for name in item.outputs().iter().filter(|n| !n.is_empty()) {
            let known = inputs.contains(name.as_str()) || initializers.contains_key(name.as_str());
            if maker.insert(name, i).is_some() || known {
                return graph_error(format!("`{}` is made twice", shown(name)));
            }
        }
    }
    let given =
        |name: &str| name.is_empty() || inputs.contains(name) || initializers.contains_key(name);
    // Backwards from the output: what is needed, and by whom.
    let mut needed = BTreeSet::new();
    let mut users: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut waits: BTreeMap<usize, usize> = BTreeMap::new();
    let mut next: Vec<usize> = match maker.get(output) {
        Some(i) => vec![*i],
        None if given(output) => Vec::new(),
        None => return graph_error(format!("nothing makes its output `{}`", shown(output))),
    };
    while let Some(i) = next.pop() {
        if !needed.insert(i) {
            continue;
        }
        let Some(item) = all.get(i) else { continue };
        for name in item.inputs() {
            match maker.get(name.as_str()) {
                Some(from) => {
                    users.entry(*from).or_default().push(i);
                    *waits.entry(i).or_default() += 1;
                    next.push(*from);
                }
                None if given(name) => {}
                None => {
                    return graph_error(format!(
                        "node `{}` ({}) takes `{}`, which nothing makes",
                        item.label(),
                        item.full_op(),
                        shown(name)
                    ));
                }
            }
        }
    }
    let free = needed.iter().filter(|i| !waits.contains_key(i));
    let mut ready: BinaryHeap<Reverse<usize>> = free.map(|i| Reverse(*i)).collect();
    let mut items = Vec::with_capacity(needed.len());
    while let Some(Reverse(i)) = ready.pop() {
        items.extend(all.get(i).copied());
        needed.remove(&i);
        for user in users.remove(&i).unwrap_or_default() {
            if let Some(w) = waits.get_mut(&user) {
                *w -= 1;
                if *w == 0 {
                    ready.push(Reverse(user));
                }
            }
        }
    }
    match needed.first().and_then(|i| all.get(*i)) {
        None => Ok(items),
        Some(item) => graph_error(format!(
            "node `{}` ({}) depends on its own result",
            item.label(),
            item.full_op()
        )),
    }
}

/// Nodes that do not depend on the input before those that do, both in their order, and how many those are.
fn constants_first<'a>(items: Vec<Item<'a>>, input: &'a str) -> (Vec<Item<'a>>, usize) {
    let mut depends = BTreeSet::from([input]);
    let (mut first, mut then) = (Vec::new(), Vec::new());
    for item in items {
        if item.inputs().iter().any(|i| depends.contains(i.as_str())) {
            let outputs = item.outputs().iter().filter(|o| !o.is_empty());
            depends.extend(outputs.map(String::as_str));
            then.push(item);
        } else {
            first.push(item);
        }
    }
    let constants = first.len();
    first.append(&mut then);
    (first, constants)
}
