//! Distributed point functions on the tree of E. Boyle, N. Gilboa, Y. Ishai.
//!
//! After "Function Secret Sharing: Improvements and Extensions", CCS 2016, <https://eprint.iacr.org/2018/707>. A node
//! is a seed s and a control bit t; a generator gives two seeds, two control bits and a value. The two parties' nodes
//! are equal off the path to α; on it seeds are independent and control bits differ. At each level there is a
//! correction of a seed, the one for the children off the path to become equal, and one of each control bit:
//!
//! - s_c = L_0 ⊕ L_1 of the children off the path, t_left = t_left,0 ⊕ t_left,1 ⊕ α_i ⊕ 1, t_right = t_right,0 ⊕
//!   t_right,1 ⊕ α_i;
//! - a child is what the generator gives, and if the parent's control bit is set, the correction of its side on top
//!   of it.
//!
//! **Layout**: a node is a block of 126 bits of seed, bit 1 clear, and t in bit 0. The generator is π(x) ⊕ x
//! ([`FixedKeyHash::cr`]) of the seed with the two low bits 0 for the left child, 1 for the right one, 2 for the
//! value; bit 0 of a child is its control bit, bit 1 is dropped. A correction is one block too, with t_left in bit 0
//! and t_right in bit 1. So a key has as many bytes as one of the half-tree.
//!
//! **Security**: as that of [`crate::dpf`], but all that is asked of the hash is that it be a pseudorandom generator:
//! seeds are independent of each other, and no secret difference goes through it. That is the reason to take this
//! tree: a weaker assumption, for twice the AES in whole domains and key generation. Of the 128 bits of a seed two
//! are given away, to the control bit and to the tweak: with N keys of d levels and p evaluations of AES by an
//! adversary its advantage is about N (2 d + 1) p / 2^126 for a whole batch, below p / 2^101.
//!
//! **Cost** in AES, for d = [`Shape::levels`]: 4 d + 2 to make a key pair, d + 1 for a point, 3 · 2^d - 2 for a whole
//! domain.
//!
//! **Constant time** in keys, α and β; points at which keys are evaluated are public.

use piquet_core::cpu::Level;
use piquet_core::ggm::Leaf;
use piquet_core::wire::SessionId;
use piquet_core::{BitVec, Block, FixedKeyHash, Ring, RingVec, wipe};
use rand_core::CryptoRng;

use crate::dpf::keys::{self, Raw};
use crate::dpf::{self, Ends, Grow, Tree};
use crate::shape::{TILE, same};
use crate::{Cpu, Error, P0, P1, Shape, kinds};

/// One party's keys, as [`dpf::Keys`] on this tree.
pub type Keys<P> = dpf::Keys<P, SeedTree>;

/// One party's keys with blocks for values, as [`dpf::BlockKeys`] on this tree.
pub type BlockKeys<P> = dpf::BlockKeys<P, SeedTree>;

/// As [`dpf::generate`].
///
/// # Errors
/// As [`dpf::generate`].
pub fn generate<R: Ring, W: Ring, G: CryptoRng + ?Sized>(
    session: &SessionId,
    batch: u64,
    shape: Shape,
    alphas: &[R],
    betas: &[W],
    rng: &mut G,
) -> Result<(Keys<P0>, Keys<P1>), Error> {
    dpf::Keys::generate(session, batch, shape, alphas, betas, rng)
}

/// As [`dpf::generate_blocks`].
///
/// # Errors
/// As [`dpf::generate_blocks`].
pub fn generate_blocks<R: Ring, G: CryptoRng + ?Sized>(
    session: &SessionId,
    batch: u64,
    domain: u32,
    alphas: &[R],
    betas: &[Block],
    rng: &mut G,
) -> Result<(BlockKeys<P0>, BlockKeys<P1>), Error> {
    dpf::BlockKeys::generate(session, batch, domain, alphas, betas, rng)
}

/// The tree whose nodes are seeds of their own.
#[derive(Debug)]
pub struct SeedTree(FixedKeyHash);

impl Tree for SeedTree {}

const SEED: Block = Block::from_u128(!3);
const RIGHT: Block = Block::from_u128(1);
const VALUE: Block = Block::from_u128(2);

impl Grow for SeedTree {
    const KIND: u8 = kinds::BGI_KEYS;
    const SEED: Block = SEED;

    fn key(_: &SessionId, _: u64) -> Block {
        Block::ZERO
    }
    fn new(session: &SessionId, batch: u64, level: Level) -> Self {
        let label = format!("point functions of seeds {batch}");
        Self(FixedKeyHash::with_level(session, &label, level))
    }
    fn values(&self, nodes: &[Block], out: &mut [Block]) {
        let n = nodes.len().min(out.len());
        for (o, x) in out.iter_mut().zip(nodes) {
            *o = (*x & SEED) ^ VALUE;
        }
        self.0.cr(&mut out[..n]);
    }
    fn leaves(&self, how: Leaf, correction: Block, nodes: &[Block], out: &mut [[u64; 2]]) {
        let mut values = [Block::ZERO; TILE];
        for (nodes, out) in nodes.chunks(TILE).zip(out.chunks_mut(TILE)) {
            let values = &mut values[..nodes.len()];
            self.values(nodes, values);
            dpf::together(how, correction, nodes, values, out);
        }
        wipe(&mut values);
    }
    fn walk_one(&self, corrections: &[Block], paths: &[Block], nodes: &mut [Block]) {
        for (level, c) in corrections.iter().enumerate() {
            self.step(level as u32, |_| *c, paths, nodes);
        }
    }
    fn deal(&self, alphas: &[Block], nodes: [&mut [Block]; 2], corrections: &mut [Block]) {
        let n = alphas.len();
        let [x0, x1] = nodes;
        // Children by party and side.
        let mut h = [[[Block::ZERO; TILE]; 2]; 2];
        for (level, c) in corrections.chunks_exact_mut(n.max(1)).enumerate() {
            for (x, h) in [&*x0, &*x1].into_iter().zip(&mut h) {
                let [left, right] = h;
                self.children(x, left, right);
            }
            for j in 0..n {
                let right = bit(alphas[j], level as u32);
                let one = Block::from_u128(1);
                let [l, r] = [0, 1].map(|side| h[0][side][j] ^ h[1][side][j]);
                let lose = (l & right) ^ (r & !right);
                let t_left = (l & one) ^ (one & !right);
                let t_right = (r & one) ^ (one & right);
                c[j] = (lose & SEED) ^ t_left ^ Block::from_u128(t_right.to_u128() << 1);
                for (x, h) in [&mut *x0, &mut *x1].into_iter().zip(&h) {
                    let keep = (h[0][j] & !right) ^ (h[1][j] & right);
                    x[j] = child(keep, x[j], correct(c[j], right));
                }
            }
        }
        h.iter_mut().flatten().for_each(|h| wipe(h));
    }
    fn expand(&self, correction: Block, parents: &[Block], children: &mut [Block]) {
        let mut h = [[Block::ZERO; TILE]; 2];
        let [c_left, c_right] = sides(correction);
        for (parents, children) in parents.chunks(TILE).zip(children.chunks_mut(2 * TILE)) {
            let [left, right] = &mut h;
            self.children(parents, left, right);
            let pairs = parents.iter().zip(children.chunks_exact_mut(2));
            for ((x, to), (l, r)) in pairs.zip(left.iter().zip(&*right)) {
                to[0] = child(*l, *x, c_left);
                to[1] = child(*r, *x, c_right);
            }
        }
        h.iter_mut().for_each(|h| wipe(h));
    }
    fn expand_keys(&self, corrections: &[Block], parents: &[Block], children: &mut [Block]) {
        let n = corrections.len().max(1);
        let rows = parents.chunks_exact(n);
        for (parents, children) in rows.zip(children.chunks_exact_mut(2 * n)) {
            let (left, right) = children.split_at_mut(n);
            self.children(parents, left, right);
            for (j, x) in parents.iter().enumerate() {
                let [c_left, c_right] = sides(corrections[j]);
                left[j] = child(left[j], *x, c_left);
                right[j] = child(right[j], *x, c_right);
            }
        }
    }
}

impl SeedTree {
    /// Both children of every node, uncorrected.
    fn children(&self, parents: &[Block], left: &mut [Block], right: &mut [Block]) {
        let n = parents.len();
        for ((x, l), r) in parents.iter().zip(&mut *left).zip(&mut *right) {
            *l = *x & SEED;
            *r = *l ^ RIGHT;
        }
        self.0.cr(&mut left[..n]);
        self.0.cr(&mut right[..n]);
    }
    fn step(
        &self,
        level: u32,
        correction: impl Fn(usize) -> Block,
        paths: &[Block],
        nodes: &mut [Block],
    ) {
        let mut h = [Block::ZERO; TILE];
        let runs = nodes.chunks_mut(TILE).zip(paths.chunks(TILE));
        for (run, (nodes, paths)) in runs.enumerate() {
            let h = &mut h[..nodes.len()];
            for ((h, x), path) in h.iter_mut().zip(&*nodes).zip(paths) {
                *h = (*x & SEED) ^ (bit(*path, level) & RIGHT);
            }
            self.0.cr(h);
            for (j, (x, path)) in nodes.iter_mut().zip(paths).enumerate() {
                let c = correct(correction(run * TILE + j), bit(*path, level));
                *x = child(h[j], *x, c);
            }
        }
        wipe(&mut h);
    }
}

/// All ones where bit `level` of the path, counted from the top, is set.
#[inline(always)]
fn bit(path: Block, level: u32) -> Block {
    Block::from_u128((path.to_u128() >> (127 - level) & 1).wrapping_neg())
}

/// What a set control bit adds to left and right children.
#[inline(always)]
fn sides(correction: Block) -> [Block; 2] {
    let seed = correction & SEED;
    let [left, right] = [0, 1].map(|i| Block::from_u128(correction.to_u128() >> i & 1));
    [seed ^ left, seed ^ right]
}

/// That of the right child where `right` is all ones.
#[inline(always)]
fn correct(correction: Block, right: Block) -> Block {
    let [l, r] = sides(correction);
    (l & !right) ^ (r & right)
}

/// A child, from what the generator gives.
#[inline(always)]
fn child(hash: Block, parent: Block, correction: Block) -> Block {
    let t = Block::from_u128((parent.to_u128() & 1).wrapping_neg());
    (hash & Block::from_u128(!2)) ^ (correction & t)
}

/// Every key along a path of its own.
pub(crate) fn ends(raw: &Raw<SeedTree>, paths: &[Block], cpu: &Cpu) -> Result<Ends, Error> {
    let mut ends = Ends::new(raw.len());
    same("points", paths.len(), raw.len())?;
    let tree = raw.tree(cpu.level());
    let mut nodes = [Block::ZERO; TILE];
    for (begin, levels, leaves) in raw.tiles() {
        let keys = begin..begin + leaves.len();
        let nodes = &mut nodes[..leaves.len()];
        nodes.copy_from_slice(&raw.trees.roots[keys.clone()]);
        for (level, c) in levels.chunks_exact(leaves.len()).enumerate() {
            tree.step(level as u32, |j| c[j], &paths[keys.clone()], nodes);
        }
        tree.values(nodes, &mut ends.values[keys.clone()]);
        for (mark, x) in ends.marks[keys].iter_mut().zip(&*nodes) {
            *mark = (x.to_u128() & 1) as u8;
        }
    }
    wipe(&mut nodes);
    Ok(ends)
}

impl<P: crate::Role> dpf::Keys<P, SeedTree> {
    /// Every key at one point of its own: shares of the values.
    ///
    /// # Errors
    /// If there are not as many points as keys, or words are narrower than points or values.
    pub fn evaluate<R: Ring, W: Ring>(&self, points: &[R], cpu: &Cpu) -> Result<RingVec<W>, Error> {
        keys::fits::<W>("bits of the values", self.shape().value())?;
        let paths = keys::paths(self.shape(), points)?;
        Ok(self.ring(&paths, &ends(&self.raw, &paths, cpu)?))
    }
    /// The same for values of one bit.
    ///
    /// # Errors
    /// As above, and wider values.
    pub fn evaluate_bits<R: Ring>(&self, points: &[R], cpu: &Cpu) -> Result<BitVec, Error> {
        self.only_bits()?;
        let paths = keys::paths(self.shape(), points)?;
        Ok(self.packed(&paths, &ends(&self.raw, &paths, cpu)?))
    }
}

impl<P: crate::Role> dpf::BlockKeys<P, SeedTree> {
    /// Every key at one point of its own: shares of the values.
    ///
    /// # Errors
    /// If there are not as many points as keys, or words are narrower than points.
    pub fn evaluate_blocks<R: Ring>(&self, points: &[R], cpu: &Cpu) -> Result<Vec<Block>, Error> {
        let paths = keys::paths(self.raw.shape(), points)?;
        Ok(self.blocks(&ends(&self.raw, &paths, cpu)?))
    }
}
