//! Products modulo a power of two: every term of a plaintext polynomial adds one shifted ciphertext polynomial, times its value.

use super::power::Power;
use crate::map::Map;

/// A server's polynomials: their terms.
#[derive(Debug, Clone)]
pub(crate) struct Taps {
    map: Map,
    values: Vec<i64>,
}

impl Taps {
    pub(crate) fn prepare(map: &Map, values: &[i64]) -> Self {
        Self {
            map: map.clone(),
            values: values.to_vec(),
        }
    }
    /// One output, from the coefficients of the inputs.
    pub(crate) fn multiply(&self, power: Power, inputs: &[&[u64]], out: usize) -> Vec<u64> {
        let terms = self.map.exponents.len();
        let words = inputs.first().map_or(0, |x| x.len());
        let n = words / power.words;
        let mut sum = vec![0u128; n];
        for (i, input) in inputs.iter().enumerate() {
            let values = &self.values[(out * self.map.ins + i) * terms..][..terms];
            for (e, v) in self.map.exponents.iter().zip(values) {
                let (place, negative) = Map::place(*e, n);
                let v = if negative { v.wrapping_neg() } else { *v };
                for k in 0..n {
                    let product = power.get(input, k).wrapping_mul(i128::from(v) as u128);
                    let (to, product) = if k + place < n {
                        (k + place, product)
                    } else {
                        (k + place - n, product.wrapping_neg())
                    };
                    sum[to] = sum[to].wrapping_add(product);
                }
            }
        }
        let mut planes = vec![0; words];
        for (i, x) in sum.into_iter().enumerate() {
            power.set(&mut planes, i, x);
        }
        planes
    }
}
