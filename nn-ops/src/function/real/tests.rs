use super::*;

/// Largest |a - b| / |b| in units of 2^-53, over `n` points of `[low, high]`.
fn worst(
    f: impl Fn(f64) -> f64,
    reference: impl Fn(f64) -> f64,
    low: f64,
    high: f64,
    n: u32,
) -> f64 {
    (0..=n)
        .map(|i| {
            let x = low + (high - low) * f64::from(i) / f64::from(n);
            let (got, want) = (f(x), reference(x));
            if got == want {
                0.0
            } else {
                ((got - want) / want).abs() * pow2(53)
            }
        })
        .fold(0.0, f64::max)
}

#[test]
fn powers_of_two_are_exact() {
    for n in -1074..1024 {
        assert_eq!(pow2(n), f64::from(n).exp2());
        assert_eq!(exp2(f64::from(n)), f64::from(n).exp2());
        assert_eq!(log2(pow2(n)), f64::from(n));
    }
    assert_eq!(pow2(-1075), 0.0);
    assert_eq!(pow2(1024), f64::INFINITY);
    assert_eq!(exp2(-1e300), 0.0);
    assert_eq!(exp2(1e300), f64::INFINITY);
    assert_eq!(exp(f64::NEG_INFINITY), 0.0);
    assert_eq!(exp(710.0), f64::INFINITY);
    assert!(exp(f64::NAN).is_nan() && exp2(f64::NAN).is_nan() && ln(f64::NAN).is_nan());
    assert!(ln(-1.0).is_nan() && ln(0.0) == f64::NEG_INFINITY);
    assert_eq!(ln(f64::INFINITY), f64::INFINITY);
}

#[test]
fn exponentials_and_logarithms_are_those_of_std() {
    assert!(worst(exp, f64::exp, -700.0, 700.0, 50_000) < 4.0);
    assert!(worst(exp, f64::exp, -1.0, 1.0, 50_000) < 4.0);
    assert!(worst(exp_m1, f64::exp_m1, -3.0, 3.0, 50_000) < 6.0);
    assert!(worst(exp_m1, f64::exp_m1, -1e-9, 1e-9, 1000) < 3.0);
    assert!(worst(exp2, f64::exp2, -1000.0, 1000.0, 50_000) < 4.0);
    assert!(worst(ln, f64::ln, 1e-3, 2.0, 50_000) < 4.0);
    assert!(worst(ln, f64::ln, 2.0, 1e9, 50_000) < 4.0);
    assert!(worst(log2, f64::log2, 1e-3, 2.0, 50_000) < 6.0);
    assert!(worst(log2, f64::log2, 0.999_999, 1.000_001, 999) < 6.0);
}

#[test]
fn tangents_sigmoids_and_cosines_are_those_of_std() {
    assert!(worst(tanh, f64::tanh, -25.0, 25.0, 50_000) < 8.0);
    assert!(worst(tanh, f64::tanh, -1e-4, 1e-4, 1000) < 4.0);
    assert_eq!(tanh(f64::INFINITY), 1.0);
    assert_eq!(tanh(f64::NEG_INFINITY), -1.0);
    assert!(tanh(f64::NAN).is_nan());
    let by_tanh = |x: f64| 0.5 + 0.5 * (x / 2.0).tanh();
    assert!(worst(sigmoid, by_tanh, -1.0, 40.0, 50_000) < 8.0);
    assert!(worst(sigmoid, |x| x.exp() / (1.0 + x.exp()), -700.0, 0.0, 50_000) < 8.0);
    for i in 0..=1000 {
        let t = f64::from(i) / 1000.0;
        assert!((cos_pi(t) - (core::f64::consts::PI * t).cos()).abs() < 4.0 * pow2(-53));
    }
}

#[test]
fn the_error_function_is_its_integral_and_its_table() {
    // Digits of Abramowitz and Stegun, table 7.1, and of the complement by 50-digit arithmetic.
    for (x, want) in [
        (0.1, 0.112_462_916_018_284_9),
        (0.5, 0.520_499_877_813_046_5),
        (1.0, 0.842_700_792_949_714_9),
        (1.9, 0.992_790_429_235_257_5),
        (2.0, 0.995_322_265_018_952_7),
        (3.0, 0.999_977_909_503_001_4),
    ] {
        assert!((erf(x) - want).abs() < 4.0 * pow2(-53), "erf({x})");
        assert_eq!(erf(-x), -erf(x));
    }
    for (x, want) in [
        (2.0, 4.677_734_981_047_266e-3),
        (2.5, 4.069_520_174_449_589e-4),
        (4.0, 1.541_725_790_028_002e-8),
        (6.0, 2.151_973_671_249_891_3e-17),
    ] {
        let relative = (erfc(x) - want).abs() / want;
        assert!(relative < x * x * pow2(-51), "erfc({x}): {relative:e}");
        assert!((erfc(-x) - (2.0 - want)).abs() < pow2(-51));
    }
    // Simpson's rule over the density, step by step, on both sides of where the method changes.
    let step = 1.0 / 512.0;
    let density = |x: f64| FRAC_2_SQRT_PI * (-x * x).exp();
    let mut sum = 0.0;
    for i in 0..2048 {
        let x = f64::from(i) * step;
        sum += step / 6.0 * (density(x) + 4.0 * density(x + step / 2.0) + density(x + step));
        assert!((erf(x + step) - sum).abs() < 1e-12, "erf({})", x + step);
    }
    assert_eq!(phi(0.0), 0.5);
    assert!((phi(1.0) - 0.841_344_746_068_543).abs() < pow2(-50));
    assert!((phi(-1.0) + phi(1.0) - 1.0).abs() < pow2(-52));
    assert_eq!(phi(-60.0), 0.0);
    assert_eq!(phi(60.0), 1.0);
}
