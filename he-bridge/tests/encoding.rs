//! Layers of whole networks: plans, their bytes, and coefficients at those sizes. Small layers from end to end.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use piquet_core::linalg::{ConvShape, PackedWeights, conv2d};
use piquet_core::{Block, Prg};
use piquet_he_bridge::encoding::{Costs, Encoding, Plan, plan};
use piquet_he_bridge::{Backend, Mode, Native, PlainModulus};

/// Side of the square input, channels in and out, side of the kernel, stride, padding; and how many of them there
/// are.
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
        ("ResNet-50", resnet50(), [545, 412]),
        ("SqueezeNet", squeezenet(), [96, 75]),
        ("DenseNet-121", densenet121(), [530, 395]),
    ] {
        for (mode, most) in [Mode::Exact, Mode::Approximate].into_iter().zip(most) {
            let (bytes, _) = total(name, &layers, mode, &Costs::default());
            assert!(bytes < most * 1_000_000, "{name} {mode:?} {bytes}");
        }
    }
}

#[test]
#[ignore = "prints what bytes and time a network takes where bytes cost more or less"]
fn bytes_against_time() {
    for byte in [0.0, 1.0, 2.0, 4.0, 8.0, 80.0] {
        let costs = Costs {
            byte,
            ..Costs::default()
        };
        for mode in [Mode::Exact, Mode::Approximate] {
            total(&format!("ResNet-50 at {byte}"), &resnet50(), mode, &costs);
            total(
                &format!("SqueezeNet at {byte}"),
                &squeezenet(),
                mode,
                &costs,
            );
        }
    }
}

#[test]
fn matrices_and_depthwise_layers_are_balanced() {
    let exact = |shape: &ConvShape| {
        let costs = Costs::default();
        plan(shape, PlainModulus::Bits(37), Mode::Exact, 2047, &costs).unwrap()
    };
    let bytes = |p: &Plan| p.counts.bytes_in + p.counts.bytes_out;
    let matrix = exact(&ConvShape::matmul(1, 4096, 1000));
    println!(
        "{:?} {:?} {} ms",
        matrix.counts,
        matrix.encoding.split(),
        matrix.time / 1e6
    );
    assert!(bytes(&matrix) < 2_600_000, "{:?}", matrix.counts);
    // MobileNet's: without merged groups each channel would be a polynomial each way.
    for (side, channels) in [(112, 32), (56, 128), (14, 512), (7, 1024)] {
        let depthwise = exact(&ConvShape {
            groups: channels,
            ..shape(&(side, [channels; 2], 3, 1, 1, 1))
        });
        let one = 51_200 + 4096 * 46 / 8 + side * side * 5;
        println!(
            "{:?} {:?} {} ms",
            depthwise.counts,
            depthwise.encoding.split(),
            depthwise.time / 1e6
        );
        let tiles = (side * side).div_ceil(3000);
        assert!(
            bytes(&depthwise) < (channels * one * tiles) as u64,
            "{side} {channels}"
        );
    }
}

#[test]
fn wide_weights_get_moduli_that_take_them() {
    let shape = ConvShape::matmul(8, 32, 8);
    for (bits, weight) in [(32, 1 << 31), (32, 1 << 60), (64, 1 << 63)] {
        let (plain, costs) = (PlainModulus::Bits(bits), Costs::default());
        let p = plan(&shape, plain, Mode::Exact, weight, &costs).unwrap();
        let he = Native::new(p.params);
        let values = p.encoding.weights(0, &vec![1; shape.weight_len()]);
        he.prepare(p.encoding.map(), &values).unwrap();
    }
}

/// A number that depends on two others, well mixed.
fn mixed(seed: u64, i: usize) -> u64 {
    let mut x = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed;
    x = (x ^ (x >> 31)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ (x >> 32)
}

fn weights(shape: &ConvShape) -> Vec<i64> {
    (0..shape.weight_len())
        .map(|i| (mixed(2, i) % 4095) as i64 - 2047)
        .collect()
}

/// An output of a layer modulo 2^64, by definition.
fn output(shape: &ConvShape, x: &[u64], w: &[i64], element: usize) -> u64 {
    let [height, width] = shape.output();
    let (pixel, out) = (element / shape.out_channels, element % shape.out_channels);
    let (image, at) = (
        pixel / (height * width),
        [pixel / width % height, pixel % width],
    );
    let [inputs, outputs] = [shape.in_channels, shape.out_channels].map(|c| c / shape.groups);
    let mut sum = 0u64;
    for k in 0..shape.kernel[0] * shape.kernel[1] {
        let k = [k / shape.kernel[1], k % shape.kernel[1]];
        let [Some(row), Some(column)] = [0, 1].map(|i| {
            let to = at[i] * shape.stride[i] + k[i] * shape.dilation[i];
            to.checked_sub(shape.padding[i])
                .filter(|to| *to < shape.input[i])
        }) else {
            continue;
        };
        for c in 0..inputs {
            let from = (image * shape.input[0] + row) * shape.input[1] + column;
            let x = x[from * shape.in_channels + out / outputs * inputs + c];
            let w = w[((out * inputs + c) * shape.kernel[0] + k[0]) * shape.kernel[1] + k[1]];
            sum = sum.wrapping_add(x.wrapping_mul(w as u64));
        }
    }
    sum
}

/// Some coefficients of a layer's products, in the clear; and that every output is one coefficient.
fn spot_check(shape: &ConvShape, e: &Encoding) {
    let (n, map) = (e.degree(), e.map());
    let x: Vec<u64> = (0..shape.input_len()).map(|i| mixed(1, i)).collect();
    let w = weights(shape);
    let mut hit = vec![false; shape.output_len()];
    for unit in 0..e.groups() * e.tiles() {
        for o in 0..map.outs {
            e.each_output(unit / e.tiles(), unit % e.tiles(), o, |_, element| {
                assert!(!std::mem::replace(&mut hit[element], true));
            });
        }
    }
    assert!(hit.iter().all(|h| *h));
    let mut polynomials = vec![0; map.ins * n];
    for (group, tile) in [(0, 0), (e.groups() - 1, e.tiles() - 1)] {
        let values = e.weights(group, &w);
        assert_eq!(values.len(), map.values());
        for (i, polynomial) in polynomials.chunks_exact_mut(n).enumerate() {
            e.input(group, tile, i, &x, polynomial);
        }
        for o in [0, map.outs / 2, map.outs - 1] {
            let (positions, elements) = e.output(group, tile, o);
            let last = positions.len() - 1;
            for pick in (0..3)
                .map(|i| mixed(3, i) as usize % positions.len())
                .chain([0, last])
            {
                let mut sum = 0u64;
                for (polynomial, values) in (polynomials.chunks_exact(n)).zip(
                    values[o * map.ins * map.exponents.len()..].chunks_exact(map.exponents.len()),
                ) {
                    for (exponent, v) in map.exponents.iter().zip(values) {
                        let at = (positions[pick] as usize + 2 * n - *exponent as usize) % (2 * n);
                        let sign = if at < n { 1 } else { u64::MAX };
                        let product = polynomial[at % n].wrapping_mul(*v as u64);
                        sum = sum.wrapping_add(product.wrapping_mul(sign));
                    }
                }
                assert_eq!(sum, output(shape, &x, &w, elements[pick]), "{e:?}");
            }
        }
    }
}

#[test]
fn layers_of_networks_are_right() {
    let mut seen = HashSet::new();
    let layers = [resnet50(), squeezenet(), densenet121()].concat();
    for layer in layers.iter().map(|l| (l.0, l.1, l.2, l.3, l.4, 1)) {
        for mode in [Mode::Exact, Mode::Approximate] {
            let encoding = plan_of(&layer, mode, &Costs::default()).encoding;
            if seen.insert((layer, *encoding.split())) {
                spot_check(&shape(&layer), &encoding);
            }
        }
    }
}

/// Both parties of a layer, without messages' heads: counts, and the output.
fn end_to_end(shape: &ConvShape, plain: PlainModulus, mode: Mode) {
    let plan = plan(shape, plain, mode, 2047, &Costs::default()).unwrap();
    let (e, he) = (&plan.encoding, Native::new(plan.params.clone()));
    let (n, map, mask) = (e.degree(), e.map(), plain.reduce(u64::MAX));
    let mut prg = Prg::new(Block::from_u128(5));
    let key = he.secret_key(&mut prg);
    let mut message = Vec::new();
    he.public_key(&key, &mut prg, &mut message);
    let public = he.read_public_key(&message).unwrap();
    let share = |seed| -> Vec<u64> {
        (0..shape.input_len())
            .map(|i| mixed(seed, i) & mask)
            .collect()
    };
    let (x0, x1, w) = (share(6), share(7), weights(shape));
    let [mut y0, mut y1] = [0, 1].map(|_| vec![0; shape.output_len()]);
    let (mut bytes_in, mut bytes_out, mut index) = (0, 0, 0);
    let mut polynomial = vec![0; n];
    for group in 0..e.groups() {
        let prepared = he.prepare(map, &e.weights(group, &w)).unwrap();
        for tile in 0..e.tiles() {
            let mut inputs = Vec::new();
            for i in 0..map.ins {
                let mut bytes = Vec::new();
                e.input(group, tile, i, &x0, &mut polynomial);
                he.encrypt(&key, &[9; 32], index, &polynomial, &mut prg, &mut bytes);
                bytes_in += bytes.len() as u64;
                let mut ciphertext = he.read(&[9; 32], index, &bytes).unwrap();
                index += 1;
                e.input(group, tile, i, &x1, &mut polynomial);
                he.add(&mut ciphertext, &polynomial);
                inputs.push(ciphertext);
            }
            let products = he.multiply(&inputs, &prepared, 0..map.outs);
            for (o, product) in products.into_iter().enumerate() {
                let (positions, elements) = e.output(group, tile, o);
                let mut bytes = Vec::new();
                let [mut a, mut b] = [0, 1].map(|_| vec![0; positions.len()]);
                he.respond(&public, product, &positions, &mut a, &mut prg, &mut bytes);
                bytes_out += bytes.len() as u64;
                he.decrypt(&key, &bytes, &positions, &mut b).unwrap();
                for (i, element) in elements.into_iter().enumerate() {
                    (y0[element], y1[element]) = (a[i], b[i]);
                }
            }
        }
    }
    assert_eq!(index, plan.counts.ciphertexts_in);
    assert_eq!(
        (e.groups() * e.tiles() * map.outs) as u64,
        plan.counts.ciphertexts_out
    );
    assert_eq!(bytes_in, plan.counts.bytes_in);
    assert_eq!(bytes_out, plan.counts.bytes_out);
    let x: Vec<u64> = x0.iter().zip(&x1).map(|(a, b)| plain.add(*a, *b)).collect();
    let packed =
        PackedWeights::pack(shape, &w.iter().map(|w| *w as u64).collect::<Vec<_>>()).unwrap();
    let mut want = vec![0; shape.output_len()];
    conv2d(shape, &[(&x, &packed)], &mut want).unwrap();
    let most = i64::from(mode == Mode::Approximate);
    for ((a, b), want) in y0.iter().zip(&y1).zip(want) {
        let off = plain.centred(plain.subtract(plain.add(*a, *b), plain.reduce(want)));
        assert!(off.abs() <= most, "{off} {:?}", plan.encoding);
    }
}

#[test]
fn small_layers_work_from_end_to_end() {
    for mode in [Mode::Exact, Mode::Approximate] {
        for (layer, groups, bits) in [
            ((14, [9, 5], 3, 1, 1, 1), 1, 37),
            ((15, [6, 4], 3, 2, 1, 1), 2, 20),
            ((9, [12, 12], 3, 1, 1, 1), 12, 37),
            ((7, [33, 20], 1, 1, 0, 1), 1, 41),
            ((70, [2, 1], 5, 2, 2, 1), 1, 32),
            (dense(300, 70), 1, 37),
        ] {
            let shape = ConvShape {
                groups,
                ..shape(&layer)
            };
            end_to_end(&shape, PlainModulus::Bits(bits), mode);
        }
        end_to_end(&ConvShape::matmul(30, 40, 50), PlainModulus::Bits(64), mode);
    }
}
