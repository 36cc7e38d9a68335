"""Small graphs that cover every operator and attribute, in the operator sets in which they changed."""

import generate
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

RNG = np.random.default_rng(1)
VERSIONS = [7, 9, 11, 13, 17, generate.NEWEST]


def noise(*shape, scale=1.0):
    return (RNG.uniform(-1, 1, shape) * scale).astype(np.float32)


def tensor(name, value):
    value = np.asarray(value)
    if value.dtype == np.float64:
        value = value.astype(np.float32)
    return numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name)


def node(op, inputs, output, **attributes):
    return helper.make_node(op, inputs.split(" ") if inputs else [], output.split(" "), **attributes)


def model(nodes, dims, constants=None, opset=13, output="y", kind=TensorProto.FLOAT):
    inputs = [helper.make_tensor_value_info("x", kind, dims)]
    out = TensorProto.INT64 if nodes[-1].op_type == "ArgMax" else kind
    outputs = [helper.make_tensor_value_info(output, out, None)]
    initializers = [tensor(k, v) for k, v in (constants or {}).items()]
    graph = helper.make_graph(nodes, "grid", inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8 if opset < 22 else 10)


class Grid:
    def __init__(self):
        self.group = generate.Group("grid")

    def add(self, name, nodes, dims, constants=None, opset=13, ending="none", x=None, **options):
        nodes = nodes if isinstance(nodes, list) else [nodes]
        made = model(nodes, dims, constants, opset, nodes[-1].output[0])
        x = noise(*dims, scale=3) if x is None else x
        want = generate.run(made.SerializeToString(), x)
        shape = made.graph.output[0].type.tensor_type.shape
        for d in want.shape:
            shape.dim.add().dim_value = d
        checker.check_model(made)
        self.group.add(name, made, x, ending, want, **options)


def operators():
    g = Grid()
    convolutions(g)
    pools(g)
    normalisations(g)
    activations(g)
    arithmetic(g)
    products(g)
    reductions(g)
    movements(g)
    shapes(g)
    pads(g)
    endings(g)
    patterns(g)
    return g.group


def convolutions(g):
    def conv(name, dims, weight, opset=11, bias=False, **attributes):
        constants = {"w": noise(*weight, scale=0.4)}
        if bias:
            constants["b"] = noise(weight[0])
        inputs = "x w b" if bias else "x w"
        g.add(f"conv_{name}", node("Conv", inputs, "y", **attributes), dims, constants, opset)

    for v in [7, 11, 22]:
        conv(f"plain_{v}", [1, 2, 6, 5], [3, 2, 3, 2], v, kernel_shape=[3, 2])
    conv("bias", [2, 3, 5, 5], [4, 3, 1, 1], bias=True)
    conv("stride", [1, 2, 7, 8], [3, 2, 3, 3], strides=[2, 3], bias=True)
    conv("pads", [1, 2, 5, 5], [3, 2, 3, 3], pads=[0, 1, 2, 1])
    conv("dilation", [1, 2, 9, 9], [2, 2, 3, 3], dilations=[2, 3], pads=[1, 1, 1, 1])
    conv("groups", [1, 4, 5, 5], [6, 2, 3, 3], group=2, bias=True)
    conv("depthwise", [1, 4, 6, 6], [4, 1, 3, 3], group=4, pads=[1, 1, 1, 1])
    conv("multiplier", [1, 3, 5, 5], [6, 1, 2, 2], group=3)
    for mode in ["SAME_UPPER", "SAME_LOWER", "VALID"]:
        conv(f"{mode.lower()}", [1, 2, 7, 6], [2, 2, 4, 3], auto_pad=mode, strides=[2, 2])
    conv("line", [2, 3, 11], [4, 3, 3], bias=True, strides=[2], pads=[1, 2], dilations=[2])
    conv("line_same", [1, 3, 10], [3, 1, 4], group=3, auto_pad="SAME_UPPER")
    conv("line_groups", [1, 4, 9], [4, 2, 5], group=2)


def pools(g):
    def pool(op, name, dims, opset=11, **attributes):
        g.add(f"{op.lower()}_{name}", node(op, "x", "y", **attributes), dims, opset=opset)

    for v in [7, 8, 10, 12, 22]:
        pool("MaxPool", f"plain_{v}", [1, 2, 6, 6], v, kernel_shape=[2, 2], strides=[2, 2])
    for v in [7, 10, 11, 19, 22]:
        pool("AveragePool", f"plain_{v}", [1, 2, 6, 6], v, kernel_shape=[3, 2], strides=[2, 2])
    for op in ["MaxPool", "AveragePool"]:
        pool(op, "unit_stride", [1, 1, 4, 5], kernel_shape=[2, 3])
        pool(op, "pads", [1, 2, 6, 7], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 0, 1, 2])
        pool(op, "ceil", [1, 2, 7, 6], kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1)
        pool(op, "line", [2, 2, 9], kernel_shape=[3], strides=[2], pads=[1, 1])
        for mode in ["SAME_UPPER", "SAME_LOWER", "VALID"]:
            pool(op, mode.lower(), [1, 2, 7, 6], auto_pad=mode, kernel_shape=[3, 2], strides=[2, 2])
    pool("MaxPool", "ceil_pads", [1, 2, 6, 6], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    pool("AveragePool", "include", [1, 2, 5, 5], kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    pool("AveragePool", "include_one_side", [1, 2, 5, 5], kernel_shape=[2, 2], pads=[0, 0, 1, 1], count_include_pad=1)
    pool("AveragePool", "include_7", [1, 2, 5, 5], 7, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    pool("AveragePool", "exclude", [1, 2, 5, 5], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
    pool("AveragePool", "ceil_exclude", [1, 2, 6, 6], 19, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    pool("GlobalAveragePool", "plain", [2, 3, 4, 5])
    pool("GlobalAveragePool", "line", [2, 3, 7])
    pool("GlobalMaxPool", "plain", [2, 3, 4, 5])
    pool("GlobalMaxPool", "line", [1, 3, 6])


def normalisations(g):
    def statistics(c):
        return {"s": noise(c), "b": noise(c), "m": noise(c), "v": np.abs(noise(c)) + 0.3}

    for v in [7, 9, 14, 15]:
        norm = node("BatchNormalization", "x s b m v", "y", epsilon=1e-3)
        g.add(f"batchnorm_{v}", norm, [2, 3, 4, 4], statistics(3), v)
    norm = node("BatchNormalization", "x s b m v", "y")
    g.add("batchnorm_features", norm, [3, 5], statistics(5))
    g.add("batchnorm_line", norm, [2, 3, 6], statistics(3))
    conv = node("Conv", "x w", "c", pads=[1, 1, 1, 1])
    norm = node("BatchNormalization", "c s b m v", "n")
    constants = statistics(3) | {"w": noise(3, 2, 3, 3, scale=0.4)}
    g.add("batchnorm_after_conv", [conv, norm, node("Relu", "n", "y")], [1, 2, 5, 5], constants)
    # As exporters write it that know no batch norm.
    unfolded = [
        conv,
        node("Unsqueeze", "m a", "m1"),
        node("Sub", "c m1", "c1"),
        node("Add", "v e", "v1"),
        node("Sqrt", "v1", "v2"),
        node("Div", "s v2", "f"),
        node("Unsqueeze", "f a", "f1"),
        node("Mul", "f1 c1", "c2"),
        node("Reshape", "b r", "b1"),
        node("Add", "c2 b1", "y"),
    ]
    constants |= {"a": np.array([0, 2, 3]), "e": np.float32(1e-5), "r": np.array([3, 1, 1])}
    g.add("batchnorm_unfolded", unfolded, [1, 2, 5, 5], constants)
    constants = {"w": noise(3, 2, 1, 1), "k": noise(3), "b": noise(3)}
    nodes = [
        node("Conv", "x w", "c"),
        node("Unsqueeze", "k", "k1", axes=[1, 2]),
        node("Unsqueeze", "b", "b1", axes=[0, 2, 3]),
        node("Mul", "c k1", "c1"),
        node("Add", "c1 b1", "c2"),
        node("Relu", "c2", "y"),
    ]
    g.add("batchnorm_unfolded_11", nodes, [1, 2, 4, 4], constants, 11)


def activations(g):
    g.add("relu_7", node("Relu", "x", "y"), [2, 5], opset=7)
    g.add("relu_line", node("Relu", "x", "y"), [2, 3, 5], opset=14)
    g.add("relu_vector", node("Relu", "x", "y"), [5], opset=14)
    g.add("leaky_relu", node("LeakyRelu", "x", "y", alpha=0.2), [1, 2, 4, 4])
    g.add("leaky_relu_default", node("LeakyRelu", "x", "y"), [2, 6], opset=7)
    g.add("prelu_scalar", node("PRelu", "x s", "y"), [1, 3, 4, 4], {"s": np.float32([0.25])})
    g.add("prelu_channels", node("PRelu", "x s", "y"), [2, 3, 4, 4], {"s": noise(3, 1, 1)})
    g.add("prelu_features", node("PRelu", "x s", "y"), [2, 6], {"s": noise(6)}, 9)
    g.add("abs", node("Abs", "x", "y"), [1, 3, 3, 2])
    g.add("clip_7", node("Clip", "x", "y", min=-0.5, max=1.25), [1, 2, 4, 4], opset=7)
    g.add("clip_6_max", node("Clip", "x", "y", max=0.75), [2, 5], opset=7)
    bounds = {"lo": np.float32(0), "hi": np.float32(6)}
    g.add("clip_11", node("Clip", "x lo hi", "y"), [1, 2, 4, 4], bounds, 11, x=noise(1, 2, 4, 4, scale=8))
    g.add("clip_13_min", node("Clip", "x lo", "y"), [2, 5], bounds)
    g.add("clip_13_max", node("Clip", "x  hi", "y"), [2, 5], {"hi": np.float32(1)})
    g.add("clip_none", [node("Clip", "x", "z"), node("Relu", "z", "y")], [2, 5])
    g.add("min_bound", node("Min", "x hi", "y"), [2, 5], {"hi": np.float32([0.5])})
    g.add("max_bound", node("Max", "lo x", "y"), [2, 5], {"lo": np.float32(-0.5)})


def arithmetic(g):
    c4 = {"c": noise(1, 3, 1, 1) + 2}
    for v in [7, 13]:
        for op in ["Add", "Sub", "Mul", "Div"]:
            g.add(f"{op.lower()}_constant_{v}", node(op, "x c", "y"), [2, 3, 4, 4], c4, v)
    for op in ["Add", "Sub", "Mul"]:
        g.add(f"{op.lower()}_constant_first", node(op, "c x", "y"), [2, 3, 4, 4], {"c": noise(3, 1, 1)})
    for op, c in [("Add", noise()), ("Mul", noise(1)), ("Div", np.float32(1.5)), ("Sub", noise(1, 1, 1, 1))]:
        g.add(f"{op.lower()}_scalar", node(op, "x c", "y"), [1, 3, 4, 4], {"c": c})
        g.add(f"{op.lower()}_scalar_features", node(op, "x c", "y"), [2, 6], {"c": c})
    for op in ["Add", "Mul"]:
        low = op.lower()
        g.add(f"{low}_full", node(op, "x c", "y"), [2, 3, 4, 4], {"c": noise(1, 3, 4, 4)})
        g.add(f"{low}_batch", node(op, "x c", "y"), [2, 3, 2, 2], {"c": noise(2, 3, 2, 2)})
        g.add(f"{low}_last", node(op, "x c", "y"), [2, 3, 2, 4], {"c": noise(4)})
        g.add(f"{low}_plane", node(op, "x c", "y"), [2, 3, 2, 4], {"c": noise(2, 4)})
        g.add(f"{low}_wider", node(op, "x c", "y"), [1, 3, 1, 1], {"c": noise(1, 3, 2, 4)})
        g.add(f"{low}_line", node(op, "x c", "y"), [2, 3, 5], {"c": noise(3, 1)})
        g.add(f"{low}_vector", node(op, "x c", "y"), [4], {"c": noise(4)})
    g.add("add_features", node("Add", "x c", "y"), [3, 5], {"c": noise(5)})
    g.add("add_integers", [node("Cast", "i", "c", to=1), node("Add", "x c", "y")], [3, 2], {"i": np.array([1, -2])})
    g.add("neg", node("Neg", "x", "y"), [1, 3, 2, 2])
    g.add("pow_2", node("Pow", "x p", "y"), [1, 3, 2, 2], {"p": np.float32(2)})
    g.add("sum_many", [node("Relu", "x", "r"), node("Sum", "x r x c", "y")], [1, 3, 4, 4], {"c": noise(3, 1, 1)})
    g.add("mean_many", [node("Relu", "x", "r"), node("Mean", "x r x", "y")], [2, 6])
    for op in ["Add", "Sub", "Mul", "Min", "Max"]:
        nodes = [node("Relu", "x", "r"), node("Transpose", "x", "t", perm=[0, 1, 3, 2]), node(op, "r t", "y")]
        g.add(f"{op.lower()}_tensors", nodes, [1, 2, 3, 3])
    gate = [node("GlobalAveragePool", "x", "m"), node("Mul", "x m", "y")]
    g.add("mul_gate", gate, [2, 3, 4, 4])
    gate = [node("GlobalMaxPool", "x", "m"), node("Sub", "m x", "y")]
    g.add("sub_broadcast", gate, [2, 3, 4, 4])
    outer = [node("ReduceMean", "x", "a", axes=[1]), node("ReduceMean", "x", "b", axes=[2]), node("Add", "a b", "y")]
    g.add("add_outer", outer, [2, 3, 4])


def products(g):
    w = noise(4, 6)
    for v in [7, 9, 11, 13]:
        g.add(f"gemm_{v}", node("Gemm", "x w c", "y", transB=1), [3, 6], {"w": w, "c": noise(4)}, v)
    scaled = node("Gemm", "x w c", "y", alpha=0.5, beta=2.0)
    g.add("gemm_scaled", scaled, [3, 4], {"w": w, "c": noise(6)})
    g.add("gemm_no_c", node("Gemm", "x w", "y"), [3, 4], {"w": w}, 11)
    g.add("gemm_scalar_c", node("Gemm", "x w c", "y"), [3, 4], {"w": w, "c": np.float32(0.7)})
    g.add("gemm_row_c", node("Gemm", "x w c", "y"), [3, 4], {"w": w, "c": noise(1, 6)})
    g.add("gemm_column_c", node("Gemm", "x w c", "y"), [3, 4], {"w": w, "c": noise(3, 1)})
    g.add("gemm_full_c", node("Gemm", "x w c", "y"), [3, 4], {"w": w, "c": noise(3, 6)})
    g.add("gemm_trans_a", node("Gemm", "x w", "y", transA=1), [4, 3], {"w": w})
    for dims in [[4], [3, 4], [2, 3, 4], [2, 1, 3, 4]]:
        g.add(f"matmul_{len(dims)}", node("MatMul", "x w", "y"), dims, {"w": w})
    g.add("matmul_vector", node("MatMul", "x w", "y"), [3, 4], {"w": noise(4)})
    g.add("matmul_ones", node("MatMul", "x w", "y"), [2, 3, 4], {"w": noise(1, 4, 2)})
    nodes = [node("MatMul", "x w", "m"), node("Add", "m b", "a"), node("Relu", "a", "y")]
    g.add("matmul_bias", nodes, [3, 4], {"w": w, "b": noise(6)})


def reductions(g):
    for name, axes, dims in [
        ("space", [2, 3], [2, 3, 4, 5]),
        ("negative", [-1, -2], [2, 3, 4, 5]),
        ("channels", [1], [2, 3, 4, 5]),
        ("row", [3], [2, 3, 4, 5]),
        ("line", [2], [2, 3, 6]),
        ("nhwc", [1, 2], [2, 4, 5, 3]),
    ]:
        for op in ["ReduceMean", "ReduceMax", "ReduceSum"]:
            for keep in [0, 1]:
                low = f"{op.lower()}_{name}_{keep}"
                g.add(low, node(op, "x", "y", axes=axes, keepdims=keep), dims, opset=11)
    for v in [13, 18]:
        a = {"a": np.array([2, 3])}
        g.add(f"reducesum_input_{v}", node("ReduceSum", "x a", "y", keepdims=0), [1, 3, 4, 4], a, v)
    for op in ["ReduceMean", "ReduceMax"]:
        g.add(f"{op.lower()}_input", node(op, "x a", "y"), [1, 3, 4, 4], {"a": np.array([2, 3])}, 18)
    g.add("reducemean_all", [node("ReduceMean", "x", "m"), node("Add", "x m", "y")], [1, 2, 3, 3])
    g.add("reducesum_noop", node("ReduceSum", "x", "y", noop_with_empty_axes=1), [2, 3])


def movements(g):
    g.add("identity", [node("Identity", "x", "i"), node("Relu", "i", "y")], [2, 3])
    g.add("dropout_7", node("Dropout", "x", "y", ratio=0.5), [2, 3], opset=7)
    g.add("dropout_13", node("Dropout", "x r t", "y"), [2, 3], {"r": np.float32(0.5), "t": np.array(False)})
    g.add("cast_float", node("Cast", "x", "y", to=1), [2, 3])
    for perm in [[0, 2, 3, 1], [0, 3, 1, 2], [3, 2, 1, 0], [1, 0, 2, 3]]:
        g.add(f"transpose_{''.join(map(str, perm))}", node("Transpose", "x", "y", perm=perm), [2, 3, 4, 5])
    g.add("transpose_default", node("Transpose", "x", "y"), [2, 3, 4])
    for name, shape in [("minus", [2, -1]), ("zero", [0, 0, 20]), ("mixed", [0, -1, 5, 2]), ("vector", [-1])]:
        g.add(f"reshape_{name}", node("Reshape", "x s", "y"), [2, 3, 4, 5], {"s": np.array(shape)})
    g.add("reshape_allowzero", node("Reshape", "x s", "y", allowzero=1), [2, 6], {"s": np.array([3, 4])}, 14)
    for axis in [0, 1, 2, -1, 4]:
        g.add(f"flatten_{axis}", node("Flatten", "x", "y", axis=axis), [2, 3, 4, 5], opset=13)
    g.add("flatten_7", node("Flatten", "x", "y"), [2, 3, 2, 2], opset=7)
    g.add("squeeze_11", node("Squeeze", "x", "y", axes=[2, 3]), [2, 3, 1, 1], opset=11)
    g.add("squeeze_13", node("Squeeze", "x a", "y"), [2, 3, 1, 1], {"a": np.array([-1, 2])})
    g.add("squeeze_all", node("Squeeze", "x", "y"), [2, 3, 1, 1])
    g.add("unsqueeze_11", node("Unsqueeze", "x", "y", axes=[2, 3]), [2, 3], opset=11)
    g.add("unsqueeze_13", node("Unsqueeze", "x a", "y"), [2, 3], {"a": np.array([0, -1])})
    g.add("expand", node("Expand", "x s", "y"), [2, 3, 1, 1], {"s": np.array([1, 4, 2])})
    g.add("expand_rank", node("Expand", "x s", "y"), [3, 1], {"s": np.array([2, 3, 4])})
    g.add("tile", node("Tile", "x s", "y"), [2, 3, 2, 2], {"s": np.array([1, 2, 3, 1])})
    g.add("slice_7", node("Slice", "x", "y", axes=[2, 3], starts=[1, -4], ends=[9, -1]), [1, 2, 5, 5], opset=7)
    cut = {"s": np.array([1, 0]), "e": np.array([100, -1]), "a": np.array([1, -1]), "t": np.array([1, 2])}
    g.add("slice_13", node("Slice", "x s e a t", "y"), [1, 4, 5, 6], cut)
    back = {"s": np.array([-1]), "e": np.array([-(2**63) + 1]), "a": np.array([1]), "t": np.array([-1])}
    g.add("slice_back", node("Slice", "x s e a t", "y"), [1, 4, 3, 3], back)
    g.add("slice_plain", node("Slice", "x s e", "y"), [3, 4], {"s": np.array([1, 1]), "e": np.array([3, 3])}, 10)

    def split(name, opset, constants=None, outputs="a b", inputs="x", dims=(1, 6, 3, 3), **attributes):
        nodes = [node("Split", inputs, outputs, axis=1, **attributes)]
        last = outputs.split(" ")
        nodes += [node("Relu", last[0], "r"), node("Concat", " ".join(reversed(last[1:] + ["r"])), "y", axis=1)]
        g.add(f"split_{name}", nodes, list(dims), constants, opset)

    split("equal_7", 7)
    split("sizes_11", 11, split=[2, 4])
    split("sizes_13", 13, {"s": np.array([1, 2, 3])}, "a b c", "x s")
    split("uneven_18", 18, outputs="a b c", dims=(1, 7, 2, 2), num_outputs=3)
    for axis in [0, 1, 2, 3, -1]:
        nodes = [node("Relu", "x", "r"), node("Concat", "x r x", "y", axis=axis)]
        g.add(f"concat_{axis}", nodes, [2, 3, 2, 4], opset=11)
    nodes = [node("Relu", "x", "r"), node("Concat", "x r", "y", axis=1)]
    g.add("concat_features", nodes, [2, 3])
    g.add("concat_line", nodes, [2, 3, 5])
    g.add("gather_scalar", node("Gather", "x i", "y", axis=2), [2, 3, 4, 5], {"i": np.array(-2)})
    g.add("gather_list", node("Gather", "x i", "y", axis=1), [2, 4, 3], {"i": np.array([3, 1])})
    for op in ["DepthToSpace", "SpaceToDepth"]:
        g.add(f"{op.lower()}", node(op, "x", "y", blocksize=2), [1, 8, 4, 2], opset=11)
    g.add("depthtospace_crd", node("DepthToSpace", "x", "y", blocksize=2, mode="CRD"), [1, 8, 2, 3], opset=11)
    shuffle = [
        node("Reshape", "x a", "p"),
        node("Transpose", "p", "q", perm=[0, 2, 1, 3, 4]),
        node("Reshape", "q b", "r"),
        node("Conv", "r w", "y", group=3),
    ]
    constants = {"a": np.array([2, 3, 2, 4, 4]), "b": np.array([2, 6, 4, 4]), "w": noise(6, 2, 3, 3, scale=0.5)}
    g.add("channel_shuffle", shuffle, [2, 6, 4, 4], constants)


def shapes(g):
    """Shape arithmetic, as exporters leave it to be computed."""
    view = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "n"),
        node("Unsqueeze", "n", "n1", axes=[0]),
        helper.make_node("Constant", [], ["m"], value=tensor("m", np.array([-1]))),
        node("Concat", "n1 m", "to", axis=0),
        node("Reshape", "x to", "y"),
    ]
    g.add("shape_view_11", view, [2, 3, 4, 4], {"zero": np.array(0)}, 11)
    g.add("shape_view_7", view, [2, 3, 4, 4], {"zero": np.array(0)}, 7)
    nodes = [
        node("Shape", "x", "s", start=1, end=-1),
        node("ReduceProd", "s", "p", keepdims=1),
        helper.make_node("Constant", [], ["m"], value_ints=[-1]),
        node("Concat", "m p", "to", axis=0),
        node("Reshape", "x to", "y"),
    ]
    g.add("shape_slice_15", nodes, [2, 3, 4], opset=15)
    nodes = [
        node("Shape", "x", "s"),
        node("Cast", "s", "f", to=1),
        helper.make_node("Constant", [], ["h"], value_float=0.5),
        node("Mul", "f h", "f1"),
        node("Floor", "f1", "f2"),
        node("Cast", "f2", "i", to=7),
        node("Gather", "i two", "e"),
        node("Slice", "x zero e two", "y"),
    ]
    g.add("shape_halves", nodes, [2, 3, 7, 2], {"two": np.array([2]), "zero": np.array([0])})
    nodes = [
        node("Shape", "x", "s"),
        node("ConstantOfShape", "s", "o", value=tensor("v", np.float32([0.5]))),
        node("Add", "x o", "y"),
    ]
    g.add("constant_of_shape", nodes, [2, 3])
    nodes = [
        node("Range", "a b c", "r"),
        node("Cast", "r", "f", to=1),
        node("Add", "x f", "y"),
    ]
    g.add("range", nodes, [2, 4], {"a": np.array(1), "b": np.array(9), "c": np.array(2)})
    nodes = [
        node("Shape", "x", "s"),
        node("Equal", "t m", "q"),
        node("Where", "q s t", "to"),
        node("Expand", "x to", "y"),
    ]
    g.add("where_expand", nodes, [2, 1, 3], {"t": np.array([-1, 4, -1]), "m": np.array(-1)})
    nodes = [node("Size", "x", "n"), node("Cast", "n", "f", to=1), node("Div", "x f", "y")]
    g.add("size", nodes, [2, 5])
    nodes = [
        node("Transpose", "w", "w1", perm=[3, 2, 0, 1]),
        node("Mul", "w1 k", "w2"),
        node("Conv", "x w2", "y"),
    ]
    g.add("computed_weight", nodes, [1, 2, 4, 4], {"w": noise(2, 2, 2, 3), "k": np.float32(0.5)})


def pads(g):
    g.add("pad_7", node("Pad", "x", "y", pads=[0, 0, 1, 2, 0, 0, 3, 0]), [1, 2, 3, 3], opset=7)
    p = {"p": np.array([0, 0, 1, 2, 0, 0, 2, 1])}
    for mode in ["constant", "reflect", "edge"]:
        g.add(f"pad_{mode}", node("Pad", "x p", "y", mode=mode), [1, 2, 4, 4], p)
    g.add("pad_zero_value", node("Pad", "x p v", "y"), [1, 2, 4, 4], p | {"v": np.float32(0)})
    g.add("pad_axes", node("Pad", "x p  a", "y"), [1, 2, 4, 4], {"p": np.array([1, 2]), "a": np.array([-1])}, 18)
    g.add("pad_channels", node("Pad", "x p", "y"), [2, 3, 2, 2], {"p": np.array([0, 2, 0, 0, 0, 1, 0, 0])})
    g.add("pad_three", node("Pad", "x p", "y"), [1, 2, 3, 3], {"p": np.array([0, 1, 1, 0, 0, 0, 1, 1])})
    g.add("pad_line", node("Pad", "x p", "y", mode="reflect"), [2, 3, 5], {"p": np.array([0, 0, 2, 0, 0, 1])})


def endings(g):
    for v in [7, 11, 13]:
        g.add(f"softmax_{v}", node("Softmax", "x", "y", axis=1), [2, 5], opset=v, ending="softmax")
        g.add(f"logsoftmax_{v}", node("LogSoftmax", "x", "y", axis=1), [2, 5], opset=v, ending="logsoftmax")
    g.add("softmax_default_13", node("Softmax", "x", "y"), [2, 5], ending="softmax")
    g.add("softmax_pixels", node("Softmax", "x", "y", axis=1), [1, 3, 2, 2], ending="softmax")
    nodes = [node("Softmax", "x", "s", axis=1), node("Identity", "s", "y")]
    g.add("softmax_identity", nodes, [2, 5], ending="softmax")
    for v, keep in [(7, 1), (11, 0), (13, 1)]:
        g.add(f"argmax_{v}_{keep}", node("ArgMax", "x", "y", axis=1, keepdims=keep), [3, 5], opset=v)
    g.add("argmax_pixels", node("ArgMax", "x", "y", axis=1, keepdims=0), [1, 3, 2, 2])


def patterns(g):
    """Structures of real networks, in the operator sets at hand."""
    for v in VERSIONS:
        constants = {
            "w1": noise(4, 3, 3, 3, scale=0.4), "b1": noise(4), "w2": noise(4, 4, 3, 3, scale=0.3), "w3": noise(5, 4),
            "b3": noise(5), "s": noise(4), "b": noise(4), "m": noise(4), "v": np.abs(noise(4)) + 0.5,
        }
        nodes = [
            node("Conv", "x w1 b1", "c1", pads=[1, 1, 1, 1]),
            node("Relu", "c1", "r1"),
            node("MaxPool", "r1", "p1", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
            node("Conv", "p1 w2", "c2", pads=[1, 1, 1, 1]),
            node("BatchNormalization", "c2 s b m v", "n2"),
            node("Add", "n2 p1", "a2"),
            node("Relu", "a2", "r2"),
            node("GlobalAveragePool", "r2", "g"),
            node("Flatten", "g", "f"),
            node("Gemm", "f w3 b3", "y", transB=1),
        ]
        g.add(f"residual_{v}", nodes, [2, 3, 8, 8], constants, v)
    constants = {"w": noise(4, 3, 3, 3, scale=0.4), "k": noise(4), "d": noise(4, 5)}
    nhwc = [
        node("Transpose", "x", "t", perm=[0, 3, 1, 2]),
        node("Conv", "t w", "c", auto_pad="SAME_UPPER", strides=[2, 2]),
        node("Transpose", "c", "u", perm=[0, 2, 3, 1]),
        node("Add", "u k", "a"),
        node("Relu", "a", "r"),
        node("Transpose", "r", "v", perm=[0, 3, 1, 2]),
        node("MaxPool", "v", "p", kernel_shape=[2, 2], strides=[1, 1]),
        node("Transpose", "p", "q", perm=[0, 2, 3, 1]),
        node("ReduceMean", "q", "m", axes=[1, 2], keepdims=0),
        node("MatMul", "m d", "y"),
    ]
    g.add("nhwc", nhwc, [2, 7, 7, 3], constants, 11)
    constants = {f"w{i}": noise(2 + i, 4, k, k, scale=0.4) for i, k in enumerate([1, 3, 5])}
    inception = [node("Conv", f"x w{i}", f"c{i}", pads=[k // 2] * 4) for i, k in enumerate([1, 3, 5])]
    inception += [
        node("AveragePool", "x", "p", kernel_shape=[3, 3], pads=[1] * 4),
        node("Concat", "c0 c1 c2 p", "c", axis=1),
        node("Relu", "c", "y"),
    ]
    g.add("inception", inception, [1, 4, 6, 6], constants)


def files():
    """Ways to store tensors, names and shapes."""
    group = generate.Group("files")
    w, x = noise(3, 2, 2, 2), noise(1, 2, 4, 4)
    conv = node("Conv", "x w", "y")
    kinds = {"f16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16, "f64": TensorProto.DOUBLE}
    for name, kind in kinds.items():
        for raw in [True, False]:
            cast = helper.make_node("Cast", ["v"], ["w"], to=TensorProto.FLOAT)
            made = model([cast, conv], [1, 2, 4, 4])
            typed = helper.make_tensor("v", kind, w.shape, w.flatten())
            if raw:
                typed = numpy_helper.from_array(numpy_helper.to_array(typed), "v")
            made.graph.initializer.append(typed)
            group.add(f"weights_{name}_{'raw' if raw else 'typed'}", made, x)
    made = model([conv], [1, 2, 4, 4])
    made.graph.initializer.append(helper.make_tensor("w", TensorProto.FLOAT, w.shape, w.flatten()))
    group.add("weights_f32_typed", made, x)
    for kind in ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"]:
        value = (np.arange(24).reshape(3, 2, 2, 2) % 5).astype(kind)
        cast = helper.make_node("Cast", ["v"], ["w"], to=TensorProto.FLOAT)
        group.add(f"weights_{kind}", model([cast, conv], [1, 2, 4, 4], {"v": value}), x)
        typed = model([cast, conv], [1, 2, 4, 4])
        number = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        typed.graph.initializer.append(helper.make_tensor("v", number, value.shape, value.flatten()))
        group.add(f"weights_{kind}_typed", typed, x)
    half = model([conv], [1, 2, 4, 4], {"w": w.astype(np.float16)}, kind=TensorProto.FLOAT16)
    # The runtime computes in sixteen bits, too.
    group.add("network_f16", half, x, tolerance=2e-3)
    product = node("MatMul", "x w", "y")
    double = model([product], [3, 4], kind=TensorProto.DOUBLE)
    double.graph.initializer.append(numpy_helper.from_array(RNG.uniform(-1, 1, (4, 2)), "w"))
    group.add("network_f64", double, noise(3, 4))
    # Initializers are listed as inputs too, as before IR version 4.
    old = model([conv], [1, 2, 4, 4], {"w": w}, opset=7)
    old.ir_version = 3
    old.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, w.shape))
    group.add("weights_as_inputs", old, x)
    # Names that a graph does not accept, or that come twice.
    strange = [
        helper.make_node("Relu", ["x"], ["a"], name=""),
        helper.make_node("Relu", ["a"], ["b"], name="n" * 300),
        helper.make_node("Neg", ["b"], ["c"], name="n" * 300),
        helper.make_node("Relu", ["c"], ["d"], name="x"),
        helper.make_node("Add", ["d", "a"], ["y"], name="line\nbreak"),
    ]
    v = noise(2, 3)
    group.add("names", model(strange, [2, 3]), v, want=np.maximum(v, 0))
    late = [node("Relu", "a", "y"), node("Neg", "x", "a")]
    group.add("nodes_out_of_order", model(late, [2, 3]), v, want=np.maximum(-v, 0))
    dead = [node("LSTM", "x q r", "unused", hidden_size=2), node("Relu", "x", "y")]
    lstm = {"q": noise(1, 8, 3), "r": noise(1, 8, 2)}
    group.add("unused_branch", model(dead, [2, 1, 3], lstm), noise(2, 1, 3))
    dynamic = model([node("Relu", "x", "y")], ["batch", 3, "height", "width"])
    group.add("dynamic", dynamic, noise(2, 3, 4, 5), batch=2, shape=[2, 3, 4, 5])
    group.add("dynamic_batch", model([conv], ["n", 2, 4, 4], {"w": w}), noise(3, 2, 4, 4), batch=3)
    group.add("dynamic_default", model([conv], ["n", "c", 4, 4], {"w": w}), x)
    two = model([node("Relu", "x", "z"), node("Neg", "x", "y")], [2, 3])
    two.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, None))
    group.add("two_outputs", two, noise(2, 3), output="z")
    shapes_only = [
        node("Conv", "x w", "c"),
        node("Shape", "c", "s"),
        node("Slice", "s zero four two", "hw"),
        node("Concat", "one hw", "to", axis=0),
        node("ConstantOfShape", "to", "o"),
        node("Slice", "x hw end axes", "y"),
    ]
    constants = {"w": w, "zero": np.array([2]), "four": np.array([4]), "two": np.array([0]), "one": np.array([1]),
                 "end": np.array([9, 9]), "axes": np.array([2, 3])}
    group.add("value_for_its_shape", model(shapes_only, [1, 2, 4, 4], constants), x)
    return group
