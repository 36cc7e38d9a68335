//! ONNX files against onnxruntime: every operator and attribute, what PyTorch and TensorFlow export, and what must be
//! refused. `tests/onnx/generate.py` makes the files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

#[path = "common/onnx.rs"]
mod common;

use common::{Case, engine_error, error, list, parties};

/// Distance of the `f32` reference from onnxruntime, as a part of the range of the result.
const EXACT: f32 = 1e-4;
/// Distance of fixed point.
const FIXED: f32 = 0.01;

fn hold_to_runtime(group: &str, at_least: usize) {
    let cases = list(group);
    assert!(cases.len() >= at_least, "{group} has {} cases", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let outcome = check(case);
        if let Err(why) = outcome {
            wrong.push(format!("{}: {why}", case.name));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}

fn check(case: &Case) -> Result<(), String> {
    let imported = case.import()?;
    case.hold_ending(&imported)?;
    let off = error(case, &imported)?;
    if off.is_nan() || off > case.tolerance.unwrap_or(EXACT) {
        return Err(format!("the reference is off by {off} of the range"));
    }
    let off = engine_error(case, &imported)?;
    if off.is_nan() || off > FIXED {
        return Err(format!("fixed point is off by {off} of the range"));
    }
    Ok(())
}

#[test]
fn every_operator_computes_what_onnxruntime_computes() {
    hold_to_runtime("grid", 270);
}

#[test]
fn every_way_to_store_a_model_is_read() {
    hold_to_runtime("files", 35);
}

#[test]
fn networks_of_pytorch_run() {
    hold_to_runtime("torch", 34);
}

#[test]
fn networks_of_tensorflow_run() {
    hold_to_runtime("tensorflow", 10);
}

#[test]
fn transformers_compute_what_onnxruntime_computes() {
    hold_to_runtime("transformers", 16);
}

#[test]
fn functions_compute_what_onnxruntime_computes() {
    hold_to_runtime("functions", 90);
}

/// Whatever way an exporter writes a function, it becomes the one operator, and factors become part of weights.
#[test]
fn functions_become_single_operators() {
    let mut wrong = Vec::new();
    let cases = list("functions");
    let mut hold = |names: &str, want: &[&str]| {
        let chosen: Vec<_> = cases.iter().filter(|c| c.name.starts_with(names)).collect();
        assert!(!chosen.is_empty(), "{names}");
        for case in chosen {
            let graph = case.import().unwrap().graph;
            let all = graph.nodes().iter().map(|n| n.op.name());
            let ops: Vec<_> = all.filter(|n| !matches!(*n, "view" | "flatten")).collect();
            if ops != want {
                wrong.push(format!("{}: {ops:?}", case.name));
            }
        }
    };
    hold("gelu_20", &["input", "gelu"]);
    hold("gelu_tanh", &["input", "gelu_tanh"]);
    hold("erf_half", &["input", "gelu"]);
    hold("erf_divided", &["input", "gelu"]);
    hold("erf_spread", &["input", "gelu"]);
    hold("erf_of_sum", &["input", "channel_shift", "gelu"]);
    hold("tanh_", &["input", "gelu_tanh"]);
    hold("silu", &["input", "silu"]);
    hold("layernorm", &["input", "layer_norm"]);
    for way in [
        "sqrt",
        "pow",
        "reciprocal",
        "inverse",
        "minus_half",
        "second_axis",
    ] {
        hold(&format!("norm_{way}"), &["input", "layer_norm"]);
    }
    hold("softmax_by_hand", &["input", "softmax"]);
    hold("mask_causal_1", &["input", "softmax", "add"]);
    hold("mask_bounded", &["input", "softmax", "add"]);
    hold("mask_finite", &["input", "softmax", "add"]);
    hold("mask_columns", &["input", "fill", "softmax", "add"]);
    hold("mask_of_ones", &["input", "softmax", "add"]);
    hold("where_causal", &["input", "softmax", "add"]);
    hold("where_swapped", &["input", "softmax", "add"]);
    hold("where_nan", &["input", "softmax"]);
    hold("matmul_values", &["input", "mat_mul"]);
    hold("matmul_constant_first", &["input", "linear"]);
    hold(
        "scale_into_weights",
        &["input", "linear", "linear", "mat_mul", "relu"],
    );
    hold("scale_part", &["input", "linear", "mul", "add"]);
    hold(
        "scale_of_shared",
        &["input", "linear", "channel_affine", "add"],
    );
    hold("div_by_root", &["input", "mul", "linear", "rsqrt", "mul"]);
    hold("tokens_plain", &["input", "linear"]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a transformer is made of when it has been read, however it was exported.
#[test]
fn transformers_become_what_they_are() {
    let mut wrong = Vec::new();
    for case in list("transformers") {
        let graph = case.import().unwrap().graph;
        let count = |op: &str| graph.nodes().iter().filter(|n| n.op.name() == op).count();
        let got = [
            "layer_norm",
            "softmax",
            "mat_mul",
            "gelu",
            "gelu_tanh",
            "silu",
            "fill",
            "channel_affine",
        ]
        .map(count);
        let want = match case.name.split('_').next().unwrap_or_default() {
            "bert" => [3, 1, 2, 1, 0, 0, 0, 0],
            "gpt" => [3, 1, 2, 0, 1, 0, 0, 0],
            "vision" => [2, 1, 2, 1, 0, 0, 1, 0],
            "causal" => [0, 1, 2, 0, 0, 0, 0, 0],
            "written" | "chosen" => [0, 1, 2, 0, 0, 0, 0, 0],
            "llama" => [0, 1, 2, 0, 0, 1, 0, 9],
            _ if case.name.starts_with("encoder_first") => [2, 1, 2, 0, 0, 0, 0, 0],
            _ => [2, 1, 2, 1, 0, 0, 0, 0],
        };
        if got != want {
            wrong.push(format!("{}: {got:?}, not {want:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// On three parties, as on the oracle.
#[test]
fn parties_run_imported_networks() {
    let names = [
        ("grid", "channel_shuffle"),
        ("grid", "nhwc"),
        ("grid", "prelu_channels"),
        ("grid", "mul_gate"),
        ("grid", "pad_reflect"),
        ("torch", "gated_dynamo"),
        ("torch", "padded_11"),
        ("torch", "shufflenet_v2_dynamo"),
        ("transformers", "bert_13"),
        ("transformers", "gpt_by_hand_17"),
    ];
    for (group, name) in names {
        let cases = list(group);
        let case = cases.iter().find(|c| c.name == name).expect(name);
        parties(case, &case.import().unwrap());
    }
}

#[test]
fn what_cannot_be_run_is_refused_by_name() {
    let cases = list("refused");
    assert!(cases.len() >= 90, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        assert!(!case.words.is_empty());
        match case.import() {
            Ok(_) => wrong.push(format!("{} was imported", case.name)),
            Err(why) => {
                let missing = case.words.iter().filter(|w| !why.contains(w.as_str()));
                wrong.extend(missing.map(|w| format!("{}: no `{w}` in: {why}", case.name)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a chain of layout changes costs: nothing, or one view.
#[test]
fn views_are_joined_and_those_that_cancel_are_dropped() {
    for (group, name, views, nodes) in [
        ("grid", "nhwc", 1, 8),
        ("grid", "channel_shuffle", 1, 3),
        ("grid", "batchnorm_unfolded", 0, 3),
        ("grid", "value_for_its_shape", 1, 2),
    ] {
        let group = if name == "value_for_its_shape" {
            "files"
        } else {
            group
        };
        let cases = list(group);
        let case = cases.iter().find(|c| c.name == name).expect(name);
        let graph = case.import().unwrap().graph;
        let all: Vec<_> = graph.nodes().iter().map(|n| n.op.name()).collect();
        let seen = all.iter().filter(|n| **n == "view").count();
        assert_eq!((seen, all.len()), (views, nodes), "{name}: {all:?}");
    }
}

/// Files with a bit flipped or their end cut off are refused or read, and do not panic.
#[test]
fn damaged_files_are_refused_or_read() {
    let target = piquet_nn_ops::model::fuzzing::onnx;
    for group in ["grid", "files", "functions", "refused"] {
        for case in list(group) {
            let bytes = case.bytes();
            if bytes.len() > 4096 {
                continue;
            }
            for at in 0..bytes.len() {
                target(&bytes[..at]);
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << (at % 8);
                target(&flipped);
            }
        }
    }
}
