//! Transposes by byte shuffles, with 8 x 8 bit transposes by GFNI in each 64-bit lane.
#![allow(unsafe_code)]
#![allow(clippy::needless_range_loop)] // indices number rows and columns as well as registers

use core::arch::x86_64::*;
use core::mem::MaybeUninit;

use super::portable;
use crate::Block;
use crate::cpu::Gfni512;

/// Byte j of this times a lane of bytes M (`gf2p8affineqb`) has bit i equal to bit j of M's byte 7 - i.
const DIAGONAL: i64 = 0x8040_2010_0804_0201_u64.cast_signed();

/// Columns of a tile: 16 bytes of each row.
const TILE: usize = 128;

/// 128 rows of 16 bytes: half h, register i, lane l has row 64 h + 16 l + i.
type Tile = [[__m512i; 16]; 2];

/// Tiles that are read or written together: 64 bytes of each row, a cache line, so that lines are touched once even
/// where all rows fall into the same set of the cache.
const LINE: usize = 4;

pub(super) fn rows_to_blocks(_: Gfni512, rows: &[u8], blocks: &mut [Block], stride: usize) {
    assert!(rows.len() == 128 * stride && blocks.len() == 8 * stride);
    // SAFETY: the proof shows that the features are there, and the lengths were asserted.
    let done = unsafe {
        let done = rows_to_blocks_tiles::<LINE>(rows, blocks, stride, 0);
        rows_to_blocks_tiles::<1>(rows, blocks, stride, done)
    };
    portable::rows_to_blocks(&rows[done / 8..], &mut blocks[done..], stride);
}

pub(super) fn blocks_to_rows(_: Gfni512, blocks: &[Block], rows: &mut [u8], stride: usize) {
    assert!(rows.len() == 128 * stride && blocks.len() == 8 * stride);
    // SAFETY: the proof shows that the features are there, and the lengths were asserted.
    let done = unsafe {
        let done = blocks_to_rows_tiles::<LINE>(blocks, rows, stride, 0);
        blocks_to_rows_tiles::<1>(blocks, rows, stride, done)
    };
    portable::blocks_to_rows(&blocks[done..], &mut rows[done / 8..], stride);
}

/// `N` = 1 or [`LINE`] tiles at a time from column `done` on; returns the column reached.
///
/// # Safety
/// `rows` has 128 rows of `stride` bytes, `blocks` has `8 * stride` blocks.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni")]
unsafe fn rows_to_blocks_tiles<const N: usize>(
    rows: &[u8],
    blocks: &mut [Block],
    stride: usize,
    mut done: usize,
) -> usize {
    let mut tiles = MaybeUninit::<[Tile; N]>::uninit();
    while blocks.len() - done >= TILE * N {
        let to = tiles.as_mut_ptr().cast::<Tile>();
        for h in 0..2 {
            for i in 0..16 {
                // In each eight rows reversed, as the bit transpose reverses them again.
                let row = |l: usize| {
                    rows.as_ptr()
                        .wrapping_add((64 * h + 16 * l + (i ^ 7)) * stride + done / 8)
                };
                // SAFETY: `N` tiles are left, so there are `16 N` bytes at each of the 128 rows; `to` has `N` tiles.
                unsafe {
                    if N == LINE {
                        let v = lanes4([
                            _mm512_loadu_si512(row(0).cast()),
                            _mm512_loadu_si512(row(1).cast()),
                            _mm512_loadu_si512(row(2).cast()),
                            _mm512_loadu_si512(row(3).cast()),
                        ]);
                        for (t, v) in v.into_iter().enumerate() {
                            (&raw mut (*to.add(t))[h][i]).write(v);
                        }
                    } else {
                        let v = _mm512_castsi128_si512(_mm_loadu_si128(row(0).cast()));
                        let v = _mm512_inserti32x4::<1>(v, _mm_loadu_si128(row(1).cast()));
                        let v = _mm512_inserti32x4::<2>(v, _mm_loadu_si128(row(2).cast()));
                        let v = _mm512_inserti32x4::<3>(v, _mm_loadu_si128(row(3).cast()));
                        (&raw mut (*to)[h][i]).write(v);
                    }
                }
            }
        }
        // SAFETY: the loops above wrote every register of `N` tiles.
        for tile in unsafe { tiles.assume_init_ref() } {
            tile_to_blocks(tile, &mut blocks[done..done + TILE]);
            done += TILE;
        }
    }
    done
}

/// The inverse of [`rows_to_blocks_tiles`].
///
/// # Safety
/// As there.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni")]
unsafe fn blocks_to_rows_tiles<const N: usize>(
    blocks: &[Block],
    rows: &mut [u8],
    stride: usize,
    mut done: usize,
) -> usize {
    let mut tiles = MaybeUninit::<[Tile; N]>::uninit();
    while blocks.len() - done >= TILE * N {
        let to = tiles.as_mut_ptr().cast::<Tile>();
        for t in 0..N {
            // SAFETY: `to` has `N` tiles.
            unsafe { blocks_to_tile(&blocks[done + TILE * t..][..TILE], to.add(t)) };
        }
        // SAFETY: the loop above wrote `N` tiles.
        let tiles = unsafe { tiles.assume_init_ref() };
        for h in 0..2 {
            for i in 0..16 {
                let v = lanes4(core::array::from_fn(|t| tiles[t % N][h][i]));
                for (l, v) in v.into_iter().enumerate() {
                    let row = rows
                        .as_mut_ptr()
                        .wrapping_add((64 * h + 16 * l + i) * stride + done / 8);
                    // SAFETY: `N` tiles are left, so there are `16 N` bytes at each of the 128 rows.
                    unsafe {
                        if N == LINE {
                            _mm512_storeu_si512(row.cast(), v);
                        } else {
                            _mm_storeu_si128(row.cast(), _mm512_castsi512_si128(v));
                        }
                    }
                }
            }
        }
        done += TILE * N;
    }
    done
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni")]
fn tile_to_blocks(tile: &Tile, blocks: &mut [Block]) {
    let diagonal = _mm512_set1_epi64(DIAGONAL);
    // Byte 16 b + g of the result from byte 8 g + b of two registers.
    let index = [
        load_index(&const { index(16, 8, 0, 0) }),
        load_index(&const { index(16, 8, 0, 4) }),
    ];
    // SAFETY: the features are there.
    let (lo, hi) = unsafe { (bytes16(tile[0]), bytes16(tile[1])) };
    for (c, blocks) in blocks.chunks_exact_mut(8).take(16).enumerate() {
        let lo = _mm512_gf2p8affine_epi64_epi8::<0>(diagonal, lo[c]);
        let hi = _mm512_gf2p8affine_epi64_epi8::<0>(diagonal, hi[c]);
        for (index, four) in index.iter().zip(blocks.chunks_exact_mut(4)) {
            let v = _mm512_permutex2var_epi8(lo, *index, hi);
            // SAFETY: four blocks are 64 bytes.
            unsafe { _mm512_storeu_si512(four.as_mut_ptr().cast(), v) };
        }
    }
}

/// # Safety
/// `to` is writable.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni")]
unsafe fn blocks_to_tile(blocks: &[Block], to: *mut Tile) {
    let (eights, _) = blocks.as_chunks::<8>();
    let diagonal = _mm512_set1_epi64(DIAGONAL);
    // Byte 8 g + b of half h from byte 8 h + g of block 7 - b: reversed, as the bit transpose reverses it again.
    let index = [
        load_index(&const { index(8, 16, 7, 0) }),
        load_index(&const { index(8, 16, 7, 8) }),
    ];
    for (h, index) in index.into_iter().enumerate() {
        macro_rules! columns {
            ($($c:literal)*) => {[$({
                let eight = eights[$c].as_ptr();
                // SAFETY: eight blocks are 128 bytes.
                let (a, b) = unsafe {
                    (
                        _mm512_loadu_si512(eight.cast()),
                        _mm512_loadu_si512(eight.add(4).cast()),
                    )
                };
                let v = _mm512_permutex2var_epi8(a, index, b);
                _mm512_gf2p8affine_epi64_epi8::<0>(diagonal, v)
            }),*]};
        }
        // Written out, as a loop would go through memory.
        let columns = columns!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        // SAFETY: the features are there, and `to` is writable.
        unsafe { (&raw mut (*to)[h]).write(bytes16(columns)) };
    }
}

/// Transposes a 4 x 4 matrix of 128-bit lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn lanes4(x: [__m512i; 4]) -> [__m512i; 4] {
    let (a, b) = (
        _mm512_shuffle_i64x2::<0x44>(x[0], x[1]),
        _mm512_shuffle_i64x2::<0x44>(x[2], x[3]),
    );
    let (c, d) = (
        _mm512_shuffle_i64x2::<0xee>(x[0], x[1]),
        _mm512_shuffle_i64x2::<0xee>(x[2], x[3]),
    );
    [
        _mm512_shuffle_i64x2::<0x88>(a, b),
        _mm512_shuffle_i64x2::<0xdd>(a, b),
        _mm512_shuffle_i64x2::<0x88>(c, d),
        _mm512_shuffle_i64x2::<0xdd>(c, d),
    ]
}

/// A byte permutation: position `m q + r` takes byte `scale (r ^ flip) + q + add`.
const fn index(m: usize, scale: usize, flip: usize, add: usize) -> [u8; 64] {
    let mut index = [0; 64];
    let mut at = 0;
    while at < 64 {
        index[at] = (scale * ((at % m) ^ flip) + at / m + add) as u8;
        at += 1;
    }
    index
}

/// The 8 x 8 byte transpose.
const TURN: [u8; 64] = index(8, 8, 0, 0);
/// The same with the bytes of each lane reversed, as the bit transpose reverses them again.
const TURN_REVERSED: [u8; 64] = index(8, 8, 7, 0);

#[inline]
#[target_feature(enable = "avx512f")]
fn load_index(index: &[u8; 64]) -> __m512i {
    // SAFETY: 64 bytes are readable.
    unsafe { _mm512_loadu_si512(index.as_ptr().cast()) }
}

/// Transposes a 16 x 16 byte matrix in each of the four 128-bit lanes.
///
/// # Safety
/// `avx512bw` is there.
#[inline(always)]
unsafe fn bytes16(mut x: [__m512i; 16]) -> [__m512i; 16] {
    for _ in 0..4 {
        let y = x;
        for i in 0..8 {
            // SAFETY: by the contract of this function.
            unsafe {
                x[2 * i] = _mm512_unpacklo_epi8(y[i], y[i + 8]);
                x[2 * i + 1] = _mm512_unpackhi_epi8(y[i], y[i + 8]);
            }
        }
    }
    x
}

/// Words of a group: eight words of each plane, a register.
const GROUP: usize = 512;

pub(super) fn to_planes(_: Gfni512, words: &[u64], k: usize, planes: &mut [u64]) {
    // SAFETY: the proof shows that the features are there.
    unsafe { to_planes_all(words, k, planes) }
}

pub(super) fn from_planes(_: Gfni512, planes: &[u64], k: usize, words: &mut [u64]) {
    // SAFETY: the proof shows that the features are there.
    unsafe { from_planes_all(planes, k, words) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni")]
fn to_planes_all(words: &[u64], k: usize, planes: &mut [u64]) {
    let stride = words.len().div_ceil(64);
    let diagonal = _mm512_set1_epi64(DIAGONAL);
    let turn = load_index(&TURN);
    let turn_reversed = load_index(&TURN_REVERSED);
    for (g, words) in words.chunks(GROUP).enumerate() {
        // planes 8 c .. 8 c + 8 of 64 words
        let mut by_byte = [[_mm512_setzero_si512(); 8]; 8];
        for (w, words) in words.chunks(64).enumerate() {
            let mut x = [_mm512_setzero_si512(); 8];
            for (i, x) in x.iter_mut().enumerate() {
                let v = _mm512_permutexvar_epi8(turn_reversed, load(words, 8 * i));
                *x = _mm512_gf2p8affine_epi64_epi8::<0>(diagonal, v);
            }
            for (c, x) in lanes8(x).into_iter().enumerate() {
                by_byte[c][w] = _mm512_permutexvar_epi8(turn, x);
            }
        }
        for (c, planes) in planes.chunks_mut(8 * stride).enumerate() {
            let x = lanes8(by_byte[c]);
            for (plane, x) in planes.chunks_mut(stride).zip(x) {
                store(plane, 8 * g, x);
            }
        }
    }
    debug_assert!(planes.len() == k * stride);
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni")]
fn from_planes_all(planes: &[u64], k: usize, words: &mut [u64]) {
    let stride = words.len().div_ceil(64);
    debug_assert!(planes.len() == k * stride);
    let diagonal = _mm512_set1_epi64(DIAGONAL);
    let turn = load_index(&TURN);
    let turn_reversed = load_index(&TURN_REVERSED);
    for (g, words) in words.chunks_mut(GROUP).enumerate() {
        let mut by_byte = [[_mm512_setzero_si512(); 8]; 8];
        for (x, planes) in by_byte.iter_mut().zip(planes.chunks(8 * stride)) {
            for (x, plane) in x.iter_mut().zip(planes.chunks(stride)) {
                *x = load(plane, 8 * g);
            }
            *x = lanes8(*x);
        }
        for (w, words) in words.chunks_mut(64).enumerate() {
            let mut x = [_mm512_setzero_si512(); 8];
            for (x, by_byte) in x.iter_mut().zip(&by_byte) {
                *x = _mm512_permutexvar_epi8(turn_reversed, by_byte[w]);
            }
            for (i, x) in lanes8(x).into_iter().enumerate() {
                let v = _mm512_gf2p8affine_epi64_epi8::<0>(diagonal, x);
                store(words, 8 * i, _mm512_permutexvar_epi8(turn, v));
            }
        }
    }
}

/// Transposes an 8 x 8 matrix of 64-bit words.
#[inline]
#[target_feature(enable = "avx512f")]
fn lanes8(r: [__m512i; 8]) -> [__m512i; 8] {
    let mut out = r;
    for odd in 0..2 {
        let t: [__m512i; 4] = core::array::from_fn(|i| {
            if odd == 0 {
                _mm512_unpacklo_epi64(r[2 * i], r[2 * i + 1])
            } else {
                _mm512_unpackhi_epi64(r[2 * i], r[2 * i + 1])
            }
        });
        let (a, b) = (
            _mm512_shuffle_i64x2::<0x88>(t[0], t[1]),
            _mm512_shuffle_i64x2::<0x88>(t[2], t[3]),
        );
        let (c, d) = (
            _mm512_shuffle_i64x2::<0xdd>(t[0], t[1]),
            _mm512_shuffle_i64x2::<0xdd>(t[2], t[3]),
        );
        out[odd] = _mm512_shuffle_i64x2::<0x88>(a, b);
        out[odd + 4] = _mm512_shuffle_i64x2::<0xdd>(a, b);
        out[odd + 2] = _mm512_shuffle_i64x2::<0x88>(c, d);
        out[odd + 6] = _mm512_shuffle_i64x2::<0xdd>(c, d);
    }
    out
}

/// Eight words from `at` on, zeros past the end.
#[inline]
#[target_feature(enable = "avx512f")]
fn load(words: &[u64], at: usize) -> __m512i {
    match words.get(at..) {
        // SAFETY: eight words are readable.
        Some(w) if w.len() >= 8 => unsafe { _mm512_loadu_si512(w.as_ptr().cast()) },
        // SAFETY: the mask selects the words there are.
        Some(w) => unsafe { _mm512_maskz_loadu_epi64((1 << w.len()) - 1, w.as_ptr().cast()) },
        None => _mm512_setzero_si512(),
    }
}

/// Eight words from `at` on, dropped past the end.
#[inline]
#[target_feature(enable = "avx512f")]
fn store(words: &mut [u64], at: usize, v: __m512i) {
    match words.get_mut(at..) {
        // SAFETY: eight words are writable.
        Some(w) if w.len() >= 8 => unsafe { _mm512_storeu_si512(w.as_mut_ptr().cast(), v) },
        // SAFETY: the mask selects the words there are.
        Some(w) => unsafe {
            _mm512_mask_storeu_epi64(w.as_mut_ptr().cast(), (1 << w.len()) - 1, v)
        },
        None => {}
    }
}
