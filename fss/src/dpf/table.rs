//! Whole domains multiplied by a table on the way: private look-ups.
//!
//! A server's answer to one that knows α is the sum of the rows that its shares of the unit vector at α select; the
//! two servers' answers sum to row α (N. Gilboa, Y. Ishai, "Distributed Point Functions and Their Applications",
//! EUROCRYPT 2014). Leaves live in a buffer of a few kilobytes from which the rows are selected at once.

use piquet_core::masked::xor_select_with_level;
use piquet_core::{Block, Ring, RingVec, lanes};

use super::keys::fits;
use super::{Keys, Tree, domain};
use crate::shape::{mask, same};
use crate::{Cpu, Error, Role};

impl<P: Role, T: Tree> Keys<P, T> {
    /// The sum by exclusive or of the rows of `table` at which this party's share of a one-bit value is 1: a share of
    /// row α, if the value there is 1. Row i is `table[i * words..][..words]`; there are 2^n of them. All rows are
    /// read.
    ///
    /// # Errors
    /// If there is no such key, values have more than one bit, or the table has not 2^n rows of at least one word.
    pub fn inner_product(
        &self,
        key: usize,
        table: &[u64],
        words: usize,
        cpu: &Cpu,
    ) -> Result<RingVec<u64>, Error> {
        self.only_bits()?;
        if words == 0 {
            return Err(Error::Empty);
        }
        let rows = table_rows(table.len(), words, self.shape().domain())?;
        let mut sum = RingVec::zeros(words);
        let mut left = table;
        self.bits(key, cpu, |bits| {
            let n = (64 * bits.len()).min(rows);
            let (rows, rest) = left.split_at(left.len().min(n * words));
            xor_select_with_level(cpu.level(), bits, rows, sum.as_mut_slice());
            left = rest;
        })?;
        Ok(sum)
    }
    /// [`Keys::inner_product`] with rows of one block.
    ///
    /// # Errors
    /// As [`Keys::inner_product`].
    pub fn inner_product_blocks(
        &self,
        key: usize,
        table: &[Block],
        cpu: &Cpu,
    ) -> Result<Block, Error> {
        let sum = self.inner_product(key, bytemuck::must_cast_slice(table), 2, cpu)?;
        let halves = [sum.as_slice()[0], sum.as_slice()[1]];
        Ok(bytemuck::must_cast(halves))
    }
    /// The sum modulo 2^k of the entries of `table`, each times this party's share of the value there: a share of β
    /// times entry α.
    ///
    /// # Errors
    /// If there is no such key, words are narrower than values, or the table has not 2^n entries.
    pub fn weighted_sum<W: Ring>(&self, key: usize, table: &[W], cpu: &Cpu) -> Result<W, Error> {
        let shape = self.shape();
        fits::<W>("bits of the values", shape.value())?;
        table_rows(table.len(), 1, shape.domain())?;
        let one = self.raw.one(key)?;
        let leaves = self.leaves();
        let mut shares = RingVec::zeros(domain::LEAVES << shape.log_entries());
        let mut sums = RingVec::<W>::zeros(shares.len());
        let mut left = table;
        let tree = self.raw.tree(cpu.level());
        domain::leaves(&tree, &one, &mut |nodes| {
            let n = nodes.len() << shape.log_entries();
            let shares = &mut shares.as_mut_slice()[..n];
            leaves.expand(&tree, nodes, one.leaf, shares);
            let (table, rest) = left.split_at(n);
            lanes::zip2(sums.as_mut_slice(), shares, table, |s: W, v: W, x: W| {
                s.add(v.mul(x))
            });
            left = rest;
        });
        let sum = sums.as_slice().iter().fold(W::ZERO, |s, x| s.add(*x));
        Ok(sum.and(W::from_i128(mask(shape.value()) as i128)))
    }
}

/// 2^`domain`, if the table has as many rows.
fn table_rows(len: usize, words: usize, domain: u32) -> Result<usize, Error> {
    let rows = 1usize.checked_shl(domain).unwrap_or(usize::MAX);
    same("words of the table", len, rows.saturating_mul(words))?;
    Ok(rows)
}
