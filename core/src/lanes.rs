//! Elementwise loops over slices, compiled for every level of [`crate::cpu`].
//!
//! `out[i] = f(out[i], a[i], ..)`; the shortest slice sets the length. `f` is inlined into each version and should be a
//! few instructions without branches, so that the loop is over whole registers.
#![allow(unsafe_code)]

use crate::{Block, Ring, cpu};

macro_rules! lanes {
    ($(#[$doc:meta])* $name:ident($($a:ident: $t:ident),*)) => {
        $(#[$doc])*
        pub fn $name<T: Copy, $($t: Copy),*>(out: &mut [T], $($a: &[$t],)* f: impl Fn(T, $($t),*) -> T) {
            #[inline(always)]
            fn body<T: Copy, $($t: Copy),*>(out: &mut [T], $($a: &[$t],)* f: impl Fn(T, $($t),*) -> T) {
                let n = out.len()$(.min($a.len()))*;
                let out = &mut out[..n];
                $(let $a = &$a[..n];)*
                for i in 0..n {
                    out[i] = f(out[i], $($a[i]),*);
                }
            }
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,fma")]
                fn avx512<T: Copy, $($t: Copy),*>(out: &mut [T], $($a: &[$t],)* f: impl Fn(T, $($t),*) -> T) {
                    body(out, $($a,)* f);
                }
                #[target_feature(enable = "avx2,bmi1,bmi2,fma")]
                fn avx2<T: Copy, $($t: Copy),*>(out: &mut [T], $($a: &[$t],)* f: impl Fn(T, $($t),*) -> T) {
                    body(out, $($a,)* f);
                }
                if cpu::Avx512::new().is_some() {
                    // SAFETY: `Avx512` proves the features.
                    return unsafe { avx512(out, $($a,)* f) };
                }
                if cpu::Avx2::new().is_some() {
                    // SAFETY: `Avx2` proves the features.
                    return unsafe { avx2(out, $($a,)* f) };
                }
            }
            body(out, $($a,)* f);
        }
    };
}

lanes!(
    /// One operand: `out[i] = f(out[i])`.
    map()
);
lanes!(
    /// Two operands.
    zip(a: A)
);
lanes!(
    /// Three operands.
    zip2(a: A, b: B)
);
lanes!(
    /// Four operands.
    zip3(a: A, b: B, c: C)
);
lanes!(
    /// Five operands.
    zip4(a: A, b: B, c: C, d: D)
);

/// `out[i] = x[i] ^ with`; the shorter slice sets the length.
pub fn xor_blocks(out: &mut [Block], x: &[Block], with: Block) {
    // Halves of 64 bits, as there are no registers of whole numbers of 128.
    let [low, high] = halves(with);
    zip(
        bytemuck::must_cast_slice_mut::<Block, [u64; 2]>(out),
        bytemuck::must_cast_slice(x),
        move |_, x: [u64; 2]| [x[0] ^ low, x[1] ^ high],
    );
}

/// `out[i]` = the low bits of `x[i]`, as many as there are, of 64; the shorter slice sets the length.
pub fn low_words<R: Ring>(out: &mut [R], x: &[Block]) {
    zip(out, bytemuck::must_cast_slice(x), |_, x: [u64; 2]| {
        R::from_u64(x[0])
    });
}

/// `out[i]` = x `out[i]` + `a[i]` in GF(2^128) = GF(2)\[x\] / (x^128 + x^7 + x^2 + x + 1).
pub fn times_x_plus(out: &mut [Block], a: &[Block]) {
    zip(
        bytemuck::must_cast_slice_mut::<Block, [u64; 2]>(out),
        bytemuck::must_cast_slice(a),
        |v: [u64; 2], a: [u64; 2]| {
            let over = (v[1] >> 63).wrapping_neg() & 0x87;
            [
                (v[0] << 1) ^ over ^ a[0],
                ((v[1] << 1) | (v[0] >> 63)) ^ a[1],
            ]
        },
    );
}

#[inline(always)]
fn halves(b: Block) -> [u64; 2] {
    let v = b.to_u128();
    [v as u64, (v >> 64) as u64]
}

/// All ones where the bit is set, zero elsewhere; bit i of a slice of words is bit `i % 64` of word `i / 64`.
pub fn masks<R: Ring>(out: &mut [R], bits: &[u64]) {
    #[inline(always)]
    fn body<R: Ring>(out: &mut [R], bits: &[u64]) {
        for (out, word) in out.chunks_mut(64).zip(bits) {
            for (i, o) in out.iter_mut().enumerate() {
                *o = R::from_u64(word >> i & 1).neg();
            }
        }
    }
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,fma")]
        fn avx512<R: Ring>(out: &mut [R], bits: &[u64]) {
            body(out, bits);
        }
        #[target_feature(enable = "avx2,bmi1,bmi2,fma")]
        fn avx2<R: Ring>(out: &mut [R], bits: &[u64]) {
            body(out, bits);
        }
        if cpu::Avx512::new().is_some() {
            // SAFETY: `Avx512` proves the features.
            return unsafe { avx512(out, bits) };
        }
        if cpu::Avx2::new().is_some() {
            // SAFETY: `Avx2` proves the features.
            return unsafe { avx2(out, bits) };
        }
    }
    body(out, bits);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_the_shortest_wins() {
        for n in [0usize, 1, 7, 63, 64, 65, 200] {
            let a: Vec<u32> = (0..n as u32).collect();
            let b: Vec<u64> = (0..n as u64 + 3).map(|i| i * i).collect();
            let mut out = vec![1u32; n + 1];
            zip2(&mut out, &a, &b, |o, a, b| o.add(a).mul(3).sub(b as u32));
            for (i, o) in out.iter().enumerate() {
                let want = if i < n {
                    ((1 + i as u32) * 3).wrapping_sub((i * i) as u32)
                } else {
                    1
                };
                assert_eq!(*o, want, "{i} of {n}");
            }
            let mut all = vec![0u64; n];
            zip4(&mut all, &b, &b, &b, &b, |o, a, b, c, d| {
                o ^ (a & b) ^ (c | d)
            });
            assert!(all.iter().all(|v| *v == 0));
            map(&mut all, |v| v.add(9));
            assert!(all.iter().all(|v| *v == 9));
        }
    }

    #[test]
    fn blocks_are_as_their_halves() {
        for n in [0u128, 1, 7, 64, 99] {
            let x: Vec<_> = (1..=n)
                .map(|i| {
                    Block::from_u128(i.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c2e_1b5d_8a67))
                })
                .collect();
            let with = Block::from_u128(0xdead_beef << 50);
            let mut out = vec![Block::ZERO; x.len()];
            xor_blocks(&mut out, &x, with);
            assert!(out.iter().zip(&x).all(|(o, x)| *o == *x ^ with));
            let mut low = vec![0u16; x.len()];
            low_words(&mut low, &x);
            assert!(low.iter().zip(&x).all(|(o, x)| *o == x.to_u128() as u16));
            times_x_plus(&mut out, &x);
            let two = Block::from_u128(2);
            for (o, x) in out.iter().zip(&x) {
                assert_eq!(*o, crate::gf128::mul(*x ^ with, two) ^ *x);
            }
        }
    }

    #[test]
    fn masks_are_all_or_nothing() {
        let bits: Vec<u64> = vec![0xdead_beef_0123_4567, 0x5555_0000_ffff_8001, 7];
        let mut out = vec![9u32; 131];
        masks(&mut out, &bits);
        for (i, m) in out.iter().enumerate() {
            let bit = bits[i / 64] >> (i % 64) & 1;
            assert_eq!(*m, if bit == 1 { u32::MAX } else { 0 });
        }
    }
}
