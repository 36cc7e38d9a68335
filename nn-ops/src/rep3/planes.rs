//! Bits of whole tensors and of pieces.

use piquet_core::{BitVec, RingVec};
use piquet_secret_sharing::{Rep3Bits, Rep3Party};

use super::piece::Piece;
use crate::Error;
use crate::parts::planes::plane;

/// Words of both components of a bit tensor that a piece covers.
pub(super) fn bits_of<'a>(piece: &Piece, b: &'a Rep3Bits) -> (&'a [u64], &'a [u64]) {
    let range = piece.range.start / 64..piece.range.end.div_ceil(64);
    let (mine, next) = b.raw_components();
    let part = |v: &'a BitVec| v.words().get(range.clone()).unwrap_or_default();
    (part(mine), part(next))
}

/// Bit tensors, put together piece by piece, in order.
pub(super) struct Planes {
    me: Rep3Party,
    tensors: Vec<(usize, [RingVec<u64>; 2])>,
}

impl Planes {
    pub(super) fn new(me: Rep3Party, lens: &[usize]) -> Self {
        let room = |n: usize| RingVec::with_capacity(n.div_ceil(64));
        Self {
            me,
            tensors: lens.iter().map(|n| (*n, [room(*n), room(*n)])).collect(),
        }
    }

    /// Party 0: components 0 and 1. Parties 1 and 2: pad, and what both know.
    pub(super) fn put(&mut self, piece: &Piece, parts: [RingVec<u64>; 2]) {
        self.put_each(piece, 1, parts);
    }

    /// As [`Planes::put`] where for each operand there are `count` tensors, one after the other.
    pub(super) fn put_each(&mut self, piece: &Piece, count: usize, [a, b]: [RingVec<u64>; 2]) {
        let parts = match self.me {
            Rep3Party::P0 | Rep3Party::P1 => [a, b],
            Rep3Party::P2 => [b, a],
        };
        let tensors = self.tensors.iter_mut().skip(piece.tensor * count);
        for (j, (_, all)) in tensors.take(count).enumerate() {
            for (all, part) in all.iter_mut().zip(&parts) {
                debug_assert_eq!(64 * all.len(), piece.range.start);
                all.extend_from_slice(plane(part.as_slice(), piece.words(), j));
            }
        }
    }

    pub(super) fn into_bits(self) -> Result<Vec<Rep3Bits>, Error> {
        let me = self.me;
        self.tensors
            .into_iter()
            .map(|(n, [mine, next])| {
                let bits = |words: RingVec<u64>| BitVec::from_words(n, words.into_vec());
                let (mine, next) = (bits(mine), bits(next));
                Ok(Rep3Bits::from_raw_components(me, mine, next)?)
            })
            .collect()
    }
}
