#![allow(clippy::unwrap_used)]

use piquet_core::Prg;
use piquet_core::cpu::Level;

use super::*;
use crate::Cpu;
use crate::testing::{SESSION, sum, uniform};

fn rng() -> Prg {
    Prg::new(Block::from_u128(11))
}

fn low<R: Ring>(x: R, bits: u32) -> u128 {
    x.to_i128() as u128 & crate::shape::mask(bits)
}

/// Key j at `xs[j]`, both parties' shares summed.
fn opened<X: Ring, R: Ring>(shape: Shape, alphas: &[X], betas: &[R], xs: &[X]) -> Vec<R> {
    let (k0, k1) = generate(&SESSION, 1, shape, alphas, betas, &mut rng()).unwrap();
    let cpu = Cpu::new();
    let y0 = k0.evaluate(xs, &cpu).unwrap();
    let y1 = k1.evaluate(xs, &cpu).unwrap();
    let clean = |v: &[R]| v.iter().all(|y| low(*y, R::BITS) == low(*y, shape.value()));
    assert!(clean(y0.as_slice()) && clean(y1.as_slice()));
    sum(shape.value(), y0.as_slice(), y1.as_slice())
}

fn check<X: Ring, R: Ring>(domain: u32, value: u32, alphas: &[X], xs: &[X]) {
    let shape = Shape::new(domain, value).unwrap();
    let betas: Vec<R> = uniform(R::BITS, alphas.len(), 17);
    let got = opened(shape, alphas, &betas, xs);
    for (j, got) in got.iter().enumerate() {
        let (x, alpha) = (low(xs[j], domain), low(alphas[j], domain));
        let want = if x < alpha { low(betas[j], value) } else { 0 };
        let got = low(*got, R::BITS);
        assert_eq!(got, want, "{domain} to {value} bits, {x} under {alpha}");
    }
}

#[test]
fn all_points_of_small_domains() {
    for domain in 1..=8 {
        let all = 1u32 << domain;
        let pairs = (0..all).flat_map(|a| (0..all).map(move |x| (a as u8, x as u8)));
        let (alphas, xs): (Vec<_>, Vec<_>) = pairs.unzip();
        for value in [1, 2, 7, 8] {
            check::<u8, u8>(domain, value, &alphas, &xs);
        }
        for value in [1, 13, 17, 18, 31, 32] {
            check::<u8, u32>(domain, value, &alphas, &xs);
        }
        for value in [32, 33, 42, 43, 63, 64] {
            check::<u8, u64>(domain, value, &alphas, &xs);
        }
        for value in [1, 64, 65, 127, 128] {
            check::<u8, u128>(domain, value, &alphas, &xs);
        }
    }
}

#[test]
fn every_width_of_values() {
    let alphas: Vec<u16> = uniform(11, 70, 3);
    let mut xs: Vec<u16> = uniform(11, 70, 4);
    for (x, a) in xs.iter_mut().zip(&alphas).take(40) {
        *x = a.wrapping_sub(u16::from(a & 1 == 1));
    }
    for value in 1..=128 {
        check::<u16, u128>(11, value, &alphas, &xs);
    }
    for value in 1..=16 {
        check::<u16, u16>(11, value, &alphas, &xs);
    }
}

#[test]
fn next_to_alpha_and_at_the_ends_of_wide_domains() {
    for domain in [16, 31, 32, 33, 38, 63, 64, 127, 128] {
        let top = 1u128 << (domain - 1);
        let random: u128 = uniform(128, 1, 5)[0];
        let (mut alphas, mut xs) = (Vec::new(), Vec::new());
        for alpha in [
            0,
            1,
            2,
            top - 1,
            top,
            top + 1,
            top.wrapping_add(top - 1),
            random,
        ] {
            let near = (0..5).map(|i| alpha.wrapping_add(i).wrapping_sub(2));
            let far = (0..domain).map(|i| alpha ^ (1 << i));
            for x in near.chain(far).chain([0, top, u128::MAX]) {
                alphas.push(alpha);
                xs.push(x);
            }
        }
        check::<u128, u64>(domain, 64, &alphas, &xs);
        check::<u128, u8>(domain, 1, &alphas, &xs);
        check::<u128, u64>(domain, 38, &alphas, &xs);
        check::<u128, u128>(domain, 128, &alphas, &xs);
    }
}

#[test]
fn levels_of_the_processor_agree_at_all_sizes_of_batches() {
    let shape = Shape::new(33, 38).unwrap();
    for n in [1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200] {
        let alphas: Vec<u64> = uniform(33, n, 6);
        let betas: Vec<u64> = uniform(38, n, 7);
        let xs: Vec<u64> = uniform(33, n, 8);
        check::<u64, u64>(33, 38, &alphas, &xs);
        let (k0, k1) = generate(&SESSION, 1, shape, &alphas, &betas, &mut rng()).unwrap();
        let portable = Cpu::with_level(Level::Portable);
        let want = [
            k0.evaluate(&xs, &portable).unwrap(),
            k1.evaluate(&xs, &portable).unwrap(),
        ];
        for level in Level::all() {
            let cpu = Cpu::with_level(level);
            let got = [
                k0.evaluate(&xs, &cpu).unwrap(),
                k1.evaluate(&xs, &cpu).unwrap(),
            ];
            for (got, want) in got.iter().zip(&want) {
                assert_eq!(got.as_slice(), want.as_slice(), "{level}, {n} keys");
            }
        }
    }
}

#[test]
fn many_points_of_one_key() {
    for (n, points) in [(1, 1), (65, 63), (65, 64), (130, 200), (3, 0)] {
        let shape = Shape::new(13, 40).unwrap();
        let alphas: Vec<u16> = uniform(13, n, 6);
        let betas: Vec<u64> = uniform(40, n, 7);
        let xs: Vec<u16> = uniform(13, points, 8);
        let (k0, k1) = generate(&SESSION, 1, shape, &alphas, &betas, &mut rng()).unwrap();
        for j in [0, n / 2, n - 1] {
            let y0 = k0.evaluate_one(j, &xs, &Cpu::new()).unwrap();
            let y1 = k1.evaluate_one(j, &xs, &Cpu::new()).unwrap();
            let got = sum(40, y0.as_slice(), y1.as_slice());
            let want = xs.iter().map(|x| if *x < alphas[j] { betas[j] } else { 0 });
            assert_eq!(got, want.collect::<Vec<_>>());
        }
        assert!(k0.evaluate_one(n, &xs, &Cpu::new()).is_err());
    }
}

#[test]
fn sizes_of_keys() {
    let bytes = |n, k| key_bytes(Shape::new(n, k).unwrap(), 64);
    // 63 levels of 16 + 8 bytes, and a leaf.
    assert_eq!(bytes(64, 64), 64 * (63 * 24 + 16));
    assert_eq!(bytes(128, 128), 64 * (127 * 32 + 16));
    // Three values in a leaf, which stand for four.
    assert_eq!(bytes(38, 38), 64 * (37 * 16) + 64 * 36 * 38 / 8);
    assert_eq!(bytes(64, 1), 64 * 58 * 16 + 8 * 57);
    assert_eq!(bytes(2, 32), 64 * 16);
    assert_eq!(
        key_bytes(Shape::new(9, 65).unwrap(), 3),
        3 * (8 * (16 + 9) + 16)
    );
    assert_eq!(key_bytes(Shape::new(9, 3).unwrap(), 1), 5 * 16 + 2);
}

#[test]
fn encodings_come_back() {
    for value in [1, 7, 38, 64, 65, 128] {
        for n in [1, 63, 64, 65, 129] {
            let shape = Shape::new(9, value).unwrap();
            let alphas: Vec<u16> = uniform(9, n, 6);
            let betas: Vec<u128> = uniform(value, n, 7);
            let xs: Vec<u16> = uniform(9, n, 8);
            let (k0, k1) = generate(&SESSION, 3, shape, &alphas, &betas, &mut rng()).unwrap();
            let mut bytes = Vec::new();
            k1.encode(&mut bytes);
            assert_eq!(bytes.len(), Keys::<u128, P1>::encoded_len(shape, n));
            let back = Keys::<u128, P1>::decode(&SESSION, 3, shape, n, &bytes).unwrap();
            let mut again = Vec::new();
            back.encode(&mut again);
            assert_eq!(bytes, again);
            let y0 = k0.evaluate(&xs, &Cpu::new()).unwrap();
            let y1 = back.evaluate(&xs, &Cpu::new()).unwrap();
            let got = sum(value, y0.as_slice(), y1.as_slice());
            let want = |j: usize| if xs[j] < alphas[j] { betas[j] } else { 0 };
            assert_eq!(got, (0..n).map(want).collect::<Vec<_>>());
        }
    }
}

#[test]
fn other_bytes_are_refused_by_name() {
    type K = Keys<u64, P0>;
    let shape = Shape::new(9, 7).unwrap();
    let (k0, k1) = generate(&SESSION, 3, shape, &[5u16; 3], &[1u64; 3], &mut rng()).unwrap();
    let [mut own, mut other] = [Vec::new(), Vec::new()];
    k0.encode(&mut own);
    k1.encode(&mut other);
    let decode = |bytes: &[u8]| K::decode(&SESSION, 3, shape, 3, bytes).unwrap_err();
    let place = |what, got, want| Error::Place { what, got, want };
    assert_eq!(decode(&other), place("party", 1, 0));
    let context = Error::Stream(DecodeError::Context);
    assert_eq!(
        K::decode(&SESSION.child("x"), 3, shape, 3, &own).unwrap_err(),
        context
    );
    assert_eq!(K::decode(&SESSION, 4, shape, 3, &own).unwrap_err(), context);
    let as_shape = |n, k, count| {
        let shape = Shape::new(n, k).unwrap();
        K::decode(&SESSION, 3, shape, count, &own).unwrap_err()
    };
    assert_eq!(as_shape(10, 7, 3), place("bits of the domain", 9, 10));
    assert_eq!(as_shape(9, 8, 3), place("bits of the values", 7, 8));
    assert_eq!(as_shape(9, 7, 4), place("number of keys", 3, 4));
    assert_eq!(as_shape(9, 7, 0), Error::Empty);
    assert!(matches!(as_shape(9, 65, 3), Error::Parameter { .. }));
    for cut in 0..own.len() {
        let e = decode(&own[..cut]);
        assert!(
            matches!(e, Error::Stream(DecodeError::Length { .. })),
            "{cut}: {e}"
        );
    }
    let change = |at: usize, with: u8| {
        let mut b = own.clone();
        b[at] ^= with;
        decode(&b)
    };
    assert!(matches!(
        change(0, 1),
        Error::Stream(DecodeError::Version { .. })
    ));
    assert!(matches!(
        change(1, 1),
        Error::Stream(DecodeError::Kind { .. })
    ));
    assert_eq!(
        change(25, 1),
        Error::Stream(DecodeError::Range("control bit of a root"))
    );
    // 3 keys of 5 levels of 7 bits: 105 bits.
    let last = own.len() - 1;
    assert_eq!(
        change(last, 0x80),
        Error::Stream(DecodeError::Range("padding bits"))
    );
    own.push(0);
    let e = decode(&own);
    assert!(matches!(e, Error::Stream(DecodeError::Length { .. })));

    let wide = Shape::new(9, 65).unwrap();
    let (k0, _) = generate(&SESSION, 3, wide, &[5u16], &[1u128], &mut rng()).unwrap();
    let mut bytes = Vec::new();
    k0.encode(&mut bytes);
    *bytes.last_mut().unwrap() |= 2;
    let e = Keys::<u128, P0>::decode(&SESSION, 3, wide, 1, &bytes).unwrap_err();
    assert_eq!(e, Error::Stream(DecodeError::Range("padding bits")));
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let shape = Shape::new(9, 7).unwrap();
    let make =
        |alphas: &[u16], betas: &[u8]| generate(&SESSION, 1, shape, alphas, betas, &mut rng());
    assert_eq!(make(&[], &[]).unwrap_err(), Error::Empty);
    assert!(matches!(
        make(&[1, 2], &[1]).unwrap_err(),
        Error::Length { .. }
    ));
    let wide = Shape::new(9, 9).unwrap();
    let e = generate(&SESSION, 1, wide, &[1u16], &[1u8], &mut rng()).unwrap_err();
    assert!(matches!(e, Error::Parameter { got: 9, .. }));
    let (k0, _) = make(&[1, 2], &[1, 1]).unwrap();
    let e = k0.evaluate(&[1u16], &Cpu::new()).unwrap_err();
    assert!(matches!(
        e,
        Error::Length {
            got: 1,
            want: 2,
            ..
        }
    ));
    assert_eq!(
        format!("{k0:?}"),
        "Keys(Shape { domain: 9, value: 7, whole: false }, 2 keys)"
    );
}

#[test]
fn a_share_alone_is_uniform() {
    // Both α are on other sides of x; 65,536 shares of a bit each. Six standard deviations: a false alarm has
    // probability below 2^-28 for each of the four counts, and the seed is fixed.
    let shape = Shape::new(32, 1).unwrap();
    let n = 1 << 16;
    for alpha in [5u32, 1 << 31] {
        let (k0, k1) = generate(
            &SESSION,
            1,
            shape,
            &vec![alpha; n],
            &vec![1u8; n],
            &mut rng(),
        )
        .unwrap();
        let xs = vec![1u32 << 20; n];
        for y in [k0.evaluate(&xs, &Cpu::new()), k1.evaluate(&xs, &Cpu::new())] {
            let ones = y.unwrap().as_slice().iter().filter(|y| **y == 1).count();
            assert!(ones.abs_diff(n / 2) < 6 * 128, "{ones}");
        }
    }
}

#[test]
fn corrections_are_uniform_whatever_alpha_is() {
    // Each bit of corrections and of values over 4096 keys of the same α and β. Seven standard deviations, 1320
    // bits, four functions: a false alarm has probability below 2^-26, and the seed is fixed.
    let shape = Shape::new(8, 64).unwrap();
    let n = 4096;
    for alpha in [0u8, 0b0101_1010] {
        for beta in [0u64, u64::MAX] {
            let (k0, _) = generate(
                &SESSION,
                1,
                shape,
                &vec![alpha; n],
                &vec![beta; n],
                &mut rng(),
            )
            .unwrap();
            let (d, dcfs) = (levels(shape) as usize, &k0.dcfs);
            let fair = |ones: usize| assert!(ones.abs_diff(n / 2) < 7 * 32, "{ones}");
            for level in 0..=d {
                let row = |tile: &[Block]| tile[level * TILE..][..TILE].to_vec();
                let row: Vec<Block> = dcfs
                    .corrections
                    .chunks(TILE * (d + 1))
                    .flat_map(row)
                    .collect();
                // A leaf has room for one value more than it needs.
                for bit in 0..if level == d { 64 } else { 128 } {
                    fair(row.iter().filter(|c| c.to_u128() >> bit & 1 == 1).count());
                }
            }
            for level in 0..d {
                let row = |tile: &[u64]| tile[level * TILE..][..TILE].to_vec();
                let row: Vec<u64> = dcfs.values.chunks(TILE * d).flat_map(row).collect();
                for bit in 0..64 {
                    fair(row.iter().filter(|v| **v >> bit & 1 == 1).count());
                }
            }
        }
    }
}
