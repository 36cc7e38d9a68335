use piquet_core::wire::SessionId;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;
use crate::{Delta, Malicious, SemiHonest, ideal};

fn cots<M: Security>(n: usize) -> (SentCots<M>, ReceivedCots<M>) {
    let mut rng = ChaCha20Rng::from_seed([n as u8; 32]);
    let delta = Delta::random(&mut rng);
    ideal::cots(SessionId([1; 32]), delta, n, &mut rng)
}

fn holds<R: Ring, M: Security>(ots: usize, width: usize, bits: u32) {
    let shape = Shape { ots, width, bits };
    let (sent, received) = cots::<M>(ots);
    let choices: Vec<_> = received.choices().to_bools().collect();
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let delta = RingVec::<R>::random(ots * width, &mut rng);
    let mut wire = vec![];
    let s = send(sent, shape, delta.as_slice(), &mut wire).unwrap();
    assert_eq!(wire.len(), 18 + (ots * width * bits as usize).div_ceil(8));
    assert_eq!(wire.len(), shape.message_len::<R>().unwrap());
    let r = receive::<R, M>(received, shape, &wire).unwrap();
    let keep = R::from_u64(pack::mask(bits));
    for i in 0..ots * width {
        let (s, r) = (s.as_slice()[i], r.as_slice()[i]);
        assert!(s == s.and(keep) && r == r.and(keep), "reduced");
        let want = if choices[i / width] {
            delta.as_slice()[i]
        } else {
            R::ZERO
        };
        let what = format!("{i} of {ots} x {width}, {bits} bits in {}", R::BITS);
        assert!(s.add(r).and(keep) == want.and(keep), "{what}");
    }
}

#[test]
fn shares_add_up_for_every_width() {
    for bits in [1, 7, 8, 31, 32, 33, 63, 64] {
        for (ots, width) in [
            (1, 1),
            (7, 1),
            (129, 1),
            (300, 1),
            (3, 2),
            (65, 3),
            (9, 65),
            (2, 1000),
        ] {
            holds::<u64, SemiHonest>(ots, width, bits);
            holds::<u128, Malicious>(ots, width, bits);
            if bits <= 32 {
                holds::<u32, Malicious>(ots, width, bits);
            }
            if bits <= 8 {
                holds::<u8, SemiHonest>(ots, width, bits);
            }
        }
    }
    for n in [2, 127, 128, 255, 256, 257, 1023, 1025] {
        holds::<u64, Malicious>(n, 1, 41);
        holds::<u16, SemiHonest>(n, 5, 13);
    }
}

#[test]
fn chosen_bits_select() {
    let (sent, received) = cots::<Malicious>(70);
    let choices = BitVec::from_bools(&[true; 70]);
    let mut wire = Vec::new();
    let received = received.choose(&choices, &mut wire).unwrap();
    let sent = sent.choose(&wire).unwrap();
    let shape = Shape {
        ots: 70,
        width: 1,
        bits: 20,
    };
    let delta: Vec<u32> = (0..70).collect();
    wire.clear();
    let s = send(sent, shape, &delta, &mut wire).unwrap();
    let r = receive::<u32, _>(received, shape, &wire).unwrap();
    for i in 0..70 {
        assert_eq!((s.as_slice()[i] + r.as_slice()[i]) % (1 << 20), i as u32);
    }
}

#[test]
fn shapes_are_checked() {
    let shape = |ots, width, bits| Shape { ots, width, bits };
    for bits in [0, 33, 65, u32::MAX] {
        assert!(matches!(
            shape(1, 1, bits).elements::<u32>(),
            Err(Error::Parameter { .. })
        ));
    }
    assert!(matches!(
        shape(1, 1, 65).elements::<u128>(),
        Err(Error::Parameter { .. })
    ));
    assert_eq!(shape(0, 1, 8).elements::<u8>(), Err(Error::Empty));
    assert_eq!(shape(1, 0, 8).elements::<u8>(), Err(Error::Empty));
    for (ots, width) in [(usize::MAX, 2), (1, usize::MAX), (1 << 60, 1)] {
        assert!(matches!(
            shape(ots, width, 8).elements::<u8>(),
            Err(Error::Parameter { .. })
        ));
    }
    let mut out = Vec::new();
    let few = send(cots::<SemiHonest>(2).0, shape(3, 1, 8), &[0u8; 3], &mut out).unwrap_err();
    assert_eq!(few, Error::Exhausted { want: 3, have: 2 });
    let many = send(cots::<SemiHonest>(4).0, shape(3, 1, 8), &[0u8; 3], &mut out);
    assert!(matches!(many, Err(Error::Length { .. })));
    let delta = send(cots::<SemiHonest>(3).0, shape(3, 1, 8), &[0u8; 4], &mut out);
    assert!(matches!(
        delta,
        Err(Error::Length {
            got: 4,
            want: 3,
            ..
        })
    ));
    assert!(out.is_empty());
}

#[test]
fn messages_of_others_are_refused() {
    let shape = Shape {
        ots: 3,
        width: 1,
        bits: 7,
    };
    let (sent, _) = cots::<SemiHonest>(3);
    let mut good = Vec::new();
    let _ = send(sent, shape, &[1u8, 2, 3], &mut good).unwrap();
    let door = |m: &[u8]| receive::<u8, _>(cots::<SemiHonest>(3).1, shape, m).map(drop);
    assert_eq!(door(&good), Ok(()));
    for at in 0..18 {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        assert!(matches!(door(&bad), Err(Error::Decode(_))), "{at}");
    }
    for m in [&good[..20], &[&good[..], &[0]].concat(), &[]] {
        assert!(matches!(
            door(m),
            Err(Error::Decode(DecodeError::Length { .. }))
        ));
    }
    good[20] |= 0x80; // 21 bits are used
    assert_eq!(door(&good), Err(DecodeError::Range("padding bits").into()));
}

/// Corrections of the same delta differ from OT to OT: their masks are not one and the same.
#[test]
fn corrections_show_no_equal_deltas() {
    let shape = Shape {
        ots: 1000,
        width: 1,
        bits: 64,
    };
    let (sent, _) = cots::<SemiHonest>(1000);
    let mut wire = Vec::new();
    let _ = send(sent, shape, &[42u64; 1000], &mut wire).unwrap();
    let mut c = wire[18..].as_chunks::<8>().0.to_vec();
    c.sort_unstable();
    c.dedup();
    assert_eq!(c.len(), 1000);
    assert_eq!(wire[1], kinds::ADDITIVE);
    assert_eq!(&blake3::hash(&wire).to_hex()[..16], "4483bdfbcbb066c3");
}
