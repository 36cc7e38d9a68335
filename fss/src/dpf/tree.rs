//! What point functions need of a tree, whichever it is: the half-tree, or the tree of [`crate::bgi`].

use piquet_core::cpu::Level;
use piquet_core::ggm::{GgmHash, Leaf};
use piquet_core::wire::SessionId;
use piquet_core::{Block, wipe};

use crate::kinds;
use crate::shape::TILE;

/// A tree of nodes of one block, with one correction of one block a level.
pub trait Grow: Sized {
    /// Kind of the message that holds keys.
    const KIND: u8;
    /// Bits of a root node that are random. Bit 0 is the party.
    const SEED: Block;

    /// The AES key that [`crate::evaluator::View`] has, for trees that are evaluated through it.
    fn key(session: &SessionId, batch: u64) -> Block;
    fn new(session: &SessionId, batch: u64, level: Level) -> Self;
    /// What nodes are worth as values.
    fn values(&self, nodes: &[Block], out: &mut [Block]);
    /// The values of nodes of one key with the correction of its leaf.
    fn leaves(&self, how: Leaf, correction: Block, nodes: &[Block], out: &mut [[u64; 2]]);
    /// One key from every node along its path.
    fn walk_one(&self, corrections: &[Block], paths: &[Block], nodes: &mut [Block]);
    /// Both parties' nodes along `alphas`, and the corrections.
    fn deal(&self, alphas: &[Block], nodes: [&mut [Block]; 2], corrections: &mut [Block]);
    /// Both children of every node of one key, in order.
    fn expand(&self, correction: Block, parents: &[Block], children: &mut [Block]);
    /// Both children of every node of many keys, node-major.
    fn expand_keys(&self, corrections: &[Block], parents: &[Block], children: &mut [Block]);
}

/// The tree of [`piquet_core::ggm`].
#[derive(Debug)]
pub struct HalfTree(GgmHash);

impl Grow for HalfTree {
    const KIND: u8 = kinds::DPF_KEYS;
    const SEED: Block = Block::from_u128(!1);

    fn key(session: &SessionId, batch: u64) -> Block {
        GgmHash::key(session, &format!("point functions {batch}"))
    }
    fn new(session: &SessionId, batch: u64, level: Level) -> Self {
        Self(GgmHash::with_level(Self::key(session, batch), level))
    }
    fn values(&self, nodes: &[Block], out: &mut [Block]) {
        self.0.values(nodes, out);
    }
    fn leaves(&self, how: Leaf, correction: Block, nodes: &[Block], out: &mut [[u64; 2]]) {
        self.0.leaves(how, correction, nodes, out);
    }
    fn walk_one(&self, corrections: &[Block], paths: &[Block], nodes: &mut [Block]) {
        let mut turns = [Block::ZERO; TILE];
        for (nodes, paths) in nodes.chunks_mut(TILE).zip(paths.chunks(TILE)) {
            let turns = &mut turns[..nodes.len()];
            self.0.walk_one(corrections, 0, paths, nodes, turns);
        }
        wipe(&mut turns);
    }
    fn deal(&self, alphas: &[Block], nodes: [&mut [Block]; 2], corrections: &mut [Block]) {
        self.0.deal(0, alphas, nodes, corrections);
    }
    fn expand(&self, correction: Block, parents: &[Block], children: &mut [Block]) {
        self.0.expand(correction, parents, children);
    }
    fn expand_keys(&self, corrections: &[Block], parents: &[Block], children: &mut [Block]) {
        self.0.expand_keys(corrections, parents, children);
    }
}
