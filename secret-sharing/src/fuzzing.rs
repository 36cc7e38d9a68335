//! What the fuzz targets run: every door of this crate through which a peer's bytes come. Panics are findings.

use piquet_core::{
    BitVec, Prg, RingVec,
    wire::{Decode, Encode, Machine, SessionId, Step},
};

use crate::{
    AdditiveVec, Party, Rep3Party, XorVec,
    beaver::{
        BitOpening, BitOpeningShape, BitTriples, Multiply, Opening, OpeningShape, Product, Triples,
    },
    replicated::{SeededRep3, SeededShape},
};

const SESSION: SessionId = SessionId([2; 32]);

/// What a decoder accepts, it gives back unchanged.
fn same<T: Encode>(decoded: Result<T, piquet_core::wire::DecodeError>, bytes: &[u8]) {
    if let Ok(v) = decoded {
        let mut again = Vec::new();
        v.encode(&mut again);
        assert_eq!(again, bytes);
    }
}

/// Decoders of [`SeededRep3`], for every recipient.
pub fn seeded_rep3(data: &[u8]) {
    let Some((len, bytes)) = data.split_first() else {
        return;
    };
    for party in Rep3Party::ALL {
        let shape = SeededShape {
            session: SESSION,
            step: 1,
            party,
            len: usize::from(*len),
        };
        same(SeededRep3::<u16>::decode(&shape, bytes), bytes);
        let huge = SeededShape {
            len: usize::MAX / 2,
            ..shape
        };
        assert!(SeededRep3::<u128>::decode(&huge, bytes).is_err());
    }
}

/// Decoders of [`Opening`] and [`BitOpening`].
pub fn openings(data: &[u8]) {
    let Some((len, bytes)) = data.split_first() else {
        return;
    };
    let len = usize::from(*len);
    for from in Party::all(3).into_iter().flatten() {
        for product in [
            Product::Elements { len },
            Product::MatMul { m: len, k: 2, n: 1 },
        ] {
            let shape = OpeningShape {
                session: SESSION,
                step: 1,
                from,
                product,
            };
            same(Opening::<u8>::decode(&shape, bytes), bytes);
            same(Opening::<u64>::decode(&shape, bytes), bytes);
        }
        let shape = BitOpeningShape {
            session: SESSION,
            step: 1,
            from,
            len,
        };
        same(BitOpening::decode(&shape, bytes), bytes);
    }
}

/// [`Multiply`] over ring elements and over bits, fed `data` in place of the peer's message: it ends with a share or an
/// error, having sent its opening.
pub fn multiply(data: &[u8]) {
    let _ = run_ring(data);
    let _ = run_bits(data);
}

fn run_ring(data: &[u8]) -> Result<(), crate::Error> {
    let party = Party::new(1, 2)?;
    let mut prg = Prg::new(piquet_core::Block::ZERO);
    let mut fresh = || RingVec::<u32>::random(3, &mut prg);
    let mut pool = Triples::from_raw_shares(party, fresh(), fresh(), fresh())?;
    let x = AdditiveVec::from_raw_share(party, fresh());
    let (opening, pending) = pool.take(3)?.start(SESSION, 1, &x, &x)?;
    feed(Multiply::new(opening, pending)?, data)
}

fn run_bits(data: &[u8]) -> Result<(), crate::Error> {
    let party = Party::new(1, 2)?;
    let mut prg = Prg::new(piquet_core::Block::ZERO);
    let mut fresh = || BitVec::random(67, &mut prg);
    let mut pool = BitTriples::from_raw_shares(party, fresh(), fresh(), fresh())?;
    let x = XorVec::from_raw_share(party, fresh());
    let (opening, pending) = pool.take(67)?.start(SESSION, 1, &x, &x)?;
    feed(Multiply::new(opening, pending)?, data)
}

fn feed<M: Machine<Error = crate::Error>>(machine: M, data: &[u8]) -> Result<(), crate::Error> {
    let mut out = Vec::new();
    assert_eq!(machine.expects(), 0);
    if let Step::Recv(m) = machine.step(&[], &mut out)? {
        assert_eq!(out.len(), m.expects(), "openings are of equal length");
        let fits = data.len() == m.expects();
        let ended = m.step(data, &mut out).map(|_| ());
        assert!(fits || ended.is_err());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_are_a_finding(data: Vec<u8>) {
            super::seeded_rep3(&data);
            super::openings(&data);
            super::multiply(&data);
        }
    }
}
