//! Sigmoid, tanh, both kinds of GeLU, and SiLU among parties: within two units of the correctly rounded values over
//! the whole domain, the oracle's results where rounding is deterministic, and the costs that their pages give.

use crate::common;
use crate::common::{Case, Script, z64};
use crate::dealt;
use piquet_nn_ops::Error;
use piquet_nn_ops::engine::{LinearOp, Truncation};
use piquet_nn_ops::function::{Piecewise, real};
use piquet_nn_ops::layer::Layers;
use piquet_nn_ops::model::Format;

struct Function(Piecewise, Truncation);

impl Script for Function {
    fn run<E: Layers>(
        &self,
        e: &mut E,
        _: &[(LinearOp, E::Weights)],
        x: &[E::Arith],
    ) -> Result<Vec<E::Arith>, Error> {
        let refs: Vec<_> = x.iter().collect();
        e.piecewise(&refs, &self.0, self.1)
    }
}

type Make = fn(Format, Format) -> Result<Piecewise, Error>;
type Real = fn(f64) -> f64;

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn gelu_tanh(x: f64) -> f64 {
    let y = (2.0 / core::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
    // x (1 + tanh y) / 2, also where that cancels.
    x * sigmoid(2.0 * y)
}

const ALL: [(&str, Make, Real); 5] = [
    ("sigmoid", Piecewise::sigmoid, sigmoid),
    ("tanh", Piecewise::tanh, f64::tanh),
    ("gelu", Piecewise::gelu, |x| x * real::phi(x)),
    ("gelu-tanh", Piecewise::gelu_tanh, gelu_tanh),
    ("silu", Piecewise::silu, |x| x * sigmoid(x)),
];

/// |x| < 16: with 12 fraction bits all of them, with more every so many, and those near the ends, zero and the cut.
fn case(frac: u32, f: &Piecewise) -> Case {
    let limit = 16 << frac;
    let step = [(12, 1), (16, 67), (20, 1_009)];
    let step = step.iter().find(|(f, _)| *f == frac).unwrap().1;
    let [_, cut] = f.polynomial().range();
    let mut x: Vec<i64> = (1 - limit..limit).step_by(step).collect();
    let near = [-limit, -cut, 0, cut, limit].into_iter();
    x.extend(near.flat_map(|c| c - 9..=c + 9).filter(|x| x.abs() < limit));
    Case::default().input(&[1, x.len()], f.from(), x)
}

/// Two units of what is right, and what the function says of its error.
fn hold(name: &str, case: &Case, f: &Piecewise, real: Real, got: &[Vec<i64>]) {
    let (_, x) = &case.inputs[0];
    let unit = real::pow2(f.to().frac() as i32);
    assert_eq!(x.len(), got[0].len());
    for (x, y) in x.iter().zip(&got[0]) {
        let want = real(f.from().decode(*x)) * unit;
        let off = y - want.round_ties_even() as i64;
        assert!(off.abs() <= 2, "{name} of {x}: {y} for {want}");
        let error = (*y as f64 - want).abs();
        assert!(error <= f.error(), "{name} of {x}: {y} for {want}");
    }
}

/// Runs all functions on the whole domain, stochastically and in one of the other two ways.
fn swept(
    stochastic: impl Fn(&Case, &Function) -> Vec<Vec<i64>>,
    agree: impl Fn(&Case, &Function) -> Vec<Vec<i64>>,
) {
    for (i, frac) in [12, 16, 20].into_iter().enumerate() {
        for (k, (name, make, real)) in ALL.into_iter().enumerate() {
            let f = make(z64(frac, frac + 4), z64(frac, frac + 5)).unwrap();
            let case = case(frac, &f);
            let got = stochastic(&case, &Function(f.clone(), Truncation::Stochastic));
            hold(name, &case, &f, real, &got);
            let mode = [Truncation::Nearest, Truncation::Exact][(i + k) % 2];
            let got = agree(&case, &Function(f.clone(), mode));
            hold(name, &case, &f, real, &got);
        }
    }
}

#[test]
fn three_parties_compute_them_over_the_whole_domain() {
    swept(common::rep3, |case, f| common::agree(case, f, 1).0);
}

#[test]
fn parties_with_a_dealer_compute_them_over_the_whole_domain() {
    swept(
        |case, f| dealt::semi2k(2, case, f),
        |case, f| dealt::agree(2, case, f, 1).0,
    );
}

#[test]
fn several_tensors_share_rounds_among_three_with_a_dealer() {
    for (name, make, real) in ALL {
        let f = make(z64(16, 22), z64(16, 23)).unwrap();
        let inputs = [common::values(333, 19, 7), common::values(130, 22, 8)];
        let one = |x: &Vec<i64>| Case::default().input(&[1, x.len()], f.from(), x.clone());
        let both = inputs.iter().skip(1).fold(one(&inputs[0]), |case, x| {
            case.input(&[x.len(), 1], f.from(), x.clone())
        });
        let script = Function(f.clone(), Truncation::Nearest);
        let (got, _) = dealt::agree(3, &both, &script, 1);
        assert_eq!(common::rep3(&both, &script), got);
        for (x, y) in inputs.iter().zip(&got) {
            hold(name, &one(x), &f, real, core::slice::from_ref(y));
        }
        assert_eq!(
            common::cost(&both, &script).1,
            common::cost(&one(&inputs[0]), &script).1
        );
    }
}
