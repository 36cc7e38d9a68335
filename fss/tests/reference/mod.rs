//! The trees, the stream of keys and the gates once more: short, slow, and written from the papers and the documentation,
//! not from the code. Blocks are `u128`, AES comes from the `aes` crate block by block, the field is shift-and-add, one key
//! is dealt and evaluated at a time. Nothing here is secret, fast or constant time.
//!
//! What the bytes are is said where they are made, so that this folder is also what another implementation can be
//! written from.
#![allow(dead_code, reason = "each test takes what it wants")]

pub(crate) mod gates;
pub(crate) mod keys;
pub(crate) mod stream;
pub(crate) mod tree;

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};

/// 32 bytes agreed by both parties.
pub(crate) type Session = [u8; 32];

/// AES-128 under one key. A block is 16 bytes, little-endian: byte 0 has bits 0 to 7.
pub(crate) struct Pi(Aes128);

impl Pi {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self(Aes128::new(&key.into()))
    }
    pub(crate) fn of(&self, x: u128) -> u128 {
        let mut block = x.to_le_bytes().into();
        self.0.encrypt_block(&mut block);
        u128::from_le_bytes(block.into())
    }
    /// Anybody can go back: the key is public.
    pub(crate) fn back(&self, y: u128) -> u128 {
        let mut block = y.to_le_bytes().into();
        self.0.decrypt_block(&mut block);
        u128::from_le_bytes(block.into())
    }
    /// π(σ(x)) ⊕ σ(x), the hash of the trees.
    pub(crate) fn hash(&self, x: u128) -> u128 {
        self.of(sigma(x)) ^ sigma(x)
    }
}

/// σ(a‖b) = (a ⊕ b)‖a, a being the high half.
pub(crate) fn sigma(x: u128) -> u128 {
    let (a, b) = (x >> 64, x & u128::from(u64::MAX));
    ((a ^ b) << 64) | a
}

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

pub(crate) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap()
}

/// The session of a sub-protocol.
pub(crate) fn child(session: &Session, label: &str) -> Session {
    let parts: [&[u8]; 2] = [session, label.as_bytes()];
    array(&derive("piquet 2026 session child", &parts, 32))
}

/// The permutation of the trees of a session and label.
pub(crate) fn tree_pi(session: &Session, label: &str) -> Pi {
    let parts: [&[u8]; 2] = [session, label.as_bytes()];
    Pi::new(array(&derive("piquet 2026 tree hash", &parts, 16)))
}

/// Version, kind, first 8 bytes of the session, step; then the body.
pub(crate) fn message(session: &Session, kind: u8, step: u64, body: &[u8]) -> Vec<u8> {
    [&[1, kind], &session[..8], &step.to_le_bytes(), body].concat()
}

/// The product in GF(2^128) modulo x^128 + x^7 + x^2 + x + 1, bit i being the coefficient of x^i.
pub(crate) fn mul(mut a: u128, b: u128) -> u128 {
    let mut product = 0;
    for i in 0..128 {
        if (b >> i) & 1 == 1 {
            product ^= a;
        }
        let over = a >> 127;
        a = (a << 1) ^ (over * 0x87);
    }
    product
}

/// The low `k` bits.
pub(crate) fn low(x: u128, k: u32) -> u128 {
    if k == 128 { x } else { x & ((1 << k) - 1) }
}

/// The bits, 8 to a byte from the lowest one on, the last byte filled up with zeros.
pub(crate) fn pack(bits: &[bool]) -> Vec<u8> {
    bits.chunks(8)
        .map(|c| c.iter().enumerate().map(|(i, b)| u8::from(*b) << i).sum())
        .collect()
}

/// The bits of bytes, from the lowest one of each on.
pub(crate) fn unpack(bytes: &[u8]) -> Vec<bool> {
    let bit = |b: u8| (0..8).map(move |i| (b >> i) & 1 == 1);
    bytes.iter().flat_map(|b| bit(*b)).collect()
}

/// The low `k` bits of each element, one element after another.
pub(crate) fn pack_words(elements: &[u128], k: u32) -> Vec<u8> {
    let bit = |e: u128| (0..k).map(move |i| (e >> i) & 1 == 1);
    pack(&elements.iter().flat_map(|e| bit(*e)).collect::<Vec<_>>())
}

/// The inverse of [`pack_words`] for `n` elements.
pub(crate) fn unpack_words(bytes: &[u8], n: usize, k: u32) -> Vec<u128> {
    let bits = unpack(bytes);
    let word = |c: &[bool]| {
        c.iter()
            .enumerate()
            .map(|(i, b)| u128::from(*b) << i)
            .sum::<u128>()
    };
    bits.chunks(k as usize).take(n).map(word).collect()
}

/// A generator: bytes of AES under the seed of 0, 1, 2, ...
pub(crate) struct Prg {
    pi: Pi,
    at: usize,
}

impl Prg {
    pub(crate) fn new(seed: [u8; 16]) -> Self {
        let pi = Pi::new(seed);
        Self { pi, at: 0 }
    }
    /// The generator whose seed is AES of 2^127 + label.
    pub(crate) fn fork(&self, label: u64) -> Self {
        let seed = self.pi.of((1 << 127) | u128::from(label));
        Self::new(seed.to_le_bytes())
    }
    pub(crate) fn bytes(&mut self, n: usize) -> Vec<u8> {
        let byte = |at: usize| self.pi.of((at / 16) as u128).to_le_bytes()[at % 16];
        let out = (self.at..self.at + n).map(byte).collect();
        self.at += n;
        out
    }
    pub(crate) fn block(&mut self) -> u128 {
        u128::from_le_bytes(array(&self.bytes(16)))
    }
    /// Words of `word` bits, of which the low `k` count.
    pub(crate) fn words(&mut self, word: u32, k: u32, n: usize) -> Vec<u128> {
        let size = word as usize / 8;
        let bytes = self.bytes(n * size);
        let of = |c: &[u8]| {
            let mut w = [0; 16];
            w[..size].copy_from_slice(c);
            low(u128::from_le_bytes(w), k)
        };
        bytes.chunks(size).map(of).collect()
    }
    /// Bits, drawn by words of 64.
    pub(crate) fn bits(&mut self, n: usize) -> Vec<bool> {
        let mut bits = unpack(&self.bytes(8 * n.div_ceil(64)));
        bits.truncate(n);
        bits
    }
}
