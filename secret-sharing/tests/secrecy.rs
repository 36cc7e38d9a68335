//! What one party sees of a fixed secret is uniform, and nothing prints a secret.
//!
//! Uniformity is a chi-square test over 256 cells of 2^16 samples under fixed seeds. With 255 degrees of freedom the
//! statistic exceeds 400 with probability about 2e-8 for a uniform source, so that a change of seeds or generator
//! raises a false alarm in about one of half a million runs of this file; the unmasked product exceeds it a
//! hundredfold.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{SESSION, prss, rng};
use piquet_core::{BitVec, RingVec, wire::Encode};
use piquet_secret_sharing::{
    AdditiveVec, Error, Format, PairwisePrss, Prss, Rep3Party, Rep3Vec, XorVec, additive,
    beaver::{BitTripleBatch, BitTriples, Multiply, Product, TripleBatch, Triples},
    boolean,
    dealer::{Demand, Item, TrustedDealer},
    replicated::{self, Rep3Product, split_seeded},
};

const SAMPLES: usize = 1 << 16;
const LIMIT: f64 = 400.0;
const SECRETS: [u8; 4] = [0, 1, 0x80, 0xa5];

fn chi_square(samples: impl IntoIterator<Item = u8>) -> f64 {
    let mut cells = [0f64; 256];
    let mut n = 0.0;
    for s in samples {
        cells[usize::from(s)] += 1.0;
        n += 1.0;
    }
    let mean = n / 256.0;
    cells.iter().map(|c| (c - mean).powi(2) / mean).sum()
}

fn assert_uniform(what: &str, samples: impl IntoIterator<Item = u8>) {
    let statistic = chi_square(samples);
    assert!(statistic < LIMIT, "{what}: {statistic}");
}

/// The high halves of two components in one cell, so that the pair is tested, not only each of them.
fn pairs<'a>(a: &'a [u8], b: &'a [u8]) -> impl Iterator<Item = u8> + 'a {
    a.iter().zip(b).map(|(a, b)| (a & 0xf0) | (b >> 4))
}

fn all_of(byte: u8) -> BitVec {
    BitVec::from_bytes(8 * SAMPLES, &vec![byte; SAMPLES]).unwrap()
}

#[test]
fn additive_shares_are_uniform() {
    for secret in SECRETS {
        let shares = additive::split(&[secret; SAMPLES], 3, &mut rng(secret.into())).unwrap();
        for s in &shares {
            assert_uniform("share", s.raw_share().iter().copied());
        }
        for [i, j] in [[0, 1], [1, 2], [2, 0]] {
            let view = pairs(shares[i].raw_share(), shares[j].raw_share());
            assert_uniform("two of three", view);
        }
        let shares = boolean::split_xor(&all_of(secret), 2, &mut rng(secret.into())).unwrap();
        for s in &shares {
            assert_uniform("bits", s.raw_share().as_bytes().iter().copied());
        }
    }
}

#[test]
fn replicated_shares_are_uniform() {
    for secret in SECRETS {
        let x = [secret; SAMPLES];
        let plain = replicated::split(&x, &mut rng(secret.into()));
        let seeded = split_seeded(&x, SESSION, 0, &mut rng(secret.into()))
            .unwrap()
            .map(|s| s.expand().unwrap());
        for s in plain.iter().chain(&seeded) {
            let (mine, next) = s.raw_components();
            assert_uniform("mine", mine.iter().copied());
            assert_uniform("next", next.iter().copied());
            assert_uniform("view", pairs(mine, next));
        }
        for s in boolean::split_rep3(&all_of(secret), &mut rng(secret.into())) {
            let (mine, next) = s.raw_components();
            assert_uniform("bits", pairs(mine.as_bytes(), next.as_bytes()));
        }
    }
}

/// The receiver of a reshare message knows its own components; whatever these are, the message is uniform.
#[test]
fn reshare_messages_are_uniform_and_raw_products_are_not() {
    let ends = prss(&SESSION);
    for (step, secret) in (0..).zip(SECRETS) {
        for end in &ends {
            let fixed = || RingVec::from(vec![secret; SAMPLES]);
            let share = Rep3Vec::from_raw_components(end.party(), fixed(), fixed()).unwrap();
            let product = share.local_mul(&share).unwrap();
            let zero = end.step(step).unwrap().zero_ring(SAMPLES);
            let sent = product.mask(zero).unwrap();
            let message = sent.message_to_prev().as_slice();
            assert_uniform("message", message.iter().copied());
            let raw = share.local_mul(&share).unwrap().into_raw_summand_unmasked();
            assert!(chi_square(raw.as_slice().iter().copied()) > 100.0 * LIMIT);

            let x = boolean::Rep3Bits::from_raw_components(
                end.party(),
                all_of(secret),
                all_of(!secret),
            )
            .unwrap();
            let zero = end.step(100 + step).unwrap().zero_bits(8 * SAMPLES);
            let sent = x.local_and(&x).unwrap().mask(zero).unwrap();
            let message = sent.message_to_prev().as_bytes();
            assert_uniform("bit message", message.iter().copied());
        }
    }
}

#[test]
fn openings_are_uniform() {
    let n = SAMPLES;
    for secret in SECRETS {
        let demand = Demand::try_from_iter([Item::mul::<u8>(n), Item::and(8 * n)]).unwrap();
        let dealt = TrustedDealer::deal(&demand, 2, &mut rng(secret.into())).unwrap();
        for mut m in dealt {
            let x = AdditiveVec::public(m.party(), &[secret; SAMPLES]);
            let mut bytes = Vec::new();
            let (o, _pending) = m.next_mul(n).unwrap().start(SESSION, 0, &x, &x).unwrap();
            o.encode(&mut bytes);
            let (d, e) = bytes[20..].split_at(n);
            assert_uniform("opening", pairs(d, e));
            let x = XorVec::public(m.party(), &all_of(secret));
            let (o, _pending) = m
                .next_and(8 * n)
                .unwrap()
                .start(SESSION, 1, &x, &x)
                .unwrap();
            bytes.clear();
            o.encode(&mut bytes);
            let (d, e) = bytes[19..].split_at(n);
            assert_uniform("bit opening", pairs(d, e));
        }
    }
}

/// Every secret-bearing type, filled with one pattern, printed in both styles.
#[test]
fn nothing_prints_a_secret() {
    const PATTERN: u64 = 0xa5a5_a5a5_a5a5_a5a5;
    let ring = || RingVec::from(vec![PATTERN; 3]);
    let packed = || BitVec::from_words(128, vec![PATTERN; 2]);
    let p = common::party(0, 2);
    let rep3 = || Rep3Vec::from_raw_components(Rep3Party::P0, ring(), ring()).unwrap();
    let rep3_bits =
        || boolean::Rep3Bits::from_raw_components(Rep3Party::P0, packed(), packed()).unwrap();
    let prss = || Prss::new(Rep3Party::P0, &SESSION, &[0xa5; 32], &[0xa5; 32]);
    let pairwise = PairwisePrss::new(p, &SESSION, &[[0xa5; 32]]).unwrap();
    let product = Product::Elements { len: 3 };
    let batch = || TripleBatch::from_raw_shares(p, product, ring(), ring(), ring()).unwrap();
    let bit_batch = || BitTripleBatch::from_raw_shares(p, packed(), packed(), packed()).unwrap();
    let share = AdditiveVec::from_raw_share(p, ring());
    let xor = XorVec::from_raw_share(p, packed());
    let zeros = AdditiveVec::<u64>::public(p, &[0; 3]);
    let (opening, pending) = batch().start(SESSION, 0, &zeros, &zeros).unwrap();
    let (o, q) = batch().start(SESSION, 0, &share, &share).unwrap();
    let (bit_opening, bit_pending) = bit_batch().start(SESSION, 0, &xor, &xor).unwrap();
    let demand = Demand::try_from_iter([Item::mul::<u64>(1)]).unwrap();
    let material = TrustedDealer::deal(&demand, 2, &mut rng(0)).unwrap();
    let zero = || prss().step(0).unwrap().zero_ring::<u64>(3);
    let zero_bits = || prss().step(0).unwrap().zero_bits(128);
    let [seeded, ..] = split_seeded(&[PATTERN; 3], SESSION, 0, &mut rng(0)).unwrap();
    let masked = Rep3Product::from_raw_summand(Rep3Party::P0, ring()).mask(zero());
    let masked_bits = rep3_bits()
        .local_and(&rep3_bits())
        .unwrap()
        .mask(zero_bits());
    let secrets: [&dyn std::fmt::Debug; 27] = [
        &share,
        &xor,
        &rep3(),
        &rep3_bits(),
        &Rep3Product::from_raw_summand(Rep3Party::P0, ring()),
        &rep3_bits().local_and(&rep3_bits()).unwrap(),
        &zero(),
        &zero_bits(),
        &masked.unwrap(),
        &masked_bits.unwrap(),
        &seeded,
        &prss(),
        &prss().step(1).unwrap(),
        &prss().step(1).unwrap().into_streams(),
        &pairwise,
        &pairwise.step(0).unwrap(),
        &pairwise.step(1).unwrap().into_streams(),
        &Triples::from_raw_shares(p, ring(), ring(), ring()).unwrap(),
        &BitTriples::from_raw_shares(p, packed(), packed(), packed()).unwrap(),
        &batch(),
        &bit_batch(),
        &opening,
        &pending,
        &bit_opening,
        &bit_pending,
        &Multiply::new(o, q).unwrap(),
        &material,
    ];
    let shown = ["a5a5", "165", "-91", &PATTERN.to_string()[..6], "1010010"];
    let negative = (PATTERN as i64).to_string();
    for s in secrets {
        for text in [format!("{s:?}"), format!("{s:#?}")] {
            let text = text.to_lowercase();
            let leak = shown.iter().find(|p| text.contains(**p));
            assert_eq!(leak, None, "{text}");
            assert!(!text.contains(&negative[..6]), "{text}");
        }
    }
    // An encoding error names the position, not the number.
    let f = Format::new(16, 0, 7).unwrap();
    let e = piquet_secret_sharing::fixed::encode::<u16>(&[165.0], f).unwrap_err();
    assert_eq!(
        e,
        Error::NotRepresentable {
            index: 0,
            format: f
        }
    );
    assert!(!format!("{e} {e:?}").contains("165"));
}
