//! Fixed point: encoding against exact rounding, format arithmetic against the values it bounds, truncation failures
//! against their stated probability.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::rng;
use piquet_core::{Ring, RingVec};
use piquet_secret_sharing::{
    Error, Format, additive,
    fixed::{decode, encode, encode_f32, local_truncation_failure},
};
use proptest::prelude::*;

fn format(width: u32, frac: u32, bound: u32) -> Format {
    Format::new(width, frac, bound).unwrap()
}

mod checks {
    use super::*;

    pub(super) fn encodes_every_integer_in_range<R: Ring>() {
        let f = format(R::BITS, 3, 6);
        for raw in -63i128..64 {
            let v = raw as f64 / 8.0;
            let x = encode::<R>(&[v], f).unwrap();
            assert_eq!(x.as_slice(), [R::from_i128(raw)]);
            assert_eq!(decode(x.as_slice(), f).unwrap(), [v]);
            assert_eq!(
                encode_f32::<R>(&[v as f32], f).unwrap().as_slice(),
                x.as_slice()
            );
        }
        for bad in [8.0, -8.0, 7.94, f64::NAN, f64::INFINITY, f64::MIN] {
            let e = encode::<R>(&[0.0, bad], f).unwrap_err();
            assert_eq!(
                e,
                Error::NotRepresentable {
                    index: 1,
                    format: f
                }
            );
            assert!(!e.to_string().contains("7.94"), "no secret in a message");
        }
    }

    pub(super) fn narrow_formats_live_in_wide_rings<R: Ring>() {
        let f = format(8, 2, 6);
        let x = encode::<R>(&[-1.25], f).unwrap();
        // Only the low eight bits count.
        let noisy: Vec<R> = x.as_slice().iter().map(|v| v.add(R::ONE.shl(8))).collect();
        assert_eq!(decode(&noisy, f).unwrap(), [-1.25]);
    }
}
in_every_ring!(encodes_every_integer_in_range narrow_formats_live_in_wide_rings);

#[test]
fn rounds_to_nearest_even() {
    let f = format(16, 0, 10);
    let x = encode::<u16>(&[0.5, 1.5, 2.5, -0.5, -1.5, 0.49, -0.51], f).unwrap();
    assert_eq!(
        decode(x.as_slice(), f).unwrap(),
        [0.0, 2.0, 2.0, 0.0, -2.0, 0.0, -1.0]
    );
}

#[test]
fn wide_values_are_exact() {
    let f = format(128, 100, 127);
    let v = [1.5, -134_217_727.0, 0.5f64.powi(100), -(0.5f64.powi(99))];
    let x = encode::<u128>(&v, f).unwrap();
    assert_eq!(decode(x.as_slice(), f).unwrap(), v);
    assert!(encode::<u64>(&v, f).is_err(), "wider than the ring");
    assert!(decode::<u64>(&[0], f).is_err());
    assert!(encode::<u128>(&[2f64.powi(27)], f).is_err());
}

#[test]
fn contradictory_formats_are_refused() {
    for (w, fr, b) in [
        (0, 0, 0),
        (7, 0, 0),
        (129, 0, 0),
        (8, 8, 0),
        (8, 0, 8),
        (u32::MAX, u32::MAX, u32::MAX),
    ] {
        assert!(matches!(Format::new(w, fr, b), Err(Error::Format { .. })));
    }
    assert!(Format::new(8, 0, 0).is_ok());
    assert_eq!(Format::z64(12, 20), Format::new(64, 12, 20));
    let f = format(32, 10, 20);
    let g = format(32, 11, 21);
    assert!(matches!(f.add(g), Err(Error::Formats { left, right, .. }) if left == f && right == g));
    assert!(f.add(format(64, 10, 20)).is_err());
    assert!(f.mul(format(64, 10, 20)).is_err());
    assert!(f.with_bound(31).unwrap().add(f).is_err(), "may overflow");
    assert!(f.mul(format(32, 10, 12)).is_err());
    assert_eq!(f.mul(format(32, 10, 11)), Ok(format(32, 20, 31)));
    assert!(f.rescale(11).is_err());
    assert_eq!(f.rescale(0), Ok(f));
    assert_eq!(
        f.with_width(20).unwrap_err().to_string(),
        "format 20-bit.10 below 2^20 does not fit: the sign needs a bit: bound is less than width"
    );
    let small = format(64, 8, 16);
    for (terms, carry) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (576, 10)] {
        assert_eq!(small.dot(small, terms), Ok(format(64, 16, 32 + carry)));
    }
    assert!(small.dot(small, usize::MAX).is_err());
}

#[test]
fn single_numbers_are_clipped() {
    let f = format(64, 4, 8);
    assert_eq!(f.encode(1.03), 16);
    assert_eq!(f.encode(-1.04), -17);
    assert_eq!((f.encode(1e9), f.encode(-1e9)), (255, -255));
    assert_eq!(f.encode(f64::NAN), 0);
    assert_eq!(f.decode(-24), -1.5);
    for (width, bound) in [(64, 62), (64, 63), (128, 100)] {
        let (f, limit) = (
            format(width, 0, bound),
            ((1u64 << bound.min(63)) - 1) as i64,
        );
        assert_eq!(f.encode(f64::INFINITY), limit, "{f}");
        assert_eq!(f.encode(f64::MIN), -limit, "{f}");
    }
}

#[cfg(feature = "serde")]
#[test]
fn what_is_read_is_checked() {
    let text = r#"{"width":64,"frac":12,"bound":20}"#;
    let f = format(64, 12, 20);
    assert_eq!(serde_json::to_string(&f).unwrap(), text);
    assert_eq!(serde_json::from_str::<Format>(text).unwrap(), f);
    for (bad, why) in [
        (r#"{"width":64,"frac":12,"bound":64}"#, "bound is less"),
        (r#"{"width":7,"frac":0,"bound":0}"#, "8 to 128"),
        (r#"{"width":64,"frac":64,"bound":1}"#, "frac is less"),
        (r#"{"width":64,"frac":1}"#, "bound"),
        (r#"{"width":64,"frac":1,"bound":1,"x":1}"#, "unknown field"),
    ] {
        let e = serde_json::from_str::<Format>(bad).unwrap_err().to_string();
        assert!(e.contains(why), "{e}");
    }
}

proptest! {
    /// The bound of every derived format holds at the extremes of the operands.
    #[test]
    fn bounds_hold(b1 in 0u32..30, b2 in 0u32..30, shift in 0u32..20, terms in 1usize..9) {
        let (f, g) = (format(128, 20, b1), format(128, 20, b2));
        let (x, y) = ((1i128 << b1) - 1, (1i128 << b2) - 1);
        let holds = |v: i128, f: Format| v.abs() < 1 << f.bound();
        prop_assert!(holds(x + y, f.add(g).unwrap()));
        prop_assert!(holds(-x - y, f.add(g).unwrap()));
        prop_assert!(holds(x * y, f.mul(g).unwrap()));
        prop_assert!(holds(x * y * terms as i128, f.dot(g, terms).unwrap()));
        let r = f.rescale(shift).unwrap();
        for v in [x, -x, x / 2, -x / 2] {
            let floor = v >> shift;
            prop_assert!(holds(floor, r));
            prop_assert!(shift == 0 || holds(floor + 1, r));
        }
    }

    #[test]
    fn encode_rounds_to_within_half_a_unit(v in -1000.0f64..1000.0, frac in 0u32..40) {
        let f = format(64, frac, frac + 10);
        let x = encode::<u64>(&[v], f).unwrap();
        let back = decode(x.as_slice(), f).unwrap()[0];
        prop_assert!((back - v).abs() <= 0.5 * (-f64::from(frac)).exp2());
    }
}

/// Truncates one share of two, as SecureML does.
fn truncate_locally(share: &[u16], index: usize, shift: u32) -> RingVec<u16> {
    share
        .iter()
        .map(|v| match index {
            0 => v >> shift,
            _ => (v.wrapping_neg() >> shift).wrapping_neg(),
        })
        .collect()
}

/// Counts failures with random masks at both ends of the window. The seed is fixed; for the stated rate to be exceeded
/// by six standard deviations by chance has probability below 2^-28.
#[test]
fn local_truncation_fails_as_rarely_as_stated() {
    let n = 1 << 20;
    for (bound, shift) in [(10, 4), (12, 8), (14, 2)] {
        let f = format(16, 8, bound);
        let p = local_truncation_failure(f, shift, 16);
        for x in [(1i128 << bound) - 1, 1 - (1i128 << bound)] {
            let shares =
                additive::split(&vec![u16::from_i128(x); n], 2, &mut rng(u64::from(bound)))
                    .unwrap();
            let mut sum = RingVec::zeros(n);
            for s in &shares {
                let t = truncate_locally(s.raw_share(), s.party().index(), shift);
                sum.add_assign(t.as_slice());
            }
            let failures = sum
                .as_slice()
                .iter()
                .filter(|v| !(0..=1).contains(&(v.to_i128() - (x >> shift))))
                .count() as f64;
            let mean = p * n as f64;
            assert!(failures <= mean + 6.0 * mean.sqrt(), "{failures} of {mean}");
            assert!(
                failures >= mean / 4.0,
                "the bound is not far off: {failures} of {mean}"
            );
        }
    }
    assert_eq!(local_truncation_failure(format(64, 8, 40), 0, 64), 0.0);
    assert_eq!(local_truncation_failure(format(64, 8, 63), 8, 64), 1.0);
    assert_eq!(
        local_truncation_failure(format(64, 8, 13), 8, 64),
        0.5f64.powi(50)
    );
}
