#![allow(clippy::unwrap_used)]

use super::super::shift::tests::run;
use super::*;
use crate::gates::Gate;
use crate::testing::{edges, masked, pairs, uniform};

#[test]
fn reduces_and_keeps() {
    for bits in [2u32, 5, 16, 31, 32, 33, 38, 63, 64] {
        let all = edges::<u64>(bits);
        let (x, r) = pairs(&all, &all);
        for shift in [1, 12, bits / 2, bits - 1] {
            if shift >= bits {
                continue;
            }
            let signed = |x: &u64| ((x << (64 - bits)) as i64) >> (64 - bits) >> shift;
            let want: Vec<u64> = x.iter().map(|x| signed(x) as u64).collect();
            let zero = vec![0; x.len()];
            let to = bits - shift;
            let gate = TruncateReduce::<u64>::new(bits, shift).unwrap();
            assert_eq!(run(&gate, bits, to, &x, &r), masked(to, &want, &zero));
            let gate = Truncate::<u64>::new(bits, shift, Range::Signed).unwrap();
            assert_eq!(run(&gate, bits, bits, &x, &r), masked(bits, &want, &zero));
            let logical: Vec<u64> = x.iter().map(|x| x >> shift).collect();
            let gate = Truncate::<u64>::new(bits, shift, Range::Unsigned).unwrap();
            assert_eq!(run(&gate, bits, bits, &x, &r), logical);
        }
    }
}

#[test]
fn odd_batches() {
    for n in [1, 31, 32, 33, 63, 64, 65, 127, 128, 129] {
        let (x, r) = (uniform::<u64>(38, n, 1), uniform::<u64>(38, n, 2));
        let gate = Truncate::<u64>::new(38, 12, Range::Unsigned).unwrap();
        let want: Vec<u64> = x.iter().map(|x| x >> 12).collect();
        assert_eq!(run(&gate, 38, 38, &x, &r), want);
    }
}

#[test]
fn bytes_of_a_key() {
    let reduce = TruncateReduce::<u64>::new(38, 12).unwrap();
    assert_eq!(reduce.key_bytes(8), 8 * 96 + 2 * 26);
    let exact = Truncate::<u64>::new(38, 12, Range::Signed).unwrap();
    assert_eq!(exact.key_bytes(8), 8 * (96 + 496) + 2 * 38 + 3 * 12);
    let window = Truncate::<u64>::new(38, 12, Range::SignedWithin(36)).unwrap();
    assert_eq!(window.key_bytes(8), 8 * 96 + 2 * 38 + 12);
    let wide = Truncate::<u64>::new(64, 12, Range::Signed).unwrap();
    assert_eq!(wide.key_bytes(8), 8 * (96 + 912) + 2 * 64 + 3 * 12);
}

#[test]
fn parameters_out_of_their_domain_are_refused() {
    assert!(TruncateReduce::<u32>::new(8, 0).is_err());
    assert!(TruncateReduce::<u32>::new(8, 8).is_err());
    assert!(TruncateReduce::<u32>::new(8, 9).is_err());
    assert!(Truncate::<u32>::new(8, 0, Range::Signed).is_err());
    assert!(Truncate::<u32>::new(33, 1, Range::Signed).is_err());
    assert!(Truncate::<u32>::new(8, 7, Range::SignedWithin(4)).is_err());
}
