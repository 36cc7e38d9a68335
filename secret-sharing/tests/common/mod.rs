//! What several test binaries need.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use piquet_core::{BitVec, Ring, wire::SessionId};
use piquet_secret_sharing::{Party, Prss, Rep3Party};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

pub(crate) const SESSION: SessionId = SessionId([7; 32]);

/// Lengths around the word and piece boundaries.
pub(crate) const LENGTHS: [usize; 9] = [1, 2, 63, 64, 65, 127, 128, 129, 1025];

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    let mut s = [0; 32];
    s[..8].copy_from_slice(&seed.to_le_bytes());
    ChaCha20Rng::from_seed(s)
}

pub(crate) fn party(index: usize, count: usize) -> Party {
    Party::new(index, count).unwrap()
}

/// Random elements, with the extremes first.
pub(crate) fn values<R: Ring>(len: usize, seed: u64) -> Vec<R> {
    let mut rng = rng(seed);
    let edges = [R::ZERO, R::ONE, R::ONE.neg(), R::ONE.shl(R::BITS - 1)];
    (0..len)
        .map(|i| match edges.get((i + seed as usize) % 7) {
            Some(e) => *e,
            None => R::random(&mut rng),
        })
        .collect()
}

pub(crate) fn bits(len: usize, seed: u64) -> BitVec {
    BitVec::random(len, &mut rng(seed))
}

pub(crate) fn prss(session: &SessionId) -> [Prss; 3] {
    let k = [[1; 32], [2; 32], [3; 32]];
    Rep3Party::ALL.map(|p| Prss::new(p, session, &k[p.index()], &k[p.next().index()]))
}

/// Runs a generic test in every ring.
#[macro_export]
macro_rules! in_every_ring {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            checks::$name::<u8>();
            checks::$name::<u16>();
            checks::$name::<u32>();
            checks::$name::<u64>();
            checks::$name::<u128>();
        }
    )*};
}
