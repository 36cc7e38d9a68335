//! All leaves of keys, folded with tables on the spot.
//!
//! Small trees are evaluated side by side, a level at a time, so that AES runs over the nodes of many keys; large ones by themselves, at
//! most 2^9 leaves at a time. Nodes and leaves stay within the nearest cache either way.

use piquet_core::ggm::GgmHash;
use piquet_core::{Block, Ring, fold, wipe, wipe_vec};

use super::{Fold, MAX_BITS, Table};
use crate::evaluator::View;
use crate::shape::{TILE, same, within};
use crate::{Error, Shape};

/// Levels of the trees that are evaluated side by side.
const SIDE_BY_SIDE: u32 = 6;
/// Leaves that are there at a time.
const LEAVES: usize = 1 << 10;
/// Levels of a large tree below a node, at most: 2^9 leaves.
const BELOW: u32 = 9;

/// The body of [`crate::Evaluator::fold`], with the kernels of `hash`.
pub(crate) fn fold<R: Ring>(
    hash: &GgmHash,
    keys: View<'_>,
    how: Fold,
    starts: &[u32],
    tables: &[&Table<R>],
    out: &mut [R],
) -> Result<(), Error> {
    let n = keys.roots.len();
    let shape = keys.shape;
    let per_key = shape.corrections();
    within("bits of the index", shape.domain(), 1, MAX_BITS, "1 to 20")?;
    if how == Fold::Xor {
        within("bits of the values", shape.value(), 1, 1, "1")?;
    }
    same("corrections", keys.corrections.len(), n * per_key)?;
    same("starts", starts.len(), n)?;
    same("results", out.len(), n * tables.len())?;
    for t in tables {
        same("entries of a table", t.entries().len(), 1 << shape.domain())?;
    }
    let mut work = Work {
        hash,
        shape,
        how,
        starts,
        tables,
        out,
        nodes: [vec![Block::ZERO; LEAVES], vec![Block::ZERO; LEAVES]],
        leaves: [Block::ZERO; 64],
        values: Vec::new(),
    };
    let tiles = keys.roots.chunks(TILE);
    let tiles = tiles.zip(keys.corrections.chunks(TILE * per_key));
    for (tile, (roots, corrections)) in tiles.enumerate() {
        let (levels, leaves) = corrections.split_at(roots.len() * (per_key - 1));
        let tile = Tile {
            first: tile * TILE,
            roots,
            levels,
            leaves,
        };
        if shape.levels() <= SIDE_BY_SIDE {
            work.side_by_side(&tile);
        } else {
            for j in 0..roots.len() {
                work.alone(&tile, j);
            }
        }
    }
    Ok(())
}

/// Keys that lie level-major.
struct Tile<'a> {
    /// Number of the first one.
    first: usize,
    roots: &'a [Block],
    levels: &'a [Block],
    leaves: &'a [Block],
}

struct Work<'a, R: Ring> {
    hash: &'a GgmHash,
    shape: Shape,
    how: Fold,
    starts: &'a [u32],
    tables: &'a [&'a Table<R>],
    out: &'a mut [R],
    nodes: [Vec<Block>; 2],
    /// Leaves of one key, in their order.
    leaves: [Block; 64],
    values: Vec<R>,
}

impl<R: Ring> Drop for Work<'_, R> {
    fn drop(&mut self) {
        self.nodes.iter_mut().for_each(wipe_vec);
        wipe(&mut self.leaves);
        wipe(&mut self.values);
    }
}

impl<R: Ring> Work<'_, R> {
    fn side_by_side(&mut self, tile: &Tile<'_>) {
        let (m, depth) = (tile.roots.len(), self.shape.levels());
        let most = LEAVES >> depth;
        for from in (0..m).step_by(most) {
            let keys = most.min(m - from);
            let [mut nodes, mut children] = core::mem::take(&mut self.nodes);
            nodes[..keys].copy_from_slice(&tile.roots[from..from + keys]);
            let mut len = keys;
            for level in tile.levels.chunks_exact(m) {
                let level = &level[from..from + keys];
                self.hash
                    .expand_keys(level, &nodes[..len], &mut children[..2 * len]);
                core::mem::swap(&mut nodes, &mut children);
                len *= 2;
            }
            let values = &mut children[..len];
            self.hash.values(&nodes[..len], values);
            let count = 1 << depth;
            for key in 0..keys {
                let correction = tile.leaves[from + key];
                for (i, leaf) in self.leaves[..count].iter_mut().enumerate() {
                    *leaf = values[i * keys + key];
                }
                let marks = nodes[..len].iter().skip(key).step_by(keys);
                self.leaves(tile.first + from + key, 0, count, correction, marks);
            }
            self.nodes = [nodes, children];
        }
    }
    fn alone(&mut self, tile: &Tile<'_>, key: usize) {
        let (m, depth) = (tile.roots.len(), self.shape.levels());
        let corrections = |levels: core::ops::Range<u32>| {
            let of = move |level| tile.levels[level as usize * m + key];
            levels.map(of)
        };
        let top = depth.saturating_sub(BELOW);
        let mut upper = vec![tile.roots[key]];
        for correction in corrections(0..top) {
            let mut children = vec![Block::ZERO; 2 * upper.len()];
            self.hash.expand(correction, &upper, &mut children);
            core::mem::swap(&mut upper, &mut children);
            wipe_vec(&mut children);
        }
        let [mut nodes, mut children] = core::mem::take(&mut self.nodes);
        for (at, node) in upper.iter().enumerate() {
            nodes[0] = *node;
            let mut len = 1;
            for correction in corrections(top..depth) {
                self.hash
                    .expand(correction, &nodes[..len], &mut children[..2 * len]);
                core::mem::swap(&mut nodes, &mut children);
                len *= 2;
            }
            let values = &mut children[..len];
            self.hash.values(&nodes[..len], values);
            let parts = values.chunks(64).zip(nodes[..len].chunks(64));
            for (part, (values, nodes)) in parts.enumerate() {
                self.leaves[..values.len()].copy_from_slice(values);
                let first = at * len + part * 64;
                self.leaves(
                    tile.first + key,
                    first,
                    values.len(),
                    tile.leaves[key],
                    nodes.iter(),
                );
            }
        }
        self.nodes = [nodes, children];
        wipe_vec(&mut upper);
    }
    /// Folds the leaves `first`, `first + 1`, ... of a key, `count` of them, in `self.leaves`; `nodes` are those they come from.
    fn leaves<'b>(
        &mut self,
        key: usize,
        first: usize,
        count: usize,
        correction: Block,
        nodes: impl Iterator<Item = &'b Block>,
    ) {
        let per_leaf = self.shape.log_entries();
        let start = self.starts[key] as usize + (first << per_leaf);
        let leaves = &mut self.leaves[..count];
        let keys = self.starts.len();
        if self.shape.value() == 1 {
            for (leaf, node) in leaves.iter_mut().zip(nodes) {
                *leaf ^= correction & control(*node);
            }
            // Of a tree of fewer than 7 levels, the leaf's other bits mean nothing.
            if let Some(low) = 1u128.checked_shl(1 << per_leaf) {
                leaves[0] = leaves[0] & Block::from_u128(low.wrapping_sub(1));
            }
            let words: &[u64] = bytemuck::must_cast_slice(leaves);
            let words = &words[..(count << per_leaf).div_ceil(64)];
            for (table, out) in self.tables.iter().zip(self.out.chunks_mut(keys)) {
                out[key] = chosen(self.how, words, start, table, out[key]);
            }
            return;
        }
        let k = self.shape.value();
        self.values.resize(count << per_leaf, R::ZERO);
        let entries = self.values.chunks_exact_mut(1 << per_leaf);
        for ((to, leaf), node) in entries.zip(&*leaves).zip(nodes) {
            let fix = (correction & control(*node)).to_u128();
            for (e, to) in to.iter_mut().enumerate() {
                // What is above the k bits of an entry is a multiple of 2^k, and stays one.
                let at = e as u32 * k;
                let v = (leaf.to_u128() >> at).wrapping_add(fix >> at);
                *to = R::from_i128(v as i128);
            }
        }
        for (table, out) in self.tables.iter().zip(self.out.chunks_mut(keys)) {
            let entries = table.from(start);
            let here = entries.len() - 63;
            let (before, after) = self.values.split_at(here.min(self.values.len()));
            let sum = fold::dot(before, entries).add(fold::dot(after, table.from(0)));
            out[key] = out[key].add(sum);
        }
    }
}

/// Adds what the bits choose from `start` on. A run of 64 may go past the end, where the table goes on from its first entry.
fn chosen<R: Ring>(how: Fold, words: &[u64], start: usize, table: &Table<R>, to: R) -> R {
    let entries = table.from(start);
    let here = (entries.len() - 63).div_ceil(64);
    let (before, after) = words.split_at(here.min(words.len()));
    let over = table.from(start + 64 * before.len());
    match how {
        Fold::Xor => to
            .xor(fold::xor_where(before, entries))
            .xor(fold::xor_where(after, over)),
        Fold::Sum => to
            .add(fold::sum_where(before, entries))
            .add(fold::sum_where(after, over)),
    }
}

/// All ones where the control bit is set.
fn control(node: Block) -> Block {
    Block::from_u128((node.to_u128() & 1).wrapping_neg())
}
