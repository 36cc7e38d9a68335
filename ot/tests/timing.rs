//! Timing that depends on secrets, looked for by statistics: `cargo test --release -p piquet-ot --test timing -- --ignored`
//!
//! After O. Reparaz, J. Balasch, I. Verbauwhede, "Dude, is my code constant time?" (DATE 2017): runs with one fixed secret
//! and with fresh random ones alternate at random, and Welch's t says whether their times differ. |t| below 4.5 finds
//! nothing; above 10 is a leak; between the two the machine was not quiet. Not part of the ordinary run, since other work
//! on the machine can drown it; `constant_time.rs` judges the same secrets without a clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

use std::hint::black_box;
use std::time::Instant;

use piquet_core::wire::SessionId;
use piquet_core::{BitVec, Block};
use piquet_ot::softspoken::{Bits, Choices, Sender};
use piquet_ot::{Delta, SemiHonest, base, ideal, iknp};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Pairs of a run with each class.
const RUNS: usize = 20_000;

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
fn t_of<I>(
    runs: usize,
    mut input: impl FnMut(bool, &mut ChaCha20Rng) -> I,
    mut work: impl FnMut(I),
) -> f64 {
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    let mut times: Vec<(bool, f64)> = Vec::with_capacity(runs);
    for _ in 0..runs {
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
        RUNS,
        |fixed, rng| if fixed { 800 } else { rng.next_u32() % 800 },
        |n| {
            for i in 0..n {
                black_box(i);
            }
        },
    );
    assert!(t.abs() > 10.0, "t = {t}");
}

const SESSION: SessionId = SessionId([4; 32]);

/// Choices of the first class: zeros. Made in the same way for both, or the caches would tell them apart.
fn choices(fixed: bool, n: usize, rng: &mut ChaCha20Rng) -> BitVec {
    let mut choices = BitVec::random(n, rng);
    for w in choices.words_mut() {
        *w &= u64::from(fixed).wrapping_sub(1);
    }
    choices
}

#[test]
#[ignore = "needs a quiet machine"]
fn choices_of_base_ots() {
    let t = t_of(
        RUNS / 10,
        |fixed, rng| {
            (
                choices(fixed, 16, rng),
                ChaCha20Rng::from_seed([rng.next_u32() as u8; 32]),
            )
        },
        |(choices, mut rng)| {
            let mut out = Vec::new();
            black_box(base::Receiver::new(SESSION, &choices, &mut rng, &mut out).unwrap());
        },
    );
    assert_quiet("choices of base OTs", t);
}

/// Delta of the first class: bit 0 alone, so that a skipped row or tree would show.
fn delta(fixed: bool, rng: &mut ChaCha20Rng) -> Delta {
    let keep = u128::from(fixed).wrapping_sub(1);
    Delta::from_raw(Block::from_u128(Block::random(rng).to_u128() & keep | 1))
}

#[test]
#[ignore = "needs a quiet machine"]
fn delta_in_the_set_up_of_an_extension() {
    let t = t_of(
        RUNS / 10,
        |fixed, rng| {
            let delta = delta(fixed, rng);
            let (sent, received) = ideal::random_ots::<SemiHonest, _>(&delta.choices(), rng);
            let mut message = Vec::new();
            piquet_ot::softspoken::Receiver::setup(SESSION, Bits::Four, sent, &mut message)
                .unwrap();
            (
                Sender::setup(SESSION, Bits::Four, received).unwrap(),
                message,
            )
        },
        |(setup, message)| {
            black_box(setup.finish(&message).unwrap());
        },
    );
    assert_quiet("Delta in a set-up", t);
}

#[test]
#[ignore = "needs a quiet machine"]
fn delta_in_an_extension() {
    let t = t_of(
        RUNS,
        |fixed, rng| {
            let delta = delta(fixed, rng);
            let (sent, received) = ideal::random_ots::<SemiHonest, _>(&delta.choices(), rng);
            let mut message = Vec::new();
            let mut receiver = iknp::receiver(SESSION, sent).unwrap();
            receiver.extend(1024, &mut message).unwrap();
            (iknp::sender(SESSION, received).unwrap(), message)
        },
        |(mut sender, message)| {
            black_box(sender.extend(Choices::Random, 1024, &message).unwrap());
        },
    );
    assert_quiet("Delta in an extension", t);
}

#[test]
#[ignore = "needs a quiet machine"]
fn choices_of_an_extension() {
    let t = t_of(
        RUNS,
        |fixed, rng| {
            let (sent, _) = ideal::random_ots::<SemiHonest, _>(&Delta::random(rng).choices(), rng);
            (
                iknp::receiver(SESSION, sent).unwrap(),
                choices(fixed, 1024, rng),
            )
        },
        |(mut receiver, choices)| {
            let mut message = Vec::new();
            black_box(receiver.extend_chosen(&choices, &mut message).unwrap());
        },
    );
    assert_quiet("choices of an extension", t);
}
