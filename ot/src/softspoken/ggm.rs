//! Trees of seeds, one for each group of k bits of Δ: the OT receiver has all 2^k leaves, the OT sender all but one.
//!
//! A GGM tree with nodes of 128 bits; the children of s are π_0(s) ⊕ s and π_1(s) ⊕ s under two fixed keys of the
//! session, a length-doubling generator in the random permutation model. The root is left out: the two nodes of level 1
//! are messages of a base OT themselves. Of every further level the OT receiver sends the XOR of all left and that of
//! all right children, each masked by a message of the base OT of that level. Whoever has the message of choice c learns
//! the XOR over the side 1 ⊕ c, and so all nodes of the level but the one on the path of its choices: the tree is
//! punctured at the leaf whose index is the group of Δ, level 1 deciding its highest bit.

use piquet_core::wire::SessionId;
use piquet_core::{Block, FixedKeyHash};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

/// What grows the trees of a session.
pub(super) struct Grower {
    base: FixedKeyHash,
    left: FixedKeyHash,
    right: FixedKeyHash,
}

/// A block of all ones or all zeros.
pub(super) fn mask(bit: Choice) -> Block {
    Block::conditional_select(&Block::ZERO, &Block::from_u128(u128::MAX), bit)
}

impl Grower {
    pub(super) fn new(session: &SessionId) -> Self {
        Self {
            base: FixedKeyHash::new(session, "softspoken base OT"),
            left: FixedKeyHash::new(session, "softspoken left child"),
            right: FixedKeyHash::new(session, "softspoken right child"),
        }
    }
    /// The messages of base OTs, bound to this protocol and session.
    pub(super) fn bind(&self, messages: &mut [Block]) {
        self.base.cr(messages);
    }
    /// `nodes[..2 p]` from `nodes[..p]`.
    fn level(&self, nodes: &mut [Block], p: usize) {
        let parents = Zeroizing::new(nodes[..p].to_vec());
        let mut children = Zeroizing::new(vec![Block::ZERO; p]);
        for (side, hash) in [&self.left, &self.right].into_iter().enumerate() {
            hash.cr_into(&parents, &mut children);
            for (n, c) in nodes.chunks_exact_mut(2).zip(children.iter()) {
                n[side] = *c;
            }
        }
    }
    /// All leaves of a tree over the pairs of k bound base messages, index k − l for level l; `corrections` gets two
    /// blocks for each level from 2 on. `leaves.len()` is 2^k.
    pub(super) fn full(
        &self,
        base: &[[Block; 2]],
        leaves: &mut [Block],
        corrections: &mut [Block],
    ) {
        let k = base.len();
        leaves[0] = base[k - 1][1];
        leaves[1] = base[k - 1][0];
        for (level, c) in (2..=k).zip(corrections.chunks_exact_mut(2)) {
            self.level(leaves, 1 << (level - 1));
            let sums = sides(&leaves[..1 << level]);
            let m = &base[k - level];
            c[0] = sums[0] ^ m[1];
            c[1] = sums[1] ^ m[0];
        }
    }
    /// The leaves but the one at the index whose bits are `delta`, which becomes 0. `learned[j]` is the message of
    /// choice `delta[j]`. Constant time in `delta`.
    pub(super) fn punctured(
        &self,
        delta: &[Choice],
        learned: &[Block],
        leaves: &mut [Block],
        corrections: &[Block],
    ) {
        let k = delta.len();
        let top = delta[k - 1];
        leaves[0] = learned[k - 1] & mask(top);
        leaves[1] = learned[k - 1] & mask(!top);
        let mut path = u64::from(top.unwrap_u8());
        for (level, c) in (2..=k).zip(corrections.chunks_exact(2)) {
            let parents = 1 << (level - 1);
            self.level(leaves, parents);
            for (p, n) in (0u64..).zip(leaves[..2 * parents].chunks_exact_mut(2)) {
                let known = mask(!p.ct_eq(&path));
                n[0] = n[0] & known;
                n[1] = n[1] & known;
            }
            let mut sums = sides(&leaves[..2 * parents]);
            let d = delta[k - level];
            let sibling = learned[k - level]
                ^ Block::conditional_select(&(sums[1] ^ c[1]), &(sums[0] ^ c[0]), d);
            sums.zeroize();
            for (p, n) in (0u64..).zip(leaves[..2 * parents].chunks_exact_mut(2)) {
                let here = p.ct_eq(&path);
                n[0] ^= sibling & mask(here & d);
                n[1] ^= sibling & mask(here & !d);
            }
            path = (path << 1) | u64::from(d.unwrap_u8());
        }
    }
}

/// XOR of all left, and of all right children.
fn sides(nodes: &[Block]) -> [Block; 2] {
    let mut s = [Block::ZERO; 2];
    for n in nodes.chunks_exact(2) {
        s[0] ^= n[0];
        s[1] ^= n[1];
    }
    s
}

/// Renames leaf x to x ⊕ `delta`. Constant time in `delta`.
pub(super) fn relabel(leaves: &mut [Block], delta: &[Choice]) {
    for (b, d) in delta.iter().enumerate() {
        for pair in leaves.chunks_exact_mut(2 << b) {
            let (zero, one) = pair.split_at_mut(1 << b);
            for (x, y) in zero.iter_mut().zip(one) {
                Block::conditional_swap(x, y, *d);
            }
        }
    }
}
