//! One party's view tells nothing: for fixed inputs and fixed masks, over the dealer's seeds, every bit of the keys that it is sent,
//! every bit of its own results and every bit that is opened is a fair coin; so are the sums of two bits of the keys that lie
//! side by side or a block apart, and of a bit of the keys and a bit of its own results.
//!
//! **False alarms.** A count of ones over N seeds is refused at more than 6.5 deviations of √N / 2: a fair coin gets there with
//! probability 8e-11, and less than 10^6 counts are taken here, so that one of 12 000 choices of seeds would fail. The
//! seeds are fixed. A bit that shows itself with a bias above 13 / √N is found but with probability below 10^-10.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

use piquet_core::wire::SessionId;
use piquet_core::{BitVec, Ring};
use piquet_fss::dealer::{Dealer, Seed};
use piquet_fss::gates::Gate;
use piquet_fss::gates::sign::Sign;
use piquet_fss::mask::{BitMask, Mask};
use piquet_fss::stream::{KeyStream, OVERHEAD};
use piquet_fss::{Cpu, P0, P1};

const SESSION: SessionId = SessionId([21; 32]);
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
    /// Whether the first `bits` of them, all that are used, are those of a fair coin.
    fn worst(&self, bits: usize) -> f64 {
        let n = f64::from(self.n);
        let off = |o: &u32| (f64::from(*o) - n / 2.0).abs() / (n.sqrt() / 2.0);
        self.ones[..bits].iter().map(off).fold(0.0, f64::max)
    }
    fn assert_fair(&self, bits: usize, what: &str) {
        assert!(bits <= self.ones.len(), "{what}: fewer bits than said");
        let worst = self.worst(bits);
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

/// What is seen of a block under one seed: its payload, and each party's results, `width` bits of bytes each.
struct Seen {
    payload: Vec<u8>,
    own: [Vec<u8>; 2],
}

fn check(what: &str, mut see: impl FnMut(u64) -> Seen) {
    let mut single = Ones::default();
    let mut pairs = [Ones::default(), Ones::default()];
    let mut own = [Ones::default(), Ones::default()];
    let mut with_own: Vec<Ones> = Vec::new();
    let mut bytes = vec![0u32; 256];
    let (mut bits, mut own_bits) = (0, 0);
    for seed in 0..SEEDS as u64 {
        let seen = see(seed);
        bits = 8 * seen.payload.len();
        own_bits = 8 * seen.own[0].len();
        let payload = words(&seen.payload);
        single.push(&payload);
        pairs[0].push(&apart(&payload, 1));
        pairs[1].push(&apart(&payload, 128));
        for (party, b) in seen.own.iter().enumerate() {
            own[party].push(&words(b));
        }
        // The first byte of the results of each party is enough.
        for i in 0..16 {
            let b = seen.own[i / 8].first().map_or(0, |b| b >> (i % 8) & 1);
            let flip = u64::from(b).wrapping_neg();
            let sum: Vec<_> = payload.iter().map(|w| w ^ flip).collect();
            if with_own.len() <= i {
                with_own.push(Ones::default());
            }
            with_own[i].push(&sum);
        }
        for b in &seen.payload {
            bytes[usize::from(*b)] += 1;
        }
    }
    single.assert_fair(bits, &format!("{what}: keys"));
    pairs[0].assert_fair(bits.saturating_sub(1), &format!("{what}: neighbours"));
    pairs[1].assert_fair(
        bits.saturating_sub(128),
        &format!("{what}: neighbours a block apart"),
    );
    for (party, o) in own.iter().enumerate() {
        o.assert_fair(own_bits, &format!("{what}: results of party {party}"));
    }
    for (i, o) in with_own.iter().enumerate() {
        if own_bits > 0 {
            o.assert_fair(bits, &format!("{what}: keys and bit {i} of the results"));
        }
    }
    let n: u32 = bytes.iter().sum();
    if n > 0 {
        let each = f64::from(n) / 256.0;
        let chi2: f64 = bytes
            .iter()
            .map(|b| (f64::from(*b) - each).powi(2) / each)
            .sum();
        // 255 degrees of freedom: mean 255, deviation 22.6.
        assert!(
            (255.0 - 147.0..255.0 + 170.0).contains(&chi2),
            "{what}: bytes, {chi2}"
        );
    }
}

/// Deals one block of a gate under a seed, and evaluates it as both parties; `$k` is a party's keys and `$own` its results as bytes.
macro_rules! see {
    ($gate:expr, $masks:expr, |$k:ident| $own:expr) => {
        |seed: u64| {
            let gate = $gate;
            let seed = Seed::from_bytes((u128::from(seed) << 64 | 0x5eed).to_le_bytes());
            let mut dealer = Dealer::new(SESSION, 1, &seed);
            let [mut a, mut b] = [Vec::new(), Vec::new()];
            dealer.deal(&gate, COUNT, $masks, [&mut a, &mut b]).unwrap();
            let mut s0 = KeyStream::<P0>::new(SESSION, 1, dealer.seed::<P0>());
            let mut s1 = KeyStream::<P1>::new(SESSION, 1, dealer.seed::<P1>());
            let own = [
                {
                    let $k = s0.take(&gate, COUNT, &a).unwrap();
                    $own
                },
                {
                    let $k = s1.take(&gate, COUNT, &b).unwrap();
                    $own
                },
            ];
            let at = OVERHEAD - 16;
            let payload = a[at..a.len() - 16].to_vec();
            assert!(payload == b[at..b.len() - 16], "both are sent the same");
            assert_eq!(payload.len(), gate.key_bytes(COUNT));
            Seen { payload, own }
        }
    };
}

/// The low `bits` of each word, one after another.
fn packed<R: Ring>(bits: u32, x: &[R]) -> Vec<u8> {
    let mut out = vec![0; (x.len() * bits as usize).div_ceil(8)];
    for (i, x) in x.iter().enumerate() {
        for b in 0..bits as usize {
            let at = i * bits as usize + b;
            out[at / 8] |= ((x.to_i128() >> b & 1) as u8) << (at % 8);
        }
    }
    out
}

#[test]
fn signs() {
    for bits in [1, 2, 8, 9, 38, 64] {
        for mask in [0, u64::MAX] {
            for masked in [0, u64::MAX] {
                let what = format!("sign of {bits} bits, mask {mask:x}, masked value {masked:x}");
                check(
                    &what,
                    see!(Sign::<u64>::new(bits).unwrap(), &[mask; COUNT], |k| k
                        .evaluate(&[masked; COUNT], &Cpu::new())
                        .unwrap()
                        .as_bytes()
                        .to_vec()),
                );
            }
        }
    }
}

#[test]
fn opened_values() {
    for bits in [1, 20, 64] {
        for x in [0, u64::MAX] {
            check(
                &format!("opening of {x:x}, {bits} bits"),
                see!(Mask::<u64>::new(bits).unwrap(), (), |k| {
                    let (_, message) = k.open(&[x; COUNT]).unwrap();
                    message[18..].to_vec()
                }),
            );
        }
    }
    for x in [false, true] {
        check(
            &format!("opening of the bit {x}"),
            see!(BitMask, (), |k| {
                let (_, message) = k.open(&BitVec::from_bools(&[x; COUNT])).unwrap();
                message[18..].to_vec()
            }),
        );
    }
}

/// The two parties' messages together are uniform too, which is what is opened: the mask is nobody's.
#[test]
fn masked_values() {
    let mut opened = Ones::default();
    for seed in 0..SEEDS as u64 {
        let seed = Seed::from_bytes((u128::from(seed) << 64 | 0x5eed).to_le_bytes());
        let mut dealer = Dealer::new(SESSION, 1, &seed);
        let gate = Mask::<u64>::new(64).unwrap();
        let [mut a, mut b] = [Vec::new(), Vec::new()];
        dealer.deal(&gate, COUNT, (), [&mut a, &mut b]).unwrap();
        let mut s0 = KeyStream::<P0>::new(SESSION, 1, dealer.seed::<P0>());
        let mut s1 = KeyStream::<P1>::new(SESSION, 1, dealer.seed::<P1>());
        let x = [5; COUNT];
        let (o0, _) = s0.take(&gate, COUNT, &a).unwrap().open(&x).unwrap();
        let (_, m1) = s1.take(&gate, COUNT, &b).unwrap().open(&x).unwrap();
        opened.push(o0.finish(&m1).unwrap().as_slice());
    }
    opened.assert_fair(64 * COUNT, "masked values");
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
    assert!(biased.worst(64) > 6.5);
    assert!(pair.worst(63) > 6.5);
}
