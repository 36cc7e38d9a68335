//! Rates of the share operations over Z_2^64, against memory traffic and AES measured in the same run. Inputs come from
//! a stated seed; every output is compared with the clear operation before anything is timed, and protocols are timed
//! with all their parties.

use std::hint::black_box;

use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::{
    BitVec, Block, Prg, RingVec, cpu,
    wire::{Decode, Encode, SessionId},
};
use piquet_secret_sharing::{
    AdditiveVec, Error, Format, Prss, Rep3Party, Rep3Vec, StepPath, additive,
    beaver::{Opening, Product, TripleBatch},
    boolean, fixed,
    replicated::{self, Rep3Reshare},
};

/// Every input is drawn from this.
const SEED: Block = Block::from_u128(2026);
const SESSION: SessionId = SessionId([26; 32]);
const N: usize = 1_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut t = Table::new("piquet-secret-sharing", cpu::detect()?.name());
    let copied = limits::copied_bytes(&t, 8 * N);
    prss(&mut t)?;
    replicated(&mut t, &copied)?;
    beaver(&mut t, &copied)?;
    encoding(&mut t, &copied)?;
    t.finish()
}

/// A limit of `traffic` bytes read or written for each item; a copied byte is one of each.
fn traffic(copied: &Limit, traffic: f64) -> Limit {
    copied.per(traffic / 2.0)
}

fn input(label: u64) -> Vec<u64> {
    let mut x = vec![0; N];
    Prg::new(SEED).fork(label).fill_ring(&mut x);
    x
}

fn ends() -> [Prss; 3] {
    let k = [[1; 32], [2; 32], [3; 32]];
    Rep3Party::ALL.map(|p| Prss::new(p, &SESSION, &k[p.index()], &k[p.next().index()]))
}

/// Steps that never repeat.
fn steps() -> impl FnMut() -> StepPath {
    let mut next = 0;
    move || {
        next += 1;
        StepPath::from(next)
    }
}

fn prss(t: &mut Table) -> Result<(), Error> {
    let aes = limits::aes_blocks(t);
    let (ends, mut step) = (ends(), steps());
    let mut sum = RingVec::<u64>::zeros(N);
    let path = step();
    for e in &ends {
        sum.add_assign(e.step(path)?.zero_ring(N).into_raw().as_slice());
    }
    assert!(sum.as_slice().iter().all(|v| *v == 0));
    let [end, ..] = &ends;
    // Two streams of 8 bytes to the element: one block.
    t.bench("prss-zero-1e6")
        .work(N as u64)
        .limit(&aes)
        .rate(|| end.step(step()).map(|s| s.zero_ring::<u64>(N)));
    t.bench("prss-zero-bits-1e6")
        .work(N as u64)
        .limit(&aes.per(2.0 / 128.0))
        .rate(|| end.step(step()).map(|s| s.zero_bits(N)));
    t.bench("prss-step")
        .rate(|| end.step(step()).map(|s| s.zero_ring::<u64>(1)));
    Ok(())
}

fn finish(reshares: [Rep3Reshare<u64>; 3]) -> Result<[Rep3Vec<u64>; 3], Error> {
    let [a, b, c] = reshares;
    let m = [&a, &b, &c].map(|r| r.message_to_prev().duplicate());
    let [ma, mb, mc] = m;
    Ok([a.finish(mb)?, b.finish(mc)?, c.finish(ma)?])
}

fn replicated(t: &mut Table, copied: &Limit) -> Result<(), Error> {
    let (x, y) = (input(1), input(2));
    let xs = replicated::split(&x, &mut Prg::new(SEED));
    let ys = replicated::split(&y, &mut Prg::new(SEED).fork(3));
    let (ends, mut step) = (ends(), steps());
    let mut multiply = || {
        let path = step();
        let [a, b, c] = [0, 1, 2].map(|i| {
            let zero = ends[i].step(path)?.zero_ring(N);
            xs[i].local_mul(&ys[i])?.mask(zero)
        });
        finish([a?, b?, c?])
    };
    let z = multiply()?;
    let [a, b, c] = &z;
    let opened = replicated::open(&[a, b, c])?;
    let agrees = |(z, (x, y)): (&u64, (&u64, &u64))| *z == x.wrapping_mul(*y);
    assert!(opened.as_slice().iter().zip(x.iter().zip(&y)).all(agrees));
    t.bench("rep3-local-mul-1e6")
        .work(N as u64)
        .limit(&traffic(copied, 40.0))
        .rate(|| black_box(&xs[0]).local_mul(&ys[0]));
    t.bench("rep3-mul-1e6")
        .work(N as u64)
        .bytes(24.0)
        .limit(&traffic(copied, 3.0 * 64.0))
        .rate(multiply);

    let bits = BitVec::random(N, &mut Prg::new(SEED));
    let b = boolean::split_rep3(&bits, &mut Prg::new(SEED).fork(1));
    t.bench("rep3-local-and-1e6")
        .work(N as u64)
        .limit(&traffic(copied, 5.0 / 8.0))
        .rate(|| black_box(&b[0]).local_and(&b[0]));
    Ok(())
}

fn triples() -> Result<[TripleBatch<u64>; 2], Error> {
    let (a, b) = (input(3), input(4));
    let c: Vec<u64> = a.iter().zip(&b).map(|(a, b)| a.wrapping_mul(*b)).collect();
    let mut rng = Prg::new(SEED).fork(5);
    let mut shares = |x: &[u64]| additive::split(x, 2, &mut rng);
    let (mut a, mut b, mut c) = (shares(&a)?, shares(&b)?, shares(&c)?);
    let mut last = || match (a.pop(), b.pop(), c.pop()) {
        (Some(a), Some(b), Some(c)) => TripleBatch::from_raw_shares(
            a.party(),
            Product::Elements { len: N },
            a.into_raw_share(),
            b.into_raw_share(),
            c.into_raw_share(),
        ),
        _ => Err(Error::Empty),
    };
    let (p1, p0) = (last()?, last()?);
    Ok([p0, p1])
}

fn beaver(t: &mut Table, copied: &Limit) -> Result<(), Error> {
    let (x, y) = (input(1), input(2));
    let xs = additive::split(&x, 2, &mut Prg::new(SEED))?;
    let ys = additive::split(&y, 2, &mut Prg::new(SEED).fork(3))?;
    let multiply = |[t0, t1]: [TripleBatch<u64>; 2]| {
        let (o0, p0) = t0.start(SESSION, 0, &xs[0], &ys[0])?;
        let (o1, p1) = t1.start(SESSION, 0, &xs[1], &ys[1])?;
        let (mut m0, mut m1) = (Vec::new(), Vec::new());
        o0.encode(&mut m0);
        o1.encode(&mut m1);
        let from1 = Opening::decode(&p0.expect(p1.party()), &m1)?;
        let from0 = Opening::decode(&p1.expect(p0.party()), &m0)?;
        Ok::<[AdditiveVec<u64>; 2], Error>([p0.finish(&[from1])?, p1.finish(&[from0])?])
    };
    let opened = additive::open(&multiply(triples()?)?)?;
    let agrees = |(z, (x, y)): (&u64, (&u64, &u64))| *z == x.wrapping_mul(*y);
    assert!(opened.as_slice().iter().zip(x.iter().zip(&y)).all(agrees));
    // Each party reads two factors, a triple and a message of two elements, and writes a message and the product.
    t.bench("beaver-mul-1e6")
        .work(N as u64)
        .bytes(32.0)
        .limit(&traffic(copied, 160.0))
        .samples(10)
        .rate_of(triples, |batches| batches.and_then(multiply));
    Ok(())
}

fn encoding(t: &mut Table, copied: &Limit) -> Result<(), Error> {
    let format = Format::new(64, 16, 40)?;
    let values: Vec<f32> = input(6)
        .iter()
        .map(|v| (*v >> 44) as f32 / 1024.0)
        .collect();
    let x = fixed::encode_f32::<u64>(&values, format)?;
    let back = fixed::decode(x.as_slice(), format)?;
    assert!(back.iter().zip(&values).all(|(a, b)| *a == f64::from(*b)));
    t.bench("fixed-encode-1e6")
        .work(N as u64)
        .limit(&traffic(copied, 12.0))
        .rate(|| fixed::encode_f32::<u64>(black_box(&values), format));
    Ok(())
}
