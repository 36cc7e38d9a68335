//! Cases for memcheck: keys by themselves, from a dealer of the user's own or from the two parties. Points, values,
//! what keys are drawn from, shares and correlations are secret; points at which keys are evaluated are public.

use piquet_core::correlation::{ReceivedOts, RingTriples, SemiHonest, SentOts};
use piquet_core::wire::{Machine, SessionId, Step};
use piquet_core::{BitVec, Block, RingVec};
use piquet_fss::distributed::{self, Batch, Generator, Own, Range};
use piquet_fss::{Cpu, P0, P1, Shape, bgi, dcf, dpf, idpf};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::memcheck::{SecretRng, public, secret};

const SESSION: SessionId = SessionId([9; 32]);

/// Keys of a batch: a tile and three more.
const N: usize = 67;

/// A copy that is secret.
fn hidden<T: Copy>(x: &[T]) -> Vec<T> {
    let mut v = x.to_vec();
    secret(&v);
    std::hint::black_box(&mut v);
    v
}

/// Points of `bits` bits, and values.
fn functions(bits: u32) -> (Vec<u32>, Vec<u64>) {
    let alphas = (0..N as u32).map(|i| i.wrapping_mul(0x9e37_79b9) >> (32 - bits));
    let betas = (1..=N as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (alphas.collect(), betas.collect())
}

/// α for every other key, a neighbour for the rest.
fn near(alphas: &[u32]) -> Vec<u32> {
    let pairs = alphas.iter().enumerate();
    pairs.map(|(j, a)| a ^ u32::from(j % 2 == 1)).collect()
}

fn low(bits: u32) -> u64 {
    u64::MAX >> (64 - bits)
}

fn sum(bits: u32, a: &RingVec<u64>, b: &RingVec<u64>) -> Vec<u64> {
    let pairs = public(a.as_slice()).iter().zip(public(b.as_slice()));
    pairs.map(|(a, b)| a.wrapping_add(*b) & low(bits)).collect()
}

fn xor(a: &BitVec, b: &BitVec) -> Vec<bool> {
    let pairs = public(a.words()).iter().zip(public(b.words()));
    let words = pairs.map(|(a, b)| a ^ b).collect();
    BitVec::from_words(a.len(), words).to_bools().collect()
}

/// All ways to use keys of the point functions of a module.
macro_rules! point_functions {
    ($of:ident) => {{
        let cpu = Cpu::new();
        let rng = &mut SecretRng::new(5);
        for (domain, value) in [(2, 1), (3, 1), (9, 1), (4, 8), (10, 20), (9, 64)] {
            let shape = Shape::new(domain, value).unwrap();
            let (alphas, betas) = functions(domain);
            let betas: Vec<_> = betas.iter().map(|b| b | 1).collect();
            let (a, b) = (hidden(&alphas), hidden(&betas));
            let (k0, k1) = $of::generate(&SESSION, 1, shape, &a, &b, rng).unwrap();
            let points = near(&alphas);
            let [y0, y1]: [RingVec<u64>; 2] = [
                k0.evaluate(&points, &cpu).unwrap(),
                k1.evaluate(&points, &cpu).unwrap(),
            ];
            for (j, y) in sum(value, &y0, &y1).into_iter().enumerate() {
                let want = if j % 2 == 0 { betas[j] & low(value) } else { 0 };
                assert_eq!(y, want);
            }
            let one: [RingVec<u64>; 2] = [
                k0.evaluate_one(65, &points, &cpu).unwrap(),
                k1.evaluate_one(65, &points, &cpu).unwrap(),
            ];
            let all = [k0.expand(65, &cpu).unwrap(), k1.expand(65, &cpu).unwrap()];
            let all = sum(value, &all[0], &all[1]);
            assert_eq!(all[alphas[65] as usize], betas[65] & low(value));
            for (x, y) in points.iter().zip(sum(value, &one[0], &one[1])) {
                assert_eq!(y, all[*x as usize]);
            }
            let every: [RingVec<u64>; 2] =
                [k0.expand_keys(&cpu).unwrap(), k1.expand_keys(&cpu).unwrap()];
            assert_eq!(
                sum(value, &every[0], &every[1])[65 << domain..][..1 << domain],
                all
            );
            if value > 1 {
                continue;
            }
            let y0 = k0.evaluate_bits(&points, &cpu).unwrap();
            let y1 = k1.evaluate_bits(&points, &cpu).unwrap();
            assert!(
                xor(&y0, &y1)
                    .into_iter()
                    .enumerate()
                    .all(|(j, y)| y == (j % 2 == 0))
            );
            let y0 = k0.expand_bits(65, &cpu).unwrap();
            let y1 = k1.expand_bits(65, &cpu).unwrap();
            assert!(xor(&y0, &y1).into_iter().map(u64::from).eq(all));
            let y0 = k0.expand_keys_bits(&cpu).unwrap();
            let y1 = k1.expand_keys_bits(&cpu).unwrap();
            assert!(xor(&y0, &y1)[(65 << domain) + alphas[65] as usize]);
            for words in 1..=3 {
                let table: Vec<_> = (0..(words as u64) << domain).collect();
                let y0 = k0.inner_product(65, &table, words, &cpu).unwrap();
                let y1 = k1.inner_product(65, &table, words, &cpu).unwrap();
                let row = public(y0.as_slice()).iter().zip(public(y1.as_slice()));
                let want = &table[words * alphas[65] as usize..][..words];
                assert!(row.map(|(a, b)| a ^ b).eq(want.iter().copied()));
            }
        }
        let (alphas, _) = functions(9);
        let betas: Vec<_> = (0..N as u128)
            .map(|i| Block::from_u128(i << 70 | 3))
            .collect();
        let (a, b) = (hidden(&alphas), hidden(&betas));
        let (k0, k1) = $of::generate_blocks(&SESSION, 2, 9, &a, &b, rng).unwrap();
        let points = near(&alphas);
        let y0 = k0.evaluate_blocks(&points, &cpu).unwrap();
        let y1 = k1.evaluate_blocks(&points, &cpu).unwrap();
        for (j, (a, b)) in public(&y0).iter().zip(public(&y1)).enumerate() {
            let want = if j % 2 == 0 { betas[j] } else { Block::ZERO };
            assert_eq!(*a ^ *b, want);
        }
        let y0 = k0.evaluate_one(65, &points, &cpu).unwrap();
        let all = [k0.expand(65, &cpu).unwrap(), k1.expand(65, &cpu).unwrap()];
        let of = |x: u32| public(&all[0])[x as usize];
        assert!(public(&y0).iter().zip(&points).all(|(y, x)| *y == of(*x)));
        assert_eq!(
            of(alphas[65]) ^ public(&all[1])[alphas[65] as usize],
            betas[65]
        );
        let every = k0.expand_keys(&cpu).unwrap();
        assert!(public(&every)[65 << 9..][..1 << 9] == all[0]);
    }};
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn half_trees() {
    point_functions!(dpf);
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn trees_of_seeds() {
    point_functions!(bgi);
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn prefixes() {
    let cpu = Cpu::new();
    for (domain, value) in [(1, 1), (7, 24), (20, 64)] {
        let levels = idpf::Levels::new(domain, value).unwrap();
        let n = domain as usize;
        let (alphas, _) = functions(domain);
        let betas: Vec<_> = (1..=(N * n) as u64).map(|i| i << 1 | 1).collect();
        let (a, b) = (hidden(&alphas), hidden(&betas));
        let (k0, k1) = idpf::generate(&SESSION, 1, levels, &a, &b, &mut SecretRng::new(5)).unwrap();
        let [y0, y1] = [k0.evaluate(&alphas, &cpu), k1.evaluate(&alphas, &cpu)];
        let got = sum(value, &y0.unwrap(), &y1.unwrap());
        assert!(got.iter().zip(&betas).all(|(y, b)| *y == b & low(value)));
        for level in 1..=domain {
            let points: Vec<_> = near(&alphas)
                .iter()
                .map(|x| x >> (domain - level))
                .collect();
            let y0 = k0.evaluate_prefix(level, &points, &cpu).unwrap();
            let y1 = k1.evaluate_prefix(level, &points, &cpu).unwrap();
            for (j, y) in sum(value, &y0, &y1).into_iter().enumerate() {
                let on = points[j] == alphas[j] >> (domain - level);
                let want = if on {
                    betas[j * n + level as usize - 1] & low(value)
                } else {
                    0
                };
                assert_eq!(y, want);
            }
            let y: RingVec<u64> = k0.evaluate_one(65, level, &points, &cpu).unwrap();
            assert_eq!(public(y.as_slice())[65], y0.as_slice()[65]);
        }
    }
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn comparisons() {
    let cpu = Cpu::new();
    for (domain, value) in [(1, 1), (8, 1), (10, 20), (12, 64)] {
        let shape = Shape::new(domain, value).unwrap();
        let (alphas, betas) = functions(domain);
        let (a, b) = (hidden(&alphas), hidden(&betas));
        let (k0, k1) = dcf::generate(&SESSION, 1, shape, &a, &b, &mut SecretRng::new(5)).unwrap();
        let points = near(&alphas);
        let y0 = k0.evaluate(&points, &cpu).unwrap();
        let y1 = k1.evaluate(&points, &cpu).unwrap();
        for (j, y) in sum(value, &y0, &y1).into_iter().enumerate() {
            let want = if points[j] < alphas[j] {
                betas[j] & low(value)
            } else {
                0
            };
            assert_eq!(y, want);
        }
        let one = k0.evaluate_one(65, &points, &cpu).unwrap();
        assert_eq!(public(one.as_slice())[65], y0.as_slice()[65]);
    }
}

/// What one party has of OTs in both directions, and of triples.
type Correlations = (
    SentOts<SemiHonest>,
    ReceivedOts<SemiHonest>,
    Option<RingTriples<u128, SemiHonest>>,
);

fn words(n: usize, rng: &mut ChaCha20Rng) -> Vec<u128> {
    (0..n).map(|_| Block::random(rng).to_u128()).collect()
}

/// Made of public words and declared secret.
fn correlations(batch: &Batch, rng: &mut ChaCha20Rng) -> [Correlations; 2] {
    let n = batch.ots();
    let mut way = || {
        let sent: Vec<_> = (0..n)
            .map(|_| [Block::random(rng), Block::random(rng)])
            .collect();
        let mut choices = BitVec::random(n, rng);
        let pairs = sent.iter().zip(choices.to_bools());
        let got: Vec<_> = pairs.map(|(m, c)| m[usize::from(c)]).collect();
        secret(choices.words());
        std::hint::black_box(&mut choices);
        let received = ReceivedOts::from_raw(choices, hidden(&got)).unwrap();
        (SentOts::from_raw(hidden(&sent)), received)
    };
    let ((s0, r1), (s1, r0)) = (way(), way());
    let [mut t0, mut t1] = [None, None];
    if let (Range::Ring(k), true) = (batch.range(), batch.triples() > 0) {
        let mask = u128::MAX >> (128 - k);
        let [a0, a1, b0, b1, c0] = [(); 5].map(|()| {
            let x = words(batch.keys(), rng);
            x.into_iter().map(|x| x & mask).collect::<Vec<_>>()
        });
        let c1: Vec<_> = (0..batch.keys())
            .map(|i| {
                let (a, b) = (a0[i].wrapping_add(a1[i]), b0[i].wrapping_add(b1[i]));
                a.wrapping_mul(b).wrapping_sub(c0[i]) & mask
            })
            .collect();
        let of = |x: &[u128]| RingVec::from(hidden(x));
        t0 = RingTriples::from_raw(k, of(&a0), of(&b0), of(&c0));
        t1 = RingTriples::from_raw(k, of(&a1), of(&b1), of(&c1));
    }
    [(s0, r0, t0), (s1, r1, t1)]
}

fn own((alphas, betas): &(Vec<u32>, Vec<u128>), c: Correlations) -> Own<'_> {
    let (sent, received, triples) = c;
    Own {
        alphas,
        betas,
        sent,
        received,
        triples,
    }
}

type Made = (distributed::Keys<P0>, distributed::Keys<P1>);

/// Hands messages over, which are public from then on.
fn talk(mut p0: Generator<P0>, mut p1: Generator<P1>) -> Made {
    let mut inbox = [Vec::new(), Vec::new()];
    loop {
        let mut sent = [Vec::new(), Vec::new()];
        let steps = (
            p0.step(public(&inbox[0]), &mut sent[1]).unwrap(),
            p1.step(public(&inbox[1]), &mut sent[0]).unwrap(),
        );
        inbox = sent;
        (p0, p1) = match steps {
            (Step::Recv(p0), Step::Recv(p1)) => (p0, p1),
            (Step::Done(k0), Step::Done(k1)) => return (k0, k1),
            _ => panic!("the parties do not agree"),
        };
    }
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn keys_of_both_parties() {
    let domain = 6;
    for range in [
        Range::Ring(1),
        Range::Ring(20),
        Range::Ring(128),
        Range::Block,
    ] {
        let batch = Batch::new(SESSION, domain, range, N).unwrap();
        // Its padding, too: `Range::Block` leaves the bits of an element undefined, and they are read before the tag.
        let batch = public(&[batch])[0];
        let mut rng = ChaCha20Rng::from_seed([6; 32]);
        let [c0, c1] = correlations(&batch, &mut rng);
        let [a0, a1] = [(); 2].map(|()| (0..N).map(|_| rng.next_u32()).collect::<Vec<_>>());
        let [b0, b1] = [(); 2].map(|()| words(N, &mut rng));
        let [own0, own1] = [(&a0, &b0), (&a1, &b1)].map(|(a, b)| (hidden(a), hidden(b)));
        let rng = &mut SecretRng::new(5);
        let p0 = Generator::new(batch, own(&own0, c0), rng).unwrap();
        let p1 = Generator::new(batch, own(&own1, c1), rng).unwrap();
        let (k0, k1) = talk(p0, p1);
        let alphas: Vec<_> = (0..N).map(|j| (a0[j] ^ a1[j]) & 63).collect();
        let joined = |a: u128, b: u128| match range {
            Range::Ring(k) => a.wrapping_add(b) & (u128::MAX >> (128 - k)),
            Range::Block => a ^ b,
        };
        let points = near(&alphas);
        let y0 = k0.points(&points, &Cpu::new()).unwrap();
        let y1 = k1.points(&points, &Cpu::new()).unwrap();
        for (j, (a, b)) in public(&y0).iter().zip(public(&y1)).enumerate() {
            let want = if j % 2 == 0 { joined(b0[j], b1[j]) } else { 0 };
            assert_eq!(joined(*a, *b), want);
        }
        let all = k0.everywhere(65, &Cpu::new()).unwrap();
        assert_eq!(public(&all)[points[65] as usize], y0[65]);
    }
}
