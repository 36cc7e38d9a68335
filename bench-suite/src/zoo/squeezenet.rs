//! SqueezeNet 1.1: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016, in the
//! authors' second release. Nodes have torchvision's names.

use super::ModelInfo;
use piquet_nn_ops::model::{Conv, Graph, GraphBuilder, MaxPool, ModelError, NodeId, Shape};

pub(super) const SQUEEZENET1_1: ModelInfo = ModelInfo {
    name: "squeezenet1_1",
    title: "SqueezeNet 1.1, ImageNet, 1000 classes",
    input: [3, 224, 224],
    parameters: 1_235_496,
    macs: 349_151_936,
    relus: 2_589_352,
};

pub(super) fn squeezenet1_1(input: Shape) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new("squeezenet1_1", input);
    let x = g.input();
    let x = g.conv("features.0", x, Conv::new(64, 3).stride(2).bias());
    let mut x = g.relu("features.1", x);
    for i in 2..13 {
        let name = format!("features.{i}");
        x = match i {
            2 | 5 | 8 => g.max_pool(&name, x, MaxPool::new(3, 2).ceil_mode()),
            3 | 4 => fire(&mut g, &name, x, 16),
            6 | 7 => fire(&mut g, &name, x, 32),
            9 | 10 => fire(&mut g, &name, x, 48),
            _ => fire(&mut g, &name, x, 64),
        };
    }
    let x = g.conv("classifier.1", x, Conv::new(1000, 1).bias());
    let x = g.relu("classifier.2", x);
    let x = g.global_avg_pool("classifier.3", x);
    let y = g.flatten("flatten", x);
    g.finish(y)
}

/// Squeeze to few channels, then expand to four times as many by 1x1 and as many by 3x3.
fn fire(g: &mut GraphBuilder, name: &str, x: NodeId, squeeze: usize) -> NodeId {
    let n = |part: &str| format!("{name}.{part}");
    let s = g.conv(&n("squeeze"), x, Conv::new(squeeze, 1).bias());
    let s = g.relu(&n("squeeze_activation"), s);
    let a = g.conv(&n("expand1x1"), s, Conv::new(4 * squeeze, 1).bias());
    let a = g.relu(&n("expand1x1_activation"), a);
    let b = g.conv(
        &n("expand3x3"),
        s,
        Conv::new(4 * squeeze, 3).padding(1).bias(),
    );
    let b = g.relu(&n("expand3x3_activation"), b);
    g.concat(&n("concat"), &[a, b])
}
