#![allow(clippy::unwrap_used, clippy::panic)]

use piquet_core::wire::Header;
use piquet_core::{Block, Prg};

use super::*;
use crate::dealer::{Dealer, Seed};
use crate::evaluator::Cpu;
use crate::testing::{SESSION, deal, edges, masked, sum, uniform};

/// The result, and how many messages it took.
fn run<R: Ring>(bits: u32, window: usize, x: &[R]) -> (Vec<R>, usize) {
    let gate = MaxPool::<R>::new(bits, window).unwrap();
    let ((), k0, k1) = deal(&gate, x.len() / window, ());
    // Bits above the width must not matter.
    let a = uniform::<R>(R::BITS, x.len(), 31);
    let b: Vec<R> = x.iter().zip(&a).map(|(x, a)| x.sub(*a)).collect();
    let mut steps = (k0.start(&a).unwrap(), k1.start(&b).unwrap());
    let mut messages = 0;
    loop {
        steps = match steps {
            (MaxPoolStep::Send(r0, m0), MaxPoolStep::Send(r1, m1)) => {
                messages += 1;
                assert_eq!((r0.expects(), r1.expects()), (m1.len(), m0.len()));
                let e = Cpu::new();
                (r0.step(&m1, &e).unwrap(), r1.step(&m0, &e).unwrap())
            }
            (MaxPoolStep::Done(y0), MaxPoolStep::Done(y1)) => {
                for y in [&y0, &y1] {
                    assert!(y.as_slice().iter().all(|v| v.shr(bits) == R::ZERO));
                }
                return (sum(bits, y0.as_slice(), y1.as_slice()), messages);
            }
            _ => panic!("the parties are not at the same step"),
        };
    }
}

fn signed<R: Ring>(bits: u32, x: R) -> i128 {
    (x.to_i128() << (128 - bits)) >> (128 - bits)
}

/// Values whose differences fit.
fn small<R: Ring>(bits: u32, x: &[R]) -> Vec<R> {
    let half = |x: &R| R::from_i128(signed(bits - 1, *x));
    masked(
        bits,
        &x.iter().map(half).collect::<Vec<_>>(),
        &vec![R::ZERO; x.len()],
    )
}

fn check<R: Ring>(bits: u32, window: usize, x: &[R]) {
    let (got, messages) = run(bits, window, x);
    assert_eq!(messages, 2 * window.next_power_of_two().ilog2() as usize);
    let count = x.len() / window;
    for (j, got) in got.iter().enumerate() {
        let all = (0..window).map(|i| signed(bits, x[i * count + j]));
        assert_eq!(
            Some(signed(bits, *got)),
            all.max(),
            "{window} of {bits} bits"
        );
    }
}

#[test]
fn all_pairs_of_small_widths() {
    for bits in 2..=8u32 {
        let all: Vec<u8> = (0..1u32 << (bits - 1)).map(|x| x as u8).collect();
        let all = small(bits, &all);
        // Masks are the gate's own: every pair meets several.
        let first = all.iter().flat_map(|x| vec![*x; all.len()]);
        let second = all.iter().flat_map(|_| all.clone());
        let first: Vec<u8> = first.collect::<Vec<_>>().repeat(3);
        check(
            bits,
            2,
            &[first, second.collect::<Vec<_>>().repeat(3)].concat(),
        );
    }
}

#[test]
fn every_window_and_odd_batches() {
    for window in [1, 2, 3, 4, 5, 7, 8, 9, 16, 25, 49] {
        for count in [1, 31, 32, 33, 65] {
            let x = small(38, &uniform::<u64>(38, window * count, 8));
            check(38, window, &x);
        }
    }
}

#[test]
fn ends_of_wide_words() {
    for bits in [16, 31, 32, 33, 38, 63, 64] {
        let x = small(bits, &edges::<u64>(bits));
        let count = x.len();
        let mut all = Vec::new();
        for turn in 0..9 {
            all.extend((0..count).map(|i| x[(i * (turn + 1) + turn) % count]));
        }
        check(bits, 9, &all);
    }
    check(32, 9, &small(32, &uniform::<u32>(32, 9 * 33, 4)));
    check(64, 3, &small(64, &uniform::<u128>(64, 3 * 33, 4)));
}

#[test]
fn bytes_of_a_key_and_of_messages() {
    let gate = MaxPool::<u64>::new(38, 9).unwrap();
    // 4, 2, 1 and 1 pairs of 8 windows.
    assert_eq!(gate.levels().collect::<Vec<_>>(), [4, 2, 1, 1]);
    assert_eq!(gate.key_bytes(8), 8 * (8 * 496 + 1 + 2 * 38));
    assert_eq!(MaxPool::<u64>::new(38, 1).unwrap().key_bytes(8), 0);
    let ((), k0, _) = deal(&gate, 8, ());
    let MaxPoolStep::Send(run, m) = k0.start(&[0; 72]).unwrap() else {
        panic!("a window of 9 has something to open");
    };
    assert_eq!(m.len(), Header::LEN + 4 * 38);
    assert_eq!(run.expects(), m.len());
}

#[test]
fn wrong_lengths_and_parameters_are_refused() {
    assert!(MaxPool::<u64>::new(1, 4).is_err());
    assert!(MaxPool::<u128>::new(65, 4).is_err());
    assert!(MaxPool::<u64>::new(38, 0).is_err());
    assert!(MaxPool::<u64>::new(38, MAX_WINDOW + 1).is_err());
    let seed = Seed::random(&mut Prg::new(Block::from_u128(5)));
    let mut dealer = Dealer::new(SESSION, 1, &seed);
    let many = MaxPool::<u64>::new(38, MAX_WINDOW).unwrap();
    let [mut a, mut b] = [Vec::new(), Vec::new()];
    let e = dealer.deal(&many, 65, (), [&mut a, &mut b]).unwrap_err();
    assert!(matches!(e, Error::Parameter { got: 66_495, .. }));
    assert!(a.is_empty() && b.is_empty());
    let gate = MaxPool::<u64>::new(38, 3).unwrap();
    let ((), k0, k1) = deal(&gate, 5, ());
    let e = k0.start(&[0; 14]).unwrap_err();
    assert!(matches!(
        e,
        Error::Length {
            got: 14,
            want: 15,
            ..
        }
    ));
    let MaxPoolStep::Send(run, m) = k1.start(&[0; 15]).unwrap() else {
        panic!("a window of 3 has something to open");
    };
    let e = run.step(&m[1..], &Cpu::new()).unwrap_err();
    assert!(matches!(e, Error::Message(_)));
}
