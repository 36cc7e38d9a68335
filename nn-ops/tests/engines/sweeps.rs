//! Functions of every number of a domain with twelve fraction bits, from 2^-10 to 2^10, and exponentials: in the
//! oracle, and in the engines.
//!
//! Results are held to the larger of one unit and 2^-16 of the correctly rounded one, where numbers are below the
//! domain to what the function's page says.

use crate::common::{Case, plain, rep3, z64};
use crate::dealt::semi2k;
use crate::functions::{Function, Run};
use piquet_nn_ops::engine::Truncation;
use piquet_nn_ops::function::{Division, Exp, Log, Normal, Reciprocal, Rsqrt, Sqrt};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

const F: u32 = 12;
/// The domain is from `2^LOW` to `2^BOUND`, raw.
const LOW: u32 = 2;
const BOUND: u32 = 22;
/// Numbers of a run.
const CHUNK: usize = 1 << 16;
/// Of a numerator and of a quotient.
const NUMERATOR: u32 = 30;
const QUOTIENT: u32 = 26;

fn normal() -> Normal {
    Normal::new(z64(F, BOUND)).unwrap().above(LOW).unwrap()
}

/// Numerators for denominators, in turn: as large as the quotient's format allows, small, and others; of both signs.
fn numerators(ys: &[i64], turn: usize) -> Vec<i64> {
    let mut rng = ChaCha20Rng::seed_from_u64(turn as u64);
    let quotient = ((1i64 << QUOTIENT) - (1 << (QUOTIENT - 16)) - 2) >> F;
    let numerator = |(i, y): (usize, &i64)| {
        let largest = (y.max(&1) * quotient).min((1 << NUMERATOR) - 1);
        let sign = [1, -1][rng.next_u64() as usize & 1];
        let mut below = |n: i64| (rng.next_u64() % n as u64) as i64;
        sign * match (i + turn) % 5 {
            0 => largest,
            1 => below(largest + 1),
            2 => below(9).min(largest),
            3 => below(largest + 1) >> below(30),
            // A quotient next to a whole number.
            _ => (y.max(&1) * below(quotient) + below(3) - 1).clamp(0, largest),
        }
    };
    ys.iter().enumerate().map(numerator).collect()
}

/// A function of these numbers.
fn case(f: &Function, xs: Vec<i64>, turn: usize) -> Case {
    let from = f.from();
    match from.as_slice() {
        [x, y] => Case::default()
            .input(&[1, xs.len()], *x, numerators(&xs, turn))
            .input(&[1, xs.len()], *y, xs),
        _ => Case::default().input(&[1, xs.len()], from[0], xs),
    }
}

/// Every number of the domain, and some that are below.
fn numbers() -> Vec<i64> {
    let below = (-(1 << BOUND) + 1..1 << LOW).step_by(1021);
    below.chain(-1000..1 << BOUND).collect()
}

/// In the oracle, which rounds stochastic truncations down.
fn in_the_oracle(f: &Function) {
    for (turn, xs) in numbers().chunks(CHUNK).enumerate() {
        let modes = [Truncation::Stochastic, Truncation::Nearest];
        for (i, mode) in modes.into_iter().enumerate() {
            let case = case(f, xs.to_vec(), turn + i);
            let got = plain(&case, &Run(f.clone(), mode)).unwrap();
            f.hold(&case, &got[0], 16);
        }
    }
}

type Engine = fn(&Case, &Run) -> Vec<Vec<i64>>;
/// Both engines.
const ENGINES: [Engine; 2] = [three, two];

fn three(case: &Case, run: &Run) -> Vec<Vec<i64>> {
    rep3(case, run)
}
fn two(case: &Case, run: &Run) -> Vec<Vec<i64>> {
    semi2k(2, case, run)
}

/// In both engines.
fn in_the_engines(f: &Function) {
    let all = numbers();
    for (i, engine) in ENGINES.into_iter().enumerate() {
        for (turn, xs) in all.chunks(CHUNK).enumerate() {
            let case = case(f, xs.to_vec(), turn + 2 * i);
            let got = engine(&case, &Run(f.clone(), Truncation::Stochastic));
            f.hold(&case, &got[0], 16);
        }
        // Where rounding is deterministic, exactly what the oracle says.
        let few = all.iter().step_by(1021).copied();
        let case = case(f, few.chain(-9..1 << 9).collect(), i);
        for mode in [Truncation::Exact, Truncation::Nearest] {
            let run = Run(f.clone(), mode);
            assert_eq!(engine(&case, &run), plain(&case, &run).unwrap());
        }
    }
}

fn rsqrt() -> Function {
    Function::Rsqrt(Rsqrt::with(normal(), z64(F, 19), 16).unwrap())
}
fn sqrt() -> Function {
    Function::Sqrt(Sqrt::new(z64(F, BOUND), z64(F, 18)).unwrap())
}
fn reciprocal() -> Function {
    Function::Reciprocal(Reciprocal::with(normal(), z64(F, 23), 16).unwrap())
}
fn log() -> Function {
    Function::Log(Log::with(normal(), z64(F, 16)).unwrap())
}
fn division() -> Function {
    let f = Division::with(z64(F, NUMERATOR), normal(), z64(F, QUOTIENT), 16);
    Function::Division(f.unwrap())
}

#[test]
fn every_reciprocal_root() {
    in_the_oracle(&rsqrt());
    in_the_engines(&rsqrt());
}

#[test]
fn every_root() {
    in_the_oracle(&sqrt());
    in_the_engines(&sqrt());
}

#[test]
fn every_reciprocal() {
    in_the_oracle(&reciprocal());
    in_the_engines(&reciprocal());
}

#[test]
fn every_logarithm() {
    in_the_oracle(&log());
    in_the_engines(&log());
}

#[test]
fn every_denominator() {
    in_the_oracle(&division());
    in_the_engines(&division());
}

/// Every numerator of a range, by denominators small and large.
#[test]
fn every_numerator_of_a_range() {
    let f = division();
    let unit = 1i64 << F;
    let ys = [4, 5, 1023, unit - 1, unit, 3 * unit + 1, (1 << BOUND) - 1];
    for (i, y) in ys.into_iter().enumerate() {
        let reach = (y << 13).min(1 << 17);
        let xs: Vec<i64> = (-reach..=reach).collect();
        let [x, from] = [0, 1].map(|i| f.from()[i]);
        let n = xs.len();
        let case = Case::default()
            .input(&[1, n], x, xs)
            .input(&[1, n], from, vec![y; n]);
        let mode = [Truncation::Nearest, Truncation::Stochastic][i % 2];
        let run = Run(f.clone(), mode);
        let engine = ENGINES[i / 2 % 2];
        let got = [plain(&case, &run).unwrap(), engine(&case, &run)];
        for got in got {
            f.hold(&case, &got[0], 16);
        }
    }
}

/// Exponentials of these numbers, as several tensors that are no whole number of pieces.
fn exponentials(f: &Exp, xs: &[i64]) {
    let (first, rest) = xs.split_at(33_001);
    let (second, rest) = rest.split_at(7);
    let (third, rest) = rest.split_at(32_771);
    let parts = [first, second, third, rest];
    let case = parts.iter().fold(Case::default(), |c, xs| {
        c.input(&[1, xs.len()], f.from(), xs.to_vec())
    });
    let whole = Case::default().input(&[1, xs.len()], f.from(), xs.to_vec());
    let mut run = Run(Function::Exp(f.clone()), Truncation::Stochastic);
    for engine in ENGINES {
        run.0.hold(&whole, &engine(&case, &run).concat(), 16);
    }
    for mode in [Truncation::Stochastic, Truncation::Nearest] {
        run.1 = mode;
        run.0
            .hold(&whole, &plain(&case, &run).unwrap().concat(), 16);
    }
}

/// Every argument below 32, beyond both ends of the domain.
#[test]
fn every_exponential() {
    let (from, to) = (z64(F, F + 5), z64(F, 30));
    let xs: Vec<i64> = (-(1 << (F + 5)) + 1..1 << (F + 5)).collect();
    exponentials(&Exp::natural(from, to).unwrap(), &xs);
    exponentials(&Exp::base2(from, to).unwrap(), &xs);
}

/// With more fraction bits, a hundred thousand arguments evenly, and all that are near the ends of the domain and of
/// the format.
#[test]
fn many_exponentials() {
    for (frac, whole, to) in [(16, 5, 30), (16, 14, 40), (20, 5, 36), (20, 10, 34)] {
        let (from, to) = (z64(frac, frac + whole), z64(frac, to));
        for f in [Exp::natural(from, to), Exp::base2(from, to)] {
            let f = f.unwrap();
            let [low, high] = f.domain().map(|x| from.encode(x));
            let all = (1i64 << from.bound()) - 1;
            let evenly = (low..=high).step_by(((high - low) / 99_991) as usize);
            let ends = [low, high, 0, all, -all].into_iter();
            let near = ends.flat_map(|end| end - 200..=end + 200);
            let xs = evenly
                .chain(near.filter(|x| x.abs() <= all))
                .collect::<Vec<_>>();
            exponentials(&f, &xs);
        }
    }
}
