//! Triples made under encryption and spent by secret sharing, as a user writes it. Both parties are in this process.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use piquet_core::Ring;
use piquet_core::wire::{SessionId, run_pair};
use piquet_he_bridge::triples::elements::{Client, Elements, Server};
use piquet_secret_sharing::beaver::{Multiply, Triples};
use piquet_secret_sharing::{Party, additive};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const SESSION: SessionId = SessionId([5; 32]);

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// Multiplies shared numbers with triples of both parties' own making.
fn multiply<R: Ring>(x: &[R], y: &[R]) -> Vec<R> {
    let elements = Arc::new(Elements::new(R::BITS).unwrap());
    let mut keys = Vec::new();
    let client = Client::new(elements.clone(), SESSION, &mut rng(1), &mut keys);
    let server = Server::new(elements, SESSION, &keys).unwrap();
    let n = x.len();
    let (a, b, _) = run_pair(
        client.run::<R, _>(0, n, &mut rng(2)).unwrap(),
        server.run::<R, _>(0, n, &mut rng(3)).unwrap(),
    );
    let xs = additive::split(x, 2, &mut rng(4)).unwrap();
    let ys = additive::split(y, 2, &mut rng(5)).unwrap();
    let [a, b] = [(0, a), (1, b)].map(|(i, triples)| {
        let party = Party::new(i, 2).unwrap();
        let mut pool = Triples::from_two_party(party, triples.unwrap()).unwrap();
        let batch = pool.take(n).unwrap();
        let (opening, pending) = batch.start(SESSION, 0, &xs[i], &ys[i]).unwrap();
        Multiply::new(opening, pending).unwrap()
    });
    let (a, b, _) = run_pair(a, b);
    let z = additive::open(&[a.unwrap(), b.unwrap()]).unwrap();
    z.as_slice().to_vec()
}

#[test]
fn elements_are_multiplied() {
    fn check<R: Ring + core::fmt::Debug>(n: usize) {
        let values = |f: u64| -> Vec<R> {
            (0..n as u64)
                .map(|i| R::from_u64(f.wrapping_mul(i + 1)))
                .collect()
        };
        let (x, y) = (values(0x9e37_79b9_7f4a_7c15), values(0xd1b5_4a32_d192_ed03));
        let want: Vec<R> = x.iter().zip(&y).map(|(x, y)| x.mul(*y)).collect();
        assert_eq!(multiply(&x, &y), want);
    }
    check::<u8>(333);
    check::<u16>(1);
    check::<u32>(8195);
    check::<u64>(1000);
}
