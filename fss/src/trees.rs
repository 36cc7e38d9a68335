//! Keys of point functions as both the dealer's stream and `dpf` have them: dealt, read, corrected at their leaves.

use piquet_core::ggm::GgmHash;
use piquet_core::{BitVec, Block, Ring, lanes, wipe, wipe_vec};

use crate::Shape;
use crate::bits;
use crate::evaluator::{Evaluator, View, Walked};
use crate::shape::{TILE, mask, same};

/// Keys of one party. The roots are wiped when dropped.
pub(crate) struct Trees {
    pub(crate) hash: Block,
    pub(crate) shape: Shape,
    pub(crate) roots: Vec<Block>,
    pub(crate) corrections: Vec<Block>,
}

impl Trees {
    pub(crate) fn len(&self) -> usize {
        self.roots.len()
    }
    pub(crate) fn view(&self) -> View<'_> {
        View {
            hash: self.hash,
            shape: self.shape,
            roots: &self.roots,
            corrections: &self.corrections,
        }
    }
    /// The correction of the leaf of key `j`.
    pub(crate) fn leaf(&self, j: usize) -> Block {
        let (tile, at) = (j / TILE, j % TILE);
        let per_key = self.shape.corrections();
        let m = TILE.min(self.len() - tile * TILE);
        self.corrections[tile * TILE * per_key + m * (per_key - 1) + at]
    }
    /// The corrections of the leaves of the tile that begins at key `at`.
    pub(crate) fn leaves(&self, at: usize) -> &[Block] {
        let per_key = self.shape.corrections();
        let m = TILE.min(self.len() - at);
        &self.corrections[at * per_key + m * (per_key - 1)..(at + m) * per_key]
    }
    /// This party's share of "α_j ≤ the point of `paths[j]`", for values of one bit. The wanted bit is bit 0.
    pub(crate) fn prefixes<E: Evaluator>(
        &self,
        e: &E,
        paths: &[Block],
    ) -> Result<Vec<u8>, E::Error> {
        same("points", paths.len(), self.len())?;
        let mut out = vec![0; paths.len()];
        let own = |at: usize, to: &mut [Block]| to.copy_from_slice(&paths[at..at + to.len()]);
        self.tiles(e, own, |at, paths, walked| {
            let end = at + paths.len();
            prefixes(
                self.shape,
                paths,
                walked,
                self.leaves(at),
                &mut out[at..end],
            );
        })?;
        Ok(out)
    }
    /// This party's shares of "α_j ≤ `xs[j]`", of which the bits above the domain are ignored, for values of one bit.
    pub(crate) fn prefix_bits<R: Ring, E: Evaluator>(
        &self,
        e: &E,
        xs: &[R],
    ) -> Result<BitVec, E::Error> {
        same("points", xs.len(), self.len())?;
        let mut out = BitVec::zeros(xs.len());
        let words = out.words_mut();
        let mut bits = [0; TILE];
        let path = |at: usize, to: &mut [Block]| self.shape.paths(&xs[at..at + to.len()], to);
        self.tiles(e, path, |at, paths, walked| {
            let bits = &mut bits[..paths.len()];
            prefixes(self.shape, paths, walked, self.leaves(at), bits);
            bits::pack(bits, &mut words[at / 64..]);
        })?;
        wipe(&mut bits);
        Ok(out)
    }
    /// Walks every key to the path that `path(j, ..)` writes for key j and those after it, as many keys at a time as
    /// the evaluator likes, and calls `f(j, ..)` with the paths and the ends of each tile, which begins at key j.
    pub(crate) fn tiles<E: Evaluator>(
        &self,
        e: &E,
        path: impl Fn(usize, &mut [Block]),
        mut f: impl FnMut(usize, &[Block], Walked<'_>),
    ) -> Result<(), E::Error> {
        let n = self.len();
        let batch = (e.batch() / TILE * TILE).clamp(TILE, n.max(TILE));
        let size = batch.min(n);
        let mut paths = vec![Block::ZERO; size];
        let mut values = vec![Block::ZERO; size];
        let mut marks = vec![0; size];
        let per_key = self.shape.corrections();
        for first in (0..n).step_by(batch) {
            let m = batch.min(n - first);
            let keys = View {
                roots: &self.roots[first..first + m],
                corrections: &self.corrections[first * per_key..(first + m) * per_key],
                ..self.view()
            };
            path(first, &mut paths[..m]);
            let out = Walked {
                values: &mut values[..m],
                marks: &mut marks[..m],
            };
            e.points(keys, &paths[..m], out)?;
            for at in (0..m).step_by(TILE) {
                let end = m.min(at + TILE);
                let walked = Walked {
                    values: &mut values[at..end],
                    marks: &mut marks[at..end],
                };
                f(first + at, &paths[at..end], walked);
            }
        }
        wipe(&mut values);
        wipe(&mut marks);
        Ok(())
    }
    /// This party's shares of "α_j ≤ the point of `paths[(j - first) * points + i]`", in this order, for values of one
    /// bit and the keys from `first`, where a tile begins, on. The wanted bits are bits 0.
    pub(crate) fn several_prefixes<E: Evaluator>(
        &self,
        e: &E,
        first: usize,
        points: usize,
        paths: &[Block],
    ) -> Result<Vec<u8>, E::Error> {
        let n = paths.len() / points.max(1);
        same("keys", n, n.min(self.len().saturating_sub(first)))?;
        let per_key = self.shape.corrections();
        let keys = View {
            hash: self.hash,
            shape: self.shape,
            roots: &self.roots[first..first + n],
            corrections: &self.corrections[first * per_key..(first + n) * per_key],
        };
        let mut values = vec![Block::ZERO; paths.len()];
        let mut marks = vec![0; paths.len()];
        let out = Walked {
            values: &mut values,
            marks: &mut marks,
        };
        e.several(keys, points, paths, out)?;
        let walked = values.iter().zip(&mut marks).zip(paths);
        for (at, ((value, mark), path)) in walked.enumerate() {
            *mark = self.prefix(first + at / points, *path, *value, *mark);
        }
        wipe_vec(&mut values);
        Ok(marks)
    }
    /// The share of a prefix from what a walk ended with.
    fn prefix(&self, j: usize, path: Block, value: Block, mark: u8) -> u8 {
        let upto = mask_upto(self.shape.entry(path));
        let t = u128::from(mark & 1).wrapping_neg();
        let leaf = (value.to_u128() ^ (self.leaf(j).to_u128() & t)) & upto;
        (leaf.count_ones() as u8 ^ (mark >> 1)) & 1
    }
    pub(crate) fn walked<E: Evaluator>(
        &self,
        e: &E,
        paths: &[Block],
    ) -> Result<(Vec<Block>, Vec<u8>), E::Error> {
        let mut values = vec![Block::ZERO; paths.len()];
        let mut marks = vec![0; paths.len()];
        let out = Walked {
            values: &mut values,
            marks: &mut marks,
        };
        e.points(self.view(), paths, out)?;
        Ok((values, marks))
    }
}

impl Drop for Trees {
    fn drop(&mut self) {
        // Corrections are known to both parties and lie in the stream as they came: without a root they say nothing.
        wipe_vec(&mut self.roots);
    }
}

/// The shares of the prefixes of a tile from what its walks ended with.
fn prefixes(shape: Shape, paths: &[Block], ends: Walked<'_>, leaves: &[Block], out: &mut [u8]) {
    let entry = shape.entries();
    lanes::zip4(
        out,
        // In halves of 64 bits, as there are no registers of whole numbers of 128.
        bytemuck::must_cast_slice(paths),
        bytemuck::must_cast_slice(ends.values),
        bytemuck::must_cast_slice(leaves),
        &*ends.marks,
        |_, path: [u64; 2], value: [u64; 2], leaf: [u64; 2], mark| {
            let e = entry(path);
            // Bits 0 to e.
            let low = u64::MAX >> (63 - e.min(63));
            let high =
                (u64::MAX >> (127 - e.max(64))) & (63u64.wrapping_sub(e) >> 63).wrapping_neg();
            let t = u64::from(mark & 1).wrapping_neg();
            let mut v = (value[0] ^ (leaf[0] & t)) & low ^ (value[1] ^ (leaf[1] & t)) & high;
            for half in [32, 16, 8, 4, 2, 1] {
                v ^= v >> half;
            }
            (v as u8 ^ (mark >> 1)) & 1
        },
    );
}

/// Bits 0 to `entry`.
fn mask_upto(entry: u32) -> u128 {
    u128::MAX >> (127 - entry)
}

/// Deals one key for each α: writes the corrections of all, in tiles. Roots, whose bit 0 is 0 at party 0 and 1 at party
/// 1, are walked away from.
///
/// `betas[j]` is the value at α_j; a value of one bit is 1 if there are none.
pub(crate) fn deal(
    hash: &GgmHash,
    shape: Shape,
    alphas: &[Block],
    betas: Option<&[u128]>,
    roots: [&mut [Block]; 2],
    corrections: &mut [Block],
) {
    let per_key = shape.corrections();
    let k = shape.value();
    let [x0, x1] = roots;
    let mut w = [[Block::ZERO; TILE]; 2];
    let tiles = alphas
        .chunks(TILE)
        .zip(x0.chunks_mut(TILE))
        .zip(x1.chunks_mut(TILE))
        .zip(corrections.chunks_mut(TILE * per_key));
    for (tile, (((alphas, x0), x1), corrections)) in tiles.enumerate() {
        let m = alphas.len();
        let (levels, leaves) = corrections.split_at_mut(m * (per_key - 1));
        hash.deal(0, alphas, [&mut *x0, &mut *x1], levels);
        hash.values(x0, &mut w[0]);
        hash.values(x1, &mut w[1]);
        if k == 1 && betas.is_none() {
            leaves.copy_from_slice(alphas);
            let entry = shape.entries();
            lanes::zip2(
                bytemuck::must_cast_slice_mut(leaves),
                bytemuck::must_cast_slice(&w[0]),
                bytemuck::must_cast_slice(&w[1]),
                |alpha: [u64; 2], w0: [u64; 2], w1: [u64; 2]| {
                    let [low, high] = one_hot(entry(alpha));
                    [low ^ w0[0] ^ w1[0], high ^ w0[1] ^ w1[1]]
                },
            );
            continue;
        }
        for j in 0..m {
            let minus = (x1[j].to_u128() & 1).wrapping_neg();
            let beta = betas.map_or(1, |b| b[tile * TILE + j]) & mask(k);
            let leaf = leaf(
                shape,
                shape.entry(alphas[j]),
                beta,
                minus,
                [w[0][j], w[1][j]],
            );
            leaves[j] = leaf;
        }
    }
    wipe(&mut w);
}

/// ± (β at the entry - W_0 + W_1), entry by entry. Constant time in all. Bits that are of no entry are those of W_0 ⊕
/// W_1 for values of one bit, and 0 for wider ones.
pub(crate) fn leaf(shape: Shape, entry: u32, beta: u128, minus: u128, w: [Block; 2]) -> Block {
    let k = shape.value();
    let [w0, w1] = w.map(Block::to_u128);
    let mut out = 0;
    if k == 1 {
        let [low, high] = one_hot(entry.into()).map(u128::from);
        let one = (low | high << 64) & (beta & 1).wrapping_neg();
        return Block::from_u128(one ^ w0 ^ w1);
    }
    for e in 0..1u32 << shape.log_entries() {
        let at = e * k;
        let here = equal(e, entry) & beta;
        let d = here.wrapping_sub(w0 >> at).wrapping_add(w1 >> at);
        let d = (d ^ minus).wrapping_sub(minus) & mask(k);
        out |= d << at;
    }
    Block::from_u128(out)
}

/// Bit `entry` of 128, in halves. Shifts of one word by a secret number take one time on 64-bit processors; those of
/// two, or a comparison, might not.
#[inline(always)]
fn one_hot(entry: u64) -> [u64; 2] {
    let bit = 1u64 << (entry & 63);
    let upper = (entry >> 6 & 1).wrapping_neg();
    [bit & !upper, bit & upper]
}

/// All ones if equal.
fn equal(a: u32, b: u32) -> u128 {
    let d = u64::from(a ^ b);
    u128::from(d.wrapping_sub(1) >> 63).wrapping_neg()
}
