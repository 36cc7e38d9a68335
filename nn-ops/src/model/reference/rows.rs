//! Products of values, rows and functions of single elements.

use super::gemm::{dot, gemm};
use crate::function::real;
use crate::model::{Fill, Function, LayerNorm, MatMul, Softmax, TensorF32};

/// From so many rows on a product with weights is worth the blocks of a product of matrices.
const MANY: usize = 8;

/// Products of matrices.
pub(super) fn mat_mul(op: MatMul, a: &TensorF32, b: &TensorF32, y: &mut TensorF32) {
    let Some([_, m, k, n]) = op.sides(a.shape(), b.shape()) else {
        return;
    };
    let pairs = a
        .data()
        .chunks_exact(m * k)
        .zip(b.data().chunks_exact(k * n));
    for ((a, b), y) in pairs.zip(y.data_mut().chunks_exact_mut(m * n)) {
        if op.transposed {
            for (a, y) in a.chunks_exact(k).zip(y.chunks_exact_mut(n)) {
                for (y, b) in y.iter_mut().zip(b.chunks_exact(k)) {
                    *y = dot(a, b);
                }
            }
        } else {
            gemm(
                [m, k, n],
                a,
                |p, js, out| out.copy_from_slice(&b[p * n..][js]),
                y,
            );
        }
    }
}

/// Rows times the transposed weights `[out][in]`.
pub(super) fn linear(x: &[f32], features: usize, weight: &[f32], y: &mut [f32]) {
    let outputs = weight.len() / features.max(1);
    let rows = x.len() / features.max(1);
    let dense = x.iter().filter(|v| **v != 0.0).count() * 16 >= x.len();
    if dense && rows >= MANY {
        // Column by column of the transposed result.
        let mut columns = vec![0.0; rows * outputs];
        let fill = |p: usize, js: core::ops::Range<usize>, out: &mut [f32]| {
            let column = x.iter().skip(js.start * features + p).step_by(features);
            out.iter_mut().zip(column).for_each(|(o, v)| *o = *v);
        };
        gemm([outputs, features, rows], weight, fill, &mut columns);
        for (i, y) in y.chunks_exact_mut(outputs).enumerate() {
            let row = columns.iter().skip(i).step_by(rows);
            y.iter_mut().zip(row).for_each(|(y, v)| *y = *v);
        }
        return;
    }
    for (x, y) in x.chunks_exact(features).zip(y.chunks_exact_mut(outputs)) {
        let some = x.iter().filter(|v| **v != 0.0).count();
        if some * 16 < features {
            // Unit vectors, as of tokens: few columns of the weights are asked for.
            let columns = x.iter().enumerate().filter(|(_, v)| **v != 0.0);
            for (j, v) in columns {
                let column = weight.iter().skip(j).step_by(features);
                y.iter_mut().zip(column).for_each(|(y, w)| *y += v * w);
            }
        } else {
            for (y, w) in y.iter_mut().zip(weight.chunks_exact(features)) {
                *y = dot(x, w);
            }
        }
    }
}

/// Softmax of each row, or its logarithm.
pub(super) fn softmax(op: Softmax, x: &TensorF32, y: &mut TensorF32) {
    let n = x.shape().last();
    let known = |row: usize| if op.causal { row % n + 1 } else { n };
    let rows = x.data().chunks_exact(n);
    for (i, (x, y)) in rows.zip(y.data_mut().chunks_exact_mut(n)).enumerate() {
        let (x, y) = (&x[..known(i)], &mut y[..known(i)]);
        let max = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let above = |v: &f32| f64::from(v - max);
        let sum: f64 = x.iter().map(|v| real::exp(above(v))).sum();
        for (x, y) in x.iter().zip(y) {
            *y = match op.log {
                true => above(x) - real::ln(sum),
                false => real::exp(above(x)) / sum,
            } as f32;
        }
    }
}

/// Each row less its mean, over its deviation, times `gamma` plus `beta`.
pub(super) fn layer_norm(
    op: LayerNorm,
    x: &TensorF32,
    [gamma, beta]: [&[f32]; 2],
    y: &mut TensorF32,
) {
    let n = x.shape().last();
    let rows = x.data().chunks_exact(n);
    for (x, y) in rows.zip(y.data_mut().chunks_exact_mut(n)) {
        let mean = x.iter().map(|v| f64::from(*v)).sum::<f64>() / n as f64;
        let square = |v: &f32| (f64::from(*v) - mean) * (f64::from(*v) - mean);
        let variance = x.iter().map(square).sum::<f64>() / n as f64;
        let scale = 1.0 / (variance + f64::from(op.eps)).sqrt();
        for (((x, y), g), b) in x.iter().zip(y).zip(gamma).zip(beta) {
            *y = ((f64::from(*x) - mean) * scale) as f32 * g + b;
        }
    }
}

/// A constant where the mask does not keep the value.
pub(super) fn fill(op: &Fill, x: &TensorF32, y: &mut TensorF32) {
    let kept = op.keep.chosen(x.shape());
    for ((y, x), kept) in y.data_mut().iter_mut().zip(x.data()).zip(kept) {
        *y = if kept { *x } else { op.value };
    }
}

impl Function {
    /// The function of one number.
    #[must_use]
    pub fn apply(self, x: f32) -> f32 {
        let x = f64::from(x);
        let y = match self {
            Self::Exp => real::exp(x),
            Self::Log => real::ln(x),
            Self::Sqrt => x.sqrt(),
            Self::Rsqrt => 1.0 / x.sqrt(),
            Self::Reciprocal => 1.0 / x,
            Self::Sigmoid => real::sigmoid(x),
            Self::Tanh => real::tanh(x),
            Self::Gelu => x * real::phi(x),
            Self::GeluTanh => {
                let inner = core::f64::consts::FRAC_2_PI.sqrt() * (x + 0.044_715 * x * x * x);
                x / 2.0 * (1.0 + real::tanh(inner))
            }
            Self::Silu => x * real::sigmoid(x),
        };
        y as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Mask, ModelError, Shape};

    fn tensor(dims: &[usize], data: &[f32]) -> TensorF32 {
        TensorF32::new(Shape::new(dims).unwrap(), data.to_vec()).unwrap()
    }

    fn near(a: f32, b: f64) -> bool {
        (f64::from(a) - b).abs() <= 1e-6 * b.abs().max(1e-3)
    }

    #[test]
    fn functions_have_known_values() {
        for (f, x, y) in [
            (Function::Exp, 2.0, 7.389_056_10),
            (Function::Log, 3.0, 1.098_612_29),
            (Function::Sqrt, 2.25, 1.5),
            (Function::Rsqrt, 4.0, 0.5),
            (Function::Reciprocal, -8.0, -0.125),
            (Function::Sigmoid, -1.0, 0.268_941_42),
            (Function::Tanh, 0.5, 0.462_117_16),
            (Function::Gelu, 1.0, 0.841_344_75),
            (Function::Gelu, -3.0, -0.004_049_694),
            (Function::Gelu, -5.0, -5.0 * 2.866_515_72e-7),
            (Function::GeluTanh, 1.0, 0.841_191_99),
            (Function::Silu, 2.0, 1.761_594_16),
        ] {
            assert!(near(f.apply(x), y), "{f:?} {x}: {} {y}", f.apply(x));
        }
    }

    #[test]
    fn rows_are_normalised() -> Result<(), ModelError> {
        let x = tensor(&[2, 3], &[1.0, 2.0, 3.0, -100.0, 0.0, 100.0]);
        let mut y = x.clone();
        let plain = Softmax {
            log: false,
            causal: false,
        };
        softmax(plain, &x, &mut y);
        assert!(near(y.data()[2], 0.665_240_96) && y.data()[5] == 1.0);
        softmax(Softmax { log: true, ..plain }, &x, &mut y);
        assert!(near(y.data()[0], -2.407_605_96) && y.data()[3] == -200.0);
        layer_norm(
            LayerNorm { eps: 0.0 },
            &x,
            [&[1.0, 2.0, 1.0], &[0.0, 0.5, 1.0]],
            &mut y,
        );
        assert!(near(y.data()[0], -1.224_744_87) && near(y.data()[4], 0.5));
        let square = tensor(&[2, 2], &[1.0, 9.0, 1.0, 1.0]);
        let mut y = TensorF32::filled(Shape::new(&[2, 2])?, 0.0);
        let causal = Softmax {
            causal: true,
            ..plain
        };
        softmax(causal, &square, &mut y);
        assert_eq!(y.data(), [1.0, 0.0, 0.5, 0.5]);
        let keep = Fill {
            keep: Mask::Causal,
            value: -7.0,
        };
        fill(&keep, &square, &mut y);
        assert_eq!(y.data(), [1.0, -7.0, 1.0, 1.0]);
        Ok(())
    }

    #[test]
    fn products_are_the_same_however_they_lie() {
        let numbers = |n: usize| (0..n).map(|i| ((i * 7919) % 23) as f32 - 11.0);
        let a = tensor(&[2, 3, 4], &numbers(24).collect::<Vec<_>>());
        let b = tensor(&[2, 5, 4], &numbers(40).collect::<Vec<_>>());
        let mut y = tensor(&[2, 3, 5], &[0.0; 30]);
        mat_mul(MatMul { transposed: true }, &a, &b, &mut y);
        let swapped = crate::model::View::transpose(&[2, 5, 4], &[0, 2, 1]);
        let mut again = tensor(&[2, 3, 5], &[0.0; 30]);
        let b = swapped.apply(&b).unwrap();
        mat_mul(MatMul { transposed: false }, &a, &b, &mut again);
        assert_eq!(y, again);
    }

    #[test]
    fn many_rows_are_as_good_as_one() {
        let weight: Vec<f32> = (0..5 * 40).map(|i| ((i * 31) % 17) as f32 - 8.0).collect();
        let x: Vec<f32> = (0..9 * 40).map(|i| ((i * 7) % 13) as f32 - 6.0).collect();
        let (mut together, mut apart) = (vec![0.0; 45], vec![0.0; 45]);
        linear(&x, 40, &weight, &mut together);
        for (x, y) in x.chunks_exact(40).zip(apart.chunks_exact_mut(5)) {
            linear(x, 40, &weight, y);
        }
        assert_eq!(together, apart);
    }

    #[test]
    fn unit_vectors_pick_columns() {
        let weight: Vec<f32> = (0..80).map(|i| i as f32).collect();
        let mut x = vec![0.0; 40];
        (x[3], x[7]) = (1.0, 2.0);
        let mut y = [0.0; 2];
        linear(&x, 40, &weight, &mut y);
        assert_eq!(y, [17.0, 137.0]);
    }
}
