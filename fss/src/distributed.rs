//! Keys of point functions without a dealer: two parties who share α make them, for small domains.
//!
//! After J. Doerner, A. Shelat, "Scaling ORAM for Secure Computation", CCS 2017, <https://eprint.iacr.org/2017/827>,
//! on the trees of [`piquet_core::ggm`] (X. Guo and others, 2022/1431). Neither party knows the path to α, so each
//! has all nodes of a level. Off the path both hold the same nodes, so that with Σ_b the sum of H over all nodes of
//! party b, Σ_0 ⊕ Σ_1 = H(x_0) ⊕ H(x_1) for the nodes x_0, x_1 on the path, and the correction of a level is
//!
//! C = Σ_0 ⊕ Σ_1 ⊕ (1 ⊕ α_i) Δ, where Δ = r_0 ⊕ r_1 are the roots that the parties chose.
//!
//! With α_i shared by exclusive or, (1 ⊕ α_i) Δ is shared by two oblivious transfers, one each way: of 0 or r_1 by
//! the bit of party 0, which flips its bits first, of 0 or r_0 by that of party 1 (N. Gilboa, CRYPTO 1999). Then each
//! party says Σ_b and its share, summed up. At the leaves, with W the values and t the control bits of all leaves,
//!
//! - values of one bit and blocks, shared by exclusive or: C = ΣW_0 ⊕ ΣW_1 ⊕ β_0 ⊕ β_1;
//! - values in Z_2^k: C = (Σt_0 - Σt_1) (β - ΣW_0 + ΣW_1), of which each party knows a share of both factors: one
//!   product,
//!   from a triple.
//!
//! **Cost**, for each key of n bits, of each party; all keys of a batch go in one message:
//!
//! | round | sent | bytes |
//! |---|---|---|
//! | 1 | choices of its OTs | n / 8 |
//! | 2 | corrections of the peer's OTs | 16 n |
//! | 3 to n + 2 | its half of the correction of a level | 16 n in all |
//! | n + 3 | Z_2^k, k > 1: its openings of the product | 2 k / 8 |
//! | last | its half of the correction of the leaf | 1 / 8, 16 or k / 8 |
//!
//! and 18 bytes for each message; n random OTs each way, a triple for values in Z_2^k, 2^(n+1) - 1 AES, 16 2^n bytes
//! of memory.
//!
//! **Security**: against one semi-honest party, for the functionality that gives each party its own root, which it
//! chose, and the corrections of the dealer's algorithm. A simulator is given these. The first message of the peer is
//! uniform, as its random choices are; of the second, the pad that is not this party's is uniform; each half of a
//! correction is the correction less this party's own half, which is computed from its own tree and what came before;
//! the openings are uniform under the triple, and the half of the leaf again the difference. So all of it is computed
//! from a key, which by itself says nothing of α and β (see [`crate::dpf`] on what is assumed of H). A party that
//! deviates can learn α: nothing here checks it. Constant time in α, β, nodes and control bits.

use piquet_core::correlation::{ReceivedOts, RingTriples, SemiHonest, SentOts};
use piquet_core::ggm::GgmHash;
use piquet_core::wire::{Header, SessionId};
use piquet_core::{Block, RingVec, wipe};
use rand_core::CryptoRng;

use crate::dealer::share_bytes;
use crate::mask::from_party;
use crate::shape::{mask, same, within};
use crate::{Error, Role, Shape};

mod correlate;
mod generate;
mod keys;

pub use generate::Generator;
pub use keys::Keys;

/// Most bits of a domain.
pub const MAX_DOMAIN: u32 = 20;

/// Most leaves of a batch: 256 MiB of nodes.
pub const MAX_LEAVES: u64 = 1 << 24;

/// What the function gives at α.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// An element of Z_2^k, k in 1..=128, shared additively; for k = 1 that is by exclusive or.
    Ring(u32),
    /// 128 bits, shared by exclusive or.
    Block,
}

/// A batch of keys to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    session: SessionId,
    shape: Shape,
    range: Range,
    keys: usize,
}

impl Batch {
    /// `keys` keys of functions of `domain` bits, 1 to [`MAX_DOMAIN`], with [`MAX_LEAVES`] leaves at most. A session
    /// is for one batch ([`SessionId::child`] gives more).
    ///
    /// # Errors
    /// [`Error::Parameter`], [`Error::Empty`].
    pub fn new(session: SessionId, domain: u32, range: Range, keys: usize) -> Result<Self, Error> {
        within("bits of the domain", domain, 1, MAX_DOMAIN, "1 to 20")?;
        let value = match range {
            Range::Ring(k) => k,
            Range::Block => 128,
        };
        let shape = Shape::new(domain, value)?.whole();
        let most = MAX_LEAVES >> domain;
        match keys as u64 {
            0 => Err(Error::Empty),
            n if n <= most => Ok(Self {
                session: session.child("distributed keys"),
                shape,
                range,
                keys,
            }),
            got => Err(Error::Parameter {
                what: "keys of a batch",
                got,
                domain: "2^24 leaves in all",
            }),
        }
    }
    /// Bits of a point.
    #[must_use]
    pub fn domain(&self) -> u32 {
        self.shape.domain()
    }
    /// What the functions give.
    #[must_use]
    pub fn range(&self) -> Range {
        self.range
    }
    /// Number of keys.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys
    }
    /// Random OTs that are spent each way.
    #[must_use]
    pub fn ots(&self) -> usize {
        self.keys * self.domain() as usize
    }
    /// Triples that are spent, of as many bits as values have; none for bits and blocks.
    #[must_use]
    pub fn triples(&self) -> usize {
        self.product().map_or(0, |_| self.keys)
    }
    /// Messages of each party, one a round.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.domain() as usize + 3 + usize::from(self.product().is_some())
    }
    /// Bytes that each party sends.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let product = self.product().map_or(0, |k| self.openings(k));
        let body = self.ots().div_ceil(8) + 32 * self.ots() + product + self.leaves();
        body + Header::LEN * self.rounds()
    }
    /// Bits of the elements that are multiplied at the leaves.
    fn product(&self) -> Option<u32> {
        match self.range {
            Range::Ring(k) if k > 1 => Some(k),
            _ => None,
        }
    }
    /// Bytes of the openings of the product.
    fn openings(&self, k: u32) -> usize {
        2 * share_bytes(k, self.keys)
    }
    /// Bytes of halves of corrections of leaves.
    fn leaves(&self) -> usize {
        share_bytes(self.shape.value(), self.keys)
    }
    fn hash(&self) -> Block {
        GgmHash::key(&self.session, "trees")
    }
    /// Of what P sends.
    fn header<P: Role>(&self, kind: u8, step: u32) -> Header {
        from_party::<P>(Header {
            kind,
            session: self.session,
            step: step.into(),
        })
    }
}

/// What one party brings along.
pub struct Own<'a> {
    /// Its share of α, by exclusive or, for each key. Bits above the domain are ignored.
    pub alphas: &'a [u32],
    /// Its share of β for each key. Bits above those of a value are ignored.
    pub betas: &'a [u128],
    /// [`Batch::ots`] random OTs that it sends.
    pub sent: SentOts<SemiHonest>,
    /// [`Batch::ots`] random OTs that it receives.
    pub received: ReceivedOts<SemiHonest>,
    /// [`Batch::triples`] triples; `None` if there are none.
    pub triples: Option<RingTriples<u128, SemiHonest>>,
}

impl core::fmt::Debug for Own<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Own({} keys)", self.alphas.len())
    }
}

#[cfg(test)]
mod tests;
