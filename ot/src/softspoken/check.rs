//! The consistency check of the subspace VOLE: a universal hash of the rows before the transpose.
//!
//! After the corrections of a batch the rows of an honest run satisfy w_r = v_r ⊕ Δ_r u, for the one u of the batch and
//! row r = 0..128. With a key χ, drawn by the OT sender and sent only when it has all corrections, a row of 128-bit
//! pieces x_0, ..., x_{L-1}, y hashes to
//!
//! > h(x, y) = y ⊕ Σ_j χ^(j+1) x_j over GF(2^128).
//!
//! The OT receiver answers h(u) and all h(v_r); the OT sender compares h(w_r) with h(v_r) ⊕ Δ_r h(u) for every r. The
//! piece y belongs to 128 OTs that are sacrificed: it hides u and v in the answer.
//!
//! h is linear over F_2, so it may be applied to the k rows of bits of a vector over F_{2^k} one by one, and it is
//! ε-almost universal with ε = L / 2^128: two rows that differ collide for at most L keys, the roots of a polynomial of
//! degree at most L that is not 0. L is below 2^33 ([`crate::MAX_COTS`]), hence ε below 2^-95.
//!
//! What a cheat gains (the leakage of the paper's subspace VOLE, here for the repetition code). Let the corrections of tree i
//! lead to u ⊕ e_i for the u of tree 0, say. The test for the k rows of tree i holds, whatever the answer for u, if
//! h(e_i) is some D that the cheat chose after it saw χ, the same for all trees; otherwise for one value at most of the k bits of Δ that
//! the tree stands for. Trees whose e differ have the same h(e) with probability at most ε for each pair, and there are at most 2^13
//! pairs: so but for 2^13 ε < 2^-82 the trees that are free of a guess have one e in common, which is another name for u. The others, j
//! of them, pass with probability 2^-(k j), and whoever passes has learnt no more than those k j bits of Δ, which it guessed.

use piquet_core::Block;
use piquet_core::gf128::{self, RowSums};
use zeroize::Zeroize;

use super::{CHUNK_BLOCKS, shape};
use crate::Error;

/// The powers of a key, as many as a row of a chunk has pieces, moving on with the chunks.
pub(super) struct Powers {
    key: Block,
    now: [Block; CHUNK_BLOCKS],
    step: Block,
}

impl Powers {
    pub(super) fn new(key: Block) -> Self {
        let mut now = [Block::ZERO; CHUNK_BLOCKS];
        gf128::powers(key, &mut now);
        let step = now[CHUNK_BLOCKS - 1];
        Self { key, now, step }
    }
    /// For the next chunk of `blocks` pieces a row, which is full unless it is the last.
    fn of(&self, blocks: usize) -> &[Block] {
        &self.now[..blocks]
    }
    fn advance(&mut self) {
        for p in &mut self.now {
            *p = gf128::mul(*p, self.step);
        }
    }
}

impl Drop for Powers {
    fn drop(&mut self) {
        // Secret until the challenge is sent.
        self.now.zeroize();
        self.step.zeroize();
        self.key.zeroize();
    }
}

/// The hash of some rows as they come, chunk by chunk.
pub(super) struct RowHash(RowSums);

impl RowHash {
    pub(super) fn new(rows: usize) -> Self {
        Self(RowSums::new(rows))
    }
    /// Adds a chunk: each row `blocks` pieces long.
    pub(super) fn add(&mut self, rows: &[u8], blocks: usize, powers: &Powers) -> Result<(), Error> {
        self.0
            .add(rows, 16 * blocks, powers.of(blocks))
            .map_err(shape)
    }
    /// Adds the sacrificed piece of each row.
    pub(super) fn add_last(&mut self, rows: &[u8]) -> Result<(), Error> {
        self.0.add(rows, 16, &[Block::from_u128(1)]).map_err(shape)
    }
    pub(super) fn finish(self) -> Vec<Block> {
        self.0.finish()
    }
}

/// The OT sender's side of the check of one batch.
pub(super) struct SenderCheck {
    powers: Powers,
    sums: RowHash,
}

impl SenderCheck {
    pub(super) fn new(key: Block) -> Self {
        Self {
            powers: Powers::new(key),
            sums: RowHash::new(128),
        }
    }
    pub(super) fn add(&mut self, rows: &[u8], blocks: usize) -> Result<(), Error> {
        self.sums.add(rows, blocks, &self.powers)?;
        self.powers.advance();
        Ok(())
    }
    pub(super) fn add_last(&mut self, rows: &[u8]) -> Result<(), Error> {
        self.sums.add_last(rows)
    }
    pub(super) fn key(&self) -> &Block {
        &self.powers.key
    }
    /// h(w_r) of all rows.
    pub(super) fn finish(self) -> Vec<Block> {
        self.sums.finish()
    }
}

/// The OT receiver's side of the check of one batch.
pub(super) struct ReceiverCheck {
    powers: Powers,
    choices: RowHash,
    rows: RowHash,
}

impl ReceiverCheck {
    pub(super) fn new(key: Block) -> Self {
        Self {
            powers: Powers::new(key),
            choices: RowHash::new(1),
            rows: RowHash::new(128),
        }
    }
    pub(super) fn add(&mut self, choices: &[u8], rows: &[u8], blocks: usize) -> Result<(), Error> {
        self.choices.add(choices, blocks, &self.powers)?;
        self.rows.add(rows, blocks, &self.powers)?;
        self.powers.advance();
        Ok(())
    }
    /// h(u) and h(v_r) of all rows.
    pub(super) fn finish(
        mut self,
        choices: &[u8],
        rows: &[u8],
    ) -> Result<(Vec<Block>, Vec<Block>), Error> {
        self.choices.add_last(choices)?;
        self.rows.add_last(rows)?;
        Ok((self.choices.finish(), self.rows.finish()))
    }
}
