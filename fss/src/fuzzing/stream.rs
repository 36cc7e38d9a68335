//! The door of a key stream.

use super::{SESSION, fill, parameters};
use crate::dealer::Seed;
use crate::evaluator::Cpu;
use crate::gates::Gate;
use crate::gates::relu::Relu;
use crate::gates::sign::Sign;
use crate::mask::{BitMask, Mask};
use crate::stream::{Head, KeyStream, OVERHEAD, Side};
use crate::{Error, P0, P1, Role};

const SET: u64 = 3;

fn seed() -> Seed {
    Seed::from_bytes([2; 16])
}

/// The first bytes say gate, bits and number of gates; the rest is a block, and once more the payload of a block
/// whose head and tag are right.
pub fn key_stream(data: &[u8]) {
    let Some(([gate, bits, count], data)) = parameters(data) else {
        return;
    };
    let (bits, count) = (bits as u32 % 64 + 1, count + 1);
    match gate % 4 {
        0 => both(Sign::<u64>::new(bits), count, data, |keys, x| {
            assert!(keys.evaluate(x, &Cpu::new()).is_ok());
        }),
        1 => both(Relu::<u64>::new(bits), count, data, |keys, x| {
            let (pending, _) = keys
                .start(x, &Cpu::new())
                .unwrap_or_else(|e| unreachable!("{e}"));
            let zeros = vec![0; pending.expects()];
            assert!(pending.finish(&zeros).is_err());
        }),
        2 => both(Mask::<u64>::new(bits), count, data, |keys, x| {
            assert!(keys.open(x).is_ok());
        }),
        _ => both(Ok(BitMask), count, data, |_, _| {}),
    }
}

fn both<G: Gate>(
    gate: Result<G, Error>,
    count: usize,
    data: &[u8],
    used: impl FnOnce(G::Keys<P1>, &[u64]),
) {
    let gate = gate.unwrap_or_else(|e| unreachable!("{e}"));
    // As it comes.
    let mut stream = KeyStream::<P0>::new(SESSION, SET, &seed());
    match stream.take(&gate, count, data) {
        Ok(_) => assert_eq!(data.len(), OVERHEAD + gate.key_bytes(count)),
        Err(Error::Stream(_) | Error::Place { .. } | Error::Corrupt { .. }) => {
            let again = stream.take(&gate, count, data).err();
            assert_eq!(again, Some(Error::Poisoned));
        }
        Err(e) => unreachable!("{e}"),
    }
    // Under a right tag.
    let block = sealed::<P1, G>(&gate, count, &fill(data, gate.key_bytes(count)));
    let mut stream = KeyStream::<P1>::new(SESSION, SET, &seed());
    match stream.take(&gate, count, &block) {
        Ok(keys) => used(keys, &vec![7; count]),
        Err(Error::Stream(_)) => {}
        Err(e) => unreachable!("{e}"),
    }
}

/// The first block of party P with this payload.
fn sealed<P: Role, G: Gate>(gate: &G, count: usize, payload: &[u8]) -> Vec<u8> {
    let side = Side::new(&seed(), &SESSION, SET, P::INDEX);
    let head = Head {
        session: SESSION,
        position: 0,
        party: P::INDEX,
        set: SET,
        gate: gate.id(),
        count: count as u32,
    };
    let (_, key) = side.block(&head);
    let mut block = Vec::new();
    head.encode(&mut block);
    block.extend_from_slice(payload);
    side.sign(&key, &mut block, 0);
    block
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_are_a_finding(data: Vec<u8>) {
            key_stream(&data);
        }
    }

    /// The files `accepted` of the corpus are these blocks.
    #[test]
    fn what_the_dealer_says_is_accepted() {
        fn accepted<G: Gate>(gate: u8, bits: u8, count: u8, g: Result<G, Error>) {
            let g = g.unwrap();
            let n = usize::from(count) + 1;
            let block = sealed::<P0, G>(&g, n, &vec![0; g.key_bytes(n)]);
            key_stream(&[&[gate, bits - 1, count], &block[..]].concat());
            let mut stream = KeyStream::<P0>::new(SESSION, SET, &seed());
            assert!(stream.take(&g, n, &block).is_ok());
        }
        accepted(0, 12, 6, Sign::<u64>::new(12));
        accepted(1, 9, 2, Relu::<u64>::new(9));
        accepted(2, 64, 1, Mask::<u64>::new(64));
        accepted(3, 1, 8, Ok(BitMask));
        for bits in 0..64 {
            for len in [0, 1, 50, 76] {
                key_stream(&[&[bits & 3, bits, 4], &vec![0; len][..]].concat());
            }
        }
    }
}
