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

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "common/everything.rs"]
mod everything;

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use common::{Case, Outcome, peer_with, specs};
use everything::{Everything, case};
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::Spec;
use piquet_nn_ops::session::{Limits, Session};
use piquet_nn_ops::transport::tamper::{Fate, tamper};
use piquet_nn_ops::transport::{Cast, Peer, memory};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};

/// Runs for each receiver and each input.
const RUNS: usize = 256;
/// Standard deviations with a tail of 2^-60 on both sides together.
const SIGMAS: f64 = 8.9;
/// Messages between two parties before the engine's first: two of the handshake, and the seeds.
const PREAMBLE: u64 = 3;

/// A party's generator: what it draws for one of its peers can be changed without changing anything else.
///
/// The one draw for each other party, in their order, is its part of their common seed.
struct Parts {
    fixed: ChaCha20Rng,
    changing: ChaCha20Rng,
    /// Which draws change.
    change: Option<usize>,
    draws: usize,
}

impl TryRng for Parts {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.fixed.next_u32())
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.fixed.next_u64())
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.fixed.fill_bytes(out);
        if self.change == Some(self.draws) {
            self.changing.fill_bytes(out);
        }
        self.draws += 1;
        Ok(())
    }
}

impl TryCryptoRng for Parts {}

/// Payloads by sender and place in the stream.
type View = BTreeMap<(Peer, u64), Vec<u8>>;

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
fn view(case: &Case, outputs: &[Spec], receiver: Peer, changes: Changes, run: usize) -> View {
    let seen: Arc<Mutex<View>> = Arc::default();
    let links = memory::mesh(Cast::parties(3).with_client())
        .unwrap()
        .into_iter()
        .map(|l| {
            let seen = seen.clone();
            tamper(l, move |frame, payload| {
                if frame.to == receiver {
                    let place = (frame.from, frame.index);
                    seen.lock().unwrap().insert(place, payload.clone());
                }
                Fate::Deliver
            })
        });
    let links: Vec<_> = links.collect();
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
                    let seed = 100 + me as u64;
                    let mut changing = ChaCha20Rng::seed_from_u64(run as u64);
                    changing.set_stream(seed);
                    let mut parts = Parts {
                        fixed: ChaCha20Rng::seed_from_u64(seed),
                        changing: changing.clone(),
                        change: None,
                        draws: 0,
                    };
                    match changes {
                        // A party draws for its lower peer first.
                        Changes::Seed(low, high) if me == usize::from(low) => {
                            parts.change = Some(usize::from(high) - 1);
                        }
                        Changes::Seed(low, high) if me == usize::from(high) => {
                            parts.change = Some(usize::from(low));
                        }
                        Changes::Client if me == 3 => parts.fixed = changing,
                        Changes::Parties if me != 3 => parts.fixed = changing,
                        Changes::Seed(..) | Changes::Client | Changes::Parties => {}
                    }
                    peer_with(session, case, outputs, &Everything, 1, &mut parts)
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

/// Views of all runs, by message; a message has the same length in each.
struct Views {
    messages: BTreeMap<(Peer, u64), Vec<Vec<u8>>>,
}

impl Views {
    /// The part of each message that `keep` leaves.
    fn gather(
        case: &Case,
        receiver: Peer,
        changes: Changes,
        keep: impl Fn(Peer, u64, Vec<u8>) -> Option<Vec<u8>>,
    ) -> Self {
        let outputs = specs(case, &Everything);
        let mut messages: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for run in 0..RUNS {
            for ((from, index), payload) in view(case, &outputs, receiver, changes, run) {
                if let Some(payload) = keep(from, index, payload) {
                    messages.entry((from, index)).or_default().push(payload);
                }
            }
        }
        Self { messages }
    }

    /// What `receiver` hears from the other parties, in the engine proper.
    fn of_party(case: &Case, receiver: u8) -> Self {
        let [low, high] = [[1, 2], [0, 2], [0, 1]][usize::from(receiver)];
        let keep =
            |from, index, payload| (from != Peer::Client && index >= PREAMBLE).then_some(payload);
        Self::gather(case, Peer::party(receiver), Changes::Seed(low, high), keep)
    }

    /// What is not noise, in words.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut tests = 0u64;
        let mut deltas = [HashSet::new(), HashSet::new()];
        for ((from, index), runs) in &self.messages {
            let name = format!("message {index} from {from}");
            let len = runs[0].len();
            if runs.len() != RUNS || runs.iter().any(|m| m.len() != len) {
                faults.push(format!("{name} differs in length"));
                continue;
            }
            let n = RUNS as f64;
            let mut cells = [0u32; 256];
            for at in 0..len {
                let column: Vec<u8> = runs.iter().map(|m| m[at]).collect();
                for bit in 0..8 {
                    let ones = column.iter().filter(|b| *b >> bit & 1 == 1).count() as f64;
                    tests += 1;
                    if (ones - n / 2.0).abs() > SIGMAS * n.sqrt() / 2.0 {
                        faults.push(format!("{name}, byte {at}, bit {bit}: {ones} of {n}"));
                    }
                }
                for b in &column {
                    cells[usize::from(*b)] += 1;
                }
                let less: [fn(u8, u8) -> u8; 2] = [u8::wrapping_sub, |a, b| a ^ b];
                for (less, seen) in less.into_iter().zip(&mut deltas) {
                    let delta: Vec<u8> =
                        column[1..32].iter().map(|b| less(*b, column[0])).collect();
                    if !seen.insert(delta) {
                        faults.push(format!("{name}, byte {at}: masked by a pad used before"));
                    }
                }
            }
            let expected = n * len as f64 / 256.0;
            if expected >= 5.0 {
                tests += 1;
                let x2: f64 = cells
                    .iter()
                    .map(|c| (f64::from(*c) - expected).powi(2) / expected)
                    .sum();
                let v = 2.0 / (9.0 * 255.0);
                let limit = 255.0 * (1.0 - v + SIGMAS * f64::sqrt(v)).powi(3);
                if x2 > limit {
                    faults.push(format!("{name}: chi-square of {x2:.0}, above {limit:.0}"));
                }
            }
        }
        assert!(tests > 500, "{tests} tests are too few to mean anything");
        assert!(tests < 1 << 20, "the stated rate holds for fewer tests");
        faults
    }
}

/// Inputs and weights that differ as much as they can: all zeros, the largest, and a mixture.
fn cases() -> [Case; 3] {
    [
        case(|_| 0),
        case(|_| 255),
        case(|i| (i as i64 * 37) % 511 - 255),
    ]
}

fn is_noise(receiver: u8) {
    for (i, case) in cases().iter().enumerate() {
        let views = Views::of_party(case, receiver);
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
        let views = Views::of_party(&case, 0);
        assert!(views.messages.is_empty(), "{:?}", views.messages.keys());
    }
}

#[test]
fn party_1_sees_noise() {
    is_noise(1);
}

#[test]
fn party_2_sees_noise() {
    is_noise(2);
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
        let views = Views::gather(&case, Peer::party(receiver), Changes::Client, keep);
        assert_eq!(views.messages.len(), 3);
        assert_eq!(views.faults(), Vec::<String>::new());
    }
}

/// What the client learns beside its result: of two summands it knows the sum, so one of them must be noise.
#[test]
fn the_client_sees_its_result_and_noise() {
    let case = case(|i| (i as i64 * 37) % 511 - 255);
    let first = PREAMBLE - 1;
    let outputs = specs(&case, &Everything).len() as u64;
    let keep = |from, index, payload| {
        let results = first..first + outputs;
        (from == Peer::party(1) && results.contains(&index)).then_some(payload)
    };
    let views = Views::gather(&case, Peer::Client, Changes::Parties, keep);
    assert_eq!(views.messages.len() as u64, outputs);
    assert_eq!(views.faults(), Vec::<String>::new());
}

/// The statistics find what they are there to find.
#[test]
fn broken_engines_are_found() {
    let views = || Views::of_party(&case(|_| 0), 2);
    let honest = views();
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
