//! Correlated GGM trees: the half-tree.
//!
//! After X. Guo, K. Yang, X. Wang, W. Zhang, X. Xie, J. Zhang, Z. Liu, "Half-Tree: Halving the Cost of Tree Expansion in
//! COT and DPF", EUROCRYPT 2023, <https://eprint.iacr.org/2022/1431>. One side knows Δ and a tree whose nodes of every
//! level sum to Δ; the other knows every node but those on the path to one leaf α. From this tree it has all leaves but
//! leaf α, and since they too sum to Δ it has leaf α ⊕ Δ: one leaf's worth of correlation at a secret place.
//!
//! - Level 1 is (K, K ⊕ Δ). The children of a node p are H(p) and H(p) ⊕ p, so each level sums to what the one above
//!   does: one AES for two nodes, and one sum for a level (its even nodes), as the other differs from it by Δ.
//! - The path is α from its most significant bit. Level i gives the other side the sum K_i of its nodes whose parity is
//!   ¬α_i. It knows all of them but one, the sibling of the node on the path, which is therefore K_i minus the rest.
//! - Leaves have bit 0 cleared, and Δ is odd: then leaf α ⊕ Δ has bit 0 set and all others have it clear, so that a leaf
//!   carries its own indicator. K of the last level is the sum of the leaves as cleared, on both sides.
//!
//! **H** is π(σ(x)) ⊕ σ(x) ([`FixedKeyHash::ccr`]) whatever the adversary is: the inputs on the path are x ⊕ Δ with x
//! known, and Δ is added to the outputs again, so what is needed is *circular* correlation robustness. With π(x) ⊕ x the
//! right child would be π(p), and π can be inverted by everyone: whoever is given a right child off the path has its
//! parent, which is on the path, and from it Δ (`tests::the_plain_hash_gives_delta_away` does so).
//!
//! **Cost** of a tree of 2^h leaves: 2^h - 2 AES at the dealer, as many at the other side (those on the path are computed
//! and discarded, so that nothing depends on where it is).
//!
//! **Constant time**: α is secret at the side that punctures. It is used as a mask only; every node of a level is
//! visited when one is set.

use piquet_core::{Block, FixedKeyHash};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

/// All of a block but bit 0.
pub(crate) const HIGH: Block = Block::from_u128(!1);

/// Below how many levels from the leaves up the path is a tree of its own, so that few nodes need to be looked at.
const LOW: usize = 6;

/// Trees of one depth, with room for their inner levels.
pub(crate) struct HalfTrees {
    hash: FixedKeyHash,
    depth: usize,
    /// H(0), which is what the punctured side computes below the path.
    junk: Block,
    /// The leaves below a node 0 of level `depth - low`, and of the levels between the sums of their even nodes.
    junk_leaves: Vec<Block>,
    junk_even: Vec<Block>,
    above: Vec<Block>,
    below: Vec<Block>,
    path_above: Vec<Block>,
    path_below: Vec<Block>,
}

impl HalfTrees {
    /// Trees of `2^depth` leaves, `depth` from 2 to 24, under a hash that nothing else uses.
    pub(crate) fn new(hash: FixedKeyHash, depth: usize) -> Self {
        let low = LOW.min(depth - 1);
        let mut junk = [Block::ZERO];
        hash.ccr(&mut junk);
        let mut junk_even = Vec::with_capacity(low);
        let mut level = vec![Block::ZERO];
        for _ in 0..low {
            let mut next = vec![Block::ZERO; 2 * level.len()];
            junk_even.push(hash.ccr_children(&level, &mut next));
            level = next;
        }
        let room = vec![Block::ZERO; 1 << (depth - 1)];
        Self {
            hash,
            depth,
            junk: junk[0],
            path_above: level.clone(),
            path_below: level.clone(),
            junk_leaves: level,
            junk_even,
            above: room.clone(),
            below: room,
        }
    }

    /// The tree of level 1 (`root`, `root ⊕ delta`): its leaves, bit 0 cleared, and of every level the sum of its even
    /// nodes.
    pub(crate) fn deal(
        &mut self,
        delta: Block,
        root: Block,
        leaves: &mut [Block],
        even: &mut [Block],
    ) {
        self.above[0] = root;
        self.above[1] = root ^ delta;
        even[0] = root;
        let inner = 1..self.depth - 1;
        for (level, even) in inner.clone().zip(&mut even[inner]) {
            let (above, below) = (&self.above[..1 << level], &mut self.below[..2 << level]);
            *even = self.hash.ccr_children(above, below);
            core::mem::swap(&mut self.above, &mut self.below);
        }
        let above = &self.above[..1 << (self.depth - 1)];
        let sum = self.hash.ccr_children(above, leaves);
        even[self.depth - 1] = sum & HIGH;
        for leaf in leaves {
            *leaf = *leaf & HIGH;
        }
    }

    /// The same tree without the path to leaf `path`: `known[i]` is the sum of the nodes of level i + 1 whose parity
    /// is not that of the path. Leaf `path` becomes the dealer's ⊕ Δ, if Δ is odd.
    ///
    /// Where a node is on the path the tree holds 0, and junk below it. The last levels below the path are a small tree
    /// beside the large one, which takes the place of the junk when all leaves are there.
    pub(crate) fn puncture(&mut self, path: usize, known: &[Block], leaves: &mut [Block]) {
        let depth = self.depth;
        let high = depth - self.junk_even.len();
        let bit = |level: usize| Choice::from(((path >> (depth - level)) & 1) as u8);
        let on_path = |level: usize| path >> (depth - level);
        // Level 1: the sibling of the path is all there is.
        let mut total = known[0];
        self.above[0] = Block::conditional_select(&Block::ZERO, &total, bit(1));
        self.above[1] = Block::conditional_select(&total, &Block::ZERO, bit(1));
        for (level, known) in (1..high).zip(&known[1..]) {
            let below = &mut self.below[..2 << level];
            let even = self.hash.ccr_children(&self.above[..1 << level], below) ^ self.junk;
            let sibling = sibling(even, &mut total, *known, bit(level + 1));
            let children = in_order(self.junk, sibling ^ self.junk, bit(level + 1));
            place(below, on_path(level), children);
            core::mem::swap(&mut self.above, &mut self.below);
        }
        self.path_above[0] = Block::ZERO;
        for (level, known) in (high..depth).zip(&known[high..]) {
            let last = level + 1 == depth;
            let below = if last {
                &mut leaves[..]
            } else {
                &mut self.below[..2 << level]
            };
            let even = self.hash.ccr_children(&self.above[..1 << level], below);
            let width = 1 << (level - high);
            let (path_above, path_below) =
                (&self.path_above[..width], &mut self.path_below[..2 * width]);
            let path_even = self.hash.ccr_children(path_above, path_below) ^ self.junk;
            let even = even ^ self.junk_even[level - high] ^ path_even;
            let sibling = sibling(even, &mut total, *known, bit(level + 1));
            let mut end = self.junk;
            if last {
                end ^= (total & HIGH) ^ Block::from_u128(1);
            }
            let children = in_order(end, sibling ^ self.junk, bit(level + 1));
            place(path_below, on_path(level) & (width - 1), children);
            core::mem::swap(&mut self.above, &mut self.below);
            core::mem::swap(&mut self.path_above, &mut self.path_below);
        }
        // Bit 0 of leaves is cleared but for the one of the path, whose place has no junk in that bit.
        for (i, (fix, junk)) in self
            .path_above
            .iter_mut()
            .zip(&self.junk_leaves)
            .enumerate()
        {
            let here = mask(i, path & (self.junk_leaves.len() - 1));
            *fix = ((*fix ^ *junk) & HIGH) ^ (here & Block::from_u128(1));
        }
        let width = self.junk_leaves.len();
        for (i, leaves) in leaves.chunks_exact_mut(width).enumerate() {
            let here = mask(i, on_path(high));
            for (leaf, fix) in leaves.iter_mut().zip(&self.path_above) {
                *leaf = (*leaf & HIGH) ^ (here & *fix);
            }
        }
    }
}

/// The sibling of the node on the path, from the sum of the even nodes that are known, and `total`, the sum of all
/// that are known in the level above;
/// `total` becomes that of this level.
fn sibling(even: Block, total: &mut Block, known: Block, right: Choice) -> Block {
    let others = Block::conditional_select(&(even ^ *total), &even, right);
    let sibling = known ^ others;
    *total ^= sibling;
    sibling
}

/// What is on the path, and its sibling, from left to right.
fn in_order(on_path: Block, sibling: Block, right: Choice) -> [Block; 2] {
    [
        Block::conditional_select(&on_path, &sibling, right),
        Block::conditional_select(&sibling, &on_path, right),
    ]
}

/// All ones if `i` is `at`, which is secret, else 0.
fn mask(i: usize, at: usize) -> Block {
    Block::from_u128(u128::conditional_select(
        &0,
        &!0,
        (i as u64).ct_eq(&(at as u64)),
    ))
}

/// Adds `children` to the children of the secret node `at`.
fn place(nodes: &mut [Block], at: usize, children: [Block; 2]) {
    for (i, pair) in nodes.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let here = mask(i, at);
        pair[0] ^= here & children[0];
        pair[1] ^= here & children[1];
    }
}

impl Drop for HalfTrees {
    fn drop(&mut self) {
        self.above.zeroize();
        self.below.zeroize();
        self.path_above.zeroize();
        self.path_below.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
    use piquet_core::wire::SessionId;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    const SESSION: SessionId = SessionId([3; 32]);

    fn trees(depth: usize) -> HalfTrees {
        HalfTrees::new(FixedKeyHash::new(&SESSION, "test"), depth)
    }

    fn odd(rng: &mut ChaCha20Rng) -> Block {
        Block::from_u128(Block::random(rng).to_u128() | 1)
    }

    /// Levels 1 to `depth` of the tree, as the definition has them; leaves are not cleared.
    fn oracle(depth: usize, delta: Block, root: Block) -> Vec<Vec<Block>> {
        let hash = FixedKeyHash::new(&SESSION, "test");
        let mut levels = vec![vec![root, root ^ delta]];
        while levels.len() < depth {
            let mut below = Vec::new();
            for p in &levels[levels.len() - 1] {
                let mut h = [*p];
                hash.ccr(&mut h);
                below.extend([h[0], h[0] ^ *p]);
            }
            levels.push(below);
        }
        levels
    }

    fn total(blocks: &[Block]) -> Block {
        blocks.iter().fold(Block::ZERO, |s, b| s ^ *b)
    }

    #[test]
    fn the_dealt_tree_is_the_defined_one() {
        let rng = &mut ChaCha20Rng::from_seed([1; 32]);
        for depth in [2, 3, 4, 7, 10, 12] {
            let (delta, root) = (odd(rng), Block::random(rng));
            let levels = oracle(depth, delta, root);
            let mut leaves = vec![Block::ZERO; 1 << depth];
            let mut even = vec![Block::ZERO; depth];
            trees(depth).deal(delta, root, &mut leaves, &mut even);
            for (i, level) in levels.iter().enumerate() {
                assert_eq!(total(level), delta, "a level sums to delta");
                let want = level.iter().step_by(2).fold(Block::ZERO, |s, b| s ^ *b);
                let keep = if i + 1 == depth {
                    HIGH
                } else {
                    Block::from_u128(!0)
                };
                assert_eq!(even[i], want & keep, "{depth} {i}");
            }
            let want: Vec<_> = levels[depth - 1].iter().map(|b| *b & HIGH).collect();
            assert!(leaves == want, "{depth}");
        }
    }

    #[test]
    fn the_punctured_tree_differs_in_one_leaf_by_delta() {
        let rng = &mut ChaCha20Rng::from_seed([2; 32]);
        for depth in [2usize, 3, 5, 6, 7, 8, 9] {
            let (delta, root) = (odd(rng), Block::random(rng));
            let mut dealer = trees(depth);
            let mut other = trees(depth);
            let (mut v, mut w) = (vec![Block::ZERO; 1 << depth], vec![Block::ZERO; 1 << depth]);
            let mut even = vec![Block::ZERO; depth];
            dealer.deal(delta, root, &mut v, &mut even);
            for path in 0..1usize << depth {
                let known: Vec<_> = (0..depth)
                    .map(|i| {
                        let right = (path >> (depth - 1 - i)) & 1 == 1;
                        let other = if i + 1 == depth { delta & HIGH } else { delta };
                        if right { even[i] } else { even[i] ^ other }
                    })
                    .collect();
                other.puncture(path, &known, &mut w);
                for (j, (v, w)) in v.iter().zip(&w).enumerate() {
                    let d = if j == path { delta } else { Block::ZERO };
                    assert_eq!(*w, *v ^ d, "{depth} {path} {j}");
                    assert_eq!(w.to_u128() & 1 == 1, j == path);
                }
            }
        }
    }

    /// Why H is not pi(x) + x: the right child would be pi(p), and everyone can go back from it.
    #[test]
    fn the_plain_hash_gives_delta_away() {
        let rng = &mut ChaCha20Rng::from_seed([4; 32]);
        let pi = aes::Aes128::new(&[7; 16].into());
        let (delta, root) = (odd(rng), Block::random(rng));
        let plain = |x: Block| {
            let mut b = aes::Block::from(<[u8; 16]>::from(x));
            pi.encrypt_block(&mut b);
            Block::from(<[u8; 16]>::from(b)) ^ x
        };
        let sound = |x: Block| {
            let mut h = [x];
            FixedKeyHash::new(&SESSION, "test").ccr(&mut h);
            h[0]
        };
        // The path is 0, 0: the other side has node 1 of level 1, and node 1 of level 2, a right child of the path.
        let attack = |h: &dyn Fn(Block) -> Block| {
            let seen = (root ^ delta, h(root) ^ root);
            let mut b = aes::Block::from(<[u8; 16]>::from(seen.1));
            pi.decrypt_block(&mut b);
            let parent = Block::from(<[u8; 16]>::from(b));
            parent ^ seen.0
        };
        assert_eq!(attack(&plain), delta);
        assert_ne!(attack(&sound), delta);
    }
}
