#![allow(clippy::unwrap_used)]

use piquet_core::correlation::{RingTriples, SemiHonest};
use piquet_core::wire::{DecodeError, Machine, RunError, SessionId, run_pair, run_pair_tampered};
use piquet_core::{RingVec, pack};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::*;

const SESSION: SessionId = SessionId([7; 32]);

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn parties(bits: u32) -> (Arc<Client>, Arc<Server>) {
    let elements = Arc::new(Elements::new(bits).unwrap());
    let mut message = Vec::new();
    let client = Client::new(elements.clone(), SESSION, &mut rng(1), &mut message);
    assert_eq!(message.len(), elements.key_len());
    let server = Server::new(elements, SESSION, &message).unwrap();
    (client, server)
}

/// The factors and products of both parties, added up.
fn open<R: Ring>(bits: u32, shares: [RingTriples<R, SemiHonest>; 2]) -> [Vec<u64>; 3] {
    let [x, y] = shares.map(|s| {
        assert_eq!(s.bits(), bits);
        s.into_parts()
    });
    [0, 1, 2].map(|i| {
        let each = x[i].as_slice().iter().zip(y[i].as_slice());
        each.map(|(x, y)| {
            assert!([x, y].iter().all(|v| v.to_u64() <= pack::mask(bits)));
            x.add(*y).to_u64() & pack::mask(bits)
        })
        .collect()
    })
}

fn assert_products(bits: u32, [a, b, c]: &[Vec<u64>; 3]) {
    for ((a, b), c) in a.iter().zip(b).zip(c) {
        assert_eq!(
            a.wrapping_mul(*b) & pack::mask(bits),
            *c,
            "{a} {b} of {bits} bits"
        );
    }
}

fn products<R: Ring>(bits: u32, n: usize) {
    let (client, server) = parties(bits);
    let x = client.run::<R, _>(3, n, &mut rng(2)).unwrap();
    let y = server.run::<R, _>(3, n, &mut rng(3)).unwrap();
    let (x, y, trace) = run_pair(x, y);
    let opened = open(bits, [x.unwrap(), y.unwrap()]);
    assert!(opened.iter().all(|v| v.len() == n));
    assert_products(bits, &opened);
    // Shares of a, b and c are as random as those of the other party.
    let distinct: std::collections::HashSet<_> = opened[0].iter().collect();
    assert!(distinct.len() as f64 > 0.6 * (n as f64).min(f64::from(bits).exp2()));
    assert_eq!(
        [0, 1].map(|p| trace.sent_by(p)),
        client.elements.sent(n),
        "the bytes that the docs state"
    );
}

#[test]
fn products_are_right_at_every_width() {
    products::<u8>(1, 100);
    products::<u8>(8, 1);
    products::<u16>(16, SLOTS);
    products::<u32>(31, SLOTS + 1);
    products::<u32>(32, 3 * SLOTS - 5);
    products::<u64>(63, 77);
    products::<u64>(64, SLOTS - 1);
    products::<u64>(5, 9);
}

#[test]
fn windows_follow_each_other() {
    products::<u8>(1, SLOTS * (2 * WINDOW + 1) - 3);
}

/// Shares at the ends of their ranges, where the cross terms are largest.
#[test]
fn extreme_shares_give_right_products() {
    for bits in [1, 8, 32, 64] {
        let (client, server) = parties(bits);
        let top = 1u64 << (bits - 1);
        let ends = [0, 1, top, top - 1, top.wrapping_add(1), pack::mask(bits)];
        let n = ends.len().pow(4);
        let of = |i: usize, p: u32| ends[i / ends.len().pow(p) % ends.len()] & pack::mask(bits);
        let factors = |p| (0..n).map(|i| of(i, p)).collect::<RingVec<u64>>();
        let mut x = client.run::<u64, _>(0, n, &mut rng(4)).unwrap();
        let mut y = server.run::<u64, _>(0, n, &mut rng(5)).unwrap();
        x.set(factors(0), factors(1));
        y.set(factors(2), factors(3));
        let (x, y, _) = run_pair(x, y);
        assert_products(bits, &open(bits, [x.unwrap(), y.unwrap()]));
    }
}

#[test]
fn plaintext_moduli_leave_room_for_wrapping_and_are_no_larger_than_that() {
    for bits in 1..=64 {
        let primes = slots::primes(bits);
        let room: f64 = primes.iter().map(|t| (*t as f64).log2()).sum();
        let most = ((f64::from(bits) * 2.0 - 1.0).exp2() + 1.0).log2();
        assert!(room >= most + f64::from(WRAP), "{bits}");
        // Primes are of equal size: up to a bit too much for each.
        assert!(
            room <= most + f64::from(WRAP) + primes.len() as f64 + 1.0,
            "{bits}"
        );
        assert_eq!(slots::parameters(&primes).unwrap().len(), primes.len());
    }
    let l = |bits| slots::primes(bits).len();
    assert_eq!(
        [1, 4, 8, 16, 30, 32, 55, 64].map(l),
        [1, 1, 2, 2, 2, 3, 3, 4]
    );
    assert_eq!(slots::primes(64)[0].ilog2(), 41);
}

/// What the client decrypts is uniform modulo T whatever the server's shares are: its top and its lowest bits, for shares of 0
/// and for the largest ones.
#[test]
fn what_the_client_decrypts_is_independent_of_the_servers_shares() {
    const BITS: u32 = 4;
    let (client, server) = parties(BITS);
    for value in [0, 7, 8] {
        let n = 4 * SLOTS;
        let same = || RingVec::from(vec![value; n]);
        let mut x = client.run::<u64, _>(value as u32, n, &mut rng(6)).unwrap();
        let mut y = server.run::<u64, _>(value as u32, n, &mut rng(7)).unwrap();
        x.set(same(), same());
        y.set(same(), same());
        let (x, y, _) = run_pair(x, y);
        for share in [x.unwrap(), y.unwrap()] {
            let mut counts = [0usize; 16];
            for c in share.into_parts()[2].as_slice() {
                counts[*c as usize] += 1;
            }
            // 2048 expected in each; six standard deviations; the seeds are fixed.
            assert!(counts.iter().all(|c| c.abs_diff(2048) < 270), "{counts:?}");
        }
    }
}

#[test]
fn factors_are_balanced() {
    let (client, _) = parties(8);
    let run = client.run::<u8, _>(0, 4096, &mut rng(8)).unwrap();
    for x in run.factors() {
        let ones: u32 = x.iter().map(|x| x.count_ones()).sum();
        assert!(ones.abs_diff(16384) < 600, "{ones}");
    }
}

#[test]
fn wrong_messages_are_refused() {
    let (client, server) = parties(4);
    let run = |tamper: &mut dyn FnMut(u8, &mut Vec<u8>)| {
        let x = client.run::<u8, _>(9, 5, &mut rng(10)).unwrap();
        let y = server.run::<u8, _>(9, 5, &mut rng(11)).unwrap();
        let (x, y, _) =
            run_pair_tampered(x, y, |from: u8, _: usize, m: &mut Vec<u8>| tamper(from, m));
        let x = x.err().map(|e| match e {
            RunError::Protocol(e) => Some(e),
            _ => None,
        });
        let y = y.err().map(|e| match e {
            RunError::Protocol(e) => Some(e),
            _ => None,
        });
        (x, y)
    };
    assert_eq!(run(&mut |_, _| ()), (None, None));
    let [request, response] = [
        client.elements.request_len(),
        client.elements.response_len(),
    ];
    let short = |want| {
        Some(Some(Error::Message(DecodeError::Length {
            got: want - 1,
            want,
        })))
    };
    assert_eq!(
        run(&mut |p, m| m.truncate(m.len() - usize::from(p == 0))).1,
        short(request)
    );
    assert_eq!(
        run(&mut |p, m| m.truncate(m.len() - usize::from(p == 1))).0,
        short(response)
    );
    // Version, kind, session and step, of either message.
    for from in [0, 1] {
        for (at, want) in [
            (0, DecodeError::Version { got: 2, want: 1 }),
            (2, DecodeError::Context),
            (10, DecodeError::Context),
            (14, DecodeError::Context),
        ] {
            let (x, y) = run(&mut |p, m| m[at] += u8::from(p == from));
            let refused = if from == 0 { y } else { x };
            assert_eq!(refused, Some(Some(Error::Message(want))));
        }
        let (x, y) = run(&mut |p, m| m[1] ^= u8::from(p == from));
        let refused = if from == 0 { y } else { x };
        assert!(matches!(
            refused,
            Some(Some(Error::Message(DecodeError::Kind { .. })))
        ));
    }
    // Coefficients not below the prime.
    let (_, y) = run(&mut |p, m| {
        if p == 0 {
            m[Header::LEN + 32..].fill(0xff);
        }
    });
    let range = DecodeError::Range("coefficient of a ciphertext");
    assert_eq!(y, Some(Some(Error::Message(range))));
    // Any bytes at all of a response decrypt to something.
    assert_eq!(
        run(&mut |p, m| if p == 1 {
            m[Header::LEN..].fill(0xff)
        }),
        (None, None)
    );
}

#[test]
fn longer_messages_and_those_that_are_not_due_are_refused() {
    let (client, server) = parties(4);
    let mut out = Vec::new();
    let x = client.run::<u8, _>(0, 5, &mut rng(12)).unwrap();
    assert_eq!(x.expects(), 0);
    let refused = x.step(&[0], &mut out).unwrap_err();
    assert_eq!(refused, DecodeError::Length { got: 1, want: 0 }.into());
    let y = server.run::<u8, _>(0, 5, &mut rng(12)).unwrap();
    let piquet_core::wire::Step::Recv(y) = y.step(&[], &mut out).unwrap() else {
        unreachable!()
    };
    let want = client.elements.request_len();
    assert_eq!(y.expects(), want);
    let refused = y.step(&vec![0; want + 1], &mut out).unwrap_err();
    assert_eq!(
        refused,
        DecodeError::Length {
            got: want + 1,
            want
        }
        .into()
    );
}

#[test]
fn key_messages_are_checked() {
    let elements = Arc::new(Elements::new(4).unwrap());
    let mut message = Vec::new();
    Client::new(elements.clone(), SESSION, &mut rng(1), &mut message);
    let read =
        |session, message: &[u8]| Server::new(elements.clone(), session, message).map(|_| ());
    assert_eq!(read(SESSION, &message), Ok(()));
    let want = message.len();
    for got in [0, 17, want - 1] {
        let error = DecodeError::Length { got, want };
        assert_eq!(read(SESSION, &message[..got]), Err(error.into()));
    }
    assert_eq!(
        read(SessionId([8; 32]), &message),
        Err(DecodeError::Context.into())
    );
    let mut other = message.clone();
    other[Header::LEN] ^= 1;
    assert_eq!(read(SESSION, &other), Err(Error::Mismatch("parameters")));
    let mut other = message.clone();
    other[want - 400..].fill(0xff);
    let range = DecodeError::Range("coefficient of a ciphertext");
    assert_eq!(read(SESSION, &other), Err(range.into()));
    message.push(0);
    let error = DecodeError::Length {
        got: want + 1,
        want,
    };
    assert_eq!(read(SESSION, &message), Err(error.into()));
}

#[test]
fn parameters_are_checked_and_nothing_is_printed() {
    for bits in [0, 65] {
        assert!(matches!(Elements::new(bits), Err(Error::Parameter { .. })));
    }
    let (client, server) = parties(9);
    assert!(client.run::<u8, _>(0, 1, &mut rng(1)).is_err());
    for n in [0, usize::MAX] {
        assert!(client.run::<u16, _>(0, n, &mut rng(1)).is_err());
        assert!(server.run::<u16, _>(0, n, &mut rng(1)).is_err());
    }
    assert_eq!(format!("{client:?}"), "Client(Elements<Z_2^9>(2 primes))");
    let run = client.run::<u16, _>(0, 3, &mut rng(1)).unwrap();
    assert_eq!(format!("{run:?}"), "ClientRun<Z_2^9>(3 triples)");
}

/// Residues join to the integers that they are of.
#[test]
fn residues_join() {
    let elements = Elements::new(64).unwrap();
    let fields = &elements.fields;
    let mut random = rng(13);
    // Integers below T as digits of mixed radix.
    let primes: Vec<u64> = slots::primes(64);
    let digits: Vec<Vec<u64>> = primes
        .iter()
        .map(|t| {
            (0..SLOTS)
                .map(|i| match i {
                    0 => 0,
                    1 => t - 1,
                    _ => random.next_u64() % t,
                })
                .collect()
        })
        .collect();
    let residues: Vec<RingVec<u64>> = primes
        .iter()
        .map(|t| {
            let mut out = Vec::new();
            for i in 0..SLOTS {
                let (mut sum, mut radix) = (0u128, 1u128);
                for (p, d) in primes.iter().zip(&digits) {
                    sum = (sum + radix * u128::from(d[i]) % u128::from(*t)) % u128::from(*t);
                    radix = radix * u128::from(*p) % u128::from(*t);
                }
                out.push(sum as u64);
            }
            out.into()
        })
        .collect();
    let joined = slots::join(fields, &residues);
    for i in 0..SLOTS {
        let (mut want, mut radix) = (0u64, 1u64);
        for (p, d) in primes.iter().zip(&digits) {
            want = want.wrapping_add(radix.wrapping_mul(d[i]));
            radix = radix.wrapping_mul(*p);
        }
        assert_eq!(joined.as_slice()[i], want);
    }
}
