#![allow(clippy::unwrap_used)]

use super::*;
use crate::testing::{deal, masked, sum, uniform};

fn selected<R: Ring>(bits: u32, d: &[bool], s: &[bool], x: &[R], r: &[R]) -> Vec<R> {
    let gate = Select::<R>::new(bits).unwrap();
    let s = BitVec::from_bools(s);
    let ((), k0, k1) = deal(&gate, x.len(), (&s, r));
    let mut opened = BitVec::from_bools(d);
    opened.xor_assign(&s);
    // Bits above the width must not matter.
    let mut hat = masked(bits, x, r);
    for x in &mut hat {
        *x = x.add(R::ONE.shl(bits));
    }
    let y0 = k0.evaluate(&opened, &hat).unwrap();
    let y1 = k1.evaluate(&opened, &hat).unwrap();
    for y in [&y0, &y1] {
        assert!(y.as_slice().iter().all(|v| v.shr(bits) == R::ZERO));
    }
    sum(bits, y0.as_slice(), y1.as_slice())
}

#[test]
fn all_values_and_masks_of_small_widths() {
    for bits in 1..=7u32 {
        let all = 1u32 << bits;
        let (mut d, mut s, mut x, mut r) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for a in 0..all {
            for b in 0..all {
                for c in 0..4 {
                    d.push(c & 1 == 1);
                    s.push(c & 2 == 2);
                    x.push(a as u8);
                    r.push(b as u8);
                }
            }
        }
        let got = selected(bits, &d, &s, &x, &r);
        for (i, got) in got.iter().enumerate() {
            assert_eq!(*got, if d[i] { x[i] } else { 0 }, "{bits} bits");
        }
    }
}

fn wide<R: Ring>(bits: u32, n: usize) {
    let (x, r) = (uniform::<R>(bits, n, 1), uniform::<R>(bits, n, 2));
    let d: Vec<bool> = (0..n).map(|i| i % 3 == 0).collect();
    let s: Vec<bool> = (0..n).map(|i| i % 5 < 2).collect();
    let got = selected(bits, &d, &s, &x, &r);
    for i in 0..n {
        assert_eq!(got[i], if d[i] { x[i] } else { R::ZERO }, "{bits} bits");
    }
}

#[test]
fn wide_words_and_odd_batches() {
    for bits in [16, 31, 32, 33, 38, 63, 64] {
        for n in [1, 31, 33, 63, 64, 65, 127, 129] {
            wide::<u64>(bits, n);
        }
    }
    for bits in [64, 65, 127, 128] {
        wide::<u128>(bits, 65);
    }
}

#[test]
fn three_shares_a_gate() {
    assert_eq!(Select::<u64>::new(38).unwrap().key_bytes(8), 3 * 38);
    assert_eq!(Select::<u64>::new(64).unwrap().key_bytes(1), 24);
}

#[test]
fn wrong_lengths_are_refused() {
    let gate = Select::<u32>::new(20).unwrap();
    let s = BitVec::zeros(3);
    let ((), k0, k1) = deal(&gate, 3, (&s, &[1, 2, 3]));
    let length = |what, got| Error::Length { what, got, want: 3 };
    let e = k0.evaluate(&BitVec::zeros(2), &[0; 3]).unwrap_err();
    assert_eq!(e, length("opened bits", 2));
    let e = k1.evaluate(&s, &[0; 4]).unwrap_err();
    assert_eq!(e, length("masked values", 4));
}
