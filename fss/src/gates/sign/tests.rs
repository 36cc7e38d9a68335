#![allow(clippy::unwrap_used)]

use super::*;
use crate::evaluator::Cpu;
use crate::testing::{deal, edges, masked, pairs, uniform};

fn signs<R: Ring>(bits: u32, x: &[R], r: &[R]) -> Vec<bool> {
    let gate = Sign::<R>::new(bits).unwrap();
    let ((), k0, k1) = deal(&gate, x.len(), r);
    let masked = masked(bits, x, r);
    let mut y = k0.evaluate(&masked, &Cpu::new()).unwrap();
    y.xor_assign(&k1.evaluate(&masked, &Cpu::new()).unwrap());
    y.to_bools().collect()
}

#[test]
fn all_values_and_masks_of_small_widths() {
    for bits in 1..=8u32 {
        let all = 1u32 << bits;
        let mut x = Vec::new();
        let mut r = Vec::new();
        for a in 0..all {
            for b in 0..all {
                x.push(a as u8);
                r.push(b as u8);
            }
        }
        let got = signs(bits, &x, &r);
        for (i, got) in got.iter().enumerate() {
            let positive = u32::from(x[i]) < all / 2;
            assert_eq!(*got, positive, "{bits} bits, {} under {}", x[i], r[i]);
        }
    }
}

#[test]
fn ends_of_wide_words() {
    for bits in [16, 31, 32, 33, 38, 63, 64] {
        let top = 1u64 << (bits - 1);
        let edges = [
            0,
            1,
            2,
            top - 1,
            top,
            top + 1,
            top.wrapping_add(top - 1),
            127,
            128,
            129,
        ];
        let (mut x, mut r) = (Vec::new(), Vec::new());
        for a in edges {
            for b in edges {
                x.push(a);
                r.push(b);
            }
        }
        let got = signs(bits, &x, &r);
        for (i, got) in got.iter().enumerate() {
            assert_eq!(
                *got,
                x[i] & top == 0,
                "{bits} bits, {} under {}",
                x[i],
                r[i]
            );
        }
    }
}

fn check<R: Ring>(bits: u32, x: &[R], r: &[R]) {
    for (i, got) in signs(bits, x, r).into_iter().enumerate() {
        let positive = x[i].shl(R::BITS - bits).shr(R::BITS - 1) == R::ZERO;
        assert_eq!(got, positive, "{bits} bits, {:?} under {:?}", x[i], r[i]);
    }
}

#[test]
fn ends_of_words_of_more_than_64_bits() {
    for bits in [65, 100, 127, 128] {
        let (x, r) = pairs(&edges::<u128>(bits), &edges::<u128>(bits));
        check(bits, &x, &r);
        // And the carry from the low half to the high one.
        let half = 1u128 << 64;
        let carries = [half - 1, half, half + 1, (half - 1) << (bits - 64)];
        let (x, r) = pairs(&carries, &edges::<u128>(bits));
        check(bits, &x, &r);
        check(bits, &r, &x);
    }
}

/// Around whole words of bits and whole tiles of keys.
#[test]
fn batches_of_odd_sizes() {
    for n in [1, 31, 32, 33, 63, 64, 65, 127, 128, 129] {
        for bits in [1, 7, 8, 32] {
            check::<u32>(bits, &uniform(bits, n, 1), &uniform(bits, n, 2));
        }
        for bits in [9, 38, 64] {
            check::<u64>(bits, &uniform(bits, n, 3), &uniform(bits, n, 4));
        }
        check::<u128>(100, &uniform(100, n, 5), &uniform(100, n, 6));
    }
}
