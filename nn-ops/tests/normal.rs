//! Reciprocals, roots, logarithms and quotients in the engines, and what they cost there.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "common/semi2k.rs"]
mod semi2k;

use common::{Case, Script, plain, rep3, walk, z64};
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{LinearOp, Truncation};
use piquet_nn_ops::function::{Division, Log, Normal, Reciprocal, Rsqrt, Sqrt};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::rep3::Rep3Cost;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use semi2k::semi2k;

/// A function of the first input, or of both.
enum Function {
    Reciprocal(Reciprocal),
    Rsqrt(Rsqrt),
    Sqrt(Sqrt),
    Log(Log),
    Division(Division),
}

struct Run(Function, Truncation);
impl Script for Run {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let mode = self.1;
        match &self.0 {
            Function::Reciprocal(f) => e.reciprocal(&[&x[0]], f, mode),
            Function::Rsqrt(f) => e.rsqrt(&[&x[0]], f, mode),
            Function::Sqrt(f) => e.sqrt(&[&x[0]], f, mode),
            Function::Log(f) => e.log(&[&x[0]], f, mode),
            Function::Division(f) => Ok(vec![e.divide(&x[0], &x[1], f, mode)?]),
        }
    }
}

impl Function {
    /// The real function.
    fn exact(&self, x: f64, y: f64) -> f64 {
        match self {
            Self::Reciprocal(_) => 1.0 / x,
            Self::Rsqrt(_) => 1.0 / x.sqrt(),
            Self::Sqrt(_) => x.sqrt(),
            Self::Log(_) => x.ln(),
            Self::Division(_) => x / y,
        }
    }
}

const F: u32 = 16;

/// Positive numbers of all sizes.
fn numbers(low: u32, bound: u32, each: usize, rng: &mut ChaCha20Rng) -> Vec<i64> {
    (low..bound)
        .flat_map(|e| (0..each).map(move |i| (e, i)))
        .map(|(e, i)| match i {
            0 => 1 << e,
            1 => (2 << e) - 1,
            _ => (1 << e) + (rng.next_u64() % (1 << e)) as i64,
        })
        .collect()
}

/// All functions, over domains that are narrow and wide, with and without what is outside.
fn all() -> Vec<(Function, Case)> {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let mut all = Vec::new();
    for (low, bound) in [(6, 26), (6, 40)] {
        let from = z64(F, bound);
        let to = z64(F, 40);
        let normal = Normal::new(from).unwrap().above(low).unwrap();
        let inside = numbers(low, bound, 60, &mut rng);
        let outside = [0, -1, 1, (1 << low) - 1, -(1 << (bound - 1)), -77777];
        let any: Vec<i64> = inside.iter().copied().chain(outside).collect();
        let both: Vec<i64> = any.iter().map(|x| x * [1, -1][(x & 1) as usize]).collect();
        let one = |v: &Vec<i64>| Case::default().input(&[1, v.len()], from, v.clone());
        let precise = Rsqrt::with(normal.declared(), z64(22, 36), 20).unwrap();
        let signed = Reciprocal::with(normal.signed(), to, 16).unwrap();
        let functions = [
            (Function::Rsqrt(Rsqrt::with(normal, to, 16).unwrap()), &any),
            (Function::Rsqrt(precise), &inside),
            (
                Function::Reciprocal(Reciprocal::with(normal, to, 16).unwrap()),
                &any,
            ),
            (Function::Reciprocal(signed), &both),
            (Function::Sqrt(Sqrt::new(from, to).unwrap()), &any),
            (Function::Log(Log::new(from, to).unwrap()), &any),
        ];
        all.extend(functions.map(|(f, v)| (f, one(v))));
        let division = Division::with(from, normal, z64(F, 36), 16).unwrap();
        let x: Vec<i64> = inside
            .iter()
            .map(|y| (rng.next_u64() % *y as u64) as i64 - y / 2)
            .collect();
        let case = one(&x).input(&[1, x.len()], from, inside);
        all.push((Function::Division(division), case));
    }
    all
}

/// Within a unit or 2^-16 of the correctly rounded value where the function has one, and so no more than twice that
/// from the oracle's everywhere.
fn near(f: &Function, case: &Case, got: &[i64], oracle: &[i64]) {
    let frac = match f {
        Function::Rsqrt(f) => f.to().frac(),
        _ => F,
    };
    let (from, to) = (f64::from(F).exp2(), f64::from(frac).exp2());
    let xs = &case.inputs[0].1;
    let low = match f {
        Function::Sqrt(_) | Function::Log(_) => 1,
        Function::Division(_) => i64::MIN,
        _ => 1 << 6,
    };
    for (i, (x, got)) in xs.iter().zip(got).enumerate() {
        let y = case.inputs.get(1).map_or(1, |(_, y)| y[i]);
        let off = |want: f64, times: f64| {
            (*got as f64 - want).abs() <= times * (want.abs() / 65536.0).max(1.0)
        };
        if *x >= low {
            let want = (f.exact(*x as f64 / from, y as f64 / from) * to).round_ties_even();
            assert!(off(want, 1.0), "{x} {y}: {got} for {want}");
        }
        assert!(
            off(oracle[i] as f64, 2.0),
            "{x} {y}: {got} for {}",
            oracle[i]
        );
    }
}

#[test]
fn three_parties_agree_with_the_oracle() {
    for (f, case) in all() {
        let mut script = Run(f, Truncation::Stochastic);
        for mode in [
            Truncation::Stochastic,
            Truncation::Nearest,
            Truncation::Exact,
        ] {
            script.1 = mode;
            let want = plain(&case, &script).unwrap();
            let got = rep3(&case, &script);
            if mode != Truncation::Stochastic {
                assert_eq!(got, want);
            }
            near(&script.0, &case, &got[0], &want[0]);
        }
    }
}

#[test]
fn parties_with_a_dealer_agree_with_the_oracle() {
    for (f, case) in all() {
        let mut script = Run(f, Truncation::Stochastic);
        for mode in [Truncation::Stochastic, Truncation::Nearest] {
            script.1 = mode;
            let want = plain(&case, &script).unwrap();
            let got = semi2k(2, &case, &script);
            if mode != Truncation::Stochastic {
                assert_eq!(got, want);
            }
            near(&script.0, &case, &got[0], &want[0]);
        }
    }
}

/// The bits of the first input, and the places of the highest ones.
struct Places(core::ops::Range<u32>);
impl Script for Places {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let bits = e.bits(&[&x[0]], self.0.clone())?;
        e.most_significant_one(&bits[0])?;
        Ok(Vec::new())
    }
}

/// Bytes per element over all parties in rep3, and rounds.
fn cost(case: &Case, script: &impl Script) -> (f64, u32) {
    let cost = walk(Rep3Cost::new(64), case, script);
    let rows = cost.plan().rows();
    let row = rows
        .iter()
        .find(|r| r.name == "script" && r.phase == Phase::Online)
        .unwrap();
    (row.bytes as f64 / case.inputs[0].0.len() as f64, row.rounds)
}

/// What the pages of the functions say they cost.
#[test]
fn bytes_and_rounds_of_the_pages() {
    let n = 100_000;
    let from = z64(F, 26);
    let normal = Normal::new(from).unwrap().above(6).unwrap();
    let case = Case::default()
        .input(&[1, n], from, vec![1; n])
        .input(&[1, n], from, vec![1; n]);
    let (bytes, rounds) = cost(&case, &Places(6..27));
    assert!(bytes <= 46.0 && rounds <= 9);
    let to = z64(F, 40);
    let rsqrt = |normal| Function::Rsqrt(Rsqrt::with(normal, to, 16).unwrap());
    let reciprocal = |normal| Function::Reciprocal(Reciprocal::with(normal, to, 16).unwrap());
    let division = Division::with(from, normal, z64(F, 36), 16).unwrap();
    let all = [
        (rsqrt(normal), 422.0, 19),
        (rsqrt(normal.declared()), 395.0, 19),
        (reciprocal(normal), 350.0, 20),
        (reciprocal(normal.signed()), 399.0, 21),
        (Function::Sqrt(Sqrt::new(from, to).unwrap()), 430.0, 21),
        (Function::Log(Log::new(from, to).unwrap()), 354.0, 19),
        (Function::Division(division), 361.0, 22),
    ];
    for (f, bytes, rounds) in all {
        let got = cost(&case, &Run(f, Truncation::Stochastic));
        assert!(got.0 <= bytes && got.0 > bytes - 2.0, "{got:?} {bytes}");
        assert_eq!(got.1, rounds);
    }
}
