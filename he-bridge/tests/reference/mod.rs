//! The scheme once more: short, slow, and written from the documentation, not from the code. Integers are 128 bits
//! wide, transforms are taken by their definition, products term by term. Nothing here is secret, fast or constant
//! time.
//!
//! What the bytes are is said where they are made, so that this folder is also what another implementation can be
//! written from.

pub(crate) mod scheme;
pub(crate) mod transform;

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

/// `len` bytes of blake3 in the mode for the derivation of keys, of all parts one after another.
pub(crate) fn derive(context: &str, parts: &[&[u8]], len: usize) -> Vec<u8> {
    let mut h = blake3::Hasher::new_derive_key(context);
    for p in parts {
        h.update(p);
    }
    let mut out = vec![0; len];
    h.finalize_xof().fill(&mut out);
    out
}

/// The words of 64 bits, little-endian, of AES-128 under a key of the blocks 0, 1, 2 and so on; a number's byte 0 comes
/// first.
pub(crate) struct Words {
    aes: Aes128,
    next: u128,
    high: Option<u64>,
}

impl Words {
    /// The stream of uniform half number `index` under a seed.
    pub(crate) fn of_half(seed: &[u8; 32], index: u64) -> Self {
        let key = derive(
            "piquet 2026 he uniform half",
            &[seed, &index.to_le_bytes()],
            16,
        );
        let key: [u8; 16] = key.try_into().unwrap();
        Self {
            aes: Aes128::new(&key.into()),
            next: 0,
            high: None,
        }
    }
}

impl Iterator for Words {
    type Item = u64;
    fn next(&mut self) -> Option<u64> {
        if let Some(high) = self.high.take() {
            return Some(high);
        }
        let mut block = self.next.to_le_bytes().into();
        self.next += 1;
        self.aes.encrypt_block(&mut block);
        let block = u128::from_le_bytes(block.into());
        self.high = Some((block >> 64) as u64);
        Some(block as u64)
    }
}

/// Numbers of `bits` bits one after another, the lowest bit first, up to the next byte.
pub(crate) fn pack(numbers: impl IntoIterator<Item = u64>, bits: u32, out: &mut Vec<u8>) {
    let (mut stage, mut staged) = (0u128, 0);
    for x in numbers {
        stage |= u128::from(x) << staged;
        staged += bits;
        while staged >= 8 {
            out.push(stage as u8);
            stage >>= 8;
            staged -= 8;
        }
    }
    if staged > 0 {
        out.push(stage as u8);
    }
}

/// Bits of what is below 2^`bits`, in words: all in one up to 64 bits, else 52 in each and the rest in the last.
pub(crate) fn words(bits: u32) -> Vec<u32> {
    if bits <= 64 {
        return vec![bits];
    }
    (0..bits.div_ceil(52))
        .map(|w| (bits - 52 * w).min(52))
        .collect()
}

/// Coefficients modulo 2^`bits`: a run for each word of them, the lowest first.
pub(crate) fn pack_power(c: &[u128], bits: u32, out: &mut Vec<u8>) {
    let mut shift = 0;
    for k in words(bits) {
        let mask = (1u128 << k) - 1;
        pack(c.iter().map(|x| (x >> shift & mask) as u64), k, out);
        shift += 52;
    }
}
