//! ResNet-50 v1.5: He et al., "Deep Residual Learning for Image Recognition", 2016, with the stride of a bottleneck in
//! its 3x3 convolution. Nodes have torchvision's names.

use super::ModelInfo;
use piquet_nn_ops::model::{Conv, Graph, GraphBuilder, MaxPool, ModelError, NodeId, Shape};

pub(super) const RESNET50: ModelInfo = ModelInfo {
    name: "resnet50",
    title: "ResNet-50 v1.5, ImageNet, 1000 classes",
    input: [3, 224, 224],
    parameters: 25_557_032,
    macs: 4_089_184_256,
    relus: 9_608_704,
};

pub(super) fn resnet50(input: Shape) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new("resnet50", input);
    let x = g.input();
    let x = g.conv("conv1", x, Conv::new(64, 7).stride(2).padding(3));
    let x = g.batch_norm("bn1", x);
    let x = g.relu("relu", x);
    let mut x = g.max_pool("maxpool", x, MaxPool::new(3, 2).padding(1));
    for (layer, (blocks, width)) in [(3, 64), (4, 128), (6, 256), (3, 512)]
        .into_iter()
        .enumerate()
    {
        for block in 0..blocks {
            let name = format!("layer{}.{block}", layer + 1);
            let stride = if layer > 0 && block == 0 { 2 } else { 1 };
            x = bottleneck(&mut g, &name, x, width, stride, block == 0);
        }
    }
    let x = g.global_avg_pool("avgpool", x);
    let x = g.flatten("flatten", x);
    let y = g.linear("fc", x, 1000);
    g.finish(y)
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
    let identity = if project {
        let x = g.conv(
            &n("downsample.0"),
            x,
            Conv::new(4 * width, 1).stride(stride),
        );
        g.batch_norm(&n("downsample.1"), x)
    } else {
        x
    };
    let y = g.add(&n("add"), y, identity);
    g.relu(&n("relu3"), y)
}
