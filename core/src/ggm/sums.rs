//! Walks that sum values of 64 bits, in registers: as [`super::walk`] and [`super::deal`], with one more hash of each
//! node.
//!
//! σ(x ⊕ 2) = σ(x) ⊕ σ(2), so that the second hash begins and ends one sum away from the first. Words lie in the low
//! halves of blocks; what is in the high ones is never read.
#![allow(unsafe_code)]

use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use super::walk::AHEAD;
use crate::Block;
use crate::aes::kernel::{self, Kernel};
use crate::vector::Vector;

/// Nodes down the levels of `corrections`, of which each has a row of as many as there are nodes.
///
/// There are as many paths and sums as nodes and as many values as corrections, the rows are whole, and there are at
/// most 128 - `first` of them.
pub(super) struct Walk<'a> {
    pub(super) corrections: &'a [Block],
    pub(super) values: &'a [u64],
    pub(super) first: u32,
    pub(super) paths: &'a [Block],
    pub(super) nodes: &'a mut [Block],
    pub(super) sums: &'a mut [u64],
}

impl Kernel for Walk<'_> {
    type Output = ();
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self, k: &[V; 11]) {
        // SAFETY: by the contract of this function.
        unsafe {
            let at = self.groups::<V, 4, 4>(k, 0);
            let at = self.groups::<V, 1, 4>(k, at);
            self.groups::<V, 1, 1>(k, at);
        }
    }
}

impl Walk<'_> {
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
        let levels = (self.corrections.len() / n) as u32;
        let middle = levels.min(64u32.saturating_sub(self.first));
        while n - at >= G * N * V::BLOCKS || (N == 1 && at < n) {
            let lanes = V::BLOCKS.min(n - at);
            let block = |g: usize, i: usize| at + (g * N + i) * V::BLOCKS;
            // SAFETY: the features are there; `G N` registers are left at `at`, the last one of `lanes` blocks if N =
            // 1, in all slices and in every row.
            unsafe {
                let mut x = [[V::zero(); N]; G];
                let mut sums = [[V::zero(); N]; G];
                for g in 0..G {
                    for i in 0..N {
                        x[g][i] = V::load(self.nodes.as_ptr().add(block(g, i)).cast(), lanes);
                        sums[g][i] = V::load_words(self.sums.as_ptr().add(block(g, i)), lanes);
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
                        let row = level as usize * n;
                        for g in 0..G {
                            let at = row + block(g, 0);
                            let c = self.corrections.as_ptr().add(at);
                            let v = self.values.as_ptr().add(at);
                            let [x, sums] = [&mut x[g], &mut sums[g]];
                            Self::step(k, bit, (c, v), lanes, &paths[g], x, sums);
                        }
                    }
                }
                for g in 0..G {
                    for i in 0..N {
                        x[g][i].store(self.nodes.as_mut_ptr().add(block(g, i)).cast(), lanes);
                        sums[g][i].store_words(self.sums.as_mut_ptr().add(block(g, i)), lanes);
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
    /// The features of `V` are there; `N` registers can be read at both pointers, the last one of `lanes` blocks or
    /// words if N = 1.
    #[inline(always)]
    unsafe fn step<V: Vector, const N: usize>(
        k: &[V; 11],
        bit: V,
        (c, v): (*const Block, *const u64),
        lanes: usize,
        paths: &[V; N],
        x: &mut [V; N],
        sums: &mut [V; N],
    ) {
        // SAFETY: by the contract of this function.
        unsafe {
            let value = V::splat(&super::VALUE).sigma();
            let one = V::halves(1);
            let mut y = [V::zero(); N];
            let mut last = [V::zero(); N];
            let mut w = [V::zero(); N];
            let mut w_last = [V::zero(); N];
            for i in 0..N {
                let c = c.wrapping_add(i * V::BLOCKS);
                _mm_prefetch::<_MM_HINT_T0>(c.wrapping_add(AHEAD).cast());
                let c = V::load(c.cast(), lanes);
                let s = x[i].sigma();
                let t = x[i].low().test(one);
                y[i] = s.xor(k[0]);
                w[i] = y[i].xor(value);
                last[i] = s.xor(k[10]);
                w_last[i] = last[i].xor(value);
                last[i] = last[i].xor_where(paths[i].test(bit), x[i]).xor_where(t, c);
            }
            // Round by round: see [`kernel::in_step`].
            for k in &k[1..10] {
                for y in &mut y {
                    *y = y.round(*k);
                }
                for w in &mut w {
                    *w = w.round(*k);
                }
                V::at_once(&mut y);
                V::at_once(&mut w);
            }
            for i in 0..N {
                let v = v.wrapping_add(i * V::BLOCKS);
                if i % 2 == 0 {
                    _mm_prefetch::<_MM_HINT_T0>(v.wrapping_add(AHEAD).cast());
                }
                let v = V::load_words(v, lanes);
                let w = w[i].last_round(w_last[i]);
                let w = w.add_where(x[i].low().test(one), v);
                sums[i] = sums[i].add_where(paths[i].test_not(bit), w);
                x[i] = y[i].last_round(last[i]);
            }
        }
    }
}

/// Both parties' nodes down the levels of `corrections`, of which each has a row of as many as there are nodes.
///
/// There are as many `alphas` and `betas` as nodes of each party and as many values as corrections, the rows are
/// whole, and there are at most 128 - `first` of them.
pub(super) struct Deal<'a> {
    pub(super) first: u32,
    pub(super) alphas: &'a [Block],
    pub(super) betas: &'a [u64],
    pub(super) nodes: [&'a mut [Block]; 2],
    pub(super) corrections: &'a mut [Block],
    pub(super) values: &'a mut [u64],
}

impl Kernel for Deal<'_> {
    type Output = ();
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self, k: &[V; 11]) {
        // SAFETY: by the contract of this function.
        unsafe {
            let at = self.groups::<V, 2>(k, 0);
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
            // SAFETY: the features are there; `N` registers are left at `at`, the last one of `lanes` blocks if N =
            // 1, in all slices and in every row.
            unsafe {
                let value = V::splat(&super::VALUE).sigma();
                let one = V::halves(1);
                let mut x = [V::zero(); N];
                let mut delta = [V::zero(); N];
                let mut sigma_delta = [V::zero(); N];
                let mut beta = [V::zero(); N];
                for i in 0..N {
                    x[i] = V::load(x0.as_ptr().add(block(i)).cast(), lanes);
                    delta[i] = x[i].xor(V::load(x1.as_ptr().add(block(i)).cast(), lanes));
                    sigma_delta[i] = delta[i].sigma();
                    beta[i] = V::load_words(self.betas.as_ptr().add(block(i)), lanes);
                }
                for (from, to, high) in [(0, middle, true), (middle, levels, false)] {
                    let mut paths = [V::zero(); N];
                    for (i, to) in paths.iter_mut().enumerate() {
                        let path = V::load(self.alphas.as_ptr().add(block(i)).cast(), lanes);
                        *to = if high { path.high() } else { path.low() };
                    }
                    for level in from..to {
                        let bit = V::halves(1 << (63 - (self.first + level) % 64));
                        let row = level as usize * n;
                        // Children and values of party 0, and then of party 1.
                        let mut y = [[V::zero(); N]; 4];
                        let mut last = [[V::zero(); N]; 4];
                        for i in 0..N {
                            let right = paths[i].test(bit);
                            let s = x[i].sigma();
                            let (begin, end) = (s.xor(k[0]), s.xor(k[10]));
                            y[0][i] = begin;
                            y[1][i] = begin.xor(value);
                            y[2][i] = begin.xor(sigma_delta[i]);
                            y[3][i] = y[2][i].xor(value);
                            last[0][i] = end.xor_where(right, x[i]);
                            last[1][i] = end.xor(value);
                            // As in the walk without values.
                            last[2][i] = last[0][i]
                                .xor(sigma_delta[i])
                                .xor(delta[i])
                                .xor_where(right, delta[i]);
                            last[3][i] = end.xor(sigma_delta[i]).xor(value);
                        }
                        for y in &mut y {
                            kernel::middle(k, y);
                        }
                        for i in 0..N {
                            let out = |h: usize| y[h][i].last_round(last[h][i]);
                            let a = out(0);
                            let c = a.xor(out(2));
                            let to = self.corrections.as_mut_ptr().add(row + block(i));
                            c.store(to.cast(), lanes);
                            let minus = x[i].xor(delta[i]).low().test(one);
                            out(3)
                                .sub(out(1))
                                .add_where(paths[i].test(bit), beta[i])
                                .neg_where(minus)
                                .store_words(self.values.as_mut_ptr().add(row + block(i)), lanes);
                            x[i] = a.xor_where(x[i].low().test(one), c);
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
