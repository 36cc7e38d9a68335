#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::function::normal::tests::{Steps, formula, planned, z64};

impl Steps for (&Scaled, Truncation) {
    fn run<E: Layers>(&self, e: &mut E, x: &E::Arith) -> Result<(), Error> {
        self.0.run(e, &[x], self.1).map(|_| ())
    }
}

/// The page's formula of bits and rounds, for few and many places, of one sign and of both, with and without a step of Newton's
/// method.
#[test]
fn costs_are_those_of_the_page() {
    let (mut digits, mut steps) = (0, 0);
    for (f, low, bound) in [
        (12, 2, 22),
        (16, 6, 26),
        (16, 0, 40),
        (16, 14, 18),
        (20, 10, 33),
    ] {
        let any = Normal::new(z64(f, bound)).unwrap().above(low).unwrap();
        let normals = [any, any.declared(), any.signed(), any.signed().declared()];
        let to = z64(f, 2 * f - low + 1);
        for power in [Power::Reciprocal, Power::Rsqrt, Power::Sqrt] {
            for bits in [16, 22] {
                for normal in normals {
                    if power != Power::Reciprocal && normal.is_signed() {
                        continue;
                    }
                    let Ok(scaled) = Scaled::new(power, normal, to, bits) else {
                        continue;
                    };
                    let mut products = scaled.mantissa.products();
                    products.push((2, scaled.shift));
                    for mode in [Truncation::Stochastic, Truncation::Nearest] {
                        let want = formula(&scaled.places, &products, mode);
                        let got = planned(normal.from(), &(&scaled, mode));
                        assert_eq!(got, want, "{scaled:?} {mode:?}");
                    }
                    digits += usize::from(scaled.places.digit > 0);
                    steps += usize::from(scaled.mantissa.newton);
                }
            }
        }
    }
    assert!(digits > 10 && steps > 10, "{digits} {steps}");
}
