//! Walks with nodes in registers from the first level to the last.
//!
//! With σ, π of [`crate::FixedKeyHash`], s = σ(x) and k the round keys, a child is the last round of π(s) under the key k_10 ⊕ s ⊕
//! (x where the path turns right) ⊕ (C where the control bit is set): all that is not AES is ready before its last round.
#![allow(unsafe_code)]

use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use crate::Block;
use crate::aes::kernel::{self, Kernel};
use crate::vector::Vector;

/// Nodes down the levels of `corrections`, of which each has a row of as many as there are nodes, or one if `ONE`.
///
/// There are as many paths and turns as nodes, the rows are whole, and there are at most 128 - `first` of them.
pub(super) struct Walk<'a, const ONE: bool> {
    pub(super) corrections: &'a [Block],
    pub(super) first: u32,
    pub(super) paths: &'a [Block],
    pub(super) nodes: &'a mut [Block],
    pub(super) turns: &'a mut [Block],
    /// What is fetched meanwhile.
    pub(super) next: &'a [Block],
}

impl<const ONE: bool> Kernel for Walk<'_, ONE> {
    type Output = ();
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self, k: &[V; 11]) {
        // SAFETY: by the contract of this function.
        unsafe {
            let at = self.groups::<V, 8>(k, 0);
            let at = self.groups::<V, 4>(k, at);
            self.groups::<V, 1>(k, at);
        }
    }
}

impl<const ONE: bool> Walk<'_, ONE> {
    /// `N` registers at a time from node `at` on, while there are as many; with `N` = 1 to the end. Returns where it stops.
    ///
    /// # Safety
    /// The features of `V` are there.
    #[inline(always)]
    unsafe fn groups<V: Vector, const N: usize>(&mut self, k: &[V; 11], mut at: usize) -> usize {
        let n = self.nodes.len();
        let stride = if ONE { 1 } else { n };
        let levels = (self.corrections.len() / stride) as u32;
        // A level below 64 tests the high half of a path, the others the low one.
        let middle = levels.min(64u32.saturating_sub(self.first));
        let next = if self.next.is_empty() {
            self.corrections
        } else {
            self.next
        };
        while n - at >= N * V::BLOCKS || (N == 1 && at < n) {
            let lanes = V::BLOCKS.min(n - at);
            let block = |i: usize| at + i * V::BLOCKS;
            // SAFETY: the features are there; `N` registers are left at `at`, the last one of `lanes` blocks if N = 1, in all
            // slices and in every row.
            unsafe {
                let mut x = [V::zero(); N];
                let mut turns = [V::zero(); N];
                for i in 0..N {
                    x[i] = V::load(self.nodes.as_ptr().add(block(i)).cast(), lanes);
                    turns[i] = V::load(self.turns.as_ptr().add(block(i)).cast(), lanes);
                }
                for (from, to, high) in [(0, middle, true), (middle, levels, false)] {
                    let mut paths = [V::zero(); N];
                    for i in 0..N {
                        let path = V::load(self.paths.as_ptr().add(block(i)).cast(), lanes);
                        paths[i] = if high { path.high() } else { path.low() };
                    }
                    for level in from..to {
                        let bit = V::halves(1 << (63 - (self.first + level) % 64));
                        let row = level as usize * stride + if ONE { 0 } else { at };
                        let c = self.corrections.as_ptr().add(row);
                        let mut last = [V::zero(); N];
                        let mut y = [V::zero(); N];
                        for i in 0..N {
                            let s = x[i].sigma();
                            let t = x[i].low().test(V::halves(1));
                            let c = if ONE {
                                V::splat(c)
                            } else {
                                _mm_prefetch::<_MM_HINT_T0>(
                                    next.as_ptr().wrapping_add(row + i * V::BLOCKS).cast(),
                                );
                                V::load(c.add(i * V::BLOCKS).cast(), lanes)
                            };
                            y[i] = s.xor(k[0]);
                            last[i] = s
                                .xor(k[10])
                                .xor_where(paths[i].test(bit), x[i])
                                .xor_where(t, c);
                        }
                        kernel::in_step(k, &mut y);
                        for i in 0..N {
                            let child = y[i].last_round(last[i]);
                            turns[i] = turns[i].xor2_where(paths[i].test(bit), x[i], child);
                            x[i] = child;
                        }
                    }
                }
                for i in 0..N {
                    x[i].store(self.nodes.as_mut_ptr().add(block(i)).cast(), lanes);
                    turns[i].store(self.turns.as_mut_ptr().add(block(i)).cast(), lanes);
                }
            }
            at = n.min(at + N * V::BLOCKS);
        }
        at
    }
}
