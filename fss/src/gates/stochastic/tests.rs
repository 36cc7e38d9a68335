#![allow(clippy::unwrap_used)]

use super::*;
use crate::gates::Gate;
use crate::testing::{deal, edges, masked, pairs, sum, uniform};

fn run(gate: &Stochastic<u64>, x: &[u64], r: &[u64]) -> Vec<u64> {
    let ((), k0, k1) = deal(gate, x.len(), r);
    let hat = masked(gate.0.0.bits, x, r);
    let y0 = k0.evaluate(&hat).unwrap();
    let y1 = k1.evaluate(&hat).unwrap();
    for y in [&y0, &y1] {
        assert!(y.as_slice().iter().all(|v| v.shr(gate.0.0.to) == 0));
    }
    sum(gate.0.0.to, y0.as_slice(), y1.as_slice())
}

fn signed(bits: u32, x: u64) -> i128 {
    i128::from(((x << (64 - bits)) as i64) >> (64 - bits))
}

/// Every result is the one that x and the opened ρ call for.
fn is_the_functionality(gate: &Stochastic<u64>, x: &[u64], r: &[u64]) {
    let Shift {
        bits, shift, to, ..
    } = gate.0.0;
    let got = run(gate, x, r);
    let hat = masked(bits, x, r);
    for i in 0..x.len() {
        let rho = i128::from(hat[i] & ((1 << shift) - 1));
        let want = (signed(bits, x[i]) + (1 << shift) - 1 - rho) >> shift;
        let want = want as u64 & (u64::MAX >> (64 - to));
        assert_eq!(got[i], want, "{gate:?}, {} under {}", x[i], r[i]);
    }
}

fn inside(bits: u32, (x, r): (Vec<u64>, Vec<u64>)) -> (Vec<u64>, Vec<u64>) {
    let ok = |x: &u64| (x >> (bits - 1) ^ x >> (bits - 2)) & 1 == 0;
    x.into_iter().zip(r).filter(|(x, _)| ok(x)).unzip()
}

#[test]
fn all_values_and_masks_of_small_widths() {
    for bits in 2..=8u32 {
        let all: Vec<u64> = (0..1 << bits).collect();
        let (x, r) = pairs(&all, &all);
        let (wx, wr) = inside(bits, pairs(&all, &all));
        for shift in 1..bits {
            let gate = Stochastic::reduce(bits, shift).unwrap();
            is_the_functionality(&gate, &x, &r);
            if shift < bits - 1 {
                let gate = Stochastic::within(bits, shift, bits - 1).unwrap();
                is_the_functionality(&gate, &wx, &wr);
            }
        }
    }
}

#[test]
fn ends_of_wide_words() {
    for bits in [16, 31, 32, 33, 38, 63, 64] {
        let all = edges::<u64>(bits);
        let (x, r) = pairs(&all, &all);
        let (wx, wr) = inside(bits, pairs(&all, &all));
        for shift in [1, 8, 12, bits - 2] {
            let gate = Stochastic::reduce(bits, shift).unwrap();
            is_the_functionality(&gate, &x, &r);
            let gate = Stochastic::within(bits, shift, bits - 1).unwrap();
            is_the_functionality(&gate, &wx, &wr);
        }
    }
}

#[test]
fn up_as_often_as_the_low_bits_say_over_all_coins() {
    let (bits, shift) = (8, 4);
    let gate = Stochastic::reduce(bits, shift).unwrap();
    let masks: Vec<u64> = (0..256).collect();
    for x in 0..256u64 {
        let got = run(&gate, &[x; 256], &masks);
        let down = x >> shift;
        let up = got.iter().filter(|y| **y == (down + 1) % 16).count();
        assert_eq!(up, 16 * (x % 16) as usize, "{x}");
        assert_eq!(256 - up, got.iter().filter(|y| **y == down).count());
    }
}

#[test]
fn up_as_often_as_the_low_bits_say_under_random_masks() {
    let (bits, shift, n) = (38, 12, 60_000);
    let gate = Stochastic::within(bits, shift, 37).unwrap();
    let r = uniform::<u64>(bits, n, 41);
    for low in [1, 100, 2048, 3333, 4095u64] {
        let x = (7 << shift) + low;
        let got = run(&gate, &vec![x; n], &r);
        let up = got.iter().filter(|y| **y == 8).count() as f64;
        assert!(got.iter().all(|y| *y == 7 || *y == 8));
        let p = low as f64 / 4096.0;
        let deviation = (n as f64 * p * (1.0 - p)).sqrt();
        // Six standard deviations and a bit for the rare ones: a false alarm has probability below 2^-25, and seeds are
        // fixed.
        assert!((up - n as f64 * p).abs() < 6.0 * deviation + 6.0, "{low}");
    }
}

#[test]
fn coins_are_uniform_whatever_x_is() {
    let (n, r) = (60_000, uniform::<u64>(38, 60_000, 43));
    for x in [0u64, 1, 12345, (1 << 38) - 1] {
        let mut seen = [0u32; 16];
        for hat in masked(38, &vec![x; n], &r) {
            seen[(hat & 15) as usize] += 1;
        }
        let want = n as f64 / 16.0;
        let chi: f64 = seen
            .iter()
            .map(|s| (f64::from(*s) - want).powi(2) / want)
            .sum();
        // 15 degrees of freedom: above 60 with probability below 2^-20, and seeds are fixed.
        assert!(chi < 60.0, "{chi}");
    }
}

#[test]
fn bytes_of_a_key() {
    assert_eq!(Stochastic::<u64>::reduce(38, 12).unwrap().key_bytes(8), 26);
    let gate = Stochastic::<u64>::within(38, 12, 30).unwrap();
    assert_eq!(gate.key_bytes(8), 38 + 12);
    assert_eq!(Stochastic::<u64>::reduce(64, 12).unwrap().key_bytes(8), 52);
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(Stochastic::<u32>::reduce(8, 0).is_err());
    assert!(Stochastic::<u32>::reduce(8, 8).is_err());
    assert!(Stochastic::<u32>::within(8, 7, 4).is_err());
    assert!(Stochastic::<u32>::within(8, 2, 8).is_err());
    let gate = Stochastic::<u64>::reduce(8, 2).unwrap();
    let ((), k0, _) = deal(&gate, 3, &[0; 3]);
    assert!(k0.evaluate(&[0; 2]).is_err());
}
