use super::*;
use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::traits::Identity;
use piquet_core::Block;
use piquet_core::wire::{DecodeError, Header, RunError, run_pair, run_pair_tampered};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

const SESSION: SessionId = SessionId([7; 32]);
const ITEM: usize = 64;

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// Both parties after their messages, and the messages.
struct Run {
    sender: Sender,
    receiver: Receiver,
    from_sender: Vec<u8>,
    from_receiver: Vec<u8>,
}

fn start(session: SessionId, choices: &BitVec, seed: u8) -> Run {
    let (mut from_sender, mut from_receiver) = (Vec::new(), Vec::new());
    let mut rng = rng(seed);
    Run {
        sender: Sender::new(session, choices.len(), &mut rng, &mut from_sender).unwrap(),
        receiver: Receiver::new(session, choices, &mut rng, &mut from_receiver).unwrap(),
        from_sender,
        from_receiver,
    }
}

fn assert_ots(sent: &SentOts<Malicious>, received: &ReceivedOts<Malicious>, choices: &BitVec) {
    assert_eq!((sent.len(), received.len()), (choices.len(), choices.len()));
    assert_eq!(received.choices().words(), choices.words());
    for (i, c) in choices.to_bools().enumerate() {
        let pair = sent.messages()[i];
        assert!(pair[usize::from(c)] == received.messages()[i], "{i}");
        assert!(pair[usize::from(!c)] != received.messages()[i], "{i}");
    }
}

/// The sender by the letter of the module's page: no halves, no batches, nothing of `popf`, and bytes laid out here.
fn reference(session: &SessionId, a: &Scalar, messages: [&[u8]; 2]) -> Vec<[Block; 2]> {
    let n = (messages[1].len() - Header::LEN) / ITEM;
    let hash_key = blake3::derive_key("piquet 2026 base OT: hash to the group", &session.0);
    let digest = |m| blake3::derive_key("piquet 2026 base OT: message", m);
    let transcript = [
        &session.0[..],
        &(n as u64).to_le_bytes(),
        &digest(messages[0]),
        &digest(messages[1]),
    ]
    .concat();
    let key = blake3::derive_key("piquet 2026 base OT: transcript", &transcript);
    let one = |i: usize, x: u8, item: &[u8]| {
        let (t, s) = item.split_at(32);
        let v: Vec<u8> = t.iter().zip(s).map(|(t, s)| s ^ (x * t)).collect();
        let input = [&(i as u64).to_le_bytes()[..], &[x], &v].concat();
        let h = RistrettoPoint::map_to_curve(*blake3::keyed_hash(&hash_key, &input).as_bytes());
        let t = CompressedRistretto::from_slice(t).unwrap().decompress();
        let shared = (a * (t.unwrap() + h + h)).compress();
        let input = [&(i as u64).to_le_bytes()[..], &[x], shared.as_bytes()].concat();
        let k = blake3::keyed_hash(&key, &input);
        Block::from(<[u8; 16]>::try_from(&k.as_bytes()[..16]).unwrap())
    };
    messages[1][Header::LEN..]
        .chunks(ITEM)
        .enumerate()
        .map(|(i, item)| [one(i, 0, item), one(i, 1, item)])
        .collect()
}

#[test]
fn every_number_of_ots_agrees_with_the_reference() {
    let mut r = rng(1);
    for n in [1, 2, 7, 8, 9, 63, 127, 128, 129, 300] {
        let choices = BitVec::random(n, &mut r);
        let run = start(SESSION, &choices, 2);
        assert_eq!(run.from_receiver.len(), run.sender.expects());
        assert_eq!(run.from_receiver.len(), 18 + 64 * n);
        assert_eq!(run.from_sender.len(), run.receiver.expects());
        assert_eq!(run.from_sender.len(), 50);
        let a = run.sender.half + run.sender.half;
        let want = reference(&SESSION, &a, [&run.from_sender, &run.from_receiver]);
        let sent = run.sender.finish(&run.from_receiver).unwrap();
        let received = run.receiver.finish(&run.from_sender).unwrap();
        assert!(sent.messages() == want);
        assert_ots(&sent, &received, &choices);
    }
}

/// What the vectors compute, `curve25519-dalek` computes too.
#[test]
fn both_ways_through_the_group_give_the_same_bytes() {
    let mut r = rng(1);
    for n in [3, 8, 9, 64, 65, 129] {
        let fast = Group::new(n);
        let scalars: Vec<_> = (0..n).map(|_| random_scalar(&mut r)).collect();
        let mut hashes = vec![[0; 32]; n];
        hashes.iter_mut().for_each(|h| r.fill_bytes(h));
        let points = Group::Dalek.blind(&scalars, &hashes);
        assert_eq!(fast.blind(&scalars, &hashes), points);
        let a = random_scalar(&mut r);
        let both = [&hashes[..], &points[..]];
        assert!(fast.share(&a, &points, both) == Group::Dalek.share(&a, &points, both));
        let (x, y) = (
            fast.answer(&points[0], &scalars),
            Group::Dalek.answer(&points[0], &scalars),
        );
        assert!(x.is_some() && x == y);
        assert!(fast.answer(&[0; 32], &scalars).is_none());
        assert!(Group::Dalek.answer(&[0; 32], &scalars).is_none());
    }
}

/// One instance whose shared point is the identity leaves the strings of the others as they are.
#[test]
fn an_identity_in_one_instance_does_not_reach_the_others() {
    let run = start(SESSION, &BitVec::zeros(70), 5);
    let s = [3; 32];
    let popf = Popf::new(&SESSION);
    let mut message = run.from_receiver;
    for i in [0, 7, 64] {
        let t = Group::Dalek.blind(&[Scalar::ZERO], &[popf.hash(i, Choice::from(0), &s)]);
        let at = Header::LEN + ITEM * i;
        message[at..at + 64].copy_from_slice(&[t[0], s].concat());
    }
    let a = run.sender.half + run.sender.half;
    let want = reference(&SESSION, &a, [&run.from_sender, &message]);
    assert!(run.sender.finish(&message).unwrap().messages() == want);
}

#[test]
fn no_ots_and_too_many_are_refused() {
    let out = &mut Vec::new();
    let e = Sender::new(SESSION, 0, &mut rng(0), out).unwrap_err();
    assert_eq!(e, Error::Empty);
    let e = Receiver::new(SESSION, &BitVec::zeros(0), &mut rng(0), out).unwrap_err();
    assert_eq!(e, Error::Empty);
    let e = Sender::new(SESSION, MAX + 1, &mut rng(0), out).unwrap_err();
    assert!(matches!(e, Error::Parameter { got: 65537, .. }));
    let e = Receiver::new(SESSION, &BitVec::zeros(MAX + 1), &mut rng(0), out).unwrap_err();
    assert!(matches!(e, Error::Parameter { got: 65537, .. }));
    assert!(out.is_empty());
}

/// Encodings that are no point of the group: not below p, odd, not on the curve, of the other curve.
fn bad_points() -> Vec<[u8; 32]> {
    let le = |low: u8, fill: u8, high: u8| {
        let mut b = [fill; 32];
        (b[0], b[31]) = (low, high);
        b
    };
    let mut bad = vec![
        [0; 32],              // the identity
        le(1, 0, 0),          // negative
        le(0xed, 0xff, 0x7f), // p: 0 again
        le(0xee, 0xff, 0x7f),
        le(0xec, 0xff, 0x7f), // p - 1: y = 0
        [0xff; 32],
        le(0, 0, 0x80), // the top bit of the identity
    ];
    let mut r = rng(9);
    while bad.len() < 40 {
        let mut b = [0; 32];
        r.fill_bytes(&mut b);
        if CompressedRistretto(b).decompress().is_none() {
            bad.push(b);
        }
    }
    // A point with its top bit set, and its negative.
    let good = RistrettoPoint::mul_base(&Scalar::from(5u64)).compress();
    let mut b = good.to_bytes();
    b[31] |= 0x80;
    bad.push(b);
    bad
}

#[test]
fn what_is_no_point_is_refused_wherever_it_stands() {
    let range = Error::Decode(DecodeError::Range("a point"));
    let choices = BitVec::from_bools(&[true, false, true]);
    for (k, bad) in bad_points().iter().enumerate() {
        let mut run = start(SESSION, &choices, 3);
        run.from_sender[Header::LEN..].copy_from_slice(bad);
        let e = run.receiver.finish(&run.from_sender).unwrap_err();
        assert_eq!(e, range, "{bad:02x?}");
        let at = Header::LEN + ITEM * (k % 3);
        run.from_receiver[at..at + 32].copy_from_slice(bad);
        let e = run.sender.finish(&run.from_receiver).unwrap_err();
        assert_eq!(e, range, "{bad:02x?}");
    }
}

#[test]
fn messages_of_another_length_kind_version_or_session_are_refused() {
    let choices = BitVec::from_bools(&[true, false, true]);
    type Change = fn(&mut Vec<u8>);
    let cases: [(Change, DecodeError); 6] = [
        (
            |m| m.truncate(m.len() - 1),
            DecodeError::Length { got: 0, want: 0 },
        ),
        (|m| m.push(0), DecodeError::Length { got: 0, want: 0 }),
        (Vec::clear, DecodeError::Length { got: 0, want: 0 }),
        (|m| m[0] = 9, DecodeError::Version { got: 9, want: 1 }),
        (|m| m[1] = 0x6f, DecodeError::Kind { got: 0x6f, want: 0 }),
        (|m| m[2] ^= 1, DecodeError::Context),
    ];
    for (change, want) in cases {
        let mut run = start(SESSION, &choices, 3);
        change(&mut run.from_sender);
        change(&mut run.from_receiver);
        let s = run.sender.finish(&run.from_receiver).unwrap_err();
        let r = run.receiver.finish(&run.from_sender).unwrap_err();
        for (e, due) in [(s, 0x41), (r, 0x40)] {
            match (e, &want) {
                (Error::Decode(DecodeError::Length { .. }), DecodeError::Length { .. }) => {}
                (Error::Decode(DecodeError::Kind { got, want }), DecodeError::Kind { .. }) => {
                    assert_eq!((got, want), (0x6f, due));
                }
                (e, want) => assert_eq!(e, Error::Decode(want.clone())),
            }
        }
    }
    // A receiver that reads its own message.
    let run = start(SESSION, &choices, 3);
    let e = run.receiver.finish(&run.from_receiver[..50]).unwrap_err();
    assert_eq!(
        e,
        Error::Decode(DecodeError::Kind {
            got: 0x41,
            want: 0x40
        })
    );
}

/// Sessions that a header cannot tell apart still share no string.
#[test]
fn sessions_are_in_the_hashes_and_not_only_in_the_header() {
    let choices = BitVec::from_bools(&[true; 4]);
    let mut twin = SESSION;
    twin.0[31] ^= 1;
    assert_eq!(twin.tag(), SESSION.tag());
    let (a, b) = (start(SESSION, &choices, 3), start(twin, &choices, 3));
    let sent = a.sender.finish(&b.from_receiver).unwrap();
    let received = b.receiver.finish(&a.from_sender).unwrap();
    for (pair, m) in sent.messages().iter().zip(received.messages()) {
        assert!(!pair.contains(m));
    }
}

/// Whatever is changed on the way, in any instance, all strings part.
#[test]
fn the_whole_transcript_is_in_every_string() {
    let choices = BitVec::from_bools(&[true, false, true, false]);
    let honest = start(SESSION, &choices, 3);
    let want = honest.sender.finish(&honest.from_receiver).unwrap();
    for instance in 0..4 {
        let run = start(SESSION, &choices, 3);
        let mut message = run.from_receiver.clone();
        message[Header::LEN + ITEM * instance + 40] ^= 1; // s of one instance
        let sent = run.sender.finish(&message).unwrap();
        for (got, want) in sent.messages().iter().zip(want.messages()) {
            assert!(got[0] != want[0] && got[1] != want[1]);
        }
    }
}

/// A receiver that repeats an instance gets nothing that it has not in the first.
#[test]
fn a_copied_instance_gives_unrelated_strings() {
    let choices = BitVec::from_bools(&[true, true]);
    let run = start(SESSION, &choices, 4);
    let mut message = run.from_receiver;
    message.copy_within(Header::LEN..Header::LEN + ITEM, Header::LEN + ITEM);
    let sent = run.sender.finish(&message).unwrap();
    let mut all = sent.messages().as_flattened().to_vec();
    all.sort_by_key(|b| b.to_u128());
    all.dedup();
    assert_eq!(all.len(), 4);
}

/// What the endemic functionality grants a receiver: its own string, here from the identity. The other one does not
/// move with it.
#[test]
fn a_receiver_may_choose_its_own_string_only() {
    let run = start(SESSION, &BitVec::zeros(1), 5);
    let s = [3; 32];
    let popf = Popf::new(&SESSION);
    // T = -H(0, s), so that B_0 is the identity and every a B_0 as well.
    let t = Group::Dalek.blind(&[Scalar::ZERO], &[popf.hash(0, Choice::from(0), &s)]);
    let mut message = run.from_receiver;
    message[Header::LEN..Header::LEN + 32].copy_from_slice(&t[0]);
    message[Header::LEN + 32..].copy_from_slice(&s);
    let keys = Transcript {
        session: &SESSION,
        n: 1,
        sender: &message::digest(&run.from_sender),
        receiver: &message::digest(&message),
    }
    .keys();
    let known = |x| keys.derive(0, x, &CompressedRistretto::identity().to_bytes());
    let sent = run.sender.finish(&message).unwrap();
    assert!(sent.messages()[0][0] == known(0));
    assert!(sent.messages()[0][1] != known(1));
}

/// A sender that answers with another point gets a run with that point, the same for both choices.
#[test]
fn a_sender_learns_no_choice_from_another_point() {
    let a = Scalar::from(123_456_789u64);
    for bit in [false, true] {
        let run = start(SESSION, &BitVec::from_bools(&[bit]), 6);
        let mut message = run.from_sender;
        message[Header::LEN..].copy_from_slice(RistrettoPoint::mul_base(&a).compress().as_bytes());
        let want = reference(&SESSION, &a, [&message, &run.from_receiver]);
        let received = run.receiver.finish(&message).unwrap();
        assert!(received.messages()[0] == want[0][usize::from(bit)]);
    }
}

#[test]
fn machines_agree_and_the_wire_is_known() {
    let choices = BitVec::random(128, &mut rng(1));
    let s = Sender::machine(SESSION, 128, &mut rng(2)).unwrap();
    let r = Receiver::machine(SESSION, &choices, &mut rng(3)).unwrap();
    assert_eq!((s.expects(), r.expects()), (0, 0));
    let (s, r, trace) = run_pair(s, r);
    assert_ots(&s.unwrap(), &r.unwrap(), &choices);
    assert_eq!(trace.messages.len(), 2);
    assert_eq!((trace.sent_by(0), trace.sent_by(1)), (50, 18 + 64 * 128));
    let hash = |p| {
        let m = trace.messages.iter().find(|(from, _)| *from == p).unwrap();
        blake3::hash(&m.1).to_hex().as_str()[..32].to_owned()
    };
    assert_eq!(hash(0), "03ffb7579f556c1ece89a6f409628b06");
    assert_eq!(hash(1), "124d0e4656e6245fe717e135374cac6c");

    let s = Sender::machine(SESSION, 128, &mut rng(2)).unwrap();
    let r = Receiver::machine(SESSION, &choices, &mut rng(3)).unwrap();
    let (s, r, _) = run_pair_tampered(s, r, |_: u8, _: usize, m: &mut Vec<u8>| {
        m.truncate(m.len() - 1);
    });
    for e in [s.unwrap_err(), r.unwrap_err()] {
        assert!(matches!(
            e,
            RunError::Protocol(Error::Decode(DecodeError::Length { .. }))
        ));
    }
    let s = Sender::machine(SESSION, 1, &mut rng(2)).unwrap();
    let e = s.step(&[0], &mut Vec::new()).unwrap_err();
    assert_eq!(e, Error::Decode(DecodeError::Length { got: 1, want: 0 }));
}

#[test]
fn nothing_secret_is_printed() {
    let run = start(SESSION, &BitVec::from_bools(&[true]), 3);
    let tag = "SessionId(0707070707070707..)";
    assert_eq!(
        format!("{:?}", run.sender),
        format!("base::Sender(1, {tag})")
    );
    assert_eq!(
        format!("{:?}", run.receiver),
        format!("base::Receiver(1, {tag})")
    );
}

proptest! {
    #[test]
    fn no_message_is_a_panic(bytes: Vec<u8>, n in 1usize..4, at in 0usize..300, flip: u8) {
        let choices = BitVec::zeros(n);
        let mut run = start(SESSION, &choices, 8);
        prop_assert!(start(SESSION, &choices, 8).sender.finish(&bytes).is_err());
        prop_assert!(start(SESSION, &choices, 8).receiver.finish(&bytes).is_err());
        let (i, j) = (at % run.from_sender.len(), at % run.from_receiver.len());
        run.from_sender[i] ^= flip;
        run.from_receiver[j] ^= flip;
        let _ = run.sender.finish(&run.from_receiver);
        let _ = run.receiver.finish(&run.from_sender);
    }
}
