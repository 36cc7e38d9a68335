//! The backend over SEAL, and the native one at the same parameters: degree 8192, three primes of 50 bits, 41-bit
//! messages.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use piquet_bench_harness::Table;
use piquet_core::{Block, Prg};
use piquet_he_bridge::backend::Backend;
use piquet_he_bridge::map::Map;
use piquet_he_bridge::noise::Bound;
use piquet_he_bridge::{CipherModulus, Mode, Native, Params, PlainModulus, Seal};

const N: usize = 8192;
/// Products that are summed in one call.
const INS: usize = 16;

pub(crate) fn rows(t: &mut Table) {
    let bound = Bound {
        weight: 2047,
        terms: 9 * INS as u64,
        useful: 9 * INS as u64,
    };
    let (plain, primes) = (PlainModulus::Bits(41), CipherModulus::primes(N, 50, 3));
    let params = Params::new(N, plain, primes, Mode::Exact, bound).unwrap();
    backend(t, "native", &Native::new(params.clone()));
    backend(t, "seal", &Seal::new(params).unwrap());
}

fn backend<B: Backend>(t: &mut Table, name: &str, he: &B) {
    let mut prg = Prg::new(Block::from_u128(1));
    let key = he.secret_key(&mut prg);
    let mut public = Vec::new();
    he.public_key(&key, &mut prg, &mut public);
    let public = he.read_public_key(&public).unwrap();
    let (seed, message) = ([1; 32], vec![3; N]);
    let mut bytes = Vec::with_capacity(he.ciphertext_len());
    t.bench(&format!("{name}-encrypt-8192"))
        .bytes(he.ciphertext_len() as f64)
        .time(|| {
            bytes.clear();
            he.encrypt(&key, &seed, 0, &message, &mut prg, &mut bytes);
        });
    let inputs: Vec<B::Ciphertext> = (0..INS)
        .map(|i| {
            bytes.clear();
            he.encrypt(&key, &seed, i as u64, &message, &mut prg, &mut bytes);
            he.read(&seed, i as u64, &bytes).unwrap()
        })
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
    let product = || he.multiply(&inputs, &weights, 0..1).remove(0);
    // The first product transforms inputs where they came as coefficients.
    drop(product());
    t.bench(&format!("{name}-mul-acc-8192"))
        .work(INS as u64)
        .time(product);
    let positions: Vec<u32> = (0..N as u32 / 2).collect();
    let mut share = vec![0; positions.len()];
    let mut response = Vec::new();
    t.bench(&format!("{name}-respond-8192"))
        .bytes(he.response_len(positions.len()) as f64)
        .time_of(product, |c| {
            response.clear();
            he.respond(&public, c, &positions, &mut share, &mut prg, &mut response);
        });
    t.bench(&format!("{name}-decrypt-8192"))
        .time(|| he.decrypt(&key, &response, &positions, &mut share));
}
