//! Masked bits among the three, on which the gates of [`gates`](crate::parts::gates) work.
//!
//! *A masked bit* x is `open ^ mask`: parties 1 and 2 know `open`, party 0 knows `mask` and they each have a pad as its
//! share. It is a replicated sharing: the pads are components 1 and 0, `open` is component 2. *To mask* a bit of which parties 1
//! and 2 have summands, each adds a fresh pad and they swap: 2 bits, and nothing from party 0, which is the dealer
//! of tables and products of masks.
//!
//! *Security.* Party 0 receives nothing. What is handed out to party 1 (or 2) is masked by a pad that only party 0 and
//! the other one can compute; so is every swapped message. Each pad is used once, so the view of either is uniform and
//! independent of what it held before, and can be drawn by a simulator.

use piquet_core::RingVec;

use super::piece::Piece;
use crate::Error;
use crate::parts::gates::{Masked, xor};
use crate::parts::words::{message, words};

/// Parties 1 and 2: masks summands afresh and swaps them.
pub(super) fn say_masked(
    piece: &mut Piece,
    summand: RingVec<u64>,
) -> Result<(Vec<u8>, Masked), Error> {
    let pad = piece.pad::<u64>(summand.len())?;
    let mut open = summand;
    xor(open.as_mut_slice(), pad.as_slice());
    Ok((message(&open), Masked { open, pad }))
}

/// The other one's masked summands complete what was opened.
pub(super) fn hear_masked(mut ours: Masked, theirs: &[u8]) -> Masked {
    xor(ours.open.as_mut_slice(), &words::<u64>(theirs));
    ours
}
