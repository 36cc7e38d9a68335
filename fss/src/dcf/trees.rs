//! Keys of comparison functions as both the dealer's stream and raw keys have them.

use piquet_core::ggm::GgmHash;
use piquet_core::pack::Unpacker;
use piquet_core::wire::{DecodeError, Reader};
use piquet_core::{Block, Ring, RingVec, wipe, wipe_vec};

pub(super) use crate::dealer::put;
use crate::dealer::{Deal, low_bits, roots, share_bytes};
use crate::evaluator::{Comparisons, Evaluator};
use crate::shape::{TILE, mask, same, within};
use crate::stream::Taken;
use crate::{Error, Role, Shape};

/// e, where a leaf holds 2^e values, of which the last is 0.
#[must_use]
pub fn log_entries(shape: Shape) -> u32 {
    (128 / shape.value() + 1).ilog2().min(shape.domain())
}

/// Levels of the tree above its leaves.
#[must_use]
pub fn levels(shape: Shape) -> u32 {
    shape.domain() - log_entries(shape)
}

/// Bytes of `n` keys without their roots: 16 (d + 1) n for d [`levels`], and d n values of k bits without gaps, rounded
/// up to a byte; a value of more than 64 bits takes whole bytes.
#[must_use]
pub fn key_bytes(shape: Shape, n: usize) -> usize {
    let d = levels(shape) as usize;
    16 * (d + 1) * n + share_bytes(shape.value(), d * n)
}

/// Refuses values that are wider than their words.
pub(super) fn fits<R: Ring>(shape: Shape) -> Result<(), Error> {
    let what = "bits of the values";
    within(
        what,
        shape.value(),
        1,
        R::BITS,
        "1 to the width of the word",
    )
}

/// Keys of one party. Wiped when dropped.
pub(crate) struct Dcfs<R: Ring> {
    pub(crate) hash: Block,
    pub(crate) shape: Shape,
    pub(crate) roots: Vec<Block>,
    pub(crate) corrections: Vec<Block>,
    pub(crate) values: Vec<R>,
}

impl<R: Ring> Drop for Dcfs<R> {
    fn drop(&mut self) {
        wipe_vec(&mut self.roots);
        wipe_vec(&mut self.corrections);
        wipe_vec(&mut self.values);
    }
}

impl<R: Ring> Dcfs<R> {
    /// This party's shares of the values of key j at `paths[j]` ([`Shape::path`]).
    pub(crate) fn values<P: Role, E: Evaluator>(
        &self,
        e: &E,
        paths: &[Block],
    ) -> Result<RingVec<R>, E::Error> {
        let mut sums = RingVec::zeros(paths.len());
        let keys = Comparisons {
            hash: self.hash,
            shape: self.shape,
            roots: &self.roots,
            corrections: &self.corrections,
            values: &self.values,
        };
        e.comparisons(keys, paths, sums.as_mut_slice())?;
        if P::INDEX == 1 {
            piquet_core::lanes::map(sums.as_mut_slice(), R::neg);
        }
        low_bits(&mut sums, self.shape.value());
        Ok(sums)
    }
    /// Key `j`, `n` times over.
    pub(super) fn copies(&self, j: usize, n: usize) -> Self {
        let d = levels(self.shape) as usize;
        let first = j / TILE * TILE;
        let m = TILE.min(self.roots.len() - first);
        let at = |level: usize| level * m + j - first;
        let corrections = &self.corrections[first * (d + 1)..];
        let values = &self.values[first * d..];
        Self {
            hash: self.hash,
            shape: self.shape,
            roots: vec![self.roots[j]; n],
            corrections: (0..=d)
                .flat_map(|l| core::iter::repeat_n(corrections[at(l)], n))
                .collect(),
            values: (0..d)
                .flat_map(|l| core::iter::repeat_n(values[at(l)], n))
                .collect(),
        }
    }
}

/// Both parties' corrections and corrections of values, in tiles, from their roots.
pub(super) fn deal<X: Ring, R: Ring>(
    hash: &GgmHash,
    shape: Shape,
    alphas: &[X],
    betas: &[R],
    roots: [&[Block]; 2],
) -> Result<(Vec<Block>, Vec<R>), Error> {
    fits::<R>(shape)?;
    let n = alphas.len();
    same("values", betas.len(), n)?;
    let d = levels(shape) as usize;
    let mut corrections = vec![Block::ZERO; n * (d + 1)];
    let mut values = vec![R::ZERO; n * d];
    let [mut x, mut w] = [[[Block::ZERO; TILE]; 2]; 2];
    let mut paths = [Block::ZERO; TILE];
    let mut rest = values.as_mut_slice();
    let tiles = alphas
        .chunks(TILE)
        .zip(betas.chunks(TILE))
        .zip(roots[0].chunks(TILE).zip(roots[1].chunks(TILE)))
        .zip(corrections.chunks_mut(TILE * (d + 1)));
    for (((alphas, betas), (r0, r1)), corrections) in tiles {
        let m = alphas.len();
        let (values, after) = rest.split_at_mut(d * m);
        rest = after;
        let (levels, leaves) = corrections.split_at_mut(d * m);
        for (path, alpha) in paths.iter_mut().zip(alphas) {
            *path = shape.path(*alpha);
        }
        let [x0, x1] = &mut x;
        let (x0, x1) = (&mut x0[..m], &mut x1[..m]);
        x0.copy_from_slice(r0);
        x1.copy_from_slice(r1);
        let nodes = [&mut *x0, &mut *x1];
        hash.deal_summing(0, &paths[..m], betas, nodes, levels, values);
        hash.values(x0, &mut w[0][..m]);
        hash.values(x1, &mut w[1][..m]);
        for (j, leaf) in leaves.iter_mut().enumerate() {
            let minus = (x1[j].to_u128() & 1).wrapping_neg();
            let beta = betas[j].to_i128() as u128;
            *leaf = leaf_of(shape, paths[j], beta, minus, [w[0][j], w[1][j]]);
        }
    }
    wipe(x.as_flattened_mut());
    wipe(w.as_flattened_mut());
    wipe(&mut paths);
    Ok((corrections, values))
}

/// ± (β [j < a] - W_0 + W_1) for the entries j but the last. Constant time in all.
fn leaf_of(shape: Shape, alpha: Block, beta: u128, minus: u128, w: [Block; 2]) -> Block {
    let k = shape.value();
    let [w0, w1] = w.map(Block::to_u128);
    let a = entry(shape, alpha);
    let mut out = 0;
    for j in 0..(1u32 << log_entries(shape)) - 1 {
        let at = j * k;
        let below = u128::from(j.wrapping_sub(a) >> 31).wrapping_neg();
        let d = (beta & below).wrapping_sub(w0 >> at).wrapping_add(w1 >> at);
        let d = (d ^ minus).wrapping_sub(minus) & mask(k);
        out |= d << at;
    }
    Block::from_u128(out)
}

/// The entry of its leaf to which a path leads.
fn entry(shape: Shape, path: Block) -> u32 {
    let e = log_entries(shape);
    ((path.to_u128() << levels(shape)) >> (128 - e)) as u32
}

/// What a leaf adds to a sum, in the low bits: entry by entry H(leaf ⊕ 2) + t C.
pub(crate) fn leaf_value(
    shape: Shape,
    path: Block,
    leaf: Block,
    t: u128,
    correction: Block,
) -> u128 {
    let j = entry(shape, path);
    if j + 1 == 1 << log_entries(shape) {
        return 0;
    }
    let at = j * shape.value();
    let fix = (correction.to_u128() >> at) & t.wrapping_neg();
    (leaf.to_u128() >> at).wrapping_add(fix)
}

/// Corrections of `n` keys, in tiles, and corrections of values.
pub(super) fn get<R: Ring>(
    shape: Shape,
    n: usize,
    from: &mut Reader<'_>,
) -> Result<(Vec<Block>, Vec<R>), DecodeError> {
    let (d, k) = (levels(shape) as usize, shape.value());
    // The bytes come first: nothing is allocated for what is not there.
    let blocks = from.bytes(16 * (d + 1) * n)?;
    let packed = from.bytes(share_bytes(k, d * n))?;
    let mut corrections = vec![Block::ZERO; n * (d + 1)];
    bytemuck::must_cast_slice_mut::<_, u8>(&mut corrections).copy_from_slice(blocks);
    let mut values = vec![R::ZERO; n * d];
    if k <= 64 {
        Unpacker::new(packed, d * n, k)?.pull(&mut values);
        return Ok((corrections, values));
    }
    for (v, b) in values.iter_mut().zip(packed.chunks(k.div_ceil(8) as usize)) {
        let mut word = [0; 16];
        word[..b.len()].copy_from_slice(b);
        let word = u128::from_le_bytes(word);
        if word & !mask(k) != 0 {
            return Err(DecodeError::Range("padding bits"));
        }
        *v = R::from_i128(word as i128);
    }
    Ok((corrections, values))
}

impl Deal {
    /// Deals one comparison function for each α, whose value below α_j is `betas[j]`: writes [`key_bytes`].
    ///
    /// # Errors
    /// If lengths do not fit together, or the values do not fit their words.
    pub(crate) fn comparisons<X: Ring, R: Ring>(
        &mut self,
        shape: Shape,
        alphas: &[X],
        betas: &[R],
    ) -> Result<(), Error> {
        let n = alphas.len();
        let [mut x0, mut x1] = [0, 1].map(|p| roots(&mut self.prgs[p], p as u8, n));
        let dealt = deal(&self.hash, shape, alphas, betas, [&x0, &x1]);
        wipe(&mut x0);
        wipe(&mut x1);
        let (corrections, values) = dealt?;
        self.payload
            .extend_from_slice(bytemuck::must_cast_slice(&corrections));
        put(&mut self.payload, shape.value(), &values);
        Ok(())
    }
}

impl<P: Role> Taken<'_, P> {
    /// Keys of `n` comparison functions.
    ///
    /// # Errors
    /// If the block ends before, or the values do not fit their words.
    pub(crate) fn comparisons<R: Ring>(
        &mut self,
        shape: Shape,
        n: usize,
    ) -> Result<Dcfs<R>, Error> {
        fits::<R>(shape)?;
        let (corrections, values) = get(shape, n, &mut self.payload).map_err(Error::Stream)?;
        Ok(Dcfs {
            hash: self.hash,
            shape,
            roots: roots(&mut self.prg, P::INDEX, n),
            corrections,
            values,
        })
    }
}
