#![allow(clippy::unwrap_used)]

use super::*;
use piquet_core::{Block, Prg};

/// 256-bit integers modulo 2^256, in words: slow, and nothing in common with limbs.
type Wide = [u64; 4];

fn add(a: Wide, b: Wide) -> Wide {
    let mut carry = 0u128;
    core::array::from_fn(|i| {
        carry += u128::from(a[i]) + u128::from(b[i]);
        let word = carry as u64;
        carry >>= 64;
        word
    })
}

fn negate(a: Wide) -> Wide {
    add(a.map(|x| !x), [1, 0, 0, 0])
}

fn times(a: Wide, w: i64) -> Wide {
    let mut carry = 0u128;
    let product = core::array::from_fn(|i| {
        carry += u128::from(a[i]) * u128::from(w.unsigned_abs());
        let word = carry as u64;
        carry >>= 64;
        word
    });
    if w < 0 { negate(product) } else { product }
}

/// Bits `from..from + count` of an integer.
fn bits(a: Wide, from: u32, count: u32) -> u64 {
    (0..count)
        .map(|i| from + i)
        .filter(|b| *b < 256)
        .fold(0, |x, b| {
            x | ((a[b as usize / 64] >> (b % 64)) & 1) << (b - from)
        })
}

fn read(power: Power, planes: &[u64], i: usize) -> Wide {
    let n = planes.len() / power.words;
    let mut x = [0; 4];
    for w in (0..power.words).rev() {
        let mut shifted = x;
        for _ in 0..LIMB {
            shifted = add(shifted, shifted);
        }
        x = add(shifted, [planes[w * n + i], 0, 0, 0]);
    }
    x
}

use super::super::power::LIMB;

fn oracle(power: Power, map: &Map, values: &[i64], inputs: &[&[u64]], out: usize) -> Vec<u64> {
    let n = inputs[0].len() / power.words;
    let mut sums = vec![[0; 4]; n];
    for (i, input) in inputs.iter().enumerate() {
        let coefficients: Vec<Wide> = (0..n).map(|k| read(power, input, k)).collect();
        for (t, e) in map.exponents.iter().enumerate() {
            let w = values[(out * map.ins + i) * map.exponents.len() + t];
            for (k, c) in coefficients.iter().enumerate() {
                let at = (k + *e as usize) % (2 * n);
                let product = times(*c, if at < n { w } else { w.wrapping_neg() });
                sums[at % n] = add(sums[at % n], product);
            }
        }
    }
    let mut planes = vec![0; n * power.words];
    for (i, x) in sums.into_iter().enumerate() {
        for w in 0..power.words {
            planes[w * n + i] = bits(x, LIMB * w as u32, power.word_bits(w));
        }
    }
    planes
}

fn polynomial(power: Power, n: usize, prg: &mut Prg, extreme: bool) -> Vec<u64> {
    let mut planes = vec![0; n * power.words];
    if extreme {
        planes.fill(u64::MAX);
        planes.iter_mut().step_by(5).for_each(|x| *x = 0);
    } else {
        prg.fill_ring(&mut planes);
    }
    power.truncate(&mut planes);
    planes
}

fn check(power: Power, n: usize, map: &Map, bound: u64, extreme: bool) {
    let mut prg = Prg::new(Block::from_u128(u128::from(bound) + n as u128));
    let inputs: Vec<[Vec<u64>; 2]> = (0..map.ins)
        .map(|_| [0, 1].map(|_| polynomial(power, n, &mut prg, extreme)))
        .collect();
    let mut values = vec![0u64; map.values()];
    prg.fill_ring(&mut values);
    let values: Vec<i64> = (values.into_iter())
        .map(|v| match (extreme, v % 2) {
            (true, 0) => bound as i64,
            (true, _) => -(bound as i64),
            _ => (i128::from(v) % (2 * i128::from(bound) + 1) - i128::from(bound)) as i64,
        })
        .collect();
    let views: Vec<[&[u64]; 2]> = inputs.iter().map(|[a, b]| [&**a, &**b]).collect();
    let halves = [0, 1].map(|h| views.iter().map(|v| v[h]).collect::<Vec<_>>());
    let some = map.outs / 3..map.outs;
    for level in Level::all() {
        let power = power.at(level);
        let taps = Taps::prepare(power, level, bound, map, &values).unwrap();
        let got = taps.multiply(&views, some.clone());
        assert_eq!(got.len(), some.len());
        for (out, got) in some.clone().zip(got) {
            for h in 0..2 {
                let want = oracle(power, map, &values, &halves[h], out);
                assert!(got[h] == want, "{power:?} {level} {n} {bound} output {out}");
            }
        }
    }
}

fn all_powers() -> Vec<Power> {
    [20, 40, 52, 63, 64, 104, 156, 208].map(Power::new).to_vec()
}

#[test]
fn sums_are_those_of_the_definition() {
    let n = 64;
    for power in all_powers() {
        for (bound, extreme) in [
            (1, false),
            (2047, false),
            (2047, true),
            (1 << 15, true),
            ((1 << 31) - 1, true),
            ((1 << 51) - 1, false),
            ((1 << 51) - 1, true),
        ] {
            let map = Map {
                ins: 3,
                outs: 7,
                exponents: vec![0, 1, 15, 16, 63, 64 + 8, 127 - 32],
            };
            check(power, n, &map, bound, extreme);
        }
    }
    // With one word, values modulo 2^64.
    let map = Map {
        ins: 1,
        outs: 1,
        exponents: vec![5],
    };
    check(Power::new(64), n, &map, 1 << 62, true);
}

#[test]
fn every_count_of_rows_and_many_sources() {
    for power in all_powers() {
        for outs in 1..=14 {
            let map = Map {
                ins: 2,
                outs,
                exponents: vec![1, 30],
            };
            check(power, 32, &map, 100, false);
        }
        // More than a tile sums before it stores.
        let map = Map {
            ins: 50,
            outs: 2,
            exponents: (0..10).collect(),
        };
        check(power, 16, &map, (1 << 51) - 1, true);
    }
}

#[test]
fn whole_degrees_in_blocks() {
    for (n, bits) in [(2048, 52), (4096, 64), (4096, 104)] {
        let map = Map {
            ins: 1,
            outs: 2,
            exponents: vec![0, 1, 1024, 1025, n as u32 - 1, 2 * n as u32 - 3],
        };
        check(Power::new(bits), n, &map, 2047, false);
    }
}

#[test]
fn refuses_bounds_that_limbs_cannot_take() {
    let map = Map {
        ins: 1,
        outs: 1,
        exponents: vec![0],
    };
    let refused =
        |bits, bound| Taps::prepare(Power::new(bits), Level::Portable, bound, &map, &[0]).is_err();
    assert!(refused(104, 1 << 51));
    assert!(!refused(104, (1 << 51) - 1));
    assert!(!refused(64, 1 << 63));
}
