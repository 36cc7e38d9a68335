//! Dealing and evaluating at every CPU level: the same bytes of keys, and the same shares.
//!
//! What evaluates takes a level by value. The dealer takes the one in force, which is chosen once in a process, so the test runs
//! its own binary under `PIQUET_CPU`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

use std::collections::BTreeMap;
use std::process::Command;

use piquet_core::cpu::{self, Level};
use piquet_core::wire::SessionId;
use piquet_core::{Block, Prg, Ring};
use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::gates::sign::Sign;
use piquet_fss::mask::Mask;
use piquet_fss::stream::KeyStream;
use piquet_fss::{Cpu, P0, P1};

const SESSION: SessionId = SessionId([31; 32]);

fn random<R: Ring>(n: usize, seed: u128) -> Vec<R> {
    let mut v = vec![R::ZERO; n];
    Prg::new(Block::from_u128(seed)).fill_ring(&mut v);
    v
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_string()
}

/// Deals one block, evaluates it as both parties at every level, and prints what came of it. `$own` is a party's results as bytes.
macro_rules! trace {
    ($name:expr, $gate:expr, $n:expr, $masks:expr, |$k:ident, $cpu:ident| $own:expr) => {{
        let gate = $gate;
        let seed = Seed::from_bytes([4; 16]);
        let mut dealer = Dealer::new(SESSION, 1, &seed);
        let [mut a, mut b] = [Vec::new(), Vec::new()];
        dealer.deal(&gate, $n, $masks, [&mut a, &mut b]).unwrap();
        let mut own = Vec::new();
        for level in Level::all() {
            let mut s0 = KeyStream::<P0>::new(SESSION, 1, dealer.seed::<P0>());
            let mut s1 = KeyStream::<P1>::new(SESSION, 1, dealer.seed::<P1>());
            let $cpu = Cpu::with_level(level);
            let $k = s0.take(&gate, $n, &a).unwrap();
            let mut both: Vec<u8> = $own;
            let $k = s1.take(&gate, $n, &b).unwrap();
            both.extend($own);
            own.push(hash(&both));
        }
        let name = $name;
        assert!(own.iter().all(|o| *o == own[0]), "{name}: {own:?}");
        println!("trace {} {} {} {}", name, hash(&a), hash(&b), own[0]);
    }};
}

#[test]
#[ignore = "run by the other one"]
fn traces() {
    println!("at level {}", cpu::level());
    for n in [1, 31, 33, 63, 64, 65, 127, 129, 300] {
        for bits in [1, 2, 8, 9, 38, 64] {
            let (r, x) = (random::<u64>(n, 1), random::<u64>(n, 2));
            trace!(
                format!("sign-{bits}-{n}"),
                Sign::<u64>::new(bits).unwrap(),
                n,
                &r,
                |k, cpu| k.evaluate(&x, &cpu).unwrap().as_bytes().to_vec()
            );
        }
        let x = random::<u32>(n, 3);
        trace!(
            format!("mask-{n}"),
            Mask::<u32>::new(19).unwrap(),
            n,
            (),
            |k, _cpu| k.open(&x).unwrap().1
        );
    }
}

type Traces = BTreeMap<String, String>;

fn traces_at(level: &str) -> Traces {
    let out = Command::new(std::env::current_exe().unwrap())
        .args(["traces", "--exact", "--ignored", "--nocapture"])
        .env("PIQUET_CPU", level)
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{level}: {text}{errors}");
    assert!(text.contains(&format!("at level {level}\n")), "{text}");
    let lines = text.lines().filter_map(|l| l.split_once("trace "));
    lines
        .map(|(_, l)| l.split_once(' ').unwrap())
        .map(|(name, hashes)| (name.to_string(), hashes.to_string()))
        .collect()
}

#[test]
fn every_level_gives_the_same() {
    let wanted = traces_at("portable");
    assert!(wanted.len() > 50);
    for level in Level::all() {
        let got = traces_at(&level.to_string());
        for (name, wanted) in &wanted {
            assert_eq!(got.get(name), Some(wanted), "{name} at {level}");
        }
        assert_eq!(got.len(), wanted.len());
    }
}
