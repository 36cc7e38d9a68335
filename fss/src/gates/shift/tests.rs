#![allow(clippy::unwrap_used)]

use super::*;
use crate::evaluator::Cpu;
use crate::testing::{deal, edges, masked, pairs, sum};
use crate::{P0, P1};

/// The core as a gate by itself.
#[derive(Debug, Clone, Copy)]
struct Any<R: Ring>(Shift<R>);

gate!(Any, SHIFT, ShiftKeys);

/// x of n bits as the range reads it; shifts of it are arithmetic.
fn value<R: Ring>(bits: u32, range: Range, x: R) -> i128 {
    let raw = x.to_i128() as u128 & crate::shape::mask(bits);
    match range {
        Range::Unsigned | Range::UnsignedWithin(_) => raw as i128,
        _ => ((raw << (128 - bits)) as i128) >> (128 - bits),
    }
}

fn holds(range: Range, v: i128) -> bool {
    match range {
        Range::Signed | Range::Unsigned => true,
        Range::SignedWithin(w) => v >= -(1 << (w - 1)) && v < 1 << (w - 1),
        Range::UnsignedWithin(w) => v < 1 << w,
    }
}

fn shifts<R: Ring>(shift: Shift<R>, x: &[R], r: &[R]) {
    let (bits, range) = (shift.bits, shift.range);
    let keep = |x: &&R| holds(range, value(bits, range, **x));
    let r: Vec<R> = x
        .iter()
        .zip(r)
        .filter(|(x, _)| keep(x))
        .map(|p| *p.1)
        .collect();
    let x: Vec<R> = x.iter().filter(keep).copied().collect();
    let got = run(&Any(shift), bits, shift.to, &x, &r);
    for i in 0..x.len() {
        let want = value(bits, range, x[i]) >> shift.shift;
        let want = masked(shift.to, &[R::from_i128(want)], &[R::ZERO])[0];
        assert_eq!(got[i], want, "{shift:?}, {:?} under {:?}", x[i], r[i]);
    }
}

/// The result of a gate that shifts, from both parties' shares.
pub(crate) fn run<R: Ring, G>(gate: &G, bits: u32, to: u32, x: &[R], r: &[R]) -> Vec<R>
where
    G: for<'a> Gate<Masks<'a> = &'a [R], Keys<P0> = ShiftKeys<R, P0>, Keys<P1> = ShiftKeys<R, P1>>,
{
    let (_, k0, k1) = deal(gate, x.len(), r);
    // Bits above the width must not matter.
    let mut hat = masked(bits, x, r);
    for x in &mut hat {
        *x = x.add(R::ONE.shl(bits));
    }
    let (p0, m0) = k0.start(&hat, &Cpu::new()).unwrap();
    let (p1, m1) = k1.start(&hat, &Cpu::new()).unwrap();
    assert_eq!((p0.expects(), p1.expects()), (m1.len(), m0.len()));
    let (y0, y1) = (p0.finish(&m1).unwrap(), p1.finish(&m0).unwrap());
    for y in [&y0, &y1] {
        assert!(y.as_slice().iter().all(|v| v.shr(to) == R::ZERO));
    }
    sum(to, y0.as_slice(), y1.as_slice())
}

fn ranges(bits: u32) -> Vec<Range> {
    let mut all = vec![Range::Signed, Range::Unsigned];
    for w in [1, bits / 2, bits - 1] {
        all.extend([Range::SignedWithin(w), Range::UnsignedWithin(w)]);
    }
    all
}

#[test]
fn all_values_and_masks_of_small_widths() {
    for bits in 1..=8u32 {
        let all: Vec<u16> = (0..1 << bits).collect();
        let (x, r) = pairs(&all, &all);
        for range in ranges(bits) {
            for f in 0..bits {
                for to in [1, bits - f, bits - f + 1, bits, bits + 3, 16] {
                    if let Ok(s) = Shift::new(bits, f, to, range) {
                        shifts(s, &x, &r);
                    }
                }
            }
        }
    }
}

#[test]
fn ends_of_wide_words() {
    for bits in [16, 31, 32, 33, 38, 63, 64] {
        let all = edges::<u64>(bits);
        let (x, r) = pairs(&all, &all);
        for range in ranges(bits) {
            for f in [0, 1, 7, 8, 12, bits - 2, bits - 1] {
                for to in [bits - f, bits, (bits + 5).min(64), 64] {
                    if let Ok(s) = Shift::new(bits, f, to, range) {
                        shifts(s, &x, &r);
                    }
                }
            }
        }
    }
    for (bits, f, to) in [
        (64, 20, 64),
        (64, 0, 100),
        (65, 3, 128),
        (127, 64, 127),
        (120, 0, 127),
    ] {
        let all = edges::<u128>(bits);
        let (x, r) = pairs(&all, &all);
        for range in [Range::Signed, Range::SignedWithin(bits - 1)] {
            shifts(Shift::new(bits, f, to, range).unwrap(), &x, &r);
        }
    }
}

#[test]
fn parameters_out_of_their_domain_are_refused() {
    let new = |bits, f, to, range| Shift::<u32>::new(bits, f, to, range).is_ok();
    assert!(new(32, 31, 32, Range::Signed));
    assert!(!new(0, 0, 1, Range::Signed));
    assert!(!new(33, 0, 1, Range::Signed));
    assert!(!new(8, 8, 8, Range::Signed));
    assert!(!new(8, 1, 0, Range::Signed));
    assert!(!new(8, 1, 33, Range::Signed));
    assert!(!new(8, 1, 8, Range::SignedWithin(8)));
    assert!(!new(8, 1, 8, Range::SignedWithin(0)));
    assert!(!new(8, 7, 8, Range::SignedWithin(7)));
    assert!(new(8, 7, 8, Range::UnsignedWithin(7)));
    assert!(!new(1, 0, 8, Range::UnsignedWithin(1)));
}

#[test]
fn wrong_lengths_are_refused() {
    let gate = Any(Shift::<u32>::new(20, 4, 20, Range::Signed).unwrap());
    let ((), k0, k1) = deal(&gate, 9, &[3; 9]);
    let e = k0.start(&[0; 8], &Cpu::new()).unwrap_err();
    assert!(matches!(
        e,
        Error::Length {
            got: 8,
            want: 9,
            ..
        }
    ));
    let (p, m) = k1.start(&[0; 9], &Cpu::new()).unwrap();
    assert!(matches!(p.finish(&m[1..]).unwrap_err(), Error::Message(_)));
}
