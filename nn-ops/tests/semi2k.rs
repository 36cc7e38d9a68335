//! Every operation of `semi2k` against the oracle, its ledger against the plan, for several numbers of parties.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "common/everything.rs"]
mod everything;
#[path = "common/scripts.rs"]
mod scripts;
#[path = "common/semi2k.rs"]
mod semi2k;

use common::{Case, plain, values, z64};
use piquet_nn_ops::engine::{Rescale, Truncation};

use proptest::prelude::*;
use scripts::*;
use semi2k::{agree, demand, semi2k};

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
}
