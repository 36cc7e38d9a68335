//! The private half of a model: its parameters as real numbers, by node and role.

use super::{Graph, ModelError, Node, Shape, Tensor};
use core::fmt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a parameter is to its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Kernel, matrix or per-channel factor.
    Weight,
    /// What is added at the end.
    Bias,
    /// Factor of a normalisation.
    Gamma,
    /// Summand of a normalisation.
    Beta,
    /// Mean that a batch norm subtracts.
    Mean,
    /// Variance that a batch norm divides by.
    Var,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Weight => "weight",
            Self::Bias => "bias",
            Self::Gamma => "gamma",
            Self::Beta => "beta",
            Self::Mean => "mean",
            Self::Var => "variance",
        })
    }
}

/// Parameters by node name and role; `Params` for real numbers.
#[derive(Clone, PartialEq)]
pub struct ParamMap<T> {
    tensors: BTreeMap<String, BTreeMap<Role, Tensor<T>>>,
}

/// Parameters as real numbers.
pub type Params = ParamMap<f32>;

impl<T> Default for ParamMap<T> {
    fn default() -> Self {
        Self {
            tensors: BTreeMap::new(),
        }
    }
}

impl<T> ParamMap<T> {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Sets one parameter; a former one is replaced.
    pub fn insert(&mut self, node: &str, role: Role, tensor: Tensor<T>) {
        self.tensors
            .entry(node.to_owned())
            .or_default()
            .insert(role, tensor);
    }
    /// One parameter, if it is there.
    #[must_use]
    pub fn get(&self, node: &str, role: Role) -> Option<&Tensor<T>> {
        self.tensors.get(node)?.get(&role)
    }
    /// One parameter of a node that needs it.
    pub fn need(&self, node: &Node, role: Role) -> Result<&Tensor<T>, ModelError> {
        self.get(&node.name, role)
            .ok_or_else(|| ModelError::MissingParameter {
                node: node.name.clone(),
                op: node.op.name(),
                role,
            })
    }
    /// Takes out all parameters of a node.
    pub fn remove(&mut self, node: &str) -> BTreeMap<Role, Tensor<T>> {
        self.tensors.remove(node).unwrap_or_default()
    }
    /// All parameters, ordered by node name and role.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Role, &Tensor<T>)> {
        self.tensors
            .iter()
            .flat_map(|(n, by_role)| by_role.iter().map(|(r, t)| (n.as_str(), *r, t)))
    }
    /// Holds them to a graph: nothing missing, nothing of another shape, nothing left over.
    pub fn check(&self, graph: &Graph) -> Result<(), ModelError> {
        let mut known = 0;
        for node in graph.nodes() {
            for (role, want) in expected(graph, node)? {
                let got = self.need(node, role)?.shape();
                if *got != want {
                    return Err(ModelError::ParameterShape {
                        node: node.name.clone(),
                        op: node.op.name(),
                        role,
                        got: got.clone(),
                        want,
                    });
                }
                known += 1;
            }
        }
        if self.iter().count() == known {
            return Ok(());
        }
        for (name, role, _) in self.iter() {
            let node = graph.nodes().iter().find(|n| n.name == name);
            let used = match node {
                Some(n) => expected(graph, n)?.iter().any(|(r, _)| *r == role),
                None => false,
            };
            if !used {
                return Err(ModelError::UnusedParameter {
                    node: name.to_owned(),
                    role,
                });
            }
        }
        Ok(())
    }
}

impl Params {
    /// Learnable numbers: all but the statistics of batch norms.
    #[must_use]
    pub fn learnable(&self) -> usize {
        self.iter()
            .filter(|(_, r, _)| !matches!(r, Role::Mean | Role::Var))
            .map(|(_, _, t)| t.data().len())
            .sum()
    }
}

/// Roles and shapes of the parameters of a node of this graph.
pub fn expected(graph: &Graph, node: &Node) -> Result<Vec<(Role, Shape)>, ModelError> {
    let Some(x) = node.inputs.first() else {
        return Ok(Vec::new());
    };
    node.op
        .parameters(graph.shape(*x)?)
        .into_iter()
        .map(|(role, dims)| Ok((role, Shape::new(&dims)?)))
        .collect()
}

impl<T> fmt::Debug for ParamMap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParamMap[{} tensors]", self.iter().count())
    }
}
