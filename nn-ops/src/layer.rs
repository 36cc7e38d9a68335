//! Layers, written once for all engines.
//!
//! An engine with a better protocol for a layer overrides that method of [`Layers`].

mod activation;
mod apply;
mod argmax;
mod arrange;
mod fill;
mod pool;

use crate::Error;
use crate::engine::{Engine, LinearOp, Power, Rescale, Truncation};
use crate::function::{
    self, Division, Exp, LayerNorm, Log, Moments, Piecewise, Reciprocal, Rsqrt, Softmax, Sqrt,
    Table,
};
use crate::model::{Clip, Format, MaxPool, Mean, Pad, Shape, Slope, View};

pub(crate) use apply::{Applied, is_function, needs_64_bits};
pub(crate) use arrange::{arrange, rows};
pub use pool::Window;

/// What a network is made of, besides the products of [`Engine`] itself.
pub trait Layers: Engine {
    /// `max(x, 0)` of several tensors in the same rounds.
    fn relu(&mut self, xs: &[&Self::Arith]) -> Result<Vec<Self::Arith>, Error> {
        let bits = self.non_negative(xs)?;
        let pairs: Vec<_> = bits.iter().zip(xs.iter().copied()).collect();
        self.select(&pairs)
    }

    /// Between public bounds: two comparisons in the rounds of one.
    fn clip(&mut self, x: &Self::Arith, clip: &Clip, to: Format) -> Result<Self::Arith, Error> {
        activation::clip(self, x, clip, to)
    }

    /// A ReLU whose negative side has a public slope: a comparison, a selection, a rescaling.
    fn leaky_relu(
        &mut self,
        x: &Self::Arith,
        slope: &Slope,
        to: Format,
        mode: Truncation,
    ) -> Result<Self::Arith, Error> {
        activation::leaky_relu(self, x, slope, to, mode)
    }

    /// Elementwise maximum of pairs: `b + relu(a - b)`.
    fn max(&mut self, pairs: &[(&Self::Arith, &Self::Arith)]) -> Result<Vec<Self::Arith>, Error> {
        let differences = pairs
            .iter()
            .map(|(a, b)| self.sub(a, b))
            .collect::<Result<Vec<_>, _>>()?;
        let excess = self.relu(&differences.iter().collect::<Vec<_>>())?;
        excess
            .iter()
            .zip(pairs)
            .map(|(e, (a, b))| {
                let bound = self.spec(a).format.bound().max(self.spec(b).format.bound());
                let format = self.spec(b).format.with_bound(bound)?;
                let m = self.add(b, e)?;
                self.declare(m, format)
            })
            .collect()
    }

    /// Maximum over windows, first along rows and then along columns: `k + k - 2` comparisons for a `k x k` window
    /// (and those of the first pass shared by windows that overlap), not `k k - 1`.
    fn max_pool(
        &mut self,
        x: &Self::Arith,
        pool: &MaxPool,
        out: &Shape,
    ) -> Result<Self::Arith, Error> {
        pool::max_pool(self, x, pool, out)
    }

    /// Mean over windows: a local sum, a public factor, one rescaling.
    fn avg_pool(
        &mut self,
        x: &Self::Arith,
        window: &Window,
        out: &Shape,
        mean: &Mean,
        to: Format,
        mode: Truncation,
    ) -> Result<Self::Arith, Error> {
        pool::avg_pool(self, x, window, out, mean, to, mode)
    }

    /// Rows of channels to features in the logical (channel-first) order.
    fn flatten(&mut self, x: &Self::Arith, out: &Shape) -> Result<Self::Arith, Error> {
        let [n, c, h, w] = self.spec(x).shape.as_nchw();
        let mut index = Vec::with_capacity(n * c * h * w);
        for b in 0..n {
            for k in 0..c {
                for p in 0..h * w {
                    index.push(((b * h * w + p) * c + k) as u32);
                }
            }
        }
        self.gather(x, 1, &index, out)
    }

    /// The elements in another arrangement.
    fn view(&mut self, x: &Self::Arith, view: &View, out: &Shape) -> Result<Self::Arith, Error> {
        arrange::view(self, x, view, out)
    }

    /// More rows and columns.
    fn pad(&mut self, x: &Self::Arith, pad: &Pad, out: &Shape) -> Result<Self::Arith, Error> {
        arrange::pad(self, x, pad, out)
    }

    /// The value where a public mask keeps it, a public number elsewhere.
    fn fill(
        &mut self,
        x: &Self::Arith,
        keep: &[bool],
        value: i64,
        to: Format,
    ) -> Result<Self::Arith, Error> {
        fill::fill(self, x, keep, value, to)
    }

    /// Index of the largest feature of each row, the first if several are.
    fn argmax(&mut self, x: &Self::Arith, out: &Shape) -> Result<Self::Arith, Error> {
        argmax::argmax(self, x, out)
    }

    // ---- bits ----

    /// Disjunctions of the first, the first two, ... and all of some tensors of bits.
    fn prefix_or(&mut self, bits: &[Self::Bits]) -> Result<Vec<Self::Bits>, Error> {
        function::bits::prefix_or(self, bits)
    }

    /// Of bits, lowest first: one tensor for each place, set at the highest place that is set, if any is.
    fn most_significant_one(&mut self, bits: &[Self::Bits]) -> Result<Vec<Self::Bits>, Error> {
        function::bits::most_significant_one(self, bits)
    }

    /// The unit vector, of `2^bits` tensors, of a number given by its bits, lowest first.
    fn one_hot(&mut self, bits: &[Self::Bits]) -> Result<Vec<Self::Bits>, Error> {
        function::bits::one_hot(self, bits)
    }

    /// Rows of a public table by secret index: as many tensors as the table has columns.
    fn look_up(&mut self, x: &Self::Arith, table: &Table) -> Result<Vec<Self::Arith>, Error> {
        function::table::look_up(self, x, table)
    }

    /// For each element of `x`, an index, a row with 1 in that place and 0 in the `width - 1` others, as integers.
    fn one_hot_rows(&mut self, x: &Self::Arith, width: usize) -> Result<Self::Arith, Error> {
        function::table::one_hot_rows(self, x, width)
    }

    /// Rows of a secret table by secret index: the product of [`Layers::one_hot_rows`] with weights.
    fn embed(
        &mut self,
        x: &Self::Arith,
        op: &LinearOp,
        table: &Self::Weights,
        to: Format,
    ) -> Result<Self::Arith, Error> {
        function::table::embed(self, x, op, table, to)
    }

    /// `x 2^s` for a secret integer `0 <= s <= most`: to the left, exact.
    fn shift_left(
        &mut self,
        x: &Self::Arith,
        amount: &Self::Arith,
        most: u32,
        to: Format,
    ) -> Result<Self::Arith, Error> {
        function::shift::left(self, x, amount, most, to)
    }

    /// `x / 2^s` for a secret integer `0 <= s <= most`: to the right, rounded as `mode` says.
    fn shift_right(
        &mut self,
        x: &Self::Arith,
        amount: &Self::Arith,
        most: u32,
        mode: Truncation,
    ) -> Result<Self::Arith, Error> {
        function::shift::right(self, x, amount, most, mode)
    }

    // ---- functions of one value ----

    /// Powers of two by a protocol of the engine's own; `None` if it has none, or none for this rounding.
    fn power(
        &mut self,
        xs: &[&Self::Arith],
        power: &Power,
    ) -> Result<Option<Vec<Self::Arith>>, Error> {
        let _ = (xs, power);
        Ok(None)
    }

    /// `e^x` or `2^x`.
    fn exp(
        &mut self,
        xs: &[&Self::Arith],
        f: &Exp,
        mode: Truncation,
    ) -> Result<Vec<Self::Arith>, Error> {
        f.run(self, xs, mode)
    }

    /// The natural logarithm.
    fn log(
        &mut self,
        xs: &[&Self::Arith],
        f: &Log,
        mode: Truncation,
    ) -> Result<Vec<Self::Arith>, Error> {
        f.run(self, xs, mode)
    }

    /// `1 / x`
    fn reciprocal(
        &mut self,
        xs: &[&Self::Arith],
        f: &Reciprocal,
        mode: Truncation,
    ) -> Result<Vec<Self::Arith>, Error> {
        f.run(self, xs, mode)
    }

    /// `x / y`
    fn divide(
        &mut self,
        x: &Self::Arith,
        y: &Self::Arith,
        f: &Division,
        mode: Truncation,
    ) -> Result<Self::Arith, Error> {
        f.run(self, x, y, mode)
    }

    /// `1 / sqrt(x)`
    fn rsqrt(
        &mut self,
        xs: &[&Self::Arith],
        f: &Rsqrt,
        mode: Truncation,
    ) -> Result<Vec<Self::Arith>, Error> {
        f.run(self, xs, mode)
    }

    /// `sqrt(x)`
    fn sqrt(
        &mut self,
        xs: &[&Self::Arith],
        f: &Sqrt,
        mode: Truncation,
    ) -> Result<Vec<Self::Arith>, Error> {
        f.run(self, xs, mode)
    }

    /// A function made of polynomials: sigmoid, tanh, GeLU, SiLU.
    fn piecewise(
        &mut self,
        xs: &[&Self::Arith],
        f: &Piecewise,
        mode: Truncation,
    ) -> Result<Vec<Self::Arith>, Error> {
        f.run(self, xs, mode)
    }

    // ---- functions of rows ----

    /// `e^x_i / sum e^x_j`, or its logarithm, of each row of features.
    fn softmax(
        &mut self,
        x: &Self::Arith,
        f: &Softmax,
        mode: Truncation,
    ) -> Result<Self::Arith, Error> {
        f.run(self, x, mode)
    }

    /// Each row of features less its mean and over its deviation, times `gamma` plus `beta` (one row each, or `None` for 1
    /// and 0).
    fn layer_norm(
        &mut self,
        x: &Self::Arith,
        affine: Option<(&Self::Arith, &Self::Arith)>,
        f: &LayerNorm,
        mode: Truncation,
    ) -> Result<Self::Arith, Error> {
        f.run(self, x, affine, mode)
    }

    /// Normalisation per channel with secret mean and variance.
    fn batch_norm(
        &mut self,
        x: &Self::Arith,
        moments: &Moments<'_, Self::Arith>,
        f: &function::BatchNorm,
        mode: Truncation,
    ) -> Result<Self::Arith, Error> {
        f.run(self, x, moments, mode)
    }

    /// One value rescaled.
    fn rescale_one(&mut self, x: &Self::Arith, r: Rescale) -> Result<Self::Arith, Error> {
        only(self.rescale(&[x], r)?)
    }
}

/// The one element of a result for one operand.
pub(crate) fn only<T>(mut v: Vec<T>) -> Result<T, Error> {
    let got = v.len();
    match (v.pop(), got) {
        (Some(x), 1) => Ok(x),
        _ => Err(Error::Length {
            what: "results",
            got,
            want: 1,
        }),
    }
}
