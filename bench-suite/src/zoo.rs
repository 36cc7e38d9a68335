//! The networks that come with Piquet.
//!
//! Architectures are those of torchvision, and of the papers on secure inference that their files name. Weights are
//! random: He-scaled, with batch-norm statistics, or weight scales where there are no batch norms, set by a plain pass
//! over sample inputs, so that activations stay in the range of trained networks. They are the same on every platform:
//! nothing but IEEE operations is used. Only [`digits`] is a trained network, with true labels to hold it to.
//! Transformers for text have the shapes of the published ones, and weights scaled as theirs are.

mod alexnet;
mod bert;
mod cifar;
mod densenet;
pub mod digits;
mod gpt2;
mod init;
mod mnist;
mod mobilenet;
mod resnet;
mod squeezenet;
mod tiny;
mod transformer;
mod vgg;

pub use transformer::Tokens;

use crate::image::{self, InputError, Pixels};
use crate::tokens;
use crate::train::TrainError;
use piquet_nn_ops::model::{
    AvgPool, Calibration, Graph, GraphBuilder, ModelError, NodeId, Params, Role, Shape, TensorF32,
    View, expected,
};

/// What is known of a network before it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelInfo {
    /// The name to ask for.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Channels, height and width of its input; of a text 1, its tokens, and the length of the row that shows one.
    pub input: [usize; 3],
    /// Learnable parameters.
    pub parameters: usize,
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// ReLUs of one inference, those with an upper bound too, before pools are moved.
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
    /// For pictures of that size it would be another network.
    #[error(
        "`{name}` takes pictures of {native}x{native}: for {size}x{size} its layers would have {parameters} \
         parameters instead of {want}"
    )]
    Size {
        /// The network.
        name: &'static str,
        /// Its own size.
        native: usize,
        /// What was asked for.
        size: usize,
        /// Parameters at that size.
        parameters: usize,
        /// Parameters of the network.
        want: usize,
    },
    /// It has no place for so long a text.
    #[error("`{name}` takes texts of 1 to {most} tokens, not {tokens}")]
    Tokens {
        /// The network.
        name: &'static str,
        /// Its positions.
        most: usize,
        /// What was asked for.
        tokens: usize,
    },
    /// A file of trained weights is not of the size of its network.
    #[error("the weights of `{name}` have {bytes} bytes instead of {want}, or another beginning")]
    Weights {
        /// The network.
        name: &'static str,
        /// Bytes there are.
        bytes: usize,
        /// Bytes there should be.
        want: usize,
    },
    /// The graph or its parameters are wrong.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The network cannot be trained.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The sample input cannot be made.
    #[error(transparent)]
    Input(#[from] InputError),
}

/// A network as its file describes it.
struct Entry {
    info: ModelInfo,
    graph: fn(Shape) -> Result<Graph, ModelError>,
    source: Source,
}

/// Where weights and inputs come from.
#[derive(Clone, Copy)]
enum Source {
    /// Weights from a seed; the photograph.
    Seed,
    /// Trained weights; handwritten digits.
    Digits,
    /// Weights from a seed; a text from a seed.
    Text(&'static Tokens),
}

static ENTRIES: [Entry; 28] = [
    resnet::RESNET18,
    resnet::RESNET50,
    resnet::RESNET101,
    densenet::DENSENET121,
    squeezenet::SQUEEZENET1_0,
    squeezenet::SQUEEZENET1_1,
    mobilenet::MOBILENET_V2,
    vgg::VGG16,
    alexnet::ALEXNET,
    mnist::LENET5,
    mnist::MNIST_A,
    mnist::MNIST_B,
    mnist::MNIST_C,
    mnist::MNIST_D,
    mnist::ORCA_CNN2,
    cifar::MINIONN_CIFAR10,
    cifar::ORCA_CNN3,
    alexnet::FALCON_ALEXNET,
    alexnet::PIRANHA_ALEXNET,
    vgg::PIRANHA_VGG16,
    resnet::PIRANHA_RESNET18,
    digits::DIGITS,
    bert::BERT_TINY,
    bert::BERT_BASE,
    gpt2::GPT2,
    tiny::TINY,
    bert::BERT_TEST,
    gpt2::GPT2_TEST,
];

/// Texts that a network is calibrated on.
const TEXTS: u64 = 2;

static MODELS: [ModelInfo; ENTRIES.len()] = {
    let mut all = [ENTRIES[0].info; ENTRIES.len()];
    let mut i = 0;
    while i < all.len() {
        all[i] = ENTRIES[i].info;
        i += 1;
    }
    all
};

/// All networks.
#[must_use]
pub fn models() -> &'static [ModelInfo] {
    &MODELS
}

/// What is known of one network.
pub fn info(name: &str) -> Result<&'static ModelInfo, ZooError> {
    Ok(&entry(name)?.info)
}

fn entry(name: &str) -> Result<&'static Entry, ZooError> {
    let found = ENTRIES.iter().find(|e| e.info.name == name);
    found.ok_or_else(|| ZooError::Unknown {
        name: name.to_owned(),
    })
}

/// What the texts are made of that a network takes, if it takes texts.
#[must_use]
pub fn tokens(name: &str) -> Option<&'static Tokens> {
    match entry(name).map(|e| e.source) {
        Ok(Source::Text(tokens)) => Some(tokens),
        _ => None,
    }
}

/// In which fixed-point arithmetic a network is run where nobody says another.
#[must_use]
pub fn calibration(graph: &Graph) -> Calibration {
    Calibration {
        // Unit vectors are whole numbers.
        input_frac: tokens(graph.name()).map(|_| 0),
        ..Calibration::of(graph)
    }
}

/// A network for `batch` inputs at once, with weights from a seed unless it was trained.
pub fn build(name: &str, seed: u64, batch: usize) -> Result<Model, ZooError> {
    let [_, size, _] = info(name)?.input;
    build_sized(name, seed, batch, size)
}

/// The same for pictures of `size` by `size`, or for texts of `size` tokens: smaller ones make faster tests. A network that would have other
/// parameters then is refused.
pub fn build_sized(name: &str, seed: u64, batch: usize, size: usize) -> Result<Model, ZooError> {
    let graph = self::graph(name, batch, size)?;
    let Entry { info, source, .. } = entry(name)?;
    let params = match source {
        Source::Digits => digits::parameters()?,
        Source::Text(tokens) => transformer::parameters(&graph, tokens, seed)?,
        Source::Seed => {
            let sample = init::samples(seed, [info.input[0], size], Pixels::Imagenet)?;
            let both = self::graph(name, sample.shape().batch(), size)?;
            init::parameters(&both, &sample, seed)?
        }
    };
    Ok(Model { graph, params })
}

/// What a network is calibrated on, with the batch size of its graph: the inputs its statistics were taken over, in
/// turn; for one that was trained, all that it was trained on.
pub fn samples(graph: &Graph, seed: u64) -> Result<Vec<TensorF32>, ZooError> {
    if let Some(tokens) = tokens(graph.name()) {
        return texts(graph, tokens, seed);
    }
    let shape = graph.input_shape()?;
    let [batch, channels, size, _] = shape.as_nchw();
    if let Ok(Source::Digits) = entry(graph.name()).map(|e| e.source) {
        let set = digits::training_set()?;
        let firsts = (0..set.labels.len()).step_by(batch);
        return firsts.map(|i| digits::fill(graph, &set, i)).collect();
    }
    let both = init::samples(seed, [channels, size], Pixels::Imagenet)?;
    let one = shape.elements() / batch.max(1);
    both.data()
        .chunks_exact(one)
        .map(|image| Ok(TensorF32::new(shape.clone(), image.repeat(batch))?))
        .collect()
}

/// The photograph, and a mosaic of random colours, of shape 1xCxHxW.
pub(crate) fn pictures(
    seed: u64,
    [channels, size]: [usize; 2],
    pixels: Pixels,
) -> Result<Vec<TensorF32>, ZooError> {
    let both = init::samples(seed, [channels, size], pixels)?;
    let shape = Shape::nchw(1, channels, size, size)?;
    both.data()
        .chunks_exact(shape.elements())
        .map(|one| Ok(TensorF32::new(shape.clone(), one.to_vec())?))
        .collect()
}

/// Numbers between -1 and 1.
pub(crate) fn noise(seed: u64, shape: &Shape) -> Result<TensorF32, ModelError> {
    init::noise(seed, shape)
}

/// What a network is shown where nobody says what else: the photograph, in its size and colours, in each place of the
/// batch; to one that was trained, the first inputs of its test set; to one for texts, a text of its own.
pub fn example(graph: &Graph) -> Result<TensorF32, ZooError> {
    if let Some(tokens) = tokens(graph.name()) {
        return text(graph, tokens);
    }
    let shape = graph.input_shape()?;
    let [batch, channels, size, _] = shape.as_nchw();
    if let Ok(Source::Digits) = entry(graph.name()).map(|e| e.source) {
        return digits::fill(graph, &digits::test_set()?, 0);
    }
    let picture = image::photograph_as([channels, size], Pixels::Imagenet)?;
    Ok(TensorF32::new(
        shape.clone(),
        picture.into_data().repeat(batch),
    )?)
}

/// Texts to calibrate a network on that takes texts, from a seed.
pub fn texts(graph: &Graph, tokens: &Tokens, seed: u64) -> Result<Vec<TensorF32>, ZooError> {
    let texts = (1..=TEXTS).map(|i| init::generator(seed, u64::MAX - i));
    texts
        .map(|mut rng| Ok(tokens::seeded(graph, tokens, &mut rng)?))
        .collect()
}

/// A text to show a network where nobody gives one.
pub fn text(graph: &Graph, tokens: &Tokens) -> Result<TensorF32, ZooError> {
    let mut rng = init::generator(0, u64::MAX);
    Ok(tokens::seeded(graph, tokens, &mut rng)?)
}

/// The graph alone.
pub fn graph(name: &str, batch: usize, size: usize) -> Result<Graph, ZooError> {
    let Entry {
        info,
        graph,
        source,
    } = entry(name)?;
    let [channels, native, columns] = info.input;
    let input = match source {
        Source::Text(tokens) if !(1..=tokens.positions).contains(&size) => {
            return Err(ZooError::Tokens {
                name: info.name,
                most: tokens.positions,
                tokens: size,
            });
        }
        Source::Text(_) => Shape::new(&[batch, size, columns])?,
        _ => Shape::nchw(batch, channels, size, size)?,
    };
    let graph = graph(input)?;
    let parameters = learnable(&graph)?;
    if parameters == info.parameters {
        Ok(graph)
    } else {
        Err(ZooError::Size {
            name: info.name,
            native,
            size,
            parameters,
            want: info.parameters,
        })
    }
}

/// Learnable parameters of a graph.
fn learnable(graph: &Graph) -> Result<usize, ModelError> {
    let mut sum = 0;
    for node in graph.nodes() {
        for (role, shape) in expected(graph, node)? {
            if !matches!(role, Role::Mean | Role::Var) {
                sum += shape.elements();
            }
        }
    }
    Ok(sum)
}

/// torchvision's adaptive mean of planes of `from` by `from` to `to` by `to`, where its windows are alike: equal parts
/// of the plane, or all of it, if it is one value. Otherwise the planes stay as they are, and the layers behind them
/// have too many or too few parameters.
fn adaptive_avg_pool(
    g: &mut GraphBuilder,
    name: &str,
    x: NodeId,
    [batch, channels, from]: [usize; 3],
    to: usize,
) -> NodeId {
    if from == 1 {
        let (one, all) = ([batch, channels, 1, 1], [batch, channels, to, to]);
        g.view(name, x, View::broadcast(&one, &all))
    } else if from > to && from.is_multiple_of(to) {
        g.avg_pool(name, x, AvgPool::new(from / to, from / to))
    } else {
        x
    }
}

fn names() -> Vec<&'static str> {
    models().iter().map(|m| m.name).collect()
}

#[cfg(test)]
mod tests;
