//! A 128-bit value: an AES block, a seed, a row of an OT matrix.

use core::fmt;
use core::ops::{BitAnd, BitXor, BitXorAssign, Not};

use rand_core::CryptoRng;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// 128 bits, aligned to 16 bytes, little-endian: byte 0 holds bits 0 to 7.
///
/// Slices cast to and from `[u128]` and (one way) to `[u8]` with `bytemuck`. A block is usually secret: it compares in
/// constant time, prints nothing, and has no order. It is `Copy`, so its owner wipes what it must
/// ([`zeroize::Zeroize`]); [`crate::Prg`] and the vectors of this crate do.
#[derive(Clone, Copy, Default)]
#[repr(C, align(16))]
pub struct Block(u128);

// SAFETY: all zeros is the valid block 0.
#[allow(unsafe_code)]
unsafe impl bytemuck::Zeroable for Block {}
// SAFETY: 16 bytes, no padding (size and alignment are 16), every bit pattern valid, no interior mutability.
#[allow(unsafe_code)]
unsafe impl bytemuck::Pod for Block {}

impl Block {
    /// 0
    pub const ZERO: Self = Self(0);
    /// The block whose bit i is bit i of `v`.
    #[inline(always)]
    #[must_use]
    pub const fn from_u128(v: u128) -> Self {
        Self(v)
    }
    /// The inverse of [`Block::from_u128`].
    #[inline(always)]
    #[must_use]
    pub const fn to_u128(self) -> u128 {
        self.0
    }
    /// A uniform block.
    #[must_use]
    pub fn random<G: CryptoRng + ?Sized>(rng: &mut G) -> Self {
        let mut b = [0; 16];
        rng.fill_bytes(&mut b);
        Self::from(b)
    }
}

/// Sets all bytes to 0, so that no optimisation drops it. Whole lines at a time: several times as fast as
/// [`zeroize::Zeroize`] on a slice, which goes element by element.
pub fn wipe<T: bytemuck::Pod>(items: &mut [T]) {
    bytemuck::cast_slice_mut::<T, u8>(items).fill(0);
    zeroize::optimization_barrier(items);
}

/// [`wipe`] of all the storage of a vector, past its length too, where something that was spent may lie. Its length becomes its
/// capacity.
pub fn wipe_vec<T: bytemuck::Pod>(items: &mut Vec<T>) {
    wipe(items);
    items.resize(items.capacity(), T::zeroed());
    zeroize::optimization_barrier(items.as_slice());
}

impl From<[u8; 16]> for Block {
    #[inline(always)]
    fn from(b: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(b))
    }
}

impl From<Block> for [u8; 16] {
    #[inline(always)]
    fn from(b: Block) -> Self {
        b.0.to_le_bytes()
    }
}

impl BitXor for Block {
    type Output = Self;
    #[inline(always)]
    fn bitxor(self, rhs: Self) -> Self {
        Self(self.0 ^ rhs.0)
    }
}

impl BitXorAssign for Block {
    #[inline(always)]
    fn bitxor_assign(&mut self, rhs: Self) {
        self.0 ^= rhs.0;
    }
}

impl BitAnd for Block {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, rhs: Self) -> Self {
        Self(self.0 & rhs.0)
    }
}

impl Not for Block {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl ConstantTimeEq for Block {
    #[inline]
    fn ct_eq(&self, rhs: &Self) -> Choice {
        self.0.ct_eq(&rhs.0)
    }
}

impl PartialEq for Block {
    fn eq(&self, rhs: &Self) -> bool {
        self.ct_eq(rhs).into()
    }
}

impl Eq for Block {}

impl ConditionallySelectable for Block {
    #[inline]
    fn conditional_select(a: &Self, b: &Self, choice: Choice) -> Self {
        Self(u128::conditional_select(&a.0, &b.0, choice))
    }
}

impl zeroize::DefaultIsZeroes for Block {}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Block(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zeroize::Zeroize;

    #[test]
    fn bytes_and_words_are_little_endian() {
        let b = Block::from_u128(0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100);
        assert_eq!(<[u8; 16]>::from(b)[..3], [0, 1, 2]);
        assert_eq!(Block::from(<[u8; 16]>::from(b)), b);
        let v = [b, Block::ZERO];
        assert_eq!(bytemuck::must_cast_slice::<Block, u8>(&v)[15], 15);
        assert_eq!(bytemuck::must_cast_slice::<Block, u128>(&v)[0], b.to_u128());
        assert_eq!((size_of::<Block>(), align_of::<Block>()), (16, 16));
    }

    #[test]
    fn selects_compares_wipes() {
        let (a, b) = (Block::from_u128(5), Block::from_u128(6 << 100));
        assert_eq!(Block::conditional_select(&a, &b, Choice::from(0)), a);
        assert_eq!(Block::conditional_select(&a, &b, Choice::from(1)), b);
        assert_ne!(a, b);
        assert_eq!(a ^ b ^ b, a);
        assert_eq!(a & b, Block::ZERO);
        let mut c = a;
        c ^= b;
        c.zeroize();
        assert_eq!(c, Block::ZERO);
        let mut pairs = [[a, b]; 9];
        wipe(&mut pairs[1..]);
        assert_eq!(pairs[0], [a, b]);
        assert_eq!(pairs[1..], [[Block::ZERO; 2]; 8]);
        wipe::<Block>(&mut []);
    }

    #[test]
    fn debug_shows_no_bit() {
        let b = Block::from_u128(0xdead_beef);
        assert_eq!(format!("{b:?} {:?}", [b]), "Block(..) [Block(..)]");
    }
}
