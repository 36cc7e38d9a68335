//! Correlation-robust hashing by AES-128 under a fixed, public key.
//!
//! After C. Guo, J. Katz, X. Wang, Y. Yu, "Efficient and Secure Multiparty Computation from Fixed-Key Block Ciphers",
//! IEEE S&P 2020, <https://eprint.iacr.org/2019/074>. With π the permutation, modelled as a random one:
//!
//! | function | formula | section | notion |
//! |---|---|---|---|
//! | [`FixedKeyHash::cr`] | π(x) ⊕ x | 7.2 | correlation robust |
//! | [`FixedKeyHash::ccr`] | π(σ(x)) ⊕ σ(x) | 7.3 | circular correlation robust |
//! | [`FixedKeyHash::tccr`] | π(π(x) ⊕ i) ⊕ π(x) | 7.4 | tweakable circular correlation robust |
//!
//! where σ(a‖b) = (a ⊕ b)‖a is a linear orthomorphism on halves of 64 bits, a the high one.
//!
//! Distinguishing takes about (p q + q²) / 2^κ for q hashed blocks, p evaluations of π by the adversary and a
//! correlation of min-entropy κ. The key is public but derived from the session, so that p does not count against many
//! sessions at once; a protocol that hashes more than 2^40 blocks takes another label for each part.
//!
//! Not promised: collision resistance (inputs chosen by the adversary), pseudorandomness of `cr` on related inputs
//! other than x ⊕ Δ with one secret Δ, security of `cr` or `ccr` when an input repeats or is chosen maliciously, any
//! hiding of low-entropy inputs. Malicious protocols want `tccr`, with tweaks that never repeat.

use core::fmt;

use zeroize::Zeroize;

use crate::Block;
use crate::aes::{Aes128, Ccr, Cr, Tccr};
use crate::cpu::{self, Level};
use crate::wire::SessionId;

#[cfg(target_arch = "x86_64")]
mod children;

/// The hash functions of one session and label. In batches: block j of a slice is hashed by itself.
///
/// Constant time in the inputs. The `_into` forms hash as many blocks as the shorter slice has.
pub struct FixedKeyHash(Aes128);

impl FixedKeyHash {
    /// The hash of `session` and `label`; others have independent keys.
    #[must_use]
    pub fn new(session: &SessionId, label: &str) -> Self {
        Self::with_level(session, label, cpu::level())
    }
    /// [`FixedKeyHash::new`] with the kernels of `level`, or the next lower ones that this processor has.
    #[must_use]
    pub fn with_level(session: &SessionId, label: &str, level: Level) -> Self {
        let mut h = blake3::Hasher::new_derive_key("piquet 2026 fixed-key hash");
        h.update(&session.0);
        h.update(label.as_bytes());
        let mut key = [0; 16];
        h.finalize_xof().fill(&mut key);
        Self(Aes128::with_level(Block::from(key), level))
    }
    /// `x[j] = π(x[j]) ⊕ x[j]`. One AES a block.
    pub fn cr(&self, x: &mut [Block]) {
        self.0.map_in_place::<Cr>(x, 0);
    }
    /// `out[j] = π(x[j]) ⊕ x[j]`. One AES a block.
    pub fn cr_into(&self, x: &[Block], out: &mut [Block]) {
        self.0.map::<Cr>(x, out, 0);
    }
    /// `x[j] = π(σ(x[j])) ⊕ σ(x[j])`. One AES a block.
    pub fn ccr(&self, x: &mut [Block]) {
        self.0.map_in_place::<Ccr>(x, 0);
    }
    /// `out[j] = π(σ(x[j])) ⊕ σ(x[j])`. One AES a block.
    pub fn ccr_into(&self, x: &[Block], out: &mut [Block]) {
        self.0.map::<Ccr>(x, out, 0);
    }
    /// One level of a correlated GGM tree ("half-tree"): with H = [`FixedKeyHash::ccr`], `children[2 i]` becomes
    /// H(`parents[i]`) and `children[2 i + 1]` becomes H(`parents[i]`) ⊕ `parents[i]`. Returns the sum of the children of even index.
    ///
    /// As many parents as both slices have room for. One AES a parent. After X. Guo and others, "Half-Tree",
    /// EUROCRYPT 2023, <https://eprint.iacr.org/2022/1431>.
    #[must_use]
    pub fn ccr_children(&self, parents: &[Block], children: &mut [Block]) -> Block {
        let (children, _) = children.as_chunks_mut::<2>();
        #[cfg(target_arch = "x86_64")]
        let done = children::ccr(&self.0, parents, children);
        #[cfg(not(target_arch = "x86_64"))]
        let done = None;
        let (at, mut sum) = done.unwrap_or((0, Block::ZERO));
        let rest = parents[at..].chunks(64).zip(children[at..].chunks_mut(64));
        for (parents, children) in rest {
            let mut even = [Block::ZERO; 64];
            self.ccr_into(parents, &mut even);
            for ((h, p), c) in even.iter().zip(parents).zip(children) {
                sum ^= *h;
                *c = [*h, *h ^ *p];
            }
            even.zeroize();
        }
        sum
    }
    /// `x[j] = π(π(x[j]) ⊕ (first + j)) ⊕ π(x[j])`, the tweak wrapping at 2^64. Two AES a block.
    pub fn tccr(&self, first: u64, x: &mut [Block]) {
        self.0.map_in_place::<Tccr>(x, first);
    }
    /// `out[j] = π(π(x[j]) ⊕ (first + j)) ⊕ π(x[j])`, the tweak wrapping at 2^64. Two AES a block.
    pub fn tccr_into(&self, first: u64, x: &[Block], out: &mut [Block]) {
        self.0.map::<Tccr>(x, out, first);
    }
}

impl fmt::Debug for FixedKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FixedKeyHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: SessionId = SessionId([5; 32]);

    fn inputs() -> Vec<Block> {
        (0..77).map(|i| Block::from_u128((i * i) << 60)).collect()
    }

    /// The formulas, over single blocks of the permutation. The kernels are held to a second copy of them in `aes`.
    #[test]
    fn formulas() {
        for level in Level::all() {
            let h = FixedKeyHash::with_level(&SESSION, "test", level);
            let pi = |x: Block| {
                let mut x = [x];
                h.0.encrypt(&mut x);
                x[0]
            };
            let x = inputs();
            let (mut cr, mut ccr, mut tccr) = (x.clone(), x.clone(), x.clone());
            h.cr(&mut cr);
            h.ccr(&mut ccr);
            h.tccr(1000, &mut tccr);
            for (j, x) in x.iter().enumerate() {
                let (a, b) = (x.to_u128() >> 64, x.to_u128() & u128::from(u64::MAX));
                let sigma = Block::from_u128(((a ^ b) << 64) | a);
                let tweak = Block::from_u128(1000 + j as u128);
                assert_eq!(cr[j], pi(*x) ^ *x);
                assert_eq!(ccr[j], pi(sigma) ^ sigma);
                assert_eq!(tccr[j], pi(pi(*x) ^ tweak) ^ pi(*x));
            }
            let mut out = vec![Block::ZERO; x.len()];
            h.cr_into(&x, &mut out);
            assert!(out == cr);
            h.ccr_into(&x, &mut out);
            assert!(out == ccr);
            h.tccr_into(1000, &x, &mut out);
            assert!(out == tccr);
            h.tccr_into(1001, &x[1..], &mut out);
            assert!(out[..76] == tccr[1..], "a tweak is first + index");
        }
    }

    #[test]
    fn children_are_hash_and_rest() {
        for level in Level::all() {
            let h = FixedKeyHash::with_level(&SESSION, "test", level);
            for n in [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 77] {
                let parents = &inputs()[..n];
                let mut want = parents.to_vec();
                h.ccr(&mut want);
                let mut children = vec![Block::ZERO; 2 * n + 1];
                let sum = h.ccr_children(parents, &mut children);
                for i in 0..n {
                    assert_eq!(children[2 * i], want[i], "{level} {n}");
                    assert_eq!(children[2 * i + 1], want[i] ^ parents[i], "{level} {n}");
                }
                assert_eq!(children[2 * n], Block::ZERO, "{level} {n}: wrote past");
                assert_eq!(sum, want.iter().fold(Block::ZERO, |s, h| s ^ *h));
                let _ = h.ccr_children(&inputs(), &mut children);
                assert_eq!(
                    children[2 * n],
                    Block::ZERO,
                    "{level} {n}: the shorter wins"
                );
            }
        }
    }

    #[test]
    fn sessions_labels_and_tweaks_are_separated() {
        let hash = |session: &SessionId, label: &str, tweak| {
            let mut x = [Block::from_u128(9)];
            FixedKeyHash::new(session, label).tccr(tweak, &mut x);
            x[0]
        };
        let one = hash(&SESSION, "a", 0);
        assert_ne!(one, hash(&SESSION, "b", 0));
        assert_ne!(one, hash(&SESSION.child("x"), "a", 0));
        assert_ne!(one, hash(&SESSION, "a", 1));
        assert_eq!(one, hash(&SESSION, "a", 0));
    }

    #[test]
    fn debug_shows_no_key() {
        let h = FixedKeyHash::new(&SESSION, "a");
        assert_eq!(format!("{h:?}"), "FixedKeyHash(..)");
    }
}
