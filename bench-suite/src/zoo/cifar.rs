//! Networks for the 32x32 pictures of CIFAR-10 that come from papers on secure inference alone.

use super::{Entry, ModelInfo, Source};
use piquet_nn_ops::model::{AvgPool, Conv, Graph, GraphBuilder, MaxPool, ModelError, Shape};

/// Liu et al., "Oblivious Neural Network Predictions via MiniONN Transformations", CCS 2017: the network for CIFAR-10,
/// seven convolutions and one fully connected layer; also measured by Gazelle, Delphi and CrypTFlow2.
pub(super) const MINIONN_CIFAR10: Entry = Entry {
    info: ModelInfo {
        name: "minionn_cifar10",
        title: "MiniONN's seven convolutions, CIFAR-10, 10 classes",
        input: [3, 32, 32],
        parameters: 164_954,
        macs: 61_089_792,
        relus: 173_056,
    },
    graph: minionn_cifar10,
    source: Source::Seed,
};

/// `CNN3` of Orca (Jawalkar et al., IEEE S&P 2024).
pub(super) const ORCA_CNN3: Entry = Entry {
    info: ModelInfo {
        name: "orca_cnn3",
        title: "Orca's CNN3, CIFAR-10, 10 classes",
        input: [3, 32, 32],
        parameters: 210_442,
        macs: 19_987_840,
        relus: 67_392,
    },
    graph: orca_cnn3,
    source: Source::Seed,
};

fn minionn_cifar10(input: Shape) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new("minionn_cifar10", input);
    let mut x = g.input();
    let layers = [
        (64, 3),
        (64, 3),
        (64, 3),
        (64, 3),
        (64, 3),
        (64, 1),
        (16, 1),
    ];
    for (i, (channels, kernel)) in (1..).zip(layers) {
        let conv = Conv::new(channels, kernel).padding(kernel / 2).bias();
        x = g.conv(&format!("conv{i}"), x, conv);
        x = g.relu(&format!("relu{i}"), x);
        if matches!(i, 2 | 4) {
            x = g.avg_pool(&format!("pool{i}"), x, AvgPool::new(2, 2));
        }
    }
    let x = g.flatten("flatten", x);
    let y = g.linear("fc", x, 10);
    g.finish(y)
}

fn orca_cnn3(input: Shape) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new("orca_cnn3", input);
    let mut x = g.input();
    for i in 1..=3 {
        x = g.conv(&format!("conv{i}"), x, Conv::new(64, 5).padding(1).bias());
        x = g.relu(&format!("relu{i}"), x);
        x = g.max_pool(&format!("pool{i}"), x, MaxPool::new(3, 2));
    }
    let x = g.flatten("flatten", x);
    let y = g.linear("fc", x, 10);
    g.finish(y)
}
