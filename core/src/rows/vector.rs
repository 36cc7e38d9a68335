//! Rows a register at a time: eight leaves or so in flight, added up before the next come, so that nothing but sums is
//! written.
#![allow(unsafe_code)]

use crate::Block;
use crate::aes::Aes128;
use crate::aes::kernel::{self, Kernel};
use crate::vector::Vector;

/// `None`, and nothing done, on a level without AES instructions.
#[allow(clippy::too_many_arguments)] // the shape, once checked
pub(super) fn fold(
    aes: &Aes128,
    k: usize,
    seeds: &[Block],
    first: u64,
    onto: Option<&[u8]>,
    u: &mut [u8],
    v: &mut [u8],
    stride: usize,
) -> Option<()> {
    let rows = seeds.len() >> k;
    assert!(stride.is_multiple_of(16) && u.len() == rows * stride && v.len() == k * u.len());
    assert!(onto.is_none_or(|o| o.len() == stride));
    let (u, v) = (u.as_mut_ptr(), v.as_mut_ptr());
    aes.vectors(Fold {
        k,
        seeds,
        first,
        stride,
        side: Whole { onto, u, v, stride },
    })
}

/// `None`, and nothing done, on a level without AES instructions.
#[allow(clippy::too_many_arguments)] // the shape, once checked
pub(super) fn fold_punctured(
    aes: &Aes128,
    k: usize,
    seeds: &[Block],
    first: u64,
    delta: &[u8],
    c: &[u8],
    w: &mut [u8],
    stride: usize,
) -> Option<()> {
    let rows = seeds.len() / ((1 << k) - 1);
    assert!(stride.is_multiple_of(16) && c.len() == rows * stride && w.len() == k * c.len());
    let (c, w) = (c.as_ptr(), w.as_mut_ptr());
    aes.vectors(Fold {
        k,
        seeds,
        first,
        stride,
        side: Punctured {
            c,
            w,
            delta,
            stride,
        },
    })
}

/// What becomes of the sums of one register's width.
trait Side {
    /// 1 if leaf 0 is not there, else 0.
    const HOLE: usize;
    /// Takes `u` for tree `t` and `v[..k]` for the bits of its leaves, `n` blocks from byte `at` of their rows on.
    ///
    /// # Safety
    /// The features of `V` are there, and so are the blocks.
    unsafe fn put<V: Vector>(&self, t: usize, k: usize, at: usize, n: usize, u: V, v: &[V; 8]);
}

/// Who knows all leaves, what goes on top of u, and pointers to T rows and T k rows of `stride` bytes, T being the number
/// of whole trees.
struct Whole<'a> {
    onto: Option<&'a [u8]>,
    u: *mut u8,
    v: *mut u8,
    stride: usize,
}

impl Side for Whole<'_> {
    const HOLE: usize = 0;
    #[inline(always)]
    unsafe fn put<V: Vector>(&self, t: usize, k: usize, at: usize, n: usize, u: V, v: &[V; 8]) {
        // SAFETY: by the contract of this function.
        unsafe {
            let u = match self.onto {
                Some(onto) => u.xor(V::load(onto.as_ptr().add(at), n)),
                None => u,
            };
            u.store(self.u.add(t * self.stride + at), n);
            for (b, v) in v.iter().enumerate().take(k) {
                v.store(self.v.add((t * k + b) * self.stride + at), n);
            }
        }
    }
}

/// Who knows all but leaf 0, and likewise, and T k bits.
struct Punctured<'a> {
    c: *const u8,
    w: *mut u8,
    delta: &'a [u8],
    stride: usize,
}

impl Side for Punctured<'_> {
    const HOLE: usize = 1;
    #[inline(always)]
    unsafe fn put<V: Vector>(&self, t: usize, k: usize, at: usize, n: usize, _: V, v: &[V; 8]) {
        // SAFETY: by the contract of this function.
        unsafe {
            let c = V::load(self.c.add(t * self.stride + at), n);
            for (b, v) in v.iter().enumerate().take(k) {
                let i = t * k + b;
                let w = v.xor(c.times(self.delta[i / 8] >> (i % 8) & 1));
                w.store(self.w.add(i * self.stride + at), n);
            }
        }
    }
}

/// The sums of `seeds`, leaves of trees of 2^`k`, over rows of `stride` bytes.
struct Fold<'a, S> {
    k: usize,
    seeds: &'a [Block],
    first: u64,
    stride: usize,
    side: S,
}

impl<S: Side> Kernel for Fold<'_, S> {
    type Output = ();
    #[inline(always)]
    unsafe fn run<V: Vector>(self, k: &[V; 11]) {
        // SAFETY: by the contract of this function; the lengths were asserted.
        unsafe {
            match (self.k, S::HOLE) {
                (1, 0) => self.low::<V, 1, 1, 2>(k, self.low::<V, 1, 4, 8>(k, 0)),
                (1, _) => self.low::<V, 1, 1, 1>(k, self.low::<V, 1, 8, 8>(k, 0)),
                (2, 0) => self.low::<V, 2, 1, 4>(k, self.low::<V, 2, 2, 8>(k, 0)),
                (2, _) => self.low::<V, 2, 1, 3>(k, self.low::<V, 2, 3, 9>(k, 0)),
                (4, _) => self.high::<V, 4>(k),
                _ => self.high::<V, 8>(k),
            };
        }
    }
}

/// Leaves in flight where trees have more.
const GROUP: usize = 8;

impl<S: Side> Fold<'_, S> {
    /// Trees for `K` = 1 or 2 bits, from tree `t` on, `T` trees and their `N` seeds at a time as long as there are so many;
    /// returns where it stops.
    ///
    /// # Safety
    /// The features of `V` are there.
    #[inline(always)]
    unsafe fn low<V: Vector, const K: usize, const T: usize, const N: usize>(
        &self,
        k: &[V; 11],
        mut t: usize,
    ) -> usize {
        let each = N / T;
        let hole = (1 << K) - each;
        while let Some(seeds) = self.seeds[t * each..].first_chunk::<N>() {
            for (at, n, first) in self.pieces(V::BLOCKS) {
                // SAFETY: the features are there, and so are the rows of `T` trees.
                unsafe {
                    let r = leaves(k, seeds, V::counter(first));
                    for i in 0..T {
                        let mut x = [V::zero(); 4];
                        for y in hole..1 << K {
                            x[y] = r[i * each + y - hole];
                        }
                        let mut v = [V::zero(); 8];
                        let u = sums(x, &mut v);
                        self.side.put(t + i, K, at, n, u, &v);
                    }
                }
            }
            t += T;
        }
        t
    }

    /// Trees for `K` = 4 or 8 bits, one at a time; returns their number.
    ///
    /// # Safety
    /// The features of `V` are there.
    #[inline(always)]
    unsafe fn high<V: Vector, const K: usize>(&self, k: &[V; 11]) -> usize {
        let trees = self.seeds.chunks_exact((1 << K) - S::HOLE);
        for (t, seeds) in trees.clone().enumerate() {
            let (head, rest) = seeds.split_at(GROUP - S::HOLE);
            for (at, n, first) in self.pieces(V::BLOCKS) {
                // SAFETY: the features are there, and so are the rows of tree `t`.
                unsafe {
                    let counter = V::counter(first);
                    let mut v = [V::zero(); 8];
                    let mut x = [V::zero(); GROUP];
                    if S::HOLE == 0 {
                        if let Some(head) = head.first_chunk() {
                            x = leaves(k, head, counter);
                        }
                    } else if let Some(head) = head.first_chunk::<{ GROUP - 1 }>() {
                        x[1..].copy_from_slice(&leaves(k, head, counter));
                    }
                    let mut u = sums(x, &mut v);
                    for (seeds, g) in rest.as_chunks().0.iter().zip(1usize..) {
                        let sum = sums(leaves::<V, GROUP>(k, seeds, counter), &mut v);
                        u = u.xor(sum);
                        for b in 3..K {
                            if g >> (b - 3) & 1 == 1 {
                                v[b] = v[b].xor(sum);
                            }
                        }
                    }
                    self.side.put(t, K, at, n, u, &v);
                }
            }
        }
        trees.len()
    }

    /// Byte position, number of blocks and first counter of each piece of a row of at most `blocks`.
    #[inline(always)]
    fn pieces(&self, blocks: usize) -> impl Iterator<Item = (usize, usize, u64)> {
        let (first, stride) = (self.first, self.stride);
        (0..stride).step_by(16 * blocks).map(move |at| {
            let n = blocks.min((stride - at) / 16);
            (at, n, first.wrapping_add((at / 16) as u64))
        })
    }
}

/// The blocks of `N` seeds at the places of `counter`.
///
/// # Safety
/// The features of `V` are there.
#[inline(always)]
unsafe fn leaves<V: Vector, const N: usize>(k: &[V; 11], seeds: &[Block; N], counter: V) -> [V; N] {
    // SAFETY: by the contract of this function.
    unsafe {
        let (in_key, out_key) = (k[0].xor(counter), k[10].xor(counter));
        let mut x = [counter; N];
        for (x, seed) in x.iter_mut().zip(seeds) {
            *x = V::splat(seed).xor(in_key);
        }
        kernel::middle(k, &mut x);
        for (x, seed) in x.iter_mut().zip(seeds) {
            // The input goes into the key of the last round.
            *x = x.last_round(V::splat(seed).xor(out_key));
        }
        x
    }
}

/// The sum of all; to `v[b]` adds that of those whose index has bit b.
///
/// # Safety
/// The features of `V` are there.
#[inline(always)]
unsafe fn sums<V: Vector, const N: usize>(mut x: [V; N], v: &mut [V; 8]) -> V {
    let mut n = N;
    for v in v {
        if n == 1 {
            break;
        }
        n /= 2;
        for i in 0..n {
            // SAFETY: by the contract of this function.
            unsafe {
                *v = v.xor(x[2 * i + 1]);
                x[i] = x[2 * i].xor(x[2 * i + 1]);
            }
        }
    }
    x[0]
}
