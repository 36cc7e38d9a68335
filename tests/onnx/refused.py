"""Models that must be refused, and the words that the refusal must contain."""

import generate
import numpy as np
from grid import model, node, noise, tensor
from onnx import TensorProto, helper


def models():
    g = generate.Group("refused")
    operators(g)
    attributes(g)
    structures(g)
    return g


def unary(g, op, *words, opset=13, dims=(1, 2, 4, 4), **attributes):
    made = helper.make_node(op, ["x"], ["y"], name=f"my_{op}", **attributes)
    g.refuse(f"refused_{op.lower()}", model([made], list(dims), opset=opset), f"my_{op}", f"({op})", *words)


def operators(g):
    for op in ["Erf", "Softplus", "Elu", "Selu", "Mish"]:
        unary(g, op, "no engine computes this function", opset=20)
    unary(g, "Floor", "jumps")
    unary(g, "Trilu", "triangles", opset=14)
    unary(g, "LRN", "normalisations", size=3)
    unary(g, "ReduceL2", "norms")
    w = {"w": noise(2, 2, 3, 3), "s": noise(2), "b": noise(2)}
    g.refuse("refused_convtranspose", model([node("ConvTranspose", "x w", "y")], [1, 2, 4, 4], w), "transposed")
    g.refuse("refused_instancenorm", model([node("InstanceNormalization", "x s b", "y")], [1, 2, 4, 4], w), "statistics")
    layer = {"s": noise(3)}
    g.refuse("refused_layernorm", model([node("LayerNormalization", "x s", "y")], [2, 4], layer, 17), "scale does not fit")
    sizes = {"s": np.float32([1, 1, 2, 2])}
    g.refuse("refused_resize", model([node("Resize", "x  s", "y")], [1, 2, 4, 4], sizes), "resampling")
    g.refuse("refused_upsample", model([node("Upsample", "x s", "y")], [1, 2, 4, 4], sizes, 9), "resampling")
    lstm = {"q": noise(1, 8, 3), "r": noise(1, 8, 2)}
    g.refuse("refused_lstm", model([node("LSTM", "x q r", "y", hidden_size=2)], [2, 1, 3], lstm), "recurrent")
    inner = helper.make_graph([node("Relu", "x", "z")], "inner", [], [helper.make_tensor_value_info("z", 1, [2])])
    branch = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    g.refuse("refused_if", model([branch], [2], {"c": np.array(True)}), "graphs within graphs")
    loop = helper.make_node("Loop", ["n", "", "x"], ["y"], body=inner)
    g.refuse("refused_loop", model([loop], [2], {"n": np.array(3)}), "graphs within graphs")
    scales = {"s": np.float32(0.1), "z": np.int8(0)}
    quantised = [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "y")]
    g.refuse("refused_quantised", model(quantised, [2, 4], scales), "QuantizeLinear", "DequantizeLinear", "floating point")
    fused = helper.make_node("FusedConv", ["x", "w"], ["y"], domain="com.microsoft")
    g.refuse("refused_microsoft", model([fused], [1, 2, 4, 4], w), "com.microsoft.FusedConv", "optimisations of a runtime")
    other = helper.make_node("Mine", ["x"], ["y"], domain="example.org")
    g.refuse("refused_domain", model([other], [2]), "example.org.Mine", "other domains")
    g.refuse("refused_unknown", model([node("Frobnicate", "x", "y")], [2]), "Frobnicate", "not imported")
    g.refuse("refused_nonzero", model([node("NonZero", "x", "y")], [2, 3]), "depends on values")
    several = [
        node("Softplus", "x", "a"), node("Relu", "a", "b"), node("Selu", "b", "c"), node("Erf", "x", "d"), node("Add", "c d", "y")
    ]
    g.refuse("refused_several", model(several, [2, 3]), "Softplus_0", "Selu_2", "Erf_3")
    many = [node("Elu", "x" if i == 0 else f"v{i}", f"v{i + 1}") for i in range(40)]
    g.refuse("refused_many", model(many, [2], output="v40"), "Elu_31", "and 8 more nodes")


def attributes(g):
    def one(name, made, dims, constants, *words, opset=13):
        g.refuse(f"refused_{name}", model([made], dims, constants, opset), *words)

    one("div_zero", node("Div", "x c", "y"), [3], {"c": np.float32([1, 0, 2])}, "divides by zero")
    one("pow", node("Pow", "x c", "y"), [2, 3], {"c": np.float32(2.5)}, "of all powers")
    conv3 = {"w": noise(2, 2, 2, 2, 2)}
    one("conv3d", node("Conv", "x w", "y"), [1, 2, 4, 4, 4], conv3, "one to four dimensions")
    g.refuse("refused_conv_dynamic", model([node("Conv", "x x", "y")], [2, 2, 2, 2]), "must be a constant")
    one("conv_shape", node("Conv", "x w", "y"), [1, 3, 4, 4], {"w": noise(2, 2, 3, 3)}, "does not fit 3 channels")
    one("conv_large", node("Conv", "x w", "y"), [1, 2, 2, 2], {"w": noise(2, 2, 3, 3)}, "does not fit into 2")
    one("conv_pads", node("Conv", "x w", "y", pads=[-1, 0, 0, 0]), [1, 2, 5, 5], {"w": noise(2, 2, 3, 3)}, "negative")
    one("conv_nan", node("Conv", "x w", "y"), [1, 1, 2, 2], {"w": np.full([1, 1, 1, 1], np.nan)}, "not finite")
    one("maxpool_dilated", node("MaxPool", "x", "y", kernel_shape=[2, 2], dilations=[2, 2]), [1, 1, 5, 5], {}, "dilated")
    places = node("MaxPool", "x", "y i", kernel_shape=[2, 2])
    g.refuse("refused_maxpool_places", model([places], [1, 1, 4, 4]), "places of the maxima")
    training = node("BatchNormalization", "x s s s s", "y", training_mode=1)
    one("batchnorm_training", training, [1, 2, 3, 3], {"s": np.float32([1, 2])}, "training", opset=15)
    one("dropout_training", node("Dropout", "x r t", "y"), [2], {"r": np.float32(0.5), "t": np.array(True)}, "training")
    g.refuse("refused_matmul_values", model([node("MatMul", "x x", "y")], [3, 4]), "do not fit")
    one("matmul_batch", node("MatMul", "x w", "y"), [2, 3, 4], {"w": noise(3, 4, 5)}, "do not fit")
    one("pad_value", node("Pad", "x p v", "y"), [2, 2], {"p": np.array([0, 1, 0, 1]), "v": np.float32(1)}, "than zero")
    one("pad_negative", node("Pad", "x p", "y"), [2, 3], {"p": np.array([0, -1, 0, 0])}, "cuts off")
    one("pad_wrap", node("Pad", "x p", "y", mode="wrap"), [2, 3], {"p": np.array([0, 1, 0, 0])}, "`wrap`", opset=19)
    one("clip_vector", node("Clip", "x lo", "y"), [2], {"lo": np.float32([0, 1])}, "single number")
    one("argmin", node("ArgMin", "x", "y", axis=1), [2, 3], {}, "not imported")
    one("argmax_last", node("ArgMax", "x", "y", axis=1, select_last_index=1), [2, 3], {}, "takes the last")
    after = [node("ArgMax", "x", "a", axis=1), node("Cast", "a", "f", to=1), node("Add", "f f", "y")]
    g.refuse("refused_argmax_used", model(after, [2, 3]), "computes with the class")
    one("reducemin", node("ReduceMin", "x", "y"), [2, 3], {}, "minima")
    one("gather_values", node("Gather", "x i", "y"), [5], {"i": np.array([0, 1, 4])}, "equally far apart")
    one("cast_integer", node("Cast", "x", "y", to=7), [2], {}, "rounded")
    one("reshape", node("Reshape", "x s", "y"), [2, 3], {"s": np.array([4, 2])}, "cannot become")
    one("broadcast", node("Add", "x c", "y"), [2, 3], {"c": noise(4)}, "cannot broadcast")
    endless = {"c": np.float32([[0, -np.inf, 0]])}
    one("mask_without_softmax", node("Add", "x c", "y"), [2, 3], endless, "the mask of a softmax")
    one("mask_not_a_number", node("Add", "x c", "y"), [2, 3], {"c": np.float32([[0, np.nan, 0]])}, "not finite")
    filled = [node("Where", "m x c", "z"), node("Relu", "z", "y")]
    mask = {"m": np.array([[True, False, True]]), "c": np.float32(-np.inf)}
    g.refuse("refused_where_endless", model(filled, [2, 3], mask), "the mask of a softmax")
    chosen = [node("Greater", "x c", "m"), node("Where", "m x x", "y")]
    g.refuse("refused_where_values", model(chosen, [2, 3], {"c": np.float32(0)}), "depend on values")
    one("softmax_axis", node("Softmax", "x", "y", axis=7), [2, 3], {}, "no axis 7")
    g.refuse("refused_missing_weight", model([node("Conv", "x", "y")], [1, 2, 3, 3]), "input 1 is missing")


def structures(g):
    relu = node("Relu", "x", "y")
    g.refuse("refused_cycle", model([node("Add", "x b", "a"), node("Relu", "a", "b")], [2], output="b"), "its own result")
    g.refuse("refused_twice", model([node("Relu", "x", "y"), node("Neg", "x", "y")], [2]), "`y` is made twice")
    g.refuse("refused_missing", model([node("Add", "x nothing", "y")], [2]), "`nothing`, which nothing makes")
    g.refuse("refused_no_output", model([relu], [2], output="z"), "nothing makes its output `z`")
    two = model([node("Add", "x z", "y")], [2])
    two.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [2]))
    g.refuse("refused_two_inputs", two, "2 inputs", "x, z")
    outputs = model([relu, node("Neg", "x", "z")], [2])
    outputs.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [2]))
    g.refuse("refused_two_outputs", outputs, "2 outputs", "y, z")
    g.refuse("refused_wrong_output", outputs, "no output `w`", output="w")
    g.refuse("refused_old", model([relu], [2], opset=6), "version 6", "7 to 28")
    g.refuse("refused_new", model([relu], [2], opset=99), "version 99")
    free = model([relu], ["n", 3, "height", 4])
    g.refuse("refused_dynamic", free, "input `x`", "`height`", "give its size")
    g.refuse("refused_shape", free, "cannot be [4, 5]", shape=[1, 3, 3, 5])
    g.refuse("refused_batch", model([relu], [1, 3]), "cannot be [1, 2]", batch=2)
    g.refuse("refused_rank", model([relu], [1, 1, 1, 1, 2]), "one to four dimensions")
    g.refuse("refused_integers", model([relu], [2], kind=TensorProto.UINT8), "neither real numbers nor tokens")
    tokens(g)
    g.refuse("refused_constant_output", model([node("Relu", "c", "y")], [2], {"c": noise(2)}), "does not depend")
    g.refuse("refused_huge_input", model([relu], [1 << 20, 1 << 10]), "elements of its input")
    g.refuse("refused_overflow", model([relu], [1 << 40, 1 << 40]), "more than 2^31 elements")
    bomb = {"s": np.array([1 << 15, 1 << 15])}
    g.refuse("refused_bomb", model([node("Expand", "x s", "y")], [1, 1], bomb), "more than 268435456 elements")
    made = [node("ConstantOfShape", "s", "c"), node("Add", "x c", "y")]
    g.refuse("refused_bomb_constant", model(made, [1, 1], bomb), "more constants are made")
    steps = [node("Expand", "c s", "d"), node("Add", "x d", "y")]
    g.refuse("refused_bomb_expand", model(steps, [1, 1], bomb | {"c": noise(1, 1)}), "more constants are made")
    far = [node("Range", "a b a", "r"), node("Add", "x r", "y")]
    g.refuse("refused_bomb_range", model(far, [1], {"a": np.array(1), "b": np.array(1 << 60)}), "more constants are made")
    doubling = [node("Concat", f"c{i} c{i}", f"c{i + 1}", axis=0) for i in range(40)]
    g.refuse("refused_bomb_concat", model(doubling + [node("Add", "x c40", "y")], [1], {"c0": noise(64)}), "are made")
    short = model([node("Add", "x c", "y")], [3])
    short.graph.initializer.append(tensor("c", noise(3)))
    short.graph.initializer[0].raw_data = b"1234"
    g.refuse("refused_short", short, "tensor `c`", "4 bytes")
    outside = model([node("Add", "x c", "y")], [3])
    outside.graph.initializer.append(tensor("c", noise(3)))
    weight = outside.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../Cargo.toml")
    g.refuse("refused_outside", outside, "outside its folder", external=True)
    g.refuse("refused_no_folder", outside, "no folder")
    g.refuse("refused_text", b"\x89PNG\r\n\x1a\n", "not an ONNX model")
    g.refuse("refused_empty", b"", "no ONNX file")


def tokens(g):
    def one(name, nodes, constants, *words, dims=(1, 4), **options):
        g.refuse(f"refused_tokens_{name}", model(nodes, list(dims), constants, kind=TensorProto.INT64), *words, **options)

    table, look_up = {"t": noise(5, 3)}, node("Gather", "t x", "y")
    one("computed", [node("Add", "x c", "y")], {"c": np.array(1)}, "(Add)", "numbers of tokens")
    one("compared", [node("Equal", "x c", "y")], {"c": np.array(1)}, "(Equal)", "numbers of tokens")
    one("alone", [node("Identity", "x", "y")], {}, "no table of embeddings")
    one("axis", [node("Gather", "t x", "y", axis=1)], table, "another axis")
    both = [node("Gather", "t x", "a"), node("Gather", "u x", "b"), node("Add", "a b", "y")]
    one("two_tables", both, table | {"u": noise(6, 3)}, "6 rows", "has 5")
    one("length", [look_up], table, "`n`", "give its size", dims=(1, "n"))
    one("fixed", [look_up], table, "no input `m`", "it has x", fixed={"m": "1"})
