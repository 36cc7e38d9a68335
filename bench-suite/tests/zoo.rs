//! Every network of the zoo in fixed point, as the parties compute it, beside `f32`.
#![allow(clippy::unwrap_used)] // a test may panic

use piquet_bench_suite::report::Check;
use piquet_bench_suite::task::Task;
use piquet_bench_suite::train::classes;
use piquet_bench_suite::zoo::{self, digits};
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::model::Calibration;
use std::time::Instant;

/// The same class, and no logit further off than a hundredth of their range.
fn agrees(name: &str, size: usize, seed: u64) {
    let start = Instant::now();
    let model = zoo::build_sized(name, seed, 1, size).unwrap();
    let built = start.elapsed();
    let input = zoo::example(&model.graph).unwrap();
    let calibration = zoo::calibration(&model.graph);
    let task = Task::of_zoo(model, seed, calibration, false).unwrap();
    let want = task.reference(&input).unwrap();
    let raw = task.encode(&input).unwrap();
    let got = task.oracle(&raw, Truncation::Stochastic, 2).unwrap();
    let got = task.decode(&got).unwrap();
    let check = Check::new(&got, &want, &got, false, None);
    let off = check.max_abs_error / check.reference_range;
    println!(
        "{name} {size} seed {seed}: error {:.3} % of {:.2}, lead {:.3} %, {} bits; built in {built:.2?}, all in {:.2?}",
        off * 100.0,
        check.reference_range,
        lead(want.data()) / check.reference_range * 100.0,
        task.program.width().unwrap(),
        start.elapsed(),
    );
    assert!(check.argmax_agrees && off < 0.01, "{name} {size} {off}");
    // Two classes of a text may be near each other, and tied heads are small.
    let least = if zoo::tokens(name).is_some() {
        0.1
    } else {
        1.0
    };
    assert!(check.reference_range > least, "{name} {size}");
}

/// By how much the largest logit is larger than the next.
fn lead(row: &[f32]) -> f64 {
    let mut row = row.to_vec();
    row.sort_by(f32::total_cmp);
    f64::from(row[row.len() - 1] - row[row.len() - 2])
}

#[test]
fn small_networks_agree() {
    for m in zoo::models().iter().filter(|m| m.input[1] < 64) {
        for seed in 0..2 {
            agrees(m.name, m.input[1], seed);
        }
    }
}

#[test]
fn a_transformer_agrees() {
    agrees("bert-tiny", 16, 0);
}

#[test]
fn large_networks_agree_on_small_pictures() {
    for name in [
        "resnet18",
        "resnet50",
        "resnet101",
        "densenet121",
        "squeezenet1_0",
        "squeezenet1_1",
        "mobilenet_v2",
    ] {
        agrees(name, 64, 0);
    }
}

#[test]
fn networks_with_large_layers_agree() {
    agrees("alexnet", 63, 0);
    agrees("vgg16", 32, 0);
}

/// Every digit that the network has never seen, in one batch.
#[test]
fn digits_are_read_alike_in_f32_and_in_fixed_point() {
    let set = digits::test_set().unwrap();
    let model = zoo::build("digits", 0, set.labels.len()).unwrap();
    let task = Task::of_zoo(model, 0, Calibration::default(), false).unwrap();
    assert_eq!(task.program.width().unwrap(), 32);
    let want = task.reference(&set.images).unwrap();
    let right = classes(&want)
        .iter()
        .zip(&set.labels)
        .filter(|(a, b)| a == b)
        .count();
    println!("{right} of {} digits are right", set.labels.len());
    assert!(right >= 342, "{right}");
    let raw = task.encode(&set.images).unwrap();
    for mode in [
        Truncation::Exact,
        Truncation::Nearest,
        Truncation::Stochastic,
    ] {
        let got = task.decode(&task.oracle(&raw, mode, 2).unwrap()).unwrap();
        assert_eq!(classes(&got), classes(&want), "{mode:?}");
        let check = Check::new(&got, &want, &got, false, None);
        println!(
            "{mode:?}: error {:.4} % of {:.1}",
            check.max_abs_error / check.reference_range * 100.0,
            check.reference_range
        );
        let lead = want
            .data()
            .chunks(10)
            .map(lead)
            .fold(f64::INFINITY, f64::min);
        // No first and second logit could change places.
        println!("least lead {lead}, error {}", check.max_abs_error);
        assert!(2.0 * check.max_abs_error < lead, "{mode:?}: {lead}");
    }
}

/// `cargo test --release -p piquet-bench-suite --test zoo -- --ignored --nocapture`
#[test]
#[ignore = "takes a minute"]
fn all_networks_agree_at_their_own_size() {
    for m in zoo::models() {
        agrees(m.name, m.input[1], 0);
    }
}
