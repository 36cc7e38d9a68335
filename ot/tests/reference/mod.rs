//! Every protocol of the crate once more: short, slow, and written from the papers and the documentation, not from the
//! code. Blocks are `u128`, bits are `bool`, AES comes from the `aes` crate block by block, the field is shift-and-add,
//! group elements are computed by the formulas as they stand. Both parties run in one function, which gives all
//! messages and both outputs. Nothing here is secret, fast or constant time.
//!
//! What the bytes are is said where they are made, so that this folder is also what another implementation can be
//! written from.
#![allow(dead_code, reason = "each test takes what it wants")]

pub(crate) mod base;
pub(crate) mod chosen;
pub(crate) mod cots;
pub(crate) mod ferret;
#[cfg(feature = "ml-kem")]
pub(crate) mod mlkem;
pub(crate) mod one_of_n;
pub(crate) mod softspoken;
pub(crate) mod triples;

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use rand_core::CryptoRng;
use serde_json::Value;

/// 32 bytes agreed by both parties.
pub(crate) type Session = [u8; 32];

/// All that was said, with the party that said it, and what each party has in the end.
pub(crate) struct Run {
    pub(crate) messages: Vec<(u8, Vec<u8>)>,
    pub(crate) outputs: [Value; 2],
}

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
    pub(crate) fn cr(&self, x: u128) -> u128 {
        self.of(x) ^ x
    }
    pub(crate) fn ccr(&self, x: u128) -> u128 {
        let (high, low) = (x >> 64, x & u128::from(u64::MAX));
        self.cr(((high ^ low) << 64) | high)
    }
    pub(crate) fn tccr(&self, tweak: u64, x: u128) -> u128 {
        self.of(self.of(x) ^ u128::from(tweak)) ^ self.of(x)
    }
}

/// `len` bytes of blake3 in the mode for the derivation of keys, of all parts one after another.
pub(crate) fn derive(context: &str, parts: &[&[u8]], len: usize) -> Vec<u8> {
    let mut h = blake3::Hasher::new_derive_key(context);
    read(&mut h, parts, len)
}

/// `len` bytes of blake3 under a key.
pub(crate) fn keyed(key: &[u8], parts: &[&[u8]], len: usize) -> Vec<u8> {
    let mut h = blake3::Hasher::new_keyed(&array(key));
    read(&mut h, parts, len)
}

fn read(h: &mut blake3::Hasher, parts: &[&[u8]], len: usize) -> Vec<u8> {
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

/// The permutation of a hash: its key is derived from session and label.
pub(crate) fn hash(session: &Session, label: &str) -> Pi {
    let parts: [&[u8]; 2] = [session, label.as_bytes()];
    Pi::new(array(&derive("piquet 2026 fixed-key hash", &parts, 16)))
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

pub(crate) fn xor(blocks: &[u128]) -> u128 {
    blocks.iter().fold(0, |a, b| a ^ b)
}

/// The blocks as bytes.
pub(crate) fn bytes(blocks: &[u128]) -> Vec<u8> {
    blocks.iter().flat_map(|b| b.to_le_bytes()).collect()
}

/// The bytes as blocks.
pub(crate) fn blocks(bytes: &[u8]) -> Vec<u128> {
    assert_eq!(bytes.len() % 16, 0);
    bytes
        .chunks(16)
        .map(|b| u128::from_le_bytes(array(b)))
        .collect()
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

/// The low `k` bits.
pub(crate) fn low(x: u128, k: u32) -> u128 {
    if k == 128 { x } else { x & ((1 << k) - 1) }
}

/// The generator of the crate: block i is AES under the seed of i.
pub(crate) fn stream(seed: u128, n: usize) -> Vec<u128> {
    let pi = Pi::new(seed.to_le_bytes());
    (0..n as u128).map(|i| pi.of(i)).collect()
}

pub(crate) fn draw<const N: usize>(rng: &mut impl CryptoRng) -> [u8; N] {
    let mut b = [0; N];
    rng.fill_bytes(&mut b);
    b
}
