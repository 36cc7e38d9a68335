//! Point functions: points, whole domains, tables. One core, and one party at a time.
#![allow(clippy::unwrap_used, reason = "a bench that fails has to stop")]

use std::hint::black_box;

use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::wire::SessionId;
use piquet_core::{Block, Prg, Ring, RingVec};
use piquet_fss::dpf::{Keys, generate};
use piquet_fss::{Cpu, P0, P1, Role, Shape, bgi};

const SESSION: SessionId = SessionId([8; 32]);
/// Keys of a batch, all of them allowed: more than the caches hold.
const KEYS: usize = 1 << 16;

pub(crate) fn rows(t: &mut Table) {
    let aes = limits::aes_blocks(t);
    points(t, &aes);
    whole_domain(t, &aes);
    look_up(t, &aes);
}

fn rng(seed: u128) -> Prg {
    Prg::new(Block::from_u128(seed))
}

fn uniform<R: Ring>(n: usize, seed: u128) -> Vec<R> {
    let mut v = vec![R::ZERO; n];
    rng(seed).fill_ring(&mut v);
    v
}

fn encoded_len<P: Role>(keys: &Keys<P>) -> f64 {
    let mut out = Vec::new();
    keys.encode(&mut out);
    out.len() as f64 / keys.len() as f64
}

/// 32 bits to 64: a fresh key for each point.
fn points(t: &mut Table, aes: &Limit) {
    let shape = Shape::new(32, 64).unwrap();
    let cpu = Cpu::new();
    let (alphas, betas) = (uniform::<u32>(KEYS, 1), uniform::<u64>(KEYS, 2));
    let (k0, k1) = generate(&SESSION, 0, shape, &alphas, &betas, &mut rng(3)).unwrap();
    for (x, hit) in [(alphas.clone(), true), (uniform(KEYS, 4), false)] {
        let mut y: RingVec<u64> = k0.evaluate(&x, &cpu).unwrap();
        let other: RingVec<u64> = k1.evaluate(&x, &cpu).unwrap();
        y.add_assign(other.as_slice());
        if hit {
            assert_eq!(y.as_slice(), betas);
        } else {
            let zeros = y.as_slice().iter().filter(|y| **y == 0).count();
            assert!(zeros >= KEYS - 1, "a point met α");
        }
    }
    let x: Vec<u32> = uniform(KEYS, 5);
    let blocks = f64::from(shape.levels()) + 1.0;
    t.bench("dpf-eval-32")
        .work(KEYS as u64)
        .bytes(encoded_len(&k0))
        .limit(&aes.per(blocks))
        .rate(|| -> RingVec<u64> { k0.evaluate(&x, &cpu).unwrap() });
    // Few enough that the allocator gives the same memory again and again.
    let few = KEYS / 16;
    let (alphas, betas) = (&alphas[..few], &betas[..few]);
    t.bench("dpf-gen-32")
        .work(few as u64)
        .limit(&aes.per(2.0 * blocks))
        .rate(|| generate(&SESSION, 0, shape, alphas, betas, &mut rng(3)).unwrap());
    let (seeds, _) = bgi::generate(&SESSION, 0, shape, alphas, betas, &mut rng(3)).unwrap();
    t.bench("bgi-eval-32")
        .work(few as u64)
        .bytes(encoded_len(&k0))
        .limit(&aes.per(blocks))
        .rate(|| -> RingVec<u64> { seeds.evaluate(&x[..few], &cpu).unwrap() });
}

/// All 2^20 points of one key, values of 64 bits, written to memory that is there.
fn whole_domain(t: &mut Table, aes: &Limit) {
    let shape = Shape::new(20, 64).unwrap();
    let cpu = Cpu::new();
    let n = 1usize << 20;
    let (k0, k1) = generate(&SESSION, 1, shape, &[777_777u32], &[9u64], &mut rng(6)).unwrap();
    let mut out: Vec<u64> = vec![0; n];
    let mut other = out.clone();
    k0.expand_into(0, &mut out, &cpu).unwrap();
    k1.expand_into(0, &mut other, &cpu).unwrap();
    for (x, (a, b)) in out.iter().zip(&other).enumerate() {
        assert_eq!(a.wrapping_add(*b), if x == 777_777 { 9 } else { 0 });
    }
    // Half a leaf's block each, and as many parents as leaves but one.
    t.bench("full-domain-20")
        .work(n as u64)
        .bytes(encoded_len(&k0) / n as f64)
        .limit(&aes.per(1.0))
        .rate(|| k0.expand_into(0, black_box(&mut out), &cpu).unwrap());
    let (seeds, _) =
        bgi::generate(&SESSION, 1, shape, &[777_777u32], &[9u64], &mut rng(6)).unwrap();
    t.bench("bgi-full-domain-20")
        .work(n as u64)
        .limit(&aes.per(1.5))
        .rate(|| seeds.expand_into(0, black_box(&mut out), &cpu).unwrap());
}

/// One-bit values multiplied by a table on the way: 2^16 rows of 8 bytes, which the second cache holds; 2^16 rows of 64
/// bytes, which it does not.
fn look_up(t: &mut Table, aes: &Limit) {
    for (id, words) in [("lut-fused-1bit", 1), ("lut-fused-1bit-rows-64", 8)] {
        let shape = Shape::new(16, 1).unwrap();
        let cpu = Cpu::new();
        let n = 1usize << 16;
        let table: Vec<u64> = uniform(n * words, 7);
        let alpha = 54_321u32;
        let (k0, k1) = generate(&SESSION, 2, shape, &[alpha], &[1u8], &mut rng(8)).unwrap();
        let a = answer::<P0>(&k0, &table, words, &cpu);
        let b = answer::<P1>(&k1, &table, words, &cpu);
        let row = a.as_slice().iter().zip(b.as_slice()).map(|(a, b)| a ^ b);
        assert!(row.eq(table[alpha as usize * words..][..words].iter().copied()));
        let bytes = 8 * words;
        let read = limits::read_bytes(t, n * bytes).per(bytes as f64);
        // Two blocks for 128 leaves.
        let blocks = aes.per(2.0 / 128.0);
        let limit = if blocks.per_second() < read.per_second() {
            blocks
        } else {
            read
        };
        t.bench(id)
            .work(n as u64)
            .bytes(encoded_len(&k0) / n as f64)
            .limit(&limit)
            .rate(|| answer::<P0>(&k0, &table, words, &cpu));
    }
}

fn answer<P: Role>(keys: &Keys<P>, table: &[u64], words: usize, cpu: &Cpu) -> RingVec<u64> {
    keys.inner_product(0, table, words, cpu).unwrap()
}
