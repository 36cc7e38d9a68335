"""Small graphs with the functions and products that transformers are made of, in all the ways in which they are written."""

import generate
import numpy as np
import onnxruntime
from grid import node, tensor
from onnx import TensorProto, checker, helper

RNG = np.random.default_rng(2)


def noise(*shape, scale=1.0):
    return (RNG.uniform(-1, 1, shape) * scale).astype(np.float32)


class Functions:
    def __init__(self):
        self.group = generate.Group("functions")

    def add(self, name, nodes, dims, constants=None, opset=13, ending="none", x=None, others=None, fixed=None, kind=1, **options):
        """`others` are inputs that are fixed, with what is fed to them; `fixed` says so to the import."""
        nodes = nodes if isinstance(nodes, list) else [nodes]
        x = noise(*dims, scale=3) if x is None else x
        inputs = [helper.make_tensor_value_info("x", kind, dims)]
        for k, v in (others or {}).items():
            kinds = {np.dtype("int64"): TensorProto.INT64, np.dtype("float32"): TensorProto.FLOAT, np.dtype(bool): TensorProto.BOOL}
            inputs.append(helper.make_tensor_value_info(k, kinds[v.dtype], v.shape))
        initializers = [tensor(k, v) for k, v in (constants or {}).items()]
        outputs = [helper.make_tensor_value_info(nodes[-1].output[0], 1, None)]
        graph = helper.make_graph(nodes, "functions", inputs, outputs, initializers)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8 if opset < 22 else 10)
        feed = {"x": x if kind == 1 else x.astype(np.int64)} | (others or {})
        session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
        want = session.run(None, feed)[0]
        for d in want.shape:
            made.graph.output[0].type.tensor_type.shape.dim.add().dim_value = d
        checker.check_model(made)
        if fixed:
            options["fixed"] = fixed
        self.group.add(name, made, x, ending, want, **options)


def functions():
    g = Functions()
    elements(g)
    gates(g)
    norms(g)
    softmaxes(g)
    masks(g)
    products(g)
    attention(g)
    tokens(g)
    return g.group


def positive(*dims):
    return np.abs(noise(*dims, scale=3)) + 0.2


def elements(g):
    for op in ["Exp", "Sigmoid", "Tanh"]:
        g.add(op.lower(), node(op, "x", "y"), [2, 3, 4])
    for op in ["Log", "Sqrt", "Reciprocal"]:
        g.add(op.lower(), node(op, "x", "y"), [2, 5], x=positive(2, 5))
    g.add("gelu_20", node("Gelu", "x", "y"), [2, 7], opset=20)
    g.add("gelu_tanh_20", node("Gelu", "x", "y", approximate="tanh"), [2, 7], opset=20)
    g.add("hardsigmoid", node("HardSigmoid", "x", "y", alpha=0.25), [2, 7])
    g.add("hardswish", node("HardSwish", "x", "y"), [2, 7], opset=14)
    for name, c in [("cube", 3.0), ("root", 0.5), ("inverse_root", -0.5), ("inverse", -1.0)]:
        g.add(f"pow_{name}", node("Pow", "x c", "y"), [2, 5], {"c": np.float32(c)}, x=positive(2, 5))
    double = [node("Add", "x c", "d"), node("Div", "x d", "y")]
    g.add("div_values", double, [2, 5], {"c": noise(5)}, x=positive(2, 5) + 1)
    g.add("div_first", node("Div", "c x", "y"), [2, 5], {"c": noise(5)}, x=positive(2, 5))
    rms = [node("Mul", "x x", "s"), node("ReduceSum", "s a", "t"), node("Sqrt", "t", "r"), node("Div", "x r", "y")]
    g.add("div_by_root", rms, [2, 3, 5], {"a": np.array([-1])})
    g.add("concat_constant", node("Concat", "c x d", "y", axis=1), [1, 3, 4], {"c": noise(1, 1, 4), "d": noise(1, 2, 4)})


def gates(g):
    """x/2 (1 + erf(x / sqrt 2)) and its like, in every order."""
    c = {"h": np.float32(0.5), "one": np.float32(1), "r": np.float32(np.sqrt(2)), "i": np.float32(np.sqrt(0.5))}
    erf = [node("Div", "x r", "a"), node("Erf", "a", "e"), node("Add", "e one", "p")]
    orders = {
        "half_last": [node("Mul", "x p", "m"), node("Mul", "m h", "y")],
        "half_first": [node("Mul", "x h", "m"), node("Mul", "m p", "y")],
        "half_inside": [node("Mul", "p h", "m"), node("Mul", "x m", "y")],
        "divided": [node("Mul", "p x", "m"), node("Add", "one one", "two"), node("Div", "m two", "y")],
    }
    for name, rest in orders.items():
        g.add(f"erf_{name}", erf + rest, [2, 9], c)
    times = [node("Mul", "i x", "a"), node("Erf", "a", "e"), node("Mul", "e h", "f"), node("Add", "h f", "p")]
    g.add("erf_spread", times + [node("Mul", "p x", "y")], [2, 9], c)
    renamed = [node(n.op_type, " ".join(n.input).replace("x", "z"), n.output[0]) for n in erf + orders["half_last"]]
    g.add("erf_of_sum", [node("Add", "x one", "z")] + renamed, [2, 9], c)
    t = {"c": np.float32(0.044715), "k": np.float32(np.sqrt(2 / np.pi)), "three": np.float32(3)} | c
    end = [node("Tanh", "a", "e"), node("Add", "e one", "p"), node("Mul", "x h", "m"), node("Mul", "m p", "y")]
    pow3 = [node("Pow", "x three", "q"), node("Mul", "q c", "w"), node("Add", "x w", "s"), node("Mul", "s k", "a")]
    g.add("tanh_pow", pow3 + end, [2, 9], t)
    horner = [
        node("Mul", "x x", "q"), node("Mul", "c q", "w"), node("Add", "one w", "s"), node("Mul", "x k", "v"), node("Mul", "v s", "a")
    ]
    g.add("tanh_horner", horner + end, [2, 9], t)
    silu = [node("Sigmoid", "x", "s"), node("Mul", "s x", "y")]
    g.add("silu", silu, [2, 9])
    quick = [node("Mul", "x q", "a"), node("Sigmoid", "a", "s"), node("Mul", "x s", "y")]
    g.add("quick_gelu", quick, [2, 9], {"q": np.float32(1.702)})
    shared = [node("Sigmoid", "x", "s"), node("Mul", "s x", "m"), node("Add", "m s", "y")]
    g.add("sigmoid_shared", shared, [2, 9])


def norms(g):
    s = {"s": noise(6) + 1, "b": noise(6)}
    g.add("layernorm", node("LayerNormalization", "x s b", "y", epsilon=1e-3), [2, 3, 6], s, 17)
    g.add("layernorm_without", node("LayerNormalization", "x s", "y"), [2, 3, 6], {"s": noise(6)}, 17)
    both = {"s": noise(3, 6), "b": noise(6)}
    g.add("layernorm_two", node("LayerNormalization", "x s b", "y", axis=1), [2, 3, 6], both, 17)
    g.add("rmsnorm", node("RMSNormalization", "x s", "y"), [2, 3, 6], {"s": noise(6)}, 23)
    eps = {"e": np.float32(1e-2), "two": np.float32(2), "h": np.float32(0.5), "n": np.float32(-0.5), "one": np.float32(1)} | s
    mean = [node("ReduceMean", "x", "m", axes=[-1]), node("Sub", "x m", "d")]
    square = mean + [node("Mul", "d d", "q"), node("ReduceMean", "q", "v", axes=[-1]), node("Add", "e v", "w")]
    affine = [node("Mul", "s z", "u"), node("Add", "u b", "y")]
    ways = {
        "sqrt": [node("Sqrt", "w", "r"), node("Div", "d r", "z")],
        "pow": [node("Pow", "w h", "r"), node("Div", "d r", "z")],
        "reciprocal": [node("Sqrt", "w", "r"), node("Reciprocal", "r", "i"), node("Mul", "d i", "z")],
        "inverse": [node("Sqrt", "w", "r"), node("Div", "one r", "i"), node("Mul", "i d", "z")],
        "minus_half": [node("Pow", "w n", "r"), node("Mul", "d r", "z")],
    }
    for name, way in ways.items():
        g.add(f"norm_{name}", square + way + affine, [2, 3, 6], eps)
    # The second axis, which is not the last, with a difference of its own.
    again = [
        node("ReduceMean", "x", "m", axes=[1]), node("Sub", "x m", "d"), node("Sub", "x m", "d2"), node("Pow", "d2 two", "q"),
        node("ReduceMean", "q", "v", axes=[1]), node("Add", "v e", "w"), node("Sqrt", "w", "r"), node("Div", "d r", "y"),
    ]
    g.add("norm_second_axis", again, [2, 6, 3, 2], eps)
    apart = [node("ReduceMean", "d", "v", axes=[-1]), node("Add", "v e", "w"), node("Sqrt", "w", "r"), node("Div", "x r", "y")]
    g.add("norm_not", [node("Mul", "x x", "d")] + apart, [2, 6], eps)


def softmaxes(g):
    then = node("Add", "z c", "y")
    c = {"c": np.float32(0.25)}
    for op in ["Softmax", "LogSoftmax"]:
        for axis in [0, 1, 2, 3]:
            g.add(f"{op.lower()}_middle_{axis}", [node(op, "x", "z", axis=axis), then], [2, 3, 4, 3], c)
        g.add(f"{op.lower()}_middle_11", [node(op, "x", "z", axis=2), then], [2, 3, 4, 2], c, 11)
    g.add("softmax_rows", node("Softmax", "x", "y", axis=-1), [1, 3, 5], ending="softmax_rows")
    g.add("logsoftmax_rows", node("LogSoftmax", "x", "y", axis=-1), [1, 3, 5], ending="logsoftmax_rows")
    hand = [node("Exp", "d", "e"), node("ReduceSum", "e a", "s"), node("Div", "e s", "y")]
    most = [node("ReduceMax", "x", "m", axes=[-1]), node("Sub", "x m", "d")]
    g.add("softmax_by_hand", most + hand, [2, 3, 5], {"a": np.array([-1])})
    g.add("softmax_by_hand_bare", [node("Exp", "x", "e")] + hand[1:], [2, 3, 5], {"a": np.array([1])})


def masks(g):
    soft = node("Softmax", "z", "y", axis=-1)
    square = np.triu(np.full([4, 4], -np.inf), 1).astype(np.float32)
    g.add("mask_causal", [node("Add", "x c", "z"), soft], [1, 2, 4, 4], {"c": square}, ending="softmax_rows")
    g.add("mask_causal_1", [node("Add", "c x", "z"), soft, node("Add", "y y", "w")], [3, 4, 4], {"c": square[None]})
    finite = np.maximum(square, np.finfo(np.float32).min)
    g.add("mask_finite", [node("Add", "x c", "z"), soft, node("Add", "y y", "w")], [4, 4], {"c": finite})
    columns = np.float32([[[[0, 0, -10000, 0, -10000]]]])
    g.add("mask_columns", [node("Add", "x c", "z"), soft, node("Add", "y y", "w")], [1, 2, 3, 5], {"c": columns})
    biased = np.where(square == 0, noise(4, 4), square)
    g.add("mask_biased", [node("Add", "x c", "z"), soft, node("Add", "y y", "w")], [1, 2, 4, 4], {"c": biased})
    bounded = [node("Add", "x c", "s"), node("Max", "s d", "z"), soft, node("Add", "y y", "w")]
    g.add("mask_bounded", bounded, [1, 2, 4, 4], {"c": square, "d": np.float32(np.finfo(np.float32).min)})
    late = np.triu(np.full([3, 5], -np.inf), 3).astype(np.float32)
    g.add("mask_not_square", [node("Add", "x c", "z"), soft, node("Add", "y y", "w")], [2, 3, 5], {"c": late})
    lower = np.tril(np.ones([4, 4], bool))
    c = {"m": lower, "c": np.float32(-np.inf), "d": noise(4), "k": np.float32(7)}
    g.add("where_causal", [node("Where", "m x c", "z"), soft, node("Add", "y y", "w")], [2, 2, 4, 4], c)
    g.add("where_swapped", [node("Not", "m", "n"), node("Where", "n c x", "z"), soft, node("Add", "y y", "w")], [2, 4, 4], c)
    g.add("where_number", node("Where", "m k x", "y"), [2, 4, 4], c)
    g.add("where_vector", node("Where", "m x d", "y"), [2, 4, 4], c)
    g.add("where_values", [node("Mul", "x x", "s"), node("Where", "m x s", "y")], [2, 4, 4], c)
    g.add("where_all", [node("Or", "m n", "a"), node("Where", "a x k", "y")], [2, 4, 4], c | {"n": ~lower})
    nan = [node("Softmax", "x", "s", axis=-1), node("IsNaN", "s", "n"), node("Where", "n k s", "y")]
    g.add("where_nan", nan, [2, 4, 4], c)
    # As BERT makes its mask of an input.
    made = [
        node("Unsqueeze", "attention_mask a", "u"), node("Cast", "u", "f", to=1), node("Sub", "one f", "i"),
        node("Mul", "i least", "n"), node("Add", "x n", "z"), soft, node("Add", "y y", "w"),
    ]
    least = {"a": np.array([1, 2]), "one": np.float32(1), "least": np.float32(-3.4e38)}
    ones = np.ones([1, 5], np.int64)
    g.add("mask_of_ones", made, [1, 2, 5, 5], least, others={"attention_mask": ones})
    renamed = [node("Unsqueeze", "padding a", "u")] + made[1:]
    g.add("mask_fixed", renamed, [1, 2, 5, 5], least, others={"padding": ones}, fixed={"padding": "1"})
    running = [node("CumSum", "m axis", "p"), node("Cast", "p", "f", to=1), node("Add", "x f", "y")]
    g.add("mask_summed", running, [2, 5], {"axis": np.array(1)}, others={"m": ones}, fixed={"m": "1"})


def attention(g):
    def one(name, shape, constants, inputs, **attributes):
        made = node("Attention", inputs, "z", **attributes)
        g.add(f"attention_{name}", [made, node("Relu", "z", "y")], shape, constants, 23)

    one("four", [1, 2, 4, 6], {}, "x x x")
    one("causal", [1, 2, 4, 6], {}, "x x x", is_causal=1, scale=0.5)
    mask = np.triu(np.full([4, 4], -np.inf), 1).astype(np.float32)
    one("masked", [1, 2, 4, 6], {"m": mask + np.tril(noise(4, 4))}, "x x x m")
    one("chosen", [1, 2, 4, 6], {"m": np.tril(np.ones([4, 4], bool), 1)}, "x x x m")
    one("three", [2, 4, 6], {}, "x x x", q_num_heads=3, kv_num_heads=3)
    shared = [
        node("Slice", "x s e a", "k"), node("Attention", "x k k", "z", q_num_heads=3, kv_num_heads=1), node("Relu", "z", "y")
    ]
    g.add("attention_shared", shared, [2, 4, 6], {"s": np.array([2]), "e": np.array([4]), "a": np.array([2])}, 23)


def products(g):
    square = node("MatMul", "x t", "y")
    for name, dims, perm in [("two", [3, 4], [1, 0]), ("three", [2, 3, 4], [0, 2, 1])]:
        g.add(f"matmul_values_{name}", [node("Transpose", "x", "t", perm=perm), square], dims)
    g.add("matmul_values_square", node("MatMul", "x x", "y"), [2, 3, 3])
    shapes = {"a": np.array([2, 2, 1, 3, 4]), "b": np.array([1, 1, 4, 4, 3]), "s": np.array([4, 4, 9])}
    deep = [node("Reshape", "x a", "l"), node("Reshape", "x b", "r"), node("MatMul", "l r", "y5"), node("Reshape", "y5 s", "y")]
    g.add("matmul_values_deep", deep, [2, 2, 3, 4], shapes)
    row = {"s": np.array([0]), "e": np.array([1]), "a": np.array([0])}
    vector = [node("Slice", "x s e a", "v1"), node("Squeeze", "v1 a", "v")]
    g.add("matmul_vector_first", vector + [node("MatMul", "v x", "y")], [3, 3], row)
    g.add("matmul_vector_second", vector + [node("MatMul", "x v", "y")], [3, 3], row)
    g.add("matmul_vectors", vector + [node("MatMul", "v v", "y1"), node("Unsqueeze", "y1 a", "y")], [2, 5], row)
    g.add("matmul_constant_first", node("MatMul", "w x", "y"), [2, 4, 3], {"w": noise(5, 4)})
    g.add("matmul_constant_batch", node("MatMul", "x w", "y"), [2, 3, 4], {"w": noise(2, 4, 5)})
    g.add("matmul_constant_batch_first", node("MatMul", "w x", "y"), [4, 3], {"w": noise(2, 5, 4)})
    values = [node("Relu", "x", "r"), node("Gemm", "x r r", "y", transB=1, alpha=0.5, beta=2.0)]
    g.add("gemm_values", values, [3, 3])
    g.add("gemm_value_added", node("Gemm", "x w x", "y", transA=1), [3, 3], {"w": noise(3, 3)})
    scaled = [
        node("MatMul", "x w", "q"), node("MatMul", "x v", "k"), node("Transpose", "k", "t", perm=[0, 2, 1]),
        node("MatMul", "q t", "s"), node("Div", "s d", "z"), node("Relu", "z", "y"),
    ]
    g.add("scale_into_weights", scaled, [2, 3, 4], {"w": noise(4, 4), "v": noise(4, 4), "d": np.float32(2)})
    fused = [
        node("MatMul", "x w", "f"), node("Split", "f", "q k v", axis=-1), node("Mul", "k d", "kd"), node("Mul", "q kd", "p"),
        node("Add", "p v", "y"),
    ]
    g.add("scale_part_of_weights", fused, [2, 3, 4], {"w": noise(4, 12), "d": np.float32([0.25])})
    kept = [node("MatMul", "x w", "f"), node("Mul", "f d", "k"), node("Add", "f k", "y")]
    g.add("scale_of_shared", kept, [2, 3, 4], {"w": noise(4, 4), "d": np.float32([0.25])})


def tokens(g):
    def one(name, nodes, dims, constants, **more):
        ids = RNG.integers(0, 5, dims).astype(np.float32)
        g.add(f"tokens_{name}", nodes, dims, constants, x=ids, kind=TensorProto.INT64, **more)

    table = {"t": noise(5, 3)}
    one("plain", node("Gather", "t x", "y"), [1, 4], table)
    one("line", node("Gather", "t x", "y"), [4], table)
    one("batch", node("Gather", "t x", "y"), [2, 4], table)
    one("deep", node("Gather", "t x", "y"), [1, 4], {"t": noise(5, 2, 3)})
    first = {"s": np.array([0]), "e": np.array([2]), "a": np.array([1])}
    one("slice", [node("Slice", "x s e a", "z"), node("Gather", "t z", "y")], [2, 4], table | first)
    two = [node("Cast", "x", "z", to=6), node("Gather", "t z", "a"), node("Gather", "u x", "b"), node("Add", "a b", "y")]
    one("two_tables", two, [1, 4], table | {"u": noise(5, 3)})
    places = [node("Gather", "t x", "a"), node("Gather", "p position_ids", "b"), node("Add", "a b", "y")]
    one("places", places, [1, 4], table | {"p": noise(9, 3)}, others={"position_ids": np.array([[0, 1, 2, 3]])})
    places[1] = node("Gather", "p at", "b")
    at = {"at": np.array([[0, 1, 2, 3]])}
    one("places_fixed", places, [1, 4], table | {"p": noise(9, 3)}, others=at, fixed={"at": "places"})
    shape = [
        node("Gather", "t x", "a"), node("Shape", "x", "s"), node("ConstantOfShape", "s", "z"), node("Unsqueeze", "z last", "u"),
        node("Add", "a u", "y"),
    ]
    one("shape", shape, [1, 4], table | {"last": np.array([2])})
