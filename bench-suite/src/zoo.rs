//! The networks that come with Piquet, with seeded weights.
//!
//! Architectures are those of torchvision. Weights are random: He-scaled, with batch-norm statistics, or weight scales
//! where there are no batch norms, set by a plain pass over sample inputs, so that activations stay in the range of
//! trained networks. They are the same on every platform: nothing but IEEE operations is used.

mod densenet;
mod init;
mod resnet;
mod squeezenet;
mod tiny;

use crate::image::InputError;
use piquet_nn_ops::model::{Graph, ModelError, Params, Shape, TensorF32};

/// What is known of a network before it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelInfo {
    /// The name to ask for.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Channels, height and width of its input.
    pub input: [usize; 3],
    /// Learnable parameters.
    pub parameters: usize,
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// ReLUs of one inference, before pools are moved.
    pub relus: u64,
}

/// A network with its parameters.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Model {
    /// What is public.
    pub graph: Graph,
    /// What is the owner's.
    pub params: Params,
}

/// Why a network cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ZooError {
    /// Nothing of that name.
    #[error("there is no model `{name}`; there are {}", names().join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The graph or its parameters are wrong.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The sample input cannot be made.
    #[error(transparent)]
    Input(#[from] InputError),
}

/// All networks.
#[must_use]
pub fn models() -> &'static [ModelInfo] {
    &[
        resnet::RESNET50,
        densenet::DENSENET121,
        squeezenet::SQUEEZENET1_1,
        tiny::TINY,
    ]
}

/// What is known of one network.
pub fn info(name: &str) -> Result<&'static ModelInfo, ZooError> {
    let found = models().iter().find(|m| m.name == name);
    found.ok_or_else(|| ZooError::Unknown {
        name: name.to_owned(),
    })
}

/// A network with weights from a seed, for `batch` inputs at once.
pub fn build(name: &str, seed: u64, batch: usize) -> Result<Model, ZooError> {
    let [_, size, _] = info(name)?.input;
    build_sized(name, seed, batch, size)
}

/// The same for pictures of `size` by `size`: smaller ones make faster tests.
pub fn build_sized(name: &str, seed: u64, batch: usize, size: usize) -> Result<Model, ZooError> {
    let sample = init::samples(seed, size)?;
    let params = init::parameters(&graph(name, sample.shape().batch(), size)?, &sample, seed)?;
    Ok(Model {
        graph: graph(name, batch, size)?,
        params,
    })
}

/// What a network of the zoo is calibrated on, with the batch size of its graph: the inputs its statistics were taken
/// over, in turn.
pub fn samples(graph: &Graph, seed: u64) -> Result<Vec<TensorF32>, ZooError> {
    let shape = graph.input_shape()?;
    let [batch, _, size, _] = shape.as_nchw();
    let both = init::samples(seed, size)?;
    let one = shape.elements() / batch.max(1);
    both.data()
        .chunks_exact(one)
        .map(|image| Ok(TensorF32::new(shape.clone(), image.repeat(batch))?))
        .collect()
}

/// The graph alone.
pub fn graph(name: &str, batch: usize, size: usize) -> Result<Graph, ZooError> {
    let [channels, ..] = info(name)?.input;
    let input = Shape::nchw(batch, channels, size, size)?;
    let graph = match name {
        "resnet50" => resnet::resnet50(input),
        "densenet121" => densenet::densenet121(input),
        "squeezenet1_1" => squeezenet::squeezenet1_1(input),
        _ => tiny::tiny(input),
    };
    Ok(graph?)
}

fn names() -> Vec<&'static str> {
    models().iter().map(|m| m.name).collect()
}

#[cfg(test)]
mod tests;
