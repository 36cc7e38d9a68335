//! MobileNetV2: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018. Nodes have
//! torchvision's names.

use super::{Entry, ModelInfo, Source};
use piquet_nn_ops::model::{Clip, Conv, Graph, GraphBuilder, ModelError, NodeId, Shape};

pub(super) const MOBILENET_V2: Entry = Entry {
    info: ModelInfo {
        name: "mobilenet_v2",
        title: "MobileNetV2, ImageNet, 1000 classes",
        input: [3, 224, 224],
        parameters: 3_504_872,
        macs: 300_774_272,
        relus: 6_105_792,
    },
    graph: mobilenet_v2,
    source: Source::Seed,
};

/// Expansion, channels, blocks, and the stride of the first of them.
const STAGES: [(usize, usize, usize, usize); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

fn mobilenet_v2(input: Shape) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new("mobilenet_v2", input);
    let x = g.input();
    let mut channels = 32;
    let stem = Conv::new(channels, 3).stride(2).padding(1);
    let mut x = activated(&mut g, "features.0", x, stem);
    let mut i = 1;
    for (expansion, out, blocks, first) in STAGES {
        for block in 0..blocks {
            let stride = if block == 0 { first } else { 1 };
            let name = format!("features.{i}");
            x = inverted(&mut g, &name, x, [channels, out], expansion, stride);
            channels = out;
            i += 1;
        }
    }
    let x = activated(&mut g, &format!("features.{i}"), x, Conv::new(1280, 1));
    let x = g.global_avg_pool("avgpool", x);
    let x = g.flatten("flatten", x);
    let y = g.linear("classifier.1", x, 1000);
    g.finish(y)
}

/// Convolution, norm and ReLU6.
fn activated(g: &mut GraphBuilder, name: &str, x: NodeId, conv: Conv) -> NodeId {
    let x = g.conv(&format!("{name}.0"), x, conv);
    let x = g.batch_norm(&format!("{name}.1"), x);
    g.clip(&format!("{name}.2"), x, Clip::RELU6)
}

/// Expand, filter each channel by itself, and narrow again without activation.
fn inverted(
    g: &mut GraphBuilder,
    name: &str,
    x: NodeId,
    [channels, out]: [usize; 2],
    expansion: usize,
    stride: usize,
) -> NodeId {
    let hidden = channels * expansion;
    let n = |part: usize| format!("{name}.conv.{part}");
    let (mut y, mut part) = (x, 0);
    if expansion > 1 {
        y = activated(g, &n(part), y, Conv::new(hidden, 1));
        part += 1;
    }
    let depthwise = Conv::new(hidden, 3).stride(stride).padding(1);
    y = activated(g, &n(part), y, depthwise.groups(hidden));
    y = g.conv(&n(part + 1), y, Conv::new(out, 1));
    y = g.batch_norm(&n(part + 2), y);
    if stride == 1 && channels == out {
        g.add(&format!("{name}.add"), y, x)
    } else {
        y
    }
}
