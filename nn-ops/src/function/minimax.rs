//! Minimax polynomials.
//!
//! The best polynomial of degree `n` on an interval is the one whose error takes its largest value at `n + 2`
//! points with alternating signs (Chebyshev), and Remez' exchange finds it: a polynomial through `f(x_i) + (-1)^i E
//! w(x_i)` at `n + 2` points, and instead of these points the `n + 2` largest errors with alternating signs, until
//! they are equal.
//!
//! The points are taken from a fixed grid, denser towards the ends as the extrema of Chebyshev's polynomials are,
//! with 32 steps from one to the next: the largest error of such a polynomial is found to 1 part in 200, and the
//! reported one is made larger by more than that. Arithmetic is that of [`real`](super::real), so that all parties
//! derive the same coefficients.

use super::real::{cos_pi, horner, pow2};

/// Highest degree that is tried; more is taken as this.
pub const MAX_DEGREE: usize = 32;

/// Steps of the grid between extrema of the error.
const DENSITY: usize = 32;

/// What an error is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Weight {
    /// Itself.
    Absolute,
    /// The function, which must not have a zero in the interval.
    Relative,
}

/// A polynomial near a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Approximation {
    /// Coefficients by ascending power of x.
    pub coefficients: Vec<f64>,
    /// Largest weighed error in the interval, of these very coefficients; infinite where the function has no finite
    /// value.
    pub error: f64,
}

impl Approximation {
    /// The value at `x`.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        horner(&self.coefficients, x)
    }
}

/// A point of the grid.
struct Point {
    /// Position in [-1, 1].
    u: f64,
    x: f64,
    value: f64,
    weight: f64,
}

/// The polynomial of the given degree whose largest error on `[low, high]` is least.
///
/// Coefficients belong to powers of x itself. Where the interval is narrow against its distance from 0 these
/// cancel, and the error says by how much: better approximate `f(c + t)` in `t` around a middle `c`, or take
/// [`chebyshev`].
pub fn minimax(
    f: impl Fn(f64) -> f64,
    low: f64,
    high: f64,
    degree: usize,
    weight: Weight,
) -> Approximation {
    let (middle, half) = middle(low, high);
    exchange(
        &grid(f, low, high, degree, weight),
        degree.min(MAX_DEGREE),
        |c| to_powers(c, middle, half),
        |c, p| {
            let sizes: Vec<f64> = c.iter().map(|c| c.abs()).collect();
            (horner(c, p.x), horner(&sizes, p.x.abs()))
        },
    )
}

/// As [`minimax`], but with coefficients of Chebyshev's polynomials of `(x - (low + high) / 2) / ((high - low) /
/// 2)`, which are never ill-conditioned.
pub fn chebyshev(
    f: impl Fn(f64) -> f64,
    low: f64,
    high: f64,
    degree: usize,
    weight: Weight,
) -> Approximation {
    exchange(
        &grid(f, low, high, degree, weight),
        degree.min(MAX_DEGREE),
        <[f64]>::to_vec,
        |c, p| {
            (
                clenshaw(c, p.u),
                4.0 * c.iter().map(|c| c.abs()).sum::<f64>(),
            )
        },
    )
}

fn middle(low: f64, high: f64) -> (f64, f64) {
    (low + (high - low) / 2.0, (high - low) / 2.0)
}

fn grid(f: impl Fn(f64) -> f64, low: f64, high: f64, degree: usize, weight: Weight) -> Vec<Point> {
    let (middle, half) = middle(low, high);
    let steps = DENSITY * (degree.min(MAX_DEGREE) + 2);
    (0..=steps)
        .map(|i| {
            let u = -cos_pi(i as f64 / steps as f64);
            let x = (middle + half * u).max(low.min(high)).min(high.max(low));
            let value = f(x);
            let weight = match weight {
                Weight::Absolute => 1.0,
                Weight::Relative => value.abs(),
            };
            Point {
                u,
                x,
                value,
                weight,
            }
        })
        .collect()
}

/// The best polynomial on the grid, in the basis that `basis` makes of Chebyshev's; `at` gives its value at a
/// point, and the sum of the sizes of its terms.
fn exchange(
    grid: &[Point],
    degree: usize,
    basis: impl Fn(&[f64]) -> Vec<f64>,
    at: impl Fn(&[f64], &Point) -> (f64, f64),
) -> Approximation {
    let mut best = Approximation {
        coefficients: vec![0.0; degree + 1],
        error: f64::INFINITY,
    };
    let sound = |p: &Point| p.value.is_finite() && p.x.is_finite() && p.weight > 0.0;
    if !grid.iter().all(sound) {
        return best;
    }
    // All but one of the extrema that one degree more would have: no symmetry of the function makes the first level
    // zero.
    let mut reference: Vec<usize> = (0..degree + 2).map(|i| i * DENSITY).collect();
    for _ in 0..30 {
        let Some((chebyshev, level)) = through(grid, &reference, degree) else {
            break;
        };
        let errors: Vec<f64> = grid
            .iter()
            .map(|p| (clenshaw(&chebyshev, p.u) - p.value) / p.weight)
            .collect();
        let found = basis(&chebyshev);
        // With what rounding may do to a sum of terms of these sizes.
        let error = |p: &Point| {
            let (value, size) = at(&found, p);
            ((value - p.value).abs() * (1.0 + 1.0 / 128.0) + size * pow2(-52)) / p.weight
        };
        let error = grid.iter().map(error).fold(0.0, f64::max);
        if error < best.error {
            best = Approximation {
                coefficients: found,
                error,
            };
        }
        let largest = errors.iter().fold(0.0, |m: f64, e| m.max(e.abs()));
        let next = extrema(&errors, degree + 2);
        if next.len() < degree + 2 || next == reference || largest <= level * 1.001 {
            break;
        }
        reference = next;
    }
    best
}

/// The value of a sum of Chebyshev polynomials.
pub(crate) fn clenshaw(c: &[f64], u: f64) -> f64 {
    let (mut b1, mut b2) = (0.0, 0.0);
    for c in c.iter().skip(1).rev() {
        (b1, b2) = (2.0 * u * b1 - b2 + c, b1);
    }
    u * b1 - b2 + c.first().copied().unwrap_or(0.0)
}

/// The polynomial, as a sum of Chebyshev polynomials, whose weighed errors at the points of reference alternate
/// between `E` and `-E`, and |E|.
fn through(grid: &[Point], reference: &[usize], degree: usize) -> Option<(Vec<f64>, f64)> {
    let n = degree + 2;
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(n);
    let mut sign = 1.0;
    for at in reference {
        let p = grid.get(*at)?;
        let mut row = Vec::with_capacity(n + 1);
        let (mut t, mut next) = (1.0, p.u);
        for _ in 0..=degree {
            row.push(t);
            (t, next) = (next, 2.0 * p.u * next - t);
        }
        row.push(sign * p.weight);
        row.push(p.value);
        rows.push(row);
        sign = -sign;
    }
    let mut solution = solve(rows)?;
    let level = solution.pop()?.abs();
    Some((solution, level))
}

/// Gaussian elimination with row pivots of `[A | b]`; `None` if it is singular.
fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = rows.len();
    for k in 0..n {
        let pivot = (k..n).max_by(|a, b| rows[*a][k].abs().total_cmp(&rows[*b][k].abs()))?;
        rows.swap(k, pivot);
        let (done, rest) = rows.split_at_mut(k + 1);
        let top = done.last()?;
        if top[k] == 0.0 {
            return None;
        }
        for row in rest {
            let factor = row[k] / top[k];
            for (r, t) in row.iter_mut().zip(top).skip(k) {
                *r -= factor * t;
            }
        }
    }
    let mut x = vec![0.0; n];
    for k in (0..n).rev() {
        let known: f64 = (k + 1..n).map(|j| rows[k][j] * x[j]).sum();
        x[k] = (rows[k][n] - known) / rows[k][k];
    }
    x.iter().all(|v| v.is_finite()).then_some(x)
}

/// `count` extrema with alternating signs, the largest among them: one for each run of errors of one sign, and of
/// more than that, the smaller end is left out until they are so many. Fewer where the errors change sign less
/// often.
fn extrema(errors: &[f64], count: usize) -> Vec<usize> {
    let mut peaks: Vec<usize> = Vec::with_capacity(count + 2);
    for (i, e) in errors.iter().enumerate() {
        match peaks.last_mut() {
            Some(last) if (errors[*last] < 0.0) == (*e < 0.0) => {
                if e.abs() > errors[*last].abs() {
                    *last = i;
                }
            }
            _ => peaks.push(i),
        }
    }
    while peaks.len() > count {
        let size = |at: Option<&usize>| at.map_or(0.0, |i| errors[*i].abs());
        if size(peaks.first()) < size(peaks.last()) {
            peaks.remove(0);
        } else {
            peaks.pop();
        }
    }
    peaks
}

/// The coefficients by powers of x of a sum of Chebyshev polynomials of `(x - middle) / half`.
fn to_powers(chebyshev: &[f64], middle: f64, half: f64) -> Vec<f64> {
    let n = chebyshev.len();
    // By powers of u, the polynomials by their recurrence.
    let mut sum = vec![0.0; n];
    let mut t = vec![0.0; n];
    let mut before = vec![0.0; n];
    t[0] = 1.0;
    for (k, c) in chebyshev.iter().enumerate() {
        for (s, t) in sum.iter_mut().zip(&t) {
            *s += c * t;
        }
        let double = if k == 0 { 1.0 } else { 2.0 };
        let mut next: Vec<f64> = before.iter().map(|b| -b).collect();
        for (y, t) in next.iter_mut().skip(1).zip(&t) {
            *y += double * t;
        }
        before = core::mem::replace(&mut t, next);
    }
    // By powers of x - middle, then of x: Horner's scheme, repeated.
    let mut scale = 1.0;
    for s in &mut sum {
        *s /= scale;
        scale *= half;
    }
    for k in 0..n {
        for j in (k..n - 1).rev() {
            sum[j] -= middle * sum[j + 1];
        }
    }
    sum
}

#[cfg(test)]
mod tests;
