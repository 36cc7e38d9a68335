//! AES-128 in counter mode as a pseudorandom generator.
//!
//! Block i of the stream is π(i): AES-128 under the seed as key, of the block whose low 64 bits are i and whose high 64
//! bits are 0. Under the assumption that AES-128 is a pseudorandom permutation, n blocks differ from uniform ones by at
//! most n² / 2^129 in advantage (no block repeats): below 2^-40 up to 2^44 blocks, 256 TiB, the intended limit of a seed.
//! At 2^64 blocks the counter would repeat.

use core::convert::Infallible;
use core::fmt;

use rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroize;

use crate::aes::Aes128;
use crate::cpu::{self, Level};
use crate::{BitVec, Block, Ring};

/// Blocks made at a time for small requests.
const AHEAD: usize = 8;

/// A generator: one seed, one stream of bytes.
///
/// The stream is exact to the byte: however it is drawn (bytes, blocks, ring elements, words of the `rand_core`
/// traits, in any chunks), the next byte drawn is the next byte of the stream. Large requests are written where they
/// belong, small ones come from a buffer of 128 bytes. Constant time in the seed. Key and buffer are wiped on drop;
/// there is no `Clone`, as two copies would give the same stream, and nothing is printed.
pub struct Prg {
    aes: Aes128,
    next: u64,
    ahead: [Block; AHEAD],
    left: usize,
    level: Level,
}

impl Prg {
    /// The stream of `seed`. Cost: one key schedule.
    #[must_use]
    pub fn new(seed: Block) -> Self {
        Self::with_level(seed, cpu::level())
    }
    /// [`Prg::new`] with the kernels of `level`, or the next lower ones that this processor has.
    #[must_use]
    pub fn with_level(seed: Block, level: Level) -> Self {
        Self {
            aes: Aes128::with_level(seed, level),
            next: 0,
            ahead: [Block::ZERO; AHEAD],
            left: 0,
            level,
        }
    }
    /// A generator whose seed is π(2^127 + label), a block that no stream contains. It depends on seed and label, not
    /// on what was drawn: one label, one child.
    #[must_use]
    pub fn fork(&self, label: u64) -> Self {
        let mut seed = [Block::from_u128((1 << 127) | u128::from(label))];
        self.aes.encrypt(&mut seed);
        let child = Self::with_level(seed[0], self.level);
        seed.zeroize();
        child
    }
    /// Draws `out.len()` bytes.
    pub fn fill_bytes(&mut self, out: &mut [u8]) {
        let out = self.drain(out);
        let (direct, rest) = if out.len() < AHEAD * 16 {
            out.split_at_mut(0)
        } else {
            out.split_at_mut(out.len() & !15)
        };
        self.aes.counter(self.next, direct);
        self.next = self.next.wrapping_add((direct.len() / 16) as u64);
        if !rest.is_empty() {
            let ahead = bytemuck::must_cast_slice_mut(&mut self.ahead);
            self.aes.counter(self.next, ahead);
            self.next = self.next.wrapping_add(AHEAD as u64);
            self.left = AHEAD * 16;
            self.drain(rest);
        }
    }
    /// Draws blocks.
    pub fn fill_blocks(&mut self, out: &mut [Block]) {
        self.fill_bytes(bytemuck::must_cast_slice_mut(out));
    }
    /// Draws uniform ring elements, little-endian.
    pub fn fill_ring<R: Ring>(&mut self, out: &mut [R]) {
        self.fill_bytes(bytemuck::cast_slice_mut(out));
    }
    /// Draws `8 * ceil(len / 64)` bytes into the words of `out`, then clears the bits past its length.
    pub fn fill_bits(&mut self, out: &mut BitVec) {
        self.fill_bytes(bytemuck::must_cast_slice_mut(out.words_mut()));
        out.mask_tail();
    }

    /// Takes what the buffer has; returns what is still to be filled.
    fn drain<'a>(&mut self, out: &'a mut [u8]) -> &'a mut [u8] {
        let n = self.left.min(out.len());
        let (head, rest) = out.split_at_mut(n);
        let ahead: &[u8] = bytemuck::must_cast_slice(&self.ahead);
        head.copy_from_slice(&ahead[ahead.len() - self.left..][..n]);
        self.left -= n;
        rest
    }
}

impl Drop for Prg {
    fn drop(&mut self) {
        self.ahead.zeroize();
    }
}

impl fmt::Debug for Prg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prg(..)")
    }
}

impl TryRng for Prg {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut b = [0; 4];
        self.fill_bytes(&mut b);
        Ok(u32::from_le_bytes(b))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut b = [0; 8];
        self.fill_bytes(&mut b);
        Ok(u64::from_le_bytes(b))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl TryCryptoRng for Prg {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_core::Rng;

    fn stream(level: Level, len: usize) -> Vec<u8> {
        let mut blocks: Vec<_> = (0..len.div_ceil(16) as u128)
            .map(Block::from_u128)
            .collect();
        Aes128::with_level(Block::from_u128(42), level).encrypt(&mut blocks);
        bytemuck::must_cast_slice::<_, u8>(&blocks)[..len].to_vec()
    }

    proptest! {
        #[test]
        fn the_stream_does_not_depend_on_how_it_is_drawn(chunks in prop::collection::vec((0usize..300, 0u8..5), 0..20)) {
            let want = stream(Level::Portable, 300 * 20 * 16);
            for level in Level::all() {
                let mut prg = Prg::with_level(Block::from_u128(42), level);
                let mut got = Vec::new();
                for (n, how) in &chunks {
                    match how {
                        0 => got.extend(prg.next_u32().to_le_bytes()),
                        1 => got.extend(prg.next_u64().to_le_bytes()),
                        2 => {
                            let mut v = vec![Block::ZERO; *n];
                            prg.fill_blocks(&mut v);
                            got.extend(bytemuck::must_cast_slice::<_, u8>(&v));
                        }
                        3 => {
                            let mut v = vec![0u32; *n];
                            prg.fill_ring(&mut v);
                            got.extend(bytemuck::must_cast_slice::<_, u8>(&v));
                        }
                        _ => {
                            let mut v = vec![0; *n];
                            prg.fill_bytes(&mut v);
                            got.extend(v);
                        }
                    }
                }
                prop_assert_eq!(&got[..], &want[..got.len()]);
            }
        }
    }

    #[test]
    fn bits_are_masked_and_words_are_drawn_whole() {
        let mut prg = Prg::new(Block::from_u128(42));
        let mut bits = BitVec::zeros(70);
        prg.fill_bits(&mut bits);
        let want = stream(Level::Portable, 16);
        assert_eq!(bits.as_bytes()[..8], want[..8]);
        assert_eq!(bits.words()[1] >> 6, 0);
        assert_eq!(bits.as_bytes()[8], want[8] & 63);
        let mut next = [0; 1];
        prg.fill_bytes(&mut next);
        assert_eq!(next[0], stream(Level::Portable, 17)[16]);
    }

    #[test]
    fn children_differ_and_do_not_depend_on_the_position() {
        let mut a = Prg::new(Block::from_u128(1));
        let first = a.fork(0).next_u64();
        a.next_u64();
        assert_eq!(a.fork(0).next_u64(), first);
        assert_ne!(a.fork(1).next_u64(), first);
        assert_ne!(Prg::new(Block::from_u128(1)).next_u64(), first);
    }

    #[test]
    fn bytes_are_uniform() {
        let mut prg = Prg::new(Block::from_u128(3));
        let mut bytes = vec![0; 1 << 20];
        prg.fill_bytes(&mut bytes);
        let mut count = [0f64; 256];
        for b in bytes {
            count[usize::from(b)] += 1.0;
        }
        let chi2: f64 = count.iter().map(|c| (c - 4096.0).powi(2) / 4096.0).sum();
        // 255 degrees of freedom: mean 255, deviation 22.6. Six deviations either way; the seed is fixed.
        assert!((120.0..390.0).contains(&chi2), "{chi2}");
    }

    #[test]
    fn debug_shows_no_seed() {
        assert_eq!(format!("{:?}", Prg::new(Block::from_u128(1))), "Prg(..)");
    }
}
