//! Layers, written once for all engines.
//!
//! An engine with a better protocol for a layer overrides that method of [`Layers`].

mod activation;
mod argmax;
mod arrange;
mod pool;

use crate::Error;
use crate::engine::{Engine, Rescale, Truncation};
use crate::model::{Clip, Format, MaxPool, Mean, Pad, Shape, Slope, View};

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

    /// Index of the largest feature of each row, the first if several are.
    fn argmax(&mut self, x: &Self::Arith, out: &Shape) -> Result<Self::Arith, Error> {
        argmax::argmax(self, x, out)
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
