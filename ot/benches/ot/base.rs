//! 128 base OTs: from end to end, by party, and by part.
#![allow(clippy::unwrap_used)] // a bench that fails must stop

use std::hint::black_box;
use std::sync::mpsc::{Receiver, Sender, channel};

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoBasepointTable, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use piquet_bench_harness::Table;
use piquet_core::BitVec;
use piquet_core::wire::SessionId;
use piquet_ot::{Malicious, ReceivedOts, SentOts, base};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

const N: usize = 128;
const SESSION: SessionId = SessionId([26; 32]);

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn check(sent: &SentOts<Malicious>, received: &ReceivedOts<Malicious>) {
    for (i, c) in received.choices().to_bools().enumerate() {
        let pair = sent.messages()[i];
        assert!(pair[usize::from(c)] == received.messages()[i]);
        assert!(pair[usize::from(!c)] != received.messages()[i]);
    }
}

/// Adds the rows of this file.
pub(crate) fn rows(t: &mut Table) {
    let (mut rs, mut rr) = (rng(1), rng(2));
    let choices = BitVec::random(N, &mut rng(3));
    let point = RistrettoPoint::mul_base(&Scalar::from(77u64));
    let scalar = Scalar::from(3u64).invert();
    let products = t.limit("256 variable-base products, measured here", 1.0, || {
        for _ in 0..2 * N {
            black_box(black_box(point) * scalar);
        }
    });
    let run = |rs: &mut ChaCha20Rng, rr: &mut ChaCha20Rng| {
        let (mut to_sender, mut to_receiver) = (Vec::new(), Vec::new());
        let s = base::Sender::new(SESSION, N, rs, &mut to_receiver).unwrap();
        let r = base::Receiver::new(SESSION, &choices, rr, &mut to_sender).unwrap();
        (
            s.finish(&to_sender).unwrap(),
            r.finish(&to_receiver).unwrap(),
        )
    };
    let (sent, received) = run(&mut rs, &mut rr);
    check(&sent, &received);

    // Two cores, two channels: the time of one run from a start that both know to the later of the two ends.
    let bytes = (base::Sender::new(SESSION, N, &mut rs, &mut Vec::new())
        .unwrap()
        .expects()
        + 50) as f64;
    let (to_receiver, from_sender): (Sender<Vec<u8>>, Receiver<Vec<u8>>) = channel();
    let (to_sender, from_receiver): (Sender<Vec<u8>>, Receiver<Vec<u8>>) = channel();
    let (go, start) = channel::<()>();
    let (done, end) = channel::<ReceivedOts<Malicious>>();
    let bits = choices.duplicate();
    let other = std::thread::spawn(move || {
        let mut r = rng(4);
        while start.recv().is_ok() {
            let mut out = Vec::new();
            let state = base::Receiver::new(SESSION, &bits, &mut r, &mut out).unwrap();
            to_sender.send(out).unwrap();
            let message = from_sender.recv().unwrap();
            done.send(state.finish(&message).unwrap()).unwrap();
        }
    });
    let mut both = || {
        go.send(()).unwrap();
        let mut out = Vec::new();
        let state = base::Sender::new(SESSION, N, &mut rs, &mut out).unwrap();
        to_receiver.send(out).unwrap();
        let message = from_receiver.recv().unwrap();
        let sent = state.finish(&message).unwrap();
        (sent, end.recv().unwrap())
    };
    let (sent, received) = both();
    check(&sent, &received);
    t.bench("base-ot-128-mal")
        .bytes(bytes)
        .threads(2)
        .limit(&products)
        .time(both);
    drop(go);
    other.join().unwrap();

    let mut rs = rng(5);
    t.bench("base-ot-128-mal-one-core")
        .bytes(bytes)
        .limit(&products)
        .time(|| run(&mut rs, &mut rr));
    parts(t, &choices);
    #[cfg(feature = "ml-kem")]
    mlkem(t, &choices);
}

/// 128 OTs on ML-KEM, both parties on one core.
#[cfg(feature = "ml-kem")]
fn mlkem(t: &mut Table, choices: &BitVec) {
    use piquet_ot::base::mlkem;
    let (mut rs, mut rr) = (rng(8), rng(9));
    let mut run = || {
        let (mut keys, mut ciphertexts) = (Vec::new(), Vec::new());
        let s = mlkem::Sender::new(SESSION, N, &mut rs).unwrap();
        let r = mlkem::Receiver::new(SESSION, choices, &mut rr, &mut keys).unwrap();
        let sent = s.finish(&keys, &mut ciphertexts).unwrap();
        (
            sent,
            r.finish(&ciphertexts).unwrap(),
            keys.len() + ciphertexts.len(),
        )
    };
    let (sent, received, bytes) = run();
    check(&sent, &received);
    t.bench("base-ot-128-mlkem-one-core")
        .bytes(bytes as f64)
        .time(run);
}

/// The parts in vectors of eight.
#[cfg(target_arch = "x86_64")]
fn vectors(t: &mut Table, scalar: &Scalar, encoded: &[[u8; 32]]) {
    use piquet_core::ristretto::{Points, Table};
    let Some(proof) = piquet_core::cpu::Ifma512::new() else {
        return;
    };
    let (bytes, scalars) = (scalar.to_bytes(), vec![scalar.to_bytes(); N]);
    let mut points = Points::decode(proof, encoded).unwrap();
    t.bench("part-256-products-x8").time(|| points.mul(&bytes));
    t.bench("part-256-maps-x8")
        .time(|| Points::map(proof, encoded));
    t.bench("part-128-decodings-x8")
        .time(|| Points::decode(proof, &encoded[..N]));
    t.bench("part-256-encodings-x8")
        .time(|| points.double_and_encode());
    t.bench("part-128-fixed-base-x8")
        .time(|| Points::mul_base(proof, &scalars));
    t.bench("part-table-x8")
        .time(|| Table::new(proof, &encoded[0]));
}

/// What the time goes to, each for 128 OTs.
fn parts(t: &mut Table, choices: &BitVec) {
    let (mut rs, mut rr) = (rng(6), rng(7));
    let (mut to_sender, mut to_receiver) = (Vec::new(), Vec::new());
    t.bench("base-ot-128-sender-new").time(|| {
        base::Sender::new(SESSION, N, &mut rs, &mut to_receiver).unwrap();
        to_receiver.clear();
    });
    t.bench("base-ot-128-receiver-new").time(|| {
        base::Receiver::new(SESSION, choices, &mut rr, &mut to_sender).unwrap();
        to_sender.clear();
    });
    base::Receiver::new(SESSION, choices, &mut rr, &mut to_sender).unwrap();
    base::Sender::new(SESSION, N, &mut rs, &mut to_receiver).unwrap();
    t.bench("base-ot-128-sender-finish").time_of(
        || base::Sender::new(SESSION, N, &mut rs, &mut Vec::new()).unwrap(),
        |s| s.finish(&to_sender).unwrap(),
    );
    t.bench("base-ot-128-receiver-finish").time_of(
        || base::Receiver::new(SESSION, choices, &mut rr, &mut Vec::new()).unwrap(),
        |r| r.finish(&to_receiver).unwrap(),
    );

    let mut wide = [0; 64];
    rs.fill_bytes(&mut wide);
    let scalar = Scalar::from_bytes_mod_order_wide(&wide);
    let points: Vec<_> = (1..=2 * N as u64)
        .map(|k| RistrettoPoint::mul_base(&(scalar * Scalar::from(k))))
        .collect();
    let encoded: Vec<CompressedRistretto> = points.iter().map(RistrettoPoint::compress).collect();
    let point = points[0];
    t.bench("part-256-products").time(|| {
        for p in &points {
            black_box(p * scalar);
        }
    });
    t.bench("part-256-maps").time(|| {
        for e in &encoded {
            black_box(RistrettoPoint::map_to_curve(e.to_bytes()));
        }
    });
    t.bench("part-128-decodings").time(|| {
        for e in &encoded[..N] {
            black_box(e.decompress());
        }
    });
    t.bench("part-256-encodings")
        .time(|| RistrettoPoint::double_and_compress_batch(&points));
    t.bench("part-128-fixed-base").time(|| {
        for _ in 0..N {
            black_box(RistrettoPoint::mul_base(&black_box(scalar)));
        }
    });
    t.bench("part-table")
        .time(|| RistrettoBasepointTable::create(black_box(&point)));
    t.bench("part-256-key-derivations").time(|| {
        for e in &encoded {
            black_box(blake3::keyed_hash(e.as_bytes(), &[0; 41]));
        }
    });
    #[cfg(target_arch = "x86_64")]
    vectors(
        t,
        &scalar,
        &encoded
            .iter()
            .map(CompressedRistretto::to_bytes)
            .collect::<Vec<_>>(),
    );
}
