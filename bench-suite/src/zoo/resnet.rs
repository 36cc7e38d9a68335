//! ResNet: He et al., "Deep Residual Learning for Image Recognition", 2016; those with bottlenecks in version 1.5, with
//! the stride in the 3x3 convolution. Nodes have torchvision's names.

use super::{Entry, ModelInfo, Source};
use piquet_nn_ops::model::{Conv, Graph, GraphBuilder, MaxPool, ModelError, NodeId, Shape};

pub(super) const RESNET18: Entry = Entry {
    info: ModelInfo {
        name: "resnet18",
        title: "ResNet-18, ImageNet, 1000 classes",
        input: [3, 224, 224],
        parameters: 11_689_512,
        macs: 1_814_073_344,
        relus: 2_308_096,
    },
    graph: |input| resnet("resnet18", input, Block::Basic, [2, 2, 2, 2]),
    source: Source::Seed,
};

pub(super) const RESNET50: Entry = Entry {
    info: ModelInfo {
        name: "resnet50",
        title: "ResNet-50 v1.5, ImageNet, 1000 classes",
        input: [3, 224, 224],
        parameters: 25_557_032,
        macs: 4_089_184_256,
        relus: 9_608_704,
    },
    graph: |input| resnet("resnet50", input, Block::Bottleneck, [3, 4, 6, 3]),
    source: Source::Seed,
};

pub(super) const RESNET101: Entry = Entry {
    info: ModelInfo {
        name: "resnet101",
        title: "ResNet-101 v1.5, ImageNet, 1000 classes",
        input: [3, 224, 224],
        parameters: 44_549_160,
        macs: 7_801_405_440,
        relus: 14_726_656,
    },
    graph: |input| resnet("resnet101", input, Block::Bottleneck, [3, 4, 23, 3]),
    source: Source::Seed,
};

/// Piranha's (Watson, Wagh and Popa, USENIX Security 2022) for CIFAR-10, `files/models/resnet18-cifar10.json` in its
/// code: a quarter of the channels. It has layer norms, whose statistics are secret; here are batch norms instead, and
/// no ReLU behind the logits.
pub(super) const PIRANHA_RESNET18: Entry = Entry {
    info: ModelInfo {
        name: "piranha_resnet18",
        title: "Piranha's ResNet-18 with batch norms, CIFAR-10, 10 classes",
        input: [3, 32, 32],
        parameters: 701_466,
        macs: 35_046_656,
        relus: 122_880,
    },
    graph: piranha_resnet18,
    source: Source::Seed,
};

#[derive(Clone, Copy, PartialEq)]
enum Block {
    /// Two convolutions of 3x3.
    Basic,
    /// One of 3x3 between two of 1x1, the last to four times the width.
    Bottleneck,
}

fn resnet(name: &str, input: Shape, block: Block, blocks: [usize; 4]) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new(name, input);
    let x = g.input();
    let x = g.conv("conv1", x, Conv::new(64, 7).stride(2).padding(3));
    let x = g.batch_norm("bn1", x);
    let x = g.relu("relu", x);
    let x = g.max_pool("maxpool", x, MaxPool::new(3, 2).padding(1));
    let x = layers(&mut g, x, block, blocks, 64);
    let y = g.linear("fc", x, 1000);
    g.finish(y)
}

fn piranha_resnet18(input: Shape) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new("piranha_resnet18", input);
    let x = g.input();
    let x = g.conv("conv1", x, Conv::new(16, 3).padding(1));
    let x = g.batch_norm("bn1", x);
    let x = layers(&mut g, x, Block::Basic, [2; 4], 16);
    let y = g.linear("fc", x, 10);
    g.finish(y)
}

/// Four times so many blocks, each time with twice the width at half the side, down to one mean per channel.
fn layers(
    g: &mut GraphBuilder,
    mut x: NodeId,
    block: Block,
    blocks: [usize; 4],
    width: usize,
) -> NodeId {
    for (layer, blocks) in (1..).zip(blocks) {
        for i in 0..blocks {
            let name = format!("layer{layer}.{i}");
            let stride = if layer > 1 && i == 0 { 2 } else { 1 };
            let width = width << (layer - 1);
            x = match block {
                Block::Basic => basic(g, &name, x, width, stride),
                Block::Bottleneck => bottleneck(g, &name, x, width, stride, i == 0),
            };
        }
    }
    let x = g.global_avg_pool("avgpool", x);
    g.flatten("flatten", x)
}

fn basic(g: &mut GraphBuilder, name: &str, x: NodeId, width: usize, stride: usize) -> NodeId {
    let n = |part: &str| format!("{name}.{part}");
    let y = g.conv(
        &n("conv1"),
        x,
        Conv::new(width, 3).stride(stride).padding(1),
    );
    let y = g.batch_norm(&n("bn1"), y);
    let y = g.relu(&n("relu1"), y);
    let y = g.conv(&n("conv2"), y, Conv::new(width, 3).padding(1));
    let y = g.batch_norm(&n("bn2"), y);
    join(
        g,
        name,
        y,
        x,
        (stride > 1).then_some((width, stride)),
        "relu2",
    )
}

fn bottleneck(
    g: &mut GraphBuilder,
    name: &str,
    x: NodeId,
    width: usize,
    stride: usize,
    project: bool,
) -> NodeId {
    let n = |part: &str| format!("{name}.{part}");
    let y = g.conv(&n("conv1"), x, Conv::new(width, 1));
    let y = g.batch_norm(&n("bn1"), y);
    let y = g.relu(&n("relu1"), y);
    let y = g.conv(
        &n("conv2"),
        y,
        Conv::new(width, 3).stride(stride).padding(1),
    );
    let y = g.batch_norm(&n("bn2"), y);
    let y = g.relu(&n("relu2"), y);
    let y = g.conv(&n("conv3"), y, Conv::new(4 * width, 1));
    let y = g.batch_norm(&n("bn3"), y);
    join(
        g,
        name,
        y,
        x,
        project.then_some((4 * width, stride)),
        "relu3",
    )
}

/// Adds the identity to a branch, projected to so many channels with this stride where shapes differ.
fn join(
    g: &mut GraphBuilder,
    name: &str,
    branch: NodeId,
    mut identity: NodeId,
    projection: Option<(usize, usize)>,
    relu: &str,
) -> NodeId {
    let n = |part: &str| format!("{name}.{part}");
    if let Some((channels, stride)) = projection {
        let conv = Conv::new(channels, 1).stride(stride);
        identity = g.conv(&n("downsample.0"), identity, conv);
        identity = g.batch_norm(&n("downsample.1"), identity);
    }
    let y = g.add(&n("add"), branch, identity);
    g.relu(&n(relu), y)
}
