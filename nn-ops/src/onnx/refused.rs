//! Operators that are imported, and what to say of the others.

/// Every operator of ONNX that is imported, at least in part.
pub(super) const IMPORTED: &[&str] = &[
    "Abs",
    "Add",
    "And",
    "ArgMax",
    "Attention",
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
    "Cos",
    "CumSum",
    "DepthToSpace",
    "Div",
    "Dropout",
    "Equal",
    "Erf",
    "Exp",
    "Expand",
    "Flatten",
    "Floor",
    "Gather",
    "GatherND",
    "Gelu",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Greater",
    "GreaterOrEqual",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "IsNaN",
    "LayerNormalization",
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
    "RMSNormalization",
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
    "ScatterND",
    "Shape",
    "Sigmoid",
    "Sign",
    "Sin",
    "Size",
    "Slice",
    "Softmax",
    "SpaceToDepth",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Swish",
    "Tanh",
    "Tile",
    "Transpose",
    "Trilu",
    "Unsqueeze",
    "Where",
    "Xor",
];

const NO_FUNCTION: &str = "no engine computes this function yet";

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
            "Mish" | "Elu" | "Selu" | "Celu" | "Softplus" | "Softsign" | "ThresholdedRelu"
            | "Shrink" | "Sin" | "Cos" | "Tan" | "Asin" | "Acos" | "Atan" | "Sinh" | "Cosh"
            | "Asinh" | "Acosh" | "Atanh",
        ) => NO_FUNCTION,
        (_, "Erf") => {
            "no engine computes this function but as a part of GELU, x/2 (1 + erf(x / sqrt 2)), which this is not"
        }
        (_, "Hardmax" | "Floor" | "Ceil" | "Round" | "Sign" | "Mod") => {
            "functions with jumps are not computed"
        }
        (_, "Trilu") => {
            "of values, triangles are not computed yet: write it as Where with a constant"
        }
        (
            _,
            "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" | "And" | "Or" | "Xor"
            | "Not" | "Where",
        ) => "truth values that depend on values are not computed",
        (_, "ConvTranspose") => "transposed convolutions are not computed yet",
        (_, "DeformConv") => "sampling points that depend on values are not computed",
        (_, "LRN" | "LpNormalization") => {
            "normalisations by the size of the values are not computed yet"
        }
        (_, "InstanceNormalization" | "GroupNormalization" | "MeanVarianceNormalization") => {
            "of normalisations by statistics of the values at hand, those along the last axes are computed"
        }
        (
            _,
            "Resize" | "Upsample" | "GridSample" | "AffineGrid" | "RoiAlign" | "MaxRoiPool"
            | "MaxUnpool",
        ) => "resampling is not computed yet",
        (_, "LSTM" | "GRU" | "RNN") => "recurrent layers are not computed yet",
        (_, "RotaryEmbedding" | "TensorScatter") => {
            "rotated places as one operator are not computed yet: export with operator set 22 or earlier"
        }
        (_, "GatherND" | "ScatterND") => {
            "it takes places that depend on values, or values by lists of places"
        }
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
