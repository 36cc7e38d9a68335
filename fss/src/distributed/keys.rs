//! What the parties end up with.

use piquet_core::ggm::GgmHash;
use piquet_core::{Block, wipe, wipe_vec};

use super::{Batch, Range};
use crate::evaluator::{Cpu, Evaluator};
use crate::shape::{TILE, mask, same};
use crate::trees::Trees;
use crate::{Error, Role};

/// One party's keys of a batch. Wiped, not printed. They may be evaluated at many points.
///
/// 16 (n + 1) bytes of corrections each, which both parties know, and a root.
pub struct Keys<P: Role> {
    range: Range,
    trees: Trees,
    role: core::marker::PhantomData<P>,
}

impl<P: Role> core::fmt::Debug for Keys<P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Keys({:?}, {} keys)", self.trees.shape, self.trees.len())
    }
}

impl<P: Role> Keys<P> {
    pub(super) fn new(batch: Batch, roots: Vec<Block>, corrections: Vec<Block>) -> Self {
        Self {
            range: batch.range,
            trees: Trees {
                hash: batch.hash(),
                shape: batch.shape,
                roots,
                corrections,
            },
            role: core::marker::PhantomData,
        }
    }
    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.trees.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trees.len() == 0
    }
    /// This party's share of the value of each key at a point of its own.
    ///
    /// # Errors
    /// If there are not as many points as keys, and what the evaluator fails with.
    pub fn points<E: Evaluator>(&self, points: &[u32], e: &E) -> Result<Vec<u128>, E::Error> {
        same("points", points.len(), self.len())?;
        let paths: Vec<_> = points.iter().map(|x| self.trees.shape.path(*x)).collect();
        let (mut values, marks) = self.trees.walked(e, &paths)?;
        let shares = values.iter().zip(&marks).enumerate();
        let out = shares.map(|(j, (w, t))| self.share(*w, *t, self.trees.leaf(j)));
        let out = out.collect();
        wipe(&mut values);
        Ok(out)
    }
    /// This party's shares of all 2^n values of key `key`, in order.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there is no such key.
    pub fn everywhere(&self, key: usize, cpu: &Cpu) -> Result<Vec<u128>, Error> {
        let Some(root) = self.trees.roots.get(key) else {
            return Err(Error::Parameter {
                what: "key",
                got: key as u64,
                domain: "below the number of keys",
            });
        };
        let hash = cpu.hash(self.trees.hash);
        let mut nodes = vec![*root];
        for level in 0..self.trees.shape.levels() as usize {
            let mut children = vec![Block::ZERO; 2 * nodes.len()];
            hash.expand(self.correction(key, level), &nodes, &mut children);
            wipe_vec(&mut nodes);
            nodes = children;
        }
        let out = self.leaves(&hash, &nodes, self.trees.leaf(key));
        wipe_vec(&mut nodes);
        Ok(out)
    }
    fn leaves(&self, hash: &GgmHash, nodes: &[Block], leaf: Block) -> Vec<u128> {
        let mut values = [Block::ZERO; 256];
        let mut out = Vec::with_capacity(nodes.len());
        for nodes in nodes.chunks(values.len()) {
            hash.values(nodes, &mut values);
            let shares = values.iter().zip(nodes);
            out.extend(shares.map(|(w, x)| self.share(*w, (x.to_u128() & 1) as u8, leaf)));
        }
        wipe(&mut values);
        out
    }
    /// The correction of a level above the leaves.
    fn correction(&self, key: usize, level: usize) -> Block {
        let per_key = self.trees.shape.corrections();
        let (tile, at) = (key / TILE, key % TILE);
        let m = TILE.min(self.len() - tile * TILE);
        self.trees.corrections[tile * TILE * per_key + level * m + at]
    }
    /// ± (w + t c), or w ⊕ t c.
    fn share(&self, w: Block, t: u8, c: Block) -> u128 {
        let (w, c) = (w.to_u128(), c.to_u128());
        let fix = c & u128::from(t & 1).wrapping_neg();
        let v = match (self.range, P::INDEX) {
            (Range::Block, _) => w ^ fix,
            (Range::Ring(_), 0) => w.wrapping_add(fix),
            (Range::Ring(_), _) => w.wrapping_add(fix).wrapping_neg(),
        };
        v & mask(self.trees.shape.value())
    }
}
