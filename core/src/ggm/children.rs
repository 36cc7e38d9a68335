//! Children a register at a time: eight parents in flight.
#![allow(unsafe_code)]

use crate::Block;
use crate::aes::kernel::{self, Kernel};
use crate::vector::Vector;

/// The left children of `N` registers of parents.
///
/// # Safety
/// The features of `V` are there.
#[inline(always)]
unsafe fn left<V: Vector, const N: usize>(k: &[V; 11], x: [V; N], c: [V; N]) -> [V; N] {
    // SAFETY: by the contract of this function.
    unsafe {
        let (mut y, mut last) = (x, x);
        for i in 0..N {
            let s = x[i].sigma();
            let t = x[i].low().test(V::halves(1));
            y[i] = s.xor(k[0]);
            last[i] = s.xor(k[10]).xor_where(t, c[i]);
        }
        kernel::middle(k, &mut y);
        for i in 0..N {
            y[i] = y[i].last_round(last[i]);
        }
        y
    }
}

/// Nodes of one key.
pub(super) struct OneKey<'a> {
    pub(super) correction: Block,
    pub(super) parents: &'a [Block],
    pub(super) children: &'a mut [[Block; 2]],
}

impl Kernel for OneKey<'_> {
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

impl OneKey<'_> {
    /// `N` registers at a time from parent `at` on, while there are as many; with `N` = 1 to the end. Returns where it
    /// stops.
    ///
    /// # Safety
    /// The features of `V` are there.
    #[inline(always)]
    unsafe fn groups<V: Vector, const N: usize>(&mut self, k: &[V; 11], mut at: usize) -> usize {
        let n = self.parents.len().min(self.children.len());
        while n - at >= N * V::BLOCKS || (N == 1 && at < n) {
            let lanes = V::BLOCKS.min(n - at);
            // SAFETY: the features are there; `N` registers of parents and twice as many of children are left at `at`,
            // if N = 1 `lanes` blocks and twice as many.
            unsafe {
                let from = self.parents.as_ptr().add(at);
                let to: *mut Block = self.children.as_mut_ptr().add(at).cast();
                let mut x = [V::zero(); N];
                for (i, x) in x.iter_mut().enumerate() {
                    *x = V::load(from.add(i * V::BLOCKS).cast(), lanes);
                }
                let even = left(k, x, [V::splat(&self.correction); N]);
                for i in 0..N {
                    let out = even[i].interleave(even[i].xor(x[i]));
                    for (h, out) in out.into_iter().enumerate() {
                        let begin = h * V::BLOCKS;
                        if 2 * lanes > begin {
                            let to = to.add(2 * i * V::BLOCKS + begin);
                            out.store(to.cast(), V::BLOCKS.min(2 * lanes - begin));
                        }
                    }
                }
            }
            at = n.min(at + N * V::BLOCKS);
        }
        at
    }
}

/// Nodes of many keys, node-major: whole rows of parents, and twice as many children.
pub(super) struct ManyKeys<'a> {
    pub(super) corrections: &'a [Block],
    pub(super) parents: &'a [Block],
    pub(super) children: &'a mut [Block],
}

impl Kernel for ManyKeys<'_> {
    type Output = ();
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self, k: &[V; 11]) {
        // SAFETY: by the contract of this function.
        unsafe {
            let node = self.rows::<V, 8>(k, 0);
            self.rows::<V, 1>(k, node);
        }
    }
}

impl ManyKeys<'_> {
    /// `N` rows at a time from row `node` on, a register of each, while there are as many. Returns where it stops.
    ///
    /// # Safety
    /// The features of `V` are there.
    #[inline(always)]
    unsafe fn rows<V: Vector, const N: usize>(&mut self, k: &[V; 11], mut node: usize) -> usize {
        let n = self.corrections.len();
        let nodes = self.parents.len() / n;
        while nodes - node >= N {
            for at in (0..n).step_by(V::BLOCKS) {
                let lanes = V::BLOCKS.min(n - at);
                // SAFETY: the features are there; `lanes` blocks are left at `at` in all rows, of which there are `N`
                // of parents and 2 N of children.
                unsafe {
                    let from = self.parents.as_ptr().add(node * n + at);
                    let to = self.children.as_mut_ptr().add(2 * node * n + at);
                    let c = V::load(self.corrections.as_ptr().add(at).cast(), lanes);
                    let mut x = [V::zero(); N];
                    for (i, x) in x.iter_mut().enumerate() {
                        *x = V::load(from.add(i * n).cast(), lanes);
                    }
                    let even = left(k, x, [c; N]);
                    for i in 0..N {
                        even[i].store(to.add(2 * i * n).cast(), lanes);
                        even[i]
                            .xor(x[i])
                            .store(to.add((2 * i + 1) * n).cast(), lanes);
                    }
                }
            }
            node += N;
        }
        node
    }
}
