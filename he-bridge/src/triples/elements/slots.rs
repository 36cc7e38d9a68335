//! Elements of Z_2^k in slots: integers modulo T, a product of primes t_j that split X^N + 1.
//!
//! Modulo t_j a polynomial is its values at N points, its slots, and products of polynomials are products slot by slot (N. Smart,
//! F. Vercauteren, eprint 2011/133). An integer is its residues modulo all t_j.

use piquet_core::{Ring, RingVec};

use crate::backend::Backend;
use crate::native::ntt::Ntt;
use crate::native::prime::{Prime, ntt_primes};
use crate::noise::Bound;
use crate::triples::fewest_bytes;
use crate::{Error, Params, PlainModulus, shared};

/// Triples of a block: the degree N, and the slots of a ciphertext.
pub const SLOTS: usize = 8192;

/// -log2 of the probability that the shares of a product wrap the wrong number of times.
pub const WRAP: u32 = 40;

/// What has to do with one prime t_j.
#[derive(Debug)]
pub(super) struct Field<B> {
    pub(super) he: B,
    slots: Ntt,
    /// The inverses modulo t_j of the primes before it.
    inverses: Vec<u64>,
    /// The product of the primes before it, modulo 2^64.
    radix: u64,
}

/// The primes t_j for elements of `bits` bits: as few as will do, and as small as so many may be.
///
/// |a_0 b_1 + b_0 a_1| is at most Y = 2^(2k-1); their product is to be at least (Y + 1) 2^[`WRAP`].
pub(super) fn primes(bits: u32) -> Vec<u64> {
    // The last summand is far more than the errors of this arithmetic.
    let want = (f64::from(2 * bits - 1).exp2() + 1.0).log2() + f64::from(WRAP) + 1e-6;
    (1..=8)
        .flat_map(|count| (22..=50).map(move |size| ntt_primes(SLOTS, size, count)))
        .find(|p| p.iter().map(|t| (*t as f64).log2()).sum::<f64>() >= want)
        .unwrap_or_default()
}

/// Parameters for each prime.
pub(super) fn parameters(primes: &[u64]) -> Result<Vec<Params>, Error> {
    let plain: Vec<_> = primes.iter().map(|t| PlainModulus::Prime(*t)).collect();
    // Two polynomials, whose coefficients are as large as residues of t can be.
    fewest_bytes(SLOTS, &plain, 2, |t| Bound {
        weight: shared::bound(t),
        terms: 2 * SLOTS as u64,
        useful: 2 * SLOTS as u64,
    })
}

impl<B: Backend> Field<B> {
    /// One for each prime.
    pub(super) fn all(primes: &[u64], backends: Vec<B>) -> Vec<Self> {
        let product = |before: &[u64]| before.iter().fold(1u64, |a, t| a.wrapping_mul(*t));
        (backends.into_iter().zip(primes).enumerate())
            .map(|(j, (he, t))| {
                let prime = Prime::new(*t);
                Self {
                    he,
                    slots: Ntt::new(prime, SLOTS),
                    inverses: (primes[..j].iter())
                        .map(|s| prime.inverse(prime.reduce(*s)))
                        .collect(),
                    radix: product(&primes[..j]),
                }
            })
            .collect()
    }
    fn prime(&self) -> &Prime {
        self.slots.prime()
    }
    /// The polynomial that has elements below 2^bits, taken to their representatives of least absolute value, in its slots; 0 in those
    /// that are left.
    pub(super) fn polynomial<R: Ring>(&self, bits: u32, elements: &[R]) -> RingVec<u64> {
        let mut x = RingVec::zeros(SLOTS);
        for (x, e) in x.as_mut_slice().iter_mut().zip(elements) {
            let centred = PlainModulus::Bits(bits).centred(e.to_u64());
            *x = self.prime().reduce_signed(centred);
        }
        self.slots.inverse(x.as_mut_slice());
        x
    }
    /// From a polynomial to its slots.
    pub(super) fn evaluate(&self, polynomial: &mut RingVec<u64>) {
        self.slots.forward(polynomial.as_mut_slice());
    }
    /// Coefficients as their representatives of least absolute value.
    pub(super) fn centred(&self, polynomial: &RingVec<u64>) -> impl Iterator<Item = i64> {
        let plain = self.he.params().plain();
        polynomial.as_slice().iter().map(move |x| plain.centred(*x))
    }
}

/// The representatives in 0..T, modulo 2^64, of residues field by field: mixed radix (Garner).
pub(super) fn join<B: Backend>(fields: &[Field<B>], residues: &[RingVec<u64>]) -> RingVec<u64> {
    let mut digits: Vec<RingVec<u64>> = Vec::with_capacity(fields.len());
    let mut out = RingVec::<u64>::zeros(SLOTS);
    for (field, residues) in fields.iter().zip(residues) {
        let p = *field.prime();
        let mut digit = residues.duplicate();
        for (before, inverse) in digits.iter().zip(&field.inverses) {
            let factor = p.factor(*inverse);
            for (d, b) in digit.as_mut_slice().iter_mut().zip(before.as_slice()) {
                *d = p.mul_by(p.sub(*d, p.reduce(*b)), *inverse, factor);
            }
        }
        for (o, d) in out.as_mut_slice().iter_mut().zip(digit.as_slice()) {
            *o = o.wrapping_add(field.radix.wrapping_mul(*d));
        }
        digits.push(digit);
    }
    out
}

/// T modulo 2^64.
pub(super) fn modulus<B: Backend>(fields: &[Field<B>]) -> u64 {
    fields.iter().fold(1, |a, f| a.wrapping_mul(f.prime().p()))
}
