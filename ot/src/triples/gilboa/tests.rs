use piquet_core::pack::mask;
use piquet_core::wire::{DecodeError, SessionId};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::ideal;

fn both_ways(n: usize) -> [ideal::Party<SemiHonest>; 2] {
    let mut rng = ChaCha20Rng::from_seed([n as u8; 32]);
    ideal::both_ways(SessionId([1; 32]), n, &mut rng)
}

fn started<R: Ring>(shape: Shape) -> [(Pending<R>, Vec<u8>); 2] {
    let mut rng = ChaCha20Rng::from_seed([8; 32]);
    both_ways(shape.cots().unwrap()).map(|(s, r)| {
        let mut wire = Vec::new();
        let pending = start::<R, _>(shape, s, r, &mut rng, &mut wire).unwrap();
        (pending, wire)
    })
}

fn holds<R: Ring>(triples: usize, bits: u32) {
    let shape = Shape { triples, bits };
    let [(p0, w0), (p1, w1)] = started::<R>(shape);
    assert_eq!((w0.len(), w1.len()), (p0.expects(), p1.expects()));
    let formula: usize = (1..=bits as usize).map(|w| (triples * w).div_ceil(8)).sum();
    assert_eq!(w0.len(), 18 + formula);
    let t0 = p0.finish(&w1).unwrap();
    assert_eq!((t0.bits(), t0.len()), (bits, triples));
    let (t0, t1) = (t0.into_parts(), p1.finish(&w0).unwrap().into_parts());
    let keep = R::from_u64(mask(bits));
    for g in 0..triples {
        let open = |i: usize| {
            let (x, y) = (t0[i].as_slice()[g], t1[i].as_slice()[g]);
            assert!(x == x.and(keep) && y == y.and(keep), "reduced");
            x.add(y)
        };
        let (a, b, c) = (open(0), open(1), open(2));
        assert!(
            a.mul(b).and(keep) == c.and(keep),
            "{g} of {triples}, {bits} bits"
        );
    }
}

#[test]
fn products_are_right_for_every_ring_and_number() {
    for bits in [1, 2, 7, 8, 31, 32, 33, 63, 64] {
        for n in [1, 2, 7, 65] {
            holds::<u64>(n, bits);
            holds::<u128>(n, bits);
        }
        if bits <= 32 {
            holds::<u32>(257, bits);
        }
    }
    holds::<u8>(1025, 8);
    holds::<u16>(300, 13);
    for n in [127, 128, 129, 255, 256, 1023] {
        holds::<u64>(n, 37);
    }
}

#[test]
fn shapes_are_checked() {
    let shape = |triples, bits| Shape { triples, bits };
    for bits in [0, 65] {
        assert!(matches!(
            shape(1, bits).cots(),
            Err(Error::Parameter { .. })
        ));
        assert!(shape(1, bits).message_len().is_err());
    }
    assert_eq!(shape(0, 8).cots(), Err(Error::Empty));
    assert!(matches!(
        shape(usize::MAX, 8).cots(),
        Err(Error::Parameter { .. })
    ));
    let mut rng = ChaCha20Rng::from_seed([8; 32]);
    let mut out = Vec::new();
    let mut begin = |n, shape| {
        let [(s, r), _] = both_ways(n);
        start::<u8, _>(shape, s, r, &mut rng, &mut out).map(drop)
    };
    assert_eq!(
        begin(23, shape(3, 8)),
        Err(Error::Exhausted { want: 24, have: 23 })
    );
    assert!(matches!(begin(25, shape(3, 8)), Err(Error::Length { .. })));
    assert!(matches!(
        begin(27, shape(3, 9)),
        Err(Error::Parameter { .. })
    ));
    assert!(out.is_empty());
}

#[test]
fn messages_of_others_are_refused() {
    let shape = Shape {
        triples: 3,
        bits: 5,
    };
    let finish = |m: &[u8]| {
        let [(p, _), _] = started::<u8>(shape);
        assert_eq!(format!("{p:?}"), "Pending<Z_2^5>(3 triples)");
        p.finish(m).map(drop)
    };
    let [(_, own), (_, good)] = started::<u8>(shape);
    assert_eq!(finish(&good), Ok(()));
    assert_eq!(
        finish(&own),
        Err(DecodeError::Context.into()),
        "the other direction"
    );
    for at in 0..18 {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        assert!(matches!(finish(&bad), Err(Error::Decode(_))), "{at}");
    }
    for m in [&good[..25], &[&good[..], &[0]].concat(), &[]] {
        assert!(matches!(
            finish(m),
            Err(Error::Decode(DecodeError::Length { .. }))
        ));
    }
    assert_eq!(good[1], kinds::RING_TRIPLES);
    assert_eq!(&blake3::hash(&good).to_hex()[..16], "f9d60851e94237c6");
    let mut bad = good;
    bad[19] |= 0x80; // 15 bits are used by the first section
    assert_eq!(finish(&bad), Err(DecodeError::Range("padding bits").into()));
}

/// What a deviating sender does to a triple goes unnoticed here, which is why it takes semi-honest parties.
#[test]
fn a_changed_correction_gives_a_wrong_triple() {
    let shape = Shape {
        triples: 40,
        bits: 64,
    };
    let [(p0, w0), (p1, mut w1)] = started::<u64>(shape);
    for b in &mut w1[18..18 + 8 * 40] {
        *b ^= 1;
    }
    let (t0, t1) = (
        p0.finish(&w1).unwrap().into_parts(),
        p1.finish(&w0).unwrap().into_parts(),
    );
    let wrong = (0..40).filter(|g| {
        let [a, b, c] = [0, 1, 2].map(|i| t0[i].as_slice()[*g].wrapping_add(t1[i].as_slice()[*g]));
        a.wrapping_mul(b) != c
    });
    // Where bit 0 of the other's share is 1: about half of them.
    assert!((8..33).contains(&wrong.count()));
}
