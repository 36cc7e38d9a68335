//! Where trees are evaluated: one trait, so that CPU and GPU read the same keys and give the same bits.

use piquet_core::cpu::{self, Level};
use piquet_core::ggm::GgmHash;
use piquet_core::{Block, Ring, lanes, wipe};

use crate::gates::lookup::{self, Fold, Table};
use crate::shape::TILE;
use crate::{Error, Shape, dcf};

mod several;

/// Keys of one party, as they lie in memory.
///
/// Keys come in tiles of 64, the last one shorter. A tile of m keys has [`Shape::levels`] times m corrections,
/// level-major, then m corrections of leaves.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Key of the tree hash ([`GgmHash::key`]); public.
    pub hash: Block,
    /// Domain and range.
    pub shape: Shape,
    /// Root node of each key. Secret.
    pub roots: &'a [Block],
    /// [`Shape::corrections`] blocks a key.
    pub corrections: &'a [Block],
}

impl core::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "View({:?}, {} keys)", self.shape, self.roots.len())
    }
}

/// What the walk along a tree ends with, before the correction of the leaf. Secret.
pub struct Walked<'a> {
    /// The leaf's value H(x ⊕ 2), of as many values as fit.
    pub values: &'a mut [Block],
    /// Bit 0: the leaf's control bit. Bit 1: the turns, which are this party's share of "α is in a leaf to the left".
    pub marks: &'a mut [u8],
}

impl core::fmt::Debug for Walked<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Walked({} ends)", self.values.len())
    }
}

/// Keys of comparison functions of one party, as they lie in memory.
///
/// Keys come in tiles of 64, the last one shorter, with d = [`crate::dcf::levels`]. A tile of m keys has d times m
/// corrections, level-major, then m corrections of leaves; and d times m corrections of values, level-major.
#[derive(Clone, Copy)]
pub struct Comparisons<'a, R: Ring> {
    /// Key of the tree hash ([`GgmHash::key`]); public.
    pub hash: Block,
    /// Domain and range.
    pub shape: Shape,
    /// Root node of each key. Secret.
    pub roots: &'a [Block],
    /// d + 1 blocks a key.
    pub corrections: &'a [Block],
    /// d words a key.
    pub values: &'a [R],
}

impl<R: Ring> core::fmt::Debug for Comparisons<'_, R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (shape, n) = (self.shape, self.roots.len());
        write!(f, "Comparisons({shape:?}, {n} keys)")
    }
}

/// What evaluates trees. All implementations give the same bits.
pub trait Evaluator {
    /// Why it could not: `Infallible`-like on a CPU, a lost device on a GPU.
    type Error: From<Error>;

    /// Keys that are best given to [`Evaluator::points`] at once, where there are more: all, or as many as leave their
    /// ends in a cache.
    fn batch(&self) -> usize {
        usize::MAX
    }
    /// Every key at one point: `paths[j]` for key j. One AES a level and key, and one a leaf.
    ///
    /// # Errors
    /// If lengths do not fit together.
    fn points(&self, keys: View<'_>, paths: &[Block], out: Walked<'_>) -> Result<(), Self::Error>;
    /// Every key at several points, `points` for each: `paths[j * points + i]` is point i of key j, and so the results
    /// lie. As [`Evaluator::points`] one after the other, which is what happens where there is nothing better; where
    /// neighbours begin alike, their walks may begin as one.
    ///
    /// # Errors
    /// If lengths do not fit together.
    fn several(
        &self,
        keys: View<'_>,
        points: usize,
        paths: &[Block],
        out: Walked<'_>,
    ) -> Result<(), Self::Error> {
        let n = keys.roots.len();
        crate::shape::same("points", paths.len(), n * points)?;
        crate::shape::same("values", out.values.len(), n * points)?;
        crate::shape::same("marks", out.marks.len(), n * points)?;
        let mut values = vec![Block::ZERO; n];
        let mut marks = vec![0; n];
        for i in 0..points {
            let column: Vec<_> = paths.iter().skip(i).step_by(points).copied().collect();
            let walked = Walked {
                values: &mut values,
                marks: &mut marks,
            };
            self.points(keys, &column, walked)?;
            let to = out.values.iter_mut().zip(&mut *out.marks);
            let to = to.skip(i).step_by(points);
            for ((value, mark), walked) in to.zip(values.iter().zip(&marks)) {
                (*value, *mark) = (*walked.0, *walked.1);
            }
        }
        wipe(&mut values);
        wipe(&mut marks);
        Ok(())
    }
    /// Every comparison function at one point: `sums[j]` becomes party 0's share for key j at `paths[j]`, or party 1's
    /// negated, with anything above the bits of the shape. Two AES a level and key, and one a leaf.
    ///
    /// # Errors
    /// If lengths do not fit together.
    fn comparisons<R: Ring>(
        &self,
        keys: Comparisons<'_, R>,
        paths: &[Block],
        sums: &mut [R],
    ) -> Result<(), Self::Error>;
    /// Every key at all points, folded with public tables: `out[t * keys + j]` becomes the exclusive or or the sum,
    /// over all i, of this party's value of key j at i - not negated for party 1 - times entry `starts[j]` + i modulo
    /// 2^n of `tables[t]`. One AES a node and one a leaf. Where there is nothing better, on this processor.
    ///
    /// # Errors
    /// If lengths do not fit together, or there are more than [`lookup::MAX_BITS`] bits.
    fn fold<R: Ring>(
        &self,
        keys: View<'_>,
        how: Fold,
        starts: &[u32],
        tables: &[&Table<R>],
        out: &mut [R],
    ) -> Result<(), Self::Error> {
        let hash = Cpu::new().hash(keys.hash);
        Ok(lookup::fold(&hash, keys, how, starts, tables, out)?)
    }
}

/// The processor's kernels of one level.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    level: Level,
}

impl Cpu {
    /// The level in force.
    #[must_use]
    pub fn new() -> Self {
        Self::with_level(cpu::level())
    }
    /// The kernels of `level`, or the next lower ones that this processor has.
    #[must_use]
    pub fn with_level(level: Level) -> Self {
        Self { level }
    }
    /// The level of its kernels.
    pub(crate) fn level(self) -> Level {
        self.level
    }
    /// The hash under `key` with the kernels of this level.
    pub(crate) fn hash(&self, key: Block) -> GgmHash {
        GgmHash::with_level(key, self.level)
    }
}

impl Default for Cpu {
    fn default() -> Self {
        Self::new()
    }
}

impl Evaluator for Cpu {
    type Error = Error;

    fn batch(&self) -> usize {
        16 * TILE
    }
    fn points(&self, keys: View<'_>, paths: &[Block], out: Walked<'_>) -> Result<(), Error> {
        let n = keys.roots.len();
        crate::shape::same("points", paths.len(), n)?;
        crate::shape::same("values", out.values.len(), n)?;
        crate::shape::same("marks", out.marks.len(), n)?;
        let per_key = keys.shape.corrections();
        crate::shape::same("corrections", keys.corrections.len(), n * per_key)?;
        let hash = self.hash(keys.hash);
        let mut nodes = [Block::ZERO; TILE];
        let mut turns = [Block::ZERO; TILE];
        let tiles = keys
            .roots
            .chunks(TILE)
            .zip(keys.corrections.chunks(TILE * per_key))
            .zip(paths.chunks(TILE))
            .zip(out.values.chunks_mut(TILE))
            .zip(out.marks.chunks_mut(TILE));
        for ((((roots, corrections), paths), values), marks) in tiles {
            let m = roots.len();
            let (nodes, turns) = (&mut nodes[..m], &mut turns[..m]);
            nodes.copy_from_slice(roots);
            turns.fill(Block::ZERO);
            let (corrections, _leaves) = corrections.split_at(m * (per_key - 1));
            hash.walk(corrections, 0, paths, nodes, turns);
            hash.values(nodes, values);
            lanes::zip2(
                marks,
                bytemuck::must_cast_slice(nodes),
                bytemuck::must_cast_slice(turns),
                |_, x: [u64; 2], turn: [u64; 2]| (x[0] & 1 | (turn[0] & 1) << 1) as u8,
            );
        }
        wipe(&mut nodes);
        wipe(&mut turns);
        Ok(())
    }

    fn several(
        &self,
        keys: View<'_>,
        points: usize,
        paths: &[Block],
        out: Walked<'_>,
    ) -> Result<(), Error> {
        several::several(&self.hash(keys.hash), keys, points, paths, out)
    }

    fn comparisons<R: Ring>(
        &self,
        keys: Comparisons<'_, R>,
        paths: &[Block],
        sums: &mut [R],
    ) -> Result<(), Error> {
        let n = keys.roots.len();
        let d = dcf::levels(keys.shape) as usize;
        crate::shape::same("points", paths.len(), n)?;
        crate::shape::same("sums", sums.len(), n)?;
        crate::shape::same("corrections", keys.corrections.len(), n * (d + 1))?;
        crate::shape::same("corrections of values", keys.values.len(), n * d)?;
        let hash = self.hash(keys.hash);
        let mut nodes = [Block::ZERO; TILE];
        let mut leaves = [Block::ZERO; TILE];
        let mut values = keys.values;
        let tiles = keys
            .roots
            .chunks(TILE)
            .zip(keys.corrections.chunks(TILE * (d + 1)))
            .zip(paths.chunks(TILE))
            .zip(sums.chunks_mut(TILE));
        for (((roots, corrections), paths), sums) in tiles {
            let m = roots.len();
            let (nodes, leaves) = (&mut nodes[..m], &mut leaves[..m]);
            let (levels, fixes) = corrections.split_at(d * m);
            let (tile, rest) = values.split_at(d * m);
            values = rest;
            nodes.copy_from_slice(roots);
            sums.fill(R::ZERO);
            hash.walk_summing(levels, tile, 0, paths, nodes, sums);
            hash.values(nodes, leaves);
            for (j, sum) in sums.iter_mut().enumerate() {
                let t = nodes[j].to_u128() & 1;
                let v = dcf::leaf_value(keys.shape, paths[j], leaves[j], t, fixes[j]);
                *sum = sum.add(R::from_i128(v as i128));
            }
        }
        wipe(&mut nodes);
        wipe(&mut leaves);
        Ok(())
    }

    fn fold<R: Ring>(
        &self,
        keys: View<'_>,
        how: Fold,
        starts: &[u32],
        tables: &[&Table<R>],
        out: &mut [R],
    ) -> Result<(), Error> {
        lookup::fold(&self.hash(keys.hash), keys, how, starts, tables, out)
    }
}
