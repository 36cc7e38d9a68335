#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::function::normal::tests::{MODES, errors, numbers, oracle, z64};
use crate::layer::only;

/// `2^(x / 2)`
fn root_of_two(x: i32) -> f64 {
    (f64::from(x) / 2.0).exp2()
}

fn rsqrt_errors(f: &Rsqrt, bits: u32) -> (i64, f64) {
    let from = f.normal().from();
    let values = numbers(f.normal().low(), from.bound(), bits);
    let scale = root_of_two(2 * f.to().frac() as i32 + from.frac() as i32);
    let mut worst = (0, 0.0f64);
    for mode in MODES {
        let got = oracle(&values, from, |e, x| only(f.run(e, &[x], mode)?));
        let exact = values.iter().map(|x| scale / (*x as f64).sqrt());
        let (units, relative) = errors(&got, exact, |y| (f.error(14) * y).max(0.45));
        worst = (worst.0.max(units), worst.1.max(relative));
    }
    worst
}

/// Every exponent, even and odd fraction bits, few and many places, checked and declared.
#[test]
fn from_a_thousandth_to_a_thousand() {
    for f in [12, 13, 16, 19, 20] {
        let low = f - 10;
        for (bound, declared) in [
            (f + 10, false),
            (f + 10, true),
            (33, false),
            (40, false),
            (40, true),
        ] {
            let from = z64(f, bound);
            let mut normal = Normal::new(from).unwrap().above(low).unwrap();
            if declared {
                normal = normal.declared();
            }
            let rsqrt = Rsqrt::with(normal, z64(f, 40), 16).unwrap();
            let (units, relative) = rsqrt_errors(&rsqrt, 8);
            assert!(
                units <= 1 && relative <= 1.0 / 65536.0,
                "{f} {bound} {declared}: {units} {relative:e}"
            );
        }
    }
}

#[test]
fn what_is_below_the_domain_has_the_value_at_its_end() {
    for (f, low, bound) in [(12, 0, 40), (16, 6, 26), (16, 5, 40), (20, 10, 33)] {
        let from = z64(f, bound);
        let normal = Normal::new(from).unwrap().above(low).unwrap();
        let rsqrt = Rsqrt::with(normal, z64(f, 40), 16).unwrap();
        let values = [(1 << low) - 1, 0, -1, -(1 << low), 1 - (1 << bound)];
        let want = root_of_two(3 * f as i32 - low as i32).round() as i64;
        for mode in MODES {
            let got = oracle(&values, from, |e, x| only(rsqrt.run(e, &[x], mode)?));
            assert_eq!(got, [want; 5]);
        }
    }
}

#[test]
fn the_widest_domain_is_what_fits() {
    let rsqrt = Rsqrt::new(z64(16, 30), z64(16, 20)).unwrap();
    // 2^(8 + 16 - low / 2) < 2^20
    assert_eq!(rsqrt.normal().low(), 9);
    let (units, relative) = rsqrt_errors(&rsqrt, 6);
    assert!(units <= 1 && relative <= 1.0 / 65536.0);
    let all = Rsqrt::new(z64(16, 30), z64(16, 25)).unwrap();
    assert_eq!(all.normal().low(), 0);
    let (units, relative) = rsqrt_errors(&all, 6);
    assert!(units <= 1 && relative <= 1.0 / 65536.0);
    let low = all.normal();
    assert!(matches!(
        Rsqrt::with(low, z64(16, 24), 16),
        Err(Error::Range { .. })
    ));
}

#[test]
fn more_bits_on_demand() {
    // A variance of 2^-10 to 2^14, and results that have them.
    for (f, g) in [(16, 26), (20, 27), (20, 24)] {
        for declared in [false, true] {
            let normal = Normal::new(z64(f, f + 14)).unwrap().above(f - 10).unwrap();
            let normal = if declared { normal.declared() } else { normal };
            for bits in [18, 22, 24] {
                let Ok(rsqrt) = Rsqrt::with(normal, z64(g, 40), bits) else {
                    panic!("{f} {g} {declared} {bits}");
                };
                let values = numbers(f - 10, f + 14, 7);
                let scale = root_of_two(2 * g as i32 + f as i32);
                for mode in MODES {
                    let got = oracle(&values, z64(f, f + 14), |e, x| {
                        only(rsqrt.run(e, &[x], mode)?)
                    });
                    for (x, y) in values.iter().zip(got) {
                        let want = (scale / (*x as f64).sqrt()).round_ties_even();
                        let off = (y as f64 - want).abs();
                        let most = (want * (-f64::from(bits)).exp2()).max(1.0);
                        assert!(off <= most, "{x} {y} {want} {bits} {mode:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn square_roots_of_all_numbers() {
    for (f, bound) in [
        (12, 30),
        (16, 26),
        (16, 40),
        (20, 36),
        (13, 25),
        (0, 30),
        (30, 30),
    ] {
        let from = z64(f, bound);
        let to = f.min(20);
        let sqrt = Sqrt::new(from, z64(to, 45)).unwrap();
        let mut values = numbers(0, bound, 8);
        let scale = root_of_two(2 * to as i32 - f as i32);
        for mode in MODES {
            let got = oracle(&values, from, |e, x| only(sqrt.run(e, &[x], mode)?));
            let exact = values.iter().map(|x| scale * (*x as f64).sqrt());
            let (units, relative) = errors(&got, exact, |y| (sqrt.error(14) * y).max(0.45));
            assert!(
                units <= 1 && relative <= 1.0 / 65536.0,
                "{f} {bound} {mode:?}: {units} {relative:e}"
            );
        }
        values = vec![0, -1, -5, 1 - (1 << bound)];
        let got = oracle(&values, from, |e, x| {
            only(sqrt.run(e, &[x], Truncation::Exact)?)
        });
        assert_eq!(got, [0; 4]);
    }
}

#[test]
fn several_tensors_at_once() {
    let rsqrt = Rsqrt::new(z64(16, 30), z64(16, 20)).unwrap();
    let values: Vec<i64> = numbers(9, 30, 2);
    let half = values.len() / 2;
    let one = oracle(&values, z64(16, 30), |e, x| {
        only(rsqrt.run(e, &[x], Truncation::Exact)?)
    });
    let got = oracle(&values, z64(16, 30), |e, x| {
        use crate::engine::Engine;
        use crate::model::Shape;
        let first = e.gather(
            x,
            1,
            &(0..half as u32).collect::<Vec<_>>(),
            &Shape::new(&[1, half])?,
        )?;
        let rest = values.len() - half;
        let index: Vec<u32> = (half as u32..values.len() as u32).collect();
        let second = e.gather(x, 1, &index, &Shape::new(&[1, rest])?)?;
        let both = rsqrt.run(e, &[&first, &second], Truncation::Exact)?;
        let [first, second] = both.as_slice() else {
            panic!()
        };
        e.concat(&[first, second], &Shape::new(&[1, values.len()])?)
    });
    assert_eq!(one, got);
}
