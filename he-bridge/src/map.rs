//! What a server multiplies by: a matrix of sparse polynomials that share their exponents.

use crate::Error;

/// Every output polynomial is a sum over input polynomials, each times a plaintext polynomial whose terms stand at
/// the same exponents for every pair. Values of the terms come as `[outs][ins][exponents]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// Input polynomials.
    pub ins: usize,
    /// Output polynomials.
    pub outs: usize,
    /// Exponents, below twice the degree N, each once: X^e, where X^N = -1.
    pub exponents: Vec<u32>,
}

impl Map {
    /// Terms over all pairs.
    #[must_use]
    pub fn values(&self) -> usize {
        self.ins * self.outs * self.exponents.len()
    }
    /// Checks sizes and exponents against a degree, and the number of values.
    pub fn validate(&self, degree: usize, values: usize) -> Result<(), Error> {
        let want = (self.ins.checked_mul(self.outs))
            .and_then(|n| n.checked_mul(self.exponents.len()))
            .filter(|n| *n > 0)
            .ok_or(Error::Parameter {
                what: "number of terms of a product",
                got: 0,
                domain: "at least 1, and in memory",
            })?;
        if values != want {
            return Err(Error::Length {
                what: "values of terms",
                got: values,
                want,
            });
        }
        let mut taken = vec![false; degree];
        for &e in &self.exponents {
            let place = (e as usize) % degree;
            if e as usize >= 2 * degree || taken[place] {
                return Err(Error::Parameter {
                    what: "exponent",
                    got: e.into(),
                    domain: "below twice the degree, each place once",
                });
            }
            taken[place] = true;
        }
        Ok(())
    }
    /// Place and sign of a term: X^e is X^place, or its negation.
    #[inline]
    #[must_use]
    pub fn place(e: u32, degree: usize) -> (usize, bool) {
        let e = e as usize;
        if e < degree {
            (e, false)
        } else {
            (e - degree, true)
        }
    }
}
