//! Products by PCLMULQDQ, a register at a time; four rows share the coefficients.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use super::Sums;
use crate::Block;
use crate::cpu::{Clmul, Clmul512};
use crate::vector::Vector;

/// Rows at a time.
const ROWS: usize = 4;

macro_rules! compiled {
    ($module:ident, $proof:ty, $vector:ty, $features:literal) => {
        pub(super) mod $module {
            use super::*;

            pub(in super::super) fn add_rows(
                _: $proof,
                sums: &mut Sums,
                rows: &[u8],
                stride: usize,
                chi: &[Block],
            ) {
                #[target_feature(enable = $features)]
                fn compiled(sums: &mut Sums, rows: &[u8], stride: usize, chi: &[Block]) {
                    // SAFETY: the features are there.
                    unsafe {
                        let done = super::add_rows::<$vector, ROWS>(sums, rows, stride, chi, 0);
                        super::add_rows::<$vector, 1>(sums, rows, stride, chi, done);
                    }
                }
                // SAFETY: the proof shows that the features are there.
                unsafe { compiled(sums, rows, stride, chi) }
            }

            pub(in super::super) fn powers(_: $proof, x: Block, out: &mut [Block]) {
                #[target_feature(enable = $features)]
                fn compiled(x: Block, out: &mut [Block]) {
                    // SAFETY: the features are there.
                    unsafe { super::powers::<$vector>(x, out) }
                }
                // SAFETY: the proof shows that the features are there.
                unsafe { compiled(x, out) }
            }
        }
    };
}

compiled!(narrow, Clmul, __m128i, "pclmulqdq,aes,avx2");
compiled!(
    wide,
    Clmul512,
    __m512i,
    "vpclmulqdq,pclmulqdq,vaes,aes,avx512f,avx512bw,avx512dq,avx512vl"
);

/// The product of two blocks.
pub(super) fn mul(_: Clmul, a: Block, b: Block) -> Block {
    #[target_feature(enable = "pclmulqdq,aes,avx2")]
    fn compiled(a: Block, b: Block) -> Block {
        // SAFETY: the features are there.
        unsafe { mul_reduced(__m128i::splat(&a), __m128i::splat(&b)).sum() }
    }
    // SAFETY: the proof shows that the features are there.
    unsafe { compiled(a, b) }
}

/// `R` rows at a time from `row` on; returns where it stops.
///
/// # Safety
/// The features of `V` are there.
#[inline(always)]
unsafe fn add_rows<V: Vector, const R: usize>(
    sums: &mut Sums,
    rows: &[u8],
    stride: usize,
    chi: &[Block],
    mut row: usize,
) -> usize {
    let n = chi.len();
    while sums.len() - row >= R {
        let rows: [_; R] = core::array::from_fn(|i| rows[(row + i) * stride..][..16 * n].as_ptr());
        // SAFETY: the features are there; all pointers are good for `n` blocks.
        unsafe {
            let mut sum = [[V::zero(); 3]; R];
            for j in (0..n).step_by(V::BLOCKS) {
                let blocks = n - j;
                let c = V::load(chi.as_ptr().add(j).cast(), blocks);
                let c_both = c.xor(c.swapped());
                for ([low, both, high], row) in sum.iter_mut().zip(rows) {
                    let x = V::load(row.add(16 * j), blocks);
                    *low = low.xor(x.product::<0x00>(c));
                    *both = both.xor(x.xor(x.swapped()).product::<0x00>(c_both));
                    *high = high.xor(x.product::<0x11>(c));
                }
            }
            let mut lo = [V::zero(); 4];
            let mut hi = [V::zero(); 4];
            for (i, [low, both, high]) in sum.into_iter().enumerate() {
                let mid = both.xor(low).xor(high);
                lo[i] = low.xor(mid.up());
                hi[i] = high.xor(mid.down());
            }
            if R == 4 {
                V::add_sums(lo, sums.lo[row..][..R].as_mut_ptr());
                V::add_sums(hi, sums.hi[row..][..R].as_mut_ptr());
            } else {
                for i in 0..R {
                    sums.lo[row + i] ^= lo[i].sum();
                    sums.hi[row + i] ^= hi[i].sum();
                }
            }
        }
        row += R;
    }
    row
}

/// Low halves, the two mixed products, high halves.
///
/// # Safety
/// The features of `V` are there.
#[inline(always)]
unsafe fn products<V: Vector>(a: V, b: V) -> [V; 3] {
    // SAFETY: by the contract of this function.
    unsafe {
        [
            a.product::<0x00>(b),
            a.product::<0x01>(b).xor(a.product::<0x10>(b)),
            a.product::<0x11>(b),
        ]
    }
}

/// The reduced product of each block.
///
/// # Safety
/// The features of `V` are there.
#[inline(always)]
unsafe fn mul_reduced<V: Vector>(a: V, b: V) -> V {
    // SAFETY: by the contract of this function.
    unsafe {
        let [low, mid, high] = products(a, b);
        // Of the high half, 64 bits at a time come back x^7 + x^2 + x + 1 times, those at the top first.
        let back = V::splat(&Block::from_u128(0x87));
        let hi = high.xor(mid.down());
        let top = hi.product::<0x01>(back);
        let rest = hi.xor(top.down()).product::<0x00>(back);
        low.xor(mid.up()).xor(top.up()).xor(rest)
    }
}

/// # Safety
/// The features of `V` are there.
#[inline(always)]
unsafe fn powers<V: Vector>(x: Block, out: &mut [Block]) {
    /// Registers that do not wait for each other.
    const CHAINS: usize = 4;
    // SAFETY: the features are there; all pointers are good for the blocks that are named.
    unsafe {
        let step = CHAINS * V::BLOCKS;
        let mut last = __m128i::splat(&Block::from_u128(1));
        let one = __m128i::splat(&x);
        for p in out.iter_mut().take(step) {
            last = mul_reduced(last, one);
            *p = last.sum();
        }
        if out.len() <= step {
            return;
        }
        let by = V::splat(&out[step - 1]);
        let mut power = [V::zero(); CHAINS];
        for (i, p) in power.iter_mut().enumerate() {
            *p = V::load(out[i * V::BLOCKS..].as_ptr().cast(), V::BLOCKS);
        }
        for out in out[step..].chunks_mut(step) {
            for (p, out) in power.iter_mut().zip(out.chunks_mut(V::BLOCKS)) {
                *p = mul_reduced(*p, by);
                p.store(out.as_mut_ptr().cast(), out.len());
            }
        }
    }
}
