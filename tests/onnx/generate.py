"""Makes the files of `data/`: ONNX models, inputs for them, and what onnxruntime computes.

    python -m venv v && v/bin/pip install onnx onnxruntime torch torchvision onnxscript
    v/bin/python tests/onnx/generate.py
    python -m venv t && t/bin/pip install tensorflow-cpu tf2onnx onnxruntime
    t/bin/python tests/onnx/generate.py tensorflow

Each group of cases is a JSON list beside the models; a case NAME has NAME.onnx and NAME.f32: its input and its expected
output, little-endian, one after the other. Models that must be refused have the words that the refusal must contain.
"""

import json
import os
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

DATA = pathlib.Path(__file__).parent / "data"
# The newest that onnxruntime promises to compute as the standard says.
NEWEST = 26


class Group:
    """The cases of one list."""

    def __init__(self, name):
        self.name, self.cases = name, []

    def add(self, name, model, x, ending="none", want=None, tolerance=None, **options):
        """Adds a model with its input; `want` is the expected output if a runtime is not asked for it."""
        data = model if isinstance(model, bytes) else model.SerializeToString()
        (DATA / f"{name}.onnx").write_bytes(data)
        x = np.asarray(x, np.float32)
        if want is None:
            want = run(data, x, options.get("output"))
        want = np.asarray(want, np.float32)
        assert np.isfinite(want).all(), name
        (DATA / f"{name}.f32").write_bytes(x.astype("<f4").tobytes() + want.astype("<f4").tobytes())
        case = {"name": name, "input": list(x.shape), "output": list(want.shape), "ending": ending}
        if tolerance:
            case["tolerance"] = tolerance
        self.cases.append(case | {"options": options} if options else case)

    def refuse(self, name, model, *words, **options):
        """Adds a model that must be refused with all of these words."""
        data = model if isinstance(model, bytes) else model.SerializeToString()
        (DATA / f"{name}.onnx").write_bytes(data)
        case = {"name": name, "words": list(words)}
        self.cases.append(case | {"options": options} if options else case)

    def write(self):
        text = ",\n".join(json.dumps(c) for c in self.cases)
        (DATA / f"{self.name}.json").write_text(f"[\n{text}\n]\n")
        print(f"{self.name}: {len(self.cases)} cases")


def run(model, x, output=None):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    if session.get_inputs()[0].type == "tensor(float16)":
        x = x.astype(np.float16)
    if session.get_inputs()[0].type == "tensor(double)":
        x = x.astype(np.float64)
    return session.run([output] if output else None, {name: x})[0]


def main():
    DATA.mkdir(exist_ok=True)
    if sys.argv[1:] == ["tensorflow"]:
        import from_tensorflow

        groups = [from_tensorflow.networks()]
    else:
        import from_torch
        import from_transformers
        import functions
        import grid
        import refused

        groups = [grid.operators(), grid.files(), from_torch.networks()]
        groups += [from_transformers.networks(), functions.functions(), refused.models()]
    for group in groups:
        group.write()


if __name__ == "__main__":
    # The groups import this module by its name.
    sys.modules["generate"] = sys.modules["__main__"]
    sys.path.insert(0, os.fspath(pathlib.Path(__file__).parent))
    main()
