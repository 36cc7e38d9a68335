//! Words to planes of bits, 64 elements to a word.

use piquet_core::{RingVec, transpose};

use crate::Error;

/// Plane `j`.
pub(crate) fn plane(v: &[u64], words: usize, j: usize) -> &[u64] {
    v.get(j * words..(j + 1) * words).unwrap_or_default()
}

/// The lowest `count` planes of the `len` words that `fill` writes, padded by zeros to whole words of planes.
pub(crate) fn planes(
    len: usize,
    count: usize,
    fill: impl FnOnce(&mut [u64]),
) -> Result<RingVec<u64>, Error> {
    let per_plane = len.div_ceil(64);
    let mut words = RingVec::zeros(64 * per_plane);
    fill(words.as_mut_slice());
    let mut planes = RingVec::zeros(count * per_plane);
    transpose::to_planes(words.as_slice(), count as u32, planes.as_mut_slice())?;
    Ok(planes)
}
