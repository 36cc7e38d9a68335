//! Doors for fuzzers: whatever these bytes are, nothing panics, and what is accepted survives a round trip.

use super::{
    Arithmetic, Format, Function, Graph, GraphBuilder, LayerNorm, Norm, Op, Program,
    QuantizedParams, Role, Shape, Softmax, Step, Tensor,
};
#[cfg(feature = "onnx")]
use super::{Calibration, TensorF32, quantize};
use crate::Error;
use crate::engine::Truncation;
use crate::plain::Plain;
use crate::plan::plan;
use crate::pool::Pool;
use crate::rep3::Rep3Cost;
use crate::run;

/// JSON of a graph.
pub fn graph_json(bytes: &[u8]) {
    if let Ok(g) = Graph::from_json(bytes) {
        let again = g.to_json().and_then(|json| Graph::from_json(&json));
        assert_eq!(again, Ok(g));
    }
}

/// JSON of a program.
pub fn program_json(bytes: &[u8]) {
    if let Ok(p) = Program::from_json(bytes) {
        let again = p.to_json().and_then(|json| Program::from_json(&json));
        assert_eq!(again, Ok(p));
    }
}

/// A function in a program: which one, the sides of a matrix, formats, and values. It is refused, or it has a plan, and
/// for values below their bound a result or an error.
pub fn functions(bytes: &[u8]) {
    let Some((which, rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let Some((formats, rest)) = rest.split_first_chunk::<8>() else {
        return;
    };
    let [op, n] = which.map(usize::from);
    let n = 1 + n % 4;
    let format = |at: usize| {
        let [frac, bound] = [2 * at, 2 * at + 1].map(|i| formats.get(i).copied().unwrap_or(0));
        Format::z64(u32::from(frac % 64), u32::from(bound % 64)).ok()
    };
    let (Some(from), Some(to)) = (format(0), format(1)) else {
        return;
    };
    let (Some(gamma), Some(beta)) = (format(2), format(3)) else {
        return;
    };
    let softmax = |log, causal| Op::Softmax(Softmax { log, causal });
    let eps = if n % 2 == 0 { 0.0 } else { 1e-5 };
    let rows = [
        (softmax(false, false), Arithmetic::Function),
        (softmax(true, false), Arithmetic::Function),
        (softmax(false, true), Arithmetic::Function),
        (Op::Div, Arithmetic::Function),
        (
            Op::LayerNorm(LayerNorm { eps }),
            Arithmetic::Norm(Norm { gamma, beta }),
        ),
    ];
    let of_one = Function::ALL.map(|f| (Op::Function(f), Arithmetic::Function));
    let mut all: Vec<_> = of_one.into_iter().chain(rows).collect();
    let (op, arithmetic) = all.swap_remove(op % all.len());
    // Then values, at the ends of their range where there are too few.
    let mut words = rest.chunks_exact(8).map(|w| {
        let word = w.iter().rev().fold(0u64, |all, b| all << 8 | u64::from(*b));
        word as i64
    });
    let mut values = |len: usize, bound: u32| -> Vec<i64> {
        let end = (1i64 << bound.min(62)) - 1;
        let ends = [end, -end, 0, 1];
        let value = |i: usize| match words.next() {
            Some(w) => w >> (63 - bound.min(62)),
            None => ends.get(i % 4).copied().unwrap_or(0),
        };
        (0..len).map(value).map(|v| v.clamp(-end, end)).collect()
    };
    let made = || {
        let mut g = GraphBuilder::new("functions", Shape::new(&[n, n])?);
        let x = g.input();
        let inputs = if op == Op::Div { vec![x; 2] } else { vec![x] };
        let y = g.node("f", op, &inputs);
        let step = |format, arithmetic| Step { format, arithmetic };
        let steps = vec![step(from, Arithmetic::Exact), step(to, arithmetic)];
        Program::new(g.finish(y)?, steps)
    };
    let Ok(program) = made() else {
        return;
    };
    let input = values(n * n, from.bound());
    let [gammas, betas] = [gamma, beta].map(|f| values(n, f.bound()));
    let run = || -> Result<(), Error> {
        let mut params = QuantizedParams::new();
        if let Arithmetic::Norm(_) = arithmetic {
            let row = |values| Tensor::new(Shape::new(&[n])?, values);
            params.insert("f", Role::Gamma, row(gammas)?);
            params.insert("f", Role::Beta, row(betas)?);
        }
        plan(Rep3Cost::new(64), &program, Truncation::Stochastic)?;
        let mut plain = Plain::new(Pool::new(1)?);
        for mode in [Truncation::Exact, Truncation::Stochastic] {
            let (params, input) = (Some(&params), Some(&input[..]));
            let result = run::infer(&mut plain, &program, params, input, mode, &mut |_| {});
            drop(result);
        }
        Ok(())
    };
    let done = run();
    assert!(done.is_ok(), "{program:?}: {done:?}");
}

/// An ONNX file.
#[cfg(feature = "onnx")]
pub fn onnx(bytes: &[u8]) {
    if let Ok(imported) = crate::onnx::import(bytes, None, &crate::onnx::Options::default()) {
        assert_eq!(imported.params.check(&imported.graph), Ok(()));
        let again = imported
            .graph
            .to_json()
            .and_then(|json| Graph::from_json(&json));
        assert_eq!(again, Ok(imported.graph));
    }
}

/// A small ONNX file, all the way to a plan: what the reference evaluates is quantized or refused, and what is
/// quantized runs.
#[cfg(feature = "onnx")]
pub fn imported(bytes: &[u8]) {
    let mut options = crate::onnx::Options::default();
    options.limits.constants = 1 << 16;
    options.limits.value = 1 << 12;
    let Ok(network) = crate::onnx::import(bytes, None, &options) else {
        return;
    };
    let (graph, params) = (&network.graph, &network.params);
    let elements: usize = graph.shapes().iter().map(Shape::elements).sum();
    let (Ok(shape), true) = (
        graph.input_shape(),
        graph.macs() < 1 << 18 && elements < 1 << 14,
    ) else {
        return;
    };
    let number = |i: usize| (i * 7919 % 2003) as f32 / 1001.5 - 1.0;
    let numbers = (0..shape.elements()).map(number).collect();
    let Ok(sample) = TensorF32::new(shape.clone(), numbers) else {
        return;
    };
    let samples = core::slice::from_ref(&sample);
    let Ok((program, raw)) = quantize(graph, params, samples, Calibration::of(graph)) else {
        return;
    };
    assert_eq!(raw.prove(&program), Ok(()));
    let run = || -> Result<(), Error> {
        let mode = Truncation::Nearest;
        plan(Rep3Cost::new(program.width()?), &program, mode)?;
        let input = run::encode(&program, &sample)?;
        let mut plain = Plain::new(Pool::new(1)?);
        let (params, input) = (Some(&raw), Some(&input[..]));
        run::infer(&mut plain, &program, params, input, mode, &mut |_| {})?;
        Ok(())
    };
    let done = run();
    // A value may leave the range that calibration saw: rounding, or a function outside of its domain.
    let fine = matches!(
        done,
        Ok(()) | Err(Error::Overflow { .. } | Error::Range { .. })
    );
    assert!(fine, "{program:?}: {done:?}");
}
