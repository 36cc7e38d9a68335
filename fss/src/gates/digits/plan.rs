//! Which digits there are and how they are put together.

/// A comparison of numbers.
pub(super) struct Plan {
    /// Bits of each digit, the most significant one first.
    pub(super) digits: Vec<u32>,
    /// From the digits to the result; nodes in the order of their digits.
    pub(super) levels: Vec<Vec<Node>>,
}

impl Plan {
    /// Numbers of `bits` bits in as few digits as can be, of nearly equal widths: a digit of w bits has 2^w - 1
    /// bits of key.
    pub(super) fn new(bits: u32, digit: u32, radix: u32) -> Self {
        let n = bits.div_ceil(digit);
        let digits = (0..n).map(|i| bits / n + u32::from(i < bits % n)).collect();
        let mut levels = Vec::new();
        let mut left = n as usize;
        while left > 1 {
            let nodes = left.div_ceil(radix as usize);
            // The last node has no "equal": there a digit more costs least.
            let wide = nodes - left % nodes;
            let node = |i| Node {
                arity: left / nodes + usize::from(i >= wide),
                both: i + 1 < nodes,
            };
            levels.push((0..nodes).map(node).collect());
            left = nodes;
        }
        Self { digits, levels }
    }
    /// Bits that the dealer shares for each comparison: one besides those of digits and nodes.
    pub(super) fn shared(&self) -> usize {
        let digits: usize = self.digits.iter().map(|w| (1 << w) - 1).sum();
        let nodes = self.levels.iter().flatten();
        1 + digits + nodes.map(|n| n.products().len()).sum::<usize>()
    }
}

/// Some neighbours become one. What it opens are the bits of "equal", all but the last's unless `both` are wanted,
/// then those of "less", all but the first's. Sets of them are masks of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    /// Neighbours; one is handed on as it is.
    pub(super) arity: usize,
    /// Whether "equal" is wanted too.
    pub(super) both: bool,
}

impl Node {
    /// Bits of "equal" that are opened.
    pub(super) fn controls(&self) -> usize {
        match self.arity {
            1 => 0,
            m => m - usize::from(!self.both),
        }
    }
    /// Bits that are opened.
    pub(super) fn opened(&self) -> usize {
        self.controls() + self.arity - 1
    }
    /// The factors of "equal".
    pub(super) fn all(&self) -> u32 {
        (1 << self.controls()) - 1
    }
    /// The factors of term i of "less", 0 < i < arity: i times "equal", and "less" of neighbour i.
    pub(super) fn term(&self, i: usize) -> u32 {
        ((1 << i) - 1) | 1 << (self.controls() + i - 1)
    }
    /// The products of masks that are wanted: subsets, of two and more, of the factors of "equal" and of each term.
    pub(super) fn products(&self) -> Vec<u32> {
        let mut sets: Vec<u32> = (0..=self.all()).collect();
        for i in 1..self.arity {
            let less = 1 << (self.controls() + i - 1);
            sets.extend((0..1 << i).map(|s| s | less));
        }
        sets.retain(|s| s.count_ones() >= 2);
        sets
    }
}
