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

mod support {
    pub(crate) mod scenarios;
}

use std::collections::BTreeMap;
use std::process::Command;

use piquet_core::cpu::{self, Level};
use piquet_core::{BitVec, Block, Prg};
use piquet_fss::Cpu;
use piquet_fss::dealer::Seed;
use support::scenarios::{Scenario, Seen, Setting, all};

fn random(n: usize, seed: u128) -> Vec<u64> {
    let mut v = vec![0; n];
    Prg::new(Block::from_u128(seed)).fill_ring(&mut v);
    v
}

fn bits(n: usize, seed: u128) -> BitVec {
    BitVec::from_words(n, random(n.div_ceil(64), seed))
}

fn seen(scenario: &Scenario, n: usize, level: Level) -> Seen {
    scenario.run(&Setting {
        seed: Seed::from_bytes([4; 16]),
        masks: random(n, 1),
        bit_masks: bits(n, 2),
        masked: random(n, 3),
        opened: bits(n, 4),
        shares: random(n, 5),
        bit_shares: bits(n, 6),
        cpu: Cpu::with_level(level),
        public: &|_| {},
    })
}

fn hash(both: &[Vec<u8>; 2]) -> String {
    blake3::hash(&both.concat()).to_hex()[..32].to_string()
}

#[test]
#[ignore = "run by the other one"]
fn traces() {
    println!("at level {}", cpu::level());
    for n in [1, 31, 33, 63, 64, 65, 127, 129, 300] {
        for scenario in all() {
            let of = |level| {
                let seen = seen(&scenario, n, level);
                [seen.blocks, seen.messages, seen.own].map(|b| hash(&b))
            };
            let lines: Vec<_> = Level::all().map(of).collect();
            let name = format!("{n} times {}", scenario.name);
            assert!(lines.iter().all(|l| *l == lines[0]), "{name}: {lines:?}");
            println!("trace {name}: {}", lines[0].join(" "));
        }
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
        .map(|(_, l)| l.split_once(": ").unwrap())
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
