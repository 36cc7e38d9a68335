use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::RingVec;
use crate::cpu::Level;

/// The definition, one product at a time.
fn oracle<R: Ring>(shape: &ConvShape, terms: &[(&[R], &[R])]) -> Vec<R> {
    let [oh, ow] = shape.output();
    let (ig, og) = (
        shape.in_channels / shape.groups,
        shape.out_channels / shape.groups,
    );
    let mut out = Vec::new();
    for b in 0..shape.batch {
        for y in 0..oh {
            for x in 0..ow {
                for o in 0..shape.out_channels {
                    let mut acc = R::ZERO;
                    for (input, weights) in terms {
                        for c in 0..ig {
                            for ky in 0..shape.kernel[0] {
                                for kx in 0..shape.kernel[1] {
                                    let iy = (y * shape.stride[0] + ky * shape.dilation[0]) as i64
                                        - shape.padding[0] as i64;
                                    let ix = (x * shape.stride[1] + kx * shape.dilation[1]) as i64
                                        - shape.padding[1] as i64;
                                    if iy < 0
                                        || ix < 0
                                        || iy >= shape.input[0] as i64
                                        || ix >= shape.input[1] as i64
                                    {
                                        continue;
                                    }
                                    let i = ((b * shape.input[0] + iy as usize) * shape.input[1]
                                        + ix as usize)
                                        * shape.in_channels
                                        + o / og * ig
                                        + c;
                                    let w = ((o * ig + c) * shape.kernel[0] + ky) * shape.kernel[1]
                                        + kx;
                                    acc = acc.add(input[i].mul(weights[w]));
                                }
                            }
                        }
                    }
                    out.push(acc);
                }
            }
        }
    }
    out
}

fn agree<R: Ring>(shape: &ConvShape, seed: u64) {
    agree_on::<R>(shape, 2, shape.pixels() / 3, seed);
}

/// All levels against the definition, for so many products, the output computed in two parts.
fn agree_on<R: Ring>(shape: &ConvShape, products: usize, cut: usize, seed: u64) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let x: Vec<RingVec<R>> = (0..products)
        .map(|_| RingVec::random(shape.input_len(), &mut rng))
        .collect();
    let w: Vec<RingVec<R>> = (0..products)
        .map(|_| RingVec::random(shape.weight_len(), &mut rng))
        .collect();
    let packed: Vec<_> = w
        .iter()
        .map(|w| PackedWeights::pack(shape, w.as_slice()).unwrap())
        .collect();
    let plain: Vec<_> = x
        .iter()
        .zip(&w)
        .map(|(x, w)| (x.as_slice(), w.as_slice()))
        .collect();
    let terms: Vec<_> = x
        .iter()
        .zip(&packed)
        .map(|(x, w)| (x.as_slice(), w))
        .collect();
    let want = oracle(shape, &plain);
    for level in [Level::Portable, Level::Avx2, Level::Avx512] {
        let mut out = vec![R::ONE; shape.output_len()];
        let (a, b) = out.split_at_mut(cut * shape.out_channels);
        conv2d_at(level, shape, &terms, 0..cut, a).unwrap();
        conv2d_at(level, shape, &terms, cut..shape.pixels(), b).unwrap();
        assert!(out == want, "{level:?} {shape:?}");
    }
}

prop_compose! {
    fn shapes()(
        batch in 1usize..3, h in 1usize..9, w in 1usize..9, icg in 1usize..5, ocg in 1usize..40, groups in 1usize..4,
        kernel in [1usize..4, 1usize..4], stride in [1usize..3, 1usize..4], padding in [0usize..3, 0usize..3, 0usize..3, 0usize..3],
        dilation in [1usize..3, 1usize..3], depthwise: bool,
    ) -> ConvShape {
        let (icg, ocg, groups) = if depthwise { (1, 1, groups * icg * ocg) } else { (icg, ocg, groups) };
        ConvShape {
            batch, input: [h, w], in_channels: icg * groups, out_channels: ocg * groups,
            kernel, stride, padding, dilation, groups,
        }
    }
}

proptest! {
    #[test]
    fn every_level_is_the_definition(shape in shapes().prop_filter("kernel fits", |s| s.validate().is_ok()), seed: u64) {
        agree::<u64>(&shape, seed);
        agree::<u32>(&shape, seed);
        agree::<u8>(&shape, seed);
        agree::<u128>(&shape, seed);
    }
}

#[test]
fn long_reductions_are_cut_and_joined() {
    agree::<u64>(&ConvShape::matmul(13, 2500, 33), 1);
    agree::<u32>(&ConvShape::matmul(13, 2500, 33), 1);
    agree::<u16>(&ConvShape::matmul(1, 1025, 1), 2);
}

/// Every height of a tile and its neighbours, below and above what makes products go by pairs.
#[test]
fn every_height_of_a_tile() {
    for m in 1..=26 {
        agree_on::<u32>(&ConvShape::matmul(m, 19, 33), 2, 0, 3);
        agree_on::<u64>(&ConvShape::matmul(m, 19, 17), 2, 0, 4);
        // Both parts by pairs, of different heights.
        agree_on::<u32>(&ConvShape::matmul(40 + m, 8, 5), 1, 20, 5);
        agree_on::<u64>(&ConvShape::matmul(40 + m, 9, 5), 1, 20, 6);
    }
    // A block and one position, two blocks and a rest.
    for m in [96, 97, 200] {
        agree_on::<u32>(&ConvShape::matmul(m, 11, 3), 2, 0, 7);
        agree_on::<u64>(&ConvShape::matmul(m, 11, 3), 2, 0, 8);
    }
}

#[test]
fn every_width_of_a_panel() {
    for n in 1..=65 {
        for m in [5, 25] {
            agree_on::<u32>(&ConvShape::matmul(m, 17, n), 1, 0, 9);
            agree_on::<u64>(&ConvShape::matmul(m, 17, n), 1, 0, 10);
        }
    }
}

/// Few channels make short runs, odd ones leave an element without a partner.
#[test]
fn every_length_of_a_run() {
    for channels in 1..=18 {
        for products in 0..4 {
            let rows = ConvShape {
                input: [7, 6],
                kernel: [3, 3],
                padding: [1, 2, 0, 1],
                ..ConvShape::matmul(1, channels, 18)
            };
            let taps = ConvShape {
                dilation: [1, 2],
                ..rows
            };
            let groups = ConvShape {
                in_channels: 2 * channels,
                groups: 2,
                stride: [1, 2],
                batch: 2,
                ..rows
            };
            for shape in [rows, taps, groups] {
                agree_on::<u32>(&shape, products, 3, 11);
                agree_on::<u64>(&shape, products, 3, 12);
            }
        }
    }
}

/// Kernels wider than the input, strides past it, and windows with nothing but padding under them.
#[test]
fn windows_in_the_padding() {
    for (kernel, stride, padding) in [
        ([7, 7], [2, 2], [3; 4]),
        ([1, 1], [1, 1], [2, 3, 1, 2]),
        ([2, 9], [1, 3], [0, 8, 3, 8]),
        ([5, 1], [3, 1], [9, 0, 9, 0]),
    ] {
        let shape = ConvShape {
            batch: 3,
            input: [4, 5],
            kernel,
            stride,
            padding,
            ..ConvShape::matmul(1, 11, 20)
        };
        agree::<u32>(&shape, 13);
        agree::<u64>(&shape, 14);
        agree::<u16>(&shape, 15);
    }
}

/// Rows a power of two apart are copied, and long ones are cut.
#[test]
fn rows_that_share_cache_sets() {
    for k in [512, 1024, 2048] {
        agree_on::<u64>(&ConvShape::matmul(37, k, 7), 1, 18, 16);
        agree_on::<u32>(&ConvShape::matmul(37, k, 7), 2, 18, 17);
    }
    let strided = ConvShape {
        input: [5, 9],
        stride: [2, 2],
        padding: [1; 4],
        ..ConvShape::matmul(2, 512, 5)
    };
    agree::<u32>(&strided, 18);
}

#[test]
fn packed_weights_add() {
    let shape = ConvShape::matmul(20, 9, 35);
    let mut rng = ChaCha20Rng::seed_from_u64(19);
    let [x, a, b] = [20 * 9, 9 * 35, 9 * 35].map(|n| RingVec::<u64>::random(n, &mut rng));
    let mut sum = PackedWeights::pack(&shape, a.as_slice()).unwrap();
    sum.add_assign(&PackedWeights::pack(&shape, b.as_slice()).unwrap())
        .unwrap();
    let mut out = vec![0; shape.output_len()];
    conv2d(&shape, &[(x.as_slice(), &sum)], &mut out).unwrap();
    let x = x.as_slice();
    assert_eq!(out, oracle(&shape, &[(x, a.as_slice()), (x, b.as_slice())]));
}

#[test]
fn matrix_product_is_row_major() {
    let mut out = [0u64; 4];
    matmul(
        [2, 3, 2],
        &[1, 2, 3, 4, 5, 6],
        &[1, 0, 0, 1, 10, 100],
        &mut out,
    )
    .unwrap();
    assert_eq!(out, [31, 302, 64, 605]);
}

#[test]
fn bad_shapes_are_named() {
    let good = ConvShape::matmul(2, 2, 2);
    for (bad, word) in [
        (ConvShape { groups: 3, ..good }, "groups"),
        (
            ConvShape {
                stride: [0, 1],
                ..good
            },
            "stride",
        ),
        (
            ConvShape {
                kernel: [2, 1],
                ..good
            },
            "kernel",
        ),
        (
            ConvShape {
                batch: 1 << 31,
                in_channels: 1 << 31,
                input: [1 << 31, 1],
                ..good
            },
            "size",
        ),
    ] {
        let e = bad.validate().unwrap_err().to_string();
        assert!(e.contains(word), "{e}");
    }
    assert!(PackedWeights::<u64>::pack(&good, &[1, 2, 3]).is_err());
    let w = PackedWeights::<u64>::pack(&good, &[1, 2, 3, 4]).unwrap();
    assert!(conv2d(&good, &[(&[1u64, 2, 3], &w)], &mut [0; 4]).is_err());
    assert!(conv2d(&good, &[(&[1, 2, 3, 4], &w)], &mut [0; 5]).is_err());
    assert!(conv2d_pixels::<u64>(&good, &[], 0..3, &mut [0; 6]).is_err());
    assert_eq!(format!("{w:?}"), "PackedWeights<Z_2^64>[2 x 2]");
}
