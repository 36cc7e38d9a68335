//! The network in `f32`, as PyTorch would evaluate it on one core: the yardstick of every engine, and what
//! calibration runs on.

mod gemm;
mod rows;

use super::{
    AvgPool, Conv, Graph, MaxPool, ModelError, Node, Op, Pad, Params, Role, Shape, TensorF32,
};
use gemm::gemm;

/// The result for one input.
pub fn run(graph: &Graph, params: &Params, input: &TensorF32) -> Result<TensorF32, ModelError> {
    run_observed(graph, params, input, |_, _| {})
}

/// The result for one input; `observe` sees every node with its value, in order.
pub fn run_observed(
    graph: &Graph,
    params: &Params,
    input: &TensorF32,
    mut observe: impl FnMut(&Node, &TensorF32),
) -> Result<TensorF32, ModelError> {
    params.check(graph)?;
    run_with(graph, input, |node, inputs| {
        let y = apply(node, params, inputs)?;
        observe(node, &y);
        Ok(y)
    })
}

/// Evaluates a graph whose nodes are evaluated by `step`; values are dropped after their last use.
///
/// The step of the input node gets the input. With it, parameters can be set on the way.
pub fn run_with(
    graph: &Graph,
    input: &TensorF32,
    mut step: impl FnMut(&Node, &[&TensorF32]) -> Result<TensorF32, ModelError>,
) -> Result<TensorF32, ModelError> {
    if input.shape() != graph.input_shape()? {
        return Err(ModelError::InputShape {
            graph: graph.name().to_owned(),
            got: input.shape().clone(),
            want: graph.input_shape()?.clone(),
        });
    }
    let mut uses = graph.uses();
    let mut values: Vec<Option<TensorF32>> = Vec::with_capacity(uses.len());
    for (node, want) in graph.nodes().iter().zip(graph.shapes()) {
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for id in &node.inputs {
            let x = values.get(id.index()).and_then(Option::as_ref);
            inputs.push(x.ok_or_else(|| refuse(node, "takes a value that is not there"))?);
        }
        if node.op == Op::Input {
            inputs.push(input);
        }
        let y = step(node, &inputs)?;
        if y.shape() != want {
            return Err(refuse(node, "was evaluated to another shape"));
        }
        values.push(Some(y));
        for id in &node.inputs {
            if let Some(u) = uses.get_mut(id.index()) {
                *u -= 1;
                if *u == 0 {
                    values[id.index()] = None;
                }
            }
        }
    }
    let result = values.into_iter().nth(graph.output().index()).flatten();
    result.ok_or_else(|| ModelError::graph(graph.name(), "its output is not there"))
}

/// Evaluates one node; its parameters must have the shapes that the inputs ask for.
pub fn apply(node: &Node, params: &Params, inputs: &[&TensorF32]) -> Result<TensorF32, ModelError> {
    let Some(&x) = inputs.first() else {
        return Err(refuse(node, "takes no value"));
    };
    if node.op == Op::Input {
        return Ok(x.clone());
    }
    let shapes: Vec<&Shape> = inputs.iter().map(|t| t.shape()).collect();
    let shape = node.op.infer(&shapes).map_err(|e| refuse(node, &e))?;
    for (role, dims) in node.op.parameters(x.shape()) {
        let got = params.need(node, role)?.shape();
        if got.dims() != dims {
            return Err(ModelError::ParameterShape {
                node: node.name.clone(),
                op: node.op.name(),
                role,
                got: got.clone(),
                want: Shape::new(&dims)?,
            });
        }
    }
    let vector = |role| params.need(node, role).map(TensorF32::data);
    let mut y = TensorF32::filled(shape, 0.0);
    match &node.op {
        Op::Conv(a) => {
            let bias = if a.bias {
                Some(vector(Role::Bias)?)
            } else {
                None
            };
            conv(a, x, vector(Role::Weight)?, bias, &mut y);
        }
        Op::Linear(a) => {
            let (weight, features) = (vector(Role::Weight)?, x.shape().channels());
            rows::linear(x.data(), features, weight, y.data_mut());
            if a.bias {
                let bias = vector(Role::Bias)?;
                for y in y.data_mut().chunks_exact_mut(a.out_features) {
                    y.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
                }
            }
        }
        Op::BatchNorm(a) => {
            let (mean, var) = (vector(Role::Mean)?, vector(Role::Var)?);
            let (gamma, beta) = (vector(Role::Gamma)?, vector(Role::Beta)?);
            per_channel(x, &mut y, |c, v| {
                (v - mean[c]) / (var[c] + a.eps).sqrt() * gamma[c] + beta[c]
            });
        }
        Op::ChannelAffine => {
            let (weight, bias) = (vector(Role::Weight)?, vector(Role::Bias)?);
            per_channel(x, &mut y, |c, v| v * weight[c] + bias[c]);
        }
        Op::ChannelShift => {
            let bias = vector(Role::Bias)?;
            per_channel(x, &mut y, |c, v| v + bias[c]);
        }
        Op::Relu => elementwise(x, &mut y, |x| x.max(0.0)),
        Op::Clip(a) => elementwise(x, &mut y, |x| a.apply(x)),
        Op::LeakyRelu(a) => elementwise(x, &mut y, |x| a.apply(x)),
        Op::MaxPool(a) => max_pool(a, x, &mut y),
        Op::AvgPool(a) => avg_pool(a, x, &mut y),
        Op::GlobalAvgPool => {
            let [_, _, h, w] = x.shape().as_nchw();
            let channels = x.data().chunks_exact(h * w);
            for (y, x) in y.data_mut().iter_mut().zip(channels) {
                *y = (x.iter().map(|v| f64::from(*v)).sum::<f64>() / (h * w) as f64) as f32;
            }
        }
        Op::Add => pairwise(inputs, &mut y, |a, b| a + b),
        Op::Sub => pairwise(inputs, &mut y, |a, b| a - b),
        Op::Mul => pairwise(inputs, &mut y, |a, b| a * b),
        Op::Div => pairwise(inputs, &mut y, |a, b| a / b),
        Op::MatMul(a) => {
            if let [left, right] = inputs {
                rows::mat_mul(*a, left, right, &mut y);
            }
        }
        Op::Softmax(a) => rows::softmax(*a, x, &mut y),
        Op::LayerNorm(a) => {
            let affine = [vector(Role::Gamma)?, vector(Role::Beta)?];
            rows::layer_norm(*a, x, affine, &mut y);
        }
        Op::Function(f) => elementwise(x, &mut y, |x| f.apply(x)),
        Op::Scale(factor) => elementwise(x, &mut y, |x| x * factor),
        Op::Offset => {
            let offset = vector(Role::Bias)?;
            let all = y.data_mut().iter_mut().zip(x.data()).zip(offset);
            all.for_each(|((y, x), b)| *y = x + b);
        }
        Op::Fill(a) => rows::fill(a, x, &mut y),
        Op::Concat => concat(inputs, &mut y),
        Op::Input | Op::Flatten => y.data_mut().copy_from_slice(x.data()),
        Op::View(a) => {
            for (y, at) in y.data_mut().iter_mut().zip(a.sources()) {
                *y = x.data()[at];
            }
        }
        Op::Pad(a) => pad(a, x, &mut y),
        Op::Argmax => {
            let rows = x.data().chunks_exact(x.shape().channels());
            for (y, row) in y.data_mut().iter_mut().zip(rows) {
                let mut best = 0;
                for (i, v) in row.iter().enumerate() {
                    if *v > row[best] {
                        best = i;
                    }
                }
                *y = best as f32;
            }
        }
    }
    Ok(y)
}

fn refuse(node: &Node, reason: &str) -> ModelError {
    ModelError::Node {
        node: node.name.clone(),
        op: node.op.name(),
        reason: reason.to_owned(),
    }
}

fn elementwise(x: &TensorF32, y: &mut TensorF32, f: impl Fn(f32) -> f32) {
    let all = y.data_mut().iter_mut().zip(x.data());
    all.for_each(|(y, x)| *y = f(*x));
}

fn pairwise(inputs: &[&TensorF32], y: &mut TensorF32, f: impl Fn(f32, f32) -> f32) {
    if let [a, b] = inputs {
        let all = y.data_mut().iter_mut().zip(a.data()).zip(b.data());
        all.for_each(|((y, a), b)| *y = f(*a, *b));
    }
}

fn pad(a: &Pad, x: &TensorF32, y: &mut TensorF32) {
    let [_, _, h, w] = x.shape().as_nchw();
    let [rows, columns] = a.sources([h, w]);
    let planes = y.data_mut().chunks_exact_mut(rows.len() * columns.len());
    for (x, y) in x.data().chunks_exact(h * w).zip(planes) {
        for (row, y) in rows.iter().zip(y.chunks_exact_mut(columns.len())) {
            for (column, y) in columns.iter().zip(y) {
                if let (Some(r), Some(c)) = (row, column) {
                    *y = x[r * w + c];
                }
            }
        }
    }
}

fn per_channel(x: &TensorF32, y: &mut TensorF32, f: impl Fn(usize, f32) -> f32) {
    let [_, channels, h, w] = x.shape().as_nchw();
    let planes = x.data().chunks_exact(h * w);
    for (i, (x, y)) in planes.zip(y.data_mut().chunks_exact_mut(h * w)).enumerate() {
        let c = i % channels;
        x.iter().zip(y).for_each(|(x, y)| *y = f(c, *x));
    }
}

fn conv(a: &Conv, x: &TensorF32, weight: &[f32], bias: Option<&[f32]>, y: &mut TensorF32) {
    let [_, channels, h, w] = x.shape().as_nchw();
    let [_, _, oh, ow] = y.shape().as_nchw();
    let [kh, kw] = a.kernel;
    let (ic, oc) = (channels / a.groups, a.out_channels / a.groups);
    let (k, n) = (ic * kh * kw, oh * ow);
    let plain = kh * kw == 1 && a.stride == [1, 1] && a.padding == [0; 4];
    // Groups of images and of channels are contiguous in x and y alike; weights repeat with every image.
    let groups = x.data().chunks_exact(ic * h * w);
    for (g, (x, y)) in groups
        .zip(y.data_mut().chunks_exact_mut(oc * n))
        .enumerate()
    {
        let g = g % a.groups;
        if let Some(bias) = bias {
            for (y, b) in y.chunks_exact_mut(n).zip(&bias[g * oc..]) {
                y.fill(*b);
            }
        }
        let weight = &weight[g * oc * k..][..oc * k];
        if plain {
            gemm(
                [oc, k, n],
                weight,
                |p, js, out| out.copy_from_slice(&x[p * n..][js]),
                y,
            );
        } else {
            let unfold = |p: usize, js: core::ops::Range<usize>, out: &mut [f32]| {
                let (plane, i, j) = (&x[p / (kh * kw) * h * w..][..h * w], p / kw % kh, p % kw);
                let (mut row, mut column) = (js.start / ow, js.start % ow);
                let mut out = out;
                while !out.is_empty() {
                    let (head, tail) = out.split_at_mut(out.len().min(ow - column));
                    let iy = (row * a.stride[0] + i * a.dilation[0]).wrapping_sub(a.padding[0]);
                    let ix = column * a.stride[1] + j * a.dilation[1];
                    match plane.chunks_exact(w).nth(iy) {
                        Some(line) if iy < h => {
                            for (o, cell) in head.iter_mut().enumerate() {
                                let ix = (ix + o * a.stride[1]).wrapping_sub(a.padding[1]);
                                *cell = line.get(ix).copied().unwrap_or(0.0);
                            }
                        }
                        _ => head.fill(0.0),
                    }
                    (row, column, out) = (row + 1, 0, tail);
                }
            };
            gemm([oc, k, n], weight, unfold, y);
        }
    }
}

/// The part of window `o` that lies within `0..n`.
fn clip(
    o: usize,
    kernel: usize,
    stride: usize,
    before: usize,
    n: usize,
) -> core::ops::Range<usize> {
    let start = o * stride;
    start.saturating_sub(before)..(start + kernel).saturating_sub(before).min(n)
}

fn max_pool(a: &MaxPool, x: &TensorF32, y: &mut TensorF32) {
    pool(x, y, a.kernel, a.stride, a.padding, |window, _| {
        window.fold(f32::NEG_INFINITY, f32::max)
    });
}

fn avg_pool(a: &AvgPool, x: &TensorF32, y: &mut TensorF32) {
    let [_, _, h, w] = x.shape().as_nchw();
    pool(x, y, a.kernel, a.stride, a.padding, |window, at| {
        window.sum::<f32>() / a.divisor([h, w], at) as f32
    });
}

fn pool(
    x: &TensorF32,
    y: &mut TensorF32,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 4],
    f: impl Fn(&mut dyn Iterator<Item = f32>, [usize; 2]) -> f32,
) {
    let [_, _, h, w] = x.shape().as_nchw();
    let [_, _, oh, ow] = y.shape().as_nchw();
    let planes = x.data().chunks_exact(h * w);
    for (x, y) in planes.zip(y.data_mut().chunks_exact_mut(oh * ow)) {
        for (o, out) in y.iter_mut().enumerate() {
            let (row, column) = (o / ow, o % ow);
            let rows = clip(row, kernel[0], stride[0], padding[0], h);
            let columns = clip(column, kernel[1], stride[1], padding[1], w);
            let mut window = rows.flat_map(|r| x[r * w..][columns.clone()].iter().copied());
            *out = f(&mut window, [row, column]);
        }
    }
}

fn concat(inputs: &[&TensorF32], y: &mut TensorF32) {
    let batch = y.shape().batch();
    let mut out = y.data_mut();
    for n in 0..batch {
        for x in inputs {
            let len = x.data().len() / batch;
            let (head, tail) = out.split_at_mut(len);
            head.copy_from_slice(&x.data()[n * len..][..len]);
            out = tail;
        }
    }
}

#[cfg(test)]
mod tests;
