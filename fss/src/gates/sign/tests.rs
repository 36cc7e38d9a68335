#![allow(clippy::unwrap_used)]

use super::*;
use crate::evaluator::Cpu;
use crate::testing::{deal, masked};

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
