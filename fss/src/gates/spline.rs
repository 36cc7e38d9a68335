//! Piecewise polynomials.
//!
//! x of n bits, in two's complement; public knots p_1 < ... < p_m; y = P_i(x) modulo 2^k, where i is the number of knots that are ≤ x and P_0, ...,
//! P_m are public polynomials of degree at most d. After E. Boyle and others, "Function Secret Sharing for Mixed-Mode and
//! Fixed-Point Secure Computation", 2020/1392, on splines, which has a comparison key with all coefficients as payload for each
//! knot. Here one point function answers for all knots, in bits, and the products come from the dealer:
//!
//! 1. With z = x + 2^(n-1) and q_i = p_i + 2^(n-1) as unsigned numbers, ẑ = z + r modulo 2^n, and F(u) = "r ≤ u", of which one key at r
//!    gives shares at all u ([`crate::compare`]): b_i = "q_i ≤ z" = F(ẑ - q_i) ⊕ F(ẑ) ⊕ "q_i ≤ ẑ". For z ≥ q_i says that r, which is ẑ - z, lies
//!    in the cyclic interval from ẑ + 1 to ẑ - q_i modulo 2^n; it does not wrap if ẑ < q_i, and else is the complement of the
//!    one from ẑ - q_i + 1 to ẑ.
//! 2. The bits are opened under one-time masks s_i: b̂_i = b_i ⊕ s_i, so that b_i = b̂_i + (1 - 2 b̂_i) s_i.
//! 3. y = P_0(x) + Σ_i b_i D_i(x), D_i = P_i - P_(i-1). As x = x̂ - r, these are polynomials in r with public coefficients, and with shares of
//!    r^j and of s_i r^j all the rest is linear.
//!
//! That needs x = x̂ - r modulo 2^k, so k ≤ n. **For k > n** x = x̂ - r + 2^n for r > ẑ, and F(ẑ), which says so, is a bit of its own: the
//! F(u) at u = ẑ - q_i and at ẑ cut the numbers r into m + 2 runs, on each of which y is one polynomial in r with public coefficients; y is that of
//! the last run and, for each cut, F(u) times the difference of the polynomials to its left and to its right. Step 3 is the same, with
//! m + 1 bits. In both cases m' below is the number of bits.
//!
//! **Exact**: y is the value of the polynomial in the ring, without any truncation: with x at scale f and coefficients of x^j at scale
//! c - j f, y has scale c. **Domain**: any x of n bits, but y has to fit k bits.
//!
//! Secure against one semi-honest party and a dealer that colludes with none. A party's view is made up from nothing as follows: x̂ and
//! the corrections uniform (its peer's draws hide them), the key of the point function by its simulator ([`piquet_core::ggm`]), and the
//! peer's message such that the b̂_i are uniform, since each s_i is uniform, used for one bit, and otherwise known to the party only in
//! shares.

use std::sync::Arc;

use piquet_core::{BitVec, Ring, RingVec, lanes};

use super::{Gate, GateId, ids};
use crate::dealer::{Deal, low_bits, share_bytes};
use crate::evaluator::Evaluator;
use crate::mask::{BitMask, BitMaskKeys, BitOpening};
use crate::shape::{same, within};
use crate::stream::Taken;
use crate::trees::Trees;
use crate::{Error, Role, Shape};

mod pieces;

use pieces::{Pieces, Term};

/// Highest degree of a polynomial.
pub const MAX_DEGREE: usize = 3;
/// Most knots.
pub const MAX_KNOTS: usize = 255;

/// A piecewise polynomial of numbers of n bits, modulo 2^k; m' = m knots for k ≤ n, m' = m + 1 for k > n.
///
/// **Keys**: 16 (n - 6) bytes, 16 for n <= 7, and d + m' (d + 1) elements of k bits. **Rounds**: one; m' bits each way. **AES**:
/// (m + 1) (n - 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spline<R: Ring> {
    pieces: Arc<Pieces<R>>,
    shape: Shape,
}

impl<R: Ring> Spline<R> {
    /// Numbers of `bits` bits, values modulo 2^`output`, both at most the width of R.
    ///
    /// `knots`: 1 to [`MAX_KNOTS`] numbers of `bits` bits in two's complement, in ascending order. `pieces`: polynomials, one more than knots;
    /// each its coefficients from that of x^0 on, 1 to [`MAX_DEGREE`] + 1 of them, of which the low `output` bits count.
    ///
    /// # Errors
    /// [`Error::Parameter`], [`Error::Length`].
    pub fn new(bits: u32, output: u32, knots: &[i128], pieces: &[&[i128]]) -> Result<Self, Error> {
        let pieces = Arc::new(Pieces::new(bits, output, knots, pieces)?);
        let shape = Shape::new(bits, 1)?;
        Ok(Self { pieces, shape })
    }
    /// Bits that are opened for each gate: m'.
    fn opened(&self) -> usize {
        self.pieces.terms()
    }
    /// Shared powers, and products, of each gate.
    fn shared(&self) -> [usize; 2] {
        let d = self.pieces.degree();
        [d, self.opened() * (d + 1)]
    }
}

/// One party's keys of [`Spline`]. Used once, wiped, not printed.
pub struct SplineKeys<R: Ring, P: Role> {
    gate: Spline<R>,
    trees: Trees,
    masks: BitMaskKeys<P>,
    shares: Shares<R>,
}

/// Shares of r^j, j ≥ 1, at `powers[(j - 1) * gates + g]`, and of s_i r^j at `products[(i * (d + 1) + j) * gates + g]`.
struct Shares<R: Ring> {
    powers: RingVec<R>,
    products: RingVec<R>,
}

impl<R: Ring, P: Role> core::fmt::Debug for SplineKeys<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SplineKeys({} gates)", self.trees.len())
    }
}

impl<R: Ring> Gate for Spline<R> {
    type Masks<'a> = &'a [R];
    type Dealt = ();
    type Keys<P: Role> = SplineKeys<R, P>;

    /// Parameters are the widths, the numbers of knots and coefficients, and 64 bits of a digest of them: the dealer needs to know none of
    /// these, but a party that has others is told so.
    fn id(&self) -> GateId {
        GateId {
            gate: ids::SPLINE,
            parameters: self.pieces.parameters(),
        }
    }
    fn key_bytes(&self, count: usize) -> usize {
        let shared = self
            .shared()
            .map(|n| share_bytes(self.pieces.output, n * count));
        count * 16 * self.shape.corrections() + shared[0] + shared[1]
    }
    fn deal(&self, count: usize, masks: &[R], to: &mut Deal) -> Result<(), Error> {
        same("masks", masks.len(), count)?;
        to.trees(self.shape, masks, None)?;
        let opened = BitMask.deal(count * self.opened(), (), to)?;
        let (n, k, d) = (
            self.shape.domain(),
            self.pieces.output,
            self.pieces.degree(),
        );
        let mut powers = RingVec::zeros(count * (d + 1));
        let mut r = RingVec::from(masks.to_vec());
        low_bits(&mut r, n);
        for (j, power) in powers.as_mut_slice().chunks_mut(count).enumerate() {
            power.fill(R::ONE);
            for _ in 0..j {
                lanes::zip(power, r.as_slice(), R::mul);
            }
        }
        to.share(k, &powers.as_slice()[count..]);
        let mut products = RingVec::with_capacity(count * self.opened() * (d + 1));
        let mut masks = RingVec::zeros(count * self.opened());
        lanes::masks(masks.as_mut_slice(), opened.words());
        for s in masks.as_slice().chunks(count) {
            let at = products.len();
            products.extend_from_slice(powers.as_slice());
            for product in products.as_mut_slice()[at..].chunks_mut(count) {
                lanes::zip(product, s, R::and);
            }
        }
        to.share(k, products.as_slice());
        Ok(())
    }
    fn take<P: Role>(
        &self,
        count: usize,
        from: &mut Taken<'_, P>,
    ) -> Result<SplineKeys<R, P>, Error> {
        let [powers, products] = self.shared();
        let k = self.pieces.output;
        Ok(SplineKeys {
            trees: from.trees(self.shape, count)?,
            masks: BitMask.take(count * self.opened(), from)?,
            shares: Shares {
                powers: from.share(k, count * powers)?,
                products: from.share(k, count * products)?,
            },
            gate: self.clone(),
        })
    }
}

impl<R: Ring, P: Role> SplineKeys<R, P> {
    /// From x̂, whose bits above n are ignored, the message to the other party.
    ///
    /// # Errors
    /// If there are not as many values as keys, and what the evaluator fails with.
    pub fn start<E: Evaluator>(
        self,
        masked: &[R],
        e: &E,
    ) -> Result<(SplinePending<R, P>, Vec<u8>), E::Error> {
        let count = self.trees.len();
        same("masked values", masked.len(), count)?;
        let pieces = &self.gate.pieces;
        let masked: Vec<R> = masked.iter().map(|x| pieces.unsigned(*x)).collect();
        let below = |q: R| {
            let points: Vec<R> = masked.iter().map(|z| z.sub(q)).collect();
            self.trees.prefix_bits(e, &points)
        };
        let wrap = below(R::ZERO)?;
        let mut bits = Vec::with_capacity(self.gate.opened());
        for q in &pieces.knots {
            let mut cut = below(*q)?;
            if !pieces.wide() {
                cut.xor_assign(&wrap);
                if P::INDEX == 0 {
                    let public: Vec<_> = masked.iter().map(|z| pieces::le(*q, *z)).collect();
                    cut.xor_assign(&BitVec::from_bools(&public));
                }
            }
            bits.push(cut);
        }
        if pieces.wide() {
            bits.push(wrap);
        }
        let bits = BitVec::concat(&bits.iter().collect::<Vec<_>>());
        let (opening, message) = self.masks.open(&bits)?;
        let pending = SplinePending {
            gate: self.gate,
            masked,
            opening,
            shares: self.shares,
        };
        Ok((pending, message))
    }
}

/// Waits for the other party's message.
pub struct SplinePending<R: Ring, P: Role> {
    gate: Spline<R>,
    /// ẑ.
    masked: Vec<R>,
    opening: BitOpening<P>,
    shares: Shares<R>,
}

impl<R: Ring, P: Role> core::fmt::Debug for SplinePending<R, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SplinePending({} gates)", self.masked.len())
    }
}

impl<R: Ring, P: Role> SplinePending<R, P> {
    /// Length of the message.
    #[must_use]
    pub fn expects(&self) -> usize {
        self.opening.expects()
    }
    /// This party's shares of y modulo 2^k.
    ///
    /// # Errors
    /// A message that is not the one that is due.
    pub fn finish(self, message: &[u8]) -> Result<RingVec<R>, Error> {
        let opened = self.opening.finish(message)?;
        let count = self.masked.len();
        let pieces = &self.gate.pieces;
        let d = pieces.degree();
        let (powers, products) = (
            self.shares.powers.as_slice(),
            self.shares.products.as_slice(),
        );
        let mut out = RingVec::zeros(count);
        let mut terms = vec![Term::ZERO; self.gate.opened()];
        for (g, (z, out)) in self.masked.iter().zip(out.as_mut_slice()).enumerate() {
            let mut open = pieces.expand(*z, &mut terms);
            let mut sum = R::ZERO;
            for (i, term) in terms.iter().enumerate() {
                let at = i * count + g;
                // Opened bits are public.
                let bit = opened.words()[at / 64] >> (at % 64) & 1;
                let keep = R::from_u64(bit).neg();
                let mut part = R::ZERO;
                for j in 0..=d {
                    let share = products[(i * (d + 1) + j) * count + g];
                    part = part.add(term.0[j].mul(share));
                    open.0[j] = open.0[j].add(term.0[j].and(keep));
                }
                // Negated where the opened bit is 1.
                sum = sum.add(part.xor(keep).sub(keep));
            }
            if P::INDEX == 0 {
                sum = sum.add(open.0[0]);
            }
            for j in 1..=d {
                sum = sum.add(open.0[j].mul(powers[(j - 1) * count + g]));
            }
            *out = sum;
        }
        low_bits(&mut out, pieces.output);
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
