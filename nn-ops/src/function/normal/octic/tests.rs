#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;

fn bits(x: f64) -> f64 {
    -x.log2()
}

#[test]
fn few_bits_are_no_loss() {
    let half = |z: f64| (3.0 + z) / 4.0;
    for z_frac in [20, 22, 24] {
        for frac in [53, 54, 55, 56] {
            let show = |name: &str, o: Octic| {
                println!(
                    "{name} {z_frac} {frac}: {:.2} {:.2} outside {:.2}",
                    bits(o.error),
                    bits(o.units),
                    o.outside
                );
                o
            };
            let rel = Weight::Relative;
            show(
                "1/u",
                Octic::new(|z| 1.0 / half(z), rel, z_frac, frac).unwrap(),
            );
            show(
                "rsqrt",
                Octic::new(|z| 1.0 / half(z).sqrt(), rel, z_frac, frac).unwrap(),
            );
            show(
                "sqrt",
                Octic::new(|z| half(z).sqrt(), rel, z_frac, frac).unwrap(),
            );
            show(
                "ln",
                Octic::new(|z| half(z).ln(), Weight::Absolute, z_frac, frac).unwrap(),
            );
        }
    }
}
