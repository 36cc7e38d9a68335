use std::time::Instant;

use super::*;
use crate::engine::{Engine, Spec};
use crate::ledger::Phase;
use crate::model::Shape;
use crate::plain::Plain;
use crate::pool::Pool;
use crate::rep3::Rep3Cost;
use crate::walk::Walk;

type Make = fn(Format, Format) -> Result<Piecewise, Error>;
type Real = fn(f64) -> f64;

fn gelu_tanh(x: f64) -> f64 {
    let y = (2.0 / core::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
    // x (1 + tanh y) / 2, also where that cancels.
    x / (1.0 + (-2.0 * y).exp())
}

const ALL: [(&str, Make, Real); 5] = [
    ("sigmoid", Piecewise::sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
    ("tanh", Piecewise::tanh, f64::tanh),
    ("gelu", Piecewise::gelu, |x| x * phi(x)),
    ("gelu-tanh", Piecewise::gelu_tanh, gelu_tanh),
    ("silu", Piecewise::silu, |x| x / (1.0 + (-x).exp())),
];

fn z64(frac: u32, bound: u32) -> Format {
    Format::z64(frac, bound).unwrap()
}

/// Results of `f` and the largest distance from the real function, in units of the last place.
fn worst(f: &Piecewise, real: impl Fn(f64) -> f64, raw: &[i64], mode: Truncation) -> f64 {
    let mut engine = Plain::new(Pool::new(1).unwrap());
    let mut most = 0f64;
    for raw in raw.chunks(1 << 16) {
        let spec = Spec {
            shape: Shape::new(&[1, raw.len()]).unwrap(),
            format: f.from(),
        };
        let x = engine.input(&spec, Some(raw)).unwrap();
        let y = f.run(&mut engine, &[&x], mode).unwrap();
        assert_eq!(engine.spec(&y[0]).format, f.to());
        let unit = pow2(f.to().frac() as i32);
        for (x, y) in raw.iter().zip(y[0].raw()) {
            let e = (*y as f64 - real(f.from().decode(*x)) * unit).abs();
            assert!(e <= f.error(), "{x}: {y}, {e} past {}", f.error());
            most = most.max(e);
        }
    }
    most
}

/// Raw values over a domain: every `step`-th where functions bend, all around the cut, and the ends.
fn sweep(f: &Piecewise, step: usize) -> Vec<i64> {
    let one = 1i64 << f.from().frac();
    let limit = (1i64 << f.from().bound()) - 1;
    let near = (20 * one).min(limit);
    let [low, high] = f.polynomial().range();
    let around = [-high, low, 0, high, limit, -limit, 18 * one];
    let mut raw: Vec<i64> = (-near..=near).step_by(step).collect();
    raw.extend(around.into_iter().flat_map(|c| c - 3..=c + 3));
    raw.extend((-limit..=limit).step_by((limit as usize / 500).max(1)));
    raw.retain(|x| x.abs() <= limit);
    raw
}

#[test]
fn all_functions_are_within_two_units_over_the_whole_domain() {
    for (frac, step) in [(12, 1), (16, 7), (20, 101)] {
        for (name, make, real) in ALL {
            let started = Instant::now();
            let f = make(z64(frac, frac + 9), z64(frac, frac + 10)).unwrap();
            let made = started.elapsed();
            let raw = sweep(&f, step);
            let floor = worst(&f, real, &raw, Truncation::Exact);
            let nearest = worst(&f, real, &raw, Truncation::Nearest);
            println!(
                "{name} {frac}: {:.2} declared, {floor:.2} and {nearest:.2}; degree {}, {} products, \
                 {} levels, {} bytes, {made:?}",
                f.error(),
                f.polynomial().degree(),
                f.polynomial().products(),
                f.polynomial().levels(),
                f.polynomial().rep3_bytes(),
            );
            assert!(f.error() < 2.0);
        }
    }
}

/// Bytes for each element, and rounds, of what `run` does to one tensor in `rep3`.
fn planned(
    format: Format,
    run: impl Fn(&mut Walk<Rep3Cost>, &Spec) -> Result<(), Error>,
) -> (f64, u32) {
    let n = 1 << 16;
    let spec = Spec {
        shape: Shape::new(&[1, n]).unwrap(),
        format,
    };
    let mut walk = Walk::new(Rep3Cost::new(64));
    walk.begin_phase(Phase::Online);
    let before = walk.input(&spec, None).unwrap();
    walk.begin_layer("function", "function");
    run(&mut walk, &before).unwrap();
    walk.end_layer();
    let cost = walk.into_visitor();
    let row = cost.plan().rows().iter().find(|r| r.name == "function");
    let row = row.unwrap();
    (row.bytes as f64 / n as f64, row.rounds)
}

#[test]
fn costs_are_those_of_the_documentation() {
    for frac in [12, 16, 20] {
        let format = z64(frac, frac + 9);
        let (first, _) = planned(format, |e, x| e.relu(&[x]).map(|_| ()));
        let wider = z64(frac, frac + 10);
        let (second, rounds) = planned(wider, |e, x| e.relu(&[x]).map(|_| ()));
        for (name, make, _) in ALL {
            let f = make(format, wider).unwrap();
            let (bytes, all) = planned(format, |e, x| {
                e.piecewise(&[x], &f, Truncation::Stochastic).map(|_| ())
            });
            let last = match f.form {
                Form::Step { .. } => 32.0,
                _ => 0.0,
            };
            let polynomial = f.polynomial();
            let want = first + second + last + f64::from(polynomial.rep3_bytes());
            println!("{name} {frac}: {bytes:.1} bytes, {all} rounds");
            assert!(
                (bytes - want).abs() < 0.01 * want,
                "{name} {frac}: {bytes} for {want}"
            );
            let most = 2 * rounds + 2 * polynomial.levels() as u32 + 1;
            assert!(all <= most, "{name} {frac}: {all} rounds for {most}");
        }
    }
}

#[test]
fn formats_that_differ_are_met_and_those_that_do_not_fit_refused() {
    for (name, make, real) in ALL {
        for (from, to) in [
            (z64(16, 24), z64(12, 24)),
            (z64(12, 20), z64(16, 26)),
            (z64(20, 22), z64(18, 30)),
            (z64(12, 13), z64(12, 20)),
            (z64(8, 12), z64(12, 20)),
        ] {
            let f = make(from, to).unwrap();
            let raw = sweep(&f, 37);
            for mode in [Truncation::Exact, Truncation::Nearest] {
                let got = worst(&f, real, &raw, mode);
                assert!(got < 2.0, "{name} {from} {to}: {got}");
            }
        }
        assert!(make(z64(16, 61), z64(16, 62)).is_err());
        assert!(make(z64(16, 20), z64(16, 15)).is_err());
        assert!(make(z64(40, 45), z64(40, 45)).is_err());
        let narrow = Format::new(32, 12, 20).unwrap();
        assert!(make(narrow, narrow).is_err());
    }
}

#[test]
fn functions_of_ones_own_have_tails() {
    // Softplus, and a sine with constant ends.
    let format = z64(12, 22);
    let softplus = |x: f64| (1.0 + x.exp()).ln();
    let tails = [Tail::Constant, Tail::Slope(1)];
    let f = Piecewise::new(softplus, [-10.0, 10.0], tails, format, format).unwrap();
    let raw: Vec<i64> = (-(1 << 21)..1 << 21).step_by(101).collect();
    let bent = |x: f64| softplus(x.clamp(-10.0, 10.0)) + (x - 10.0).max(0.0);
    assert!(worst(&f, bent, &raw, Truncation::Nearest) < 2.0);
    let tails = [Tail::Slope(-2), Tail::Constant];
    let f = Piecewise::new(f64::sin, [-3.0, 1.5], tails, z64(16, 24), z64(14, 26)).unwrap();
    let bent = |x: f64| x.clamp(-3.0, 1.5).sin() - 2.0 * (x + 3.0).min(0.0);
    let raw: Vec<i64> = (-(1 << 23)..1 << 23).step_by(1009).collect();
    assert!(worst(&f, bent, &raw, Truncation::Exact) < 2.0);
    assert!(Piecewise::new(f64::abs, [-1.0, 1.0], tails, format, format).is_err());
    assert!(Piecewise::new(f64::sin, [1.0, -1.0], tails, format, format).is_err());
    assert!(Piecewise::new(|_| f64::NAN, [-1.0, 1.0], tails, format, format).is_err());
}
