//! Sigmoid, tanh, GeLU and SiLU among parties: the oracle's results where rounding is deterministic, and within the
//! stated error of the real functions in any case.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod common;
#[path = "common/semi2k.rs"]
mod semi2k;

use common::{Case, Script, values, z64};
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

const ALL: [(Make, Real); 4] = [
    (Piecewise::sigmoid, real::sigmoid),
    (Piecewise::tanh, real::tanh),
    (Piecewise::gelu, |x| x * real::phi(x)),
    (Piecewise::silu, |x| x * real::sigmoid(x)),
];

/// Two tensors: where functions bend, and the whole domain.
fn case(frac: u32) -> Case {
    let format = z64(frac, frac + 6);
    Case::default()
        .input(&[3, 333], format, values(999, frac + 3, 7))
        .input(&[1, 130], format, values(130, frac + 6, 8))
}

fn hold(case: &Case, f: &Piecewise, real: Real, got: &[Vec<i64>]) {
    for ((_, x), y) in case.inputs.iter().zip(got) {
        for (x, y) in x.iter().zip(y) {
            let want = real(f.from().decode(*x)) * real::pow2(f.to().frac() as i32);
            let error = (*y as f64 - want).abs();
            assert!(error <= f.error(), "{x}: {y} for {want}");
        }
    }
}

#[test]
fn three_parties_compute_them() {
    for frac in [12, 16, 20] {
        let case = case(frac);
        for (k, (make, real)) in ALL.into_iter().enumerate() {
            let f = make(z64(frac, frac + 6), z64(frac, frac + 7)).unwrap();
            let script = Function(f.clone(), Truncation::Stochastic);
            hold(&case, &f, real, &common::rep3(&case, &script));
            let mode = [Truncation::Nearest, Truncation::Exact][k % 2];
            let (got, _) = common::agree(&case, &Function(f.clone(), mode), 2);
            hold(&case, &f, real, &got);
        }
    }
}

#[test]
fn parties_with_a_dealer_compute_them() {
    for frac in [12, 16, 20] {
        let case = case(frac);
        for (k, (make, real)) in ALL.into_iter().enumerate() {
            let f = make(z64(frac, frac + 6), z64(frac, frac + 7)).unwrap();
            let script = Function(f.clone(), Truncation::Stochastic);
            hold(&case, &f, real, &semi2k::semi2k(2, &case, &script));
            let mode = [Truncation::Exact, Truncation::Nearest][k % 2];
            let script = Function(f.clone(), mode);
            let (got, _) = semi2k::agree(3, &case, &script, 1);
            hold(&case, &f, real, &got);
        }
    }
}
