//! Every local operation of every share type against the same operation in the clear.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{LENGTHS, bits, party, prss, rng, values};
use piquet_core::{
    BitVec, Ring, RingVec,
    wire::{Decode, DecodeError, Encode},
};
use piquet_secret_sharing::{
    AdditiveVec, Error, Party, Rep3Bits, Rep3Party, Rep3Vec, XorVec, additive, boolean,
    replicated::{self, SeededRep3, SeededShape, split_seeded},
};

fn zip<R: Ring>(x: &[R], y: &[R], f: impl Fn(R, R) -> R) -> Vec<R> {
    x.iter().zip(y).map(|(a, b)| f(*a, *b)).collect()
}

/// A two-operand operation on one party's shares.
type ShareOp<'a, S> = &'a dyn Fn(S, &S) -> S;
/// A two-operand operation on packed bits in place.
type BitOp = fn(&mut BitVec, &BitVec);

mod checks {
    use super::*;

    pub(super) fn additive_operations<R: Ring>() {
        for (i, len) in [0].into_iter().chain(LENGTHS).enumerate() {
            let n = 2 + i % 9;
            let seed = i as u64;
            let (x, y) = (values::<R>(len, seed), values::<R>(len, seed + 100));
            let run = |f: ShareOp<'_, AdditiveVec<R>>| {
                let xs = additive::split(&x, n, &mut rng(seed)).unwrap();
                let ys = additive::split(&y, n, &mut rng(seed + 1)).unwrap();
                let zs: Vec<_> = xs.into_iter().zip(&ys).map(|(x, y)| f(x, y)).collect();
                additive::open(&zs).unwrap().as_slice().to_vec()
            };
            assert_eq!(run(&|x, _| x), x);
            assert_eq!(run(&|x, y| x.add(y).unwrap()), zip(&x, &y, R::add));
            assert_eq!(run(&|x, y| x.sub(y).unwrap()), zip(&x, &y, R::sub));
            assert_eq!(run(&|x, _| x.neg()), zip(&x, &y, |x, _| x.neg()));
            assert_eq!(run(&|x, _| x.add_public(&y).unwrap()), zip(&x, &y, R::add));
            assert_eq!(run(&|x, _| x.mul_public(&y).unwrap()), zip(&x, &y, R::mul));
            assert_eq!(run(&|x, _| x.shl(3)), zip(&x, &y, |x, _| x.shl(3)));
            assert_eq!(run(&|s, _| AdditiveVec::public(s.party(), &y)), y);
        }
    }

    pub(super) fn replicated_operations<R: Ring>() {
        for (seed, len) in (0..).zip([0].into_iter().chain(LENGTHS)) {
            let (x, y) = (values::<R>(len, seed), values::<R>(len, seed + 100));
            let run = |f: ShareOp<'_, Rep3Vec<R>>| {
                let xs = replicated::split(&x, &mut rng(seed));
                let ys = replicated::split(&y, &mut rng(seed + 1));
                let mut ys = ys.iter();
                let zs = xs.map(|x| f(x, ys.next().unwrap()));
                let [a, b, c] = &zs;
                for two in [[a, b], [b, c], [c, a], [a, c]] {
                    assert_eq!(
                        replicated::open(&two).unwrap().as_slice(),
                        replicated::open(&[a, b, c]).unwrap().as_slice()
                    );
                }
                let (sent, _) = c.raw_components(); // party 2 sends `mine` to party 0
                a.open_with(sent).unwrap().as_slice().to_vec()
            };
            assert_eq!(run(&|x, _| x), x);
            assert_eq!(run(&|x, y| x.add(y).unwrap()), zip(&x, &y, R::add));
            assert_eq!(run(&|x, y| x.sub(y).unwrap()), zip(&x, &y, R::sub));
            assert_eq!(run(&|x, _| x.neg()), zip(&x, &y, |x, _| x.neg()));
            assert_eq!(run(&|x, _| x.add_public(&y).unwrap()), zip(&x, &y, R::add));
            assert_eq!(run(&|x, _| x.mul_public(&y).unwrap()), zip(&x, &y, R::mul));
            assert_eq!(run(&|x, _| x.shl(3)), zip(&x, &y, |x, _| x.shl(3)));
            assert_eq!(run(&|s, _| Rep3Vec::public(s.party(), &y)), y);
        }
    }

    pub(super) fn replicated_products<R: Ring>() {
        let ends = prss(&common::SESSION);
        for (seed, len) in (0..).zip(LENGTHS) {
            let (x, y) = (values::<R>(len, seed), values::<R>(len, seed + 100));
            let xs = replicated::split(&x, &mut rng(seed));
            let ys = replicated::split(&y, &mut rng(seed + 1));
            let reshares: Vec<_> = (0..3)
                .map(|i| {
                    let zero = ends[i].step(seed).unwrap().zero_ring(len);
                    let p = xs[i].local_mul(&ys[i]).unwrap();
                    // x y + y x, with one resharing
                    p.add(&ys[i].local_mul(&xs[i]).unwrap())
                        .unwrap()
                        .mask(zero)
                        .unwrap()
                })
                .collect();
            let messages: Vec<_> = reshares
                .iter()
                .map(|r| r.message_to_prev().duplicate())
                .collect();
            let zs: Vec<_> = reshares
                .into_iter()
                .zip(Rep3Party::ALL)
                .map(|(r, p)| r.finish(messages[p.next().index()].duplicate()).unwrap())
                .collect();
            assert_eq!(
                replicated::open(&zs.iter().collect::<Vec<_>>())
                    .unwrap()
                    .as_slice(),
                zip(&x, &y, |x, y| x.mul(y).shl(1))
            );
        }
    }

    pub(super) fn seeded_shares_travel<R: Ring>() {
        for (seed, len) in (0..).zip(LENGTHS) {
            let x = values::<R>(len, seed);
            let sent = split_seeded(&x, common::SESSION, seed, &mut rng(seed)).unwrap();
            let mut total = 0;
            let got = sent.map(|s| {
                let mut bytes = Vec::new();
                s.encode(&mut bytes);
                assert_eq!(bytes.len(), s.encoded_len());
                total += bytes.len();
                let shape = *s.shape();
                for wrong in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat()] {
                    let want = bytes.len();
                    let got = wrong.len();
                    assert_eq!(
                        SeededRep3::<R>::decode(&shape, wrong).unwrap_err(),
                        DecodeError::Length { got, want }
                    );
                }
                let other = SeededShape {
                    step: shape.step + 1,
                    ..shape
                };
                assert_eq!(
                    SeededRep3::<R>::decode(&other, &bytes).unwrap_err(),
                    DecodeError::Context
                );
                let decoded = SeededRep3::<R>::decode(&shape, &bytes).unwrap();
                assert_eq!(
                    s.expand().unwrap().raw_components(),
                    SeededRep3::<R>::decode(&shape, &bytes)
                        .unwrap()
                        .expand()
                        .unwrap()
                        .raw_components()
                );
                decoded.expand().unwrap()
            });
            let [a, b, c] = &got;
            assert_eq!(replicated::open(&[a, b, c]).unwrap().as_slice(), x);
            assert_eq!(total, 3 * 19 + 4 * 16 + 2 * len * R::BYTES);
        }
        assert_eq!(
            split_seeded::<R, _>(&[], common::SESSION, 0, &mut rng(0)).unwrap_err(),
            Error::Empty
        );
    }

    pub(super) fn wrong_sets_are_refused<R: Ring>() {
        let mut shares = additive::split(&values::<R>(5, 0), 3, &mut rng(0)).unwrap();
        assert_eq!(
            additive::open(&shares[..2]).unwrap_err(),
            Error::ShareSet { want: 3, got: 2 }
        );
        assert!(matches!(
            shares[0].duplicate().add(&shares[1]).unwrap_err(),
            Error::Holder { .. }
        ));
        shares[2] = shares[0].duplicate();
        assert!(matches!(
            additive::open(&shares).unwrap_err(),
            Error::ShareSet { want: 3, got: 2 }
        ));
        assert!(additive::open::<R>(&[]).is_err());
        shares[2] = AdditiveVec::public(party(2, 3), &[R::ONE]);
        assert_eq!(
            additive::open(&shares).unwrap_err(),
            Error::Length { left: 5, right: 1 }
        );
        shares[2] = AdditiveVec::public(party(2, 4), &values::<R>(5, 0));
        assert!(matches!(
            additive::open(&shares).unwrap_err(),
            Error::ShareSet { .. }
        ));

        let [a, b, c] = replicated::split(&values::<R>(5, 0), &mut rng(0));
        for set in [&[&a][..], &[&a, &a], &[&a, &b, &a], &[], &[&a, &b, &c, &a]] {
            assert!(matches!(
                replicated::open(set).unwrap_err(),
                Error::ShareSet { .. }
            ));
        }
        assert!(matches!(
            a.local_mul(&b).unwrap_err(),
            Error::Rep3Holder { .. }
        ));
        let (mine, mut next) = a.into_raw_components();
        next.as_mut_slice()[4] = next.as_slice()[4].add(R::ONE);
        let a = Rep3Vec::from_raw_components(Rep3Party::P0, mine, next).unwrap();
        assert_eq!(
            replicated::open(&[&a, &b, &c]).unwrap_err(),
            Error::Inconsistent
        );
        assert_eq!(
            replicated::open(&[&a, &b]).unwrap_err(),
            Error::Inconsistent
        );
        assert!(
            replicated::open(&[&a, &c]).is_ok(),
            "nothing to compare with"
        );
        assert!(
            Rep3Vec::<R>::from_raw_components(Rep3Party::P0, RingVec::zeros(1), RingVec::zeros(2))
                .is_err()
        );
    }
}
in_every_ring!(additive_operations replicated_operations replicated_products seeded_shares_travel wrong_sets_are_refused);

fn bit_zip(x: &BitVec, y: &BitVec, f: BitOp) -> Vec<u64> {
    let mut z = x.duplicate();
    f(&mut z, y);
    z.words().to_vec()
}

#[test]
fn xor_operations() {
    for (i, len) in [0].into_iter().chain(LENGTHS).enumerate() {
        let n = 2 + i % 9;
        let seed = i as u64;
        let (x, y) = (bits(len, seed), bits(len, seed + 100));
        let run = |f: ShareOp<'_, XorVec>| {
            let xs = boolean::split_xor(&x, n, &mut rng(seed)).unwrap();
            let ys = boolean::split_xor(&y, n, &mut rng(seed + 1)).unwrap();
            let zs: Vec<_> = xs.into_iter().zip(&ys).map(|(x, y)| f(x, y)).collect();
            boolean::open_xor(&zs).unwrap().words().to_vec()
        };
        assert_eq!(run(&|x, _| x), x.words());
        let xor = bit_zip(&x, &y, BitVec::xor_assign);
        assert_eq!(run(&|x, y| x.xor(y).unwrap()), xor);
        assert_eq!(run(&|x, _| x.xor_public(&y).unwrap()), xor);
        let and = bit_zip(&x, &y, BitVec::and_assign);
        assert_eq!(run(&|x, _| x.and_public(&y).unwrap()), and);
        assert_eq!(run(&|x, _| x.not()), bit_zip(&x, &y, |z, _| z.not_assign()));
        assert_eq!(run(&|s, _| XorVec::public(s.party(), &y)), y.words());
    }
}

#[test]
fn replicated_bit_operations() {
    for (seed, len) in (0..).zip([0].into_iter().chain(LENGTHS)) {
        let (x, y) = (bits(len, seed), bits(len, seed + 100));
        let run = |f: ShareOp<'_, Rep3Bits>| {
            let xs = boolean::split_rep3(&x, &mut rng(seed));
            let ys = boolean::split_rep3(&y, &mut rng(seed + 1));
            let mut ys = ys.iter();
            let zs = xs.map(|x| f(x, ys.next().unwrap()));
            let [a, b, c] = &zs;
            for two in [[a, b], [b, c], [c, a]] {
                assert_eq!(
                    boolean::open_rep3(&two).unwrap().words(),
                    boolean::open_rep3(&[a, b, c]).unwrap().words()
                );
            }
            let (sent, _) = a.raw_components(); // party 0 sends `mine` to party 1
            b.open_with(sent).unwrap().words().to_vec()
        };
        assert_eq!(run(&|x, _| x), x.words());
        let xor = bit_zip(&x, &y, BitVec::xor_assign);
        assert_eq!(run(&|x, y| x.xor(y).unwrap()), xor);
        assert_eq!(run(&|x, _| x.xor_public(&y).unwrap()), xor);
        let and = bit_zip(&x, &y, BitVec::and_assign);
        assert_eq!(run(&|x, _| x.and_public(&y).unwrap()), and);
        assert_eq!(run(&|x, _| x.not()), bit_zip(&x, &y, |z, _| z.not_assign()));
        assert_eq!(run(&|s, _| Rep3Bits::public(s.party(), &y)), y.words());
    }
}

#[test]
fn replicated_bit_products() {
    let ends = prss(&common::SESSION);
    for (seed, len) in (0..).zip(LENGTHS) {
        let (x, y, w) = (
            bits(len, seed),
            bits(len, seed + 100),
            bits(len, seed + 200),
        );
        let xs = boolean::split_rep3(&x, &mut rng(seed));
        let ys = boolean::split_rep3(&y, &mut rng(seed + 1));
        let ws = boolean::split_rep3(&w, &mut rng(seed + 2));
        let reshares: Vec<_> = (0..3)
            .map(|i| {
                let zero = ends[i].step(seed).unwrap().zero_bits(len);
                let p = xs[i].local_and(&ys[i]).unwrap();
                p.xor(&xs[i].local_and(&ws[i]).unwrap())
                    .unwrap()
                    .mask(zero)
                    .unwrap()
            })
            .collect();
        let messages: Vec<_> = reshares
            .iter()
            .map(|r| r.message_to_prev().duplicate())
            .collect();
        let zs: Vec<_> = reshares
            .into_iter()
            .zip(Rep3Party::ALL)
            .map(|(r, p)| r.finish(messages[p.next().index()].duplicate()).unwrap())
            .collect();
        let mut want = y.duplicate();
        want.xor_assign(&w);
        want.and_assign(&x);
        assert_eq!(
            boolean::open_rep3(&zs.iter().collect::<Vec<_>>())
                .unwrap()
                .words(),
            want.words()
        );
    }
}

#[test]
fn wrong_bit_sets_are_refused() {
    let [a, b, c] = boolean::split_rep3(&bits(65, 0), &mut rng(0));
    let (mine, mut next) = a.into_raw_components();
    next.set(64, next.get(64) == Some(false));
    let a = Rep3Bits::from_raw_components(Rep3Party::P0, mine, next).unwrap();
    assert_eq!(
        boolean::open_rep3(&[&a, &b, &c]).unwrap_err(),
        Error::Inconsistent
    );
    assert!(matches!(
        boolean::open_rep3(&[&a, &a]).unwrap_err(),
        Error::ShareSet { .. }
    ));
    assert!(matches!(b.xor(&c).unwrap_err(), Error::Rep3Holder { .. }));
    let shares = boolean::split_xor(&bits(65, 0), 2, &mut rng(0)).unwrap();
    assert!(boolean::open_xor(&shares[..1]).is_err());
    let all: Vec<Party> = Party::all(2).unwrap().collect();
    assert!(shares[0].duplicate().xor(&shares[1]).is_err());
    assert!(
        shares[0]
            .duplicate()
            .xor(&XorVec::public(all[0], &bits(64, 0)))
            .is_err()
    );
}
