//! Seeded parameters, and the plain pass that keeps activations in range.
//!
//! Weights follow He et al., "Delving Deep into Rectifiers", 2015; where no batch norm follows, they are rescaled to
//! outputs of unit variance after Mishkin and Matas, "All you need is a good init", 2016. The normal distribution is
//! approximated by a sum of four uniform ones, which needs no transcendental function.

use super::ZooError;
use crate::image::{Pixels, photograph_as};
use piquet_nn_ops::model::{
    Graph, ModelError, Node, Op, Params, Role, Shape, TensorF32, expected, reference,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Standard deviation of biases and shifts.
const BIAS_STD: f32 = 0.1;
/// Scale of the last norm of a residual branch, so that a long sum of branches stays in range and rounding errors do not
/// grow along it.
const RESIDUAL_GAMMA: f32 = 0.5;
/// With more branches than this, the scale shrinks as their number grows.
const RESIDUAL_BRANCHES: usize = 16;
/// With fewer values than this, a channel has no statistics of its own.
const MIN_VALUES: usize = 32;

/// What the statistics are taken over: the photograph, and a mosaic of random colours.
pub(super) fn samples(
    seed: u64,
    [channels, size]: [usize; 2],
    pixels: Pixels,
) -> Result<TensorF32, ZooError> {
    let mut data = photograph_as([channels, size], pixels)?.into_data();
    let mut rng = generator(seed, u64::MAX);
    let tile = size.div_ceil(16).max(1);
    let tiles = size.div_ceil(tile);
    for c in 0..channels {
        let colours: Vec<f32> = (0..tiles * tiles)
            .map(|_| pixels.number(channels, c, (rng.next_u32() >> 24) as f32 / 255.0))
            .collect();
        for y in 0..size {
            let row = &colours[y / tile * tiles..];
            data.extend((0..size).map(|x| row[x / tile]));
        }
    }
    Ok(TensorF32::new(Shape::nchw(2, channels, size, size)?, data)?)
}

/// Numbers between -1 and 1 where nothing is known of what a network takes.
pub(super) fn noise(seed: u64, shape: &Shape) -> Result<TensorF32, ModelError> {
    let mut rng = generator(seed, u64::MAX);
    let number = |_| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0;
    TensorF32::new(shape.clone(), (0..shape.elements()).map(number).collect())
}

/// Parameters for a graph that is evaluated on the sample meanwhile.
pub(super) fn parameters(
    graph: &Graph,
    sample: &TensorF32,
    seed: u64,
) -> Result<Params, ModelError> {
    let branches = graph.nodes().iter().filter(|n| n.op == Op::Add).count();
    let residual_gamma =
        RESIDUAL_GAMMA * RESIDUAL_BRANCHES as f32 / branches.max(RESIDUAL_BRANCHES) as f32;
    let mut params = Params::new();
    let mut index = 0u64;
    reference::run_with(graph, sample, |node, inputs| {
        index += 1;
        let mut rng = generator(seed, index);
        match (&node.op, inputs.first()) {
            (Op::Conv(_) | Op::Linear(_), Some(x)) => {
                for (role, shape) in expected(graph, node)? {
                    let std = match role {
                        Role::Weight => (2.0 / (shape.elements() / shape.batch()) as f32).sqrt(),
                        _ => 0.0,
                    };
                    params.insert(&node.name, role, normal(shape, std, &mut rng)?);
                }
                if followed_by_norm(graph, node) {
                    reference::apply(node, &params, &[x])
                } else {
                    rescale(node, &mut params, x, &mut rng)
                }
            }
            (Op::BatchNorm(_), Some(x)) => {
                let gamma = if ends_residual(graph, node) {
                    residual_gamma
                } else {
                    1.0
                };
                let (mean, var) = statistics(x)?;
                let shape = mean.shape().clone();
                let beta = normal(shape.clone(), BIAS_STD, &mut rng)?;
                params.insert(&node.name, Role::Mean, mean);
                params.insert(&node.name, Role::Var, var);
                params.insert(&node.name, Role::Beta, beta);
                params.insert(&node.name, Role::Gamma, TensorF32::filled(shape, gamma));
                reference::apply(node, &params, &[x])
            }
            _ => reference::apply(node, &params, inputs),
        }
    })?;
    Ok(params)
}

/// Scales the weight to outputs of unit variance, then draws the bias.
fn rescale(
    node: &Node,
    params: &mut Params,
    x: &TensorF32,
    rng: &mut ChaCha20Rng,
) -> Result<TensorF32, ModelError> {
    let y = reference::apply(node, params, &[x])?;
    let n = y.data().len() as f64;
    let mean = y.data().iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let square = |v: &f32| (f64::from(*v) - mean) * (f64::from(*v) - mean);
    let var = y.data().iter().map(square).sum::<f64>() / n;
    let scale = if var > 0.0 {
        (1.0 / var.sqrt()) as f32
    } else {
        1.0
    };
    for (role, mut t) in params.remove(&node.name) {
        if role == Role::Bias {
            t = normal(t.shape().clone(), BIAS_STD, rng)?;
        } else {
            t.data_mut().iter_mut().for_each(|w| *w *= scale);
        }
        params.insert(&node.name, role, t);
    }
    reference::apply(node, params, &[x])
}

fn users<'a>(graph: &'a Graph, node: &'a Node) -> impl Iterator<Item = &'a Node> {
    let takes = |n: &&Node| {
        let mut inputs = n.inputs.iter().filter_map(|id| graph.node(*id).ok());
        inputs.any(|i| i.name == node.name)
    };
    graph.nodes().iter().filter(takes)
}

fn followed_by_norm(graph: &Graph, node: &Node) -> bool {
    users(graph, node).any(|n| matches!(n.op, Op::BatchNorm(_)))
}

/// The projection of the identity is the second input of its sum, and keeps its scale.
fn ends_residual(graph: &Graph, node: &Node) -> bool {
    users(graph, node).any(|n| {
        let first = n.inputs.first().and_then(|id| graph.node(*id).ok());
        n.op == Op::Add && first.is_some_and(|f| f.name == node.name)
    })
}

/// Mean and variance of each channel.
fn statistics(x: &TensorF32) -> Result<(TensorF32, TensorF32), ModelError> {
    let [n, c, h, w] = x.shape().as_nchw();
    let mut sums = vec![(0f64, 0f64); c];
    for (i, plane) in x.data().chunks_exact(h * w).enumerate() {
        let (sum, squares) = &mut sums[i % c];
        for v in plane {
            *sum += f64::from(*v);
            *squares += f64::from(*v) * f64::from(*v);
        }
    }
    let mut values = (n * h * w) as f64;
    if n * h * w < MIN_VALUES {
        let all = sums.iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        values *= c as f64;
        sums.fill(all);
    }
    let shape = Shape::new(&[c])?;
    let mean = sums.iter().map(|s| (s.0 / values) as f32).collect();
    let var = sums
        .iter()
        .map(|s| (s.1 / values - (s.0 / values) * (s.0 / values)).max(0.0) as f32)
        .collect();
    Ok((
        TensorF32::new(shape.clone(), mean)?,
        TensorF32::new(shape, var)?,
    ))
}

pub(super) fn generator(seed: u64, stream: u64) -> ChaCha20Rng {
    let mut bytes = [0u8; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut rng = ChaCha20Rng::from_seed(bytes);
    rng.set_stream(stream);
    rng
}

/// Sums of four uniform values of 16 bits, scaled to this standard deviation.
pub(super) fn normal(
    shape: Shape,
    std: f32,
    rng: &mut ChaCha20Rng,
) -> Result<TensorF32, ModelError> {
    // The variance of one value is (2^32 - 1) / 12, that of four a third of 2^32.
    let scale = std * 3f32.sqrt() / 65_536.0;
    let data = (0..shape.elements()).map(|_| {
        let r = rng.next_u64();
        let sum = (r & 0xffff) + (r >> 16 & 0xffff) + (r >> 32 & 0xffff) + (r >> 48);
        (sum as f32 - 131_070.0) * scale
    });
    let data = data.collect();
    TensorF32::new(shape, data)
}
