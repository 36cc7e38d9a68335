//! Parties and launchers that die or stop in the middle: everyone else says so, ends, and leaves nothing.
#![cfg(target_os = "linux")] // parties are found and signalled by what /proc says of them
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use common::deployment::Deployment;
use common::{Running, Scratch, signal, wait_for_all, wait_until};

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

/// Starts everyone and waits until all parties have computed a layer.
fn start_slow(d: &Deployment) -> [Running; 4] {
    let mut all = d.start();
    for party in &mut all[..3] {
        party.wait_for("done 1\n");
    }
    all
}

#[test]
fn a_party_that_is_killed_is_named_by_all_others() {
    let d = slow(5);
    let all = start_slow(&d);
    signal(all[1].pid(), "KILL");
    let ends = d.ends(all);
    assert_eq!(ends.0[1].code, None);
    for peer in [0, 2, 3] {
        ends.0[peer].names(&["party 1 hung up"]).within(30);
    }
}

#[test]
fn a_client_that_is_killed_is_named_by_all_parties() {
    let d = slow(5);
    let all = start_slow(&d);
    signal(all[3].pid(), "KILL");
    let ends = d.ends(all);
    for party in &ends.0[..3] {
        party.names(&["client hung up"]).within(30);
    }
}

#[test]
fn a_party_that_stalls_is_named_by_all_others() {
    let d = slow(2);
    let [first, stopped, third, client] = start_slow(&d);
    signal(stopped.pid(), "STOP");
    for end in wait_for_all([first, third, client]) {
        end.names(&["party 1 stalled"]).within(30);
    }
    // Once it goes on, it sees that it is alone.
    signal(stopped.pid(), "CONT");
    stopped.wait().names(&["party 1: "]);
    d.scratch.assert_clean();
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
