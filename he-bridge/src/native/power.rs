//! Coefficients modulo a power of two, in words: one of up to 64 bits, or limbs of 52.
//!
//! A polynomial is stored word-plane by word-plane: all lowest limbs, then the next ones.

use piquet_core::pack::{self, Packer};
use piquet_core::wire::DecodeError;

/// The modulus 2^bits and how its residues lie in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Power {
    /// log2 of the modulus.
    pub(crate) bits: u32,
    /// Words of a coefficient.
    pub(crate) words: usize,
}

/// Bits of a limb where there are several.
pub(crate) const LIMB: u32 = 52;

impl Power {
    /// One word where that is enough, limbs otherwise.
    pub(crate) fn new(bits: u32) -> Self {
        let words = if bits <= 64 { 1 } else { bits.div_ceil(LIMB) } as usize;
        Self { bits, words }
    }
    /// Bits of word `w`.
    pub(crate) fn word_bits(&self, w: usize) -> u32 {
        if self.words == 1 {
            self.bits
        } else {
            (self.bits - LIMB * w as u32).min(LIMB)
        }
    }
    /// Bytes of `n` coefficients on the wire.
    pub(crate) fn packed_len(&self, n: usize) -> usize {
        (0..self.words)
            .map(|w| (n * self.word_bits(w) as usize).div_ceil(8))
            .sum()
    }
    /// Appends coefficients, plane by plane.
    pub(crate) fn pack(&self, planes: &[u64], out: &mut Vec<u8>) {
        let n = planes.len() / self.words;
        for (w, plane) in planes.chunks_exact(n).enumerate() {
            let mut p = Packer::new(out, self.word_bits(w));
            p.push(plane);
            p.finish();
        }
    }
    /// Reads `n` coefficients from just their bytes.
    pub(crate) fn unpack(&self, bytes: &[u8], n: usize) -> Result<Vec<u64>, DecodeError> {
        let want = self.packed_len(n);
        if bytes.len() != want {
            return Err(DecodeError::Length {
                got: bytes.len(),
                want,
            });
        }
        let mut planes = vec![0; n * self.words];
        let mut rest = bytes;
        for (w, plane) in planes.chunks_exact_mut(n).enumerate() {
            let k = self.word_bits(w);
            let (head, tail) = rest.split_at((n * k as usize).div_ceil(8));
            rest = tail;
            let mut u = pack::Unpacker::new(head, n, k)?;
            u.pull(plane);
        }
        Ok(planes)
    }
    /// Coefficient `i` of a polynomial.
    pub(crate) fn get(&self, planes: &[u64], i: usize) -> u128 {
        let n = planes.len() / self.words;
        (0..self.words.min(3))
            .map(|w| u128::from(planes[w * n + i]) << (LIMB * w as u32))
            .fold(0, u128::wrapping_add)
    }
    /// Sets coefficient `i` of a polynomial to a residue of `x`.
    pub(crate) fn set(&self, planes: &mut [u64], i: usize, x: u128) {
        let n = planes.len() / self.words;
        for w in 0..self.words {
            planes[w * n + i] = (x >> (LIMB * w as u32)) as u64 & pack::mask(self.word_bits(w));
        }
    }
    /// Adds `x` to coefficient `i`.
    pub(crate) fn add(&self, planes: &mut [u64], i: usize, x: u128) {
        let y = self.get(planes, i).wrapping_add(x);
        self.set(planes, i, y);
    }
    /// round(c / 2^(bits - to.bits)) of the coefficients at `positions`.
    pub(crate) fn round_down(
        &self,
        planes: &[u64],
        positions: impl ExactSizeIterator<Item = usize>,
        to: Self,
    ) -> Vec<u64> {
        let mut out = vec![0; positions.len() * to.words];
        let drop = self.bits - to.bits;
        let half = if drop == 0 { 0 } else { 1 << (drop - 1) };
        for (i, at) in positions.enumerate() {
            to.set(&mut out, i, self.get(planes, at).wrapping_add(half) >> drop);
        }
        out
    }
}
