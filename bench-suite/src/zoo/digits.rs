//! A small network that was trained on real handwritten digits, by [`crate::train`], and the digits.
//!
//! They are the 1797 pictures of 8x8 that scikit-learn ships, from E. Alpaydin and C. Kaynak, "Optical Recognition of
//! Handwritten Digits", UCI Machine Learning Repository, 1998; `data/digits/README.md` has licence and formats. The first
//! four fifths train, as in scikit-learn's examples, the last 360 test; other people wrote those. Calibration sees what
//! training saw.

use super::{Entry, ModelInfo, Source, ZooError, init, learnable};
use crate::train::{Recipe, train};
use piquet_nn_ops::model::{
    AvgPool, Conv, Graph, GraphBuilder, MaxPool, ModelError, Params, Shape, TensorF32, expected,
};

pub(super) const DIGITS: Entry = Entry {
    info: ModelInfo {
        name: NAME,
        title: "trained on handwritten digits of 8x8, 10 classes",
        input: [1, SIDE, SIDE],
        parameters: 9_258,
        macs: 87_360,
        relus: 1_568,
    },
    graph: network,
    source: Source::Digits,
};

/// What it is called in the zoo.
pub const NAME: &str = "digits";
const SIDE: usize = 8;
/// Ink in one pixel, at most.
const INK: u8 = 16;
/// Pictures for training; the others test.
const TRAINING: usize = 1437;
/// Each picture is its label and its pixels.
const RECORD: usize = 1 + SIDE * SIDE;
const PICTURES: &[u8] = include_bytes!("../../data/digits/digits.bin");
const WEIGHTS: &[u8] = include_bytes!("../../data/digits/weights.bin");
const MAGIC: &[u8] = b"PIQUETW1";

/// Pictures with what they show.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Set {
    /// One after the other, as the batch.
    pub images: TensorF32,
    /// The digit of each.
    pub labels: Vec<usize>,
}

/// The 1437 pictures that the network was trained on.
pub fn training_set() -> Result<Set, ZooError> {
    set(PICTURES.chunks_exact(RECORD).take(TRAINING))
}

/// The 360 pictures that it has never seen.
pub fn test_set() -> Result<Set, ZooError> {
    set(PICTURES.chunks_exact(RECORD).skip(TRAINING))
}

fn set<'a>(records: impl Iterator<Item = &'a [u8]>) -> Result<Set, ZooError> {
    let (mut data, mut labels) = (Vec::new(), Vec::new());
    for (label, pixels) in records.filter_map(<[u8]>::split_first) {
        labels.push(usize::from(*label));
        data.extend(pixels.iter().map(|p| f32::from(*p) / f32::from(INK)));
    }
    let shape = Shape::nchw(labels.len(), 1, SIDE, SIDE)?;
    Ok(Set {
        images: TensorF32::new(shape, data)?,
        labels,
    })
}

/// Pictures `first` and following of a set, over and over, to fill the batch of a graph.
pub(super) fn fill(graph: &Graph, set: &Set, first: usize) -> Result<TensorF32, ZooError> {
    let shape = graph.input_shape()?.clone();
    let images = set.images.data().chunks_exact(SIDE * SIDE);
    let chosen = images.cycle().skip(first).take(shape.batch());
    let data = chosen.flatten().copied().collect();
    Ok(TensorF32::new(shape, data)?)
}

fn network(input: Shape) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new(NAME, input);
    let x = g.input();
    let x = g.conv("conv1", x, Conv::new(16, 3).padding(1).bias());
    let x = g.relu("relu1", x);
    let x = g.max_pool("pool1", x, MaxPool::new(2, 2));
    let x = g.conv("conv2", x, Conv::new(32, 3).padding(1).bias());
    let x = g.relu("relu2", x);
    let x = g.avg_pool("pool2", x, AvgPool::new(2, 2));
    let x = g.flatten("flatten", x);
    let x = g.linear("fc1", x, 32);
    let x = g.relu("relu3", x);
    let y = g.linear("fc2", x, 10);
    g.finish(y)
}

/// Trains the network anew; `progress` sees each epoch with its mean loss.
pub fn trained(seed: u64, progress: &mut dyn FnMut(usize, f64)) -> Result<Params, ZooError> {
    let set = training_set()?;
    let graph = super::graph(NAME, 32, SIDE)?;
    let mut params = init::parameters(&graph, &fill(&graph, &set, 0)?, seed)?;
    let recipe = Recipe {
        epochs: 60,
        rate: 0.05,
        momentum: 0.9,
        decay: 3e-3,
        shift: 1,
    };
    let mut rng = init::generator(seed, u64::MAX);
    train(
        &graph,
        &mut params,
        &set.images,
        &set.labels,
        recipe,
        &mut rng,
        progress,
    )?;
    Ok(params)
}

/// The weights that come with Piquet.
pub(super) fn parameters() -> Result<Params, ZooError> {
    decode(WEIGHTS)
}

/// Parameters as the weights file has them: eight bytes of magic, then every number as a little-endian `f32`, by node of
/// the graph, weights before biases.
pub fn encode(params: &Params) -> Result<Vec<u8>, ZooError> {
    let graph = super::graph(NAME, 1, SIDE)?;
    params.check(&graph)?;
    let mut bytes = MAGIC.to_vec();
    for node in graph.nodes() {
        for (role, _) in expected(&graph, node)? {
            let values = params.need(node, role)?.data().iter();
            bytes.extend(values.flat_map(|v| v.to_le_bytes()));
        }
    }
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<Params, ZooError> {
    let graph = super::graph(NAME, 1, SIDE)?;
    let want = learnable(&graph)?;
    let (values, rest) = match bytes.strip_prefix(MAGIC) {
        Some(values) => values.as_chunks::<4>(),
        None => (&[][..], bytes),
    };
    if values.len() != want || !rest.is_empty() {
        return Err(ZooError::Weights {
            name: NAME,
            bytes: bytes.len(),
            want: MAGIC.len() + 4 * want,
        });
    }
    let mut values = values.iter().map(|v| f32::from_le_bytes(*v));
    let mut params = Params::new();
    for node in graph.nodes() {
        for (role, shape) in expected(&graph, node)? {
            let data = values.by_ref().take(shape.elements()).collect();
            params.insert(&node.name, role, TensorF32::new(shape, data)?);
        }
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_split_is_that_of_the_documentation() {
        assert_eq!(PICTURES.len() % RECORD, 0);
        assert!(
            PICTURES
                .chunks(RECORD)
                .all(|r| r[0] < 10 && r[1..].iter().all(|p| *p <= INK))
        );
        let (train, test) = (training_set().unwrap(), test_set().unwrap());
        assert_eq!(train.images.shape().dims(), [1437, 1, 8, 8]);
        assert_eq!(test.images.shape().dims(), [360, 1, 8, 8]);
        assert_eq!((train.labels.len(), test.labels.len()), (1437, 360));
        let count = |n: usize| {
            let all = train.labels.iter().chain(&test.labels);
            all.filter(|l| **l == n).count()
        };
        let counts: Vec<usize> = (0..10).map(count).collect();
        // The class distribution that UCI documents for these 1797 pictures.
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    }

    #[test]
    fn weights_survive_their_file_and_damaged_ones_are_refused() {
        let params = parameters().unwrap();
        assert_eq!(encode(&params).unwrap(), WEIGHTS);
        for bytes in [
            &WEIGHTS[..WEIGHTS.len() - 1],
            &WEIGHTS[1..],
            &[WEIGHTS, &[0; 4]].concat(),
            b"PIQUETW1",
            b"",
        ] {
            let e = decode(bytes).unwrap_err().to_string();
            let want = format!("the weights of `digits` have {} bytes", bytes.len());
            assert!(e.starts_with(&want), "{e}");
        }
    }
}
