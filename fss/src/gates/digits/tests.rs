#![allow(clippy::unwrap_used, clippy::panic)]

use piquet_core::wire::{DecodeError, Header};

use super::*;
use crate::testing::{deal, masked, uniform};
use crate::{P0, P1};

/// Both parties, one exchange after the other; messages are held to what is expected and to the cost.
fn run<R: Ring>(gate: &DigitSign<R>, x: &[R], r: &[R]) -> Vec<bool> {
    let ((), k0, k1) = deal(gate, x.len(), r);
    let masked = masked(gate.bits, x, r);
    let mut step = (k0.evaluate(&masked).unwrap(), k1.evaluate(&masked).unwrap());
    let mut rounds = 0;
    loop {
        step = match step {
            (Progress::Open(p0, m0), Progress::Open(p1, m1)) => {
                assert_eq!((m0.len(), m1.len()), (p1.expects(), p0.expects()));
                rounds += 1;
                (p0.finish(&m1).unwrap(), p1.finish(&m0).unwrap())
            }
            (Progress::Done(mut y), Progress::Done(y1)) => {
                assert_eq!(rounds, gate.cost().rounds);
                y.xor_assign(&y1);
                return y.to_bools().collect();
            }
            _ => panic!("the parties are at different steps"),
        };
    }
}

fn check<R: Ring>(gate: DigitSign<R>, x: &[R], r: &[R]) {
    let got = run(&gate, x, r);
    for (i, got) in got.iter().enumerate() {
        let want = x[i].shr(gate.bits - 1).to_u64() & 1 == 0;
        assert_eq!(*got, want, "{gate:?}, {:?} under {:?}", x[i], r[i]);
    }
}

#[test]
fn all_values_and_masks_of_small_widths() {
    for bits in 1..=8u32 {
        let all = 1u32 << bits;
        let pairs = (0..all).flat_map(|a| (0..all).map(move |b| (a as u8, b as u8)));
        let (x, r): (Vec<_>, Vec<_>) = pairs.unzip();
        for digit in 1..=4 {
            for radix in [2, 3, 4, 8] {
                check(DigitSign::new(bits, digit, radix).unwrap(), &x, &r);
            }
        }
    }
}

#[test]
fn ends_of_wide_words() {
    for bits in [16, 31, 32, 33, 38, 63, 64] {
        let top = 1u64 << (bits - 1);
        let edges = [
            0,
            1,
            2,
            top - 1,
            top,
            top + 1,
            top.wrapping_add(top - 1),
            127,
            128,
            129,
        ];
        let pairs = edges.iter().flat_map(|a| edges.iter().map(|b| (*a, *b)));
        let (mut x, mut r): (Vec<_>, Vec<_>) = pairs.unzip();
        // Every single bit in which x̂ and r can differ.
        x.extend((0..bits).map(|i| 1 << i));
        r.extend(uniform::<u64>(bits, bits as usize, 4));
        for (digit, radix) in [
            (1, 2),
            (2, 2),
            (2, 4),
            (3, 3),
            (4, 2),
            (4, 4),
            (8, 8),
            (5, 6),
        ] {
            check(DigitSign::new(bits, digit, radix).unwrap(), &x, &r);
        }
    }
}

#[test]
fn batches_of_all_sizes() {
    for n in [1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000] {
        let gate = DigitSign::new(38, 4, 4).unwrap();
        check(gate, &uniform::<u64>(38, n, 1), &uniform::<u64>(38, n, 2));
    }
}

/// The table in the head of the file.
#[test]
fn costs() {
    let digits = |n, digit, radix| DigitSign::<u64>::new(n, digit, radix).unwrap().cost();
    let cost = |key_bits, message_bits, rounds, aes_blocks| Cost {
        key_bits,
        message_bits,
        rounds,
        aes_blocks,
    };
    let sign = |n| Sign::<u64>::new(n).unwrap().cost();
    assert_eq!(sign(32), cost(3201, 0, 0, 25));
    assert_eq!(sign(38), cost(3969, 0, 0, 31));
    assert_eq!(sign(64), cost(7297, 0, 0, 57));
    assert_eq!(digits(32, 4, 4), cost(151, 15, 2, 0));
    assert_eq!(digits(38, 4, 4), cost(163, 20, 2, 0));
    assert_eq!(digits(64, 4, 4), cost(329, 33, 2, 0));
    assert_eq!(digits(32, 2, 2), cost(73, 41, 4, 0));
    assert_eq!(digits(38, 2, 2), cost(87, 49, 5, 0));
    assert_eq!(digits(64, 2, 2), cost(152, 88, 5, 0));
    assert_eq!(digits(1, 4, 4), cost(1, 0, 0, 0));
    assert_eq!(digits(5, 4, 4), cost(16, 0, 0, 0));
    let gate = DigitSign::<u64>::new(38, 4, 4).unwrap();
    assert_eq!((gate.key_bytes(1), gate.key_bytes(1000)), (21, 20_375));
    assert!(DigitSign::<u64>::new(65, 4, 4).is_err());
    assert!(DigitSign::<u128>::new(65, 4, 4).is_err());
    assert!(DigitSign::<u8>::new(9, 4, 4).is_err());
    assert!(DigitSign::<u8>::new(8, 0, 4).is_err());
    assert!(DigitSign::<u8>::new(8, 9, 4).is_err());
    assert!(DigitSign::<u8>::new(8, 4, 1).is_err());
    assert!(DigitSign::<u8>::new(8, 4, 9).is_err());
}

#[test]
fn other_messages_are_refused() {
    let gate = DigitSign::<u32>::new(20, 4, 2).unwrap();
    let x: Vec<u32> = uniform(20, 5, 1);
    let start = || {
        let ((), k0, k1) = deal(&gate, 5, &x);
        match (k0.evaluate(&x).unwrap(), k1.evaluate(&x).unwrap()) {
            (Progress::Open(p0, m0), Progress::Open(p1, m1)) => (p0, m0, p1, m1),
            _ => panic!("there is something to open"),
        }
    };
    let (_, m0, ..) = start();
    for cut in 0..m0.len() {
        let (_, m0, p1, _) = start();
        assert!(
            matches!(p1.finish(&m0[..cut]), Err(Error::Message(_))),
            "{cut}"
        );
    }
    let (_, mut m0, p1, _) = start();
    m0.push(0);
    assert!(matches!(
        p1.finish(&m0),
        Err(Error::Message(DecodeError::Length { .. }))
    ));
    for at in 0..Header::LEN {
        let (_, mut m0, p1, _) = start();
        m0[at] ^= 1;
        assert!(matches!(p1.finish(&m0), Err(Error::Message(_))), "{at}");
    }
    // The first message again in place of the second.
    let (p0, m0, p1, m1) = start();
    let Progress::Open(p0, _) = p0.finish(&m1).unwrap() else {
        panic!("there is something to open")
    };
    let Progress::Open(p1, _) = p1.finish(&m0).unwrap() else {
        panic!("there is something to open")
    };
    assert!(matches!(p1.finish(&m0), Err(Error::Message(_))));
    assert!(matches!(p0.finish(&m1), Err(Error::Message(_))));
    let ((), k0, _) = deal(&gate, 5, &x);
    assert!(matches!(
        k0.evaluate(&x[..4]),
        Err(Error::Length {
            got: 4,
            want: 5,
            ..
        })
    ));
}

#[test]
fn messages_and_keys_are_uniform_whatever_the_number_is() {
    // Bits over 65,536 gates for one x and one r. Six standard deviations, under 1000 counts: a false alarm has
    // probability below 2^-18, and the seed is fixed.
    let gate = DigitSign::<u16>::new(14, 4, 4).unwrap();
    let n = 1 << 16;
    let fair = |v: &BitVec| {
        for plane in split(v, n) {
            let ones = plane.to_bools().filter(|b| *b).count();
            assert!(ones.abs_diff(n / 2) < 6 * 128, "{ones}");
        }
    };
    for (x, r) in [(0u16, 0u16), (0x1fff, 0x2abc)] {
        let (xs, rs) = (vec![x; n], vec![r; n]);
        let ((), k0, k1) = deal::<DigitSign<u16>>(&gate, n, &rs);
        fair(&k0.shared);
        fair(&k1.shared);
        let sent = |p: Progress<P0>, q: Progress<P1>| match (p, q) {
            (Progress::Open(_, m0), Progress::Open(_, m1)) => [m0, m1],
            _ => panic!("there is something to open"),
        };
        let xs = masked(14, &xs, &rs);
        for m in sent(k0.evaluate(&xs).unwrap(), k1.evaluate(&xs).unwrap()) {
            let bits = 8 * (m.len() - Header::LEN);
            fair(&BitVec::from_bytes(bits, &m[Header::LEN..]).unwrap());
        }
    }
}
