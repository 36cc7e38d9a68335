//! Both parties' nodes down the levels, in registers, and the corrections as they arise.
//!
//! x_1 = x_0 ⊕ Δ at all levels, so that σ(x_1) = σ(x_0) ⊕ σ(Δ). With a = H(x_0) ⊕ (x_0 where α turns right) and b =
//! H(x_1) ⊕ (x_0 where it does) ⊕ (Δ where it does not), each the last round of an AES as in the walk, C = a ⊕ b and
//! the child is a ⊕ (C where the control bit is set).
#![allow(unsafe_code)]

use crate::Block;
use crate::aes::kernel::{self, Kernel};
use crate::vector::Vector;

/// Nodes down the levels of `corrections`, of which each has a row of as many as there are nodes.
///
/// There are as many `alphas` as nodes of each party, the rows are whole, and there are at most 128 - `first` of them.
pub(super) struct Deal<'a> {
    pub(super) first: u32,
    pub(super) alphas: &'a [Block],
    pub(super) nodes: [&'a mut [Block]; 2],
    pub(super) corrections: &'a mut [Block],
}

impl Kernel for Deal<'_> {
    type Output = ();
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self, k: &[V; 11]) {
        // SAFETY: by the contract of this function.
        unsafe {
            let at = self.groups::<V, 4>(k, 0);
            self.groups::<V, 1>(k, at);
        }
    }
}

impl Deal<'_> {
    /// `N` registers at a time from node `at` on, while there are as many; with `N` = 1 to the end. Returns where it
    /// stops.
    ///
    /// # Safety
    /// The features of `V` are there.
    #[inline(always)]
    unsafe fn groups<V: Vector, const N: usize>(&mut self, k: &[V; 11], mut at: usize) -> usize {
        let n = self.alphas.len();
        let levels = (self.corrections.len() / n) as u32;
        let middle = levels.min(64u32.saturating_sub(self.first));
        let [x0, x1] = &mut self.nodes;
        while n - at >= N * V::BLOCKS || (N == 1 && at < n) {
            let lanes = V::BLOCKS.min(n - at);
            let block = |i: usize| at + i * V::BLOCKS;
            // SAFETY: the features are there; `N` registers are left at `at`, the last one of `lanes` blocks if N = 1,
            // in all slices and in every row.
            unsafe {
                let mut x = [V::zero(); N];
                let mut delta = [V::zero(); N];
                // σ(Δ) ⊕ Δ
                let mut both = [V::zero(); N];
                for i in 0..N {
                    x[i] = V::load(x0.as_ptr().add(block(i)).cast(), lanes);
                    delta[i] = x[i].xor(V::load(x1.as_ptr().add(block(i)).cast(), lanes));
                    both[i] = delta[i].sigma().xor(delta[i]);
                }
                for (from, to, high) in [(0, middle, true), (middle, levels, false)] {
                    let mut paths = [V::zero(); N];
                    for (i, to) in paths.iter_mut().enumerate() {
                        let path = V::load(self.alphas.as_ptr().add(block(i)).cast(), lanes);
                        *to = if high { path.high() } else { path.low() };
                    }
                    for level in from..to {
                        let bit = V::halves(1 << (63 - (self.first + level) % 64));
                        let c = self.corrections.as_mut_ptr().add(level as usize * n + at);
                        let (mut y0, mut y1) = ([V::zero(); N], [V::zero(); N]);
                        let (mut last0, mut last1) = ([V::zero(); N], [V::zero(); N]);
                        for i in 0..N {
                            let right = paths[i].test(bit);
                            let s = x[i].sigma();
                            y0[i] = s.xor(k[0]);
                            y1[i] = y0[i].xor(both[i]).xor(delta[i]);
                            last0[i] = s.xor(k[10]).xor_where(right, x[i]);
                            last1[i] = last0[i].xor(both[i]).xor_where(right, delta[i]);
                        }
                        kernel::middle(k, &mut y0);
                        kernel::middle(k, &mut y1);
                        for i in 0..N {
                            let a = y0[i].last_round(last0[i]);
                            let correction = a.xor(y1[i].last_round(last1[i]));
                            correction.store(c.add(i * V::BLOCKS).cast(), lanes);
                            let t = x[i].low().test(V::halves(1));
                            x[i] = a.xor_where(t, correction);
                        }
                    }
                }
                for i in 0..N {
                    x[i].store(x0.as_mut_ptr().add(block(i)).cast(), lanes);
                    x[i].xor(delta[i])
                        .store(x1.as_mut_ptr().add(block(i)).cast(), lanes);
                }
            }
            at = n.min(at + N * V::BLOCKS);
        }
        at
    }
}
