//! The rings Z_2^k for k = 8, 16, 32, 64, 128, and vectors over them.
//!
//! All arithmetic wraps; there is no order and no `Display`, because a ring element is usually a share.
//! Every operation is constant time on targets whose multiplier is (all 64-bit x86 and ARM cores).

use core::fmt;
use rand_core::CryptoRng;
use zeroize::Zeroize;

mod sealed {
    pub trait Sealed: crate::linalg::Tiles {}
}

/// Z_2^BITS, represented by the machine word of that width.
pub trait Ring:
    sealed::Sealed
    + bytemuck::Pod
    + Copy
    + Eq
    + Default
    + zeroize::DefaultIsZeroes
    + fmt::Debug
    + Send
    + Sync
    + 'static
{
    /// log2 of the modulus.
    const BITS: u32;
    /// Length of an element on the wire (little-endian).
    const BYTES: usize;
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// Sum modulo 2^BITS.
    #[must_use]
    fn add(self, rhs: Self) -> Self;
    /// Difference modulo 2^BITS.
    #[must_use]
    fn sub(self, rhs: Self) -> Self;
    /// Product modulo 2^BITS.
    #[must_use]
    fn mul(self, rhs: Self) -> Self;
    /// Negation modulo 2^BITS.
    #[must_use]
    fn neg(self) -> Self;
    /// `self * 2^bits`; zero when `bits >= BITS`.
    #[must_use]
    fn shl(self, bits: u32) -> Self;
    /// `floor(self / 2^bits)` of the representative in `0..2^BITS`; zero when `bits >= BITS`.
    #[must_use]
    fn shr(self, bits: u32) -> Self;
    /// Bitwise exclusive or.
    #[must_use]
    fn xor(self, rhs: Self) -> Self;
    /// Bitwise and.
    #[must_use]
    fn and(self, rhs: Self) -> Self;
    /// The low word of a signed integer: reduction modulo 2^BITS.
    #[must_use]
    fn from_i128(v: i128) -> Self;
    /// The representative in `-2^(BITS-1)..2^(BITS-1)`.
    #[must_use]
    fn to_i128(self) -> i128;
    /// The low 64 bits of the representative in `0..2^BITS`.
    #[must_use]
    fn to_u64(self) -> u64;
    /// Reduction modulo 2^BITS of a number of 64 bits.
    #[must_use]
    fn from_u64(v: u64) -> Self;
    /// A uniform element.
    #[must_use]
    fn random<G: CryptoRng + ?Sized>(rng: &mut G) -> Self {
        let mut x = Self::ZERO;
        rng.fill_bytes(bytemuck::bytes_of_mut(&mut x));
        x
    }
}

macro_rules! ring {
    ($u:ty, $i:ty) => {
        impl sealed::Sealed for $u {}
        impl Ring for $u {
            const BITS: u32 = <$u>::BITS;
            const BYTES: usize = size_of::<$u>();
            const ZERO: Self = 0;
            const ONE: Self = 1;
            #[inline(always)]
            fn add(self, rhs: Self) -> Self {
                self.wrapping_add(rhs)
            }
            #[inline(always)]
            fn sub(self, rhs: Self) -> Self {
                self.wrapping_sub(rhs)
            }
            #[inline(always)]
            fn mul(self, rhs: Self) -> Self {
                self.wrapping_mul(rhs)
            }
            #[inline(always)]
            fn neg(self) -> Self {
                self.wrapping_neg()
            }
            #[inline(always)]
            fn shl(self, bits: u32) -> Self {
                self.checked_shl(bits).unwrap_or(0)
            }
            #[inline(always)]
            fn shr(self, bits: u32) -> Self {
                self.checked_shr(bits).unwrap_or(0)
            }
            #[inline(always)]
            fn xor(self, rhs: Self) -> Self {
                self ^ rhs
            }
            #[inline(always)]
            fn and(self, rhs: Self) -> Self {
                self & rhs
            }
            #[inline(always)]
            fn from_i128(v: i128) -> Self {
                v as $u
            }
            #[inline(always)]
            fn to_i128(self) -> i128 {
                (self as $i) as i128
            }
            #[inline(always)]
            fn to_u64(self) -> u64 {
                self as u64
            }
            #[inline(always)]
            fn from_u64(v: u64) -> Self {
                v as $u
            }
        }
    };
}
ring!(u8, i8);
ring!(u16, i16);
ring!(u32, i32);
ring!(u64, i64);
ring!(u128, i128);

/// A vector of ring elements that is wiped when freed and prints only its length.
///
/// It has no `Clone`: a copy of shares is made by [`RingVec::duplicate`], so that copies are seen in review.
#[derive(Default)]
pub struct RingVec<R: Ring>(Vec<R>);

impl<R: Ring> RingVec<R> {
    /// `len` zeros.
    #[must_use]
    pub fn zeros(len: usize) -> Self {
        Self(vec![R::ZERO; len])
    }
    /// `len` uniform elements.
    #[must_use]
    pub fn random<G: CryptoRng + ?Sized>(len: usize, rng: &mut G) -> Self {
        let mut v = Self::zeros(len);
        rng.fill_bytes(v.as_bytes_mut());
        v
    }
    /// None yet, and room for `len`.
    #[must_use]
    pub fn with_capacity(len: usize) -> Self {
        Self(Vec::with_capacity(len))
    }
    /// Elements for which there is room.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.0.capacity()
    }
    /// Wipes all elements and has none; the room stays.
    pub fn clear(&mut self) {
        self.zeroize();
        self.0.clear();
    }
    /// Becomes `len` elements, new ones zero. Where there is no room it moves, and wipes what it leaves.
    pub fn resize(&mut self, len: usize) {
        if len > self.0.capacity() {
            self.reserve(len);
        }
        if len < self.0.len() {
            self.0[len..].fill(R::ZERO);
            zeroize::optimization_barrier(self.0.as_slice());
        }
        self.0.resize(len, R::ZERO);
    }
    fn reserve(&mut self, len: usize) {
        let mut moved = Vec::with_capacity(len.max(2 * self.0.capacity()));
        moved.extend_from_slice(&self.0);
        *self = Self(moved);
    }
    /// Puts more behind. Where there is no room it moves, and wipes what it leaves.
    pub fn extend_from_slice(&mut self, more: &[R]) {
        let len = self.0.len() + more.len();
        if len > self.0.capacity() {
            self.reserve(len);
        }
        self.0.extend_from_slice(more);
    }
    /// A second copy.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The elements.
    #[must_use]
    pub fn as_slice(&self) -> &[R] {
        &self.0
    }
    /// The elements.
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [R] {
        &mut self.0
    }
    /// The elements in memory order; the wire is little-endian, and so are the supported targets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        bytemuck::must_cast_slice(&self.0)
    }
    /// The elements in memory order.
    #[must_use]
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
    /// `self[i] += rhs[i]`; the shorter length wins.
    pub fn add_assign(&mut self, rhs: &[R]) {
        crate::lanes::zip(&mut self.0, rhs, R::add);
    }
    /// `self[i] -= rhs[i]`; the shorter length wins.
    pub fn sub_assign(&mut self, rhs: &[R]) {
        crate::lanes::zip(&mut self.0, rhs, R::sub);
    }
    /// Takes the storage out, unwiped: the caller now answers for it.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<R> {
        core::mem::take(&mut self.0)
    }
}

impl<R: Ring> From<Vec<R>> for RingVec<R> {
    fn from(v: Vec<R>) -> Self {
        Self(v)
    }
}

impl<R: Ring> FromIterator<R> for RingVec<R> {
    fn from_iter<I: IntoIterator<Item = R>>(it: I) -> Self {
        Self(it.into_iter().collect())
    }
}

impl<R: Ring> Zeroize for RingVec<R> {
    fn zeroize(&mut self) {
        // Element by element, as the crate does it for slices, shows in the time of a network.
        crate::wipe(&mut self.0);
    }
}

impl<R: Ring> Drop for RingVec<R> {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl<R: Ring> fmt::Debug for RingVec<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RingVec<Z_2^{}>[{}]", R::BITS, self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ring_agrees_with_integers(a: i64, b: i64, s in 0u32..64) {
            let (ra, rb) = (u64::from_i128(a.into()), u64::from_i128(b.into()));
            prop_assert_eq!(Ring::add(ra, rb), u64::from_i128(a as i128 + b as i128));
            prop_assert_eq!(Ring::sub(ra, rb), u64::from_i128(a as i128 - b as i128));
            prop_assert_eq!(Ring::mul(ra, rb), u64::from_i128(a as i128 * b as i128));
            prop_assert_eq!(Ring::neg(ra), u64::from_i128(-(a as i128)));
            prop_assert_eq!(Ring::shl(ra, s), ra << s);
            prop_assert_eq!(Ring::shr(ra, s), ra >> s);
            prop_assert_eq!(ra.to_i128(), a as i128);
            prop_assert_eq!(ra.to_u64(), ra);
            prop_assert_eq!(u8::from_u64(ra).to_u64(), ra % 256);
            prop_assert_eq!(u128::from_u64(ra), u128::from(ra));
        }
    }

    #[test]
    fn shifts_past_the_width_are_zero() {
        assert_eq!(Ring::shl(1u8, 8), 0);
        assert_eq!(Ring::shr(255u8, 9), 0);
        assert_eq!(Ring::shl(1u128, 128), 0);
    }

    #[test]
    fn vectors_grow_and_are_wiped() {
        let mut v = RingVec::<u32>::with_capacity(3);
        for i in 0..50u32 {
            v.extend_from_slice(&[i, i + 1]);
        }
        assert_eq!(v.len(), 100);
        assert!((0..50).all(|i| v.as_slice()[2 * i..2 * i + 2] == [i as u32, i as u32 + 1]));
        v.resize(120);
        assert_eq!(v.as_slice()[99..], [&[50][..], &[0; 20]].concat());
        v.resize(1);
        v.resize(3);
        assert_eq!(v.as_slice(), [0, 0, 0]);
        v.extend_from_slice(&[8]);
        v.clear();
        assert!(v.is_empty() && v.capacity() >= 100);
        v.extend_from_slice(&[8]);
        v.zeroize();
        assert_eq!(v.as_slice(), [0]);
    }

    #[test]
    fn debug_shows_no_element() {
        let v = RingVec::from(vec![0xdead_beef_u64; 2]);
        assert_eq!(format!("{v:?}"), "RingVec<Z_2^64>[2]");
    }
}
