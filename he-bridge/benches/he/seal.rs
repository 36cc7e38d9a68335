//! The backend over SEAL, and the native one at the same parameters: degree 8192, three primes of 50 bits, 41-bit
//! messages. Rows of the first have those of the second, from the same run, for their limits.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use std::hint::black_box;
use std::time::Instant;

use piquet_bench_harness::{Limit, Table};
use piquet_core::{Block, Prg};
use piquet_he_bridge::backend::Backend;
use piquet_he_bridge::map::Map;
use piquet_he_bridge::noise::Bound;
use piquet_he_bridge::{CipherModulus, Mode, Native, Params, PlainModulus, Seal};

const N: usize = 8192;
/// Products that are summed in one call, of polynomials of nine terms.
const INS: usize = 16;

pub(crate) fn rows(t: &mut Table) {
    let bound = Bound {
        weight: 2047,
        terms: 9 * INS as u64,
        useful: 9 * INS as u64,
    };
    let (plain, primes) = (PlainModulus::Bits(41), CipherModulus::primes(N, 50, 3));
    let params = Params::new(N, plain, primes, Mode::Exact, bound).unwrap();
    let mut limits = [const { None }; 4];
    backend(t, "native", &Native::new(params.clone()), &mut limits);
    backend(t, "seal", &Seal::new(params).unwrap(), &mut limits);
}

/// The rows of a backend, with limits where there are some; sets them where there are none.
fn backend<B: Backend>(t: &mut Table, name: &str, he: &B, limits: &mut [Option<Limit>; 4]) {
    let mut prg = Prg::new(Block::from_u128(1));
    let key = he.secret_key(&mut prg);
    let mut public = Vec::new();
    he.public_key(&key, &mut prg, &mut public);
    let public = he.read_public_key(&public).unwrap();
    let (seed, message) = ([1; 32], vec![3; N]);
    let mut encrypt = |()| {
        let mut bytes = Vec::with_capacity(he.ciphertext_len());
        he.encrypt(&key, &seed, 0, &message, &mut prg, &mut bytes);
        bytes
    };
    let inputs: Vec<B::Ciphertext> = (0..INS)
        .map(|_| he.read(&seed, 0, &encrypt(())).unwrap())
        .collect();
    let map = Map {
        ins: INS,
        outs: 1,
        exponents: (0..9).map(|e| e / 3 * 64 + e % 3).collect(),
    };
    let values: Vec<i64> = (0..map.values() as i64)
        .map(|i| i * 37 % 4095 - 2047)
        .collect();
    let weights = he.prepare(&map, &values).unwrap();
    // From weights as they are prepared to a result as it is masked.
    let product = || he.multiply(&inputs, &weights, 0..1).remove(0);
    let positions: Vec<u32> = (0..N as u32 / 2).collect();
    let mut share = vec![0; positions.len()];
    let mut rng = Prg::new(Block::from_u128(2));
    let mut response = Vec::new();
    let mut respond = |c| {
        response.clear();
        let out = &mut response;
        he.respond(&public, c, &positions, &mut share, &mut rng, out);
    };
    let [a, b, c, d] = limits;
    let id = |what: &str| format!("{name}-{what}-8192");
    row(t, id("encrypt"), 1, a, || (), &mut encrypt);
    row(t, id("mul-acc"), INS, b, || (), |()| product());
    row(t, id("respond"), 1, c, product, &mut respond);
    let mut opened = vec![0; positions.len()];
    let decrypt = |()| he.decrypt(&key, &response, &positions, &mut opened);
    row(t, id("decrypt"), 1, d, || (), decrypt);
}

/// One row, of so many items a call.
fn row<I, O>(
    t: &mut Table,
    id: String,
    items: usize,
    limit: &mut Option<Limit>,
    mut setup: impl FnMut() -> I,
    mut f: impl FnMut(I) -> O,
) {
    if limit.is_none() {
        let mut seconds = || {
            let input = setup();
            let begun = Instant::now();
            black_box(f(input));
            begun.elapsed().as_secs_f64()
        };
        let best = (0..30).map(|_| seconds()).fold(f64::INFINITY, f64::min);
        let is = format!("best of {id}, measured here");
        *limit = Some(Limit::of(items as f64 / best, &is));
    }
    let row = t.bench(&id).work(items as u64);
    let row = match limit {
        Some(limit) => row.limit(limit),
        None => row,
    };
    row.time_of(setup, f);
}
