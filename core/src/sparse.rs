//! A public random sparse matrix with ten ones to a row: the 10-local code of primal LPN, with which silent OT stretches
//! a short correlation.
//!
//! Entry j of row i, for j < 10, is the column ⌊w k / 2^32⌋ where w is 32-bit word `10 i + j`, little-endian, of AES-128 in
//! counter mode under the seed as key ([`crate::Prg`] draws the same words). A column is hit with a probability that
//! differs from 1 / k by a factor between 1 - k / 2^32 and 1 + k / 2^32, and the entries of a row need not differ: two
//! equal ones cancel. The matrix is the same at every level.
//!
//! The seed is public, and so are all addresses, which depend on it alone; the vector that is multiplied may be secret.

use core::fmt;

use crate::aes::Aes128;
use crate::cpu::{self, Level};
use crate::{Block, ShapeError};

#[cfg(target_arch = "x86_64")]
mod gather;

/// Ones in a row, before those in the same column cancel.
pub const LOCALITY: usize = 10;

/// Rows whose entries are drawn at a time.
const BATCH: usize = 64;

/// A matrix over F2 of k columns and as many rows as are asked for, below 2^60.
pub struct LocalCode {
    aes: Aes128,
    k: u32,
}

impl LocalCode {
    /// The matrix of a public seed and of `k` columns, 1 to 2^28.
    pub fn new(seed: Block, k: usize) -> Result<Self, ShapeError> {
        Self::with_level(seed, k, cpu::level())
    }
    /// [`LocalCode::new`] with the kernels of `level`, or the next lower ones that this processor has.
    pub fn with_level(seed: Block, k: usize, level: Level) -> Result<Self, ShapeError> {
        match u32::try_from(k) {
            Ok(k @ 1..=0x1000_0000) => Ok(Self {
                aes: Aes128::with_level(seed, level),
                k,
            }),
            _ => Err(ShapeError::Length {
                got: k,
                want: k.clamp(1, 1 << 28),
            }),
        }
    }
    /// Adds row `first_row + i` of the matrix times `secret`, which has k blocks, to `out[i]`.
    pub fn xor_into(
        &self,
        secret: &[Block],
        first_row: u64,
        out: &mut [Block],
    ) -> Result<(), ShapeError> {
        if secret.len() != self.k as usize {
            return Err(ShapeError::Length {
                got: secret.len(),
                want: self.k as usize,
            });
        }
        if out.is_empty() {
            return Ok(());
        }
        // Every other row begins with a block.
        let odd = (first_row % 2) as usize;
        let (head, out) = out.split_at_mut(odd);
        self.portable(secret, first_row, head);
        let row = first_row + odd as u64;
        #[cfg(target_arch = "x86_64")]
        let done = gather::xor_into(&self.aes, secret, row, out).unwrap_or(0);
        #[cfg(not(target_arch = "x86_64"))]
        let done = 0;
        self.portable(secret, row + done as u64, &mut out[done..]);
        Ok(())
    }

    fn portable(&self, secret: &[Block], first_row: u64, out: &mut [Block]) {
        for (out, row) in out.chunks_mut(BATCH).zip((first_row..).step_by(BATCH)) {
            // Rows begin with a block or in the middle of one.
            let mut words = [0u32; BATCH * LOCALITY + 4];
            let first = u128::from(row) * LOCALITY as u128;
            let blocks = (out.len() * LOCALITY).div_ceil(4) + 1;
            self.aes.counter(
                (first / 4) as u64,
                bytemuck::must_cast_slice_mut(&mut words[..4 * blocks]),
            );
            let words = &words[(first % 4) as usize..];
            for (out, words) in out.iter_mut().zip(words.chunks_exact(LOCALITY)) {
                for w in words {
                    let column = (u64::from(*w) * u64::from(self.k)) >> 32;
                    *out ^= secret[column as usize];
                }
            }
        }
    }
}

impl fmt::Debug for LocalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalCode[{}]", self.k)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Prg;

    #[test]
    fn rows_agree_with_the_definition() {
        let seed = Block::from_u128(12);
        let mut words = vec![0u32; 700 * LOCALITY];
        Prg::with_level(seed, Level::Portable).fill_ring(&mut words);
        for k in [1usize, 2, 3, 1000, 4099, 65_537] {
            let mut secret = vec![Block::ZERO; k];
            Prg::new(Block::from_u128(13)).fill_blocks(&mut secret);
            let want: Vec<_> = words
                .chunks(LOCALITY)
                .map(|row| {
                    row.iter().fold(Block::from_u128(5), |sum, w| {
                        sum ^ secret[((u64::from(*w) * k as u64) >> 32) as usize]
                    })
                })
                .collect();
            for level in Level::all() {
                let code = LocalCode::with_level(seed, k, level).unwrap();
                for (first, n) in [
                    (0, 700),
                    (1, 699),
                    (2, 1),
                    (3, 2),
                    (5, 7),
                    (64, 64),
                    (63, 65),
                    (128, 129),
                    (7, 0),
                    (100, 127),
                ] {
                    let mut out = vec![Block::from_u128(5); n];
                    code.xor_into(&secret, first as u64, &mut out).unwrap();
                    assert!(out == want[first..first + n], "{level} {k} {first} {n}");
                }
            }
        }
    }

    #[test]
    fn wrong_shapes_are_refused() {
        for k in [0, (1 << 28) + 1, usize::MAX] {
            assert!(LocalCode::new(Block::ZERO, k).is_err());
        }
        let code = LocalCode::new(Block::ZERO, 3).unwrap();
        assert_eq!(
            code.xor_into(&[Block::ZERO; 2], 0, &mut []),
            Err(ShapeError::Length { got: 2, want: 3 })
        );
        assert_eq!(format!("{code:?}"), "LocalCode[3]");
    }
}
