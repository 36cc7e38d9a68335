//! Incremental point functions: a value for every prefix of α.
//!
//! After D. Boneh, E. Boyle, H. Corrigan-Gibbs, N. Gilboa, Y. Ishai, "Lightweight Techniques for Private Heavy
//! Hitters", IEEE S&P 2021, <https://eprint.iacr.org/2021/017>: p ↦ β_l for the prefix p of l bits of α, and 0 at all
//! other strings of l bits, for l = 1 to n. From one key of n levels, where n point functions would have n² / 2.
//!
//! **Construction**: the half-tree of [`piquet_core::ggm`], never ended early. Below l levels the value of a node x
//! is H(x ⊕ 2) modulo 2^k, and a party's share ± (H(x ⊕ 2) + t V_l), negative at party 1, with the correction V_l = ±
//! (β_l - W_0 + W_1) of level l, W_b being party b's value on the path, negative where party 1 has t = 1 there. Off
//! the path the parties' nodes are equal and their shares cancel.
//!
//! **Security**: against one semi-honest party, which does not collude with whoever made the keys, for H circular
//! correlation robust. What a party sees besides its own root are corrections of nodes and of values. To either, on
//! the path, the other party's node x ⊕ Δ contributes H(x ⊕ Δ), plus Δ or not, and H(x ⊕ 2 ⊕ Δ), for nodes x that the
//! party itself computes: queries of circular correlation robustness, with Δ added to outputs of the first kind only.
//! Nodes of different levels are different but with negligible probability, and no node is queried twice in one kind,
//! so all inputs are distinct; then all corrections are indistinguishable from uniform, whatever α and β are. What
//! the values at prefixes tell together is what the application opens; this crate opens nothing.
//!
//! **Multi-instance security**: as in [`crate::dpf`], with 4 n in place of 2 n + 2: about 4 N n p / 2^127 for N keys
//! of n levels.
//!
//! **Cost** in AES: 4 n to make a key pair, l + 1 for a prefix of l bits, 2 n for all prefixes of a point.
//!
//! **Constant time** in keys, α and β; prefixes are public.

use core::fmt;
use core::marker::PhantomData;

use piquet_core::cpu;
use piquet_core::ggm::GgmHash;
use piquet_core::wire::{DecodeError, Encode, Header, Reader, SessionId};
use piquet_core::{Block, Ring, RingVec, wipe, wipe_vec};
use rand_core::CryptoRng;

use crate::dpf::keys::{check_count, check_key, check_roots, fits, place, roots};
use crate::shape::{TILE, mask, same, within};
use crate::{Cpu, Error, P0, P1, Role, Shape, kinds};

/// Bytes of a message besides the keys.
const OVERHEAD: usize = Header::LEN + 1 + 1 + 1 + 4;

/// Bits of a root that are random.
const SEED: Block = Block::from_u128(!1);

/// Prefixes of 1 to `domain` bits, each with a value in Z_2^`value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    domain: u32,
    value: u32,
}

impl Levels {
    /// Points of `domain` bits, 1 to 128; values of `value` bits, 1 to 128.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn new(domain: u32, value: u32) -> Result<Self, Error> {
        Shape::new(domain, value)?;
        Ok(Self { domain, value })
    }
    /// Bits of a point, and levels of the tree.
    #[must_use]
    pub fn domain(self) -> u32 {
        self.domain
    }
    /// Bits of a value.
    #[must_use]
    pub fn value(self) -> u32 {
        self.value
    }
    /// Bytes of a key: a root, and for each level a correction of nodes and one of values, 16 + n (16 + ⌈k / 8⌉).
    #[must_use]
    pub fn key_bytes(self) -> usize {
        16 + self.domain as usize * (16 + self.value_bytes())
    }
    fn value_bytes(self) -> usize {
        self.value.div_ceil(8) as usize
    }
    /// The path to prefixes of `level` bits.
    fn paths<R: Ring>(self, level: u32, prefixes: &[R]) -> Result<Vec<Block>, Error> {
        let domain = "1 to the bits of the domain";
        within("bits of a prefix", level, 1, self.domain, domain)?;
        fits::<R>("bits of a prefix", level)?;
        let path = |x: &R| Block::from_u128((x.to_i128() as u128) << (128 - level));
        Ok(prefixes.iter().map(path).collect())
    }
}

/// One party's keys of a batch of at most [`crate::dpf::MAX_KEYS`].
///
/// **Bytes**: [`Levels::key_bytes`] for each key, and 25 for all.
///
/// Wiped when dropped, not cloned, not printed. Evaluated as often as one likes.
pub struct Keys<P: Role> {
    session: SessionId,
    batch: u64,
    levels: Levels,
    roots: Vec<Block>,
    /// By tiles, level-major, as in [`crate::evaluator::View`].
    corrections: Vec<Block>,
    /// Likewise.
    values: Vec<u128>,
    role: PhantomData<P>,
}

/// Makes keys of both parties: key j has the value `betas[j * n + l - 1]` at the prefix of l bits of `alphas[j]`. Of
/// both the bits past the domain and the range are ignored. A batch number is used once in its session.
///
/// # Errors
/// [`Error::Empty`], too many keys, words of points narrower than the domain, another number of values than n for
/// each key.
pub fn generate<R: Ring, W: Ring, G: CryptoRng + ?Sized>(
    session: &SessionId,
    batch: u64,
    levels: Levels,
    alphas: &[R],
    betas: &[W],
    rng: &mut G,
) -> Result<(Keys<P0>, Keys<P1>), Error> {
    let n = alphas.len();
    check_count(n)?;
    let depth = levels.domain as usize;
    same("values", betas.len(), n * depth)?;
    let mut alphas = levels.paths(levels.domain, alphas)?;
    let low = mask(levels.value);
    let hash = GgmHash::with_level(key(session, batch), cpu::level());
    let [r0, r1] = roots(n, SEED, rng);
    let mut corrections = vec![Block::ZERO; n * depth];
    let mut values = vec![0; n * depth];
    let mut x = [[Block::ZERO; TILE]; 2];
    let mut w = [[Block::ZERO; TILE]; 2];
    let tiles = corrections
        .chunks_mut(TILE * depth)
        .zip(values.chunks_mut(TILE * depth))
        .zip(alphas.chunks(TILE).zip(betas.chunks(TILE * depth)))
        .zip(r0.chunks(TILE).zip(r1.chunks(TILE)));
    for (((corrections, values), (alphas, betas)), (r0, r1)) in tiles {
        let m = alphas.len();
        let [x0, x1] = &mut x;
        let [w0, w1] = &mut w;
        let (x0, x1) = (&mut x0[..m], &mut x1[..m]);
        x0.copy_from_slice(r0);
        x1.copy_from_slice(r1);
        let rows = corrections.chunks_mut(m).zip(values.chunks_mut(m));
        for (level, (corrections, values)) in rows.enumerate() {
            hash.deal(level as u32, alphas, [&mut *x0, &mut *x1], corrections);
            hash.values(x0, w0);
            hash.values(x1, w1);
            for (j, v) in values.iter_mut().enumerate() {
                let beta = betas[j * depth + level].to_i128() as u128;
                let d = beta.wrapping_sub(w0[j].to_u128());
                let minus = (x1[j].to_u128() & 1).wrapping_neg();
                *v = negated(d.wrapping_add(w1[j].to_u128()), minus) & low;
            }
        }
    }
    wipe_vec(&mut alphas);
    x.iter_mut().chain(&mut w).for_each(|s| wipe(s));
    let (c, v) = (corrections.clone(), values.clone());
    Ok((
        Keys::new((session, batch), levels, r0, corrections, values),
        Keys::new((session, batch), levels, r1, c, v),
    ))
}

/// -v where `minus` is all ones.
#[inline(always)]
fn negated(v: u128, minus: u128) -> u128 {
    (v ^ minus).wrapping_sub(minus)
}

fn key(session: &SessionId, batch: u64) -> Block {
    GgmHash::key(session, &format!("incremental point functions {batch}"))
}

impl<P: Role> Keys<P> {
    fn new(
        (session, batch): (&SessionId, u64),
        levels: Levels,
        roots: Vec<Block>,
        corrections: Vec<Block>,
        values: Vec<u128>,
    ) -> Self {
        Self {
            session: *session,
            batch,
            levels,
            roots,
            corrections,
            values,
            role: PhantomData,
        }
    }
    /// Number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roots.len()
    }
    /// Never: a batch has keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }
    /// Domain and range.
    #[must_use]
    pub fn levels(&self) -> Levels {
        self.levels
    }

    /// Every key at one prefix of its own, all of `level` bits, which are the low ones of the words.
    ///
    /// # Errors
    /// If there are not as many prefixes as keys, no prefix has as many bits, or words are too narrow.
    pub fn evaluate_prefix<R: Ring, W: Ring>(
        &self,
        level: u32,
        prefixes: &[R],
        cpu: &Cpu,
    ) -> Result<RingVec<W>, Error> {
        same("prefixes", prefixes.len(), self.len())?;
        let mut out = RingVec::zeros(self.len());
        let to = out.as_mut_slice();
        self.walk(level, prefixes, level, cpu, |key, _, v| to[key] = v)?;
        Ok(out)
    }
    /// Every key at all prefixes of one point of its own: n values for each key, those of short prefixes first, one
    /// key after the other.
    ///
    /// # Errors
    /// If there are not as many points as keys, or words are too narrow.
    pub fn evaluate<R: Ring, W: Ring>(&self, points: &[R], cpu: &Cpu) -> Result<RingVec<W>, Error> {
        same("points", points.len(), self.len())?;
        let n = self.levels.domain as usize;
        let mut out = RingVec::zeros(self.len() * n);
        let to = out.as_mut_slice();
        self.walk(self.levels.domain, points, 1, cpu, |key, level, v| {
            to[key * n + level - 1] = v;
        })?;
        Ok(out)
    }
    /// One key at many prefixes of `level` bits.
    ///
    /// # Errors
    /// If there is no such key, no prefix has as many bits, or words are too narrow.
    pub fn evaluate_one<R: Ring, W: Ring>(
        &self,
        key: usize,
        level: u32,
        prefixes: &[R],
        cpu: &Cpu,
    ) -> Result<RingVec<W>, Error> {
        check_key(key, self.len())?;
        fits::<W>("bits of the values", self.levels.value)?;
        let paths = self.levels.paths(level, prefixes)?;
        let hash = cpu.hash(self::key(&self.session, self.batch));
        let (first, m) = self.tile(key);
        let column = first * self.levels.domain as usize + key - first;
        let rows = (0..level as usize).map(|l| column + l * m);
        let corrections: Vec<_> = rows.map(|at| self.corrections[at]).collect();
        let fix = self.values[column + (level as usize - 1) * m];
        let mut out = RingVec::zeros(paths.len());
        let mut buffers = [[Block::ZERO; TILE]; 3];
        let [nodes, turns, values] = &mut buffers;
        let runs = paths.chunks(TILE).zip(out.as_mut_slice().chunks_mut(TILE));
        for (paths, out) in runs {
            let nodes = &mut nodes[..paths.len()];
            nodes.fill(self.roots[key]);
            let turns = &mut turns[..paths.len()];
            hash.walk_one(&corrections, 0, paths, nodes, turns);
            hash.values(nodes, values);
            for ((o, x), v) in out.iter_mut().zip(&*nodes).zip(&*values) {
                *o = self.share(*x, *v, fix);
            }
        }
        buffers.iter_mut().for_each(|b| wipe(b));
        Ok(out)
    }

    /// Walks every key `end` levels down and hands out its shares from level `from` on: key, level, share.
    fn walk<R: Ring, W: Ring>(
        &self,
        end: u32,
        points: &[R],
        from: u32,
        cpu: &Cpu,
        mut each: impl FnMut(usize, usize, W),
    ) -> Result<(), Error> {
        fits::<W>("bits of the values", self.levels.value)?;
        let paths = self.levels.paths(end, points)?;
        let hash = cpu.hash(self::key(&self.session, self.batch));
        let mut buffers = [[Block::ZERO; TILE]; 3];
        let [nodes, turns, values] = &mut buffers;
        for (tile, paths) in paths.chunks(TILE).enumerate() {
            let m = paths.len();
            let begin = tile * TILE;
            let (nodes, turns) = (&mut nodes[..m], &mut turns[..m]);
            nodes.copy_from_slice(&self.roots[begin..begin + m]);
            let rows = begin * self.levels.domain as usize;
            let mut at = 0;
            for level in from..=end {
                let (here, to) = (at as usize * m, level as usize * m);
                let corrections = &self.corrections[rows + here..rows + to];
                hash.walk(corrections, at, paths, nodes, turns);
                hash.values(nodes, values);
                let fixes = &self.values[rows + to - m..rows + to];
                let shares = nodes.iter().zip(&*values).zip(fixes);
                for (j, ((x, v), fix)) in shares.enumerate() {
                    each(begin + j, level as usize, self.share(*x, *v, *fix));
                }
                at = level;
            }
        }
        buffers.iter_mut().for_each(|b| wipe(b));
        Ok(())
    }
    #[inline(always)]
    fn share<W: Ring>(&self, node: Block, value: Block, fix: u128) -> W {
        let t = (node.to_u128() & 1).wrapping_neg();
        let v = value.to_u128().wrapping_add(fix & t);
        let v = negated(v, u128::from(P::INDEX).wrapping_neg());
        W::from_i128((v & mask(self.levels.value)) as i128)
    }
    /// First key of the tile of `key`, and how many it has.
    fn tile(&self, key: usize) -> (usize, usize) {
        let first = key / TILE * TILE;
        (first, TILE.min(self.len() - first))
    }

    /// Length of the encoding of `count` keys.
    #[must_use]
    pub fn encoded_len(levels: Levels, count: usize) -> usize {
        OVERHEAD.saturating_add(count.saturating_mul(levels.key_bytes()))
    }
    /// Appends the message that gives these keys to their party: a header, party, shape and number, the roots, the
    /// corrections of nodes, those of values in whole bytes. It is secret; the caller sends it over a private channel
    /// and wipes it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(Self::encoded_len(self.levels, self.len()));
        header(&self.session, self.batch).encode(out);
        let Levels { domain, value } = self.levels;
        out.extend_from_slice(&[P::INDEX, domain as u8, value as u8]);
        out.extend_from_slice(&(self.len() as u32).to_le_bytes());
        out.extend_from_slice(bytemuck::must_cast_slice(&self.roots));
        out.extend_from_slice(bytemuck::must_cast_slice(&self.corrections));
        let bytes = self.levels.value_bytes();
        for v in &self.values {
            out.extend_from_slice(&v.to_le_bytes()[..bytes]);
        }
    }
    /// The keys that [`Keys::encode`] wrote, of which there have to be `count` of this shape in this batch.
    ///
    /// # Errors
    /// Any difference from that, among them keys of the other party ([`Error::Place`]), control bits of roots that
    /// are not this party's, and bits past a value.
    pub fn decode(
        session: &SessionId,
        batch: u64,
        levels: Levels,
        count: usize,
        bytes: &[u8],
    ) -> Result<Self, Error> {
        check_count(count)?;
        let want = Self::encoded_len(levels, count);
        if bytes.len() != want {
            let got = bytes.len();
            return Err(Error::Stream(DecodeError::Length { got, want }));
        }
        let body = header(session, batch).check(bytes).map_err(Error::Stream)?;
        let mut r = Reader::new(body);
        let mut fields = || Ok((r.u8()?, r.u8()?, r.u8()?, r.u32()?));
        let (party, domain, value, n) = fields().map_err(Error::Stream)?;
        place("party", party.into(), P::INDEX.into())?;
        place("bits of the domain", domain.into(), levels.domain.into())?;
        place("bits of the values", value.into(), levels.value.into())?;
        place("number of keys", n.into(), count as u64)?;
        let all = count * levels.domain as usize;
        let mut keys = Self::new(
            (session, batch),
            levels,
            vec![Block::ZERO; count],
            vec![Block::ZERO; all],
            vec![0; all],
        );
        for to in [&mut keys.roots, &mut keys.corrections] {
            let to: &mut [u8] = bytemuck::must_cast_slice_mut(to);
            to.copy_from_slice(r.bytes(to.len()).map_err(Error::Stream)?);
        }
        let low = mask(levels.value);
        let mut past = 0;
        for (v, bytes) in keys
            .values
            .iter_mut()
            .zip(r.rest().chunks_exact(levels.value_bytes()))
        {
            let mut word = [0; 16];
            word[..bytes.len()].copy_from_slice(bytes);
            *v = u128::from_le_bytes(word);
            past |= *v & !low;
        }
        check_roots(&keys.roots, SEED, P::INDEX)?;
        if past != 0 {
            return Err(Error::Stream(DecodeError::Range("padding bits")));
        }
        Ok(keys)
    }
}

fn header(session: &SessionId, batch: u64) -> Header {
    Header {
        kind: kinds::IDPF_KEYS,
        session: *session,
        step: batch,
    }
}

impl<P: Role> Drop for Keys<P> {
    fn drop(&mut self) {
        wipe_vec(&mut self.roots);
        wipe_vec(&mut self.corrections);
        wipe_vec(&mut self.values);
    }
}

impl<P: Role> fmt::Debug for Keys<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} keys, {:?})", self.len(), self.levels)
    }
}

#[cfg(test)]
mod tests;
