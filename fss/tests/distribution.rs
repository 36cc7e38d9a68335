//! One party's view tells nothing: for fixed inputs and fixed masks, over the dealer's seeds, every bit of the keys that it is sent,
//! every bit of its own results, every bit that a party says and every bit that is opened is a fair coin; so are the sums
//! of two bits of the keys that lie side by side or a block apart, and of a bit of the keys and a bit of results or messages.
//!
//! **False alarms.** A count of ones over N seeds is refused at more than 6.5 deviations of √N / 2: a fair coin gets there with
//! probability 8e-11, and less than 10^7 counts are taken here, so that one of 1200 choices of seeds would fail. The
//! seeds are fixed. A bit that shows itself with a bias above 13 / √N is found but with probability below 10^-10.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod support {
    pub(crate) mod scenarios;
}

use piquet_core::BitVec;
use piquet_fss::Cpu;
use piquet_fss::dealer::Seed;
use support::scenarios::{Scenario, Seen, Setting, all};

const SEEDS: usize = 2048;
/// Gates of a block: so many that what is packed ends at a byte.
const COUNT: usize = 8;

/// Counts of ones.
#[derive(Default)]
struct Ones {
    n: u32,
    ones: Vec<u32>,
}

impl Ones {
    fn push(&mut self, bits: &[u64]) {
        self.n += 1;
        self.ones.resize(64 * bits.len(), 0);
        for (w, ones) in bits.iter().zip(self.ones.chunks_mut(64)) {
            for (i, o) in ones.iter_mut().enumerate() {
                *o += (w >> i & 1) as u32;
            }
        }
    }
    /// Deviations of the worst of the counts that are `wanted`.
    fn worst(&self, wanted: impl Fn(usize) -> bool) -> f64 {
        let n = f64::from(self.n);
        let off = |o: &u32| (f64::from(*o) - n / 2.0).abs() / (n.sqrt() / 2.0);
        let ones = self.ones.iter().enumerate().filter(|(i, _)| wanted(*i));
        ones.map(|(_, o)| off(o)).fold(0.0, f64::max)
    }
    fn assert_fair(&self, what: &str, wanted: impl Fn(usize) -> bool) {
        let worst = self.worst(wanted);
        assert!(worst < 6.5, "{what}: {worst:.1} deviations");
    }
}

/// Bytes as bits.
fn words(bytes: &[u8]) -> Vec<u64> {
    let word = |c: &[u8]| c.iter().rev().fold(0, |w, b| w << 8 | u64::from(*b));
    bytes.chunks(8).map(word).collect()
}

/// Each bit added to the one that is `by` further on.
fn apart(bits: &[u64], by: usize) -> Vec<u64> {
    let at = |i: usize| bits.get(i).copied().unwrap_or(0);
    let shifted = |i: usize| match by % 64 {
        0 => at(i + by / 64),
        s => at(i + by / 64) >> s | at(i + by / 64 + 1) << (64 - s),
    };
    (0..bits.len()).map(|i| bits[i] ^ shifted(i)).collect()
}

fn seen(scenario: &Scenario, seed: usize, ones: [bool; 3]) -> Seen {
    let fill = |b: bool| vec![u64::from(b).wrapping_neg(); COUNT];
    let bits = |b: bool| BitVec::from_bools(&[b; COUNT]);
    let [masks, masked, shares] = ones;
    scenario.run(&Setting {
        seed: Seed::from_bytes(((seed as u128) << 64 | 0x5eed).to_le_bytes()),
        masks: fill(masks),
        bit_masks: bits(masks),
        masked: fill(masked),
        opened: bits(masked),
        shares: fill(shares),
        bit_shares: bits(shares),
        cpu: Cpu::new(),
        public: &|_| {},
    })
}

/// Masks and shares of zeros or of ones alone, masked values likewise.
fn check(scenario: &Scenario, ones: [bool; 3]) {
    let name = format!("{}, {ones:?}", scenario.name);
    let mut single = Ones::default();
    let mut pairs = [Ones::default(), Ones::default()];
    let mut own = [Ones::default(), Ones::default()];
    let mut said = [Ones::default(), Ones::default()];
    let mut with_own: Vec<Ones> = (0..8).map(|_| Ones::default()).collect();
    let mut bytes = vec![0u32; 256];
    let (mut bits, mut own_bits, mut said_bits) = (0, 0, 0);
    for seed in 0..SEEDS {
        let seen = seen(scenario, seed, ones);
        bits = 8 * seen.payload().len();
        own_bits = 8 * seen.own[0].len();
        said_bits = 8 * seen.messages[0].len();
        let payload = words(seen.payload());
        single.push(&payload);
        pairs[0].push(&apart(&payload, 1));
        pairs[1].push(&apart(&payload, 128));
        for party in 0..2 {
            own[party].push(&words(&seen.own[party]));
            said[party].push(&words(&seen.messages[party]));
        }
        // Some bits of the results and messages of each party are enough.
        for (i, ones) in with_own.iter_mut().enumerate() {
            let from = if i < 4 { &seen.own } else { &seen.messages };
            let at = [0, 5][i / 2 % 2];
            let b = from[i % 2].get(at / 8).map_or(0, |b| b >> (at % 8) & 1);
            let flip = u64::from(b).wrapping_neg();
            ones.push(&payload.iter().map(|w| w ^ flip).collect::<Vec<_>>());
        }
        for b in seen.payload() {
            bytes[usize::from(*b)] += 1;
        }
    }
    let unused: Vec<_> = single.ones.iter().map(|o| *o == 0).collect();
    let used = |i: usize| i < bits && !unused[i];
    let there = (0..bits).filter(|i| unused[*i]).count();
    assert_eq!(there, scenario.unused, "{name}: bits that are always 0");
    single.assert_fair(&format!("{name}: keys"), used);
    for (by, pairs) in [1, 128].into_iter().zip(&pairs) {
        let what = format!("{name}: bits of keys that are {by} apart");
        pairs.assert_fair(&what, |i| used(i) && used(i + by));
    }
    for party in 0..2 {
        let results = format!("{name}: results of party {party}");
        own[party].assert_fair(&results, |i| i < own_bits);
        let messages = format!("{name}: messages of party {party}");
        said[party].assert_fair(&messages, |i| i < said_bits);
    }
    for (i, ones) in with_own.iter().enumerate() {
        if [own_bits, said_bits][i / 4] > 0 {
            ones.assert_fair(
                &format!("{name}: keys and bit {i} of what is said or results"),
                used,
            );
        }
    }
    let n: u32 = bytes.iter().sum();
    if n > 0 && scenario.unused == 0 {
        let each = f64::from(n) / 256.0;
        let chi2: f64 = bytes
            .iter()
            .map(|b| (f64::from(*b) - each).powi(2) / each)
            .sum();
        // 255 degrees of freedom: mean 255, deviation 22.6.
        assert!(
            (255.0 - 147.0..255.0 + 170.0).contains(&chi2),
            "{name}: bytes, {chi2}"
        );
    }
}

#[test]
fn views_are_uniform() {
    let list = all();
    let at = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let next = || list.get(at.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
                while let Some(scenario) = next() {
                    for ones in 0..4 {
                        check(scenario, [ones & 1 == 1, ones & 2 == 2, ones & 1 == 1]);
                    }
                }
            });
        }
    });
}

/// What both parties open together is uniform too, as the mask is nobody's.
#[test]
fn opened_values_are_uniform() {
    let list = all();
    for scenario in &list {
        for ones in [false, true] {
            let mut opened = Ones::default();
            let mut bits = 0;
            for seed in 0..SEEDS {
                let [a, b] = seen(scenario, seed, [ones; 3]).messages;
                // Bits are opened by exclusive or, and so is the lowest one of any number: it stands for all, whose
                // carries are those of uniform numbers.
                let sum: Vec<_> = a.iter().zip(&b).map(|(a, b)| a ^ b).collect();
                bits = 8 * sum.len();
                opened.push(&words(&sum));
            }
            opened.assert_fair(scenario.name, |i| i < bits);
        }
    }
}

/// What is looked for is found: a bit that is 1 in 5 of 8 cases, a sum of two bits that is 0 in 5 of 8 cases.
#[test]
fn a_biased_bit_is_found() {
    let mut biased = Ones::default();
    let mut pair = Ones::default();
    let mut rng = piquet_core::Prg::new(piquet_core::Block::from_u128(1));
    for i in 0..SEEDS {
        let mut w = [0u64; 2];
        rng.fill_ring(&mut w);
        biased.push(&[w[0] | u64::from(i % 4 == 0) << 17]);
        let keep = if i % 4 == 0 { !(1 << 18) } else { !0 };
        pair.push(&[(w[0] ^ w[0] >> 1) & keep]);
    }
    assert!(biased.worst(|_| true) > 6.5);
    assert!(pair.worst(|i| i < 63) > 6.5);
}
