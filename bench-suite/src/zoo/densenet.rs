//! DenseNet-121: Huang et al., "Densely Connected Convolutional Networks", 2017. Nodes have torchvision's names.
//!
//! Every layer sees the channels of all layers before it in its block, behind a norm of its own: here, a norm comes
//! before its ReLU and its convolution, not after one.

use super::{Entry, ModelInfo, Source};
use piquet_nn_ops::model::{
    AvgPool, Conv, Graph, GraphBuilder, MaxPool, ModelError, NodeId, Shape,
};

pub(super) const DENSENET121: Entry = Entry {
    info: ModelInfo {
        name: "densenet121",
        title: "DenseNet-121, ImageNet, 1000 classes",
        input: [3, 224, 224],
        parameters: 7_978_856,
        macs: 2_834_161_664,
        relus: 15_667_456,
    },
    graph: densenet121,
    source: Source::Seed,
};

/// Channels that a layer adds.
const GROWTH: usize = 32;
/// Channels between the two convolutions of a layer, in multiples of the growth.
const BOTTLENECK: usize = 4;
const STEM: usize = 64;
const BLOCKS: [usize; 4] = [6, 12, 24, 16];

fn densenet121(input: Shape) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new("densenet121", input);
    let x = g.input();
    let x = g.conv("features.conv0", x, Conv::new(STEM, 7).stride(2).padding(3));
    let x = g.batch_norm("features.norm0", x);
    let x = g.relu("features.relu0", x);
    let mut x = g.max_pool("features.pool0", x, MaxPool::new(3, 2).padding(1));
    let mut channels = STEM;
    for (block, layers) in (1..).zip(BLOCKS) {
        for layer in 1..=layers {
            x = dense(
                &mut g,
                &format!("features.denseblock{block}.denselayer{layer}"),
                x,
            );
            channels += GROWTH;
        }
        if block < BLOCKS.len() {
            channels /= 2;
            x = transition(&mut g, &format!("features.transition{block}"), x, channels);
        }
    }
    let x = g.batch_norm("features.norm5", x);
    let x = g.relu("relu", x);
    let x = g.global_avg_pool("avgpool", x);
    let x = g.flatten("flatten", x);
    let y = g.linear("classifier", x, 1000);
    g.finish(y)
}

fn dense(g: &mut GraphBuilder, name: &str, x: NodeId) -> NodeId {
    let n = |part: &str| format!("{name}.{part}");
    let y = g.batch_norm(&n("norm1"), x);
    let y = g.relu(&n("relu1"), y);
    let y = g.conv(&n("conv1"), y, Conv::new(BOTTLENECK * GROWTH, 1));
    let y = g.batch_norm(&n("norm2"), y);
    let y = g.relu(&n("relu2"), y);
    let y = g.conv(&n("conv2"), y, Conv::new(GROWTH, 3).padding(1));
    g.concat(&n("concat"), &[x, y])
}

fn transition(g: &mut GraphBuilder, name: &str, x: NodeId, channels: usize) -> NodeId {
    let n = |part: &str| format!("{name}.{part}");
    let y = g.batch_norm(&n("norm"), x);
    let y = g.relu(&n("relu"), y);
    let y = g.conv(&n("conv"), y, Conv::new(channels, 1));
    g.avg_pool(&n("pool"), y, AvgPool::new(2, 2))
}
