//! The public fixed-point format of a value.

use serde::{Deserialize, Serialize};

/// Largest bound: one bit for the sign, and one so that the sum or difference of two values still fits.
pub const MAX_BOUND: u32 = 62;

/// `raw / 2^frac`, where `raw` is held modulo 2^width and, read as signed, |raw| < 2^bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Format {
    /// Bits of the ring.
    pub width: u32,
    /// Bits behind the point.
    pub frac: u32,
    /// Logarithm of the declared range.
    pub bound: u32,
}

impl Format {
    /// In the ring of 64 bits.
    #[must_use]
    pub fn new(frac: u32, bound: u32) -> Self {
        Self {
            width: 64,
            frac,
            bound,
        }
    }
    /// The nearest raw value, ties away from zero, clipped to the bound; 0 for what is not a number.
    #[must_use]
    pub fn encode(&self, x: f64) -> i64 {
        let limit = ((1i64 << self.bound.min(MAX_BOUND)) - 1) as f64;
        (x * exp2(self.frac)).round().clamp(-limit, limit) as i64
    }
    /// The real number that a raw value stands for.
    #[must_use]
    pub fn decode(&self, raw: i64) -> f64 {
        raw as f64 / exp2(self.frac)
    }
}

/// 2^bits
pub(crate) fn exp2(bits: u32) -> f64 {
    f64::from(bits).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_rounds_and_clips() {
        let f = Format::new(4, 8);
        assert_eq!(f.encode(1.03), 16);
        assert_eq!(f.encode(-1.04), -17);
        assert_eq!((f.encode(1e9), f.encode(-1e9)), (255, -255));
        assert_eq!(f.encode(f64::NAN), 0);
        assert_eq!(f.decode(-24), -1.5);
        assert!(Format::new(0, MAX_BOUND).encode(f64::INFINITY) <= 1 << 62);
    }
}
