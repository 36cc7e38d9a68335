//! Loops over planes of words, compiled for every level of the processor.
#![allow(unsafe_code)]

use piquet_core::cpu::Level;
#[cfg(target_arch = "x86_64")]
use piquet_core::cpu::{Avx2, Avx512};

use super::LIMB;
use piquet_core::pack;

macro_rules! levels {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $t:ty),*) $body:block)*) => {$(
        $(#[$doc])*
        pub(super) fn $name(level: Level, $($arg: $t),*) {
            #[inline(always)]
            fn body($($arg: $t),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi1,bmi2,fma")]
                fn avx512($($arg: $t),*) {
                    body($($arg),*)
                }
                #[target_feature(enable = "avx2,bmi1,bmi2,fma")]
                fn avx2($($arg: $t),*) {
                    body($($arg),*)
                }
                if Avx512::at(level).is_some() {
                    // SAFETY: proved.
                    return unsafe { avx512($($arg),*) };
                }
                if Avx2::at(level).is_some() {
                    // SAFETY: proved.
                    return unsafe { avx2($($arg),*) };
                }
            }
            let _ = level;
            body($($arg),*)
        }
    )*};
}

levels! {
    /// `x + y` word by word.
    fn add(x: &mut [u64], y: &[u64]) {
        for (x, y) in x.iter_mut().zip(y) {
            *x = x.wrapping_add(*y);
        }
    }
    /// `x - y` word by word.
    fn sub(x: &mut [u64], y: &[u64]) {
        for (x, y) in x.iter_mut().zip(y) {
            *x = x.wrapping_sub(*y);
        }
    }
    /// Adds small signed numbers.
    fn add_small(x: &mut [u64], y: &[i8]) {
        for (x, y) in x.iter_mut().zip(y) {
            *x = x.wrapping_add(i64::from(*y).cast_unsigned());
        }
    }
    /// Adds one number everywhere.
    fn add_constant(x: &mut [u64], y: u64) {
        for x in x {
            *x = x.wrapping_add(y);
        }
    }
    /// -x, word by word.
    fn negate(x: &mut [u64]) {
        for x in x {
            *x = x.wrapping_neg();
        }
    }
    /// Keeps some bits.
    fn mask(x: &mut [u64], mask: u64) {
        for x in x {
            *x &= mask;
        }
    }
    /// Brings signed limbs to 52 bits each; what is above goes to the next ones.
    fn carry(low: &mut [u64], high: &mut [u64]) {
        for (low, high) in low.iter_mut().zip(high) {
            *high = high.wrapping_add((low.cast_signed() >> LIMB).cast_unsigned());
            *low &= pack::mask(LIMB);
        }
    }
    /// round(x / 2^drop) of words.
    fn round(x: &mut [u64], drop: u32, mask: u64) {
        if drop == 0 {
            return;
        }
        let half = 1 << (drop - 1);
        for x in x {
            *x = (x.wrapping_add(half) >> drop) & mask;
        }
    }
    /// Adds the bits of `y` times 2^place that the mask keeps.
    fn place(x: &mut [u64], y: &[u64], place: i32, mask: u64) {
        match place {
            0..64 => for (x, y) in x.iter_mut().zip(y) {
                *x = x.wrapping_add((y << place) & mask);
            },
            -63..0 => for (x, y) in x.iter_mut().zip(y) {
                *x = x.wrapping_add((y >> -place) & mask);
            },
            _ => {}
        }
    }
}
