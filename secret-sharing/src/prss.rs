//! Pseudo-random secret sharing: shares of zero and of common random values without communication.
//!
//! Cramer, Damgard, Ishai, TCC 2005; for three replicated parties Araki et al., eprint 2016/768, section 2.2.
//! Seed `k_j` is known to the two holders of component `j`. Every draw names a [`StepPath`]; its two streams are
//! AES-128 in counter mode under keys derived by keyed BLAKE3 from (seed, session, path), so that no two steps share a
//! stream and the order of steps does not matter. A step is consumed by value, and under `debug_assertions` a step
//! drawn twice from one [`Prss`] is refused: reuse would subtract two masked messages from each other.
//!
//! Security: BLAKE3 keyed mode and AES as PRFs, against one semi-honest party of three (respectively n - 1 of n). The
//! distance of counter mode from uniform after `q` blocks of one step is at most `q^2 / 2^129`: below `2^-64` up to
//! `2^32` blocks (64 GiB) per step. Cost: no bytes, no rounds, two AES calls per 16 bytes of output.

mod pairwise;
mod path;
mod rep3;

pub use pairwise::{PairStream, PairwisePrss, PairwiseStep};
pub use path::StepPath;
pub use rep3::{Prss, StepPrss, Streams};

use core::fmt;
#[cfg(debug_assertions)]
use std::{collections::HashSet, sync::Mutex};

use piquet_core::{BitVec, Block, Prg, Ring, RingVec, wire::SessionId};
use zeroize::Zeroizing;

use crate::Error;

/// A seed after the session was mixed in.
struct SessionKey(Zeroizing<[u8; 32]>);

impl SessionKey {
    fn new(session: &SessionId, seed: &[u8; 32]) -> Self {
        Self(Zeroizing::new(session.derive_key("piquet prss", seed)))
    }
    fn stream(&self, path: &StepPath) -> Prg {
        let digest = blake3::keyed_hash(&self.0, path.as_bytes());
        let mut key = Zeroizing::new([0; 16]);
        key.copy_from_slice(&digest.as_bytes()[..16]);
        Prg::new(Block::from(*key))
    }
}

/// Steps drawn so far; empty in release builds, where it costs nothing.
#[derive(Default)]
struct Used {
    #[cfg(debug_assertions)]
    set: Mutex<HashSet<StepPath>>,
}

impl Used {
    #[cfg(debug_assertions)]
    fn draw(&self, path: &StepPath) -> Result<(), Error> {
        let mut set = match self.set.lock() {
            Ok(set) => set,
            Err(poisoned) => poisoned.into_inner(),
        };
        if set.insert(*path) {
            Ok(())
        } else {
            Err(Error::StepReused(*path))
        }
    }
    #[cfg(not(debug_assertions))]
    fn draw(&self, _: &StepPath) -> Result<(), Error> {
        Ok(())
    }
}

impl fmt::Debug for Used {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Used")
    }
}

fn ring<R: Ring>(stream: &mut Prg, len: usize) -> RingVec<R> {
    let mut v = RingVec::zeros(len);
    stream.fill_ring(v.as_mut_slice());
    v
}

fn bits(stream: &mut Prg, len: usize) -> BitVec {
    let mut v = BitVec::zeros(len);
    stream.fill_bits(&mut v);
    v
}

/// Elements per piece when a second stream is combined with the first, so that the piece stays in the L1 cache.
const PIECE: usize = 1024;

/// `acc[i] = f(acc[i], stream[i])`
fn combine<R: Ring>(acc: &mut RingVec<R>, stream: &mut Prg, f: impl Fn(R, R) -> R) {
    let mut piece = RingVec::<R>::zeros(PIECE.min(acc.len()));
    for chunk in acc.as_mut_slice().chunks_mut(PIECE) {
        let (piece, _) = piece.as_mut_slice().split_at_mut(chunk.len());
        stream.fill_ring(piece);
        for (a, b) in chunk.iter_mut().zip(piece) {
            *a = f(*a, *b);
        }
    }
}
