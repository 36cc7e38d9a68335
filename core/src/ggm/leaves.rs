//! Leaves from the nodes of one key to their values, corrected: in blocks by exclusive or, or in halves of 64 bits by
//! sums.

use crate::Block;
use crate::aes::Aes128;

use super::portable;

/// How values and the correction of a leaf go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    /// H(x ⊕ 2) ⊕ t C
    Xor,
    /// H(x ⊕ 2) + t C, in halves modulo 2^64
    Plus,
    /// -(H(x ⊕ 2) + t C), in halves modulo 2^64
    Minus,
}

pub(super) fn leaves(aes: &Aes128, how: Leaf, c: Block, nodes: &[Block], out: &mut [[u64; 2]]) {
    let n = nodes.len().min(out.len());
    let (nodes, out) = (&nodes[..n], &mut out[..n]);
    #[cfg(target_arch = "x86_64")]
    {
        let minus = u64::from(how == Leaf::Minus).wrapping_neg();
        let done = match how {
            Leaf::Xor => aes.vectors(x86::Leaves::<false> {
                c,
                minus,
                nodes,
                out: &mut *out,
            }),
            Leaf::Plus | Leaf::Minus => aes.vectors(x86::Leaves::<true> {
                c,
                minus,
                nodes,
                out: &mut *out,
            }),
        };
        if done.is_some() {
            return;
        }
    }
    let mut values = [Block::ZERO; 64];
    for (nodes, out) in nodes.chunks(64).zip(out.chunks_mut(64)) {
        let values = &mut values[..nodes.len()];
        portable::values(aes, nodes, values);
        for ((o, x), v) in out.iter_mut().zip(nodes).zip(&*values) {
            let t = Block::from_u128((x.to_u128() & 1).wrapping_neg());
            let c: [u64; 2] = bytemuck::must_cast(c & t);
            let v: [u64; 2] = bytemuck::must_cast(*v);
            for i in 0..2 {
                o[i] = match how {
                    Leaf::Xor => v[i] ^ c[i],
                    Leaf::Plus => v[i].wrapping_add(c[i]),
                    Leaf::Minus => v[i].wrapping_add(c[i]).wrapping_neg(),
                };
            }
        }
    }
    crate::wipe(&mut values);
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod x86 {
    use super::super::VALUE;
    use crate::Block;
    use crate::aes::kernel::{self, Kernel};
    use crate::vector::Vector;

    /// There is one place for each node. `minus` is all ones for sums that are negated.
    pub(super) struct Leaves<'a, const SUM: bool> {
        pub(super) c: Block,
        pub(super) minus: u64,
        pub(super) nodes: &'a [Block],
        pub(super) out: &'a mut [[u64; 2]],
    }

    impl<const SUM: bool> Kernel for Leaves<'_, SUM> {
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

    impl<const SUM: bool> Leaves<'_, SUM> {
        /// `N` registers at a time from node `at` on, while there are as many; with `N` = 1 to the end. Returns where
        /// it stops.
        ///
        /// # Safety
        /// The features of `V` are there.
        #[inline(always)]
        unsafe fn groups<V: Vector, const N: usize>(
            &mut self,
            k: &[V; 11],
            mut at: usize,
        ) -> usize {
            let n = self.nodes.len().min(self.out.len());
            while n - at >= N * V::BLOCKS || (N == 1 && at < n) {
                let lanes = V::BLOCKS.min(n - at);
                // SAFETY: the features are there; `N` registers of nodes and of places, which are as long, are left at
                // `at`, the last one of `lanes` blocks if N = 1.
                unsafe {
                    let from = self.nodes.as_ptr().add(at);
                    let to = self.out.as_mut_ptr().add(at);
                    let (c, minus) = (V::splat(&self.c), V::halves(self.minus));
                    let value = V::splat(&VALUE);
                    let mut x = [V::zero(); N];
                    let mut y = [V::zero(); N];
                    let mut last = [V::zero(); N];
                    for i in 0..N {
                        x[i] = V::load(from.add(i * V::BLOCKS).cast(), lanes);
                        let s = x[i].xor(value).sigma();
                        y[i] = s.xor(k[0]);
                        last[i] = s.xor(k[10]);
                        if !SUM {
                            let t = x[i].low().test(V::halves(1));
                            last[i] = last[i].xor_where(t, c);
                        }
                    }
                    kernel::middle(k, &mut y);
                    for i in 0..N {
                        let mut v = y[i].last_round(last[i]);
                        if SUM {
                            let t = x[i].low().test(V::halves(1));
                            v = v.add_where(t, c).xor(minus).sub(minus);
                        }
                        v.store(to.add(i * V::BLOCKS).cast(), lanes);
                    }
                }
                at = n.min(at + N * V::BLOCKS);
            }
            at
        }
    }
}
