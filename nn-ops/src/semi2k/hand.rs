//! The dealer's side of a piece: the sums of what all parties expand, and the shares that it sends to one.

use core::ops::Range;

use piquet_core::{Prg, Ring, RingVec, lanes};

use super::source::Streams;
use crate::Error;
use crate::parts::words::{BLOCK, blocks};

/// One piece as the dealer makes it.
pub(super) struct Hand {
    /// Of every party.
    free: Vec<Prg>,
    /// Of every party but the one that hears its shares.
    dependent: Vec<Prg>,
    message: Vec<u8>,
}

impl Hand {
    /// Piece `index`, of whose dependent vectors so many bytes are sent to party `hears`.
    pub(super) fn new(
        streams: &[Streams],
        index: u64,
        hears: usize,
        bytes: usize,
    ) -> Result<Self, Error> {
        let (mut frees, mut dependents) = (Vec::new(), Vec::new());
        for (i, s) in streams.iter().enumerate() {
            let [free, dependent] = s.piece(index)?;
            frees.push(free);
            if i != hears {
                dependents.push(dependent);
            }
        }
        Ok(Self {
            free: frees,
            dependent: dependents,
            message: Vec::with_capacity(bytes),
        })
    }

    /// The next free vector, shared additively.
    pub(super) fn free<T: Ring>(&mut self, n: usize) -> RingVec<T> {
        total(&mut self.free, n, T::add)
    }

    /// The next free bits, in words.
    pub(super) fn free_bits(&mut self, n: usize) -> RingVec<u64> {
        total(&mut self.free, n, Ring::xor)
    }

    /// Deals a vector that is shared additively.
    pub(super) fn deal<T: Ring>(&mut self, v: &[T]) {
        self.deal_by(v, T::sub);
    }

    /// Deals bits, in words.
    pub(super) fn deal_bits(&mut self, v: &[u64]) {
        self.deal_by(v, Ring::xor);
    }

    fn deal_by<T: Ring>(&mut self, v: &[T], minus: impl Fn(T, T) -> T) {
        let mut rest = [T::ZERO; BLOCK];
        let mut share = [T::ZERO; BLOCK];
        for first in (0..v.len()).step_by(BLOCK) {
            let range = first..v.len().min(first + BLOCK);
            let (rest, _) = rest.split_at_mut(range.len());
            let (share, _) = share.split_at_mut(range.len());
            rest.copy_from_slice(v.get(range).unwrap_or_default());
            for stream in &mut self.dependent {
                stream.fill_ring(share);
                lanes::zip(rest, share, &minus);
            }
            self.message
                .extend_from_slice(bytemuck::must_cast_slice(rest));
        }
        // What was dealt, and one share of it.
        zeroize::Zeroize::zeroize(&mut rest[..]);
        zeroize::Zeroize::zeroize(&mut share[..]);
    }

    /// The message.
    pub(super) fn take_message(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.message)
    }
}

/// The sum of the next n words of all streams.
pub(super) fn total<T: Ring>(
    streams: &mut [Prg],
    n: usize,
    plus: impl Fn(T, T) -> T,
) -> RingVec<T> {
    let mut all = RingVec::zeros(n);
    for (i, stream) in streams.iter_mut().enumerate() {
        if i == 0 {
            stream.fill_ring(all.as_mut_slice());
            continue;
        }
        let sum = all.as_mut_slice();
        blocks(stream, n, |range: Range<usize>, block: &[T]| {
            lanes::zip(sum.get_mut(range).unwrap_or_default(), block, &plus);
        });
    }
    all
}
