use super::*;
use crate::parts::gates::Masked;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// Bits over all parties where one of two expands what is dealt, and swaps.
fn cost(places: Range<usize>) -> (usize, usize) {
    let p = Prefix::new(places);
    let bits = (0..p.steps()).map(|s| p.dealt(s) + 2 * p.said(s)).sum();
    (bits, p.steps())
}

fn random(rng: &mut ChaCha20Rng, n: usize) -> RingVec<u64> {
    (0..n).map(|_| rng.next_u64()).collect()
}

fn sum(a: &RingVec<u64>, b: &RingVec<u64>) -> RingVec<u64> {
    let mut sum = a.duplicate();
    xor(sum.as_mut_slice(), b.as_slice());
    sum
}

/// A dealer and two others; the bits, plane by plane.
fn run_all(places: Range<usize>, u: &[u64], v: &[u64], rng: &mut ChaCha20Rng) -> RingVec<u64> {
    let words = u.len() / places.end;
    let p = Prefix::new(places);
    let mut masks = Wires::new(words);
    let mut states = [State::new(words), State::new(words)];
    for step in 0..p.steps() {
        let dealt = p.deal(step, v, &masks);
        assert_eq!(dealt.len(), p.dealt(step) * words);
        let part = random(rng, dealt.len());
        let parts = [sum(&dealt, &part), part];
        let said: Vec<_> = states
            .iter_mut()
            .zip(&parts)
            .enumerate()
            .map(|(i, (state, part))| p.summand(step, i == 0, u, part.as_slice(), state))
            .collect();
        assert_eq!(said[0].len(), p.said(step) * words);
        let pads = [random(rng, said[0].len()), random(rng, said[0].len())];
        masks.push(sum(&pads[0], &pads[1]));
        let bits = sum(&said[0], &said[1]);
        if step + 1 == p.steps() {
            return bits;
        }
        let open = sum(&bits, &sum(&pads[0], &pads[1]));
        for (state, pad) in states.iter_mut().zip(pads) {
            state.hear(Masked {
                open: open.duplicate(),
                pad,
            });
        }
    }
    RingVec::default()
}

fn check(places: Range<usize>, rng: &mut ChaCha20Rng) {
    // Two words of sums, some of them with long runs of ones.
    let (lo, hi) = (places.start, places.end);
    let numbers: Vec<[u64; 2]> = (0..128)
        .map(|i| {
            let u = rng.next_u64();
            let flips = match i % 4 {
                0 => rng.next_u64(),
                1 => 0,
                2 => 1 << (rng.next_u64() % 64),
                _ => rng.next_u64() & rng.next_u64() & rng.next_u64() & rng.next_u64(),
            };
            [u, !u ^ flips]
        })
        .collect();
    let planes = |which: usize| -> Vec<u64> {
        (0..hi * 2)
            .map(|at| {
                let (bit, word) = (at / 2, at % 2);
                numbers[64 * word..64 * word + 64]
                    .iter()
                    .enumerate()
                    .map(|(i, n)| (n[which] >> bit & 1) << i)
                    .sum()
            })
            .collect()
    };
    let got = run_all(places, &planes(0), &planes(1), rng);
    assert_eq!(got.len(), 2 * (hi - lo));
    for (i, [u, v]) in numbers.iter().enumerate() {
        for place in lo..hi {
            let bit = got.as_slice()[2 * (place - lo) + i / 64] >> (i % 64) & 1;
            assert_eq!(bit, u.wrapping_add(*v) >> place & 1, "{lo}..{hi}, {place}");
        }
    }
}

#[test]
fn bits_of_sums() {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for hi in 1..=64usize {
        for lo in [0, 1, 2, hi / 3, hi / 2, hi.saturating_sub(2), hi - 1] {
            if lo < hi {
                check(lo..hi, &mut rng);
            }
        }
    }
    for lo in 0..63 {
        check(lo..63, &mut rng);
    }
}

#[test]
fn swaps_and_bits() {
    for hi in 1..=64usize {
        let most = match hi {
            0..=4 => 1,
            5..=12 => 2,
            13..=30 => 3,
            _ => 4,
        };
        for lo in 0..hi {
            let (bits, swaps) = cost(lo..hi);
            assert!(
                swaps <= most && bits < 12 * hi,
                "{lo}..{hi}: {bits} {swaps}"
            );
        }
    }
}
