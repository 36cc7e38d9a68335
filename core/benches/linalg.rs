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
    row::<u64>(&mut t, "gemm-u64-1024", gemm, &u64s)?;
    row::<u32>(&mut t, "gemm-u32-1024", gemm, &u32s)?;
    row::<u64>(&mut t, "conv-u64-3x3-56-64", square(56, 64, 64, 3), &u64s)?;
    row::<u64>(
        &mut t,
        "conv-u64-1x1-56-64-256",
        square(56, 64, 256, 1),
        &u64s,
    )?;
    t.finish()
}

/// A convolution that keeps the size of its input.
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
    limit: &Limit,
) -> Result<(), ShapeError> {
    let mut prg = Prg::new(SEED);
    let mut random = |n: usize| {
        let mut v = RingVec::<R>::zeros(n);
        prg.fill_ring(v.as_mut_slice());
        v
    };
    let (x, w) = (random(shape.input_len()), random(shape.weight_len()));
    let packed = PackedWeights::pack(&shape, w.as_slice())?;
    let mut out = vec![R::ZERO; shape.output_len()];
    conv2d(&shape, &[(x.as_slice(), &packed)], &mut out)?;
    assert!(
        out == definition(&shape, x.as_slice(), w.as_slice()),
        "{id}"
    );
    t.bench(id)
        .work(shape.macs())
        .limit(limit)
        .samples(20)
        .rate(|| {
            conv2d(
                &shape,
                &[(black_box(x.as_slice()), &packed)],
                black_box(&mut out),
            )
        });
    Ok(())
}

/// One product at a time, for strides and dilations of one and a single group.
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
                let (i, j) = (r + tap / kw, c + tap % kw);
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
