//! Seeds stretched to rows of bits and added up over the leaves of small trees: the inner loop of the OT extensions
//! with 2^k seeds to a tree.
//!
//! The stream of a seed s is G(s)\_j = π(s ⊕ j) ⊕ (s ⊕ j) for block j, where π is AES-128 under one public key that is
//! derived from the session, and j < 2^64 stands in the low half. There is no key schedule for a seed. This is the
//! correlation-robust hash of C. Guo, J. Katz, X. Wang, Y. Yu, <https://eprint.iacr.org/2019/074>, section 7.2, with the
//! seed as the secret offset and the counters as its inputs. With π modelled as a random permutation and seeds that are
//! uniform and independent, q blocks of all seeds together differ from uniform ones, for an adversary with p
//! evaluations of π in either direction, by at most (2 p q + q²) / 2^128: unless two of the q inputs meet (counters
//! of one seed never do), or one of inputs and outputs meets an evaluation, every block is fresh; the switch from
//! permutation to function is the rest. The p evaluations count for the sessions with the same key only.
//!
//! Constant time in seeds, in the bits of `delta` and in rows; the numbers of trees and blocks and the first block are
//! public.

use core::fmt;

use crate::aes::Aes128;
use crate::cpu::{self, Level};
use crate::wire::SessionId;
use crate::{Block, ShapeError};

mod portable;
#[cfg(target_arch = "x86_64")]
mod vector;

/// The generator of rows of one session and label.
pub struct RowPrg(Aes128);

impl RowPrg {
    /// The generator of `session` and `label`; others have independent keys.
    #[must_use]
    pub fn new(session: &SessionId, label: &str) -> Self {
        Self::with_level(session, label, cpu::level())
    }
    /// [`RowPrg::new`] with the kernels of `level`, or the next lower ones that this processor has.
    #[must_use]
    pub fn with_level(session: &SessionId, label: &str, level: Level) -> Self {
        let mut h = blake3::Hasher::new_derive_key("piquet 2026 row generator");
        h.update(&session.0);
        h.update(label.as_bytes());
        let mut key = [0; 16];
        h.finalize_xof().fill(&mut key);
        Self(Aes128::with_level(Block::from(key), level))
    }
    /// Adds up the leaves of T trees of 2^`k` seeds, `k` being 1, 2, 4 or 8; leaf y of tree t is `seeds[t * 2^k + y]`.
    ///
    /// With r(y) the blocks `first`, `first + 1`, ... of the stream of leaf y (counted modulo 2^64), row t of `u` becomes
    /// the sum of all r(y), and row `t * k + b` of `v`, for b < k, the sum of those r(y) where bit b of y is 1. `u` is T rows
    /// and `v` is T `k` rows one after another, all of the same number of whole blocks.
    ///
    /// Cost: 2^`k` AES for each block of `u`.
    pub fn fold(
        &self,
        k: u32,
        seeds: &[Block],
        first: u64,
        u: &mut [u8],
        v: &mut [u8],
    ) -> Result<(), ShapeError> {
        self.fold_any(k, seeds, first, None, u, v)
    }
    /// [`RowPrg::fold`], and the row `onto` added to every row of `u`.
    pub fn fold_onto(
        &self,
        k: u32,
        seeds: &[Block],
        first: u64,
        onto: &[u8],
        u: &mut [u8],
        v: &mut [u8],
    ) -> Result<(), ShapeError> {
        self.fold_any(k, seeds, first, Some(onto), u, v)
    }
    fn fold_any(
        &self,
        k: u32,
        seeds: &[Block],
        first: u64,
        onto: Option<&[u8]>,
        u: &mut [u8],
        v: &mut [u8],
    ) -> Result<(), ShapeError> {
        let stride = shape(k, seeds.len(), 1 << k.min(8), u.len(), v.len())?;
        if let Some(onto) = onto
            && onto.len() != stride
        {
            return Err(ShapeError::Length {
                got: onto.len(),
                want: stride,
            });
        }
        if stride == 0 {
            return Ok(());
        }
        let k = k as usize;
        #[cfg(target_arch = "x86_64")]
        if vector::fold(&self.0, k, seeds, first, onto, u, v, stride).is_some() {
            return Ok(());
        }
        portable::fold(&self.0, k, seeds, first, onto, u, v, stride);
        Ok(())
    }
    /// [`RowPrg::fold`] for one who knows all leaves of each tree but the one that counts as leaf 0: leaf y of tree t is
    /// `seeds[t * (2^k - 1) + y - 1]`, y from 1 on. Row `t * k + b` of `w` becomes the sum of those r(y) where bit b of y is 1, plus
    /// row t of `c` if bit `t * k + b` of `delta` (bit i of byte j is bit 8 j + i) is 1.
    ///
    /// `c` is T rows and `w` is T `k` rows, `delta` has at least T `k` bits. Cost: 2^`k` - 1 AES for each block of `c`.
    pub fn fold_punctured(
        &self,
        k: u32,
        seeds: &[Block],
        first: u64,
        delta: &[u8],
        c: &[u8],
        w: &mut [u8],
    ) -> Result<(), ShapeError> {
        let leaves = (1 << k.min(8)) - 1;
        let stride = shape(k, seeds.len(), leaves, c.len(), w.len())?;
        let bits = seeds.len() / leaves * k as usize;
        if delta.len() < bits.div_ceil(8) {
            return Err(ShapeError::Length {
                got: delta.len(),
                want: bits.div_ceil(8),
            });
        }
        if stride == 0 {
            return Ok(());
        }
        let k = k as usize;
        #[cfg(target_arch = "x86_64")]
        if vector::fold_punctured(&self.0, k, seeds, first, delta, c, w, stride).is_some() {
            return Ok(());
        }
        portable::fold_punctured(&self.0, k, seeds, first, delta, c, w, stride);
        Ok(())
    }
}

/// The bytes of a row, given those of T rows and of T `k` rows.
fn shape(
    k: u32,
    seeds: usize,
    leaves: usize,
    one: usize,
    each: usize,
) -> Result<usize, ShapeError> {
    if ![1, 2, 4, 8].contains(&k) {
        return Err(ShapeError::Tree(k));
    }
    let trees = seeds / leaves;
    let stride = one.checked_div(trees).unwrap_or(0) & !15;
    for (got, want) in [
        (seeds, Some(trees * leaves)),
        (one, Some(trees * stride)),
        (each, (trees * stride).checked_mul(k as usize)),
    ] {
        if Some(got) != want {
            return Err(ShapeError::Length {
                got,
                want: want.unwrap_or(usize::MAX),
            });
        }
    }
    Ok(stride)
}

impl fmt::Debug for RowPrg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowPrg(..)")
    }
}

#[cfg(test)]
mod tests;
