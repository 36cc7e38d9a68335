#![allow(clippy::unwrap_used)]

use piquet_core::cpu::Level;
use piquet_core::wire::DecodeError;

use super::*;
use crate::evaluator::Cpu;
use crate::testing::{deal, masked, sum, uniform};

fn table<R: Ring>(bits: u32, seed: u128) -> Table<R> {
    Table::new(bits, &uniform(R::BITS, 1 << bits, seed)).unwrap()
}

/// Looks up all x under the masks r, with both gates, and holds the results to the tables.
fn check<R: Ring, I: Ring>(bits: u32, k: u32, tables: &[&Table<R>], x: &[I], r: &[I]) {
    let at = masked(bits, x, r);
    let cpu = Cpu::new();
    let gate = LookupBits::<R, I>::new(bits).unwrap();
    let ((), k0, k1) = deal(&gate, x.len(), r);
    let y0 = k0.evaluate(&at, tables, &cpu).unwrap();
    let y1 = k1.evaluate(&at, tables, &cpu).unwrap();
    assert_eq!(y0.len(), tables.len());
    for (t, table) in tables.iter().enumerate() {
        for (j, x) in x.iter().enumerate() {
            let got = y0[t].as_slice()[j].xor(y1[t].as_slice()[j]);
            assert_eq!(got, table.entries()[x.to_u64() as usize], "{bits}: {x:?}");
        }
    }
    let gate = Lookup::<R, I>::new(bits, k).unwrap();
    let ((), k0, k1) = deal(&gate, x.len(), r);
    let y0 = k0.evaluate(&at, tables, &cpu).unwrap();
    let y1 = k1.evaluate(&at, tables, &cpu).unwrap();
    check_sums(k, tables, x, &y0, &y1);
    if k > 64 {
        return;
    }
    let gate = SignedLookup::<R, I>::new(bits, k, tables.len() as u32).unwrap();
    let ((), k0, k1) = deal(&gate, x.len(), r);
    let (p0, m0) = k0.start(&at, tables, &cpu).unwrap();
    let (p1, m1) = k1.start(&at, tables, &cpu).unwrap();
    assert_eq!([m0.len(), m1.len()], [p1.expects(), p0.expects()]);
    let (y0, y1) = (p0.finish(&m1).unwrap(), p1.finish(&m0).unwrap());
    check_sums(k, tables, x, &y0, &y1);
}

fn check_sums<R: Ring, I: Ring>(
    k: u32,
    tables: &[&Table<R>],
    x: &[I],
    y0: &[RingVec<R>],
    y1: &[RingVec<R>],
) {
    assert_eq!([y0.len(), y1.len()], [tables.len(); 2]);
    for (t, table) in tables.iter().enumerate() {
        let got = sum(k, y0[t].as_slice(), y1[t].as_slice());
        for (x, got) in x.iter().zip(got) {
            let want = table.entries()[x.to_u64() as usize];
            let want = want.shl(R::BITS - k).shr(R::BITS - k);
            assert_eq!(got, want, "k = {k}, {x:?}");
        }
    }
}

fn all(bits: u32) -> [Vec<u8>; 2] {
    let n = 1u32 << bits;
    let pairs = (0..n * n).map(|i| ((i / n) as u8, (i % n) as u8));
    let (x, r) = pairs.unzip();
    [x, r]
}

#[test]
fn all_indices_and_masks_of_small_tables() {
    for bits in 1..=8 {
        let [x, r] = all(bits);
        check::<u8, u8>(bits, 5, &[&table(bits, 1)], &x, &r);
        check::<u16, u8>(bits, 16, &[&table(bits, 2)], &x, &r);
        if bits < 8 {
            check::<u32, u8>(bits, 1, &[&table(bits, 3)], &x, &r);
            check::<u128, u8>(bits, 128, &[&table(bits, 6)], &x, &r);
            check::<u128, u8>(bits, 2, &[&table(bits, 6)], &x, &r);
        }
        check::<u64, u8>(bits, 38, &[&table(bits, 4), &table(bits, 5)], &x, &r);
        check::<u64, u8>(bits, 64, &[&table(bits, 4)], &x, &r);
    }
}

#[test]
fn large_tables_and_odd_batches() {
    for (bits, batch) in [
        (9, 129),
        (10, 127),
        (12, 65),
        (12, 1),
        (13, 64),
        (14, 33),
        (16, 5),
        (20, 2),
    ] {
        let mut x = uniform::<u32>(bits, batch, 11);
        let r = uniform::<u32>(bits, batch, 12);
        x[0] = 0;
        x[batch - 1] = (1 << bits) - 1;
        for k in [16, 38, 64] {
            check::<u64, u32>(bits, k, &[&table(bits, 4), &table(bits, 5)], &x, &r);
        }
        check::<u32, u32>(bits, 7, &[&table(bits, 7)], &x, &r);
    }
}

#[test]
fn levels_agree() {
    for bits in [6, 10, 14] {
        let r = uniform::<u64>(bits, 67, 21);
        let tables = [&table::<u64>(bits, 3)];
        let shares = |level| {
            let cpu = Cpu::with_level(level);
            let gate = LookupBits::<u64>::new(bits).unwrap();
            let ((), k0, k1) = deal(&gate, r.len(), &r[..]);
            let mut out = k0.evaluate(&r, &tables, &cpu).unwrap();
            out.extend(k1.evaluate(&r, &tables, &cpu).unwrap());
            let gate = Lookup::<u64>::new(bits, 38).unwrap();
            let ((), k0, k1) = deal(&gate, r.len(), &r[..]);
            out.extend(k0.evaluate(&r, &tables, &cpu).unwrap());
            out.extend(k1.evaluate(&r, &tables, &cpu).unwrap());
            let gate = SignedLookup::<u64>::new(bits, 38, 1).unwrap();
            let ((), k0, k1) = deal(&gate, r.len(), &r[..]);
            let (p0, m0) = k0.start(&r, &tables, &cpu).unwrap();
            let (p1, m1) = k1.start(&r, &tables, &cpu).unwrap();
            out.extend(p0.finish(&m1).unwrap());
            out.extend(p1.finish(&m0).unwrap());
            out.into_iter().map(RingVec::into_vec).collect::<Vec<_>>()
        };
        let want = shares(Level::Portable);
        for level in [Level::Avx2, Level::Avx512] {
            assert_eq!(shares(level), want, "{bits} bits, {level:?}");
        }
    }
}

#[test]
fn keys_are_as_long_as_said() {
    let bits = |n| LookupBits::<u64>::new(n).unwrap().key_bytes(3);
    for n in 1..=7 {
        assert_eq!(bits(n), 3 * 16);
    }
    for n in 7..=20 {
        assert_eq!(bits(n), 3 * 16 * (n as usize - 6));
    }
    let ring = |n, k| Lookup::<u64>::new(n, k).unwrap().key_bytes(1);
    for (n, k, bytes) in [
        (8, 16, 96),
        (8, 38, 128),
        (8, 64, 128),
        (10, 16, 128),
        (10, 38, 160),
        (10, 64, 160),
        (12, 16, 160),
        (12, 38, 192),
        (12, 64, 192),
        (1, 64, 16),
        (3, 16, 16),
    ] {
        assert_eq!(ring(n, k), bytes, "{n}, {k}");
    }
    let signed = |n, k, t| SignedLookup::<u64>::new(n, k, t).unwrap().key_bytes(8);
    for (n, k, eight) in [
        (8, 16, 8 * 36),
        (8, 38, 332),
        (8, 64, 8 * 48),
        (10, 16, 8 * 68),
        (10, 38, 588),
        (10, 64, 8 * 80),
        (12, 16, 8 * 100),
        (12, 38, 844),
        (12, 64, 8 * 112),
    ] {
        assert_eq!(signed(n, k, 1), eight, "{n}, {k}");
        assert_eq!(signed(n, k, 3), eight + 2 * k as usize, "{n}, {k}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(LookupBits::<u64>::new(0).is_err());
    assert!(LookupBits::<u64>::new(21).is_err());
    assert!(LookupBits::<u64, u8>::new(9).is_err());
    assert!(Lookup::<u16>::new(8, 17).is_err());
    assert!(Lookup::<u16>::new(8, 0).is_err());
    assert!(Table::<u8>::new(3, &[0; 7]).is_err());
    assert!(Table::<u8>::from_fn(21, |_| 0).is_err());
    let gate = Lookup::<u64>::new(8, 64).unwrap();
    let right = table::<u64>(8, 1);
    let small = table::<u64>(7, 1);
    let keys = || deal(&gate, 2, &[1, 2][..]).1;
    let cpu = Cpu::new();
    let wrong = |e: Error| matches!(e, Error::Length { .. });
    assert!(wrong(keys().evaluate(&[1], &[&right], &cpu).unwrap_err()));
    assert!(wrong(
        keys()
            .evaluate(&[1, 2], &[&right, &small], &cpu)
            .unwrap_err()
    ));
    let gate = SignedLookup::<u64>::new(8, 64, 1).unwrap();
    let signed = || deal(&gate, 2, &[1, 2][..]);
    let ((), k0, k1) = signed();
    assert!(wrong(
        k0.start(&[1, 2], &[&right, &right], &cpu).unwrap_err()
    ));
    assert!(wrong(k1.start(&[1], &[&right], &cpu).unwrap_err()));
    let ((), k0, k1) = signed();
    let (p0, _) = k0.start(&[1, 2], &[&right], &cpu).unwrap();
    let (p1, mut m1) = k1.start(&[1, 2], &[&right], &cpu).unwrap();
    m1.push(0);
    assert!(matches!(
        p0.finish(&m1),
        Err(Error::Message(DecodeError::Length { .. }))
    ));
    m1.pop();
    m1[0] ^= 1;
    assert!(matches!(
        p1.finish(&m1),
        Err(Error::Message(DecodeError::Version { .. }))
    ));
    assert!(SignedLookup::<u128>::new(8, 65, 1).is_err());
    assert!(SignedLookup::<u64>::new(8, 64, 0).is_err());
    assert!(keys().evaluate(&[1, 2], &[], &cpu).unwrap().is_empty());
}
