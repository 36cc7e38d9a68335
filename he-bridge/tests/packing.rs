//! Packed products of matrices and vectors, both parties.
#![allow(clippy::unwrap_used)]

use piquet_core::wire::{DecodeError, Machine, SessionId, Step, run_pair};
use piquet_he_bridge::native::prime::ntt_primes;
use piquet_he_bridge::packing::{Matvec, Weights, client, plan::Plan, server};
use piquet_he_bridge::{Error, PlainModulus};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const SESSION: SessionId = SessionId([9; 32]);

fn rng(x: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(x)
}

fn residues(plain: PlainModulus, n: usize, rng: &mut ChaCha20Rng) -> Vec<u64> {
    (0..n).map(|_| plain.reduce(rng.next_u64())).collect()
}

fn modulus(plain: PlainModulus) -> i128 {
    match plain {
        PlainModulus::Bits(k) => 1 << k,
        PlainModulus::Prime(t) => t.into(),
    }
}

/// W (x + y) modulo t.
fn product(plain: PlainModulus, weights: &[i64], x: &[u64], y: &[u64]) -> Vec<u64> {
    (weights.chunks_exact(x.len()))
        .map(|row| {
            let sum = (row.iter().zip(x).zip(y))
                .map(|((w, x), y)| i128::from(*w) * i128::from(plain.add(*x, *y)))
                .sum::<i128>();
            sum.rem_euclid(modulus(plain)) as u64
        })
        .collect()
}

fn keys(of: &Matvec) -> (client::Key, server::Keys) {
    let mut message = Vec::new();
    let key = client::Key::new(of, SESSION, 0, &mut rng(1), &mut message);
    assert_eq!(message.len(), client::Key::message_len(of));
    (key, server::Keys::read(of, SESSION, 0, &message).unwrap())
}

/// Both parties' shares of a product; its bytes are those foretold.
fn both(
    of: &Matvec,
    (key, keys): &(client::Key, server::Keys),
    weights: &Weights,
    step: u64,
    [x, y]: [&[u64]; 2],
) -> [Vec<u64>; 2] {
    let client = client::Product::new(of, key, step, x, &mut rng(2 + step)).unwrap();
    let server =
        server::Product::new(of, keys, weights, step, Some(y), &mut rng(1000 + step)).unwrap();
    let (a, b, trace) = run_pair(client, server);
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(trace.sent_by(0), of.request_len());
    assert_eq!(trace.sent_by(1), of.response_len());
    [a.as_slice().to_vec(), b.as_slice().to_vec()]
}

fn check(of: &Matvec, rounds: u64) {
    let (plain, plan) = (of.params().plain(), of.plan());
    let most = of.weight() as i64;
    let keys = keys(of);
    for round in 0..rounds {
        let mut rng = rng(round);
        let values: Vec<i64> = (0..plan.rows() * plan.cols())
            .map(|_| match round {
                // As large as they may be, with one sign and with both; then any.
                0 => most,
                1 => [most, -most][(rng.next_u64() & 1) as usize],
                _ => (rng.next_u64() % (2 * most as u64 + 1)) as i64 - most,
            })
            .collect();
        let weights = Weights::new(of, &values).unwrap();
        let (x, y) = match round {
            0 => (
                vec![(modulus(plain) - 1) as u64; plan.cols()],
                vec![0; plan.cols()],
            ),
            _ => (
                residues(plain, plan.cols(), &mut rng),
                residues(plain, plan.cols(), &mut rng),
            ),
        };
        let [a, b] = both(of, &keys, &weights, round, [&x, &y]);
        let sum: Vec<u64> = a.iter().zip(&b).map(|(a, b)| plain.add(*a, *b)).collect();
        assert!(
            sum == product(plain, &values, &x, &y),
            "{plain:?} {plan:?} {round}"
        );
    }
}

#[test]
fn products_of_all_shapes() {
    let shapes = [
        (1, 1),
        (3, 1),
        (10, 513),
        (65, 200),
        (1001, 37),
        (7, 8192),
        (3, 8193),
        (8200, 2),
    ];
    for (i, (rows, cols)) in shapes.into_iter().enumerate() {
        let plain = PlainModulus::Bits([8, 37, 41][i % 3]);
        check(&Matvec::new(rows, cols, plain, 2047).unwrap(), 2);
    }
    // One that would be a prime of q, were it not the plaintext modulus; and one that would not.
    for bits in [37, 41] {
        let prime = PlainModulus::Prime(ntt_primes(8192, bits, 1)[0]);
        check(&Matvec::new(40, 3000, prime, 2047).unwrap(), 3);
    }
}

#[test]
fn products_at_every_width_and_split() {
    for k in [1, 8, 37, 41, 57] {
        check(
            &Matvec::new(50, 2000, PlainModulus::Bits(k), 2047).unwrap(),
            3,
        );
    }
    for plan in Plan::all(30, 4000, 8192).unwrap() {
        check(
            &Matvec::with_plan(plan, PlainModulus::Bits(41), 2047).unwrap(),
            2,
        );
    }
}

/// The dense layer of the tables, and how far its plaintext modulus can go.
#[test]
fn dense_layer_fits() {
    for k in [8, 37, 41] {
        let of = Matvec::new(1000, 4096, PlainModulus::Bits(k), 2047).unwrap();
        let (requested, answered) = (of.request_len(), of.response_len());
        println!(
            "k {k}: q P {:.0} bits, {} switchings, {} transforms, keys {}, request {requested}, response {answered}",
            of.modulus_bits(),
            of.plan().switches(),
            of.transforms(),
            client::Key::message_len(&of),
        );
        assert!(of.modulus_bits() < 214.0 && of.plan().switches() == 46);
        assert!(requested + answered < 200_000);
    }
    let switches = |k| {
        let of = Matvec::new(1000, 4096, PlainModulus::Bits(k), 2047).unwrap();
        of.plan().switches()
    };
    assert_eq!((switches(60), switches(61), switches(64)), (46, 70, 501));
    check(
        &Matvec::new(1000, 4096, PlainModulus::Bits(41), 2047).unwrap(),
        1,
    );
}

/// Shares of the server are uniform masks, and the same question is answered with others.
#[test]
fn answers_are_masked_anew() {
    let of = Matvec::new(2000, 8, PlainModulus::Bits(16), 100).unwrap();
    let keys = keys(&of);
    let weights = Weights::new(&of, &vec![0; 16_000]).unwrap();
    let zero = [0; 8];
    let [_, one] = both(&of, &keys, &weights, 0, [&zero, &zero]);
    let [_, two] = both(&of, &keys, &weights, 1, [&zero, &zero]);
    assert!(one != two);
    let mean = one.iter().sum::<u64>() as f64 / 2000.0;
    // Six deviations of the mean of 2000 uniform numbers.
    assert!((mean - 32_768.0).abs() < 6.0 * 65_536.0 / (12.0f64 * 2000.0).sqrt());
}

#[test]
fn arguments_are_checked() {
    let plain = PlainModulus::Bits(20);
    let of = Matvec::new(20, 1000, plain, 100).unwrap();
    let (key, keys) = keys(&of);
    let mut values = vec![100; 20_000];
    let weights = Weights::new(&of, &values).unwrap();
    assert!(matches!(
        Weights::new(&of, &values[1..]),
        Err(Error::Length { .. })
    ));
    for wrong in [101, -101, i64::MIN, 1 << 32] {
        values[777] = wrong;
        assert!(matches!(
            Weights::new(&of, &values),
            Err(Error::Weight { bound: 100 })
        ));
    }
    for x in [vec![1 << 20; 1000], vec![0; 999]] {
        assert!(client::Product::new(&of, &key, 0, &x, &mut rng(1)).is_err());
        assert!(server::Product::new(&of, &keys, &weights, 0, Some(&x), &mut rng(1)).is_err());
    }
    let other = Matvec::new(20, 1000, PlainModulus::Bits(21), 100).unwrap();
    let x = vec![0; 1000];
    assert!(client::Product::new(&other, &key, 0, &x, &mut rng(1)).is_err());
    assert!(server::Product::new(&other, &keys, &weights, 0, None, &mut rng(1)).is_err());
    for (rows, cols, plain, weight) in [
        (20, 1000, plain, 0),
        (20, 1000, plain, u64::MAX),
        (0, 1000, plain, 1),
        (20, 0, plain, 1),
        (usize::MAX, 2, plain, 1),
        (20, 1000, PlainModulus::Bits(65), 1),
        (20, 1000, PlainModulus::Bits(0), 1),
        (20, 1000, PlainModulus::Prime(15), 1),
    ] {
        assert!(
            Matvec::new(rows, cols, plain, weight).is_err(),
            "{rows} {cols} {plain:?} {weight}"
        );
    }
    // Messages of 64 bits leave no room for levels at inputs.
    for plan in Plan::all(20, 8192, 8192).unwrap() {
        let fits = plan.inner() == 0;
        assert_eq!(
            Matvec::with_plan(plan, PlainModulus::Bits(64), 2047).is_ok(),
            fits
        );
    }
}

#[test]
fn keys_of_others_are_refused() {
    let of = Matvec::new(20, 1000, PlainModulus::Bits(20), 100).unwrap();
    let mut message = Vec::new();
    let _ = client::Key::new(&of, SESSION, 0, &mut rng(1), &mut message);
    let read = |message: &[u8], step| server::Keys::read(&of, SESSION, step, message).map(|_| ());
    read(&message, 0).unwrap();
    let error = |e| Err(Error::Message(e));
    assert_eq!(read(&message, 1), error(DecodeError::Context));
    for cut in [0, 17, 18, 30, message.len() - 1] {
        assert!(read(&message[..cut], 0).is_err(), "{cut}");
    }
    let mut wrong = message.clone();
    wrong[20] ^= 1;
    assert!(matches!(read(&wrong, 0), Err(Error::Mismatch(_))));
    let mut wrong = message.clone();
    let end = wrong.len();
    wrong[end - 16..].fill(0xff);
    assert!(matches!(
        read(&wrong, 0),
        Err(Error::Message(DecodeError::Range(_)))
    ));
}

#[test]
fn changed_messages_are_refused_or_give_something_else() {
    let of = Matvec::new(20, 1000, PlainModulus::Bits(20), 100).unwrap();
    let (key, keys) = keys(&of);
    let weights = Weights::new(&of, &vec![100; 20_000]).unwrap();
    let x = vec![5; 1000];
    let mut request = Vec::new();
    let ask = |out: &mut Vec<u8>| {
        let client = client::Product::new(&of, &key, 3, &x, &mut rng(1)).unwrap();
        advance(client, &[], out).unwrap()
    };
    let client = ask(&mut request);
    let answer = |request: &[u8]| {
        let server = server::Product::new(&of, &keys, &weights, 3, None, &mut rng(1)).unwrap();
        let mut out = Vec::new();
        let server = advance(server, &[], &mut out).unwrap();
        server.step(request, &mut out).map(|_| out)
    };
    let response = answer(&request).unwrap();
    let end = request.len();
    for at in 0..18 {
        let mut wrong = request.clone();
        wrong[at] ^= 1;
        assert!(matches!(answer(&wrong), Err(Error::Message(_))), "{at}");
    }
    let mut wrong = request.clone();
    wrong[end - 16..].fill(0xff);
    assert!(matches!(
        answer(&wrong),
        Err(Error::Message(DecodeError::Range(_)))
    ));
    assert!(answer(&request[..end - 1]).is_err());
    request[end / 2] ^= 1;
    assert!(answer(&request).is_ok_and(|other| other != response));
    for at in [0, 1, 2, 17] {
        let mut wrong = response.clone();
        wrong[at] ^= 1;
        let client = ask(&mut Vec::new());
        assert!(client.step(&wrong, &mut Vec::new()).is_err());
    }
    let mut wrong = response;
    let end = wrong.len();
    wrong[end / 2] ^= 1;
    assert!(client.step(&wrong, &mut Vec::new()).is_ok());
}

fn advance<M: Machine>(machine: M, inbox: &[u8], out: &mut Vec<u8>) -> Option<M> {
    match machine.step(inbox, out) {
        Ok(Step::Recv(m)) => Some(m),
        _ => None,
    }
}
