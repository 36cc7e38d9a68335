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

fn shape(m: usize, k: usize, n: usize, bits: u32) -> Shape {
    let matrices = MatrixShape { m, k, n };
    Shape { matrices, bits }
}

fn holds<R: Ring>(m: usize, k: usize, n: usize, bits: u32) {
    let shape = shape(m, k, n, bits);
    assert_eq!(shape.cots().unwrap(), m.min(n) * k * bits as usize);
    let [(p0, w0), (p1, w1)] = started::<R>(shape);
    assert_eq!((w0.len(), w1.len()), (p0.expects(), p1.expects()));
    let row = |w: usize| (k * m.max(n) * w).div_ceil(8);
    let formula: usize = (1..=bits as usize).map(|w| m.min(n) * row(w)).sum();
    assert_eq!(w0.len(), 18 + formula);
    let t0 = p0.finish(&w1).unwrap();
    assert!(t0.shape() == shape.matrices && t0.bits() == bits);
    let (t0, t1) = (t0.into_parts(), p1.finish(&w0).unwrap().into_parts());
    let open = |i: usize| {
        let mut x = t0[i].duplicate();
        x.add_assign(t1[i].as_slice());
        x
    };
    let (a, b, c) = (open(0), open(1), open(2));
    let keep = R::from_u64(mask(bits));
    for r in 0..m {
        for s in 0..n {
            let terms = (0..k).map(|t| a.as_slice()[r * k + t].mul(b.as_slice()[t * n + s]));
            let want = terms.fold(R::ZERO, R::add).and(keep);
            assert!(
                c.as_slice()[r * n + s].and(keep) == want,
                "{r} {s} of {shape:?}"
            );
        }
    }
}

#[test]
fn products_are_right_for_every_shape() {
    for (m, k, n) in [
        (1, 1, 1),
        (1, 5, 1),
        (2, 3, 4),
        (4, 3, 2),
        (7, 1, 3),
        (1, 9, 33),
        (33, 2, 1),
        (5, 5, 5),
        (3, 70, 2),
        (2, 3, 300),
    ] {
        for bits in [1, 7, 8, 31, 32] {
            holds::<u32>(m, k, n, bits);
        }
        holds::<u64>(m, k, n, 64);
        holds::<u64>(m, k, n, 63);
        holds::<u128>(m, k, n, 41);
    }
    holds::<u8>(3, 4, 5, 8);
}

#[test]
fn shapes_are_checked() {
    for s in [shape(0, 1, 1, 8), shape(1, 0, 1, 8), shape(1, 1, 0, 8)] {
        assert_eq!(s.cots(), Err(Error::Empty));
    }
    for s in [
        shape(1, 1, 1, 0),
        shape(1, 1, 1, 65),
        shape(usize::MAX, 3, 3, 8),
    ] {
        assert!(matches!(s.cots(), Err(Error::Parameter { .. })), "{s:?}");
        assert!(s.message_len().is_err());
    }
    let mut rng = ChaCha20Rng::from_seed([8; 32]);
    let mut out = Vec::new();
    let mut begin = |n, shape| {
        let [(s, r), _] = both_ways(n);
        start::<u8, _>(shape, s, r, &mut rng, &mut out).map(drop)
    };
    let two = shape(2, 2, 2, 8);
    assert_eq!(begin(31, two), Err(Error::Exhausted { want: 32, have: 31 }));
    assert!(matches!(begin(33, two), Err(Error::Length { .. })));
    assert!(matches!(
        begin(36, shape(2, 2, 2, 9)),
        Err(Error::Parameter { .. })
    ));
    assert!(out.is_empty());
}

#[test]
fn messages_of_others_are_refused() {
    let shape = shape(1, 1, 3, 5);
    let finish = |m: &[u8]| {
        let [(p, _), _] = started::<u8>(shape);
        assert_eq!(format!("{p:?}"), "Pending<Z_2^5>(1x1 by 1x3)");
        p.finish(m).map(drop)
    };
    let [(_, own), (_, good)] = started::<u8>(shape);
    assert_eq!(finish(&good), Ok(()));
    assert_eq!(finish(&own), Err(DecodeError::Context.into()));
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
    assert_eq!(good[1], kinds::MATRIX_TRIPLE);
    assert_eq!(&blake3::hash(&good).to_hex()[..16], "4b78a447d88053a9");
}
