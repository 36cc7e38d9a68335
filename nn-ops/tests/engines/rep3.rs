//! Every operation of `rep3` against the oracle, and its ledger against the plan.

use crate::common;
use crate::common::{Case, agree, plain, rep3, values, z64};
use crate::scripts::*;
use piquet_core::linalg::ConvShape;
use piquet_nn_ops::engine::{MatMul, Rescale, Truncation};
use piquet_nn_ops::layer::Window;
use piquet_nn_ops::model::{Format, MaxPool};
use proptest::prelude::*;

#[test]
fn relu_is_exact_on_every_window_and_length() {
    for (n, bound) in [
        (1, 1),
        (2, 2),
        (63, 7),
        (64, 8),
        (65, 31),
        (127, 16),
        (129, 40),
        (1000, 61),
        (200, 62),
    ] {
        let case = Case::default().input(&[1, n], z64(0, bound), values(n, bound, n as u64));
        let (_, narrow) = agree(&case, &Relu, 1);
        assert_eq!(narrow, bound <= 30, "{n} {bound}");
    }
}

#[test]
fn operands_share_rounds() {
    let case = Case::default()
        .input(&[1, 5], z64(0, 9), values(5, 9, 1))
        .input(&[2, 70], z64(0, 20), values(140, 20, 2))
        .input(&[1, 1], z64(0, 3), vec![-7]);
    assert!(agree(&case, &Relu, 1).1);
}

#[test]
fn truncations_keep_their_promises() {
    for shift in [1, 7, 8, 12, 16, 17, 32, 33, 50] {
        for bound in [shift + 2, 62] {
            let r = |mode| {
                RescaleBy(Rescale {
                    shift,
                    mode,
                    to: z64(60 - shift, bound - shift),
                })
            };
            // The result of nearest may reach 2^(bound - shift) itself, which the format excludes.
            let v: Vec<i64> = values(150, bound, u64::from(shift))
                .iter()
                .map(|v| {
                    (*v).clamp(
                        -(1i64 << bound) + (1 << shift),
                        (1i64 << bound) - (1 << shift),
                    )
                })
                .collect();
            let case = Case::default().input(&[1, 150], z64(60, bound), v.clone());
            for mode in [Truncation::Exact, Truncation::Nearest] {
                agree(&case, &r(mode), 1);
            }
            let floor = plain(&case, &r(Truncation::Exact)).unwrap();
            let got = rep3(&case, &r(Truncation::Stochastic));
            for ((g, f), v) in got[0].iter().zip(&floor[0]).zip(&v) {
                let exact = v % (1i64 << shift) == 0;
                assert!(
                    *g == *f || (*g == f + 1 && !exact),
                    "{v} >> {shift} gave {g}"
                );
            }
        }
    }
}

#[test]
fn stochastic_truncation_is_unbiased() {
    // 4096 values of 2.25 with 12 bits to drop: a coin of 1/4. Six standard deviations: one false alarm in 10^9.
    let n = 4096;
    let case = Case::default().input(&[1, n], z64(20, 30), vec![(2 << 12) + (1 << 10); n]);
    let r = RescaleBy(Rescale {
        shift: 12,
        mode: Truncation::Stochastic,
        to: z64(8, 18),
    });
    let ups = rep3(&case, &r)[0].iter().filter(|v| **v == 3).count() as f64;
    assert!(
        (ups - 1024.0).abs() < 6.0 * (n as f64 * 0.25 * 0.75).sqrt(),
        "{ups}"
    );
}

#[test]
fn local_truncation_wraps_as_often_as_stated() {
    let at = |bound: u32, n: usize| {
        let case = Case::default().input(&[1, n], z64(20, bound), vec![(1i64 << bound) - 1; n]);
        let r = RescaleBy(Rescale {
            shift: 12,
            mode: Truncation::Local,
            to: z64(8, bound - 12),
        });
        let want = plain(&case, &r).unwrap();
        rep3(&case, &r)[0]
            .iter()
            .zip(&want[0])
            .filter(|(g, w)| (*g - *w).abs() > 1)
            .count()
    };
    // |x| = 2^30: one of 1000 values wraps with probability 1000 / 2^34.
    assert_eq!(at(30, 1000), 0);
    // |x| = 2^62: a quarter of them do. Six standard deviations: one false alarm in 10^9.
    let wrapped = at(62, 1000);
    assert!((168..332).contains(&wrapped), "{wrapped}");
}

#[test]
fn local_truncation_asks_for_the_large_ring() {
    let r = Rescale {
        shift: 4,
        mode: Truncation::Local,
        to: z64(8, 10),
    };
    let case = Case::default().input(&[1, 2], z64(12, 14), vec![1, 2]);
    let narrow = case.narrow().unwrap();
    let e = plain(&narrow, &RescaleBy(r)).unwrap_err().to_string();
    assert!(e.contains("64 bits"), "{e}");
    assert!(plain(&case, &RescaleBy(r)).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn convolutions(
        shape in shapes().prop_filter("kernel fits", |s| s.validate().is_ok()),
        bias: bool, operands in 1usize..3, mode in modes(), shift in 0u32..14, seed: u32, threads in 1usize..3,
    ) {
        let case = conv_case(shape, bias, operands, seed.into());
        let script = Linear(Rescale { shift, mode, to: z64(14 - shift, 30 - shift) });
        agree(&case, &script, threads);
    }

    #[test]
    fn max_pools(
        n in 1usize..3, c in 1usize..4, h in 1usize..9, w in 1usize..9,
        kernel in [1usize..4, 1usize..4], stride in [1usize..4, 1usize..4], pads in [0usize..2, 0usize..2, 0usize..2, 0usize..2],
        ceil_mode: bool, seed: u32,
    ) {
        let padding = [pads[0].min(kernel[0] - 1), pads[1].min(kernel[1] - 1), pads[2].min(kernel[0] - 1), pads[3].min(kernel[1] - 1)];
        let pool = MaxPool { kernel, stride, padding, ceil_mode };
        prop_assume!(h + padding[0] + padding[2] >= kernel[0] && w + padding[1] + padding[3] >= kernel[1]);
        let script = Pool(pool, [h, w]);
        let case = Case::default().input(&[n, c, h, w], z64(3, 10), values(n * c * h * w, 10, seed.into()));
        let (got, narrow) = agree(&case, &script, 1);
        prop_assert!(narrow);
        prop_assert_eq!(&got[0], &script.oracle(&case));
    }

    #[test]
    fn argmaxes(rows in 1usize..4, width in 1usize..20, range in 1u32..4, seed: u32) {
        // Small ranges, so that there are ties.
        let v = values(rows * width, range, seed.into());
        let case = Case::default().input(&[rows, width], z64(3, range), v.clone());
        let (got, narrow) = agree(&case, &Argmax, 1);
        prop_assert!(narrow);
        let first: Vec<i64> = v.chunks(width).map(|r| {
            let m = r.iter().max().unwrap();
            r.iter().position(|x| x == m).unwrap() as i64
        }).collect();
        prop_assert_eq!(&got[0], &first);
    }

    #[test]
    fn means(h in 1usize..8, w in 1usize..8, kernel in [1usize..4, 1usize..4], stride in 1usize..3, pad: bool, seed: u32, mode in modes()) {
        let padding = [usize::from(pad).min(kernel[0] - 1), usize::from(pad).min(kernel[1] - 1)];
        prop_assume!(h + padding[0] >= kernel[0] && w + padding[1] >= kernel[1]);
        let out = [(h + padding[0] - kernel[0]) / stride + 1, (w + padding[1] - kernel[1]) / stride + 1];
        let script = Avg(Window { kernel, stride: [stride; 2], padding, divisors: Vec::new() }, out, mode);
        let case = Case::default().input(&[2, 3, h, w], z64(8, 14), values(6 * h * w, 14, seed.into()));
        // The divisor is coarser in 32 bits, so the two rings are compared with the oracle one by one.
        prop_assert_eq!(rep3(&case, &script), plain(&case, &script).unwrap());
        let narrow = case.narrow().unwrap();
        prop_assert_eq!(rep3(&narrow, &script), plain(&narrow, &script).unwrap());
    }
}

#[test]
fn gates_and_products() {
    for n in [1, 63, 64, 65, 129] {
        let case = Case::default()
            .input(&[1, n], z64(8, 15), values(n, 15, 1))
            .input(&[1, n], z64(8, 15), values(n, 15, 2));
        assert!(agree(&case, &Gates, 1).1);
    }
}

/// Steps over more than one piece, and over more pieces than may be under way at once.
#[test]
fn pieces_join() {
    let pieces = [1 << 15, (1 << 15) + 1, 3 * (1 << 15) - 65, 5];
    let case = pieces
        .iter()
        .enumerate()
        .fold(Case::default(), |c, (i, n)| {
            c.input(&[1, *n], z64(12, 20), values(*n, 20, i as u64))
        });
    assert!(agree(&case, &Relu, 1).1);
    for mode in [Truncation::Exact, Truncation::Nearest] {
        let to = z64(5, 14);
        let shift = 7;
        assert!(agree(&case, &RescaleBy(Rescale { shift, mode, to }), 1).1);
    }
    let n = (1 << 16) + 3;
    let case = Case::default()
        .input(&[1, n], z64(8, 15), values(n, 15, 1))
        .input(&[1, n], z64(8, 15), values(n, 15, 2));
    assert!(agree(&case, &Gates, 1).1);
    let n = 34 << 15;
    let case = Case::default().input(&[1, n], z64(0, 9), values(n, 9, 3));
    assert!(agree(&case, &Relu, 1).1);
}

#[test]
fn local_operations() {
    let case = Case::default()
        .input(&[2, 3, 2, 2], z64(4, 10), values(24, 10, 1))
        .input(&[2, 3, 2, 2], z64(4, 12), values(24, 12, 2));
    let got = rep3(&case, &Local);
    assert_eq!(got, plain(&case, &Local).unwrap());
    // Channel first: the first image's first channel of `joined`, then its second.
    let j = &got[2];
    assert_eq!(got[3][..5], [j[0], j[9], j[18], j[27], j[1]]);
    let (a, b) = (values(24, 10, 1), values(24, 12, 2));
    for ((a, b), y) in a.iter().zip(&b).zip(&got[5]) {
        assert_eq!(*y, 6 * a - 8 * b - 77);
    }
}

#[test]
fn a_bias_reaches_every_row_for_free() {
    let case = |channels| {
        Case::default()
            .input(&[2, 3, 2, 2], z64(4, 10), values(24, 10, 1))
            .input(&[1, channels], z64(4, 12), values(channels, 12, 2))
    };
    let got = rep3(&case(3), &Bias);
    assert_eq!(got, plain(&case(3), &Bias).unwrap());
    let (x, b) = (values(24, 10, 1), values(3, 12, 2));
    for (i, y) in got[0].iter().enumerate() {
        assert_eq!(*y, x[i] + b[i % 3]);
    }
    let e = plain(&case(2), &Bias).unwrap_err().to_string();
    assert!(e.contains("add_bias"), "{e}");
}

#[test]
fn mismatches_are_named() {
    let case = Case::default()
        .input(&[1, 4], z64(4, 10), vec![0; 4])
        .input(&[1, 4], z64(5, 10), vec![0; 4]);
    let e = plain(&case, &Local).unwrap_err().to_string();
    assert!(e.contains("add"), "{e}");
    for (dims, frac, bound) in [([2, 2], 4, 10), ([1, 4], 6, 10), ([1, 4], 4, 61)] {
        let case = Case::default()
            .input(&[1, 4], z64(4, 10), vec![0; 4])
            .input(&dims, z64(frac, bound), vec![0; 4]);
        assert!(plain(&case, &Combined(5)).is_err(), "{dims:?} {frac}");
    }
    assert!(plain(&Case::default(), &Combined(5)).is_err());
    let case = Case::default().input(&[1, 2], z64(4, 10), vec![1023, 1024]);
    let e = plain(&case, &Relu).unwrap_err().to_string();
    assert!(e.contains("1024") && e.contains("2^10"), "{e}");
    // Bits behind the point add up to more than the ring has to shift.
    let format = Format::new(32, 20, 10).unwrap();
    let case = Case::default().input(&[1, 2], format, vec![-1, 1]);
    assert!(plain(&case, &Square(30)).is_ok());
    let e = plain(&case, &Square(31)).unwrap_err().to_string();
    assert!(e.contains("31"), "{e}");
}

/// A comparison looks at `bound + 1` bits: every window that exists, at the ends of its range and around zero.
#[test]
fn comparisons_are_exact_at_the_edges_of_every_window() {
    for bound in 1..=62 {
        let top = (1i64 << bound) - 1;
        let half = 1i64 << (bound - 1);
        let mut v = vec![
            0,
            1,
            -1,
            top,
            -top,
            top - 1,
            1 - top,
            half,
            -half,
            half - 1,
            1 - half,
        ];
        v.retain(|v| v.abs() <= top);
        let case = Case::default().input(&[1, v.len()], z64(0, bound), v.clone());
        let got = rep3(&case, &Signs);
        let signs: Vec<i64> = v.iter().map(|v| i64::from(*v >= 0)).collect();
        assert_eq!(got[0], signs, "window {}", bound + 1);
        let relu: Vec<i64> = v.iter().map(|v| *v.max(&0)).collect();
        assert_eq!(got[1], relu, "window {}", bound + 1);
        assert_eq!(got, plain(&case, &Signs).unwrap());
    }
}

/// Zero comes in as many shares as there are: as a difference of equals, as a product with zero, as minus zero.
#[test]
fn zero_is_not_negative() {
    let n = 200;
    let v = values(n, 20, 5);
    let case = Case::default()
        .input(&[1, n], z64(0, 20), v.clone())
        .input(&[1, n], z64(0, 20), v);
    let zeros = vec![0; n];
    let ones = vec![1; n];
    assert_eq!(
        rep3(&case, &Zeros),
        [&ones, &ones, &ones, &zeros, &zeros].map(Clone::clone)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn relus(sizes in proptest::collection::vec((1usize..150, 1u32..=62), 1..4), seed: u32) {
        let mut case = Case::default();
        for (i, (n, bound)) in sizes.iter().enumerate() {
            case = case.input(&[1, *n], z64(0, *bound), values(*n, *bound, u64::from(seed) + i as u64));
        }
        prop_assert_eq!(rep3(&case, &Relu), plain(&case, &Relu).unwrap());
    }

    /// Sums, concatenations of different widths, and the flattening of both.
    #[test]
    fn local_layers(n in 1usize..3, c in [1usize..4, 1usize..4], h in 1usize..5, w in 1usize..5, seed: u32) {
        let input = |case: Case, c: usize, bound, seed| {
            case.input(&[n, c, h, w], z64(4, bound), values(n * c * h * w, bound, seed))
        };
        let seed = u64::from(seed);
        let case = input(input(input(Case::default(), c[0], 10, seed), c[0], 13, seed + 1), c[1], 7, seed + 2);
        let got = rep3(&case, &Joined);
        prop_assert_eq!(&got, &plain(&case, &Joined).unwrap());
        // The definitions: element by element, row by row, channel by channel.
        let [a, b, d] = [0, 1, 2].map(|i| case.inputs[i].1.clone());
        let sum: Vec<i64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        prop_assert_eq!(&got[0], &sum);
        let rows: Vec<i64> = sum.chunks(c[0]).zip(d.chunks(c[1])).flat_map(|(x, y)| [x, y].concat()).collect();
        prop_assert_eq!(&got[1], &rows);
        let (all, area) = (c[0] + c[1], h * w);
        for (i, v) in got[2].iter().enumerate() {
            let (image, channel, place) = (i / (all * area), i / area % all, i % area);
            prop_assert_eq!(*v, rows[(image * area + place) * all + channel]);
        }
    }

    /// A scale and a shift for each channel, as a convolution of groups of one.
    #[test]
    fn channel_affines(n in 1usize..3, c in 1usize..6, h in 1usize..5, w in 1usize..5, shift in 0u32..12, mode in modes(), seed: u32) {
        let shape = ConvShape { input: [h, w], groups: c, ..ConvShape::matmul(n, c, c) };
        let case = conv_case(shape, true, 1, seed.into());
        let script = Linear(Rescale { shift, mode, to: z64(14 - shift, 40) });
        let got = rep3(&case, &script);
        prop_assert_eq!(&got, &plain(&case, &script).unwrap());
        let (_, scale, bias) = &case.weights[0];
        let half = if mode == Truncation::Nearest && shift > 0 { 1 << (shift - 1) } else { 0 };
        for (i, (y, x)) in got[0].iter().zip(&case.inputs[0].1).enumerate() {
            prop_assert_eq!(*y, (x * scale[i % c] + bias[i % c] + half) >> shift);
        }
    }

    /// Fully connected, on tensors of two dimensions.
    #[test]
    fn matrix_products(n in 1usize..4, k in 1usize..40, m in 1usize..20, bias: bool, operands in 1usize..3, shift in 0u32..14, mode in modes(), seed: u32) {
        let seed = u64::from(seed);
        let b = if bias { values(m, 12, seed + 1) } else { vec![] };
        let w = values(m * k, 8, seed);
        let mut case = Case::default().weights(ConvShape::matmul(n, k, m), &[n, m], 6, w.clone(), b.clone());
        for i in 0..operands {
            case = case.input(&[n, k], z64(8, 12), values(n * k, 12, seed + 2 + i as u64));
        }
        let script = Linear(Rescale { shift, mode, to: z64(14 - shift, 40) });
        let got = rep3(&case, &script);
        prop_assert_eq!(&got, &plain(&case, &script).unwrap());
        let half = if mode == Truncation::Nearest && shift > 0 { 1 << (shift - 1) } else { 0 };
        for (y, (_, x)) in got.iter().zip(&case.inputs) {
            for (i, y) in y.iter().enumerate() {
                let (row, column) = (&x[i / m * k..][..k], &w[i % m * k..][..k]);
                let dot: i64 = row.iter().zip(column).map(|(x, w)| x * w).sum();
                prop_assert_eq!(*y, (dot + b.get(i % m).unwrap_or(&0) + half) >> shift);
            }
        }
    }
}

/// Rounding to nearest adds half a unit before it divides, so it is exact as long as that sum is below 2^62: up to the
/// last value that rounds into its format.
#[test]
fn nearest_is_exact_up_to_the_last_value_that_fits() {
    for shift in [1, 8, 9, 30, 60] {
        let half = 1i64 << (shift - 1);
        let top = (1i64 << 62) - 1 - half;
        let v = vec![
            top,
            top - 1,
            -(1i64 << 62) + 1,
            half,
            half - 1,
            -half,
            -half - 1,
        ];
        let v: Vec<i64> = v
            .into_iter()
            .filter(|v| (v + half) >> shift > -(1 << (62 - shift)))
            .collect();
        let case = Case::default().input(&[1, v.len()], z64(60, 62), v);
        let mode = Truncation::Nearest;
        let script = RescaleBy(Rescale {
            shift,
            mode,
            to: z64(60 - shift, 62 - shift),
        });
        assert_eq!(
            rep3(&case, &script),
            plain(&case, &script).unwrap(),
            "{shift}"
        );
    }
}

/// Below one piece, and several.
const SIZES: [usize; 6] = [1, 63, 64, 65, 1000, 40000];

/// Holds what a script gives in each mode to what the oracle says: the exact modes are what they say, in both rings; the others give the
/// floor or one more, the local one also one less.
fn all_modes<S: common::Script>(
    case: &Case,
    r: Rescale,
    threads: usize,
    script: impl Fn(Rescale) -> S,
) {
    let with = |mode| script(Rescale { mode, ..r });
    for mode in [Truncation::Exact, Truncation::Nearest] {
        agree(case, &with(mode), threads);
    }
    let floor = plain(case, &with(Truncation::Exact)).unwrap();
    for (mode, least) in [(Truncation::Stochastic, 0), (Truncation::Local, -1)] {
        let got = common::rep3_threads(case, &with(mode), threads);
        for (g, f) in got.iter().flatten().zip(floor.iter().flatten()) {
            let most = i64::from(r.shift > 0);
            assert!(
                (least * most..=most).contains(&(g - f)),
                "{mode:?}: {g} for {f}"
            );
        }
    }
}

#[test]
fn sums_of_products() {
    for (i, n) in SIZES.into_iter().enumerate() {
        let mut case = Case::default();
        for seed in 0..3 {
            case = case.input(&[1, n], z64(8, 12), values(n, 12, seed));
        }
        case = case.input(&[1, n], z64(16, 26), values(n, 26, 3));
        let shift = [0, 1, 8, 12, 16, 9][i];
        let r = Rescale {
            shift,
            mode: Truncation::Exact,
            to: z64(16 - shift, 28 - shift),
        };
        all_modes(&case, r, 1, Dots);
    }
}

#[test]
fn products_of_matrices() {
    let dims = [
        (1, 1, 1, 1),
        (1, 3, 5, 2),
        (3, 1, 7, 1),
        (2, 1, 64, 9),
        (2, 9, 33, 1),
        (4, 17, 20, 31),
        (2, 40, 3, 70),
    ];
    for (i, (batch, rows, inner, columns)) in dims.into_iter().enumerate() {
        for transposed in [false, true] {
            let op = MatMul {
                batch,
                rows,
                inner,
                columns,
                transposed,
            };
            let [left, right, _] = op.lens();
            let case = Case::default()
                .input(&[batch * rows, inner], z64(8, 10), values(left, 10, 1))
                .input(&[1, right], z64(6, 9), values(right, 9, 2))
                .input(&[batch * rows, inner], z64(8, 10), values(left, 10, 3));
            let r = Rescale {
                shift: 7,
                mode: Truncation::Exact,
                to: z64(7, 21),
            };
            all_modes(&case, r, 1 + i % 2, |r| Matrices(op, r));
        }
    }
}

#[test]
fn inner_products_of_rows() {
    // Rows that fill a block with others, do not, and are longer.
    for (rows, of) in [(1, 1), (65, 1), (1000, 40), (3, 1023), (5, 1025), (1, 3000)] {
        let n = rows * of;
        let case = Case::default()
            .input(&[rows, of], z64(8, 9), values(n, 9, 1))
            .input(&[rows, of], z64(8, 9), values(n, 9, 2));
        let r = Rescale {
            shift: 8,
            mode: Truncation::Exact,
            to: z64(8, 22),
        };
        all_modes(&case, r, 1, |r| Rows(of, r));
    }
}

#[test]
fn bits_of_values() {
    for (n, bound, range) in [
        (1, 1, 0..2),
        (63, 4, 0..5),
        (64, 13, 2..14),
        (65, 30, 0..31),
        (65, 30, 16..30),
        (100, 30, 30..31),
        (64, 62, 0..63),
        (129, 62, 33..63),
        (129, 40, 7..25),
        (1000, 20, 3..21),
        (40000, 20, 14..17),
    ] {
        let case = Case::default()
            .input(&[1, n], z64(8, bound), values(n, bound, 1))
            .input(&[1, 70], z64(8, bound), values(70, bound, 2));
        let (_, narrow) = agree(&case, &BitsOf(range), 1);
        assert_eq!(narrow, bound <= 30);
    }
}

#[test]
fn weighed_bits() {
    for n in SIZES {
        let case = Case::default()
            .input(&[1, n], z64(8, 20), values(n, 20, 1))
            .input(&[1, 70], z64(8, 20), values(70, 20, 2));
        assert!(agree(&case, &Weighs(8..21), 1).1);
    }
}

#[test]
fn conjunctions_share_pieces() {
    for n in SIZES {
        let case = Case::default()
            .input(&[1, n], z64(0, 3), values(n, 3, 1))
            .input(&[1, 70], z64(0, 3), values(70, 3, 2));
        assert!(agree(&case, &Ands, 1).1);
    }
    // More words than a piece holds.
    let n = 1 << 19;
    let case = Case::default().input(&[1, n + 1], z64(0, 3), values(n + 1, 3, 1));
    agree(&case, &Ands, 1);
}
