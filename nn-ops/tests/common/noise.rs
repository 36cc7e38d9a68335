//! Views of a protocol over many runs, and statistics that tell whether they are noise: each bit of each byte, the bytes of
//! each message, and whether a pad is used twice.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "a test may panic, and need not use everything"
)]

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use piquet_nn_ops::transport::tamper::{Fate, tamper};
use piquet_nn_ops::transport::{Cast, Links, Peer, memory};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};

/// Runs for each receiver and each input.
pub(crate) const RUNS: usize = 256;
/// Standard deviations with a tail of 2^-60 on both sides together.
pub(crate) const SIGMAS: f64 = 8.9;
/// A peer's generator: what it draws for one of its peers can be changed without changing anything else.
///
/// The one draw for each other party, in their order, is the seed that it has in common with that one, or its part of it.
pub(crate) struct Parts {
    fixed: ChaCha20Rng,
    changing: ChaCha20Rng,
    /// Which draw changes.
    change: Option<usize>,
    draws: usize,
}

impl Parts {
    /// Of peer `me` in this run: nothing changes yet.
    pub(crate) fn new(me: usize, run: usize) -> Self {
        let seed = 100 + me as u64;
        let mut changing = ChaCha20Rng::seed_from_u64(run as u64);
        changing.set_stream(seed);
        Self {
            fixed: ChaCha20Rng::seed_from_u64(seed),
            changing,
            change: None,
            draws: 0,
        }
    }
    /// Draw number `draw` changes.
    pub(crate) fn change(&mut self, draw: usize) {
        self.change = Some(draw);
    }
    /// All draws change.
    pub(crate) fn change_all(&mut self) {
        self.fixed = self.changing.clone();
    }
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
pub(crate) type View = BTreeMap<(Peer, u64), Vec<u8>>;

/// Links of everyone that record what `receiver` is sent.
pub(crate) fn watched(cast: Cast, receiver: Peer) -> (Vec<Links>, Arc<Mutex<View>>) {
    let seen: Arc<Mutex<View>> = Arc::default();
    let links = memory::mesh(cast).unwrap().into_iter().map(|l| {
        let seen = seen.clone();
        tamper(l, move |frame, payload| {
            if frame.to == receiver {
                let place = (frame.from, frame.index);
                seen.lock().unwrap().insert(place, payload.clone());
            }
            Fate::Deliver
        })
    });
    (links.collect(), seen.clone())
}

/// Views of all runs, by message; a message has the same length in each.
pub(crate) struct Views {
    pub(crate) messages: BTreeMap<(Peer, u64), Vec<Vec<u8>>>,
}

impl Views {
    /// The part of each message that `keep` leaves, of what `view` gives for each run.
    pub(crate) fn gather(
        view: impl Fn(usize) -> View,
        keep: impl Fn(Peer, u64, Vec<u8>) -> Option<Vec<u8>>,
    ) -> Self {
        let mut messages: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for run in 0..RUNS {
            for ((from, index), payload) in view(run) {
                if let Some(payload) = keep(from, index, payload) {
                    messages.entry((from, index)).or_default().push(payload);
                }
            }
        }
        Self { messages }
    }

    /// What is not noise, in words.
    pub(crate) fn faults(&self) -> Vec<String> {
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
