#![allow(clippy::unwrap_used)]

use piquet_core::cpu::Level;
use piquet_core::wire::DecodeError;

use super::*;
use crate::evaluator::Cpu;
use crate::testing::{deal, masked, sum, uniform};

/// A number of `bits` bits in two's complement.
fn signed(bits: u32, x: u128) -> i128 {
    ((x << (128 - bits)) as i128) >> (128 - bits)
}

/// Σ c_j x^j modulo 2^k, of the piece that the knots say.
fn plain(k: u32, knots: &[i128], pieces: &[Vec<i128>], x: i128) -> u128 {
    let i = knots.iter().filter(|p| **p <= x).count();
    let y = pieces[i]
        .iter()
        .rev()
        .fold(0i128, |y, c| y.wrapping_mul(x).wrapping_add(*c));
    y as u128 & crate::shape::mask(k)
}

struct Case {
    bits: u32,
    k: u32,
    knots: Vec<i128>,
    pieces: Vec<Vec<i128>>,
}

impl Case {
    /// Uniform coefficients of degree d.
    fn new(bits: u32, k: u32, knots: &[i128], d: usize) -> Self {
        let c = uniform::<u128>(
            128,
            (knots.len() + 1) * (d + 1),
            u128::from(bits * 1000 + k),
        );
        let pieces = c
            .chunks(d + 1)
            .map(|c| c.iter().map(|c| *c as i128).collect());
        Self {
            bits,
            k,
            knots: knots.to_vec(),
            pieces: pieces.collect(),
        }
    }
    fn gate<R: Ring>(&self) -> Spline<R> {
        let pieces: Vec<_> = self.pieces.iter().map(Vec::as_slice).collect();
        Spline::new(self.bits, self.k, &self.knots, &pieces).unwrap()
    }
    fn check<R: Ring>(&self, x: &[R], r: &[R]) {
        let (bits, k) = (self.bits, self.k);
        let gate = self.gate::<R>();
        let ((), k0, k1) = deal(&gate, x.len(), r);
        let at = masked(bits, x, r);
        let (p0, m0) = k0.start(&at, &Cpu::new()).unwrap();
        let (p1, m1) = k1.start(&at, &Cpu::new()).unwrap();
        assert_eq!([m0.len(), m1.len()], [p1.expects(), p0.expects()]);
        let y0 = p0.finish(&m1).unwrap();
        let y1 = p1.finish(&m0).unwrap();
        let got = sum(k, y0.as_slice(), y1.as_slice());
        for ((x, r), got) in x.iter().zip(r).zip(got) {
            let want = plain(
                k,
                &self.knots,
                &self.pieces,
                signed(bits, x.to_i128() as u128),
            );
            let want = R::from_i128(want as i128);
            assert_eq!(
                got, want,
                "{bits} bits, k = {k}, {x:?} under {r:?}, {:?}",
                self.knots
            );
        }
    }
}

/// m knots within n bits, for odd m with the least number and the greatest one.
fn knots(bits: u32, m: usize) -> Vec<i128> {
    let (low, high) = (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1);
    match m {
        1 => vec![low],
        2 => vec![-1, high],
        3 => vec![low, 0, high],
        4 => vec![low + 1, -1, 0, high - 1],
        _ => vec![low, low + 1, 1, high - 1, high],
    }
}

#[test]
fn all_values_and_masks_of_small_widths() {
    for bits in 1..=8u32 {
        let n = 1u32 << bits;
        let pairs = (0..n * n).map(|i| ((i / n) as u16, (i % n) as u16));
        let (x, r): (Vec<_>, Vec<_>) = pairs.unzip();
        for m in 1..=5 {
            let mut knots = knots(bits, m);
            knots.sort_unstable();
            knots.dedup();
            knots.retain(|p| signed(bits, *p as u128) == *p);
            for d in 0..=3 {
                for k in [bits, 16, 5] {
                    if bits == 8 && k == 5 && d != 2 {
                        continue;
                    }
                    Case::new(bits, k, &knots, d).check(&x, &r);
                }
            }
        }
    }
}

#[test]
fn wide_words_and_odd_batches() {
    for (bits, k) in [(38, 38), (38, 64), (16, 38), (64, 64), (64, 38), (33, 64)] {
        for (i, batch) in [1, 31, 64, 65, 129].into_iter().enumerate() {
            for m in 1..=5 {
                let mut x = uniform::<u64>(bits, batch, 7);
                let r = uniform::<u64>(bits, batch, 8);
                let case = Case::new(bits, k, &knots(bits, m), (i + m) % 4);
                for (x, p) in x.iter_mut().zip(&case.knots) {
                    *x = *p as u64 & crate::shape::mask(bits) as u64;
                }
                case.check(&x, &r);
            }
        }
    }
    let [x, r] = [7, 8].map(|seed| uniform::<u128>(100, 33, seed));
    Case::new(100, 128, &[-5, 0, 1 << 98], 3).check(&x, &r);
    Case::new(100, 77, &[-5, 0, 1 << 98], 3).check(&x, &r);
}

#[test]
fn around_every_knot() {
    let (bits, k) = (32, 64);
    let case = Case::new(bits, k, &[-70_000, -1, 3, 65_536], 2);
    let (mut x, mut r) = (Vec::new(), Vec::new());
    for p in &case.knots {
        for near in [-1, 0, 1] {
            for mask in [
                0u64,
                1,
                1 << 31,
                (1 << 31) - 1,
                u32::MAX.into(),
                65_535,
                70_000,
            ] {
                x.push((p + near) as u64 & 0xffff_ffff);
                r.push(mask);
            }
        }
    }
    case.check(&x, &r);
}

#[test]
fn keys_are_as_long_as_said() {
    let bytes = |bits, k, m, d, count| {
        let case = Case::new(bits, k, &(0..m).collect::<Vec<_>>(), d);
        case.gate::<u64>().key_bytes(count)
    };
    // 512 of the tree, and 2 + 8 * 3 elements of 38 bits.
    assert_eq!(bytes(38, 38, 8, 2, 1), 512 + 10 + 114);
    assert_eq!(bytes(38, 38, 8, 2, 4), 4 * 512 + 2 * 19 + 24 * 19);
    // One more term.
    assert_eq!(bytes(16, 64, 2, 1, 1), 160 + 8 * (1 + 3 * 2));
    assert_eq!(bytes(64, 64, 1, 3, 3), 3 * (928 + 8 * (3 + 4)));
}

#[test]
fn levels_agree() {
    let case = Case::new(38, 38, &[-9, 0, 77], 3);
    let x = uniform::<u64>(38, 67, 3);
    let shares = |level| {
        let ((), k0, k1) = deal(&case.gate::<u64>(), x.len(), &x[..]);
        let (p0, m0) = k0.start(&x, &Cpu::with_level(level)).unwrap();
        let (p1, m1) = k1.start(&x, &Cpu::with_level(level)).unwrap();
        let [y0, y1] = [p0.finish(&m1).unwrap(), p1.finish(&m0).unwrap()];
        (m0, m1, y0.into_vec(), y1.into_vec())
    };
    let want = shares(Level::Portable);
    for level in [Level::Avx2, Level::Avx512] {
        assert_eq!(shares(level), want, "{level:?}");
    }
}

#[test]
fn what_is_not_due_is_refused() {
    let case = Case::new(16, 16, &[-9, 0], 1);
    let gate = case.gate::<u16>();
    let start = || {
        let ((), k0, k1) = deal(&gate, 3, &[1, 2, 3][..]);
        let (p0, m0) = k0.start(&[4, 5, 6], &Cpu::new()).unwrap();
        let (_, m1) = k1.start(&[4, 5, 6], &Cpu::new()).unwrap();
        (p0, m0, m1)
    };
    let (p0, m0, mut m1) = start();
    m1.pop();
    assert!(matches!(
        p0.finish(&m1),
        Err(Error::Message(DecodeError::Length { .. }))
    ));
    let (p0, _, mut m1) = start();
    m1[5] ^= 1;
    assert_eq!(
        p0.finish(&m1).unwrap_err(),
        Error::Message(DecodeError::Context)
    );
    assert!(start().0.finish(&m0[..4]).is_err());
    let ((), k0, _) = deal(&gate, 3, &[1, 2, 3][..]);
    assert!(matches!(
        k0.start(&[1], &Cpu::new()),
        Err(Error::Length { .. })
    ));

    let new =
        |bits, k, knots: &[i128], pieces: &[&[i128]]| Spline::<u16>::new(bits, k, knots, pieces);
    assert!(new(16, 16, &[0], &[&[1], &[1, 2]]).is_ok());
    assert!(new(0, 16, &[0], &[&[1], &[1]]).is_err());
    assert!(new(16, 17, &[0], &[&[1], &[1]]).is_err());
    assert!(new(16, 16, &[], &[&[1]]).is_err());
    assert!(new(16, 16, &[0], &[&[1]]).is_err());
    assert!(new(16, 16, &[0, 0], &[&[1], &[1], &[1]]).is_err());
    assert!(new(8, 8, &[128], &[&[1], &[1]]).is_err());
    assert!(new(8, 8, &[-129], &[&[1], &[1]]).is_err());
    assert!(new(16, 16, &[0], &[&[1], &[]]).is_err());
    assert!(new(16, 16, &[0], &[&[1], &[0; 5]]).is_err());
    let id = |knots: &[i128], pieces: &[&[i128]]| new(16, 16, knots, pieces).unwrap().id();
    assert_ne!(id(&[0], &[&[1], &[2]]), id(&[1], &[&[1], &[2]]));
    assert_ne!(id(&[0], &[&[1], &[2]]), id(&[0], &[&[1], &[3]]));
    assert_eq!(id(&[0], &[&[1], &[2]]), id(&[0], &[&[1 + (1 << 16)], &[2]]));
}
