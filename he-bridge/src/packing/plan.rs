//! Where a matrix lies in polynomials, and what its product costs.

use core::ops::Range;

use crate::Error;

/// The packing of one matrix at degree N.
///
/// Columns are cut into blocks of `span` (a power of two); a block of the input is the polynomial sum x_j X^j. A
/// weight polynomial holds N / `span` rows of such a block, sum W_(r,j) X^(r span - j), so that row r of its product
/// with the input is the coefficient at r `span`. Up to 2^`depth` such polynomials go into one response: number i,
/// shifted by its bits reversed, fills places between the multiples of `span`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    rows: usize,
    cols: usize,
    degree: usize,
    span: usize,
    depth: u32,
    inner: u32,
}

impl Plan {
    /// Every packing of the matrix, fewest key switchings first; each differs in the number of levels at the inputs.
    pub fn all(rows: usize, cols: usize, degree: usize) -> Result<Vec<Self>, Error> {
        for (what, got) in [("rows", rows), ("columns", cols)] {
            if got == 0 || got > 1 << 24 {
                return Err(Error::Parameter {
                    what,
                    got: got as u64,
                    domain: "1..=2^24",
                });
            }
        }
        if !degree.is_power_of_two() || !(8..=1 << 16).contains(&degree) {
            return Err(Error::Parameter {
                what: "degree",
                got: degree as u64,
                domain: "a power of two in 8..=2^16",
            });
        }
        let span = cols.next_power_of_two().min(degree);
        let polynomials = rows.div_ceil(degree / span);
        let depth = (polynomials.next_power_of_two().ilog2()).min(span.ilog2());
        let mut all: Vec<Self> = (0..=depth)
            .map(|inner| Self {
                rows,
                cols,
                degree,
                span,
                depth,
                inner,
            })
            .collect();
        // Levels at the inputs cost noise, so that among equals the one with the fewest comes first.
        all.sort_by_key(|plan| (plan.switches(), plan.inner));
        Ok(all)
    }
    /// Rows of the matrix: outputs.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }
    /// Columns of the matrix: inputs.
    #[must_use]
    pub fn cols(&self) -> usize {
        self.cols
    }
    /// N.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.degree
    }
    /// Columns of a block, with its padding.
    #[must_use]
    pub fn span(&self) -> usize {
        self.span
    }
    /// Input polynomials.
    #[must_use]
    pub fn ins(&self) -> usize {
        self.cols.div_ceil(self.span)
    }
    /// Rows in a weight polynomial.
    #[must_use]
    pub fn rows_each(&self) -> usize {
        self.degree / self.span
    }
    /// log2 of the weight polynomials that fit into a response.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.depth
    }
    /// Levels of the packing that act on inputs, before products.
    #[must_use]
    pub fn inner(&self) -> u32 {
        self.inner
    }
    /// Levels that act on products.
    #[must_use]
    pub fn outer(&self) -> u32 {
        self.depth - self.inner
    }
    /// Weight polynomials of a block of columns.
    #[must_use]
    pub fn polynomials(&self) -> usize {
        self.rows.div_ceil(self.rows_each())
    }
    /// Response ciphertexts.
    #[must_use]
    pub fn responses(&self) -> usize {
        self.polynomials().div_ceil(1 << self.depth)
    }
    /// Weight polynomials that go into response `r`.
    #[must_use]
    pub fn members(&self, r: usize) -> Range<usize> {
        let each = 1 << self.depth;
        r * each..((r + 1) * each).min(self.polynomials())
    }
    /// Products that response `r` is packed from, each the sum of 2^`inner` of them for every input.
    #[must_use]
    pub fn products(&self, r: usize) -> usize {
        self.members(r).len().div_ceil(1 << self.inner)
    }
    /// The automorphism of level `l`, X to the power of this: it negates X^(shift of the level), and leaves the
    /// shifts of lower levels alone.
    #[must_use]
    pub fn element(&self, l: u32) -> usize {
        (self.rows_each() << (l + 1)) + 1
    }
    /// What separates the two halves of level `l`.
    #[must_use]
    pub fn shift(&self, l: u32) -> usize {
        self.span >> (l + 1)
    }
    /// Shift of member `i` of a response.
    #[must_use]
    pub fn offset(&self, i: usize) -> usize {
        (0..self.depth)
            .map(|l| ((i >> l) & 1) * self.shift(l))
            .sum()
    }
    /// The coefficients of response `r` that hold outputs, ascending, and their rows.
    #[must_use]
    pub fn output(&self, r: usize) -> (Vec<u32>, Vec<usize>) {
        let members = self.members(r);
        let mut places: Vec<(u32, usize)> = (members.clone())
            .flat_map(|i| {
                let offset = self.offset(i - members.start);
                (0..self.rows_each())
                    .map(move |k| ((k * self.span + offset) as u32, i * self.rows_each() + k))
            })
            .filter(|(_, row)| *row < self.rows)
            .collect();
        places.sort_unstable();
        places.into_iter().unzip()
    }
    /// Key switchings of the server: one for every automorphism of an input or of a merged pair.
    #[must_use]
    pub fn switches(&self) -> usize {
        let outer: usize = (0..self.responses())
            .map(|r| {
                let products = self.products(r);
                (1..=self.outer())
                    .map(|l| products.div_ceil(1 << l))
                    .sum::<usize>()
            })
            .sum();
        self.ins() * ((1 << self.inner) - 1) + outer
    }
    /// Polynomials of weights that are transformed, each modulo every prime.
    #[must_use]
    pub fn factors(&self) -> usize {
        let products: usize = (0..self.responses()).map(|r| self.products(r)).sum();
        (products * self.ins()) << self.inner
    }
    /// Transforms of the server modulo `primes` primes, beside those that mask the responses: for its share of the
    /// inputs, for weights, and for every key switching.
    #[must_use]
    pub fn transforms(&self, primes: usize) -> usize {
        let switch = primes + primes * primes + 2 + 2 * primes;
        (self.ins() + self.factors()) * primes + self.switches() * switch
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_row_has_a_place_of_its_own() {
        for (rows, cols) in [
            (1, 1),
            (3, 1),
            (1, 100),
            (1000, 4096),
            (9000, 3),
            (77, 20_000),
            (4097, 8192),
        ] {
            for plan in Plan::all(rows, cols, 8192).unwrap() {
                let mut seen = vec![false; rows];
                for r in 0..plan.responses() {
                    let (at, row) = plan.output(r);
                    assert!(at.is_sorted_by(|a, b| a < b) && at.iter().all(|p| *p < 8192));
                    for row in row {
                        assert!(!core::mem::replace(&mut seen[row], true));
                    }
                }
                assert!(seen.into_iter().all(|s| s), "{plan:?}");
            }
        }
    }

    #[test]
    fn half_of_the_levels_at_the_inputs_is_cheapest() {
        let plans = Plan::all(1000, 4096, 8192).unwrap();
        assert_eq!((plans[0].inner(), plans[0].outer()), (4, 5));
        assert_eq!((plans[0].switches(), plans[0].factors()), (15 + 31, 512));
        let outputs_only = plans.iter().find(|p| p.inner() == 0).unwrap();
        // 500 products, halved nine times.
        assert_eq!(
            outputs_only.switches(),
            250 + 125 + 63 + 32 + 16 + 8 + 4 + 2 + 1
        );
    }

    #[test]
    fn refuses_what_has_no_place() {
        assert!(Plan::all(0, 1, 8192).is_err());
        assert!(Plan::all(1, usize::MAX, 8192).is_err());
        assert!(Plan::all(1, 1, 8191).is_err());
    }
}
