//! The shape of a carry: digits that are looked up, and groups of digits that one swap takes together.

/// Neighbouring digits of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    /// Lowest digit.
    pub(crate) first: usize,
    /// Digits, at most [`RADIX`].
    pub(crate) size: usize,
}

/// Most digits of a group: products of this many masked bits, and 2^RADIX - 1 handed-out planes for the longest of them.
const RADIX: usize = 4;

impl Group {
    /// Planes of mask products: of the heads among themselves, and with each tail.
    pub(crate) fn products(&self) -> usize {
        let heads = self.size - 1;
        let among = (1usize << heads) - 1 - heads;
        let tails: usize = (0..self.size).map(|i| (1 << (heads - i)) - 1).sum();
        let propagate = if self.first > 0 { (1 << heads) - 1 } else { 0 };
        among + tails + propagate
    }
}

/// How a carry over a number of positions is computed.
///
/// A digit of m bits costs 2^m - 1 bits to look up, 4 to mask and about 6 to combine with the others, so 3 bits to a digit are the
/// cheapest; 4 where they save a swap for little.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Adder {
    digits: Vec<usize>,
    levels: Vec<Vec<Group>>,
}

/// `n` split as evenly as it goes into `parts`, the larger first.
fn even(n: usize, parts: usize) -> impl Iterator<Item = usize> {
    (0..parts).map(move |i| n / parts + usize::from(i < n % parts))
}

impl Adder {
    /// For the carry out of `positions` bits, at least 1.
    pub(crate) fn new(positions: usize) -> Self {
        let bits = match positions {
            13..=16 => 4,
            _ => 3,
        };
        let count = positions.div_ceil(bits);
        let digits: Vec<usize> = even(positions, count).collect();
        let mut levels = Vec::new();
        let mut left = count;
        while left > 1 {
            let mut first = 0;
            let groups: Vec<Group> = even(left, left.div_ceil(RADIX))
                .map(|size| {
                    let group = Group { first, size };
                    first += size;
                    group
                })
                .collect();
            left = groups.len();
            levels.push(groups);
        }
        Self { digits, levels }
    }

    /// Bits of each digit, lowest first.
    pub(crate) fn digits(&self) -> &[usize] {
        &self.digits
    }

    /// Groups of each level, until one is left.
    pub(crate) fn levels(&self) -> &[Vec<Group>] {
        &self.levels
    }

    /// Planes of the lookup tables.
    pub(crate) fn table_planes(&self) -> usize {
        self.digits.iter().map(|m| (1 << m) - 1).sum()
    }

    /// Planes that party 0 hands out.
    pub(crate) fn handed_planes(&self) -> usize {
        let products: usize = self.levels.iter().flatten().map(Group::products).sum();
        self.table_planes() + products
    }

    /// Planes of each swap, to either side.
    pub(crate) fn swaps(&self) -> impl Iterator<Item = usize> {
        let counts = self.levels.iter().map(Vec::len);
        core::iter::once(self.digits.len())
            .chain(counts)
            .map(|n| 2 * n - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_every_group() {
        let of = |first, size| Group { first, size }.products();
        assert_eq!((1..=4).map(|k| of(0, k)).collect::<Vec<_>>(), [0, 1, 5, 15]);
        assert_eq!((1..=4).map(|k| of(9, k)).collect::<Vec<_>>(), [0, 2, 8, 22]);
    }

    #[test]
    fn every_width_is_covered_in_few_swaps() {
        for n in 1..=63 {
            let a = Adder::new(n);
            assert_eq!(a.digits().iter().sum::<usize>(), n);
            assert!(a.digits().iter().all(|m| (1..=4).contains(m)), "{a:?}");
            let mut left = a.digits().len();
            for groups in a.levels() {
                let mut next = 0;
                for g in groups {
                    assert_eq!(g.first, next);
                    assert!((1..=RADIX).contains(&g.size));
                    next += g.size;
                }
                assert_eq!(next, left);
                left = groups.len();
            }
            assert_eq!(left, 1);
            assert_eq!(a.swaps().last(), Some(1));
            let most = match n {
                ..=3 => 1,
                4..=16 => 2,
                17..=48 => 3,
                _ => 4,
            };
            assert_eq!(a.swaps().count(), most, "{n}");
        }
    }

    /// Bits over all parties for windows of 20 and of 32 bits, but for the top one. A parallel prefix tree of two-input
    /// gates would take 150 and 258.
    #[test]
    fn bits_of_a_carry() {
        let bits = |n| {
            let a = Adder::new(n);
            a.handed_planes() + 2 * a.swaps().sum::<usize>()
        };
        assert_eq!((bits(19), bits(31)), (99, 173));
    }
}
