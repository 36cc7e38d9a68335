#![allow(clippy::unwrap_used)]

use super::super::shift::tests::run;
use super::*;
use crate::gates::Gate;
use crate::testing::{deal, edges, masked, pairs, sum};

fn sign(bits: u32, x: u128) -> u128 {
    (((x << (128 - bits)) as i128) >> (128 - bits)) as u128
}

fn within_window(gate: &ExtendWithin<u128>, x: &[u128], r: &[u128]) -> Vec<u128> {
    let (bits, to) = (gate.0.0.bits, gate.0.0.to);
    let ((), k0, k1) = deal(gate, x.len(), r);
    let hat = masked(bits, x, r);
    let y0 = k0.evaluate(&hat).unwrap();
    let y1 = k1.evaluate(&hat).unwrap();
    sum(to, y0.as_slice(), y1.as_slice())
}

fn both(bits: u32, to: u32, all: &[u128]) {
    let (x, r) = pairs(all, all);
    let zero = vec![0; x.len()];
    let signed: Vec<u128> = x.iter().map(|x| sign(bits, *x)).collect();
    let signed = masked(to, &signed, &zero);
    let gate = Extend::<u128>::unsigned(bits, to).unwrap();
    assert_eq!(run(&gate, bits, to, &x, &r), x, "{bits} to {to}");
    let gate = Extend::<u128>::signed(bits, to).unwrap();
    assert_eq!(run(&gate, bits, to, &x, &r), signed, "{bits} to {to}");
    if bits == 1 {
        return;
    }
    let gate = ExtendWithin::unsigned(bits, bits - 1, to).unwrap();
    for (i, y) in within_window(&gate, &x, &r).into_iter().enumerate() {
        assert!(y == x[i] || x[i] >> (bits - 1) == 1, "{bits} to {to}");
    }
    let gate = ExtendWithin::signed(bits, bits - 1, to).unwrap();
    for (i, y) in within_window(&gate, &x, &r).into_iter().enumerate() {
        let inside = (x[i] >> (bits - 1) ^ x[i] >> (bits - 2)) & 1 == 0;
        assert!(y == signed[i] || !inside, "{bits} to {to}");
    }
}

#[test]
fn all_values_and_masks_of_small_widths() {
    for bits in 1..=7u32 {
        let all: Vec<u128> = (0..1 << bits).collect();
        for to in [bits + 1, bits + 2, 16, 64, 128] {
            both(bits, to, &all);
        }
    }
}

#[test]
fn ends_of_wide_words() {
    for bits in [16, 31, 32, 33, 38, 63, 64] {
        for to in [bits + 1, 65, 100, 128] {
            both(bits, to, &edges(bits));
        }
    }
}

#[test]
fn bytes_of_a_key() {
    let gate = Extend::<u64>::signed(38, 64).unwrap();
    assert_eq!(gate.key_bytes(8), 8 * 496 + 64 + 3 * 26);
    let gate = ExtendWithin::<u64>::signed(38, 37, 64).unwrap();
    assert_eq!(gate.key_bytes(8), 64 + 26);
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(Extend::<u64>::signed(38, 38).is_err());
    assert!(Extend::<u64>::signed(38, 65).is_err());
    assert!(ExtendWithin::<u64>::signed(38, 38, 64).is_err());
    let gate = ExtendWithin::<u32>::unsigned(8, 7, 16).unwrap();
    let ((), k0, _) = deal(&gate, 3, &[0; 3]);
    assert!(k0.evaluate(&[0; 4]).is_err());
}
