//! Whole products say the same at every level of the processor: every byte on the wire, and both shares.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use piquet_core::cpu::Level;
use piquet_core::wire::run_pair_tampered;
use piquet_he_bridge::linear::Layer;
use piquet_he_bridge::{Backend, CipherModulus, Mode, Native};
use proptest::prelude::*;
use support::{Parties, layer, primes, shape};

/// All messages, and what comes out, with seeds that depend on `seed` alone.
fn said(q: CipherModulus, mode: Mode, level: Level, seed: u64) -> Vec<u8> {
    let usual = layer(&shape(), q, mode, 63);
    let he = Native::with_level(usual.backend().params().clone(), level);
    let layer = Layer::new(Arc::new(he), usual.encoding().clone()).unwrap();
    let parties = Parties::new(layer, seed);
    let mut said = parties.message.clone();
    let copy = |_: u8, _: usize, m: &mut Vec<u8>| said.extend_from_slice(m);
    let (client, server, _) = run_pair_tampered(parties.client(0), parties.server(0), copy);
    for share in [client.unwrap(), server.unwrap()] {
        said.extend(share.as_slice().iter().flat_map(|x| x.to_le_bytes()));
    }
    said
}

#[test]
fn linear_products_are_the_same() {
    let kinds = [
        (primes(), Mode::Exact),
        (CipherModulus::primes(4096, 50, 1), Mode::Approximate),
        (CipherModulus::Limbs(2), Mode::Exact),
        (CipherModulus::Word(64), Mode::Approximate),
    ];
    for (i, (q, mode)) in kinds.into_iter().enumerate() {
        let mut all = Level::all().map(|level| said(q.clone(), mode, level, i as u64));
        let first = all.next().unwrap();
        assert!(all.all(|other| other == first));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn backends_are_the_same(data in prop::collection::vec(any::<u8>(), 1..200)) {
        piquet_he_bridge::fuzzing::levels(&data);
    }
}
