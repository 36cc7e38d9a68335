//! What can be wrong with an ONNX file.

use crate::model::ModelError;
use core::fmt;

/// Most nodes that one error lists.
pub const MAX_REFUSALS: usize = 32;

/// Why a file was not imported. Names come from the file, shortened; no weight is ever shown.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// The bytes are not those of a model.
    #[error("not an ONNX model: {0}")]
    Format(String),
    /// More of something than is allowed.
    #[error("the model is refused: {what} exceeds {most}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        most: u64,
    },
    /// Operators of a version or kind that is unknown here.
    #[error("operator set: {0}")]
    OperatorSet(String),
    /// The graph as a whole.
    #[error("graph: {0}")]
    Graph(String),
    /// The input, whose shape may have to be given.
    #[error("input `{name}`: {reason}")]
    Input {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A tensor of weights or constants.
    #[error("tensor `{name}`: {reason}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Nodes that cannot be run.
    #[error("{0}")]
    Refused(Refusals),
    /// The graph that came out is not a valid one.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// A node that cannot be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its name, or its operator and place if it has none.
    pub node: String,
    /// Its operator, with the domain unless that is ONNX's own.
    pub op: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node `{}` ({}): {}", self.node, self.op, self.reason)
    }
}

/// All nodes that cannot be run for a reason of their own, the first [`MAX_REFUSALS`] of them with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusals {
    first: Vec<Refusal>,
    more: usize,
}

impl Refusals {
    pub(super) fn push(&mut self, refusal: Refusal) {
        if self.first.len() < MAX_REFUSALS {
            self.first.push(refusal);
        } else {
            self.more += 1;
        }
    }
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
    /// The first of them, in the order in which they would be evaluated.
    #[must_use]
    pub fn first(&self) -> &[Refusal] {
        &self.first
    }
    /// How many there are beyond these.
    #[must_use]
    pub fn more(&self) -> usize {
        self.more
    }
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, refusal) in self.first.iter().enumerate() {
            write!(f, "{}{refusal}", if i == 0 { "" } else { "\n" })?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} more nodes"),
        }
    }
}
