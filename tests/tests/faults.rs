//! Launchers, and their parties, that die or stop in the middle: everyone else says so, ends, and leaves nothing. Faults of
//! parties that were started one by one are those of the matrix.
#![cfg(target_os = "linux")] // parties are found and signalled by what /proc says of them
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use common::deployment::Deployment;
use common::{Running, Scratch, signal, wait_until};

/// `tiny` takes 59 rounds, so this makes it last for many seconds.
const SLOW: &str = "100,150";

fn slow(deadline: u64) -> Deployment {
    Deployment::new().for_all("parties.toml", |toml| {
        toml.replace(
            "deadline_seconds = 5",
            &format!("deadline_seconds = {deadline}"),
        )
        .replace(
            "[client]",
            "[network]\nmegabits_per_second = 100.0\ndelay_milliseconds = 150.0\n\n[client]",
        )
    })
}

#[test]
fn an_inference_may_take_longer_than_a_peer_may_be_silent() {
    let d = slow(1).for_all("parties.toml", |toml| toml.replace("150.0", "80.0"));
    let ends = d.run();
    ends.all_good();
    assert!(ends.0[3].after.as_secs() >= 4);
}

fn start_launcher(scratch: &Scratch, deadline: u64) -> Running {
    let words = format!("infer --model tiny --network {SLOW} --deadline {deadline}");
    let launcher = scratch.start(&words);
    scratch.wait_for_sessions();
    launcher
}

#[test]
fn a_local_run_ends_with_a_party() {
    let scratch = Scratch::new();
    let launcher = start_launcher(&scratch, 5);
    scratch.party(1).unwrap().signal("KILL");
    launcher.wait().names(&["party 1"]).within(30);
    scratch.assert_clean();
}

#[test]
fn a_local_run_ends_with_a_party_that_stalls() {
    let scratch = Scratch::new();
    let launcher = start_launcher(&scratch, 2);
    scratch.party(2).unwrap().signal("STOP");
    launcher.wait().names(&["party 2 stalled"]).within(30);
    scratch.assert_clean();
}

#[test]
fn an_interrupt_stops_all_parties() {
    for name in ["INT", "TERM"] {
        let scratch = Scratch::new();
        let launcher = start_launcher(&scratch, 60);
        signal(launcher.pid(), name);
        let end = launcher.wait();
        assert_eq!(end.code, Some(130), "{end:#?}");
        assert!(end.err.contains("interrupted"), "{end:#?}");
        end.within(30);
        scratch.assert_clean();
    }
}

#[test]
fn parties_do_not_outlive_a_launcher_that_is_killed() {
    let scratch = Scratch::new();
    let launcher = start_launcher(&scratch, 5);
    signal(launcher.pid(), "KILL");
    // Nobody is left who could remove the folder; but the parties say why they end.
    let end = launcher.wait();
    assert_eq!(end.code, None);
    for id in 0..3 {
        assert!(end.err.contains(&format!("party {id}: ")), "{end:#?}");
    }
    end.within(30);
    wait_until("the parties to end", || scratch.processes().is_empty());
}
