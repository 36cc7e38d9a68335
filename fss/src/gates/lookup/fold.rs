//! All leaves of keys, folded with tables on the spot.
//!
//! Trees are evaluated side by side, a level at a time, so that AES runs over the nodes of many keys: small ones to the
//! end, large ones until each has nodes enough by itself, from where every key goes down by a few levels at a time.
//! Nodes and leaves stay within the nearest cache either way.

use piquet_core::ggm::GgmHash;
use piquet_core::{Block, Ring, lanes, masked, wipe, wipe_vec};

use super::{Fold, MAX_BITS, Table};
use crate::evaluator::View;
use crate::shape::{TILE, same, within};
use crate::{Error, Shape};

/// Nodes of keys side by side, at most.
const NODES: usize = 1 << 10;
/// Levels of the trees that are evaluated side by side to their leaves.
const SIDE_BY_SIDE: u32 = 6;
/// Levels of larger ones that are.
const TOP: u32 = 4;
/// Nodes of one key from which it goes on, and leaves that are folded at a time.
const PART: usize = 64;
/// Levels by which it goes on.
const STEP: u32 = 3;

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
        nodes: [vec![Block::ZERO; NODES], vec![Block::ZERO; NODES]],
        stack: Vec::new(),
        fixes: [Block::ZERO; PART],
        values: Vec::with_capacity(PART << shape.log_entries()), // and it never moves
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
        work.tile(&tile);
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
    /// Room for the nodes of one key, for each step below one another.
    stack: Vec<[Vec<Block>; 2]>,
    /// Corrections of some leaves of one key.
    fixes: [Block; PART],
    values: Vec<R>,
}

impl<R: Ring> Drop for Work<'_, R> {
    fn drop(&mut self) {
        let stack = self.stack.iter_mut().flatten();
        self.nodes.iter_mut().chain(stack).for_each(wipe_vec);
        wipe(&mut self.fixes);
        wipe(&mut self.values);
    }
}

impl<R: Ring> Work<'_, R> {
    fn tile(&mut self, tile: &Tile<'_>) {
        let (m, depth) = (tile.roots.len(), self.shape.levels());
        let top = if depth <= SIDE_BY_SIDE { depth } else { TOP };
        let most = NODES >> top;
        for from in (0..m).step_by(most) {
            let keys = most.min(m - from);
            let [mut nodes, mut children] = core::mem::take(&mut self.nodes);
            nodes[..keys].copy_from_slice(&tile.roots[from..from + keys]);
            let mut len = keys;
            for level in tile.levels.chunks_exact(m).take(top as usize) {
                let level = &level[from..from + keys];
                self.hash
                    .expand_keys(level, &nodes[..len], &mut children[..2 * len]);
                core::mem::swap(&mut nodes, &mut children);
                len *= 2;
            }
            let nodes_of = |key: usize| nodes[..len].iter().skip(key).step_by(keys);
            if top == depth {
                let values = &mut children[..len];
                self.hash.values(&nodes[..len], values);
                let mut own = [[Block::ZERO; PART]; 2];
                let [own_values, own_nodes] = &mut own;
                let (own_values, own_nodes) =
                    (&mut own_values[..1 << depth], &mut own_nodes[..1 << depth]);
                for key in 0..keys {
                    let values = values.iter().skip(key).step_by(keys);
                    let to = own_values.iter_mut().zip(&mut *own_nodes);
                    for ((to_value, to_node), (value, node)) in to.zip(values.zip(nodes_of(key))) {
                        (*to_value, *to_node) = (*value, *node);
                    }
                    self.leaves(tile, from + key, 0, own_values, own_nodes);
                }
                wipe(&mut own);
            } else {
                let mut own = [Block::ZERO; 1 << TOP];
                for key in 0..keys {
                    for (to, node) in own.iter_mut().zip(nodes_of(key)) {
                        *to = *node;
                    }
                    self.below(tile, from + key, top, 0, &own);
                }
                wipe(&mut own);
            }
            self.nodes = [nodes, children];
        }
    }
    /// All that is below the nodes `first`, `first + 1`, ... of a key on `level`, which is not the last one.
    fn below(&mut self, tile: &Tile<'_>, key: usize, level: u32, first: usize, nodes: &[Block]) {
        let (m, depth) = (tile.roots.len(), self.shape.levels());
        let to = depth.min(level + STEP);
        let [mut own, mut children] = self.stack.pop().unwrap_or_else(buffers);
        for (i, part) in nodes.chunks(PART).enumerate() {
            let correction = |level| tile.levels[level as usize * m + key];
            let mut len = 2 * part.len();
            self.hash.expand(correction(level), part, &mut own[..len]);
            for level in level + 1..to {
                let parents = &own[..len];
                self.hash
                    .expand(correction(level), parents, &mut children[..2 * len]);
                core::mem::swap(&mut own, &mut children);
                len *= 2;
            }
            let first = (first + i * PART) << (to - level);
            let nodes = &own[..len];
            if to < depth {
                self.below(tile, key, to, first, nodes);
                continue;
            }
            let values = &mut children[..len];
            self.hash.values(nodes, values);
            let parts = values.chunks_mut(PART).zip(nodes.chunks(PART));
            for (i, (values, nodes)) in parts.enumerate() {
                self.leaves(tile, key, first + i * PART, values, nodes);
            }
        }
        self.stack.push([own, children]);
    }
    /// Folds the leaves `first`, `first + 1`, ... of a key, at most [`PART`], which have these values and nodes.
    fn leaves(
        &mut self,
        tile: &Tile<'_>,
        key: usize,
        first: usize,
        leaves: &mut [Block],
        nodes: &[Block],
    ) {
        let (count, per_leaf) = (leaves.len(), self.shape.log_entries());
        let fixes = &mut self.fixes[..count];
        where_marked(tile.leaves[key], nodes, fixes);
        let key = tile.first + key;
        let start = self.starts[key] as usize + (first << per_leaf);
        let keys = self.starts.len();
        if self.shape.value() == 1 {
            for (leaf, fix) in leaves.iter_mut().zip(fixes) {
                *leaf ^= *fix;
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
        self.values.resize(count << per_leaf, R::ZERO);
        unpack(self.shape, leaves, fixes, &mut self.values);
        for (table, out) in self.tables.iter().zip(self.out.chunks_mut(keys)) {
            let entries = table.from(start);
            let here = entries.len() - 63;
            let (before, after) = self.values.split_at(here.min(self.values.len()));
            let sum = masked::dot(before, entries).add(masked::dot(after, table.from(0)));
            out[key] = out[key].add(sum);
        }
    }
}

/// Adds what the bits choose from `start` on. A run of 64 may go past the end, where the table goes on from its first
/// entry.
fn chosen<R: Ring>(how: Fold, words: &[u64], start: usize, table: &Table<R>, to: R) -> R {
    let entries = table.from(start);
    let here = (entries.len() - 63).div_ceil(64);
    let (before, after) = words.split_at(here.min(words.len()));
    let over = table.from(start + 64 * before.len());
    match how {
        Fold::Xor => to
            .xor(masked::xor_where(before, entries))
            .xor(masked::xor_where(after, over)),
        Fold::Sum => to
            .add(masked::sum_where(before, entries))
            .add(masked::sum_where(after, over)),
    }
}

/// The values in the leaves, each with its correction; what is above the k bits of one means nothing.
fn unpack<R: Ring>(shape: Shape, leaves: &[Block], fixes: &[Block], out: &mut [R]) {
    let k = shape.value();
    if k == R::BITS {
        let words = bytemuck::must_cast_slice::<Block, u8>;
        if let (Ok(l), Ok(f)) = (
            bytemuck::try_cast_slice(words(leaves)),
            bytemuck::try_cast_slice(words(fixes)),
        ) {
            lanes::zip2(out, l, f, |_, l: R, f: R| l.add(f));
            return;
        }
    }
    match shape.log_entries() {
        0 if R::BITS <= 64 => entries::<R, 1>(k, leaves, fixes, out),
        1 if R::BITS <= 64 => entries::<R, 2>(k, leaves, fixes, out),
        2 if R::BITS <= 64 => entries::<R, 4>(k, leaves, fixes, out),
        3 if R::BITS <= 64 => entries::<R, 8>(k, leaves, fixes, out),
        4 if R::BITS <= 64 => entries::<R, 16>(k, leaves, fixes, out),
        e => {
            let all = leaves.iter().zip(fixes);
            for (out, (leaf, fix)) in out.chunks_exact_mut(1 << e).zip(all) {
                for (at, out) in out.iter_mut().enumerate() {
                    let [l, f] = [leaf, fix].map(|b| b.to_u128() >> (at as u32 * k));
                    *out = R::from_i128(l.wrapping_add(f) as i128);
                }
            }
        }
    }
}

/// E values of k bits in a block, in words of at most 64.
fn entries<R: Ring, const E: usize>(k: u32, leaves: &[Block], fixes: &[Block], out: &mut [R]) {
    let (out, _) = out.as_chunks_mut::<E>();
    let (l, f) = (
        bytemuck::must_cast_slice(leaves),
        bytemuck::must_cast_slice(fixes),
    );
    let at = |b: [u64; 2], e: u32| match e * k {
        e @ 0..64 => (b[0] >> e) | (b[1] << 1 << (63 - e)),
        e => b[1] >> (e - 64),
    };
    lanes::zip2(out, l, f, |_, l: [u64; 2], f: [u64; 2]| {
        core::array::from_fn(|e| {
            let e = e as u32;
            R::from_u64(at(l, e).wrapping_add(at(f, e)))
        })
    });
}

fn buffers() -> [Vec<Block>; 2] {
    [0, 1].map(|_| vec![Block::ZERO; PART << STEP])
}

/// `correction` for a node whose control bit is set, 0 for others.
fn where_marked(correction: Block, nodes: &[Block], out: &mut [Block]) {
    let c: [u64; 2] = bytemuck::must_cast(correction);
    let out = bytemuck::must_cast_slice_mut::<Block, [u64; 2]>(out);
    lanes::zip(
        out,
        bytemuck::must_cast_slice(nodes),
        |_, node: [u64; 2]| {
            let t = (node[0] & 1).wrapping_neg();
            [c[0] & t, c[1] & t]
        },
    );
}
