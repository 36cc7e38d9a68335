//! Sums over a slice of public words, each chosen by a secret bit or weighted by a secret word.
//!
//! Bit i is bit `i % 64` of word `i / 64`, and belongs to `table[i]`; bits past the end of the table are ignored.
//! Compiled for every level of [`crate::cpu`]. Constant time in bits, weights and words.
#![allow(unsafe_code)]

use crate::{Ring, cpu};

/// Words that are summed side by side: two registers of 64 bytes of the widest common word.
const LANES: usize = 16;

macro_rules! folds {
    ($(#[$doc:meta])* $name:ident<R>($($a:ident: $t:ty),*) $body:block) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name<R: Ring>($($a: $t),*) -> R {
            #[inline(always)]
            fn body<R: Ring>($($a: $t),*) -> R $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,fma")]
                fn avx512<R: Ring>($($a: $t),*) -> R {
                    body($($a),*)
                }
                #[target_feature(enable = "avx2,bmi1,bmi2,fma")]
                fn avx2<R: Ring>($($a: $t),*) -> R {
                    body($($a),*)
                }
                if cpu::Avx512::new().is_some() {
                    // SAFETY: `Avx512` proves the features.
                    return unsafe { avx512($($a),*) };
                }
                if cpu::Avx2::new().is_some() {
                    // SAFETY: `Avx2` proves the features.
                    return unsafe { avx2($($a),*) };
                }
            }
            body($($a),*)
        }
    };
}

folds!(
    /// The exclusive or of the words whose bit is set.
    xor_where<R>(bits: &[u64], table: &[R]) {
        chosen(bits, table, R::xor)
    }
);
folds!(
    /// The sum of the words whose bit is set.
    sum_where<R>(bits: &[u64], table: &[R]) {
        chosen(bits, table, R::add)
    }
);
folds!(
    /// The sum of the products; the shorter slice sets the length.
    dot<R>(weights: &[R], table: &[R]) {
        let n = weights.len().min(table.len());
        let (weights, table) = (&weights[..n], &table[..n]);
        let mut sum = R::ZERO;
        for i in 0..n {
            sum = sum.add(weights[i].mul(table[i]));
        }
        sum
    }
);

#[inline(always)]
fn chosen<R: Ring>(bits: &[u64], table: &[R], and: impl Fn(R, R) -> R) -> R {
    let mut sums = [R::ZERO; LANES];
    let mut rest = R::ZERO;
    for (word, table) in bits.iter().zip(table.chunks(64)) {
        let table = table.chunks_exact(LANES);
        let last = table.remainder();
        let mut word = *word;
        for t in table {
            let of = word;
            for i in 0..LANES {
                let mask = R::from_u64(of >> i & 1).neg();
                sums[i] = and(sums[i], t[i].and(mask));
            }
            word >>= LANES;
        }
        for (i, t) in last.iter().enumerate() {
            rest = and(rest, t.and(R::from_u64(word >> i & 1).neg()));
        }
    }
    sums.into_iter().fold(rest, and)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Block, Prg};

    fn check<R: Ring>() {
        let mut prg = Prg::new(Block::from_u128(9));
        for n in [0usize, 1, 15, 16, 17, 63, 64, 65, 128, 200, 1000] {
            let mut bits = vec![0u64; n.div_ceil(64)];
            let mut table = vec![R::ZERO; n];
            let mut weights = vec![R::ZERO; n + 3];
            prg.fill_ring(&mut bits);
            prg.fill_ring(&mut table);
            prg.fill_ring(&mut weights);
            let (mut xor, mut sum, mut product) = (R::ZERO, R::ZERO, R::ZERO);
            for i in 0..n {
                if bits[i / 64] >> (i % 64) & 1 == 1 {
                    xor = xor.xor(table[i]);
                    sum = sum.add(table[i]);
                }
                product = product.add(weights[i].mul(table[i]));
            }
            assert_eq!(xor_where(&bits, &table), xor, "{n}");
            assert_eq!(sum_where(&bits, &table), sum, "{n}");
            assert_eq!(dot(&weights, &table), product, "{n}");
        }
    }

    #[test]
    fn as_one_by_one() {
        check::<u8>();
        check::<u16>();
        check::<u32>();
        check::<u64>();
        check::<u128>();
    }
}
