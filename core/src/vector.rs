//! Registers of blocks: what kernels that do more than map blocks are written over, once for both widths.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use crate::Block;

/// A register of [`Vector::BLOCKS`] blocks. Each kernel has a caller with the target features, into which it is inlined
/// with all that is here.
///
/// # Safety
/// All functions: the features of the implementation are there, which are those of [`crate::cpu::AesNi`] or of
/// [`crate::cpu::Vaes512`] and, for products, of [`crate::cpu::Clmul`] or of [`crate::cpu::Clmul512`]; pointers, which
/// need no alignment, are good for the blocks that are named.
pub(crate) trait Vector: Copy {
    /// Halves of blocks, chosen one by one.
    type Mask: Copy;
    /// Blocks of a register.
    const BLOCKS: usize;
    /// 0 in all.
    unsafe fn zero() -> Self;
    /// The same block in all.
    unsafe fn splat(b: *const Block) -> Self;
    /// The blocks `first`, `first + 1`, ..., modulo 2^64.
    unsafe fn counter(first: u64) -> Self;
    /// The first `n` blocks at `from`, and 0 in the others; `n` is at least 1.
    unsafe fn load(from: *const u8, n: usize) -> Self;
    /// Writes the first `n` blocks, at least 1.
    unsafe fn store(self, to: *mut u8, n: usize);
    unsafe fn xor(self, rhs: Self) -> Self;
    /// All of it if `bit` is 1, nothing if it is 0.
    unsafe fn times(self, bit: u8) -> Self;
    /// A round of AES.
    unsafe fn round(self, key: Self) -> Self;
    /// The last round.
    unsafe fn last_round(self, key: Self) -> Self;
    /// σ(a‖b) = (a ⊕ b)‖a in each block.
    unsafe fn sigma(self) -> Self;
    /// Blocks of `self` and `rhs` in turn.
    unsafe fn interleave(self, rhs: Self) -> [Self; 2];
    /// In each 32-bit word w: 16 ⌊w n / 2^32⌋, modulo 2^32.
    unsafe fn offsets(self, n: u32) -> Self;
    /// The product of polynomials in each block: of the high half if `HALVES` has bit 0, else the low half, of this by
    /// that half of `rhs` which bit 4 says.
    unsafe fn product<const HALVES: i32>(self, rhs: Self) -> Self;
    /// Each block with its halves swapped.
    unsafe fn swapped(self) -> Self;
    /// Each block shifted up by 64 bits.
    unsafe fn up(self) -> Self;
    /// Each block shifted down by 64 bits.
    unsafe fn down(self) -> Self;
    /// The sum of the blocks.
    unsafe fn sum(self) -> Block;
    /// To block i at `to` adds the sum of the blocks of `x[i]`.
    unsafe fn add_sums(x: [Self; 4], to: *mut Block);
    /// The same number in all halves.
    unsafe fn halves(v: u64) -> Self;
    /// The low half of each block in both halves.
    unsafe fn low(self) -> Self;
    /// The high half of each block in both halves.
    unsafe fn high(self) -> Self;
    /// The halves in which the one bit is set that is set in those of `bit`.
    unsafe fn test(self, bit: Self) -> Self::Mask;
    /// The halves in which it is not.
    unsafe fn test_not(self, bit: Self) -> Self::Mask;
    /// `self` ⊕ `a` where `m`.
    unsafe fn xor_where(self, m: Self::Mask, a: Self) -> Self;
    /// `self` ⊕ `a` ⊕ `b` where `m`.
    unsafe fn xor2_where(self, m: Self::Mask, a: Self, b: Self) -> Self;
    /// `self` + `a` in halves, modulo 2^64, where `m`.
    unsafe fn add_where(self, m: Self::Mask, a: Self) -> Self;
    /// `self` - `a` in halves, modulo 2^64.
    unsafe fn sub(self, a: Self) -> Self;
    /// 0 - `self` in halves, modulo 2^64, where `m`.
    unsafe fn neg_where(self, m: Self::Mask) -> Self;
    /// The first `n` words at `from` in the low halves of the first `n` blocks; 0 in the others. `n` is at least 1.
    unsafe fn load_words(from: *const u64, n: usize) -> Self;
    /// Writes the low halves of the first `n` blocks, at least 1.
    unsafe fn store_words(self, to: *mut u64, n: usize);
    /// All of `x`, which the compiler has at hand at once here. It orders chains of instructions one after the other if
    /// that saves registers, and they are then too far apart for the processor to overlap them.
    unsafe fn at_once<const N: usize>(x: &mut [Self; N]);
}

/// No instruction, between whose inputs and outputs no optimisation looks.
macro_rules! barrier {
    ($class:ident, $template:literal, $($x:expr),*) => {
        core::arch::asm!($template, $(inout($class) $x),*, options(pure, nomem, nostack, preserves_flags))
    };
}

#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn at_once_4(x: &mut [__m512i; 4]) {
    // SAFETY: no instruction.
    unsafe { barrier!(zmm_reg, "/* {} {} {} {} */", x[0], x[1], x[2], x[3]) }
}

#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn at_once_8(x: &mut [__m512i; 8]) {
    // SAFETY: no instruction.
    unsafe {
        barrier!(
            zmm_reg,
            "/* {} {} {} {} {} {} {} {} */",
            x[0],
            x[1],
            x[2],
            x[3],
            x[4],
            x[5],
            x[6],
            x[7]
        )
    }
}

/// The mask as it is. The compiler would ask for its complement and select with one instruction more.
#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
unsafe fn as_is(mut m: __mmask8) -> __mmask8 {
    // SAFETY: no instruction.
    unsafe { barrier!(kreg, "/* {} */", m) }
    m
}

impl Vector for __m128i {
    type Mask = Self;
    const BLOCKS: usize = 1;
    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: by the contract of the trait, as in all that follows.
        unsafe { _mm_setzero_si128() }
    }
    #[inline(always)]
    unsafe fn splat(b: *const Block) -> Self {
        // SAFETY: as above.
        unsafe { _mm_loadu_si128(b.cast()) }
    }
    #[inline(always)]
    unsafe fn counter(first: u64) -> Self {
        // SAFETY: as above.
        unsafe { _mm_set_epi64x(0, first.cast_signed()) }
    }
    #[inline(always)]
    unsafe fn load(from: *const u8, _: usize) -> Self {
        // SAFETY: as above.
        unsafe { _mm_loadu_si128(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut u8, _: usize) {
        // SAFETY: as above.
        unsafe { _mm_storeu_si128(to.cast(), self) }
    }
    #[inline(always)]
    unsafe fn xor(self, rhs: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm_xor_si128(self, rhs) }
    }
    #[inline(always)]
    unsafe fn times(self, bit: u8) -> Self {
        // SAFETY: as above.
        unsafe { _mm_and_si128(self, _mm_set1_epi64x(-i64::from(bit))) }
    }
    #[inline(always)]
    unsafe fn round(self, key: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm_aesenc_si128(self, key) }
    }
    #[inline(always)]
    unsafe fn last_round(self, key: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm_aesenclast_si128(self, key) }
    }
    #[inline(always)]
    unsafe fn sigma(self) -> Self {
        // SAFETY: as above.
        unsafe {
            let high = _mm_blend_epi32::<0b1100>(_mm_setzero_si128(), self);
            _mm_xor_si128(_mm_shuffle_epi32::<0x4e>(self), high)
        }
    }
    #[inline(always)]
    unsafe fn interleave(self, rhs: Self) -> [Self; 2] {
        [self, rhs]
    }
    #[inline(always)]
    unsafe fn offsets(self, n: u32) -> Self {
        // SAFETY: as above.
        unsafe {
            let n = _mm_set1_epi64x(n.into());
            let even = _mm_srli_epi64::<32>(_mm_mul_epu32(self, n));
            let odd = _mm_mul_epu32(_mm_srli_epi64::<32>(self), n);
            _mm_slli_epi32::<4>(_mm_blend_epi32::<0b1010>(even, odd))
        }
    }
    #[inline(always)]
    unsafe fn product<const HALVES: i32>(self, rhs: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm_clmulepi64_si128::<HALVES>(self, rhs) }
    }
    #[inline(always)]
    unsafe fn swapped(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm_shuffle_epi32::<0x4e>(self) }
    }
    #[inline(always)]
    unsafe fn up(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm_bslli_si128::<8>(self) }
    }
    #[inline(always)]
    unsafe fn down(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm_bsrli_si128::<8>(self) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> Block {
        let mut b = Block::ZERO;
        // SAFETY: as above; a block is 16 bytes.
        unsafe { self.store(core::ptr::from_mut(&mut b).cast(), 1) };
        b
    }
    #[inline(always)]
    unsafe fn add_sums(x: [Self; 4], to: *mut Block) {
        for (i, x) in x.into_iter().enumerate() {
            // SAFETY: as above.
            unsafe {
                let to: *mut u8 = to.add(i).cast();
                x.xor(Self::load(to, 1)).store(to, 1);
            }
        }
    }
    #[inline(always)]
    unsafe fn halves(v: u64) -> Self {
        // SAFETY: as above.
        unsafe { _mm_set1_epi64x(v.cast_signed()) }
    }
    #[inline(always)]
    unsafe fn low(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm_shuffle_epi32::<0x44>(self) }
    }
    #[inline(always)]
    unsafe fn high(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm_shuffle_epi32::<0xee>(self) }
    }
    #[inline(always)]
    unsafe fn test(self, bit: Self) -> Self::Mask {
        // SAFETY: as above.
        unsafe { _mm_cmpeq_epi64(_mm_and_si128(self, bit), bit) }
    }
    #[inline(always)]
    unsafe fn test_not(self, bit: Self) -> Self::Mask {
        // SAFETY: as above.
        unsafe { _mm_cmpeq_epi64(_mm_and_si128(self, bit), _mm_setzero_si128()) }
    }
    #[inline(always)]
    unsafe fn xor_where(self, m: Self::Mask, a: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm_xor_si128(self, _mm_and_si128(m, a)) }
    }
    #[inline(always)]
    unsafe fn xor2_where(self, m: Self::Mask, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        unsafe { self.xor_where(m, a.xor(b)) }
    }
    #[inline(always)]
    unsafe fn add_where(self, m: Self::Mask, a: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm_add_epi64(self, _mm_and_si128(m, a)) }
    }
    #[inline(always)]
    unsafe fn sub(self, a: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm_sub_epi64(self, a) }
    }
    #[inline(always)]
    unsafe fn neg_where(self, m: Self::Mask) -> Self {
        // SAFETY: as above.
        unsafe { _mm_sub_epi64(_mm_xor_si128(self, m), m) }
    }
    #[inline(always)]
    unsafe fn load_words(from: *const u64, _: usize) -> Self {
        // SAFETY: as above; a word is 8 bytes.
        unsafe { _mm_loadl_epi64(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store_words(self, to: *mut u64, _: usize) {
        // SAFETY: as above; a word is 8 bytes.
        unsafe { _mm_storel_epi64(to.cast(), self) }
    }
    #[inline(always)]
    unsafe fn at_once<const N: usize>(x: &mut [Self; N]) {
        // SAFETY: no instruction.
        unsafe {
            if let Some(x) = x.first_chunk_mut::<8>() {
                barrier!(
                    xmm_reg,
                    "/* {} {} {} {} {} {} {} {} */",
                    x[0],
                    x[1],
                    x[2],
                    x[3],
                    x[4],
                    x[5],
                    x[6],
                    x[7]
                );
            } else if let Some(x) = x.first_chunk_mut::<4>() {
                barrier!(xmm_reg, "/* {} {} {} {} */", x[0], x[1], x[2], x[3]);
            }
        }
    }
}

impl Vector for __m512i {
    type Mask = __mmask8;
    const BLOCKS: usize = 4;
    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: by the contract of the trait, as in all that follows.
        unsafe { _mm512_setzero_si512() }
    }
    #[inline(always)]
    unsafe fn splat(b: *const Block) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_broadcast_i32x4(_mm_loadu_si128(b.cast())) }
    }
    #[inline(always)]
    unsafe fn counter(first: u64) -> Self {
        // SAFETY: as above.
        unsafe {
            _mm512_add_epi64(
                _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0),
                _mm512_maskz_set1_epi64(0b0101_0101, first.cast_signed()),
            )
        }
    }
    #[inline(always)]
    unsafe fn load(from: *const u8, n: usize) -> Self {
        // SAFETY: as above; the mask selects `n` blocks.
        unsafe {
            if n >= 4 {
                _mm512_loadu_si512(from.cast())
            } else {
                _mm512_maskz_loadu_epi64(0xff >> (8 - 2 * n), from.cast())
            }
        }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut u8, n: usize) {
        // SAFETY: as above; the mask selects `n` blocks.
        unsafe {
            if n >= 4 {
                _mm512_storeu_si512(to.cast(), self);
            } else {
                _mm512_mask_storeu_epi64(to.cast(), 0xff >> (8 - 2 * n), self);
            }
        }
    }
    #[inline(always)]
    unsafe fn xor(self, rhs: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_xor_si512(self, rhs) }
    }
    #[inline(always)]
    unsafe fn times(self, bit: u8) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_and_si512(self, _mm512_set1_epi64(-i64::from(bit))) }
    }
    #[inline(always)]
    unsafe fn round(self, key: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_aesenc_epi128(self, key) }
    }
    #[inline(always)]
    unsafe fn last_round(self, key: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_aesenclast_epi128(self, key) }
    }
    #[inline(always)]
    unsafe fn sigma(self) -> Self {
        // SAFETY: as above.
        unsafe {
            let high = _mm512_set_epi64(-1, 0, -1, 0, -1, 0, -1, 0);
            // swapped ^ (x & high)
            _mm512_ternarylogic_epi64::<0x78>(_mm512_shuffle_epi32::<0x4e>(self), self, high)
        }
    }
    #[inline(always)]
    unsafe fn interleave(self, rhs: Self) -> [Self; 2] {
        // SAFETY: as above.
        unsafe {
            let low = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
            let high = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
            [
                _mm512_permutex2var_epi64(self, low, rhs),
                _mm512_permutex2var_epi64(self, high, rhs),
            ]
        }
    }
    #[inline(always)]
    unsafe fn offsets(self, n: u32) -> Self {
        // SAFETY: as above.
        unsafe {
            let n = _mm512_set1_epi64(n.into());
            let even = _mm512_srli_epi64::<32>(_mm512_mul_epu32(self, n));
            let odd = _mm512_mul_epu32(_mm512_srli_epi64::<32>(self), n);
            _mm512_slli_epi32::<4>(_mm512_mask_mov_epi32(even, 0xaaaa, odd))
        }
    }
    #[inline(always)]
    unsafe fn product<const HALVES: i32>(self, rhs: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_clmulepi64_epi128::<HALVES>(self, rhs) }
    }
    #[inline(always)]
    unsafe fn swapped(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_shuffle_epi32::<0x4e>(self) }
    }
    #[inline(always)]
    unsafe fn up(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_bslli_epi128::<8>(self) }
    }
    #[inline(always)]
    unsafe fn down(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_bsrli_epi128::<8>(self) }
    }
    #[inline(always)]
    unsafe fn sum(self) -> Block {
        let mut b = [Block::ZERO; 4];
        // SAFETY: as above; four blocks are 64 bytes.
        unsafe { self.store(b.as_mut_ptr().cast(), 4) };
        b[0] ^ b[1] ^ b[2] ^ b[3]
    }
    #[inline(always)]
    unsafe fn add_sums(x: [Self; 4], to: *mut Block) {
        // SAFETY: as above; four blocks are 64 bytes.
        unsafe {
            // Lanes 0 and 1, and 2 and 3, of the first come to stand in lanes 0 and 1 ...
            let a = _mm512_xor_si512(
                _mm512_shuffle_i64x2::<0x44>(x[0], x[1]),
                _mm512_shuffle_i64x2::<0xee>(x[0], x[1]),
            );
            let b = _mm512_xor_si512(
                _mm512_shuffle_i64x2::<0x44>(x[2], x[3]),
                _mm512_shuffle_i64x2::<0xee>(x[2], x[3]),
            );
            // ... and then even and odd lanes of both in the order of the registers.
            let sums = _mm512_xor_si512(
                _mm512_shuffle_i64x2::<0x88>(a, b),
                _mm512_shuffle_i64x2::<0xdd>(a, b),
            );
            sums.xor(Self::load(to.cast(), 4)).store(to.cast(), 4);
        }
    }
    #[inline(always)]
    unsafe fn halves(v: u64) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_set1_epi64(v.cast_signed()) }
    }
    #[inline(always)]
    unsafe fn low(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_shuffle_epi32::<0x44>(self) }
    }
    #[inline(always)]
    unsafe fn high(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_shuffle_epi32::<0xee>(self) }
    }
    #[inline(always)]
    unsafe fn test(self, bit: Self) -> Self::Mask {
        // SAFETY: as above.
        unsafe { as_is(_mm512_test_epi64_mask(self, bit)) }
    }
    #[inline(always)]
    unsafe fn test_not(self, bit: Self) -> Self::Mask {
        // SAFETY: as above.
        unsafe { as_is(_mm512_testn_epi64_mask(self, bit)) }
    }
    #[inline(always)]
    unsafe fn xor_where(self, m: Self::Mask, a: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_mask_xor_epi64(self, m, self, a) }
    }
    #[inline(always)]
    unsafe fn xor2_where(self, m: Self::Mask, a: Self, b: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_mask_ternarylogic_epi64::<0x96>(self, m, a, b) }
    }
    #[inline(always)]
    unsafe fn add_where(self, m: Self::Mask, a: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_mask_add_epi64(self, m, self, a) }
    }
    #[inline(always)]
    unsafe fn sub(self, a: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_sub_epi64(self, a) }
    }
    #[inline(always)]
    unsafe fn neg_where(self, m: Self::Mask) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_mask_sub_epi64(self, m, _mm512_setzero_si512(), self) }
    }
    #[inline(always)]
    unsafe fn load_words(from: *const u64, n: usize) -> Self {
        // SAFETY: as above; the mask selects `n` words of 8 bytes.
        unsafe {
            let words = if n >= 4 {
                _mm256_loadu_si256(from.cast())
            } else {
                _mm256_maskz_loadu_epi64(0xf >> (4 - n), from.cast())
            };
            let spread = _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0);
            _mm512_maskz_permutexvar_epi64(0b0101_0101, spread, _mm512_castsi256_si512(words))
        }
    }
    #[inline(always)]
    unsafe fn store_words(self, to: *mut u64, n: usize) {
        // SAFETY: as above; the mask selects `n` words of 8 bytes.
        unsafe {
            let gather = _mm512_set_epi64(0, 0, 0, 0, 6, 4, 2, 0);
            let words = _mm512_castsi512_si256(_mm512_permutexvar_epi64(gather, self));
            if n >= 4 {
                _mm256_storeu_si256(to.cast(), words);
            } else {
                _mm256_mask_storeu_epi64(to.cast(), 0xf >> (4 - n), words);
            }
        }
    }
    #[inline(always)]
    unsafe fn at_once<const N: usize>(x: &mut [Self; N]) {
        // SAFETY: as above.
        unsafe {
            if let Some(x) = x.first_chunk_mut() {
                at_once_8(x);
            } else if let Some(x) = x.first_chunk_mut() {
                at_once_4(x);
            }
        }
    }
}
