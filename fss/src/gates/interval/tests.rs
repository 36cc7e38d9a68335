#![allow(clippy::unwrap_used)]

use super::*;
use crate::Cpu;
use crate::testing::{deal, masked, sum, uniform};

fn answers<R: Ring, V: Ring>(
    [bits, value]: [u32; 2],
    x: &[R],
    r: &[R],
    questions: &[Question<R>],
) -> Vec<Vec<V>> {
    let gate = Interval::<R, V>::new(bits, value).unwrap();
    let ((), k0, k1) = deal(&gate, x.len(), r);
    let masked = masked(bits, x, r);
    let y0 = k0.evaluate(&masked, questions, &Cpu::new()).unwrap();
    let y1 = k1.evaluate(&masked, questions, &Cpu::new()).unwrap();
    let both = y0.iter().zip(&y1);
    both.map(|(a, b)| sum(value, a.as_slice(), b.as_slice()))
        .collect()
}

#[test]
fn all_numbers_and_masks_of_small_widths() {
    for bits in 1..=8u32 {
        let all = 1u32 << bits;
        let pairs = (0..all).flat_map(|x| (0..all).map(move |r| (x as u8, r as u8)));
        let (x, r): (Vec<u8>, Vec<u8>) = pairs.unzip();
        let ends = [
            0,
            1,
            all / 3,
            all / 2 - u32::from(bits > 1),
            all / 2,
            all - 1,
        ];
        let intervals: Vec<_> = ends.iter().flat_map(|a| ends.map(|b| (*a, b))).collect();
        let inside = intervals
            .iter()
            .map(|(a, b)| Question::within(*a as u8, *b as u8));
        let questions: Vec<_> = inside.clone().chain(inside.map(|q| !q)).collect();
        for value in [1, 5, 20, 38, 64] {
            let got = answers::<u8, u64>([bits, value], &x, &r, &questions);
            for (q, got) in got.iter().enumerate() {
                let (a, b) = intervals[q % intervals.len()];
                let far = |to: u32| to.wrapping_sub(a) & (all - 1);
                for (i, got) in got.iter().enumerate() {
                    let inside = far(x[i].into()) <= far(b);
                    let want = u64::from(inside ^ (q >= intervals.len()));
                    assert_eq!(
                        *got, want,
                        "{bits} bits, {} in {a}..={b} under {}",
                        x[i], r[i]
                    );
                }
            }
        }
    }
}

#[test]
fn ends_of_wide_words() {
    for bits in [16, 31, 32, 33, 38, 63, 64, 127, 128] {
        let top = 1u128 << (bits - 1);
        let edges = [0, 1, top - 1, top, top + 1, mask(bits) - 1, mask(bits)];
        let pairs = edges.iter().flat_map(|a| edges.iter().map(|b| (*a, *b)));
        let (x, r): (Vec<u128>, Vec<u128>) = pairs.clone().unzip();
        let questions: Vec<_> = pairs.clone().map(|(a, b)| Question::within(a, b)).collect();
        let got = answers::<u128, u32>([bits, 32], &x, &r, &questions);
        for ((a, b), got) in pairs.zip(&got) {
            let far = |to: u128| to.wrapping_sub(a) & mask(bits);
            for (i, got) in got.iter().enumerate() {
                let want = u32::from(far(x[i]) <= far(b));
                assert_eq!(
                    *got, want,
                    "{bits} bits, {} in {a}..={b} under {}",
                    x[i], r[i]
                );
            }
        }
    }
}

#[test]
fn batches_of_all_sizes() {
    for n in [1, 31, 32, 33, 63, 64, 65, 127, 128, 129] {
        let x: Vec<u64> = uniform(38, n, 1);
        let c = 1 << 37;
        let r: Vec<u64> = uniform(38, n, 2);
        let got = answers::<u64, u64>([38, 38], &x, &r, &[Question::below(c)]);
        assert!(
            got[0]
                .iter()
                .zip(&x)
                .all(|(got, x)| *got == u64::from(*x < c))
        );
    }
}

#[test]
fn sizes_of_keys() {
    let bytes = |n, k| Interval::<u64, u64>::new(n, k).unwrap().key_bytes(64);
    assert_eq!(bytes(64, 64), 64 * (16 * 64 + 63 * 8));
    assert_eq!(bytes(38, 64), 64 * (16 * 38 + 37 * 8));
    assert_eq!(bytes(38, 38), 64 * (16 * 37) + 8 * 38 * 36);
    assert!(Interval::<u64, u32>::new(64, 33).is_err());
    assert!(Interval::<u32, u64>::new(33, 33).is_err());
    assert!(Interval::<u32, u64>::new(0, 33).is_err());
    let gate = Interval::<u64, u64>::new(9, 9).unwrap();
    let ((), k0, _) = deal(&gate, 2, &[1, 2]);
    let e = k0.evaluate(&[1], &[], &Cpu::new()).unwrap_err();
    assert!(matches!(
        e,
        Error::Length {
            got: 1,
            want: 2,
            ..
        }
    ));
}
