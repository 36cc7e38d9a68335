//! One pair of keys of a point function: the half-tree of 2022/1431 with the early termination of 2018/707.
//!
//! A node is a block, bit 0 of it the control bit t. Both parties' roots are random but for their control bits, 0 and 1. The
//! left child of x is H(x) ⊕ t C, the right child H(x) ⊕ x ⊕ t C. A leaf holds 2^e values, the one of the lowest point in the
//! lowest bits; W = H(x ⊕ 2) is what a leaf is worth, and party b's share of the value at an entry is (-1)^b (W + t L)
//! there, for the correction L of the leaf.

use super::{Pi, low};

/// What both parties have: a correction for each level, and the one of the leaf.
#[derive(Clone)]
pub(crate) struct Corrections {
    pub(crate) levels: Vec<u128>,
    pub(crate) leaf: u128,
}

/// Which numbers go in, and how many bits come out.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) domain: u32,
    pub(crate) value: u32,
}

impl Shape {
    /// The bits of a point that choose an entry of a leaf.
    pub(crate) fn entry_bits(self) -> u32 {
        let mut e = 0;
        while e < self.domain && (2 << e) * self.value <= 128 {
            e += 1;
        }
        e
    }
    pub(crate) fn levels(self) -> u32 {
        self.domain - self.entry_bits()
    }
    /// The bit of `x` that decides at `level`, the top one first.
    pub(crate) fn turn(self, x: u128, level: u32) -> bool {
        (x >> (self.domain - 1 - level)) & 1 == 1
    }
    pub(crate) fn entry(self, x: u128) -> u32 {
        low(x, 127) as u32 & ((1 << self.entry_bits()) - 1)
    }
}

pub(crate) fn control(x: u128) -> bool {
    x & 1 == 1
}

/// The child of `x` on one side.
pub(crate) fn child(pi: &Pi, x: u128, correction: u128, right: bool) -> u128 {
    let mut c = pi.hash(x);
    if right {
        c ^= x;
    }
    if control(x) {
        c ^= correction;
    }
    c
}

/// Keys of the function that is `beta` at `alpha`, from both roots.
pub(crate) fn generate(
    pi: &Pi,
    shape: Shape,
    alpha: u128,
    beta: u128,
    roots: [u128; 2],
) -> Corrections {
    let [mut x0, mut x1] = roots;
    assert!(!control(x0) && control(x1));
    let delta = x0 ^ x1;
    let mut levels = Vec::new();
    for level in 0..shape.levels() {
        let right = shape.turn(alpha, level);
        let mut c = pi.hash(x0) ^ pi.hash(x1);
        if !right {
            c ^= delta;
        }
        levels.push(c);
        let off = [x0, x1].map(|x| child(pi, x, c, !right));
        assert_eq!(off[0], off[1], "nothing is left of the path");
        [x0, x1] = [x0, x1].map(|x| child(pi, x, c, right));
        assert_eq!(x0 ^ x1, delta);
    }
    let [w0, w1] = [x0, x1].map(|x| pi.hash(x ^ 2));
    let k = shape.value;
    // Bits, of which a small domain leaves some without an entry, are treated all alike; wider values leave zeros.
    let mut leaf = if k == 1 { w0 ^ w1 } else { 0 };
    for entry in 0..1 << shape.entry_bits() {
        let here = |w: u128| low(w >> (entry * k), k);
        let want = if entry == shape.entry(alpha) { beta } else { 0 };
        // (w0 + t0 l) - (w1 + t1 l) = want, where one of t0 and t1 is 1.
        let mut l = want.wrapping_sub(here(w0)).wrapping_add(here(w1));
        if control(x1) {
            l = l.wrapping_neg();
        }
        leaf &= !(low(u128::MAX, k) << (entry * k));
        leaf |= low(l, k) << (entry * k);
    }
    Corrections { levels, leaf }
}

/// The node at the end of the path of `x`, and the sum of the control bits of all nodes whose numbers are all below `x`: the
/// left children of nodes where the path turns right.
pub(crate) fn walk(pi: &Pi, shape: Shape, root: u128, key: &Corrections, x: u128) -> (u128, bool) {
    let mut node = root;
    let mut below = false;
    for (level, c) in key.levels.iter().enumerate() {
        let right = shape.turn(x, level as u32);
        if right {
            below ^= control(child(pi, node, *c, false));
        }
        node = child(pi, node, *c, right);
    }
    (node, below)
}

/// All values of a leaf, in the shares of a party: W + t L, before the sign.
fn entries(pi: &Pi, shape: Shape, key: &Corrections, node: u128) -> Vec<u128> {
    let w = pi.hash(node ^ 2);
    let k = shape.value;
    let of = |entry: u32| {
        let l = if control(node) { key.leaf } else { 0 };
        low((w >> (entry * k)).wrapping_add(l >> (entry * k)), k)
    };
    (0..1 << shape.entry_bits()).map(of).collect()
}

/// A party's share of the value at `x`.
pub(crate) fn evaluate(
    pi: &Pi,
    shape: Shape,
    party: usize,
    root: u128,
    key: &Corrections,
    x: u128,
) -> u128 {
    let (node, _) = walk(pi, shape, root, key, x);
    let v = entries(pi, shape, key, node)[shape.entry(x) as usize];
    let v = if party == 1 { v.wrapping_neg() } else { v };
    low(v, shape.value)
}

/// A party's share of α ≤ x, for values of one bit: the sum of the shares of all that lies at or below x.
pub(crate) fn prefix(pi: &Pi, shape: Shape, root: u128, key: &Corrections, x: u128) -> bool {
    assert_eq!(shape.value, 1);
    let (node, below) = walk(pi, shape, root, key, x);
    let upto = &entries(pi, shape, key, node)[..=shape.entry(x) as usize];
    upto.iter().fold(below, |a, v| a ^ (*v == 1))
}

/// Keys in the order in which they are written: 64 at a time, their corrections level by level, then those of their leaves.
pub(crate) fn write(keys: &[Corrections]) -> Vec<u128> {
    let mut out = Vec::new();
    for tile in keys.chunks(64) {
        for level in 0..tile[0].levels.len() {
            out.extend(tile.iter().map(|k| k.levels[level]));
        }
        out.extend(tile.iter().map(|k| k.leaf));
    }
    out
}

/// The inverse of [`write`].
pub(crate) fn read(shape: Shape, blocks: &[u128], n: usize) -> Vec<Corrections> {
    let per_key = shape.levels() as usize + 1;
    let mut keys = Vec::new();
    for tile in blocks[..n * per_key].chunks(64 * per_key) {
        let m = tile.len() / per_key;
        keys.extend((0..m).map(|j| Corrections {
            levels: (0..per_key - 1).map(|level| tile[level * m + j]).collect(),
            leaf: tile[(per_key - 1) * m + j],
        }));
    }
    keys
}
