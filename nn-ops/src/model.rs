//! Networks: the public graph, the private parameters, and the fixed-point program made of both.
//!
//! A [`Graph`] says what is computed and is known to every party; [`Params`] belong to the owner of the model.
//! [`passes`] rewrite both without changing the function, [`mod@reference`] evaluates them in `f32` as PyTorch would, and
//! [`quantize`] gives the [`Program`] that parties run, with raw weights.

mod activation;
mod error;
mod format;
#[doc(hidden)]
pub mod fuzzing;
mod graph;
mod op;
mod params;
pub mod passes;
mod program;
mod quantize;
pub mod reference;
mod tensor;
mod view;

pub use activation::{Clip, LeakyRelu, Slope};
pub use error::ModelError;
pub(crate) use format::holds;
pub use format::{Format, WIDTHS, max_bound};
pub use graph::{Graph, GraphBuilder, MAX_JSON, MAX_NODES, Node, NodeId};
pub use op::{
    AvgPool, BatchNorm, Conv, Fill, Function, LayerNorm, Linear, Mask, MatMul, MaxPool, Op, Softmax,
};
pub use params::{ParamMap, Params, Role, expected};
pub use program::{Arithmetic, Mean, Norm, Product, Program, Shift, Step};
pub(crate) use program::{fill_raw, mean};
pub use quantize::{Calibration, QuantizedParams, Ranges, quantize, quantize_as_is};
pub use tensor::{MAX_ELEMENTS, MAX_RANK, Shape, Tensor, TensorF32, TensorI64};
pub use view::{Pad, PadMode, View};
