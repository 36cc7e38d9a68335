//! Encryption, products, responses and decryption, on integers below q < 2^107.

use super::{Words, pack, pack_power, transform, words};

/// The modulus of ciphertexts.
#[derive(Clone)]
pub(crate) enum Modulus {
    /// A product of primes. Halves are values of transforms on the wire, a run of numbers for each prime, of as many
    /// bits as it has.
    Primes(Vec<u64>),
    /// 2^b. Halves are coefficients on the wire.
    Power(u32),
}

/// All that is public.
#[derive(Clone)]
pub(crate) struct Scheme {
    pub(crate) n: usize,
    /// Modulus of messages.
    pub(crate) t: u128,
    pub(crate) modulus: Modulus,
    /// Bits of the two halves of responses.
    pub(crate) bits: [u32; 2],
}

/// c_0 and c_1, coefficients below q.
pub(crate) type Pair = [Vec<u128>; 2];

/// What a response is made with.
pub(crate) struct Draws {
    pub(crate) u: Vec<i8>,
    /// At the positions.
    pub(crate) e0: Vec<i8>,
    pub(crate) e1: Vec<i8>,
    /// Masks and flooding, or nothing.
    pub(crate) masks: Vec<u64>,
    pub(crate) floods: Vec<i128>,
    /// Pads, or nothing.
    pub(crate) pads: Vec<u128>,
}

/// A response: its bytes, the server's shares, and both halves as numbers.
pub(crate) struct Response {
    pub(crate) bytes: Vec<u8>,
    pub(crate) share: Vec<u64>,
    pub(crate) halves: Pair,
}

/// The product of a polynomial and one of small coefficients modulo X^N + 1, as integers.
pub(crate) fn times(a: &[u128], small: &[i8]) -> Vec<i128> {
    let n = a.len();
    let mut out = vec![0i128; n];
    for (i, s) in small.iter().enumerate() {
        for (j, a) in a.iter().enumerate() {
            let term = i128::from(*s) * *a as i128;
            // X^N = -1.
            if i + j < n {
                out[i + j] += term;
            } else {
                out[i + j - n] -= term;
            }
        }
    }
    out
}

/// floor(2^k a / q) and the remainder.
fn divide(a: u128, k: u32, q: u128) -> (u128, u128) {
    let (mut quotient, mut rest) = (a / q, a % q);
    for _ in 0..k {
        rest *= 2;
        quotient = 2 * quotient + u128::from(rest >= q);
        rest -= if rest >= q { q } else { 0 };
    }
    (quotient, rest)
}

impl Scheme {
    pub(crate) fn q(&self) -> u128 {
        match &self.modulus {
            Modulus::Primes(p) => p.iter().map(|p| u128::from(*p)).product(),
            Modulus::Power(b) => 1 << b,
        }
    }
    /// An integer modulo q.
    fn modulo(&self, x: i128) -> u128 {
        x.rem_euclid(self.q() as i128) as u128
    }
    /// Modulo primes: for each prime N values, words of the stream cut to the bits of p - 1, those that are not below p
    /// left out. Modulo 2^b: for each word of coefficients N of them, words of the stream cut to its bits.
    pub(crate) fn uniform(&self, seed: &[u8; 32], index: u64) -> Vec<u128> {
        let mut stream = Words::of_half(seed, index);
        let cut = |k: u32| move |x: u64| x & (u64::MAX >> (64 - k));
        match &self.modulus {
            Modulus::Primes(primes) => {
                let residues: Vec<Vec<u64>> = (primes.iter())
                    .map(|p| {
                        let bits = 64 - (p - 1).leading_zeros();
                        let draws = stream.by_ref().map(cut(bits)).filter(|x| x < p);
                        let values: Vec<u64> = draws.take(self.n).collect();
                        transform::backward(&values, *p)
                    })
                    .collect();
                self.together(primes, &residues)
            }
            Modulus::Power(b) => {
                let mut out = vec![0; self.n];
                for (w, k) in words(*b).into_iter().enumerate() {
                    for (o, x) in out.iter_mut().zip(stream.by_ref().map(cut(k))) {
                        *o |= u128::from(x) << (52 * w);
                    }
                }
                out
            }
        }
    }
    /// Integers below q from residues modulo its primes: what is right modulo the first ones, plus a multiple of their
    /// product.
    fn together(&self, primes: &[u64], residues: &[Vec<u64>]) -> Vec<u128> {
        let coefficient = |i: usize| {
            let (mut x, mut product) = (0u128, 1u128);
            for (p, r) in primes.iter().zip(residues) {
                let wide = u128::from(*p);
                let over = transform::inverse((product % wide) as u64, *p);
                let less = (u128::from(r[i]) + wide - x % wide) % wide;
                x += product * (less * u128::from(over) % wide);
                product *= wide;
            }
            x
        };
        (0..self.n).map(coefficient).collect()
    }
    /// round(q m / t) = floor((q m + floor(t / 2)) / t), with q = a t + b.
    fn scaled(&self, m: u64) -> u128 {
        let (a, b, m) = (self.q() / self.t, self.q() % self.t, u128::from(m));
        (a * m + (b * m + self.t / 2) / self.t) % self.q()
    }
    /// round(q m / t) + e - c_1 s and c_1.
    pub(crate) fn encrypt(&self, s: &[i8], c1: Vec<u128>, m: &[u64], e: &[i8]) -> Pair {
        let product = times(&c1, s);
        let c0 = (product.iter().zip(m).zip(e))
            .map(|((x, m), e)| self.modulo(self.scaled(*m) as i128 + i128::from(*e) - x))
            .collect();
        [c0, c1]
    }
    /// The half of a ciphertext that is sent.
    pub(crate) fn wire(&self, c: &[u128]) -> Vec<u8> {
        let mut out = Vec::new();
        match &self.modulus {
            Modulus::Primes(primes) => {
                for p in primes {
                    let residues: Vec<u64> =
                        c.iter().map(|x| (x % u128::from(*p)) as u64).collect();
                    pack(
                        transform::forward(&residues, *p),
                        64 - p.leading_zeros(),
                        &mut out,
                    );
                }
            }
            Modulus::Power(b) => pack_power(c, *b, &mut out),
        }
        out
    }
    /// The sum over inputs i and terms k of w_ik X^(e_k) c_i, for weights below 2^12; with messages of the server's
    /// added to the inputs.
    pub(crate) fn product(
        &self,
        inputs: &[(Pair, Vec<u64>)],
        exponents: &[u32],
        weights: &[i64],
    ) -> Pair {
        let mut sum = [vec![0u128; self.n], vec![0u128; self.n]];
        for (i, ([c0, c1], add)) in inputs.iter().enumerate() {
            let c0: Vec<u128> = (c0.iter().zip(add))
                .map(|(c, m)| (c + self.scaled(*m)) % self.q())
                .collect();
            for (half, c) in [&c0, c1].into_iter().enumerate() {
                for (k, e) in exponents.iter().enumerate() {
                    let w = i128::from(weights[i * exponents.len() + k]);
                    for (j, c) in c.iter().enumerate() {
                        let at = (j + *e as usize) % (2 * self.n);
                        let term = if at < self.n { w } else { -w } * *c as i128;
                        let to = &mut sum[half][at % self.n];
                        *to = (*to + self.modulo(term)) % self.q();
                    }
                }
            }
        }
        sum
    }
    /// round(2^bits c / q) modulo 2^bits.
    fn down(&self, c: u128, bits: u32) -> u128 {
        let (quotient, rest) = divide(c, bits, self.q());
        (quotient + u128::from(2 * rest >= self.q())) % (1 << bits)
    }
    /// round(t x / 2^bits) modulo t.
    fn round(&self, x: u128, bits: u32) -> u64 {
        let (whole, rest) = (x >> (bits - 1), x & ((1 << (bits - 1)) - 1));
        // t x / 2^(bits - 1) = t whole + t rest / 2^(bits - 1), of which half is taken and rounded.
        let twice = self.t * whole + ((self.t * rest) >> (bits - 1));
        ((twice.div_ceil(2)) % self.t) as u64
    }
    /// A response, second half first, and the server's shares.
    pub(crate) fn respond(
        &self,
        [p0, p1]: &Pair,
        [c0, c1]: &Pair,
        positions: &[u32],
        draws: &Draws,
    ) -> Response {
        let [x0, x1] = [times(p0, &draws.u), times(p1, &draws.u)];
        let second: Vec<u128> = (0..self.n)
            .map(|i| self.modulo(c1[i] as i128 + x1[i] + i128::from(draws.e1[i])))
            .map(|c| self.down(c, self.bits[1]))
            .collect();
        let mut share = Vec::new();
        let first: Vec<u128> = (positions.iter().enumerate())
            .map(|(i, at)| {
                let at = *at as usize;
                let mut c = c0[at] as i128 + x0[at] + i128::from(draws.e0[i]);
                let mut hides = 0;
                if let Some(r) = draws.masks.get(i) {
                    c = self.modulo(c + self.scaled(*r) as i128) as i128;
                    c += draws.floods[i];
                    hides = *r;
                }
                let mut c = self.down(self.modulo(c), self.bits[0]);
                if let Some(pad) = draws.pads.get(i) {
                    c = (c + pad) % (1 << self.bits[0]);
                    hides = self.round(*pad, self.bits[0]);
                }
                share.push(((self.t - u128::from(hides)) % self.t) as u64);
                c
            })
            .collect();
        let mut out = Vec::new();
        pack_power(&second, self.bits[1], &mut out);
        pack_power(&first, self.bits[0], &mut out);
        Response {
            bytes: out,
            share,
            halves: [first, second],
        }
    }
    /// The client's shares: round(t (2^(second - first) c_0 + c_1 s) / 2^second).
    pub(crate) fn decrypt(
        &self,
        s: &[i8],
        [first, second]: [&[u128]; 2],
        positions: &[u32],
    ) -> Vec<u64> {
        let [b0, b1] = self.bits;
        let product = times(second, s);
        (positions.iter().zip(first))
            .map(|(at, c)| {
                let x = ((c << (b1 - b0)) as i128 + product[*at as usize]).rem_euclid(1 << b1);
                self.round(x as u128, b1)
            })
            .collect()
    }
}
