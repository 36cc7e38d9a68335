//! Trees of function secret sharing, a register of keys at a time.
//!
//! The trees are half-trees, after X. Guo, K. Yang, X. Wang, W. Zhang, X. Xie, J. Zhang, Z. Liu, "Half-Tree: Halving the Cost
//! of Tree Expansion in COT and DPF", EUROCRYPT 2023, <https://eprint.iacr.org/2022/1431>, section on distributed point
//! functions. Two parties hold a node each, x_0 and x_1, whose bit 0 is the control bit t: equal off the path to α, and
//! x_0 ⊕ x_1 = Δ on it, where Δ is one of the key's own, with bit 0 set. With H(x) = π(σ(x)) ⊕ σ(x) ([`crate::FixedKeyHash::ccr`])
//! and one correction C for both parties at each level,
//!
//! - the left child is H(x) ⊕ t C, the right one H(x) ⊕ x ⊕ t C;
//! - C = H(x_0) ⊕ H(x_1) ⊕ (1 - α_i) Δ for the nodes on the path, so that the child on the path differs by Δ again and its
//!   sibling does not differ.
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
//! **Layout**: the corrections of n keys are level-major, `corrections[level * n + key]`. Callers hand over tiles of few
//! enough keys that a tile stays in the nearest cache.
//!
//! Constant time in nodes, control bits and α; variable in nothing but lengths.

use core::fmt;

use zeroize::Zeroize;

use crate::aes::{Aes128, Ccr};
use crate::cpu::{self, Level};
use crate::wire::SessionId;
use crate::{Block, Ring};

/// What sets the inputs of values apart from those of children.
const VALUE: Block = Block::from_u128(2);

/// The hash of trees under one public AES key, with the kernels that walk along them.
pub struct GgmHash(Aes128);

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
        for (o, x) in out.iter_mut().zip(nodes) {
            *o = *x ^ VALUE;
        }
        let n = out.len().min(nodes.len());
        self.0.map_in_place::<Ccr>(&mut out[..n], 0);
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
        let n = nodes.len();
        assert!(paths.len() == n && turns.len() == n, "one path a node");
        if n == 0 {
            return;
        }
        assert!(
            corrections.len().is_multiple_of(n),
            "whole levels of corrections"
        );
        assert!(
            first as usize + corrections.len() / n <= 128,
            "at most 128 levels"
        );
        let mut hashes = vec![Block::ZERO; n];
        for (level, c) in corrections.chunks_exact(n).enumerate() {
            self.step(
                first + level as u32,
                |j| c[j],
                paths,
                nodes,
                turns,
                &mut hashes,
            );
        }
        hashes.zeroize();
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
        let mut hashes = vec![Block::ZERO; n];
        for (level, c) in corrections.iter().enumerate() {
            self.step(
                first + level as u32,
                |_| *c,
                paths,
                nodes,
                turns,
                &mut hashes,
            );
        }
        hashes.zeroize();
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
        let n = alphas.len();
        let [x0, x1] = nodes;
        assert!(x0.len() == n && x1.len() == n, "two nodes a key");
        if n == 0 {
            return;
        }
        assert!(
            corrections.len().is_multiple_of(n),
            "whole levels of corrections"
        );
        assert!(
            first as usize + corrections.len() / n <= 128,
            "at most 128 levels"
        );
        let mut h0 = vec![Block::ZERO; n];
        let mut h1 = vec![Block::ZERO; n];
        for (level, c) in corrections.chunks_exact_mut(n).enumerate() {
            self.0.map::<Ccr>(x0, &mut h0, 0);
            self.0.map::<Ccr>(x1, &mut h1, 0);
            for j in 0..n {
                let right = bit(alphas[j], first + level as u32);
                let delta = x0[j] ^ x1[j];
                c[j] = h0[j] ^ h1[j] ^ (delta & !right);
                x0[j] = h0[j] ^ (x0[j] & right) ^ (c[j] & control(x0[j]));
                x1[j] = x0[j] ^ delta;
            }
        }
        h0.zeroize();
        h1.zeroize();
    }
    /// [`GgmHash::walk`] that also sums values: to `sums[j]` adds, for every level at which the path of j turns left,
    /// W + t v, where W are the low bits of H(parent ⊕ 2), t the control bit of the parent and v = `values[level * n + j]`.
    /// Two AES a level and key.
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
        let n = nodes.len();
        assert!(paths.len() == n && sums.len() == n, "one path a node");
        assert!(values.len() == corrections.len(), "one value a correction");
        if n == 0 {
            return;
        }
        assert!(
            corrections.len().is_multiple_of(n),
            "whole levels of corrections"
        );
        assert!(
            first as usize + corrections.len() / n <= 128,
            "at most 128 levels"
        );
        let mut hashes = vec![Block::ZERO; n];
        let mut turns = vec![Block::ZERO; n];
        let levels = corrections.chunks_exact(n).zip(values.chunks_exact(n));
        for (level, (c, v)) in levels.enumerate() {
            let level = first + level as u32;
            self.values(nodes, &mut hashes);
            for j in 0..n {
                let left = R::from_i128((!bit(paths[j], level)).to_u128() as i128);
                let t = R::from_i128(control(nodes[j]).to_u128() as i128);
                let w = R::from_i128(hashes[j].to_u128() as i128);
                sums[j] = sums[j].add(w.add(v[j].and(t)).and(left));
            }
            self.step(level, |j| c[j], paths, nodes, &mut turns, &mut hashes);
        }
        hashes.zeroize();
        turns.zeroize();
    }
    /// [`GgmHash::deal`] with the corrections of values: `values[level * n + j]` = ± (β_j α - W_0 + W_1), α the bit of the
    /// level, negative where party 1's node on the path has control bit 1. Where a walk leaves the path to the left,
    /// party 0's sum less party 1's grows by β_j; elsewhere by 0. Four AES a level and key.
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
        let n = alphas.len();
        let [x0, x1] = nodes;
        assert!(betas.len() == n, "one value a key");
        assert!(values.len() == corrections.len(), "one value a correction");
        if n == 0 {
            return;
        }
        let mut w0 = vec![Block::ZERO; n];
        let mut w1 = vec![Block::ZERO; n];
        let levels = corrections
            .chunks_exact_mut(n)
            .zip(values.chunks_exact_mut(n));
        for (level, (c, v)) in levels.enumerate() {
            let level = first + level as u32;
            self.values(x0, &mut w0);
            self.values(x1, &mut w1);
            for j in 0..n {
                let right = R::from_i128(bit(alphas[j], level).to_u128() as i128);
                let minus = R::from_i128(control(x1[j]).to_u128() as i128);
                let w = |w: Block| R::from_i128(w.to_u128() as i128);
                let d = betas[j].and(right).sub(w(w0[j])).add(w(w1[j]));
                v[j] = d.xor(minus).sub(minus);
            }
            self.deal(level, alphas, [&mut *x0, &mut *x1], c);
        }
        w0.zeroize();
        w1.zeroize();
    }
    /// The children of the nodes of one key: `children[2 i]` and `children[2 i + 1]` are those of `parents[i]`, as many as both
    /// slices have room for. One AES a parent.
    pub fn expand(&self, correction: Block, parents: &[Block], children: &mut [Block]) {
        let mut even = [Block::ZERO; 64];
        let parents = parents.chunks(64);
        for (parents, children) in parents.zip(children.chunks_mut(128)) {
            let n = parents.len().min(children.len() / 2);
            self.0.map::<Ccr>(&parents[..n], &mut even, 0);
            for ((p, h), c) in parents.iter().zip(&even).zip(children.chunks_exact_mut(2)) {
                let left = *h ^ (correction & control(*p));
                c[0] = left;
                c[1] = left ^ *p;
            }
        }
        even.zeroize();
    }
    /// The children of the nodes of many keys, one correction a key. Nodes are node-major, `parents[node * n + key]`, and so
    /// are children. One AES a parent.
    ///
    /// # Panics
    /// If `children` is not twice as long as `parents`, or `parents` no multiple of the number of keys.
    pub fn expand_keys(&self, corrections: &[Block], parents: &[Block], children: &mut [Block]) {
        let n = corrections.len();
        assert!(children.len() == 2 * parents.len(), "two children a parent");
        if n == 0 {
            return;
        }
        assert!(parents.len().is_multiple_of(n), "whole sets of nodes");
        let rows = parents.chunks_exact(n);
        for (parents, children) in rows.zip(children.chunks_exact_mut(2 * n)) {
            let (left, right) = children.split_at_mut(n);
            self.0.map::<Ccr>(parents, left, 0);
            for j in 0..n {
                left[j] ^= corrections[j] & control(parents[j]);
                right[j] = left[j] ^ parents[j];
            }
        }
    }

    fn step(
        &self,
        level: u32,
        correction: impl Fn(usize) -> Block,
        paths: &[Block],
        nodes: &mut [Block],
        turns: &mut [Block],
        hashes: &mut [Block],
    ) {
        self.0.map::<Ccr>(nodes, hashes, 0);
        for (j, x) in nodes.iter_mut().enumerate() {
            let right = bit(paths[j], level);
            let child = hashes[j] ^ (*x & right) ^ (correction(j) & control(*x));
            turns[j] ^= (*x ^ child) & right;
            *x = child;
        }
    }
}

/// All ones where bit `level` of the path, counted from the top, is set.
#[inline(always)]
fn bit(path: Block, level: u32) -> Block {
    Block::from_u128((path.to_u128() >> (127 - level) & 1).wrapping_neg())
}

/// All ones where the control bit is set.
#[inline(always)]
fn control(node: Block) -> Block {
    Block::from_u128((node.to_u128() & 1).wrapping_neg())
}

impl fmt::Debug for GgmHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GgmHash(..)")
    }
}
