//! No branch and no address depends on a secret: keys, errors, shares, weights and masks are undefined memory to
//! valgrind's memcheck while the protocols run, and while the backend does. Messages are declared public where they
//! leave a party.
//!
//! The cases are the ignored tests of this file; `judged` runs each under valgrind, where that is installed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod support {
    pub(crate) mod forms;
    pub(crate) mod memcheck;
}

use std::convert::Infallible;
use std::sync::Arc;

use piquet_core::RingVec;
use piquet_core::linalg::ConvShape;
use piquet_core::wire::{Machine, SessionId, run_pair_tampered};
use piquet_he_bridge::encoding::Encoding;
use piquet_he_bridge::linear::{Layer, client, server};
use piquet_he_bridge::shared::{self, Party};
use piquet_he_bridge::{Backend, CipherModulus, Mode, Native, Params, PlainModulus};
use rand_core::{Rng, TryCryptoRng, TryRng};
use support::memcheck::{PART, SecretRng, Verdict, judge, public, secret};

const SESSION: SessionId = SessionId([9; 32]);
const WEIGHT: u64 = 15;

/// Every case, and whether memcheck must be content with it.
const CASES: &[(&str, bool)] = &[
    ("a_branch_on_a_secret", false),
    ("an_index_from_a_secret", false),
    ("arithmetic_on_a_secret", true),
];
/// Kinds of parameters of products.
const PARTS: &[&str] = &["primes", "a prime t", "limbs", "a word", "approximate"];

#[test]
fn judged() {
    if cfg!(debug_assertions) {
        eprintln!(
            "NOT CHECKED: debug assertions branch on secrets; users' builds have none, nor has --release"
        );
        return;
    }
    let mut list: Vec<_> = CASES
        .iter()
        .map(|(case, clean)| (*case, "", *clean))
        .collect();
    list.extend(PARTS.iter().map(|part| ("products", *part, true)));
    list.extend(["bits", "a prime t"].map(|part| ("shared_products", part, true)));
    let forms = support::forms::scenarios();
    list.extend((forms.iter()).map(|s| ("support::forms::product", s.name, true)));
    let bad: Vec<String> = std::thread::scope(|scope| {
        let run = |(case, part, clean): &(&'static str, &'static str, bool)| {
            let complaint = match judge(case, part) {
                Verdict::Clean if *clean => return None,
                Verdict::Dependent(_) if !clean => return None,
                Verdict::Clean => "memcheck has seen nothing".into(),
                Verdict::Dependent(report) => report,
                Verdict::NoValgrind => "NOT CHECKED: there is no valgrind for this machine".into(),
            };
            Some(format!("{case} {part}: {complaint}"))
        };
        let threads: Vec<_> = list
            .iter()
            .map(|item| scope.spawn(move || run(item)))
            .collect();
        threads
            .into_iter()
            .filter_map(|t| t.join().unwrap())
            .collect()
    });
    if bad.iter().any(|b| b.contains("NOT CHECKED")) {
        eprintln!("{}", bad[0]);
        return;
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

fn a_secret_byte() -> u8 {
    let mut b = [3u8];
    secret(&b);
    std::hint::black_box(&mut b);
    b[0]
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn a_branch_on_a_secret() {
    if a_secret_byte() > 2 {
        std::hint::black_box(std::time::Instant::now());
    }
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn an_index_from_a_secret() {
    let table = std::hint::black_box(vec![0u8; 256]);
    std::hint::black_box(table[usize::from(a_secret_byte())]);
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn arithmetic_on_a_secret() {
    std::hint::black_box(u64::from(a_secret_byte()) * 0x9e37_79b9);
}

/// A generator of secrets, except for what is as long as a salt: that is sent in the clear.
struct Saltless(SecretRng);

impl Saltless {
    fn new(seed: u8) -> Self {
        Self(SecretRng::new(seed))
    }
}

impl TryRng for Saltless {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next_u32())
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(out);
        if out.len() == 32 {
            public(out);
        }
        Ok(())
    }
}

impl TryCryptoRng for Saltless {}

/// Secret residues.
fn residues(n: usize, t: PlainModulus, seed: u64) -> Vec<u64> {
    let word = |i: u64| (seed + i).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut out: Vec<u64> = (0..n as u64).map(|i| t.reduce(word(i) >> 8)).collect();
    secret(&out);
    std::hint::black_box(&mut out);
    out
}

fn shape() -> ConvShape {
    ConvShape {
        batch: 1,
        input: [3, 4],
        in_channels: 2,
        out_channels: 2,
        kernel: [2, 2],
        stride: [1; 2],
        padding: [0; 4],
        dilation: [1; 2],
        groups: 1,
    }
}

fn layer(
    degree: usize,
    q: CipherModulus,
    t: PlainModulus,
    mode: Mode,
    weight: u64,
) -> Layer<Native> {
    let encoding = Encoding::new(&shape(), degree).unwrap();
    let params = Params::new(degree, t, q, mode, encoding.bound(weight)).unwrap();
    Layer::new(Arc::new(Native::new(params)), encoding).unwrap()
}

fn key(layer: &Layer<Native>, step: u64) -> (client::Key<Native>, server::PublicKey<Native>) {
    let mut message = Vec::new();
    let key = layer.key(SESSION, step, &mut Saltless::new(1), &mut message);
    let key_of = layer.public_key(SESSION, step, public(&message)).unwrap();
    (key, key_of)
}

/// Runs both; their messages are public.
fn run<A, B>(a: A, b: B, t: PlainModulus) -> Vec<u64>
where
    A: Machine<Output = RingVec<u64>, Error: std::fmt::Debug>,
    B: Machine<Output = RingVec<u64>, Error: std::fmt::Debug>,
{
    let (a, b, _) = run_pair_tampered(a, b, |_: u8, _: usize, m: &mut Vec<u8>| {
        public(m);
    });
    let (a, b) = (a.unwrap(), b.unwrap());
    let (a, b) = (public(a.as_slice()), public(b.as_slice()));
    a.iter().zip(b).map(|(a, b)| t.add(*a, *b)).collect()
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn products() {
    let bits = PlainModulus::Bits(20);
    let prime = PlainModulus::Prime(1_000_003);
    let two = CipherModulus::primes(4096, 50, 2);
    let layer = match &*std::env::var(PART).unwrap_or_default() {
        "a prime t" => layer(4096, two, prime, Mode::Exact, WEIGHT),
        "limbs" => layer(4096, CipherModulus::Limbs(2), bits, Mode::Exact, WEIGHT),
        "a word" => layer(
            4096,
            CipherModulus::Word(64),
            bits,
            Mode::Approximate,
            WEIGHT,
        ),
        "approximate" => layer(4096, two, prime, Mode::Approximate, WEIGHT),
        _ => layer(4096, two, bits, Mode::Exact, WEIGHT),
    };
    let (t, mode) = {
        let params = layer.backend().params();
        (params.plain(), params.mode())
    };
    let (key, key_of) = key(&layer, 0);
    let [x, y] = [1, 2].map(|seed| residues(layer.input_len(), t, seed));
    let small = |w: &u64| (*w % (2 * WEIGHT + 1)) as i64 - WEIGHT as i64;
    let mut w: Vec<i64> = residues(shape().weight_len(), t, 3)
        .iter()
        .map(small)
        .collect();
    secret(&w);
    std::hint::black_box(&mut w);
    let weights = server::Weights::new(&layer, &w).unwrap();
    let rng = &mut Saltless::new(2);
    let client = client::Product::new(&layer, &key, 1, &x, rng).unwrap();
    let server = server::Product::new(&layer, &key_of, &weights, 1, Some(&y), rng).unwrap();
    let got = run(client, server, t);
    // Not that nothing was calculated.
    public(&x);
    public(&y);
    public(&w);
    let [wide, high] = [4, 3];
    for (at, got) in got.iter().enumerate() {
        let (o, column, row) = (at % 2, at / 2 % (wide - 1), at / 2 / (wide - 1));
        assert!(row < high - 1);
        let mut want = 0;
        for (i, w) in w[o * 8..][..8].iter().enumerate() {
            let (c, dy, dx) = (i / 4, i / 2 % 2, i % 2);
            let from = ((row + dy) * wide + column + dx) * 2 + c;
            let product = t.add(x[from], y[from]) as i64 * w;
            want = t.add(want, t.reduce_signed(product));
        }
        let off = t.centred(t.subtract(*got, want)).abs();
        assert!(off <= i64::from(mode == Mode::Approximate));
    }
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn shared_products() {
    let t = match &*std::env::var(PART).unwrap_or_default() {
        "a prime t" => PlainModulus::Prime(1_000_003),
        _ => PlainModulus::Bits(20),
    };
    let q = CipherModulus::primes(4096, 50, 2);
    let layer = layer(4096, q, t, Mode::Exact, shared::bound(t));
    let keys = [0, 1].map(|p| key(&layer, p));
    let share = |seed| residues(shape().weight_len(), t, seed);
    let weights = [1, 2].map(|p| shared::Weights::new(&layer, &share(p)).unwrap());
    let x = [3, 4].map(|p| residues(layer.input_len(), t, p));
    let party = |p: usize| Party {
        layer: &layer,
        key: &keys[p].0,
        peer: &keys[1 - p].1,
        weights: &weights[p],
    };
    let rng = &mut Saltless::new(2);
    let first = shared::Product::first(party(0), 1, &x[0], rng).unwrap();
    let second = shared::Product::second(party(1), 1, &x[1], rng).unwrap();
    assert_eq!(run(first, second, t).len(), layer.output_len());
}
