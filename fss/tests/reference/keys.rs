//! Keys by themselves, as messages to their parties: roots that are drawn party after party, then corrections.
//!
//! All of them are: header, with the batch as step; party, bits of the domain, bits of the values; the number of keys; all roots; then
//! corrections, 64 keys at a time and level by level.

use super::tree::{self, Corrections, Shape, control};
use super::{Pi, Prg, Session, array, derive, low, message, pack_words, tree_pi};

/// Both parties' messages, and their shares of the values at some points.
pub(crate) struct Made {
    pub(crate) messages: [Vec<u8>; 2],
    /// Key after key, point after point.
    pub(crate) shares: [Vec<u128>; 2],
}

/// Roots of both parties; `seed` are the bits that are random, bit 0 is the party.
fn roots(prg: &mut Prg, n: usize, seed: u128) -> [Vec<u128>; 2] {
    [0, 1].map(|p| (0..n).map(|_| (prg.block() & seed) | p).collect())
}

fn encode(
    session: &Session,
    kind: u8,
    batch: u64,
    head: [u8; 2],
    roots: &[Vec<u128>; 2],
    rest: &[u8],
) -> [Vec<u8>; 2] {
    [0, 1].map(|p: usize| {
        let mut body = vec![p as u8, head[0], head[1]];
        body.extend((roots[p].len() as u32).to_le_bytes());
        body.extend(roots[p].iter().flat_map(|r| r.to_le_bytes()));
        body.extend(rest);
        message(session, kind, batch, &body)
    })
}

fn bytes(blocks: &[u128]) -> Vec<u8> {
    blocks.iter().flat_map(|b| b.to_le_bytes()).collect()
}

/// What is done with values: modulo 2^k, or blocks by exclusive or.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    Ring(u32),
    Block,
}

impl Range {
    fn shape(self, domain: u32) -> Shape {
        let value = match self {
            Self::Ring(k) => k,
            Self::Block => 128,
        };
        Shape { domain, value }
    }
    fn byte(self) -> u8 {
        match self {
            Self::Ring(k) => k as u8,
            Self::Block => 0,
        }
    }
    /// The correction of a leaf for blocks; others have it from elsewhere. Bits of no value are 0.
    fn leaf(self, shape: Shape, leaf: u128, w: [u128; 2], beta: u128) -> u128 {
        match self {
            Self::Block => w[0] ^ w[1] ^ beta,
            Self::Ring(k) => low(leaf, k << shape.entry_bits()),
        }
    }
}

/// Point functions on the half-tree.
pub(crate) fn dpf(
    session: &Session,
    batch: u64,
    domain: u32,
    range: Range,
    keys: &[(u128, u128)],
    points: &[u128],
    prg: &mut Prg,
) -> Made {
    let pi = tree_pi(session, &format!("point functions {batch}"));
    let shape = range.shape(domain);
    let roots = roots(prg, keys.len(), !1);
    let made: Vec<_> = keys
        .iter()
        .enumerate()
        .map(|(j, (alpha, beta))| {
            let own = [roots[0][j], roots[1][j]];
            let mut c = tree::generate(&pi, shape, *alpha, *beta, own);
            let w = own.map(|r| pi.hash(tree::walk(&pi, shape, r, &c, *alpha).0 ^ 2));
            c.leaf = range.leaf(shape, c.leaf, w, *beta);
            c
        })
        .collect();
    let shares = [0, 1].map(|p: usize| {
        let of = |(j, c): (usize, &Corrections)| {
            let at = |x: &u128| match range {
                Range::Ring(_) => tree::evaluate(&pi, shape, p, roots[p][j], c, *x),
                Range::Block => {
                    let (node, _) = tree::walk(&pi, shape, roots[p][j], c, *x);
                    pi.hash(node ^ 2) ^ if control(node) { c.leaf } else { 0 }
                }
            };
            points.iter().map(at).collect::<Vec<_>>()
        };
        made.iter().enumerate().flat_map(of).collect()
    });
    let rest = bytes(&tree::write(&made));
    Made {
        messages: encode(
            session,
            0x78,
            batch,
            [domain as u8, range.byte()],
            &roots,
            &rest,
        ),
        shares,
    }
}

/// What the generator of the tree of 2018/707 gives: π(x) ⊕ x for the seed, with 0, 1 or 2 in its two low bits.
fn grown(pi: &Pi, node: u128, what: u128) -> u128 {
    let x = (node & !3) | what;
    pi.of(x) ^ x
}

/// The child of a node on one side; what a correction adds is its seed and, in bit 0, t_left or t_right.
fn seed_child(pi: &Pi, node: u128, c: u128, right: bool) -> u128 {
    let mut x = grown(pi, node, right.into()) & !2;
    if control(node) {
        x ^= (c & !3) | ((c >> u32::from(right)) & 1);
    }
    x
}

/// Point functions on the tree of 2018/707.
pub(crate) fn bgi(
    session: &Session,
    batch: u64,
    domain: u32,
    range: Range,
    keys: &[(u128, u128)],
    points: &[u128],
    prg: &mut Prg,
) -> Made {
    let label = format!("point functions of seeds {batch}");
    let parts: [&[u8]; 2] = [session, label.as_bytes()];
    let pi = Pi::new(array(&derive("piquet 2026 fixed-key hash", &parts, 16)));
    let shape = range.shape(domain);
    let roots = roots(prg, keys.len(), !3);
    let walk = |root: u128, c: &Corrections, x: u128| {
        let step = |node, (level, c): (usize, &u128)| {
            seed_child(&pi, node, *c, shape.turn(x, level as u32))
        };
        c.levels.iter().enumerate().fold(root, step)
    };
    let k = shape.value;
    let deal = |(j, (alpha, beta)): (usize, &(u128, u128))| {
        let mut x = [roots[0][j], roots[1][j]];
        let mut levels = Vec::new();
        for level in 0..shape.levels() {
            let right = shape.turn(*alpha, level);
            let [l, r] = [0, 1].map(|side| grown(&pi, x[0], side) ^ grown(&pi, x[1], side));
            let lose = if right { l } else { r };
            let t_left = (l & 1) ^ u128::from(!right);
            let t_right = (r & 1) ^ u128::from(right);
            let c = (lose & !3) | t_left | (t_right << 1);
            let off = x.map(|x| seed_child(&pi, x, c, !right));
            assert_eq!(off[0], off[1], "nothing is left of the path");
            x = x.map(|x| seed_child(&pi, x, c, right));
            assert!(control(x[0]) != control(x[1]));
            levels.push(c);
        }
        let w = x.map(|x| grown(&pi, x, 2));
        let mut leaf = 0;
        for entry in 0..1 << shape.entry_bits() {
            let here = |w: u128| low(w >> (entry * k), k);
            let want = if entry == shape.entry(*alpha) {
                *beta
            } else {
                0
            };
            let v = want.wrapping_sub(here(w[0])).wrapping_add(here(w[1]));
            let v = if control(x[1]) { v.wrapping_neg() } else { v };
            leaf |= low(v, k) << (entry * k);
        }
        let leaf = range.leaf(shape, leaf, w, *beta);
        Corrections { levels, leaf }
    };
    let made: Vec<_> = keys.iter().enumerate().map(deal).collect();
    let shares = [0, 1].map(|p: usize| {
        let of = |(j, c): (usize, &Corrections)| {
            let at = |x: &u128| {
                let node = walk(roots[p][j], c, *x);
                let (w, l) = (grown(&pi, node, 2), if control(node) { c.leaf } else { 0 });
                if range == Range::Block {
                    return w ^ l;
                }
                let at = shape.entry(*x) * k;
                let v = (w >> at).wrapping_add(l >> at);
                low(if p == 1 { v.wrapping_neg() } else { v }, k)
            };
            points.iter().map(at).collect::<Vec<_>>()
        };
        made.iter().enumerate().flat_map(of).collect()
    });
    let rest = bytes(&tree::write(&made));
    Made {
        messages: encode(
            session,
            0x79,
            batch,
            [domain as u8, range.byte()],
            &roots,
            &rest,
        ),
        shares,
    }
}

/// The order in which things of keys and levels are written.
fn tiles<T: Copy>(keys: &[Vec<T>]) -> Vec<T> {
    let mut out = Vec::new();
    for tile in keys.chunks(64) {
        for level in 0..tile[0].len() {
            out.extend(tile.iter().map(|k| k[level]));
        }
    }
    out
}

/// A correction such that (w0 + t0 v) - (w1 + t1 v) = want, for the nodes that w0 and w1 come from.
fn correction(pi: &Pi, x: [u128; 2], want: u128, k: u32) -> u128 {
    let w = x.map(|x| low(pi.hash(x ^ 2), k));
    let v = want.wrapping_sub(w[0]).wrapping_add(w[1]);
    low(if control(x[1]) { v.wrapping_neg() } else { v }, k)
}

/// Incremental point functions: key j has the value `betas[j][l]` at the prefix of l + 1 bits of its α. Shares at all
/// prefixes of the points, short ones first. Corrections of values follow those of nodes, in whole bytes each.
pub(crate) fn idpf(
    session: &Session,
    batch: u64,
    [n, k]: [u32; 2],
    keys: &[(u128, Vec<u128>)],
    points: &[u128],
    prg: &mut Prg,
) -> Made {
    let pi = tree_pi(session, &format!("incremental point functions {batch}"));
    let roots = roots(prg, keys.len(), !1);
    let right = |x: u128, level: usize| (x >> (n as usize - 1 - level)) & 1 == 1;
    let (mut nodes, mut values) = (Vec::new(), Vec::new());
    for (j, (alpha, betas)) in keys.iter().enumerate() {
        let mut x = [roots[0][j], roots[1][j]];
        let delta = x[0] ^ x[1];
        let (mut c, mut v) = (Vec::new(), Vec::new());
        for (level, beta) in betas.iter().enumerate() {
            let right = right(*alpha, level);
            let here = pi.hash(x[0]) ^ pi.hash(x[1]) ^ if right { 0 } else { delta };
            x = x.map(|x| tree::child(&pi, x, here, right));
            c.push(here);
            v.push(correction(&pi, x, *beta, k));
        }
        nodes.push(c);
        values.push(v);
    }
    let shares = [0, 1].map(|p: usize| {
        let mut out = Vec::new();
        for j in 0..keys.len() {
            for point in points {
                let mut x = roots[p][j];
                for level in 0..n as usize {
                    x = tree::child(&pi, x, nodes[j][level], right(*point, level));
                    let fix = if control(x) { values[j][level] } else { 0 };
                    let v = pi.hash(x ^ 2).wrapping_add(fix);
                    out.push(low(if p == 1 { v.wrapping_neg() } else { v }, k));
                }
            }
        }
        out
    });
    let mut rest = bytes(&tiles(&nodes));
    let whole = |v: &u128| v.to_le_bytes()[..k.div_ceil(8) as usize].to_vec();
    rest.extend(tiles(&values).iter().flat_map(whole));
    Made {
        messages: encode(session, 0x7a, batch, [n as u8, k as u8], &roots, &rest),
        shares,
    }
}

/// Comparison functions: β where x < α. A leaf has 2^e entries of which the last, always 0, is not there. Corrections of
/// nodes and leaves, then those of values, without gaps up to 64 bits, else in whole bytes.
pub(crate) fn dcf(
    session: &Session,
    batch: u64,
    [n, k]: [u32; 2],
    keys: &[(u128, u128)],
    points: &[u128],
    prg: &mut Prg,
) -> Made {
    let pi = tree_pi(session, &format!("comparison functions, batch {batch}"));
    let roots = roots(prg, keys.len(), !1);
    let mut e = 0;
    while e < n && ((2 << e) - 1) * k <= 128 {
        e += 1;
    }
    let depth = (n - e) as usize;
    let right = |x: u128, level: usize| (x >> (n as usize - 1 - level)) & 1 == 1;
    let entry = |x: u128| (x & ((1 << e) - 1)) as u32;
    let (mut nodes, mut values) = (Vec::new(), Vec::new());
    for (j, (alpha, beta)) in keys.iter().enumerate() {
        let mut x = [roots[0][j], roots[1][j]];
        let delta = x[0] ^ x[1];
        let (mut c, mut v) = (Vec::new(), Vec::new());
        for level in 0..depth {
            let right = right(*alpha, level);
            v.push(correction(&pi, x, if right { *beta } else { 0 }, k));
            let here = pi.hash(x[0]) ^ pi.hash(x[1]) ^ if right { 0 } else { delta };
            x = x.map(|x| tree::child(&pi, x, here, right));
            c.push(here);
        }
        let w = x.map(|x| pi.hash(x ^ 2));
        let mut leaf = 0;
        for i in 0..(1 << e) - 1 {
            let want = if i < entry(*alpha) { *beta } else { 0 };
            let v = want
                .wrapping_sub(w[0] >> (i * k))
                .wrapping_add(w[1] >> (i * k));
            let v = if control(x[1]) { v.wrapping_neg() } else { v };
            leaf |= low(v, k) << (i * k);
        }
        c.push(leaf);
        nodes.push(c);
        values.push(v);
    }
    let shares = [0, 1].map(|p: usize| {
        let mut out = Vec::new();
        for j in 0..keys.len() {
            for point in points {
                let mut x = roots[p][j];
                let mut sum = 0u128;
                for level in 0..depth {
                    let right = right(*point, level);
                    if !right {
                        let fix = if control(x) { values[j][level] } else { 0 };
                        sum = sum.wrapping_add(pi.hash(x ^ 2)).wrapping_add(fix);
                    }
                    x = tree::child(&pi, x, nodes[j][level], right);
                }
                let i = entry(*point);
                if i + 1 < 1 << e {
                    let fix = if control(x) { nodes[j][depth] } else { 0 };
                    sum = sum
                        .wrapping_add(pi.hash(x ^ 2) >> (i * k))
                        .wrapping_add(fix >> (i * k));
                }
                out.push(low(if p == 1 { sum.wrapping_neg() } else { sum }, k));
            }
        }
        out
    });
    let mut rest = bytes(&tiles(&nodes));
    let wide = if k <= 64 { k } else { k.div_ceil(8) * 8 };
    rest.extend(pack_words(&tiles(&values), wide));
    Made {
        messages: encode(session, 0x7b, batch, [n as u8, k as u8], &roots, &rest),
        shares,
    }
}
