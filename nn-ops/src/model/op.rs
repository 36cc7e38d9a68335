//! The operators of a graph: their public attributes, their output shapes and their parameters.
//!
//! Semantics are PyTorch's. Attributes come from files that strangers wrote, so every product is checked.

mod matrix;
mod window;

use super::{Clip, LeakyRelu, Pad, Role, Shape, View};
use serde::{Deserialize, Serialize};

pub use matrix::{Fill, Function, LayerNorm, Mask, MatMul, Softmax};
pub use window::{AvgPool, Conv, MaxPool};
use window::{pool, window};

/// Most inputs of one node.
const MAX_INPUTS: usize = 256;

/// What a node computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Op {
    /// The input of the network; the first node, and only it.
    Input,
    /// Two-dimensional (cross-)correlation.
    Conv(Conv),
    /// Product of each row with a matrix.
    Linear(Linear),
    /// Normalisation with fixed statistics, per channel.
    BatchNorm(BatchNorm),
    /// Per channel, times a weight plus a bias: what is left of a batch norm that no linear operator could take in.
    ChannelAffine,
    /// Per channel, plus a bias: what is left of a batch norm once a later convolution has taken in its factor.
    ChannelShift,
    /// max(x, 0)
    Relu,
    /// Nothing below one bound, nothing above another.
    Clip(Clip),
    /// Negative values times a slope.
    LeakyRelu(LeakyRelu),
    /// Maximum over windows; padding counts as minus infinity.
    MaxPool(MaxPool),
    /// Mean over windows.
    AvgPool(AvgPool),
    /// Mean over each channel, to 1x1.
    GlobalAvgPool,
    /// Sum of two tensors of the same shape.
    Add,
    /// Difference of two tensors of the same shape.
    Sub,
    /// Elementwise product of two tensors of the same shape.
    Mul,
    /// Elementwise quotient of two tensors of the same shape.
    Div,
    /// Product of two values, matrix by matrix.
    MatMul(MatMul),
    /// `e^x_i / sum e^x_j` along the last dimension, or its logarithm.
    Softmax(Softmax),
    /// Normalisation along the last dimension.
    LayerNorm(LayerNorm),
    /// A function of single elements.
    Function(Function),
    /// Times a public constant.
    Scale(f32),
    /// Plus a parameter of the same shape, such as position embeddings.
    Offset,
    /// A public constant where a public mask does not keep the value.
    Fill(Fill),
    /// Concatenation along the channels.
    Concat,
    /// To \[batch\]\[features\].
    Flatten,
    /// The elements in another arrangement.
    View(View),
    /// More rows and columns.
    Pad(Pad),
    /// Index of the largest feature (the first, if several are), \[batch\]\[1\].
    Argmax,
}

/// Attributes of a fully connected layer. Its weight is `[out_features][in_features]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Rows of the matrix.
    pub out_features: usize,
    /// Whether a bias `[out_features]` is added.
    pub bias: bool,
}

/// Attributes of a batch norm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Added to the variance.
    pub eps: f32,
}

impl Op {
    /// The operator's name in files and messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Conv(_) => "conv",
            Self::Linear(_) => "linear",
            Self::BatchNorm(_) => "batch_norm",
            Self::ChannelAffine => "channel_affine",
            Self::ChannelShift => "channel_shift",
            Self::Relu => "relu",
            Self::Clip(_) => "clip",
            Self::LeakyRelu(_) => "leaky_relu",
            Self::MaxPool(_) => "max_pool",
            Self::AvgPool(_) => "avg_pool",
            Self::GlobalAvgPool => "global_avg_pool",
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::MatMul(_) => "mat_mul",
            Self::Softmax(_) => "softmax",
            Self::LayerNorm(_) => "layer_norm",
            Self::Function(f) => f.name(),
            Self::Scale(_) => "scale",
            Self::Offset => "offset",
            Self::Fill(_) => "fill",
            Self::Concat => "concat",
            Self::Flatten => "flatten",
            Self::View(_) => "view",
            Self::Pad(_) => "pad",
            Self::Argmax => "argmax",
        }
    }

    /// Parameters with their shapes, for a valid input of shape `x`.
    #[must_use]
    pub fn parameters(&self, x: &Shape) -> Vec<(Role, Vec<usize>)> {
        let c = x.channels();
        match self {
            Self::Conv(a) => {
                let weight = vec![
                    a.out_channels,
                    c / a.groups.max(1),
                    a.kernel[0],
                    a.kernel[1],
                ];
                with_bias(weight, a.bias)
            }
            Self::Linear(a) => with_bias(vec![a.out_features, c], a.bias),
            Self::BatchNorm(_) => [Role::Gamma, Role::Beta, Role::Mean, Role::Var]
                .map(|r| (r, vec![c]))
                .to_vec(),
            Self::ChannelAffine => vec![(Role::Weight, vec![c]), (Role::Bias, vec![c])],
            Self::ChannelShift => vec![(Role::Bias, vec![c])],
            Self::Offset => vec![(Role::Bias, x.dims().to_vec())],
            Self::LayerNorm(_) => [Role::Gamma, Role::Beta]
                .map(|r| (r, vec![x.last()]))
                .to_vec(),
            _ => Vec::new(),
        }
    }

    /// Multiply-accumulates of products with weights and of products of matrices that one evaluation takes, from (first) shape
    /// `x` to shape `y`.
    #[must_use]
    pub fn macs(&self, x: &Shape, y: &Shape) -> u64 {
        let per_output = match self {
            Self::Conv(a) => (x.channels() / a.groups.max(1))
                .saturating_mul(a.kernel[0])
                .saturating_mul(a.kernel[1]),
            Self::Linear(_) => x.channels(),
            Self::MatMul(_) => x.last(),
            _ => 0,
        };
        (per_output as u64).saturating_mul(y.elements() as u64)
    }

    /// Output shape, or what is wrong. `Input` has no inputs here: its shape is the graph's.
    pub(crate) fn infer(&self, inputs: &[&Shape]) -> Result<Shape, String> {
        let arity_ok = match self {
            Self::Input => inputs.is_empty(),
            Self::Add | Self::Sub | Self::Mul | Self::Div | Self::MatMul(_) => inputs.len() == 2,
            Self::Concat => (2..=MAX_INPUTS).contains(&inputs.len()),
            _ => inputs.len() == 1,
        };
        if !arity_ok {
            return Err(format!("{} inputs are not what it takes", inputs.len()));
        }
        let Some(&x) = inputs.first() else {
            return Err("the input is the first node and no other".to_owned());
        };
        let [n, c, h, w] = x.as_nchw();
        let need_rank = |rank: usize| {
            if x.rank() == rank {
                Ok(())
            } else {
                Err(format!("takes {rank} dimensions, not {x}"))
            }
        };
        match self {
            Self::Input => Err("the input is the first node and no other".to_owned()),
            Self::Conv(a) => {
                need_rank(4)?;
                if a.out_channels == 0 || a.groups == 0 {
                    return Err("no output channels or no groups".to_owned());
                }
                if c % a.groups != 0 || a.out_channels % a.groups != 0 {
                    return Err(format!(
                        "{} groups do not divide {c} input and {} output channels",
                        a.groups, a.out_channels
                    ));
                }
                let [t, l, b, r] = a.padding;
                let oh = window(h, a.kernel[0], a.stride[0], a.dilation[0], [t, b], false);
                let ow = window(w, a.kernel[1], a.stride[1], a.dilation[1], [l, r], false);
                let weight = [a.out_channels, c / a.groups, a.kernel[0], a.kernel[1]];
                let y = [n, a.out_channels, oh?, ow?];
                shape(&weight)?;
                shape(&y)
            }
            Self::Linear(a) => {
                need_rank(2)?;
                shape(&[a.out_features, c])?;
                shape(&[n, a.out_features])
            }
            Self::BatchNorm(a) => {
                per_channel(x)?;
                if !(a.eps.is_finite() && a.eps >= 0.0) {
                    return Err("its epsilon is not a number of at least zero".to_owned());
                }
                Ok(x.clone())
            }
            Self::ChannelAffine | Self::ChannelShift => per_channel(x).map(|()| x.clone()),
            Self::Relu | Self::Function(_) | Self::Offset => Ok(x.clone()),
            Self::Clip(a) => a.check().map(|()| x.clone()),
            Self::LeakyRelu(a) => a.check().map(|()| x.clone()),
            Self::MaxPool(a) => {
                need_rank(4)?;
                pool(x, a.kernel, a.stride, a.padding, a.ceil_mode)
            }
            Self::AvgPool(a) => {
                need_rank(4)?;
                pool(x, a.kernel, a.stride, a.padding, a.ceil_mode)
            }
            Self::GlobalAvgPool => {
                need_rank(4)?;
                shape(&[n, c, 1, 1])
            }
            Self::MatMul(a) => a.infer(inputs),
            Self::Softmax(a) => a.infer(x),
            Self::LayerNorm(a) => a.infer(x),
            Self::Fill(a) => a.check(x).map(|()| x.clone()),
            Self::Scale(factor) => match factor.is_finite() {
                true => Ok(x.clone()),
                false => Err("its factor is not a finite number".to_owned()),
            },
            Self::Add | Self::Sub | Self::Mul | Self::Div => {
                if inputs.iter().all(|s| *s == x) {
                    Ok(x.clone())
                } else {
                    Err(format!("takes two of the same shape, not {}", list(inputs)))
                }
            }
            Self::Concat => {
                let mut channels = 0usize;
                for s in inputs {
                    let [sn, sc, sh, sw] = s.as_nchw();
                    if s.rank() != x.rank() || s.rank() < 2 || [sn, sh, sw] != [n, h, w] {
                        return Err(format!("cannot concatenate {}", list(inputs)));
                    }
                    channels += sc;
                }
                let mut dims = x.dims().to_vec();
                if let Some(d) = dims.get_mut(1) {
                    *d = channels;
                }
                shape(&dims)
            }
            Self::Flatten => shape(&[n, c * h * w]),
            Self::View(a) => a.infer(x),
            Self::Pad(a) => {
                need_rank(4)?;
                a.infer(x)
            }
            Self::Argmax => {
                need_rank(2)?;
                shape(&[n, 1])
            }
        }
    }
}

/// `Ok` for what has channels.
fn per_channel(x: &Shape) -> Result<(), String> {
    match x.rank() {
        2 | 4 => Ok(()),
        _ => Err(format!("takes 2 or 4 dimensions, not {x}")),
    }
}

fn with_bias(weight: Vec<usize>, bias: bool) -> Vec<(Role, Vec<usize>)> {
    let out = weight.first().copied().unwrap_or(0);
    let mut all = vec![(Role::Weight, weight)];
    if bias {
        all.push((Role::Bias, vec![out]));
    }
    all
}

fn shape(dims: &[usize]) -> Result<Shape, String> {
    Shape::new(dims).map_err(|e| e.to_string())
}

fn list(shapes: &[&Shape]) -> String {
    let all: Vec<String> = shapes.iter().take(8).map(ToString::to_string).collect();
    all.join(" and ")
}
