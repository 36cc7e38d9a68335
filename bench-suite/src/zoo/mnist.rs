//! Networks for the handwritten digits of MNIST, 28x28 in one channel, that papers on secure inference measure.
//!
//! A to D are numbered as in SecureNN (Wagh, Gupta and Chandran, PETS 2019), as are those of Keller and Sun, "Secure
//! Quantized Training for Deep Learning", 2022, whose MP-SPDZ programs are `mnist_full_A` to `mnist_full_D`.

use super::{Entry, ModelInfo, Source};
use piquet_nn_ops::model::{AvgPool, Conv, Graph, GraphBuilder, MaxPool, ModelError, Shape};

/// LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998, with ReLUs, plain means for
/// subsampling, every channel connected with every other, and a last layer of ten inner products.
pub(super) const LENET5: Entry = Entry {
    info: ModelInfo {
        name: "lenet5",
        title: "LeNet-5 with ReLUs, MNIST, 10 classes",
        input: [1, 28, 28],
        parameters: 61_706,
        macs: 416_520,
        relus: 6_508,
    },
    graph: lenet5,
    source: Source::Seed,
};

/// Mohassel and Zhang, "SecureML", IEEE S&P 2017.
pub(super) const MNIST_A: Entry = Entry {
    info: ModelInfo {
        name: "mnist_a",
        title: "network A (SecureML), MNIST, 10 classes",
        input: [1, 28, 28],
        parameters: 118_282,
        macs: 118_016,
        relus: 256,
    },
    graph: mnist_a,
    source: Source::Seed,
};

/// Liu et al., "Oblivious Neural Network Predictions via MiniONN Transformations", CCS 2017: the network for MNIST.
pub(super) const MNIST_B: Entry = Entry {
    info: ModelInfo {
        name: "mnist_b",
        title: "network B (MiniONN), MNIST, 10 classes",
        input: [1, 28, 28],
        parameters: 33_542,
        macs: 666_600,
        relus: 10_340,
    },
    graph: |input| lenet("mnist_b", input, [16, 16], 100),
    source: Source::Seed,
};

/// The LeNet of SecureNN, Falcon, Piranha and CryptGPU.
pub(super) const MNIST_C: Entry = Entry {
    info: ModelInfo {
        name: "mnist_c",
        title: "network C (LeNet), MNIST, 10 classes",
        input: [1, 28, 28],
        parameters: 431_080,
        macs: 2_293_000,
        relus: 15_220,
    },
    graph: |input| lenet("mnist_c", input, [20, 50], 500),
    source: Source::Seed,
};

/// Riazi et al., "Chameleon", AsiaCCS 2018.
pub(super) const MNIST_D: Entry = Entry {
    info: ModelInfo {
        name: "mnist_d",
        title: "network D (Chameleon), MNIST, 10 classes",
        input: [1, 28, 28],
        parameters: 99_240,
        macs: 123_500,
        relus: 1_080,
    },
    graph: mnist_d,
    source: Source::Seed,
};

/// `CNN2` of Orca (Jawalkar et al., IEEE S&P 2024).
pub(super) const ORCA_CNN2: Entry = Entry {
    info: ModelInfo {
        name: "orca_cnn2",
        title: "Orca's CNN2, MNIST, 10 classes",
        input: [1, 28, 28],
        parameters: 37_610,
        macs: 354_048,
        relus: 5_760,
    },
    graph: |input| lenet("orca_cnn2", input, [8, 16], 128),
    source: Source::Seed,
};

fn lenet5(input: Shape) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new("lenet5", input);
    let x = g.input();
    let x = g.conv("c1", x, Conv::new(6, 5).padding(2).bias());
    let x = g.relu("c1.relu", x);
    let x = g.avg_pool("s2", x, AvgPool::new(2, 2));
    let x = g.conv("c3", x, Conv::new(16, 5).bias());
    let x = g.relu("c3.relu", x);
    let x = g.avg_pool("s4", x, AvgPool::new(2, 2));
    let x = g.flatten("flatten", x);
    let x = g.linear("c5", x, 120);
    let x = g.relu("c5.relu", x);
    let x = g.linear("f6", x, 84);
    let x = g.relu("f6.relu", x);
    let y = g.linear("output", x, 10);
    g.finish(y)
}

fn mnist_a(input: Shape) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new("mnist_a", input);
    let x = g.input();
    let x = g.flatten("flatten", x);
    let x = g.linear("fc1", x, 128);
    let x = g.relu("relu1", x);
    let x = g.linear("fc2", x, 128);
    let x = g.relu("relu2", x);
    let y = g.linear("fc3", x, 10);
    g.finish(y)
}

/// Two convolutions of 5x5, each with a maximum over 2x2, and two fully connected layers.
fn lenet(
    name: &str,
    input: Shape,
    channels: [usize; 2],
    hidden: usize,
) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new(name, input);
    let mut x = g.input();
    for (i, channels) in (1..).zip(channels) {
        x = g.conv(&format!("conv{i}"), x, Conv::new(channels, 5).bias());
        x = g.relu(&format!("relu{i}"), x);
        x = g.max_pool(&format!("pool{i}"), x, MaxPool::new(2, 2));
    }
    let x = g.flatten("flatten", x);
    let x = g.linear("fc1", x, hidden);
    let x = g.relu("relu3", x);
    let y = g.linear("fc2", x, 10);
    g.finish(y)
}

fn mnist_d(input: Shape) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new("mnist_d", input);
    let x = g.input();
    let x = g.conv("conv1", x, Conv::new(5, 5).stride(2).padding(2).bias());
    let x = g.relu("relu1", x);
    let x = g.flatten("flatten", x);
    let x = g.linear("fc1", x, 100);
    let x = g.relu("relu2", x);
    let y = g.linear("fc2", x, 10);
    g.finish(y)
}
