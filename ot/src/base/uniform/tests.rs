use super::*;
use crate::ideal;
use piquet_core::BitVec;
use piquet_core::wire::{DecodeError, Machine, RunError, run_pair, run_pair_tampered};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const SESSION: SessionId = SessionId([8; 32]);

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// Both parties at their start; the same OTs at every call.
fn machines(n: usize) -> (SenderMachine, ReceiverMachine, Vec<[Block; 2]>) {
    let choices = BitVec::random(n, &mut rng(1));
    let (sent, received) = ideal::random_ots(&choices, &mut rng(2));
    let endemic = sent.messages().to_vec();
    let mut commitment = Vec::new();
    let s = Sender::new(SESSION, sent, &mut rng(3), &mut commitment).unwrap();
    let r = Receiver::new(SESSION, received, &mut rng(4)).unwrap();
    (
        SenderMachine::new(s, commitment),
        ReceiverMachine::new(r),
        endemic,
    )
}

#[test]
fn strings_agree_and_are_masked_each_by_its_own() {
    for n in [1, 2, 7, 127, 128, 129] {
        let (s, r, endemic) = machines(n);
        let (s, r, trace) = run_pair(s, r);
        let (s, r) = (s.unwrap(), r.unwrap());
        let mut masks = Vec::new();
        for (i, c) in r.choices().to_bools().enumerate() {
            assert!(s.messages()[i][usize::from(c)] == r.messages()[i]);
            masks.extend((0..2).map(|x| (s.messages()[i][x] ^ endemic[i][x]).to_u128()));
        }
        masks.sort_unstable();
        masks.dedup();
        assert_eq!(masks.len(), 2 * n);
        assert_eq!((trace.sent_by(0), trace.sent_by(1)), (100, 50));
        let from: Vec<_> = trace.messages.iter().map(|(p, _)| *p).collect();
        assert_eq!(from, [0, 1, 0]);
        if n == 128 {
            let all: Vec<u8> = trace.messages.iter().flat_map(|m| m.1.clone()).collect();
            assert_eq!(
                &blake3::hash(&all).to_hex().as_str()[..32],
                "69308f47b5d57b91729533d84e8bf700"
            );
        }
    }
}

#[test]
fn a_seed_that_was_not_committed_to_is_caught() {
    for bit in [0, 77, 255] {
        let (s, r, _) = machines(3);
        let (_, r, _) = run_pair_tampered(s, r, |_: u8, k: usize, m: &mut Vec<u8>| {
            if k == 2 {
                m[Header::LEN + bit / 8] ^= 1 << (bit % 8);
            }
        });
        assert_eq!(r.unwrap_err(), RunError::Protocol(Error::Check));
        let (s, r, _) = machines(3);
        let (_, r, _) = run_pair_tampered(s, r, |_: u8, k: usize, m: &mut Vec<u8>| {
            if k == 0 {
                m[Header::LEN + bit / 8] ^= 1 << (bit % 8);
            }
        });
        assert_eq!(r.unwrap_err(), RunError::Protocol(Error::Check));
    }
}

#[test]
fn commitments_of_another_session_do_not_open() {
    let mut twin = SESSION;
    twin.0[31] ^= 1;
    assert_ne!(commitment(&SESSION, &[1; 32]), commitment(&twin, &[1; 32]));
    let next = |a: &[u8; 32], b: &[u8; 32], s| Masks::new(&s, a, b).next()[0];
    let base = next(&[1; 32], &[2; 32], SESSION);
    assert!(base != next(&[2; 32], &[1; 32], SESSION));
    assert!(base != next(&[1; 32], &[2; 32], twin));
    assert!(base != next(&[1; 32], &[3; 32], SESSION));
}

#[test]
fn messages_of_another_length_kind_or_session_are_refused() {
    for index in 0..3 {
        type Change = fn(&mut Vec<u8>);
        let changes: [(Change, &str); 4] = [
            (|m| m.truncate(49), "length"),
            (|m| m[1] = 0x40, "kind"),
            (|m| m[2] ^= 1, "context"),
            (|m| m[0] = 2, "version"),
        ];
        for (change, name) in changes {
            let (s, r, _) = machines(3);
            let (s, r, _) = run_pair_tampered(s, r, |_: u8, k: usize, m: &mut Vec<u8>| {
                if k == index {
                    change(m);
                }
            });
            let e = if index == 1 {
                s.unwrap_err()
            } else {
                r.unwrap_err()
            };
            let RunError::Protocol(Error::Decode(e)) = e else {
                panic!("{name}: {e:?}")
            };
            let got = match e {
                DecodeError::Length { got: 49, want: 50 } => "length",
                DecodeError::Kind { got: 0x40, .. } => "kind",
                DecodeError::Context => "context",
                DecodeError::Version { got: 2, want: 1 } => "version",
                _ => "other",
            };
            assert_eq!(got, name);
        }
    }
}

#[test]
fn nothing_is_not_tossed_for_and_nothing_is_printed() {
    let (sent, received) = ideal::random_ots(&BitVec::zeros(0), &mut rng(2));
    let e = Sender::new(SESSION, sent, &mut rng(3), &mut Vec::new()).unwrap_err();
    assert_eq!(e, Error::Empty);
    let e = Receiver::new(SESSION, received, &mut rng(4)).unwrap_err();
    assert_eq!(e, Error::Empty);
    let (s, r, _) = machines(3);
    let tag = "3, SessionId(0808080808080808..)";
    assert_eq!(
        format!("{s:?}"),
        format!("SenderMachine of uniform::Sender({tag})")
    );
    assert_eq!(
        format!("{r:?}"),
        format!("ReceiverMachine of uniform::Receiver({tag})")
    );
    assert!(s.step(&[1], &mut Vec::new()).is_err());
    assert!(r.step(&[1], &mut Vec::new()).is_err());
}

proptest! {
    #[test]
    fn no_message_is_a_panic(bytes: Vec<u8>) {
        let (sent, received) = ideal::random_ots(&BitVec::zeros(2), &mut rng(2));
        let out = &mut Vec::new();
        let s = Sender::new(SESSION, sent, &mut rng(3), out).unwrap();
        prop_assert!(s.finish(&bytes, out).is_err());
        let r = Receiver::new(SESSION, received, &mut rng(4)).unwrap();
        prop_assert!(r.answer(&bytes, out).is_err());
    }
}
