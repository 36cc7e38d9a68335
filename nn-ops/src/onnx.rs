//! Networks from ONNX files, as PyTorch and TensorFlow export them: operator sets 7 to 28.
//!
//! [`import`] gives a [`Graph`], which is public, and [`Params`], which are their owner's. Public is the structure
//! with its attributes: shapes, strides, paddings, the bounds of `Clip`, the slope of `LeakyRelu`, the exponent of
//! `Pow`, and whatever shape arithmetic folds to. Private is every tensor of real numbers that a value of the network
//! meets: weights and biases, statistics of normalisations, slopes of `PRelu`, and constants that are added or
//! multiplied, also when the file writes them as constants between the nodes. The epsilon of a normalisation is
//! structure, and so is what makes a group of nodes the one function that they are.
//!
//! An operator that only moves elements (`Transpose`, `Reshape`, `Slice`, ...) becomes part of the next [`View`] or,
//! where it undoes another, nothing. Arithmetic on constants is done here. A `Softmax` or `LogSoftmax` at the end,
//! along axis 1 or the last, is left off, and is the [`Ending`] that whoever opens the result applies in the clear.
//!
//! Files come from strangers. Whatever cannot be run is refused with node, operator and reason, all such nodes at
//! once; sizes, nesting and the memory that an import may take are bounded.
//!
//! The result has the shape that the file gives it, but for classes: `ArgMax` gives `[rows][1]`, whatever is made of
//! it afterwards.
//!
//! # Transformers
//!
//! An input of integers is numbers of [tokens](Input::Tokens). The graph's input is then a unit vector for each, and
//! a table of embeddings a linear layer; what else is computed with the numbers, such as a mask of those that pad, is
//! refused. Other inputs are [fixed](Options::fixed) to public values; `attention_mask`, `token_type_ids` and
//! `position_ids` are those of one text without padding if nothing else is said. Lengths that a file leaves open are
//! those of [`Options::input`].
//!
//! GELU, SiLU, layer norms and softmaxes are found in the arithmetic that exporters write for them. A factor of a
//! single number, such as that of attention, goes into the weights of a layer before it where there is one.
//!
//! Masks are public: what `Where` chooses with a constant, the single number that it fills in, and where a constant
//! that is added before a softmax is -10000 or less, which counts as minus infinity. One that lets each row see what
//! is left of its diagonal makes the softmax a causal one, which computes half as much.
//!
//! # Operators
//!
//! | kind | what is imported |
//! |---|---|
//! | convolutions | `Conv` over lines and pictures, with a constant weight: groups, dilations, all of `auto_pad` |
//! | products | `Gemm` and `MatMul` of values and constants, over any leading dimensions; `Attention` without a past |
//! | tokens | `Gather` of a constant table by the input |
//! | pooling | `MaxPool`, `AveragePool`, `GlobalMaxPool`, `GlobalAveragePool` over lines and pictures, not dilated; `ReduceMean`, `ReduceSum`, `ReduceMax` along any axes |
//! | normalisation | `BatchNormalization`, also as the arithmetic that exporters write instead; `LayerNormalization`, likewise; `RMSNormalization` |
//! | activations | `Relu`, `LeakyRelu`, `PRelu`, `Clip`, `Abs`, `HardSigmoid`, `HardSwish` |
//! | functions | `Exp`, `Log`, `Sqrt`, `Reciprocal`, `Sigmoid`, `Tanh`, `Gelu` (either kind, also by `Erf` or `Tanh`), `Swish` (also by `Sigmoid`), `Softmax` and `LogSoftmax` along any axis |
//! | arithmetic | `Add`, `Sub`, `Mul`, `Div`, `Sum`, `Mean`, `Min`, `Max` of values and constants, `Neg`, `Pow` by -1, -1/2, 1/2, 1, 2 and 3 |
//! | masks | `Where` with a constant choice, `Add` of minus infinity before a softmax, `IsNaN` (which nothing is) |
//! | movement | `Cast`, `Concat`, `DepthToSpace`, `Dropout`, `Expand`, `Flatten`, `Gather` of places equally far apart, `Identity`, `Pad`, `Reshape`, `Slice`, `SpaceToDepth`, `Split`, `Squeeze`, `Tile`, `Transpose`, `Unsqueeze` |
//! | shapes, constants | `Constant`, `ConstantOfShape`, `CumSum`, `GatherND`, `Range`, `ScatterND`, `Shape`, `Size`, `Trilu`, comparisons, logic, rounding, roots, exponentials, sines, reductions |
//! | the end | `ArgMax` |
//!
//! [`View`]: crate::model::Op::View

mod ending;
mod error;
mod fold;
mod fuse;
mod inputs;
mod item;
mod layout;
mod lower;
mod merge;
mod names;
mod proto;
mod refused;
mod source;
mod tensor;
mod wire;

pub use ending::Ending;
pub use error::{MAX_REFUSALS, OnnxError, Refusal, Refusals};
pub use inputs::{Fixed, Input};

use crate::model::{Graph, Params};
use core::ops::RangeInclusive;
use std::collections::BTreeMap;
use std::path::Path;

/// Versions of ONNX's operators that are read.
pub const OPERATOR_SETS: RangeInclusive<i64> = 7..=28;

/// What a file leaves open, and how large it may be. By default, one picture of the shape that the file says, and its
/// only output.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Pictures at a time, where the file does not fix it; 1 if not given.
    pub batch: Option<usize>,
    /// Shape of the input, where the file does not fix it.
    pub input: Option<Vec<usize>>,
    /// Public values of inputs, by name, where the file has more than the one that is shared. Of transformers,
    /// `attention_mask`, `token_type_ids` and `position_ids` need none: they are ones, zeros and places.
    pub fixed: BTreeMap<String, Fixed>,
    /// Name of the result, needed if the file has several.
    pub output: Option<String>,
    /// Largest size of things.
    pub limits: Limits,
}

/// How large a model may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the file.
    pub file: usize,
    /// Numbers in weights and constants, those of external files included.
    pub constants: usize,
    /// Elements of one value of the network.
    pub value: usize,
}

impl Default for Limits {
    /// 2 GiB (no protobuf file is larger), 2^29 numbers, 2^28 elements.
    fn default() -> Self {
        Self {
            file: 1 << 31,
            constants: 1 << 29,
            value: 1 << 28,
        }
    }
}

/// A network from a file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Imported {
    /// What everyone may know.
    pub graph: Graph,
    /// What only the owner of the model knows.
    pub params: Params,
    /// What the network is shown: real numbers, or tokens.
    pub input: Input,
    /// What remains to be done to the opened result.
    pub ending: Ending,
}

/// Reads a model. `external` is the folder of the files that hold its tensors, if it is not a single file.
pub fn import(
    bytes: &[u8],
    external: Option<&Path>,
    options: &Options,
) -> Result<Imported, OnnxError> {
    if bytes.len() > options.limits.file {
        return Err(OnnxError::Limit {
            what: "the number of its bytes",
            most: options.limits.file as u64,
        });
    }
    let model = wire::decode(bytes)?;
    let source = source::Source::new(&model, options)?;
    lower::lower(&source, external, options.limits)
}

#[cfg(test)]
mod tests;
