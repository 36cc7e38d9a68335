//! Products of polynomials by integer multiplications: with only every fifth bit of the factors there, the carries of up
//! to 13 terms stay in the gaps.

use super::Sums;
use crate::Block;

pub(super) fn add_rows(sums: &mut Sums, rows: &[u8], stride: usize, chi: &[Block]) {
    for r in 0..sums.len() {
        let row = &rows[r * stride..][..16 * chi.len()];
        for (x, chi) in row.as_chunks::<16>().0.iter().zip(chi) {
            let [lo, hi] = wide_mul(u128::from_le_bytes(*x), chi.to_u128());
            sums.lo[r] ^= Block::from_u128(lo);
            sums.hi[r] ^= Block::from_u128(hi);
        }
    }
}

/// The product, low half first, by Karatsuba.
fn wide_mul(a: u128, b: u128) -> [u128; 2] {
    let halves = |v: u128| (v as u64, (v >> 64) as u64);
    let ((a0, a1), (b0, b1)) = (halves(a), halves(b));
    let (lo, hi) = (clmul(a0, b0), clmul(a1, b1));
    let mid = clmul(a0 ^ a1, b0 ^ b1) ^ lo ^ hi;
    [lo ^ (mid << 64), hi ^ (mid >> 64)]
}

fn clmul(a: u64, b: u64) -> u128 {
    /// Bits 0, 5, 10, ...
    const FIFTH: u128 = 0x2108_4210_8421_0842_1084_2108_4210_8421;
    let class = |v: u64| core::array::from_fn::<_, 5, _>(|i| v & ((FIFTH << i) as u64));
    let (a, b) = (class(a), class(b));
    let mut by_class = [0u128; 5];
    for i in 0..5 {
        for j in 0..5 {
            by_class[(i + j) % 5] ^= u128::from(a[i]) * u128::from(b[j]);
        }
    }
    let mut out = 0;
    for (i, v) in by_class.into_iter().enumerate() {
        out ^= v & (FIFTH << i);
    }
    out
}
