//! Rates of matrix products and convolutions, in multiply-accumulates, against what one core can do on registers alone.
//! Inputs are random from a stated seed; every output is compared with the definition before anything is timed.

use std::hint::black_box;

use piquet_bench_harness::{Limit, Table, limits};
use piquet_core::linalg::{ConvShape, PackedWeights, ShapeError, conv2d};
use piquet_core::{Block, Prg, Ring, RingVec, cpu};

const SEED: Block = Block::from_u128(2026);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut t = Table::new("piquet-core", cpu::detect()?.name());
    let u64s = limits::multiply_accumulates_u64(&t);
    let u32s = limits::multiply_accumulates_u32(&t);
    let gemm = ConvShape::matmul(1024, 1024, 1024);
    row::<u64>(&mut t, "gemm-u64-1024", gemm, 1, &u64s)?;
    row::<u32>(&mut t, "gemm-u32-1024", gemm, 1, &u32s)?;
    let conv = square(56, 64, 64, 3);
    row::<u64>(&mut t, "conv-u64-3x3-56-64", conv, 1, &u64s)?;
    let conv = square(56, 64, 256, 1);
    row::<u64>(&mut t, "conv-u64-1x1-56-64-256", conv, 1, &u64s)?;
    // Layers of ResNet-50 as a party of a replicated protocol computes them: two products into one output.
    for (id, shape) in [
        ("conv-u32-3x3-56-64", square(56, 64, 64, 3)),
        ("conv-u32-1x1-56-64-256", square(56, 64, 256, 1)),
        ("conv-u32-1x1-14-1024-256", square(14, 1024, 256, 1)),
        ("conv-u32-3x3-14-256", square(14, 256, 256, 3)),
        ("conv-u32-3x3-7-512", square(7, 512, 512, 3)),
        (
            "conv-u32-7x7-224-3-64",
            ConvShape {
                stride: [2; 2],
                ..square(224, 3, 64, 7)
            },
        ),
    ] {
        row::<u32>(&mut t, id, shape, 2, &u32s)?;
    }
    t.finish()
}

/// A convolution that, at a stride of one, keeps the size of its input.
fn square(side: usize, in_channels: usize, out_channels: usize, kernel: usize) -> ConvShape {
    ConvShape {
        input: [side; 2],
        kernel: [kernel; 2],
        padding: [kernel / 2; 4],
        ..ConvShape::matmul(1, in_channels, out_channels)
    }
}

fn row<R: Ring>(
    t: &mut Table,
    id: &str,
    shape: ConvShape,
    products: usize,
    limit: &Limit,
) -> Result<(), ShapeError> {
    let mut prg = Prg::new(SEED);
    let mut random = |n: usize| {
        let mut v = RingVec::<R>::zeros(n);
        prg.fill_ring(v.as_mut_slice());
        v
    };
    let mut want = RingVec::<R>::zeros(shape.output_len());
    let mut factors = Vec::new();
    for _ in 0..products {
        let (x, w) = (random(shape.input_len()), random(shape.weight_len()));
        want.add_assign(&definition(&shape, x.as_slice(), w.as_slice()));
        factors.push((x, PackedWeights::pack(&shape, w.as_slice())?));
    }
    let terms: Vec<_> = factors.iter().map(|(x, w)| (x.as_slice(), w)).collect();
    let mut out = vec![R::ZERO; shape.output_len()];
    conv2d(&shape, &terms, &mut out)?;
    assert!(out == want.as_slice(), "{id}");
    t.bench(id)
        .work(shape.macs() * products as u64)
        .limit(limit)
        .samples(20)
        .rate(|| conv2d(&shape, black_box(&terms), black_box(&mut out)));
    Ok(())
}

/// One product at a time, for dilations of one and a single group.
fn definition<R: Ring>(shape: &ConvShape, x: &[R], w: &[R]) -> Vec<R> {
    let ([oh, ow], [h, iw], [kh, kw]) = (shape.output(), shape.input, shape.kernel);
    let (ic, oc) = (shape.in_channels, shape.out_channels);
    let [top, left, ..] = shape.padding;
    let mut y = Vec::with_capacity(shape.output_len());
    for p in 0..shape.pixels() {
        let (b, r, c) = (p / (oh * ow), p / ow % oh, p % ow);
        for o in 0..oc {
            let mut sum = R::ZERO;
            for tap in 0..kh * kw {
                let [sy, sx] = shape.stride;
                let (i, j) = (r * sy + tap / kw, c * sx + tap % kw);
                if i < top || j < left || i - top >= h || j - left >= iw {
                    continue;
                }
                let row = &x[((b * h + i - top) * iw + j - left) * ic..][..ic];
                let column = w[o * ic * kh * kw..].iter().skip(tap).step_by(kh * kw);
                for (x, w) in row.iter().zip(column) {
                    sum = sum.add(x.mul(*w));
                }
            }
            y.push(sum);
        }
    }
    y
}
