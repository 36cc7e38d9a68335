//! What transformers for text have in common: tokens, attention, weights.
//!
//! A token is shown to the network as a unit vector, so that its embedding is a product with secret weights like any other: what the
//! token is, stays with its owner. Each row of the input has a 1 at its word, one at its type if there are types, and one at its position.
//!
//! Weights are scaled as trained ones are: embeddings small, factors of normalisations near one, products of variance one
//! for inputs of variance one, and those that end a residual branch smaller as there are more of them (Radford et al., "Language
//! Models are Unsupervised Multitask Learners", 2019).

use super::init::{generator, normal};
use super::{Entry, ModelInfo, Source};
use piquet_nn_ops::model::{
    Function, Graph, GraphBuilder, LayerNorm, Linear, MatMul, ModelError, Node, NodeId, Op, Params,
    Role, Shape, Softmax, View, expected,
};

/// What a text is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tokens {
    /// Different words.
    pub vocabulary: usize,
    /// Different types of tokens; 0 if they have none.
    pub types: usize,
    /// Longest text.
    pub positions: usize,
}

impl Tokens {
    /// Words alone: the row of a token is as long as the vocabulary.
    #[must_use]
    pub const fn words(vocabulary: usize) -> Self {
        Self {
            vocabulary,
            types: 0,
            positions: 0,
        }
    }
    /// Length of the row that shows a token.
    #[must_use]
    pub const fn columns(&self) -> usize {
        let types = self.vocabulary.saturating_add(self.types);
        types.saturating_add(self.positions)
    }
    /// The entry of a network for texts of so many of these tokens: its name and title, its parameters and
    /// multiply-accumulates.
    pub(super) const fn entry(
        &'static self,
        length: usize,
        [name, title]: [&'static str; 2],
        (parameters, macs): (usize, u64),
        graph: fn(Shape) -> Result<Graph, ModelError>,
    ) -> Entry {
        Entry {
            info: ModelInfo {
                name,
                title,
                input: [1, length, self.columns()],
                parameters,
                macs,
                relus: 0,
            },
            graph,
            source: Source::Text(self),
        }
    }
}

/// The sizes of a network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) hidden: usize,
    pub(super) heads: usize,
    pub(super) inner: usize,
    /// Added to the variance of a normalised row.
    pub(super) eps: f32,
    pub(super) gelu: Function,
    /// Whether a token knows those before it only.
    pub(super) causal: bool,
}

/// A transformer that is being built.
pub(super) struct Builder {
    pub(super) g: GraphBuilder,
    pub(super) sizes: Sizes,
    pub(super) batch: usize,
    pub(super) tokens: usize,
}

impl Builder {
    /// For an input of shape `[batch][tokens][columns]`, of which the graph takes the rows.
    pub(super) fn new(name: &str, input: &Shape, sizes: Sizes) -> Result<Self, ModelError> {
        let [batch, tokens, columns, _] = input.as_nchw();
        let rows = Shape::new(&[batch * tokens, columns])?;
        Ok(Self {
            g: GraphBuilder::new(name, rows),
            sizes,
            batch,
            tokens,
        })
    }

    /// Embeddings of words, types and positions, added up.
    pub(super) fn embed(&mut self, name: &str) -> NodeId {
        let x = self.g.input();
        self.matrix(name, x, self.sizes.hidden)
    }

    /// A product without summand.
    pub(super) fn matrix(&mut self, name: &str, x: NodeId, out_features: usize) -> NodeId {
        let op = Linear {
            out_features,
            bias: false,
        };
        self.g.node(name, Op::Linear(op), &[x])
    }

    pub(super) fn norm(&mut self, name: &str, x: NodeId) -> NodeId {
        let eps = self.sizes.eps;
        self.g.node(name, Op::LayerNorm(LayerNorm { eps }), &[x])
    }

    pub(super) fn function(&mut self, name: &str, f: Function, x: NodeId) -> NodeId {
        self.g.node(name, Op::Function(f), &[x])
    }

    /// Attention of all heads (Vaswani et al., "Attention Is All You Need", 2017), with the product behind it.
    pub(super) fn attention(&mut self, name: &str, x: NodeId) -> NodeId {
        let Sizes {
            hidden,
            heads,
            causal,
            ..
        } = self.sizes;
        let (batch, tokens, size) = (self.batch, self.tokens, hidden / heads.max(1));
        let all = self.g.linear(&format!("{name}.qkv"), x, 3 * hidden);
        // [batch][tokens][q, k, v][heads][size] by head.
        let row = 3 * hidden as i64;
        let part = |at: usize| View {
            dims: vec![batch, heads, tokens, size],
            strides: vec![tokens as i64 * row, size as i64, row, 1],
            offset: at * hidden,
            shape: vec![batch, heads, tokens, size],
        };
        let q = self.g.view(&format!("{name}.q"), all, part(0));
        let k = self.g.view(&format!("{name}.k"), all, part(1));
        let v = self.g.view(&format!("{name}.v"), all, part(2));
        let product = |transposed| Op::MatMul(MatMul { transposed });
        let scores = self
            .g
            .node(&format!("{name}.scores"), product(true), &[q, k]);
        let factor = (1.0 / (size as f64).sqrt()) as f32;
        let scaled = self
            .g
            .node(&format!("{name}.scale"), Op::Scale(factor), &[scores]);
        let softmax = Op::Softmax(Softmax { log: false, causal });
        let weights = self.g.node(&format!("{name}.softmax"), softmax, &[scaled]);
        let mixed = self
            .g
            .node(&format!("{name}.mix"), product(false), &[weights, v]);
        let joined = View {
            dims: vec![batch, tokens, heads, size],
            strides: [heads * tokens * size, size, tokens * size, 1]
                .map(|s| s as i64)
                .to_vec(),
            offset: 0,
            shape: vec![batch * tokens, hidden],
        };
        let joined = self.g.view(&format!("{name}.heads"), mixed, joined);
        self.g.linear(&format!("{name}.out"), joined, hidden)
    }

    /// The two products with a function between them.
    pub(super) fn feed_forward(&mut self, name: &str, x: NodeId) -> NodeId {
        let Sizes {
            hidden,
            inner,
            gelu,
            ..
        } = self.sizes;
        let x = self.g.linear(&format!("{name}.in"), x, inner);
        let x = self.function(&format!("{name}.gelu"), gelu, x);
        self.g.linear(&format!("{name}.out"), x, hidden)
    }

    /// Of each text the token at this place.
    pub(super) fn pick(&mut self, name: &str, x: NodeId, at: usize) -> NodeId {
        let hidden = self.sizes.hidden;
        let view = View {
            dims: vec![self.batch, hidden],
            strides: vec![(self.tokens * hidden) as i64, 1],
            offset: at * hidden,
            shape: vec![self.batch, hidden],
        };
        self.g.view(name, x, view)
    }
}

/// Seeded parameters.
pub(super) fn parameters(graph: &Graph, tokens: &Tokens, seed: u64) -> Result<Params, ModelError> {
    let branches = graph.nodes().iter().filter(|n| n.op == Op::Add).count();
    let mut params = Params::new();
    for (index, node) in (0u64..).zip(graph.nodes()) {
        let mut rng = generator(seed, index);
        for (role, shape) in expected(graph, node)? {
            let fan_in = (shape.elements() / shape.batch()) as f32;
            let first = node.inputs.first().is_some_and(|id| id.index() == 0);
            let ends_branch = node.name.ends_with(".out");
            let std = match role {
                Role::Weight if first => EMBEDDING_STD,
                Role::Weight if ends_branch => (fan_in * branches as f32).sqrt().recip(),
                Role::Weight if index as usize + 1 == graph.nodes().len() => {
                    DECISION / fan_in.sqrt()
                }
                Role::Weight => fan_in.sqrt().recip(),
                Role::Gamma => GAMMA_STD,
                _ => BIAS_STD,
            };
            let mut values = normal(shape, std, &mut rng)?;
            if role == Role::Gamma {
                values.data_mut().iter_mut().for_each(|v| *v += 1.0);
            }
            params.insert(&node.name, role, values);
        }
    }
    tie(graph, tokens, &mut params)?;
    Ok(params)
}

/// Standard deviation of the last product for inputs of variance one: trained networks are sure of their class.
const DECISION: f32 = 4.0;
/// Standard deviation of the embeddings.
const EMBEDDING_STD: f32 = 0.05;
/// Of the factors of normalisations, about one.
const GAMMA_STD: f32 = 0.1;
/// Of summands.
const BIAS_STD: f32 = 0.02;

/// A product that ends in as many features as there are words has the embeddings of the words as weights.
fn tie(graph: &Graph, tokens: &Tokens, params: &mut Params) -> Result<(), ModelError> {
    let embeds = |n: &&Node| n.inputs.first().is_some_and(|id| id.index() == 0);
    let words = |n: &&Node| matches!(&n.op, Op::Linear(a) if a.out_features == tokens.vocabulary);
    let nodes = graph.nodes();
    let (Some(first), Some(last)) = (nodes.iter().find(embeds), nodes.iter().find(words)) else {
        return Ok(());
    };
    let table = params.need(first, Role::Weight)?;
    let [hidden, columns, ..] = table.shape().as_nchw();
    let view = View {
        dims: vec![tokens.vocabulary, hidden],
        strides: vec![1, columns as i64],
        offset: 0,
        shape: vec![tokens.vocabulary, hidden],
    };
    let head = view.apply(table)?;
    params.insert(&last.name, Role::Weight, head);
    Ok(())
}
