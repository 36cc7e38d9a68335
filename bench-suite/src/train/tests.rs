//! Gradients are those of finite differences, and descending them learns.

use super::*;
use piquet_nn_ops::model::{AvgPool, Conv, GraphBuilder, MaxPool, Shape, expected};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn noise(shape: Shape, rng: &mut ChaCha20Rng) -> TensorF32 {
    let mut value = || (rng.next_u32() >> 8) as f32 / (1u32 << 23) as f32 - 1.0;
    let data = (0..shape.elements()).map(|_| value()).collect();
    TensorF32::new(shape, data).unwrap()
}

fn noisy(graph: &Graph, rng: &mut ChaCha20Rng) -> Params {
    let mut params = Params::new();
    for node in graph.nodes() {
        for (role, shape) in expected(graph, node).unwrap() {
            params.insert(&node.name, role, noise(shape, rng));
        }
    }
    params
}

/// Every operator that can be trained through, with every attribute.
fn everything() -> Graph {
    let mut g = GraphBuilder::new("everything", Shape::nchw(3, 2, 9, 8).unwrap());
    let x = g.input();
    let a = g.conv("dilated", x, Conv::new(4, 3).padding(2).dilation(2).bias());
    let a = g.relu("relu", a);
    let b = g.conv("grouped", a, Conv::new(4, 3).padding(1).groups(2));
    let b = g.add("sum", a, b);
    let b = g.max_pool("max", b, MaxPool::new(3, 2).padding(1));
    let b = g.conv("strided", b, Conv::new(6, 2).stride(2).padding(1).bias());
    let mean = AvgPool {
        padding: [1; 4],
        count_include_pad: false,
        ..AvgPool::new(2, 1)
    };
    let c = g.avg_pool("mean", b, mean);
    let f = g.flatten("flatten", c);
    let f = g.linear("hidden", f, 5);
    let f = g.relu("hidden.relu", f);
    let f = g.linear("logits", f, 3);
    let m = g.global_avg_pool("global", b);
    let m = g.flatten("global.flatten", m);
    let m = g.linear("global.logits", m, 3);
    let y = g.add("y", f, m);
    g.finish(y).unwrap()
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let graph = everything();
    let params = noisy(&graph, &mut rng);
    let input = noise(graph.input_shape().unwrap().clone(), &mut rng);
    let labels = [0, 2, 1];
    let (_, all) = gradients(&graph, &params, &input, &labels).unwrap();
    all.check(&graph).unwrap();
    let step = 1.0 / 1024.0;
    for (node, role, gradient) in all.iter() {
        let (mut off, mut norm) = (0f64, 0f64);
        for (i, slope) in gradient.data().iter().enumerate() {
            let moved = |by: f32| {
                let mut params = params.clone();
                let mut t = params.get(node, role).unwrap().clone();
                t.data_mut()[i] += by;
                params.insert(node, role, t);
                gradients(&graph, &params, &input, &labels).unwrap().0
            };
            let want = (moved(step) - moved(-step)) / f64::from(2.0 * step);
            off += (f64::from(*slope) - want).powi(2);
            norm += want.powi(2);
        }
        // A ReLU or a maximum that changes sides within the step puts single differences off, not all of them.
        let off = (off / norm).sqrt();
        assert!(norm > 1e-4 && off < 0.01, "{node} {role}: {off} of {norm}");
    }
}

#[test]
fn a_small_network_learns_which_half_is_bright() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let net = |batch| {
        let mut g = GraphBuilder::new("halves", Shape::nchw(batch, 1, 4, 4).unwrap());
        let x = g.input();
        let x = g.conv("conv", x, Conv::new(4, 3).padding(1).bias());
        let x = g.relu("relu", x);
        let x = g.flatten("flatten", x);
        let y = g.linear("fc", x, 2);
        g.finish(y).unwrap()
    };
    let mut images = noise(Shape::nchw(200, 1, 4, 4).unwrap(), &mut rng);
    let labels: Vec<usize> = (0..200).map(|i| i % 2).collect();
    for (image, label) in images.data_mut().chunks_exact_mut(16).zip(&labels) {
        image[label * 8..][..8].iter_mut().for_each(|v| *v += 1.0);
    }
    let recipe = Recipe {
        epochs: 20,
        rate: 0.05,
        momentum: 0.9,
        decay: 1e-4,
        shift: 0,
    };
    let graph = net(10);
    let start = noisy(&graph, &mut rng);
    let run = |seed| {
        let mut params = start.clone();
        let mut losses = Vec::new();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut note = |_, loss| losses.push(loss);
        train(
            &graph,
            &mut params,
            &images,
            &labels,
            recipe,
            &mut rng,
            &mut note,
        )
        .unwrap();
        (params, losses)
    };
    let (params, losses) = run(3);
    assert_eq!(losses.len(), 20);
    assert!(losses[19] < 0.1 && losses[19] < losses[0], "{losses:?}");
    let logits = reference::run(&net(200), &params, &images).unwrap();
    let right = classes(&logits)
        .iter()
        .zip(&labels)
        .filter(|(a, b)| a == b)
        .count();
    assert!(right >= 190, "{right}");
    assert!(run(3).0 == params);
    assert!(run(4).0 != params);
}

#[test]
fn pictures_are_moved_with_zeros_behind_them() {
    let picture: Vec<f32> = (1..=12).map(|v| v as f32).collect();
    let moved = |by| moved(&picture, [3, 4], by);
    assert_eq!(moved([0, 0]), picture);
    let down = [0., 0., 0., 0., 1., 2., 3., 4., 5., 6., 7., 8.];
    assert_eq!(moved([1, 0]), down);
    let up_left = [6., 7., 8., 0., 10., 11., 12., 0., 0., 0., 0., 0.];
    assert_eq!(moved([-1, -1]), up_left);
    assert_eq!(moved([0, 4]), [0.0; 12]);
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let drawn: Vec<isize> = (0..300).map(|_| offset(1, &mut rng)).collect();
    for v in -1..=1 {
        let n = drawn.iter().filter(|d| **d == v).count();
        assert!((60..140).contains(&n), "{v}: {n}");
    }
}

#[test]
fn what_cannot_be_trained_is_named() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let graph = everything();
    let params = noisy(&graph, &mut rng);
    let input = noise(graph.input_shape().unwrap().clone(), &mut rng);
    let text = |labels: &[usize]| {
        let e = gradients(&graph, &params, &input, labels).unwrap_err();
        e.to_string()
    };
    assert_eq!(text(&[0, 3, 1]), "a label is 3, and there are 3 classes");
    assert_eq!(text(&[0]), "1 labels for 3 images, in batches of 3");
    let mut g = GraphBuilder::new("normed", Shape::nchw(1, 1, 2, 2).unwrap());
    let x = g.input();
    let x = g.batch_norm("norm", x);
    let y = g.flatten("flatten", x);
    let graph = g.finish(y).unwrap();
    let mut params = noisy(&graph, &mut rng);
    params.insert(
        "norm",
        Role::Var,
        TensorF32::filled(Shape::new(&[1]).unwrap(), 1.0),
    );
    let input = noise(graph.input_shape().unwrap().clone(), &mut rng);
    let e = gradients(&graph, &params, &input, &[0])
        .unwrap_err()
        .to_string();
    assert_eq!(e, "node `norm` (batch_norm): cannot be trained through");
}
