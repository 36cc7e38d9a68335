#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;

/// Coefficients rounded to few bits are fitted again, so that they cost no more than a part of the precision.
#[test]
fn few_bits_are_no_loss() {
    let half = |z: f64| (3.0 + z) / 4.0;
    let relative = Weight::Relative;
    for z_frac in [20, 22, 24] {
        for frac in [53, 54, 55, 56] {
            let all = [
                Octic::new(|z| 1.0 / half(z), relative, z_frac, frac),
                Octic::new(|z| 1.0 / half(z).sqrt(), relative, z_frac, frac),
                Octic::new(|z| half(z).sqrt(), relative, z_frac, frac),
                Octic::new(|z| half(z).ln(), Weight::Absolute, z_frac, frac),
            ];
            for o in all {
                let bits = -o.unwrap().error.log2();
                assert!(bits > 18.5, "{bits} bits of {z_frac} and {frac}");
            }
        }
    }
}
