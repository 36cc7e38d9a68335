//! Programs evaluated in plain 64-bit integers: how far from the reference is the arithmetic that parties imitate?
//!
//! Written from the definitions, without anything of the engines.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use piquet_bench_suite::{image, zoo};
use piquet_nn_ops::model::{
    Arithmetic, Calibration, NodeId, Op, Program, QuantizedParams, Role, Shape, TensorF32,
    quantize, reference,
};
use std::time::Instant;

/// Every value of the program as raw integers, with rescales to nearest; panics if a bound does not hold.
fn evaluate(program: &Program, raw: &QuantizedParams, input: &TensorF32) -> Vec<i64> {
    let graph = program.graph();
    let format = program.input_format().unwrap();
    let mut values: Vec<Vec<i64>> = Vec::new();
    for (node, step, shape) in program.iter() {
        let x = node
            .inputs
            .first()
            .map(|id| (&values[id.index()], graph.shape(*id).unwrap()));
        let weight = raw.get(&node.name, Role::Weight).map(|t| t.data());
        let bias = raw.get(&node.name, Role::Bias).map(|t| t.data());
        let channels = shape.channels();
        let plane = shape.elements() / shape.batch() / channels;
        let mut y = match (&node.op, x) {
            (Op::Input, _) => input
                .data()
                .iter()
                .map(|v| format.encode((*v).into()))
                .collect(),
            (Op::Conv(_), Some((x, from))) => conv(&node.op, x, from, weight.unwrap(), shape),
            (Op::Linear(_), Some((x, from))) => {
                let rows = x.chunks(from.channels());
                let dot = |(row, w): (&[i64], &[i64])| row.iter().zip(w).map(|(a, b)| a * b).sum();
                rows.flat_map(|row| {
                    weight
                        .unwrap()
                        .chunks(row.len())
                        .map(move |w| dot((row, w)))
                })
                .collect()
            }
            (Op::ChannelAffine, Some((x, _))) => {
                let scaled = x
                    .iter()
                    .enumerate()
                    .map(|(i, v)| v * weight.unwrap()[i / plane % channels]);
                scaled.collect()
            }
            (Op::ChannelShift, Some((x, _))) => {
                let bias = bias.unwrap();
                let shifted = x.iter().enumerate();
                shifted
                    .map(|(i, v)| v + bias[i / plane % channels])
                    .collect()
            }
            (Op::Relu, Some((x, _))) => x.iter().map(|v| *v.max(&0)).collect(),
            (Op::Flatten, Some((x, _))) => x.clone(),
            (Op::Add, Some((x, _))) => {
                let other = &values[node.inputs[1].index()];
                x.iter().zip(other).map(|(a, b)| a + b).collect()
            }
            (Op::Concat, Some(_)) => {
                let part = |n: usize, id: &NodeId| {
                    let v = &values[id.index()];
                    v[v.len() / shape.batch() * n..][..v.len() / shape.batch()].to_vec()
                };
                let images = 0..shape.batch();
                images
                    .flat_map(|n| node.inputs.iter().flat_map(move |id| part(n, id)))
                    .collect()
            }
            (Op::GlobalAvgPool, Some((x, from))) => {
                let plane = from.elements() / shape.elements();
                x.chunks(plane).map(|p| p.iter().sum()).collect()
            }
            (Op::MaxPool(a), Some((x, from))) => {
                windows(x, from, shape, (a.kernel, a.stride, a.padding), |w| {
                    w.max().unwrap()
                })
            }
            (Op::AvgPool(a), Some((x, from))) => {
                windows(x, from, shape, (a.kernel, a.stride, a.padding), |w| w.sum())
            }
            (op, _) => panic!("{}", op.name()),
        };
        let (bound, shift) = match step.arithmetic {
            Arithmetic::Product(p) => {
                for (i, v) in y.iter_mut().enumerate() {
                    *v += bias.map_or(0, |b| b[i / plane % channels]);
                }
                (p.accumulator.bound(), step.shift())
            }
            Arithmetic::Mean(m) => {
                y.iter_mut().for_each(|v| *v *= m.multiplier);
                (62, m.shift)
            }
            _ => (step.format.bound(), 0),
        };
        for v in &mut y {
            assert!(v.unsigned_abs() < 1 << bound, "{} {v} 2^{bound}", node.name);
            *v = if shift == 0 {
                *v
            } else {
                (*v + (1 << (shift - 1))) >> shift
            };
            assert!(
                v.unsigned_abs() < 1 << step.format.bound(),
                "{} {v}",
                node.name
            );
        }
        values.push(y);
    }
    values.swap_remove(graph.output().index())
}

fn windows(
    x: &[i64],
    from: &Shape,
    to: &Shape,
    (kernel, stride, padding): ([usize; 2], [usize; 2], [usize; 4]),
    f: impl Fn(&mut dyn Iterator<Item = i64>) -> i64,
) -> Vec<i64> {
    let ([_, _, h, w], [_, _, oh, ow]) = (from.as_nchw(), to.as_nchw());
    let clip = |o: usize, d: usize, n: usize| {
        let start = o * stride[d];
        start.saturating_sub(padding[d])..(start + kernel[d] - padding[d]).min(n)
    };
    let one = |p: &[i64], o: usize| {
        let (rows, columns) = (clip(o / ow, 0, h), clip(o % ow, 1, w));
        f(&mut rows.flat_map(|r| columns.clone().map(move |c| p[r * w + c])))
    };
    x.chunks(h * w)
        .flat_map(|p| (0..oh * ow).map(|o| one(p, o)).collect::<Vec<_>>())
        .collect()
}

fn conv(op: &Op, x: &[i64], from: &Shape, weight: &[i64], to: &Shape) -> Vec<i64> {
    let Op::Conv(a) = op else { return Vec::new() };
    let ([_, c, h, w], [n, _, oh, ow]) = (from.as_nchw(), to.as_nchw());
    let [kh, kw] = a.kernel;
    let (ic, oc) = (c / a.groups, a.out_channels / a.groups);
    let mut y = Vec::with_capacity(to.elements());
    for image in 0..n * a.groups {
        let x = &x[image * ic * h * w..][..ic * h * w];
        let mut unfolded = vec![0i64; ic * kh * kw * oh * ow];
        for (p, row) in unfolded.chunks_mut(oh * ow).enumerate() {
            for (o, cell) in row.iter_mut().enumerate() {
                let r =
                    (o / ow * a.stride[0] + p / kw % kh * a.dilation[0]).wrapping_sub(a.padding[0]);
                let s = (o % ow * a.stride[1] + p % kw * a.dilation[1]).wrapping_sub(a.padding[1]);
                if r < h && s < w {
                    *cell = x[(p / (kh * kw) * h + r) * w + s];
                }
            }
        }
        for o in 0..oc {
            let mut out = vec![0i64; oh * ow];
            let row = &weight[(image % a.groups * oc + o) * ic * kh * kw..];
            for (k, column) in row.iter().zip(unfolded.chunks(oh * ow)) {
                out.iter_mut().zip(column).for_each(|(y, x)| *y += k * x);
            }
            y.extend(out);
        }
    }
    y
}

/// Largest error of the result, relative to the range of the reference; and whether both name the same class.
fn compare(name: &str, size: usize, seed: u64, calibration: Calibration) -> (f64, bool) {
    let start = Instant::now();
    let model = zoo::build_sized(name, seed, 1, size).unwrap();
    let built = start.elapsed();
    let x = image::photograph(size).unwrap();
    let start = Instant::now();
    let want = reference::run(&model.graph, &model.params, &x).unwrap();
    let reference = start.elapsed();
    let start = Instant::now();
    let (program, raw) = quantize(
        &model.graph,
        &model.params,
        std::slice::from_ref(&x),
        calibration,
    )
    .unwrap();
    let quantized = start.elapsed();
    raw.prove(&program).unwrap();
    let format = program.output_format().unwrap();
    let got: Vec<f64> = evaluate(&program, &raw, &x)
        .iter()
        .map(|v| format.decode(*v))
        .collect();
    let (low, high) = want.range();
    let off = got
        .iter()
        .zip(want.data())
        .fold(0f64, |m, (a, b)| m.max((a - f64::from(*b)).abs()));
    let top = |v: &mut dyn Iterator<Item = f64>| {
        v.enumerate()
            .fold((0, f64::MIN), |m, c| if c.1 > m.1 { c } else { m })
            .0
    };
    let same = top(&mut got.iter().copied()) == top(&mut want.data().iter().map(|v| f64::from(*v)));
    let off = off / f64::from(high - low);
    let worst = program.iter().filter_map(|(_, s, _)| match s.arithmetic {
        Arithmetic::Product(p) => Some(p.worst_bound),
        _ => None,
    });
    let bounds = program.iter().map(|(_, s, _)| s.format.bound()).max();
    println!(
        "{name} {size} seed {seed} {calibration:?}: error {:.3} % of {:.2}, same class: {same}, bounds {bounds:?}, at worst {:?}; built in {built:.2?}, reference {reference:.2?}, quantized in {quantized:.2?}",
        off * 100.0,
        high - low,
        worst.max(),
    );
    (off, same)
}

#[test]
fn defaults_are_precise_enough() {
    for (name, size) in [
        ("tiny", 16),
        ("resnet50", 64),
        ("squeezenet1_1", 64),
        ("densenet121", 64),
    ] {
        let (error, _) = compare(name, size, 1, Calibration::default());
        assert!(error < 0.01, "{name} {error}");
    }
}

/// The table behind the defaults: `cargo test --release --test fixed_point -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes"]
fn accuracy_by_precision() {
    for (name, size, seeds) in [
        ("resnet50", 64, 6),
        ("resnet50", 224, 1),
        ("squeezenet1_1", 224, 1),
    ] {
        let table = [
            (8, 12),
            (10, 10),
            (10, 12),
            (10, 14),
            (12, 12),
            (12, 14),
            (14, 14),
            (16, 16),
        ];
        for (seed, (frac, weight_frac)) in (1..=seeds).flat_map(|s| table.map(|t| (s, t))) {
            let calibration = Calibration {
                frac,
                weight_frac,
                margin_bits: 2,
                ..Calibration::default()
            };
            compare(name, size, seed, calibration);
        }
    }
}

/// Ranges were seen in the photograph; another picture stays within their margin.
#[test]
fn other_pictures_stay_in_range() {
    for (name, size) in [
        ("tiny", 16),
        ("resnet50", 64),
        ("squeezenet1_1", 64),
        ("densenet121", 64),
    ] {
        let model = zoo::build_sized(name, 2, 1, size).unwrap();
        let seen = image::photograph(size).unwrap();
        let samples = std::slice::from_ref(&seen);
        let default = Calibration::default();
        let (program, raw) = quantize(&model.graph, &model.params, samples, default).unwrap();
        let mut negative = seen.clone();
        negative.data_mut().reverse();
        negative.data_mut().iter_mut().for_each(|v| *v = -*v);
        let want = reference::run(&model.graph, &model.params, &negative).unwrap();
        let (low, high) = want.range();
        let format = program.output_format().unwrap();
        for (got, want) in evaluate(&program, &raw, &negative).iter().zip(want.data()) {
            let off = format.decode(*got) - f64::from(*want);
            assert!(off.abs() < 0.01 * f64::from(high - low), "{name} {off}");
        }
    }
}
