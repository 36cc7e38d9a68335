//! Coefficients modulo a power of two, in words: one of up to 64 bits, or limbs of 52.
//!
//! A polynomial is stored word-plane by word-plane: all lowest limbs, then the next ones. Residues have every word
//! below 2 to its bits. Sums are made word by word without carries, and [`Power::carry`] makes residues of them: with
//! several limbs it takes words as signed numbers of 64 bits, so that some thousands of residues and small signed
//! numbers may have been added.

mod planes;
mod scale;

use core::ops::Range;

use piquet_core::cpu::{self, Level};
use piquet_core::pack::{self, Packer};
use piquet_core::wire::DecodeError;

pub(crate) use scale::Scale;

/// The modulus 2^bits and how its residues lie in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Power {
    /// log2 of the modulus.
    pub(crate) bits: u32,
    /// Words of a coefficient.
    pub(crate) words: usize,
    level: Level,
}

/// Bits of a limb where there are several.
pub(crate) const LIMB: u32 = 52;

impl Power {
    /// One word where that is enough, limbs otherwise.
    pub(crate) fn new(bits: u32) -> Self {
        let words = if bits <= 64 { 1 } else { bits.div_ceil(LIMB) } as usize;
        Self {
            bits,
            words,
            level: cpu::level(),
        }
    }
    /// The same with the kernels of `level`.
    pub(crate) fn at(self, level: Level) -> Self {
        Self { level, ..self }
    }
    /// Bits of word `w`.
    pub(crate) fn word_bits(&self, w: usize) -> u32 {
        if self.words == 1 {
            self.bits
        } else {
            (self.bits - LIMB * w as u32).min(LIMB)
        }
    }
    /// The bits of word `w`, set.
    #[inline(always)]
    pub(crate) fn mask(&self, w: usize) -> u64 {
        pack::mask(self.word_bits(w))
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
        out.reserve(self.packed_len(n));
        for w in 0..self.words {
            let mut p = Packer::new(out, self.word_bits(w));
            p.push(&planes[w * n..][..n]);
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
        for w in 0..self.words {
            let k = self.word_bits(w);
            let (head, tail) = rest.split_at((n * k as usize).div_ceil(8));
            rest = tail;
            let mut u = pack::Unpacker::new(head, n, k)?;
            u.pull(&mut planes[w * n..][..n]);
        }
        Ok(planes)
    }
    /// The lowest 128 bits of coefficient `i` of a polynomial.
    pub(crate) fn get(&self, planes: &[u64], i: usize) -> u128 {
        let n = planes.len() / self.words;
        (0..self.words.min(3))
            .map(|w| u128::from(planes[w * n + i]) << (LIMB * w as u32))
            .fold(0, u128::wrapping_add)
    }
    /// Sets coefficient `i` of a polynomial modulo at most 2^128 to a residue of `x`.
    pub(crate) fn set(&self, planes: &mut [u64], i: usize, x: u128) {
        let n = planes.len() / self.words;
        for w in 0..self.words {
            planes[w * n + i] = (x >> (LIMB * w as u32)) as u64 & self.mask(w);
        }
    }
    /// Adds `x` to coefficient `i` of a polynomial modulo at most 2^128.
    pub(crate) fn add(&self, planes: &mut [u64], i: usize, x: u128) {
        let y = self.get(planes, i).wrapping_add(x);
        self.set(planes, i, y);
    }

    /// Drops what is above the words' bits.
    pub(crate) fn truncate(&self, planes: &mut [u64]) {
        let n = planes.len() / self.words;
        for (w, plane) in planes.chunks_exact_mut(n.max(1)).enumerate() {
            planes::mask(self.level, plane, self.mask(w));
        }
    }
    /// Makes residues of sums.
    pub(crate) fn carry(&self, planes: &mut [u64]) {
        let n = planes.len() / self.words;
        self.carry_columns(planes, n, 0..n);
    }
    fn carry_columns(&self, planes: &mut [u64], stride: usize, columns: Range<usize>) {
        for w in 1..self.words {
            let (low, high) = planes.split_at_mut(w * stride);
            let low = &mut low[(w - 1) * stride..][columns.clone()];
            planes::carry(self.level, low, &mut high[columns.clone()]);
        }
        let top = self.words - 1;
        let high = &mut planes[top * stride..][columns];
        planes::mask(self.level, high, self.mask(top));
    }
    /// Negates the residues in some columns of planes that are `stride` words apart.
    pub(crate) fn negate(&self, planes: &mut [u64], stride: usize, columns: Range<usize>) {
        for w in 0..self.words {
            planes::negate(self.level, &mut planes[w * stride..][columns.clone()]);
        }
        self.carry_columns(planes, stride, columns);
    }
    /// Adds without carries.
    pub(crate) fn accumulate(&self, planes: &mut [u64], more: &[u64]) {
        planes::add(self.level, planes, more);
    }
    /// Subtracts without carries.
    pub(crate) fn deduct(&self, planes: &mut [u64], less: &[u64]) {
        planes::sub(self.level, planes, less);
    }
    /// Adds small signed numbers without carries to the first coefficients.
    pub(crate) fn accumulate_small(&self, planes: &mut [u64], more: &[i8]) {
        planes::add_small(self.level, planes, more);
    }
    /// Adds signed numbers without carries: one word each, or all low words and then all high ones.
    pub(crate) fn accumulate_wide(&self, planes: &mut [u64], more: &[u64]) {
        let n = planes.len() / self.words;
        if self.words == 1 {
            return planes::add(self.level, planes, &more[..n.min(more.len())]);
        }
        let (low, high) = more.split_at(n.min(more.len()));
        let sign = high.is_empty();
        for i in 0..low.len() {
            let high = if sign {
                (low[i].cast_signed() >> 63).cast_unsigned()
            } else {
                high[i]
            };
            let limbs = [
                low[i] & pack::mask(LIMB),
                (low[i] >> LIMB | high << (64 - LIMB)) & pack::mask(LIMB),
                (high.cast_signed() >> (2 * LIMB - 64)).cast_unsigned(),
            ];
            for (w, limb) in limbs.into_iter().take(self.words).enumerate() {
                planes[w * n + i] = planes[w * n + i].wrapping_add(limb);
            }
        }
    }
    /// The coefficients at some positions.
    pub(crate) fn gather(&self, planes: &[u64], positions: &[u32]) -> Vec<u64> {
        let n = planes.len() / self.words;
        let mut out = Vec::with_capacity(positions.len() * self.words);
        for w in 0..self.words {
            let plane = &planes[w * n..][..n];
            out.extend(positions.iter().map(|p| plane[*p as usize]));
        }
        out
    }
    /// round(c / 2^(from - to)) of all coefficients; `to` has at most as many bits.
    pub(crate) fn round_down(&self, mut planes: Vec<u64>, to: Power) -> Vec<u64> {
        let n = planes.len() / self.words;
        let drop = self.bits.saturating_sub(to.bits);
        if self.words == 1 {
            // What carries out of 64 bits is a multiple of the modulus.
            planes::round(self.level, &mut planes, drop, to.mask(0));
            return planes;
        }
        if drop > 0 {
            let limb = ((drop - 1) / LIMB) as usize;
            let half = 1 << ((drop - 1) % LIMB);
            planes::add_constant(self.level, &mut planes[limb * n..][..n], half);
            self.carry(&mut planes);
        }
        let mut out = vec![0; n * to.words];
        for w in 0..to.words {
            let first = drop + LIMB * w as u32;
            let out = &mut out[w * n..][..n];
            for (limb, plane) in planes.chunks_exact(n.max(1)).enumerate() {
                let place = LIMB as i32 * limb as i32 - first as i32;
                planes::place(self.level, out, plane, place, to.mask(w));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests;
