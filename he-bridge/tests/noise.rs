//! Noise as it is beside noise as it is calculated, and what clients see of it.
#![allow(clippy::unwrap_used)]

use piquet_core::{Block, Prg};
use piquet_he_bridge::map::Map;
use piquet_he_bridge::native::{Ciphertext, Native, PublicKey, SecretKey};
use piquet_he_bridge::noise::{self, Bound};
use piquet_he_bridge::params::Traffic;
use piquet_he_bridge::{Backend, CipherModulus, Mode, Params, PlainModulus};

const TRAFFIC: Traffic = Traffic {
    requests: 1,
    responses: 1,
    positions: 2048,
};

fn prg(x: u128) -> Prg {
    Prg::new(Block::from_u128(x))
}

fn modulus(plain: PlainModulus) -> u128 {
    match plain {
        PlainModulus::Bits(k) => 1 << k,
        PlainModulus::Prime(t) => t.into(),
    }
}

struct Parties {
    he: Native,
    key: SecretKey,
    public: PublicKey,
    rng: Prg,
}

impl Parties {
    fn new(params: Params, seed: u128) -> Self {
        let he = Native::new(params);
        let mut rng = prg(seed);
        let key = he.secret_key(&mut rng);
        let mut message = Vec::new();
        he.public_key(&key, &mut rng, &mut message);
        let public = he.read_public_key(&message).unwrap();
        Self {
            he,
            key,
            public,
            rng,
        }
    }
    /// Encryptions of sums of shares.
    fn inputs(&mut self, shares: &[[Vec<u64>; 2]]) -> Vec<Ciphertext> {
        (0..)
            .zip(shares)
            .map(|(i, [client, server])| {
                let mut bytes = Vec::new();
                (self.he).encrypt(&self.key, &[5; 32], i, client, &mut self.rng, &mut bytes);
                let mut c = self.he.read(&[5; 32], i, &bytes).unwrap();
                self.he.add(&mut c, server);
                c
            })
            .collect()
    }
    /// Shares of the client and the server, and the response.
    fn respond(&mut self, c: Ciphertext, positions: &[u32]) -> [Vec<u64>; 2] {
        let mut response = Vec::new();
        let mut shares = [0, 1].map(|_| vec![0; positions.len()]);
        let [client, server] = &mut shares;
        (self.he).respond(
            &self.public,
            c,
            positions,
            server,
            &mut self.rng,
            &mut response,
        );
        assert_eq!(
            response.len(),
            self.he.params().response_len(positions.len())
        );
        (self.he.decrypt(&self.key, &response, positions, client)).unwrap();
        shares
    }
}

/// The products, modulo t, by definition.
fn products(params: &Params, map: &Map, values: &[i64], shares: &[[Vec<u64>; 2]]) -> Vec<u64> {
    let (n, plain) = (params.degree(), params.plain());
    let t = modulus(plain) as i128;
    let mut out = vec![0; n];
    for (i, [a, b]) in shares.iter().enumerate() {
        let terms = &values[i * map.exponents.len()..][..map.exponents.len()];
        for (e, v) in map.exponents.iter().zip(terms) {
            let (place, negative) = Map::place(*e, n);
            for k in 0..n {
                let m = plain.add(a[k], b[k]);
                let turned = (k + place >= n) != negative;
                let v = i128::from(if turned { v.wrapping_neg() } else { *v });
                // Both are below 2^64: the product wraps modulo 2^128, of which 2^64 is a divisor.
                let term = if t == 1 << 64 {
                    v.wrapping_mul(m.into()) as u64
                } else {
                    (v.rem_euclid(t) * i128::from(m)).rem_euclid(t) as u64
                };
                let at = (k + place) % n;
                out[at] = plain.add(out[at], term);
            }
        }
    }
    out
}

/// Runs extreme weights and messages; returns the largest noise of a product over what it may be.
fn extremes(params: Params) -> f64 {
    let (n, plain, bound) = (params.degree(), params.plain(), params.bound());
    let t = modulus(plain);
    let ins = 2;
    let each = (bound.terms / ins) as u32;
    let map = Map {
        ins: ins as usize,
        outs: 1,
        exponents: (0..each).map(|e| e * 3).collect(),
    };
    let largest = bound.weight.min(i64::MAX as u64) as i64;
    let least = (bound.weight as i64).wrapping_neg();
    let mut worst = 0f64;
    let mut parties = Parties::new(params, 11);
    let params = parties.he.params().clone();
    let fixed = |x: u128| vec![(x % t) as u64; n];
    let mut uniform = vec![0u64; n];
    parties.rng.fill_ring(&mut uniform);
    let uniform: Vec<u64> = uniform.into_iter().map(|x| plain.reduce(x)).collect();
    let mut messages = vec![
        [fixed(t / 2), fixed(t / 2)],
        [fixed(t - 1), fixed(t - 1)],
        [
            uniform.clone(),
            uniform.iter().map(|x| plain.subtract(0, *x)).collect(),
        ],
        [fixed(0), fixed(t / 2 + 1)],
    ];
    messages.push([uniform, fixed(1)]);
    let positions: Vec<u32> = (0..n as u32).collect();
    for (i, m) in messages.into_iter().enumerate() {
        let values = vec![if i % 2 == 0 { largest } else { least }; map.values()];
        let weights = parties.he.prepare(&map, &values).unwrap();
        let shares = [m.clone(), m];
        let want = products(&params, &map, &values, &shares);
        let inputs = parties.inputs(&shares);
        let [result] =
            <[Ciphertext; 1]>::try_from(parties.he.multiply(&inputs, &weights, 0..1)).unwrap();
        let noise = parties
            .he
            .noise_of_a_ciphertext_for_tests_only(&parties.key, &result, &want);
        let most = noise.iter().fold(0, |m, x| m.max(x.unsigned_abs()));
        // The expected value is rounded to the ciphertexts' modulus too.
        worst = worst.max((most.max(1) - 1) as f64);
        let [client, server] = parties.respond(result, &positions);
        for k in 0..n {
            let off = plain.centred(plain.subtract(plain.add(client[k], server[k]), want[k]));
            let allowed = i64::from(params.mode() == Mode::Approximate);
            assert!(off.abs() <= allowed, "{off} at {k} of {params:?}");
        }
    }
    let divides = matches!(
        (plain, params.modulus()),
        (
            PlainModulus::Bits(_),
            CipherModulus::Word(_) | CipherModulus::Limbs(_)
        )
    );
    worst / noise::product(bound, !divides).most()
}

#[test]
fn noise_of_extremes_is_below_its_bound_and_not_far() {
    let bound = |weight| Bound {
        weight,
        terms: 32,
        useful: 32,
    };
    let mut tried = 0;
    for k in [8, 16, 32, 37, 41, 64] {
        for mode in [Mode::Exact, Mode::Approximate] {
            for weight in [1, 2047, 1 << 15, 1 << 63] {
                let plain = PlainModulus::Bits(k);
                let kinds: [fn(_, _, _, _, _) -> _; 2] = [Params::shifts, Params::points];
                for (kind, choose) in kinds.into_iter().enumerate() {
                    let found = [2048, 4096, 8192]
                        .into_iter()
                        .find_map(|n| choose(n, plain, mode, bound(weight), TRAFFIC).ok());
                    let Some(params) = found else {
                        continue;
                    };
                    tried += 1;
                    let part = extremes(params.clone());
                    assert!(
                        part < 1.0 && part > 1.0 / 8.0,
                        "{part} of the bound, kind {kind}, {params:?}"
                    );
                }
            }
        }
    }
    assert!(tried > 55, "{tried}");
}

/// One input of ones' shares and a map of three terms, with all positions.
struct Trial {
    parties: Parties,
    map: Map,
    positions: Vec<u32>,
    client: Vec<u64>,
}

impl Trial {
    fn new(params: Params, seed: u128) -> Self {
        let n = params.degree();
        let mut client = vec![0u64; n];
        prg(seed).fill_ring(&mut client);
        let plain = params.plain();
        client.iter_mut().for_each(|x| *x = plain.reduce(*x));
        Self {
            parties: Parties::new(params, seed),
            map: Map {
                ins: 1,
                outs: 1,
                exponents: vec![0, 1, 64],
            },
            positions: (0..n as u32).collect(),
            client,
        }
    }
    /// A response to products with these weights, in bytes, and how far what the client decrypts is from its share,
    /// in units of the response, position by position.
    fn beyond_the_share(&mut self, values: &[i64]) -> (Vec<u8>, Vec<f64>) {
        let weights = self.parties.he.prepare(&self.map, values).unwrap();
        let message = [self.client.clone(), vec![1; self.client.len()]];
        let inputs = self.parties.inputs(&[message]);
        let Parties {
            he, public, rng, ..
        } = &mut self.parties;
        let result = he.multiply(&inputs, &weights, 0..1).remove(0);
        let mut response = Vec::new();
        let mut shares = vec![0; self.positions.len()];
        he.respond(
            public,
            result,
            &self.positions,
            &mut shares,
            rng,
            &mut response,
        );
        let key = &self.parties.key;
        let (he, bits) = (&self.parties.he, self.parties.he.params().second_bits());
        let phases = he.phases_of_a_response_for_tests_only(key, &response, &self.positions);
        he.decrypt(key, &response, &self.positions, &mut shares)
            .unwrap();
        let t = modulus(he.params().plain());
        let beyond = phases.unwrap().into_iter().zip(shares);
        let beyond = beyond.map(|(phase, share)| {
            // t phase - 2^bits share, below 2^bits / 2 in absolute value, over t.
            let whole = 1i128 << bits;
            let d = (phase as i128).wrapping_mul(t as i128) - whole * i128::from(share);
            let d = if d > whole * t as i128 / 2 {
                d - whole * t as i128
            } else {
                d
            };
            d as f64 / t as f64
        });
        let beyond = beyond.collect();
        (response, beyond)
    }
}

/// The largest difference of two empirical distribution functions, over what it exceeds with a probability of 0.001.
fn kolmogorov_smirnov(a: &mut [f64], b: &mut [f64]) -> f64 {
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let (mut i, mut j, mut most) = (0, 0, 0f64);
    while i < a.len() && j < b.len() {
        let x = a[i].min(b[j]);
        while i < a.len() && a[i] <= x {
            i += 1;
        }
        while j < b.len() && b[j] <= x {
            j += 1;
        }
        most = most.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    let n = (a.len() * b.len()) as f64 / (a.len() + b.len()) as f64;
    most * n.sqrt() / 1.95
}

/// Exact parameters of every kind for weights of 12 bits.
fn kinds(mode: Mode) -> Vec<Params> {
    let bound = Bound {
        weight: 2047,
        terms: 3,
        useful: 3,
    };
    let mut all = Vec::new();
    for plain in [
        PlainModulus::Bits(16),
        PlainModulus::Bits(37),
        PlainModulus::Prime((1 << 31) - 1),
    ] {
        for choose in [Params::shifts, Params::points] {
            all.push(choose(4096, plain, mode, bound, TRAFFIC).unwrap());
        }
    }
    all
}

#[test]
fn what_a_client_sees_beyond_its_share_does_not_depend_on_weights() {
    const ROUNDS: usize = 8;
    for params in kinds(Mode::Exact) {
        let flood = f64::from(params.flooding()).exp2();
        let unit = (f64::from(params.second_bits()) - params.modulus().log2()).exp2();
        let mut trial = Trial::new(params.clone(), 21);
        let mut samples = [
            [0, 0, 0],
            [1, 0, 0],
            [2047, 2047, 2047],
            [-2047, 2047, -2047],
        ]
        .map(|w| {
            let rounds = (0..ROUNDS).flat_map(|_| trial.beyond_the_share(&w).1);
            rounds.collect::<Vec<f64>>()
        });
        // It is there at all, and as wide as it should be: uniform, with a standard deviation of 2 F / sqrt(12).
        for s in &samples {
            let square = s.iter().map(|x| x * x).sum::<f64>() / s.len() as f64;
            let rounding = noise::response(4096, params.first_bits(), params.second_bits());
            let part = square.sqrt() / (flood * unit / 3f64.sqrt());
            let more = rounding.most() / (flood * unit);
            assert!(
                part > 0.97 && part < 1.03 + more,
                "{part} {more} {params:?}"
            );
        }
        let [zero, rest @ ..] = &mut samples;
        for other in rest {
            let d = kolmogorov_smirnov(zero, other);
            assert!(d < 1.0, "{d} {params:?}");
        }
    }
    // The test notices what would be hidden badly: a flood that is 1/16 narrower, or noise of 1/16 of its width.
    let [mut a, mut b] = [0, 1].map(|seed| {
        let mut x = vec![0u64; 4096 * ROUNDS];
        prg(seed).fill_ring(&mut x);
        let part = |x: u64| x as f64 / 64f64.exp2();
        x.into_iter().map(part).collect::<Vec<_>>()
    });
    assert!(kolmogorov_smirnov(&mut a, &mut b) < 1.0);
    let mut shifted: Vec<f64> = b.iter().map(|x| x + 1.0 / 16.0).collect();
    assert!(kolmogorov_smirnov(&mut a, &mut shifted) > 1.0);
}

#[test]
fn responses_are_fresh_even_for_weights_of_zero() {
    for mode in [Mode::Exact, Mode::Approximate] {
        for params in kinds(mode) {
            let mut trial = Trial::new(params.clone(), 22);
            let first = trial.beyond_the_share(&[0; 3]).0;
            let second = trial.beyond_the_share(&[0; 3]).0;
            // Neither half of either is zero or repeats, nor are they alike byte by byte beyond chance: a byte agrees
            // once in 256.
            let agree = first.iter().zip(&second).filter(|(a, b)| a == b).count();
            assert!(
                agree < first.len() / 128,
                "{agree} of {} {params:?}",
                first.len()
            );
            let zeros = first.iter().filter(|b| **b == 0).count();
            assert!(
                zeros < first.len() / 128,
                "{zeros} of {} {params:?}",
                first.len()
            );
        }
    }
}

#[test]
fn pads_of_the_approximate_mode_are_uniform() {
    for params in kinds(Mode::Approximate) {
        let (n, bits) = (params.degree(), params.first_bits());
        let mut trial = Trial::new(params, 23);
        let mut high = [0u64; 16];
        for w in [[0, 0, 0], [2047, 2047, 2047]] {
            for _ in 0..4 {
                let (response, _) = trial.beyond_the_share(&w);
                let first = &response[response.len() - (n * bits as usize).div_ceil(8)..];
                let mut x = vec![0u64; n];
                let mut u = piquet_core::pack::Unpacker::new(first, n, bits).unwrap();
                u.pull(&mut x);
                x.iter().for_each(|x| high[(x >> (bits - 4)) as usize] += 1);
            }
        }
        let wanted = (8 * n) as f64 / 16.0;
        let sum: f64 = high
            .iter()
            .map(|h| (*h as f64 - wanted).powi(2) / wanted)
            .sum();
        // Chi-square of 15 degrees of freedom exceeds 44.3 with a probability of 10^-4.
        assert!(sum < 44.3, "{sum} {high:?}");
    }
}
