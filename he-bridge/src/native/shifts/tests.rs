#![allow(clippy::unwrap_used)]

use super::*;
use crate::noise::Bound;
use crate::{Backend, CipherModulus, Mode, Native, Params};
use piquet_core::{Block, Prg};

/// Shares of a product of a polynomial and two terms, at one level; the messages that were sent on the way.
fn product(params: &Params, level: Level, messages: &[Vec<u64>; 2]) -> (Vec<u64>, Vec<u8>) {
    let he = Native::with_level(params.clone(), level);
    let mut prg = Prg::new(Block::from_u128(9));
    let key = he.secret_key(&mut prg);
    let mut sent = Vec::new();
    he.public_key(&key, &mut prg, &mut sent);
    let public = he.read_public_key(&sent).unwrap();
    let mut bytes = Vec::new();
    he.encrypt(&key, &[1; 32], 0, &messages[0], &mut prg, &mut bytes);
    let mut input = he.read(&[1; 32], 0, &bytes).unwrap();
    he.add(&mut input, &messages[1]);
    let map = Map {
        ins: 1,
        outs: 1,
        exponents: vec![0, 1],
    };
    let weights = he.prepare(&map, &[-7, 5]).unwrap();
    let output = he.multiply(&[input], &weights, 0..1).pop().unwrap();
    let positions: Vec<u32> = (1..params.degree() as u32).collect();
    let mut shares = [0; 2].map(|_| vec![0; positions.len()]);
    let [server, client] = &mut shares;
    let mut response = Vec::new();
    he.respond(&public, output, &positions, server, &mut prg, &mut response);
    he.decrypt(&key, &response, &positions, client).unwrap();
    let plain = params.plain();
    let sum = (server.iter().zip(client))
        .map(|(a, b)| plain.add(*a, *b))
        .collect();
    sent.extend(bytes);
    sent.extend(response);
    (sum, sent)
}

#[test]
fn every_modulus_at_every_level() {
    use CipherModulus::{Limbs, Word};
    use PlainModulus::{Bits, Prime};
    let prime = Prime((1 << 37) - 25);
    let cases = [
        (2048, Bits(1), Word(40), Mode::Approximate),
        (2048, Bits(8), Limbs(1), Mode::Approximate),
        (4096, Bits(30), Word(63), Mode::Approximate),
        (4096, Bits(32), Word(64), Mode::Approximate),
        (4096, prime, Limbs(2), Mode::Exact),
        (8192, Bits(64), Limbs(3), Mode::Exact),
        (8192, prime, Limbs(3), Mode::Exact),
        (8192, prime, Limbs(4), Mode::Exact),
        (8192, Bits(64), Limbs(4), Mode::Approximate),
    ];
    for (degree, plain, modulus, mode) in cases {
        let bound = Bound {
            weight: 7,
            terms: 2,
            useful: 2,
        };
        let params = Params::new(degree, plain, modulus, mode, bound).unwrap();
        let mut prg = Prg::new(Block::from_u128(4));
        let messages = [0; 2].map(|_| {
            let mut m = vec![0u64; degree];
            prg.fill_ring(&mut m);
            m.iter_mut().for_each(|m| *m = plain.reduce(*m));
            m
        });
        let sum = |i: usize| plain.add(messages[0][i], messages[1][i]);
        let times = |x: u64, w: u64| (0..w).fold(0, |s, _| plain.add(s, x));
        let mut first = None;
        for level in Level::all() {
            let (got, sent) = product(&params, level, &messages);
            for (i, got) in got.into_iter().enumerate() {
                let want = plain.subtract(times(sum(i), 5), times(sum(i + 1), 7));
                let off = plain.centred(plain.subtract(got, want)).unsigned_abs();
                let most = u64::from(mode == Mode::Approximate);
                assert!(off <= most, "{params:?} {level} {i}: {off}");
            }
            assert!(*first.get_or_insert_with(|| sent.clone()) == sent);
        }
    }
}
