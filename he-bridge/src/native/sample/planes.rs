//! Small numbers from bits, 64 at a time: bit i of a word belongs to number i, and what is done to a word is done to
//! 64 numbers.
//!
//! Everything is Boolean operations on words, then one spreading of bits to bytes.
#![allow(unsafe_code)]

use piquet_core::cpu::{self, Level};

/// Numbers of a block.
pub(super) const BLOCK: usize = 512;
/// A bit of every number of a block.
pub(super) type Row = [u64; BLOCK / 64];
/// Coins of an error.
pub(super) const COINS: usize = 2 * crate::noise::ETA as usize;

/// Which kernels run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kernels {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(cpu::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(cpu::Avx512),
}

impl Kernels {
    pub(super) fn new() -> Self {
        Self::with_level(cpu::level())
    }
    pub(super) fn with_level(level: Level) -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(proof) = cpu::Avx512::at(level) {
                return Self::Avx512(proof);
            }
            if let Some(proof) = cpu::Avx2::at(level) {
                return Self::Avx2(proof);
            }
        }
        let _ = level;
        Self::Portable
    }
    /// The number of ones among the coins of each number, less half the coins. What was in `coins` is no longer.
    pub(super) fn heads(self, coins: &mut [Row; COINS], out: &mut [i8; BLOCK]) {
        match self {
            Self::Portable => {
                count(coins);
                for (j, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
                    portable::sum(coins, j, out);
                }
            }
            // SAFETY: the proof is of these features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => unsafe { x86::heads2(coins, out) },
            // SAFETY: the proof is of these features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => unsafe { x86::heads512(coins, out) },
        }
    }
    /// Appends the pairs of bits of two words that are not both 1 to `kept`, which holds `count` pairs, at most a
    /// block less one. Returns how many there are then.
    pub(super) fn keep(
        self,
        [a, b]: [u64; 2],
        kept: &mut [[u64; BLOCK / 64 + 1]; 2],
        count: usize,
    ) -> usize {
        let wanted = !(a & b);
        let packed = match self {
            Self::Portable => portable::extract([a, b], wanted),
            // SAFETY: the proof is of these features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => unsafe { x86::extract([a, b], wanted) },
            // SAFETY: the proof is of these features, and more.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => unsafe { x86::extract([a, b], wanted) },
        };
        let (word, bit) = (count / 64, count % 64);
        for (kept, packed) in kept.iter_mut().zip(packed) {
            kept[word] |= packed << bit;
            kept[word + 1] |= packed >> 1 >> (63 - bit);
        }
        count + wanted.count_ones() as usize
    }
    /// First bits less second bits, of the first pairs of a block.
    pub(super) fn differences(self, kept: &[[u64; BLOCK / 64 + 1]; 2], out: &mut [i8]) {
        let mut last = [0; 64];
        for (j, out) in out.chunks_mut(64).enumerate() {
            let (a, b) = (kept[0][j], kept[1][j]);
            match out.as_mut_array() {
                Some(out) => self.difference(a, b, out),
                None => {
                    self.difference(a, b, &mut last);
                    out.copy_from_slice(&last[..out.len()]);
                }
            }
        }
        piquet_core::wipe(&mut last);
    }
    fn difference(self, a: u64, b: u64, out: &mut [i8; 64]) {
        match self {
            Self::Portable => portable::difference(a, b, out),
            // SAFETY: the proof is of these features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => unsafe { x86::difference2(a, b, out) },
            // SAFETY: the proof is of these features.
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => unsafe { x86::difference512(a, b, out) },
        }
    }
}

/// Bits of a number of ones.
const PLANES: usize = 6;
const _: () = assert!(COINS < 1 << PLANES && COINS / 2 < 1 << (PLANES - 1));

/// Leaves the bits of the numbers of ones in the first rows, the lowest first.
///
/// Rows of one weight are added three at a time (two where two are left): the sum stays, the carry is a row of the
/// next weight. With r rows that makes floor(r / 2) carries, which are written where rows were read before; so weight
/// w begins at row w.
#[inline(always)]
fn count(coins: &mut [Row; COINS]) {
    let mut rows = COINS;
    for plane in 0..PLANES {
        let coins = &mut coins[plane..];
        let mut sum = coins[0];
        let carries = rows / 2;
        for k in 1..=carries {
            let a = coins[2 * k - 1];
            // The last carry of an even number of rows is of two.
            let b = if 2 * k < rows { coins[2 * k] } else { [0; 8] };
            for j in 0..8 {
                let both = sum[j] ^ a[j];
                coins[k][j] = (sum[j] & a[j]) | (both & b[j]);
                sum[j] = both ^ b[j];
            }
        }
        coins[0] = sum;
        rows = carries;
    }
}

mod portable {
    use super::{COINS, PLANES, Row};

    const ONES: u64 = 0x0101_0101_0101_0101;

    /// The bits of a byte as bytes, 0 or 1.
    fn spread(byte: u64) -> u64 {
        let bits = byte.wrapping_mul(ONES) & 0x8040_2010_0804_0201;
        // Bytes of one bit or none: no carries.
        (bits + 0x7f * ONES) >> 7 & ONES
    }

    /// Numbers of 64 from the bits of word j of the first rows, less half the coins.
    pub(super) fn sum(planes: &[Row; COINS], j: usize, out: &mut [i8; 64]) {
        for (b, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
            let sum = (0..PLANES).fold(0, |s, k| s + (spread(planes[k][j] >> (8 * b) & 255) << k));
            // Bytes below 128 + 42 - 21: no carries.
            let less = sum + (128 - COINS as u64 / 2) * ONES;
            *out = (less ^ (128 * ONES)).to_le_bytes().map(u8::cast_signed);
        }
    }

    pub(super) fn difference(a: u64, b: u64, out: &mut [i8; 64]) {
        for (i, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
            let [a, b] = [a, b].map(|x| spread(x >> (8 * i) & 255));
            // Bytes of at least 127 before the sign is put back: no borrows.
            let less = (a + 128 * ONES) - b;
            *out = (less ^ (128 * ONES)).to_le_bytes().map(u8::cast_signed);
        }
    }

    /// The bits of both words at which `mask` is 1, moved to the lowest places in order: in step i those move by 2^i
    /// places that have an odd multiple of 2^i ... zeros of the mask below them (Warren, Hacker's Delight, 7-4).
    pub(super) fn extract([mut a, mut b]: [u64; 2], mut mask: u64) -> [u64; 2] {
        let mut zeros = !mask << 1;
        (a, b) = (a & mask, b & mask);
        for i in 0..6 {
            let parity = (0..6).fold(zeros, |p, k| p ^ (p << (1 << k)));
            let moving = parity & mask;
            mask = (mask ^ moving) | (moving >> (1 << i));
            for x in [&mut a, &mut b] {
                let t = *x & moving;
                *x = (*x ^ t) | (t >> (1 << i));
            }
            zeros &= !parity;
        }
        [a, b]
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::*;

    use super::{BLOCK, COINS, PLANES, Row, count};

    const HALF: i8 = (COINS / 2) as i8;

    #[target_feature(enable = "bmi2")]
    pub(super) fn extract([a, b]: [u64; 2], mask: u64) -> [u64; 2] {
        [_pext_u64(a, mask), _pext_u64(b, mask)]
    }

    /// All ones in the bytes whose bit is set.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn spread(bits: u32) -> __m256i {
        let byte = _mm256_setr_epi64x(
            0,
            0x0101_0101_0101_0101,
            0x0202_0202_0202_0202,
            0x0303_0303_0303_0303,
        );
        let bit = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
        let x = _mm256_shuffle_epi8(_mm256_set1_epi32(bits.cast_signed()), byte);
        _mm256_cmpeq_epi8(_mm256_and_si256(x, bit), bit)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn store(x: __m256i, out: &mut [i8; 32]) {
        // SAFETY: 32 bytes.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), x) }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,fma")]
    pub(super) fn heads2(coins: &mut [Row; COINS], out: &mut [i8; BLOCK]) {
        count(coins);
        for (j, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
            let sum = (0..PLANES).rev().fold(_mm256_setzero_si256(), |s, k| {
                let bits = (coins[k][j / 2] >> (32 * (j % 2))) as u32;
                _mm256_sub_epi8(_mm256_add_epi8(s, s), spread(bits))
            });
            store(_mm256_sub_epi8(sum, _mm256_set1_epi8(HALF)), out);
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,fma")]
    pub(super) fn difference2(a: u64, b: u64, out: &mut [i8; 64]) {
        for (j, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
            let [a, b] = [a, b].map(|x| (x >> (32 * j)) as u32);
            store(_mm256_sub_epi8(spread(b), spread(a)), out);
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,fma")]
    pub(super) fn heads512(coins: &mut [Row; COINS], out: &mut [i8; BLOCK]) {
        count(coins);
        let out: &mut [[i8; 64]] = out.as_chunks_mut().0;
        for (j, out) in out.iter_mut().enumerate() {
            let sum = (0..PLANES).fold(_mm512_set1_epi8(-HALF), |s, k| {
                _mm512_mask_add_epi8(s, coins[k][j], s, _mm512_set1_epi8(1 << k))
            });
            // SAFETY: 64 bytes.
            unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), sum) }
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,fma")]
    pub(super) fn difference512(a: u64, b: u64, out: &mut [i8; 64]) {
        let (one, minus) = (_mm512_set1_epi8(1), _mm512_set1_epi8(-1));
        let x = _mm512_mask_mov_epi8(_mm512_maskz_mov_epi8(a, one), b, minus);
        // SAFETY: 64 bytes.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), x) }
    }
}
