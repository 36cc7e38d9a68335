use super::*;
use crate::Prg;

fn rng(seed: u128) -> Prg {
    Prg::new(Block::from_u128(seed))
}

#[test]
fn rows_and_blocks_agree_with_the_definition() {
    for n in [
        0, 8, 16, 56, 64, 72, 120, 128, 136, 248, 256, 504, 512, 520, 640, 1016, 1024, 1160, 4096,
    ] {
        let mut rows = vec![0; 128 * n / 8];
        rng(n as u128).fill_bytes(&mut rows);
        let want: Vec<_> = (0..n)
            .map(|j| {
                let bit = |i: usize| (rows[i * n / 8 + j / 8] >> (j % 8)) & 1;
                Block::from_u128((0..128).map(|i| u128::from(bit(i)) << i).sum())
            })
            .collect();
        for level in Level::all() {
            let mut blocks = vec![Block::ZERO; n];
            rows_to_blocks_with_level(&rows, &mut blocks, level).unwrap();
            assert!(blocks == want, "{level} {n}");
            let mut back = vec![0; rows.len()];
            blocks_to_rows_with_level(&blocks, &mut back, level).unwrap();
            assert!(back == rows, "{level} {n}");
        }
    }
}

#[test]
fn planes_agree_with_the_definition() {
    for n in [
        0, 1, 7, 8, 63, 64, 65, 127, 128, 511, 512, 513, 575, 576, 1000, 1024,
    ] {
        for k in [1, 2, 7, 8, 9, 31, 32, 33, 48, 63, 64] {
            let mut words = vec![0u64; n];
            rng(n as u128).fill_ring(&mut words);
            let p = plane_words(n);
            let mut want = vec![0u64; p * k as usize];
            for j in 0..k as usize {
                for (e, w) in words.iter().enumerate() {
                    want[j * p + e / 64] |= ((w >> j) & 1) << (e % 64);
                }
            }
            let low: Vec<_> = words.iter().map(|w| w & (u64::MAX >> (64 - k))).collect();
            for level in Level::all() {
                let mut planes = vec![u64::MAX; want.len()];
                to_planes_with_level(&words, k, &mut planes, level).unwrap();
                assert!(planes == want, "{level} {n} {k}");
                // Padding must not come back.
                if n % 64 != 0 {
                    for plane in planes.chunks_mut(p) {
                        plane[p - 1] |= u64::MAX << (n % 64);
                    }
                }
                let mut back = vec![u64::MAX; n];
                from_planes_with_level(&planes, k, &mut back, level).unwrap();
                assert!(back == low, "{level} {n} {k}");
            }
        }
    }
}

#[test]
fn wrong_shapes_are_refused() {
    let b = [Block::ZERO; 8];
    assert_eq!(
        blocks_to_rows(&b[..7], &mut [0; 112]),
        Err(ShapeError::Columns(7))
    );
    assert_eq!(
        blocks_to_rows(&b, &mut [0; 127]),
        Err(ShapeError::Length {
            got: 127,
            want: 128
        })
    );
    assert_eq!(to_planes(&[0], 0, &mut []), Err(ShapeError::Planes(0)));
    assert_eq!(
        to_planes(&[0], 65, &mut [0; 65]),
        Err(ShapeError::Planes(65))
    );
    assert_eq!(
        from_planes(&[0; 2], 1, &mut [0]),
        Err(ShapeError::Length { got: 2, want: 1 })
    );
}
