#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use super::*;
use crate::dealer::{Deal, Dealer, MAX_BLOCKS};
use crate::gates::sign::Sign;
use crate::mask::Mask;
use crate::testing::uniform;
use crate::{P0, P1};

const SESSION: SessionId = SessionId([9; 32]);
const GATES: usize = 5;

fn seed(n: u8) -> Seed {
    Seed::from_bytes([n; 16])
}

fn sign() -> Sign<u32> {
    Sign::new(12).unwrap()
}

fn reader<P: Role>(dealer: &Dealer) -> KeyStream<P> {
    KeyStream::new(SESSION, 4, dealer.seed::<P>())
}

/// A dealer, and the blocks of three batches of the same gate at both parties.
fn three() -> (Dealer, Vec<[Vec<u8>; 2]>) {
    let mut dealer = Dealer::new(SESSION, 4, &seed(1));
    let blocks = (0..3).map(|i| {
        let [mut s0, mut s1] = [Vec::new(), Vec::new()];
        let masks = uniform::<u32>(12, GATES, i);
        dealer
            .deal(&sign(), GATES, &masks, [&mut s0, &mut s1])
            .unwrap();
        [s0, s1]
    });
    let blocks = blocks.collect();
    (dealer, blocks)
}

/// What `block` is refused with as the first one. Nothing is given afterwards, the right block neither.
fn refused<P: Role>(block: &[u8]) -> Error {
    let (dealer, blocks) = three();
    let mut stream = reader::<P>(&dealer);
    let e = stream.take(&sign(), GATES, block).err().unwrap();
    let right = &blocks[0][usize::from(P::INDEX)];
    let again = stream.take(&sign(), GATES, right).err();
    assert_eq!(again, Some(Error::Poisoned));
    assert_eq!(stream.position(), 0);
    e
}

#[test]
fn the_right_blocks_in_order_are_taken() {
    let (dealer, blocks) = three();
    let (mut s0, mut s1) = (reader::<P0>(&dealer), reader::<P1>(&dealer));
    for [b0, b1] in &blocks {
        assert_eq!(b0.len(), KeyStream::<P0>::block_len(&sign(), GATES));
        s0.take(&sign(), GATES, b0).unwrap();
        s1.take(&sign(), GATES, b1).unwrap();
    }
    assert_eq!((s0.position(), s1.position()), (3, 3));
}

#[test]
fn every_other_length_is_refused() {
    let (_, blocks) = three();
    let block = &blocks[0][0];
    let want = block.len();
    let long = [&block[..], &[0; 40]].concat();
    for got in (0..want).chain(want + 1..=want + 40) {
        let e = refused::<P0>(&long[..got]);
        assert_eq!(e, Error::Stream(DecodeError::Length { got, want }));
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let (_, blocks) = three();
    for at in 0..8 * blocks[0][1].len() {
        let mut block = blocks[0][1].clone();
        block[at / 8] ^= 1 << (at % 8);
        match (at / 8, refused::<P1>(&block)) {
            (0, Error::Stream(DecodeError::Version { .. })) => {}
            (1, Error::Stream(DecodeError::Kind { .. })) => {}
            (2..10, Error::Stream(DecodeError::Context)) => {}
            (10..18, Error::Place { what, .. }) => assert_eq!(what, "position"),
            (18, Error::Place { what, .. }) => assert_eq!(what, "party"),
            (19..27, Error::Place { what, .. }) => assert_eq!(what, "set"),
            (27, Error::Place { what, .. }) => assert_eq!(what, "gate"),
            (28..40, Error::Place { what, .. }) => assert_eq!(what, "parameter of the gate"),
            (40..44, Error::Place { what, .. }) => assert_eq!(what, "number of gates"),
            // One error for all that the tag finds.
            (44.., e) => assert_eq!(e, Error::Corrupt { position: 0 }),
            (byte, e) => panic!("byte {byte}: {e}"),
        }
    }
}

#[test]
fn swapped_and_replayed_blocks_are_refused() {
    let (dealer, blocks) = three();
    assert_eq!(
        refused::<P0>(&blocks[1][0]),
        Error::Place {
            what: "position",
            got: 1,
            want: 0
        }
    );
    let mut stream = reader::<P0>(&dealer);
    stream.take(&sign(), GATES, &blocks[0][0]).unwrap();
    let replayed = stream.take(&sign(), GATES, &blocks[0][0]).err();
    let want = Error::Place {
        what: "position",
        got: 0,
        want: 1,
    };
    assert_eq!(replayed, Some(want));
    let next = stream.take(&sign(), GATES, &blocks[1][0]).err();
    assert_eq!(next, Some(Error::Poisoned));
}

/// With its position put right, a block of another place is still one under another key.
#[test]
fn a_renumbered_block_is_refused() {
    let (_, blocks) = three();
    let mut block = blocks[1][0].clone();
    block[10] = 0;
    assert_eq!(refused::<P0>(&block), Error::Corrupt { position: 0 });
    // Nor does the tag of one block fit another.
    let mut block = blocks[0][0].clone();
    let at = block.len() - 16;
    block[at..].copy_from_slice(&blocks[1][0][at..]);
    assert_eq!(refused::<P0>(&block), Error::Corrupt { position: 0 });
}

#[test]
fn blocks_of_others_are_refused() {
    let (dealer, blocks) = three();
    let place = |what, got, want| Error::Place { what, got, want };
    assert_eq!(refused::<P0>(&blocks[0][1]), place("party", 1, 0));
    let mut relabelled = blocks[0][1].clone();
    relabelled[18] = 0;
    assert_eq!(refused::<P0>(&relabelled), Error::Corrupt { position: 0 });

    let other = |session, set, with: &Seed| {
        let mut d = Dealer::new(session, set, with);
        let [mut a, mut b] = [Vec::new(), Vec::new()];
        let masks = uniform::<u32>(12, GATES, 0);
        d.deal(&sign(), GATES, &masks, [&mut a, &mut b]).unwrap();
        a
    };
    assert_eq!(other(SESSION, 4, &seed(1)), blocks[0][0]);
    let e = refused::<P0>(&other(SESSION, 5, &seed(1)));
    assert_eq!(e, place("set", 5, 4));
    let e = refused::<P0>(&other(SessionId([8; 32]), 4, &seed(1)));
    assert_eq!(e, Error::Stream(DecodeError::Context));
    let e = refused::<P0>(&other(SESSION, 4, &seed(2)));
    assert_eq!(e, Error::Corrupt { position: 0 });
    // A session whose header looks the same.
    let mut session = SESSION;
    session.0[31] ^= 1;
    let e = refused::<P0>(&other(session, 4, &seed(1)));
    assert_eq!(e, Error::Corrupt { position: 0 });

    // Under a seed that is not this party's.
    let mut stream = KeyStream::<P0>::new(SESSION, 4, dealer.seed::<P1>());
    let e = stream.take(&sign(), GATES, &blocks[0][0]).err();
    assert_eq!(e, Some(Error::Corrupt { position: 0 }));
}

#[test]
fn blocks_of_other_gates_are_refused() {
    // Masks cost no bytes, so that only the head tells them apart.
    let gate = Mask::<u32>::new(12).unwrap();
    let mut dealer = Dealer::new(SESSION, 4, &seed(1));
    let [mut s0, mut s1] = [Vec::new(), Vec::new()];
    dealer.deal(&gate, 7, (), [&mut s0, &mut s1]).unwrap();
    let place = |what, got, want| Some(Error::Place { what, got, want });
    let e = reader::<P0>(&dealer).take(&gate, 8, &s0).err();
    assert_eq!(e, place("number of gates", 7, 8));
    let narrow = Mask::<u32>::new(11).unwrap();
    let e = reader::<P0>(&dealer).take(&narrow, 7, &s0).err();
    assert_eq!(e, place("parameter of the gate", 12, 11));
    let word = Mask::<u64>::new(12).unwrap();
    let e = reader::<P0>(&dealer).take(&word, 7, &s0).err();
    assert_eq!(e, place("parameter of the gate", 32, 64));
    let e = reader::<P0>(&dealer)
        .take(&crate::mask::BitMask, 7, &s0)
        .err();
    assert_eq!(e, place("gate", 1, 2));
    let e = reader::<P0>(&dealer).take(&sign(), 7, &s0).err();
    assert!(matches!(e, Some(Error::Stream(DecodeError::Length { .. }))));
}

#[test]
fn a_batch_of_none_or_too_many_ends_the_stream() {
    let (dealer, blocks) = three();
    for (count, want) in [(0, Error::Empty), (65_537, over(65_537))] {
        let mut stream = reader::<P0>(&dealer);
        let e = stream.take(&sign(), count, &blocks[0][0]).err();
        assert_eq!(e, Some(want));
        let e = stream.take(&sign(), GATES, &blocks[0][0]).err();
        assert_eq!(e, Some(Error::Poisoned));
    }
}

fn over(got: u64) -> Error {
    Error::Parameter {
        what: "gates of a block",
        got,
        domain: "1 to 65536",
    }
}

#[test]
fn positions_end() {
    let (dealer, blocks) = three();
    let mut stream = reader::<P0>(&dealer);
    stream.position = MAX_BLOCKS;
    let e = stream.take(&sign(), GATES, &blocks[0][0]).err().unwrap();
    assert_eq!(
        e,
        Error::Parameter {
            what: "position of a block",
            got: MAX_BLOCKS,
            domain: "below 2^47"
        }
    );
    // The highest bit of a step is the sender's.
    assert_eq!(MAX_BLOCKS * MAX_MESSAGES, 1 << 63);
}

/// Writes a number of bytes and sends a number of messages, whatever its formula says.
#[derive(Debug)]
struct Odd {
    says: usize,
    writes: usize,
    reads: usize,
    messages: u64,
}

impl Gate for Odd {
    type Masks<'a> = ();
    type Dealt = ();
    type Keys<P: Role> = Vec<Header>;
    fn id(&self) -> GateId {
        GateId {
            gate: 255,
            parameters: [0; 3],
        }
    }
    fn key_bytes(&self, _: usize) -> usize {
        self.says
    }
    fn deal(&self, _: usize, (): (), to: &mut Deal) -> Result<(), Error> {
        to.payload.resize(to.payload.len() + self.writes, 0);
        Ok(())
    }
    fn take<P: Role>(&self, _: usize, from: &mut Taken<'_, P>) -> Result<Vec<Header>, Error> {
        from.payload.bytes(self.reads).map_err(Error::Stream)?;
        Ok((0..self.messages).map(|_| from.message(1)).collect())
    }
}

/// Deals `gate` twice and gives both blocks to party 0.
fn odd(gate: &Odd) -> Result<Vec<Header>, Error> {
    let mut dealer = Dealer::new(SESSION, 4, &seed(1));
    let mut stream = reader::<P0>(&dealer);
    let mut all = Vec::new();
    for _ in 0..2 {
        let [mut s0, mut s1] = [vec![7], vec![8, 9]];
        let dealt = dealer.deal(gate, 1, (), [&mut s0, &mut s1]);
        if dealt.is_err() {
            assert_eq!((&s0, &s1), (&vec![7], &vec![8, 9])); // nothing was written
        }
        dealt?;
        all.extend(stream.take(gate, 1, &s0[1..])?);
    }
    Ok(all)
}

#[test]
fn no_two_messages_have_one_header() {
    let gate = |messages| Odd {
        says: 3,
        writes: 3,
        reads: 3,
        messages,
    };
    let headers = odd(&gate(MAX_MESSAGES)).unwrap();
    let steps: HashSet<_> = headers.iter().map(|h| h.step).collect();
    assert_eq!(steps.len() as u64, 2 * MAX_MESSAGES);
    assert!(headers.iter().all(|h| h.session == headers[0].session));
    assert_ne!(headers[0].session, SESSION);
    let e = odd(&gate(MAX_MESSAGES + 1)).err().unwrap();
    assert!(matches!(e, Error::Parameter { got: 65_537, .. }));
}

#[test]
fn a_gate_is_held_to_its_formula() {
    let gate = |writes, reads| Odd {
        says: 3,
        writes,
        reads,
        messages: 0,
    };
    for writes in [2, 4] {
        let e = Error::Length {
            what: "bytes of keys",
            got: writes,
            want: 3,
        };
        assert_eq!(odd(&gate(writes, 3)).err(), Some(e));
    }
    for reads in [2, 4] {
        let e = odd(&gate(3, reads)).err().unwrap();
        assert!(matches!(e, Error::Stream(DecodeError::Length { .. })));
    }
}

#[test]
fn secrets_are_not_printed() {
    let (dealer, _) = three();
    let mut stream = reader::<P0>(&dealer);
    stream.side.key = [0xab; 32];
    let text = format!("{stream:?} {dealer:?}");
    assert!(!text.contains("171") && !text.contains("ab, ab") && text.contains("Side(..)"));
}
