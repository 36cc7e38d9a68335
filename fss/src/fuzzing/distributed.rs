//! The door of keys without a dealer.

use piquet_core::correlation::{ReceivedOts, RingTriples, SentOts};
use piquet_core::wire::{Encode, Header, Machine, Step};
use piquet_core::{BitVec, Block, Prg, RingVec};

use super::{SESSION, fill, of_the_peer, parameters};
use crate::distributed::{Batch, Generator, Keys, Own, Range};
use crate::evaluator::Cpu;
use crate::mask::from_party;
use crate::{P0, P1, kinds};

/// The first bytes say domain, range, number of keys and a message; the rest is that message, and once more the
/// bodies of all messages.
pub fn distributed(data: &[u8]) {
    let Some(([domain, bits, keys, stop], data)) = parameters(data) else {
        return;
    };
    let range = match bits % 130 {
        0 | 129 => Range::Block,
        k => Range::Ring(k as u32),
    };
    let Ok(batch) = Batch::new(SESSION, domain as u32 % 6 + 1, range, keys % 5 + 1) else {
        unreachable!("{range:?}")
    };
    let stop = stop % batch.rounds();
    if let Some(keys) = run(batch, |i, m| if i == stop { data.to_vec() } else { m }) {
        used(batch, &keys);
    }
    let bodies = |_, mut m: Vec<u8>| {
        let body = fill(data, m.len() - Header::LEN);
        m.truncate(Header::LEN);
        m.extend(body);
        m
    };
    if let Some(keys) = run(batch, bodies) {
        used(batch, &keys);
    }
}

/// Party 0 against messages made of the right headers and zeros, as `change` changes them.
fn run(batch: Batch, change: impl Fn(usize, Vec<u8>) -> Vec<u8>) -> Option<Keys<P0>> {
    let mut rng = Prg::new(Block::from_u128(1));
    let n = batch.keys();
    let ots = (0..batch.ots()).map(|i| Block::from_u128(i as u128));
    let triples = match batch.range() {
        Range::Ring(k) if k > 1 => {
            let zeros = || RingVec::zeros(n);
            RingTriples::from_raw(k, zeros(), zeros(), zeros())
        }
        _ => None,
    };
    let own = Own {
        alphas: &vec![5; n],
        betas: &vec![9; n],
        sent: SentOts::from_raw(ots.clone().map(|b| [b, b]).collect()),
        received: ReceivedOts::from_raw(BitVec::zeros(batch.ots()), ots.collect())?,
        triples,
    };
    let mut party = of_the_peer(Generator::<P0>::new(batch, own, &mut rng))?;
    let mut message = Vec::new();
    for round in 0..=batch.rounds() {
        let due = party.expects();
        match of_the_peer(party.step(&message, &mut Vec::new()))? {
            Step::Recv(next) | Step::Send(next) => party = next,
            Step::Done(keys) => return Some(keys),
        }
        assert_eq!(due, message.len());
        message = change(round, right(&batch, round, party.expects()));
    }
    unreachable!("more rounds than there are")
}

/// The message of `round` with a body of zeros.
fn right(batch: &Batch, round: usize, len: usize) -> Vec<u8> {
    let levels = batch.domain() as usize;
    let (kind, step) = match round {
        0 => (kinds::DISTRIBUTED_CHOICES, 0),
        1 => (kinds::DISTRIBUTED_TRANSFERS, 0),
        r if r < levels + 2 => (kinds::DISTRIBUTED_LEVEL, r - 2),
        r => (kinds::DISTRIBUTED_LEAF, r - levels - 2),
    };
    let mut m = Vec::new();
    let header = from_party::<P1>(Header {
        kind,
        session: SESSION.child("distributed keys"),
        step: step as u64,
    });
    header.encode(&mut m);
    m.resize(len, 0);
    m
}

fn used(batch: Batch, keys: &Keys<P0>) {
    assert_eq!(keys.len(), batch.keys());
    let points = vec![1; keys.len()];
    for key in 0..keys.len() {
        let all = keys.everywhere(key, &Cpu::new());
        assert!(all.is_ok_and(|v| v.len() == 1 << batch.domain()));
    }
    assert!(keys.points(&points, &Cpu::new()).is_ok());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_are_a_finding(data: Vec<u8>) {
            distributed(&data);
        }
    }

    #[test]
    fn right_messages_get_to_the_end() {
        for range in [
            Range::Block,
            Range::Ring(1),
            Range::Ring(64),
            Range::Ring(100),
        ] {
            let batch = Batch::new(SESSION, 4, range, 3).unwrap();
            assert!(run(batch, |_, m| m).is_some());
        }
    }
}
