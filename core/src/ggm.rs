//! Trees of function secret sharing, a register of keys at a time.
//!
//! The trees are half-trees, after X. Guo, K. Yang, X. Wang, W. Zhang, X. Xie, J. Zhang, Z. Liu, "Half-Tree: Halving
//! the Cost of Tree Expansion in COT and DPF", EUROCRYPT 2023, <https://eprint.iacr.org/2022/1431>, section on
//! distributed point functions. Two parties hold a node each, x_0 and x_1, whose bit 0 is the control bit t: equal
//! off the path to α, and x_0 ⊕ x_1 = Δ on it, where Δ is one of the key's own, with bit 0 set. With H(x) = π(σ(x)) ⊕
//! σ(x) ([`crate::FixedKeyHash::ccr`]) and one correction C for both parties at each level,
//!
//! - the left child is H(x) ⊕ t C, the right one H(x) ⊕ x ⊕ t C;
//! - C = H(x_0) ⊕ H(x_1) ⊕ (1 - α_i) Δ for the nodes on the path, so that the child on the path differs by Δ again
//!   and
//!   its sibling does not differ.
//!
//! A child costs one AES, both children of a node too, and a correction two. What a node is worth as a *value* is
//! H(x ⊕ 2): a second, unrelated query of the same hash.
//!
//! A prefix of the domain comes for nothing: the control bits of two children sum to their parent's, in every party's
//! shares, so that wherever a walk turns right, the share of "α is to the left" is t(parent) ⊕ t(child)
//! (K. Storrier and others, "Grotto", 2023/108). Their sum along the walk is the **turns**.
//!
//! **Paths** are blocks whose bit 127 decides at the root, bit 126 below it, and so on.
//!
//! **Layout**: the corrections of n keys are level-major, `corrections[level * n + key]`. Callers hand over tiles of
//! few enough keys that a tile stays in the nearest cache.
//!
//! Constant time in nodes, control bits and α; variable in nothing but lengths.

use core::fmt;

use crate::aes::Aes128;
use crate::cpu::{self, Level};
use crate::wire::SessionId;
use crate::{Block, Ring};

#[cfg(target_arch = "x86_64")]
mod children;
#[cfg(target_arch = "x86_64")]
mod deal;
mod leaves;
mod portable;
#[cfg(target_arch = "x86_64")]
mod sums;
#[cfg(target_arch = "x86_64")]
mod walk;
mod words;

pub use leaves::Leaf;

/// What sets the inputs of values apart from those of children.
const VALUE: Block = Block::from_u128(2);

/// The hash of trees under one public AES key, with the kernels that walk along them.
pub struct GgmHash(Aes128);

/// Runs a kernel and returns, on a level with AES instructions.
macro_rules! on_registers {
    ($aes:expr, $kernel:expr) => {
        #[cfg(target_arch = "x86_64")]
        if $aes.vectors($kernel).is_some() {
            return;
        }
    };
}

impl GgmHash {
    /// The AES key of `session` and `label`; it is public, and others are independent of it.
    #[must_use]
    pub fn key(session: &SessionId, label: &str) -> Block {
        let mut h = blake3::Hasher::new_derive_key("piquet 2026 tree hash");
        h.update(&session.0);
        h.update(label.as_bytes());
        let mut key = [0; 16];
        h.finalize_xof().fill(&mut key);
        Block::from(key)
    }
    /// The hash under `key`.
    #[must_use]
    pub fn new(key: Block) -> Self {
        Self::with_level(key, cpu::level())
    }
    /// [`GgmHash::new`] with the kernels of `level`, or the next lower ones that this processor has.
    #[must_use]
    pub fn with_level(key: Block, level: Level) -> Self {
        Self(Aes128::with_level(key, level))
    }
    /// `out[j]` = H(`nodes[j]` ⊕ 2). One AES a node.
    pub fn values(&self, nodes: &[Block], out: &mut [Block]) {
        portable::values(&self.0, nodes, out);
    }
    /// The values of nodes of one key with the correction of its leaf, in `how`ever they go together; the shorter
    /// length wins. One AES a node.
    pub fn leaves(&self, how: Leaf, correction: Block, nodes: &[Block], out: &mut [[u64; 2]]) {
        leaves::leaves(&self.0, how, correction, nodes, out);
    }
    /// Walks down from each node by the bits `first`, `first + 1`, ... of its path, as many as there are levels of
    /// corrections: `nodes[j]` becomes the node at the end, and to bit 0 of `turns[j]` its turns are added (the other
    /// bits are left with anything). One AES a level and key.
    ///
    /// # Panics
    /// If lengths do not fit together, or there are more levels than bits of the path.
    pub fn walk(
        &self,
        corrections: &[Block],
        first: u32,
        paths: &[Block],
        nodes: &mut [Block],
        turns: &mut [Block],
    ) {
        check(nodes.len(), corrections, first, paths, turns.len());
        if nodes.is_empty() {
            return;
        }
        on_registers!(
            self.0,
            walk::Walk::<false> {
                corrections,
                first,
                paths,
                nodes: &mut *nodes,
                turns: &mut *turns,
            }
        );
        portable::walk(&self.0, corrections, false, first, paths, nodes, turns);
    }
    /// [`GgmHash::walk`] of one key from one root to many points: one correction a level for all.
    ///
    /// # Panics
    /// As [`GgmHash::walk`].
    pub fn walk_one(
        &self,
        corrections: &[Block],
        first: u32,
        paths: &[Block],
        nodes: &mut [Block],
        turns: &mut [Block],
    ) {
        let n = nodes.len();
        assert!(paths.len() == n && turns.len() == n, "one path a node");
        assert!(
            first as usize + corrections.len() <= 128,
            "at most 128 levels"
        );
        on_registers!(
            self.0,
            walk::Walk::<true> {
                corrections,
                first,
                paths,
                nodes: &mut *nodes,
                turns: &mut *turns,
            }
        );
        portable::walk(&self.0, corrections, true, first, paths, nodes, turns);
    }
    /// Both parties' nodes one level after the other along `alphas`, and the corrections of the levels, as many as
    /// `corrections` has room for. Two AES a level and key.
    ///
    /// # Panics
    /// As [`GgmHash::walk`].
    pub fn deal(
        &self,
        first: u32,
        alphas: &[Block],
        nodes: [&mut [Block]; 2],
        corrections: &mut [Block],
    ) {
        let [x0, x1] = nodes;
        check(x0.len(), corrections, first, alphas, x1.len());
        if alphas.is_empty() {
            return;
        }
        on_registers!(
            self.0,
            deal::Deal {
                first,
                alphas,
                nodes: [&mut *x0, &mut *x1],
                corrections: &mut *corrections,
            }
        );
        portable::deal(&self.0, first, alphas, [x0, x1], corrections);
    }
    /// [`GgmHash::walk`] that also sums values: to `sums[j]` adds, for every level at which the path of j turns left,
    /// W + t v, where W are the low bits of H(parent ⊕ 2), t the control bit of the parent and v = `values[level * n
    /// + j]`. Two AES a level and key.
    ///
    /// # Panics
    /// As [`GgmHash::walk`].
    pub fn walk_summing<R: Ring>(
        &self,
        corrections: &[Block],
        values: &[R],
        first: u32,
        paths: &[Block],
        nodes: &mut [Block],
        sums: &mut [R],
    ) {
        assert!(values.len() == corrections.len(), "one value a correction");
        check(nodes.len(), corrections, first, paths, sums.len());
        if nodes.is_empty() {
            return;
        }
        words::walk_summing(&self.0, corrections, values, first, paths, nodes, sums);
    }
    /// [`GgmHash::deal`] with the corrections of values: `values[level * n + j]` = ± (β_j α - W_0 + W_1), α the bit
    /// of the level, negative where party 1's node on the path has control bit 1. Where a walk leaves the path to the
    /// left, party 0's sum less party 1's grows by β_j; elsewhere by 0. Four AES a level and key.
    ///
    /// # Panics
    /// As [`GgmHash::walk`].
    pub fn deal_summing<R: Ring>(
        &self,
        first: u32,
        alphas: &[Block],
        betas: &[R],
        nodes: [&mut [Block]; 2],
        corrections: &mut [Block],
        values: &mut [R],
    ) {
        let [x0, x1] = nodes;
        assert!(betas.len() == alphas.len(), "one value a key");
        assert!(values.len() == corrections.len(), "one value a correction");
        check(x0.len(), corrections, first, alphas, x1.len());
        if alphas.is_empty() {
            return;
        }
        words::deal_summing(&self.0, first, alphas, betas, [x0, x1], corrections, values);
    }
    /// The children of the nodes of one key: `children[2 i]` and `children[2 i + 1]` are those of `parents[i]`, as
    /// many as both slices have room for. One AES a parent.
    pub fn expand(&self, correction: Block, parents: &[Block], children: &mut [Block]) {
        on_registers!(
            self.0,
            children::OneKey {
                correction,
                parents,
                children: children.as_chunks_mut().0,
            }
        );
        portable::expand(&self.0, correction, parents, children);
    }
    /// The children of the nodes of many keys, one correction a key. Nodes are node-major, `parents[node * n + key]`,
    /// and so are children. One AES a parent.
    ///
    /// # Panics
    /// If `children` is not twice as long as `parents`, or `parents` no multiple of the number of keys.
    pub fn expand_keys(&self, corrections: &[Block], parents: &[Block], children: &mut [Block]) {
        let n = corrections.len();
        assert!(children.len() == 2 * parents.len(), "two children a parent");
        assert!(
            n == 0 || parents.len().is_multiple_of(n),
            "whole sets of nodes"
        );
        match corrections {
            [] => {}
            [one] => self.expand(*one, parents, children),
            _ => {
                on_registers!(
                    self.0,
                    children::ManyKeys {
                        corrections,
                        parents,
                        children: &mut *children,
                    }
                );
                portable::expand_keys(&self.0, corrections, parents, children);
            }
        }
    }
}

/// What all walks of `n` keys hold their arguments to.
fn check(n: usize, corrections: &[Block], first: u32, paths: &[Block], other: usize) {
    assert!(paths.len() == n && other == n, "one path a node");
    assert!(
        n == 0 || corrections.len().is_multiple_of(n),
        "whole levels of corrections"
    );
    let levels = corrections.len().checked_div(n).unwrap_or(0);
    assert!(first as usize + levels <= 128, "at most 128 levels");
}

impl fmt::Debug for GgmHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GgmHash(..)")
    }
}

#[cfg(test)]
mod tests;
