//! AES by the RustCrypto `aes` crate, on any target.
#![allow(unsafe_code)] // reads and writes through `Io`

use aes::cipher::{BlockCipherEncrypt, KeyInit};

use super::{Io, Kind, Op};
use crate::Block;

pub(super) fn expand(key: Block) -> Box<aes::Aes128> {
    Box::new(aes::Aes128::new(&<[u8; 16]>::from(key).into()))
}

/// Blocks handed to the `aes` crate at a time: what its widest back end takes.
const LANES: usize = 64;

pub(super) fn run<O: Op>(key: &aes::Aes128, io: Io<'_>, first: u64) {
    let (src, dst, n) = io.parts();
    let mut at = 0;
    while at < n {
        let lanes = LANES.min(n - at);
        let mut x = [Block::ZERO; LANES];
        let mut i = [Block::ZERO; LANES];
        for j in 0..lanes {
            i[j] = Block::from_u128(first.wrapping_add((at + j) as u64).into());
            // SAFETY: `at + j < n`, and `src` is readable for `n` blocks.
            x[j] = unsafe { src.add(at + j).read_unaligned() };
        }
        let y = group::<O>(key, &mut x[..lanes], &i[..lanes]);
        for (j, y) in y.iter().enumerate() {
            // SAFETY: `at + j < n`, and `dst` is writable for `n` blocks.
            unsafe { dst.add(at + j).write_unaligned(*y) };
        }
        at += lanes;
    }
}

fn group<'a, O: Op>(key: &aes::Aes128, x: &'a mut [Block], i: &[Block]) -> &'a [Block] {
    let mut keep = [Block::ZERO; LANES];
    match O::KIND {
        Kind::Counter => {
            x.copy_from_slice(i);
            encrypt(key, x);
        }
        Kind::Ecb => encrypt(key, x),
        Kind::Cr => {
            keep[..x.len()].copy_from_slice(x);
            encrypt(key, x);
            xor(x, &keep);
        }
        Kind::Ccr => {
            for (x, k) in x.iter_mut().zip(&mut keep) {
                *x = sigma(*x);
                *k = *x;
            }
            encrypt(key, x);
            xor(x, &keep);
        }
        Kind::Tccr => {
            encrypt(key, x);
            keep[..x.len()].copy_from_slice(x);
            xor(x, i);
            encrypt(key, x);
            xor(x, &keep);
        }
    }
    x
}

fn xor(a: &mut [Block], b: &[Block]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a ^= *b;
    }
}

/// σ(a‖b) = (a ⊕ b)‖a, where a is the high half.
fn sigma(x: Block) -> Block {
    let x = x.to_u128();
    let (a, b) = ((x >> 64) as u64, x as u64);
    Block::from_u128((u128::from(a ^ b) << 64) | u128::from(a))
}

fn encrypt(key: &aes::Aes128, x: &mut [Block]) {
    let mut wire = [aes::Block::default(); LANES];
    for (w, x) in wire.iter_mut().zip(&*x) {
        *w = <[u8; 16]>::from(*x).into();
    }
    key.encrypt_blocks(&mut wire[..x.len()]);
    for (x, w) in x.iter_mut().zip(&wire) {
        *x = Block::from(<[u8; 16]>::from(*w));
    }
}
