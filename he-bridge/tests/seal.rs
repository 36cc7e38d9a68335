//! The backend over SEAL: by itself, and against the native one.
#![cfg(feature = "seal")]
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use piquet_core::linalg::{ConvShape, PackedWeights, conv2d};
use piquet_core::wire::{DecodeError, SessionId, run_pair};
use piquet_he_bridge::backend::Backend;
use piquet_he_bridge::encoding::Encoding;
use piquet_he_bridge::linear::{Layer, client, server};
use piquet_he_bridge::native::prime::ntt_primes;
use piquet_he_bridge::noise::Bound;
use piquet_he_bridge::testing::{Case, conforms, prg, residue};
use piquet_he_bridge::{CipherModulus, Error, Mode, Native, Params, PlainModulus, Seal};
use proptest::prelude::*;

const N: usize = 8192;

fn params(
    degree: usize,
    plain: PlainModulus,
    (bits, count): (u32, usize),
    mode: Mode,
    weight: u64,
) -> Result<Params, Error> {
    let bound = Bound {
        weight,
        terms: 6,
        useful: 6,
    };
    let primes = CipherModulus::primes(degree, bits, count);
    Params::new(degree, plain, primes, mode, bound)
}

#[test]
fn both_backends_conform() {
    use Mode::{Approximate, Exact};
    use PlainModulus::{Bits, Prime};
    for (seed, (degree, plain, primes, mode, weight)) in [
        (N, Bits(8), (35, 3), Exact, 2047),
        (N, Bits(37), (40, 3), Exact, 2047),
        (N, Bits(41), (50, 3), Exact, 1 << 15),
        (N, Bits(59), (50, 3), Exact, 2047),
        // Weights beyond half of t; and no prime beyond t: SEAL lifts weights another way.
        (N, Bits(1), (50, 2), Exact, 1 << 20),
        (N, Bits(59), (50, 3), Approximate, 2047),
        (N, Prime(ntt_primes(4096, 37, 1)[0]), (40, 3), Exact, 2047),
        (N, Prime((1 << 59) - 55), (50, 2), Approximate, 2047),
        (N, Prime(3), (50, 2), Exact, 1),
        // What SEAL's last prime leaves here.
        (4096, Bits(8), (40, 2), Exact, 127),
        (4096, Bits(37), (37, 2), Approximate, 2047),
    ]
    .into_iter()
    .enumerate()
    {
        let params = params(degree, plain, primes, mode, weight).unwrap();
        let seal = Seal::new(params.clone()).unwrap();
        let q = ntt_primes(degree, primes.0, primes.1);
        assert!(q.starts_with(&seal.response_primes()));
        assert_eq!(*params.modulus(), CipherModulus::Primes(q));
        conforms(&seal, seed as u128);
        conforms(&Native::new(params), seed as u128);
    }
}

#[test]
fn convolutions_come_out_the_same() {
    let plain = PlainModulus::Bits(41);
    for (kernel, stride, padding, groups) in
        [(3, 1, 1, 1), (3, 2, 1, 2), (1, 1, 0, 1), (2, 1, 1, 4)]
    {
        let shape = ConvShape {
            batch: 2,
            input: [7, 6],
            in_channels: 4,
            out_channels: 8,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 4],
            dilation: [1; 2],
            groups,
        };
        let e = Encoding::new(&shape, N).unwrap();
        let primes = CipherModulus::primes(N, 50, 3);
        let params = Params::new(N, plain, primes, Mode::Exact, e.bound(2047)).unwrap();
        let mut rng = prg(kernel as u128);
        let x = [(); 2].map(|()| -> Vec<u64> {
            (0..shape.input_len())
                .map(|_| residue(plain, &mut rng))
                .collect()
        });
        let w: Vec<i64> = (0..shape.weight_len() as i64)
            .map(|i| i * 911 % 4095 - 2047)
            .collect();
        let raw: Vec<u64> = w.iter().map(|w| *w as u64).collect();
        let packed = PackedWeights::pack(&shape, &raw).unwrap();
        let sum: Vec<u64> = (x[0].iter().zip(&x[1]))
            .map(|(a, b)| plain.add(*a, *b))
            .collect();
        let mut want = vec![0; shape.output_len()];
        conv2d(&shape, &[(&sum, &packed)], &mut want).unwrap();
        want.iter_mut().for_each(|y| *y = plain.reduce(*y));
        let native = layer(Native::new(params.clone()), &e, &x, &w);
        let seal = layer(Seal::new(params).unwrap(), &e, &x, &w);
        assert_eq!(native, want);
        assert_eq!(seal, want);
    }
}

/// A whole layer by the messages of its protocol, both parties: what their shares add up to.
fn layer<B: Backend>(he: B, e: &Encoding, x: &[Vec<u64>; 2], w: &[i64]) -> Vec<u64> {
    let mut rng = prg(3);
    let plain = he.params().plain();
    let layer = Layer::new(Arc::new(he), e.clone()).unwrap();
    let he = &**layer.backend();
    let session = SessionId::random(&mut rng);
    let mut message = Vec::new();
    let key = client::Key::new(he, session, 0, &mut rng, &mut message);
    let public = server::PublicKey::read(he, session, 0, &message).unwrap();
    let weights = server::Weights::new(&layer, w).unwrap();
    let a = client::Product::new(&layer, &key, 1, &x[0], &mut rng).unwrap();
    let b = server::Product::new(&layer, &public, &weights, 1, Some(&x[1]), &mut rng).unwrap();
    let (a, b, trace) = run_pair(a, b);
    assert_eq!([0, 1].map(|p| trace.sent_by(p)), layer.bytes());
    let (a, b) = (a.unwrap().into_vec(), b.unwrap().into_vec());
    (a.iter().zip(&b)).map(|(a, b)| plain.add(*a, *b)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn random_products_come_out_the_same(
        seed: u64,
        k in 1u32..60,
        ins in 1usize..3,
        outs in 1usize..3,
        terms in 1usize..4,
        log_weight in 0u32..14,
    ) {
        let plain = PlainModulus::Bits(k);
        let params = params(N, plain, (50, 3), Mode::Exact, 1 << log_weight).unwrap();
        let mut rng = prg(seed.into());
        let case = Case::random(&params, ins, outs, terms, &mut rng);
        let want = case.expected(&params);
        prop_assert_eq!(case.played(&Seal::new(params.clone()).unwrap(), &mut rng), want.clone());
        prop_assert_eq!(case.played(&Native::new(params), &mut rng), want);
    }
}

#[test]
fn threads_share_an_instance_and_its_key() {
    let params = params(4096, PlainModulus::Bits(8), (40, 2), Mode::Exact, 127).unwrap();
    let he = Seal::new(params.clone()).unwrap();
    let key = he.secret_key(&mut prg(1));
    let mut public = Vec::new();
    he.public_key(&key, &mut prg(1), &mut public);
    let public = he.read_public_key(&public).unwrap();
    let case = Case::random(&params, 1, 1, 3, &mut prg(2));
    let want = case.expected(&params);
    let weights = he.prepare(&case.map, &case.values).unwrap();
    let mut message = Vec::new();
    he.encrypt(
        &key,
        &[0; 32],
        0,
        &case.client[0],
        &mut prg(1),
        &mut message,
    );
    let mut input = [he.read(&[0; 32], 0, &message).unwrap()];
    he.add(&mut input[0], &case.server[0]);
    let work = |seed| {
        let mut message = Vec::new();
        let mut shares = [(); 2].map(|()| vec![0; case.positions.len()]);
        let c = he.multiply(&input, &weights, 0..1).remove(0);
        let [client, server] = &mut shares;
        he.respond(
            &public,
            c,
            &case.positions,
            server,
            &mut prg(seed),
            &mut message,
        );
        he.decrypt(&key, &message, &case.positions, client).unwrap();
        for ((a, b), want) in client.iter().zip(server).zip(&want[0]) {
            assert_eq!(params.plain().add(*a, *b), *want);
        }
        // The key is used by all at once.
        he.encrypt(
            &key,
            &[0; 32],
            0,
            &case.client[0],
            &mut prg(seed),
            &mut message,
        );
    };
    std::thread::scope(|s| {
        for i in 0..4 {
            s.spawn(move || (0..8).for_each(|j| work(8 * i + j)));
        }
    });
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let plain = PlainModulus::Bits(8);
    let bound = Bound {
        weight: 1,
        terms: 1,
        useful: 1,
    };
    let refused = |degree, plain, modulus, mode| {
        let params = Params::new(degree, plain, modulus, mode, bound).unwrap();
        Seal::new(params).unwrap_err()
    };
    let primes = CipherModulus::primes;
    // SEAL's last prime counts.
    let e = refused(4096, plain, primes(4096, 50, 2), Mode::Exact);
    assert_eq!(
        e,
        Error::Insecure {
            bits: 121,
            degree: 4096,
            most: 106
        }
    );
    let e = refused(N, plain, primes(N, 50, 4), Mode::Exact);
    assert!(matches!(e, Error::Insecure { degree: N, .. }), "{e}");
    // Powers of two.
    for modulus in [CipherModulus::Limbs(2), CipherModulus::Word(64)] {
        let e = refused(N, plain, modulus, Mode::Approximate);
        assert!(e.to_string().contains("power of two"), "{e}");
    }
    for k in [60, 64] {
        let e = refused(N, PlainModulus::Bits(k), primes(N, 50, 3), Mode::Exact);
        assert!(e.to_string().contains("59"), "{e}");
    }
}

#[test]
fn bad_messages_are_errors() {
    let params = params(4096, PlainModulus::Bits(8), (40, 2), Mode::Exact, 127).unwrap();
    let he = Seal::new(params).unwrap();
    let (mut rng, seed) = (prg(1), [0; 32]);
    let key = he.secret_key(&mut rng);
    let (mut public, mut cipher) = (Vec::new(), Vec::new());
    he.public_key(&key, &mut rng, &mut public);
    he.encrypt(&key, &seed, 0, &[1; 4096], &mut rng, &mut cipher);
    let range = DecodeError::Range("coefficient of a ciphertext");
    type Read<'a> = &'a dyn Fn(&[u8]) -> Result<(), DecodeError>;
    let read_key: Read = &|b| he.read_public_key(b).map(drop);
    let read: Read = &|b| he.read(&seed, 0, b).map(drop);
    for (good, read) in [(&public, read_key), (&cipher, read)] {
        assert_eq!(read(good), Ok(()));
        let want = good.len();
        for len in [0, 1, want - 64, want - 1, want + 1] {
            let mut bad = good.clone();
            bad.resize(len, 0);
            assert_eq!(read(&bad), Err(DecodeError::Length { got: len, want }));
        }
        // The first coefficient: all bits set is beyond its prime.
        let mut bad = good.clone();
        bad[..5].fill(0xff);
        assert_eq!(read(&bad), Err(range.clone()));
        // Any seed is one.
        let mut other = good.clone();
        other[want - 64..].fill(9);
        assert_eq!(read(&other), Ok(()));
        assert_eq!(read(&vec![0; want]), Ok(()));
    }
    let positions = [0, 5, 4095];
    let mut share = [0; 3];
    let want = he.response_len(3);
    for len in [0, want - 1, want + 1] {
        assert_eq!(
            he.decrypt(&key, &vec![0; len], &positions, &mut share),
            Err(DecodeError::Length { got: len, want })
        );
    }
    let all = he.decrypt(&key, &vec![0xff; want], &positions, &mut share);
    assert!(matches!(all, Err(DecodeError::Range(_))), "{all:?}");
    // A response of zeros opens to zeros, whatever the key: nothing is said of its noise.
    let zeros = he.decrypt(&key, &vec![0; want], &positions, &mut share);
    assert_eq!((zeros, share), (Ok(()), [0; 3]));
}

#[test]
fn responses_to_zero_weights_look_like_others() {
    let params = params(N, PlainModulus::Bits(8), (35, 3), Mode::Exact, 127).unwrap();
    let he = Seal::new(params.clone()).unwrap();
    let mut rng = prg(2);
    let key = he.secret_key(&mut rng);
    let (mut public, mut cipher) = (Vec::new(), Vec::new());
    he.public_key(&key, &mut rng, &mut public);
    let public = he.read_public_key(&public).unwrap();
    he.encrypt(&key, &[0; 32], 0, &[9; N], &mut rng, &mut cipher);
    let input = [he.read(&[0; 32], 0, &cipher).unwrap()];
    let mut case = Case::random(&params, 1, 2, 3, &mut rng);
    case.values.fill(0);
    let weights = he.prepare(&case.map, &case.values).unwrap();
    let responses: Vec<Vec<u8>> = (he.multiply(&input, &weights, 0..2).into_iter())
        .map(|c| {
            let (mut out, mut share) = (Vec::new(), [0; 1]);
            he.respond(&public, c, &[17], &mut share, &mut rng, &mut out);
            out
        })
        .collect();
    // Each has an encryption of zero of its own.
    assert_ne!(responses[0], responses[1]);
    for r in &responses {
        let ones: u32 = r.iter().map(|b| b.count_ones()).sum();
        let part = f64::from(ones) / (8.0 * r.len() as f64);
        assert!((0.48..0.52).contains(&part), "{part}");
    }
}

#[test]
fn weights_beyond_the_bound_are_refused() {
    let params = params(N, PlainModulus::Bits(8), (35, 3), Mode::Exact, 127).unwrap();
    let he = Seal::new(params.clone()).unwrap();
    let mut case = Case::random(&params, 2, 1, 3, &mut prg(4));
    case.values[3] = -128;
    let e = he.prepare(&case.map, &case.values).map(drop).unwrap_err();
    assert!(matches!(e, Error::Weight { bound: 127 }), "{e}");
    let case = Case::random(&params, 3, 1, 3, &mut prg(4));
    let e = he.prepare(&case.map, &case.values).map(drop).unwrap_err();
    assert!(matches!(e, Error::Parameter { got: 9, .. }), "{e}");
}
