//! Layers of whole networks: plans, their bytes, and coefficients at those sizes.
#![allow(clippy::unwrap_used)]

use piquet_core::linalg::ConvShape;
use piquet_he_bridge::encoding::{Costs, Plan, plan};
use piquet_he_bridge::{Mode, PlainModulus};

/// Side of the square input, channels in and out, side of the kernel, stride, padding; and how many of them there are.
type Layer = (usize, [usize; 2], usize, usize, usize, usize);

fn shape(layer: &Layer) -> ConvShape {
    let (side, [inputs, outputs], kernel, stride, padding, _) = *layer;
    ConvShape {
        batch: 1,
        input: [side; 2],
        in_channels: inputs,
        out_channels: outputs,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 4],
        dilation: [1; 2],
        groups: 1,
    }
}

fn dense(inputs: usize, outputs: usize) -> Layer {
    (1, [inputs, outputs], 1, 1, 0, 1)
}

/// ResNet-50 v1.5: the stride is in the 3x3 convolution.
fn resnet50() -> Vec<Layer> {
    let mut out = vec![(224, [3, 64], 7, 2, 3, 1)];
    let (mut side, mut channels) = (56, 64);
    for (width, blocks, stride) in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)] {
        out.push((side, [channels, 4 * width], 1, stride, 0, 1));
        out.push((side, [channels, width], 1, 1, 0, 1));
        out.push((side, [width, width], 3, stride, 1, 1));
        side /= stride;
        channels = 4 * width;
        out.push((side, [channels, width], 1, 1, 0, blocks - 1));
        out.push((side, [width, width], 3, 1, 1, blocks - 1));
        out.push((side, [width, channels], 1, 1, 0, blocks));
    }
    out.push(dense(2048, 1000));
    out
}

/// SqueezeNet 1.1.
fn squeezenet() -> Vec<Layer> {
    let mut out = vec![(224, [3, 64], 3, 2, 0, 1)];
    let mut channels = 64;
    for (side, squeeze) in [
        (55, 16),
        (55, 16),
        (27, 32),
        (27, 32),
        (13, 48),
        (13, 48),
        (13, 64),
        (13, 64),
    ] {
        out.push((side, [channels, squeeze], 1, 1, 0, 1));
        out.push((side, [squeeze, 4 * squeeze], 1, 1, 0, 1));
        out.push((side, [squeeze, 4 * squeeze], 3, 1, 1, 1));
        channels = 8 * squeeze;
    }
    out.push((13, [512, 1000], 1, 1, 0, 1));
    out
}

fn densenet121() -> Vec<Layer> {
    let mut out = vec![(224, [3, 64], 7, 2, 3, 1)];
    let (mut side, mut channels) = (56, 64);
    for (block, layers) in [6, 12, 24, 16].into_iter().enumerate() {
        for _ in 0..layers {
            out.push((side, [channels, 128], 1, 1, 0, 1));
            out.push((side, [128, 32], 3, 1, 1, 1));
            channels += 32;
        }
        if block < 3 {
            channels /= 2;
            out.push((side, [2 * channels, channels], 1, 1, 0, 1));
            side /= 2;
        }
    }
    out.push(dense(1024, 1000));
    out
}

fn plan_of(layer: &Layer, mode: Mode, costs: &Costs) -> Plan {
    plan(&shape(layer), PlainModulus::Bits(37), mode, 2047, costs).unwrap()
}

/// Bytes and predicted nanoseconds of a network, printed layer by layer.
fn total(name: &str, layers: &[Layer], mode: Mode, costs: &Costs) -> (u64, f64) {
    let mut total = (0, 0.0);
    for layer in layers {
        let p = plan_of(layer, mode, costs);
        let (c, s) = (p.counts, p.encoding.split());
        let times = layer.5 as u64;
        total.0 += times * (c.bytes_in + c.bytes_out);
        total.1 += times as f64 * p.time;
        println!(
            "{layer:?} {:.2}+{:.2} MB {:.1} ms; {}x{} C{} M{} D{} {:?} tiles {} ins {} outs {} \
             terms {}; N{} {:?}{}.{}; {} ntts {} products {} taps",
            c.bytes_in as f64 / 1e6,
            c.bytes_out as f64 / 1e6,
            p.time / 1e6,
            c.ciphertexts_in,
            c.ciphertexts_out,
            s.inputs,
            s.outputs,
            s.distance,
            s.tile,
            p.encoding.tiles(),
            p.encoding.map().ins,
            p.encoding.map().outs,
            p.encoding.map().exponents.len(),
            p.params.degree(),
            p.params.modulus().word_bits(),
            p.params.first_bits(),
            p.params.second_bits(),
            c.ntts,
            c.products,
            c.taps,
        );
    }
    println!(
        "{name} {mode:?}: {:.1} MB, {:.3} s",
        total.0 as f64 / 1e6,
        total.1 / 1e9
    );
    total
}

#[test]
fn networks_take_few_bytes() {
    for (name, layers, most) in [
        ("ResNet-50", resnet50(), [650, 450]),
        ("SqueezeNet", squeezenet(), [160, 110]),
        ("DenseNet-121", densenet121(), [900, 700]),
    ] {
        for (mode, most) in [Mode::Exact, Mode::Approximate].into_iter().zip(most) {
            let (bytes, _) = total(name, &layers, mode, &Costs::default());
            assert!(bytes < most * 1_000_000, "{name} {mode:?} {bytes}");
        }
    }
}

#[test]
fn plans_are_quick() {
    for layer in resnet50() {
        let t = std::time::Instant::now();
        plan_of(&layer, Mode::Exact, &Costs::default());
        println!("{layer:?} {:?}", t.elapsed());
    }
}
