//! Powers, in the arithmetic of [`super`].

use super::{exp, ln};

/// Whole exponents up to here are products.
const PRODUCTS: f64 = 64.0;

/// `x^y`, to about 2^-46 of itself, or `2^-52 |y ln x|` if that is more. Not a number where `x` is negative, be it
/// infinite, and `y` is not whole.
#[must_use]
pub fn pow(x: f64, y: f64) -> f64 {
    if y == 0.0 || x == 1.0 {
        return 1.0;
    }
    let whole = y.trunc() == y;
    if x < 0.0 && !whole {
        return f64::NAN;
    }
    if whole && y.abs() <= PRODUCTS {
        let product = product(x, y.abs() as u32);
        // Of a product that is too large the inverse may still be a number.
        if y > 0.0 || x.is_infinite() || product.is_finite() {
            return if y < 0.0 { 1.0 / product } else { product };
        }
    }
    let size = match x.abs() == 1.0 {
        true => 1.0,
        false => exp(y * ln(x.abs())),
    };
    if x.is_sign_negative() && (y % 2.0).abs() == 1.0 {
        -size
    } else {
        size
    }
}

/// `x^n` by squares.
fn product(x: f64, n: u32) -> f64 {
    let (mut power, mut square, mut left) = (1.0, x, n);
    while left > 0 {
        if left & 1 == 1 {
            power *= square;
        }
        square *= square;
        left >>= 1;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_std() {
        for i in 1..400 {
            let x = f64::from(i) / 37.0;
            for j in -300..300 {
                let y = f64::from(j) / 11.0;
                let (got, want) = (pow(x, y), x.powf(y));
                let most = want * (y * x.ln()).abs().max(4.0) * 2f64.powi(-50);
                assert!((got - want).abs() <= most, "{x} {y}: {got} {want}");
            }
        }
        let odd = [
            -2.5,
            -1.0,
            -0.0,
            0.0,
            0.5,
            1.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        let exponents = [
            -66.0,
            -65.0,
            -3.0,
            -2.0,
            0.0,
            1.0,
            2.0,
            65.0,
            66.0,
            f64::INFINITY,
        ];
        for x in odd.into_iter().chain([f64::NAN]) {
            for y in exponents {
                let (got, want) = (pow(x, y), x.powf(y));
                let near = (got - want).abs() <= want.abs() * 1e-13;
                let same = got == want && got.is_sign_negative() == want.is_sign_negative();
                assert!(
                    near && want != 0.0 || same || got.is_nan() && want.is_nan(),
                    "{x} {y}: {got} {want}"
                );
            }
        }
        assert!(pow(1e8, -40.0) > 0.0);
        assert!(pow(-2.0, 0.5).is_nan() && pow(2.0, f64::NAN).is_nan());
        assert_eq!(
            [pow(3.0, 2.0), pow(2.0, -3.0), pow(f64::NAN, 0.0)],
            [9.0, 0.125, 1.0]
        );
    }
}
