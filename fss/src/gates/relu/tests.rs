#![allow(clippy::unwrap_used)]

use piquet_core::wire::DecodeError;

use super::*;
use crate::evaluator::Cpu;
use crate::testing::{deal, edges, masked, pairs, sum, uniform};

fn relu<R: Ring>(bits: u32, x: &[R], r: &[R]) {
    let gate = Relu::<R>::new(bits).unwrap();
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
    let got = sum(bits, y0.as_slice(), y1.as_slice());
    for i in 0..x.len() {
        let negative = x[i].shr(bits - 1) == R::ONE;
        let want = if negative { R::ZERO } else { x[i] };
        assert_eq!(got[i], want, "{bits} bits, {:?} under {:?}", x[i], r[i]);
    }
}

#[test]
fn all_values_and_masks_of_small_widths() {
    for bits in 1..=8u32 {
        let all: Vec<u8> = (0..1u32 << bits).map(|x| x as u8).collect();
        let (x, r) = pairs(&all, &all);
        relu(bits, &x, &r);
    }
}

#[test]
fn ends_of_wide_words() {
    for bits in [16, 31, 32, 33, 38, 63, 64] {
        let all = edges::<u64>(bits);
        let (x, r) = pairs(&all, &all);
        relu(bits, &x, &r);
    }
    for bits in [65, 128] {
        let all = edges::<u128>(bits);
        let (x, r) = pairs(&all, &all);
        relu(bits, &x, &r);
    }
}

#[test]
fn odd_batches() {
    for n in [1, 31, 32, 33, 63, 64, 65, 127, 128, 129] {
        let (x, r) = (uniform::<u64>(38, n, 1), uniform::<u64>(38, n, 2));
        relu(38, &x, &r);
    }
}

#[test]
fn bytes_of_a_key() {
    let bytes = |n: u32| Relu::<u64>::new(n).unwrap().key_bytes(8);
    // 496 bytes of the tree, a bit of the sign, three shares of 38 bits.
    assert_eq!(bytes(38), 8 * 496 + 1 + 3 * 38);
    assert!(bytes(38) <= 8 * 556);
    assert_eq!(bytes(64), 8 * 912 + 1 + 3 * 64);
    assert_eq!(Relu::<u64>::new(38).unwrap().key_bytes(1), 512);
}

#[test]
fn wrong_lengths_are_refused() {
    let gate = Relu::<u16>::new(12).unwrap();
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
    let ((), k0, _) = deal(&gate, 9, &[5; 9]);
    let (_, m) = k0.start(&[0; 9], &Cpu::new()).unwrap();
    let (p, _) = k1.start(&[0; 9], &Cpu::new()).unwrap();
    let long = [&m[..], &[0]].concat();
    assert!(matches!(
        p.finish(&long).unwrap_err(),
        Error::Message(DecodeError::Length { got: 3, want: 2 })
    ));
}
