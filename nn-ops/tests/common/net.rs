//! A small network with every operator, its parameters, and pictures for it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use piquet_nn_ops::model::{
    AvgPool, Calibration, Clip, Conv, Graph, GraphBuilder, MaxPool, Pad, PadMode, Params, Program,
    QuantizedParams, Role, Shape, Tensor, TensorF32, View, expected, passes, quantize,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// A number in (-1, 1).
fn unit(rng: &mut ChaCha20Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// Every operator at least once; the batch norm after `concat` cannot be folded into a product before it.
pub(crate) fn graph(batch: usize) -> Graph {
    let mut g = GraphBuilder::new("every-operator", Shape::nchw(batch, 2, 9, 9).unwrap());
    let x = g.input();
    let a = g.conv("conv1", x, Conv::new(4, 3).padding(1).bias());
    let a = g.batch_norm("norm1", a);
    let a = g.relu("relu1", a);
    let a = g.max_pool("max1", a, MaxPool::new(3, 2).padding(1));
    let b = g.conv("conv2", a, Conv::new(4, 3).padding(1).groups(2));
    let c = g.add("add1", a, b);
    let d = g.concat("concat1", &[c, b]);
    let d = g.batch_norm("norm2", d);
    let d = g.relu("relu2", d);
    let d = g.avg_pool("avg1", d, AvgPool::new(2, 1));
    let e = g.global_avg_pool("mean1", a);
    let d = g.flatten("flatten1", d);
    let e = g.flatten("flatten2", e);
    let d = g.linear("linear1", d, 5);
    let e = g.linear("linear2", e, 5);
    let y = g.add("add2", d, e);
    let mirrored = Pad {
        padding: [1, 0, 2, 1],
        mode: PadMode::Reflect,
    };
    let f = g.pad("pad1", a, mirrored);
    let shuffle = View {
        shape: vec![batch, 4, 8, 6],
        ..View::transpose(&[batch, 2, 2, 48], &[0, 2, 1, 3])
    };
    let f = g.view("shuffle1", f, shuffle);
    let f = g.conv("conv3", f, Conv::new(4, 1).bias());
    let h = g.leaky_relu("leaky1", f, 0.1);
    let clip = |min, max| Clip { min, max };
    let k = g.clip("clip1", h, clip(Some(-0.125), Some(0.5)));
    let l = g.clip("clip2", k, clip(Some(0.0), Some(6.0)));
    let k = g.clip("clip3", k, clip(Some(0.0625), None));
    let f = g.mul("mul1", h, k);
    let f = g.sub("sub1", f, l);
    let uneven = AvgPool {
        padding: [1; 4],
        count_include_pad: false,
        ceil_mode: true,
        ..AvgPool::new(3, 2)
    };
    let f = g.avg_pool("avg2", f, uneven);
    let half = View::slice(&[batch, 4, 5, 4], 1, 2, 2, 1);
    let f = g.view("half1", f, half);
    let f = g.flatten("flatten3", f);
    let f = g.batch_norm("norm3", f);
    let f = g.linear("linear3", f, 5);
    let y = g.add("add3", y, f);
    g.finish(y).unwrap()
}

/// Parameters for a graph; variances are positive.
pub(crate) fn params(graph: &Graph, seed: u64) -> Params {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut p = Params::new();
    for node in graph.nodes() {
        for (role, shape) in expected(graph, node).unwrap() {
            let scale = 1.0 / (shape.elements() as f32 / shape.batch() as f32).sqrt();
            let values = (0..shape.elements())
                .map(|_| match role == Role::Var {
                    true => 0.5 + unit(&mut rng).abs(),
                    false => unit(&mut rng) * scale,
                })
                .collect();
            p.insert(&node.name, role, Tensor::new(shape, values).unwrap());
        }
    }
    p
}

/// A picture for a graph.
pub(crate) fn picture(graph: &Graph, seed: u64) -> TensorF32 {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let shape = graph.input_shape().unwrap().clone();
    let values = (0..shape.elements()).map(|_| unit(&mut rng)).collect();
    Tensor::new(shape, values).unwrap()
}

/// The program of a graph, calibrated on a few pictures.
pub(crate) fn program(
    graph: &Graph,
    params: &Params,
    calibration: Calibration,
) -> (Program, QuantizedParams) {
    let (graph, params) = passes::all(graph, params).unwrap();
    let samples: Vec<_> = (100..104).map(|s| picture(&graph, s)).collect();
    quantize(&graph, &params, &samples, calibration).unwrap()
}
