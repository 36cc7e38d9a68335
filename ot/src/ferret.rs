//! Silent OT: Ferret on half-trees. Correlated OTs with random choices for a twentieth of a byte each.
//!
//! After K. Yang, C. Weng, X. Lan, J. Zhang, X. Wang, "Ferret: Fast Extension for coRRElated oT with Small
//! Communication", CCS 2020, <https://eprint.iacr.org/2020/924>, with the trees of X. Guo and others, "Half-Tree",
//! EUROCRYPT 2023, <https://eprint.iacr.org/2022/1431> (file `half_tree.rs` has the argument).
//!
//! **Functionality.** Correlated OT under one odd Δ with *random* choices: the sender gets q_i, the receiver uniform
//! b_i and t_i = q_i ⊕ b_i Δ. A corrupt party may choose its own q_i, or b_i and t_i, and the receiver may test guesses
//! of Δ. Types say against whom: [`Sender`]`<Malicious>` is made only from [`SentCots`](crate::SentCots)`<Malicious>`.
//! A corrupt sender in the malicious protocol may bet on the noise positions of an expansion: it learns that the bet
//! was right, or the receiver stops with [`Error::Check`]. So one predicate of the noise of an expansion may be known
//! in a run that goes on (LPN with static leakage, as in the paper). Δ comes with what leaked of it when the base
//! correlations were made.
//!
//! # One expansion
//!
//! It turns k + t h (+ 128, malicious) correlations into n = t 2^h. Bit 0 of all t_i is b_i, and of all q_i is 0,
//! throughout.
//!
//! 1. *Multi-point correlation.* For each of t bins of B = 2^h places a half-tree, dealt by the sender. Its choice bits
//!    in h correlations tell the receiver the path: α_i = ¬b_i, most significant first. Correction c_i = K_i ⊕ q_i, K_i
//!    the sum of the even nodes of level i, opens as c_i ⊕ t_i = K_i ⊕ b_i Δ, the sum that the receiver is to have. It
//!    gets leaves that differ from the sender's by e Δ, e a unit vector.
//! 2. *No correction for the first level*: there K_1 is the root, which is random and the sender's to choose, so it
//!    chooses K_1 = q_1 ⊕ r, and c_1 = r. All r of an expansion are the output of a hash on 32 bytes that only the
//!    sender knows until it sends them, once, with the first corrections. In the random oracle model that is a uniform
//!    c_1 for each tree, as in the protocol where K_1 is drawn.
//! 3. *LPN.* The k correlations (u, v ⊕ u Δ) are multiplied by a public random matrix A of ten ones to a row
//!    ([`LocalCode`]): the output is A v ⊕ leaves, with choice bits A u ⊕ e: pseudorandom to the sender, as it has no
//!    part of u or e.
//! 4. *Malicious only*: one check for all trees, before anything can be taken (file `check.rs`).
//!
//! The first k + t h (+ 128) outputs, rounded up to whole trees, are kept for the next expansion; the rest are given
//! away with indices that are counted for the life of the instance, up to [`MAX_COTS`](crate::MAX_COTS). A set-up of
//! smaller stages of the same form makes the first k + t h (+ 128) from [`Params::base_cots`] correlations of another
//! protocol. The seed of the matrices is tossed once; each stage and expansion has a matrix, a salt and a hash key of
//! its own.
//!
//! # Parameters
//!
//! | stage | k | t | B | n | bits |
//! |---|---|---|---|---|---|
//! | set-up | 13,824 | 441 | 2^7 | 56,448 | 130 |
//! | set-up | 52,736 | 391 | 2^9 | 200,192 | 130 |
//! | set-up | 196,608 | 285 | 2^11 | 583,680 | 130 |
//! | repeated, [`Params::standard`] | 532,480 | 4,239 | 2^12 | 17,362,944 | 130 |
//! | repeated, [`Params::light`] | 122,880 | 1,536 | 2^10 | 1,572,864 | 130 |
//!
//! The last column is the logarithm of the bit operations of the best attack that we know, memory not counted;
//! `ferret/tests/estimate.rs` computes it, with the formulas and their sources, and a test asserts it. The attacks on
//! regular LPN with a dense matrix stay above 2^180 for the repeated stage: pooled Gauss, SD and BJMM (eprint
//! 2022/712), statistical decoding (the same), regular ISD (2023/1568), algebraic (2023/176) and hybrid (2025/1284).
//! What binds is that the matrix is sparse: four in ten columns can be taken away so that the rows that are left are
//! still as many as the columns, and the smaller system is solved in about 2^41 operations by its sparsity. Estimators
//! that take A for a dense matrix miss this. With it, parameter sets in use elsewhere with ten ones to a row (k = 2^19,
//! t = 1900, B = 2^13, chosen for 2^128 against dense attacks) cost 2^81 by our count; ours pay for it with a longer
//! secret and more noise.
//!
//! # Cost
//!
//! In an expansion the sender sends 16 (h - 1) bytes for each tree, and 18 for each 64 of them: 747 kB for 2^24
//! correlations, or 0.0445 bytes each; the malicious check adds 84 bytes and a round trip. With the set-up, and two
//! bytes for each base correlation, 2^25 of them cost 0.0497 bytes each. The semi-honest expansion is one message from
//! the sender, in parts. Each party computes one AES for two nodes of the trees and two and a half for a row of A, and
//! reads ten places of the secret: 8.5 MB, which want to stay in the last cache. That reading is the bound.
//!
//! Memory: outputs of one expansion (278 MB), what seeds the next twice (2 times 9 MB), and choices (2 MB).
//! [`Sender::recycle`] and [`Receiver::recycle`] use the memory of spent correlations again.
//!
//! # Constant time
//!
//! In Δ, q, t, b, the noise positions and all nodes: no branch and no address depends on them. Addresses depend on the
//! public matrix. Secrets are wiped when they are dropped.

mod buffer;
mod check;
mod params;
mod receiver;
mod sender;
mod toss;
mod wire;

use piquet_core::Block;
use piquet_core::sparse::LocalCode;
use piquet_core::wire::SessionId;

use crate::Error;

pub use params::Params;
pub use receiver::{Receiver, ReceiverExpansion, ReceiverSetUp};
pub use sender::{Sender, SenderExpansion, SenderSetUp};

/// The session of an instance, bound to the correlations that it is made from: parties that pair other ones are told.
fn session(session: &SessionId, base: &SessionId, first: u64) -> SessionId {
    let base = SessionId(session.derive_key("piquet-ot ferret", &base.0));
    base.child(&format!("from {first}"))
}

/// Label of the hash of the trees of stage or expansion `round`.
fn hash_label(round: u64) -> String {
    format!("ferret trees {round}")
}

/// What is added to the first correlation of each path to make the root of its tree: public, and fixed after the
/// correlations are.
fn roots(session: &SessionId, salt: &[u8; wire::SALT], trees: usize) -> Vec<Block> {
    let mut h = blake3::Hasher::new_derive_key("piquet 2026 ferret roots");
    h.update(&session.0);
    h.update(salt);
    let mut roots = vec![Block::ZERO; trees];
    h.finalize_xof()
        .fill(bytemuck::must_cast_slice_mut(&mut roots));
    roots
}

/// Where the leaves of tree `i` go: the first trees seed the next stage, the others are given away.
fn leaves<'a>(
    next: &'a mut [Block],
    out: &'a mut [Block],
    i: usize,
    bin: usize,
) -> &'a mut [Block] {
    match (i * bin).checked_sub(next.len()) {
        Some(at) => &mut out[at..][..bin],
        None => &mut next[i * bin..][..bin],
    }
}

/// Adds rows `first..` of the code times the secret.
fn encode(
    code: &LocalCode,
    secret: &[Block],
    first: usize,
    leaves: &mut [Block],
) -> Result<(), Error> {
    code.xor_into(secret, first as u64, leaves)
        .map_err(|_| Error::Length {
            what: "LPN secret",
            got: secret.len(),
            want: secret.len(),
        })
}

/// Stages that are as fast to test as they are insecure. See [`crate::ideal`].
#[cfg(any(test, feature = "testing"))]
pub(crate) const fn toy() -> Params {
    Params {
        set_up: &[params::Stage {
            k: 50,
            trees: 40,
            depth: 5,
        }],
        main: params::Stage {
            k: 300,
            trees: 70,
            depth: 6,
        },
    }
}

#[cfg(test)]
mod tests;
