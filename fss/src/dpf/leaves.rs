//! From leaves to shares: ± (value + t correction), entry by entry.

use piquet_core::ggm::Leaf;
use piquet_core::{Block, Ring, lanes, wipe};

use super::domain::LEAVES;
use super::tree::Grow;
use crate::Shape;
use crate::evaluator::Walked;
use crate::shape::mask;

/// What turns the leaves of one party into its shares.
#[derive(Clone, Copy)]
pub(super) struct Leaves {
    pub(super) shape: Shape,
    /// All ones at the party that negates.
    pub(super) minus: u128,
}

impl Leaves {
    pub(super) fn new(shape: Shape, party: u8) -> Self {
        let minus = u128::from(party).wrapping_neg();
        Self { shape, minus }
    }
    /// The share at `entry` of a leaf whose control bit is bit 0 of `mark`.
    #[inline(always)]
    pub(super) fn share(self, entry: u32, value: Block, mark: u128, leaf: Block) -> u128 {
        let k = self.shape.value();
        let at = entry * k;
        // Hidden, or the compiler makes a branch on the control bit of it.
        let t = core::hint::black_box((mark as u64 & 1).wrapping_neg());
        let t = u128::from(t) << 64 | u128::from(t);
        let v = (value.to_u128() >> at).wrapping_add((leaf.to_u128() >> at) & t);
        (v ^ self.minus).wrapping_sub(self.minus) & mask(k)
    }
    /// The shares of the keys of a tile, each at a path of its own, from what the walks ended with.
    pub(super) fn points<W: Ring>(
        self,
        paths: &[Block],
        ends: &Walked<'_>,
        fixes: &[Block],
        out: &mut [W],
    ) {
        let k = self.shape.value();
        if !64u32.is_multiple_of(k) {
            let ends = ends.values.iter().zip(&*ends.marks);
            for (((o, path), (value, mark)), fix) in out.iter_mut().zip(paths).zip(ends).zip(fixes)
            {
                let entry = self.shape.entry(*path);
                let share = self.share(entry, *value, (*mark).into(), *fix);
                *o = W::from_i128(share as i128);
            }
            return;
        }
        // No value lies in both halves.
        let entry = self.shape.entries();
        let (minus, low) = (self.minus as u64, mask(k) as u64);
        lanes::zip4(
            out,
            bytemuck::must_cast_slice(paths),
            bytemuck::must_cast_slice(ends.values),
            ends.marks,
            bytemuck::must_cast_slice(fixes),
            move |_, path: [u64; 2], value: [u64; 2], mark: u8, fix: [u64; 2]| {
                let at = entry(path) * u64::from(k);
                let high = (at >> 6 & 1).wrapping_neg();
                let here = |v: [u64; 2]| (v[0] & !high | v[1] & high) >> (at & 63);
                let t = u64::from(mark & 1).wrapping_neg();
                let v = here(value).wrapping_add(here(fix) & t);
                W::from_u64((v ^ minus).wrapping_sub(minus) & low)
            },
        );
    }
    /// The shares of all entries of at most [`LEAVES`] leaves of one key, to as many places.
    pub(super) fn expand<T: Grow, W: Ring>(
        self,
        tree: &T,
        nodes: &[Block],
        leaf: Block,
        out: &mut [W],
    ) {
        if (self.shape.value(), self.shape.log_entries()) == (64, 1)
            && let Ok(words) = bytemuck::try_cast_slice_mut::<W, u64>(out)
            && W::BITS == 64
        {
            let how = if self.minus == 0 {
                Leaf::Plus
            } else {
                Leaf::Minus
            };
            return tree.leaves(how, leaf, nodes, words.as_chunks_mut().0);
        }
        let mut values = [Block::ZERO; LEAVES];
        let values = &mut values[..nodes.len()];
        tree.values(nodes, values);
        self.shares(nodes, values, leaf, out);
        wipe(values);
    }
    /// The same from values.
    pub(super) fn shares<W: Ring>(
        self,
        nodes: &[Block],
        values: &[Block],
        leaf: Block,
        out: &mut [W],
    ) {
        let k = self.shape.value();
        let whole = k << self.shape.log_entries() == 128 && k == W::BITS;
        match k {
            128 if whole => self.words::<W, 1>(nodes, values, leaf, out),
            64 if whole => self.words::<W, 2>(nodes, values, leaf, out),
            32 if whole => self.words::<W, 4>(nodes, values, leaf, out),
            16 if whole => self.words::<W, 8>(nodes, values, leaf, out),
            8 if whole => self.words::<W, 16>(nodes, values, leaf, out),
            _ => {
                let leaves = nodes.iter().zip(values);
                let out = out.chunks_exact_mut(1 << self.shape.log_entries());
                for ((node, value), out) in leaves.zip(out) {
                    for (entry, o) in out.iter_mut().enumerate() {
                        let v = self.share(entry as u32, *value, node.to_u128(), leaf);
                        *o = W::from_i128(v as i128);
                    }
                }
            }
        }
    }
    /// Leaves that are N whole words.
    fn words<W: Ring, const N: usize>(
        self,
        nodes: &[Block],
        values: &[Block],
        leaf: Block,
        out: &mut [W],
    ) {
        let mut fix = [W::ZERO; N];
        fix.copy_from_slice(bytemuck::cast_slice(&[leaf]));
        let minus = W::from_i128(self.minus as i128);
        let nodes: &[[u64; 2]] = bytemuck::must_cast_slice(nodes);
        let (values, _) = bytemuck::cast_slice::<Block, W>(values).as_chunks::<N>();
        let (out, _) = out.as_chunks_mut::<N>();
        lanes::zip2(out, values, nodes, move |_, v: [W; N], x: [u64; 2]| {
            let t = W::from_u64(x[0] & 1).neg();
            let mut o = v;
            for i in 0..N {
                o[i] = v[i].add(fix[i].and(t)).xor(minus).sub(minus);
            }
            o
        });
    }
}

/// Values and the correction of one leaf, in `how`ever they go together.
pub(crate) fn together(
    how: Leaf,
    correction: Block,
    nodes: &[Block],
    values: &[Block],
    out: &mut [[u64; 2]],
) {
    let [low, high] = bytemuck::must_cast::<Block, [u64; 2]>(correction);
    let nodes: &[[u64; 2]] = bytemuck::must_cast_slice(nodes);
    let values: &[[u64; 2]] = bytemuck::must_cast_slice(values);
    let minus = u64::from(how == Leaf::Minus).wrapping_neg();
    match how {
        Leaf::Xor => lanes::zip2(out, values, nodes, |_, v: [u64; 2], x: [u64; 2]| {
            let t = (x[0] & 1).wrapping_neg();
            [v[0] ^ (low & t), v[1] ^ (high & t)]
        }),
        _ => lanes::zip2(out, values, nodes, |_, v: [u64; 2], x: [u64; 2]| {
            let t = (x[0] & 1).wrapping_neg();
            let sums = [v[0].add(low & t), v[1].add(high & t)];
            sums.map(|s| (s ^ minus).sub(minus))
        }),
    }
}
