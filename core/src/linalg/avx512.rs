//! Kernels in 512-bit registers: up to twelve positions by one or two vectors of output channels.
//!
//! Twelve by two accumulators leave eight registers for the weights of a pair, two broadcast inputs and the sums and
//! products. Every count of positions has its own loop, so that no lane computes what nobody stores.
#![allow(unsafe_code)]
#![allow(clippy::indexing_slicing)]

use core::arch::x86_64::*;

use super::tile::{Kernel, Pairs, Tile};

/// Most positions of a tile.
const ROWS: usize = 12;

/// The loop for the tile's count of positions and vectors.
macro_rules! dispatch {
    ($rows:ident, $lanes:expr, $paired:literal, $t:ident, $out:ident; $($n:literal)*) => {
        match ($t.count, $t.width > $lanes) {
            $(($n, true) => $rows::<$n, 2, $paired>($t, $out),)*
            $(($n, false) => $rows::<$n, 1, $paired>($t, $out),)*
            (n, _) => unreachable!("a tile of {n} positions"),
        }
    };
}

macro_rules! kernel {
    (
        $module:ident, $word:ty, $int:ty, $mask:ty,
        $set1:ident, $mullo:ident, $add:ident, $sub:ident, $load:ident, $store:ident, $squash:ident
    ) => {
        pub(super) mod $module {
            use super::*;

            const LANES: usize = 64 / size_of::<$word>();
            const PANEL: usize = 2 * LANES;

            /// Needs `cpu::Avx512` proved.
            pub(in super::super) const KERNEL: Kernel<$word> = Kernel {
                rows: ROWS,
                tile: |t, out| {
                    // SAFETY: `Tiles::kernel` hands this kernel out only where `cpu::Avx512` was proved.
                    unsafe { plain(t, out) }
                },
                pairs: Some(Pairs {
                    tile: |t, out| {
                        // SAFETY: as above.
                        unsafe { paired(t, out) }
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

            #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
            fn plain(t: &Tile<'_, $word>, out: &mut [$word]) {
                dispatch!(rows, LANES, false, t, out; 1 2 3 4 5 6 7 8 9 10 11 12);
            }

            #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
            fn paired(t: &Tile<'_, $word>, out: &mut [$word]) {
                dispatch!(rows, LANES, true, t, out; 1 2 3 4 5 6 7 8 9 10 11 12);
            }

            #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
            fn rows<const COUNT: usize, const VECTORS: usize, const PAIRED: bool>(
                t: &Tile<'_, $word>,
                out: &mut [$word],
            ) {
                // The sums go there at the end: by then it has come, from however far.
                for r in 0..COUNT {
                    let row = &out[r * t.stride + t.column..][..t.width];
                    for v in 0..VECTORS {
                        _mm_prefetch::<_MM_HINT_T0>(row.as_ptr().wrapping_add(v * LANES).cast());
                    }
                }
                let mut acc = [[_mm512_setzero_si512(); VECTORS]; COUNT];
                if PAIRED {
                    let weights = &t.weight_pairs[..PANEL];
                    for r in 0..COUNT {
                        let input = $set1(t.input_pairs[t.first + r] as $int);
                        for v in 0..VECTORS {
                            let at = weights.as_ptr().wrapping_add(v * LANES).cast();
                            // SAFETY: `weights` has PANEL words, of which VECTORS vectors are read.
                            let weights = unsafe { _mm512_loadu_si512(at) };
                            acc[r][v] = $sub($sub(acc[r][v], weights), input);
                        }
                    }
                }
                let mut ahead = t.ahead;
                for (s, w) in t.weights.iter().enumerate() {
                    let at = s * t.block + t.first;
                    let len = w.len() / PANEL;
                    let x: [*const $word; COUNT] = core::array::from_fn(|r| {
                        let x = t.inputs[at + r];
                        assert!(x.len() >= len);
                        x.as_ptr()
                    });
                    // Row `c` of the weights; call for `c < len` only.
                    let weights = |c: usize| -> [__m512i; VECTORS] {
                        debug_assert!(c < len);
                        core::array::from_fn(|v| {
                            // SAFETY: `w` has `len` rows of PANEL words, of which VECTORS vectors are read.
                            unsafe { _mm512_loadu_si512(w.as_ptr().add(c * PANEL + v * LANES).cast()) }
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
                        _mm_prefetch::<_MM_HINT_T1>(ahead.cast());
                        ahead = ahead.wrapping_add(LANES);
                        let (w0, w1) = (weights(2 * c), weights(2 * c + 1));
                        for r in 0..COUNT {
                            let (x0, x1) = (input(r, 2 * c), input(r, 2 * c + 1));
                            for v in 0..VECTORS {
                                let product = $mullo($add(x0, w1[v]), $add(x1, w0[v]));
                                acc[r][v] = $add(acc[r][v], product);
                            }
                        }
                    }
                    for c in 2 * pairs..len {
                        let w = weights(c);
                        for r in 0..COUNT {
                            let x = input(r, c);
                            for v in 0..VECTORS {
                                acc[r][v] = $add(acc[r][v], $mullo(x, w[v]));
                            }
                        }
                    }
                }
                let lanes: [$mask; VECTORS] = core::array::from_fn(|v| {
                    let used = t.width.saturating_sub(v * LANES).min(LANES);
                    ((1u32 << used) - 1) as $mask
                });
                for r in 0..COUNT {
                    let row = &mut out[r * t.stride + t.column..][..t.width];
                    for v in 0..VECTORS {
                        // Within the row wherever a lane is used.
                        let at = row.as_mut_ptr().wrapping_add(v * LANES).cast();
                        let mut sum = acc[r][v];
                        // SAFETY: the masks name lanes of the row's `width` words, and only those are touched.
                        unsafe {
                            if t.add {
                                sum = $add(sum, $load(lanes[v], at));
                            }
                            $store(at, lanes[v], sum);
                        }
                    }
                }
            }

            #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
            fn input_pairs(table: &[&[$word]], sums: &mut [$word]) {
                let block = sums.len();
                for (position, sum) in sums.iter_mut().enumerate() {
                    let mut acc = _mm512_setzero_si512();
                    for row in table.iter().skip(position).step_by(block) {
                        for part in row[..row.len() & !1].chunks(LANES) {
                            let lanes = ((1u32 << part.len()) - 1) as $mask;
                            // SAFETY: the mask names the words of `part`, and only those are touched.
                            let x = unsafe { $load(lanes, part.as_ptr().cast()) };
                            acc = _mm512_add_epi64(acc, $squash(x));
                        }
                    }
                    *sum = _mm512_reduce_add_epi64(acc) as $word;
                }
            }

            #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl")]
            fn weight_pairs(w: &[$word], sums: &mut [$word]) {
                let sums = &mut sums[..PANEL];
                let mut acc = [_mm512_setzero_si512(); 2];
                for pair in w.chunks_exact(2 * PANEL) {
                    for v in 0..2 {
                        // SAFETY: `pair` is two rows of PANEL words, two vectors each.
                        let (w0, w1) = unsafe {
                            let at = pair.as_ptr().add(v * LANES);
                            (_mm512_loadu_si512(at.cast()), _mm512_loadu_si512(at.add(PANEL).cast()))
                        };
                        acc[v] = $add(acc[v], $mullo(w0, w1));
                    }
                }
                for v in 0..2 {
                    // SAFETY: `sums` has PANEL words, two vectors.
                    unsafe {
                        let at = sums.as_mut_ptr().add(v * LANES).cast();
                        _mm512_storeu_si512(at, $add(acc[v], _mm512_loadu_si512(at)));
                    }
                }
            }
        }
    };
}

/// In every 64-bit lane a product that sums, modulo 2^32, to that of the neighbours: they share a lane.
#[target_feature(enable = "avx512f")]
fn squash_u32(x: __m512i) -> __m512i {
    _mm512_mul_epu32(x, _mm512_srli_epi64::<32>(x))
}

/// In every even lane the product with the odd lane beside it, in odd lanes nothing.
#[target_feature(enable = "avx512f,avx512dq")]
fn squash_u64(x: __m512i) -> __m512i {
    _mm512_mullo_epi64(x, _mm512_maskz_unpackhi_epi64(0x55, x, x))
}

kernel!(
    u64_lanes,
    u64,
    i64,
    __mmask8,
    _mm512_set1_epi64,
    _mm512_mullo_epi64,
    _mm512_add_epi64,
    _mm512_sub_epi64,
    _mm512_maskz_loadu_epi64,
    _mm512_mask_storeu_epi64,
    squash_u64
);
kernel!(
    u32_lanes,
    u32,
    i32,
    __mmask16,
    _mm512_set1_epi32,
    _mm512_mullo_epi32,
    _mm512_add_epi32,
    _mm512_sub_epi32,
    _mm512_maskz_loadu_epi32,
    _mm512_mask_storeu_epi32,
    squash_u32
);
