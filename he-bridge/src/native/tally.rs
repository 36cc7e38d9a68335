//! Counts of work done, so that predictions can be held against it. They depend on shapes and numbers of calls alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Work that a backend has done since it was made, together with its clones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Transforms of N points modulo one prime, of all but weights: of messages, keys, uniform halves, results.
    pub ntts: u64,
    /// Transforms of weight polynomials modulo one prime for products, where they were not transformed before.
    pub weight_ntts: u64,
    /// Products of a ciphertext, both halves, with points of a weight polynomial modulo one prime.
    pub products: u64,
    /// Products of a ciphertext, both halves, with one term of a weight polynomial.
    pub taps: u64,
    /// Encryptions under a secret key, those of zero that are public keys among them.
    pub encryptions: u64,
    /// Plaintext polynomials added to ciphertexts.
    pub additions: u64,
    /// Responses made.
    pub responses: u64,
    /// Responses opened.
    pub decryptions: u64,
}

/// The counters behind it.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters(Arc<[AtomicU64; 8]>);

impl Counters {
    pub(super) fn add(&self, t: Tally) {
        for (counter, n) in self.0.iter().zip([
            t.ntts,
            t.weight_ntts,
            t.products,
            t.taps,
            t.encryptions,
            t.additions,
            t.responses,
            t.decryptions,
        ]) {
            if n > 0 {
                counter.fetch_add(n, Relaxed);
            }
        }
    }
    pub(super) fn read(&self) -> Tally {
        let [
            ntts,
            weight_ntts,
            products,
            taps,
            encryptions,
            additions,
            responses,
            decryptions,
        ] = core::array::from_fn(|i| self.0[i].load(Relaxed));
        Tally {
            ntts,
            weight_ntts,
            products,
            taps,
            encryptions,
            additions,
            responses,
            decryptions,
        }
    }
}
