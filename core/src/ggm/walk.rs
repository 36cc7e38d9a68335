//! Walks with nodes in registers from the first level to the last.
//!
//! With σ, π of [`crate::FixedKeyHash`], s = σ(x) and k the round keys, a child is the last round of π(s) under the key
//! k_10 ⊕ s ⊕ (x where the path turns right) ⊕ (C where the control bit is set): all that is not AES is ready before
//! its last round.
#![allow(unsafe_code)]

use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use crate::Block;
use crate::aes::kernel::{self, Kernel};
use crate::vector::Vector;

/// How many blocks ahead corrections are asked for, past the end too, where the next tile's may lie: keys are read from
/// memory once, and the processor's own prefetcher stops at the end of a page.
pub(super) const AHEAD: usize = 128;

/// Nodes down the levels of `corrections`, of which each has a row of as many as there are nodes, or one if `ONE`.
///
/// There are as many paths and turns as nodes, the rows are whole, and there are at most 128 - `first` of them.
pub(super) struct Walk<'a, const ONE: bool> {
    pub(super) corrections: &'a [Block],
    pub(super) first: u32,
    pub(super) paths: &'a [Block],
    pub(super) nodes: &'a mut [Block],
    pub(super) turns: &'a mut [Block],
}

impl<const ONE: bool> Kernel for Walk<'_, ONE> {
    type Output = ();
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self, k: &[V; 11]) {
        // SAFETY: by the contract of this function.
        unsafe {
            let at = self.groups::<V, 2, 8>(k, 0);
            let at = self.groups::<V, 1, 8>(k, at);
            let at = self.groups::<V, 1, 4>(k, at);
            self.groups::<V, 1, 1>(k, at);
        }
    }
}

impl<const ONE: bool> Walk<'_, ONE> {
    /// `G` times `N` registers at a time from node `at` on, while there are as many; with `N` = 1 to the end. Returns
    /// where it stops. Of each level all are done before the next, so that corrections are read in order.
    ///
    /// # Safety
    /// The features of `V` are there.
    #[inline(always)]
    unsafe fn groups<V: Vector, const G: usize, const N: usize>(
        &mut self,
        k: &[V; 11],
        mut at: usize,
    ) -> usize {
        let n = self.nodes.len();
        let stride = if ONE { 1 } else { n };
        let levels = (self.corrections.len() / stride) as u32;
        // A level below 64 tests the high half of a path, the others the low one.
        let middle = levels.min(64u32.saturating_sub(self.first));
        while n - at >= G * N * V::BLOCKS || (N == 1 && at < n) {
            let lanes = V::BLOCKS.min(n - at);
            let block = |g: usize, i: usize| at + (g * N + i) * V::BLOCKS;
            // SAFETY: the features are there; `G N` registers are left at `at`, the last one of `lanes` blocks if N =
            // 1, in all slices and in every row.
            unsafe {
                let mut x = [[V::zero(); N]; G];
                let mut turns = [[V::zero(); N]; G];
                for g in 0..G {
                    for i in 0..N {
                        x[g][i] = V::load(self.nodes.as_ptr().add(block(g, i)).cast(), lanes);
                        turns[g][i] = V::load(self.turns.as_ptr().add(block(g, i)).cast(), lanes);
                    }
                }
                for (from, to, high) in [(0, middle, true), (middle, levels, false)] {
                    let mut paths = [[V::zero(); N]; G];
                    for (g, paths) in paths.iter_mut().enumerate() {
                        for (i, to) in paths.iter_mut().enumerate() {
                            let path = V::load(self.paths.as_ptr().add(block(g, i)).cast(), lanes);
                            *to = if high { path.high() } else { path.low() };
                        }
                    }
                    for level in from..to {
                        let bit = V::halves(1 << (63 - (self.first + level) % 64));
                        let row = self.corrections.as_ptr().add(level as usize * stride);
                        for g in 0..G {
                            let c = if ONE { row } else { row.add(block(g, 0)) };
                            let [x, turns] = [&mut x[g], &mut turns[g]];
                            Self::step(k, bit, c, lanes, &paths[g], x, turns);
                        }
                    }
                }
                for g in 0..G {
                    for i in 0..N {
                        x[g][i].store(self.nodes.as_mut_ptr().add(block(g, i)).cast(), lanes);
                        turns[g][i].store(self.turns.as_mut_ptr().add(block(g, i)).cast(), lanes);
                    }
                }
            }
            at = n.min(at + G * N * V::BLOCKS);
        }
        at
    }

    /// A level of `N` registers.
    ///
    /// # Safety
    /// The features of `V` are there; `N` registers can be read at `c`, the last one of `lanes` blocks if N = 1; if
    /// `ONE`, a block.
    #[inline(always)]
    unsafe fn step<V: Vector, const N: usize>(
        k: &[V; 11],
        bit: V,
        c: *const Block,
        lanes: usize,
        paths: &[V; N],
        x: &mut [V; N],
        turns: &mut [V; N],
    ) {
        // SAFETY: by the contract of this function.
        unsafe {
            let mut last = [V::zero(); N];
            let mut y = [V::zero(); N];
            for i in 0..N {
                let s = x[i].sigma();
                let t = x[i].low().test(V::halves(1));
                let c = if ONE {
                    V::splat(c)
                } else {
                    let c = c.wrapping_add(i * V::BLOCKS);
                    _mm_prefetch::<_MM_HINT_T0>(c.wrapping_add(AHEAD).cast());
                    V::load(c.cast(), lanes)
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
}
