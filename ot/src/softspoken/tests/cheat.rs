//! Peers that deviate.

use piquet_core::gf128;
use rand_core::Rng;

use super::*;

const N: usize = 300;
/// Pieces of a row of N correlations.
const BLOCKS: usize = 3;

fn fresh(k: Bits, rng: &mut ChaCha20Rng) -> (Sender<Malicious>, Receiver<Malicious>) {
    let delta = Delta::random(rng);
    let (sent, received) = ideal::random_ots::<Malicious, _>(&delta.choices(), rng);
    let mut message = Vec::new();
    let receiver = Receiver::setup(SESSION, k, sent, &mut message).unwrap();
    let sender = Sender::setup(SESSION, k, received).unwrap();
    (sender.finish(&message).unwrap(), receiver)
}

/// An OT receiver that adds `errors` to the corrections of some trees (from 1 on), guesses the bits of Δ that they stand
/// for, and answers as if it were right. Whether it passed.
fn guess(k: Bits, errors: &[(usize, [Block; BLOCKS])], rng: &mut ChaCha20Rng) -> Result<(), Error> {
    let (s, r) = fresh(k, rng);
    let (mut a, mut b, mut c) = (vec![], vec![], vec![]);
    let r = r.extend(N, &mut a).unwrap();
    for (tree, e) in errors {
        let at = 18 + 16 * BLOCKS * (tree - 1);
        let e: &[u8] = bytemuck::must_cast_slice(e);
        a[at..].iter_mut().zip(e).for_each(|(a, e)| *a ^= e);
    }
    let delta = s.delta().block();
    let s = s.extend(Choices::Random, N, &a, rng, &mut b).unwrap();
    let mut key = Block::ZERO;
    bytemuck::bytes_of_mut(&mut key).copy_from_slice(&b[18..]);
    let (_, received) = r.answer(&b, &mut c).unwrap();
    for (tree, e) in errors {
        let mut powers = [Block::ZERO; BLOCKS];
        gf128::powers(key, &mut powers);
        let h = <[u8; 16]>::from(gf128::inner_product(&powers, e));
        for bit in 0..k.get() {
            if rng.next_u32() & 1 == 1 {
                let at = 18 + 16 * (1 + tree * k.get() + bit);
                c[at..].iter_mut().zip(h).for_each(|(c, h)| *c ^= h);
            }
        }
    }
    let (_, sent) = s.verify(&c)?;
    // Who guessed right has no more than it would have by being honest: the correlation with its own bits of Δ.
    assert_eq!((sent.len(), received.len()), (N, N));
    if errors.is_empty() {
        correlated(&sent, &received, delta);
    }
    Ok(())
}

/// Passes of `runs` guesses at `j` trees, each error at one position or at many.
fn passes(k: Bits, j: usize, many: bool, runs: usize) -> usize {
    let mut rng = rng(100 + j as u8);
    let mut passed = 0;
    for _ in 0..runs {
        let mut trees = Vec::new();
        while trees.len() < j {
            let t = 1 + rng.next_u32() as usize % (k.trees() - 1);
            if trees.iter().all(|(u, _)| *u != t) {
                let mut e = [Block::ZERO; BLOCKS];
                if many {
                    e.fill_with(|| Block::random(&mut rng));
                } else {
                    let at = rng.next_u32() as usize % (128 * BLOCKS);
                    e[at / 128] = Block::from_u128(1 << (at % 128));
                }
                trees.push((t, e));
            }
        }
        match guess(k, &trees, &mut rng) {
            Ok(()) => passed += 1,
            Err(e) => assert_eq!(e, Error::Check),
        }
    }
    passed
}

#[test]
fn inconsistent_rows_pass_as_often_as_their_bits_are_guessed() {
    for (k, j, many) in [
        (Bits::One, 0, false),
        (Bits::One, 1, false),
        (Bits::One, 1, true),
        (Bits::One, 2, true),
        (Bits::One, 3, false),
        (Bits::Two, 1, true),
        (Bits::Two, 2, false),
        (Bits::Four, 1, true),
    ] {
        let runs = 1600;
        let p = 0.5f64.powi((k.get() * j) as i32);
        let (mean, deviation) = (runs as f64 * p, (runs as f64 * p * (1.0 - p)).sqrt());
        let got = passes(k, j, many, runs) as f64;
        assert!(
            (got - mean).abs() <= 5.0 * deviation,
            "{k:?} {j} {many}: {got} of {mean}"
        );
    }
    assert_eq!(passes(Bits::Eight, 3, true, 100), 0);
    assert_eq!(passes(Bits::One, 60, true, 100), 0);
}

#[test]
fn a_wrong_answer_or_challenge_is_refused_with_one_text() {
    let mut rng = rng(20);
    let mut errors = Vec::new();
    for i in 0..150 {
        let (s, r) = fresh(Bits::Four, &mut rng);
        let (mut a, mut b, mut c) = (vec![], vec![], vec![]);
        let r = r.extend(N, &mut a).unwrap();
        let s = s.extend(Choices::Random, N, &a, &mut rng, &mut b).unwrap();
        // The OT receiver answers another challenge, or answers another thing.
        if i < 20 {
            b[18 + i % 16] ^= 1 << (i % 8);
        }
        let _ = r.answer(&b, &mut c).unwrap();
        if i >= 20 {
            c[18 + 15 * (i - 20)] ^= 1 << (i % 8);
        }
        errors.push(s.verify(&c).unwrap_err().to_string());
    }
    errors.dedup();
    assert_eq!(errors, [Error::Check.to_string()]);
}

#[test]
fn wrong_corrections_of_the_trees_pass_as_often_as_their_bit_is_guessed() {
    let mut rng = rng(30);
    let mut passed = [0; 3];
    let runs = 600;
    for i in 0..runs {
        let k = [Bits::Two, Bits::Four, Bits::Eight][i % 3];
        let delta = Delta::random(&mut rng);
        let (sent, received) = ideal::random_ots::<Malicious, _>(&delta.choices(), &mut rng);
        let mut message = Vec::new();
        let mut r = Receiver::setup(SESSION, k, sent, &mut message).unwrap();
        let s = Sender::setup(SESSION, k, received).unwrap();
        // One block of one level of one tree: it is used if the bit of Δ at that level is not its side.
        let block = rng.next_u32() as usize % (k.trees() * 2 * (k.get() - 1));
        message[18 + 16 * block + i % 16] ^= 4;
        match s.finish(&message) {
            Ok(s) => {
                passed[i % 3] += 1;
                let ((_, sent), (r2, received)) = malicious(s, r, None, N);
                r = r2;
                correlated(&sent, &received, delta.block());
                r.recycle(received);
            }
            Err(e) => assert_eq!(e, Error::Check),
        }
    }
    for p in passed {
        // Mean 100, deviation 7.
        assert!((65..135).contains(&p), "{passed:?}");
    }
}

#[test]
fn check_values_of_the_set_up_are_checked() {
    let mut rng = rng(31);
    let k = Bits::Four;
    let len = setup_len::<Malicious>(k);
    for at in (len - 33 * 32..len).step_by(7) {
        let delta = Delta::random(&mut rng);
        let (sent, received) = ideal::random_ots::<Malicious, _>(&delta.choices(), &mut rng);
        let mut message = Vec::new();
        let _ = Receiver::setup(SESSION, k, sent, &mut message).unwrap();
        message[at] ^= 1;
        let s = Sender::setup(SESSION, k, received).unwrap();
        assert_eq!(s.finish(&message).unwrap_err(), Error::Check);
    }
}

/// Every message of set-up and extension is cut, lengthened and changed on its way: a party that ends in spite of it has
/// the outputs of an honest run.
#[test]
fn tampering_is_an_error_or_nothing() {
    let mut texts = Vec::new();
    for message in 0..4usize {
        for how in 0..24usize {
            let tamper = |index: usize, at: usize, m: &mut Vec<u8>| {
                if index == at {
                    match how {
                        0 => m.clear(),
                        1 => m.truncate(m.len() - 1),
                        2 => m.push(0),
                        // The header, then the body.
                        3..20 => m[how - 3] ^= 0x41,
                        _ => {
                            let at = m.len() * (how - 19) / 5;
                            m[at] ^= 0x10;
                        }
                    }
                }
            };
            let mut rng = rng(40);
            let delta = Delta::random(&mut rng);
            let (sent, received) = ideal::random_ots::<Malicious, _>(&delta.choices(), &mut rng);
            let (s, r, _) = run_pair_tampered(
                Sender::setup(SESSION, Bits::Two, received).unwrap(),
                ReceiverSetUp::new(SESSION, Bits::Two, sent),
                |_: u8, i: usize, m: &mut Vec<u8>| tamper(message, i, m),
            );
            let (s, r) = match (s, r) {
                (Ok(s), Ok(r)) => (s, r),
                (s, r) => {
                    assert_eq!(message, 0);
                    let both = [s.err(), r.err()];
                    texts.extend(both.into_iter().flatten());
                    continue;
                }
            };
            let (s, r, _) = run_pair_tampered(
                SenderRun::<Malicious>::new(s, Choices::Random, N, &mut rng).unwrap(),
                ReceiverRun::new(r, N).unwrap(),
                |_: u8, i: usize, m: &mut Vec<u8>| tamper(message, i + 1, m),
            );
            if let (Ok((_, sent)), Ok((_, received))) = (&s, &r) {
                // Bytes after the end of a message are the transport's to refuse where no message follows; a change of
                // corrections does nothing where the bits of Delta are 0.
                assert!(message < 2 || how == 2, "{message} {how}");
                correlated(sent, received, delta.block());
            }
            texts.extend(s.err());
            texts.extend(r.err());
        }
    }
    assert!(texts.iter().all(|e| matches!(
        e,
        RunError::PeerGone | RunError::Protocol(Error::Check | Error::Decode(_))
    )));
    assert!(texts.contains(&RunError::Protocol(Error::Check)));
}

#[test]
fn messages_of_other_sessions_and_kinds_are_refused() {
    let mut rng = rng(41);
    let (s, r) = fresh(Bits::Two, &mut rng);
    let (mut a, mut b, mut c) = (vec![], vec![], vec![]);
    let r = r.extend(N, &mut a).unwrap();
    let s = s.extend(Choices::Random, N, &a, &mut rng, &mut b).unwrap();
    assert!(matches!(s.verify(&b), Err(Error::Decode(_))));
    a.truncate(RESPONSE_LEN);
    assert!(matches!(r.answer(&a, &mut c), Err(Error::Decode(_))));
    assert!(c.is_empty());
    let (s, _) = fresh(Bits::Two, &mut rng);
    let mut other = vec![];
    let r = {
        let delta = Delta::random(&mut rng);
        let (sent, _) = ideal::random_ots::<Malicious, _>(&delta.choices(), &mut rng);
        Receiver::setup(SESSION.child("x"), Bits::Two, sent, &mut vec![]).unwrap()
    };
    let _ = r.extend(N, &mut other).unwrap();
    assert!(matches!(
        s.extend(Choices::Random, N, &other, &mut rng, &mut b),
        Err(Error::Decode(_))
    ));
}
