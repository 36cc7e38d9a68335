use super::*;
use piquet_core::wire::{Machine, RunError, run_pair, run_pair_tampered};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const SESSION: SessionId = SessionId([9; 32]);

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn machines(session: SessionId, choices: &BitVec) -> (SenderMachine, ReceiverMachine) {
    let mut message = Vec::new();
    let s = Sender::new(SESSION, choices.len(), &mut rng(1)).unwrap();
    let r = Receiver::new(session, choices, &mut rng(2), &mut message).unwrap();
    (SenderMachine::new(s), ReceiverMachine::new(r, message))
}

#[test]
fn strings_agree_and_the_wire_is_known() {
    for n in [1, 2, 7, 127, 128, 129] {
        let choices = BitVec::random(n, &mut rng(3));
        let (s, r) = machines(SESSION, &choices);
        let (s, r, trace) = run_pair(s, r);
        let (s, r) = (s.unwrap(), r.unwrap());
        for (i, c) in choices.to_bools().enumerate() {
            let pair = s.messages()[i];
            assert!(pair[usize::from(c)] == r.messages()[i]);
            assert!(pair[usize::from(!c)] != r.messages()[i]);
        }
        assert_eq!(trace.sent_by(0), 18 + 2176 * n);
        assert_eq!(trace.sent_by(1), 18 + 2336 * n);
        if n == 7 {
            let all: Vec<u8> = trace.messages.iter().flat_map(|m| m.1.clone()).collect();
            assert_eq!(
                &blake3::hash(&all).to_hex().as_str()[..32],
                "5911708b629d46974517fc2c283cf51e"
            );
        }
    }
}

#[test]
fn no_ots_and_too_many_are_refused() {
    let r = &mut rng(0);
    assert_eq!(Sender::new(SESSION, 0, r).unwrap_err(), Error::Empty);
    let e = Sender::new(SESSION, MAX + 1, r).unwrap_err();
    assert!(matches!(e, Error::Parameter { got: 4097, .. }));
    let out = &mut Vec::new();
    let e = Receiver::new(SESSION, &BitVec::zeros(0), r, out).unwrap_err();
    assert_eq!(e, Error::Empty);
    let e = Receiver::new(SESSION, &BitVec::zeros(MAX + 1), r, out).unwrap_err();
    assert!(matches!(e, Error::Parameter { got: 4097, .. }));
    assert!(out.is_empty());
}

#[test]
fn messages_of_another_length_kind_session_or_range_are_refused() {
    let choices = BitVec::from_bools(&[true, false]);
    type Change = fn(&mut Vec<u8>);
    let changes: [Change; 5] = [
        |m| m.truncate(m.len() - 1),
        |m| m[0] = 3,
        |m| m[1] = 0x40,
        |m| m[2] ^= 1,
        |m| m[Header::LEN + 32..][..3].fill(0xff), // a coefficient of 4095, where there are any
    ];
    for (k, change) in changes.into_iter().enumerate() {
        let (s, r) = machines(SESSION, &choices);
        let (s, _, trace) = run_pair_tampered(s, r, |from: u8, _: usize, m: &mut Vec<u8>| {
            if from == 1 {
                change(m);
            }
        });
        assert!(
            matches!(s.unwrap_err(), RunError::Protocol(Error::Decode(_))),
            "{k}"
        );
        assert_eq!(trace.sent_by(0), 0);
        if k < 4 {
            let (s, r) = machines(SESSION, &choices);
            let (_, r, _) = run_pair_tampered(s, r, |from: u8, _: usize, m: &mut Vec<u8>| {
                if from == 0 {
                    change(m);
                }
            });
            assert!(
                matches!(r.unwrap_err(), RunError::Protocol(Error::Decode(_))),
                "{k}"
            );
        }
    }
}

/// A ciphertext that was changed is no error, and changes every string: nobody learns from it which one was opened.
#[test]
fn changed_ciphertexts_are_no_oracle() {
    for bits in [[false, false], [true, false]] {
        let choices = BitVec::from_bools(&bits);
        let (s, r) = machines(SESSION, &choices);
        let (s, r, _) = run_pair_tampered(s, r, |from: u8, _: usize, m: &mut Vec<u8>| {
            if from == 0 {
                m[Header::LEN + 5] ^= 1; // of string 0 of the first OT
            }
        });
        let (s, r) = (s.unwrap(), r.unwrap());
        for (pair, m) in s.messages().iter().zip(r.messages()) {
            assert!(!pair.contains(m));
        }
    }
}

#[test]
fn sessions_are_in_the_hashes_and_not_only_in_the_header() {
    let mut twin = SESSION;
    twin.0[31] ^= 1;
    let choices = BitVec::from_bools(&[true, false]);
    let (s, r) = machines(twin, &choices);
    let (s, r, _) = run_pair(s, r);
    let (s, r) = (s.unwrap(), r.unwrap());
    for (pair, m) in s.messages().iter().zip(r.messages()) {
        assert!(!pair.contains(m));
    }
}

#[test]
fn nothing_secret_is_printed() {
    let (s, r) = machines(SESSION, &BitVec::from_bools(&[true]));
    let tag = "1, SessionId(0909090909090909..)";
    assert_eq!(
        format!("{s:?}"),
        format!("SenderMachine of mlkem::Sender({tag})")
    );
    assert_eq!(
        format!("{r:?}"),
        format!("ReceiverMachine of mlkem::Receiver({tag})")
    );
    assert!(s.step(&[1], &mut Vec::new()).is_err());
    assert!(r.step(&[1], &mut Vec::new()).is_err());
}
