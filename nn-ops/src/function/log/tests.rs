#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::function::normal::tests::{
    MODES, Steps, errors, formula, numbers, oracle, planned, z64,
};
use crate::layer::only;

#[test]
fn logarithms_of_all_numbers() {
    for (f, bound) in [
        (12, 22),
        (12, 40),
        (13, 24),
        (16, 26),
        (16, 40),
        (20, 30),
        (20, 40),
    ] {
        for declared in [false, true] {
            let from = z64(f, bound);
            let mut normal = Normal::new(from).unwrap();
            if declared {
                normal = normal.declared();
            }
            let log = Log::with(normal, z64(f, 30)).unwrap();
            let values = numbers(0, bound, 9);
            let unit = f64::from(f).exp2();
            for mode in MODES {
                let got = oracle(&values, from, |e, x| only(log.run(e, &[x], mode)?));
                let exact = values.iter().map(|x| (*x as f64 / unit).ln() * unit);
                let (units, relative) = errors(&got, exact, |_| log.error() * unit);
                assert!(
                    units <= 1 && relative <= 1.0 / 65536.0,
                    "{f} {bound} {declared} {mode:?}: {units} {relative:e}"
                );
                if !declared {
                    let got = oracle(&[0, -1, -7, 1 - (1 << bound)], from, |e, x| {
                        only(log.run(e, &[x], mode)?)
                    });
                    let want = ((1.0 / unit).ln() * unit).round();
                    assert!(
                        got.iter().all(|y| (*y as f64 - want).abs() <= 1.0),
                        "{got:?}"
                    );
                }
            }
        }
    }
}

impl Steps for Log {
    fn run<E: Layers>(&self, e: &mut E, x: &E::Arith) -> Result<(), Error> {
        self.run(e, &[x], Truncation::Stochastic).map(|_| ())
    }
}

#[test]
fn logarithms_cost_what_the_page_says() {
    for (f, low, bound) in [(12, 2, 22), (16, 0, 26), (16, 0, 40), (20, 10, 33)] {
        let any = Normal::new(z64(f, bound)).unwrap().above(low).unwrap();
        for normal in [any, any.declared()] {
            let log = Log::with(normal, z64(f, 30)).unwrap();
            let mut products = vec![(2, log.product - log.argument)];
            products.extend(log.poly.products(f));
            assert_eq!(
                planned(normal.from(), &log),
                formula(&log.places, &products, Truncation::Stochastic)
            );
        }
    }
}
