#![allow(clippy::unwrap_used)]

use piquet_core::wire::DecodeError;
use piquet_core::{Block, Prg};

use super::*;
use crate::testing::{deal, sum};

fn shared(bits: &BitVec, seed: u128) -> [BitVec; 2] {
    let mut a = BitVec::zeros(bits.len());
    Prg::new(Block::from_u128(seed)).fill_bits(&mut a);
    let mut b = bits.duplicate();
    b.xor_assign(&a);
    [a, b]
}

fn converts<R: Ring>(bits: u32, n: usize) {
    let mut d = BitVec::zeros(n);
    Prg::new(Block::from_u128(11)).fill_bits(&mut d);
    let [d0, d1] = shared(&d, 12);
    let gate = BitToRing::<R>::new(bits).unwrap();
    let ((), k0, k1) = deal(&gate, n, ());
    let (p0, m0) = k0.start(&d0).unwrap();
    let (p1, m1) = k1.start(&d1).unwrap();
    assert_eq!((p0.expects(), p1.expects()), (m1.len(), m0.len()));
    let y0 = p0.finish(&m1).unwrap();
    let y1 = p1.finish(&m0).unwrap();
    let got = sum(bits, y0.as_slice(), y1.as_slice());
    for (got, d) in got.iter().zip(d.to_bools()) {
        assert_eq!(got.to_u64(), u64::from(d), "{bits} bits");
    }
    for y in [y0, y1] {
        assert!(y.as_slice().iter().all(|v| v.shr(bits) == R::ZERO));
    }
}

#[test]
fn every_width_and_odd_batches() {
    for n in [1, 31, 32, 33, 63, 64, 65, 127, 128, 129] {
        converts::<u32>(17, n);
    }
    for bits in 1..=8 {
        converts::<u8>(bits, 100);
    }
    for bits in [1, 16, 31, 32, 33, 38, 63, 64] {
        converts::<u64>(bits, 65);
    }
    for bits in [64, 65, 100, 127, 128] {
        converts::<u128>(bits, 65);
    }
}

#[test]
fn a_share_costs_its_width() {
    let gate = BitToRing::<u64>::new(38).unwrap();
    assert_eq!(gate.key_bytes(8), 38);
    assert_eq!(gate.key_bytes(1), 5);
    assert!(BitToRing::<u64>::new(0).is_err());
    assert!(BitToRing::<u64>::new(65).is_err());
}

#[test]
fn wrong_lengths_are_refused() {
    let gate = BitToRing::<u16>::new(9).unwrap();
    let ((), k0, k1) = deal(&gate, 20, ());
    let want = Error::Length {
        what: "shares",
        got: 19,
        want: 20,
    };
    assert_eq!(k0.start(&BitVec::zeros(19)).unwrap_err(), want);
    let (p1, own) = k1.start(&BitVec::zeros(20)).unwrap();
    // A party that is handed its own message says that it is not the one due.
    let e = p1.finish(&own).unwrap_err();
    assert_eq!(e, Error::Message(DecodeError::Context));
    let ((), k0, k1) = deal(&gate, 20, ());
    let (_, m) = k0.start(&BitVec::zeros(20)).unwrap();
    let (p1, _) = k1.start(&BitVec::zeros(20)).unwrap();
    let short = p1.finish(&m[..m.len() - 1]).unwrap_err();
    assert!(matches!(
        short,
        Error::Message(DecodeError::Length { got: 2, want: 3 })
    ));
}
