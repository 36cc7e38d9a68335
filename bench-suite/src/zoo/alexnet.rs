//! AlexNet: Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014, as torchvision has
//! it; and for CIFAR-10, as Falcon (Wagh et al., PETS 2021) and Piranha (Watson, Wagh and Popa, USENIX Security 2022)
//! have it.

use super::vgg::classifier;
use super::{Entry, ModelInfo, Source, adaptive_avg_pool};
use piquet_nn_ops::model::{
    AvgPool, Conv, Graph, GraphBuilder, MaxPool, ModelError, NodeId, Shape,
};

pub(super) const ALEXNET: Entry = Entry {
    info: ModelInfo {
        name: "alexnet",
        title: "AlexNet, ImageNet, 1000 classes",
        input: [3, 224, 224],
        parameters: 61_100_840,
        macs: 714_188_480,
        relus: 493_184,
    },
    graph: alexnet,
    source: Source::Seed,
};

/// Without the batch norms of Falcon's training, in the shape that Orca (Jawalkar et al., IEEE S&P 2024) measures it
/// in: `FalconAlexnetNoRelu` of its code.
pub(super) const FALCON_ALEXNET: Entry = Entry {
    info: ModelInfo {
        name: "falcon_alexnet",
        title: "Falcon's AlexNet, CIFAR-10, 10 classes",
        input: [3, 32, 32],
        parameters: 3_881_354,
        macs: 9_172_608,
        relus: 3_328,
    },
    graph: falcon_alexnet,
    source: Source::Seed,
};

/// Means where Falcon's has maxima, and no biases in the convolutions: `files/models/alexnet-cifar10.json` in Piranha's
/// code, without the ReLU behind the logits.
pub(super) const PIRANHA_ALEXNET: Entry = Entry {
    info: ModelInfo {
        name: "piranha_alexnet",
        title: "Piranha's AlexNet with mean pools, CIFAR-10, 10 classes",
        input: [3, 32, 32],
        parameters: 3_879_978,
        macs: 9_172_608,
        relus: 3_328,
    },
    graph: piranha_alexnet,
    source: Source::Seed,
};

/// Side of what the first fully connected layer sees.
const TOP: usize = 6;

fn alexnet(input: Shape) -> Result<Graph, ModelError> {
    let [batch, _, size, _] = input.as_nchw();
    let mut g = GraphBuilder::new("alexnet", input);
    let x = g.input();
    let x = g.conv(
        "features.0",
        x,
        Conv::new(64, 11).stride(4).padding(2).bias(),
    );
    let x = g.relu("features.1", x);
    let x = g.max_pool("features.2", x, MaxPool::new(3, 2));
    let x = g.conv("features.3", x, Conv::new(192, 5).padding(2).bias());
    let x = g.relu("features.4", x);
    let x = g.max_pool("features.5", x, MaxPool::new(3, 2));
    let x = g.conv("features.6", x, Conv::new(384, 3).padding(1).bias());
    let x = g.relu("features.7", x);
    let x = g.conv("features.8", x, Conv::new(256, 3).padding(1).bias());
    let x = g.relu("features.9", x);
    let x = g.conv("features.10", x, Conv::new(256, 3).padding(1).bias());
    let x = g.relu("features.11", x);
    let x = g.max_pool("features.12", x, MaxPool::new(3, 2));
    // The convolution, then each pool.
    let side = (0..3).fold((size + 4).saturating_sub(11) / 4 + 1, |n, _| {
        n.saturating_sub(3) / 2 + 1
    });
    let x = adaptive_avg_pool(&mut g, "avgpool", x, [batch, 256, side], TOP);
    let x = g.flatten("flatten", x);
    let y = classifier(&mut g, x, [1, 4, 6], [4096, 4096, 1000]);
    g.finish(y)
}

fn falcon_alexnet(input: Shape) -> Result<Graph, ModelError> {
    let pool = |g: &mut GraphBuilder, name: &str, x, kernel, stride| {
        g.max_pool(name, x, MaxPool::new(kernel, stride))
    };
    small(GraphBuilder::new("falcon_alexnet", input), Conv::bias, pool)
}

fn piranha_alexnet(input: Shape) -> Result<Graph, ModelError> {
    let pool = |g: &mut GraphBuilder, name: &str, x, kernel, stride| {
        g.avg_pool(name, x, AvgPool::new(kernel, stride))
    };
    small(GraphBuilder::new("piranha_alexnet", input), |c| c, pool)
}

/// For pictures of 32x32, with this change to every convolution and these pools.
fn small(
    mut g: GraphBuilder,
    change: fn(Conv) -> Conv,
    pool: fn(&mut GraphBuilder, &str, NodeId, usize, usize) -> NodeId,
) -> Result<Graph, ModelError> {
    let x = g.input();
    let x = g.conv("conv1", x, change(Conv::new(96, 11).stride(4).padding(9)));
    let x = pool(&mut g, "pool1", x, 3, 2);
    let x = g.relu("relu1", x);
    let x = g.conv("conv2", x, change(Conv::new(256, 5).padding(1)));
    let x = pool(&mut g, "pool2", x, 2, 1);
    let x = g.relu("relu2", x);
    let x = g.conv("conv3", x, change(Conv::new(384, 3).padding(1)));
    let x = g.relu("relu3", x);
    let x = g.conv("conv4", x, change(Conv::new(384, 3).padding(1)));
    let x = g.relu("relu4", x);
    let x = g.conv("conv5", x, change(Conv::new(256, 3).padding(1)));
    let x = g.relu("relu5", x);
    let x = g.flatten("flatten", x);
    let y = classifier(&mut g, x, [0, 1, 2], [256, 256, 10]);
    g.finish(y)
}
