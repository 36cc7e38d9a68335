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
