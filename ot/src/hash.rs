//! The hash that breaks the correlation of correlated OTs, bound to the adversary by type.
//!
//! Semi-honest: π(x) ⊕ x, correlation robust. Malicious: π(π(x) ⊕ i) ⊕ π(x) with i the absolute index of the OT,
//! tweakable circular correlation robust: a receiver that deviates has a say in what the sender hashes, so that inputs
//! may repeat up to Δ, and only the tweak keeps them apart. Both after C. Guo, J. Katz, X. Wang, Y. Yu (IEEE S&P 2020,
//! eprint 2019/074), sections 7.2 and 7.4, in the random permutation model.
//!
//! The permutation is AES under a key derived from session and security, so that the work of an adversary against one
//! session is no work against another (the multi-instance bound of C. Guo, J. Katz, X. Wang, C. Weng, Y. Yu, CRYPTO 2020,
//! eprint 2019/1168). With q hashed blocks that the receiver does not know, p evaluations of AES, and κ bits of Δ that it
//! does not know (128; 127 where bit 0 is set; less those that a cheat has won), the advantage is about (p q + q²) / 2^κ.
//! An OT has one such block for each correlation, an OT of N messages N - 1 for log2 N of them: 32 times as many for N =
//! 256. [`crate::MAX_COTS`] keeps q at 2^40, at 2^45 if all went to N = 256. With κ = 127 that leaves 2^-40 at p = 2^47, or
//! 2^-35.
//!
//! Weaker use of correlations that were made against malicious parties does not endanger Δ: the other hash has another
//! key, and x ⊕ Δ is seen through it alone.

use core::fmt;
use core::marker::PhantomData;

use piquet_core::wire::SessionId;
use piquet_core::{Block, FixedKeyHash};

use crate::Security;

/// The hash of one session and one kind of security.
pub(crate) struct CotHash<M: Security> {
    hash: FixedKeyHash,
    security: PhantomData<M>,
}

impl<M: Security> CotHash<M> {
    pub(crate) fn new(session: &SessionId) -> Self {
        let label = if M::MALICIOUS {
            "correlated OT, malicious"
        } else {
            "correlated OT, semi-honest"
        };
        Self {
            hash: FixedKeyHash::new(session, label),
            security: PhantomData,
        }
    }
    /// Hashes `x[j]`, which belongs to the OT of absolute index `first + j`.
    pub(crate) fn hash(&self, first: u64, x: &mut [Block]) {
        if M::MALICIOUS {
            self.hash.tccr(first, x);
        } else {
            self.hash.cr(x);
        }
    }
    /// As [`CotHash::hash`], from `x` to `out` of equal length.
    pub(crate) fn hash_into(&self, first: u64, x: &[Block], out: &mut [Block]) {
        if M::MALICIOUS {
            self.hash.tccr_into(first, x, out);
        } else {
            self.hash.cr_into(x, out);
        }
    }
}

impl<M: Security> fmt::Debug for CotHash<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CotHash({})", M::NAME)
    }
}
