//! Every protocol with a peer, or a network, that does not behave: messages with flipped bits, cut, lengthened, dropped,
//! replayed from another session, exchanged. Whoever hears one that is not due gets a typed error; nobody panics, waits
//! for ever, or, where deviations are checked for, accepts what an honest run does not give.
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

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use piquet_core::wire::{DecodeError, RunError, run_pair, run_pair_tampered};
use piquet_ot::Error;
use serde_json::Value;
use support::scenarios::{Scenario, all};
use support::talk::post;

const SESSION: [u8; 32] = [6; 32];
const OTHER: [u8; 32] = [7; 32];
const N: usize = 21;

type End = Result<Value, RunError<Error, core::convert::Infallible>>;
type Messages = Vec<(u8, Vec<u8>)>;

/// An honest run.
fn honest(scenario: &Scenario, session: [u8; 32]) -> ([Value; 2], Messages) {
    let (a, b) = scenario.pair(session);
    let (a, b, trace) = run_pair(a, b);
    ([a.unwrap(), b.unwrap()], trace.messages)
}

/// A run in which `edit` has a go at message number `at`.
fn spoilt(scenario: &Scenario, what: &str, edit: impl Fn(usize, &mut Vec<u8>)) -> [End; 2] {
    let run = || {
        let (a, b) = scenario.pair(SESSION);
        let (a, b, _) = run_pair_tampered(a, b, |_: u8, i: usize, m: &mut Vec<u8>| edit(i, m));
        [a, b]
    };
    let ends = catch_unwind(AssertUnwindSafe(run));
    ends.unwrap_or_else(|_| panic!("{}: {what}: a panic", scenario.name))
}

/// The texts of failed checks: one, it is to be hoped.
type Texts = BTreeSet<String>;

/// Only errors that a peer may cause.
fn typed(scenario: &Scenario, what: &str, ends: &[End; 2], texts: &mut Texts) {
    for end in ends {
        match end {
            Ok(_) | Err(RunError::PeerGone | RunError::Protocol(Error::Decode(_))) => {}
            Err(RunError::Protocol(e @ Error::Check)) => {
                texts.insert(e.to_string());
            }
            Err(e) => panic!("{}: {what}: {e}", scenario.name),
        }
    }
}

fn flips(scenario: &Scenario, texts: &mut Texts) -> usize {
    let (wanted, messages) = honest(scenario, SESSION);
    let mut refused = 0;
    for (i, (from, m)) in messages.iter().enumerate() {
        let hears = usize::from(1 - from);
        let last = m.len() - 1;
        let header = [0, 1, 2, 9, 10, 17];
        let spread = (0..6).map(|j| 18 + j * (last - 18) / 5);
        for at in header.into_iter().chain(spread) {
            let bit = 1 << ((at + i) % 8);
            let what = format!("bit {bit:02x} at {at} of message {i}");
            let ends = spoilt(scenario, &what, |j, m| {
                if j == i {
                    m[at] ^= bit;
                }
            });
            typed(scenario, &what, &ends, texts);
            if at < 18 {
                let refusal = matches!(&ends[hears], Err(RunError::Protocol(Error::Decode(_))));
                assert!(refusal, "{}: {what}: {:?}", scenario.name, ends[hears]);
            }
            if let (true, [Ok(a), Ok(b)]) = (scenario.checked, &ends) {
                assert_eq!(
                    [a, b],
                    [&wanted[0], &wanted[1]],
                    "{}: {what}: accepted",
                    scenario.name
                );
            }
            refused += usize::from(at >= 18 && ends.iter().any(Result::is_err));
        }
    }
    refused
}

#[test]
fn flipped_bits_are_refused_or_change_nothing_that_is_checked() {
    let mut texts = Texts::new();
    for scenario in all(N) {
        let refused = flips(&scenario, &mut texts);
        assert!(
            !scenario.checked || refused > 5,
            "{}: {refused} flips found out",
            scenario.name
        );
    }
    let text = "the consistency check failed: the peer deviated from the protocol";
    assert_eq!(texts.into_iter().collect::<Vec<_>>(), [text]);
}

#[test]
fn messages_of_another_length_are_refused() {
    let mut texts = Texts::new();
    for scenario in all(N) {
        let (_, messages) = honest(&scenario, SESSION);
        for (i, (from, m)) in messages.iter().enumerate() {
            let hears = usize::from(1 - from);
            for left in [0, 1, 17, 18, m.len() / 2, m.len() - 1] {
                let what = format!("{left} bytes left of message {i}");
                let ends = spoilt(&scenario, &what, |j, m| {
                    if j == i {
                        m.truncate(left);
                    }
                });
                typed(&scenario, &what, &ends, &mut texts);
                assert!(ends[hears].is_err(), "{}: {what}", scenario.name);
            }
            for more in [1, 16, m.len()] {
                let (a, b) = scenario.pair(SESSION);
                let ends = post(a, b, |j, m| {
                    if j == i {
                        m.resize(m.len() + more, 0);
                    }
                });
                let end = ends.ends[hears].as_ref().expect("an end");
                let refusal = matches!(end, Err(Error::Decode(DecodeError::Length { .. })));
                assert!(
                    refusal,
                    "{}: {more} more of message {i}: {end:?}",
                    scenario.name
                );
            }
        }
    }
}

#[test]
fn messages_of_another_session_or_step_are_refused() {
    let mut texts = Texts::new();
    for scenario in all(N) {
        let (_, messages) = honest(&scenario, SESSION);
        let (_, others) = honest(&scenario, OTHER);
        for (i, (from, _)) in messages.iter().enumerate() {
            let hears = usize::from(1 - from);
            let what = format!("message {i} of another session");
            let ends = spoilt(&scenario, &what, |j, m| {
                if j == i {
                    m.clone_from(&others[i].1);
                }
            });
            let context = Error::Decode(DecodeError::Context);
            assert_eq!(
                ends[hears],
                Err(RunError::Protocol(context)),
                "{}: {what}",
                scenario.name
            );

            // Exchanged with the next one of the same party, or said in place of it once more.
            let later = (i + 1..messages.len()).find(|j| messages[*j].0 == *from);
            let Some(later) = later else { continue };
            let what = format!("messages {i} and {later} exchanged");
            let ends = spoilt(&scenario, &what, |j, m| {
                if j == i || j == later {
                    m.clone_from(&messages[i + later - j].1);
                }
            });
            typed(&scenario, &what, &ends, &mut texts);
            assert!(ends[hears].is_err(), "{}: {what}", scenario.name);
            let what = format!("message {i} once more for message {later}");
            let ends = spoilt(&scenario, &what, |j, m| {
                if j == later {
                    m.clone_from(&messages[i].1);
                }
            });
            typed(&scenario, &what, &ends, &mut texts);
            assert!(ends[hears].is_err(), "{}: {what}", scenario.name);
        }
    }
}
