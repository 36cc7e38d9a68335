//! Distributed point functions: x ↦ β where x = α, and 0 elsewhere, shared between two parties.
//!
//! Each party's key alone tells nothing of α and β; at every x the two parties' values sum to the function. Here are
//! the keys by themselves, for users who have a dealer (or a client, as in private look-ups) of their own; gates have
//! theirs in the dealer's stream.
//!
//! The tree is the half-tree of X. Guo and others, "Half-Tree: Halving the Cost of Tree Expansion in COT and DPF",
//! EUROCRYPT 2023, <https://eprint.iacr.org/2022/1431>, as described in [`piquet_core::ggm`], ended early after E.
//! Boyle, N. Gilboa, Y. Ishai, "Function Secret Sharing: Improvements and Extensions", 2018/707 ([`Shape`]).
//! [`crate::bgi`] has their tree.
//!
//! **Ranges**: Z_2^k for k in 1..=128, where shares add up ([`Keys`]), packed bits for k = 1; and blocks of 128 bits,
//! where they add up by exclusive or ([`BlockKeys`]).
//!
//! **Security**: against one semi-honest party, which does not collude with whoever made the keys; π(σ(x)) ⊕ σ(x)
//! under a public AES key has to be circular correlation robust, as it is for an ideal permutation. What a party
//! holds besides its root are corrections; each is hidden by what the other party's node on the path hashes to. Keys
//! may be evaluated as often as one likes, as an evaluation only depends on what the party holds and on public
//! points. A wrong key is not detected: a peer or dealer that deviates makes wrong shares.
//!
//! **Multi-instance security**: the keys of a batch, [`MAX_KEYS`] at most, share one AES key, which is public and
//! derived from session and batch number. With N keys of d levels and p evaluations of AES by an adversary, its
//! advantage is about N (2 d + 2) p / 2^127 for the whole batch, below p / 2^103. Other batches have other AES keys,
//! so that p is spent on one of them. A batch number is used once in its session.
//!
//! **Cost** in AES, for d = [`Shape::levels`]: 2 d + 2 to make a key pair, d + 1 for a point; 2^(d + 1) - 1 for a
//! whole domain.
//!
//! **Constant time** in keys, α and β; points at which keys are evaluated are public.

use core::fmt;
use core::marker::PhantomData;

use piquet_core::ggm::Leaf;
use piquet_core::wire::SessionId;
use piquet_core::{BitVec, Block, Ring, RingVec, wipe, wipe_vec};
use rand_core::CryptoRng;

use crate::evaluator::{Cpu, Evaluator, Walked};
use crate::shape::{TILE, same, within};
use crate::{Error, P0, P1, Role, Shape};

mod blocks;
mod domain;
pub(crate) mod keys;
mod leaves;
mod table;
mod tree;

pub use blocks::{BlockKeys, generate_blocks};
pub(crate) use tree::Grow;
pub use tree::HalfTree;

use keys::{Group, One, Raw, fits, paths};
use leaves::Leaves;
pub(crate) use leaves::together;

/// Most keys of a batch, which have one AES key between them.
pub const MAX_KEYS: usize = 1 << 16;

/// Most bits of a domain that is written out as a whole.
pub const MAX_DOMAIN: u32 = 32;

/// Which tree keys are of: [`HalfTree`] or [`crate::bgi::SeedTree`].
pub trait Tree: Grow + fmt::Debug + 'static {}

impl Tree for HalfTree {}

/// One party's keys of a batch, with values in Z_2^k.
///
/// **Bytes**: 16 ([`Shape::corrections`] + 1) for each key, and 25 for all ([`Keys::encoded_len`]).
///
/// Wiped when dropped, not cloned, not printed.
pub struct Keys<P: Role, T: Tree = HalfTree> {
    pub(crate) raw: Raw<T>,
    role: PhantomData<P>,
}

/// Makes keys of both parties for the point functions with value `betas[j]` at `alphas[j]`; of both the bits past the
/// shape are ignored.
///
/// # Errors
/// [`Error::Empty`], more than [`MAX_KEYS`], words of points narrower than the domain, another number of values.
pub fn generate<R: Ring, W: Ring, G: CryptoRng + ?Sized>(
    session: &SessionId,
    batch: u64,
    shape: Shape,
    alphas: &[R],
    betas: &[W],
    rng: &mut G,
) -> Result<(Keys<P0>, Keys<P1>), Error> {
    Keys::generate(session, batch, shape, alphas, betas, rng)
}

impl<T: Tree> Keys<P0, T> {
    pub(crate) fn generate<R: Ring, W: Ring, G: CryptoRng + ?Sized>(
        session: &SessionId,
        batch: u64,
        shape: Shape,
        alphas: &[R],
        betas: &[W],
        rng: &mut G,
    ) -> Result<(Self, Keys<P1, T>), Error> {
        let paths = paths(shape, alphas)?;
        let betas = betas.iter().map(|b| b.to_i128() as u128).collect();
        let range = (shape, Group::Sum);
        let [k0, k1] = keys::generate((session, batch), range, paths, betas, rng)?;
        Ok((Self::new(k0), Keys::new(k1)))
    }
}

impl<P: Role, T: Tree> Keys<P, T> {
    fn new(raw: Raw<T>) -> Self {
        let role = PhantomData;
        Self { raw, role }
    }
    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.raw.len()
    }
    /// Never: a batch has keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.raw.len() == 0
    }
    /// Domain and range.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.raw.shape()
    }
    /// Length of the encoding of `count` keys.
    #[must_use]
    pub fn encoded_len(shape: Shape, count: usize) -> usize {
        Raw::<T>::encoded_len(shape, count)
    }
    /// Appends the message that gives these keys to their party: a header, party, shape and number, the roots, and
    /// the corrections as they lie in memory ([`crate::evaluator::View`]). It is secret; the caller sends it over a
    /// private channel and wipes it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.raw.encode(P::INDEX, out);
    }
    /// The keys that [`Keys::encode`] wrote, of which there have to be `count` of this shape in this batch.
    ///
    /// # Errors
    /// Any difference from that, among them keys of the other party ([`Error::Place`]) and control bits of roots that
    /// are not this party's. What is inside of corrections cannot be checked by one party.
    pub fn decode(
        session: &SessionId,
        batch: u64,
        shape: Shape,
        count: usize,
        bytes: &[u8],
    ) -> Result<Self, Error> {
        let range = (shape, Group::Sum);
        let raw = Raw::decode(P::INDEX, (session, batch), range, count, bytes)?;
        Ok(Self::new(raw))
    }

    fn leaves(&self) -> Leaves {
        Leaves::new(self.shape(), P::INDEX)
    }
    /// One key at every point.
    ///
    /// # Errors
    /// If there is no such key, or words are narrower than points or values.
    pub fn evaluate_one<R: Ring, W: Ring>(
        &self,
        key: usize,
        points: &[R],
        cpu: &Cpu,
    ) -> Result<RingVec<W>, Error> {
        fits::<W>("bits of the values", self.shape().value())?;
        let paths = paths(self.shape(), points)?;
        let one = self.raw.one(key)?;
        let mut out = RingVec::zeros(paths.len());
        let leaves = self.leaves();
        each_point(&self.raw, &one, &paths, cpu, |j, node, value| {
            let entry = leaves.shape.entry(paths[j]);
            let share = leaves.share(entry, value, node.to_u128(), one.leaf);
            out.as_mut_slice()[j] = W::from_i128(share as i128);
        });
        Ok(out)
    }
    /// One key at all points of its domain, in order.
    ///
    /// # Errors
    /// If there is no such key, words are narrower than values, or the domain has more than [`MAX_DOMAIN`] bits.
    pub fn expand<W: Ring>(&self, key: usize, cpu: &Cpu) -> Result<RingVec<W>, Error> {
        let mut out = RingVec::zeros(self.places(1)?);
        self.expand_into(key, out.as_mut_slice(), cpu)?;
        Ok(out)
    }
    /// [`Keys::expand`] to where there are 2^n places already.
    ///
    /// # Errors
    /// As [`Keys::expand`], and another number of places.
    pub fn expand_into<W: Ring>(&self, key: usize, out: &mut [W], cpu: &Cpu) -> Result<(), Error> {
        fits::<W>("bits of the values", self.shape().value())?;
        same("places", out.len(), self.places(1)?)?;
        let one = self.raw.one(key)?;
        let leaves = self.leaves();
        let mut left = out;
        let tree = self.raw.tree(cpu.level());
        domain::leaves(&tree, &one, &mut |nodes| {
            let n = nodes.len() << self.shape().log_entries();
            let (out, rest) = core::mem::take(&mut left).split_at_mut(n);
            leaves.expand(&tree, nodes, one.leaf, out);
            left = rest;
        });
        Ok(())
    }
    /// [`Keys::expand`] for values of one bit.
    ///
    /// # Errors
    /// If there is no such key, values are wider, or the domain has more than [`MAX_DOMAIN`] bits.
    pub fn expand_bits(&self, key: usize, cpu: &Cpu) -> Result<BitVec, Error> {
        self.only_bits()?;
        let places = self.places(1)?;
        let mut words = Vec::with_capacity(places.div_ceil(128) * 2);
        self.bits(key, cpu, |bits| words.extend_from_slice(bits))?;
        Ok(BitVec::from_words(places, words))
    }
    /// All keys at all points: 2^n values for each key, one key after the other. Small domains are expanded many keys
    /// at a time.
    ///
    /// # Errors
    /// If words are narrower than values, or there are more than 2^[`MAX_DOMAIN`] values.
    pub fn expand_keys<W: Ring>(&self, cpu: &Cpu) -> Result<RingVec<W>, Error> {
        fits::<W>("bits of the values", self.shape().value())?;
        let mut out = RingVec::zeros(self.places(self.len())?);
        let leaves = self.leaves();
        let runs = out.as_mut_slice().chunks_mut(1 << self.shape().domain());
        if self.shape().levels() > SMALL {
            for (key, out) in runs.enumerate() {
                self.expand_into(key, out, cpu)?;
            }
            return Ok(out);
        }
        let mut runs = runs;
        each_key(&self.raw, cpu, |nodes, values, leaf| {
            if let Some(out) = runs.next() {
                leaves.shares(nodes, values, leaf, out);
            }
        });
        Ok(out)
    }
    /// [`Keys::expand_keys`] for values of one bit.
    ///
    /// # Errors
    /// If values are wider, or there are more than 2^[`MAX_DOMAIN`] of them.
    pub fn expand_keys_bits(&self, cpu: &Cpu) -> Result<BitVec, Error> {
        self.only_bits()?;
        let mut out = BitVec::zeros(self.places(self.len())?);
        let domain = self.shape().domain();
        let mut at = 0;
        if self.shape().levels() > SMALL {
            for key in 0..self.len() {
                self.bits(key, cpu, |bits| {
                    out.words_mut()[at..at + bits.len()].copy_from_slice(bits);
                    at += bits.len();
                })?;
            }
            return Ok(out);
        }
        each_key(&self.raw, cpu, |nodes, values, leaf| {
            let mut bits = [[0; 2]; 1 << SMALL];
            together(Leaf::Xor, leaf, nodes, values, &mut bits);
            let bits = bits[..nodes.len()].as_flattened();
            let words = &mut out.words_mut()[at / 64..];
            match domain {
                0..6 => words[0] |= (bits[0] & ((1 << (1 << domain)) - 1)) << (at % 64),
                6 => words[0] = bits[0],
                _ => words[..bits.len()].copy_from_slice(bits),
            }
            at += 1 << domain;
        });
        Ok(out)
    }

    /// Hands out the bits of one key in order, in whole leaves.
    fn bits(&self, key: usize, cpu: &Cpu, mut each: impl FnMut(&[u64])) -> Result<(), Error> {
        let one = self.raw.one(key)?;
        let tree = self.raw.tree(cpu.level());
        let mut bits = [[0; 2]; domain::LEAVES];
        domain::leaves(&tree, &one, &mut |nodes| {
            let bits = &mut bits[..nodes.len()];
            tree.leaves(Leaf::Xor, one.leaf, nodes, bits);
            each(bits.as_flattened());
        });
        wipe(&mut bits);
        Ok(())
    }
    pub(crate) fn only_bits(&self) -> Result<(), Error> {
        within("bits of the values", self.shape().value(), 1, 1, "1")
    }
    fn places(&self, keys: usize) -> Result<usize, Error> {
        places(self.shape(), keys)
    }
    /// From what the walks of all keys end with to shares.
    fn shares(&self, paths: &[Block], ends: &Ends, mut each: impl FnMut(usize, u128)) {
        let leaves = self.leaves();
        for (begin, _, fixes) in self.raw.tiles() {
            for (at, fix) in fixes.iter().enumerate() {
                let j = begin + at;
                let entry = leaves.shape.entry(paths[j]);
                let mark = ends.marks[j].into();
                each(j, leaves.share(entry, ends.values[j], mark, *fix));
            }
        }
    }
    pub(crate) fn ring<W: Ring>(&self, paths: &[Block], ends: &Ends) -> RingVec<W> {
        let mut out = RingVec::zeros(paths.len());
        let to = out.as_mut_slice();
        self.shares(paths, ends, |j, v| to[j] = W::from_i128(v as i128));
        out
    }
    pub(crate) fn packed(&self, paths: &[Block], ends: &Ends) -> BitVec {
        let mut out = BitVec::zeros(paths.len());
        let to = out.words_mut();
        self.shares(paths, ends, |j, v| {
            to[j / 64] |= (v as u64 & 1) << (j % 64);
        });
        out
    }
}

impl<P: Role> Keys<P, HalfTree> {
    /// Every key at one point of its own: shares of the values.
    ///
    /// # Errors
    /// If there are not as many points as keys, words are narrower than points or values, and what the evaluator
    /// fails with.
    pub fn evaluate<R: Ring, W: Ring, E: Evaluator>(
        &self,
        points: &[R],
        e: &E,
    ) -> Result<RingVec<W>, E::Error> {
        fits::<W>("bits of the values", self.shape().value())?;
        let paths = paths(self.shape(), points)?;
        Ok(self.ring(&paths, &ends(&self.raw, &paths, e)?))
    }
    /// [`Keys::evaluate`] for values of one bit.
    ///
    /// # Errors
    /// As [`Keys::evaluate`], and wider values.
    pub fn evaluate_bits<R: Ring, E: Evaluator>(
        &self,
        points: &[R],
        e: &E,
    ) -> Result<BitVec, E::Error> {
        self.only_bits()?;
        let paths = paths(self.shape(), points)?;
        Ok(self.packed(&paths, &ends(&self.raw, &paths, e)?))
    }
}

/// What the walks of all keys end with, before corrections of leaves. Wiped when dropped.
pub(crate) struct Ends {
    pub(crate) values: Vec<Block>,
    pub(crate) marks: Vec<u8>,
}

impl Ends {
    pub(crate) fn new(n: usize) -> Self {
        Self {
            values: vec![Block::ZERO; n],
            marks: vec![0; n],
        }
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        wipe_vec(&mut self.values);
        wipe_vec(&mut self.marks);
    }
}

fn ends<E: Evaluator>(raw: &Raw<HalfTree>, paths: &[Block], e: &E) -> Result<Ends, E::Error> {
    let mut ends = Ends::new(raw.len());
    same("points", paths.len(), raw.len())?;
    let out = Walked {
        values: &mut ends.values,
        marks: &mut ends.marks,
    };
    e.points(raw.trees.view(), paths, out)?;
    Ok(ends)
}

/// One key at every path: the node and its value.
fn each_point<T: Tree>(
    raw: &Raw<T>,
    one: &One,
    paths: &[Block],
    cpu: &Cpu,
    mut each: impl FnMut(usize, Block, Block),
) {
    let tree = raw.tree(cpu.level());
    let mut nodes = [Block::ZERO; TILE];
    let mut values = [Block::ZERO; TILE];
    for (run, paths) in paths.chunks(TILE).enumerate() {
        let nodes = &mut nodes[..paths.len()];
        nodes.fill(one.root);
        tree.walk_one(&one.corrections, paths, nodes);
        tree.values(nodes, &mut values);
        for (at, (node, value)) in nodes.iter().zip(&values).enumerate() {
            each(run * TILE + at, *node, *value);
        }
    }
    wipe(&mut nodes);
    wipe(&mut values);
}

/// Levels of trees that are small enough to grow side by side.
const SMALL: u32 = 4;

/// The leaves of all keys whose trees are small, in order: nodes, values, correction.
fn each_key<T: Tree>(raw: &Raw<T>, cpu: &Cpu, mut each: impl FnMut(&[Block], &[Block], Block)) {
    let tree = raw.tree(cpu.level());
    let room = || vec![Block::ZERO; TILE << SMALL];
    let (mut here, mut there) = (room(), room());
    let mut key = [[Block::ZERO; 1 << SMALL]; 2];
    for (begin, levels, leaves) in raw.tiles() {
        let m = leaves.len();
        here[..m].copy_from_slice(&raw.trees.roots[begin..begin + m]);
        let mut n = m;
        for corrections in levels.chunks_exact(m) {
            tree.expand_keys(corrections, &here[..n], &mut there[..2 * n]);
            core::mem::swap(&mut here, &mut there);
            n *= 2;
        }
        tree.values(&here[..n], &mut there[..n]);
        let [nodes, values] = &mut key;
        for (j, leaf) in leaves.iter().enumerate() {
            for i in 0..n / m {
                nodes[i] = here[i * m + j];
                values[i] = there[i * m + j];
            }
            each(&nodes[..n / m], &values[..n / m], *leaf);
        }
    }
    key.iter_mut().for_each(|k| wipe(k));
    wipe_vec(&mut here);
    wipe_vec(&mut there);
}

/// Values of `keys` whole domains.
fn places(shape: Shape, keys: usize) -> Result<usize, Error> {
    let domain = "few enough for 2^32 values";
    within("bits of the domain", shape.domain(), 1, MAX_DOMAIN, domain)?;
    let all = (keys as u64) << shape.domain();
    match usize::try_from(all) {
        Ok(all) if all as u64 <= 1 << MAX_DOMAIN => Ok(all),
        _ => Err(Error::Parameter {
            what: "keys to expand",
            got: keys as u64,
            domain,
        }),
    }
}

impl<P: Role, T: Tree> fmt::Debug for Keys<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} keys, {:?})", self.len(), self.shape())
    }
}

#[cfg(test)]
mod tests;
