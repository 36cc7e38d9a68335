//! A server's matrix as the factors of rotated inputs.

use core::fmt;

use piquet_core::wipe_vec;

use super::Matvec;
use super::plan::Plan;
use crate::Error;

/// The factors F_e = sum_i X^(h_i) tau_e(w_i) of a matrix: coefficients by response, product, input and subset e of
/// the levels at inputs. Wiped on drop, prints nothing.
pub struct Weights {
    pub(crate) coefficients: Vec<i32>,
    pub(crate) tag: u64,
}

impl Drop for Weights {
    fn drop(&mut self) {
        wipe_vec(&mut self.coefficients);
    }
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Weights")
    }
}

impl Weights {
    /// Prepares `[rows][cols]` weights. Refuses any beyond the declared bound; takes 4 N bytes for every
    /// [`Plan::factors`].
    pub fn new(of: &Matvec, values: &[i64]) -> Result<Self, Error> {
        let (plan, bound) = (of.plan(), of.weight());
        let want = plan.rows() * plan.cols();
        if values.len() != want {
            return Err(Error::Length {
                what: "weights",
                got: values.len(),
                want,
            });
        }
        crate::noise::refuse_beyond(bound, values)?;
        let n = plan.degree();
        let mut coefficients = vec![0; plan.factors() * n];
        let mut blocks = coefficients.chunks_exact_mut(n << plan.inner());
        for r in 0..plan.responses() {
            for product in 0..plan.products(r) {
                for (input, block) in (0..plan.ins()).zip(&mut blocks) {
                    let first = plan.members(r).start + (product << plan.inner());
                    for (i, out) in block.chunks_exact_mut(n).enumerate() {
                        // What lies past the end stays 0.
                        if first + i < plan.members(r).end {
                            polynomial(plan, values, first + i, input, out);
                        }
                    }
                    combine(plan, block);
                }
            }
        }
        Ok(Self {
            coefficients,
            tag: of.tag,
        })
    }
}

/// Weight polynomial `i` for block `input` of the columns: sum W_(k, j) X^(k span - j) over its rows k.
fn polynomial(plan: &Plan, values: &[i64], i: usize, input: usize, out: &mut [i32]) {
    let first = input * plan.span();
    let cols = plan.span().min(plan.cols() - first);
    for k in 0..plan.rows_each().min(plan.rows() - i * plan.rows_each()) {
        let row = i * plan.rows_each() + k;
        let row = &values[row * plan.cols() + first..][..cols];
        let at = k * plan.span();
        for (j, w) in row.iter().enumerate() {
            // Within the bound, which is below 2^31 (checked where the parameters are made).
            let w = *w as i32;
            if j <= at {
                out[at - j] = w;
            } else {
                out[plan.degree() + at - j] = -w;
            }
        }
    }
}

/// From 2^a polynomials w_i to the 2^a factors, level by level: (A, B) becomes (A + X^h B, tau(A - X^h B)).
fn combine(plan: &Plan, block: &mut [i32]) {
    let n = plan.degree();
    let (mut sum, mut difference) = (vec![0; n], vec![0; n]);
    for l in 0..plan.inner() {
        let h = plan.shift(l);
        let to = places(n, plan.element(l));
        for pair in block.chunks_exact_mut((2 * n) << l) {
            let (low, high) = pair.split_at_mut(n << l);
            for (a, b) in low.chunks_exact_mut(n).zip(high.chunks_exact_mut(n)) {
                for x in 0..n {
                    let shifted = if x < h { -b[n + x - h] } else { b[x - h] };
                    sum[x] = a[x] + shifted;
                    difference[x] = a[x] - shifted;
                }
                a.copy_from_slice(&sum);
                for (d, (place, negative)) in difference.iter().zip(&to) {
                    b[*place] = if *negative { -d } else { *d };
                }
            }
        }
    }
    wipe_vec(&mut sum);
    wipe_vec(&mut difference);
}

/// Where X^e goes under X to X^g, and whether it is negated.
fn places(degree: usize, g: usize) -> Vec<(usize, bool)> {
    (0..degree)
        .map(|e| {
            let to = e * g % (2 * degree);
            (to % degree, to >= degree)
        })
        .collect()
}
