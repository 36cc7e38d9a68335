//! What a product costs: counted from an encoding and its parameters, weighed by measured times.

use super::Encoding;
use crate::{CipherModulus, Params};

/// Nanoseconds for what a product consists of, on one core at degree 4096; other degrees are taken to be in
/// proportion. Both parties have to use the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// A transform of a weight polynomial modulo one prime.
    pub ntt: f64,
    /// A product of a ciphertext with points of a weight polynomial, added up, modulo one prime.
    pub product: f64,
    /// Points of a weight polynomial put together from one tap, modulo one prime.
    pub put: f64,
    /// A byte of weights read, where polynomials have one value for a block of points; more than the reading takes,
    /// as they fill memory.
    pub read: f64,
    /// A term times a ciphertext, shifted and added up, in words.
    pub tap: f64,
    /// The same for each limb.
    pub tap_limb: f64,
    /// An input polynomial encrypted, read, and the server's share added, for each prime.
    pub encrypt_prime: f64,
    /// The same for each word or limb.
    pub encrypt_word: f64,
    /// A response masked and re-randomised, for each prime.
    pub respond_prime: f64,
    /// The same for each word or limb.
    pub respond_word: f64,
    /// A response decrypted.
    pub decrypt: f64,
    /// A byte sent.
    pub byte: f64,
}

impl Default for Costs {
    /// From measurements on a core with AVX-512 IFMA, and a network of 1 GB/s.
    fn default() -> Self {
        Self {
            ntt: 5000.0,
            product: 600.0,
            put: 280.0,
            read: 0.25,
            tap: 300.0,
            tap_limb: 360.0,
            encrypt_prime: 40_000.0,
            encrypt_word: 24_000.0,
            respond_prime: 40_000.0,
            respond_word: 33_000.0,
            decrypt: 22_000.0,
            byte: 1.0,
        }
    }
}

/// What a product consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Encrypted input polynomials.
    pub ciphertexts_in: u64,
    /// Responses.
    pub ciphertexts_out: u64,
    /// Bytes of the encrypted input.
    pub bytes_in: u64,
    /// Bytes of the responses.
    pub bytes_out: u64,
    /// Weight polynomials transformed, modulo one prime each, for every tile; or read, if their transforms
    /// were kept, which costs about as much.
    pub ntts: u64,
    /// Products of a ciphertext with a weight polynomial, modulo one prime each.
    pub products: u64,
    /// Terms times ciphertexts.
    pub taps: u64,
}

/// Counts before there are parameters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) ins: u64,
    pub(super) outs: u64,
    /// Pairs of ciphertexts, over all groups and tiles.
    pub(super) pairs: u64,
    pub(super) terms: u64,
    pub(super) form: Form,
    /// Outputs.
    pub(super) wanted: u64,
}

/// How points of weight polynomials come about, modulo primes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// From one value of each tap for a block of points, or for all N if `points` is more than that.
    Blocks { points: usize, taps: usize },
    /// By transforms.
    Whole,
}

/// A ciphertext modulus as far as costs go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// So many primes.
    Primes(u64),
    Word,
    /// So many limbs.
    Limbs(u64),
}

impl Kind {
    pub(super) fn of(modulus: &CipherModulus) -> Self {
        match modulus {
            CipherModulus::Primes(p) => Self::Primes(p.len() as u64),
            CipherModulus::Word(_) => Self::Word,
            CipherModulus::Limbs(l) => Self::Limbs((*l).into()),
        }
    }
}

impl Load {
    pub(super) fn of(encoding: &Encoding) -> Self {
        encoding.layer.load(&encoding.split, &encoding.numbers)
    }
    /// Transforms, products and taps.
    fn work(&self, kind: Kind) -> [u64; 3] {
        match kind {
            Kind::Primes(l) => [
                match self.form {
                    Form::Blocks { .. } => 0,
                    Form::Whole => self.pairs.saturating_mul(l),
                },
                self.pairs.saturating_mul(l),
                0,
            ],
            Kind::Word | Kind::Limbs(_) => [0, 0, self.pairs.saturating_mul(self.terms)],
        }
    }
}

impl Costs {
    /// Nanoseconds of all of a product that takes so many bytes.
    pub(super) fn of(&self, load: &Load, kind: Kind, bytes: u64, degree: usize) -> f64 {
        let [ntts, products, taps] = load.work(kind).map(|n| n as f64);
        let product = match load.form {
            Form::Whole => self.product,
            Form::Blocks { points, taps } => {
                let values = (degree / points.min(degree) * taps) as f64;
                let put = if taps > 1 {
                    taps as f64 * self.put
                } else {
                    0.0
                };
                // What is read does not grow with the degree a second time.
                self.product + put + 8.0 * values * self.read * 4096.0 / degree as f64
            }
        };
        let (tap, encrypt, respond) = match kind {
            Kind::Primes(l) => {
                let l = l as f64;
                (0.0, l * self.encrypt_prime, l * self.respond_prime)
            }
            Kind::Word => (self.tap, self.encrypt_word, self.respond_word),
            Kind::Limbs(l) => {
                let l = l as f64;
                (
                    l * self.tap_limb,
                    l * self.encrypt_word,
                    l * self.respond_word,
                )
            }
        };
        let work = ntts * self.ntt
            + products * product
            + taps * tap
            + load.ins as f64 * encrypt
            + load.outs as f64 * (respond + self.decrypt);
        work * (degree as f64 / 4096.0) + bytes as f64 * self.byte
    }
    /// Nanoseconds of a product.
    #[must_use]
    pub fn time(&self, encoding: &Encoding, params: &Params) -> f64 {
        let counts = Counts::new(encoding, params);
        let kind = Kind::of(params.modulus());
        self.of(
            &Load::of(encoding),
            kind,
            counts.bytes_in + counts.bytes_out,
            params.degree(),
        )
    }
}

impl Counts {
    /// What the product of a whole layer will consist of.
    #[must_use]
    pub fn new(encoding: &Encoding, params: &Params) -> Self {
        let load = Load::of(encoding);
        let mut bytes_out = 0;
        for group in 0..encoding.groups() {
            for tile in 0..encoding.tiles() {
                bytes_out += (0..encoding.map().outs)
                    .map(|o| params.response_len(encoding.wanted(group, tile, o)) as u64)
                    .sum::<u64>();
            }
        }
        let [ntts, products, taps] = load.work(Kind::of(params.modulus()));
        Self {
            ciphertexts_in: load.ins,
            ciphertexts_out: load.outs,
            bytes_in: load.ins * params.ciphertext_len() as u64,
            bytes_out,
            ntts,
            products,
            taps,
        }
    }
}
