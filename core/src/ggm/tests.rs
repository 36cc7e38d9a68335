use super::*;
use crate::Prg;

const LENGTHS: [usize; 20] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 130,
];
/// Levels, and the first of them.
const DEPTHS: [(usize, u32); 11] = [
    (0, 0),
    (1, 0),
    (2, 62),
    (56, 0),
    (57, 7),
    (63, 0),
    (64, 0),
    (65, 0),
    (1, 64),
    (60, 68),
    (128, 0),
];
const KEY: Block = Block::from_u128(0x1234_5678_9abc_def0 << 31);

fn blocks(n: usize, seed: u128) -> Vec<Block> {
    let mut v = vec![Block::ZERO; n];
    Prg::with_level(Block::from_u128(seed), Level::Portable).fill_blocks(&mut v);
    v
}

fn words<R: Ring>(n: usize, seed: u128) -> Vec<R> {
    let mut v = vec![R::ZERO; n];
    Prg::with_level(Block::from_u128(seed), Level::Portable).fill_ring(&mut v);
    v
}

/// Calls `f` with the hash of the portable level and that of every level, for all lengths and depths.
fn everywhere(mut f: impl FnMut(&GgmHash, usize, usize, u32) -> Vec<Block>) {
    for n in LENGTHS {
        for (levels, first) in DEPTHS {
            let want = f(&GgmHash::with_level(KEY, Level::Portable), n, levels, first);
            for level in Level::all() {
                let got = f(&GgmHash::with_level(KEY, level), n, levels, first);
                assert!(
                    got == want,
                    "{level}: {n} keys, {levels} levels from {first}"
                );
            }
        }
    }
}

fn low_bits(v: &[Block]) -> impl Iterator<Item = Block> {
    v.iter().map(|b| Block::from_u128(b.to_u128() & 1))
}

#[test]
fn walks_are_the_same_on_all_levels() {
    everywhere(|hash, n, levels, first| {
        let corrections = blocks(n * levels, 1);
        let paths = blocks(n, 2);
        let (mut nodes, mut turns) = (blocks(n, 3), blocks(n, 4));
        hash.walk(&corrections, first, &paths, &mut nodes, &mut turns);
        nodes.extend(low_bits(&turns));
        nodes
    });
}

#[test]
fn walks_of_one_key_are_the_same_on_all_levels() {
    everywhere(|hash, n, levels, first| {
        let corrections = blocks(levels, 1);
        let paths = blocks(n, 2);
        let (mut nodes, mut turns) = (blocks(n, 3), blocks(n, 4));
        hash.walk_one(&corrections, first, &paths, &mut nodes, &mut turns);
        nodes.extend(low_bits(&turns));
        let many: Vec<_> = corrections
            .iter()
            .flat_map(|c| core::iter::repeat_n(*c, n))
            .collect();
        let (mut again, mut turns) = (blocks(n, 3), blocks(n, 4));
        hash.walk(&many, first, &paths, &mut again, &mut turns);
        again.extend(low_bits(&turns));
        assert!(nodes == again);
        nodes
    });
}

#[test]
fn dealing_is_the_same_on_all_levels() {
    everywhere(|hash, n, levels, first| {
        let alphas = blocks(n, 2);
        let (mut x0, mut x1) = (blocks(n, 3), blocks(n, 4));
        let mut corrections = blocks(n * levels, 5);
        hash.deal(first, &alphas, [&mut x0, &mut x1], &mut corrections);
        [x0, x1, corrections].concat()
    });
}

fn sums_are_the_same<R: Ring>() {
    everywhere(|hash, n, levels, first| {
        let alphas = blocks(n, 2);
        let (mut x0, mut x1) = (blocks(n, 3), blocks(n, 4));
        let mut corrections = blocks(n * levels, 5);
        let mut values = words::<R>(n * levels, 6);
        let betas = words::<R>(n, 7);
        let nodes = [&mut x0[..], &mut x1[..]];
        hash.deal_summing(first, &alphas, &betas, nodes, &mut corrections, &mut values);
        let paths = blocks(n, 8);
        let mut nodes = blocks(n, 3);
        let mut sums = words::<R>(n, 9);
        hash.walk_summing(&corrections, &values, first, &paths, &mut nodes, &mut sums);
        let words = values.iter().chain(&sums);
        let words = words.map(|w| Block::from_u128(w.to_i128() as u128));
        [x0, x1, corrections, nodes, words.collect()].concat()
    });
}

#[test]
fn sums_are_the_same_on_all_levels() {
    sums_are_the_same::<u8>();
    sums_are_the_same::<u16>();
    sums_are_the_same::<u32>();
    sums_are_the_same::<u64>();
    sums_are_the_same::<u128>();
}

#[test]
fn children_are_the_same_on_all_levels() {
    for n in LENGTHS {
        let children = |level, more: usize| {
            let hash = GgmHash::with_level(KEY, level);
            let mut children = blocks(2 * n + more, 9);
            hash.expand(Block::from_u128(77 << 64 | 5), &blocks(n, 1), &mut children);
            children
        };
        for level in Level::all() {
            for more in [0, 1, 2] {
                assert!(
                    children(level, more) == children(Level::Portable, more),
                    "{level} {n}"
                );
            }
        }
        for nodes in [0, 1, 2, 7, 8, 9, 16, 33] {
            let children = |level| {
                let hash = GgmHash::with_level(KEY, level);
                let mut children = blocks(2 * n * nodes, 9);
                hash.expand_keys(&blocks(n, 1), &blocks(n * nodes, 2), &mut children);
                children
            };
            for level in Level::all() {
                assert!(
                    children(level) == children(Level::Portable),
                    "{level} {n} {nodes}"
                );
            }
        }
    }
}

/// The invariant of the trees, on which all above stands, and both sums of the documentation, against walks of one
/// party each.
#[test]
fn a_pair_of_walks_differs_on_the_path_only() {
    for level in Level::all() {
        let hash = GgmHash::with_level(KEY, level);
        let (n, levels, first) = (64, 9, 60);
        let alphas = blocks(n, 1);
        let betas = words::<u32>(n, 2);
        let party = |p: u128| {
            let mut x = blocks(n, 3 + p);
            for x in &mut x {
                *x = Block::from_u128(x.to_u128() & !1 | p);
            }
            x
        };
        let (mut end0, mut end1) = (party(0), party(1));
        let mut corrections = vec![Block::ZERO; n * levels];
        let mut values = vec![0u32; n * levels];
        let ends = [&mut end0[..], &mut end1[..]];
        hash.deal_summing(first, &alphas, &betas, ends, &mut corrections, &mut values);

        let mut paths = blocks(n, 5);
        // A quarter of all go to α, and half leave its path late.
        for (j, p) in paths.iter_mut().enumerate() {
            let low = [0u128, 1 << 60, 7 << 60, u128::MAX][j % 4];
            *p = Block::from_u128(alphas[j].to_u128() ^ (p.to_u128() & low));
        }
        let number = |b: Block| b.to_u128() << first >> (128 - levels);
        let walk = |p| {
            let (mut x, mut turns) = (party(p), vec![Block::ZERO; n]);
            hash.walk(&corrections, first, &paths, &mut x, &mut turns);
            let (mut again, mut sums) = (party(p), vec![0u32; n]);
            hash.walk_summing(&corrections, &values, first, &paths, &mut again, &mut sums);
            assert!(x == again);
            (x, turns, sums)
        };
        let ((x0, t0, s0), (x1, t1, s1)) = (walk(0), walk(1));
        for j in 0..n {
            let (at, alpha) = (number(paths[j]), number(alphas[j]));
            let delta = party(0)[j] ^ party(1)[j];
            let differs = if at == alpha { delta } else { Block::ZERO };
            assert!(x0[j] ^ x1[j] == differs);
            assert_eq!((t0[j] ^ t1[j]).to_u128() & 1, u128::from(alpha < at));
            let beta = if at < alpha { betas[j] } else { 0 };
            assert_eq!(s0[j].wrapping_sub(s1[j]), beta);
        }
    }
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", GgmHash::new(KEY)), "GgmHash(..)");
}

#[test]
fn leaves_are_values_and_corrections() {
    for n in LENGTHS {
        let (nodes, c) = (blocks(n, 1), blocks(1, 2)[0]);
        for level in Level::all() {
            let hash = GgmHash::with_level(KEY, level);
            let mut values = vec![Block::ZERO; n];
            hash.values(&nodes, &mut values);
            let halves = |b: Block| -> [u64; 2] { bytemuck::must_cast(b) };
            for how in [Leaf::Xor, Leaf::Plus, Leaf::Minus] {
                let mut out = vec![[0; 2]; n + 1];
                hash.leaves(how, c, &nodes, &mut out);
                for j in 0..n {
                    let t = (nodes[j].to_u128() as u64 & 1).wrapping_neg();
                    let (v, c) = (halves(values[j]), halves(c).map(|c| c & t));
                    let want = [0, 1].map(|i| match how {
                        Leaf::Xor => v[i] ^ c[i],
                        Leaf::Plus => v[i].wrapping_add(c[i]),
                        Leaf::Minus => 0u64.wrapping_sub(v[i]).wrapping_sub(c[i]),
                    });
                    assert_eq!(out[j], want, "{level}: {how:?}, {j} of {n}");
                }
                assert_eq!(out[n], [0; 2], "{level}: wrote past");
            }
        }
    }
}
