//! Known-answer vectors: the reference, the crate at every level of the processor and the files in `vectors/` say the
//! same.
//!
//! With `PIQUET_BLESS=1` the reference writes the files anew, and the crate has to agree with them all the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic"
)]

mod reference;
mod support {
    pub(crate) mod show;
    pub(crate) mod vectors;
}

use piquet_core::cpu::Level;
use piquet_he_bridge::map::Map;
use piquet_he_bridge::native::ntt::Ntt;
use piquet_he_bridge::native::prime::{Prime, ntt_primes};
use piquet_he_bridge::native::testing::DrawsForTestsOnly;
use piquet_he_bridge::noise::Bound;
use piquet_he_bridge::{Backend, CipherModulus, Mode, Native, Params, PlainModulus};
use reference::scheme::{Draws, Modulus, Response, Scheme};
use reference::{derive, transform};
use serde_json::{Value, json};
use support::show;
use support::vectors::hold;

const GENERATOR: &str =
    "he-bridge/tests/reference, written by he-bridge/tests/known_answers.rs under PIQUET_BLESS=1";

/// `n` numbers of 128 bits that depend on a label.
fn numbers(label: &str, n: usize) -> Vec<u128> {
    let bytes = derive("piquet 2026 known answers", &[label.as_bytes()], 16 * n);
    let number = |b: &[u8]| u128::from_le_bytes(b.try_into().unwrap());
    bytes.chunks(16).map(number).collect()
}

/// As many residues.
fn residues(label: &str, n: usize, m: u128) -> Vec<u64> {
    (numbers(label, n).iter()).map(|x| (x % m) as u64).collect()
}

/// As many integers of at most `most` in absolute value.
fn small(label: &str, n: usize, most: u64) -> Vec<i8> {
    let span = 2 * u128::from(most) + 1;
    (residues(label, n, span).iter())
        .map(|x| (*x as i64 - most as i64) as i8)
        .collect()
}

/// Residues as bytes, eight each.
fn shown(x: &[u64]) -> Value {
    show::bytes(&x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>())
}

/// What the crate says, which is the same at all levels.
fn at_all_levels(say: impl Fn(Level) -> Value) -> Value {
    let said: Vec<Value> = Level::all().map(say).collect();
    assert!(said.iter().all(|s| *s == said[0]));
    said[0].clone()
}

#[test]
fn transforms() {
    let mut cases = Vec::new();
    for n in [2048, 4096, 8192] {
        for bits in [50, 41, 30] {
            let p = ntt_primes(n, bits, 1)[0];
            let name = format!("{n} coefficients modulo {p}");
            let mut x = residues(&name, n, p.into());
            (x[0], x[1], x[n - 1]) = (p - 1, 0, p - 1);
            let inputs = |values: &[u64]| {
                json!({"degree": n, "prime": p, "coefficients": shown(&x), "values": shown(values),
                    "first values": values[..4]})
            };
            let want = transform::forward(&x, p);
            assert_eq!(transform::backward(&want, p), x);
            let said = at_all_levels(|level| {
                let ntt = Ntt::with_level(Prime::new(p), n, level);
                let mut y = x.clone();
                ntt.forward(&mut y);
                let said = inputs(&y);
                ntt.inverse(&mut y);
                assert_eq!(y, x);
                said
            });
            cases.push((name, inputs(&want), said));
        }
    }
    hold("transforms", GENERATOR, &cases);
}

/// What a client and a server do once: inputs of both, weights, and all that is drawn.
struct Run {
    params: Params,
    scheme: Scheme,
    map: Map,
    weights: Vec<i64>,
    s: Vec<i8>,
    seeds: [[u8; 32]; 2],
    /// Errors of the public key and of every encryption.
    errors: Vec<Vec<i8>>,
    client: Vec<Vec<u64>>,
    server: Vec<Vec<u64>>,
    positions: Vec<u32>,
    draws: Draws,
}

const INS: usize = 2;
const WEIGHT: u64 = 100;

impl Run {
    fn new(name: &str, degree: usize, t: PlainModulus, q: CipherModulus, mode: Mode) -> Self {
        let exponents = vec![1, 640, 2 * degree as u32 - 3];
        let terms = (INS * exponents.len()) as u64;
        let bound = Bound {
            weight: WEIGHT,
            terms,
            useful: terms,
        };
        let params = Params::new(degree, t, q, mode, bound).unwrap();
        let t = match t {
            PlainModulus::Bits(k) => 1 << k,
            PlainModulus::Prime(t) => t.into(),
        };
        let bits = [params.first_bits(), params.second_bits()];
        let modulus = match params.modulus() {
            CipherModulus::Primes(p) => Modulus::Primes(p.clone()),
            CipherModulus::Word(b) => Modulus::Power(*b),
            CipherModulus::Limbs(l) => Modulus::Power(52 * l),
        };
        let label = |what: &str| format!("{name}, {what}");
        let message = |whose: &str, i: usize| {
            let mut m = residues(&label(&format!("{whose} {i}")), degree, t);
            // What rounds worst.
            for (m, worst) in m.iter_mut().zip([t - 1, t / 2, t / 2 + 1, 0, 1]) {
                *m = worst as u64;
            }
            m
        };
        let positions: Vec<u32> = (0..degree as u32).filter(|p| p % 7 != 3).collect();
        let places = positions.len();
        let exact = mode == Mode::Exact;
        let some = |n: usize| if exact { n } else { 0 };
        let floods = (numbers(&label("flooding"), some(places)).iter())
            .map(|x| {
                let f = params.flooding();
                (x & ((2 << f) - 1)) as i128 - (1 << f)
            })
            .collect();
        let pads = (numbers(&label("pads"), places - some(places)).iter())
            .map(|x| x & ((1 << bits[0]) - 1))
            .collect();
        let span = 2 * u128::from(WEIGHT) + 1;
        Self {
            scheme: Scheme {
                n: degree,
                t,
                modulus,
                bits,
            },
            map: Map {
                ins: INS,
                outs: 1,
                exponents,
            },
            weights: (residues(&label("weights"), terms as usize, span).iter())
                .map(|x| *x as i64 - WEIGHT as i64)
                .collect(),
            s: small(&label("s"), degree, 1),
            seeds: [[1; 32], [2; 32]],
            errors: (0..=INS)
                .map(|i| small(&label(&format!("errors {i}")), degree, 21))
                .collect(),
            client: (0..INS).map(|i| message("client", i)).collect(),
            server: (0..INS).map(|i| message("server", i)).collect(),
            draws: Draws {
                u: small(&label("u"), degree, 1),
                e0: small(&label("e0"), places, 21),
                e1: small(&label("e1"), degree, 21),
                masks: residues(&label("masks"), some(places), t),
                floods,
                pads,
            },
            positions,
            params,
        }
    }
    /// A case of a file.
    fn told(
        &self,
        key: &[u8],
        encryptions: &[Vec<u8>],
        response: &[u8],
        shares: [&[u64]; 2],
    ) -> Value {
        let q = match &self.scheme.modulus {
            Modulus::Primes(p) => json!(p),
            Modulus::Power(b) => format!("2^{b}").into(),
        };
        json!({
            "degree": self.scheme.n,
            "plaintext modulus": self.scheme.t.to_string(),
            "ciphertext modulus": q,
            "bits of responses": self.scheme.bits,
            "flooding": self.params.flooding(),
            "exponents": self.map.exponents,
            "weights": self.weights,
            "public key": show::bytes(key),
            "encryptions": encryptions.iter().map(|e| show::bytes(e)).collect::<Value>(),
            "response": show::bytes(response),
            "share of the server": shown(shares[0]),
            "share of the client": shown(shares[1]),
        })
    }
    fn by_reference(&self) -> Value {
        let (scheme, s) = (&self.scheme, &self.s);
        let [of_key, of_inputs] = &self.seeds;
        let zero = vec![0; scheme.n];
        let public = scheme.encrypt(s, scheme.uniform(of_key, 0), &zero, &self.errors[0]);
        let mut key = of_key.to_vec();
        key.extend(scheme.wire(&public[0]));
        let inputs: Vec<_> = (0..INS)
            .map(|i| {
                let c1 = scheme.uniform(of_inputs, i as u64);
                let c = scheme.encrypt(s, c1, &self.client[i], &self.errors[i + 1]);
                (c, self.server[i].clone())
            })
            .collect();
        let encryptions: Vec<_> = inputs.iter().map(|(c, _)| scheme.wire(&c[0])).collect();
        let product = scheme.product(&inputs, &self.map.exponents, &self.weights);
        let Response {
            bytes,
            share,
            halves: [first, second],
        } = scheme.respond(&public, &product, &self.positions, &self.draws);
        let client = scheme.decrypt(s, [&first, &second], &self.positions);
        self.check(&share, &client);
        self.told(&key, &encryptions, &bytes, [&share, &client])
    }
    /// Shares add up to the product, or to one unit beside it.
    fn check(&self, server: &[u64], client: &[u64]) {
        let (n, t) = (self.scheme.n, self.scheme.t as i128);
        let mut sum = vec![0i128; n];
        let terms = self.map.exponents.len();
        for (i, (a, b)) in self.client.iter().zip(&self.server).enumerate() {
            for (e, w) in self.map.exponents.iter().zip(&self.weights[i * terms..]) {
                for j in 0..n {
                    let at = (j + *e as usize) % (2 * n);
                    let term = i128::from(*w) * (i128::from(a[j]) + i128::from(b[j]));
                    sum[at % n] += if at < n { term } else { -term };
                }
            }
        }
        let off = i128::from(self.params.mode() == Mode::Approximate);
        for (i, at) in self.positions.iter().enumerate() {
            let d = i128::from(server[i]) + i128::from(client[i]) - sum[*at as usize];
            assert!((d + off).rem_euclid(t) <= 2 * off);
        }
    }
    fn by_the_crate(&self, level: Level) -> Value {
        let he = Native::with_level(self.params.clone(), level);
        let [of_key, of_inputs] = &self.seeds;
        let s = he.secret_key_for_tests_only(&self.s);
        let zero = vec![0; self.scheme.n];
        let mut key = of_key.to_vec();
        he.encrypt_for_tests_only(&s, (of_key, 0), &zero, &self.errors[0], &mut key);
        let public = he.read_public_key(&key).unwrap();
        let (mut encryptions, mut inputs) = (Vec::new(), Vec::new());
        for i in 0..INS {
            let (mut out, of) = (Vec::new(), (of_inputs, i as u64));
            he.encrypt_for_tests_only(&s, of, &self.client[i], &self.errors[i + 1], &mut out);
            let mut c = he.read(of_inputs, i as u64, &out).unwrap();
            he.add(&mut c, &self.server[i]);
            inputs.push(c);
            encryptions.push(out);
        }
        let weights = he.prepare(&self.map, &self.weights).unwrap();
        let product = he.multiply(&inputs, &weights, 0..1).pop().unwrap();
        let draws = DrawsForTestsOnly {
            ternary: &self.draws.u,
            first: &self.draws.e0,
            second: &self.draws.e1,
            masks: &self.draws.masks,
            floods: &self.draws.floods,
            pads: &self.draws.pads,
        };
        let mut response = Vec::new();
        let server =
            he.respond_for_tests_only(&public, product, &self.positions, draws, &mut response);
        let mut client = vec![0; self.positions.len()];
        he.decrypt(&s, &response, &self.positions, &mut client)
            .unwrap();
        self.told(&key, &encryptions, &response, [&server, &client])
    }
}

#[test]
fn products() {
    use CipherModulus::{Limbs, Word};
    use Mode::{Approximate, Exact};
    use PlainModulus::{Bits, Prime};
    let prime = Prime(1_000_003);
    let primes = CipherModulus::primes;
    let mut cases = Vec::new();
    for (name, degree, t, q, mode) in [
        ("one prime", 2048, Bits(8), primes(2048, 50, 1), Approximate),
        ("two primes", 4096, Bits(37), primes(4096, 50, 2), Exact),
        (
            "two primes, padded",
            4096,
            prime,
            primes(4096, 50, 2),
            Approximate,
        ),
        ("three primes", 4096, prime, primes(4096, 35, 3), Exact),
        ("2^52 in a word", 2048, Bits(8), Word(52), Approximate),
        ("2^64", 4096, Bits(20), Word(64), Approximate),
        ("2^64, exact", 4096, Bits(3), Word(64), Exact),
        ("2^64, a prime", 4096, prime, Word(64), Approximate),
        ("2^104", 4096, Bits(32), Limbs(2), Exact),
        ("2^104, a prime", 4096, prime, Limbs(2), Exact),
        ("2^104, padded", 4096, Bits(41), Limbs(2), Approximate),
    ] {
        let run = Run::new(name, degree, t, q, mode);
        let said = at_all_levels(|level| run.by_the_crate(level));
        cases.push((name.to_owned(), run.by_reference(), said));
    }
    hold("products", GENERATOR, &cases);
}
