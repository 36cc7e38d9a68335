//! The dealer: from one seed, both parties' key streams.
//!
//! All randomness of a set of keys comes from two seeds of 16 bytes, one known to each party, both to the dealer.
//! What is uniform on its own - masks, root nodes, one share of every shared value - is never sent: each party draws
//! it from its seed, and the mask is the sum. What the dealer has to say besides is a **correction** that both
//! parties may see: a shared value less both parties' draws, or a correction of a tree. So both streams carry the
//! same payload under different authentication, and a party learns from it what a uniform string would tell: each
//! correction is hidden from party b by what party 1 - b draws in the same place.
//!
//! **Trust.** The dealer knows every mask: together with the opened values of either party it knows every value. It
//! must not collude with any of the two, and must forget its seed. It is not needed once the streams are dealt.
//!
//! **Derivation.** Dealer's seed, session, set and party give the party's seed; that, session, set and party the key
//! K of its stream ([`crate::stream`]); K, position, gate with its parameters and number of gates the seed of the
//! generator of a block. All by BLAKE3, as a pseudorandom function of its key. Blocks do not depend on each other:
//! one at any position could be dealt by itself.
//!
//! **Determinism**: the streams are a function of (seed, session, set, the gates in order, and what those were given:
//! masks, tables). A set is dealt once and used once. A set that is used twice opens two values under one mask, which
//! gives their difference away. A set that is dealt twice, for two programs, draws anew wherever gate, parameters or
//! number differ; where they agree and masks do not, two trees for two points grow from the same roots, and their
//! corrections together give both points away. Whoever deals keeps account of set numbers. Authentication alone
//! survives such a mistake.
//!
//! **Multi-instance security.** Each block has an AES key of its own for its trees ([`GgmHash::key`] of session, set
//! and position), which both parties know. With N trees of d levels in a block and p evaluations of AES by an
//! adversary, the advantage is about N (2 d + 2) p / 2^127 for the whole block: of each tree, Δ has 127 unknown bits,
//! and an evaluation that hits one of the d + 1 nodes of the other party, from either side of AES, finds it.
//! [`MAX_GATES`] and d <= 128 keep it below p / 2^102 for gates of one tree. Other blocks have other keys: p is spent
//! on one of them.

use piquet_core::ggm::GgmHash;
use piquet_core::pack::{Packer, Unpacker};
use piquet_core::wire::{DecodeError, SessionId};
use piquet_core::{BitVec, Block, Prg, Ring, RingVec, wipe};
use rand_core::CryptoRng;
use zeroize::Zeroize;

use crate::gates::Gate;
use crate::shape::{TILE, same};
use crate::stream::{Head, Side, block_hash};
use crate::{Error, Role, Shape, trees};

/// Most gates of a block, which have one AES key between them.
pub const MAX_GATES: usize = 1 << 16;

/// Most blocks of a set.
pub const MAX_BLOCKS: u64 = 1 << 47;

/// 16 secret bytes. Wiped when dropped, not cloned, not printed.
pub struct Seed(pub(crate) Block);

impl Seed {
    /// A uniform one.
    #[must_use]
    pub fn random<G: CryptoRng + ?Sized>(rng: &mut G) -> Self {
        Self(Block::random(rng))
    }
    /// One that came from the dealer.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes.into())
    }
    /// What is sent to the party. The caller wipes it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 16] {
        self.0.into()
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl core::fmt::Debug for Seed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Deals one set of keys, block by block.
#[derive(Debug)]
pub struct Dealer {
    session: SessionId,
    set: u64,
    seeds: [Seed; 2],
    sides: [Side; 2],
    position: u64,
}

impl Dealer {
    /// Set number `set` of `session`, from the dealer's seed. One seed may deal many sessions and sets.
    #[must_use]
    pub fn new(session: SessionId, set: u64, seed: &Seed) -> Self {
        let seeds = [0u8, 1].map(|party| {
            let mut h = blake3::Hasher::new_derive_key("piquet 2026 seed of a party");
            let mut own = seed.to_bytes();
            h.update(&own);
            h.update(&session.0);
            h.update(&set.to_le_bytes());
            h.update(&[party]);
            own.zeroize();
            let mut out = [0; 16];
            h.finalize_xof().fill(&mut out);
            h.zeroize();
            let seed = Seed::from_bytes(out);
            out.zeroize();
            seed
        });
        let side = |party: usize| Side::new(&seeds[party], &session, set, party as u8);
        Self {
            sides: [side(0), side(1)],
            session,
            set,
            seeds,
            position: 0,
        }
    }
    /// What party `P` has to be given, by a private channel, before it can use its stream.
    #[must_use]
    pub fn seed<P: Role>(&self) -> &Seed {
        &self.seeds[usize::from(P::INDEX)]
    }
    /// Blocks dealt so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }
    /// Deals the keys of `count` gates as one block, which it appends to both streams.
    ///
    /// # Errors
    /// [`Error::Empty`], more than [`MAX_GATES`], [`MAX_BLOCKS`] dealt before, masks of another number. Then nothing
    /// was written.
    pub fn deal<G: Gate>(
        &mut self,
        gate: &G,
        count: usize,
        masks: G::Masks<'_>,
        streams: [&mut Vec<u8>; 2],
    ) -> Result<G::Dealt, Error> {
        check_count(count)?;
        check_position(self.position)?;
        let head = |party| Head {
            session: self.session,
            position: self.position,
            party,
            set: self.set,
            gate: gate.id(),
            count: count as u32,
        };
        let heads = [head(0), head(1)];
        let [(prg0, tag0), (prg1, tag1)] = [0, 1].map(|p: usize| self.sides[p].block(&heads[p]));
        let [first, second] = streams;
        let begin = first.len();
        let keys = gate.key_bytes(count);
        first.reserve(crate::stream::OVERHEAD + keys);
        heads[0].encode(first);
        // The payload is written where it belongs and copied once.
        let mut to = Deal {
            hash: GgmHash::new(block_hash(&self.session, self.set, self.position)),
            prgs: [prg0, prg1],
            payload: core::mem::take(first),
        };
        let dealt = gate.deal(count, masks, &mut to);
        *first = to.payload;
        let written = first.len() - begin - Head::LEN;
        let dealt = dealt.and_then(|d| same("bytes of keys", written, keys).map(|()| d));
        let dealt = match dealt {
            Ok(dealt) => dealt,
            Err(e) => {
                first.truncate(begin);
                return Err(e);
            }
        };
        let at = second.len();
        second.reserve(crate::stream::OVERHEAD + keys);
        heads[1].encode(second);
        second.extend_from_slice(&first[begin + Head::LEN..]);
        self.sides[0].sign(&tag0, first, begin);
        self.sides[1].sign(&tag1, second, at);
        self.position += 1;
        Ok(dealt)
    }
}

pub(crate) fn check_count(count: usize) -> Result<(), Error> {
    match count {
        0 => Err(Error::Empty),
        1..=MAX_GATES => Ok(()),
        _ => Err(Error::Parameter {
            what: "gates of a block",
            got: count as u64,
            domain: "1 to 65536",
        }),
    }
}

pub(crate) fn check_position(position: u64) -> Result<(), Error> {
    if position < MAX_BLOCKS {
        return Ok(());
    }
    Err(Error::Parameter {
        what: "position of a block",
        got: position,
        domain: "below 2^47",
    })
}

/// One block in the making. What a gate draws and writes here, in this order, its other half draws and reads.
pub struct Deal {
    pub(crate) hash: GgmHash,
    pub(crate) prgs: [Prg; 2],
    pub(crate) payload: Vec<u8>,
}

impl core::fmt::Debug for Deal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Deal({} bytes)", self.payload.len())
    }
}

impl Deal {
    /// `n` uniform elements of `bits` bits, shared additively. Writes nothing.
    pub fn random<R: Ring>(&mut self, bits: u32, n: usize) -> RingVec<R> {
        let mut sum = draw(&mut self.prgs[0], bits, n);
        sum.add_assign(draw::<R>(&mut self.prgs[1], bits, n).as_slice());
        low_bits(&mut sum, bits);
        sum
    }
    /// `n` uniform bits, shared by exclusive or. Writes nothing.
    pub fn random_bits(&mut self, n: usize) -> BitVec {
        let mut sum = BitVec::zeros(n);
        self.prgs[0].fill_bits(&mut sum);
        let mut other = BitVec::zeros(n);
        self.prgs[1].fill_bits(&mut other);
        sum.xor_assign(&other);
        sum
    }
    /// Shares `values` additively modulo 2^`bits`: writes `bits` bits for each, rounded up to bytes.
    pub fn share<R: Ring>(&mut self, bits: u32, values: &[R]) {
        let random = self.random::<R>(bits, values.len());
        let mut c = RingVec::from(values.to_vec()); // wiped, as what it held first is the value
        c.sub_assign(random.as_slice());
        put(&mut self.payload, bits, c.as_slice());
    }
    /// Shares `values` by exclusive or: writes a bit for each, rounded up to bytes.
    pub fn share_bits(&mut self, values: &BitVec) {
        let mut c = self.random_bits(values.len());
        c.xor_assign(values);
        self.payload.extend_from_slice(c.as_bytes());
    }
    /// Deals one point function for each α: writes 16 [`Shape::corrections`] bytes for each. `betas[j]` is the value
    /// at α_j; a value of one bit is 1 if there are none.
    ///
    /// # Errors
    /// If lengths do not fit together.
    pub(crate) fn trees<R: Ring>(
        &mut self,
        shape: Shape,
        alphas: &[R],
        betas: Option<&[u128]>,
    ) -> Result<(), Error> {
        let n = alphas.len();
        if let Some(b) = betas {
            same("values", b.len(), n)?;
        }
        let mut paths: Vec<_> = alphas.iter().map(|a| shape.path(*a)).collect();
        let [mut x0, mut x1] = [0, 1].map(|p| roots(&mut self.prgs[p], p as u8, n));
        // A tile at a time: what is written is still in the nearest cache when it is appended.
        let per_key = shape.corrections();
        let mut corrections = vec![Block::ZERO; TILE.min(n) * per_key];
        let tiles = paths
            .chunks(TILE)
            .zip(x0.chunks_mut(TILE))
            .zip(x1.chunks_mut(TILE));
        for (tile, ((paths, x0), x1)) in tiles.enumerate() {
            let at = tile * TILE;
            let m = paths.len();
            let betas = betas.map(|b| &b[at..at + m]);
            let corrections = &mut corrections[..m * per_key];
            trees::deal(&self.hash, shape, paths, betas, [x0, x1], corrections);
            self.payload
                .extend_from_slice(bytemuck::must_cast_slice(corrections));
        }
        // Corrections go to both parties and are no secret.
        for secret in [&mut paths, &mut x0, &mut x1] {
            wipe(secret);
        }
        Ok(())
    }
}

/// A party's own uniform elements.
pub(crate) fn draw<R: Ring>(prg: &mut Prg, bits: u32, n: usize) -> RingVec<R> {
    let mut v = RingVec::zeros(n);
    prg.fill_ring(v.as_mut_slice());
    low_bits(&mut v, bits);
    v
}

/// A party's root nodes.
pub(crate) fn roots(prg: &mut Prg, party: u8, n: usize) -> Vec<Block> {
    let mut x = vec![Block::ZERO; n];
    prg.fill_blocks(&mut x);
    let party = u128::from(party);
    for x in &mut x {
        *x = Block::from_u128((x.to_u128() & !1) | party);
    }
    x
}

/// Clears the bits above the low ones.
pub(crate) fn low_bits<R: Ring>(v: &mut RingVec<R>, bits: u32) {
    if bits < R::BITS {
        let mask = R::ONE.shl(bits).sub(R::ONE);
        piquet_core::lanes::map(v.as_mut_slice(), move |x| x.and(mask));
    }
}

/// Appends elements of `bits` bits without gaps, up to 64 of them; wider ones are whole bytes each.
pub(crate) fn put<R: Ring>(out: &mut Vec<u8>, bits: u32, values: &[R]) {
    if bits <= 64 {
        let mut run = Packer::new(out, bits);
        run.push(values);
        run.finish();
        return;
    }
    let bytes = bits.div_ceil(8) as usize;
    let low = crate::shape::mask(bits);
    for v in values {
        let v = (v.to_i128() as u128 & low).to_le_bytes();
        out.extend_from_slice(&v[..bytes]);
    }
}

/// The `n` elements that [`put`] wrote, all of `bytes`.
pub(crate) fn get<R: Ring>(bytes: &[u8], bits: u32, n: usize) -> Result<Vec<R>, DecodeError> {
    if bits <= 64 {
        let mut out = vec![R::ZERO; n];
        Unpacker::new(bytes, n, bits)?.pull(&mut out);
        return Ok(out);
    }
    let (got, want) = (bytes.len(), share_bytes(bits, n));
    if got != want {
        return Err(DecodeError::Length { got, want });
    }
    let low = crate::shape::mask(bits);
    let mut out = Vec::with_capacity(n);
    for bytes in bytes.chunks_exact(bits.div_ceil(8) as usize) {
        let mut word = [0; 16];
        word[..bytes.len()].copy_from_slice(bytes);
        let v = u128::from_le_bytes(word);
        if v & !low != 0 {
            return Err(DecodeError::Range("padding bits"));
        }
        out.push(R::from_i128(v as i128));
    }
    Ok(out)
}

/// Bytes of `n` shared elements of `bits` bits.
pub(crate) fn share_bytes(bits: u32, n: usize) -> usize {
    if bits <= 64 {
        (n * bits as usize).div_ceil(8)
    } else {
        n * bits.div_ceil(8) as usize
    }
}

#[cfg(test)]
mod tests;
