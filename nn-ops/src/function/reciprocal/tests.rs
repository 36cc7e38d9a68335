#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::engine::{Engine, Spec};
use crate::function::normal::tests::{
    MODES, Steps, errors, formula, numbers, oracle, planned, z64,
};
use crate::layer::only;
use crate::plain::Plain;
use crate::pool::Pool;

fn power(x: u32) -> f64 {
    f64::from(x).exp2()
}

#[test]
fn reciprocals_of_whole_domains() {
    for (f, low, bound) in [
        (12, 2, 22),
        (12, 0, 26),
        (13, 3, 40),
        (16, 6, 26),
        (16, 0, 40),
        (19, 9, 29),
        (20, 10, 30),
        (20, 0, 40),
    ] {
        for declared in [false, true] {
            for signed in [false, true] {
                let from = z64(f, bound);
                let mut normal = Normal::new(from).unwrap().above(low).unwrap();
                if declared {
                    normal = normal.declared();
                }
                if signed {
                    normal = normal.signed();
                }
                let Ok(inverse) = Reciprocal::with(normal, z64(f, 2 * f - low + 1), 16) else {
                    panic!("{f} {low} {bound} {declared} {signed}");
                };
                let mut values = numbers(low, bound, 7);
                if signed {
                    values.extend(values.clone().iter().map(|x| -x));
                }
                for mode in MODES {
                    let got = oracle(&values, from, |e, x| only(inverse.run(e, &[x], mode)?));
                    let exact = values.iter().map(|x| power(2 * f) / *x as f64);
                    let (units, relative) = errors(&got, exact, |y| inverse.error() * y);
                    assert!(
                        units <= 1 && relative <= 1.0 / 65536.0,
                        "{f} {low} {bound} {declared} {signed} {mode:?}: {units} {relative:e}"
                    );
                    if declared {
                        continue;
                    }
                    let beyond = [(1 << low) - 1, 0, -1, -(1 << low), 1 - (1 << bound)];
                    let got = oracle(&beyond, from, |e, x| only(inverse.run(e, &[x], mode)?));
                    let most = 1 << (2 * f - low);
                    if signed {
                        assert_eq!(got[..2], [most; 2]);
                        assert!((got[3] + most).abs() <= 1 + (most >> 16));
                    } else {
                        assert_eq!(got, [most; 5]);
                    }
                }
            }
        }
    }
}

#[test]
fn more_bits_on_demand() {
    // What a softmax divides by.
    for (f, g) in [(16, 20), (20, 24), (20, 28)] {
        let from = z64(f, f + 11);
        for declared in [false, true] {
            let normal = Normal::new(from).unwrap().above(f - 1).unwrap();
            let normal = if declared { normal.declared() } else { normal };
            for bits in [20, 22, 24, 26] {
                let Ok(inverse) = Reciprocal::with(normal, z64(g, 40), bits) else {
                    panic!("{f} {g} {declared} {bits}");
                };
                let values = numbers(f - 1, f + 11, 8);
                for mode in MODES {
                    let got = oracle(&values, from, |e, x| only(inverse.run(e, &[x], mode)?));
                    for (x, y) in values.iter().zip(got) {
                        let want = (power(f + g) / *x as f64).round_ties_even();
                        let off = (y as f64 - want).abs();
                        assert!(
                            off <= (want / power(bits)).max(1.0),
                            "{x} {y} {want} {bits}"
                        );
                    }
                }
            }
        }
    }
}

/// Numerators and denominators of a format whose quotients are below 2^limit.
fn pairs(bound: u32, low: u32, limit: f64, scale: f64, signed: bool) -> (Vec<i64>, Vec<i64>) {
    let mut noise = 99u64;
    let mut next = || {
        noise = noise.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1);
        noise >> 20
    };
    let (mut xs, mut ys) = (Vec::new(), Vec::new());
    for e in 0..bound {
        for d in low..bound {
            for _ in 0..8 {
                let x =
                    ((1i64 << e) | (next() as i64 & ((1 << e) - 1))) * [1, -1][next() as usize & 1];
                let mut y = (1i64 << d) | (next() as i64 & ((1 << d) - 1));
                // -2^low is below the domain, unless it is -1.
                if signed && next() & 1 == 1 && (y > 1 << low || low == 0) {
                    y = -y;
                }
                if (x as f64 / y as f64 * scale).abs() < limit - 2.0 {
                    xs.push(x);
                    ys.push(y);
                }
            }
        }
    }
    xs.push(0);
    ys.push(1 << low);
    (xs, ys)
}

#[test]
fn quotients() {
    for (f, low, bound, to) in [
        (12, 0, 26, 26),
        (16, 6, 30, 31),
        (16, 0, 40, 36),
        (20, 0, 40, 36),
        (20, 10, 30, 34),
    ] {
        for signed in [false, true] {
            let normal = Normal::new(z64(f, bound)).unwrap().above(low).unwrap();
            let normal = if signed { normal.signed() } else { normal };
            let Ok(division) = Division::with(z64(f, bound), normal, z64(f, to), 16) else {
                panic!("{f} {bound} {to} {signed}");
            };
            let (xs, ys) = pairs(bound, low, power(to), power(f), signed);
            let spec = Spec {
                shape: crate::model::Shape::new(&[1, xs.len()]).unwrap(),
                format: z64(f, bound),
            };
            for mode in MODES {
                let got = oracle(&xs, z64(f, bound), |e, x| {
                    let y = e.input(&spec, Some(&ys))?;
                    division.run(e, x, &y, mode)
                });
                let exact = xs
                    .iter()
                    .zip(&ys)
                    .map(|(x, y)| *x as f64 / *y as f64 * power(f));
                let (units, relative) = errors(&got, exact, |q| division.error() * q + 0.125);
                assert!(
                    units <= 1 && relative <= 1.0 / 65536.0,
                    "{f} {bound} {signed} {mode:?}: {units} {relative:e}"
                );
            }
        }
    }
    // A denominator below the domain.
    let normal = Normal::new(z64(16, 30)).unwrap().above(6).unwrap();
    let division = Division::with(z64(16, 30), normal, z64(16, 31), 16).unwrap();
    let got = oracle(&[12345, -1, 1 << 29, 7, 9], z64(16, 30), |e, x| {
        let shape = e.spec(x).shape.clone();
        let spec = Spec {
            shape,
            format: z64(16, 30),
        };
        let y = e.input(&spec, Some(&[0, -1, 63, -64, 1 - (1 << 30)]))?;
        division.run(e, x, &y, Truncation::Stochastic)
    });
    assert_eq!(got, [0; 5]);
}

/// What the caller declares of quotients is held by the oracle.
#[test]
fn quotients_beyond_their_format_are_an_overflow() {
    let format = z64(16, 30);
    let division = Division::new(format, format, z64(16, 20)).unwrap();
    let run = |x: i64, y: i64| {
        let mut engine = Plain::new(Pool::new(1).unwrap());
        let spec = Spec {
            shape: crate::model::Shape::new(&[1, 1]).unwrap(),
            format,
        };
        let x = engine.input(&spec, Some(&[x])).unwrap();
        let y = engine.input(&spec, Some(&[y])).unwrap();
        division.run(&mut engine, &x, &y, Truncation::Nearest)
    };
    for (x, y) in [(15 << 16, 1 << 16), (-(15 << 16), 1 << 16), (15, 1)] {
        assert!((run(x, y).unwrap().raw()[0] - ((x / y) << 16)).abs() <= 15);
    }
    for (x, y) in [
        (17, 1),
        (-17, 1),
        (1 << 29, 1),
        (-(1 << 29), 1 << 20),
        (33 << 16, 1 << 16),
    ] {
        assert!(
            matches!(run(x, y), Err(Error::Overflow { .. })),
            "{x} / {y}"
        );
    }
}

impl Steps for Division {
    fn run<E: Layers>(&self, e: &mut E, x: &E::Arith) -> Result<(), Error> {
        self.run(e, x, x, Truncation::Stochastic).map(|_| ())
    }
}

#[test]
fn quotients_cost_what_the_page_says() {
    for (f, low, bound) in [(12, 2, 22), (16, 6, 26), (16, 0, 40), (20, 10, 33)] {
        let any = Normal::new(z64(f, bound)).unwrap().above(low).unwrap();
        for normal in [any, any.declared(), any.signed()] {
            for bits in [16, 20] {
                let f = Division::with(z64(f, bound), normal, z64(f, 30), bits).unwrap();
                let mut products = f.mantissa.products();
                products.extend([(2, f.shift), (2, f.mantissa.frac() + GUARD)]);
                assert_eq!(
                    planned(normal.from(), &f),
                    formula(&f.places, &products, Truncation::Stochastic)
                );
            }
        }
    }
}
