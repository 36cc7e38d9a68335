//! Trains the network `digits` again and rewrites its weights: `cargo run --release -p piquet-bench-suite --example
//! train_digits [SEED]`.

use piquet_bench_suite::train::classes;
use piquet_bench_suite::zoo::{self, digits};
use piquet_nn_ops::model::{Params, reference};
use std::error::Error;
use std::path::Path;

const WEIGHTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/digits/weights.bin");

fn main() -> Result<(), Box<dyn Error>> {
    let seed = match std::env::args().nth(1) {
        Some(seed) => seed.parse()?,
        None => 0,
    };
    let params = digits::trained(seed, &mut |epoch, loss| {
        println!("epoch {epoch:3}: mean loss {loss:.5}");
    })?;
    let (right, all) = score(&params, &digits::training_set()?)?;
    println!("training set: {right} of {all} right");
    let (right, all) = score(&params, &digits::test_set()?)?;
    println!("test set: {right} of {all} right");
    let bytes = digits::encode(&params)?;
    std::fs::write(Path::new(WEIGHTS), &bytes)?;
    println!("{WEIGHTS}: {} bytes", bytes.len());
    Ok(())
}

fn score(params: &Params, set: &digits::Set) -> Result<(usize, usize), Box<dyn Error>> {
    let all = set.labels.len();
    let graph = zoo::graph("digits", all, 8)?;
    let logits = reference::run(&graph, params, &set.images)?;
    let right = classes(&logits)
        .iter()
        .zip(&set.labels)
        .filter(|(a, b)| a == b)
        .count();
    Ok((right, all))
}
