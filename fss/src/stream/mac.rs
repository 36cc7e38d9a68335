//! The polynomial under the tag of a block.

use piquet_core::aes::Aes128;
use piquet_core::gf128::{self, RowSums};
use piquet_core::{Block, wipe};

/// Blocks that are summed between two reductions; the powers of the point stay in the nearest cache.
const RUN: usize = 1024;

/// Runs that share the loads of the powers.
const ROWS: usize = 4;

/// The universal hash and what hides it.
pub(super) struct Mac {
    /// The powers of the point, RUN to 1.
    powers: Vec<Block>,
}

impl Mac {
    pub(super) fn empty() -> Self {
        Self {
            powers: vec![Block::ZERO; RUN],
        }
    }
    /// Hashes at `point` from now on.
    pub(super) fn set(&mut self, point: Block) {
        gf128::powers(point, &mut self.powers);
        self.powers.reverse();
    }
    /// The tag of `bytes` under `key`.
    pub(super) fn tag(&self, key: &Aes128, bytes: &[u8]) -> Block {
        let mut tag = [self.hash(bytes)];
        key.encrypt(&mut tag);
        tag[0]
    }
    /// With m_1 to m_n the blocks of `bytes`, the last one filled up by zeros: m_1 z^(n+1) + ... + m_n z^2 + length
    /// z.
    fn hash(&self, bytes: &[u8]) -> Block {
        let (blocks, rest) = bytes.as_chunks::<16>();
        let mut sum = Block::ZERO;
        for runs in blocks.chunks(ROWS * RUN) {
            if runs.len() == ROWS * RUN {
                self.add(&mut sum, runs.as_flattened(), ROWS, RUN);
                continue;
            }
            for run in runs.chunks(RUN) {
                self.add(&mut sum, run.as_flattened(), 1, run.len());
            }
        }
        if !rest.is_empty() {
            let mut last = [0; 16];
            last[..rest.len()].copy_from_slice(rest);
            self.add(&mut sum, &last, 1, 1);
        }
        let length = Block::from_u128(bytes.len() as u128);
        gf128::mul(sum ^ length, self.powers[RUN - 1])
    }
    /// Moves the sum up and adds `rows` runs of `n` blocks.
    fn add(&self, sum: &mut Block, bytes: &[u8], rows: usize, n: usize) {
        let powers = &self.powers[RUN - n..];
        let mut sums = RowSums::new(rows);
        // Cannot fail: `bytes` are as many runs.
        let added = sums.add(bytes, 16 * n, powers);
        debug_assert!(added.is_ok());
        for run in sums.finish() {
            *sum = gf128::mul(*sum, powers[0]) ^ run;
        }
    }
}

impl Drop for Mac {
    fn drop(&mut self) {
        wipe(&mut self.powers);
    }
}

#[cfg(test)]
mod tests {
    use piquet_core::Prg;

    use super::*;

    /// Block by block, as the formula says.
    fn plain(z: Block, bytes: &[u8]) -> Block {
        let mut sum = Block::ZERO;
        for chunk in bytes.chunks(16) {
            let mut block = [0; 16];
            block[..chunk.len()].copy_from_slice(chunk);
            sum = gf128::mul(sum ^ Block::from(block), z);
        }
        gf128::mul(
            gf128::mul(sum, Block::from_u128(1)) ^ Block::from_u128(bytes.len() as u128),
            z,
        )
    }

    #[test]
    fn the_hash_is_the_polynomial() {
        let z = Block::from_u128(0x1234_5678_9abc_def0_1122_3344_5566_7788);
        let mut mac = Mac::empty();
        mac.set(z);
        let all = 16 * RUN * ROWS;
        for len in [
            0,
            1,
            15,
            16,
            17,
            16 * RUN,
            16 * RUN + 3,
            all - 1,
            all,
            all + 1,
            2 * all + 16 * RUN + 40,
        ] {
            let mut bytes = vec![0; len];
            Prg::new(Block::from_u128(1)).fill_bytes(&mut bytes);
            assert!(mac.hash(&bytes) == plain(z, &bytes), "{len} bytes");
        }
    }
}
