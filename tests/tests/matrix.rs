//! The fault matrix: at each phase each peer, as a process of its own, suffers each fault, and everyone else says so in
//! time, ends, and leaves nothing.
//!
//! `PIQUET_BLESS=1` writes the table to `docs/faults.md`, `PIQUET_SEE=1` prints what everyone said, and `PIQUET_ONLY=words`
//! plays the cells whose names hold all these words.
#![cfg(target_os = "linux")] // processes are stopped, and their memory is measured, by Linux' means
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_debug_implementations
)] // helpers of tests

#[path = "matrix/cell.rs"]
mod cell;
mod common;
#[path = "matrix/judge.rs"]
mod judge;
#[path = "matrix/papers.rs"]
mod papers;
#[path = "matrix/proxy.rs"]
mod proxy;
#[path = "matrix/said.rs"]
mod said;
#[path = "matrix/stage.rs"]
mod stage;
#[path = "matrix/table.rs"]
mod table;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use cell::{Cell, Engine, REP3, SEMI2K};
use stage::{Files, Outcome, play};

/// Most of a cell's time is waiting, so many are played at once.
const AT_ONCE: usize = 12;

/// Every engine there is.
const ENGINES: [&Engine; 2] = [&REP3, &SEMI2K];

fn name(engine: &Engine, cell: Cell) -> String {
    format!(
        "{} {}, {}, {}",
        engine.name,
        engine.peers[cell.peer],
        cell.phase.name(),
        cell.fault.name()
    )
}

fn play_all(engine: &'static Engine) {
    let files = Files::of(engine);
    let only = std::env::var("PIQUET_ONLY").unwrap_or_default();
    let mut cells = Cell::all(engine);
    cells.retain(|c| {
        only.split_whitespace()
            .all(|w| name(engine, *c).contains(w))
    });
    cells.reverse();
    let left = Mutex::new(cells);
    let wrong: Mutex<Vec<String>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(cell) = left.lock().unwrap().pop() else {
                        return;
                    };
                    let found = judge_one(engine, &files, cell);
                    wrong.lock().unwrap().extend(found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if only.is_empty() {
        table::check(&ENGINES);
    }
}

fn judge_one(engine: &'static Engine, files: &Files, cell: Cell) -> Vec<String> {
    let name = name(engine, cell);
    let once = || catch_unwind(AssertUnwindSafe(|| play(engine, files, cell)));
    let mut played = once();
    // Someone else on this machine may take a port between the moment it was found free and that of its use. Then a peer says
    // so, or the others do not come as far as the moment of the fault.
    if played.as_ref().map_or(true, Outcome::lost_a_port) {
        eprintln!("{name}: once more");
        played = once();
    }
    let Ok(outcome) = played else {
        return vec![format!("{name}: the test itself failed")];
    };
    if std::env::var_os("PIQUET_SEE").is_some() {
        see(&name, &outcome);
    }
    let complaints = judge::complaints(engine, cell, &outcome);
    complaints
        .into_iter()
        .map(|c| format!("{name}: {c}"))
        .collect()
}

fn see(name: &str, outcome: &Outcome) {
    let said: BTreeSet<_> = outcome
        .others
        .iter()
        .map(|e| {
            let said = e.said();
            format!("{} {}", said.who, said.what)
        })
        .collect();
    let peak = outcome.others.iter().filter_map(|e| e.peak);
    println!(
        "{name}: {said:?}; itself {:?} {:?}; {:.1} s, {:.1} MiB",
        outcome.own.ended.code,
        outcome.own.said(),
        outcome.after.as_secs_f64(),
        peak.fold(0.0, f64::max)
    );
}

#[test]
fn rep3_survives_every_fault() {
    play_all(&REP3);
}

#[test]
fn semi2k_survives_every_fault() {
    play_all(&SEMI2K);
}

#[test]
fn no_engine_is_left_out() {
    let known: Vec<_> = piquet_bench_suite::engines::Engine::ALL
        .iter()
        .map(|e| e.name())
        .collect();
    assert_eq!(ENGINES.map(|e| e.name).to_vec(), known);
}
