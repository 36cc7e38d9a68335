//! Fixed-point numbers in a ring: how a tensor is scaled, how large it may be, and what truncation does to it.
//!
//! A real `v` is held as the integer `x = round(v * 2^frac)` modulo `2^width`. [`Format`] travels with the tensor:
//! sums need equal `frac`, products add it, and `bound` keeps `|x| < 2^bound` in view, so that an overflow is an error
//! when a program is put together instead of a wrong number when it runs.

mod codec;

use core::fmt;

pub use codec::{decode, encode, encode_f32};

use crate::Error;

/// Scale and size of fixed-point numbers: integers `x` with `|x| < 2^bound`, standing for `x / 2^frac`, in
/// `width`-bit two's complement.
///
/// With the feature `serde` it is read and written as its three numbers, which are checked as by [`Format::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Numbers"))]
pub struct Format {
    width: u32,
    frac: u32,
    bound: u32,
}

/// What a format is read from.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
#[serde(rename = "Format", deny_unknown_fields)]
struct Numbers {
    width: u32,
    frac: u32,
    bound: u32,
}

#[cfg(feature = "serde")]
impl TryFrom<Numbers> for Format {
    type Error = Error;
    fn try_from(n: Numbers) -> Result<Self, Error> {
        Self::new(n.width, n.frac, n.bound)
    }
}

impl Format {
    /// `8 <= width <= 128`, `frac < width`, `bound <= width - 1`.
    ///
    /// # Errors
    /// [`Error::Format`] naming the rule that is broken.
    pub fn new(width: u32, frac: u32, bound: u32) -> Result<Self, Error> {
        let format = Self { width, frac, bound };
        let why = if !(8..=128).contains(&width) {
            "width is 8 to 128 bits"
        } else if frac >= width {
            "frac is less than width"
        } else if bound >= width {
            "the sign needs a bit: bound is less than width"
        } else {
            return Ok(format);
        };
        Err(Error::Format { format, why })
    }
    /// In 64 bits.
    ///
    /// # Errors
    /// As for [`Format::new`].
    pub fn z64(frac: u32, bound: u32) -> Result<Self, Error> {
        Self::new(64, frac, bound)
    }
    /// Bits of the two's complement representation.
    #[must_use]
    pub fn width(self) -> u32 {
        self.width
    }
    /// log2 of the scale.
    #[must_use]
    pub fn frac(self) -> u32 {
        self.frac
    }
    /// log2 of the exclusive bound on the magnitude of the integers.
    #[must_use]
    pub fn bound(self) -> u32 {
        self.bound
    }
    /// The same scale under another bound. A smaller one is the caller's claim about the data; nothing checks it.
    ///
    /// # Errors
    /// [`Error::Format`] if it does not fit into `width`.
    pub fn with_bound(self, bound: u32) -> Result<Self, Error> {
        Self::new(self.width, self.frac, bound)
    }
    /// The same numbers in another width.
    ///
    /// # Errors
    /// [`Error::Format`] if they do not fit.
    pub fn with_width(self, width: u32) -> Result<Self, Error> {
        Self::new(width, self.frac, self.bound)
    }

    /// The nearest integer that the format allows, ties to even: clipped to the bound, 0 for what is not a number.
    ///
    /// Where clipping would be a mistake, [`encode`] refuses. Formats of more than 64 bits are clipped to those.
    #[must_use]
    pub fn encode(self, v: f64) -> i64 {
        let limit = (1i128 << self.bound.min(63)) - 1;
        let x = (v * f64::from(self.frac).exp2()).round_ties_even();
        (x as i128).clamp(-limit, limit) as i64
    }
    /// The real number that an integer stands for. Exact up to 53 significant bits.
    #[must_use]
    pub fn decode(self, x: i64) -> f64 {
        x as f64 / f64::from(self.frac).exp2()
    }

    /// Format of a sum or difference: one bit more than the larger operand.
    ///
    /// # Errors
    /// [`Error::Formats`] for unequal `width` or `frac`, or if the sum may overflow.
    pub fn add(self, rhs: Self) -> Result<Self, Error> {
        self.same_width(rhs)?;
        if self.frac != rhs.frac {
            return Err(self.with(rhs, "a sum needs equal scales"));
        }
        Self::new(self.width, self.frac, self.bound.max(rhs.bound) + 1)
            .map_err(|_| self.with(rhs, "the sum may overflow"))
    }
    /// Format of a product: scales and bounds add.
    ///
    /// # Errors
    /// [`Error::Formats`] for unequal `width`, or if the product may overflow or its scale exceed the width.
    pub fn mul(self, rhs: Self) -> Result<Self, Error> {
        self.dot(rhs, 1)
    }
    /// Format of an inner product of `terms` products: what a matrix product or a convolution yields. `terms` of 0
    /// counts as 1.
    ///
    /// # Errors
    /// As for [`Format::mul`].
    pub fn dot(self, rhs: Self, terms: usize) -> Result<Self, Error> {
        self.same_width(rhs)?;
        let carry = usize::BITS - terms.saturating_sub(1).leading_zeros(); // ceil(log2 terms)
        Self::new(
            self.width,
            self.frac + rhs.frac,
            self.bound + rhs.bound + carry,
        )
        .map_err(|_| self.with(rhs, "the product may overflow"))
    }
    /// Format after division by `2^shift`, for any rounding that is at most one unit away from the quotient's floor:
    /// the scale falls by `shift`, and so does the bound, but for one bit, which rounding away from zero may need.
    ///
    /// # Errors
    /// [`Error::Format`] if `shift > frac`.
    pub fn rescale(self, shift: u32) -> Result<Self, Error> {
        let Some(frac) = self.frac.checked_sub(shift) else {
            return Err(Error::Format {
                format: self,
                why: "a rescaling cannot shift out more than frac bits",
            });
        };
        if shift == 0 {
            return Ok(self);
        }
        Self::new(self.width, frac, self.bound.saturating_sub(shift) + 1)
    }

    fn same_width(self, rhs: Self) -> Result<(), Error> {
        if self.width == rhs.width {
            Ok(())
        } else {
            Err(self.with(rhs, "they live in rings of different widths"))
        }
    }
    fn with(self, right: Self, why: &'static str) -> Error {
        Error::Formats {
            left: self,
            right,
            why,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-bit.{} below 2^{}", self.width, self.frac, self.bound)
    }
}

/// An upper bound on the probability that local truncation of one element is wrong by about `2^(ring_bits - shift)`.
///
/// Local truncation of a **two-party** additive sharing (SecureML, Mohassel and Zhang, S&P 2017, Theorem 1; ABY3,
/// eprint 2018/403, section 5.1): each party shifts its share, party 1 through a negation. With one share uniform, the
/// shares wrap around the ring with probability at most `|x| / 2^(ring_bits - 1)`; this returns
/// `2^(bound + 1 - ring_bits)`, its value at the declared bound, and 0 for no shift. Unless that happens the result is
/// the quotient's floor or one more.
///
/// What it does not promise:
/// - It is per element. A layer of `n` elements fails with up to `n` times that: at the 64-bit, 26-bit settings that
///   many systems recommend, some elements of a deep network do fail (Zhou et al., 'On Probabilistic Truncation in
///   Privacy-preserving Machine Learning', AAAI 2025, who also found that fixed masks had hidden it).
/// - It rests on the *declared* bound; data beyond it fails more often, without a trace.
/// - Three or more additive shares wrap with constant probability; local truncation is never right for them.
/// - It says nothing of simulation: the rounding error depends on the shares, so the step is not a secure realisation
///   of an ideal rounding functionality, only of the one that states this error.
#[must_use]
pub fn local_truncation_failure(format: Format, shift: u32, ring_bits: u32) -> f64 {
    if shift == 0 {
        return 0.0;
    }
    (f64::from(format.bound) + 1.0 - f64::from(ring_bits))
        .exp2()
        .min(1.0)
}
