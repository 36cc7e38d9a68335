//! Transforms and products of points.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use std::hint::black_box;

use piquet_bench_harness::{Limit, Table};
use piquet_core::cpu::Level;
use piquet_he_bridge::native::ntt::Ntt;
use piquet_he_bridge::native::prime::{Prime, ntt_primes};

pub(crate) fn rows(t: &mut Table) {
    let limit = ifma::products(t);
    for n in [4096, 8192] {
        transforms(t, &limit, n);
    }
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

/// What bounds all rows here.
pub mod ifma {
    #![allow(unsafe_code)] // the loop needs the processor's instruction

    use piquet_bench_harness::{Limit, Table};
    use piquet_core::cpu::{Ifma512, Level};

    /// Products with 52-bit words, low or high ones, a second of one core: the instruction on registers alone, at the level of `table`.
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
