#![allow(clippy::unwrap_used)]

use super::*;
use crate::Cpu;
use crate::testing::{deal, masked, uniform};

fn answers<R: Ring>(bits: u32, x: &[R], r: &[R], questions: &[Question<R>]) -> Vec<Vec<bool>> {
    let gate = Compare::<R>::new(bits).unwrap();
    let ((), k0, k1) = deal(&gate, x.len(), r);
    let masked = masked(bits, x, r);
    let y0 = k0.evaluate(&masked, questions, &Cpu::new()).unwrap();
    let y1 = k1.evaluate(&masked, questions, &Cpu::new()).unwrap();
    let both = y0.into_iter().zip(y1).map(|(mut a, b)| {
        a.xor_assign(&b);
        a.to_bools().collect()
    });
    both.collect()
}

#[test]
fn all_numbers_masks_and_questions_of_small_widths() {
    for bits in 1..=8u32 {
        let all = 1u32 << bits;
        // Every question at once, for as many numbers and masks as the time allows.
        let step = if bits > 6 { 13 } else { 1 };
        let of_mask = |r: u32| (0..all).map(move |x| (x as u8, r as u8));
        let (x, r): (Vec<u8>, Vec<u8>) = (0..all).step_by(step).flat_map(of_mask).unzip();
        let low = |v: u8| u32::from(v) & (all - 1);
        let ends = (0..all).step_by(step).chain([all - 1, all / 2]);
        let mut questions = Vec::new();
        let mut expected: Vec<Box<dyn Fn(u32) -> bool>> = Vec::new();
        let signed = move |v: u32| (v ^ (all / 2)) as i32 - (all / 2) as i32;
        for c in ends.clone() {
            questions.extend([Question::below(c as u8), !Question::below(c as u8)]);
            questions.push(Question::below_signed(c as u8, bits));
            expected.push(Box::new(move |x| x < c));
            expected.push(Box::new(move |x| x >= c));
            expected.push(Box::new(move |x| signed(x) < signed(c)));
            for d in ends.clone() {
                questions.push(Question::within(c as u8, d as u8));
                // From c upwards it is not farther to x than to d.
                expected.push(Box::new(move |x| {
                    x.wrapping_sub(c) & (all - 1) <= d.wrapping_sub(c) & (all - 1)
                }));
            }
        }
        let got = answers(bits, &x, &r, &questions);
        for ((got, want), q) in got.iter().zip(&expected).zip(&questions) {
            for (i, got) in got.iter().enumerate() {
                assert_eq!(
                    *got,
                    want(low(x[i])),
                    "{bits} bits, {} under {}: {q:?}",
                    x[i],
                    r[i]
                );
            }
        }
    }
}

#[test]
fn all_numbers_and_masks_of_eight_bits() {
    let pairs = (0..=255).flat_map(|x| (0..=255).map(move |r| (x, r)));
    let (x, r): (Vec<u8>, Vec<u8>) = pairs.unzip();
    let questions = [
        Question::below(77),
        Question::within(3, 200),
        Question::within(250, 4),
    ];
    let got = answers(8, &x, &r, &questions);
    for (i, x) in x.iter().enumerate() {
        let want = [*x < 77, (3..=200).contains(x), *x >= 250 || *x <= 4];
        let got: Vec<bool> = got.iter().map(|g| g[i]).collect();
        assert_eq!(got, want, "{x} under {}", r[i]);
    }
}

#[test]
fn ends_of_wide_words() {
    for bits in [16, 31, 32, 33, 38, 63, 64, 127, 128] {
        let top = 1u128 << (bits - 1);
        let all = mask(bits);
        let edges = [0, 1, 2, top - 1, top, top + 1, all - 1, all, 127, 128];
        let (mut x, mut r) = (Vec::new(), Vec::new());
        for a in edges {
            for b in edges {
                x.push(a);
                r.push(b);
            }
        }
        let mut questions = Vec::new();
        for a in edges {
            questions.push((Question::below(a), 0, 0));
            questions.extend(edges.map(|b| (Question::within(a, b), a, b)));
        }
        let asked: Vec<_> = questions.iter().map(|q| q.0).collect();
        let got = answers::<u128>(bits, &x, &r, &asked);
        for (q, (question, a, b)) in questions.iter().enumerate() {
            for (i, x) in x.iter().enumerate() {
                let c = question.from;
                let inside = x.wrapping_sub(*a) & all <= b.wrapping_sub(*a) & all;
                let want = if question.outside { *x < c } else { inside };
                assert_eq!(
                    got[q][i], want,
                    "{bits} bits, {x} under {}: {question:?}",
                    r[i]
                );
            }
        }
    }
}

#[test]
fn batches_of_all_sizes_and_no_question() {
    for n in [1, 31, 32, 33, 63, 64, 65, 127, 128, 129] {
        let x: Vec<u64> = uniform(38, n, 1);
        let c = 1 << 37;
        let got = answers(38, &x, &uniform::<u64>(38, n, 2), &[Question::below(c)]);
        assert!(got[0].iter().zip(&x).all(|(got, x)| *got == (*x < c)));
        assert!(answers(38, &x, &x, &[]).is_empty());
    }
}

#[test]
fn sizes_of_keys() {
    let bytes = |n| Compare::<u64>::new(n).unwrap().key_bytes(3);
    assert_eq!(bytes(38), 3 * 16 * 32);
    assert_eq!(bytes(64), 3 * 16 * 58);
    assert_eq!((bytes(8), bytes(7), bytes(1)), (3 * 32, 3 * 16, 3 * 16));
    assert!(Compare::<u64>::new(65).is_err());
    assert!(Compare::<u64>::new(0).is_err());
    let gate = Compare::<u64>::new(9).unwrap();
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
