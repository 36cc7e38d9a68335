//! The fixed-point oracle: one party, no secrets, every bound checked.
//!
//! It computes what the parties compute, in the same order and the same formats. With [`Truncation::Exact`] or
//! [`Truncation::Nearest`] an engine agrees with it bit for bit; with the other two it rounds down, and an engine may
//! be one unit above per rescaling. A value outside its declared bound is [`Error::Overflow`], naming the layer: that
//! is how a calibration that was too tight is found before anyone runs a protocol on it.

use piquet_core::linalg::PackedWeights;

use crate::Error;
use crate::engine::{
    Dot, Engine, LinearOp, MatMul, PlainWeights, Rescale, Spec, Truncation, Weighed, bias_format,
    check_bits, check_combination, check_dot, check_format, check_gather, check_matmul, check_mul,
    check_product, check_rescale, check_weighed, concat_format, concat_rows, gather_runs,
    matmul_shape, product_bound, scaled_format, sum_format,
};
use crate::layer::Layers;
use crate::ledger::Phase;
use crate::model::{Format, Shape};
use crate::pool::Pool;

/// A fixed-point tensor in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainTensor {
    spec: Spec,
    data: Vec<i64>,
}

impl PlainTensor {
    /// Raw values, memory order.
    #[must_use]
    pub fn raw(&self) -> &[i64] {
        &self.data
    }
}

/// Weights in the clear, packed.
#[derive(Debug)]
pub struct PlainLinear {
    packed: PackedWeights<u64>,
    bias: Vec<i64>,
    /// Largest sum of |weights| into one output.
    norm: u128,
}

/// The oracle.
#[derive(Debug)]
pub struct Plain {
    pool: Pool,
    layer: String,
    tightest: Option<(String, u32)>,
}

impl Plain {
    /// An oracle that computes on `pool`.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self {
            pool,
            layer: String::new(),
            tightest: None,
        }
    }

    /// The layer whose largest value came closest to its bound so far, and the whole bits that were left.
    #[must_use]
    pub fn tightest(&self) -> Option<(&str, u32)> {
        self.tightest.as_ref().map(|(n, b)| (n.as_str(), *b))
    }

    fn tensor(
        &mut self,
        shape: &Shape,
        format: Format,
        data: Vec<i64>,
    ) -> Result<PlainTensor, Error> {
        let mut largest = 0u64;
        for raw in &data {
            largest = largest.max(raw.unsigned_abs());
        }
        let used = u64::BITS - largest.leading_zeros();
        if used > format.bound() {
            return Err(Error::Overflow {
                layer: self.layer.clone(),
                raw: data
                    .iter()
                    .copied()
                    .max_by_key(|r| r.unsigned_abs())
                    .unwrap_or(0),
                bound: format.bound(),
            });
        }
        let left = format.bound() - used;
        if self.tightest.as_ref().is_none_or(|(_, b)| left < *b) {
            self.tightest = Some((self.layer.clone(), left));
        }
        Ok(PlainTensor {
            spec: Spec {
                shape: shape.clone(),
                format,
            },
            data,
        })
    }

    fn rescaled(
        &mut self,
        shape: &Shape,
        mut data: Vec<i64>,
        r: Rescale,
    ) -> Result<PlainTensor, Error> {
        if r.shift > 0 {
            let half = match r.mode {
                Truncation::Nearest => 1i64 << (r.shift - 1),
                Truncation::Exact | Truncation::Stochastic | Truncation::Local => 0,
            };
            // Half a unit more than what fits is where an engine's rounding may wrap.
            let most = 1i64 << product_bound(r.to.width()).min(62);
            if let Some(high) = data.iter().find(|x| half > 0 && **x >= most - half) {
                return Err(Error::Overflow {
                    layer: self.layer.clone(),
                    raw: *high,
                    bound: product_bound(r.to.width()),
                });
            }
            for x in &mut data {
                *x = x.wrapping_add(half) >> r.shift;
            }
        }
        self.tensor(shape, r.to, data)
    }
}

impl Plain {
    /// A sum of products; [`Error::Overflow`] if it leaves 63 bits.
    fn fits(&self, sum: i128) -> Result<i64, Error> {
        i64::try_from(sum).map_err(|_| Error::Overflow {
            layer: self.layer.clone(),
            raw: if sum > 0 { i64::MAX } else { i64::MIN },
            bound: 63,
        })
    }

    /// Products of matrices; [`Error::Overflow`] where a sum leaves 63 bits.
    fn matrices(&self, a: &[i64], b: &[i64], op: &MatMul) -> Result<Vec<i64>, Error> {
        let mut out = Vec::with_capacity(op.batch * op.rows * op.columns);
        let lefts = a.chunks_exact((op.rows * op.inner).max(1));
        for (a, b) in lefts.zip(b.chunks_exact((op.inner * op.columns).max(1))) {
            for row in a.chunks_exact(op.inner.max(1)) {
                for j in 0..op.columns {
                    let (first, step) = match op.transposed {
                        true => (j * op.inner, 1),
                        false => (j, op.columns),
                    };
                    let column = b.iter().skip(first).step_by(step);
                    let sum: i128 = row
                        .iter()
                        .zip(column)
                        .map(|(a, b)| i128::from(*a) * i128::from(*b))
                        .sum();
                    out.push(self.fits(sum)?);
                }
            }
        }
        Ok(out)
    }
}

impl Engine for Plain {
    type Arith = PlainTensor;
    type Bits = Vec<bool>;
    type Weights = PlainLinear;

    fn spec<'a>(&self, x: &'a PlainTensor) -> &'a Spec {
        &x.spec
    }

    fn prepare(
        &mut self,
        op: &LinearOp,
        weights: Option<PlainWeights<'_>>,
    ) -> Result<PlainLinear, Error> {
        let w = weights.ok_or(Error::Ownership(
            "the plain engine needs the weights itself",
        ))?;
        let words: Vec<u64> = w.weights.iter().map(|w| *w as u64).collect();
        let norm = w
            .weights
            .chunks(op.shape.fan_in())
            .map(|row| row.iter().map(|w| u128::from(w.unsigned_abs())).sum())
            .max()
            .unwrap_or(0);
        let want = if op.bias { op.shape.out_channels } else { 0 };
        if w.bias.len() != want {
            return Err(Error::Length {
                what: "bias",
                got: w.bias.len(),
                want,
            });
        }
        Ok(PlainLinear {
            packed: PackedWeights::pack(&op.shape, &words)?,
            bias: w.bias.to_vec(),
            norm,
        })
    }

    fn prepare_bias(&mut self, spec: &Spec, bias: Option<&[i64]>) -> Result<PlainTensor, Error> {
        self.input(spec, bias)
    }

    fn input(&mut self, spec: &Spec, value: Option<&[i64]>) -> Result<PlainTensor, Error> {
        let value = value.ok_or(Error::Ownership("the plain engine needs the input itself"))?;
        check_format(spec.format)?;
        if value.len() != spec.len() {
            return Err(Error::Length {
                what: "input",
                got: value.len(),
                want: spec.len(),
            });
        }
        self.tensor(&spec.shape, spec.format, value.to_vec())
    }

    fn reveal(&mut self, x: &PlainTensor) -> Result<Option<Vec<i64>>, Error> {
        Ok(Some(x.data.clone()))
    }

    fn constant(&mut self, spec: &Spec, value: &[i64]) -> Result<PlainTensor, Error> {
        self.input(spec, Some(value))
    }

    fn add(&mut self, a: &PlainTensor, b: &PlainTensor) -> Result<PlainTensor, Error> {
        let format = sum_format("add", &a.spec, &b.spec)?;
        let data = a.data.iter().zip(&b.data).map(|(a, b)| a + b).collect();
        self.tensor(&a.spec.shape, format, data)
    }

    fn sub(&mut self, a: &PlainTensor, b: &PlainTensor) -> Result<PlainTensor, Error> {
        let format = sum_format("sub", &a.spec, &b.spec)?;
        let data = a.data.iter().zip(&b.data).map(|(a, b)| a - b).collect();
        self.tensor(&a.spec.shape, format, data)
    }

    fn add_bias(&mut self, x: &PlainTensor, bias: &PlainTensor) -> Result<PlainTensor, Error> {
        let format = bias_format(&x.spec, &bias.spec)?;
        let rows = x.data.chunks(bias.data.len().max(1));
        let data = rows
            .flat_map(|row| row.iter().zip(&bias.data).map(|(x, b)| x + b))
            .collect();
        self.tensor(&x.spec.shape, format, data)
    }

    fn mul_public(
        &mut self,
        x: &PlainTensor,
        factors: &[i64],
        frac: u32,
    ) -> Result<PlainTensor, Error> {
        let format = scaled_format(&x.spec, factors, frac)?;
        let row = x.data.len() / factors.len().max(1);
        let data = x
            .data
            .chunks(row.max(1))
            .zip(factors)
            .flat_map(|(xs, f)| xs.iter().map(move |x| x * f))
            .collect();
        self.tensor(&x.spec.shape, format, data)
    }

    fn combine(
        &mut self,
        terms: &[(&PlainTensor, i64)],
        constant: i64,
        to: Format,
    ) -> Result<PlainTensor, Error> {
        let specs: Vec<_> = terms.iter().map(|(x, f)| (&x.spec, *f)).collect();
        let shape = check_combination(&specs, to)?;
        // A sum of few products below 2^62 may leave 64 bits, although what it is declared as does not.
        let mut sums = vec![i128::from(constant); shape.elements()];
        for (x, factor) in terms {
            for (sum, x) in sums.iter_mut().zip(&x.data) {
                *sum += i128::from(x * factor);
            }
        }
        let within = |v: i128| v.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        self.tensor(shape, to, sums.into_iter().map(within).collect())
    }

    fn gather(
        &mut self,
        x: &PlainTensor,
        run: usize,
        index: &[u32],
        shape: &Shape,
    ) -> Result<PlainTensor, Error> {
        check_gather(&x.spec, run, index, shape)?;
        let mut data = Vec::with_capacity(shape.elements());
        gather_runs(&x.data, run, index, |row| data.extend_from_slice(row));
        self.tensor(shape, x.spec.format, data)
    }

    fn concat(&mut self, xs: &[&PlainTensor], shape: &Shape) -> Result<PlainTensor, Error> {
        let specs: Vec<_> = xs.iter().map(|x| &x.spec).collect();
        let format = concat_format(&specs, shape)?;
        let parts: Vec<_> = xs
            .iter()
            .map(|x| (x.data.as_slice(), x.spec.shape.channels()))
            .collect();
        let mut data = Vec::with_capacity(shape.elements());
        concat_rows(&parts, |row| data.extend_from_slice(row));
        self.tensor(shape, format, data)
    }

    fn declare(&mut self, x: PlainTensor, format: Format) -> Result<PlainTensor, Error> {
        if x.spec.format.frac() != format.frac() {
            return Err(Error::FormatMismatch {
                op: "declare",
                left: x.spec.format,
                right: format,
            });
        }
        check_format(format)?;
        self.tensor(&x.spec.shape, format, x.data)
    }

    fn xor(&mut self, a: &Vec<bool>, b: &Vec<bool>) -> Result<Vec<bool>, Error> {
        Ok(a.iter().zip(b).map(|(a, b)| a ^ b).collect())
    }

    fn not(&mut self, a: &Vec<bool>) -> Result<Vec<bool>, Error> {
        Ok(a.iter().map(|a| !a).collect())
    }

    fn linear(
        &mut self,
        xs: &[&PlainTensor],
        op: &LinearOp,
        weights: &PlainLinear,
        rescale: Rescale,
    ) -> Result<Vec<PlainTensor>, Error> {
        xs.iter()
            .map(|x| {
                check_product(&x.spec, op, &rescale)?;
                let largest = x.data.iter().map(|v| v.unsigned_abs()).max().unwrap_or(0);
                let bias = weights
                    .bias
                    .iter()
                    .map(|v| v.unsigned_abs())
                    .max()
                    .unwrap_or(0);
                let reach = u128::from(largest)
                    .saturating_mul(weights.norm)
                    .saturating_add(u128::from(bias));
                if reach >= 1 << 62 {
                    return Err(Error::Range {
                        what: "product with weights",
                        bound: u128::BITS - reach.leading_zeros(),
                    });
                }
                let words: Vec<u64> = x.data.iter().map(|v| *v as u64).collect();
                let mut out = vec![0u64; op.shape.output_len()];
                self.pool
                    .conv2d(&op.shape, &[(&words, &weights.packed)], &mut out)?;
                let mut data: Vec<i64> = out.into_iter().map(|v| v as i64).collect();
                if op.bias {
                    for row in data.chunks_exact_mut(op.shape.out_channels) {
                        for (y, b) in row.iter_mut().zip(&weights.bias) {
                            *y += b;
                        }
                    }
                }
                self.rescaled(&op.out, data, rescale)
            })
            .collect()
    }

    fn mul(
        &mut self,
        pairs: &[(&PlainTensor, &PlainTensor)],
        rescale: Rescale,
    ) -> Result<Vec<PlainTensor>, Error> {
        pairs
            .iter()
            .map(|(a, b)| {
                check_mul(&a.spec, &b.spec, &rescale)?;
                let pairs = a.data.iter().zip(&b.data);
                let data = pairs
                    .map(|(a, b)| self.fits(i128::from(*a) * i128::from(*b)))
                    .collect::<Result<_, _>>()?;
                self.rescaled(&a.spec.shape, data, rescale)
            })
            .collect()
    }

    fn dot(
        &mut self,
        sums: &[Dot<'_, PlainTensor>],
        rescale: Rescale,
    ) -> Result<Vec<PlainTensor>, Error> {
        sums.iter()
            .map(|sum| {
                let specs: Vec<_> = sum
                    .products
                    .iter()
                    .map(|(a, b)| (&a.spec, &b.spec))
                    .collect();
                check_dot(&specs, sum.plus.map(|p| &p.spec), &rescale)?;
                let shape = specs.first().map(|(a, _)| a.shape.clone());
                let shape = shape.ok_or(Error::Ownership("a sum of nothing"))?;
                let mut data: Vec<i128> = match sum.plus {
                    Some(p) => p.data.iter().map(|p| i128::from(*p)).collect(),
                    None => vec![0; shape.elements()],
                };
                for (a, b) in &sum.products {
                    for ((y, a), b) in data.iter_mut().zip(&a.data).zip(&b.data) {
                        *y += i128::from(*a) * i128::from(*b);
                    }
                }
                let data = data
                    .into_iter()
                    .map(|y| self.fits(y))
                    .collect::<Result<_, _>>()?;
                self.rescaled(&shape, data, rescale)
            })
            .collect()
    }

    fn matmul(
        &mut self,
        pairs: &[(&PlainTensor, &PlainTensor)],
        op: &MatMul,
        rescale: Rescale,
    ) -> Result<Vec<PlainTensor>, Error> {
        let shape = matmul_shape(op)?;
        pairs
            .iter()
            .map(|(a, b)| {
                check_matmul(&a.spec, &b.spec, op, &rescale)?;
                let data = self.matrices(&a.data, &b.data, op)?;
                self.rescaled(&shape, data, rescale)
            })
            .collect()
    }

    fn rescale(
        &mut self,
        xs: &[&PlainTensor],
        rescale: Rescale,
    ) -> Result<Vec<PlainTensor>, Error> {
        xs.iter()
            .map(|x| {
                check_rescale(x.spec.format.frac(), x.spec.format.bound(), &rescale)?;
                self.rescaled(&x.spec.shape, x.data.clone(), rescale)
            })
            .collect()
    }

    fn non_negative(&mut self, xs: &[&PlainTensor]) -> Result<Vec<Vec<bool>>, Error> {
        Ok(xs
            .iter()
            .map(|x| x.data.iter().map(|v| *v >= 0).collect())
            .collect())
    }

    fn bits(
        &mut self,
        xs: &[&PlainTensor],
        range: core::ops::Range<u32>,
    ) -> Result<Vec<Vec<Vec<bool>>>, Error> {
        xs.iter()
            .map(|x| {
                check_bits(&x.spec, &range)?;
                let plane = |j: u32| x.data.iter().map(|v| v >> j & 1 == 1).collect();
                Ok(range.clone().map(plane).collect())
            })
            .collect()
    }

    fn weigh(
        &mut self,
        bits: &[(&[&Vec<bool>], &Shape)],
        sums: &[Weighed<'_>],
    ) -> Result<Vec<Vec<PlainTensor>>, Error> {
        bits.iter()
            .map(|(bits, shape)| {
                check_weighed(bits.len(), sums)?;
                sums.iter()
                    .map(|s| {
                        let mut wide = vec![0i128; shape.elements()];
                        for (plane, f) in bits.iter().zip(s.factors) {
                            for (y, b) in wide.iter_mut().zip(*plane) {
                                *y += if *b { i128::from(*f) } else { 0 };
                            }
                        }
                        let data = wide.into_iter().map(|y| self.fits(y));
                        let data = data.collect::<Result<_, _>>()?;
                        self.tensor(shape, s.format, data)
                    })
                    .collect()
            })
            .collect()
    }

    fn and(&mut self, pairs: &[(&Vec<bool>, &Vec<bool>)]) -> Result<Vec<Vec<bool>>, Error> {
        Ok(pairs
            .iter()
            .map(|(a, b)| a.iter().zip(*b).map(|(a, b)| a & b).collect())
            .collect())
    }

    fn select(&mut self, pairs: &[(&Vec<bool>, &PlainTensor)]) -> Result<Vec<PlainTensor>, Error> {
        pairs
            .iter()
            .map(|(b, x)| {
                let data = x
                    .data
                    .iter()
                    .zip(*b)
                    .map(|(x, b)| if *b { *x } else { 0 })
                    .collect();
                self.tensor(&x.spec.shape, x.spec.format, data)
            })
            .collect()
    }

    fn to_arith(
        &mut self,
        bits: &[(&Vec<bool>, &Shape)],
        format: Format,
    ) -> Result<Vec<PlainTensor>, Error> {
        bits.iter()
            .map(|(b, shape)| {
                let data = b.iter().map(|b| i64::from(*b)).collect();
                self.tensor(shape, format, data)
            })
            .collect()
    }

    fn begin_phase(&mut self, _: Phase) {}

    fn begin_layer(&mut self, name: &str, _: &str) {
        name.clone_into(&mut self.layer);
    }

    fn end_layer(&mut self) {}
}

impl Layers for Plain {}
