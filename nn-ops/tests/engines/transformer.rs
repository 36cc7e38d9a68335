//! Operators of transformers in whole programs: the oracle beside the reference in `f32`.
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::model::{
    Calibration, Fill, Function, Graph, GraphBuilder, LayerNorm, Mask, MatMul, NodeId, Op, Params,
    Role, Shape, Softmax, TensorF32, View, quantize, reference,
};
use piquet_nn_ops::plain::Plain;
use piquet_nn_ops::pool::Pool;
use piquet_nn_ops::run;

/// Numbers between -1 and 1.
fn numbers(shape: &Shape, scale: f32) -> TensorF32 {
    let number = |i: usize| ((i * 7919 + i * i * 31) % 2003) as f32 / 1001.5 - 1.0;
    let data = (0..shape.elements()).map(|i| scale * number(i)).collect();
    TensorF32::new(shape.clone(), data).unwrap()
}

/// Largest difference between oracle and reference, in units of the last place of the result.
fn error(graph: &Graph, params: &Params, x: &TensorF32) -> f64 {
    let c = Calibration::of(graph);
    let samples = std::slice::from_ref(x);
    let (program, raw) = quantize(graph, params, samples, c).unwrap();
    raw.prove(&program).unwrap();
    let mut plain = Plain::new(Pool::new(1).unwrap());
    let encoded = run::encode(&program, x).unwrap();
    let mode = Truncation::Nearest;
    let y = run::infer(
        &mut plain,
        &program,
        Some(&raw),
        Some(&encoded),
        mode,
        &mut |_| {},
    );
    let y = run::decode(&program, &y.unwrap().unwrap()).unwrap();
    let want = reference::run(graph, params, x).unwrap();
    assert_eq!(y.shape(), want.shape());
    let unit = f64::from(program.output_format().unwrap().frac()).exp2();
    let far = y.data().iter().zip(want.data());
    far.map(|(a, b)| f64::from((a - b).abs()) * unit)
        .fold(0.0, f64::max)
}

fn graph(dims: &[usize], add: impl FnOnce(&mut GraphBuilder, NodeId) -> NodeId) -> Graph {
    let mut g = GraphBuilder::new("one", Shape::new(dims).unwrap());
    let x = g.input();
    let y = add(&mut g, x);
    g.finish(y).unwrap()
}

#[test]
fn functions_are_near() {
    for f in Function::ALL {
        let g = graph(&[5, 60], |g, x| g.node("f", Op::Function(f), &[x]));
        let mut x = numbers(g.input_shape().unwrap(), 4.0);
        if matches!(
            f,
            Function::Log | Function::Sqrt | Function::Rsqrt | Function::Reciprocal
        ) {
            x.data_mut().iter_mut().for_each(|v| *v = v.abs() + 0.5);
        }
        let off = error(&g, &Params::new(), &x);
        // The input is rounded, too; the steepest is e^4.
        let most = if f == Function::Exp { 40.0 } else { 6.0 };
        assert!(off < most, "{f:?}: {off}");
    }
}

#[test]
fn functions_of_rows_are_near_in_any_arrangement() {
    for dims in [&[6, 6][..], &[3, 6, 6], &[2, 3, 6, 6]] {
        for (log, causal) in [(false, false), (true, false), (false, true)] {
            let g = graph(dims, |g, x| {
                g.node("softmax", Op::Softmax(Softmax { log, causal }), &[x])
            });
            let x = numbers(g.input_shape().unwrap(), 4.0);
            let off = error(&g, &Params::new(), &x);
            assert!(off < 4.0, "{dims:?} {log} {causal}: {off}");
        }
        let g = graph(dims, |g, x| {
            let y = g.node("norm", Op::LayerNorm(LayerNorm { eps: 1e-5 }), &[x]);
            g.add("add", y, x)
        });
        let mut params = Params::new();
        let row = Shape::new(&[6]).unwrap();
        params.insert("norm", Role::Gamma, numbers(&row, 1.5));
        params.insert("norm", Role::Beta, numbers(&row, 0.5));
        let off = error(&g, &params, &numbers(g.input_shape().unwrap(), 4.0));
        assert!(off < 6.0, "{dims:?}: {off}");
    }
}

#[test]
fn products_of_values_are_taken_in_any_arrangement() {
    // Two heads of three dimensions, as attention takes them.
    let part = |at: usize| View {
        dims: vec![2, 2, 4, 3],
        strides: vec![48, 3, 12, 1],
        offset: at * 6,
        shape: vec![2, 2, 4, 3],
    };
    for transposed in [false, true] {
        let g = graph(&[8, 12], |g, x| {
            let a = g.view("a", x, part(0));
            let b = g.view("b", x, part(1));
            let b = match transposed {
                true => b,
                false => g.view("turned", b, View::transpose(&[2, 2, 4, 3], &[0, 1, 3, 2])),
            };
            let y = g.node("y", Op::MatMul(MatMul { transposed }), &[a, b]);
            let y = g.node("half", Op::Scale(0.5), &[y]);
            let y = g.node("third", Op::Scale(0.3), &[y]);
            let keep = Mask::Causal;
            g.node("masked", Op::Fill(Fill { keep, value: -1e30 }), &[y])
        });
        let x = numbers(g.input_shape().unwrap(), 3.0);
        let mut y = error(&clipped(&g), &Params::new(), &x);
        assert!(y < 30.0, "{y}");
        let back = graph(&[2, 3, 2, 2], |g, x| {
            let y = g.node("y", Op::MatMul(MatMul { transposed: true }), &[x, x]);
            g.relu("relu", y)
        });
        let x = numbers(back.input_shape().unwrap(), 3.0);
        y = error(&back, &Params::new(), &x);
        assert!(y < 30.0, "{y}");
    }
}

/// Ends in values that both can show: what is masked is minus infinity to the reference, and a large number to the engine.
fn clipped(g: &Graph) -> Graph {
    let mut b = GraphBuilder::new("clipped", g.input_shape().unwrap().clone());
    let mut last = b.input();
    for (i, node) in g.nodes().iter().enumerate().skip(1) {
        last = b.node(&node.name, node.op.clone(), &node.inputs);
        assert_eq!(last.index(), i);
    }
    let clip = piquet_nn_ops::model::Clip {
        min: Some(-20.0),
        max: Some(20.0),
    };
    last = b.clip("clip", last, clip);
    b.finish(last).unwrap()
}

#[test]
fn quotients_and_offsets_are_near() {
    let g = graph(&[3, 2, 5, 2], |g, x| {
        let p = g.node("offset", Op::Offset, &[x]);
        let q = g.mul("square", p, p);
        let q = g.node("one", Op::Offset, &[q]);
        g.node("quotient", Op::Div, &[p, q])
    });
    let shape = g.input_shape().unwrap().clone();
    let mut params = Params::new();
    params.insert("offset", Role::Bias, numbers(&shape, 2.0));
    params.insert("one", Role::Bias, TensorF32::filled(shape.clone(), 1.0));
    let off = error(&g, &params, &numbers(&shape, 1.5));
    assert!(off < 8.0, "{off}");
}
