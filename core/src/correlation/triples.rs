//! One party's share of multiplication triples between two parties: of bits, of ring elements, of matrices.
//!
//! The shares of both parties add up (or XOR) to random a and b and to c = a b, * being what the carrier says. They are
//! typed by the adversary against whom they were made; against a malicious one they still bind nobody to the shares that
//! it holds, which takes MACs on top.

use core::fmt;
use core::marker::PhantomData;

use super::Security;
use crate::{BitVec, Ring, RingVec};

/// One party's share of triples of bits: c = a AND b.
pub struct BitTriples<M: Security> {
    a: BitVec,
    b: BitVec,
    c: BitVec,
    security: PhantomData<M>,
}

/// One party's share of triples of elements of Z_2^bits, in words of type `R`: c = a b.
pub struct RingTriples<R: Ring, M: Security> {
    bits: u32,
    a: RingVec<R>,
    b: RingVec<R>,
    c: RingVec<R>,
    security: PhantomData<M>,
}

/// One party's share of one triple of matrices over Z_2^bits, row-major: C = A B.
pub struct MatrixTriple<R: Ring, M: Security> {
    shape: MatrixShape,
    bits: u32,
    a: RingVec<R>,
    b: RingVec<R>,
    c: RingVec<R>,
    security: PhantomData<M>,
}

/// An m x k matrix by a k x n one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MatrixShape {
    /// Rows of the left factor.
    pub m: usize,
    /// Columns of the left factor.
    pub k: usize,
    /// Columns of the right factor.
    pub n: usize,
}

impl MatrixShape {
    /// Elements of left factor, right factor and product; `None` if one of them exceeds the address space.
    #[must_use]
    pub fn lens(&self) -> Option<[usize; 3]> {
        let Self { m, k, n } = *self;
        Some([m.checked_mul(k)?, k.checked_mul(n)?, m.checked_mul(n)?])
    }
}

impl<M: Security> BitTriples<M> {
    /// Takes three vectors of equal length to be shares of triples of security `M`; `None` if the lengths differ. The
    /// rest is the caller's word.
    #[must_use]
    pub fn from_raw(a: BitVec, b: BitVec, c: BitVec) -> Option<Self> {
        (a.len() == b.len() && a.len() == c.len()).then_some(Self {
            a,
            b,
            c,
            security: PhantomData,
        })
    }
    /// Number of triples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.a.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.a.is_empty()
    }
    /// The shares of a, b and c.
    #[must_use]
    pub fn into_parts(self) -> [BitVec; 3] {
        [self.a, self.b, self.c]
    }
}

impl<R: Ring, M: Security> RingTriples<R, M> {
    /// Takes three vectors of equal length, of elements below 2^bits, to be shares of triples of security `M`; `None` if
    /// the lengths differ, or if `bits` is 0 or more than `R` has. The rest is the caller's word.
    #[must_use]
    pub fn from_raw(bits: u32, a: RingVec<R>, b: RingVec<R>, c: RingVec<R>) -> Option<Self> {
        let fits = (1..=R::BITS).contains(&bits) && a.len() == b.len() && a.len() == c.len();
        fits.then_some(Self {
            bits,
            a,
            b,
            c,
            security: PhantomData,
        })
    }
    /// log2 of the modulus.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }
    /// Number of triples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.a.len()
    }
    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.a.is_empty()
    }
    /// The shares of a, b and c.
    #[must_use]
    pub fn into_parts(self) -> [RingVec<R>; 3] {
        [self.a, self.b, self.c]
    }
}

impl<R: Ring, M: Security> MatrixTriple<R, M> {
    /// Takes three row-major matrices of elements below 2^bits to be a share of a triple of security `M`; `None` if they
    /// are not of this shape, or if `bits` is 0 or more than `R` has. The rest is the caller's word.
    #[must_use]
    pub fn from_raw(
        shape: MatrixShape,
        bits: u32,
        a: RingVec<R>,
        b: RingVec<R>,
        c: RingVec<R>,
    ) -> Option<Self> {
        let fits =
            (1..=R::BITS).contains(&bits) && shape.lens() == Some([a.len(), b.len(), c.len()]);
        fits.then_some(Self {
            shape,
            bits,
            a,
            b,
            c,
            security: PhantomData,
        })
    }
    /// Sizes.
    #[must_use]
    pub fn shape(&self) -> MatrixShape {
        self.shape
    }
    /// log2 of the modulus.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }
    /// The shares of A, B and C.
    #[must_use]
    pub fn into_parts(self) -> [RingVec<R>; 3] {
        [self.a, self.b, self.c]
    }
}

impl<M: Security> fmt::Debug for BitTriples<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BitTriples({}, {})", self.len(), M::NAME)
    }
}

impl<R: Ring, M: Security> fmt::Debug for RingTriples<R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bits, len) = (self.bits, self.len());
        write!(f, "RingTriples<Z_2^{bits}>({len}, {})", M::NAME)
    }
}

impl<R: Ring, M: Security> fmt::Debug for MatrixTriple<R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bits, MatrixShape { m, k, n }) = (self.bits, self.shape);
        write!(
            f,
            "MatrixTriple<Z_2^{bits}>({m}x{k} by {k}x{n}, {})",
            M::NAME
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlation::{Malicious, SemiHonest};

    #[test]
    fn shapes_are_checked_and_nothing_is_printed() {
        let bits = |n| BitVec::zeros(n);
        assert!(BitTriples::<Malicious>::from_raw(bits(3), bits(3), bits(4)).is_none());
        let t = BitTriples::<Malicious>::from_raw(bits(3), bits(3), bits(3)).unwrap();
        assert_eq!(format!("{t:?}"), "BitTriples(3, malicious)");
        assert!(!t.is_empty() && t.into_parts()[2].len() == 3);

        let ring = |n| RingVec::<u32>::zeros(n);
        for (k, n) in [(0, 2), (33, 2), (32, 3)] {
            assert!(
                RingTriples::<u32, SemiHonest>::from_raw(k, ring(2), ring(n), ring(2)).is_none()
            );
        }
        let t = RingTriples::<u32, SemiHonest>::from_raw(31, ring(2), ring(2), ring(2)).unwrap();
        assert_eq!(format!("{t:?}"), "RingTriples<Z_2^31>(2, semi-honest)");
        assert_eq!((t.bits(), t.len(), t.into_parts().len()), (31, 2, 3));

        let shape = MatrixShape { m: 2, k: 3, n: 5 };
        let of =
            |k, a| MatrixTriple::<u32, SemiHonest>::from_raw(shape, k, ring(a), ring(15), ring(10));
        assert!(of(32, 7).is_none() && of(0, 6).is_none());
        let t = of(32, 6).unwrap();
        assert_eq!(
            format!("{t:?}"),
            "MatrixTriple<Z_2^32>(2x3 by 3x5, semi-honest)"
        );
        let huge = MatrixShape {
            m: usize::MAX,
            k: 2,
            n: 1,
        };
        assert_eq!(huge.lens(), None);
    }
}
