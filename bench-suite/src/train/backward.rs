//! The backward pass: from the gradient by the result of a graph to those by its parameters, node by node from the last.

use core::ops::Range;
use piquet_nn_ops::model::{
    AvgPool, Conv, Graph, MaxPool, ModelError, Node, Op, Params, Role, Shape, TensorF32,
};

/// Gradients by all parameters, out of the value of every node and the gradient by the result.
pub(super) fn run(
    graph: &Graph,
    params: &Params,
    values: &[TensorF32],
    slope: TensorF32,
) -> Result<Params, ModelError> {
    let mut gradients = Params::new();
    let mut slopes: Vec<Option<TensorF32>> = vec![None; graph.nodes().len()];
    add(&mut slopes, graph.output().index(), slope);
    for (i, node) in graph.nodes().iter().enumerate().rev() {
        let Some(dy) = slopes.get_mut(i).and_then(Option::take) else {
            continue;
        };
        for (of, dx) in inputs(node, params, values, dy, &mut gradients)? {
            add(&mut slopes, of, dx);
        }
    }
    Ok(gradients)
}

fn add(slopes: &mut [Option<TensorF32>], at: usize, dx: TensorF32) {
    match slopes.get_mut(at) {
        Some(Some(sum)) => {
            let all = sum.data_mut().iter_mut().zip(dx.data());
            all.for_each(|(sum, dx)| *sum += dx);
        }
        Some(empty) => *empty = Some(dx),
        None => {}
    }
}

/// The gradients by the inputs of one node; those by its parameters are put to the others.
fn inputs(
    node: &Node,
    params: &Params,
    values: &[TensorF32],
    dy: TensorF32,
    gradients: &mut Params,
) -> Result<Vec<(usize, TensorF32)>, ModelError> {
    let refuse = |reason: &str| ModelError::Node {
        node: node.name.clone(),
        op: node.op.name(),
        reason: reason.to_owned(),
    };
    let Some(of) = node.inputs.first().map(|id| id.index()) else {
        return Ok(Vec::new());
    };
    let x = values.get(of).ok_or_else(|| refuse("has no value"))?;
    let mut dx = TensorF32::filled(x.shape().clone(), 0.0);
    let [_, channels, h, w] = x.shape().as_nchw();
    match &node.op {
        Op::Conv(a) => {
            let weight = params.need(node, Role::Weight)?;
            let dw = conv(a, x, weight, &dy, &mut dx);
            gradients.insert(&node.name, Role::Weight, dw);
            if a.bias {
                gradients.insert(&node.name, Role::Bias, per_channel(&dy)?);
            }
        }
        Op::Linear(a) => {
            let weight = params.need(node, Role::Weight)?;
            let mut dw = TensorF32::filled(weight.shape().clone(), 0.0);
            let rows = x.data().chunks_exact(channels);
            let rows = rows.zip(dx.data_mut().chunks_exact_mut(channels));
            for ((x, dx), dy) in rows.zip(dy.data().chunks_exact(a.out_features)) {
                let weights = weight.data().chunks_exact(channels);
                let weights = weights.zip(dw.data_mut().chunks_exact_mut(channels));
                for ((w, dw), dy) in weights.zip(dy) {
                    accumulate(dx, w, *dy);
                    accumulate(dw, x, *dy);
                }
            }
            gradients.insert(&node.name, Role::Weight, dw);
            if a.bias {
                gradients.insert(&node.name, Role::Bias, per_channel(&dy)?);
            }
        }
        Op::Relu => {
            let all = dx.data_mut().iter_mut().zip(x.data()).zip(dy.data());
            all.for_each(|((dx, x), dy)| *dx = if *x > 0.0 { *dy } else { 0.0 });
        }
        Op::MaxPool(a) => max_pool(a, x, &dy, &mut dx),
        Op::AvgPool(a) => avg_pool(a, &dy, &mut dx),
        Op::GlobalAvgPool => {
            let planes = dx.data_mut().chunks_exact_mut(h * w);
            planes
                .zip(dy.data())
                .for_each(|(dx, dy)| dx.fill(dy / (h * w) as f32));
        }
        Op::Flatten => dx.data_mut().copy_from_slice(dy.data()),
        Op::Add => {
            return Ok(node
                .inputs
                .iter()
                .map(|id| (id.index(), dy.clone()))
                .collect());
        }
        _ => return Err(refuse("cannot be trained through")),
    }
    Ok(vec![(of, dx)])
}

/// `sum += x * factor`
fn accumulate(sum: &mut [f32], x: &[f32], factor: f32) {
    sum.iter_mut()
        .zip(x)
        .for_each(|(sum, x)| *sum += x * factor);
}

/// Sums over all but the second dimension.
fn per_channel(dy: &TensorF32) -> Result<TensorF32, ModelError> {
    let [_, channels, h, w] = dy.shape().as_nchw();
    let mut sums = vec![0f32; channels];
    for planes in dy.data().chunks_exact(channels * h * w) {
        for (sum, plane) in sums.iter_mut().zip(planes.chunks_exact(h * w)) {
            *sum += plane.iter().sum::<f32>();
        }
    }
    TensorF32::new(Shape::new(&[channels])?, sums)
}

/// The gradient by the weight; that by the input is added to `dx`.
fn conv(
    a: &Conv,
    x: &TensorF32,
    weight: &TensorF32,
    dy: &TensorF32,
    dx: &mut TensorF32,
) -> TensorF32 {
    let [_, channels, h, w] = x.shape().as_nchw();
    let [_, _, oh, ow] = dy.shape().as_nchw();
    let (ic, oc) = (channels / a.groups, a.out_channels / a.groups);
    let taps = a.kernel[0] * a.kernel[1];
    let mut dw = TensorF32::filled(weight.shape().clone(), 0.0);
    // Groups of images and of channels are contiguous in x and y alike; weights repeat with every image.
    let groups = x.data().chunks_exact(ic * h * w);
    let groups = groups.zip(dx.data_mut().chunks_exact_mut(ic * h * w));
    for (g, ((x, dx), dy)) in groups.zip(dy.data().chunks_exact(oc * oh * ow)).enumerate() {
        let first = g % a.groups * oc * ic;
        for (k, (kernel, dw)) in weight.data()[first * taps..]
            .chunks_exact(taps)
            .zip(dw.data_mut()[first * taps..].chunks_exact_mut(taps))
            .take(oc * ic)
            .enumerate()
        {
            let dy = &dy[k / ic * oh * ow..][..oh * ow];
            let plane = k % ic * h * w..(k % ic + 1) * h * w;
            let (x, dx) = (&x[plane.clone()], &mut dx[plane]);
            for (tap, (weight, dw)) in kernel.iter().zip(dw).enumerate() {
                let (i, j) = (tap / a.kernel[1], tap % a.kernel[1]);
                for (row, dy) in dy.chunks_exact(ow).enumerate() {
                    let r = (row * a.stride[0] + i * a.dilation[0]).wrapping_sub(a.padding[0]);
                    if r >= h {
                        continue;
                    }
                    for (column, dy) in dy.iter().enumerate() {
                        let c =
                            (column * a.stride[1] + j * a.dilation[1]).wrapping_sub(a.padding[1]);
                        if c < w {
                            *dw += x[r * w + c] * dy;
                            dx[r * w + c] += weight * dy;
                        }
                    }
                }
            }
        }
    }
    dw
}

/// The part of window `o` that lies within `0..n`.
fn clip(o: usize, kernel: usize, stride: usize, before: usize, n: usize) -> Range<usize> {
    let start = o * stride;
    start.saturating_sub(before)..(start + kernel).saturating_sub(before).min(n)
}

/// The whole gradient goes to the largest value of a window, the first if there are several.
fn max_pool(a: &MaxPool, x: &TensorF32, dy: &TensorF32, dx: &mut TensorF32) {
    let [_, _, h, w] = x.shape().as_nchw();
    let [_, _, oh, ow] = dy.shape().as_nchw();
    let planes = x.data().chunks_exact(h * w);
    let planes = planes.zip(dx.data_mut().chunks_exact_mut(h * w));
    for ((x, dx), dy) in planes.zip(dy.data().chunks_exact(oh * ow)) {
        for (o, dy) in dy.iter().enumerate() {
            let columns = clip(o % ow, a.kernel[1], a.stride[1], a.padding[1], w);
            let rows = clip(o / ow, a.kernel[0], a.stride[0], a.padding[0], h);
            let places = rows.flat_map(|r| columns.clone().map(move |c| r * w + c));
            let best = places.reduce(|best, p| if x[p] > x[best] { p } else { best });
            if let Some(best) = best {
                dx[best] += dy;
            }
        }
    }
}

fn avg_pool(a: &AvgPool, dy: &TensorF32, dx: &mut TensorF32) {
    let [_, _, h, w] = dx.shape().as_nchw();
    let [_, _, oh, ow] = dy.shape().as_nchw();
    let planes = dx.data_mut().chunks_exact_mut(h * w);
    for (dx, dy) in planes.zip(dy.data().chunks_exact(oh * ow)) {
        for (o, dy) in dy.iter().enumerate() {
            let share = dy / a.divisor([h, w], [o / ow, o % ow]) as f32;
            let columns = clip(o % ow, a.kernel[1], a.stride[1], a.padding[1], w);
            for r in clip(o / ow, a.kernel[0], a.stride[0], a.padding[0], h) {
                dx[r * w..][columns.clone()]
                    .iter_mut()
                    .for_each(|v| *v += share);
            }
        }
    }
}
