use super::super::real::{exp, exp2, phi, pow2};
use super::*;

/// Largest weighed error on points that are none of the grid.
fn measured(a: &Approximation, f: impl Fn(f64) -> f64, low: f64, high: f64, w: Weight) -> f64 {
    (0..=7919)
        .map(|i| {
            let x = low + (high - low) * f64::from(i) / 7919.0;
            let e = (a.at(x) - f(x)).abs();
            match w {
                Weight::Absolute => e,
                Weight::Relative => e / f(x).abs(),
            }
        })
        .fold(0.0, f64::max)
}

#[test]
fn known_best_approximations_are_found() {
    // |x| on [-1, 1] by a quadratic: x^2 + 1/8; x^3 by a quadratic: its Chebyshev polynomial is the error.
    let a = minimax(|x| x * x * x, -1.0, 1.0, 2, Weight::Absolute);
    assert!((a.error - 0.25).abs() < 0.003, "{a:?}");
    for (got, want) in a.coefficients.iter().zip([0.0, 0.75, 0.0]) {
        assert!((got - want).abs() < 1e-3);
    }
    let a = minimax(f64::abs, -1.0, 1.0, 2, Weight::Absolute);
    assert!((a.error - 0.125).abs() < 0.002, "{a:?}");
    // A constant for e^x on [0, 1], relative: 2 e^x / (1 + e) touches both ends equally.
    let a = minimax(exp, 0.0, 1.0, 0, Weight::Relative);
    let e = core::f64::consts::E;
    assert!((a.error - (e - 1.0) / (e + 1.0)).abs() < 0.005, "{a:?}");
}

#[test]
fn the_error_is_never_less_than_measured_and_falls_by_degree() {
    type Case = (fn(f64) -> f64, f64, f64, Weight);
    let cases: [Case; 6] = [
        (exp2, 0.0, 1.0, Weight::Relative),
        (|x| 1.0 / x, 0.5, 1.0, Weight::Relative),
        (|x| 1.0 / x.sqrt(), 0.25, 1.0, Weight::Relative),
        (phi, -1.0, 1.0, Weight::Absolute),
        (phi, 0.5, 1.5, Weight::Absolute),
        (|x| exp(-x * x), -2.0, 2.0, Weight::Absolute),
    ];
    for (k, (f, low, high, w)) in cases.into_iter().enumerate() {
        let mut before = f64::INFINITY;
        for degree in 0..=12 {
            let a = minimax(f, low, high, degree, w);
            let got = measured(&a, f, low, high, w);
            assert!(got <= a.error, "{k} at {degree}: {got:e} > {:e}", a.error);
            // What is far from the noise of 53 bits is tight, and levels.
            if a.error > 1e-9 {
                assert!(got > 0.98 * a.error, "{k} at {degree}: {got:e}, {a:?}");
                assert!(
                    a.error <= before * 1.01,
                    "{k} at {degree}: {before:e}, {a:?}"
                );
            }
            before = a.error;
        }
        assert!(before < 1e-4, "{k}: {before:e}");
    }
}

#[test]
fn the_exponential_reaches_its_known_accuracy() {
    // 2^x on [0, 1], relative error of the best polynomials of degree 4 to 7.
    for (degree, want) in [
        (4, 2f64.powf(-18.2)),
        (5, 2f64.powf(-23.0)),
        (6, 2f64.powf(-28.1)),
    ] {
        let a = minimax(exp2, 0.0, 1.0, degree, Weight::Relative);
        assert!(
            a.error < want && a.error > want / 4.0,
            "{degree}: {:e}",
            a.error
        );
    }
}

#[test]
fn nothing_panics() {
    for degree in [0, 1, 12, 32, 1000] {
        let a = minimax(|x| 3.0 - x, -2.0, 1.0, degree, Weight::Absolute);
        assert!(
            a.error < pow2(-20) || degree == 0,
            "{degree}: {:e}",
            a.error
        );
        assert_eq!(a.coefficients.len(), degree.min(MAX_DEGREE) + 1);
        for (low, high) in [
            (0.0, 0.0),
            (1.0, -1.0),
            (f64::NAN, 1.0),
            (0.0, f64::INFINITY),
        ] {
            let _ = minimax(exp, low, high, degree, Weight::Relative);
        }
        let a = minimax(|x| 1.0 / x, -1.0, 1.0, degree, Weight::Absolute);
        assert!(a.error.is_infinite());
        let a = minimax(|x| x, -1.0, 1.0, degree, Weight::Relative);
        assert!(a.error.is_infinite() || a.error < 1.1);
    }
}

#[test]
fn chebyshev_coefficients_stay_sound_at_high_degrees() {
    let f = |x: f64| 1.0 / (1.0 + exp(x));
    let mut before = f64::INFINITY;
    for degree in 0..=MAX_DEGREE {
        let a = chebyshev(f, 0.0, 12.0, degree, Weight::Absolute);
        let error = (0..=7919)
            .map(|i| f64::from(i) / 7919.0)
            .map(|t| (clenshaw(&a.coefficients, 2.0 * t - 1.0) - f(12.0 * t)).abs())
            .fold(0.0, f64::max);
        assert!(
            error <= a.error && error > 0.98 * a.error,
            "{degree}: {error:e}, {:e}",
            a.error
        );
        assert!(a.error < before, "{degree}");
        before = a.error;
    }
    assert!(before < 1e-9, "{before:e}");
}
