//! Several points of every key, with the walks to points that begin alike made once.
//!
//! The points of a key come in an order in which neighbours have long beginnings in common, such as the ends of
//! intervals in their order. Keys go down side by side, a level at a time; where two neighbours part, the node above
//! is copied.

use piquet_core::ggm::GgmHash;
use piquet_core::{Block, wipe};

use super::{View, Walked};
use crate::Error;
use crate::shape::{TILE, same};

/// Keys that go down side by side.
const ABREAST: usize = 16;

/// A walk to `point`, which leaves the one to `from` at some level.
#[derive(Clone, Copy)]
struct Parting {
    key: u32,
    from: u32,
    point: u32,
}

/// The walks of a few keys.
struct Walks {
    nodes: Vec<Block>,
    turns: Vec<Block>,
    paths: Vec<Block>,
    keys: Vec<u32>,
    /// Which walk leads to a point.
    slots: Vec<u32>,
    /// Who parts before each level, and last who never does.
    partings: Vec<Vec<Parting>>,
}

impl Walks {
    /// One walk for each key; the other points of the key part from it, or from one that has.
    fn new(levels: usize, points: usize, roots: &[Block], paths: &[Block]) -> Self {
        let mut partings = vec![Vec::new(); levels + 1];
        let mut slots = vec![0; paths.len()];
        let mut own = Vec::with_capacity(roots.len());
        let mut open: Vec<(usize, u32)> = Vec::new();
        for (key, paths) in paths.chunks_exact(points).enumerate() {
            let first = (key * points) as u32;
            own.push(paths[0]);
            slots[first as usize] = key as u32;
            // Points from which a later one can part, with the level at which each did, increasing.
            open.clear();
            for (i, pair) in paths.windows(2).enumerate() {
                let common = (pair[0] ^ pair[1]).to_u128().leading_zeros() as usize;
                let level = common.min(levels);
                while open.last().is_some_and(|(l, _)| *l >= level) {
                    open.pop();
                }
                let from = open.last().map_or(first, |(_, point)| *point);
                let point = first + 1 + i as u32;
                let key = key as u32;
                partings[level].push(Parting { key, from, point });
                open.push((level, point));
            }
        }
        let n = roots.len();
        let mut nodes = Vec::with_capacity(paths.len());
        nodes.extend_from_slice(roots);
        let mut turns = Vec::with_capacity(paths.len());
        turns.resize(n, Block::ZERO);
        Self {
            nodes,
            turns,
            paths: own,
            keys: (0..n as u32).collect(),
            slots,
            partings,
        }
    }
    /// Copies the walks that part before `level`.
    fn part(&mut self, level: usize, paths: &[Block]) {
        for p in &self.partings[level] {
            let from = self.slots[p.from as usize] as usize;
            self.slots[p.point as usize] = self.nodes.len() as u32;
            self.nodes.push(self.nodes[from]);
            self.turns.push(self.turns[from]);
            self.paths.push(paths[p.point as usize]);
            self.keys.push(p.key);
        }
    }
}

pub(super) fn several(
    hash: &GgmHash,
    keys: View<'_>,
    points: usize,
    paths: &[Block],
    out: Walked<'_>,
) -> Result<(), Error> {
    let n = keys.roots.len();
    let per_key = keys.shape.corrections();
    let levels = per_key - 1;
    same("points", paths.len(), n * points)?;
    same("values", out.values.len(), n * points)?;
    same("marks", out.marks.len(), n * points)?;
    same("corrections", keys.corrections.len(), n * per_key)?;
    if points == 0 {
        return Ok(());
    }
    let mut corrections = Vec::new();
    let mut leaves = Vec::new();
    for first in (0..n).step_by(ABREAST) {
        let last = n.min(first + ABREAST);
        let tile = first / TILE * TILE;
        let (m, at) = (TILE.min(n - tile), first - tile);
        let tile = &keys.corrections[tile * per_key..][..m * per_key];
        let range = first * points..last * points;
        let paths = &paths[range.clone()];
        let mut walks = Walks::new(levels, points, &keys.roots[first..last], paths);
        let mut level = 0;
        while level < levels {
            walks.part(level, paths);
            // Nobody parts before `next`: these levels are walked in one go.
            let quiet = |l: &usize| walks.partings[*l].is_empty();
            let next = level + 1 + (level + 1..levels).take_while(quiet).count();
            corrections.clear();
            for level in level..next {
                let row = &tile[level * m + at..];
                corrections.extend(walks.keys.iter().map(|key| row[*key as usize]));
            }
            let (nodes, turns) = (&mut walks.nodes, &mut walks.turns);
            hash.walk(&corrections, level as u32, &walks.paths, nodes, turns);
            level = next;
        }
        walks.part(levels, paths);
        leaves.resize(walks.nodes.len(), Block::ZERO);
        hash.values(&walks.nodes, &mut leaves);
        let outs = out.values[range.clone()].iter_mut();
        let outs = outs.zip(&mut out.marks[range]);
        for ((value, mark), slot) in outs.zip(&walks.slots) {
            let slot = *slot as usize;
            *value = leaves[slot];
            let turn = (walks.turns[slot].to_u128() & 1) as u8;
            *mark = (walks.nodes[slot].to_u128() & 1) as u8 | turn << 1;
        }
        wipe(&mut leaves);
        wipe(&mut walks.nodes);
        wipe(&mut walks.turns);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
