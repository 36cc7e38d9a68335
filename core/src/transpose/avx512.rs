//! Transposes by byte shuffles, with 8 x 8 bit transposes by GFNI in each 64-bit lane.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use super::portable;
use crate::Block;
use crate::cpu::Gfni512;

/// Byte j of this times a lane of bytes M (`gf2p8affineqb`) has bit i equal to bit j of M's byte 7 - i.
const DIAGONAL: i64 = 0x8040_2010_0804_0201_u64.cast_signed();

/// Columns of a tile: 16 bytes of each row.
const TILE: usize = 128;

pub(super) fn rows_to_blocks(_: Gfni512, rows: &[u8], blocks: &mut [Block], stride: usize) {
    assert!(rows.len() >= 128 * stride && blocks.len() <= 8 * stride);
    let tiles = blocks.len() / TILE;
    for t in 0..tiles {
        // SAFETY: the proof shows that the features are there. Row i has 16 bytes at `i * stride + 16 * t`, and there
        // are `TILE` blocks at `TILE * t`, by the lengths asserted above and `t < tiles`.
        unsafe {
            rows_to_blocks_tile(
                rows.as_ptr().add(16 * t),
                stride,
                blocks.as_mut_ptr().add(TILE * t),
            );
        }
    }
    if blocks.len() > TILE * tiles {
        portable::rows_to_blocks(&rows[16 * tiles..], &mut blocks[TILE * tiles..], stride);
    }
}

pub(super) fn blocks_to_rows(_: Gfni512, blocks: &[Block], rows: &mut [u8], stride: usize) {
    assert!(rows.len() >= 128 * stride && blocks.len() <= 8 * stride);
    let tiles = blocks.len() / TILE;
    for t in 0..tiles {
        // SAFETY: as in `rows_to_blocks`.
        unsafe {
            blocks_to_rows_tile(
                blocks.as_ptr().add(TILE * t),
                rows.as_mut_ptr().add(16 * t),
                stride,
            );
        }
    }
    if blocks.len() > TILE * tiles {
        portable::blocks_to_rows(&blocks[TILE * tiles..], &mut rows[16 * tiles..], stride);
    }
}

/// 64 rows: lane l of register i has row 16 l + (i ^ 7): reversed in each eight, as the bit transpose reverses them
/// again. Unsafe: 16 bytes must be readable at each row.
///
/// A macro, as a function of this size is not inlined, and its result would go through memory.
macro_rules! rows64 {
    ($rows:expr, $stride:expr) => {{
        let mut at = [0, 16, 32, 48].map(|row| $rows.wrapping_add(row * $stride));
        macro_rules! next {
            () => {{
                let v = lanes_from(at);
                at = at.map(|p| p.wrapping_add($stride));
                v
            }};
        }
        let (r0, r1, r2, r3) = (next!(), next!(), next!(), next!());
        let (r4, r5, r6, r7) = (next!(), next!(), next!(), next!());
        let (r8, r9, r10, r11) = (next!(), next!(), next!(), next!());
        let (r12, r13, r14) = (next!(), next!(), next!());
        let r15 = lanes_from(at);
        [
            r7, r6, r5, r4, r3, r2, r1, r0, r15, r14, r13, r12, r11, r10, r9, r8,
        ]
    }};
}

/// Lane l from `at[l]`.
///
/// By hand, since the compiler makes shuffles of the masked broadcasts, and shuffles are what there is least room for.
///
/// # Safety
/// 16 bytes are readable at each address.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni")]
unsafe fn lanes_from(at: [*const u8; 4]) -> __m512i {
    let v: __m512i;
    // SAFETY: reads the 16 bytes at each address, and nothing else.
    unsafe {
        core::arch::asm!(
            "vbroadcasti32x4 {v}, [{p0}]",
            "vbroadcasti32x4 {v}{{{k1}}}, [{p1}]",
            "vbroadcasti32x4 {v}{{{k2}}}, [{p2}]",
            "vbroadcasti32x4 {v}{{{k3}}}, [{p3}]",
            v = out(zmm_reg) v,
            p0 = in(reg) at[0],
            p1 = in(reg) at[1],
            p2 = in(reg) at[2],
            p3 = in(reg) at[3],
            k1 = in(kreg) 0x00f0_u16,
            k2 = in(kreg) 0x0f00_u16,
            k3 = in(kreg) 0xf000_u16,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    v
}

/// # Safety
/// 16 bytes are readable at each of the 128 rows, and `TILE` blocks writable.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni")]
unsafe fn rows_to_blocks_tile(rows: *const u8, stride: usize, blocks: *mut Block) {
    let diagonal = _mm512_set1_epi64(DIAGONAL);
    // Byte 16 b + g of the result from byte 8 g + b of two registers.
    let index = [
        load_index(&const { index(16, 8, 0, 0) }),
        load_index(&const { index(16, 8, 0, 4) }),
    ];
    // SAFETY: 16 bytes are readable at each of the 64 rows of a half.
    let (lo, hi) = unsafe {
        (
            bytes16(rows64!(rows, stride)),
            bytes16(rows64!(rows.add(64 * stride), stride)),
        )
    };
    for c in 0..16 {
        let lo = _mm512_gf2p8affine_epi64_epi8::<0>(diagonal, lo[c]);
        let hi = _mm512_gf2p8affine_epi64_epi8::<0>(diagonal, hi[c]);
        for (q, index) in index.iter().enumerate() {
            let v = _mm512_permutex2var_epi8(lo, *index, hi);
            // SAFETY: 128 blocks are writable; this one is four of them.
            unsafe { _mm512_storeu_si512(blocks.add(8 * c + 4 * q).cast(), v) };
        }
    }
}

/// # Safety
/// `TILE` blocks are readable, and 16 bytes writable at each of the 128 rows.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni")]
unsafe fn blocks_to_rows_tile(blocks: *const Block, rows: *mut u8, stride: usize) {
    // SAFETY: by the contract of this function; each call writes 64 rows.
    unsafe {
        rows64_from_blocks::<0>(blocks, rows, stride);
        rows64_from_blocks::<1>(blocks, rows.add(64 * stride), stride);
    }
}

/// Half `H` of the rows.
///
/// # Safety
/// `TILE` blocks are readable, and 16 bytes writable at each of 64 rows.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,gfni")]
unsafe fn rows64_from_blocks<const H: usize>(blocks: *const Block, rows: *mut u8, stride: usize) {
    let diagonal = _mm512_set1_epi64(DIAGONAL);
    // Byte 8 g + b from byte 8 H + g of block 7 - b: reversed, as the bit transpose reverses it again.
    let index = load_index(&const { index(8, 16, 7, 8 * H) });
    let column = |c: usize| {
        // SAFETY: 128 blocks are readable; these are eight of them.
        let (a, b) = unsafe {
            (
                _mm512_loadu_si512(blocks.add(8 * c).cast()),
                _mm512_loadu_si512(blocks.add(8 * c + 4).cast()),
            )
        };
        let v = _mm512_permutex2var_epi8(a, index, b);
        _mm512_gf2p8affine_epi64_epi8::<0>(diagonal, v)
    };
    // Written out, as a loop would go through memory.
    let columns = [
        column(0),
        column(1),
        column(2),
        column(3),
        column(4),
        column(5),
        column(6),
        column(7),
        column(8),
        column(9),
        column(10),
        column(11),
        column(12),
        column(13),
        column(14),
        column(15),
    ];
    // SAFETY: the features are there.
    let v = unsafe { bytes16(columns) };
    for (i, v) in v.into_iter().enumerate() {
        let lanes = [
            _mm512_castsi512_si128(v),
            _mm512_extracti32x4_epi32::<1>(v),
            _mm512_extracti32x4_epi32::<2>(v),
            _mm512_extracti32x4_epi32::<3>(v),
        ];
        for (l, v) in lanes.into_iter().enumerate() {
            // SAFETY: 16 bytes are writable at each row below 64.
            unsafe { _mm_storeu_si128(rows.add((16 * l + i) * stride).cast(), v) };
        }
    }
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
