//! Shifted sums and products with ternary polynomials, modulo powers of two.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use std::hint::black_box;

use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::cpu::{self, Level};
use piquet_core::{Block, Prg};
use piquet_he_bridge::map::Map;
use piquet_he_bridge::native::testing::{Products, Sums};

use super::points::ifma;

const N: usize = 4096;

pub(crate) fn rows(t: &mut Table) {
    let words = limits::multiply_accumulates_u64(t);
    let halves = ifma::products(t);
    // One tap is a product for every coefficient of both halves; with two limbs it is three of 52 bits.
    sums(t, "tap-4096", 64, &words.per(2.0 * N as f64));
    sums(t, "tap-4096-limbs2", 104, &halves.per(3.0 * 2.0 * N as f64));
    products(t, "exact-product-64", 64, 2, &halves);
    products(t, "exact-product-104", 104, 3, &halves);
}

/// `words` of which all bits but the lowest `bits` are 0.
fn noise(prg: &mut Prg, words: usize, bits: u32) -> Vec<u64> {
    let mut x = vec![0u64; words];
    prg.fill_ring(&mut x);
    x.iter_mut().for_each(|x| *x >>= 64 - bits);
    x
}

/// A layer of 64 by 64 channels of 56 x 56 and 3 x 3 taps, 12-bit weights, one channel in a polynomial.
fn sums(t: &mut Table, id: &str, bits: u32, limit: &Limit) {
    const BOUND: u64 = 2047;
    let (planes, word) = if bits > 64 { (2, 52) } else { (1, 64) };
    let mut prg = Prg::new(Block::from_u128(1));
    let map = Map {
        ins: 64,
        outs: 64,
        exponents: (0..9).map(|t| t / 3 * 58 + t % 3).collect(),
    };
    let mut values = vec![0u64; map.values()];
    prg.fill_ring(&mut values);
    let values: Vec<i64> = (values.iter())
        .map(|v| (v % (2 * BOUND + 1)) as i64 - BOUND as i64)
        .collect();
    let inputs: Vec<[Vec<u64>; 2]> = (0..map.ins)
        .map(|_| [0, 1].map(|_| noise(&mut prg, planes * N, word)))
        .collect();
    let views: Vec<[&[u64]; 2]> = inputs.iter().map(|[a, b]| [&a[..], &b[..]]).collect();
    let new = |level| Sums::new(bits, level, BOUND, &map, &values).unwrap();
    let kernel = new(cpu::level());
    assert!(kernel.multiply(&views, 62..64) == new(Level::Portable).multiply(&views, 62..64));
    t.bench(id)
        .work(map.values() as u64)
        .limit(limit)
        .samples(10)
        .time(|| kernel.multiply(black_box(&views), 0..map.outs));
}

/// From points of both factors to the product modulo 2^bits: products of points, inverse transforms, and the way back
/// to integers.
fn products(t: &mut Table, id: &str, bits: u32, primes: usize, limit: &Limit) {
    let (planes, word) = if bits > 64 { (2, 52) } else { (1, 64) };
    let mut prg = Prg::new(Block::from_u128(2));
    let a = noise(&mut prg, planes * N, word);
    let s: Vec<i8> = (noise(&mut prg, N, 20).iter())
        .map(|x| (x % 3) as i8 - 1)
        .collect();
    let fast = Products::new(bits, N, cpu::level());
    let slow = Products::new(bits, N, Level::Portable);
    let (points, ternary) = (fast.points(&a), fast.ternary(&s));
    let product = fast.product(&points, &ternary);
    assert!(product == slow.product(&slow.points(&a), &slow.ternary(&s)));
    // Three multiplications for a butterfly, four for a product of points, one and 2 L - 1 for a residue on its way
    // back.
    let butterflies = 3.0 * (N / 2) as f64 * f64::from(N.trailing_zeros());
    let points_and_back = (4.0 + 2.0 * planes as f64) * N as f64;
    t.bench(id)
        .limit(&limit.per(primes as f64 * (butterflies + points_and_back)))
        .time(|| fast.product(black_box(&points), &ternary));
    t.bench(&format!("{id}-points"))
        .time(|| fast.points(black_box(&a)));
}
