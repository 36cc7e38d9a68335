//! Functions of one value that are smooth in the middle and straight outside: sigmoid, tanh, GeLU, SiLU, and
//! others' own.
//!
//! *With a symmetry.* Beyond a small g that vanishes at infinity, the usual activations are made of a comparison
//! (for GeLU so do Gupta et al., SIGMA, eprint 2023/1269, with a table of g where this is a polynomial):
//!
//! | function | is | with |
//! |---|---|---|
//! | GeLU, SiLU | `relu(x) - g(abs x)` | `g(a) = a Phi(-a)`, `a sigmoid(-a)` |
//! | sigmoid | `1 - g(abs x)` for `x >= 0`, else `g(abs x)` | `g(a) = sigmoid(-a)` |
//! | tanh | `1 - g(abs x)` for `x >= 0`, else `g(abs x) - 1` | `g(a) = 1 - tanh(a)` |
//!
//! A cut X is chosen where g is below a unit of the last place or so. Of `abs x = 2 relu(x) - x` is made
//! `z = relu(X - abs x)`, which lies in `[0, X]` for every x, and `g(X - z)` is *one* [`Polynomial`] in z: its
//! products are shared by the whole range, and multiples of public coefficients cost nothing. Coefficients that are
//! looked up piece by piece would allow a lower degree, but a unit vector of n bits and d + 1 sums over it cost
//! `8 n + 16 (d + 1)` bytes in `rep3`, more than the products that they save.
//!
//! *Without one* ([`Piecewise::new`]): `x' = low + relu(x - low) - relu(x - high)` lies in `[low, high]`, and the
//! result is a polynomial in x' and, outside, a public multiple of what was cut off.
//!
//! *Domain*: every x of the declared format. A format that does not hold every result, its error included, is
//! refused: that of a GeLU or SiLU may be a unit above the largest x, so its bound has to be a bit wider than the
//! argument's, unless g is still some units there.
//!
//! *Error*, in units of the last place of the result (ULP): at most 0.97 for the polynomial, or what is left of g
//! beyond X, with what is rounded inside, and at most 1 for the result's own rounding, which is exact, nearest or
//! stochastic; together less than 2 ([`Piecewise::error`]). Nothing else is rounded: where the argument has more
//! fraction bits than the result, everything is computed with its, and the sum is rounded once more, so the first
//! errors count half or less.
//!
//! *Cost* for each element: two rectifications, the second after the first, of arguments below 2^b and 2^(b+1); then
//! the polynomial ([`Polynomial`] has its cost); then for sigmoid and tanh one selection, and where the result has
//! fewer fraction bits than the argument one rescaling. With the carries and swaps of the engines' pages, k = 64, L
//! levels:
//!
//! | | bits, beside the polynomial's | rounds |
//! |---|---|---|
//! | `rep3` | 2 + carry(b) + carry(b + 1) + 8 k; sigmoid, tanh: + 4 k | swaps(b) + swaps(b + 1) + 2 + 2 L (+ 1) |
//! | `semi2k`, from each to each | 2 + opened(b) + opened(b + 1) + 2 k; sigmoid, tanh: + 2 k + 1 | of these steps |
//!
//! For b = 20, f = 16 that is 375 bytes for sigmoid and tanh, 283 for GeLU, 451 for SiLU in `rep3`.

use super::polynomial::Polynomial;
use super::real::{phi, pow2, sigmoid, tanh};
use super::{offset, walked};
use crate::Error;
use crate::engine::{Rescale, Truncation};
use crate::layer::Layers;
use crate::model::Format;

/// Most error before the result is rounded, in units of the last place.
const TOLERANCE: f64 = 0.97;

/// How a function goes on outside its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tail {
    /// With its value at the end.
    Constant,
    /// With its value at the end plus so many times the distance from there.
    Slope(i8),
}

impl Tail {
    fn slope(self) -> i64 {
        match self {
            Self::Constant => 0,
            Self::Slope(s) => s.into(),
        }
    }
}

/// What a result is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `relu(x) - g`
    Ramp,
    /// `1 - g` or `least + g`
    Step { least: i64 },
    /// The polynomial of x between `low` and `high`, and what is outside by these slopes.
    Clamped { slopes: [i64; 2] },
}

/// A function of one value, made for the formats of its argument and of its result.
#[derive(Debug, Clone, PartialEq)]
pub struct Piecewise {
    from: Format,
    to: Format,
    form: Form,
    polynomial: Polynomial,
    error: f64,
}

impl Piecewise {
    /// `1 / (1 + e^-x)`
    pub fn sigmoid(from: Format, to: Format) -> Result<Self, Error> {
        Self::symmetric(|a| sigmoid(-a), Form::Step { least: 0 }, from, to)
    }
    /// The hyperbolic tangent.
    pub fn tanh(from: Format, to: Format) -> Result<Self, Error> {
        // 1 - tanh(a), without cancellation.
        let g = |a: f64| 2.0 * sigmoid(-2.0 * a);
        Self::symmetric(g, Form::Step { least: -1 }, from, to)
    }
    /// `x Phi(x)`, with the distribution function of the normal distribution: `x (1 + erf(x / sqrt 2)) / 2`.
    pub fn gelu(from: Format, to: Format) -> Result<Self, Error> {
        Self::symmetric(|a| a * phi(-a), Form::Ramp, from, to)
    }
    /// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`, which GPT-2 takes for GeLU.
    pub fn gelu_tanh(from: Format, to: Format) -> Result<Self, Error> {
        let c = (2.0 / core::f64::consts::PI).sqrt();
        let g = |a: f64| a * (1.0 - tanh(c * (a + 0.044715 * a * a * a))) / 2.0;
        Self::symmetric(g, Form::Ramp, from, to)
    }
    /// `x / (1 + e^-x)`
    pub fn silu(from: Format, to: Format) -> Result<Self, Error> {
        Self::symmetric(|a| a * sigmoid(-a), Form::Ramp, from, to)
    }

    /// A continuous function on `[low, high]`, and beyond its ends as said. It must be near to a polynomial of
    /// degree 32 or less on the range, and have the same values at all parties, to the last bit
    /// ([`real`](super::real) has such ones).
    pub fn new(
        f: impl Fn(f64) -> f64,
        [low, high]: [f64; 2],
        tails: [Tail; 2],
        from: Format,
        to: Format,
    ) -> Result<Self, Error> {
        let inside = inner(from, to)?;
        let limit = pow2(from.bound() as i32);
        let raw = |v: f64| (v * pow2(from.frac() as i32)).clamp(-limit, limit) as i64;
        let range = [raw(low), raw(high)];
        let slopes = tails.map(Tail::slope);
        let steepest = slopes.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
        if steepest > 0 {
            let more = u64::BITS - (steepest - 1).leading_zeros();
            let reach = from.bound() + more + to.frac();
            let widest = from.bound() + more + 1 + inside.frac();
            if reach > to.bound() + from.frac() || widest > 60 + from.frac() {
                return Err(unfit(to));
            }
        }
        if from.bound() > 59 {
            return Err(unfit(from));
        }
        let polynomial = Polynomial::near(f, range, TOLERANCE, from, inside)?;
        // As large as the polynomial is anywhere, and as the tails are where the format ends.
        let distance = [limit + range[0] as f64, limit - range[1] as f64];
        let peak = (0..2).fold(polynomial.most(), |peak, i| {
            let beyond = slopes[i].unsigned_abs() as f64 * distance[i].max(0.0);
            peak.max(polynomial.at(range[i]).abs() + beyond * pow2(-(from.frac() as i32)))
        });
        Self::made(Form::Clamped { slopes }, polynomial, 0.0, peak, [from, to])
    }

    /// A function by its form, and g.
    fn symmetric(
        g: impl Fn(f64) -> f64,
        form: Form,
        from: Format,
        to: Format,
    ) -> Result<Self, Error> {
        let inside = inner(from, to)?;
        // g is below 1.
        let inside = inside.with_bound(inside.bound().min(inside.frac() + 2))?;
        let widest = match form {
            Form::Ramp => from.bound() + to.frac(),
            _ => from.frac() + to.frac() + 1,
        };
        if from.bound() > 59 || widest > to.bound() + from.frac() {
            return Err(unfit(to));
        }
        let one = pow2(from.frac() as i32);
        let unit = pow2(inside.frac() as i32);
        let mut best: Option<(Polynomial, f64)> = None;
        let mut failed = None;
        // The last of these always leaves enough.
        let rest = [1.2, 0.9, 0.6, 0.4].map(|left| (left, TOLERANCE));
        for (left, tolerance) in rest.into_iter().chain([(0.25, 0.7)]) {
            // The cut: where what is left of g is so many units. Past the domain none is needed.
            let mut cut = 2.0;
            while g(cut) * unit > left && cut < 60.0 {
                cut += 0.0625;
            }
            let cut = (cut * one).min(pow2(from.bound() as i32)) as i64;
            let near = |z: f64| g(cut as f64 / one - z);
            let polynomial = match Polynomial::near(near, [0, cut], tolerance, from, inside) {
                Ok(p) => p,
                Err(e) => {
                    failed = Some(e);
                    continue;
                }
            };
            let (end, rest) = (polynomial.at(0), g(cut as f64 / one));
            let beyond = match cut >> from.bound() {
                0 => end.abs().max((end - rest).abs()) * unit,
                _ => 0.0,
            };
            let cost = |p: &Polynomial| (p.rep3_bytes(), p.levels());
            if beyond + polynomial.rounding() <= TOLERANCE
                && best
                    .as_ref()
                    .is_none_or(|(b, _)| cost(&polynomial) < cost(b))
            {
                best = Some((polynomial, beyond));
            }
        }
        match (best, failed) {
            (Some((polynomial, beyond)), _) => {
                let top = (pow2(from.bound() as i32) - 1.0) / one;
                let peak = match form {
                    Form::Ramp => top - g(top),
                    _ => 1.0,
                };
                Self::made(form, polynomial, beyond, peak, [from, to])
            }
            (None, Some(e)) => Err(e),
            (None, None) => Err(unfit(to)),
        }
    }

    /// With what of g is left beyond the cut, and the largest result; refused if that, with its error, does not fit.
    fn made(
        form: Form,
        polynomial: Polynomial,
        beyond: f64,
        peak: f64,
        [from, to]: [Format; 2],
    ) -> Result<Self, Error> {
        // Beyond the cut the same is rounded as before it.
        let inside = polynomial.error().max(beyond + polynomial.rounding()) + 1.0;
        let error = match from.frac().saturating_sub(to.frac()) {
            0 => inside,
            more => 1.0 + inside * pow2(-(more as i32)),
        };
        if peak * pow2(to.frac() as i32) + error >= pow2(to.bound() as i32) {
            return Err(unfit(to));
        }
        let made = Self {
            from,
            to,
            form,
            polynomial,
            error,
        };
        walked(from, |e, x| made.run(e, &[x], Truncation::Stochastic))?;
        Ok(made)
    }

    /// Format of the argument.
    #[must_use]
    pub fn from(&self) -> Format {
        self.from
    }
    /// Format of the result.
    #[must_use]
    pub fn to(&self) -> Format {
        self.to
    }
    /// Largest distance from the function over the whole domain, in units of the last place, in every rounding.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.error
    }
    /// The polynomial in the middle.
    #[must_use]
    pub fn polynomial(&self) -> &Polynomial {
        &self.polynomial
    }

    pub(crate) fn run<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        xs: &[&E::Arith],
        mode: Truncation,
    ) -> Result<Vec<E::Arith>, Error> {
        let other = |f: &Format| {
            f.frac() != self.from.frac() || f.bound() > self.from.bound() || f.width() != 64
        };
        if let Some(other) = xs.iter().map(|x| engine.spec(x).format).find(other) {
            return Err(Error::FormatMismatch {
                op: "piecewise",
                left: other,
                right: self.from,
            });
        }
        let out = match self.form {
            Form::Ramp => self.ramp(engine, xs, mode)?,
            Form::Step { least } => self.step(engine, xs, least, mode)?,
            Form::Clamped { slopes } => self.clamped(engine, xs, slopes, mode)?,
        };
        self.finish(engine, out, mode)
    }

    /// The result in its format.
    fn finish<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        values: Vec<E::Arith>,
        mode: Truncation,
    ) -> Result<Vec<E::Arith>, Error> {
        let more = self.from.frac().saturating_sub(self.to.frac());
        if more == 0 {
            let out = values.into_iter().map(|v| engine.declare(v, self.to));
            return out.collect();
        }
        let wide = Format::z64(self.from.frac(), (self.to.bound() + more).min(60))?;
        let values = values.into_iter().map(|v| engine.declare(v, wide));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let rescale = Rescale {
            shift: more,
            mode: match mode {
                Truncation::Local => Truncation::Stochastic,
                mode => mode,
            },
            to: self.to,
        };
        engine.rescale(&values.iter().collect::<Vec<_>>(), rescale)
    }

    /// `g(abs x)` from x and its positive part.
    fn vanishing<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        xs: &[&E::Arith],
        positive: &[E::Arith],
        mode: Truncation,
    ) -> Result<Vec<E::Arith>, Error> {
        let [_, cut] = self.polynomial.range();
        let bits = u64::BITS - cut.unsigned_abs().leading_zeros();
        let mut rest = Vec::with_capacity(xs.len());
        for (x, v) in xs.iter().zip(positive) {
            let format = engine.spec(x).format;
            let format = format.with_bound(format.bound().max(bits) + 1)?;
            // -abs x + cut
            rest.push(engine.combine(&[(v, -2), (x, 1)], cut, format)?);
        }
        let refs: Vec<_> = rest.iter().collect();
        let z = match cut >> self.from.bound() {
            0 => engine.relu(&refs)?,
            _ => rest,
        };
        let mut inside = Vec::with_capacity(z.len());
        for z in z {
            inside.push(engine.declare(z, Format::z64(self.from.frac(), bits)?)?);
        }
        self.polynomial
            .run(engine, &inside.iter().collect::<Vec<_>>(), mode)
    }

    fn ramp<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        xs: &[&E::Arith],
        mode: Truncation,
    ) -> Result<Vec<E::Arith>, Error> {
        let positive = engine.relu(xs)?;
        let g = self.vanishing(engine, xs, &positive, mode)?;
        positive
            .iter()
            .zip(&g)
            .map(|(v, g)| {
                let [v_format, g_format] = [v, g].map(|v| engine.spec(v).format);
                let more = g_format.frac() - self.from.frac();
                let bound = (v_format.bound() + more).max(g_format.bound()) + 1;
                engine.combine(&[(v, 1 << more), (g, -1)], 0, g_format.with_bound(bound)?)
            })
            .collect()
    }

    fn step<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        xs: &[&E::Arith],
        least: i64,
        mode: Truncation,
    ) -> Result<Vec<E::Arith>, Error> {
        let bits = engine.non_negative(xs)?;
        let pairs: Vec<_> = bits.iter().zip(xs.iter().copied()).collect();
        let positive = engine.select(&pairs)?;
        let g = self.vanishing(engine, xs, &positive, mode)?;
        let mut low = Vec::with_capacity(g.len());
        let mut jump = Vec::with_capacity(g.len());
        for g in &g {
            // From least + g to 1 - g.
            let one = 1i64 << engine.spec(g).format.frac();
            let format = engine.spec(g).format;
            let format = format.with_bound(format.bound().max(format.frac() + 2) + 2)?;
            jump.push(engine.combine(&[(g, -2)], (1 - least) * one, format)?);
            low.push(offset(engine, g, least * one)?);
        }
        let pairs: Vec<_> = bits.iter().zip(&jump).collect();
        let jumps = engine.select(&pairs)?;
        let sums = low.iter().zip(&jumps).map(|(a, b)| engine.add(a, b));
        sums.collect()
    }

    fn clamped<E: Layers + ?Sized>(
        &self,
        engine: &mut E,
        xs: &[&E::Arith],
        [below, above]: [i64; 2],
        mode: Truncation,
    ) -> Result<Vec<E::Arith>, Error> {
        let [low, high] = self.polynomial.range();
        let mut over = Vec::with_capacity(2 * xs.len());
        for x in xs {
            over.push(offset(engine, x, -low)?);
            over.push(offset(engine, x, -high)?);
        }
        let cut = engine.relu(&over.iter().collect::<Vec<_>>())?;
        let ends = low.unsigned_abs().max(high.unsigned_abs());
        let bits = u64::BITS - ends.max(high.abs_diff(low)).leading_zeros();
        let mut inside = Vec::with_capacity(xs.len());
        for pair in cut.chunks_exact(2) {
            let [a, b] = pair else { continue };
            let x = engine.sub(a, b)?;
            let x = engine.declare(x, Format::z64(self.from.frac(), bits)?)?;
            let x = offset(engine, &x, low)?;
            inside.push(engine.declare(x, Format::z64(self.from.frac(), bits)?)?);
        }
        let y = self
            .polynomial
            .run(engine, &inside.iter().collect::<Vec<_>>(), mode)?;
        let mut out = Vec::with_capacity(xs.len());
        for ((y, over), cut) in y
            .into_iter()
            .zip(over.chunks_exact(2))
            .zip(cut.chunks_exact(2))
        {
            let ([under, _], [a, b]) = (over, cut) else {
                continue;
            };
            let more = engine.spec(&y).format.frac() - self.from.frac();
            let mut y = y;
            if below != 0 {
                let beyond = engine.sub(under, a)?;
                let beyond = engine.mul_public(&beyond, &[below << more], more)?;
                y = engine.add(&y, &beyond)?;
            }
            if above != 0 {
                let beyond = engine.mul_public(b, &[above << more], more)?;
                y = engine.add(&y, &beyond)?;
            }
            out.push(y);
        }
        Ok(out)
    }
}

/// The format of what a polynomial gives: the finer of both.
fn inner(from: Format, to: Format) -> Result<Format, Error> {
    if from.width() != 64 || to.width() != 64 {
        return Err(unfit(from));
    }
    let frac = from.frac().max(to.frac());
    Ok(Format::z64(
        frac,
        (to.bound() + frac - to.frac()).clamp(1, 62),
    )?)
}

fn unfit(format: Format) -> Error {
    Error::Unheld { format }
}

#[cfg(test)]
mod tests;
