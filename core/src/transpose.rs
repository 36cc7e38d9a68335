//! Bit-matrix transposes.
//!
//! - [`rows_to_blocks`], [`blocks_to_rows`]: 128 rows of n bits to and from n blocks of 128 bits, the step between
//!   columns and rows of OT extension;
//! - [`to_planes`], [`from_planes`]: words to and from bit planes, the step between arithmetic shares and bit-sliced
//!   boolean circuits.
//!
//! Bits are little-endian everywhere: bit j of a byte row is bit `j % 8` of byte `j / 8`, bit i of a [`Block`] is bit i of
//! its `u128`, element e of a plane is bit `e % 64` of word `e / 64`. Three kernels with the same output: plain Rust,
//! the same code compiled for AVX2, and byte shuffles with 8 x 8 bit transposes by GFNI on AVX-512. All are constant
//! time: no branch and no address depends on a bit.

use crate::Block;
use crate::cpu::{self, Level};

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

/// Runs the kernel of `level`, or the next lower one that this processor has.
macro_rules! kernel {
    ($level:expr, $name:ident($($arg:expr),*)) => {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(proof) = cpu::Gfni512::at($level) {
                avx512::$name(proof, $($arg),*);
                return Ok(());
            }
            if let Some(proof) = cpu::Avx2::at($level) {
                avx2::$name(proof, $($arg),*);
                return Ok(());
            }
        }
        let _ = $level;
        portable::$name($($arg),*);
    };
}

/// The buffers do not fit the shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// The number of columns of a 128-row matrix is not a multiple of 8.
    #[error("{0} columns, expected a multiple of 8")]
    Columns(usize),
    /// The number of bits of a word is not in 1..=64.
    #[error("{0} planes, expected 1 to 64")]
    Planes(u32),
    /// The depth of a tree of seeds is not one of those that there is code for.
    #[error("trees of 2^{0} seeds, expected 2^1, 2^2, 2^4 or 2^8")]
    Tree(u32),
    /// A buffer has the wrong length.
    #[error("buffer of {got} items, expected {want}")]
    Length {
        /// Its length.
        got: usize,
        /// What the other buffer calls for.
        want: usize,
    },
}

fn same(got: usize, want: Option<usize>) -> Result<(), ShapeError> {
    if Some(got) == want {
        Ok(())
    } else {
        Err(ShapeError::Length {
            got,
            want: want.unwrap_or(usize::MAX),
        })
    }
}

/// Bit i of `blocks[j]` becomes bit j of row i. `rows` holds 128 rows of n / 8 bytes, one after another, where n is the
/// number of blocks, a multiple of 8; multiples of 128 are fastest.
pub fn blocks_to_rows(blocks: &[Block], rows: &mut [u8]) -> Result<(), ShapeError> {
    blocks_to_rows_with_level(blocks, rows, cpu::level())
}

/// [`blocks_to_rows`] with the kernels of `level`, or the next lower ones that this processor has.
pub fn blocks_to_rows_with_level(
    blocks: &[Block],
    rows: &mut [u8],
    level: Level,
) -> Result<(), ShapeError> {
    let stride = check_rows(blocks.len(), rows.len())?;
    kernel!(level, blocks_to_rows(blocks, rows, stride));
    Ok(())
}

/// The inverse of [`blocks_to_rows`]: bit j of row i becomes bit i of `blocks[j]`.
pub fn rows_to_blocks(rows: &[u8], blocks: &mut [Block]) -> Result<(), ShapeError> {
    rows_to_blocks_with_level(rows, blocks, cpu::level())
}

/// [`rows_to_blocks`] with the kernels of `level`, or the next lower ones that this processor has.
pub fn rows_to_blocks_with_level(
    rows: &[u8],
    blocks: &mut [Block],
    level: Level,
) -> Result<(), ShapeError> {
    let stride = check_rows(blocks.len(), rows.len())?;
    kernel!(level, rows_to_blocks(rows, blocks, stride));
    Ok(())
}

/// Bytes between rows.
fn check_rows(columns: usize, bytes: usize) -> Result<usize, ShapeError> {
    if !columns.is_multiple_of(8) {
        return Err(ShapeError::Columns(columns));
    }
    same(bytes, (columns / 8).checked_mul(128))?;
    Ok(columns / 8)
}

/// Words of one plane of n elements.
#[must_use]
pub fn plane_words(n: usize) -> usize {
    n.div_ceil(64)
}

/// Bit j of `words[e]` becomes element e of plane j, for j below `k` in 1..=64; higher bits are dropped.
/// Plane j is `planes[j * p..][..p]` with p = [`plane_words`]`(words.len())`; its bits past the last element are zero.
pub fn to_planes(words: &[u64], k: u32, planes: &mut [u64]) -> Result<(), ShapeError> {
    to_planes_with_level(words, k, planes, cpu::level())
}

/// [`to_planes`] with the kernels of `level`, or the next lower ones that this processor has.
pub fn to_planes_with_level(
    words: &[u64],
    k: u32,
    planes: &mut [u64],
    level: Level,
) -> Result<(), ShapeError> {
    let k = check_planes(words.len(), k, planes.len())?;
    kernel!(level, to_planes(words, k, planes));
    Ok(())
}

/// The inverse of [`to_planes`]: bits `k` and up of every word become zero; plane bits past the last word are not read.
pub fn from_planes(planes: &[u64], k: u32, words: &mut [u64]) -> Result<(), ShapeError> {
    from_planes_with_level(planes, k, words, cpu::level())
}

/// [`from_planes`] with the kernels of `level`, or the next lower ones that this processor has.
pub fn from_planes_with_level(
    planes: &[u64],
    k: u32,
    words: &mut [u64],
    level: Level,
) -> Result<(), ShapeError> {
    let k = check_planes(words.len(), k, planes.len())?;
    kernel!(level, from_planes(planes, k, words));
    Ok(())
}

/// `k` as an index.
fn check_planes(n: usize, k: u32, planes: usize) -> Result<usize, ShapeError> {
    if !(1..=64).contains(&k) {
        return Err(ShapeError::Planes(k));
    }
    same(planes, plane_words(n).checked_mul(k as usize))?;
    Ok(k as usize)
}

#[cfg(test)]
mod tests;
