//! The cases of `tests/onnx/data`, and how far an imported network is from what they expect.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_debug_implementations
)] // helpers of tests

use std::fs;
use std::path::{Path, PathBuf};

use piquet_core::Ring;
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::model::{
    Calibration, Op, Program, QuantizedParams, Shape, Tensor, TensorF32, quantize, reference,
};
use piquet_nn_ops::onnx::{Ending, Fixed, Imported, Input, Options, import};
use piquet_nn_ops::plain::Plain;
use piquet_nn_ops::pool::Pool;
use piquet_nn_ops::rep3::{Rep3, Rep3Client};
use piquet_nn_ops::run;
use piquet_nn_ops::session::{Agreement, Session, run_in_memory};
use piquet_nn_ops::transport::{Cast, Peer};
use serde_json::Value;

/// One file with what is expected of it.
pub struct Case {
    pub name: String,
    /// Words that its refusal must contain, if it must be refused.
    pub words: Vec<String>,
    input: Vec<usize>,
    output: Vec<usize>,
    ending: String,
    /// How far the reference may be off, if the runtime is less exact than it.
    pub tolerance: Option<f32>,
    options: Value,
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("onnx/data")
}

fn sizes(v: &Value) -> Vec<usize> {
    let all = v.as_array().into_iter().flatten();
    all.map(|v| usize::try_from(v.as_u64().unwrap()).unwrap())
        .collect()
}

/// The cases of a group.
pub fn list(group: &str) -> Vec<Case> {
    let path = data().join(format!("{group}.json"));
    let json: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let cases = json.as_array().unwrap().iter().map(|c| Case {
        name: c["name"].as_str().unwrap().to_owned(),
        words: c["words"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|w| w.as_str().unwrap().to_owned())
            .collect(),
        input: sizes(&c["input"]),
        output: sizes(&c["output"]),
        ending: c["ending"].as_str().unwrap_or_default().to_owned(),
        tolerance: c["tolerance"].as_f64().map(|t| t as f32),
        options: c["options"].clone(),
    });
    cases.collect()
}

impl Case {
    pub fn bytes(&self) -> Vec<u8> {
        fs::read(data().join(format!("{}.onnx", self.name))).unwrap()
    }

    /// The network, or the whole of the refusal.
    pub fn import(&self) -> Result<Imported, String> {
        let bytes = self.bytes();
        let o = &self.options;
        let mut options = Options::default();
        options.batch = o["batch"].as_u64().map(|b| usize::try_from(b).unwrap());
        options.input = o["shape"].is_array().then(|| sizes(&o["shape"]));
        options.output = o["output"].as_str().map(ToOwned::to_owned);
        for (name, value) in o["fixed"].as_object().into_iter().flatten() {
            let value: Fixed = value.as_str().unwrap().parse().unwrap();
            options.fixed.insert(name.clone(), value);
        }
        let folder = o["external"].as_bool().unwrap_or(false).then(data);
        import(&bytes, folder.as_deref(), &options).map_err(|e| e.to_string())
    }

    /// The ending is the one that was exported.
    pub fn hold_ending(&self, imported: &Imported) -> Result<(), String> {
        let want = match self.ending.as_str() {
            "none" => Ending::None,
            "softmax" => Ending::Softmax,
            "logsoftmax" => Ending::LogSoftmax,
            "softmax_rows" => Ending::SoftmaxOfRows,
            "logsoftmax_rows" => Ending::LogSoftmaxOfRows,
            other => panic!("ending {other}"),
        };
        match imported.ending == want {
            true => Ok(()),
            false => Err(format!("it ends in {:?}, not {want:?}", imported.ending)),
        }
    }

    /// The input of the graph, and what onnxruntime makes of that of the file.
    fn tensors(&self, imported: &Imported) -> (TensorF32, TensorF32) {
        let bytes = fs::read(data().join(format!("{}.f32", self.name))).unwrap();
        let (words, rest) = bytes.as_chunks::<4>();
        assert!(rest.is_empty());
        let all: Vec<f32> = words.iter().map(|w| f32::from_le_bytes(*w)).collect();
        let input = Shape::new(&self.input).unwrap();
        let output = Shape::new(&self.output).unwrap();
        let (x, y) = all.split_at(input.elements());
        let tensor = |shape, v: &[f32]| Tensor::new(shape, v.to_vec()).unwrap();
        let y = tensor(output, y);
        match &imported.input {
            Input::Numbers => (tensor(input, x), y),
            tokens => {
                let x: Vec<usize> = x.iter().map(|v| *v as usize).collect();
                (tokens.unit_vectors(&x).unwrap(), y)
            }
        }
    }
}

/// The largest distance, as a part of the largest absolute value.
fn distance(imported: &Imported, got: &TensorF32, want: &TensorF32) -> Result<f32, String> {
    let mut nodes = imported.graph.nodes().iter();
    // Classes are one to a row, however the file arranges them.
    let classes = nodes.any(|n| n.op == Op::Argmax) && got.data().len() == want.data().len();
    if got.shape() != want.shape() && !classes {
        return Err(format!(
            "its result is {}, not {}",
            got.shape(),
            want.shape()
        ));
    }
    let (low, high) = want.range();
    let range = high.max(-low).max(1e-3);
    let each = got.data().iter().zip(want.data());
    // A maximum would drop NaN.
    let off = each
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |m: f32, d| if d > m || d.is_nan() { d } else { m });
    Ok(off / range)
}

/// How far the `f32` reference is from onnxruntime.
pub fn error(case: &Case, imported: &Imported) -> Result<f32, String> {
    let (x, want) = case.tensors(imported);
    let got = reference::run(&imported.graph, &imported.params, &x).map_err(|e| e.to_string())?;
    distance(imported, &imported.ending.apply(got), &want)
}

fn fixed(case: &Case, imported: &Imported) -> Result<(Program, QuantizedParams, Vec<i64>), String> {
    let (x, _) = case.tensors(imported);
    let Imported { graph, params, .. } = imported;
    let tokens = matches!(imported.input, Input::Tokens { .. });
    let calibration = Calibration {
        input_frac: tokens.then_some(0),
        ..Calibration::of(graph)
    };
    let (program, raw) = quantize(graph, params, core::slice::from_ref(&x), calibration)
        .map_err(|e| format!("quantize: {e}"))?;
    let spec = run::input_spec(&program).unwrap();
    let encoded = x.data().iter().map(|v| spec.format.encode(f64::from(*v)));
    let input = run::to_memory(&spec.shape, &encoded.collect::<Vec<i64>>());
    Ok((program, raw, input))
}

fn oracle(
    (program, raw, input): &(Program, QuantizedParams, Vec<i64>),
) -> Result<Vec<i64>, String> {
    let mut plain = Plain::new(Pool::new(1).unwrap());
    let mode = Truncation::Exact;
    run::infer(
        &mut plain,
        program,
        Some(raw),
        Some(input),
        mode,
        &mut |_| {},
    )
    .map_err(|e| format!("oracle: {e}"))
    .map(Option::unwrap)
}

/// How far fixed point is from onnxruntime. A class is right or wrong; so close are no two logits here.
pub fn engine_error(case: &Case, imported: &Imported) -> Result<f32, String> {
    let fixed = fixed(case, imported)?;
    let raw = oracle(&fixed)?;
    let spec = run::output_spec(&fixed.0).map_err(|e| e.to_string())?;
    let real: Vec<f32> = raw.iter().map(|r| spec.format.decode(*r) as f32).collect();
    let got = Tensor::new(spec.shape.clone(), run::to_logical(&spec.shape, &real)).unwrap();
    distance(
        imported,
        &imported.ending.apply(got),
        &case.tensors(imported).1,
    )
}

/// Three parties in memory say what the oracle says, to the bit.
pub fn parties(case: &Case, imported: &Imported) {
    let fixed = fixed(case, imported).unwrap();
    assert!(
        fixed
            .0
            .graph()
            .nodes()
            .iter()
            .all(|n| !matches!(n.op, Op::BatchNorm(_)))
    );
    let want = oracle(&fixed).unwrap();
    let got = match fixed.0.width().unwrap() {
        32 => three::<u32>(&fixed),
        _ => three::<u64>(&fixed),
    };
    assert_eq!(got, want, "{}", case.name);
}

fn three<R: Ring>((program, raw, input): &(Program, QuantizedParams, Vec<i64>)) -> Vec<i64> {
    let agreement = Agreement {
        engine: "rep3".into(),
        program: program.digest().unwrap(),
        ring_bits: R::BITS as u16,
        options: [0; 32],
        computational_bits: 128,
        statistical_bits: 0,
    };
    let rng = || rand_core::UnwrapErr(getrandom::SysRng);
    let peer = |session: Session| -> Result<Option<Vec<i64>>, piquet_nn_ops::Error> {
        if session.me() == Peer::Client {
            let mut client = Rep3Client::<R>::new(session)?;
            let got = client.infer(program, raw, input, &mut rng())?;
            client.reports()?;
            client.finish()?;
            return Ok(Some(got));
        }
        let mut party = Rep3::<R>::new(session, Pool::new(1)?, &mut rng())?;
        run::infer(
            &mut party,
            program,
            None,
            None,
            Truncation::Exact,
            &mut |_| {},
        )?;
        party.report()?;
        party.finish()?;
        Ok(None)
    };
    let ends = run_in_memory(Cast::parties(3).with_client(), &agreement, peer);
    let mut results = ends.into_iter().filter_map(Result::unwrap);
    results.next().unwrap()
}
