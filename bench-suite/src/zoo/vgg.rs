//! VGG-16: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2015,
//! configuration D, as torchvision has it; and for CIFAR-10, as Piranha (Watson, Wagh and Popa, USENIX Security 2022)
//! has it.

use super::{Entry, ModelInfo, Source, adaptive_avg_pool};
use piquet_nn_ops::model::{
    AvgPool, Conv, Graph, GraphBuilder, MaxPool, ModelError, NodeId, Shape,
};

pub(super) const VGG16: Entry = Entry {
    info: ModelInfo {
        name: "vgg16",
        title: "VGG-16, ImageNet, 1000 classes",
        input: [3, 224, 224],
        parameters: 138_357_544,
        macs: 15_470_264_320,
        relus: 13_555_712,
    },
    graph: vgg16,
    source: Source::Seed,
};

/// Means where VGG has maxima, before the ReLU, no biases in the convolutions, and 256 hidden features instead of
/// 4096: the inference of `files/models/vgg16-cifar10.json` in Piranha's code, without the ReLU behind the logits.
pub(super) const PIRANHA_VGG16: Entry = Entry {
    info: ModelInfo {
        name: "piranha_vgg16",
        title: "Piranha's VGG-16 with mean pools, CIFAR-10, 10 classes",
        input: [3, 32, 32],
        parameters: 14_910_154,
        macs: 313_395_712,
        relus: 183_296,
    },
    graph: piranha_vgg16,
    source: Source::Seed,
};

/// Channels and convolutions of each stage; a pool ends it.
const STAGES: [(usize, usize); 5] = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)];
/// Side of what the first fully connected layer sees.
const TOP: usize = 7;

fn vgg16(input: Shape) -> Result<Graph, ModelError> {
    let [batch, _, size, _] = input.as_nchw();
    let mut g = GraphBuilder::new("vgg16", input);
    let mut x = g.input();
    let mut i = 0;
    let mut next = || {
        i += 1;
        format!("features.{}", i - 1)
    };
    for (channels, convs) in STAGES {
        for _ in 0..convs {
            x = g.conv(&next(), x, Conv::new(channels, 3).padding(1).bias());
            x = g.relu(&next(), x);
        }
        x = g.max_pool(&next(), x, MaxPool::new(2, 2));
    }
    let top = [batch, 512, size >> STAGES.len()];
    x = adaptive_avg_pool(&mut g, "avgpool", x, top, TOP);
    x = g.flatten("flatten", x);
    let y = classifier(&mut g, x, [0, 3, 6], [4096, 4096, 1000]);
    g.finish(y)
}

fn piranha_vgg16(input: Shape) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new("piranha_vgg16", input);
    let mut x = g.input();
    for (stage, (channels, convs)) in (1..).zip(STAGES) {
        for conv in 1..=convs {
            x = g.conv(
                &format!("conv{stage}_{conv}"),
                x,
                Conv::new(channels, 3).padding(1),
            );
            if conv == convs {
                x = g.avg_pool(&format!("pool{stage}"), x, AvgPool::new(2, 2));
            }
            x = g.relu(&format!("relu{stage}_{conv}"), x);
        }
    }
    x = g.flatten("flatten", x);
    let y = classifier(&mut g, x, [0, 1, 2], [256, 256, 10]);
    g.finish(y)
}

/// Three fully connected layers of these numbers and sizes.
pub(super) fn classifier(
    g: &mut GraphBuilder,
    mut x: NodeId,
    numbers: [usize; 3],
    sizes: [usize; 3],
) -> NodeId {
    for (i, (number, size)) in numbers.into_iter().zip(sizes).enumerate() {
        x = g.linear(&format!("classifier.{number}"), x, size);
        if i < 2 {
            x = g.relu(&format!("classifier.{number}.relu"), x);
        }
    }
    x
}
