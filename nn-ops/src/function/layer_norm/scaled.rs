//! Rows of any magnitude, brought to a common one: see the page of the parent, 'wide rows'.
//!
//! *Magnitudes.* t is the least for which `sum D_i^2 + n^3 eps <= 4^t 2^60`, or 1 in 1024 more, whatever the row.
//! `c_i = D_i / 2^t`, rounded, and `V = sum c_i^2 + n^3 eps / 4^t`, to which the roundings of c add a part in 2^21:
//! below `2^61`. With j the highest bit of V, `M = 2^((60 - j) / 2)`, to one bit behind the point, at most `2^t`, and
//! `E_i = D_i M / 2^t`, rounded: `V M^2 < 1.13 2^61`. The roundings of c and of E together move `|E|` by less than
//! `(M + 1) sqrt(n)`, and t is at most `24 - log2(sqrt n)`: so `nu^2 = sum E_i^2 + n^3 eps M^2 / 4^t < 2^62`. Where M
//! is less than `2^t`, nu is not below `2^30` by more than 1 in 20. Where M is `2^t`, E is D: a multiple of a power
//! of two is exact after a rescaling in every mode.
//!
//! *Error* of `y_i = e_i / nu`, with `e_i = E_i + d_i` before it is rounded, `|d_i| < 1`: to first order it is `d_i
//! (1 - y_i^2) - y_i sum d_j y_j` over nu, j not i. With `y_i = cos a` this is at most `sin^2 a + sqrt(n - 1) sin a
//! cos a`, so `(1 + sqrt n) / 2` over nu: what the roundings of a whole row do to its norm if they conspire. (Random
//! ones do not: they add up to a part in sqrt(n) of it.) Where a result may not be off by so much, the norm is
//! corrected.
//!
//! *Corrected norm.* `sum e_i^2 = 2 sum E_i e_i - sum E_i^2 + sum d_i^2`, of which the last sum is at most n, and the
//! first is `M sum E_i D_i / 2^t`, with the exact D. Since `D_i = 2^t c_i + r_i`, with r_i found without a message,
//! it is `M (Y + Z / 2^t)`, `Y = sum E_i c_i` and `Z = sum E_i r_i`, both of which have room. So the norm is that of
//! e but for `n + 2 M` in `2^59`, by two more sums of products and a rescaling for each row, nothing for each element
//! but what an engine masks of c and r, and what is left of the first order is `d_i` over nu. Rows of `M = 2^t`,
//! which may be as small as one, must have `sum E_i^2` itself: `nu^2 = M' (Y + Z / 2^t) + b sum E_i^2`, where M' and
//! b are weighed bits, 0 and 1 for these and `2 M` and -1 for others.

use super::{LayerNorm, ROOM, Rescale, Sizes, power_of_two, rescale, times};
use crate::Error;
use crate::engine::{Dot, Spec, Truncation, Weighed};
use crate::function::offset;
use crate::function::root::{PRECISION, Root};
use crate::layer::{Layers, only};
use crate::model::{Format, Shape};

/// Bits of the largest sum of squares, before roundings.
const TOP: u32 = 60;
/// Fraction bits of M.
const FINE: u32 = 1;
/// Most of the logarithm of `2^t sqrt(n)`.
const SPREAD: u32 = 24;
/// Most fraction bits of sqrt(n).
const ROOT_FRAC: u32 = 30;
/// Most bits that are kept, of both factors of a product, behind those that are wanted.
const GUARD: u32 = 6;
/// Units that a result may be off by before norms are corrected.
const ERROR: f64 = 2.0;

/// Rows that are brought to a common magnitude.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scaled {
    /// Bits dropped of every row.
    shift: u32,
    /// `n^3 eps`, in units of the sum of D^2.
    eps: f64,
    /// The highest bit of V of the smallest rows, or what is taken for it.
    first: u32,
    /// Of the smallest rows, then of those with each higher bit.
    kinds: Vec<Kind>,
    corrected: bool,
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
    /// Fraction bits of gamma times this.
    gamma_frac: u32,
}

/// A number that each magnitude has, and its format.
type Quantity = (fn(&Kind) -> i64, Format);

/// What belongs to a magnitude.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Kind {
    /// M, with its fraction bits.
    factor: i64,
    /// `n^3 eps` in units of the sum of E^2.
    eps: i64,
    /// Whether E is D.
    whole: bool,
}

impl Kind {
    /// `2 M`, or 0 where E is D.
    fn twice(&self) -> i64 {
        if self.whole { 0 } else { self.factor }
    }
    fn sign(&self) -> i64 {
        if self.whole { 1 } else { -1 }
    }
}

impl Scaled {
    pub(super) fn new(sizes: &Sizes, eps: f64) -> Result<Self, Error> {
        let Sizes { from, n, peak, .. } = *sizes;
        let refused = || Error::Unsupported {
            what: "a layer norm of rows that are too long for their bound, epsilon and precision",
        };
        let width = from.width();
        let n = n as f64;
        // The sum of D^2 is n times W, which is at most n^2 4^bound.
        let eps = (eps * n * n * n * power_of_two(2 * from.frac()) + 0.5).floor();
        let eps = eps.max(1.0);
        let reach = n * n * n * power_of_two(2 * from.bound()) + eps;
        let most = SPREAD.checked_sub(peak).ok_or_else(refused)?;
        let room = |t: u32| power_of_two(2 * t + TOP) * (1.0 + 1.0 / 1024.0);
        let shift = (0..=most).find(|t| reach <= room(*t));
        let shift = shift.ok_or_else(refused)?;
        // Less than 2^61.
        let coarse = (eps / power_of_two(2 * shift)) as i64;
        let first = (TOP - 2 * shift).max(coarse.max(1).ilog2());
        let kind = |j: u32| {
            let twice = TOP - j;
            let half = if twice % 2 == 1 { 2f64.sqrt() } else { 1.0 };
            let m = (half * power_of_two(twice / 2 + FINE) + 0.5).floor();
            Kind {
                factor: m as i64,
                eps: (eps * m * m / power_of_two(2 * (shift + FINE)) + 0.5) as i64,
                whole: twice == 2 * shift,
            }
        };
        let kinds: Vec<Kind> = (first..=TOP).map(kind).collect();
        let least = kinds.iter().map(|k| k.eps).min().unwrap_or(1);
        let squares = Format::new(width, 2 * from.frac(), ROOM)?;
        let (unit, root_frac, gamma_frac) = Self::fracs(sizes).ok_or_else(refused)?;
        let precision = sizes.precision().min(PRECISION);
        // As many as a rescaling by 32 bits drops, which is cheap.
        let more = unit.saturating_sub(precision).min(2);
        let factor = Root::with(squares, least.clamp(1, 1 << 57), precision, more)?;
        let frac = from.frac() + factor.to().frac();
        if unit > frac || frac >= ROOM {
            return Err(refused());
        }
        let root = (n.sqrt() * power_of_two(root_frac) + 0.5) as i64;
        let mut scaled = Self {
            shift,
            eps,
            first,
            kinds,
            corrected: false,
            scaled: from.with_bound(31)?,
            squares,
            factor,
            unit: Format::new(width, unit, unit + 1)?,
            root: (root, root_frac),
            gamma_frac,
        };
        let can = shift > 0 && first < TOP && 2 * from.frac() + shift <= ROOM;
        scaled.corrected = can && 1.0 + scaled.error(sizes) > ERROR;
        Ok(scaled)
    }

    /// Fraction bits of `E / sqrt(sum E^2)`, of sqrt(n), and of gamma times this.
    fn fracs(sizes: &Sizes) -> Option<(u32, u32, u32)> {
        let f = sizes.to.frac();
        let unit = f + sizes.peak + sizes.gamma;
        let Some([gamma, beta]) = sizes.affine else {
            let unit = unit + GUARD / 2;
            // As many as a rescaling by 32 bits drops, but enough.
            let wanted = (32 + f).saturating_sub(unit).max(f + GUARD / 2);
            let root = ROOM.checked_sub(unit + 1 + sizes.peak)?.min(wanted);
            return (root > f).then_some((unit, root, 0));
        };
        let root = ROOM.checked_sub(gamma.bound() + sizes.peak)?.min(ROOT_FRAC);
        let whole = |x: Format| x.bound().saturating_sub(x.frac());
        let above = whole(sizes.last).max(whole(beta));
        let guard = ROOM.checked_sub(above + unit + f)?.min(GUARD);
        let wanted = f + guard / 2;
        let enough = root > f + sizes.gamma;
        enough.then_some((
            unit + guard - guard / 2,
            root,
            wanted.min(gamma.frac() + root),
        ))
    }

    pub(super) fn eps(&self) -> f64 {
        self.eps
    }

    pub(super) fn is_corrected(&self) -> bool {
        self.corrected
    }

    /// `n^3 eps / 4^t`, rounded down: less than `2^61`.
    fn coarse_eps(&self) -> i64 {
        (self.eps / power_of_two(2 * self.shift)) as i64
    }

    /// All but the last rounding, in ULP.
    pub(super) fn error(&self, sizes: &Sizes) -> f64 {
        let n = sizes.n as f64;
        let part = |bits: u32| 1.0 / power_of_two(bits);
        // M is rounded, and so are c.
        let norm = power_of_two(30) * (1.0 - 1.0 / 32.0 - part(30 - SPREAD));
        let rounded = match (self.shift, self.corrected) {
            (0, _) => 0.0,
            (_, true) => 1.0,
            (_, false) => (1.0 + n.sqrt()) / 2.0,
        };
        let second = (n + power_of_two(self.shift + 1)) / norm;
        let relative = self.factor.error() + part(self.unit.frac()) + (rounded + second) / norm;
        let public = power_of_two(sizes.gamma) * part(self.root.1 + 1);
        let factor = match sizes.affine {
            Some([gamma, _]) if gamma.frac() + self.root.1 > self.gamma_frac => {
                part(self.gamma_frac + 1)
            }
            _ => 0.0,
        };
        sizes.units() * relative + power_of_two(sizes.to.frac()) * (public + factor)
    }

    pub(super) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        layer: &LayerNorm,
        centred: &E::Arith,
        affine: Option<(&E::Arith, &E::Arith)>,
        mode: Truncation,
    ) -> Result<E::Arith, Error> {
        let Sizes { n, last, .. } = layer.sizes;
        let (rows, squares) = self.bring(engine, centred, n, mode)?;
        let factor = self.factor.run(engine, &squares)?;
        let unit = times(engine, &rows, &factor, n, self.unit, mode)?;
        let (root, root_frac) = self.root;
        let Some((gamma, beta)) = affine else {
            let y = engine.mul_public(&unit, &[root], root_frac)?;
            return engine.rescale_one(&y, rescale(self.unit.frac() + root_frac, last, mode)?);
        };
        let gamma = engine.mul_public(gamma, &[root], root_frac)?;
        let format = engine.spec(&gamma).format;
        let gamma = match format.frac() - self.gamma_frac {
            0 => gamma,
            shift => {
                let bound = format.bound().saturating_sub(shift).max(1) + 1;
                let to = Format::new(last.width(), self.gamma_frac, bound)?;
                engine.rescale_one(&gamma, rescale(format.frac(), to, Truncation::Nearest)?)?
            }
        };
        layer.transform(engine, &unit, &gamma, beta, mode)
    }

    /// E, and for each row the sum of squares with eps in its units.
    fn bring<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        centred: &E::Arith,
        n: usize,
        mode: Truncation,
    ) -> Result<(E::Arith, E::Arith), Error> {
        let (to, t) = (self.scaled, self.shift);
        let count = engine.spec(centred).len() / n;
        let exact = |to: Format| Rescale {
            shift: 0,
            mode: Truncation::Exact,
            to,
        };
        // The bits that are dropped become fraction bits first, so that a number keeps its unit.
        let coarse = match t {
            0 => {
                let len = engine.spec(centred).len();
                let rows = engine.gather(centred, len, &[0], &Shape::new(&[1, len])?)?;
                engine.declare(rows, to)?
            }
            _ => {
                let fine = engine.mul_public(centred, &[1], t)?;
                engine.rescale_one(&fine, rescale(to.frac() + t, to, mode)?)?
            }
        };
        // Of V, the bits by which rows differ.
        let mut highest = Vec::new();
        if self.first < TOP {
            let below = exact(self.squares.with_bound(TOP + 1)?);
            let v = only(engine.row_products(&[(&coarse, &coarse)], n, below)?)?;
            let v = offset(engine, &v, self.coarse_eps())?;
            let v = engine.declare(v, below.to)?;
            let bits = only(engine.bits(&[&v], self.first + 1..TOP + 1)?)?;
            highest = engine.most_significant_one(&bits)?;
        }
        let power = Format::new(to.width(), 0, t + FINE + 1)?;
        let mut sums: Vec<Quantity> = vec![(|k| k.eps, self.squares)];
        if !highest.is_empty() {
            sums.push((|k| k.factor, power));
        }
        if self.corrected {
            sums.push((Kind::twice, power));
            sums.push((Kind::sign, Format::new(to.width(), 0, 2)?));
        }
        let mut found = self.weighed(engine, count, &highest, &sums)?.into_iter();
        let missing = || Error::Length {
            what: "weighed bits",
            got: 0,
            want: sums.len(),
        };
        let eps = found.next().ok_or_else(missing)?;
        let rows = match found.next() {
            None => coarse,
            Some(factor) => {
                let finer = engine.mul_public(centred, &[1], t + FINE)?;
                let rows = times(engine, &finer, &factor, n, to, mode)?;
                if let (Some(twice), Some(sign)) = (found.next(), found.next()) {
                    let parts = self.parts(engine, &rows, centred, &coarse, n)?;
                    let [q, y, z] = parts.as_slice() else {
                        return Err(missing());
                    };
                    let z = engine.mul_public(z, &[1], t)?;
                    let z =
                        engine.rescale_one(&z, rescale(2 * to.frac() + t, self.squares, mode)?)?;
                    let sum = Dot {
                        products: vec![(&twice, y), (&twice, &z), (&sign, q)],
                        plus: Some(&eps),
                    };
                    let squares = only(engine.dot(&[sum], exact(self.squares))?)?;
                    return Ok((rows, squares));
                }
                rows
            }
        };
        let squares = only(engine.row_products(&[(&rows, &rows)], n, exact(self.squares))?)?;
        let squares = engine.add(&squares, &eps)?;
        let squares = engine.declare(squares, self.squares)?;
        Ok((rows, squares))
    }

    /// The sums of `E_i^2`, `E_i c_i` and `E_i r_i`.
    fn parts<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        rows: &E::Arith,
        centred: &E::Arith,
        coarse: &E::Arith,
        n: usize,
    ) -> Result<Vec<E::Arith>, Error> {
        let multiple = engine.mul_public(coarse, &[1 << self.shift], 0)?;
        let rest = engine.sub(centred, &multiple)?;
        let rest = engine.declare(rest, self.scaled.with_bound(self.shift + 1)?)?;
        let sum = Rescale {
            shift: 0,
            mode: Truncation::Exact,
            to: self.squares,
        };
        engine.row_products(&[(rows, rows), (rows, coarse), (rows, &rest)], n, sum)
    }

    /// For each row what its kind has, given the highest bit of V, which is none for the smallest.
    fn weighed<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        count: usize,
        highest: &[E::Bits],
        sums: &[Quantity],
    ) -> Result<Vec<E::Arith>, Error> {
        let shape = Shape::new(&[count, 1])?;
        let Some((small, others)) = self.kinds.split_first() else {
            return Err(Error::Unsupported {
                what: "a layer norm of rows of no magnitude",
            });
        };
        let less = |of: &fn(&Kind) -> i64| -> Vec<i64> {
            others.iter().map(|k| of(k) - of(small)).collect()
        };
        let factors: Vec<Vec<i64>> = sums.iter().map(|(of, _)| less(of)).collect();
        let mut out = Vec::with_capacity(sums.len());
        for (of, format) in sums {
            let (shape, format) = (shape.clone(), *format);
            out.push(engine.constant(&Spec { shape, format }, &vec![of(small); count])?);
        }
        if highest.is_empty() {
            return Ok(out);
        }
        let weighed: Vec<Weighed<'_>> = factors
            .iter()
            .zip(sums)
            .map(|(factors, (_, format))| Weighed {
                factors,
                format: *format,
            })
            .collect();
        let highest: Vec<&E::Bits> = highest.iter().collect();
        let found = only(engine.weigh(&[(&highest, &shape)], &weighed)?)?;
        let each = out.iter().zip(&found).zip(sums);
        each.map(|((small, found), (_, format))| {
            let sum = engine.add(small, found)?;
            engine.declare(sum, *format)
        })
        .collect()
    }
}
