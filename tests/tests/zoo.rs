//! Every network that comes with Piquet, on every engine, against the plain network; digits against the truth.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use common::{Scratch, number};
use piquet_bench_suite::engines::Engine;
use piquet_bench_suite::zoo;

/// A smaller size for the networks of large pictures that have one, so that all of them take a minute.
fn size(name: &str) -> String {
    let [_, size, _] = zoo::info(name).unwrap().input;
    match (name, size) {
        ("vgg16", _) => "--size 32".to_owned(),
        ("alexnet", _) => "--size 63".to_owned(),
        ("bert-tiny", _) => "--size 32".to_owned(),
        (_, 224) => "--size 64".to_owned(),
        _ => String::new(),
    }
}

fn run_all(engine: Engine) {
    let scratch = Scratch::new();
    // The large transformers take gigabytes, and no layer that the small ones lack.
    let large = ["bert-base", "gpt2"];
    for model in zoo::models().iter().filter(|m| !large.contains(&m.name)) {
        let (name, size) = (model.name, size(model.name));
        let words = format!("infer --model {name} {size} --engine {engine} --json @report.json");
        scratch.run(&words).good();
        let report = scratch.json("report.json");
        assert_eq!(report["engine"], engine.name(), "{name}");
        assert_eq!(report["check"]["argmax_agrees"], true, "{name}: {report}");
        let error = number(&report, "/check/max_abs_error");
        let range = number(&report, "/check/reference_range");
        assert!(error <= 0.01 * range, "{name}: off by {error} of {range}");
        match engine.correlations() {
            Some(source) => assert_eq!(report["correlations"], source),
            None => assert!(report.get("correlations").is_none()),
        }
    }
    scratch.assert_clean();
}

#[test]
fn every_network_runs_with_rep3() {
    run_all(Engine::Rep3);
}

#[test]
fn every_network_runs_with_semi2k() {
    run_all(Engine::Semi2k);
}

/// The whole test set at once: as many true digits as the plain network finds.
#[test]
fn digits_are_read_as_well_as_by_the_plain_network() {
    let all = zoo::digits::test_set().unwrap().labels;
    let scratch = Scratch::new();
    for engine in Engine::ALL {
        let batch = all.len();
        let words =
            format!("infer --model digits --batch {batch} --engine {engine} --json @report.json");
        let end = scratch.run(&words);
        end.good();
        let report = scratch.json("report.json");
        let labels = &report["check"]["labels"];
        assert_eq!(labels["of"], batch, "{report}");
        assert_eq!(labels["right"], labels["plain_right"], "{report}");
        assert!(number(&report, "/check/labels/right") >= 0.95 * batch as f64);
        // Not only as many: the same.
        assert_eq!(report["check"]["argmax_agrees"], true, "{report}");
        assert!(end.out.contains("of 360 are the true classes"), "{end:#?}");
    }
    scratch.assert_clean();
}

#[test]
fn ten_parties_compute() {
    let scratch = Scratch::new();
    let words = "infer --model lenet5 --engine semi2k --parties 10 --json @report.json";
    scratch.run(words).good();
    let report = scratch.json("report.json");
    assert_eq!(report["parties"], 10);
    assert_eq!(report["check"]["argmax_agrees"], true, "{report}");
    scratch.assert_clean();
}
