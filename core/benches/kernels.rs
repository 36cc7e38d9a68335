//! Rates of the kernels, against the limits of the machine measured in the same run. Inputs come from a stated seed;
//! every output is compared with the portable kernel, or the definition, before anything is timed.

use std::hint::black_box;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::aes::Aes128;
use piquet_core::cpu::{self, Level};
use piquet_core::wire::SessionId;
use piquet_core::{Block, FixedKeyHash, Prg, transpose};

/// Every input is drawn from this.
const SEED: Block = Block::from_u128(2026);
/// Blocks that batches are taken from in turn: 16 KiB, half a first-level cache, so that batches do not wait for
/// the one before.
const POOL: usize = 1024;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let level = cpu::detect()?;
    let mut t = Table::new("piquet-core", level.name());
    let aes = limits::aes_blocks(&t);
    aes_batches(&mut t, &aes);
    prg(&mut t, &aes);
    hash(&mut t, &aes);
    transposes(&mut t);
    t.finish()
}

fn aes_batches(t: &mut Table, limit: &Limit) {
    let mut pool = vec![Block::ZERO; POOL];
    Prg::new(SEED).fill_blocks(&mut pool);
    let fast = Aes128::new(SEED);
    let oracle = Aes128::with_level(SEED, Level::Portable);
    for batch in [8, 32] {
        let mut want = pool.clone();
        oracle.encrypt(&mut want);
        let mut got = pool.clone();
        got.chunks_mut(batch).for_each(|b| fast.encrypt(b));
        assert!(got == want);
        t.bench(&format!("aes-batch-{batch}"))
            .work(POOL as u64)
            .limit(limit)
            .rate(|| {
                for b in black_box(&mut pool).chunks_exact_mut(batch) {
                    fast.encrypt(b);
                }
            });
    }
    let other = aes::Aes128::new(&<[u8; 16]>::from(SEED).into());
    let mut blocks = vec![aes::Block::default(); POOL];
    t.bench("aes-crate-batch-32")
        .work(POOL as u64)
        .limit(limit)
        .rate(|| {
            for b in black_box(&mut blocks).chunks_exact_mut(32) {
                other.encrypt_blocks(b);
            }
        });
}

fn prg(t: &mut Table, limit: &Limit) {
    let mut got = vec![0u8; 1 << 20];
    let mut want = got.clone();
    Prg::with_level(SEED, Level::Portable).fill_bytes(&mut want);
    let mut prg = Prg::new(SEED);
    prg.fill_bytes(&mut got);
    assert!(got == want);
    // Items are blocks of 16 bytes, like those of the limit.
    t.bench("prg-fill-1mib")
        .work(1 << 16)
        .limit(limit)
        .rate(|| prg.fill_bytes(black_box(&mut got)));
}

fn hash(t: &mut Table, limit: &Limit) {
    let session = SessionId([7; 32]);
    let mut pool = vec![Block::ZERO; POOL];
    Prg::new(SEED).fill_blocks(&mut pool);
    let fast = FixedKeyHash::new(&session, "bench");
    let mut want = pool.clone();
    FixedKeyHash::with_level(&session, "bench", Level::Portable).tccr(0, &mut want);
    let mut got = pool.clone();
    for (b, first) in got.chunks_mut(32).zip((0..).step_by(32)) {
        fast.tccr(first, b);
    }
    assert!(got == want);
    // Two AES a hash.
    t.bench("hash-tccr-32")
        .work(POOL as u64)
        .limit(&limit.per(2.0))
        .rate(|| {
            for (b, first) in black_box(&mut pool)
                .chunks_exact_mut(32)
                .zip((0..).step_by(32))
            {
                fast.tccr(first, b);
            }
        });
}

fn transposes(t: &mut Table) {
    // Source and destination together fill half of a first-level cache.
    let columns = 512;
    let mut rows = vec![0u8; 16 * columns];
    Prg::new(SEED).fill_bytes(&mut rows);
    let mut blocks = vec![Block::ZERO; columns];
    let mut want = blocks.clone();
    assert!(transpose::rows_to_blocks(&rows, &mut blocks).is_ok());
    assert!(transpose::rows_to_blocks_with_level(&rows, &mut want, Level::Portable).is_ok());
    assert!(blocks == want);
    let mut back = vec![0u8; 16 * columns];
    assert!(transpose::blocks_to_rows(&blocks, &mut back).is_ok());
    assert!(back == rows);
    // Items are rows of 128 bits.
    let copy = limits::copied_bytes(t, 16 * columns).per(16.0);
    t.bench("transpose-128")
        .work(columns as u64)
        .limit(&copy)
        .time(|| transpose::rows_to_blocks(black_box(&rows), black_box(&mut blocks)));
    t.bench("transpose-128-back")
        .work(columns as u64)
        .limit(&copy)
        .time(|| transpose::blocks_to_rows(black_box(&blocks), black_box(&mut back)));

    let (n, k) = (4096, 32);
    let mut words = vec![0u64; n];
    Prg::new(SEED).fill_ring(&mut words);
    let mut planes = vec![0u64; transpose::plane_words(n) * k];
    let mut want = planes.clone();
    assert!(transpose::to_planes(&words, 32, &mut planes).is_ok());
    assert!(transpose::to_planes_with_level(&words, 32, &mut want, Level::Portable).is_ok());
    assert!(planes == want);
    let mut back = vec![0u64; n];
    assert!(transpose::from_planes(&planes, 32, &mut back).is_ok());
    assert!(words.iter().zip(&back).all(|(w, b)| w & 0xffff_ffff == *b));
    // Items are words of 64 bits, of which 32 go to planes.
    let copy = limits::copied_bytes(t, 8 * n).per(8.0);
    t.bench("planes-32")
        .work(n as u64)
        .limit(&copy)
        .time(|| transpose::to_planes(black_box(&words), 32, black_box(&mut planes)));
    t.bench("planes-32-back")
        .work(n as u64)
        .limit(&copy)
        .time(|| transpose::from_planes(black_box(&planes), 32, black_box(&mut back)));
}
