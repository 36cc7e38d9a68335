//! Powers of two by bits and a polynomial, for every engine and every rounding; the error is in [`exp`](super).

use super::{Exp, floor_exponent, units_bound};
use crate::Error;
use crate::engine::{Dot, Power, Rescale, Truncation, Weighed};
use crate::function::minimax::{Weight, minimax};
use crate::function::{everywhere, real};
use crate::layer::{Layers, only};
use crate::model::Format;

/// Fraction bits of the power of two beyond those of the result, by polynomial.
pub(super) const GUARD: u32 = 3;

/// The way by bits and a polynomial.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Polynomial {
    /// Added to the whole part so that it is not negative.
    bias: u32,
    /// Whole bits of the exponent.
    pub(super) whole: u32,
    /// Places of its unit vector that may be set.
    pub(super) places: usize,
    /// Of 2^x on the unit interval, ascending.
    pub(super) coefficients: Vec<f64>,
}

impl Polynomial {
    pub(super) fn new(power: &Power, precision: u32, ends: [i64; 2]) -> Self {
        let [least, most] = ends.map(|x| floor_exponent(x, power.factor, power.frac));
        let bias = (-least).max(0);
        // A truncation that rounds up may reach the next whole number.
        let places = most + bias + 2;
        let error = real::pow2(-(precision as i32) - 5);
        let by_degree = |d| minimax(real::exp2, 0.0, 1.0, d, Weight::Relative);
        let tried = (3..=9).step_by(2).map(by_degree);
        let found = tried.reduce(|a, b| if a.error <= error { a } else { b });
        Self {
            bias: bias as u32,
            whole: u64::BITS - (places as u64).saturating_sub(1).leading_zeros(),
            places: places as usize,
            coefficients: found.map(|f| f.coefficients).unwrap_or_default(),
        }
    }
}

impl Exp {
    /// The generic way.
    pub(super) fn by_polynomial<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let (p, power) = (&self.polynomial, &self.power);
        let q = self.precision + 6;
        let z64 = |frac, bound| Format::new(64, frac, bound);
        let shape = engine.spec(x).shape.clone();
        // The exponent, from zero on.
        let wide = z64(power.frac, power.frac + p.whole)?;
        let y = engine.combine(&[(x, power.factor)], i64::from(p.bias) << power.frac, wide)?;
        let y = if power.frac > q {
            let r = Rescale {
                shift: power.frac - q,
                mode,
                to: z64(q, q + p.whole)?,
            };
            engine.rescale_one(&y, r)?
        } else {
            let more = q - power.frac;
            let y = engine.mul_public(&y, &[1 << more], more)?;
            engine.declare(y, z64(q, q + p.whole)?)?
        };
        // Its whole part, as a number and as a power of two.
        let bits = only(engine.bits(&[&y], q..q + p.whole)?)?;
        let places = engine.one_hot(&bits)?;
        let places: Vec<&E::Bits> = places.iter().take(p.places).collect();
        let at = self.to.frac() + GUARD;
        // No result reaches the bound, so neither does the power in it.
        let bound = units_bound(self.to, self.precision) + GUARD;
        let wholes: Vec<i64> = (0..places.len() as i64).map(|i| i << q).collect();
        let powers: Vec<i64> = (0..places.len() as u32)
            .map(|i| match (i + at).checked_sub(p.bias) {
                Some(e) => 1 << e.min(bound - 1),
                None => 0,
            })
            .collect();
        let sums = [
            Weighed {
                factors: &wholes,
                format: z64(q, q + p.whole)?,
            },
            Weighed {
                factors: &powers,
                format: z64(at, bound)?,
            },
        ];
        let mut parts = only(engine.weigh(&[(&places, &shape)], &sums)?)?.into_iter();
        let (Some(whole), Some(scale)) = (parts.next(), parts.next()) else {
            return Err(Error::Length {
                what: "weighed bits",
                got: 0,
                want: 2,
            });
        };
        let fraction = engine.sub(&y, &whole)?;
        let fraction = engine.declare(fraction, z64(q, q)?)?;
        let significand = self.significand(engine, &fraction, q, mode)?;
        let r = Rescale {
            shift: q - 1 + GUARD,
            mode,
            to: self.to,
        };
        only(engine.mul(&[(&significand, &scale)], r)?)
    }

    /// `2^x` for `0 <= x < 1` of q fraction bits, with q - 1 fraction bits.
    fn significand<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        x: &E::Arith,
        q: u32,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let to = Format::new(64, q, q + 1)?;
        let by_q = Rescale { shift: q, mode, to };
        let raw = |c: f64, bits: u32| (c * real::pow2(bits as i32) + 0.5).floor() as i64;
        // `even + odd x`, with 2 q fraction bits.
        let line = |engine: &mut E, even: f64, odd: f64| {
            let (even, odd) = (raw(even, 2 * q), raw(odd, q));
            // Below 2^(2 q + 1), as the power is.
            engine.combine(&[(x, odd)], even, Format::new(64, 2 * q, 2 * q + 2)?)
        };
        let square = only(engine.mul(&[(x, x)], by_q)?)?;
        let mut pairs = self.polynomial.coefficients.chunks_exact(2).rev();
        let mut sum = match pairs.next() {
            Some([even, odd]) => {
                let top = line(engine, *even, *odd)?;
                engine.rescale_one(&top, by_q)?
            }
            _ => everywhere(engine, x, 0, q)?,
        };
        let left = pairs.len();
        for (i, pair) in pairs.enumerate() {
            let [even, odd] = pair else { continue };
            let plus = line(engine, *even, *odd)?;
            let r = match i + 1 == left {
                true => Rescale {
                    shift: q + 1,
                    mode,
                    to: Format::new(64, q - 1, q + 1)?,
                },
                false => by_q,
            };
            let products = vec![(&square, &sum)];
            let dot = Dot {
                products,
                plus: Some(&plus),
            };
            sum = only(engine.dot(&[dot], r)?)?;
        }
        Ok(sum)
    }
}
