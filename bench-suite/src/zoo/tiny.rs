//! A synthetic network with every layer that the engines know, for tests and demonstrations.

use super::{Entry, ModelInfo, Source};
use piquet_nn_ops::model::{AvgPool, Conv, Graph, GraphBuilder, MaxPool, ModelError, Shape};

pub(super) const TINY: Entry = Entry {
    info: ModelInfo {
        name: "tiny",
        title: "a synthetic network with every kind of layer, 10 classes",
        input: [3, 16, 16],
        parameters: 1_414,
        macs: 26_208,
        relus: 848,
    },
    graph: tiny,
    source: Source::Seed,
};

fn tiny(input: Shape) -> Result<Graph, ModelError> {
    let mut g = GraphBuilder::new("tiny", input);
    let x = g.input();
    let x = g.conv("stem.conv", x, Conv::new(8, 3).stride(2).padding(1));
    let x = g.batch_norm("stem.bn", x);
    let x = g.relu("stem.relu", x);
    let p = g.max_pool("stem.pool", x, MaxPool::new(3, 2).ceil_mode());

    // Residual: two convolutions, one dilated and one grouped, beside the identity.
    let y = g.conv(
        "res.dilated",
        p,
        Conv::new(8, 3).padding(2).dilation(2).bias(),
    );
    let y = g.relu("res.relu", y);
    let y = g.conv("res.grouped", y, Conv::new(8, 3).padding(1).groups(4));
    let y = g.batch_norm("res.bn", y);
    let r = g.add("res.add", y, p);

    // Branches: a 1x1 convolution and a mean over padded windows, then a batch norm with nothing to fold it into.
    let a = g.conv("branch.conv", r, Conv::new(4, 1).bias());
    let m = AvgPool {
        padding: [1; 4],
        ..AvgPool::new(3, 1)
    };
    let b = g.avg_pool("branch.mean", r, m);
    let c = g.concat("branch.concat", &[a, b]);
    let c = g.batch_norm("branch.bn", c);
    let c = g.relu("branch.relu", c);
    let c = g.max_pool("branch.pool", c, MaxPool::new(2, 1).padding(1));

    let v = g.global_avg_pool("head.mean", c);
    let v = g.flatten("head.flatten", v);
    let v = g.linear("head.hidden", v, 16);
    let v = g.relu("head.relu", v);
    let y = g.linear("head.logits", v, 10);
    g.finish(y)
}
