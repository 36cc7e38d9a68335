//! Correlations that were made and not yet taken.

use std::collections::VecDeque;

use piquet_core::Block;
use zeroize::Zeroize;

use crate::Error;

/// Blocks in order, in the pieces in which they came. Wiped on drop.
#[derive(Default)]
pub(super) struct Buffer {
    pieces: VecDeque<Vec<Block>>,
    /// Blocks of the first piece that are gone.
    gone: usize,
}

impl Buffer {
    pub(super) fn len(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum::<usize>() - self.gone
    }
    pub(super) fn push(&mut self, piece: Vec<Block>) {
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }
    /// The first `n` blocks: the piece itself if it is they, else a copy.
    pub(super) fn take(&mut self, n: usize) -> Result<Vec<Block>, Error> {
        let have = self.len();
        if n > have {
            return Err(Error::Exhausted { want: n, have });
        }
        if self.gone == 0 && self.pieces.front().is_some_and(|p| p.len() == n) {
            return Ok(self.pieces.pop_front().unwrap_or_default());
        }
        let mut taken = Vec::with_capacity(n);
        while taken.len() < n {
            let Some(piece) = self.pieces.front_mut() else {
                break;
            };
            let end = piece.len().min(self.gone + n - taken.len());
            taken.extend_from_slice(&piece[self.gone..end]);
            piece[self.gone..end].zeroize();
            self.gone = end;
            if end == piece.len() {
                self.pieces.pop_front();
                self.gone = 0;
            }
        }
        Ok(taken)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        for piece in &mut self.pieces {
            piece.zeroize();
        }
    }
}

/// A vector of `len` blocks for new correlations: `spare` if it is large enough.
pub(super) fn room(spare: Vec<Block>, len: usize) -> Vec<Block> {
    let mut v = spare;
    if v.len() >= len {
        v.truncate(len);
        return v;
    }
    v.zeroize();
    vec![Block::ZERO; len]
}
