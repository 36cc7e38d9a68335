//! From nodes of the file to nodes of the graph.
//!
//! A value is a constant, or a node of the graph seen through a [`Layout`]. Operators that move elements change the
//! layout; others ask for a node of the shape they need, and a view is made where there is none.

mod activation;
mod affine;
mod attention;
mod constant;
mod conv;
mod elementwise;
mod embedding;
mod function;
mod mask;
mod movement;
mod pad;
mod pool;
mod product;
mod reduce;

use super::inputs::Input;
use super::item::Item;
use super::layout::Layout;
use super::names::Names;
use super::refused::{self, IMPORTED};
use super::source::Source;
use super::tensor::{Budget, Const, read};
use super::{Ending, Imported, Limits, OnnxError, Refusal, Refusals, merge};
use crate::model::{Graph, MAX_NODES, Node, NodeId, Op, Params, Role, Shape, Tensor, View};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The result of a part of an operator, or the reason that its node is refused for.
type Outcome<T> = Result<T, String>;

/// A node of the graph, its elements seen in another order or only some of them.
#[derive(Clone, Debug)]
struct Lazy {
    node: NodeId,
    layout: Layout,
}

/// What a name of the file stands for.
#[derive(Clone, Debug)]
enum Value {
    Const(Const),
    Node(Lazy),
    /// Numbers of tokens: which places of the input.
    Tokens(Layout),
}

/// What is said of an operator that takes tokens, and is neither movement nor a table.
const TOKENS: &str = "it computes with numbers of tokens, which nobody sees: a table of embeddings can take them, \
     and nothing else";

impl Value {
    fn dims(&self) -> &[usize] {
        match self {
            Self::Const(c) => c.dims(),
            Self::Node(x) => x.layout.dims(),
            Self::Tokens(l) => l.dims(),
        }
    }
}

/// The graph of a file.
pub(super) fn lower(
    source: &Source<'_>,
    folder: Option<&Path>,
    limits: Limits,
) -> Result<Imported, OnnxError> {
    let mut lower = Lower {
        source,
        folder,
        largest: limits.value,
        budget: Budget::new(limits.constants),
        names: Names::default(),
        label: String::new(),
        nodes: Vec::new(),
        shapes: Vec::new(),
        params: Params::new(),
        values: BTreeMap::new(),
        views: BTreeMap::new(),
        factors: BTreeSet::new(),
        vocabulary: None,
        users: users(&source.items),
        ending: Ending::None,
    };
    lower.start()?;
    let mut refusals = Refusals::default();
    let mut refuse = |item: &Item<'_>, reason| {
        refusals.push(Refusal {
            node: item.label(),
            op: item.full_op(),
            reason,
        });
    };
    let (constants, items) = source.items.split_at(source.constants);
    for item in constants {
        if let Err(reason) = lower.item(item)? {
            refuse(item, reason);
        }
    }
    let (wholes, needed) = lower.wholes(items)?;
    for (i, item) in items.iter().enumerate() {
        let done = match wholes.get(&i) {
            Some((x, whole)) => lower.fused(item, x, whole),
            None if needed.contains(&i) => lower.item(item)?,
            None => continue,
        };
        if let Err(reason) = done {
            refuse(item, reason);
        }
    }
    if !refusals.is_empty() {
        return Err(OnnxError::Refused(refusals));
    }
    lower.finish()
}

/// The nodes that take each value.
fn users<'a>(items: &'a [Item<'a>]) -> BTreeMap<&'a str, Vec<usize>> {
    let mut users: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, item) in items.iter().enumerate() {
        for name in item.inputs() {
            users.entry(name).or_default().push(i);
        }
    }
    users
}

struct Lower<'a> {
    source: &'a Source<'a>,
    folder: Option<&'a Path>,
    largest: usize,
    budget: Budget,
    names: Names,
    /// Name of the node at hand.
    label: String,
    nodes: Vec<Node>,
    shapes: Vec<Shape>,
    params: Params,
    /// Nothing for what comes from a refused node.
    values: BTreeMap<&'a str, Option<Value>>,
    views: BTreeMap<(NodeId, Layout, Vec<usize>), NodeId>,
    /// Names of nodes that multiply with a single number.
    factors: BTreeSet<String>,
    /// How many tokens there are, once a table has said it.
    vocabulary: Option<usize>,
    users: BTreeMap<&'a str, Vec<usize>>,
    ending: Ending,
}

impl<'a> Lower<'a> {
    fn start(&mut self) -> Result<(), OnnxError> {
        let dims = &self.source.dims;
        let input = match self.source.tokens {
            false => Shape::new(dims)?,
            // A row for each of them; its length is known when a table has been met.
            true => Shape::new(&[dims.iter().product(), 1])?,
        };
        if input.elements() > self.largest {
            return Err(OnnxError::Limit {
                what: "the number of elements of its input",
                most: self.largest as u64,
            });
        }
        let layout = Layout::row_major(dims);
        let node = NodeId::new(0);
        self.nodes.push(Node {
            name: self.names.unique(self.source.input),
            op: Op::Input,
            inputs: Vec::new(),
        });
        self.shapes.push(input);
        let value = match self.source.tokens {
            false => Value::Node(Lazy { node, layout }),
            true => Value::Tokens(layout),
        };
        self.values.insert(self.source.input, Some(value));
        let fixed = &self.source.inputs;
        for (name, c) in fixed.constants(dims, &mut self.budget)? {
            self.values.insert(name, Some(Value::Const(c)));
        }
        Ok(())
    }

    /// The inner error is the reason for which this node is refused.
    fn item(&mut self, item: &Item<'a>) -> Result<Outcome<()>, OnnxError> {
        self.label = item.label();
        let mut done = self.known(item);
        if done.is_ok() {
            done = match self.arguments(item)? {
                Some(args) => self.results(item, &args),
                // What it takes was refused before; it adds no reason of its own.
                None => Ok(()),
            };
        }
        for name in item.outputs().iter().filter(|n| !n.is_empty()) {
            self.values.entry(name).or_insert(None);
        }
        Ok(done)
    }

    fn known(&self, item: &Item<'_>) -> Outcome<()> {
        if self.source.functions.contains(&(item.domain(), item.op())) {
            return Err(
                "it is a function of the file's own: inline it before the export".to_owned(),
            );
        }
        match item.domain() {
            "" if IMPORTED.contains(&item.op()) => Ok(()),
            domain => Err(refused::reason(domain, item.op()).to_owned()),
        }
    }

    /// The values that a node takes; nothing if one of them comes from a refused node.
    fn arguments(&mut self, item: &Item<'a>) -> Result<Option<Vec<Option<Value>>>, OnnxError> {
        let mut args = Vec::with_capacity(item.inputs().len());
        for name in item.inputs() {
            args.push(match name.as_str() {
                "" => None,
                name => match self.value(name)? {
                    Some(value) => Some(value),
                    None => return Ok(None),
                },
            });
        }
        Ok(Some(args))
    }

    fn value(&mut self, name: &'a str) -> Result<Option<Value>, OnnxError> {
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        let Some(tensor) = self.source.initializers.get(name) else {
            return Ok(None);
        };
        let read = read(tensor, self.folder, &mut self.budget);
        let value = read.map_err(|reason| OnnxError::Tensor {
            name: super::names::shown(name),
            reason,
        })?;
        let value = Some(Value::Const(value));
        self.values.insert(name, value.clone());
        Ok(value)
    }

    fn results(&mut self, item: &Item<'a>, args: &[Option<Value>]) -> Outcome<()> {
        let results = self.dispatch(item, args)?;
        if item.named_outputs() > results.len() {
            let extra = item.outputs().get(results.len()).map_or("", |n| n.as_str());
            return Err(format!(
                "its result `{}` is not computed",
                super::names::shown(extra)
            ));
        }
        for (name, value) in item.outputs().iter().zip(results) {
            if !name.is_empty() {
                self.values.insert(name, Some(value));
            }
        }
        Ok(())
    }

    fn dispatch(&mut self, item: &Item<'a>, args: &[Option<Value>]) -> Outcome<Vec<Value>> {
        let args = Args(args);
        if let Some(moved) = self.movement(item, args)? {
            return Ok(moved);
        }
        if let Some(constant) = self.constant(item, args)? {
            return Ok(vec![constant]);
        }
        let one = match item.op() {
            "Conv" => self.conv(item, args)?,
            "MaxPool" | "AveragePool" | "GlobalAveragePool" | "GlobalMaxPool" => {
                self.pool(item, args)?
            }
            "BatchNormalization" => self.batch_norm(item, args)?,
            "Relu" | "LeakyRelu" | "PRelu" | "Clip" | "Abs" => self.activation(item, args)?,
            "Exp" | "Log" | "Sqrt" | "Reciprocal" | "Sigmoid" | "Tanh" | "Gelu" | "HardSigmoid"
            | "HardSwish" | "Swish" => self.function(item, args)?,
            "LayerNormalization" | "RMSNormalization" => self.normalisation(item, args)?,
            "Add" | "Sub" | "Mul" | "Div" | "Neg" | "Sum" | "Mean" | "Min" | "Max" | "Pow" => {
                self.elementwise(item, args)?
            }
            "Gemm" | "MatMul" => self.product(item, args)?,
            "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ArgMax" => {
                self.reduce(item, args)?
            }
            "Concat" => self.concat(item, args)?,
            "Pad" => self.pad(item, args)?,
            "Softmax" | "LogSoftmax" => self.softmax(item, args)?,
            "Attention" => self.attention(item, args)?,
            _ if args
                .0
                .iter()
                .flatten()
                .any(|v| matches!(v, Value::Tokens(_))) =>
            {
                return Err(TOKENS.to_owned());
            }
            op => return Err(refused::reason("", op).to_owned()),
        };
        Ok(vec![Value::Node(one)])
    }

    /// Adds a node of the graph, named after the node at hand. What it takes must not be a class.
    fn emit(&mut self, part: &str, op: Op, inputs: &[NodeId]) -> Outcome<NodeId> {
        let shapes: Option<Vec<&Shape>> = inputs
            .iter()
            .map(|id| self.shapes.get(id.index()))
            .collect();
        let shape = op.infer(&shapes.ok_or("it takes a value that is not there")?)?;
        if shape.elements() > self.largest {
            return Err(format!(
                "its result {shape} has more than {} elements",
                self.largest
            ));
        }
        if self.nodes.len() >= MAX_NODES {
            return Err(format!("the graph has more than {MAX_NODES} nodes"));
        }
        let classes = |id: &NodeId| matches!(self.op(*id), Some(Op::Argmax));
        if !matches!(op, Op::View(_)) && inputs.iter().any(classes) {
            return Err("it computes with the class that ArgMax gives".to_owned());
        }
        let name = match part {
            "" => self.names.unique(&self.label),
            part => self.names.unique(&format!("{}.{part}", self.label)),
        };
        self.nodes.push(Node {
            name,
            op,
            inputs: inputs.to_vec(),
        });
        self.shapes.push(shape);
        Ok(NodeId::new(self.nodes.len() - 1))
    }

    /// Gives the node that was added last one of its parameters.
    fn parameter(
        &mut self,
        node: NodeId,
        role: Role,
        dims: &[usize],
        data: Vec<f32>,
    ) -> Outcome<()> {
        // Many nodes may share one tensor of the file.
        self.budget.spend(data.len())?;
        if !data.iter().all(|v| v.is_finite()) {
            return Err(format!("its {role} has a value that is not finite"));
        }
        let shape = Shape::new(dims).map_err(|e| e.to_string())?;
        let tensor = Tensor::new(shape, data).map_err(|e| e.to_string())?;
        if let Some(node) = self.nodes.get(node.index()) {
            self.params.insert(&node.name, role, tensor);
        }
        Ok(())
    }

    fn op(&self, id: NodeId) -> Option<&Op> {
        Some(&self.nodes.get(id.index())?.op)
    }

    fn node_dims(&self, id: NodeId) -> &[usize] {
        self.shapes.get(id.index()).map_or(&[], Shape::dims)
    }

    /// The node as it is.
    fn whole(&self, node: NodeId) -> Lazy {
        let layout = Layout::row_major(self.node_dims(node));
        Lazy { node, layout }
    }

    /// A node that holds these elements row-major in this shape.
    fn place(&mut self, x: &Lazy, dims: &[usize]) -> Outcome<NodeId> {
        let shape = Shape::new(dims).map_err(|e| e.to_string())?;
        let base = self.node_dims(x.node);
        let in_order = x.layout.is_row_major(base.iter().product());
        if in_order && base == dims {
            return Ok(x.node);
        }
        let flat = matches!((base, dims), ([n, _, _, _], [m, _]) if n == m);
        if shape.elements() != x.layout.elements() {
            return Err(format!("{:?} is not {shape}", x.layout.dims()));
        }
        let key = (x.node, x.layout.clone(), dims.to_vec());
        if let Some(view) = self.views.get(&key) {
            return Ok(*view);
        }
        let op = if in_order && flat {
            Op::Flatten
        } else {
            let (dims, strides) = match x.layout.runs() {
                (d, s) if d.is_empty() => (vec![1], s.into_iter().chain([1]).collect()),
                runs => runs,
            };
            Op::View(View {
                dims,
                strides,
                offset: x.layout.offset(),
                shape: shape.into(),
            })
        };
        let view = self.emit("view", op, &[x.node])?;
        self.views.insert(key, view);
        Ok(view)
    }

    /// A node that holds these elements row-major, in their own shape if a tensor may have it.
    fn settle(&mut self, x: &Lazy) -> Outcome<NodeId> {
        let dims = x.layout.dims().to_vec();
        let dims = match dims.as_slice() {
            [] => vec![1],
            [a, b, c, rest @ ..] if rest.len() > 1 => vec![*a, *b, *c, rest.iter().product()],
            _ => dims,
        };
        self.place(x, &dims)
    }

    fn finish(mut self) -> Result<Imported, OnnxError> {
        let unsupported = |reason: String| OnnxError::Graph(reason);
        if self.source.tokens && self.vocabulary.is_none() {
            let reason = "its input is integers, and no table of embeddings takes them as tokens";
            return Err(unsupported(reason.to_owned()));
        }
        let output = match self.value(self.source.output)? {
            Some(Value::Node(x)) => x,
            _ => {
                let reason = "its result does not depend on its input";
                return Err(unsupported(reason.to_owned()));
            }
        };
        self.label = super::names::shown(self.source.output);
        let mut dims = output.layout.dims().to_vec();
        if matches!(self.op(output.node), Some(Op::Argmax)) {
            // Classes keep the one shape that they have here.
            dims = self.node_dims(output.node).to_vec();
        }
        let output = self
            .place(&output, &dims)
            .map_err(|reason| unsupported(format!("its result: {reason}")))?;
        let input = self.shapes.first().cloned();
        let (nodes, params, output) = merge::merge(self.nodes, self.params, output, &self.factors);
        let name = match super::names::shown(self.source.name) {
            s if s.is_empty() => "onnx".to_owned(),
            s => s,
        };
        let input = input.ok_or_else(|| unsupported("it has no input".to_owned()))?;
        let graph = Graph::new(&name, input, nodes, output)?;
        params.check(&graph)?;
        let dims = self.source.dims.clone();
        let tokens = |vocabulary| Input::Tokens { dims, vocabulary };
        Ok(Imported {
            graph,
            params,
            input: self.vocabulary.map_or(Input::Numbers, tokens),
            ending: self.ending,
        })
    }
}

/// The values that a node takes; those left out are nothing.
#[derive(Clone, Copy)]
struct Args<'a>(&'a [Option<Value>]);

impl<'a> Args<'a> {
    fn get(self, i: usize) -> Option<&'a Value> {
        self.0.get(i)?.as_ref()
    }
    fn need(self, i: usize) -> Outcome<&'a Value> {
        self.get(i)
            .ok_or_else(|| format!("its input {i} is missing"))
    }
    /// A value of the network.
    fn node(self, i: usize) -> Outcome<&'a Lazy> {
        match self.need(i)? {
            Value::Node(x) => Ok(x),
            Value::Const(_) => Err(format!("its input {i} is a constant")),
            Value::Tokens(_) => Err(TOKENS.to_owned()),
        }
    }
    /// A constant, if it is there.
    fn constant(self, i: usize) -> Outcome<Option<&'a Const>> {
        match self.get(i) {
            None => Ok(None),
            Some(Value::Const(c)) => Ok(Some(c)),
            Some(Value::Node(_)) => Err(format!(
                "its input {i} depends on the input of the network, and must be a constant"
            )),
            Some(Value::Tokens(_)) => Err(TOKENS.to_owned()),
        }
    }
    fn need_constant(self, i: usize) -> Outcome<&'a Const> {
        self.need(i)?;
        self.constant(i)?
            .ok_or_else(|| format!("its input {i} is missing"))
    }
    /// Integers from an attribute or, in later operator sets, from an input.
    fn ints(self, item: &Item<'_>, name: &str, i: usize) -> Outcome<Option<Vec<i64>>> {
        if let Some(list) = item.ints(name)? {
            return Ok(Some(list.to_vec()));
        }
        let Some(c) = self.constant(i)? else {
            return Ok(None);
        };
        Ok(Some(c.integers()?.to_vec()))
    }
}
