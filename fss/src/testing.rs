//! Both halves of a gate in one process, for tests and benches.
#![allow(clippy::unwrap_used, reason = "tests stop where something is wrong")]

use piquet_core::wire::SessionId;
use piquet_core::{Block, Prg, Ring};

use crate::dealer::{Dealer, Seed};
use crate::gates::Gate;
use crate::stream::KeyStream;
use crate::{P0, P1};

/// The session of [`deal`].
pub const SESSION: SessionId = SessionId([3; 32]);

/// Deals one block from a fixed seed and gives it to both parties; its length is held to the formula of the gate.
pub fn deal<G: Gate>(
    gate: &G,
    count: usize,
    masks: G::Masks<'_>,
) -> (G::Dealt, G::Keys<P0>, G::Keys<P1>) {
    let seed = Seed::random(&mut Prg::new(Block::from_u128(5)));
    let mut dealer = Dealer::new(SESSION, 1, &seed);
    let [mut s0, mut s1] = [Vec::new(), Vec::new()];
    let dealt = dealer.deal(gate, count, masks, [&mut s0, &mut s1]).unwrap();
    assert_eq!(s0.len(), KeyStream::<P0>::block_len(gate, count));
    assert_eq!(s1.len(), s0.len());
    let mut k0 = KeyStream::<P0>::new(SESSION, 1, dealer.seed::<P0>());
    let mut k1 = KeyStream::<P1>::new(SESSION, 1, dealer.seed::<P1>());
    let keys = (
        k0.take(gate, count, &s0).unwrap(),
        k1.take(gate, count, &s1).unwrap(),
    );
    (dealt, keys.0, keys.1)
}

/// x + r modulo 2^`bits`, element by element.
pub fn masked<R: Ring>(bits: u32, x: &[R], r: &[R]) -> Vec<R> {
    let add = |(x, r): (&R, &R)| x.add(*r).shl(R::BITS - bits).shr(R::BITS - bits);
    x.iter().zip(r).map(add).collect()
}

/// The sum of both parties' shares modulo 2^`bits`.
pub fn sum<R: Ring>(bits: u32, a: &[R], b: &[R]) -> Vec<R> {
    masked(bits, a, b)
}

/// Uniform elements of `bits` bits from a stated seed.
pub fn uniform<R: Ring>(bits: u32, n: usize, seed: u128) -> Vec<R> {
    let mut v = vec![R::ZERO; n];
    Prg::new(Block::from_u128(seed)).fill_ring(&mut v);
    masked(bits, &v, &vec![R::ZERO; n])
}

/// Ends of the range of numbers of `bits` bits, of a leaf and of a half, their neighbours, and a few others.
pub fn edges<R: Ring>(bits: u32) -> Vec<R> {
    let top = R::ONE.shl(bits - 1);
    let ends = [R::ZERO, top, R::from_u64(127), R::from_u64(255), top.shr(1)];
    let mut out: Vec<R> = ends
        .iter()
        .flat_map(|e| [e.sub(R::ONE), *e, e.add(R::ONE)])
        .collect();
    out.push(top.sub(R::from_u64(128)));
    out.extend(uniform::<R>(bits, 7, 77));
    masked(bits, &out, &vec![R::ZERO; out.len()])
}

/// Every one of `a` beside every one of `b`.
pub fn pairs<R: Ring>(a: &[R], b: &[R]) -> (Vec<R>, Vec<R>) {
    a.iter().flat_map(|x| b.iter().map(|y| (*x, *y))).unzip()
}
