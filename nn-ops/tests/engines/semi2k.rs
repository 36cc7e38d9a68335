//! Every operation of `semi2k` against the oracle, its ledger against the plan, for several numbers of parties.

use crate::common;
use crate::common::Script;
use crate::common::{Case, plain, values, z64};
use crate::dealt;
use crate::dealt::{agree, demand, semi2k};
use crate::scripts::*;
use piquet_core::linalg::ConvShape;
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{Rescale, Truncation};
use piquet_nn_ops::model::MaxPool;
use piquet_nn_ops::pool::Pool as Threads;
use piquet_nn_ops::semi2k::{Demand, Semi2k};
use piquet_nn_ops::session::run_in_memory;
use piquet_nn_ops::transport::{Cast, Peer};
use proptest::prelude::*;

const PARTIES: [usize; 4] = [2, 3, 5, 10];

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
        for parties in PARTIES {
            let (_, narrow) = agree(parties, &case, &Relu, 1);
            assert_eq!(narrow, bound <= 30, "{n} {bound}");
        }
    }
}

#[test]
fn operands_share_rounds() {
    let case = Case::default()
        .input(&[1, 5], z64(0, 9), values(5, 9, 1))
        .input(&[2, 70], z64(0, 20), values(140, 20, 2))
        .input(&[1, 1], z64(0, 3), vec![-7]);
    for parties in PARTIES {
        assert!(agree(parties, &case, &Relu, 1).1);
    }
}

#[test]
fn truncations_keep_their_promises() {
    for (i, shift) in [1, 7, 8, 12, 16, 17, 32, 33, 50].into_iter().enumerate() {
        let parties = PARTIES[i % 4];
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
                agree(parties, &case, &r(mode), 1);
            }
            let floor = plain(&case, &r(Truncation::Exact)).unwrap();
            let got = semi2k(parties, &case, &r(Truncation::Stochastic));
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
fn gates_and_products() {
    for (n, parties) in [(1, 2), (63, 3), (64, 5), (65, 10), (129, 2)] {
        let case = Case::default()
            .input(&[1, n], z64(8, 15), values(n, 15, 1))
            .input(&[1, n], z64(8, 15), values(n, 15, 2));
        assert!(agree(parties, &case, &Gates, 1).1);
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
    for parties in [2, 3] {
        assert!(agree(parties, &case, &Relu, 1).1);
    }
    for mode in [Truncation::Exact, Truncation::Nearest] {
        let to = z64(5, 14);
        let shift = 7;
        assert!(agree(2, &case, &RescaleBy(Rescale { shift, mode, to }), 1).1);
    }
    let n = (1 << 16) + 3;
    let case = Case::default()
        .input(&[1, n], z64(8, 15), values(n, 15, 1))
        .input(&[1, n], z64(8, 15), values(n, 15, 2));
    assert!(agree(3, &case, &Gates, 1).1);
    let n = 34 << 15;
    let case = Case::default().input(&[1, n], z64(0, 9), values(n, 9, 3));
    assert!(agree(2, &case, &Relu, 1).1);
}

/// A product whose operand and result are several pieces, of different lengths.
#[test]
fn products_of_many_pieces_join() {
    let shape = ConvShape {
        input: [67, 65],
        kernel: [3, 3],
        padding: [1; 4],
        stride: [1, 2],
        ..ConvShape::matmul(1, 9, 17)
    };
    let case = conv_case(shape, true, 2, 5);
    for (mode, shift) in [
        (Truncation::Exact, 6),
        (Truncation::Nearest, 9),
        (Truncation::Exact, 0),
    ] {
        let to = z64(14 - shift, 30 - shift);
        agree(2, &case, &Linear(Rescale { shift, mode, to }), 2);
        agree(3, &case, &Linear(Rescale { shift, mode, to }), 1);
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
    for parties in [2, 5] {
        let got = semi2k(parties, &case, &r);
        let ups = got[0].iter().filter(|v| **v == 3).count() as f64;
        let six = 6.0 * (n as f64 * 0.25 * 0.75).sqrt();
        assert!((ups - 1024.0).abs() < six, "{ups}");
    }
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
        let got = semi2k(2, &case, &r);
        let pairs = got[0].iter().zip(&want[0]);
        pairs.filter(|(g, w)| (*g - *w).abs() > 1).count()
    };
    // |x| = 2^30: one of 1000 values wraps with probability 1000 / 2^34.
    assert_eq!(at(30, 1000), 0);
    // |x| = 2^62: a quarter of them do at the least, half of them at the most. Six standard deviations: one false
    // alarm in 10^9.
    let wrapped = at(62, 1000);
    assert!((168..595).contains(&wrapped), "{wrapped}");
}

/// After a product, where nothing but the product of the masks is dealt.
#[test]
fn local_truncation_of_a_product_is_close() {
    let case = conv_case(ConvShape::matmul(3, 40, 7), true, 1, 9);
    let script = Linear(Rescale {
        shift: 9,
        mode: Truncation::Local,
        to: z64(5, 21),
    });
    let want = plain(&case, &script).unwrap();
    let got = semi2k(2, &case, &script);
    for (g, w) in got[0].iter().zip(&want[0]) {
        assert!((g - w).abs() <= 1, "{g} {w}");
    }
}

#[test]
fn local_operations_are_free() {
    let case = Case::default()
        .input(&[2, 3, 2, 2], z64(4, 10), values(24, 10, 1))
        .input(&[2, 3, 2, 2], z64(4, 12), values(24, 12, 2));
    let biased = Case::default()
        .input(&[2, 3, 2, 2], z64(4, 10), values(24, 10, 1))
        .input(&[1, 3], z64(4, 12), values(3, 12, 2));
    for parties in PARTIES {
        agree(parties, &case, &Local, 1);
        agree(parties, &biased, &Bias, 1);
        assert!(demand(parties, &case, &Local).layers().is_empty());
    }
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
        let (got, narrow) = agree(PARTIES[bound as usize % 4], &case, &Signs, 1);
        assert_eq!(narrow, bound <= 30);
        let signs: Vec<i64> = v.iter().map(|v| i64::from(*v >= 0)).collect();
        assert_eq!(got[0], signs, "window {}", bound + 1);
        let relu: Vec<i64> = v.iter().map(|v| *v.max(&0)).collect();
        assert_eq!(got[1], relu, "window {}", bound + 1);
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
    let (zeros, ones) = (vec![0; n], vec![1; n]);
    for parties in PARTIES {
        assert_eq!(
            semi2k(parties, &case, &Zeros),
            [&ones, &ones, &ones, &zeros, &zeros].map(Clone::clone)
        );
    }
}

/// Rounding to nearest adds half a unit before it divides, so it is exact as long as that sum is below 2^62: up to the
/// last value that rounds into its format.
#[test]
fn nearest_is_exact_up_to_the_last_value_that_fits() {
    for shift in [1, 8, 9, 30, 60] {
        let half = 1i64 << (shift - 1);
        let top = (1i64 << 62) - 1 - half;
        let v = [
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
        let script = RescaleBy(Rescale {
            shift,
            mode: Truncation::Nearest,
            to: z64(60 - shift, 62 - shift),
        });
        for parties in [2, 3] {
            agree(parties, &case, &script, 1);
        }
    }
}

/// What one party of two says when it, or the other one, or the dealer, works on something else.
fn at_odds(
    demanded: &impl Script,
    dealt: &impl Script,
    run: &impl Script,
    case: &Case,
) -> Vec<Result<common::Outcome, Error>> {
    let outputs = common::specs(case, run);
    let [demanded, dealt] = [demand(2, case, demanded), demand(2, case, dealt)];
    run_in_memory(dealt::cast(2), &common::agreement(), |s| {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let demand = match s.me() {
            Peer::Dealer => &dealt,
            _ => &demanded,
        };
        dealt::peer(s, case, demand, &outputs, run, 1, &mut rng)
    })
}

#[test]
fn whoever_drifts_from_the_demand_is_named() {
    let case = Case::default()
        .input(&[1, 70], z64(8, 10), values(70, 10, 1))
        .input(&[1, 70], z64(8, 10), values(70, 10, 2));
    let named = |ends: Vec<Result<common::Outcome, Error>>, word: &str| {
        let said: Vec<String> = ends
            .into_iter()
            .map(|e| e.err().map_or(String::new(), |e| e.to_string()))
            .collect();
        assert!(said.iter().any(|s| s.contains(word)), "{said:?}");
    };
    // A party asks for what is not due.
    named(at_odds(&Gates, &Gates, &Relu, &case), "Relu");
    named(at_odds(&Bias, &Bias, &Relu, &case), "is for nothing");
    // The dealer deals something else than the parties wait for.
    named(at_odds(&Relu, &Gates, &Relu, &case), "the dealer");
}

#[test]
fn the_cast_and_the_ring_are_checked() {
    let case = Case::default().input(&[1, 2], z64(4, 10), vec![1, 2]);
    let right = demand(2, &case, &Relu);
    let said = |cast: Cast, demand: &Demand| -> String {
        let ends = run_in_memory(cast, &common::agreement(), |s| -> Result<(), Error> {
            if s.me() == Peer::party(0) {
                let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
                Semi2k::<u64>::new(s, Threads::new(1)?, demand, &mut rng)?;
                return Ok(());
            }
            // Nobody leaves before party 0 has said what is wrong.
            s.finish().map(drop)?;
            Ok(())
        });
        ends.into_iter().next().unwrap().unwrap_err().to_string()
    };
    let no_dealer = said(Cast::parties(2).with_client(), &right);
    assert!(no_dealer.contains("with a dealer"), "{no_dealer}");
    let three = said(dealt::cast(3), &right);
    assert!(three.contains("parties of a demand"), "{three}");
    let narrow = demand(2, &case.narrow().unwrap(), &Relu);
    let narrow = said(dealt::cast(2), &narrow);
    assert!(narrow.contains("2^32"), "{narrow}");
    let alone = said(dealt::cast(1), &right);
    assert!(alone.contains("of 1"), "{alone}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn convolutions(
        shape in shapes().prop_filter("kernel fits", |s| s.validate().is_ok()), parties in 2usize..=5,
        bias: bool, operands in 1usize..3, mode in modes(), shift in 0u32..14, seed: u32, threads in 1usize..3,
    ) {
        let case = conv_case(shape, bias, operands, seed.into());
        let script = Linear(Rescale { shift, mode, to: z64(14 - shift, 30 - shift) });
        agree(parties, &case, &script, threads);
    }

    #[test]
    fn max_pools(
        n in 1usize..3, c in 1usize..4, h in 1usize..9, w in 1usize..9, parties in 2usize..=4,
        kernel in [1usize..4, 1usize..4], stride in [1usize..4, 1usize..4], pads in [0usize..2, 0usize..2, 0usize..2, 0usize..2],
        ceil_mode: bool, seed: u32,
    ) {
        let padding = [pads[0].min(kernel[0] - 1), pads[1].min(kernel[1] - 1), pads[2].min(kernel[0] - 1), pads[3].min(kernel[1] - 1)];
        let pool = MaxPool { kernel, stride, padding, ceil_mode };
        prop_assume!(h + padding[0] + padding[2] >= kernel[0] && w + padding[1] + padding[3] >= kernel[1]);
        let script = Pool(pool, [h, w]);
        let case = Case::default().input(&[n, c, h, w], z64(3, 10), values(n * c * h * w, 10, seed.into()));
        let (got, narrow) = agree(parties, &case, &script, 1);
        prop_assert!(narrow);
        prop_assert_eq!(&got[0], &script.oracle(&case));
    }

    #[test]
    fn argmaxes(rows in 1usize..4, width in 1usize..20, range in 1u32..4, parties in 2usize..=4, seed: u32) {
        // Small ranges, so that there are ties.
        let v = values(rows * width, range, seed.into());
        let case = Case::default().input(&[rows, width], z64(3, range), v);
        prop_assert!(agree(parties, &case, &Argmax, 1).1);
    }

    #[test]
    fn relus(sizes in proptest::collection::vec((1usize..150, 1u32..=62), 1..4), parties in 2usize..=10, seed: u32) {
        let mut case = Case::default();
        for (i, (n, bound)) in sizes.iter().enumerate() {
            case = case.input(&[1, *n], z64(0, *bound), values(*n, *bound, u64::from(seed) + i as u64));
        }
        agree(parties, &case, &Relu, 1);
    }

    #[test]
    fn products_and_gates(n in 1usize..200, parties in 2usize..=10, seed: u32) {
        let input = |case: Case, seed| case.input(&[1, n], z64(8, 15), values(n, 15, seed));
        let case = input(input(Case::default(), seed.into()), u64::from(seed) + 1);
        agree(parties, &case, &Gates, 1);
    }

    /// Fully connected, on tensors of two dimensions.
    #[test]
    fn matrix_products(n in 1usize..4, k in 1usize..40, m in 1usize..20, parties in 2usize..=10, bias: bool, shift in 0u32..14, mode in modes(), seed: u32) {
        let seed = u64::from(seed);
        let b = if bias { values(m, 12, seed + 1) } else { vec![] };
        let case = Case::default()
            .weights(ConvShape::matmul(n, k, m), &[n, m], 6, values(m * k, 8, seed), b)
            .input(&[n, k], z64(8, 12), values(n * k, 12, seed + 2));
        let script = Linear(Rescale { shift, mode, to: z64(14 - shift, 40) });
        agree(parties, &case, &script, 1);
    }

    #[test]
    fn rescalings(n in 1usize..200, shift in 0u32..50, room in 1u32..12, parties in 2usize..=10, mode in modes(), seed: u32) {
        let bound = shift + room;
        // The result of nearest may reach 2^(bound - shift) itself, which the format excludes.
        let most = (1i64 << bound) - (1i64 << shift);
        let v: Vec<i64> = values(n, bound, seed.into()).iter().map(|v| (*v).clamp(-most, most)).collect();
        let case = Case::default().input(&[1, n], z64(60, bound), v);
        let script = RescaleBy(Rescale { shift, mode, to: z64(60 - shift, room) });
        agree(parties, &case, &script, 1);
    }
}
