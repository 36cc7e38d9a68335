//! Operands of steps that take more than tensors: sums of products, batches of matrices, weighed bits, powers of two.

use super::{Rescale, Spec, Truncation, check_rescale, product_bound};
use crate::Error;
use crate::model::{Format, Shape};

/// A sum of elementwise products that is rescaled once.
#[derive(Debug)]
pub struct Dot<'a, A> {
    /// Factors. All products of a sum have one shape, and together as many fraction bits.
    pub products: Vec<(&'a A, &'a A)>,
    /// Added before the sum is rescaled: a value of the shape and with the fraction bits of the products.
    pub plus: Option<&'a A>,
}

/// Products of matrices, memory order row by row: `[batch][rows][inner]` times `[batch][inner][columns]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MatMul {
    /// Pairs of matrices.
    pub batch: usize,
    /// Rows of a left matrix and of a product.
    pub rows: usize,
    /// Columns of a left matrix.
    pub inner: usize,
    /// Columns of a product.
    pub columns: usize,
    /// Whether the right matrices lie transposed: `[batch][columns][inner]`.
    pub transposed: bool,
}

impl MatMul {
    /// Elements of the left operand, of the right operand and of the result.
    #[must_use]
    pub fn lens(&self) -> [usize; 3] {
        [
            self.batch * self.rows * self.inner,
            self.batch * self.inner * self.columns,
            self.batch * self.rows * self.columns,
        ]
    }
    /// Multiply-accumulates.
    #[must_use]
    pub fn macs(&self) -> u64 {
        (self.batch * self.rows * self.columns) as u64 * self.inner as u64
    }
}

/// A linear combination of bits, as an integer.
#[derive(Debug, Clone, Copy)]
pub struct Weighed<'a> {
    /// One public integer for each bit.
    pub factors: &'a [i64],
    /// Format of the sum, as raw fixed point.
    pub format: Format,
}

/// `2^e` of `e = (factor x + offset) / 2^frac`, x raw, as fixed point: [`Layers::power`](crate::layer::Layers::power).
///
/// The exponent is declared to lie in `0 <= e < 2^(low + high) - 2^low`, and what is outside is garbage; the result is
/// `2^(e - bias)`. Before it is rounded it is off by at most 1/8 of a unit in the last place and `2^-precision` of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Power {
    /// Public factor.
    pub factor: i64,
    /// Public summand.
    pub offset: i64,
    /// Fraction bits of the exponent.
    pub frac: u32,
    /// Whole bits of the exponent that belong to a factor between 1 and `2^(2^low)`.
    pub low: u32,
    /// Whole bits of the exponent above these, which are looked up.
    pub high: u32,
    /// Subtracted from the exponent.
    pub bias: u32,
    /// Bits that are right, counted from the highest one that is set, if the result has so many.
    pub precision: u32,
    /// Format of the result.
    pub to: Format,
    /// How it is rounded.
    pub mode: Truncation,
}

impl Power {
    /// Fraction bits of the coefficients: so many that half a unit of them, times a factor below `2^(2^low)`, is 1/8 of a
    /// unit of the result.
    pub(crate) fn coefficient_frac(&self) -> u32 {
        self.to.frac() + (1 << self.low.min(30)) + 2
    }

    /// Bits that are dropped from the product.
    #[must_use]
    pub fn shift(&self) -> u32 {
        self.precision.saturating_add((1 << self.low.min(30)) + 2)
    }

    /// Words that are handed out for each element.
    #[must_use]
    pub fn words(&self) -> usize {
        1 << self.high.min(31)
    }

    /// How the product is rescaled, if its rounding may depend on masks; not otherwise, for the factors do.
    pub(crate) fn rescale(&self) -> Option<Rescale> {
        match self.mode {
            Truncation::Exact | Truncation::Nearest => None,
            Truncation::Stochastic | Truncation::Local => Some(Rescale {
                shift: self.shift(),
                mode: Truncation::Stochastic,
                to: self.to,
            }),
        }
    }
}

/// Checks a [`Power`] of a value: words hold everything, and the product is below 2^61.
pub(crate) fn check_power(x: &Spec, p: &Power) -> Result<(), Error> {
    for format in [x.format, p.to] {
        if format.width() != 64 {
            return Err(Error::Unheld { format });
        }
        super::check_format(format)?;
    }
    let digits = (1..=4).contains(&p.low) && (1..=6).contains(&p.high) && p.bias <= 128;
    let fraction = digits && (1..64).contains(&p.frac) && p.frac + p.low + p.high <= 64;
    if !fraction || !(1..=28).contains(&p.precision) {
        return Err(Error::Unsupported {
            what: "a power whose exponent is not held by words of 64 bits",
        });
    }
    // Above the largest result; a small result has as long a factor.
    let above = ((p.words() as u32 - 1) << p.low).saturating_sub(p.bias);
    let bound = p.precision + p.coefficient_frac() + above;
    if bound > product_bound(64) - 1 {
        return Err(Error::Range {
            what: "power",
            bound,
        });
    }
    Ok(())
}

/// Checks a sum of public multiples: one shape, the fraction bits of the result, and products that have room. Gives the shape.
pub(crate) fn check_combination<'a>(
    terms: &[(&'a Spec, i64)],
    to: Format,
) -> Result<&'a Shape, Error> {
    let Some((first, _)) = terms.first() else {
        return Err(Error::Length {
            what: "terms of a combination",
            got: 0,
            want: 1,
        });
    };
    for (x, factor) in terms {
        if x.shape != first.shape {
            return Err(Error::ShapeMismatch {
                op: "combine",
                left: first.shape.clone(),
                right: x.shape.clone(),
            });
        }
        if x.format.width() != to.width() || x.format.frac() > to.frac() {
            return Err(Error::FormatMismatch {
                op: "combine",
                left: x.format,
                right: to,
            });
        }
        check_multiple(x.format, factor.unsigned_abs())?;
    }
    Ok(&first.shape)
}

/// The bound of a product with a public integer of this magnitude, if it has room.
pub(crate) fn check_multiple(x: Format, factor: u64) -> Result<u32, Error> {
    let bits = u64::BITS - factor.saturating_sub(1).leading_zeros();
    let bound = x.bound() + bits;
    match bound <= product_bound(x.width()) {
        true => Ok(bound),
        false => Err(Error::Range {
            what: "product with public factors",
            bound,
        }),
    }
}

/// Checks a [`Dot`] by the specs of its operands, and its rescaling.
pub(crate) fn check_dot(
    products: &[(&Spec, &Spec)],
    plus: Option<&Spec>,
    r: &Rescale,
) -> Result<(), Error> {
    let Some((a, b)) = products.first() else {
        return Err(Error::Length {
            what: "products of a sum",
            got: 0,
            want: 1,
        });
    };
    let frac = a.format.frac() + b.format.frac();
    let mut reach = 0u128;
    for (x, y) in products {
        for other in [x, y] {
            if other.shape != a.shape {
                return Err(Error::ShapeMismatch {
                    op: "dot",
                    left: a.shape.clone(),
                    right: other.shape.clone(),
                });
            }
        }
        if x.format.frac() + y.format.frac() != frac {
            return Err(Error::FormatMismatch {
                op: "dot",
                left: x.format,
                right: y.format,
            });
        }
        reach += 1 << (x.format.bound() + y.format.bound()).min(100);
    }
    if let Some(p) = plus {
        if p.shape != a.shape {
            return Err(Error::ShapeMismatch {
                op: "dot",
                left: a.shape.clone(),
                right: p.shape.clone(),
            });
        }
        if p.format.frac() != frac {
            return Err(Error::FormatMismatch {
                op: "dot",
                left: a.format,
                right: p.format,
            });
        }
        reach += 1 << p.format.bound();
    }
    let worst = u128::BITS - (reach - 1).leading_zeros();
    // What an engine needs is that the sum fits as declared.
    let bound = worst.min(r.to.bound() + r.shift);
    if bound > product_bound(64) {
        return Err(Error::Range {
            what: "sum of products",
            bound,
        });
    }
    check_rescale(frac, bound, r)
}

/// Checks the operands of a [`MatMul`], and its rescaling. Its magnitude follows from the declared bound of the result.
pub(crate) fn check_matmul(a: &Spec, b: &Spec, op: &MatMul, r: &Rescale) -> Result<(), Error> {
    let [left, right, _] = op.lens();
    for (got, want) in [(a.len(), left), (b.len(), right)] {
        if got != want {
            return Err(Error::Length {
                what: "operand of a product of matrices",
                got,
                want,
            });
        }
    }
    let frac = a.format.frac() + b.format.frac();
    check_rescale(frac, r.to.bound() + r.shift, r)
}

/// Shape of a product of matrices.
pub(crate) fn matmul_shape(op: &MatMul) -> Result<Shape, Error> {
    Ok(Shape::new(&[op.batch * op.rows, op.columns])?)
}

/// Checks that a range of bits lies in the window of a value.
pub(crate) fn check_bits(x: &Spec, range: &core::ops::Range<u32>) -> Result<(), Error> {
    let window = x.format.bound() + 1;
    if range.is_empty() || range.end > window {
        return Err(Error::Length {
            what: "bits of a value",
            got: range.end as usize,
            want: window as usize,
        });
    }
    Ok(())
}

/// Checks the factors of weighed bits against their number, and that the declared formats are held.
pub(crate) fn check_weighed(bits: usize, sums: &[Weighed<'_>]) -> Result<(), Error> {
    for s in sums {
        if s.factors.len() != bits {
            return Err(Error::Length {
                what: "factors of bits",
                got: s.factors.len(),
                want: bits,
            });
        }
        super::check_format(s.format)?;
    }
    Ok(())
}
