//! The default backend: RLWE encryption in pure Rust.
//!
//! A secret key is a ternary polynomial s. An encryption of m, coefficients modulo t, is (c_0, c_1) with c_1 uniform and
//! c_0 = round(q m / t) + e - c_1 s; it is opened as round(t (c_0 + c_1 s) / q). That is the scheme of Fan and Vercauteren (eprint
//! 2012/144) in symmetric form, with no need that t be coprime to q. Modulo primes ciphertexts are points of transforms all the way;
//! modulo a power of two they are coefficients.

mod exact;
pub mod ntt;
mod power;
pub mod prime;
mod rns;
mod sample;
mod taps;

use core::fmt;

use piquet_core::cpu::{self, Level};
use piquet_core::wire::DecodeError;
use piquet_core::{Prg, wipe, wipe_vec};

use crate::backend::{Backend, Seed};
use crate::map::Map;
use crate::{CipherModulus, Error, Mode, Params, PlainModulus};
use exact::Exact;
use power::Power;
use rns::Rns;

/// Ciphertexts modulo primes, or modulo a power of two.
#[derive(Debug, Clone)]
enum Base {
    Primes(Rns),
    Power(Power, Exact),
}

/// The backend for one set of parameters.
#[derive(Debug, Clone)]
pub struct Native {
    params: Params,
    base: Base,
    /// The response's second half, and products with it.
    response: Exact,
    second: Power,
    first: Power,
}

/// A ternary polynomial, and its points where they are needed.
pub struct SecretKey {
    s: Vec<i8>,
    base: Vec<u64>,
    response: Vec<u64>,
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        wipe_vec(&mut self.s);
        wipe_vec(&mut self.base);
        wipe_vec(&mut self.response);
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

/// An encryption of zero, as points.
pub struct PublicKey {
    first: Vec<u64>,
    second: Vec<u64>,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey")
    }
}

/// An encrypted polynomial.
pub struct Ciphertext {
    first: Vec<u64>,
    second: Vec<u64>,
}

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ciphertext")
    }
}

/// A server's polynomials.
pub struct Weights(Prepared);

enum Prepared {
    /// For products of points.
    Dense(rns::Dense),
    /// For shifted sums.
    Taps(taps::Taps),
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Weights")
    }
}

impl Native {
    /// Tables for these parameters.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self::with_level(params, cpu::level())
    }
    /// [`Native::new`] with the kernels of `level`.
    #[must_use]
    pub fn with_level(params: Params, level: Level) -> Self {
        let degree = params.degree();
        let base = match params.modulus() {
            CipherModulus::Primes(p) => Base::Primes(Rns::new(p, params.plain(), degree, level)),
            CipherModulus::Word(b) => in_power(Power::new(*b), degree, level),
            CipherModulus::Limbs(l) => in_power(Power::new(power::LIMB * l), degree, level),
        };
        let second = Power::new(params.second_bits());
        Self {
            base,
            response: Exact::new(second, degree, level),
            second,
            first: Power::new(params.first_bits()),
            params,
        }
    }
    fn degree(&self) -> usize {
        self.params.degree()
    }
    /// Bits of the words of a ciphertext's coefficient.
    fn words(&self) -> Vec<u32> {
        self.params.modulus().word_bits()
    }
    /// The uniform half.
    fn uniform(&self, seed: &Seed, index: u64) -> Vec<u64> {
        let n = self.degree();
        let mut prg = sample::stream(seed, index);
        let mut out = vec![0; n * self.words().len()];
        for (j, plane) in out.chunks_exact_mut(n).enumerate() {
            match &self.base {
                Base::Primes(rns) => sample::uniform(&mut prg, rns.ntts[j].prime().p(), plane),
                Base::Power(power, _) => {
                    prg.fill_ring(plane);
                    let mask = piquet_core::pack::mask(power.word_bits(j));
                    plane.iter_mut().for_each(|x| *x &= mask);
                }
            }
        }
        out
    }
    /// round(q m / t), in coefficients or points as ciphertexts are.
    fn encode(&self, message: &[u64], errors: Option<&[i8]>) -> Vec<u64> {
        let n = self.degree();
        let mut out = vec![0; n * self.words().len()];
        match &self.base {
            Base::Primes(rns) => {
                for (j, plane) in out.chunks_exact_mut(n).enumerate() {
                    let p = rns.ntts[j].prime();
                    for (i, (o, m)) in plane.iter_mut().zip(message).enumerate() {
                        let e = errors.map_or(0, |e| e[i]);
                        *o = p.add(rns.encode(j, *m), p.reduce_signed(e.into()));
                    }
                    rns.ntts[j].forward(plane);
                }
            }
            Base::Power(power, _) => {
                for (i, m) in message.iter().enumerate() {
                    let e = errors.map_or(0, |e| e[i]);
                    let x = self
                        .encode_power(*power, *m)
                        .wrapping_add(i128::from(e) as u128);
                    power.set(&mut out, i, x);
                }
            }
        }
        out
    }
    /// round(2^b m / t).
    fn encode_power(&self, power: Power, m: u64) -> u128 {
        match self.params.plain() {
            PlainModulus::Bits(k) => u128::from(m) << (power.bits - k),
            PlainModulus::Prime(t) => scale_down(m, power.bits, t),
        }
    }
    fn read_coefficients(&self, bytes: &[u8]) -> Result<Vec<u64>, DecodeError> {
        let n = self.degree();
        match &self.base {
            Base::Power(power, _) => power.unpack(bytes, n),
            Base::Primes(rns) => {
                let mut out = vec![0; n * rns.ntts.len()];
                let mut rest = bytes;
                for ((plane, k), ntt) in out.chunks_exact_mut(n).zip(self.words()).zip(&rns.ntts) {
                    let (head, tail) = rest.split_at((n * k as usize).div_ceil(8));
                    rest = tail;
                    piquet_core::pack::Unpacker::new(head, n, k)?.pull(plane);
                    if plane.iter().any(|x| *x >= ntt.prime().p()) {
                        return Err(DecodeError::Range("coefficient of a ciphertext"));
                    }
                }
                Ok(out)
            }
        }
    }
    fn write_coefficients(&self, planes: &[u64], out: &mut Vec<u8>) {
        for (plane, k) in planes.chunks_exact(self.degree()).zip(self.words()) {
            let mut p = piquet_core::pack::Packer::new(out, k);
            p.push(plane);
            p.finish();
        }
    }
    /// -c s + what is given, in coefficients or points as ciphertexts are.
    fn masked(&self, key: &SecretKey, uniform: &[u64], mut plain: Vec<u64>) -> Vec<u64> {
        let n = self.degree();
        match &self.base {
            Base::Primes(rns) => {
                for (j, ntt) in rns.ntts.iter().enumerate() {
                    let p = ntt.prime();
                    for i in j * n..(j + 1) * n {
                        plain[i] = p.sub(plain[i], p.mul(uniform[i], key.base[i]));
                    }
                }
            }
            Base::Power(power, exact) => {
                let product = exact.product(&exact.points(uniform), &key.base);
                for i in 0..n {
                    power.add(&mut plain, i, power.get(&product, i).wrapping_neg());
                }
            }
        }
        plain
    }
    /// Encrypts under a seed: the first half.
    fn encrypted(
        &self,
        key: &SecretKey,
        seed: &Seed,
        index: u64,
        message: &[u64],
        prg: &mut Prg,
    ) -> Vec<u64> {
        let mut errors = vec![0; self.degree()];
        sample::binomial(prg, &mut errors);
        let plain = self.encode(message, Some(&errors));
        wipe(&mut errors);
        self.masked(key, &self.uniform(seed, index), plain)
    }
}

fn in_power(power: Power, degree: usize, level: Level) -> Base {
    Base::Power(power, Exact::new(power, degree, level))
}

/// round(2^b m / t) modulo 2^b, for m < t < 2^60.
fn scale_down(m: u64, b: u32, t: u64) -> u128 {
    let (mut quotient, mut rest, mut left) = (0u128, u128::from(m), b);
    while left > 0 {
        let step = left.min(60);
        rest <<= step;
        quotient = (quotient << step).wrapping_add(rest / u128::from(t));
        rest %= u128::from(t);
        left -= step;
    }
    quotient.wrapping_add(u128::from(2 * rest >= u128::from(t)))
}

impl Backend for Native {
    type SecretKey = SecretKey;
    type PublicKey = PublicKey;
    type Ciphertext = Ciphertext;
    type Weights = Weights;

    fn params(&self) -> &Params {
        &self.params
    }

    fn secret_key(&self, prg: &mut Prg) -> SecretKey {
        let n = self.degree();
        let mut s = vec![0; n];
        sample::ternary(prg, &mut s);
        let base = match &self.base {
            Base::Power(_, exact) => exact.ternary(&s),
            Base::Primes(rns) => ternary_points(rns, &s),
        };
        let response = self.response.ternary(&s);
        SecretKey { s, base, response }
    }
    fn public_key_len(&self) -> usize {
        size_of::<Seed>() + self.ciphertext_len()
    }
    fn public_key(&self, key: &SecretKey, prg: &mut Prg, out: &mut Vec<u8>) {
        let mut seed = Seed::default();
        prg.fill_bytes(&mut seed);
        out.extend_from_slice(&seed);
        self.encrypt(key, &seed, 0, &vec![0; self.degree()], prg, out);
    }
    fn read_public_key(&self, bytes: &[u8]) -> Result<PublicKey, DecodeError> {
        let wrong = DecodeError::Length {
            got: bytes.len(),
            want: self.public_key_len(),
        };
        let (seed, rest) = bytes.split_first_chunk().ok_or(wrong)?;
        let Ciphertext { first, second } = self.read(seed, 0, rest)?;
        Ok(match &self.base {
            Base::Primes(_) => PublicKey { first, second },
            Base::Power(_, exact) => PublicKey {
                first: exact.points(&first),
                second: exact.points(&second),
            },
        })
    }

    fn ciphertext_len(&self) -> usize {
        let n = self.degree();
        self.words()
            .iter()
            .map(|k| (n * *k as usize).div_ceil(8))
            .sum()
    }
    fn encrypt(
        &self,
        key: &SecretKey,
        seed: &Seed,
        index: u64,
        message: &[u64],
        prg: &mut Prg,
        out: &mut Vec<u8>,
    ) {
        let first = self.encrypted(key, seed, index, message, prg);
        self.write_coefficients(&first, out);
    }
    fn read(&self, seed: &Seed, index: u64, bytes: &[u8]) -> Result<Ciphertext, DecodeError> {
        if bytes.len() != self.ciphertext_len() {
            return Err(DecodeError::Length {
                got: bytes.len(),
                want: self.ciphertext_len(),
            });
        }
        Ok(Ciphertext {
            first: self.read_coefficients(bytes)?,
            second: self.uniform(seed, index),
        })
    }
    fn add(&self, ciphertext: &mut Ciphertext, message: &[u64]) {
        let n = self.degree();
        let mut plain = self.encode(message, None);
        match &self.base {
            Base::Primes(rns) => {
                for (j, ntt) in rns.ntts.iter().enumerate() {
                    for i in j * n..(j + 1) * n {
                        ciphertext.first[i] = ntt.prime().add(ciphertext.first[i], plain[i]);
                    }
                }
            }
            Base::Power(power, _) => {
                for i in 0..n {
                    power.add(&mut ciphertext.first, i, power.get(&plain, i));
                }
            }
        }
        wipe(&mut plain);
    }

    fn prepare(&self, map: &Map, values: &[i64]) -> Result<Weights, Error> {
        map.validate(self.degree(), values.len())?;
        let bound = self.params.bound();
        // All of them are looked at, so that time does not tell which one it is.
        let most = values.iter().fold(0, |m, v| m.max(v.unsigned_abs()));
        if most > bound.weight {
            return Err(Error::Parameter {
                what: "largest weight",
                got: most,
                domain: "at most the declared bound",
            });
        }
        let terms = map.ins as u64 * map.exponents.len() as u64;
        if terms > bound.terms {
            return Err(Error::Parameter {
                what: "terms of a coefficient",
                got: terms,
                domain: "at most the declared bound",
            });
        }
        Ok(Weights(match &self.base {
            Base::Primes(_) => Prepared::Dense(rns::Dense::prepare(map, values)),
            Base::Power(..) => Prepared::Taps(taps::Taps::prepare(map, values)),
        }))
    }
    fn multiply(
        &self,
        inputs: &[Ciphertext],
        weights: &Weights,
        outs: core::ops::Range<usize>,
    ) -> Vec<Ciphertext> {
        let halves: [Vec<&[u64]>; 2] = [
            inputs.iter().map(|c| &*c.first).collect(),
            inputs.iter().map(|c| &*c.second).collect(),
        ];
        outs.map(|out| {
            let [first, second] = [0, 1].map(|h: usize| match (&self.base, &weights.0) {
                (Base::Primes(rns), Prepared::Dense(w)) => rns.multiply(&halves[h], w, out),
                (Base::Power(power, _), Prepared::Taps(w)) => w.multiply(*power, &halves[h], out),
                _ => Vec::new(),
            });
            Ciphertext { first, second }
        })
        .collect()
    }

    fn response_len(&self, positions: usize) -> usize {
        self.second.packed_len(self.degree()) + self.first.packed_len(positions)
    }
    fn respond(
        &self,
        key: &PublicKey,
        mut ciphertext: Ciphertext,
        positions: &[u32],
        share: &mut [u64],
        prg: &mut Prg,
        out: &mut Vec<u8>,
    ) {
        let n = self.degree();
        let plain = self.params.plain();
        let mut u = vec![0; n];
        let (mut e0, mut e1) = (vec![0; n], vec![0; n]);
        sample::ternary(prg, &mut u);
        sample::binomial(prg, &mut e0);
        sample::binomial(prg, &mut e1);
        // What is added to the coefficients at the positions: the mask and the flooding.
        let exact = self.params.mode() == Mode::Exact;
        let added: Vec<(u64, i128)> = (share.iter_mut())
            .map(|s| {
                if !exact {
                    return (0, 0);
                }
                let r = random(plain, prg);
                *s = plain.subtract(0, r);
                (r, sample::flood(prg, self.params.flooding()))
            })
            .collect();
        let Ciphertext { first, second } = &mut ciphertext;
        let at = positions.iter().map(|p| *p as usize);
        let [mut first, second] = match &self.base {
            Base::Primes(rns) => {
                let u = ternary_points(rns, &u);
                for (j, ntt) in rns.ntts.iter().enumerate() {
                    let p = ntt.prime();
                    let range = j * n..(j + 1) * n;
                    for i in range.clone() {
                        first[i] = p.add(first[i], p.mul(key.first[i], u[i]));
                        second[i] = p.add(second[i], p.mul(key.second[i], u[i]));
                    }
                    let (first, second) = (&mut first[range.clone()], &mut second[range]);
                    ntt.inverse(first);
                    ntt.inverse(second);
                    for i in 0..n {
                        first[i] = p.add(first[i], p.reduce_signed(e0[i].into()));
                        second[i] = p.add(second[i], p.reduce_signed(e1[i].into()));
                    }
                    for (i, (r, f)) in at.clone().zip(&added) {
                        let flood = p.reduce_wide((*f as u128).wrapping_add(1 << 127));
                        let flood = p.sub(flood, p.reduce_wide(1 << 127));
                        first[i] = p.add(first[i], p.add(rns.encode(j, *r), flood));
                    }
                }
                [
                    rns.scale(first, at.clone(), self.first),
                    rns.scale(second, 0..n, self.second),
                ]
            }
            Base::Power(power, exact) => {
                let u = exact.ternary(&u);
                let (zero, one) = (
                    exact.product(&key.first, &u),
                    exact.product(&key.second, &u),
                );
                for i in 0..n {
                    let e = i128::from(e0[i]) as u128;
                    power.add(first, i, power.get(&zero, i).wrapping_add(e));
                    let e = i128::from(e1[i]) as u128;
                    power.add(second, i, power.get(&one, i).wrapping_add(e));
                }
                for (i, (r, f)) in at.clone().zip(&added) {
                    let x = self.encode_power(*power, *r).wrapping_add(*f as u128);
                    power.add(first, i, x);
                }
                [
                    round_down(*power, first, at.clone(), self.first),
                    round_down(*power, second, 0..n, self.second),
                ]
            }
        };
        if !exact {
            for (i, s) in share.iter_mut().enumerate() {
                let pad = random_below(self.first.bits, prg);
                self.first.add(&mut first, i, pad);
                *s = plain.subtract(0, self.round(pad, self.first.bits));
            }
        }
        self.second.pack(&second, out);
        self.first.pack(&first, out);
        wipe(&mut u);
        wipe(&mut e0);
        wipe(&mut e1);
    }
    fn decrypt(
        &self,
        key: &SecretKey,
        response: &[u8],
        positions: &[u32],
        share: &mut [u64],
    ) -> Result<(), DecodeError> {
        let n = self.degree();
        let want = self.response_len(positions.len());
        if response.len() != want {
            return Err(DecodeError::Length {
                got: response.len(),
                want,
            });
        }
        let (second, first) = response.split_at(self.second.packed_len(n));
        let second = self.second.unpack(second, n)?;
        let first = self.first.unpack(first, positions.len())?;
        let mut product = self
            .response
            .product(&self.response.points(&second), &key.response);
        let dropped = self.second.bits - self.first.bits;
        for (i, (at, s)) in positions.iter().zip(share).enumerate() {
            let phase = (self.first.get(&first, i) << dropped)
                .wrapping_add(self.second.get(&product, *at as usize));
            let mask = u128::MAX >> (128 - self.second.bits);
            *s = self.round(phase & mask, self.second.bits);
        }
        wipe(&mut product);
        Ok(())
    }
}

impl Native {
    /// round(t x / 2^bits) modulo t.
    fn round(&self, x: u128, bits: u32) -> u64 {
        let plain = self.params.plain();
        match plain {
            PlainModulus::Bits(k) => {
                plain.reduce((x.wrapping_add(1 << (bits - k - 1)) >> (bits - k)) as u64)
            }
            PlainModulus::Prime(t) => {
                // t x has up to 60 + 84 bits; where they are more than 128, the lowest 32 of x only carry.
                let (t, split) = (u128::from(t), if bits > 64 { 32 } else { 0 });
                let carry = ((x & ((1 << split) - 1)) * t) >> split;
                let (product, rest) = ((x >> split) * t + carry, bits - split);
                (((product + (1 << (rest - 1))) >> rest) % t) as u64
            }
        }
    }
}

fn ternary_points(rns: &Rns, s: &[i8]) -> Vec<u64> {
    let mut out = vec![0; s.len() * rns.ntts.len()];
    for (ntt, out) in rns.ntts.iter().zip(out.chunks_exact_mut(s.len())) {
        for (o, s) in out.iter_mut().zip(s) {
            *o = ntt.prime().reduce_signed((*s).into());
        }
        ntt.forward(out);
    }
    out
}

/// round(c / 2^(from - to)) of the coefficients at `positions`.
fn round_down(
    from: Power,
    planes: &[u64],
    positions: impl Iterator<Item = usize>,
    to: Power,
) -> Vec<u64> {
    let positions: Vec<usize> = positions.collect();
    let mut out = vec![0; positions.len() * to.words];
    let drop = from.bits - to.bits;
    for (i, at) in positions.into_iter().enumerate() {
        let half = if drop == 0 { 0 } else { 1 << (drop - 1) };
        to.set(&mut out, i, from.get(planes, at).wrapping_add(half) >> drop);
    }
    out
}

/// A uniform residue.
fn random(plain: PlainModulus, prg: &mut Prg) -> u64 {
    match plain {
        PlainModulus::Bits(k) => random_below(k, prg) as u64,
        PlainModulus::Prime(t) => {
            let mut x = [0; 1];
            sample::uniform(prg, t, &mut x);
            x[0]
        }
    }
}

/// Uniform below 2^bits.
fn random_below(bits: u32, prg: &mut Prg) -> u128 {
    let mut x = [0u128; 1];
    prg.fill_ring(&mut x);
    x[0] >> (128 - bits)
}

#[cfg(test)]
mod tests;
