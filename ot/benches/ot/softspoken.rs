//! Correlated OTs by extension. Both parties run on this core one after the other, each with its own clock; a row counts
//! with the slower one, as if each had a core. The limit is what that party cannot avoid: its AES on registers, and a transpose.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::wire::SessionId;
use piquet_core::{Block, Prg, transpose};
use piquet_ot::softspoken::{Bits, Choices, PIECE, Receiver, Sender};
use piquet_ot::{Delta, Malicious, ReceivedCots, Security, SemiHonest, SentCots, ideal};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Outputs of both parties and a message lie in the second cache.
const CACHED: usize = 1 << 13;
/// 256 MiB of outputs for each party.
const DRAM: usize = 1 << 24;

pub(crate) fn rows(t: &mut Table) {
    let aes = limits::aes_blocks(t);
    let rows: Vec<u8> = (0..16 * 512).map(|i| i as u8).collect();
    let mut blocks = vec![Block::ZERO; 512];
    let transpose = t.limit(
        "transposing in the first cache, measured here",
        512.0,
        || {
            transpose::rows_to_blocks(black_box(&rows), black_box(&mut blocks)).unwrap();
        },
    );
    let bounds = Bounds {
        aes,
        transpose,
        to: "the first cache",
    };
    // Outputs that leave the caches cost their way to memory as well.
    let mut far = vec![Block::ZERO; DRAM / 4];
    let far = Bounds {
        aes: bounds.aes.clone(),
        transpose: t.limit(
            "transposing to memory, measured here",
            far.len() as f64,
            || {
                for to in black_box(&mut far).chunks_exact_mut(512) {
                    transpose::rows_to_blocks(black_box(&rows), to).unwrap();
                }
            },
        ),
        to: "memory",
    };
    semi_honest(t, &bounds, "cot-iknp-cached", CACHED);
    semi_honest(t, &far, "cot-iknp-dram", DRAM);
    malicious(t, &bounds, "cot-ss1-mal", Bits::One, 1 << 16);
    malicious(t, &bounds, "cot-ss2-mal", Bits::Two, 1 << 16);
    malicious(t, &bounds, "cot-ss4-mal", Bits::Four, 1 << 16);
    malicious(t, &bounds, "cot-ss8-mal", Bits::Eight, 1 << 16);
    malicious(t, &far, "cot-ss4-mal-dram", Bits::Four, DRAM);
    random(t, &far);
}

struct Bounds {
    aes: Limit,
    transpose: Limit,
    to: &'static str,
}

impl Bounds {
    /// Seconds an OT: AES of the OT sender, of the OT receiver, transpose.
    fn parts(&self, k: Bits) -> [f64; 3] {
        let leaves = f64::from(1u32 << k.get());
        let aes = 1.0 / self.aes.per_second() / k.get() as f64;
        [
            (leaves - 1.0) * aes,
            leaves * aes,
            1.0 / self.transpose.per_second(),
        ]
    }
    fn limit(&self, k: Bits) -> Limit {
        let [_, aes, transpose] = self.parts(k);
        Limit::of(
            1.0 / (aes + transpose),
            &format!(
                "AES of the receiver + transpose to {}, measured here",
                self.to
            ),
        )
    }
    /// Prints what each party took, against its parts.
    fn print(&self, id: &str, k: Bits, took: [f64; 2]) {
        if took[0].is_nan() {
            return; // not selected by the filter
        }
        let [sent, received, transpose] = self.parts(k);
        for (who, took, aes) in [("sender", took[0], sent), ("receiver", took[1], received)] {
            println!(
                "{id} {who}: {:.3} ns an OT; {:.2} of AES alone ({:.3}), {:.2} of the transpose alone ({:.3}), {:.2} of both",
                took * 1e9,
                took / aes,
                aes * 1e9,
                took / transpose,
                transpose * 1e9,
                took / (aes + transpose)
            );
        }
    }
}

fn pair<M: Security>(k: Bits) -> (Sender<M>, Receiver<M>) {
    let mut rng = ChaCha20Rng::from_seed([26; 32]);
    let session = SessionId([7; 32]);
    let delta = Delta::random(&mut rng);
    let (sent, received) = ideal::random_ots::<M, _>(&delta.choices(), &mut rng);
    let mut message = Vec::new();
    let receiver = Receiver::setup(session, k, sent, &mut message).unwrap();
    let sender = Sender::setup(session, k, received).unwrap();
    (sender.finish(&message).unwrap(), receiver)
}

fn check<M: Security>(sent: SentCots<M>, received: ReceivedCots<M>) {
    let (q, delta) = sent.into_raw();
    let (b, t) = received.into_raw();
    let d = delta.block();
    assert!(
        q.iter()
            .zip(&t)
            .zip(b.to_bools())
            .all(|((q, t), b)| *t == if b { *q ^ d } else { *q })
    );
}

/// Runs `f` on `clock`.
fn timed<O>(clock: &mut Duration, f: impl FnOnce() -> O) -> O {
    let t = Instant::now();
    let o = f();
    *clock += t.elapsed();
    o
}

fn semi_honest(t: &mut Table, bounds: &Bounds, id: &str, n: usize) {
    let (mut sender, mut receiver) = pair::<SemiHonest>(Bits::One);
    let mut message = Vec::new();
    let received = receiver.extend(n, &mut message).unwrap();
    let sent = sender.extend(Choices::Random, n, &message).unwrap();
    let bytes = message.len() as f64 / n as f64;
    check(sent, received);
    let mut state = Some((sender, receiver));
    message.truncate(0);
    let bench = t
        .bench(id)
        .work(n as u64)
        .bytes(bytes)
        .limit(&bounds.limit(Bits::One));
    let bench = if n > PIECE { bench.samples(10) } else { bench };
    let took = bench.rate_of_parties(|| {
        let (s, r) = state.take().unwrap();
        let mut clocks = [Duration::ZERO; 2];
        let mut r = timed(&mut clocks[1], || r.begin_batch(n).unwrap());
        let mut s = timed(&mut clocks[0], || {
            s.begin_batch(Choices::Random, n).unwrap()
        });
        while r.has_more() {
            message.clear();
            r = timed(&mut clocks[1], || r.piece(&mut message).unwrap());
            s = timed(&mut clocks[0], || s.piece(&message).unwrap());
        }
        let (mut r, received) = timed(&mut clocks[1], || r.finish().unwrap());
        let (mut s, sent) = timed(&mut clocks[0], || s.finish().unwrap());
        timed(&mut clocks[1], || r.recycle(black_box(received)));
        timed(&mut clocks[0], || s.recycle(black_box(sent)));
        state = Some((s, r));
        clocks
    });
    bounds.print(id, Bits::One, took);
}

fn malicious(t: &mut Table, bounds: &Bounds, id: &str, k: Bits, n: usize) {
    let (sender, receiver) = pair::<Malicious>(k);
    let mut rng = Prg::new(Block::from_u128(2026));
    let (mut message, mut challenge, mut response) = (vec![], vec![], vec![]);
    let r = receiver.extend(n, &mut message).unwrap();
    let s = sender
        .extend(Choices::Random, n, &message, &mut rng, &mut challenge)
        .unwrap();
    let (receiver, received) = r.answer(&challenge, &mut response).unwrap();
    let (sender, sent) = s.verify(&response).unwrap();
    let bytes = (message.len() + challenge.len() + response.len()) as f64 / n as f64;
    check(sent, received);
    let mut state = Some((sender, receiver));
    let bench = t
        .bench(id)
        .work(n as u64)
        .bytes(bytes)
        .limit(&bounds.limit(k));
    let bench = if n > PIECE { bench.samples(10) } else { bench };
    let took = bench.rate_of_parties(|| {
        let (s, r) = state.take().unwrap();
        let mut clocks = [Duration::ZERO; 2];
        let mut r = timed(&mut clocks[1], || r.begin_batch(n).unwrap());
        let mut s = timed(&mut clocks[0], || {
            s.begin_batch(Choices::Random, n, &mut rng).unwrap()
        });
        while r.has_more() {
            message.clear();
            r = timed(&mut clocks[1], || r.piece(&mut message).unwrap());
            s = timed(&mut clocks[0], || s.piece(&message).unwrap());
        }
        challenge.clear();
        response.clear();
        let s = timed(&mut clocks[0], || s.challenge(&mut challenge).unwrap());
        let (mut r, received) = timed(&mut clocks[1], || {
            r.finish()
                .unwrap()
                .answer(&challenge, &mut response)
                .unwrap()
        });
        let (mut s, sent) = timed(&mut clocks[0], || s.verify(&response).unwrap());
        timed(&mut clocks[1], || r.recycle(black_box(received)));
        timed(&mut clocks[0], || s.recycle(black_box(sent)));
        state = Some((s, r));
        clocks
    });
    bounds.print(id, k, took);
}

/// Random OTs in memory: SoftSpokenOT, malicious, k = 4, hashed with tweaks; both messages at the OT sender.
fn random(t: &mut Table, bounds: &Bounds) {
    let (id, k, n) = ("rot-ss4-mal-dram", Bits::Four, DRAM);
    let (sender, receiver) = pair::<Malicious>(k);
    let mut rng = Prg::new(Block::from_u128(2026));
    let (mut message, mut challenge, mut response) = (vec![], vec![], vec![]);
    let mut state = Some((sender, receiver));
    let mut room = Some((Vec::new(), Vec::new()));
    let mut checked = false;
    // Four AES a hash pair at the sender; at the receiver two, after its rows.
    let [sent, received, transpose] = bounds.parts(k);
    let aes = 1.0 / bounds.aes.per_second();
    let slower = (sent + 4.0 * aes).max(received + 2.0 * aes) + transpose;
    let limit = Limit::of(
        1.0 / slower,
        "AES of the slower party, hashes included, + transpose to memory, measured here",
    );
    let bench = t.bench(id).work(n as u64).limit(&limit).samples(10);
    let took = bench.rate_of_parties(|| {
        let (s, r) = state.take().unwrap();
        let (both, chosen) = room.take().unwrap();
        let mut clocks = [Duration::ZERO; 2];
        let mut r = timed(&mut clocks[1], || r.begin_batch(n).unwrap());
        let mut s = timed(&mut clocks[0], || {
            s.begin_batch(Choices::Random, n, &mut rng).unwrap()
        });
        while r.has_more() {
            message.clear();
            r = timed(&mut clocks[1], || r.piece(&mut message).unwrap());
            s = timed(&mut clocks[0], || s.piece(&message).unwrap());
        }
        challenge.clear();
        response.clear();
        let s = timed(&mut clocks[0], || s.challenge(&mut challenge).unwrap());
        let ((mut r, received), chosen) = timed(&mut clocks[1], || {
            let (r, cots) = r
                .finish()
                .unwrap()
                .answer(&challenge, &mut response)
                .unwrap();
            let (ots, spent) = cots.into_random_ots_in(chosen);
            ((r, spent), ots)
        });
        let ((mut s, sent), both) = timed(&mut clocks[0], || {
            let (s, cots) = s.verify(&response).unwrap();
            let (ots, spent) = cots.into_random_ots_in(both);
            ((s, spent), ots)
        });
        if !checked {
            let pairs = both.messages().iter().zip(chosen.messages());
            assert!(
                pairs
                    .zip(chosen.choices().to_bools())
                    .all(|((m, got), c)| m[usize::from(c)] == *got)
            );
            checked = true;
        }
        timed(&mut clocks[1], || r.recycle(received));
        timed(&mut clocks[0], || s.recycle(sent));
        state = Some((s, r));
        room = Some((black_box(both).into_raw(), black_box(chosen).into_raw().1));
        clocks
    });
    bounds.print(id, k, took);
}
