//! One party's share of a triple of a convolution.

use core::fmt;
use core::marker::PhantomData;

use super::Security;
use crate::linalg::ConvShape;
use crate::{Ring, RingVec};

/// One party's share of one triple of a convolution over Z_2^bits: C = A * B, A as `[batch][height][width][channel]`, B as
/// `[out][in / groups][kh][kw]`.
pub struct ConvTriple<R: Ring, M: Security> {
    shape: ConvShape,
    bits: u32,
    a: RingVec<R>,
    b: RingVec<R>,
    c: RingVec<R>,
    security: PhantomData<M>,
}

impl<R: Ring, M: Security> ConvTriple<R, M> {
    /// Takes input, weights and output of elements below 2^bits to be a share of a triple of security `M`; `None` if the shape is
    /// none, if they are not of it, or if `bits` is 0 or more than `R` has. The rest is the caller's word.
    #[must_use]
    pub fn from_raw(
        shape: ConvShape,
        bits: u32,
        a: RingVec<R>,
        b: RingVec<R>,
        c: RingVec<R>,
    ) -> Option<Self> {
        let fits = (1..=R::BITS).contains(&bits)
            && shape.validate().is_ok()
            && [a.len(), b.len(), c.len()]
                == [shape.input_len(), shape.weight_len(), shape.output_len()];
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
    pub fn shape(&self) -> &ConvShape {
        &self.shape
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

impl<R: Ring, M: Security> fmt::Debug for ConvTriple<R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bits, shape, .. } = self;
        let [a, b] = [shape.in_channels, shape.out_channels];
        write!(
            f,
            "ConvTriple<Z_2^{bits}>({a} to {b} channels, {})",
            M::NAME
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlation::SemiHonest;

    #[test]
    fn shapes_are_checked_and_nothing_is_printed() {
        let shape = ConvShape {
            input: [4, 5],
            kernel: [3, 2],
            ..ConvShape::matmul(2, 3, 7)
        };
        let ring = RingVec::<u16>::zeros;
        let of = |shape, bits, a, b, c| {
            ConvTriple::<u16, SemiHonest>::from_raw(shape, bits, ring(a), ring(b), ring(c))
        };
        let (a, b, c) = (2 * 4 * 5 * 3, 7 * 3 * 6, 2 * 2 * 4 * 7);
        for (bits, a, b, c) in [
            (0, a, b, c),
            (17, a, b, c),
            (9, a + 1, b, c),
            (9, a, b - 1, c),
            (9, a, b, c + 1),
        ] {
            assert!(of(shape, bits, a, b, c).is_none());
        }
        let none = ConvShape { batch: 0, ..shape };
        assert!(of(none, 9, 0, b, 0).is_none());
        let t = of(shape, 9, a, b, c).unwrap();
        assert_eq!((t.bits(), *t.shape()), (9, shape));
        assert_eq!(
            format!("{t:?}"),
            "ConvTriple<Z_2^9>(3 to 7 channels, semi-honest)"
        );
        assert_eq!(t.into_parts().map(|v| v.len()), [a, b, c]);
    }
}
