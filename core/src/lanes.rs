//! Elementwise loops over slices, compiled for every level of [`crate::cpu`].
//!
//! `out[i] = f(out[i], a[i], ..)`; the shortest slice sets the length. `f` is inlined into each version and should be a
//! few instructions without branches, so that the loop is over whole registers.
#![allow(unsafe_code)]

use crate::{Ring, cpu};

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
