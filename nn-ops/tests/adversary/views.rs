//! What one party sees is noise, whatever the secrets are.
//!
//! For each receiver, everything that it knows or can compute is held fixed over all runs: its own generator, the
//! client's, so its shares of inputs and weights, and its seeds with the two others. Only the seed that the two others have in
//! common changes. Every byte that they then send it must be uniform, at the edges of the inputs' range as in
//! its middle: a simulator that knows the receiver's shares can make the same view without the inputs.
//!
//! Three statistics, on every message of a script that takes every protocol step, padding and tails included:
//! - each bit of each byte, a binomial test over the runs;
//! - the byte values of each message over all runs, chi-square over 256 cells (where 5 or more are expected in each);
//! - no pad is used twice: the bytes of one view, as vectors over the runs, less their first entry, are distinct, both under
//!   addition and under exclusive or. The lowest byte of a word, of any width, adds by itself, so that a repeated pad
//!   shows in whatever ring it was added.
//!
//! All seeds are fixed, so the outcome is too. Were they drawn, a correct engine would fail with probability below 2^-40:
//! 2^-60 for each of the fewer than 2^20 tests (a normal approximation for the first, Wilson and Hilferty's for the
//! second; for the third 2^-248 for each of the fewer than 2^30 pairs).

use crate::common;
use crate::common::{Case, Outcome, Script, peer_with, specs};
use crate::everything::{Whole, WithFunctions, case};
use crate::noise::{Parts, View, Views, watched};
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::Spec;
use piquet_nn_ops::session::{Limits, Session};
use piquet_nn_ops::transport::{Cast, Peer};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Messages between two parties before the engine's first: two of the handshake, and the seeds.
const PREAMBLE: u64 = 3;

/// What changes from run to run.
#[derive(Clone, Copy)]
enum Changes {
    /// The seed that these two parties have in common.
    Seed(u8, u8),
    /// What the client draws.
    Client,
    /// What all parties draw.
    Parties,
}

/// What `receiver` is sent in one run.
fn view(
    (case, script): (&Case, &impl Script),
    outputs: &[Spec],
    receiver: Peer,
    changes: Changes,
    run: usize,
) -> View {
    let (links, seen) = watched(Cast::parties(3).with_client(), receiver);
    std::thread::scope(|scope| {
        let peers: Vec<_> = links
            .into_iter()
            .enumerate()
            .map(|(me, links)| {
                scope.spawn(move || -> Result<Outcome, Error> {
                    let mut nonces = ChaCha20Rng::seed_from_u64(me as u64);
                    let agreement = common::agreement();
                    let session =
                        Session::establish(links, &agreement, Limits::default(), &mut nonces)?;
                    let mut parts = Parts::new(me, run);
                    match changes {
                        // A party draws for its lower peer first.
                        Changes::Seed(low, high) if me == usize::from(low) => {
                            parts.change(usize::from(high) - 1);
                        }
                        Changes::Seed(low, high) if me == usize::from(high) => {
                            parts.change(usize::from(low));
                        }
                        Changes::Client if me == 3 => parts.change_all(),
                        Changes::Parties if me != 3 => parts.change_all(),
                        Changes::Seed(..) | Changes::Client | Changes::Parties => {}
                    }
                    peer_with(session, case, outputs, script, 1, &mut parts)
                })
            })
            .collect();
        for p in peers {
            p.join().unwrap().unwrap();
        }
    });
    let mut seen = seen.lock().unwrap();
    core::mem::take(&mut *seen)
}

/// The part that `keep` leaves of what `receiver` is sent in all runs.
fn gather(
    what: (&Case, &impl Script),
    receiver: Peer,
    changes: Changes,
    keep: impl Fn(Peer, u64, Vec<u8>) -> Option<Vec<u8>>,
) -> Views {
    let outputs = specs(what.0, what.1);
    Views::gather(|run| view(what, &outputs, receiver, changes, run), keep)
}

/// What `receiver` hears from the other parties, in the engine proper.
fn of_party(what: (&Case, &impl Script), receiver: u8) -> Views {
    let [low, high] = [[1, 2], [0, 2], [0, 1]][usize::from(receiver)];
    let keep =
        |from, index, payload| (from != Peer::Client && index >= PREAMBLE).then_some(payload);
    gather(what, Peer::party(receiver), Changes::Seed(low, high), keep)
}

/// Inputs and weights that differ as much as they can: all zeros, the largest, and a mixture.
fn cases() -> [Case; 3] {
    [
        case(|_| 0),
        case(|_| 255),
        case(|i| (i as i64 * 37) % 511 - 255),
    ]
}

fn is_noise(receiver: u8, cases: &[Case], script: &impl Script) {
    for (i, case) in cases.iter().enumerate() {
        let views = of_party((case, script), receiver);
        let faults = views.faults();
        assert!(
            faults.is_empty(),
            "input {i}: {} {:#?}",
            faults.len(),
            &faults[..faults.len().min(8)]
        );
    }
}

/// Party 0 helps and hears nothing once seeds are agreed.
#[test]
fn party_0_sees_nothing() {
    for case in cases() {
        let views = of_party((&case, &WithFunctions), 0);
        assert!(views.messages.is_empty(), "{:?}", views.messages.keys());
    }
}

#[test]
fn party_1_sees_noise() {
    is_noise(1, &cases(), &WithFunctions);
}

#[test]
fn party_2_sees_noise() {
    is_noise(2, &cases(), &WithFunctions);
}

/// Exponentials by the engine's own powers, inverse roots, and softmax: values that sum up many steps.
#[test]
fn whole_functions_show_noise() {
    let [_, edge, mixture] = cases();
    is_noise(1, &[edge], &Whole);
    is_noise(2, &[mixture], &Whole);
}

/// Shares of inputs and weights, whose randomness is the client's. What is not noise is the header.
#[test]
fn shares_from_the_client_are_noise() {
    const HEADER: usize = 19;
    for receiver in 0..3 {
        let case = case(|_| 255);
        let shares = 2..2 + (case.weights.len() + case.inputs.len()) as u64;
        let keep = |from, index, payload: Vec<u8>| {
            let share = from == Peer::Client && shares.contains(&index);
            share.then(|| payload[HEADER..].to_vec())
        };
        let views = gather(
            (&case, &WithFunctions),
            Peer::party(receiver),
            Changes::Client,
            keep,
        );
        assert_eq!(views.messages.len(), 3);
        assert_eq!(views.faults(), Vec::<String>::new());
    }
}

/// What the client learns beside its result: of two summands it knows the sum, so one of them must be noise.
#[test]
fn the_client_sees_its_result_and_noise() {
    let case = case(|i| (i as i64 * 37) % 511 - 255);
    let first = PREAMBLE - 1;
    let outputs = specs(&case, &WithFunctions).len() as u64;
    let keep = |from, index, payload| {
        let results = first..first + outputs;
        (from == Peer::party(1) && results.contains(&index)).then_some(payload)
    };
    let views = gather(
        (&case, &WithFunctions),
        Peer::Client,
        Changes::Parties,
        keep,
    );
    assert_eq!(views.messages.len() as u64, outputs);
    assert_eq!(views.faults(), Vec::<String>::new());
}

/// The statistics find what they are there to find.
#[test]
fn broken_engines_are_found() {
    let honest = of_party((&case(|_| 0), &WithFunctions), 2);
    let places: Vec<_> = honest.messages.keys().copied().collect();
    let broken = |f: &dyn Fn(&mut Views)| {
        let mut v = Views {
            messages: honest.messages.clone(),
        };
        f(&mut v);
        v.faults()
    };
    assert!(broken(&|_| {}).is_empty());
    // A pad that leaves the last bit of one message out.
    let tail = broken(&|v| {
        let m = v.messages.get_mut(&places[3]).unwrap();
        m.iter_mut().for_each(|m| *m.last_mut().unwrap() &= 0x7f);
    });
    assert_eq!(tail.len(), 1, "{tail:?}");
    // A bit that is set fifteen times in sixteen.
    let bias = broken(&|v| {
        let m = v.messages.get_mut(&places[5]).unwrap();
        let most = m.iter_mut().enumerate().filter(|(r, _)| r % 8 != 0);
        most.for_each(|(_, m)| m[0] |= 1);
    });
    assert_eq!(bias.len(), 1, "{bias:?}");
    // A value masked by a pad that masks another already, by addition and by exclusive or, at another place.
    for mask in [u8::wrapping_add as fn(u8, u8) -> u8, |a, b| a ^ b] {
        let twice = broken(&|v| {
            let pads: Vec<u8> = v.messages[&places[0]].iter().map(|m| m[8]).collect();
            let m = v.messages.get_mut(&places[6]).unwrap();
            m.iter_mut()
                .zip(pads)
                .for_each(|(m, pad)| m[16] = mask(pad, 77));
        });
        assert!(twice.iter().any(|f| f.contains("used before")), "{twice:?}");
    }
    // The same pad for every element of a message: uniform bit by bit, but not twice.
    let same = broken(&|v| {
        let m = v.messages.get_mut(&places[1]).unwrap();
        m.iter_mut().for_each(|m| m.copy_within(0..8, 8));
    });
    assert!(same.iter().any(|f| f.contains("used before")), "{same:?}");
    // No pad at all: a constant.
    let bare = broken(&|v| {
        let m = v.messages.get_mut(&places[2]).unwrap();
        m.iter_mut().for_each(|m| m.fill(3));
    });
    assert!(bare.len() > 8, "{bare:?}");
}
