use super::*;
use crate::engine::{Engine, Spec};
use crate::model::Shape;
use crate::plain::Plain;
use crate::pool::Pool;

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
            let f = make(z64(frac, frac + 9), z64(frac, frac + 10)).unwrap();
            let raw = sweep(&f, step);
            for mode in [Truncation::Exact, Truncation::Nearest] {
                worst(&f, real, &raw, mode);
            }
            assert!(f.error() < 2.0, "{name} {frac}");
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
        assert!(make(z64(16, 61), z64(16, 62)).is_err(), "{name}");
        assert!(make(z64(16, 20), z64(16, 15)).is_err());
        assert!(make(z64(40, 45), z64(40, 45)).is_err());
        let narrow = Format::new(32, 12, 20).unwrap();
        assert!(make(narrow, narrow).is_err());
    }
}

#[test]
fn a_format_that_does_not_hold_every_result_is_refused() {
    for (name, make, real) in ALL {
        let ramp = !["sigmoid", "tanh"].contains(&name);
        // The largest x is a unit below 16 or so, and so is what a ramp makes of it.
        for (from, to) in [
            (z64(12, 16), z64(12, 16)),
            (z64(12, 16), z64(8, 12)),
            (z64(16, 17), z64(16, 17)),
        ] {
            let whole = from.bound() - from.frac();
            assert_eq!(
                make(from, to).is_err(),
                ramp && whole > 1,
                "{name} {from} {to}"
            );
            assert!(make(from, to.with_bound(to.bound() + 1).unwrap()).is_ok());
        }
        // Near 2 some units of g are left, and below a coarse unit there is room for the error.
        for (from, to) in [
            (z64(12, 13), z64(12, 13)),
            (z64(12, 13), z64(16, 17)),
            (z64(8, 12), z64(12, 16)),
        ] {
            let f = make(from, to).unwrap();
            let limit = 1i64 << from.bound();
            let raw: Vec<i64> = (1 - limit..limit).collect();
            for mode in [Truncation::Exact, Truncation::Nearest] {
                worst(&f, real, &raw, mode);
            }
        }
        assert!(make(z64(0, 5), z64(0, 1)).is_err(), "{name}");
    }
}

#[test]
fn functions_of_ones_own_have_tails() {
    // Softplus, and a sine with constant ends.
    let format = z64(12, 22);
    let softplus = |x: f64| (1.0 + x.exp()).ln();
    let tails = [Tail::Constant, Tail::Slope(1)];
    // As large as its argument, and a bit more.
    assert!(Piecewise::new(softplus, [-10.0, 10.0], tails, format, format).is_err());
    let f = Piecewise::new(softplus, [-10.0, 10.0], tails, format, z64(12, 23)).unwrap();
    let raw: Vec<i64> = (1 - (1 << 22)..1 << 22).step_by(202).collect();
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
