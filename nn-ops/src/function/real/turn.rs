//! Sine and cosine, in the arithmetic of [`super`].

use core::f64::consts::{FRAC_PI_2, TAU};

/// What pi / 2 exceeds its nearest double by.
const FRAC_PI_2_LOW: f64 = 6.123_233_995_736_766e-17;

/// Angles up to here leave a remainder of a turn that is right to 2^-48.
pub const MAX_ANGLE: f64 = (1u64 << 48) as f64;

/// `(y, q)` with `x = y + q pi/2` up to whole turns, |y| below 0.8, and `q` from 0 to 3.
fn quarter(x: f64) -> (f64, u8) {
    // A remainder is exact.
    let rest = x % TAU;
    let quarters = (rest / FRAC_PI_2).round();
    // So many turns and quarters were a little more than these.
    let all = 4.0 * ((x - rest) / TAU).round() + quarters;
    let y = (rest - quarters * FRAC_PI_2) - all * FRAC_PI_2_LOW;
    (y, quarters.rem_euclid(4.0) as u8)
}

/// The series `1 - y^2 / (a (a+1)) + y^4 / (a .. (a+3)) - ..`, |y| below 0.8: a sine less its factor y for `a = 2`, a
/// cosine for `a = 1`.
fn series(y: f64, a: u32) -> f64 {
    // 0.8^20 / 20! < 2^-67
    let square = y * y;
    (0..10).rev().fold(1.0, |s, k| {
        let at = f64::from(2 * k + a);
        1.0 - s * square / (at * (at + 1.0))
    })
}

/// The sine of an angle of at most [`MAX_ANGLE`]; not a number beyond.
#[must_use]
pub fn sin(x: f64) -> f64 {
    of(x, 0)
}

/// The cosine of an angle of at most [`MAX_ANGLE`]; not a number beyond.
#[must_use]
pub fn cos(x: f64) -> f64 {
    of(x, 1)
}

/// The sine of so many quarters of a turn more.
fn of(x: f64, more: u8) -> f64 {
    if x.is_nan() || x.abs() > MAX_ANGLE {
        return f64::NAN;
    }
    let (y, q) = quarter(x);
    match (q + more) % 4 {
        0 => y * series(y, 2),
        1 => series(y, 1),
        2 => -y * series(y, 2),
        _ => -series(y, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_std() {
        for i in -20_000..20_000i32 {
            for x in [
                f64::from(i) / 1000.0,
                f64::from(i) * 12345.678,
                f64::from(i).powi(3),
            ] {
                let most = 2f64.powi(-50);
                assert!((sin(x) - x.sin()).abs() <= most, "sin {x}");
                assert!((cos(x) - x.cos()).abs() <= most, "cos {x}");
            }
        }
        assert_eq!([sin(0.0), cos(0.0)], [0.0, 1.0]);
        assert!(sin(f64::INFINITY).is_nan() && cos(2.0 * MAX_ANGLE).is_nan());
    }
}
