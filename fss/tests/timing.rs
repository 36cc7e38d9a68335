//! Timing that depends on secrets, looked for by statistics: `cargo test --release -p piquet-fss --test timing -- --ignored`
//!
//! After O. Reparaz, J. Balasch, I. Verbauwhede, "Dude, is my code constant time?" (DATE 2017): runs with one fixed secret
//! and with fresh random ones alternate at random, and Welch's t says whether their times differ. |t| below 4.5 finds
//! nothing; above 10 is a leak; between the two the machine was not quiet. Not part of the ordinary run, since other work
//! on the machine can drown it; `constant_time.rs` judges the same secrets without a clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

use std::hint::black_box;
use std::time::Instant;

use piquet_core::wire::SessionId;
use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::gates::sign::{Sign, SignKeys};
use piquet_fss::stream::KeyStream;
use piquet_fss::{Cpu, P0, Shape, dcf};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Runs of both classes.
const RUNS: usize = 20_000;
/// Gates of a run.
const N: usize = 64;
const SESSION: SessionId = SessionId([4; 32]);

/// Mean and variance, by Welford.
#[derive(Default)]
struct Moments {
    n: f64,
    mean: f64,
    m2: f64,
}

impl Moments {
    fn push(&mut self, x: f64) {
        self.n += 1.0;
        let d = x - self.mean;
        self.mean += d / self.n;
        self.m2 += d * (x - self.mean);
    }
    fn variance_of_mean(&self) -> f64 {
        self.m2 / (self.n - 1.0) / self.n
    }
}

/// Welch's t of the times of `work` on inputs of two classes; `input(fixed, rng)` makes one.
fn t_of<I>(mut input: impl FnMut(bool, &mut ChaCha20Rng) -> I, mut work: impl FnMut(I)) -> f64 {
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    let mut times: Vec<(bool, f64)> = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let fixed = rng.next_u32() & 1 == 1;
        let x = black_box(input(fixed, &mut rng));
        let begun = Instant::now();
        work(x);
        times.push((fixed, begun.elapsed().as_nanos() as f64));
    }
    // The slowest tenth is what else the machine did, whatever the class.
    let mut sorted: Vec<_> = times.iter().map(|(_, t)| *t).collect();
    sorted.sort_by(f64::total_cmp);
    let cut = sorted[sorted.len() * 9 / 10];
    let mut classes = [Moments::default(), Moments::default()];
    for (fixed, t) in times.into_iter().filter(|(_, t)| *t < cut) {
        classes[usize::from(fixed)].push(t);
    }
    let [a, b] = classes;
    (a.mean - b.mean) / (a.variance_of_mean() + b.variance_of_mean()).sqrt()
}

fn assert_quiet(what: &str, t: f64) {
    println!("{what}: t = {t:.2}");
    assert!(
        t.abs() < 10.0,
        "{what}: t = {t:.1}: the time depends on the secret"
    );
}

#[test]
#[ignore = "needs a quiet machine"]
fn a_loop_that_depends_on_its_input_is_found() {
    let t = t_of(
        |fixed, rng| if fixed { 800 } else { rng.next_u32() % 800 },
        |n| {
            for i in 0..n {
                black_box(i);
            }
        },
    );
    assert!(t.abs() > 10.0, "t = {t}");
}

/// Secrets of the first class are zeros, made in the same way, or the caches would tell them apart.
fn words(fixed: bool, rng: &mut ChaCha20Rng) -> Vec<u64> {
    let keep = u64::from(fixed).wrapping_sub(1);
    (0..N).map(|_| rng.next_u64() & keep).collect()
}

fn dealer(rng: &mut ChaCha20Rng) -> Dealer {
    Dealer::new(SESSION, rng.next_u64(), &Seed::random(rng))
}

#[test]
#[ignore = "needs a quiet machine"]
fn masks_while_signs_are_dealt() {
    let gate = Sign::<u64>::new(38).unwrap();
    let t = t_of(
        |fixed, rng| (words(fixed, rng), dealer(rng)),
        |(masks, mut dealer)| {
            let [mut a, mut b] = [Vec::new(), Vec::new()];
            dealer.deal(&gate, N, &masks, [&mut a, &mut b]).unwrap();
            black_box((a, b));
        },
    );
    assert_quiet("masks of signs", t);
}

#[test]
#[ignore = "needs a quiet machine"]
fn keys_while_signs_are_evaluated() {
    let gate = Sign::<u64>::new(38).unwrap();
    let t = t_of(
        |fixed, rng| -> SignKeys<u64, P0> {
            let masks = words(fixed, rng);
            let set = rng.next_u64();
            let mut dealer = Dealer::new(SESSION, set, &Seed::random(rng));
            let [mut a, mut b] = [Vec::new(), Vec::new()];
            dealer.deal(&gate, N, &masks, [&mut a, &mut b]).unwrap();
            let mut stream = KeyStream::<P0>::new(SESSION, set, dealer.seed::<P0>());
            stream.take(&gate, N, &a).unwrap()
        },
        |keys| {
            black_box(keys.evaluate(&[5; N], &Cpu::new()).unwrap());
        },
    );
    assert_quiet("keys of signs", t);
}

#[test]
#[ignore = "needs a quiet machine"]
fn points_and_values_of_comparison_functions() {
    let shape = Shape::new(38, 64).unwrap();
    let t = t_of(
        |fixed, rng| {
            let seed = ChaCha20Rng::from_seed([rng.next_u32() as u8; 32]);
            (words(fixed, rng), words(fixed, rng), seed)
        },
        |(alphas, betas, mut rng)| {
            black_box(dcf::generate(&SESSION, 1, shape, &alphas, &betas, &mut rng).unwrap());
        },
    );
    assert_quiet("points and values of comparison functions", t);
}
