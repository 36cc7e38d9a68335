//! The public side: knots, polynomials, and what they are as polynomials in the mask.

use piquet_core::Ring;

use super::{MAX_DEGREE, MAX_KNOTS, same, within};
use crate::Error;

/// A polynomial: the coefficient of the j-th power at j.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Term<R: Ring>(pub(super) [R; MAX_DEGREE + 1]);

impl<R: Ring> Term<R> {
    pub(super) const ZERO: Self = Self([R::ZERO; MAX_DEGREE + 1]);

    fn sub(self, rhs: Self) -> Self {
        Self(core::array::from_fn(|j| self.0[j].sub(rhs.0[j])))
    }
    /// P(`x` - r) as a polynomial in r, for P of degree `d`.
    fn at(mut self, x: R, d: usize) -> Self {
        let c = &mut self.0;
        for i in 0..d {
            for j in (i..d).rev() {
                c[j] = c[j].add(x.mul(c[j + 1]));
            }
        }
        for c in c.iter_mut().skip(1).step_by(2) {
            *c = c.neg();
        }
        self
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pieces<R: Ring> {
    bits: u32,
    /// k.
    pub(super) output: u32,
    /// q_i.
    pub(super) knots: Vec<R>,
    polynomials: Vec<Term<R>>,
    degree: usize,
    digest: [u32; 2],
}

impl<R: Ring> Pieces<R> {
    pub(super) fn new(
        bits: u32,
        output: u32,
        knots: &[i128],
        pieces: &[&[i128]],
    ) -> Result<Self, Error> {
        within("bits", bits, 1, R::BITS, "1 to the width of the word")?;
        within(
            "bits of the values",
            output,
            1,
            R::BITS,
            "1 to the width of the word",
        )?;
        let count = u32::try_from(knots.len()).unwrap_or(u32::MAX);
        within("knots", count, 1, MAX_KNOTS as u32, "1 to 255")?;
        same("pieces", pieces.len(), knots.len() + 1)?;
        let fits = |p: &i128| p >> (bits - 1) == 0 || p >> (bits - 1) == -1;
        if let Some(p) = knots.iter().find(|p| !fits(p)) {
            return Err(Error::Parameter {
                what: "knot",
                got: *p as u64,
                domain: "a signed number of the bits",
            });
        }
        if let Some(two) = knots.windows(2).find(|two| two[0] >= two[1]) {
            return Err(Error::Parameter {
                what: "knot",
                got: two[1] as u64,
                domain: "above the one before",
            });
        }
        let mut h = blake3::Hasher::new_derive_key("piquet 2026 spline");
        h.update(&R::BITS.to_le_bytes());
        for p in knots {
            h.update(&p.to_le_bytes());
        }
        let mut polynomials = Vec::with_capacity(pieces.len());
        let mut degree = 0;
        let low = crate::shape::mask(output) as i128;
        for piece in pieces {
            let n = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            within(
                "coefficients of a piece",
                n,
                1,
                MAX_DEGREE as u32 + 1,
                "1 to 4",
            )?;
            degree = degree.max(piece.len() - 1);
            let mut p = Term::ZERO;
            for (to, c) in p.0.iter_mut().zip(*piece) {
                *to = R::from_i128(*c);
            }
            for j in 0..=MAX_DEGREE {
                let c = piece.get(j).map_or(0, |c| c & low);
                h.update(&c.to_le_bytes());
            }
            polynomials.push(p);
        }
        let mut digest = [0; 8];
        h.finalize_xof().fill(&mut digest);
        let digest = u64::from_le_bytes(digest);
        let mut made = Self {
            bits,
            output,
            knots: Vec::new(),
            polynomials,
            degree,
            digest: [digest as u32, (digest >> 32) as u32],
        };
        let unsigned = knots.iter().map(|p| made.unsigned(R::from_i128(*p)));
        made.knots = unsigned.collect();
        Ok(made)
    }
    pub(super) fn parameters(&self) -> [u32; 3] {
        let [bits, output] = [self.bits, self.output].map(|n| n - 1);
        let sizes = [bits, output, self.knots.len() as u32, self.degree as u32];
        let sizes = sizes.map(|n| n as u8);
        let sizes = u32::from_le_bytes(sizes);
        [sizes, self.digest[0], self.digest[1]]
    }
    pub(super) fn degree(&self) -> usize {
        self.degree
    }
    /// Is a value wider than x?
    pub(super) fn wide(&self) -> bool {
        self.output > self.bits
    }
    /// m'.
    pub(super) fn terms(&self) -> usize {
        self.knots.len() + usize::from(self.wide())
    }
    /// x + 2^(n-1) modulo 2^n.
    pub(super) fn unsigned(&self, x: R) -> R {
        let up = R::BITS - self.bits;
        x.add(R::ONE.shl(self.bits - 1)).shl(up).shr(up)
    }
    /// y as a polynomial in r, for each bit that is opened a term that counts if it is set, and one that always counts.
    pub(super) fn expand(&self, z: R, terms: &mut [Term<R>]) -> Term<R> {
        let d = self.degree;
        let x = z.sub(R::ONE.shl(self.bits - 1));
        if !self.wide() {
            let first = self.polynomials[0].at(x, d);
            let mut before = first;
            for (term, p) in terms.iter_mut().zip(&self.polynomials[1..]) {
                let p = p.at(x, d);
                *term = p.sub(before);
                before = p;
            }
            return first;
        }
        // x̂ - r + 2^n, where r > ẑ.
        let wrapped = x.add(R::ONE.shl(self.bits));
        let m = self.knots.len();
        let mut last = self.polynomials[0].at(wrapped, d);
        let both = self.polynomials.iter().zip(&self.polynomials[1..]);
        for ((term, knot), (low, high)) in terms.iter_mut().zip(&self.knots).zip(both) {
            let here = le(*knot, z);
            let from = if here { x } else { wrapped };
            *term = high.at(from, d).sub(low.at(from, d));
            if here {
                last = high.at(wrapped, d);
            }
        }
        terms[m] = self.polynomials[0]
            .at(x, d)
            .sub(self.polynomials[m].at(wrapped, d));
        last
    }
}

/// a ≤ b, of unsigned public words.
pub(super) fn le<R: Ring>(a: R, b: R) -> bool {
    let flip = |v: R| v.xor(R::ONE.shl(R::BITS - 1)).to_i128();
    flip(a) <= flip(b)
}
