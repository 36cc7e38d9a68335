//! Doors of what is made of correlated OTs. The first bytes give the parameters, the rest is the peer's message; it is
//! read with a good header in front as well, so that what lies behind the header is reached.

use piquet_core::correlation::MatrixShape;
use piquet_core::wire::{Encode, Header, SessionId};
use piquet_core::{Block, Prg};

use crate::one_of_n::{self, ReceivedOneOfN};
use crate::triples::{gilboa, matrix};
use crate::{
    ChosenCots, Delta, Error, Malicious, ReceivedCots, Security, SemiHonest, SentCots, additive,
    ideal, kinds,
};

const SESSION: SessionId = SessionId([6; 32]);

fn cots<M: Security>(n: usize) -> (SentCots<M>, ReceivedCots<M>) {
    let mut rng = Prg::new(Block::from_u128(1));
    let delta = Delta::random(&mut rng);
    ideal::cots(SESSION, delta, n, &mut rng)
}

/// `data` as the whole message, and as what follows the header that is due.
fn both(kind: u8, session: SessionId, data: &[u8], door: impl Fn(&[u8]) -> Result<(), Error>) {
    let header = Header {
        kind,
        session,
        step: 0,
    };
    let mut framed = Vec::new();
    header.encode(&mut framed);
    framed.extend_from_slice(data);
    for message in [data, &framed] {
        match door(message) {
            Ok(()) | Err(Error::Decode(_)) => {}
            Err(e) => unreachable!("{e}"),
        }
    }
}

/// Masked choices: the first byte says how many.
pub fn choices(data: &[u8]) {
    if let Some((n, data)) = data.split_first() {
        let n = usize::from(*n) + 1;
        both(kinds::CHOICES, SESSION, data, |m| {
            cots::<Malicious>(n).0.choose(m).map(drop)
        });
    }
}

/// Masked blocks and strings: the first byte says how many, the second how long.
pub fn messages(data: &[u8]) {
    let Some(([n, len], data)) = data.split_first_chunk() else {
        return;
    };
    let (n, len) = (usize::from(n % 40) + 1, usize::from(*len) + 1);
    let received = || ChosenCots::from(cots::<Malicious>(n).1);
    both(kinds::BLOCKS, SESSION, data, |m| {
        received().receive_blocks(m).map(drop)
    });
    both(kinds::STRINGS, SESSION, data, |m| {
        let got = received().receive_strings(len, m)?;
        assert_eq!(got.len(), n * len);
        Ok(())
    });
}

/// Messages of 1-out-of-N OT: the first bytes give log2 N, number and bits.
pub fn one_of_n(data: &[u8]) {
    let Some(([log, ots, bits], data)) = data.split_first_chunk() else {
        return;
    };
    let (log, ots) = (usize::from(log % 8) + 1, usize::from(ots % 80) + 1);
    let bits = u32::from(bits % 128) + 1;
    both(kinds::ONE_OF_N, SESSION, data, |m| {
        let received = ReceivedOneOfN::new(cots::<SemiHonest>(ots * log).1, 1 << log)?;
        received.receive::<u128>(bits, m)?;
        assert_eq!(one_of_n::message_len(1 << log, ots, bits), Ok(m.len()));
        Ok(())
    });
}

/// Corrections of additive correlations: the first bytes give number, width and bits.
pub fn additive(data: &[u8]) {
    let Some(([ots, width, bits], data)) = data.split_first_chunk() else {
        return;
    };
    let shape = additive::Shape {
        ots: usize::from(ots % 80) + 1,
        width: usize::from(width % 20) + 1,
        bits: u32::from(bits % 64) + 1,
    };
    both(kinds::ADDITIVE, SESSION, data, |m| {
        additive::receive::<u64, _>(cots::<SemiHonest>(shape.ots).1, shape, m)?;
        assert_eq!(shape.message_len::<u64>(), Ok(m.len()));
        Ok(())
    });
}

/// Corrections of triples of elements and matrices: the first bytes give number or dimensions, and bits.
pub fn triples(data: &[u8]) {
    let Some(([m, k, n, bits], data)) = data.split_first_chunk() else {
        return;
    };
    let [m, k, n] = [m, k, n].map(|d| usize::from(d % 5) + 1);
    let bits = u32::from(bits % 64) + 1;
    // The message is of the direction in which the other party sends.
    let from = SESSION.child("1 sends");
    let shape = gilboa::Shape { triples: m, bits };
    both(kinds::RING_TRIPLES, from, data, |message| {
        let mut rng = Prg::new(Block::from_u128(1));
        let [(s, r), _] = ideal::both_ways(SESSION, shape.cots()?, &mut rng);
        let pending = gilboa::start::<u64, _>(shape, s, r, &mut rng, &mut Vec::new())?;
        assert!(pending.finish(message)?.len() == m && Ok(message.len()) == shape.message_len());
        Ok(())
    });
    let matrices = MatrixShape { m, k, n };
    let shape = matrix::Shape { matrices, bits };
    both(kinds::MATRIX_TRIPLE, from, data, |message| {
        let mut rng = Prg::new(Block::from_u128(1));
        let [(s, r), _] = ideal::both_ways(SESSION, shape.cots()?, &mut rng);
        let pending = matrix::start::<u64, _>(shape, s, r, &mut rng, &mut Vec::new())?;
        let triple = pending.finish(message)?;
        assert!(triple.shape() == matrices && Ok(message.len()) == shape.message_len());
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_are_a_finding(data: Vec<u8>) {
            super::choices(&data);
            super::messages(&data);
            super::one_of_n(&data);
            super::additive(&data);
            super::triples(&data);
        }
    }

    /// Bodies of the right length get to the end.
    #[test]
    fn zeros_of_every_length() {
        for len in 0..300 {
            let body = vec![0; len];
            super::choices(&[&[70][..], &body].concat());
            super::messages(&[&[1, 6][..], &body].concat());
            super::one_of_n(&[&[1, 4, 20][..], &body].concat());
            super::additive(&[&[9, 2, 12][..], &body].concat());
            super::triples(&[&[1, 2, 1, 4][..], &body].concat());
        }
    }
}
