//! What is printed of anything that holds secrets depends on none of them: under two seeds it is the same text.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod support;

use core::fmt::Debug;

use piquet_core::wire::{Machine, Step};
use piquet_he_bridge::linear::server;
use piquet_he_bridge::shared::{self, Party};
use piquet_he_bridge::{Backend, CipherModulus, Mode};
use support::{Parties, layer, prg, primes, shape};

fn shown(x: &impl Debug) -> String {
    format!("{x:?} {x:#?}")
}

/// Each state of a machine, printed; both in turn.
fn states<A, B>(a: A, b: B, out: &mut Vec<String>)
where
    A: Machine<Error: Debug> + Debug,
    B: Machine<Error: Debug> + Debug,
{
    fn advance<M: Machine<Error: Debug> + Debug>(
        mut m: M,
        inbox: &mut Vec<u8>,
        outbox: &mut Vec<u8>,
        out: &mut Vec<String>,
    ) -> Option<M> {
        loop {
            out.push(shown(&m));
            let n = m.expects();
            if n > inbox.len() {
                return Some(m);
            }
            let message: Vec<u8> = inbox.drain(..n).collect();
            m = match m.step(&message, outbox).unwrap() {
                Step::Send(m) | Step::Recv(m) => m,
                Step::Done(_) => return None,
            };
        }
    }
    let (mut a, mut b) = (Some(a), Some(b));
    let (mut to_a, mut to_b) = (Vec::new(), Vec::new());
    while a.is_some() || b.is_some() {
        a = a.and_then(|a| advance(a, &mut to_a, &mut to_b, out));
        b = b.and_then(|b| advance(b, &mut to_b, &mut to_a, out));
    }
}

/// Everything, printed, under one seed from which keys, shares and weights follow.
fn everything(q: CipherModulus, mode: Mode, seed: u64) -> Vec<String> {
    let p = Parties::new(layer(&shape(), q, mode, 63), seed);
    let backend = &**p.layer.backend();
    let rng = &mut prg(seed.into());
    let secret = backend.secret_key(rng);
    let (mut public, mut request) = (Vec::new(), Vec::new());
    backend.public_key(&secret, rng, &mut public);
    let message = vec![seed; 4096];
    backend.encrypt(&secret, &[1; 32], 0, &message, rng, &mut request);
    let mut out = vec![
        shown(&p.layer),
        shown(&p.key),
        shown(&p.public),
        shown(&p.weights),
        shown(&secret),
        shown(&backend.read_public_key(&public).unwrap()),
        shown(&backend.read(&[1; 32], 0, &request).unwrap()),
        shown(&prg(seed.into())),
    ];
    states(p.client(1), p.server(1), &mut out);
    out
}

fn of_shares(seed: u64) -> Vec<String> {
    let p = Parties::new(layer(&shape(), primes(), Mode::Exact, 1 << 19), seed);
    let share: Vec<u64> = (0..shape().weight_len() as u64).map(|i| i * seed).collect();
    let weights = shared::Weights::new(&p.layer, &share).unwrap();
    // One key for both will do where nothing but their printing is looked at.
    let party = Party {
        layer: &p.layer,
        key: &p.key,
        peer: &p.public,
        weights: &weights,
    };
    let mut out = vec![shown(&weights), shown(&party)];
    let a = shared::Product::first(party, 1, &p.x, &mut prg(seed.into())).unwrap();
    let b = shared::Product::second(party, 1, &p.y, &mut prg(seed.into())).unwrap();
    states(a, b, &mut out);
    out
}

#[test]
fn nothing_secret_is_printed() {
    for (q, mode) in [
        (primes(), Mode::Exact),
        (CipherModulus::Limbs(2), Mode::Exact),
        (CipherModulus::Word(64), Mode::Approximate),
    ] {
        let [a, b] = [1, 7].map(|seed| everything(q.clone(), mode, seed));
        assert_eq!(a, b);
    }
    assert_eq!(of_shares(1), of_shares(7));
}

/// Nor is what a refused argument holds.
#[test]
fn errors_tell_no_input() {
    let p = Parties::usual();
    let e = [1, 2].map(|x| {
        let input = vec![(1 << 40) + x; p.x.len()];
        let rng = &mut prg(1);
        let e = server::Product::new(&p.layer, &p.public, &p.weights, 1, Some(&input), rng);
        format!("{0:?} {0}", e.unwrap_err())
    });
    assert_eq!(e[0], e[1]);
}
