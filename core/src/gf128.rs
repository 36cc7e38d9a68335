//! The field GF(2^128) = F2\[x\] / (x^128 + x^7 + x^2 + x + 1): bit i of a [`Block`] is the coefficient of x^i.
//!
//! Addition is `^`. This is the field of consistency checks and universal hashes, with bits in their natural order; that
//! of GCM is the same one with bits reversed. Sums of products are reduced once, at the end. Three kernels with the
//! same output: plain Rust on integer multiplications with holes, PCLMULQDQ, and VPCLMULQDQ on 512 bits. All are
//! constant time in the elements; lengths are public.

use core::fmt;

use crate::cpu::{self, Level};
use crate::{Block, ShapeError, wipe};

#[cfg(target_arch = "x86_64")]
mod clmul;
mod portable;

/// Sums of products before reduction: the coefficients of x^0 to x^127, and those of x^128 to x^255.
struct Sums {
    lo: Vec<Block>,
    hi: Vec<Block>,
}

impl Sums {
    fn new(n: usize) -> Self {
        Self {
            lo: vec![Block::ZERO; n],
            hi: vec![Block::ZERO; n],
        }
    }
    fn len(&self) -> usize {
        self.lo.len()
    }
    /// Those of the rows, whose lengths were checked, with the coefficients `chi`.
    fn add_rows(&mut self, rows: &[u8], stride: usize, chi: &[Block], level: Level) {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(proof) = cpu::Clmul512::at(level) {
                return clmul::wide::add_rows(proof, self, rows, stride, chi);
            }
            if let Some(proof) = cpu::Clmul::at(level) {
                return clmul::narrow::add_rows(proof, self, rows, stride, chi);
            }
        }
        let _ = level;
        portable::add_rows(self, rows, stride, chi);
    }
    /// The remainders modulo x^128 + x^7 + x^2 + x + 1.
    fn reduced(&self) -> impl Iterator<Item = Block> {
        self.lo.iter().zip(&self.hi).map(|(lo, hi)| {
            let hi = hi.to_u128();
            // What x^7 + x^2 + x lift past x^127 comes back once more.
            let over = (hi >> 127) ^ (hi >> 126) ^ (hi >> 121);
            let times = |v: u128| v ^ (v << 1) ^ (v << 2) ^ (v << 7);
            *lo ^ Block::from_u128(times(hi) ^ times(over))
        })
    }
}

impl Drop for Sums {
    fn drop(&mut self) {
        wipe(&mut self.lo);
        wipe(&mut self.hi);
    }
}

/// `a * b`.
#[must_use]
pub fn mul(a: Block, b: Block) -> Block {
    mul_with_level(a, b, cpu::level())
}

/// [`mul`] with the kernels of `level`, or the next lower ones that this processor has.
#[must_use]
pub fn mul_with_level(a: Block, b: Block, level: Level) -> Block {
    #[cfg(target_arch = "x86_64")]
    if let Some(proof) = cpu::Clmul::at(level) {
        return clmul::mul(proof, a, b);
    }
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
    let n = a.len().min(b.len());
    let mut sum = Sums::new(1);
    let row = bytemuck::must_cast_slice(&a[..n]);
    sum.add_rows(row, 16 * n, &b[..n], level);
    sum.reduced().fold(Block::ZERO, |_, s| s)
}

/// Sets `out[j]` to `x^(j + 1)`.
pub fn powers(x: Block, out: &mut [Block]) {
    powers_with_level(x, out, cpu::level());
}

/// [`powers`] with the kernels of `level`, or the next lower ones that this processor has.
pub fn powers_with_level(x: Block, out: &mut [Block], level: Level) {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(proof) = cpu::Clmul512::at(level) {
            return clmul::wide::powers(proof, x, out);
        }
        if let Some(proof) = cpu::Clmul::at(level) {
            return clmul::narrow::powers(proof, x, out);
        }
    }
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
    sums: Sums,
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
            sums: Sums::new(rows),
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
        self.sums.add_rows(rows, stride, chi, self.level);
        Ok(())
    }
    /// The sums.
    #[must_use]
    pub fn finish(self) -> Vec<Block> {
        self.sums.reduced().collect()
    }
}

impl fmt::Debug for RowSums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowSums[{}]", self.sums.len())
    }
}

#[cfg(test)]
mod tests;
