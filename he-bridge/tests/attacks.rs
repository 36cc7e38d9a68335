//! A peer that sends something else than what is due, and results that would give weights away if they were not each made
//! anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod support;

use piquet_core::wire::{DecodeError, Header, RunError, Trace, run_pair, run_pair_tampered};
use piquet_he_bridge::linear::{client, server};
use piquet_he_bridge::{CipherModulus, Error, Mode, Native};
use support::{Parties, SESSION, layer, prg, primes, shape};

type Ended = (Option<Error>, Option<Error>, Trace);

/// What both parties come to, when messages are changed on their way.
fn tampered(p: &Parties, change: impl FnMut(u8, usize, &mut Vec<u8>)) -> Ended {
    let (a, b, trace) = run_pair_tampered(p.client(3), p.server(3), change);
    let error = |e| match e {
        RunError::Protocol(e) => Some(e),
        RunError::PeerGone => None,
        RunError::Channel(_) => unreachable!(),
    };
    (a.err().and_then(error), b.err().and_then(error), trace)
}

/// The receiver's error when one message is changed.
fn changed(p: &Parties, index: usize, change: impl Fn(&mut Vec<u8>)) -> Option<Error> {
    let (a, b, trace) = tampered(p, |_, i, m| {
        if i == index {
            change(m);
        }
    });
    match trace.messages[index].0 {
        0 => b,
        _ => a,
    }
}

fn messages(p: &Parties) -> Vec<(u8, Vec<u8>)> {
    run_pair(p.client(3), p.server(3)).2.messages
}

#[test]
fn messages_of_another_length_are_refused() {
    let p = Parties::usual();
    let whole = messages(&p);
    for (index, (_, message)) in whole.iter().enumerate() {
        for len in [0, 1, Header::LEN, message.len() - 1] {
            let got = changed(&p, index, |m| m.truncate(len));
            // What is missing at the end of a turn never comes; in its middle what follows is taken for it.
            assert!(
                matches!(got, None | Some(Error::Message(_) | Error::Mismatch(_))),
                "message {index} of {len} bytes: {got:?}"
            );
        }
        // The next message begins with what is too much; after the last one it stays in the channel.
        let got = changed(&p, index, |m| m.push(0));
        assert!(
            matches!(
                got,
                None | Some(Error::Message(DecodeError::Version { .. }))
            ),
            "{index} {got:?}"
        );
    }
    // Without a channel between them: every length but the one that is due.
    for len in [0, 1, Header::LEN, p.message.len() - 1, p.message.len() + 1] {
        let mut message = p.message.clone();
        message.resize(len, 0);
        let e = server::PublicKey::read(&**p.layer.backend(), SESSION, 0, &message).err();
        let want = p.message.len();
        let length = DecodeError::Length { got: len, want };
        assert_eq!(e, Some(Error::Message(length)));
    }
}

#[test]
fn headers_name_what_is_wrong() {
    let p = Parties::usual();
    for index in 0..messages(&p).len() {
        for (at, what) in [
            (0, "version"),
            (1, "kind"),
            (2, "context"),
            (9, "context"),
            (10, "context"),
            (17, "context"),
        ] {
            let got = changed(&p, index, |m| m[at] ^= 0x40);
            let Some(Error::Message(e)) = &got else {
                panic!("message {index}, byte {at}: {got:?}");
            };
            let named = match e {
                DecodeError::Version { .. } => "version",
                DecodeError::Kind { .. } => "kind",
                DecodeError::Context => "context",
                _ => "other",
            };
            assert_eq!(named, what, "message {index}, byte {at}");
        }
    }
    let backend = &**p.layer.backend();
    let read = |session, step, m: &[u8]| server::PublicKey::read(backend, session, step, m).err();
    let context = Some(Error::Message(DecodeError::Context));
    assert_eq!(read(SESSION, 1, &p.message), context);
    assert_eq!(read(SESSION.child("other"), 0, &p.message), context);
}

#[test]
fn messages_of_other_parties_are_refused() {
    let p = Parties::usual();
    // Another step, by replaying.
    let old = run_pair(p.client(2), p.server(2)).2.messages;
    for (index, (_, old)) in old.iter().enumerate() {
        let got = changed(&p, index, |m| m.clone_from(old));
        assert_eq!(got, Some(Error::Message(DecodeError::Context)));
    }
    // Other parameters, other layers: the opening says so.
    let (mut wide, exact) = (shape(), Mode::Exact);
    wide.in_channels = 8;
    let mut moved = shape();
    moved.padding = [2, 1, 0, 1];
    for other in [
        layer(&shape(), primes(), Mode::Approximate, 63),
        layer(&shape(), primes(), exact, 64),
        layer(&wide, primes(), exact, 63),
        layer(&moved, primes(), exact, 63),
    ] {
        let other = Parties::new(other, 1);
        let (a, b, _) = run_pair(p.client(3), other.server(3));
        assert!(matches!(b, Err(RunError::Protocol(Error::Mismatch(_)))));
        assert_eq!(a.err(), Some(RunError::PeerGone));
    }
    let other = Parties::new(layer(&shape(), CipherModulus::Limbs(2), exact, 63), 1);
    let read = |m: &[u8]| server::PublicKey::read(&**p.layer.backend(), SESSION, 0, m).err();
    assert!(matches!(
        read(&other.message),
        Some(Error::Message(_) | Error::Mismatch(_))
    ));
    let other = Parties::new(layer(&shape(), primes(), exact, 64), 1);
    assert!(matches!(read(&other.message), Some(Error::Mismatch(_))));
}

/// Flipped bits of ciphertexts and responses: refused where a residue is none, else another result; and nothing ever depends on the noise.
#[test]
fn payloads_are_refused_by_form_alone() {
    for (q, mode) in [
        (primes(), Mode::Exact),
        (CipherModulus::Limbs(2), Mode::Exact),
        (CipherModulus::Word(64), Mode::Approximate),
    ] {
        let p = Parties::new(layer(&shape(), q, mode, 63), 1);
        let right = run_pair(p.client(3), p.server(3));
        let (right, whole) = (right.0.unwrap(), right.2.messages);
        for (index, (from, message)) in whole.iter().enumerate().skip(1) {
            let span = message.len() - Header::LEN;
            for k in 0..12 {
                let at = Header::LEN + span / 12 * k;
                let (a, b, _) = run_pair_tampered(
                    p.client(3),
                    p.server(3),
                    |_: u8, i: usize, m: &mut Vec<u8>| {
                        if i == index {
                            m[at] ^= 1 << (k % 8);
                        }
                    },
                );
                if *from == 0 {
                    let form = RunError::Protocol(Error::Message(DecodeError::Range(
                        "coefficient of a ciphertext",
                    )));
                    assert!(b.is_ok() || b.as_ref().err() == Some(&form), "{b:?}");
                    continue;
                }
                assert_eq!(a.unwrap().len(), right.len());
            }
            // Everything wrong at once: the client decrypts noise, and says nothing about it.
            let (a, b, _) = run_pair_tampered(
                p.client(3),
                p.server(3),
                |_: u8, i: usize, m: &mut Vec<u8>| {
                    if i == index {
                        m[Header::LEN..]
                            .iter_mut()
                            .for_each(|b| *b = b.wrapping_mul(3) ^ 0x15);
                    }
                },
            );
            if *from == 1 {
                assert_ne!(a.unwrap().as_slice(), right.as_slice());
                assert!(b.is_ok());
            }
        }
    }
}

/// Coefficients at the modulus and above it.
#[test]
fn coefficients_beyond_the_modulus_are_refused() {
    let p = Parties::usual();
    let range = Some(Error::Message(DecodeError::Range(
        "coefficient of a ciphertext",
    )));
    let begin = Header::LEN;
    assert_eq!(changed(&p, 1, |m| m[begin..begin + 7].fill(0xff)), range);
    let CipherModulus::Primes(primes) = primes() else {
        unreachable!()
    };
    for (value, refused) in [(primes[0], true), (primes[0] - 1, false)] {
        // 50 bits: six bytes and two bits.
        let got = changed(&p, 1, |m| {
            let mut word = [0; 8];
            word.copy_from_slice(&m[begin..begin + 8]);
            let kept = u64::from_le_bytes(word) >> 50 << 50;
            m[begin..begin + 8].copy_from_slice(&(kept | value).to_le_bytes());
        });
        assert_eq!(got.is_some(), refused, "{got:?}");
    }
    let mut message = p.message.clone();
    let len = message.len();
    message[len - 8..].fill(0xff);
    let e = server::PublicKey::read(&**p.layer.backend(), SESSION, 0, &message).err();
    assert_eq!(e, range);
}

/// Were one encryption of zero added to several results, as a published system does with a whole chunk of them, their
/// differences would be those of the products: the halves that meet the key would tell the client differences of weights. Under equal
/// weights and inputs they would be equal.
#[test]
fn every_response_is_made_anew() {
    for mode in [Mode::Exact, Mode::Approximate] {
        let mut shape = shape();
        (shape.batch, shape.groups, shape.out_channels) = (1, 1, 4);
        let layer = layer(&shape, primes(), mode, 63);
        let p = Parties::new(layer, 1);
        // All outputs have the same weights, so that without new randomness all responses would be one.
        let fan_in = shape.fan_in();
        let one: Vec<i64> = (0..shape.weight_len())
            .map(|i| (i % fan_in) as i64 - 9)
            .collect();
        let weights = server::Weights::new(&p.layer, &one).unwrap();
        let rng = &mut prg(3);
        let a = client::Product::new(&p.layer, &p.key, 3, &p.x, rng).unwrap();
        let b = server::Product::new(&p.layer, &p.public, &weights, 3, None, rng).unwrap();
        let (a, b, trace) = run_pair(a, b);
        let (a, b) = (a.unwrap(), b.unwrap());
        let (_, response) = trace.messages.last().unwrap();
        let each = (response.len() - Header::LEN) / shape.out_channels;
        let halves: Vec<&[u8]> = response[Header::LEN..].chunks(each).collect();
        for (i, x) in halves.iter().enumerate() {
            for y in &halves[..i] {
                let same = x.iter().zip(*y).filter(|(x, y)| x == y).count();
                // A byte in 256 by chance.
                assert!(same < each / 100, "{same} of {each}");
            }
        }
        // The sums are equal all the same, up to a unit.
        for pixel in a
            .as_slice()
            .iter()
            .zip(b.as_slice())
            .collect::<Vec<_>>()
            .chunks(4)
        {
            let sums: Vec<i64> = pixel
                .iter()
                .map(|(a, b)| ((**a + **b) << 44) as i64 >> 44)
                .collect();
            let most = if mode == Mode::Exact { 0 } else { 2 };
            assert!(sums.iter().max().unwrap() - sums.iter().min().unwrap() <= most);
        }
    }
}

/// The same seed of the server again gives the same bytes: randomness is all the caller's.
#[test]
fn randomness_comes_from_the_caller() {
    let p = Parties::usual();
    assert_eq!(messages(&p), messages(&p));
    let a: client::Product<'_, Native> =
        client::Product::new(&p.layer, &p.key, 3, &p.x, &mut prg(99)).unwrap();
    let other = run_pair(a, p.server(3)).2.messages;
    assert!(messages(&p).iter().zip(&other).all(|(a, b)| a != b));
}
