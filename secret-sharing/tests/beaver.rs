//! Products from dealt triples against products in the clear, and what becomes of wrong bytes, orders and parties.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{LENGTHS, SESSION, bits, rng, values};
use piquet_core::{
    BitVec, Ring,
    linalg::ConvShape,
    wire::{Decode, DecodeError, Encode, Machine, Step, run_pair, run_pair_tampered},
};
use piquet_secret_sharing::{
    AdditiveVec, Error, XorVec, additive,
    beaver::{BitOpening, BitPending, BitTriples, Multiply, Opening, Pending, Product, Triples},
    boolean,
    dealer::{Demand, Item, Material, TrustedDealer},
};

fn deal(items: &[Item], parties: usize) -> Vec<Material> {
    let demand = Demand::try_from_iter(items.iter().copied()).unwrap();
    TrustedDealer::deal(&demand, parties, &mut rng(99)).unwrap()
}

/// All parties' products, through encoded messages.
fn multiply<R: Ring>(product: Product, x: &[R], y: &[R], n: usize) -> Vec<AdditiveVec<R>> {
    let xs = additive::split(x, n, &mut rng(1)).unwrap();
    let ys = additive::split(y, n, &mut rng(2)).unwrap();
    let (sent, pending): (Vec<_>, Vec<_>) = deal(&[Item::of::<R>(product)], n)
        .into_iter()
        .zip(xs.iter().zip(&ys))
        .map(|(mut m, (x, y))| {
            let (opening, pending) = m
                .next_product::<R>(product)
                .unwrap()
                .start(SESSION, 5, x, y)
                .unwrap();
            let mut bytes = Vec::new();
            opening.encode(&mut bytes);
            assert_eq!(bytes.len(), opening.encoded_len());
            let elements = product.left_len() + product.right_len();
            assert_eq!(
                bytes.len(),
                20 + elements * R::BYTES,
                "the cost that the docs state"
            );
            (bytes, pending)
        })
        .unzip();
    pending
        .into_iter()
        .map(|p| {
            let mut peers: Vec<_> = p
                .party()
                .peers()
                .map(|q| Opening::decode(&p.expect(q), &sent[q.index()]).unwrap())
                .collect();
            peers.reverse(); // any order
            p.finish(&peers).unwrap()
        })
        .collect()
}

fn matmul<R: Ring>(m: usize, k: usize, n: usize, x: &[R], y: &[R]) -> Vec<R> {
    let mut z = vec![R::ZERO; m * n];
    for i in 0..m {
        for j in 0..n {
            for l in 0..k {
                z[i * n + j] = z[i * n + j].add(x[i * k + l].mul(y[l * n + j]));
            }
        }
    }
    z
}

fn conv<R: Ring>(s: &ConvShape, x: &[R], w: &[R]) -> Vec<R> {
    let [oh, ow] = s.output();
    let (cin, cout) = (s.in_channels / s.groups, s.out_channels / s.groups);
    let mut z = Vec::new();
    for b in 0..s.batch {
        for p in 0..oh * ow {
            for o in 0..s.out_channels {
                let mut sum = R::ZERO;
                for c in 0..cin {
                    for t in 0..s.kernel[0] * s.kernel[1] {
                        let (kh, kw) = (t / s.kernel[1], t % s.kernel[1]);
                        let h =
                            (p / ow * s.stride[0] + kh * s.dilation[0]).wrapping_sub(s.padding[0]);
                        let v =
                            (p % ow * s.stride[1] + kw * s.dilation[1]).wrapping_sub(s.padding[1]);
                        if h < s.input[0] && v < s.input[1] {
                            let at = (b * s.input[0] + h) * s.input[1] + v;
                            let x = x[at * s.in_channels + o / cout * cin + c];
                            let w = w[(o * cin + c) * s.kernel[0] * s.kernel[1] + t];
                            sum = sum.add(x.mul(w));
                        }
                    }
                }
                z.push(sum);
            }
        }
    }
    z
}

mod checks {
    use super::*;

    pub(super) fn elements<R: Ring>() {
        for (i, len) in LENGTHS.into_iter().enumerate() {
            let (x, y) = (values::<R>(len, i as u64), values::<R>(len, 50 + i as u64));
            let z = multiply(Product::Elements { len }, &x, &y, 2 + i % 9);
            let want: Vec<R> = x.iter().zip(&y).map(|(a, b)| a.mul(*b)).collect();
            assert_eq!(additive::open(&z).unwrap().as_slice(), want);
        }
    }

    pub(super) fn matrices<R: Ring>() {
        for (parties, [m, k, n]) in [(2, [1, 1, 1]), (3, [3, 5, 2]), (2, [7, 33, 65])] {
            let (x, y) = (values::<R>(m * k, 3), values::<R>(k * n, 4));
            let z = multiply(Product::MatMul { m, k, n }, &x, &y, parties);
            assert_eq!(
                additive::open(&z).unwrap().as_slice(),
                matmul(m, k, n, &x, &y)
            );
        }
    }

    pub(super) fn convolutions<R: Ring>() {
        let strided = ConvShape {
            batch: 2,
            input: [7, 6],
            in_channels: 4,
            out_channels: 6,
            kernel: [3, 2],
            stride: [2, 1],
            padding: [1, 0, 1, 2],
            dilation: [1, 2],
            groups: 2,
        };
        let depthwise = ConvShape {
            groups: 4,
            out_channels: 4,
            ..strided
        };
        for shape in [strided, depthwise] {
            let x = values::<R>(shape.input_len(), 3);
            let w = values::<R>(shape.weight_len(), 4);
            let z = multiply(Product::Conv(shape), &x, &w, 2);
            assert_eq!(additive::open(&z).unwrap().as_slice(), conv(&shape, &x, &w));
        }
    }
}
in_every_ring!(elements matrices convolutions);

#[test]
fn ands() {
    for (i, len) in LENGTHS.into_iter().enumerate() {
        let n = 2 + i % 9;
        let (x, y) = (bits(len, 1), bits(len, 2));
        let xs = boolean::split_xor(&x, n, &mut rng(3)).unwrap();
        let ys = boolean::split_xor(&y, n, &mut rng(4)).unwrap();
        let (sent, pending): (Vec<_>, Vec<_>) = deal(&[Item::and(len)], n)
            .into_iter()
            .zip(xs.iter().zip(&ys))
            .map(|(mut m, (x, y))| {
                let (o, p) = m.next_and(len).unwrap().start(SESSION, 5, x, y).unwrap();
                let mut bytes = Vec::new();
                o.encode(&mut bytes);
                assert_eq!(bytes.len(), o.encoded_len());
                (bytes, p)
            })
            .unzip();
        let z: Vec<XorVec> = pending
            .into_iter()
            .map(|p| {
                let peers: Vec<_> = p
                    .party()
                    .peers()
                    .map(|q| BitOpening::decode(&p.expect(q), &sent[q.index()]).unwrap())
                    .collect();
                p.finish(&peers).unwrap()
            })
            .collect();
        let mut want = x.duplicate();
        want.and_assign(&y);
        assert_eq!(boolean::open_xor(&z).unwrap().words(), want.words());
    }
}

#[test]
fn pools_hand_out_each_triple_once() {
    let p = common::party(0, 2);
    let fresh = |seed| piquet_core::RingVec::<u32>::random(10, &mut rng(seed));
    let mut pool = Triples::from_raw_shares(p, fresh(0), fresh(1), fresh(2)).unwrap();
    let zeros = |n: usize| AdditiveVec::<u32>::public(p, &vec![0; n]);
    let mut masks = std::collections::HashSet::new();
    for n in [3, 7] {
        let (o, _p) = pool
            .take(n)
            .unwrap()
            .start(SESSION, 0, &zeros(n), &zeros(n))
            .unwrap();
        let mut bytes = Vec::new();
        o.encode(&mut bytes);
        masks.extend(bytes[20..].chunks(4).map(<[u8]>::to_vec));
        let have = pool.left();
        assert_eq!(
            pool.take(have + 1).unwrap_err(),
            Error::Exhausted {
                want: have + 1,
                have
            }
        );
    }
    assert_eq!(masks.len(), 20, "twenty different masks");
    assert_eq!(pool.take(0).unwrap_err(), Error::Empty);

    let mut pool = BitTriples::from_raw_shares(p, bits(70, 0), bits(70, 1), bits(70, 2)).unwrap();
    assert_eq!(pool.take(0).unwrap_err(), Error::Empty);
    assert_eq!(pool.take(65).unwrap().len(), 65);
    assert_eq!(
        pool.take(6).unwrap_err(),
        Error::Exhausted { want: 6, have: 5 }
    );
    assert_eq!(
        pool.take(usize::MAX).unwrap_err(),
        Error::Exhausted {
            want: usize::MAX,
            have: 5
        }
    );
}

#[test]
fn openings_are_counted_and_matched() {
    let start = |step: u64, n: usize| -> Vec<(Opening<u8>, Pending<u8>)> {
        deal(&[Item::mul::<u8>(4)], n)
            .into_iter()
            .map(|mut m| {
                let x = AdditiveVec::public(m.party(), &[1, 2, 3, 4]);
                m.next_mul(4).unwrap().start(SESSION, step, &x, &x).unwrap()
            })
            .collect()
    };
    let bytes = |o: &Opening<u8>| {
        let mut b = Vec::new();
        o.encode(&mut b);
        b
    };
    let mut run = start(1, 3);
    let (_, p2) = run.pop().unwrap();
    let (o1, p1) = run.pop().unwrap();
    let (o0, p0) = run.pop().unwrap();
    assert_eq!(
        p0.finish(&[]).unwrap_err(),
        Error::ShareSet { want: 2, got: 0 }
    );
    let again = Opening::decode(&p2.expect(common::party(0, 3)), &bytes(&o0)).unwrap();
    assert_eq!(
        p1.finish(&[o0, again]).unwrap_err(),
        Error::ShareSet { want: 2, got: 1 }
    );
    let (other, _) = start(2, 3).swap_remove(0);
    assert_eq!(
        p2.finish(&[o1, other]).unwrap_err(),
        Error::Decode(DecodeError::Context)
    );
    let (o, p) = start(1, 3).swap_remove(0);
    assert!(Multiply::new(o, p).is_err(), "three parties are not a pair");
}

#[test]
fn material_comes_in_the_order_of_the_demand() {
    let items = [
        Item::mul::<u64>(3),
        Item::and(9),
        Item::matmul::<u8>(1, 2, 3),
    ];
    let mut m = deal(&items, 2).remove(1);
    assert_eq!(
        m.next_and(9).unwrap_err(),
        Error::WrongItem {
            asked: Box::new(Item::and(9)),
            due: Some(Box::new(items[0]))
        }
    );
    assert!(m.next_mul::<u32>(3).is_err(), "another ring");
    assert!(m.next_mul::<u64>(4).is_err(), "another length");
    let _ = m.next_mul::<u64>(3).unwrap();
    assert!(m.next_mul::<u64>(3).is_err(), "once");
    let _ = m.next_and(9).unwrap();
    assert_eq!(m.due(), Some(&items[2]));
    let _ = m
        .next_product::<u8>(Product::MatMul { m: 1, k: 2, n: 3 })
        .unwrap();
    let e = m.next_and(9).unwrap_err();
    assert_eq!(
        e.to_string(),
        "program asked for 9 ANDs; dealt next: nothing"
    );
}

#[test]
fn impossible_demands_are_refused() {
    let mut d = Demand::new();
    for item in [
        Item::mul::<u8>(0),
        Item::mul::<u8>(usize::MAX),
        Item::and(0),
        Item::matmul::<u8>(0, 1, 1),
        Item::matmul::<u8>(usize::MAX, 2, 1),
        Item::Product {
            ring_bits: 24,
            product: Product::Elements { len: 1 },
        },
    ] {
        assert!(d.push(item).is_err(), "{item}");
    }
    assert_eq!(d, Demand::new());
    assert!(TrustedDealer::deal(&d, 1, &mut rng(0)).is_err());
    assert!(TrustedDealer::deal(&d, 11, &mut rng(0)).is_err());
}

fn ring_pair(len: usize) -> [Multiply<Pending<u32>>; 2] {
    let xs = additive::split(&values::<u32>(len, 1), 2, &mut rng(1)).unwrap();
    let mut xs = xs.iter();
    let [a, b] = <[Material; 2]>::try_from(deal(&[Item::mul::<u32>(len)], 2)).unwrap();
    [a, b].map(|mut m| {
        let x = xs.next().unwrap();
        let (o, p) = m.next_mul(len).unwrap().start(SESSION, 0, x, x).unwrap();
        Multiply::new(o, p).unwrap()
    })
}

fn bit_pair(len: usize) -> [Multiply<BitPending>; 2] {
    let xs = boolean::split_xor(&bits(len, 1), 2, &mut rng(1)).unwrap();
    let mut xs = xs.iter();
    let [a, b] = <[Material; 2]>::try_from(deal(&[Item::and(len)], 2)).unwrap();
    [a, b].map(|mut m| {
        let x = xs.next().unwrap();
        let (o, p) = m.next_and(len).unwrap().start(SESSION, 0, x, x).unwrap();
        Multiply::new(o, p).unwrap()
    })
}

#[test]
fn two_parties_in_memory() {
    let [a, b] = ring_pair(65);
    let (a, b, trace) = run_pair(a, b);
    let want: Vec<u32> = values::<u32>(65, 1)
        .iter()
        .map(|x| x.wrapping_mul(*x))
        .collect();
    assert_eq!(
        additive::open(&[a.unwrap(), b.unwrap()])
            .unwrap()
            .as_slice(),
        want
    );
    assert_eq!(trace.messages.len(), 2);
    assert_eq!(trace.sent_by(0), 20 + 8 * 65);

    let [a, b] = bit_pair(65);
    let (a, b, trace) = run_pair(a, b);
    let z = boolean::open_xor(&[a.unwrap(), b.unwrap()]).unwrap();
    assert_eq!(z.words(), bits(65, 1).words(), "x & x = x");
    assert_eq!(trace.sent_by(1), 19 + 2 * 9);
}

/// Flips, in turn, every byte of every message: a flip in the header, sender, ring or padding is an error at the
/// receiver, one in the body a wrong product; nothing panics, and the other party is not disturbed.
fn flip_everything<M: Machine<Error = Error>>(pair: impl Fn() -> [M; 2], front: usize) {
    let [a, b] = pair();
    let (_, _, trace) = run_pair(a, b);
    for (index, (from, message)) in trace.messages.iter().enumerate() {
        for at in 0..message.len() {
            for mask in [1, 0x80, 0xff] {
                let [a, b] = pair();
                let (ra, rb, _) =
                    run_pair_tampered(a, b, |_: u8, i: usize, bytes: &mut Vec<u8>| {
                        if i == index {
                            bytes[at] ^= mask;
                        }
                    });
                let (receiver, sender) = if *from == 0 {
                    (rb.is_ok(), ra.is_ok())
                } else {
                    (ra.is_ok(), rb.is_ok())
                };
                assert!(sender);
                assert!(at >= front || !receiver, "byte {at} of message {index}");
            }
        }
        for len in 0..message.len() {
            let [a, b] = pair();
            let (ra, rb, _) = run_pair_tampered(a, b, |_: u8, i: usize, m: &mut Vec<u8>| {
                if i == index {
                    m.truncate(len);
                }
            });
            assert!(if *from == 0 { rb.is_err() } else { ra.is_err() });
        }
    }
}

#[test]
fn tampered_messages_never_panic() {
    flip_everything(|| ring_pair(3), 20);
    flip_everything(|| bit_pair(13), 19);
}

#[test]
fn wrong_lengths_are_typed_errors() {
    let waiting = || {
        let [a, b] = ring_pair(3);
        let mut from_b = Vec::new();
        b.step(&[], &mut from_b).unwrap();
        let Step::Recv(a) = a.step(&[], &mut Vec::new()).unwrap() else {
            panic!("it wants the peer's opening")
        };
        assert_eq!(a.expects(), from_b.len());
        (a, from_b)
    };
    for change in [-1isize, 1] {
        let (a, mut m) = waiting();
        let want = m.len();
        let got = want.checked_add_signed(change).unwrap();
        m.resize(got, 0);
        assert_eq!(
            a.step(&m, &mut Vec::new()).unwrap_err(),
            Error::Decode(DecodeError::Length { got, want })
        );
    }
    let [a, _] = ring_pair(3);
    assert_eq!(
        a.step(&[0], &mut Vec::new()).unwrap_err(),
        Error::Decode(DecodeError::Length { got: 1, want: 0 })
    );
    // Padding of packed bits is canonical.
    let [a, b] = bit_pair(13);
    let mut m = Vec::new();
    b.step(&[], &mut m).unwrap();
    *m.last_mut().unwrap() |= 0x80;
    let Step::Recv(a) = a.step(&[], &mut Vec::new()).unwrap() else {
        panic!("it wants the peer's opening")
    };
    assert_eq!(
        a.step(&m, &mut Vec::new()).unwrap_err(),
        Error::Decode(DecodeError::Range("padding bits"))
    );
}

#[test]
fn factors_must_fit_the_triple() {
    let m = || deal(&[Item::matmul::<u16>(2, 3, 4)], 2).remove(0);
    let take = || {
        m().next_product::<u16>(Product::MatMul { m: 2, k: 3, n: 4 })
            .unwrap()
    };
    let p = common::party(0, 2);
    let share = |n: usize| AdditiveVec::<u16>::public(p, &vec![0; n]);
    assert!(take().start(SESSION, 0, &share(6), &share(12)).is_ok());
    assert_eq!(
        take().start(SESSION, 0, &share(12), &share(6)).unwrap_err(),
        Error::Length { left: 12, right: 6 }
    );
    let other = AdditiveVec::<u16>::public(common::party(1, 2), &[0; 6]);
    assert!(matches!(
        take().start(SESSION, 0, &other, &share(12)).unwrap_err(),
        Error::Holder { .. }
    ));
    let _: &BitVec = XorVec::public(p, &bits(1, 0)).raw_share();
}
