//! Maximum and mean over windows.

use super::{Layers, only};
use crate::Error;
use crate::engine::{Rescale, Truncation, ZERO_ROW};
use crate::model::{Format, MaxPool, Mean, ModelError, Node, Op, Shape, mean};

/// Geometry of a mean over windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Height and width.
    pub kernel: [usize; 2],
    /// Down and right.
    pub stride: [usize; 2],
    /// Zeros at the top and at the left.
    pub padding: [usize; 2],
    /// What each mean of a picture is divided by, row by row; empty if all by the same.
    pub divisors: Vec<u32>,
}

impl Window {
    /// That of a pooling node.
    pub(crate) fn of(node: &Node, x: &Shape, out: &Shape) -> Result<Self, Error> {
        let [_, _, h, w] = x.as_nchw();
        let (_, divisors) = mean(&node.op, x, out, 64).map_err(|reason| ModelError::Node {
            node: node.name.clone(),
            op: node.op.name(),
            reason,
        })?;
        Ok(match &node.op {
            Op::AvgPool(a) => Self {
                kernel: a.kernel,
                stride: a.stride,
                padding: [a.padding[0], a.padding[1]],
                divisors,
            },
            _ => Self {
                kernel: [h, w],
                stride: [1, 1],
                padding: [0, 0],
                divisors,
            },
        })
    }
}

/// Where window tap `k` of output `o` falls on an axis of `n`, if not on padding.
fn tap(o: usize, k: usize, stride: usize, before: usize, n: usize) -> Option<usize> {
    (o * stride + k).checked_sub(before).filter(|i| *i < n)
}

pub(super) fn max_pool<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    pool: &MaxPool,
    out: &Shape,
) -> Result<E::Arith, Error> {
    let [n, c, h, w] = engine.spec(x).shape.as_nchw();
    let [_, _, oh, ow] = out.as_nchw();
    let [top, left, _, _] = pool.padding;
    // Along rows: only those columns of the result that the second pass reads exist, all rows do.
    let across = |k: usize| {
        let mut index = Vec::with_capacity(n * h * ow);
        for row in 0..n * h {
            for o in 0..ow {
                index.push(
                    (row * w + clamped(o, k, pool.stride[1], left, w, pool.kernel[1])) as u32,
                );
            }
        }
        index
    };
    let wide = Shape::nchw(n, c, h, ow)?;
    let taps = (0..pool.kernel[1])
        .map(|k| engine.gather(x, c, &across(k), &wide))
        .collect::<Result<Vec<_>, _>>()?;
    let rows = tournament(engine, taps)?;
    let down = |k: usize| {
        let mut index = Vec::with_capacity(n * oh * ow);
        for b in 0..n {
            for o in 0..oh {
                let y = clamped(o, k, pool.stride[0], top, h, pool.kernel[0]);
                index.extend((0..ow).map(|x| ((b * h + y) * ow + x) as u32));
            }
        }
        index
    };
    let taps = (0..pool.kernel[0])
        .map(|k| engine.gather(&rows, c, &down(k), out))
        .collect::<Result<Vec<_>, _>>()?;
    tournament(engine, taps)
}

/// As [`tap`], but a tap on padding reads the nearest tap of the same window that is not: the maximum is the same.
fn clamped(o: usize, k: usize, stride: usize, before: usize, n: usize, kernel: usize) -> usize {
    let first = (o * stride).saturating_sub(before);
    let last = (o * stride + kernel - 1).saturating_sub(before).min(n - 1);
    (o * stride + k)
        .saturating_sub(before)
        .clamp(first.min(last), last)
}

/// The maximum of all, pair by pair, each level in one go.
fn tournament<E: Layers + ?Sized>(
    engine: &mut E,
    mut values: Vec<E::Arith>,
) -> Result<E::Arith, Error> {
    while values.len() > 1 {
        let odd = (values.len() % 2 == 1).then(|| values.pop()).flatten();
        let pairs: Vec<_> = values
            .chunks_exact(2)
            .filter_map(|p| match p {
                [a, b] => Some((a, b)),
                _ => None,
            })
            .collect();
        let mut winners = engine.max(&pairs)?;
        winners.extend(odd);
        values = winners;
    }
    only(values)
}

pub(super) fn avg_pool<E: Layers + ?Sized>(
    engine: &mut E,
    x: &E::Arith,
    window: &Window,
    out: &Shape,
    mean: &Mean,
    to: Format,
    mode: Truncation,
) -> Result<E::Arith, Error> {
    let [n, c, h, w] = engine.spec(x).shape.as_nchw();
    let [_, _, oh, ow] = out.as_nchw();
    let ([kh, kw], [sh, sw], [top, left]) = (window.kernel, window.stride, window.padding);
    let bound = engine.spec(x).format.bound();
    let mut sum: Option<E::Arith> = None;
    for (count, (ky, kx)) in (0..kh)
        .flat_map(|y| (0..kw).map(move |x| (y, x)))
        .enumerate()
    {
        let mut index = Vec::with_capacity(n * oh * ow);
        for b in 0..n {
            for oy in 0..oh {
                for ox in 0..ow {
                    index.push(match (tap(oy, ky, sh, top, h), tap(ox, kx, sw, left, w)) {
                        (Some(y), Some(x)) => ((b * h + y) * w + x) as u32,
                        _ => ZERO_ROW,
                    });
                }
            }
        }
        let term = engine.gather(x, c, &index, out)?;
        sum = Some(match sum {
            None => term,
            Some(s) => {
                let s = engine.add(&s, &term)?;
                // No more elements than its divisor are in a window; the others are padding.
                let grown = bound + (count + 1).next_power_of_two().trailing_zeros();
                let grown = grown.min(mean.sum_bound(bound));
                let format = engine.spec(&s).format.with_bound(grown)?;
                engine.declare(s, format)?
            }
        });
    }
    let sum = sum.ok_or(Error::Length {
        what: "window",
        got: 0,
        want: 1,
    })?;
    let format = engine.spec(&sum).format;
    let limbs = mean.limbs(format, &window.divisors).ok_or(Error::Range {
        what: "mean over a window",
        bound: format.bound(),
    })?;
    let mut total: Option<E::Arith> = None;
    for (factors, shift) in limbs {
        let factors = match window.divisors.is_empty() {
            true => factors,
            false => factors.repeat(n),
        };
        let scaled = engine.mul_public(&sum, &factors, shift)?;
        let part = engine.rescale_one(&scaled, Rescale { shift, mode, to })?;
        total = Some(match total {
            None => part,
            Some(t) => {
                let t = engine.add(&t, &part)?;
                engine.declare(t, to)?
            }
        });
    }
    total.ok_or(Error::Length {
        what: "limbs of a mean",
        got: 0,
        want: 1,
    })
}
