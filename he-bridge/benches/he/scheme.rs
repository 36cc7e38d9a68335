//! Encryption, masked responses, decryption, against the transforms that they are made of.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use std::hint::black_box;

use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::{Block, Prg};
use piquet_he_bridge::native::Native;
use piquet_he_bridge::native::ntt::Ntt;
use piquet_he_bridge::native::prime::{Prime, ntt_primes};
use piquet_he_bridge::noise::Bound;
use piquet_he_bridge::{Backend, CipherModulus, Mode, Params, PlainModulus};

const N: usize = 4096;

pub fn rows(t: &mut Table) {
    let blocks = limits::aes_blocks(t);
    let transforms = transforms(t);
    let (exact, one_off) = (Mode::Exact, Mode::Approximate);
    let primes = |bits, count| CipherModulus::primes(N, bits, count);
    scheme(t, &transforms, &blocks, "", exact, primes(50, 2), 37);
    scheme(t, &transforms, &blocks, "-3x35", exact, primes(35, 3), 37);
    scheme(
        t,
        &transforms,
        &blocks,
        "-2^104",
        exact,
        CipherModulus::Limbs(2),
        41,
    );
    scheme(
        t,
        &transforms,
        &blocks,
        "-2^64",
        one_off,
        CipherModulus::Word(64),
        41,
    );
}

/// Transforms a second.
fn transforms(t: &Table) -> Limit {
    let p = Prime::new(ntt_primes(N, 50, 1)[0]);
    let ntt = Ntt::new(p, N);
    let mut x: Vec<u64> = (0..N as u64).map(|i| i * i).collect();
    t.limit("transforms of 4096 points, measured here", 1.0, || {
        ntt.forward(black_box(&mut x));
    })
}

fn scheme(
    t: &mut Table,
    transforms: &Limit,
    blocks: &Limit,
    kind: &str,
    mode: Mode,
    modulus: CipherModulus,
    k: u32,
) {
    let bound = Bound {
        weight: 2047,
        terms: 64,
        useful: 64,
    };
    let words = modulus.word_bits().len();
    let points = matches!(modulus, CipherModulus::Primes(_));
    let params = Params::new(N, PlainModulus::Bits(k), modulus, mode, bound).unwrap();
    // Primes of a product modulo 2^b: the coefficients are below N 2^(b + 1).
    let auxiliary = |bits: u32| (bits + 14).div_ceil(50) as usize;
    let own = match params.modulus() {
        CipherModulus::Primes(p) => p.len(),
        CipherModulus::Word(b) => auxiliary(*b),
        CipherModulus::Limbs(l) => auxiliary(52 * l),
    };
    let per = |count: usize| transforms.per(count as f64);
    let encryption = per(if points { own } else { 2 * own });
    let response = per(3 * own);
    let opening = per(2 * auxiliary(params.second_bits()));

    let he = Native::new(params);
    let mut rng = Prg::new(Block::from_u128(1));
    let key = he.secret_key(&mut rng);
    let mut message = Vec::new();
    he.public_key(&key, &mut rng, &mut message);
    let public = he.read_public_key(&message).unwrap();
    let mut plain = vec![0u64; N];
    rng.fill_ring(&mut plain);
    plain.iter_mut().for_each(|x| *x >>= 64 - k);

    let (seed, mut bytes) = ([3; 32], Vec::new());
    t.bench(&format!("encrypt-sym-4096{kind}"))
        .limit(&encryption)
        .time(|| {
            bytes.clear();
            he.encrypt(&key, &seed, 0, black_box(&plain), &mut rng, &mut bytes);
        });
    bytes.clear();
    he.encrypt(&key, &seed, 0, &plain, &mut rng, &mut bytes);
    t.bench(&format!("read-4096{kind}"))
        .limit(&blocks.per((words * N / 2) as f64))
        .time(|| he.read(&seed, 0, black_box(&bytes)).unwrap());

    let positions: Vec<u32> = (0..N as u32).collect();
    let (mut share, mut response_bytes) = (vec![0; N], Vec::new());
    t.bench(&format!("rerandomise-4096{kind}"))
        .limit(&response)
        .time_of(
            || he.read(&seed, 0, &bytes).unwrap(),
            |c| {
                response_bytes.clear();
                he.respond(
                    &public,
                    c,
                    &positions,
                    &mut share,
                    &mut rng,
                    &mut response_bytes,
                );
            },
        );
    response_bytes.clear();
    let c = he.read(&seed, 0, &bytes).unwrap();
    he.respond(
        &public,
        c,
        &positions,
        &mut share,
        &mut rng,
        &mut response_bytes,
    );
    let mut opened = vec![0; N];
    t.bench(&format!("decrypt-4096{kind}"))
        .limit(&opening)
        .time(|| he.decrypt(&key, black_box(&response_bytes), &positions, &mut opened));
    he.decrypt(&key, &response_bytes, &positions, &mut opened)
        .unwrap();
    let p = PlainModulus::Bits(k);
    let off = (0..N).map(|i| p.centred(p.subtract(p.add(opened[i], share[i]), plain[i])));
    assert!(off.map(i64::abs).max() <= Some(i64::from(mode == Mode::Approximate)));

    t.bench(&format!("randomness-4096{kind}"))
        .limit(&blocks.per(he.blocks_of_a_response_for_tests_only(N) as f64))
        .time(|| he.draw_for_tests_only(&mut share, &mut rng));
}
