//! Reciprocals, roots, logarithms and quotients in the engines, with 12, 16 and 20 fraction bits, and what they cost
//! there.

use crate::common::{Case, Script, plain, rep3, walk, z64};
use crate::dealt::semi2k;
use crate::functions::{Function, Run};
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{LinearOp, Truncation};
use piquet_nn_ops::function::{Division, Log, Normal, Reciprocal, Rsqrt, Sqrt};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::ledger::Phase;
use piquet_nn_ops::rep3::Rep3Cost;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Numbers of each power of two, both ends among them.
const EACH: usize = 500;

/// Numbers from `2^low` to `2^bound` - 1: of each power of two both ends and others, or all where there are few.
fn numbers(low: u32, bound: u32, rng: &mut ChaCha20Rng) -> Vec<i64> {
    let mut all = Vec::new();
    for e in low..bound {
        let size = 1usize << e;
        if size <= EACH {
            all.extend(size as i64..2 * size as i64);
            continue;
        }
        all.extend([1 << e, (2 << e) - 1]);
        all.extend((2..EACH).map(|_| (1 << e) + (rng.next_u64() % (1 << e)) as i64));
    }
    all
}

/// Numerators for denominators, of all sizes for which quotients are below `2^to`, and of both signs.
fn numerators(ys: &[i64], frac: u32, bound: u32, to: u32, rng: &mut ChaCha20Rng) -> Vec<i64> {
    let most = (1i64 << to) - (1 << (to - 16)) - 2;
    let quotients = ys.iter().map(|y| (most >> frac) * y.abs().max(1));
    quotients
        .map(|q| {
            let largest = q.min((1 << bound) - 1);
            let x = match rng.next_u64() % 4 {
                0 => largest,
                _ => {
                    (rng.next_u64() % (largest as u64 + 1)) as i64
                        >> (rng.next_u64() % u64::from(bound))
                }
            };
            x * [1, -1][rng.next_u64() as usize & 1]
        })
        .collect()
}

/// All functions with f fraction bits, over domains that are narrow and wide, of one sign and of both, with what is
/// below where they do not declare that nothing is; and to how many bits they are asked for.
fn all(f: u32) -> Vec<(Function, Case, u32)> {
    let mut rng = ChaCha20Rng::seed_from_u64(u64::from(f));
    let mut all = Vec::new();
    for (low, bound) in [(f - 10, f + 10), (0, 40)] {
        let from = z64(f, bound);
        let any = Normal::new(from).unwrap().above(low).unwrap();
        let inside = numbers(low, bound, &mut rng);
        let outside = [
            0,
            -1,
            1,
            (1 << low) - 1,
            -(1 << low),
            -(1 << (bound - 1)),
            -7777,
        ];
        let one = |v: &[i64]| Case::default().input(&[1, v.len()], from, v.to_vec());
        for (declared, signed) in [(false, false), (true, false), (false, true), (true, true)] {
            let normal = if declared { any.declared() } else { any };
            let normal = if signed { normal.signed() } else { normal };
            let mut xs = inside.clone();
            if !declared {
                xs.extend(outside);
            }
            if signed {
                xs = xs
                    .iter()
                    .map(|x| x * [1, -1][rng.next_u64() as usize & 1])
                    .collect();
            }
            let reciprocal = Reciprocal::with(normal, z64(f, 2 * f - low + 1), 16).unwrap();
            all.push((Function::Reciprocal(reciprocal), one(&xs), 16));
            let to = 34;
            let division = Division::with(from, normal, z64(f, to), 16).unwrap();
            let case = Case::default()
                .input(
                    &[1, xs.len()],
                    from,
                    numerators(&xs, f, bound, to, &mut rng),
                )
                .input(&[1, xs.len()], from, xs.clone());
            all.push((Function::Division(division), case, 16));
            if !signed {
                let rsqrt = Rsqrt::with(normal, z64(f, 40), 16).unwrap();
                all.push((Function::Rsqrt(rsqrt), one(&xs), 16));
                let log = Log::with(normal, z64(f, 30)).unwrap();
                all.push((Function::Log(log), one(&xs), 16));
            }
            if !signed && !declared {
                let sqrt = Sqrt::new(from, z64(f, 40)).unwrap();
                let all_numbers: Vec<i64> = (1..1 << low).step_by(7).chain(xs).collect();
                all.push((Function::Sqrt(sqrt), one(&all_numbers), 16));
                let precise = any.above(low.max(6)).unwrap().declared();
                let precise = Rsqrt::with(precise, z64(22, 40), 20).unwrap();
                let xs: Vec<i64> = inside.iter().copied().filter(|x| *x >= 64).collect();
                all.push((Function::Rsqrt(precise), one(&xs), 20));
            }
        }
    }
    all
}

/// Some of the elements.
fn thinned(case: &Case, every: usize) -> Case {
    case.inputs.iter().fold(Case::default(), |c, (spec, v)| {
        let v: Vec<i64> = v.iter().rev().step_by(every).copied().collect();
        c.input(&[1, v.len()], spec.format, v)
    })
}

/// Results within a unit or 2^-16 of the correctly rounded ones, below the domain of what the page says; where
/// rounding is deterministic, those of the oracle.
fn agrees(engine: fn(&Case, &Run) -> Vec<Vec<i64>>) {
    for f in [12, 16, 20] {
        for (function, case, bits) in all(f) {
            let mut run = Run(function, Truncation::Stochastic);
            run.0.hold(&case, &engine(&case, &run)[0], bits);
            let case = thinned(&case, 11);
            for mode in [Truncation::Nearest, Truncation::Exact] {
                run.1 = mode;
                let got = engine(&case, &run);
                assert_eq!(got, plain(&case, &run).unwrap());
                run.0.hold(&case, &got[0], bits);
            }
        }
    }
}

#[test]
fn three_parties_are_as_close_as_stated() {
    agrees(rep3);
}

#[test]
fn parties_with_a_dealer_are_as_close_as_stated() {
    agrees(|case, run| semi2k(2, case, run));
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
    const F: u32 = 16;
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
