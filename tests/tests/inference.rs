//! Whole inferences on this machine, three parties and a client as processes with mutual TLS between them: the answers
//! are right, and the reports say what they should.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use std::fs;
use std::path::Path;

use common::{Running, Scratch, npy, number};
use piquet_bench_suite::task::Task;
use piquet_bench_suite::{image, task, zoo};
use piquet_core::cpu::Level;
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::model::{Calibration, TensorF32};
use serde_json::Value;

const CHELSEA: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../bench-suite/data/chelsea.png"
);

fn task(model: &str, class_only: bool) -> Task {
    let model = zoo::build(model, 0, 1).unwrap();
    Task::of_zoo(model, 0, Calibration::default(), class_only).unwrap()
}

fn photograph(task: &Task, size: usize) -> TensorF32 {
    task::repeat(&task.model.graph, image::photograph(size).unwrap()).unwrap()
}

/// What the fixed-point oracle says, by exact truncation.
fn oracle(task: &Task, input: &TensorF32) -> TensorF32 {
    let raw = task.encode(input).unwrap();
    let out = task.oracle(&raw, Truncation::Exact, 1).unwrap();
    task.decode(&out).unwrap()
}

fn has_keys(json: &Value, keys: &[&str]) {
    let object = json.as_object().unwrap();
    for key in keys {
        assert!(object.contains_key(*key), "{key} is missing from {json}");
    }
}

/// The documented form of a report, and what must hold in any.
fn check_report(r: &Value, model: &str, parties: usize) {
    has_keys(
        r,
        &[
            "schema",
            "model",
            "engine",
            "parties",
            "network",
            "machine",
            "revision",
            "batch",
            "setup",
            "offline",
            "online",
            "total_seconds",
            "total_bytes",
            "peak_rss_bytes",
            "check",
            "layers",
        ],
    );
    assert_eq!(r["schema"], 1);
    assert_eq!(r["model"], model);
    assert_eq!(r["engine"], "rep3");
    assert_eq!(r["parties"], parties);
    assert_eq!(r["network"], "loopback");
    assert_eq!(r["tls"], true);
    assert_eq!(r["batch"], 1);
    has_keys(&r["machine"], &["cpu", "cores", "cpu_level"]);
    assert!(!r["revision"].as_str().unwrap().is_empty());
    for phase in ["setup", "offline", "online"] {
        has_keys(&r[phase], &["seconds", "bytes", "rounds"]);
    }
    for what in ["seconds", "bytes"] {
        let of = |phase: &str| number(r, &format!("/{phase}/{what}"));
        assert_eq!(
            number(r, &format!("/total_{what}")),
            of("offline") + of("online")
        );
    }
    for used in ["/setup/bytes", "/online/bytes", "/online/rounds"] {
        assert!(number(r, used) > 0.0, "{used}");
    }
    let memory = r["peak_rss_bytes"].as_array().unwrap();
    assert_eq!(memory.len(), parties);
    assert!(memory.iter().all(|m| m.as_u64().unwrap() > 1 << 20));
    assert_eq!(r["check"]["reference"], "f32");
    let error = number(r, "/check/max_abs_error");
    assert!(number(r, "/check/mean_abs_error") <= error);
    assert!(number(r, "/check/max_abs_reference") > 0.0);
    for layer in r["layers"].as_array().unwrap() {
        has_keys(
            layer,
            &["name", "op", "seconds", "bytes", "rounds", "phase"],
        );
        assert!(["setup", "offline", "online"].contains(&layer["phase"].as_str().unwrap()));
    }
    // What layers cost is part of what their phase costs.
    for phase in ["setup", "offline", "online"] {
        let rows = r["layers"].as_array().unwrap().iter();
        let rows = rows.filter(|l| l["phase"] == phase);
        let bytes: u64 = rows.map(|l| l["bytes"].as_u64().unwrap()).sum();
        assert!(bytes as f64 <= number(r, &format!("/{phase}/bytes")));
    }
}

/// What no plan counts, since it depends on no model, in bytes sent by all: 16 bytes from either end of each of two
/// connections between two of four peers; their settings and nonces, and the identifier made of them, in frames of 32
/// more; and the common seeds of any two parties.
const CONNECTING: u64 = 6 * 2 * 2 * 16;
const AGREEING: u64 = 12 * (32 + 136 + 32) + 12 * (32 + 32);
const SEEDING: u64 = 6 * (32 + 32);
const BEGINNING_MESSAGES: u64 = 12 + 12 + 6;

/// Bytes of every layer are those that were planned, and so are the rounds of the inference and its totals. At set-up,
/// rounds differ: the first weights travel while the parties exchange seeds. What the parties tell the client about their
/// costs, and the farewells, follow the result and belong to neither.
fn check_plan(plan: &Value, report: &Value) {
    let rows = |json: &Value, phase: &str, keys: &[&str]| -> Vec<Vec<String>> {
        let layers = json["layers"].as_array().unwrap().iter();
        let rows = layers.filter(|l| l["phase"] == phase);
        rows.map(|l| keys.iter().map(|k| l[*k].to_string()).collect())
            .collect()
    };
    for (phase, keys) in [
        ("setup", &["name", "op", "bytes"][..]),
        ("offline", &["name", "op", "bytes", "rounds"]),
        ("online", &["name", "op", "bytes", "rounds"]),
    ] {
        assert_eq!(rows(plan, phase, keys), rows(report, phase, keys));
    }
    assert!(rows(plan, "setup", &[]).len() > 5 && rows(plan, "online", &[]).len() > 15);
    for total in ["bytes", "rounds", "messages"] {
        for phase in ["offline", "online"] {
            assert_eq!(plan[phase][total], report[phase][total], "{phase} {total}");
        }
    }
    let of = |json: &Value, what: &str| json["setup"][what].as_u64().unwrap();
    let more = |what| of(report, what) - of(plan, what);
    assert_eq!(more("bytes"), CONNECTING + AGREEING + SEEDING);
    assert_eq!(more("messages"), BEGINNING_MESSAGES);
    assert_eq!((of(plan, "rounds"), of(report, "rounds")), (0, 3));
    assert_eq!(plan["truncation"], report["truncation"]);
}

/// As exporters write large networks: the weights in a file beside, and everything where the user is.
#[test]
fn a_network_with_its_weights_in_another_file() {
    let scratch = Scratch::new();
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("onnx/data");
    for name in ["lenet_external.onnx", "lenet_external.weights"] {
        scratch.write(name, std::fs::read(data.join(name)).unwrap());
    }
    let words = "infer --model lenet_external.onnx --engine semi2k";
    let mut command = scratch.piquet(words);
    command.current_dir(scratch.path("."));
    let end = Running::start(command, words).wait();
    end.good();
    assert!(end.out.contains("argmax equals"), "{end:#?}");
    std::fs::remove_file(scratch.path("lenet_external.weights")).unwrap();
    let words = "plan --model @lenet_external.onnx";
    scratch
        .run(words)
        .names(&["lenet_external.weights", "tensor"]);
    scratch.assert_clean();
}

#[test]
fn squeezenet_agrees_with_the_plain_network_and_costs_what_was_planned() {
    let scratch = Scratch::new();
    scratch
        .run("plan --model squeezenet1_1 --json @plan.json")
        .good();
    let end = scratch.run("infer --model squeezenet1_1 --json @report.json --output @result.npy");
    end.good();
    scratch.assert_clean();
    let report = scratch.json("report.json");
    check_report(&report, "squeezenet1_1", 3);
    check_plan(&scratch.json("plan.json"), &report);
    assert_eq!(report["check"]["argmax_agrees"], true);
    let error = number(&report, "/check/max_abs_error");
    let range = number(&report, "/check/reference_range");
    assert!(error <= 0.01 * range, "{error} in a range of {range}");

    // The file holds the very result that was checked.
    let (shape, result) = npy::read(&scratch.path("result.npy"));
    assert_eq!(shape, [1, 1000]);
    let task = task("squeezenet1_1", false);
    let reference = task.reference(&photograph(&task, 224)).unwrap();
    let far = result.iter().zip(reference.data()).map(|(a, b)| a - b);
    let far = far.fold(0.0, |most: f32, d| most.max(d.abs()));
    assert!(
        (f64::from(far) - error).abs() <= 1e-6 * range,
        "{far} {error}"
    );
    let best = (0..1000).max_by(|a, b| result[*a].total_cmp(&result[*b]));
    assert_eq!(report["check"]["classes"], serde_json::json!([best]));
    assert!(end.out.contains("mutual TLS"), "{}", end.out);
}

#[test]
fn every_truncation_of_tiny_costs_what_was_planned() {
    for truncation in ["exact", "nearest", "stochastic", "local"] {
        let scratch = Scratch::new();
        let model = format!("--model tiny --truncation {truncation}");
        scratch
            .run(&format!("plan {model} --json @plan.json"))
            .good();
        scratch
            .run(&format!("infer {model} --json @report.json"))
            .good();
        scratch.assert_clean();
        let report = scratch.json("report.json");
        check_report(&report, "tiny", 3);
        check_plan(&scratch.json("plan.json"), &report);
    }
}

#[test]
fn exact_truncation_gives_the_oracles_bits_at_every_cpu_level() {
    let task = task("tiny", false);
    let want = oracle(&task, &photograph(&task, 16));
    let scratch = Scratch::new();
    for level in [Level::Portable, Level::Avx2, Level::Avx512] {
        let name = level.name();
        if level > piquet_core::cpu::detect().unwrap() {
            println!("this machine has no {name}: skipped");
            continue;
        }
        let words =
            "infer --model tiny --truncation exact --json @report.json --output @result.npy";
        let mut command = scratch.piquet(words);
        command.env("PIQUET_CPU", name);
        common::Running::start(command, words).wait().good();
        let report = scratch.json("report.json");
        assert_eq!(report["machine"]["cpu_level"], name);
        assert_eq!(number(&report, "/check/max_abs_error_fixed_point"), 0.0);
        let (shape, result) = npy::read(&scratch.path("result.npy"));
        assert_eq!(shape, [1, 10]);
        let bits = |x: &[f32]| x.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&result), bits(want.data()), "{name}");
    }
    scratch.assert_clean();
}

#[test]
fn the_class_alone_is_the_class_of_the_logits() {
    let scratch = Scratch::new();
    scratch
        .run("infer --model tiny --truncation exact --class-only --json @class.json --output @class.npy")
        .good();
    scratch.assert_clean();
    let task = task("tiny", false);
    let logits = oracle(&task, &photograph(&task, 16));
    let best = (0..10).max_by(|a, b| logits.data()[*a].total_cmp(&logits.data()[*b]));
    let best = best.unwrap();
    let report = scratch.json("class.json");
    assert_eq!(report["check"]["classes"], serde_json::json!([best]));
    let (shape, class) = npy::read(&scratch.path("class.npy"));
    assert_eq!((shape, class), (vec![1, 1], vec![best as f32]));
}

#[test]
fn pictures_and_arrays_are_the_input_that_they_hold() {
    let scratch = Scratch::new();
    let small = task("tiny", false);
    let picture = image::photograph(16).unwrap();
    let array = npy::bytes(&[1, 3, 16, 16], picture.data().iter().copied());
    scratch.write("cat.npy", array);
    fs::copy(CHELSEA, scratch.path("cat.png")).unwrap();
    let pixels = ::image::open(CHELSEA).unwrap();
    pixels.save(scratch.path("cat.jpg")).unwrap();
    let run = |file: &str| {
        scratch
            .run(&format!(
                "infer --model tiny --truncation exact --input @{file} --output @result.npy"
            ))
            .good();
        npy::read(&scratch.path("result.npy")).1
    };
    let want = oracle(&small, &photograph(&small, 16));
    assert_eq!(run("cat.png"), want.data());
    assert_eq!(run("cat.npy"), want.data());
    let jpeg = image::load(Path::new(&scratch.path("cat.jpg")), 16).unwrap();
    let want = oracle(&small, &task::repeat(&small.model.graph, jpeg).unwrap());
    assert_eq!(run("cat.jpg"), want.data());
    scratch.assert_clean();
}

#[test]
fn plaintext_has_to_be_asked_for_and_is_named() {
    let scratch = Scratch::new();
    let end = scratch.run("infer --model tiny --insecure-plaintext --json @report.json");
    end.good();
    scratch.assert_clean();
    assert!(end.out.contains("INSECURE PLAINTEXT"), "{}", end.out);
    assert_eq!(scratch.json("report.json")["tls"], false);
}
