//! Gates, from their formulas.

use super::low;
use super::stream::{Deal, Taken};
use super::tree::{self, Shape};

pub(crate) trait Gate {
    /// The byte that names it, and its parameters.
    fn id(&self) -> (u8, [u32; 3]);
    /// Writes the keys; returns what the dealer learns.
    fn deal(&self, masks: &[u128], count: usize, to: &mut Deal) -> Vec<u128>;
    /// A party's shares of the results.
    fn evaluate(&self, masked: &[u128], from: &mut Taken<'_>) -> Vec<u128>;
}

/// Fresh masks; what is "evaluated" are a party's shares of them.
pub(crate) struct Mask {
    pub(crate) word: u32,
    pub(crate) bits: u32,
}

impl Gate for Mask {
    fn id(&self) -> (u8, [u32; 3]) {
        (1, [self.bits, self.word, 0])
    }
    fn deal(&self, _: &[u128], count: usize, to: &mut Deal) -> Vec<u128> {
        to.random(self.word, self.bits, count)
    }
    fn evaluate(&self, masked: &[u128], from: &mut Taken<'_>) -> Vec<u128> {
        from.random(self.word, self.bits, masked.len())
    }
}

/// x ≥ 0: 1 ⊕ msb(x̂) ⊕ msb(r) ⊕ (x̂' < r'), with x', r' all bits but the highest. Shares of the comparison from a point function at
/// r', then shares of msb(r), or of its complement where no bits are left to compare.
pub(crate) struct Sign {
    pub(crate) word: u32,
    pub(crate) bits: u32,
}

impl Sign {
    fn shape(&self) -> Shape {
        Shape {
            domain: self.bits - 1,
            value: 1,
        }
    }
    fn top(&self, x: u128) -> bool {
        (x >> (self.bits - 1)) & 1 == 1
    }
}

impl Gate for Sign {
    fn id(&self) -> (u8, [u32; 3]) {
        (3, [self.bits, self.word, 0])
    }
    fn deal(&self, masks: &[u128], _: usize, to: &mut Deal) -> Vec<u128> {
        if self.bits > 1 {
            let points: Vec<_> = masks.iter().map(|r| (low(*r, self.bits - 1), 1)).collect();
            to.trees(self.shape(), &points);
        }
        let top = masks.iter().map(|r| self.top(*r) ^ (self.bits == 1));
        to.share_bits(&top.collect::<Vec<_>>());
        Vec::new()
    }
    fn evaluate(&self, masked: &[u128], from: &mut Taken<'_>) -> Vec<u128> {
        let n = masked.len();
        let mut prefix = vec![false; n];
        if self.bits > 1 {
            let keys = from.trees(self.shape(), n);
            for ((p, x), (root, key)) in prefix.iter_mut().zip(masked).zip(&keys) {
                let x = low(*x, self.bits - 1);
                *p = tree::prefix(&from.pi, self.shape(), *root, key, x);
            }
        }
        let top = from.share_bits(n);
        let of = |((x, p), t): ((&u128, &bool), &bool)| {
            u128::from((self.top(*x) && from.party == 0) ^ p ^ t)
        };
        masked.iter().zip(&prefix).zip(&top).map(of).collect()
    }
}
