//! Matrices times vectors in one request and few responses: results packed by automorphisms.
//!
//! A product of polynomials that gives W x, as in [`crate::encoding`], leaves one output in every `span` coefficients
//! of a response. Chen, Dai, Kim and Song (eprint 2020/015) pack such ciphertexts: a + X^h b + tau(a - X^h b), for an
//! automorphism tau with tau(X^h) = -X^h, keeps both halves' coefficients where they are wanted, doubled, and removes
//! what stood in their way; a tree of such merges fills one ciphertext, at one key switching each. As tau(w c) =
//! tau(w) tau(c), the first `inner` levels can be done on the input, whose 2^inner images then meet factors that
//! depend on weights alone: 2^inner - 1 switchings and about 2^-inner of the tree's, least where both are equal.
//! Several rows in one polynomial, and that exchange of rotations before and after products with a chosen split
//! between them, are after Rhombus (He et al., CCS 2024, eprint 2024/1611), whose results they follow; the formulas
//! and bounds here are derived in [`plan`] and `noise`. Levels that would only clear coefficients that nobody reads
//! are left out: a response shows c_0 at the wanted positions alone.
//!
//! **The factor 2^levels.** Merges double what they keep. At products this is undone beforehand: a ciphertext times
//! 2^-outer modulo the odd q has the phase 2^-outer (q m / t + e) modulo q, a large number whose double, taken outer
//! times, is q m / t + e again, noise included, without growth; this holds for any t, and for round(q m / t) as for a
//! multiple of it. Noise of key switchings is not there when it is divided, so that at inputs the division comes
//! before encryption: x is encoded as round(q x / (2^inner t)) for t = 2^k, and as x / 2^inner modulo t for a prime
//! t. The sum over 2^inner images then has phase q W x / t, independent of which representative of x modulo t was
//! taken: another one changes q x / (2^inner t) by q / 2^inner, and the result by a multiple of q.
//!
//! **Security.** Semi-honest, for one client and one server. The client sends keys and encryptions: the server's view
//! is simulated by uniform halves and encryptions of zero, if RLWE with the modulus q P (at most 214 bits at N =
//! 8192) is hard in the circular sense (`galois`). The server sends responses of [`crate::Backend::respond`] in the
//! exact mode: c_0 at the wanted positions with a uniform share and a flooding of 2^40 times the noise of the whole
//! evaluation, errors of key switchings included, after an encryption of zero under the client's public key was
//! added. So a client's view is simulated from its shares alone: c_1 as that of a fresh public-key encryption, c_0
//! from c_1, its shares and the flooding, within 2^-40 for every output. Nothing of the packing is given away before
//! that.
//!
//! **When it pays.** In bytes, for layers whose plain responses are nearly empty. 1000 x 4096 weights of 12 bits
//! modulo 2^37 take 117 KB there and 53 KB back, where coefficients alone, with their blocks balanced, take about 2.3
//! MB; but 4.5 MB of keys go first, once for a client and a matrix, so that it pays from the third product on. In
//! time it does not pay where the network is fast: the server does 2459 transforms of N = 8192, 1536 of them for
//! weights and 920 in 46 key switchings (L^2 + 3 L + 2 each, with L primes), where products alone need none for
//! ciphertexts and smaller ones for weights.

pub mod client;
mod evaluate;
mod galois;
mod noise;
pub mod plan;
pub mod server;
mod weights;

use core::fmt;

use piquet_core::cpu;
use piquet_core::wipe;
use piquet_core::wire::{DecodeError, Header, SessionId};

use crate::backend::Seed;
use crate::linear::residues;
use crate::native::ntt::Ntt;
use crate::native::prime;
use crate::native::product;
use crate::native::rns::Rns;
use crate::params::{Traffic, most_bits};
use crate::{Backend, CipherModulus, Error, Mode, Native, Params, PlainModulus};
use galois::{Automorphism, Galois};
use plan::Plan;
pub use weights::Weights;

/// Degree of the polynomials: key switching needs its room.
pub const DEGREE: usize = 8192;
/// Bits by which the prime of key switching is longer than those of ciphertexts: noise of keys is then below that of
/// rounding.
const SPECIAL: u32 = 5;
/// Where nothing was tried.
const NO_PLAN: Error = Error::Parameter {
    what: "packings",
    got: 0,
    domain: "at least one",
};

/// Primes of q, and P: two to four as long as each other, fewest and shortest first. P has at most 50 bits too, and
/// all of them together at most what the guidelines allow.
fn moduli() -> impl Iterator<Item = (Vec<u64>, u64)> {
    (2..=4u32)
        .flat_map(|count| (34..=50 - SPECIAL).map(move |bits| (count, bits)))
        .filter(|(count, bits)| bits * (count + 1) + SPECIAL <= most_bits(DEGREE))
        .filter_map(|(count, bits)| {
            let primes = prime::ntt_primes(DEGREE, bits, count as usize);
            let special = prime::ntt_primes(DEGREE, bits + SPECIAL, 1);
            Some((primes, *special.first()?))
        })
}

/// What both parties know of a product: shapes, parameters, tables.
pub struct Matvec {
    plan: Plan,
    /// No weight is larger in absolute value.
    weight: u64,
    native: Native,
    galois: Galois,
    special: u64,
    /// Encodes inputs: t 2^inner for t = 2^k.
    inputs: Rns,
    /// By level.
    automorphisms: Vec<Automorphism>,
    /// Points of X^h by level at products, with their factors.
    shifts: Vec<Vec<[u64; 2]>>,
    /// 2^-outer modulo every prime in the form of products, with its factor.
    scale: Vec<[u64; 2]>,
    /// What peers compare.
    tag: u64,
}

impl Matvec {
    /// A product with `rows` x `cols` weights of at most `weight` in absolute value, modulo t. Takes the packing with
    /// the fewest key switchings that the noise allows at 214 bits, and of its moduli the smallest. For 12-bit
    /// weights and 4096 columns t = 2^k may have up to 60 bits with the best packing, and all 64 with slower ones.
    ///
    /// # Errors
    /// [`Error::Parameter`] for shapes without a packing and for weights of 2^31 or more; [`Error::Noise`] where no
    /// modulus is large enough.
    pub fn new(rows: usize, cols: usize, plain: PlainModulus, weight: u64) -> Result<Self, Error> {
        let mut refused = None;
        for plan in Plan::all(rows, cols, DEGREE)? {
            match Self::with_plan(plan, plain, weight) {
                Err(error) => refused = Some(error),
                fine => return fine,
            }
        }
        Err(refused.unwrap_or(NO_PLAN))
    }
    /// [`Matvec::new`] with this packing.
    ///
    /// # Errors
    /// Those of [`Matvec::new`]; [`Error::Parameter`] for degrees other than [`DEGREE`], and if k + `inner` exceeds
    /// 64.
    pub fn with_plan(plan: Plan, plain: PlainModulus, weight: u64) -> Result<Self, Error> {
        let inputs = match plain {
            PlainModulus::Bits(k) => PlainModulus::Bits(k.saturating_add(plan.inner())),
            t => t,
        };
        let most = (i32::MAX as u64) >> plan.inner();
        for (what, got, fine, domain) in [
            (
                "degree",
                plan.degree() as u64,
                plan.degree() == DEGREE,
                "8192",
            ),
            (
                "bound on weights",
                weight,
                (1..=most).contains(&weight),
                "1..2^31 / 2^inner",
            ),
            (
                "bits of the plaintext modulus",
                inputs.bits().into(),
                inputs.bits() <= 64,
                "at most 64 with the levels at inputs",
            ),
        ] {
            if !fine {
                return Err(Error::Parameter { what, got, domain });
            }
        }
        let traffic = Traffic {
            requests: plan.ins() as u64,
            responses: plan.responses() as u64,
            positions: plan.rows().div_ceil(plan.responses()),
        };
        let mut refused = NO_PLAN;
        for (primes, special) in moduli() {
            let bound = noise::cover(noise::product(&plan, weight, &primes, special));
            let modulus = CipherModulus::Primes(primes.clone());
            let mode = Mode::Exact;
            match Params::with_traffic(DEGREE, plain, modulus, mode, bound, Some(traffic)) {
                Ok(params) => {
                    let inputs = Rns::new(&primes, inputs, DEGREE, cpu::level());
                    return Ok(Self::with_params(
                        plan, weight, params, inputs, primes, special,
                    ));
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }
    fn with_params(
        plan: Plan,
        weight: u64,
        params: Params,
        inputs: Rns,
        primes: Vec<u64>,
        special: u64,
    ) -> Self {
        let (n, level) = (plan.degree(), cpu::level());
        let mut all = primes.clone();
        all.push(special);
        let galois = Galois::new(&all, n, level);
        let shifts = (plan.inner()..plan.depth())
            .map(|l| {
                (galois.ntts[..primes.len()].iter())
                    .flat_map(|ntt| monomial(ntt, n, plan.shift(l)))
                    .collect()
            })
            .collect();
        let scale = (galois.ntts[..primes.len()].iter())
            .map(|ntt| {
                let p = ntt.prime();
                let w = p.mul(
                    p.inverse(p.reduce(1 << plan.outer())),
                    product::form(ntt)[0],
                );
                [w, p.factor(w)]
            })
            .collect();
        Self {
            inputs,
            automorphisms: (0..plan.depth())
                .map(|l| Automorphism::new(n, plan.element(l)))
                .collect(),
            special,
            galois,
            shifts,
            scale,
            tag: tag(&plan, weight, &params, special),
            weight,
            native: Native::with_level(params, level),
            plan,
        }
    }
    /// Where the matrix lies, and what its product costs.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
    /// What no weight exceeds in absolute value.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.weight
    }
    /// Parameters of the responses; their bound covers the noise of the packing.
    #[must_use]
    pub fn params(&self) -> &Params {
        self.native.params()
    }
    /// log2 of q P, the modulus on which security rests.
    #[must_use]
    pub fn modulus_bits(&self) -> f64 {
        self.params().modulus().log2() + (self.special as f64).log2()
    }
    /// Transforms of the server, beside those that mask the responses.
    #[must_use]
    pub fn transforms(&self) -> usize {
        self.plan.transforms(self.galois.primes())
    }
    /// Points of an input polynomial, number `i` of a share: encoded, with errors where there are any.
    fn encode(&self, share: &[u64], i: usize, errors: &[i8]) -> Vec<u64> {
        let plan = &self.plan;
        let block = &share[i * plan.span()..((i + 1) * plan.span()).min(plan.cols())];
        let mut message = vec![0; plan.degree()];
        message[..block.len()].copy_from_slice(block);
        if let PlainModulus::Prime(t) = self.params().plain() {
            for _ in 0..plan.inner() {
                // t is odd: x / 2, or (x + t) / 2.
                message
                    .iter_mut()
                    .for_each(|x| *x = (*x + (t & (*x & 1).wrapping_neg())) >> 1);
            }
        }
        let points = self.inputs.encode(&message, errors);
        wipe(&mut message);
        points
    }
    /// Bytes of the client's message for one product: a header, a seed, and half of every input ciphertext.
    #[must_use]
    pub fn request_len(&self) -> usize {
        Header::LEN + size_of::<Seed>() + self.plan.ins() * self.native.ciphertext_len()
    }
    /// Bytes of the server's message: a header and the responses.
    #[must_use]
    pub fn response_len(&self) -> usize {
        let responses = (0..self.plan.responses())
            .map(|r| self.native.response_len(self.plan.output(r).0.len()));
        Header::LEN + responses.sum::<usize>()
    }
    /// Whether a share is as long as a row, and of residues; in time that does not depend on which one is not.
    fn check_input(&self, x: &[u64]) -> Result<(), Error> {
        if x.len() != self.plan.cols() {
            return Err(Error::Length {
                what: "input",
                got: x.len(),
                want: self.plan.cols(),
            });
        }
        residues("input", x, self.params().plain())
    }
}

impl fmt::Debug for Matvec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matvec")
            .field("plan", &self.plan)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}

/// Stands for a packing and its parameters.
fn tag(plan: &Plan, weight: u64, params: &Params, special: u64) -> u64 {
    let mut h = blake3::Hasher::new_derive_key("piquet 2026 he packing");
    let shape = [plan.rows() as u64, plan.cols() as u64, plan.inner().into()];
    for word in shape.into_iter().chain([weight, params.tag(), special]) {
        h.update(&word.to_le_bytes());
    }
    let mut tag = [0; 8];
    tag.copy_from_slice(&h.finalize().as_bytes()[..8]);
    u64::from_le_bytes(tag)
}

fn header(kind: u8, session: SessionId, step: u64) -> Header {
    Header {
        kind,
        session,
        step,
    }
}

fn exactly(inbox: &[u8], want: usize) -> Result<(), DecodeError> {
    match inbox.len() {
        got if got == want => Ok(()),
        got => Err(DecodeError::Length { got, want }),
    }
}

/// The seed of a request's uniform halves: a salt that is sent again makes other ones in another session or step.
fn seed(session: &SessionId, step: u64, salt: &Seed) -> Seed {
    session.derive_key(&format!("piquet 2026 he packing, step {step}"), salt)
}

/// Points of X^h with their factors.
fn monomial(ntt: &Ntt, degree: usize, h: usize) -> Vec<[u64; 2]> {
    let mut points = vec![0; degree];
    points[h] = 1;
    ntt.forward(&mut points);
    let p = ntt.prime();
    points.into_iter().map(|w| [w, p.factor(w)]).collect()
}

#[cfg(test)]
mod tests;
