use piquet_core::wire::{DecodeError, Header, SessionId};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::{Delta, Malicious, ideal};

const SESSION: SessionId = SessionId([1; 32]);
const SIZES: [usize; 13] = [1, 2, 7, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1025];

fn rng(n: usize) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([n as u8; 32])
}

fn cots<M: Security>(n: usize) -> (SentCots<M>, ReceivedCots<M>) {
    let mut rng = rng(n);
    let delta = Delta::random(&mut rng);
    ideal::cots(SESSION, delta, n, &mut rng)
}

/// Both halves after a choice of random bits.
fn chosen<M: Security>(n: usize) -> (SentCots<M>, ChosenCots<M>, Vec<bool>) {
    let (sent, received) = cots::<M>(n);
    let choices = BitVec::random(n, &mut rng(n + 1));
    let mut message = Vec::new();
    let received = received.choose(&choices, &mut message).unwrap();
    assert_eq!(message.len(), sent.choose_len());
    assert_eq!(message.len(), 18 + n.div_ceil(8));
    let sent = sent.choose(&message).unwrap();
    (sent, received, choices.to_bools().collect())
}

fn holds<M: Security>(n: usize) {
    let (sent, received, choices) = chosen::<M>(n);
    assert!(received.choices().to_bools().eq(choices.iter().copied()));
    let (sent, received) = (sent.into_random_ots(), received.into_random_ots());
    for (i, c) in choices.iter().enumerate() {
        assert_eq!(received.messages()[i], sent.messages()[i][usize::from(*c)]);
    }

    let (sent, received, choices) = chosen::<M>(n);
    let messages: Vec<_> = (0..n as u128)
        .map(|i| [Block::from_u128(2 * i), Block::from_u128(2 * i + 1)])
        .collect();
    let mut wire = Vec::new();
    sent.send_blocks(&messages, &mut wire).unwrap();
    assert_eq!(wire.len(), 18 + 32 * n);
    let got = received.receive_blocks(&wire).unwrap();
    for (i, c) in choices.iter().enumerate() {
        assert_eq!(got[i], messages[i][usize::from(*c)], "{i} of {n}");
    }
}

#[test]
fn choices_and_blocks_at_every_size() {
    for n in SIZES {
        holds::<SemiHonest>(n);
        holds::<Malicious>(n);
    }
}

fn strings<M: Security>(n: usize, len: usize) {
    let (sent, received, choices) = chosen::<M>(n);
    let messages: Vec<u8> = (0..2 * n * len).map(|i| (i % 251) as u8).collect();
    let mut wire = vec![];
    sent.send_strings(len, &messages, &mut wire).unwrap();
    assert_eq!(wire.len(), 18 + 2 * n * len);
    let got = received.receive_strings(len, &wire).unwrap();
    for (i, c) in choices.iter().enumerate() {
        let want = &messages[(2 * i + usize::from(*c)) * len..][..len];
        assert_eq!(&got[i * len..][..len], want, "{i} of {n}, {len} bytes");
    }
}

#[test]
fn strings_of_every_length() {
    for len in [1, 2, 15, 16, 17, 31, 32, 33, 100, 1000, 5000] {
        for n in [1, 2, 7, 129] {
            strings::<SemiHonest>(n, len);
            strings::<Malicious>(n, len);
        }
    }
    strings::<Malicious>(1025, 3);
    strings::<Malicious>(1025, 47);
}

/// A long pad is not periodic, and shares no block with the pads of other OTs or messages.
#[test]
fn long_pads_do_not_repeat() {
    let (sent, _, _) = chosen::<SemiHonest>(50);
    let mut wire = Vec::new();
    sent.send_strings(160, &[0; 2 * 50 * 160], &mut wire)
        .unwrap();
    let mut pads = wire[Header::LEN..].as_chunks::<16>().0.to_vec();
    assert_eq!(pads.len(), 1000);
    pads.sort_unstable();
    pads.dedup();
    assert_eq!(pads.len(), 1000);
}

proptest! {
    #[test]
    fn any_choice_any_length(n in 1usize..300, len in 1usize..70) {
        strings::<Malicious>(n, len);
    }
}

#[test]
fn numbers_have_to_agree() {
    let mut out = Vec::new();
    let n = |n| BitVec::zeros(n);
    let err = |have, want, out: &mut Vec<u8>| {
        cots::<SemiHonest>(have)
            .1
            .choose(&n(want), out)
            .unwrap_err()
    };
    assert_eq!(err(5, 6, &mut out), Error::Exhausted { want: 6, have: 5 });
    assert!(matches!(
        err(6, 5, &mut out),
        Error::Length {
            got: 6,
            want: 5,
            ..
        }
    ));
    assert_eq!(err(0, 0, &mut out), Error::Empty);
    assert_eq!(
        cots::<SemiHonest>(0).0.choose(&[]).unwrap_err(),
        Error::Empty
    );
    assert!(
        cots::<SemiHonest>(2)
            .0
            .send_blocks(&[[Block::ZERO; 2]; 3], &mut out)
            .is_err()
    );
    let short = cots::<SemiHonest>(2).0.send_strings(3, &[0; 11], &mut out);
    assert!(matches!(
        short,
        Err(Error::Length {
            got: 11,
            want: 12,
            ..
        })
    ));
    for len in [0, (1 << 30) + 1, usize::MAX] {
        let e = cots::<SemiHonest>(2).0.send_strings(len, &[], &mut out);
        assert!(matches!(e, Err(Error::Parameter { .. })));
        let received = ChosenCots::from(cots::<SemiHonest>(2).1);
        assert!(matches!(
            received.receive_strings(len, &[]),
            Err(Error::Parameter { .. })
        ));
    }
    assert!(out.is_empty(), "nothing is sent by a step that fails");
}

/// Every byte of the header, the length, and the padding are checked.
#[test]
fn messages_of_others_are_refused() {
    type Door = fn(&[u8]) -> Result<(), Error>;
    let doors: [(usize, Door); 3] = [
        (18 + 2, |m| cots::<Malicious>(9).0.choose(m).map(drop)),
        (18 + 9 * 32, |m| {
            ChosenCots::from(cots::<Malicious>(9).1)
                .receive_blocks(m)
                .map(drop)
        }),
        (18 + 9 * 10, |m| {
            ChosenCots::from(cots::<Malicious>(9).1)
                .receive_strings(5, m)
                .map(drop)
        }),
    ];
    let mut good = [Vec::new(), Vec::new(), Vec::new()];
    let choices = BitVec::zeros(9);
    cots::<Malicious>(9)
        .1
        .choose(&choices, &mut good[0])
        .unwrap();
    cots::<Malicious>(9)
        .0
        .send_blocks(&[[Block::ZERO; 2]; 9], &mut good[1])
        .unwrap();
    cots::<Malicious>(9)
        .0
        .send_strings(5, &[0; 90], &mut good[2])
        .unwrap();
    for (i, (len, door)) in doors.into_iter().enumerate() {
        assert_eq!(good[i].len(), len);
        assert_eq!(door(&good[i]), Ok(()));
        for other in (0..3).filter(|o| *o != i) {
            assert!(matches!(
                door(&good[other]),
                Err(Error::Decode(DecodeError::Kind { .. }))
            ));
        }
        for at in 0..Header::LEN {
            let mut bad = good[i].clone();
            bad[at] ^= 0x81;
            assert!(matches!(door(&bad), Err(Error::Decode(_))), "{at}");
        }
        for cut in [0, 1, 17, 18, len - 1] {
            assert!(matches!(door(&good[i][..cut]), Err(Error::Decode(_))));
        }
        let long = [&good[i][..], &[0]].concat();
        assert!(matches!(
            door(&long),
            Err(Error::Decode(DecodeError::Length { .. }))
        ));
    }
    good[0][19] |= 0x80;
    assert_eq!(
        doors[0].1(&good[0]),
        Err(DecodeError::Range("padding bits").into())
    );
}

/// The masked choices are uniform, whatever the choices.
#[test]
fn masked_choices_show_nothing() {
    let (_, received) = cots::<SemiHonest>(10_000);
    let mut message = Vec::new();
    let _ = received
        .choose(&BitVec::zeros(10_000), &mut message)
        .unwrap();
    let ones: u32 = message[18..].iter().map(|b| b.count_ones()).sum();
    assert!(ones.abs_diff(5000) < 300, "{ones}");
}

#[test]
fn the_wire_is_fixed() {
    let (sent, received, _) = chosen::<Malicious>(3);
    assert_eq!(format!("{received:?}"), "ChosenCots(3, malicious)");
    assert_eq!(received.weaken().len(), 3);
    let mut wire = Vec::new();
    sent.send_strings(33, &[5; 198], &mut wire).unwrap();
    assert_eq!(wire[..2], [1, kinds::STRINGS]);
    assert_eq!(hash(&wire), "5733dc36c2dba984");
}

fn hash(wire: &[u8]) -> String {
    blake3::hash(wire).to_hex()[..16].to_owned()
}
