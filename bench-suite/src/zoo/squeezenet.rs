//! SqueezeNet: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016, and 1.1, the authors'
//! second release. Nodes have torchvision's names.

use super::{Entry, ModelInfo, Source};
use piquet_nn_ops::model::{Conv, Graph, GraphBuilder, MaxPool, ModelError, NodeId, Shape};

pub(super) const SQUEEZENET1_0: Entry = Entry {
    info: ModelInfo {
        name: "squeezenet1_0",
        title: "SqueezeNet 1.0, ImageNet, 1000 classes",
        input: [3, 224, 224],
        parameters: 1_248_424,
        macs: 818_924_576,
        relus: 4_346_248,
    },
    graph: squeezenet1_0,
    source: Source::Seed,
};

pub(super) const SQUEEZENET1_1: Entry = Entry {
    info: ModelInfo {
        name: "squeezenet1_1",
        title: "SqueezeNet 1.1, ImageNet, 1000 classes",
        input: [3, 224, 224],
        parameters: 1_235_496,
        macs: 349_151_936,
        relus: 2_589_352,
    },
    graph: squeezenet1_1,
    source: Source::Seed,
};

fn squeezenet1_0(input: Shape) -> Result<Graph, ModelError> {
    let g = GraphBuilder::new("squeezenet1_0", input);
    let squeeze = [
        (3, 16),
        (4, 16),
        (5, 32),
        (7, 32),
        (8, 48),
        (9, 48),
        (10, 64),
        (12, 64),
    ];
    squeezenet(g, Conv::new(96, 7), [2, 6, 11], squeeze)
}

fn squeezenet1_1(input: Shape) -> Result<Graph, ModelError> {
    let g = GraphBuilder::new("squeezenet1_1", input);
    let squeeze = [
        (3, 16),
        (4, 16),
        (6, 32),
        (7, 32),
        (9, 48),
        (10, 48),
        (11, 64),
        (12, 64),
    ];
    squeezenet(g, Conv::new(64, 3), [2, 5, 8], squeeze)
}

/// The first convolution, the places of pools among the layers, and those of fires with their channels.
fn squeezenet(
    mut g: GraphBuilder,
    stem: Conv,
    pools: [usize; 3],
    fires: [(usize, usize); 8],
) -> Result<Graph, ModelError> {
    let x = g.input();
    let x = g.conv("features.0", x, stem.stride(2).bias());
    let mut x = g.relu("features.1", x);
    for i in 2..13 {
        let name = format!("features.{i}");
        if pools.contains(&i) {
            x = g.max_pool(&name, x, MaxPool::new(3, 2).ceil_mode());
        }
        for (_, channels) in fires.iter().filter(|(at, _)| *at == i) {
            x = fire(&mut g, &name, x, *channels);
        }
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
