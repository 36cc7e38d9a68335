//! Doors for benches: kernels without the scheme around them.

use core::ops::Range;

use piquet_core::cpu::Level;

use super::exact::Exact;
use super::power::Power;
use super::taps::Taps;
use crate::Error;
use crate::map::Map;

/// Sums of shifted polynomials.
pub struct Sums(Taps);

impl Sums {
    /// Modulo 2^`bits`, of values of at most `bound` in absolute value.
    pub fn new(
        bits: u32,
        level: Level,
        bound: u64,
        map: &Map,
        values: &[i64],
    ) -> Result<Self, Error> {
        Taps::prepare(Power::new(bits).at(level), level, bound, map, values).map(Self)
    }
    /// Outputs from inputs.
    #[must_use]
    pub fn multiply(&self, inputs: &[[&[u64]; 2]], outs: Range<usize>) -> Vec<[Vec<u64>; 2]> {
        self.0.multiply(inputs, outs)
    }
}

/// Products with ternary polynomials.
pub struct Products(Exact);

impl Products {
    /// Modulo 2^`bits`.
    #[must_use]
    pub fn new(bits: u32, degree: usize, level: Level) -> Self {
        Self(Exact::new(Power::new(bits).at(level), degree, level))
    }
    /// Points of a polynomial.
    #[must_use]
    pub fn points(&self, planes: &[u64]) -> Vec<u64> {
        self.0.points(planes)
    }
    /// Points of a ternary polynomial.
    #[must_use]
    pub fn ternary(&self, s: &[i8]) -> Vec<u64> {
        self.0.ternary(s)
    }
    /// The product.
    #[must_use]
    pub fn product(&self, a: &[u64], ternary: &[u64]) -> Vec<u64> {
        self.0.product(a, ternary)
    }
}
