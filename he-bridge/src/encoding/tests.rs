#![allow(clippy::unwrap_used)]

use super::*;
use piquet_core::linalg::{PackedWeights, conv2d};

/// A layer with weights and input, and what comes out of it.
struct Case {
    shape: ConvShape,
    x: Vec<u64>,
    w: Vec<i64>,
    want: Vec<u64>,
}

impl Case {
    fn new(shape: ConvShape) -> Self {
        let x: Vec<u64> = (1..=shape.input_len() as u64)
            .map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .collect();
        let w: Vec<i64> = (0..shape.weight_len() as i64)
            .map(|i| (i * 37 + 11) % 101 - 50)
            .collect();
        let packed =
            PackedWeights::pack(&shape, &w.iter().map(|w| *w as u64).collect::<Vec<_>>()).unwrap();
        let mut want = vec![0; shape.output_len()];
        conv2d(&shape, &[(&x, &packed)], &mut want).unwrap();
        Self { shape, x, w, want }
    }
    /// The layer by polynomials in the clear, modulo 2^64, of which only the wanted coefficients are calculated.
    fn check(&self, e: &Encoding) {
        let (n, map) = (e.degree(), e.map());
        assert_eq!(map.exponents.len(), e.numbers.terms, "{e:?}");
        let mut out = vec![None; self.want.len()];
        let mut inputs = vec![7; n * map.ins];
        for group in 0..e.groups() {
            let values = e.weights(group, &self.w);
            map.validate(n, values.len()).unwrap();
            for tile in 0..e.tiles() {
                for (i, polynomial) in inputs.chunks_exact_mut(n).enumerate() {
                    e.input(group, tile, i, &self.x, polynomial);
                }
                for o in 0..map.outs {
                    let values = &values[o * map.ins * map.exponents.len()..];
                    let (mut last, mut count) = (-1, 0);
                    e.each_output(group, tile, o, |position, element| {
                        assert!(i64::from(position) > last && (position as usize) < n);
                        (last, count) = (position.into(), count + 1);
                        let sum = coefficient(e, &inputs, values, position);
                        assert_eq!(out[element].replace(sum), None);
                    });
                    assert_eq!(count, e.wanted(group, tile, o));
                }
            }
        }
        let all: Option<Vec<u64>> = out.into_iter().collect();
        assert_eq!(all.as_ref(), Some(&self.want), "{e:?}");
    }
}

/// A coefficient of a sum of products.
fn coefficient(e: &Encoding, inputs: &[u64], values: &[i64], position: u32) -> u64 {
    let n = e.degree();
    let exponents = &e.map().exponents;
    let mut sum = 0u64;
    for (polynomial, values) in inputs
        .chunks_exact(n)
        .zip(values.chunks_exact(exponents.len()))
    {
        for (exponent, v) in exponents.iter().zip(values) {
            let at = (position as usize + 2 * n - *exponent as usize) % (2 * n);
            let c = polynomial[at % n];
            let c = if at < n { c } else { c.wrapping_neg() };
            sum = sum.wrapping_add(c.wrapping_mul(*v as u64));
        }
    }
    sum
}

fn shape(input: [usize; 2], channels: [usize; 2], kernel: [usize; 2]) -> ConvShape {
    ConvShape {
        batch: 1,
        input,
        in_channels: channels[0],
        out_channels: channels[1],
        kernel,
        stride: [1; 2],
        padding: [0; 4],
        dilation: [1; 2],
        groups: 1,
    }
}

/// All splits at a degree, not only those that may be best.
fn all_splits(layer: &Layer, degree: usize) -> Vec<Split> {
    let [h, w] = layer.shape.output();
    let mut tiles = Vec::new();
    if layer.is_pointwise() {
        tiles.extend((1..=layer.shape.pixels()).map(Tile::Pixels));
    } else {
        tiles.extend((2..=layer.shape.batch).map(|b| Tile::Area([b, h, w])));
        tiles.extend((1..=h).flat_map(|h| (1..=w).map(move |w| Tile::Area([1, h, w]))));
    }
    let mut out = Vec::new();
    for tile in tiles {
        let plane = layer.plane(tile).0;
        for distance in [plane, plane + 1, plane.next_power_of_two()] {
            for merge in 1..=layer.shape.groups {
                for inputs in 1..=layer.planes(merge) {
                    for outputs in 1..=merge * layer.channels()[1] {
                        if inputs * outputs * distance <= degree {
                            out.push(Split {
                                merge,
                                inputs,
                                outputs,
                                tile,
                                distance,
                            });
                        }
                    }
                }
            }
        }
    }
    out
}

#[test]
fn every_split_of_small_layers_is_right() {
    let mut count = 0;
    for (kernel, stride, padding, dilation) in [
        ([3, 3], [1, 1], [1, 1, 1, 1], [1, 1]),
        ([3, 2], [2, 1], [1, 0, 0, 2], [1, 1]),
        ([3, 3], [2, 2], [1, 1, 1, 1], [1, 1]),
        ([2, 3], [2, 3], [0, 1, 0, 0], [1, 1]),
        ([1, 1], [1, 1], [0, 0, 0, 0], [1, 1]),
        ([1, 1], [2, 2], [0, 0, 1, 0], [1, 1]),
        ([2, 2], [1, 2], [0, 2, 1, 0], [2, 2]),
    ] {
        for (batch, channels, groups) in [
            (1, [2, 3], 1),
            (2, [3, 2], 1),
            (1, [2, 2], 2),
            (3, [1, 1], 1),
            (1, [3, 6], 3),
        ] {
            let case = Case::new(ConvShape {
                batch,
                stride,
                padding,
                dilation,
                groups,
                ..shape([4, 5], channels, kernel)
            });
            let layer = Layer::new(&case.shape).unwrap();
            for degree in [64, 128] {
                for split in all_splits(&layer, degree) {
                    case.check(&Encoding::with_split(&case.shape, degree, split).unwrap());
                    count += 1;
                }
            }
        }
    }
    assert!(count > 10_000, "{count}");
}

/// All kernels up to 3, strides up to 3, paddings up to 2 on each side by itself, dilations up to 2; each with
/// another one of a few splits, channels, groups and inputs.
#[test]
fn small_layers_are_right() {
    let kinds = [
        (1, [1, 1], 1, [4, 5]),
        (1, [3, 2], 1, [5, 3]),
        (2, [2, 2], 2, [3, 4]),
        (1, [4, 4], 4, [1, 6]),
        (3, [1, 2], 1, [2, 2]),
        (1, [2, 4], 2, [6, 1]),
    ];
    let mut turn = 0;
    let digits = |mut x: usize, bases: &[usize]| {
        let mut next = |b: &usize| {
            let d = x % b;
            x /= b;
            d
        };
        bases.iter().map(&mut next).collect::<Vec<_>>()
    };
    let bases = [3, 3, 3, 3, 3, 3, 3, 3, 2, 2];
    for x in 0..bases.iter().product() {
        let d = digits(x, &bases);
        let (batch, channels, groups, input) = kinds[turn % kinds.len()];
        let shape = ConvShape {
            batch,
            stride: [d[2] + 1, d[3] + 1],
            padding: [d[4], d[5], d[6], d[7]],
            dilation: [d[8] + 1, d[9] + 1],
            groups,
            ..shape(input, channels, [d[0] + 1, d[1] + 1])
        };
        turn += 1;
        if shape.validate().is_err() {
            continue;
        }
        let case = Case::new(shape);
        let layer = Layer::new(&shape).unwrap();
        for degree in [64, 128] {
            let mut splits = Vec::new();
            search::splits(&layer, degree, |split, _| splits.push(*split));
            for i in 0..3 {
                let split = splits[(turn + i * splits.len() / 3) % splits.len()];
                case.check(&Encoding::with_split(&shape, degree, split).unwrap());
            }
        }
        case.check(&Encoding::new(&shape, 64).unwrap());
    }
}

#[test]
fn wrong_splits_are_refused() {
    let shape = shape([4, 4], [2, 2], [3, 3]);
    let split = Split {
        merge: 1,
        inputs: 2,
        outputs: 2,
        tile: Tile::Area([1, 2, 2]),
        distance: 16,
    };
    let with = |split| Encoding::with_split(&shape, 64, split);
    assert!(with(split).is_ok());
    for wrong in [
        Split {
            distance: 15,
            ..split
        },
        Split {
            distance: 17,
            ..split
        },
        Split {
            tile: Tile::Pixels(4),
            ..split
        },
    ] {
        assert!(matches!(with(wrong), Err(Error::Parameter { .. })));
    }
    assert!(Encoding::new(&shape, 8).is_err());
    assert!(Encoding::with_split(&shape, 60, split).is_err());
}
