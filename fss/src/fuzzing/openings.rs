//! The doors through which the other party's masked values come.

use piquet_core::BitVec;
use piquet_core::wire::{Encode, Header};

use super::{SESSION, fill, of_the_peer, parameters};
use crate::dealer::{Dealer, Seed};
use crate::gates::Gate;
use crate::gates::bit::BitToRing;
use crate::mask::{BitMask, Mask};
use crate::stream::KeyStream;
use crate::{Error, P1, kinds};

/// The first bytes say bits and number of values; the rest is the peer's message, as it comes and behind the header
/// that is due.
pub fn openings(data: &[u8]) {
    let Some(([bits, count], data)) = parameters(data) else {
        return;
    };
    let (bits, n) = (bits as u32 % 64 + 1, count + 1);
    let bad = |e: Error| -> ! { unreachable!("{e}") };
    let mask = Mask::<u64>::new(bits).unwrap_or_else(|e| bad(e));
    each(kinds::MASKED, data, n * bits as usize, |m| {
        let shares = vec![5; n];
        let (opening, _) = keys(&mask, n).open(&shares).unwrap_or_else(|e| bad(e));
        let want = opening.expects();
        if let Some(opened) = of_the_peer(opening.finish(m)) {
            assert_eq!((opened.len(), m.len()), (n, want));
            assert!(bits == 64 || opened.as_slice().iter().all(|x| x >> bits == 0));
        }
    });
    each(kinds::MASKED_BITS, data, n, |m| {
        let (opening, _) = keys(&BitMask, n)
            .open(&BitVec::zeros(n))
            .unwrap_or_else(|e| bad(e));
        let want = opening.expects();
        if let Some(opened) = of_the_peer(opening.finish(m)) {
            assert_eq!((opened.len(), m.len()), (n, want));
        }
    });
    let ring = BitToRing::<u64>::new(bits).unwrap_or_else(|e| bad(e));
    each(kinds::MASKED_BITS, data, n, |m| {
        let (pending, _) = keys(&ring, n)
            .start(&BitVec::zeros(n))
            .unwrap_or_else(|e| bad(e));
        let want = pending.expects();
        if let Some(shares) = of_the_peer(pending.finish(m)) {
            assert_eq!((shares.len(), m.len()), (n, want));
        }
    });
}

/// `data` as the whole message, behind a header, and of the right length for `bits` bits with their padding clear.
fn each(kind: u8, data: &[u8], bits: usize, door: impl Fn(&[u8])) {
    let header = Header {
        kind,
        session: SESSION.child("key set 1"),
        step: 0,
    };
    let mut framed = Vec::new();
    header.encode(&mut framed);
    let mut body = fill(data, bits.div_ceil(8));
    if let (Some(last), 1..) = (body.last_mut(), bits % 8) {
        *last &= (1 << (bits % 8)) - 1;
    }
    door(data);
    door(&[&framed[..], data].concat());
    door(&[framed, body].concat());
}

/// Keys of the first block.
fn keys<G>(gate: &G, n: usize) -> G::Keys<P1>
where
    G: for<'a> Gate<Masks<'a> = ()>,
{
    let mut dealer = Dealer::new(SESSION, 1, &Seed::from_bytes([1; 16]));
    let [mut s0, mut s1] = [Vec::new(), Vec::new()];
    let dealt = dealer.deal(gate, n, (), [&mut s0, &mut s1]);
    let mut stream = KeyStream::<P1>::new(SESSION, 1, dealer.seed::<P1>());
    match (dealt, stream.take(gate, n, &s1)) {
        (Ok(_), Ok(keys)) => keys,
        (Err(e), _) | (_, Err(e)) => unreachable!("{e}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_are_a_finding(data: Vec<u8>) {
            openings(&data);
        }
    }

    #[test]
    fn zeros_of_every_length() {
        for len in 0..200 {
            openings(&[&[12, 6][..], &vec![0; len]].concat());
        }
    }

    /// What is filled up to the right length is read to the end.
    #[test]
    fn the_right_header_is_known() {
        let seen = std::cell::Cell::new(0);
        each(kinds::MASKED_BITS, &[255; 3], 9, |m| {
            let (opening, own) = keys(&BitMask, 9).open(&BitVec::zeros(9)).unwrap();
            assert_eq!(own.len(), 20);
            seen.set(seen.get() + usize::from(opening.finish(m).is_ok()));
        });
        assert_eq!(seen.get(), 1);
    }
}
