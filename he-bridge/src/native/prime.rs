//! Arithmetic modulo a prime below 2^60; those of number-theoretic transforms are below 2^50.

use piquet_core::pack;

/// A prime p < 2^60.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prime {
    p: u64,
    /// floor(2^64 / p): remainders of 64-bit numbers without division.
    inverse: u64,
    /// 2^64 mod p, with its factor for [`Prime::mul_by`].
    word: [u64; 2],
}

impl Prime {
    /// Takes p, which must be a prime below 2^60; that it is one is the caller's word.
    #[must_use]
    pub fn new(p: u64) -> Self {
        debug_assert!(p > 2 && p < 1 << 60 && is_prime(p));
        let mut prime = Self {
            p,
            inverse: ((1u128 << 64) / u128::from(p)) as u64,
            word: [0; 2],
        };
        let word = ((1u128 << 64) % u128::from(p)) as u64;
        prime.word = [word, ((u128::from(word) << 64) / u128::from(p)) as u64];
        prime
    }
    /// p.
    #[inline(always)]
    #[must_use]
    pub fn p(&self) -> u64 {
        self.p
    }
    /// `x` - p if that is not negative; x < 2 p.
    #[inline(always)]
    #[must_use]
    pub fn once(&self, x: u64) -> u64 {
        let d = x.wrapping_sub(self.p);
        d.wrapping_add(self.p & (d >> 63).wrapping_neg())
    }
    /// Sum of residues.
    #[inline(always)]
    #[must_use]
    pub fn add(&self, a: u64, b: u64) -> u64 {
        self.once(a + b)
    }
    /// Difference of residues.
    #[inline(always)]
    #[must_use]
    pub fn sub(&self, a: u64, b: u64) -> u64 {
        self.once(a + self.p - b)
    }
    /// Negation of a residue.
    #[inline(always)]
    #[must_use]
    pub fn neg(&self, a: u64) -> u64 {
        self.once(self.p - a)
    }
    /// The residue of any 64-bit number: the quotient is short by at most 1.
    #[inline(always)]
    #[must_use]
    pub fn reduce(&self, x: u64) -> u64 {
        let q = ((u128::from(x) * u128::from(self.inverse)) >> 64) as u64;
        self.once(x.wrapping_sub(q.wrapping_mul(self.p)))
    }
    /// The residue of any 128-bit number.
    #[inline(always)]
    #[must_use]
    pub fn reduce_wide(&self, x: u128) -> u64 {
        let high = self.reduce((x >> 64) as u64);
        self.add(
            self.mul_by(high, self.word[0], self.word[1]),
            self.reduce(x as u64),
        )
    }
    /// The residue of a signed number.
    #[inline(always)]
    #[must_use]
    pub fn reduce_signed(&self, x: i64) -> u64 {
        let negative = (x >> 63) as u64;
        let r = self.reduce(x.unsigned_abs());
        self.once(
            (r ^ negative)
                .wrapping_sub(negative)
                .wrapping_add(self.p & negative),
        )
    }
    /// Product of residues.
    #[inline(always)]
    #[must_use]
    pub fn mul(&self, a: u64, b: u64) -> u64 {
        self.reduce_wide(u128::from(a) * u128::from(b))
    }
    /// What [`Prime::mul_by`] wants beside the residue `w`: floor(2^64 w / p). Without a division, whose time would
    /// depend on w: with r = 2^64 w mod p it is (2^64 w - r) / p, a number below 2^64, hence -r / p modulo 2^64,
    /// where p is odd.
    #[must_use]
    pub fn factor(&self, w: u64) -> u64 {
        // p p = 1 modulo 8; each step doubles the bits for which that holds.
        let mut inverse = self.p;
        for _ in 0..5 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(self.p.wrapping_mul(inverse)));
        }
        self.mul(w, self.word[0])
            .wrapping_neg()
            .wrapping_mul(inverse)
    }
    /// `a` w for any `a` and a residue w with its factor: the quotient is short by at most 1 (Shoup).
    #[inline(always)]
    #[must_use]
    pub fn mul_by(&self, a: u64, w: u64, factor: u64) -> u64 {
        self.once(self.mul_lazy(a, w, factor))
    }
    /// [`Prime::mul_by`], or p more.
    #[inline(always)]
    #[must_use]
    pub fn mul_lazy(&self, a: u64, w: u64, factor: u64) -> u64 {
        let q = ((u128::from(a) * u128::from(factor)) >> 64) as u64;
        a.wrapping_mul(w).wrapping_sub(q.wrapping_mul(self.p))
    }
    /// 2^52 w mod p for a residue w, and that over p modulo 2^52: Montgomery's form, as kernels with 52-bit products
    /// want it.
    #[must_use]
    pub fn montgomery(&self, w: u64) -> [u64; 2] {
        let w = self.reduce_wide(u128::from(w) << 52);
        [
            w,
            w.wrapping_mul(self.montgomery_inverse()) & pack::mask(52),
        ]
    }
    /// 1 / p modulo 2^52.
    #[must_use]
    pub fn montgomery_inverse(&self) -> u64 {
        // Newton's steps double the bits that are right: 3, since p p = 1 modulo 8, then 6, 12, 24, 48, 96.
        let inverse = (0..5).fold(self.p, |x, _| {
            x.wrapping_mul(2u64.wrapping_sub(self.p.wrapping_mul(x)))
        });
        inverse & pack::mask(52)
    }
    /// `a`^`e`; variable time in both.
    #[must_use]
    pub fn pow(&self, mut a: u64, mut e: u64) -> u64 {
        let mut r = 1;
        while e > 0 {
            if e & 1 == 1 {
                r = self.mul(r, a);
            }
            a = self.mul(a, a);
            e >>= 1;
        }
        r
    }
    /// 1 / `a` for a residue that is not 0.
    #[must_use]
    pub fn inverse(&self, a: u64) -> u64 {
        self.pow(a, self.p - 2)
    }
    /// The primitive `order`-th root of unity, `order` a power of two that divides p - 1, that the smallest base
    /// gives.
    #[must_use]
    pub fn root(&self, order: u64) -> u64 {
        (2..self.p)
            .map(|g| self.pow(g, (self.p - 1) / order))
            .find(|r| self.pow(*r, order / 2) == self.p - 1)
            .unwrap_or(1)
    }
}

/// Whether `n` is prime: Miller and Rabin's test with bases that decide for all 64-bit numbers. Variable time.
#[must_use]
pub fn is_prime(n: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if n < 2 {
        return false;
    }
    if let Some(p) = BASES.into_iter().find(|p| n.is_multiple_of(*p)) {
        return n == p;
    }
    let mul = |a: u64, b: u64| (u128::from(a) * u128::from(b) % u128::from(n)) as u64;
    let twos = (n - 1).trailing_zeros();
    BASES.into_iter().all(|a| {
        let (mut x, mut b, mut e) = (1, a, (n - 1) >> twos);
        while e > 0 {
            if e & 1 == 1 {
                x = mul(x, b);
            }
            b = mul(b, b);
            e >>= 1;
        }
        x == 1
            || (0..twos).any(|_| {
                let found = x == n - 1;
                x = mul(x, x);
                found
            })
    })
}

/// The largest `count` primes below 2^`bits` that are 1 modulo twice the degree; fewer if there are no more.
#[must_use]
pub fn ntt_primes(degree: usize, bits: u32, count: usize) -> Vec<u64> {
    let step = 2 * degree as u64;
    let mut found = Vec::new();
    let mut p = (1u64 << bits.min(62)) / step * step + 1;
    while found.len() < count && p > step {
        p -= step;
        if is_prime(p) {
            found.push(p);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_wide_integers(a: u64, b: u64, wide: u128, bits in 21u32..=50) {
            let p = Prime::new(ntt_primes(4096, bits, 1)[0]);
            let m = u128::from(p.p());
            let (ra, rb) = (p.reduce(a), p.reduce(b));
            prop_assert_eq!(u128::from(ra), u128::from(a) % m);
            prop_assert_eq!(u128::from(p.reduce_wide(wide)), wide % m);
            prop_assert_eq!(u128::from(p.mul(ra, rb)), u128::from(ra) * u128::from(rb) % m);
            prop_assert_eq!(u128::from(p.mul_by(a, rb, p.factor(rb))), u128::from(a) * u128::from(rb) % m);
            prop_assert_eq!(u128::from(p.add(ra, rb)), (u128::from(ra) + u128::from(rb)) % m);
            prop_assert_eq!(p.add(p.sub(ra, rb), rb), ra);
            prop_assert_eq!(p.add(p.neg(ra), ra), 0);
            prop_assert_eq!(i128::from(p.reduce_signed(a as i64)), i128::from(a as i64).rem_euclid(m as i128));
            if ra != 0 {
                prop_assert_eq!(p.mul(p.inverse(ra), ra), 1);
            }
        }
    }

    #[test]
    fn primes_are_prime_and_suit() {
        assert_eq!(ntt_primes(4096, 50, 3).len(), 3);
        for p in ntt_primes(8192, 50, 5) {
            assert!(p < 1 << 50 && p % 16384 == 1);
        }
        let small: Vec<u64> = (0..60).filter(|n| is_prime(*n)).collect();
        assert_eq!(
            small,
            [
                2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59
            ]
        );
        assert!(is_prime(18_446_744_073_709_551_557) && !is_prime(3_215_031_751));
    }
}
