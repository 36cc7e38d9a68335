//! Linear layers as products of polynomials.
//!
//! After Cheetah (eprint 2022/207, section 3): coefficients of inputs and weights are placed so that sums of products that a layer wants
//! land on coefficients of their own. A layer is cut into groups (of channels) and tiles (of positions); each pair of them
//! is one [`Map`], with the same exponents for all tiles.

use piquet_core::linalg::ConvShape;

use crate::Error;
use crate::map::Map;
use crate::noise::Bound;

/// How a layer's elements lie in polynomials. Activations are `[batch][height][width][channel]`, weights
/// `[out][in / groups][kh][kw]`, as for `piquet_core::linalg`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoding {
    shape: ConvShape,
    degree: usize,
    width: usize,
    map: Map,
}

impl Encoding {
    /// One channel a polynomial.
    pub fn new(shape: &ConvShape, degree: usize) -> Result<Self, Error> {
        shape.validate()?;
        let [top, left, bottom, right] = shape.padding;
        let width = shape.input[1] + left.max(right);
        let height = shape.input[0] + top.max(bottom);
        if width * height > degree {
            return Err(Error::Parameter {
                what: "padded image",
                got: (width * height) as u64,
                domain: "at most the degree",
            });
        }
        let [kh, kw] = shape.kernel;
        let n = 2 * degree;
        let exponents = (0..kh * kw)
            .map(|k| {
                let (dy, dx) = (k / kw * shape.dilation[0], k % kw * shape.dilation[1]);
                ((n + top * width + left - dy * width - dx) % n) as u32
            })
            .collect();
        Ok(Self {
            shape: *shape,
            degree,
            width,
            map: Map {
                ins: shape.in_channels / shape.groups,
                outs: shape.out_channels / shape.groups,
                exponents,
            },
        })
    }
    /// The layer.
    #[must_use]
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }
    /// Degree of the polynomials.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.degree
    }
    /// Groups, each with weights of its own.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.shape.groups
    }
    /// Tiles, each multiplied by all weights.
    #[must_use]
    pub fn tiles(&self) -> usize {
        self.shape.batch
    }
    /// The product of one group and one tile.
    #[must_use]
    pub fn map(&self) -> &Map {
        &self.map
    }
    /// What parameters have to allow for weights of at most `weight` in absolute value.
    #[must_use]
    pub fn bound(&self, weight: u64) -> Bound {
        Bound {
            weight,
            terms: (self.map.ins * self.map.exponents.len()) as u64,
            useful: self.shape.fan_in() as u64,
        }
    }
    /// Fills input polynomial `i` of a group and tile from the layer's whole input.
    pub fn input(&self, group: usize, tile: usize, i: usize, x: &[u64], polynomial: &mut [u64]) {
        polynomial.fill(0);
        let [h, w] = self.shape.input;
        let channels = self.shape.in_channels;
        let x = &x[tile * h * w * channels + group * self.map.ins + i..];
        for y in 0..h {
            for z in 0..w {
                polynomial[y * self.width + z] = x[(y * w + z) * channels];
            }
        }
    }
    /// The terms of a group's polynomials, as its [`Map`] wants them, from the layer's whole weights.
    #[must_use]
    pub fn weights(&self, group: usize, weights: &[i64]) -> Vec<i64> {
        let each = self.map.values();
        weights[group * each..][..each].to_vec()
    }
    /// The coefficients of output polynomial `o` of a group and tile that hold outputs, ascending, and which element of the layer's whole
    /// output each of them is.
    #[must_use]
    pub fn output(&self, group: usize, tile: usize, o: usize) -> (Vec<u32>, Vec<usize>) {
        let [h, w] = self.shape.output();
        let [sy, sx] = self.shape.stride;
        let channel = group * self.map.outs + o;
        (0..h * w)
            .map(|p| {
                let at = p / w * sy * self.width + p % w * sx;
                let element = (tile * h * w + p) * self.shape.out_channels + channel;
                (at as u32, element)
            })
            .unzip()
    }
}

#[cfg(test)]
mod tests;
