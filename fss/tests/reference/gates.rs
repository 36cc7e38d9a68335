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

/// A gate that opens bits under masks, once.
pub(crate) trait Opens: Gate {
    /// A party's shares of the bits, without masks, and what it needs afterwards: its masks first.
    fn start(&self, masked: &[u128], from: &mut Taken<'_>) -> (Vec<bool>, Vec<Vec<u128>>);
    /// A party's shares of the results.
    fn finish(
        &self,
        party: usize,
        masked: &[u128],
        opened: &[bool],
        kept: &[Vec<u128>],
    ) -> Vec<u128>;
}

/// What a party says: its shares under its masks.
pub(crate) fn says(bits: &[bool], kept: &[Vec<u128>]) -> Vec<bool> {
    bits.iter()
        .zip(&kept[0])
        .map(|(b, m)| b ^ (*m == 1))
        .collect()
}

fn numbers(bits: &[bool]) -> Vec<u128> {
    bits.iter().map(|b| u128::from(*b)).collect()
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

/// d x for d̂ = d ⊕ s and x̂ = x + r: s x̂ - s r, or x̂ - r less that. Shares of s, s r and r.
fn selected(party: usize, bits: u32, d: &[bool], x: &[u128], shares: &[Vec<u128>]) -> Vec<u128> {
    let of = |i: usize| {
        let [s, sr, r] = [0, 1, 2].map(|j| shares[j][i]);
        let low_one = s.wrapping_mul(x[i]).wrapping_sub(sr);
        let own = if party == 0 { x[i] } else { 0 };
        low(
            if d[i] {
                own.wrapping_sub(r).wrapping_sub(low_one)
            } else {
                low_one
            },
            bits,
        )
    };
    (0..x.len()).map(of).collect()
}

fn share_products(word: u32, bits: u32, s: &[bool], r: &[u128], to: &mut Deal) {
    to.share(word, bits, &numbers(s));
    let sr: Vec<_> = s
        .iter()
        .zip(r)
        .map(|(s, r)| if *s { *r } else { 0 })
        .collect();
    to.share(word, bits, &sr);
    to.share(word, bits, r);
}

/// max(x, 0): the sign, its bit opened, a selection by it.
pub(crate) struct Relu {
    pub(crate) word: u32,
    pub(crate) bits: u32,
}

impl Relu {
    fn sign(&self) -> Sign {
        Sign {
            word: self.word,
            bits: self.bits,
        }
    }
}

impl Gate for Relu {
    fn id(&self) -> (u8, [u32; 3]) {
        (5, [self.bits, self.word, 0])
    }
    fn deal(&self, masks: &[u128], count: usize, to: &mut Deal) -> Vec<u128> {
        self.sign().deal(masks, count, to);
        let s = to.random_bits(count);
        share_products(self.word, self.bits, &s, masks, to);
        Vec::new()
    }
    fn evaluate(&self, _: &[u128], _: &mut Taken<'_>) -> Vec<u128> {
        panic!("a bit is opened")
    }
}

impl Opens for Relu {
    fn start(&self, masked: &[u128], from: &mut Taken<'_>) -> (Vec<bool>, Vec<Vec<u128>>) {
        let n = masked.len();
        let d = self.sign().evaluate(masked, from);
        let mut kept = vec![numbers(&from.random_bits(n))];
        kept.extend((0..3).map(|_| from.share(self.word, self.bits, n)));
        (d.iter().map(|d| *d == 1).collect(), kept)
    }
    fn finish(
        &self,
        party: usize,
        masked: &[u128],
        opened: &[bool],
        kept: &[Vec<u128>],
    ) -> Vec<u128> {
        selected(party, self.bits, opened, masked, &kept[1..])
    }
}

/// ⌊x / 2^f⌋ modulo 2^(n-f): ⌊x̂ / 2^f⌋ - ⌊r / 2^f⌋ - c, with c = 1{x̂ mod 2^f < r mod 2^f} opened under a mask s.
pub(crate) struct TruncateReduce {
    pub(crate) word: u32,
    pub(crate) bits: u32,
    pub(crate) shift: u32,
}

impl TruncateReduce {
    fn to(&self) -> u32 {
        self.bits - self.shift
    }
    fn shape(&self) -> Shape {
        Shape {
            domain: self.shift,
            value: 1,
        }
    }
}

impl Gate for TruncateReduce {
    fn id(&self) -> (u8, [u32; 3]) {
        let [bits, shift] = [self.bits | self.word << 8, self.shift | self.to() << 8];
        (9, [bits, shift, 0])
    }
    fn deal(&self, masks: &[u128], count: usize, to: &mut Deal) -> Vec<u128> {
        let points: Vec<_> = masks.iter().map(|r| (low(*r, self.shift), 1)).collect();
        to.trees(self.shape(), &points);
        let s = to.random_bits(count);
        let minus: Vec<_> = masks
            .iter()
            .map(|r| (r >> self.shift).wrapping_neg())
            .collect();
        to.share(self.word, self.to(), &minus);
        to.share(self.word, self.to(), &numbers(&s));
        Vec::new()
    }
    fn evaluate(&self, _: &[u128], _: &mut Taken<'_>) -> Vec<u128> {
        panic!("a bit is opened")
    }
}

impl Opens for TruncateReduce {
    fn start(&self, masked: &[u128], from: &mut Taken<'_>) -> (Vec<bool>, Vec<Vec<u128>>) {
        let n = masked.len();
        let keys = from.trees(self.shape(), n);
        // x̂' < r' is the contrary of r' ≤ x̂'; party 0 complements.
        let carry = |(x, (root, key)): (&u128, &(u128, tree::Corrections))| {
            let at_most = tree::prefix(&from.pi, self.shape(), *root, key, low(*x, self.shift));
            at_most ^ (from.party == 0)
        };
        let carries = masked.iter().zip(&keys).map(carry).collect();
        let mut kept = vec![numbers(&from.random_bits(n))];
        kept.extend((0..2).map(|_| from.share(self.word, self.to(), n)));
        (carries, kept)
    }
    fn finish(
        &self,
        party: usize,
        masked: &[u128],
        opened: &[bool],
        kept: &[Vec<u128>],
    ) -> Vec<u128> {
        let of = |i: usize| {
            let one = u128::from(party == 0);
            let c = if opened[i] {
                one.wrapping_sub(kept[2][i])
            } else {
                kept[2][i]
            };
            let public = if party == 0 {
                masked[i] >> self.shift
            } else {
                0
            };
            low(public.wrapping_add(kept[1][i]).wrapping_sub(c), self.to())
        };
        (0..masked.len()).map(of).collect()
    }
}

/// T[x] from a point function at -r: Σ_i f(i) T[(x̂ + i) mod 2^n], where f has values of one bit, or of k bits.
pub(crate) struct Lookup {
    pub(crate) bits: u32,
    /// 1 for shares by exclusive or.
    pub(crate) output: u32,
    pub(crate) table: Vec<u128>,
}

impl Lookup {
    fn shape(&self) -> Shape {
        Shape {
            domain: self.bits,
            value: self.output,
        }
    }
}

impl Gate for Lookup {
    fn id(&self) -> (u8, [u32; 3]) {
        match self.output {
            1 => (15, [self.bits, 0, 0]),
            k => (16, [self.bits, k, 0]),
        }
    }
    fn deal(&self, masks: &[u128], _: usize, to: &mut Deal) -> Vec<u128> {
        let points: Vec<_> = masks
            .iter()
            .map(|r| (low(r.wrapping_neg(), self.bits), 1))
            .collect();
        to.trees(self.shape(), &points);
        Vec::new()
    }
    fn evaluate(&self, masked: &[u128], from: &mut Taken<'_>) -> Vec<u128> {
        let keys = from.trees(self.shape(), masked.len());
        let of = |(x, (root, key)): (&u128, &(u128, tree::Corrections))| {
            let mut sum = 0u128;
            for i in 0..1u128 << self.bits {
                let f = tree::evaluate(&from.pi, self.shape(), from.party, *root, key, i);
                let entry = self.table[low(x.wrapping_add(i), self.bits) as usize];
                let part = f.wrapping_mul(entry);
                sum = if self.output == 1 {
                    sum ^ part
                } else {
                    sum.wrapping_add(part)
                };
            }
            if self.output == 1 {
                sum
            } else {
                low(sum, self.output)
            }
        };
        masked.iter().zip(&keys).map(of).collect()
    }
}
