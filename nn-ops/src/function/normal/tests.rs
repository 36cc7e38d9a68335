#![allow(clippy::unwrap_used, reason = "a test may panic")]

//! Functions of positive numbers against `f64`, over whole domains.

use super::*;
use crate::engine::{Engine, Spec};
use crate::plain::{Plain, PlainTensor};
use crate::pool::Pool;

/// Modes of which the oracle knows the result.
pub(crate) const MODES: [Truncation; 3] = [
    Truncation::Stochastic,
    Truncation::Nearest,
    Truncation::Exact,
];

pub(crate) fn z64(frac: u32, bound: u32) -> Format {
    Format::z64(frac, bound).unwrap()
}

/// Numbers of `2^from` to `2^to` - 1: for each power of two the ends, all numbers of 2^bits steps, and others between
/// them.
pub(crate) fn numbers(from: u32, to: u32, bits: u32) -> Vec<i64> {
    let mut all = Vec::new();
    let mut noise = 0x9e37_79b9_7f4a_7c15u64;
    for e in from..to {
        let step = 1i64 << e.saturating_sub(bits);
        let mut x = 1i64 << e;
        all.push((2 << e) - 1);
        while x < 2 << e {
            all.push(x);
            noise = noise.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
            all.push(x + ((noise >> 32) as i64 & (step - 1)));
            x += step;
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// What the oracle says of a function.
pub(crate) fn oracle(
    values: &[i64],
    format: Format,
    f: impl Fn(&mut Plain, &PlainTensor) -> Result<PlainTensor, Error>,
) -> Vec<i64> {
    let mut engine = Plain::new(Pool::new(1).unwrap());
    let spec = Spec {
        shape: Shape::new(&[1, values.len()]).unwrap(),
        format,
    };
    let x = engine.input(&spec, Some(values)).unwrap();
    f(&mut engine, &x).unwrap().raw().to_vec()
}

/// Largest error in units from the correctly rounded value, where it is at most 2^16 units, and largest relative
/// error where it is larger.
pub(crate) fn errors(got: &[i64], exact: impl Iterator<Item = f64>) -> (i64, f64) {
    let (mut units, mut relative) = (0, 0.0f64);
    for (y, exact) in got.iter().zip(exact) {
        let want = exact.round_ties_even();
        let off = (*y as f64 - want).abs();
        if exact.abs() <= 65536.0 || off <= 1.0 {
            units = units.max(off as i64);
        } else {
            relative = relative.max(off / exact.abs());
        }
    }
    (units, relative)
}

#[test]
fn a_place_is_found_whatever_the_digits() {
    let from = z64(8, 20);
    for (low, declared) in [(0, false), (0, true), (3, false), (3, true)] {
        let mut normal = Normal::new(from).unwrap().above(low).unwrap();
        if declared {
            normal = normal.declared();
        }
        let outside = [-1, 0, -(1 << 19), (1 << low) - 1, -(1 << low)];
        let mut values = numbers(low, 20, 3);
        if !declared {
            values.extend(outside);
        }
        for digit in 0..=3 {
            let product = (low + normal.room(digit)).max(20);
            let first = 2 * (product as i32 - 1 - low as i32);
            let places = Places {
                normal,
                digit,
                scales: vec![
                    Scale::new(normal, digit, first, -2, 0).unwrap(),
                    Scale::new(normal, digit, 60, -1, 5).unwrap(),
                    Scale::new(normal, digit, 30, 1, 5).unwrap(),
                ],
                terms: vec![Term {
                    first: 100,
                    step: -7,
                    outside: 1234,
                    format: z64(9, 20),
                }],
            };
            for k in 0..4 {
                let got = oracle(&values, from, |e, x| {
                    let mut all = places.run(e, x)?;
                    assert_eq!(all.len(), 4);
                    Ok(all.swap_remove(k))
                });
                for (x, y) in values.iter().zip(got) {
                    let inside = *x >= 1 << low;
                    let p = inside.then(|| x.ilog2() as i32 - low as i32);
                    let near = |want: f64| assert!((y as f64 / want - 1.0).abs() < 1e-4);
                    match (k, p) {
                        (3, p) => assert_eq!(y, p.map_or(1234, |p| 100 - 7 * i64::from(p))),
                        (_, None) => assert_eq!(y, 0),
                        (0, Some(p)) => assert_eq!(y, 1 << (product as i32 - 1 - low as i32 - p)),
                        (1, Some(p)) => near(half_power(60 - p)),
                        (_, Some(p)) => near(half_power(30 + p)),
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_not_normalised_is_refused() {
    assert!(Normal::new(Format::new(32, 8, 20).unwrap()).is_err());
    assert!(Normal::new(z64(8, 1)).is_err());
    assert!(Normal::new(z64(8, 20)).unwrap().above(19).is_err());
    let normal = Normal::new(z64(8, 20)).unwrap().above(4).unwrap();
    assert_eq!(normal.domain(), (1.0 / 16.0, 4096.0));
}
