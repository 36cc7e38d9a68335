//! Point functions whose values are blocks that add up by exclusive or.

use core::fmt;
use core::marker::PhantomData;

use piquet_core::ggm::Leaf;
use piquet_core::wire::SessionId;
use piquet_core::{Block, Ring, lanes};
use rand_core::CryptoRng;

use super::keys::{self, Group, One, Raw, paths};
use super::{Ends, HalfTree, SMALL, Tree, domain, each_key, each_point, ends, places, together};
use crate::evaluator::{Cpu, Evaluator};
use crate::shape::same;
use crate::{Error, P0, P1, Role, Shape};

/// One party's keys of a batch, with values of 128 bits that add up by exclusive or. What [`super::Keys`] says holds
/// of them, with k = 128.
///
/// The correction of a leaf is H(x_0 ⊕ 2) ⊕ H(x_1 ⊕ 2) ⊕ β. Shares come in vectors that are not wiped: the caller does.
pub struct BlockKeys<P: Role, T: Tree = HalfTree> {
    pub(crate) raw: Raw<T>,
    role: PhantomData<P>,
}

/// Makes keys of both parties for points of `domain` bits, with value `betas[j]` at `alphas[j]`.
///
/// # Errors
/// As [`super::generate`].
pub fn generate_blocks<R: Ring, G: CryptoRng + ?Sized>(
    session: &SessionId,
    batch: u64,
    domain: u32,
    alphas: &[R],
    betas: &[Block],
    rng: &mut G,
) -> Result<(BlockKeys<P0>, BlockKeys<P1>), Error> {
    BlockKeys::generate(session, batch, domain, alphas, betas, rng)
}

impl<T: Tree> BlockKeys<P0, T> {
    pub(crate) fn generate<R: Ring, G: CryptoRng + ?Sized>(
        session: &SessionId,
        batch: u64,
        domain: u32,
        alphas: &[R],
        betas: &[Block],
        rng: &mut G,
    ) -> Result<(Self, BlockKeys<P1, T>), Error> {
        let shape = Shape::new(domain, 128)?;
        let betas = betas.iter().map(|b| b.to_u128()).collect();
        let range = (shape, Group::Xor);
        let alphas = paths(shape, alphas)?;
        let [k0, k1] = keys::generate((session, batch), range, alphas, betas, rng)?;
        Ok((Self::new(k0), BlockKeys::new(k1)))
    }
}

impl<P: Role, T: Tree> BlockKeys<P, T> {
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
    /// Bits of a point.
    #[must_use]
    pub fn domain(&self) -> u32 {
        self.raw.shape().domain()
    }
    /// Length of the encoding of `count` keys: 16 (`domain` + 2) bytes each, and 25 for all.
    ///
    /// # Errors
    /// If no domain has as many bits.
    pub fn encoded_len(domain: u32, count: usize) -> Result<usize, Error> {
        Ok(Raw::<T>::encoded_len(Shape::new(domain, 128)?, count))
    }
    /// As [`super::Keys::encode`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.raw.encode(P::INDEX, out);
    }
    /// As [`super::Keys::decode`].
    ///
    /// # Errors
    /// As [`super::Keys::decode`].
    pub fn decode(
        session: &SessionId,
        batch: u64,
        domain: u32,
        count: usize,
        bytes: &[u8],
    ) -> Result<Self, Error> {
        let range = (Shape::new(domain, 128)?, Group::Xor);
        let raw = Raw::decode(P::INDEX, (session, batch), range, count, bytes)?;
        Ok(Self::new(raw))
    }
    /// One key at every point.
    ///
    /// # Errors
    /// If there is no such key, or words are narrower than points.
    pub fn evaluate_one<R: Ring>(
        &self,
        key: usize,
        points: &[R],
        cpu: &Cpu,
    ) -> Result<Vec<Block>, Error> {
        let paths = paths(self.raw.shape(), points)?;
        let one = self.raw.one(key)?;
        let mut out = vec![Block::ZERO; paths.len()];
        each_point(&self.raw, &one, &paths, cpu, |j, node, value| {
            out[j] = value ^ times(one.leaf, node.to_u128());
        });
        Ok(out)
    }
    /// One key at all points of its domain, in order, to 2^n places.
    ///
    /// # Errors
    /// If there is no such key, or another number of places.
    pub fn expand_into(&self, key: usize, out: &mut [Block], cpu: &Cpu) -> Result<(), Error> {
        same("places", out.len(), places(self.raw.shape(), 1)?)?;
        let one: One = self.raw.one(key)?;
        let mut left = out;
        let tree = self.raw.tree(cpu.level());
        domain::leaves(&tree, &one, &mut |nodes| {
            let (out, rest) = core::mem::take(&mut left).split_at_mut(nodes.len());
            let out = bytemuck::must_cast_slice_mut(out);
            tree.leaves(Leaf::Xor, one.leaf, nodes, out);
            left = rest;
        });
        Ok(())
    }
    /// [`BlockKeys::expand_into`] a new vector.
    ///
    /// # Errors
    /// If there is no such key, or the domain has more than [`super::MAX_DOMAIN`] bits.
    pub fn expand(&self, key: usize, cpu: &Cpu) -> Result<Vec<Block>, Error> {
        let mut out = vec![Block::ZERO; places(self.raw.shape(), 1)?];
        self.expand_into(key, &mut out, cpu)?;
        Ok(out)
    }
    /// All keys at all points: 2^n blocks for each key, one key after the other.
    ///
    /// # Errors
    /// If there are more than 2^[`super::MAX_DOMAIN`] values.
    pub fn expand_keys(&self, cpu: &Cpu) -> Result<Vec<Block>, Error> {
        let mut out = vec![Block::ZERO; places(self.raw.shape(), self.len())?];
        let mut runs = out.chunks_mut(1 << self.domain());
        if self.raw.shape().levels() > SMALL {
            for (key, out) in runs.enumerate() {
                self.expand_into(key, out, cpu)?;
            }
            return Ok(out);
        }
        each_key(&self.raw, cpu, |nodes, values, leaf| {
            if let Some(out) = runs.next() {
                let out = bytemuck::must_cast_slice_mut(out);
                together(Leaf::Xor, leaf, nodes, values, out);
            }
        });
        Ok(out)
    }
    pub(crate) fn blocks(&self, ends: &Ends) -> Vec<Block> {
        let mut out = ends.values.clone();
        for (begin, _, fixes) in self.raw.tiles() {
            let (out, marks) = (&mut out[begin..], &ends.marks[begin..]);
            lanes::zip2(out, marks, fixes, |v, mark, fix| {
                v ^ times(fix, mark.into())
            });
        }
        out
    }
}

impl<P: Role> BlockKeys<P, HalfTree> {
    /// Every key at one point of its own: shares of the values.
    ///
    /// # Errors
    /// If there are not as many points as keys, words are narrower than points, and what the evaluator fails with.
    pub fn evaluate_blocks<R: Ring, E: Evaluator>(
        &self,
        points: &[R],
        e: &E,
    ) -> Result<Vec<Block>, E::Error> {
        let paths = paths(self.raw.shape(), points)?;
        Ok(self.blocks(&ends(&self.raw, &paths, e)?))
    }
}

/// All of the correction where bit 0 of `mark` is set.
#[inline(always)]
fn times(correction: Block, mark: u128) -> Block {
    correction & Block::from_u128((mark & 1).wrapping_neg())
}

impl<P: Role, T: Tree> fmt::Debug for BlockKeys<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockKeys({} keys, {} bits)", self.len(), self.domain())
    }
}
