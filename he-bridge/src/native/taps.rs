//! Products modulo a power of two: every term of a plaintext polynomial adds one shifted ciphertext polynomial, times
//! its value.
//!
//! No transform is needed: modulo a power of two the sum over inputs and terms of w X^e c is a product of matrices,
//! whose columns are the coefficients and whose second factor is never built: a row of it is an input polynomial read
//! from a shifted address. Columns go in blocks; what a block reads of the inputs ([`windows`]) is copied once, with
//! the signs that X^N = -1 gives to what is shifted around, and all outputs are computed from the copy.
//!
//! Values of the terms are secret: time depends on shapes, exponents and the declared bound alone.

mod kernel;
mod windows;
#[cfg(target_arch = "x86_64")]
mod x86;

use core::ops::Range;

use piquet_core::cpu::Level;
use piquet_core::{wipe, wipe_vec};

use super::power::Power;
use crate::Error;
use crate::map::Map;
use kernel::{Kernel, Signs, Source};
use windows::Windows;

/// Most columns of a block.
const WIDTH: usize = 1024;
/// Most sources that are summed before the sums are stored: their values, one tile wide, stay in the first cache.
const DEPTH: usize = 128;
/// Most terms of one input among them: the windows of so many stay in the second cache, however far they are apart.
const TERMS: usize = 64;

/// A server's polynomials: their terms.
pub(crate) struct Taps {
    kernel: Kernel,
    exponents: Vec<u32>,
    ins: usize,
    outs: usize,
    values: Values,
    /// No value is larger in absolute value.
    bound: u64,
}

/// `[outs][ins][exponents]`, in the narrowest words that hold what the bound allows.
enum Values {
    Short(Vec<i16>),
    Long(Vec<i32>),
    Quad(Vec<i64>),
}

impl Drop for Values {
    fn drop(&mut self) {
        match self {
            Self::Short(v) => wipe_vec(v),
            Self::Long(v) => wipe_vec(v),
            Self::Quad(v) => wipe_vec(v),
        }
    }
}

/// One block of columns of all outputs' halves: `[out][word]`.
struct Job<'a> {
    half: usize,
    start: usize,
    outs: Vec<&'a mut [u64]>,
}

impl Taps {
    /// Takes `[outs][ins][exponents]` values, none larger than `bound` in absolute value. With several limbs the
    /// bound is below 2^51: values plus the bound are 52-bit factors.
    pub(crate) fn prepare(
        power: Power,
        level: Level,
        bound: u64,
        map: &Map,
        values: &[i64],
    ) -> Result<Self, Error> {
        if power.words > 1 && bound >= 1 << 51 {
            return Err(Error::Parameter {
                what: "bound on weights",
                got: bound,
                domain: "below 2^51 where ciphertexts have limbs",
            });
        }
        // The casts keep everything: no value is larger than the bound.
        let values = if bound < 1 << 15 {
            Values::Short(values.iter().map(|v| *v as i16).collect())
        } else if bound < 1 << 31 {
            Values::Long(values.iter().map(|v| *v as i32).collect())
        } else {
            Values::Quad(values.to_vec())
        };
        Ok(Self {
            kernel: Kernel::new(power, level),
            exponents: map.exponents.clone(),
            ins: map.ins,
            outs: map.outs,
            values,
            bound,
        })
    }

    /// Terms of a polynomial.
    pub(crate) fn terms(&self) -> usize {
        self.exponents.len()
    }
    /// Both halves of the outputs numbered `outs`, from both halves of all inputs. Outputs that do not exist are left
    /// out.
    pub(crate) fn multiply(
        &self,
        inputs: &[[&[u64]; 2]],
        outs: Range<usize>,
    ) -> Vec<[Vec<u64>; 2]> {
        let outs = outs.start.min(self.outs)..outs.end.min(self.outs);
        let words = self.kernel.power.words;
        let len = inputs.first().map_or(0, |c| c[0].len());
        let degree = len / words;
        let mut results: Vec<[Vec<u64>; 2]> =
            outs.clone().map(|_| [vec![0; len], vec![0; len]]).collect();
        if degree == 0 {
            return results;
        }
        let width = WIDTH.min(degree);
        let mut jobs: Vec<Job<'_>> = (0..2)
            .flat_map(|half| (0..degree / width).map(move |b| (half, b * width)))
            .map(|(half, start)| Job {
                half,
                start,
                outs: Vec::with_capacity(outs.len() * words),
            })
            .collect();
        for result in &mut results {
            for (half, planes) in result.iter_mut().enumerate() {
                for plane in planes.chunks_exact_mut(degree) {
                    let jobs = jobs[half * (degree / width)..].iter_mut();
                    for (job, part) in jobs.zip(plane.chunks_exact_mut(width)) {
                        job.outs.push(part);
                    }
                }
            }
        }
        let run = |job: Job<'_>| self.columns(inputs, job, outs.clone(), degree, width);
        #[cfg(feature = "parallel")]
        {
            use rayon::prelude::*;
            jobs.into_par_iter().for_each(run);
        }
        #[cfg(not(feature = "parallel"))]
        jobs.into_iter().for_each(run);
        results
    }

    /// All outputs' columns `start..start + width`.
    fn columns(
        &self,
        inputs: &[[&[u64]; 2]],
        mut job: Job<'_>,
        outs: Range<usize>,
        degree: usize,
        width: usize,
    ) {
        let inputs = &inputs[..inputs.len().min(self.ins)];
        let (words, terms) = (self.kernel.power.words, self.exponents.len());
        let tiles = outs.len().div_ceil(self.kernel.rows).max(1);
        let mut scratch = vec![0; self.kernel.rows * (DEPTH + 1)];
        let mut sum = vec![0; words * width];
        let mut pairs = vec![0; width];
        let mut buffer = Vec::new();
        for (block, exponents) in self.exponents.chunks(TERMS).enumerate() {
            let windows = Windows::new(exponents, job.start, width, degree);
            let group = (DEPTH / exponents.len()).max(1);
            for (g, inputs) in inputs.chunks(group).enumerate() {
                let size = words * windows.stride;
                buffer.resize(inputs.len() * size, 0);
                for (input, buffer) in inputs.iter().zip(buffer.chunks_exact_mut(size)) {
                    windows.copy(&self.kernel.power, input[job.half], buffer);
                }
                let mut sources: Vec<Source<'_>> = (buffer.chunks_exact(size))
                    .flat_map(|planes| windows.sources(planes))
                    .collect();
                let many = sources.len();
                // With values offset by the bound B the outputs are B times the plain sum of the sources too large:
                // one more source, the negated sum, times B.
                if self.kernel.signs == Signs::Offset {
                    self.kernel.sum(&sources, &mut sum, width);
                    self.kernel.power.negate(&mut sum, width, 0..width);
                    sources.push(Source {
                        planes: &sum,
                        stride: width,
                        at: 0,
                        negative: false,
                    });
                }
                if self.kernel.pairs {
                    self.kernel.products(&sources, &mut pairs, width);
                }
                let mut row = 0;
                for tile in 0..tiles {
                    let next = outs.len() * (tile + 1) / tiles;
                    let (rows, columns) = (next - row, &mut job.outs[row * words..next * words]);
                    let scratch = &mut scratch[..rows * sources.len()];
                    scratch[many * rows..].fill(self.bound);
                    for r in 0..rows {
                        let first = (outs.start + row + r) * self.ins + g * group;
                        let mut to = scratch.iter_mut().skip(r).step_by(rows).zip(&sources);
                        for i in 0..inputs.len() {
                            let at = (first + i) * terms + block * TERMS;
                            let at = at..at + exponents.len();
                            let to = to.by_ref().take(at.len());
                            match &self.values {
                                Values::Short(v) => self.factors(&v[at], to),
                                Values::Long(v) => self.factors(&v[at], to),
                                Values::Quad(v) => self.factors(&v[at], to),
                            }
                        }
                    }
                    self.kernel.tile(&sources, &pairs, scratch, columns, rows);
                    row = next;
                }
            }
        }
        wipe(&mut scratch);
    }

    /// Values in the form in which the kernel wants them.
    #[inline(always)]
    fn factors<'a, T: Copy + Into<i64>>(
        &self,
        values: &[T],
        to: impl Iterator<Item = (&'a mut u64, &'a Source<'a>)>,
    ) {
        let (offset, mask) = match self.kernel.signs {
            Signs::Whole => (0, u64::MAX),
            Signs::Limb => (0, (1 << 52) - 1),
            Signs::Offset => (self.bound, u64::MAX),
        };
        for (v, (to, source)) in values.iter().zip(to) {
            let flip = u64::from(source.negative).wrapping_neg();
            let v = ((*v).into() as u64 ^ flip).wrapping_sub(flip);
            *to = v.wrapping_add(offset) & mask;
        }
    }
}

#[cfg(test)]
mod tests;
