//! All leaves of a tree, in order.
//!
//! Depth first in strides of a few levels: a group of nodes grows breadth first to its descendants five levels below,
//! which are what groups are taken from for the next stride. So the kernels have enough nodes at a time to fill their
//! pipeline, what is alive is one buffer a stride, which stays in the nearest caches, and leaves are gone through
//! once.

use piquet_core::{Block, wipe_vec};

use super::keys::One;
use super::tree::Grow;

/// Nodes that grow together.
const GROUP: usize = 32;
/// Levels of a stride.
const STRIDE: usize = 5;
/// Most leaves that are handed out at a time.
pub(super) const LEAVES: usize = 256;

/// Hands out every leaf of the tree once, in order, at most [`LEAVES`] at a time.
pub(super) fn leaves<T: Grow>(tree: &T, key: &One, each: &mut impl FnMut(&[Block])) {
    let levels = key.corrections.len();
    // The first stride takes what is left over, so that all others are full.
    let first = match levels {
        0 => 0,
        _ => (levels - 1) % STRIDE + 1,
    };
    let room = |nodes: usize| [0, 1].map(|_| vec![Block::ZERO; nodes]);
    let mut nodes = 1 << first;
    let mut rooms = vec![room(nodes)];
    for _ in 0..(levels - first) / STRIDE {
        nodes = nodes.min(GROUP) << STRIDE;
        rooms.push(room(nodes));
    }
    let mut down = Descent { tree, each };
    down.stride(
        &key.corrections,
        first,
        core::slice::from_ref(&key.root),
        &mut rooms,
    );
    for room in &mut rooms {
        room.iter_mut().for_each(wipe_vec);
    }
}

struct Descent<'a, T, F> {
    tree: &'a T,
    each: &'a mut F,
}

impl<T: Grow, F: FnMut(&[Block])> Descent<'_, T, F> {
    /// `levels` levels down from at most [`GROUP`] nodes.
    fn stride(
        &mut self,
        corrections: &[Block],
        levels: usize,
        nodes: &[Block],
        rooms: &mut [[Vec<Block>; 2]],
    ) {
        let (now, later) = corrections.split_at(levels);
        let Some(([here, there], rooms)) = rooms.split_first_mut() else {
            return;
        };
        let mut n = nodes.len();
        here[..n].copy_from_slice(nodes);
        let (mut here, mut there) = (here, there);
        for c in now {
            self.tree.expand(*c, &here[..n], &mut there[..2 * n]);
            n *= 2;
            (here, there) = (there, here);
        }
        if later.is_empty() {
            here[..n].chunks(LEAVES).for_each(&mut *self.each);
            return;
        }
        for nodes in here[..n].chunks(GROUP) {
            self.stride(later, STRIDE, nodes, rooms);
        }
    }
}
