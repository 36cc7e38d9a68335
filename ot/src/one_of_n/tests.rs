use piquet_core::pack::mask;
use piquet_core::wire::{DecodeError, SessionId};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::{Delta, Malicious, SemiHonest, ideal};

const NS: [usize; 8] = [2, 4, 8, 16, 32, 64, 128, 256];

fn cots<M: Security>(n: usize) -> (SentCots<M>, ReceivedCots<M>) {
    let mut rng = ChaCha20Rng::from_seed([n as u8; 32]);
    let delta = Delta::random(&mut rng);
    let (mut s, mut r) = ideal::cots(SessionId([1; 32]), delta, n + 5, &mut rng);
    drop((s.take(5).unwrap(), r.take(5).unwrap()));
    (s, r)
}

fn chosen<M: Security>(n: usize, ots: usize) -> (SentOneOfN<M>, ReceivedOneOfN<M>, Vec<u8>) {
    let w = log(n).unwrap();
    let (s, r) = cots::<M>(ots * w);
    let mut indices = vec![0; ots];
    ChaCha20Rng::from_seed([9; 32]).fill_bytes(&mut indices);
    indices.iter_mut().for_each(|i| *i &= (n - 1) as u8);
    let mut wire = Vec::new();
    let r = choose(r, n, &indices, &mut wire).unwrap();
    assert_eq!(wire.len(), 18 + (ots * w).div_ceil(8));
    let s = SentOneOfN::new(s.choose(&wire).unwrap(), n).unwrap();
    assert!(r.indices() == indices && s.len() == ots && r.len() == ots);
    (s, r, indices)
}

fn random_holds<M: Security>(n: usize, ots: usize) {
    let (s, r, indices) = chosen::<M>(n, ots);
    let (sent, got) = (s.into_random(), r.into_random());
    for g in 0..ots {
        for i in 0..n {
            let own = i == usize::from(indices[g]);
            assert_eq!(
                sent[i * ots + g] == got[g],
                own,
                "{i} of {n}, OT {g} of {ots}"
            );
        }
    }
}

fn holds<R: Ring, M: Security>(n: usize, ots: usize, bits: u32) {
    let (s, r, indices) = chosen::<M>(n, ots);
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let messages = RingVec::<R>::random(n * ots, &mut rng);
    let mut wire = Vec::new();
    s.send(bits, messages.as_slice(), &mut wire).unwrap();
    assert_eq!(wire.len(), 18 + n * (ots * bits as usize).div_ceil(8));
    assert_eq!(wire.len(), message_len(n, ots, bits).unwrap());
    let got = r.receive::<R>(bits, &wire).unwrap();
    let keep = R::from_u64(mask(bits)).xor(R::from_u64(mask(bits.saturating_sub(64))).shl(64));
    for (g, i) in indices.iter().enumerate() {
        let want = messages.as_slice()[usize::from(*i) * ots + g].and(keep);
        let what = format!("OT {g} of {ots}, 1 of {n}, {bits} bits in {}", R::BITS);
        assert!(got.as_slice()[g] == want, "{what}");
    }
}

#[test]
fn the_receiver_has_the_message_of_its_index() {
    for n in NS {
        for ots in [1, 2, 7, 129, 257] {
            random_holds::<SemiHonest>(n, ots);
            random_holds::<Malicious>(n, ots);
        }
        for bits in [1, 2, 7, 8] {
            holds::<u8, Malicious>(n, 65, bits);
        }
        for bits in [1, 2, 7, 8, 63, 64, 65, 127, 128] {
            holds::<u128, SemiHonest>(n, 7, bits);
        }
        holds::<u64, Malicious>(n, 300, 64);
    }
    for ots in [1, 2, 7, 127, 128, 129, 255, 256, 257, 511, 513, 1023, 1025] {
        holds::<u8, SemiHonest>(4, ots, 3);
        holds::<u128, Malicious>(16, ots, 101);
        holds::<u32, Malicious>(2, ots, 17);
    }
}

#[test]
fn indices_of_random_choices() {
    let (s, r) = cots::<Malicious>(3 * 100);
    let choices: Vec<_> = r.choices().to_bools().collect();
    let (s, r) = (
        SentOneOfN::new(s, 8).unwrap(),
        ReceivedOneOfN::new(r, 8).unwrap(),
    );
    let indices = r.indices().to_vec();
    for (g, i) in indices.iter().enumerate() {
        let bits = (0..3).map(|j| u8::from(choices[j * 100 + g]) << j);
        assert_eq!(*i, bits.sum::<u8>());
    }
    let (sent, got) = (s.into_random(), r.into_random());
    for (g, i) in indices.iter().enumerate() {
        assert_eq!(sent[usize::from(*i) * 100 + g], got[g]);
    }
}

/// Products by the definition, bit by bit.
fn times(a: u128, b: u128) -> u128 {
    let mut sum = 0;
    for i in (0..128).rev() {
        sum = (sum << 1) ^ (if sum >> 127 == 1 { 0x87 } else { 0 });
        if b >> i & 1 == 1 {
            sum ^= a;
        }
    }
    sum
}

#[test]
fn combinations_and_multiples_are_those_of_the_field() {
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let delta = Block::random(&mut rng);
    let all = multiples(delta, 256);
    for (i, m) in all.iter().enumerate() {
        assert_eq!(m.to_u128(), times(delta.to_u128(), i as u128));
    }
    // Distinct, and none 0 but the first: what the proof rests on.
    let mut sorted: Vec<_> = all.iter().map(|m| m.to_u128()).collect();
    sorted.sort_unstable();
    sorted.dedup();
    assert!(sorted.len() == 256 && sorted[0] == 0);
    let blocks: Vec<_> = (0..8 * 3).map(|_| Block::random(&mut rng)).collect();
    let mut q = blocks.clone();
    combine(&mut q, 3);
    assert_eq!(q.len(), 3);
    for (g, q) in q.iter().enumerate() {
        let terms = (0..8).map(|j| times(blocks[3 * j + g].to_u128(), 1 << j));
        assert_eq!(q.to_u128(), terms.fold(0, |a, t| a ^ t));
    }
}

/// Pads that are XORs of one key for each bit of the index are linear in one another; these are not.
#[test]
fn pads_are_not_linear_in_one_another() {
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let keys = [[(); 2]; 2].map(|k| k.map(|()| Block::random(&mut rng)));
    let naive = |i: usize| keys[0][i & 1] ^ keys[1][i >> 1];
    assert_eq!(
        naive(0) ^ naive(1) ^ naive(2),
        naive(3),
        "three pads give the fourth"
    );

    let (s, _, _) = chosen::<Malicious>(4, 200);
    let pads = s.into_random();
    for g in 0..200 {
        let k = |i: usize| pads[i * 200 + g];
        assert_ne!(k(0) ^ k(1) ^ k(2) ^ k(3), Block::ZERO);
        // Nor is their difference that of another OT, as it would be without a hash.
        assert_ne!(k(0) ^ k(1), pads[(g + 1) % 200] ^ pads[200 + (g + 1) % 200]);
    }
    // 256 blocks span the whole space: no linear relation beyond what dimension 128 forces.
    let (s, _, _) = chosen::<SemiHonest>(128, 1);
    let mut rows: Vec<_> = s.into_random().iter().map(|b| b.to_u128()).collect();
    let mut rank = 0;
    for bit in 0..128 {
        if let Some(at) = (rank..rows.len()).find(|r| rows[*r] >> bit & 1 == 1) {
            rows.swap(rank, at);
            let pivot = rows[rank];
            for r in &mut rows[rank + 1..] {
                *r ^= if *r >> bit & 1 == 1 { pivot } else { 0 };
            }
            rank += 1;
        }
    }
    assert!(rank > 120, "{rank}");
}

#[test]
fn parameters_are_checked() {
    let mut out = Vec::new();
    for n in [0, 1, 3, 6, 255, 512, usize::MAX] {
        assert!(matches!(
            SentOneOfN::new(cots::<SemiHonest>(8).0, n),
            Err(Error::Parameter { .. })
        ));
        assert!(matches!(
            ReceivedOneOfN::new(cots::<SemiHonest>(8).1, n),
            Err(Error::Parameter { .. })
        ));
        assert!(matches!(message_len(n, 1, 1), Err(Error::Parameter { .. })));
        assert!(choose(cots::<SemiHonest>(8).1, n, &[0], &mut out).is_err());
    }
    let few = SentOneOfN::new(cots::<SemiHonest>(2).0, 8).unwrap_err();
    assert_eq!(few, Error::Exhausted { want: 3, have: 2 });
    assert!(matches!(
        SentOneOfN::new(cots::<SemiHonest>(7).0, 8),
        Err(Error::Length { .. })
    ));
    assert!(SentOneOfN::new(cots::<SemiHonest>(0).0, 8).is_err());
    let few = choose(cots::<SemiHonest>(5).1, 8, &[1, 2], &mut out).unwrap_err();
    assert_eq!(few, Error::Exhausted { want: 6, have: 5 });
    assert_eq!(
        choose(cots::<SemiHonest>(0).1, 8, &[], &mut out).unwrap_err(),
        Error::Empty
    );
    let outside = choose(cots::<SemiHonest>(6).1, 8, &[7, 8], &mut out);
    assert!(matches!(
        outside,
        Err(Error::Parameter {
            what: "an index",
            ..
        })
    ));
    for bits in [0, 9, 129] {
        let sent = chosen::<SemiHonest>(4, 3)
            .0
            .send(bits, &[0u8; 12], &mut out);
        assert!(matches!(sent, Err(Error::Parameter { .. })));
    }
    let short = chosen::<SemiHonest>(4, 3).0.send(8, &[0u8; 11], &mut out);
    assert!(matches!(
        short,
        Err(Error::Length {
            got: 11,
            want: 12,
            ..
        })
    ));
    assert!(out.is_empty());
    assert!(message_len(256, usize::MAX / 4, 128).is_err());
}

#[test]
fn messages_of_others_are_refused() {
    let mut good = Vec::new();
    chosen::<Malicious>(4, 3)
        .0
        .send(3, &[1u8; 12], &mut good)
        .unwrap();
    let door = |m: &[u8]| chosen::<Malicious>(4, 3).1.receive::<u8>(3, m).map(drop);
    assert_eq!(door(&good), Ok(()));
    assert_eq!((good.len(), good[1]), (18 + 4 * 2, kinds::ONE_OF_N));
    for at in 0..18 {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        assert!(matches!(door(&bad), Err(Error::Decode(_))), "{at}");
    }
    for m in [&good[..25], &[&good[..], &[0]].concat(), &[]] {
        assert!(matches!(
            door(m),
            Err(Error::Decode(DecodeError::Length { .. }))
        ));
    }
    assert_eq!(&blake3::hash(&good).to_hex()[..16], "2611fe18a9dc485f");
    for section in 0..4 {
        let mut bad = good.clone();
        bad[18 + 2 * section + 1] |= 2; // 9 bits are used
        assert_eq!(door(&bad), Err(DecodeError::Range("padding bits").into()));
    }
}

#[test]
fn nothing_secret_is_printed() {
    let (s, r, _) = chosen::<Malicious>(4, 3);
    assert_eq!(format!("{s:?}"), "SentOneOfN(3 of 1 in 4, malicious)");
    assert_eq!(format!("{r:?}"), "ReceivedOneOfN(3 of 1 in 4, malicious)");
}
