#![allow(clippy::unwrap_used)]

use super::*;
use piquet_core::cpu::Level;
use proptest::prelude::*;

fn prg(x: u128) -> Prg {
    Prg::new(Block::from_u128(x))
}

/// Sum over classes of (found - wanted)^2 / wanted, less its mean, in standard deviations.
fn chi_square(found: &[u64], wanted: &[f64]) -> f64 {
    let freedom = (wanted.iter().filter(|w| **w > 0.0).count() - 1) as f64;
    let sum: f64 = (found.iter().zip(wanted))
        .filter(|(_, w)| **w > 0.0)
        .map(|(f, w)| (*f as f64 - w).powi(2) / w)
        .sum();
    (sum - freedom) / (2.0 * freedom).sqrt()
}

fn flat(x: &[i8]) -> Vec<i64> {
    x.iter().map(|x| i64::from(*x)).collect()
}

/// Mean and mean of squares.
fn moments(x: &[i64]) -> [f64; 2] {
    let n = x.len() as f64;
    [1, 2].map(|e| x.iter().map(|x| (*x as f64).powi(e)).sum::<f64>() / n)
}

#[test]
fn errors_are_heads_among_42_coins() {
    const N: usize = 1 << 20;
    let mut e = vec![0; N];
    binomial(&mut prg(1), &mut e);
    let mut found = [0; 43];
    e.iter().for_each(|e| found[(e + 21) as usize] += 1);
    let mut wanted = vec![N as f64 / 42f64.exp2()];
    for k in 0..42 {
        wanted.push(wanted[k] * (42 - k) as f64 / (k + 1) as f64);
    }
    // The classes that are all but empty, in one on either side.
    let ends = |x: &[f64]| [x[..12].iter().sum::<f64>(), x[31..].iter().sum()];
    let counts: Vec<f64> = found.iter().map(|f| *f as f64).collect();
    let (f, w) = (ends(&counts), ends(&wanted));
    let mut found: Vec<u64> = found[12..31].to_vec();
    found.extend(f.map(|f| f as u64));
    let mut wanted = wanted[12..31].to_vec();
    wanted.extend(w);
    assert!(chi_square(&found, &wanted).abs() < 4.0);
    let [mean, square] = moments(&flat(&e));
    // Standard deviations of the averages: 3.24 / 2^10, and that of squares, 14.7 / 2^10.
    assert!(mean.abs() < 4.0 * 3.24 / 1024.0, "{mean}");
    assert!((square - 10.5).abs() < 4.0 * 14.7 / 1024.0, "{square}");
    assert_eq!(crate::noise::sigma().powi(2).round() as i64, 11);
}

#[test]
fn secrets_are_uniform_in_three_values() {
    const N: usize = 3 << 18;
    let mut s = vec![7; N];
    ternary(&mut prg(2), &mut s);
    // Also by neighbours.
    let mut found = [0; 9];
    for pair in s.as_chunks::<2>().0 {
        found[((pair[0] + 1) * 3 + pair[1] + 1) as usize] += 1;
    }
    assert!(chi_square(&found, &[N as f64 / 18.0; 9]).abs() < 4.0);
}

#[test]
fn residues_are_uniform_and_in_order() {
    for p in [3, 5, 17, 97, 257] {
        const N: usize = 1 << 18;
        let mut x = vec![0; N];
        uniform(&mut prg(3), p, &mut x);
        let mut found = vec![0; p as usize];
        x.iter().for_each(|x| found[*x as usize] += 1);
        let wanted = vec![N as f64 / p as f64; p as usize];
        assert!(chi_square(&found, &wanted).abs() < 4.0, "{p}");
    }
    // Word by word, from the definition, for a size at which almost half of them are thrown away.
    let p = (1 << 36) + 31;
    let (mut got, mut rng) = (vec![0; 1000], prg(4));
    uniform(&mut rng, p, &mut got);
    let mut rng = prg(4);
    let want = core::iter::repeat_with(|| {
        let mut w = [0u64];
        rng.fill_ring(&mut w);
        w[0] & ((1 << 37) - 1)
    });
    let want: Vec<u64> = want.filter(|x| *x < p).take(1000).collect();
    assert_eq!(got, want);
    uniform(&mut prg(5), p, &mut []);
}

#[test]
fn flooding_is_uniform_and_two_sided() {
    for bits in [0, 1, 3, 62, 63, 64, 65, 67, 100, 126] {
        const N: usize = 1 << 16;
        let f = flood(&mut prg(6), bits, N);
        let value = |i: usize| match f.len() / N {
            1 => i128::from(f[i] as i64),
            _ => i128::from(f[N + i] as i64) << 64 | i128::from(f[i]),
        };
        // By sixteenths of the range, as far as there are that many.
        let classes = 16.min(2 << bits.min(8)) as usize;
        let mut found = vec![0; classes];
        for i in 0..N {
            let x = (value(i) + (1 << bits)) as u128;
            assert!(x < 2 << bits);
            let class = if bits < 4 { x } else { x >> (bits - 3) };
            found[class as usize] += 1;
        }
        let wanted = vec![(N / classes) as f64; classes];
        assert!(chi_square(&found, &wanted).abs() < 4.0, "{bits}: {found:?}");
    }
}

#[test]
fn planes_are_cut_to_their_bits() {
    for bits in [20, 52, 64, 104, 156, 208] {
        let power = Power::new(bits);
        let x = planes(&mut prg(7), power, 999);
        for (w, plane) in x.chunks(999).enumerate() {
            let most = plane.iter().fold(0, |a, x| a | x);
            assert_eq!(most, pack::mask(power.word_bits(w)));
        }
        assert!(planes(&mut prg(7), power, 0).is_empty());
    }
}

#[test]
fn uniform_halves_are_those_of_their_seed() {
    // A seed's polynomials are part of what goes over the wire: they must not change.
    let mut x = [0; 3];
    uniform(&mut stream(&[7; 32], 5), (1 << 50) - 27, &mut x);
    assert_eq!(x, KNOWN);
}

const KNOWN: [u64; 3] = [
    1_073_675_940_227_856,
    724_076_437_145_495,
    304_097_867_709_028,
];

/// Definitions, bit by bit.
fn slow_binomial(prg: &mut Prg, out: &mut [i8]) {
    for chunk in out.chunks_mut(BLOCK) {
        let mut coins = [[0u64; 8]; COINS];
        prg.fill_bytes(bytemuck::must_cast_slice_mut(&mut coins));
        for (i, e) in chunk.iter_mut().enumerate() {
            let heads = (coins.iter()).fold(0, |a, row| a + (row[i / 64] >> (i % 64) & 1) as i8);
            *e = heads - 21;
        }
    }
}

fn slow_ternary(prg: &mut Prg, out: &mut [i8]) {
    let mut filled = 0;
    while filled < out.len() {
        let mut pair = [0u64; 2];
        prg.fill_ring(&mut pair);
        for i in 0..64 {
            let [a, b] = pair.map(|x| (x >> i & 1) as i8);
            if a & b == 0 && filled < out.len() {
                out[filled] = a - b;
                filled += 1;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn all_levels_agree_with_the_definition(seed: u128, n in 0usize..2000) {
        let mut want = [vec![0; n], vec![0; n]];
        slow_binomial(&mut prg(seed), &mut want[0]);
        slow_ternary(&mut prg(seed), &mut want[1]);
        for level in Level::all() {
            let kernels = Kernels::with_level(level);
            let mut got = [vec![9; n], vec![9; n]];
            binomial_with(kernels, &mut prg(seed), &mut got[0]);
            ternary_with(kernels, &mut prg(seed), &mut got[1]);
            prop_assert_eq!(&got, &want);
        }
    }
}
