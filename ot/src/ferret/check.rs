//! The consistency check of the malicious protocol.
//!
//! Tree i has leaves v_ij at the sender and w_ij at the receiver, which ought to be v_ij ⊕ e_ij Δ with e_ij the noise.
//! With public weights χ_ij that were drawn after the corrections were fixed, let V = Σ χ_ij v_ij, W = Σ χ_ij w_ij and
//! φ = Σ χ_ij e_ij in GF(2^128). Then W = V ⊕ φ Δ. φ would give the noise away, so 128 correlations hide it: with
//! (q_l), (t_l, b_l) they are Y = Σ q_l x^l, Z = Σ t_l x^l = Y ⊕ X Δ, X = Σ b_l x^l. The receiver sends φ ⊕ X; the
//! sender hashes V ⊕ Y ⊕ (φ ⊕ X) Δ, and the receiver accepts if that is the hash of W ⊕ Z.
//!
//! This is the batched check of Ferret (K. Yang, C. Weng, X. Lan, J. Zhang, X. Wang, CCS 2020,
//! <https://eprint.iacr.org/2020/924>) and, in large fields, of Wolverine, with two choices of our own:
//!
//! - The weights of tree i come from a hash of all corrections up to its own (Fiat-Shamir), so that each tree is
//!   weighed while its leaves are in cache.
//! - The weights of one tree are products α_a β_b of independent uniform α, β, where a and b are the high and low bits
//!   of j. For errors E ≠ 0, Σ α_a β_b E_ab has a prescribed value with probability at most 2 / 2^128: take an a with
//!   E_ab ≠ 0 for some b; Σ_b β_b E_ab is not 0 but with probability 2^-128, and then α_a makes the sum uniform. This
//!   costs one product for a leaf and 272 random blocks for a tree.
//!
//! **What a cheating sender can do.** Wrong corrections make leaves wrong in a way that depends on the path: on path
//! vector α the receiver has w_ij(α), and the sender would have to know v_ij(α) = w_ij(α) ⊕ e_ij Δ. Take two path
//! vectors for which these differ, and the last tree in which they do: its two tables of leaves were fixed before its
//! weights were drawn, so the sums agree with probability 2^-127; Q queries to the hash buy Q times that. The sender's
//! answer is the hash of one value T, which a simulator reads from its query; the run goes on if the sum for the true α
//! is T. So what the sender learns by not being caught is one predicate of the noise positions, which by the above is,
//! but for such coincidences, that α lies in one product of sets, a bet on some positions. If the bet is lost, the
//! receiver stops. LPN is assumed to hold with that leak: one predicate of the noise in each expansion that did not
//! abort, as in Ferret.

use piquet_core::wire::SessionId;
use piquet_core::{Block, Prg, gf128};
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

/// Bits of a leaf's index that choose β; the others choose α.
const LOW: usize = 8;

/// Sum over the leaves of all trees of one stage, and the weights of the noise.
pub(super) struct Fold {
    /// Hash of all that the weights depend on so far.
    transcript: [u8; 32],
    low: Vec<Block>,
    high: Vec<Block>,
    rows: Vec<Block>,
    sum: Block,
    noise: Block,
}

impl Fold {
    /// For trees of `2^depth` leaves.
    pub(super) fn new(session: &SessionId, round: u64, depth: usize) -> Self {
        let mut transcript = blake3::Hasher::new_derive_key("piquet 2026 ferret weights");
        transcript.update(&session.0);
        transcript.update(&round.to_le_bytes());
        let low = depth.saturating_sub(2).min(LOW);
        Self {
            transcript: *transcript.finalize().as_bytes(),
            low: vec![Block::ZERO; 1 << low],
            high: vec![Block::ZERO; 1 << (depth - low)],
            rows: vec![Block::ZERO; 1 << (depth - low)],
            sum: Block::ZERO,
            noise: Block::ZERO,
        }
    }
    /// What the weights depend on, beside the corrections.
    pub(super) fn absorb(&mut self, public: &[u8]) {
        self.transcript = *blake3::keyed_hash(&self.transcript, public).as_bytes();
    }
    /// Draws the weights of the tree with these corrections.
    pub(super) fn weigh(&mut self, corrections: &[u8]) {
        let mut h = blake3::Hasher::new_keyed(&self.transcript);
        h.update(corrections);
        let mut xof = h.finalize_xof();
        let mut seed = [0; 16];
        xof.fill(&mut self.transcript);
        xof.fill(&mut seed);
        let mut prg = Prg::new(Block::from(seed));
        prg.fill_blocks(&mut self.low);
        prg.fill_blocks(&mut self.high);
    }
    /// Adds the leaves of that tree.
    pub(super) fn leaves(&mut self, leaves: &[Block]) {
        for (row, leaves) in self
            .rows
            .iter_mut()
            .zip(leaves.chunks_exact(self.low.len()))
        {
            *row = gf128::inner_product(leaves, &self.low);
        }
        self.sum ^= gf128::inner_product(&self.rows, &self.high);
    }
    /// Adds the weight of its leaf `path`, which is secret.
    pub(super) fn noise(&mut self, path: usize) {
        let bits = self.low.len().trailing_zeros();
        let low = pick(&self.low, path & (self.low.len() - 1));
        let high = pick(&self.high, path >> bits);
        self.noise ^= gf128::mul(low, high);
    }
    /// V, or W and φ.
    pub(super) fn finish(&self) -> (Block, Block) {
        (self.sum, self.noise)
    }
}

impl Drop for Fold {
    fn drop(&mut self) {
        self.rows.zeroize();
        self.sum.zeroize();
        self.noise.zeroize();
    }
}

/// `blocks[at]` for a secret `at`.
fn pick(blocks: &[Block], at: usize) -> Block {
    let mut picked = Block::ZERO;
    for (i, b) in blocks.iter().enumerate() {
        let hit = (i as u64).ct_eq(&(at as u64));
        picked ^= Block::conditional_select(&Block::ZERO, b, hit);
    }
    picked
}

/// The element Σ c_l x^l, l < 128.
pub(super) fn pack(coefficients: &[Block]) -> Block {
    let mut x = [Block::ZERO; 128];
    for (l, x) in x.iter_mut().enumerate() {
        *x = Block::from_u128(1 << l);
    }
    gf128::inner_product(coefficients, &x)
}

/// What the sender shows of its value.
pub(super) fn digest(session: &SessionId, round: u64, value: Block) -> [u8; 32] {
    let mut h = blake3::Hasher::new_derive_key("piquet 2026 ferret check");
    h.update(&session.0);
    h.update(&round.to_le_bytes());
    h.update(&<[u8; 16]>::from(value));
    *h.finalize().as_bytes()
}
