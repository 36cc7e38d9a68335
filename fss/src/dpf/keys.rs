//! Keys of one party as they lie in memory and on the wire: dealt, encoded, decoded, one taken out.

use core::marker::PhantomData;

use piquet_core::cpu::{self, Level};
use piquet_core::wire::{DecodeError, Encode, Header, Reader, SessionId};
use piquet_core::{Block, Ring, wipe, wipe_vec};
use rand_core::CryptoRng;

use super::MAX_KEYS;
use super::tree::Grow;
use crate::shape::{TILE, mask, same};
use crate::trees::{Trees, leaf};
use crate::{Error, Shape};

/// Bytes of a message besides the keys.
pub(crate) const OVERHEAD: usize = Header::LEN + 1 + 1 + 1 + 4;

/// What values are added up in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Z_2^k
    Sum,
    /// GF(2)^128
    Xor,
}

/// Keys of one party.
pub(crate) struct Raw<T> {
    pub(crate) session: SessionId,
    pub(crate) batch: u64,
    pub(crate) group: Group,
    pub(crate) trees: Trees,
    tree: PhantomData<fn() -> T>,
}

/// One key, taken out of its tile.
pub(crate) struct One {
    pub(crate) root: Block,
    pub(crate) corrections: Vec<Block>,
    pub(crate) leaf: Block,
}

impl Drop for One {
    fn drop(&mut self) {
        wipe(core::slice::from_mut(&mut self.root));
        wipe_vec(&mut self.corrections);
    }
}

/// The paths to `points`, which have to have as many bits as the domain.
pub(crate) fn paths<R: Ring>(shape: Shape, points: &[R]) -> Result<Vec<Block>, Error> {
    fits::<R>("bits of the domain", shape.domain())?;
    Ok(points.iter().map(|x| shape.path(*x)).collect())
}

/// Refuses words narrower than `bits`.
pub(crate) fn fits<R: Ring>(what: &'static str, bits: u32) -> Result<(), Error> {
    if bits <= R::BITS {
        return Ok(());
    }
    Err(Error::Parameter {
        what,
        got: bits.into(),
        domain: "at most those of the word",
    })
}

/// Refuses numbers of keys that one batch does not take.
pub(crate) fn check_count(count: usize) -> Result<(), Error> {
    match count {
        0 => Err(Error::Empty),
        1..=MAX_KEYS => Ok(()),
        _ => Err(Error::Parameter {
            what: "keys of a batch",
            got: count as u64,
            domain: "1 to 65536",
        }),
    }
}

/// Refuses a key that is not there.
pub(crate) fn check_key(key: usize, count: usize) -> Result<(), Error> {
    if key < count {
        return Ok(());
    }
    Err(Error::Parameter {
        what: "index of a key",
        got: key as u64,
        domain: "less than the number of keys",
    })
}

/// Uniform root nodes; bit 0 is the party.
pub(crate) fn roots<G: CryptoRng + ?Sized>(n: usize, seed: Block, rng: &mut G) -> [Vec<Block>; 2] {
    [0, 1].map(|party| {
        let mut x = vec![Block::ZERO; n];
        rng.fill_bytes(bytemuck::must_cast_slice_mut(&mut x));
        for x in &mut x {
            *x = (*x & seed) ^ Block::from_u128(party);
        }
        x
    })
}

/// Refuses roots that are not those of `party`.
pub(crate) fn check_roots(roots: &[Block], seed: Block, party: u8) -> Result<(), Error> {
    let party = Block::from_u128(party.into());
    let mut wrong = Block::ZERO;
    for x in roots {
        wrong = Block::from_u128(wrong.to_u128() | ((*x & !seed) ^ party).to_u128());
    }
    if wrong == Block::ZERO {
        return Ok(());
    }
    Err(Error::Stream(DecodeError::Range("control bit of a root")))
}

/// Deals keys of both parties.
pub(crate) fn generate<T: Grow, G: CryptoRng + ?Sized>(
    (session, batch): (&SessionId, u64),
    (shape, group): (Shape, Group),
    mut alphas: Vec<Block>,
    mut betas: Vec<u128>,
    rng: &mut G,
) -> Result<[Raw<T>; 2], Error> {
    let n = alphas.len();
    check_count(n)?;
    same("values", betas.len(), n)?;
    let tree = T::new(session, batch, cpu::level());
    let roots = roots(n, T::SEED, rng);
    let per_key = shape.corrections();
    // A tile is made where it stays in the nearest caches, and goes to both parties from there.
    let mut tile = vec![Block::ZERO; n.min(TILE) * per_key];
    let mut corrections = [0, 1].map(|_| Vec::with_capacity(n * per_key));
    let mut x = [[Block::ZERO; TILE]; 2];
    let mut w = [[Block::ZERO; TILE]; 2];
    for begin in (0..n).step_by(TILE) {
        let m = TILE.min(n - begin);
        let keys = begin..begin + m;
        let (alphas, betas) = (&alphas[keys.clone()], &betas[keys.clone()]);
        let tile = &mut tile[..m * per_key];
        let [x0, x1] = &mut x;
        let [w0, w1] = &mut w;
        let (x0, x1) = (&mut x0[..m], &mut x1[..m]);
        x0.copy_from_slice(&roots[0][keys.clone()]);
        x1.copy_from_slice(&roots[1][keys]);
        let (levels, leaves) = tile.split_at_mut(m * (per_key - 1));
        tree.deal(alphas, [&mut *x0, &mut *x1], levels);
        tree.values(x0, w0);
        tree.values(x1, w1);
        for j in 0..m {
            leaves[j] = match group {
                Group::Xor => w0[j] ^ w1[j] ^ Block::from_u128(betas[j]),
                Group::Sum => {
                    let minus = (x1[j].to_u128() & 1).wrapping_neg();
                    let beta = betas[j] & mask(shape.value());
                    let leaf = leaf(shape, shape.entry(alphas[j]), beta, minus, [w0[j], w1[j]]);
                    leaf & Block::from_u128(used(shape))
                }
            };
        }
        for all in &mut corrections {
            all.extend_from_slice(tile);
        }
    }
    wipe_vec(&mut alphas);
    wipe_vec(&mut betas);
    for secret in x.iter_mut().chain(&mut w) {
        wipe(secret);
    }
    let ([r0, r1], [c0, c1]) = (roots, corrections);
    let own = |roots, corrections| Raw::new((session, batch), (shape, group), roots, corrections);
    Ok([own(r0, c0), own(r1, c1)])
}

/// The bits of a leaf that are bits of a value.
fn used(shape: Shape) -> u128 {
    mask(shape.value() << shape.log_entries())
}

impl<T: Grow> Raw<T> {
    fn new(
        (session, batch): (&SessionId, u64),
        (shape, group): (Shape, Group),
        roots: Vec<Block>,
        corrections: Vec<Block>,
    ) -> Self {
        Self {
            session: *session,
            batch,
            group,
            trees: Trees {
                hash: T::key(session, batch),
                shape,
                roots,
                corrections,
            },
            tree: PhantomData,
        }
    }
    pub(crate) fn shape(&self) -> Shape {
        self.trees.shape
    }
    pub(crate) fn len(&self) -> usize {
        self.trees.len()
    }
    /// The hash, by the kernels of `level`.
    pub(crate) fn tree(&self, level: Level) -> T {
        T::new(&self.session, self.batch, level)
    }
    /// Tiles: where their keys begin, their corrections, and those of their leaves.
    pub(crate) fn tiles(&self) -> impl Iterator<Item = (usize, &[Block], &[Block])> {
        let per_key = self.shape().corrections();
        let tiles = self.trees.corrections.chunks(TILE * per_key);
        tiles.enumerate().map(move |(tile, corrections)| {
            let m = corrections.len() / per_key;
            let (levels, leaves) = corrections.split_at(m * (per_key - 1));
            (tile * TILE, levels, leaves)
        })
    }
    pub(crate) fn one(&self, key: usize) -> Result<One, Error> {
        check_key(key, self.len())?;
        let per_key = self.shape().corrections();
        let (tile, at) = (key / TILE, key % TILE);
        let m = TILE.min(self.len() - tile * TILE);
        let tile = &self.trees.corrections[tile * TILE * per_key..][..m * per_key];
        let mut corrections: Vec<_> = tile.iter().skip(at).step_by(m).copied().collect();
        let leaf = corrections.pop().unwrap_or(Block::ZERO);
        Ok(One {
            root: self.trees.roots[key],
            corrections,
            leaf,
        })
    }

    /// Length of the encoding of `count` keys.
    pub(crate) fn encoded_len(shape: Shape, count: usize) -> usize {
        OVERHEAD.saturating_add(count.saturating_mul(16 * (shape.corrections() + 1)))
    }
    /// Appends the encoding.
    pub(crate) fn encode(&self, party: u8, out: &mut Vec<u8>) {
        let shape = self.shape();
        out.reserve(Self::encoded_len(shape, self.len()));
        header::<T>(&self.session, self.batch).encode(out);
        out.extend_from_slice(&[party, shape.domain() as u8, value(shape, self.group)]);
        out.extend_from_slice(&(self.len() as u32).to_le_bytes());
        out.extend_from_slice(bytemuck::must_cast_slice(&self.trees.roots));
        out.extend_from_slice(bytemuck::must_cast_slice(&self.trees.corrections));
    }
    pub(crate) fn decode(
        party: u8,
        (session, batch): (&SessionId, u64),
        (shape, group): (Shape, Group),
        count: usize,
        bytes: &[u8],
    ) -> Result<Self, Error> {
        check_count(count)?;
        let want = Self::encoded_len(shape, count);
        if bytes.len() != want {
            let got = bytes.len();
            return Err(Error::Stream(DecodeError::Length { got, want }));
        }
        let body = header::<T>(session, batch)
            .check(bytes)
            .map_err(Error::Stream)?;
        let mut r = Reader::new(body);
        let mut fields = || Ok((r.u8()?, r.u8()?, r.u8()?, r.u32()?));
        let (by, domain, range, n) = fields().map_err(Error::Stream)?;
        place("party", by.into(), party.into())?;
        place("bits of the domain", domain.into(), shape.domain().into())?;
        place(
            "bits of the values",
            range.into(),
            value(shape, group).into(),
        )?;
        place("number of keys", n.into(), count as u64)?;
        let mut blocks = |n: usize| -> Result<Vec<Block>, Error> {
            let mut v = vec![Block::ZERO; n];
            let to: &mut [u8] = bytemuck::must_cast_slice_mut(&mut v);
            to.copy_from_slice(r.bytes(16 * n).map_err(Error::Stream)?);
            Ok(v)
        };
        // From here on it drops as keys do.
        let roots = blocks(count)?;
        let corrections = blocks(count * shape.corrections())?;
        let keys = Self::new((session, batch), (shape, group), roots, corrections);
        check_roots(&keys.trees.roots, T::SEED, party)?;
        let padding = Block::from_u128(!used(shape));
        for (_, _, leaves) in keys.tiles() {
            if leaves.iter().any(|l| *l & padding != Block::ZERO) {
                return Err(Error::Stream(DecodeError::Range("padding bits")));
            }
        }
        Ok(keys)
    }
}

/// The byte that stands for the range.
fn value(shape: Shape, group: Group) -> u8 {
    match group {
        Group::Sum => shape.value() as u8,
        Group::Xor => 0,
    }
}

fn header<T: Grow>(session: &SessionId, batch: u64) -> Header {
    Header {
        kind: T::KIND,
        session: *session,
        step: batch,
    }
}

pub(crate) fn place(what: &'static str, got: u64, want: u64) -> Result<(), Error> {
    if got == want {
        return Ok(());
    }
    Err(Error::Place { what, got, want })
}
