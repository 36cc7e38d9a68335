#![allow(clippy::unwrap_used)]

use super::*;
use piquet_core::linalg::{PackedWeights, conv2d};

/// The layer by polynomials, in the clear, modulo 2^64.
pub(crate) fn by_polynomials(e: &Encoding, x: &[u64], w: &[i64]) -> Vec<u64> {
    let (n, map) = (e.degree(), e.map());
    let mut out = vec![0; e.shape().output_len()];
    for group in 0..e.groups() {
        let values = e.weights(group, w);
        map.validate(n, values.len()).unwrap();
        for tile in 0..e.tiles() {
            for o in 0..map.outs {
                let mut sum = vec![0u64; n];
                for i in 0..map.ins {
                    let mut polynomial = vec![7; n];
                    e.input(group, tile, i, x, &mut polynomial);
                    let terms = &values[(o * map.ins + i) * map.exponents.len()..];
                    for (exponent, v) in map.exponents.iter().zip(terms) {
                        for (k, c) in polynomial.iter().enumerate() {
                            let at = (k + *exponent as usize) % (2 * n);
                            let v = if at < n { *v } else { -*v };
                            sum[at % n] = sum[at % n].wrapping_add(c.wrapping_mul(v as u64));
                        }
                    }
                }
                let (positions, elements) = e.output(group, tile, o);
                assert!(positions.is_sorted());
                for (p, at) in positions.iter().zip(elements) {
                    out[at] = sum[*p as usize];
                }
            }
        }
    }
    out
}

#[test]
fn small_layers_agree_with_convolutions() {
    for (kernel, stride, padding, groups) in
        [(3, 1, 1, 1), (3, 2, 1, 2), (1, 1, 0, 1), (2, 1, 0, 4)]
    {
        let shape = ConvShape {
            batch: 2,
            input: [5, 6],
            in_channels: 4,
            out_channels: 8,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 4],
            dilation: [1; 2],
            groups,
        };
        let x: Vec<u64> = (0..shape.input_len() as u64)
            .map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .collect();
        let w: Vec<i64> = (0..shape.weight_len() as i64)
            .map(|i| i * 37 % 101 - 50)
            .collect();
        let packed =
            PackedWeights::pack(&shape, &w.iter().map(|w| *w as u64).collect::<Vec<_>>()).unwrap();
        let mut want = vec![0; shape.output_len()];
        conv2d(&shape, &[(&x, &packed)], &mut want).unwrap();
        let e = Encoding::new(&shape, 64).unwrap();
        assert_eq!(by_polynomials(&e, &x, &w), want);
    }
}
