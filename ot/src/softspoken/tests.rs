//! Both halves against each other and against the definition of a correlation.

use piquet_core::cpu::{self, Level};
use piquet_core::wire::{RunError, SessionId, run_pair, run_pair_tampered};
use piquet_core::{BitVec, Block};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::{Delta, Malicious, ReceivedCots, SemiHonest, SentCots, ideal};

mod cheat;

const SESSION: SessionId = SessionId([3; 32]);
const ALL: [Bits; 4] = [Bits::One, Bits::Two, Bits::Four, Bits::Eight];

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// Both halves of a set-up over ideal base OTs.
fn pair<M: Security>(k: Bits, seed: u8) -> (Sender<M>, Receiver<M>) {
    let mut rng = rng(seed);
    let delta = Delta::random(&mut rng);
    let (sent, received) = ideal::random_ots::<M, _>(&delta.choices(), &mut rng);
    let mut message = Vec::new();
    let receiver = Receiver::setup(SESSION, k, sent, &mut message).unwrap();
    let sender = Sender::setup(SESSION, k, received).unwrap();
    assert_eq!(message.len(), sender.expects());
    assert_eq!(message.len(), setup_len::<M>(k));
    let sender = sender.finish(&message).unwrap();
    assert_eq!(sender.delta().block(), delta.block());
    (sender, receiver)
}

type SenderDone = (Sender<Malicious>, SentCots<Malicious>);
type ReceiverDone = (Receiver<Malicious>, ReceivedCots<Malicious>);

/// Holds both halves to the definition.
fn correlated<M: Security>(s: &SentCots<M>, r: &ReceivedCots<M>, delta: Block) {
    assert_eq!((s.len(), s.first_index()), (r.len(), r.first_index()));
    assert_eq!(r.choices().len(), r.len());
    for (i, b) in r.choices().to_bools().enumerate() {
        let want = if b { s.keys[i] ^ delta } else { s.keys[i] };
        assert!(r.macs[i] == want, "{i} of {}", s.len());
    }
}

fn malicious(
    s: Sender<Malicious>,
    r: Receiver<Malicious>,
    choices: Option<&BitVec>,
    n: usize,
) -> (SenderDone, ReceiverDone) {
    let (mut a, mut b, mut c) = (vec![], vec![], vec![]);
    let r = match choices {
        Some(c) => Ok(r.extend_chosen(c, &mut a).unwrap()),
        None => Err(r.extend(n, &mut a).unwrap()),
    };
    let kind = if r.is_ok() {
        Choices::Chosen
    } else {
        Choices::Random
    };
    assert_eq!(a.len(), extension_len::<Malicious>(s.bits(), kind, n));
    let s = s.extend(kind, n, &a, &mut rng(77), &mut b).unwrap();
    assert_eq!(b.len(), CHALLENGE_LEN);
    let r = match r {
        Ok(r) => r.answer(&b, &mut c).map(|(r, cots)| (r, cots.0)),
        Err(r) => r.answer(&b, &mut c),
    };
    assert_eq!(c.len(), RESPONSE_LEN);
    (s.verify(&c).unwrap(), r.unwrap())
}

#[test]
fn every_length_is_correlated() {
    for k in ALL {
        let (mut s, mut r) = pair::<SemiHonest>(k, 1);
        let delta = s.delta().block();
        let mut index = 0;
        let mut ones = 0;
        // The plain kernels take half a minute for the largest trees.
        let slow = k == Bits::Eight && cpu::level() == Level::Portable;
        for n in (1..5000).step_by(if slow { 13 } else { 1 }) {
            let mut message = Vec::new();
            let received = r.extend(n, &mut message).unwrap();
            assert_eq!(
                message.len(),
                extension_len::<SemiHonest>(k, Choices::Random, n)
            );
            let sent = s.extend(Choices::Random, n, &message).unwrap();
            assert_eq!(sent.first_index(), index);
            index += n as u64;
            if n % 7 == 0 || n < 300 || k == Bits::One {
                correlated(&sent, &received, delta);
            } else {
                assert_eq!(sent.len(), n);
            }
            ones += received.choices().to_bools().filter(|b| *b).count() as u64;
            s.recycle(sent);
            r.recycle(received);
        }
        // Choices are uniform: six standard deviations.
        let n = index as f64;
        assert!(
            (ones as f64 - n / 2.0).abs() < 3.0 * n.sqrt(),
            "{ones} of {n}"
        );
    }
}

#[test]
fn edges_of_pieces_and_chosen_choices() {
    for k in ALL {
        let (mut s, mut r) = pair::<SemiHonest>(k, 2);
        let delta = s.delta().block();
        for n in [
            1,
            7,
            127,
            128,
            129,
            1023,
            1024,
            1025,
            PIECE - 1,
            PIECE,
            PIECE + 1,
            2 * PIECE + 9,
        ] {
            let choices = BitVec::random(n, &mut rng(9));
            let mut message = Vec::new();
            let received = r.extend_chosen(&choices, &mut message).unwrap().0;
            assert_eq!(
                message.len(),
                extension_len::<SemiHonest>(k, Choices::Chosen, n)
            );
            let sent = s.extend(Choices::Chosen, n, &message).unwrap();
            assert!(received.choices().words() == choices.words());
            correlated(&sent, &received, delta);
        }
    }
}

#[test]
fn malicious_batches_are_correlated() {
    for k in ALL {
        let (mut s, mut r) = pair::<Malicious>(k, 3);
        let delta = s.delta().block();
        for n in (1..40).chain([127, 128, 129, 1023, 1024, 1025, 4999, PIECE, PIECE + 1]) {
            let choices = BitVec::random(n, &mut rng(8));
            let chosen = (n % 2 == 0).then_some(&choices);
            let ((s2, sent), (r2, received)) = malicious(s, r, chosen, n);
            (s, r) = (s2, r2);
            correlated(&sent, &received, delta);
            assert!(chosen.is_none_or(|c| c.words() == received.choices().words()));
            s.recycle(sent);
            r.recycle(received);
        }
    }
}

#[test]
fn costs_are_the_formulas() {
    let n = 1 << 20;
    let pieces = n / PIECE;
    for (k, rows) in [
        (Bits::One, 127),
        (Bits::Two, 63),
        (Bits::Four, 31),
        (Bits::Eight, 15),
    ] {
        let len = extension_len::<SemiHonest>(k, Choices::Random, n);
        assert_eq!(len, n / 8 * rows + 18 * pieces);
        assert!(len as f64 / n as f64 <= 16.0 / k.get() as f64);
        let len = extension_len::<SemiHonest>(k, Choices::Chosen, n);
        assert_eq!(len, n / 8 * (rows + 1) + 18 * pieces);
        assert!(len as f64 / n as f64 <= 16.0 / k.get() as f64 + 18.0 / PIECE as f64);
    }
    assert_eq!(setup_len::<Malicious>(Bits::One), 0);
    assert_eq!(setup_len::<SemiHonest>(Bits::Eight), 18 + 16 * 7 * 32);
    assert_eq!(
        setup_len::<Malicious>(Bits::Eight),
        18 + 16 * 7 * 32 + 17 * 32
    );
}

#[test]
fn children_are_separate_and_share_delta() {
    let (mut s, mut r) = pair::<SemiHonest>(Bits::Four, 4);
    let delta = s.delta().block();
    let mut first: Vec<Block> = Vec::new();
    let (mut ss, mut rs) = (s.split(2), r.split(2));
    ss.append(&mut s.split(1));
    rs.append(&mut r.split(1));
    ss.push(s);
    rs.push(r);
    for (s, r) in ss.iter_mut().zip(&mut rs) {
        assert_eq!(s.session(), r.session());
        let mut message = Vec::new();
        let received = r.extend(200, &mut message).unwrap();
        let sent = s.extend(Choices::Random, 200, &message).unwrap();
        correlated(&sent, &received, delta);
        assert!(!first.contains(&sent.keys[0]));
        first.push(sent.keys[0]);
    }
}

#[test]
fn bad_calls_and_messages_change_nothing() {
    let (mut s, mut r) = pair::<SemiHonest>(Bits::Two, 5);
    let delta = s.delta().block();
    let n = PIECE + 300;
    assert!(matches!(r.extend(0, &mut vec![]), Err(Error::Empty)));
    assert!(matches!(
        s.extend(Choices::Random, 0, &[]),
        Err(Error::Empty)
    ));
    assert!(matches!(
        r.extend(usize::MAX, &mut vec![]),
        Err(Error::Spent)
    ));
    assert!(matches!(
        s.extend(Choices::Random, 1 << 41, &[]),
        Err(Error::Spent)
    ));
    let mut message = Vec::new();
    let received = r.extend(n, &mut message).unwrap();
    let second = 18 + 16 * 63 * PIECE / 128;
    for (at, flip) in [
        (0, 3),
        (1, 1),
        (2, 1),
        (10, 1),
        (second + 1, 2),
        (second + 10, 1),
    ] {
        message[at] ^= flip;
        assert!(
            matches!(
                s.extend(Choices::Random, n, &message),
                Err(Error::Decode(_))
            ),
            "{at}"
        );
        message[at] ^= flip;
    }
    assert!(matches!(
        s.extend(Choices::Random, n, &message[1..]),
        Err(Error::Decode(_))
    ));
    assert!(matches!(
        s.extend(Choices::Random, n - 300, &message),
        Err(Error::Decode(_))
    ));
    assert!(matches!(
        s.extend(Choices::Chosen, n, &message),
        Err(Error::Decode(_))
    ));
    let sent = s.extend(Choices::Random, n, &message).unwrap();
    correlated(&sent, &received, delta);
    assert!(
        matches!(
            s.extend(Choices::Random, n, &message),
            Err(Error::Decode(_))
        ),
        "twice"
    );

    let (sent, received) = ideal::random_ots::<SemiHonest, _>(&BitVec::zeros(127), &mut rng(1));
    assert!(matches!(
        Receiver::setup(SESSION, Bits::One, sent, &mut vec![]),
        Err(Error::Length { got: 127, .. })
    ));
    assert!(Sender::setup(SESSION, Bits::One, received).is_err());
    assert!(Bits::try_from(3).is_err() && Bits::try_from(8) == Ok(Bits::Eight));
}

#[test]
fn the_limit_holds_at_the_end() {
    let (mut s, mut r) = pair::<SemiHonest>(Bits::One, 6);
    for c in [&mut s.counters, &mut r.counters] {
        c.blocks = MAX_COTS / 128 - 2;
    }
    let mut m = vec![];
    assert!(matches!(r.extend(257, &mut m), Err(Error::Spent)));
    assert!(r.extend(129, &mut m).is_ok() && s.extend(Choices::Random, 129, &m).is_ok());
    assert!(matches!(r.extend(1, &mut m), Err(Error::Spent)));
    assert!(matches!(
        s.extend(Choices::Random, 1, &m),
        Err(Error::Spent)
    ));
}

/// Set-up and two batches as machines. Hashes of what each party sent: the wire has not changed unbeknown.
fn trace<M: Security>(
    k: Bits,
    run: impl Fn(Sender<M>, u8) -> SenderRun<M>,
) -> (blake3::Hash, blake3::Hash) {
    let mut rng = rng(10);
    let delta = Delta::random(&mut rng);
    let (sent, received) = ideal::random_ots::<M, _>(&delta.choices(), &mut rng);
    let (s, r, set_up) = run_pair(
        Sender::setup(SESSION, k, received).unwrap(),
        ReceiverSetUp::new(SESSION, k, sent),
    );
    let (s, r) = (s.unwrap(), r.unwrap());
    let n = PIECE + 130;
    let (s, r, one) = run_pair(run(s, 0), ReceiverRun::new(r, n).unwrap());
    let ((s, sent), (r, received)) = (s.unwrap(), r.unwrap());
    correlated(&sent, &received, delta.block());
    let choices = BitVec::random(n, &mut rng);
    let (s, r, two) = run_pair(run(s, 1), ChosenRun::new(r, &choices).unwrap());
    let ((_, sent), (_, received)) = (s.unwrap(), r.unwrap());
    correlated(&sent, &received.0, delta.block());
    assert_eq!(
        one.sent_by(1) - if M::MALICIOUS { RESPONSE_LEN } else { 0 },
        extension_len::<M>(k, Choices::Random, n)
    );
    let hash = |party| {
        let mut h = blake3::Hasher::new();
        for t in [&set_up, &one, &two] {
            for (_, m) in t.messages.iter().filter(|(p, _)| *p == party) {
                h.update(&(m.len() as u64).to_le_bytes());
                h.update(m);
            }
        }
        h.finalize()
    };
    (hash(0), hash(1))
}

#[test]
fn the_wire_is_as_it_was() {
    let kinds = [Choices::Random, Choices::Chosen];
    let n = PIECE + 130;
    let mut got = Vec::new();
    for k in ALL {
        let (_, r) = trace::<SemiHonest>(k, |s, i| {
            SenderRun::<SemiHonest>::new(s, kinds[usize::from(i)], n).unwrap()
        });
        let (ms, mr) = trace::<Malicious>(k, |s, i| {
            SenderRun::<Malicious>::new(s, kinds[usize::from(i)], n, &mut rng(50 + i)).unwrap()
        });
        got.extend([r, ms, mr].map(|h| h.to_hex()[..16].to_string()));
    }
    assert_eq!(got, WIRE);
}

/// For each k: semi-honest OT receiver; malicious OT sender, OT receiver.
#[rustfmt::skip]
const WIRE: [&str; 12] = [
    "20559e102db79d92", "2f721026b96c49ac", "0487ad0c6429d293",
    "ab6e3d4d2570e0b0", "2f721026b96c49ac", "0a72742db90277f5",
    "667718c0abac9851", "2f721026b96c49ac", "ee7a3fdd6c0feebf",
    "b47f5875ac10ae50", "2f721026b96c49ac", "499b6762131c8d0a",
];

#[test]
fn nothing_secret_is_printed() {
    let (mut s, mut r) = pair::<SemiHonest>(Bits::Two, 7);
    assert_eq!(format!("{s:?}"), "Sender(k = 2, semi-honest, next 0)");
    assert_eq!(format!("{r:?}"), "Receiver(k = 2, semi-honest, next 0)");
    let mut m = vec![];
    let received = r.extend(5, &mut m).unwrap();
    let sent = s.extend(Choices::Random, 5, &m).unwrap();
    assert_eq!(format!("{sent:?}"), "SentCots(0..5, semi-honest)");
    assert_eq!(format!("{received:?}"), "ReceivedCots(0..5, semi-honest)");
    let b = s.begin_batch(Choices::Random, 300).unwrap();
    assert_eq!(format!("{b:?}"), "SenderBatch(0 of 300, semi-honest)");
    assert!(matches!(
        b.finish(),
        Err(Error::Exhausted { want: 300, have: 0 })
    ));
    let b = r.begin_batch(300).unwrap();
    assert!(matches!(
        b.finish(),
        Err(Error::Exhausted { want: 300, have: 0 })
    ));
}

#[test]
fn a_failed_check_ends_everything_under_its_delta() {
    let (mut s, mut r) = pair::<Malicious>(Bits::One, 3);
    let (children, mut peers) = (s.split(40), r.split(40));
    let rng = &mut rng(9);
    let mut waiting = vec![];
    let mut failed = 0;
    // A bet on bit i of Delta in child i, until one is lost.
    for (i, (child, peer)) in children.into_iter().zip(peers.drain(..)).enumerate() {
        let (mut message, mut challenge, mut answer) = (vec![], vec![], vec![]);
        let unchecked = peer.extend(100, &mut message).unwrap();
        if i > 1 {
            // Row i: the correction of row 0 is not sent.
            message[18 + (i - 1) * 16] ^= 1;
        }
        match child.extend(Choices::Random, 100, &message, rng, &mut challenge) {
            Ok(child) => {
                unchecked.answer(&challenge, &mut answer).unwrap();
                if i == 0 {
                    waiting.push((child, answer));
                } else {
                    match child.verify(&answer) {
                        Ok(_) => assert_eq!(failed, 0),
                        Err(e) => {
                            assert_eq!(e, Error::Check);
                            failed += 1;
                        }
                    }
                }
            }
            Err(e) => {
                assert_eq!(e, Error::Check);
                assert!(failed > 0);
            }
        }
    }
    assert_eq!(failed, 1, "no second bet is taken");
    // An honest batch that was under way, the parent, and what is built upon the same Delta.
    let (child, answer) = waiting.pop().unwrap();
    assert_eq!(child.verify(&answer).unwrap_err(), Error::Check);
    let refused = s.split(1).pop().unwrap();
    for s in [s, refused] {
        assert_eq!(
            s.begin_batch(Choices::Random, 1, rng).unwrap_err(),
            Error::Check
        );
    }
}
