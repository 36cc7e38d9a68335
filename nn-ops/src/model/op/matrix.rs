//! Attributes of operators on matrices and rows, and of functions of single elements: what transformers are made of.
//!
//! A tensor of two to four dimensions is a batch of matrices: its last dimension is a row of features, the one before
//! counts rows.

use crate::model::Shape;
use serde::{Deserialize, Serialize};

/// Most runs of a [`Mask`].
const MAX_RUNS: usize = 1 << 16;

/// Attributes of a product of two values: `[.., m, k]` times `[.., k, n]`, all dimensions before the last two equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatMul {
    /// Whether the second value is `[.., n, k]`.
    pub transposed: bool,
}

impl MatMul {
    pub(super) fn infer(self, inputs: &[&Shape]) -> Result<Shape, String> {
        let [x, y] = inputs else {
            return Err("takes two matrices".to_owned());
        };
        let [batch, _, k, n] = self.sides(x, y).ok_or_else(|| {
            format!("takes two batches of matrices of matching sides, not {x} and {y}")
        })?;
        debug_assert!(batch > 0 && k > 0);
        let mut dims = x.dims().to_vec();
        if let Some(last) = dims.last_mut() {
            *last = n;
        }
        Shape::new(&dims).map_err(|e| e.to_string())
    }

    /// Pairs of matrices, rows and columns of the left one, columns of the product; `None` if the shapes do not match.
    #[must_use]
    pub fn sides(self, x: &Shape, y: &Shape) -> Option<[usize; 4]> {
        let ([before @ .., m, k], [others @ .., rows, columns]) = (x.dims(), y.dims()) else {
            return None;
        };
        let (inner, n) = match self.transposed {
            true => (columns, rows),
            false => (rows, columns),
        };
        let batch = before.iter().product();
        (before == others && k == inner).then_some([batch, *m, *k, *n])
    }
}

/// Attributes of a softmax along the last dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Softmax {
    /// Whether the result is its logarithm.
    pub log: bool,
    /// Whether row `i` of each (square) matrix knows its first `i + 1` elements only; the others become 0.
    pub causal: bool,
}

impl Softmax {
    pub(super) fn infer(self, x: &Shape) -> Result<Shape, String> {
        if !(2..=4).contains(&x.rank()) {
            return Err(format!("takes 2 to 4 dimensions, not {x}"));
        }
        if self.log && self.causal {
            return Err("a logarithm of what is masked".to_owned());
        }
        if self.causal {
            Mask::Causal.check(x)?;
        }
        Ok(x.clone())
    }
}

/// Attributes of a normalisation along the last dimension, with a factor and a summand for each place of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerNorm {
    /// Added to the variance.
    pub eps: f32,
}

impl LayerNorm {
    pub(super) fn infer(self, x: &Shape) -> Result<Shape, String> {
        if !(2..=4).contains(&x.rank()) {
            return Err(format!("takes 2 to 4 dimensions, not {x}"));
        }
        if !(self.eps.is_finite() && self.eps >= 0.0) {
            return Err("its epsilon is not a number of at least zero".to_owned());
        }
        Ok(x.clone())
    }
}

/// A function of single elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Function {
    /// `e^x`
    Exp,
    /// The natural logarithm.
    Log,
    /// The square root.
    Sqrt,
    /// `1 / sqrt(x)`
    Rsqrt,
    /// `1 / x`
    Reciprocal,
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `x` times the distribution function of the normal distribution.
    Gelu,
    /// Its approximation by `x / 2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`.
    GeluTanh,
    /// `x / (1 + e^-x)`
    Silu,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Exp,
        Self::Log,
        Self::Sqrt,
        Self::Rsqrt,
        Self::Reciprocal,
        Self::Sigmoid,
        Self::Tanh,
        Self::Gelu,
        Self::GeluTanh,
        Self::Silu,
    ];

    /// Its name in files and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exp => "exp",
            Self::Log => "log",
            Self::Sqrt => "sqrt",
            Self::Rsqrt => "rsqrt",
            Self::Reciprocal => "reciprocal",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu_tanh",
            Self::Silu => "silu",
        }
    }
}

/// Attributes of a replacement by a public constant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    /// What is kept.
    pub keep: Mask,
    /// What stands elsewhere.
    pub value: f32,
}

impl Fill {
    pub(super) fn check(&self, x: &Shape) -> Result<(), String> {
        if !self.value.is_finite() {
            return Err("its constant is not a finite number".to_owned());
        }
        self.keep.check(x)
    }
}

/// A public choice of elements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Mask {
    /// Of square matrices the diagonal and what is left of it.
    Causal,
    /// Runs of elements in row-major order that are chosen and not chosen in turn, the first (which may be empty) chosen. All
    /// together divide the tensor, and repeat until it is full.
    Runs(Vec<u32>),
}

impl Mask {
    pub(super) fn check(&self, x: &Shape) -> Result<(), String> {
        match (self, x.dims()) {
            (Self::Causal, [.., m, n]) if m == n => Ok(()),
            (Self::Causal, _) => Err(format!("a causal mask takes square matrices, not {x}")),
            (Self::Runs(runs), _) if runs.len() > MAX_RUNS => {
                Err(format!("a mask of more than {MAX_RUNS} runs"))
            }
            (Self::Runs(runs), _) => {
                let total: u64 = runs.iter().map(|r| u64::from(*r)).sum();
                match total > 0 && (x.elements() as u64).is_multiple_of(total) {
                    true => Ok(()),
                    false => Err(format!("a mask of {total} elements does not divide {x}")),
                }
            }
        }
    }

    /// Whether each element of a tensor of this shape is chosen, row-major; for a mask that is valid for it.
    pub(crate) fn chosen(&self, x: &Shape) -> impl Iterator<Item = bool> + use<> {
        let n = x.last();
        let runs = match self {
            Self::Causal => (1..=n).flat_map(|i| [i, n - i]).collect(),
            Self::Runs(runs) => runs.iter().map(|r| *r as usize).collect::<Vec<_>>(),
        };
        let one: Vec<bool> = runs
            .iter()
            .zip([true, false].into_iter().cycle())
            .flat_map(|(run, chosen)| core::iter::repeat_n(chosen, *run))
            .collect();
        one.into_iter().cycle().take(x.elements())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(dims: &[usize]) -> Shape {
        Shape::new(dims).unwrap()
    }

    #[test]
    fn sides_of_products_match_or_are_refused() {
        let infer = |transposed, x: &[usize], y: &[usize]| {
            let y = MatMul { transposed }.infer(&[&shape(x), &shape(y)]);
            y.map(|s| s.dims().to_vec())
        };
        assert_eq!(infer(false, &[2, 3], &[3, 5]), Ok(vec![2, 5]));
        assert_eq!(infer(true, &[7, 2, 3], &[7, 5, 3]), Ok(vec![7, 2, 5]));
        let four = infer(false, &[2, 4, 2, 3], &[2, 4, 3, 1]);
        assert_eq!(four, Ok(vec![2, 4, 2, 1]));
        for (x, y) in [
            (&[2, 3][..], &[2, 5][..]),
            (&[3], &[3]),
            (&[2, 2, 3], &[1, 3, 5]),
            (&[2, 3], &[1, 3, 5]),
        ] {
            assert!(infer(false, x, y).is_err(), "{x:?} {y:?}");
        }
    }

    #[test]
    fn masks_choose_what_they_say() {
        let chosen = |mask: &Mask, dims: &[usize]| -> String {
            let all = mask.chosen(&shape(dims));
            all.map(|c| if c { '1' } else { '0' }).collect()
        };
        assert_eq!(chosen(&Mask::Causal, &[2, 3, 3]), "100110111100110111");
        let runs = Mask::Runs(vec![1, 2]);
        assert_eq!(chosen(&runs, &[2, 3]), "100100");
        assert!(runs.check(&shape(&[2, 4])).is_err());
        assert!(Mask::Causal.check(&shape(&[2, 4])).is_err());
        assert!(Mask::Runs(vec![]).check(&shape(&[2, 4])).is_err());
        assert!(Mask::Runs(vec![0, 0]).check(&shape(&[2, 4])).is_err());
    }

    #[test]
    fn odd_attributes_are_refused() {
        let causal = |log| Softmax { log, causal: true };
        assert!(causal(false).infer(&shape(&[4, 4])).is_ok());
        assert!(causal(false).infer(&shape(&[4, 5])).is_err());
        assert!(causal(true).infer(&shape(&[4, 4])).is_err());
        assert!(LayerNorm { eps: f32::NAN }.infer(&shape(&[4, 4])).is_err());
        assert!(LayerNorm { eps: 1e-5 }.infer(&shape(&[4])).is_err());
        let fill = |value| Fill {
            keep: Mask::Causal,
            value,
        };
        assert!(fill(f32::INFINITY).check(&shape(&[4, 4])).is_err());
        assert!(fill(-1e4).check(&shape(&[4, 4])).is_ok());
    }
}
