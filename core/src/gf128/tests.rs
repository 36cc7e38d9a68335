use proptest::prelude::*;

use super::*;
use crate::Prg;

/// Shift and add, reduced at every step.
fn oracle(a: Block, b: Block) -> Block {
    let (mut a, b) = (a.to_u128(), b.to_u128());
    let mut sum = 0;
    for i in 0..128 {
        if b >> i & 1 == 1 {
            sum ^= a;
        }
        a = (a << 1) ^ if a >> 127 == 1 { 0x87 } else { 0 };
    }
    Block::from_u128(sum)
}

fn random(n: usize, seed: u128) -> Vec<Block> {
    let mut v = vec![Block::ZERO; n];
    Prg::new(Block::from_u128(seed)).fill_blocks(&mut v);
    v
}

const EDGES: [usize; 18] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 130,
];

proptest! {
    #[test]
    fn products_agree_with_shift_and_add(a: u128, b: u128) {
        let (a, b) = (Block::from_u128(a), Block::from_u128(b));
        for level in Level::all() {
            prop_assert_eq!(mul_with_level(a, b, level), oracle(a, b));
        }
    }
}

#[test]
fn extreme_products() {
    let one = Block::from_u128(1);
    let top = Block::from_u128(1 << 127);
    let ones = Block::from_u128(u128::MAX);
    for level in Level::all() {
        for a in [Block::ZERO, one, top, ones] {
            for b in [Block::ZERO, one, top, ones] {
                assert_eq!(mul_with_level(a, b, level), oracle(a, b), "{level}");
            }
        }
        // x * x^127 = x^7 + x^2 + x + 1
        let x = Block::from_u128(2);
        assert_eq!(mul_with_level(x, top, level), Block::from_u128(0x87));
    }
}

#[test]
fn inner_products_and_powers() {
    for n in EDGES {
        let (a, b) = (random(n, 1), random(n + 1, 2));
        let want = a
            .iter()
            .zip(&b)
            .fold(Block::ZERO, |s, (a, b)| s ^ oracle(*a, *b));
        let x = b[0];
        let mut last = Block::from_u128(1);
        let powers: Vec<_> = (0..n)
            .map(|_| {
                last = oracle(last, x);
                last
            })
            .collect();
        for level in Level::all() {
            assert_eq!(inner_product_with_level(&a, &b, level), want, "{level} {n}");
            assert_eq!(inner_product_with_level(&b, &a, level), want, "{level} {n}");
            let mut out = vec![Block::ZERO; n];
            powers_with_level(x, &mut out, level);
            assert!(out == powers, "{level} {n}");
        }
    }
}

#[test]
fn sums_of_rows_in_pieces() {
    for rows in [0usize, 1, 2, 3, 5, 128, 129] {
        for (n, gap) in EDGES.into_iter().zip([0, 1, 16, 48].into_iter().cycle()) {
            let stride = 16 * n + gap;
            let mut bytes = vec![0u8; rows * stride + 1];
            Prg::new(Block::from_u128(3)).fill_bytes(&mut bytes);
            // Unaligned, and no more than there must be.
            let end = bytes.len() - if rows > 0 { gap } else { 0 };
            let bytes = &bytes[1..end];
            let chi = random(n, 4);
            let want: Vec<_> = (0..rows)
                .map(|r| {
                    let row = bytes[r * stride..].as_chunks::<16>().0;
                    row.iter()
                        .zip(&chi)
                        .fold(Block::ZERO, |s, (x, chi)| s ^ oracle(Block::from(*x), *chi))
                })
                .collect();
            for level in Level::all() {
                let mut sums = RowSums::with_level(rows, level);
                let cut = n / 3;
                sums.add(bytes, stride, &chi[..cut]).unwrap();
                if rows > 0 {
                    sums.add(&bytes[16 * cut..], stride, &chi[cut..]).unwrap();
                }
                assert!(sums.finish() == want, "{level} {rows} {n}");
            }
        }
    }
}

#[test]
fn short_rows_are_refused() {
    let mut sums = RowSums::new(3);
    let chi = [Block::ZERO; 2];
    assert_eq!(
        sums.add(&[0; 127], 48, &chi),
        Err(ShapeError::Length {
            got: 127,
            want: 128
        })
    );
    assert!(sums.add(&[0; 128], 48, &chi).is_ok());
    assert!(sums.add(&[0; 128], usize::MAX / 2 + 1, &chi).is_err());
    assert_eq!(format!("{sums:?}"), "RowSums[3]");
}
