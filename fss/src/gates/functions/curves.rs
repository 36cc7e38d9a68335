//! The curves of the functions, and how finely each is cut.

use super::pieces::{Curve, Effort, Pieces};
use super::real;

/// How far a piece may be off before the result is rounded by half a unit.
const ERROR: f64 = 0.45;

/// The smallest X >= 0 from which on a falling, positive function stays within [`ERROR`] of 0.
fn vanishes(value: &dyn Fn(f64) -> f64) -> i64 {
    let (mut low, mut high) = (0, 1i64);
    while value(high as f64) > ERROR {
        low = high;
        high *= 2;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if value(middle as f64) > ERROR {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

fn one(f: u32) -> f64 {
    (1u64 << f) as f64
}

/// Odd about the value at 0, between two constants.
fn odd(f: u32, value: &dyn Fn(f64) -> f64, ends: [f64; 2], guard: u32) -> Pieces {
    let one = one(f);
    let value = |x: f64| value(x / one) * one;
    let ends = ends.map(|e| e * one);
    let reach = vanishes(&|x| ends[1] - value(x));
    let curve = Curve {
        value: &value,
        window: [1 - reach, reach],
        ends,
        joint: None,
        identity: false,
    };
    Pieces::new(&curve, &effort(guard, 2))
}

/// Slopes have `whole` bits before the point, with their sign.
fn effort(guard: u32, whole: u32) -> Effort {
    Effort {
        error: ERROR,
        guard,
        slope: guard + whole,
    }
}

pub(super) fn sigmoid(f: u32) -> Pieces {
    odd(f, &real::sigmoid, [0.0, 1.0], f / 2 + 6)
}

pub(super) fn tanh(f: u32) -> Pieces {
    odd(f, &real::tanh, [-1.0, 1.0], f / 2 + 6)
}

/// ReLU(x) - δ(|x|).
fn rectified(f: u32, delta: &dyn Fn(f64) -> f64, guard: u32) -> Pieces {
    let one = one(f);
    let value = |x: f64| -delta(x.abs() / one) * one;
    // δ rises before it falls; both peaks are below 2.
    let reach = vanishes(&|x| -value(x.max(2.0 * one)));
    let curve = Curve {
        value: &value,
        window: [1 - reach, reach],
        ends: [0.0, 0.0],
        joint: Some(0),
        identity: true,
    };
    Pieces::new(&curve, &effort(guard, 2))
}

pub(super) fn gelu(f: u32) -> Pieces {
    rectified(f, &|x| x * real::normal_tail(x), f / 2 + 6)
}

pub(super) fn silu(f: u32) -> Pieces {
    rectified(f, &|x| x * real::sigmoid(-x), f / 2 + 6)
}

/// Constant below `first`, falling to 0 from there.
fn falling(first: i64, value: &dyn Fn(f64) -> f64, effort: &Effort) -> Pieces {
    let curve = Curve {
        value,
        window: [first, vanishes(value)],
        ends: [value(first as f64), 0.0],
        joint: None,
        identity: false,
    };
    Pieces::new(&curve, effort)
}

pub(super) fn exp(f: u32) -> Pieces {
    let one = one(f);
    falling(0, &|x| real::exp(-x / one) * one, &effort(f / 2 + 6, 2))
}

pub(super) fn reciprocal(f: u32, low: u32) -> Pieces {
    let square = one(2 * f);
    falling(
        1 << (f - low),
        &|x| square / x,
        &effort(f + 2, 2 + f.min(2 * low)),
    )
}

pub(super) fn rsqrt(f: u32) -> Pieces {
    let cube = one(3 * f);
    let value = |x: f64| (cube / x).sqrt();
    falling(1, &value, &effort(f + 2, 2 + f))
}
