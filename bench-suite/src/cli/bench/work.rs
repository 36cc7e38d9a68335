//! What is measured: networks of the zoo, and single operations as networks of one node.
//!
//! A network's formats come from calibration. An operation's are declared here, because a comparison costs its window:
//! its inputs fill what was declared, to the ends.

use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::model::{
    Calibration, Conv, Graph, GraphBuilder, MaxPool, Params, Ranges, Role, Shape, TensorF32,
    expected, quantize_as_is,
};
use piquet_nn_ops::run;
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

/// One node with a declared format.
struct Operation {
    row: &'static str,
    /// The row under which peers list the same work.
    like: &'static str,
    ring_bits: u32,
    /// Raw inputs are below 2 to this.
    bound: u32,
    /// Raw results are below 2 to this.
    result: u32,
}

const fn operation(row: &'static str, like: &'static str, ring_bits: u32, bound: u32) -> Operation {
    Operation {
        row,
        like,
        ring_bits,
        bound,
        result: bound,
    }
}

/// A ReLU compares on one bit more than its bound, a maximum (of differences) on two; 31 bits are the widest window in a
/// ring of 32. The first pool of ResNet-50, calibrated, declares a bound of 18. Sums of the product have one bit more than its
/// operands, which leaves room for a shift by 14 bits in both rings.
const OPERATIONS: [Operation; 7] = [
    operation("relu-1e6", "relu-1e6", 32, 30),
    operation("relu-1e6-z64", "relu-1e6", 64, 31),
    operation("maxpool-stem", "maxpool-stem", 32, 18),
    operation("maxpool-stem-w31", "maxpool-stem", 32, 29),
    operation("maxpool-stem-z64", "maxpool-stem", 64, 30),
    Operation {
        result: 16,
        ..operation("matmul-1024", "matmul-1024", 32, 15)
    },
    Operation {
        result: 16,
        ..operation("matmul-1024-z64", "matmul-1024", 64, 15)
    },
];

/// All rows.
pub(crate) fn rows() -> Vec<&'static str> {
    let operations = OPERATIONS.iter().map(|o| o.row);
    NETWORKS.into_iter().chain(operations).collect()
}

/// The name under which peers are listed for a row.
pub(crate) fn like(row: &'static str) -> &'static str {
    let known = OPERATIONS.iter().find(|o| o.row == row);
    known.map_or(row, |o| o.like)
}

pub(super) fn is_network(row: &str) -> bool {
    NETWORKS.contains(&row)
}

/// Work with its input, and its answer in the clear.
pub(super) struct Prepared {
    pub(super) task: Task,
    /// Raw, in memory order.
    pub(super) encoded: Vec<i64>,
    pub(super) reference: TensorF32,
}

/// The work of a row.
pub(super) fn prepare(row: &str, batch: usize, size: Option<u16>) -> Result<Prepared, Failure> {
    if let Some(o) = OPERATIONS.iter().find(|o| o.row == row) {
        return o.prepare();
    }
    let [_, own, _] = zoo::info(row)?.input;
    let size = size.map_or(own, usize::from);
    let model = zoo::build_sized(row, SEED, batch, size)?;
    let input = task::repeat(&model.graph, image::photograph(size)?)?;
    let task = Task::of_zoo(model, SEED, Calibration::default(), false)?;
    Ok(Prepared {
        encoded: task.encode(&input)?,
        reference: task.reference(&input)?,
        task,
    })
}

impl Operation {
    fn prepare(&self) -> Result<Prepared, Failure> {
        let mut rng = ChaCha20Rng::seed_from_u64(SEED);
        let graph = self.graph()?;
        let mut params = Params::new();
        for node in graph.nodes() {
            for (role, shape) in expected(&graph, node)? {
                // Sums of so many products stay near one.
                let scale = 1.0 / ((shape.elements() / shape.batch()) as f32).sqrt();
                let factor = if role == Role::Weight { scale } else { 1.0 };
                params.insert(&node.name, role, uniform(shape, factor, &mut rng)?);
            }
        }
        let calibration = Calibration {
            margin_bits: 0,
            width: Some(self.ring_bits),
            ..Calibration::default()
        };
        // A range of 2^(b - 1) units is declared as a bound of b.
        let range = |bound: u32| (f64::from(bound - 1) - f64::from(calibration.frac)).exp2() as f32;
        let declared = vec![range(self.bound), range(self.result)];
        let ranges = Ranges::declared(&graph, declared)?;
        let (program, raw) = quantize_as_is(&graph, &params, &ranges, calibration)?;
        let task = Task {
            program,
            params: raw,
            model: Model { graph, params },
        };
        let spec = run::input_spec(&task.program)?;
        let encoded = spread(spec.len(), self.bound, &mut rng);
        let real: Vec<f32> = encoded
            .iter()
            .map(|r| spec.format.decode(*r) as f32)
            .collect();
        let input = TensorF32::new(spec.shape.clone(), run::to_logical(&spec.shape, &real))?;
        Ok(Prepared {
            encoded,
            reference: task.reference(&input)?,
            task,
        })
    }

    /// One node: a million comparisons, the first pool of ResNet, a square matrix product with secret weights.
    fn graph(&self) -> Result<Graph, Failure> {
        let graph = |shape: Shape, add: &dyn Fn(&mut GraphBuilder) -> _| {
            let mut g = GraphBuilder::new(self.row, shape);
            let y = add(&mut g);
            g.finish(y)
        };
        let input = GraphBuilder::input;
        Ok(match self.like {
            "relu-1e6" => graph(Shape::nchw(1, 64, 125, 125)?, &|g| g.relu("relu", input(g))),
            "maxpool-stem" => graph(Shape::nchw(1, 64, 112, 112)?, &|g| {
                g.max_pool("pool", input(g), MaxPool::new(3, 2).padding(1))
            }),
            "matmul-1024" => graph(Shape::nchw(1, 1024, 32, 32)?, &|g| {
                g.conv("product", input(g), Conv::new(1024, 1))
            }),
            other => return Err(format!("there is no operation `{other}`").into()),
        }?)
    }
}

/// Uniform in -`limit` to `limit`.
fn uniform(shape: Shape, limit: f32, rng: &mut ChaCha20Rng) -> Result<TensorF32, Failure> {
    let unit = |r: u32| (r >> 8) as f32 / (1u32 << 23) as f32 - 1.0;
    let data = (0..shape.elements()).map(|_| unit(rng.next_u32()) * limit);
    let data = data.collect();
    Ok(TensorF32::new(shape, data)?)
}

/// Numbers with |v| < 2^bound: zero and both ends first, then every other one uniform and the rest of all magnitudes.
fn spread(n: usize, bound: u32, rng: &mut ChaCha20Rng) -> Vec<i64> {
    let limit = (1i64 << bound) - 1;
    let mut all: Vec<i64> = (0..n)
        .map(|i| {
            let uniform = ((rng.next_u64() as i64) >> (63 - bound)).clamp(-limit, limit);
            let less = if i % 2 == 0 {
                0
            } else {
                rng.next_u32() % bound
            };
            uniform >> less
        })
        .collect();
    for (place, v) in all.iter_mut().zip([0, 1, -1, limit, -limit]) {
        *place = v;
    }
    all
}

/// Refuses a result that is further from the oracle's than a truncation may be: one unit where a coin decides.
pub(super) fn check_raw(got: &[i64], want: &[i64], mode: Truncation) -> Result<(), Failure> {
    let coin = i64::from(matches!(mode, Truncation::Stochastic | Truncation::Local));
    let off = |(g, w): (&i64, &i64)| !(0..=coin).contains(&(g - w));
    if got.len() != want.len() || got.iter().zip(want).any(off) {
        return Err("the answer is wrong: not the oracle's to the last place".into());
    }
    Ok(())
}

/// Seconds and bytes of an operation: without sharing its input and opening its result, as peers count.
pub(super) fn of_operation(report: &Report) -> (f64, u64) {
    let own = report.layers.iter().filter(|l| {
        l.phase != Phase::Setup && !matches!(l.op.as_str(), "weights" | "input" | "reveal")
    });
    own.fold((0.0, 0), |(s, b), l| (s + l.seconds, b + l.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_fill_their_window_to_both_ends() {
        for bound in [15, 18, 30, 31] {
            let mut rng = ChaCha20Rng::seed_from_u64(SEED);
            let all = spread(10_000, bound, &mut rng);
            let limit = (1i64 << bound) - 1;
            assert!(all.iter().all(|v| v.abs() <= limit));
            for want in [0, 1, -1, limit, -limit] {
                assert!(all.contains(&want), "{bound} {want}");
            }
            // Every bit length, with both signs.
            for bits in 1..=bound {
                let long = |v: &&i64| u64::BITS - v.unsigned_abs().leading_zeros() == bits;
                let (above, below): (Vec<i64>, _) = all.iter().filter(long).partition(|v| **v > 0);
                assert!(!above.is_empty() && !below.is_empty(), "{bound} {bits}");
            }
        }
    }

    #[test]
    fn operations_are_what_their_names_say() {
        for o in &OPERATIONS {
            let ready = prepare(o.row, 1, None).unwrap();
            let spec = run::input_spec(&ready.task.program).unwrap();
            assert_eq!(spec.format.bound(), o.bound, "{}", o.row);
            let out = run::output_spec(&ready.task.program).unwrap();
            assert_eq!(out.format.bound(), o.result, "{}", o.row);
            // Every value is within what was declared, or this fails.
            let oracle = ready.task.oracle(&ready.encoded, Truncation::Exact, 2);
            assert_eq!(oracle.unwrap().len(), out.len(), "{}", o.row);
            if o.like == "matmul-1024" {
                assert_eq!(ready.task.program.graph().macs(), 1 << 30);
            }
        }
    }

    #[test]
    fn answers_are_held_to_the_last_place() {
        let (exact, coin) = (Truncation::Exact, Truncation::Stochastic);
        assert!(check_raw(&[5, -3], &[5, -3], exact).is_ok());
        assert!(check_raw(&[6, -3], &[5, -3], exact).is_err());
        assert!(check_raw(&[6, -3], &[5, -3], coin).is_ok());
        assert!(check_raw(&[4, -3], &[5, -3], coin).is_err());
        assert!(check_raw(&[5], &[5, -3], coin).is_err());
    }
}
