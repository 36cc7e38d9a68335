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
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let x: Vec<RingVec<R>> = (0..2)
        .map(|_| RingVec::random(shape.input_len(), &mut rng))
        .collect();
    let w: Vec<RingVec<R>> = (0..2)
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
        let cut = shape.pixels() / 3;
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
