//! No branch and no address depends on a secret: seeds, masks and points are undefined memory to valgrind's memcheck while
//! keys are dealt, read and evaluated. What the dealer writes, what a party sends and what was opened are declared public.
//!
//! The cases are the ignored tests of this file; `judged` runs each under valgrind, where that is installed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod support {
    pub(crate) mod memcheck;
    mod raw_keys;
    pub(crate) mod scenarios;
}

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use piquet_core::wire::SessionId;
use piquet_core::{BitVec, Block, RingVec};
use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::gates::Gate;
use piquet_fss::gates::sign::Sign;
use piquet_fss::mask::{BitMask, Mask};
use piquet_fss::stream::KeyStream;
use piquet_fss::{Cpu, P0, P1};
use support::memcheck::{PART, SecretRng, Verdict, judge, public, secret};
use support::scenarios::{Setting, all};

const SESSION: SessionId = SessionId([9; 32]);

/// Every case, and whether memcheck must be content with it.
const CASES: &[(&str, bool)] = &[
    ("a_branch_on_a_secret", false),
    ("an_index_from_a_secret", false),
    ("arithmetic_on_a_secret", true),
    ("signs", true),
    ("masks", true),
    ("support::raw_keys::half_trees", true),
    ("support::raw_keys::trees_of_seeds", true),
    ("support::raw_keys::prefixes", true),
    ("support::raw_keys::comparisons", true),
    ("support::raw_keys::keys_of_both_parties", true),
];

#[test]
fn judged() {
    if cfg!(debug_assertions) {
        eprintln!(
            "NOT CHECKED: debug assertions branch on secrets; users' builds have none, nor has --release"
        );
        return;
    }
    let gates: Vec<_> = all().iter().map(|s| s.name).collect();
    let mut list: Vec<_> = CASES.iter().map(|(c, clean)| (*c, "", *clean)).collect();
    list.extend(gates.iter().map(|name| ("gate", *name, true)));
    let (at, bad) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some((case, part, clean)) = list.get(at.fetch_add(1, Ordering::Relaxed)) {
                    let complaint = match judge(case, part) {
                        Verdict::Clean if *clean => continue,
                        Verdict::Dependent(_) if !clean => continue,
                        Verdict::Clean => "memcheck has seen nothing".into(),
                        Verdict::Dependent(report) => report,
                        Verdict::NoValgrind => {
                            "NOT CHECKED: there is no valgrind for this machine".into()
                        }
                    };
                    bad.lock()
                        .unwrap()
                        .push(format!("{case} {part}: {complaint}"));
                }
            });
        }
    });
    let bad = bad.into_inner().unwrap();
    if bad.iter().any(|b| b.contains("NOT CHECKED")) {
        eprintln!("{}", bad[0]);
        return;
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

fn a_secret_byte() -> u8 {
    let mut b = [3u8];
    secret(&b);
    std::hint::black_box(&mut b);
    b[0]
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn a_branch_on_a_secret() {
    if a_secret_byte() > 2 {
        std::hint::black_box(std::time::Instant::now());
    }
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn an_index_from_a_secret() {
    let table = std::hint::black_box(vec![0u8; 256]);
    std::hint::black_box(table[usize::from(a_secret_byte())]);
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn arithmetic_on_a_secret() {
    let b = Block::random(&mut SecretRng::new(1));
    std::hint::black_box(b ^ Block::from_u128(u128::from(a_secret_byte())));
}

/// `n` secret words.
fn secrets<R: piquet_core::Ring>(n: usize) -> Vec<R> {
    let mut v = RingVec::<R>::random(n, &mut SecretRng::new(2))
        .as_slice()
        .to_vec();
    secret(&v);
    std::hint::black_box(&mut v);
    v
}

type Both<G> = (
    <G as Gate>::Dealt,
    <G as Gate>::Keys<P0>,
    <G as Gate>::Keys<P1>,
);

/// Both parties' keys, from a secret seed.
fn keys<G: Gate>(gate: &G, n: usize, masks: G::Masks<'_>) -> Both<G> {
    let seed = Seed::random(&mut SecretRng::new(1));
    let mut dealer = Dealer::new(SESSION, 1, &seed);
    let [mut a, mut b] = [Vec::new(), Vec::new()];
    let dealt = dealer.deal(gate, n, masks, [&mut a, &mut b]).unwrap();
    let [a, b] = [public(&a), public(&b)];
    let mut s0 = KeyStream::<P0>::new(SESSION, 1, dealer.seed::<P0>());
    let mut s1 = KeyStream::<P1>::new(SESSION, 1, dealer.seed::<P1>());
    let k0 = s0.take(gate, n, a).unwrap();
    (dealt, k0, s1.take(gate, n, b).unwrap())
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn signs() {
    let n = 70;
    for bits in [1, 8, 38, 64] {
        let r = secrets::<u64>(n);
        let (_, k0, k1) = keys(&Sign::<u64>::new(bits).unwrap(), n, &r);
        let masked: Vec<u64> = (0..n as u64)
            .map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .collect();
        let mut sum = k0.evaluate(&masked, &Cpu::new()).unwrap();
        sum.xor_assign(&k1.evaluate(&masked, &Cpu::new()).unwrap());
        public(sum.words());
        let r = public(&r);
        for (i, got) in sum.to_bools().enumerate() {
            let x = masked[i].wrapping_sub(r[i]);
            assert_eq!(got, x >> (bits - 1) & 1 == 0);
        }
    }
}

#[test]
#[ignore = "run under valgrind by `judged`"]
fn masks() {
    let n = 70;
    let x = secrets::<u32>(n);
    let (r, k0, k1) = keys(&Mask::<u32>::new(21).unwrap(), n, ());
    let (o0, m0) = k0.open(&x).unwrap();
    let (o1, m1) = k1.open(&x).unwrap();
    let y = o0.finish(public(&m1)).unwrap();
    let _ = o1.finish(public(&m0)).unwrap();
    for ((y, x), r) in public(y.as_slice())
        .iter()
        .zip(public(&x))
        .zip(public(r.as_slice()))
    {
        assert_eq!(*y, x.wrapping_mul(2).wrapping_add(*r) % (1 << 21));
    }
    let x = BitVec::random(n, &mut SecretRng::new(3));
    let (_, k0, k1) = keys(&BitMask, n, ());
    let (o0, _) = k0.open(&x).unwrap();
    let (_, m1) = k1.open(&x).unwrap();
    let _ = o0.finish(public(&m1)).unwrap();
}

/// The gate that is meant.
#[test]
#[ignore = "run under valgrind by `judged`"]
fn gate() {
    let n = 67;
    let part = std::env::var(PART).unwrap_or_default();
    for scenario in all().iter().filter(|s| s.name == part) {
        let seen = scenario.run(&Setting {
            seed: Seed::random(&mut SecretRng::new(1)),
            masks: secrets(n),
            bit_masks: BitVec::random(n, &mut SecretRng::new(3)),
            masked: (0..n as u64)
                .map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15))
                .collect(),
            opened: BitVec::from_bools(&core::array::from_fn::<bool, 67, _>(|i| i % 3 == 1)),
            shares: secrets(n),
            bit_shares: BitVec::random(n, &mut SecretRng::new(4)),
            cpu: Cpu::new(),
            public: &|b| {
                public(b);
            },
        });
        std::hint::black_box(seen.own);
    }
}
