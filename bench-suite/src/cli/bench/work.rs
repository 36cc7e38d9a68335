//! What is measured: networks of the zoo, and single operations as networks of one node.

use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::model::{
    Calibration, Conv, Graph, GraphBuilder, MaxPool, Params, Role, Shape, TensorF32,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::cli::Failure;
use crate::image;
use crate::report::Report;
use crate::task::{self, Task};
use crate::zoo::{self, Model};

/// Seed of weights and inputs.
const SEED: u64 = 0;
const NETWORKS: [&str; 3] = ["resnet50", "densenet121", "squeezenet1_1"];
const OPERATIONS: [&str; 3] = ["relu-1e6", "maxpool-stem", "matmul-1024"];

/// All rows, by the names under which peers are listed.
pub(crate) fn rows() -> Vec<&'static str> {
    NETWORKS.into_iter().chain(OPERATIONS).collect()
}

pub(super) fn is_network(row: &str) -> bool {
    NETWORKS.contains(&row)
}

/// The work of a row, with its input.
pub(super) fn prepare(
    row: &str,
    batch: usize,
    size: Option<u16>,
) -> Result<(Task, TensorF32), Failure> {
    if is_network(row) {
        let [_, own, _] = zoo::info(row)?.input;
        let size = size.map_or(own, usize::from);
        let model = zoo::build_sized(row, SEED, batch, size)?;
        let input = task::repeat(&model.graph, image::photograph(size)?)?;
        let task = Task::of_zoo(model, SEED, Calibration::default(), false)?;
        return Ok((task, input));
    }
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    let graph = operation(row)?;
    let mut params = Params::new();
    for node in graph.nodes() {
        for (role, shape) in piquet_nn_ops::model::expected(&graph, node)? {
            // Sums of so many products stay near one.
            let scale = 1.0 / ((shape.elements() / shape.batch()) as f32).sqrt();
            let factor = if role == Role::Weight { scale } else { 1.0 };
            params.insert(&node.name, role, uniform(shape, factor, &mut rng)?);
        }
    }
    let input = uniform(graph.input_shape()?.clone(), 4.0, &mut rng)?;
    let model = Model { graph, params };
    let samples = std::slice::from_ref(&input);
    let task = Task::new(model, samples, Calibration::default())?;
    Ok((task, input))
}

/// One node: a million comparisons, the first pool of ResNet, a square matrix product with secret weights.
fn operation(row: &str) -> Result<Graph, Failure> {
    let graph = |shape: Shape, add: &dyn Fn(&mut GraphBuilder) -> _| {
        let mut g = GraphBuilder::new(row, shape);
        let y = add(&mut g);
        g.finish(y)
    };
    let input = GraphBuilder::input;
    Ok(match row {
        "relu-1e6" => graph(Shape::nchw(1, 64, 125, 125)?, &|g| g.relu("relu", input(g))),
        "maxpool-stem" => graph(Shape::nchw(1, 64, 112, 112)?, &|g| {
            g.max_pool("pool", input(g), MaxPool::new(3, 2).padding(1))
        }),
        "matmul-1024" => graph(Shape::nchw(1, 1024, 32, 32)?, &|g| {
            g.conv("product", input(g), Conv::new(1024, 1))
        }),
        other => return Err(format!("there is no row `{other}`").into()),
    }?)
}

/// Uniform in -`limit` to `limit`.
fn uniform(shape: Shape, limit: f32, rng: &mut ChaCha20Rng) -> Result<TensorF32, Failure> {
    let unit = |r: u32| (r >> 8) as f32 / (1u32 << 23) as f32 - 1.0;
    let data = (0..shape.elements()).map(|_| unit(rng.next_u32()) * limit);
    let data = data.collect();
    Ok(TensorF32::new(shape, data)?)
}

/// Seconds and bytes of an operation: without sharing its input and opening its result, as peers count.
pub(super) fn of_operation(report: &Report) -> (f64, u64) {
    let own = report.layers.iter().filter(|l| {
        l.phase != Phase::Setup && !matches!(l.op.as_str(), "weights" | "input" | "reveal")
    });
    own.fold((0.0, 0), |(s, b), l| (s + l.seconds, b + l.bytes))
}
