//! The portable transposes, compiled for AVX2: the swaps of distance 4 and more become vector instructions.
#![allow(unsafe_code)]

use super::portable;
use crate::Block;
use crate::cpu::Avx2;

macro_rules! compiled_for_avx2 {
    ($($name:ident($($arg:ident: $t:ty),*);)*) => {$(
        pub(super) fn $name(_: Avx2, $($arg: $t),*) {
            #[target_feature(enable = "avx2,bmi1,bmi2")]
            fn compiled($($arg: $t),*) {
                portable::$name($($arg),*);
            }
            // SAFETY: the proof shows that the features are there.
            unsafe { compiled($($arg),*) }
        }
    )*};
}

compiled_for_avx2! {
    rows_to_blocks(rows: &[u8], blocks: &mut [Block], stride: usize);
    blocks_to_rows(blocks: &[Block], rows: &mut [u8], stride: usize);
    to_planes(words: &[u64], k: usize, planes: &mut [u64]);
    from_planes(planes: &[u64], k: usize, words: &mut [u64]);
}
