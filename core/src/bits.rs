//! Packed bits: choice bits, boolean shares, selection masks.

use core::fmt;
use core::ops::Range;

use rand_core::CryptoRng;
use zeroize::Zeroize;

use crate::wire::DecodeError;

/// A vector of secret bits, packed 64 to a word: element `64 w + i` is bit `i` of word `w`.
///
/// The length is public, the bits are not: they are wiped when freed and not printed. Bits of the last word past the
/// length are zero at all times. There is no `Clone`: copies are made by [`BitVec::duplicate`].
/// All operations are constant time in the bits; [`BitVec::get`] and [`BitVec::set`] take a public index.
#[derive(Default)]
pub struct BitVec {
    len: usize,
    words: Vec<u64>,
}

impl BitVec {
    /// `len` zeros.
    #[must_use]
    pub fn zeros(len: usize) -> Self {
        Self {
            len,
            words: vec![0; len.div_ceil(64)],
        }
    }
    /// `len` uniform bits; draws whole words.
    #[must_use]
    pub fn random<G: CryptoRng + ?Sized>(len: usize, rng: &mut G) -> Self {
        let mut v = Self::zeros(len);
        rng.fill_bytes(bytemuck::must_cast_slice_mut(&mut v.words));
        v.mask_tail();
        v
    }
    /// The bits of `bools`.
    #[must_use]
    pub fn from_bools(bools: &[bool]) -> Self {
        let mut v = Self::zeros(bools.len());
        for (w, c) in v.words.iter_mut().zip(bools.chunks(64)) {
            for (i, b) in c.iter().enumerate() {
                *w |= u64::from(*b) << i;
            }
        }
        v
    }
    /// The bits in order. The copy is not wiped.
    pub fn to_bools(&self) -> impl ExactSizeIterator<Item = bool> + '_ {
        (0..self.len).map(|i| (self.words[i / 64] >> (i % 64)) & 1 == 1)
    }
    /// The `len` bits of words packed like [`BitVec::words`]; missing words are zeros, excess bits are dropped.
    #[must_use]
    pub fn from_words(len: usize, mut words: Vec<u64>) -> Self {
        if let Some(excess) = words.get_mut(len.div_ceil(64)..) {
            excess.zeroize();
        }
        words.resize(len.div_ceil(64), 0);
        let mut v = Self { len, words };
        v.mask_tail();
        v
    }
    /// Decodes [`BitVec::as_bytes`] of a vector of `len` bits, known to the receiver. Refuses another number of bytes,
    /// and padding bits that are not zero.
    pub fn from_bytes(len: usize, bytes: &[u8]) -> Result<Self, DecodeError> {
        let want = len.div_ceil(8);
        if bytes.len() != want {
            return Err(DecodeError::Length {
                got: bytes.len(),
                want,
            });
        }
        if !len.is_multiple_of(8) && bytes.last().is_some_and(|b| b >> (len % 8) != 0) {
            return Err(DecodeError::Range("padding bits"));
        }
        let mut v = Self::zeros(len);
        bytemuck::must_cast_slice_mut::<u64, u8>(&mut v.words)[..want].copy_from_slice(bytes);
        Ok(v)
    }
    /// The wire form: `ceil(len / 8)` bytes, bit `i` of byte `b` being element `8 b + i`, padding zero.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &bytemuck::must_cast_slice(&self.words)[..self.len.div_ceil(8)]
    }
    /// A second copy.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self {
            len: self.len,
            words: self.words.clone(),
        }
    }
    /// Number of bits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// The packed words, `ceil(len / 64)` of them.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }
    /// The packed words. Whoever may have set bits past the length calls [`BitVec::mask_tail`] afterwards.
    #[must_use]
    pub fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }
    /// Clears the bits of the last word past the length.
    pub fn mask_tail(&mut self) {
        if !self.len.is_multiple_of(64)
            && let Some(w) = self.words.last_mut()
        {
            *w &= (1 << (self.len % 64)) - 1;
        }
    }
    /// Element `i`, a public index; `None` past the end.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<bool> {
        (i < self.len).then(|| (self.words[i / 64] >> (i % 64)) & 1 == 1)
    }
    /// Sets element `i`, a public index; nothing happens past the end.
    pub fn set(&mut self, i: usize, bit: bool) {
        if i < self.len {
            let w = &mut self.words[i / 64];
            *w = (*w & !(1 << (i % 64))) | (u64::from(bit) << (i % 64));
        }
    }
    /// `self[i] ^= rhs[i]`; the shorter length wins.
    pub fn xor_assign(&mut self, rhs: &Self) {
        for (a, b) in self.words.iter_mut().zip(&rhs.words) {
            *a ^= b;
        }
        self.mask_tail();
    }
    /// `self[i] &= rhs[i]`; the shorter length wins.
    pub fn and_assign(&mut self, rhs: &Self) {
        let keep = rhs.len % 64;
        let last = rhs.len / 64;
        for (i, (a, b)) in self.words.iter_mut().zip(&rhs.words).enumerate() {
            // Past the end of a shorter `rhs` its word is padding, not data.
            *a &= if i == last {
                b | (u64::MAX << keep)
            } else {
                *b
            };
        }
    }
    /// `self[i] = 1 - self[i]`
    pub fn not_assign(&mut self) {
        for w in &mut self.words {
            *w = !*w;
        }
        self.mask_tail();
    }
    /// Appends the bits of `rhs`.
    pub fn extend_from(&mut self, rhs: &Self) {
        let len = self.len + rhs.len;
        let mut words = Vec::with_capacity(len.div_ceil(64));
        words.extend_from_slice(&self.words);
        let shift = self.len % 64;
        if shift == 0 {
            words.extend_from_slice(&rhs.words);
        } else {
            for w in &rhs.words {
                if let Some(last) = words.last_mut() {
                    *last |= w << shift;
                }
                words.push(w >> (64 - shift));
            }
            words.truncate(len.div_ceil(64));
        }
        // The old storage is wiped by its own drop; growing in place could leave a copy behind.
        *self = Self { len, words };
    }
    /// The bits of all `parts` in order.
    #[must_use]
    pub fn concat(parts: &[&Self]) -> Self {
        let len = parts.iter().map(|p| p.len).sum();
        let mut out = Self::zeros(len);
        let mut at = 0;
        for p in parts {
            let (shift, first) = (at % 64, at / 64);
            for (i, w) in p.words.iter().enumerate() {
                out.words[first + i] |= w << shift;
                if shift != 0
                    && let Some(next) = out.words.get_mut(first + i + 1)
                {
                    *next |= w >> (64 - shift);
                }
            }
            at += p.len;
        }
        out
    }
    /// Elements `range`, a public range, cut off at the end of the vector.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.len);
        let start = range.start.min(end);
        let (first, shift) = (start / 64, start % 64);
        let mut out = Self::zeros(end - start);
        let src = &self.words[first.min(self.words.len())..];
        if shift == 0 {
            let n = out.words.len();
            out.words.copy_from_slice(&src[..n]);
        } else {
            for (i, w) in out.words.iter_mut().enumerate() {
                *w = (src[i] >> shift) | (src.get(i + 1).unwrap_or(&0) << (64 - shift));
            }
        }
        out.mask_tail();
        out
    }
}

impl Zeroize for BitVec {
    fn zeroize(&mut self) {
        crate::wipe(self.words.as_mut_slice());
    }
}

impl Drop for BitVec {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl fmt::Debug for BitVec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BitVec[{}]", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tail_is_zero(v: &BitVec) -> bool {
        let mut w = BitVec::from_words(v.len(), v.words().to_vec());
        w.xor_assign(v);
        v.words().len() == v.len().div_ceil(64) && w.words().iter().all(|w| *w == 0)
    }

    fn bools(v: &BitVec) -> Vec<bool> {
        assert!(tail_is_zero(v));
        v.to_bools().collect()
    }

    proptest! {
        #[test]
        fn agrees_with_bools(a in prop::collection::vec(any::<bool>(), 0..300),
                             b in prop::collection::vec(any::<bool>(), 0..300), s: usize, t: usize) {
            let (va, vb) = (BitVec::from_bools(&a), BitVec::from_bools(&b));
            prop_assert_eq!(bools(&va), a.clone());
            prop_assert_eq!(bools(&va.duplicate()), a.clone());

            let mut both = va.duplicate();
            both.extend_from(&vb);
            let joined = [&a[..], &b[..]].concat();
            prop_assert_eq!(bools(&both), joined.clone());
            prop_assert_eq!(bools(&BitVec::concat(&[&va, &vb, &va])), [&joined[..], &a[..]].concat());

            let (s, t) = (s % (joined.len() + 9), t % (joined.len() + 9));
            let (s, t) = (s.min(t), s.max(t));
            let cut = &joined[s.min(joined.len())..t.min(joined.len())];
            prop_assert_eq!(bools(&both.slice(s..t)), cut);

            let mut x = va.duplicate();
            x.xor_assign(&vb);
            let mut want = a.clone();
            want.iter_mut().zip(&b).for_each(|(p, q)| *p ^= q);
            prop_assert_eq!(bools(&x), want);

            let mut x = va.duplicate();
            x.and_assign(&vb);
            let mut want = a.clone();
            want.iter_mut().zip(&b).for_each(|(p, q)| *p &= q);
            prop_assert_eq!(bools(&x), want);

            let mut x = va.duplicate();
            x.not_assign();
            prop_assert_eq!(bools(&x), a.iter().map(|b| !b).collect::<Vec<_>>());

            let back = BitVec::from_bytes(a.len(), va.as_bytes()).unwrap();
            prop_assert_eq!(bools(&back), a);
        }

        #[test]
        fn set_changes_one_bit(len in 1usize..200, i: usize, bit: bool) {
            let i = i % len;
            let mut v = BitVec::zeros(len);
            v.not_assign();
            v.set(i, bit);
            for j in 0..len {
                prop_assert_eq!(v.get(j), Some(j != i || bit));
            }
            v.set(len, true);
            prop_assert!(tail_is_zero(&v));
            prop_assert_eq!(v.get(len), None);
        }
    }

    #[test]
    fn bytes_are_exact_and_canonical() {
        let v = BitVec::from_bools(&[true; 9]);
        assert_eq!(v.as_bytes(), [255, 1]);
        assert_eq!(
            BitVec::from_bytes(9, &[255]).unwrap_err(),
            DecodeError::Length { got: 1, want: 2 }
        );
        assert_eq!(
            BitVec::from_bytes(9, &[255, 3]).unwrap_err(),
            DecodeError::Range("padding bits")
        );
        assert!(BitVec::from_bytes(8, &[255]).is_ok());
        assert!(BitVec::from_bytes(0, &[]).is_ok());
        assert!(BitVec::from_bytes(0, &[0]).is_err());
        assert!(BitVec::from_bytes(usize::MAX, &[0]).is_err());
    }

    #[test]
    fn random_bits_are_balanced() {
        use rand_core::SeedableRng;
        let mut rng = rand_chacha::ChaCha20Rng::from_seed([9; 32]);
        let v = BitVec::random(100_003, &mut rng);
        assert!(tail_is_zero(&v));
        let ones = v.to_bools().filter(|b| *b).count();
        // Six standard deviations: a false alarm has probability below 2^-28, and the seed is fixed.
        assert!(ones.abs_diff(50_001) < 6 * 158, "{ones}");
    }

    #[test]
    fn debug_shows_no_bit() {
        assert_eq!(format!("{:?}", BitVec::from_bools(&[true; 3])), "BitVec[3]");
    }
}
