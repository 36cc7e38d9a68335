//! Whole protocols at every CPU level: the same bytes in either direction, and the same outputs, as ever before.
//!
//! Levels are chosen once in a process, so the test runs its own binary under `PIQUET_CPU`. `PIQUET_BLESS=1` writes the
//! constants anew, from the portable level.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod support {
    pub(crate) mod pairs;
    pub(crate) mod scenarios;
    pub(crate) mod show;
    pub(crate) mod talk;
}

use std::collections::BTreeMap;
use std::process::Command;

use piquet_core::cpu::{self, Level};
use piquet_core::wire::run_pair;
use support::scenarios::{Scenario, all};

/// Past the edge of a chunk of every protocol, and odd.
const N: usize = 4099;

/// For each protocol hashes of: what party 0 sends, what party 1 sends, both outputs.
type Traces = BTreeMap<String, [String; 3]>;

/// All that does not hang on a feature.
fn everything() -> Vec<Scenario> {
    let mut list = all(N);
    list.retain(|s| s.name != "base-ml-kem");
    list
}

#[test]
#[ignore = "run by the other one"]
fn traces() {
    println!("at level {}", cpu::level());
    for scenario in everything() {
        let (a, b) = scenario.pair([5; 32]);
        let (a, b, trace) = run_pair(a, b);
        let hash = |party| {
            let mut h = blake3::Hasher::new();
            for (_, m) in trace.messages.iter().filter(|(p, _)| *p == party) {
                h.update(&(m.len() as u64).to_le_bytes());
                h.update(m);
            }
            h.finalize()
        };
        let outputs = serde_json::to_string(&[a.unwrap(), b.unwrap()]).unwrap();
        let hashes = [hash(0), hash(1), blake3::hash(outputs.as_bytes())];
        let [x, y, z] = hashes.map(|h| h.to_hex()[..32].to_string());
        println!("trace {} {x} {y} {z}", scenario.name);
    }
}

fn traces_at(level: &str) -> Traces {
    let out = Command::new(std::env::current_exe().unwrap())
        .args(["traces", "--exact", "--ignored", "--nocapture"])
        .env("PIQUET_CPU", level)
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(
        out.status.success(),
        "{level}: {text}{}",
        String::from_utf8_lossy(&out.stderr)
    );
    assert!(text.contains(&format!("at level {level}\n")), "{text}");
    let words = text
        .lines()
        .filter_map(|l| l.split_once("trace "))
        .map(|(_, l)| l.split(' '));
    words
        .map(|mut w| {
            let mut next = || w.next().unwrap().to_string();
            (next(), [next(), next(), next()])
        })
        .collect()
}

#[test]
fn every_level_says_the_same() {
    let path = format!("{}/tests/vectors/trace.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("PIQUET_BLESS").is_some() {
        let text = serde_json::to_string_pretty(&traces_at("portable")).unwrap();
        std::fs::write(&path, text + "\n").unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let wanted: Traces = serde_json::from_str(&text).unwrap();
    assert_eq!(wanted.len(), everything().len());
    for level in Level::all() {
        let got = traces_at(&level.to_string());
        for (name, wanted) in &wanted {
            assert_eq!(got.get(name), Some(wanted), "{name} at {level}");
        }
        assert_eq!(got.len(), wanted.len());
    }
}
