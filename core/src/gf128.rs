//! The field GF(2^128) = F2\[x\] / (x^128 + x^7 + x^2 + x + 1): bit i of a [`Block`] is the coefficient of x^i.
//!
//! Addition is `^`. This is the field of consistency checks and universal hashes, with bits in their natural order; that
//! of GCM is the same one with bits reversed. Sums of products are reduced once, at the end. Three kernels with the
//! same output: plain Rust on integer multiplications with holes, PCLMULQDQ, and VPCLMULQDQ on 512 bits. All are
//! constant time in the elements; lengths are public.

use core::fmt;

use zeroize::Zeroize;

use crate::cpu::{self, Level};
use crate::{Block, ShapeError};

mod portable;

/// A sum of products before reduction: the coefficients of x^0 to x^127, and of x^128 to x^255.
pub(crate) type Wide = [Block; 2];

/// `a * b`.
#[must_use]
pub fn mul(a: Block, b: Block) -> Block {
    mul_with_level(a, b, cpu::level())
}

/// [`mul`] with the kernels of `level`, or the next lower ones that this processor has.
#[must_use]
pub fn mul_with_level(a: Block, b: Block, level: Level) -> Block {
    inner_product_with_level(&[a], &[b], level)
}

/// The sum of `a[j] * b[j]`; the shorter length wins.
#[must_use]
pub fn inner_product(a: &[Block], b: &[Block]) -> Block {
    inner_product_with_level(a, b, cpu::level())
}

/// [`inner_product`] with the kernels of `level`, or the next lower ones that this processor has.
#[must_use]
pub fn inner_product_with_level(a: &[Block], b: &[Block], level: Level) -> Block {
    let mut sum = [[Block::ZERO; 2]];
    let n = a.len().min(b.len());
    add_rows(
        &mut sum,
        bytemuck::must_cast_slice(&a[..n]),
        16 * n,
        &b[..n],
        level,
    );
    reduce(sum[0])
}

/// Sets `out[j]` to `x^(j + 1)`.
pub fn powers(x: Block, out: &mut [Block]) {
    powers_with_level(x, out, cpu::level());
}

/// [`powers`] with the kernels of `level`, or the next lower ones that this processor has.
pub fn powers_with_level(x: Block, out: &mut [Block], level: Level) {
    // Chains side by side, as one product waits for the one before.
    const CHAINS: usize = 8;
    let mut last = Block::from_u128(1);
    for p in out.iter_mut().take(CHAINS) {
        last = mul_with_level(last, x, level);
        *p = last;
    }
    for j in CHAINS..out.len() {
        out[j] = mul_with_level(out[j - CHAINS], last, level);
    }
}

/// Linear combinations of blocks, one for each of a number of rows, with the same coefficients for all.
///
/// Rows come in pieces ([`RowSums::add`]); sums are reduced at the end. Wiped on drop, not printed.
pub struct RowSums {
    sums: Vec<Wide>,
    level: Level,
}

impl RowSums {
    /// Sums of 0 for `rows` rows.
    #[must_use]
    pub fn new(rows: usize) -> Self {
        Self::with_level(rows, cpu::level())
    }
    /// [`RowSums::new`] with the kernels of `level`, or the next lower ones that this processor has.
    #[must_use]
    pub fn with_level(rows: usize, level: Level) -> Self {
        Self {
            sums: vec![[Block::ZERO; 2]; rows],
            level,
        }
    }
    /// To the sum of each row r adds that of `chi[j]` times block j of the row, which is the `16 * chi.len()` bytes at
    /// `rows[r * stride]`. An error if they are not all there; then nothing was added.
    pub fn add(&mut self, rows: &[u8], stride: usize, chi: &[Block]) -> Result<(), ShapeError> {
        let width = 16 * chi.len();
        let want = match self.sums.len() {
            0 => Some(0),
            n => stride.checked_mul(n - 1).and_then(|w| w.checked_add(width)),
        };
        if want.is_none_or(|want| rows.len() < want) {
            return Err(ShapeError::Length {
                got: rows.len(),
                want: want.unwrap_or(usize::MAX),
            });
        }
        add_rows(&mut self.sums, rows, stride, chi, self.level);
        Ok(())
    }
    /// The sums.
    #[must_use]
    pub fn finish(self) -> Vec<Block> {
        self.sums.iter().map(|s| reduce(*s)).collect()
    }
}

impl Drop for RowSums {
    fn drop(&mut self) {
        self.sums.as_flattened_mut().zeroize();
    }
}

impl fmt::Debug for RowSums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowSums[{}]", self.sums.len())
    }
}

/// The lengths were checked.
fn add_rows(sums: &mut [Wide], rows: &[u8], stride: usize, chi: &[Block], level: Level) {
    let _ = level;
    portable::add_rows(sums, rows, stride, chi);
}

/// The remainder modulo x^128 + x^7 + x^2 + x + 1.
fn reduce([lo, hi]: Wide) -> Block {
    let hi = hi.to_u128();
    // What x^7 + x^2 + x lift past x^127 comes back once more.
    let over = (hi >> 127) ^ (hi >> 126) ^ (hi >> 121);
    let times = |v: u128| v ^ (v << 1) ^ (v << 2) ^ (v << 7);
    lo ^ Block::from_u128(times(hi) ^ times(over))
}

#[cfg(test)]
mod tests;
