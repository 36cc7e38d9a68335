#![allow(clippy::unwrap_used)]

use piquet_core::wire::Header;

use super::*;
use crate::evaluator::Cpu;
use crate::testing::{deal, edges, masked, pairs, sum, uniform};

fn check<R: Ring>(gate: ReluTruncate<R>, x: &[R], r: &[R]) {
    let Shift {
        bits, shift, to, ..
    } = gate.shift;
    let ((), k0, k1) = deal(&gate, x.len(), r);
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
    let got = sum(to, y0.as_slice(), y1.as_slice());
    for i in 0..x.len() {
        let negative = x[i].shr(bits - 1) == R::ONE;
        let want = if negative { R::ZERO } else { x[i].shr(shift) };
        let want = masked(to, &[want], &[R::ZERO])[0];
        assert_eq!(got[i], want, "{gate:?}, {:?} under {:?}", x[i], r[i]);
    }
}

#[test]
fn all_values_and_masks_of_small_widths() {
    for bits in 2..=8u32 {
        let all: Vec<u16> = (0..1 << bits).collect();
        let (x, r) = pairs(&all, &all);
        for shift in 1..bits {
            for to in [1, bits - shift, bits - shift + 1, bits, 13] {
                check(ReluTruncate::new(bits, shift, to).unwrap(), &x, &r);
            }
        }
    }
}

#[test]
fn ends_of_wide_words() {
    for bits in [16, 31, 32, 33, 38, 63, 64] {
        let all = edges::<u64>(bits);
        let (x, r) = pairs(&all, &all);
        for shift in [1, 7, 8, 12, bits - 1] {
            for to in [bits - shift, bits, 64] {
                check(ReluTruncate::new(bits, shift, to).unwrap(), &x, &r);
            }
        }
    }
    let all = edges::<u128>(100);
    let (x, r) = pairs(&all, &all);
    for to in [70, 100, 128] {
        check(ReluTruncate::new(100, 30, to).unwrap(), &x, &r);
    }
}

#[test]
fn odd_batches() {
    for n in [1, 31, 32, 33, 63, 64, 65, 127, 128, 129] {
        let (x, r) = (uniform::<u64>(38, n, 1), uniform::<u64>(38, n, 2));
        check(ReluTruncate::new(38, 12, 38).unwrap(), &x, &r);
    }
}

#[test]
fn bytes_of_a_key() {
    let gate = ReluTruncate::<u64>::new(38, 12, 38).unwrap();
    assert_eq!(gate.key_bytes(8), 8 * (496 + 96) + 1 + 5 * 38 + 2 * 12);
    let gate = ReluTruncate::<u64>::new(38, 12, 26).unwrap();
    assert_eq!(gate.key_bytes(8), 8 * (496 + 96) + 1 + 5 * 26);
}

#[test]
fn what_is_opened_is_uniform_whatever_x_is() {
    let (bits, n) = (16, 40_000);
    let gate = ReluTruncate::<u16>::new(bits, 5, bits).unwrap();
    let r = uniform::<u16>(bits, n, 91);
    for x in [0u16, 1, 31, 32767, 32768, 65535] {
        let hat = masked(bits, &vec![x; n], &r);
        let ((), k0, k1) = deal(&gate, n, &r);
        let (_, m0) = k0.start(&hat, &Cpu::new()).unwrap();
        let (_, m1) = k1.start(&hat, &Cpu::new()).unwrap();
        // The highest bit of x̂, one above the shift, party 0's bits and the opened ones.
        let mut seen = [0u32; 64];
        let bit = |m: &[u8], i: usize| usize::from(m[Header::LEN + i / 8] >> (i % 8) & 1);
        for (j, hat) in hat.iter().enumerate() {
            let mut at = usize::from(hat >> 15 | (hat >> 4 & 1) << 1);
            for (k, i) in [j, n + j].into_iter().enumerate() {
                at |= bit(&m0, i) << (2 + 2 * k) | (bit(&m0, i) ^ bit(&m1, i)) << (3 + 2 * k);
            }
            seen[at] += 1;
        }
        let want = n as f64 / 64.0;
        let chi: f64 = seen
            .iter()
            .map(|s| (f64::from(*s) - want).powi(2) / want)
            .sum();
        // 63 degrees of freedom: above 150 with probability below 2^-25, and seeds are fixed.
        assert!(chi < 150.0, "{x}: {chi}");
    }
}

#[test]
fn wrong_lengths_and_parameters_are_refused() {
    assert!(ReluTruncate::<u32>::new(8, 0, 8).is_err());
    assert!(ReluTruncate::<u32>::new(8, 8, 8).is_err());
    assert!(ReluTruncate::<u32>::new(1, 1, 8).is_err());
    assert!(ReluTruncate::<u32>::new(33, 1, 8).is_err());
    let gate = ReluTruncate::<u16>::new(12, 3, 12).unwrap();
    let ((), k0, k1) = deal(&gate, 9, &[5; 9]);
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
    assert!(matches!(
        p.finish(&m[..m.len() - 1]).unwrap_err(),
        Error::Message(_)
    ));
}
