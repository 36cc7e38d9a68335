//! Matrices times vectors whose results are packed: both parties on this core, one after the other, and a row counts
//! them together. The limit is the server's transforms.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use piquet_bench_harness::{Limit, Table};
use piquet_core::wire::{SessionId, run_pair};
use piquet_he_bridge::PlainModulus;
use piquet_he_bridge::native::ntt::Ntt;
use piquet_he_bridge::native::prime::{Prime, ntt_primes};
use piquet_he_bridge::packing::{DEGREE, Matvec, Weights, client, server};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const SESSION: SessionId = SessionId([8; 32]);

pub(crate) fn rows(t: &mut Table) {
    let ntt = Ntt::new(Prime::new(ntt_primes(DEGREE, 40, 1)[0]), DEGREE);
    let mut x = vec![1; DEGREE];
    let transform = t.limit("transforms of the server, measured here", 1.0, || {
        ntt.forward(&mut x);
    });
    let (rows, cols, plain) = (1000, 4096, PlainModulus::Bits(37));
    let of = Matvec::new(rows, cols, plain, 2047).unwrap();
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let values: Vec<i64> = (0..rows * cols)
        .map(|i| (i * i % 4095) as i64 - 2047)
        .collect();
    let weights = Weights::new(&of, &values).unwrap();
    t.bench("matvec-4096x1000-packed-keys")
        .bytes(client::Key::message_len(&of) as f64)
        .samples(10)
        .time(|| {
            let mut message = Vec::new();
            let key = client::Key::new(&of, SESSION, 0, &mut rng, &mut message);
            (key, server::Keys::read(&of, SESSION, 0, &message).unwrap())
        });
    let mut message = Vec::new();
    let key = client::Key::new(&of, SESSION, 0, &mut rng, &mut message);
    let keys = server::Keys::read(&of, SESSION, 0, &message).unwrap();
    let input: Vec<u64> = (0..cols as u64).map(|i| i * 12_345).collect();
    let mut step = 0;
    t.bench("matvec-4096x1000-packed")
        .bytes((of.request_len() + of.response_len()) as f64)
        .limit(&Limit::of(
            transform.per_second() / of.transforms() as f64,
            "transforms of the server, measured here",
        ))
        .samples(10)
        .time(|| {
            step += 1;
            let a = client::Product::new(&of, &key, step, &input, &mut rng).unwrap();
            let b = server::Product::new(&of, &keys, &weights, step, Some(&input), &mut rng);
            let (a, b, _) = run_pair(a, b.unwrap());
            (a.unwrap(), b.unwrap())
        });
}
