use super::*;
use crate::Prg;

const SESSION: SessionId = SessionId([5; 32]);

fn random(n: usize, seed: u128) -> Vec<Block> {
    let mut v = vec![Block::ZERO; n];
    Prg::new(Block::from_u128(seed)).fill_blocks(&mut v);
    v
}

/// Block j of the stream of `seed`, by the definition.
fn stream(prg: &RowPrg, seed: Block, j: u64) -> Block {
    let x = seed ^ Block::from_u128(j.into());
    let mut y = [x];
    prg.0.encrypt(&mut y);
    y[0] ^ x
}

/// Trees, blocks of a row.
const SHAPES: [(usize, usize); 14] = [
    (0, 3),
    (1, 1),
    (1, 64),
    (2, 2),
    (2, 65),
    (3, 3),
    (3, 7),
    (4, 4),
    (5, 5),
    (7, 9),
    (8, 8),
    (9, 17),
    (16, 4),
    (17, 6),
];

#[test]
fn folds_agree_with_the_definition() {
    for k in [1usize, 2, 4, 8] {
        for (trees, blocks) in SHAPES {
            if k == 8 && trees * blocks > 40 {
                continue;
            }
            for first in [0, 1000, u64::MAX - 2] {
                let seeds = random(trees << k, 7);
                let mut u = vec![Block::ZERO; trees * blocks];
                let mut v = vec![Block::ZERO; trees * blocks * k];
                let one = RowPrg::with_level(&SESSION, "test", Level::Portable);
                for (i, seed) in seeds.iter().enumerate() {
                    let (t, y) = (i >> k, i & ((1 << k) - 1));
                    for j in 0..blocks {
                        let r = stream(&one, *seed, first.wrapping_add(j as u64));
                        u[t * blocks + j] ^= r;
                        for b in (0..k).filter(|b| y >> b & 1 == 1) {
                            v[(t * k + b) * blocks + j] ^= r;
                        }
                    }
                }
                let (u, v) = (bytemuck::cast_slice(&u), bytemuck::cast_slice(&v));
                for level in Level::all() {
                    let prg = RowPrg::with_level(&SESSION, "test", level);
                    let mut got_u = vec![0xaa; u.len() + 2];
                    let mut got_v = vec![0xaa; v.len() + 2];
                    prg.fold(
                        k as u32,
                        &seeds,
                        first,
                        &mut got_u[1..=u.len()],
                        &mut got_v[1..=v.len()],
                    )
                    .unwrap();
                    assert!(got_u[1..=u.len()] == *u, "{level} {k} {trees} {blocks}");
                    assert!(got_v[1..=v.len()] == *v, "{level} {k} {trees} {blocks}");
                    for got in [got_u, got_v] {
                        assert_eq!((got[0], got[got.len() - 1]), (0xaa, 0xaa), "wrote past");
                    }
                }
            }
        }
    }
}

/// What the two sides make differs by `delta` times what is corrected.
#[test]
fn the_punctured_side_differs_by_delta() {
    for k in [1usize, 2, 4, 8] {
        for (trees, blocks) in SHAPES {
            if k == 8 && trees * blocks > 40 {
                continue;
            }
            let stride = 16 * blocks;
            let seeds = random(trees << k, 8);
            let delta = bytemuck::cast_slice(&random(2, 9)).to_vec();
            let bit = |i: usize| delta[i / 8] >> (i % 8) & 1;
            // Leaf y of the punctured tree is leaf y ^ delta of the whole one.
            let mut punctured = Vec::new();
            for t in 0..trees {
                let hole: usize = (0..k).map(|b| usize::from(bit(t * k + b)) << b).sum();
                punctured.extend((1..1 << k).map(|y| seeds[(t << k) + (y ^ hole)]));
            }
            let mut x = vec![0u8; trees * stride];
            Prg::new(Block::from_u128(10)).fill_bytes(&mut x);
            for level in Level::all() {
                let prg = RowPrg::with_level(&SESSION, "test", level);
                let mut u = vec![0; trees * stride];
                let mut v = vec![0; trees * k * stride];
                prg.fold(k as u32, &seeds, 99, &mut u, &mut v).unwrap();
                let c: Vec<_> = u.iter().zip(&x).map(|(u, x)| u ^ x).collect();
                let (mut onto, mut v2) = (vec![0xaa; u.len() + 2], vec![0; v.len()]);
                let row = &vec![0x77; if trees > 0 { stride } else { 0 }];
                prg.fold_onto(k as u32, &seeds, 99, row, &mut onto[1..=u.len()], &mut v2)
                    .unwrap();
                assert_eq!((onto[0], onto[onto.len() - 1], v2), (0xaa, 0xaa, v.clone()));
                let want = u.iter().zip(row.iter().cycle()).map(|(u, x)| u ^ x);
                assert!(onto[1..=u.len()].iter().copied().eq(want), "{level} {k}");
                let mut w = vec![0xaa; v.len() + 2];
                prg.fold_punctured(k as u32, &punctured, 99, &delta, &c, &mut w[1..=v.len()])
                    .unwrap();
                assert_eq!((w[0], w[w.len() - 1]), (0xaa, 0xaa), "wrote past");
                for (i, (w, v)) in w[1..=v.len()].iter().zip(&v).enumerate() {
                    let (row, at) = (i / stride, i % stride);
                    let want = v ^ (x[row / k * stride + at] & bit(row).wrapping_neg());
                    assert_eq!(*w, want, "{level} {k} {trees} {blocks}");
                }
            }
        }
    }
}

#[test]
fn pieces_are_parts_of_one_stream() {
    let prg = RowPrg::new(&SESSION, "test");
    let seeds = random(4, 11);
    let (mut u, mut v) = ([0; 10 * 16], [0; 20 * 16]);
    prg.fold(2, &seeds, 5, &mut u, &mut v).unwrap();
    let (mut u2, mut v2) = ([0; 3 * 16], [0; 6 * 16]);
    prg.fold(2, &seeds, 9, &mut u2, &mut v2).unwrap();
    assert_eq!(u2, u[4 * 16..7 * 16]);
    assert_eq!(v2[..48], v[4 * 16..7 * 16]);
    RowPrg::new(&SESSION, "other")
        .fold(2, &seeds, 9, &mut u2, &mut v2)
        .unwrap();
    assert_ne!(u2, u[4 * 16..7 * 16]);
}

#[test]
fn wrong_shapes_are_refused() {
    let prg = RowPrg::new(&SESSION, "test");
    let s = [Block::ZERO; 8];
    let mut v = [0; 64];
    assert_eq!(
        prg.fold(3, &s, 0, &mut [0; 16], &mut v[..48]),
        Err(ShapeError::Tree(3))
    );
    let length = |got, want| Err(ShapeError::Length { got, want });
    assert_eq!(
        prg.fold(2, &s[..7], 0, &mut [0; 16], &mut v[..32]),
        length(7, 4)
    );
    assert_eq!(prg.fold(2, &s, 0, &mut [0; 33], &mut v), length(33, 32));
    assert_eq!(
        prg.fold(2, &s, 0, &mut [0; 32], &mut v[1..]),
        length(63, 64)
    );
    assert_eq!(prg.fold(2, &[], 0, &mut [0; 32], &mut []), length(32, 0));
    assert_eq!(
        prg.fold_onto(2, &s, 0, &[0; 32], &mut [0; 32], &mut v),
        length(32, 16)
    );
    assert_eq!(
        prg.fold_punctured(2, &s[..6], 0, &[], &[0; 32], &mut v),
        length(0, 1)
    );
    assert_eq!(format!("{prg:?}"), "RowPrg(..)");
}
