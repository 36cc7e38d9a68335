//! Training in the clear: stochastic gradient descent on the cross entropy of a softmax, in `f32` on one core.
//!
//! It makes the weights of [`crate::zoo::digits`], and is meant for networks of that size. The forward pass is the
//! reference of `piquet-nn-ops`; the backward pass knows convolutions, fully connected layers, ReLUs, pools, sums and
//! flattening. What is drawn comes from the generator that is passed in: the same draws give the same weights on one
//! platform, while exponentials and cosines may differ in their last bits from one to another.

mod backward;

use piquet_nn_ops::model::{Graph, ModelError, Params, Role, TensorF32, reference};
use rand_core::Rng;

/// How to train.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// Passes over the examples.
    pub epochs: usize,
    /// First learning rate; it falls to zero along half a cosine.
    pub rate: f32,
    /// Part of the last step that the next one keeps.
    pub momentum: f32,
    /// Part of a weight that a step at rate 1 takes away; biases keep all.
    pub decay: f32,
    /// Each time a picture is shown it is moved by up to so many pixels in both directions, with zeros behind it.
    pub shift: usize,
}

/// Why a network cannot be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Labels and images do not match, or do not fill a batch.
    #[error("{labels} labels for {images} images, in batches of {batch}")]
    Count {
        /// Labels given.
        labels: usize,
        /// Images given.
        images: usize,
        /// Images in one step.
        batch: usize,
    },
    /// A label that the network has no logit for.
    #[error("a label is {label}, and there are {classes} classes")]
    Label {
        /// The label.
        label: usize,
        /// Logits of the network.
        classes: usize,
    },
    /// The network cannot be evaluated, or an operator cannot be differentiated.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Trains the parameters of a graph, whose batch is that of one step. `progress` sees each epoch with its mean loss.
/// What an epoch has beyond whole batches waits for the next order.
pub fn train(
    graph: &Graph,
    params: &mut Params,
    images: &TensorF32,
    labels: &[usize],
    recipe: Recipe,
    rng: &mut impl Rng,
    progress: &mut dyn FnMut(usize, f64),
) -> Result<(), TrainError> {
    let shape = graph.input_shape()?;
    let [batch, _, height, width] = shape.as_nchw();
    let count = images.shape().batch();
    if labels.len() != count || count < batch {
        return Err(TrainError::Count {
            labels: labels.len(),
            images: count,
            batch,
        });
    }
    let mut examples: Vec<(&[f32], usize)> = images
        .data()
        .chunks_exact(shape.elements() / batch)
        .zip(labels.iter().copied())
        .collect();
    let mut velocity = Params::new();
    let steps = recipe.epochs * (count / batch);
    let mut step = 0;
    for epoch in 0..recipe.epochs {
        shuffle(&mut examples, rng);
        let mut sum = 0.0;
        for chosen in examples.chunks_exact(batch) {
            let mut data = Vec::with_capacity(shape.elements());
            for (image, _) in chosen {
                let by = [(); 2].map(|()| offset(recipe.shift, rng));
                data.extend(moved(image, [height, width], by));
            }
            let labels: Vec<usize> = chosen.iter().map(|(_, label)| *label).collect();
            let input = TensorF32::new(shape.clone(), data)?;
            let (loss, gradients) = gradients(graph, params, &input, &labels)?;
            let turn = core::f32::consts::PI * step as f32 / steps as f32;
            let rate = recipe.rate * 0.5 * (1.0 + turn.cos());
            descend(params, &gradients, &mut velocity, recipe, rate)?;
            sum += loss;
            step += 1;
        }
        progress(epoch, sum / (count / batch) as f64);
    }
    Ok(())
}

/// Mean cross entropy over the batch, and its gradient by every parameter.
pub fn gradients(
    graph: &Graph,
    params: &Params,
    input: &TensorF32,
    labels: &[usize],
) -> Result<(f64, Params), TrainError> {
    params.check(graph)?;
    let mut values = Vec::with_capacity(graph.nodes().len());
    let logits = reference::run_with(graph, input, |node, inputs| {
        let y = reference::apply(node, params, inputs)?;
        values.push(y.clone());
        Ok(y)
    })?;
    let (loss, slope) = cross_entropy(&logits, labels)?;
    Ok((loss, backward::run(graph, params, &values, slope)?))
}

/// The largest logit of each row.
#[must_use]
pub fn classes(logits: &TensorF32) -> Vec<usize> {
    let rows = logits.data().chunks(logits.shape().channels());
    rows.map(|row| {
        let all = row.iter().enumerate();
        let first = |best: (usize, f32), (i, v): (usize, &f32)| {
            if *v > best.1 { (i, *v) } else { best }
        };
        all.fold((0, f32::NEG_INFINITY), first).0
    })
    .collect()
}

/// Mean over the rows of minus the logarithm of the label's softmax, and its gradient by the logits.
fn cross_entropy(logits: &TensorF32, labels: &[usize]) -> Result<(f64, TensorF32), TrainError> {
    let (batch, classes) = (logits.shape().batch(), logits.shape().channels());
    if labels.len() != batch {
        return Err(TrainError::Count {
            labels: labels.len(),
            images: batch,
            batch,
        });
    }
    let mut slope = logits.clone();
    let mut sum = 0.0;
    for (row, label) in slope.data_mut().chunks_exact_mut(classes).zip(labels) {
        let label = *label;
        let Some(own) = row.get(label).copied() else {
            return Err(TrainError::Label { label, classes });
        };
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f64 = row.iter().map(|v| f64::from(v - top).exp()).sum();
        sum += total.ln() - f64::from(own - top);
        for (i, v) in row.iter_mut().enumerate() {
            let softmax = f64::from(*v - top).exp() / total;
            *v = ((softmax - f64::from(u8::from(i == label))) / batch as f64) as f32;
        }
    }
    Ok((sum / batch as f64, slope))
}

/// One step with momentum, after Sutskever et al., "On the importance of initialization and momentum in deep learning",
/// 2013, without Nesterov's term.
fn descend(
    params: &mut Params,
    gradients: &Params,
    velocity: &mut Params,
    recipe: Recipe,
    rate: f32,
) -> Result<(), ModelError> {
    for (node, role, gradient) in gradients.iter() {
        let Some(old) = params.get(node, role) else {
            continue;
        };
        let decay = if role == Role::Weight {
            recipe.decay
        } else {
            0.0
        };
        let before = velocity.get(node, role).map(TensorF32::data);
        let at = |i: usize| before.and_then(|v| v.get(i)).copied().unwrap_or(0.0);
        let all = gradient.data().iter().zip(old.data()).enumerate();
        let v: Vec<f32> = all
            .map(|(i, (g, w))| recipe.momentum * at(i) + g + decay * w)
            .collect();
        let moved = old.data().iter().zip(&v).map(|(w, v)| w - rate * v);
        let new = TensorF32::new(old.shape().clone(), moved.collect())?;
        velocity.insert(node, role, TensorF32::new(old.shape().clone(), v)?);
        params.insert(node, role, new);
    }
    Ok(())
}

/// Fisher and Yates. The bias of the remainder is below 2^-32 times the number of items.
fn shuffle<T>(items: &mut [T], rng: &mut impl Rng) {
    for i in (1..items.len()).rev() {
        items.swap(i, (rng.next_u64() % (i as u64 + 1)) as usize);
    }
}

/// -`most` to `most`, all as likely.
fn offset(most: usize, rng: &mut impl Rng) -> isize {
    (rng.next_u64() % (2 * most as u64 + 1)) as isize - most as isize
}

/// Every plane moved down and right.
fn moved(image: &[f32], [height, width]: [usize; 2], [down, right]: [isize; 2]) -> Vec<f32> {
    let mut out = vec![0.0; image.len()];
    let planes = out.chunks_exact_mut(height * width);
    for (out, plane) in planes.zip(image.chunks_exact(height * width)) {
        for (i, v) in plane.iter().enumerate() {
            let y = (i / width).checked_add_signed(down).filter(|y| *y < height);
            let x = (i % width).checked_add_signed(right).filter(|x| *x < width);
            if let (Some(y), Some(x)) = (y, x) {
                out[y * width + x] = *v;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;
