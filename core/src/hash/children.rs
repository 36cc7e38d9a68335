//! Parents of a half-tree a register at a time: eight in flight, hash and rest shuffled into their places.
#![allow(unsafe_code)]

use crate::Block;
use crate::aes::Aes128;
use crate::aes::kernel::{self, Kernel};
use crate::vector::Vector;

/// As many parents as fill registers; how many, and the sum of their even children. `None`, and nothing done, on a level
/// without AES instructions.
pub(super) fn ccr(
    aes: &Aes128,
    parents: &[Block],
    children: &mut [[Block; 2]],
) -> Option<(usize, Block)> {
    aes.vectors(Children { parents, children })
}

struct Children<'a> {
    parents: &'a [Block],
    children: &'a mut [[Block; 2]],
}

impl Kernel for Children<'_> {
    type Output = (usize, Block);
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self, k: &[V; 11]) -> (usize, Block) {
        // SAFETY: by the contract of this function.
        unsafe {
            let mut sum = V::zero();
            let done = self.groups::<V, 4>(k, 0, &mut sum);
            let done = self.groups::<V, 1>(k, done, &mut sum);
            (done, sum.sum())
        }
    }
}

impl Children<'_> {
    /// `N` registers at a time from parent `at` on; returns where it stops.
    ///
    /// # Safety
    /// The features of `V` are there.
    #[inline(always)]
    unsafe fn groups<V: Vector, const N: usize>(
        &mut self,
        k: &[V; 11],
        mut at: usize,
        sum: &mut V,
    ) -> usize {
        let end = self.parents.len().min(self.children.len());
        while end - at >= N * V::BLOCKS {
            let from: *const u8 = self.parents[at..].as_ptr().cast();
            let to: *mut u8 = self.children[at..].as_mut_ptr().cast();
            // SAFETY: the features are there; `N` registers of parents and twice as many of children are left at `at`.
            unsafe {
                let mut parent = [V::zero(); N];
                let mut last = [V::zero(); N];
                let mut x = [V::zero(); N];
                for i in 0..N {
                    parent[i] = V::load(from.add(16 * V::BLOCKS * i), V::BLOCKS);
                    let sigma = parent[i].sigma();
                    x[i] = sigma.xor(k[0]);
                    // The input goes into the key of the last round.
                    last[i] = sigma.xor(k[10]);
                }
                kernel::middle(k, &mut x);
                for i in 0..N {
                    let even = x[i].last_round(last[i]);
                    *sum = sum.xor(even);
                    let out = even.interleave(even.xor(parent[i]));
                    for (h, out) in out.into_iter().enumerate() {
                        out.store(to.add(16 * V::BLOCKS * (2 * i + h)), V::BLOCKS);
                    }
                }
            }
            at += N * V::BLOCKS;
        }
        at
    }
}
