#![allow(clippy::unwrap_used)]

use super::*;
use crate::noise::Bound;
use crate::testing::prg;
use crate::{CipherModulus, PlainModulus};

fn seal(plain: PlainModulus) -> Seal {
    let bound = Bound {
        weight: 7,
        terms: 3,
        useful: 3,
    };
    let primes = CipherModulus::primes(4096, 40, 2);
    Seal::new(Params::new(4096, plain, primes, Mode::Approximate, bound).unwrap()).unwrap()
}

/// What [`Backend::add`] adds: x = (q m + h - r) / t with h = floor((t + 1) / 2) and r the remainder, so that x t + r
/// = h modulo each prime.
#[test]
fn encodings_are_rounded_as_said() {
    for plain in [
        PlainModulus::Bits(8),
        PlainModulus::Bits(30),
        PlainModulus::Prime(257),
    ] {
        let he = seal(plain);
        let t = u128::from(he.t);
        let half = t.div_ceil(2);
        let mut rng = prg(1);
        let message: Vec<u64> = (0..4096).map(|_| residues::below(he.t, &mut rng)).collect();
        let mut c = Ciphertext::new(ffi::Ciphertext::zero(&he.context, he.first));
        he.add(&mut c, &message);
        let primes = he.residues.primes();
        let whole = primes.iter().fold(1, |q, p| q * u128::from(p.p()) % t);
        for (i, m) in message.iter().enumerate() {
            let rest = (whole * u128::from(*m) + half) % t;
            for (j, p) in primes.iter().enumerate() {
                let x = u128::from(c.whole.get(j * 4096 + i));
                assert_eq!((x * t + rest) % u128::from(p.p()), half);
            }
            // For a power of two these are the native encodings; otherwise they differ in one case.
            if rest > 0 && !t.is_multiple_of(2) {
                let native = (whole * u128::from(*m) + t / 2) % t;
                assert_eq!(rest, native + 1);
            }
        }
    }
}

#[test]
fn zero_weights_are_multiplied_like_others() {
    let he = seal(PlainModulus::Bits(8));
    let key = he.secret_key(&mut prg(1));
    let mut bytes = Vec::new();
    he.encrypt(&key, &[0; 32], 0, &[1; 4096], &mut prg(1), &mut bytes);
    let c = he.read(&[0; 32], 0, &bytes).unwrap();
    let map = Map {
        ins: 1,
        outs: 1,
        exponents: vec![0, 1, 2],
    };
    let weights = he.prepare(&map, &[0; 3]).unwrap();
    let out = he.multiply(&[c], &weights, 0..1);
    assert!((0..4 * 4096).all(|i| out[0].whole.get(i) == 0));
}

#[test]
fn samples_of_another_form_are_not_taken() {
    let he = seal(PlainModulus::Bits(8));
    let key = he.secret_key(&mut prg(1));
    let plain = he.plaintext(&[5; 4096]);
    let sample = key.encryptor.symmetric(&plain, true, &he.pool).save();
    let form = Saved::new(&sample, 2 * 4096).unwrap();
    let (words, seed) = form.split(&sample).unwrap();
    assert_eq!(form.join(&words, seed), sample);
    assert!(form.split(&sample[1..]).is_none());
    assert!(Saved::new(&sample, 4096).is_none());
    assert!(Saved::new(&sample[..sample.len() - 1], 2 * 4096).is_none());
    assert!(Saved::new(&[], 0).is_none());
    let whole = key.encryptor.symmetric(&plain, false, &he.pool).save();
    assert!(Saved::new(&whole, 2 * 4096).is_none());
}

#[test]
fn fewest_primes_are_left() {
    assert_eq!(seal(PlainModulus::Bits(8)).response_primes().len(), 1);
    assert_eq!(seal(PlainModulus::Bits(36)).response_primes().len(), 2);
}

#[test]
fn nothing_of_secrets_is_printed() {
    let he = seal(PlainModulus::Bits(8));
    let key = he.secret_key(&mut prg(1));
    assert_eq!(format!("{key:?}"), "SecretKey");
    assert!(format!("{he:?}").starts_with("Seal(Params"));
}
