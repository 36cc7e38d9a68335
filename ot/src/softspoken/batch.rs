//! A batch in pieces and chunks.

use piquet_core::Block;
use piquet_core::wire::Header;
use zeroize::Zeroizing;

use super::{Bits, CHUNK_BLOCKS, Choices, PIECE, kinds};
use crate::Security;

/// Where a batch stands: blocks are 128 correlations, and one block of each row.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) choices: Choices,
    /// Correlations asked for.
    pub(super) n: usize,
    /// Blocks done.
    pub(super) done: usize,
}

/// Room for `n` blocks: the spare one if it is enough, else a new one. A spare one that is too small is wiped.
pub(super) fn room(spare: &mut Zeroizing<Vec<Block>>, n: usize) -> Zeroizing<Vec<Block>> {
    let mut room = core::mem::take(spare);
    if room.capacity() < n {
        room = Zeroizing::new(bytemuck::zeroed_vec(n));
    }
    room.resize(n, Block::ZERO);
    room
}

/// One message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) blocks: usize,
    pub(super) last: bool,
}

impl Plan {
    pub(super) fn new(choices: Choices, n: usize) -> Self {
        Self {
            choices,
            n,
            done: 0,
        }
    }
    /// Correlations made, with those that are over.
    pub(super) fn padded(&self) -> usize {
        128 * self.blocks()
    }
    fn blocks(&self) -> usize {
        self.n.div_ceil(128)
    }
    pub(super) fn is_done(&self) -> bool {
        self.done == self.blocks()
    }
    /// The next message; of 0 blocks if there is none.
    pub(super) fn piece(&self) -> Piece {
        let left = self.blocks() - self.done;
        let blocks = left.min(PIECE / 128);
        Piece {
            blocks,
            last: blocks == left,
        }
    }
    /// Its body in bytes.
    pub(super) fn body_len<M: Security>(&self, k: Bits, piece: Piece) -> usize {
        let sacrificed = usize::from(M::MALICIOUS && piece.last);
        16 * self.rows(k) * (piece.blocks + sacrificed)
    }
    /// Its bytes, 0 if there is none.
    pub(super) fn message_len<M: Security>(&self, k: Bits) -> usize {
        if self.is_done() {
            return 0;
        }
        Header::LEN + self.body_len::<M>(k, self.piece())
    }
    /// Rows of corrections.
    pub(super) fn rows(&self, k: Bits) -> usize {
        k.trees() - usize::from(self.choices == Choices::Random)
    }
    pub(super) fn kind(&self) -> u8 {
        match self.choices {
            Choices::Random => kinds::SOFTSPOKEN_RANDOM,
            Choices::Chosen => kinds::SOFTSPOKEN_CHOSEN,
        }
    }
}

/// Blocks of the chunks of a piece: full ones, and what is left.
pub(super) fn chunks(blocks: usize) -> impl Iterator<Item = usize> {
    let full = blocks / CHUNK_BLOCKS;
    let rest = blocks % CHUNK_BLOCKS;
    core::iter::repeat_n(CHUNK_BLOCKS, full).chain((rest > 0).then_some(rest))
}
