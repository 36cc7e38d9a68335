#![allow(clippy::unwrap_used)]

use super::*;
use crate::gates::sign::Sign;
use crate::mask::{BitMask, Mask};
use crate::stream::KeyStream;
use crate::testing::uniform;
use crate::{P0, P1};

const SESSION: SessionId = SessionId([6; 32]);

fn dealer(session: SessionId, set: u64, seed: u8) -> Dealer {
    Dealer::new(session, set, &Seed::from_bytes([seed; 16]))
}

/// Both payloads of one block of signs under the same masks.
fn signs(dealer: &mut Dealer, bits: u32, count: usize) -> [Vec<u8>; 2] {
    let gate = Sign::<u64>::new(bits).unwrap();
    let [mut s0, mut s1] = [Vec::new(), Vec::new()];
    let masks = uniform(bits, count, 1);
    dealer
        .deal(&gate, count, &masks, [&mut s0, &mut s1])
        .unwrap();
    [s0, s1].map(|s| s[Head::LEN..s.len() - 16].to_vec())
}

/// How many of the bytes at the same places agree.
fn agreeing(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a == b).count()
}

#[test]
fn streams_are_a_function_of_seed_session_set_position_and_gate() {
    let base = signs(&mut dealer(SESSION, 1, 1), 40, 64);
    assert_eq!(base, signs(&mut dealer(SESSION, 1, 1), 40, 64));
    assert_eq!(base[0], base[1]);
    let mut later = dealer(SESSION, 1, 1);
    signs(&mut later, 40, 64);
    let others = [
        signs(&mut later, 40, 64),
        signs(&mut dealer(SESSION, 2, 1), 40, 64),
        signs(&mut dealer(SESSION.child("x"), 1, 1), 40, 64),
        signs(&mut dealer(SESSION, 1, 2), 40, 64),
        // The same place for another gate, another number.
        signs(&mut dealer(SESSION, 1, 1), 41, 64),
        signs(&mut dealer(SESSION, 1, 1), 40, 65),
    ];
    for (i, other) in others.iter().enumerate() {
        // Of 34 KB one in 256 agrees by chance, 133 and a deviation of 12; six deviations.
        let n = agreeing(&base[0], &other[0]);
        assert!(n < 133 + 72, "{i}: {n}");
    }
}

/// A place that is dealt to another program by mistake does not draw the same masks.
#[test]
fn masks_depend_on_the_whole_head() {
    let mask = |bits, count| {
        let gate = Mask::<u64>::new(bits).unwrap();
        let [mut s0, mut s1] = [Vec::new(), Vec::new()];
        let mut dealer = dealer(SESSION, 1, 1);
        let r = dealer.deal(&gate, count, (), [&mut s0, &mut s1]).unwrap();
        r.as_slice().to_vec()
    };
    assert_eq!(mask(40, 10), mask(40, 10));
    assert!(mask(40, 10).iter().all(|r| r >> 40 == 0));
    for other in [mask(40, 11), mask(41, 10)] {
        let base = mask(40, 10);
        assert!(base.iter().zip(&other).all(|(a, b)| a != b));
    }
}

#[test]
fn dealt_masks_are_the_sum_of_what_parties_draw() {
    let mut dealer = dealer(SESSION, 1, 1);
    let [mut s0, mut s1] = [Vec::new(), Vec::new()];
    let gate = Mask::<u16>::new(13).unwrap();
    let r = dealer.deal(&gate, 9, (), [&mut s0, &mut s1]).unwrap();
    let first = s0.len();
    let b = dealer.deal(&BitMask, 70, (), [&mut s0, &mut s1]).unwrap();
    let mut p0 = KeyStream::<P0>::new(SESSION, 1, dealer.seed::<P0>());
    let mut p1 = KeyStream::<P1>::new(SESSION, 1, dealer.seed::<P1>());
    // Shares of 0 are opened to the masks themselves.
    let (o0, _) = p0
        .take(&gate, 9, &s0[..first])
        .unwrap()
        .open(&[0; 9])
        .unwrap();
    let (_, m1) = p1
        .take(&gate, 9, &s1[..first])
        .unwrap()
        .open(&[0; 9])
        .unwrap();
    assert_eq!(o0.finish(&m1).unwrap().as_slice(), r.as_slice());
    let zero = BitVec::zeros(70);
    let (o0, _) = p0
        .take(&BitMask, 70, &s0[first..])
        .unwrap()
        .open(&zero)
        .unwrap();
    let (_, m1) = p1
        .take(&BitMask, 70, &s1[first..])
        .unwrap()
        .open(&zero)
        .unwrap();
    assert_eq!(o0.finish(&m1).unwrap().as_bytes(), b.as_bytes());
}

/// For one fixed mask in all gates, no bit of what is sent says anything: each is 1 in half of the gates.
#[test]
fn corrections_are_uniform() {
    let gate = Sign::<u64>::new(16).unwrap();
    let count = 1 << 14;
    let [mut s0, mut s1] = [Vec::new(), Vec::new()];
    let masks = vec![0x1234; count];
    dealer(SESSION, 1, 3)
        .deal(&gate, count, &masks, [&mut s0, &mut s1])
        .unwrap();
    let keys = &s0[Head::LEN..s0.len() - 16 - count / 8];
    let tile = gate.key_bytes(64) - 8;
    let mut ones = vec![0u32; tile / 64 * 8];
    for keys in keys.chunks_exact(tile) {
        for (level, keys) in keys.chunks_exact(64 * 16).enumerate() {
            for key in keys.chunks_exact(16) {
                for bit in 0..128 {
                    ones[level * 128 + bit] += u32::from(key[bit / 8] >> (bit % 8) & 1);
                }
            }
        }
    }
    // 16384 gates: half of them, and a deviation of 64. Six deviations for 1152 bits: a false alarm in 4e5 seeds.
    for (at, n) in ones.iter().enumerate() {
        // Bit 0 of a correction too: the control bits of both children hang on it.
        assert!(n.abs_diff(8192) < 6 * 64, "bit {at}: {n}");
    }
}

#[test]
fn masks_of_another_number_write_nothing() {
    let gate = Sign::<u32>::new(9).unwrap();
    let mut d = dealer(SESSION, 1, 1);
    let [mut s0, mut s1] = [vec![1], vec![2]];
    for (count, masks) in [(2, 3), (0, 0), (1 << 17, 1 << 17)] {
        let masks = vec![0; masks];
        assert!(d.deal(&gate, count, &masks, [&mut s0, &mut s1]).is_err());
    }
    assert_eq!((s0, s1, d.position()), (vec![1], vec![2], 0));
}

#[test]
fn positions_end() {
    let mut d = dealer(SESSION, u64::MAX, 1);
    let gate = Mask::<u32>::new(9).unwrap();
    let [mut s0, mut s1] = [Vec::new(), Vec::new()];
    d.position = MAX_BLOCKS - 1;
    d.deal(&gate, 1, (), [&mut s0, &mut s1]).unwrap();
    let e = d.deal(&gate, 1, (), [&mut s0, &mut s1]).err();
    assert!(matches!(
        e,
        Some(Error::Parameter {
            got: MAX_BLOCKS,
            ..
        })
    ));
}

#[test]
fn seeds_are_not_printed() {
    let d = dealer(SESSION, 1, 0x77);
    let text = format!("{d:?} {:?}", Seed::from_bytes([0x77; 16]));
    assert!(text.contains("Seed(..)") && !text.contains("77, 77") && !text.contains("119, 119"));
}
