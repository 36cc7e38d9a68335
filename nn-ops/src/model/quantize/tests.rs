//! Programs: what quantization promises, and what a reader of JSON must refuse.

use super::*;
use crate::model::{
    AvgPool, Conv, Format, GraphBuilder, MaxPool, Mean, Role, Shape, Step, Tensor, fuzzing,
};
use proptest::prelude::*;

fn network() -> (Graph, Params, TensorF32) {
    let mut g = GraphBuilder::new("small", Shape::nchw(1, 2, 8, 8).unwrap());
    let x = g.input();
    let a = g.conv("conv", x, Conv::new(4, 3).padding(1).bias());
    let a = g.relu("relu", a);
    let a = g.max_pool("max", a, MaxPool::new(2, 2));
    let b = g.avg_pool("avg", x, AvgPool::new(2, 2));
    let c = g.concat("concat", &[a, b]);
    let d = g.add("add", c, c);
    let m = g.avg_pool("mean3", d, AvgPool::new(3, 1));
    let f = g.flatten("flatten", m);
    let l = g.linear("linear", f, 10);
    let y = g.argmax("argmax", l);
    let g = g.finish(y).unwrap();
    let mut p = Params::new();
    for (i, node) in g.nodes().iter().enumerate() {
        for (role, shape) in crate::model::expected(&g, node).unwrap() {
            let n = shape.elements();
            let v = (0..n).map(|k| ((k * 7919 + i * 31) % 101) as f32 / 50.0 - 1.0);
            p.insert(&node.name, role, Tensor::new(shape, v.collect()).unwrap());
        }
    }
    let x = Tensor::filled(g.input_shape().unwrap().clone(), 1.5f32);
    (g, p, x)
}

fn program() -> (Program, QuantizedParams) {
    in_width(Some(64))
}

fn in_width(width: Option<u32>) -> (Program, QuantizedParams) {
    let (g, p, x) = network();
    let c = Calibration {
        width,
        ..Calibration::default()
    };
    quantize(&g, &p, &[x], c).unwrap()
}

fn step(p: &Program, name: &str) -> Step {
    let found = p.iter().find(|(n, _, _)| n.name == name);
    *found.unwrap().1
}

#[test]
fn formats_follow_from_the_ranges() {
    let (p, raw) = program();
    // 1.5 * 2^12 < 2^13, and two bits of margin.
    assert_eq!(p.input_format().unwrap(), Format::z64(12, 15).unwrap());
    assert_eq!(step(&p, "argmax").format, Format::z64(0, 4).unwrap());
    assert_eq!(step(&p, "linear").shift(), 14);
    let mean = |name| match step(&p, name).arithmetic {
        Arithmetic::Mean(m) => (m.multiplier, m.shift),
        _ => (0, 0),
    };
    assert_eq!(mean("avg"), (1, 2));
    assert_eq!(mean("mean3"), (((1i64 << 20) + 4) / 9, 20));
    raw.prove(&p).unwrap();
    let conv = raw.get("conv", Role::Bias).unwrap();
    let want = (network().1.get("conv", Role::Bias).unwrap().data()[1] * exp2(26) as f32).round();
    assert_eq!(conv.data()[1], want as i64);
}

#[test]
fn the_small_ring_is_taken_where_everything_fits() {
    let (p, raw) = in_width(None);
    assert_eq!(p.width().unwrap(), 32);
    raw.prove(&p).unwrap();
    for (node, step, _) in p.iter() {
        if let Arithmetic::Product(product) = step.arithmetic {
            assert!(step.format.bound() + step.shift() <= 30, "{}", node.name);
            assert!((12..=14).contains(&product.weight_frac), "{}", node.name);
        }
    }
    // Larger values take precision from the weights, by two bits at most; then the ring grows.
    let (g, params, x) = network();
    let mut widths = Vec::new();
    for grow in 0..12 {
        let louder = Tensor::filled(x.shape().clone(), 1.5 * (1u32 << grow) as f32);
        let (p, _) = quantize(&g, &params, &[louder], Calibration::default()).unwrap();
        widths.push(p.width().unwrap());
    }
    assert!(widths.is_sorted());
    assert_eq!((widths[0], widths[11]), (32, 64));
    let c = Calibration {
        width: Some(48),
        ..Calibration::default()
    };
    let e = quantize(&g, &params, &[x], c).unwrap_err().to_string();
    assert!(e.contains("48 bits"), "{e}");
}

#[test]
fn pieces_of_a_mean_make_up_the_factor() {
    for divisor in [1usize, 2, 3, 9, 49, 64, 169, 1000] {
        for (width, frac, bound) in [(32, 12, 12), (32, 12, 17), (64, 12, 40), (64, 20, 48)] {
            let uneven: Vec<u32> = (1..=divisor as u32).collect();
            for divisors in [&[][..], &uneven[..]] {
                let mean = match divisors {
                    [] => Mean::new(divisor, width),
                    _ => Mean::uneven(divisor, width),
                };
                let Ok(sum) = Format::new(width, frac, mean.sum_bound(bound)) else {
                    continue;
                };
                let Some(limbs) = mean.limbs(sum, divisors) else {
                    assert_eq!(width, 32, "{mean:?} {sum}");
                    continue;
                };
                let each = if divisors.is_empty() {
                    &[divisor as u32]
                } else {
                    divisors
                };
                for (i, divisor) in each.iter().enumerate() {
                    let mut total = 0.0;
                    for (pieces, shift) in &limbs {
                        let piece = pieces[i];
                        assert_eq!(pieces.len(), each.len());
                        let bits = i64::BITS - (piece - 1).max(0).leading_zeros();
                        assert!(sum.bound() + bits <= width - 2, "{mean:?} {sum}");
                        assert!(frac + shift < width);
                        total += piece as f64 / f64::from(*shift).exp2();
                    }
                    let error = (total * f64::from(*divisor) - 1.0).abs();
                    assert!(error <= if width == 32 { 1e-3 } else { 2e-5 }, "{error}");
                }
            }
        }
    }
}

#[test]
fn larger_weights_than_declared_are_found() {
    let (p, mut raw) = program();
    let mut w = raw.get("linear", Role::Weight).unwrap().clone();
    w.data_mut()[3] = 1 << 45;
    raw.insert("linear", Role::Weight, w);
    let e = raw.prove(&p).unwrap_err().to_string();
    assert!(
        e.starts_with("node `linear` (linear): may grow to 2^"),
        "{e}"
    );
}

#[test]
fn impossible_precision_names_the_node() {
    let (g, mut p, x) = network();
    let c = Calibration {
        frac: 30,
        weight_frac: 30,
        margin_bits: 0,
        ..Calibration::default()
    };
    let e = quantize(&g, &p, std::slice::from_ref(&x), c)
        .unwrap_err()
        .to_string();
    assert!(e.starts_with("node `conv` (conv): may grow to"), "{e}");
    let e = quantize(&g, &p, &[], Calibration::default()).unwrap_err();
    assert_eq!(e.to_string(), "calibration: there is no sample");
    p.insert(
        "conv",
        Role::Bias,
        Tensor::filled(Shape::new(&[4]).unwrap(), f32::NAN),
    );
    let e = quantize(&g, &p, &[x], Calibration::default()).unwrap_err();
    assert_eq!(
        e.to_string(),
        "node `conv` (conv): has values that are not finite"
    );
}

#[test]
fn json_and_digest_are_stable() {
    let (p, _) = program();
    let json = p.to_json().unwrap();
    let again = Program::from_json(&json).unwrap();
    assert_eq!(again, p);
    assert_eq!(again.digest().unwrap(), p.digest().unwrap());
    let g = p.graph();
    assert_eq!(&Graph::from_json(&g.to_json().unwrap()).unwrap(), g);
    let other = quantize_as_is(
        g,
        &network().1,
        &Ranges::declared(g, vec![3.0; g.nodes().len()]).unwrap(),
        Calibration {
            frac: 13,
            ..Calibration::default()
        },
    );
    assert_ne!(other.unwrap().0.digest().unwrap(), p.digest().unwrap());
}

/// Changes one text in the JSON of a valid program.
fn edited(from: &str, to: &str) -> String {
    let json = String::from_utf8(program().0.to_json().unwrap()).unwrap();
    assert!(json.contains(from), "{from} is not in {json}");
    Program::from_json(json.replacen(from, to, 1).as_bytes())
        .unwrap_err()
        .to_string()
}

#[test]
fn contradictory_programs_are_refused() {
    for (from, to, why) in [
        (r#""schema":1"#, r#""schema":2"#, "schema 2 is unknown"),
        (r#""schema":1"#, r#""schema":1,"x":1"#, "unknown field `x`"),
        (r#""groups":1"#, r#""groups":3"#, "3 groups do not divide"),
        (r#""kernel":[3,3]"#, r#""kernel":[30,3]"#, "spans 30"),
        (r#""stride":[1,1]"#, r#""stride":[0,1]"#, "zero"),
        (
            r#""padding":[1,1,1,1]"#,
            r#""padding":[18446744073709551615,1,1,1]"#,
            "above 4096",
        ),
        (r#"[1,2,8,8]"#, r#"[1,2,4294967296,8]"#, "2^31"),
        (
            r#""name":"relu""#,
            r#""name":"conv""#,
            "two nodes are called",
        ),
        (r#""inputs":[1]"#, r#""inputs":[7]"#, "does not precede"),
        (
            r#""op":"relu","inputs":[2]"#,
            r#""op":"add","inputs":[2]"#,
            "1 inputs",
        ),
        (r#""output":10"#, r#""output":11"#, "its output is node 11"),
        (r#""width":64"#, r#""width":32"#, "another ring"),
        (r#""width":64"#, r#""width":48"#, "32 or 64 bits"),
        (r#""bound":15"#, r#""bound":63"#, "is refused"),
        (
            r#""multiplier":1"#,
            r#""multiplier":2"#,
            "not that of its window",
        ),
        (
            r#""weight_frac":14"#,
            r#""weight_frac":4294967295"#,
            "do not give",
        ),
        (r#""worst_bound":"#, r#""worst_bound":9"#, "at worst"),
    ] {
        let e = edited(from, to);
        assert!(e.contains(why), "{to}: {e}");
    }
}

proptest! {
    #[test]
    fn json_of_strangers_never_panics(at in 0usize..4000, with: u8, cut in 0usize..4000, text in ".{0,64}") {
        let mut json = program().0.to_json().unwrap();
        let n = json.len();
        json[at % n] = with;
        fuzzing::program_json(&json);
        fuzzing::program_json(&json[..cut % n]);
        fuzzing::graph_json(text.as_bytes());
        let mut json = program().0.graph().to_json().unwrap();
        let n = json.len();
        json[at % n] = with;
        fuzzing::graph_json(&json);
    }
}

#[test]
fn a_maximum_has_room_for_the_difference() {
    let mut g = GraphBuilder::new("pool", Shape::nchw(1, 1, 4, 4).unwrap());
    let x = g.input();
    let y = g.max_pool("max", x, MaxPool::new(2, 2));
    let g = g.finish(y).unwrap();
    let c = |width| Calibration {
        margin_bits: 0,
        width,
        ..Calibration::default()
    };
    // A bound of `bound` bits, 12 of them behind the point.
    let program = |bound: i32, width| {
        let ranges = Ranges::declared(&g, vec![2f32.powi(bound - 13); 2])?;
        quantize_as_is(&g, &Params::new(), &ranges, c(width)).map(|(p, _)| p)
    };
    assert_eq!(program(29, None).unwrap().width().unwrap(), 32);
    assert_eq!(program(30, None).unwrap().width().unwrap(), 64);
    let refused = program(30, Some(32)).unwrap_err().to_string();
    assert!(refused.contains("do not fit into 32 bits"), "{refused}");
}
