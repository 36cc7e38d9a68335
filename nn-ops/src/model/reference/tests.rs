//! The reference against a slow `f64` oracle written from the definitions.

use super::*;
use crate::model::{GraphBuilder, Tensor};
use proptest::prelude::*;

fn numbers(n: usize, seed: usize) -> Vec<f32> {
    (0..n)
        .map(|i| (((i + seed * 31) * 7919 + i * i) % 2003) as f32 / 1001.0 - 1.0)
        .collect()
}

fn at(x: &TensorF32, n: usize, c: usize, y: isize, z: isize) -> Option<f64> {
    let [_, ch, h, w] = x.shape().as_nchw();
    let (y, z) = (usize::try_from(y).ok()?, usize::try_from(z).ok()?);
    (y < h && z < w).then(|| f64::from(x.data()[((n * ch + c) * h + y) * w + z]))
}

fn naive_conv(a: &Conv, x: &TensorF32, weight: &[f32], out: &Shape) -> Vec<f64> {
    let [n, oc, oh, ow] = out.as_nchw();
    let ic = x.shape().channels() / a.groups;
    let mut y = Vec::new();
    for b in 0..n {
        for o in 0..oc {
            for r in 0..oh {
                for s in 0..ow {
                    let mut sum = 0.0;
                    for c in 0..ic {
                        for i in 0..a.kernel[0] {
                            for j in 0..a.kernel[1] {
                                let row = (r * a.stride[0] + i * a.dilation[0]) as isize;
                                let column = (s * a.stride[1] + j * a.dilation[1]) as isize;
                                let v = at(
                                    x,
                                    b,
                                    o / (oc / a.groups) * ic + c,
                                    row - a.padding[0] as isize,
                                    column - a.padding[1] as isize,
                                );
                                let w = ((o * ic + c) * a.kernel[0] + i) * a.kernel[1] + j;
                                sum += v.unwrap_or(0.0) * f64::from(weight[w]);
                            }
                        }
                    }
                    y.push(sum);
                }
            }
        }
    }
    y
}

fn one_node(op: Op, x: &TensorF32, params: &Params) -> Result<TensorF32, ModelError> {
    let mut g = GraphBuilder::new("one", x.shape().clone());
    let input = g.input();
    let y = g.node("node", op, &[input]);
    run(&g.finish(y)?, params, x)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn convolutions_agree_with_the_definition(
        (n, groups, icg, ocg) in (1usize..3, 1usize..4, 1usize..4, 1usize..4),
        (h, w) in (1usize..12, 1usize..12),
        kernel in [1usize..5, 1usize..5],
        stride in [1usize..4, 1usize..4],
        dilation in [1usize..4, 1usize..4],
        padding in [0usize..4, 0usize..4, 0usize..4, 0usize..4],
        seed in 0usize..100,
    ) {
        let a = Conv { out_channels: groups * ocg, kernel, stride, padding, dilation, groups, bias: true };
        let x = Tensor::new(Shape::nchw(n, groups * icg, h, w).unwrap(), numbers(n * groups * icg * h * w, seed)).unwrap();
        let dims = [a.out_channels, icg, kernel[0], kernel[1]];
        let weight = numbers(dims.iter().product(), seed + 1);
        let mut params = Params::new();
        params.insert("node", Role::Weight, Tensor::new(Shape::new(&dims).unwrap(), weight.clone()).unwrap());
        params.insert("node", Role::Bias, Tensor::filled(Shape::new(&[a.out_channels]).unwrap(), 0.25));
        let fits = (dilation[0] * (kernel[0] - 1) < h + padding[0] + padding[2])
            && (dilation[1] * (kernel[1] - 1) < w + padding[1] + padding[3]);
        match one_node(Op::Conv(a.clone()), &x, &params) {
            Err(e) => prop_assert!(!fits, "{e}"),
            Ok(y) => {
                prop_assert!(fits);
                let want = naive_conv(&a, &x, &weight, y.shape());
                for (got, want) in y.data().iter().zip(want) {
                    prop_assert!((f64::from(*got) - want - 0.25).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn pools_agree_with_the_definition(
        (h, w) in (1usize..12, 1usize..12),
        kernel in [1usize..5, 1usize..5],
        stride in [1usize..5, 1usize..5],
        padding in [0usize..3, 0usize..3, 0usize..3, 0usize..3],
        (ceil_mode, count_include_pad) in (any::<bool>(), any::<bool>()),
    ) {
        let x = Tensor::new(Shape::nchw(2, 2, h, w).unwrap(), numbers(4 * h * w, 3)).unwrap();
        let max = Op::MaxPool(MaxPool { kernel, stride, padding, ceil_mode });
        let avg = Op::AvgPool(AvgPool { kernel, stride, padding, ceil_mode, count_include_pad });
        let none = Params::new();
        let (Ok(max), Ok(avg)) = (one_node(max, &x, &none), one_node(avg, &x, &none)) else {
            let fits = h + padding[0] + padding[2] >= kernel[0] && w + padding[1] + padding[3] >= kernel[1];
            let padded = padding[0].max(padding[2]) < kernel[0] && padding[1].max(padding[3]) < kernel[1];
            prop_assert!(!(fits && padded));
            return Ok(());
        };
        prop_assert_eq!(max.shape(), avg.shape());
        let [n, c, oh, ow] = max.shape().as_nchw();
        let side = |o: usize, d: usize| (o * stride[d]) as isize - padding[d] as isize;
        for i in 0..n * c * oh * ow {
            let (b, ch, r, s) = (i / ow / oh / c, i / ow / oh % c, i / ow % oh, i % ow);
            let (mut best, mut sum, mut real, mut all) = (f64::NEG_INFINITY, 0.0, 0.0, 0.0);
            for y in side(r, 0)..side(r, 0) + kernel[0] as isize {
                for z in side(s, 1)..side(s, 1) + kernel[1] as isize {
                    if let Some(v) = at(&x, b, ch, y, z) {
                        best = best.max(v);
                        sum += v;
                        real += 1.0;
                    }
                    // Beyond the padding nothing is counted: PyTorch clips the window there.
                    if y < (h + padding[2]) as isize && z < (w + padding[3]) as isize {
                        all += 1.0;
                    }
                }
            }
            let divisor = if count_include_pad { all } else { real };
            prop_assert_eq!(f64::from(max.data()[i]), best);
            prop_assert!((f64::from(avg.data()[i]) - sum / divisor).abs() < 1e-5);
        }
    }
}

/// Output sizes that PyTorch documents for ceil_mode: a window that would start in the padding behind is dropped.
#[test]
fn ceil_mode_counts_windows_as_pytorch_does() {
    for (n, kernel, stride, padding, want) in [
        (111, 3, 2, 0, 55),
        (112, 3, 2, 0, 56),
        (4, 2, 3, 1, 2),
        (5, 2, 2, 1, 3),
    ] {
        let x = Tensor::filled(Shape::nchw(1, 1, n, n).unwrap(), 1f32);
        let op = Op::MaxPool(MaxPool::new(kernel, stride).padding(padding).ceil_mode());
        let y = one_node(op, &x, &Params::new()).unwrap();
        assert_eq!(y.shape().dims()[2..], [want; 2], "{n}");
    }
}

#[test]
fn wrong_inputs_and_parameters_are_named() {
    let x = Tensor::filled(Shape::nchw(1, 2, 4, 4).unwrap(), 1f32);
    let missing = one_node(Op::Conv(Conv::new(3, 3)), &x, &Params::new());
    assert_eq!(
        missing.unwrap_err().to_string(),
        "node `node` (conv) needs its weight, which is missing"
    );
    let mut p = Params::new();
    p.insert(
        "node",
        Role::Weight,
        Tensor::filled(Shape::new(&[3, 2, 3, 2]).unwrap(), 1f32),
    );
    let e = one_node(Op::Conv(Conv::new(3, 3)), &x, &p)
        .unwrap_err()
        .to_string();
    assert_eq!(
        e,
        "node `node` (conv): its weight has shape 3x2x3x2, and 3x2x3x3 is needed"
    );
    let e = one_node(Op::Relu, &x, &p).unwrap_err().to_string();
    assert_eq!(
        e,
        "the parameters hold a weight for `node`, which the graph has no use for"
    );
}
