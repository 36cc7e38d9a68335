#![allow(clippy::unwrap_used)]

use piquet_core::wire::{DecodeError, Machine, RunError, Trace, run_pair, run_pair_tampered};
use piquet_core::{BitVec, Prg};
use rand_core::Rng;

use super::*;
use crate::evaluator::Cpu;
use crate::{P0, P1};

const SESSION: SessionId = SessionId([5; 32]);

/// Correlations of both parties as nobody but a trusted third makes them, and one party's shares of points and
/// values.
fn correlations(batch: &Batch, rng: &mut Prg) -> [Parts; 2] {
    let n = batch.ots();
    let mut way = || {
        let messages: Vec<_> = (0..n)
            .map(|_| [Block::random(rng), Block::random(rng)])
            .collect();
        let choices = BitVec::random(n, rng);
        let got = messages.iter().zip(choices.to_bools());
        let got = got.map(|(m, c)| m[usize::from(c)]).collect();
        let received = ReceivedOts::from_raw(choices, got).unwrap();
        (SentOts::from_raw(messages), received)
    };
    let ((s0, r1), (s1, r0)) = (way(), way());
    let [t0, t1] = triples(batch, rng);
    [(s0, r0, t0), (s1, r1, t1)]
}

type Triples = RingTriples<u128, SemiHonest>;
type Parts = (
    SentOts<SemiHonest>,
    ReceivedOts<SemiHonest>,
    Option<Triples>,
);

fn triples(batch: &Batch, rng: &mut Prg) -> [Option<Triples>; 2] {
    let Some(k) = batch.product() else {
        return [None, None];
    };
    let mut draw = || -> Vec<u128> {
        (0..batch.keys())
            .map(|_| Block::random(rng).to_u128() & mask(k))
            .collect()
    };
    let [a0, a1, b0, b1, c0] = [(); 5].map(|()| draw());
    let c1 = (0..batch.keys()).map(|i| {
        let c = a0[i]
            .wrapping_add(a1[i])
            .wrapping_mul(b0[i].wrapping_add(b1[i]));
        c.wrapping_sub(c0[i]) & mask(k)
    });
    let c1: RingVec<_> = c1.collect();
    [(a0, b0, c0.into()), (a1, b1, c1)].map(|(a, b, c)| Triples::from_raw(k, a.into(), b.into(), c))
}

/// Both parties at their beginning, for points and values that are shared from the seed.
fn parties(
    batch: Batch,
    alphas: &[u32],
    betas: &[u128],
    seed: u128,
) -> (Generator<P0>, Generator<P1>) {
    let mut rng = Prg::new(Block::from_u128(seed));
    let [c0, c1] = correlations(&batch, &mut rng);
    let n = alphas.len();
    let a0: Vec<u32> = (0..n).map(|_| rng.next_u32()).collect();
    let b0: Vec<u128> = (0..n).map(|_| Block::random(&mut rng).to_u128()).collect();
    let a1: Vec<u32> = alphas.iter().zip(&a0).map(|(a, s)| a ^ s).collect();
    let xor = batch.product().is_none();
    let other = |(b, s): (&u128, &u128)| if xor { b ^ s } else { b.wrapping_sub(*s) };
    let b1: Vec<u128> = betas.iter().zip(&b0).map(other).collect();
    fn own<'a>(alphas: &'a [u32], betas: &'a [u128], (sent, received, triples): Parts) -> Own<'a> {
        Own {
            alphas,
            betas,
            sent,
            received,
            triples,
        }
    }
    let p0 = Generator::new(batch, own(&a0, &b0, c0), &mut rng).unwrap();
    let p1 = Generator::new(batch, own(&a1, &b1, c1), &mut rng).unwrap();
    (p0, p1)
}

fn make(batch: Batch, alphas: &[u32], betas: &[u128]) -> (Keys<P0>, Keys<P1>, Trace) {
    let (p0, p1) = parties(batch, alphas, betas, 7);
    let (k0, k1, trace) = run_pair(p0, p1);
    (k0.unwrap(), k1.unwrap(), trace)
}

fn joined(range: Range, a: u128, b: u128) -> u128 {
    match range {
        Range::Ring(k) => a.wrapping_add(b) & mask(k),
        Range::Block => a ^ b,
    }
}

/// All values of all keys.
fn check(batch: Batch, alphas: &[u32], betas: &[u128]) {
    let (k0, k1, trace) = make(batch, alphas, betas);
    for party in [0, 1] {
        assert_eq!(trace.sent_by(party), batch.bytes());
        let messages = trace.messages.iter().filter(|(p, _)| *p == party);
        assert_eq!(messages.count(), batch.rounds());
    }
    let (range, low) = (batch.range(), mask(batch.shape.value()));
    for (j, (alpha, beta)) in alphas.iter().zip(betas).enumerate() {
        let v0 = k0.everywhere(j, &Cpu::new()).unwrap();
        let v1 = k1.everywhere(j, &Cpu::new()).unwrap();
        assert_eq!(v0.len(), 1 << batch.domain());
        for (x, (a, b)) in v0.iter().zip(&v1).enumerate() {
            let want = if x as u32 == *alpha { beta & low } else { 0 };
            assert_eq!(joined(range, *a, *b), want, "{batch:?}, key {j} at {x}");
        }
    }
    // Points of their own: α at every other key.
    let mut points = alphas.to_vec();
    points.iter_mut().step_by(2).for_each(|x| *x ^= 1);
    let v0 = k0.points(&points, &Cpu::new()).unwrap();
    let v1 = k1.points(&points, &Cpu::new()).unwrap();
    for (j, (a, b)) in v0.iter().zip(&v1).enumerate() {
        let want = if j % 2 == 1 { betas[j] & low } else { 0 };
        assert_eq!(joined(range, *a, *b), want, "{batch:?}, key {j}");
    }
}

const RANGES: [Range; 8] = [
    Range::Ring(1),
    Range::Ring(2),
    Range::Ring(13),
    Range::Ring(64),
    Range::Ring(65),
    Range::Ring(127),
    Range::Ring(128),
    Range::Block,
];

fn random(n: usize, seed: u128) -> Vec<u128> {
    let mut rng = Prg::new(Block::from_u128(seed));
    (0..n).map(|_| Block::random(&mut rng).to_u128()).collect()
}

#[test]
fn all_points_of_small_domains() {
    for domain in 1..=5 {
        for range in RANGES {
            // Every α three times, in one batch: 96 keys, a tile and a half.
            let n = 3 << domain;
            let batch = Batch::new(SESSION, domain, range, n).unwrap();
            let alphas: Vec<_> = (0..n as u32).map(|i| i % (1 << domain)).collect();
            check(batch, &alphas, &random(n, domain.into()));
        }
    }
}

#[test]
fn wide_domains_and_odd_batches() {
    for (domain, n, range) in [
        (10, 1, Range::Ring(64)),
        (10, 31, Range::Ring(1)),
        (9, 65, Range::Block),
        (8, 129, Range::Ring(33)),
        (16, 2, Range::Ring(128)),
        (20, 1, Range::Block),
        (20, 1, Range::Ring(32)),
    ] {
        let batch = Batch::new(SESSION, domain, range, n).unwrap();
        let alphas: Vec<_> = random(n, 3)
            .iter()
            .map(|a| *a as u32 >> (32 - domain))
            .collect();
        check(batch, &alphas, &random(n, 4));
    }
}

#[test]
fn cost_is_as_the_table_says() {
    let bytes = |domain, range| Batch::new(SESSION, domain, range, 8).unwrap().bytes();
    // 8 keys of 10 bits: choices 10, corrections of OTs 1280, of levels 1280, 13 messages.
    let tree = 10 + 1280 + 1280 + 13 * 18;
    assert_eq!(bytes(10, Range::Block), tree + 8 * 16);
    assert_eq!(bytes(10, Range::Ring(1)), tree + 1);
    assert_eq!(bytes(10, Range::Ring(64)), tree + 18 + 8 * 3 * 8);
}

/// What `tamper` does to message `index` of party 0 is what party 1 refuses.
fn refused(range: Range, index: usize, tamper: impl Fn(&mut Vec<u8>)) -> Option<Error> {
    let batch = Batch::new(SESSION, 3, range, 2).unwrap();
    let (p0, p1) = parties(batch, &[1, 6], &[5, 6], 1);
    let mut sent = 0;
    let (_, k1, _) = run_pair_tampered(p0, p1, |from: u8, _: usize, m: &mut Vec<u8>| {
        if from == 0 {
            if sent == index {
                tamper(m);
            }
            sent += 1;
        }
    });
    match k1.err()? {
        RunError::Protocol(e) => Some(e),
        e => panic!("{e}"),
    }
}

#[test]
fn messages_that_are_not_due_are_named() {
    for range in [Range::Ring(1), Range::Ring(70), Range::Block] {
        let rounds = Batch::new(SESSION, 3, range, 2).unwrap().rounds();
        for index in 0..rounds {
            for (at, name) in [(0, "version"), (1, "kind"), (2, "session"), (10, "session")] {
                let e = refused(range, index, |m| m[at] ^= 0x40).unwrap();
                assert!(matches!(e, Error::Message(_)), "{e}");
                assert!(e.to_string().contains(name), "{e}");
            }
        }
    }
    // Padding after bits, and bits above the width.
    for (range, index) in [
        (Range::Ring(1), 0),
        (Range::Ring(1), 5),
        (Range::Ring(70), 5),
        (Range::Ring(70), 6),
    ] {
        let e = refused(range, index, |m| *m.last_mut().unwrap() |= 0x80);
        assert_eq!(e, Some(Error::Message(DecodeError::Range("padding bits"))));
    }
}

/// Every state refuses every other length than its own, and a message where none is due.
#[test]
fn every_state_knows_the_length_that_is_due() {
    let batch = Batch::new(SESSION, 3, Range::Ring(9), 2).unwrap();
    for stop in 0..batch.rounds() {
        let mut lengths = vec![0, 1, 17, 18, 1000];
        for i in 0..lengths.len() + 2 {
            let (mut p0, mut p1) = parties(batch, &[1, 6], &[5, 6], 1);
            let mut messages = [Vec::new(), Vec::new()];
            for _ in 0..stop {
                let mut out = [Vec::new(), Vec::new()];
                let [o0, o1] = &mut out;
                p0 = next(p0, &messages[1], o0);
                p1 = next(p1, &messages[0], o1);
                messages = out;
            }
            if i == 0 {
                lengths.extend([p0.expects() + 1, p0.expects().saturating_sub(1)]);
            }
            let got = lengths[i];
            let want = p0.expects();
            let e = p0.step(&vec![0; got], &mut Vec::new()).err();
            if got != want {
                let e = e.unwrap();
                assert_eq!(e, Error::Message(DecodeError::Length { got, want }));
            }
        }
    }
}

/// A party that is handed its own message says that it is not the one due.
#[test]
fn own_messages_are_refused() {
    let batch = Batch::new(SESSION, 3, Range::Ring(9), 2).unwrap();
    for stop in 1..batch.rounds() {
        let (mut p0, mut p1) = parties(batch, &[1, 6], &[5, 6], 1);
        let mut messages = [Vec::new(), Vec::new()];
        for _ in 0..stop {
            let mut out = [Vec::new(), Vec::new()];
            let [o0, o1] = &mut out;
            p0 = next(p0, &messages[1], o0);
            p1 = next(p1, &messages[0], o1);
            messages = out;
        }
        let due = Some(Error::Message(DecodeError::Context));
        assert_eq!(p0.step(&messages[0], &mut Vec::new()).err(), due, "{stop}");
        assert_eq!(p1.step(&messages[1], &mut Vec::new()).err(), due, "{stop}");
    }
}

fn next<P: Role>(p: Generator<P>, inbox: &[u8], out: &mut Vec<u8>) -> Generator<P> {
    match p.step(inbox, out).unwrap() {
        piquet_core::wire::Step::Recv(p) => p,
        _ => panic!("it had more to hear"),
    }
}

#[test]
fn parameters_are_held_to_their_domains() {
    let new = |domain, range, keys| Batch::new(SESSION, domain, range, keys).err();
    assert_eq!(new(5, Range::Block, 0), Some(Error::Empty));
    for bad in [
        new(0, Range::Block, 1),
        new(21, Range::Block, 1),
        new(5, Range::Ring(0), 1),
        new(5, Range::Ring(129), 1),
        new(20, Range::Block, 17),
        new(1, Range::Block, usize::MAX),
    ] {
        assert!(matches!(bad, Some(Error::Parameter { .. })), "{bad:?}");
    }
    assert_eq!(new(20, Range::Block, 16), None);
    // What a party brings along.
    let batch = Batch::new(SESSION, 3, Range::Ring(9), 2).unwrap();
    let start = |alphas: &[u32], betas: &[u128], with: &Batch, triples_of: &Batch| {
        let mut rng = Prg::new(Block::from_u128(1));
        let [(sent, received, _), _] = correlations(with, &mut rng);
        let [triples, _] = triples(triples_of, &mut rng);
        let own = Own {
            alphas,
            betas,
            sent,
            received,
            triples,
        };
        Generator::<P0>::new(batch, own, &mut rng).err()
    };
    let of = |range, keys| Batch::new(SESSION, 3, range, keys).unwrap();
    assert_eq!(start(&[1, 2], &[1, 2], &batch, &batch), None);
    for e in [
        start(&[1], &[1, 2], &batch, &batch),
        start(&[1, 2], &[1], &batch, &batch),
        start(&[1, 2], &[1, 2], &of(Range::Block, 1), &batch),
        start(&[1, 2], &[1, 2], &batch, &of(Range::Ring(9), 3)),
        start(&[1, 2], &[1, 2], &batch, &of(Range::Block, 2)),
    ] {
        assert!(matches!(e, Some(Error::Length { .. })), "{e:?}");
    }
    let e = start(&[1, 2], &[1, 2], &batch, &of(Range::Ring(8), 2));
    assert!(matches!(e, Some(Error::Parameter { got: 8, .. })));
    let (k0, ..) = make(batch, &[1, 2], &[3, 4]);
    assert!(k0.points(&[1], &Cpu::new()).is_err() && k0.everywhere(2, &Cpu::new()).is_err());
}

/// Whatever α is, each bit of what party 0 says is 1 in half of the runs: seven messages under 1024 seeds.
#[test]
fn messages_are_uniform() {
    let batch = Batch::new(SESSION, 3, Range::Ring(8), 1).unwrap();
    for alpha in [0, 5] {
        let mut ones: Vec<u32> = Vec::new();
        for seed in 0..1024 {
            let (p0, p1) = parties(batch, &[alpha], &[200], seed);
            let (_, _, trace) = run_pair(p0, p1);
            let own = trace.messages.iter().filter(|(p, _)| *p == 0);
            let bodies: Vec<u8> = own.flat_map(|(_, m)| m[18..].to_vec()).collect();
            ones.resize(8 * bodies.len(), 0);
            for (at, n) in ones.iter_mut().enumerate() {
                *n += u32::from(bodies[at / 8] >> (at % 8) & 1);
            }
        }
        // 512 and a deviation of 16; six deviations for 803 bits: a false alarm in 6e5 seeds. Byte 0 has three bits
        // of choices. Bit 0 of transfers and halves is no exception.
        for (at, n) in ones
            .iter()
            .enumerate()
            .filter(|(at, _)| !(3..8).contains(at))
        {
            assert!(n.abs_diff(512) < 96, "bit {at}: {n}");
        }
    }
}

#[test]
fn nothing_secret_is_printed() {
    let batch = Batch::new(SESSION, 3, Range::Ring(8), 1).unwrap();
    let (p0, _) = parties(batch, &[1], &[200], 1);
    assert!(format!("{p0:?}").starts_with("Generator(Batch {"));
    let (k0, ..) = make(batch, &[1], &[200]);
    assert!(format!("{k0:?}").ends_with("1 keys)"));
}
