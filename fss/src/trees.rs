//! Keys of point functions as both the dealer's stream and `dpf` have them: dealt, read, corrected at their leaves.

use piquet_core::ggm::GgmHash;
use piquet_core::{Block, wipe, wipe_vec};

use crate::evaluator::{Evaluator, View, Walked};
use crate::shape::{TILE, mask, same};
use crate::{Role, Shape};

/// Keys of one party. Wiped when dropped.
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
    /// This party's share of the value of key j at `paths[j]`, in the low bits.
    pub(crate) fn values<P: Role, E: Evaluator>(
        &self,
        e: &E,
        paths: &[Block],
    ) -> Result<Vec<u128>, E::Error> {
        let (values, marks) = self.walked(e, paths)?;
        let k = self.shape.value();
        let out = paths.iter().zip(&values).zip(&marks).enumerate();
        Ok(out
            .map(|(j, ((path, value), mark))| {
                let at = self.shape.entry(*path) * k;
                let t = u128::from(mark & 1).wrapping_neg();
                let own = value.to_u128() >> at;
                let fix = (self.leaf(j).to_u128() >> at) & t;
                let v = own.wrapping_add(fix);
                let v = if P::INDEX == 1 { v.wrapping_neg() } else { v };
                v & mask(k)
            })
            .collect())
    }
    /// This party's share of "α_j ≤ the point of `paths[j]`", for values of one bit. The wanted bit is bit 0.
    pub(crate) fn prefixes<E: Evaluator>(
        &self,
        e: &E,
        paths: &[Block],
    ) -> Result<Vec<u8>, E::Error> {
        let (values, marks) = self.walked(e, paths)?;
        let out = paths.iter().zip(&values).zip(&marks).enumerate();
        Ok(out
            .map(|(j, ((path, value), mark))| self.shape.prefix(*path, self.leaf(j), *value, *mark))
            .collect())
    }
    /// This party's shares of "α_j ≤ the point of `paths[(j - first) * points + i]`", in this order, for values of one bit and the keys from
    /// `first`, where a tile begins, on. The wanted bits are bits 0.
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
        let points = points.max(1);
        let walked = values.chunks(points).zip(marks.chunks_mut(points));
        for (j, ((values, marks), paths)) in walked.zip(paths.chunks(points)).enumerate() {
            let leaf = self.leaf(first + j);
            for ((value, mark), path) in values.iter().zip(marks).zip(paths) {
                *mark = self.shape.prefix(*path, leaf, *value, *mark);
            }
        }
        wipe_vec(&mut values);
        Ok(marks)
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

impl Shape {
    /// The share of a prefix from what a walk ended with, and the correction of the leaf.
    #[inline(always)]
    fn prefix(self, path: Block, leaf: Block, value: Block, mark: u8) -> u8 {
        let upto = mask_upto(self.entry(path));
        let t = u128::from(mark & 1).wrapping_neg();
        let below = (value.to_u128() ^ (leaf.to_u128() & t)) & upto;
        // The parity, without the instruction that counts bits, which not every processor has.
        let mut p = (below >> 64) as u64 ^ below as u64;
        for half in [32, 16, 8, 4, 2, 1] {
            p ^= p >> half;
        }
        (p as u8 ^ (mark >> 1)) & 1
    }
}

impl Drop for Trees {
    fn drop(&mut self) {
        wipe_vec(&mut self.roots);
        wipe_vec(&mut self.corrections);
    }
}

/// Bits 0 to `entry`.
fn mask_upto(entry: u32) -> u128 {
    u128::MAX >> (127 - entry)
}

/// Deals one key for each α: writes the corrections of all, in tiles. Roots, whose bit 0 is 0 at party 0 and 1 at party 1, are walked
/// away from.
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

/// ± (β at the entry - W_0 + W_1), entry by entry. Constant time in all.
pub(crate) fn leaf(shape: Shape, entry: u32, beta: u128, minus: u128, w: [Block; 2]) -> Block {
    let k = shape.value();
    let [w0, w1] = w.map(Block::to_u128);
    let mut out = 0;
    if k == 1 {
        for e in 0..1 << shape.log_entries() {
            let here = equal(e, entry);
            out |= (beta & here & 1) << e;
        }
        return Block::from_u128(out ^ w0 ^ w1);
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

/// All ones if equal.
fn equal(a: u32, b: u32) -> u128 {
    let d = u64::from(a ^ b);
    u128::from(d.wrapping_sub(1) >> 63).wrapping_neg()
}
