//! Rates of the kernels, against the limits of the machine measured in the same run. Inputs come from a stated seed;
//! every output is compared with the portable kernel, or the definition, before anything is timed.

use std::hint::black_box;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::aes::Aes128;
use piquet_core::cpu::{self, Level};
use piquet_core::gf128::{self, RowSums};
use piquet_core::rows::RowPrg;
use piquet_core::sparse::LocalCode;
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
    rows(&mut t, &aes);
    children(&mut t, &aes);
    gf128_sums(&mut t);
    local_code(&mut t);
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

/// One chunk of an OT extension: 128 bits of Delta on trees of 2^k seeds, rows of 256 bytes.
fn rows(t: &mut Table, limit: &Limit) {
    const STRIDE: usize = 256;
    let session = SessionId([7; 32]);
    let fast = RowPrg::new(&session, "bench");
    let oracle = RowPrg::with_level(&session, "bench", Level::Portable);
    let delta = <[u8; 16]>::from(SEED);
    for k in [1u32, 2, 4, 8] {
        let trees = 128 / k as usize;
        let mut seeds = vec![Block::ZERO; trees << k];
        Prg::new(SEED).fill_blocks(&mut seeds);
        let mut u = vec![0; trees * STRIDE];
        let mut v = vec![0; 128 * STRIDE];
        let (mut want_u, mut want_v) = (u.clone(), v.clone());
        assert!(oracle.fold(k, &seeds, 5, &mut want_u, &mut want_v).is_ok());
        assert!(fast.fold(k, &seeds, 5, &mut u, &mut v).is_ok());
        assert!(u == want_u && v == want_v);
        // Items are OTs, one to a column.
        let ots = 8 * STRIDE as u64;
        t.bench(&format!("rows-fold-{k}"))
            .work(ots)
            .limit(&limit.per(f64::from(1 << k) / f64::from(k)))
            .rate(|| {
                fast.fold(
                    k,
                    black_box(&seeds),
                    5,
                    black_box(&mut u),
                    black_box(&mut v),
                )
            });

        seeds.truncate(seeds.len() - trees);
        let c = &u;
        assert!(
            oracle
                .fold_punctured(k, &seeds, 5, &delta, c, &mut want_v)
                .is_ok()
        );
        assert!(fast.fold_punctured(k, &seeds, 5, &delta, c, &mut v).is_ok());
        assert!(v == want_v);
        t.bench(&format!("rows-punctured-{k}"))
            .work(ots)
            .limit(&limit.per(f64::from((1 << k) - 1) / f64::from(k)))
            .rate(|| {
                fast.fold_punctured(
                    k,
                    black_box(&seeds),
                    5,
                    &delta,
                    black_box(c),
                    black_box(&mut v),
                )
            });
    }
}

fn children(t: &mut Table, limit: &Limit) {
    let session = SessionId([7; 32]);
    let mut parents = vec![Block::ZERO; POOL / 2];
    Prg::new(SEED).fill_blocks(&mut parents);
    let mut out = vec![Block::ZERO; POOL];
    let mut want = out.clone();
    let fast = FixedKeyHash::new(&session, "bench");
    let sum = fast.ccr_children(&parents, &mut out);
    let oracle = FixedKeyHash::with_level(&session, "bench", Level::Portable);
    assert!(sum == oracle.ccr_children(&parents, &mut want) && out == want);
    // Items are parents.
    t.bench("ccr-children")
        .work(parents.len() as u64)
        .limit(limit)
        .rate(|| fast.ccr_children(black_box(&parents), black_box(&mut out)));
}

/// The check of an OT extension: one block of 128 rows for 128 OTs.
fn gf128_sums(t: &mut Table) {
    const STRIDE: usize = 256;
    let mut rows = vec![0; 128 * STRIDE];
    let mut chi = vec![Block::ZERO; STRIDE / 16];
    let mut prg = Prg::new(SEED);
    prg.fill_bytes(&mut rows);
    prg.fill_blocks(&mut chi);
    let mut sums = RowSums::new(128);
    assert!(sums.add(&rows, STRIDE, &chi).is_ok());
    for (row, sum) in rows.chunks(STRIDE).zip(sums.finish()) {
        let row: Vec<_> = row.as_chunks().0.iter().map(|b| Block::from(*b)).collect();
        assert!(gf128::inner_product_with_level(&row, &chi, Level::Portable) == sum);
    }
    let copy = limits::copied_bytes(t, rows.len()).per(16.0);
    let mut sums = RowSums::new(128);
    // Items are OTs, each worth one product.
    t.bench("gf128-row-sums")
        .work(8 * STRIDE as u64)
        .limit(&copy)
        .time(|| sums.add(black_box(&rows), STRIDE, black_box(&chi)));
}

fn local_code(t: &mut Table) {
    const ROWS: usize = 4096;
    for (name, k) in [("32k", 32_768), ("128k", 131_072), ("240k", 240_000)] {
        let mut secret = vec![Block::ZERO; k];
        Prg::new(SEED).fill_blocks(&mut secret);
        let code = |level| LocalCode::with_level(SEED, k, level).ok();
        let mut out = vec![Block::ZERO; ROWS];
        let mut want = out.clone();
        let (Some(fast), Some(oracle)) = (code(cpu::level()), code(Level::Portable)) else {
            continue;
        };
        assert!(oracle.xor_into(&secret, 77, &mut want).is_ok());
        assert!(fast.xor_into(&secret, 77, &mut out).is_ok());
        assert!(out == want);
        // The same loads at places that are known beforehand. The words differ from one call to the next, so that the
        // first cache does not learn them.
        let mut columns = vec![0u32; 64 * ROWS];
        Prg::new(SEED).fill_ring(&mut columns);
        let k = k as u64;
        columns
            .iter_mut()
            .for_each(|c| *c = ((u64::from(*c) * k) >> 32) as u32);
        let mut calls = columns.chunks_exact(10 * ROWS).cycle();
        let loads = t.limit(
            "ten loads at known places, measured here",
            ROWS as f64,
            || {
                let columns = calls.next().unwrap_or_default();
                for (out, row) in black_box(&mut out)
                    .iter_mut()
                    .zip(columns.as_chunks::<10>().0)
                {
                    *out = row.iter().fold(*out, |sum, c| sum ^ secret[*c as usize]);
                }
            },
        );
        let mut first = 0;
        // Items are rows.
        t.bench(&format!("local-code-{name}"))
            .work(ROWS as u64)
            .limit(&loads)
            .time(|| {
                first += ROWS as u64;
                fast.xor_into(black_box(&secret), first, black_box(&mut out))
            });
    }
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
