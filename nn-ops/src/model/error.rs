//! What can be wrong with a model, its parameters or a program.

use super::{Role, Shape};

/// An error of this module. It names the node and the operator it belongs to, and never a weight.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A tensor shape that no tensor may have.
    #[error("shape {dims:?} is refused: {reason}")]
    Shape {
        /// The dimensions, at most the first eight.
        dims: Vec<usize>,
        /// Why.
        reason: String,
    },
    /// The data of a tensor do not fill its shape.
    #[error("a tensor of shape {shape} has {want} elements, not {got}")]
    Elements {
        /// Declared shape.
        shape: Shape,
        /// Elements of that shape.
        want: usize,
        /// Elements given.
        got: usize,
    },
    /// A node that cannot be evaluated.
    #[error("node `{node}` ({op}): {reason}")]
    Node {
        /// Name of the node.
        node: String,
        /// Its operator.
        op: &'static str,
        /// What is wrong, with the shapes involved.
        reason: String,
    },
    /// A graph or program wrong as a whole.
    #[error("graph `{graph}`: {reason}")]
    Graph {
        /// Name of the graph.
        graph: String,
        /// What is wrong.
        reason: String,
    },
    /// Text that is not the JSON of a graph or a program.
    #[error("not the JSON of a {what}: {reason}")]
    Json {
        /// What was expected.
        what: &'static str,
        /// The parser's message.
        reason: String,
    },
    /// A parameter that the graph needs and nobody gave.
    #[error("node `{node}` ({op}) needs its {role}, which is missing")]
    MissingParameter {
        /// Name of the node.
        node: String,
        /// Its operator.
        op: &'static str,
        /// The missing parameter.
        role: Role,
    },
    /// A parameter of the wrong shape.
    #[error("node `{node}` ({op}): its {role} has shape {got}, and {want} is needed")]
    ParameterShape {
        /// Name of the node.
        node: String,
        /// Its operator.
        op: &'static str,
        /// The parameter.
        role: Role,
        /// Shape given.
        got: Shape,
        /// Shape needed.
        want: Shape,
    },
    /// A parameter that no node of the graph uses.
    #[error("the parameters hold a {role} for `{node}`, which the graph has no use for")]
    UnusedParameter {
        /// Name of the node.
        node: String,
        /// The parameter.
        role: Role,
    },
    /// The input tensor has another shape than the graph's.
    #[error("the input has shape {got}, and `{graph}` wants {want}")]
    InputShape {
        /// Name of the graph.
        graph: String,
        /// Shape given.
        got: Shape,
        /// Shape wanted.
        want: Shape,
    },
    /// Calibration was asked for without a single sample, or with parameters out of range.
    #[error("calibration: {0}")]
    Calibration(String),
}

impl ModelError {
    pub(crate) fn graph(graph: &str, reason: impl Into<String>) -> Self {
        Self::Graph {
            graph: graph.to_owned(),
            reason: reason.into(),
        }
    }
}
