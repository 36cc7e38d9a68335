//! Rows of any magnitude, brought to a common one: see the page of the parent, 'wide rows'.
//!
//! Magnitudes, with `|D| = sqrt(sum D_i^2) < 2^(s/2)` for s from the formats. `c_i = D_i / 2^t`, `t >= (s - 59) / 2`, so that
//! `V = sum c_i^2` is at most `2^59` and what the roundings of c add, a part in 2^18: below `2^60`. With j the highest
//! bit of V, `E_i = D_i M / 2^t` for `M = 2^((59 - j) / 2)`, to four bits behind the point and rounded down, and at most `2^most`:
//! then `V M^2 < 2^60`. The roundings of c and of E together move `|E|`, at most 2^30, by less than `(M + 1) sqrt(n)`, and t
//! is at most `24 - log2(sqrt n)`: `sum E_i^2 < 2^61`. Where M is less than `2^most`, it is not below `2^59` by more than 1 in
//! 16. Where M is `2^t`, E is D: the multiple of a power of two is exact after a rescaling in every mode.

use super::{LayerNorm, ROOM, Rescale, Sizes, power_of_two, rescale, times};
use crate::Error;
use crate::engine::{Spec, Truncation, Weighed};
use crate::function::root::Root;
use crate::layer::{Layers, only};
use crate::model::{Format, Shape};

/// Bits of the largest sum of squares, before roundings.
const TOP: u32 = 59;
/// Fraction bits of M.
const FINE: u32 = 4;

/// Rows that are brought to a common magnitude.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scaled {
    /// Bits dropped of every row.
    shift: u32,
    /// `n^3 eps`, in units of the sum of D^2.
    eps: f64,
    /// M for each highest bit of V, lowest first, and before them that of rows that have none of these bits.
    factors: Vec<i64>,
    /// `n^3 eps` in units of the sum of E^2, for each of these.
    scaled_eps: Vec<i64>,
    /// Format of E.
    scaled: Format,
    /// Format of the sum of E^2 and eps.
    squares: Format,
    /// Its reciprocal square root.
    factor: Root,
    /// Format of `E / sqrt(sum E^2)`.
    unit: Format,
    /// `sqrt(n)`, and its fraction bits.
    root: (i64, u32),
}

impl Scaled {
    pub(super) fn new(sizes: &Sizes, eps: f64) -> Result<Self, Error> {
        let Sizes {
            from, to, n, peak, ..
        } = *sizes;
        let width = from.width();
        let n = n as f64;
        // The sum of D^2 is n times W, which is at most n^2 4^bound.
        let reach = n * n * n * power_of_two(2 * from.bound());
        let eps = (eps * n * n * n * power_of_two(2 * from.frac()) + 0.5).floor();
        let eps = eps.max(1.0);
        // The least t at which a number below 2^bits leaves 2^left.
        let shift =
            |number: f64, left: u32| (0..64u32).find(|t| number <= power_of_two(2 * t + left));
        let refused = Error::Unsupported {
            what: "a layer norm of rows that are too long for their bound and epsilon",
        };
        let (Some(shift), true) = (
            shift(reach, TOP)
                .zip(shift(eps, TOP))
                .map(|(a, b)| a.max(b)),
            eps.is_finite(),
        ) else {
            return Err(refused);
        };
        // A number in units of E, given twice the logarithm of M.
        let factor = |twice: u32| match (power_of_two(twice / 2 + FINE), twice % 2) {
            (m, 0) => m,
            (m, _) => (m * 2f64.sqrt()).floor(),
        };
        let at = |m: f64| eps * m * m / power_of_two(2 * (shift + FINE));
        let most = (0..=shift)
            .rev()
            .find(|e| at(factor(2 * e)) <= power_of_two(TOP + 1));
        let most = most.unwrap_or(0);
        let factors: Vec<f64> = (0..=2 * most).rev().map(factor).collect();
        let scaled_eps: Vec<i64> = factors.iter().map(|m| (at(*m) + 0.5) as i64).collect();
        let least = scaled_eps.first().copied().unwrap_or(1).clamp(1, 1 << 57);
        let squares = Format::new(width, 2 * from.frac(), ROOM)?;
        let factor = Root::new(squares, least, sizes.precision())?;
        let frac = from.frac() + factor.to().frac();
        let guard = if to.frac() + peak + sizes.gamma > 26 {
            2
        } else {
            3
        };
        let spare = to.frac() + peak + sizes.gamma + guard;
        if shift + peak > 24 || spare > frac || frac >= ROOM {
            return Err(refused);
        }
        let root_frac = to.frac() + sizes.gamma + 2;
        let root = (n.sqrt() * power_of_two(root_frac) + 0.5) as i64;
        Ok(Self {
            shift,
            eps,
            factors: factors.iter().map(|m| *m as i64).collect(),
            scaled_eps,
            scaled: from.with_bound(31)?,
            squares,
            factor,
            unit: Format::new(width, spare, spare + 1)?,
            root: (root, root_frac),
        })
    }

    pub(super) fn eps(&self) -> f64 {
        self.eps
    }

    /// All but the last rounding, in ULP.
    pub(super) fn error(&self, sizes: &Sizes, affine: bool) -> f64 {
        let root = (sizes.n as f64).sqrt();
        let part = |bits: u32| 1.0 / power_of_two(bits);
        let norm = power_of_two(29) * 2f64.sqrt() * (1.0 - 1.0 / 16.0);
        let rounded = match self.shift {
            0 => 0.0,
            _ => root * (1.0 + (1.0 + root) / 4.0) / norm,
        };
        let public = power_of_two(sizes.gamma) + if affine { 1.0 } else { 0.0 };
        sizes.units() * (self.factor.error() + part(self.unit.frac()))
            + power_of_two(sizes.to.frac())
                * (public * part(self.root.1 + 1) + power_of_two(sizes.gamma) * rounded)
    }

    pub(super) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        layer: &LayerNorm,
        centred: &E::Arith,
        affine: Option<(&E::Arith, &E::Arith)>,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let Sizes { to, n, .. } = layer.sizes;
        let (rows, eps) = self.bring(engine, centred, n, mode)?;
        let sum = Rescale {
            shift: 0,
            mode: Truncation::Exact,
            to: self.squares.with_bound(ROOM - 1)?,
        };
        let squares = only(engine.row_products(&[(&rows, &rows)], n, sum)?)?;
        let squares = engine.add(&squares, &eps)?;
        let squares = engine.declare(squares, self.squares)?;
        let factor = self.factor.run(engine, &squares)?;
        let unit = times(engine, &rows, &factor, n, self.unit, mode)?;
        let (root, root_frac) = self.root;
        match affine {
            None => {
                let y = engine.mul_public(&unit, &[root], root_frac)?;
                engine.rescale_one(&y, rescale(self.unit.frac() + root_frac, to, mode)?)
            }
            Some((gamma, beta)) => {
                let gamma = engine.mul_public(gamma, &[root], root_frac)?;
                let (frac, bound) = {
                    let f = engine.spec(&gamma).format;
                    (f.frac(), f.bound())
                };
                let gamma = match frac.saturating_sub(root_frac) {
                    0 => gamma,
                    shift => {
                        let bound = bound - shift.min(bound - 1) + 1;
                        let to = Format::new(to.width(), root_frac, bound)?;
                        engine.rescale_one(&gamma, rescale(frac, to, Truncation::Nearest)?)?
                    }
                };
                layer.transform(engine, &unit, &gamma, beta, mode)
            }
        }
    }

    /// E, and eps in its units for each row.
    fn bring<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        centred: &E::Arith,
        n: usize,
        mode: Truncation,
    ) -> Result<(E::Arith, E::Arith), Error> {
        let to = self.scaled;
        let shape = Shape::new(&[engine.spec(centred).len() / n, 1])?;
        let power = Format::new(to.width(), 0, self.shift + FINE + 1)?;
        let eps_format = self.squares.with_bound(TOP + 2)?;
        let (Some((small, factors)), Some((small_eps, eps))) =
            (self.factors.split_first(), self.scaled_eps.split_first())
        else {
            return Err(Error::Unsupported {
                what: "a layer norm of rows of no magnitude",
            });
        };
        let constant = |engine: &mut E, format: Format, value: i64| {
            let shape = shape.clone();
            let spec = Spec { shape, format };
            engine.constant(&spec, &vec![value; spec.len()])
        };
        let small_eps_row = constant(engine, eps_format, *small_eps)?;
        if self.shift == 0 {
            let len = engine.spec(centred).len();
            let rows = engine.gather(centred, len, &[0], &Shape::new(&[1, len])?)?;
            return Ok((engine.declare(rows, to)?, small_eps_row));
        }
        // The bits that are dropped become fraction bits first, so that a number keeps its unit.
        let fine = engine.mul_public(centred, &[1], self.shift)?;
        let coarse = engine.rescale_one(&fine, rescale(to.frac() + self.shift, to, mode)?)?;
        if factors.is_empty() {
            return Ok((coarse, small_eps_row));
        }
        let sum = Rescale {
            shift: 0,
            mode: Truncation::Exact,
            to: self.squares.with_bound(TOP + 1)?,
        };
        let squares = only(engine.row_products(&[(&coarse, &coarse)], n, sum)?)?;
        let first = TOP + 1 - factors.len() as u32;
        let bits = only(engine.bits(&[&squares], first..TOP + 1)?)?;
        let highest = engine.most_significant_one(&bits)?;
        let highest: Vec<&E::Bits> = highest.iter().collect();
        let less = |of: &[i64], small: i64| of.iter().map(|v| v - small).collect::<Vec<_>>();
        let (factors, eps) = (less(factors, *small), less(eps, *small_eps));
        let sums = [
            Weighed {
                factors: &factors,
                format: power,
            },
            Weighed {
                factors: &eps,
                format: eps_format,
            },
        ];
        let found = only(engine.weigh(&[(&highest, &shape)], &sums)?)?;
        let [factor, eps] = found.as_slice() else {
            return Err(Error::Length {
                what: "weighed bits",
                got: found.len(),
                want: 2,
            });
        };
        let small = constant(engine, power, *small)?;
        let factor = engine.add(&small, factor)?;
        let eps = engine.add(&small_eps_row, eps)?;
        let eps = engine.declare(eps, eps_format)?;
        let finer = engine.mul_public(centred, &[1], self.shift + FINE)?;
        Ok((times(engine, &finer, &factor, n, to, mode)?, eps))
    }
}
