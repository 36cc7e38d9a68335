//! Cases for memcheck: the backend by itself, with every form of moduli, messages and weights, and products checked.
//! Seeds of generators, messages, shares and weights are secret.

use piquet_core::{Block, Prg};
use piquet_he_bridge::native::prime::ntt_primes;
use piquet_he_bridge::noise::Bound;
use piquet_he_bridge::testing::{Case, prg};
use piquet_he_bridge::{Backend, CipherModulus, Mode, Native, Params, PlainModulus};

use super::memcheck::{PART, public, secret};
use CipherModulus::{Limbs, Word};
use Mode::{Approximate, Exact};
use PlainModulus::{Bits, Prime};

/// A secret copy.
fn hidden<T: Copy>(x: &[T]) -> Vec<T> {
    let mut v = x.to_vec();
    secret(&v);
    std::hint::black_box(&mut v);
    v
}

/// A generator whose every output is secret.
fn generator(seed: u128) -> Prg {
    Prg::new(hidden(&[Block::from_u128(seed)])[0])
}

/// Exponents by which products modulo primes are taken in each of their forms.
const ONE_TAP: &[u32] = &[0, 512, 2048 + 1024];
const FEW_TAPS: &[u32] = &[0, 1, 2, 512, 513, 514];
const WHOLE: &[u32] = &[0, 1, 5, 77, 300, 1021, 1500, 1501, 1777, 1999, 2001, 2040];

pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    degree: usize,
    plain: PlainModulus,
    modulus: CipherModulus,
    mode: Mode,
    /// Largest weight.
    weight: u64,
    exponents: &'static [u32],
}

/// Every form.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    let mut add = |name, degree, plain, modulus, mode, weight, exponents| {
        all.push(Scenario {
            name,
            degree,
            plain,
            modulus,
            mode,
            weight,
            exponents,
        });
    };
    let prime = Prime(ntt_primes(4096, 20, 1)[0]);
    let one = CipherModulus::primes(2048, 50, 1);
    let two = CipherModulus::primes(4096, 50, 2);
    let three = CipherModulus::primes(4096, 35, 3);
    let four = CipherModulus::primes(8192, 50, 4);
    add("one prime", 2048, Bits(8), one, Approximate, 7, ONE_TAP);
    add("two primes", 4096, Bits(20), two, Exact, 63, WHOLE);
    add("three primes", 4096, prime, three, Exact, 7, FEW_TAPS);
    add("four primes", 8192, Bits(64), four, Exact, 1 << 20, ONE_TAP);
    let wide = 1 << 17;
    let quad = 1 << 32;
    add("a word", 2048, Bits(8), Word(52), Approximate, 7, WHOLE);
    add(
        "64 bits",
        4096,
        Bits(12),
        Word(64),
        Approximate,
        quad,
        ONE_TAP,
    );
    add(
        "64 bits, a prime",
        4096,
        prime,
        Word(64),
        Approximate,
        wide,
        ONE_TAP,
    );
    add("two limbs", 4096, Bits(20), Limbs(2), Exact, wide, FEW_TAPS);
    add(
        "two limbs, a prime",
        4096,
        prime,
        Limbs(2),
        Exact,
        quad >> 8,
        FEW_TAPS,
    );
    add(
        "three limbs",
        8192,
        Bits(32),
        Limbs(3),
        Exact,
        quad,
        ONE_TAP,
    );
    add(
        "three limbs, padded",
        8192,
        prime,
        Limbs(3),
        Approximate,
        7,
        ONE_TAP,
    );
    add(
        "four limbs",
        8192,
        Bits(64),
        Limbs(4),
        Exact,
        1 << 45,
        ONE_TAP,
    );
    all
}

/// None of the scenarios is refused, and what they are for is what happens.
#[test]
fn scenarios_are_what_they_say() {
    for s in scenarios() {
        s.play();
    }
}

/// The scenario that is meant.
#[test]
#[ignore = "run under valgrind by `judged`"]
fn product() {
    let part = std::env::var(PART).unwrap_or_default();
    for s in scenarios().iter().filter(|s| s.name == part) {
        s.play();
    }
}

impl Scenario {
    fn play(&self) {
        let (ins, outs) = (2, 3);
        let terms = (ins * self.exponents.len()) as u64;
        let bound = Bound {
            weight: self.weight,
            terms,
            useful: terms,
        };
        let params = Params::new(
            self.degree,
            self.plain,
            self.modulus.clone(),
            self.mode,
            bound,
        );
        let params = params.unwrap();
        let plain = params.plain();
        let mut case = Case::random(&params, ins, outs, self.exponents.len(), &mut prg(1));
        case.map.exponents = self.exponents.to_vec();
        let he = Native::new(params);

        let rng = &mut generator(2);
        let key = he.secret_key(rng);
        let mut message = Vec::new();
        he.public_key(&key, rng, &mut message);
        let public_key = he.read_public_key(public(&message)).unwrap();
        let seed = [7; 32];
        let inputs: Vec<_> = (case.client.iter().zip(&case.server).enumerate())
            .map(|(i, (client, server))| {
                let mut message = Vec::new();
                he.encrypt(&key, &seed, i as u64, &hidden(client), rng, &mut message);
                let mut c = he.read(&seed, i as u64, public(&message)).unwrap();
                he.add(&mut c, &hidden(server));
                c
            })
            .collect();
        let weights = he.prepare(&case.map, &hidden(&case.values)).unwrap();
        let places = case.positions.len();
        let want = case.expected(he.params());
        let products = he.multiply(&inputs, &weights, 0..outs);
        for (o, (c, want)) in products.into_iter().zip(want).enumerate() {
            let mut message = Vec::new();
            let (mut client, mut server) = (vec![0; places], vec![0; places]);
            // Of its own: how far it was read when residues modulo a prime were drawn shows.
            let rng = &mut rng.fork(o as u64);
            he.respond(
                &public_key,
                c,
                &case.positions,
                &mut server,
                rng,
                &mut message,
            );
            he.decrypt(&key, public(&message), &case.positions, &mut client)
                .unwrap();
            for ((client, server), want) in public(&client).iter().zip(public(&server)).zip(want) {
                let off = plain.centred(plain.subtract(plain.add(*client, *server), want));
                assert!(off.abs() <= i64::from(self.mode == Approximate));
            }
        }
    }
}
