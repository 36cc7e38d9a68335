use super::super::prime::{Prime, ntt_primes};
use super::*;
use piquet_core::cpu::Level;
use proptest::prelude::*;

fn noise(n: usize, p: u64, mut x: u64) -> Vec<u64> {
    let mut next = || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (x >> 8) % p
    };
    (0..n).map(|_| next()).collect()
}

fn ntts(degree: usize, bits: &[u32], level: Level) -> Vec<Ntt> {
    (bits.iter())
        .map(|b| Ntt::with_level(Prime::new(ntt_primes(8192, *b, 1)[0]), degree, level))
        .collect()
}

/// Outputs by the definition: shifted inputs times values, then transformed.
fn naive(ntts: &[Ntt], map: &Map, values: &[i64], inputs: &[[Vec<u64>; 2]]) -> Vec<[Vec<u64>; 2]> {
    let terms = map.exponents.len();
    let one = |out: usize, h: usize| {
        let planes = ntts.iter().enumerate().flat_map(|(j, ntt)| {
            let (n, p) = (ntt.degree(), ntt.prime());
            let mut sum = vec![0; n];
            for (i, x) in inputs.iter().enumerate() {
                for (e, v) in map
                    .exponents
                    .iter()
                    .zip(&values[(out * map.ins + i) * terms..])
                {
                    let v = p.reduce_signed(*v);
                    for (k, x) in x[h][j * n..][..n].iter().enumerate() {
                        let to = (k + *e as usize) % (2 * n);
                        let t = p.mul(*x, v);
                        let s = &mut sum[to % n];
                        *s = if to < n { p.add(*s, t) } else { p.sub(*s, t) };
                    }
                }
            }
            ntt.forward(&mut sum);
            sum
        });
        planes.collect()
    };
    (0..map.outs).map(|o| [one(o, 0), one(o, 1)]).collect()
}

fn transformed(ntts: &[Ntt], inputs: &[[Vec<u64>; 2]]) -> Vec<[Vec<u64>; 2]> {
    let one = |x: &Vec<u64>| {
        let mut x = x.clone();
        for (ntt, x) in ntts.iter().zip(x.chunks_exact_mut(ntts[0].degree())) {
            ntt.forward(x);
        }
        x
    };
    inputs.iter().map(|x| x.each_ref().map(one)).collect()
}

/// All forms, at all levels, against the definition.
fn check(degree: usize, bits: &[u32], map: &Map, seed: u64, extreme: bool) {
    let portable = ntts(degree, bits, Level::Portable);
    let values: Vec<i64> = (noise(map.values(), 1 << 20, seed).into_iter())
        .map(|v| {
            if extreme {
                i64::MAX - (v as i64 % 2)
            } else {
                v as i64 - (1 << 19)
            }
        })
        .collect();
    let half = |i: usize, h: usize| {
        let planes = portable.iter().flat_map(|ntt| {
            let p = ntt.prime().p();
            let x = noise(degree, p, seed + (2 * i + h) as u64);
            x.into_iter().map(move |x| if extreme { p - 1 } else { x })
        });
        planes.collect::<Vec<u64>>()
    };
    let inputs: Vec<[Vec<u64>; 2]> = (0..map.ins).map(|i| [half(i, 0), half(i, 1)]).collect();
    let want = naive(&portable, map, &values, &inputs);
    let points = transformed(&portable, &inputs);
    let halves: Vec<Halves<'_>> = points
        .iter()
        .map(|x| x.each_ref().map(|h| &h[..]))
        .collect();
    for level in Level::all() {
        let ntts = ntts(degree, bits, level);
        let dense = Dense::prepare(&ntts, map, &values);
        assert!(
            dense.multiply(&ntts, &halves, 0..map.outs) == want,
            "{level} {map:?}"
        );
        let last = map.outs - 1;
        assert!(
            dense.multiply(&ntts, &halves, last..map.outs) == want[last..],
            "{level} {map:?}"
        );
        // The other forms.
        let terms = || Form::Terms {
            values: values.clone(),
            exponents: map.exponents.clone(),
        };
        let streamed = Dense {
            ins: map.ins,
            outs: map.outs,
            form: terms(),
        };
        assert!(
            streamed.multiply(&ntts, &halves, 0..map.outs) == want,
            "{level} {map:?}"
        );
        let mut whole = Vec::new();
        for ntt in &ntts {
            for pair in 0..map.ins * map.outs {
                let start = whole.len();
                whole.resize(start + degree, 0);
                streamed.transform(ntt, pair, &mut whole[start..]);
            }
        }
        let kept = Dense {
            ins: map.ins,
            outs: map.outs,
            form: Form::Whole(whole),
        };
        assert!(
            kept.multiply(&ntts, &halves, 0..map.outs) == want,
            "{level} {map:?}"
        );
    }
}

#[test]
fn exponents_choose_the_form() {
    let count = |exponents: &[u32]| blocks(exponents, 4096).map(|(s, taps)| (s, taps.len()));
    assert_eq!(count(&[0]), Some((4096, 1)));
    assert_eq!(count(&[0, 1024, 2048]), Some((1024, 1)));
    assert_eq!(count(&[5, 1029, 8192 - 1024 + 5]), Some((1024, 1)));
    assert_eq!(count(&[0, 1, 2, 64, 65, 66, 128, 129, 130]), Some((64, 3)));
    assert_eq!(
        count(&[0, 1, 2, 58, 59, 60, 116, 117, 118]),
        Some((4096, 9))
    );
    assert_eq!(count(&(0..64).collect::<Vec<_>>()), None);
    assert_eq!(
        count(&(0..49).map(|e| e % 7 + e / 7 * 230).collect::<Vec<_>>()),
        None
    );
}

#[test]
fn products_agree_with_the_definition() {
    for (ins, outs, exponents) in [
        (1, 1, vec![0]),
        (3, 5, vec![0, 64, 128, 320, 256 + 64]),
        (2, 2, vec![7, 135, 64 + 7, 512 - 64 + 7]),
        (2, 3, vec![0, 1, 2, 16, 17, 18, 32, 33, 34]),
        (2, 3, vec![5, 1, 400, 500 - 12, 44, 33]),
        (19, 2, vec![0, 32]),
        (19, 1, (0..100).map(|e| 5 * e).collect()),
        (2, 7, (0..256).collect()),
    ] {
        let mut exponents: Vec<u32> = exponents;
        exponents.sort_unstable_by_key(|e| e % 256);
        exponents.dedup_by_key(|e| *e % 256);
        let map = Map {
            ins,
            outs,
            exponents,
        };
        check(256, &[50, 35, 21], &map, 5, false);
        check(256, &[50], &map, 5, true);
    }
    // More products than one sum holds.
    let map = Map {
        ins: 4100,
        outs: 1,
        exponents: vec![0],
    };
    check(64, &[50], &map, 6, true);
    let map = Map {
        ins: 2050,
        outs: 1,
        exponents: vec![0, 1],
    };
    check(64, &[50], &map, 7, true);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn random_maps_agree(
        ins in 1usize..5,
        outs in 1usize..7,
        logs in 6u32..9,
        taken in proptest::collection::btree_map(0u32..512, any::<bool>(), 1..20),
        seed: u64,
    ) {
        let degree = 1 << logs;
        let mut exponents: Vec<u32> = taken.into_iter()
            .map(|(e, minus)| e % degree + u32::from(minus) * degree)
            .collect();
        exponents.sort_unstable_by_key(|e| e % degree);
        exponents.dedup_by_key(|e| *e % degree);
        check(degree as usize, &[50, 49], &Map { ins, outs, exponents }, seed >> 8, false);
    }
}
