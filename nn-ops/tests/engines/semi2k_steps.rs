//! The steps that functions are made of, in `semi2k`, against the oracle, and its ledger against the plan.

use crate::common::{Case, Outcome, Script, agreement, fit, peer, plain, values, z64};
use crate::dealt;
use crate::dealt::{agree, semi2k};
use crate::scripts::*;
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{Dot, LinearOp, MatMul, Rescale, Truncation, Weighed};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::model::Format;
use piquet_nn_ops::rep3::Rep3Cost;
use piquet_nn_ops::session::run_in_memory;
use piquet_nn_ops::transport::Cast;
use piquet_nn_ops::walk::Walk;
use proptest::prelude::*;

const SIZES: [usize; 6] = [1, 63, 64, 65, 1000, 40000];

/// Deterministic roundings agree with the oracle; the others are a unit above it at the most.
fn rounded(parties: usize, case: &Case, mode: Truncation, script: &impl Script) {
    match mode {
        Truncation::Exact | Truncation::Nearest => {
            agree(parties, case, script, 1);
        }
        Truncation::Stochastic | Truncation::Local => {
            let (got, want) = (semi2k(parties, case, script), plain(case, script).unwrap());
            for (g, w) in got.iter().flatten().zip(want.iter().flatten()) {
                let low = if mode == Truncation::Local { -1 } else { 0 };
                assert!((low..=1).contains(&(g - w)), "{g} {w}");
            }
        }
    }
}

/// All roundings, and a step that is not rescaled at all.
fn roundings() -> impl Iterator<Item = (Truncation, u32)> {
    let all = Truncation::ALL.into_iter().map(|(_, mode)| (mode, 9));
    all.chain([(Truncation::Exact, 0), (Truncation::Nearest, 17)])
}

/// Sums of different lengths in one step, squares among them, and elementwise products.
struct Uneven(Rescale);
impl Script for Uneven {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let r = fit(self.0, e.spec(&x[0]))?;
        let products = [
            vec![(&x[2], &x[2])],
            vec![(&x[0], &x[1])],
            vec![(&x[0], &x[0]), (&x[2], &x[0])],
        ];
        let sums = products.map(|products| Dot {
            products,
            plus: None,
        });
        let (last, first) = (&sums[2..], &sums[..2]);
        let mut out = match e.spec(&x[2]).shape == e.spec(&x[0]).shape {
            true => e.dot(last, r)?,
            false => e.dot(first, r)?,
        };
        out.extend(e.mul(&[(&x[2], &x[2]), (&x[0], &x[1]), (&x[1], &x[1])], r)?);
        Ok(out)
    }
}

#[test]
fn sums_of_products() {
    for n in SIZES {
        let case = Case::default()
            .input(&[1, n], z64(8, 12), values(n, 12, 1))
            .input(&[1, n], z64(8, 12), values(n, 12, 2))
            .input(&[1, n], z64(8, 12), values(n, 12, 3))
            .input(&[1, n], z64(16, 25), values(n, 25, 4));
        let uneven = Case::default()
            .input(&[1, n], z64(8, 12), values(n, 12, 1))
            .input(&[1, n], z64(8, 12), values(n, 12, 2))
            .input(&[1, 7], z64(8, 12), values(7, 12, 3));
        for (mode, shift) in roundings() {
            let shift = shift.min(16);
            let to = z64(16 - shift, 28 - shift);
            let r = Rescale { shift, mode, to };
            for parties in [2, 3] {
                if (parties == 2 || mode != Truncation::Local) && (n < 40000 || shift == 9) {
                    rounded(parties, &case, mode, &Dots(r));
                    rounded(parties, &uneven, mode, &Uneven(r));
                }
            }
        }
    }
}

#[test]
fn products_of_matrices() {
    for (batch, rows, inner, columns) in [
        (1, 1, 1, 1),
        (3, 5, 7, 11),
        (2, 16, 33, 1),
        (2, 1, 33, 16),
        (4, 1, 65, 1),
        (1, 190, 3, 220),
        (2, 65, 64, 63),
    ] {
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
                .input(&[1, left], z64(8, 12), values(left, 12, 1))
                .input(&[1, right], z64(8, 9), values(right, 9, 2))
                .input(&[1, left], z64(8, 12), values(left, 12, 3));
            for (mode, shift) in roundings() {
                let (shift, to) = (shift.min(16), z64(16 - shift.min(16), 29 - shift.min(16)));
                let script = Matrices(op, Rescale { shift, mode, to });
                for parties in [2, 3] {
                    if parties == 2 || mode != Truncation::Local {
                        rounded(parties, &case, mode, &script);
                    }
                }
            }
        }
    }
}

#[test]
fn inner_products_of_rows() {
    for (rows, of) in [(1, 1), (3, 70), (70, 3), (1, 1000), (64, 64), (400, 100)] {
        let n = rows * of;
        let case = Case::default()
            .input(&[rows, of], z64(8, 9), values(n, 9, 1))
            .input(&[rows, of], z64(8, 9), values(n, 9, 2));
        for (mode, shift) in roundings() {
            let (shift, to) = (shift.min(16), z64(16 - shift.min(16), 29 - shift.min(16)));
            rounded(2, &case, mode, &Rows(of, Rescale { shift, mode, to }));
        }
    }
}

#[test]
fn weighed_bits() {
    for n in SIZES {
        let case = Case::default()
            .input(&[1, n], z64(0, 20), values(n, 20, 1))
            .input(&[1, 70], z64(0, 20), values(70, 20, 2));
        for (parties, range) in [(2, 0..1), (3, 3..20), (2, 0..21)] {
            if n < 40000 || range.len() == 1 {
                agree(parties, &case, &Weighs(range), 1);
            }
        }
    }
}

#[test]
fn conjunctions_share_messages() {
    for n in SIZES {
        let case = Case::default()
            .input(&[1, n], z64(0, 5), values(n, 5, 1))
            .input(&[1, n], z64(0, 5), values(n, 5, 2))
            .input(&[1, 7], z64(0, 5), values(7, 5, 3))
            .input(&[1, n], z64(0, 5), values(n, 5, 4));
        for parties in [2, 3] {
            agree(parties, &case, &Ands, 1);
        }
    }
}

#[test]
fn bits_of_values() {
    for n in SIZES {
        let case = Case::default()
            .input(&[1, n], z64(0, 20), values(n, 20, 1))
            .input(&[1, 3], z64(0, 21), values(3, 21, 2));
        for (parties, range) in [(2, 0..21), (3, 5..17), (2, 20..21), (3, 0..1)] {
            if n < 40000 || range.len() == 21 {
                agree(parties, &case, &BitsOf(range), 1);
            }
        }
    }
}

/// Every window, at the ends of its range and around zero, whole and in part.
#[test]
fn bits_are_exact_at_the_edges_of_every_window() {
    for bound in 1..=62u32 {
        let top = (1i64 << bound) - 1;
        let half = 1i64 << (bound - 1);
        let v: Vec<i64> = [
            0,
            1,
            -1,
            top,
            -top,
            1 - top,
            half,
            -half,
            half - 1,
            1 - half,
        ]
        .into_iter()
        .chain(values(60, bound, bound.into()))
        .filter(|v| v.abs() <= top)
        .collect();
        let case = Case::default().input(&[1, v.len()], z64(0, bound), v.clone());
        for (parties, range) in [
            (2, 0..bound + 1),
            (3, bound / 2..bound + 1),
            (2, bound / 3..bound),
        ] {
            if range.is_empty() {
                continue;
            }
            let (got, _) = agree(parties, &case, &BitsOf(range.clone()), 1);
            for (place, got) in range.zip(&got) {
                let want: Vec<i64> = v.iter().map(|v| (v >> place) & 1).collect();
                assert_eq!(*got, want, "bit {place} of {bound}");
            }
        }
    }
}

/// Square matrices, through one step after the other: what to do, and with which of the values so far.
struct Walked(Vec<(u8, usize, usize)>, Truncation);

impl Walked {
    /// One step; all values keep 8 fraction bits and |raw| < 2^12.
    fn step<E: Layers>(
        &self,
        e: &mut E,
        op: u8,
        a: &E::Arith,
        b: &E::Arith,
    ) -> Result<Vec<E::Arith>, Error> {
        let spec = e.spec(a).clone();
        let value = spec.format;
        let to = Format::new(value.width(), 0, 11)?;
        let (shift, mode) = (16, self.1);
        let r = Rescale { shift, mode, to };
        let side = spec.shape.channels();
        let small = match op {
            0 => {
                let sum = |products| Dot {
                    products,
                    plus: None,
                };
                e.dot(&[sum(vec![(a, b), (a, a)]), sum(vec![(b, b)])], r)?
            }
            1 => e.mul(&[(a, b), (b, b)], r)?,
            2 | 3 => {
                let op = MatMul {
                    batch: 1,
                    rows: side,
                    inner: side,
                    columns: side,
                    transposed: op == 2,
                };
                e.matmul(&[(a, b), (b, a), (a, a)], &op, r)?
            }
            4 => {
                let bits = e.bits(&[a, b], 2..13)?;
                let pairs: Vec<_> = bits[0].iter().zip(&bits[1]).collect();
                let both = e.and(&pairs)?;
                let both: Vec<_> = both.iter().collect();
                let factors = [values(11, 8, 1), values(11, 4, 2)];
                let sums = factors.each_ref().map(|factors| Weighed {
                    factors,
                    format: value,
                });
                return Ok(e.weigh(&[(&both[..], &spec.shape)], &sums)?.remove(0));
            }
            _ => {
                let signs = e.non_negative(&[a, b])?;
                return e.select(&[(&signs[0], b), (&signs[1], a)]);
            }
        };
        small
            .iter()
            .map(|x| {
                let x = e.mul_public(x, &[1], 8)?;
                e.declare(x, value)
            })
            .collect()
    }
}

impl Script for Walked {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let mut own = Vec::new();
        for (op, i, j) in &self.0 {
            let all: Vec<_> = x.iter().chain(&own).collect();
            let (a, b) = (all[i % all.len()], all[j % all.len()]);
            let next = self.step(e, *op, a, b)?;
            own.extend(next);
        }
        Ok(own)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn sequences_of_steps(
        steps in proptest::collection::vec((0u8..6, 0usize..20, 0usize..20), 1..6), side in 1usize..=8,
        parties in 2usize..=4, mode in modes(), seed: u32,
    ) {
        let n = side * side;
        let input = |case: Case, i| {
            case.input(&[side, side], z64(8, 12), values(n, 12, u64::from(seed) + i))
        };
        let case = input(input(Case::default(), 0), 1);
        agree(parties, &case, &Walked(steps, mode), 1);
    }
}

/// Steps whose operands do not fit together, after one that is well.
#[derive(Clone, Copy, Debug)]
enum Malformed {
    None,
    Xor,
    And,
    Select,
    Integers,
    Planes,
    Factors,
    Factor,
    Sides,
    Shift,
    Places,
    Combine,
}

impl Script for Malformed {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let (long, short) = (e.spec(&x[0]).shape.clone(), e.spec(&x[1]).shape.clone());
        let signs = e.non_negative(&[&x[0], &x[1]])?;
        let [a, b] = [&signs[0], &signs[1]];
        let sum = |factors| Weighed {
            factors,
            format: z64(0, 4),
        };
        match self {
            Self::None => {}
            Self::Xor => e.xor(a, b).map(drop)?,
            Self::And => e.and(&[(a, b)]).map(drop)?,
            Self::Select => e.select(&[(b, &x[0])]).map(drop)?,
            Self::Integers => e.to_arith(&[(a, &short)], z64(0, 1)).map(drop)?,
            Self::Planes => e.weigh(&[(&[a, b], &long)], &[sum(&[1, 2])]).map(drop)?,
            Self::Factors => e.weigh(&[(&[a], &long)], &[sum(&[1, 2])]).map(drop)?,
            Self::Factor => e.weigh(&[(&[a], &long)], &[sum(&[-17])]).map(drop)?,
            Self::Sides => {
                let half = 1 << (usize::BITS / 2);
                let op = MatMul {
                    batch: half,
                    rows: half,
                    inner: half,
                    columns: half,
                    transposed: false,
                };
                let r = Rescale {
                    shift: 0,
                    mode: Truncation::Exact,
                    to: z64(16, 20),
                };
                assert!(op.macs() > 0 && op.lens().iter().all(|n| *n > 0));
                e.matmul(&[(&x[0], &x[0])], &op, r).map(drop)?;
            }
            Self::Shift => {
                let r = Rescale {
                    shift: u32::MAX,
                    mode: Truncation::Exact,
                    to: z64(16, 20),
                };
                e.mul(&[(&x[0], &x[0])], r).map(drop)?;
            }
            Self::Places => e.bits(&[&x[0]], 3..14).map(drop)?,
            Self::Combine => {
                let terms = [(&x[0], 1), (&x[1], 2)];
                e.combine(&terms, 0, z64(8, 20)).map(drop)?;
            }
        }
        Ok(Vec::new())
    }
}

#[test]
fn operands_that_do_not_fit_are_refused_by_every_interpreter() {
    let case = Case::default()
        .input(&[1, 4], z64(8, 12), vec![1, -2, 3, -4])
        .input(&[1, 3], z64(8, 12), vec![1, 2, 3]);
    for script in [
        Malformed::Xor,
        Malformed::And,
        Malformed::Select,
        Malformed::Integers,
        Malformed::Planes,
        Malformed::Factors,
        Malformed::Factor,
        Malformed::Sides,
        Malformed::Shift,
        Malformed::Places,
        Malformed::Combine,
    ] {
        let typed = |e: &Error| {
            matches!(
                e,
                Error::Length { .. }
                    | Error::Range { .. }
                    | Error::Rescale { .. }
                    | Error::ShapeMismatch { .. }
                    | Error::Share(_)
                    | Error::Model(_)
            )
        };
        assert!(typed(&plain(&case, &script).unwrap_err()), "{script:?}");
        let inputs: Vec<_> = case.inputs.iter().map(|(s, _)| s.clone()).collect();
        let shapes = script.run(&mut Walk::new(Rep3Cost::new(64)), &[], &inputs);
        assert!(typed(&shapes.unwrap_err()), "{script:?}");
        // Who is still at the step before hears of those who gave up.
        let refused = |ends: Vec<Result<Outcome, Error>>, parties: usize| {
            let ends = ends.into_iter().take(parties);
            let errors: Vec<Error> = ends.map(|end| end.err().unwrap()).collect();
            assert!(errors.iter().any(typed), "{script:?}: {errors:?}");
            let known = |e: &Error| typed(e) || matches!(e, Error::Net(_));
            assert!(errors.iter().all(known), "{script:?}: {errors:?}");
        };
        let cast = Cast::parties(3).with_client();
        let ends = run_in_memory(cast, &agreement(), |s| peer(s, &case, &[], &script, 1));
        refused(ends, 3);
        let demand = dealt::demand(2, &case, &Malformed::None);
        let ends = run_in_memory(dealt::cast(2), &agreement(), |s| {
            let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
            dealt::peer(s, &case, &demand, &[], &script, 1, &mut rng)
        });
        refused(ends, 2);
    }
}
