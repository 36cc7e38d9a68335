//! Kernels in 256-bit registers: a few positions by two vectors of output channels, twice for a panel.
#![allow(unsafe_code)]
#![allow(clippy::indexing_slicing)]

use core::arch::x86_64::*;

use super::tile::{Kernel, Pairs, Tile};

macro_rules! kernel {
    (
        $module:ident, $word:ty, $int:ty, $most:literal: $($count:literal)*,
        $set1:ident, $add:ident, $parts:literal, $mac:ident, $join:ident
    ) => {
        pub(super) mod $module {
            use super::*;

            const LANES: usize = 32 / size_of::<$word>();
            const PANEL: usize = 4 * LANES;

            /// Needs `cpu::Avx2` proved.
            pub(in super::super) const KERNEL: Kernel<$word> = Kernel {
                rows: $most,
                tile: |t, out| {
                    // SAFETY: `Tiles::kernel` hands this kernel out only where `cpu::Avx2` was proved.
                    unsafe { tile::<false>(t, out) }
                },
                pairs: Some(Pairs {
                    tile: |t, out| {
                        // SAFETY: as above.
                        unsafe { tile::<true>(t, out) }
                    },
                    inputs: |table, sums| {
                        // SAFETY: as above.
                        unsafe { input_pairs(table, sums) }
                    },
                    weights: |w, sums| {
                        // SAFETY: as above.
                        unsafe { weight_pairs(w, sums) }
                    },
                }),
            };

            #[target_feature(enable = "avx2")]
            fn tile<const PAIRED: bool>(t: &Tile<'_, $word>, out: &mut [$word]) {
                for from in (0..t.width).step_by(2 * LANES) {
                    match t.count {
                        $($count => rows::<$count, PAIRED>(t, from, out),)*
                        n => unreachable!("a tile of {n} positions"),
                    }
                }
            }

            /// Two vectors of the panel from column `from` on, which is 0 or half a panel.
            #[target_feature(enable = "avx2")]
            fn rows<const COUNT: usize, const PAIRED: bool>(
                t: &Tile<'_, $word>,
                from: usize,
                out: &mut [$word],
            ) {
                assert!(from + 2 * LANES <= PANEL);
                let mut acc = [[[_mm256_setzero_si256(); $parts]; 2]; COUNT];
                for (s, w) in t.weights.iter().enumerate() {
                    let at = s * t.block + t.first;
                    let len = w.len() / PANEL;
                    let x: [*const $word; COUNT] = core::array::from_fn(|r| {
                        let x = t.inputs[at + r];
                        assert!(x.len() >= len);
                        x.as_ptr()
                    });
                    // Row `c` of the weights; call for `c < len` only.
                    let weights = |c: usize| -> [__m256i; 2] {
                        debug_assert!(c < len);
                        core::array::from_fn(|v| {
                            // SAFETY: `w` has `len` rows of PANEL words, and `from` leaves room for two vectors.
                            unsafe { _mm256_loadu_si256(w.as_ptr().add(c * PANEL + from + v * LANES).cast()) }
                        })
                    };
                    // Input `c` of position `r`; call for `c < len` only.
                    let input = |r: usize, c: usize| {
                        debug_assert!(c < len);
                        // SAFETY: every row has at least `len` words, asserted above.
                        $set1(unsafe { *x[r].add(c) } as $int)
                    };
                    let pairs = if PAIRED { len / 2 } else { 0 };
                    for c in 0..pairs {
                        let (w0, w1) = (weights(2 * c), weights(2 * c + 1));
                        for r in 0..COUNT {
                            let (x0, x1) = (input(r, 2 * c), input(r, 2 * c + 1));
                            for v in 0..2 {
                                acc[r][v] = $mac(acc[r][v], $add(x0, w1[v]), $add(x1, w0[v]));
                            }
                        }
                    }
                    for c in 2 * pairs..len {
                        let w = weights(c);
                        for r in 0..COUNT {
                            let x = input(r, c);
                            for v in 0..2 {
                                acc[r][v] = $mac(acc[r][v], x, w[v]);
                            }
                        }
                    }
                }
                for r in 0..COUNT {
                    let mut words: [$word; 2 * LANES] = [0; 2 * LANES];
                    for v in 0..2 {
                        // SAFETY: `words` is two vectors.
                        unsafe {
                            let at = words.as_mut_ptr().add(v * LANES).cast();
                            _mm256_storeu_si256(at, $join(acc[r][v]));
                        }
                    }
                    let used = (t.width - from).min(2 * LANES);
                    let row = &mut out[r * t.stride + t.column + from..][..used];
                    for (j, (o, word)) in row.iter_mut().zip(words).enumerate() {
                        let mut sum = if t.add { o.wrapping_add(word) } else { word };
                        if PAIRED {
                            sum = sum
                                .wrapping_sub(t.weight_pairs[from + j])
                                .wrapping_sub(t.input_pairs[t.first + r]);
                        }
                        *o = sum;
                    }
                }
            }

            #[target_feature(enable = "avx2")]
            fn input_pairs(table: &[&[$word]], sums: &mut [$word]) {
                let block = sums.len();
                for (position, sum) in sums.iter_mut().enumerate() {
                    *sum = 0;
                    for row in table.iter().skip(position).step_by(block) {
                        for [x0, x1] in row.as_chunks::<2>().0 {
                            *sum = sum.wrapping_add(x0.wrapping_mul(*x1));
                        }
                    }
                }
            }

            #[target_feature(enable = "avx2")]
            fn weight_pairs(w: &[$word], sums: &mut [$word]) {
                for pair in w.chunks_exact(2 * PANEL) {
                    let (w0, w1) = pair.split_at(PANEL);
                    for ((sum, w0), w1) in sums.iter_mut().zip(w0).zip(w1) {
                        *sum = sum.wrapping_add(w0.wrapping_mul(*w1));
                    }
                }
            }
        }
    };
}

#[target_feature(enable = "avx2")]
fn mac_u32([acc]: [__m256i; 1], a: __m256i, b: __m256i) -> [__m256i; 1] {
    [_mm256_add_epi32(acc, _mm256_mullo_epi32(a, b))]
}

#[target_feature(enable = "avx2")]
fn join_u32([acc]: [__m256i; 1]) -> __m256i {
    acc
}

/// There is no 64-bit product: sums apart the products of the low halves and, in 32 bits, those of a low and a high half.
#[target_feature(enable = "avx2")]
fn mac_u64([low, cross]: [__m256i; 2], a: __m256i, b: __m256i) -> [__m256i; 2] {
    let swapped = _mm256_shuffle_epi32::<0xb1>(b);
    [
        _mm256_add_epi64(low, _mm256_mul_epu32(a, b)),
        _mm256_add_epi32(cross, _mm256_mullo_epi32(a, swapped)),
    ]
}

/// `low + 2^32 (cross of the low half + cross of the high half)`
#[target_feature(enable = "avx2")]
fn join_u64([low, cross]: [__m256i; 2]) -> __m256i {
    let cross = _mm256_add_epi32(cross, _mm256_srli_epi64::<32>(cross));
    _mm256_add_epi64(low, _mm256_slli_epi64::<32>(cross))
}

kernel!(u64_lanes, u64, i64, 2: 1 2, _mm256_set1_epi64x, _mm256_add_epi64, 2, mac_u64, join_u64);
kernel!(u32_lanes, u32, i32, 4: 1 2 3 4, _mm256_set1_epi32, _mm256_add_epi32, 1, mac_u32, join_u32);
