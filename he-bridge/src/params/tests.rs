#![allow(clippy::unwrap_used)]

use super::*;

const TRAFFIC: Traffic = Traffic {
    requests: 1,
    responses: 4,
    positions: 3136,
};

fn bound(weight: u64, terms: u64) -> Bound {
    Bound {
        weight,
        terms,
        useful: terms,
    }
}

#[test]
fn the_largest_layers_fit_as_planned() {
    // 12-bit weights and 4608 terms: 41 bits of messages just fit at N = 4096, with 40 bits of flooding.
    let (degree, plain, mode) = (4096, PlainModulus::Bits(41), Mode::Exact);
    let points = Params::points(degree, plain, mode, bound(2047, 4608), TRAFFIC).unwrap();
    assert_eq!(points.modulus().word_bits(), [36, 35, 35]);
    let shifts = Params::shifts(degree, plain, mode, bound(2047, 4608), TRAFFIC).unwrap();
    assert_eq!(*shifts.modulus(), CipherModulus::Limbs(2));
    for p in [points, shifts] {
        assert!(p.first_bits() + p.second_bits() <= 41 + 54);
        assert!(p.distance_bits(1) <= -40.0 && p.distance_bits(1 << 20) <= -20.0);
        assert!(p.failure_bits(1) <= -60.0 && p.failure_bits(1 << 20) <= -40.0);
    }
    // 16-bit weights want messages of 37 bits.
    for (k, fits) in [(37, true), (38, false)] {
        let plain = PlainModulus::Bits(k);
        let got = Params::shifts(degree, plain, mode, bound(1 << 15, 4608), TRAFFIC);
        assert_eq!(got.is_ok(), fits, "{got:?}");
    }
    let one = Mode::Approximate;
    let word = Params::shifts(degree, plain, one, bound(2047, 4608), TRAFFIC).unwrap();
    assert_eq!(*word.modulus(), CipherModulus::Word(64));
    assert_eq!(word.distance_bits(1), f64::NEG_INFINITY);
    assert!(word.failure_bits(1) <= -60.0);
}

#[test]
fn shares_of_64_bits_can_be_weights() {
    let (full, plain) = (bound(1 << 63, 8192), PlainModulus::Bits(64));
    let points = |degree| Params::points(degree, plain, Mode::Exact, full, TRAFFIC);
    let p = points(8192).unwrap();
    assert!(p.flooding() > 100 && p.distance_bits(1) <= -40.0);
    assert!(points(4096).is_err());
    // Limbs take smaller weights only.
    let got = Params::shifts(8192, plain, Mode::Exact, full, TRAFFIC);
    assert!(matches!(got, Err(Error::Parameter { .. })), "{got:?}");
}

#[test]
fn what_is_chosen_is_as_small_as_it_gets() {
    for k in [8, 16, 32, 37, 41, 64] {
        for mode in [Mode::Exact, Mode::Approximate] {
            for (weight, terms) in [(1, 1), (2047, 64), (2047, 4608), (1 << 63, 8192)] {
                for degree in [2048, 4096, 8192] {
                    let (plain, bound) = (PlainModulus::Bits(k), bound(weight, terms));
                    let new = |modulus| Params::new(degree, plain, modulus, mode, bound);
                    let chosen = Params::shifts(degree, plain, mode, bound, TRAFFIC);
                    for modulus in (20..=64)
                        .map(CipherModulus::Word)
                        .chain((2..=4).map(CipherModulus::Limbs))
                    {
                        if let Ok(p) = new(modulus) {
                            assert!(chosen.as_ref().unwrap().bytes(TRAFFIC) <= p.bytes(TRAFFIC));
                        }
                    }
                    let chosen = Params::points(degree, plain, mode, bound, TRAFFIC);
                    for (bits, count) in (21..=50).flat_map(|b| (1..=4).map(move |c| (b, c))) {
                        if let Ok(p) = new(CipherModulus::primes(degree, bits, count)) {
                            let chosen = chosen.as_ref().unwrap();
                            let words = chosen.modulus().word_bits().len();
                            assert!(words <= count);
                            let less = chosen.bytes(TRAFFIC) <= p.bytes(TRAFFIC);
                            assert!(less || words < count, "{chosen:?} {p:?}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    let small = bound(1, 1);
    for choose in [Params::shifts, Params::points] {
        let get = |degree, plain, bound| choose(degree, plain, Mode::Exact, bound, TRAFFIC);
        for plain in [0, 65, u32::MAX] {
            let got = get(4096, PlainModulus::Bits(plain), small);
            assert!(matches!(got, Err(Error::Parameter { .. })), "{got:?}");
        }
        for plain in [0, 1, 2, 9, 1 << 60, u64::MAX] {
            let got = get(4096, PlainModulus::Prime(plain), small);
            assert!(matches!(got, Err(Error::Parameter { .. })), "{got:?}");
        }
        for degree in [0, 1024, 4095, 16384] {
            let got = get(degree, PlainModulus::Bits(8), small);
            assert!(matches!(got, Err(Error::Parameter { .. })), "{got:?}");
        }
        for wrong in [bound(0, 1), bound(1, 0), bound(u64::MAX, 1)] {
            let got = get(4096, PlainModulus::Bits(8), wrong);
            assert!(got.is_err(), "{got:?}");
        }
        let got = get(2048, PlainModulus::Bits(64), small);
        assert!(matches!(got, Err(Error::Insecure { .. })), "{got:?}");
        let got = get(8192, PlainModulus::Bits(64), bound(1 << 63, 1 << 63));
        assert!(got.is_err(), "{got:?}");
    }
    let plain = PlainModulus::Bits(8);
    let new = |modulus| Params::new(4096, plain, modulus, Mode::Approximate, small);
    assert!(matches!(
        new(CipherModulus::primes(4096, 50, 3)),
        Err(Error::Insecure { .. })
    ));
    assert!(matches!(
        new(CipherModulus::Limbs(3)),
        Err(Error::Insecure { .. })
    ));
    let [p, q] = crate::native::prime::ntt_primes(4096, 30, 2)[..] else {
        panic!()
    };
    for wrong in [
        vec![],
        vec![p, p],
        vec![p, q + 2],
        vec![p, 97],
        vec![p, (1 << 50) + 1],
        vec![0],
        vec![u64::MAX],
        vec![p; 9],
    ] {
        let got = new(CipherModulus::Primes(wrong));
        assert!(matches!(got, Err(Error::Parameter { .. })), "{got:?}");
    }
    for wrong in [
        CipherModulus::Word(0),
        CipherModulus::Word(65),
        CipherModulus::Limbs(0),
        CipherModulus::Limbs(5),
        CipherModulus::Limbs(u32::MAX),
    ] {
        let got = new(wrong);
        assert!(matches!(got, Err(Error::Parameter { .. })), "{got:?}");
    }
}

#[test]
fn tags_tell_parameters_apart() {
    let mut tags: Vec<u64> = [(2047, 64), (2048, 64), (2047, 65)]
        .into_iter()
        .flat_map(|(w, t)| {
            [Mode::Exact, Mode::Approximate].map(|mode| {
                let plain = PlainModulus::Bits(16);
                Params::shifts(4096, plain, mode, bound(w, t), TRAFFIC)
                    .unwrap()
                    .tag()
            })
        })
        .collect();
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), 6);
}
