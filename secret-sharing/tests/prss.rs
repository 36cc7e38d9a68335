//! Common randomness: sums, agreement of the two holders, separation of steps and sessions, re-use.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{LENGTHS, SESSION, party, prss};
use piquet_core::{BitVec, Ring, RingVec, wire::SessionId};
use piquet_secret_sharing::{Error, PairwisePrss, StepPath, additive, boolean, replicated};

mod checks {
    use super::*;

    pub(super) fn zero_shares_cancel<R: Ring>() {
        let ends = prss(&SESSION);
        for (i, len) in LENGTHS.into_iter().enumerate() {
            let mut sum = RingVec::<R>::zeros(len);
            for e in &ends {
                let z = e.step(i as u64).unwrap().zero_ring::<R>(len).into_raw();
                assert!(len < 8 || z.as_slice().iter().any(|v| *v != R::ZERO));
                sum.add_assign(z.as_slice());
            }
            assert!(sum.as_slice().iter().all(|v| *v == R::ZERO));
        }
    }

    pub(super) fn random_values_are_consistent<R: Ring>() {
        let ends = prss(&SESSION);
        let shares = ends.map(|e| e.step(1).unwrap().random_ring::<R>(65).unwrap());
        let [a, b, c] = &shares;
        assert!(replicated::open(&[a, b, c]).is_ok());
    }

    pub(super) fn pairwise_zero_shares_cancel<R: Ring>() {
        for n in 2..=10 {
            let ends = pairwise(n);
            let shares: Vec<_> = ends
                .iter()
                .map(|e| e.step(1).unwrap().zero_ring::<R>(129))
                .collect();
            let sum = additive::open(&shares).unwrap();
            assert!(sum.as_slice().iter().all(|v| *v == R::ZERO));
            assert!(shares[0].raw_share().iter().any(|v| *v != R::ZERO));
        }
    }
}
in_every_ring!(zero_shares_cancel random_values_are_consistent pairwise_zero_shares_cancel);

fn pairwise(n: usize) -> Vec<PairwisePrss> {
    let seed = |a: usize, b: usize| [(16 * a.min(b) + a.max(b)) as u8; 32];
    (0..n)
        .map(|i| {
            let p = party(i, n);
            let seeds: Vec<_> = p.peers().map(|q| seed(i, q.index())).collect();
            PairwisePrss::new(p, &SESSION, &seeds).unwrap()
        })
        .collect()
}

#[test]
fn zero_bits_cancel() {
    let ends = prss(&SESSION);
    for (i, len) in LENGTHS.into_iter().enumerate() {
        let mut sum = BitVec::zeros(len);
        for e in &ends {
            sum.xor_assign(&e.step(i as u64).unwrap().zero_bits(len).into_raw());
        }
        assert!(sum.words().iter().all(|w| *w == 0));
        let shares = [0, 1, 2].map(|p: usize| {
            ends[p]
                .step(1000 + i as u64)
                .unwrap()
                .random_bits(len)
                .unwrap()
        });
        let [a, b, c] = &shares;
        assert!(boolean::open_rep3(&[a, b, c]).is_ok());
    }
    let shares: Vec<_> = pairwise(5)
        .iter()
        .map(|e| e.step(2).unwrap().zero_bits(127))
        .collect();
    let sum = boolean::open_xor(&shares).unwrap();
    assert!(sum.words().iter().all(|w| *w == 0));
}

#[test]
fn holders_of_a_seed_draw_the_same_pads() {
    let [a, b, c] = prss(&SESSION).map(|e| e.step(9).unwrap().into_streams());
    for (mut s, mut t) in [(a.next, b.mine), (b.next, c.mine), (c.next, a.mine)] {
        let (mut x, mut y) = ([0u64; 33], [1u64; 33]);
        s.fill_ring(&mut x);
        t.fill_ring(&mut y);
        assert_eq!(x, y);
    }
    let mut streams: Vec<_> = pairwise(3)
        .iter()
        .map(|e| e.step(9).unwrap().into_streams())
        .collect();
    let mut draw = |i: usize, j: usize| {
        let mut x = [0u64; 9];
        let s = streams[i].iter_mut().find(|s| s.peer.index() == j).unwrap();
        s.stream.fill_ring(&mut x);
        x
    };
    assert_eq!(draw(0, 1), draw(1, 0));
    assert_eq!(draw(0, 2), draw(2, 0));
    assert_ne!(draw(1, 2), draw(0, 2));
}

#[test]
fn steps_sessions_and_seeds_are_separated() {
    let first = |session: &SessionId, path: StepPath| {
        let [a, ..] = prss(session);
        let mut s = a.step(path).unwrap().into_streams();
        let mut x = [0u128; 2];
        s.mine.fill_ring(&mut x[..1]);
        s.next.fill_ring(&mut x[1..]);
        x
    };
    let root = StepPath::root();
    let drawn = [
        first(&SESSION, root),
        first(&SESSION, root.child("a", 0)),
        first(&SESSION, root.child("a", 1)),
        first(&SESSION, root.child("b", 0)),
        first(&SESSION, root.child("a", 0).child("a", 0)),
        first(&SESSION, 0.into()),
        first(&SESSION, 1.into()),
        first(&SESSION.child("x"), root),
    ];
    let all: std::collections::HashSet<u128> = drawn.iter().flatten().copied().collect();
    assert_eq!(all.len(), 2 * drawn.len());
}

#[test]
#[cfg(debug_assertions)]
fn a_step_drawn_twice_is_refused() {
    let [a, ..] = prss(&SESSION);
    let path = StepPath::root().child("relu", 4);
    let _zero = a.step(path).unwrap().zero_ring::<u8>(1);
    assert_eq!(a.step(path).unwrap_err(), Error::StepReused(path));
    assert!(a.step(path.child("carry", 0)).is_ok());
    let p = &pairwise(2)[0];
    assert!(p.step(path).is_ok());
    assert_eq!(p.step(path).unwrap_err(), Error::StepReused(path));
}

#[test]
fn one_seed_per_peer() {
    assert_eq!(
        PairwisePrss::new(party(0, 3), &SESSION, &[[0; 32]]).unwrap_err(),
        Error::Length { left: 1, right: 2 }
    );
}
