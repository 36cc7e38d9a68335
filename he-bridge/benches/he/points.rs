//! Transforms and products of points.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use std::hint::black_box;

use piquet_bench_harness::{Limit, Table};
use piquet_core::cpu::Level;
use piquet_he_bridge::map::Map;
use piquet_he_bridge::native::ntt::Ntt;
use piquet_he_bridge::native::prime::{Prime, ntt_primes};
use piquet_he_bridge::native::product::{CACHE, Dense, Halves};

pub(crate) fn rows(t: &mut Table) {
    let limit = ifma::products(t);
    for n in [4096, 8192] {
        transforms(t, &limit, n);
    }
    products(t, &limit);
}

fn noise(n: usize, p: u64, mut x: u64) -> Vec<u64> {
    let mut next = || {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (x >> 8) % p
    };
    (0..n).map(|_| next()).collect()
}

/// Three products with 52-bit words for each of the N/2 log2 N butterflies.
fn transforms(t: &mut Table, limit: &Limit, n: usize) {
    let p = Prime::new(ntt_primes(n, 50, 1)[0]);
    let ntt = Ntt::new(p, n);
    let oracle = Ntt::with_level(p, n, Level::Portable);
    let mut x = noise(n, p.p(), 1);
    let (mut y, mut want) = (x.clone(), x.clone());
    ntt.forward(&mut y);
    oracle.forward(&mut want);
    assert_eq!(y, want);
    ntt.inverse(&mut y);
    assert_eq!(y, x);
    let per = limit.per(f64::from(n.trailing_zeros()) * n as f64 / 2.0 * 3.0);
    t.bench(&format!("ntt-{n}-50bit"))
        .limit(&per)
        .time(|| ntt.forward(black_box(&mut x)));
    t.bench(&format!("intt-{n}-50bit"))
        .limit(&per)
        .time(|| ntt.inverse(black_box(&mut x)));
}

/// A product of a ciphertext with weights, both halves and two primes of 50 bits, added to others: of each point a
/// low and a high word. What the rows differ in is how many of them share what: inputs, weights, and reductions at
/// the end.
fn products(t: &mut Table, limit: &Limit) {
    let points = 2.0 * 2.0 * 4096.0 * 2.0;
    let transform = 2.0 * 3.0 * 12.0 * 2048.0;
    let whole: Vec<u32> = (0..4096).step_by(3).collect();
    let row = |t: &mut Table, id: &str, sizes: [usize; 2], exponents: &[u32], cache, words: f64| {
        product(t, id, sizes, exponents, cache, &limit.per(words));
    };
    // Weights as points, all in the second cache.
    row(t, "ctpt-mul-acc-4096", [4, 1], &whole, CACHE, points);
    // One value for 64 neighbours: a 1 x 1 convolution.
    let blocks: Vec<u32> = (0..64).map(|k| 64 * k).collect();
    row(t, "blocked-mul-acc-4096", [64, 64], &blocks, CACHE, points);
    // Nine taps, one channel in a polynomial: weights are put together as they are used, two words for each tap and
    // point.
    let taps: Vec<u32> = (0..9).map(|k| k / 3 * 58 + k % 3).collect();
    let words = points + 2.0 * 9.0 * 2.0 * 4096.0;
    row(t, "taps-mul-acc-4096", [64, 16], &taps, CACHE, words);
    // Weights transformed when they are used.
    row(
        t,
        "weights-ntt-4096",
        [16, 4],
        &whole,
        0,
        points + transform,
    );
}

fn product(
    t: &mut Table,
    id: &str,
    [ins, outs]: [usize; 2],
    exponents: &[u32],
    cache: usize,
    limit: &Limit,
) {
    let n = 4096;
    let primes: Vec<Prime> = ntt_primes(n, 50, 2).into_iter().map(Prime::new).collect();
    let ntts: Vec<Ntt> = primes.iter().map(|p| Ntt::new(*p, n)).collect();
    let slow: Vec<Ntt> = (primes.iter())
        .map(|p| Ntt::with_level(*p, n, Level::Portable))
        .collect();
    let map = Map {
        ins,
        outs,
        exponents: exponents.to_vec(),
    };
    let values: Vec<i64> = (noise(map.values(), 4095, 7).into_iter())
        .map(|v| v as i64 - 2047)
        .collect();
    let half = |k: usize| -> Vec<u64> {
        (primes.iter())
            .flat_map(|p| noise(n, p.p(), k as u64))
            .collect()
    };
    let inputs: Vec<[Vec<u64>; 2]> = (0..ins).map(|i| [half(2 * i), half(2 * i + 1)]).collect();
    let inputs: Vec<Halves<'_>> = (inputs.iter())
        .map(|x| x.each_ref().map(|x| &x[..]))
        .collect();
    let weights = Dense::prepare_within(&ntts, &map, &values, cache);
    let oracle = Dense::prepare_within(&slow, &map, &values, cache);
    let mut sums = weights.multiply(&ntts, &inputs, 0..outs);
    // The oracle's last output is enough.
    let want = oracle.multiply(&slow, &inputs, outs - 1..outs);
    assert_eq!(sums[outs - 1..], want);
    t.bench(id)
        .work((ins * outs) as u64)
        .limit(limit)
        .time(|| weights.multiply_into(&ntts, &inputs, 0, &mut sums));
}

/// What bounds all rows here.
pub(crate) mod ifma {
    #![allow(unsafe_code)] // the loop needs the processor's instruction

    use piquet_bench_harness::{Limit, Table};
    use piquet_core::cpu::{Ifma512, Level};

    /// Products with 52-bit words, low or high ones, a second of one core: the instruction on registers alone, at the
    /// level of `table`.
    pub(crate) fn products(table: &Table) -> Limit {
        #[cfg(target_arch = "x86_64")]
        if table.level() == Level::Avx512.name() && Ifma512::at(Level::Avx512).is_some() {
            return table.limit(
                "vpmadd52 zmm on registers, measured here",
                (x86::CHAINS * x86::REPEAT * 8) as f64,
                || {
                    // SAFETY: the proof was there.
                    unsafe { x86::products() };
                },
            );
        }
        let _ = (table, Level::Avx512, Ifma512::at);
        Limit::of(f64::INFINITY, "no 52-bit products at this level")
    }

    #[cfg(target_arch = "x86_64")]
    mod x86 {
        use std::arch::x86_64::*;
        use std::hint::black_box;

        /// Independent sums, enough to hide the latency of a product.
        pub(super) const CHAINS: usize = 16;
        pub(super) const REPEAT: usize = 64;

        #[target_feature(enable = "avx512f,avx512ifma")]
        pub(crate) fn products() {
            let (a, b) = (
                black_box(_mm512_set1_epi64(0x5_1234_5678_9abc)),
                black_box(_mm512_set1_epi64(0x3_dcba_9876_5432)),
            );
            let mut x = [a; CHAINS];
            for _ in 0..REPEAT {
                for x in &mut x {
                    *x = _mm512_madd52hi_epu64(*x, a, b);
                }
            }
            black_box(x);
        }
    }
}
