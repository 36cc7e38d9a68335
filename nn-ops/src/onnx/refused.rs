//! Operators that are imported, and what to say of the others.

/// Every operator of ONNX that is imported, at least in part.
pub(super) const IMPORTED: &[&str] = &[
    "Abs",
    "Add",
    "And",
    "ArgMax",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "CastLike",
    "Ceil",
    "Clip",
    "Concat",
    "Constant",
    "ConstantOfShape",
    "Conv",
    "DepthToSpace",
    "Div",
    "Dropout",
    "Equal",
    "Exp",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Greater",
    "GreaterOrEqual",
    "Identity",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "LogSoftmax",
    "MatMul",
    "Max",
    "MaxPool",
    "Mean",
    "Min",
    "Mod",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "PRelu",
    "Pad",
    "Pow",
    "Range",
    "Reciprocal",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Round",
    "Shape",
    "Sign",
    "Size",
    "Slice",
    "Softmax",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Tile",
    "Transpose",
    "Unsqueeze",
    "Where",
];

const NOT_LINEAR: &str =
    "no engine computes this function yet; it is not made of maxima, products and sums";

/// Why an operator cannot be run. `domain` is empty for ONNX's own.
pub(super) fn reason(domain: &str, op: &str) -> &'static str {
    match (domain, op) {
        ("com.microsoft", _) => {
            "operators of com.microsoft are not imported: export without the optimisations of a runtime"
        }
        ("ai.onnx.ml", _) => "operators of ai.onnx.ml are not neural networks",
        (d, _) if !d.is_empty() => {
            "operators and functions of other domains than ai.onnx are not imported: inline them before the export"
        }
        (
            _,
            "Sigmoid" | "HardSigmoid" | "HardSwish" | "Swish" | "Mish" | "Tanh" | "Gelu" | "Erf"
            | "Exp" | "Log" | "Elu" | "Selu" | "Celu" | "Softplus" | "Softsign" | "ThresholdedRelu"
            | "Shrink" | "Sin" | "Cos" | "Tan" | "Asin" | "Acos" | "Atan" | "Sinh" | "Cosh"
            | "Asinh" | "Acosh" | "Atanh",
        ) => NOT_LINEAR,
        (_, "Sqrt" | "Reciprocal") => "no engine takes roots or inverses of values yet",
        (_, "Softmax" | "LogSoftmax" | "Hardmax") => {
            "it stands in the middle of the network, where exponentials and quotients are not computed yet; \
             at the end it is applied in the clear"
        }
        (_, "ConvTranspose") => "transposed convolutions are not computed yet",
        (_, "DeformConv") => "sampling points that depend on values are not computed",
        (_, "LRN" | "LpNormalization") => {
            "normalisations by the size of the values are not computed yet"
        }
        (
            _,
            "InstanceNormalization"
            | "LayerNormalization"
            | "GroupNormalization"
            | "RMSNormalization"
            | "MeanVarianceNormalization",
        ) => {
            "its statistics are taken from the values at hand, and quotients and roots are not computed yet"
        }
        (
            _,
            "Resize" | "Upsample" | "GridSample" | "AffineGrid" | "RoiAlign" | "MaxRoiPool"
            | "MaxUnpool",
        ) => "resampling is not computed yet",
        (_, "LSTM" | "GRU" | "RNN") => {
            "recurrent layers need sigmoids and tangents, which are not computed yet"
        }
        (_, "Attention" | "RotaryEmbedding" | "TensorScatter") => "attention is not computed yet",
        (_, "Loop" | "If" | "Scan" | "SequenceMap") => {
            "graphs within graphs are refused: what is computed must not depend on values"
        }
        (
            _,
            "QLinearConv"
            | "QLinearMatMul"
            | "QuantizeLinear"
            | "DequantizeLinear"
            | "DynamicQuantizeLinear"
            | "ConvInteger"
            | "MatMulInteger",
        ) => "quantised models are not imported: export the model in floating point",
        (
            _,
            "LpPool" | "GlobalLpPool" | "ReduceL1" | "ReduceL2" | "ReduceLogSum"
            | "ReduceLogSumExp" | "ReduceSumSquare",
        ) => "norms are not computed yet",
        (_, "TopK" | "NonZero" | "NonMaxSuppression" | "Unique" | "Compress") => {
            "the shape or order of its result depends on values, which nobody sees"
        }
        (_, "Einsum") => "write it as MatMul, Transpose and Reshape",
        (
            _,
            "RandomNormal" | "RandomNormalLike" | "RandomUniform" | "RandomUniformLike"
            | "Multinomial" | "Bernoulli",
        ) => "it is random",
        _ => "this operator is not imported",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_listed_once_and_in_order() {
        assert!(IMPORTED.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn other_domains_are_named() {
        assert!(reason("com.microsoft", "FusedConv").contains("com.microsoft"));
        assert!(reason("pkg.torch", "Relu").contains("other domains"));
    }
}
