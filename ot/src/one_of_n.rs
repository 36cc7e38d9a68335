//! 1-out-of-N OT for N = 2^w in {2, 4, ..., 256}, from w correlated OTs each.
//!
//! **Functionality.** n OTs: random ones, N blocks at the sender, of which the receiver has the one of its index
//! ([`SentOneOfN::into_random`]); or chosen ones, N messages of l bits, 1 <= l <= 128 ([`SentOneOfN::send`]). A corrupt
//! party may have its own random outputs as it likes.
//!
//! **Protocol.** Bits 0 to w - 1 of the index are the choices of w correlated OTs; random ones, or chosen beforehand
//! ([`choose`]: w bits for each OT on the wire). Correlation j of OT g is number j n + g of the batch. In GF(2^128) =
//! GF(2)\[x\] / (x^128 + x^7 + x^2 + x + 1) both parties add their blocks with weights x^j: Q = Σ x^j q_j, T = Σ x^j t_j,
//! so that T = Q ⊕ idx Δ with idx = Σ b_j x^j, an index read as a polynomial. The pads are
//!
//! > K_i = H(τ, Q ⊕ i Δ), i in 0..N, of which the receiver knows K_idx = H(τ, T);
//!
//! τ is the absolute index of the first correlation of the OT, j = 0. One message, both parties' work in whole slices.
//!
//! **Bytes.** For one i after another, message i of all OTs in a run of l bits each, which ends at a byte; of more than 64
//! bits a run of the low 64 of each, and a run of the others.
//!
//! **Why the pads are secure.** The receiver knows T and idx; the others are H(τ, T ⊕ m Δ) for m = i ⊕ idx, which takes
//! N - 1 distinct values, none of them 0. So H has to hide L_m(Δ), L_m(Δ) = m Δ, for several m at once. Every L_m is
//! injective, and so is every L_m ⊕ L_m' = L_(m ⊕ m') of distinct ones, as a polynomial other than 0 of degree below 8
//! is not 0 in the field; nothing else is used. Let D make p queries to π and its inverse and q queries (τ, w, m), all
//! different, to an oracle that answers h = π(u ⊕ τ) ⊕ u, u = π(w ⊕ L_m(Δ)), or else at random; Δ has min-entropy κ. By
//! the H-coefficient technique, as eprint 2019/074 proves it for L_1 alone: give D, at its end, Δ (drawn now in the
//! random world) and u for each distinct x = w ⊕ L_m(Δ) (drawn now, distinct and unused, where D has not asked π for
//! it). A transcript is bad if
//! (1) an x is an input that D asked π for, at most p q / 2^κ by the injectivity of L_m;
//! (2) queries of distinct (w, m) have equal x: for equal m never, for others w ⊕ w' = L_(m ⊕ m')(Δ), at most q² / 2^(κ+1);
//! (3) an input u ⊕ τ is an input of D, an x, or u' ⊕ τ' of another query (for equal (w, m) never, as τ differs then);
//! (4) an output h ⊕ u is an output of D, a u, or h' ⊕ u' of another query.
//! In the random world u and h are drawn independently of what they must not meet, so that (3) and (4) together are at
//! most (2 p q + 3 q²) / (2^128 - p - q). On any other transcript every query of the real world asks π in a place of its
//! own beyond the u, where h is as likely as at random or likelier. Hence the advantage is at most
//! (p q + q²) / 2^κ + (2 p q + 3 q²) / (2^128 - p - q), N counting N - 1 times towards q: that of an OT, up to a constant.
//! Without the outer π, in semi-honest use, H(x) = π(x) ⊕ x and only (1), (2) and (4) are there, with u = x; (2) needs
//! distinct w for equal m, as all τ look alike: w = T is random then, and two agree with probability 2^-128.
//! This covers a receiver that chooses idx and T: w is its own, and no two OTs of one Δ share a τ.
//!
//! **Naor-Pinkas pads** (STOC 1999) are the alternative: w hashed pairs of keys, K_i = ⊕_j F(k_j^(i_j), i) with F a
//! pseudorandom function: 2 w hashes and N w evaluations of F at the sender, w of each at the receiver, against N hashes
//! and one here, at equal communication; its assumption is F and a hash of distance Δ only. XOR without F, ⊕_j k_j^(i_j),
//! would be linear: K_0 ⊕ K_1 ⊕ K_2 ⊕ K_3 = 0 for w = 2, and three pads give the fourth. V. Kolesnikov and R. Kumaresan
//! (CRYPTO 2013) extend OTs of N choices from 2 κ columns of a code in place of w κ; they do not start from Δ-correlations.
//!
//! **Security**: that of the correlated OTs, semi-honest or malicious. **Constant time** in indices, messages and Δ: the
//! receiver reads all N messages and keeps one by a mask.
//!
//! **Cost** for each OT: w correlations; ceil(w n / 8) / n bytes of choices, N ceil(n l / 8) / n bytes of messages, 18 of
//! header each; AES blocks: N at the sender and 1 at the receiver, twice that against malicious parties.

use core::fmt;
use core::mem;
use std::sync::Arc;

use piquet_core::pack::{Packer, Unpacker, packed_len};
use piquet_core::wire::Header;
use piquet_core::{BitVec, Block, Ring, RingVec, lanes, wipe};
use zeroize::Zeroize;

use crate::cot::{ReceiverContext, SenderContext};
use crate::pads::{CHUNK, Place, exactly, length, width};
use crate::{ChosenCots, Error, ReceivedCots, Security, SentCots, kinds};

/// The largest N.
pub const MAX_N: usize = 256;

/// The sender's half of 1-out-of-N OTs.
pub struct SentOneOfN<M: Security> {
    context: Arc<SenderContext<M>>,
    first: u64,
    n: usize,
    keys: Vec<Block>,
}

/// The receiver's half of 1-out-of-N OTs: an index for each.
pub struct ReceivedOneOfN<M: Security> {
    context: Arc<ReceiverContext<M>>,
    first: u64,
    n: usize,
    indices: Vec<u8>,
    macs: Vec<Block>,
}

/// w = log2 N.
fn log(n: usize) -> Result<usize, Error> {
    if n.is_power_of_two() && (2..=MAX_N).contains(&n) {
        Ok(n.trailing_zeros() as usize)
    } else {
        Err(Error::Parameter {
            what: "N",
            got: n as u64,
            domain: "2, 4, 8, 16, 32, 64, 128, 256",
        })
    }
}

/// Number of OTs that so many correlations make.
fn ots(correlations: usize, n: usize) -> Result<usize, Error> {
    let w = log(n)?;
    let ots = correlations / w;
    exactly(correlations, ots.max(1) * w)?;
    Ok(ots)
}

/// Appends to `out` what makes `indices`, each below `n`, of the random choices, and gives the OTs. The sender takes the
/// message with [`SentCots::choose`], before [`SentOneOfN::new`].
///
/// # Errors
/// [`Error::Empty`]; [`Error::Parameter`] for an N that there is not, and for an index (one text for all) that is not
/// below it; [`Error::Exhausted`], [`Error::Length`] unless there are log2 N correlations for each index.
pub fn choose<M: Security>(
    cots: ReceivedCots<M>,
    n: usize,
    indices: &[u8],
    out: &mut Vec<u8>,
) -> Result<ReceivedOneOfN<M>, Error> {
    let w = log(n)?;
    exactly(cots.len(), indices.len().saturating_mul(w))?;
    if indices.iter().fold(0, |a, i| a | (usize::from(*i) >> w)) != 0 {
        return Err(Error::Parameter {
            what: "an index",
            got: n as u64,
            domain: "0 to N - 1",
        });
    }
    let mut bits = BitVec::zeros(0);
    for j in 0..w {
        let mut plane = BitVec::zeros(indices.len());
        for (word, group) in plane.words_mut().iter_mut().zip(indices.chunks(64)) {
            for (g, i) in group.iter().enumerate() {
                *word |= u64::from(i >> j & 1) << g;
            }
        }
        bits.extend_from(&plane);
    }
    ReceivedOneOfN::new(cots.choose(&bits, out)?, n)
}

/// `acc[g] = Σ_j x^j blocks[j n + g]` over all groups, in place, at the front of `blocks`; what is left is wiped.
fn combine(blocks: &mut Vec<Block>, ots: usize) {
    let mut acc = [Block::ZERO; CHUNK];
    for at in (0..ots).step_by(CHUNK) {
        let acc = &mut acc[..CHUNK.min(ots - at)];
        let mut planes = blocks.chunks_exact(ots).rev();
        if let Some(last) = planes.next() {
            acc.copy_from_slice(&last[at..][..acc.len()]);
        }
        planes.for_each(|plane| lanes::times_x_plus(acc, &plane[at..]));
        blocks[at..at + acc.len()].copy_from_slice(acc);
    }
    wipe(&mut acc);
    wipe(&mut blocks[ots..]);
    blocks.truncate(ots);
}

/// The product with x in GF(2^128).
fn times_x(b: Block) -> Block {
    let v = b.to_u128();
    Block::from_u128((v << 1) ^ ((v >> 127).wrapping_neg() & 0x87))
}

/// The product of Δ and the polynomial of each i below `n`.
fn multiples(delta: Block, n: usize) -> Vec<Block> {
    let mut all = Vec::with_capacity(n);
    all.push(Block::ZERO);
    let mut power = delta;
    while all.len() < n {
        for i in 0..all.len() {
            all.push(all[i] ^ power);
        }
        power = times_x(power);
    }
    all
}

/// Bytes of all messages.
fn body_len(n: usize, ots: usize, bits: u32) -> Result<usize, Error> {
    let section = packed_len(ots, bits).and_then(|b| b.checked_mul(n));
    section
        .filter(|b| *b < isize::MAX as usize)
        .ok_or(Error::Parameter {
            what: "number of OTs",
            got: ots as u64,
            domain: "what fits in memory",
        })
}

/// Bytes of the message of [`SentOneOfN::send`], for `ots` OTs of N = `n` messages of `bits` bits.
///
/// # Errors
/// [`Error::Parameter`].
pub fn message_len(n: usize, ots: usize, bits: u32) -> Result<usize, Error> {
    log(n)?;
    width::<u128>(bits, 128)?;
    Ok(Header::LEN.saturating_add(body_len(n, ots, bits)?))
}

/// Elements of up to 128 bits as a run of their low halves and a run of what is above.
fn halves(bits: u32) -> [(u32, u32); 2] {
    [(0, bits.min(64)), (64, bits.saturating_sub(64))]
}

/// The 64 bits of each pad from bit `low` on, 0 or 64, as far as they fit.
fn pad_words<R: Ring>(out: &mut [R], pads: &[Block], low: u32) {
    if low == 0 {
        lanes::low_words(out, pads);
    } else {
        lanes::zip(out, pads, |_, p: Block| {
            R::from_u64((p.to_u128() >> 64) as u64)
        });
    }
}

/// Where the piece of the half from bit `low` on lies, of the OTs from `at` on, in the section of one i. Pieces begin at
/// multiples of 8 OTs, and so at a byte.
fn piece(ots: usize, at: usize, low: u32, bits: u32) -> usize {
    ots * low as usize / 8 + at * bits as usize / 8
}

impl<M: Security> SentOneOfN<M> {
    /// Of log2 N correlations each.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an N that there is not; [`Error::Empty`], [`Error::Length`], [`Error::Exhausted`] unless
    /// the number of correlations is a multiple of log2 N, and not 0.
    pub fn new(mut cots: SentCots<M>, n: usize) -> Result<Self, Error> {
        let ots = ots(cots.len(), n)?;
        let mut keys = mem::take(&mut cots.keys);
        combine(&mut keys, ots);
        Ok(Self {
            context: Arc::clone(&cots.context),
            first: cots.first,
            n,
            keys,
        })
    }
    /// Number of OTs, never 0.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.keys.len()
    }
    /// The random messages: block `i len() + g` is message i of OT g.
    #[must_use]
    pub fn into_random(self) -> Vec<Block> {
        let mut out = vec![Block::ZERO; self.n * self.len()];
        let mut multiples = multiples(self.context.delta.block(), self.n);
        for (out, m) in out.chunks_exact_mut(self.len()).zip(&multiples) {
            for (c, (out, keys)) in out
                .chunks_mut(CHUNK)
                .zip(self.keys.chunks(CHUNK))
                .enumerate()
            {
                self.pads(c * CHUNK, keys, *m, out);
            }
        }
        wipe(&mut multiples);
        out
    }
    /// Appends all messages, masked, to `out`: `messages[i len() + g]` is message i of OT g; bits from `bits` up are
    /// ignored.
    ///
    /// # Errors
    /// [`Error::Length`]; [`Error::Parameter`] unless `bits` is in 1..=128 and within `R`.
    pub fn send<R: Ring>(self, bits: u32, messages: &[R], out: &mut Vec<u8>) -> Result<(), Error> {
        let ots = self.len();
        width::<R>(bits, 128)?;
        let body = body_len(self.n, ots, bits)?;
        length("messages", messages.len(), self.n * ots)?;
        self.place().begin(kinds::ONE_OF_N, body, out);
        let start = out.len();
        out.resize(start + body, 0);
        let mut multiples = multiples(self.context.delta.block(), self.n);
        let mut pads = [Block::ZERO; CHUNK];
        let mut masked = [R::ZERO; CHUNK];
        let mut packed = Vec::with_capacity(8 * CHUNK);
        for (c, keys) in self.keys.chunks(CHUNK).enumerate() {
            let (at, pads) = (c * CHUNK, &mut pads[..keys.len()]);
            let sections = out[start..].chunks_exact_mut(body / self.n);
            for ((section, messages), m) in sections.zip(messages.chunks_exact(ots)).zip(&multiples)
            {
                self.pads(at, keys, *m, pads);
                let masked = &mut masked[..keys.len()];
                for (low, bits) in halves(bits).into_iter().filter(|(_, bits)| *bits > 0) {
                    pad_words(masked, pads, low);
                    lanes::zip(masked, &messages[at..], move |p, m: R| p.xor(m.shr(low)));
                    packed.clear();
                    let mut packer = Packer::new(&mut packed, bits);
                    packer.push(masked);
                    packer.finish();
                    section[piece(ots, at, low, bits)..][..packed.len()].copy_from_slice(&packed);
                }
            }
        }
        wipe(&mut pads);
        wipe(&mut multiples);
        Ok(())
    }
    fn place(&self) -> Place {
        Place {
            session: self.context.session,
            first: self.first,
        }
    }
    /// K_i of the OTs from `at` on, whose Q are `keys`, for `multiple` = i Δ.
    fn pads(&self, at: usize, keys: &[Block], multiple: Block, out: &mut [Block]) {
        lanes::xor_blocks(out, keys, multiple);
        self.context.hash.hash(self.first + at as u64, out);
    }
}

impl<M: Security> ReceivedOneOfN<M> {
    /// Of log2 N correlations each, whose choices are the bits of the indices: bit j of OT g is choice `j len() + g`.
    ///
    /// # Errors
    /// As [`SentOneOfN::new`].
    pub fn new(cots: impl Into<ChosenCots<M>>, n: usize) -> Result<Self, Error> {
        let mut cots = cots.into().0;
        let ots = ots(cots.len(), n)?;
        let mut macs = mem::take(&mut cots.macs);
        combine(&mut macs, ots);
        let mut indices = vec![0; ots];
        let mut planes = cots.choices.to_bools();
        for j in 0..log(n)? {
            for (i, b) in indices.iter_mut().zip(&mut planes) {
                *i |= u8::from(b) << j;
            }
        }
        Ok(Self {
            context: Arc::clone(&cots.context),
            first: cots.first,
            n,
            indices,
            macs,
        })
    }
    /// Number of OTs, never 0.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.macs.len()
    }
    /// The index of each OT.
    #[must_use]
    pub fn indices(&self) -> &[u8] {
        &self.indices
    }
    /// The random message of each OT's index.
    #[must_use]
    pub fn into_random(mut self) -> Vec<Block> {
        let mut out = mem::take(&mut self.macs);
        self.context.hash.hash(self.first, &mut out);
        out
    }
    /// The message of each OT's index, of `bits` bits, from what [`SentOneOfN::send`] sent.
    ///
    /// # Errors
    /// [`Error::Decode`]; [`Error::Parameter`] unless `bits` is in 1..=128 and within `R`.
    pub fn receive<R: Ring>(self, bits: u32, message: &[u8]) -> Result<RingVec<R>, Error> {
        let ots = self.len();
        width::<R>(bits, 128)?;
        let body = body_len(self.n, ots, bits)?;
        let place = Place {
            session: self.context.session,
            first: self.first,
        };
        let body = place.open(kinds::ONE_OF_N, body, message)?;
        let mut out = RingVec::<R>::zeros(ots);
        let mut pads = [Block::ZERO; CHUNK];
        let mut masked = [R::ZERO; CHUNK];
        for (c, macs) in self.macs.chunks(CHUNK).enumerate() {
            let at = c * CHUNK;
            let out = &mut out.as_mut_slice()[at..][..macs.len()];
            let indices = &self.indices[at..][..macs.len()];
            let pads = &mut pads[..macs.len()];
            self.context
                .hash
                .hash_into(self.first + at as u64, macs, pads);
            for (low, bits) in halves(bits).into_iter().filter(|(_, bits)| *bits > 0) {
                let masked = &mut masked[..macs.len()];
                // All messages are read, and one is kept by its mask.
                for (i, section) in body.chunks_exact(body.len() / self.n).enumerate() {
                    let bytes = packed_len(macs.len(), bits).unwrap_or_default();
                    let bytes = &section[piece(ots, at, low, bits)..][..bytes];
                    Unpacker::new(bytes, macs.len(), bits)?.pull(masked);
                    lanes::zip2(out, masked, indices, move |o, c: R, idx: u8| {
                        let differ = u64::from(idx) ^ i as u64;
                        let equal = R::from_u64(differ.wrapping_sub(1) >> 63).neg();
                        o.xor(c.shl(low).and(equal))
                    });
                }
                let keep = R::from_u64(piquet_core::pack::mask(bits));
                pad_words(masked, pads, low);
                lanes::zip(out, masked, move |o, p: R| o.xor(p.and(keep).shl(low)));
            }
        }
        wipe(&mut pads);
        Ok(out)
    }
}

impl<M: Security> Drop for SentOneOfN<M> {
    fn drop(&mut self) {
        wipe(&mut self.keys);
    }
}

impl<M: Security> Drop for ReceivedOneOfN<M> {
    fn drop(&mut self) {
        wipe(&mut self.macs);
        self.indices.as_mut_slice().zeroize();
    }
}

impl<M: Security> fmt::Debug for SentOneOfN<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SentOneOfN({} of 1 in {}, {})",
            self.len(),
            self.n,
            M::NAME
        )
    }
}

impl<M: Security> fmt::Debug for ReceivedOneOfN<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ReceivedOneOfN({} of 1 in {}, {})",
            self.len(),
            self.n,
            M::NAME
        )
    }
}

#[cfg(test)]
mod tests;
