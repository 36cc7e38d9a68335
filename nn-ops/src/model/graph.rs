//! The public graph of a network, without weights.
//!
//! A [`Graph`] that exists is valid: node names are unique, every node comes after its inputs, and every shape is
//! known. It is made by a [`GraphBuilder`] or read from JSON that nobody vouches for.

use super::{
    AvgPool, BatchNorm, Clip, Conv, LeakyRelu, Linear, MaxPool, ModelError, Op, Pad, Shape, View,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Longest JSON of a graph or program.
pub const MAX_JSON: usize = 16 << 20;
/// Most nodes of a graph.
pub const MAX_NODES: usize = 1 << 14;
const MAX_NAME: usize = 200;
const SCHEMA: u32 = 1;

/// Index of a node in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(u32);

impl NodeId {
    /// The index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
    pub(crate) fn new(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }
}

/// One operator application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Unique in its graph.
    pub name: String,
    /// What is computed.
    pub op: Op,
    /// Of what; all of them earlier nodes.
    pub inputs: Vec<NodeId>,
}

/// A valid network graph in topological order; node 0 is the input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "GraphFile", into = "GraphFile")]
pub struct Graph {
    name: String,
    nodes: Vec<Node>,
    shapes: Vec<Shape>,
    output: NodeId,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GraphFile {
    schema: u32,
    name: String,
    input: Shape,
    nodes: Vec<Node>,
    output: NodeId,
}

impl Graph {
    /// Checks everything and infers the shapes.
    pub fn new(
        name: &str,
        input: Shape,
        nodes: Vec<Node>,
        output: NodeId,
    ) -> Result<Self, ModelError> {
        check_name(name).map_err(|e| ModelError::graph("?", e))?;
        let fail = |reason: String| Err(ModelError::graph(name, reason));
        if nodes.len() > MAX_NODES {
            return fail(format!("{} nodes, and {MAX_NODES} at most", nodes.len()));
        }
        if output.index() >= nodes.len() {
            return fail(format!(
                "its output is node {} of {}",
                output.0,
                nodes.len()
            ));
        }
        let mut names = BTreeSet::new();
        let mut shapes: Vec<Shape> = Vec::with_capacity(nodes.len());
        for (i, node) in nodes.iter().enumerate() {
            check_name(&node.name).map_err(|e| ModelError::graph(name, e))?;
            if !names.insert(node.name.as_str()) {
                return fail(format!("two nodes are called `{}`", node.name));
            }
            let refuse = |reason: String| ModelError::Node {
                node: node.name.clone(),
                op: node.op.name(),
                reason,
            };
            let inputs: Vec<&Shape> = node
                .inputs
                .iter()
                .map(|id| shapes.get(id.index()))
                .collect::<Option<_>>()
                .ok_or_else(|| refuse("takes a node that does not precede it".to_owned()))?;
            let shape = match (i, &node.op) {
                (0, Op::Input) if inputs.is_empty() => input.clone(),
                (0, _) => return Err(refuse("the first node must be the input".to_owned())),
                _ => node.op.infer(&inputs).map_err(refuse)?,
            };
            shapes.push(shape);
        }
        Ok(Self {
            name: name.to_owned(),
            nodes,
            shapes,
            output,
        })
    }

    /// The same graph with the index of the largest feature as its result, so that nothing else need be revealed.
    pub fn with_argmax(&self) -> Result<Self, ModelError> {
        let mut nodes = self.nodes.clone();
        let mut output = self.output;
        let mut push = |name: &str, op: Op, input: NodeId| {
            nodes.push(Node {
                name: name.to_owned(),
                op,
                inputs: vec![input],
            });
            NodeId::new(nodes.len() - 1)
        };
        if self.output_shape()?.rank() != 2 {
            output = push("features", Op::Flatten, output);
        }
        output = push("class", Op::Argmax, output);
        Self::new(&self.name, self.input_shape()?.clone(), nodes, output)
    }

    /// Reads a graph from bytes that nobody vouches for.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ModelError> {
        from_json("graph", bytes)
    }

    /// The one JSON text of this graph.
    pub fn to_json(&self) -> Result<Vec<u8>, ModelError> {
        to_json("graph", self)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
    /// All nodes, in an order in which they can be evaluated.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
    /// Output shapes of all nodes.
    #[must_use]
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }
    /// Output shape of a node of this graph.
    pub fn shape(&self, id: NodeId) -> Result<&Shape, ModelError> {
        self.shapes
            .get(id.index())
            .ok_or_else(|| ModelError::graph(&self.name, format!("it has no node {}", id.0)))
    }
    /// A node of this graph.
    pub fn node(&self, id: NodeId) -> Result<&Node, ModelError> {
        self.nodes
            .get(id.index())
            .ok_or_else(|| ModelError::graph(&self.name, format!("it has no node {}", id.0)))
    }
    /// Shape of the input.
    pub fn input_shape(&self) -> Result<&Shape, ModelError> {
        self.shape(NodeId(0))
    }
    /// Shape of the output.
    pub fn output_shape(&self) -> Result<&Shape, ModelError> {
        self.shape(self.output)
    }
    /// The node whose value is the result.
    #[must_use]
    pub fn output(&self) -> NodeId {
        self.output
    }
    /// For each node, how many nodes take its value, the result counting as one more.
    #[must_use]
    pub fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.nodes.len()];
        let all = self.nodes.iter().flat_map(|n| &n.inputs);
        for id in all.chain([&self.output]) {
            if let Some(u) = uses.get_mut(id.index()) {
                *u += 1;
            }
        }
        uses
    }
    /// Multiply-accumulates with weights.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.nodes
            .iter()
            .zip(&self.shapes)
            .filter_map(|(n, y)| {
                let x = self.shapes.get(n.inputs.first()?.index())?;
                Some(n.op.macs(x, y))
            })
            .fold(0, u64::saturating_add)
    }
    /// Elements that go through a ReLU.
    #[must_use]
    pub fn relus(&self) -> u64 {
        self.nodes
            .iter()
            .zip(&self.shapes)
            .filter(|(n, _)| n.op == Op::Relu)
            .map(|(_, y)| y.elements() as u64)
            .sum()
    }
}

impl TryFrom<GraphFile> for Graph {
    type Error = ModelError;
    fn try_from(f: GraphFile) -> Result<Self, ModelError> {
        if f.schema != SCHEMA {
            return Err(ModelError::graph(
                "?",
                format!("schema {} is unknown; this is schema {SCHEMA}", f.schema),
            ));
        }
        Self::new(&f.name, f.input, f.nodes, f.output)
    }
}

impl From<Graph> for GraphFile {
    fn from(g: Graph) -> Self {
        let mut shapes = g.shapes;
        Self {
            schema: SCHEMA,
            name: g.name,
            input: shapes.swap_remove(0),
            nodes: g.nodes,
            output: g.output,
        }
    }
}

/// Adds nodes one by one; what is wrong with them is told by [`GraphBuilder::finish`].
#[derive(Debug)]
pub struct GraphBuilder {
    name: String,
    input: Shape,
    nodes: Vec<Node>,
}

impl GraphBuilder {
    /// A graph with nothing but its input.
    #[must_use]
    pub fn new(name: &str, input: Shape) -> Self {
        Self {
            name: name.to_owned(),
            input,
            nodes: vec![Node {
                name: "input".to_owned(),
                op: Op::Input,
                inputs: Vec::new(),
            }],
        }
    }
    /// The input.
    #[must_use]
    pub fn input(&self) -> NodeId {
        NodeId(0)
    }
    /// Any operator.
    pub fn node(&mut self, name: &str, op: Op, inputs: &[NodeId]) -> NodeId {
        self.nodes.push(Node {
            name: name.to_owned(),
            op,
            inputs: inputs.to_vec(),
        });
        NodeId::new(self.nodes.len() - 1)
    }
    /// Convolution.
    pub fn conv(&mut self, name: &str, x: NodeId, conv: Conv) -> NodeId {
        self.node(name, Op::Conv(conv), &[x])
    }
    /// Fully connected layer, with bias.
    pub fn linear(&mut self, name: &str, x: NodeId, out_features: usize) -> NodeId {
        let op = Op::Linear(Linear {
            out_features,
            bias: true,
        });
        self.node(name, op, &[x])
    }
    /// Batch norm with PyTorch's epsilon.
    pub fn batch_norm(&mut self, name: &str, x: NodeId) -> NodeId {
        self.node(name, Op::BatchNorm(BatchNorm { eps: 1e-5 }), &[x])
    }
    /// ReLU.
    pub fn relu(&mut self, name: &str, x: NodeId) -> NodeId {
        self.node(name, Op::Relu, &[x])
    }
    /// Between bounds.
    pub fn clip(&mut self, name: &str, x: NodeId, clip: Clip) -> NodeId {
        self.node(name, Op::Clip(clip), &[x])
    }
    /// Leaky ReLU.
    pub fn leaky_relu(&mut self, name: &str, x: NodeId, slope: f32) -> NodeId {
        self.node(name, Op::LeakyRelu(LeakyRelu { slope }), &[x])
    }
    /// Maximum over windows.
    pub fn max_pool(&mut self, name: &str, x: NodeId, pool: MaxPool) -> NodeId {
        self.node(name, Op::MaxPool(pool), &[x])
    }
    /// Mean over windows.
    pub fn avg_pool(&mut self, name: &str, x: NodeId, pool: AvgPool) -> NodeId {
        self.node(name, Op::AvgPool(pool), &[x])
    }
    /// Mean over each channel.
    pub fn global_avg_pool(&mut self, name: &str, x: NodeId) -> NodeId {
        self.node(name, Op::GlobalAvgPool, &[x])
    }
    /// Sum.
    pub fn add(&mut self, name: &str, a: NodeId, b: NodeId) -> NodeId {
        self.node(name, Op::Add, &[a, b])
    }
    /// Difference.
    pub fn sub(&mut self, name: &str, a: NodeId, b: NodeId) -> NodeId {
        self.node(name, Op::Sub, &[a, b])
    }
    /// Elementwise product.
    pub fn mul(&mut self, name: &str, a: NodeId, b: NodeId) -> NodeId {
        self.node(name, Op::Mul, &[a, b])
    }
    /// Concatenation of channels.
    pub fn concat(&mut self, name: &str, xs: &[NodeId]) -> NodeId {
        self.node(name, Op::Concat, xs)
    }
    /// To two dimensions.
    pub fn flatten(&mut self, name: &str, x: NodeId) -> NodeId {
        self.node(name, Op::Flatten, &[x])
    }
    /// Another arrangement.
    pub fn view(&mut self, name: &str, x: NodeId, view: View) -> NodeId {
        self.node(name, Op::View(view), &[x])
    }
    /// More rows and columns.
    pub fn pad(&mut self, name: &str, x: NodeId, pad: Pad) -> NodeId {
        self.node(name, Op::Pad(pad), &[x])
    }
    /// Index of the largest feature.
    pub fn argmax(&mut self, name: &str, x: NodeId) -> NodeId {
        self.node(name, Op::Argmax, &[x])
    }
    /// The graph, checked.
    pub fn finish(self, output: NodeId) -> Result<Graph, ModelError> {
        Graph::new(&self.name, self.input, self.nodes, output)
    }
}

pub(crate) fn from_json<T: for<'a> Deserialize<'a>>(
    what: &'static str,
    bytes: &[u8],
) -> Result<T, ModelError> {
    let refuse = |reason: String| ModelError::Json { what, reason };
    if bytes.len() > MAX_JSON {
        return Err(refuse(format!(
            "{} bytes, and {MAX_JSON} at most",
            bytes.len()
        )));
    }
    serde_json::from_slice(bytes).map_err(|e| refuse(e.to_string()))
}

pub(crate) fn to_json<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, ModelError> {
    serde_json::to_vec(value).map_err(|e| ModelError::Json {
        what,
        reason: e.to_string(),
    })
}

fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        Err(format!(
            "a name must have 1 to {MAX_NAME} bytes and no control characters"
        ))
    } else {
        Ok(())
    }
}
