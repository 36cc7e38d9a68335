//! The shape of sums of products: which operands there are, and which of them meet.

/// Sums of products of one step, by its distinct operands: an engine that masks what it multiplies masks each once.
///
/// Operands are the same if they are one value in memory, which is so for every interpreter of a program or for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Products {
    operands: Vec<usize>,
    sums: Vec<Vec<(usize, usize)>>,
}

impl Products {
    /// Of the factors of each sum, with the elements of an operand by `len`; and the distinct operands.
    pub fn of<'a, A>(
        sums: impl IntoIterator<Item = impl IntoIterator<Item = (&'a A, &'a A)>>,
        len: impl Fn(&A) -> usize,
    ) -> (Self, Vec<&'a A>) {
        let mut distinct: Vec<&A> = Vec::new();
        let mut place = |x: &'a A| {
            let known = distinct.iter().position(|y| core::ptr::eq(*y, x));
            known.unwrap_or_else(|| {
                distinct.push(x);
                distinct.len() - 1
            })
        };
        let mut sums_of = Vec::new();
        for factors in sums {
            let factors = factors.into_iter();
            sums_of.push(factors.map(|(a, b)| (place(a), place(b))).collect());
        }
        let sums = sums_of;
        let operands = distinct.iter().map(|x| len(x)).collect();
        (Self { operands, sums }, distinct)
    }

    /// Products, one to a sum, of operands that are all different.
    #[must_use]
    pub fn pairs(lens: &[usize]) -> Self {
        Self {
            operands: lens.iter().flat_map(|n| [*n, *n]).collect(),
            sums: (0..lens.len()).map(|i| vec![(2 * i, 2 * i + 1)]).collect(),
        }
    }

    /// Elements of each distinct operand, in the order of first use.
    #[must_use]
    pub fn operands(&self) -> &[usize] {
        &self.operands
    }

    /// Of each sum, the operands that are multiplied with each other.
    #[must_use]
    pub fn sums(&self) -> &[Vec<(usize, usize)>] {
        &self.sums
    }

    /// Elements of the first operand of each sum: of the sum, if it is one of elementwise products.
    #[must_use]
    pub fn lens(&self) -> Vec<usize> {
        let first = |s: &Vec<(usize, usize)>| s.first().and_then(|(a, _)| self.operands.get(*a));
        self.sums
            .iter()
            .map(|s| first(s).copied().unwrap_or(0))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_operand_only_if_they_are_one_value() {
        let (x, y, z) = (vec![1u8; 3], vec![1u8; 3], vec![2u8; 5]);
        let sums = [vec![(&x, &x), (&y, &x)], vec![(&z, &z)]];
        let (products, distinct) = Products::of(sums, Vec::len);
        assert_eq!(products.operands(), [3, 3, 5]);
        assert_eq!(products.sums(), [vec![(0, 0), (1, 0)], vec![(2, 2)]]);
        assert_eq!(products.lens(), [3, 5]);
        assert!(core::ptr::eq(distinct[1], &y));
        assert_eq!(Products::pairs(&[4]).operands(), [4, 4]);
    }
}
