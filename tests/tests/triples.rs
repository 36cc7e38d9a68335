//! Products of shares with triples from oblivious transfer: what one crate makes, another spends.
#![allow(clippy::unwrap_used)] // helpers of tests

use piquet_core::correlation::{MatrixShape, SemiHonest};
use piquet_core::wire::{SessionId, run_pair};
use piquet_core::{BitVec, Block, Prg, RingVec, linalg};
use piquet_ot::triples::{bits, gilboa, matrix};
use piquet_ot::{Malicious, ideal};
use piquet_secret_sharing::beaver::{BitTriples, Multiply, TripleBatch, Triples};
use piquet_secret_sharing::{Error, Party, additive, boolean};

const SESSION: SessionId = SessionId([9; 32]);

fn prg(label: u128) -> Prg {
    Prg::new(Block::from_u128(label))
}

fn parties() -> [Party; 2] {
    [0, 1].map(|i| Party::new(i, 2).unwrap())
}

/// Ring triples of both parties, with `bits` of the word.
fn ring_triples(
    triples: usize,
    bits: u32,
) -> [piquet_core::correlation::RingTriples<u64, SemiHonest>; 2] {
    let mut prg = prg(1);
    let shape = gilboa::Shape { triples, bits };
    let [(s0, r0), (s1, r1)] = ideal::both_ways(SESSION, shape.cots().unwrap(), &mut prg);
    let (mut w0, mut w1) = (Vec::new(), Vec::new());
    let p0 = gilboa::start(shape, s0, r0, &mut prg, &mut w0).unwrap();
    let p1 = gilboa::start(shape, s1, r1, &mut prg, &mut w1).unwrap();
    [p0.finish(&w1).unwrap(), p1.finish(&w0).unwrap()]
}

#[test]
fn products_of_elements() {
    const N: usize = 50;
    let mut prg = prg(2);
    let (x, y) = (
        RingVec::<u64>::random(N, &mut prg),
        RingVec::<u64>::random(N, &mut prg),
    );
    let xs = additive::split(x.as_slice(), 2, &mut prg).unwrap();
    let ys = additive::split(y.as_slice(), 2, &mut prg).unwrap();
    let mut machines = parties()
        .into_iter()
        .zip(ring_triples(N, 64))
        .map(|(party, t)| {
            let mut pool = Triples::from_two_party(party, t).unwrap();
            let i = party.index();
            let started = pool.take(N).unwrap().start(SESSION, 0, &xs[i], &ys[i]);
            let (opening, pending) = started.unwrap();
            Multiply::new(opening, pending).unwrap()
        });
    let (a, b) = (machines.next().unwrap(), machines.next().unwrap());
    let (z0, z1, _) = run_pair(a, b);
    let z = additive::open(&[z0.unwrap(), z1.unwrap()]).unwrap();
    let factors = x.as_slice().iter().zip(y.as_slice());
    assert!(
        factors
            .map(|(x, y)| x.wrapping_mul(*y))
            .eq(z.as_slice().iter().copied())
    );
}

#[test]
fn products_of_matrices() {
    let (m, k, n) = (5, 7, 3);
    let mut prg = prg(3);
    let shape = matrix::Shape {
        matrices: MatrixShape { m, k, n },
        bits: 32,
    };
    let [(s0, r0), (s1, r1)] = ideal::both_ways(SESSION, shape.cots().unwrap(), &mut prg);
    let (mut w0, mut w1) = (Vec::new(), Vec::new());
    let p0 = matrix::start(shape, s0, r0, &mut prg, &mut w0).unwrap();
    let p1 = matrix::start(shape, s1, r1, &mut prg, &mut w1).unwrap();
    let triples = [p0.finish(&w1).unwrap(), p1.finish(&w0).unwrap()];
    let x = RingVec::<u32>::random(m * k, &mut prg);
    let y = RingVec::<u32>::random(k * n, &mut prg);
    let xs = additive::split(x.as_slice(), 2, &mut prg).unwrap();
    let ys = additive::split(y.as_slice(), 2, &mut prg).unwrap();
    let mut machines = parties().into_iter().zip(triples).map(|(party, t)| {
        let i = party.index();
        let batch = TripleBatch::from_two_party(party, t).unwrap();
        let (opening, pending) = batch.start(SESSION, 0, &xs[i], &ys[i]).unwrap();
        Multiply::new(opening, pending).unwrap()
    });
    let (a, b) = (machines.next().unwrap(), machines.next().unwrap());
    let (z0, z1, _) = run_pair(a, b);
    let z = additive::open(&[z0.unwrap(), z1.unwrap()]).unwrap();
    let mut want = RingVec::zeros(m * n);
    linalg::matmul([m, k, n], x.as_slice(), y.as_slice(), want.as_mut_slice()).unwrap();
    assert_eq!(z.as_slice(), want.as_slice());
}

#[test]
fn ands_of_bits() {
    const N: usize = 300;
    let mut prg = prg(4);
    let mut triples = ideal::both_ways::<Malicious, _>(SESSION, N, &mut prg)
        .map(|(s, r)| bits::from_cots(s, r).unwrap())
        .into_iter();
    let (x, y) = (BitVec::random(N, &mut prg), BitVec::random(N, &mut prg));
    let xs = boolean::split_xor(&x, 2, &mut prg).unwrap();
    let ys = boolean::split_xor(&y, 2, &mut prg).unwrap();
    let mut machines = parties().into_iter().map(|party| {
        let i = party.index();
        let mut pool = BitTriples::from_two_party(party, triples.next().unwrap()).unwrap();
        let started = pool.take(N).unwrap().start(SESSION, 0, &xs[i], &ys[i]);
        let (opening, pending) = started.unwrap();
        Multiply::new(opening, pending).unwrap()
    });
    let (a, b) = (machines.next().unwrap(), machines.next().unwrap());
    let (z0, z1, _) = run_pair(a, b);
    let mut z = z0.unwrap().into_raw_share();
    z.xor_assign(&z1.unwrap().into_raw_share());
    let mut want = x;
    want.and_assign(&y);
    assert_eq!(z.words(), want.words());
}

#[test]
fn triples_of_others_are_refused() {
    let [t, _] = ring_triples(1, 63);
    let refused = Triples::from_two_party(parties()[0], t).unwrap_err();
    assert_eq!(refused, Error::NoSuchRing(63));
    let [t, _] = ring_triples(1, 64);
    let one_of_three = Party::new(0, 3).unwrap();
    let refused = Triples::from_two_party(one_of_three, t).unwrap_err();
    assert_eq!(refused, Error::ShareSet { want: 2, got: 3 });
}
